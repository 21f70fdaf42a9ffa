from __future__ import annotations

import stat
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.custody.attempt import JournalEntry as Entry
from poolwatch.custody.attempt import RefreshAttempt as Errand
from poolwatch.custody.attempt import RefreshJournal as Journal
from poolwatch.custody.attempt import unsealed
from poolwatch.custody.outcomes import step_from_json, step_to_json
from poolwatch.custody.state_dir import account_key
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.domain.message import Message
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.once.journal import JOURNAL_CAP_BYTES, Stage, boot_id, unresolved
from poolwatch.words.messages import failure_text
from tests.custody.rooms import NOW

ERRAND = Errand(Path("/pool/a b\udcff.json"), "a1", NOW, "acc", "user", "f1")
instants = st.none() | st.integers(0, 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))
texts = st.none() | st.text(min_size=1, max_size=20)
blanks = st.dictionaries(
    st.text(max_size=5),
    st.text(max_size=20)
    | st.builds(
        Message,
        code=st.text(min_size=1, max_size=5),
        arguments=st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=2).map(
            lambda found: tuple(found.items())
        ),
    ),
    max_size=3,
).map(lambda found: tuple(found.items()))
steps = st.builds(
    TokenStep,
    outcome=st.sampled_from(TokenOutcome),
    took_seconds=st.none() | st.floats(0, 100),
    block=st.none() | st.sampled_from(BlockReason),
    problem=st.none() | st.sampled_from(LoginProblem),
    failure=st.none()
    | st.builds(
        Failure,
        kind=st.sampled_from(FailureKind),
        code=st.text(min_size=1, max_size=20),
        arguments=blanks,
        retry_at=instants,
        detail=texts,
        login_problem=st.none() | st.sampled_from(LoginProblem),
    ),
    detail=texts,
    retry_at=instants,
    lost_at=instants,
    refresh_fingerprint=texts,
)


@given(steps)
def test_a_step_survives_the_journal(step: TokenStep) -> None:
    assert step_from_json(step_to_json(step)) == step


def test_a_sentence_in_a_journal_of_before_is_shown_as_it_is() -> None:
    told = step_from_json(
        {"outcome": "failed", "failure": {"kind": "blocked", "message": "the disk {x} is full"}}
    )
    assert told is not None
    assert told.failure is not None
    assert failure_text(told.failure) == "the disk {x} is full"


def test_an_unknown_outcome_is_none() -> None:
    assert step_from_json({"outcome": "later"}) is None
    assert step_from_json({}) is None
    assert step_from_json({"outcome": "failed", "failure": {"kind": "?"}}) is None


def test_lines_come_back_in_order_around_a_torn_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    assert journal.entries() == ()
    first = ERRAND.entry(Stage.SENDING, NOW)
    last = ERRAND.entry(Stage.ENDED, NOW, TokenStep(TokenOutcome.REFRESHED), replaced=True)
    journal.append(first)
    with (tmp_path / "j").open("ab") as file:
        file.write(b'{"state": "ended", "att')
    journal.append(last)
    assert journal.entries() == (first, last)
    assert journal.outcome("a1") == last
    assert journal.outcome("a2") is None
    assert boot_id() in (tmp_path / "j").read_text()


def test_a_pending_file_knows_where_it_belongs(tmp_path: Path) -> None:
    path = tmp_path / "p"
    path.write_bytes(ERRAND.sealed(b'{"a":\n1}') + bytes(100))
    assert unsealed(path) == (ERRAND, b'{"a":\n1}')
    for broken in (b"", b"{}\n{}", b"no newline", bytes(200)):
        path.write_bytes(broken)
        assert unsealed(path) is None


def entries(*lines: tuple[str, str, TokenOutcome | None]) -> list[Entry]:
    return [
        Entry(
            Stage.SENDING if outcome is None else Stage.ENDED,
            attempt,
            "acc",
            "/f",
            NOW + timedelta(seconds=index),
            mark,
            None if outcome is None else TokenStep(outcome),
        )
        for index, (attempt, mark, outcome) in enumerate(lines)
    ]


