"""`credits`, and sources of balances from the command line, against a real server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from poolwatch.config.credit_settings import mark_of
from poolwatch.domain.balances import Balance, BalanceState
from poolwatch.store.database import Database
from tests.cli.desk import Desk
from tests.sources.test_credits_http import preset

KEY = "sk-test-0123456789"
_BODIES = {
    "/or": (200, {"data": {"total_credits": 100.5, "total_usage": 25.75}}),
    "/credits": (200, {"credits": 87, "dailyLimit": 100}),
    "/out": (429, {"error": {"code": "CREDITS_EXHAUSTED"}}),
    "/reef": (200, {"credits": 0, "spend": 0, "remaining": 0}),
    "/gone": (410, {}),
}


class Service(ThreadingHTTPServer):
    """Answers by path, and counts."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        status, body = _BODIES.get(self.path, (500, {}))
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_request(self, *_: object) -> None:
        """Nothing is written."""


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def add(desk: Desk, preset: str, url: str, *more: str) -> None:
    ran = desk.run("sources", "add", preset, url, *more, env={"OR_KEY": KEY})
    assert ran.code == 0, ran.err


def test_a_balance_is_added_with_one_command_and_told(desk: Desk, service: Service) -> None:
    ran = desk.run(
        "sources", "add", "openrouter", f"{service.url}/or", "--api-key-env", "OR_KEY", env={"OR_KEY": KEY}
    )
    assert ran.out.startswith("openrouter: $74.75 of $100.50 bought; written to ")
    assert desk.usual_config.read_text() == (
        '[[sources]]\nkind = "credits-http"\nname = "openrouter"\n'
        f'url = "{service.url}/or"\napi_key_env = "OR_KEY"\npreset = "openrouter"\n'
    )
    told = desk.run("credits", env={"OR_KEY": KEY})
    assert told.code == 0
    assert told.lines[1].split("  ")[0] == "openrouter"
    assert "$74.75 of $100.50 bought" in told.lines[1]
    assert "https://openrouter.ai/settings/credits" in told.lines[1]
    # such a source alone is something to monitor
    status = desk.run("status", env={"OR_KEY": KEY})
    assert status.code == 0
    assert "$74.75" in status.out


def test_on_demand_it_is_read_once_and_then_only_when_asked_for(desk: Desk, service: Service) -> None:
    add(desk, "browseros", f"{service.url}/credits", "--name", "BrowserOS")
    assert len(service.asked) == 1
    for _ in range(3):
        assert "87 of 100" in desk.run("credits").out
    assert len(service.asked) == 2
    desk.run("credits", "--max-age", "3600")
    assert len(service.asked) == 2
    desk.run("credits", "--max-age", "0")
    assert len(service.asked) == 3
    assert "87 of 100" in desk.run("sources", "read", "BrowserOS").out
    assert len(service.asked) == 4
    assert desk.run("sources", "test", "BrowserOS").out == "BrowserOS: 87 of 100\n"


def test_in_json_money_is_text_and_unknown_null(desk: Desk, service: Service) -> None:
    add(desk, "openrouter", f"{service.url}/or", "--api-key-env", "OR_KEY")
    add(desk, "browseros", f"{service.url}/out", "--name", "out")
    found = json.loads(desk.run("credits", "--json", env={"OR_KEY": KEY}).out)
    assert found["schema"] == "poolwatch.credits/1"
    first, second = found["credits"]
    keys = ("remaining", "limit", "unit", "level", "can_top_up")
    assert [first[key] for key in keys] == ["74.75", None, "USD", "ok", "web"]
    assert [second[key] for key in keys] == ["0", None, "credits", "empty", "no"]
    assert second["trouble"] is None
    assert KEY not in json.dumps(found)


