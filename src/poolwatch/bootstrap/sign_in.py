"""Gets a sign-in from the list ready: which codex, in which home, and where its login goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.running import Running
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.paths import from_home
from poolwatch.config.values import at_home
from poolwatch.custody.codex import find_codex
from poolwatch.custody.sign_in import CodexSignIn
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.account import AccountKey
from poolwatch.domain.audit import Act, Deed, Ending, Outcome
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.message import Message, message
from poolwatch.domain.state import AccountState
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.host.threads import in_thread
from poolwatch.monitor.auditing import Auditor, Noted
from poolwatch.monitor.ledger import Clock
from poolwatch.presentation.sign_in import CodexLogin, PoolLogin, sign_in
from poolwatch.sources.pools.codex_lb import CodexLb
from poolwatch.sources.pools.codex_proxy import CodexProxy
from poolwatch.sources.pools.device_login import DeviceCode, DeviceLogin
from poolwatch.ui.feed import NotPlaced

#: A pool that is asked for a quarter of an hour may be slow or away for a moment; the code stays good.
_PASSES: Final = frozenset({FailureKind.UNREACHABLE, FailureKind.THROTTLED})


async def ready_sign_in(
    around: Surroundings,
    key: AccountKey,
    login: CodexLogin,
    auditor: Auditor,
    on_waiting: Callable[[], Awaitable[None]],
) -> CodexRun | None:
    """The sign-in of an account; None where there is no codex on the PATH.

    `on_waiting` is called when a login waits that is not in its place; `auditor` notes it.
    """
    codex = await in_thread(lambda: find_codex(around.env))
    if codex is None:
        return None

    def place(text: str) -> Path | None:
        return Path(at_home(text, around.home)) if text else None

    return CodexRun(
        CodexSignIn(
            codex,
            login.arguments[1:],
            around.env,
            place(login.home),
            place(login.target),
            key,
            StateDir(around.state_dir),
        ),
        around.home,
        on_waiting,
        Noted(auditor, Deed(Act.SIGN_IN, (key.id,))),
    )


@dataclass(frozen=True, slots=True)
class CodexRun:
    """A sign-in as the screens see it."""

    work: CodexSignIn
    user_home: Path | None
    on_waiting: Callable[[], Awaitable[None]]
    noted: Noted

    async def run(self) -> int:
        """Run codex to its end."""
        await self.noted.begin()
        try:
            return await self.work.run()
        except asyncio.CancelledError:
            await self.noted.end(Ending(Outcome.STOPPED))
            raise

    async def settle(self, *, signed_in: bool) -> NotPlaced | None:
        """Bring the login home, or have it named."""
        found = await self.work.settle(signed_in=signed_in)
        outcome = Outcome.DONE if signed_in and found is None else Outcome.FAILED
        await self.noted.end(Ending(outcome, () if found is None else (found.why.code,)))
        if found is None:
            return None
        if found.waits is None:
            return NotPlaced(found.why)
        await self.on_waiting()
        waits = visible(from_home(found.waits, self.user_home), LONGEST_PATH)
        return NotPlaced(found.why, waits, found.other or "")


async def start_pool_sign_in(running: Running, account: AccountState, clock: Clock) -> CodeRun | Message:
    """Have the pool that an account lies in ask for a code; else where a person signs in by hand."""
    listing = account.acting
    way = sign_in(listing)
    settings = next((each for each in running.around.sources if each.name == listing.ref.source), None)
    instead = message("sign_in.by_page", url=settings.url if settings is not None else listing.owner)
    if isinstance(way, PoolLogin) and way.line:
        instead = message("sign_in.by_command", command=way.line)
    source = running.sources.get(listing.ref.source)
    login: DeviceLogin | None = source.device_login if isinstance(source, CodexLb | CodexProxy) else None
    if login is None:
        return instead
    found = await login.start(clock.now())
    if isinstance(found, Failure):
        return message("sign_in.not_by_code", why=found.as_message, instead=instead)
    return CodeRun(login, found, clock, running.services.auditor, account.key)


@dataclass(frozen=True, slots=True)
class CodeRun:
    """A pool's sign-in as the screens see it."""

    login: DeviceLogin
    given: DeviceCode
    clock: Clock
    auditor: Auditor
    key: AccountKey

    @property
    def address(self) -> str:
        return self.given.address

    @property
    def code(self) -> str:
        return self.given.code

    async def wait(self) -> Message | None:
        """Ask the pool now and then, until it has the login or the code is over."""
        async with self.auditor.noting_on_thread(Deed(Act.SIGN_IN, (self.key.id,))) as doing:
            problem = await self._ended()
            if problem is None:
                doing.ended(Outcome.DONE)
            else:
                doing.ended(Outcome.FAILED, problem.code)
        return problem

    async def _ended(self) -> Message | None:
        waited = timedelta(0)
        while waited < self.given.life:
            await self.clock.sleep(self.given.pause.total_seconds())
            waited += self.given.pause
            ended = await self.login.ended(self.given, self.clock.now())
            if isinstance(ended, Failure):
                if ended.kind not in _PASSES:
                    return ended.as_message
            elif ended:
                return None
        return message("sign_in.expired")
