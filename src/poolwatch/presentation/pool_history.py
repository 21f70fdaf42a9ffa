"""The past of many accounts together, as the history screen shows it, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final

from msgspec import Struct

from poolwatch.domain.burn import AccountBurn, PoolBurn
from poolwatch.domain.event_log import LoggedEvent
from poolwatch.domain.outlook import PoolOutlook, Verdict, is_recent
from poolwatch.domain.past import CREDITS, PoolFigure, base_window
from poolwatch.domain.pool_simulation import plan_weight, weights_of
from poolwatch.domain.series import FigureName, Timeline
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import Judged, Section
from poolwatch.domain.usage import WEEKLY, UsageWindow, own_reset
from poolwatch.presentation import figures
from poolwatch.presentation.chart import slices
from poolwatch.presentation.figures import UNKNOWN, is_figure, percent_text, usd_text
from poolwatch.presentation.history import Period
from poolwatch.presentation.outlook import amount_text, rate_text
from poolwatch.presentation.view import DetailLine, Prefs, Span, Tone
from poolwatch.words import account as account_words
from poolwatch.words import history as words

#: Further back nothing is summed up.
_EVER: Final = timedelta(days=2 * 365)
_PLANS_MOST: Final = 4


class PoolScene(Struct, frozen=True):
    """What such a history is made of; `accounts` in the order of the screen it was opened from."""

    accounts: tuple[Judged, ...]
    figure: PoolFigure
    period: Period
    #: what was summed up so far, and of how many accounts each instant speaks
    line: Timeline
    known: tuple[int, ...]
    events: tuple[LoggedEvent, ...]
    #: of the whole pool alone; None too where it is old
    outlook: PoolOutlook | None
    is_whole: bool
    now: datetime
    prefs: Prefs


def asked_of(figure: PoolFigure, each: Judged) -> tuple[FigureName, ...]:
    """The figures of an account that are summed up."""
    match figure:
        case PoolFigure.CREDITS:
            return (CREDITS,)
        case PoolFigure.ACTIVE:
            return tuple(base_window(window.kind) for window in each.account.usage.windows)
        case PoolFigure.ROOM:
            return (base_window(WEEKLY),)
        case PoolFigure.BURN:
            return ()


def instants(period: Period, now: datetime, prefs: Prefs) -> tuple[datetime, ...]:
    """The instants that figures are summed up at."""
    length = period.length or _EVER
    found = slices(now - length - period.step, now + period.step, period.step, prefs.zone)
    start = max((each for each in found if each <= now - length), default=found[0])
    end = min((each for each in found if each >= now), default=found[-1])
    return tuple(each for each in found if start <= each <= end)


def recent_outlook(state: PoolState, now: datetime, prefs: Prefs) -> PoolOutlook | None:
    """What lies ahead of the whole pool, where that was worked out lately; `now` is the server's clock."""
    said = state.outlook
    return said if said is not None and is_recent(said.made_at, prefs.own(now)) else None


def weekly_window(each: Judged) -> UsageWindow | None:
    return each.account.usage.fullest.get(WEEKLY)


def weight(each: Judged, prefs: Prefs) -> float:
    """How much of the pool an account is, by its plan."""
    return plan_weight(each.account.plan, _weights(prefs.weights or ""))


@lru_cache(maxsize=1)  # the same text for every account
def _weights(text: str) -> Mapping[str, float]:
    return weights_of(text) or {}


def weekly_reset(each: Judged, window: UsageWindow) -> datetime | None:
    base = each.account.usage.base
    return window.resets_at if base is None else own_reset(window, base.at)


def pool_told_lines(scene: PoolScene, *, short: bool) -> tuple[DetailLine, ...]:
    """OUTLOOK, LEFT and BURN."""
    return (
        DetailLine(words.OUTLOOK(), tuple(_outlook(scene))),
        DetailLine(words.LEFT_HEADING(), tuple(_left(scene))),
        DetailLine(words.BURN(), tuple(_burn(scene, short=short))),
    )


def _outlook(scene: PoolScene) -> list[Span]:
    if not scene.is_whole:
        return [Span(f"{UNKNOWN} {words.OF_POOL_ALONE()}", Tone.DIM)]
    said, now, prefs = scene.outlook, scene.now, scene.prefs
    if said is None:
        return [Span(f"{UNKNOWN} {words.NOT_WORKED_OUT()}", Tone.DIM)]
    time = figures.clock(said.relief_at, now, prefs.zone) if said.relief_at is not None else ""
    limits = words.weekly_limits(said.relief_accounts)
    risk = []
    if is_figure(said.dry_probability) and said.verdict is not Verdict.DRY:
        risk = [Span(words.risk_before(percent_text(said.dry_probability * 100)))]
    match said.verdict:
        case Verdict.LASTS:
            return [Span(words.lasts_to(time, limits)), *risk]
        case Verdict.MAY_RUN_DRY:
            earliest = said.dry_earliest
            span = figures.clock(max(earliest, now), now, prefs.zone) if earliest is not None else ""
            return [Span(words.may_run_dry(span, time), Tone.AMBER), *risk]
        case Verdict.DRY:
            return [Span(words.dry(time, limits), Tone.RED)]
        case Verdict.UNKNOWN:
            from poolwatch.words import outlook as outlook_words

            why = said.none_because
            told = outlook_words.why_no_outlook(why) if why is not None else words.NOT_WORKED_OUT()
            return [Span(f"{UNKNOWN} {told}", Tone.DIM)]


