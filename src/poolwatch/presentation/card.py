"""One account as cards, table and hive draw it: its mark, its words, its rows."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Final

from poolwatch.domain.failure import FailureKind, LoginProblem, Trouble
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import CREDIT_TYPES, Judged, PoolRules, Section, Status, is_stale, signed_out
from poolwatch.domain.values import is_undated
from poolwatch.presentation import figures, outlook, rows
from poolwatch.presentation.figures import hive_level, scarcity
from poolwatch.presentation.masking import shown_name
from poolwatch.presentation.outlook import Ahead
from poolwatch.presentation.remedy import acting, remedy
from poolwatch.presentation.rows import tightest_limit
from poolwatch.presentation.view import CardView, Glyph, MarkView, Note, Prefs, Shown, Span, Tone, Turn
from poolwatch.words import account as words
from poolwatch.words import outlook as outlook_words

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


def caveats(judged: Judged, now: datetime) -> list[str]:
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


def notes(judged: Judged, now: datetime, prefs: Prefs) -> tuple[Note, ...]:
    """What a card says below its windows: what is wrong, what contradicts, what is in the bank."""
    found = _spent(judged.account, now, prefs)
    status, trouble = judged.status, judged.account.trouble
    needs_login = status.kind is Status.NEEDS_LOGIN
    if needs_login:
        why = words.login_sentence(status.login_problem or LoginProblem.EXPIRED)
        found.append(Note(words.NOTE_SIGN_IN(), why, Tone.RED))
    elif status.kind is Status.DEACTIVATED:
        found.append(Note(words.NOTE_ACCOUNT(), words.OFF_OR_REMOVED(), Tone.RED))
    if trouble is not None and not (needs_login and trouble.kind in _SAID_BY_LOGIN):
        told = trouble_text(judged, trouble, now, prefs)
        found.append(Note(words.NOTE_TROUBLE(), told, _TONES[Glyph.TROUBLE]))
    found += [Note(words.NOTE(), caveat, Tone.AMBER) for caveat in caveats(judged, now)]
    return (*found, *_banked(judged.account, now, prefs))


def _spent(account: AccountState, now: datetime, prefs: Prefs) -> list[Note]:
    spend, limit = account.usage.spend, tightest_limit(account.usage.spend)
    if spend is None or limit is None or limit.used is None or limit.limit is None:
        return []
    told = words.spent_of(*figures.amounts_text(limit.used, limit.limit))
    return [Note("", told, Tone.DIM, stale=is_stale(spend.at, prefs.own(now), prefs.rules))]


def _banked(account: AccountState, now: datetime, prefs: Prefs) -> list[Note]:
    count = account.usage.reset_credits
    available = count.value.available if count is not None and count.value is not None else None
    if count is None or not available:
        return []
    nearest = account.usage.nearest_reset_expiry(now)
    ends = figures.clock_short(nearest, now, prefs.zone) if nearest is not None else ""
    stale = is_stale(count.at, prefs.own(now), prefs.rules)
    return [Note(words.NOTE_BANKED(), words.banked_resets(available, ends), stale=stale)]


def foot(
    judged: Judged, now: datetime, prefs: Prefs, brief: str, ahead: Ahead = None, *, is_next: bool
) -> Span:
    """A card's last line: what to do about an account that needs somebody, else how it stands."""
    status = judged.status
    tone = _TONES[_GLYPHS[status.kind]]
    if judged.section is Section.NEEDS_YOU:
        return Span(
            brief or status_text(judged, now, prefs, short=True), _TONES[_mark_of(judged, hive=False)]
        )
    if status.kind is Status.EXHAUSTED:
        return Span(words.back_words(status.reason, until_text(status.until, now, prefs, short=False)), tone)
    if status.kind is Status.ACTIVE and _runs_on_credits(judged):
        return Span(words.BY_CREDITS(), tone)
    if is_next:
        return Span(words.NEXT_UP(), Tone.ACCENT)
    if status.kind is Status.ACTIVE and isinstance(ahead, Forecast) and ahead.runs_out:
        if outlook.is_soon(ahead, now):
            return Span(outlook_words.RUNS_OUT_SOON(), Tone.RED)
        return Span(outlook_words.MAY_RUN_OUT(), Tone.AMBER)
    return Span(status_text(judged, now, prefs, short=False), tone)


