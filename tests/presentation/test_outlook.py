from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook, NoOutlook, PoolOutlook, Verdict
from poolwatch.domain.overview import overview
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.detail import detail_view
from poolwatch.presentation.order import sections
from poolwatch.presentation.outlook import amount_text, rate_text
from poolwatch.presentation.strip import strip_view
from poolwatch.presentation.view import Figure, Note, Prefs, Shown, SortKey, Tone
from tests.presentation.scene import (
    CET,
    FIVE_HOURS,
    NOW,
    PREFS,
    WEEK,
    account,
    after,
    balance,
    base,
    card,
    dead_token,
    judged,
    look,
    pool,
    trouble,
    window,
)

LEFT = Prefs(zone=CET, shown=Shown.LEFT)
MADE = NOW - timedelta(minutes=20)
RESETS = after(days=4, hours=3)
LASTS = Forecast(
    "codex",
    "weekly",
    MADE,
    RESETS,
    median_percent=54.2,
    low_percent=45,
    high_percent=66,
    out_probability=0.01,
)
OUT = replace(
    LASTS,
    median_percent=100.0,
    out_probability=0.76,
    out_earliest=after(hours=48),
    out_latest=after(hours=68),
)
MAY = replace(LASTS, median_percent=99.0, out_probability=0.6)
NOTHING = AccountBurn(Burn(), Burn())


def weekly(used: float = 23, **changes: object) -> AccountState:
    usage = Usage(base=base(window(12, FIVE_HOURS, after(hours=1)), window(used, WEEK, RESETS)))
    return replace(account("alice@example.com", usage), **changes)  # type: ignore[arg-type]  # fields by name


def foretold(*forecasts: Forecast, burn: AccountBurn = NOTHING, used: float = 23) -> AccountState:
    return weekly(used, outlook=AccountOutlook(MADE, burn, forecasts))


def column(state: AccountState, prefs: Prefs = PREFS) -> str:
    found = card(state, prefs).at_reset
    assert found is not None
    return f"{found.text} {found.band}".strip()


@pytest.mark.parametrize(
    ("forecast", "used", "left"),
    [
        (LASTS, "54% 45–66", "46% 34–55"),
        (replace(LASTS, low_percent=None), "54%", "46%"),
        (replace(LASTS, high_percent=104.0), "54% 45–100", "46% 0–55"),
        (OUT, "out Sun", "out Sun"),
        (replace(OUT, out_earliest=after(hours=5)), "out 19:03", "out 19:03"),
        (replace(OUT, out_earliest=after(minutes=59)), "out <1h", "out <1h"),
        # foretold for a time that has passed: it was wrong, and the chance is all that can be said
        (replace(OUT, out_earliest=after(hours=-2), out_latest=after(hours=-1)), "may 76%", "may 76%"),
        (replace(OUT, out_earliest=None), "may 76%", "may 76%"),
        (MAY, "may 60%", "may 60%"),
        (replace(MAY, out_probability=0.499), "99% 45–66", "1% 34–55"),
        (replace(LASTS, median_percent=None), "—", "—"),
        *((replace(LASTS, none_because=because), said, said) for because, said in (
            (NoForecast.TOO_EARLY, "too early"), (NoForecast.IDLE, "idle"), (NoForecast.TOO_FEW, "too few"),
            (NoForecast.OLD, "old"), (NoForecast.DISPUTED, "disputed"),
            (NoForecast.DUE, "due"), (NoForecast.PLAN_CHANGED, "new plan"), (NoForecast.NONE, "—"),
        )),
    ],
)  # fmt: skip
def test_the_column_says_what_is_expected_or_why_nothing_is(forecast: Forecast, used: str, left: str) -> None:
    assert column(foretold(forecast)) == used
    assert column(foretold(forecast), LEFT) == left


def test_nothing_is_said_where_nothing_was_worked_out() -> None:
    assert card(weekly()).at_reset is None
    assert card(weekly()).outlook is None
    assert column(foretold()) == "—"


def test_no_weekly_window_and_a_dead_login_are_a_dash() -> None:
    outlook = AccountOutlook(MADE, NOTHING, (LASTS,))
    only_five = replace(account(), outlook=outlook)
    assert column(only_five) == "—"
    dead = replace(foretold(LASTS), listings=(dead_token(),))
    assert column(dead) == "—"
    assert card(dead).outlook is None


def test_a_full_window_needs_no_forecast() -> None:
    assert column(foretold(OUT, used=100)) == "full"
    assert column(foretold(used=100)) == "full"
    # after an early reset, until it is worked out anew
    was_full = replace(LASTS, none_because=NoForecast.FULL)
    assert column(foretold(was_full, used=100)) == "full"
    assert column(foretold(was_full, used=0)) == "too early"


