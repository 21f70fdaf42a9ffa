"""Lines of the audit log: their stored form, the hash that seals each, and the chain that they make.

A line is one JSON object in canonical form (RFC 8785). Its `hash` is the SHA-256 of the object without it,
and its `prev_hash` that of the line before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import Final

import msgspec

from poolwatch.domain.audit import AuditEntry, Break, ChainReport, Deed, Doer, Ending, Flaw
from poolwatch.domain.text import visible
from poolwatch.host.instants import parse_instant
from poolwatch.once.json_text import JsonObject, JsonValue, parse_object, text_at

#: What the first line follows.
GENESIS: Final = "0" * 64
#: No line of ours is longer; its texts are bounded by the next two.
LONGEST_LINE: Final = 64 * 1024
_LONGEST_PATH: Final = 4096
_LONGEST_TEXT: Final = 120
_MOST: Final = 40
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")
_HASH: Final = "hash"
_PREVIOUS: Final = "prev_hash"


def entry_line(
    seq: int,
    previous: str,
    at: datetime,
    deed: Deed,
    doer: Doer,
    *,
    of: int | None = None,
    ending: Ending | None = None,
    torn_bytes: int = 0,
) -> bytes:
    """The sealed line of an entry, with its end; what is not known has no key. `ending` None: it begins."""
    document: JsonObject = {
        "seq": seq,
        "at": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "act": deed.act.value,
        "by": doer.by.value,
        "user": _text(doer.user),
        "pid": doer.pid,
        _PREVIOUS: previous,
    }
    known: JsonObject = {
        "ssh": _text(doer.ssh or ""),
        "sudo": _text(doer.sudo or ""),
        "accounts": _texts(deed.accounts),
        "path": visible(deed.path or "", _LONGEST_PATH),
        "what": _texts(deed.what),
        "outcome": ending.outcome.value if ending is not None else None,
        "codes": _texts(ending.codes) if ending is not None else None,
        "torn_bytes": torn_bytes,
    }
    document |= {name: value for name, value in known.items() if value}
    if ending is not None:
        document["of"] = of or 0
    return _canonical(document | {_HASH: _sealed(document)}) + b"\n"


def read_entry(text: bytes) -> AuditEntry | Flaw:
    """The entry of a line without its end, if the line is as it was written."""
    document = parse_object(text)
    if document is None:
        return Flaw.UNREADABLE
    entry = _entry_of(document)
    if entry is None:
        return Flaw.UNREADABLE
    try:
        is_canonical = _canonical(document) == text
        document.pop(_HASH)
        return entry if is_canonical and _sealed(document) == entry.hash else Flaw.ALTERED
    except (ValueError, OverflowError, RecursionError):  # half a letter, a number without end: none of ours
        return Flaw.ALTERED


class Chain:
    """Follows the log line by line, and finds the first one that is not the next."""

    def __init__(self, wanted: str | None = None) -> None:
        """`wanted`: a hash to look for."""
        self._wanted = wanted
        self._lines = 0
        self._entries = 0
        self._seq = 0
        self._head = GENESIS
        self._first_at: datetime | None = None
        self._last_at: datetime | None = None
        self._broken: Break | None = None
        self._closed = 0
        self._found: int | None = None
        self._open: set[int] = set()
        #: the last line is a half one of so many bytes
        self.half_bytes = 0

    def follow(self, text: bytes) -> AuditEntry | None:
        """Take the next line without its end; its entry where it can be read, also behind a break."""
        self._lines += 1
        entry = read_entry(text)
        if isinstance(entry, Flaw):
            self._break(entry, _number_in(text))
            return None
        self._minds(entry)
        if (entry.seq, entry.prev_hash) != (self._seq + 1, self._head):
            self._break(Flaw.UNLINKED, entry.seq)
        if self._broken is None:
            self._entries += 1
            self._seq, self._head = entry.seq, entry.hash
            self._first_at, self._last_at = self._first_at or entry.at, entry.at
            self._closed += entry.torn_bytes is not None
            if entry.hash == self._wanted:
                self._found = entry.seq
        return entry

    def report(self) -> ChainReport:
        """What was found."""
        return ChainReport(
            self._entries,
            self._head if self._entries else "",
            self._seq,
            self._first_at,
            self._last_at,
            self._broken,
            self.half_bytes,
            self._closed,
            self._found,
            frozenset(self._open),
        )

    def _minds(self, entry: AuditEntry) -> None:
        if entry.outcome is None:
            self._open.add(entry.seq)
        else:
            self._open.discard(entry.of or 0)

    def _break(self, flaw: Flaw, seq: int | None) -> None:
        if self._broken is None:
            self._broken = Break(self._lines, flaw, seq)


def _entry_of(document: JsonObject) -> AuditEntry | None:
    seq, pid, of = _whole(document, "seq"), _whole(document, "pid"), _whole(document, "of")
    at = parse_instant(document.get("at"))
    act, by, user = (text_at(document, name) for name in ("act", "by", "user"))
    previous, sealed = text_at(document, _PREVIOUS), text_at(document, _HASH)
    if seq is None or pid is None or at is None or act is None or by is None:
        return None
    if previous is None or sealed is None:
        return None
    return AuditEntry(
        seq,
        at,
        act,
        by,
        user or "",
        pid,
        text_at(document, "ssh"),
        text_at(document, "sudo"),
        _listed(document, "accounts"),
        text_at(document, "path"),
        _listed(document, "what"),
        of,
        text_at(document, "outcome"),
        _listed(document, "codes"),
        _whole(document, "torn_bytes"),
        previous,
        sealed,
    )


def _canonical(document: JsonObject) -> bytes:
    """RFC 8785 for what stands in a line: texts without control characters, whole numbers, lists of them."""
    return _ENCODER.encode(document)


def _sealed(document: JsonObject) -> str:
    return hashlib.sha256(_canonical(document)).hexdigest()


def _text(text: str) -> str:
    return visible(text, _LONGEST_TEXT)


def _texts(texts: Iterable[str]) -> list[JsonValue]:
    return list(map(_text, islice(texts, _MOST)))


def _whole(document: JsonObject, name: str) -> int | None:
    value = document.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _listed(document: JsonObject, name: str) -> tuple[str, ...]:
    value = document.get(name)
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _number_in(text: bytes) -> int | None:
    document = parse_object(text)
    return None if document is None else _whole(document, "seq")
