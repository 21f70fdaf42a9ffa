"""`topups`: nothing is sent that was not confirmed, and what was sent is told, listed, asked and settled."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import time
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pexpect
import pytest

from poolwatch.domain.proposals import AutoTopUp, BalanceSeen
from poolwatch.domain.purchases import Caps
from poolwatch.store.store import Store
from poolwatch.ui.screens.sheet import Sheet
from tests.cli.desk import PROGRAM, Desk, Ran
from tests.support.terminal import Terminal
from tests.support.topup_server import TOKEN, Sell, TopUpServer, refuses

Row = dict[str, str | bool | None]


@pytest.fixture
def server() -> Iterator[TopUpServer]:
    with TopUpServer() as server:
        yield server


@pytest.fixture
def buyer(desk: Desk, server: TopUpServer) -> Desk:
    configure(desk, server)
    return desk


def configure(desk: Desk, *servers: TopUpServer, more: str = "") -> None:
    token = desk.home / "credits.token"
    token.write_text(f"{TOKEN}\n")
    token.chmod(0o600)
    path = desk.usual_config
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "".join(
            f'[[topups]]\nname = "team{number or ""}"\nkind = "{"generic" if each.takes_key else "reef"}"\n'
            f'url = "{each.url}"\ntoken_file = "{token}"\n{more}'
            for number, each in enumerate(servers)
        )
    )
    assert tomllib.loads(path.read_text())


def proposed(desk: Desk, at: datetime) -> None:
    """Have $10 proposed, as the process does that polls."""

    async def work() -> None:
        store = Store(desk.state, at)
        auto = AutoTopUp(Decimal(5), Decimal(10), Caps(Decimal(20), Decimal(100)))
        for minutes, balance in ((2, "6"), (1, "4")):
            then = at - timedelta(minutes=minutes)
            seen = BalanceSeen("left", "USD", Decimal(balance), then)
            assert await store.judge_proposal("team", auto, seen, (), then) is not None
        await store.aclose()

    asyncio.run(work())


def money_errors(desk: Desk) -> list[tuple[str, str]]:
    """What `doctor` says of money, and its remedy without the program's name."""
    found = json.loads(desk.run("doctor", "--json").out)["findings"]
    wrong = [each for each in found if (each["area"], each["grade"]) == ("money", "error")]
    return [(each["finding"], (each["remedy"] or "").removeprefix("poolwatch ")) for each in wrong]


def bought(desk: Desk, *words: str) -> tuple[Ran, Row]:
    ran = desk.run("topups", *words, "--json")
    row: Row = json.loads(ran.out)
    assert row["schema"] in ("poolwatch.topup/1", "poolwatch.topups/1")
    return ran, row


def test_it_is_bought_for_the_confirmed_amount_listed_and_audited(buyer: Desk, server: TopUpServer) -> None:
    ran, row = bought(buyer, "buy", "10", "--confirm", "10.00")
    assert ran.code == 0, ran.err
    assert {key: row[key] for key in ("outcome", "amount", "currency", "target", "reason", "open")} == {
        "outcome": "granted",
        "amount": "10.00",
        "currency": "USD",
        "target": "pool",
        "reason": None,
        "open": False,
    }
    assert row["request_id"] == server.posts[0][0]
    assert server.charges == [1000]
    told = buyer.run("topups")
    assert "$10.00 of $100 used today" in told.out.replace("$100.00", "$100")
    assert f"{row['id']}  team, $10.00: done" in told.out
    acts = json.loads(buyer.run("audit", "--json").out)["entries"]
    assert [(each["act"], each["outcome"]) for each in acts] == [("topup_buy", None), ("topup_buy", "done")]
    assert acts[1]["what"] == ["team", "pool", "$10.00", row["id"]]
    assert TOKEN not in told.out + ran.out + json.dumps(acts)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("10",), 2),
        (("10", "--confirm", "100"), 2),
        (("10", "--confirm", ""), 2),
        (("10", "--confirm", "ten"), 2),
        (("ten", "--confirm", "ten"), 2),
        (("0", "--confirm", "0"), 2),
        (("-5", "--confirm", "-5"), 2),
        (("1e3", "--confirm", "1e3"), 2),
        (("10", "--confirm", "10", "--name", "tean"), 2),
        (("101", "--confirm", "101"), 1),
        (("10", "--confirm", "10", "--target", ""), 2),
        (("10", "--confirm", "10", "--target", "a\x1b[31mb"), 2),
        (("10", "--confirm", "10", "--target", "t" * 65), 2),
    ],
)
def test_nothing_is_sent_unless_it_was_confirmed(
    buyer: Desk, server: TopUpServer, words: tuple[str, ...], code: int
) -> None:
    ran = buyer.run("topups", "buy", *words)
    assert ran.code == code
    assert ran.err + ran.out
    assert server.posts == []


