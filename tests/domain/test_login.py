"""When a login needs somebody, and who: by custody, by what the token step said, and by the clock."""

from __future__ import annotations

from datetime import datetime

import pytest

from poolwatch.domain.account import Custody, Listing, LoginKind, TokenFacts
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import Status, derive_status, login_problem, token_is_live, will_renew
from tests.domain.make import (
    EXPIRED,
    T0,
    after,
    failure,
    key,
    listing,
    moved,
    pool_of,
    read,
    reading,
    step,
    token,
    window,
)

FILES = [Custody.POOLWATCH, Custody.CODEX, Custody.OTHER, Custody.STATIC]


def problem_of(pool: PoolState, now: datetime = T0) -> LoginProblem | None:
    return login_problem(pool.accounts[key()], now)


def pool_entry(*, dead: bool = False) -> Listing:
    return listing(
        source="pool", place="p1", custody=Custody.POOL, facts=TokenFacts(), says_login_needed=dead
    )


@pytest.mark.parametrize(
    ("entry", "rejected", "live"),
    [
        (listing(), frozenset[str](), True),
        (listing(), frozenset({"access-1"}), False),
        (listing(), frozenset({"access-2"}), True),
        (listing(facts=EXPIRED), frozenset[str](), False),
        (listing(facts=token(expires=T0)), frozenset[str](), False),
        (listing(facts=token(expires=after(seconds=1))), frozenset[str](), True),
        (listing(facts=TokenFacts(fingerprint="access-1")), frozenset[str](), True),
        (listing(facts=TokenFacts(expires_at=after(days=1))), frozenset[str](), False),
        (listing(problem="not readable"), frozenset[str](), False),
        (listing(login=LoginKind.API_KEY), frozenset[str](), False),
        (listing(login=LoginKind.PERSONAL_ACCESS_TOKEN), frozenset[str](), True),
    ],
)
def test_a_live_token(entry: Listing, rejected: frozenset[str], live: bool) -> None:
    assert token_is_live(entry, rejected, T0) is live


@pytest.mark.parametrize("custody", FILES)
def test_a_live_token_needs_nobody_a_dead_one_does_under_every_custody(custody: Custody) -> None:
    assert problem_of(pool_of(listing(custody=custody))) is None
    assert problem_of(pool_of(listing(custody=custody, facts=EXPIRED))) is LoginProblem.EXPIRED
    refused = read(pool_of(listing(custody=custody)), failure(FailureKind.UNAUTHORIZED))
    assert problem_of(refused) is LoginProblem.REJECTED


def test_a_token_dies_by_the_clock_alone() -> None:
    pool = pool_of(listing(facts=token(expires=after(hours=1))))
    assert problem_of(pool, after(minutes=59)) is None
    assert problem_of(pool, after(minutes=61)) is LoginProblem.EXPIRED


@pytest.mark.parametrize("facts", [EXPIRED, token(mark=None)])
def test_a_login_that_renews_itself_needs_nobody(facts: TokenFacts) -> None:
    assert problem_of(pool_of(listing(facts=facts, renews_itself=True))) is None
    refused = read(pool_of(listing(renews_itself=True)), failure(FailureKind.UNAUTHORIZED))
    assert problem_of(refused) is None


def test_a_pool_is_believed_about_its_logins() -> None:
    assert problem_of(pool_of(pool_entry())) is None
    assert problem_of(pool_of(pool_entry(dead=True))) is LoginProblem.SAID_BY_POOL


def test_one_living_source_is_enough() -> None:
    dead_file, live_file = listing(facts=EXPIRED), listing()
    assert problem_of(pool_of(dead_file, pool_entry())) is None
    assert problem_of(pool_of(live_file, pool_entry(dead=True))) is None
    assert problem_of(pool_of(dead_file, pool_entry(dead=True))) is LoginProblem.EXPIRED
    other = listing(place="copy", facts=token(mark="access-2"))
    assert problem_of(pool_of(dead_file, other)) is None


def test_a_disabled_entry_says_nothing_about_the_login() -> None:
    assert problem_of(pool_of(listing(disabled=True, facts=EXPIRED))) is None
    disabled_live = listing(place="copy", disabled=True, facts=token(mark="access-2"))
    assert problem_of(pool_of(listing(facts=EXPIRED), disabled_live)) is LoginProblem.EXPIRED


def test_api_keys_need_no_login_but_do_not_lend_one() -> None:
    for kind in (LoginKind.API_KEY, LoginKind.AGENT_IDENTITY, LoginKind.KEYRING):
        assert problem_of(pool_of(listing(login=kind, facts=EXPIRED))) is None
    beside = listing(place="key", login=LoginKind.API_KEY)
    assert problem_of(pool_of(listing(facts=EXPIRED), beside)) is LoginProblem.EXPIRED