def _left(scene: PoolScene) -> list[Span]:
    by_plan: dict[str, list[float]] = {}
    room = whole = 0.0
    for each in scene.accounts:
        window = weekly_window(each)
        if each.counted and window is not None and is_figure(window.used_percent):
            plan = account_words.plan_name(each.account.plan) or UNKNOWN
            left = 100 - min(100.0, max(0.0, window.used_percent))
            by_plan.setdefault(plan, []).append(left)
            part = weight(each, scene.prefs)
            room, whole = room + left * part, whole + part
    count = sum(map(len, by_plan.values()))
    if not count:
        return [Span(f"{UNKNOWN} {words.NO_WEEKLY()}", Tone.DIM)]
    said = scene.outlook if scene.is_whole else None
    percent = room / whole
    if said is not None and is_figure(said.weekly_left_percent):
        percent = said.weekly_left_percent
    ranked = sorted(by_plan.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    plans = ", ".join(
        f"{plan} {figures.percent_number(sum(found) / len(found))}" for plan, found in ranked[:_PLANS_MOST]
    )
    full = [each for each in scene.accounts if each.section is Section.EXHAUSTED]
    with_credits = sum(_has_credits(each) for each in full)
    told = [Span(words.left_of(percent_text(percent), count, plans if len(by_plan) > 1 else ""))]
    if full:
        told.append(Span(words.full_accounts(len(full), with_credits)))
    return told


def _has_credits(each: Judged) -> bool:
    held = each.account.usage.credits
    value = held.value if held is not None else None
    return value is not None and bool(value.unlimited or (value.balance is not None and value.balance > 0))


def _pool_burn(scene: PoolScene) -> PoolBurn | None:
    return None if scene.outlook is None else scene.outlook.burn_at(scene.prefs.own(scene.now))


def _percent(scene: PoolScene, span: str) -> float | None:
    """What was used of all weekly limits in a span: as it was worked out, or the mean of these accounts."""
    pool = _pool_burn(scene)
    if pool is not None and is_figure(value := getattr(pool.weekly, span)):
        return value
    known = [value for burn in _burns(scene) if is_figure(value := getattr(burn.weekly, span))]
    return sum(known) / len(known) if known else None


def _usual(scene: PoolScene) -> float | None:
    """The usual day of the pool; None where only few of those that burn have been watched for whole days."""
    burns = [burn.weekly for burn in _burns(scene) if is_figure(burn.weekly.last_24h)]
    watched = sum(is_figure(each.usual_per_day) for each in burns)
    return _percent(scene, "usual_per_day") if watched * 2 >= len(burns) else None


def _credits(scene: PoolScene, span: str) -> Decimal | None:
    """The credits that were used in a span; None where nobody's are known."""
    pool = _pool_burn(scene)
    if pool is not None and (said := getattr(pool.credits, span)) is not None:
        return Decimal(said)
    known = [value for burn in _burns(scene) if (value := getattr(burn.credits, span)) is not None]
    return sum(known, Decimal(0)) if known else None


def _burns(scene: PoolScene) -> Iterator[AccountBurn]:
    own = scene.prefs.own(scene.now)
    for each in scene.accounts:
        said = each.account.outlook
        if said is not None and is_recent(said.made_at, own):
            yield said.burn


def _burn(scene: PoolScene, *, short: bool) -> list[Span]:
    hour, day, usual = _percent(scene, "last_hour"), _percent(scene, "last_24h"), _usual(scene)
    told: list[Span] = []
    if hour is not None:
        told.append(Span((words.last_hour_short if short else words.last_hour)(rate_text(hour))))
    if day is not None:
        told.append(Span(words.last_day(rate_text(day), "" if short else rate_text(day / 24))))
    if usual is not None:
        told.append(Span((words.usual_short if short else words.usual)(rate_text(usual))))
    spent, today = _credits(scene, "last_hour"), _credits(scene, "today")
    amounts = []
    if spent:
        usd = "" if short else usd_text(spent, scene.prefs.rules)
        amounts.append(words.credits_rate(amount_text(spent), usd))
    if today:
        amounts.append(words.credits_today(amount_text(today)))
    if amounts:
        told.append(Span(", ".join(amounts)))
    return told or [Span(words.BURN_UNKNOWN(), Tone.DIM)]
