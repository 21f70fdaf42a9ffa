"""An account's banked resets in the details: how many, when the first is lost, and each by itself."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.banked import BankedReset
from poolwatch.domain.overview import is_stale
from poolwatch.domain.pool import AccountState
from poolwatch.presentation import cells, durations
from poolwatch.presentation.masking import shown_text
from poolwatch.presentation.prefs import Prefs
from poolwatch.presentation.view import DetailLine, Span, Tone
from poolwatch.words import screen

#: No more resets than these have a line of their own.
LINES: Final = 8
#: A count and a list of one reading are this near to each other.
_AS_OLD: Final = timedelta(minutes=1)


def reset_lines(account: AccountState, now: datetime, prefs: Prefs, columns: int) -> list[DetailLine]:
    """The count as the source gave it, then what the list shows, with the list's age where the two differ."""
    count, listed = account.usage.reset_credits, account.usage.reset_list
    usable = account.usage.usable_resets(now)
    if count is None and not usable:
        return []
    available = count.value.available if count is not None and count.value is not None else None
    is_old = count is not None and is_stale(count.at, prefs.own(now), prefs.rules)
    told = Span(_count_text(account, now, prefs), Tone.STALE if is_old else Tone.PLAIN)
    lines = [DetailLine(screen.RESETS, (told,))]
    if listed is not None and listed.value is not None and len(usable) != available:
        is_alike = count is not None and abs(count.at - listed.at) < _AS_OLD
        age = "" if is_alike else durations.age_of(listed.at, prefs.own(now))
        lines.append(_line(screen.list_shows(len(usable), age), Tone.DIM))
    lines += [_line(_row_text(row, account, now, prefs, columns)) for row in usable[:LINES]]
    if len(usable) > LINES:
        lines.append(_line(screen.more_resets(len(usable) - LINES), Tone.DIM))
    return lines


def _count_text(account: AccountState, now: datetime, prefs: Prefs) -> str:
    count = account.usage.reset_credits
    banked = count.value if count is not None else None
    if banked is None or banked.available is None:
        return screen.RESETS_UNKNOWN
    if not banked.available:
        return screen.NO_RESETS
    text = screen.banked(banked.available, banked.applicable)
    nearest = account.usage.nearest_reset_expiry(now)
    if nearest is None:
        return text
    at = durations.dated_instant(nearest, now, prefs.zone)
    return f"{text}, {screen.nearest_expires(at, durations.countdown(nearest, now))}"


def _row_text(row: BankedReset, account: AccountState, now: datetime, prefs: Prefs, columns: int) -> str:
    if row.expires_at is not None:
        at = durations.dated_instant(row.expires_at, now, prefs.zone)
        text = screen.reset_expires(at, durations.countdown(row.expires_at, now))
    else:
        text = screen.RESET_NEVER_EXPIRES if row.expiry_known else screen.RESET_EXPIRY_UNKNOWN
    if row.title:
        text += f" · {shown_text(row.title, account, mask=prefs.mask)}"
    return cells.fit(text, columns)


def _line(text: str, tone: Tone = Tone.PLAIN) -> DetailLine:
    return DetailLine(spans=(Span(text, tone),))
