"""What one reading or one refresh step does to an account, and what it leaves alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from poolwatch.domain.account import Custody, Listing, TokenFacts
from poolwatch.domain.events import ReadingArrived, RefreshMoved
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.message import message
from poolwatch.domain.pool import apply
from poolwatch.domain.refresh import (
    REFUSED,
    BlockReason,
    Change,
    RefreshProgress,
    TokenOutcome,
    TokenStep,
    UsageStep,
)
from poolwatch.domain.state import RECENT_KEPT, Happening, PoolState
from poolwatch.domain.status import PoolRules, Status, derive_status, judge
from poolwatch.domain.transitions import with_standing_refusal
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import UNDATED, replace
from poolwatch.words.messages import failure_text
from tests.domain.make import (
    T0,
    account_with,
    after,
    credit,
    failure,
    key,
    listed,
    listing,
    moved,
    pool_of,
    read,
    reading,
    step,
    window,
)


def refused(listed_as: Listing, *, dead: bool = True) -> PoolState:
    """A pool whose refresh was refused, its entry listed like this."""
    outcome = TokenOutcome.REJECTED_FOR_GOOD if dead else TokenOutcome.FAILED
    why = worded(FailureKind.TOKEN_REFRESH, "used up", detail=REFUSED)
    return moved(pool_of(listed_as), TokenStep(outcome, failure=why, detail=REFUSED))


STUCK = listing(source="proxy", custody=Custody.POOL, facts=TokenFacts(expires_at=after(days=3)))
WORKS = replace(STUCK, says_login_works=True)
RENEWED = replace(STUCK, token=TokenFacts(expires_at=after(days=9)))


@pytest.mark.parametrize("dead", [True, False])
def test_a_pools_refusal_outlives_a_renewal_that_it_skips(dead: bool) -> None:
    pool = refused(STUCK, dead=dead)
    account = pool.accounts[key()]
    skipped = TokenStep(
        TokenOutcome.CURRENT,
        0.3,
        BlockReason.POOL_SKIPPED,
        said=message("pools.words", text="already refreshing"),
    )
    step = with_standing_refusal(account, skipped)
    assert (step.outcome, step.took_seconds) == (
        TokenOutcome.REJECTED_FOR_GOOD if dead else TokenOutcome.FAILED,
        0.3,
    )
    assert step.failure == worded(FailureKind.TOKEN_REFRESH, "used up", detail=REFUSED)
    again = moved(pool, step, at=after(minutes=5)).accounts[key()]
    assert again.login_trouble == account.login_trouble
    assert again.dead_login == account.dead_login
    # and it is forgotten once the pool renews after all
    renewed = moved(pool, TokenStep(TokenOutcome.REFRESHED), at=after(minutes=5)).accounts[key()]
    assert (renewed.login_trouble, renewed.dead_login) == (None, None)


def test_without_a_refusal_a_skipped_renewal_is_what_it_is() -> None:
    skipped = TokenStep(TokenOutcome.CURRENT, block=BlockReason.POOL_SKIPPED)
    passing = TokenStep(TokenOutcome.FAILED, failure=failure(FailureKind.UPSTREAM_ERROR))
    for pool in (pool_of(STUCK), moved(pool_of(STUCK), passing)):
        assert with_standing_refusal(pool.accounts[key()], skipped) is skipped


@pytest.mark.parametrize("dead", [True, False])
@pytest.mark.parametrize(
    ("was", "now", "stands"),
    [
        (STUCK, STUCK, True),
        (STUCK, replace(STUCK, says_login_needed=True), True),
        (STUCK, WORKS, False),
        (STUCK, RENEWED, False),
        # it went on with its old token all the time, and may until that ends
        (WORKS, WORKS, True),
        (WORKS, STUCK, True),
        (WORKS, replace(RENEWED, says_login_works=True), False),
    ],
)
def test_a_pools_own_list_takes_its_refusal_back(
    dead: bool, was: Listing, now: Listing, stands: bool
) -> None:
    pool = apply(refused(was, dead=dead), listed(now, at=after(minutes=5)))
    account = pool.accounts[key()]
    assert (account.login_trouble is not None) is stands
    assert (account.dead_login is not None) is (stands and dead)


def test_figures_that_nobody_dates_are_old_and_their_trouble_is_over() -> None:
    pool = read(pool_of(listing()), failure(FailureKind.UPSTREAM_ERROR), at=T0)
    pool = read(pool, reading(window(40)), at=UNDATED, asked_at=after(minutes=5))
    account = pool.accounts[key()]
    assert (account.read_at, account.tried_at) == (UNDATED, after(minutes=5))
    assert account.reading_trouble is None
    judged = judge(account, after(minutes=5), PoolRules())
    assert (judged.stale, judged.status.kind) == (True, Status.ACTIVE)
    pool = read(pool, reading(window(45)), at=UNDATED, asked_at=after(minutes=10))
    latest = pool.accounts[key()].lately[0]
    assert (latest.at, latest.changes) == (after(minutes=10), (Change("weekly", 40, 45),))


@pytest.mark.parametrize(
    ("source", "minutes", "expected"),
    [
        # of another source: as long as that may be called fresh
        ("homes", 5, 71.0),
        ("homes", 20, 40.0),
        # its own later word, whenever that was
        ("pool", 5, 40.0),
    ],
)
def test_what_figures_without_a_date_give_way_to(source: str, minutes: int, expected: float) -> None:
    pool = pool_of(listing(), listing(source="pool", place="p", custody=Custody.POOL))
    pool = read(pool, reading(window(71)), source=source)
    pool = read(pool, reading(window(40)), source="pool", at=UNDATED, asked_at=after(minutes=minutes))
    account = pool.accounts[key()]
    assert account.usage.windows[0].used_percent == expected
    assert account.read_at == (T0 if expected == 71 else UNDATED)
    dated = read(pool, reading(window(12)), source="homes", at=after(minutes=30))
    assert dated.accounts[key()].usage.windows[0].used_percent == 12


ALL_FAILURES = list(FailureKind)
BADGES = [kind for kind in FailureKind if kind not in (FailureKind.UNAUTHORIZED, FailureKind.NO_TOKEN)]


def healthy() -> PoolState:
    return read(pool_of(listing()), reading(window(40), credits=credit("5")))


@pytest.mark.parametrize("kind", ALL_FAILURES)
def test_a_failure_never_erases_the_last_good_reading(kind: FailureKind) -> None:
    before = healthy().accounts[key()]
    later = read(healthy(), failure(kind), at=after(minutes=5)).accounts[key()]
    assert later.usage == before.usage
    assert later.read_at == T0
    assert later.tried_at == after(minutes=5)


@pytest.mark.parametrize("kind", BADGES)
def test_a_failure_is_a_badge_since_its_first_time(kind: FailureKind) -> None:
    pool = read(healthy(), failure(kind, "one", after(minutes=9)), at=after(minutes=1))
    pool = read(pool, worded(kind, "two", after(minutes=30), "host"), at=after(minutes=6))
    account = pool.accounts[key()]
    assert account.trouble is not None
    assert (account.trouble.kind, failure_text(account.trouble), account.trouble.since) == (
        kind,
        "two",
        after(minutes=1),
    )
    assert (account.trouble.retry_at, account.trouble.detail) == (after(minutes=30), "host")
    assert account.failures == 2
    other = FailureKind.THROTTLED if kind is not FailureKind.THROTTLED else FailureKind.UNREACHABLE
    changed = read(pool, failure(other), at=after(minutes=11)).accounts[key()]
    assert changed.trouble is not None
    assert changed.trouble.since == after(minutes=11)


def test_a_good_reading_ends_trouble_and_backoff() -> None:
    pool = read(healthy(), failure(FailureKind.EDGE_BLOCKED), at=after(minutes=1))
    account = read(pool, reading(window(41)), at=after(minutes=6)).accounts[key()]
    assert (account.trouble, account.failures, account.read_at) == (None, 0, after(minutes=6))


def test_a_cached_reading_from_before_the_trouble_does_not_end_it() -> None:
    pool = read(healthy(), failure(FailureKind.EDGE_BLOCKED), at=after(minutes=10))
    now = after(minutes=11)
    cached = read(pool, reading(window(41)), at=after(minutes=5), source="lb", asked_at=now).accounts[key()]
    assert cached.trouble is not None
    assert cached.usage.windows == (window(41),)
    assert cached.failures == 0
    assert read(pool, reading(window(41)), at=after(minutes=10)).accounts[key()].trouble is None
    older = read(pool, reading(window(3)), at=after(minutes=-5), source="lb", asked_at=now).accounts[key()]
    assert older.read_at == T0
    assert older.usage.windows == (window(40),)


def test_what_was_said_under_a_clock_that_was_ahead_gives_way() -> None:
    pool = read(healthy(), reading(window(40)), at=after(days=1))
    pool = read(pool, failure(FailureKind.EDGE_BLOCKED), at=after(days=1))
    account = read(pool, reading(window(41)), at=T0).accounts[key()]
    assert account.usage.windows == (window(41),)
    assert (account.read_at, account.tried_at, account.trouble) == (T0, T0, None)


def test_a_cached_reading_counts_as_tried_when_it_was_asked_for() -> None:
    event = ReadingArrived(key(), "lb", after(minutes=-80), reading(window(1)), asked_at=after(minutes=1))
    account = apply(pool_of(listing()), event).accounts[key()]
    assert (account.read_at, account.tried_at) == (after(minutes=-80), after(minutes=1))
    failed = ReadingArrived(key(), "lb", T0, failure(FailureKind.THROTTLED), asked_at=after(minutes=2))
    assert apply(pool_of(listing()), failed).accounts[key()].tried_at == after(minutes=2)


def test_a_401_shows_no_trouble_of_its_own_and_ends_an_edge_block() -> None:
    pool = read(healthy(), failure(FailureKind.EDGE_BLOCKED))
    account = read(pool, failure(FailureKind.UNAUTHORIZED)).accounts[key()]
    assert account.trouble is None
    assert account.failures == 2


def test_no_token_at_hand_is_neither_a_try_of_the_service_nor_a_trouble() -> None:
    pool = read(healthy(), failure(FailureKind.EDGE_BLOCKED))
    account = read(pool, failure(FailureKind.NO_TOKEN)).accounts[key()]
    assert account.failures == 1
    assert account.trouble == pool.accounts[key()].trouble


DEACTIVATED = failure(FailureKind.DEACTIVATION_REPORTED, "removed from workspace")


def status_of(pool: PoolState) -> Status:
    return derive_status(pool.accounts[key()], T0).kind


def test_a_deactivation_is_believed_when_said_twice_in_a_row() -> None:
    once = read(healthy(), DEACTIVATED)
    assert status_of(once) is Status.ACTIVE
    assert once.accounts[key()].trouble is not None
    twice = read(once, DEACTIVATED)
    assert status_of(twice) is Status.DEACTIVATED


def test_a_good_reading_in_between_takes_the_word_back() -> None:
    pool = read(healthy(), DEACTIVATED)
    pool = read(pool, reading(window(40)), at=after(minutes=5))
    pool = read(pool, DEACTIVATED, at=after(minutes=10))
    assert status_of(pool) is Status.ACTIVE
    dead = read(pool, DEACTIVATED, at=after(minutes=15))
    assert status_of(dead) is Status.DEACTIVATED
    assert status_of(read(dead, reading(window(1)), at=after(minutes=20))) is Status.ACTIVE


@pytest.mark.parametrize("kind", [FailureKind.UNREACHABLE, FailureKind.THROTTLED, FailureKind.UPSTREAM_ERROR])
def test_silence_in_between_neither_takes_the_word_back_nor_revives_the_account(kind: FailureKind) -> None:
    pool = read(read(healthy(), DEACTIVATED), failure(kind))
    assert status_of(pool) is Status.ACTIVE
    dead = read(pool, DEACTIVATED)
    assert status_of(dead) is Status.DEACTIVATED
    assert status_of(read(dead, failure(kind))) is Status.DEACTIVATED


def test_the_servers_clock_is_kept_from_the_last_answer_that_had_one() -> None:
    skew = timedelta(minutes=7)
    pool = apply(pool_of(listing()), ReadingArrived(key(), "homes", T0, reading(), clock_offset=skew))
    assert pool.clock_offset == skew
    assert read(pool, reading()).clock_offset == skew
    none = apply(pool, ReadingArrived(key(), "homes", T0, reading(), clock_offset=timedelta(0)))
    assert none.clock_offset == timedelta(0)


# -- lately --------------------------------------------------------------------------------------------


def test_figures_that_moved_are_a_line_those_that_did_not_are_none() -> None:
    pool = read(healthy(), reading(window(45), credits=credit("5")), at=after(minutes=5))
    assert pool.accounts[key()].lately == (Happening(after(minutes=5), changes=(Change("weekly", 40, 45),)),)
    same = read(pool, reading(window(45)), at=after(minutes=10)).accounts[key()]
    assert same.lately == pool.accounts[key()].lately


@pytest.mark.parametrize("kind", ALL_FAILURES)
def test_a_lasting_failure_is_one_line(kind: FailureKind) -> None:
    pool = healthy()
    for minute in range(5):
        pool = read(pool, failure(kind), at=after(minutes=minute))
    assert pool.accounts[key()].lately == (Happening(T0, failure=failure(kind)),)


def test_lately_holds_the_newest_first_and_is_bounded() -> None:
    pool = healthy()
    for minute in range(1, 40):
        pool = read(pool, reading(window(minute)), at=after(minutes=minute))
    lately = pool.accounts[key()].lately
    assert len(lately) == RECENT_KEPT
    assert [each.at for each in lately] == sorted((each.at for each in lately), reverse=True)
    assert lately[0].at == after(minutes=39)


def test_a_finished_refresh_is_one_line_however_often_it_is_told() -> None:
    pool = moved(healthy(), TokenStep(TokenOutcome.REFRESHED))
    assert pool.accounts[key()].lately == ()
    for _ in range(2):
        pool = moved(pool, TokenStep(TokenOutcome.REFRESHED), UsageStep(), done=True)
    (line,) = pool.accounts[key()].lately
    assert line.refresh is not None
    assert line.refresh.done
    again = moved(pool, TokenStep(TokenOutcome.REFRESHED), UsageStep(), at=after(minutes=1), done=True)
    assert len(again.accounts[key()].lately) == 2


# -- the token step ----------------------------------------------------------------------------------


def test_progress_is_shown_and_cleared() -> None:
    pool = moved(healthy())
    assert pool.accounts[key()].refresh == RefreshProgress(T0)
    cleared = apply(pool, RefreshMoved(key(), None, after(minutes=1)))
    assert cleared.accounts[key()].refresh is None


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (TokenOutcome.FAILED, FailureKind.TOKEN_REFRESH),
        (TokenOutcome.AMBIGUOUS, FailureKind.AMBIGUOUS),
        (TokenOutcome.REJECTED_FOR_GOOD, FailureKind.TOKEN_REFRESH),
        (TokenOutcome.BLOCKED, FailureKind.BLOCKED),
        (TokenOutcome.REFRESHED, None),
        (TokenOutcome.ADOPTED, None),
        (TokenOutcome.DELEGATED, None),
        (TokenOutcome.CURRENT, None),
        (TokenOutcome.NONE, None),
    ],
)
def test_what_a_token_step_leaves_behind(outcome: TokenOutcome, kind: FailureKind | None) -> None:
    failed = worded(FailureKind.BLOCKED, "~/pool is not writable") if kind else None
    ended = TokenStep(outcome, failure=failed, detail="~/pool", retry_at=after(minutes=20))
    account = moved(healthy(), ended, at=after(minutes=1)).accounts[key()]
    assert account.usage == healthy().accounts[key()].usage
    if kind is None:
        assert account.trouble is None
    else:
        assert account.trouble is not None
        assert account.trouble.kind is kind
        assert failure_text(account.trouble) == "~/pool is not writable"
        assert (account.trouble.since, account.trouble.retry_at, account.trouble.detail) == (
            after(minutes=1), after(minutes=20), "~/pool",
        )  # fmt: skip
    assert (account.dead_login is not None) is (outcome is TokenOutcome.REJECTED_FOR_GOOD)


def test_a_block_that_is_no_failure_leaves_no_trouble() -> None:
    waits = TokenStep(TokenOutcome.BLOCKED, block=BlockReason.CODEX_RUNNING)
    assert moved(healthy(), waits).accounts[key()].trouble is None


def test_a_block_by_conflict_is_that_trouble_and_words_may_come_from_the_detail() -> None:
    blocked = TokenStep(TokenOutcome.BLOCKED, failure=failure(FailureKind.CONFLICT))
    account = moved(healthy(), blocked).accounts[key()]
    assert account.trouble is not None
    assert account.trouble.kind is FailureKind.CONFLICT
    said = moved(healthy(), step(TokenOutcome.REJECTED_FOR_GOOD, detail="used elsewhere")).accounts[key()]
    bare = moved(healthy(), step(TokenOutcome.FAILED)).accounts[key()]
    assert said.trouble is not None
    assert failure_text(said.trouble) == "used elsewhere"
    assert bare.trouble is not None
    assert failure_text(bare.trouble) == ""


@pytest.mark.parametrize("outcome", [TokenOutcome.REFRESHED, TokenOutcome.ADOPTED, TokenOutcome.DELEGATED])
@pytest.mark.parametrize(
    "before", [TokenOutcome.FAILED, TokenOutcome.AMBIGUOUS, TokenOutcome.REJECTED_FOR_GOOD]
)
def test_a_new_token_ends_every_verdict_on_the_old_one(before: TokenOutcome, outcome: TokenOutcome) -> None:
    pool = moved(healthy(), step(before, "it failed"))
    account = moved(pool, step(outcome), at=after(minutes=1)).accounts[key()]
    assert account.trouble is None
    assert account.dead_login is None


def test_a_token_found_current_ends_a_passing_trouble_only() -> None:
    current = step(TokenOutcome.CURRENT)
    assert moved(moved(healthy(), step(TokenOutcome.FAILED, "x")), current).accounts[key()].trouble is None
    for lasting in (TokenOutcome.AMBIGUOUS, TokenOutcome.REJECTED_FOR_GOOD):
        pool = moved(healthy(), step(lasting, "x"))
        assert moved(pool, current).accounts[key()].login_trouble == pool.accounts[key()].login_trouble


@pytest.mark.parametrize("outcome", [TokenOutcome.FAILED, TokenOutcome.BLOCKED])
def test_a_lost_reply_stays_lost_when_the_next_attempt_does_not_get_through(outcome: TokenOutcome) -> None:
    pool = moved(healthy(), step(TokenOutcome.AMBIGUOUS, "reply lost", lost_at=after(minutes=-3)))
    account = moved(pool, step(outcome, "unreachable"), at=after(minutes=5)).accounts[key()]
    assert account.ambiguous
    assert account.trouble is not None
    assert account.trouble.since == after(minutes=-3)


def test_trouble_of_one_kind_counts_from_its_first_time() -> None:
    pool = moved(healthy(), step(TokenOutcome.FAILED, "one"))
    account = moved(pool, step(TokenOutcome.FAILED, "two"), at=after(minutes=5)).accounts[key()]
    assert account.trouble is not None
    assert (failure_text(account.trouble), account.trouble.since) == ("two", T0)


def test_a_token_step_is_judged_once_although_its_progress_is_told_again() -> None:
    ended = step(TokenOutcome.FAILED, "unreachable")
    pool = moved(healthy(), ended)
    pool = apply(pool, listed(replace(listing(), token=replace(listing().token, refresh_fingerprint="r2"))))
    assert pool.accounts[key()].trouble is None
    told = moved(pool, ended, UsageStep(), done=True)
    assert told.accounts[key()].trouble is None


def test_the_problem_of_a_dead_login_is_kept() -> None:
    rejected = TokenStep(
        TokenOutcome.REJECTED_FOR_GOOD, problem=LoginProblem.USED_ELSEWHERE, refresh_fingerprint="refresh-1"
    )
    dead = moved(healthy(), rejected, at=after(minutes=2)).accounts[key()].dead_login
    assert dead is not None
    assert (dead.problem, dead.refresh_fingerprint, dead.since) == (
        LoginProblem.USED_ELSEWHERE, "refresh-1", after(minutes=2),
    )  # fmt: skip


OK = UsageStep()


@pytest.mark.parametrize(
    ("token_step", "usage_step", "failed"),
    [
        (TokenStep(TokenOutcome.REFRESHED), OK, False),
        (TokenStep(TokenOutcome.ADOPTED), OK, False),
        (TokenStep(TokenOutcome.CURRENT), OK, False),
        (TokenStep(TokenOutcome.DELEGATED), OK, False),
        (TokenStep(TokenOutcome.NONE), OK, False),
        (None, OK, False),
        (TokenStep(TokenOutcome.REFRESHED), UsageStep(failure(FailureKind.UNAUTHORIZED)), True),
        (TokenStep(TokenOutcome.REFRESHED), UsageStep(tried=False), True),
        (TokenStep(TokenOutcome.NONE, block=BlockReason.API_KEY), None, True),
        (TokenStep(TokenOutcome.BLOCKED), OK, True),
        (TokenStep(TokenOutcome.FAILED), OK, True),
        (TokenStep(TokenOutcome.REJECTED_FOR_GOOD), OK, True),
        (TokenStep(TokenOutcome.AMBIGUOUS), OK, True),
    ],
)
def test_which_refresh_failed(
    token_step: TokenStep | None, usage_step: UsageStep | None, failed: bool
) -> None:
    assert RefreshProgress(T0, token_step, usage_step, done=True).failed is failed


def test_a_first_reading_has_no_changes() -> None:
    assert account_with(UsageSnapshot(base=None)).lately == ()
    assert account_with(reading(window(3), credits=credit("5"))).lately == ()


def test_a_lasting_failure_is_one_line_although_a_cached_reading_came_in_between() -> None:
    pool = read(healthy(), failure(FailureKind.EDGE_BLOCKED), at=after(minutes=10))
    pool = read(pool, reading(window(41)), at=after(minutes=5), source="lb", asked_at=after(minutes=11))
    pool = read(pool, failure(FailureKind.EDGE_BLOCKED), at=after(minutes=15))
    assert [each.at for each in pool.accounts[key()].lately] == [after(minutes=5), after(minutes=10)]


def test_trouble_of_another_kind_counts_anew() -> None:
    pool = moved(healthy(), step(TokenOutcome.FAILED, "one"))
    blocked = TokenStep(TokenOutcome.BLOCKED, failure=failure(FailureKind.BLOCKED))
    account = moved(pool, blocked, at=after(minutes=5)).accounts[key()]
    assert account.trouble is not None
    assert account.trouble.since == after(minutes=5)