def test_of_several_one_must_be_named(desk: Desk, server: TopUpServer) -> None:
    with TopUpServer(takes_key=False) as reef:
        configure(desk, server, reef)
        ran = desk.run("topups", "buy", "10", "--confirm", "10")
        assert (ran.code, "--name team | team1" in ran.err) == (2, True)
        ran, row = bought(desk, "buy", "10", "--confirm", "10", "--name", "team1")
        assert (ran.code, row["outcome"], row["request_id"]) == (0, "started", None)
        assert (server.charges, reef.charges) == ([], [1000])


def test_what_was_bought_is_unknown_and_not_0_where_the_journal_is_damaged(buyer: Desk) -> None:
    assert buyer.run("topups", "buy", "10", "--confirm", "10").code == 0
    (journal,) = (buyer.state / "topups").glob("*.journal")
    journal.write_bytes(journal.read_bytes()[:-9])
    told = json.loads(buyer.run("topups", "--json").out)
    assert told["damaged"] is True
    (offer,) = told["topups"]
    assert (offer["spent_today"], offer["spent_this_month"]) == (None, None)
    assert "damaged" in offer["trouble"]


def test_that_caps_may_count_less_is_said_where_the_journal_is_a_copy(buyer: Desk) -> None:
    assert buyer.run("topups", "buy", "10", "--confirm", "10").code == 0
    assert "as a copy" not in buyer.run("topups").err
    (journal,) = (buyer.state / "topups").glob("*.journal")
    os.utime(journal, (journal.stat().st_mtime - 86_400,) * 2)
    assert "was put there as a copy at" in buyer.run("topups").err
    assert "was put there as a copy at" in buyer.run("doctor").out


def test_what_is_unknown_is_said_and_asked_again_as_the_same_request(
    buyer: Desk, server: TopUpServer
) -> None:
    server.script.append(Sell(reset=True))
    ran = buyer.run("topups", "buy", "10", "--confirm", "10")
    assert ran.code == 1
    assert "UNKNOWN: it may have been charged: 127.0.0.1" in ran.out
    assert "no answer came back" not in ran.out
    (row,) = json.loads(buyer.run("topups", "--json").out)["purchases"]
    # what is pasted into a shell is one command, and says one thing
    ways = [line.split("poolwatch ")[-1] for line in ran.out.splitlines() if "poolwatch" in line]
    ways = [way[way.index("topups ") :] for way in ways]
    settled = [f"topups settle {row['id']} {word}" for word in ("charged", "not-charged")]
    assert ways == [f"topups ask {row['id']}", *settled]
    # the list says it, too, and how far the caps are used
    listed = buyer.run("topups").out
    assert [way for way in ways if f" {way}\n" in listed] == ways
    assert "is not settled\n  $10.00 of " in listed
    assert money_errors(buyer) == [("team: $10.00 may have been charged: the answer was lost", ways[0])]
    again = buyer.run("topups", "buy", "25", "--confirm", "25")
    assert again.code == 1
    assert "is not settled" in again.out
    # to ask may charge, and so takes a configuration that nobody else can change
    buyer.usual_config.chmod(0o666)
    untrusted = buyer.run("topups", "ask", str(row["id"]))
    assert (untrusted.code, len(server.posts)) == (1, 1)
    assert "nobody else can change" in untrusted.err
    buyer.usual_config.chmod(0o600)
    ran, row = bought(buyer, "ask", str(row["id"])[:5])
    assert (ran.code, row["outcome"]) == (0, "granted")
    assert server.posts[0] == server.posts[1]
    assert server.charges == [1000]
    assert buyer.run("topups", "ask", str(row["id"])).code == 1
    assert len(server.posts) == 2


def test_a_person_settles_it_by_a_word(buyer: Desk, server: TopUpServer) -> None:
    server.script.append(Sell(reset=True))
    _, row = bought(buyer, "buy", "10", "--confirm", "10")
    assert buyer.run("topups", "settle", str(row["id"]), "yes").code == 2
    ran, row = bought(buyer, "settle", str(row["id"]), "not-charged")
    assert (ran.code, row["settled"], row["open"]) == (0, "not-charged", False)
    assert buyer.run("topups", "settle", str(row["id"]), "charged").code == 1
    assert buyer.run("topups", "settle", "ffff", "charged").code == 2
    assert len(server.posts) == 1


