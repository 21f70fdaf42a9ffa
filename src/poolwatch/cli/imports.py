"""`accounts import`: logins of other programs' files, taken into poolwatch's own folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.places import keeper_of, whole_path
from poolwatch.bootstrap.printer import ask
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.entry import surroundings
from poolwatch.cli.exits import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say
from poolwatch.custody.own_folder import Imported, Refused, aside_name, ids_in, import_logins, set_aside
from poolwatch.custody.state_dir import StateDir, account_key
from poolwatch.custody.token_step import awaited
from poolwatch.custody.waiting import is_kept_file
from poolwatch.host.files import FileProblem
from poolwatch.monitor.custodian import fingerprinter_of
from poolwatch.once.process import TOLD_AFTER_SECONDS
from poolwatch.words.messages import file_text, message_text
from poolwatch.words.refresh import still_waiting

#: Which holder of an imported login stays in use.
KEEPS = ("imported", "source")


@dataclass(frozen=True, slots=True)
class ImportWish:
    """What `accounts import` was asked for. `asks`: what to keep; `can_ask`: a person sits at a terminal."""

    config: Path | None
    files: tuple[Path, ...]
    keep: str | None
    asks: bool
    can_ask: bool
    mask: bool = False


@dataclass(frozen=True, slots=True)
class _Desk:
    around: Surroundings
    folder: Path
    now: datetime

    @property
    def mask(self) -> bool:
        return self.around.settings.ui.mask

    @property
    def state(self) -> StateDir:
        return StateDir(self.around.state_dir)

    def path(self, path: Path) -> str:
        return self.around.told_path(path)

    def waits(self, file: Path) -> bool:
        """Whether it is a login that waits in the state directory: it has no other holder."""
        return is_kept_file(self.state, Path(os.path.realpath(file)))

    def by_hand(self, path: Path) -> str:
        return by_hand(self.around, path, self.now)


def import_files(wish: ImportWish) -> int:
    """Import every login of the files, one line for each; 1 when one of them was not taken in."""
    if wish.keep is not None and wish.keep not in KEEPS:
        complain("--keep is imported or source")
        return EXIT_USAGE
    around = surroundings(wish.config, mask=wish.mask)
    if around.own_logins is None:
        complain("there is no place for imported logins: set HOME or POOLWATCH_DATA_DIR")
        return EXIT_CONFIG
    desk = _Desk(around, around.own_logins, RealClock().now())
    files = [whole_path(around, str(file)) for file in wish.files]
    in_doubt = any(os.path.lexists(file) and not desk.waits(file) for file in files)
    if in_doubt and wish.asks and not wish.can_ask and wish.keep is None:
        complain(
            "import asks which holder stays in use; without a terminal say --yes, or --keep imported|source"
        )
        return EXIT_USAGE
    fine = [_import_one(desk, file, wish) for file in files]
    return EXIT_OK if all(fine) else EXIT_FAILED


def _import_one(desk: _Desk, source: Path, wish: ImportWish) -> bool:
    fingerprint, _ = fingerprinter_of(desk.around.state_dir)
    with telling_who_is_waited_for(desk.state, source, desk.path(source)):
        outcomes = import_logins(source, desk.folder, desk.state, fingerprint, desk.now)
    if isinstance(outcomes, FileProblem):
        why = desk.around.told(file_text(outcomes), [source])
        say(f"refused   {why}; nothing was imported")
        return False
    for outcome in outcomes:
        say(_line(desk, outcome))
    taken = [outcome for outcome in outcomes if isinstance(outcome, Imported)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    if taken and not os.path.lexists(source):
        # it waited in the state directory, and is home
        return not refused
    if taken:
        _warn(desk, source, taken)
    settled = True
    keep = wish.keep
    if taken and keep is None and wish.asks and wish.can_ask:
        keep = _asked(desk, source)
    if keep == "imported" and (taken or any(each.held_in for each in refused)):
        settled = _keep_imported(desk, source, taken, refused)
    elif keep == "source" and taken:
        settled = _keep_source(desk, source, taken)
    elif taken:
        complain(_advice(desk, source, taken))
    return settled and not refused


def _line(desk: _Desk, outcome: Imported | Refused) -> str:
    name = outcome.label if not (desk.mask and "@" in outcome.label) else "a login"
    if isinstance(outcome, Refused):
        words = desk.around.told(message_text(outcome.why))
        if outcome.held_in is not None:
            words = f"its account is already kept in {desk.path(outcome.held_in)}"
        return f"refused   {name}: {words}"
    known = f" as {outcome.id}" if outcome.id is not None else ""
    plan = f" ({outcome.plan})" if outcome.plan else ""
    return f"imported  {name}{plan}{known}: {desk.path(outcome.file)}"


def _warn(desk: _Desk, source: Path, taken: Sequence[Imported]) -> None:
    logins = "the same login" if len(taken) == 1 else f"the same {len(taken)} logins"
    complain(
        f"{desk.path(source)} is now a second holder of {logins}: whoever refreshes first ends the other"
    )
    for blocked in {message_text(each.blocked) for each in taken if each.blocked is not None}:
        complain(f"poolwatch will not renew what it keeps there: {desk.around.told(blocked)}")


def _asked(desk: _Desk, source: Path) -> str | None:
    word = ask(
        f"Which one stays in use?  i: the imported one, {desk.path(source)} is set aside",
        f"                         s: {desk.path(source)}, the imported one is set aside",
        "                         Enter: decide later",
        "> ",
    ).lower()
    return next((keep for keep in KEEPS if word and keep.startswith(word)), None)


def _keep_imported(desk: _Desk, source: Path, taken: Sequence[Imported], refused: Sequence[Refused]) -> bool:
    name = desk.path(source)
    if any(each.held_in is None for each in refused):
        complain(f"{name} was left where it is: not every login in it is kept by poolwatch")
        return False
    if source.parent == desk.folder:
        complain(f"{name} is poolwatch's own file already; nothing was set aside")
        return False
    keeper = keeper_of(desk.around, source)
    if keeper is not None:
        complain(
            f"{name} is kept by {desk.around.told(keeper)} and was left alone: poolwatch never renames "
            f"such a file. End its use there first, then: {desk.by_hand(source)}"
        )
        return False
    if is_kept_file(desk.state, Path(os.path.realpath(source))):
        complain(
            f"{name} waits for its place and was left there: poolwatch keeps another login of its account"
        )
        return False
    link = next(
        (each.held_in for each in refused if each.held_in and _is_one_file(each.held_in, source)), None
    )
    if link is not None:
        complain(f"{desk.path(link)} is a link to {name}: they are one file; nothing was set aside")
        return False
    tokens = [each.refresh for each in taken] + [each.refresh for each in refused]
    with telling_who_is_waited_for(desk.state, source, name):
        moved = set_aside(desk.state, source, desk.now, tokens[0] if len(tokens) == 1 else None)
    if isinstance(moved, FileProblem):
        complain(f"{name} was not set aside: {desk.around.told(file_text(moved), [source])}")
        return False
    say(f"set aside {name}: {desk.path(moved)}{_of_link(desk, moved)}")
    return True


def _is_one_file(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _keep_source(desk: _Desk, source: Path, taken: Sequence[Imported]) -> bool:
    fine = True
    for each in taken:
        with telling_who_is_waited_for(desk.state, each.file, desk.path(each.file)):
            moved = set_aside(desk.state, each.file, desk.now, each.refresh)
        if isinstance(moved, FileProblem):
            complain(desk.around.told(file_text(moved)))
            fine = False
        else:
            say(f"set aside {desk.path(each.file)}: {desk.path(moved)}; {desk.path(source)} stays in use")
    return fine


def _advice(desk: _Desk, source: Path, taken: Sequence[Imported]) -> str:
    first = (
        "" if keeper_of(desk.around, source) is None else "end its use in the program that keeps it, then "
    )
    account = (taken[0].id if len(taken) == 1 else None) or "ACCOUNT"
    return (
        f"only one of the two may stay in use. To keep poolwatch's: {first}{desk.by_hand(source)}; "
        f"to keep the other: {desk.around.command(f'accounts remove {account}')}"
    )


@contextmanager
def telling_who_is_waited_for(state: StateDir, file: Path, name: str) -> Iterator[None]:
    """While the block runs: say once, after a few seconds, which process holds the login to be moved."""
    lock = state.lock(account_key(*ids_in(file), Path(os.path.realpath(file))))
    over = threading.Event()

    def tell() -> None:
        if not over.wait(TOLD_AFTER_SECONDS):
            complain(still_waiting(name, awaited(lock)))

    # nobody waits for it in the end
    threading.Thread(target=tell, daemon=True).start()
    try:
        yield
    finally:
        over.set()


def by_hand(around: Surroundings, path: Path, now: datetime) -> str:
    """The command that sets a file aside, for a person to run."""
    new = aside_name(path, now)
    return f"mv -n {around.told_path(path, as_word=True)} {around.told_path(new, as_word=True)}"


def _of_link(desk: _Desk, moved: Path) -> str:
    return f" (a link; {desk.path(moved.resolve())} still holds the login)" if moved.is_symlink() else ""
