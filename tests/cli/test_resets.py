"""`resets`: what there is, the use of one that a person asks for, and what became of it."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.desk import PROGRAM, Desk, Ran, at, config_of, rows
from tests.custody.rooms import codex_document, write_json
from tests.support.reset_server import CONSUME, Lose, ResetServer, Say

NAME = "ann@example.com"


@pytest.fixture
def server() -> Iterator[ResetServer]:
    with ResetServer() as made:
        yield made


@pytest.fixture
def counter(tmp_path: Path, server: ResetServer) -> Desk:
    """A desk with one login at the service."""
    return desk_at(tmp_path, server)


def desk_at(root: Path, server: ResetServer) -> Desk:
    soon = datetime.now(UTC) + timedelta(days=5)
    write_json(root / "pool" / "ann.json", codex_document(expires=soon))
    source = ["[[sources]]", 'kind = "auth-files"', 'name = "own"', f'path = "{root}/pool"']
    config = config_of(root / "c.toml", "\n".join([*source, f'base_url = "{server.base_url}"', ""]))
    return Desk(root, config)


def typed(desk: Desk, text: str, *arguments: str) -> Ran:
    """Run it on a terminal, at which that is typed."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=desk.env,
            cwd=desk.root,
        )
        os.write(ours, f"{text}\n".encode())
        out, err = process.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    return Ran(process.returncode, out.decode(), err.decode())


def test_the_list_says_what_one_would_do(counter: Desk, server: ResetServer) -> None:
    told = counter.run("resets")
    assert told.code == 0
    head, _titles, first, second = told.lines
    assert head == "2 banked resets on 1 account"
    assert first.endswith("rc_1  5h 100 → 0, weekly 71 → 0")
    assert second.endswith(f"rc_2  the second of {NAME}")
    assert server.bodies == []


def test_a_dry_run_reads_fresh_figures_and_sends_nothing(counter: Desk, server: ResetServer) -> None:
    told = counter.run("resets", "use", NAME, "--dry-run")
    assert told.code == 0
    assert "resets    5h 100 → 0%, weekly 71 → 0%" in told.lines
    assert told.lines[-1].endswith("nothing was sent")
    server.five_hours = 3
    found = counter.run("resets", "use", NAME, "--dry-run", "--json")
    assert found.code == 0
    assert at(found.json(), "outcome") == "refused"
    assert server.bodies == []


def test_without_a_terminal_and_without_yes_nothing_is_used(counter: Desk, server: ResetServer) -> None:
    told = counter.run("resets", "use", NAME)
    assert (told.code, told.out, server.gets) == (2, "", [])
    assert "--yes" in told.err


def test_yes_uses_one_and_tells_the_windows_before_and_after(counter: Desk, server: ResetServer) -> None:
    told = counter.run("resets", "use", NAME, "--yes")
    assert (told.code, told.err) == (0, "")
    assert told.lines == [f"{NAME}: used: 5h 100 → 0%, weekly 71 → 0%"]
    assert server.used == ["rc_1"]
    after = counter.run("resets", "--json").json()
    assert [row["reset_id"] for row in rows(after, "resets")] == ["rc_2"]
    assert [row["outcome"] for row in rows(after, "requests")] == ["reset"]
    audited = counter.run("audit").out
    assert "resets use" in audited
    assert "rc_1" not in audited
    again = counter.run("resets", "use", NAME, "--yes")
    assert (again.code, len(server.bodies)) == (1, 1)


def test_the_document_of_a_use(counter: Desk) -> None:
    found = counter.run("resets", "use", NAME, "--yes", "--json").json()
    assert isinstance(found, Mapping)
    known = {"id", "account", "at", "ended_at"}
    windows = ("window", "used_percent")
    told = {name: value for name, value in found.items() if name not in (*known, "before", "after")}
    assert told == {
        "schema": "poolwatch.reset/1",
        "dry_run": False,
        "route": "service",
        "outcome": "reset",
        "reset_id": "rc_1",
        "reason": None,
        "settled": None,
        "evidence": [],
    }
    stand = {
        when: [[row[name] for name in windows] for row in rows(found, when)] for when in ("before", "after")
    }
    assert stand == {"before": [["5h", 100.0], ["weekly", 71.0]], "after": [["5h", 0.0], ["weekly", 0.0]]}
    assert known <= found.keys()


