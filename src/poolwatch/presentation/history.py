"""The past of one account as its history screen shows it: a chart, and what it says in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import is_recent
from poolwatch.domain.past import (
    CREDITS,
    AccountPast,
    base_window,
    is_base,
)
from poolwatch.domain.series import SPEND_BUCKET, FigureName, Finest, Series, Timeline
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import Judged
from poolwatch.domain.usage import (
    FIVE_HOURS,
    WEEKLY,
    Aged,
    SpendLimit,
    UsageWindow,
    own_reset,
    windows_by_length,
)
from poolwatch.domain.values import is_undated, replace
from poolwatch.presentation import figures, outlook
from poolwatch.presentation.figures import UNKNOWN, is_figure, percent_text, usd_text
from poolwatch.presentation.outlook import amount_text, rate_text, window_ahead
from poolwatch.presentation.view import DetailLine, Prefs, Span, Tone
from poolwatch.words import account as account_words
from poolwatch.words import history as words


class Period(Struct, frozen=True):
    """How far back a chart goes, None for all there is, and in which steps it is read out."""

    name: str
    length: timedelta | None
    step: timedelta
    #: how finely an account's figures are told, and how finely those that are summed up
    finest: Finest
    finest_of_many: Finest


_DAY: Final = timedelta(days=1)
PERIODS: Final = (
    Period("24h", _DAY, timedelta(minutes=15), Finest.CHANGE, Finest.CHANGE),
    Period("7d", 7 * _DAY, timedelta(hours=1), Finest.CHANGE, Finest.HOUR),
    Period("30d", 30 * _DAY, timedelta(hours=6), Finest.CHANGE, Finest.HOUR),
    Period("90d", 90 * _DAY, _DAY, Finest.HOUR, Finest.HOUR),
    Period("1y", 365 * _DAY, _DAY, Finest.HOUR, Finest.DAY),
    Period("all", None, _DAY, Finest.HOUR, Finest.DAY),
)
#: The one that a history opens with.
OPENING: Final = PERIODS[1]
#: All of it.
_EVER: Final = timedelta(days=36500)
#: A chance of running out from which on a window no more than likely lasts.
_LIKELY: Final = 0.2


def since(period: Period, now: datetime) -> datetime:
    """From when on a period needs readings."""
    return now - (period.length or _EVER) - period.step


def reaching(at: datetime | None, now: datetime) -> Period:
    """The period that a history opens with: a longer one than usual where `at` lies further back."""
    longer = PERIODS[PERIODS.index(OPENING) :]
    if at is None:
        return OPENING
    return next((each for each in longer if each.length is None or now - each.length <= at), longer[-1])


def figures_of(account: AccountState, known: Sequence[FigureName] = ()) -> tuple[FigureName, ...]:
    """The figures of an account that a chart can show; where it has none, those that something is kept of."""
    base = account.usage.base
    found: list[FigureName] = []
    if base is not None and base.value is not None:
        found = [base_window(window.kind) for window in windows_by_length(base.value)]
    held, spend = account.usage.credits, account.usage.spend
    balance = held.value.balance if held is not None and held.value is not None else None
    if held is not None and held.value is not None and (balance or (held.value.has_credits and balance == 0)):
        found.append(CREDITS)
    if spend is not None and spend.value is not None:
        found += [FigureName(Series.SPEND, "", limit.kind) for limit in spend.value.limits]
    if not found:
        # what is kept of a spend limit's months stands beside its amounts
        found = [each for each in known if each.series is not Series.PLAN and each.bucket != SPEND_BUCKET]
    return tuple(dict.fromkeys(found)) or (base_window(WEEKLY),)


def fitting(wanted: FigureName | None, choices: Sequence[FigureName]) -> FigureName:
    """The figure that was wanted where the account has it, else its weekly window, else its longest."""
    weekly = base_window(WEEKLY)
    if wanted in choices:
        return wanted  # type: ignore[return-value]  # it is one of them
    windows = [each for each in choices if each.series is Series.WINDOW]
    return weekly if weekly in choices else [*choices[:1], *windows][-1]


def figure_text(name: FigureName) -> str:
    """`weekly used`, `credits`, `spent of my limit`."""
    match name.series:
        case Series.WINDOW:
            return words.used(_window_text(name))
        case Series.SPEND:
            return words.spend_of(account_words.limit_name(name.window))
        case _:
            return words.CREDITS()


def figure_word(name: FigureName) -> str:
    """The same in one word, for the footer: `weekly`, `credits`, `spend`."""
    match name.series:
        case Series.WINDOW:
            return _window_text(name)
        case Series.SPEND:
            return words.SPEND()
        case _:
            return words.CREDITS()


def _window_text(name: FigureName) -> str:
    """`weekly`, of another bucket than the base `Spark weekly`."""
    window = account_words.window_name(name.window)
    return window if is_base(name) else f"{account_words.bucket_name(name.bucket, name.bucket)} {window}"


class Scene(Struct, frozen=True):
    """What a history is made of: whose, which figure, how far back. `now` is the server's clock."""

    judged: Judged
    figure: FigureName
    period: Period
    #: None while it is still read
    past: AccountPast | None
    now: datetime
    prefs: Prefs

    @property
    def account(self) -> AccountState:
        """Whose it is."""
        return self.judged.account

    @property
    def local(self) -> tzinfo | None:
        """The zone of those who use it; None: the machine's."""
        own = self.past.zone if self.past is not None else None
        return own if own is not None else self.prefs.zone

    @property
    def line(self) -> Timeline:
        """The figure over time."""
        return Timeline() if self.past is None else self.past.line(self.figure)

    @property
    def window(self) -> UsageWindow | None:
        """The window as it was last read."""
        return self.account.usage.fullest.get(self.figure.window) if is_base(self.figure) else None

    @property
    def limit(self) -> SpendLimit | None:
        """The spend limit as it was last read."""
        spend = self.account.usage.spend
        if self.figure.series is not Series.SPEND or spend is None or spend.value is None:
            return None
        return next((each for each in spend.value.limits if each.kind == self.figure.window), None)

    @property
    def read_at(self) -> datetime | None:
        """When the figure was last read."""
        usage = self.account.usage
        field: Aged[object] | None = {
            Series.WINDOW: usage.base, Series.CREDITS: usage.credits, Series.SPEND: usage.spend,
        }.get(self.figure.series)  # type: ignore[assignment]  # fields of different values  # fmt: skip
        return None if field is None or is_undated(field.at) else field.at

    @property
    def resets_at(self) -> datetime | None:
        """When the figure resets, where that lies ahead."""
        base, window, limit = self.account.usage.base, self.window, self.limit
        found = limit.resets_at if limit is not None else None
        if window is not None:
            found = window.resets_at if base is None else own_reset(window, base.at)
        return found if found is not None and found > self.now else None

    @property
    def ahead(self) -> outlook.Ahead:
        """What is foretold of the window."""
        said = self.account.outlook
        if said is None or not is_base(self.figure):
            return None
        return window_ahead(self.judged, said, self.figure.window, self.now, self.prefs)


