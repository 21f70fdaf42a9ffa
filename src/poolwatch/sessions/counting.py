"""The rule that tells how many tokens a session file stands for. Pure: lines go in, counts come out.

A response that has a record is counted by it, once over all files. Where there are none, the counter's steps
are counted. What a fork or a subagent copied from its origin is none of its own use: `copies` tells it apart.
"""

# no `annotations` from __future__: a decoder would evaluate them at each start
from array import array
from collections.abc import Callable, Iterable, Mapping
from hashlib import blake2b
from typing import Final

from msgspec import UNSET, Raw

from poolwatch.domain.rates import LONG_CONTEXT
from poolwatch.domain.tokens import QUARTER_SECONDS
from poolwatch.sessions.copies import MARK, NOTHING, Prefix, Step, decide, vector_of
from poolwatch.sessions.counts import NO_COUNTS, CellKey, Counts, Request, Response, State, counts_of
from poolwatch.sessions.heads import FileHead, head_of, text_of
from poolwatch.sessions.limits import LimitMoved, moved_limits
from poolwatch.sessions.rollout import (
    HEAD,
    OF_NO_INTEREST,
    USUAL_TYPE,
    Kind,
    Line,
    Record,
    Turn,
    compaction_of,
    kind_of,
    ordinal_of,
    read_count,
    read_meta,
    read_record,
    read_reference,
    read_settings,
    read_started,
    read_turn,
    seconds_of,
    tier_of,
)
from poolwatch.sessions.tables import TIERS

#: What is kept of files is of this version of the rule; with another one they are read anew.
PARSER_VERSION: Final = 1
_PAYLOAD: Final = b'"payload":'
#: No line ends so.
_NEVER: Final = b"\0"
_MINUTE_SECONDS: Final = 60
_STAMP_LENGTH: Final = len("2026-11-29T08:00:00.123Z")


