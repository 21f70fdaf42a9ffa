"""The audit log for people and for programs."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from poolwatch.domain.audit import Act, AuditEntry, Break, By, ChainReport, Flaw, Outcome
from poolwatch.domain.refresh import TokenOutcome
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.audit import audit_json, audit_line, check_json
from poolwatch.words import audit as words
from tests.presentation.scene import account

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ALICE = account("alice@example.com")
NAMES = AccountNames({ALICE.key.id: ALICE})
BEGUN = AuditEntry(
    1, NOON, "refresh", "app", "ann", 4711, ssh="198.51.100.7 50222 192.0.2.1 22", accounts=(ALICE.key.id,)
)
ENDED = replace(
    BEGUN, seq=2, of=1, outcome="done", at=NOON + timedelta(seconds=3), codes=("token:refreshed", "usage:ok")
)
WRITTEN = AuditEntry(
    4, NOON, "config_set", "command", "root", 1, sudo="ann", path="/home/ann/p.toml",
    what=("ui.view", "plans.bob@example.com"), of=3, outcome="nothing",
)  # fmt: skip


def line(entry: AuditEntry, *unended: int, mask: bool = False) -> str | None:
    return audit_line(entry, frozenset(unended), AccountNames(NAMES.accounts, mask), UTC)


def act(word: str) -> str:
    """The word in a column as wide as the widest act."""
    return word.ljust(words.widest_act())


def test_an_act_stands_on_one_line_where_it_ended() -> None:
    assert line(BEGUN) is None
    assert line(ENDED) == (
        f"2026-12-01 12:00:03  {act('refresh')}  done       alice@example.com: token renewed, usage read;"
        " ann in the app, ssh from 198.51.100.7"
    )
    assert line(WRITTEN) == (
        f"2026-12-01 12:00:00  {act('config set')}  no change  ui.view, plans.bob@example.com,"
        " /home/ann/p.toml; root by command, sudo by ann"
    )


def test_an_act_without_an_end_stands_where_it_began() -> None:
    told = line(BEGUN, 1)
    assert told is not None
    assert f"  {act('refresh')}  no end     " in told


def test_masked_nobody_is_told_who_or_where() -> None:
    told = line(WRITTEN, mask=True)
    assert told is not None
    assert told.endswith("no change  ui.view, …, …/p.toml; by command")
    for text in ("ann", "root", "bob@", "/home"):
        assert text not in told
    told = line(ENDED, mask=True)
    assert told is not None
    assert "198.51.100.7" not in told
    document = "\n".join(audit_json([ENDED, WRITTEN], mask=True, now=NOON))
    for text in ("ann", "root", "bob@", "/home", "198.51"):
        assert text not in document


def test_what_a_newer_poolwatch_noted_is_shown_as_it_came() -> None:
    newer = replace(ENDED, act="top_up", outcome="refused", by="api", codes=("amount:10", "taken:2", "x"))
    told = line(newer)
    assert told is not None
    assert f"  {act('top_up')}  refused    " in told
    assert "amount:10, logins taken: 2, x; ann api" in told


def test_no_text_of_the_log_steers_the_terminal() -> None:
    hostile = replace(
        WRITTEN, user="\x1b[2J", path="/\x1b]0;x\x07", what=("\x9b",), sudo="\x1b", ssh="\x1bc 1"
    )
    told = line(hostile)
    assert told is not None
    assert told.isprintable()


def test_every_code_has_its_words() -> None:
    for act in Act:
        assert words.act_word(act).replace(" ", "").isascii()
        assert "_" not in words.act_word(act)
    for by in By:
        assert words.by_word(by) != by.value
    for outcome in Outcome:
        assert words.outcome_word(outcome) in ("done", "no change", "failed", "unknown", "stopped")
    for token in TokenOutcome:
        assert words.code_words(f"token:{token.value}") != f"token:{token.value}"
    assert words.code_words("usage:unreachable") == "usage not read (unreachable)"
    assert words.code_words("block:read_only") == "read_only"


def test_the_document_is_made_entry_by_entry() -> None:
    given = iter([BEGUN, ENDED])
    pieces = audit_json(given, mask=False, now=NOON)
    next(pieces)
    assert next(given) is BEGUN, "nothing is read before it is asked for"
    document = json.loads("\n".join(audit_json([BEGUN, ENDED], mask=False, now=NOON)))
    assert document["schema"] == "poolwatch.audit/1"
    assert document["generated_at"] == "2026-12-01T12:00:00Z"
    assert document["entries"][1] == {
        "seq": 2, "at": "2026-12-01T12:00:03Z", "act": "refresh", "of": 1, "outcome": "done",
        "codes": ["token:refreshed", "usage:ok"], "accounts": [ALICE.key.id], "what": [], "path": None,
        "by": "app", "user": "ann", "ssh": "198.51.100.7 50222 192.0.2.1 22", "sudo": None, "pid": 4711,
        "torn_bytes": None, "prev_hash": "", "hash": "",
    }  # fmt: skip
    empty = json.loads("\n".join(audit_json([], mask=False, now=NOON)))
    assert empty["entries"] == []


def test_what_was_checked_is_a_document_too() -> None:
    report = ChainReport(3, "ab", 3, NOON, NOON, Break(4, Flaw.ALTERED, 4), 0, 1, None, frozenset({2, 1}))
    document = json.loads(check_json(report, "cd", NOON))
    assert document == {
        "schema": "poolwatch.audit_check/1", "generated_at": "2026-12-01T12:00:00Z", "whole": False,
        "entries": 3, "head": "ab", "first_at": "2026-12-01T12:00:00Z", "last_at": "2026-12-01T12:00:00Z",
        "broken": {"line": 4, "seq": 4, "why": "altered"}, "half_line_bytes": 0, "closed_half_lines": 1,
        "unended": [1, 2], "kept_head": {"hash": "cd", "seq": None},
    }  # fmt: skip
    assert json.loads(check_json(ChainReport(), None, NOON))["kept_head"] is None
