"""`sources list|add|test`."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import dataclass
from pathlib import Path

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.places import Hindrance, NotAdded, counted, found_logins, pool_command, try_and_add
from poolwatch.bootstrap.sources import build_source
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.bootstrap.token_port import fingerprinter_of
from poolwatch.cli.entry import run_async, surroundings
from poolwatch.cli.exits import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say
from poolwatch.cli.pools import examine_pool
from poolwatch.config.problems import nearest
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.failure import Failure
from poolwatch.domain.remake import replace
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.net.client import HttpClient
from poolwatch.sources.source import Source

_CODES = {
    Hindrance.MONITORED: EXIT_USAGE,
    Hindrance.NOTHING_THERE: EXIT_FAILED,
    Hindrance.CONFIG: EXIT_CONFIG,
}


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
    return EXIT_OK


def _whole(place: str, around: Surroundings) -> str:
    return f"{around.home}{place[1:]}" if place[:2] == "~/" and around.home is not None else place


def _folder_of_files(place: str) -> str:
    """The folder of a glob, for a source may name either."""
    folder, _, name = place.rpartition("/")
    return folder if "*" in name else place


def add_source(wish: SourceWish) -> int:
    """Test the place, say what was found there, then write it."""
    around = surroundings(wish.config)
    source = _source_of(around, wish)
    if isinstance(source, str):
        complain(source)
        return EXIT_USAGE
    added = run_async(lambda: try_and_add(around, wish.config, source))
    if isinstance(added, NotAdded):
        config = added.why is Hindrance.CONFIG
        complain(added.words if config else f"{added.words}; nothing was written")
        return _CODES[added.why]
    say(f"{source.name}: {added.found}; written to {added.path}")
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
    listed = run_async(lambda: _ask(around, source))
    if isinstance(listed, str):
        complain(f"{name}: {listed}")
        return EXIT_FAILED
    say(f"{name}: {counted(listed)}; usage answers" if listed else f"{name}: no login is there")
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
    command = None if kind.is_pool else pool_command(wish.place)
    if command is not None:
        return f"{kind.value} takes a path; a running pool is added with: {command}"
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


async def _ask(around: Surroundings, settings: SourceSettings) -> tuple[Listing, ...] | str:
    """List a source and read the first of its logins that can be polled."""
    fingerprint, _ = await asyncio.to_thread(fingerprinter_of, around.state_dir)
    async with HttpClient() as client:
        source = build_source(around, settings, client, fingerprint)
        listed = await source.list_accounts(RealClock().now())
        return listed.message if isinstance(listed, Failure) else await _first_reading(source, listed)


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
