"""How listings, failed sources and the store's memory change the pool."""

from __future__ import annotations

from decimal import Decimal

import pytest

from poolwatch.domain.account import AccountKey, Custody, Listing, NamingRule, SourceRef, TokenFacts
from poolwatch.domain.events import Listed, ReadingArrived, Recalled, RefreshMoved, SourceFailed
from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.message import message
from poolwatch.domain.overview import overview
from poolwatch.domain.pool import apply
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome
from poolwatch.domain.state import AccountState, PoolFacts, PoolState
from poolwatch.domain.status import PoolRules
from poolwatch.domain.usage import Usage, UsageSnapshot
from poolwatch.domain.values import replace
from tests.domain.make import (
    T0,
    after,
    failure,
    key,
    listed,
    listing,
    moved,
    pool_of,
    read,
    reading,
    step,
    token,
    window,
)
from tests.support.entries import account_of_entry

DOWN = failure(FailureKind.UNREACHABLE, "connection refused")


def test_a_listing_replaces_the_sources_former_one() -> None:
    pool = pool_of(listing(), listing("bob"))
    pool = apply(pool, listed(listing("bob"), listing("carl"), at=after(minutes=1)))
    assert list(pool.accounts) == [key("bob"), key("carl")]
    assert pool.sources["homes"].listed_at == after(minutes=1)
    assert apply(pool, Listed("homes", (), T0)).accounts == {}


def test_an_account_in_two_sources_is_one_with_both_named() -> None:
    pool = pool_of(listing(), listing(source="lb", place="p1", custody=Custody.POOL))
    account = pool.accounts[key()]
    assert len(pool.accounts) == 1
    assert account.sources == ("homes", "lb")
    assert apply(pool, Listed("lb", (), T0)).accounts[key()].sources == ("homes",)


def test_readings_survive_a_new_listing() -> None:
    pool = read(pool_of(listing()), reading(window(40)))
    again = apply(pool, listed(listing(plan="pro"), listing("bob")))
    assert again.accounts[key()].usage is pool.accounts[key()].usage
    assert again.accounts[key()].read_at == T0


def test_a_failed_source_keeps_what_it_last_said() -> None:
    pool = read(pool_of(listing()), reading(window(40)))
    failed = apply(pool, SourceFailed("homes", DOWN, after(minutes=1)))
    assert failed.accounts == pool.accounts
    again = apply(failed, SourceFailed("homes", DOWN, after(minutes=2)))
    source = again.sources["homes"]
    assert (source.failure, source.failing_since, source.listed_at) == (DOWN, after(minutes=1), T0)
    well = apply(again, listed(listing(), at=after(minutes=3))).sources["homes"]
    assert (well.failure, well.failing_since, well.listed_at) == (None, None, after(minutes=3))


def test_another_sources_listing_does_not_drop_accounts_of_a_failed_one() -> None:
    pool = apply(pool_of(listing()), SourceFailed("homes", DOWN, after(minutes=1)))
    pool = apply(pool, listed(listing("bob", source="lb")))
    assert set(pool.accounts) == {key(), key("bob")}


def test_remembered_accounts_stay_until_their_source_lists_even_if_it_fails_first() -> None:
    stored = read(pool_of(listing(), listing("bob")), reading(window(40)))
    pool = apply(PoolState(), Recalled(tuple(stored.accounts.values())))
    pool = apply(pool, listed(listing("carl", source="lb")))
    assert set(pool.accounts) == {key(), key("bob"), key("carl")}
    pool = apply(pool, SourceFailed("homes", DOWN, T0))
    assert [entry.ref.place for entry in pool.sources["homes"].listings] == ["alice", "bob"]
    pool = apply(pool, listed(listing("carl", source="lb")))
    assert set(pool.accounts) == {key(), key("bob"), key("carl")}
    pool = apply(pool, listed(listing()))
    assert set(pool.accounts) == {key(), key("carl")}
    assert pool.accounts[key()].usage.windows == (window(40),)


def test_events_leave_whether_the_pool_is_settled_alone() -> None:
    for settled in (True, False):
        pool = apply(PoolState(settled=settled), listed(listing()))
        assert apply(pool, SourceFailed("lb", DOWN, T0)).settled is settled


def test_names_follow_the_pools_rules() -> None:
    pool = apply(PoolState(rules=(NamingRule("alice@*", "al", "east"),)), listed(listing()))
    assert pool.accounts[key()].name.full == "east/al"


def test_where_an_entry_belongs() -> None:
    pool = pool_of(listing(), listing(source="lb", place="p1"))
    for ref in (SourceRef("lb", "p1"), SourceRef("homes", "alice")):
        assert account_of_entry(pool, ref) == key()
    assert account_of_entry(pool, SourceRef("lb", "p2")) is None


