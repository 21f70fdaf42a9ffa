from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import given

from poolwatch.domain.series import Figure, HistoryRow, Series, history_rows
from poolwatch.domain.usage import (
    Aged,
    Bucket,
    Credits,
    RateLimit,
    SpendControl,
    SpendLimit,
    Usage,
    UsageWindow,
)
from poolwatch.domain.values import replace
from tests.store.given import NOON, limit, usages


def _base(*windows: UsageWindow, allowed: bool | None = True) -> Usage:
    return Usage(base=Aged(RateLimit(allowed, None, windows), NOON, "s"))


def _weekly(used: float | None, minutes: float = 0) -> UsageWindow:
    return UsageWindow(used, 604800, NOON + timedelta(minutes=minutes), None)


def _rows(before: Usage, after: Usage) -> tuple[HistoryRow, ...]:
    return history_rows(before, after, "id", NOON)


def test_the_first_reading_is_a_row_for_every_figure() -> None:
    usage = Usage(
        plan=Aged("plus", NOON, "s"),
        base=Aged(RateLimit(True, None, (_weekly(5), UsageWindow(1, 18000, None, None))), NOON, "s"),
        review=Aged(limit(7), NOON, "s"),
        extras=Aged((Bucket("spark", "Spark", limit(3)), Bucket("none", "None", None)), NOON, "s"),
        credits=Aged(Credits(True, False, None, Decimal("1.50")), NOON, "s"),
        spend=Aged(
            SpendControl(None, None, (SpendLimit("individual", Decimal(400), Decimal(1), None, 0.25, None),)),
            NOON,
            "s",
        ),
    )
    rows = _rows(Usage(), usage)
    assert [(row.series.value, row.bucket, row.window) for row in rows] == [
        ("window", "codex", "weekly"),
        ("window", "codex", "5h"),
        ("window", "code_review", "weekly"),
        ("window", "spark", "weekly"),
        ("credits", "", ""),
        ("spend", "", "individual"),
        ("plan", "", ""),
    ]
    assert all(row.account_id == "id" and row.at == NOON for row in rows)
    assert rows[0].figure == Figure(5, NOON, None, True)
    assert rows[4].figure == Figure(balance=Decimal("1.50"), unlimited=False)
    assert rows[5].figure == Figure(0.25, spent=Decimal(1), spend_limit=Decimal(400))
    assert rows[6].figure == Figure(plan="plus")


@given(usages)
def test_the_same_again_is_no_row(usage: Usage) -> None:
    assert _rows(usage, usage) == ()


def test_only_what_changed_is_a_row() -> None:
    five = UsageWindow(1, 18000, NOON, None)
    rows = _rows(_base(_weekly(5), five), _base(_weekly(6), five))
    assert [(row.window, row.figure.used_percent) for row in rows] == [("weekly", 6)]


def test_what_is_gone_is_an_empty_row() -> None:
    for after in (_base(), Usage(base=Aged(None, NOON, "s", known=False)), Usage(base=Aged(None, NOON, "s"))):
        assert _rows(_base(_weekly(5)), after) == (
            HistoryRow("id", NOON, Series.WINDOW, "codex", "weekly", Figure()),
        )


def test_a_verdict_or_flag_that_turns_is_a_row() -> None:
    assert len(_rows(_base(_weekly(100)), _base(_weekly(100), allowed=False))) == 1
    assert len(_rows(_base(_weekly(100)), _base(replace(_weekly(100), limit_reached=True)))) == 1


def test_a_reset_that_wobbles_or_slides_while_idle_is_no_row() -> None:
    assert _rows(_base(_weekly(5)), _base(_weekly(5, minutes=1.9))) == ()
    assert _rows(_base(_weekly(0)), _base(_weekly(0, minutes=60))) == ()
    assert _rows(_base(_weekly(None)), _base(_weekly(None, minutes=60))) == ()
    assert len(_rows(_base(_weekly(5)), _base(_weekly(5, minutes=2)))) == 1
    assert len(_rows(_base(_weekly(5)), _base(replace(_weekly(5), resets_at=None)))) == 1


def test_a_balance_is_compared_digit_for_digit() -> None:
    def held(text: str) -> Usage:
        return Usage(credits=Aged(Credits(True, None, None, Decimal(text)), NOON, "s"))

    assert [str(row.figure.balance) for row in _rows(held("1.5"), held("1.50"))] == ["1.50"]


def test_of_two_windows_of_one_kind_the_fuller_counts() -> None:
    for windows in ((_weekly(5), _weekly(80)), (_weekly(80), _weekly(5))):
        assert [row.figure.used_percent for row in _rows(Usage(), _base(*windows))] == [80]
