from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import certifi
import pytest

from poolwatch.config.settings import DEFAULT_NET, NetSettings
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import NotSent, Reply
from poolwatch.net.tls import CA_VARIABLES, Authorities, authorities
from poolwatch.words.messages import failure_text
from tests.net.certificates import certificates as made
from tests.net.script import Script, reply

OPENSSL = shutil.which("openssl")
pytestmark = pytest.mark.skipif(OPENSSL is None, reason="makes its certificates with openssl")

#: For localhost, valid on the first of January 2020 alone: no tool makes such a one everywhere.
_EXPIRED = """
-----BEGIN CERTIFICATE-----
MIIBZzCCAQygAwIBAgIBATAKBggqhkjOPQQDAjAZMRcwFQYDVQQDDA5wb29sd2F0
Y2ggdGVzdDAeFw0yMDAxMDEwMDAwMDBaFw0yMDAxMDIwMDAwMDBaMBkxFzAVBgNV
BAMMDnBvb2x3YXRjaCB0ZXN0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE3td6
CGpRSLn6O/UGaiS/8j6XKTghvfomh9Mm3k8DDoNOnXy2H76Yy/5AdPuFb9RrPhvG
sbLoqDieTlaln1Ug+6NFMEMwFAYDVR0RBA0wC4IJbG9jYWxob3N0MAwGA1UdEwQF
MAMBAf8wHQYDVR0OBBYEFNB8DWABTQSqk1VuLKqg9UnhfOxwMAoGCCqGSM49BAMC
A0kAMEYCIQCVxtsq6UwRwkVZBvIw40BWovrBU1NetyUEs+9LsEvL0AIhAKqfGxvi
sCBu14Q2lJFWVq/pUGAakHHW3F5jwwbdc+oD
-----END CERTIFICATE-----
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIBpzQFeuSm2RZFIkYMupCRKlhdl6kajSXNL02cWfpFgSoAoGCCqGSM49
AwEHoUQDQgAE3td6CGpRSLn6O/UGaiS/8j6XKTghvfomh9Mm3k8DDoNOnXy2H76Y
y/5AdPuFb9RrPhvGsbLoqDieTlaln1Ug+w==
-----END EC PRIVATE KEY-----
"""


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("tls"))


def trusting(file: Path) -> HttpClient:
    return HttpClient(NetSettings(ca_file=str(file)))


def serve(folder: Path, name: str) -> Script:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return Script([reply()], tls=context)


async def test_a_trusted_server_is_asked_and_no_keys_are_logged(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    client = trusting(certificates / "right.pem")
    async with serve(certificates, "right") as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
        again = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply)
    assert isinstance(again, Reply)
    assert not log.exists()


async def test_a_self_signed_server_is_refused_whatever_the_process_trusts(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "right.pem"))
    client = HttpClient()
    async with serve(certificates, "right") as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
        posted = await client.post(server.url, {}, b"fake", deadline_seconds=5)
    assert isinstance(got, Failure)
    assert got.kind is FailureKind.UNREACHABLE
    assert "has a TLS certificate that is not valid: self-signed certificate" in failure_text(got)
    assert "ca_file" in failure_text(got)
    assert isinstance(posted, NotSent)
    assert server.requests == []


@pytest.mark.parametrize("name", [*CA_VARIABLES, ""])
async def test_an_authority_may_be_named_in_the_environment(certificates: Path, name: str) -> None:
    file, folder = certificates / "right.pem", certificates / "hashed"
    value = str(folder if name == "SSL_CERT_DIR" else file)
    async with serve(certificates, "right") as server:
        got = await HttpClient(env={name: value}).get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply if name else Failure)


def test_which_authorities_hold(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    env = {"CODEX_CA_CERTIFICATE": "/1.pem", "SSL_CERT_FILE": "/2.pem", "SSL_CERT_DIR": "/3"}
    assert authorities(NetSettings(ca_file="/0.pem"), env) == Authorities("net.ca_file", "/0.pem")
    found = []
    while env:
        found.append(authorities(DEFAULT_NET, env))
        env.pop(found[-1].origin)
    assert [each.place for each in found] == ["/1.pem", "/2.pem", "/3"]

    def paths(file: str) -> ssl.DefaultVerifyPaths:
        return ssl.DefaultVerifyPaths("", "", "", str(tmp_path / file), "", str(tmp_path))

    (tmp_path / "some.pem").touch()
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths("some.pem"))
    assert authorities(DEFAULT_NET, {}) == Authorities("system", str(tmp_path / "some.pem"))
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: paths("none.pem"))
    assert authorities(DEFAULT_NET, {}) == Authorities("certifi", certifi.where())
    (tmp_path / "5ed36f99.0").touch()
    assert authorities(DEFAULT_NET, {}) == Authorities("system", folder=str(tmp_path))


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
async def test_authorities_that_cannot_be_read_are_named_and_read_again(
    certificates: Path, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "company.pem"
    if content is not None:
        file.write_bytes(content)
    client = HttpClient(env={"SSL_CERT_FILE": str(file)})
    async with serve(certificates, "right") as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
        assert isinstance(got, Failure)
        assert f"the certificates in {file} (SSL_CERT_FILE) cannot be read" in failure_text(got)
        assert isinstance(await client.post(server.url, {}, b"fake", deadline_seconds=5), NotSent)
        file.write_bytes((certificates / "right.pem").read_bytes())
        assert isinstance(await client.get(server.url, {}, deadline_seconds=5), Reply)
    assert server.connections == 1


async def test_a_certificate_for_another_host_is_refused(certificates: Path) -> None:
    async with serve(certificates, "wrong") as server:
        got = await trusting(certificates / "wrong.pem").get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Failure)
    assert "certificate is not valid for 'localhost'" in failure_text(got)
    assert server.requests == []


async def test_a_server_without_tls_is_named(certificates: Path) -> None:
    async with Script([reply()]) as server:
        got = await HttpClient().get(f"https://localhost:{server.port}/", {}, deadline_seconds=1)
    assert isinstance(got, Failure)
    assert "TLS" in failure_text(got)


async def test_an_expired_certificate_is_refused_also_when_it_is_trusted(tmp_path: Path) -> None:
    file = tmp_path / "expired.pem"
    file.write_text(_EXPIRED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    client = trusting(file)
    async with Script([reply()], tls=context) as server:
        got = await client.get(server.url, {}, deadline_seconds=5)
        posted = await client.post(server.url, {}, b"fake", deadline_seconds=5)
    assert isinstance(got, Failure)
    assert "certificate has expired" in failure_text(got)
    assert isinstance(posted, NotSent)
    assert server.requests == []
