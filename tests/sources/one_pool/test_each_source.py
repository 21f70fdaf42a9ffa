"""What each source alone can say of nine accounts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.status import Status, derive_status
from poolwatch.domain.usage import Credits, RateLimit, ResetCredits, Unsaid
from poolwatch.domain.values import replace
from tests.sources.logins import AT
from tests.sources.one_pool.seen import (
    NAMES,
    NUMBERS,
    WINDOWLESS,
    Seen,
    account_of,
    email_of,
    key_of,
    pool_of,
    truth,
)

#: What each source can say of an account, by field; the rest must be "not said".
EVERYTHING: Final = frozenset(
    {"plan", "base", "review", "extras", "credits", "spend", "reached_type", "reset_credits"}
)
KNOWS: Final = {
    "files": EVERYTHING,
    "cpa": EVERYTHING,
    "codex-proxy": EVERYTHING,
    "codex-lb": frozenset({"plan", "base", "extras", "credits", "reset_credits"}),
}


@pytest.mark.parametrize("name", NAMES)
async def test_each_source_alone(world: Mapping[str, Seen], name: str) -> None:
    """Every field that the source can know agrees with the service; of the others it says nothing."""
    seen = world[name]
    assert len(seen.listings) == len(NUMBERS)
    state = pool_of([seen])
    assert len(state.accounts) == len(NUMBERS)
    for number in NUMBERS:
        if name == "codex-proxy" and number in WINDOWLESS:
            continue
        wanted, found = truth(number), seen.usage(number)
        for field in sorted(EVERYTHING):
            said, true = getattr(found, field), getattr(wanted, field)
            assert agrees(said, true), (number, field, said, true)
            if field in KNOWS[name] and is_value(true):
                assert is_value(said), (number, field, said, true)


@pytest.mark.parametrize("name", NAMES)
async def test_statuses_by_each_source_alone(world: Mapping[str, Seen], name: str) -> None:
    state = pool_of([world[name]])
    by_mark = {
        (listing.account_id, listing.email): account
        for account in state.accounts.values()
        for listing in account.listings
    }
    alone = pool_of([world["files"]])
    for number in NUMBERS:
        wanted = derive_status(alone.accounts[key_of(number)], AT)
        found = derive_status(by_mark[account_of(number), email_of(number)], AT)
        if number in WINDOWLESS and name in ("codex-proxy", "codex-lb"):
            # neither tells "no windows" from "not read": that is no evidence
            assert found.kind is Status.UNKNOWN
            continue
        assert found.kind is wanted.kind, number
        if wanted.reason != "credits":  # that credits ran out, codex-lb does not say
            assert (found.reason, found.until) == (wanted.reason, wanted.until), number


async def test_what_codex_proxy_cannot_fetch(world: Mapping[str, Seen]) -> None:
    for number in WINDOWLESS:
        outcome = world["codex-proxy"].reading(number).outcome
        assert isinstance(outcome, Failure)
        assert outcome.kind not in (FailureKind.UNAUTHORIZED, FailureKind.DEACTIVATION_REPORTED)


def is_value(said: object) -> bool:
    return said is not None and not isinstance(said, Unsaid) and said != ()


def agrees(said: object, true: object) -> bool:
    """Not said, or the same as far as it goes; of what the service left open, a pool may know more."""
    if said is Unsaid.ABSENT or true is Unsaid.MALFORMED or said == true:
        return True
    if isinstance(said, RateLimit) and isinstance(true, RateLimit):
        bare = [replace(window, limit_reached=None) for window in said.windows]
        flags = (said.allowed, true.allowed), (said.limit_reached, true.limit_reached)
        return bare == list(true.windows) and all(mine in (None, other) for mine, other in flags)
    if isinstance(said, Credits) and isinstance(true, Credits):
        pairs = [(getattr(said, part), getattr(true, part)) for part in Credits.__struct_fields__]
        return all(mine in (None, other) for mine, other in pairs)
    if isinstance(said, ResetCredits) and isinstance(true, ResetCredits):
        return said.available == true.available
    if isinstance(said, tuple) and isinstance(true, tuple):
        theirs = {bucket.id: bucket for bucket in true}
        return all(
            bucket.id in theirs
            and bucket.name == theirs[bucket.id].name
            and agrees(bucket.limit, theirs[bucket.id].limit)
            for bucket in said
        )
    # "none" and "unknown" mean the same to a source that does not tell them apart
    return not is_value(said) and not is_value(true)