PLACE = AccountKey("codex", source="homes", place="alice")


def test_a_place_that_learns_its_ids_keeps_its_readings() -> None:
    pool = pool_of(listing(ids=None))
    pool = apply(pool, ReadingArrived(PLACE, "homes", T0, reading(window(40))))
    pool = apply(pool, listed(listing()))
    assert list(pool.accounts) == [key()]
    assert pool.accounts[key()].key == key()
    assert pool.accounts[key()].usage.windows == (window(40),)


def test_the_same_login_used_for_another_workspace_keeps_what_is_known_of_its_tokens_alone() -> None:
    pool = read(pool_of(listing()), reading(window(10)))
    pool = read(pool, failure(FailureKind.UNAUTHORIZED))
    pool = moved(pool, step(TokenOutcome.REJECTED_FOR_GOOD, refresh_fingerprint="refresh-1"))
    other = listing(ids=("user-alice", "acct-2"))
    found = apply(pool, listed(other)).accounts
    [account] = found.values()
    assert account.key == AccountKey("codex", "user-alice", "acct-2")
    assert (account.usage, account.read_at) == (Usage(), None)
    assert account.rejected == {"access-1"}
    assert account.dead_login is not None
    renewed = listing(ids=("user-alice", "acct-2"), facts=token("access-2", "refresh-2"))
    [clean] = apply(pool, listed(renewed)).accounts.values()
    assert (clean.rejected, clean.dead_login) == (frozenset(), None)


def test_a_login_that_two_files_use_for_two_workspaces_is_two_accounts() -> None:
    both = listing(place="one"), listing(place="two")
    pool = read(pool_of(*both), reading(window(10)))
    parted = apply(pool, listed(both[0], replace(both[1], account_id="acct-2"))).accounts
    assert {each.account_id for each in parted} == {"acct-alice", "acct-2"}
    assert parted[key()].read_at == T0
    assert parted[AccountKey("codex", "user-alice", "acct-2")].read_at is None
    # and one that is stored under that workspace already is joined
    stored = listing(ids=("user-alice", "acct-2"), place="three")
    pool = pool_of(*both, stored)
    joined = apply(pool, listed(both[0], replace(both[1], account_id="acct-2"), stored)).accounts
    assert [len(account.listings) for account in joined.values()] == [1, 2]


def test_a_place_whose_login_was_swapped_starts_anew() -> None:
    pool = read(pool_of(listing()), reading(window(40)))
    pool = apply(pool, listed(listing("bob", place="alice")))
    assert list(pool.accounts) == [key("bob")]
    assert pool.accounts[key("bob")].usage.windows == ()
    assert pool.accounts[key("bob")].read_at is None


def test_an_entry_without_ids_joins_and_leaves_with_the_account_it_matches() -> None:
    partial = listing(source="lb", place="p1", ids=(None, "acct-alice"), email="alice@example.com")
    pool = pool_of(listing(), partial)
    assert list(pool.accounts) == [key()]
    pool = apply(pool, Listed("homes", (), T0))
    assert list(pool.accounts) == [AccountKey("codex", source="lb", place="p1")]


@pytest.mark.parametrize(
    "torn",
    [
        Listing(SourceRef("homes", "alice"), problem=message("as_stored", text="not valid JSON")),
        listing(problem="not valid JSON", facts=TokenFacts()),
    ],
)
def test_a_file_that_cannot_be_read_for_a_moment_stays_its_account(torn: Listing) -> None:
    rejected = read(pool_of(listing(), listing("bob")), failure(FailureKind.UNAUTHORIZED))
    pool = read(rejected, reading(window(40)))
    pool = apply(pool, listed(torn, listing("bob")))
    account = pool.accounts[key()]
    assert set(pool.accounts) == {key(), key("bob")}
    assert account.listings[0].problem == message("as_stored", text="not valid JSON")
    assert not account.listings[0].polled
    assert account.usage.windows == (window(40),)
    # another source's listing must not make it forget who it was
    pool = apply(pool, listed(listing("carl", source="lb")))
    assert key() in pool.accounts
    healed = apply(pool, listed(listing(), listing("bob"))).accounts[key()]
    assert healed.listings[0].problem is None
    assert healed.rejected == {"access-1"}


def test_an_unreadable_file_of_another_login_inherits_nothing() -> None:
    pool = read(pool_of(listing()), failure(FailureKind.UNAUTHORIZED))
    swapped = listing("bob", place="alice", problem="not valid JSON", facts=TokenFacts())
    account = apply(pool, listed(swapped)).accounts[key("bob")]
    assert account.listings == (swapped,)
    assert account.rejected == frozenset()


def test_a_file_that_was_never_readable_is_its_own_account() -> None:
    torn = Listing(SourceRef("homes", "alice"), problem=message("as_stored", text="not valid JSON"))
    assert list(apply(PoolState(), listed(torn)).accounts) == [PLACE]


