from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.domain.overview import overview
from poolwatch.domain.state import AccountState, PoolState, SourceState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.strip import strip_view
from poolwatch.presentation.view import Figure, Prefs, Shown, StripView, Tone
from tests.presentation.scene import (
    CET,
    FIVE_HOURS,
    MASKED,
    NOW,
    PREFS,
    WEEK,
    account,
    after,
    balance,
    base,
    dead_token,
    listing,
    look,
    pool,
    trouble,
    window,
)


def strip(*accounts: AccountState, prefs: Prefs = PREFS) -> StripView:
    state = pool(*accounts)
    return strip_view(overview(state, NOW, prefs.rules), state, prefs, "work")


def exhausted(label: str, minutes: int) -> AccountState:
    usage = Usage(
        base=base(
            window(100, FIVE_HOURS, after(minutes=minutes)), window(10, WEEK, after(days=5)), allowed=False
        )
    )
    return account(label, usage)


def active(label: str, five: float = 9, weekly: float = 38, hours: int = 9) -> AccountState:
    usage = Usage(
        base=base(window(five, FIVE_HOURS, after(hours=3)), window(weekly, WEEK, after(hours=hours)))
    )
    return account(label, usage)


def figure(found: Figure | None) -> tuple[str, str, str, str]:
    assert found is not None
    return found.title, found.text, found.detail, found.short


def test_next_up() -> None:
    view = strip(active("dev14"), active("later", hours=90))
    expected = "5h 9% used, weekly 38% used"
    assert figure(view.next_up) == ("NEXT UP", "dev14", expected, expected)
    left = strip(active("dev14"), prefs=Prefs(zone=CET, shown=Shown.LEFT))
    assert left.next_up is not None
    assert left.next_up.detail == "5h 91% left, weekly 62% left"


def test_next_up_on_credits_alone() -> None:
    usage = Usage(base=base(window(100, FIVE_HOURS, after(hours=1))), credits=balance("250"))
    view = strip(account("ops", usage))
    assert view.next_up is not None
    assert view.next_up.detail == "only credits keep it going"


def test_next_back_counts_the_others_to_the_full_hour() -> None:
    minutes = (47, 50, 60, 90, 117, 118, 600)
    view = strip(*(exhausted(f"a{each}", each) for each in minutes))
    assert figure(view.next_back) == (
        "NEXT BACK",
        "a47",
        "14:50, in 47m; 4 more by 16:00",
        "14:50, 4 more by 16:00",
    )


def test_next_back_looks_further_when_nobody_comes_soon() -> None:
    view = strip(exhausted("a", 47), exhausted("b", 60 * 48))
    assert figure(view.next_back)[2] == "14:50, in 47m; 1 more by Sun"
    assert figure(strip(exhausted("a", 47)).next_back)[2] == "14:50, in 47m"


def test_a_passed_reset_brings_nobody_back() -> None:
    assert strip(exhausted("a", -5)).next_back is None


def test_credits() -> None:
    view = strip(
        account("a", Usage(credits=balance("3412.50"))),
        account("b", Usage(credits=balance(None, unlimited=True))),
        account("c", Usage(credits=balance(None))),
    )
    assert figure(view.credits) == (
        "CREDITS",
        "3,412.50",
        "$136.50  1 unlimited, 1 unknown",
        "",
    )


def test_the_stale_part_of_the_credits_is_named() -> None:
    old = account("a", Usage(credits=balance("250", at=NOW - timedelta(hours=5))))
    view = strip(old, account("b", Usage(credits=balance("750"))))
    assert figure(view.credits)[1:3] == ("1,000.00", "$40.00  250.00 of it old")
    assert figure(strip(old).credits)[2] == "$10.00  250.00 of it old"


def test_no_credits_no_figure() -> None:
    assert strip(active("a")).credits is None
    assert strip(account("a", Usage(credits=balance("0", has=False)))).credits is None
    unknown = strip(account("a", Usage(credits=balance(None))))
    assert figure(unknown.credits)[1:3] == ("—", "1 unknown")
    rules = PoolRules(credits_per_usd=Decimal(0))
    free = strip(account("a", Usage(credits=balance("5"))), prefs=Prefs(rules, zone=CET))
    assert figure(free.credits)[2] == ""


def test_highest_weekly() -> None:
    lee = [
        account(name, Usage(base=base(window(100, WEEK, after(days=1, hours=hours)), allowed=False)))
        for name, hours in (("lee", 20), ("x", 1), ("y", 2))
    ]
    view = strip(*lee, active("z"))
    assert figure(view.highest_weekly) == (
        "WEEKLY MAX",
        "lee",
        "100%, in 1d 20h; 2 more full",
        "100% in 1d 20h, 2 more full",
    )
    assert view.highest_weekly is not None
    assert view.highest_weekly.tone is Tone.RED
    left = strip(*lee, prefs=Prefs(zone=CET, shown=Shown.LEFT))
    assert figure(left.highest_weekly)[::2] == ("WEEKLY LOW", "0% left, in 1d 20h; 2 more full")


