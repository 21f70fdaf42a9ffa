"""What the terminal sends, checked before Textual reads it: what it knows passes in bounds, no more.

Textual 8.2.8 takes numbers as they come. To be reported there; delete what it has mended:
- `XTermParser._parse_extended_key` raises ValueError for what a keyboard protocol may send (`ESC[113;1:3u`,
  `ESC[113:81u`) and for `ESC[1114112u`; the thread that reads keys ends, and the app with it.
- `Driver.process_message` passes a size report of any height and width on (`ESC[48;99999;99999;0;0t`); one
  without pixels divides the next mouse position by zero.
- `XTermParser.parse` takes no operating system command or other string: after 32 characters all that follows
  is typed. A sequence that is whole but unknown collects the next keys until a tenth of a second passes.
- A paste whose end never comes keeps all keys for ever, and all memory.
- `LinuxDriver._run_input_thread` hands `panic` a picture of the error, and not the error.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import Final

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.constants import ESCAPE_DELAY

WIDEST: Final = 1000
HIGHEST: Final = 500
#: Characters of one paste: as long as a path may be.
PASTE_MOST: Final = 4096
#: Keys and reports that are taken at once, and then in each second: more than a hand or a mouse makes.
BURST: Final = 1000
PER_SECOND: Final = 500
#: Seconds after which the end of a string, or of a paste, will not come any more.
STRING_SECONDS: Final = 0.5
PASTE_SECONDS: Final = 2.0
#: Seconds of silence after which ctrl+c inside a paste is a hand's, which does not wait for the end.
BY_HAND_SECONDS: Final = 0.2

_ESC: Final = "\x1b"
_PASTE_START: Final = "\x1b[200~"
_PASTE_END: Final = "\x1b[201~"
_FOCUS: Final = frozenset({"\x1b[I", "\x1b[O"})
#: What caps lock and num lock add to the modifiers.
_LOCKS: Final = (0, 64, 128, 192)
#: Whatever was sent before, these end the app: ctrl+c, as the keyboard protocols write it.
_ALWAYS: Final = frozenset(
    {"\x03", *(f"\x1b[{code}" for locks in _LOCKS for code in (f"99;{5 + locks}u", f"27;{5 + locks};99~"))}
)
#: Longer ones are none that anybody knows; Textual itself gives up at 32.
_LONGEST: Final = 64
_LONGEST_PASSED: Final = 32

_STRING: Final = re.compile(r"\x1b[\]PX^_]", re.ASCII)
#: A whole sequence: a key of the Linux console or of rxvt, an old mouse report, a control sequence, a key of
#: the keypad, a key with alt.
_WHOLE: Final = re.compile(
    r"\x1b(?:\[\[[@-~]|\[[0-9]{1,2}\$|\[M[^\x1b]{3}|\[(?!M|\[)[0-?]*[ -/]*[@-~]|O[0-9;]*[@-~]|[^\[O\x1b])"
)
#: The beginning of one.
_BEGUN: Final = re.compile(r"\x1b(?:\[(?:\[|M[^\x1b]{0,2}|[0-?]*[ -/]*)|O[0-9;]*)?")
_REST: Final = re.compile(r"[0-?]*[ -/]*")
#: What ends a string: its own end, or a control character that can stand in none.
_STRING_ENDS: Final = re.compile(r"[\x00-\x07\x0e-\x1f]")
_NO_KEY: Final = re.compile(r"[\x80-\x9f\ud800-\udfff]")

_KEY: Final = re.compile(r"\x1b\[([0-9:]*)(?:;([0-9:]*))?(?:;([0-9:]*))?([u~A-FHPQS])")
_MOUSE: Final = re.compile(r"\x1b\[<[0-9]{1,3};-?[0-9]{1,5};-?[0-9]{1,5}[Mm]")
_MODE: Final = re.compile(r"\x1b\[\?(?:2026|2048);[0-4]\$y")
_SIZE: Final = re.compile(r"\x1b\[48" + r";([0-9]+)(?::[0-9:]*)?" * 4 + "t")
_RELEASED: Final = "3"
_MODIFIERS_MOST: Final = 256
#: Keys that are numbered and end in a tilde; the one for any other key has that key's code behind it.
_TILDE_MOST: Final = 99
_ANY_KEY: Final = "27"


class _Mode(Enum):
    """What the next character belongs to."""

    KEYS = auto()
    #: a command or an answer that nobody asked for, until its end
    STRING = auto()
    #: a sequence that is too long, until its end
    JUNK = auto()
    PASTE = auto()


class InputFilter:
    """Cuts what arrives into pieces that Textual reads each by itself.

    `feed` takes what came and the seconds of a clock; when nothing has come for `timeout` seconds, `paused`
    says what was meant.
    """

    def __init__(self) -> None:
        self._mode = _Mode.KEYS
        self._held = ""
        self._pasted = 0
        self._budget = float(BURST)
        self._counted_at: float | None = None

    @property
    def timeout(self) -> float | None:
        """The seconds until the silence means something; None while nothing is open."""
        if self._mode is _Mode.PASTE:
            return PASTE_SECONDS
        if self._mode is _Mode.KEYS:
            return ESCAPE_DELAY if self._held else None
        return STRING_SECONDS

    def feed(self, text: str, now: float) -> list[str]:
        """What of this, and of what was held, is for Textual: whole sequences, and runs of plain keys."""
        silence = 0.0 if self._counted_at is None else max(0.0, now - self._counted_at)
        self._budget = min(float(BURST), self._budget + silence * PER_SECOND)
        self._counted_at = now
        passed: list[str] = []
        if self._mode is _Mode.PASTE and text in _ALWAYS and silence >= BY_HAND_SECONDS:
            passed += self.paused()
        rest = self._held + text
        self._held = ""
        while rest:
            before = self._mode, len(rest)
            rest = self._step(rest, passed)
            if (self._mode, len(rest)) == before:
                self._held = rest
                break
        return passed

    def paused(self) -> list[str]:
        """Nothing more came: an escape is the key, what else is open is over."""
        held, self._held = self._held, ""
        state, self._mode = self._mode, _Mode.KEYS
        if state is _Mode.PASTE:
            return [_PASTE_END]
        # `ESC [` and the like are a key with alt; more than that was cut off
        return [held] if state is _Mode.KEYS and 0 < len(held) < 3 else []

    def _step(self, rest: str, passed: list[str]) -> str:
        """Take what stands first off the rest; the same rest means that more has to come."""
        if self._mode is _Mode.STRING:
            return self._string(rest)
        if self._mode is _Mode.JUNK:
            end = _REST.match(rest)
            at = end.end() if end is not None else 0
            if at == len(rest):
                return ""
            self._mode = _Mode.KEYS
            return rest[at + ("@" <= rest[at] <= "~") :]
        if self._mode is _Mode.PASTE:
            return self._paste(rest, passed)
        if rest[0] != _ESC:
            keys, found, more = rest.partition(_ESC)
            self._type(_NO_KEY.sub("", keys), passed)
            return found + more
        return self._sequence(rest, passed)

    def _string(self, rest: str) -> str:
        end = _STRING_ENDS.search(rest)
        if end is None:
            return ""
        if rest[end.start() :] == _ESC:
            return _ESC  # its end may be half here
        self._mode = _Mode.KEYS
        if rest.startswith("\x1b\\", end.start()):
            return rest[end.start() + 2 :]
        return rest[end.start() + (end[0] in "\x07\x18\x1a") :]

    def _paste(self, rest: str, passed: list[str]) -> str:
        text, _, _ = rest.partition(_ESC)
        if text:
            taken = _NO_KEY.sub("", text)[: PASTE_MOST - self._pasted]
            self._pasted += len(taken)
            if taken:
                passed.append(taken)
            return rest[len(text) :]
        if rest.startswith(_PASTE_END):
            self._mode = _Mode.KEYS
            passed.append(_PASTE_END)
            return rest[len(_PASTE_END) :]
        return rest if _PASTE_END.startswith(rest) else rest[1:]

    def _sequence(self, rest: str, passed: list[str]) -> str:
        if _STRING.match(rest) is not None:
            if len(rest) == 2:
                return rest  # a key with alt, if nothing follows
            self._mode = _Mode.STRING
            return rest[2:]
        whole = _WHOLE.match(rest)
        if whole is not None:
            if whole[0] == _PASTE_START and self._afford():
                self._mode = _Mode.PASTE
                self._pasted = 0
                passed.append(_PASTE_START)
            else:
                known = checked(whole[0])
                if known and (known in _ALWAYS or self._afford()):
                    passed.append(known)
            return rest[whole.end() :]
        begun = _BEGUN.match(rest)
        end = begun.end() if begun is not None else 1
        if end > _LONGEST:
            self._mode = _Mode.JUNK
            return rest[end:]
        if end == len(rest):
            return rest
        if end == 1 and self._afford():
            passed.append(_ESC)  # a second escape comes behind it
        return rest[end:]

    def _type(self, keys: str, passed: list[str]) -> None:
        room = int(self._budget)
        self._budget -= min(room, len(keys))
        taken = keys[:room] + "".join(key for key in keys[room:] if key in _ALWAYS)[:1]
        if taken:
            passed.append(taken)

    def _afford(self) -> bool:
        if self._budget < 1:
            return False
        self._budget -= 1
        return True


def checked(sequence: str) -> str:
    """A whole sequence as Textual can take it, with its numbers in bounds; "" where it is to be dropped."""
    if sequence in ANSI_SEQUENCES_KEYS or sequence in _FOCUS:
        return sequence
    if len(sequence) == 2:
        return "" if _NO_KEY.search(sequence) else sequence
    if len(sequence) > _LONGEST:
        return ""
    if (key := _KEY.fullmatch(sequence)) is not None:
        return _key(*(part or "" for part in key.groups()))
    if (size := _SIZE.fullmatch(sequence)) is not None:
        return _size(*(int(number) for number in size.groups()))
    return sequence if _MOUSE.fullmatch(sequence) or _MODE.fullmatch(sequence) else ""


def bounded_size(width: int, height: int) -> tuple[int, int]:
    """A size that can be drawn: a larger terminal is used in part."""
    return max(1, min(width, WIDEST)), max(1, min(height, HIGHEST))


def _key(codes: str, modifiers: str, texts: str, end: str) -> str:
    """A key, without the other keys on it and without the kind of its event; none for its release."""
    code = codes.partition(":")[0]
    held, _, kind = modifiers.partition(":")
    if kind == _RELEASED or (held and not 0 < int(held) <= _MODIFIERS_MOST):
        return ""
    if end == "u":
        if not _is_character(code):
            return ""
    elif end == "~":
        if not code or int(code) > _TILDE_MOST or (texts and code != _ANY_KEY):
            return ""
    elif code not in ("", "1") or texts:
        return ""
    if texts and not all(_is_character(each) for each in texts.split(":")):
        return ""
    parts = [code, held, texts]
    while len(parts) > 1 and not parts[-1]:
        del parts[-1]
    known = f"{_ESC}[{';'.join(parts)}{end}"
    return known if len(known) <= _LONGEST_PASSED else ""


def _is_character(code: str) -> bool:
    return bool(code) and 0 < int(code) <= 0x10FFFF and not 0xD800 <= int(code) <= 0xDFFF


def _size(height: int, width: int, pixel_height: int, pixel_width: int) -> str:
    """A size report; without pixels, or with none that can be, a cell counts as one."""
    columns, rows = bounded_size(width, height)
    across = pixel_width * columns // width if width else 0
    down = pixel_height * rows // height if height else 0
    if not (columns <= across < 65_536 and rows <= down < 65_536):
        across, down = columns, rows
    return f"{_ESC}[48;{rows};{columns};{down};{across}t"
