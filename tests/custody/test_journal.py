from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.custody.errand import Errand, unsealed
from poolwatch.custody.journal import Entry, Journal, Stage, boot_id
from poolwatch.custody.memory import unresolved
from poolwatch.custody.state_dir import account_key, lock_key
from poolwatch.custody.step_text import step_from_json, step_to_json
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from tests.custody.rooms import NOW

ERRAND = Errand(Path("/pool/a b\udcff.json"), "a1", NOW, "acc", "user", "f1")
instants = st.none() | st.integers(0, 10**6).map(lambda seconds: NOW + timedelta(seconds=seconds))
texts = st.none() | st.text(min_size=1, max_size=20)
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
        message=st.text(max_size=20),
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
            "lock",
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


def test_keys_tell_files_and_accounts_apart() -> None:
    paths = [
        lock_key(Path("/a"), "1"),
        lock_key(Path("/a"), "2"),
        lock_key(Path("/b"), "1"),
        lock_key(Path("/a1"), None),
    ]
    assert len(set(paths)) == 4
    assert account_key("u", "a", "x") == account_key("u", "a", "y") != account_key("u2", "a", "x")
    assert account_key(None, "a", "x") == account_key("u", None, "x") == "x"
