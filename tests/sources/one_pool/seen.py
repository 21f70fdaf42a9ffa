"""Nine accounts seen through files and through all three pools: one set of nine cards, and the same figures.

Two of them share an e-mail (two workspaces of one person), two share a workspace (two members of one team).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, cast

from poolwatch.domain.account import AccountKey, Listing, SourceRef
from poolwatch.domain.events import Listed, ReadingArrived
from poolwatch.domain.failure import Failure
from poolwatch.domain.pool import apply
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.status import derive_status
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.sources.source import Source, UsageReading
from poolwatch.sources.usage_payload import parse_usage
from tests.sources.logins import AT, access_token
from tests.support.entries import account_of_entry
from tests.support.replay_server import PoolServer, Request, Response, answer

PAYLOADS: Final = Path(__file__).parents[2] / "payloads"
NUMBERS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 11)
NAMES: Final = ("files", "codex-proxy", "codex-lb", "cpa")
#: business accounts without windows: codex-proxy cannot fetch these
WINDOWLESS: Final = frozenset({4})
LB_KEY: Final = "fake-lb-key"
LB_PASSWORD: Final = "fake-lb-password"
LB_READ_AT: Final = datetime(2026, 11, 20, 20, 30, tzinfo=UTC)
LB_STATUS: Final = {5: "rate_limited", 7: "quota_exceeded", 11: "rate_limited"}


def payload(number: int) -> dict[str, object]:
    """The example payload, as this pool's account has it; personal ones name no workspace."""
    [path] = PAYLOADS.glob(f"{number:02}-*.json")
    found = cast("dict[str, object]", json.loads(path.read_bytes()))
    named = {} if found["account_id"] == found["user_id"] else {"account_id": account_of(number)}
    return {**found, **named, "email": email_of(number)}


def body(number: int) -> bytes:
    return json.dumps(payload(number)).encode()


def email_of(number: int) -> str:
    """8 is 1's second workspace."""
    return f"pool{1 if number == 8 else number:02}@example.com"


def account_of(number: int) -> str:
    """11 is a member of 3's team."""
    return f"00000000-0000-4000-8000-{3 if number == 11 else number:012}"


def user_of(number: int) -> str:
    return f"user-ExampleFake{number:02}"


def plan_of(number: int) -> str:
    return str(payload(number)["plan_type"])


def key_of(number: int) -> AccountKey:
    return AccountKey("codex", user_of(number), account_of(number))


def truth(number: int) -> UsageSnapshot:
    found = parse_usage(body(number), AT)
    assert isinstance(found, UsageSnapshot)
    return found


class Upstream(PoolServer):
    """The usage endpoint, which knows an account by its token and its workspace."""

    async def respond(self, request: Request) -> Response:
        for number in NUMBERS:
            token, account = access_token(user_of(number), account_of(number)), account_of(number)
            is_bearer = request.headers["authorization"] == f"Bearer {token}"
            if is_bearer and request.headers["chatgpt-account-id"] == account:
                return Response(200, body(number))
        return answer(401, {"detail": "Unauthorized"})


@dataclass(frozen=True)
class Seen:
    """What one source listed, and read of each account."""

    listings: tuple[Listing, ...]
    readings: Mapping[SourceRef, UsageReading]

    @property
    def name(self) -> str:
        return self.listings[0].ref.source

    def reading(self, number: int) -> UsageReading:
        mark = (account_of(number), email_of(number))
        [ref] = [each.ref for each in self.listings if (each.account_id, each.email) == mark]
        return self.readings[ref]

    def usage(self, number: int) -> UsageSnapshot:
        found = self.reading(number).outcome
        assert isinstance(found, UsageSnapshot), found
        return found


async def look(source: Source) -> Seen:
    listings = await source.list_accounts(AT)
    assert not isinstance(listings, Failure), listings
    readings = {each.ref: await source.fetch_usage(each, AT) for each in listings}
    return Seen(listings, readings)


def pool_of(seen: Iterable[Seen]) -> PoolState:
    """The pool after all sources listed and all their readings came in, in this order."""
    state = PoolState()
    order = list(seen)
    for each in order:
        state = apply(state, Listed(each.name, each.listings, AT))
    for each in order:
        for ref, reading in each.readings.items():
            key = account_of_entry(state, ref)
            assert key is not None
            state = apply(
                state, ReadingArrived(key, ref.source, reading.at or AT, reading.outcome, asked_at=AT)
            )
    return state


def figures(account: AccountState) -> object:
    """What stands on a card, without ages and sources."""
    usage = account.usage
    return (
        account.plan,
        derive_status(account, AT),
        [(bucket.id, bucket.name, bucket.limit) for bucket in usage.buckets],
        *(
            aged.value if aged is not None else None
            for aged in (usage.base, usage.credits, usage.spend, usage.reached_type, usage.reset_credits)
        ),
    )


def numbers(account: AccountState) -> object:
    """Windows, credits and banked resets, without the flags that not every source knows."""
    usage = account.usage
    credits = usage.credits.value if usage.credits is not None else None
    banked = usage.reset_credits.value if usage.reset_credits is not None else None
    return (
        account.plan,
        [(window.kind, window.used_percent, window.resets_at) for window in usage.windows],
        (credits.balance, credits.has_credits, credits.unlimited) if credits is not None else None,
        (banked.available if banked is not None else None) or 0,
    )