@pytest.mark.parametrize(
    ("lines", "open_at"),
    [
        ([("a", "f", None)], 0),
        ([("a", "f", None), ("a", "f", TokenOutcome.AMBIGUOUS)], 0),
        ([("a", "f", None), ("a", "f", TokenOutcome.REFRESHED)], None),
        ([("a", "f", None), ("a", "f", TokenOutcome.FAILED)], None),
        ([("a", "f", None), ("a", "f", TokenOutcome.REJECTED_FOR_GOOD)], None),
        ([("a", "f", None), ("b", "f", TokenOutcome.ADOPTED)], 0),
        ([("a", "f", None), ("b", "f", TokenOutcome.BLOCKED)], 0),
        ([("a", "f", None), ("b", "f", None), ("b", "f", TokenOutcome.FAILED)], 0),
        ([("a", "f", None), ("b", "f", None), ("b", "f", TokenOutcome.REFRESHED)], None),
        ([("a", "f", None), ("b", "g", None), ("b", "g", TokenOutcome.REFRESHED)], 0),
    ],
)
def test_what_stays_unresolved(
    lines: list[tuple[str, str, TokenOutcome | None]], open_at: int | None
) -> None:
    found = unresolved(entries(*lines))
    expected = {} if open_at is None else {"f": NOW + timedelta(seconds=open_at)}
    assert {mark: entry.at for mark, entry in found.items()} == expected


def test_keys_tell_accounts_apart_and_files_where_an_id_is_missing() -> None:
    keys = [
        account_key(None, "1", Path("/a")),
        account_key(None, "2", Path("/a")),
        account_key(None, "1", Path("/b")),
        account_key(None, None, Path("/a1")),
        account_key("u", None, Path("/a")),
        account_key("u", "1", Path("/a")),
        account_key("u2", "1", Path("/a")),
    ]
    assert len(set(keys)) == len(keys)
    assert account_key("u", "1", Path("/a")) == account_key("u", "1", Path("/b"))


OUTCOMES = [None, *TokenOutcome]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from(OUTCOMES)), max_size=30
    ),
    st.integers(0, 3000),
)
def test_a_shortened_journal_says_the_same_of_every_token(
    tmp_path_factory: pytest.TempPathFactory,
    lines: list[tuple[str, str, TokenOutcome | None]],
    kept_bytes: int,
) -> None:
    journal = tmp_path_factory.mktemp("journal") / "j"
    for entry in entries(*lines):
        Journal(journal).append(entry)
    if not lines:
        return
    before = Journal(journal).entries()
    assert Journal(journal).shorten(cap_bytes=0, kept_bytes=kept_bytes)
    after = Journal(journal).entries()
    assert unresolved(after) == unresolved(before)
    assert set(map(repr, after)) <= set(map(repr, before))
    assert stat.S_IMODE(journal.stat().st_mode) == 0o600
    assert [path.name for path in journal.parent.iterdir()] == ["j"]


def test_a_journal_does_not_grow_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    lost = replace(ERRAND, id="lost", refresh_fingerprint="lost").entry(Stage.SENDING, NOW)
    journal.append(lost)
    text = path.read_bytes()
    ended = replace(ERRAND, id="old").entry(Stage.ENDED, NOW, TokenStep(TokenOutcome.FAILED))
    journal.append(ended)
    line = path.read_bytes()[len(text) :]
    with path.open("ab") as file:
        file.write(line * (JOURNAL_CAP_BYTES // len(line)))
    journal.append(replace(ERRAND, id="last").entry(Stage.SENDING, NOW))
    # what is on its way is not held up by housekeeping
    assert path.stat().st_size > JOURNAL_CAP_BYTES
    last = replace(ERRAND, id="last").entry(Stage.ENDED, NOW, TokenStep(TokenOutcome.REFRESHED))
    journal.append(last)
    assert path.stat().st_size < JOURNAL_CAP_BYTES * 0.6
    kept = journal.entries()
    assert (kept[0], kept[-1]) == (lost, last)


def test_lines_of_several_processes_survive_a_shortening(tmp_path: Path) -> None:
    path = tmp_path / "j"
    write = (
        "import sys; from pathlib import Path; from poolwatch.custody.attempt import RefreshJournal\n"
        "from poolwatch.once.journal import append_line\n"
        "path = Path(sys.argv[1])\n"
        "for number in range(60):\n"
        "    append_line(path, {'state': 'sending', 'attempt': f'{sys.argv[2]}-{number}', 'at':"
        " '2026-11-20T12:00:00Z', 'refresh_fingerprint': f'{sys.argv[2]}-{number}'})\n"
        "    RefreshJournal(path).shorten(0, 0)\n"
    )
    crowd = [subprocess.Popen([sys.executable, "-c", write, str(path), name]) for name in "abc"]
    assert [process.wait(60) for process in crowd] == [0, 0, 0]
    assert len({entry.attempt for entry in Journal(path).entries()}) == 180
