"""A second counter of session files: plain and slow, and written from the rules alone, to count against.

Everything is read into memory, in two passes: first what each file says, then whose it is.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

LONG_CONTEXT = 272_000

Json = dict[str, Any]


class Use(NamedTuple):
    input: int
    cached: int
    cache_write: int
    output: int
    reasoning: int

    @classmethod
    def of(cls, told: Json) -> Use:
        return cls(
            told.get("input_tokens") or 0,
            told.get("cached_input_tokens") or 0,
            told.get("cache_write_input_tokens") or 0,
            told.get("output_tokens") or 0,
            told.get("reasoning_output_tokens") or 0,
        )

    @property
    def vector(self) -> tuple[int, int, int, int]:
        return (self.input, self.cached, self.output, self.reasoning)

    def minus(self, other: Use) -> Use:
        return Use(*(a - b for a, b in zip(self, other, strict=True)))


NOTHING = Use(0, 0, 0, 0, 0)


class Where(NamedTuple):
    quarter: int
    model: str | None
    tier: str
    long_context: bool


@dataclass(slots=True)
class Counted:
    cells: dict[Where, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0] * 6))
    unverified: list[Path] = field(default_factory=list)

    def add(self, at: float, model: str | None, tier: str, use: Use) -> None:
        cell = self.cells[Where(int(at // 900), model, tier, use.input > LONG_CONTEXT)]
        for place, number in enumerate((1, *use)):
            cell[place] += number

    @property
    def total(self) -> list[int]:
        return [sum(column) for column in zip(*self.cells.values(), strict=True)] or [0] * 6


class Line(NamedTuple):
    at: float
    ordinal: int | None
    kind: str
    payload: Json
    model: str | None
    tier: str


@dataclass(slots=True)
class File:
    path: Path
    lines: list[Line]

    @property
    def head(self) -> Json:
        return next((line.payload for line in self.lines if line.kind == "session_meta"), {})

    @property
    def thread(self) -> str | None:
        return self.head.get("id")

    @property
    def base(self) -> Json:
        return self.head.get("history_base") or {}

    @property
    def first_ordinal(self) -> int:
        return next((line.ordinal for line in self.lines if line.ordinal is not None), 0)

    @property
    def parent(self) -> str | None:
        head = self.head
        source = head.get("source")
        spawn = (source.get("subagent") or {}) if isinstance(source, dict) else {}
        spawned = spawn.get("thread_spawn") if isinstance(spawn, dict) else None
        base = self.base.get("thread_id")
        named = (
            head.get("forked_from_id"),
            head.get("parent_thread_id"),
            (spawned or {}).get("parent_thread_id"),
            base if base != self.thread else None,
        )
        foreign = (
            line.payload.get("id")
            for line in self.lines
            if line.kind == "session_meta" and line.payload.get("id") != self.thread
        )
        return next((each for each in (*named, *foreign) if each), None)

    @property
    def counters(self) -> list[tuple[int, Line, Use, Use]]:
        """Before the first record: the line's number, the line, its total and its last."""
        found = []
        for number, line in enumerate(self.lines):
            if line.kind == "token_usage_record":
                break
            if line.kind == "token_count" and line.payload.get("info"):
                info = line.payload["info"]
                found.append(
                    (number, line, Use.of(info["total_token_usage"]), Use.of(info["last_token_usage"]))
                )
        return found


def count(homes: Iterable[Path]) -> Counted:
    """What the files of these homes tell."""
    counted = Counted()
    files = _units(_files(homes))
    records: dict[str, tuple[bool, Line, Use]] = {}
    referred: list[tuple[Line, Json]] = []
    for file in files:
        for line in file.lines:
            if line.kind == "token_usage_record":
                _keep(records, file, line, line.payload)
            elif line.kind == "compacted" and line.payload.get("latest_token_usage_record"):
                referred.append((line, line.payload["latest_token_usage_record"]))
    for line, told in referred:
        records.setdefault(told["response_id"], (False, line, Use.of(told["usage"])))
    for _, line, use in records.values():
        counted.add(line.at, line.model, line.tier, use)
    by_thread: dict[str | None, list[File]] = defaultdict(list)
    for file in files:
        by_thread[file.thread].append(file)
    for file in files:
        _count_counters(counted, file, by_thread)
    return counted


def _keep(records: dict[str, tuple[bool, Line, Use]], file: File, line: Line, told: Json) -> None:
    """A response counts once, and where it was made: a copy in a child's file gives way."""
    own = told.get("thread_id") == file.thread
    known = records.get(told["response_id"])
    if known is None or (own and not known[0]):
        records[told["response_id"]] = (own, line, Use.of(told["usage"]))


