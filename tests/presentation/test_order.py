from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.account import AccountKey, Custody
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.usage import Aged, Usage
from poolwatch.presentation.filter import matching
from poolwatch.presentation.order import hive_groups, natural, sections, with_moves
from poolwatch.presentation.view import Grouping, Prefs, SectionView, Shown, SortKey
from tests.presentation.scene import (
    CET,
    FIVE_HOURS,
    JUST_NOW,
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
    trouble,
    window,
)


def weekly(used: float, days: int, five: float = 0) -> Usage:
    return Usage(base=base(window(five, FIVE_HOURS, after(hours=1)), window(used, WEEK, after(days=days))))


def full(hours: int | None) -> Usage:
    resets_at = None if hours is None else after(hours=hours)
    return Usage(base=base(window(100, FIVE_HOURS, resets_at), allowed=False))


POOL = (
    account("dev2", weekly(50, 2)),
    account("dev14", weekly(10, 1)),
    account("late", full(4)),
    account("soon", full(1)),
    account("never", full(None)),
    account("due", full(-1)),
    account("carol@example.com", weekly(33, 4), listings=[dead_token()]),
    account("edge", weekly(1, 6), trouble=trouble(FailureKind.EDGE_BLOCKED, 26)),
    account("gone", deactivations=2),
    account("off", listings=[listing("off", disabled=True)]),
    account("new", Usage(), read_at=None),
)


def labels(view: PoolOverview, found: tuple[SectionView, ...]) -> list[tuple[str, list[str]]]:
    return [(each.heading, [view.by_key[key].label for key in each.keys]) for each in found]


def test_a_heading_counts_who_stands_below_and_says_who_is_about_to_move() -> None:
    view = look(*POOL)
    ordered = sections(view, SortKey.NEED, False, PREFS)
    moved = {key for key, each in view.by_key.items() if each.label in ("soon", "late", "dev2")}
    told = with_moves(ordered, moved)
    assert [each.heading for each in told] == [
        "needs you 3",
        "exhausted 4, soonest back first · 2 about to move",
        "active 2, best first · 1 about to move",
        "the rest 2",
    ]
    assert [each.keys for each in told] == [each.keys for each in ordered]
    assert with_moves(ordered, ()) == ordered


def test_need() -> None:
    view = look(*POOL)
    assert labels(view, sections(view, SortKey.NEED, False, PREFS)) == [
        ("needs you 3", ["carol@example.com", "gone", "edge"]),
        ("exhausted 4, soonest back first", ["due", "soon", "late", "never"]),
        ("active 2, best first", ["dev14", "dev2"]),
        ("the rest 2", ["new", "off"]),
    ]


def test_need_under_a_filter_says_of_how_many() -> None:
    view = look(*POOL)
    keys = matching(view, "soon", PREFS)
    assert labels(view, sections(view, SortKey.NEED, False, PREFS, keys)) == [
        ("exhausted 1 of 4, soonest back first", ["soon"])
    ]


def test_need_reversed_turns_each_section_round() -> None:
    view = look(*POOL)
    found = dict(labels(view, sections(view, SortKey.NEED, True, PREFS)))
    assert found["active 2, best first"] == ["dev2", "dev14"]


SORTED = (
    account("b10", weekly(20, 3, five=9), read_at=NOW - timedelta(hours=2)),
    account("b2", weekly(90, 1, five=1), read_at=NOW),
    account("none", Usage(plan=Aged("pro", JUST_NOW, "x"), base=base())),
    account(
        "rich",
        Usage(plan=Aged("free", JUST_NOW, "x"), credits=balance("9"), base=base(window(None, WEEK, None))),
    ),
    account("free", Usage(credits=balance(None, unlimited=True))),
    account("unread", Usage(), read_at=None, listings=[listing("unread", source="a-pool")]),
)


@pytest.mark.parametrize(
    ("sort", "reverse", "first"),
    [
        (SortKey.NAME, False, ["b2", "b10", "free", "none", "rich", "unread"]),
        (SortKey.NAME, True, ["unread", "rich", "none", "free", "b10", "b2"]),
        (SortKey.WEEKLY, False, ["b2", "b10", "free"]),
        (SortKey.WEEKLY, True, ["b10", "b2", "free"]),
        (SortKey.FIVE_HOURS, False, ["b10", "b2", "free"]),
        (SortKey.CREDITS, False, ["free", "rich", "b2"]),
        (SortKey.CREDITS, True, ["rich", "free", "b2"]),
        (SortKey.RESET, False, ["b2", "b10", "free"]),
        (SortKey.PLAN, False, ["rich", "b2", "b10", "free", "unread", "none"]),
        (SortKey.PLAN, True, ["none", "b2", "b10", "free", "unread", "rich"]),
        (SortKey.SOURCE, False, ["unread", "b2", "b10", "free", "none", "rich"]),
        (SortKey.SOURCE, True, ["b2", "b10", "free", "none", "rich", "unread"]),
        (SortKey.FIVE_HOURS_RESET, False, ["b2", "b10", "free"]),
        (SortKey.WEEKLY_RESET, False, ["b2", "b10", "free"]),
        (SortKey.WEEKLY_RESET, True, ["b10", "b2", "free"]),
        (SortKey.SCARCEST, False, ["b2", "b10", "free"]),
        (SortKey.SCARCEST_RESET, False, ["b2", "b10", "free"]),
        (SortKey.AGE, False, ["b10", "free", "none", "rich", "b2", "unread"]),
    ],
)
def test_other_sorts(sort: SortKey, reverse: bool, first: list[str]) -> None:
    view = look(*SORTED)
    found = sections(view, sort, reverse, PREFS)
    assert [each.heading for each in found] == [""]
    assert labels(view, found)[0][1][: len(first)] == first


