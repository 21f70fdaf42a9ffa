"""The pool at a glance: who needs you, what is left, which account next; and the same in one line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Final

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.outlook import PoolOutlook, Verdict, is_recent
from poolwatch.domain.overview import PoolOverview, UpReason
from poolwatch.domain.state import AccountState, PoolState, SourceState
from poolwatch.domain.status import Judged, Section, Status
from poolwatch.domain.usage import WEEKLY, own_reset
from poolwatch.presentation import figures
from poolwatch.presentation.figures import UNKNOWN, percent_text, scarcity
from poolwatch.presentation.masking import shown_label, shown_name
from poolwatch.presentation.outlook import pool_burn, pool_outlook
from poolwatch.presentation.view import Figure, Prefs, Shown, Span, StripView, Tone
from poolwatch.words import account as words
from poolwatch.words import screen
from poolwatch.words.account import throttled_until, trouble_words
from poolwatch.words.messages import failure_text

if TYPE_CHECKING:
    from poolwatch.domain.alerts import AlertBoard

_HOUR = timedelta(hours=1)
#: `Severity.CRITICAL`, which is loaded with the first alert and not before.
_CRITICAL: Final = "critical"
_NOT_READ = (Status.DISABLED, Status.DEACTIVATED, Status.NEEDS_LOGIN)
#: Trouble between here and the service, not with one account.
_FROM_AFAR = (
    FailureKind.UNREACHABLE,
    FailureKind.EDGE_BLOCKED,
    FailureKind.NOT_THE_SERVICE,
    FailureKind.UPSTREAM_ERROR,
    FailureKind.THROTTLED,
)
_OUTAGE_LEAST = 3
_SKEW_LEAST = timedelta(seconds=60)
#: Trouble of a source that stays until a person acts: what there is to do stands in its message.
_FOR_A_PERSON = (FailureKind.FORBIDDEN, FailureKind.NOT_THE_SERVICE, FailureKind.MALFORMED)


def strip_view(
    overview: PoolOverview,
    state: PoolState,
    prefs: Prefs,
    pool_name: str,
    notices: Sequence[str] = (),
    cost: str = "",
    budgets: Figure | None = None,
    balances: Figure | None = None,
) -> StripView:
    """The strip, from the overview of that state; `notices` are lines about the whole pool.

    `cost`: what the API would charge for today; "" where no session files tell. `budgets`: the nearest to its
    limit. `balances`: what is left of each.
    """
    count = overview.by_section
    accounts = len(overview.accounts)
    oldest = overview.oldest_read_at
    fresh = sum(each.account.read_at is not None and not each.stale for each in overview.accounts)
    old = overview.own_now - oldest if oldest is not None else None
    # a terminal's title has no colours and no second form, so the marks stand in it as they are
    marks = (Section.NEEDS_YOU, "✕"), (Section.EXHAUSTED, "◐")
    titled = [f"{mark}{count[section]}" for section, mark in marks if count[section]]
    return StripView(
        name=pool_name,
        accounts=accounts,
        sources=len(state.sources),
        needs_you=count[Section.NEEDS_YOU],
        exhausted=count[Section.EXHAUSTED],
        active=count[Section.ACTIVE],
        rest=count[Section.REST],
        freshness=screen.freshness(fresh, accounts, figures.duration(old) if old is not None else ""),
        freshness_short=screen.freshness_short(fresh, accounts, figures.age(old) if old is not None else ""),
        freshness_tiny=screen.freshness_tiny(fresh, accounts),
        needs_you_detail=_needs(overview),
        next_up=_next_up(overview, prefs),
        next_back=_next_back(overview, prefs),
        credits=_credits(overview, prefs),
        highest_weekly=_highest_weekly(overview, prefs),
        notices=(
            *_outages(overview, prefs),
            *_down(state, overview.own_now, prefs),
            *_skew(state.clock_offset),
            *(Span(text, Tone.AMBER) for text in notices),
        ),
        title=" ".join([screen.PROGRAM, *titled]),
        burn=pool_burn(overview, state.outlook, cost),
        outlook=pool_outlook(overview, state.outlook, prefs),
        disabled=overview.by_status.get(Status.DISABLED, 0),
        needs_you_short=_needs(overview, brief=True),
        alerts=_alerts(state.alerts),
        budgets=budgets,
        balances=balances,
    )


def _alerts(board: AlertBoard | None) -> Span | None:
    """How many alerts fire; None where none does."""
    firing = () if board is None else board.firing
    if not firing:
        return None
    from poolwatch.words.alerts import alerts_counted

    is_critical = any(each.severity == _CRITICAL for each in firing)
    return Span(alerts_counted(len(firing)), Tone.RED if is_critical else Tone.AMBER)


def use_figures(judged: Judged, prefs: Prefs) -> str:
    """`5h 9% used, weekly 38% used`: the windows that speak for or against an account."""
    word = figures.shown_word(prefs.shown)
    said = [
        f"{words.window_name(window.kind)} {percent_text(window.used_percent, prefs.shown)} {word}"
        for window in judged.account.usage.windows
    ]
    return ", ".join(said) or screen.NO_WINDOWS()


def _needs(overview: PoolOverview, *, brief: bool = False) -> str:
    by_status = {Status.NEEDS_LOGIN: screen.NEED_LOGIN(), Status.DEACTIVATED: screen.NEED_DEACTIVATED()}
    counts = [(overview.by_status[kind], told) for kind, told in by_status.items()]
    parts = [f"{count} {told}" for count, told in counts if count]
    need = [each for each in overview.accounts if each.section is Section.NEEDS_YOU]
    for kind, instants in _since(each for each in need if each.status.kind not in by_status).items():
        age = f" {figures.age(overview.own_now - min(instants))}" if kind is FailureKind.EDGE_BLOCKED else ""
        parts.append(f"{len(instants)} {screen.need_trouble(kind, brief=brief)}{age}")
    return " · ".join(parts)


def _since(accounts: Iterable[Judged]) -> dict[FailureKind, list[datetime]]:
    """Since when each kind of trouble is there."""
    found: dict[FailureKind, list[datetime]] = defaultdict(list)
    for each in accounts:
        if (trouble := each.account.trouble) is not None:
            found[trouble.kind].append(trouble.since)
    return found


def _next_up(overview: PoolOverview, prefs: Prefs) -> Figure | None:
    up = overview.next_up
    if up is None:
        return None
    told = use_figures(up.judged, prefs)
    if up.reason is UpReason.CREDITS_ONLY:
        told = screen.ON_CREDITS()
    return Figure(screen.NEXT_UP(), shown_name(up.judged.account, mask=prefs.mask), told, Tone.ACCENT, told)


def _next_back(overview: PoolOverview, prefs: Prefs) -> Figure | None:
    back = overview.next_back
    if back is None:
        return None
    now, zone = overview.now, prefs.zone
    clock = figures.clock(back.until, now, zone)
    others = back.all_until[1:]
    horizon = _whole_hour_after(back.until, prefs)
    soon = [until for until in others if until <= horizon]
    more, by = len(soon), figures.clock(horizon, now, zone)
    if not soon and others:
        more, by = len(others), figures.clock_short(others[-1], now, zone)
    return Figure(
        screen.NEXT_BACK(),
        shown_name(back.judged.account, mask=prefs.mask),
        screen.back(clock, figures.countdown(back.until, now), more or None, by),
        Tone.STALE if back.judged.stale else Tone.PLAIN,
        short=screen.back_short(clock, more or None, by),
    )


def _whole_hour_after(at: datetime, prefs: Prefs) -> datetime:
    """The first full local hour at least one hour later."""
    try:
        later = at + _HOUR
        there = figures.local_time(later, prefs.zone)
        past = timedelta(minutes=there.minute, seconds=there.second, microseconds=there.microsecond)
        return later + (_HOUR - past if past else timedelta(0))
    except OverflowError:
        return at


def _credits(overview: PoolOverview, prefs: Prefs) -> Figure | None:
    found = overview.credits
    if found is None:
        return None
    worth = ""
    if found.accounts:
        text = figures.credits_text(found.total)
        worth = figures.usd_text(found.total, prefs.rules)
    else:
        text = words.UNLIMITED() if found.unlimited else UNKNOWN
    old = figures.credits_text(found.stale) if found.stale else ""
    beside = screen.credits_beside(found.unlimited, found.unknown, old)
    return Figure(
        screen.CREDITS(),
        text,
        "  ".join(part for part in (worth, beside) if part),
        Tone.STALE if old and found.stale == found.total else Tone.PLAIN,
    )


def _highest_weekly(overview: PoolOverview, prefs: Prefs) -> Figure | None:
    high = overview.highest_weekly
    if high is None:
        return None
    left = prefs.shown is Shown.LEFT
    percent = percent_text(high.used_percent, prefs.shown) + (f" {screen.LEFT()}" if left else "")
    reset = figures.countdown(high.resets_at, overview.now) if high.resets_at else ""
    return Figure(
        screen.WEEKLY_LOW() if left else screen.WEEKLY_MAX(),
        shown_name(high.judged.account, mask=prefs.mask),
        screen.weekly(percent, reset, high.more_full),
        Tone.STALE if high.judged.stale else scarcity(high.used_percent, prefs.rules),
        screen.weekly_short(percent, reset, high.more_full),
    )


def _outages(overview: PoolOverview, prefs: Prefs) -> list[Span]:
    """What keeps more than half of the pool from being read is one thing, and is said once."""
    read = [each for each in overview.accounts if each.status.kind not in _NOT_READ]
    lines = []
    for kind, instants in _since(read).items():
        if kind in _FROM_AFAR and len(instants) >= _OUTAGE_LEAST and len(instants) * 2 > len(read):
            # instants of trouble are by our own clock
            since = figures.clock(min(instants), overview.own_now, prefs.zone)
            outage = screen.outage if any(each.account.read_at for each in read) else screen.outage_unread
            told = outage(len(instants), len(read), trouble_words(kind), since)
            lines.append(Span(told, Tone.AMBER))
    return lines


def _down(state: PoolState, now: datetime, prefs: Prefs) -> list[Span]:
    return [
        Span(_down_line(source, source.failure, now, prefs), Tone.AMBER)
        for source in state.sources.values()
        if source.failure is not None
    ]


def _down_line(source: SourceState, failure: Failure, now: datetime, prefs: Prefs) -> str:
    kept = screen.numbers_kept(len(source.listings))
    if failure.retry_at is not None and failure.retry_at > now and failure.kind is FailureKind.THROTTLED:
        until = figures.clock(failure.retry_at, now, prefs.zone)
        return f"{source.name}: {throttled_until(until)}{kept}"
    why = trouble_words(failure.kind)
    if failure.kind in _FOR_A_PERSON and not prefs.mask:
        why = failure_text(failure).removeprefix(f"{source.name} ") + ","
    since = figures.clock(source.failing_since or now, now, prefs.zone)
    return screen.source_down(source.name, why, since) + kept


def _skew(offset: timedelta) -> list[Span]:
    """A clock that is wrong: resets and expiries are by the service's, and people read their own."""
    if abs(offset) <= _SKEW_LEAST:
        return []
    return [Span(screen.skew(figures.duration(abs(offset)), behind=offset > timedelta(0)), Tone.AMBER)]


