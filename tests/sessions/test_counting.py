"""The pure parts of counting: what lines are, whose a file is, limits, and the two ledgers of one thread."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest
from msgspec import Raw, convert

from poolwatch.domain.tokens import Tier
from poolwatch.sessions.copies import Prefix
from poolwatch.sessions.counting import Counting
from poolwatch.sessions.counts import State
from poolwatch.sessions.heads import head_of
from poolwatch.sessions.ledger_check import LedgerCheck
from poolwatch.sessions.limits import KnownLimits, moved_limits
from poolwatch.sessions.rollout import Kind, SessionMeta, kind_of, read_reference, seconds_of, tier_of
from tests.sessions.builder import Thread, U

_A, _B, _C = U(10, 4, 5, 2), U(20, 5, 7), U(30, 0, 9)
_HEAD = '{"timestamp":"2026-11-29T08:00:00.123Z",'


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (_HEAD + '"type":"response_item","payload":{"type":"token_count"}}', None),
        (_HEAD + '"type":"event_msg","payload":{"type":"token_count","info":null}}', Kind.COUNT),
        (_HEAD + '"ordinal":12,"type":"event_msg","payload":{"type":"token_count"}}', Kind.COUNT),
        (_HEAD + '"type":"event_msg","payload":{"type":"task_started"}}', Kind.STARTED),
        (_HEAD + '"type":"event_msg","payload":{"type":"turn_started"}}', Kind.STARTED),
        (_HEAD + '"type":"event_msg","payload":{"type":"thread_settings_applied"}}', Kind.SETTINGS),
        (_HEAD + '"type":"event_msg","payload":{"type":"agent_message"}}', None),
        (_HEAD + '"type":"session_meta","payload":{}}', Kind.META),
        (_HEAD + '"type":"turn_context","payload":{}}', Kind.TURN),
        (_HEAD + '"type":"compacted","payload":{}}', Kind.COMPACTED),
        (_HEAD + '"ordinal":1,"type":"token_usage_record","payload":{}}', Kind.RECORD),
        (
            '{"timestamp":"2026-11-29T08:00:00Z","type":"event_msg","payload":{"type":"token_count"}}',
            Kind.COUNT,
        ),
        # nobody knows in which order the keys will stand one day
        ('{"payload":{"info":null,"type":"token_count"},"type":"event_msg"}', Kind.COUNT),
        ('{"payload":{"info":{"type":"token_count"},"type":"other"},"type":"event_msg"}', None),
        ('{"payload":{"type":"token_usage_record"},"type":"response_item","timestamp":"x"}', None),
        (_HEAD + '"payload":{"type":"session_meta"},"type":"world_state"}', None),
        (_HEAD + '"type":"hologram","payload":{"type":"token_count"}}', None),
        (_HEAD + '"type":"event_msg","payload":7}', None),
        ('{"type":["event_msg"]}', None),
        ("", None),
        ("[]", None),
        pytest.param("{" * 100_000, None, id="deep"),
    ],
)
def test_a_line_is_known_by_its_beginning_or_else_by_reading_it(line: str, kind: Kind | None) -> None:
    assert kind_of(line.encode()) is kind


def test_a_compaction_is_read_from_its_end() -> None:
    record = Thread("one").recorded("r1", _A)
    told = {"message": '"latest_token_usage_record":{"x', "latest_token_usage_record": record}
    whole = Thread("one").line("compacted", told).lines[0]
    found = read_reference(whole)
    assert found is not None
    assert (found.payload.response_id, found.payload.usage.input_tokens) == ("r1", 10)
    assert read_reference(whole[:150] + b"\0" + whole[-1000:]) is not None
    for other in ({"latest_token_usage_record": None}, {"latest_token_usage_record": {"usage": 1}}, {}):
        assert read_reference(Thread("one").line("compacted", other).lines[0]) is None


@pytest.mark.parametrize(
    ("meta", "told"),
    [
        ({}, ("file", None, None, None, None, None)),
        (
            {"id": "t", "cwd": "/home/u/my shop/", "originator": "codex_cli_rs", "source": "cli"},
            ("t", None, None, None, "my shop", "codex_cli_rs cli"),
        ),
        (
            {"id": "t", "cwd": "C:\\work\\shop", "source": {"subagent": "review"}, "forked_from_id": "o"},
            ("t", "o", "o", None, "shop", "subagent review"),
        ),
        (
            {"id": "t", "source": {"subagent": {"thread_spawn": {"parent_thread_id": "p"}}}},
            ("t", "p", "p", None, None, "subagent"),
        ),
        (
            {
                "id": "t",
                "parent_thread_id": "p",
                "forked_from_id": "o",
                "subagent_history_start_ordinal": "7",
            },
            ("t", "o", "p", 7, None, None),
        ),
        (
            {"id": 5, "cwd": ["/"], "source": [], "subagent_history_start_ordinal": True, "originator": ""},
            ("file", None, None, None, None, None),
        ),
        ({"id": "t", "subagent_history_start_ordinal": -1, "cwd": "/"}, ("t", None, None, None, None, None)),
    ],
)
def test_whose_a_file_is(meta: dict[str, object], told: tuple[object, ...]) -> None:
    head = head_of(convert(meta, SessionMeta), "file")
    assert told == (head.thread, head.origin, head.parent, head.start_ordinal, head.project, head.client)


@pytest.mark.parametrize(
    ("told", "tier"),
    [
        (None, Tier.STANDARD),
        ("default", Tier.STANDARD),
        ("priority", Tier.FAST),
        ("fast", Tier.FAST),
        ("flex", Tier.UNKNOWN),
        (7, Tier.UNKNOWN),
        (["priority"], Tier.UNKNOWN),
    ],
)
def test_speeds(told: object, tier: Tier) -> None:
    assert tier_of(told) is tier


def test_instants() -> None:
    assert seconds_of("2026-11-29T08:00:00.5Z") == seconds_of("2026-11-29T09:00:00.500+01:00")
    assert seconds_of("2026-11-29T08:00:00") == seconds_of("2026-11-29T08:00:00Z")
    assert [seconds_of(each) for each in ("", "soon", None, 5)] == [None] * 4
    assert [seconds_of(each) for each in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z")] == [None] * 2


def _limits(used: float | None, resets_at: int | None, **more: object) -> Raw:
    window = {"used_percent": used, "window_minutes": 300, "resets_at": resets_at}
    return Raw(json.dumps({"limit_id": "codex", "primary": window, "plan_type": "plus"} | more).encode())


def test_limits_are_kept_where_they_move() -> None:
    known: KnownLimits = {}

    def seen(raw: Raw) -> list[tuple[object, ...]]:
        return [each[1:5] for each in moved_limits(raw, known, 1000)]

    assert seen(_limits(5, 9000)) == [("codex", 300, 5, 9000)]
    # a reset that slides by seconds is the same one
    assert seen(_limits(5, 9010)) == []
    assert seen(_limits(6, 9010)) == [("codex", 300, 6, 9010)]
    assert seen(_limits(6, 20000)) == [("codex", 300, 6, 20000)]
    assert seen(_limits(6, None)) == [("codex", 300, 6, None)]
    assert seen(_limits(5, 9000, limit_id=None)) == [("", 300, 5, 9000)]
    old = {"used_percent": 1.5, "window_minutes": 10080, "resets_in_seconds": 60}
    assert seen(_limits(6, None, secondary=old)) == [("codex", 10080, 1.5, 1060)]
    for broken in (
        b"null",
        b"7",
        b'{"primary":{"window_minutes":"300"}}',
        b'{"primary":{"window_minutes":-1}}',
    ):
        assert seen(Raw(broken)) == []


def _checked(steps: Iterable[tuple[str, U, U | None]]) -> bool:
    check = LedgerCheck()
    for what, use, last in steps:
        vector = (use.input, use.cached, use.output, use.reasoning)
        if what == "counter":
            step = None if last is None else (last.input, last.cached, last.output, last.reasoning)
            check.counter(vector, step)
        elif what.startswith("compacted"):
            check.compaction(int(what[-1]), is_certain=what.startswith("compacted by"))
        else:
            check.record(int(what), vector)
    return check.differs


def _sum(*uses: U) -> U:
    return U(*(sum(parts) for parts in zip(*uses, strict=True)))


@pytest.mark.parametrize(
    ("steps", "differs"),
    [
        ([("1", _A, None)], False),
        ([("1", _A, None), ("counter", _A, _A), ("2", _B, None), ("counter", _sum(_A, _B), _B)], False),
        # it goes on from what was counted before there were records
        ([("1", _B, None), ("counter", _sum(_A, _B), _B), ("2", _C, None)], False),
        ([("1", _A, None), ("counter", _A, _A), ("counter", _sum(_A, _B), _B)], True),
        (
            [
                ("1", _A, None),
                ("2", _B, None),
                ("counter", _A, _A),
                ("3", _C, None),
                ("counter", _sum(_A, _C), _C),
            ],
            True,
        ),
        (
            [
                ("1", _A, None),
                ("counter", _A, _A),
                ("2", _B, None),
                ("compacted by 2", _B, None),
                ("3", _C, None),
                ("counter", _sum(_A, _C), _C),
            ],
            False,
        ),
        (
            [
                ("1", _A, None),
                ("counter", _A, _A),
                ("2", _B, None),
                ("compacted 2", _B, None),
                ("3", _C, None),
                ("counter", _sum(_A, _C), _C),
            ],
            False,
        ),
        # the counter fell: it tells nothing any more
        ([("1", _C, None), ("counter", _C, _C), ("counter", _A, _A), ("counter", _sum(_A, _B), _B)], False),
        ([("1", _A, None), ("counter", _C, None), ("counter", _sum(_C, _C), _C)], False),
    ],
)
def test_records_are_held_against_the_counter(steps: list[tuple[str, U, U | None]], *, differs: bool) -> None:
    assert _checked(steps) is differs


def _counted(thread: Thread, **more: object) -> Counting:
    counting = Counting("name", State(at=5.0))
    counting.feed(thread.lines)
    counting.settle(None)
    return counting


def test_a_first_step_that_nobody_can_explain_is_half_counted() -> None:
    """What a counter held before its first step may be anybody's."""
    counting = _counted(Thread("one").head().turn().counter(_sum(_A, _B), _B))
    assert {key[4]: cell for key, cell in counting.cells.items()} == {
        True: [1, 20, 5, 0, 7, 0],
        False: [1, 10, 4, 0, 5, 2],
    }


