"""Orders of tests under `/_demo/`: what the pool looks like inside, and how to change it or its answers."""

from collections import deque
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec

from poolwatch.demo import files, tokens
from poolwatch.demo.account import Account, JsonObject, RefreshVerdict
from poolwatch.demo.service import Endpoint, Reply, Request, Service, json_reply
from poolwatch.demo.tokens import RefusedError

PREFIX = "/_demo/"

_EVERYBODY = "*"
_Whole: TypeAlias = Annotated[int, msgspec.Meta(ge=0)]
_Seconds: TypeAlias = Annotated[float, msgspec.Meta(ge=0)]
_HeaderText: TypeAlias = Annotated[str, msgspec.Meta(pattern=r"\A[\t -~\xa0-\xff]*\Z")]


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to answer badly; the parts combine.

    Attributes:
        status: answer with this status instead of doing what was asked.
        body: the body to answer with, a text as it is, else as JSON; with status 200 unless `status` says
            otherwise.
        headers: headers to add to the answer, or to put in place of those with the same name.
        delay_seconds: wait before anything is done.
        reset: end the connection by RST before anything is done.
        hang: say nothing until the client gives up.
        garbage: answer with bytes that are not HTTP.
        redirect_to: answer 307 with this Location.
        truncate_at: do what was asked, send so many bytes of the body, then close.
        drip_seconds: do what was asked, then pause so long before each of the body's bytes.
        drop_after_commit: do what was asked, then end the connection by RST.
    """

    status: _Whole | None = None
    body: object = None
    headers: dict[_HeaderText, _HeaderText] = {}
    delay_seconds: _Seconds = 0.0
    reset: bool = False
    hang: bool = False
    garbage: bool = False
    redirect_to: _HeaderText | None = None
    truncate_at: _Whole | None = None
    drip_seconds: _Seconds = 0.0
    drop_after_commit: bool = False

    @property
    def reply(self) -> Reply | None:
        """The answer in place of the service's; None lets the service do what was asked."""
        if self.status is None and self.body is None and self.redirect_to is None:
            return None
        body = self.body.encode() if isinstance(self.body, str) else msgspec.json.encode(self.body)
        if self.body is None:
            body = b""
        if self.redirect_to is not None:
            return Reply(self.status or 307, body, {"location": self.redirect_to})
        return Reply(self.status or 200, body, {"content-type": "application/json"})


NO_FAULT = Fault()


class FaultBook:
    """The orders that are still open: an account's own come before those for everybody, each in turn."""

    def __init__(self) -> None:
        self._open: dict[tuple[Endpoint, str], deque[tuple[Fault, int | None]]] = {}

    def order(self, endpoint: Endpoint, who: str, fault: Fault, times: int | None) -> None:
        """Queue a fault for so many requests, without an end if None, of an account or of everybody."""
        if times != 0:
            self._open.setdefault((endpoint, who), deque()).append((fault, times))

    def clear(self, endpoint: Endpoint, who: str) -> None:
        """Forget what is queued there."""
        self._open.pop((endpoint, who), None)

    def take(self, endpoint: Endpoint, who: str) -> Fault:
        """The fault for this request; it is counted as used."""
        queue = self._open.get((endpoint, who)) or self._open.get((endpoint, _EVERYBODY))
        if not queue:
            return NO_FAULT
        fault, left = queue.popleft()
        if left != 1:
            queue.appendleft((fault, None if left is None else left - 1))
        return fault

    def pending(self) -> dict[str, int | None]:
        """How many requests each open order still waits for; null is without end."""
        counts = dict[str, int | None]()
        for (endpoint, who), queue in sorted(self._open.items()):
            left = [times for _, times in queue if times is not None]
            if queue:
                counts[f"{endpoint}:{who}"] = sum(left) if len(left) == len(queue) else None
        return counts


class _Script(msgspec.Struct):
    """A fault for `account`, which may be `*` (everybody) or `token` (the token endpoint); null clears."""

    account: str
    fault: Fault | None
    endpoint: Endpoint = "usage"
    times: _Whole | None = 1


