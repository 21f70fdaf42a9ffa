"""Reads login files: of the Codex CLI, codex-auth and CLIProxyAPI, and what their tokens say of the owner."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from poolwatch.domain.account import LoginKind, Secret
from poolwatch.domain.text import visible_or_none
from poolwatch.host.files import Content, FileProblem, FileStamp, read_bounded
from poolwatch.host.instants import instant_of_epoch, parse_instant
from poolwatch.once.json_text import (
    JsonObject,
    NotJson,
    object_at,
    other_encoding,
    parse_json,
    parse_object,
    text_at,
)

Shape = Literal["codex", "cliproxy"]
Fingerprint = Callable[[Secret], str]
#: Ids that stand where a workspace's should: of an organisation, a person, or made up by a pool.
_NO_WORKSPACE: Final = ("org-", "user-", "email_", "local_")
_ACCOUNT: Final = ("account_id", "chatgpt_account_id")
_AGENT_ACCOUNT: Final = ("workspace_id", *_ACCOUNT)
MAX_TOKEN_CHARACTERS: Final = 64 * 1024
_PLAIN_ALPHABET: Final = bytes.maketrans(b"-_", b"+/")
_AUTH: Final = "https://api.openai.com/auth"
_PROFILE: Final = "https://api.openai.com/profile"


class Login(Struct, frozen=True):
    """One login as its file holds it; instants in UTC, texts sanitised.

    `access` is what may be sent to the usage endpoint: None for API keys and agents, which have no usage.
    `fingerprint` is that of the access token (of the key for API keys and agents).
    `workspace` is the account that the file chooses, which the login is used for; `account_id` the one in its
    tokens, which it was issued for and is renewed as.
    """

    shape: Shape
    kind: LoginKind
    access: Secret | None = None
    refresh: Secret | None = None
    id_token: Secret | None = None
    user_id: str | None = None
    account_id: str | None = None
    workspace: str | None = None
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
        return not_json(found.content, path)
    return Document(value, found.stamp) if isinstance(value, dict) else None


def not_json(text: bytes, path: Path) -> FileProblem:
    """What is the matter with a file whose text is no JSON."""
    encoding = other_encoding(text)
    if encoding:
        return FileProblem("custody.encoding", path, (("encoding", encoding),))
    return FileProblem("custody.not_json" if encoding is None else "custody.other_encoding", path)


def is_workspace(account_id: str) -> bool:
    """Whether an account id can be that of a workspace, which alone the service knows by the header."""
    return not account_id.startswith(_NO_WORKSPACE)


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
    has_tokens = bool(text_at(tokens, "access_token") or text_at(tokens, "refresh_token") or personal)
    if mode == "agentidentity" or (not mode and not has_tokens):
        return _agent(root, fingerprint)
    access = _secret(tokens, "access_token")
    if personal is not None and (access is None or mode.startswith("personal")):
        access = personal
    if access is not None and access.reveal().startswith("at-"):
        return _personal("codex", access, tokens, root, fingerprint)
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
    if access is not None and access.reveal().startswith("at-"):
        return _personal("cliproxy", access, root, root, fingerprint)
    return _oauth("cliproxy", access, refresh, _secret(root, "id_token"), root, root, fingerprint)


def _personal(
    shape: Shape, access: Secret, tokens: JsonObject, root: JsonObject, fingerprint: Fingerprint
) -> Login:
    return Login(
        shape,
        LoginKind.PERSONAL_ACCESS_TOKEN,
        access=access,
        account_id=(chosen := _chosen(tokens, _ACCOUNT, None)),
        workspace=chosen,
        email=visible_or_none(text_at(root, "email")),
        fingerprint=fingerprint(access),
        disabled=root.get("disabled") is True,
    )


def _agent(root: JsonObject, fingerprint: Fingerprint) -> Login | None:
    """An agent's own key, as an object or as a JWT that holds the same: it signs, and no token is sent."""
    whole = _secret(root, "agent_identity")
    said = payload_of(whole) if whole is not None else object_at(root, "agent_identity")
    if whole is None and said is None:
        return None
    said, known = said or {}, read_claims(whole) or Claims()
    key = _secret(said, "agent_private_key") or whole
    return Login(
        "codex",
        LoginKind.AGENT_IDENTITY,
        user_id=visible_or_none(text_at(said, "chatgpt_user_id")) or known.user_id,
        account_id=(chosen := _chosen(said, _AGENT_ACCOUNT, known.account_id)),
        workspace=chosen,
        email=visible_or_none(text_at(said, "email")) or known.email,
        plan=visible_or_none(text_at(said, "plan_type")) or known.plan,
        fingerprint=fingerprint(key) if key is not None else None,
    )


def _chosen(holder: JsonObject, names: Sequence[str], otherwise: str | None) -> str | None:
    """The workspace that a file names, else the one in its tokens, else whatever id the file has."""
    ids = [visible_or_none(text_at(holder, name)) for name in names]
    workspace = next((each for each in ids if each is not None and is_workspace(each)), None)
    return workspace or otherwise or next((each for each in ids if each is not None), None)


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
    # one that repeats the user id names no workspace
    account_id = next((each for each in accounts if each != user_id), accounts[0] if accounts else None)
    workspace = _chosen(tokens, _ACCOUNT, said.account_id or known.account_id)
    # what they say of a plan is said of the workspace that they were issued for
    is_theirs = workspace in (account_id, said.account_id or known.account_id)
    return Login(
        shape,
        LoginKind.OAUTH,
        access=access,
        refresh=refresh,
        id_token=identity,
        user_id=user_id,
        account_id=account_id,
        workspace=workspace,
        email=known.email or said.email or visible_or_none(text_at(root, "email")),
        plan=said.plan or known.plan if is_theirs else None,
        is_fedramp=said.is_fedramp or known.is_fedramp,
        expires_at=said.expires_at or parse_instant(root.get("expired")),
        last_refresh=parse_instant(root.get("last_refresh")),
        fingerprint=fingerprint(access) if access is not None else None,
        refresh_fingerprint=fingerprint(refresh) if refresh is not None else None,
        subscription_until=known.subscription_until or said.subscription_until if is_theirs else None,
        subscription_checked_at=(
            known.subscription_checked_at or said.subscription_checked_at if is_theirs else None
        ),
        disabled=root.get("disabled") is True,
        noted_account_id=noted,
    )


def _secret(holder: JsonObject, name: str) -> Secret | None:
    value = text_at(holder, name)
    return Secret(value) if value is not None else None


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
