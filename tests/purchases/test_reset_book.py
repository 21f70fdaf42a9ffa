"""What is written down of uses of banked resets: read as it was written, and whatever else stands there."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from poolwatch.domain.banked_resets import Figure, ResetHistory, ResetOutcome, ResetRoute, ResetUse
from poolwatch.domain.failure import Failure
from poolwatch.domain.message import message
from poolwatch.domain.values import replace
from poolwatch.once.journal import Stage
from poolwatch.purchases.reset_book import ResetBook, ResetEntry, ResetJournal, uses_in
from poolwatch.sources.usage_payload import parse_reset_history

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
USE = ResetUse(
    "3f2a90b1-0000-4000-8000-000000000000",
    "acc",
    "reset-ws",
    ResetRoute.SERVICE,
    NOW,
    "rc_1",
    NOW,
    before=(Figure("5h", 100.0, NOW, full=True), Figure("weekly/Spark", None)),
    available=2,
    source="pool",
    place="/home/ann/pool/ann.json",
)
JOURNAL = ResetJournal(Path("nowhere"))


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("outcome", list(ResetOutcome))
def test_a_line_is_read_as_it_was_written(stage: Stage, outcome: ResetOutcome) -> None:
    why = message("resets.not_read", why=message("resets.broke_off"), status="4")
    ended = replace(USE, outcome=outcome, reason=why, ended_at=NOW, settled=True)
    entry = ResetEntry(stage, "a1", ended if stage is Stage.ENDED else USE)
    line = json.loads(json.dumps(JOURNAL.to_line(entry)))
    assert JOURNAL.from_line(line) == entry


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_line_of_anything_breaks_nothing(data: st.DataObject) -> None:
    line = JOURNAL.to_line(ResetEntry(Stage.ENDED, "a1", USE))
    for name in data.draw(st.lists(st.sampled_from(sorted(line)), max_size=4)):
        line[name] = data.draw(JSON)
    found = JOURNAL.from_line(line)
    if found is not None:
        JOURNAL.to_line(found)
        uses_in([found], damaged=True)


def test_where_nothing_was_ever_used_nothing_is_written(tmp_path: Path) -> None:
    book = ResetBook(tmp_path / "state", lambda: NOW)
    assert book.uses() == ()
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"events": [{"kind": "used", "occurred_at": "2026-11-20T21:00:00Z"}]}', ResetHistory((NOW,))),
        (b'{"events": [{"kind": "granted", "occurred_at": "2026-11-20T21:00:00Z"}]}', ResetHistory(())),
        (
            b'{"as_of": "2026-11-20T21:00:00Z", "window_start": "2026-11-20T21:00:00Z", "events": [],'
            b' "next_cursor": "c2"}',
            ResetHistory((), NOW, NOW, is_part=True),
        ),
        (
            b'{"events": [{"kind": "used", "occurred_at": "soon"}, {"kind": "used"}, 7, null]}',
            ResetHistory((), is_part=True),
        ),
        (b'{"events": []}', ResetHistory(())),
        (b'{"events": null}', None),
        (b'{"events": {}}', None),
        (b"[]", None),
        (b"<html>", None),
        (b"", None),
    ],
)
def test_what_the_history_has_of_uses(body: bytes, found: ResetHistory | None) -> None:
    read = parse_reset_history(body)
    assert (None if isinstance(read, Failure) else read) == found
