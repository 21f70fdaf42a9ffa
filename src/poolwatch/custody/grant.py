"""The reply of a token exchange, and the credential file with it in place."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from poolwatch.custody.login_file import Claims, Login, Shape, is_jwt, read_claims
from poolwatch.domain.account import Secret
from poolwatch.host.instants import instant_text
from poolwatch.once.json_text import JsonObject, JsonValue, object_at, parse_object, text_at


@dataclass(frozen=True, slots=True)
class Grant:
    """The tokens of a reply; each may be missing, then the old one stays."""

    access: Secret | None = None
    refresh: Secret | None = None
    id_token: Secret | None = None
    expires_in: int | None = None

    @property
    def claims(self) -> Claims:
        """What the new access token says of its owner; empty for an opaque one."""
        return read_claims(self.access) or Claims()

    @property
    def identity(self) -> Claims:
        """What the new id token says of its owner; empty where there is none."""
        return read_claims(self.id_token) or Claims()

    def is_for_another(self, user_id: str | None, account_id: str | None, login: Login | None) -> bool:
        """Whether it names an owner other than the one asked for, or one that the login does not name.

        Every user and account id counts that either side names; an e-mail address names nobody.
        """
        new, old = (self.claims, self.identity), _claims_of(login)
        users = [each.user_id for each in new]
        our_users = [user_id, *(each.user_id for each in old)]
        accounts = [each.account_id for each in new]
        our_accounts = [account_id, *(each.account_id for each in old)]
        if login is not None:
            our_accounts.append(login.noted_account_id)
        # personal accounts repeat the user id as account id, which names no workspace
        people = {*users, *our_users, None}
        return _differ(_named(users, {None}), _named(our_users, {None})) or _differ(
            _named(accounts, people), _named(our_accounts, people)
        )

    def is_in(self, login: Login) -> bool:
        """Whether the login already holds these tokens."""
        return (self.access is None or self.access == login.access) and (
            self.refresh is None or self.refresh == login.refresh
        )


def _claims_of(login: Login | None) -> tuple[Claims, ...]:
    if login is None:
        return ()
    return tuple(read_claims(token) or Claims() for token in (login.access, login.id_token))


def _named(ids: list[str | None], left_out: set[str | None]) -> list[str]:
    return [each for each in ids if each is not None and each not in left_out]


def _differ(theirs: list[str], ours: list[str]) -> bool:
    """The first of each is who is meant, the others may only repeat what our side knows."""
    return bool(theirs and ours) and (theirs[0] != ours[0] or not set(theirs) <= set(ours))


def parse_grant(body: bytes) -> Grant | None:
    """The tokens in a reply, or None when it holds neither an access nor a refresh token."""
    found = parse_object(body)
    if found is None:
        return None
    access, refresh = text_at(found, "access_token"), text_at(found, "refresh_token")
    if access is None and refresh is None:
        return None
    identity = Secret(text_at(found, "id_token") or "")
    seconds = found.get("expires_in")
    return Grant(
        access=Secret(access) if access else None,
        refresh=Secret(refresh) if refresh else None,
        # Codex refuses a whole file whose id token is no JWT, so such a one never gets there
        id_token=identity if is_jwt(identity) else None,
        expires_in=seconds
        if isinstance(seconds, int) and not isinstance(seconds, bool) and 0 < seconds < 10**9
        else None,
    )


def merged(document: JsonObject, shape: Shape, grant: Grant, now: datetime) -> JsonObject:
    """The document with the new tokens; every key that is not about them stays as it is."""
    result = copy.deepcopy(document)
    if shape == "codex":
        tokens = object_at(result, "tokens") or {}
        _place(tokens, grant)
        result["tokens"] = tokens
    else:
        _place(result, grant)
        expires_at = grant.claims.expires_at
        if expires_at is None and grant.expires_in is not None:
            expires_at = now + timedelta(seconds=grant.expires_in)
        if expires_at is not None:
            result["expired"] = instant_text(expires_at)
    result["last_refresh"] = instant_text(now)
    return result


def standalone(grant: Grant, account_id: str | None, now: datetime) -> JsonObject:
    """A Codex login file with nothing but this grant, for a login whose own file is taken."""
    tokens: dict[str, JsonValue] = {
        "account_id": grant.claims.account_id or grant.identity.account_id or account_id
    }
    result: JsonObject = {"auth_mode": "chatgpt", "OPENAI_API_KEY": None, "tokens": tokens}
    return merged(result, "codex", grant, now)


def render(document: JsonObject) -> bytes:
    """The text of a credential file as Codex writes it: indented by two, no newline at the end."""
    try:
        return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        # a lone surrogate in a key that is not ours survives only as an escape
        return json.dumps(document, indent=2, allow_nan=False).encode()


def _place(tokens: JsonObject, grant: Grant) -> None:
    if grant.id_token is not None:
        tokens["id_token"] = grant.id_token.reveal()
    if grant.access is not None:
        tokens["access_token"] = grant.access.reveal()
    if grant.refresh is not None:
        tokens["refresh_token"] = grant.refresh.reveal()
