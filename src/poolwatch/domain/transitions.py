"""How one account's state follows a reading, a refresh, or a login that was replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.account import Custody, Listing, SourceRef
from poolwatch.domain.events import ReadingArrived, RefreshMoved
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, Trouble, worded
from poolwatch.domain.refresh import REFUSED, BlockReason, TokenOutcome, TokenStep, usage_changes
from poolwatch.domain.state import RECENT_KEPT, AccountState, DeadLogin, Happening
from poolwatch.domain.usage import UNKNOWN_KIND, Aged, RateLimit, UsageSnapshot, UsageWindow
from poolwatch.domain.values import is_undated, replace

#: Percentages are rounded, by some down and by others up.
_ROUNDING: Final = 1.0
#: What is used in a moment is no more than this.
_JUMP: Final = 10.0
_MOMENT: Final = timedelta(minutes=15)
#: For so long a word is kept against another pool's, once its own pool says nothing more.
_PATIENCE: Final = timedelta(hours=1)
#: After this a contradiction is history.
_REMEMBERED: Final = timedelta(days=1)
#: Resets that differ by less than this share of their window are one.
_WOBBLE: Final = 0.05


def told_of_base(account: AccountState, event: ReadingArrived) -> Aged[RateLimit] | None:
    """What a pool says of the base windows of an account that another pool has spoken of, if it does."""
    outcome, held = event.outcome, account.usage.base
    if not isinstance(outcome, UsageSnapshot) or not isinstance(outcome.base, RateLimit):
        return None
    if held is None or held.value is None or held.source == event.source:
        return None
    pools = {entry.ref.source for entry in account.listings if entry.custody is Custody.POOL}
    both = {held.source, event.source} <= pools
    return Aged(outcome.base, event.at, event.source) if both else None


def holds(account: AccountState, told: Aged[RateLimit], now: datetime) -> bool:
    """Whether the word that is shown stays, although another pool contradicts it.

    It does while it is not old, unless the other pool was only away: that one is asked before all others.
    """
    held = account.usage.base
    if held is None or held.value is None or not contradict(held, told):
        return False
    silent = {ref.source: why.since for ref, why in account.silent.items()}
    since = silent.get(held.source)
    if told.source in silent or (since is not None and now - since >= _PATIENCE):
        return False
    if is_undated(held.at):
        return is_undated(told.at)
    return now - held.at < _PATIENCE


def rival_after(
    before: AccountState, base: Aged[RateLimit] | None, told: Aged[RateLimit] | None, now: datetime
) -> Aged[RateLimit] | None:
    """What another pool says against `base`, which is shown from now on; `told` was just said."""
    if base is None or base.value is None:
        return None
    for other in (told, before.usage.base):
        if other is not None and told is not None and other.source != base.source:
            return other if contradict(base, other) else None
    rival = before.rival
    if rival is None or rival.value is None or rival.source == base.source:
        return None
    is_over = not is_undated(rival.at) and now - rival.at > _REMEMBERED
    return None if is_over or _agree(base.value, rival.value, now) else rival


def contradict(one: Aged[RateLimit], other: Aged[RateLimit]) -> bool:
    """Whether both cannot be true of one account: what is used of a window only grows until it resets."""
    early, late = (one, other) if one.at <= other.at else (other, one)
    if early.value is None or late.value is None:
        return False
    gap = None if is_undated(early.at) else late.at - early.at
    return any(_is_contradiction(was, now, gap, late.at) for was, now in _pairs(early.value, late.value))


def _pairs(one: RateLimit, other: RateLimit) -> list[tuple[UsageWindow, UsageWindow]]:
    there = {window.kind: window for window in other.windows if window.kind != UNKNOWN_KIND}
    return [(window, there[window.kind]) for window in one.windows if window.kind in there]


def _is_contradiction(was: UsageWindow, now: UsageWindow, gap: timedelta | None, at: datetime) -> bool:
    """`gap` is the time between them, None where nobody knows which is later."""
    if was.used_percent is None or now.used_percent is None:
        return False
    grown = now.used_percent - was.used_percent
    if gap is None:
        return abs(grown) > _JUMP
    if was.resets_at is not None and (was.resets_at <= at or _was_reset_early(was, now)):
        return False
    return grown < -_ROUNDING or (grown > _JUMP and gap <= _MOMENT)


def _was_reset_early(was: UsageWindow, now: UsageWindow) -> bool:
    """A banked reset begins a window before the last one is over."""
    if was.resets_at is None or now.resets_at is None:
        return False
    wobble = timedelta(seconds=(was.window_seconds or 0) * _WOBBLE)
    return now.resets_at - was.resets_at > wobble


def _agree(base: RateLimit, rival: RateLimit, now: datetime) -> bool:
    """Whether a window is left in which they differ."""
    return not any(
        abs(one.used_percent - other.used_percent) > _JUMP
        for one, other in _pairs(base, rival)
        if one.used_percent is not None and other.used_percent is not None
        if other.resets_at is None or other.resets_at > now
    )


def with_listings(account: AccountState, listings: Sequence[Listing]) -> AccountState:
    """The account under these entries; verdicts about tokens that no entry holds any more are forgotten."""
    if account.listings == tuple(listings) and not _has_verdicts(account):
        return account
    held = {listing.token.fingerprint for listing in listings}
    rejected = account.rejected & {mark for mark in held if mark is not None}
    refreshers = {listing.token.refresh_fingerprint for listing in listings}
    dead, trouble, rival = account.dead_login, account.login_trouble, account.rival
    if dead is not None and dead.refresh_fingerprint not in (None, *refreshers):
        dead, trouble = None, None
    if is_refused(account) and _takes_back(account.listings, listings):
        dead, trouble = None, None
    acted = account.acting.token.refresh_fingerprint if account.listings else None
    if dead is None and acted is not None and acted not in refreshers:
        trouble = None
    refs = {listing.ref for listing in listings}
    silent = {ref: why for ref, why in account.silent.items() if ref in refs}
    return replace(
        account,
        listings=tuple(listings),
        rejected=rejected,
        dead_login=dead,
        login_trouble=trouble,
        silent=silent if len(silent) < len(account.silent) else account.silent,
        # as long as its pool lists the account
        rival=rival if rival is not None and any(ref.source == rival.source for ref in refs) else None,
    )


def is_refused(account: AccountState) -> bool:
    """Whether a pool refused to renew the login, which stands until its own list says otherwise."""
    trouble = account.login_trouble
    return trouble is not None and trouble.kind is FailureKind.TOKEN_REFRESH and trouble.detail == REFUSED


def with_standing_refusal(account: AccountState, step: TokenStep) -> TokenStep:
    """The token step of a pool; one that the pool skipped leaves its last refusal standing."""
    trouble, dead = account.login_trouble, account.dead_login
    if trouble is None or not is_refused(account) or step.outcome is not TokenOutcome.CURRENT:
        return step
    return replace(
        step,
        outcome=TokenOutcome.FAILED if dead is None else TokenOutcome.REJECTED_FOR_GOOD,
        block=None,
        problem=None if dead is None else dead.problem,
        failure=Failure(trouble.kind, trouble.code, trouble.arguments, trouble.retry_at, trouble.detail),
        detail=trouble.detail,
        retry_at=trouble.retry_at,
    )


def _takes_back(before: Sequence[Listing], listings: Sequence[Listing]) -> bool:
    """Whether a pool lists an entry as good again: it works where it did not, or its token is a later one."""
    held = {each.ref: each for each in before if each.custody is Custody.POOL}
    for now in listings:
        was = held.get(now.ref)
        if was is None:
            continue
        ends, ended = now.token.expires_at, was.token.expires_at
        is_later = ends is not None and ended is not None and ends > ended
        if is_later or (now.says_login_works and not was.says_login_works):
            return True
    return False


def _has_verdicts(account: AccountState) -> bool:
    """Whether anything stands that depends on which tokens and entries there are."""
    return bool(
        account.rejected
        or account.silent
        or account.rival is not None
        or account.dead_login is not None
        or account.login_trouble is not None
    )


def after_read(account: AccountState, event: ReadingArrived) -> AccountState:
    """The account after one source was asked for its usage."""
    if isinstance(event.outcome, Failure):
        return _read_failed(account, event, event.outcome)
    now = event.asked_at or event.at
    told = told_of_base(account, event)
    stays = told is not None and holds(account, told, now)
    said = UsageSnapshot() if stays else event.outcome
    usage = account.usage.merged(said, event.at, event.source, now)
    changes = usage_changes(account.usage, usage)
    undated = is_undated(event.at)
    learnt_at = now if undated else event.at
    lately = _late(account, Happening(learnt_at, changes=changes)) if changes else account.lately
    before = account.read_at
    if undated or stays:
        read_at = usage.newest or event.at
    else:
        # what is dated after now was read while the clock was ahead
        read_at = event.at if before is None or before > now else max(event.at, before)
    read = replace(
        account,
        usage=usage,
        read_at=read_at,
        tried_at=now,
        failures=0,
        lately=lately,
        silent=_silent(account, event),
        rival=rival_after(account, usage.base, told, now),
    )
    trouble = account.reading_trouble
    if trouble is not None and learnt_at < trouble.since <= now:
        return read  # a pool's cached figures from before the trouble do not say that it is over
    return replace(read, reading_trouble=None, deactivations=0)


def _silent(account: AccountState, event: ReadingArrived) -> Mapping[SourceRef, Trouble]:
    """Who keeps silent while this source speaks; a silence is as old as its first failure in a row."""
    silent = {ref: why for ref, why in account.silent.items() if ref.source != event.source}
    said_at = event.asked_at or event.at
    for ref, failure in event.despite:
        former = silent.get(ref)
        since = former.since if former is not None and former.kind is failure.kind else said_at
        silent[ref] = failure.since(since)
    return silent


def _read_failed(account: AccountState, event: ReadingArrived, failure: Failure) -> AccountState:
    tried = replace(account, tried_at=event.asked_at or event.at, failures=account.failures + 1)
    former = account.reading_trouble
    again = former is not None and former.kind is failure.kind
    if not again and not _just_said(account, failure):
        tried = replace(tried, lately=_late(account, Happening(event.at, failure=failure)))
    if failure.kind is FailureKind.UNAUTHORIZED:
        mark = event.token_fingerprint
        rejected = account.rejected | {mark} if mark else account.rejected
        return replace(tried, rejected=rejected, reading_trouble=None)
    if failure.kind is FailureKind.NO_TOKEN:
        return replace(tried, failures=account.failures)
    # only a good reading says that an account is not deactivated: an unreachable service says nothing
    said = account.deactivations + (failure.kind is FailureKind.DEACTIVATION_REPORTED)
    since = former.since if former is not None and again else event.at
    return replace(tried, reading_trouble=failure.since(since), deactivations=said)


def _just_said(account: AccountState, failure: Failure) -> bool:
    latest = account.lately[0].failure if account.lately else None
    return latest is not None and latest.kind is failure.kind


def after_refresh(account: AccountState, event: RefreshMoved) -> AccountState:
    """The account after its refresh moved on; each step's verdict and the end are taken in once."""
    progress = event.progress
    if progress is None:
        return replace(account, refresh=None)
    moved = replace(account, refresh=progress)
    former = account.refresh
    if progress.token is not None and (former is None or former.token is not progress.token):
        moved = _after_token_step(moved, progress.token, event.at)
    ended = former is not None and former.done and former.started_at == progress.started_at
    if progress.done and not ended:
        moved = replace(moved, lately=_late(moved, Happening(event.at, refresh=progress)))
    return moved