def next_why(judged: Judged, reason: UpReason, now: datetime, prefs: Prefs) -> str:
    """One sentence for why this account is the next to use."""
    match reason:
        case UpReason.CREDITS_ONLY:
            return screen.ON_CREDITS()
        case UpReason.NO_WEEKLY:
            return f"{screen.WHY_NO_WEEKLY()}: {use_figures(judged, prefs)}"
        case UpReason.PERISHABLE:
            base = judged.account.usage.base
            weekly = [window for window in judged.account.usage.windows if window.kind == WEEKLY]
            resets = [own_reset(window, base.at) for window in weekly] if base is not None else []
            ahead = [resets_at for resets_at in resets if resets_at is not None and resets_at > now]
            told = use_figures(judged, prefs)
            if ahead:
                told += f", {screen.resets_in(figures.countdown(min(ahead), now))}"
            return f"{screen.WHY_PERISHABLE()}: {told}"


COLUMNS: Final = 38
#: A name shorter than this says nothing; then it is left out.
_LEAST_NAME: Final = 3
_MARKS: Final = (
    (Section.ACTIVE, "●", "ok"),
    (Section.EXHAUSTED, "◐", "ex"),
    (Section.NEEDS_YOU, "✕", "!!"),
    (Section.REST, "◌", "--"),
)


