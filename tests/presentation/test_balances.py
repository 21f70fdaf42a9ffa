"""Balances in words, and `poolwatch.credits/1`, a contract: the golden file has it whole."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from poolwatch.domain.account import AccountKey, Listing, Name, SourceRef
from poolwatch.domain.balances import Balance, BalanceState, BalanceTerms, ResetPeriod, ResetTime
from poolwatch.domain.burn import Burn, PoolBurn
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.outlook import PoolOutlook
from poolwatch.domain.overview import overview
from poolwatch.domain.series import Point
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import Aged, Credits, Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.balances import (
    a_day_text,
    amount_text,
    balance_row,
    fraction_left,
    left_text,
    reset_text,
    strip_balances,
)
from poolwatch.presentation.balances_json import balances_json
from poolwatch.presentation.credits_view import CreditsLine, credits_view, last_days
from poolwatch.presentation.view import Prefs, Tone
from poolwatch.words.credits import level_word
from tests.presentation.test_history_json import is_golden

NOW = datetime(2026, 11, 20, 13, 3, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2026, 11, 21, tzinfo=UTC)
_D = Decimal
BROWSEROS = BalanceTerms(_D(30), cost_per_request=_D(1), on_demand=True, resets=ResetTime(ResetPeriod.DAILY))
WEB = BalanceTerms(web="https://openrouter.ai/settings/credits")
GONE = failure(FailureKind.NOT_OFFERED, "credits.not_offered", status=410)
SLOW = failure(FailureKind.THROTTLED, "sources.asked_too_often", retry_at=NOW + HOUR, status=429)


def state(name: str, balance: Balance | None, terms: BalanceTerms = WEB, ago: int = 300) -> BalanceState:
    found = BalanceState(name, terms)
    return found if balance is None else found.read(balance, NOW - timedelta(seconds=ago))


def account(name: str, balance: str | None, *, unlimited: bool = False) -> AccountState:
    held = Credits(True, unlimited, None, None if balance is None else _D(balance))
    entry = Listing(SourceRef("homes", name), user_id=name, account_id=name, email=name)
    usage = Usage(credits=Aged(held, NOW - timedelta(minutes=4), "homes"))
    return AccountState(AccountKey("codex", name, name), (entry,), Name(name), usage)


@pytest.mark.parametrize(
    ("amount", "unit", "text"),
    [
        ("74.75", "USD", "$74.75"),
        ("1234567.5", "USD", "$1,234,567.50"),
        ("-3.1", "USD", "-$3.10"),
        ("12.40", "CNY", "¥12.40"),
        ("12.4", "CHF", "12.40 CHF"),
        ("87", "credits", "87 credits"),
        ("87.125", "credits", "87.13 credits"),
        ("0", "credits", "0 credits"),
        ("1", "credits", "1 credit"),
        ("0.00", "USD", "$0.00"),
        # it is not nothing
        ("0.004", "USD", "<$0.01"),
        ("0.0000001", "credits", "<0.01 credits"),
    ],
)
def test_an_amount_has_its_unit(amount: str, unit: str, text: str) -> None:
    assert amount_text(_D(amount), unit) == text


@pytest.mark.parametrize(
    ("balance", "text", "fraction"),
    [
        (None, "—", None),
        (Balance("USD"), "—", None),
        (Balance("USD", unlimited=True), "unlimited", None),
        (Balance("credits", _D(87), _D(100)), "87 of 100", 0.87),
        (Balance("credits", _D(0), _D(100)), "0 of 100", 0.0),
        (Balance("credits", _D(120), _D(100)), "120 of 100", 1.0),
        (Balance("characters", _D(750), _D(1000)), "750 of 1,000 characters", 0.75),
        (Balance("USD", _D("74.75"), total=_D("100.5")), "$74.75 of $100.50 bought", None),
        # without a limit there is a number, and no bar
        (Balance("credits", _D(87)), "87 credits", None),
        (Balance("credits", _D(0), _D(0)), "0 of 0", None),
    ],
)
def test_what_is_left(balance: Balance | None, text: str, fraction: float | None) -> None:
    assert left_text(balance) == text
    assert fraction_left(balance) == fraction


@pytest.mark.parametrize(
    ("zone", "text"),
    [
        ("UTC", "resets 00:00 UTC, in 10h 56m"),
        ("Europe/Berlin", "resets 00:00 UTC, in 10h 56m (01:00 CET)"),
        ("America/Los_Angeles", "resets 00:00 UTC, in 10h 56m (16:00 PST)"),
        ("Asia/Tokyo", "resets 00:00 UTC, in 10h 56m (09:00 JST)"),
    ],
)
def test_midnight_utc_from_other_zones(zone: str, text: str) -> None:
    assert reset_text(MIDNIGHT, NOW, ZoneInfo(zone)) == text
    assert reset_text(MIDNIGHT, MIDNIGHT, ZoneInfo(zone)) == "reset due"


@pytest.mark.parametrize(
    ("left", "tone", "word"),
    [(31, Tone.GOOD, ""), (30, Tone.AMBER, "low"), (1, Tone.AMBER, "low"), (0, Tone.RED, "used up")],
)
def test_the_badge_of_credits(left: int, tone: Tone, word: str) -> None:
    held = BalanceState("BrowserOS", BROWSEROS).read(Balance("credits", _D(left), _D(100)), NOW)
    row = balance_row(held, NOW, HOUR, UTC)
    assert (row.tone, level_word(row.level)) == (tone, word)
    figure = strip_balances([held], NOW, Prefs())
    assert figure is not None
    assert figure.tone is (Tone.STRONG if tone is Tone.GOOD else tone)
    # an old one has no colour, and no word of it is lost
    old = balance_row(held, NOW + 2 * HOUR, HOUR, UTC)
    assert (old.tone, level_word(old.level)) == (Tone.DIM, word)


def test_the_strip_says_when_what_is_used_up_comes_back() -> None:
    def beside(left: int) -> str:
        held = BalanceState("BrowserOS", BROWSEROS).read(
            Balance("credits", _D(left), resets_at=MIDNIGHT), NOW
        )
        figure = strip_balances([state("OpenRouter", Balance("USD", _D(74))), held], NOW, Prefs())
        assert figure is not None
        return figure.detail

    assert beside(0) == "back 00:00 UTC, in 10h 56m · OpenRouter $74.00"
    assert beside(1) == "OpenRouter $74.00"


def test_a_day_is_told_in_whole_credits_and_in_cents() -> None:
    told = [
        a_day_text(_D(text), unit)
        for text, unit in (("64.57", "credits"), ("0.4", "credits"), ("1.756", "USD"))
    ]
    assert told == ["65", "0.40", "$1.76"]


def pool_line(per_day: str | None, *accounts: AccountState, ago: timedelta = HOUR) -> CreditsLine:
    """The line of the accounts' credits, where the last 24 hours used so many."""
    known = {each.key: each for each in accounts}
    burn = Burn[Decimal](last_24h=None if per_day is None else _D(per_day))
    outlook = PoolOutlook(NOW - ago, PoolBurn(Burn(), burn, made_at=NOW - ago))
    pool = PoolState(accounts=known, outlook=outlook)
    rows = credits_view(pool, overview(pool, NOW, PoolRules()), NOW, Prefs(), {}, "work").rows
    return next(row for row in rows if row.name == "pool work")


