"""The logins in a file of any program that keeps Codex logins, each as Codex itself would write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.custody.login_file import (
    MAX_TOKEN_CHARACTERS,
    Login,
    is_jwt,
    is_workspace,
    login_in,
    not_json,
    read_claims,
)
from poolwatch.custody.state_dir import unmarked
from poolwatch.domain.account import LoginKind, Secret
from poolwatch.domain.message import Message, message
from poolwatch.domain.text import visible_or_none
from poolwatch.host.files import FileProblem
from poolwatch.host.instants import instant_text, parse_instant
from poolwatch.once.json_text import (
    JsonObject,
    JsonValue,
    NotJson,
    object_at,
    parse_json,
    text_at,
)

_NO_LOGIN: Final = message("import.no_login")
_SQLITE: Final = b"SQLite format 3\0"
# Where the tokens of one entry may stand, besides on top of it as with CLIProxyAPI and codex-proxy: Codex has
# them in `tokens`, sub2api in `credentials`.
_INNER: Final = ("tokens", "credentials")
_ACCESS: Final = ("access_token", "accessToken", "token")
_REFRESH: Final = ("refresh_token", "refreshToken")
_IDENTITY: Final = ("id_token", "idToken")
_ACCOUNT: Final = ("account_id", "accountId", "chatgpt_account_id", "chatgptAccountId")
_LABEL: Final = ("label", "email", "name", "alias")
_LAST: Final = ("last_refresh", "lastRefresh")
_API_KEY: Final = ("OPENAI_API_KEY", "api_key", "apiKey")
_PERSONAL: Final = ("personal_access_token",)
_LONGEST_WORD: Final = 40
_OURS: Final = frozenset({"codex", "oauth", "openai", "chatgpt"})


@dataclass(frozen=True, slots=True)
class Candidate:
    """One login that can be kept: its name for people, and the whole content of a file for it."""

    label: str
    login: Login
    document: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unusable:
    """One entry that cannot be kept, and why: a clause that follows its name."""

    label: str
    why: Message


def logins_in(content: bytes, source: Path, now: datetime) -> tuple[Candidate | Unusable, ...] | FileProblem:
    """Every login in a file with this content, in its order.

    `now` stands in where nothing tells when a token was issued.
    """
    if content.startswith(_SQLITE):
        return FileProblem("import.database", source)
    value = parse_json(content)
    if isinstance(value, NotJson):
        return not_json(content, source)
    entries = list(_entries(value))
    if not entries:
        return FileProblem(_NO_LOGIN.code, source)
    return tuple(_read(entry, number, now) for number, entry in enumerate(entries, 1))


def _entries(value: JsonValue) -> Iterator[JsonValue]:
    if isinstance(value, list):
        yield from value
    elif isinstance(value, dict):
        accounts = value.get("accounts")
        if isinstance(accounts, list):
            yield from accounts
        else:
            yield value


def _read(entry: JsonValue, number: int, now: datetime) -> Candidate | Unusable:
    if not isinstance(entry, dict):
        return Unusable(f"#{number}", message("import.not_a_login"))
    # codex-lb's export: the same login three times over
    entry = object_at(entry, "codexAuthJson") or entry
    holders = [entry, *(inner for name in _INNER if (inner := object_at(entry, name)) is not None)]
    named = visible_or_none(_first(holders, _LABEL))
    refused: Message | None = _other_kind(entry, holders)
    document = refused or _document(holders, now)
    if isinstance(document, Message):
        refused = document
    else:
        login = login_in(document, unmarked)
        if login is not None and login.kind is LoginKind.OAUTH:
            return Candidate(named or login.email or f"#{number}", login, document)
        refused = _NO_LOGIN
    return Unusable(named or f"#{number}", refused)


def _other_kind(entry: JsonObject, holders: Sequence[JsonObject]) -> Message | None:
    """Why this is no login that rotates, or None when it may be one."""
    platform = text_at(entry, "platform") or "openai"
    if platform.lower() not in _OURS:
        return _elsewhere(platform)
    kind = (text_at(entry, "type") or "codex").lower()
    key = _first(holders, _API_KEY)
    mode = (text_at(entry, "auth_mode") or "").lower()
    # the rule of the Codex CLI: an explicit mode decides, else a key does
    if mode == "apikey" or (key is not None and not mode) or kind in ("apikey", "api_key"):
        return message("import.api_key")
    if mode == "agentidentity":
        return message("import.agent_identity")
    access = _first(holders, _ACCESS)
    if (access is None and _first(holders, _PERSONAL) is not None) or (access or "").startswith("at-"):
        return message("import.personal_token")
    if kind not in _OURS and "tokens" not in entry:
        return _elsewhere(kind)
    return None


def _elsewhere(service: str) -> Message:
    name = visible_or_none(service, _LONGEST_WORD)
    return message("import.of_service", service=name) if name else message("import.of_another_service")


def _document(holders: Sequence[JsonObject], now: datetime) -> JsonObject | Message:
    """The content of a Codex login file, or why there is none."""
    access, refresh = _first(holders, _ACCESS), _first(holders, _REFRESH)
    if access is None and refresh is None:
        return _NO_LOGIN
    if refresh is None:
        return message("import.no_refresh_token")
    if access is None:
        return message("import.no_access_token")
    if not all(_can_be_sent(token) for token in (access, refresh)):
        return message("import.broken_token")
    claims = read_claims(Secret(access))
    identity = _identity(holders)
    if identity is None and claims is not None:
        # Codex refuses a file without an id token, and reads nothing from it that the access token lacks
        identity = access
    named = _all(holders, _ACCOUNT)
    chosen = next((each for each in named if is_workspace(each)), None)
    account = chosen or (claims.account_id if claims else None) or next(iter(named), None)
    tokens: JsonObject = {"access_token": access, "refresh_token": refresh, "account_id": account}
    if identity is not None:
        tokens = {"id_token": identity, **tokens}
    issued = parse_instant(_first(holders, _LAST)) or (claims.issued_at if claims else None) or now
    document: JsonObject = {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": tokens,
        # never without it: Codex sends nothing with a login that has none
        "last_refresh": instant_text(issued),
    }
    login = login_in(document, unmarked)
    email = _first(holders, ("email",))
    if login is not None and login.email is None and email is not None:
        document["email"] = email
    return document


def _identity(holders: Sequence[JsonObject]) -> str | None:
    found = _first(holders, _IDENTITY)
    if found is None:
        # the first releases of Codex kept the id token as an object
        old = next((inner for holder in holders if (inner := object_at(holder, "id_token"))), None)
        found = text_at(old, "raw_jwt") if old is not None else None
    # Codex refuses a whole file whose id token is no JWT
    return found if found is not None and is_jwt(Secret(found)) else None


def _first(holders: Sequence[JsonObject], names: Sequence[str]) -> str | None:
    return next(iter(_all(holders, names)), None)


def _all(holders: Sequence[JsonObject], names: Sequence[str]) -> list[str]:
    found = (text_at(holder, name) for name in names for holder in holders)
    return [text.strip() for text in found if text is not None and text.strip()]


def _can_be_sent(token: str) -> bool:
    whole = token.isascii() and token.isprintable() and " " not in token
    return whole and len(token) <= MAX_TOKEN_CHARACTERS
