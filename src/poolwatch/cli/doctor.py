"""`doctor`: what is wrong, and the remedy of each finding; nothing in it is secret."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path

from poolwatch import __version__
from poolwatch.bootstrap.clock import LocalZone
from poolwatch.bootstrap.headless import Look, look
from poolwatch.bootstrap.keepers import passed_over
from poolwatch.bootstrap.screen import looks_problems
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.cli.entry import run_async
from poolwatch.cli.exits import EXIT_FAILED, EXIT_OK, say
from poolwatch.cli.pools import examine_pools
from poolwatch.cli.terminal import terminal_findings
from poolwatch.config.edit import is_same_place
from poolwatch.config.problems import ConfigProblems
from poolwatch.domain.status import Section
from poolwatch.domain.text import visible
from poolwatch.presentation.card import card_view
from poolwatch.presentation.prefs import Prefs

#: A clock this far off makes tokens look expired, or fresh.
_SKEW_LIMIT = timedelta(seconds=60)
#: So many files of many are named.
_NAMED = 3


class Grade(StrEnum):
    """How bad a finding is; only errors make doctor fail."""

    OK = "ok"
    NOTE = "note"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `remedy` is what to do, where there is something."""

    area: str
    grade: Grade
    words: str
    remedy: str = ""


def run_doctor(config: Path | None, *, as_json: bool) -> int:
    """Look at everything and print it; 1 when something is an error."""
    findings = list(_findings(config))
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
        say(json.dumps({"schema": "poolwatch.doctor/1", "findings": rows}, indent=2))
    else:
        say("\n".join(_line(each) for each in findings))
    return EXIT_FAILED if any(each.grade is Grade.ERROR for each in findings) else EXIT_OK


def _line(each: Finding) -> str:
    remedy = f"\n       {'':<9}  do: {each.remedy}" if each.remedy else ""
    return f"{each.grade.value:<5}  {each.area:<9}  {each.words}{remedy}"


def _findings(config: Path | None) -> Iterator[Finding]:
    python = ".".join(str(part) for part in sys.version_info[:3])
    libraries = ", ".join(f"{name} {version(name)}" for name in ("textual", "httpx", "pydantic"))
    yield Finding("version", Grade.OK, f"poolwatch {__version__}, Python {python}, {libraries}")
    yield Finding("database", Grade.OK, f"SQLite {sqlite3.sqlite_version}")
    for found in terminal_findings():
        yield Finding("terminal", Grade(found.grade), found.words, found.remedy)
    around = look_around(Options(config))
    if isinstance(around, ConfigProblems):
        for problem in around.problems:
            yield Finding(
                "config", Grade.ERROR, problem.text, "mend that line; poolwatch config check says when"
            )
        return
    yield from _config(around)
    yield from _modes(around)
    if not around.sources:
        remedy = "poolwatch sources add KIND PATH, or try poolwatch demo"
        yield Finding("sources", Grade.ERROR, "nothing to monitor", remedy)
        return
    age = timedelta(seconds=around.settings.poll.interval_seconds)
    seen = run_async(lambda: look(around, age, None))
    yield from _pool(around, seen)
    yield from _twins(around)
    for pool in run_async(lambda: examine_pools(around)):
        grade = Grade.ERROR if pool.wrong else Grade.OK
        yield Finding("pools", grade, f"{pool.name}: {pool.words}", pool.remedy)
        for lack in pool.lacks:
            yield Finding("pools", Grade.NOTE, f"{pool.name}: {lack}")


def _twins(around: Surroundings) -> Iterator[Finding]:
    """Sources that are the same place under two names."""
    for index, source in enumerate(around.sources):
        for other in around.sources[:index]:
            if is_same_place(source, other, around.home):
                words = f"{other.name} and {source.name} are the same place: {source.path or source.url}"
                remedy = f"take one of them out of {around.settings.path or 'the configuration'}"
                yield Finding("sources", Grade.NOTE, words, remedy)
                break


def _config(around: Surroundings) -> Iterator[Finding]:
    problems = looks_problems(around)
    for line in problems:
        yield Finding("config", Grade.ERROR, line, "mend that line")
    if not problems:
        where = around.settings.path or "no file; the defaults hold"
        yield Finding("config", Grade.OK, str(where))