# --- what follows from it, in sentences


def told_lines(scene: Scene, *, short: bool) -> tuple[DetailLine, ...]:
    """FORECAST, BURN and PACE; `short` for a screen of 80 columns."""
    return (
        DetailLine(words.FORECAST(), tuple(_forecast(scene, short=short))),
        DetailLine(words.BURN(), tuple(_burn(scene, short=short))),
        DetailLine(words.PACE(), tuple(_pace(scene, short=short))),
    )


def _forecast(scene: Scene, *, short: bool) -> list[Span]:
    if scene.figure.series is not Series.WINDOW:
        return [Span(f"{UNKNOWN} {words.NOT_OF_CREDITS()}", Tone.DIM)]
    if not is_base(scene.figure):
        return [Span(f"{UNKNOWN} {words.NOT_OF_MODELS()}", Tone.DIM)]
    said = scene.ahead
    if said is None:
        return [Span(f"{UNKNOWN} {words.NOT_WORKED_OUT()}", Tone.DIM)]
    if isinstance(said, NoForecast):
        tone = Tone.RED if said is NoForecast.FULL else Tone.DIM
        return [Span(f"{UNKNOWN} {_why_not(scene, said)}", tone)]
    return [_sentence(scene, said, short=short)]


def _why_not(scene: Scene, because: NoForecast) -> str:
    resets_at, window = scene.resets_at, scene.window
    if because is NoForecast.FULL:
        return words.full(figures.instant(resets_at, scene.now, scene.prefs.zone) if resets_at else "")
    if because is not NoForecast.TOO_EARLY:
        return words.why_not(because)
    seconds = window.window_seconds if window is not None else None
    if seconds is None or resets_at is None:
        return words.too_early("", "")
    length = timedelta(seconds=seconds)
    passed = max(timedelta(0), length - (resets_at - scene.now))
    return words.too_early(figures.duration(passed), figures.duration(length))


