"""`sources list|add|test`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, overload

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.places import Hindrance, NotAdded, counted, found_row, pool_command, try_and_add
from poolwatch.bootstrap.sources import lone_source
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.entry import run_async, surroundings
from poolwatch.cli.exits import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say
from poolwatch.cli.pools import examine_pool
from poolwatch.config.load import free_name
from poolwatch.config.paths import absolute, discover
from poolwatch.config.settings import SourceKind, SourceSettings
from poolwatch.config.values import at_home, nearest
from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.failure import Failure
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.sources.source import Source, by_hand
from poolwatch.words.messages import failure_text

#: So many accounts of a source are asked at most when it is tried.
_HANDFUL: Final = 5

_CODES = {
    Hindrance.REFUSED: EXIT_USAGE,
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
    #: pools only: the key may go over plain http to another machine
    insecure: bool = False
    mask: bool = False


def list_sources(config: Path | None, *, mask: bool = False) -> int:
    """Print what is monitored, then what else lies around."""
    around = surroundings(config, mask=mask)
    for source in around.sources:
        origin = "found, not configured" if around.discovered else "configured"
        if around.is_own(source) and source not in around.settings.sources:
            origin = "imported logins, poolwatch's own folder"
        say(f"{around.told(source.name)}  {source.kind.value}  {_place(around, source)}  {origin}")
    if not around.sources:
        say(f"nothing is monitored; a place is added with: {around.command('sources add KIND URL|PATH')}")
    known = {at_home(source.path, around.home) for source in around.sources if source.path is not None}
    for found in discover(around.env, around.home) if around.home is not None else ():
        if found.source is None or found.source.path is None:
            if not around.sources:
                row = found_row(around, found)
                say(f"looked for {around.told(row.place)}: {row.words}")
            continue
        whole = at_home(found.source.path, around.home)
        if whole not in known and _folder_of_files(whole) not in known:
            row = found_row(around, found)
            command = around.told(row.command, [found.source.path])
            say(f"found {around.told(row.place)}: {row.words}; add it with: {command}")
    return EXIT_OK


def _place(around: Surroundings, source: SourceSettings) -> str:
    """Where a source is, for people."""
    return around.told_path(source.path) if source.path is not None else source.url or ""


def _folder_of_files(place: str) -> str:
    """The folder of a glob, for a source may name either."""
    folder, _, name = place.rpartition("/")
    return folder if "*" in name else place


def add_source(wish: SourceWish) -> int:
    """Test the place, say what was found there, then write it."""
    around = surroundings(wish.config, mask=wish.mask, may_be_new=True)
    source = _source_of(around, wish)
    if isinstance(source, str):
        complain(around.told(source))
        return EXIT_USAGE
    added = run_async(lambda: try_and_add(around, wish.config, source))
    if isinstance(added, NotAdded):
        complain(_why_not(around, source, added))
        return _CODES[added.why]
    found = around.told(added.found)
    say(f"{around.told(source.name)}: {found}; written to {around.told_path(added.path)}")
    _say_pool(around, source)
    return EXIT_OK


def _why_not(around: Surroundings, source: SourceSettings, added: NotAdded) -> str:
    words = around.told(added.words, [source.path or ""])
    if added.why is Hindrance.CONFIG:
        return words
    if added.why is Hindrance.REFUSED:
        hint = " (--insecure writes it)" if "insecure = true" in added.words else ""
        return f"{words}{hint}; nothing was sent or written"
    hint = " (--api-key-file or --api-key-env writes it)" if "api_key_file or" in added.words else ""
    return f"{words}{hint}; nothing was written"


def try_source(config: Path | None, name: str, *, mask: bool = False) -> int:
    """List one source and read the usage of its first login that can be read."""
    around = surroundings(config, mask=mask)
    source = next((each for each in around.sources if each.name == name), None)
    if source is None:
        near = nearest(name, [each.name for each in around.sources])
        meant = f"; did you mean {around.told(near)}?" if near else ""
        complain(f"no source is called {name}{meant}")
        return EXIT_USAGE
    listed = run_async(lambda: _ask(around, source))
    shown = around.told(name)
    if isinstance(listed, str):
        complain(f"{shown}: {around.told(listed, [source.path or ''])}")
        return EXIT_FAILED
    say(f"{shown}: {counted(listed)}; usage answers" if listed else f"{shown}: no login is there")
    _say_pool(around, source)
    return EXIT_OK if listed else EXIT_FAILED


def _say_pool(around: Surroundings, source: SourceSettings) -> None:
    """Of a pool: what answers there, and what it cannot tell or do as it is configured."""
    if not source.kind.is_pool:
        return
    found = run_async(lambda: examine_pool(around, source))
    for line in (found.words, *found.lacks):
        say(f"  {around.told(line)}")


def _source_of(around: Surroundings, wish: SourceWish) -> SourceSettings | str:
    kinds = {kind.value: kind for kind in SourceKind}
    kind = kinds.get(wish.kind)
    if kind is None:
        if "://" in wish.kind:
            return f"the kind comes first, then the address; there are {', '.join(kinds)}"
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
    command = None if kind.is_pool else pool_command(around, wish.place)
    if command is not None:
        return f"{kind.value} takes a path; a running pool is added with: {command}"
    if not kind.is_pool and wish.insecure:
        return "--insecure is for pools only"
    taken = {source.name for source in around.settings.sources}
    if wish.name in taken:
        return f"a source called {wish.name} is there already; nothing was written"
    name = wish.name or free_name(kind.value, taken)
    if not kind.is_pool:
        return replace(SourceSettings(kind, name, custody), path=_written(wish.place))
    return SourceSettings(
        kind,
        name,
        custody,
        url=wish.place,
        insecure=wish.insecure,
        api_key_file=_written(wish.secrets.api_key_file),
        api_key_env=wish.secrets.api_key_env,
        dashboard_password_file=_written(wish.secrets.password_file),
        dashboard_password_env=wish.secrets.password_env,
    )


@overload
def _written(path: str) -> str: ...
@overload
def _written(path: str | None) -> str | None: ...
def _written(path: str | None) -> str | None:
    """A path as it is written into a file that may stand in another folder."""
    return path if path is None or path.startswith("~") else str(absolute(path))


async def _ask(around: Surroundings, settings: SourceSettings) -> tuple[Listing, ...] | str:
    """List a source and read the first of its logins that can be polled."""
    # what a pool refused before is tried, once a minute: somebody asks for just that
    with by_hand():
        async with lone_source(around, settings) as source:
            listed = await source.list_accounts(RealClock().now())
            return (
                failure_text(listed) if isinstance(listed, Failure) else await _first_reading(source, listed)
            )


async def _first_reading(source: Source, listed: tuple[Listing, ...]) -> tuple[Listing, ...] | str:
    """The list, once one of a handful is read: a whole pool that fails is not asked account by account."""
    last = "no login there can be polled" if listed else ""
    polled = [listing for listing in listed if listing.polled]
    for number, listing in enumerate(polled[:_HANDFUL], start=1):
        reading = await source.fetch_usage(listing, RealClock().now())
        if isinstance(reading.outcome, UsageSnapshot):
            return listed
        last = f"{listing.email or listing.path or listing.ref.place}: {failure_text(reading.outcome)}"
        if number < len(polled):
            last += f" ({number} of {len(polled)} asked)"
    return last or listed
