"""One account as cards, table and hive draw it."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache

from poolwatch.domain.overview import Judged, PoolRules
from poolwatch.domain.pool import AccountState
from poolwatch.domain.status import Section
from poolwatch.presentation import durations, rows
from poolwatch.presentation.masking import shown_group, shown_name
from poolwatch.presentation.percent import hive_level, scarcity
from poolwatch.presentation.prefs import Prefs
from poolwatch.presentation.remedy import acting, copied, remedy_line
from poolwatch.presentation.standing import footer, hive_mark_of, keeper_text, standing
from poolwatch.presentation.view import CardView, Glyph, MarkView, Span, Tone
from poolwatch.words import names


def card_view(judged: Judged, now: datetime, prefs: Prefs) -> CardView:
    """The account in final texts. `now` is the moment it was judged at (the server's clock, UTC)."""
    account = judged.account
    usage = account.usage
    stands = standing(judged, now, prefs)
    windows = rows.base_rows(usage, now, prefs)
    spend = rows.spend_row(usage, now, prefs)
    if spend is not None:
        windows.append(spend)
    nearest = rows.scarcest(windows)
    last_line = footer(judged, now, prefs)
    progress = progress_brief = ""
    if account.refresh is not None:
        # not before the first paint: no refresh outlives the process that shows it
        from poolwatch.presentation.refresh_line import progress_line, progress_short, progress_tone

        progress = progress_line(account.refresh, account, now, prefs)
        progress_brief = progress_short(account.refresh, account, now, prefs)
        last_line = (Span(progress, progress_tone(account.refresh)),)
    return CardView(
        key=account.key,
        id=account.key.id,
        label=shown_name(account, mask=prefs.mask),
        group=shown_group(account.name.group, mask=prefs.mask),
        plan=names.plan_name(account.plan),
        glyph=stands.glyph,
        tone=stands.tone,
        section=judged.section,
        status=stands.words,
        windows=tuple(each.row for each in windows),
        extras=tuple(each.row for each in rows.scarcest_per_bucket(usage, now, prefs)),
        credits=rows.credits_row(usage, prefs.own(now), prefs.rules),
        footer=last_line,
        progress=progress,
        remedy=remedy_line(judged, now, prefs),
        copy=copied(judged, now, prefs),
        age=age_text(judged, prefs.own(now)),
        stale=judged.stale,
        source=source_text(account),
        custody=keeper_text(judged),
        scarcest=nearest.row if nearest else None,
        level=hive_level(nearest.used, full=nearest.row.full) if nearest else None,
        needs_you=judged.section is Section.NEEDS_YOU,
        plan_short=names.plan_short(account.plan),
        status_glyph=stands.status_glyph,
        progress_short=progress_brief,
    )


def mark_view(judged: Judged, prefs: Prefs) -> MarkView:
    """The account in two cells. It agrees with the card's words, and costs a fraction of it."""
    rules = prefs.rules
    use = rows.scarcest_use(judged.account.usage)
    return _mark(*hive_mark_of(judged), judged.stale, use, rules.amber_percent, rules.red_percent)


@lru_cache(4096)
def _mark(
    glyph: Glyph, tone: Tone, stale: bool, use: tuple[float | None, bool] | None, amber: float, red: float
) -> MarkView:
    """Accounts that look alike have one mark: of a thousand, most share theirs with others."""
    if use is None:
        return MarkView(glyph, tone, stale, None, None)
    used, full = use
    rules = PoolRules(amber_percent=amber, red_percent=red)
    return MarkView(glyph, tone, stale, scarcity(used, rules, full=full), hive_level(used, full=full))


def age_text(judged: Judged, now: datetime) -> str:
    """How old the last reading is by our own clock; a dash when there never was one, or nobody knows."""
    return durations.age_of(judged.account.read_at, now)


def source_text(account: AccountState) -> str:
    """The source under which a refresh acts, and how many others list the account."""
    listing = acting(account)
    if listing is None:
        return ""
    more = len(account.sources) - 1
    return f"{listing.ref.source} +{more}" if more else listing.ref.source
