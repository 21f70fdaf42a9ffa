"""What budgets and accounts say to `check`, one by one and together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.account import AccountKey, Custody, Listing, LoginKind, Name, SourceRef, TokenFacts
from poolwatch.domain.budgets import (
    AtLimit,
    Budget,
    BudgetPeriod,
    BudgetState,
    Each,
    Level,
    Limit,
    LimitUnit,
    Measured,
    MeasuredBy,
    Period,
)
from poolwatch.domain.check import (
    Checked,
    Given,
    Verdict,
    Why,
    both,
    concerning,
    first_given,
    of_account,
    of_budget,
    of_budgets,
    of_matches,
)
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import PoolRules, judge
from poolwatch.domain.usage import Aged, RateLimit, Usage, UsageWindow
from poolwatch.domain.values import replace

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
RULES = PoolRules(stale_after=timedelta(minutes=10))
MINUTE = timedelta(minutes=1)
RESETS = NOW + timedelta(days=10)
BUDGET = Budget("team", Limit(LimitUnit.USD, Decimal(300)), BudgetPeriod.MONTHLY, at_limit=AtLimit.STOP)


def state_of(
    level: Level | None = Level.OK,
    *,
    age: timedelta | None = MINUTE,
    by: MeasuredBy = MeasuredBy.USAGE,
    spent: Decimal | None = Decimal(100),
    grace_until: datetime | None = None,
    at_least: bool = False,
) -> BudgetState:
    read_at = None if age is None else NOW - age
    measured = Measured(by, spent, at_least=at_least, read_at=read_at)
    return BudgetState(BUDGET, Period(NOW, RESETS), measured, level, grace_until=grace_until)


@pytest.mark.parametrize(
    ("state", "verdict", "why"),
    [
        (state_of(), Verdict.GO, Why.WITHIN),
        (state_of(Level.WARNED), Verdict.GO, Why.WITHIN),
        (state_of(at_least=True), Verdict.GO, Why.WITHIN),
        (state_of(Level.STOPPED), Verdict.STOP, Why.OVER),
        # one that only warns stops who asks for it
        (state_of(Level.LIMIT), Verdict.STOP, Why.OVER),
        (state_of(Level.GRACE), Verdict.GO, Why.GRACE),
        # session files are looked at every minute, so 15 of them are old
        (state_of(age=15 * MINUTE), Verdict.GO, Why.WITHIN),
        (state_of(age=15 * MINUTE + timedelta(seconds=1)), Verdict.CANNOT_TELL, Why.OLD),
        (state_of(Level.GRACE, age=16 * MINUTE), Verdict.CANNOT_TELL, Why.OLD),
        # readings of accounts are old by the setting
        (state_of(age=11 * MINUTE, by=MeasuredBy.BALANCE), Verdict.CANNOT_TELL, Why.OLD),
        (state_of(age=9 * MINUTE, by=MeasuredBy.WINDOW), Verdict.GO, Why.WITHIN),
        # read under a wrong clock
        (state_of(age=-16 * MINUTE), Verdict.CANNOT_TELL, Why.OLD),
        (state_of(age=None), Verdict.CANNOT_TELL, Why.NEVER_READ),
        (state_of(None, spent=None), Verdict.CANNOT_TELL, Why.UNKNOWN),
        (state_of(None, spent=None, age=None), Verdict.CANNOT_TELL, Why.NEVER_READ),
        # what is known to be over its limit stops at any age
        (state_of(Level.STOPPED, age=9_000 * MINUTE), Verdict.STOP, Why.OVER),
        (state_of(Level.STOPPED, age=None), Verdict.STOP, Why.OVER),
    ],
)
def test_a_budget(state: BudgetState, verdict: Verdict, why: Why) -> None:
    found = of_budget(state, NOW, RULES)
    assert (found.verdict, found.why) == (verdict, why)
    assert found.read_at == state.measured.read_at


def test_until_when_a_budget_says_so() -> None:
    assert of_budget(state_of(Level.STOPPED), NOW, RULES).until == RESETS
    ends = NOW + timedelta(hours=2)
    assert of_budget(state_of(Level.GRACE, grace_until=ends), NOW, RULES).until == ends


@pytest.mark.parametrize(
    ("spent", "over"),
    [("299.999999999999", None), ("300", Decimal(0)), ("300.000000000001", Decimal("0.000000000001"))],
)
def test_how_far_over(spent: str, over: Decimal | None) -> None:
    assert state_of(Level.STOPPED, spent=Decimal(spent)).over_by == over


def test_one_budget_that_stops_is_enough() -> None:
    go, stop, unknown = state_of(), state_of(Level.STOPPED), state_of(age=None)
    assert of_budgets([], NOW, RULES).verdict is Verdict.GO
    assert of_budgets([go, go], NOW, RULES).verdict is Verdict.GO
    assert of_budgets([go, unknown], NOW, RULES).verdict is Verdict.CANNOT_TELL
    answer = of_budgets([go, unknown, stop], NOW, RULES)
    assert answer.verdict is Verdict.STOP
    assert [each.budget for each in answer.said(Verdict.STOP)] == [stop]
    one = of_budgets([go], NOW, RULES)
    assert both(one, of_budgets([unknown], NOW, RULES)).verdict is Verdict.CANNOT_TELL
    assert both(answer, one).verdict is Verdict.STOP


# --- accounts


def account_of(
    age: timedelta | None = MINUTE,
    *,
    allowed: bool | None = True,
    resets_in: timedelta | None = None,
    custody: Custody = Custody.CODEX,
    token_ends: timedelta = timedelta(days=1),
    disabled: bool = False,
    deactivations: int = 0,
    login: LoginKind = LoginKind.OAUTH,
) -> AccountState:
    token = TokenFacts(expires_at=NOW + token_ends, fingerprint="f")
    listing = Listing(
        SourceRef("homes", "bob"),
        custody=custody,
        email="bob@example.com",
        token=token,
        disabled=disabled,
        login=login,
    )
    usage, read_at = Usage(), None
    if age is not None:
        read_at = NOW - age
        resets_at = None if resets_in is None else NOW + resets_in
        full = UsageWindow(20.0 if allowed else 100.0, 18_000, resets_at)
        usage = Usage(base=Aged(RateLimit(allowed, None, (full,)), read_at, "homes"))
    return AccountState(
        AccountKey("codex", "u", "a"),
        (listing,),
        name=Name("bob"),
        usage=usage,
        read_at=read_at,
        deactivations=deactivations,
    )


@pytest.mark.parametrize(
    ("account", "verdict", "why"),
    [
        (account_of(), Verdict.GO, Why.ACTIVE),
        (account_of(11 * MINUTE), Verdict.CANNOT_TELL, Why.OLD),
        (account_of(-11 * MINUTE), Verdict.CANNOT_TELL, Why.OLD),
        (account_of(None), Verdict.CANNOT_TELL, Why.NEVER_READ),
        (account_of(allowed=False, resets_in=timedelta(hours=1)), Verdict.STOP, Why.EXHAUSTED),
        # no time alone brings it back before its reset
        (account_of(99 * MINUTE, allowed=False, resets_in=timedelta(hours=1)), Verdict.STOP, Why.EXHAUSTED),
        (account_of(99 * MINUTE, allowed=False, resets_in=-MINUTE), Verdict.CANNOT_TELL, Why.OLD),
        (account_of(99 * MINUTE, allowed=False), Verdict.CANNOT_TELL, Why.OLD),
        (account_of(allowed=False, resets_in=-MINUTE), Verdict.STOP, Why.EXHAUSTED),
        (account_of(token_ends=-MINUTE), Verdict.STOP, Why.NEEDS_LOGIN),
        # Codex may have renewed it meanwhile; what poolwatch keeps nobody else renews
        (account_of(99 * MINUTE, token_ends=-MINUTE), Verdict.CANNOT_TELL, Why.OLD),
        (
            account_of(99 * MINUTE, token_ends=-MINUTE, custody=Custody.POOLWATCH),
            Verdict.STOP,
            Why.NEEDS_LOGIN,
        ),
        (account_of(99 * MINUTE, disabled=True), Verdict.STOP, Why.DISABLED),
        (account_of(99 * MINUTE, deactivations=2), Verdict.STOP, Why.DEACTIVATED),
        (account_of(None, login=LoginKind.API_KEY), Verdict.CANNOT_TELL, Why.UNKNOWN),
    ],
)
def test_an_account(account: AccountState, verdict: Verdict, why: Why) -> None:
    found = of_account(judge(account, NOW, RULES), NOW)
    assert (found.verdict, found.why) == (verdict, why)
    assert found.read_at == account.read_at


def test_until_when_an_account_stops() -> None:
    ahead = account_of(allowed=False, resets_in=timedelta(hours=1))
    assert of_account(judge(ahead, NOW, RULES), NOW).until == NOW + timedelta(hours=1)
    passed = account_of(allowed=False, resets_in=-MINUTE)
    assert of_account(judge(passed, NOW, RULES), NOW).until is None


GO = Checked(Verdict.GO, Why.ACTIVE)
STOP = Checked(Verdict.STOP, Why.EXHAUSTED)
OLD = Checked(Verdict.CANNOT_TELL, Why.OLD)


@pytest.mark.parametrize(
    ("matching", "others", "verdict"),
    [
        ([STOP, OLD, GO], [], Verdict.GO),
        ([STOP], [], Verdict.STOP),
        ([STOP, OLD], [], Verdict.CANNOT_TELL),
        # a new reading may let it through
        ([STOP], [OLD], Verdict.CANNOT_TELL),
        ([], [OLD], Verdict.CANNOT_TELL),
        # what is fresh and does not match will not soon
        ([], [GO], Verdict.STOP),
    ],
)
def test_a_filter(matching: Sequence[Checked], others: Sequence[Checked], verdict: Verdict) -> None:
    assert of_matches(matching, others, NOW).verdict is verdict


def test_that_none_matches_is_as_old_as_the_oldest_reading() -> None:
    others = [replace(GO, read_at=NOW - timedelta(minutes=each)) for each in (2, 9, 4)]
    assert of_matches([], [*others, GO], NOW).none_read_at == NOW - timedelta(minutes=9)
    assert of_matches([STOP], others, NOW).none_read_at is None


def test_an_account_is_concerned_by_its_own_parts_alone() -> None:
    account = replace(account_of(), name=Name("bob", group="east"))
    whole = state_of()

    def part(each: Each, whose: str) -> BudgetState:
        return replace(whole, budget=replace(BUDGET, each=each), whose=whose)

    own, others = part(Each.ACCOUNT, account.key.id), part(Each.ACCOUNT, "0" * 16)
    east, west = part(Each.GROUP, "east"), part(Each.GROUP, "west")
    user = part(Each.USER, "ann")
    assert concerning([whole, own, others, east, west, user], account) == [whole, own, east, user]
    # a limit of the week is each account's own
    assert concerning([replace(whole, whose=account.key.id), replace(whole, whose="0" * 16)], account) == [
        replace(whole, whose=account.key.id)
    ]


TEN = timedelta(minutes=10)


@pytest.mark.parametrize(
    ("given", "chosen"),
    [
        ({}, Given("a")),
        ({"a": NOW - MINUTE}, Given("b")),
        ({"a": NOW - TEN}, Given("a")),
        ({"a": NOW - MINUTE, "b": NOW}, Given("c")),
        # all were: the one longest ago
        ({"a": NOW - MINUTE, "b": NOW - 9 * MINUTE, "c": NOW}, Given("b", NOW - 9 * MINUTE)),
        # noted under a wrong clock
        ({"a": NOW + MINUTE}, Given("a")),
    ],
)
def test_who_is_given_out(given: Mapping[str, datetime], chosen: Given) -> None:
    assert first_given(["a", "b", "c"], given, NOW, TEN) == chosen
    assert first_given([], given, NOW, TEN) is None
