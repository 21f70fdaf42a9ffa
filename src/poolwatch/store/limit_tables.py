"""What the database keeps of limits: alerts, budgets, balances, notices and the channels that take them.

Few have any, so nothing of it is loaded before it is asked for.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from poolwatch.store.access import Access
from poolwatch.store.opening import StoreMode

if TYPE_CHECKING:
    from poolwatch.domain.alerts import AlertBook, Silence, Subject
    from poolwatch.domain.balances import BalanceState
    from poolwatch.domain.budgets import EndedPeriod
    from poolwatch.domain.event_log import LoggedEvent
    from poolwatch.domain.notices import ChannelHealth, Delivery, MarkedChannel, Notice
    from poolwatch.domain.proposals import AutoTopUp, BalanceSeen, ProposalState
    from poolwatch.domain.purchases import Purchase
    from poolwatch.store.lines import PastBalance
    from poolwatch.store.outbox import Turn


class LimitTables(Access):
    """The part of the database that is about limits."""

    # -- alerts

    def alert_book(self) -> AlertBook | None:
        """What is remembered of alerts, with the silences; None where it cannot be read: not "nothing"."""
        from poolwatch.store import alerts

        return self._read("alerts", None, alerts.read)

    def silences(self) -> tuple[Silence, ...] | None:
        """The silences alone; None where they cannot be read."""
        from poolwatch.store import alerts

        return self._read("alerts", None, alerts.read_silences)

    def top_ups(self) -> Mapping[str, Decimal]:
        """How many credits came last, by account id or balance in its unit, by what was logged."""
        from poolwatch.store import events

        return self._read("events", {}, events.top_ups)

    def put_alerts(
        self,
        book: AlertBook,
        notices: Collection[Notice] = (),
        events: Sequence[LoggedEvent] = (),
        former: AlertBook | None = None,
    ) -> bool:
        """Keep the book, have the notices sent and the events told: all or nothing.

        Silences are not of it. `former` is the book that it was made of: where another process has put one
        since, nothing is kept.
        """
        from poolwatch.store import alerts

        return self._write("alerts", False, alerts.put, book, notices, events, former)

    def silence(self, silence: Silence) -> bool:
        """Keep a rule quiet; a silence of the same rule and subject is replaced."""
        from poolwatch.store import alerts

        return self._write("alerts", False, alerts.silence, silence)

    def unsilence(self, rule: str, subject: Subject | None, now: datetime) -> bool | None:
        """End the silence of a rule, of that subject or of all; False where there is none.

        None where that cannot be kept.
        """
        from poolwatch.store import alerts

        return self._write("alerts", None, alerts.unsilence, rule, subject, now)

    # -- the periods of budgets

    def running_budgets(self) -> Mapping[str, datetime] | None:
        """When the period of each budget began that was found running last; None where it cannot be read."""
        from poolwatch.store import budget_periods

        return self._read("budgets", None, budget_periods.running)

    def begin_budget(self, budget: str, started_at: datetime) -> bool:
        """Note the period that runs of a budget of which none was noted."""
        from poolwatch.store import budget_periods

        return self._write("budgets", False, budget_periods.begin, budget, started_at)

    def end_periods(
        self,
        budget: str,
        ran_since: datetime,
        runs_since: datetime,
        ended: Collection[EndedPeriod],
        events: Sequence[LoggedEvent] = (),
    ) -> bool:
        """Keep how periods went that have ended, and which one runs now; False where another process did."""
        from poolwatch.store import budget_periods

        return self._write("budgets", False, budget_periods.end, budget, ran_since, runs_since, ended, events)

    def rewind_budget(self, budget: str, ran_since: datetime, runs_since: datetime) -> bool:
        """Have periods end once more that ended under a clock which was ahead; False where one did."""
        from poolwatch.store import budget_periods

        return self._write("budgets", False, budget_periods.rewind, budget, ran_since, runs_since)

    def forget_budgets(self, budgets: Collection[str]) -> bool:
        """No period of these runs any more; how they went is kept."""
        from poolwatch.store import budget_periods

        return self._write("budgets", False, budget_periods.forget, budgets)

    def rename_budget(self, before: str, after: str) -> bool:
        """What is kept of a budget's periods is kept under another name of it."""
        from poolwatch.store import budget_periods

        return self._write("budgets", False, budget_periods.rename, before, after)

    def ended_periods(self, budget: str, whose: str | None, most: int) -> tuple[EndedPeriod, ...]:
        """The last periods of a budget, or of a part of it, that have ended, the newest first."""
        from poolwatch.store import budget_periods

        return self._read("budgets", (), budget_periods.newest, budget, whose, most)

    # -- balances of services that are no accounts

    def balances(self) -> Mapping[str, BalanceState]:
        """The last reading of each, by its source."""
        from poolwatch.store import balances

        return self._read("balances", {}, balances.read)

    def proposals(self) -> Mapping[str, ProposalState]:
        """What was judged last of top-ups that are proposed, by the name of each."""
        from poolwatch.store import proposals

        return self._read("proposals", {}, proposals.read)

    def judge_proposal(
        self,
        name: str,
        auto: AutoTopUp | None,
        seen: BalanceSeen,
        purchases: Sequence[Purchase],
        now: datetime,
    ) -> tuple[ProposalState, tuple[LoggedEvent, ...]] | None:
        """Judge by a look at a balance whether to propose a top-up, and what happened by that.

        None where that could not be kept.
        """
        from poolwatch.store import proposals

        return self._write("proposals", None, proposals.judge, name, auto, seen, purchases, now)

    def balance_names(self) -> tuple[str, ...]:
        """All of which a history is kept."""
        from poolwatch.store import balances

        return self._read("balances", (), balances.names)

    def take_balances(self, past: Sequence[PastBalance]) -> int | None:
        """Keep what these tell of the past that was not known; how many rows, None when none can be kept."""
        from poolwatch.store import balances

        return self._write("history", None, balances.take, past)

    # -- notices, and the channels that take them

    def put_notices(self, notices: Collection[Notice], now: datetime) -> bool:
        """Have these sent, each once, whatever else is written; False when they cannot be kept."""
        from poolwatch.store import outbox

        return self._write("outbox", None, outbox.put, notices, now) is not None

    def turn(self, channel: str, now: datetime, besides: Collection[str] = frozenset()) -> Turn:
        """What a channel is to be sent now, but for these ids, for the process that sends.

        Nothing where what became of it could not be kept: it would be sent for ever. What is hopeless is
        given up first.
        """
        from poolwatch.store import outbox

        found = nothing = outbox.Turn()
        while self.mode is not StoreMode.READ_ONLY:
            found = self._read("outbox", nothing, outbox.turn, channel, now, besides)
            hopeless = found.hopeless
            if not hopeless or not self._write(
                "outbox", False, outbox.give_up, channel, hopeless, found.why, now
            ):
                break
        return found

    def note_try(self, tried: Delivery, *, is_gone: bool = False) -> bool:
        """Keep how a notice stands after a try; `is_gone`: its channel wants nothing more."""
        from poolwatch.store import outbox

        return self._write("outbox", False, outbox.note, tried, is_gone=is_gone)

    def set_up_channels(self, channels: Sequence[MarkedChannel], now: datetime) -> bool:
        """Say which channels there are, for the process that sends."""
        if not channels and not self._read("outbox", True, _had_channels):
            return True
        from poolwatch.store import outbox

        return self._write("outbox", False, outbox.set_up, channels, now)

    def resend(self, notice_id: str, now: datetime) -> bool | None:
        """Have a notice sent once more; False when there is none, None when that cannot be kept."""
        from poolwatch.store import outbox

        return self._write("outbox", None, outbox.resend, notice_id, now)

    def deliveries(self, limit: int) -> tuple[Delivery, ...]:
        """How the newest notices stand, the newest first."""
        from poolwatch.store import outbox

        return self._read("outbox", (), outbox.deliveries, limit)

    def channel_health(self, now: datetime) -> tuple[ChannelHealth, ...]:
        """How each channel does, by name."""
        from poolwatch.store import outbox

        return self._read("outbox", (), outbox.health, now)


def _had_channels(held: sqlite3.Connection) -> bool:
    """Whether there was any channel before."""
    row = held.execute("SELECT 1 FROM channels UNION ALL SELECT 1 FROM outbox LIMIT 1").fetchone()
    return row is not None
