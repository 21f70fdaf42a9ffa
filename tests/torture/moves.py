"""Logins moved, replaced, re-linked, imported or removed at every step of a refresh, and memories damaged.

In each round a refresh ends at a step, or is still on its way; then somebody does something to the login or
to the state directory; then the app starts, and one more refresh is asked for. No valid login may be lost in
silence or lie where nobody is told, and no used token may be sent again without a question.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.running import Running
from poolwatch.custody.attempt import RefreshJournal as Journal
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.own_folder import import_logins, move_away, set_aside
from poolwatch.custody.protocol import Seen
from poolwatch.custody.state_dir import KEY_FILE, Fingerprinter, StateDir
from poolwatch.custody.token_step import SpendRequest, arguments
from poolwatch.domain.refresh import BlockReason
from poolwatch.host.files import FileProblem
from poolwatch.words.messages import failure_text, message_text
from tests.torture.apps import Machine, monitor, write_login
from tests.torture.forge import Forge
from tests.torture.service import Service
from tests.torture.steps import IN_FLIGHT, STORED, UNSENT
from tests.torture.tally import Order, Tally

#: The refresh is not killed: the service has taken the token, and its answer is on the way.
ON_ITS_WAY: Final = "on its way"
POINTS: Final = (*UNSENT, *IN_FLIGHT, *STORED, ON_ITS_WAY)
_ANSWER_SECONDS = 0.15
_PATIENCE_SECONDS = 20.0


@dataclass
class Scene:
    """One login of a family, what was done to it, and where it may lie now."""

    machine: Machine
    #: the file as it was before its first refresh, whose token is used up
    backup: bytes
    #: where the login is looked for: the folders of the configuration
    folders: tuple[Path, ...]
    #: files that a command put away, and named as it did so
    put_away: list[Path] = field(default_factory=list)
    #: a person or a disk took the only copy away: nothing can be promised but that it is said
    destroyed: bool = False

    @property
    def file(self) -> Path:
        """The login file as it was."""
        return self.machine.file

    def logins(self) -> list[Path]:
        """The login files that are listed now."""
        return [path for folder in self.folders for path in sorted(folder.glob("*.json")) if path.is_file()]

    def holders(self, token: str) -> list[Path]:
        """Every file of the machine that holds a token; a damaged one may hold it too."""
        return [
            path
            for path in sorted(self.machine.folder.rglob("*"))
            if path.is_file() and not path.is_symlink() and token.encode() in path.read_bytes()
        ]


def _rename(scene: Scene) -> None:
    scene.file.rename(scene.file.with_name("renamed.json"))


def _move(scene: Scene) -> None:
    scene.file.rename(scene.folders[1] / scene.file.name)


def _relink(scene: Scene) -> None:
    target = scene.machine.folder / "kept-by-me" / scene.file.name
    target.parent.mkdir(mode=0o700)
    scene.file.rename(target)
    scene.file.symlink_to(target)


def _put_back(scene: Scene) -> None:
    beside = scene.file.with_name(".put-back")
    beside.write_bytes(scene.backup)
    beside.chmod(0o600)
    beside.replace(scene.file)


def _other_account(scene: Scene) -> None:
    write_login(scene.file, scene.machine.service.sign_in(f"other-{scene.machine.family}"))


def _delete(scene: Scene) -> None:
    scene.file.unlink()


def _garbage(scene: Scene) -> None:
    scene.file.write_bytes(b"{not json")


def _import(scene: Scene) -> None:
    machine = scene.machine
    now = datetime.now(UTC)
    taken = import_logins(scene.file, scene.folders[2], machine.state, machine.fingerprint, now)
    if isinstance(taken, FileProblem):
        return
    if any(getattr(each, "file", None) for each in taken):
        moved = set_aside(machine.state, scene.file, now)
        if isinstance(moved, Path):
            scene.put_away.append(moved)


def _remove(scene: Scene) -> None:
    moved = move_away(scene.machine.state, scene.file, scene.machine.folder / "removed", datetime.now(UTC))
    if isinstance(moved, Path):
        scene.put_away.append(moved)


def _resolve(scene: Scene) -> None:
    moved = set_aside(scene.machine.state, scene.file, datetime.now(UTC))
    if isinstance(moved, Path):
        scene.put_away.append(moved)


def _second_state(scene: Scene) -> None:
    """A poolwatch with another state directory refreshes the same login."""
    order = _order(scene, scene.file, "b1", scene.machine.folder / "state-2")
    if order is not None:
        _run(order)


def _no_state(scene: Scene) -> None:
    shutil.rmtree(scene.machine.state.root)
    assert scene.machine.state.prepare() is None


def _no_key(scene: Scene) -> None:
    (scene.machine.state.root / KEY_FILE).unlink()


def _damage(scene: Scene, suffix: str) -> None:
    for path in scene.machine.state.custody.glob(f"*{suffix}"):
        path.write_bytes(bytes(path.stat().st_size))


def _pending_damaged(scene: Scene) -> None:
    _damage(scene, ".pending")


def _pending_a_folder(scene: Scene) -> None:
    for path in scene.machine.state.custody.glob("*.pending"):
        path.unlink()
        path.mkdir()


def _journal_damaged(scene: Scene) -> None:
    _damage(scene, ".journal")


def _journal_gone(scene: Scene) -> None:
    for path in scene.machine.state.custody.glob("*.journal"):
        path.unlink()


MOVES: Final[dict[str, Callable[[Scene], None]]] = {
    "renamed": _rename,
    "moved": _move,
    "re-linked": _relink,
    "replaced by a backup": _put_back,
    "replaced by another account": _other_account,
    "deleted": _delete,
    "overwritten": _garbage,
    "imported": _import,
    "removed": _remove,
    "resolved": _resolve,
    "second state directory": _second_state,
    "state directory deleted": _no_state,
    "key deleted": _no_key,
    "pending damaged": _pending_damaged,
    "pending a folder": _pending_a_folder,
    "journal damaged": _journal_damaged,
    "journal deleted": _journal_gone,
}
#: These may take the only copy of a login away, which no program can help.
_DESTROYS: Final = frozenset(
    {"deleted", "overwritten", "replaced by a backup", "replaced by another account"}
    | {"state directory deleted", "pending damaged", "pending a folder"}
)
#: After these no login of the account is listed, so there is no card to say that its reply was lost before.
_TAKES_AWAY: Final = frozenset(
    {"deleted", "overwritten", "replaced by another account", "removed", "resolved"}
)
#: After these the state directory knows of nothing: what stands beside the login makes the next refresh ask.
_FORGETS: Final = frozenset({"key deleted", "state directory deleted", "journal damaged", "journal deleted"})
#: What tells which space is poolwatch's own is gone.
_FORGETS_SPACE: Final = frozenset({"state directory deleted", "journal damaged", "journal deleted"})

_forge: Forge


def run(order: Order) -> Tally:
    """Every move at every step in turn, in an order of its own for each seed."""
    global _forge
    tally = Tally("moves", order.aim)
    plan = [(point, move) for point in POINTS for move in MOVES]
    random.Random(order.seed).shuffle(plan)
    with Service() as service, Forge() as _forge:
        for number in order.rounds(tally):
            point, move = plan[number % len(plan)]
            machine = _machine(order.folder / f"m{number}", service, f"ann{number}")
            backup = machine.file.read_bytes()
            # the first refresh outdates the backup
            tally.check(_run(machine.order("a0")) == 0, "the first refresh failed")
            _round(machine, backup, point, move, tally)
            shutil.rmtree(machine.folder, ignore_errors=True)
    return tally


def _machine(folder: Path, service: Service, family: str) -> Machine:
    more = "".join(
        f'[[sources]]\nkind = "auth-files"\nname = "{name}"\npath = "{folder / name}"\n'
        'custody = "poolwatch"\n'
        f'base_url = "{service.base_url}"\ntoken_url = "{service.token_url}"\n'
        for name in ("elsewhere", "own")
    )
    machine = Machine.make(folder, service, family, more)
    for name in ("elsewhere", "own"):
        (folder / name).mkdir(mode=0o700)
    return machine


def _round(machine: Machine, backup: bytes, point: str, move: str, tally: Tally) -> None:
    what = f"{move}, {point}"
    folder = machine.folder
    scene = Scene(machine, backup, (machine.file.parent, folder / "elsewhere", folder / "own"))
    first = machine.service.seen(machine.family)
    order = machine.order("a1")
    if point == ON_ITS_WAY:
        machine.service.delays(0, _ANSWER_SECONDS, len(what))
        job = _forge.custody(order)
        _until(lambda: machine.service.seen(machine.family).posts > first.posts)
        MOVES[move](scene)
        job.wait()
        machine.service.delays(0, 0)
    else:
        _forge.custody(order, failpoint=f"{point}:kill").wait()
        valid = machine.service.seen(machine.family).valid
        before = scene.holders(valid)
        MOVES[move](scene)
        lost_before = not before and move in _TAKES_AWAY
        scene.destroyed = lost_before or (move in _DESTROYS and bool(before) and not scene.holders(valid))
    tally.note(move)
    _judge(scene, what, tally)


def _judge(scene: Scene, what: str, tally: Tally) -> None:
    machine = scene.machine
    shown = _look(scene)
    valid = machine.service.seen(machine.family).valid
    if what.partition(",")[0] not in _FORGETS:
        _check(scene, valid, shown, f"{what}: after the start", tally)
    asked = False
    for number, file in enumerate(scene.logins()):
        order = _order(scene, file, f"c{number}", machine.state.root)
        if order is not None:
            _run(order)
            asked = asked or _asked(machine, f"c{number}")
    shown = _look(scene)
    shown = Shown(shown.asks or asked, shown.text)
    seen = machine.service.seen(machine.family)
    _check(scene, seen.valid, shown, f"{what}: after the next refresh", tally)
    tally.posts += seen.posts
    tally.ambiguous += shown.asks
    tally.replays += seen.reused
    tally.check(not seen.reused, f"{what}: a used token was sent again")
    space = list(machine.folder.rglob(".poolwatch-*.tmp"))
    tally.check(not space or what.partition(",")[0] in _FORGETS_SPACE, f"{what}: space was left behind")


def _check(scene: Scene, valid: str, shown: Shown, what: str, tally: Tally) -> None:
    holders = scene.holders(valid)
    listed = {Path(os.path.realpath(path)) for path in scene.logins()}
    known = [path for path in holders if path in listed or path in scene.put_away]
    kept = [path for path in holders if path.name.startswith("kept-")]
    if known or scene.destroyed:
        return
    if kept:
        named = all(path.name in shown.text for path in kept)
        tally.check(named, f"{what}: the valid login lies in {kept[0].name}, and nobody says so")
        return
    # nowhere, or where only a later question can bring it from
    if not shown.asks:
        tally.lost += 1
        where = ", ".join(path.name for path in holders) or "nowhere"
        tally.check(False, f"{what}: the valid login is {where}, and nobody asks: {shown.text}")
    tally.gone += not holders


@dataclass(frozen=True)
class Shown:
    """What a start of the app says: whether it asks before a login is spent again, and all its words."""

    asks: bool
    text: str


def _asked(machine: Machine, attempt: str) -> bool:
    """Whether a refresh ended with the question whether the token shall be tried once more."""
    for path in machine.state.custody.glob("*.journal"):
        ended = Journal(path).outcome(attempt)
        if ended is not None and ended.step is not None and ended.step.block is BlockReason.ASK_FIRST:
            return True
    return False


def _look(scene: Scene) -> Shown:
    async def once() -> Shown:
        async with monitor(scene.machine.folder) as running, asyncio.timeout(_PATIENCE_SECONDS):
            session = running.monitor
            while not _has_begun(running):  # noqa: ASYNC110 - nothing tells of that
                await asyncio.sleep(0.003)
            await session.tell_kept()
            accounts = session.state.accounts.values()
            texts = [str(each.kept) for each in accounts if each.kept]
            texts += [failure_text(each.login_trouble) for each in accounts if each.login_trouble]
            texts += map(message_text, session.notices)
            return Shown(any(each.ambiguous for each in accounts), " | ".join(texts))

    return asyncio.run(once())


def _has_begun(running: Running) -> bool:
    """Whether the start is over: accounts are asked only after what was left behind was looked after."""
    accounts = [each for each in running.monitor.state.accounts.values() if each.acting.polled]
    settled = running.monitor.polls and running.monitor.state.settled
    return settled and running.monitor.recovered and all(each.tried_at for each in accounts)


def _order(scene: Scene, file: Path, attempt: str, state: Path) -> tuple[str, ...] | None:
    """The command line that refreshes what lies in a file, as a poolwatch with that state directory would."""
    assert StateDir(state).prepare() is None
    fingerprint = Fingerprinter.from_state_dir(state)
    assert isinstance(fingerprint, Fingerprinter)
    login = read_login(file, fingerprint)
    if not isinstance(login, Login) or login.refresh is None:
        return None
    real = Path(os.path.realpath(file))
    seen = Seen(login.fingerprint, login.refresh_fingerprint)
    url = scene.machine.service.token_url
    return arguments(SpendRequest(state, real, url, seen, login.account_id, login.user_id), attempt)


def _run(order: tuple[str, ...]) -> int:
    return _forge.custody(order).wait()


def _until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + _PATIENCE_SECONDS
    while not holds() and time.monotonic() < ends:
        time.sleep(0.002)