def test_the_history_of_a_balance_is_asked_for_by_its_name(desk: Desk, service: Service) -> None:
    add(desk, "openrouter", f"{service.url}/or", "--name", "OR", "--api-key-env", "OR_KEY")
    now = datetime.now(UTC)
    asked = mark_of(preset("openrouter", url=f"{service.url}/or", api_key_env="OR_KEY"))
    database = Database(desk.state, now)
    for hours, amount in ((90, "80"), (60, "70.5"), (50, "90.50"), (0.1, "74.75")):
        state = BalanceState("OR", asked=asked).read(
            Balance("USD", Decimal(amount)), now - timedelta(hours=hours)
        )
        assert database.put_balance(state) is not None
    other = BalanceState("no longer configured").read(Balance("CNY", Decimal(1)), now)
    assert database.put_balance(other) == ()
    database.close()
    told = desk.run("history", "or")
    assert told.code == 0
    assert told.lines[0].startswith(" OR · USD left · since ")
    told_lines = {line.split()[0]: line for line in told.lines if line[1:2].isalpha()}
    assert "$74.75" in told_lines["LEFT"]
    # by the 90 hours that are kept: 9.50 and 15.75 went
    assert "$6.73 a day, by what is kept of the last 7 days" in told_lines["BURN"]
    assert "lasts to " in told.out
    assert "$70.50 → $90.50" in told_lines["TOP-UPS"]
    (row,) = json.loads(desk.run("history", "--json").out)["series"]
    assert (row["account"], row["source"], row["metric"], row["unit"]) == (None, "OR", "balance", "USD")
    assert [each["value"] for each in row["points"]] == ["80", "70.5", "90.50", "74.75"]
    assert json.loads(desk.run("history", "--metric", "balance", "--json").out)["series"] == [row]
    for arguments in (("--metric", "credits"), ("--window", "weekly"), ("--filter", "or")):
        none = desk.run("history", *arguments, "--json")
        assert (none.code, json.loads(none.out)["series"]) == (1, [])
    nobody, near = desk.run("history", "nobody"), desk.run("history", "o")
    assert (nobody.code, near.code) == (2, 2)
    assert "no account and no balance is called nobody; poolwatch accounts and" in nobody.err
    assert "no account and no balance is called o; did you mean OR?" in near.err
    events = json.loads(desk.run("events", "--json").out)["events"]
    assert [(each["kind"], each["source"], each["amount"]) for each in events] == [
        ("credits_came", "OR", "20.00")
    ]


def test_status_tells_balances_beside_accounts_and_reads_what_is_due(
    pool_desk: Desk, service: Service
) -> None:
    desk = pool_desk
    config = Path(desk.env["POOLWATCH_CONFIG"])
    text = config.read_text()
    names = {"timed": f"{service.url}/credits", "asked": f"{service.url}/out"}
    more = "".join(
        f'[[sources]]\nkind = "credits-http"\npreset = "browseros"\nname = "{name}"\nurl = "{url}"\n'
        for name, url in names.items()
    )
    config.write_text(text + more.replace('"timed"\n', '"timed"\npoll = 60\n'))
    try:
        document = json.loads(desk.run("status", "--json").out)
        assert document["accounts"]
        rows = {row["source"]: row for row in document["balances"]}
        assert [rows["timed"][key] for key in ("remaining", "limit", "level")] == ["87", "100", "ok"]
        assert [rows["asked"][key] for key in ("remaining", "limit", "level")] == ["0", None, "empty"]
        # what is not due is not read again, and credits tells the same
        assert json.loads(desk.run("status", "--json").out)["balances"] == document["balances"]
        asked = json.loads(desk.run("credits", "--json").out)["credits"]
        assert [row for row in asked if row["account"] is None] == document["balances"]
        assert sorted(service.asked) == ["/credits", "/out"]
        now = json.loads(desk.run("status", "--json", "--max-age", "0").out)["balances"]
        assert [row["remaining"] for row in now] == ["87", "0"]
        assert sorted(service.asked) == ["/credits", "/credits", "/out", "/out"]
        line = next(line for line in desk.run("status").lines if line.startswith("BALANCES"))
        told = line.split(maxsplit=1)[1]
        assert told.startswith("asked 0 credits  back 00:00 UTC, in ")
        assert " · timed 87 of 100" in told
    finally:
        config.write_text(text)


def test_what_tells_no_balance_is_not_written(desk: Desk, service: Service) -> None:
    for path, why in (("/reef", "zeros alone"), ("/gone", "no longer offered (410)"), ("/x", "(500)")):
        env = {"OR_KEY": KEY}
        ran = desk.run("sources", "add", "reef", f"{service.url}{path}", "--api-key-env", "OR_KEY", env=env)
        assert ran.code == 1
        assert why in ran.err
    ran = desk.run("sources", "add", "reef", f"{service.url}/or", "--api-key-env", "UNSET")
    assert "the variable $UNSET for the key is not set; nothing was sent" in ran.err
    assert not desk.usual_config.exists()


def test_what_add_cannot_add_says_how_it_is_done(desk: Desk) -> None:
    for kind, why in (
        ("browseros", "browseros has no usual address: name yours behind it"),
        ("credits-http", "docs/credits.md has examples"),
    ):
        ran = desk.run("sources", "add", kind)
        assert (ran.code, why in ran.err) == (2, True)
    assert not desk.usual_config.exists()


