"""`accounts`: identity, custody and holders of each login; and which file holds a login from now on."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.auditing import audited, ended
from poolwatch.bootstrap.console import (
    EXIT_CONFIG,
    EXIT_FAILED,
    EXIT_OK,
    complain,
    say,
    say_text,
)
from poolwatch.bootstrap.headless import look
from poolwatch.bootstrap.places import file_of, whole_path
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import (
    complain_about,
    find_account,
    found_by,
    nobody_there,
    run_async,
    surroundings,
)
from poolwatch.cli.imports import OwnFolder
from poolwatch.config.paths import REMOVED_NAME
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.own_folder import move_away
from poolwatch.custody.state_dir import unmarked
from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.audit import Act, Deed
from poolwatch.domain.state import AccountState, KeptFile, PoolState
from poolwatch.domain.status import Judged
from poolwatch.host.files import FileProblem
from poolwatch.host.instants import instant_text
from poolwatch.monitor.auditing import Doing
from poolwatch.presentation import masking
from poolwatch.presentation.remedy import import_command
from poolwatch.words.commands import said
from poolwatch.words.messages import failure_text, message_text

_NEVER: Final = timedelta(days=3650)


def list_accounts(
    config: Path | None, filter_text: str = "", *, as_json: bool = False, mask: bool = False
) -> int:
    """Print every account that matches with the places that hold its login; polls nothing."""
    around = surroundings(config, mask=mask)
    hidden = around.settings.ui.mask
    seen = run_async(lambda: look(around, _NEVER, lambda _: ()))
    complain_about(seen, around, sources=True)
    found = found_by(seen.overview, filter_text, around.prefs())
    ordered = sorted(
        (each for each in seen.overview.accounts if each.account.key in found),
        key=lambda each: (each.label.casefold(), each.account.key.id),
    )
    if as_json:
        say_text(_document(around, ordered, seen.state.kept))
    else:
        for each in ordered:
            say(*_lines(each, hidden=hidden))
        tell_kept(around, seen.state.kept)
    if not seen.overview.accounts:
        # nothing to list is no failure, unless somebody who should say is silent
        code = nobody_there(around, seen.state)
        return EXIT_OK if code == EXIT_CONFIG else code
    return EXIT_OK if ordered else EXIT_FAILED


def _document(around: Surroundings, accounts: Sequence[Judged], kept: Sequence[KeptFile]) -> str:
    mask = around.settings.ui.mask
    document = {
        "schema": "poolwatch.accounts/1",
        "accounts": [_row(each.account, mask=mask) for each in accounts],
        "kept": [
            {
                "account": each.key.id if each.key is not None else None,
                "email": None if mask else each.email,
                "path": around.told_path(each.path),
                "since": instant_text(each.since),
                "command": kept_command(around, each),
            }
            for each in kept
        ],
    }
    return json.dumps(document, indent=2)


def _row(account: AccountState, *, mask: bool) -> dict[str, object]:
    trouble = account.login_trouble
    return {
        "id": account.key.id,
        "label": masking.shown_label(account, mask=mask),
        "group": masking.shown_group(account.name.group, mask=mask) or None,
        "provider": account.key.provider,
        "email": masking.shown_email(account, mask=mask),
        "plan": account.plan,
        "custody": account.custody.value,
        "logins": [_login(each, account, mask=mask) for each in account.listings],
        "trouble": None
        if trouble is None
        else {
            "kind": trouble.kind.value,
            "message": masking.shown_text(failure_text(trouble), account, mask=mask),
            "since": instant_text(trouble.since),
        },
    }


def _login(listing: Listing, account: AccountState, *, mask: bool) -> dict[str, object]:
    problem = message_text(listing.problem) if listing.problem is not None else None
    return {
        "source": listing.ref.source,
        "place": masking.shown_path(listing.path or listing.ref.place, mask=mask),
        "custody": listing.custody.value,
        "owner": listing.owner or None,
        "problem": None if problem is None else masking.shown_text(problem, account, mask=mask),
    }


def tell_kept(around: Surroundings, files: Sequence[KeptFile]) -> None:
    """Name each login that waits in the state directory, and the command that brings it home."""
    for each in files:
        say(kept_line(around, each), f"    {kept_command(around, each)}")


def kept_line(around: Surroundings, file: KeptFile) -> str:
    """`kept  ann@example.com (3f2a90b1): a new login waits in ~/….auth.json since 2026-11-20T21:00:00Z`."""
    mail = file.email if file.email and not around.settings.ui.mask else said("a_login")
    whose = f"{mail} ({file.key.id[:8]})" if file.key is not None else mail
    since = instant_text(file.since)
    return said("kept", whose=whose, path=around.told_path(file.path), since=since)


def kept_command(around: Surroundings, file: KeptFile) -> str:
    """The command that brings a login home."""
    return import_command(file.path, around.prefs())


def _lines(each: Judged, *, hidden: bool) -> list[str]:
    account = each.account
    mail = masking.shown_email(account, mask=hidden) or said("no_email")
    name = masking.shown_name(account, mask=hidden)
    rows = [f"{account.key.id}  {name}  {mail}  {said('custody', custody=account.custody.value)}"]
    for listing in account.listings:
        place = masking.shown_path(listing.path or listing.ref.place, mask=hidden)
        owner = said("listed_owner", owner=listing.owner) if listing.owner else ""
        problem = ""
        if listing.problem is not None:
            problem = f": {masking.shown_text(message_text(listing.problem), account, mask=hidden)}"
        rows.append(f"    {listing.ref.source}  {place}  {listing.custody.value}{owner}{problem}")
    trouble = account.login_trouble
    if trouble is not None:
        words = masking.shown_text(failure_text(trouble), account, mask=hidden)
        rows.append(f"    {trouble.kind.value}: {words}")
    return rows


class _Named(Struct, frozen=True):
    """The account that a command names, in the pool as it is now."""

    around: Surroundings
    account: AccountState
    state: PoolState
    own: OwnFolder

    @classmethod
    def by(cls, config: Path | None, text: str, *, mask: bool) -> _Named:
        around = surroundings(config, mask=mask)
        seen = run_async(lambda: look(around, _NEVER, lambda _: ()))
        complain_about(seen, around)
        account = find_account(seen.state, text, mask=around.settings.ui.mask)
        return cls(around, account, seen.state, OwnFolder.of(around))

    @property
    def name(self) -> str:
        return masking.shown_name(self.account, mask=self.own.mask)

    def paths(self, files: Iterable[Path]) -> str:
        return ", ".join(self.own.path(file) for file in files)

    def noted(self, act: Act, file: Path | None = None) -> AbstractContextManager[Doing]:
        """Note in the audit log what the block does."""
        # what is no file may be anything that somebody pasted
        shown = self.own.path(file) if file is not None and os.path.lexists(file) else None
        return audited(self.around.env, Deed(act, (self.account.key.id,), shown), mask=self.own.mask)

    def look_again(self) -> None:
        """Have the store know which files there are now: `status --line` reads nothing else."""
        run_async(lambda: look(self.around, _NEVER, lambda _: ()))


def remove_account(config: Path | None, text: str, *, mask: bool = False) -> int:
    """Move an imported login out of poolwatch's own folder; a copy is always kept."""
    named = _Named.by(config, text, mask=mask)
    with named.noted(Act.REMOVE) as doing:
        return ended(doing, _remove(named))