def test_what_was_foretold_long_ago_or_of_another_week_counts_no_more() -> None:
    assert column(foretold(replace(LASTS, made_at=NOW - timedelta(hours=2)))).startswith("54%")
    assert column(foretold(replace(LASTS, made_at=NOW - timedelta(hours=2, seconds=1)))) == "old"
    early = replace(LASTS, none_because=NoForecast.TOO_EARLY, made_at=NOW - timedelta(hours=5))
    assert column(foretold(early)) == "old"
    assert column(foretold(replace(LASTS, resets_at=NOW))) == "due"
    over = Usage(base=base(window(23, WEEK, NOW)))
    due = replace(LASTS, resets_at=NOW)
    assert column(replace(account("a", over), outlook=AccountOutlook(MADE, NOTHING, (due,)))) == "due"
    # the reset that is sent wobbles; a week more is another window
    assert column(foretold(replace(LASTS, resets_at=RESETS + timedelta(minutes=3)))).startswith("54%")
    assert column(foretold(replace(LASTS, resets_at=RESETS - timedelta(days=3)))) == "due"


def test_ages_are_by_our_own_clock_and_resets_by_the_servers() -> None:
    # the server is three hours ahead: judged at its NOW, which is 10:03 by ours
    ahead = replace(PREFS, clock_offset=timedelta(hours=3))
    assert column(foretold(replace(LASTS, made_at=NOW - timedelta(hours=4))), ahead).startswith("54%")
    assert column(foretold(replace(LASTS, made_at=NOW - timedelta(hours=6))), ahead) == "old"


def test_colour_follows_danger_and_age() -> None:
    tones = {forecast: card(foretold(forecast)).at_reset for forecast in (LASTS, OUT, MAY)}
    assert [each.tone for each in tones.values() if each] == [Tone.PLAIN, Tone.RED, Tone.AMBER]
    old = foretold(OUT)
    assert old.usage.base is not None
    old = replace(old, usage=replace(old.usage, base=replace(old.usage.base, at=NOW - timedelta(minutes=50))))
    found = card(old)
    assert found.at_reset is not None
    assert (found.at_reset.text, found.at_reset.tone) == ("out Sun", Tone.STALE)
    assert found.outlook is not None
    assert found.outlook.stale


@pytest.mark.parametrize(
    ("forecast", "note"),
    [
        (LASTS, Note("lasts", "54% at reset (45–66)")),
        (OUT, Note("out", "Sun 14:03 – Mon 10:03", Tone.AMBER, end="76%")),
        (replace(OUT, out_latest=after(hours=50)), Note("out", "Sun 14:03 – 16:03", Tone.AMBER, end="76%")),
        (
            replace(OUT, out_earliest=after(minutes=7), out_latest=after(minutes=47), out_probability=0.97),
            Note("out", "today 14:10 – 14:50", Tone.RED, end="97%"),
        ),
        (MAY, Note("", "may run out 60%", Tone.AMBER)),
        (replace(LASTS, none_because=NoForecast.IDLE), None),
        (replace(LASTS, median_percent=None), None),
    ],
)
def test_a_card_says_whether_it_lasts(forecast: Forecast, note: Note | None) -> None:
    assert card(foretold(forecast)).outlook == note


def test_left_flips_the_line_of_a_card_and_its_interval() -> None:
    assert card(foretold(LASTS), LEFT).outlook == Note("lasts", "46% left at reset (34–55)")


def test_an_exhausted_card_says_when_it_is_back_and_no_more() -> None:
    usage = Usage(
        base=base(window(100, FIVE_HOURS, after(minutes=47)), window(71, WEEK, RESETS), allowed=False)
    )
    state = replace(account("bob@example.com", usage), outlook=AccountOutlook(MADE, NOTHING, (OUT,)))
    assert card(state).outlook is None
    assert column(state) == "out Sun"
    assert card(state).foot.text == "back 14:50"


def test_the_foot_warns() -> None:
    soon = replace(OUT, out_earliest=after(hours=6))
    for forecast, foot in (
        (LASTS, ("active", Tone.GOOD)),
        (OUT, ("may run out", Tone.AMBER)),
        (MAY, ("may run out", Tone.AMBER)),
        (soon, ("runs out soon", Tone.RED)),
        (replace(soon, out_earliest=after(hours=6, minutes=1)), ("may run out", Tone.AMBER)),
    ):
        found = card(foretold(forecast)).foot
        assert (found.text, found.tone) == foot


