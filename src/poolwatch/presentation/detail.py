"""Everything known of one account, line by line."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import chain
from typing import Final

from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.state import AccountState, Happening, PoolState
from poolwatch.domain.status import Judged, Section, Status, is_stale, signed_out
from poolwatch.domain.usage import BASE_BUCKET, FIELD_NAMES, Aged, BankedReset, RateLimit, windows_by_length
from poolwatch.domain.values import UNDATED, is_undated, replace
from poolwatch.presentation import figures, outlook, rows
from poolwatch.presentation.card import card_view, caveats, keeper_text, status_text, trouble_text
from poolwatch.presentation.figures import percent_text
from poolwatch.presentation.masking import shown_path, shown_text
from poolwatch.presentation.refresh_line import change_text, progress_line
from poolwatch.presentation.remedy import Remedy, acting, remedy
from poolwatch.presentation.rows import Measured
from poolwatch.presentation.view import DetailLine, DetailView, Glyph, Prefs, SourceRow, Span, Tone
from poolwatch.words import account as words
from poolwatch.words import outlook as outlook_words
from poolwatch.words import refresh, screen
from poolwatch.words.messages import failure_text, message_text

_DOT: Final = " · "
#: Of these the status tells what happened and what to do.
_ADVISED: Final = (Status.NEEDS_LOGIN, Status.DEACTIVATED)
#: What these troubles say, the status of such an account says already.
_SAID_BY_STATUS: Final = (
    FailureKind.AMBIGUOUS,
    FailureKind.TOKEN_REFRESH,
    FailureKind.DEACTIVATION_REPORTED,
)
#: No more resets than these have a line of their own.
_RESET_LINES: Final = 8
#: A count and a list of one reading are this near to each other.
_AS_OLD: Final = timedelta(minutes=1)


def detail_view(
    judged: Judged, state: PoolState, now: datetime, prefs: Prefs, cost: tuple[str, str] | None = None
) -> DetailView:
    """The detail screen of one account, as judged at `now` (the server's clock, UTC).

    `cost`: of its use today and in 30 days, where session files tell.
    """
    account = judged.account
    read = screen.NOT_READ()
    if account.read_at is not None and is_undated(account.read_at):
        read = words.AGE_UNKNOWN()
    elif account.read_at is not None:
        clock = figures.clock(account.read_at, now, prefs.zone)
        read = screen.read(clock, figures.age(prefs.own(now) - account.read_at))
    found = remedy(judged, now, prefs) if judged.status.kind in _ADVISED else None
    return DetailView(
        card=card_view(judged, now, prefs),
        workspace=_workspace(account, prefs),
        read=read,
        status=_status(judged, now, prefs, found),
        figures=(
            *_trouble(judged, now, prefs),
            *_windows(judged, now, prefs),
            *_disputed(account, now, prefs),
            *_outlook(judged, now, prefs),
            *_cost(cost),
            *_money(account, now, prefs),
            *_resets(account, now, prefs),
        ),
        about=(
            *_login(judged, now, prefs),
            *_plan(account, now, prefs),
            *_sources(judged, state, now, prefs),
            *_lately(account, now, prefs),
            DetailLine(screen.RAW(), (Span(screen.RAW_LINE(), Tone.DIM),)),
        ),
        command=found.command if found is not None else "",
        advises=found is not None,
    )


def _workspace(account: AccountState, prefs: Prefs) -> str:
    """Personal accounts repeat the user id as account id, which names no workspace."""
    named = next((listing.workspace for listing in account.listings if listing.workspace), None)
    if named is not None:
        return screen.workspace(shown_text(named, account, mask=prefs.mask))
    ids = account.key
    if not ids.account_id or ids.account_id == ids.user_id or ids.account_id.startswith("user-"):
        return ""
    return screen.workspace(ids.account_id[:8])


def _status(judged: Judged, now: datetime, prefs: Prefs, found: Remedy | None) -> str:
    status = judged.status
    if found is not None:
        told = found.advice
    elif status.kind is Status.EXHAUSTED:
        until = figures.instant(status.until, now, prefs.zone) if status.until else ""
        left = figures.countdown(status.until, now) if status.until else ""
        told = words.exhausted_at_length(status.reason, until, left)
    else:
        told = status_text(judged, now, prefs, short=False)
    return _DOT.join([told, *caveats(judged, now)])


def _trouble(judged: Judged, now: datetime, prefs: Prefs) -> list[DetailLine]:
    trouble = judged.account.trouble
    if trouble is None or (judged.status.kind in _ADVISED and trouble.kind in _SAID_BY_STATUS):
        return []
    told = trouble_text(judged, trouble, now, prefs)
    said = shown_text(failure_text(trouble), judged.account, mask=prefs.mask)
    text = f"{told}: {said}" if said and said != told else told
    tone = Tone.RED if judged.section is Section.NEEDS_YOU else Tone.AMBER
    return [DetailLine(screen.TROUBLE(), (Span(text, tone, Glyph.TROUBLE),))]


def _windows(judged: Judged, now: datetime, prefs: Prefs) -> list[DetailLine]:
    account, ahead = judged.account, outlook.weekly_ahead(judged, now, prefs)
    even = ahead.even_percent if isinstance(ahead, Forecast) else None
    base = [
        replace(each, row=replace(each.row, bucket=BASE_BUCKET))
        for each in rows.base_rows(account.usage, now, prefs, even)
    ]
    others = rows.bucket_rows(account.usage, now, prefs)
    found = [_window_line(each, now, prefs) for each in chain(base, *others)]
    found += [
        DetailLine(
            spans=(Span(f"{words.bucket_name(bucket.id, bucket.name)}: {screen.NO_WINDOW()}", Tone.DIM),)
        )
        for bucket, _ in rows.other_buckets(account.usage)
        if bucket.limit is None or not bucket.limit.windows
    ]
    if not base:
        note = screen.NO_WINDOWS() if account.read_at is not None else screen.NOT_READ()
        found.insert(0, DetailLine(spans=(Span(note, Tone.DIM),)))
    titles = (Span(figures.shown_word(prefs.shown).upper(), Tone.DIM), Span(screen.RESETS_COLUMN(), Tone.DIM))
    return [DetailLine(screen.WINDOWS(), titles), *found]


def _outlook(judged: Judged, now: datetime, prefs: Prefs) -> list[DetailLine]:
    """Whether the weekly window lasts, and how fast it goes."""
    told = [DetailLine(spans=(Span(*line),)) for line in outlook.forecast_lines(judged, now, prefs)]
    burnt = outlook.burn_text(judged, prefs.own(now))
    burn = [DetailLine(outlook_words.BURN(), (Span(burnt),))] if burnt else []
    return [*_headed(outlook_words.FORECAST(), told), *burn]


def _cost(cost: tuple[str, str] | None) -> list[DetailLine]:
    return [DetailLine(outlook_words.COST(), (Span(outlook_words.account_cost(*cost)),))] if cost else []


def _disputed(account: AccountState, now: datetime, prefs: Prefs) -> list[DetailLine]:
    """What each of two pools says that disagree; the figures of the first are those that are shown."""
    base, rival = account.usage.base, account.rival
    if base is None or rival is None:
        return []
    return [DetailLine(spans=(Span(_saying(told, now, prefs), Tone.AMBER),)) for told in (base, rival)]


def _saying(told: Aged[RateLimit], now: datetime, prefs: Prefs) -> str:
    said = [
        f"{words.window_name(window.kind)} {percent_text(window.used_percent, prefs.shown)}"
        for window in (windows_by_length(told.value) if told.value is not None else ())
    ]
    age = "" if is_undated(told.at) else figures.age(prefs.own(now) - told.at)
    return screen.says(told.source, ", ".join(said) or screen.NO_WINDOW(), age)


def _window_line(each: Measured, now: datetime, prefs: Prefs) -> DetailLine:
    resets_at = figures.instant(each.resets_at, now, prefs.zone) if each.resets_at else ""
    return DetailLine(window=each.row, resets_at=resets_at)


def _money(account: AccountState, now: datetime, prefs: Prefs) -> list[DetailLine]:
    usage = account.usage
    row = rows.credits_row(usage, prefs.own(now), prefs.rules)
    if row is not None:
        parts = [f"{words.CREDITS()} {row.balance}", row.usd, row.mark]
        told, tone = _DOT.join(part for part in parts if part), Tone.STALE if row.stale else row.tone
    else:
        unknown = usage.credits is None or not usage.credits.known
        told, tone = screen.CREDITS_UNKNOWN() if unknown else screen.NO_CREDITS(), Tone.DIM
    spend = usage.spend
    if spend is None or spend.value is None or not spend.value.limits:
        unknown = spend is None or not spend.known
        told += _DOT + (screen.SPEND_UNKNOWN() if unknown else screen.NO_SPEND_LIMIT())
        return [DetailLine(screen.MONEY(), (Span(told, tone),))]
    old = is_stale(spend.at, prefs.own(now), prefs.rules)
    lines = [DetailLine(screen.MONEY(), (Span(told, tone),))]
    for limit in spend.value.limits:
        percent = percent_text(rows.limit_percent(limit))
        amounts = [
            figures.credits_text(amount) if amount is not None else figures.UNKNOWN
            for amount in (limit.used, limit.limit)
        ]
        text = f"{words.limit_name(limit.kind)}: {screen.spent(amounts[0], amounts[1], percent)}"
        if limit.resets_at is not None:
            text += f", {screen.resets_in(rows.reset_text(limit.resets_at, now))}"
        lines.append(DetailLine(spans=(Span(text, Tone.STALE if old else Tone.PLAIN),)))
    return lines


def _resets(account: AccountState, now: datetime, prefs: Prefs) -> list[DetailLine]:
    """The count as the source gave it, then what the list shows, with the list's age where the two differ."""
    count, listed = account.usage.reset_credits, account.usage.reset_list
    usable = account.usage.usable_resets(now)
    if count is None and not usable:
        return []
    available = count.value.available if count is not None and count.value is not None else None
    is_old = count is not None and is_stale(count.at, prefs.own(now), prefs.rules)
    told = Span(_count_text(account, now, prefs), Tone.STALE if is_old else Tone.PLAIN)
    lines = [DetailLine(screen.RESETS(), (told,))]
    if listed is not None and listed.value is not None and len(usable) != available:
        is_alike = count is not None and abs(count.at - listed.at) < _AS_OLD
        age = "" if is_alike else figures.age_of(listed.at, prefs.own(now))
        lines.append(_reset_line(screen.list_shows(age, len(usable)), Tone.DIM))
    lines += [_reset_line(_reset_text(each, account, now, prefs)) for each in usable[:_RESET_LINES]]
    if len(usable) > _RESET_LINES:
        lines.append(_reset_line(screen.more_resets(len(usable) - _RESET_LINES), Tone.DIM))
    return lines


def _count_text(account: AccountState, now: datetime, prefs: Prefs) -> str:
    count = account.usage.reset_credits
    banked = count.value if count is not None else None
    if banked is None or banked.available is None:
        return screen.RESETS_UNKNOWN()
    if not banked.available:
        return screen.NO_RESETS()
    text = screen.banked(banked.available, banked.applicable)
    nearest = account.usage.nearest_reset_expiry(now)
    if nearest is None:
        return text
    at = figures.dated_instant(nearest, now, prefs.zone)
    return f"{text}, {screen.nearest_expires(at, figures.countdown(nearest, now))}"


def _reset_text(reset: BankedReset, account: AccountState, now: datetime, prefs: Prefs) -> str:
    if reset.ends_at is not None:
        at = figures.dated_instant(reset.ends_at, now, prefs.zone)
        text = screen.reset_expires(at, figures.countdown(reset.ends_at, now))
    else:
        text = screen.RESET_NEVER_EXPIRES() if reset.expiry_known else screen.RESET_EXPIRY_UNKNOWN()
    if reset.title:
        text += f" · {shown_text(reset.title, account, mask=prefs.mask)}"
    return text


def _reset_line(text: str, tone: Tone = Tone.PLAIN) -> DetailLine:
    return DetailLine(spans=(Span(text, tone),))


def _login(judged: Judged, now: datetime, prefs: Prefs) -> list[DetailLine]:
    listing = acting(judged.account)
    if listing is None:
        return [DetailLine(screen.LOGIN(), (Span(screen.NOT_LISTED(), Tone.DIM),))]
    owner = "" if listing.custody is Custody.POOL else listing.owner
    path = shown_path(listing.path, mask=prefs.mask) if listing.path else ""
    told = screen.owned_by(owner or keeper_text(judged), path)
    expires = listing.token.expires_at
    if expires is not None and expires > now:
        day = figures.weekday_and_day(expires, now, prefs.zone)
        told += _DOT + screen.token_to(day, figures.age(expires - now))
    elif expires is not None:
        told += _DOT + screen.token_expired(figures.age(now - expires))
    lines = [DetailLine(screen.LOGIN(), (Span(told),))]
    if judged.status.kind is Status.NEEDS_LOGIN:
        return lines
    if listing.problem:
        why = shown_text(message_text(listing.problem), judged.account, mask=prefs.mask)
        lines.append(DetailLine(spans=(Span(why, Tone.RED),)))
    return [*lines, DetailLine(spans=(Span(_explained(judged.account, listing, prefs), Tone.DIM),))]


def _explained(account: AccountState, listing: Listing, prefs: Prefs) -> str:
    """What a refresh does with the login as it is: it promises nothing that it would not do."""
    if listing.custody is Custody.POOLWATCH:
        trouble = account.login_trouble
        if trouble is not None and trouble.kind is FailureKind.CONFLICT:
            return screen.SHARED_EXPLAINED()
        if account.dead_login is not None:
            return screen.DEAD_EXPLAINED()
    if listing.custody is Custody.CODEX and not prefs.delegates:
        return screen.UNDELEGATED_EXPLAINED()
    return screen.custody_explained(listing.custody)


def _plan(account: AccountState, now: datetime, prefs: Prefs) -> list[DetailLine]:
    """When the paid time ends, by the entry that was checked last."""
    paid = [listing for listing in account.listings if listing.subscription_until]
    newest = max(paid, key=lambda each: each.subscription_checked_at or UNDATED, default=None)
    if newest is None or newest.subscription_until is None:
        return []
    checked = newest.subscription_checked_at
    as_of = figures.day(checked, now, prefs.zone) if checked else ""
    text = screen.paid_until(figures.day(newest.subscription_until, now, prefs.zone), as_of)
    return [DetailLine(screen.PLAN(), (Span(text),))]


def _sources(judged: Judged, state: PoolState, now: datetime, prefs: Prefs) -> list[DetailLine]:
    account = judged.account
    logins = signed_out(account, now)
    if judged.status.kind is Status.NEEDS_LOGIN and len(account.listings) == 1:
        # the status tells it
        logins = {}
    found = []
    for listing in account.listings:
        told, at = _told_by(account, listing)
        source = state.sources.get(listing.ref.source)
        failure = source.failure if source is not None else None
        silent, login = account.silent.get(listing.ref), logins.get(listing.ref)
        if failure is not None:
            told = screen.down(words.trouble_words(failure.kind))
        elif login is not None:
            told = words.login_words(login)
        elif silent is not None:
            told = words.trouble_words(silent.kind)
        row = SourceRow(
            listing.ref.source,
            shown_path(listing.path, mask=prefs.mask) if listing.path else "",
            figures.age_of(at, prefs.own(now)),
            told,
            Tone.AMBER if failure or login or silent else Tone.PLAIN,
        )
        found.append(DetailLine(source=row))
    return _headed(screen.SOURCES(), found)


def _told_by(account: AccountState, listing: Listing) -> tuple[str, datetime | None]:
    """The fields whose newest word is this source's, and when it spoke last."""
    fields: list[str] = []
    spoken: list[datetime] = []
    for name in FIELD_NAMES:
        aged: Aged[object] | None = getattr(account.usage, name)
        if aged is not None and aged.source == listing.ref.source:
            spoken.append(aged.at)
            if told := screen.field_name(name):
                fields.append(told)
    if listing.token.expires_at is not None:
        fields.append(screen.TOKEN_FIELD())
    return ", ".join(fields) or screen.NO_FIELDS(), max(spoken, default=None)


def _lately(account: AccountState, now: datetime, prefs: Prefs) -> list[DetailLine]:
    return _headed(
        screen.RECENT(),
        (
            DetailLine(
                spans=(
                    Span(f"{figures.clock(each.at, now, prefs.zone)}  ", Tone.DIM),
                    Span(_happening(each, account, now, prefs)),
                )
            )
            for each in account.lately
        ),
    ) or [DetailLine(screen.RECENT(), (Span(screen.NOTHING_YET(), Tone.DIM),))]


def _happening(each: Happening, account: AccountState, now: datetime, prefs: Prefs) -> str:
    if each.refresh is not None:
        line = progress_line(each.refresh, _as_of(each.at, account), each.at, prefs)
        return refresh.step(line)
    if each.failure is not None:
        return words.trouble_words(each.failure.kind)
    return ", ".join(change_text(change, prefs) for change in each.changes)


def _as_of(at: datetime, account: AccountState) -> AccountState:
    """Without what an earlier refresh knew nothing of: a token renewed since, a later reading's time."""
    listings = tuple(_with_token_of(at, each) for each in account.listings)
    read_at = account.read_at if account.read_at is not None and account.read_at <= at else None
    return replace(account, listings=listings, read_at=read_at)


def _with_token_of(at: datetime, listing: Listing) -> Listing:
    token = listing.token
    if token.last_refresh is not None and token.last_refresh <= at:
        return listing
    return replace(listing, token=replace(token, expires_at=None))


def _headed(heading: str, lines: Iterable[DetailLine]) -> list[DetailLine]:
    """The lines, the first of them under the heading."""
    found = list(lines)
    return [replace(found[0], heading=heading), *found[1:]] if found else []