def _remove(named: _Named) -> int:
    own, folder, data = named.own, named.around.own_logins, named.around.data_dir
    files = [file_of(each.ref.place) for each in _files(named.account.listings)]
    inside = [
        file for file in files if folder is not None and file.parent == folder and os.path.lexists(file)
    ]
    others = [file for file in files if file not in inside]
    if not inside or data is None:
        places = named.paths(others) or ", ".join(named.account.sources)
        complain(said("not_own", name=named.name, places=places))
        return EXIT_FAILED
    fine = True
    for file in inside:
        with own.telling_who_is_waited_for(file):
            moved = move_away(own.state, file, data / REMOVED_NAME, own.now)
        if isinstance(moved, FileProblem):
            complain(said("not_removed", name=named.name, why=own.why(moved, file)))
            fine = False
        else:
            say(said("removed", name=named.name, path=own.path(moved)))
    named.look_again()
    if fine:
        complain(said("stays_valid"))
        if others:
            complain(said("still_listed", name=named.name, places=named.paths(others)))
    return EXIT_OK if fine else EXIT_FAILED


def resolve_account(config: Path | None, text: str, keep: Path, *, mask: bool = False) -> int:
    """End a conflict: of the files that hold one refresh token, only the named one stays in use."""
    named = _Named.by(config, text, mask=mask)
    wanted = whole_path(named.around, str(keep))
    with named.noted(Act.RESOLVE, wanted) as doing:
        return ended(doing, _resolve_to(named, wanted))