def test_the_credits_of_the_last_hour_stand_beside_the_balance() -> None:
    def beside(amount: str | None, made: timedelta = timedelta(0)) -> str:
        burn = AccountBurn(Burn(), Burn(last_hour=Decimal(amount) if amount else None))
        usage = Usage(credits=balance("1234.56"))
        state = replace(account("a", usage), outlook=AccountOutlook(NOW - made, burn))
        found = card(state).credits
        assert found is not None
        return found.per_hour

    assert [beside(amount) for amount in ("41.4", "0.2", "1234.5", "0", None)] == [
        "41/h",
        "<1/h",
        "1,235/h",
        "",
        "",
    ]
    assert beside("41", timedelta(hours=3)) == ""


def test_figures_of_use() -> None:
    assert [rate_text(each) for each in (0.0, 0.01, 0.06, 0.94, 9.94, 9.96, 41.6)] == [
        "0%", "<0.1%", "0.1%", "0.9%", "9.9%", "10%", "42%",
    ]  # fmt: skip
    assert [amount_text(Decimal(each)) for each in ("0", "0.5", "1", "40.5")] == ["0", "<1", "1", "41"]


@pytest.mark.parametrize(
    ("left", "even", "flipped"),
    [
        (timedelta(days=7), 0.0, 1.0),
        (timedelta(days=7, hours=2), 0.0, 1.0),
        (timedelta(days=4, hours=3), 0.41, 0.59),
        (timedelta(minutes=1), 1.0, 0.0),
        (timedelta(0), None, None),
    ],
)
def test_even_use_by_the_clock(left: timedelta, even: float | None, flipped: float | None) -> None:
    usage = Usage(base=base(window(12, FIVE_HOURS, after(hours=1)), window(23, WEEK, NOW + left)))
    for prefs, expected in ((PREFS, even), (LEFT, flipped)):
        short, long = card(account("a", usage), prefs).windows
        assert short.even is None
        assert long.even == (pytest.approx(expected) if expected is not None else None)


def test_even_use_by_the_forecast_where_it_knows_more_than_the_clock() -> None:
    assert card(foretold(replace(LASTS, even_percent=70.4))).windows[1].even == 0.7
    old = replace(LASTS, even_percent=70.4, made_at=NOW - timedelta(hours=3))
    assert card(foretold(old)).windows[1].even == 0.41
    unused = Usage(base=base(window(0, WEEK, NOW - timedelta(minutes=4) + timedelta(days=7))))
    assert card(account("a", unused)).windows[0].even is None


def test_the_order_by_the_column_and_by_burn() -> None:
    def named(label: str, *forecasts: Forecast, used: float = 23, burnt: float | None = None) -> AccountState:
        burn = AccountBurn(Burn(last_24h=burnt), Burn())
        usage = Usage(base=base(window(used, WEEK, RESETS)))
        return replace(account(label, usage), outlook=AccountOutlook(MADE, burn, forecasts))

    everybody = look(
        account("unknown"),
        named("early", replace(LASTS, none_because=NoForecast.TOO_EARLY)),
        named("low", replace(LASTS, median_percent=20), burnt=2.5),
        named("high", replace(LASTS, median_percent=80), burnt=9.0),
        named("may", MAY),
        named("out later", OUT),
        named("out", replace(OUT, out_earliest=after(hours=3))),
        named("full", used=100),
    )

    def order(sort: SortKey, prefs: Prefs = PREFS, *, reverse: bool = False) -> list[str]:
        (found,) = sections(everybody, sort, reverse, prefs)
        return [everybody.by_key[key].label for key in found.keys]

    assert order(SortKey.AT_RESET) == ["full", "out", "out later", "may", "high", "low", "early", "unknown"]
    assert order(SortKey.AT_RESET, LEFT) == [
        "low",
        "high",
        "may",
        "out later",
        "out",
        "full",
        "early",
        "unknown",
    ]
    assert order(SortKey.AT_RESET, reverse=True) == order(SortKey.AT_RESET, LEFT)
    assert order(SortKey.BURN)[:2] == ["high", "low"]


POOL = PoolOutlook(
    MADE,
    PoolBurn(Burn(last_hour=0.94), Burn(last_hour=Decimal("41.2")), made_at=NOW),
    Verdict.LASTS,
    relief_at=after(hours=44),
    dry_probability=0.04,
    weekly_left_percent=61.4,
)


def strip(
    outlook: PoolOutlook | None, *, credits: str | None = "1234.56"
) -> tuple[Figure | None, Figure | None]:
    usage = Usage(base=base(window(23, WEEK, RESETS)), credits=balance(credits) if credits else None)
    state = replace(pool(account("a", usage)), outlook=outlook)
    view = strip_view(overview(state, NOW, PoolRules()), state, PREFS, "work")
    return view.burn, view.outlook


