"""Doing a thing at most once, for a thing that has nothing to do with logins: buying a cake."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

import poolwatch.once
from poolwatch.host.files import FileProblem
from poolwatch.host.locks import held, stands_at
from poolwatch.once.journal import Ending, Journal, Stage, is_told, open_attempts, unresolved
from poolwatch.once.json_text import JsonObject, text_at
from poolwatch.once.replies import AttemptFolder, ReplySpace, seal, unseal, waiting_reply


@dataclass(frozen=True)
class Bakery(AttemptFolder):
    area: ClassVar[str] = "cakes"


@dataclass(frozen=True)
class Order:
    stage: Stage
    attempt: str
    subject: str | None = None
    ending: Ending | None = None


class Orders(Journal[Order]):
    def to_line(self, entry: Order) -> JsonObject:
        ending = entry.ending.name if entry.ending else None
        return {"stage": entry.stage, "attempt": entry.attempt, "cake": entry.subject, "ending": ending}

    def from_line(self, line: JsonObject) -> Order | None:
        stage, ending = text_at(line, "stage"), text_at(line, "ending")
        if stage not in list(Stage):
            return None
        known = Ending[ending] if ending else None
        return Order(Stage(stage), text_at(line, "attempt") or "", text_at(line, "cake"), known)


@pytest.fixture
def bakery(tmp_path: Path) -> Bakery:
    made = Bakery(tmp_path / "state")
    assert made.prepare() is None
    return made


@pytest.mark.parametrize(
    ("ending", "is_open"), [(Ending.SETTLED, False), (Ending.HARMLESS, False), (Ending.UNKNOWN, True)]
)
def test_what_was_sent_is_open_until_its_end_is_known(bakery: Bakery, ending: Ending, is_open: bool) -> None:
    journal = Orders(bakery.journal("ann"))
    journal.append(Order(Stage.BEGUN, "a"))
    assert list(open_attempts(journal.entries())) == ["a"]
    journal.append(Order(Stage.SENDING, "a", "lemon"))
    assert list(unresolved(journal.entries())) == ["lemon"]
    assert is_told(journal.entries(), "a")
    journal.append(Order(Stage.ENDED, "a", "lemon", ending))
    assert bool(unresolved(journal.entries())) is is_open
    assert open_attempts(journal.entries()) == {}


def test_a_later_attempt_that_did_nothing_settles_no_earlier_one(bakery: Bakery) -> None:
    journal = Orders(bakery.journal("ann"))
    journal.append(Order(Stage.SENDING, "a", "lemon"))
    journal.append(Order(Stage.ENDED, "b", "lemon", Ending.HARMLESS))
    assert list(unresolved(journal.entries())) == ["lemon"]
    journal.append(Order(Stage.ENDED, "c", "lemon", Ending.SETTLED))
    assert unresolved(journal.entries()) == {}


def _read(path: Path) -> bytes | None:
    found = unseal(path)
    return found[1] if found is not None else None


def test_a_reply_is_kept_in_the_space_that_was_taken_for_it(bakery: Bakery) -> None:
    space = ReplySpace(bakery, "ann", 4096)
    assert bakery.waiting_keys() == ("ann",)
    space.keep(seal({"for": "ann"}, b"one cake"))
    space.close(holds_reply=True)
    assert unseal(bakery.pending("ann")) is not None
    assert waiting_reply(bakery, "ann", _read, bool) == b"one cake"


def test_space_that_was_never_filled_is_given_back(bakery: Bakery) -> None:
    ReplySpace(bakery, "ann", 4096).close(holds_reply=True)
    assert waiting_reply(bakery, "ann", _read, bool) is None
    assert bakery.names() == []


def test_a_reply_that_cannot_be_read_is_set_aside(bakery: Bakery) -> None:
    sealed = bytearray(seal({"for": "ann"}, b"one cake"))
    sealed[-1] ^= 1
    bakery.pending("ann").write_bytes(sealed)
    assert waiting_reply(bakery, "ann", _read, bool) is None
    assert [name.rpartition("-")[0] for name in bakery.names()] == ["damaged-ann"]


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"")
    assert isinstance(Bakery(tmp_path / "state").prepare(), FileProblem)


def test_the_room_names_nothing_of_those_that_stand_on_it() -> None:
    for path in Path(poolwatch.once.__file__).parent.glob("*.py"):
        text = path.read_text().replace("token_hex", "")
        assert not re.search(r"token|login|refresh|credential|codex|money|credit", text, re.IGNORECASE), path


def test_a_new_journal_is_on_disk_with_its_name(bakery: Bakery, monkeypatch: pytest.MonkeyPatch) -> None:
    forced: list[Path] = []
    fsync = os.fsync

    def noted(handle: int) -> None:
        forced.append(Path(f"/proc/self/fd/{handle}").readlink())
        fsync(handle)

    monkeypatch.setattr(os, "fsync", noted)
    journal = Orders(bakery.journal("ann"))
    journal.append(Order(Stage.BEGUN, "a"))
    assert sorted(forced) == [bakery.folder, journal.path]
    forced.clear()
    journal.append(Order(Stage.SENDING, "a", "lemon"))
    assert forced == [journal.path]


def test_a_lock_whose_file_was_replaced_is_none(bakery: Bakery, tmp_path: Path) -> None:
    path = bakery.lock("ann")
    with held(path) as mine:
        assert mine
        bakery.locks.rename(tmp_path / "moved")
        assert bakery.prepare() is None
        with held(path) as theirs:
            assert theirs
    with held(path) as mine:
        assert mine
    handle = os.open(path, os.O_RDWR)
    path.unlink()
    assert not stands_at(path, handle)
    path.touch()
    assert not stands_at(path, handle)
    os.close(handle)