class Counting:
    """Counts one file: what it found since it was made stands in its fields.

    `name` stands in for a thread's id. `is_further`: whether another file of a thread comes first.
    `is_child`: the file was found to begin with a copy, though its head does not say so.
    """

    def __init__(
        self,
        name: str,
        state: State,
        course: bytes = b"",
        *,
        is_further: Callable[[str], bool] = lambda thread: False,
        is_child: bool = False,
    ) -> None:
        self.state: Final = state
        self._name: Final = name
        self._is_further: Final = is_further
        self._is_child: Final = is_child
        #: marks of the counter's states, one after the other: what a copy of this file begins with
        self.course: Final = array("I", course)
        self.cells: Final[dict[CellKey, list[int]]] = {}
        self.requests: Final[list[Request]] = []
        self.responses: Final[list[Response]] = []
        self.limits: Final[list[LimitMoved]] = []
        #: it turned out that the file begins with a copy: all of it must be counted anew, as a child's
        self.is_misread = False
        #: requests before this instant are counted, and not kept singly
        self.singly_from = 0.0
        self._waiting: Final[list[Step]] = []
        #: how many waiting steps and limits stand before the first task of its own
        self._own_from: tuple[int, int] | None = None
        self._start_ordinal = None if state.head is None else self._ordinal_awaited(state.head)
        self._minute = ""
        self._minute_at = 0
        self._raw_limits = Raw()
        #: the counter's last line, without its time
        self._payload = _NEVER
        self._last_vector = state.vector

    @property
    def thread(self) -> str:
        """Whose file it is."""
        return self._name if self.state.head is None else self.state.head.thread

    @property
    def origin(self) -> str | None:
        """Whose course `settle` needs, None when it needs none."""
        head = self.state.head
        undecided = self.state.prefix is Prefix.UNDECIDED and self._waiting and self._own_from is None
        return head.origin if undecided and head is not None else None

    @property
    def _goes_on(self) -> bool:
        """Whether its counter goes on where that of another file ended, and nothing need be a copy."""
        head = self.state.head
        return self.state.is_further or (head is not None and head.base is not None)

    def feed(self, lines: Iterable[bytes]) -> None:
        """Count these lines; ends early when the file turns out to be misread."""
        for line in lines:
            if line[USUAL_TYPE] == OF_NO_INTEREST:
                continue
            kind = kind_of(line)
            if self._start_ordinal is not None:
                self._look_for_own_line(line, self._start_ordinal)
            if kind is not None:
                try:
                    _ACTS[kind](self, line)
                except (ValueError, OverflowError, RecursionError):
                    # what msgspec raises, what is no UTF-8, and seconds that are none
                    self.state.bad_lines += 1
            if self.is_misread:
                return

    def settle(self, course: bytes | None) -> None:
        """Tell what is a copy, at the end of the file; `course`: its origin's, None where nobody has it.

        Afterwards the file may still be undecided: nothing in it is its own yet.
        """
        state = self.state
        if state.prefix is not Prefix.UNDECIDED:
            return
        if not self._waiting:
            if state.has_records:
                self._begin(Prefix.RECORDS, 0, 0)
            return
        if self._own_from is not None:
            self._begin(Prefix.STARTED, *self._own_from)
            return
        # a number of its first own line, which no line has reached, tells of a copy as well
        has_copy = state.has_ancestor or self._start_ordinal is not None
        prefix, copied = decide(self._waiting, course, has_ancestor=has_copy, goes_on=self._goes_on)
        if prefix is Prefix.UNDECIDED and not state.has_records:
            return
        if copied == len(self._waiting):
            self._begin(Prefix.ORIGIN, copied, len(self.limits))
        elif prefix is Prefix.UNVERIFIED:
            self._begin(prefix, 0, len(self.limits))
        else:
            self._begin(prefix, copied, self._waiting[copied].limits)

    # -- what lines say

    def _meta(self, line: bytes) -> None:
        state = self.state
        found = head_of(read_meta(line).payload, self._name)
        if state.head is None:
            state.head = found
            state.is_further = found.base == found.thread or self._is_further(found.thread)
            found.origin = found.origin or found.base or (found.thread if state.is_further else None)
            if found.is_child or self._is_child:
                state.prefix = Prefix.UNDECIDED
            self._start_ordinal = self._ordinal_awaited(found)
            return
        if found.thread == state.head.thread:
            return
        state.has_ancestor = True
        state.head.origin = state.head.origin or found.thread
        if state.prefix is Prefix.UNDECIDED:
            # what stood before it is a copy as well
            self._own_from = None
        elif state.prefix is Prefix.NONE and state.vector is None:
            state.prefix = Prefix.UNDECIDED
        elif state.prefix is not Prefix.ORDINAL:
            self.is_misread = True

    def _turn(self, line: bytes) -> None:
        turn = read_turn(line).payload
        self._is_set(turn)
        # there, none means that nothing is said
        if turn.service_tier:
            self._has_tier(turn)

    def _settings(self, line: bytes) -> None:
        turn = read_settings(line).payload.thread_settings
        self._is_set(turn)
        self._has_tier(turn)

    def _is_set(self, turn: Turn) -> None:
        self.state.model = text_of(turn.model) or self.state.model

    def _has_tier(self, turn: Turn) -> None:
        if turn.service_tier is not UNSET:
            self.state.tier = TIERS[tier_of(turn.service_tier)]

    def _started(self, line: bytes) -> None:
        state, head = self.state, self.state.head
        # only behind an ancestor's head is it known that what stands before it is a copy
        if head is None or head.created is None or not state.has_ancestor or self._own_from is not None:
            return
        if state.prefix in (Prefix.ORDINAL, Prefix.STARTED, Prefix.RECORDS):
            return
        started = read_started(line).payload.started_at
        if not isinstance(started, int | float) or started < int(head.created):
            return
        if state.prefix is Prefix.UNDECIDED:
            self._own_from = (len(self._waiting), len(self.limits))
        else:
            # it was told otherwise before this was written
            self.is_misread = True

    def _look_for_own_line(self, line: bytes, start: int) -> None:
        ordinal = ordinal_of(line)
        if ordinal is None or ordinal < start:
            return
        self._start_ordinal = None
        if self.state.prefix is Prefix.UNDECIDED:
            self._begin(Prefix.ORDINAL, len(self._waiting), len(self.limits))
        else:
            self.is_misread = True

    def _record(self, line: bytes) -> None:
        read = read_record(line)
        if read.payload.response_id:
            self._respond(read, read.payload.response_id, is_reference=False)
            self.state.has_records = True

    def _compacted(self, line: bytes) -> None:
        ledger, made_by = self.state.ledger, compaction_of(line)
        if made_by is not None:
            ledger.compaction(_key(made_by), is_certain=True)
        reference = read_reference(line)
        if reference is not None and reference.payload.response_id:
            self._respond(reference, reference.payload.response_id, is_reference=True)
            ledger.compaction(_key(reference.payload.response_id), is_certain=False)

    def _respond(self, line: Line[Record], response: str, *, is_reference: bool) -> None:
        state, record, own, key = self.state, line.payload, self.thread, _key(response)
        counts = counts_of(record.usage)
        is_own = record.thread_id is None or record.thread_id == own
        if is_own and not is_reference:
            state.ledger.record(key, (counts[0], counts[1], counts[3], counts[4]))
        at = self._instant(line.timestamp)
        request = Request(at, state.model, state.tier, counts[0] > LONG_CONTEXT, counts)
        rank = 2 if is_reference else int(not is_own)
        thread = own if is_own else text_of(record.thread_id) or own
        self.responses.append(Response(key, rank, thread, request))

    def _count(self, line: bytes) -> None:
        # this is what most of the time goes to, so it asks nobody that it need not
        if line.endswith(self._payload):
            # written once more, as it is again and again
            return
        at = line.find(_PAYLOAD, 0, HEAD)
        self._payload = line[at:] if at > 0 else _NEVER
        read = read_count(line)
        payload = read.payload
        state = self.state
        if payload.rate_limits != self._raw_limits:
            self._raw_limits = payload.rate_limits
            moved = moved_limits(payload.rate_limits, state.limits, int(self._instant(read.timestamp)))
            self.limits.extend(moved)
        info = payload.info
        if info is None or info.total_token_usage is None:
            return
        total = info.total_token_usage
        vector = (
            total.input_tokens,
            total.cached_input_tokens,
            total.output_tokens,
            total.reasoning_output_tokens,
        )
        if vector == self._last_vector:
            return
        self._last_vector = vector
        self.course.append(hash(vector) & MARK)
        if state.has_records:
            last = info.last_token_usage
            state.ledger.counter(vector, None if last is None else vector_of(last))
            return
        step = Step(
            vector,
            total,
            info.last_token_usage,
            info.model_context_window,
            self._instant(read.timestamp),
            state.model,
            state.tier,
            len(self.limits),
        )
        if state.prefix is Prefix.UNDECIDED:
            self._waiting.append(step)
        else:
            self._advance(step)

    # -- what they come to

    def _begin(self, prefix: Prefix, copied: int, limits: int) -> None:
        """The file's own use begins behind so many steps and limits, which are a copy."""
        state = self.state
        state.prefix = prefix
        del self.limits[:limits]
        if copied:
            state.vector = self._waiting[copied - 1].vector
            state.cache_write = self._waiting[copied - 1].total.cache_write_input_tokens
        for step in self._waiting[copied:]:
            self._advance(step)
        self._waiting.clear()

    def _advance(self, step: Step) -> None:
        """Count what the counter went on by."""
        state = self.state
        vector, last = step.vector, step.last
        before, state.vector = state.vector, vector
        written = step.total.cache_write_input_tokens
        written_before, state.cache_write = state.cache_write, written
        if vector == NOTHING:
            # when the context overflows, Codex says so by a counter without parts
            return
        if before is None:
            self._first(step)
            return
        a, b, c, d = before
        counts = (vector[0] - a, vector[1] - b, written - written_before, vector[2] - c, vector[3] - d)
        verified = state.prefix is not Prefix.UNVERIFIED
        if min(counts) < 0:
            if vector[0] >= a and vector[1] >= b and vector[2] >= c and vector[3] >= d:
                # cache writes tell nothing about the counter
                counts = (counts[0], counts[1], 0, counts[3], counts[4])
            elif last is None or vector_of(last) == NOTHING:
                return
            else:
                # a compaction takes a little away: the counter did not begin anew
                counts = counts_of(last)
                verified = verified and (step.window is None or last.input_tokens <= step.window)
        self._add(step, counts, verified=verified)

    def _first(self, step: Step) -> None:
        """Count the first step. What the counter held before it is an origin's, or nobody knows whose."""
        head = self.state.head
        verified = self.state.prefix is not Prefix.UNVERIFIED
        last = NO_COUNTS if step.last is None else counts_of(step.last)
        if last != NO_COUNTS:
            self._add(step, last, verified=verified)
        total = counts_of(step.total)
        rest = (
            max(0, total[0] - last[0]),
            max(0, total[1] - last[1]),
            max(0, total[2] - last[2]),
            max(0, total[3] - last[3]),
            max(0, total[4] - last[4]),
        )
        if rest != NO_COUNTS and (head is None or not head.is_child):
            self._add(step, rest, verified=False)

    def _add(self, step: Step, counts: Counts, *, verified: bool) -> None:
        last = step.last
        size = counts[0] if last is None else last.input_tokens or counts[0]
        is_long = size > LONG_CONTEXT
        key = (int(step.at) // QUARTER_SECONDS, step.model, step.tier, is_long, verified)
        cell = self.cells.get(key)
        if cell is None:
            self.cells[key] = [1, *counts]
        else:
            cell[0] += 1
            cell[1] += counts[0]
            cell[2] += counts[1]
            cell[3] += counts[2]
            cell[4] += counts[3]
            cell[5] += counts[4]
        if verified and step.at >= self.singly_from:
            self.requests.append(Request(step.at, step.model, step.tier, is_long, counts))

    def _instant(self, stamp: str) -> float:
        """When a line was written. Most stand in the minute of the one before."""
        is_usual = len(stamp) == _STAMP_LENGTH and stamp[23] == "Z"
        if is_usual and stamp[:16] == self._minute:
            try:
                second = float(stamp[17:23])
            except ValueError:
                return self.state.at
            # also what reads as no number, or as any
            if 0 <= second < _MINUTE_SECONDS:
                self.state.at = self._minute_at + second
            return self.state.at
        at = seconds_of(stamp)
        if at is not None:
            self.state.at = at
            if is_usual:
                self._minute = stamp[:16]
                self._minute_at = int(at) // _MINUTE_SECONDS * _MINUTE_SECONDS
        return self.state.at

    def _ordinal_awaited(self, head: FileHead) -> int | None:
        return None if self.state.prefix is Prefix.ORDINAL else head.start_ordinal


def _key(response: str) -> int:
    """The 64 bits that stand for a response wherever it is kept."""
    return int.from_bytes(blake2b(response.encode(), digest_size=8).digest(), "big", signed=True)


_ACTS: Final[Mapping[Kind, Callable[[Counting, bytes], None]]] = {
    Kind.COUNT: Counting._count,
    Kind.META: Counting._meta,
    Kind.TURN: Counting._turn,
    Kind.RECORD: Counting._record,
    Kind.COMPACTED: Counting._compacted,
    Kind.STARTED: Counting._started,
    Kind.SETTINGS: Counting._settings,
}
