"""A hypothesis state machine over all that happens to two logins: poolwatch's own, and one of Codex."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from poolwatch.custody.attempt import JournalEntry as Entry
from poolwatch.custody.attempt import RefreshJournal as Journal
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.recovery import recover
from poolwatch.custody.token_step import TokenAsk, TokenRules, token_step
from poolwatch.domain.account import Custody, Listing, SourceRef, TokenFacts
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.once.journal import unresolved
from tests.torture.apps import Machine, write_login
from tests.torture.disk import CALLS, DiskFault
from tests.torture.disks import started_by
from tests.torture.forge import Forge, Job
from tests.torture.service import Fault, Service
from tests.torture.steps import IN_FLIGHT, STORED, UNSENT
from tests.torture.tally import Order, Tally

_BATCH = 5
_STEPS = 12
_FAULTS = (
    None,
    Fault(cut_at=0, reset=True),
    Fault(cut_at=300),
    Fault(status=502),
    Fault(exchange=False, status=502),
    Fault(exchange=False, status=500),
    Fault(body="e30="),
)
_MOST_NTH = 12


@dataclass
class _Bench:
    service: Service
    forge: Forge
    folders: Iterator[Path]
    tally: Tally


class Logins(RuleBasedStateMachine):
    """The token that the service holds valid is on disk, or waits, or the account says it may be gone."""

    bench: _Bench

    def __init__(self) -> None:
        super().__init__()
        self.service, self.forge, self.tally = self.bench.service, self.bench.forge, self.bench.tally
        self.service.forget()
        self.folder = next(self.bench.folders)
        self.machine = Machine.make(self.folder, self.service, "ann")
        self.fingerprint = self.machine.fingerprint
        self.home = write_login(self.folder / "codex" / "auth.json", self.service.sign_in("cod"))
        self.copy = self.machine.file.with_name("copy.json")
        self.backup: bytes | None = None
        self.ahead = timedelta(0)
        self.numbers = itertools.count()
        #: the owner put an old file back, so that nothing can be promised until the next sign-in
        self.spoiled = False
        self.was_said = False
        #: tokens that ended by a sign-in, of which poolwatch cannot know
        self.superseded: set[str] = set()
        self.stale_copies: set[str] = set()

    @rule()
    def codex_refreshes(self) -> None:
        """Codex spends its own token and replaces its file."""
        document = json.loads(self.home.read_text())
        old = document["tokens"]["refresh_token"]
        request = urllib.request.Request(
            self.service.token_url,
            data=json.dumps({"refresh_token": old}).encode(),
            headers={"User-Agent": "codex_cli_rs"},
        )
        self.service.no_faults()
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20) as reply:
            document["tokens"] |= {
                name: value for name, value in json.loads(reply.read()).items() if name in document["tokens"]
            }
        self.stale_copies.add(old)
        write_login(self.home, document)
        self.tally.note("codex refreshed")

    @rule(family=st.sampled_from(("ann", "cod")))
    def user_signs_in_again(self, family: str) -> None:
        """A new family; the old token ends."""
        file = self.machine.file if family == "ann" else self.home
        old = self._token(file)
        (self.superseded if family == "ann" else self.stale_copies).add(old)
        write_login(file, self.service.sign_in(family))
        if family == "ann":
            self.spoiled = self.was_said = False
        self.tally.note("signed in again")

    @rule()
    def poll(self) -> None:
        """A look at Codex's login sends no token, whatever the clock says."""
        before = self.home.read_bytes(), self._posts()
        step = self._step(self.home, Custody.CODEX, try_once=False)
        assert step.outcome in (TokenOutcome.CURRENT, TokenOutcome.BLOCKED)
        assert (self.home.read_bytes(), self._posts()) == before
        self.tally.note("polled")

    @rule(fault=st.sampled_from(_FAULTS), try_once=st.booleans())
    def refresh(self, fault: Fault | None, try_once: bool) -> None:
        """r on poolwatch's login, with a good or a bad reply."""
        self.service.no_faults()
        if fault is not None:
            self.service.fault(fault)
        self._refresh(self.machine.file, try_once=try_once)
        self.service.no_faults()

    @precondition(lambda self: self.copy.exists())
    @rule()
    def refresh_the_copy(self) -> None:
        """r on a copy of Codex's login that lies in poolwatch's folder."""
        before = self.service.seen("cod")
        twin = self._token(self.copy) == self._token(self.home)
        self._refresh(self.copy, try_once=False)
        after = self.service.seen("cod")
        if twin:
            assert after.posts == before.posts
            self.tally.note("twin not spent")
        assert after.valid == before.valid

    @rule(point=st.sampled_from((*UNSENT, *IN_FLIGHT, *STORED)), with_app=st.booleans())
    def kill(self, point: str, with_app: bool) -> None:
        """The custody process dies at a step, the app with it or not."""
        self.service.no_faults()
        if with_app:
            order = self.machine.order(self._attempt())
            self.forge.custody(order, failpoint=f"{point}:kill", ahead=self.ahead).wait()
            self.tally.note("killed both")
        else:
            self._refresh(self.machine.file, failpoint=f"{point}:kill")
            self.tally.note("killed")

    @rule(
        call=st.sampled_from(CALLS),
        nth=st.integers(0, _MOST_NTH),
        error=st.sampled_from(("ENOSPC", "EROFS", "EIO")),
        lasting=st.booleans(),
    )
    def disk_full(self, call: str, nth: int, error: str, lasting: bool) -> None:
        """The disk fails somewhere in a refresh."""
        self.service.no_faults()
        report = str(self.folder / "report")
        disk = DiskFault(str(self.folder), report, call, nth, error, lasting)
        self._refresh(self.machine.file, disk=disk)
        self.tally.note("bad disk")

    @rule(days=st.sampled_from((-3650, -1, 0, 1, 3650)))
    def clock_jump(self, days: int) -> None:
        """The clock of this machine is set."""
        self.ahead = timedelta(days=days)
        self.tally.note("clock set")

    @rule()
    def restart(self) -> None:
        """The app starts and recovers; that needs no network."""
        posts = self._posts()
        found = recover(self.machine.state.root, self.fingerprint, self._now())
        assert isinstance(found, tuple)
        assert self._posts() == posts
        self.tally.note("started anew")

    @rule(what=st.sampled_from(("codex into pool", "back up", "put back")))
    def copy_file(self, what: str) -> None:
        """Somebody copies login files about."""
        if what == "codex into pool":
            write_login(self.copy, json.loads(self.home.read_text()))
        elif what == "back up":
            self.backup = self.machine.file.read_bytes()
        elif self.backup is not None:
            write_login(self.machine.file, json.loads(self.backup))
            self.spoiled = not self.machine.holds(self.service.seen("ann").valid)
        self.tally.note("copied a file")

    @invariant()
    def no_login_is_lost_in_silence(self) -> None:
        """The one promise."""
        valid = self.service.seen("ann").valid
        login = self.machine.login()
        assert login is not None, "the file is torn"
        says = login.refresh_fingerprint in unresolved(self._entries())
        self.was_said = self.was_said or says
        self.tally.ambiguous += says
        if not (self.machine.holds(valid) or self.machine.waits(valid) or self.spoiled):
            self.tally.gone += 1
            assert self.was_said, "the login is gone, and nobody says so"

    @invariant()
    def the_login_of_codex_is_its_own(self) -> None:
        """Poolwatch never spends it nor touches its file."""
        seen = self.service.seen("cod")
        assert self._token(self.home) == seen.valid
        assert seen.own_posts == seen.own_reused

    def teardown(self) -> None:
        """Count, and take the machine away."""
        self.tally.posts += self._posts()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _refresh(
        self,
        file: Path,
        *,
        try_once: bool = False,
        failpoint: str | None = None,
        disk: DiskFault | None = None,
    ) -> None:
        family = "cod" if file == self.copy else "ann"
        token, mark = self._token(file), self._login(file).refresh_fingerprint
        doubtful = mark in unresolved(self._entries())
        before = self.service.seen(family)
        step = self._step(file, Custody.POOLWATCH, try_once=try_once, failpoint=failpoint, disk=disk)
        after = self.service.seen(family)
        self.tally.note(f"refresh {step.outcome.value}")
        assert after.own_posts - before.own_posts <= 1
        if after.own_reused > before.own_reused:
            known = token in self.superseded or token in self.stale_copies or (doubtful and try_once)
            if not known:
                self.tally.replays += 1
            assert known, "a spent token was sent again"
            self.tally.note("refused by the service")
        if doubtful and not try_once:
            assert after.own_posts == before.own_posts, "a doubtful token was sent unasked"

    def _step(
        self,
        file: Path,
        custody: Custody,
        *,
        try_once: bool,
        failpoint: str | None = None,
        disk: DiskFault | None = None,
    ) -> TokenStep:
        login = self._login(file)
        facts = TokenFacts(login.expires_at, login.last_refresh, login.fingerprint, login.refresh_fingerprint)
        listing = Listing(SourceRef("pool", str(file)), custody=custody, login=login.kind, token=facts)
        rules = TokenRules(
            self.machine.state.root, self.service.token_url, self.fingerprint, delegate_to_codex=False
        )
        files = (self.machine.file, self.home, self.copy)
        marks = {self._login(each).refresh_fingerprint for each in files if each != file and each.exists()}
        others = frozenset(mark for mark in marks if mark is not None)
        ask = TokenAsk(self._now(), try_once=try_once, other_holders=others)

        def start(arguments: Sequence[str], environment: Mapping[str, str]) -> Job:
            return self.forge.custody(arguments, failpoint=failpoint, disk=disk, ahead=self.ahead)

        with started_by(start):
            return asyncio.run(token_step(listing, file, rules, ask))

    def _entries(self) -> tuple[Entry, ...]:
        return Journal(self.machine.state.journal(self.machine.errand("x").account)).entries()

    def _login(self, file: Path) -> Login:
        found = read_login(file, self.fingerprint)
        assert isinstance(found, Login)
        return found

    def _token(self, file: Path) -> str:
        return cast("str", json.loads(file.read_text())["tokens"]["refresh_token"])

    def _posts(self) -> int:
        return self.service.seen("ann").posts + self.service.seen("cod").posts

    def _attempt(self) -> str:
        return f"x{next(self.numbers)}"

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def run(order: Order) -> Tally:
    """Batches of examples, each with a seed of its own; a failure is shrunk and told on stderr."""
    tally = Tally("machine", order.aim)
    # nothing of the person's own may be asked to renew anything
    os.environ["PATH"] = "/nonexistent"
    rules = settings(
        max_examples=_BATCH,
        stateful_step_count=_STEPS,
        deadline=None,
        database=None,
        print_blob=False,
        verbosity=Verbosity.normal,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    with Service() as service, Forge() as forge:
        folders = (order.folder / f"m{number}" for number in itertools.count())
        Logins.bench = _Bench(service, forge, folders, tally)
        for number in order.rounds(tally, -(-order.aim // _BATCH)):
            try:
                run_state_machine_as_test(seed(order.seed + number)(Logins), settings=rules)
            except AssertionError as error:
                tally.lost += "nobody says so" in str(error)
                tally.torn += "torn" in str(error)
                tally.check(False, f"seed {order.seed + number}: {str(error)[:300]}")
            tally.done += _BATCH - 1
    return tally
