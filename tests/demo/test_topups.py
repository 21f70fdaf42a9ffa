"""The demo's top-up services: each end by its amount, judged as poolwatch does, and counted by the card."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.demo.talk import call
from tests.sources.test_credits_http import preset, told

from poolwatch.config.load import load
from poolwatch.config.settings import Settings
from poolwatch.demo.server import Server
from poolwatch.demo.service import Request, Service
from poolwatch.demo.tokens import Ledger
from poolwatch.demo.topups import (
    ENDS,
    REEF_BALANCE_PATH,
    REEF_PATH,
    SLOW_SECONDS,
    TEAM_BALANCE_PATH,
    TEAM_PATH,
    TopUps,
    topup_tables,
    topup_token,
)
from poolwatch.domain.balances import Balance
from poolwatch.domain.message import message
from poolwatch.domain.purchases import Purchase, PurchaseOutcome, TopUpKind
from poolwatch.purchases.topup_replies import Answer, Lost, judged, looked_up
from poolwatch.words import topups as words

START = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
TOKEN = "demo-token"
BEARER = {"authorization": f"Bearer {TOKEN}"}
G, S, R, U, L = (
    PurchaseOutcome.GRANTED,
    PurchaseOutcome.STARTED,
    PurchaseOutcome.REFUSED,
    PurchaseOutcome.UNKNOWN,
    PurchaseOutcome.TRY_LATER,
)


class _Desk:
    """Both services, by a clock that a test moves."""

    def __init__(self) -> None:
        self.now = START.timestamp()
        self.services = TopUps(TOKEN, lambda: self.now, self.now)

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer | Lost:
        sent = b"" if body is None else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        reply = self.services.answer(Request(method, path, BEARER | named, sent))
        assert reply is not None
        return Lost(message("topup.lost")) if reply.is_lost else Answer(reply.status, None, reply.body)

    def buy(self, dollars: int, *, reef: bool = False, key: str = "k", again: bool = False) -> Purchase:
        kind = TopUpKind.REEF if reef else TopUpKind.GENERIC
        wish = Purchase("p", "n", kind, "https://x.example.com", "pool", Decimal(dollars), "USD", START)
        if reef:
            answer = self.ask("POST", REEF_PATH, {"amountCents": dollars * 100})
        else:
            body = {"amount_usd": f"{dollars}.00", "target": "pool"}
            answer = self.ask("POST", TEAM_PATH, body, idempotency_key=key)
        return judged(wish, answer, START, again=again)

    def left(self, path: str) -> Decimal | None:
        answer = self.ask("GET", path)
        assert isinstance(answer, Answer)
        found = told(preset("reef"), answer.body, START)
        assert isinstance(found, Balance)
        return found.remaining


@pytest.mark.parametrize(
    ("dollars", "team", "reef", "is_charged"),
    [
        (5, G, S, True),
        (10, S, S, True),
        (15, R, R, False),
        (20, R, R, False),
        (25, U, U, True),
        (50, S, S, True),
        (60, L, L, False),
        (7, G, S, True),
    ],
)
def test_the_amount_decides_how_it_ends(
    dollars: int, team: PurchaseOutcome, reef: PurchaseOutcome, is_charged: bool
) -> None:
    desk = _Desk()
    assert desk.buy(dollars).outcome is team
    assert desk.buy(dollars, reef=True).outcome is reef
    assert desk.services.team.charged == desk.services.reef.charged == [dollars * 100] * is_charged


@pytest.mark.parametrize(("path", "is_reef"), [(TEAM_BALANCE_PATH, False), (REEF_BALANCE_PATH, True)])
def test_what_is_granted_is_there_at_once_after_a_while_or_never(path: str, is_reef: bool) -> None:
    desk = _Desk()
    before = desk.left(path)
    assert before is not None
    desk.buy(5, reef=is_reef, key="1")
    desk.buy(25, reef=is_reef, key="2")
    assert desk.left(path) == before + 30
    desk.buy(10, reef=is_reef, key="3")
    desk.buy(50, reef=is_reef, key="4")
    assert desk.left(path) == before + 30
    desk.now += SLOW_SECONDS
    after = desk.left(path)
    assert after is not None
    # a cent or two were used meanwhile
    assert before + 39 < after <= before + 40


def test_the_same_key_charges_once_and_tells_how_it_ended() -> None:
    desk = _Desk()
    assert desk.buy(25).outcome is U
    assert desk.buy(25, again=True).outcome is G
    assert desk.services.team.charged == [2500]
    # another amount under a known key is no purchase
    assert desk.buy(7).outcome is R
    assert desk.services.team.charged == [2500]
    slow = desk.buy(10, key="slow")
    assert slow.service_id == "topup-2"
    place = f"{TEAM_PATH}/{slow.service_id}"
    assert looked_up(slow, desk.ask("GET", place), START) is slow
    desk.now += SLOW_SECONDS
    assert looked_up(slow, desk.ask("GET", place), START).outcome is G
    lost = desk.buy(50, key="lost")
    desk.now += 86_400
    assert looked_up(lost, desk.ask("GET", f"{TEAM_PATH}/{lost.service_id}"), START) is lost


def test_nothing_is_told_or_charged_without_the_token_or_by_what_is_no_order() -> None:
    desk = _Desk()
    for method, path in (("GET", TEAM_BALANCE_PATH), ("POST", TEAM_PATH), ("POST", REEF_PATH)):
        reply = desk.services.answer(Request(method, path, {}, b"{}"))
        assert reply is not None
        assert reply.status == 401
    order = {"amount_usd": "7.00", "target": "pool"}
    for path, body, key in (
        (TEAM_PATH, order, ""),
        (TEAM_PATH, {"amount_usd": "NaN", "target": "pool"}, "k"),
        (TEAM_PATH, {"amount_usd": "-7", "target": "pool"}, "k"),
        (REEF_PATH, {"amountCents": 499}, ""),
        (REEF_PATH, {}, ""),
    ):
        answer = desk.ask("POST", path, body, idempotency_key=key)
        assert isinstance(answer, Answer)
        assert answer.status == 400
    assert desk.services.team.charged == desk.services.reef.charged == []
    assert desk.services.answer(Request("GET", "/elsewhere", BEARER, b"")) is None


def test_the_balance_of_reef_falls_below_five_dollars_and_never_to_nothing() -> None:
    desk = _Desk()
    assert desk.left(REEF_BALANCE_PATH) == Decimal("5.00")
    desk.now += 120
    left = desk.left(REEF_BALANCE_PATH)
    assert left is not None
    assert left < 5
    desk.now += 10 * 86_400
    assert desk.left(REEF_BALANCE_PATH) == Decimal("0.01")


def test_a_lost_answer_breaks_the_connection() -> None:
    bought = TopUps(TOKEN, START.timestamp, START.timestamp())
    ledger = Ledger((), START.timestamp(), lambda _: None)
    service = Service((), ledger, START.timestamp, START.timestamp(), 1.0, beside=bought.answer)
    with Server(0) as server:
        server.start(service, None)
        with pytest.raises(ConnectionResetError):
            call(f"{server.root}{REEF_PATH}", "POST", BEARER, b'{"amountCents": 2500}')
        server.shutdown()
    assert bought.reef.charged == [2500]


def test_its_settings_are_good_and_name_the_ends(tmp_path: Path) -> None:
    token = topup_token(tmp_path)
    assert topup_token(tmp_path) == token
    path = tmp_path / "config.toml"
    path.write_text(topup_tables(tmp_path, "http://127.0.0.1:8080"), encoding="utf-8")
    settings = load(path, {"HOME": str(tmp_path)}, {})
    assert isinstance(settings, Settings)
    assert [each.kind for each in settings.topups] == ["generic", "reef"]
    assert all(each.source in {one.name for one in settings.sources} for each in settings.topups)
    assert token not in path.read_text(encoding="utf-8")
    # the sheet says so, too
    assert [int(each) * 100 for each in re.findall(r"\$([0-9]+)", words.DEMO())] == list(ENDS)
    for cents, end in ENDS.items():
        assert f"${cents // 100} {end}" in path.read_text(encoding="utf-8")
