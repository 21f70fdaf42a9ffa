"""Finds out whose the use in session files was: by the logins of homes, else by limits that stood alike.

An app or a daemon that polls does it now and then, and asks the service what it counted, if set.

It runs on the event loop in short turns. What it finds is kept in `usage.db`, some conversations at a time:
an end in between leaves the rest to the next time.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final
from zlib import crc32

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.kept import open_kept
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.custody.login_file import Login, read_login
from poolwatch.domain.account import AccountKey, LoginKind
from poolwatch.domain.matching import (
    ALWAYS,
    AccountReadings,
    Course,
    HomeLogin,
    Owned,
    Readings,
    Sighting,
    moments,
    of_home,
    without,
)
from poolwatch.domain.series import FigureName, Series, Timeline
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import QUARTER_SECONDS, WhoseBy
from poolwatch.domain.usage import BASE_BUCKET, window_kind
from poolwatch.host.threads import in_thread
from poolwatch.monitor.reconciling import Reconciler
from poolwatch.monitor.turns import Turns
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.owners import LimitSeen, ThreadUse, Whose
from poolwatch.sessions.tables import BookError, book_mark
from poolwatch.store.retention import FULL, HOURLY
from poolwatch.store.store import Store

if TYPE_CHECKING:
    from poolwatch.bootstrap.running import Running

#: Owners are looked for so many seconds after the start, and this often while something is written into
#: `usage.db`.
FIRST_SECONDS: Final = 10.0
FIND_SECONDS: Final = 120.0
#: And else: what was read later may tell more.
_ANYWAY: Final = timedelta(minutes=30)
#: The codes of what is told when an error of our own ended it.
_NO_OWNERS: Final = "monitor.no_owners"
_NO_COUNTS: Final = "monitor.no_counts"
_NO_REPORTS: Final = "monitor.no_reports"
#: Conversations that are kept with one transaction.
_AT_ONCE: Final = 200
#: So many quarters after its last use a conversation is held against readings once more: they come later.
_LATER: Final = 4


async def mind_use(running: Running) -> None:
    """Find out whose use is, and have the service asked what it counted; ends only by cancellation."""
    monitor, clock, book = running.monitor, running.services.clock, UseBook(running.around.state_dir)
    reconciler = Reconciler(monitor.poller, monitor.ledger, clock, _Counts(book), lambda: monitor.polls)
    async with asyncio.TaskGroup() as group:
        group.create_task(monitor.errors.again(_NO_OWNERS, partial(_find_again, running, book)))
        if running.around.settings.usage.reconcile:
            group.create_task(monitor.errors.again(_NO_COUNTS, reconciler.run))
        if running.around.settings.workspace_usage.enabled:
            from poolwatch.bootstrap.workspace_usage import reporter_of  # few have it

            reports = partial(reporter_of(running).run, lambda: monitor.polls)
            group.create_task(monitor.errors.again(_NO_REPORTS, reports))


class _Counts:
    """What the service counted, as it is kept; on threads. Where it cannot be kept, nobody is asked."""

    def __init__(self, book: UseBook) -> None:
        self._book = book

    async def unasked(self, today: int) -> set[str]:
        with suppress(BookError):
            return await in_thread(partial(self._book.unasked, today))
        return set()

    async def claim_asking(self, account: str, today: int) -> bool:
        with suppress(BookError):
            return await in_thread(partial(self._book.claim_asking, account, today))
        return False

    async def put_counted(self, account: str, tokens: Mapping[int, int]) -> None:
        with suppress(BookError):
            await in_thread(partial(self._book.put_counted, account, tokens))


async def _find_again(running: Running, book: UseBook) -> None:
    clock, last, looked_at = running.services.clock, None, None
    await clock.sleep(FIRST_SECONDS)
    while True:
        now, stamp = clock.now(), await in_thread(partial(book_mark, running.around.state_dir))
        is_old = looked_at is None or not timedelta(0) <= now - looked_at < _ANYWAY
        if running.monitor.polls and stamp is not None and (stamp != last or is_old):
            with suppress(BookError):  # who shows the use says so
                await find_owners(book, running.services.store, running.monitor.state.accounts.values(), now)
            # what was kept just now is nothing new
            last, looked_at = await in_thread(partial(book_mark, running.around.state_dir)), now
        await clock.sleep(FIND_SECONDS)


async def assign_use(around: Surroundings, book: UseBook) -> None:
    """Do it once, for a command that has read session files; where nothing was ever polled, by homes alone.

    Raises BookError.
    """
    async with open_kept(around) as kept:
        now = RealClock().now()
        if kept is None:
            await find_owners(book, None, (), now)
        else:
            await find_owners(book, kept.store, kept.state.accounts.values(), now)


async def find_owners(
    book: UseBook, store: Store | None, accounts: Iterable[AccountState], now: datetime
) -> None:
    """Find out what is not known yet, of accounts of the pool. Raises BookError."""
    states = {account.key.id: account for account in accounts}
    quarter = int(now.timestamp()) // QUARTER_SECONDS
    begun = await in_thread(partial(_begin, book, tuple(states.values()), quarter))
    if begun is None:
        return
    by_home, mark = begun
    uses, held = await in_thread(partial(_unsettled, book, by_home, quarter))
    turns = Turns()
    of_conversation: dict[str, list[ThreadUse]] = defaultdict(list)
    for use in uses:
        of_conversation[use.conversation].append(use)
        await turns.pause()
    by_login: dict[str, list[Owned]] = {}
    due: dict[str, _Due] = {}
    changed: dict[str, list[Whose]] = {}
    for conversation, parts in of_conversation.items():
        await turns.pause()
        whole = _Due(parts)
        owned = _by_login(parts, by_home)
        by_login[conversation] = owned
        known = held.get(conversation, [])
        matched = [
            Owned(each.since, each.until, each.account) for each in known if each.how is WhoseBy.READINGS
        ]
        wanted = _told(conversation, owned, matched)
        if wanted != known:
            changed[conversation] = wanted
        if without([Owned(whole.since, whole.until, "")], owned):
            due[conversation] = whole
    for some in _some(changed):
        found = [each for conversation in some for each in changed[conversation]]
        await in_thread(partial(book.put_whose, found, some))
    if due and store is not None:
        since = min(each.since for each in due.values())
        readings = await _readings(store, states, datetime.fromtimestamp(since * QUARTER_SECONDS, UTC), now)
        await _hold_against(book, readings, due, by_login, quarter)
    if store is not None:
        await in_thread(partial(book.note_owners_mark, mark))


class _Due:
    """One conversation, whatever homes its files lie in."""

    def __init__(self, parts: Sequence[ThreadUse]) -> None:
        self.since = min(part.since for part in parts)
        self.until = max(part.until for part in parts)
        self.tokens = sum(part.tokens for part in parts)


def _unsettled(
    book: UseBook, by_home: Mapping[str, list[Owned]], quarter: int
) -> tuple[list[ThreadUse], dict[str, list[Whose]]]:
    """The conversations to look at, and what is known of them."""
    always = {home: owned[0].account for home, owned in by_home.items() if owned and owned[0].until == ALWAYS}
    uses = book.unsettled(always, quarter, _LATER)
    return uses, book.whose({use.conversation for use in uses})


# -- by the login of a home


def _begin(
    book: UseBook, accounts: Sequence[AccountState], quarter: int
) -> tuple[dict[str, list[Owned]], str] | None:
    """Note who is logged in where; whose the use in each home was, where that tells it, and what is noted
    when all is done. None: it was done with the same files, by the same logins, in the same quarter."""
    listed = {
        (entry.ref.place, entry.login): account.key.id for account in accounts for entry in account.listings
    }
    last = {login.home: login for login in book.logins()}
    # files that several homes share are of no home
    homes = filter(None, book.homes())
    now = {home: account for home in homes if (account := _logged_in(home, listed)) is not None}
    news = {
        home: account
        for home, account in now.items()
        if home not in last or last[home].account != account or last[home].seen != quarter
    }
    if news:
        book.note_logins(news, quarter)
    noticed: dict[str, list[HomeLogin]] = defaultdict(list)
    for login in book.logins():
        noticed[login.home].append(login)
    read, noted = book.owners_mark()
    mark = f"{quarter} {read} {crc32(repr(sorted(now.items())).encode()):08x}"
    if mark == noted:
        return None
    return {home: of_home(logins) for home, logins in noticed.items()}, mark


def _logged_in(home: str, listed: Mapping[tuple[str, LoginKind], str]) -> str | None:
    """The account that is logged in in a home, "" for a login of no account; None where nothing tells.

    `listed` are the accounts of the pool by the file and the kind of their login.
    """
    path = Path(home) / "auth.json"
    found = read_login(path, lambda _: "")
    if not isinstance(found, Login):
        return None
    if found.user_id and found.workspace:
        return AccountKey("codex", found.user_id, found.workspace).id
    known = listed.get((str(path), found.kind))
    # where nothing was listed so far, a card may come for it
    return known if known is not None or found.kind.has_usage or not listed else ""


def _by_login(parts: Sequence[ThreadUse], by_home: Mapping[str, list[Owned]]) -> list[Owned]:
    """What the homes of a conversation's files tell; nothing where they disagree."""
    told = [by_home.get(part.home, []) for part in parts]
    return told[0] if all(each == told[0] for each in told) else []


