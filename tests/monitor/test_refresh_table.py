"""Every ending of the chain that matters to a person, from the last good reading on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import pytest

from poolwatch.domain.account import Custody, Listing, LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import BlockReason, Change, TokenOutcome, TokenStep
from poolwatch.domain.status import Status, derive_status
from poolwatch.domain.values import replace
from tests.monitor.scripted import Answer, Rig, failure, key_of, listing, rig, snapshot, weekly_of
from tests.monitor.turned_clock import START

EXPIRED = START - timedelta(minutes=1)
AT_1420 = START + timedelta(minutes=20)
NEW = snapshot(0)


@dataclass(frozen=True)
class Row:
    """One ending: what the keeper and the service say, and what must stand in the end."""

    name: str
    custody: Custody
    step: TokenStep
    #: the access token is dead before the token step
    dead: bool = False
    #: what the token step puts in the file
    wins: str | None = None
    answer: Answer = NEW
    login: LoginKind = LoginKind.OAUTH
    # what must stand
    status: Status = Status.ACTIVE
    problem: LoginProblem | None = None
    trouble: FailureKind | None = None
    tried: bool = True
    fails: bool = False
    usage_failure: FailureKind | None = None


def step(outcome: TokenOutcome, kind: FailureKind | None = None, **more: object) -> TokenStep:
    said = None if kind is None else worded(kind, "it was said", detail="/path")
    return replace(TokenStep(outcome, failure=said), **more)  # type: ignore[arg-type]  # fields by name


REFRESHED = step(TokenOutcome.REFRESHED)
FAILED = step(TokenOutcome.FAILED, FailureKind.UNREACHABLE, retry_at=AT_1420)
REUSED = step(
    TokenOutcome.REJECTED_FOR_GOOD, problem=LoginProblem.USED_ELSEWHERE, refresh_fingerprint="refresh-a"
)
AMBIGUOUS = step(TokenOutcome.AMBIGUOUS, lost_at=START, refresh_fingerprint="refresh-a")
NO_DISK = step(TokenOutcome.BLOCKED, FailureKind.BLOCKED, block=BlockReason.PATH, detail="/path")
CONFLICT = step(TokenOutcome.BLOCKED, FailureKind.CONFLICT, block=BlockReason.CONFLICT, detail="/other")
OURS, CODEX, OTHER, STATIC = Custody.POOLWATCH, Custody.CODEX, Custody.OTHER, Custody.STATIC

ROWS = [
    Row("refreshed, ok", OURS, REFRESHED, wins="new"),
    Row("refreshed from dead, ok", OURS, REFRESHED, dead=True, wins="new"),
    Row(
        "refreshed, 401", OURS, REFRESHED, wins="new", answer=failure(FailureKind.UNAUTHORIZED),
        status=Status.NEEDS_LOGIN, problem=LoginProblem.REJECTED, fails=True,
        usage_failure=FailureKind.UNAUTHORIZED,
    ),
    *(
        Row(
            f"refreshed, {kind.value}", OURS, REFRESHED, wins="new", answer=failure(kind),
            trouble=kind, fails=True, usage_failure=kind,
        )
        for kind in (FailureKind.EDGE_BLOCKED, FailureKind.THROTTLED, FailureKind.UNREACHABLE)
    ),
    Row("adopted, ok", OURS, step(TokenOutcome.ADOPTED), wins="theirs"),
    Row("failed, live", OURS, FAILED, trouble=FailureKind.TOKEN_REFRESH, fails=True),
    Row("failed, dead", OURS, FAILED, dead=True, tried=False, trouble=FailureKind.TOKEN_REFRESH, fails=True),
    Row("reused, live", OURS, REUSED, trouble=FailureKind.TOKEN_REFRESH, fails=True),
    Row(
        "reused, dead", OURS, REUSED, dead=True, tried=False, trouble=FailureKind.TOKEN_REFRESH, fails=True,
        status=Status.NEEDS_LOGIN, problem=LoginProblem.USED_ELSEWHERE,
    ),
    Row("ambiguous, live", OURS, AMBIGUOUS, trouble=FailureKind.AMBIGUOUS, fails=True),
    Row(
        "ambiguous, dead", OURS, AMBIGUOUS, dead=True, tried=False, trouble=FailureKind.AMBIGUOUS, fails=True,
        status=Status.NEEDS_LOGIN, problem=LoginProblem.AMBIGUOUS,
    ),
    Row("blocked, live", OURS, NO_DISK, trouble=FailureKind.BLOCKED, fails=True),
    Row(
        "blocked, dead", OURS, NO_DISK, dead=True, tried=False, trouble=FailureKind.BLOCKED, fails=True,
        status=Status.NEEDS_LOGIN, problem=LoginProblem.EXPIRED,
    ),
    Row("conflict, live", OURS, CONFLICT, trouble=FailureKind.CONFLICT, fails=True),
    Row("codex current", CODEX, step(TokenOutcome.CURRENT)),
    Row("codex adopted", CODEX, step(TokenOutcome.ADOPTED), dead=True, wins="codex-renewed-it"),
    Row("codex delegated", CODEX, step(TokenOutcome.DELEGATED), dead=True, wins="codex-renewed-it"),
    Row(
        "codex is open", CODEX, step(TokenOutcome.BLOCKED, block=BlockReason.CODEX_RUNNING),
        dead=True, tried=False, fails=True,
    ),
    *(
        Row(
            f"codex {block.value}", CODEX, step(TokenOutcome.BLOCKED, block=block),
            dead=True, tried=False, fails=True, status=Status.NEEDS_LOGIN, problem=problem,
        )
        for block, problem in (
            (BlockReason.CODEX_MISSING, LoginProblem.EXPIRED),
            (BlockReason.CODEX_LATE, LoginProblem.EXPIRED),
            (BlockReason.CODEX_LOGIN_DEAD, LoginProblem.REJECTED),
        )
    ),
    Row(
        "codex did not renew", CODEX, FAILED, dead=True, tried=False, fails=True,
        trouble=FailureKind.TOKEN_REFRESH, status=Status.NEEDS_LOGIN, problem=LoginProblem.EXPIRED,
    ),
    Row("other current", OTHER, step(TokenOutcome.CURRENT)),
    Row("other adopted", OTHER, step(TokenOutcome.ADOPTED), dead=True, wins="theirs"),
    Row(
        "other must renew", OTHER, step(TokenOutcome.BLOCKED, block=BlockReason.OTHER_MUST_RENEW),
        dead=True, tried=False, fails=True, status=Status.NEEDS_LOGIN, problem=LoginProblem.EXPIRED,
    ),
    Row("personal token", STATIC, step(TokenOutcome.NONE), login=LoginKind.PERSONAL_ACCESS_TOKEN),
    Row(
        "personal token, 401", STATIC, step(TokenOutcome.NONE), login=LoginKind.PERSONAL_ACCESS_TOKEN,
        answer=failure(FailureKind.UNAUTHORIZED), status=Status.NEEDS_LOGIN, problem=LoginProblem.REJECTED,
        fails=True, usage_failure=FailureKind.UNAUTHORIZED,
    ),
]  # fmt: skip


def entry(row: Row, token: str = "", *, dead: bool = False) -> Listing:
    expires_at = EXPIRED if dead else START + timedelta(days=7)
    return listing("a", custody=row.custody, login=row.login, token=token, expires_at=expires_at)


async def refreshed(row: Row) -> Rig:
    """A monitor with one good reading whose refresh has ended as the row says."""
    one = rig()
    one.source.listings = [entry(row)]
    await one.listed()
    await one.poller.read(key_of("a"))
    one.source.replace(entry(row, dead=row.dead))
    await one.poller.relist("homes")
    one.source.asked.clear()
    one.source.sent.clear()
    one.source.answers["a"] = [row.answer]
    one.custodian.steps["a"] = row.step
    if row.wins is not None:
        won = entry(row, row.wins)
        one.custodian.act["a"] = lambda: one.source.replace(won)
    await one.chain.run(key_of("a"))
    return one


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
async def test_how_a_refresh_ends(row: Row) -> None:
    one = await refreshed(row)
    account = one.account("a")
    progress = account.refresh
    assert progress is not None
    assert progress.done
    assert not progress.delegating
    assert progress.token == row.step
    assert progress.usage is not None
    assert progress.usage.tried is row.tried
    assert (progress.usage.failure.kind if progress.usage.failure else None) is row.usage_failure
    assert progress.failed is row.fails
    assert one.source.sent == ([row.wins or "access-a"] if row.tried else [])
    assert len(one.custodian.asks) == 1
    has_read = row.tried and row.usage_failure is None
    assert weekly_of(account) == (0 if has_read else 71)
    assert progress.changes == ((Change("weekly", 71.0, 0.0),) if has_read else ())
    status = derive_status(account, one.clock.now())
    assert (status.kind, status.login_problem) == (row.status, row.problem)
    assert (account.trouble.kind if account.trouble else None) is row.trouble


@pytest.mark.parametrize("row", [row for row in ROWS if row.wins is not None], ids=lambda row: row.name)
async def test_a_token_that_was_won_is_kept_whatever_the_usage_step_says(row: Row) -> None:
    one = await refreshed(row)
    assert one.account("a").acting.token.fingerprint == row.wins
    assert one.account("a").login_trouble is None


@pytest.mark.parametrize("row", [row for row in ROWS if row.step is REUSED], ids=lambda row: row.name)
async def test_a_login_refused_for_good_is_remembered_with_its_reason(row: Row) -> None:
    dead = (await refreshed(row)).account("a").dead_login
    assert dead is not None
    assert (dead.problem, dead.refresh_fingerprint) == (LoginProblem.USED_ELSEWHERE, "refresh-a")


@pytest.mark.parametrize("row", [row for row in ROWS if row.step is AMBIGUOUS], ids=lambda row: row.name)
async def test_a_lost_reply_is_dated_by_its_loss(row: Row) -> None:
    account = (await refreshed(row)).account("a")
    assert account.ambiguous
    assert account.login_trouble is not None
    assert account.login_trouble.since == START


async def test_a_blocked_path_is_named() -> None:
    row = next(row for row in ROWS if row.step is NO_DISK)
    trouble = (await refreshed(row)).account("a").login_trouble
    assert trouble is not None
    assert trouble.detail == "/path"


async def test_a_token_refused_right_after_it_was_won_is_not_exchanged_again_by_itself() -> None:
    row = next(row for row in ROWS if row.name == "refreshed, 401")
    one = await refreshed(row)
    assert one.account("a").rejected == {"new"}
    assert one.poller.live_listing(one.account("a")) is None
    assert len(one.custodian.asks) == 1


async def test_an_api_key_has_nothing_to_renew_and_no_figures() -> None:
    one = rig()
    one.source.listings = [listing("a", custody=STATIC, login=LoginKind.API_KEY)]
    await one.listed()
    one.custodian.steps["a"] = step(TokenOutcome.NONE, block=BlockReason.API_KEY)
    progress = await one.chain.run(key_of("a"))
    assert progress.failed
    assert progress.usage is not None
    assert not progress.usage.tried
    assert one.source.asked == []
    assert derive_status(one.account("a"), START).kind is Status.UNKNOWN


@pytest.mark.parametrize(
    ("said", "says_login_needed", "status", "fails"),
    [
        (step(TokenOutcome.REFRESHED), False, Status.ACTIVE, False),
        (step(TokenOutcome.NONE, block=BlockReason.POOL_SKIPPED), False, Status.ACTIVE, False),
        (step(TokenOutcome.FAILED, FailureKind.UPSTREAM_ERROR), True, Status.NEEDS_LOGIN, True),
    ],
)
async def test_a_pool_that_answers_is_asked_whatever_its_refresh_said(
    said: TokenStep, says_login_needed: bool, status: Status, fails: bool
) -> None:
    one = rig()
    entry = listing("a", custody=Custody.POOL, token=None, refresh=None, expires_at=None)
    one.source.listings = [replace(entry, says_login_needed=says_login_needed)]
    await one.listed()
    one.custodian.steps["a"] = said
    progress = await one.chain.run(key_of("a"))
    assert one.source.places_asked() == ["a"]
    assert progress.failed is fails
    assert derive_status(one.account("a"), START).kind is status


async def test_of_an_unreachable_pool_nothing_is_asked_and_the_cards_keep_their_figures() -> None:
    one = rig()
    one.source.listings = [listing("a", custody=Custody.POOL, token=None, expires_at=None)]
    await one.listed()
    await one.poller.read(key_of("a"))
    one.source.listing_failure = failure(FailureKind.UNREACHABLE)
    one.custodian.steps["a"] = step(TokenOutcome.FAILED, FailureKind.UNREACHABLE)
    progress = await one.chain.run(key_of("a"))
    assert progress.usage is not None
    assert not progress.usage.tried
    assert progress.failed
    assert len(one.source.asked) == 1
    assert weekly_of(one.account("a")) == 71
    assert one.state.sources["homes"].failure is not None
