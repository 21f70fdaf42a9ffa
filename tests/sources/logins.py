"""Login files as the programs that own them write them; every token is invented."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from poolwatch.custody.state_dir import Fingerprinter
from poolwatch.domain.account import Secret

AT = datetime(2026, 11, 20, 21, tzinfo=UTC)
FINGERPRINT = Fingerprinter(bytes(32))
AUTH = "https://api.openai.com/auth"


def mark(token: str) -> str:
    """The fingerprint of a token."""
    return FINGERPRINT(Secret(token))


def jwt(claims: object) -> str:
    """A token with these claims and no real signature."""
    parts = (json.dumps(part).encode() for part in ({"alg": "none"}, claims))
    return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "fake"])


def access_token(
    user: str = "user-1", account: str = "acct-1", expires: datetime = AT + timedelta(days=3), **auth: object
) -> str:
    """An access token of one account."""
    said = {"chatgpt_user_id": user, "chatgpt_account_id": account, **auth}
    return jwt({"exp": int(expires.timestamp()), AUTH: said})


def id_token(email: str = "one@example.com", plan: str = "plus") -> str:
    """An id token, which knows the e-mail and the plan."""
    return jwt({"email": email, AUTH: {"chatgpt_plan_type": plan}})


def codex_login(
    access: str | None = None, email: str = "one@example.com", refresh: str = "fake-refresh"
) -> str:
    """The text of an auth.json."""
    tokens = {
        "id_token": id_token(email),
        "access_token": access or access_token(),
        "refresh_token": refresh,
        "account_id": None,
    }
    return json.dumps(
        {"OPENAI_API_KEY": None, "tokens": tokens, "last_refresh": "2026-11-18T21:00:00Z"}, indent=2
    )


def cliproxy_login(access: str | None = None, email: str = "one@example.com", **more: object) -> str:
    """The text of a CLIProxyAPI file."""
    login = {
        "type": "codex",
        "email": email,
        "id_token": id_token(email),
        "access_token": access or access_token(),
        "refresh_token": "fake-refresh",
        "expired": "2026-11-23T21:00:00Z",
        **more,
    }
    return json.dumps(login)


def put(path: Path, text: str) -> Path:
    """Write a file as Codex does: whole, into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(text)
    beside.replace(path)
    return path