def test_who_needs_you() -> None:
    view = strip(
        account("a", listings=[dead_token("a")]),
        account("b", listings=[dead_token("b")]),
        account("c", trouble=trouble(FailureKind.EDGE_BLOCKED, 26)),
        account("d", trouble=trouble(FailureKind.EDGE_BLOCKED, 16)),
        account("e", login_trouble=trouble(FailureKind.CONFLICT, 2)),
        account("f", deactivations=2),
        exhausted("g", 5),
    )
    expected = "2 sign in · 1 deactivated · 2 blocked by Cloudflare 26m · 1 in two files"
    assert view.needs_you_detail == expected
    assert view.needs_you_short == expected.replace(" by Cloudflare", "")
    assert (view.needs_you, view.exhausted, view.active, view.rest) == (6, 1, 0, 0)
    assert view.title == "poolwatch ✕6 ◐1"
    assert strip(active("a")).title == "poolwatch"


def test_freshness() -> None:
    states = [active(f"a{index}") for index in range(3)]
    states.append(account("old", read_at=NOW - timedelta(days=3, hours=2)))
    states.append(account("new", Usage(), read_at=None))
    view = strip(*states)
    assert view.freshness == "fresh 3 of 5 · oldest 3d 2h"
    assert view.freshness_short == "fresh 3/5 · oldest 3d"
    assert view.freshness_tiny == "3/5 fresh"
    assert strip().freshness == "fresh 0 of 0"


def test_a_source_that_is_down_has_one_line() -> None:
    ops = active("ops")
    down = SourceState(
        "proxy",
        listings=ops.listings,
        failure=worded(FailureKind.UNREACHABLE, "refused"),
        failing_since=NOW - timedelta(hours=1),
    )
    state = PoolState(accounts={ops.key: ops}, sources={"proxy": down})
    view = strip_view(overview(state, NOW, PoolRules()), state, PREFS, "work", ["another polls"])
    assert [notice.text for notice in view.notices] == [
        "proxy: unreachable since 13:03; its 1 account keeps the last numbers",
        "another polls",
    ]


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (
            worded(FailureKind.FORBIDDEN, "proxy wants a key (401): set api_key_file"),
            "proxy: wants a key (401): set api_key_file, since 13:03; its 1 account keeps the last numbers",
        ),
        (
            worded(FailureKind.NOT_THE_SERVICE, "a web page came back; check the source's url"),
            "proxy: a web page came back; check the source's url, since 13:03; "
            "its 1 account keeps the last numbers",
        ),
        (
            worded(FailureKind.THROTTLED, "asked too often", retry_at=NOW + timedelta(minutes=17)),
            "proxy: throttled until 14:20; its 1 account keeps the last numbers",
        ),
        (
            worded(FailureKind.THROTTLED, "asked too often", retry_at=NOW - timedelta(minutes=1)),
            "proxy: throttled since 13:03; its 1 account keeps the last numbers",
        ),
        (
            worded(FailureKind.UPSTREAM_ERROR, "proxy has a fault (500)"),
            "proxy: server error since 13:03; its 1 account keeps the last numbers",
        ),
    ],
)
def test_what_a_person_has_to_do_about_a_source_stands_in_its_line(failure: Failure, line: str) -> None:
    ops = active("ops")
    down = SourceState(
        "proxy", listings=ops.listings, failure=failure, failing_since=NOW - timedelta(hours=1)
    )
    state = PoolState(accounts={ops.key: ops}, sources={"proxy": down})
    seen = overview(state, NOW, PoolRules())
    assert [notice.text for notice in strip_view(seen, state, PREFS, "").notices] == [line]
    # a message may hold an address or a path
    masked = strip_view(seen, state, MASKED, "").notices[0].text
    assert masked.startswith("proxy: ")
    assert "api_key_file" not in masked


def test_masked() -> None:
    view = strip(active("bob@example.com"), exhausted("lee@example.com", 3), prefs=MASKED)
    assert "example" not in repr(view)


@given(st.lists(st.sampled_from(["active", "exhausted", "login", "edge", "unread"]), max_size=15))
def test_all_counts_add_up(kinds: list[str]) -> None:
    makers: dict[str, Callable[[str], AccountState]] = {
        "active": active,
        "exhausted": lambda name: exhausted(name, 5),
        "login": lambda name: account(name, listings=[dead_token(name)]),
        "edge": lambda name: account(name, trouble=trouble(FailureKind.EDGE_BLOCKED, 60)),
        "unread": lambda name: account(name, Usage(), read_at=None),
    }
    states = [makers[kind](f"a{index}") for index, kind in enumerate(kinds)]
    view = strip(*states)
    assert view.needs_you + view.exhausted + view.active + view.rest == view.accounts == len(kinds)
    assert len(look(*states).accounts) == len(kinds)


def test_what_stops_most_of_the_pool_is_said_once() -> None:
    down = [account(f"a{n}", trouble=trouble(FailureKind.UNREACHABLE, n)) for n in (3, 9, 5)]
    well, off = active("well"), account("off", listings=[listing("off", disabled=True)])
    assert [span.text for span in strip(*down, well, off).notices] == [
        "3 of 4 accounts: unreachable since 13:54; the last numbers stay"
    ]
    unread = [replace(each, read_at=None, usage=Usage()) for each in down]
    assert [span.text for span in strip(*unread).notices] == ["3 of 3 accounts: unreachable since 13:54"]
    assert strip(*down, well, active("b"), active("c")).notices == ()
    assert strip(*down[:2]).notices == ()