def _told(conversation: str, by_login: Sequence[Owned], matched: Sequence[Owned]) -> list[Whose]:
    """What is kept of a conversation: its home tells first."""
    found = [Whose(conversation, each.since, each.until, each.account, WhoseBy.HOME) for each in by_login]
    found += [
        Whose(conversation, each.since, each.until, each.account, WhoseBy.READINGS)
        for each in without(matched, by_login)
    ]
    return sorted(found, key=lambda each: each.since)


# -- by readings


async def _hold_against(
    book: UseBook,
    readings: Readings,
    due: Mapping[str, _Due],
    by_login: Mapping[str, list[Owned]],
    quarter: int,
) -> None:
    turns = Turns()
    for some in _some(due):
        found: list[Whose] = []
        for conversation in some:
            course = Course(readings)
            # one conversation at a time: a thread with more to do would hold up the screen
            limits = await in_thread(partial(book.limits, conversation))
            for windows in moments(filter(None, map(_sighting, limits))):
                course.see(windows)
                await turns.pause()
            matched = course.owned(due[conversation].until)
            found += _told(conversation, by_login[conversation], matched)
            await turns.pause()
        tokens = {conversation: due[conversation].tokens for conversation in some}
        await in_thread(partial(book.put_examined, found, tokens, quarter))


