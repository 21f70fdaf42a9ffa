"""What OpenAI reported of an account in the made moment of the pictures, Friday 20 November 2026."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from poolwatch.domain.workspace_usage import AccountUsage, ReportedClient, ReportedDay, usage_days

TODAY = date(2026, 11, 20)
READ_AT = datetime(2026, 11, 20, 12, 20, tzinfo=UTC)
_DAY = timedelta(days=1)
#: Back from yesterday: credits as reported, by the balance, millions of tokens, the part in files.
_LATEST = (
    ("231.5", "231.5", 48.1, 0.95),
    ("188.2", "190", 41.0, 0.93),
    ("262", "262", 55.9, 0.96),
    ("201.4", "201.4", 44.7, 0.91),
    ("12.1", "12.1", 2.2, 0.97),
    ("0", "0", 0.0, None),
    (None, None, 39.8, 0.88),
)
_CLIENTS = (
    ("CODEX_CLI", "0.61"), ("CODEX_IDE_VSCODE", "0.22"), ("CODEX_DESKTOP_APP", "0.14"),
    ("CODEX_UNKNOWN_DEFAULT", "0.03"),
)  # fmt: skip


def made_report(account: str, days: int = 30) -> AccountUsage:
    """So many days until that Friday, which is not settled."""
    since = TODAY - (days - 1) * _DAY
    reported = [ReportedDay(TODAY, Decimal("18.4"), turns=9)]
    falls, in_files = {TODAY: (Decimal(212), False)}, {TODAY: 5}
    for back in range(1, days):
        credits, fell, millions, part = _LATEST[(back - 1) % len(_LATEST)]
        day, tokens = TODAY - back * _DAY, int(millions * 1_000_000)
        told = None if credits is None else Decimal(credits)
        clients = tuple(
            ReportedClient(name, None if told is None else told * Decimal(share)) for name, share in _CLIENTS
        )
        output = tokens // 80
        uncached = (tokens - output) // 6
        reported.append(
            ReportedDay(day, told, tokens, uncached, tokens - output - uncached, output, 6, 41, None, clients)
        )
        if fell is not None:
            falls[day] = Decimal(fell), back > 20
        if part is not None:
            in_files[day] = int(tokens * part)
    fresh_at = datetime(2026, 11, 20, 8, tzinfo=UTC)
    told_days = usage_days(since, TODAY, reported, falls, in_files)
    return AccountUsage(account, since, TODAY, told_days, fresh_at, READ_AT, READ_AT)
