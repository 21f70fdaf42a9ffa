"""Asks for the list of banked resets, seldom, after a usage answer that counts some."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.failure import Failure
from poolwatch.domain.remake import replace
from poolwatch.domain.usage import ResetCredits, UsageSnapshot
from poolwatch.net.reply import Reply, http_date
from poolwatch.sources.classify import classify
from poolwatch.sources.codex_usage import usage_urls
from poolwatch.sources.reset_pace import LONGEST_STOP, ResetPace
from poolwatch.sources.usage_payload import parse_reset_list

#: The reading waits for the list at most this long.
ANSWER_SECONDS: Final = 4.0


def reset_list_url(base_url: str) -> str:
    """The address of the list, beside the address of the usage."""
    return usage_urls(base_url)[0].removesuffix("usage") + "rate-limit-reset-credits"


async def with_reset_list(
    usage: UsageSnapshot,
    place: str,
    pace: ResetPace,
    at: datetime,
    ask: Callable[[], Awaitable[Reply | Failure]],
    *,
    null_is_never: bool = True,
) -> UsageSnapshot:
    """The usage, with the list where resets are banked, the pace allows to ask and an answer comes.

    Whatever goes wrong is no trouble of the account: the usage comes back as it was.
    """
    banked = usage.reset_credits
    if not isinstance(banked, ResetCredits) or not banked.available:
        return usage
    if not await asyncio.to_thread(pace.take, place, banked.available, at):
        return usage
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await ask()
    except TimeoutError:
        return usage
    if isinstance(answer, Failure):
        return usage
    if answer.status == 429:
        await asyncio.to_thread(pace.stop, at, _asked_to_wait(answer, at))
        return usage
    if classify(answer, at) is not None:
        return usage
    rows = parse_reset_list(answer.body, null_is_never=null_is_never)
    if isinstance(rows, Failure):
        return usage
    # a pool that drops the instants tells no more than the count does, and must not replace a better list
    if rows and not any(row.expiry_known for row in rows):
        return usage
    return replace(usage, reset_list=rows)


def _asked_to_wait(answer: Reply, at: datetime) -> timedelta | None:
    given = (answer.headers.get("retry-after") or "").strip()
    if given.isascii() and given.isdigit():
        return min(timedelta(seconds=int(given[:9])), LONGEST_STOP)
    until = http_date(given)
    return None if until is None else until - (answer.server_date or at)
