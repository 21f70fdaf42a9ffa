"""Nine accounts seen through files and through all three pools: one set of nine cards, and the same figures.

Two of them share an e-mail (two workspaces of one person), two share a workspace (two members of one team).
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Final, cast

import pytest

from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.account import AccountKey, Custody, Listing, SourceRef
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.overview import PoolRules, overview
from poolwatch.domain.pool import AccountState, Listed, PoolState, Read, SourceFailed, apply
from poolwatch.domain.status import Status, derive_status
from poolwatch.domain.usage import Credits, RateLimit, ResetCredits, Unsaid, UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.cli_proxy_api import CliProxyApi
from poolwatch.sources.codex_lb import CodexLb
from poolwatch.sources.codex_proxy import CodexProxy
from poolwatch.sources.source import Source, UsageReading
from poolwatch.sources.usage_wire import parse_usage
from tests.sources.logins import AT, FINGERPRINT, access_token, cliproxy_login, put
from tests.support.cli_proxy_server import KEY, CliProxyServer, login
from tests.support.codex_lb_server import CodexLbServer, LbAccountState
from tests.support.codex_proxy_server import CodexProxyServer, ProxyAccountState
from tests.support.replay_server import PoolServer, Request, Response, answer

PAYLOADS: Final = Path(__file__).parent.parent / "payloads"
NUMBERS: Final = (1, 2, 3, 4, 5, 6, 7, 8, 11)
NAMES: Final = ("files", "codex-proxy", "codex-lb", "cpa")
#: business accounts without windows: codex-proxy cannot fetch these
WINDOWLESS: Final = frozenset({4})
LB_KEY: Final = "fake-lb-key"
LB_PASSWORD: Final = "fake-lb-password"
LB_READ_AT: Final = datetime(2026, 11, 20, 20, 30, tzinfo=UTC)
LB_STATUS: Final = {5: "rate_limited", 7: "quota_exceeded", 11: "rate_limited"}


def body(number: int) -> bytes:
    [path] = PAYLOADS.glob(f"{number:02}-*.json")
    return path.read_bytes()


def payload(number: int) -> dict[str, object]:
    return cast("dict[str, object]", json.loads(body(number)))


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
    readings = {each.ref: await source.fetch_usage(each.ref, AT) for each in listings}
    return Seen(listings, readings)


def pool_settings(kind: SourceKind, name: str, url: str, home: Path) -> SourceSettings:
    key = {"codex-lb": LB_KEY, "cpa": KEY}.get(name)
    (home / "lb.password").write_text(LB_PASSWORD)
    if key is not None:
        (home / f"{name}.key").write_text(key)
    return SourceSettings(
        kind,
        name,
        Custody.POOL,
        url=url,
        api_key_file=str(home / f"{name}.key") if key is not None else None,
        dashboard_password_file=str(home / "lb.password") if name == "codex-lb" else None,
    )


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Mapping[str, Seen]]:
    """All four sources, asked over HTTP."""
    upstream = Upstream()
    proxy = CodexProxyServer(
        *(
            ProxyAccountState(
                f"a1b2c3d4{number:08}",
                email_of(number),
                account_of(number),
                user_of(number),
                usage=payload(number),
                plan=plan_of(number),
            )
            for number in NUMBERS
        )
    )
    lb = CodexLbServer(
        *(
            LbAccountState(
                account_of(number),
                email_of(number),
                upstream=payload(number),
                plan=plan_of(number),
                status=LB_STATUS.get(number, "active"),
                banked=_banked(number),
            )
            for number in NUMBERS
        ),
        key=LB_KEY,
        password=LB_PASSWORD,
    )
    cpa = CliProxyServer(
        [
            login(
                number,
                email=email_of(number),
                label=email_of(number),
                id_token={"chatgpt_account_id": account_of(number), "plan_type": plan_of(number)},
            )
            for number in NUMBERS
        ]
    )
    for number in NUMBERS:
        cpa.serve_usage(number, body(number))
        token = access_token(user_of(number), account_of(number))
        put(tmp_path / "auth" / f"codex-{number:02}.json", cliproxy_login(token, email_of(number)))
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(HttpClient())
        for server in (upstream, proxy, lb):
            await stack.enter_async_context(server)
        await stack.enter_async_context(cpa)
        sources: list[Source] = [
            AuthFiles(
                SourceSettings(
                    SourceKind.AUTH_FILES,
                    "files",
                    Custody.OTHER,
                    path=str(tmp_path / "auth"),
                    base_url=f"{upstream.url}/backend-api",
                ),
                client,
                FINGERPRINT,
                home=tmp_path,
                env={},
                deadline_seconds=5,
            ),
            CodexProxy(
                pool_settings(SourceKind.CODEX_PROXY, "codex-proxy", proxy.url, tmp_path),
                client,
                home=tmp_path,
                env={},
                deadline_seconds=5,
            ),
            CodexLb(
                pool_settings(SourceKind.CODEX_LB, "codex-lb", lb.url, tmp_path),
                client,
                home=tmp_path,
                env={},
                deadline_seconds=5,
            ),
            CliProxyApi(
                pool_settings(SourceKind.CLI_PROXY_API, "cpa", cpa.url, tmp_path),
                client,
                FINGERPRINT,
                home=tmp_path,
                env={},
                deadline_seconds=5,
            ),
        ]
        yield {source.name: await look(source) for source in sources}


def _banked(number: int) -> int:
    said = truth(number).reset_credits
    return said.available or 0 if isinstance(said, ResetCredits) else 0


def pool_of(seen: Iterable[Seen]) -> PoolState:
    """The pool after all sources listed and all their readings came in, in this order."""
    state = PoolState()
    order = list(seen)
    for each in order:
        state = apply(state, Listed(each.name, each.listings, AT))
    for each in order:
        for ref, reading in each.readings.items():
            key = state.key_of(ref)
            assert key is not None
            state = apply(state, Read(key, ref.source, reading.at or AT, reading.outcome, asked_at=AT))
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


async def test_nine_cards(world: Mapping[str, Seen]) -> None:
    state = pool_of(world.values())
    assert set(state.accounts) == {key_of(number) for number in NUMBERS}
    for account in state.accounts.values():
        assert set(account.sources) == set(NAMES)
        assert len(account.listings) == 4
        assert account.custody is Custody.POOL
    judged = overview(state, AT, PoolRules())
    alone = overview(pool_of([world["files"]]), AT, PoolRules())
    assert (judged.by_section, judged.by_status) == (alone.by_section, alone.by_status)
    assert judged.credits is not None
    assert alone.credits is not None
    assert judged.credits.total == alone.credits.total
    assert (judged.credits.accounts, judged.credits.unlimited) == (
        alone.credits.accounts,
        alone.credits.unlimited,
    )


async def test_the_order_of_the_sources_does_not_matter(world: Mapping[str, Seen]) -> None:
    alone = pool_of([world["files"]])
    wanted = {key: figures(account) for key, account in alone.accounts.items()}
    names = {key: account.name for key, account in alone.accounts.items()}
    for order in permutations(NAMES):
        state = pool_of(world[name] for name in order)
        assert {key: figures(account) for key, account in state.accounts.items()} == wanted, order
        assert {key: account.name for key, account in state.accounts.items()} == names, order


async def test_newer_figures_of_a_pool_that_knows_less_change_no_number(world: Mapping[str, Seen]) -> None:
    """codex-lb's windows and balance may be the newest: the same figures, and nothing else forgotten."""
    alone, state = pool_of([world["files"]]), pool_of(world.values())
    lb = world["codex-lb"]
    for ref, reading in lb.readings.items():
        key = state.key_of(ref)
        assert key is not None
        later = AT + timedelta(minutes=1)
        state = apply(state, Read(key, "codex-lb", later, reading.outcome, asked_at=later))
    for number in NUMBERS:
        was, now = alone.accounts[key_of(number)], state.accounts[key_of(number)]
        assert numbers(now) == numbers(was)
        assert now.usage.spend is not None
        assert was.usage.spend is not None
        assert now.usage.spend.value == was.usage.spend.value
        assert now.usage.review is not None
        assert derive_status(now, AT).kind is derive_status(was, AT).kind


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
        pairs = [(getattr(said, part), getattr(true, part)) for part in Credits.__slots__]
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


