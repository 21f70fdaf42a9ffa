"""`sources list|add|test`, and what a look at a running pool finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final, overload

from msgspec import Struct

from poolwatch.bootstrap.auditing import audited
from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import EXIT_CONFIG, EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say, say_text
from poolwatch.bootstrap.places import (
    Hindrance,
    NotAdded,
    added_deed,
    counted,
    found_row,
    named_source,
    not_to_add,
    pool_command,
    try_and_add,
)
from poolwatch.bootstrap.sources import lone_source
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import ADD_SOURCE, run_async, surroundings
from poolwatch.config.credit_settings import PRESETS
from poolwatch.config.load import free_name
from poolwatch.config.paths import Found, absolute, discover
from poolwatch.config.source_settings import CreditSettings, SourceKind, SourceSettings
from poolwatch.config.values import at_home, nearest
from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.audit import Act, Deed, Outcome
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.text import argument_word
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.sources.source import PoolReport, PoolSource, Source, by_hand
from poolwatch.words.commands import counted_words, said
from poolwatch.words.messages import failure_text, message_text

#: So many accounts of a source are asked at most when it is tried.
_HANDFUL: Final = 5

_CODES = {
    Hindrance.REFUSED: EXIT_USAGE,
    Hindrance.MONITORED: EXIT_USAGE,
    Hindrance.NOTHING_THERE: EXIT_FAILED,
    Hindrance.CONFIG: EXIT_CONFIG,
}


#: What to do about a pool that gives no answer of its own; the failure itself says what is wrong.
_REMEDIES: Final = {
    FailureKind.UNREACHABLE: "start_pool",
    FailureKind.NOT_THE_SERVICE: "mend_url",
    FailureKind.MALFORMED: "mend_url_or_update",
    FailureKind.UPSTREAM_ERROR: "look_into_log",
    FailureKind.THROTTLED: "wait_for_pool",
}


class SourceRequest(Struct, frozen=True):
    """What `sources add` was asked for; of a pool's secrets only where they stand."""

    kind: str
    place: str
    name: str | None = None
    custody: str | None = None
    api_key_file: str | None = None
    api_key_env: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    insecure: bool = False

    @property
    def has_secret(self) -> bool:
        return any((self.api_key_file, self.api_key_env, self.password_file, self.password_env))


class PoolFinding(Struct, frozen=True):
    """How one pool is, in words; `wrong` where it cannot be used. `lacks`: what it cannot tell or do."""

    name: str
    words: str
    remedy: str = ""
    wrong: bool = False
    lacks: tuple[str, ...] = ()


def list_sources(config: Path | None, *, as_json: bool = False, mask: bool = False) -> int:
    """Print what is monitored, then what else lies around."""
    around = surroundings(config, mask=mask)
    if as_json:
        say_text(_document(around))
        return EXIT_OK
    names = [around.told(source.name) for source in around.sources]
    name_width = max(map(len, names), default=0)
    kind_width = max((len(source.kind.value) for source in around.sources), default=0)
    places = [_place(around, source) for source in around.sources]
    place_width = max(map(len, places), default=0)
    for name, place, source in zip(names, places, around.sources, strict=True):
        origin = said(f"{_origin(around, source)}_source")
        say(f"{name:<{name_width}}  {source.kind.value:<{kind_width}}  {place:<{place_width}}  {origin}")
    if not around.sources:
        say(said("nothing_monitored", command=around.command(ADD_SOURCE)))
    for found in discover(around.env, around.home) if around.home is not None else ():
        if found.source is None or found.source.path is None:
            if not around.sources:
                row = found_row(around, found)
                say(said("looked_for", place=around.told(row.place), found=row.words))
            continue
        if not _is_monitored(around, found.source.path):
            row = found_row(around, found)
            command = around.told(row.command, [found.source.path])
            say(said("found", place=around.told(row.place), found=row.words, command=command))
    return EXIT_OK


def _origin(around: Surroundings, source: SourceSettings) -> str:
    """Why a source is monitored."""
    if source in around.settings.sources:
        return "configured"
    return "own" if around.is_own(source) else "found"


def _is_monitored(around: Surroundings, path: str) -> bool:
    known = {at_home(source.path, around.home) for source in around.sources if source.path is not None}
    whole = at_home(path, around.home)
    return whole in known or _folder_of_files(whole) in known