def _sentence(scene: Scene, said: Forecast, *, short: bool) -> Span:
    now, zone = scene.now, scene.prefs.zone
    resets_at = said.resets_at or scene.resets_at
    time = UNKNOWN if resets_at is None else _reset_time(resets_at, scene)
    chance = said.out_probability
    percent = UNKNOWN if not is_figure(chance) else percent_text(chance * 100)
    if said.runs_out:
        span = outlook.span_text(said, now, zone)
        if span:
            return Span(words.runs_out(span, percent, time), Tone.RED)
        return Span(words.may_run_out(percent, time), Tone.AMBER)
    median = percent_text(said.median_percent)
    if not is_figure(said.low_percent) or not is_figure(said.high_percent):
        return Span(words.this_pace(median, time))
    low, high = percent_text(said.low_percent).removesuffix("%"), percent_text(said.high_percent)
    is_likely = is_figure(chance) and chance >= _LIKELY
    if short:
        told = words.likely_lasts_short if is_likely else words.lasts_short
        return Span(told(median, low, high))
    told = words.likely_lasts if is_likely else words.lasts
    return Span(f"{told(median, time, low, high)} {words.running_out(percent)}")


def _reset_time(resets_at: datetime, scene: Scene) -> str:
    """`Tue 24 Nov 17:09`, of a 5h window `17:09`."""
    zone = scene.prefs.zone
    if scene.figure.window == FIVE_HOURS:
        return figures.clock(resets_at, scene.now, zone)
    day = figures.weekday_and_day(resets_at, scene.now, zone)
    return f"{day} {figures.local_time(resets_at, zone):%H:%M}"


def _burn(scene: Scene, *, short: bool) -> list[Span]:
    said, own = scene.account.outlook, scene.prefs.own(scene.now)
    if said is None:
        return [Span(f"{UNKNOWN} {words.NOT_WORKED_OUT()}", Tone.DIM)]
    if not is_recent(said.made_at, own):
        return [Span(words.BURN_OLD(figures.age(own - said.made_at)), Tone.DIM)]
    weekly, credits = said.burn.weekly, said.burn.credits
    told: list[Span] = []
    if is_figure(weekly.last_hour):
        told.append(Span((words.last_hour_short if short else words.last_hour)(rate_text(weekly.last_hour))))
    if is_figure(weekly.last_24h):
        told.append(
            Span(words.last_day(rate_text(weekly.last_24h), "" if short else rate_text(weekly.last_24h / 24)))
        )
    if is_figure(weekly.usual_per_day):
        told.append(Span((words.usual_short if short else words.usual)(rate_text(weekly.usual_per_day))))
    elif told:
        told.append(Span(words.USUAL_UNKNOWN(), Tone.DIM))
    if told and scene.figure != base_window(WEEKLY):
        told[0] = replace(told[0], text=f"{words.burn_of()} {told[0].text}")
    told += _credits_burn(credits.last_hour, credits.today, scene.prefs, short=short)
    return told or [Span(words.BURN_UNKNOWN(), Tone.DIM)]


def _credits_burn(hour: Decimal | None, today: Decimal | None, prefs: Prefs, *, short: bool) -> list[Span]:
    if not hour and not today:
        return []
    told = []
    if hour is not None:
        usd = "" if short else usd_text(hour, prefs.rules)
        told.append(words.credits_rate(amount_text(hour), usd))
    if today is not None:
        told.append(words.credits_today(amount_text(today)))
    return [Span(", ".join(told))]


def _pace(scene: Scene, *, short: bool) -> list[Span]:
    said = scene.account.outlook
    if not is_base(scene.figure):
        of_window = scene.figure.series is Series.WINDOW
        why = words.NOT_OF_MODELS() if of_window else words.NO_PACE()
        return [Span(f"{UNKNOWN} {why}", Tone.DIM)]
    found = outlook.pace_of(scene.judged, said, scene.figure.window, scene.now, scene.prefs)
    used = scene.window.used_percent if scene.window is not None else None
    if found is None or scene.window is None or scene.resets_at is None:
        return [Span(f"{UNKNOWN} {words.NOT_WORKED_OUT()}", Tone.DIM)]
    told = []
    if is_figure(found.pace_per_day):
        told.append(Span(words.pace(rate_text(found.pace_per_day)) + ("" if short else ".")))
    if is_figure(found.even_percent):
        even = percent_text(found.even_percent)
        text = words.even_short(even) if short else words.even(even, percent_text(used))
        told.append(Span(text, Tone.DIM))
    return told or [Span(f"{UNKNOWN} {words.why_not(NoForecast.NONE)}", Tone.DIM)]