def test_a_column_is_sorted_by_the_window_that_it_shows() -> None:
    monthly = account("monthly", Usage(base=base(window(60, 30 * 86400, after(days=9)))))
    daily = account(
        "daily", Usage(base=base(window(5, 86400, after(hours=9)), window(70, WEEK, after(days=2))))
    )
    view = look(monthly, daily, account("usual", weekly(65, 3, five=2)))
    first = {
        sort: labels(view, sections(view, sort, False, PREFS))[0][1]
        for sort in (SortKey.WEEKLY, SortKey.FIVE_HOURS, SortKey.FIVE_HOURS_RESET, SortKey.WEEKLY_RESET)
    }
    assert first[SortKey.WEEKLY] == ["daily", "usual", "monthly"]
    assert first[SortKey.FIVE_HOURS] == ["daily", "usual", "monthly"]
    assert first[SortKey.FIVE_HOURS_RESET] == ["usual", "daily", "monthly"]
    assert first[SortKey.WEEKLY_RESET] == ["daily", "usual", "monthly"]


def test_what_is_due_is_the_nearest_reset() -> None:
    due = account("due", Usage(base=base(window(5, WEEK, NOW - timedelta(hours=1)))))
    view = look(account("usual", weekly(65, 3)), due)
    assert labels(view, sections(view, SortKey.WEEKLY_RESET, False, PREFS))[0][1] == ["due", "usual"]


def test_sorted_by_what_is_left() -> None:
    view = look(*SORTED)
    left = Prefs(zone=CET, shown=Shown.LEFT)
    assert labels(view, sections(view, SortKey.WEEKLY, False, left))[0][1][:2] == ["b10", "b2"]


@given(st.lists(st.integers(0, 3), min_size=1, max_size=12), st.sampled_from(SortKey), st.booleans())
def test_every_account_stands_once(kinds: list[int], sort: SortKey, reverse: bool) -> None:
    usages = [weekly(50, 2), full(1), Usage(), weekly(100, 1)]
    view = look(*(account(f"a{index}", usages[kind]) for index, kind in enumerate(kinds)))
    keys = [key for each in sections(view, sort, reverse, PREFS) for key in each.keys]
    assert sorted(key.id for key in keys) == sorted(each.account.key.id for each in view.accounts)


def test_natural_order() -> None:
    assert sorted(["dev14", "Dev2", "dev", "d10e1"], key=natural) == ["d10e1", "dev", "Dev2", "dev14"]


def test_hive_groups() -> None:
    plus, pro = Usage(), Usage(plan=Aged("pro", JUST_NOW, "x"))
    pooled = listing("c2", custody=Custody.POOL, source="proxy")
    view = look(
        account("c10", pro, group="east"),
        account("c2", plus, listings=[pooled]),
        account("c1", pro, group="ops@example.com"),
    )

    def grouped(by: Grouping, prefs: Prefs = PREFS) -> tuple[SectionView, ...]:
        return hive_groups(view, by, SortKey.NAME, False, prefs)

    assert labels(view, grouped(Grouping.SOURCE)) == [
        ("homes", ["east/c10", "ops@example.com/c1"]),
        ("proxy", ["c2"]),
    ]
    assert [each.heading for each in grouped(Grouping.PLAN)] == ["Plus", "Pro"]
    assert [each.heading for each in grouped(Grouping.GROUP)] == [
        "east",
        "ops@example.com",
        "no group",
    ]
    masked = grouped(Grouping.GROUP, MASKED)
    assert "ops" not in "".join(each.heading for each in masked)
    only: frozenset[AccountKey] = frozenset()
    assert hive_groups(view, Grouping.GROUP, SortKey.NEED, False, PREFS, only) == ()


@pytest.mark.parametrize("sort", SortKey)
@pytest.mark.parametrize("reverse", [False, True])
def test_the_hive_is_in_the_order_of_the_wall_within_its_groups(sort: SortKey, reverse: bool) -> None:
    view = look(*POOL, *SORTED)
    order = [key for each in sections(view, sort, reverse, PREFS) for key in each.keys]
    groups = hive_groups(view, Grouping.SOURCE, sort, reverse, PREFS)
    assert len(groups) > 1
    for group in groups:
        assert list(group.keys) == [key for key in order if key in group.keys]
    assert sum(len(group.keys) for group in groups) == len(order)