async def test_a_pool_that_is_down_is_one_trouble(world: Mapping[str, Seen]) -> None:
    """Its accounts keep their cards and their figures, alone as well as beside other sources."""
    down = Failure(FailureKind.UNREACHABLE, "127.0.0.1:8317 did not accept a connection")
    for seen in ([world["cpa"]], list(world.values())):
        before = pool_of(seen)
        after = apply(before, SourceFailed("cpa", down, AT))
        assert after.accounts == before.accounts
        assert [each.name for each in after.sources.values() if each.failure is not None] == ["cpa"]


async def test_files_that_come_later_take_over_the_pools_cards(world: Mapping[str, Seen]) -> None:
    """What a pool's own entry was known for stays with the account once its ids are known."""
    state = pool_of([world["cpa"]])
    assert not any(key.is_full for key in state.accounts)
    files = world["files"]
    state = apply(state, Listed("files", files.listings, AT))
    assert set(state.accounts) == {key_of(number) for number in NUMBERS}
    for number in NUMBERS:
        base = state.accounts[key_of(number)].usage.base
        assert base is not None
        assert base.value == truth(number).base


async def test_an_ambiguous_entry_stays_alone(world: Mapping[str, Seen]) -> None:
    """Two logins of one person in one workspace: an entry without user id belongs to neither for sure."""
    files, cpa = world["files"], world["cpa"]
    [first] = [each for each in files.listings if each.user_id == user_of(2)]
    twin = replace(first, ref=SourceRef("files", "twin"), user_id="user-another")
    state = apply(PoolState(), Listed("files", (*files.listings, twin), AT))
    state = apply(state, Listed("cpa", cpa.listings, AT))
    lone = [account for account in state.accounts.values() if account.sources == ("cpa",)]
    assert [account.email for account in lone] == [email_of(2)]
    assert len(state.accounts) == len(NUMBERS) + 2


async def test_the_two_workspaces_of_one_mail_are_told_apart_by_every_source(
    world: Mapping[str, Seen],
) -> None:
    for seen in world.values():
        state = pool_of([seen])
        labels = sorted(
            account.name.label for account in state.accounts.values() if account.email == email_of(1)
        )
        assert labels == [f"{email_of(1)} ({account_of(number)[-6:]})" for number in (1, 8)], seen.name


async def test_active_and_exhausted_are_as_in_the_files(world: Mapping[str, Seen]) -> None:
    state = pool_of(world.values())
    found = {number: derive_status(state.accounts[key_of(number)], AT).kind for number in NUMBERS}
    exhausted = {number for number, kind in found.items() if kind is Status.EXHAUSTED}
    assert exhausted == {5, 7, 11}
    assert set(found.values()) == {Status.ACTIVE, Status.EXHAUSTED}
