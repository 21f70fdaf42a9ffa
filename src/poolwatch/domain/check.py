"""Whether one may go on: what budgets and accounts say to `check` and `run`. Nothing here is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import Custody
from poolwatch.domain.budgets import Budget, BudgetState, Each, Level, Measured, MeasuredBy
from poolwatch.domain.failure import LoginProblem
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import Judged, PoolRules, Status
from poolwatch.domain.values import is_undated, replace

#: What session files tell is old when they were looked at longer ago.
SCAN_IS_OLD: Final = timedelta(minutes=15)
_RENEWED_BY_OTHERS: Final = frozenset({Custody.CODEX, Custody.OTHER, Custody.POOL})


class Verdict(StrEnum):
    """What the asker is told."""

    GO = "go"
    STOP = "stop"
    CANNOT_TELL = "cannot_tell"


class Why(StrEnum):
    """What a verdict rests on."""

    # of a budget
    WITHIN = "within"
    #: at its limit or over it, and its grace has not ended
    GRACE = "grace"
    OVER = "over"
    # of an account
    ACTIVE = "active"
    EXHAUSTED = "exhausted"
    NEEDS_LOGIN = "needs_login"
    DEACTIVATED = "deactivated"
    DISABLED = "disabled"
    # of the evidence for either
    NEVER_READ = "never_read"
    OLD = "old"
    #: it was read, and does not tell
    UNKNOWN = "unknown"


class Checked(Struct, frozen=True, eq=False):
    """What one budget or one account says; one of the two is there.

    `read_at` is when its evidence was last looked at, by our own clock; `until` when it says something else,
    as far as that is known. Both aware UTC.
    """

    verdict: Verdict
    why: Why
    read_at: datetime | None = None
    until: datetime | None = None
    budget: BudgetState | None = None
    account: Judged | None = None


class Check(Struct, frozen=True, eq=False):
    """The answer, with everything that was asked; `at` by our own clock.

    `none_read_at` is how old it is that no account matches: when the one was read that was read longest ago.
    """

    at: datetime
    verdict: Verdict
    findings: tuple[Checked, ...] = ()
    none_read_at: datetime | None = None

    def said(self, verdict: Verdict) -> tuple[Checked, ...]:
        """The findings that say this."""
        return tuple(each for each in self.findings if each.verdict is verdict)


def of_budgets(states: Iterable[BudgetState], now: datetime, rules: PoolRules) -> Check:
    """What these budgets say together: one that stops is enough, and each has to be known to go.

    All of them stop at their limits, whatever is configured: who asks for one has said so.
    """
    findings = tuple(of_budget(state, now, rules) for state in states)
    return Check(now, _together(findings), findings)


def of_budget(state: BudgetState, now: datetime, rules: PoolRules) -> Checked:
    """What one budget says as one that stops at its limit; what is known to be over it stops at any age.

    Of what is only known to be at least so much, that is what is held against the limit.
    """
    verdict, why, until = _of_budget(state, now, rules)
    return Checked(verdict, why, state.measured.read_at, until, budget=state)


def _of_budget(state: BudgetState, now: datetime, rules: PoolRules) -> tuple[Verdict, Why, datetime | None]:
    measured, resets_at = state.measured, state.period.resets_at
    if state.level is Level.STOPPED or state.level is Level.LIMIT:
        return Verdict.STOP, Why.OVER, resets_at
    in_grace = state.level is Level.GRACE
    until = state.grace_until if in_grace else resets_at
    if measured.read_at is None:
        return Verdict.CANNOT_TELL, Why.NEVER_READ, until
    if is_old(measured, now, rules):
        return Verdict.CANNOT_TELL, Why.OLD, until
    if state.level is None:
        return Verdict.CANNOT_TELL, Why.UNKNOWN, until
    return Verdict.GO, Why.GRACE if in_grace else Why.WITHIN, until


def is_old(measured: Measured, now: datetime, rules: PoolRules) -> bool:
    """Whether what tells how much was spent was last looked at too long ago, or never.

    Session files are read each minute, balances and windows when their accounts are polled.
    """
    oldest = SCAN_IS_OLD if measured.by is MeasuredBy.USAGE else rules.stale_after
    # what was read in the future was read under a wrong clock: nobody knows how old it is
    return measured.read_at is None or abs(now - measured.read_at) > oldest


def of_account(judged: Judged, now: datetime) -> Checked:
    """What one account says: go while it is active and its figures are fresh. `now` is the server's clock.

    An old reading stops only where time alone brings nothing back: before the reset that it names, and where
    the account was ended or turned off.
    """
    account, status = judged.account, judged.status
    base = account.usage.base
    read_at = account.read_at if base is None else base.at
    if read_at is not None and is_undated(read_at):
        read_at = None
    is_old = read_at is None or judged.stale_base
    verdict, why = _of_account(judged, now, is_old=is_old)
    if verdict is Verdict.CANNOT_TELL and is_old and account.without_usage is None:
        why = Why.NEVER_READ if read_at is None else Why.OLD
    until = status.until if status.until is not None and status.until > now else None
    return Checked(verdict, why, read_at, until, account=judged)


def _of_account(judged: Judged, now: datetime, *, is_old: bool) -> tuple[Verdict, Why]:
    status = judged.status
    match status.kind:
        case Status.DISABLED:
            return Verdict.STOP, Why.DISABLED
        case Status.DEACTIVATED:
            return Verdict.STOP, Why.DEACTIVATED
        case Status.NEEDS_LOGIN:
            # a token that ran out while nobody looked may have been renewed by the program that keeps it
            is_renewable = is_old and status.login_problem is LoginProblem.EXPIRED
            others = any(each.custody in _RENEWED_BY_OTHERS for each in judged.account.listings)
            return Verdict.CANNOT_TELL if is_renewable and others else Verdict.STOP, Why.NEEDS_LOGIN
        case Status.EXHAUSTED:
            may_be_back = is_old and (status.until is None or status.until <= now)
            return Verdict.CANNOT_TELL if may_be_back else Verdict.STOP, Why.EXHAUSTED
        case Status.ACTIVE:
            return Verdict.CANNOT_TELL if is_old else Verdict.GO, Why.ACTIVE
        case _:
            return Verdict.CANNOT_TELL, Why.UNKNOWN


def of_matches(matching: Sequence[Checked], others_that_may: Iterable[Checked], own_now: datetime) -> Check:
    """What the accounts say that a filter lets through: one that says go is enough.

    `others_that_may`: those that a new reading may let through; while theirs is old, nobody can tell.
    """
    findings, others = tuple(matching), tuple(others_that_may)
    if any(each.verdict is Verdict.GO for each in findings):
        return Check(own_now, Verdict.GO, findings)
    doubtful = tuple(each for each in others if each.verdict is Verdict.CANNOT_TELL)
    if doubtful or any(each.verdict is Verdict.CANNOT_TELL for each in findings):
        return Check(own_now, Verdict.CANNOT_TELL, findings + doubtful)
    read = [each.read_at for each in others if each.read_at is not None]
    none_read_at = None if findings else min(read, default=None)
    return Check(own_now, Verdict.STOP, findings, none_read_at)


def both(one: Check, other: Check) -> Check:
    """Two answers as one."""
    findings = one.findings + other.findings
    verdicts = {one.verdict, other.verdict}
    verdict = next(each for each in _STRONGEST if each in verdicts)
    return Check(one.at, verdict, findings)


#: One that stops is enough, and each has to be known to go.
_STRONGEST: Final = (Verdict.STOP, Verdict.CANNOT_TELL, Verdict.GO)


def _together(findings: Iterable[Checked]) -> Verdict:
    said = {each.verdict for each in findings}
    return next((each for each in _STRONGEST if each in said), Verdict.GO)


def of_nobody(budget: Budget, whole: BudgetState) -> BudgetState:
    """A budget of which nobody has spent anything of their own, read as the undivided one was."""
    measured = replace(whole.measured, spent=Decimal(0), estimated=Decimal(0), steps=())
    if whole.measured.spent is None:
        measured = replace(measured, spent=None)
    level = None if whole.measured.spent is None else Level.OK
    return BudgetState(budget, whole.period, measured, level)


def concerning(states: Iterable[BudgetState], account: AccountState) -> list[BudgetState]:
    """Those that an account's use counts to: where each account or group has its own, its alone.

    Who the user is, no account tells: all parts by user are among them.
    """
    own = {Each.ACCOUNT: account.key.id, Each.GROUP: account.name.group}
    return [
        state
        for state in states
        if state.whose is None or own.get(state.divided_by, state.whose) == state.whose
    ]


class Given(Struct, frozen=True):
    """An account, by its id, that is given out; `former` is when it was lately, None where it was not."""

    account_id: str
    former: datetime | None = None


def first_given(
    order: Sequence[str], given: Mapping[str, datetime], now: datetime, lasting: timedelta
) -> Given | None:
    """Which of these accounts to give out: the first that was not within that time, else the one longest ago.

    `given` has instants by account ids; one in the future was noted under a wrong clock and does not count.
    """
    recent = {
        each: at
        for each in order
        if (at := given.get(each)) is not None and timedelta(0) <= now - at < lasting
    }
    free = next((each for each in order if each not in recent), None)
    if free is not None:
        return Given(free)
    oldest = min(recent, key=lambda each: recent[each], default=None)
    return None if oldest is None else Given(oldest, recent[oldest])
