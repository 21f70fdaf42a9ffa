"""What a channel is given: one wording for every kind of notice, and JSON that fits receivers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.alerts import Phase, Severity, Subject, SubjectKind
from poolwatch.domain.failure import AS_STORED
from poolwatch.domain.message import message
from poolwatch.domain.notices import Notice, NoticeItem, NoticeKind, Outgoing
from poolwatch.domain.state import AccountState
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.notices import MOST_BYTES, NoticeWords

NOON = datetime(2026, 11, 20, 12, 0, 5, tzinfo=UTC)
KEY = AccountKey("codex", "user", "account")
ACCOUNT = AccountState(KEY, name=Name("carol@example.com", "team"))
ZONE = timezone(timedelta(hours=-3, minutes=-30))
PLAIN = NoticeWords(AccountNames({KEY.id: ACCOUNT}), zone=ZONE)
HIDDEN = NoticeWords(AccountNames({KEY.id: ACCOUNT}, mask=True), "work", ZONE)


def said(text: str, **values: object) -> Any:
    return message(AS_STORED, text=text, **values)


def item(
    subject: Subject, cause: str = "over 90%", phase: Phase = Phase.FIRING, rule: str = "team-over"
) -> NoticeItem:
    return NoticeItem(rule, subject, phase, Severity.WARNING, NOON, said(cause, spent="276.00"))


BUDGET = Subject(SubjectKind.BUDGET, "team")
CAROL = Subject(SubjectKind.ACCOUNT, KEY.id)
SOURCE = Subject(SubjectKind.SOURCE, "s3")
POOL = Subject(SubjectKind.POOL)


def notice(*items: NoticeItem, kind: NoticeKind = NoticeKind.ALERTS, **more: Any) -> Notice:
    return Notice("n1", "ops", kind, NOON, Severity.WARNING, items, **more)


@pytest.mark.parametrize(
    ("told", "kind", "title"),
    [
        (notice(item(BUDGET)), "alert.firing", "budget team: over 90%"),
        (notice(item(SOURCE, "down", Phase.RESOLVED)), "alert.resolved", "resolved: source s3: down"),
        (notice(item(BUDGET), item(POOL)), "alerts.several", "2 alerts: budget team, the pool"),
        (
            notice(item(BUDGET), item(POOL, phase=Phase.RESOLVED)),
            "alerts.several",
            "1 alert, 1 resolved: budget team, the pool",
        ),
        (
            notice(*(item(Subject(SubjectKind.SOURCE, f"s{each}")) for each in range(5))),
            "alerts.several",
            "5 alerts: source s0, source s1, source s2, and 2 more",
        ),
        (
            notice(item(Subject(SubjectKind.BUDGET, "team", "dan")), kind=NoticeKind.DIGEST),
            "alerts.digest",
            "1 alert from quiet hours: budget team: dan",
        ),
        (notice(kind=NoticeKind.SUMMARY, lines=(said("3 exhausted"),)), "summary.daily", "daily summary"),
        (notice(kind=NoticeKind.TEST), "channel.test", "a test"),
    ],
)
def test_every_kind_has_a_type_and_a_title(told: Notice, kind: str, title: str) -> None:
    sent = PLAIN.outgoing(told)
    body = json.loads(sent.body)
    assert (body["type"], body["timestamp"], sent.title) == (kind, "2026-11-20T12:00:05Z", title)
    assert (sent.id, sent.at, sent.kind, sent.severity) == ("n1", NOON, told.kind, Severity.WARNING)
    assert body["data"]["title"] == title


def test_the_text_says_when_and_by_which_rule() -> None:
    assert PLAIN.outgoing(notice(item(BUDGET), item(POOL, "may run dry", rule="dry"))).text.split("\n") == [
        "budget team: over 90%",
        "  2026-11-20 08:30 -03:30, warning, rule team-over",
        "the pool: may run dry",
        "  2026-11-20 08:30 -03:30, warning, rule dry",
        "",
        "sent by poolwatch",
    ]
    summary = PLAIN.outgoing(notice(kind=NoticeKind.SUMMARY, lines=(said("3 exhausted"), said("1 back"))))
    assert summary.text == "3 exhausted\n1 back\n\nsent by poolwatch"
    quiet = PLAIN.outgoing(notice(kind=NoticeKind.SUMMARY))
    assert quiet.text.startswith("nothing happened that anybody has to know\n")
    assert "channel ops works" in PLAIN.outgoing(notice(kind=NoticeKind.TEST)).text


def test_programs_get_codes_and_values() -> None:
    body = json.loads(PLAIN.outgoing(notice(item(CAROL))).body)
    assert body == {
        "type": "alert.firing",
        "timestamp": "2026-11-20T12:00:05Z",
        "data": {
            "id": "n1",
            "severity": "warning",
            "title": "team/carol@example.com: over 90%",
            "pool": None,
            "alerts": [
                {
                    "rule": "team-over",
                    "phase": "firing",
                    "severity": "warning",
                    "at": "2026-11-20T12:00:05Z",
                    "about": {
                        "kind": "account", "id": KEY.id, "name": "team/carol@example.com", "part": None,
                    },
                    "text": "over 90%",
                    "code": AS_STORED,
                    "values": {"text": "over 90%", "spent": "276.00"},
                }
            ],
            "lines": [],
            "left_out": 0,
        },
    }  # fmt: skip


def test_names_are_hidden_where_the_settings_want_that() -> None:
    sent = HIDDEN.outgoing(
        notice(
            item(CAROL, "dan@example.com signed in, see /home/dan/pool/x", rule="for erin@example.com"),
            item(Subject(SubjectKind.BUDGET, "of frank@example.com", "gina@example.com")),
            item(Subject(SubjectKind.ACCOUNT, "0123456789abcdef")),
        )
    )
    # one that is no longer known was called something then
    whole = f"{sent.title}\n{sent.text}\n{sent.body.decode()}"
    assert "@" not in whole
    assert "/home/dan" not in whole
    assert f"account-{KEY.id[:6]}" in sent.title
    assert sent.title.startswith("work: ")
    assert sent.text.endswith("sent by poolwatch, pool work")


def test_an_account_that_is_no_longer_listed_has_its_former_name() -> None:
    gone = NoticeItem(
        "r", Subject(SubjectKind.ACCOUNT, "0123456789abcdef"), Phase.FIRING, Severity.INFO, NOON,
        said("exhausted"), label="hal@example.com",
    )  # fmt: skip
    assert PLAIN.outgoing(notice(gone)).title == "hal@example.com: exhausted"
    assert HIDDEN.outgoing(notice(gone)).title == "work: 01234567: exhausted"


def test_a_body_fits_whatever_happened() -> None:
    many = [item(Subject(SubjectKind.SOURCE, f"ü{each}" * 40), "ü" * 400) for each in range(300)]
    sent = PLAIN.outgoing(notice(*many))
    data = json.loads(sent.body)["data"]
    assert len(sent.body) <= MOST_BYTES
    assert data["left_out"] == 300 - len(data["alerts"])
    assert 0 < len(data["alerts"]) < 300
    assert "and 250 more" in sent.text
    lines = PLAIN.outgoing(notice(kind=NoticeKind.SUMMARY, lines=tuple(said("ü" * 499) for _ in range(300))))
    assert len(lines.body) <= MOST_BYTES
    assert json.loads(lines.body)["data"]["left_out"] > 0


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60), st.booleans())
def test_nothing_from_outside_ends_a_header_or_steers_a_terminal(
    name: str, cause: str, rule: str, mask: bool
) -> None:
    words = NoticeWords(AccountNames({}, mask=mask), name, UTC)
    for subject in (Subject(SubjectKind.BUDGET, name, name), Subject(SubjectKind.ACCOUNT, "x" * 16)):
        one = NoticeItem(rule, subject, Phase.FIRING, Severity.INFO, NOON, said(cause, why=cause), label=name)
        for told in (notice(one), notice(one, one), notice(kind=NoticeKind.SUMMARY, lines=(said(cause),))):
            _is_harmless(words.outgoing(told))


def _is_harmless(sent: Outgoing) -> None:
    assert sent.title.isprintable()
    assert all(line.isprintable() for line in sent.text.split("\n"))
    assert len(sent.text.split("\n")) <= 6
    assert sent.body.isascii()
    strings: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, str):
            strings.append(value)
        elif isinstance(value, dict):
            for each in value.values():
                collect(each)
        elif isinstance(value, list):
            for each in value:
                collect(each)

    collect(json.loads(sent.body))
    assert all(each.isprintable() for each in strings)
