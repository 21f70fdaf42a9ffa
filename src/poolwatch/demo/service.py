"""What the simulated service answers: usage by access token, and single-use rotation of refresh tokens."""

import base64
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from poolwatch.demo import tokens
from poolwatch.demo.account import DAY, Account, JsonObject, rfc3339
from poolwatch.demo.tokens import Holder, Ledger, RefusedError
from poolwatch.demo.usage import Motion, reset_credits_payload, reset_history_payload, usage_payload

Endpoint: TypeAlias = Literal["usage", "token"]

USAGE_PATHS = frozenset(
    {"/backend-api/wham/usage", "/backend-api/codex/usage", "/api/codex/usage", "/codex/usage"}
)
RESETS_PATHS = frozenset(
    {"/backend-api/wham/rate-limit-reset-credits", "/api/codex/rate-limit-reset-credits"}
)
CONSUME_PATHS = frozenset(f"{path}/consume" for path in RESETS_PATHS)
HISTORY_PATHS = frozenset(f"{path}/history" for path in RESETS_PATHS)
PROFILE_PATHS = frozenset({"/backend-api/wham/profiles/me", "/api/codex/profiles/me"})
REPORT_PATHS = frozenset(
    {
        "/backend-api/wham/analytics/daily-workspace-usage-counts",
        "/api/codex/analytics/daily-workspace-usage-counts",
    }
)
#: What is asked of one account, with its token.
ACCOUNT_PATHS = USAGE_PATHS | RESETS_PATHS | CONSUME_PATHS | HISTORY_PATHS | PROFILE_PATHS | REPORT_PATHS
TOKEN_PATH = "/oauth/token"  # noqa: S105  # an address, not a secret

#: Where the pool's monitor may post its notices.
HOOK_PATH = "/hooks/pool"
#: Behind it stands the id of an installation.
CREDITS_PATH = "/browseros/credits/"
_CREDITS_A_DAY = 100
#: What was used of a day when the pool began, and how long one credit lasts from then on.
_CREDITS_USED = 13
_SECONDS_EACH = 600.0

_RETRY_AFTER_SECONDS = 90
#: So many of the notices that were taken are kept, and a notice that is older in seconds is none.
_NOTICES = 20
_TOLERANCE_SECONDS = 300
_CHALLENGE = b"""<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>
<meta http-equiv="refresh" content="360"></head><body>
<noscript>Enable JavaScript and cookies to continue</noscript>
<script>window._cf_chl_opt = {cType: 'managed'};</script></body></html>
"""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived; header names are lower-case, the query stands beside the path."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply; header names are lower-case, `delay_seconds` is how long the service takes to give it.

    `is_lost`: the connection breaks before any of it.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    is_lost: bool = False


def json_reply(
    status: int, content: object, headers: Mapping[str, str] | None = None, delay_seconds: float = 0.0
) -> Reply:
    """A reply with a JSON body."""
    kind = {"content-type": "application/json"}
    return Reply(status, msgspec.json.encode(content), kind | dict(headers or {}), delay_seconds)


def _error(status: int, code: str, message: str, /, **more: object) -> Reply:
    """An error in the shape of the real service."""
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return json_reply(status, {"error": error} | more)


@dataclass(slots=True)
class Totals:
    """What the whole server has seen."""

    usage_gets: int = 0
    token_posts: int = 0
    unknown_bearers: int = 0
    connections: int = 0


class _TokenRequest(msgspec.Struct):
    grant_type: str = ""
    refresh_token: str = ""
    client_id: str = ""


class _RedeemRequest(msgspec.Struct):
    redeem_request_id: str
    credit_id: str | None = None


def _merge(base: JsonObject, patch: JsonObject) -> JsonObject:
    """`base` with `patch` laid over it, object by object; a null in the patch is served as null."""
    merged = dict(base)
    for name, value in patch.items():
        known = merged.get(name)
        within = known if isinstance(known, dict) else {}
        merged[name] = _merge(within, value) if isinstance(value, dict) else value
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