def test_another_one_is_named_by_the_end_of_its_id(counter: Desk, server: ResetServer) -> None:
    server.resets = {"rc_aaaa1111": "available", "rc_bbbb2222": "available"}
    counter.run("resets")
    assert counter.run("resets", "use", NAME, "--reset", "bbbb2222", "--yes").code == 0
    assert server.used == ["rc_bbbb2222"]
    gone = counter.run("resets", "use", NAME, "--reset", "rc_cccc", "--yes")
    assert (gone.code, len(server.bodies)) == (1, 1)


def test_what_is_not_exhausted_takes_a_word_more(counter: Desk, server: ResetServer) -> None:
    server.five_hours = 60
    told = counter.run("resets", "use", NAME, "--yes")
    assert (told.code, server.bodies) == (1, [])
    assert "weekly, is at 71%" in told.err
    assert counter.run("resets", "use", NAME, "--yes", "--even-if-not-exhausted").code == 0


@pytest.mark.parametrize(("text", "code", "used"), [(NAME, 0, 1), ("yes", 1, 0)])
def test_on_a_terminal_the_name_of_the_account_says_yes(
    counter: Desk, server: ResetServer, text: str, code: int, used: int
) -> None:
    told = typed(counter, text, "resets", "use", NAME)
    assert (told.code, len(server.used)) == (code, used)
    assert "This cannot be undone." in told.err
    assert ("nothing was used" in told.err) == (code == 1)


def test_a_lost_answer_is_said_and_asked_again(counter: Desk, server: ResetServer) -> None:
    server.script.append(Lose(reset=True))
    told = counter.run("resets", "use", NAME, "--yes", "--json")
    assert told.code == 1
    assert at(told.json(), "outcome") == "unknown"
    assert at(told.json(), "evidence") == ["redeemed", "used_since", "windows_fell"]
    request = str(at(told.json(), "id"))
    assert f"UNKNOWN  request {request[:8]}" in counter.run("resets").out
    again = counter.run("resets", "ask", request[:8])
    assert (again.code, again.lines) == (
        0,
        [f"{NAME}: used, by this very request before: 5h 100 → 0%, weekly 71 → 0%"],
    )
    assert [body["redeem_request_id"] for body in server.bodies] == [request] * 2
    assert server.used == ["rc_1"]


def test_a_person_settles_it_without_a_request(counter: Desk, server: ResetServer) -> None:
    server.script.append(Lose(cut=5))
    request = str(at(counter.run("resets", "use", NAME, "--yes", "--json").json(), "id"))
    assert counter.run("resets", "settle", request[:8], "perhaps").code == 2
    told = counter.run("resets", "settle", request[:8], "used", "--json")
    assert (told.code, at(told.json(), "settled")) == (0, "used")
    assert counter.run("resets", "settle", request[:8], "used").code == 1
    assert len(server.bodies) == 1
    assert counter.run("resets", "ask", "ffffffff").code == 2


def test_it_is_settled_when_its_login_and_its_source_are_gone(counter: Desk, server: ResetServer) -> None:
    server.script.append(Lose(cut=5))
    request = str(at(counter.run("resets", "use", NAME, "--yes", "--json").json(), "id"))
    (counter.root / "pool" / "ann.json").unlink()
    config_of(counter.root / "c.toml", "")
    settled = counter.run("resets", "settle", request[:8], "not-used")
    assert (settled.code, settled.err) == (0, "")


def test_where_the_audit_log_cannot_be_written_nothing_is_used(counter: Desk, server: ResetServer) -> None:
    counter.run("status")
    (counter.state / "audit.jsonl").mkdir()
    told = counter.run("resets", "use", NAME, "--yes")
    assert (told.code, server.bodies) == (1, [])
    assert "audit.jsonl" in told.err