def _after_token_step(account: AccountState, step: TokenStep, at: datetime) -> AccountState:
    standing = account.login_trouble
    # that two files hold one login is learnt and forgotten by listing them
    lasting = standing if standing is not None and standing.kind is FailureKind.CONFLICT else None
    match step.outcome:
        case TokenOutcome.REFRESHED | TokenOutcome.ADOPTED | TokenOutcome.DELEGATED:
            return replace(account, login_trouble=lasting, dead_login=None)
        case TokenOutcome.CURRENT if account.dead_login is None and not account.ambiguous:
            return replace(account, login_trouble=lasting)
        case TokenOutcome.REJECTED_FOR_GOOD:
            dead = DeadLogin(step.refresh_fingerprint, step.problem or LoginProblem.REJECTED, at)
            former = account.dead_login
            if former is not None and former == replace(dead, since=former.since):
                dead = former
            return replace(account, dead_login=dead, login_trouble=_login_trouble(account, step, at))
        case TokenOutcome.BLOCKED if step.block is BlockReason.CODEX_LOGIN_DEAD:
            dead = DeadLogin(step.refresh_fingerprint, step.problem or LoginProblem.REJECTED, at)
            return replace(account, dead_login=dead, login_trouble=lasting)
        case TokenOutcome.AMBIGUOUS:
            return replace(account, login_trouble=_login_trouble(account, step, at))
        case TokenOutcome.FAILED if not account.ambiguous:
            return replace(account, login_trouble=_login_trouble(account, step, at))
        case TokenOutcome.BLOCKED if step.failure is not None and not account.ambiguous:
            return replace(account, login_trouble=_login_trouble(account, step, at))
        case _:
            # a lost reply stays lost until a later exchange is answered
            return account


def _login_trouble(account: AccountState, step: TokenStep, at: datetime) -> Trouble:
    kind = FailureKind.TOKEN_REFRESH
    if step.outcome is TokenOutcome.AMBIGUOUS:
        kind = FailureKind.AMBIGUOUS
    elif step.outcome is TokenOutcome.BLOCKED and step.failure is not None:
        kind = step.failure.kind
    former = account.login_trouble
    since = step.lost_at or (former.since if former is not None and former.kind is kind else at)
    why = step.failure or worded(kind, step.detail or "")
    return Trouble(kind, why.code, since, why.arguments, step.retry_at, step.detail)


def _late(account: AccountState, happening: Happening) -> tuple[Happening, ...]:
    return (happening, *account.lately)[:RECENT_KEPT]