class Receiver:
    """Takes notices that are signed as Standard Webhooks has it; one that comes twice is taken once."""

    def __init__(self, key: bytes, clock: Callable[[], float]) -> None:
        self._key = key
        self._clock = clock
        self._taken: dict[str, object] = {}

    def answer(self, request: Request) -> Reply:
        """Take a notice, or list those that were taken, the newest last."""
        if request.method == "GET":
            return json_reply(200, {"taken": list(self._taken.values())})
        if request.method != "POST":
            return Reply(405, headers={"allow": "GET, POST"})
        name, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        signed = b".".join((name.encode(), stamp.encode(), request.body))
        expected = f"v1,{base64.b64encode(hmac.digest(self._key, signed, 'sha256')).decode()}"
        given = request.headers.get("webhook-signature", "").split(" ")
        is_fresh = stamp.isdecimal() and abs(int(stamp) - self._clock()) <= _TOLERANCE_SECONDS
        if not is_fresh or not any(hmac.compare_digest(each, expected) for each in given):
            return json_reply(401, {"detail": "The signature does not fit."})
        try:
            self._taken.setdefault(name, msgspec.json.decode(request.body))
        except msgspec.MsgspecError:
            return json_reply(400, {"detail": "The body is no JSON."})
        while len(self._taken) > _NOTICES:
            del self._taken[next(iter(self._taken))]
        return Reply(204)


class Credits:
    """A hundred credits a day for each installation, filled up at midnight UTC, as BrowserOS has it.

    What is used goes by the clock, so that whoever asks again sees it fall; `speed` multiplies it.
    """

    def __init__(self, clock: Callable[[], float], start: float, speed: float) -> None:
        self._clock = clock
        self._start = start
        self._speed = speed
        #: how often it was asked
        self.asked = 0

    def left(self, now: float) -> int:
        """What is left at that moment; the day of the beginning had some use before it."""
        midnight = now - now % DAY
        is_first = self._start >= midnight
        since, used = (self._start, _CREDITS_USED) if is_first else (midnight, 0)
        return max(0, _CREDITS_A_DAY - used - int(max(0.0, now - since) * self._speed / _SECONDS_EACH))

    def answer(self, request: Request) -> Reply:
        """What is left for an installation, by its id."""
        if request.method != "GET":
            return Reply(405, headers={"allow": "GET"})
        if not request.path.removeprefix(CREDITS_PATH):
            return json_reply(404, {"error": "Unknown installation"})
        self.asked += 1
        now = self._clock()
        told = {
            "credits": self.left(now),
            "dailyLimit": _CREDITS_A_DAY,
            "lastResetAt": rfc3339(now - now % DAY),
        }
        return json_reply(200, told)