def _age_in_words(judged: Judged, now: datetime, prefs: Prefs) -> str:
    """The age of the figures; the word beside it tells that they are old."""
    read_at = judged.account.read_at
    if read_at is None:
        return ""
    if is_undated(read_at):
        return words.AGE_UNKNOWN()
    age = figures.age_of(read_at, prefs.own(now))
    return words.ago(age) if judged.stale or judged.status.kind is Status.NEEDS_LOGIN else age


def card_view(judged: Judged, now: datetime, prefs: Prefs, *, is_next: bool = False) -> CardView:
    """The account in final texts. `now` is the moment it was judged at (the server's clock, UTC).

    `is_next`: of the whole pool it is the one to use next.
    """
    account = judged.account
    usage = account.usage
    label = shown_name(account, mask=prefs.mask)
    glyph, status_glyph = _mark_of(judged, hive=False), None
    if judged.section is Section.NEEDS_YOU and _shown_trouble(judged) is not None:
        status_glyph = _GLYPHS[judged.status.kind]
    ahead = outlook.weekly_ahead(judged, now, prefs)
    column = outlook.at_reset(judged, ahead, now, prefs)
    even = ahead.even_percent if isinstance(ahead, Forecast) else None
    windows = rows.base_rows(usage, now, prefs, even)
    spend = rows.spend_row(usage, now, prefs)
    if spend is not None:
        windows.append(spend)
    nearest = rows.scarcest(windows)
    found = remedy(judged, now, prefs)
    last_line = foot(judged, now, prefs, found.brief if found else "", ahead, is_next=is_next)
    progress = progress_brief = ""
    turn: Turn | None = None
    if account.refresh is not None:
        # not before the first paint: no refresh outlives the process that shows it
        from poolwatch.presentation.refresh_line import progress_line, progress_short, progress_tone

        progress = progress_line(account.refresh, account, now, prefs)
        progress_brief = progress_short(account.refresh, account, now, prefs)
        last_line = Span(progress, progress_tone(account.refresh))
        turn = Turn.RUNS
        if account.refresh.done:
            turn = Turn.FAILED if account.refresh.failed else Turn.OK
    return CardView(
        key=account.key,
        id=account.key.id,
        label=label,
        plan=words.plan_name(account.plan),
        glyph=glyph,
        tone=_TONES[glyph],
        section=judged.section,
        status=_row_words(judged, now, prefs),
        windows=tuple(each.row for each in windows),
        extras=tuple(near.row for near in map(rows.scarcest, rows.bucket_rows(usage, now, prefs)) if near),
        credits=rows.credits_row(
            usage, prefs.own(now), prefs.rules, outlook.credits_per_hour(judged, prefs.own(now))
        ),
        notes=notes(judged, now, prefs),
        foot=last_line,
        foot_age=_age_in_words(judged, now, prefs),
        progress=progress,
        remedy=found.line(label) if found else "",
        # masked paths do not work in a shell
        copy=found.command if found and found.command and not prefs.mask else account.key.id,
        age=figures.age_of(account.read_at, prefs.own(now)),
        stale=judged.stale,
        source=source_text(account),
        custody=keeper_text(judged),
        scarcest=nearest.row if nearest else None,
        level=hive_level(nearest.used, prefs.shown, full=nearest.row.full) if nearest else None,
        needs_you=judged.section is Section.NEEDS_YOU,
        status_glyph=status_glyph,
        progress_short=progress_brief,
        turn=turn,
        at_reset=column,
        outlook=outlook.outlook_note(judged, ahead, column, now, prefs),
    )


def mark_view(judged: Judged, prefs: Prefs) -> MarkView:
    """The account in two cells. It agrees with the card's words, and costs a fraction of it."""
    use = rows.scarcest_use(judged.account.usage)
    return _mark(_mark_of(judged, hive=True), judged.stale, use, prefs.rules, prefs.shown)


@lru_cache(4096)
def _mark(glyph: Glyph, stale: bool, use: rows.Use | None, rules: PoolRules, shown: Shown) -> MarkView:
    """Accounts that look alike have one mark: of a thousand, most share theirs with others."""
    if use is None:
        return MarkView(glyph, _TONES[glyph], stale, None, None)
    used, full = use
    nearest = scarcity(used, rules, full=full)
    return MarkView(glyph, _TONES[glyph], stale, nearest, hive_level(used, shown, full=full))


def source_text(account: AccountState) -> str:
    """The source under which a refresh acts, and how many others list the account."""
    listing = acting(account)
    if listing is None:
        return ""
    more = len(account.sources) - 1
    return f"{listing.ref.source} +{more}" if more else listing.ref.source
