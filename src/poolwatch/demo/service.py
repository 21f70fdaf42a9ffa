"""What the simulated service answers: usage by access token, and single-use rotation of refresh tokens."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from poolwatch.demo import tokens
from poolwatch.demo.account import Account, JsonObject, JsonValue
from poolwatch.demo.faults import Endpoint
from poolwatch.demo.ledger import Bearer, Ledger, Refused
from poolwatch.demo.usage import Motion, reset_credits_payload, usage_payload
from poolwatch.demo.wire import Reply, Request, json_reply

USAGE_PATHS = frozenset(
    {"/backend-api/wham/usage", "/backend-api/codex/usage", "/api/codex/usage", "/codex/usage"}
)
RESETS_PATHS = frozenset(
    {"/backend-api/wham/rate-limit-reset-credits", "/api/codex/rate-limit-reset-credits"}
)
TOKEN_PATH = "/oauth/token"  # noqa: S105  # an address, not a secret

_RETRY_AFTER_SECONDS = 90
_CHALLENGE = b"""<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>
<meta http-equiv="refresh" content="360"></head><body>
<noscript>Enable JavaScript and cookies to continue</noscript>
<script>window._cf_chl_opt = {cType: 'managed'};</script></body></html>
"""


@dataclass(slots=True)
class Totals:
    """What the whole server has seen."""

    usage_gets: int = 0
    token_posts: int = 0
    unknown_bearers: int = 0
    connections: int = 0
    peak_requests: int = 0
    peak_token_posts: int = 0


@dataclass(slots=True)
class Retouch:
    """Changes ordered for one account's payload: members to merge in, then dotted paths to take out."""

    patch: JsonObject = field(default_factory=dict)
    remove: tuple[str, ...] = ()


