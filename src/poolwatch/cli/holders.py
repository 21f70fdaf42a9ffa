"""`accounts remove` and `accounts resolve`: which file holds a login from now on."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.headless import look
from poolwatch.bootstrap.places import file_of, whole_path
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.entry import complain_about, run_async, surroundings
from poolwatch.cli.exits import EXIT_FAILED, EXIT_OK, complain, say
from poolwatch.cli.imports import by_hand, telling_who_is_waited_for
from poolwatch.cli.named import find_account
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.own_folder import move_away, set_aside
from poolwatch.custody.state_dir import StateDir, unmarked
from poolwatch.domain.account import Custody, Listing, Secret
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.host.files import FileProblem
from poolwatch.presentation.masking import shown_name
from poolwatch.words.messages import file_text

_NEVER = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class _Desk:
    around: Surroundings
    account: AccountState
    state: PoolState
    now: datetime

    @property
    def mask(self) -> bool:
        return self.around.settings.ui.mask

    @property
    def name(self) -> str:
        return shown_name(self.account, mask=self.mask)

    def path(self, path: Path) -> str:
        return self.around.told_path(path)


def remove_account(config: Path | None, text: str, *, mask: bool = False) -> int:
    """Move an imported login out of poolwatch's own folder; a copy is always kept."""
    desk = _desk(config, text, mask=mask)
    folder, data = desk.around.own_logins, desk.around.data_dir
    files = [file_of(each.ref.place) for each in _files(desk.account.listings)]
    own = [file for file in files if folder is not None and file.parent == folder and os.path.lexists(file)]
    others = [file for file in files if file not in own]
    if not own or data is None:
        places = ", ".join(desk.path(file) for file in others) or ", ".join(desk.account.sources)
        complain(
            f"{desk.name} is not in poolwatch's own folder, nothing was changed; it comes from {places}: "
            "remove it there, or take that source out of the configuration"
        )
        return EXIT_FAILED
    state, fine = StateDir(desk.around.state_dir), True
    for file in own:
        with telling_who_is_waited_for(state, file, desk.path(file)):
            moved = move_away(state, file, data / "removed", desk.now)
        if isinstance(moved, FileProblem):
            complain(f"{desk.name} was not removed: {desk.around.told(file_text(moved), [file])}")
            fine = False
        else:
            say(f"removed   {desk.name}: a copy is kept in {desk.path(moved)}")
    _look_again(desk)
    if fine:
        complain("the login itself stays valid upstream: sign it out there if it must end")
        if others:
            complain(f"{desk.name} is still listed from {', '.join(desk.path(each) for each in others)}")
    return EXIT_OK if fine else EXIT_FAILED


def resolve_account(config: Path | None, text: str, keep: Path, *, mask: bool = False) -> int:
    """End a conflict: of the files that hold one refresh token, only the named one stays in use."""
    desk = _desk(config, text, mask=mask)
    groups = _conflicts(desk)
    if not groups:
        complain(f"{desk.name} is in no conflict; nothing was changed")
        return EXIT_FAILED
    wanted = whole_path(desk.around, str(keep))
    for group in groups:
        kept = next((each for each in group if _is_named(file_of(each.ref.place), wanted)), None)
        if kept is not None:
            return _resolve(desk, kept, [each for each in group if each is not kept])
    holders = ", ".join(desk.path(file_of(each.ref.place)) for group in groups for each in group)
    complain(f"{desk.path(wanted)} does not hold this login, nothing was changed; these do: {holders}")
    return EXIT_FAILED


def _desk(config: Path | None, text: str, *, mask: bool) -> _Desk:
    around = surroundings(config, mask=mask)
    seen = run_async(lambda: look(around, _NEVER, lambda _: ()))
    complain_about(seen, around)
    account = find_account(seen.state, text, mask=around.settings.ui.mask)
    return _Desk(around, account, seen.state, RealClock().now())


def _look_again(desk: _Desk) -> None:
    """Have the store know which files there are now: `status --line` reads nothing else."""
    run_async(lambda: look(desk.around, _NEVER, lambda _: ()))


def _files(listings: Iterable[Listing]) -> list[Listing]:
    return [each for each in listings if each.custody is not Custody.POOL and each.path is not None]


def _conflicts(desk: _Desk) -> list[list[Listing]]:
    """The files that hold the same refresh token, one of them poolwatch's, for each token of the account."""
    marks = {each.token.refresh_fingerprint for each in desk.account.listings}
    everywhere = _files(each for account in desk.state.accounts.values() for each in account.listings)
    groups = []
    for mark in sorted(mark for mark in marks if mark is not None):
        places = {each.ref.place: each for each in everywhere if each.token.refresh_fingerprint == mark}
        group = [each for each in places.values() if os.path.lexists(file_of(each.ref.place))]
        if len(group) > 1 and any(each.custody is Custody.POOLWATCH for each in group):
            groups.append(sorted(group, key=lambda each: each.ref.place))
    return groups


def _is_named(file: Path, wanted: Path) -> bool:
    return file == wanted or os.path.normpath(wanted) == str(file)


def _resolve(desk: _Desk, kept: Listing, others: list[Listing]) -> int:
    kept_file = file_of(kept.ref.place)
    behind = Path(os.path.realpath(kept_file))
    if any(file_of(each.ref.place) == behind for each in others):
        complain(
            f"{desk.path(kept_file)} is a link to {desk.path(behind)}: they are one file, nothing was "
            f"changed; keep {desk.path(behind)}, or remove the link"
        )
        return EXIT_FAILED
    state, left = StateDir(desk.around.state_dir), 0
    # one that holds the next token by the time that a refresh has ended is no copy any more
    login = read_login(kept_file, unmarked)
    token = login.refresh if isinstance(login, Login) else None
    for each in others:
        file = file_of(each.ref.place)
        if each.custody is Custody.POOLWATCH:
            left += not _set_aside(desk, state, file, token)
        elif kept.custody is Custody.POOLWATCH:
            left += 1
            complain(
                f"{desk.path(file)} is kept by {each.owner or 'another program'} and was left alone: "
                "poolwatch never renames such a file. End its use there first, then: "
                f"{by_hand(desk.around, file, desk.now)}"
            )
    _look_again(desk)
    if left:
        complain(f"{desk.name} stays in conflict and is not refreshed until that is done")
        return EXIT_FAILED
    say(f"kept      {desk.name}: {desk.path(kept_file)} stays in use")
    return EXIT_OK


def _set_aside(desk: _Desk, state: StateDir, file: Path, token: Secret | None) -> bool:
    target = Path(os.path.realpath(file)) if file.is_symlink() else None
    with telling_who_is_waited_for(state, file, desk.path(file)):
        moved = set_aside(state, file, desk.now, token)
    if isinstance(moved, FileProblem):
        complain(f"{desk.path(file)} was not set aside: {desk.around.told(file_text(moved), [file])}")
        return False
    also = f" (a link; {desk.path(target)} itself was left alone)" if target is not None else ""
    say(f"set aside {desk.path(file)}: {desk.path(moved)}{also}")
    return True
