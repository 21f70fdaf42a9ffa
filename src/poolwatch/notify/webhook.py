"""The channel `webhook`: a POST that its receiver can check, as Standard Webhooks has it."""

from __future__ import annotations

import asyncio
import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.domain.account import Secret
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import Outgoing, SendOutcome, Sent
from poolwatch.domain.text import visible
from poolwatch.host.threads import in_thread
from poolwatch.net.client import HttpClient
from poolwatch.net.reach import Reach
from poolwatch.net.reply import Reply
from poolwatch.notify.secret_file import SecretPlace, key_bytes, signing_keys

#: From the first look-up to the head of the answer.
DEADLINE_SECONDS: Final = 20.0
_GONE: Final = 410
_HOST_LENGTH: Final = 100


class Webhook:
    """Posts the JSON of a notice; what answers with 2xx has taken it, and 410 wants no more."""

    def __init__(
        self,
        settings: ChannelSettings,
        client: HttpClient,
        env: Mapping[str, str],
        now: Callable[[], datetime],
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._url = settings.url or ""
        self._secret = SecretPlace(settings.secret_file, settings.secret_env)
        self._reach = Reach(settings.private)
        self._client = client
        self._env = env
        self._now = now
        self._deadline = deadline_seconds

    async def send(self, notice: Outgoing) -> Sent:
        loop = asyncio.get_running_loop()
        until = loop.time() + self._deadline
        keys: tuple[Secret, ...] = ()
        if self._secret.is_named:
            try:
                async with asyncio.timeout_at(until):
                    read = await in_thread(lambda: signing_keys(self._secret, self._env))
            except (TimeoutError, RuntimeError):
                read = message("channel.unread", place=self._secret.told)
            if isinstance(read, Message):
                return Sent(SendOutcome.FAILED, read)
            keys = read
        stamp = str(int(self._now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": notice.id,
            "webhook-timestamp": stamp,
        }
        if keys:
            headers["webhook-signature"] = signatures(keys, notice.id, stamp, notice.body)
        left = max(until - loop.time(), 0.0)
        got = await self._client.deliver(self._url, headers, notice.body, self._reach, deadline_seconds=left)
        if not isinstance(got, Reply):
            return Sent(SendOutcome.FAILED, got.failure.as_message)
        return self._judged(got.status)

    def _judged(self, status: int) -> Sent:
        host = visible(urlsplit(self._url).hostname or "", _HOST_LENGTH)
        if 200 <= status < 300:
            return Sent(SendOutcome.TAKEN)
        if status == _GONE:
            return Sent(SendOutcome.GONE, message("channel.gone", host=host))
        code = "channel.redirects" if 300 <= status < 400 else "channel.answered"
        return Sent(SendOutcome.FAILED, message(code, host=host, status=status))


def signatures(keys: Sequence[Secret], notice_id: str, stamp: str, body: bytes) -> str:
    """The value of `webhook-signature`: one for each key, with blanks between them."""
    signed = b".".join((notice_id.encode(), stamp.encode(), body))
    found = [hmac.digest(key, signed, "sha256") for each in keys if (key := key_bytes(each)) is not None]
    return " ".join(f"v1,{base64.b64encode(each).decode('ascii')}" for each in found)
