"""The process that has a banked reset used: killed at each step, pressed twice, by the installed codex."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.json import encode

from poolwatch.bootstrap.redeeming import Errand
from poolwatch.bootstrap.sources import ResetSetup, resetting_source
from poolwatch.config.settings import DEFAULT_NET
from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.custody.state_dir import unmarked
from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.banked_resets import ResetOutcome, ResetRoute, ResetUse, Wish
from poolwatch.domain.values import replace
from poolwatch.once.process import UNREPORTED, bare_environment
from poolwatch.purchases.reset_book import ResetBook, workspace_of
from poolwatch.purchases.resets import ResetOrder
from poolwatch.sources.login_files import LoginFiles
from tests.custody.rooms import codex_document, write_json
from tests.purchases.reset_room import KEY
from tests.support.reset_server import Lose, ResetServer

#: Where the process is killed, and what is known then: None: nothing was sent.
STEPS: Mapping[str, ResetOutcome | None] = {
    "locked": None,
    "looked": None,
    "preflight": None,
    "journal": None,
    "sending": ResetOutcome.UNKNOWN,
    "replied": ResetOutcome.UNKNOWN,
    "pending": ResetOutcome.UNKNOWN,
    "filled": ResetOutcome.RESET,
    "renamed": ResetOutcome.RESET,
    "stored": ResetOutcome.RESET,
    "noted": ResetOutcome.RESET,
    "done": ResetOutcome.RESET,
}
#: Which of them come after the request.
SENT = ("replied", "pending", "filled", "renamed", "stored", "noted", "done")
#: Asked again it is killed at these.
AGAIN = tuple(STEPS) if "KILLED_RESETS" in os.environ else ("replied",)
ROUNDS = int(os.environ.get("KILLED_RESETS", "12")) // len(STEPS)


class Bench:
    """One state directory and one login at a service, and processes that are given errands."""

    def __init__(self, root: Path, server: ResetServer, kind: SourceKind = SourceKind.AUTH_FILES) -> None:
        soon = datetime.now(UTC) + timedelta(days=5)
        self.server = server
        self.state = root / "state"
        self.file = write_json(root / "pool" / "auth.json", codex_document(expires=soon))
        custody = Custody.CODEX if kind is SourceKind.CODEX_HOME else Custody.OTHER
        place = str(self.file.parent)
        source = SourceSettings(kind, "pool", custody, path=place, base_url=server.base_url)
        self.setup = ResetSetup(source, DEFAULT_NET, str(self.state), str(root), 10.0)
        self.book = ResetBook(self.state, lambda: datetime.now(UTC))
        self.entry = self._entry()

    def _entry(self) -> Listing:
        made = resetting_source(self.setup, {}, unmarked)
        assert isinstance(made, LoginFiles)
        listed = asyncio.run(made.list_accounts(datetime.now(UTC)))
        assert isinstance(listed, tuple)
        return listed[0]

    def order(self, request: str, **changes: object) -> ResetOrder:
        made = ResetOrder(
            request,
            f"of-{request}",
            KEY.id,
            workspace_of(KEY),
            ResetRoute.SERVICE,
            "pool",
            self.entry.ref.place,
            self.server.base_url,
            Wish(),
        )
        return replace(made, **changes)  # type: ignore[arg-type] # the tests name fields of it

    def start(
        self, order: ResetOrder, *, step: str = "", codex: Path | None = None
    ) -> subprocess.Popen[bytes]:
        """Give an errand to a process, which is killed at that step."""
        env = bare_environment(os.environ)
        env |= {"POOLWATCH_TEST": "1", "POOLWATCH_FAILPOINT": f"{step}:kill"} if step else {}
        errand = Errand(order, self.entry, self.setup, str(self.file), None if codex is None else str(codex))
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "poolwatch.bootstrap.redeeming"],
            stdin=subprocess.PIPE,
            env=env,
            start_new_session=True,
        )
        assert process.stdin is not None
        with process.stdin as errands:
            errands.write(encode(errand))
        return process

    def run(self, order: ResetOrder, **how: object) -> int:
        return self.start(order, **how).wait(30)  # type: ignore[arg-type] # as `start` takes them

    @property
    def use(self) -> ResetUse | None:
        """What the book has of the one request."""
        uses = self.book.uses()
        return uses[0] if uses else None


def test_killed_at_each_step_one_is_used_at_most_and_every_unknown_is_said(tmp_path: Path) -> None:
    for number in range(ROUNDS):
        killed_at_each_step(tmp_path / str(number))


def killed_at_each_step(root: Path) -> None:
    with ResetServer() as server:
        benches: dict[str, Bench] = {}
        for step in STEPS:
            benches[step] = Bench(root / step, server)
        # all at one service, whose windows stay exhausted, each with a reset of its own
        server.resets = {f"rc_{step}": "available" for step in STEPS}
        server.stays_exhausted = True
        begun = {
            step: bench.start(bench.order(f"request-{step}", wish=Wish(f"rc_{step}")), step=step)
            for step, bench in benches.items()
        }
        for process in begun.values():
            assert process.wait(60) == -9
        assert sorted(str(body["redeem_request_id"]) for body in server.bodies) == sorted(
            f"request-{step}" for step in SENT
        )
        assert sorted(server.processed) == sorted(f"request-{step}" for step in SENT)
        for step, known in STEPS.items():
            use = benches[step].use
            assert (None if use is None else use.outcome) is known, step
            assert (use is not None and use.is_open) == (known is ResetOutcome.UNKNOWN), step
        again = {
            step: bench.start(bench.order(f"request-{step}", attempt="again", again=True))
            for step, bench in benches.items()
            if STEPS[step] is ResetOutcome.UNKNOWN
        }
        for step, process in again.items():
            assert process.wait(60) == 0
            use = benches[step].use
            assert use is not None
            assert use.outcome is (ResetOutcome.RESET if step == "sending" else ResetOutcome.ALREADY), step
        # one for each wish that was sent, and none for the others
        assert sorted(server.processed) == sorted(f"request-{step}" for step in (*SENT, "sending"))
        assert sorted(server.used) == sorted(f"rc_{step}" for step in (*SENT, "sending"))


def test_killed_as_it_is_asked_again_one_is_used_at_most(tmp_path: Path) -> None:
    with ResetServer() as server:
        server.stays_exhausted = True
        steps = [step for step in AGAIN if step != "looked"]  # nothing is looked at anew
        server.resets = {f"rc_{step}": "available" for step in steps}
        benches = {step: Bench(tmp_path / step, server) for step in steps}

        def killed(at: Mapping[str, str], *, again: bool) -> None:
            begun = []
            for step, bench in benches.items():
                wish = Wish(f"rc_{step}")
                order = bench.order(f"request-{step}", wish=wish, attempt=f"{again}", again=again)
                begun.append(bench.start(order, step=at[step]))
            assert {process.wait(60) for process in begun} == {-9}

        killed(dict.fromkeys(steps, "replied"), again=False)
        killed({step: step for step in steps}, again=True)
        for step, bench in benches.items():
            was_kept = STEPS[step] is ResetOutcome.RESET
            assert bench.use is not None
            assert bench.use.outcome is (ResetOutcome.ALREADY if was_kept else ResetOutcome.UNKNOWN), step
        left = {step: bench for step, bench in benches.items() if STEPS[step] is not ResetOutcome.RESET}
        for step, bench in left.items():
            order = bench.order(f"request-{step}", wish=Wish(f"rc_{step}"), attempt="third", again=True)
            assert bench.run(order) == 0
            assert bench.use is not None
            assert bench.use.outcome is ResetOutcome.ALREADY, step
        assert sorted(server.used) == sorted(f"rc_{step}" for step in steps)


def test_half_an_errand_is_none(tmp_path: Path) -> None:
    with ResetServer() as server:
        bench = Bench(tmp_path, server)
        whole = encode(Errand(bench.order("request-1"), bench.entry, bench.setup, str(bench.file)))
        ended = subprocess.run(
            [sys.executable, "-P", "-m", "poolwatch.bootstrap.redeeming"],
            input=whole[:-9],
            env=bare_environment(os.environ),
            timeout=30,
        )
        assert (ended.returncode, server.gets, server.bodies) == (UNREPORTED, [], [])


def test_three_processes_at_once_use_one(tmp_path: Path) -> None:
    with ResetServer() as server:
        server.lags = server.stays_exhausted = True
        bench = Bench(tmp_path, server)
        begun = [bench.start(bench.order(f"request-{number}")) for number in range(3)]
        assert [process.wait(60) for process in begun] == [0, 0, 0]
        assert (len(server.bodies), len(server.used)) == (1, 1)
        assert sorted(use.outcome for use in bench.book.uses()) == ["refused", "refused", "reset"]


CODEX = """#!{python}
import json, os, sys, urllib.request
log = open(os.path.join(os.environ["CODEX_HOME"], "log"), "a")
def say(document):
    print(json.dumps(document), flush=True)