def test_a_last_step_above_the_window_is_not_believed() -> None:
    huge = U(500_000, 0, 1)
    counting = _counted(Thread("one").head().turn().counter(huge).counter(_A, huge))
    assert {key[4]: cell[1] for key, cell in counting.cells.items()} == {True: 500_000, False: 500_000}


def test_damaged_lines_cost_themselves() -> None:
    thread = Thread("one").head().turn().counter(_A)
    for info in (7, {"total_token_usage": 3}, {"total_token_usage": {"input_tokens": -1}}):
        thread.event("token_count", info=info)
    thread.event("token_count", info={"total_token_usage": {"input_tokens": 10**15}})
    thread.event("token_count", info={"last_token_usage": {"input_tokens": 7}})
    thread.line("token_usage_record", {"response_id": "r1", "usage": None})
    counting = _counted(thread.counter(_sum(_A, _B), _B))
    assert counting.state.bad_lines == 5
    assert [cell[:2] for cell in counting.cells.values()] == [[2, 30]]


@pytest.mark.parametrize(
    "odd", ["08:00:1e9999", "08:00:1e99  ", "08:00:   nan", "08:00:-1e300", "08:00:xx.yyy", "99:99:00.000"]
)
def test_an_instant_that_is_none_is_that_of_the_line_before(odd: str) -> None:
    thread = Thread("one").head().turn().counter(_A).counter(_sum(_A, _B), _B)
    usual = thread.lines[-2][len(b'{"timestamp":"2026-11-20T') :][:12].decode()
    for before in ("08:00:00.000", usual):
        thread.lines[-1] = thread.lines[-1].replace(thread.lines[-1][25:37], odd.encode())
        thread.lines[-2] = thread.lines[-2].replace(thread.lines[-2][25:37], before.encode())
        counting = _counted(thread)
        assert [cell[:2] for cell in counting.cells.values()] == [[2, 30]]
        assert [request.at for request in counting.requests] == [seconds_of(f"2026-11-20T{before}Z")] * 2


def test_what_tells_no_instant_happened_when_the_file_was_changed() -> None:
    thread = Thread("one").turn().counter(_A)
    thread.lines = [line.replace(b"2026-11-20T", b"on a day ") for line in thread.lines]
    counting = _counted(thread)
    assert [key[0] for key in counting.cells] == [0]
    assert counting.thread == "name"
    assert counting.state.prefix is Prefix.NONE
