"""An account with several entries: what one of them says or lacks is seen beside what the others say."""

from __future__ import annotations

from poolwatch.domain.account import Custody
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.status import Status
from poolwatch.domain.usage import Aged, Usage
from poolwatch.domain.values import UNDATED, replace
from poolwatch.presentation.card import caveats, notes
from poolwatch.presentation.detail import detail_view
from tests.presentation.scene import (
    JUST_NOW,
    NOW,
    PREFS,
    WEEK,
    account,
    after,
    base,
    dead_token,
    judged,
    limits,
    listing,
    window,
)


def signed_out_in(*sources: str) -> AccountState:
    pools = [
        listing(source=name, custody=Custody.POOL, home=None, path=None, says_login_needed=True)
        for name in sources
    ]
    return account(listings=[listing(), *pools])


def test_another_entry_that_needs_a_login_is_seen() -> None:
    one, two = judged(signed_out_in("north")), judged(signed_out_in("north", "south"))
    assert (one.status.kind, caveats(one, NOW)) == (Status.ACTIVE, ["north: login expired"])
    assert caveats(two, NOW) == ["2 entries need a login"]
    assert "north: login expired" in [note.text for note in notes(one, NOW, PREFS)]
    view = detail_view(one, PoolState(), NOW, PREFS)
    assert view.status.endswith("north: login expired")
    sources = [(line.source.name, line.source.told) for line in view.lines if line.source]
    assert ("north", "login expired") in sources


def test_an_idle_login_beside_a_live_one_is_no_mark() -> None:
    idle = judged(account(listings=[listing(source="north", custody=Custody.POOL, home=None), dead_token()]))
    assert caveats(idle, NOW) == []
    view = detail_view(idle, PoolState(), NOW, PREFS)
    sources = [(line.source.name, line.source.told) for line in view.lines if line.source]
    assert ("homes", "login expired") in sources


def test_an_account_that_needs_a_login_says_so_once() -> None:
    gone = judged(signed_out_in("north"))
    alone = judged(account(listings=[each for each in gone.account.listings if each.ref.source == "north"]))
    assert (alone.status.kind, caveats(alone, NOW)) == (Status.NEEDS_LOGIN, [])


def test_pools_that_disagree_are_a_mark_and_both_figures_in_the_details() -> None:
    usage = Usage(base=base(window(61, WEEK, after(days=2)), source="north"))
    rival = Aged(limits(window(20, WEEK, after(days=2))), JUST_NOW, "south")
    disputed = judged(replace(account(usage=usage), rival=rival))
    assert "pools disagree" in [note.text for note in notes(disputed, NOW, PREFS)]
    view = detail_view(disputed, PoolState(), NOW, PREFS)
    rows = ["".join(span.text for span in line.spans) for line in view.lines]
    assert "north says weekly 61% (4m ago)" in rows
    assert "south says weekly 20% (4m ago)" in rows
    undated = judged(replace(account(usage=usage), rival=replace(rival, at=UNDATED)))
    view = detail_view(undated, PoolState(), NOW, PREFS)
    assert any(
        "south says weekly 20% (age unknown)" in span.text for line in view.lines for span in line.spans
    )