def test_a_file_that_cannot_be_used_is_named_as_such() -> None:
    broken = listing(problem="not readable: permission denied")
    assert problem_of(pool_of(broken)) is LoginProblem.UNUSABLE_FILE
    stuck = listing(problem="not readable: permission denied", renews_itself=True)
    assert problem_of(pool_of(stuck)) is LoginProblem.UNUSABLE_FILE
    beside = listing(place="copy", facts=EXPIRED)
    assert problem_of(pool_of(broken, beside)) is LoginProblem.EXPIRED


@pytest.mark.parametrize(
    "problem", [LoginProblem.INVALIDATED, LoginProblem.USED_ELSEWHERE, LoginProblem.REFRESH_EXPIRED]
)
@pytest.mark.parametrize("renews", [True, False])
def test_a_login_refused_for_good_counts_only_once_the_token_is_dead(
    problem: LoginProblem, renews: bool
) -> None:
    rejected = TokenStep(
        TokenOutcome.REJECTED_FOR_GOOD, problem=problem, refresh_fingerprint="refresh-1", detail="said so"
    )
    entry = listing(custody=Custody.POOLWATCH, facts=token(expires=after(hours=1)), renews_itself=renews)
    pool = moved(pool_of(entry), rejected)
    assert problem_of(pool) is None
    assert problem_of(pool, after(hours=2)) is problem
    shown = pool.accounts[key()].trouble
    assert shown is not None
    assert shown.kind is FailureKind.TOKEN_REFRESH


def test_a_lost_reply_counts_only_once_the_token_is_dead() -> None:
    entry = listing(custody=Custody.POOLWATCH, facts=token(expires=after(hours=1)), renews_itself=True)
    pool = moved(pool_of(entry), step(TokenOutcome.AMBIGUOUS, "reply lost"))
    assert problem_of(pool) is None
    assert problem_of(pool, after(hours=2)) is LoginProblem.AMBIGUOUS


def test_a_dead_login_leaves_another_files_renewal_alone() -> None:
    mine = listing(custody=Custody.POOLWATCH, facts=EXPIRED, renews_itself=True)
    theirs = listing(
        place="cli", custody=Custody.OTHER, renews_itself=True,
        facts=token("access-2", "refresh-2", after(hours=-2)),
    )  # fmt: skip
    dead = TokenStep(
        TokenOutcome.REJECTED_FOR_GOOD, problem=LoginProblem.INVALIDATED, refresh_fingerprint="refresh-1"
    )
    assert problem_of(moved(pool_of(mine, theirs), dead)) is None
    assert problem_of(moved(pool_of(mine), dead)) is LoginProblem.INVALIDATED
    unnamed = TokenStep(TokenOutcome.REJECTED_FOR_GOOD, problem=LoginProblem.INVALIDATED)
    assert problem_of(moved(pool_of(mine, theirs), unnamed)) is None
    assert problem_of(moved(pool_of(mine), unnamed)) is LoginProblem.INVALIDATED


def test_a_step_refused_without_a_named_problem_is_a_rejection() -> None:
    pool = moved(pool_of(listing(facts=EXPIRED)), TokenStep(TokenOutcome.REJECTED_FOR_GOOD))
    assert problem_of(pool) is LoginProblem.REJECTED


def test_a_new_token_that_is_refused_at_once_is_not_renewed_again() -> None:
    """Even with background refresh on: the remedy is a person's."""
    entry = listing(custody=Custody.POOLWATCH, renews_itself=True)
    pool = moved(pool_of(entry), step(TokenOutcome.REFRESHED))
    pool = read(pool, failure(FailureKind.UNAUTHORIZED))
    refused = UsageStep(failure(FailureKind.UNAUTHORIZED))
    pool = moved(pool, step(TokenOutcome.REFRESHED), refused, done=True)
    assert problem_of(pool) is LoginProblem.REJECTED
    assert not will_renew(pool.accounts[key()], entry)
    kept = moved(pool, step(TokenOutcome.CURRENT), refused, done=True)
    assert problem_of(kept) is None
    unreachable = UsageStep(failure(FailureKind.UNREACHABLE))
    assert problem_of(moved(pool, step(TokenOutcome.REFRESHED), unreachable, done=True)) is None


def test_a_token_step_that_failed_in_passing_keeps_the_last_status_until_its_retry() -> None:
    pool = read(pool_of(listing(custody=Custody.POOLWATCH, facts=EXPIRED)), reading(window(10)))
    until = after(minutes=20)
    failed = moved(pool, step(TokenOutcome.FAILED, "unreachable", retry_at=until))
    assert derive_status(failed.accounts[key()], after(minutes=19)).kind is Status.ACTIVE
    assert derive_status(failed.accounts[key()], until).kind is Status.NEEDS_LOGIN
    untimed = moved(pool, step(TokenOutcome.FAILED, "unreachable"))
    assert problem_of(untimed, after(minutes=14)) is None
    assert problem_of(untimed, after(minutes=16)) is LoginProblem.EXPIRED


