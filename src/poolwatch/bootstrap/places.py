"""Places that logins lie in: which could be monitored, how they are added, and who keeps their files."""

from __future__ import annotations

import asyncio
import glob
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.surroundings import Surroundings, short_path
from poolwatch.config.edit import add_source, is_same_place, source_table
from poolwatch.config.load import free_name, source_problem
from poolwatch.config.paths import Found, FoundState, absolute, config_file, discover, read_codex_config
from poolwatch.config.problems import ConfigProblem
from poolwatch.config.source_settings import CreditSettings, SourceKind, SourceSettings
from poolwatch.config.values import at_home
from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.audit import Act, Deed
from poolwatch.domain.failure import Failure
from poolwatch.domain.state import PoolState
from poolwatch.domain.text import shell_word, visible
from poolwatch.domain.values import replace
from poolwatch.sources.login_reader import matches
from poolwatch.ui.feed import FoundLogins
from poolwatch.words import commands as words
from poolwatch.words.commands import NO_LOGIN
from poolwatch.words.messages import failure_text, message_text

_AUTH_FILE: Final = "auth.json"
_POOLS: Final = tuple(kind for kind in SourceKind if kind.is_pool)
#: Where the pools listen when nobody says otherwise.
_USUAL_PORTS: Final[dict[int | None, str]] = {
    8080: SourceKind.CODEX_PROXY.value,
    2455: SourceKind.CODEX_LB.value,
    8317: SourceKind.CLI_PROXY_API.value,
}


def target_config(around: Surroundings, config: Path | None) -> Path | ConfigProblem:
    """The file that an added source is written to."""
    return config or around.settings.path or config_file(around.env)


def found_logins(around: Surroundings, config: Path | None) -> tuple[FoundLogins, ...]:
    """Every place that was looked at, and the configuration file."""
    rows = (
        [found_row(around, found) for found in discover(around.env, around.home)]
        if around.home is not None
        else []
    )
    path = target_config(around, config)
    if isinstance(path, Path):
        count = len(around.settings.sources)
        there = words.config_there(count) if path.exists() else words.said("not_there")
        place = words.said("config_at", path=short_path(path, around.home))
        rows.append(FoundLogins(place, there, "", can_add=False))
    return tuple(rows)


def shown_place(around: Surroundings, source: SourceSettings) -> str:
    """Where a source looks, as people write it: a path with ~, or a pool's address."""
    if source.path is None:
        return source.url or source.name
    return short_path(Path(at_home(source.path, around.home)), around.home)


class Added(Struct, frozen=True):
    """A place that was tried and is in the configuration now; `found` says what is there."""

    source: SourceSettings
    found: str
    path: Path


def added_deed(around: Surroundings, added: Added) -> Deed:
    """What is noted of it: the source's name and kind, and the file that it stands in."""
    what = named_source(around, added.source)
    return Deed(Act.ADD_SOURCE, path=around.told_path(added.path), what=what)


def named_source(around: Surroundings, source: SourceSettings) -> tuple[str, ...]:
    """A source as it is noted: its name, and its kind where that is another word."""
    return tuple(dict.fromkeys((around.told(source.name), source.kind.value)))


class Hindrance(StrEnum):
    """Why a place was not added."""

    #: its address or path is none that the configuration takes
    REFUSED = "refused"
    MONITORED = "monitored"
    NOTHING_THERE = "nothing there"
    CONFIG = "config"


class NotAdded(Struct, frozen=True):
    """Nothing was written, and why."""

    why: Hindrance
    words: str


def not_to_add(around: Surroundings, source: SourceSettings) -> NotAdded | None:
    """Why a place is not even asked: it is none for the configuration, or is monitored already."""
    refused = source_problem(source_table(source), around.env)
    if refused is not None:
        return NotAdded(Hindrance.REFUSED, refused)
    place = source.path or source.url or ""
    twin = next((each for each in _configured(around) if is_same_place(each, source, around.home)), None)
    if twin is not None:
        return NotAdded(Hindrance.MONITORED, words.said("monitored_already", place=place, name=twin.name))
    return None