def status_line(
    overview: PoolOverview,
    outlook: PoolOutlook | None = None,
    *,
    zone: tzinfo | None = None,
    ascii_only: bool = False,
    mask: bool = False,
) -> str:
    """`pw ●44 ◐13 ✕3 next dev14 lasts Sun`, or `pw 44ok 13ex 3!! next dev14 back 47m`.

    The counts add up to all accounts. A leading `?` says that no reading is fresh. When it is long, the time
    until an account comes back is left out first, unless nobody knows whether the pool lasts; then the name
    is cut, then what lies ahead is left out, then the name.
    """
    from poolwatch.words import commands  # the screen says none of it

    if not overview.accounts:
        return commands.LINE_EMPTY()
    fresh = any(each.account.read_at is not None and not each.stale for each in overview.accounts)
    head = [f"{'' if fresh else '?'}{commands.LINE}", *_counts(overview, ascii_only)]
    back, up = overview.next_back, overview.next_up
    ahead = _ahead(outlook, overview, zone)
    tail = [commands.LINE_BACK(), figures.age(back.until - overview.now)] if back is not None else []
    tails = [[*tail, *ahead], ahead, tail, []] if ahead else [tail, []]
    if up is not None:
        label = _plain_label(up.judged.account, ascii_only=ascii_only, mask=mask)
        for rest in tails:
            room = COLUMNS - figures.width(" ".join([*head, commands.LINE_NEXT(), "", *rest]))
            whole = figures.width(label)
            if room >= (whole if ahead and rest is tails[0] else min(_LEAST_NAME, whole)):
                name = figures.fit(label, room, "~" if ascii_only else "…")
                return " ".join([*head, commands.LINE_NEXT(), name, *rest])
    lines = (" ".join([*head, *rest]) for rest in tails)
    return next((line for line in lines if figures.width(line) <= COLUMNS), " ".join(head))