def test_a_refusal_tells_its_code(buyer: Desk, server: TopUpServer) -> None:
    server.script.append(refuses(402, "card_declined"))
    ran = buyer.run("topups", "buy", "10", "--confirm", "10")
    assert (ran.code, "refused, not charged: the service refused it: card_declined" in ran.out) == (1, True)


def test_a_configuration_that_others_can_change_spends_nothing(buyer: Desk, server: TopUpServer) -> None:
    buyer.usual_config.chmod(0o666)
    ran = buyer.run("topups", "buy", "10", "--confirm", "10")
    assert (ran.code, "nobody else can change" in ran.err) == (3, True)
    assert server.posts == []


def test_nothing_is_bought_where_it_cannot_be_noted(buyer: Desk, server: TopUpServer) -> None:
    buyer.state.mkdir(parents=True, exist_ok=True)
    (buyer.state / "audit.jsonl").mkdir()
    ran = buyer.run("topups", "buy", "10", "--confirm", "10")
    assert (ran.code, "audit log" in ran.out) == (1, True)
    assert server.posts == []


def test_without_any_it_is_said(desk: Desk) -> None:
    assert desk.run("topups").out == "no [[topups]] is configured: see docs/topups.md\n"
    assert desk.run("topups", "buy", "10", "--confirm", "10").code == 3


@pytest.mark.parametrize(
    "line",
    [
        'amounts = ["5", "x"]',
        'currency = "EUR"',
        'token = "secret"',
        'token_env = "X"',
        'max_per_day = "-1"',
        'kind = "stripe"',
        'url = "http://example.com/topups"',
    ],
)
def test_what_is_wrong_in_the_file_is_said(buyer: Desk, line: str) -> None:
    key = line.partition(" ")[0]
    rows = [each for each in buyer.usual_config.read_text().splitlines() if not each.startswith(f"{key} ")]
    buyer.usual_config.write_text("\n".join([*rows, line]) + "\n")
    ran = buyer.run("topups")
    assert (ran.code, "topups[0]" in ran.err or "token_env" in ran.err) == (3, True)
    assert "secret" not in ran.err


def test_no_variable_sets_one(buyer: Desk, server: TopUpServer) -> None:
    ran = buyer.run("topups", env={"POOLWATCH_TOPUPS__0__URL": server.url})
    assert (ran.code, "sets nothing" in ran.err) == (3, True)


@pytest.mark.parametrize(("typed", "charges"), [("10", [1000]), ("10.00", [1000]), ("y", []), ("", [])])
def test_a_terminal_asks_for_the_amount(
    buyer: Desk, server: TopUpServer, typed: str, charges: list[int]
) -> None:
    env = {name: value for name, value in {**os.environ, **buyer.env}.items() if name != "POOLWATCH_TEST"}
    arguments = [*PROGRAM[1:], "topups", "buy", "10"]
    child = pexpect.spawn(sys.executable, arguments, env=env, cwd=str(buyer.home), timeout=20)
    child.expect("type the amount to pay it: ")
    assert server.posts == []
    child.sendline(typed)
    child.expect(pexpect.EOF)
    child.close()
    assert server.charges == charges
    assert child.exitstatus == (0 if charges else 2)


def test_masked_nothing_tells_paths(buyer: Desk, server: TopUpServer) -> None:
    Path(buyer.home / "credits.token").unlink()
    ran = buyer.run("topups", "buy", "10", "--confirm", "10", "--mask")
    assert ran.code == 1
    assert str(buyer.home) not in ran.out + ran.err


BALANCE = """[[sources]]
kind = "credits-http"
name = "wallet"
url = "{url}/balance"
auth = "none"
remaining = "/left"
unit = "{unit}"
"""


