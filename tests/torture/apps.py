"""One login in poolwatch's custody, and the app's own monitor at work on it, without its screen."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from poolwatch.bootstrap.running import Running, open_monitor
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.custody.attempt import RefreshAttempt as Errand
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.login_lock import note_path
from poolwatch.custody.protocol import Seen
from poolwatch.custody.state_dir import Fingerprinter, StateDir
from poolwatch.custody.token_step import SpendRequest, arguments
from poolwatch.domain.events import AnswerKind
from poolwatch.domain.status import Section, judge
from poolwatch.presentation.card import card_view
from poolwatch.presentation.view import Prefs
from tests.torture.service import Service

_PATIENCE_SECONDS = 20.0
_CONFIG = """[[sources]]
kind = "auth-files"
name = "pool"
path = "{pool}"
custody = "poolwatch"
base_url = "{base_url}"
token_url = "{token_url}"
{more}"""


def write_login(path: Path, document: object) -> Path:
    """Put a login into a file as its owner does: whole, private, in one step."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.owner")
    beside.write_text(json.dumps(document, indent=2))
    beside.chmod(0o600)
    beside.replace(path)
    return path


@dataclass(frozen=True)
class Machine:
    """The folders of one login and what can be asked of them from outside."""

    folder: Path
    service: Service
    family: str = "ann"

    @classmethod
    def make(cls, folder: Path, service: Service, family: str = "ann", more: str = "") -> Machine:
        """A machine where the family has just signed in."""
        folder.mkdir(mode=0o700, parents=True)
        return cls.fill(folder, service, family, more)

    @classmethod
    def fill(cls, folder: Path, service: Service, family: str = "ann", more: str = "") -> Machine:
        """The same in a folder that is already there."""
        made = cls(folder, service, family)
        write_login(made.file, service.sign_in(family))
        config = _CONFIG.format(
            pool=made.file.parent, base_url=service.base_url, token_url=service.token_url, more=more
        )
        (folder / "config.toml").write_text(config)
        (folder / "home").mkdir()
        assert made.state.prepare() is None
        # the key of the fingerprints is made here, not in the first refresh
        assert made.login() is not None
        return made

    @property
    def file(self) -> Path:
        """The login file."""
        return self.folder / "pool" / f"{self.family}.json"

    @property
    def state(self) -> StateDir:
        """Poolwatch's state."""
        return StateDir(self.folder / "state")

    @property
    def fingerprint(self) -> Fingerprinter:
        """The machine's fingerprints."""
        found = Fingerprinter.from_state_dir(self.state.root)
        assert isinstance(found, Fingerprinter)
        return found

    def login(self) -> Login | None:
        """The login in the file, None when it is torn or gone."""
        found = read_login(self.file, self.fingerprint)
        return found if isinstance(found, Login) else None

    def holds(self, token: str) -> bool:
        """Whether the login file holds a refresh token."""
        login = self.login()
        return login is not None and login.refresh is not None and login.refresh.reveal() == token

    def waits(self, token: str) -> bool:
        """Whether a refresh token waits in poolwatch's state."""
        return any(
            token.encode() in path.read_bytes() for path in self.state.custody.iterdir() if path.is_file()
        )

    def sign_in(self) -> None:
        """The person signs in anew; the file gets the new login."""
        write_login(self.file, self.service.sign_in(self.family))

    def errand(self, attempt: str) -> Errand:
        """An attempt on the login file."""
        ids = f"acc-{self.family}", f"user-{self.family}"
        return Errand(Path(os.path.realpath(self.file)), attempt, datetime.now(UTC), *ids)

    def request(self, *, try_once: bool = False) -> SpendRequest:
        """What the app would ask of custody for the login as it is now."""
        login = self.login()
        assert login is not None
        return SpendRequest(
            self.state.root,
            Path(os.path.realpath(self.file)),
            self.service.token_url,
            Seen(login.fingerprint, login.refresh_fingerprint),
            login.account_id,
            login.user_id,
            try_once,
        )

    def order(self, attempt: str, *, try_once: bool = False) -> tuple[str, ...]:
        """The command line of a custody process for the login as it is now."""
        return arguments(self.request(try_once=try_once), attempt)

    def debris(self) -> list[str]:
        """Half-finished files that lie about."""
        note = note_path(self.file, (f"user-{self.family}", f"acc-{self.family}")).name
        beside = [
            path.name
            for path in self.file.parent.iterdir()
            if path.name.startswith(".") and path.name != note
        ]
        inside = [path.name for path in self.state.custody.iterdir() if ".pending" in path.name]
        return sorted(beside + inside)


def surroundings(folder: Path) -> Surroundings:
    """The run of poolwatch on such a machine."""
    env = {
        "HOME": str(folder / "home"),
        "PATH": os.environ["PATH"],
        "POOLWATCH_STATE_DIR": str(folder / "state"),
        "POOLWATCH_DATA_DIR": str(folder / "data"),
    }
    found = look_around(Options(config=folder / "config.toml"), env)
    assert isinstance(found, Surroundings), found.text
    return found


@asynccontextmanager
async def monitor(folder: Path) -> AsyncIterator[Running]:
    """The app's monitor, polling."""
    async with open_monitor(surroundings(folder)) as running:
        await running.monitor.recall()
        work = asyncio.create_task(running.monitor.run())
        try:
            yield running
        finally:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work


def live(folder: Path) -> None:
    """Refresh every account again and again, as fast as it goes; the outcomes are appended to `app.log`."""
    log = os.open(folder / "app.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def forever() -> None:
        async with monitor(folder) as running:
            while True:
                await asyncio.sleep(0.002)
                for key in tuple(running.monitor.state.accounts):
                    progress = await running.monitor.chain.run(key)
                    if progress.token is not None:
                        os.write(log, f"{progress.token.outcome.value}\n".encode())

    asyncio.run(forever())


@dataclass(frozen=True)
class Screen:
    """What the app shows of the one account after a start."""

    ambiguous: bool
    needs_you: bool
    words: str
    remedy: str
    asks_first: bool


def screen(machine: Machine, *, press: bool = False) -> Screen:
    """Start the app's monitor, let it recover and poll, and read the card.

    With `press`, r is pressed on a login whose reply was lost: it must ask first.
    """

    async def once() -> Screen:
        async with monitor(machine.folder) as running, asyncio.timeout(_PATIENCE_SECONDS):
            while not _has_polled(running):  # noqa: ASYNC110 - nothing tells of a poll that ended
                await asyncio.sleep(0.003)
            state, now = running.monitor.state, running.services.clock.now()
            (account,) = state.accounts.values()
            judged = judge(account, now, running.around.rules, state.clock_offset)
            card = card_view(judged, now, Prefs())
            # on any other login r would begin a refresh, and a process that outlives this one
            presses = press and account.ambiguous
            answer = await running.monitor.refresh(account.key) if presses else None
            return Screen(
                ambiguous=account.ambiguous,
                needs_you=judged.section is Section.NEEDS_YOU,
                words=" ".join((card.status, *(note.text for note in card.notes), card.foot.text)),
                remedy=card.remedy,
                asks_first=answer is not None and answer.kind is AnswerKind.ASK_ONCE,
            )

    return asyncio.run(once())


def _has_polled(running: Running) -> bool:
    accounts = running.monitor.state.accounts
    return running.monitor.polls and bool(accounts) and all(each.tried_at for each in accounts.values())
