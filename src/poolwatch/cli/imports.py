"""`accounts import`: logins of other programs' files, taken into poolwatch's own folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from poolwatch.bootstrap.auditing import audited
from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_USAGE, ask, complain, say
from poolwatch.bootstrap.places import keeper_of, whole_path
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import surroundings
from poolwatch.custody.own_folder import Imported, Refused, aside_name, ids_in, import_logins, set_aside
from poolwatch.custody.state_dir import StateDir, account_key
from poolwatch.custody.token_step import awaited
from poolwatch.custody.waiting import is_kept_file
from poolwatch.domain.account import Secret
from poolwatch.domain.audit import Act, Deed, Outcome
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.monitor.custodian import fingerprinter_of
from poolwatch.once.process import TOLD_AFTER_SECONDS
from poolwatch.words.commands import said
from poolwatch.words.messages import file_text, message_text
from poolwatch.words.refresh import still_waiting

#: Which holder of an imported login stays in use.
KEEPS = ("imported", "source")


class OwnFolder(Struct, frozen=True):
    """poolwatch's own folder of logins in one run, and how files are set aside and told of."""

    around: Surroundings
    now: datetime

    @classmethod
    def of(cls, around: Surroundings) -> OwnFolder:
        return cls(around, RealClock().now())

    @property
    def mask(self) -> bool:
        return self.around.settings.ui.mask

    @property
    def state(self) -> StateDir:
        return StateDir(self.around.state_dir)

    def path(self, path: Path) -> str:
        """A path for people."""
        return self.around.told_path(path)

    def why(self, problem: FileProblem, path: Path) -> str:
        """What is the matter with a file, for people; a sentence that begins with a path."""
        return self.around.told(file_text(problem), [path])

    def waits(self, file: Path) -> bool:
        """Whether it is a login that waits in the state directory: it has no other holder."""
        return is_kept_file(self.state, Path(os.path.realpath(file)))

    def by_hand(self, path: Path) -> str:
        """The command that sets a file aside, for a person to run."""
        new = aside_name(path, self.now)
        return f"mv -n {self.around.told_path(path, as_word=True)} {self.around.told_path(new, as_word=True)}"

    def set_aside(self, file: Path, token: Secret | None, *, for_the_sake_of: Path | None = None) -> bool:
        """Rename a file, and say so or why not; `for_the_sake_of` stays in use."""
        target = Path(os.path.realpath(file)) if file.is_symlink() else None
        with self.telling_who_is_waited_for(file):
            moved = set_aside(self.state, file, self.now, token)
        name = self.path(file)
        if isinstance(moved, FileProblem):
            complain(said("not_set_aside", file=name, why=self.why(moved, file)))
            return False
        if target is not None:
            say(said("set_aside_link", file=name, new=self.path(moved), target=self.path(target)))
        elif for_the_sake_of is not None:
            kept = self.path(for_the_sake_of)
            say(said("set_aside_for", file=name, new=self.path(moved), kept=kept))
        else:
            say(said("set_aside", file=name, new=self.path(moved)))
        return True

    @contextmanager
    def telling_who_is_waited_for(self, file: Path) -> Iterator[None]:
        """While the block runs: say once, after a few seconds, which process holds the login to be moved."""
        lock = self.state.lock(account_key(*ids_in(file), Path(os.path.realpath(file))))
        over = threading.Event()

        def tell() -> None:
            if not over.wait(TOLD_AFTER_SECONDS):
                complain(still_waiting(self.path(file), awaited(lock)))

        # nobody waits for it in the end
        threading.Thread(target=tell, daemon=True).start()
        try:
            yield
        finally:
            over.set()


def import_files(
    config: Path | None,
    paths: Sequence[Path],
    keep: str | None,
    *,
    asks: bool,
    can_ask: bool,
    mask: bool = False,
) -> int:
    """Import every login of the files, one line for each; 1 when one of them was not taken in.

    `keep`: which holder stays in use. `asks`: that is asked; `can_ask`: a person sits at a terminal.
    """
    around = surroundings(config, mask=mask)
    if around.own_logins is None:
        complain(said("no_own_folder"))
        return EXIT_CONFIG
    own = OwnFolder.of(around)
    files = [whole_path(around, str(path)) for path in paths]
    in_doubt = any(os.path.lexists(file) and not own.waits(file) for file in files)
    if in_doubt and asks and not can_ask and keep is None:
        complain(said("cannot_ask"))
        return EXIT_USAGE
    fine = [_import_noted(own, around.own_logins, file, keep, asks=asks and can_ask) for file in files]
    return EXIT_OK if all(fine) else EXIT_FAILED