def _resolve_to(named: _Named, wanted: Path) -> int:
    groups = _conflicts(named)
    if not groups:
        complain(said("no_conflict", name=named.name))
        return EXIT_FAILED
    for group in groups:
        kept = next((each for each in group if _is_named(file_of(each.ref.place), wanted)), None)
        if kept is not None:
            return _resolve(named, kept, [each for each in group if each is not kept])
    holders = named.paths(file_of(each.ref.place) for group in groups for each in group)
    complain(said("no_holder", path=named.own.path(wanted), holders=holders))
    return EXIT_FAILED


def _files(listings: Iterable[Listing]) -> list[Listing]:
    return [each for each in listings if each.custody is not Custody.POOL and each.path is not None]


def _conflicts(named: _Named) -> list[list[Listing]]:
    """The files that hold the same refresh token, one of them poolwatch's, for each token of the account."""
    marks = {each.token.refresh_fingerprint for each in named.account.listings}
    everywhere = _files(each for account in named.state.accounts.values() for each in account.listings)
    groups = []
    for mark in sorted(mark for mark in marks if mark is not None):
        places = {each.ref.place: each for each in everywhere if each.token.refresh_fingerprint == mark}
        group = [each for each in places.values() if os.path.lexists(file_of(each.ref.place))]
        if len(group) > 1 and any(each.custody is Custody.POOLWATCH for each in group):
            groups.append(sorted(group, key=lambda each: each.ref.place))
    return groups


def _is_named(file: Path, wanted: Path) -> bool:
    return file == wanted or os.path.normpath(wanted) == str(file)


def _resolve(named: _Named, kept: Listing, others: list[Listing]) -> int:
    own, kept_file = named.own, file_of(kept.ref.place)
    behind = Path(os.path.realpath(kept_file))
    if any(file_of(each.ref.place) == behind for each in others):
        complain(said("keep_the_file", link=own.path(kept_file), file=own.path(behind)))
        return EXIT_FAILED
    # one that holds the next token by the time that a refresh has ended is no copy any more
    login = read_login(kept_file, unmarked)
    token = login.refresh if isinstance(login, Login) else None
    left = 0
    for each in others:
        file = file_of(each.ref.place)
        if each.custody is Custody.POOLWATCH:
            left += not own.set_aside(file, token)
        elif kept.custody is Custody.POOLWATCH:
            left += 1
            keeper = each.owner or said("another_program")
            complain(said("kept_by", file=own.path(file), keeper=keeper, command=own.by_hand(file)))
    named.look_again()
    if left:
        complain(said("stays_in_conflict", name=named.name))
        return EXIT_FAILED
    say(said("stays_in_use", name=named.name, file=own.path(kept_file)))
    return EXIT_OK