def _modes(around: Surroundings) -> Iterator[Finding]:
    wanted = [(around.settings.path, 0o022, "go-w"), (around.state_dir, 0o077, "go-rwx")]
    if around.own_logins is not None:
        wanted.append((around.own_logins, 0o077, "go-rwx"))
    for path, refused, change in wanted:
        if path is None or not path.exists():
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & refused:
            remedy = f"chmod {change} {path}"
            yield Finding("files", Grade.NOTE, f"{path} is open to others (mode {mode:04o})", remedy)
    parent = next((each for each in (around.state_dir, *around.state_dir.parents) if each.exists()), None)
    if parent is not None and not (parent.is_dir() and os.access(parent, os.W_OK)):
        words = f"{around.state_dir} cannot be written: readings are kept in memory only"
        yield Finding("files", Grade.ERROR, words, "make it writable, or set POOLWATCH_STATE_DIR")


def _pool(around: Surroundings, seen: Look) -> Iterator[Finding]:
    for notice in seen.notices:
        yield Finding("pool", Grade.NOTE, notice)
    if abs(seen.state.clock_offset) > _SKEW_LIMIT:
        ahead = seen.state.clock_offset.total_seconds()
        words = f"the clock of this machine is {abs(ahead):.0f} s {'behind' if ahead > 0 else 'ahead'}"
        yield Finding("clock", Grade.ERROR, words, "set the clock (timedatectl set-ntp true)")
    pools = {settings.name for settings in around.sources if settings.kind.is_pool}
    for name, source in sorted(seen.state.sources.items()):
        if name in pools:
            continue  # examined one by one, and told once
        if source.failure is not None:
            words = f"{name}: {source.failure.message}"
            yield Finding("sources", Grade.ERROR, words, f"poolwatch sources test {name}")
            continue
        count = len(source.listings)
        grade = Grade.OK if count else Grade.NOTE
        yield Finding("sources", grade, f"{name}: {count} login{'s' * (count != 1)}")
        for settings in around.sources:
            if settings.name == name and (others := passed_over(around, settings, source.listings)):
                yield Finding("sources", Grade.NOTE, f"{name}: {_no_logins(others)}")
    yield from _rate(around, seen)
    mask, offset = around.settings.ui.mask, seen.state.clock_offset
    zone = LocalZone()
    prefs = Prefs(
        seen.overview.rules,
        mask=mask,
        zone=zone,
        clock_offset=offset,
        config=around.named_config,
        delegates=around.settings.refresh.delegate_to_codex,
        own_logins=str(around.own_logins) if around.own_logins is not None else None,
    )
    for judged in sorted(seen.overview.accounts, key=lambda each: each.label.casefold()):
        card = card_view(judged, seen.overview.now, prefs)
        if judged.section is Section.NEEDS_YOU:
            yield Finding("accounts", Grade.ERROR, f"{card.label}: {card.status}", card.remedy)
        elif judged.account.trouble is not None:
            yield Finding("accounts", Grade.NOTE, f"{card.label}: {card.status}", card.remedy)
        else:
            yield Finding("accounts", Grade.OK, f"{card.label}: {card.status}")
        for listing in judged.account.listings:
            if listing.problem is not None:
                yield Finding("files", Grade.ERROR, f"{listing.path or listing.ref.place}: {listing.problem}")
            else:
                yield from _open_to_others(Path(listing.ref.place), listing.path)


def _no_logins(files: Sequence[Path]) -> str:
    names = [visible(file.name) for file in files[:_NAMED]]
    more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
    are = "is no login and is" if len(files) == 1 else "are no logins and are"
    return f"{', '.join(names)}{more} {are} left out"


def _rate(around: Surroundings, seen: Look) -> Iterator[Finding]:
    """Where the price of credits comes from, and pools that do not agree on one."""
    rates = seen.state.rates
    if around.settings.credits_per_usd is not None or not rates:
        return
    if seen.state.agreed_rate is not None:
        words = f"{seen.state.agreed_rate:f} credits per USD, adopted from {', '.join(sorted(rates))}"
        yield Finding("credits", Grade.OK, words)
        return
    said = ", ".join(f"{name} says {rate:f}" for name, rate in sorted(rates.items()))
    words = f"the pools disagree on credits per USD ({said}): {around.settings.rate:f} is used"
    yield Finding("credits", Grade.NOTE, words, "set credits_per_usd in the configuration")


def _open_to_others(path: Path, shown: str | None) -> Iterator[Finding]:
    """A login that other users of this machine can read."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    if mode & 0o077:
        words = f"{shown or path} is open to others (mode {mode:04o})"
        yield Finding("files", Grade.NOTE, words, f"chmod go-rwx {shown or path}")
