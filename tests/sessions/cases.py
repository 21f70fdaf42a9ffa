"""Small folders, each with one trap of session files, and what was really used in it, stated by hand."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from tests.sessions.builder import MODEL, ZERO, Thread, U, quarter
from tests.sessions.second_counter import Where

AT: Final = "2026-11-20T10:00"
A: Final = U(10_000, 4_000, 500, 200)
B: Final = U(12_000, 9_000, 300, 100)
C: Final = U(15_000, 11_000, 700, 0)


def plus(*uses: U) -> U:
    return U(*(sum(parts) for parts in zip(*uses, strict=True)))


WINDOW_FULL: Final = 400_000
Truth = dict[Where, tuple[int, ...]]


def used(
    *uses: U, at: str = AT, model: str | None = MODEL, tier: str = "unknown", long: bool = False
) -> Truth:
    """Requests of one quarter of an hour."""
    whole = plus(*uses)
    counts = (len(uses), whole.input, whole.cached, whole.cache_write, whole.output, whole.reasoning)
    return {Where(quarter(f"{at}+00:00"), model, tier, long): counts}


class Case(NamedTuple):
    """A folder; `homes` below it, `unverified` how many files nobody can place."""

    build: Callable[[Path], object]
    truth: Truth
    homes: tuple[str, ...] = (".",)
    unverified: int = 0


CASES: dict[str, Case] = {}


def case(truth: Truth, homes: tuple[str, ...] = (".",), unverified: int = 0) -> Callable[..., object]:
    def add(build: Callable[[Path], object]) -> Callable[[Path], object]:
        CASES[build.__name__] = Case(build, truth, homes, unverified)
        return build

    return add


def parent() -> Thread:
    """A thread of three requests, the day before."""
    made = Thread("parent", "2026-11-19T09:00:00+00:00").head().turn()
    return made.counter(A).counter(plus(A, B), B).counter(plus(A, B, C), C)


PARENT: Final = used(A, B, C, at="2026-11-19T09:00")


@case(used(A, B))
def unchanged_repeats(home: Path) -> None:
    both = plus(A, B)
    made = Thread("one").head().turn().counter(A).counter(A).counter(both, B).counter(both, B).item()
    made.counter(both, B).write(home)


@case(PARENT | used(B))
def fork_with_new_timestamps_in_one_second(home: Path) -> None:
    old = parent()
    old.write(home)
    made = Thread("child", step=0).head(forked_from_id=old.id).foreign(old)
    made.event("task_started", turn_id="old", started_at=1_000).model()
    made.counter(A).counter(plus(A, B), B)
    made.turn().counter(plus(A, B, B), B).write(home)


@case(PARENT | used(B))
def fork_with_new_timestamps_over_minutes(home: Path) -> None:
    old = parent()
    old.write(home)
    made = Thread("child", step=30).child_of(old).foreign(old).model()
    made.counter(A).counter(plus(A, B), B).counter(plus(A, B, C), C)
    made.turn().counter(plus(A, B, C, B), B).write(home)


@case(PARENT | used(B))
def fork_told_by_the_parents_counters_alone(home: Path) -> None:
    old = parent()
    old.write(home)
    made = Thread("child").head(forked_from_id=old.id).foreign(old).model()
    made.counter(A).counter(plus(A, B), B).counter(plus(A, B, B), B).write(home)


@case({})
def fork_of_nothing_but_copies(home: Path) -> None:
    gone = parent()
    made = Thread("child").head(forked_from_id=gone.id).foreign(gone).model()
    made.counter(A).counter(plus(A, B), B).turn().write(home)


@case(PARENT | used(B))
def inherited_counter(home: Path) -> None:
    old = parent()
    old.write(home)
    three = plus(A, B, C)
    made = Thread("child").child_of(old).turn().counter(three, ZERO).counter(three, ZERO)
    made.counter(plus(three, B), B).write(home)


@case(used(B))
def inherited_counter_of_a_parent_that_is_gone(home: Path) -> None:
    three = plus(A, B, C)
    made = Thread("child").child_of(parent()).turn().counter(three, ZERO)
    made.counter(plus(three, B), B).write(home)


@case(PARENT | used(B, C))
def child_that_starts_at_zero(home: Path) -> None:
    old = parent()
    old.write(home)
    Thread("child").child_of(old).turn().counter(B).counter(plus(B, C), C).write(home)


@case(PARENT | used(B, B, B))
def siblings_with_equal_counters(home: Path) -> None:
    old = parent()
    old.write(home)
    for name in ("first", "second", "third"):
        Thread(name).child_of(old).turn().counter(B).write(home)


@case(used(A, at="2026-10-31T23:45") | used(B, at="2026-11-20T10:00"))
def resumed_weeks_later(home: Path) -> None:
    made = Thread("one", "2026-10-31T23:50:00+00:00").head().turn().counter(A)
    made.at("2026-11-20T10:01:00+00:00").counter(A).turn().counter(plus(A, B), B).write(home)


@case(used(A, B))
def being_archived(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).counter(plus(A, B), B)
    made.write(home)
    made.write(home, archived=True)


@case(used(A, B))
def archived(home: Path) -> None:
    Thread("one").head().turn().counter(A).counter(plus(A, B), B).write(home, archived=True)


@case(used(A), homes=("one", "two"))
def a_home_by_two_paths(folder: Path) -> None:
    Thread("one").head().turn().counter(A).write(folder / "one")
    (folder / "two").symlink_to(folder / "one")


@case(used(A) | used(B, at="2026-11-20T12:00"), homes=("one", "two"))
def homes_that_share_a_tree(folder: Path) -> None:
    Thread("one").head().turn().counter(A).write(folder / "shared")
    Thread("two", "2026-11-20T12:00:00+00:00").head().turn().counter(B).write(folder / "shared")
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "sessions").symlink_to(folder / "shared" / "sessions")


@case(used(A), homes=("one", "two"))
def a_file_with_two_links(folder: Path) -> None:
    path = Thread("one").head().turn().counter(A).write(folder / "one")
    other = folder / "two" / "sessions" / "2026" / "11" / "21"
    other.mkdir(parents=True)
    os.link(path, other / path.name)


@case(used(A), homes=("one", "two"))
def a_home_that_was_copied(folder: Path) -> None:
    for name in ("one", "two"):
        Thread("one").head().turn().counter(A).write(folder / name)


@case(used(U(10_000, 9_000, 500, 400)))
def cached_is_part_of_input_and_reasoning_of_output(home: Path) -> None:
    Thread("one").head().turn().counter(U(10_000, 9_000, 500, 400)).write(home)


@case(used(A, B, C))
def counter_that_falls(home: Path) -> None:
    both = plus(A, B)
    fallen = U(both.input - 2_000, both.cached - 900, both.output - 20, both.reasoning)
    made = Thread("one").head().turn().counter(A).counter(both, B)
    made.line("compacted", {"message": "", "replacement_history": []})
    made.counter(fallen, C).counter(fallen, C).write(home)


@case(used(A, B, C))
def compaction_that_only_the_ledger_knows(home: Path) -> None:
    made = Thread("one", ordinal=0).head().turn()
    made.record("r1", A).counter(A)
    made.record("r2", B)
    made.line("compacted", {"message": "", "latest_token_usage_record": made.recorded("r2", B)})
    made.record("r3", C).counter(plus(A, C), C).write(home)


@case(used(A, B))
def compaction_that_names_a_record_nobody_wrote(home: Path) -> None:
    made = Thread("one", ordinal=0).head().turn().record("r1", A)
    made.line("compacted", {"message": "", "latest_token_usage_record": made.recorded("r2", B)})
    made.line("compacted", {"message": "", "latest_token_usage_record": made.recorded("r2", B)}).write(home)


@case(used(A, at="2026-11-19T22:45") | used(B, at="2026-11-19T23:00"))
def folders_are_local_and_lines_are_utc(home: Path) -> None:
    made = Thread("one", "2026-11-20T00:05:00+00:00")
    made.at("2026-11-19T22:59:00+00:00").head().turn().counter(A)
    made.at("2026-11-19T23:05:00+00:00").counter(plus(A, B), B).write(home)


@case(
    used(A, at="2026-10-25T00:45") | used(B, at="2026-10-25T01:15") | used(C, at="2026-10-25T02:15"),
)
def the_night_that_has_an_hour_twice(home: Path) -> None:
    made = Thread("one", "2026-10-25T02:45:00+02:00").head().turn().counter(A)
    made.at("2026-10-25T02:15:00+01:00").counter(plus(A, B), B)
    made.at("2026-10-25T03:15:00+01:00").counter(plus(A, B, C), C).write(home)


@case(used(A) | used(B, tier="fast") | used(C, tier="standard"))
def tier_is_what_the_thread_was_set_to(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).tier("priority").counter(plus(A, B), B).turn()
    made.tier("default").counter(plus(A, B, C), C).write(home)


@case(used(U(200_000, 0, 10), U(272_000, 0, 10)) | used(U(272_001, 0, 10), long=True))
def long_context_is_told_for_each_request(home: Path) -> None:
    first, second, third = U(200_000, 0, 10), U(272_000, 0, 10), U(272_001, 0, 10)
    made = Thread("one").head().turn().counter(first).counter(plus(first, second), second)
    made.counter(plus(first, second, third), third).write(home)


@case(used(A, model="o9-mystery"))
def model_that_nobody_knows(home: Path) -> None:
    Thread("one").head().turn("o9-mystery").counter(A).write(home)


@case(used(A, model=None) | used(B))
def model_that_is_not_told_at_first(home: Path) -> None:
    Thread("one").head().counter(A).turn().counter(plus(A, B), B).write(home)


@case(used(A, model="codex-auto-review"))
def the_reviewers_own_name(home: Path) -> None:
    Thread("one").head(source={"subagent": "review"}).turn("codex-auto-review").counter(A).write(home)


@case(used(A) | used(B, model="gpt-6-sol"))
def model_that_changes(home: Path) -> None:
    Thread("one").head().turn().counter(A).turn("gpt-6-sol").counter(plus(A, B), B).write(home)


@case(used(A, tier="unknown") | used(B, model="gpt-6-sol", tier="fast"))
def settings_tell_the_model_too(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).tier("priority", model="gpt-6-sol")
    made.counter(plus(A, B), B).write(home)


@case(used(A, B._replace(cache_write=800)))
def a_record_for_each_response(home: Path) -> None:
    made = Thread("one", ordinal=0).head(history_mode="paginated").turn()
    second = B._replace(cache_write=800)
    made.record("r1", A).counter(A).counter(A)
    made.record("r2", second).counter(plus(A, second), second).write(home)


@case(used(A, B, C))
def updated_on_the_way(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).counter(plus(A, B), B)
    made.record("r1", C).counter(plus(A, B, C), C).counter(plus(A, B, C), C).write(home)


@case(used(A, B, at="2026-11-19T09:00") | used(C))
def copied_records_count_where_they_were_made(home: Path) -> None:
    old = Thread("parent", "2026-11-19T09:00:00+00:00").head().turn().record("r1", A).record("r2", B)
    old.write(home)
    made = Thread("child").head(forked_from_id=old.id).foreign(old).model()
    made.record("r1", A, old).record("r2", B, old).turn().record("r3", C).write(home)


@case(used(A, at="2026-11-19T09:00") | used(B, C))
def branch_that_copies_nothing(home: Path) -> None:
    old = Thread("parent", "2026-11-19T09:00:00+00:00", ordinal=0).head().turn().record("r1", A).counter(A)
    old.write(home)
    base = {"thread_id": old.id, "end_ordinal_exclusive": old.ordinal, "end_byte_offset": old.size}
    made = Thread("child", ordinal=old.ordinal).head(forked_from_id=old.id, history_base=base)
    # on resuming, the counter is told once more
    made.counter(A).turn().record("r2", B).counter(plus(A, B), B).record("r3", C).write(home)


@case(used(A, B, at="2026-11-19T09:00") | used(C))
def a_thread_of_two_files(home: Path) -> None:
    old = Thread("one", "2026-11-19T09:00:00+00:00", ordinal=0).head().turn()
    old.counter(A).counter(plus(A, B), B).write(home)
    base = {"thread_id": old.id, "end_ordinal_exclusive": old.ordinal, "end_byte_offset": old.size}
    made = Thread("one", ordinal=old.ordinal).head(history_base=base)
    made.counter(plus(A, B), B).turn().counter(plus(A, B, C), C).write(home)


@case(used(A, B, at="2026-11-19T09:00") | used(C))
def a_thread_of_two_files_with_records(home: Path) -> None:
    old = Thread("one", "2026-11-19T09:00:00+00:00", ordinal=0).head().turn()
    old.record("r1", A).counter(A).record("r2", B).counter(plus(A, B), B).write(home)
    base = {"thread_id": old.id, "end_ordinal_exclusive": old.ordinal, "end_byte_offset": old.size}
    made = Thread("one", ordinal=old.ordinal).head(history_base=base)
    made.counter(plus(A, B), B).turn().record("r3", C).counter(plus(A, B, C), C).write(home)


@case(used(A, B))
def cold_files_are_compressed(home: Path) -> None:
    Thread("one").head().turn().counter(A).counter(plus(A, B), B).write(home, cold=True)


@case(used(A, B))
def being_compressed(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).counter(plus(A, B), B)
    made.write(home)
    made.write(home, cold=True)


@case(used(A, B))
def cold_in_the_archive(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).counter(plus(A, B), B)
    made.write(home, cold=True)
    made.write(home, cold=True, archived=True)


@case(used(A))
def a_last_line_that_is_being_written(home: Path) -> None:
    made = Thread("one").head().turn().counter(A)
    next_line = Thread("one").counter(plus(A, B), B).lines[0]
    made.write(home, tail=next_line[: len(next_line) // 2])


@case(used(A, B))
def lines_that_end_as_on_windows(home: Path) -> None:
    Thread("one").head().turn().counter(A).counter(plus(A, B), B).write(home, end=b"\r\n")


@case(used(A, B))
def bytes_that_are_no_text(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).item("\u2713 words")
    made.lines[-1] = made.lines[-1].replace(rb"\u2713", b"\xff\xfe\xc3\x28")
    made.raw(b"\xff\xff\x00 no line at all").raw(b"").raw(b"{").raw(b"[1,2]").raw(b"null")
    made.counter(plus(A, B), B).write(home)


@case(used(A, B))
def a_line_of_nine_megabytes(home: Path) -> None:
    made = Thread("one").head().turn().counter(A)
    images = [{"type": "input_image", "image_url": "data:image/png;base64," + "A" * 9_000_000}]
    made.line("compacted", {"message": "", "replacement_history": [{"type": "message", "content": images}]})
    made.counter(plus(A, B), B).write(home)


@case(used(A, B))
def a_long_compaction_that_names_a_record_nobody_wrote(home: Path) -> None:
    made = Thread("one", ordinal=0).head().turn().record("r1", A)
    images = [{"type": "input_image", "image_url": "data:image/png;base64," + "A" * 9_000_000}]
    history = [{"type": "message", "content": images}]
    told = {"message": "", "replacement_history": history}
    made.line("compacted", told | {"latest_token_usage_record": made.recorded("r2", B)}).write(home)


@case(used(A) | used(B, at="2026-11-18T03:00") | used(C, at="2026-11-20T10:15"))
def a_clock_that_was_set(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).at("2026-11-18T03:00:00+00:00")
    made.counter(plus(A, B), B).at("2026-11-20T10:20:00+00:00").counter(plus(A, B, C), C).write(home)


@case(PARENT | used(B))
def migrated_with_a_boundary_beyond_the_last_line(home: Path) -> None:
    old = parent()
    old.write(home)
    made = Thread("child", step=0, ordinal=0).child_of(old, subagent_history_start_ordinal=900).model()
    made.counter(A).counter(plus(A, B), B).counter(plus(A, B, C), C)
    made.counter(plus(A, B, C, B), B).write(home)


@case({}, unverified=1)
def migrated_with_a_parent_that_is_gone(home: Path) -> None:
    made = Thread("child", step=0, ordinal=0).child_of(parent(), subagent_history_start_ordinal=900)
    made.model().counter(A).counter(plus(A, B), B).counter(plus(A, B, B), B).write(home)


@case(PARENT | used(B))
def boundary_that_is_a_text(home: Path) -> None:
    old = parent()
    old.write(home)
    made = Thread("child", ordinal=0).child_of(old, subagent_history_start_ordinal="5").foreign(old).model()
    made.counter(A).counter(plus(A, B), B).counter(plus(A, B, B), B).write(home)


@case(PARENT | used(B))
def boundary_before_a_counter_that_starts_at_zero(home: Path) -> None:
    old = parent()
    old.write(home)
    made = Thread("child", ordinal=0).child_of(old, subagent_history_start_ordinal=5).foreign(old).model()
    made.counter(A).counter(plus(A, B), B).counter(B).write(home)


@case({}, unverified=1)
def what_nobody_can_tell(home: Path) -> None:
    gone = parent()
    made = Thread("child").head(forked_from_id=gone.id).foreign(gone).model()
    made.counter(plus(A, B), B).counter(plus(A, B, C), C).write(home)


@case(PARENT | used(B) | used(C, at="2026-11-20T11:00"))
def a_fork_of_a_fork(home: Path) -> None:
    old = parent()
    old.write(home)
    child = Thread("child").child_of(old).foreign(old).model().counter(A).turn().counter(plus(A, B), B)
    child.write(home)
    made = Thread("grandchild", "2026-11-20T11:00:00+00:00").child_of(child).foreign(child).foreign(old)
    made.model().counter(A).counter(plus(A, B), B).turn().counter(plus(A, B, C), C).write(home)


@case(used(A, B))
def a_full_context_window(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).counter(ZERO, ZERO, WINDOW_FULL)
    # the counter goes on from nothing, and may be above what it was
    made.counter(ZERO, ZERO, WINDOW_FULL).counter(B).write(home)


@case(used(A, B))
def limits_alone(home: Path) -> None:
    made = Thread("one").head().turn().counter(A)
    made.event("token_count", info=None, rate_limits=None)
    made.event("token_count", info=None, rate_limits={"limit_id": "codex", "primary": None})
    made.counter(plus(A, B), B).write(home)


@case(used(A, B))
def turns_that_were_rolled_back_were_used(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).event("thread_rolled_back", num_turns=1).turn()
    made.counter(plus(A, B), B).write(home)


@case(used(A))
def kinds_that_nobody_knows(home: Path) -> None:
    made = Thread("one").head().turn().line("hologram", {"token_count": 7})
    made.event("mystery", info={"total": 9})
    made.raw(b'{"id":"old","role":"user","content":[]}').item('"type":"token_usage_record"').counter(A)
    made.line("world_state", [1, 2]).line("retained_context", None).write(home)


@case(used(A, B, C))
def instants_in_other_forms(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).counter(plus(A, B), B).counter(plus(A, B, C), C)
    for number, stamp in ((-3, b"2026-11-20T10:01:00Z"), (-2, b"2026-11-20T11:02:00.123456+01:00")):
        old = made.lines[number].split(b'"')[3]
        made.lines[number] = made.lines[number].replace(old, stamp)
    # what tells no instant happened when the line before it did
    made.lines[-1] = made.lines[-1].replace(made.lines[-1].split(b'"')[3], b"yesterday at noon")
    made.write(home)


@case(used(A, B))
def keys_in_another_order(home: Path) -> None:
    made = Thread("one").head().turn().counter(A).counter(plus(A, B), B)
    for number in (-2, -1):
        told = json.loads(made.lines[number])
        told["payload"] = dict(sorted(told["payload"].items()))
        made.lines[number] = json.dumps(dict(sorted(told.items(), reverse=True))).encode()
    made.write(home)


@case(PARENT | used(B), homes=("one", "two"))
def a_parent_in_another_home(folder: Path) -> None:
    old = parent()
    old.write(folder / "one", cold=True)
    made = Thread("child").head(forked_from_id=old.id).foreign(old).model()
    made.counter(A).counter(plus(A, B), B).counter(plus(A, B, B), B).write(folder / "two")


@case(
    used(A, at="2026-11-18T09:00") | used(B, at="2026-11-19T09:00") | used(C),
)
def a_thread_of_three_files(home: Path) -> None:
    first = Thread("one", "2026-11-18T09:00:00+00:00", ordinal=0).head().turn().counter(A)
    first.write(home, cold=True)
    base = {"thread_id": first.id, "end_ordinal_exclusive": first.ordinal, "end_byte_offset": first.size}
    second = Thread("one", "2026-11-19T09:00:00+00:00", ordinal=first.ordinal).head(history_base=base)
    second.turn().counter(plus(A, B), B).write(home, archived=True)
    base = {"thread_id": first.id, "end_ordinal_exclusive": second.ordinal, "end_byte_offset": second.size}
    third = Thread("one", ordinal=second.ordinal).head(history_base=base).counter(plus(A, B), B).turn()
    third.counter(plus(A, B, C), C).write(home)


@case(used(A))
def odd_things_in_the_folder(home: Path) -> None:
    path = Thread("one").head().turn().counter(A).write(home)
    folder = path.parent
    os.mkfifo(folder / "rollout-2026-11-20T10-00-01-00000000-0000-4000-8000-000000000001.jsonl")
    (folder / "rollout-2026-11-20T10-00-02-00000000-0000-4000-8000-000000000002.jsonl").mkdir()
    (folder / "rollout-2026-11-20T10-00-03-00000000-0000-4000-8000-000000000003.jsonl").touch()
    (folder / "rollout-2026-11-20T10-00-04-00000000-0000-4000-8000-000000000004.jsonl").symlink_to("nowhere")
    (folder / "up").symlink_to(home / "sessions")
    (home / "history.jsonl").write_bytes(Thread("two").head().turn().counter(B).content())
    (home / "sessions" / "notes.txt").write_text("nothing")


@case({})
def a_text_that_looks_like_a_counter(home: Path) -> None:
    inner = Thread("inner").counter(A).lines[0].decode()
    Thread("one").head().turn().item(inner).event("user_message", message=inner).write(home)
