from __future__ import annotations

import shutil
import ssl
import subprocess
from importlib.machinery import PathFinder
from pathlib import Path

import certifi
import pytest

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import NotSent, Reply
from poolwatch.net.tls import authorities
from poolwatch.words.messages import failure_text
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
    folder = tmp_path_factory.mktemp("tls")
    for name, subject in (("right", "DNS:localhost"), ("wrong", "DNS:pool.example.com")):
        assert OPENSSL is not None
        subprocess.run(
            [
                *(
                    OPENSSL,
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                ),
                *(
                    "-keyout",
                    f"{name}.key",
                    "-out",
                    f"{name}.pem",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=poolwatch test",
                ),
                *("-addext", f"subjectAltName={subject}"),
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return folder


def serve(folder: Path, name: str) -> Script:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return Script([reply()], tls=context)


async def test_a_trusted_server_is_asked_and_no_keys_are_logged(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    async with (
        serve(certificates, "right") as server,
        HttpClient(ca_file=certificates / "right.pem") as client,
    ):
        got = await client.get(server.url, {}, deadline_seconds=5)
        again = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Reply)
    assert isinstance(again, Reply)
    assert server.connections == 1
    assert not log.exists()


async def test_a_self_signed_server_is_refused_whatever_the_environment_trusts(
    certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates / "right.pem"))
    async with serve(certificates, "right") as server, HttpClient() as client:
        got = await client.get(server.url, {}, deadline_seconds=5)
        posted = await client.post(server.url, {}, b"fake", deadline_seconds=5)
    assert isinstance(got, Failure)
    assert got.kind is FailureKind.UNREACHABLE
    assert "has a TLS certificate that is not valid: self-signed certificate" in failure_text(got)
    assert isinstance(posted, NotSent)
    assert server.requests == []


def test_the_authorities_are_those_of_certifi_also_where_it_lies_packed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert authorities() == Path(certifi.where())
    monkeypatch.setattr(PathFinder, "find_spec", lambda name: None)
    assert authorities() == Path(certifi.where())


async def test_a_certificate_for_another_host_is_refused(certificates: Path) -> None:
    trusting = HttpClient(ca_file=certificates / "wrong.pem")
    async with serve(certificates, "wrong") as server, trusting as client:
        got = await client.get(server.url, {}, deadline_seconds=5)
    assert isinstance(got, Failure)
    assert "certificate is not valid for 'localhost'" in failure_text(got)
    assert server.requests == []


async def test_a_server_without_tls_is_named(certificates: Path) -> None:
    async with Script([reply()]) as server, HttpClient() as client:
        got = await client.get(f"https://localhost:{server.port}/", {}, deadline_seconds=1)
    assert isinstance(got, Failure)
    assert "TLS" in failure_text(got)


async def test_an_expired_certificate_is_refused_also_when_it_is_trusted(tmp_path: Path) -> None:
    file = tmp_path / "expired.pem"
    file.write_text(_EXPIRED)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    async with Script([reply()], tls=context) as server, HttpClient(ca_file=file) as client:
        got = await client.get(server.url, {}, deadline_seconds=5)
        posted = await client.post(server.url, {}, b"fake", deadline_seconds=5)
    assert isinstance(got, Failure)
    assert "certificate has expired" in failure_text(got)
    assert isinstance(posted, NotSent)
    assert server.requests == []
