"""One account as cards, table and hive draw it: its mark, its words, its rows."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

from poolwatch.domain.account import Custody
from poolwatch.domain.failure import FailureKind, LoginProblem, Trouble
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import CREDIT_TYPES, Judged, PoolRules, Section, Status, signed_out
from poolwatch.domain.values import is_undated
from poolwatch.presentation import figures, rows
from poolwatch.presentation.figures import hive_level, scarcity
from poolwatch.presentation.masking import shown_group, shown_name
from poolwatch.presentation.remedy import acting, copied, remedy_line
from poolwatch.presentation.rows import tightest_limit
from poolwatch.presentation.view import CardView, Glyph, MarkView, Prefs, Span, Tone
from poolwatch.words import account as words

#: The columns of a card's last line; parts that say least are left out beyond it.
FOOTER_COLUMNS: Final = 36
_DOT: Final = " · "
_GLYPHS: Final = {
    Status.DISABLED: Glyph.OFF,
    Status.DEACTIVATED: Glyph.NEEDS_YOU,
    Status.NEEDS_LOGIN: Glyph.NEEDS_YOU,
    Status.UNKNOWN: Glyph.NEVER_READ,
    Status.EXHAUSTED: Glyph.EXHAUSTED,
    Status.ACTIVE: Glyph.ACTIVE,
}
_TONES: Final = {
    Glyph.ACTIVE: Tone.GOOD,
    Glyph.EXHAUSTED: Tone.AMBER,
    Glyph.NEEDS_YOU: Tone.RED,
    Glyph.TROUBLE: Tone.AMBER,
    Glyph.NEVER_READ: Tone.DIM,
    Glyph.OFF: Tone.DIM,
}
#: Beside these a trouble is not worth a word.
_SAYS_IT_ALL: Final = (Status.DISABLED, Status.NEEDS_LOGIN, Status.DEACTIVATED)
#: The words for a login that needs somebody say these already.
_SAID_BY_LOGIN: Final = (FailureKind.AMBIGUOUS, FailureKind.TOKEN_REFRESH)


def _shown_trouble(judged: Judged) -> Trouble | None:
    """The trouble, where the status does not say it all."""
    return None if judged.status.kind in _SAYS_IT_ALL else judged.account.trouble


def _row_words(judged: Judged, now: datetime, prefs: Prefs) -> str:
    trouble = _shown_trouble(judged)
    own = status_text(judged, now, prefs, short=True)
    if trouble is None:
        return own
    told = trouble_text(judged, trouble, now, prefs, short=True)
    return told if judged.section is Section.NEEDS_YOU else f"{own}{_DOT}{told}"


def _mark_of(judged: Judged, *, hive: bool) -> Glyph:
    """The mark at the edge. In the hive no words stand beside it: trouble that will heal shows as well."""
    trouble = _shown_trouble(judged)
    if trouble is None or (judged.section is not Section.NEEDS_YOU and not hive):
        return _GLYPHS[judged.status.kind]
    is_ours = judged.section is Section.NEEDS_YOU and trouble.kind is not FailureKind.EDGE_BLOCKED
    return Glyph.NEEDS_YOU if is_ours else Glyph.TROUBLE


def status_text(judged: Judged, now: datetime, prefs: Prefs, *, short: bool) -> str:
    """The status in words, `short` for a column: `5h until 14:50`, `weekly until Sun`, `login expired`."""
    status = judged.status
    match status.kind:
        case Status.NEEDS_LOGIN:
            return words.login_words(status.login_problem or LoginProblem.EXPIRED)
        case Status.UNKNOWN:
            return words.unknown_words(status.reason, read=judged.account.read_at is not None)
        case Status.EXHAUSTED:
            reached = judged.account.usage.reached_type
            workspace = reached is not None and reached.value in CREDIT_TYPES
            until = until_text(status.until, now, prefs, short=short)
            return words.exhausted_words(status.reason, until, workspace=workspace)
        case Status.ACTIVE if _runs_on_credits(judged):
            return words.ON_CREDITS()
        case _:
            return words.status_word(status.kind)


def _runs_on_credits(judged: Judged) -> bool:
    usage = judged.account.usage
    credits = usage.credits.value if usage.credits is not None else None
    return bool(usage.full_windows and credits is not None and (credits.unlimited or credits.has_credits))


def until_text(until: datetime | None, now: datetime, prefs: Prefs, *, short: bool) -> str:
    """A local time, `due` when it has passed, empty when nobody knows."""
    if until is None:
        return ""
    if until <= now:
        return words.DUE()
    clock = figures.clock_short if short else figures.clock
    return clock(until, now, prefs.zone)


def trouble_text(
    judged: Judged, trouble: Trouble, now: datetime, prefs: Prefs, *, short: bool = False
) -> str:
    """`blocked by Cloudflare 26m`, `throttled until 14:20`, `sign in before 27 Nov`; `short` for a column."""
    account = judged.account
    if trouble.kind is FailureKind.THROTTLED and trouble.retry_at and trouble.retry_at > now:
        return words.throttled_until(figures.clock(trouble.retry_at, now, prefs.zone))
    if trouble.kind is FailureKind.TOKEN_REFRESH and account.dead_login is not None:
        listing = acting(account)
        expires = listing.token.expires_at if listing else None
        if expires is not None and expires > now:
            return words.sign_in_before(figures.day(expires, now, prefs.zone))
        return words.sign_in_again(words.token_words(account.dead_login.problem))
    told = words.trouble_short(trouble.kind) if short else words.trouble_words(trouble.kind)
    return f"{told} {figures.age(prefs.own(now) - trouble.since)}"


def marks(judged: Judged, now: datetime) -> list[str]:
    """What an account's status does not tell: flags that contradict it, and other entries of it that fail."""
    disputed = [words.POOLS_DISAGREE()] if judged.account.rival is not None else []
    return [*_flags(judged), *disputed, *_entries(judged.account, now)]


