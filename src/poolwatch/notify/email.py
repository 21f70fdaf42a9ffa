"""The channel `email`: one mail a notice, over SMTP, to everybody in `to`."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import re
import smtplib
import socket
import ssl
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from functools import partial
from io import BufferedIOBase
from typing import Final

from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.config.settings import NetSettings
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import Outgoing, SendOutcome, Sent
from poolwatch.domain.text import all_visible, visible
from poolwatch.host.threads import in_thread, let_go
from poolwatch.net.failures import connection_failure
from poolwatch.net.tls import authorities, tls_context
from poolwatch.notify.secret_file import SecretPlace

#: For everything, from looking the server up to its last word.
DEADLINE_SECONDS: Final = 25.0
PORTS: Final = {"tls": 465, "starttls": 587, "none": 25}
#: Long lines: where Python breaks a header between encoded words, blanks get lost.
_POLICY: Final = SMTP.clone(cte_type="7bit", max_line_length=900)
_SUBJECT_LENGTH: Final = 120
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
_SAID_LENGTH: Final = 100
#: So many bytes a server may say; a conversation has a few hundred.
MOST_SAID: Final = 256 * 1024
_READY: Final = 220
#: Of so many notices it is remembered who has them already.
_MOST_HALF_SENT: Final = 20


class Email:
    """Sends mail; the certificate of the server is checked, and every try has the same Message-ID.

    Where a server takes a mail for some and not for others, the next try goes to those who lack it.
    """

    def __init__(
        self,
        settings: ChannelSettings,
        net: NetSettings,
        env: Mapping[str, str],
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._settings = settings
        self._net = net
        self._env = env
        self._deadline = deadline_seconds
        self._have_it: OrderedDict[str, frozenset[str]] = OrderedDict()

    async def send(self, notice: Outgoing) -> Sent:
        lack = [each for each in self._settings.to if each not in self._have_it.get(notice.id, ())]
        talk = _Talk(self._settings, self._net, self._env, self._deadline)
        work = asyncio.create_task(in_thread(partial(talk.work, mail_of(notice, self._settings), lack)))
        try:
            await asyncio.wait({work}, timeout=self._deadline)
            if not work.done() and not talk.is_answered:
                return Sent(SendOutcome.FAILED, talk.told("channel.mail_slow", seconds=f"{self._deadline:g}"))
        finally:
            talk.hang_up()
            let_go(work)
        try:
            # what a server says once it has answered, to the farewell, changes nothing
            refused = talk.refused if talk.is_answered else work.result()
        except (smtplib.SMTPException, OSError, ValueError, RuntimeError) as error:
            return Sent(SendOutcome.FAILED, talk.why(error))
        return Sent(SendOutcome.TAKEN) if refused is None else self._taken_in_part(notice.id, refused)

    def _taken_in_part(self, notice_id: str, refused: Message | Mapping[str, tuple[int, bytes]]) -> Sent:
        if isinstance(refused, Message):
            return Sent(SendOutcome.FAILED, refused)
        self._have_it[notice_id] = frozenset(set(self._settings.to) - set(refused))
        while len(self._have_it) > _MOST_HALF_SENT:
            self._have_it.popitem(last=False)
        return Sent(SendOutcome.FAILED, _refusal(self._settings.host or "", refused))


def mail_of(notice: Outgoing, settings: ChannelSettings) -> EmailMessage:
    """The mail: its texts without anything that could begin another header, its id that of the notice."""
    mail = EmailMessage(_POLICY)
    sender = settings.sender or ""
    mail["From"] = sender
    mail["To"] = ", ".join(settings.to)
    mail["Subject"] = visible(notice.title, _SUBJECT_LENGTH)
    mail["Date"] = format_datetime(notice.at)
    mail["Message-ID"] = f"<{_id_word(notice.id)}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    lines = notice.text.split("\n")
    mail.set_content("".join(f"{all_visible(line)}\n" for line in lines))
    return mail


def _id_word(notice_id: str) -> str:
    if _ID.fullmatch(notice_id):
        return notice_id
    return hashlib.sha256(notice_id.encode()).hexdigest()[:32]


class _Server(smtplib.SMTP):
    """A mail server that may say anything: no more of it is kept than a conversation needs."""

    def meet(self, host: str, port: int) -> None:
        """Connect, and have its greeting. Raises as smtplib does."""
        # the name that its certificate is checked for; smtplib sets it only where it connects by itself
        self._host = host
        status, said = self.connect(host, port)
        if status != _READY:
            self.close()
            raise smtplib.SMTPConnectError(status, said)

    def getreply(self) -> tuple[int, bytes]:
        """One reply; a server that says too much is left."""
        if self.file is None and self.sock is not None:
            self.file = _Replies(self.sock.makefile("rb"))
        return super().getreply()

    def __exit__(self, *_: object) -> None:
        with suppress(smtplib.SMTPException, OSError):
            self.docmd("QUIT")
        self.close()


class _TlsServer(_Server, smtplib.SMTP_SSL):
    """One that speaks TLS from the first word."""


class _Replies:
    """What a server says, up to MOST_SAID."""

    def __init__(self, lines: BufferedIOBase) -> None:
        self._lines = lines
        self._left = MOST_SAID

    def readline(self, most: int) -> bytes:
        line = self._lines.readline(most)
        self._left -= len(line)
        if self._left < 0:
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        return line

    def close(self) -> None:
        self._lines.close()


class _Talk:
    """One conversation with the server; `work` blocks, `hang_up` ends it from another thread."""

    def __init__(
        self, settings: ChannelSettings, net: NetSettings, env: Mapping[str, str], seconds: float
    ) -> None:
        self._host = settings.host or ""
        self._port = settings.port or PORTS[settings.security]
        self._settings = settings
        self._net = net
        self._env = env
        self._seconds = seconds
        self._server: smtplib.SMTP | None = None
        self._is_over = False
        #: the server has said what it takes; those whom it refused
        self.is_answered = False
        self.refused: Mapping[str, tuple[int, bytes]] | None = None

    def work(self, mail: EmailMessage, to: Iterable[str]) -> Message | Mapping[str, tuple[int, bytes]] | None:
        """Deliver it; those who were refused, or why nobody was asked. Raises as smtplib does."""
        place = SecretPlace(self._settings.password_file)
        password = place.read(self._env) if place.is_named else None
        if isinstance(password, Message):
            return password
        trusted = authorities(self._net, self._env)
        try:
            context = tls_context(trusted)
        except OSError:
            return message("net.bad_authorities", origin=trusted.origin, path=visible(trusted.place))
        with self._connected(context) as server:
            if self._settings.security == "starttls":
                server.ehlo()
                if not server.has_extn("starttls"):
                    return self.told("channel.mail_no_tls")
                server.starttls(context=context)
            if self._settings.user is not None and password is not None:
                server.ehlo_or_helo_if_needed()
                server.login(self._settings.user, password.reveal())
            self.refused = server.send_message(mail, self._settings.sender, list(to)) or None
            self.is_answered = True
        return self.refused

    def _connected(self, context: ssl.SSLContext) -> smtplib.SMTP:
        # one's own name would be looked up for the greeting, which may take long: the address says as much
        name, seconds = "localhost", self._seconds
        server: _Server
        if self._settings.security == "tls":
            server = _TlsServer(local_hostname=name, timeout=seconds, context=context)
        else:
            server = _Server(local_hostname=name, timeout=seconds)
        # known before it is spoken to: it may hang in its first word
        self._server = server
        server.meet(self._host, self._port)
        if server.sock is not None:
            address = str(server.sock.getsockname()[0])
            server.local_hostname = f"[IPv6:{address}]" if ":" in address else f"[{address}]"
        if self._is_over:
            server.close()
        return server

    def hang_up(self) -> None:
        """Have a conversation that takes too long end, wherever it hangs."""
        self._is_over = True
        if self._server is not None and (sock := self._server.sock) is not None:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def told(self, code: str, **arguments: object) -> Message:
        """A message about this server."""
        return message(code, host=visible(self._host, _SAID_LENGTH), **arguments)

    def why(self, error: Exception) -> Message:
        """What to tell of a conversation that broke off. What was sent is not repeated."""
        match error:
            case smtplib.SMTPRecipientsRefused():
                return _refusal(self._host, error.recipients)
            case smtplib.SMTPAuthenticationError():
                # what else the server says may repeat what it was sent
                return self.told("channel.mail_login", status=error.smtp_code)
            case smtplib.SMTPResponseException():
                return self.told(
                    "channel.mail_answered", status=error.smtp_code, said=_said(error.smtp_error)
                )
            case smtplib.SMTPNotSupportedError():
                return self.told("channel.mail_no_login")
            case smtplib.SMTPServerDisconnected():
                return self.told("channel.mail_broke_off")
            case TimeoutError():
                return self.told("channel.mail_slow", seconds=f"{self._seconds:g}")
            case OSError() if not isinstance(error, smtplib.SMTPException):
                return connection_failure(error, f"{self._host}:{self._port}").as_message
            case _:
                return self.told("channel.mail_broke_off")


def _refusal(host: str, refused: Mapping[str, tuple[int, bytes]]) -> Message:
    status, said = next(iter(refused.values()), (0, b""))
    addresses = ", ".join(visible(each) for each in refused)
    host = visible(host, _SAID_LENGTH)
    return message("channel.mail_refused", host=host, addresses=addresses, status=status, said=_said(said))


def _said(said: bytes | str) -> str:
    text = said.decode("utf-8", "replace") if isinstance(said, bytes) else said
    return visible(" ".join(text.split()), _SAID_LENGTH)
