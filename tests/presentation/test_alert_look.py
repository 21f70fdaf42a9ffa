"""What a look says of accounts, sources, budgets and the pool: it holds, stays, is over, or is unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.account import AccountKey, Custody, Listing, LoginKind, Name, SourceRef, TokenFacts
from poolwatch.domain.alert_findings import RuleFinding, Truth
from poolwatch.domain.alert_rules import all_rules, built_in, events, watched
from poolwatch.domain.alerts import Alert, AlertBoard, BuiltIn, Phase, Rule, Severity, Subject, SubjectKind
from poolwatch.domain.budgets import (
    Budget,
    BudgetPeriod,
    BudgetReport,
    BudgetState,
    Limit,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
)
from poolwatch.domain.burn import Burn, PoolBurn
from poolwatch.domain.event_log import EventKind, LoggedEvent, Unit
from poolwatch.domain.failure import FailureKind, LoginProblem, failure
from poolwatch.domain.message import message
from poolwatch.domain.notices import Delivery, Notice, NoticeItem, NoticeKind
from poolwatch.domain.outlook import PoolOutlook, Verdict
from poolwatch.domain.overview import overview
from poolwatch.domain.state import AccountState, DeadLogin, PoolState, SourceState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import Aged, BankedReset, Credits, RateLimit, Usage, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.presentation.alert_look import AlertLook, Moment
from poolwatch.presentation.deliveries import warnings_sent
from poolwatch.presentation.pool_alerts import (
    event_cause,
    events_seen,
    found_of_budgets,
    found_of_pool,
    found_of_sources,
    summary_lines,
)
from poolwatch.presentation.view import Prefs
from poolwatch.words.messages import message_text, texts

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOLDS, STAYS, OVER, UNKNOWN = Truth
OLD = NOW - timedelta(hours=1)


def hours(count: float) -> datetime:
    return NOW + timedelta(hours=count)


LATER = hours(200)


def window(percent: float | None, seconds: int = 604_800) -> UsageWindow:
    return UsageWindow(percent, seconds, hours(30))


def listing(
    *,
    custody: Custody = Custody.CODEX,
    ends: datetime | None = LATER,
    refresh: str | None = "r",
    login: LoginKind = LoginKind.OAUTH,
    source: str = "homes",
    renews: bool = False,
) -> Listing:
    token = TokenFacts(ends, None, "f", refresh)
    ref = SourceRef(source, "carol")
    return Listing(ref, custody=custody, login=login, token=token, renews_itself=renews)


def account(usage: Usage | None = None, *listings: Listing, **more: object) -> AccountState:
    made = AccountState(
        AccountKey("codex", "u", "a"),
        listings or (listing(),),
        Name("carol", "night"),
        usage or Usage(),
        NOW,
        NOW,
    )
    return replace(made, **more)  # type: ignore[arg-type]  # names of fields


def weekly(percent: float | None, at: datetime = NOW, *more: UsageWindow) -> Usage:
    return Usage(base=Aged(RateLimit(None, None, (window(percent), *more)), at, "homes"))


def look(
    rule: Rule, of: AccountState, *, top_ups: Mapping[str, Decimal] | None = None, down: bool = False
) -> RuleFinding | None:
    found = watched(rule)
    assert found is not None
    why = failure(FailureKind.UNREACHABLE, "net.refused") if down else None
    state = PoolState(accounts={of.key: of}, sources={"homes": SourceState("homes", failure=why)})
    prefs = Prefs(PoolRules(), mask=True)
    moment = Moment.of(state, NOW, prefs, lambda *place: "/".join(place[1:]), top_ups or {})
    seen = AlertLook([found], moment, lambda rule, subject: True).findings(of)
    assert len(seen) <= 1
    return seen[0] if seen else None


@pytest.mark.parametrize(
    ("when", "usage", "truth"),
    [
        ("weekly>=90", weekly(93), HOLDS),
        ("weekly>=90", weekly(86), STAYS),
        ("weekly>=90", weekly(84), OVER),
        ("weekly>=90", weekly(93, OLD), UNKNOWN),
        ("weekly>=90", weekly(3, OLD), UNKNOWN),
        ("weekly>=90", weekly(None), UNKNOWN),
        ("weekly>=90", Usage(), UNKNOWN),
        ("-weekly>=90", weekly(96), OVER),
        ("-weekly>=90", weekly(92), STAYS),
        ("-weekly>=90", weekly(None), UNKNOWN),
        ("weekly>=90 group:night", weekly(93), HOLDS),
        ("weekly>=90 group:day", weekly(93), OVER),
        # one part that is known decides where it can
        ("weekly>=90 or 5h>=90", weekly(93), HOLDS),
        ("weekly>=90 or 5h>=90", weekly(3), UNKNOWN),
        ("weekly>=90 5h>=90", weekly(3), OVER),
        ("status:exhausted", weekly(100), HOLDS),
        ("status:exhausted", weekly(20), OVER),
        ("status:exhausted", weekly(100, OLD), UNKNOWN),
        ("status:unknown", Usage(), HOLDS),
        ("status:exhausted", Usage(), UNKNOWN),
        ("exhausted", weekly(100), HOLDS),
        ("exhausted", weekly(100, OLD), UNKNOWN),
        ("carol", weekly(100, OLD), HOLDS),
        ("credits<10", Usage(), UNKNOWN),
    ],
)
def test_a_filter_of_an_account(when: str, usage: Usage, truth: Truth) -> None:
    found = look(Rule("r", when), account(usage))
    assert found is not None
    assert found.truth is truth


@pytest.mark.parametrize(("percent", "truth"), [(93, HOLDS), (60, STAYS), (49, OVER), (None, UNKNOWN)])
def test_a_filter_that_ends_it(percent: float | None, truth: Truth) -> None:
    found = look(Rule("r", "weekly>=90", clear="weekly<50"), account(weekly(percent)))
    assert found is not None
    assert found.truth is truth


def test_what_was_found_is_told_with_its_window_and_figure() -> None:
    found = look(Rule("r", "5h>=90 or weekly>=90"), account(weekly(93, NOW, window(12, 18_000))))
    assert found is not None
    assert (found.window, found.label) == ("codex/weekly", "night/carol")
    assert found.cause is not None
    assert message_text(found.cause) == "weekly 93%"
    found = look(Rule("r", "group:night"), account())
    assert found is not None
    assert (found.window, found.cause and message_text(found.cause)) == (None, "matches group:night")


def test_a_rule_sees_what_is_masked_on_the_screen() -> None:
    found = look(Rule("r", "label:carol"), account())
    assert found is not None
    assert found.truth is HOLDS


def test_who_speaks_for_an_account() -> None:
    assert (found := look(Rule("r", "carol"), account(), down=True)) is not None
    assert found.muted_by == "homes"
    dead = account(None, listing(ends=OLD, refresh=None))
    rules = [each for rule in all_rules((Rule("r", "carol"),)) if (each := watched(rule)) is not None]
    moment = Moment.of(PoolState(accounts={dead.key: dead}), NOW, Prefs(), lambda *place: None, {})
    seen = {each.rule: each for each in AlertLook(rules, moment, lambda *asked: False).findings(dead)}
    assert seen.keys() == {"r", "needs_you"}
    assert (seen["r"].covered_by, seen["needs_you"].covered_by) == ("needs_you", None)
    # that a login died is an event of its own
    assert (seen["r"].is_told, seen["needs_you"].is_told) == (False, True)
    cause = seen["needs_you"].cause
    assert cause is not None
    assert message_text(cause) == "the login has expired"


@pytest.mark.parametrize(
    ("channels", "by_default", "covered"),
    [((), (), True), (("ops",), ("ops", "mail"), True), (("ops",), (), False), (("ops",), ("mail",), False)],
)
def test_a_dead_login_speaks_only_to_those_who_hear_of_it(
    channels: tuple[str, ...], by_default: tuple[str, ...], covered: bool
) -> None:
    dead = account(None, listing(ends=OLD, refresh=None))
    own = Rule("own", "status:needs_login", channels=channels)
    rules = [each for rule in all_rules((own,), by_default) if (each := watched(rule)) is not None]
    moment = Moment.of(PoolState(accounts={dead.key: dead}), NOW, Prefs(), lambda *place: None, {})
    seen = {each.rule: each for each in AlertLook(rules, moment, lambda *asked: False).findings(dead)}
    assert seen["own"].truth is HOLDS
    assert seen["own"].covered_by == ("needs_you" if covered else None)


CODES = sorted(
    {f"alerts.login_{each.value}" for each in LoginProblem}
    | {f"alerts.{each.value}" for each in (FailureKind.EDGE_BLOCKED, FailureKind.CONFLICT)}
    | {f"alerts.{each.value}" for each in (FailureKind.AMBIGUOUS, FailureKind.KEPT)}
    | {f"alerts.event_{each}" for each in events()}
)


@pytest.mark.parametrize("code", CODES)
def test_every_reason_and_every_event_has_words(code: str) -> None:
    assert code in texts()


@pytest.mark.parametrize(
    ("balance", "truth"),
    [("9.99", HOLDS), ("10", STAYS), ("14.99", STAYS), ("15", OVER), ("-3", HOLDS), (None, UNKNOWN)],
)
def test_credits_beside_the_last_top_up(balance: str | None, truth: Truth) -> None:
    known = Credits(True, False, False, None if balance is None else Decimal(balance))
    rule = built_in(BuiltIn.CREDITS_LOW)
    carol = account(Usage(credits=Aged(known, NOW, "homes")))
    found = look(rule, carol, top_ups={carol.key.id: Decimal(100)})
    assert found is not None
    assert found.truth is truth
    assert look(rule, carol) is None
    endless = account(Usage(credits=Aged(replace(known, unlimited=True), NOW, "homes")))
    assert (found := look(rule, endless, top_ups={carol.key.id: Decimal(100)})) is not None
    assert found.truth is OVER
    old = account(Usage(credits=Aged(known, OLD, "homes")))
    assert (found := look(rule, old, top_ups={carol.key.id: Decimal(100)})) is not None
    assert found.truth is UNKNOWN


@pytest.mark.parametrize(("ends", "truth"), [(47, HOLDS), (49, OVER), (-1, OVER)])
def test_a_banked_reset_that_ends(ends: float, truth: Truth) -> None:
    rows = (BankedReset(hours(ends), status="available"), BankedReset(hours(900), status="available"))
    found = look(built_in(BuiltIn.BANKED_RESET_ENDS), account(Usage(reset_list=Aged(rows, NOW, "homes"))))
    assert found is not None
    assert found.truth is truth
    # each is a window of its own
    assert found.window == ("reset/2026-11-22T11" if truth is HOLDS else None)


SOON = hours(20)
OWN = Custody.POOLWATCH


@pytest.mark.parametrize(
    ("listings", "truth"),
    [
        ([listing(custody=OWN, ends=SOON)], HOLDS),
        ([listing(custody=OWN, ends=SOON, renews=True)], OVER),
        ([listing(custody=OWN, ends=hours(25))], OVER),
        ([listing(custody=Custody.STATIC, ends=SOON, refresh=None)], HOLDS),
        ([listing(custody=Custody.STATIC, ends=None, refresh=None)], OVER),
        # Codex renews its own when it is used; without a refresh token it cannot
        ([listing(ends=SOON)], OVER),
        ([listing(ends=SOON, refresh=None)], HOLDS),
        ([listing(ends=SOON, refresh="dead")], HOLDS),
        ([listing(custody=Custody.OTHER, ends=SOON)], OVER),
        ([listing(custody=Custody.POOL, ends=SOON)], OVER),
        # one entry that is renewed, or ends later, is enough
        ([listing(custody=OWN, ends=SOON), listing(source="pool", custody=Custody.POOL)], OVER),
        ([listing(custody=OWN, ends=SOON), listing(source="b", custody=OWN)], OVER),
        # what has ended needs you, and ends no more
        ([listing(custody=OWN, ends=OLD)], OVER),
    ],
)
def test_a_login_that_ends_and_that_nobody_renews_by_itself(listings: list[Listing], truth: Truth) -> None:
    dead = DeadLogin("dead", LoginProblem.USED_ELSEWHERE, OLD)
    found = look(built_in(BuiltIn.LOGIN_ENDS), account(None, *listings, dead_login=dead))
    assert found is not None
    assert found.truth is truth


def test_sources() -> None:
    down = failure(FailureKind.UNREACHABLE, "net.refused")
    state = PoolState(sources={"a": SourceState("a"), "b": SourceState("b", failure=down)})
    moment = Moment.of(state, NOW, Prefs(), lambda *place: None, {})
    assert [(each.subject.id, each.truth, each.is_told) for each in found_of_sources(moment)] == [
        ("a", OVER, False),
        ("b", HOLDS, True),
    ]


@pytest.mark.parametrize(
    ("verdict", "chance", "age", "truth"),
    [
        (Verdict.DRY, 1.0, 0, HOLDS),
        (Verdict.MAY_RUN_DRY, 0.2, 0, HOLDS),
        (Verdict.LASTS, 0.19, 0, STAYS),
        (Verdict.LASTS, 0.15, 0, OVER),
        (Verdict.UNKNOWN, None, 0, UNKNOWN),
        (Verdict.MAY_RUN_DRY, 0.9, 3, UNKNOWN),
        (Verdict.LASTS, 0.0, 3, UNKNOWN),
    ],
)
def test_the_pool(verdict: Verdict, chance: float | None, age: float, truth: Truth) -> None:
    said = PoolOutlook(hours(-age), PoolBurn(Burn(), Burn()), verdict, dry_probability=chance)
    assert found_of_pool(said, NOW).truth is truth
    assert found_of_pool(None, NOW).truth is UNKNOWN


def budget(
    spent: str | None, *, by: MeasuredBy = MeasuredBy.USAGE, read_at: datetime | None = NOW, **more: object
) -> BudgetState:
    measured = Measured(by, None if spent is None else Decimal(spent), read_at=read_at)
    made = BudgetState(
        Budget("team", Limit(LimitUnit.USD, Decimal(300)), BudgetPeriod.MONTHLY),
        Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)),
        measured,
    )
    return replace(made, **more)  # type: ignore[arg-type]  # names of fields


def seen_of(state: BudgetState, rule: Rule, prefs: Prefs = Prefs()) -> list[RuleFinding]:  # noqa: B008 - frozen
    found = watched(rule)
    assert found is not None
    moment = Moment.of(PoolState(), NOW, prefs, lambda *place: "weekly/1", {})
    return found_of_budgets([found], BudgetReport(NOW, (state,)), moment)[0]


def notice_of(
    found: RuleFinding, at: datetime, channel: str = "ops", kind: NoticeKind = NoticeKind.ALERTS
) -> Notice:
    assert found.cause is not None
    item = NoticeItem(found.rule, found.subject, Phase.FIRING, Severity.WARNING, at, found.cause)
    return Notice(f"{channel}{at}", channel, kind, at, Severity.WARNING, (item,))


def test_what_became_of_the_notice_of_each_warning_of_a_budget() -> None:
    state = budget("310")
    low, high, limit = seen_of(state, built_in(BuiltIn.BUDGET))
    elsewhere = replace(high, subject=Subject(SubjectKind.BUDGET, "team", "ann"))
    morning, why = NOW.replace(hour=7), message("as_stored", text="500")
    sent = (
        Delivery(notice_of(low, hours(-99)), 1, done_at=hours(-99)),
        # of the month before, of another part, of another channel
        Delivery(notice_of(high, NOW - timedelta(days=30)), 1, done_at=NOW - timedelta(days=30)),
        Delivery(notice_of(elsewhere, hours(-9)), 1, done_at=hours(-9)),
        Delivery(notice_of(limit, morning, kind=NoticeKind.DIGEST), 1, done_at=morning),
        Delivery(notice_of(limit, hours(-6), "mail"), 3, given_up_at=hours(-1), last_why=why),
    )
    assert warnings_sent(state, None, sent, NOW, Prefs(zone=UTC)) == {
        Decimal(75): "sent to ops",
        Decimal(100): "sent to ops 07:00, given up: not sent to mail, 500",
    }
    assert seen_of(budget("300"), built_in(BuiltIn.BUDGET))[2].cause != limit.cause
    exactly = (Delivery(notice_of(seen_of(budget("300"), built_in(BuiltIn.BUDGET))[2], NOW)),)
    assert warnings_sent(state, None, exactly, NOW, Prefs()) == {Decimal(100): "on its way to ops"}
    held = Alert(
        low.rule, low.subject, "1", Phase.FIRING, NOW, cause=low.cause, level=low.level, held_until=hours(8)
    )
    board = AlertBoard(NOW, (held,))
    assert warnings_sent(state, board, (), NOW, Prefs(zone=UTC)) == {
        Decimal(75): "held in quiet hours until 20:00"
    }
    assert warnings_sent(state, board, (), hours(9), Prefs(zone=UTC)) == {}


@pytest.mark.parametrize(
    ("state", "truths"),
    [
        (budget("276"), [HOLDS, HOLDS, OVER]),
        (budget("300"), [HOLDS] * 3),
        (budget("212"), [STAYS, OVER, OVER]),
        (budget(None), [UNKNOWN] * 3),
        # what was spent grows: over is over, however old; what is below may be over by now
        (budget("276", read_at=OLD), [HOLDS, HOLDS, UNKNOWN]),
        (budget("276", read_at=OLD, by=MeasuredBy.WINDOW), [UNKNOWN] * 3),
    ],
)
def test_the_levels_of_a_budget(state: BudgetState, truths: list[Truth]) -> None:
    found = seen_of(state, built_in(BuiltIn.BUDGET))
    assert [each.level for each in found] == [75, 90, 100]
    assert [each.truth for each in found] == truths
    assert {each.window for each in found} == {"period/2026-11-01T00:00Z"}


def test_balances_and_windows_are_as_old_as_readings_of_accounts_are() -> None:
    polled_seldom, rule = Prefs(PoolRules(stale_after=timedelta(hours=2))), built_in(BuiltIn.BUDGET)
    for by in (MeasuredBy.BALANCE, MeasuredBy.WINDOW):
        found = seen_of(budget("276", read_at=hours(-1), by=by), rule, polled_seldom)
        assert [each.truth for each in found] == [HOLDS, HOLDS, OVER]
    # session files are read each minute, however seldom accounts are
    found = seen_of(budget("276", read_at=hours(-1)), rule, polled_seldom)
    assert [each.truth for each in found] == [HOLDS, HOLDS, UNKNOWN]


def test_at_the_limit_and_over_it_are_told_in_words() -> None:
    for spent, percent, told in (
        ("300", 100, "at its limit: $300 of $300"),
        ("310", 100, "over its limit: $310 of $300"),
        ("330", 110, "over 110%: $330 of $300"),
    ):
        cause = seen_of(budget(spent), Rule("r", f"budget:team>={percent}"))[0].cause
        assert cause is not None
        assert message_text(cause) == told


@pytest.mark.parametrize(
    ("unit", "told"),
    [
        (LimitUnit.CREDITS, "over 90%: 280 of 300 credits"),
        (LimitUnit.TOKENS, "over 90%: 280 of 300 tokens"),
        (LimitUnit.PERCENT, "over 90%: 280% of 300%"),
    ],
)
def test_a_unit_that_is_a_word_stands_once(unit: LimitUnit, told: str) -> None:
    state = budget("280")
    state = replace(state, budget=replace(state.budget, limit=Limit(unit, Decimal(300))))
    cause = seen_of(state, Rule("r", "budget:team>=90"))[0].cause
    assert cause is not None
    assert message_text(cause) == told


def test_a_rule_about_a_budget_and_its_words() -> None:
    (found,) = seen_of(budget("276.5"), Rule("r", "budget:team>=90"))
    assert (found.truth, found.level) == (HOLDS, None)
    assert found.cause is not None
    assert message_text(found.cause) == "over 90%: $276.50 of $300.00"
    assert seen_of(budget("276"), Rule("r", "budget:other>=90")) == []
    (found,) = seen_of(budget("276"), Rule("r", "budget:*>=90", clear="budget:*<93"))
    assert found.truth is HOLDS
    part = budget("1", whose="night", by=MeasuredBy.WINDOW)
    (found,) = seen_of(part, Rule("r", "budget:*>=90"))
    assert (found.subject.part, found.label, found.window) == ("night", "team: night", "weekly/1")
    guess = budget("290", measured=Measured(MeasuredBy.USAGE, Decimal(290), Decimal(9), read_at=NOW))
    cause = seen_of(guess, Rule("r", "budget:*>=90"))[0].cause
    assert cause is not None
    assert message_text(cause) == "over 90%: about $290 of $300"


def test_events_as_rules_tell_them() -> None:
    carol = account()
    moment = Moment.of(PoolState(accounts={carol.key: carol}), NOW, Prefs(), lambda *place: None, {})
    reset = LoggedEvent(
        "1",
        NOW,
        EventKind.EARLY_RESET,
        carol.key.id,
        window="weekly",
        before=97.0,
        after=0.0,
        unit=Unit.PERCENT,
    )
    came = LoggedEvent("2", NOW, EventKind.CREDITS_CAME, "gone", before=Decimal(1), after=Decimal(501))
    down = LoggedEvent("3", NOW, EventKind.SOURCE_DOWN, source="s3")
    many = LoggedEvent("4", NOW, EventKind.UPSTREAM_RESET, source="s3", accounts=41, of_accounts=60)
    fresh = LoggedEvent("5", NOW, EventKind.BUDGET_RESET, was="night", now="team")
    seen = events_seen([reset, came, down, many, fresh], moment)
    assert [(each.label, message_text(each.cause)) for each in seen] == [
        ("night/carol", "weekly: reset early, 97% → 0%"),
        ("", "credits came, by a top-up or a grant: 1.00 → 501.00"),
        ("s3", "down"),
        ("s3", "41 of 60 accounts were reset early"),
        ("team", "began anew; it had reached its limit"),
    ]
    assert [each.subject.kind.value for each in seen] == ["account", "account", "source", "source", "budget"]
    assert seen[4].subject.part == "night"
    for kind in events().values():
        assert "{" not in message_text(event_cause(LoggedEvent("6", NOW, kind)))


def test_the_summary_of_a_day() -> None:
    out, dead = account(weekly(100)), account(None, listing(ends=OLD, refresh=None))
    dead = replace(dead, key=AccountKey("codex", "u2", "a2"), name=Name("dan"))
    state = PoolState(accounts={each.key: each for each in (out, dead)})
    events = [LoggedEvent(str(number), NOW, EventKind.EXHAUSTED, "a") for number in range(3)]
    events.append(LoggedEvent("9", NOW, EventKind.SOURCE_DOWN, source="s3"))
    # what befalls balances is told by their names, and is no account's
    events += [LoggedEvent(f"b{number}", NOW, EventKind.EXHAUSTED, source="reef") for number in range(2)]
    events.append(LoggedEvent("b3", NOW, EventKind.NOT_OFFERED, source="old"))
    parts = (budget("300", whose="day"), budget("299.99", whose="eve"), budget(None, whose="night"))
    report = BudgetReport(NOW, (budget("276"), *parts))
    board = AlertBoard(NOW)
    lines = summary_lines(overview(state, NOW, PoolRules()), report, board, events)
    assert [message_text(each) for each in lines] == [
        "need you: dan",
        "exhausted now: night/carol",
        "3 times in the last 24 hours: exhausted",
        "once in the last 24 hours: a source went down",
        "balances used up in the last 24 hours: reef",
        "balances no longer offered by their services: old",
        "budget team: $276 of $300",
        "budget team: 1 of 3 at the limit or over it, 1 unknown",
    ]
    nobody = overview(PoolState(), NOW, PoolRules())
    assert summary_lines(nobody, None, None, []) == ()
    # what could not be read is not nothing
    unread = [message_text(each) for each in summary_lines(nobody, None, None, None)]
    assert unread == ["what happened in the last 24 hours could not be read"]