@pytest.mark.parametrize("event", ["read", "refresh"])
def test_an_event_for_an_account_that_went_changes_nothing(event: str) -> None:
    pool = pool_of(listing())
    gone = key("gone")
    what = (
        ReadingArrived(gone, "homes", T0, reading(window(1)))
        if event == "read"
        else RefreshMoved(gone, RefreshProgress(T0), T0)
    )
    assert apply(pool, what) is pool


# -- what the store holds ----------------------------------------------------------------------------


def stored(minutes: float, *, name: str = "alice", used: float = 40) -> AccountState:
    at = after(minutes=minutes)
    return read(pool_of(listing(name, label="stored")), reading(window(used)), name, at=at).accounts[
        key(name)
    ]


def test_the_store_fills_in_accounts_that_are_not_known() -> None:
    pool = apply(pool_of(listing("bob")), Recalled((stored(0),)))
    assert set(pool.accounts) == {key("bob"), key()}
    assert pool.accounts[key()].usage.windows == (window(40),)


def test_a_later_try_of_another_process_is_taken_over_an_earlier_one_is_not() -> None:
    pool = read(pool_of(listing(facts=token("access-2"))), reading(window(10)))
    pool = apply(pool, RefreshMoved(key(), RefreshProgress(T0), T0))
    assert apply(pool, Recalled((stored(-5),))).accounts[key()] is pool.accounts[key()]
    assert apply(pool, Recalled((stored(0),))).accounts[key()] is pool.accounts[key()]
    later = replace(stored(5), rejected=frozenset({"access-1", "access-2"}))
    account = apply(pool, Recalled((later,))).accounts[key()]
    assert account.usage.windows == (window(40),)
    assert account.tried_at == after(minutes=5)
    assert account.listings == pool.accounts[key()].listings
    assert account.name.full == "alice@example.com"
    assert account.refresh is not None
    assert account.rejected == {"access-2"}


def test_a_first_reading_of_another_process_is_taken_over() -> None:
    pool = apply(pool_of(listing()), Recalled((stored(5),)))
    assert pool.accounts[key()].usage.windows == (window(40),)
    never = replace(stored(5), tried_at=None)
    assert apply(pool, Recalled((never,))).accounts[key()].read_at == after(minutes=5)


def test_for_a_viewer_the_store_is_all_there_is() -> None:
    pool = apply(pool_of(listing(), listing("bob")), RefreshMoved(key(), RefreshProgress(T0), T0))
    viewed = apply(pool, Recalled((stored(-5),), whole=True))
    assert list(viewed.accounts) == [key()]
    assert viewed.accounts[key()].usage.windows == (window(40),)
    assert viewed.accounts[key()].refresh == RefreshProgress(T0)
    own = replace(stored(-5), refresh=RefreshProgress(after(minutes=1)))
    assert apply(pool, Recalled((own,), whole=True)).accounts[key()].refresh == own.refresh


# -- what an account says of itself ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "custody"),
    [
        ((Custody.STATIC, Custody.OTHER), Custody.OTHER),
        ((Custody.OTHER, Custody.CODEX), Custody.CODEX),
        ((Custody.CODEX, Custody.POOL), Custody.POOL),
        ((Custody.POOL, Custody.POOLWATCH), Custody.POOLWATCH),
        ((Custody.STATIC,), Custody.STATIC),
    ],
)
def test_a_merged_account_shows_the_custody_that_will_act(
    entries: tuple[Custody, ...], custody: Custody
) -> None:
    pool = pool_of(*(listing(source=each.value, custody=each) for each in entries))
    assert pool.accounts[key()].custody is custody


def test_an_entry_that_cannot_act_gives_way_and_of_equals_the_longest_lived_acts() -> None:
    broken = listing(custody=Custody.POOLWATCH, problem="not readable")
    disabled = listing(place="b", custody=Custody.POOLWATCH, disabled=True)
    short = listing(place="c", facts=token("access-2", expires=after(hours=1)))
    endless = listing(place="d", facts=TokenFacts(fingerprint="access-3"))
    long = listing(place="e", facts=token("access-4", expires=after(days=9)))
    account = pool_of(broken, disabled, short, endless, long).accounts[key()]
    assert account.acting == long


def test_an_account_without_entries() -> None:
    account = AccountState(key())
    assert (account.custody, account.email, account.plan) == (Custody.OTHER, None, None)
    assert (account.without_usage, account.sources, account.trouble) == (None, (), None)