@pytest.mark.parametrize("reason", BlockReason)
def test_a_codex_that_works_keeps_the_last_status_for_two_minutes_nothing_else_does(
    reason: BlockReason,
) -> None:
    pool = read(pool_of(listing(facts=token(expires=T0))), reading(window(10)))
    pool = moved(
        pool, TokenStep(TokenOutcome.BLOCKED, block=reason, refresh_fingerprint="refresh-1"), done=True
    )
    account = pool.accounts[key()]
    is_expected = reason is BlockReason.CODEX_RUNNING
    needed = LoginProblem.REJECTED if reason is BlockReason.CODEX_LOGIN_DEAD else LoginProblem.EXPIRED
    for now in (T0, after(seconds=119)):
        status = derive_status(account, now)
        assert status.kind is (Status.ACTIVE if is_expected else Status.NEEDS_LOGIN)
        assert status.login_problem is (None if is_expected else needed)
    assert problem_of(pool, after(minutes=2)) is needed


def test_a_token_that_the_service_refuses_waits_for_no_codex() -> None:
    """It has not expired, so the codex that works does not renew it by itself."""
    pool = read(pool_of(listing()), reading(window(10)))
    pool = read(pool, failure(FailureKind.UNAUTHORIZED))
    running = TokenStep(TokenOutcome.BLOCKED, block=BlockReason.CODEX_RUNNING)
    assert problem_of(moved(pool, running, done=True)) is LoginProblem.REJECTED


@pytest.mark.parametrize("custody", [Custody.CODEX, Custody.OTHER])
def test_a_renewal_that_another_program_did_not_bring_keeps_no_status(custody: Custody) -> None:
    pool = read(pool_of(listing(custody=custody, facts=EXPIRED)), reading(window(10)))
    failed = moved(pool, step(TokenOutcome.FAILED, "codex could not renew its login"), done=True)
    assert problem_of(failed) is LoginProblem.EXPIRED
    timed = moved(pool, step(TokenOutcome.FAILED, "busy", retry_at=after(minutes=20)), done=True)
    assert problem_of(timed) is LoginProblem.EXPIRED


def test_a_login_that_codex_gave_up_stays_given_up_until_another_one_is_there() -> None:
    pool = read(pool_of(listing(facts=EXPIRED)), reading(window(10)))
    dead = TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.CODEX_LOGIN_DEAD,
        problem=LoginProblem.REJECTED,
        refresh_fingerprint="refresh-1",
    )
    pool = moved(moved(pool, step(TokenOutcome.FAILED, "x"), done=True), dead, done=True)
    assert pool.accounts[key()].trouble is None
    assert problem_of(pool) is LoginProblem.REJECTED
    again = pool_of(listing(facts=token("access-2", "refresh-2", after(hours=-1))), state=pool)
    assert problem_of(again) is LoginProblem.EXPIRED
    assert problem_of(pool_of(listing(facts=token("access-2", "refresh-2")), state=pool)) is None


def test_a_path_that_cannot_be_written_does_not_hide_the_dead_login() -> None:
    disk = TokenStep(TokenOutcome.BLOCKED, failure=worded(FailureKind.BLOCKED, "not writable"), detail="~/a")
    pool = moved(pool_of(listing(custody=Custody.POOLWATCH, facts=EXPIRED)), disk)
    assert problem_of(pool) is LoginProblem.EXPIRED


def test_a_lost_reply_of_one_file_leaves_another_files_renewal_alone() -> None:
    mine = listing(custody=Custody.POOLWATCH, facts=EXPIRED, renews_itself=True)
    theirs = listing(place="cli", custody=Custody.OTHER, facts=EXPIRED, renews_itself=True)
    pool = moved(pool_of(mine, theirs), step(TokenOutcome.AMBIGUOUS, "reply lost"))
    assert not will_renew(pool.accounts[key()], mine)
    assert will_renew(pool.accounts[key()], theirs)
    assert problem_of(pool) is None


def test_a_refresh_without_a_token_step_says_nothing_about_the_login() -> None:
    pool = moved(
        pool_of(listing(facts=EXPIRED)), None, UsageStep(failure(FailureKind.UNAUTHORIZED)), done=True
    )
    assert problem_of(pool) is LoginProblem.EXPIRED
    renewing = listing(facts=EXPIRED, renews_itself=True)
    pool = moved(pool_of(renewing), None, UsageStep(failure(FailureKind.UNAUTHORIZED)), done=True)
    assert problem_of(pool) is None