def _count_counters(counted: Counted, file: File, by_thread: dict[str | None, list[File]]) -> None:
    counters = file.counters
    before: Use | None = None
    base = file.base.get("thread_id")
    if base is not None and base == file.thread:
        # it goes on where the first file of the thread ended
        earlier = [each for each in by_thread[base] if each.first_ordinal < file.first_ordinal]
        totals = [
            total for each in sorted(earlier, key=lambda each: each.first_ordinal) for total in _totals(each)
        ]
        before = totals[-1] if totals else None
    elif file.parent is not None:
        begins = _own_part(file, by_thread)
        if begins is None:
            if counters:
                counted.unverified.append(file.path)
            return
        copied = [total for number, _, total, _ in counters if number < begins]
        counters = [each for each in counters if each[0] >= begins]
        before = copied[-1] if copied else None
        if counters:
            _, _, total, last = counters[0]
            if last == NOTHING and total != NOTHING:
                before = total
            elif before is None and total != last:
                # the counter came along from the parent
                before = total.minus(last)
    before = before or NOTHING
    for _, line, total, last in counters:
        if total.vector == before.vector:
            continue
        fell = any(a < b for a, b in zip(total.vector, before.vector, strict=True))
        use = last if fell else total.minus(before)
        before = total
        # a context window that is full is told as a total without parts
        if total != NOTHING:
            counted.add(line.at, line.model, line.tier, use)


def _totals(file: File) -> list[Use]:
    return [
        Use.of(line.payload["info"]["total_token_usage"])
        for line in file.lines
        if line.kind == "token_count" and line.payload.get("info")
    ]


def _own_part(file: File, by_thread: dict[str | None, list[File]]) -> int | None:
    """The number of the first line that is the thread's own; None: nobody can tell."""
    counters = file.counters
    if not counters:
        return 0
    told = file.head.get("subagent_history_start_ordinal")
    if told is not None:
        for number, line in enumerate(file.lines):
            if line.ordinal is not None and line.ordinal >= int(told):
                return number
    foreign = [
        number
        for number, line in enumerate(file.lines)
        if line.kind == "session_meta" and line.payload.get("id") != file.thread
    ]
    if foreign:
        created = int(datetime.fromisoformat(file.head["timestamp"]).timestamp())
        for number, line in enumerate(file.lines[foreign[-1] :], foreign[-1]):
            if line.kind in ("task_started", "turn_started") and line.payload.get("started_at", 0) >= created:
                return number
    parents = by_thread.get(file.parent, ())
    theirs = [total.vector for parent in parents for total in _totals(parent)]
    same = _longest([total.vector for _, _, total, _ in counters], theirs)
    if same:
        return counters[same][0] if same < len(counters) else len(file.lines)
    _, _, total, last = counters[0]
    if last == NOTHING and total != NOTHING:
        return 0
    # a copy begins so as well, and the head or a foreign one tells that there is one
    if total.vector == last.vector and (parents or not (foreign or told is not None)):
        return 0
    return None


def _longest(own: Sequence[object], theirs: Sequence[object]) -> int:
    """How many of the first ones stand in the same order, one after the other, among the parent's."""
    return max(
        (
            next((k for k in range(len(own)) if at + k >= len(theirs) or own[k] != theirs[at + k]), len(own))
            for at in range(len(theirs))
        ),
        default=0,
    )


def _files(homes: Iterable[Path]) -> Iterator[File]:
    """Every file once: `sessions` before the archive, the plain one before the compressed one."""
    seen: set[object] = set()
    found: list[tuple[int, int, str, Path]] = []
    for home in homes:
        for order, folder, pattern in ((0, "sessions", "**/*"), (1, "archived_sessions", "*")):
            found += [
                (order, path.name.endswith(".zst"), str(path), path)
                for path in (home / folder).glob(pattern)
                if path.is_file() and path.name.endswith((".jsonl", ".jsonl.zst"))
            ]
    for _, _, _, path in sorted(found):
        status = path.stat()
        name = path.name.removesuffix(".zst")
        if (status.st_dev, status.st_ino) in seen or name in seen:
            continue
        seen |= {(status.st_dev, status.st_ino), name}
        yield File(path, list(lines_of(path)))


def _units(files: Iterable[File]) -> list[File]:
    """One file of a thread; two only where one goes on from the other."""
    kept: list[File] = []
    threads: set[str] = set()
    for file in sorted(files, key=lambda each: bool(each.base.get("thread_id") == each.thread)):
        thread = file.thread
        if thread is None or thread not in threads or file.base.get("thread_id") == thread:
            kept.append(file)
        if thread is not None:
            threads.add(thread)
    return kept


def lines_of(path: Path) -> Iterator[Line]:
    content = path.read_bytes()
    if path.name.endswith(".zst"):
        content = zstd.decompress(content)
    *whole, _ = content.split(b"\n")
    at, model, tier = 0.0, None, "unknown"
    for raw in whole:
        try:
            told = json.loads(raw.decode("utf-8", "replace"))
            kind, payload = told["type"], told["payload"]
        except (ValueError, KeyError, TypeError):
            continue
        with suppress(ValueError, KeyError):
            at = datetime.fromisoformat(told["timestamp"]).timestamp()
        if kind == "event_msg":
            kind = payload.get("type")
        if kind == "turn_context":
            model = payload.get("model") or model
        if kind == "thread_settings_applied":
            settings = payload["thread_settings"]
            model = settings.get("model") or model
            if "service_tier" in settings:
                tier = "fast" if settings["service_tier"] == "priority" else "standard"
        yield Line(at, told.get("ordinal"), kind, payload, model, tier)
