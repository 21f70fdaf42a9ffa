"""Texts that steer terminals, hide, run as markup or have no width: seeded, so that a failure comes again."""

from __future__ import annotations

import random
import unicodedata
from typing import Final

LONGEST: Final = 10_000

#: Pieces that steer terminals, hide, have odd widths, or mean something to somebody.
FRAGMENTS: Final = (
    # operating system commands: title, link, clipboard, colours, notifications, images
    *("\x1b]0;owned\x07", "\x1b]2;owned\x1b\\", "\x1b]8;;http://example.com/\x1b\\x\x1b]8;;\x1b\\"),
    *("\x1b]52;c;b3duZWQ=\x07", "\x1b]4;0;#000000\x07", "\x1b]9;hello\x07", "\x1b]777;notify;a;b\x07"),
    *("\x1b]1337;File=inline=1:AAAA\x07", "\x1b]133;A\x07", "\x1b]10;?\x07", "\x1b]50;x\x07"),
    # control sequences: clear, move, colours, modes, reports, scrolling, tabs
    *("\x1b[2J", "\x1b[3J", "\x1b[H", "\x1b[99;99H", "\x1b[31mred", "\x1b[0m", "\x1b[?1049l", "\x1b[?25l"),
    *("\x1b[?1000h", "\x1b[6n", "\x1b[c", "\x1b[>0q", "\x1b[21t", "\x1b[8;5;5t", "\x1b[5S", "\x1b[4i"),
    *("\x1b[?2026h", "\x1b[>1u", "\x1b[20h", "\x1b[4h", "\x1b[1;5r", "\x1b[\"p"),
    # device control strings, reset, charsets, keypad, and all that cut in the middle
    *("\x1bP1$r0m\x1b\\", "\x1bPq#0;2;0;0;0\x1b\\", "\x1b_Gf=24;AAAA\x1b\\", "\x1b^x\x1b\\", "\x1bXx\x1b\\"),
    *("\x1bc", "\x1b(0", "\x1b)B", "\x1b=", "\x1b#8", "\x1b7", "\x1b8", "\x1bM", "\x1bZ", "\x1b", "\x1b["),
    *("\x1b]", "\x1bP", "\x1b]0;open", "\x9b31m", "\x9d0;t\x9c", "\x90q\x9c", "\x9f", "\x84", "\x85"),
    # single controls
    *("\0", "\a", "\b\b\b\b", "\t", "\n", "\v", "\f", "\r", "\x0e", "\x0f", "\x11", "\x13", "\x18", "\x1a"),
    "\x7f",
    # direction, joining, nothing to see
    *("\u202egnp.exe", "\u202d", "\u2066a\u2069", "\u2067", "\u200f", "\u061c", "\u200b", "\u200c", "\u200d"),
    *("\u2060", "\ufeff", "\u00ad", "\u034f", "\u180e", "\u3164", "\u115f", "\u2800", "\U000e0041", "\ufff9"),
    *("\u2028", "\u2029", "\u00a0", "\u3000", "\u2003", "\ud800", "\udfff", "\ue000", "\U000f0000", "\uffff"),
    # widths
    *("日本語", "한국어", "\u1112\u1161\u11ab", "\uff21\uff22", "\ufdfa", "\ua9c5", "e\u0301"),
    *("Z\u0351\u036b\u0343\u036a", "\u0e01\u0e33\u0e47", "\u0915\u094d\u0937\u093f", "\u0644\u0627"),
    *("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f44d\U0001f3fd", "\U0001f1e9\U0001f1ea"),
    *("\u2764\ufe0f", "\u2603\ufe0e", "1\ufe0f\u20e3", "\u231a", "\u2630", "\U0001d306", "\U0001f9ff"),
    # markup of the screen's library, of shells, tables and pages
    *("[/x]", "[b]x[/b]", "[@click=app.quit]x[/]", "[link=http://example.com]x[/link]", "[[", "\\[", "["),
    *("[red on blue]", "[$primary]", "[/", "{0}", "{name}", "%s", "%(x)s", "${x}", "$(x)", "`x`", "<b>"),
    *("\\", "\\\\", "'", '"', ";", "|", "…", "—", "=1+1", "@x", "-rf", "--help", "../..", "~", "None", "nan"),
)  # fmt: skip
_BLOCKS: Final = (
    *((0, 0x1FF), (0x300, 0x36F), (0x590, 0x6FF), (0x900, 0x11FF), (0x2000, 0x2BFF), (0x3000, 0xD7FF)),
    *((0xD800, 0xFFFF), (0x1D000, 0x1D7FF), (0x1F000, 0x1FAFF)),
)
_WORDS: Final = ("alice", "team-east", "work", "pro", "bob@example.com", "Ünïcödé", "東京", "x", "0", " ")


def nasty_text(rng: random.Random, longest: int = LONGEST) -> str:
    """One hostile text, mostly of a label's length; one in twelve is as long as `longest`."""
    pieces: list[str] = []
    for _ in range(rng.randint(1, 5)):
        kind = rng.random()
        if kind < 0.6:
            pieces.append(rng.choice(FRAGMENTS))
        elif kind < 0.8:
            pieces.append(rng.choice(_WORDS))
        else:
            pieces.append(_any_character(rng) * rng.choice((1, 1, 2, 4)))
    rng.shuffle(pieces)
    text = "".join(pieces)
    if rng.random() < 1 / 12:
        filler = rng.choice((text, "a", "\u0301", "日", "\u202e", "\x1b[", _any_character(rng)))
        text = (text + filler * (longest // len(filler) + 1))[:longest]
    return text[:longest]


def is_harmless(text: str) -> bool:
    """Nothing in the text moves a cursor, hides, or is not there at all. Judged by Unicode alone."""
    if text.isascii():
        return text.isprintable()
    refused = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    return all(
        char == " " or (unicodedata.category(char) not in refused and not char.isspace()) for char in text
    )


def _any_character(rng: random.Random) -> str:
    return chr(rng.randint(*rng.choice(_BLOCKS)))
