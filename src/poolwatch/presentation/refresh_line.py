"""One account's refresh as one line: the token step, then the usage step, then what changed."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Final

from poolwatch.domain.account import AccountKey, Custody, Listing, LoginKind
from poolwatch.domain.events import BulkProgress
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.refresh import (
    CREDITS_CHANGE,
    BlockReason,
    Change,
    RefreshProgress,
    TokenOutcome,
    TokenStep,
    UsageStep,
    usage_changes,
)
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import Section
from poolwatch.domain.values import is_undated
from poolwatch.presentation import figures
from poolwatch.presentation.figures import UNKNOWN, percent_number, percent_text
from poolwatch.presentation.masking import shown_name, shown_path, shown_text
from poolwatch.presentation.remedy import acting, import_command, sign_in_command
from poolwatch.presentation.view import Prefs, Tone
from poolwatch.words import account as words
from poolwatch.words import refresh
from poolwatch.words.account import token_words, trouble_words
from poolwatch.words.messages import failure_text, message_text

_RUN_BY_HAND = (BlockReason.CODEX_MISSING, BlockReason.DELEGATION_OFF, BlockReason.CODEX_LOGIN_DEAD)
_WITHOUT_USAGE = tuple(BlockReason(kind.value) for kind in LoginKind if not kind.has_usage)
#: After these the line has said all there is to say when the usage step had no token.
_SAYS_IT_ALL = (
    BlockReason.CODEX_RUNNING,
    BlockReason.CODEX_LATE,
    BlockReason.OTHER_MUST_RENEW,
    BlockReason.HOST_BUSY,
    *_WITHOUT_USAGE,
    *_RUN_BY_HAND,
)


def progress_line(
    progress: RefreshProgress,
    account: AccountState,
    now: datetime,
    prefs: Prefs,
    again: str = "",
) -> str:
    """`token ok 0.4s → usage ok 0.3s · weekly 71 → 0%`, and as much of it as is known while it runs.

    `again` is how a person asks once more where that takes a second word; without it, by the key.
    """
    parts = []
    if not progress.usage_only:
        parts.append(_token_part(progress, account, now, prefs, again))
    usage = _usage_part(progress, account, now, prefs)
    if usage:
        parts.append(usage)
    line = refresh.ARROW.join(part for part in parts if part) or refresh.NOTHING()
    changes = [change_text(change, prefs) for change in progress.changes] if progress.done else []
    return " · ".join([line, *changes])


def progress_short(progress: RefreshProgress, account: AccountState, now: datetime, prefs: Prefs) -> str:
    """Where the line is too long: what changed, for that is what was asked, or how the reading failed;
    and what another `r` can cost.

    Empty where the token step has more to say than either.
    """
    if not progress.done:
        return ""
    if progress.token is not None and progress.token.block is BlockReason.CODEX_LATE:
        return refresh.codex_is_late_short(progress.token.pid)
    if progress.usage is not None and progress.usage.failure is not None and not progress.token_failed:
        return _usage_part(progress, account, now, prefs)
    if progress.failed or not progress.changes:
        return ""
    return " · ".join([refresh.OK(), *(change_text(change, prefs) for change in progress.changes)])


def progress_tone(progress: RefreshProgress) -> Tone:
    """Running, gone well, or with a step that failed."""
    if not progress.done:
        return Tone.ACCENT
    return Tone.AMBER if progress.failed else Tone.GOOD


def bulk_line(bulk: BulkProgress) -> str:
    """A refresh of many: how far it is, then what it brought."""
    if bulk.done:
        counts = bulk.finished, bulk.total, bulk.failed, bulk.changed
        return refresh.bulk_done(*counts, usage_only=bulk.usage_only)
    return refresh.bulk(bulk.finished, bulk.total, bulk.failed)


def change_text(change: Change, prefs: Prefs) -> str:
    """One figure that moved: `weekly 71 → 0%`, `credits 12.50 → 10.00`."""
    if change.name == CREDITS_CHANGE:
        before = words.UNLIMITED() if change.was_unlimited else _amount(change.before)
        after = words.UNLIMITED() if change.is_unlimited else _amount(change.after)
        return refresh.change(change.name, before, after)
    name = words.window_name(change.name)
    was, now = _percent(change.before), _percent(change.after)
    return refresh.change(name, percent_number(was, prefs.shown), percent_text(now, prefs.shown))


def _token_part(
    progress: RefreshProgress, account: AccountState, now: datetime, prefs: Prefs, again: str
) -> str:
    step = progress.token
    listing = acting(account)
    if step is None:
        waits = progress.waits_for
        if progress.delegating and not (waits is not None and waits.stopped):
            return refresh.CODEX_RUNS()
        if progress.done:
            return ""
        return refresh.TOKEN_RUNS() if waits is None else refresh.waits(waits)
    custody = listing.custody if listing else Custody.OTHER
    match step.outcome:
        case TokenOutcome.REFRESHED if custody is Custody.POOL:
            return refresh.took(refresh.POOL_RENEWED(), step.took_seconds)
        case TokenOutcome.REFRESHED:
            return refresh.took(refresh.TOKEN_OK(), step.took_seconds)
        case TokenOutcome.DELEGATED:
            return refresh.took(refresh.CODEX_RENEWED(), step.took_seconds)
        case TokenOutcome.ADOPTED if custody is Custody.POOLWATCH:
            return refresh.ADOPTED()
        case TokenOutcome.ADOPTED | TokenOutcome.CURRENT:
            return _kept(step, account, custody, now, prefs)
        case TokenOutcome.NONE:
            return _nothing_to_renew(step, account, custody, prefs)
        case TokenOutcome.FAILED:
            return _failed(step, account, custody, now, prefs)
        case TokenOutcome.REJECTED_FOR_GOOD:
            if custody is Custody.POOL:
                return _failed(step, account, custody, now, prefs)
            return _rejected(progress, step, listing, now, prefs)
        case TokenOutcome.AMBIGUOUS:
            return refresh.lost(_clock(step.lost_at, now, prefs))
        case TokenOutcome.BLOCKED if step.block is BlockReason.CODEX_LATE:
            return refresh.codex_is_late(step.pid, again or refresh.second_r())
        case TokenOutcome.BLOCKED:
            return _blocked(step, account, listing, now, prefs)


def _kept(step: TokenStep, account: AccountState, custody: Custody, now: datetime, prefs: Prefs) -> str:
    listing = acting(account)
    expires = listing.token.expires_at if listing else None
    life = figures.age(expires - now) if expires is not None and expires > now else ""
    if custody is Custody.CODEX:
        return refresh.codex_keeps(life)
    if custody is Custody.POOL:
        return refresh.pool_renews(_pool_said(step, account, prefs))
    if custody is Custody.OTHER:
        return refresh.kept_by((listing.owner if listing else "") or words.ANOTHER_TOOL())
    return refresh.own_is_good(life)


def _nothing_to_renew(step: TokenStep, account: AccountState, custody: Custody, prefs: Prefs) -> str:
    listing = acting(account)
    if step.block in _WITHOUT_USAGE:
        return words.without_usage(LoginKind(step.block.value))
    if listing is not None and not listing.login.has_usage:
        return words.without_usage(listing.login)
    if custody is Custody.POOL or step.block is BlockReason.POOL_SKIPPED:
        return refresh.pool_renews(_pool_said(step, account, prefs))
    return refresh.PERSONAL()


def _pool_said(step: TokenStep, account: AccountState, prefs: Prefs) -> str:
    said = "" if step.said is None else message_text(step.said)
    return shown_text(said, account, mask=prefs.mask)


def _failed(step: TokenStep, account: AccountState, custody: Custody, now: datetime, prefs: Prefs) -> str:
    if step.failure is not None and step.failure.kind is FailureKind.KEPT:
        return refresh.kept(import_command(step.detail or "", prefs))
    said = failure_text(step.failure) if step.failure is not None else (step.detail or "")
    said = shown_text(said, account, mask=prefs.mask)
    if custody is Custody.POOL:
        return refresh.pool_failed(said)
    words = _failure_words(step.failure) if step.failure is not None else said
    at = step.retry_at if step.retry_at is not None and step.retry_at > now else None
    return refresh.failed(words or trouble_words(FailureKind.TOKEN_REFRESH), _clock(at, now, prefs))


def _rejected(
    progress: RefreshProgress, step: TokenStep, listing: Listing | None, now: datetime, prefs: Prefs
) -> str:
    why = token_words(step.problem or LoginProblem.REJECTED)
    if not _has_live_token(progress):
        return words.sign_in_again(why)
    expires = listing.token.expires_at if listing else None
    if expires is not None and expires <= now:
        return words.sign_in_again(why)
    return refresh.sign_in_before(figures.day(expires, now, prefs.zone) if expires else "", why)


def _has_live_token(progress: RefreshProgress) -> bool:
    """While the usage step is still to come, a token that could be sent is presumed."""
    return progress.usage.tried if progress.usage is not None else not progress.done


def _blocked(
    step: TokenStep, account: AccountState, listing: Listing | None, now: datetime, prefs: Prefs
) -> str:
    match step.block:
        case BlockReason.PATH | None:
            if step.failure is None:
                return refresh.not_writable(shown_path(step.detail or "", mask=prefs.mask))
            return refresh.not_spent(shown_text(failure_text(step.failure), account, mask=prefs.mask))
        case BlockReason.OTHER_MUST_RENEW:
            return refresh.must_renew(
                (listing.owner if listing else "") or step.detail or words.ANOTHER_TOOL()
            )
        case BlockReason.CODEX_RUNNING:
            return refresh.codex_is_open(step.pid)
        case BlockReason.ASK_FIRST:
            return refresh.ask_first(_clock(step.lost_at, now, prefs))
        case BlockReason.CODEX_MISSING | BlockReason.DELEGATION_OFF | BlockReason.CODEX_LOGIN_DEAD:
            return refresh.run(sign_in_command(listing, prefs) or "codex login")
        case BlockReason.POOL_SKIPPED:
            return refresh.pool_down(_pool_said(step, account, prefs))
        case _:
            said = shown_text(step.detail or "", account, mask=prefs.mask)
            return refresh.blocked(step.block) or said


def _usage_part(progress: RefreshProgress, account: AccountState, now: datetime, prefs: Prefs) -> str:
    usage, token = progress.usage, progress.token
    if usage is None:
        waits = progress.usage_only or token is not None
        return refresh.USAGE_RUNS() if waits and not progress.done else ""
    if not usage.tried:
        if account.custody is Custody.POOL:
            return _pool_not_asked(usage, token, account, now, prefs)
        return "" if _token_said_it_all(token) else refresh.NOT_TRIED()
    if usage.failure is None:
        return _usage_ok(usage, account, now, prefs)
    renewed = token is not None and token.outcome is TokenOutcome.REFRESHED
    if usage.failure.kind is FailureKind.UNAUTHORIZED and renewed:
        return refresh.NEW_TOKEN_REFUSED()
    if usage.cached_at is not None:
        return refresh.cached(_clock(usage.cached_at, now, prefs))
    return refresh.usage_failed(_failure_words(usage.failure), _clock(account.read_at, now, prefs))


def _pool_not_asked(
    usage: UsageStep, token: TokenStep | None, account: AccountState, now: datetime, prefs: Prefs
) -> str:
    """Why a pool gave no figures: it keeps its tokens to itself, so that none of them is the reason."""
    showing = _clock(account.read_at, now, prefs)
    listing = acting(account)
    if listing is not None and listing.disabled:
        return refresh.POOL_DISABLED()
    blocked = token is not None and token.outcome is TokenOutcome.BLOCKED
    if token is not None and blocked and token.block is BlockReason.POOL_SKIPPED:
        return refresh.usage_not_tried(showing)
    if usage.failure is not None:
        said = shown_text(failure_text(usage.failure), account, mask=prefs.mask)
        return refresh.usage_failed(said, showing)
    return refresh.usage_failed(refresh.pool_down(""), showing)


def _usage_ok(usage: UsageStep, account: AccountState, now: datetime, prefs: Prefs) -> str:
    if usage.cached_at is not None:
        return refresh.cached(_clock(usage.cached_at, now, prefs))
    pooled = account.custody is Custody.POOL
    return refresh.took(refresh.QUOTA_OK() if pooled else refresh.USAGE_OK(), usage.took_seconds)


def _token_said_it_all(token: TokenStep | None) -> bool:
    if token is None:
        return False
    if token.outcome is TokenOutcome.NONE:
        return token.block in _WITHOUT_USAGE
    return token.outcome is TokenOutcome.REJECTED_FOR_GOOD or token.block in _SAYS_IT_ALL


def _failure_words(failure: Failure) -> str:
    if failure.kind in (FailureKind.TOKEN_REFRESH, FailureKind.BLOCKED) and failure_text(failure):
        return failure_text(failure)
    return trouble_words(failure.kind)


def _clock(at: datetime | None, now: datetime, prefs: Prefs) -> str:
    return figures.clock(at, now, prefs.zone) if at is not None and not is_undated(at) else ""


def _percent(value: float | Decimal | None) -> float | None:
    return None if value is None else float(value)


def _amount(value: float | Decimal | None) -> str:
    return UNKNOWN if value is None else figures.credits_text(Decimal(value))


#: So many are named; of the rest there is a number.
_NAMED: Final = 3
_MOVED: Final = (Section.NEEDS_YOU, Section.ACTIVE, Section.EXHAUSTED)


def pool_diff(
    before: PoolOverview, after: PoolOverview, of: Collection[AccountKey], prefs: Prefs
) -> tuple[str, ...]:
    """What became of these accounts, what matters most first: `now active: lee, bob`, `dan weekly 98 → 0%`.

    What polls brought to others meanwhile is not told along with them.
    """
    both = [
        (was, now)
        for now in after.accounts
        if now.account.key in of and (was := before.by_key.get(now.account.key)) is not None
    ]
    texts = []
    for section in _MOVED:
        there = [now for was, now in both if now.section is section is not was.section]
        if there:
            found = [shown_name(each.account, mask=prefs.mask) for each in there]
            texts.append(refresh.moved_into(section, found[:_NAMED], max(0, len(found) - _NAMED)))
    moved = [
        (_size(change), now, change)
        for was, now in both
        for change in usage_changes(was.account.usage, now.account.usage)
        if was.section is now.section and _size(change) > 0
    ]
    moved.sort(key=lambda each: -each[0])
    texts += [
        f"{shown_name(now.account, mask=prefs.mask)} {change_text(change, prefs)}"
        for _, now, change in moved[:_NAMED]
    ]
    return tuple(texts)


def _size(change: Change) -> float:
    """By how many points a percentage moved; money is not compared with it."""
    if change.name == CREDITS_CHANGE or change.before is None or change.after is None:
        return 0.0
    return abs(float(change.after) - float(change.before))