@pytest.mark.parametrize(
    ("grants", "unit", "outcome", "before", "after"),
    [
        (True, "USD", "granted", "3.20", "13.20"),
        (False, "USD", "started", "3.20", "3.20"),
        # of another unit nothing follows for dollars
        (True, "credits", "started", None, None),
    ],
)
def test_reef_is_done_once_its_balance_has_risen(
    desk: Desk, grants: bool, unit: str, outcome: str, before: str | None, after: str | None
) -> None:
    with TopUpServer(takes_key=False) as reef:
        configure(desk, reef, more='source = "wallet"\n')
        text = desk.usual_config.read_text() + BALANCE.format(url=reef.url.removesuffix("/topups"), unit=unit)
        desk.usual_config.write_text(text)
        reef.script.append(Sell(grants=grants))
        ran, row = bought(desk, "buy", "10", "--confirm", "10")
        assert (ran.code, row["outcome"]) == (0, outcome), ran.err
        assert (row["balance_before"], row["balance_after"]) == (before, after)
        (listed,) = json.loads(desk.run("topups", "--json").out)["purchases"]
        assert (listed["outcome"], listed["balance_after"]) == (outcome, after)
        (credit,) = json.loads(desk.run("credits", "--json").out)["credits"]
        assert credit["can_top_up"] == "here"
    desk.usual_config.write_text(text.replace('name = "wallet"', 'name = "purse"'))
    ran = desk.run("topups")
    assert (ran.code, "no source of kind credits-http is called wallet" in ran.err) == (3, True)


def test_what_is_bought_as_it_was_proposed_is_said_and_listed(desk: Desk, server: TopUpServer) -> None:
    configure(
        desk, server,
        more='source = "left"\nauto = { below = 5, amount = 10, max_per_day = 20, max_per_month = 100 }\n',
    )  # fmt: skip
    with desk.usual_config.open("a") as config:
        config.write(
            f'[[sources]]\nkind = "credits-http"\nname = "left"\nurl = "{server.url.removesuffix("/topups")}'
            '/balance"\nauth = "none"\nremaining = "/left"\nunit = "USD"\n'
        )
    at = datetime.now(UTC)
    proposed(desk, at)
    told = desk.run("topups").out
    assert "below $5.00, propose $10.00; at most $20.00 a day, $100.00 a month" in told
    assert re.search(r"^  waits for you until \S.*\d: top up \$10\.00\? below \$5\.00$", told, re.MULTILINE)
    # another amount is no answer to it
    assert bought(desk, "buy", "7", "--confirm", "7")[1]["proposed"] is False
    (row,) = json.loads(desk.run("topups", "--json").out)["topups"]
    assert (row["auto"]["amount"], row["auto"]["spent_today"]) == ("10", "0")
    assert row["auto"]["proposed_at"] is not None
    assert bought(desk, "buy", "10", "--confirm", "10")[1]["proposed"] is True
    (row,) = json.loads(desk.run("topups", "--json").out)["topups"]
    assert row["auto"]["spent_today"] == "10.00"
    assert "granted, as it was proposed" in desk.run("audit").out


def enter_by_hand(terminal: Terminal, shown: str) -> None:
    """Press Enter once something is shown, as long after the last letter as a hand takes."""
    terminal.wait_for(shown)
    time.sleep(Sheet.HAND_SECONDS)
    terminal.press("\r")


def test_who_leaves_the_screen_while_it_runs_is_told_that_it_goes_on(desk: Desk, server: TopUpServer) -> None:
    address = server.url.removesuffix("/topups")
    configure(desk, server, more='source = "left"\n')
    with desk.usual_config.open("a") as config:
        config.write(
            f'[[sources]]\nkind = "credits-http"\nname = "left"\nurl = "{address}/balance"\nauth = "none"\n'
            'remaining = "/left"\nunit = "USD"\npoll = "on-demand"\n'
        )
    server.release.clear()
    with Terminal(PROGRAM, desk.env) as terminal:
        terminal.wait_for("left $3.20")
        terminal.press("$")
        terminal.wait_for("balance now $3.20")
        # as a terminal pastes that does not mark it
        terminal.press("2\r10\r")
        terminal.wait_for("as in a paste")
        assert server.posts == []
        terminal.press("\x7f\x7f")
        enter_by_hand(terminal, "amount: 2_")
        terminal.wait_for("type the amount to pay it: _")
        terminal.press("10")
        enter_by_hand(terminal, "pay it: 10_")
        terminal.wait_for("goes on by itself")
        assert server.arrived.wait(20)
        # ctrl+c
        terminal.press("\x03")
        assert terminal.end() == 130
        assert "what was sent goes on by itself" in " ".join(terminal.text.split())
    server.release.set()
    end = time.monotonic() + 20
    while bought(desk)[1]["purchases"][0]["outcome"] != "granted":  # type: ignore[index]  # a list of rows
        assert time.monotonic() < end
        time.sleep(0.02)
    assert server.charges == [1000]