def test_the_plan_is_what_the_usage_endpoint_says_else_the_login() -> None:
    pool = pool_of(listing(), listing(place="copy", plan="plus"))
    assert pool.accounts[key()].plan == "plus"
    assert read(pool, UsageSnapshot(plan="pro")).accounts[key()].plan == "pro"
    assert read(pool, UsageSnapshot(plan=None)).accounts[key()].plan == "plus"


REPORTED = worded(FailureKind.EDGE_BLOCKED, "blocked").since(T0)


@pytest.mark.parametrize(
    ("login", "shown"),
    [
        (FailureKind.AMBIGUOUS, FailureKind.AMBIGUOUS),
        (FailureKind.CONFLICT, FailureKind.CONFLICT),
        (FailureKind.TOKEN_REFRESH, FailureKind.EDGE_BLOCKED),
        (FailureKind.BLOCKED, FailureKind.EDGE_BLOCKED),
    ],
)
def test_which_trouble_is_shown(login: FailureKind, shown: FailureKind) -> None:
    account = AccountState(key(), login_trouble=worded(login, "it failed").since(T0))
    assert account.trouble == account.login_trouble
    both = replace(account, reading_trouble=REPORTED)
    assert both.trouble is not None
    assert both.trouble.kind is shown
    assert replace(both, login_trouble=None).trouble == REPORTED


def test_a_source_that_fails_before_it_ever_listed() -> None:
    pool = apply(PoolState(), SourceFailed("lb", worded(FailureKind.FORBIDDEN, "key refused"), T0))
    assert (pool.sources["lb"].listings, pool.sources["lb"].listed_at) == ((), None)


def test_an_unusable_file_that_shows_its_token_is_taken_at_its_word() -> None:
    pool = pool_of(listing())
    broken = listing(problem="owned by another user", facts=token(mark="access-2"))
    assert apply(pool, listed(broken)).accounts[key()].listings == (broken,)


def test_a_pool_entry_keeps_the_readings_when_its_file_goes_for_good() -> None:
    partial = listing(source="lb", place="p1", ids=(None, "acct-alice"), custody=Custody.POOL)
    pool = read(pool_of(listing(), partial), reading(window(40)))
    alone = apply(pool, Listed("homes", (), after(minutes=1)))
    [account] = alone.accounts.values()
    assert not account.key.is_full
    assert account.usage.windows == (window(40),)
    back = apply(alone, listed(listing(), at=after(minutes=2)))
    [account] = back.accounts.values()
    assert account.key == key()
    assert account.usage.windows == (window(40),)


def test_another_login_in_the_place_of_a_pool_entry_inherits_nothing() -> None:
    partial = listing(source="lb", place="p1", ids=(None, "acct-alice"), custody=Custody.POOL)
    pool = read(pool_of(listing(), partial), reading(window(40)))
    other = listing("bob", source="lb", place="p1", ids=(None, "acct-bob"), custody=Custody.POOL)
    swapped = apply(apply(pool, Listed("homes", (), T0)), Listed("lb", (other,), T0))
    [account] = swapped.accounts.values()
    assert account.usage.windows == ()


def test_the_rate_that_all_pools_agree_on_is_adopted_where_nobody_set_one() -> None:
    unset, own = PoolRules(adopts_rate=True), PoolRules(credits_per_usd=Decimal(10))
    pool = PoolState()
    assert unset.in_force(pool).credits_per_usd == 25
    pool = apply(pool, Listed("one", (), T0, Decimal(40)))
    assert unset.in_force(pool).credits_per_usd == 40
    assert own.in_force(pool) is own
    pool = apply(pool, Listed("two", (), T0))
    assert unset.in_force(pool).credits_per_usd == 40
    pool = apply(pool, Listed("two", (), T0, Decimal(50)))
    assert unset.in_force(pool).credits_per_usd == 25
    pool = apply(pool, Listed("two", (), T0, Decimal("40.0")))
    assert unset.in_force(pool).credits_per_usd == 40
    # a pool that does not say it this time has not changed it
    pool = apply(apply(pool, Listed("one", (), T0)), SourceFailed("two", DOWN, T0))
    assert unset.in_force(pool).credits_per_usd == 40


def test_the_totals_go_by_the_rate_in_force() -> None:
    pool = apply(pool_of(listing()), Listed("pool", (), T0, Decimal(0)))
    assert overview(pool, T0, PoolRules(adopts_rate=True)).rules.credits_per_usd == 0
    assert overview(pool, T0, PoolRules()).rules.credits_per_usd == 25


def test_remembered_rates_stand_until_the_pool_says_another() -> None:
    facts = PoolFacts(rates={"pool": Decimal(40)})
    pool = apply(PoolState(), Recalled((), whole=True, facts=facts))
    assert pool.agreed_rate == 40
    pool = apply(pool, Listed("pool", (), T0, Decimal(50)))
    assert apply(pool, Recalled((), whole=True, facts=facts)).agreed_rate == 50