def test_a_service_that_does_not_answer_any_more_keeps_its_last_balance(
    desk: Desk, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(desk, "browseros", f"{service.url}/credits", "--name", "b")
    desk.run("credits")
    monkeypatch.setitem(_BODIES, "/credits", _BODIES["/gone"])
    ran = desk.run("credits", "--max-age", "0")
    assert ran.code == 1
    assert "87 of 100" in ran.out
    assert "b: no longer offered (410)" in ran.err
    (row,) = json.loads(desk.run("credits", "--json").out)["credits"]
    assert (row["remaining"], row["stale"], row["trouble"]["kind"]) == ("87", True, "not_offered")


def test_what_is_asked_elsewhere_is_another_balance(desk: Desk, service: Service) -> None:
    add(desk, "browseros", f"{service.url}/credits", "--name", "b")
    assert "87 of 100" in desk.run("credits").out
    # what is only shown otherwise is the same one, and is not read again
    assert desk.run("sources", "set", "b", "amber_below=90").code == 0
    (row,) = json.loads(desk.run("credits", "--json").out)["credits"]
    assert (row["remaining"], row["level"], len(service.asked)) == ("87", "low", 2)
    assert desk.run("sources", "set", "b", "headers=New-Api-User: 12, X-Group: a").code == 0
    assert 'headers = ["New-Api-User: 12", "X-Group: a"]\n' in desk.usual_config.read_text()
    assert desk.run("sources", "set", "b", f"url={service.url}/gone").code == 0
    (row,) = json.loads(desk.run("credits", "--json").out)["credits"]
    assert (row["remaining"], row["unit"], row["trouble"]["kind"]) == (None, None, "not_offered")


def test_doctor_says_how_balances_are_read_and_what_tmux_needs(desk: Desk, service: Service) -> None:
    add(desk, "browseros", f"{service.url}/credits", "--name", "b")
    good = desk.run("doctor", "--json")
    findings = json.loads(good.out)["findings"]
    assert (good.code, [each["finding"] for each in findings if each["area"] == "balances"]) == (
        0,
        ["b: 87 of 100"],
    )
    # no tmux answers there
    in_tmux = desk.run("doctor", "--json", env={"TMUX": "/nowhere,1,0", "PATH": str(desk.home)})
    remedies = [each["remedy"] for each in json.loads(in_tmux.out)["findings"]]
    assert "tmux set -g focus-events on" in remedies
    text = desk.usual_config.read_text()
    desk.usual_config.write_text(text.replace("/credits", "/gone"))
    desk.run("credits", "--max-age", "0")
    bad = desk.run("doctor")
    assert bad.code == 1
    assert "b: no longer offered (410)" in bad.out


def test_doctor_names_keys_and_tokens_that_others_may_read(desk: Desk, service: Service) -> None:
    key, token = desk.home / "or.key", desk.home / "team.token"
    key.write_text(KEY)
    token.write_text(KEY)
    add(desk, "openrouter", f"{service.url}/or", "--api-key-file", str(key))
    with desk.usual_config.open("a") as config:
        config.write(f'[[topups]]\nname = "t"\nkind = "reef"\nurl = "{service.url}/x"\n')
        config.write(f'token_file = "{token}"\n')
    for path, mode in ((key, 0o644), (token, 0o640)):
        path.chmod(mode)
    ran = desk.run("doctor")
    assert f"chmod go-rwx {key}" in ran.out
    assert f"chmod go-rwx {token}" in ran.out
    assert KEY not in ran.out + ran.err
    for path in (key, token):
        path.chmod(0o600)
    token.write_text("\n")
    ran = desk.run("doctor")
    assert "go-rwx" not in ran.out
    # before somebody pays
    assert f"t: {token} holds no token" in ran.out
    assert ran.code == 1


def test_without_any_balance_it_is_said_how_one_is_added(desk: Desk) -> None:
    ran = desk.run("credits")
    assert (ran.code, ran.out) == (0, "")
    assert "sources add openrouter" in ran.err
    assert json.loads(desk.run("credits", "--json").out)["credits"] == []


def test_accounts_that_have_credits_stand_there_too(pool_desk: Desk) -> None:
    pool_desk.run("status", "--max-age", "0")
    rows = json.loads(pool_desk.run("credits", "--json").out)["credits"]
    assert rows
    assert {row["unit"] for row in rows} == {"credits"}
    assert {row["can_top_up"] for row in rows} == {"web"}
    masked = pool_desk.run("credits", "--mask").out
    assert "https://chatgpt.com/codex/settings/usage" in masked
    assert "@example.com" not in masked
    assert pool_desk.run("sources", "read", "nope").code == 2
