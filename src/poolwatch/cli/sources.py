"""`sources list|add|test`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.lone import lone_source
from poolwatch.bootstrap.places import found_logins, target_config
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.entry import run_async, surroundings
from poolwatch.cli.exits import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say
from poolwatch.cli.pools import examine_pool
from poolwatch.config import edit
from poolwatch.config.problems import ConfigProblem, nearest
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.failure import Failure
from poolwatch.domain.remake import replace
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.sources.source import Source, by_hand


@dataclass(frozen=True, slots=True)
class PoolSecrets:
    """Where a pool's key and its dashboard's password stand: files first, variables second."""

    api_key_file: str | None = None
    api_key_env: str | None = None
    password_file: str | None = None
    password_env: str | None = None


@dataclass(frozen=True, slots=True)
class SourceWish:
    """What `sources add` was asked for."""

    config: Path | None
    kind: str
    place: str
    name: str | None
    custody: str | None
    #: pools only: where the key or the dashboard's password stands, never the secret itself
    secrets: PoolSecrets = PoolSecrets()


def list_sources(config: Path | None) -> int:
    """Print what is monitored, then what else lies around."""
    around = surroundings(config)
    rows = []
    for source in around.sources:
        origin = "found, not configured" if around.discovered else "configured"
        if around.is_own(source) and source not in around.settings.sources:
            origin = "imported logins, poolwatch's own folder"
        rows.append(f"{source.name}  {source.kind.value}  {source.path or source.url}  {origin}")
    say("\n".join(rows) if rows else "nothing is monitored")
    others = [row for row in found_logins(around, config) if row.can_add]
    known = {_whole(source.path, around) for source in around.sources if source.path is not None}
    for row in others:
        whole = _whole(shlex.split(row.command)[-1], around)
        if whole not in known and _folder_of_files(whole) not in known:
            say(f"found {row.place}: {row.words}; add it with: {row.command}")
    return EXIT_OK if rows else EXIT_CONFIG


def _whole(place: str, around: Surroundings) -> str:
    return f"{around.home}{place[1:]}" if place[:2] == "~/" and around.home is not None else place


def _folder_of_files(place: str) -> str:
    """The folder of a glob, for a source may name either."""
    folder, _, name = place.rpartition("/")
    return folder if "*" in name else place


def _is_twin(one: SourceSettings, other: SourceSettings, around: Surroundings) -> bool:
    """Whether two sources are the same place, however it is written."""
    if one.kind is not other.kind:
        return False
    if one.path is None or other.path is None:
        return one.url is not None and one.url.rstrip("/") == (other.url or "").rstrip("/")
    return Path(_whole(one.path, around)) == Path(_whole(other.path, around))


def add_source(wish: SourceWish) -> int:
    """Test the place, say what was found there, then write it."""
    around = surroundings(wish.config)
    source = _source_of(around, wish)
    if isinstance(source, str):
        complain(source)
        return EXIT_USAGE
    place = source.path or source.url or ""
    twin = next((each for each in around.settings.sources if _is_twin(each, source, around)), None)
    if twin is not None:
        complain(f"{place} is monitored already, as {twin.name}; nothing was written")
        return EXIT_USAGE
    listed = run_async(lambda: _ask(around, source))
    if isinstance(listed, str):
        said = listed if listed.startswith(place) else f"{place}: {listed}"
        complain(f"{said}; nothing was written")
        return EXIT_FAILED
    if not listed:
        complain(f"{place}: no login is there; nothing was written")
        return EXIT_FAILED
    path = target_config(around, wish.config)
    problem = path if isinstance(path, ConfigProblem) else edit.add_source(path, source)
    if problem is not None:
        complain(problem.text)
        return EXIT_CONFIG
    say(f"{source.name}: {_counted(listed)}; written to {path}")
    _say_pool(around, source)
    return EXIT_OK


def try_source(config: Path | None, name: str) -> int:
    """List one source and read the usage of its first login."""
    around = surroundings(config)
    source = next((each for each in around.sources if each.name == name), None)
    if source is None:
        near = nearest(name, [each.name for each in around.sources])
        complain(f"no source is called {name}" + (f"; did you mean {near}?" if near else ""))
        return EXIT_USAGE
    listed = run_async(lambda: _ask(around, source, read=True))
    if isinstance(listed, str):
        complain(f"{name}: {listed}")
        return EXIT_FAILED
    say(f"{name}: {_counted(listed)}; usage answers" if listed else f"{name}: no login is there")
    _say_pool(around, source)
    return EXIT_OK if listed else EXIT_FAILED


def _say_pool(around: Surroundings, source: SourceSettings) -> None:
    """Of a pool: what answers there, and what it cannot tell or do as it is configured."""
    if not source.kind.is_pool:
        return
    found = run_async(lambda: examine_pool(around, source))
    for line in (found.words, *found.lacks):
        say(f"  {line}")


def _source_of(around: Surroundings, wish: SourceWish) -> SourceSettings | str:
    kinds = {kind.value: kind for kind in SourceKind}
    kind = kinds.get(wish.kind)
    if kind is None:
        near = nearest(wish.kind, kinds)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(kinds)}"
        return f"{wish.kind} is no kind of source; {hint}"
    custody = kind.default_custody
    if wish.custody is not None:
        if kind is not SourceKind.AUTH_FILES or wish.custody not in ("other", "poolwatch"):
            return "--custody is other or poolwatch, for auth-files only"
        custody = Custody(wish.custody)
    if not kind.is_pool and wish.secrets != PoolSecrets():
        return "keys and passwords belong to pools"
    place = Path(wish.place).expanduser()
    shown = wish.place if wish.place.startswith("~") else str(place.absolute())
    taken = {source.name for source in around.settings.sources}
    name = wish.name or kind.value
    if wish.name in taken:
        return f"a source called {wish.name} is there already; nothing was written"
    number = 2
    while name in taken:
        name, number = f"{kind.value}-{number}", number + 1
    if not kind.is_pool:
        return replace(SourceSettings(kind, name, custody), path=shown)
    return SourceSettings(
        kind,
        name,
        custody,
        url=wish.place,
        api_key_file=wish.secrets.api_key_file,
        api_key_env=wish.secrets.api_key_env,
        dashboard_password_file=wish.secrets.password_file,
        dashboard_password_env=wish.secrets.password_env,
    )


async def _ask(
    around: Surroundings, settings: SourceSettings, *, read: bool = False
) -> tuple[Listing, ...] | str:
    at = RealClock().now()
    # what a pool refused before is tried, once a minute: somebody asks for just that
    with by_hand():
        return await _ask_by_hand(around, settings, at, read=read)


async def _ask_by_hand(
    around: Surroundings, settings: SourceSettings, at: datetime, *, read: bool
) -> tuple[Listing, ...] | str:
    async with lone_source(around, settings) as source:
        listed = await source.list_accounts(at)
        if isinstance(listed, Failure):
            return listed.message
        if read:
            return await _first_reading(source, listed)
        return listed


async def _first_reading(source: Source, listed: tuple[Listing, ...]) -> tuple[Listing, ...] | str:
    last = "no login there can be polled" if listed else ""
    for listing in listed:
        if not listing.polled:
            continue
        reading = await source.fetch_usage(listing, RealClock().now())
        if isinstance(reading.outcome, UsageSnapshot):
            return listed
        last = f"{listing.email or listing.ref.place}: {reading.outcome.message}"
    return last or listed


def _counted(listed: tuple[Listing, ...]) -> str:
    """`47 accounts, 2 need login`, `3 logins, 1 not readable`."""
    pools = any(listing.custody is Custody.POOL for listing in listed)
    noun = "account" if pools else "login"
    words = f"{len(listed)} {noun}{'s' * (len(listed) != 1)}"
    unreadable = sum(listing.problem is not None for listing in listed)
    dead = sum(listing.says_login_needed for listing in listed)
    words += f", {dead} need{'s' * (dead == 1)} login" if dead else ""
    return f"{words}, {unreadable} not readable" if unreadable else words
