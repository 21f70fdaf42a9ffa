"""What OpenAI reports of accounts' days: who asks for it, and what is kept of it with what is told beside."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.running import Running
from poolwatch.domain.past import CREDITS
from poolwatch.domain.state import AccountState
from poolwatch.domain.workspace_usage import (
    AccountUsage,
    KeptReport,
    falls_by_day,
    midnight,
    usage_days,
)
from poolwatch.host.threads import in_thread
from poolwatch.monitor.workspace_usage import Reporter
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.tables import BookError
from poolwatch.store.store import Store

_EPOCH: Final = date(1970, 1, 1)
_DAY: Final = timedelta(days=1)


def reporter_of(running: Running) -> Reporter:
    """Who has OpenAI report, in this run."""
    monitor, services = running.monitor, running.services
    return Reporter(monitor.poller, monitor.ledger, services.store, services.clock)


async def told_usage(
    store: Store, state_dir: Path, account: AccountState, since: date, now: datetime
) -> AccountUsage:
    """What is kept of an account's days from `since` to today, UTC; `now` is the server's clock."""
    key, until = account.key.id, now.astimezone(UTC).date()
    kept = await store.kept_report(key, account.key.account_id or "", since, until) or KeptReport()
    line = await store.timeline(key, CREDITS, midnight(since), midnight(until) + _DAY)
    in_files = await in_thread(partial(_tokens_in_files, state_dir, key, since, until))
    falls = falls_by_day(line, since, until, account.read_at)
    days = usage_days(since, until, kept.days, falls, in_files)
    return AccountUsage(key, since, until, days, kept.fresh_at, kept.asked_at, kept.answered_at)


def _tokens_in_files(state_dir: Path, account: str, since: date, until: date) -> dict[date, int]:
    first, end = (since - _EPOCH) // _DAY, (until - _EPOCH) // _DAY + 1
    try:
        found = UseBook(state_dir).tokens_of_days(account, first, end)
    except BookError:  # whoever looks at the files is told why
        return {}
    return {_EPOCH + day * _DAY: tokens for day, tokens in found.items()}