def test_the_credits_of_accounts_say_what_goes_a_day_and_how_long_they_last() -> None:
    held = (account("ann", "3000"), account("bob", "412.50"))
    line = pool_line("984", *held, ago=timedelta(0))
    assert (line.a_day, line.lasts, line.resets) == ("984", "3d 11h", "4m")
    nobody_knows, idle = pool_line(None, *held, ago=timedelta(0)), pool_line("0", *held, ago=timedelta(0))
    assert (nobody_knows.a_day, nobody_knows.lasts, idle.a_day, idle.lasts) == ("", "", "0", "")
    endless = pool_line("984", *held, account("cat", None, unlimited=True), ago=timedelta(0))
    assert (endless.a_day, endless.lasts) == ("984", "")
    worked_out_long_ago = pool_line("984", *held, ago=timedelta(days=2))
    assert (worked_out_long_ago.a_day, worked_out_long_ago.lasts) == ("", "")
    used = held[0].usage.credits
    assert used is not None
    old = replace(held[0], usage=Usage(credits=replace(used, at=NOW - 5 * HOUR)))
    assert (pool_line("984", old, ago=timedelta(0)).lasts, pool_line("984", old).resets) == ("", "5h")


def test_the_last_days_are_seven_with_today_and_say_when_nothing_was_left() -> None:
    held = state("BrowserOS", Balance("credits", _D(87), _D(100)), BROWSEROS)
    ends = {8: 5, 7: 69, 6: 12, 3: 0, 1: 21}
    points = [Point(NOW - timedelta(days=day), _D(left), _D(left), _D(left)) for day, left in ends.items()]
    assert last_days(held, points, NOW, Prefs(zone=UTC)) == ("Sat 12", "Tue 0, 13:03", "Thu 21", "today 87")


