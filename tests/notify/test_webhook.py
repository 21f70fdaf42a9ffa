from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import shutil
import ssl
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from poolwatch.config.settings import NetSettings
from poolwatch.domain.account import Secret
from poolwatch.domain.notices import ChannelKind, SendOutcome
from poolwatch.net.client import HttpClient
from poolwatch.notify.webhook import Webhook, signatures
from tests.net.certificates import certificates
from tests.net.script import Answer, Script, drip, hang_up, reply, silence
from tests.notify.notices import AT, NOTICE, channel, private, why

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEW_SECRET = f"whsec_{base64.b64encode(bytes(range(64))).decode()}"


def hook(url: str, env: Mapping[str, str] | None = None, deadline: float = 5.0, **keys: Any) -> Webhook:
    return Webhook(
        channel(ChannelKind.WEBHOOK, url=url, **keys), HttpClient(), env or {}, lambda: AT, deadline
    )


def headers_of(server: Script) -> dict[str, str]:
    rows = server.requests[-1].split("\r\n")[1:]
    return {name.lower(): value for name, _, value in (row.partition(": ") for row in rows) if name}


def test_the_published_vector_of_standard_webhooks() -> None:
    found = signatures(
        [Secret(SECRET)], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
    )
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_receiver_can_check_what_it_gets(tmp_path: Path) -> None:
    file = private(tmp_path / "hook.secret", f"{SECRET}\n")
    async with Script([reply(204, b"")]) as server:
        sent = await hook(f"{server.url}/alerts", secret_file=file).send(NOTICE)
    assert sent.outcome is SendOutcome.TAKEN
    got = headers_of(server)
    assert server.requests[0].startswith("POST /alerts HTTP/1.1\r\n")
    assert server.bodies == [NOTICE.body]
    assert got["content-type"] == "application/json"
    assert got["webhook-id"] == NOTICE.id
    assert datetime.fromtimestamp(int(got["webhook-timestamp"]), AT.tzinfo) == AT
    # as a receiver does it, from the published description alone
    signed = f"{got['webhook-id']}.{got['webhook-timestamp']}.".encode() + server.bodies[0]
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert got["webhook-signature"] == f"v1,{expected}"
    assert got["host"] == f"localhost:{server.port}"


async def test_while_a_secret_is_changed_both_sign(tmp_path: Path) -> None:
    async with Script([reply()]) as server:
        await hook(server.url, env={"HOOK": f"{SECRET}\n{NEW_SECRET}"}, secret_env="HOOK").send(NOTICE)
    stamp = headers_of(server)["webhook-timestamp"]
    expected = signatures([Secret(SECRET), Secret(NEW_SECRET)], NOTICE.id, stamp, NOTICE.body)
    assert headers_of(server)["webhook-signature"] == expected
    assert expected.count("v1,") == 2


async def test_without_a_secret_nothing_is_signed() -> None:
    async with Script([reply()]) as server:
        assert (await hook(server.url).send(NOTICE)).outcome is SendOutcome.TAKEN
    assert "webhook-signature" not in headers_of(server)


@pytest.mark.parametrize(
    "text", ["whsec_", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_!!!", "whsec_c2hvcnQ=", f"{SECRET} x"]
)
async def test_what_is_no_secret_signs_nothing_and_is_not_repeated(tmp_path: Path, text: str) -> None:
    file = private(tmp_path / "hook.secret", text)
    async with Script([reply()]) as server:
        told = why(await hook(server.url, secret_file=file).send(NOTICE))
    assert server.requests == []
    assert told.startswith(f"{file} holds no signing secret")
    assert "MfKQ9r8" not in told


async def test_a_secret_that_is_not_there_is_told(tmp_path: Path) -> None:
    file = str(tmp_path / "none.secret")
    empty = private(tmp_path / "empty.secret", " \n")
    assert why(await hook("http://localhost:1", secret_file=file).send(NOTICE)) == f"{file} is not there"
    assert why(await hook("http://localhost:1", secret_file=empty).send(NOTICE)) == f"{empty} is empty"
    assert why(await hook("http://localhost:1", secret_env="HOOK").send(NOTICE)) == (
        "the variable HOOK is not set"
    )


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (reply(500), "localhost answered 500"),
        (reply(404, b"no such path?token=geheim"), "localhost answered 404"),
        (
            reply(302, Location="http://169.254.169.254/x"),
            "localhost redirects elsewhere (302); not followed",
        ),
        (hang_up, "localhost:{port} closed the connection without an answer"),
    ],
)
async def test_what_is_no_2xx_is_tried_again(answer: Answer, told: str) -> None:
    async with Script([answer]) as server:
        said = why(await hook(server.url).send(NOTICE))
    assert said == told.format(port=server.port)
    assert server.connections == 1


async def test_410_wants_no_more() -> None:
    async with Script([reply(410)]) as server:
        sent = await hook(server.url).send(NOTICE)
    assert sent.outcome is SendOutcome.GONE


async def test_a_receiver_that_never_answers_costs_the_deadline_and_no_more() -> None:
    async with Script([silence]) as server:
        loop = asyncio.get_running_loop()
        began = loop.time()
        said = why(await hook(server.url, deadline=0.2).send(NOTICE))
        assert loop.time() - began < 2
    assert said.startswith(f"localhost:{server.port} did not answer within 0.")


@pytest.mark.parametrize("length", ["", "Content-Length: 100000000000\r\n"])
async def test_of_the_answer_only_the_status_counts(length: str) -> None:
    endless = drip(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode(), b"x" * 10_000)
    async with Script([endless]) as server:
        sent = await asyncio.wait_for(hook(server.url).send(NOTICE), 3)
    assert sent.outcome is SendOutcome.TAKEN


async def test_a_receiver_that_answers_late_has_taken_it() -> None:
    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.15)
        writer.write(reply(202))

    async with Script([late]) as server:
        assert (await hook(server.url).send(NOTICE)).outcome is SendOutcome.TAKEN


async def test_cancelled_it_ends_at_once() -> None:
    async with Script([silence]) as server:
        sending = asyncio.create_task(hook(server.url).send(NOTICE))
        await server.asked.wait()
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes its certificates with openssl")
async def test_over_tls_the_name_is_checked_although_an_address_is_spoken_to(tmp_path: Path) -> None:
    made = certificates(tmp_path)
    for name, outcome in (("right", SendOutcome.TAKEN), ("wrong", SendOutcome.FAILED)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made / f"{name}.pem", made / f"{name}.key")
        names: list[object] = []
        context.sni_callback = lambda _, asked, __, names=names: names.append(asked)
        client = HttpClient(NetSettings(ca_file=str(made / "both.pem")))
        async with Script([reply()], tls=context) as server:
            settings = channel(ChannelKind.WEBHOOK, url=server.url)
            sent = await Webhook(settings, client, {}, lambda: AT).send(NOTICE)
        assert sent.outcome is outcome, sent
        assert set(names) == {"localhost"}