class _Usage(msgspec.Struct):
    """Members to merge into a payload and dotted paths to take out of it, or the end of all such changes."""

    account: str
    patch: JsonObject = {}
    remove: list[str] = []
    clear: bool = False


class _Login(msgspec.Struct):
    account: str
    login: int = 0
    access: Literal["live", "rejected"] | None = None
    refresh: RefreshVerdict | None = None


class _Renew(msgspec.Struct):
    account: str
    login: int = 0
    write: bool = True


class Control:
    """The endpoints under `/_demo/`."""

    def __init__(self, service: Service, home: Path) -> None:
        self.faults = FaultBook()
        self._service = service
        self._home = home

    def answer(self, request: Request) -> Reply:
        """Carry out a control request."""
        decode = msgspec.json.decode
        try:
            match request.method, request.path.removeprefix(PREFIX):
                case "GET", "state":
                    return json_reply(200, self._state())
                case "POST", "script":
                    self._script(decode(request.body, type=_Script))
                case "POST", "usage":
                    self._usage(decode(request.body, type=_Usage))
                case "POST", "login":
                    self._login(decode(request.body, type=_Login))
                case "POST", "renew":
                    self._renew(decode(request.body, type=_Renew))
                case _:
                    return Reply(404)
        except (ValueError, msgspec.MsgspecError, RefusedError) as error:
            return json_reply(400, {"problem": str(error)})
        return json_reply(200, {"ok": True})

    def _account(self, wanted: str) -> Account:
        for account in self._service.accounts:
            if wanted in (account.label, account.email, account.user_id):
                return account
        raise ValueError(f"no account is called {wanted!r}")

    def _script(self, order: _Script) -> None:
        endpoint = "token" if order.account == "token" else order.endpoint
        everybody = order.account in (_EVERYBODY, "token")
        who = _EVERYBODY if everybody else self._account(order.account).label
        if order.fault is None:
            self.faults.clear(endpoint, who)
        else:
            self.faults.order(endpoint, who, order.fault, order.times)

    def _usage(self, order: _Usage) -> None:
        index = self._account(order.account).index
        if order.clear:
            self._service.retouches.pop(index, None)
        else:
            self._service.retouches.setdefault(index, []).append((order.patch, order.remove))

    def _refresh_token(self, account: Account, login: int) -> str:
        token = self._service.ledger.live_refresh_token(account, login)
        if token is None:
            raise ValueError("that login has no tokens that rotate")
        return token

    def _login(self, order: _Login) -> None:
        account = self._account(order.account)
        self._refresh_token(account, order.login)
        self._service.ledger.judge(account, order.login, order.access, order.refresh)

    def _renew(self, order: _Renew) -> None:
        account, ledger = self._account(order.account), self._service.ledger
        ledger.exchange(self._refresh_token(account, order.login), self._service.clock())
        if order.write:
            files.write_login(self._home, account, order.login, ledger)

    def _state(self) -> JsonObject:
        service = self._service
        return {
            "now": service.clock(),
            "totals": service.totals,
            "faults": self.faults.pending(),
            "accounts": [self._described(account) for account in service.accounts],
        }

    def _described(self, account: Account) -> JsonObject:
        ledger = self._service.ledger
        tally = ledger.tallies[account.index]
        live = [ledger.live_refresh_token(account, number) for number in range(len(account.logins))]
        return {
            "label": account.label,
            "group": account.group,
            "email": account.email,
            "user_id": account.user_id,
            "account_id": account.account_id,
            "plan": account.plan,
            "state": account.state,
            "usage": None if account.api_key else self._service.payload(account),
            "usage_gets": tally.usage_gets,
            "token_posts": tally.token_posts,
            "refreshes": len(tally.refreshes),
            "refresh_fingerprints": [token and tokens.fingerprint(token) for token in live],
            "files": [
                str(files.login_path(self._home, account, number, place))
                for number, login in enumerate(account.logins)
                for place in login.places
            ],
            "last_usage_headers": tally.last_headers,
        }