def _document(around: Surroundings) -> str:
    found = discover(around.env, around.home) if around.home is not None else ()
    document = {
        "schema": "poolwatch.sources/1",
        "sources": [
            {
                "name": around.told(each.name),
                "kind": each.kind.value,
                "custody": each.custody.value,
                "path": None if each.path is None else around.told_path(each.path),
                "url": each.url,
                "origin": _origin(around, each),
            }
            for each in around.sources
        ],
        "found": [
            {
                "place": around.told(each.place),
                "state": each.state.value,
                "logins": each.count,
                "readable": each.readable,
                "kind": None if each.source is None else each.source.kind.value,
                "path": None if (path := _path(each)) is None else around.told_path(path),
                "monitored": path is not None and _is_monitored(around, path),
            }
            for each in found
        ],
    }
    return json.dumps(document, indent=2)


def _path(found: Found) -> str | None:
    return found.source.path if found.source is not None else None


def _place(around: Surroundings, source: SourceSettings) -> str:
    """Where a source is, for people."""
    return around.told_path(source.path) if source.path is not None else source.url or ""


def _folder_of_files(place: str) -> str:
    """The folder of a glob, for a source may name either."""
    folder, _, name = place.rpartition("/")
    return folder if "*" in name else place


def add_source(config: Path | None, request: SourceRequest, *, mask: bool = False) -> int:
    """Test the place, say what was found there, then write it."""
    around = surroundings(config, mask=mask, may_be_new=True)
    source = _source_of(around, request)
    if isinstance(source, str):
        complain(around.told(source))
        return EXIT_USAGE
    refused = not_to_add(around, source)
    if refused is not None:
        complain(_why_not(around, source, refused))
        return _CODES[refused.why]
    deed = Deed(Act.ADD_SOURCE, what=named_source(around, source))
    with audited(around.env, deed, mask=around.settings.ui.mask) as doing:
        added = run_async(lambda: try_and_add(around, config, source))
        if isinstance(added, NotAdded):
            doing.ended(Outcome.FAILED, added.why.name.lower())
            complain(_why_not(around, source, added))
            return _CODES[added.why]
        doing.deed = added_deed(around, added)
        doing.ended(Outcome.DONE)
    told = {"name": around.told(source.name), "found": around.told(added.found)}
    say(said("written", path=around.told_path(added.path), **told))
    _say_pool(around, source)
    return EXIT_OK


def _why_not(around: Surroundings, source: SourceSettings, added: NotAdded) -> str:
    words = around.told(added.words, [source.path or ""])
    if added.why is Hindrance.CONFIG:
        return words
    if added.why is Hindrance.REFUSED:
        hint = f" {said('insecure_writes_it')}" if "insecure = true" in added.words else ""
        return said("not_sent", why=f"{words}{hint}")
    hint = f" {said('key_options_write_it')}" if "api_key_file or" in added.words else ""
    return said("not_written", why=f"{words}{hint}")


def try_source(config: Path | None, name: str, *, mask: bool = False) -> int:
    """List one source and read the usage of its first login that can be read."""
    around = surroundings(config, mask=mask)
    source = next((each for each in around.sources if each.name == name), None)
    if source is None:
        complain(no_such_source(around, name))
        return EXIT_USAGE
    if isinstance(source, CreditSettings):
        from poolwatch.cli.credits import try_credits  # few have any

        return try_credits(around, source)
    listed = run_async(lambda: _ask(around, source))
    shown = around.told(name)
    if isinstance(listed, str):
        complain(f"{shown}: {around.told(listed, [source.path or ''])}")
        return EXIT_FAILED
    say(said("usage_answers" if listed else "no_login_there", name=shown, found=counted(listed)))
    _say_pool(around, source)
    return EXIT_OK if listed else EXIT_FAILED


def no_such_source(around: Surroundings, name: str) -> str:
    """A name that no source has, and the one that may have been meant."""
    near = nearest(name, [each.name for each in around.sources])
    return said("no_source_but" if near else "no_source", name=name, near=around.told(near or ""))


def _say_pool(around: Surroundings, source: SourceSettings) -> None:
    """Of a pool: what answers there, and what it cannot tell or do as it is configured."""
    if not source.kind.is_pool:
        return
    found = run_async(lambda: examine_pool(around, source))
    for line in (found.words, *found.lacks):
        say(f"  {around.told(line)}")


