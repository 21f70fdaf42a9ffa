"""One budget in words: how it stands, what comes of it, what it does at its limit, and what it counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from poolwatch.domain.budgets import (
    AtLimit,
    BudgetForecast,
    BudgetPeriod,
    BudgetState,
    Each,
    Level,
    LimitUnit,
    MeasuredBy,
    limit_text,
)
from poolwatch.domain.check import is_old
from poolwatch.domain.query.language import is_of_imports
from poolwatch.domain.text import shell_word, visible
from poolwatch.domain.tokens import GroupBy
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budget_amounts import (
    HUNDRED,
    amount_text,
    bare_amount,
    dollars_text,
    estimate_text,
    estimates,
    grace_text,
    marks,
    percents_text,
    unmarked,
    used_text,
)
from poolwatch.presentation.filter import typed
from poolwatch.presentation.masking import masked, shown_group
from poolwatch.presentation.use_texts import outside_text
from poolwatch.presentation.view import Prefs
from poolwatch.words import budgets as words

#: At its limit or over it.
OVER: Final = frozenset({Level.LIMIT, Level.GRACE, Level.STOPPED})


class BudgetTexts:
    """All that is said of one budget."""

    def __init__(self, state: BudgetState, names: AccountNames, now: datetime, prefs: Prefs) -> None:
        self._state = state
        self._names = names
        self._now = now
        self._prefs = prefs
        self._unit = state.budget.limit.unit

    @property
    def name(self) -> str:
        """What it is called, with whose part it is."""
        name = self._hidden(self._state.budget.name)
        return words.part_of(name, self._whose) if self._state.whose is not None else name

    @property
    def _whose(self) -> str:
        whose, names = self._state.whose, self._names
        match self._state.divided_by:
            case Each.ACCOUNT if whose is not None:
                return names.name(whose)
            case Each.GROUP:
                return shown_group(whose, mask=names.mask) or words.NO_GROUP()
            case _ if whose is not None:
                return outside_text(GroupBy.USER, whose, mask=names.mask)
            case _:
                return ""

    def _hidden(self, text: str) -> str:
        return masked(text) if self._names.mask else visible(text)

    @property
    def spent(self) -> str:
        """`$276.00 of $300.00`, `95.00 of 250 credits`."""
        limit = self._state.budget.limit
        amount = bare_amount(self._unit, self._state.measured.spent)
        whole = dollars_text(limit.amount) if self._unit is LimitUnit.USD else limit_text(limit)
        return words.of_limit(f"{marks(self._state)}{amount}", whole)

    # --- when

    @property
    def reset_day(self) -> str:
        """`1 Dec`, `Mon 23 Nov`, `00:00`: with the time where that is near, or not midnight."""
        at = self._state.period.resets_at
        if at is None:
            is_of_window = self._state.measured.by is MeasuredBy.WINDOW
            return figures.UNKNOWN if is_of_window else words.NEVER()
        return words.DUE() if at <= self._now else self._day(at)

    def resets(self) -> str:
        """The same with how long that is: `1 Dec, in 10d`."""
        at = self._state.period.resets_at
        if at is None or at <= self._now:
            return self.reset_day
        return words.resets(self._day(at), self.time_left)

    @property
    def time_left(self) -> str:
        """How long until it resets, of days without their hours; "" where that is due, or never."""
        at = self._state.period.resets_at
        left = timedelta(0) if at is None else at - self._now
        if left <= timedelta(0):
            return ""
        return figures.age(left) if left > timedelta(days=1) else figures.duration(left)

    def _day(self, at: datetime) -> str:
        now, zone = self._now, self._prefs.zone
        clock, there = figures.clock(at, now, zone), figures.local_time(at, zone)
        time = f"{there:%H:%M}"
        if clock == time:
            return clock
        is_week = figures.clock_short(at, now, zone) != figures.day(at, now, zone)
        told = figures.weekday_and_day(at, now, zone) if is_week else figures.day(at, now, zone)
        return told if time == "00:00" else f"{told} {time}"

    def _instant(self, at: datetime) -> str:
        """A moment of the past: `13:40`, `14 Nov 16:20`."""
        now, zone = self._now, self._prefs.zone
        clock, there = figures.clock(at, now, zone), figures.local_time(at, zone)
        return clock if ":" in clock else f"{clock} {there:%H:%M}"

    # --- how it stands

    def level(self) -> str:
        """In a word or two; with how long its grace is."""
        state = self._state
        match state.level:
            case None:
                return words.UNKNOWN()
            case Level.OK:
                return words.OK()
            case Level.WARNED:
                return words.over_percent(percents_text([self._warned]))
            case Level.LIMIT:
                return words.AT_LIMIT() if state.over_by == 0 else words.OVER_LIMIT()
            case Level.GRACE:
                if state.grace_until is not None:
                    return words.grace_left(
                        figures.duration(max(timedelta(0), state.grace_until - self._now))
                    )
                end = self._grace_end
                return words.GRACE() if end is None else words.grace_until(percents_text([end]))
            case Level.STOPPED:
                return words.STOPPED()

    @property
    def _warned(self) -> Decimal:
        """The warning that was reached last."""
        state, used = self._state, self._state.used_percent or Decimal(0)
        reached = [percent for percent, _ in state.reached if percent < HUNDRED]
        reached += [percent for percent in state.budget.warn_at if percent <= used]
        return max(reached, default=used)

    @property
    def _grace_end(self) -> Decimal | None:
        grace = self._state.budget.grace
        return None if grace is None or grace.percent is None else HUNDRED + grace.percent

    @property
    def _over_since(self) -> str:
        since = self._state.over_since
        return "" if since is None else self._instant(since)

    # --- what comes

    def comes(self) -> str:
        """`$400 (372–431) by then: over on Mon 23 Nov`, or why nothing can be said."""
        state, forecast = self._state, self._state.forecast
        if state.measured.spent is None:
            return self._not_known
        if state.level in OVER:
            return words.over_since(self._over_since) if self._over_since else words.OVER()
        if state.budget.period is BudgetPeriod.NEVER:
            return words.NEVER_RESETS()
        if forecast is None:
            return words.TOO_EARLY()
        amount, first = estimate_text(self._unit, forecast), forecast.over_earliest
        if first is None or forecast.high < state.budget.limit.amount:
            return words.stays_under(amount)
        if self._is_sure(forecast):
            return words.goes_over(amount, self._over_day(first, forecast.over_latest))
        told = words.likely_over if self._is_likely(forecast) else words.may_go_over
        return told(amount, self._day_alone(first))

    def _is_sure(self, forecast: BudgetForecast) -> bool:
        """Whether it goes over also by the least that is expected."""
        return forecast.low >= self._state.budget.limit.amount

    def _is_likely(self, forecast: BudgetForecast) -> bool:
        return forecast.median >= self._state.budget.limit.amount

    def _day_alone(self, at: datetime) -> str:
        return figures.weekday_and_day(at, self._now, self._prefs.zone)

    def _over_day(self, first: datetime, last: datetime | None) -> str:
        """The day on which it goes over; of several the first and the last."""
        start, end = self._day_alone(first), self._day_alone(last or first)
        return start if start == end else f"{start} – {end}"

    @property
    def _not_known(self) -> str:
        each = self._state.budget.each
        if each is None or self._state.whose is not None:
            return words.NOT_KNOWN()
        return words.nobody(words.each(each))

    def _comes_brief(self) -> str:
        state, forecast = self._state, self._state.forecast
        if state.measured.spent is None:
            return self._not_known
        if forecast is None or state.level in OVER:
            return ""
        first = forecast.over_earliest
        if first is None or forecast.high < state.budget.limit.amount:
            return words.stays_under_brief()
        if self._is_sure(forecast):
            return words.goes_over_brief(self._over_day(first, forecast.over_latest))
        told = words.likely_over_brief if self._is_likely(forecast) else words.may_go_over_brief
        return told(self._day_alone(first))

    def told(self) -> str:
        """The sentence for the line above the keys."""
        state = self._state
        reached = dict(state.reached)
        match state.level:
            case Level.WARNED:
                since = reached.get(self._warned)
                how = words.over_percent_since(
                    percents_text([self._warned]), "" if since is None else self._instant(since)
                )
            case Level.LIMIT:
                how = words.over_limit_since(self._over_since)
            case Level.GRACE:
                until = state.grace_until
                how = words.in_grace("" if until is None else self._instant(until))
            case Level.STOPPED:
                how = words.stops_since(self._over_since)
            case Level.OK:
                how = words.used(used_text(state))
            case None:
                how = ""
        return ", ".join(part for part in (how, self._comes_brief()) if part)

    # --- what it does

    def at_limit(self) -> str:
        """`warned at 75% · at 100%: 10% grace, then it stops`."""
        state, budget = self._state, self._state.budget
        if budget.at_limit is AtLimit.WARN:
            return words.WARNS_ONLY()
        if state.level is Level.STOPPED:
            return words.stops_until(self.reset_day) if state.period.resets_at else words.STOPS_NOW()
        if state.level is Level.GRACE:
            if state.grace_until is not None:
                return words.grace_ends(self._instant(state.grace_until))
            if self._grace_end is not None:
                return words.grace_ends_at(percents_text([self._grace_end]))
        known = {percent for percent, _ in state.reached}
        warned = [each for each in budget.warn_at if each in known]
        ahead = [each for each in budget.warn_at if each not in known]
        stops = words.STOPS() if budget.grace is None else words.stops_after(grace_text(budget.grace))
        parts = [
            words.warned_at(percents_text(warned)) if warned else "",
            words.warns_at(percents_text(ahead)) if ahead else "",
            stops,
        ]
        return " · ".join(part for part in parts if part)

    # --- what it counts

    @property
    def _what(self) -> str:
        budget = self._state.budget
        whole = self._hidden(budget.filter) if budget.filter else words.ALL()
        if self._state.whose is None:
            return words.of_each(whole, words.each(budget.each)) if budget.each is not None else whole
        return f"{self._whose}, {self._hidden(budget.filter)}" if budget.filter else self._whose

    @property
    def _how(self) -> str:
        """By what it is measured: `from session files`, `from session files and imported usage`."""
        budget, by = self._state.budget, self._state.measured.by
        if by is MeasuredBy.USAGE:
            if origins := self._state.measured.origins:
                return words.how_counted(origins)
            # nothing was counted yet: what could be
            query = typed(budget.filter or "", self._prefs.filters).query
            if budget.each is Each.USER or is_of_imports(query):
                return words.FROM_IMPORTS()
        return words.how_measured(by)

    def measured(self) -> str:
        """`cost of all accounts, from session files`; of a filter, what it is."""
        match self._state.measured.by:
            case MeasuredBy.BALANCE:
                return words.balance_of(self._what)
            case MeasuredBy.WINDOW:
                return words.window_of(self._what)
            case MeasuredBy.USAGE:
                return words.measured_by(words.counts(self._unit, self._what), self._how)

    def about(self) -> str:
        """The same as a sentence, with since when."""
        since = self._state.period.started_at
        what = words.counts(self._unit, self._what, in_sentence=True)
        return words.about(self.name, what, "" if since is None else self._past_day(since), self._how)

    def _past_day(self, at: datetime) -> str:
        there = figures.local_time(at, self._prefs.zone)
        if there.date() == figures.local_time(self._now, self._prefs.zone).date():
            return f"{there:%H:%M}"
        day = figures.day(at, self._now, self._prefs.zone)
        return day if f"{there:%H:%M}" == "00:00" else f"{day} {there:%H:%M}"

    # --- the foot

    def details(self, sent: Mapping[Decimal, str] | None = None) -> tuple[tuple[str, str], ...]:
        """SPENT, FORECAST, WARNINGS and AT 100%, each in a sentence or two.

        `sent` is what became of the notices of warnings, by the percentage that was reached.
        """
        return (
            (words.SPENT(), self._spent_told()),
            (words.FORECAST(), self._forecast_told()),
            (words.WARNINGS(), self._warnings(sent or {})),
            (words.AT_100(), self._at_100()),
        )

    def _spent_told(self) -> str:
        state, measured, unit = self._state, self._state.measured, self._unit
        if measured.spent is None:
            return words.told(_sentence(self._not_known))
        amount = f"{marks(state)}{amount_text(unit, measured.spent)}"
        since = state.period.started_at
        start = "" if since is None else figures.weekday_and_day(since, self._now, self._prefs.zone)
        if since is not None:
            start += f" {figures.local_time(since, self._prefs.zone):%H:%M}"
        left = state.budget.limit.amount - measured.spent
        rest = words.left(amount_text(unit, left)) if left > 0 else words.over_by(amount_text(unit, -left))
        how = self._how
        if measured.estimated and measured.spent:
            how += f"; {words.is_estimated('~' + amount_text(unit, measured.estimated))}"
        parts = [f"{words.spent_since(amount, start)}, {rest}", _sentence(how)]
        if measured.at_least:
            parts.append(words.AT_LEAST())
        read_at, rules = measured.read_at, self._prefs.rules
        if read_at is not None and read_at <= self._now and is_old(measured, self._now, rules):
            parts.append(words.read_at(figures.duration(self._now - read_at)))
        return ". ".join(parts)

    def _forecast_told(self) -> str:
        state, forecast, now, zone = self._state, self._state.forecast, self._now, self._prefs.zone
        if forecast is None:
            return _sentence(self.comes())
        end = state.period.resets_at
        median, low, high = estimates(self._unit, forecast)
        day = "" if end is None else figures.weekday_and_day(end, now, zone)
        parts = [words.forecast_by(median, day, unmarked(low), unmarked(high))] if end is not None else []
        first, last = forecast.over_earliest, forecast.over_latest
        if state.level in OVER:
            parts.append(_sentence(self.comes()))
        elif first is None or forecast.high < state.budget.limit.amount:
            parts.append(words.STAYS_UNDER())
        elif not self._is_sure(forecast):
            told = words.likely_over_from if self._is_likely(forecast) else words.may_be_over_from
            parts.append(told(self._day_alone(first)))
        elif self._day_alone(first) == self._day_alone(last or first):
            hours = (f"{figures.local_time(each, zone):%H:%M}" for each in (first, last or first))
            parts.append(words.over_between(self._day_alone(first), *hours))
        else:
            parts.append(words.over_days(self._day_alone(first), self._day_alone(last or first)))
        return ". ".join(parts)

    def _warnings(self, sent: Mapping[Decimal, str]) -> str:
        state, zone = self._state, self._prefs.zone
        today = figures.local_time(self._now, zone).date()
        told = []
        for percent, at in sorted(state.reached):
            there = figures.local_time(at, zone)
            if there.date() == today:
                reached = words.reached_today(percents_text([percent]), f"{there:%H:%M}")
            else:
                when = f"{figures.day(at, self._now, zone)} {there:%H:%M}"
                reached = words.reached_at(percents_text([percent]), when)
            told.append(words.reached_sent(reached, sent[percent]) if percent in sent else reached)
        known = {percent for percent, _ in state.reached}
        ahead = [each for each in (*state.budget.warn_at, HUNDRED) if each not in known]
        if ahead:
            coming = percents_text(ahead)
            told.append(words.then_percents(coming) if told else coming)
        return " · ".join(told)

    def _at_100(self) -> str:
        budget, name = self._state.budget, shell_word(self._hidden(self._state.budget.name))
        if budget.at_limit is AtLimit.WARN:
            return words.at_100_warns(name)
        if budget.grace is None:
            return words.at_100_stops(name)
        grace = grace_text(budget.grace)
        if self._grace_end is not None:
            return words.at_100_grace(percents_text([self._grace_end]), grace, name)
        return words.at_100_grace_time(grace, name)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
