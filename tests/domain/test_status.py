"""Rule 9 by table: what counts as evidence, the reason, and until when."""

from __future__ import annotations

from datetime import datetime

import pytest

from poolwatch.domain.account import LoginKind
from poolwatch.domain.failure import FailureKind, Trouble, worded
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import (
    AccountStatus,
    Section,
    Status,
    derive_status,
    section_of,
    trouble_needs_you,
)
from poolwatch.domain.usage import (
    Bucket,
    ReachedType,
    SpendControl,
    SpendLimit,
    Unsaid,
    UsageSnapshot,
)
from tests.domain.make import (
    EXPIRED,
    FIVE_HOURS,
    T0,
    account_with,
    after,
    credit,
    failure,
    key,
    limit,
    listing,
    pool_of,
    read,
    reading,
    window,
)

SOON = after(hours=1)
LATER = after(days=2)
MUCH_LATER = after(days=10)


def spend(reached: bool | None, kind: str | None = None, *limits: SpendLimit) -> SpendControl:
    return SpendControl(reached, kind, limits)


def cap(kind: str, used: float | None, resets: datetime | None) -> SpendLimit:
    return SpendLimit(kind, None, None, None, used, resets)


ACTIVE = AccountStatus(Status.ACTIVE)
UNKNOWN = AccountStatus(Status.UNKNOWN)


def exhausted(reason: str, until: datetime | None = None) -> AccountStatus:
    return AccountStatus(Status.EXHAUSTED, reason, until)


FULL_WEEK = window(100, resets=LATER)
FULL_FIVE = window(100, FIVE_HOURS, SOON)

A_TABLE: list[tuple[str, UsageSnapshot, AccountStatus]] = [
    ("allowed", reading(window(10)), ACTIVE),
    ("allowed at 100%", reading(FULL_WEEK), ACTIVE),
    ("allowed against the flag", reading(window(41), reached=True), ACTIVE),
    (
        "allowed against spend control",
        UsageSnapshot(base=limit(window(41)), spend=spend(True, "individual")),
        ACTIVE,
    ),
    ("allowed without windows", reading(), ACTIVE),
    ("not allowed, weekly full", reading(FULL_WEEK, allowed=False), exhausted("weekly", LATER)),
    ("not allowed, both full", reading(FULL_FIVE, FULL_WEEK, allowed=False), exhausted("weekly", LATER)),
    (
        "not allowed, the five hours reset last",
        reading(window(100, FIVE_HOURS, LATER), window(100, resets=SOON), allowed=False),
        exhausted("5h", LATER),
    ),
    (
        "a full window without a reset loses against one with",
        reading(window(100, FIVE_HOURS, SOON), window(100), allowed=False),
        exhausted("5h", SOON),
    ),
    (
        "not allowed, only five hours full",
        reading(FULL_FIVE, window(83), allowed=False),
        exhausted("5h", SOON),
    ),
    ("not allowed, nothing full", reading(window(10), allowed=False), exhausted("rate_limit")),
    ("not allowed, no windows", reading(allowed=False), exhausted("rate_limit")),
    (
        "not allowed, a lone flagged window without a figure",
        reading(window(None, resets=SOON), allowed=False, reached=True),
        exhausted("weekly", SOON),
    ),
    (
        "members' credits are spent",
        UsageSnapshot(
            base=limit(FULL_FIVE, window(83), allowed=False), reached_type=ReachedType.MEMBER_CREDITS
        ),
        exhausted("credits", SOON),
    ),
    (
        "owner's credits are spent, nothing full",
        UsageSnapshot(base=limit(window(3), allowed=False), reached_type=ReachedType.OWNER_CREDITS),
        exhausted("credits"),
    ),
    (
        "credits go before spend control",
        UsageSnapshot(
            base=limit(allowed=False),
            spend=spend(True, "individual", cap("individual", 100, MUCH_LATER)),
            reached_type=ReachedType.OWNER_CREDITS,
        ),
        exhausted("credits"),
    ),
    (
        "the workspace's usage limit, no spend control known",
        UsageSnapshot(base=limit(FULL_WEEK, allowed=False), reached_type=ReachedType.OWNER_USAGE),
        exhausted("spend_control"),
    ),
    (
        "the member's usage limit, by the named limit's reset",
        UsageSnapshot(
            base=limit(FULL_WEEK, allowed=False),
            reached_type=ReachedType.MEMBER_USAGE,
            spend=spend(
                None, "individual", cap("workspace_default", 100, LATER), cap("individual", 20, SOON)
            ),
        ),
        exhausted("spend_control", SOON),
    ),
    (
        "plain rate limit reached",
        UsageSnapshot(base=limit(FULL_WEEK, allowed=False), reached_type=ReachedType.RATE_LIMIT),
        exhausted("weekly", LATER),
    ),
    (
        "spend control reached goes before a full window",
        UsageSnapshot(
            base=limit(FULL_WEEK, allowed=False),
            spend=spend(True, "individual", cap("individual", 259, MUCH_LATER)),
        ),
        exhausted("spend_control", MUCH_LATER),
    ),
    (
        "an unnamed limit: the latest full one",
        UsageSnapshot(
            base=limit(allowed=False),
            spend=spend(
                True,
                None,
                cap("a", 100, SOON),
                cap("b", 101, LATER),
                cap("c", 40, MUCH_LATER),
                cap("d", 100, None),
            ),
        ),
        exhausted("spend_control", LATER),
    ),
    (
        "a named limit without a reset: the latest full one",
        UsageSnapshot(
            base=limit(allowed=False), spend=spend(True, "a", cap("a", 100, None), cap("b", 100, LATER))
        ),
        exhausted("spend_control", LATER),
    ),
]

