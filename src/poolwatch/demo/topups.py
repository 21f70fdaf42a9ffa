"""Two services where credits are bought, and what is left there: one takes request keys, one is like reef.

The amount decides how a top-up ends (`ENDS`), so that whoever tries them out sees each end.
"""

import hmac
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

import msgspec

from poolwatch.demo.account import JsonObject
from poolwatch.demo.files import kept_secret
from poolwatch.demo.service import Reply, Request, json_reply

REEF_BALANCE_PATH: Final = "/reef/credits"
REEF_PATH: Final = "/reef/topup-credits"
TEAM_BALANCE_PATH: Final = "/team/credits"
TEAM_PATH: Final = "/team/topups"

#: Amounts are in cents here. How long what is slow takes, in seconds.
SLOW_SECONDS: Final = 15.0
_LEAST, _MOST = 500, 100_000
_CENTS: Final = 100
_LATER_SECONDS: Final = 60
_TOKEN: Final = "topups.token"  # noqa: S105  # a name, not a secret
#: One cent is used in so many seconds: seldom between the readings before and after a top-up.
_CENT_SECONDS: Final = 60.0
TEAM_BOUGHT: Final = 4_250
#: It falls below the five dollars from which on a top-up is proposed in the second minute.
REEF_BOUGHT: Final = 500
#: As much was bought and used up at each before.
_USED_BEFORE: Final = 10_000


class End(StrEnum):
    """How a top-up ends."""

    GRANTED = "granted"
    SLOW = "slow"
    NO_CARD = "no card"
    DECLINED = "declined"
    #: it is charged and granted, and the answer does not arrive
    LOST = "answer lost"
    #: it is charged, and never granted
    NO_GRANT = "grant lost"
    LATER = "later"


#: By the amount; every other one is granted.
ENDS: Final[Mapping[int, End]] = {
    500: End.GRANTED,
    1_000: End.SLOW,
    1_500: End.NO_CARD,
    2_000: End.DECLINED,
    2_500: End.LOST,
    5_000: End.NO_GRANT,
    6_000: End.LATER,
}


class _TeamOrder(msgspec.Struct, frozen=True):
    amount_usd: str
    target: str


class _ReefOrder(msgspec.Struct, frozen=True):
    amountCents: int  # noqa: N815  # the service's word


@dataclass(slots=True)
class Wallet:
    """What was bought, charged and granted at one service, and what is used of it as time goes by."""

    bought: int
    start: float
    #: each amount that the card was charged
    charged: list[int] = field(default_factory=list)
    #: from when on each amount is there
    grants: list[tuple[float, int]] = field(default_factory=list)

    def charge(self, cents: int, end: End, now: float) -> None:
        """Charge the card, and grant it if that ever comes."""
        self.charged.append(cents)
        if end is not End.NO_GRANT:
            self.grants.append((now + (SLOW_SECONDS if end is End.SLOW else 0.0), cents))

    def total(self, now: float) -> int:
        """What was granted by then, and before the beginning."""
        return self.bought + sum(cents for at, cents in self.grants if at <= now)

    def used(self, now: float) -> int:
        """What was used by then; some cents always remain, for nothing at all would look like a failure."""
        most = self.total(now) - 1
        return max(0, min(most, int(max(0.0, now - self.start) / _CENT_SECONDS)))


@dataclass(frozen=True, slots=True)
class _Order:
    """A top-up at the team's service: what it was asked for, and when."""

    id: str
    asked: _TeamOrder
    cents: int
    end: End
    at: float

    def status(self, now: float) -> JsonObject:
        """As the service tells it: what is slow is pending for a while, and what is lost for ever."""
        is_pending = self.end is End.NO_GRANT or (self.end is End.SLOW and now < self.at + SLOW_SECONDS)
        told: JsonObject = {"id": self.id, "status": "pending" if is_pending else "granted"}
        return told if is_pending else told | {"amount_usd": _dollars(self.cents)}


