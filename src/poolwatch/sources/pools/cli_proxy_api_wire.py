"""What CLIProxyAPI's management API answers, read field by field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.domain.usage import Said, Unsaid
from poolwatch.net.reply import Reply, http_date
from poolwatch.sources.json_body import MOST_ROWS, JsonValue, NumberText
from poolwatch.sources.lenient import Flag, Instant, Text, known, text, whole
from poolwatch.sources.wire_object import WireObject

_ABSENT: Final = Unsaid.ABSENT
_CODEX: Final = "codex"
_DISABLED: Final = "disabled"
_API_KEY: Final = "api_key"
#: What the pool says of a login that the service refuses: it then waits and tries again by itself.
_REFUSED: Final = ("unauthorized", "token_invalidated", "token_revoked", "refresh_token", "invalid_grant")


def _index(value: object) -> str | None:
    """The handle of a login: a text, in old versions a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(value)


class IdTokenWire(WireObject, frozen=True):
    """What the pool tells of a login's id token; the user id is not among it."""

    chatgpt_account_id: Text = _ABSENT
    plan_type: Text = _ABSENT
    chatgpt_subscription_active_until: Instant = _ABSENT


class AuthFileWire(WireObject, frozen=True):
    """One entry of `GET /auth-files`. `account` is not read: for API keys it is the key itself."""

    id: Text = _ABSENT
    name: Text = _ABSENT
    auth_index: Annotated[Said[str], _index] = _ABSENT
    type: Text = _ABSENT
    provider: Text = _ABSENT
    label: Text = _ABSENT
    status: Text = _ABSENT
    status_message: Text = _ABSENT
    disabled: Flag = _ABSENT
    email: Text = _ABSENT
    account_type: Text = _ABSENT
    last_refresh: Instant = _ABSENT
    id_token: Annotated[Said[IdTokenWire], IdTokenWire.of] = _ABSENT


@dataclass(frozen=True, slots=True)
class AuthFile:
    """One Codex login of the pool. `auth_index` is the handle that an api-call names it by.

    `refused` says that the pool itself calls the login unauthorized.
    """

    place: str
    auth_index: str | None
    account_id: str | None
    email: str | None
    label: str | None
    plan: str | None
    disabled: bool
    refused: bool
    is_api_key: bool
    last_refresh: datetime | None
    subscription_until: datetime | None


def parse_auth_files(value: JsonValue) -> tuple[AuthFile, ...] | Failure:
    """The Codex logins in an answer to `GET /auth-files`, in order; those of other providers are left out."""
    if not isinstance(value, dict) or "files" not in value:
        return worded(FailureKind.MALFORMED, "the pool's answer holds no list of logins")
    files = value["files"]
    if files is None:
        return ()
    if not isinstance(files, list):
        return worded(FailureKind.MALFORMED, "the pool's list of logins cannot be read")
    found: dict[str, AuthFile] = {}
    for entry in files[:MOST_ROWS]:
        wire = AuthFileWire.of(entry)
        file = None if wire is None else _auth_file(wire)
        if file is not None:
            found.setdefault(file.place, file)
    return tuple(found.values())


def _auth_file(wire: AuthFileWire) -> AuthFile | None:
    providers = {(known(wire.provider) or "").lower(), (known(wire.type) or "").lower()}
    index = known(wire.auth_index)
    place = known(wire.id) or known(wire.name) or index
    if _CODEX not in providers or place is None:
        return None
    claims = wire.id_token if isinstance(wire.id_token, IdTokenWire) else IdTokenWire()
    email, label = known(wire.email), known(wire.label)
    status, message = (known(wire.status) or "").lower(), (known(wire.status_message) or "").lower()
    return AuthFile(
        place=place,
        auth_index=index,
        account_id=known(claims.chatgpt_account_id),
        email=email,
        # unset, the label is the e-mail: naming knows better what to make of that
        label=None if label is None or "@" in label or label == email else label,
        plan=known(claims.plan_type),
        disabled=known(wire.disabled) is True or status == _DISABLED,
        refused=status == "error" and any(word in message for word in _REFUSED),
        is_api_key=(known(wire.account_type) or "").lower() == _API_KEY,
        last_refresh=known(wire.last_refresh),
        subscription_until=known(claims.chatgpt_subscription_active_until),
    )


def parse_api_call(value: JsonValue, elapsed_seconds: float) -> Reply | Failure:
    """The answer inside an answer to `POST /api-call`, as if it had come straight from its address."""
    status = whole(value.get("status_code")) if isinstance(value, dict) else None
    inner = value.get("body") if isinstance(value, dict) else None
    is_text = inner is None or (isinstance(inner, str) and not isinstance(inner, NumberText))
    if not isinstance(value, dict) or status is None or not 100 <= status <= 599 or not is_text:
        return worded(FailureKind.MALFORMED, "the pool's answer to an api-call cannot be read")
    headers = _headers(value.get("header"))
    content = inner.encode("utf-8", "replace") if isinstance(inner, str) else b""
    return Reply(status, headers, content, http_date(headers.get("date")), elapsed_seconds)


def _headers(value: JsonValue | None) -> dict[str, str]:
    """Lower-case names; of a header sent twice the first counts."""
    found: dict[str, str] = {}
    for name, values in value.items() if isinstance(value, dict) else ():
        first = values[0] if isinstance(values, list) and values else values
        if isinstance(first, str):
            found.setdefault(name.lower(), first)
    return found
