from __future__ import annotations

import asyncio
import shutil
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from poolwatch.config.settings import NetSettings
from poolwatch.domain.notices import ChannelKind, SendOutcome
from poolwatch.domain.values import replace
from poolwatch.notify.email import Email
from tests.net.certificates import certificates as made
from tests.notify.notices import NOTICE, channel, private, why

needs_openssl = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="makes its certificates with openssl"
)
PASSWORD = "korrekt-pferd"


class Box:
    """What a mail server took; `answers` are what it says to a recipient or to a mail, when not OK."""

    def __init__(self, **answers: str) -> None:
        self.mails: list[Envelope] = []
        self.answers = answers
        self.port = 0

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.answers.get(address.partition("@")[0], "250 OK")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        answer = self.answers.get("DATA", "250 OK")
        if answer.startswith("250"):
            self.mails.append(envelope)
        return answer


def authenticator(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: object
) -> AuthResult:
    assert isinstance(given, LoginPassword)
    return AuthResult(success=given.password == PASSWORD.encode(), handled=False)


@asynccontextmanager
async def serving(box: Box, *, wrapped: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Box]:
    """A mail server on this machine, for as long as the block runs."""
    loop = asyncio.get_running_loop()
    talks: list[SMTP] = []

    def talk() -> SMTP:
        talks.append(SMTP(box, hostname="mail.example.com", loop=loop, **options))
        return talks[-1]

    server = await loop.create_server(talk, "127.0.0.1", 0, ssl=wrapped)
    box.port = server.sockets[0].getsockname()[1]
    try:
        yield box
    finally:
        server.close()
        for each in talks:
            if isinstance(each.transport, asyncio.Transport):
                each.transport.abort()
            if each._handler_coroutine is not None:
                each._handler_coroutine.cancel()
                await asyncio.gather(each._handler_coroutine, return_exceptions=True)
        await server.wait_closed()
        await asyncio.sleep(0)


def mailer(port: int, ca: Path | None = None, deadline: float = 5.0, **keys: Any) -> Email:
    settings = channel(
        ChannelKind.EMAIL,
        **{
            "host": "localhost",
            "port": port,
            "security": "none",
            "sender": "pool@example.com",
            "to": ("ops@example.com",),
            **keys,
        },
    )
    return Email(settings, NetSettings(ca_file=None if ca is None else str(ca)), {}, deadline)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("tls"))


def server_side(folder: Path, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / f"{name}.pem", folder / f"{name}.key")
    return context


async def test_a_mail_arrives_with_the_id_of_its_notice_on_every_try() -> None:
    async with serving(Box()) as box:
        to = ("ops@example.com", "oncall@example.com")
        email = mailer(box.port, to=to)
        for _ in range(2):
            assert (await email.send(NOTICE)).outcome is SendOutcome.TAKEN
    first, second = (message_from_bytes(each.content or b"", policy=default) for each in box.mails)  # type: ignore[arg-type]
    assert box.mails[0].mail_from == "pool@example.com"
    assert box.mails[0].rcpt_tos == list(to)
    assert first["Message-ID"] == second["Message-ID"] == "<0123456789abcdef@example.com>"
    assert first["Subject"] == NOTICE.title
    assert first["From"] == "pool@example.com"
    assert first["To"] == "ops@example.com, oncall@example.com"
    assert first["Date"].datetime == NOTICE.at
    assert first["Auto-Submitted"] == "auto-generated"
    assert first.get_content().splitlines() == NOTICE.text.splitlines()


async def test_no_text_begins_another_header_or_ends_the_mail() -> None:
    evil = replace(
        NOTICE,
        id="x>\r\nBcc: mallory@example.com",
        title="all well\r\nBcc: mallory@example.com\r\n\r\nhello \u202e ünd 🐝",
        text="one\r\n.\r\nRCPT TO:<mallory@example.com>\nend \x1b[31m",
    )
    async with serving(Box()) as box:
        assert (await mailer(box.port).send(evil)).outcome is SendOutcome.TAKEN
    assert len(box.mails) == 1
    assert box.mails[0].rcpt_tos == ["ops@example.com"]
    content = box.mails[0].content
    assert isinstance(content, bytes)
    assert content.isascii()
    mail = message_from_bytes(content, policy=default)
    assert "Bcc" not in mail
    assert mail["Subject"] == r"all well\x0d\x0aBcc: mallory@example.com\x0d\x0a\x0d\x0ahello \u202e ünd 🐝"
    assert mail["Message-ID"].endswith("@example.com>")
    assert "mallory" not in mail["Message-ID"]
    assert mail.get_content().splitlines()[-1] == r"end \x1b[31m"


@needs_openssl
@pytest.mark.parametrize("security", ["tls", "starttls"])
async def test_the_certificate_is_checked_before_anything_is_said(certificates: Path, security: str) -> None:
    for name, outcome in (("right", SendOutcome.TAKEN), ("wrong", SendOutcome.FAILED)):
        context = server_side(certificates, name)
        way: dict[str, Any] = {"wrapped": context} if security == "tls" else {"tls_context": context}
        async with serving(Box(), **way) as box:
            sent = await mailer(box.port, certificates / "both.pem", security=security).send(NOTICE)
        assert sent.outcome is outcome, sent
        assert len(box.mails) == (1 if outcome is SendOutcome.TAKEN else 0)
    assert why(sent).startswith(f"localhost:{box.port} has a TLS certificate that is not valid: ")


@needs_openssl
async def test_a_server_without_starttls_gets_nothing(certificates: Path) -> None:
    async with serving(Box()) as box:
        said = why(await mailer(box.port, security="starttls").send(NOTICE))
    assert said == "localhost offers no STARTTLS; nothing was sent"
    assert box.mails == []


