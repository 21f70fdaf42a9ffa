"""poolwatch's own folder of logins: what is in it, and how a login comes into it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.config.files import FileTrouble
from poolwatch.config.files import make_private_directory as make_missing_directories
from poolwatch.custody.auth_file import Login, read_login
from poolwatch.custody.files import (
    FileProblem,
    make_private_directory,
    read_bounded,
    replace_problem,
    shown,
    write_private,
)
from poolwatch.custody.fingerprint import unmarked
from poolwatch.custody.json_text import render
from poolwatch.custody.lock import held
from poolwatch.custody.shapes import Candidate, Unusable, logins_in
from poolwatch.domain.account import AccountKey

#: An export of a thousand accounts stays below it.
MAX_IMPORT_BYTES: Final = 32 * 1024 * 1024
_SUFFIX: Final = ".json"
_PATIENCE_SECONDS: Final = 30.0
_LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Imported:
    """A login that stands in the own folder now; `id` is its account's, None when an id is missing.

    `blocked` says why poolwatch will not renew it at this place, where something is in the way.
    """

    label: str
    file: Path
    id: str | None
    email: str | None
    plan: str | None
    blocked: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A login that was not taken in, and why: a clause. `held_in`: the own file that already holds it."""

    label: str
    words: str
    held_in: Path | None = None


def import_logins(source: Path, folder: Path, now: datetime) -> tuple[Imported | Refused, ...] | FileProblem:
    """Take every login of a file into the own folder; the file itself is only read. Blocks on disk.

    Nothing is overwritten, and an account that is already there is refused.
    """
    found = read_bounded(source, MAX_IMPORT_BYTES)
    if isinstance(found, FileProblem):
        return found
    candidates = logins_in(found.content, now)
    if isinstance(candidates, FileProblem):
        return candidates
    problem = _make_folder(folder)
    if problem is not None:
        return problem
    try:
        # two imports at once must not both find an account missing
        with held(folder / ".lock", _PATIENCE_SECONDS) as mine:
            if not mine:
                return FileProblem("not imported: another import is at work")
            known = own_logins(folder)
            return tuple(_take(candidate, folder, known) for candidate in candidates)
    except OSError as error:
        return FileProblem.of(error, folder)


def own_files(folder: Path) -> tuple[Path, ...]:
    """The login files of the own folder, in order; those with a leading dot are not finished."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are all that is needed
    except OSError:
        return ()
    return tuple(folder / name for name in names if name.endswith(_SUFFIX) and not name.startswith("."))


def own_logins(folder: Path) -> dict[Path, Login]:
    """The readable logins of the own folder."""
    found = {path: read_login(path, unmarked) for path in own_files(folder)}
    return {path: login for path, login in found.items() if isinstance(login, Login)}


def _make_folder(folder: Path) -> FileProblem | None:
    made = make_missing_directories(folder)
    if isinstance(made, FileTrouble):
        return FileProblem(f"{shown(folder)} {made.why}")
    return make_private_directory(folder)


def _take(candidate: Candidate | Unusable, folder: Path, known: dict[Path, Login]) -> Imported | Refused:
    """Write one login; `known` is what the folder holds, and grows."""
    if isinstance(candidate, Unusable):
        return Refused(candidate.label, candidate.words)
    login = candidate.login
    twin = next((path for path, other in known.items() if _is_same(login, other)), None)
    if twin is not None:
        return Refused(candidate.label, f"is already kept in {shown(twin)}", twin)
    public = AccountKey("codex", login.user_id or "", login.account_id or "")
    target = _free(folder, public.id if public.is_full else _safe(candidate.label))
    problem = write_private(target, render(candidate.document))
    if problem is not None:
        return Refused(candidate.label, problem.words)
    known[target] = login
    blocked = replace_problem(target)
    return Imported(
        label=candidate.label,
        file=target,
        id=public.id if public.is_full else None,
        email=login.email,
        plan=login.plan,
        blocked=blocked.words if blocked is not None else None,
    )


def _is_same(one: Login, other: Login) -> bool:
    if one.refresh is not None and one.refresh == other.refresh:
        return True
    ids = (one.user_id, one.account_id)
    return None not in ids and ids == (other.user_id, other.account_id)


def _free(folder: Path, name: str) -> Path:
    path, number = folder / f"{name}{_SUFFIX}", 2
    while os.path.lexists(path):
        path, number = folder / f"{name}-{number}{_SUFFIX}", number + 1
    return path


def _safe(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9@._-]+", "-", label)[:_LONGEST_NAME].strip(".-") or "login"
