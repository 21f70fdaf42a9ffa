"""`config set`, `sources set|remove`: the configuration changed by a command, and what that means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from poolwatch.bootstrap.auditing import audited
from poolwatch.bootstrap.console import EXIT_CONFIG, EXIT_OK, EXIT_USAGE, Exit, complain, say
from poolwatch.bootstrap.places import target_config
from poolwatch.bootstrap.screen import appearance_problems
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import surroundings
from poolwatch.cli.sources import no_such_source, try_command
from poolwatch.config.changes import (
    Change,
    Draft,
    Refused,
    change_settings,
    change_source,
    read_settings,
    remove_source,
)
from poolwatch.config.layers import variable_of
from poolwatch.config.problems import ConfigProblem
from poolwatch.config.remember import FILE_NAME, load_remembered, ui_of
from poolwatch.config.settings import TABLE
from poolwatch.config.source_settings import SourceSettings
from poolwatch.config.toml_text import Value
from poolwatch.domain.account import Custody
from poolwatch.domain.audit import NOT_WRITTEN, Act, Deed, Outcome
from poolwatch.domain.text import path_word
from poolwatch.domain.values import replace
from poolwatch.words.commands import said


def set_settings(config: Path | None, words: Sequence[str], *, mask: bool = False) -> int:
    """Write settings into the file, which is made if there is none."""
    around = surroundings(config, mask=mask, may_be_new=True)
    path = target_config(around, config)
    if isinstance(path, ConfigProblem):
        complain(path.text)
        return EXIT_CONFIG
    typed = read_settings(words, around.env)
    if isinstance(typed, Refused):
        return tell_refused(around, typed)
    named = tuple(key for key in typed if key in TABLE)
    deed = Deed(Act.SET_CONFIG, path=around.told_path(path), what=named)
    change = made(around, deed, change_settings(path, typed, around.env, appearance_problems))
    tell(around, change)
    for key in change.values:
        if key in TABLE and around.env.get(variable_of(key)):
            complain(said("stronger", variable=variable_of(key)))
    chosen = ui_of(change.settings, load_remembered(around.state_dir / FILE_NAME))
    for key in change.values:
        table, _, name = key.partition(".")
        if table == "ui" and getattr(chosen, name) != getattr(change.settings.ui, name):
            complain(said("chosen_by_key", key=key, value=_text(getattr(chosen, name))))
    return EXIT_OK


def set_source(config: Path | None, name: str, words: Sequence[str], *, mask: bool = False) -> int:
    """Write keys of one source into the file."""
    around, source, path = _configured(config, name, mask=mask)
    deed = Deed(Act.SET_SOURCE, path=around.told_path(path), what=(around.told(source.name),))
    draft = change_source(path, source.name, words, around.env, appearance_problems)
    change = made(around, deed, draft)
    tell(around, change)
    if not change.is_nothing:
        renamed = change.values.get("name")
        complain(said("try_it", command=try_command(around, str(renamed or source.name))))
    return EXIT_OK


def take_source_out(config: Path | None, name: str, *, mask: bool = False) -> int:
    """Take one source out of the file; its logins stay where they are."""
    around, source, path = _configured(config, name, mask=mask)
    deed = Deed(Act.REMOVE_SOURCE, path=around.told_path(path), what=(around.told(source.name),))
    change = made(around, deed, remove_source(path, source.name, around.env))
    say(said("source_out", name=around.told(source.name), path=around.told_path(path)))
    place = around.told_path(source.path) if source.path is not None else around.told(source.url or "")
    if source.kind.is_pool:
        complain(said("pool_stays", place=place))
    elif around.is_own(source):
        complain(said("still_own", place=place))
    else:
        owned = source.custody is Custody.POOLWATCH
        complain(said("own_logins_stay" if owned else "logins_stay", place=place))
    if not change.settings.sources:
        complain(said("none_left"))
    return EXIT_OK


def _configured(config: Path | None, name: str, *, mask: bool) -> tuple[Surroundings, SourceSettings, Path]:
    """The source of the file that has this name; ends the command where there is none."""
    around = surroundings(config, mask=mask)
    path = around.settings.path
    for source in around.sources:
        if source.name != name:
            continue
        if source in around.settings.sources and path is not None:
            return around, source, path
        place = source.path or ""
        if around.is_own(source):
            command = around.command("accounts remove ACCOUNT")
            complain(said("is_own", name=name, path=around.told_path(place), command=command))
        else:
            command = around.command(f"sources add {source.kind.value} {path_word(place)}")
            complain(said("is_found", name=name, command=around.told(command, [place])))
        raise Exit(EXIT_USAGE)
    complain(no_such_source(around, name))
    raise Exit(EXIT_USAGE)


def made(around: Surroundings, deed: Deed, draft: Draft | Refused) -> Change:
    """What was written, which is noted; ends the command where nothing was.

    What is refused at once is not noted: nothing was tried.
    """
    if isinstance(draft, Refused):
        raise Exit(tell_refused(around, draft))
    with audited(around.env, deed, mask=around.settings.ui.mask) as doing:
        change = draft.written()
        if isinstance(change, Change):
            named = deed.what if deed.act is not Act.SET_CONFIG else ()
            doing.deed = replace(deed, what=(*named, *(around.told(key) for key in change.values)))
            doing.ended(Outcome.NOTHING if change.is_nothing else Outcome.DONE)
            return change
        doing.ended(Outcome.FAILED, NOT_WRITTEN)
    raise Exit(tell_refused(around, change))


def tell_refused(around: Surroundings, refused: Refused) -> int:
    """Say why nothing was written; the exit code."""
    lines = [around.told(line) for line in refused.lines]
    one = len(lines) == 1
    complain(*([said("wrong_and_unwritten", why=lines[0])] if one else [*lines, said("unwritten_so")]))
    return EXIT_USAGE if refused.is_typed else EXIT_CONFIG


def tell(around: Surroundings, change: Change, written: str = "written_to") -> None:
    """Say what was written, and where."""
    for key, value in change.values.items():
        if value is None:
            say(said("is_not_there" if change.is_nothing else "is_taken_out", key=key))
        else:
            paths = [value] if isinstance(value, str) and "/" in value else []
            say(said("is_set", key=key, value=around.told(_text(value), paths)))
    code = "nothing_to_change" if change.is_nothing else written
    say(said(code, path=around.told_path(change.path)))
    tell_wrong(around, change)


def tell_wrong(around: Surroundings, change: Change) -> None:
    """Say what was wrong with the file before, and still is."""
    for line in change.wrong:
        complain(said("still_wrong", why=around.told(line)))


def _text(value: Value) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(map(_text, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value)
