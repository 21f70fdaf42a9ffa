"""What commands print: the JSON contract, the status line, the table, the next account."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.account import Custody
from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook, Verdict
from poolwatch.domain.overview import last_known_up, overview
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import (
    BASE_BUCKET,
    WEEKLY,
    Aged,
    RateLimit,
    SpendControl,
    Usage,
    UsageWindow,
)
from poolwatch.domain.values import UNDATED, replace
from poolwatch.presentation import figures
from poolwatch.presentation.next_text import next_homes, next_is_old, next_json, next_text
from poolwatch.presentation.status_json import status_json
from poolwatch.presentation.status_text import status_text
from poolwatch.presentation.strip import status_line
from poolwatch.presentation.view import Prefs
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
    full_account,
    listing,
    look,
    pool,
    trouble,
    window,
)

GOLDEN = Path(__file__).parent / "golden"
DEV = Usage(base=base(window(9, FIVE_HOURS, after(hours=3, minutes=2)), window(38.5, WEEK, after(hours=9))))
LATE = account(
    "lee", Usage(base=base(window(100, WEEK, after(days=1)), allowed=False), credits=balance("12.50"))
)


def team() -> tuple[AccountState, ...]:
    own = listing("dev14@example.com", custody=Custody.POOLWATCH, owner="poolwatch", home=None)
    odd = Usage(
        base=Aged(
            RateLimit(
                None, True, (UsageWindow(None, None, None), UsageWindow(float("nan"), WEEK, None, True))
            ),
            JUST_NOW,
            "homes",
        ),
        credits=balance(None),
        spend=Aged(SpendControl(None, None, ()), JUST_NOW, "homes"),
    )
    return (
        full_account(),
        account("dev14@example.com", DEV, group="team-east", listings=[own]),
        account(
            "carol@example.com",
            Usage(credits=balance("-3.10", at=NOW - timedelta(hours=9))),
            listings=[dead_token("carol@example.com")],
            read_at=NOW - timedelta(hours=9),
            trouble=trouble(FailureKind.THROTTLED, 3, "asked to wait", after(minutes=17)),
        ),
        account("odd", odd),
        account("new", Usage(), read_at=None),
    )


def document(*accounts: AccountState, mask: bool = False, rules: PoolRules | None = None) -> str:
    rules = rules or PoolRules()
    state = pool(*accounts)
    return status_json(overview(state, NOW, rules), state, NOW, mask)


def test_status_json_is_the_golden_file() -> None:
    """The contract with scripts: whatever changes here breaks somebody, unless it is a new key."""
    assert document(*team()) == (GOLDEN / "status.json").read_text(encoding="utf-8")


def test_an_empty_pool_has_all_keys() -> None:
    assert document() == (GOLDEN / "status-empty.json").read_text(encoding="utf-8")


def test_masked_json_holds_no_address() -> None:
    masked = document(*team(), mask=True)
    assert "example.com" not in masked
    assert all(each["email"] is None for each in json.loads(masked)["accounts"])
    assert [each["id"] for each in json.loads(masked)["accounts"]] == [
        each["id"] for each in json.loads(document(*team()))["accounts"]
    ]


def test_json_without_usd() -> None:
    free = json.loads(document(full_account(), rules=PoolRules(credits_per_usd=Decimal(0))))
    assert free["credits_per_usd"] == "0"
    assert free["pool"]["credits"]["usd"] is None
    assert free["accounts"][0]["credits"]["usd"] is None


def test_a_filter_narrows_only_the_list() -> None:
    state = pool(*team())
    keys = {next(iter(state.accounts))}
    rules = PoolRules()
    found = json.loads(status_json(overview(state, NOW, rules), state, NOW, False, keys))
    assert len(found["accounts"]) == 1
    assert found["pool"]["accounts"] == 5


def test_the_line() -> None:
    view = look(
        account("dev14@example.com", DEV, group="team-east"),
        account("lee", full_account().usage),
        account("c", listings=[dead_token("c")]),
    )
    assert status_line(view) == "pw ●1 ◐1 ✕1 next dev14 back 47m"
    assert status_line(view, ascii_only=True) == "pw 1ok 1ex 1!! next dev14 back 47m"
    assert "account-" in status_line(view, mask=True)


def test_the_line_adds_up_and_says_when_it_is_old() -> None:
    view = look(account("new", Usage(), read_at=None))
    assert status_line(view) == "?pw ●0 ◐0 ✕0 ◌1"
    assert status_line(view, ascii_only=True) == "?pw 0ok 0ex 0!! 1--"
    old = account("dev", DEV, read_at=NOW - timedelta(hours=2))
    assert status_line(look(old)).startswith("?pw")
    assert not status_line(look(old, account("dev2", DEV))).startswith("?")
    assert status_line(look()) == "pw no accounts"


NOBODY = PoolBurn(Burn(), Burn())


def foretold(verdict: Verdict, *, hours: float = 60, dry: float | None = None, age: float = 0) -> PoolOutlook:
    return PoolOutlook(
        NOW - timedelta(hours=age),
        NOBODY,
        verdict,
        relief_at=NOW + timedelta(hours=hours),
        dry_earliest=None if dry is None else NOW + timedelta(hours=dry),
    )


@pytest.mark.parametrize(
    ("outlook", "line"),
    [
        (foretold(Verdict.LASTS), "pw ●1 ◐1 ✕0 next dev14 lasts Mon"),
        (foretold(Verdict.MAY_RUN_DRY, dry=30), "pw ●1 ◐1 ✕0 next dev14 dry Sat?"),
        (foretold(Verdict.DRY), "pw ●1 ◐1 ✕0 next dev14 dry to Mon"),
        (foretold(Verdict.MAY_RUN_DRY, dry=-1), "pw ●1 ◐1 ✕0 next dev14 dry 14:03?"),
        (foretold(Verdict.UNKNOWN), "pw ●1 ◐1 ✕0 next dev14 back 47m"),
        (foretold(Verdict.DRY, age=2.1), "pw ●1 ◐1 ✕0 next dev14 back 47m"),
        (foretold(Verdict.DRY, hours=0), "pw ●1 ◐1 ✕0 next dev14 back 47m"),
        (None, "pw ●1 ◐1 ✕0 next dev14 back 47m"),
    ],
)
def test_the_line_says_whether_the_pool_lasts(outlook: PoolOutlook | None, line: str) -> None:
    view = look(account("dev14@example.com", DEV), account("lee", full_account().usage))
    told = status_line(view, outlook, zone=CET)
    assert figures.width(told) <= 38
    assert told == line


@pytest.mark.parametrize("ascii_only", [False, True])
@pytest.mark.parametrize("verdict", [Verdict.LASTS, Verdict.MAY_RUN_DRY, Verdict.DRY, None])
@pytest.mark.parametrize("name", ["x", "a-very-long-name-of-an-account-indeed", "東京都千代田区丸の内一丁目"])
@pytest.mark.parametrize("many", [1, 400])
def test_the_line_fits(name: str, ascii_only: bool, many: int, verdict: Verdict | None) -> None:
    accounts = [account(f"l{index}", full_account().usage) for index in range(many)]
    accounts += [account(f"n{index}", Usage(), read_at=None) for index in range(many)]
    outlook = None if verdict is None else foretold(verdict, dry=30)
    line = status_line(look(account(name, DEV), *accounts), outlook, zone=CET, ascii_only=ascii_only)
    assert figures.width(line) <= 38
    assert line.isascii() or not ascii_only
    assert " next " in line


def test_the_table() -> None:
    view = look(*team())
    text = status_text(view, pool(*team()), PREFS, "work")
    lines = text.splitlines()
    assert lines[0] == "work · 5 accounts · 1 source · fresh 3 of 5 · oldest 9h"
    assert "NEEDS YOU   1  1 sign in" in lines
    assert "NEXT BACK   bob@example.com  14:50, in 47m" in lines
    assert lines.index("needs you 1") < lines.index("exhausted 2, soonest back first")
    header = next(line for line in lines if line.startswith("  ACCOUNT"))
    for word in ("PLAN", "STATUS", "5H USED", "WEEKLY USED", "RESETS", "CREDITS", "USD", "AGE"):
        assert word in header
    bob = next(line for line in lines if line.startswith("  bob"))
    for word in ("Pro", "5h until 14:50", "100%", "47m", "71%", "2d 1h", "1,234.56", "$49.38", "4m"):
        assert word in bob
    assert bob.index("100%") + 4 == header.index("5H USED") + len("5H USED")


def test_what_lies_ahead_stands_in_the_table_once_it_was_worked_out() -> None:
    weekly = Forecast(BASE_BUCKET, WEEKLY, NOW, after(hours=9), 41.4, 39.0, 44.0, 0.0)
    dev = replace(account("dev", DEV), outlook=AccountOutlook(NOW, AccountBurn(Burn(), Burn()), (weekly,)))
    burn = PoolBurn(Burn(0.9), Burn(Decimal(41)), made_at=NOW)
    ahead = PoolOutlook(NOW, burn, Verdict.LASTS, after(days=1, hours=20), 6, 0.04, weekly_left_percent=61.0)
    lines = status_text(look(dev), replace(pool(dev), outlook=ahead), PREFS).splitlines()
    assert "BURN        pool 0.9%/h" in lines
    assert "OUTLOOK     lasts to Sun 10:03  4% risk; 61% of weekly left" in lines
    (header,) = (line for line in lines if line.startswith("  ACCOUNT"))
    (row,) = (line for line in lines if line.startswith("  dev"))
    assert row.index("41%") + 3 == header.index("AT RESET") + len("AT RESET")
    assert "OUTLOOK" not in status_text(look(*team()), pool(*team()), PREFS)


def test_the_table_keeps_to_the_filter() -> None:
    view, state = look(*team()), pool(*team())
    only = status_text(view, state, PREFS, keys={view.accounts[1].account.key})
    assert "team-east/dev14" in only
    assert "  carol" not in only
    assert status_text(view, state, PREFS, keys=set()).endswith("no account matches\n")
    assert status_text(look(), pool(), PREFS).endswith("no accounts\n")


def test_what_nobody_read_is_unknown_and_not_blank() -> None:
    state = account("new", Usage(), read_at=None)
    lines = status_text(look(state), pool(state), PREFS).splitlines()
    (new,) = (line for line in lines if line.startswith("  new"))
    assert new.split()[-3:] == ["—", "—", "—"]


def test_the_masked_table() -> None:
    assert "example.com" not in status_text(look(*team()), pool(*team()), MASKED)


def test_next() -> None:
    view = look(*team())
    assert next_text(view, PREFS) == (
        "team-east/dev14@example.com  Plus\n"
        "most weekly room to lose: 5h 9% used, weekly 39% used, resets in 9h\n"
    )
    found = json.loads(next_json(view, PREFS))
    assert found["account"]["label"] == "dev14@example.com"
    assert found["account"]["home"] is None
    assert json.loads(next_json(view, MASKED))["account"]["email"] is None
    assert next_homes(look(account("dev", DEV))) == ["~/homes/07"]


def test_the_next_ones_stand_in_the_order_in_which_they_are_to_be_used() -> None:
    def weekly(name: str, used: float, days: int) -> AccountState:
        return account(name, Usage(base=base(window(used, WEEK, after(days=days)))))

    some = [weekly("late", 10, 6), weekly("soon", 10, 1), weekly("red", 95, 1), weekly("mid", 10, 3)]
    view = look(*some, account("gone", Usage(base=base(window(100, WEEK, after(days=1)), allowed=False))))
    said = next_text(view, PREFS, 9).splitlines()
    assert [line.split()[0] for line in said[::2]] == ["soon", "mid", "late"]
    assert next_text(view, PREFS, 2) == "\n".join(said[:4]) + "\n"
    found = json.loads(next_json(view, PREFS, most=2))
    assert [(each["label"], each["why"]) for each in found["accounts"]] == [
        ("soon", said[1]),
        ("mid", said[3]),
    ]
    assert {**found["account"], "why": found["why"]} == found["accounts"][0]
    assert len(next_homes(view, 3)) == 3


def test_next_when_none_can_be_used() -> None:
    nobody = look(account("lee", Usage(base=base(window(100, WEEK, after(days=1)), allowed=False))))
    assert next_text(nobody, PREFS) == "no account can be used now; lee is back at Sat 14:03, in 1d\n"
    found = json.loads(next_json(nobody, PREFS, most=3))
    assert (found["account"], found["accounts"]) == (None, [])
    assert next_homes(nobody) == []
    assert next_text(look(), PREFS) == "no account can be used now\n"


def test_next_does_not_say_of_accounts_that_nobody_read_that_they_cannot_be_used() -> None:
    never = account("new", Usage())
    said = "no account is known to be usable; poolwatch status says why\n"
    assert next_text(look(never), PREFS) == said
    assert next_text(
        look(never, account("lee", Usage(base=base(window(100, WEEK, after(days=1)), allowed=False)))), PREFS
    ).startswith("no account can be used now")


def test_next_names_an_exhausted_account_with_credits_left_when_none_is_active() -> None:
    used_up = base(window(100, WEEK, after(days=1)), allowed=False)
    rich = account("rich", Usage(base=used_up, credits=balance("489.25")))
    view = look(LATE, rich, account("poor", Usage(base=used_up, credits=balance("0"))))
    words = (
        "no account is active; this one is exhausted until Sat 14:03, "
        "but has 489.25 credits left ($19.57), which may carry it"
    )
    assert view.next_up is None
    assert next_text(view, PREFS) == f"rich  Plus\n{words}\n"
    found = json.loads(next_json(view, PREFS))
    assert (found["account"]["status"], found["why"]) == ("exhausted", words)
    assert next_homes(view) == ["~/homes/07"]
    endless = look(account("a", Usage(base=used_up, credits=balance(None, unlimited=True))))
    assert "but has unlimited credits" in next_text(endless, PREFS)
    untold = Usage(base=base(window(100, WEEK, None), allowed=False), credits=balance("3"))
    assert "this one is exhausted, but has 3.00 credits left" in next_text(look(account("a", untold)), PREFS)


def test_next_says_why() -> None:
    five = Usage(base=base(window(9, FIVE_HOURS, after(hours=3))))
    assert next_text(look(account("a", five)), PREFS).endswith("no weekly limit: 5h 9% used\n")
    past = Usage(base=base(window(100, FIVE_HOURS, after(hours=3))), credits=balance("9"))
    assert next_text(look(account("a", past)), Prefs(zone=CET)).endswith("only credits keep it going\n")


def test_next_tells_no_age_of_figures_that_nobody_dates() -> None:
    """A pool that dates nothing: 1970 is no instant for people, nor for scripts."""
    usage = Usage(base=base(window(9, WEEK, after(days=3)), at=UNDATED))
    view = look(account("dan", usage, read_at=UNDATED))
    old = last_known_up(view.accounts, view.now, view.rules)
    assert old is not None
    assert (
        next_is_old(old, view, PREFS)
        == "no reading is fresh; dan was the best one when last known, age unknown"
    )
    assert json.loads(next_json(replace(view, next_up=old), PREFS, is_old=True))["read_at"] is None
