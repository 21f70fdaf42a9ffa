"""Gets a sign-in from the list ready: which codex, in which home, and where its login goes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.values import at_home
from poolwatch.custody.codex import find_codex
from poolwatch.custody.outcomes import shown
from poolwatch.custody.sign_in import CodexSignIn
from poolwatch.custody.state_dir import StateDir
from poolwatch.domain.account import AccountKey
from poolwatch.host.threads import in_thread
from poolwatch.presentation.sign_in import CodexLogin
from poolwatch.ui.feed import NotSignedIn


async def ready_sign_in(around: Surroundings, key: AccountKey, login: CodexLogin) -> CodexRun | None:
    """The sign-in of an account; None where there is no codex on the PATH."""
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
        )
    )


@dataclass(frozen=True, slots=True)
class CodexRun:
    """A sign-in as the screens see it."""

    work: CodexSignIn

    async def run(self) -> int:
        """Run codex to its end."""
        return await self.work.run()

    async def settle(self, *, signed_in: bool) -> NotSignedIn | None:
        """Bring the login home."""
        found = await self.work.settle(signed_in=signed_in)
        if found is None:
            return None
        return NotSignedIn(found.why, shown(found.waits) if found.waits else "", found.other or "")
