"""Plain addresses are read as httpx reads them, and everything else by httpx."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.net.address import Address, address_of, any_address, host_of, plain_address

_SEGMENT = st.text("abAZ09._~-", max_size=6)
_HOST = st.one_of(
    st.text("ab09.-", min_size=1, max_size=12),
    st.ip_addresses(v=4).map(str),
    st.sampled_from(
        ["localhost", "chatgpt.com", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "a..b", "A.com"]
    ),
)
_PORT = st.one_of(st.just(""), st.integers(0, 70_000).map(lambda port: f":{port}"), st.just(":080"))
_QUERY = st.one_of(st.just(""), st.just("?"), st.text("ab=&%é .-", max_size=8).map(lambda text: f"?{text}"))
_TEXTS = st.builds(
    lambda scheme, host, port, path, query: f"{scheme}://{host}{port}{path}{query}",
    st.sampled_from(["http", "https", "HTTP", "ftp", ""]),
    _HOST,
    _PORT,
    st.lists(_SEGMENT, max_size=4).map(lambda parts: "".join(f"/{part}" for part in parts)),
    _QUERY,
)


@given(_TEXTS)
def test_what_is_plain_is_read_as_by_all_rules(text: str) -> None:
    plain = plain_address(text)
    assert plain is None or plain == any_address(text)
    assert address_of(text) == any_address(text)


@pytest.mark.parametrize(
    "text",
    [
        "https://chatgpt.com/backend-api/wham/usage",
        "https://auth.openai.com/oauth/token",
        "http://127.0.0.1:8080/backend-api/wham/rate-limit-reset-credits?limit=20",
        "http://localhost:2455/",
        "http://localhost",
    ],
)
def test_the_addresses_of_services_are_plain(text: str) -> None:
    assert plain_address(text) == any_address(text) is not None


@pytest.mark.parametrize(
    "text", ["http://a/../b", "http://a/./b", "http://a/%41", "http://[::1]/", "https://bücher.example.com/"]
)
def test_what_follows_rules_is_not_plain(text: str) -> None:
    assert plain_address(text) is None
    assert isinstance(address_of(text), Address)


def test_a_plain_address_loads_no_library() -> None:
    program = (
        "import sys, poolwatch.net.connections as c, poolwatch.net.address as a;"
        "a.address_of('https://chatgpt.com/backend-api/wham/usage'); sys.exit('httpx' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


def test_the_library_comes_without_its_command() -> None:
    program = (
        "import sys, poolwatch.net.address as a; a.address_of('http://[::1]/');"
        "sys.exit('httpx' not in sys.modules or 'click' in sys.modules or 'rich' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program]).returncode == 0


@pytest.mark.parametrize(
    ("reference", "host"),
    [
        ("/other", "a.example.com"),
        ("//b.example.com/x", "b.example.com"),
        ("https://[::1", ""),
        ("", "a.example.com"),
    ],
)
def test_where_a_reference_points_to(reference: str, host: str) -> None:
    base = address_of("https://a.example.com/x")
    assert base is not None
    assert host_of(base, reference) == host