B_TABLE: list[tuple[str, UsageSnapshot, AccountStatus]] = [
    ("below", reading(window(10), allowed=None), ACTIVE),
    ("full", reading(FULL_WEEK, allowed=None), exhausted("weekly", LATER)),
    ("over full", reading(window(107, resets=SOON), allowed=None), exhausted("weekly", SOON)),
    ("flagged", reading(window(10), allowed=None, reached=True), exhausted("rate_limit")),
    ("one full, one below", reading(FULL_FIVE, window(3), allowed=None), exhausted("5h", SOON)),
    ("figure unknown", reading(window(None), allowed=None), UNKNOWN),
    ("one unknown, one below", reading(window(None, FIVE_HOURS), window(3), allowed=None), ACTIVE),
    ("no windows", reading(allowed=None), UNKNOWN),
    ("flag says not reached, nothing else", reading(allowed=None, reached=False), UNKNOWN),
    (
        "spend control reached",
        UsageSnapshot(base=limit(window(10), allowed=None), spend=spend(True)),
        exhausted("spend_control"),
    ),
    (
        "a reached type",
        UsageSnapshot(base=limit(window(10), allowed=None), reached_type=ReachedType.RATE_LIMIT),
        exhausted("rate_limit"),
    ),
    (
        "only a reached type known",
        UsageSnapshot(reached_type=ReachedType.MEMBER_CREDITS),
        exhausted("credits"),
    ),
    ("only spend control known", UsageSnapshot(spend=spend(True)), exhausted("spend_control")),
    ("rubbish where the limits were", UsageSnapshot(base=Unsaid.MALFORMED, credits=credit("10")), UNKNOWN),
    ("credits alone, limits never said", UsageSnapshot(credits=credit("0")), UNKNOWN),
]

C_TABLE: list[tuple[str, UsageSnapshot, AccountStatus]] = [
    ("credits with a balance", UsageSnapshot(base=None, credits=credit("10")), ACTIVE),
    ("credits, balance unknown", UsageSnapshot(base=None, credits=credit(None)), ACTIVE),
    ("unlimited", UsageSnapshot(base=None, credits=credit("0", unlimited=True)), ACTIVE),
    ("no credits at all", UsageSnapshot(base=None, credits=credit("0", has=False)), ACTIVE),
    ("credits spent", UsageSnapshot(base=None, credits=credit("0.00")), exhausted("credits")),
    ("credits overdrawn", UsageSnapshot(base=None, credits=credit("-0.1")), exhausted("credits")),
    ("spend control, not reached", UsageSnapshot(base=None, spend=spend(False)), ACTIVE),
    (
        "spend control reached",
        UsageSnapshot(base=None, spend=spend(True, "x", cap("x", 1, LATER)), credits=credit("0")),
        exhausted("spend_control", LATER),
    ),
    ("nothing else", UsageSnapshot(base=None), UNKNOWN),
    (
        "neither readable",
        UsageSnapshot(base=None, credits=Unsaid.MALFORMED, spend=Unsaid.MALFORMED),
        UNKNOWN,
    ),
]


@pytest.mark.parametrize(
    ("snapshot", "expected"),
    [
        pytest.param(snapshot, expected, id=f"{rule}: {name}")
        for rule, table in (("a", A_TABLE), ("b", B_TABLE), ("c", C_TABLE))
        for name, snapshot, expected in table
    ],
)
def test_status_by_evidence(snapshot: UsageSnapshot, expected: AccountStatus) -> None:
    assert derive_status(account_with(snapshot), T0) == expected


def test_never_read_is_unknown() -> None:
    assert derive_status(pool_of(listing()).accounts[key()], T0) == UNKNOWN