class Service:
    """The service over one pool; `clock` gives epoch seconds."""

    def __init__(
        self,
        accounts: Sequence[Account],
        ledger: Ledger,
        clock: Callable[[], float],
        start: float,
        speed: float,
        hook_key: bytes = b"",
        beside: Callable[[Request], Reply | None] = lambda _: None,
    ) -> None:
        """`beside` answers what is neither of the pool nor about it; None: nor does that."""
        self.receiver = Receiver(hook_key, clock)
        self.credits = Credits(clock, start, speed)
        self.accounts = accounts
        self.ledger = ledger
        self.clock = clock
        self.totals = Totals()
        self.retouches: dict[int, list[tuple[JsonObject, list[str]]]] = {}
        #: what every account used, by days in UTC
        self.counted: dict[int, Mapping[str, int]] = {}
        #: the banked resets that were used, by account, and by the ids of the requests
        self.redeemed: dict[int, dict[str, str]] = {}
        #: when an account used them, old to new
        self.resets_used: dict[int, list[float]] = {}
        self._start = start
        self._speed = speed
        self._beside = beside

    def motion(self, account: Account) -> Motion:
        """Where an account's consumption stands now."""
        used = self.resets_used.get(account.index)
        refreshes = used[-1:] if used else self.ledger.tallies[account.index].refreshes
        return Motion(self._start, self.clock(), self._speed, tuple(refreshes))

    def _now(self, account: Account) -> Account:
        """The account without the banked resets that it used, and with windows that began at the last one."""
        if account.index not in self.resets_used:
            return account
        left = (account.banked or 0) - len(self.redeemed[account.index])
        return replace(account, banked=left, restarts_on_refresh=True)

    def payload(self, account: Account) -> JsonObject:
        """The usage payload that the account would be served now."""
        made = usage_payload(self._now(account), self.motion(account))
        for patch, remove in self.retouches.get(account.index, ()):
            made = _merge(made, patch)
            for path in remove:
                made = _without(made, path)
        return made

    def target(self, request: Request) -> tuple[Endpoint, Account | None] | None:
        """Which endpoint and account a request is about; None for everything that faults do not touch."""
        if request.path in USAGE_PATHS:
            bearer = self._bearer(request)
            return "usage", None if bearer is None else bearer.account
        if request.path == TOKEN_PATH:
            asked = _token_request(request)
            holder = None if asked is None else self.ledger.refresher(asked.refresh_token)
            return "token", None if holder is None else holder.account
        return None

    def count(self, request: Request, endpoint: Endpoint, account: Account | None) -> None:
        """Note a request, whatever becomes of it; one by another method is no poll and no exchange."""
        tally = None if account is None else self.ledger.tallies[account.index]
        if (endpoint, request.method) == ("token", "POST"):
            self.totals.token_posts += 1
            if tally is not None:
                tally.token_posts += 1
        elif (endpoint, request.method) == ("usage", "GET"):
            self.totals.usage_gets += 1
            if tally is not None:
                tally.usage_gets += 1
                tally.last_headers = {**request.headers, "authorization": "(withheld)"}

    def answer(self, request: Request) -> Reply:
        """The reply to a request; a token exchange has happened when this returns."""
        if request.path in ACCOUNT_PATHS:
            method = "POST" if request.path in CONSUME_PATHS else "GET"
            if request.method != method:
                return Reply(405, headers={"allow": method})
            return self._personal(request)
        if request.path == TOKEN_PATH:
            if request.method != "POST":
                return Reply(405, headers={"allow": "POST"})
            return self._exchange(request)
        if request.path == HOOK_PATH:
            return self.receiver.answer(request)
        if request.path.startswith(CREDITS_PATH):
            return self.credits.answer(request)
        return self._beside(request) or Reply(404)

    def _bearer(self, request: Request) -> Holder | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        return self.ledger.bearer(token.strip()) if scheme.lower() == "bearer" else None

    def _personal(self, request: Request) -> Reply:
        bearer = self._bearer(request)
        if bearer is None:
            self.totals.unknown_bearers += 1
            return json_reply(401, {"detail": "Unauthorized"})
        account = bearer.account
        tally = self.ledger.tallies[account.index]
        if account.answer == "edge_blocked" and tally.usage_gets > 1:
            marks = {"server": "cloudflare", "cf-mitigated": "challenge", "cf-ray": "demo-0"}
            return Reply(403, _CHALLENGE, {"content-type": "text/html; charset=UTF-8"} | marks)
        if account.answer == "throttled":
            wait = {"retry-after": str(_RETRY_AFTER_SECONDS)}
            return json_reply(429, {"detail": "Too many requests"}, wait)
        if self.ledger.rejected(bearer):
            return _error(401, "token_invalidated", "This session was ended. Sign in again.", status=401)
        if bearer.expires is not None and bearer.expires <= self.clock():
            return _error(401, "token_expired", "This access token has expired.", status=401)
        named = request.headers.get("chatgpt-account-id")
        if named is not None and named != account.account_id:
            return _error(403, "account_mismatch", "This login is not of that account.", status=403)
        if account.answer == "workspace_gone":
            return json_reply(402, {"detail": {"code": "deactivated_workspace"}})
        delay = 2.0 + (tally.usage_gets % 3) if account.answer == "slow" else 0.0
        if request.path in RESETS_PATHS:
            return json_reply(200, self._resets(account), delay_seconds=delay)
        if request.path in HISTORY_PATHS:
            used = self.resets_used.get(account.index, ())
            return json_reply(200, reset_history_payload(account, self.motion(account), used))
        if request.path in CONSUME_PATHS:
            return self._redeem(account, request)
        if request.path in PROFILE_PATHS:
            return json_reply(200, self._profile(account), delay_seconds=delay)
        if request.path in REPORT_PATHS:
            return json_reply(200, self._report(account, request.query), delay_seconds=delay)
        return json_reply(200, self.payload(account), delay_seconds=delay)

    def _resets(self, account: Account) -> JsonObject:
        made = reset_credits_payload(account, self.motion(account))
        used = set(self.redeemed.get(account.index, {}).values())
        rows = made["credits"]
        left = [row for row in rows if row["id"] not in used] if isinstance(rows, list) else []
        return made | {"credits": left, "available_count": len(left)}

    def _redeem(self, account: Account, request: Request) -> Reply:
        """Use one, once for each id of a request; as the service does, the answer is 200 whatever it says."""
        try:
            asked = msgspec.json.decode(request.body, type=_RedeemRequest)
        except msgspec.MsgspecError:
            return _error(400, "invalid_request", "The body names no request.")
        known = self.redeemed.setdefault(account.index, {})
        if asked.redeem_request_id in known:
            return json_reply(200, {"code": "already_redeemed", "windows_reset": 0})
        rows = self._resets(account)["credits"]
        ids = [str(row["id"]) for row in rows] if isinstance(rows, list) else []
        wanted = asked.credit_id or (ids[-1] if ids else "")
        if wanted not in ids:
            return json_reply(200, {"code": "no_credit", "windows_reset": 0})
        known[asked.redeem_request_id] = wanted
        self.resets_used.setdefault(account.index, []).append(self.clock())
        redeemed = {"id": wanted, "status": "redeemed", "redeemed_at": rfc3339(self.clock())}
        return json_reply(200, {"code": "reset", "credit": redeemed, "windows_reset": 2})

    def _profile(self, account: Account) -> JsonObject:
        counted = self.counted.get(account.index, {})
        days: list[object] = [
            {"start_date": day, "tokens": tokens} for day, tokens in sorted(counted.items())
        ]
        return {
            "profile": {"username": account.label, "display_name": account.label},
            "stats": {"lifetime_tokens": sum(counted.values()), "daily_usage_buckets": days},
            "metadata": {"stats_error": None},
        }

    def _report(self, account: Account, query: str) -> JsonObject:
        from poolwatch.demo.daily import daily_report  # few ask

        counted = self.counted.get(account.index, {})
        return daily_report(account, self.motion(account), counted, dict(parse_qsl(query)))

    def _exchange(self, request: Request) -> Reply:
        asked = _token_request(request)
        if asked is None:
            return _error(400, "invalid_request", "The body is neither JSON nor a form.")
        if asked.grant_type != "refresh_token" or not asked.refresh_token:
            return _error(400, "unsupported_grant_type", "Only refresh tokens are exchanged here.")
        if asked.client_id != tokens.CLIENT_ID:
            return _error(401, "invalid_client", "This client is not known.")
        try:
            got = self.ledger.exchange(asked.refresh_token, self.clock())
        except RefusedError as refused:
            return _error(refused.status, refused.code, refused.message)
        content = {
            "access_token": got.access,
            "refresh_token": got.refresh,
            "id_token": got.identity,
            "token_type": "bearer",
            "expires_in": tokens.ACCESS_SECONDS,
            "scope": "openid profile email offline_access",
        }
        return json_reply(200, content, {"cache-control": "no-store"})


def _token_request(request: Request) -> _TokenRequest | None:
    """What a token request asks for, in JSON or in a form; None when it is neither."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "application/json":
            return msgspec.json.decode(request.body, type=_TokenRequest)
        if kind == "application/x-www-form-urlencoded":
            return msgspec.convert(dict(parse_qsl(request.body.decode())), _TokenRequest)
    except (ValueError, msgspec.MsgspecError):
        pass
    return None
