"""Folders of session files as a Codex home has them, with the truth about what was used.

`python -m poolwatch.demo.sessions FOLDER --size 300MB` writes one, and `truth.json` into it. The same seed,
size and end give the same folder.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Final, TypeVar

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

from poolwatch.demo.account import DAY, WEEK
from poolwatch.demo.rollout import Event, Record, Rollout, compact, new_id, stamp
from poolwatch.demo.session_shapes import DRESSES, Dress, Plan, Shape, model_at, size_of
from poolwatch.demo.truth import Truth, Use

_MOST_PARENTS: Final = 48
_MOST_COPIED: Final = 200
#: Nothing begins later than so many seconds before the end, and no turn later than half of them.
_LAST: Final = 1_200
#: These need a parent on disk: whether it has records.
_CHILDREN: Final[Mapping[Shape, bool]] = {
    Shape.FORK: False, Shape.MATCHED: False, Shape.NUMBERED: False, Shape.INHERITED: False,
    Shape.ZERO: False, Shape.MIGRATED: False, Shape.BRANCHED: True, Shape.COPIED: True,
}  # fmt: skip
_HALF: Final = (
    b'{"timestamp":"2026-11-29T08:00:00.000Z","type":"event_msg","payload":{"type":"token_count","info":'
    b'{"total_token_usage":{"input_tokens":9%d'
)
_Choice = TypeVar("_Choice")


@dataclass(frozen=True, slots=True)
class _Parent:
    """What children need to know of a thread on disk."""

    thread: str
    created: float
    total: Use
    events: Sequence[Event]
    recorded: Sequence[Record]
    ordinal: int | None
    size: int
    model: str | None

    @classmethod
    def of(cls, made: Rollout, size: int) -> "_Parent":
        """What is to be known of a thread in a file of that size."""
        seen = made.events[:], made.recorded[:]
        return cls(made.thread, made.created, made.total, *seen, made.ordinal, size, made.model)

    def head(self, child: Rollout) -> None:
        """Its own head, as a copy in the child's file."""
        child.meta(id=self.thread, timestamp=stamp(self.created))


