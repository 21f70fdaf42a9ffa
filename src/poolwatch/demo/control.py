"""The control endpoints of tests: what the pool looks like from inside, and orders to change it."""

import json
from collections.abc import Callable
from typing import Literal

import msgspec

from poolwatch.demo import tokens
from poolwatch.demo.account import Account, JsonObject, JsonValue, RefreshVerdict
from poolwatch.demo.faults import EVERYBODY, Endpoint, FaultBook, parse_fault
from poolwatch.demo.ledger import Refused
from poolwatch.demo.service import Retouch, Service, merge
from poolwatch.demo.wire import Reply, Request, json_reply

PREFIX = "/_demo/"


class _OrderError(ValueError):
    """An order that cannot be carried out; the text says why."""


class _Verdicts(msgspec.Struct):
    access: Literal["live", "rejected"] | None = None
    refresh: RefreshVerdict | None = None


class Control:
    """The endpoints under `/_demo/`.

    `renewed` writes the files of a login anew; `paths` names them.
    """

    def __init__(
        self,
        service: Service,
        faults: FaultBook,
        renewed: Callable[[Account, int], None],
        paths: Callable[[Account], list[str]],
    ) -> None:
        self._service = service
        self._faults = faults
        self._renewed = renewed
        self._paths = paths

    def answer(self, request: Request) -> Reply:
        """Carry out a control request."""
        name = request.path.removeprefix(PREFIX)
        if (request.method, name) == ("GET", "state"):
            return json_reply(200, self._state())
        orders = {"script": self._script, "usage": self._usage, "login": self._login, "renew": self._renew}
        order = orders.get(name)
        if request.method != "POST" or order is None:
            return Reply(404)
        try:
            body: JsonValue = json.loads(request.body)
            if not isinstance(body, dict):
                raise _OrderError("the order must be a JSON object")
            order(body)
        except ValueError as error:
            return json_reply(400, {"problem": str(error)})
        return json_reply(200, {"ok": True})

    def _account(self, order: JsonObject) -> Account:
        wanted = order.get("account")
        for account in self._service.accounts:
            if wanted in (account.label, account.email, account.user_id):
                return account
        raise _OrderError(f"no account is called {wanted!r}")

    def _script(self, order: JsonObject) -> None:
        endpoint: Endpoint = "token" if "token" in (order.get("account"), order.get("endpoint")) else "usage"
        everybody = order.get("account") in (EVERYBODY, "token")
        who = EVERYBODY if everybody else self._account(order).label
        fault = order.get("fault")
        if fault is None:
            self._faults.clear(endpoint, who)
        elif isinstance(fault, dict):
            times: JsonObject = {"times": order["times"]} if "times" in order else {}
            self._faults.order(endpoint, who, parse_fault(fault | times))
        else:
            raise _OrderError("fault must be an object, or null to clear")

    def _usage(self, order: JsonObject) -> None:
        account = self._account(order)
        if order.get("clear") is True:
            self._service.retouches.pop(account.index, None)
            return
        patch, remove = order.get("patch", {}), order.get("remove", [])
        if not isinstance(patch, dict) or not isinstance(remove, list):
            raise _OrderError("patch must be an object and remove a list of dotted paths")
        known = self._service.retouches.get(account.index, Retouch())
        self._service.retouches[account.index] = Retouch(
            merge(known.patch, patch), (*known.remove, *(str(path) for path in remove))
        )

    def _which_login(self, order: JsonObject) -> tuple[Account, int]:
        account = self._account(order)
        login = order.get("login", 0)
        if not isinstance(login, int) or not self._service.ledger.renewable(account.index, login):
            raise _OrderError("that login has no tokens that rotate")
        return account, login

    def _login(self, order: JsonObject) -> None:
        account, login = self._which_login(order)
        verdicts = msgspec.convert(order, _Verdicts)
        self._service.ledger.judge(account.index, login, verdicts.access, verdicts.refresh)

    def _renew(self, order: JsonObject) -> None:
        account, login = self._which_login(order)
        ledger, now = self._service.ledger, self._service.clock()
        current = ledger.live_refresh_token(account, login)
        if current is None or isinstance(ledger.exchange(current, now), Refused):
            raise _OrderError("the refresh token of that login is dead")
        if order.get("write") is not False:
            self._renewed(account, login)

    def _state(self) -> JsonObject:
        service = self._service
        totals = service.totals
        return {
            "now": service.clock(),
            "totals": {name: getattr(totals, name) for name in totals.__slots__},
            "faults": self._faults.pending(),
            "accounts": [self._described(account) for account in service.accounts],
        }

    def _described(self, account: Account) -> JsonObject:
        ledger = self._service.ledger
        tally = ledger.tallies[account.index]
        live: list[JsonValue] = []
        for number in range(len(account.logins)):
            token = ledger.live_refresh_token(account, number)
            live.append(None if token is None else tokens.fingerprint(token))
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
            "refreshes": tally.refresh_count,
            "refresh_fingerprints": live,
            "files": [*self._paths(account)],
            "last_usage_headers": {**tally.last_headers},
        }
