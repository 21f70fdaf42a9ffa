"""Whatever happens in whatever order: nothing raises, nothing is lost, every account is counted once."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from poolwatch.domain.account import AccountKey, Custody, Listing, LoginKind, SourceRef, TokenFacts
from poolwatch.domain.events import Listed, PoolEvent, ReadingArrived, Recalled, RefreshMoved, SourceFailed
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem
from poolwatch.domain.overview import overview, use_order
from poolwatch.domain.pool import apply
from poolwatch.domain.refresh import BlockReason, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import RECENT_KEPT, PoolState
from poolwatch.domain.status import PoolRules, Section
from poolwatch.domain.usage import (
    Credits,
    RateLimit,
    ReachedType,
    SpendControl,
    SpendLimit,
    Unsaid,
    UsageSnapshot,
    UsageWindow,
)
from poolwatch.domain.values import replace
from tests.domain.make import T0
from tests.support.entries import account_of_entry

SOURCES = ("homes", "lb", "files")
IDS = st.sampled_from([None, "", "1", "2"])
MARKS = st.sampled_from([None, "m1", "m2", "m3"])
FLAG = st.sampled_from([None, True, False])
INSTANTS = st.timedeltas(timedelta(days=-40), timedelta(days=40)).map(lambda span: T0 + span)
PERCENT = st.none() | st.floats(-10, 300, allow_nan=False)
MONEY = st.none() | st.decimals(-1000, 1000, places=4, allow_nan=False)

TOKENS = st.builds(
    TokenFacts,
    expires_at=st.none() | INSTANTS,
    fingerprint=MARKS,
    refresh_fingerprint=MARKS,
)
LISTINGS = st.builds(
    Listing,
    ref=st.just(SourceRef("", "")),
    user_id=IDS,
    account_id=IDS,
    email=st.sampled_from([None, "a@example.com", "A@example.com", "b@example.com"]),
    label=st.sampled_from([None, "same", "other"]),
    custody=st.sampled_from(Custody),
    login=st.sampled_from(LoginKind),
    token=TOKENS,
    disabled=st.booleans(),
    renews_itself=st.booleans(),
    says_login_needed=st.booleans(),
    problem=st.sampled_from([None, None, "not readable"]),
)
WINDOWS = st.builds(
    UsageWindow, PERCENT, st.sampled_from([None, 18_000, 86_400, 604_800]), st.none() | INSTANTS, FLAG
)
LIMITS = st.builds(RateLimit, FLAG, FLAG, st.lists(WINDOWS, max_size=3).map(tuple))
UNSAID = st.sampled_from([Unsaid.ABSENT, Unsaid.MALFORMED, None])
SPEND_LIMITS = st.builds(
    SpendLimit, st.sampled_from(["individual", "x"]), MONEY, MONEY, MONEY, PERCENT, st.none() | INSTANTS
)
SNAPSHOTS = st.builds(
    UsageSnapshot,
    plan=UNSAID | st.just("pro"),
    base=UNSAID | LIMITS,
    credits=UNSAID | st.builds(Credits, FLAG, FLAG, FLAG, MONEY),
    spend=UNSAID
    | st.builds(
        SpendControl,
        FLAG,
        st.sampled_from([None, "individual"]),
        st.lists(SPEND_LIMITS, max_size=2).map(tuple),
    ),
    reached_type=UNSAID | st.sampled_from(ReachedType),
)
FAILURES = st.builds(
    Failure, st.sampled_from(FailureKind), st.just("it failed"), retry_at=st.none() | INSTANTS
)
STEPS = st.builds(
    TokenStep,
    st.sampled_from(TokenOutcome),
    block=st.none() | st.sampled_from(BlockReason),
    problem=st.none() | st.sampled_from(LoginProblem),
    failure=st.none() | FAILURES,
    retry_at=st.none() | INSTANTS,
    refresh_fingerprint=MARKS,
)
PROGRESS = st.none() | st.builds(
    RefreshProgress,
    INSTANTS,
    st.none() | STEPS,
    st.none() | st.builds(UsageStep, st.none() | FAILURES),
    done=st.booleans(),
)
RULES = PoolRules()


class PoolMachine(RuleBasedStateMachine):
    """One pool through listings, failures, readings, refreshes and memories."""

    state: PoolState
    now: datetime

    @initialize()
    def begin(self) -> None:
        self.state = PoolState()
        self.now = T0

    def _take(self, event: PoolEvent) -> None:
        self.state = apply(self.state, event)

    def _key(self, data: st.DataObject) -> AccountKey:
        return data.draw(st.sampled_from([*self.state.accounts, AccountKey("codex", "gone", "gone")]))

    @rule(source=st.sampled_from(SOURCES), entries=st.lists(LISTINGS, max_size=4))
    def list_accounts(self, source: str, entries: list[Listing]) -> None:
        placed = tuple(
            replace(entry, ref=SourceRef(source, f"p{index}")) for index, entry in enumerate(entries)
        )
        self._take(Listed(source, placed, self.now))
        assert {
            e.ref for a in self.state.accounts.values() for e in a.listings if e.ref.source == source
        } == {entry.ref for entry in placed}

    @rule(source=st.sampled_from(SOURCES), failure=FAILURES)
    def fail_source(self, source: str, failure: Failure) -> None:
        before = self.state.accounts
        self._take(SourceFailed(source, failure, self.now))
        assert self.state.accounts == before

    @rule(data=st.data(), snapshot=SNAPSHOTS, at=INSTANTS, mark=MARKS)
    def read_account(
        self, data: st.DataObject, snapshot: UsageSnapshot, at: datetime, mark: str | None
    ) -> None:
        self._take(ReadingArrived(self._key(data), "homes", at, snapshot, mark))

    @rule(data=st.data(), failure=FAILURES, mark=MARKS)
    def fail_account(self, data: st.DataObject, failure: Failure, mark: str | None) -> None:
        key = self._key(data)
        before = self.state.accounts.get(key)
        self._take(ReadingArrived(key, "homes", self.now, failure, mark))
        if before is not None:
            assert self.state.accounts[key].usage is before.usage
            assert self.state.accounts[key].read_at == before.read_at

    @rule(data=st.data(), progress=PROGRESS)
    def refresh_account(self, data: st.DataObject, progress: RefreshProgress | None) -> None:
        key = self._key(data)
        before = self.state.accounts.get(key)
        self._take(RefreshMoved(key, progress, self.now))
        if before is not None:
            assert self.state.accounts[key].usage is before.usage
            assert self.state.accounts[key].refresh == progress

    @rule(whole=st.booleans())
    def recall_itself(self, whole: bool) -> None:
        before = self.state.accounts
        self._take(Recalled(tuple(before.values()), whole))
        assert set(self.state.accounts) == set(before)
        for key, account in before.items():
            assert self.state.accounts[key].usage == account.usage

    @rule(minutes=st.integers(0, 10_000))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def every_account_is_counted_once(self) -> None:
        seen = overview(self.state, self.now, RULES)
        assert sum(seen.by_section.values()) == sum(seen.by_status.values()) == len(self.state.accounts)
        assert [each.account.key for each in seen.accounts] == list(self.state.accounts)
        assert set(seen.by_key) == set(self.state.accounts)
        assert 0 <= seen.stale <= len(seen.accounts)
        assert len(use_order(seen.accounts, seen.now, RULES)) == seen.by_section.get(Section.ACTIVE, 0)

    @invariant()
    def every_entry_belongs_to_one_account(self) -> None:
        refs = [entry.ref for account in self.state.accounts.values() for entry in account.listings]
        assert len(refs) == len(set(refs))
        listed = {entry.ref for source in self.state.sources.values() for entry in source.listings}
        assert listed == set(refs)
        for ref in refs:
            key = account_of_entry(self.state, ref)
            assert key is not None
            assert self.state.accounts[key].key == key

    @invariant()
    def every_account_is_bounded_named_and_can_act(self) -> None:
        for account in self.state.accounts.values():
            assert len(account.lately) <= RECENT_KEPT
            assert account.listings
            assert account.acting in account.listings
            assert account.name.full

    @invariant()
    def what_is_recommended_is_active_and_ahead(self) -> None:
        seen = overview(self.state, self.now, RULES)
        if seen.next_up is not None:
            assert seen.next_up.judged.section is Section.ACTIVE
            assert seen.next_up.judged.account.trouble is None
        if seen.next_back is not None:
            assert seen.next_back.until > seen.now
        if seen.next_reset is not None:
            assert seen.next_reset.resets_at > seen.now
        if seen.credits is not None:
            assert isinstance(seen.credits.total, Decimal)
            assert seen.credits.accounts + seen.credits.unlimited + seen.credits.unknown > 0


TestPoolMachine = PoolMachine.TestCase
TestPoolMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None, derandomize=True)