async def try_and_add(around: Surroundings, config: Path | None, source: SourceSettings) -> Added | NotAdded:
    """Ask a place for its logins, and write it into the configuration where there are some.

    `not_to_add` is asked before.
    """
    place = source.path or source.url or ""
    if isinstance(source, CreditSettings):
        return await _add_balance(around, config, source)
    listed = await logins_at(around, source)
    if isinstance(listed, str):
        said = listed if listed.startswith(place) else f"{place}: {listed}"
        return NotAdded(Hindrance.NOTHING_THERE, said)
    if all(listing.problem is not None for listing in listed):
        problems = ((each.path or each.ref.place, each.problem) for each in listed if each.problem)
        broken = next((f"{path} {message_text(why)}" for path, why in problems), None)
        none = f"{place}: {NO_LOGIN()}{await asyncio.to_thread(_homes_below, around, place)}"
        return NotAdded(Hindrance.NOTHING_THERE, broken or none)
    path = target_config(around, config)
    if isinstance(path, ConfigProblem):
        return NotAdded(Hindrance.CONFIG, path.text)
    problem = await asyncio.to_thread(add_source, path, source)
    if problem is not None:
        return NotAdded(Hindrance.CONFIG, problem.text)
    return Added(source, counted(listed), path)


async def _add_balance(around: Surroundings, config: Path | None, source: CreditSettings) -> Added | NotAdded:
    """Ask a service for its balance, and write it into the configuration where it tells one."""
    from poolwatch.bootstrap.balances import try_balance  # few have any
    from poolwatch.config.credit_settings import filled
    from poolwatch.presentation.balances import left_text

    whole = filled(source, source_table(source))
    found = await try_balance(around, whole)
    if isinstance(found, Failure):
        return NotAdded(Hindrance.NOTHING_THERE, f"{whole.url}: {failure_text(found)}")
    path = target_config(around, config)
    if isinstance(path, ConfigProblem):
        return NotAdded(Hindrance.CONFIG, path.text)
    problem = await asyncio.to_thread(add_source, path, source)
    if problem is not None:
        return NotAdded(Hindrance.CONFIG, problem.text)
    return Added(source, left_text(found), path)


def typed_place(around: Surroundings, place: str) -> SourceSettings | NotAdded:
    """The source at a place that was found, or a path that was typed; or why that is not even asked."""
    known = discover(around.env, around.home) if around.home is not None else ()
    offered = next((found.source for found in known if found.place == place and found.source), None)
    source = offered or source_for_path(around, place)
    if isinstance(source, str):
        return NotAdded(Hindrance.NOTHING_THERE, source)
    return not_to_add(around, source) or source


async def logins_at(around: Surroundings, source: SourceSettings) -> tuple[Listing, ...] | str:
    """What a source lists now, or why it cannot say."""
    # the first screen asks what lies around, and needs none of what asks
    from poolwatch.bootstrap.sources import lone_source
    from poolwatch.sources.source import by_hand

    # what a pool refused before is tried, once a minute: somebody asks for just that
    with by_hand():
        async with lone_source(around, source) as asked:
            listed = await asked.list_accounts(RealClock().now())
    return failure_text(listed) if isinstance(listed, Failure) else listed


def counted(listed: Sequence[Listing]) -> str:
    """`47 accounts, 2 need login`, `2 logins, 1 file not readable`; such a file is no login."""
    pools = any(listing.custody is Custody.POOL for listing in listed)
    unreadable = sum(listing.problem is not None for listing in listed)
    dead = sum(listing.says_login_needed for listing in listed)
    return words.counted_words(len(listed) - unreadable, dead, unreadable, are_accounts=pools)


def empty_places(around: Surroundings, state: PoolState) -> tuple[FoundLogins, ...]:
    """The monitored places that list nobody, and why."""
    rows = []
    for source in around.sources:
        seen = state.sources.get(source.name)
        if seen is not None and not seen.listings:
            said = NO_LOGIN() if seen.failure is None else failure_text(seen.failure)
            place = shown_place(around, source)
            rows.append(FoundLogins(place, said.removeprefix(f"{place}: "), "", can_add=False))
    return tuple(rows)


def pool_command(around: Surroundings, text: str) -> str | None:
    """Where an address was given for a path: the command that adds the pool there."""
    if "://" not in text:
        return None
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    kind = _USUAL_PORTS.get(port, "KIND")
    # without what may be a password
    address = f"{parts.scheme}://{host}{f':{port}' if port else ''}" if host else "URL"
    kinds = "" if port in _USUAL_PORTS else f" (KIND: {', '.join(each.value for each in _POOLS)})"
    return around.command(f"sources add {kind} {shell_word(address)}{kinds}")