def _entries(account: AccountState, now: datetime) -> list[str]:
    """Entries that only a new login brings back, while others keep the account going."""
    found = [
        (ref, problem)
        for ref, problem in signed_out(account, now).items()
        # one that has only expired is renewed by whoever uses it
        if problem is not LoginProblem.EXPIRED
    ]
    if len(found) > 1:
        return [words.entries_need_login(len(found))]
    return [words.entry_needs_login(ref.source, words.login_words(problem)) for ref, problem in found]


def _flags(judged: Judged) -> list[str]:
    """Flags that say the account may not run, although it is active."""
    usage = judged.account.usage
    base = usage.base.value if usage.base else None
    if judged.status.kind is not Status.ACTIVE or base is None or base.allowed is not True:
        return []
    found = [words.LIMIT_FLAG()] if base.limit_reached else []
    spend = usage.spend.value if usage.spend else None
    if spend is not None and spend.reached:
        found.append(words.spend_flag(spend.reached_limit_type))
    return found


def keeper_text(judged: Judged) -> str:
    """Who keeps the login: `codex`, `pool: codex-proxy`, `CLIProxyAPI`."""
    listing = acting(judged.account)
    if listing is None:
        return ""
    return words.keeper(listing.custody, owner=listing.owner, source=listing.ref.source, kind=listing.login)


def footer(judged: Judged, now: datetime, prefs: Prefs) -> tuple[Span, ...]:
    """A card's last line: status, trouble, marks; then as room allows the age, the spending, the keeper."""
    spans = [_status_span(judged, now, prefs)]
    trouble = judged.account.trouble
    needs_login = judged.status.kind is Status.NEEDS_LOGIN
    if trouble is not None and not (needs_login and trouble.kind in _SAID_BY_LOGIN):
        told = trouble_text(judged, trouble, now, prefs)
        spans.append(Span(told, _TONES[Glyph.TROUBLE], Glyph.TROUBLE))
    spans += [Span(mark, Tone.AMBER) for mark in marks(judged, now)]
    used = sum(figures.width(span.text) + (2 if span.glyph else 0) for span in spans) + 3 * (len(spans) - 1)
    for text in _least(judged, now, prefs):
        used += len(_DOT) + figures.width(text)
        if used > FOOTER_COLUMNS:
            break
        spans.append(Span(text, Tone.DIM))
    parted = [part for span in spans for part in (Span(_DOT, Tone.DIM), span)]
    return tuple(parted[1:])


