"""Alerts, decisions and silences as rows, from boards made by hand."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from poolwatch.domain.alerts import Alert, AlertBoard, Phase, Severity, Silence, Subject, SubjectKind
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import ChannelHealth, ChannelKind, Delivery, Notice, NoticeItem, NoticeKind
from poolwatch.domain.state import AccountState
from poolwatch.domain.usage import Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.alert_list import AlertList, AlertListView, alerts_json, found_ids
from poolwatch.presentation.alerts import (
    AlertRow,
    AlertsView,
    alerts_view,
    cause_text,
    subject_name,
    whole_alerts_view,
)
from poolwatch.presentation.deliveries import channel_spans
from poolwatch.presentation.event_filter import EventLooker
from poolwatch.presentation.view import Prefs, Tone
from tests.presentation.scene import (
    FIVE_HOURS,
    MASKED,
    NOW,
    PREFS,
    account,
    after,
    base,
    dead_token,
    look,
    trouble,
    window,
)

GOLDEN = Path(__file__).parent / "golden" / "alerts.json"
BOB = account("bob@example.com", Usage(base=base(window(100, FIVE_HOURS, after(minutes=47)), allowed=False)))
CAROL = account("carol@example.com", listings=[dead_token()])
DAN = account("dan@example.com", login_trouble=trouble(FailureKind.AMBIGUOUS, 51))
ALICE = account("alice@example.com")
POOL = look(BOB, CAROL, DAN, ALICE)
NAMES = AccountNames({each.key.id: each for each in (BOB, CAROL, DAN, ALICE)})
TEAM = Subject(SubjectKind.BUDGET, "team")
S3 = Subject(SubjectKind.SOURCE, "s3")


def ago(minutes: float) -> datetime:
    return NOW - timedelta(minutes=minutes)


def of(who: AccountState) -> Subject:
    return Subject(SubjectKind.ACCOUNT, who.key.id)


def alert(
    subject: Subject = TEAM,
    rule: str = "budget",
    text: str = "over 90%: $276 of $300",
    minutes: float = 23,
    **more: Any,
) -> Alert:
    made = Alert(
        rule, subject, "1", Phase.FIRING, ago(minutes), fired_at=ago(minutes),
        cause=message("as_stored", text=text),
    )  # fmt: skip
    return replace(made, **more)


def delivery(of_alert: Alert, channel: str = "ops", minutes: float = 23, **more: Any) -> Delivery:
    cause = of_alert.cause or Message("as_stored")
    item = NoticeItem(
        of_alert.rule,
        of_alert.subject,
        Phase.FIRING,
        of_alert.severity,
        ago(minutes),
        cause,
        of_alert.episode,
    )
    notice = Notice(
        f"{channel}{minutes}", channel, NoticeKind.ALERTS, ago(minutes), of_alert.severity, (item,)
    )
    return replace(Delivery(notice, tries=1), **more)


def view(
    *alerts: Alert,
    silences: tuple[Silence, ...] = (),
    deliveries: tuple[Delivery, ...] = (),
    text: str = "",
    names: AccountNames = NAMES,
    prefs: Prefs = PREFS,
) -> AlertsView:
    board = AlertBoard(NOW, alerts, silences)
    chosen = EventLooker(POOL, prefs).chosen(text)

    def lets(row: AlertRow) -> bool:
        return chosen(row.texts, row.account_id, row.source)

    return alerts_view(board, deliveries, names, POOL, lets, NOW, prefs)


def lines(found: AlertsView) -> list[str]:
    out: list[str] = []
    for block in found.blocks:
        out.append(block.heading)
        for row in block.rows:
            beside = " · ".join(span.text for span in row.beside)
            out.append(" | ".join(filter(None, (f"{row.mark} {row.who}", row.text, row.age, beside))))
    return out


WAITS = ["WAITS FOR YOU 1", "✕ dan@example.com | refresh interrupted | 51m"]


def test_what_fires_stands_worst_first_then_newest_first() -> None:
    found = view(
        alert(of(CAROL), "needs_you", "login expired", 572),
        alert(of(BOB), "credits_low", "out of credits", 291),
        alert(),
        alert(Subject(SubjectKind.POOL), "runs_dry", "may run dry", 700, severity=Severity.CRITICAL),
        alert(of(ALICE), "full", "weekly at 91%", 5, severity=Severity.INFO),
    )
    assert lines(found) == [
        "FIRING 5",
        "! the pool | may run dry | 11h 40m",
        "! budget team | over 90%: $276 of $300 | 23m",
        "◐ bob@example.com | out of credits | 4h 51m",
        "✕ carol@example.com | login expired | 9h 32m",
        "! alice@example.com | weekly at 91% | 5m",
        *WAITS,
    ]
    assert found.counts == ("5 firing", "1 waits for you")
    assert [row.mark_tone for row in found.rows[:5]] == [
        Tone.RED, Tone.AMBER, Tone.AMBER, Tone.RED, Tone.ACCENT,
    ]  # fmt: skip
    assert found.rows[1].told == "budget team: over 90%: $276 of $300, since 13:40"
    assert [row.account_id for row in found.rows[:3]] == [None, None, BOB.key.id]


def test_what_does_not_fire_is_not_told() -> None:
    others = (Phase.PENDING, Phase.RESOLVED)
    assert lines(view(*(alert(phase=phase) for phase in others))) == WAITS
    assert alerts_view(None, (), NAMES, look(ALICE), None, NOW, PREFS) == AlertsView()


def test_what_fired_and_cannot_be_told_any_more_is_not_taken_for_resolved() -> None:
    found = view(alert(phase=Phase.UNKNOWN), alert(of(BOB), "full", phase=Phase.UNKNOWN, fired_at=None))
    assert lines(found)[:2] == ["NO DATA 1", "! budget team | over 90%: $276 of $300 | 23m"]
    assert found.counts == ("1 waits for you",)


def test_a_decision_that_fires_already_is_not_told_twice() -> None:
    found = view(alert(of(DAN), "needs_you", "refresh interrupted", 51))
    assert lines(found) == ["FIRING 1", "✕ dan@example.com | refresh interrupted | 51m"]


@pytest.mark.parametrize(
    ("subject", "name"),
    [
        (of(BOB), "bob@example.com"),
        (Subject(SubjectKind.ACCOUNT, "0123456789abcdef"), "01234567"),
        (S3, "source s3"),
        (TEAM, "budget team"),
        (Subject(SubjectKind.BUDGET, "team", BOB.key.id), "budget team: bob@example.com"),
        (Subject(SubjectKind.BUDGET, "team", "frank"), "budget team: frank"),
        (Subject(SubjectKind.POOL), "the pool"),
    ],
)
def test_whom_an_alert_is_about(subject: Subject, name: str) -> None:
    assert subject_name(subject, NAMES) == name
    hidden = subject_name(subject, AccountNames(NAMES.accounts, True))
    assert "example.com" not in hidden


def test_where_it_was_sent() -> None:
    one = alert(again_at=after(hours=3, minutes=37))
    sent = delivery(one, done_at=ago(23))
    earlier = delivery(one, minutes=300, done_at=ago(300))
    fails = delivery(one, "hook", tries=3, last_why=message("as_stored", text="500"))
    tried = delivery(one, "mail", tries=0)
    told = view(one, deliveries=(earlier, sent, fails, tried)).rows[0].beside
    assert [span.text for span in told] == [
        "sent to ops 13:40", "on its way to hook, 3 tries", "on its way to mail", "again at 17:40",
    ]  # fmt: skip
    assert [span.tone for span in told] == [Tone.DIM, Tone.AMBER, Tone.DIM, Tone.DIM]
    given_up = replace(fails, given_up_at=NOW)
    assert view(one, deliveries=(given_up,)).rows[0].beside[0].text == "given up: not sent to hook, 500"
    # of another episode
    assert view(replace(one, episode="2", again_at=None), deliveries=(sent,)).rows[0].beside == ()


def test_what_quiet_hours_held() -> None:
    one = alert(held_until=after(hours=2), again_at=after(hours=4))
    assert [span.text for span in view(one).rows[0].beside] == ["held in quiet hours until 16:03"]
    sent = delivery(one, done_at=ago(60))
    items = sent.notice.items * 5
    digest = replace(sent, notice=replace(sent.notice, kind=NoticeKind.DIGEST, items=items))
    held = replace(one, held_until=ago(60), again_at=None)
    assert view(held, deliveries=(digest,)).rows[0].beside[0].text == "sent to ops 13:03 with 4 others"


def test_silences_with_what_they_keep_quiet() -> None:
    until = after(hours=1, minutes=57)
    quiet = Silence("source_down", ago(9), "ann", until, "maintenance", S3)
    found = view(alert(S3, "source_down", "down"), alert(), silences=(quiet,))
    assert lines(found) == [
        "FIRING 1",
        "! budget team | over 90%: $276 of $300 | 23m",
        *WAITS,
        "SILENCED 1",
        "▲ source s3 | down | by ann until 16:00: “maintenance”",
    ]
    assert found.counts == ("1 firing", "1 waits for you", "1 silenced")
    assert found.rows[-1].silence == quiet
    # one that is over is none
    assert view(alert(), silences=(replace(quiet, until=NOW),)).counts[-1] == "1 waits for you"


def test_a_silence_of_a_whole_rule() -> None:
    quiet = Silence("needs_you", ago(9), "ann")
    none = view(silences=(quiet,))
    assert lines(none)[-1].startswith("· rule needs_you | an account needs you")
    assert lines(none)[-1].endswith("by ann until somebody ends it")
    assert lines(view(silences=(replace(quiet, rule="mine"),)))[-1].startswith("· rule mine | nothing to")
    carol = alert(of(CAROL), "needs_you", "login expired", 5)
    assert lines(view(carol, silences=(quiet,)))[-1].startswith(
        "✕ carol@example.com | login expired | by ann"
    )
    two = view(carol, alert(of(BOB), "needs_you", "blocked"), silences=(quiet,))
    assert lines(two)[-1].startswith("· rule needs_you | 2 alerts | by ann")


def test_a_source_that_is_down_speaks_for_its_accounts() -> None:
    found = view(alert(of(BOB), "full", "weekly at 91%", muted_by="s3"))
    assert lines(found)[-2:] == [
        "SILENCED 1",
        "◐ bob@example.com | weekly at 91% | 23m | source s3 is down and speaks for it",
    ]
    assert found.counts == ("1 waits for you", "1 silenced")


def test_a_filter_lets_rows_through_and_counts_stay() -> None:
    two = (alert(), alert(of(BOB), "credits_low", "out of credits"))
    found = view(*two, text="TEAM over")
    assert lines(found) == ["FIRING 2", "! budget team | over 90%: $276 of $300 | 23m"]
    assert (len(found.rows), found.total) == (1, 3)
    assert found.counts == view(*two).counts


def test_names_can_be_hidden() -> None:
    quiet = Silence("full", ago(9), "ann", None, "ask eve@example.com", of(ALICE))
    names = AccountNames(NAMES.accounts, True)
    found = view(
        alert(of(BOB), "needs_you", "login of bob@example.com in ~/homes/07/auth.json"),
        silences=(quiet,), names=names, prefs=MASKED,
    )  # fmt: skip
    told = "\n".join([*lines(found), *(row.told for row in found.rows)])
    assert "example.com" not in told
    assert "homes" not in told
    assert "ann" not in told
    assert "until somebody ends it: “ask …”" in told


def test_what_an_alert_found_where_that_was_not_kept() -> None:
    assert cause_text(alert(cause=None), NAMES).startswith("a budget has reached")
    assert cause_text(alert(rule="mine", cause=None), NAMES) == "mine"


def test_how_channels_do() -> None:
    ops = ChannelHealth("ops", ChannelKind.APPRISE, last_taken_at=ago(23))
    hook = ChannelHealth(
        "hook", ChannelKind.WEBHOOK, failing_since=ago(181), why=message("as_stored", text="500"),
        next_try_at=after(minutes=27), waiting=3,
    )  # fmt: skip
    new = ChannelHealth("mail", ChannelKind.EMAIL, waiting=1)
    gone = ChannelHealth("old", ChannelKind.WEBHOOK, failing_since=ago(181), disabled=True)
    spans = channel_spans((ops, new, hook, gone), NOW, PREFS)
    assert [(span.text, span.tone) for span in spans] == [
        ("hook (webhook) failing since 11:02: 500, next try 14:30, 3 waiting", Tone.AMBER),
        ("old (webhook) gone", Tone.AMBER),
        ("ops (apprise) ok, last 13:40", Tone.DIM),
        ("mail (email) no notice yet, 1 waiting", Tone.DIM),
    ]


# --- the list


def test_what_was_told_of_a_worse_level_was_not_told_of_a_covered_one() -> None:
    worse, covered = alert(told_at=ago(23)), alert(text="over 75%: $276 of $300", covered_by="budget")
    board = AlertBoard(NOW, (worse, covered))
    whole = whole_alerts_view(
        board, (sent := (delivery(worse, done_at=ago(22)),)), NAMES, POOL, None, NOW, PREFS
    )
    assert lines(whole)[-1] == "! budget team | over 75%: $276 of $300 | 23m | rule budget speaks for it"
    # one that spoke before the worse one came had its notice
    before = AlertBoard(NOW, (worse, replace(covered, told_at=ago(30))))
    told = whole_alerts_view(before, sent, NAMES, POOL, None, NOW, PREFS)
    assert "sent to ops" in lines(told)[-1]


def test_a_rule_of_the_configuration_is_named_for_its_name_alone_says_what_for() -> None:
    own, built_in = alert(of(BOB), "night shift", "weekly 91%"), alert(of(CAROL), "needs_you", "signed out")
    told = [row.told for block in view(own, built_in).blocks for row in block.rows]
    assert any(each.startswith("bob@example.com: weekly 91%, since") for each in told)
    assert [each.endswith("(rule night shift)") for each in told if each.startswith("bob")] == [True]
    assert not any("(rule" in each for each in told if each.startswith("carol"))


def test_what_speaks_for_itself_nowhere_is_listed_all_the_same() -> None:
    covered = alert(of(CAROL), "full", "weekly at 91%", covered_by="needs_you")
    primed = alert(of(BOB), "full", "weekly at 95%", primed=True)
    gone = replace(primed, subject=of(ALICE), phase=Phase.UNKNOWN)
    waits = alert(rule="mine", phase=Phase.PENDING, fired_at=None)
    board = AlertBoard(NOW, (covered, primed, gone, waits))
    # what was so before is no news, and stands last
    so_before = "NOT TOLD 1: already so at the first look"
    found = alerts_view(board, (), NAMES, POOL, None, NOW, PREFS)
    assert lines(found) == [*WAITS, so_before, "◐ bob@example.com | weekly at 95%"]
    row = found.rows[-1]
    assert row.mark_tone is Tone.DIM
    assert row.told == "bob@example.com: weekly at 95%; so it was at the first look, 13:40 (rule full)"
    assert found.counts == ("1 waits for you",)
    whole = whole_alerts_view(board, (), NAMES, POOL, None, NOW, PREFS)
    assert lines(whole) == [
        *WAITS,
        "PENDING 1",
        "! budget team | over 90%: $276 of $300 | 23m",
        "COVERED 1, for something worse of the same is told",
        "✕ carol@example.com | weekly at 91% | 23m | rule needs_you speaks for it",
        so_before,
        "◐ bob@example.com | weekly at 95%",
    ]


def test_what_was_told_of_a_worse_level_was_not_told_of_one_that_was_so_before() -> None:
    worse = alert(text="over its limit: $301 of $300", level=Decimal(100))
    before = alert(text="over 75%: $230 of $300", level=Decimal(75), primed=True)
    sent = delivery(worse, done_at=ago(23))
    assert lines(view(worse, before, deliveries=(sent,)))[1:] == [
        "! budget team | over its limit: $301 of $300 | 23m | sent to ops 13:40",
        *WAITS,
        "NOT TOLD 1: already so at the first look",
        "! budget team | over 75%: $230 of $300",
    ]


def test_of_much_that_was_so_before_the_screen_has_the_worst_and_the_list_all() -> None:
    mild = [alert(Subject(SubjectKind.SOURCE, f"s{number}"), "full", primed=True) for number in range(7)]
    levels = [
        alert(text=f"over {each}%", level=Decimal(each), severity=Severity.CRITICAL, primed=True)
        for each in (90, 75)
    ]
    asked = alert(of(DAN), "needs_you", "refresh interrupted", primed=True)
    board = AlertBoard(NOW, (*mild, *levels, asked))
    found = alerts_view(board, (), NAMES, POOL, None, NOW, PREFS)
    block = found.blocks[-1]
    assert block.heading.startswith("NOT TOLD 8: ")
    whose = ["budget team", "source s0", "source s1", "source s2", "source s3", ""]
    assert [row.who for row in block.rows] == whose
    assert block.rows[0].text == "over 90%"
    assert block.rows[-1].text == "3 more; poolwatch alerts lists all"
    # with the one that waits for a decision
    assert found.total == 9
    assert len(view(*board.alerts, text="source").blocks[-1].rows) == 7
    # who waits for a decision stands once on the screen
    assert "DAN" not in "".join(row.who for row in block.rows).upper()
    whole = whole_alerts_view(board, (), NAMES, POOL, None, NOW, PREFS).blocks[-1]
    assert len(whole.rows) == len({row.id for row in whole.rows}) == 10


def test_a_filter_lets_alerts_silences_and_notices_through_by_what_the_list_says() -> None:
    found = AlertListView(listed(), NAMES, POOL, NOW, PREFS)

    def narrowed(text: str) -> tuple[list[str], list[str], list[str]]:
        lets = EventLooker(POOL, PREFS, found.texts).chosen(text)
        shown = found.narrowed(lets)
        rules = [each.rule for each in shown.board.alerts]
        silences = [each.rule for each in shown.board.silences]
        return rules, silences, [each.notice.id for each in shown.deliveries]

    assert narrowed("label:bob") == (["full"], [], [])
    assert narrowed("source=s3") == ([], ["source_down"], [])
    # where it was sent, and what a summary is called, stand on the list as well
    assert narrowed("hook") == (["budget"], [], ["hook23"])
    assert narrowed("summary") == ([], [], ["s1"])
    assert narrowed("budget") == (["budget"], [], ["ops23", "hook23"])
    assert narrowed("-budget") == (["full", "needs_you"], ["source_down"], ["s1"])
    lets = EventLooker(POOL, PREFS).chosen("budget")
    lines = [" ".join(line.split()) for line in found.lines(lets)]
    assert [line.split()[0] for line in lines] == ["FIRING", "budget", "CHANNELS", "ops", "NOTICES", *_IDS]
    told = json.loads(alerts_json(found.narrowed(lets), NAMES, NOW, found.listed.board))
    assert (told["firing"], len(told["alerts"]), len(told["channels"])) == (1, 1, 1)


def test_what_is_listed_alone_is_quiet_still_by_a_silence_that_is_not() -> None:
    quiet = Silence("budget", ago(5), "ann", reason="holidays")
    board = AlertBoard(NOW, (alert(),), (quiet,))
    whole = AlertListView(AlertList(board), NAMES, POOL, NOW, PREFS)
    shown = replace(whole.listed, board=replace(board, silences=()))
    told = json.loads(alerts_json(shown, NAMES, NOW, board))
    assert (told["firing"], told["alerts"][0]["silenced"], told["silences"]) == (0, True, [])


_IDS = ("ops23", "hook23")


def listed() -> AlertList:
    one = alert(level=Decimal(90), channels=("ops", "hook"), told_at=ago(23), again_at=after(hours=4))
    why = message("as_stored", text="500")
    digest = delivery(one, "hook", tries=2, next_try_at=after(minutes=5), last_why=why)
    summary = Notice(
        "s1", "mail", NoticeKind.SUMMARY, ago(300), Severity.INFO, (), (message("as_stored", text="2 back"),)
    )
    board = AlertBoard(
        NOW,
        (
            one,
            alert(of(BOB), "full", "weekly at 91%", 5, muted_by="s3"),
            alert(of(CAROL), "needs_you", "login expired", 572, phase=Phase.RESOLVED, resolved_at=ago(9)),
        ),
        (Silence("source_down", ago(9), "ann", after(hours=2), "maintenance", S3),),
    )
    channels = (ChannelHealth("ops", ChannelKind.WEBHOOK, last_taken_at=ago(23)),)
    sent = (delivery(one, done_at=ago(23), tried_at=ago(23)), digest, Delivery(summary))
    return AlertList(board, NOW, channels, sent)


def test_the_golden_document_is_told_key_by_key() -> None:
    told = alerts_json(listed(), NAMES, NOW)
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()


def test_the_document_tells_nobody_who_is_hidden() -> None:
    told = alerts_json(listed(), AccountNames(NAMES.accounts, True), NOW)
    assert "example.com" not in told
    assert json.loads(told)["silences"][0]["by"] is None


def test_ids_are_found_by_their_first_digits() -> None:
    deliveries = listed().deliveries
    assert found_ids(deliveries, "ops") == ("ops23",)
    assert found_ids(deliveries, " OPS23 ") == ("ops23",)
    assert found_ids(deliveries, "") == ()
    assert found_ids(deliveries, "zzz") == ()


def test_a_silence_that_ended_since_the_board_was_told_keeps_nothing_quiet() -> None:
    over = Silence("budget", ago(60), "ann", ago(1))
    board = AlertBoard(ago(5), (alert(),), (over,))
    found = alerts_view(board, (), NAMES, POOL, None, NOW, PREFS)
    assert found.counts == ("1 firing", "1 waits for you")
