"""Banked resets as they are told: the list, what one would do, and what became of it; text and JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.banked_resets import (
    REST,
    Evidence,
    Figure,
    Refusal,
    ResetLook,
    ResetOutcome,
    ResetRoute,
    ResetUse,
    fell,
)
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.usage import WEEKLY, BankedReset, usable_resets
from poolwatch.presentation import figures
from poolwatch.presentation.json_values import Json, instant, number
from poolwatch.presentation.masking import shown_name
from poolwatch.presentation.remedy import own_command
from poolwatch.presentation.reset_list import banked_rows, end_text, named
from poolwatch.presentation.view import Prefs
from poolwatch.words import reset_list as list_words
from poolwatch.words import resets as words
from poolwatch.words.account import plan_name
from poolwatch.words.messages import message_text

USE_SCHEMA: Final = "poolwatch.reset/1"
LIST_SCHEMA: Final = "poolwatch.resets/1"
#: So much of an id is shown.
ID_SHOWN: Final = 8
_GAP: Final = "  "
_WIDEST_NAME: Final = 32


def list_lines(
    seen: PoolOverview, uses: Sequence[ResetUse], now: datetime, prefs: Prefs, uses_shown: int = 10
) -> list[str]:
    """The list for a terminal, then the latest requests; the open ones all."""
    rows = banked_rows(seen, prefs)
    lines: list[str] = []
    if rows:
        held = sum(row.count for row in rows)
        lines.append(list_words.held(held, len({row.key for row in rows})))
        titles = [title() for title in list_words.HEADER]
        table = [(*titles[:5], *titles[7:])]
        table += [
            (
                row.ends,
                row.left,
                figures.fit(row.name, _WIDEST_NAME),
                row.five_hours,
                row.weekly,
                shown_id(row.reset),
                row.if_used or row.if_used_long,
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
    plan = plan_name(look.usage.plan) if isinstance(look.usage.plan, str) else ""
    lines = [words.account(name, plan), words.by_way(way)]
    if found is None:
        lines.append(words.ends(words.POOLS_CHOICE()))
    else:
        ends = end_text(found, found.ends_at, now, prefs)
        if found.ends_at is not None:
            ends = words.in_time(ends, figures.countdown(found.ends_at, now))
        others = [each for each in usable_resets(look.rows or (), look.served_at) if each.id != found.id]
        then = end_text(others[0], others[0].ends_at, now, prefs) if others else ""
        lines.append(words.more(ends, len(others), then) if others else words.ends(ends))
    falls = (
        words.moved(named(each.window), figures.percent_number(each.used_percent), "0")
        for each in stand
        if (each.used_percent or 0) > 0
    )
    lines.append(words.resets(", ".join(falls)))
    weekly = next((each for each in stand if each.window == WEEKLY), None)
    if weekly is not None and weekly.resets_at is not None:
        after = figures.instant(now + timedelta(days=7), now, prefs.zone)
        lines.append(words.moves(figures.instant(weekly.resets_at, now, prefs.zone), after))
    full = [each for each in stand if each.full and each.resets_at is not None]
    if full:
        last = max(full, key=lambda each: each.resets_at or now)
        at = last.resets_at or now
        told = words.instead(
            named(last.window), figures.clock(at, now, prefs.zone), figures.countdown(at, now)
        )
        lines.append(told)
    return lines


def dry_line(name: str, found: BankedReset | Refusal | None, now: datetime, prefs: Prefs) -> str:
    """What a use would do, which was only asked."""
    if isinstance(found, Refusal):
        return words.would_not(name, message_text(found.why))
    ends = words.POOLS_CHOICE() if found is None else end_text(found, found.ends_at, now, prefs)
    return words.would(name, ends)


def outcome_lines(
    name: str,
    use: ResetUse,
    after: Sequence[Figure] | None,
    found: Sequence[Evidence],
    now: datetime,
    prefs: Prefs,
) -> list[str]:
    """What became of a use, and the commands that go on where nobody knows."""
    what = words.outcome_word(use.outcome)
    if use.outcome.is_good and after is not None:
        told, has_fallen = windows_moved(use.before, after), fell(use.before, after)
        if use.outcome is ResetOutcome.ACCEPTED and has_fallen:
            what = words.SEEN_USED()
        lines = [f"{name}: {words.used(what, told)}"]
        if use.before and not has_fallen:
            until = (use.ended_at or now) + REST
            lines.append(words.lag(figures.clock(until, now, prefs.zone)))
        return lines
    lines = [f"{name}: {words.because(what, '' if use.reason is None else message_text(use.reason))}"]
    if use.is_open:
        lines += [words.seen(words.evidence_words(each)) for each in found]
        request = use.id[:ID_SHOWN]
        lines += [
            words.AGAIN(own_command(f"resets ask {request}", prefs)),
            words.SETTLE(own_command(f"resets settle {request} used", prefs)),
            words.SETTLE_NOT(own_command(f"resets settle {request} not-used", prefs)),
        ]
    return lines


def windows_moved(before: Sequence[Figure], after: Sequence[Figure]) -> str:
    """Each window that was used, and where it stands: `5h 100 → 0%, weekly 71 → 0%`."""
    then = {each.window: each.used_percent for each in before}
    return ", ".join(
        words.moved(
            named(each.window),
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
        for row in banked_rows(seen, prefs)
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
