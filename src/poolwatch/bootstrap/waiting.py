"""What waits for a person where money is spent: proposals to top up, and what nobody knows the end of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from poolwatch.bootstrap.clock import RealClock
from poolwatch.domain.message import Message, message
from poolwatch.domain.purchases import Purchase, PurchaseOutcome
from poolwatch.host.locks import held
from poolwatch.host.threads import in_thread
from poolwatch.monitor.proposals import ProposalWatch, WatchedTopUp
from poolwatch.net.names import run
from poolwatch.presentation.waiting import Waits
from poolwatch.purchases.reset_book import ResetBook, ResetFolder
from poolwatch.purchases.topup_book import TopUpBook, TopUpFolder, key_of
from poolwatch.store.opening import FILE_NAME
from poolwatch.store.store import Store

if TYPE_CHECKING:
    from poolwatch.bootstrap.running import Running
    from poolwatch.bootstrap.surroundings import Surroundings
    from poolwatch.config.topup_settings import TopUpSettings
    from poolwatch.domain.banked_resets import ResetUse
    from poolwatch.domain.proposals import Proposal, ProposalState


#: The caps of top-ups look back no further.
_A_MONTH: Final = timedelta(days=31)


def proposal_watch(running: Running) -> ProposalWatch:
    """Who judges whether top-ups are proposed, in the process that polls."""
    around, services = running.around, running.services
    book = TopUpBook(around.state_dir, services.clock.now)
    watched = [
        WatchedTopUp(each.name, each.source, each.currency, each.auto, partial(purchases_of, book, each))
        for each in around.settings.topups
        if each.auto is not None and each.source is not None
    ]
    monitor = running.monitor
    return ProposalWatch(watched, monitor.ledger, services.store, services.clock, monitor.recorder.tell)


def purchases_of(book: TopUpBook, topup: TopUpSettings) -> Sequence[Purchase] | None:
    """Those of its target at its address; None where they cannot be told, and nothing can be bought."""
    try:
        # without a lock, which somebody who buys would find held
        known = book.read(key_of(topup.url))
    except OSError:
        return None
    if known.trouble is not None:
        return None
    return [each for each in known.purchases if each.target == topup.target]


async def waits(around: Surroundings, store: Store | None) -> Waits:
    """All of it, as it stands now; without a store there are no proposals."""
    stored = {} if store is None or not around.settings.topups else await store.proposals()
    now = RealClock().now()
    purchases, resets = await in_thread(partial(unsettled, around.state_dir, now))
    return Waits(tuple(waiting_proposals(around.settings.topups, stored, now)), purchases, resets)


def waiting_proposals(
    topups: Sequence[TopUpSettings], stored: Mapping[str, ProposalState], now: datetime
) -> list[Proposal]:
    """Those that wait for an answer, of what is configured to be proposed."""
    found = []
    for topup in topups:
        state = stored.get(topup.name)
        proposal, auto = None if state is None else state.proposal, topup.auto
        if proposal is None or auto is None or not proposal.waits(now):
            continue
        if (proposal.below, proposal.amount) == (auto.below, auto.amount):
            found.append(proposal)
    return found


def stored_proposals(around: Surroundings, topups: Sequence[TopUpSettings], now: datetime) -> list[Proposal]:
    """Those of these top-ups that wait for an answer; blocks on disk."""
    if not (around.state_dir / FILE_NAME).exists():
        return []

    async def look() -> list[Proposal]:
        store = Store(around.state_dir, now)
        try:
            return waiting_proposals(topups, await store.proposals(), now)
        finally:
            await store.aclose()

    return run(look())


def unsettled(state_dir: Path, now: datetime) -> tuple[tuple[Purchase, ...], tuple[ResetUse, ...]]:
    """Top-ups and uses of banked resets of which nobody knows what became, and at which nobody is.

    Blocks on disk; what cannot be read is left out here, for buying and using say why.
    """
    purchases: list[Purchase] = []
    resets: list[ResetUse] = []
    with suppress(OSError):
        book = TopUpBook(state_dir, lambda: now)
        for key in (path.stem for path in book.folder.journals()):
            # a lock is taken only where something is open: who buys meanwhile would find it held
            has_open = any(each.is_open for each in book.read(key).purchases)
            if has_open and not _is_at_work(book.folder.lock(key)):
                purchases += [each for each in book.known(key).purchases if each.is_open]
    with suppress(OSError):
        uses = ResetBook(state_dir, lambda: now)
        keys = [path.stem for path in uses.folder.journals()]
        if any(each.is_open for key in keys for each in uses.of_workspace(key)):
            resets = [each for each in uses.uses() if each.is_open]
    lost = [each for each in purchases if each.standing(now) is PurchaseOutcome.UNKNOWN]
    return (
        tuple(sorted(lost, key=lambda each: each.at)),
        tuple(each for each in resets if not _is_at_work(uses.folder.lock(each.workspace))),
    )


def damaged_journals(state_dir: Path, now: datetime) -> Iterator[Message]:
    """Why nothing can be bought by journals of top-ups of which lines cannot be read; blocks on disk."""
    with suppress(OSError):
        book = TopUpBook(state_dir, lambda: now)
        for path in book.folder.journals():
            trouble = book.read(path.stem).trouble
            if trouble is not None:
                yield message(trouble, path=str(path))


def copied_journals(state_dir: Path, now: datetime) -> Iterator[tuple[str, datetime]]:
    """The folders whose journals were put there as a copy, within the month that caps look back on, and when.

    Blocks on disk.
    """
    for folder in (TopUpFolder(state_dir), ResetFolder(state_dir)):
        at = folder.copied_at()
        if at is not None and now - at < _A_MONTH:
            yield str(folder.folder), at


def _is_at_work(lock: Path) -> bool:
    """Whether a process is at it now; where that cannot be told, what is open is told."""
    with suppress(OSError), held(lock) as mine:
        return not mine
    return False