def merge(base: JsonObject, patch: JsonObject) -> JsonObject:
    """`base` with `patch` laid over it, object by object; a null in the patch is served as null."""
    merged = dict(base)
    for name, value in patch.items():
        known = merged.get(name)
        if isinstance(value, dict):
            merged[name] = merge(known if isinstance(known, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _without(base: JsonObject, path: str) -> JsonObject:
    name, _, rest = path.partition(".")
    kept = dict(base)
    inner = kept.get(name)
    if rest and isinstance(inner, dict):
        kept[name] = _without(inner, rest)
    elif not rest:
        kept.pop(name, None)
    return kept


def error_body(code: str, message: str, status: int | None = None) -> JsonObject:
    """An error in the shape of the real service."""
    body: JsonObject = {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    }
    if status is not None:
        body["status"] = status
    return body


class Service:
    """The service over one pool; `clock` gives epoch seconds."""

    def __init__(
        self,
        accounts: Sequence[Account],
        ledger: Ledger,
        clock: Callable[[], float],
        start: float,
        speed: float,
    ) -> None:
        self.accounts = accounts
        self.ledger = ledger
        self.clock = clock
        self.totals = Totals()
        self.retouches: dict[int, Retouch] = {}
        self._start = start
        self._speed = speed

    def motion(self, account: Account) -> Motion:
        """Where an account's consumption stands now."""
        tally = self.ledger.tallies[account.index]
        return Motion(self._start, self.clock(), self._speed, tally.refreshes, tally.refresh_count)

    def payload(self, account: Account) -> JsonObject:
        """The usage payload that the account would be served now."""
        made = usage_payload(account, self.motion(account))
        retouch = self.retouches.get(account.index)
        if retouch is not None:
            made = merge(made, retouch.patch)
            for path in retouch.remove:
                made = _without(made, path)
        return made

    def target(self, request: Request) -> tuple[Endpoint, int | None] | None:
        """Which endpoint and account a request is about; None for everything that faults do not touch."""
        if request.path in USAGE_PATHS:
            found = self._bearer(request)
            return "usage", None if found is None else found.account
        if request.path == TOKEN_PATH:
            fields = _fields(request)
            return "token", None if fields is None else self.ledger.owner_of_refresh(
                fields.get("refresh_token", "")
            )
        return None

    def count(self, request: Request, endpoint: Endpoint, account: int | None) -> None:
        """Note a request, whatever becomes of it; one by another method is no poll and no exchange."""
        if request.method != ("POST" if endpoint == "token" else "GET"):
            return
        if endpoint == "token":
            self.totals.token_posts += 1
        else:
            self.totals.usage_gets += 1
        if account is None:
            return
        tally = self.ledger.tallies[account]
        if endpoint == "token":
            tally.token_posts += 1
        else:
            tally.usage_gets += 1
            tally.last_headers = {
                name: "(withheld)" if name == "authorization" else value
                for name, value in request.headers.items()
            }

    def answer(self, request: Request) -> Reply:
        """The reply to a request; a token exchange has happened when this returns."""
        if request.path in USAGE_PATHS or request.path in RESETS_PATHS:
            if request.method != "GET":
                return Reply(405, headers=(("Allow", "GET"),))
            return self._personal(request)
        if request.path == TOKEN_PATH:
            if request.method != "POST":
                return Reply(405, headers=(("Allow", "POST"),))
            return self._exchange(request)
        return Reply(404)

    def _bearer(self, request: Request) -> Bearer | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.ledger.bearer(token.strip()) if scheme.lower() == "bearer" else None

    def _personal(self, request: Request) -> Reply:
        bearer = self._bearer(request)
        if bearer is None:
            self.totals.unknown_bearers += 1
            return json_reply(401, {"detail": "Unauthorized"})
        account = self.accounts[bearer.account]
        tally = self.ledger.tallies[account.index]
        if account.answer == "edge_blocked" and tally.usage_gets > 1:
            blocked = (("Content-Type", "text/html; charset=UTF-8"), ("Server", "cloudflare"))
            return Reply(403, _CHALLENGE, (*blocked, ("cf-mitigated", "challenge"), ("cf-ray", "demo-0")))
        if account.answer == "throttled":
            return json_reply(
                429, {"detail": "Too many requests"}, (("Retry-After", str(_RETRY_AFTER_SECONDS)),)
            )
        if self.ledger.rejected(bearer):
            return json_reply(
                401, error_body("token_invalidated", "This session was ended. Sign in again.", 401)
            )
        if bearer.expires is not None and bearer.expires <= self.clock():
            return json_reply(401, error_body("token_expired", "This access token has expired.", 401))
        named = request.headers.get("chatgpt-account-id")
        if named is not None and named != account.account_id:
            return json_reply(403, error_body("account_mismatch", "This login is not of that account.", 403))
        if account.answer == "workspace_gone":
            return json_reply(402, {"detail": {"code": "deactivated_workspace"}})
        delay = 2.0 + (tally.usage_gets % 3) if account.answer == "slow" else 0.0
        if request.path in RESETS_PATHS:
            return json_reply(200, reset_credits_payload(account, self.motion(account)), delay_seconds=delay)
        return json_reply(200, self.payload(account), delay_seconds=delay)

    def _exchange(self, request: Request) -> Reply:
        fields = _fields(request)
        if fields is None:
            return json_reply(400, error_body("invalid_request", "The body is neither JSON nor a form."))
        if fields.get("grant_type") != "refresh_token" or not fields.get("refresh_token"):
            return json_reply(
                400, error_body("unsupported_grant_type", "Only refresh tokens are exchanged here.")
            )
        if fields.get("client_id") != tokens.CLIENT_ID:
            return json_reply(401, error_body("invalid_client", "This client is not known."))
        outcome = self.ledger.exchange(fields["refresh_token"], self.clock())
        if isinstance(outcome, Refused):
            return json_reply(outcome.status, error_body(outcome.code, outcome.message))
        return json_reply(
            200,
            {
                "access_token": outcome.tokens.access,
                "refresh_token": outcome.tokens.refresh,
                "id_token": outcome.tokens.identity,
                "token_type": "bearer",
                "expires_in": tokens.ACCESS_SECONDS,
                "scope": "openid profile email offline_access",
            },
            (("Cache-Control", "no-store"),),
        )


def _fields(request: Request) -> dict[str, str] | None:
    """The fields of a token request, from JSON or from a form; None when it is neither."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            parsed: JsonValue = json.loads(request.body)
            if not isinstance(parsed, dict):
                return None
            return {name: value for name, value in parsed.items() if isinstance(value, str)}
        if kind == "application/x-www-form-urlencoded":
            return {name: values[-1] for name, values in parse_qs(request.body.decode()).items()}
    except ValueError:
        return None
    return None