for line in sys.stdin:
    said = json.loads(line)
    print(line.strip(), file=log, flush=True)
    if said.get("method") == "initialize":
        say({{"id": said["id"], "result": {{"userAgent": "codex_cli_rs/{version} (x) (poolwatch; 0)"}}}})
    elif said.get("method") == "account/rateLimitResetCredit/consume":
        {act}
"""
USE = """
        ids = said["params"]
        body = {"redeem_request_id": ids["idempotencyKey"], "credit_id": ids["creditId"]}
        url = "%s/wham/rate-limit-reset-credits/consume"
        request = urllib.request.Request(url, data=json.dumps(body).encode())
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).read()
"""
ANSWER = '        say({"id": said["id"], "result": {"outcome": "reset"}})'
CRASH = "        sys.exit(3)"
UNABLE = """
        say({"id": said["id"], "error": {"code": -32600, "message": "Invalid request: unknown variant"}})
"""


@pytest.mark.parametrize(
    ("version", "act", "outcome", "used"),
    [
        ("0.171.0", USE + ANSWER, ResetOutcome.RESET, 1),
        ("0.171.0", USE + CRASH, ResetOutcome.UNKNOWN, 1),
        ("0.171.0", UNABLE, ResetOutcome.NOT_SENT, 0),
        ("0.158.9", USE + ANSWER, ResetOutcome.NOT_SENT, 0),
        ("x", USE + ANSWER, ResetOutcome.NOT_SENT, 0),
    ],
    ids=["answers", "crashes", "unable", "too old", "no version"],
)
def test_the_login_of_a_codex_home_is_used_by_its_codex_alone(
    tmp_path: Path, version: str, act: str, outcome: ResetOutcome, used: int
) -> None:
    with ResetServer() as server:
        bench = Bench(tmp_path, server, SourceKind.CODEX_HOME)
        codex = tmp_path / "codex"
        body = act.replace("%s", server.base_url).strip()
        codex.write_text(CODEX.format(python=sys.executable, version=version, act=body))
        codex.chmod(0o755)
        assert bench.run(bench.order("request-1", route=ResetRoute.CODEX), codex=codex) == 0
        use = bench.use
        assert use is not None
        assert (use.outcome, len(server.used)) == (outcome, used)
        told = (bench.file.parent / "log").read_text()
        assert '"creditId": "rc_1"' in told or version != "0.171.0"
        assert "access-0" not in told


@pytest.mark.parametrize("case", ["missing", "other login", "token ends"])
def test_codex_is_not_asked_where_that_is_not_safe(tmp_path: Path, case: str) -> None:
    with ResetServer() as server:
        bench = Bench(tmp_path, server, SourceKind.CODEX_HOME)
        codex = tmp_path / "codex"
        codex.write_text(CODEX.format(python=sys.executable, version="0.171.0", act=ANSWER.strip()))
        codex.chmod(0o755)
        if case == "other login":
            bench.entry = replace(bench.entry, account_id="acc-1", user_id=None)
        if case == "token ends":
            ends = datetime.now(UTC) + timedelta(minutes=9)
            write_json(bench.file, codex_document(expires=ends))
        asked = None if case == "missing" else codex
        assert bench.run(bench.order("request-1", route=ResetRoute.CODEX), codex=asked) == 0
        use = bench.use
        assert use is not None
        assert (use.outcome, server.bodies) == (ResetOutcome.NOT_SENT, [])
        assert not (bench.file.parent / "log").exists()


def test_the_login_of_somebody_else_uses_nothing(tmp_path: Path) -> None:
    with ResetServer() as server:
        bench = Bench(tmp_path, server)
        bench.entry = replace(bench.entry, user_id="user-Bob", account_id="acc-2")
        assert bench.run(bench.order("request-1")) == 0
        use = bench.use
        assert use is not None
        assert (use.outcome, server.bodies) == (ResetOutcome.NOT_SENT, [])


def test_an_answer_that_does_not_come_is_unknown(tmp_path: Path) -> None:
    with ResetServer() as server:
        bench = Bench(tmp_path, server)
        server.script.append(Lose(reset=True))
        assert bench.run(bench.order("request-1")) == 0
        use = bench.use
        assert use is not None
        assert use.is_open
