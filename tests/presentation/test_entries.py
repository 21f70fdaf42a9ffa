"""An account with several entries: what one of them says or lacks is seen beside what the others say."""

from __future__ import annotations

from poolwatch.domain.account import Custody
from poolwatch.domain.pool import AccountState, PoolState
from poolwatch.domain.status import Status
from poolwatch.presentation.detail import detail_view
from poolwatch.presentation.standing import footer, marks
from tests.presentation.scene import NOW, PREFS, account, dead_token, judged, listing


def signed_out_in(*sources: str) -> AccountState:
    pools = [
        listing(source=name, custody=Custody.POOL, home=None, path=None, says_login_needed=True)
        for name in sources
    ]
    return account(listings=[listing(), *pools])


def test_another_entry_that_needs_a_login_is_seen() -> None:
    one, two = judged(signed_out_in("north")), judged(signed_out_in("north", "south"))
    assert (one.status.kind, marks(one, NOW)) == (Status.ACTIVE, ["north: login expired"])
    assert marks(two, NOW) == ["2 entries need a login"]
    assert "north: login expired" in [span.text for span in footer(one, NOW, PREFS)]
    view = detail_view(one, PoolState(), NOW, PREFS)
    assert view.status.endswith("north: login expired")
    rows = ["".join(span.text for span in line.spans) for line in view.lines]
    assert any(row.startswith("north") and row.endswith("login expired") for row in rows)


def test_an_idle_login_beside_a_live_one_is_no_mark() -> None:
    idle = judged(account(listings=[listing(source="north", custody=Custody.POOL, home=None), dead_token()]))
    assert marks(idle, NOW) == []
    view = detail_view(idle, PoolState(), NOW, PREFS)
    rows = ["".join(span.text for span in line.spans) for line in view.lines]
    assert any(row.startswith("homes") and row.endswith("login expired") for row in rows)


def test_an_account_that_needs_a_login_says_so_once() -> None:
    gone = judged(signed_out_in("north"))
    alone = judged(account(listings=[each for each in gone.account.listings if each.ref.source == "north"]))
    assert (alone.status.kind, marks(alone, NOW)) == (Status.NEEDS_LOGIN, [])
