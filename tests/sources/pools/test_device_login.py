"""A pool signs in by itself: what is shown of it, and what is never kept."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import cast

import pytest

from poolwatch.bootstrap.sign_in import CodeRun
from poolwatch.domain.account import AccountKey, Secret
from poolwatch.domain.audit import Act, Deed, Ending, Outcome
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.failure import failure as failure_of
from poolwatch.monitor.auditing import Auditor
from poolwatch.net.client import HttpClient
from poolwatch.sources.pools.device_login import DeviceCode
from tests.monitor.scripted import ScriptedAuditor
from tests.sources.pools.making import AT, KEY, PASSWORD, failure, lb, proxy, words
from tests.support.codex_lb_server import CodexLbServer
from tests.support.codex_proxy_server import CodexProxyServer
from tests.support.replay_server import answer


async def test_codex_proxy_gives_a_code_and_has_the_login_in_the_end(
    client: HttpClient, tmp_path: Path
) -> None:
    async with CodexProxyServer(key=KEY) as server:
        login = proxy(server, client, tmp_path, key=KEY).device_login
        code = await login.start(AT)
        assert isinstance(code, DeviceCode)
        assert (code.address, code.code) == ("https://auth.example.com/device", "WXYZ-1234")
        assert "fake-device-code" not in repr(code)
        server.polls = [answer(200, {"pending": True, "code": "slow_down"}), answer(200, {"success": True})]
        assert await login.ended(code, AT) is False
        assert await login.ended(code, AT) is True


async def test_what_codex_proxy_says_of_a_code_that_is_over(client: HttpClient, tmp_path: Path) -> None:
    async with CodexProxyServer() as server:
        login = proxy(server, client, tmp_path).device_login
        code = await login.start(AT)
        assert isinstance(code, DeviceCode)
        server.polls = [answer(400, {"error": "expired fake-device-code"})]
        told = words(failure(await login.ended(code, AT)).as_message)
        assert "expired" in told
        assert "fake-device-code" not in told


async def test_a_wait_that_the_pool_asks_for_is_kept_without_the_code(
    client: HttpClient, tmp_path: Path
) -> None:
    async with CodexProxyServer() as server:
        source = proxy(server, client, tmp_path)
        code = await source.device_login.start(AT)
        assert isinstance(code, DeviceCode)
        server.polls = [answer(429, {"error": "slow"}, Retry_After="60")]
        failure(await source.device_login.ended(code, AT))
        known = await source._refusals._key_states.known()
        assert known
        assert "fake-device-code" not in repr(known)
        # the rest of the pool is asked as before
        assert isinstance(await source.list_accounts(AT), tuple)


@pytest.mark.parametrize(
    "changes",
    [
        {"deviceCode": None},
        {"userCode": ""},
        {"userCode": "\u200b"},
        {"userCode": 7},
        {"verificationUri": "http://auth.example.com"},
        {"verificationUri": "javascript:alert(1)"},
        {"verificationUri": "https://auth.example.com/\x1b]8;;https://else.example.com\x07"},
        {"verificationUri": "https://auth.example.com@else.example.com/"},
        {"verificationUri": "https://auth.example.com/" + "a" * 400},
    ],
)
async def test_a_code_that_cannot_be_used_is_none(
    client: HttpClient, tmp_path: Path, changes: dict[str, object]
) -> None:
    async with CodexProxyServer() as server:
        server.device |= changes
        found = failure(await proxy(server, client, tmp_path).device_login.start(AT))
        assert "gave no code" in words(found.as_message)


async def test_an_address_with_the_code_in_it_is_used_where_it_can_be_opened(
    client: HttpClient, tmp_path: Path
) -> None:
    async with CodexProxyServer() as server:
        login = proxy(server, client, tmp_path).device_login
        server.device["verificationUriComplete"] = "https://auth.example.com/device?user_code=WXYZ-1234"
        whole = await login.start(AT)
        server.device["verificationUriComplete"] = "https://auth.example.com/" + "a" * 400
        plain = await login.start(AT)
        assert isinstance(whole, DeviceCode)
        assert isinstance(plain, DeviceCode)
        assert whole.address == "https://auth.example.com/device?user_code=WXYZ-1234"
        assert plain.address == "https://auth.example.com/device"


async def test_codex_lb_signs_in_by_its_dashboard(client: HttpClient, tmp_path: Path) -> None:
    async with CodexLbServer(key=KEY, password=PASSWORD) as server:
        login = lb(server, client, tmp_path, key=KEY, password=PASSWORD).device_login
        assert login is not None
        code = await login.start(AT)
        assert isinstance(code, DeviceCode)
        assert (code.address, code.code) == ("https://auth.example.com/device", "WXYZ-1234")
        server.sign_in = [
            {"status": "pending"},
            {"status": "success"},
            {"status": "error", "errorMessage": "no fake-ticket"},
        ]
        assert await login.ended(code, AT) is False
        assert await login.ended(code, AT) is True
        told = words(failure(await login.ended(code, AT)).as_message)
        assert told.startswith("the pool says: no ")
        assert "fake-ticket" not in told


async def test_a_fleet_key_alone_signs_nobody_in(client: HttpClient, tmp_path: Path) -> None:
    async with CodexLbServer(key=KEY) as server:
        assert lb(server, client, tmp_path, key=KEY).device_login is None


class Answers:
    """A pool that says one thing after the other, and a clock that waits for nobody."""

    def __init__(self, *ended: bool | Failure) -> None:
        self.left = list(ended)

    async def start(self, at: datetime) -> DeviceCode | Failure:
        raise NotImplementedError

    async def ended(self, code: DeviceCode, at: datetime) -> bool | Failure:
        return self.left.pop(0)

    def now(self) -> datetime:
        return AT

    async def sleep(self, seconds: float) -> None:
        return


async def test_a_pool_that_is_away_for_a_moment_does_not_end_the_wait() -> None:
    given = DeviceCode("https://auth.example.com", "WXYZ", Secret("fake"))
    away, slow, over = (
        failure_of(kind, "sign_in.expired")
        for kind in (FailureKind.UNREACHABLE, FailureKind.THROTTLED, FailureKind.UPSTREAM_ERROR)
    )
    auditor = ScriptedAuditor()
    noting, key = cast("Auditor", auditor), AccountKey("codex", "u", "a")
    pool = Answers(False, away, slow, True)
    assert await CodeRun(pool, given, pool, noting, key).wait() is None
    pool = Answers(False, over)
    assert await CodeRun(pool, given, pool, noting, key).wait() is not None
    ends = [ending for _, _, ending in auditor.notes if ending is not None]
    assert ends == [Ending(Outcome.DONE), Ending(Outcome.FAILED, ("sign_in.expired",))]
    assert {deed for deed, _, _ in auditor.notes} == {Deed(Act.SIGN_IN, (key.id,))}