def _ahead(outlook: PoolOutlook | None, overview: PoolOverview, zone: tzinfo | None) -> list[str]:
    """What lies ahead of the pool in a word or two; nothing if that is old."""
    if outlook is None or not is_recent(outlook.made_at, overview.own_now):
        return []
    relief, dry = outlook.relief_at, outlook.dry_earliest
    if relief is not None and relief <= overview.now:
        return []
    from poolwatch.words import commands  # likewise

    def day(at: datetime | None) -> str:
        return "" if at is None else figures.clock_short(max(at, overview.now), overview.now, zone)

    match outlook.verdict:
        case Verdict.LASTS:
            return [commands.line_lasts(day(relief))]
        case Verdict.MAY_RUN_DRY:
            return [commands.line_may_run_dry(day(dry))]
        case Verdict.DRY:
            return [commands.line_dry(day(relief))]
        case Verdict.UNKNOWN:
            return []


def _counts(overview: PoolOverview, ascii_only: bool) -> list[str]:
    counted = [(overview.by_section[section], section, *marks) for section, *marks in _MARKS]
    return [
        f"{count}{plain}" if ascii_only else f"{mark}{count}"
        for count, section, mark, plain in counted
        if count or section is not Section.REST
    ]


def _plain_label(account: AccountState, *, ascii_only: bool, mask: bool) -> str:
    """The label without its group and mail host."""
    name = shown_label(account, mask=mask).partition("@")[0] or account.key.id
    return "".join(char if char.isascii() else "?" for char in name) if ascii_only else name