def test_a_full_extra_bucket_does_not_exhaust_the_account() -> None:
    full = limit(window(100), allowed=False, reached=True)
    snapshot = UsageSnapshot(
        base=limit(window(10), allowed=None), review=full, extras=(Bucket("spark", "Spark", full),)
    )
    assert derive_status(account_with(snapshot), T0) == ACTIVE


def test_a_passed_reset_proves_no_recovery() -> None:
    account = account_with(reading(window(100, resets=after(minutes=-1)), allowed=False))
    assert derive_status(account, T0) == exhausted("weekly", after(minutes=-1))


def test_first_match_wins() -> None:
    """disabled, then deactivated, then needs_login, then what the figures say."""
    dead = listing(facts=EXPIRED)
    pool = read(pool_of(dead), reading(window(100), allowed=False))
    assert derive_status(pool.accounts[key()], T0).kind is Status.NEEDS_LOGIN
    for _ in range(2):
        pool = read(pool, failure(FailureKind.DEACTIVATION_REPORTED))
    assert derive_status(pool.accounts[key()], T0) == AccountStatus(Status.DEACTIVATED)
    disabled = pool_of(listing(facts=EXPIRED, disabled=True), state=pool)
    assert derive_status(disabled.accounts[key()], T0) == AccountStatus(Status.DISABLED)


def test_disabled_only_where_every_source_says_so() -> None:
    both = pool_of(listing(disabled=True), listing(source="pool", place="p1"))
    assert derive_status(both.accounts[key()], T0).kind is Status.UNKNOWN
    assert derive_status(AccountState(key()), T0) == UNKNOWN


@pytest.mark.parametrize("kind", [LoginKind.API_KEY, LoginKind.AGENT_IDENTITY, LoginKind.KEYRING])
def test_a_login_without_figures_is_unknown_and_says_why(kind: LoginKind) -> None:
    entry = listing(login=kind, facts=EXPIRED)
    pool = pool_of(entry)
    assert not entry.polled
    assert derive_status(pool.accounts[key()], T0) == AccountStatus(Status.UNKNOWN, kind.value)
    beside = pool_of(entry, listing(place="p2", facts=EXPIRED))
    assert derive_status(beside.accounts[key()], T0).kind is Status.NEEDS_LOGIN


def trouble(kind: FailureKind, since: datetime = T0) -> Trouble:
    return worded(kind, "it failed").since(since)


@pytest.mark.parametrize(
    ("kind", "reported", "section"),
    [
        (Status.ACTIVE, None, Section.ACTIVE),
        (Status.EXHAUSTED, None, Section.EXHAUSTED),
        (Status.UNKNOWN, None, Section.REST),
        (Status.DISABLED, None, Section.REST),
        (Status.NEEDS_LOGIN, None, Section.NEEDS_YOU),
        (Status.DEACTIVATED, None, Section.NEEDS_YOU),
        (Status.ACTIVE, trouble(FailureKind.AMBIGUOUS), Section.NEEDS_YOU),
        (Status.EXHAUSTED, trouble(FailureKind.CONFLICT), Section.NEEDS_YOU),
        (Status.UNKNOWN, trouble(FailureKind.EDGE_BLOCKED, after(minutes=-16)), Section.NEEDS_YOU),
        (Status.DISABLED, trouble(FailureKind.CONFLICT), Section.REST),
        (Status.ACTIVE, trouble(FailureKind.THROTTLED, after(days=-3)), Section.ACTIVE),
        (Status.ACTIVE, trouble(FailureKind.DEACTIVATION_REPORTED), Section.ACTIVE),
        (Status.EXHAUSTED, trouble(FailureKind.TOKEN_REFRESH, after(days=-3)), Section.EXHAUSTED),
    ],
)
def test_every_account_stands_in_one_section(
    kind: Status, reported: Trouble | None, section: Section
) -> None:
    assert section_of(AccountStatus(kind), reported, T0) is section


@pytest.mark.parametrize(("minutes", "needs"), [(0, False), (14, False), (15, False), (15.1, True)])
def test_an_edge_block_needs_a_person_after_fifteen_minutes(minutes: float, needs: bool) -> None:
    blocked = trouble(FailureKind.EDGE_BLOCKED)
    assert trouble_needs_you(blocked, after(minutes=minutes)) is needs


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in FailureKind
        if kind not in (FailureKind.AMBIGUOUS, FailureKind.CONFLICT, FailureKind.KEPT)
    ],
)
def test_only_lost_replies_conflicts_and_logins_that_wait_need_a_person_at_once(kind: FailureKind) -> None:
    assert not trouble_needs_you(trouble(kind), T0)
    assert trouble_needs_you(trouble(kind), after(days=1)) is (kind is FailureKind.EDGE_BLOCKED)
