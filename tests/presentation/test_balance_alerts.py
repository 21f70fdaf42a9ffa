"""What rules of alerts find in balances: what is unknown or old begins nothing, and units are never mixed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.alert_findings import RuleFinding, Truth
from poolwatch.domain.alert_rules import ByFilter, built_in, watched
from poolwatch.domain.alerts import BuiltIn, Rule, Subject, SubjectKind
from poolwatch.domain.balances import Balance, BalanceState, BalanceTerms, ResetPeriod, ResetTime
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.state import PoolState
from poolwatch.presentation.alert_look import Moment
from poolwatch.presentation.balance_alerts import found_of_balances
from poolwatch.presentation.balance_filter import BalanceLooker
from poolwatch.presentation.filter_typing import completion, mistake
from poolwatch.presentation.view import Prefs
from poolwatch.words.messages import message_text

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OLD = NOW - timedelta(hours=2)
HOLDS, STAYS, OVER, UNKNOWN = Truth
_D = Decimal
GONE = failure(FailureKind.NOT_OFFERED, "credits.not_offered", status=410)
DAILY = BalanceTerms(_D(30), resets=ResetTime(ResetPeriod.DAILY))


def state(
    balance: Balance | None,
    at: datetime = NOW,
    terms: BalanceTerms = DAILY,
    trouble: Failure | None = None,
    name: str = "BrowserOS",
) -> BalanceState:
    found = BalanceState(name, terms)
    found = found if balance is None else found.read(balance, at)
    return found if trouble is None else found.read(trouble, NOW)


def look(
    rule: Rule, of: BalanceState, top_ups: Mapping[str, Decimal] | None = None, *, is_first: bool = False
) -> RuleFinding | None:
    found = watched(rule)
    assert found is not None
    pool = PoolState(balances={of.name: of})
    moment = Moment.of(pool, NOW, Prefs(mask=True), lambda *place: None, top_ups or {})
    first = (rule.name,) if is_first else ()
    seen = found_of_balances([found], moment, lambda rule, subject: True, first)
    assert len(seen) <= 1
    return seen[0] if seen else None


def credits(left: str | None) -> Balance:
    return Balance("credits", None if left is None else _D(left), _D(100))


YUAN = Balance("CNY", _D("3.20"))


@pytest.mark.parametrize(
    ("when", "of", "truth"),
    [
        ("credits<10", state(credits("9")), HOLDS),
        ("credits<10", state(credits("10.2")), STAYS),
        ("credits<10", state(credits("10.5")), OVER),
        ("credits<10", state(credits("0")), HOLDS),
        # unknown and old is not 0
        ("credits<10", state(credits(None)), UNKNOWN),
        ("credits<10", state(None), UNKNOWN),
        ("credits<10", state(credits("9"), OLD), UNKNOWN),
        ("credits<10", state(credits("9"), OLD, trouble=GONE), UNKNOWN),
        ("credits<10", state(credits("9"), trouble=GONE), UNKNOWN),
        # in another unit there are no credits
        ("credits<10", state(YUAN), UNKNOWN),
        ("-credits>=10", state(YUAN), UNKNOWN),
        ("usd<10", state(YUAN), UNKNOWN),
        ("usd<10", state(Balance("USD", _D("3.20"))), HOLDS),
        ("usd<$3", state(Balance("USD", _D("3.20"))), OVER),
        ("balance<10", state(YUAN), HOLDS),
        ("balance<10 unit:cny", state(YUAN), HOLDS),
        ("balance<10 unit:usd", state(YUAN), OVER),
        ("balance<10 unit:usd", state(None), UNKNOWN),
        ("balance<10", state(Balance("USD", unlimited=True)), OVER),
        ("source:browseros credits<10", state(credits("9")), HOLDS),
        ("source:other credits<10", state(credits("9")), OVER),
        ("label=browseros level:low", state(credits("30")), HOLDS),
        ("level:low", state(credits("31")), OVER),
        ("level:empty", state(credits("0")), HOLDS),
        ("level:empty", state(credits("0"), OLD), UNKNOWN),
        ("level:unknown", state(credits(None)), HOLDS),
        ("level:low", state(credits(None)), UNKNOWN),
        ("trouble:not_offered", state(credits("9"), trouble=GONE), HOLDS),
        ("trouble:yes", state(credits("9")), OVER),
        ("stale:yes", state(credits("9"), OLD), HOLDS),
        ("stale:yes", state(None), UNKNOWN),
        ("resets<13h", state(Balance("credits", _D(9), resets_at=NOW + timedelta(hours=12))), HOLDS),
    ],
)  # fmt: skip
def test_a_filter_of_a_balance(when: str, of: BalanceState, truth: Truth) -> None:
    found = look(Rule("r", when), of)
    assert found is not None
    assert (found.truth, found.subject) == (truth, Subject(SubjectKind.BALANCE, "BrowserOS"))


@pytest.mark.parametrize(
    ("when", "accounts", "balances"),
    [
        ("credits<10", True, True),
        ("trouble:yes source:x", True, True),
        ("@low", True, False),
        ("dev", True, False),
        ("! credits<10", True, False),
        ("weekly>=90", True, False),
        ("provider:codex credits<10", True, False),
        ("level:low", False, True),
        ("balance<10 -level:ok", False, True),
        # nothing has all of it, which the configuration says
        ("balance<10 weekly>=90", False, False),
    ],
)
def test_a_filter_is_judged_of_what_has_all_that_it_names(when: str, accounts: bool, balances: bool) -> None:
    found = watched(Rule("r", when))
    assert found is not None
    assert isinstance(found.condition, ByFilter)
    assert (found.condition.of_accounts, found.condition.of_balances) == (accounts, balances)


def test_what_ends_it_may_ask_for_what_balances_lack() -> None:
    found = watched(Rule("r", "credits<10", clear="weekly<50"))
    assert found is not None
    assert isinstance(found.condition, ByFilter)
    assert not found.condition.of_balances


def test_what_was_found_is_told_with_its_unit_and_of_a_daily_one_once_a_day() -> None:
    found = look(Rule("r", "balance<10"), state(YUAN))
    assert found is not None
    assert found.cause is not None
    assert (message_text(found.cause), found.label) == ("¥3.20 left", "BrowserOS")
    assert found.window == "balance/2026-11-21T00:00Z"
    bought = look(Rule("r", "balance<10"), state(Balance("CNY", _D("3.20"), total=_D(20))))
    assert bought is not None
    assert bought.cause is not None
    assert message_text(bought.cause) == "¥3.20 left"
    none = look(Rule("r", "balance<10"), state(YUAN, terms=BalanceTerms()))
    assert none is not None
    assert none.window is None
    gone = look(Rule("r", "trouble:not_offered"), state(credits("9"), trouble=GONE))
    assert gone is not None
    assert gone.cause is not None
    assert message_text(gone.cause) == "no longer offered (410)"


@pytest.mark.parametrize(
    ("balance", "at", "truth"),
    [
        (Balance("USD", _D("0.99")), NOW, HOLDS),
        (Balance("USD", _D("1.00")), NOW, STAYS),
        (Balance("USD", _D("1.49")), NOW, STAYS),
        (Balance("USD", _D("1.50")), NOW, OVER),
        (Balance("USD", _D(0)), NOW, HOLDS),
        (Balance("USD"), NOW, UNKNOWN),
        (Balance("USD", _D("0.99")), OLD, UNKNOWN),
        (Balance("USD", unlimited=True), NOW, OVER),
        # what came in dollars says nothing of yuan
        (Balance("CNY", _D("0.99")), NOW, None),
        (None, NOW, None),
    ],
)
def test_less_than_a_tenth_of_the_last_top_up(
    balance: Balance | None, at: datetime, truth: Truth | None
) -> None:
    rule = built_in(BuiltIn.CREDITS_LOW)
    found = look(rule, state(balance, at, BalanceTerms()), {"balance:BrowserOS USD": _D(10)})
    assert (None if found is None else found.truth) == truth
    if truth is HOLDS and found is not None and found.cause is not None:
        assert message_text(found.cause).endswith(" left, below 10% of the last top-up of $10.00")
    assert look(rule, state(balance, at, BalanceTerms())) is None


def test_at_a_first_look_only_what_holds_or_is_unknown_is_noted() -> None:
    assert look(Rule("r", "credits<10"), state(credits("50")), is_first=True) is None
    assert look(Rule("r", "credits<10"), state(credits(None)), is_first=True) is not None
    assert look(Rule("r", "credits<10"), state(credits("9")), is_first=True) is not None


def test_a_filter_that_is_typed_finds_and_completes_what_balances_have() -> None:
    states = (state(credits("12")), state(YUAN, name="DeepSeek"), state(None, name="a@example.com"))
    looker = BalanceLooker(states, NOW, Prefs(filters=(("mine", "unit:cny"),), mask=True))
    assert looker.matching("") == {each.name for each in states}
    assert looker.matching("balance<13") == {"BrowserOS", "DeepSeek"}
    assert looker.matching("credits<13") == {"BrowserOS"}
    assert looker.matching("browser low") == {"BrowserOS"}
    assert looker.matching("@mine") == {"DeepSeek"}
    assert looker.matching("-stale:no") == {"a@example.com"}
    assert looker.matching("example") == frozenset()
    assert mistake(looker, "weekly>=90") == "balances have no “weekly”"
    assert mistake(looker, "level:lwo") == "no level begins with “lwo”; did you mean “low”?"
    assert mistake(looker, "level:low unit:c trouble:throttled balance<3") == ""
    assert completion(looker, "lev", 3).text == "level:"
    assert completion(looker, "unit:c", 6).choices == ("CNY", "credits")
