"""`doctor`: what is wrong, also with the terminal, and the remedy; nothing in it is secret."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

from poolwatch import __version__
from poolwatch.bootstrap.console import EXIT_FAILED, EXIT_OK, say, say_drawn, say_text
from poolwatch.bootstrap.headless import Look, look
from poolwatch.bootstrap.kept import open_kept
from poolwatch.bootstrap.places import counted, file_of, passed_over
from poolwatch.bootstrap.screen import appearance_problems
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.cli.accounts import kept_command, kept_line
from poolwatch.cli.audit import audit_findings
from poolwatch.cli.channels import channel_findings
from poolwatch.cli.command import ADD_SOURCE, run_async
from poolwatch.cli.daemon import daemon_findings
from poolwatch.cli.finding import Finding, Grade, finding_lines, is_coloured
from poolwatch.cli.settings import place_lines, place_rows
from poolwatch.cli.sources import examine_pools, try_command
from poolwatch.cli.terminal import terminal_findings
from poolwatch.cli.topups import money_findings
from poolwatch.cli.usage import use_findings
from poolwatch.config.edit import is_same_place
from poolwatch.config.paths import OwnPlaces, absolute, missing_home
from poolwatch.config.problems import ConfigProblems
from poolwatch.config.values import FROM_ENVIRONMENT
from poolwatch.domain.account import Custody, Listing, LoginKind
from poolwatch.domain.state import KeptFile
from poolwatch.domain.status import Section
from poolwatch.domain.text import visible
from poolwatch.domain.values import replace
from poolwatch.host.mounts import shared_problem, unknown_problem
from poolwatch.monitor.custodian import damaged_files, kept_files
from poolwatch.net.proxy import environment_proxy
from poolwatch.net.tls import authorities
from poolwatch.presentation.card import card_view
from poolwatch.presentation.masking import masked, masked_word, shown_path
from poolwatch.presentation.sign_in import true_path
from poolwatch.words.commands import NO_LOGIN, left_out_words, said
from poolwatch.words.messages import failure_text, file_text, message_text

#: A clock this far off makes tokens look expired, or fresh.
_SKEW_LIMIT = timedelta(seconds=60)
#: So many files of many are named.
_NAMED = 3


def run_doctor(config: Path | None, *, as_json: bool, mask: bool = False) -> int:
    """Look at everything and print it; 1 when something is an error."""
    findings = list(_findings(config, mask=mask))
    around = look_around(Options(config))
    hidden = mask or (around.mask if isinstance(around, ConfigProblems) else around.settings.ui.mask)
    places = OwnPlaces.of(os.environ, config)
    if as_json:
        rows = [
            {
                "area": each.area,
                "grade": each.grade.value,
                "finding": each.words,
                "remedy": each.remedy or None,
            }
            for each in findings
        ]
        document = {
            "schema": "poolwatch.doctor/1",
            "findings": rows,
            "places": place_rows(places, mask=hidden),
        }
        say_text(json.dumps(document, indent=2))
    else:
        say_drawn(*finding_lines(findings, coloured=is_coloured(sys.stdout, os.environ)))
        say("", *(f"{name:<16}  {place}" for name, place in place_lines(places, mask=hidden)))
    return EXIT_FAILED if any(each.grade is Grade.ERROR for each in findings) else EXIT_OK


def _findings(config: Path | None, *, mask: bool) -> Iterator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    libraries = ", ".join(f"{name} {version(name)}" for name in ("textual", "httpx", "pydantic"))
    yield Finding("version", Grade.OK, f"poolwatch {__version__}, Python {python}, {libraries}")
    yield Finding("database", Grade.OK, f"SQLite {sqlite3.sqlite_version}")
    yield from terminal_findings()
    around = look_around(Options(config, {"ui.mask": "true"} if mask else {}))
    if isinstance(around, ConfigProblems):
        named = masked_word(str(absolute(config)), mask=mask or around.mask) if config is not None else ""
        check = f"poolwatch{f' --config {named}' if named else ''} config check"
        for problem in around.problems:
            words = masked(problem.text, [str(problem.path)]) if mask or around.mask else problem.text
            yield Finding("config", Grade.ERROR, words, said("mend_line_and_check", command=check))
        return
    for each in _of_pool(around):
        # paths were masked where they were known as such; the rest is text of others
        yield replace(each, words=around.told(each.words), remedy=around.told(each.remedy))


def _of_pool(around: Surroundings) -> Iterator[Finding]:
    yield from _config(around)
    yield from _modes(around)
    yield from _damaged(around)
    yield from _past(around)
    yield from daemon_findings(around)
    yield from use_findings(around)
    yield from audit_findings(around)
    yield from channel_findings(around)
    yield from money_findings(around)
    yield from _network(around)
    if not around.sources:
        yield from _kept(around, kept_files(around.state_dir, around.home))
        remedy = said("add_or_demo", command=around.command(ADD_SOURCE))
        missing = missing_home(around.env)
        words = said("nothing_since" if missing else "nothing", why=missing)
        yield Finding("sources", Grade.ERROR, words, remedy)
        return
    age = timedelta(seconds=around.settings.poll.interval_seconds)
    seen = run_async(lambda: look(around, age, None))
    yield from _pool(around, seen)
    yield from _twins(around)
    if around.has_balances:
        from poolwatch.cli.credits import balance_findings  # few have any

        yield from balance_findings(around)
    for pool in run_async(lambda: examine_pools(around)):
        grade = Grade.ERROR if pool.wrong else Grade.OK
        yield Finding("pools", grade, f"{pool.name}: {pool.words}", pool.remedy)
        for lack in pool.lacks:
            yield Finding("pools", Grade.NOTE, f"{pool.name}: {lack}")


def _network(around: Surroundings) -> Iterator[Finding]:
    net, env = around.settings.net, around.env
    trusted = authorities(net, env)
    place, origin = visible(trusted.place), trusted.origin
    # SSL_CERT_DIR may hold several
    if any(Path(each).exists() for each in trusted.place.split(os.pathsep)):
        yield Finding("network", Grade.OK, said("certificates", place=place, origin=origin))
    else:
        words = said("no_certificates", place=place, origin=origin)
        yield Finding("network", Grade.ERROR, words, said("correct", origin=origin))
    if around.settings.usage.reconcile:
        yield Finding("network", Grade.NOTE, said("reconciles"))
    if net.proxy == FROM_ENVIRONMENT and not environment_proxy(env):
        yield Finding("network", Grade.NOTE, said("no_environment_proxy"))
    elif net.proxy is not None:
        yield Finding("network", Grade.OK, said("uses_proxy", proxy=net.proxy))
    elif environment_proxy(env):
        yield Finding("network", Grade.NOTE, said("unused_proxy"), said("use_proxy"))


def _twins(around: Surroundings) -> Iterator[Finding]:
    """Sources that are the same place under two names."""
    for index, source in enumerate(around.sources):
        for other in around.sources[:index]:
            if is_same_place(source, other, around.home):
                place = around.told_path(source.path) if source.path is not None else source.url
                words = said("same_place", one=other.name, other=source.name, place=place)
                path = around.settings.path
                file = around.told_path(path) if path is not None else said("the_configuration")
                remedy = said("take_one_out", file=file)
                yield Finding("sources", Grade.NOTE, words, remedy)
                break


def _config(around: Surroundings) -> Iterator[Finding]:
    problems = appearance_problems(around.settings)
    for line in problems:
        yield Finding("config", Grade.ERROR, line, said("mend_line"))
    if not problems:
        path = around.settings.path
        where = around.told_path(path) if path is not None else said("no_file_holds")
        yield Finding("config", Grade.OK, where)


def _modes(around: Surroundings) -> Iterator[Finding]:
    wanted = [(around.settings.path, 0o022, "go-w"), (around.state_dir, 0o077, "go-rwx")]
    if around.own_logins is not None:
        wanted.append((around.own_logins, 0o077, "go-rwx"))
    # of pools' keys the pools' own findings tell
    keys = [each.api_key_file for each in around.sources if not each.kind.is_pool]
    keys += [each.token_file for each in around.settings.topups]
    wanted += [(Path(each), 0o077, "go-rwx") for each in keys if each is not None]
    for path, refused, change in wanted:
        if path is None or not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & refused:
            yield _open(around, str(path), mode, change)
    parent = next((each for each in (around.state_dir, *around.state_dir.parents) if each.exists()), None)
    if parent is not None and not (parent.is_dir() and os.access(parent, os.W_OK)):
        words = said("in_memory_only", path=around.told_path(around.state_dir))
        yield Finding("files", Grade.ERROR, words, said("make_writable"))


def _pool(around: Surroundings, seen: Look) -> Iterator[Finding]:
    for notice in seen.notices:
        yield Finding("pool", Grade.NOTE, notice)
    if abs(seen.state.clock_offset) > _SKEW_LIMIT:
        ahead = seen.state.clock_offset.total_seconds()
        words = said("clock_behind" if ahead > 0 else "clock_ahead", seconds=f"{abs(ahead):.0f}")
        yield Finding("clock", Grade.ERROR, words, "timedatectl set-ntp true")
    pools = {settings.name for settings in around.sources if settings.kind.is_pool}
    for name, source in sorted(seen.state.sources.items()):
        if name in pools:
            continue  # examined one by one, and told once
        if source.failure is not None:
            words = f"{name}: {failure_text(source.failure)}"
            yield Finding("sources", Grade.ERROR, words, try_command(around, name))
            continue
        readable = any(listing.problem is None for listing in source.listings)
        told = counted(source.listings) if source.listings else NO_LOGIN()
        remedy = "" if source.listings else said("sign_in_or_add", command=around.command(ADD_SOURCE))
        yield Finding("sources", Grade.OK if readable else Grade.NOTE, f"{name}: {told}", remedy)
        for settings in around.sources:
            if settings.name == name and (others := passed_over(around, settings, source.listings)):
                yield Finding("sources", Grade.NOTE, f"{name}: {_no_logins(around, others)}")
    yield from _kept(around, seen.state.kept)
    yield from _file_systems(around, seen)
    yield from _rate(around, seen)
    mask = around.settings.ui.mask
    prefs = replace(around.prefs(keys=False), rules=seen.overview.rules, clock_offset=seen.state.clock_offset)
    for judged in sorted(seen.overview.accounts, key=lambda each: each.label.casefold()):
        card = card_view(judged, seen.overview.now, prefs)
        if judged.section is Section.NEEDS_YOU:
            yield Finding("accounts", Grade.ERROR, f"{card.label}: {card.status}", card.remedy)
        elif judged.account.trouble is not None or judged.account.without_usage is LoginKind.KEYRING:
            yield Finding("accounts", Grade.NOTE, f"{card.label}: {card.status}", card.remedy)
        else:
            yield Finding("accounts", Grade.OK, f"{card.label}: {card.status}")
        for listing in judged.account.listings:
            if listing.problem is not None:
                place = shown_path(listing.path or listing.ref.place, mask=mask)
                yield Finding("files", Grade.ERROR, f"{place} {message_text(listing.problem)}")
            elif listing.custody is not Custody.POOL:
                yield from _open_to_others(around, listing)


def _kept(around: Surroundings, files: Sequence[KeptFile]) -> Iterator[Finding]:
    for each in files:
        yield Finding("custody", Grade.ERROR, kept_line(around, each), kept_command(around, each))


def _damaged(around: Surroundings) -> Iterator[Finding]:
    for path in damaged_files(around.state_dir, around.home):
        words = said("damaged", path=around.told_path(path))
        yield Finding("custody", Grade.NOTE, words, said("sign_in_and_remove"))


def _past(around: Surroundings) -> Iterator[Finding]:
    async def count() -> int:
        async with open_kept(around) as kept:
            return 0 if kept is None else await kept.store.damaged()

    rows = run_async(count)
    if rows:
        yield Finding("database", Grade.NOTE, said("damaged_past", count=rows))


def _file_systems(around: Surroundings, seen: Look) -> Iterator[Finding]:
    """Where logins are renewed: a shared file system keeps them from it, an unknown one may do them harm."""
    folders = {
        file_of(listing.ref.place).parent
        for judged in seen.overview.accounts
        for listing in judged.account.listings
        if listing.custody is Custody.POOLWATCH
    }
    for folder in sorted(folders | {around.state_dir} if folders else folders):
        problem, note = shared_problem(folder), unknown_problem(folder)
        if problem is not None:
            yield Finding("files", Grade.ERROR, said("until_then", problem=file_text(problem)))
        elif note is not None:
            remedy = said("move_to_local_disk")
            yield Finding("files", Grade.NOTE, file_text(note), remedy)


def _no_logins(around: Surroundings, files: Sequence[Path]) -> str:
    names = [shown_path(visible(file.name), mask=around.settings.ui.mask) for file in files[:_NAMED]]
    return left_out_words(names, len(files) - len(names))


def _rate(around: Surroundings, seen: Look) -> Iterator[Finding]:
    """Where the price of credits comes from, and pools that do not agree on one."""
    rates = seen.state.rates
    if around.settings.credits_per_usd is not None or not rates:
        return
    if seen.state.agreed_rate is not None:
        words = said("rate_adopted", rate=f"{seen.state.agreed_rate:f}", pools=", ".join(sorted(rates)))
        yield Finding("credits", Grade.OK, words)
        return
    each = ", ".join(said("says", name=name, rate=f"{rate:f}") for name, rate in sorted(rates.items()))
    words = said("pools_disagree", each=each, rate=f"{around.settings.rate:f}")
    yield Finding("credits", Grade.NOTE, words, said("set_rate"))


def _open_to_others(around: Surroundings, listing: Listing) -> Iterator[Finding]:
    """A login that other users of this machine can read."""
    try:
        mode = stat.S_IMODE(file_of(listing.ref.place).stat().st_mode)
    except (OSError, ValueError):
        return
    if mode & 0o077:
        yield _open(around, true_path(listing), mode, "go-rwx")


def _open(around: Surroundings, path: str, mode: int, change: str) -> Finding:
    words = said("open_to_others", path=around.told_path(path), mode=f"{mode:04o}")
    return Finding("files", Grade.NOTE, words, f"chmod {change} {around.told_path(path, as_word=True)}")
