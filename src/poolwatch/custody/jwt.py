"""What a token says of its owner. The signature is not checked: no client holds the key for that."""

from __future__ import annotations

import binascii
from datetime import datetime
from typing import Final

from msgspec import Struct

from poolwatch.custody.json_text import JsonObject, object_at, parse_object, text_at
from poolwatch.domain.account import Secret
from poolwatch.domain.text import visible_or_none
from poolwatch.host.instants import instant_of_epoch, parse_instant

MAX_TOKEN_CHARACTERS: Final = 64 * 1024
_PLAIN_ALPHABET: Final = bytes.maketrans(b"-_", b"+/")
_AUTH: Final = "https://api.openai.com/auth"
_PROFILE: Final = "https://api.openai.com/profile"


class Claims(Struct, frozen=True):
    """The claims of one token; instants in UTC, texts sanitised, None where it says nothing."""

    email: str | None = None
    user_id: str | None = None
    account_id: str | None = None
    plan: str | None = None
    expires_at: datetime | None = None
    issued_at: datetime | None = None
    is_fedramp: bool = False
    subscription_until: datetime | None = None
    subscription_checked_at: datetime | None = None


def read_claims(token: Secret | None) -> Claims | None:
    """The claims of a JWT, or None when the token is opaque, too long or no JWT."""
    payload = payload_of(token)
    if payload is None:
        return None
    auth = object_at(payload, _AUTH) or {}
    profile = object_at(payload, _PROFILE) or {}
    return Claims(
        email=visible_or_none(text_at(payload, "email") or text_at(profile, "email")),
        user_id=visible_or_none(text_at(auth, "chatgpt_user_id") or text_at(auth, "user_id")),
        account_id=visible_or_none(text_at(auth, "chatgpt_account_id")),
        plan=visible_or_none(text_at(auth, "chatgpt_plan_type")),
        expires_at=instant_of_epoch(payload.get("exp")),
        issued_at=instant_of_epoch(payload.get("iat")),
        is_fedramp=auth.get("chatgpt_account_is_fedramp") is True,
        subscription_until=_instant(auth, "chatgpt_subscription_active_until"),
        subscription_checked_at=_instant(auth, "chatgpt_subscription_last_checked"),
    )


def is_jwt(token: Secret | None) -> bool:
    """Whether a token decodes as a JWT; Codex refuses a file whose id token does not."""
    return payload_of(token) is not None


def _instant(auth: JsonObject, name: str) -> datetime | None:
    return parse_instant(auth.get(name)) or instant_of_epoch(auth.get(name))


def payload_of(token: Secret | None) -> JsonObject | None:
    """The claims of a JWT as they stand in it, or None when it is none."""
    if token is None:
        return None
    parts = token.reveal().split(".")
    if len(parts) != 3 or not all(parts) or sum(map(len, parts)) > MAX_TOKEN_CHARACTERS:
        return None
    body = parts[1].rstrip("=")
    try:
        text = (body + "=" * (-len(body) % 4)).encode("ascii").translate(_PLAIN_ALPHABET)
        raw = binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return None
    return parse_object(raw)