def _sighting(limit: LimitSeen) -> Sighting | None:
    if limit.used_percent is None or limit.resets_at is None:
        return None
    return Sighting(
        float(limit.at),
        limit.limit_id or BASE_BUCKET,
        window_kind(limit.window_minutes * 60),
        limit.used_percent,
        float(limit.resets_at),
    )


async def _readings(
    store: Store, accounts: Mapping[str, AccountState], since: datetime, now: datetime
) -> Readings:
    """What the store keeps of every account's windows from then on."""
    since = max(since - timedelta(days=1), now - HOURLY)
    known = accounts.keys() | {each.account_id for each in await store.identities()}
    found = Readings()
    for account in sorted(known):
        lines: dict[FigureName, Timeline] = {}
        for name in await store.figures(account):
            if name.series is Series.WINDOW:
                lines[name] = await store.timeline(account, name, since, now)
        if lines:
            until = _last(accounts.get(account), lines)
            found.add(account, AccountReadings(lines, until, (now - FULL).timestamp()))
            await asyncio.sleep(0)
    return found


def _last(state: AccountState | None, lines: Mapping[FigureName, Timeline]) -> float:
    """When an account was read last; of one that is listed no more, when it moved last."""
    if state is not None and state.read_at is not None:
        return state.read_at.timestamp()
    return max((line.points[-1].at.timestamp() for line in lines.values() if line.points), default=0.0)


def _some(conversations: Iterable[str]) -> Iterable[list[str]]:
    every = list(conversations)
    return (every[start : start + _AT_ONCE] for start in range(0, len(every), _AT_ONCE))