@needs_openssl
async def test_the_password_is_read_anew_and_is_never_told(certificates: Path, tmp_path: Path) -> None:
    context = server_side(certificates, "right")
    file = tmp_path / "mail.password"
    private(file, "falsch-geraten")
    options: dict[str, Any] = {
        "tls_context": context,
        "require_starttls": True,
        "authenticator": authenticator,
        "auth_required": True,
    }
    async with serving(Box(), **options) as box:
        email = mailer(
            box.port, certificates / "right.pem", security="starttls", user="pool", password_file=str(file)
        )
        refused = why(await email.send(NOTICE))
        private(file, f"{PASSWORD}\n")
        taken = await email.send(NOTICE)
    assert refused == "localhost refused the user or the password (535)"
    assert taken.outcome is SendOutcome.TAKEN
    missing = mailer(1, user="pool", password_file=str(tmp_path / "none"))
    assert why(await missing.send(NOTICE)) == f"{tmp_path / 'none'} is not there"


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"DATA": "451 4.3.0 come back later"}, "localhost did not take the mail: 451 4.3.0 come back later"),
        ({"DATA": "554 5.7.1 spam\x1b[2J"}, r"localhost did not take the mail: 554 5.7.1 spam\x1b[2J"),
        ({"ops": "550 5.1.1 no such box"}, "localhost refused ops@example.com: 550 5.1.1 no such box"),
        ({"ops": "450 4.2.1 greylisted"}, "localhost refused ops@example.com: 450 4.2.1 greylisted"),
    ],
)
async def test_what_the_server_says_is_told(answers: dict[str, str], told: str) -> None:
    async with serving(Box(**answers)) as box:
        assert why(await mailer(box.port).send(NOTICE)) == told
    assert box.mails == []


async def test_who_has_it_is_not_sent_it_again() -> None:
    box = Box(oncall="450 4.2.1 greylisted")
    async with serving(box):
        email = mailer(box.port, to=("ops@example.com", "oncall@example.com"))
        assert why(await email.send(NOTICE)) == "localhost refused oncall@example.com: 450 4.2.1 greylisted"
        box.answers.clear()
        assert (await email.send(NOTICE)).outcome is SendOutcome.TAKEN
        assert (await email.send(replace(NOTICE, id="another"))).outcome is SendOutcome.TAKEN
    assert [each.rcpt_tos for each in box.mails] == [
        ["ops@example.com"],
        ["oncall@example.com"],
        ["ops@example.com", "oncall@example.com"],
    ]


async def test_where_nothing_listens_that_is_told() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    assert why(await mailer(port).send(NOTICE)) == f"localhost:{port} refused the connection"


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def _dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"220-still here\r\n")
        await asyncio.sleep(0.01)


async def _silent_after_the_greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com\r\n")
    await reader.read()


async def _dripping_after_the_greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com\r\n")
    await reader.readline()
    while not writer.is_closing():
        writer.write(b"250-still here\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


def _until_it_ends(talk: Talk) -> Talk:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    return serve


async def _taking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Take a mail, up to the farewell."""
    writer.write(b"220 mail.example.com\r\n")
    for answer in (b"250 hello", b"250 OK", b"250 OK", b"354 go on"):
        await reader.readline()
        writer.write(answer + b"\r\n")
    await reader.readuntil(b"\r\n.\r\n")
    writer.write(b"250 taken\r\n")
    await reader.readline()


async def _taking_and_odd(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _taking(reader, writer)
    writer.write(b"421 out of order\r\n")


async def _taking_and_silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await _taking(reader, writer)
    await reader.read()


@pytest.mark.parametrize("talk", [_taking_and_odd, _taking_and_silent])
async def test_a_mail_that_was_taken_is_not_sent_again_whatever_the_farewell(talk: Talk) -> None:
    server = await asyncio.start_server(_until_it_ends(talk), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sent = await mailer(port, deadline=0.5).send(NOTICE)
    server.close()
    await server.wait_closed()
    assert sent.outcome is SendOutcome.TAKEN


async def _flooding(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while not writer.is_closing():
        writer.write(b"220-" + b"x" * 8_000 + b"\r\n")
        await writer.drain()


async def _flooding_later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"220 mail.example.com\r\n")
    await reader.readline()
    await _flooding(reader, writer)


@pytest.mark.parametrize("talk", [_flooding, _flooding_later])
async def test_a_server_that_says_too_much_is_left(talk: Talk) -> None:
    server = await asyncio.start_server(_until_it_ends(talk), "127.0.0.1", 0)
    said = why(await mailer(server.sockets[0].getsockname()[1]).send(NOTICE))
    server.close()
    await server.wait_closed()
    assert said == "localhost broke off"


@pytest.mark.parametrize(
    "talk", [_silent, _dripping, _silent_after_the_greeting, _dripping_after_the_greeting]
)
async def test_a_server_that_hangs_costs_the_deadline_and_no_more(talk: Talk) -> None:
    talking: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talking.add(task)
        try:
            await talk(reader, writer)
        except (asyncio.CancelledError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    began = loop.time()
    said = why(await mailer(port, deadline=0.3).send(NOTICE))
    assert loop.time() - began < 2
    server.close()
    # nothing goes on behind the deadline
    await asyncio.wait_for(asyncio.gather(*talking), 3)
    await server.wait_closed()
    assert said == "localhost did not take the mail within 0.3 s"


async def test_a_server_that_hangs_up_is_told() -> None:
    def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    said = why(await mailer(server.sockets[0].getsockname()[1]).send(NOTICE))
    server.close()
    await server.wait_closed()
    assert said == "localhost broke off"
