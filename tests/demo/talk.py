"""Plain HTTP for tests of the simulator, and what a credential file holds."""

import base64
import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from tests.support.upstream import Upstream

from poolwatch.demo.tokens import CLIENT_ID

Loose = dict[str, object]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Loose:
        parsed = json.loads(self.body)
        assert isinstance(parsed, dict)
        return parsed

    @property
    def code(self) -> object:
        return at(self.json, "error", "code")


def at(value: object, *path: str) -> object:
    for name in path:
        value = cast("Loose", value)[name]
    return value


def call(
    url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> Answer:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request(
            method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, dict(headers or {})
        )
        reply = connection.getresponse()
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, reply.read())
    finally:
        connection.close()


@dataclass(frozen=True)
class Held:
    """The tokens of one credential file."""

    access: str
    refresh: str
    account_id: str | None


def held(path: Path) -> Held:
    content = json.loads(path.read_text())
    if "personal_access_token" in content:
        return Held(content["personal_access_token"], "", None)
    if "OPENAI_API_KEY" in content and content.get("tokens") is None:
        return Held(content["OPENAI_API_KEY"], "", None)
    content = content.get("tokens", content)
    return Held(content["access_token"], content["refresh_token"], content["account_id"])


def claims(token: str) -> Loose:
    head, middle, signature = token.split(".")
    assert head
    assert signature
    parsed = json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    assert isinstance(parsed, dict)
    return parsed


def login(upstream: Upstream, label: str) -> Held:
    return held(upstream.account(label).files[0])


def usage(upstream: Upstream, who: Held | str, path: str = "/backend-api/wham/usage") -> Answer:
    who = login(upstream, who) if isinstance(who, str) else who
    headers = {"Authorization": f"Bearer {who.access}", "Accept": "application/json"}
    if who.account_id is not None:
        headers["ChatGPT-Account-Id"] = who.account_id
    return call(upstream.root + path, headers=headers)


def exchange(upstream: Upstream, refresh_token: str) -> Answer:
    fields = {"client_id": CLIENT_ID, "grant_type": "refresh_token", "refresh_token": refresh_token}
    return call(
        upstream.token_url,
        "POST",
        {"Content-Type": "application/json"},
        json.dumps(fields).encode(),
    )