def _import_noted(own: OwnFolder, folder: Path, source: Path, keep: str | None, *, asks: bool) -> bool:
    # what is no file may be anything that somebody pasted
    shown = own.path(source) if os.path.lexists(source) else None
    with audited(own.around.env, Deed(Act.IMPORT, path=shown), mask=own.mask) as doing:
        fine, taken = _import_one(own, folder, source, keep, asks=asks)
        ids = tuple(each.id for each in taken if each.id is not None)
        doing.deed = replace(doing.deed, accounts=ids)
        doing.ended(Outcome.DONE if fine else Outcome.FAILED, f"taken:{len(taken)}")
    return fine


def _import_one(
    own: OwnFolder, folder: Path, source: Path, keep: str | None, *, asks: bool
) -> tuple[bool, Sequence[Imported]]:
    """Whether all went well, and the logins that were taken in."""
    fingerprint, _ = fingerprinter_of(own.around.state_dir)
    with own.telling_who_is_waited_for(source):
        outcomes = import_logins(source, folder, own.state, fingerprint, own.now)
    if isinstance(outcomes, FileProblem):
        say(said("refused_file", why=own.why(outcomes, source)))
        return False, ()
    for outcome in outcomes:
        say(_line(own, source, outcome))
    taken = [outcome for outcome in outcomes if isinstance(outcome, Imported)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
    if taken and not os.path.lexists(source):
        # it waited in the state directory, and is home
        return not refused, taken
    settled = True
    if taken and keep is None:
        _warn_of_two(own, source, taken)
    for blocked in {message_text(each.blocked) for each in taken if each.blocked is not None}:
        complain(said("will_not_renew", why=own.around.told(blocked)))
    if taken and keep is None and asks:
        keep = _asked(own, source)
    if keep == "imported" and (taken or any(each.held_in for each in refused)):
        settled = _keep_imported(own, folder, source, taken, refused)
    elif keep == "source" and taken:
        settled = _keep_source(own, source, taken)
    elif taken:
        complain(_advice(own, source, taken))
    return settled and not refused, taken


def _line(own: OwnFolder, source: Path, outcome: Imported | Refused) -> str:
    name = outcome.label if not (own.mask and "@" in outcome.label) else said("a_login")
    if name.startswith("#"):
        # a number alone does not say of which file
        name = f"{own.path(source)} {name}"
    if isinstance(outcome, Refused):
        if outcome.held_in is not None:
            return said("refused_held", name=name, file=own.path(outcome.held_in))
        return said("refused", name=name, why=own.around.told(message_text(outcome.why)))
    known = f" as {outcome.id}" if outcome.id is not None else ""
    plan = f" ({outcome.plan})" if outcome.plan else ""
    return said("imported", name=f"{name}{plan}{known}", file=own.path(outcome.file))


def _warn_of_two(own: OwnFolder, source: Path, taken: Sequence[Imported]) -> None:
    code = "second_holder" if len(taken) == 1 else "second_holder_of_many"
    complain(said(code, file=own.path(source), count=len(taken)))


def _asked(own: OwnFolder, source: Path) -> str | None:
    lines = said("which_stays", file=own.path(source)).splitlines()
    word = ask(*lines, "> ").lower()
    return next((keep for keep in KEEPS if word and keep.startswith(word)), None)


def _keep_imported(
    own: OwnFolder, folder: Path, source: Path, taken: Sequence[Imported], refused: Sequence[Refused]
) -> bool:
    keeper = keeper_of(own.around, source)
    twins = (each.held_in for each in refused if each.held_in and _is_one_file(each.held_in, source))
    link = next(twins, None)
    blanks = {"file": own.path(source)}
    if any(each.held_in is None for each in refused):
        code = "not_all_kept"
    elif source.parent == folder:
        code = "own_already"
    elif keeper is not None:
        code = "kept_by"
        blanks |= {"keeper": own.around.told(keeper), "command": own.by_hand(source)}
    elif own.waits(source):
        code = "waits_for_its_place"
    elif link is not None:
        code = "one_file"
        blanks["link"] = own.path(link)
    else:
        tokens = [*(each.refresh for each in taken), *(each.refresh for each in refused)]
        if own.set_aside(source, tokens[0] if len(tokens) == 1 else None):
            return True
        code = ""
    if taken:
        _warn_of_two(own, source, taken)
    if code:
        complain(said(code, **blanks))
    return False


def _is_one_file(one: Path, other: Path) -> bool:
    return os.path.realpath(one) == os.path.realpath(other)


def _keep_source(own: OwnFolder, source: Path, taken: Sequence[Imported]) -> bool:
    settled = [own.set_aside(each.file, each.refresh, for_the_sake_of=source) for each in taken]
    return all(settled)


def _advice(own: OwnFolder, source: Path, taken: Sequence[Imported]) -> str:
    account = (taken[0].id if len(taken) == 1 else None) or "ACCOUNT"
    code = "one_may_stay" if keeper_of(own.around, source) is None else "one_may_stay_of_two_programs"
    remove = own.around.command(f"accounts remove {account}")
    return said(code, command=own.by_hand(source), remove=remove)
