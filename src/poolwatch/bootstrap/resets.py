"""Banked resets for a person: what may be used and by whom, one use of it, and what became of earlier ones.

Nothing here uses one by itself: `use` and `ask` do what a person has just said.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final

from msgspec.json import encode

from poolwatch.bootstrap.redeeming import Errand
from poolwatch.bootstrap.running import Running
from poolwatch.bootstrap.sources import ResetSetup
from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.custody.codex import find_codex, full_environment
from poolwatch.domain.account import AccountKey, Custody, Listing
from poolwatch.domain.audit import Act, Deed, Ending, Outcome
from poolwatch.domain.banked_resets import (
    Evidence,
    ResetHistory,
    ResetLook,
    ResetOutcome,
    ResetPlan,
    ResetRoute,
    ResetUse,
    ResetWay,
    UsedReset,
    Wish,
    chosen,
    evidence,
)
from poolwatch.domain.events import ReadingArrived
from poolwatch.domain.failure import Failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.reset_past import ResetPast, used_before
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.domain.usage import BankedReset
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.host.locks import held
from poolwatch.host.threads import in_thread
from poolwatch.monitor.entries import as_known
from poolwatch.net.proxy import heeded
from poolwatch.once.journal import Stage
from poolwatch.once.process import bare_environment, own_environment, start_errand
from poolwatch.purchases.reset_book import ResetBook, ResetJournal, workspace_of
from poolwatch.purchases.resets import ResetOrder
from poolwatch.sources.source import FileSource, ResettingSource

_MODULE: Final = "poolwatch.bootstrap.redeeming"
#: A pool asks the service several times for one use.
_POOL_SECONDS: Final = 45.0
#: So many past cycles of a window are looked through: of a weekly one more than a year.
_CYCLES: Final = 60
_POOL_ROUTES: Final = {
    SourceKind.CODEX_LB: ResetRoute.CODEX_LB,
    SourceKind.CODEX_PROXY: ResetRoute.CODEX_PROXY,
}
#: What speaks of the windows and resets as they are by now, perhaps because an earlier answer was lost.
_OF_THE_MOMENT: Final = {
    ResetOutcome.NOTHING: "resets.nothing_by_now",
    ResetOutcome.NONE: "resets.none_by_now",
}
#: A login's own way comes first; a codex that has to be asked before a pool.
_ORDER: Final = (ResetRoute.SERVICE, ResetRoute.CODEX, ResetRoute.CODEX_LB, ResetRoute.CODEX_PROXY)
_ENDINGS: Final = {
    ResetOutcome.NOTHING: Outcome.NOTHING,
    ResetOutcome.NONE: Outcome.NOTHING,
    ResetOutcome.REFUSED: Outcome.FAILED,
    ResetOutcome.NOT_SENT: Outcome.FAILED,
    ResetOutcome.UNKNOWN: Outcome.UNKNOWN,
}


class ResetDesk:
    """The banked resets of one run of the monitor."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._book = ResetBook(running.around.state_dir, running.services.clock.now)

    async def uses(self) -> tuple[ResetUse, ...]:
        """Every request, old to new; none where they cannot be read."""
        with suppress(OSError):
            return await in_thread(self._book.uses)
        return ()

    async def plan(self, key: AccountKey, wish: Wish) -> ResetPlan | Message:
        """What would be used now, or why that cannot be told; asks for fresh figures, and sends nothing."""
        way = self.way_of(key)
        if isinstance(way, Message):
            return way
        look = await self._look(key, way.entry)
        if isinstance(look, Failure):
            return message("resets.not_read", why=look.as_message)
        try:
            uses = await in_thread(partial(self._book.of_workspace, workspace_of(key)))
        except OSError as error:
            return _told("resets.not_locked", FileProblem.of(error, self._book.folder.folder))
        return ResetPlan(key, way, look, chosen(look, way.route, uses, wish))

    def way_of(self, key: AccountKey, asked: ResetUse | None = None) -> ResetWay | Message:
        """By which of its entries an account's reset is used; no other login stands in for it.

        What was `asked` already goes the same way again, if that is still there.
        """
        account = self._running.monitor.state.accounts.get(key)
        found = [way for each in account.listings if (way := self._way(each, key))] if account else []
        if found:
            return min(found, key=lambda way: (not way.went(asked), _ORDER.index(way.route)))
        names = sorted({each.ref.source for each in account.listings}) if account is not None else []
        return message("resets.no_way_by", source=", ".join(names)) if names else message("resets.no_way")

    async def use(self, plan: ResetPlan, wish: Wish) -> UsedReset:
        """Use what a person has just said yes to: once, by a process that outlives this one."""
        reset = plan.found if isinstance(plan.found, BankedReset) else None
        order = ResetOrder(
            str(uuid.uuid4()),
            secrets.token_hex(8),
            plan.key.id,
            workspace_of(plan.key),
            plan.way.route,
            plan.way.entry.ref.source,
            plan.way.entry.ref.place,
            self._address(plan.way),
            replace(wish, reset_id=None if reset is None else reset.id),
        )
        use = await self._act(Act.USE_RESET, plan.way, order)
        return await self._after(plan.key, use)

    async def ask_again(self, use: ResetUse) -> UsedReset:
        """Send a request once more as it was, because a person said so."""
        key = self.key_of(use)
        way = self.way_of(key, use) if key is not None else message("resets.no_way")
        if key is None or isinstance(way, Message):
            why = way if isinstance(way, Message) else message("resets.no_way")
            return UsedReset(replace(use, reason=why))
        order = ResetOrder(
            use.id,
            secrets.token_hex(8),
            use.account,
            use.workspace,
            way.route,
            way.entry.ref.source,
            way.entry.ref.place,
            self._address(way),
            Wish(use.reset_id),
            again=True,
        )
        asked = await self._act(Act.ASK_RESET, way, order)
        return await self._after(key, await in_thread(partial(self._as_it_stands, use, asked)))

    async def settle(self, use: ResetUse, *, used: bool) -> ResetUse | Message | None:
        """Write down what a person says became of a request; None where that was known."""
        deed = Deed(Act.SETTLE_RESET, (use.account,), what=_marks(use.id, use.reset_id))
        async with self._running.services.auditor.noting_on_thread(deed) as doing:
            found = await in_thread(partial(self._book.settle, use, used=used))
            if isinstance(found, ResetUse):
                doing.ended(Outcome.DONE, "used" if used else "not_used")
        return _told("resets.not_locked", found) if isinstance(found, FileProblem) else found

    async def evidence_of(self, use: ResetUse) -> tuple[Evidence, ...]:
        """What the list, the history and the windows say of a use whose answer was lost."""
        key = self.key_of(use)
        way = self.way_of(key) if key is not None else None
        if not isinstance(way, ResetWay) or key is None:
            return ()
        look = await self._look(key, way.entry)
        if isinstance(look, Failure):
            return ()
        history = await self._history(way)
        return evidence(use, look, history if isinstance(history, ResetHistory) else None)

    async def past(self, key: AccountKey, *, asks: bool) -> ResetPast:
        """The banked resets that an account has used; `asks`: the service's history is asked for, too."""
        way = self.way_of(key) if asks else None
        history = await self._history(way) if isinstance(way, ResetWay) else None
        uses = [use for use in await self.uses() if use.account == key.id]
        cycles = (await self._running.services.store.cycles((key.id,), _CYCLES)).get(key.id, ())
        used = used_before(uses, cycles, history if isinstance(history, ResetHistory) else None)
        return ResetPast(used, history, self._running.services.clock.now() if asks else None)

    async def _history(self, way: ResetWay) -> ResetHistory | Failure | None:
        source, now = self._running.sources.get(way.entry.ref.source), self._running.services.clock.now()
        if not isinstance(source, ResettingSource):
            return None
        return await source.reset_history(way.entry, now, self._offset)

    def key_of(self, use: ResetUse) -> AccountKey | None:
        """Whose request it is, as far as the account is still there."""
        return next((key for key in self._running.monitor.state.accounts if key.id == use.account), None)

    def _as_it_stands(self, before: ResetUse, asked: ResetUse) -> ResetUse:
        """A request after it was asked again: still unknown where the answer was of the moment; blocks."""
        known: ResetUse | None = before
        with suppress(OSError):
            uses = self._book.of_workspace(before.workspace)
            known = next((each for each in uses if each.id == before.id), None)
        if asked.is_open or known is None or not known.is_open:
            return asked
        why = asked.reason or message(_OF_THE_MOMENT.get(asked.outcome, "resets.answer_lost"))
        return replace(known, outcome=ResetOutcome.UNKNOWN, reason=message("resets.asked_in_vain", why=why))

    def _address(self, way: ResetWay) -> str:
        """Where its source is asked."""
        settings = self._settings(way.entry.ref.source)
        if settings is None or way.route is ResetRoute.CODEX:
            return ""
        return (settings.url if way.route.chooses else settings.base_url) or ""

    @property
    def _offset(self) -> timedelta:
        return self._running.monitor.state.clock_offset

    def _way(self, entry: Listing, key: AccountKey) -> ResetWay | None:
        settings = self._settings(entry.ref.source)
        source = self._running.sources.get(entry.ref.source)
        if settings is None or not isinstance(source, ResettingSource) or not entry.polled:
            return None
        route = _POOL_ROUTES.get(settings.kind)
        if route is None:
            route = ResetRoute.CODEX if entry.custody is Custody.CODEX else ResetRoute.SERVICE
        return ResetWay(as_known(entry, key), route)

    def _settings(self, name: str) -> SourceSettings | None:
        return next((each for each in self._running.around.sources if each.name == name), None)

    async def _look(self, key: AccountKey, entry: Listing) -> ResetLook | Failure:
        """The fresh figures, which the pool's state takes in as well."""
        source, now = self._running.sources[entry.ref.source], self._running.services.clock.now()
        if not isinstance(source, ResettingSource):
            raise TypeError(entry.ref.source)
        look = await source.look_at_resets(entry, now, self._offset)
        monitor, services = self._running.monitor, self._running.services
        if isinstance(look, ResetLook) and look.rows is not None:
            read = replace(look.usage, reset_list=look.rows)
            monitor.ledger.take(ReadingArrived(key, entry.ref.source, now, read))
            account = monitor.state.accounts.get(key)
            if account is not None:
                await services.store.save([account], services.clock.now())
        return look

    async def _act(self, act: Act, way: ResetWay, order: ResetOrder) -> ResetUse:
        """Note it, have it done, and note how it ended; where it cannot be noted, it is not done."""
        auditor = self._running.services.auditor
        deed = Deed(act, (order.account,), what=_marks(order.request, order.wish.reset_id))
        found: list[ResetUse] = []

        def work() -> Ending:
            found.append(self._done(way, order))
            outcome = found[0].outcome
            return Ending(_ENDINGS.get(outcome, Outcome.DONE), (f"reset:{outcome.value}",))

        ending = await in_thread(partial(auditor.spend, deed, work))
        if isinstance(ending, FileProblem):
            return self._unsent(order, _told("resets.not_noted", ending))
        return found[0]

    def _done(self, way: ResetWay, order: ResetOrder) -> ResetUse:
        """Start the process and wait for its end; blocks."""
        around = self._running.around
        settings = self._settings(order.source)
        problem = self._book.folder.prepare()
        if problem is not None or settings is None:
            why = message("resets.no_way") if problem is None else _told("resets.disk", problem)
            return self._unsent(order, why)
        source = self._running.sources.get(order.source)
        path = source.path_of(way.entry.ref) if isinstance(source, FileSource) else None
        codex = find_codex(own_environment()) if order.route is ResetRoute.CODEX else None
        seconds = around.settings.poll.timeout_seconds
        setup = ResetSetup(
            settings,
            around.settings.net,
            str(around.state_dir),
            None if around.home is None else str(around.home),
            max(seconds, _POOL_SECONDS) if order.route.chooses else seconds,
        )
        errand = Errand(
            order,
            way.entry,
            setup,
            None if path is None else str(path),
            None if codex is None else str(codex),
            self._offset.total_seconds(),
        )
        try:
            process = start_errand(_MODULE, encode(errand), self._environment(order.route, settings))
        except (OSError, ValueError):
            return self._unsent(order, message("resets.not_started"))
        return self._outcome(order, process.wait())

    def _environment(self, route: ResetRoute, settings: SourceSettings) -> Mapping[str, str]:
        if route is ResetRoute.CODEX:
            return full_environment(own_environment())
        named = (settings.api_key_env, settings.dashboard_password_env)
        return bare_environment(
            own_environment(), (*heeded(self._running.around.settings.net), *filter(None, named))
        )

    def _outcome(self, order: ResetOrder, status: int) -> ResetUse:
        """What the journal says of the attempt, whose process has ended; blocks on disk."""
        key = order.workspace
        journal = ResetJournal(self._book.folder.journal(key))
        try:
            entries, damaged = journal.read()
        except OSError as error:
            # whether it was sent stands where nobody can read it
            why = _told("resets.journal_unread", FileProblem.of(error, journal.path))
            return replace(self._unsent(order, why), outcome=ResetOutcome.UNKNOWN)
        last = next((each for each in reversed(entries) if each.attempt == order.attempt), None)
        with suppress(OSError):
            if last is not None and last.stage is Stage.SENDING:
                with held(self._book.folder.lock(key), patience_seconds=1.0) as mine:
                    if mine:
                        self._book.take_in(key)
                last = journal.outcome(order.attempt) or last
        if damaged and (last is None or last.stage is Stage.BEGUN):
            why = message("resets.journal_damaged", path=visible(str(journal.path), LONGEST_PATH))
            return replace(self._unsent(order, why), outcome=ResetOutcome.UNKNOWN)
        if last is None or last.stage is Stage.BEGUN:
            return self._unsent(order, message("resets.process_ended", status=status))
        if last.stage is Stage.SENDING:
            return replace(last.use, reason=message("resets.answer_lost"))
        return last.use

    def _unsent(self, order: ResetOrder, why: Message) -> ResetUse:
        now = self._running.services.clock.now()
        return ResetUse(
            order.request,
            order.account,
            order.workspace,
            order.route,
            now,
            order.wish.reset_id,
            outcome=ResetOutcome.NOT_SENT,
            reason=why,
            ended_at=now,
            source=order.source,
            place=order.place,
            address=order.address,
        )

    async def _after(self, key: AccountKey, use: ResetUse) -> UsedReset:
        """With the figures after it; where its answer is lost, with what speaks for it and against."""
        if use.is_open:
            return UsedReset(use, None, await self.evidence_of(use))
        way = self.way_of(key) if use.outcome.is_good else None
        look = await self._look(key, way.entry) if isinstance(way, ResetWay) else None
        return UsedReset(use, look.figures if isinstance(look, ResetLook) else None)


def _marks(request: str, reset_id: str | None) -> tuple[str, ...]:
    """How they stand in the audit log: the banked reset as a hash."""
    marks = [f"request {request[:8]}"]
    if reset_id is not None:
        marks.append(f"reset {hashlib.sha256(reset_id.encode()).hexdigest()[:12]}")
    return tuple(marks)


def _told(code: str, problem: FileProblem) -> Message:
    path, why = visible(str(problem.path), LONGEST_PATH), Message(problem.code, problem.arguments)
    return message(code, path=path, why=why)
