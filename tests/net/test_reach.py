from __future__ import annotations

import asyncio
import socket

import httpx
import pytest

from poolwatch.config.settings import NetSettings
from poolwatch.domain.failure import Failure
from poolwatch.net.client import HttpClient
from poolwatch.net.reach import Reach
from poolwatch.net.reply import NotSent, Reply
from poolwatch.words.messages import failure_text
from tests.net.script import Script, reply

PUBLIC = ("93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822", "2002:5db8:d822::1")
PRIVATE = (
    *("10.0.0.1", "172.16.9.9", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.2.1", "198.18.0.1"),
    *("fc00::1", "fd12:3456::1", "fe80::1", "fec0::1", "::ffff:10.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::a00:1", "2002:a00:1::1", "2001:db8::1"),
)
LOOPBACK = ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1")
NOWHERE = ("0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:0.0.0.0")


class Names:
    """A name service that says what it is told to, and counts how often it is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: list[tuple[str, ...]] = []
        self.asked: list[str] = []
        monkeypatch.setattr(asyncio.BaseEventLoop, "getaddrinfo", self._find)

    async def _find(self, host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in found
        ]


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


async def code(service: Names, url: str, address: str, *, private: bool = False) -> str | None:
    """Why an address is refused, None where it may be spoken to."""
    service.answers = [(address,)]
    found = await Reach(private).addresses(httpx.URL(url))
    if isinstance(found, Failure):
        return found.code
    assert found == (address,)
    return None


@pytest.mark.parametrize("address", PUBLIC)
async def test_public_addresses_are_reached_over_https_alone(service: Names, address: str) -> None:
    for private in (False, True):
        assert await code(service, "https://hook.example.com/", address, private=private) is None
        found = await code(service, "http://hook.example.com/", address, private=private)
        assert found == "net.plain_http"


@pytest.mark.parametrize("address", PRIVATE)
async def test_private_addresses_are_reached_only_where_that_is_said(service: Names, address: str) -> None:
    for url in ("https://hook.example.com/", "http://hook.example.com/"):
        assert await code(service, url, address) == "net.private_address"
        assert await code(service, url, address, private=True) is None


@pytest.mark.parametrize("address", LOOPBACK)
async def test_this_machine_is_reached_where_the_url_names_it(service: Names, address: str) -> None:
    assert await code(service, "http://localhost:8080/", address) is None
    assert await code(service, "https://127.0.0.1/", address) is None
    # a name that leads here may have led elsewhere a moment ago
    assert await code(service, "https://hook.example.com/", address) == "net.private_address"
    assert await code(service, "https://0x7f.1/", address) == "net.private_address"
    assert await code(service, "https://hook.example.com/", address, private=True) is None


@pytest.mark.parametrize("address", NOWHERE)
async def test_what_is_no_machine_is_never_reached(service: Names, address: str) -> None:
    for private in (False, True):
        for url in ("https://hook.example.com/", "http://localhost/"):
            assert await code(service, url, address, private=private) == "net.odd_address"


async def test_localhost_that_leads_elsewhere_is_refused(service: Names) -> None:
    assert await code(service, "http://localhost/", "10.0.0.1") == "net.private_address"


async def test_of_several_addresses_those_that_may_be_are_left(service: Names) -> None:
    service.answers = [("10.0.0.1", PUBLIC[0], "127.0.0.1", PUBLIC[1])]
    assert await Reach().addresses(httpx.URL("https://hook.example.com")) == (PUBLIC[0], PUBLIC[1])


async def test_a_name_is_looked_up_once_and_that_address_spoken_to(service: Names) -> None:
    """A name service that answers otherwise the second time (DNS rebinding) leads nowhere else."""
    async with Script([reply()]) as server:
        service.answers = [("127.0.0.1",), ("10.255.255.1",)]
        url = f"http://hook.example.com:{server.port}/x"
        got = await HttpClient().deliver(url, {}, b"{}", Reach(private=True), deadline_seconds=3)
    assert isinstance(got, Reply)
    assert service.asked == ["hook.example.com"]
    assert f"host: hook.example.com:{server.port}" in server.requests[0].lower()


async def test_where_nothing_listens_on_one_address_the_next_is_tried(service: Names) -> None:
    async with Script([reply()]) as server:
        service.answers = [("127.0.0.9", "127.0.0.1")]
        url = f"http://localhost:{server.port}/"
        got = await HttpClient().deliver(url, {}, b"{}", Reach(), deadline_seconds=3)
    assert isinstance(got, Reply)


async def test_a_refused_address_is_told_and_nothing_is_sent(service: Names) -> None:
    service.answers = [("169.254.169.254",)]
    got = await HttpClient().deliver("https://hook.example.com", {}, b"{}", Reach(), deadline_seconds=3)
    assert isinstance(got, NotSent)
    assert failure_text(got.failure) == (
        "hook.example.com leads to 169.254.169.254, an address of a private network: only private = true"
        " lets it go there; nothing was sent"
    )


async def test_through_a_proxy_the_name_goes_to_it_and_numbers_are_judged_here(service: Names) -> None:
    async with Script([reply(503)]) as proxy:
        client = HttpClient(NetSettings(proxy=f"http://127.0.0.1:{proxy.port}"))
        service.answers = [("127.0.0.1",)]
        await client.deliver("https://hook.example.com/x", {}, b"{}", Reach(), deadline_seconds=3)
        refused = await client.deliver("https://10.0.0.1/x", {}, b"{}", Reach(), deadline_seconds=3)
    assert [head.split("\r\n")[0] for head in proxy.requests] == ["CONNECT hook.example.com:443 HTTP/1.1"]
    assert isinstance(refused, NotSent)
    assert refused.failure.code == "net.private_address"