class TopUps:
    """Both services; whoever asks has to show the token."""

    def __init__(self, token: str, clock: Callable[[], float], start: float) -> None:
        self._token = token
        self._clock = clock
        self.team = Wallet(TEAM_BOUGHT, start)
        self.reef = Wallet(REEF_BOUGHT, start)
        #: the orders at the team's service, by the keys of their requests
        self._orders: dict[str, _Order] = {}

    def answer(self, request: Request) -> Reply | None:
        """The reply to a request; None for the paths of others."""
        path = request.path
        is_status = path.startswith(f"{TEAM_PATH}/")
        is_order = path in (TEAM_PATH, REEF_PATH)
        if not is_order and not is_status and path not in (TEAM_BALANCE_PATH, REEF_BALANCE_PATH):
            return None
        is_reef = path in (REEF_PATH, REEF_BALANCE_PATH)
        method = "POST" if is_order else "GET"
        if request.method != method:
            return Reply(405, headers={"allow": method})
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return json_reply(401, {"error": "Sign in first"}) if is_reef else _refusal(401, "invalid_token")
        if is_status:
            return self._status(path.removeprefix(f"{TEAM_PATH}/"))
        if is_order:
            return self._order_reef(request) if is_reef else self._order_team(request)
        return self._balance(self.reef if is_reef else self.team)

    def _balance(self, wallet: Wallet) -> Reply:
        now = self._clock()
        total, used = wallet.total(now), wallet.used(now)
        told = {
            "credits": (_USED_BEFORE + total) / _CENTS,
            "spend": (_USED_BEFORE + used) / _CENTS,
            "remaining": (total - used) / _CENTS,
        }
        return json_reply(200, told)

    def _order_reef(self, request: Request) -> Reply:
        """Without a key, every request that arrives is a purchase of its own."""
        try:
            cents = msgspec.json.decode(request.body, type=_ReefOrder).amountCents
        except msgspec.MsgspecError:
            return json_reply(400, {"error": "Name an amount"})
        if not _LEAST <= cents <= _MOST:
            return json_reply(400, {"error": "It takes $5 to $1000"})
        end = ENDS.get(cents, End.GRANTED)
        if end is End.NO_CARD:
            return json_reply(402, {"error": "No card is saved: add one on the web page"})
        if end is End.DECLINED:
            return json_reply(402, {"error": "The card was declined"})
        if end is End.LATER:
            return json_reply(429, {"error": "Too many top-ups"}, {"retry-after": str(_LATER_SECONDS)})
        self.reef.charge(cents, end, self._clock())
        return Reply(200, is_lost=True) if end is End.LOST else json_reply(200, {"ok": True})

    def _order_team(self, request: Request) -> Reply:
        """With the same key, the answer is that of the first time, and nothing is charged."""
        key, now = request.headers.get("idempotency-key", ""), self._clock()
        try:
            asked = msgspec.json.decode(request.body, type=_TeamOrder)
            cents = round(float(asked.amount_usd) * _CENTS)
        except (msgspec.MsgspecError, ValueError, OverflowError):
            return _refusal(400, "invalid_amount")
        if not key:
            return _refusal(400, "idempotency_key_required")
        known = self._orders.get(key)
        if known is not None:
            if known.asked != asked:
                return _refusal(422, "idempotency_key_reuse")
            return json_reply(200, known.status(now))
        if not 0 < cents <= _MOST:
            return _refusal(400, "invalid_amount")
        end = ENDS.get(cents, End.GRANTED)
        if end is End.NO_CARD:
            return _refusal(403, "no_payment_method")
        if end is End.DECLINED:
            return _refusal(402, "card_declined")
        if end is End.LATER:
            return _refusal(429, "rate_limited", {"retry-after": str(_LATER_SECONDS)})
        order = self._orders[key] = _Order(f"topup-{len(self._orders) + 1}", asked, cents, end, now)
        self.team.charge(cents, end, now)
        return Reply(200, is_lost=True) if end is End.LOST else json_reply(201, order.status(now))

    def _status(self, order_id: str) -> Reply:
        order = next((each for each in self._orders.values() if each.id == order_id), None)
        if order is None:
            return _refusal(404, "no_such_topup")
        return json_reply(200, order.status(self._clock()))


def _refusal(status: int, code: str, headers: Mapping[str, str] | None = None) -> Reply:
    return json_reply(status, {"error": {"code": code}}, headers)


def _dollars(cents: int) -> str:
    return f"{cents // _CENTS}.{cents % _CENTS:02}"


def topup_token(home: Path) -> str:
    """The token that both services ask for, made where there is none."""
    return kept_secret(home / _TOKEN, f"demo-{os.urandom(16).hex()}")


def topup_tables(home: Path, root: str) -> str:
    """The settings for both: their balances, and where they are topped up."""
    ends = ", ".join(f"${cents // _CENTS} {end}" for cents, end in ENDS.items())
    amounts = json.dumps([cents // _CENTS for cents, end in ENDS.items() if end is not End.LATER])
    key = json.dumps(str(home / _TOKEN), ensure_ascii=False)
    return f"""# Nothing is charged. The amount decides how a top-up ends: {ends}.
[[sources]]
kind = "credits-http"
name = "team balance"
url = "{root}{TEAM_BALANCE_PATH}"
api_key_file = {key}
remaining = "/remaining"
total = "/credits"
unit = "USD"
poll = 30

[[sources]]
kind = "credits-http"
name = "reef balance"
preset = "reef"
url = "{root}{REEF_BALANCE_PATH}"
api_key_file = {key}
poll = 30

[[topups]]
name = "team"
kind = "generic"
url = "{root}{TEAM_PATH}"
token_file = {key}
source = "team balance"
amounts = {amounts}
max_per_day = 200

[[topups]]
name = "reef"
kind = "reef"
url = "{root}{REEF_PATH}"
token_file = {key}
source = "reef balance"
amounts = {amounts}
max_per_day = 200
# proposed in the first minutes, and bought only by you
auto = {{ below = 5, amount = 5, max_per_day = 20, max_per_month = 100 }}
"""