def test_read_only_uses_none(counter: Desk, server: ResetServer) -> None:
    env = {"POOLWATCH_READ_ONLY": "true"}
    for words in (
        ("use", NAME, "--yes"),
        ("use", NAME, "--dry-run"),
        ("ask", "3f2a"),
        ("settle", "3f2a", "used"),
    ):
        assert counter.run("resets", *words, env=env).code == 3
    assert server.gets == []
    assert counter.run("resets", env=env).code == 0


def test_two_commands_at_once_use_one(counter: Desk, server: ResetServer) -> None:
    server.lags = server.stays_exhausted = True
    with ThreadPoolExecutor(2) as both:
        ended = list(both.map(lambda _: counter.run("resets", "use", NAME, "--yes", "--json"), range(2)))
    outcomes = sorted((str(at(ran.json(), "outcome")), ran.code) for ran in ended)
    # it was used, though the figures are still the old ones
    assert outcomes == [("refused", 1), ("reset", 0)]
    assert (len(server.bodies), len(server.used)) == (1, 1)


def test_no_token_is_told(counter: Desk, server: ResetServer) -> None:
    told = counter.run("resets", "use", NAME, "--yes", "--json")
    written = "".join(path.read_text() for path in (counter.state / "resets").glob("*.journal"))
    for text in (told.out, told.err, written, (counter.state / "audit.jsonl").read_text()):
        assert "access-0" not in text
        assert "eyJ" not in text
    assert CONSUME not in written


def test_an_answer_of_the_moment_leaves_a_request_unknown(counter: Desk, server: ResetServer) -> None:
    server.script.extend((Lose(reset=True), Say(200, b'{"code": "nothing_to_reset"}')))
    request = str(at(counter.run("resets", "use", NAME, "--yes", "--json").json(), "id"))
    told = counter.run("resets", "ask", request[:8])
    assert told.code == 1
    assert f"{NAME}: UNKNOWN" in told.err
    assert "asking again settled nothing: there is nothing to reset by now" in told.err
    assert at(counter.run("resets", "ask", request[:8], "--json").json(), "outcome") == "already"


def test_a_request_is_asked_again_where_it_was_sent(
    tmp_path: Path, counter: Desk, server: ResetServer
) -> None:
    server.script.append(Lose(reset=True))
    request = str(at(counter.run("resets", "use", NAME, "--yes", "--json").json(), "id"))
    config = tmp_path / "c.toml"
    settings = config.read_text()
    with ResetServer() as other:
        config.write_text(settings.replace(server.base_url, other.base_url))
        told = counter.run("resets", "ask", request[:8])
        assert (told.code, other.bodies) == (1, [])
        assert "the account is reached in another way by now: settle it" in told.err
    # another source of the same login, before it
    rest, head, own = settings.partition("[[sources]]")
    config.write_text(f"{rest}{head}{own.replace('own', 'also')}{head}{own}")
    assert counter.run("resets", "ask", request[:8]).code == 0
    assert server.used == ["rc_1"]


@pytest.mark.parametrize("damaged", [True, False], ids=["damaged", "in the way"])
def test_where_nobody_can_read_what_was_sent_it_is_unknown(
    counter: Desk, server: ResetServer, damaged: bool
) -> None:
    server.release.clear()
    process = counter.start("resets", "use", NAME, "--yes", "--json")
    assert server.arrived.wait(30)
    (path,) = (counter.state / "resets").glob("*.journal")
    begun, sending = path.read_bytes().splitlines()
    path.unlink()
    if damaged:
        path.write_bytes(begun + b"\n" + sending[:-9] + b"X" + sending[-8:] + b"\n")
    else:
        path.mkdir()
    os.kill(_child_of(process.pid), signal.SIGKILL)
    server.release.set()
    out, _ = process.communicate(timeout=60)
    assert json.loads(out)["outcome"] == "unknown"


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    threads = Path(f"/proc/{pid}/task").iterdir()
    found = children or [each for task in threads for each in (task / "children").read_text().split()]
    return int(found[0])