def test_what_is_charged_nowhere_says_that_nothing_can_be_bought() -> None:
    held = state("BrowserOS", Balance("credits", _D(87), _D(100)), BROWSEROS)
    pool = PoolState(balances={"BrowserOS": held})
    (row,) = credits_view(pool, overview(pool, NOW, PoolRules()), NOW, Prefs(), {}).rows
    assert row.told == "87 of 100 · nothing can be bought here"


def test_a_row_says_what_is_known() -> None:
    balance = Balance("credits", _D(87), _D(100), resets_at=MIDNIGHT, last_reset_at=NOW - 13 * HOUR)
    row = balance_row(state("BrowserOS", balance, BROWSEROS), NOW, HOUR, None)
    assert (row.left, row.tone, row.age, row.stale) == ("87 of 100", Tone.GOOD, "5m", False)
    assert row.notes == (
        "resets 00:00 UTC, in 10h 56m",
        "last reset seen 00:03",
        "1 credit a request: 87 requests left",
    )
    tones = {left: balance_row(state("b", Balance("credits", _D(left)), BROWSEROS), NOW, HOUR, None).tone
             for left in (31, 30, 1, 0)}  # fmt: skip
    assert tones == {31: Tone.GOOD, 30: Tone.AMBER, 1: Tone.AMBER, 0: Tone.RED}
    old = balance_row(state("b", balance, BROWSEROS, ago=4000), NOW, HOUR, None)
    assert old.stale
    assert old.tone is not Tone.GOOD
    never = balance_row(state("b", None), NOW, HOUR, None)
    assert (never.left, never.age) == ("—", "not read yet")


def test_the_document_is_the_golden_file() -> None:
    daily = Balance("credits", _D("87"), _D(100), resets_at=MIDNIGHT, last_reset_at=NOW - 13 * HOUR)
    balances = [
        state("BrowserOS", daily, BROWSEROS),
        state("openrouter", Balance("USD", _D("74.750"), used=_D("25.75"), total=_D("100.5"))),
        state("key", Balance("USD", unlimited=True), BalanceTerms()),
        state("deepseek", None).read(SLOW, NOW),
        state("used up", Balance("credits", _D(0), resets_at=MIDNIGHT), BROWSEROS),
        state("gone", Balance("CNY", _D("12.40")), BalanceTerms(_D(20), tops_up_here=True)).read(GONE, NOW),
    ]
    accounts = [
        account("alice@example.com", "1234.5600"),
        account("erin@example.com", None),
        account("lee@example.com", None, unlimited=True),
        account("pay@example.com", "-3.10"),
        AccountState(AccountKey("codex", "bob", "bob"), name=Name("bob")),
    ]
    text = balances_json(balances, accounts, NOW, HOUR)
    assert is_golden("credits.json", text)
    masked = balances_json(balances, accounts, NOW, HOUR, mask=True)
    assert "example.com" not in masked
