"""`config edit`: a copy of the configuration in the person's own editor, taken over when nothing is wrong."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.auditing import audited
from poolwatch.bootstrap.console import (
    EXIT_CONFIG,
    EXIT_FAILED,
    EXIT_OK,
    Exit,
    ask,
    complain,
    complain_of,
    say,
)
from poolwatch.bootstrap.screen import appearance_problems
from poolwatch.config.changes import problems_in
from poolwatch.config.edit import ConfigFile
from poolwatch.config.layers import MAX_BYTES, decode
from poolwatch.config.paths import config_file
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.table import render_default
from poolwatch.domain.audit import NOT_WRITTEN, Act, Deed, Outcome
from poolwatch.host.files import FileProblem, read_bounded, write_whole
from poolwatch.presentation.masking import masked, shown_path
from poolwatch.words.commands import said
from poolwatch.words.messages import file_text

#: Where nobody says which: what every system has.
_USUAL_EDITOR: Final = "vi"


def edit_config(given: Path | None, *, mask: bool = False) -> int:
    """Edit the file, or the commented default where there is none; a text that is wrong is not taken over."""
    env = dict(os.environ)
    path = given if given is not None else config_file(env)
    file = path if isinstance(path, ConfigProblem) else ConfigFile.read(path)
    if isinstance(file, ConfigProblem):
        complain_of(ConfigProblems((file,)), mask=mask)
        return EXIT_CONFIG
    shown = shown_path(str(file.path), mask=mask)
    before = render_default().encode() if file.before is None else file.before
    # in a folder of its own the copy has the name by which editors know what it is
    folder = Path(tempfile.mkdtemp(prefix="poolwatch-edit-"))
    copy = folder / file.path.name
    is_done = False
    try:
        _write(copy, before)
        while True:
            content = _edited(copy, env)
            if content == before:
                is_done = True
                complain(said("unchanged", path=shown))
                return EXIT_OK
            if before.strip() and not content.strip():
                # an editor that could not write leaves as much
                is_done = True
                complain(said("edit_emptied", path=shown))
                return EXIT_FAILED
            wrong = _wrong(content, file.path, env)
            problem = None if wrong else _saved(file, content, Deed(Act.EDIT_CONFIG, path=shown), mask=mask)
            if not wrong and problem is None:
                is_done = True
                say(said("wrote", path=shown))
                return EXIT_OK
            told = wrong or (problem.text if problem is not None else "",)
            complain(*(masked(line, [str(file.path)]) if mask else line for line in told))
            if problem is not None or not _wants_again():
                return EXIT_CONFIG
    finally:
        if is_done or _content(copy) == before:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            complain(said("edit_kept", path=shown, copy=copy))


def _saved(file: ConfigFile, content: bytes, deed: Deed, *, mask: bool) -> ConfigProblem | None:
    with audited(os.environ, deed, mask=mask) as doing:
        problem = file.save_bytes(content)
        if problem is None:
            doing.ended(Outcome.DONE)
        else:
            doing.ended(Outcome.FAILED, NOT_WRITTEN)
    return problem


def _edited(copy: Path, env: Mapping[str, str]) -> bytes:
    """What the copy holds when the editor has ended; ends the command where it did not do its work."""
    command = _editor(env)
    try:
        with _interrupts_are_the_editors():
            code = subprocess.run([*command, str(copy)], check=False).returncode
    except OSError as error:
        complain(said("no_editor", editor=command[0], reason=error.strerror))
        raise Exit(EXIT_FAILED) from None
    if code != 0:
        complain(said("edit_failed", editor=command[0], number=code))
        raise Exit(EXIT_FAILED)
    content = _content(copy)
    if isinstance(content, FileProblem):
        complain(file_text(content))
        raise Exit(EXIT_FAILED)
    return content


def _editor(env: Mapping[str, str]) -> Sequence[str]:
    """The words of the editor's command, as `VISUAL="code --wait"` gives them."""
    given = env.get("VISUAL") or env.get("EDITOR") or _USUAL_EDITOR
    try:
        return shlex.split(given) or [_USUAL_EDITOR]
    except ValueError:
        return [given]


@contextmanager
def _interrupts_are_the_editors() -> Iterator[None]:
    """Ctrl+c goes to both; a handler of ours, unlike ignoring it, is not handed down."""
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _wrong(content: bytes, path: Path, env: Mapping[str, str]) -> tuple[str, ...]:
    text = decode(content, path)
    if isinstance(text, ConfigProblem):
        return (text.text,)
    return problems_in(text, path, env, appearance_problems)


def _content(copy: Path) -> bytes | FileProblem:
    found = read_bounded(copy, MAX_BYTES)
    return found if isinstance(found, FileProblem) else found.content


def _write(copy: Path, content: bytes) -> None:
    problem = write_whole(copy, content)
    if problem is not None:
        complain(file_text(problem))
        raise Exit(EXIT_FAILED)


def _wants_again() -> bool:
    """Whether a person is there who wants to go on with the text."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    try:
        return ask(said("edit_again")).lower() in ("e", "edit")
    except KeyboardInterrupt:
        return False
