"""Whether a file's records come to what its counter went on by: two ways in which Codex tells one thing."""

# no `annotations` from __future__: a decoder would evaluate them at each start
from typing import Final

from msgspec import Struct, field

from poolwatch.sessions.copies import NOTHING, Vector

#: A compaction is told soon after its record.
_REMEMBERED: Final = 8


class LedgerCheck(Struct, array_like=True):
    """Sums since the first record."""

    #: where the counter stood before it, None while that is not known
    base: Vector | None = None
    last: Vector | None = None
    recorded: Vector = NOTHING
    #: records that no counter has followed yet
    pending: Vector = NOTHING
    #: records of compactions, which the counter leaves out, and of what may be some
    compacted: Vector = NOTHING
    maybe_compacted: Vector = NOTHING
    #: by what stands for the responses
    recent: dict[int, Vector] = field(default_factory=dict)
    #: the counter fell, or began where nobody knows: nothing can be told
    is_off: bool = False

    def record(self, response: int, used: Vector) -> None:
        """A response has a record."""
        self.pending = used if self.pending is NOTHING else _sum(self.pending, used)
        self.recent[response] = used
        if len(self.recent) > _REMEMBERED:
            del self.recent[next(iter(self.recent))]

    def compaction(self, response: int, *, is_certain: bool) -> None:
        """That response made a compaction; or it is only the last one that a compaction names."""
        used = self.recent.pop(response, NOTHING)
        if is_certain:
            self.compacted = _sum(self.compacted, used)
        else:
            self.maybe_compacted = _sum(self.maybe_compacted, used)

    def counter(self, total: Vector, step: Vector | None) -> None:
        """The counter stands there, and says that its last step was so long."""
        last = self.last
        if last is None:
            base = None if step is None or step == NOTHING else _difference(total, step)
            self.is_off = base is None or min(base) < 0
            self.base = base
        elif total[0] < last[0] or total[1] < last[1] or total[2] < last[2] or total[3] < last[3]:
            self.is_off = True
        self.last = total
        if self.pending is not NOTHING:
            self.recorded = _sum(self.recorded, self.pending)
            self.pending = NOTHING

    @property
    def differs(self) -> bool:
        """Whether the two do not come to the same."""
        if self.is_off or self.base is None or self.last is None:
            return False
        told = _difference(self.last, self.base)
        counted = _difference(self.recorded, self.compacted)
        # the last record may have come before its step, or the other way round
        return told not in (
            counted,
            _difference(counted, self.maybe_compacted),
            _sum(counted, self.pending),
        )


def _sum(one: Vector, other: Vector) -> Vector:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]


def _difference(one: Vector, other: Vector) -> Vector:
    return one[0] - other[0], one[1] - other[1], one[2] - other[2], one[3] - other[3]
