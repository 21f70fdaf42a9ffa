"""What lies ahead, for `status --json`: of a window, and of the pool."""

from __future__ import annotations

from poolwatch.domain.burn import PoolBurn
from poolwatch.domain.forecast import COVERAGE, Forecast, NoForecast
from poolwatch.domain.outlook import PoolOutlook, Verdict, is_recent
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.status import Judged
from poolwatch.presentation.json_values import Json, digits, instant, number
from poolwatch.presentation.outlook import pace_of, window_ahead
from poolwatch.presentation.view import Prefs


def window_forecast(judged: Judged, kind: str, overview: PoolOverview) -> Json:
    """What is foretold of the base window of that kind; null where nothing was worked out of the account."""
    outlook = judged.account.outlook
    if outlook is None:
        return None
    prefs = Prefs(overview.rules, clock_offset=overview.now - overview.own_now)
    ahead = window_ahead(judged, outlook, kind, overview.now, prefs)
    return {
        "at_reset": _at_reset(ahead) if isinstance(ahead, Forecast) else None,
        "runs_out": _runs_out(ahead) if isinstance(ahead, Forecast) else None,
        # how fast it may go is known also where nothing is foretold
        "pace": _pace(pace_of(judged, outlook, kind, overview.now, prefs)),
        "none_because": ahead.value if isinstance(ahead, NoForecast) else None,
    }


def _at_reset(ahead: Forecast) -> Json:
    low, high = _tenth(ahead.low_percent), _tenth(ahead.high_percent)
    return {
        "median_percent": _tenth(ahead.median_percent),
        "low_percent": low,
        "high_percent": high,
        "coverage": None if low is None or high is None else COVERAGE,
    }


def _runs_out(ahead: Forecast) -> Json:
    if number(ahead.out_probability) is None:
        return None
    return {
        "probability": _hundredth(ahead.out_probability),
        "earliest": instant(ahead.out_earliest),
        "latest": instant(ahead.out_latest),
    }


def _pace(ahead: Forecast | None) -> Json:
    if ahead is None or (ahead.pace_per_day is None and ahead.even_percent is None):
        return None
    return {"per_day_percent": _tenth(ahead.pace_per_day), "even_percent": _tenth(ahead.even_percent)}


def pool_ahead(overview: PoolOverview, outlook: PoolOutlook | None) -> dict[str, Json]:
    """`burn` and `outlook` of the pool; both null where nothing was worked out, `burn` where it is old."""
    if outlook is None:
        return {"burn": None, "outlook": None}
    burn = outlook.burn_at(overview.own_now)
    return {"burn": None if burn is None else _burn(burn), "outlook": _outlook(outlook, overview)}


def _burn(burn: PoolBurn) -> Json:
    return {
        "credits_last_hour": digits(burn.credits.last_hour),
        "credits_last_24h": digits(burn.credits.last_24h),
        "credits_today": digits(burn.credits.today),
        "credits_since_start": digits(burn.credits.since_start),
        "started_at": instant(burn.started_at),
        "weekly_percent_per_hour": _hundredth(burn.weekly.last_hour),
    }


def _outlook(outlook: PoolOutlook, overview: PoolOverview) -> Json:
    relief = outlook.relief_at
    if not is_recent(outlook.made_at, overview.own_now):
        return _unknown(NoForecast.OLD)
    if relief is not None and relief <= overview.now:
        return _unknown(NoForecast.DUE)
    return {
        "verdict": outlook.verdict.value,
        "relief_at": instant(relief),
        "dry_probability": _hundredth(outlook.dry_probability),
        "weekly_left_percent": _tenth(outlook.weekly_left_percent),
        "none_because": None if outlook.none_because is None else outlook.none_because.value,
    }


def _unknown(why: NoForecast) -> Json:
    return {
        "verdict": Verdict.UNKNOWN.value,
        "relief_at": None,
        "dry_probability": None,
        "weekly_left_percent": None,
        "none_because": why.value,
    }


# what is estimated is told no more exactly than anybody can know it


def _tenth(value: float | None) -> float | None:
    found = number(value)
    return None if found is None else round(found, 1)


def _hundredth(value: float | None) -> float | None:
    found = number(value)
    return None if found is None else round(found, 2)
