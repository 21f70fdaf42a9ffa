"""`alerts`: what the store keeps of them, told and changed without an app that runs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from poolwatch.domain.alerts import Alert, AlertBook, Phase, Severity, Silence, Subject, SubjectKind
from poolwatch.domain.message import message
from poolwatch.domain.notices import (
    ChannelKind,
    Delivery,
    MarkedChannel,
    Notice,
    NoticeItem,
    NoticeKind,
    SendOutcome,
    Sent,
)
from poolwatch.domain.values import replace
from poolwatch.store.database import Database
from poolwatch.store.opening import FILE_NAME
from tests.cli.desk import Desk
from tests.cli.test_audit import acts, entries

S3 = Subject(SubjectKind.SOURCE, "s3")
TEAM = Subject(SubjectKind.BUDGET, "team")
ID = "3f2a90c1d4e5f60718293a4b5c6d7e8f"


def now() -> datetime:
    return datetime.now(UTC)


def alert(subject: Subject, rule: str, text: str, phase: Phase = Phase.FIRING) -> Alert:
    at = now() - timedelta(minutes=23)
    fired = None if phase is Phase.PENDING else at
    return Alert(rule, subject, "1", phase, at, fired_at=fired, cause=message("as_stored", text=text))


def notice(notice_id: str = ID, channel: str = "ops") -> Notice:
    item = NoticeItem(
        "budget", TEAM, Phase.FIRING, Severity.WARNING, now(), message("as_stored", text="over 90%"), "1"
    )
    return Notice(notice_id, channel, NoticeKind.ALERTS, now(), Severity.WARNING, (item,))


def alerts() -> tuple[Alert, ...]:
    """As they stand now: their ages are told in minutes."""
    return (
        alert(TEAM, "budget", "over 90%: $276 of $300"),
        alert(S3, "source_down", "down: no answer for 26m"),
        alert(Subject(SubjectKind.POOL), "runs_dry", "may run dry at 15:10", Phase.PENDING),
        alert(Subject(SubjectKind.SOURCE, "s4"), "source_down", "down", Phase.UNKNOWN),
        replace(alert(Subject(SubjectKind.BUDGET, "night"), "budget", "over 75%"), primed=True),
    )


def keep(desk: Desk, *alerts: Alert, notices: Sequence[Notice] = (), looked: datetime | None = None) -> None:
    """What a poolwatch that ran here would have left."""
    held = Database(desk.state, now())
    book = AlertBook(1, {each.key: each for each in alerts}, looked_at=looked or now())
    held.set_up_channels((MarkedChannel("ops", ChannelKind.WEBHOOK, "m"),), now())
    assert held.put_alerts(book, notices)
    held.close()


def tried(desk: Desk, sent: Sent, *more: Notice) -> None:
    """The notice, and others, were tried."""
    held = Database(desk.state, now())
    assert held.put_notices((notice(), *more), now())
    delivery = held.turn("ops", now()).delivery
    assert delivery is not None
    after: Delivery = delivery.after(sent, now())
    if sent.outcome is SendOutcome.GONE:
        assert after.given_up_at is not None
    assert held.note_try(after, is_gone=False)
    held.close()


def test_nothing_is_listed_where_no_poolwatch_ran(desk: Desk) -> None:
    told = desk.run("alerts")
    assert (told.code, told.out) == (0, "")
    assert "nothing fires" in told.err
    assert "no rule was looked at yet" in told.err
    assert not desk.state.exists()
    document = json.loads(desk.run("alerts", "--json").out)
    assert (document["schema"], document["alerts"], document["looked_at"]) == ("poolwatch.alerts/1", [], None)


def test_the_list_has_every_section_and_the_notices_with_their_ids(desk: Desk) -> None:
    keep(desk, *alerts())
    tried(desk, Sent(SendOutcome.TAKEN))
    assert desk.run("alerts", "silence", "source_down", "--for", "2h", "--reason", "maintenance").code == 0
    told = desk.run("alerts", "list")
    assert (told.code, told.err) == (0, "")
    shown = [" ".join(line.split()) for line in told.lines]
    assert shown[0] == "FIRING 1"
    assert shown[1].startswith("budget team over 90%: $276 of $300 23m rule budget · sent to ops ")
    assert shown[2] == "NO DATA 1"
    assert shown[3].startswith("source s4 down 23m rule source_down")
    assert shown[4] == "SILENCED 1"
    assert shown[5].startswith("source s3 down: no answer for 26m rule source_down · by ")
    assert shown[5].endswith(": “maintenance”")
    assert shown[6:8] == ["PENDING 1", "the pool may run dry at 15:10 23m rule runs_dry"]
    assert shown[8].startswith("NOT TOLD 1: already so")
    assert shown[9].startswith("budget night over 75%")
    assert shown[10] == "CHANNELS"
    assert shown[11].startswith("ops (webhook) ok, last ")
    assert shown[12] == "NOTICES"
    assert shown[13].startswith(f"{ID[:12]} ")
    assert "budget team: over 90%; sent to ops " in shown[13]


def test_a_store_that_nobody_looks_after_is_said_to_be_old(desk: Desk) -> None:
    keep(desk, alerts()[0], looked=now() - timedelta(hours=3))
    assert "nobody has looked since" in desk.run("alerts").err
    document = json.loads(desk.run("alerts", "--json").out)
    assert document["looked_at"] is not None


def test_a_filter_lists_what_matches_alone(desk: Desk) -> None:
    keep(desk, *alerts())
    tried(desk, Sent(SendOutcome.TAKEN))
    told = desk.run("alerts", "--filter", "s4 or night")
    assert (told.code, told.err) == (0, "")
    shown = [" ".join(line.split()) for line in told.lines]
    assert [line.split()[0] for line in shown] == ["NO", "source", "NOT", "budget", "CHANNELS", "ops"]
    document = json.loads(desk.run("alerts", "list", "--json", "--filter", "team").out)
    assert [each["subject"]["id"] for each in document["alerts"]] == ["team"]
    assert [each["id"] for each in document["deliveries"]] == [ID]
    none = desk.run("alerts", "--filter", "zzz")
    assert (none.code, none.err) == (0, "poolwatch: nothing matches “zzz”\n")
    assert "CHANNELS" in none.out


def test_a_silence_is_kept_noted_and_ended(desk: Desk) -> None:
    keep(desk, *alerts())
    told = desk.run("alerts", "silence", "budget", "--for", "1d 12h", "--reason", "new \x1b[2J limits")
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith("rule budget is silenced by ")
    document = json.loads(desk.run("alerts", "--json").out)
    silence = document["silences"][0]
    assert (silence["rule"], silence["subject"]) == ("budget", None)
    assert silence["reason"] == "new \\x1b[2J limits"
    length = datetime.fromisoformat(silence["until"]) - datetime.fromisoformat(silence["at"])
    assert length == timedelta(hours=36)
    assert [each["silenced"] for each in document["alerts"] if each["rule"] == "budget"] == [True, True]
    assert document["firing"] == 1
    # one of the same rule takes its place
    assert desk.run("alerts", "silence", "budget").code == 0
    assert json.loads(desk.run("alerts", "--json").out)["silences"][0]["until"] is None
    ended = desk.run("alerts", "unsilence", "budget")
    assert (ended.code, ended.out) == (0, "rule budget: 1 silence ended\n")
    again = desk.run("alerts", "unsilence", "budget")
    assert (again.code, again.out) == (0, "rule budget is not silenced\n")
    assert json.loads(desk.run("alerts", "--json").out)["silences"] == []
    assert acts(desk) == [
        ("alert_silence", "done"), ("alert_silence", "done"), ("alert_unsilence", "done"),
    ]  # fmt: skip
    noted = entries(desk)
    assert noted[0]["what"] == ["budget"]
    assert str(noted[1]["codes"]).startswith("['until:20")
    assert noted[3]["codes"] == ["for_good"]
    assert "limits" not in json.dumps(noted)
    assert "until somebody ends it" in desk.run("audit").out


def test_each_silence_that_ends_is_noted(desk: Desk) -> None:
    keep(desk, *alerts())
    held = Database(desk.state, now())
    for subject in (None, TEAM, Subject(SubjectKind.ACCOUNT, "3f2a90c1d4e5f607")):
        assert held.silence(Silence("budget", now(), "ann", subject=subject))
    held.close()
    ended = desk.run("alerts", "unsilence", "budget")
    assert (ended.code, ended.out) == (0, "rule budget: 3 silences ended\n")
    assert acts(desk) == [("alert_unsilence", "done")] * 3
    begun = [each for each in entries(desk) if "outcome" not in each]
    assert [(each.get("what"), "accounts" in each) for each in begun] == [
        (["budget"], False), (["budget"], True), (["budget", "budget team"], False),
    ]  # fmt: skip


def test_rules_of_the_configuration_can_be_silenced_and_unknown_ones_are_told_apart(desk: Desk) -> None:
    desk.usual_config.parent.mkdir(parents=True)
    desk.usual_config.write_text('[[alerts]]\nname = "team is full"\nwhen = "weekly>=90"\n')
    assert desk.run("alerts", "silence", "team is full", "--for", "30m").code == 0
    wrong = desk.run("alerts", "silence", "need_you")
    assert (wrong.code, wrong.out) == (2, "")
    assert "there is no rule need_you; did you mean needs_you?" in wrong.err
    far = desk.run("alerts", "unsilence", "xyz")
    assert far.code == 2
    assert "there is no rule xyz" in far.err
    # one that was taken out of the file is silenced still, until that is ended
    desk.usual_config.write_text("")
    assert desk.run("alerts", "unsilence", "team is full").code == 0
    assert desk.run("alerts", "unsilence", "team is full").code == 2


def test_a_rule_that_is_silenced_as_a_whole_is_named_once(desk: Desk) -> None:
    desk.run("alerts", "silence", "budget")
    assert desk.run("alerts", "list").out.count("rule budget") == 1


@pytest.mark.parametrize("typed", ["", "2", "0s", "-2h", "2 weeks", "400d", "2h\x1b[2J"])
def test_a_time_that_is_none_silences_nothing(desk: Desk, typed: str) -> None:
    told = desk.run("alerts", "silence", "budget", f"--for={typed}")
    assert (told.code, told.out) == (2, "")
    assert "--for takes a time" in told.err
    assert "\x1b" not in told.err
    assert not (desk.state / "audit.jsonl").exists()


@pytest.mark.parametrize(
    ("sent", "state"),
    [
        (Sent(SendOutcome.TAKEN), "taken"),
        (Sent(SendOutcome.GONE, message("as_stored", text="410")), "given_up"),
    ],
)
def test_a_notice_goes_on_its_way_again_under_its_id(desk: Desk, sent: Sent, state: str) -> None:
    tried(desk, sent)
    before = json.loads(desk.run("alerts", "--json").out)["deliveries"][0]
    assert (before["state"], before["tries"]) == (state, 1)
    told = desk.run("alerts", "resend", ID[:12].upper())
    assert (told.code, told.err) == (0, "")
    assert told.out.startswith(f"{ID[:12]} is on its way again to ops")
    after = json.loads(desk.run("alerts", "--json").out)["deliveries"][0]
    assert (after["id"], after["state"], after["tries"], after["given_up_at"]) == (ID, "waiting", 0, None)
    assert acts(desk) == [("alert_resend", "done")]
    assert entries(desk)[0]["what"] == [ID, "ops"]


def test_an_id_has_to_be_one_notices(desk: Desk) -> None:
    tried(desk, Sent(SendOutcome.TAKEN), notice(f"{ID[:8]}ff"), notice(ID, "mail"))
    for typed, words in (("zzzz", "no notice"), (ID[:3], "no notice"), (ID[:8], "2 ids begin with")):
        told = desk.run("alerts", "resend", typed)
        assert (told.code, told.out) == (2, "")
        assert words in told.err
    both = desk.run("alerts", "resend", ID)
    assert both.code == 0
    assert "mail, ops" in both.out or "ops, mail" in both.out


def test_masked_it_tells_nobody(desk: Desk) -> None:
    secret = replace(
        alert(Subject(SubjectKind.BUDGET, "team", "eve@example.com"), "budget", "of bob@example.com")
    )
    keep(desk, secret)
    assert desk.run("alerts", "silence", "source_down", "--reason", "ask eve@example.com").code == 0
    for arguments in (("--mask",), ("--mask", "--json")):
        told = desk.run("alerts", *arguments).out
        assert "example.com" not in told
        assert "budget team" in told


def test_a_read_only_machine_is_looked_at_and_left_as_it_is(desk: Desk) -> None:
    keep(desk, *alerts())
    env = {"POOLWATCH_READ_ONLY": "true"}
    for arguments in (("silence", "budget"), ("unsilence", "budget"), ("resend", ID)):
        refused = desk.run("alerts", *arguments, env=env)
        assert refused.code == 3
        assert "read-only" in refused.err or "read_only" in refused.err
    assert desk.run("alerts", env=env).code == 0
    assert json.loads(desk.run("alerts", "--json").out)["silences"] == []


def test_what_cannot_be_kept_is_said(desk: Desk) -> None:
    keep(desk, *alerts(), notices=(notice(),))
    # a newer poolwatch wrote it last: it is only read
    with closing(sqlite3.connect(desk.state / FILE_NAME)) as held:
        held.execute("PRAGMA user_version = 900")
    for arguments in (("silence", "budget"), ("resend", ID)):
        told = desk.run("alerts", *arguments)
        assert (told.code, told.out) == (1, "")
        assert "not done: the database cannot be written" in told.err
    assert acts(desk) == [("alert_silence", "failed"), ("alert_resend", "failed")]
    assert desk.run("alerts").out.startswith("FIRING 2")


@pytest.mark.parametrize(
    "arguments", [("list",), ("silence", "budget"), ("unsilence", "budget"), ("resend", ID)]
)
def test_without_a_database_nothing_is_said_to_be_done_or_to_be_quiet(
    desk: Desk, arguments: tuple[str, ...]
) -> None:
    (desk.state / FILE_NAME).mkdir(parents=True)
    told = desk.run("alerts", *arguments)
    assert (told.code, told.out) == (1, "")
    assert "poolwatch: the database cannot be read; poolwatch doctor says why\n" in told.err


def test_a_database_that_was_set_aside_is_told(desk: Desk) -> None:
    keep(desk, *alerts())
    (desk.state / FILE_NAME).write_bytes(b"rubbish" * 1000)
    told = desk.run("alerts")
    assert told.code == 0
    assert "damaged" in told.err
