"""Banked resets as they are told: the list, what one would do, and what became of it; text and JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.domain.banked_resets import (
    Evidence,
    Figure,
    Refusal,
    ResetLook,
    ResetOutcome,
    ResetRoute,
    ResetUse,
    fell,
    figures_of,
)
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import Judged
from poolwatch.domain.usage import FIVE_HOURS, WEEKLY, BankedReset, usable_resets
from poolwatch.presentation import figures
from poolwatch.presentation.json_values import Json, instant, number
from poolwatch.presentation.masking import shown_name
from poolwatch.presentation.view import Prefs, Tone
from poolwatch.words import resets as words
from poolwatch.words.account import window_name
from poolwatch.words.messages import message_text

USE_SCHEMA: Final = "poolwatch.reset/1"
LIST_SCHEMA: Final = "poolwatch.resets/1"
#: So much of an id is shown.
ID_SHOWN: Final = 8
#: Who waits longer than that for a window gets much of a reset; what ends sooner than a day is lost soon.
_LONG: Final = timedelta(days=2)
_SOON: Final = timedelta(days=1)
_GAP: Final = "  "
_WIDEST_NAME: Final = 32


class BankedRow(Struct, frozen=True):
    """One banked reset of one account; `worth`: using it now is likely no waste.

    `reset` None: the source only counts, and this is one of `count`.
    """

    key: AccountKey
    name: str
    reset: BankedReset | None
    ends_at: datetime | None
    ends: str
    left: str
    five_hours: str
    weekly: str
    if_used: str
    worth: bool = False
    tone: Tone = Tone.PLAIN
    count: int = 1


def banked_rows(seen: PoolOverview, now: datetime, prefs: Prefs) -> tuple[BankedRow, ...]:
    """Every banked reset of the pool, soonest end first."""
    found = [row for judged in seen.by_key.values() for row in _rows_of(judged, now, prefs)]
    return tuple(sorted(found, key=lambda row: (row.ends_at is None, row.ends_at or now, row.name)))


def _rows_of(judged: Judged, now: datetime, prefs: Prefs) -> Iterable[BankedRow]:
    account = judged.account
    usage = account.usage
    name = shown_name(account, mask=prefs.mask)
    stand = {each.window: each for each in figures_of(usage)}
    rows: Sequence[BankedReset] = usage.usable_resets(now)
    count = usage.reset_credits.value if usage.reset_credits is not None else None
    if not rows and count is not None and count.available:
        ends_at = usage.nearest_reset_expiry(now)
        yield _row(
            judged.account.key, name, None, ends_at, stand, words.COUNT_ONLY(), now, prefs, count.available
        )
        return
    for place, row in enumerate(rows):
        told = words.SECOND() if place else ""
        yield _row(account.key, name, row, row.ends_at, stand, told, now, prefs)


def _row(
    key: AccountKey,
    name: str,
    reset: BankedReset | None,
    ends_at: datetime | None,
    stand: dict[str, Figure],
    told: str,
    now: datetime,
    prefs: Prefs,
    count: int = 1,
) -> BankedRow:
    is_first = not told or reset is None
    worth = is_first and is_worth(tuple(stand.values()), ends_at, now)
    five, weekly = stand.get(FIVE_HOURS), stand.get(WEEKLY)
    return BankedRow(
        key,
        name,
        reset,
        ends_at,
        _end(reset, ends_at, now, prefs),
        "" if ends_at is None else figures.age(ends_at - now),
        "" if five is None else figures.percent_text(five.used_percent),
        "" if weekly is None else figures.percent_text(weekly.used_percent),
        told or _if_used(tuple(stand.values()), now, prefs, worth=worth),
        worth,
        Tone.ACCENT if worth else Tone.PLAIN,
        count,
    )


def _end(reset: BankedReset | None, ends_at: datetime | None, now: datetime, prefs: Prefs) -> str:
    if ends_at is None:
        return words.NEVER() if reset is not None and reset.expiry_known else words.UNKNOWN_END()
    there = figures.local_time(ends_at, prefs.zone)
    return f"{figures.weekday_and_day(ends_at, now, prefs.zone)} {there:%H:%M}"


def is_worth(stand: Sequence[Figure], ends_at: datetime | None, now: datetime) -> bool:
    """Whether using one now is likely no waste: a window is exhausted, and waiting for it loses the reset,
    or takes days."""
    full = [each for each in stand if each.full]
    if not full:
        return False
    if ends_at is not None and ends_at - now < _SOON:
        return True
    back = max((each.resets_at for each in full if each.resets_at is not None), default=None)
    return back is None or back - now > _LONG or (ends_at is not None and ends_at < back)


def _if_used(stand: Sequence[Figure], now: datetime, prefs: Prefs, *, worth: bool) -> str:
    full = [each for each in stand if each.full]
    if not full:
        return words.NOT_NOW()
    if not worth:
        last = max(full, key=lambda each: each.resets_at or now)
        if last.resets_at is not None:
            return words.soon_anyway(_named(last.window), figures.countdown(last.resets_at, now))
    used = [each for each in stand if (each.used_percent or 0) > 0]
    return ", ".join(
        words.falls(_named(each.window), figures.percent_number(each.used_percent)) for each in used
    )


def _named(window: str) -> str:
    kind, slash, bucket = window.partition("/")
    return f"{bucket} {window_name(kind)}" if slash else window_name(kind)


def _falls(figure: Figure) -> str:
    return words.moved(_named(figure.window), figures.percent_number(figure.used_percent), "0")


def list_lines(
    seen: PoolOverview, uses: Sequence[ResetUse], now: datetime, prefs: Prefs, uses_shown: int = 10
) -> list[str]:
    """The list for a terminal, then the latest requests; the open ones all."""
    rows = banked_rows(seen, now, prefs)
    lines: list[str] = []
    if rows:
        held = sum(row.count for row in rows)
        lines.append(words.held(held, len({row.key for row in rows})))
        table = [tuple(title() for title in words.HEADER)]
        table += [
            (
                row.ends,
                row.left,
                figures.fit(row.name, _WIDEST_NAME),
                row.five_hours,
                row.weekly,
                shown_id(row.reset),
                row.if_used,
            )
            for row in rows
        ]
        lines += _aligned(table)
    names = {each.account.key.id: shown_name(each.account, mask=prefs.mask) for each in seen.by_key.values()}
    told = [use for use in uses if use.is_open or use.outcome.is_good or use.settled is not None]
    if told:
        lines += ["", words.USES()]
        latest = told[-uses_shown:]
        lines += [
            use_line(use, names.get(use.account, use.account[:ID_SHOWN]), now, prefs)
            for use in told
            if use.is_open or use in latest
        ]
    return lines


def use_line(use: ResetUse, name: str, now: datetime, prefs: Prefs) -> str:
    """One request: when it was, whose, and what became of it."""
    at = figures.clock(use.at, now, prefs.zone)
    if use.is_open:
        return words.open_use(use.id[:ID_SHOWN], name, at)
    why = use.reason if use.settled is not None else None
    what = words.outcome_word(use.outcome) if why is None else message_text(why)
    return words.past_use(at, name, what)


def shown_id(reset: BankedReset | None) -> str:
    """As much of its id as tells it from others; ids of the service often begin alike, so the end."""
    return "" if reset is None or reset.id is None else reset.id[-ID_SHOWN:]


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    kept = [at for at in range(len(table[0])) if any(row[at] for row in table[1:])]
    widths = {at: max(figures.width(row[at]) for row in table) for at in kept}
    return [_GAP.join(figures.ljust(row[at], widths[at]) for at in kept).rstrip() for row in table]


def sheet_lines(
    name: str,
    way: str,
    look: ResetLook,
    found: BankedReset | None,
    now: datetime,
    prefs: Prefs,
) -> list[str]:
    """What is told before one is used: of whom, until when, what it resets and moves, what else helps."""
    stand = look.figures
    lines = [words.account(name), words.by_way(way)]
    if found is None:
        lines.append(words.ends(words.POOLS_CHOICE()))
    else:
        ends = _end(found, found.ends_at, now, prefs)
        if found.ends_at is not None:
            ends = f"{ends}, {figures.countdown(found.ends_at, now)}"
        others = len(usable_resets(look.rows or (), look.served_at)) - 1
        lines.append(words.more(ends, others) if others > 0 else words.ends(ends))
    lines.append(words.resets(", ".join(_falls(each) for each in stand if (each.used_percent or 0) > 0)))
    weekly = next((each for each in stand if each.window == WEEKLY), None)
    if weekly is not None and weekly.resets_at is not None:
        after = figures.instant(now + timedelta(days=7), now, prefs.zone)
        lines.append(words.moves(figures.instant(weekly.resets_at, now, prefs.zone), after))
    full = [each for each in stand if each.full and each.resets_at is not None]
    if full:
        last = max(full, key=lambda each: each.resets_at or now)
        at = last.resets_at or now
        told = words.instead(
            _named(last.window), figures.clock(at, now, prefs.zone), figures.countdown(at, now)
        )
        lines.append(told)
    return lines


def outlook_lines(account: AccountState, now: datetime, prefs: Prefs) -> list[str]:
    """How the weekly window goes on as it is, and if a reset were used now, at the pace of its forecast."""
    weekly = next((each for each in figures_of(account.usage) if each.window == WEEKLY), None)
    if weekly is None or weekly.used_percent is None or weekly.resets_at is None:
        return []
    found = None if account.outlook is None else account.outlook.forecast(WEEKLY)
    used, at = figures.percent_number(weekly.used_percent), figures.instant(weekly.resets_at, now, prefs.zone)
    if found is None or found.median_percent is None or not found.is_of(weekly.resets_at, now):
        return [words.only_is(used, at), words.if_used_unknown()]
    lines = [words.as_it_is(used, figures.percent_number(found.median_percent), at)]
    if found.runs_out:
        lines = [words.out_before(used, at)]
    week, left = timedelta(days=7), weekly.resets_at - now
    if found.endless is None or left <= timedelta(0):
        return [*lines, words.if_used_unknown()]
    # what the forecast adds until the reset, over a whole week
    low, middle, high = (
        figures.percent_number(min(100.0, max(0.0, end - weekly.used_percent) * (week / left)))
        for end in found.endless
    )
    return [*lines, words.if_used(middle, low, high, figures.instant(now + week, now, prefs.zone))]


def dry_line(name: str, found: BankedReset | Refusal | None, now: datetime, prefs: Prefs) -> str:
    """What a use would do, which was only asked."""
    if isinstance(found, Refusal):
        return words.would_not(name, message_text(found.why))
    ends = words.POOLS_CHOICE() if found is None else _end(found, found.ends_at, now, prefs)
    return words.would(name, ends)


def outcome_lines(
    name: str, use: ResetUse, after: Sequence[Figure] | None, found: Sequence[Evidence]
) -> list[str]:
    """What became of a use, and what is to be done where nobody knows."""
    what = words.outcome_word(use.outcome)
    if use.outcome.is_good and after is not None:
        told = windows_moved(use.before, after)
        lines = [f"{name}: {words.used(what, told)}"]
        if use.before and not fell(use.before, after):
            lines.append(words.LAG())
        return lines
    lines = [f"{name}: {words.because(what, '' if use.reason is None else message_text(use.reason))}"]
    if use.is_open:
        lines += [words.seen(words.evidence_words(each)) for each in found]
        lines += [words.AGAIN(use.id[:ID_SHOWN]), words.SETTLE(use.id[:ID_SHOWN])]
    return lines


def windows_moved(before: Sequence[Figure], after: Sequence[Figure]) -> str:
    """Each window that was used, and where it stands: `5h 100 → 0%, weekly 71 → 0%`."""
    then = {each.window: each.used_percent for each in before}
    return ", ".join(
        words.moved(
            _named(each.window),
            figures.percent_number(then[each.window]),
            figures.percent_number(each.used_percent),
        )
        for each in after
        if (then.get(each.window) or 0) > 0
    )


def use_json(use: ResetUse, after: Sequence[Figure] | None, found: Sequence[Evidence]) -> str:
    """The document of `use`, `ask` and `settle`."""
    return json.dumps(_use(use, after, found), indent=2)


def plan_json(
    account: str,
    route: ResetRoute,
    look: ResetLook,
    found: BankedReset | Refusal | None,
    *,
    dry_run: bool,
) -> str:
    """The document where nothing was sent: what would be used, or `outcome` and `reason` why nothing is."""
    refused = found if isinstance(found, Refusal) else None
    reset = found if isinstance(found, BankedReset) else None
    document: Json = {
        "schema": USE_SCHEMA,
        "dry_run": dry_run,
        "id": None,
        "account": account,
        "route": route.value,
        "outcome": None if refused is None else refused.outcome.value,
        "reset_id": None if reset is None else reset.id,
        "before": _windows(look.figures),
        "after": None,
        "reason": None if refused is None else message_text(refused.why),
    }
    return json.dumps(document, indent=2)


def _use(use: ResetUse, after: Sequence[Figure] | None, found: Sequence[Evidence]) -> dict[str, Json]:
    return {
        "schema": USE_SCHEMA,
        "dry_run": False,
        "id": use.id,
        "account": use.account,
        "route": use.route.value,
        "outcome": use.outcome.value,
        "reset_id": use.reset_id,
        "before": _windows(use.before) if use.before else None,
        "after": None if after is None else _windows(after),
        "reason": None if use.reason is None else message_text(use.reason),
        "at": instant(use.at),
        "ended_at": instant(use.ended_at),
        "settled": None if use.settled is None else "used" if use.settled else "not_used",
        "evidence": [each.value for each in found],
    }


def _windows(stand: Sequence[Figure]) -> list[Json]:
    return [
        {
            "window": each.window,
            "used_percent": number(each.used_percent),
            "resets_at": instant(each.resets_at),
        }
        for each in stand
    ]


def list_json(seen: PoolOverview, uses: Sequence[ResetUse], now: datetime, prefs: Prefs) -> str:
    """The document of `list`."""
    rows: list[Json] = [
        {
            "account": row.key.id,
            "label": row.name,
            "reset_id": None if row.reset is None else row.reset.id,
            "status": None if row.reset is None else row.reset.status,
            "granted_at": None if row.reset is None else instant(row.reset.granted_at),
            "ends_at": instant(row.ends_at),
            "count": row.count,
            "worth_using_now": row.worth,
        }
        for row in banked_rows(seen, now, prefs)
    ]
    document: Json = {
        "schema": LIST_SCHEMA,
        "generated_at": instant(now),
        "resets": rows,
        "requests": [_use(use, None, ()) for use in uses if _is_told(use)],
    }
    return json.dumps(document, indent=2)


def _is_told(use: ResetUse) -> bool:
    return use.is_open or use.settled is not None or use.outcome not in _NEVER_SENT


_NEVER_SENT: Final = frozenset({ResetOutcome.REFUSED, ResetOutcome.NOT_SENT})
