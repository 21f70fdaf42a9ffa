"""What pool sources share: requests that are joined, and readings for a pool that is silent as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Generic, TypeVar

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.remake import replace
from poolwatch.sources.pool_client import Refused
from poolwatch.sources.source import UsageReading

T = TypeVar("T")


class Flights(Generic[T]):
    """Runs one coroutine per key at a time; whoever asks meanwhile gets the same result.

    A caller that is cancelled leaves the others, and the request itself, alone.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def join(self, key: Hashable, start: Callable[[], Coroutine[None, None, T]]) -> T:
        """The result of the flight under way, else of a new one."""
        task = self._running.get(key)
        if task is None:
            task = asyncio.ensure_future(start())
            self._running[key] = task
            task.add_done_callback(lambda done: self._landed(key, done))
        return await asyncio.shield(task)

    def _landed(self, key: Hashable, task: asyncio.Task[T]) -> None:
        self._running.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at, although nobody may wait for it any more


def unasked(words: str) -> UsageReading:
    """No figures, and no fault of the account's: the pool as a whole is silent, or has none to give.

    It is no trouble of the account; what lists the source again says what is wrong with the pool.
    """
    return UsageReading(Failure(FailureKind.NO_TOKEN, words))


def not_renewed(answer: Refused, pool: Failure) -> TokenStep:
    """The token step of a pool that lists nothing either: its own trouble, and none of the account's.

    `pool` is why it does not list.
    """
    words = may_be_renewed(pool, answer).message
    return TokenStep(
        TokenOutcome.BLOCKED,
        answer.elapsed_seconds,
        block=BlockReason.POOL_SKIPPED,
        detail=words,
        retry_at=pool.retry_at,
    )


def may_be_renewed(failure: Failure, answer: Refused) -> Failure:
    """The failure, which says so where the answer to a renewal that the pool may have taken was lost."""
    if answer.status is not None or not answer.sent:
        return failure
    return replace(failure, message=f"{failure.message}; the pool may have renewed the token all the same")


def renews_by_itself(took_seconds: float | None = None, detail: str | None = None) -> TokenStep:
    """The token step of a pool that has no refresh route, or skipped this account."""
    return TokenStep(
        TokenOutcome.CURRENT, took_seconds=took_seconds, block=BlockReason.POOL_SKIPPED, detail=detail
    )
