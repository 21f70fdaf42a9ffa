"""Which entries are one account, and what it is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.account import (
    AccountKey,
    Listing,
    Name,
    NamingRule,
    SourceRef,
    first_email,
    name_accounts,
    resolve,
)
from tests.domain.make import key, listing


def keys(*listings: Listing) -> list[AccountKey]:
    found = resolve(listings)
    return [found[entry.ref] for entry in listings]


FULL = listing()


def partial(**more: object) -> Listing:
    ids = more.pop("ids", (None, "acct-alice"))
    email = more.pop("email", "alice@example.com")
    assert not more
    assert isinstance(ids, tuple)
    assert email is None or isinstance(email, str)
    return listing(source="pool", place="p1", ids=ids, email=email)


ALONE = AccountKey("codex", source="pool", place="p1")


def test_both_ids_are_the_identity_across_sources() -> None:
    assert keys(FULL, listing(source="pool", place="p1", email=None)) == [key(), key()]


@pytest.mark.parametrize("email", ["alice@example.com", "Alice@Example.COM"])
def test_an_entry_with_one_id_missing_joins_the_only_match_and_takes_its_id(email: str) -> None:
    joined = keys(partial(email=email), FULL)
    assert joined == [key(), key()]
    assert joined[0].id == key().id


@pytest.mark.parametrize(
    "entry",
    [
        partial(email=None),
        partial(email="bob@example.com"),
        partial(ids=(None, "acct-other")),
        partial(ids=(None, None)),
        partial(ids=("user-alice", None)),
        partial(ids=("", "acct-alice"), email=None),
    ],
)
def test_what_does_not_match_stays_on_its_own(entry: Listing) -> None:
    assert keys(FULL, entry) == [key(), ALONE]


def test_an_empty_id_is_a_missing_one() -> None:
    assert keys(FULL, listing(source="pool", place="p1", ids=(None, ""), email=None))[1] == ALONE
    blank = Listing(SourceRef("pool", "p1"), user_id="", account_id="acct-alice", email="alice@example.com")
    assert keys(FULL, blank) == [key(), key()]


def test_two_candidates_are_no_match() -> None:
    twin = listing(place="b", ids=("user-other", "acct-alice"), email="alice@example.com")
    assert keys(FULL, twin, partial())[2] == ALONE


def test_the_same_candidate_twice_is_one() -> None:
    assert keys(FULL, listing(place="copy"), partial())[2] == key()


def test_another_provider_is_another_account() -> None:
    elsewhere = Listing(
        SourceRef("pool", "p1"), provider="other", account_id="acct-alice", email="alice@example.com"
    )
    assert keys(FULL, elsewhere)[1] == AccountKey("other", source="pool", place="p1")


def test_one_email_in_two_workspaces_is_two_accounts() -> None:
    work = listing(place="work", ids=("user-alice", "acct-work"))
    assert len(set(keys(FULL, work))) == 2


def test_partial_entries_of_two_sources_are_one_account_that_counts_once() -> None:
    one, two = partial(), listing(source="lb", place="p2", ids=(None, "acct-alice"))
    assert keys(one, two) == keys(two, one) == [AccountKey("codex", source="lb", place="p2")] * 2


@pytest.mark.parametrize(
    "other",
    [
        listing(source="lb", place="p2", ids=(None, "acct-alice"), email="bob@example.com"),
        listing(source="lb", place="p2", ids=(None, "acct-other")),
        listing(source="lb", place="p2", ids=(None, None)),
        listing(source="lb", place="p2", ids=(None, "acct-alice"), email=None),
        # two of one source: which of them is meant, nobody can tell
        listing(source="pool", place="p2", ids=(None, "acct-alice")),
    ],
)
def test_partial_entries_that_may_differ_stay_apart(other: Listing) -> None:
    assert len(set(keys(partial(), other))) == 2


def test_partial_entries_stay_apart_where_two_accounts_could_be_meant() -> None:
    twin = listing(place="h2", ids=("user-twin", "acct-alice"))
    lb = listing(source="lb", place="p2", ids=(None, "acct-alice"))
    assert len(set(keys(FULL, twin, partial(), lb))) == 4


@given(st.permutations([FULL, partial(), listing("bob"), listing(place="copy"), listing("carl", ids=None)]))
def test_the_order_of_entries_does_not_matter(entries: list[Listing]) -> None:
    assert resolve(entries) == resolve(entries[::-1])
    assert len(set(keys(*entries))) == 3


def names(*listings: Listing, rules: tuple[NamingRule, ...] = ()) -> list[str]:
    found = resolve(listings)
    grouped: dict[AccountKey, list[Listing]] = {}
    for entry in listings:
        grouped.setdefault(found[entry.ref], []).append(entry)
    return [name.full for name in name_accounts(grouped, rules).values()]


def test_folder_then_the_pools_label_then_email_then_short_id() -> None:
    assert names(listing(folder="home-a", label="lb-a")) == ["home-a"]
    assert names(listing(label="lb-a")) == ["lb-a"]
    assert names(listing()) == ["alice@example.com"]
    assert names(listing(email=None)) == [key().id[:8]]


def test_a_merged_account_takes_the_best_name_of_any_source() -> None:
    assert names(listing(email=None), listing(source="pool", place="p1", label="lb-a")) == ["lb-a"]
    assert names(listing(email=None), listing(source="pool", place="p1")) == ["alice@example.com"]


def test_one_email_in_two_workspaces_shows_the_workspace() -> None:
    home = listing(ids=("user-1", "acct-111111"), email="alice@example.com")
    work = listing("work", ids=("user-1", "acct-222222"), email="Alice@Example.com")
    assert names(home, work) == ["alice@example.com (111111)", "Alice@Example.com (222222)"]
    placed = listing("pool", source="pool", ids=None, email="alice@example.com")
    third = AccountKey("codex", source="pool", place="pool").id[:6]
    assert names(home, placed)[1] == f"alice@example.com ({third})"
    assert names(home) == ["alice@example.com"]


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ("alice@example.com", True),
        ("ALICE@example.com", True),
        ("bob@example.com", False),
        (key().id, True),
        (key().id[:4], True),
        (key().id[:6].upper(), True),
        (key().id[:3], False),
        ("home-*", True),
        ("home-?", True),
        ("home", False),
        ("home-a", True),
        ("HOME-*", False),
        ("*", True),
        ("", False),
    ],
)
def test_a_rule_matches_by_email_id_prefix_or_glob_on_the_label(match: str, matches: bool) -> None:
    found = names(listing(folder="home-a"), rules=(NamingRule(match, "renamed"),))
    assert found == ["renamed" if matches else "home-a"]


def test_a_label_that_looks_like_a_glob_matches_itself() -> None:
    assert names(listing(folder="a[1]"), rules=(NamingRule("a[1]", "renamed"),)) == ["renamed"]


def test_the_first_matching_rule_gives_the_label_and_the_first_with_a_group_the_group() -> None:
    rules = (
        NamingRule("alice@example.com", label="al"),
        NamingRule("al*", label="second", group="team-east"),
        NamingRule("*", group="everyone"),
    )
    assert names(listing(), listing("bob"), rules=rules) == ["team-east/al", "everyone/bob@example.com"]


def test_a_rule_for_an_email_leaves_accounts_without_one_alone() -> None:
    assert names(listing(email=None), rules=(NamingRule("alice@example.com", "al"),)) == [key().id[:8]]


def test_a_name_without_group_is_its_label() -> None:
    assert (Name("a").full, Name("a", "g").full, Name("a", "").full) == ("a", "g/a", "a")
    assert first_email([]) is None