class Folder:
    """The session files below a Codex home, written one thread after the other."""

    def __init__(self, home: Path, seed: int | str, plan: Plan) -> None:
        self.truth = Truth()
        self._home, self._plan = home, plan
        self._draw = Random(f"poolwatch-demo-sessions/{seed}")
        self._parents: dict[bool, list[_Parent]] = {False: [], True: []}

    def fill(self, size: int, files: int = 0) -> Truth:
        """Write threads until there are so many bytes and files; returns the truth."""
        for _ in self.threads(size, files):
            pass
        return self.truth

    def threads(self, size: int, files: int = 0) -> Iterator[None]:
        """The same, thread by thread."""
        while self.truth.bytes < size or self.truth.files < files:
            self._thread(self._pick(self._plan.shapes))
            yield

    def _pick(self, weights: Mapping[_Choice, int]) -> _Choice:
        return self._draw.choices(list(weights), list(weights.values()))[0]

    def _model(self, at: float) -> str:
        return model_at(self._draw, at)

    def _begin(self, after: float | None = None) -> float:
        """When a thread begins."""
        plan = self._plan
        if after is not None:
            return min(plan.until - _LAST, after + self._draw.uniform(60, 2 * DAY))
        if plan.moments is not None:
            return min(plan.until - _LAST, plan.moments(self._draw))
        return plan.until - self._draw.uniform(_LAST, plan.days * DAY)

    def _rollout(self, at: float, *, records: bool, ordinal: int | None = None) -> Rollout:
        limits = self._plan.limits(self._draw, at)
        return Rollout(self._draw, at, self.truth, limits, records, ordinal, self._plan.bulk)

    def _thread(self, shape: Shape) -> None:
        parent = None
        if shape in _CHILDREN:
            known = self._parents[_CHILDREN[shape]]
            if not known:
                shape = Shape.LEDGER if _CHILDREN[shape] else Shape.COUNTER
            else:
                parent = self._draw.choice(known)
        if parent is not None:
            made = self._child(shape, parent)
        elif shape is Shape.ORPHAN:
            made = self._orphan()
        else:
            made = self._alone(shape)
        if self._keeps(made, shape):
            kept = self._parents[made.records]
            size = self._write(made)
            if len(kept) == _MOST_PARENTS:
                kept.pop(self._draw.randrange(_MOST_PARENTS))
            kept.append(_Parent.of(made, size))
            if shape is Shape.CONTINUED:
                self._write(self._continued(kept.pop()))
        else:
            self._write(made)

    def _keeps(self, made: Rollout, shape: Shape) -> bool:
        """Whether children can be told from this one."""
        early = made.created < self._plan.until - 2 * _LAST
        known = early and 2 < len(made.events) <= _MOST_COPIED and made.total.input > 0
        return shape is Shape.CONTINUED or (known and shape in (Shape.COUNTER, Shape.LEDGER, Shape.FORK))

    def _alone(self, shape: Shape) -> Rollout:
        records = shape in (Shape.LEDGER, Shape.CONTINUED) and (
            shape is Shape.LEDGER or self._draw.random() < 0.5
        )
        numbered = records or shape is Shape.CONTINUED
        made = self._rollout(self._begin(), records=records, ordinal=0 if numbered else None)
        made.meta()
        if shape is Shape.UNTOLD:
            made.line("event_msg", '{"type":"user_message","message":"hello","images":[]}')
            for _ in range(self._draw.randint(1, 6)):
                self._respond(made)
            return made
        self._live(made)
        if shape is Shape.UPGRADED:
            made.records = True
            self._live(made)
        return made

    def _child(self, shape: Shape, parent: _Parent) -> Rollout:
        draw = self._draw
        at = self._begin(parent.created)
        made = self._rollout(at, records=_CHILDREN[shape])
        origin: dict[str, object] = {"forked_from_id": parent.thread}
        if shape not in (Shape.FORK, Shape.COPIED, Shape.BRANCHED, Shape.MIGRATED) or draw.random() < 0.4:
            spawn = {"parent_thread_id": parent.thread, "depth": 1}
            origin |= {"source": {"subagent": {"thread_spawn": spawn}}, "thread_source": "subagent"}
        copied = parent.events[: draw.randint(1, len(parent.events))]
        apart = draw.choice((0, 0.001, 0.4))
        match shape:
            case Shape.FORK:
                made.meta(**origin)
                parent.head(made)
                told = {"type": "task_started", "turn_id": new_id(draw), "started_at": int(parent.created)}
                made.line("event_msg", compact(told))
                made.context_line(parent.model)
                made.copy(copied, apart)
            case Shape.MATCHED:
                made.meta(**origin)
                parent.head(made)
                # some take only the last turns along
                made.copy(copied[draw.choice((0, 0, len(copied) // 2)) :], apart)
                return self._unmarked(made)
            case Shape.NUMBERED:
                made.ordinal = 0
                boundary = len(copied) + 3
                made.meta(**origin, subagent_history_start_ordinal=draw.choice((boundary, str(boundary))))
                parent.head(made)
                made.context_line(parent.model or "gpt-5.5")
                made.copy(copied, apart)
            case Shape.MIGRATED:
                made.ordinal = 0
                made.meta(**origin, subagent_history_start_ordinal=1_000_000)
                made.copy(copied, 0)
                return self._unmarked(made, moves=False)
            case Shape.INHERITED:
                made.meta(**origin)
                made.total = parent.total
                made.count(Event(parent.total, Use()))
            case Shape.BRANCHED:
                made.ordinal = parent.ordinal
                base = {"thread_id": parent.thread, "end_ordinal_exclusive": parent.ordinal or 0}
                made.meta(**origin, history_base=base | {"end_byte_offset": parent.size})
                made.total = parent.total
            case Shape.COPIED:
                made.meta(**origin)
                parent.head(made)
                made.context_line(parent.model)
                made.copy(parent.recorded[: draw.randint(1, len(parent.recorded))], apart)
                made.total = parent.total
            case _:
                made.meta(**origin)
        made.at += 1
        made.context = max(8_000, made.context)
        self._live(made)
        return made

    def _unmarked(self, made: Rollout, *, moves: bool = True) -> Rollout:
        """Some responses without any line that tells of a turn; without `moves`, all at the same instant."""
        for _ in range(self._draw.randint(1, 5)):
            made.context_line(self._model(made.at))
            if moves:
                self._respond(made)
            else:
                made.work()
                made.request()
        return made

    def _orphan(self) -> Rollout:
        """Counters of a parent that is nowhere, from its second on; and nothing of its own that is marked."""
        made = self._rollout(self._begin(), records=False)
        made.truth = Truth()
        gone = self._rollout(made.at, records=False)
        gone.truth = made.truth
        gone.model = "gpt-5.5"
        for _ in range(4):
            gone.request()
        made.meta(forked_from_id=gone.thread)
        gone_head = _Parent(gone.thread, gone.at, gone.total, gone.events, (), None, 0, None)
        gone_head.head(made)
        made.copy(gone.events[1:], 0)
        made.total = gone.total
        made.context_line("gpt-5.5")
        self._respond(made)
        self.truth.unverified += 1
        return made

    def _continued(self, base: _Parent) -> Rollout:
        """The second file of a thread that goes on where its first one ended."""
        made = self._rollout(self._begin(base.created), records=bool(base.recorded), ordinal=base.ordinal)
        made.thread, made.total = base.thread, base.total
        told = {"thread_id": base.thread, "end_ordinal_exclusive": base.ordinal, "end_byte_offset": base.size}
        made.meta(history_base=told)
        if base.events:
            # on resuming, the counter is told once more
            made.count(base.events[-1])
        self._live(made)
        return made

    def _live(self, made: Rollout) -> None:
        """Some turns."""
        draw = self._draw
        model = self._model(made.at)
        if draw.random() < 0.4:
            made.settings(draw.choice(("fast", "standard", "standard")))
        for number in range(max(1, int(draw.expovariate(1 / self._plan.turns)))):
            made.at += draw.randint(5, 900)
            if made.at > self._plan.until - _LAST / 2:
                break
            chance = draw.random()
            if chance < 0.06:
                model = self._model(made.at)
            elif chance < 0.08:
                made.settings(draw.choice(("fast", "standard")))
            elif chance < 0.085 and number:
                # somebody set the clock
                made.at -= draw.uniform(1, 30) * 3_600
            made.turn(model)
            for _ in range(draw.randint(1, 12)):
                self._respond(made)
            made.answer()
            chance = draw.random()
            if chance < 0.03:
                made.compaction(int(draw.uniform(0.05, 1) * self._plan.fat * 1e6) + 100)
            elif chance < 0.034 and not made.records:
                made.overflow()
            elif chance < 0.05:
                made.line("event_msg", '{"type":"thread_rolled_back","num_turns":1}')

    def _respond(self, made: Rollout) -> None:
        draw = self._draw
        made.at += draw.randint(1_500, 40_000) / 1_000
        made.work()
        made.request()
        if draw.random() < 0.35:
            made.at += draw.randint(20, 900) / 1_000
            made.repeat()
        if draw.random() < 0.03:
            made.limits_line()

    def _write(self, made: Rollout) -> int:
        """Write its file, as it is found later; returns its size."""
        plan, truth = self._plan, self.truth
        content = made.take()
        began = datetime.fromtimestamp(made.created, plan.zone)
        name = f"rollout-{began:%Y-%m-%dT%H-%M-%S}-{made.thread}.jsonl"
        dated = self._home / "sessions" / f"{began:%Y/%m/%d}" / name
        if dated.exists():
            dated = dated.with_name(f"rollout-{began:%Y-%m-%dT%H-%M-%S}-{new_id(self._draw)}.jsonl")
        archived = self._home / "archived_sessions" / name
        dress = self._pick(plan.dresses)
        written = {dated: content}
        match dress:
            case Dress.COMPRESSED if plan.until - made.at > WEEK:
                written = {dated.with_name(f"{dated.name}.zst"): zstd.compress(content, 3)}
            case Dress.ARCHIVED if not archived.exists():
                written = {archived: content}
            case Dress.TWICE if not archived.exists():
                written[archived] = content
            case Dress.CRLF:
                written = {dated: content.replace(b"\n", b"\r\n")}
            case Dress.HALF:
                written = {dated: content + _HALF % made.total.input}
            case Dress.INVALID:
                written = {dated: content.replace(b'"arguments":"{', b'"arguments":"\xff\xfe', 2)}
            case _:
                pass
        for path, each in written.items():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_bytes(each)
            os.utime(path, (made.at, made.at))
            truth.files += 1
            truth.bytes += len(each)
        return len(content)


def main(argv: Sequence[str] | None = None) -> int:
    """Write a folder and its truth."""
    parser = argparse.ArgumentParser(prog="python -m poolwatch.demo.sessions", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=size_of, default="300MB", help="how much, at least (300MB)")
    parser.add_argument("--files", type=int, help="how many files, at least, instead")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--until", type=datetime.fromisoformat, help="RFC 3339; unset, now")
    parser.add_argument("--fat", type=float, default=0.2, help="megabytes of images in a compaction (0.2)")
    parser.add_argument("--bulk", type=float, default=1.0, help="how large messages are, as a factor (1)")
    parser.add_argument("--turns", type=float, default=14, help="turns of a thread, in the middle (14)")
    parser.add_argument("--plain", action="store_true", help="nothing is compressed")
    given = parser.parse_args(argv)
    until = time.time() if given.until is None else given.until.timestamp()
    dresses = {
        dress: weight for dress, weight in DRESSES.items() if not (given.plain and dress is Dress.COMPRESSED)
    }
    plan = Plan(until, bulk=given.bulk, turns=given.turns, fat=given.fat, dresses=dresses)
    folder = Folder(given.folder, given.seed, plan)
    truth = folder.fill(given.size) if given.files is None else folder.fill(0, given.files)
    truth.write(given.folder / "truth.json")
    total = truth.total
    sys.stdout.write(
        f"{truth.files} files, {truth.bytes / 1e6:.1f} MB, {total.requests} requests, {total.use}\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