def source_for_path(around: Surroundings, text: str) -> SourceSettings | str:
    """A typed path as a source: a folder with an auth.json is a Codex home, everything else auth files."""
    typed = text.strip()
    if not typed:
        return words.said("nothing_typed")
    command = pool_command(around, typed)
    if command is not None:
        return words.said("pool_from_shell", command=command)
    path = Path(at_home(typed, around.home))
    if not path.is_absolute():
        return words.said("whole_path", path=visible(typed))
    kind = SourceKind.AUTH_FILES
    folders = glob.glob(str(path)) if glob.has_magic(typed) else [str(path)]  # noqa: PTH207 - a text
    if any(_is_home(Path(folder)) for folder in folders):
        kind = SourceKind.CODEX_HOME
    elif not glob.has_magic(typed) and not path.exists():
        return words.said("nothing_there", path=visible(typed))
    taken = {source.name for source in _configured(around)}
    name = free_name(kind.value, taken)
    return replace(SourceSettings(kind, name, kind.default_custody), path=typed)


def _homes_below(around: Surroundings, place: str) -> str:
    """Where the folder of many homes was named and not the homes: how they are added; blocks on disk."""
    try:
        below = [each for each in Path(at_home(place, around.home)).iterdir() if _is_home(each)]
    except (OSError, ValueError):
        return ""
    homes = shell_word(f"{place.rstrip('/')}/*")
    command = around.command(f"sources add {SourceKind.CODEX_HOME.value} {homes}")
    return words.said("homes_inside", command=command) if below else ""


def _configured(around: Surroundings) -> tuple[SourceSettings, ...]:
    """What is in the configuration, and what was added to it since it was read."""
    added = () if around.discovered else around.sources
    return (*around.settings.sources, *added)


def _is_home(folder: Path) -> bool:
    """Whether a folder is a Codex home, where the login may also be in the keyring."""
    return (folder / "auth.json").exists() or read_codex_config(folder).keyring


def found_row(around: Surroundings, found: Found) -> FoundLogins:
    """A place that was looked at, in words, with the command that adds it."""
    there = found.state.text
    if found.state is FoundState.READABLE:
        there = words.readable_logins(found.readable)
    command = ""
    if found.source is not None and found.source.path is not None:
        command = around.command(f"sources add {found.source.kind.value} {shell_word(found.source.path)}")
    return FoundLogins(found.place, there, command, can_add=found.source is not None)


def keeper_of(around: Surroundings, file: Path) -> str | None:
    """The program whose folder a file stands in, in words, or None when no folder that is known holds it."""
    found = discover(around.env, around.home) if around.home is not None else ()
    known = (*around.sources, *(each.source for each in found if each.source is not None))
    for source in known:
        if source.kind.is_pool or source.custody is Custody.POOLWATCH:
            continue
        if any(_holds(place, file) for place in _places(around, source)):
            if source.kind is SourceKind.CODEX_HOME:
                return words.said("codex")
            return words.said("program_of", path=source.path or "")
    return None


def passed_over(around: Surroundings, source: SourceSettings, listings: Iterable[Listing]) -> list[Path]:
    """The files of a folder of login files in which there is no login, in order."""
    if source.kind is not SourceKind.AUTH_FILES:
        return []
    inside: list[Path] = []
    for place in _places(around, source):
        with suppress(OSError):
            inside += (
                (each for each in sorted(place.iterdir()) if each.name[0] != ".")
                if place.is_dir()
                else [place]
            )
    listed = {os.path.realpath(file_of(each.ref.place)) for each in listings}
    return [file for file in inside if file.suffix == ".json" and os.path.realpath(file) not in listed]


def file_of(place: str) -> Path:
    """The path behind the place of a login file's entry, whatever bytes its name has."""
    return Path(place) if place.startswith("/") else Path(os.fsdecode(bytes.fromhex(place)))


def whole_path(around: Surroundings, text: str) -> Path:
    """A path as a person types it, from the root on."""
    return absolute(at_home(text, around.home))


def _places(around: Surroundings, source: SourceSettings) -> list[Path]:
    """The files and folders of files that a source reads."""
    path = source.path or around.env.get("CODEX_HOME") or "~/.codex"
    places = [Path(place) for place in matches(str(whole_path(around, path)))[0]]
    if source.kind is SourceKind.CODEX_HOME:
        return [place if place.name == _AUTH_FILE else place / _AUTH_FILE for place in places]
    return places


def _holds(place: Path, file: Path) -> bool:
    """Whether the place is the file or its folder, by either name of a link."""
    real = Path(os.path.realpath(file))
    return bool({place, Path(os.path.realpath(place))} & {file, file.parent, real, real.parent})
