"""Signs a login in again: the installed codex does it, on the terminal that it is given.

poolwatch types nothing and sees no password; of a login that is its own it moves the finished file home.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from poolwatch.custody.codex import full_environment
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.login_lock import PATIENCE_SECONDS, Ids, move_held
from poolwatch.custody.outcomes import clause, shown
from poolwatch.custody.own_folder import ids_in
from poolwatch.custody.state_dir import CODEX_FILE, FOLDER_FLAGS, SIGN_IN_PREFIX, StateDir, unmarked
from poolwatch.domain.account import AccountKey
from poolwatch.domain.message import Message, message
from poolwatch.host.files import FileProblem, make_readable, read_bounded, write_whole
from poolwatch.host.locks import take
from poolwatch.host.threads import in_thread

#: A codex that outlived its poolwatch may still write for as long; without a login, what is older goes.
_ABANDONED_SECONDS: Final = 24 * 3600


@dataclass(frozen=True, slots=True)
class NotPlaced:
    """Why a new login is not where it belongs; `waits`: where it lies, None where there is none.

    `other`: it is another account's, by its e-mail or id.
    """

    why: Message
    waits: Path | None = None
    other: str | None = None


@dataclass(slots=True)
class CodexSignIn:
    """One sign-in. `home`: the CODEX_HOME, None for codex's own choice.

    `target`: the file that the login of this account goes to, from a home that is made for it.
    """

    codex: Path
    arguments: tuple[str, ...]
    environ: Mapping[str, str]
    home: Path | None
    target: Path | None
    account: AccountKey
    state: StateDir
    _made: Path | None = field(default=None, init=False)
    #: says that the folder is in use; a killed process lets go of it
    _lock: int = field(default=-1, init=False)
    #: whose login was at the target when codex started
    _before: Ids = field(default=(None, None), init=False)

    async def run(self) -> int:
        """Run codex to its end on this process's terminal: its status, negative after a signal.

        Who is cancelled meanwhile ends it. Raises OSError where it cannot be started.
        """
        process = await in_thread(self._start)
        try:
            return await in_thread(process.wait)
        finally:
            if process.poll() is None:
                with suppress(OSError):
                    process.terminate()

    def _start(self) -> subprocess.Popen[bytes]:
        environment = full_environment(self.environ)
        home = self.home
        if self.target is not None:
            self.state.prepare()
            self._before = ids_in(self.target)
            home = self._made = Path(tempfile.mkdtemp(prefix=SIGN_IN_PREFIX, dir=self.state.root))
            self._lock = os.open(home, FOLDER_FLAGS)
            take(self._lock)
            self._clear_abandoned(os.fstat(self._lock).st_mtime)
        if home is not None:
            environment["CODEX_HOME"] = str(home)
        return subprocess.Popen([self.codex, *self.arguments], env=environment)

    async def settle(self, *, signed_in: bool) -> NotPlaced | None:
        """Bring the login home where it has to be brought; what was made for it goes if it holds none.

        `signed_in`: codex ended well. A login that it left all the same waits.
        """
        made = self._made
        if made is None or self.target is None:
            return None
        found = await in_thread(partial(self._clear, made, self.target, signed_in=signed_in))
        # what is still there waits from now on, and is told like every login that does
        if self._lock >= 0:
            os.close(self._lock)
        self._made, self._lock = None, -1
        return found

    def _clear_abandoned(self, now: float) -> None:
        with suppress(OSError):
            for folder in self.state.sign_in_folders():
                is_old = now - folder.stat().st_mtime > _ABANDONED_SECONDS
                if is_old and not os.path.lexists(folder / CODEX_FILE):
                    shutil.rmtree(folder, ignore_errors=True)

    def _clear(self, made: Path, target: Path, *, signed_in: bool) -> NotPlaced | None:
        file = made / CODEX_FILE
        make_readable(file)
        login = read_login(file, unmarked)
        if isinstance(login, FileProblem) and os.path.lexists(file):
            # who was ended while writing it may have left half of a login
            return NotPlaced(message("custody.file", path=shown(file), why=clause(login)))
        found: NotPlaced | None
        if not isinstance(login, Login):
            found = NotPlaced(message("sign_in.no_login")) if signed_in else None
        elif signed_in:
            found = self._place(login, file, target)
        else:
            found = NotPlaced(message("sign_in.ended_badly"), file)
        if found is None or found.waits is None:
            shutil.rmtree(made, ignore_errors=True)
        return found

    def _place(self, login: Login, file: Path, target: Path) -> NotPlaced | None:
        key = AccountKey(self.account.provider, login.user_id or "", login.workspace or "")
        if self.account.is_full and key != self.account:
            other = login.email or login.user_id or "?"
            return NotPlaced(message("sign_in.not_theirs"), file, other)
        # codex may have made it a link
        place = Path(os.path.realpath(target))
        problem: FileProblem | None
        try:
            with move_held(self.state, place, ids_in(target), PATIENCE_SECONDS) as mine:
                if not mine:
                    problem = FileProblem("import.being_refreshed", place)
                elif ids_in(place) not in (self._before, (login.user_id, login.account_id)):
                    # somebody has put another account's there meanwhile
                    problem = FileProblem("custody.another_login", place)
                else:
                    content = read_bounded(file)
                    problem = (
                        content if isinstance(content, FileProblem) else write_whole(place, content.content)
                    )
        except OSError as error:
            problem = FileProblem.of(error, place)
        if problem is None:
            return None
        return NotPlaced(message("custody.file", path=shown(problem.path), why=clause(problem)), file)