@pytest.mark.parametrize(
    ("changes", "text", "detail", "short", "tone"),
    [
        ({}, "lasts to Sun 10:03", "4% risk; 61% of weekly left", "lasts Sun 10:03", Tone.PLAIN),
        ({"relief_at": None, "dry_probability": None}, "lasts", "61% of weekly left", "lasts", Tone.PLAIN),
        (
            {"verdict": Verdict.MAY_RUN_DRY, "dry_probability": 0.34, "dry_earliest": after(hours=20)},
            "may run dry Sat", "34% risk before Sun 10:03; 61% of weekly left", "may run dry Sat", Tone.AMBER,
        ),
        ({"verdict": Verdict.DRY}, "dry until Sun 10:03", "61% of weekly left", "dry to Sun 10:03", Tone.RED),
        (
            {"verdict": Verdict.UNKNOWN, "none_because": NoOutlook.TOO_MANY},
            "unknown", "too many accounts to work it out; 61% of weekly left", "", Tone.DIM,
        ),
        ({"made_at": NOW - timedelta(hours=3)}, "unknown", "last worked out 3h ago", "", Tone.DIM),
        # who was to come back has come back: what was said of the time until then is over
        ({"relief_at": NOW}, "unknown", "last worked out 20m ago", "", Tone.DIM),
    ],
)  # fmt: skip
def test_the_outlook_of_the_pool(
    changes: dict[str, object], text: str, detail: str, short: str, tone: Tone
) -> None:
    _, found = strip(replace(POOL, **changes))  # type: ignore[arg-type]  # fields by name
    assert found == Figure("OUTLOOK", text, detail, tone, short)


def test_the_burn_of_the_pool() -> None:
    assert strip(POOL)[0] == Figure("BURN", "pool 0.9%/h", "41 credits/h", short="41/h")
    assert strip(POOL, credits=None)[0] == Figure("BURN", "pool 0.9%/h", "")
    only_credits = replace(POOL, burn=PoolBurn(Burn(), Burn(last_hour=Decimal(0)), made_at=NOW))
    assert strip(only_credits)[0] == Figure("BURN", "0 credits/h", "", short="0/h")
    assert strip(None) == (None, None)
    for minutes in (-16, 2):
        old = replace(POOL.burn, made_at=NOW + timedelta(minutes=minutes))
        assert strip(replace(POOL, burn=old))[0] is None
    assert strip(replace(POOL, burn=PoolBurn(Burn(), Burn(), made_at=NOW)))[0] is None


def details(state: AccountState, prefs: Prefs = PREFS) -> list[str]:
    view = detail_view(judged(state), pool(state), NOW, prefs)
    lines: list[str] = []
    heading = ""
    for line in view.lines:
        heading = line.heading or heading
        if heading in ("FORECAST", "BURN"):
            lines.append(f"{line.heading}|{''.join(span.text for span in line.spans)}")
    return lines


def test_the_details_say_it_in_sentences() -> None:
    burn = AccountBurn(
        Burn(last_hour=0.6, last_24h=9.0, usual_per_day=11.0),
        Burn(last_hour=Decimal(41), last_24h=Decimal(300), today=Decimal(212)),
    )
    five = Forecast("codex", "5h", MADE, after(hours=1), median_percent=78.0)
    paced = replace(LASTS, pace_per_day=18.2, even_percent=41.0)
    assert details(foretold(paced, five, burn=burn)) == [
        "FORECAST|lasts: 54% used at the reset; 8 times in 10 between 45 and 66% · risk of running out 1%",
        "|up to 18% a day lasts to the reset; even use would stand at 41% used now",
        "|5h: 78% used at its reset, at this hour's pace",
        "BURN|weekly 0.6% in the last hour, 9% in 24 hours, usually 11% a day · "
        "credits 41 in the last hour, 300 in 24 hours, 212 today",
    ]
    assert details(foretold(LASTS), LEFT)[0].startswith(
        "FORECAST|lasts: 46% left at the reset; 8 times in 10 between 34 and 55%"
    )
    assert details(foretold(OUT)) == ["FORECAST|runs out Sun 14:03 – Mon 10:03, before it resets (76%)"]
    assert details(foretold(MAY)) == ["FORECAST|may run out before it resets: 60%"]


def test_the_details_say_why_not() -> None:
    for because in NoForecast:
        (line,) = details(foretold(replace(LASTS, none_because=because)))
        assert line.startswith("FORECAST|")
        assert len(line) > len("FORECAST|idle")
    assert details(weekly()) == details(foretold()) == ["FORECAST|not worked out yet"]
    assert details(account()) == []
    dead = replace(foretold(LASTS), listings=(dead_token(),), reading_trouble=None)
    assert details(dead) == ["FORECAST|nothing can be said while nobody can use it"]


def test_trouble_that_heals_takes_no_forecast_away() -> None:
    blocked = replace(foretold(LASTS), reading_trouble=trouble(FailureKind.EDGE_BLOCKED, 26))
    assert column(blocked).startswith("54%")