def _status_span(judged: Judged, now: datetime, prefs: Prefs) -> Span:
    text = status_text(judged, now, prefs, short=False)
    tone = _TONES[_GLYPHS[judged.status.kind]]
    if judged.status.kind is Status.NEEDS_LOGIN:
        return Span(words.sign_in_for(text), tone)
    if judged.status.kind is Status.EXHAUSTED:
        return Span(words.exhausted_for(text), tone)
    return Span(text, tone)


def _least(judged: Judged, now: datetime, prefs: Prefs) -> list[str]:
    """What a card's last line says if there is room, in this order."""
    account = judged.account
    texts = []
    needs_login = judged.status.kind is Status.NEEDS_LOGIN
    if account.read_at is not None and (needs_login or judged.stale):
        undated = is_undated(account.read_at)
        age = figures.age_of(account.read_at, prefs.own(now))
        texts.append(words.AGE_UNKNOWN() if undated else words.read_ago(age))
    if needs_login:
        return texts
    limit = tightest_limit(account.usage.spend)
    if judged.status.kind is Status.ACTIVE and limit and limit.used is not None and limit.limit is not None:
        return [*texts, words.spent_this_month(*figures.amounts_text(limit.used, limit.limit))]
    listing = acting(account)
    if listing is not None:
        texts.append(keeper_text(judged))
        expires = listing.token.expires_at
        if listing.custody is Custody.POOLWATCH and expires is not None and expires > now:
            texts.append(words.token_life(figures.age(expires - now)))
    return texts


def card_view(judged: Judged, now: datetime, prefs: Prefs) -> CardView:
    """The account in final texts. `now` is the moment it was judged at (the server's clock, UTC)."""
    account = judged.account
    usage = account.usage
    glyph, status_glyph = _mark_of(judged, hive=False), None
    if judged.section is Section.NEEDS_YOU and _shown_trouble(judged) is not None:
        status_glyph = _GLYPHS[judged.status.kind]
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
        plan=words.plan_name(account.plan),
        glyph=glyph,
        tone=_TONES[glyph],
        section=judged.section,
        status=_row_words(judged, now, prefs),
        windows=tuple(each.row for each in windows),
        extras=tuple(near.row for near in map(rows.scarcest, rows.bucket_rows(usage, now, prefs)) if near),
        credits=rows.credits_row(usage, prefs.own(now), prefs.rules),
        footer=last_line,
        progress=progress,
        remedy=remedy_line(judged, now, prefs),
        copy=copied(judged, now, prefs),
        age=figures.age_of(account.read_at, prefs.own(now)),
        stale=judged.stale,
        source=source_text(account),
        custody=keeper_text(judged),
        scarcest=nearest.row if nearest else None,
        level=hive_level(nearest.used, full=nearest.row.full) if nearest else None,
        needs_you=judged.section is Section.NEEDS_YOU,
        plan_short=words.plan_short(account.plan),
        status_glyph=status_glyph,
        progress_short=progress_brief,
    )


def mark_view(judged: Judged, prefs: Prefs) -> MarkView:
    """The account in two cells. It agrees with the card's words, and costs a fraction of it."""
    use = rows.scarcest_use(judged.account.usage)
    return _mark(_mark_of(judged, hive=True), judged.stale, use, prefs.rules)


@lru_cache(4096)
def _mark(glyph: Glyph, stale: bool, use: rows.Use | None, rules: PoolRules) -> MarkView:
    """Accounts that look alike have one mark: of a thousand, most share theirs with others."""
    if use is None:
        return MarkView(glyph, _TONES[glyph], stale, None, None)
    used, full = use
    nearest = scarcity(used, rules, full=full)
    return MarkView(glyph, _TONES[glyph], stale, nearest, hive_level(used, full=full))


def source_text(account: AccountState) -> str:
    """The source under which a refresh acts, and how many others list the account."""
    listing = acting(account)
    if listing is None:
        return ""
    more = len(account.sources) - 1
    return f"{listing.ref.source} +{more}" if more else listing.ref.source
