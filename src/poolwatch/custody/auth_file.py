"""Reads the logins of other programs: Codex CLI, codex-auth snapshots and CLIProxyAPI files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Literal

from msgspec import Struct

from poolwatch.custody.files import Content, FileProblem, FileStamp, read_bounded
from poolwatch.custody.instants import parse_instant
from poolwatch.custody.json_text import JsonObject, NotJson, object_at, parse_json, text_at
from poolwatch.custody.jwt import Claims, read_claims
from poolwatch.domain.account import LoginKind, Secret
from poolwatch.domain.text import visible_or_none

__all__ = ["Document", "FileProblem", "Login", "Shape", "login_in", "read_document", "read_login"]

Shape = Literal["codex", "cliproxy"]
Fingerprint = Callable[[Secret], str]


class Login(Struct, frozen=True):
    """One login as its file holds it; instants in UTC, texts sanitised.

    `access` is what may be sent to the usage endpoint: None for API keys, which have no usage.
    `fingerprint` is that of the access token (of the key for API keys).
    """

    shape: Shape
    kind: LoginKind
    access: Secret | None = None
    refresh: Secret | None = None
    id_token: Secret | None = None
    user_id: str | None = None
    account_id: str | None = None
    email: str | None = None
    plan: str | None = None
    is_fedramp: bool = False
    expires_at: datetime | None = None
    last_refresh: datetime | None = None
    fingerprint: str | None = None
    refresh_fingerprint: str | None = None
    subscription_until: datetime | None = None
    subscription_checked_at: datetime | None = None
    disabled: bool = False
    #: the account that the file names beside its tokens
    noted_account_id: str | None = None


class Document(Struct, frozen=True):
    """A credential file as parsed JSON, with the stamp it was read under."""

    root: JsonObject
    stamp: FileStamp

    def __repr__(self) -> str:
        return "Document(…)"


def read_login(path: Path, fingerprint: Fingerprint) -> Login | FileProblem | None:
    """The login in a file; None when the file is JSON but no login that poolwatch knows."""
    document = read_document(path)
    if document is None or isinstance(document, FileProblem):
        return document
    return login_in(document.root, fingerprint)


def read_document(path: Path) -> Document | FileProblem | None:
    """The JSON object in a file; None when it is JSON of another kind."""
    found = read_bounded(path)
    if not isinstance(found, Content):
        return found
    value = parse_json(found.content)
    if isinstance(value, NotJson):
        return FileProblem("not complete JSON: it may just be being written")
    return Document(value, found.stamp) if isinstance(value, dict) else None


def login_in(root: JsonObject, fingerprint: Fingerprint) -> Login | None:
    """The login that a document holds, or None."""
    if root.get("type") == "codex" and (text_at(root, "access_token") or text_at(root, "refresh_token")):
        return _cliproxy(root, fingerprint)
    if "type" in root and "tokens" not in root:
        # another provider's file in a CLIProxyAPI folder
        return None
    return _codex(root, fingerprint)


def _codex(root: JsonObject, fingerprint: Fingerprint) -> Login | None:
    key = _secret(root, "OPENAI_API_KEY")
    personal = _secret(root, "personal_access_token")
    tokens = object_at(root, "tokens") or {}
    mode = (text_at(root, "auth_mode") or "").lower()
    if mode == "apikey" or (key is not None and not mode):
        if key is None:
            return None
        return Login("codex", LoginKind.API_KEY, fingerprint=fingerprint(key))
    access = _secret(tokens, "access_token")
    if personal is not None and (access is None or mode.startswith("personal")):
        access = personal
    if access is not None and access.reveal().startswith("at-"):
        return _personal(access, tokens, fingerprint)
    refresh = _secret(tokens, "refresh_token")
    if access is None and refresh is None:
        return None
    identity = _secret(tokens, "id_token")
    old = object_at(tokens, "id_token")
    if identity is None and old is not None:
        # the first releases kept the id token as an object
        identity = _secret(old, "raw_jwt")
    return _oauth("codex", access, refresh, identity, tokens, root, fingerprint)


def _cliproxy(root: JsonObject, fingerprint: Fingerprint) -> Login:
    access, refresh = _secret(root, "access_token"), _secret(root, "refresh_token")
    return _oauth("cliproxy", access, refresh, _secret(root, "id_token"), root, root, fingerprint)


def _personal(access: Secret, tokens: JsonObject, fingerprint: Fingerprint) -> Login:
    return Login(
        "codex",
        LoginKind.PERSONAL_ACCESS_TOKEN,
        access=access,
        account_id=visible_or_none(text_at(tokens, "account_id")),
        fingerprint=fingerprint(access),
    )


def _oauth(
    shape: Shape,
    access: Secret | None,
    refresh: Secret | None,
    identity: Secret | None,
    tokens: JsonObject,
    root: JsonObject,
    fingerprint: Fingerprint,
) -> Login:
    said = read_claims(access) or Claims()
    known = read_claims(identity) or Claims()
    noted = visible_or_none(text_at(tokens, "account_id"))
    user_id = said.user_id or known.user_id
    accounts = [each for each in (said.account_id, known.account_id, noted) if each is not None]
    return Login(
        shape,
        LoginKind.OAUTH,
        access=access,
        refresh=refresh,
        id_token=identity,
        user_id=user_id,
        # one that repeats the user id names no workspace
        account_id=next((each for each in accounts if each != user_id), accounts[0] if accounts else None),
        email=known.email or said.email or visible_or_none(text_at(root, "email")),
        plan=said.plan or known.plan,
        is_fedramp=said.is_fedramp or known.is_fedramp,
        expires_at=said.expires_at or parse_instant(root.get("expired")),
        last_refresh=parse_instant(root.get("last_refresh")),
        fingerprint=fingerprint(access) if access is not None else None,
        refresh_fingerprint=fingerprint(refresh) if refresh is not None else None,
        subscription_until=known.subscription_until or said.subscription_until,
        subscription_checked_at=known.subscription_checked_at or said.subscription_checked_at,
        disabled=root.get("disabled") is True,
        noted_account_id=noted,
    )


def _secret(holder: JsonObject, name: str) -> Secret | None:
    value = text_at(holder, name)
    return Secret(value) if value is not None else None
