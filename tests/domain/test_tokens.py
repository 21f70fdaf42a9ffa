"""Verdicts about tokens: how long they stand, and when one login in two files is a conflict."""

from __future__ import annotations

import pytest

from poolwatch.domain.account import Custody, Listing, SourceRef, TokenFacts
from poolwatch.domain.events import Listed
from poolwatch.domain.failure import FailureKind, Trouble
from poolwatch.domain.pool import apply
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.domain.state import PoolState
from poolwatch.domain.values import replace
from poolwatch.words.messages import failure_text
from tests.domain.make import (
    EXPIRED,
    after,
    failure,
    key,
    listed,
    listing,
    moved,
    pool_of,
    read,
    step,
    token,
)


def test_a_rejected_token_is_remembered_until_the_file_holds_another() -> None:
    pool = read(pool_of(listing()), failure(FailureKind.UNAUTHORIZED))
    assert pool.accounts[key()].rejected == {"access-1"}
    assert pool.accounts[key()].trouble is None
    same = apply(pool, listed(listing()))
    assert same.accounts[key()].rejected == {"access-1"}
    new = apply(same, listed(listing(facts=token(mark="access-2"))))
    assert new.accounts[key()].rejected == frozenset()


def test_a_token_that_another_entry_still_holds_stays_rejected() -> None:
    copy = listing(place="copy")
    pool = read(pool_of(listing(), copy), failure(FailureKind.UNAUTHORIZED))
    pool = apply(pool, listed(listing(facts=token(mark="access-2")), copy))
    assert pool.accounts[key()].rejected == {"access-1"}


def test_a_rejection_without_a_token_rejects_none() -> None:
    pool = read(pool_of(listing()), failure(FailureKind.UNAUTHORIZED), mark=None)
    assert pool.accounts[key()].rejected == frozenset()


DEAD = TokenStep(TokenOutcome.REJECTED_FOR_GOOD, refresh_fingerprint="refresh-1", detail="used elsewhere")


def test_a_dead_login_is_remembered_until_the_refresh_token_changes() -> None:
    pool = moved(pool_of(listing(facts=EXPIRED)), DEAD)
    assert pool.accounts[key()].dead_login is not None
    same = apply(pool, listed(listing(facts=token(mark="access-2"))))
    assert same.accounts[key()].dead_login is not None
    assert same.accounts[key()].trouble is not None
    new = apply(same, listed(listing(facts=token(mark="access-3", refresh="refresh-2"))))
    assert new.accounts[key()].dead_login is None
    assert new.accounts[key()].trouble is None


@pytest.mark.parametrize("outcome", [TokenOutcome.AMBIGUOUS, TokenOutcome.FAILED])
def test_a_login_that_was_replaced_sheds_its_trouble(outcome: TokenOutcome) -> None:
    pool = moved(pool_of(listing()), step(outcome, "reply lost"))
    assert apply(pool, listed(listing(facts=token(mark="access-2")))).accounts[key()].trouble is not None
    new = apply(pool, listed(listing(facts=token(mark="access-2", refresh="refresh-2"))))
    assert new.accounts[key()].trouble is None


def test_a_dead_login_keeps_its_trouble_when_another_entrys_token_changes() -> None:
    mine = listing(custody=Custody.POOLWATCH)
    other = listing(place="cli", custody=Custody.OTHER, facts=token("access-2", "refresh-2"))
    pool = moved(pool_of(mine, other), replace(DEAD, refresh_fingerprint="refresh-2"))
    pool = apply(pool, listed(replace(mine, token=token("access-3", "refresh-3")), other))
    assert pool.accounts[key()].dead_login is not None
    assert pool.accounts[key()].trouble is not None


# -- the same refresh token in two places --------------------------------------------------------------


def conflict(pool: PoolState, name: str = "alice") -> Trouble | None:
    found = pool.accounts[key(name)].trouble
    return found if found is not None and found.kind is FailureKind.CONFLICT else None


OWN = listing(custody=Custody.POOLWATCH, path="~/pool/alice.json")
COPY = listing(source="codex", place="copy", custody=Custody.CODEX, path="~/.codex/auth.json")


def test_one_login_in_two_files_is_a_conflict_where_poolwatch_may_spend_it() -> None:
    pool = pool_of(OWN, COPY)
    found = conflict(pool)
    assert found is not None
    assert found.detail == "~/.codex/auth.json"
    assert "~/.codex/auth.json" in failure_text(found)
    again = apply(pool, listed(OWN, at=after(minutes=9)))
    assert conflict(again) == found


@pytest.mark.parametrize(
    "entries",
    [
        (replace(OWN, custody=Custody.OTHER), COPY),
        (OWN, replace(COPY, token=token("access-1", "refresh-2"))),
        (OWN, replace(COPY, custody=Custody.POOL)),
        (OWN, replace(COPY, ref=SourceRef("codex", "alice"))),
        (replace(OWN, token=TokenFacts()), replace(COPY, token=TokenFacts())),
        (OWN,),
    ],
)
def test_what_is_no_conflict(entries: tuple[Listing, ...]) -> None:
    assert conflict(pool_of(*entries)) is None


def test_two_of_poolwatchs_own_files_conflict_too_and_so_do_files_without_ids() -> None:
    assert conflict(pool_of(OWN, replace(COPY, custody=Custody.POOLWATCH))) is not None
    nameless = replace(COPY, user_id=None, account_id=None, path=None)
    pool = pool_of(OWN, nameless)
    assert len(pool.accounts) == 2
    found = conflict(pool)
    assert found is not None
    assert found.detail == "copy"


def test_a_conflict_ends_when_one_file_is_set_aside_and_only_then() -> None:
    pool = pool_of(OWN, COPY)
    adopted = moved(pool, TokenStep(TokenOutcome.ADOPTED))
    assert conflict(adopted) is not None
    current = moved(pool, TokenStep(TokenOutcome.CURRENT))
    assert conflict(current) is not None
    assert conflict(apply(adopted, Listed("codex", (), after(minutes=1)))) is None


def test_a_lost_reply_is_graver_than_a_conflict() -> None:
    pool = moved(pool_of(OWN), step(TokenOutcome.AMBIGUOUS, "reply lost"))
    pool = apply(pool, listed(COPY))
    assert pool.accounts[key()].ambiguous


def test_a_login_whose_refresh_token_was_never_known_keeps_its_trouble() -> None:
    pool = moved(pool_of(listing(facts=token(refresh=None))), step(TokenOutcome.FAILED, "unreachable"))
    assert apply(pool, listed(listing())).accounts[key()].trouble is not None
