"""What CLIProxyAPI's management API answers, read field by field."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import PlainValidator

from poolwatch.domain.account import Custody, Listing, LoginKind, SourceRef, TokenFacts
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.net.reply import Reply, http_date
from poolwatch.sources.json_body import MOST_ROWS, JsonValue, NumberText, within
from poolwatch.sources.lenient import Flag, Instant, LenientModel, Text, text, whole
from poolwatch.sources.pools.listing import PoolAccount
from poolwatch.sources.pools.routes import CLI_PROXY_API

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


class IdTokenModel(LenientModel):
    """What the pool tells of a login's id token; the user id is not among it."""

    chatgpt_account_id: Text = None
    plan_type: Text = None
    chatgpt_subscription_active_until: Instant = None


class AuthFileModel(LenientModel):
    """One entry of `GET /auth-files`. `account` is not read: for API keys it is the key itself."""

    id: Text = None
    name: Text = None
    auth_index: Annotated[str | None, PlainValidator(_index)] = None
    type: Text = None
    provider: Text = None
    label: Text = None
    status: Text = None
    status_message: Text = None
    disabled: Flag = None
    email: Text = None
    account_type: Text = None
    last_refresh: Instant = None
    id_token: Annotated[IdTokenModel | None, PlainValidator(IdTokenModel.read)] = None


class AuthFile(PoolAccount, frozen=True):
    """One Codex login of the pool. `auth_index` is the handle that an api-call names it by.

    Its listing says that a login is needed where the pool itself calls this one unauthorized.
    """

    auth_index: str | None

    @property
    def is_api_key(self) -> bool:
        return self.listing.login is LoginKind.API_KEY


def parse_auth_files(value: JsonValue, source: str) -> dict[str, AuthFile] | Failure:
    """The Codex logins in an answer to `GET /auth-files`, by place; logins of other services are left out."""
    if not isinstance(value, dict) or "files" not in value:
        return failure(FailureKind.MALFORMED, "pools.no_logins", pool=CLI_PROXY_API.name)
    files = value["files"]
    if not isinstance(files, list | None):
        return failure(FailureKind.MALFORMED, "pools.logins_unreadable", pool=CLI_PROXY_API.name)
    found: dict[str, AuthFile] = {}
    for entry in (files or [])[:MOST_ROWS]:
        wire = AuthFileModel.read(entry)
        file = None if wire is None else _auth_file(wire, source)
        if file is not None:
            found.setdefault(file.listing.ref.place, file)
    return found


def _auth_file(wire: AuthFileModel, source: str) -> AuthFile | None:
    providers = {(wire.provider or "").lower(), (wire.type or "").lower()}
    index = wire.auth_index
    place = wire.id or wire.name or index
    if _CODEX not in providers or place is None:
        return None
    claims = wire.id_token or IdTokenModel()
    email, label = wire.email, wire.label
    status, why = (wire.status or "").lower(), (wire.status_message or "").lower()
    is_api_key = (wire.account_type or "").lower() == _API_KEY
    listing = Listing(
        SourceRef(source, place),
        account_id=claims.chatgpt_account_id,
        email=email,
        # unset, the label is the e-mail: naming knows better what to make of that
        label=None if label is None or "@" in label or label == email else label,
        plan=claims.plan_type,
        custody=Custody.STATIC if is_api_key else Custody.POOL,
        login=LoginKind.API_KEY if is_api_key else LoginKind.OAUTH,
        token=TokenFacts(last_refresh=wire.last_refresh),
        owner=CLI_PROXY_API.name,
        disabled=wire.disabled is True or status == _DISABLED,
        says_login_needed=status == "error" and any(word in why for word in _REFUSED),
        subscription_until=claims.chatgpt_subscription_active_until,
    )
    return AuthFile(listing, index)


def parse_api_call(value: JsonValue, elapsed_seconds: float) -> Reply | Failure:
    """The answer inside an answer to `POST /api-call`, as if it had come straight from its address."""
    status, inner = whole(within(value, "status_code")), within(value, "body")
    is_text = inner is None or (isinstance(inner, str) and not isinstance(inner, NumberText))
    if status is None or not 100 <= status <= 599 or not is_text:
        return failure(FailureKind.MALFORMED, "pools.call_unreadable", pool=CLI_PROXY_API.name)
    headers = _headers(within(value, "header"))
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
