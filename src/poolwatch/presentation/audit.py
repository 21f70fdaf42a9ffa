"""The audit log for people and for programs: an act on one line, and the versioned JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Set
from datetime import datetime, tzinfo
from typing import Final

from poolwatch.domain.audit import AuditEntry, ChainReport
from poolwatch.domain.text import visible
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.json_values import Json, instant
from poolwatch.presentation.masking import masked, shown_path
from poolwatch.words import audit as words

LIST_SCHEMA: Final = "poolwatch.audit/1"
CHECK_SCHEMA: Final = "poolwatch.audit_check/1"
_LONGEST: Final = 4096


def audit_line(entry: AuditEntry, unended: Set[int], names: AccountNames, zone: tzinfo | None) -> str | None:
    """`2026-12-01 05:03:12  refresh  done  alice: token renewed, usage read; ann by command`.

    An act stands where it ended; one of which no end is known, where it began. None for all other begins.
    """
    if entry.outcome is None and entry.seq not in unended:
        return None
    at = figures.local_time(entry.at, zone)
    act = figures.ljust(_shown(words.act_word(entry.act)), words.widest_act())
    outcome = figures.ljust(_shown(words.outcome_word(entry.outcome)), words.widest_outcome())
    codes = ", ".join(_shown(words.code_words(code)) for code in entry.codes)
    told = ": ".join(filter(None, (", ".join(_subjects(entry, names)), codes)))
    return "  ".join(
        filter(
            None,
            (f"{at:%Y-%m-%d %H:%M:%S}", act, outcome, "; ".join(filter(None, (told, _who(entry, names))))),
        )
    )


def _subjects(entry: AuditEntry, names: AccountNames) -> Iterator[str]:
    yield from map(names.name, entry.accounts)
    for each in entry.what:
        yield masked(_shown(each)) if names.mask else _shown(each)
    if entry.path is not None:
        yield shown_path(_shown(entry.path), mask=names.mask)


def _who(entry: AuditEntry, names: AccountNames) -> str:
    by = _shown(words.by_word(entry.by))
    if names.mask:
        return by
    who = words.by_user(_shown(entry.user), by)
    if entry.sudo is not None:
        who = words.by_sudo(who, _shown(entry.sudo))
    if entry.ssh is not None:
        who = words.over_ssh(who, _shown(entry.ssh).partition(" ")[0])
    return who


def _shown(text: str) -> str:
    return visible(text, _LONGEST)


def audit_json(entries: Iterable[AuditEntry], *, mask: bool, now: datetime) -> Iterator[str]:
    """The document line by line: each entry is one, so that a long log is never held whole."""
    yield f'{{"schema": {json.dumps(LIST_SCHEMA)}, "generated_at": {json.dumps(instant(now))}, "entries": ['
    last: str | None = None
    for entry in entries:
        if last is not None:
            yield f"{last},"
        last = json.dumps(_row(entry, mask=mask))
    if last is not None:
        yield last
    yield "]}"


def _row(entry: AuditEntry, *, mask: bool) -> dict[str, Json]:
    """The keys of a line; masked, what tells who somebody is, or where, is null."""
    path = entry.path
    return {
        "seq": entry.seq,
        "at": instant(entry.at),
        "act": entry.act,
        "of": entry.of,
        "outcome": entry.outcome,
        "codes": list(entry.codes),
        "accounts": list(entry.accounts),
        "what": [masked(each) if mask else each for each in entry.what],
        "path": None if path is None else shown_path(path, mask=mask),
        "by": entry.by,
        "user": None if mask else entry.user or None,
        "ssh": None if mask else entry.ssh,
        "sudo": None if mask else entry.sudo,
        "pid": entry.pid,
        "torn_bytes": entry.torn_bytes,
        "prev_hash": entry.prev_hash,
        "hash": entry.hash,
    }


def check_json(report: ChainReport, wanted: str | None, now: datetime) -> str:
    """What `audit verify` found."""
    broken, kept = report.broken, wanted is not None
    document: Json = {
        "schema": CHECK_SCHEMA,
        "generated_at": instant(now),
        "whole": report.is_whole,
        "entries": report.entries,
        "head": report.head or None,
        "first_at": instant(report.first_at),
        "last_at": instant(report.last_at),
        "broken": None
        if broken is None
        else {"line": broken.line, "seq": broken.seq, "why": broken.flaw.value},
        "half_line_bytes": report.half_bytes,
        "closed_half_lines": report.closed,
        "unended": list[Json](sorted(report.unended)),
        "kept_head": {"hash": wanted, "seq": report.found} if kept else None,
    }
    return json.dumps(document, indent=2)
