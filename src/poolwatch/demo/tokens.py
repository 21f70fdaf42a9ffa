"""Tokens of the simulated login service: real in shape, derived from the seed, signed by nobody."""

import base64
import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime

from poolwatch.demo.account import Account, JsonObject

ACCESS_SECONDS = 864_000
"""Lifetime of a new access token: ten days, as the real service gives."""

CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
"""The public client id that every Codex login uses."""


def digest(seed: int, *parts: object) -> bytes:
    """Thirty-two bytes that depend on the seed and the parts alone."""
    text = "\x00".join(str(part) for part in parts)
    return hmac.new(f"poolwatch-demo:{seed}".encode(), text.encode(), hashlib.sha256).digest()


def user_id(seed: int, email: str) -> str:
    """The person's id; the same for every workspace of one e-mail address."""
    return "user-Demo" + digest(seed, "user", email).hex()[:20]


def workspace_id(seed: int, name: str) -> str:
    """The account id (a UUID) of a workspace or of a person's own account."""
    return str(uuid.UUID(bytes=digest(seed, "workspace", name)[:16], version=4))


def _segment(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def refresh_token(seed: int, account: Account, login: int, generation: int) -> str:
    """The refresh token of one generation of a login."""
    return "rt_" + _segment(digest(seed, "refresh", account.index, login, generation))


def personal_token(seed: int, account: Account) -> str:
    """A personal access token, which never expires and cannot be refreshed."""
    return "at-" + _segment(digest(seed, "personal", account.index))


def api_key(seed: int, account: Account) -> str:
    """An API key; no usage endpoint knows it."""
    return "sk-demo-" + _segment(digest(seed, "key", account.index))


def _jwt(seed: int, claims: JsonObject) -> str:
    head = _segment(json.dumps({"alg": "RS256", "kid": "demo", "typ": "JWT"}, separators=(",", ":")).encode())
    body = _segment(json.dumps(claims, separators=(",", ":")).encode())
    return f"{head}.{body}.{_segment(digest(seed, 'signature', head, body))}"


def _auth_claims(account: Account, issued: int) -> JsonObject:
    claims: JsonObject = {
        "chatgpt_account_id": account.account_id,
        "chatgpt_account_user_id": f"{account.user_id}__{account.account_id}",
        "chatgpt_plan_type": account.plan,
        "chatgpt_user_id": account.user_id,
        "user_id": account.user_id,
        "chatgpt_account_is_fedramp": False,
    }
    if account.personal and account.plan != "free":
        claims |= {
            "chatgpt_subscription_active_start": _rfc3339(issued - 12 * 86_400),
            "chatgpt_subscription_active_until": _rfc3339(issued + 18 * 86_400),
            "chatgpt_subscription_last_checked": _rfc3339(issued),
        }
    return claims


def _rfc3339(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


def access_token(seed: int, account: Account, login: int, generation: int, issued: int, expires: int) -> str:
    """An access token with the claims that clients read; `issued` and `expires` are epoch seconds."""
    return _jwt(
        seed,
        {
            "iss": "https://auth.openai.com",
            "aud": ["https://api.openai.com/v1"],
            "client_id": CLIENT_ID,
            "exp": expires,
            "iat": issued,
            "nbf": issued,
            "jti": digest(seed, "jti", account.index, login, generation).hex()[:32],
            "sub": f"auth0|{account.user_id}",
            "scp": ["openid", "profile", "email", "offline_access"],
            "https://api.openai.com/auth": _auth_claims(account, issued),
            "https://api.openai.com/profile": {"email": account.email, "email_verified": True},
        },
    )


def id_token(seed: int, account: Account, issued: int) -> str:
    """An id token; it lives one hour and clients read it long after."""
    return _jwt(
        seed,
        {
            "iss": "https://auth.openai.com",
            "aud": [CLIENT_ID],
            "exp": issued + 3_600,
            "iat": issued,
            "sub": f"auth0|{account.user_id}",
            "email": account.email,
            "email_verified": True,
            "https://api.openai.com/auth": _auth_claims(account, issued),
        },
    )


def fingerprint(token: str) -> str:
    """Twelve hexadecimal digits that tell tokens apart without showing them."""
    return hashlib.sha256(token.encode()).hexdigest()[:12]
