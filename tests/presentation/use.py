"""A month of made use, for tests of what is shown of it; 13:03 UTC is 14:03 for the operator."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.quarters import Calendar, UsePeriod, quarter_of
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import GroupBy, Origin, RequestSeen, ScanState, Tier, Tokens, UseCell
from poolwatch.domain.use_report import UseReport, UseWish, report, span_of, use_figures
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.filter import typed
from poolwatch.presentation.use_filter import beside_of, use_kept
from poolwatch.presentation.use_texts import Names
from tests.domain.use import CARD
from tests.presentation.scene import CET, NOW

CALENDAR = Calendar(CET)
STARTED = NOW - timedelta(minutes=73)
ALICE = AccountKey("codex", "u", "a")
READ = ScanState(
    complete_at=NOW.timestamp(),
    files=2114,
    homes=3,
    bytes_read=10_500_000_000,
    since=(NOW - timedelta(days=90)).timestamp(),
    files_unverified=41,
    unverified=Tokens(input=3_000_000, output=100_000),
)
#: model, requests and tokens of a working day, and at which hours
_DAY = (
    ("sol", Tier.STANDARD, 210, Tokens(40_000_000, 36_400_000, 0, 300_000, 120_000), 9),
    ("terra", Tier.UNKNOWN, 140, Tokens(21_000_000, 18_500_000, 0, 190_000, 80_000), 10),
    ("free", Tier.STANDARD, 19, Tokens(1_000_000, 660_000, 0, 11_000), 15),
)


def month_of_use() -> list[UseCell]:
    """Forty days up to now; at weekends a tenth, and one model without a price."""
    cells = []
    midnight = quarter_of(NOW.replace(hour=0, minute=0))
    for back in range(40):
        day = NOW - timedelta(days=back)
        part = 10 if day.weekday() > 4 else 1
        for model, tier, requests, tokens, hour in _DAY:
            quarter = midnight - back * 96 + hour * 4 - 4
            scaled = Tokens(*(getattr(tokens, name) // part for name in tokens.__struct_fields__))
            project = "reef" if back % 3 else "poolwatch"
            texts: dict[str, Any] = {
                "account": ALICE.id if back % 2 else None,
                "project": project,
                "client": "codex_cli_rs",
                "conversation": f"0199-{back:04}",
            }
            cells.append(UseCell(quarter, model, tier, False, requests // part, scaled, **texts))
    cells.append(UseCell(midnight - 300, "qwen", Tier.STANDARD, False, 95, Tokens(6_400_000, 0, 0, 90_000)))
    cells.append(
        UseCell(midnight + 51, "sol", Tier.STANDARD, False, 40, Tokens(5_900_000, 5_500_000, 0, 90_000))
    )
    return [cell for cell in cells if cell.quarter <= quarter_of(NOW)]


def latest() -> list[RequestSeen]:
    """The last three requests."""
    tokens = Tokens(32_100, 29_800, 0, 1_200)
    one = RequestSeen(
        NOW.timestamp() - 50, "sol", Tier.STANDARD, False, tokens, ALICE.id, "reef", "0199", "codex_cli_rs"
    )
    return [one, replace(one, at=one.at - 31, account=None), replace(one, at=one.at - 70, model="qwen")]


def reported(
    period: UsePeriod = UsePeriod.MONTH,
    by: GroupBy = GroupBy.MODEL,
    origin: Origin = Origin.FILES,
    cells: list[UseCell] | None = None,
    scan: ScanState = READ,
    **wish: Any,
) -> UseReport:
    """What is told of it."""
    cells = month_of_use() if cells is None else cells
    wished = UseWish(period, by, origin, **wish)
    groups: dict[str, str | None] = {ALICE.id: "team-east"}
    query = typed(wished.filter_text, ()).query
    called = names(mask=wished.mask)
    keeps = use_kept(
        query, called.accounts.accounts, mask=wished.mask, beside=beside_of(wished, called, CALENDAR, groups)
    )
    span = span_of(wished, NOW, CALENDAR)
    figures = use_figures(cells, origin, scan, CARD, NOW, STARTED, CALENDAR)
    within = [cell for cell in cells if span[0] <= cell.quarter < span[1]]
    kept = [cell for cell in within if keeps(cell)]
    among = within if wished.is_filtered else None
    return report(wished, span, kept, figures, latest(), scan, CARD, CALENDAR, groups, among)


def names(*, mask: bool = False, now: datetime = NOW) -> Names:
    """What groups are called."""
    alice = AccountState(ALICE, name=Name("alice@example.com", "team-east"))
    return Names(AccountNames({ALICE.id: alice}, mask), now.astimezone(CET).date())