def _source_of(around: Surroundings, request: SourceRequest) -> SourceSettings | str:
    kinds = {kind.value: kind for kind in SourceKind if kind is not SourceKind.CREDITS_HTTP}
    if request.kind in PRESETS:
        return _balance_of(around, request)
    kind = kinds.get(request.kind)
    if request.kind == SourceKind.CREDITS_HTTP:
        return said("no_preset", kinds=", ".join(PRESETS))
    if kind is None:
        names = (*kinds, *PRESETS)
        near = nearest(request.kind, names)
        code = "kind_first" if "://" in request.kind else "no_kind_but" if near else "no_kind"
        return said(code, kind=request.kind, near=near, kinds=", ".join(names))
    if not request.place:
        return said("place_missing", kind=kind.value)
    custody = kind.default_custody
    if request.custody is not None:
        if kind is not SourceKind.AUTH_FILES:
            return said("bad_custody")
        custody = Custody(request.custody)
    if not kind.is_pool and request.has_secret:
        return said("secrets_of_pools")
    command = None if kind.is_pool else pool_command(around, request.place)
    if command is not None:
        return said("takes_a_path", kind=kind.value, command=command)
    if not kind.is_pool and request.insecure:
        return said("insecure_of_pools")
    taken = {source.name for source in around.settings.sources}
    if request.name in taken:
        return said("source_there", name=request.name)
    name = request.name or free_name(kind.value, taken)
    if not kind.is_pool:
        return replace(SourceSettings(kind, name, custody), path=_written(request.place))
    return SourceSettings(
        kind,
        name,
        custody,
        url=request.place,
        insecure=request.insecure,
        api_key_file=_written(request.api_key_file),
        api_key_env=request.api_key_env,
        dashboard_password_file=_written(request.password_file),
        dashboard_password_env=request.password_env,
    )


def _balance_of(around: Surroundings, request: SourceRequest) -> SourceSettings | str:
    """A service that there is a preset for; what is not said stays with the preset."""
    if request.custody is not None:
        return said("bad_custody")
    if request.password_file is not None or request.password_env is not None:
        return said("no_password_here", kind=request.kind)
    if not request.place and "url" not in PRESETS[request.kind].keys:
        return said("url_missing", kind=request.kind)
    taken = {source.name for source in around.settings.sources}
    if request.name in taken:
        return said("source_there", name=request.name)
    return CreditSettings(
        SourceKind.CREDITS_HTTP,
        request.name or free_name(request.kind, taken),
        SourceKind.CREDITS_HTTP.default_custody,
        url=request.place or None,
        insecure=request.insecure,
        api_key_file=_written(request.api_key_file),
        api_key_env=request.api_key_env,
        preset=request.kind,
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
    last = said("none_polled") if listed else ""
    polled = [listing for listing in listed if listing.polled]
    for number, listing in enumerate(polled[:_HANDFUL], start=1):
        reading = await source.fetch_usage(listing, RealClock().now())
        if isinstance(reading.outcome, UsageSnapshot):
            return listed
        last = f"{listing.email or listing.path or listing.ref.place}: {failure_text(reading.outcome)}"
        if number < len(polled):
            last += f" {said('asked_of', number=number, count=len(polled))}"
    return last or listed


async def examine_pools(around: Surroundings) -> tuple[PoolFinding, ...]:
    """Ask every configured pool how it is, one after the other."""
    pools = [settings for settings in around.sources if settings.kind.is_pool]
    return tuple([await examine_pool(around, settings) for settings in pools])


async def examine_pool(around: Surroundings, settings: SourceSettings) -> PoolFinding:
    """Ask one pool how it is; a key that it refused before is not sent again."""
    async with lone_source(around, settings) as source:
        if not isinstance(source, PoolSource):
            return PoolFinding(settings.name, said("no_pool"), wrong=True)
        report = await source.report(RealClock().now())
    if isinstance(report, Failure):
        code = _REMEDIES.get(report.kind, "mend_and_try")
        remedy = said(code, command=try_command(around, settings.name))
        return PoolFinding(settings.name, failure_text(report), remedy, wrong=True)
    return PoolFinding(settings.name, _pool_words(report), lacks=tuple(map(message_text, report.lacks)))


def try_command(around: Surroundings, name: str) -> str:
    """The command that tries one source."""
    return around.command(f"sources test {argument_word(name)}")


def _pool_words(report: PoolReport) -> str:
    program = f"{report.program} {report.version}" if report.version else None
    told = program or said("version_unknown", program=report.program)
    found = counted_words(report.accounts, report.need_login, are_accounts=True)
    return said("pool_answers", program=told, found=found)
