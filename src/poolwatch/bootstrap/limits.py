"""What watches limits in a run, and tells of them: put together once the first screen stands.

Of what nobody has configured nothing is loaded, and no channel before its first notice.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from poolwatch.config.alert_settings import quiet_hours_of
from poolwatch.config.paths import config_file
from poolwatch.config.source_settings import SourceKind
from poolwatch.domain.alert_rules import all_rules, watched
from poolwatch.domain.events import LimitsTold
from poolwatch.domain.values import replace
from poolwatch.host.threads import in_thread
from poolwatch.monitor.alert_watch import CODE as _NO_ALERTS
from poolwatch.monitor.alert_watch import AlertTerms, AlertWatch
from poolwatch.monitor.limits import Beside, LimitWork, Recall, Task
from poolwatch.presentation.filter import saved_queries

if TYPE_CHECKING:
    from poolwatch.bootstrap.running import Running
    from poolwatch.bootstrap.surroundings import Surroundings
    from poolwatch.config.limit_settings import ChannelSettings
    from poolwatch.domain.notices import Notice, Outgoing
    from poolwatch.domain.state import AccountState, PoolState
    from poolwatch.monitor.sender import Sender
    from poolwatch.notify.channel import Channel

_NO_SENDER: Final = "monitor.no_sender"
_NO_BUDGETS: Final = "monitor.no_budgets"
#: A configuration without this word has no budget.
_LIST: Final = b"budgets"
#: Whether budgets are to be measured is asked so often.
_LOOK_SECONDS: Final = 2.0
#: While no budget is known, the configuration file is looked at so often: it may have one by now.
_FILE_LOOKS: Final = timedelta(seconds=30)


def limit_work(running: Running) -> LimitWork:
    """All that there is to do in this run."""
    watch = BudgetWatch(running)
    budgets = Task(_NO_BUDGETS, watch.keep_measured)
    balances, recalled = _balances(running)
    if not running.around.settings.channels:
        alerts = AlertWatch(alert_terms(running.around))
        tasks = (Task(_NO_ALERTS, alerts.run), Task(_NO_SENDER, _send_nothing), budgets, *balances)
        return LimitWork(tasks, (alerts.recall, watch.measured, *recalled))
    sender = sender_of(running)
    alerts = AlertWatch(alert_terms(running.around), sender.wake)
    tasks = (Task(_NO_ALERTS, alerts.run), Task(_NO_SENDER, sender.run), budgets, *balances)
    return LimitWork(tasks, (alerts.recall, sender.recall, watch.measured, *recalled))


def _balances(running: Running) -> tuple[tuple[Task, ...], tuple[Recall, ...]]:
    """What there is to do about balances: nothing, and nothing of it is loaded, where none is configured."""
    if not running.around.has_balances:
        return (), ()
    from poolwatch.bootstrap.balances import balance_task, recall_balances

    return (balance_task(running),), (partial(recall_balances, running),)


def alert_terms(around: Surroundings) -> AlertTerms:
    """The rules of this run, and where those go that are there by default."""
    settings, prefs = around.settings, around.prefs()
    said, channels = settings.notify, tuple(each.name for each in settings.channels)
    by_default = said.channels or ()
    quiet, saved = quiet_hours_of(said.quiet_hours), saved_queries(prefs.filters)
    rules = (
        watched(each if each.quiet_hours is not None else replace(each, quiet_hours=quiet), saved)
        for each in all_rules(tuple(each.rule for each in settings.alerts), by_default)
    )
    return AlertTerms(
        tuple(each for each in rules if each is not None),
        prefs,
        daily_summary=None if said.daily_summary is None else time.fromisoformat(said.daily_summary),
        summary_channels=by_default or channels,
        balances=frozenset(each.name for each in around.sources if each.kind is SourceKind.CREDITS_HTTP),
    )


class BudgetWatch:
    """Has budgets measured, in whichever process: session files are read by all alike.

    Where none is configured nothing of them is loaded before there is one.
    """

    def __init__(self, running: Running) -> None:
        self._running = running
        #: when the configuration file was last looked at, how it was then, and whether the word stands in it
        self._looked_at: datetime | None = None
        self._mark: object = None
        self._is_named = False
        self._has_told = False

    async def keep_measured(self, beside: Beside) -> None:
        """Measure them for as long as this runs; ends only by cancellation."""
        while True:
            told = await self.measured(beside)
            if told is not None:
                beside.ledger.take(told)
                if self._running.has_budgets:
                    budgets, now = await self._running.budgets(), beside.clock.now()
                    await budgets.end_periods(beside.store, _accounts(beside), now)
            beside.errors.over(_NO_BUDGETS)
            await self._running.until_budgets_change(beside.clock.sleep(_LOOK_SECONDS))

    async def measured(self, beside: Beside) -> LimitsTold | None:
        """How they stand, where it is time to measure them."""
        now = beside.clock.now()
        if await self._are_there(now):
            budgets = await self._running.budgets()
            report = await budgets.measured(_accounts(beside), now)
            return None if report is None else LimitsTold(budgets=report)
        if self._has_told:
            return None
        self._has_told = True
        from poolwatch.domain.budgets import BudgetReport

        return LimitsTold(budgets=BudgetReport(now))

    async def _are_there(self, now: datetime) -> bool:
        around = self._running.around
        if self._running.has_budgets or around.settings.budgets:
            return True
        path, last = config_of(around), self._looked_at
        # a clock that was set back holds up nothing
        if path is not None and (last is None or not timedelta(0) <= now - last < _FILE_LOOKS):
            self._looked_at = now
            await in_thread(partial(self._look, path))
        return self._is_named

    def _look(self, path: Path) -> None:
        mark = file_mark(path)
        if mark is not None and mark != self._mark:
            self._mark = mark
            with suppress(OSError):
                self._is_named = _LIST in path.read_bytes()


def _accounts(beside: Beside) -> dict[str, AccountState]:
    """All that are known, by their ids."""
    return {key.id: account for key, account in beside.ledger.state.accounts.items()}


def config_of(around: Surroundings) -> Path | None:
    """The configuration file of a run, there or not; None where nothing tells a place for one."""
    if around.named_config is not None:
        return Path(around.named_config)
    usual = around.settings.path or config_file(around.env)
    return usual if isinstance(usual, Path) else None


def file_mark(path: Path | None) -> tuple[int, int, int] | None:
    """What differs once the file has changed; None where there is none. Blocks on the disk."""
    try:
        status = path.stat() if path is not None else None
    except OSError:
        return None
    return None if status is None else (status.st_mtime_ns, status.st_size, status.st_ino)


def sender_of(running: Running) -> Sender:
    """Who sends the notices of this run, over the channels of its configuration."""
    from poolwatch.monitor.sender import Line, Sender
    from poolwatch.notify.channel import marked

    lines = [
        Line(marked(settings), partial(_channel, running, settings))
        for settings in running.around.settings.channels
    ]
    return Sender(lines, partial(_outgoing, running))


async def _send_nothing(beside: Beside) -> None:
    """No channel is configured: what waits for one that was is given up in time."""
    await beside.store.set_up_channels((), beside.clock.now())
    await asyncio.get_running_loop().create_future()


def _channel(running: Running, settings: ChannelSettings) -> Channel:
    from poolwatch.bootstrap.channels import channel_setup
    from poolwatch.notify.channel import build_channel

    return build_channel(settings, channel_setup(running.around, running.to_terminal))


def _outgoing(running: Running, notice: Notice, state: PoolState) -> Outgoing:
    """The notice in words, with the names that accounts have now."""
    from poolwatch.presentation.account_names import AccountNames
    from poolwatch.presentation.notices import NoticeWords

    settings = running.around.settings
    accounts = {key.id: account for key, account in state.accounts.items()}
    return NoticeWords(AccountNames(accounts, settings.ui.mask), settings.pool_name).outgoing(notice)
