"""What the terminal sends: Textual gets what it can take, and what a person presses is never lost by it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual.message import Message

from poolwatch.ui.terminal.driver import TerminalDriver, _Parser
from poolwatch.ui.terminal.input_filter import (
    BURST,
    BY_HAND_SECONDS,
    HIGHEST,
    PASTE_MOST,
    PER_SECOND,
    WIDEST,
    InputFilter,
    bounded_size,
    checked,
)


class Typed:
    """A terminal's input and Textual's parser behind it, on a clock that stands."""

    def __init__(self) -> None:
        self.input = InputFilter()
        self.parser = _Parser()
        self.now = 1000.0

    def send(self, *texts: str) -> list[Message]:
        return [each for text in texts for each in self._read(self.input.feed(text, self.now))]

    def wait(self) -> list[Message]:
        self.now += 10
        return self._read(self.input.paused()) if self.input.timeout is not None else []

    def _read(self, pieces: Iterable[str]) -> list[Message]:
        return [message for piece in pieces for message in self.parser.read(piece)]


def keys(messages: Iterable[Message]) -> list[str]:
    return [message.key for message in messages if isinstance(message, events.Key)]


def texts(messages: Iterable[Message]) -> list[str | None]:
    return [message.character for message in messages if isinstance(message, events.Key)]


#: What a terminal, or who writes to it, may send; every one ended, stopped or bloated the app, or typed.
HOSTILE = [
    "\x1b[113;1:3u", "\x1b[113:81;1u", "\x1b[1114112u", "\x1b[97;;1114112u", "\x1b[55296u",
    "\x1b[99999999999A",
    "\x1b[:A", "\x1b[1;:u", "\x1b[;;u", "\x1b[27;5;1114112~", "\x1b[1114112;1~", "\x1b[0u", "\x1b[97;9999u",
    "\x1b[97;;97:u", "\x1b[\u0661\u0661u", "\x1b[u", "\x1b[::::u",
    "\x1b[48;99999;99999;1;1t", "\x1b[48;0;0;0;0t\x1b[<0;1;1M", "\x1b[48;24;80;0;0t\x1b[<0;9;9M",
    f"\x1b[48;{'9' * 4000};80;0;0t", "\x1b[48;24:1;80:1;480:1;800:1t",
    "\x1b]" + "x" * 20_000, "\x1b]52;c;" + "QUJD" * 5000 + "\x07", "\x1bP+q" + "q" * 9000,
    "\x1b_Gq" * 50, "\x1bXq",
    "\x1b^q" + "q" * 500 + "\x1b\\", "\x1b[" + "1" * 100_000, "\x1b[" + ";" * 100_000 + "u",
    "\x1b[" + " " * 90,
    "\x1b[?1;2c", "\x1b[>41;354;0c", "\x1b[24;80R", "\x1b[?2026;2$y", "\x1b[?9999;2$y",
    "\x1b[?2048;9$y", "\x1b[0n",
    "\x1b[200~" + "paste q", "\x1b[200~" * 40, "\x1b[201~", "\x1b[200~" + "x" * 200_000,
    "\x1b[200~a\x1b[48;9;9;9;9t",
    "\x1b[<999999999;1;1M", "\x1b[<0;--5;1M", "\x1b[<0;-5;-5m", "\x1b[M", "\x1b[Mabc", "\x1b[0;1;2M",
    "\x1b[M\x1b[M",
    "\x1b", "\x1b\x1b", "\x1b\x1b\x1b[A", "\x1bO", "\x1bOq", "\x1bO9999", "\x1b[[", "\x1b[[Z",
    "\x1b[12\u00e9",
    "\x9b113u", "\x9d0;title", "\x00", "\ud800", "\x1b\ud800", "\x1b[Z" * 5000, "\x1b[I" * 5000, "a" * 20_000,
]  # fmt: skip


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_after_anything_q_is_a_key(hostile: str) -> None:
    typed = Typed()
    typed.send(hostile)
    typed.wait()
    assert keys(typed.send("q")) == ["q"]
    typed.now += 10
    assert keys(typed.send("\x1b[113u")) == ["q"]


PIECE = st.one_of(
    st.sampled_from(HOSTILE).filter(lambda each: len(each) < 200),
    st.text(max_size=8),
    st.text(alphabet="\x1b[]OPX^_?;:0123456789<Mmu~tRy$\x07\\q \x03\ud800\U0010ffff", max_size=24),
    st.from_regex(r"\x1b\[[0-9:]{0,12}(;[0-9:]{0,12}){0,4}[A-Zu~tmR]", fullmatch=True),
)


@given(st.lists(st.tuples(PIECE, st.booleans()), max_size=12))
def test_whatever_comes_is_taken_and_the_next_key_counts(pieces: list[tuple[str, bool]]) -> None:
    typed = Typed()
    for text, pause in pieces:
        for message in typed.send(text) + (typed.wait() if pause else []):
            if isinstance(message, events.Resize):
                assert 1 <= message.size.width <= WIDEST
                assert 1 <= message.size.height <= HIGHEST
            if isinstance(message, events.Key) and message.character:
                message.character.encode()
    typed.wait()
    assert keys(typed.send("q")) == ["q"]


@given(st.lists(PIECE, max_size=6), st.integers(1, 7))
def test_how_it_is_cut_into_reads_does_not_matter(pieces: list[str], step: int) -> None:
    text = "".join(pieces)
    whole, cut = Typed(), Typed()
    at_once = [repr(each) for each in whole.send(text)]
    in_parts = [repr(each) for at in range(0, len(text), step) for each in cut.send(text[at : at + step])]
    if "\x1b]" not in text and "\x1bP" not in text:
        assert in_parts == at_once


@pytest.mark.parametrize(
    ("sent", "pressed"),
    [
        ("jk", ["j", "k"]), ("\x1b[A", ["up"]), ("\x1bOA", ["up"]), ("\x1b[1;5A", ["ctrl+up"]),
        ("\x1b[5~", ["pageup"]),
        ("\x1b[113u", ["q"]), ("\x1b[99;5u", ["ctrl+c"]), ("\x1b[113;1:1u", ["q"]), ("\x1b[106;1:2u", ["j"]),
        ("\x1b[113;1:3u", []), ("\x1b[113:81;1u", ["q"]), ("\x1b[113;2;81u", ["Q"]), ("\x1b[97;;228u", ["ä"]),
        ("\x1b[27;5;99~", ["ctrl+c"]), ("\x1b[[A", ["f1"]), ("\x1b[7$", ["shift+home"]), ("\x1b[15~", ["f5"]),
        ("\x1b[13u", ["enter"]), ("\x1b[Z", ["shift+tab"]), ("\x1bf", ["ctrl+right"]), ("\x1bq", ["alt+q"]),
        ("é漢", ["é", "漢"]), ("\x7f\r\t", ["backspace", "enter", "tab"]), ("\x1bqj", ["alt+q", "j"]),
        ("\x1b[?1;2cj", ["j"]), ("\x1b]11;rgb:0/0/0\x1b\\j", ["j"]), ("\x1b]0;q\x07j", ["j"]),
        ("\x1b[99;99Rj", ["j"]),
        ("\x1b\x1b[A", ["escape", "up"]), ("\x1b]never ends\x1b[Bj", ["down", "j"]),
        ("\x1b]never\x03", ["ctrl+c"]),
        ("\x1b[12\x03", ["ctrl+c"]), ("\x1b[Mab\xe9j", ["j"]),
    ],
)  # fmt: skip
def test_keys_are_what_they_were(sent: str, pressed: list[str]) -> None:
    assert keys(Typed().send(sent)) == pressed


def test_every_sequence_that_textual_knows_still_passes() -> None:
    for sequence in ANSI_SEQUENCES_KEYS:
        if len(sequence) > 1 and sequence != "\x1b\x1b":
            assert InputFilter().feed(sequence, 0.0) == [sequence], ascii(sequence)


def test_an_escape_is_told_by_the_time_that_passes() -> None:
    typed = Typed()
    assert typed.send("\x1b") == []
    assert keys(typed.wait()) == ["escape"]
    assert typed.input.timeout is None
    assert keys(typed.send("\x1b")) == []
    assert keys(typed.send("[A")) == ["up"]
    typed.send("\x1b]")
    assert keys(typed.wait()) == ["right_square_bracket"]


def test_text_that_a_key_stands_for_is_kept() -> None:
    assert texts(Typed().send("\x1b[97;;228u")) == ["ä"]
    assert texts(Typed().send("\x1b[13u")) == ["\r"]


def test_sizes_are_drawn_in_part_and_the_mouse_still_meets_its_cell() -> None:
    [size] = Typed().send("\x1b[48;99999;99999;99999;99999t")
    assert isinstance(size, events.Resize)
    assert size.size == (WIDEST, HIGHEST)
    assert checked("\x1b[48;24;80;480;800t") == "\x1b[48;24;80;480;800t"
    assert checked("\x1b[48;24;80;0;0t") == "\x1b[48;24;80;24;80t"
    assert checked("\x1b[48;600;2000;6000;16000t") == "\x1b[48;500;1000;5000;8000t"
    assert bounded_size(0, -4) == (1, 1)


def test_a_paste_is_one_event_and_bounded() -> None:
    typed = Typed()
    [paste] = typed.send("\x1b[200~one\x1b[A two\x9b", "qq\x1b", "[201~")
    assert isinstance(paste, events.Paste)
    assert paste.text == "one[A twoqq"
    [paste] = typed.send("\x1b[200~" + "x" * 50_000, "x" * 50_000 + "\x1b[201~")
    assert isinstance(paste, events.Paste)
    assert paste.text == "x" * PASTE_MOST
    assert typed.send("\x1b[200~open") == []
    [paste] = typed.wait()
    assert isinstance(paste, events.Paste)
    assert paste.text == "open"


@pytest.mark.parametrize("ctrl_c", ["\x03", "\x1b[99;5u", "\x1b[99;197u"], ids=ascii)
def test_ctrl_c_by_hand_does_not_wait_for_the_end_of_a_paste(ctrl_c: str) -> None:
    typed = Typed()
    typed.send("\x1b[200~one")
    # as fast as a line brings what was pasted
    typed.now += 0.05
    assert typed.send(ctrl_c) == []
    typed.now += BY_HAND_SECONDS
    [paste, key] = typed.send(ctrl_c)
    assert isinstance(paste, events.Paste)
    assert keys([key]) == ["ctrl+c"]


@pytest.mark.parametrize("locks", [0, 64, 128, 192])
def test_no_lock_of_the_keyboard_keeps_ctrl_c_out_of_a_flood(locks: int) -> None:
    typed = Typed()
    typed.send("j" * 20_000)
    assert keys(typed.send(f"\x1b[99;{5 + locks}u")) == ["ctrl+c"]
    assert keys(typed.send(f"\x1b[27;{5 + locks};99~")) == ["ctrl+c"]


def test_a_flood_is_cut_and_time_makes_room_again() -> None:
    typed = Typed()
    assert len(typed.send("j" * 20_000)) == BURST
    assert typed.send("\x1b[A" * 100) == []
    typed.now += 0.5
    assert len(typed.send("\x1b[A" * 1000)) == PER_SECOND / 2
    # whatever came before it
    assert keys(typed.send("j" * 100 + "\x03")) == ["ctrl+c"]
    assert keys(typed.send("\x1b[99;5u")) == ["ctrl+c"]


def test_keys_that_come_at_once_bear_one_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By it a paste that is not marked is told from a hand, also where the machine is busy."""
    times = []
    ours, theirs = os.pipe()
    with os.fdopen(ours, "rb") as read:
        os.write(theirs, b"10\r")
        os.close(theirs)
        driver = TerminalDriver.__new__(TerminalDriver)
        driver._debug, driver.exit_event, driver.fileno = False, threading.Event(), read.fileno()
        monkeypatch.setattr(driver, "_lost", lambda: None)
        monkeypatch.setattr(driver, "process_message", lambda message: times.append(message.time))
        driver.run_input_thread()
    assert len(times) == 3
    assert len(set(times)) == 1
