"""What a process notes of its own acts, and what goes on where that cannot be written."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.audit import Act, AuditEntry, By, Deed, Doer, Ending, Outcome
from poolwatch.domain.events import AnswerKind
from poolwatch.domain.message import Message
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.monitor import auditing, refresh
from poolwatch.monitor.auditing import Auditor
from poolwatch.monitor.monitor import SERVE_SECONDS
from poolwatch.monitor.owner import Asked, asked_by, asker_of, request_of
from poolwatch.store.audit import AuditLog
from poolwatch.store.requests import QueuedRequest
from poolwatch.words.messages import message_text
from tests.monitor.scripted import key_of, rig, running
from tests.monitor.turned_clock import START

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
ANN = Doer(By.APP, "ann", 4711, ssh="198.51.100.7 50222 192.0.2.1 22", sudo="bob")
DEED = Deed(Act.RESOLVE, ("3f2a90b1",))
A = key_of("a")


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    return AuditLog(tmp_path / "state")


@pytest.fixture
def auditor(log: AuditLog) -> Auditor:
    return Auditor(log, ANN, lambda: NOON)


@pytest.fixture
def unwritable(log: AuditLog) -> None:
    """Nothing can be written: a folder stands where the log would be."""
    log.path.mkdir(parents=True)


def noted(log: AuditLog) -> list[tuple[str, str | None, int | None, tuple[str, ...]]]:
    return [(each.act, each.outcome, each.of, each.codes) for each in log.entries()]


def test_an_act_is_noted_before_it_is_done_and_with_its_end(auditor: Auditor, log: AuditLog) -> None:
    with auditor.noting(DEED) as doing:
        assert noted(log) == [("resolve", None, None, ())]
        doing.deed = replace(doing.deed, what=("x",))
        doing.ended(Outcome.DONE, "code")
    assert noted(log)[1:] == [("resolve", "done", 1, ("code",))]
    assert [each.what for each in log.entries()] == [(), ("x",)]


def test_what_nobody_says_to_be_done_has_failed(auditor: Auditor, log: AuditLog) -> None:
    with auditor.noting(DEED):
        pass
    with pytest.raises(ValueError, match="x"), auditor.noting(DEED):
        raise ValueError("x")
    with pytest.raises(KeyboardInterrupt), auditor.noting(DEED):
        raise KeyboardInterrupt
    ends = [(outcome, codes) for _, outcome, of, codes in noted(log) if of is not None]
    assert ends == [("failed", ()), ("failed", ("error",)), ("stopped", ())]


@pytest.mark.usefixtures("unwritable")
def test_what_cannot_be_noted_is_done_all_the_same_and_told_once(auditor: Auditor, log: AuditLog) -> None:
    told: list[Message | None] = []
    auditor.on_trouble = lambda: told.append(auditor.trouble)
    with auditor.noting(DEED) as doing:
        doing.ended(Outcome.DONE)
    (trouble,) = told
    assert trouble is not None
    assert message_text(trouble) == (
        f"what is done now is not in the audit log: {log.path} is not a regular file: move it away,"
        " a new one is made"
    )
    log.path.rmdir()
    with auditor.noting(DEED):
        pass
    assert told == [trouble, None]


def test_spending_begins_when_its_line_is_on_disk(auditor: Auditor, log: AuditLog) -> None:
    seen = []

    def work() -> Ending:
        seen.extend(noted(log))
        return Ending(Outcome.UNKNOWN, ("reply:lost",))

    assert auditor.spend(DEED, work) == Ending(Outcome.UNKNOWN, ("reply:lost",))
    assert seen == [("resolve", None, None, ())]
    assert noted(log)[1:] == [("resolve", "unknown", 1, ("reply:lost",))]


@pytest.mark.usefixtures("unwritable")
def test_spending_is_not_begun_when_its_line_cannot_be_written(auditor: Auditor, log: AuditLog) -> None:
    assert auditor.spend(DEED, pytest.fail) == FileProblem("file.in_the_way", log.path)
    assert auditor.trouble is not None


def test_what_was_spent_is_said_also_where_its_end_cannot_be_noted(auditor: Auditor, log: AuditLog) -> None:
    def work() -> Ending:
        log.path.rename(log.path.with_name("old"))
        log.path.mkdir()
        return Ending(Outcome.DONE)

    assert auditor.spend(DEED, work) == Ending(Outcome.DONE)
    assert auditor.trouble is not None


def test_what_an_error_ended_may_have_been_spent(auditor: Auditor, log: AuditLog) -> None:
    with pytest.raises(ZeroDivisionError):
        auditor.spend(DEED, lambda: Ending(Outcome.DONE, (str(1 / 0),)))
    assert noted(log)[1:] == [("resolve", "unknown", 1, ("error",))]


async def test_a_loop_notes_the_same_and_for_whom_it_was_asked(auditor: Auditor, log: AuditLog) -> None:
    eve = Doer(By.COMMAND, "eve", 1)
    async with auditor.noting_on_thread(DEED, eve) as doing:
        assert noted(log) == [("resolve", None, None, ())]
        doing.ended(Outcome.DONE)
    assert [(each.user, each.outcome) for each in log.entries()] == [("eve", None), ("eve", "done")]


async def test_who_is_cancelled_meanwhile_was_stopped(auditor: Auditor, log: AuditLog) -> None:
    async def work() -> None:
        async with auditor.noting_on_thread(DEED):
            begun.set()
            await asyncio.Event().wait()

    begun = asyncio.Event()
    task = asyncio.create_task(work())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert noted(log)[1:] == [("resolve", "stopped", 1, ())]


async def test_a_disk_that_hangs_holds_up_no_act(
    auditor: Auditor, log: AuditLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    append = log.append

    def hang(
        at: datetime, deed: Deed, doer: Doer, *, of: int | None = None, ending: Ending | None = None
    ) -> int | FileProblem:
        goes_on.wait()
        return append(at, deed, doer, of=of, ending=ending)

    monkeypatch.setattr(log, "append", hang)
    monkeypatch.setattr(auditing, "_PATIENCE_SECONDS", 0.01)
    async with auditor.noting_on_thread(DEED) as doing:
        doing.ended(Outcome.DONE)
    assert auditor.trouble is not None
    assert "its disk hangs" in message_text(auditor.trouble)
    goes_on.set()


async def test_a_refresh_is_noted_with_both_steps() -> None:
    one = await rig("a").listed()
    one.custodian.steps["a"] = TokenStep(TokenOutcome.REFRESHED)
    await one.chain.run(A)
    deed = Deed(Act.REFRESH, (A.id,))
    ending = Ending(Outcome.DONE, ("token:refreshed", "usage:ok"))
    assert one.auditor.notes == [(deed, one.auditor.doer, None), (deed, one.auditor.doer, ending)]


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_refresh_is_shown_as_done_when_its_end_is_noted_or_its_disk_hangs(
    monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    monkeypatch.setattr(refresh, "SHOWN_SECONDS", 0.0 if hangs else 60.0)
    one = await rig("a").listed()

    def is_done() -> bool:
        progress = one.state.accounts[A].refresh
        return progress is not None and progress.done

    one.auditor.goes_on.clear()
    running = asyncio.create_task(one.chain.run(A))
    for _ in range(100):
        await asyncio.sleep(0)
    assert is_done() is hangs
    # what is not noted yet is not over
    assert one.chain.start(A).kind is AnswerKind.RUNNING
    one.auditor.goes_on.set()
    await running
    assert is_done()
    assert one.chain.start(A).kind is AnswerKind.STARTED
    await one.chain.close()


async def test_a_reading_alone_is_no_act() -> None:
    one = await rig("a").listed()
    await one.chain.run(A, usage_only=True)
    await one.chain.read(A)
    assert one.auditor.notes == []


async def test_a_renewal_that_nobody_asked_for_is_nobodys() -> None:
    one = await rig("a").listed()
    await one.chain.renew(A, timedelta(days=365))
    assert len(one.auditor.notes) == 2
    assert {doer for _, doer, _ in one.auditor.notes} == {Doer(By.BACKGROUND, "ann", 4711)}


async def test_a_refresh_that_another_process_asked_for_is_that_ones() -> None:
    one = rig("a")
    eve = Doer(By.COMMAND, "eve", 1, ssh="203.0.113.9 1 192.0.2.1 22")
    async with running(one.monitor.run(), one.clock):
        await one.clock.advance(1)
        one.queue.put(A.id, Asked.REFRESH, asked_by(eve, "0a"))
        await one.clock.advance(SERVE_SECONDS)
    assert {doer for _, doer, _ in one.auditor.notes} == {eve}


async def test_trouble_with_the_log_is_told_at_the_top() -> None:
    one = await rig("a").listed()
    one.auditor.trouble = Message("monitor.not_audited")
    one.auditor.on_trouble()
    assert one.auditor.trouble in one.ledger.notices


@pytest.mark.parametrize(
    ("text", "doer"),
    [
        (asked_by(ANN, "0a"), ANN),
        (asked_by(Doer(By.COMMAND, "ann, of x {}", 1), "0a"), Doer(By.COMMAND, "ann, of x {}", 1)),
        ("pid 4711, of 0a", Doer(By.OTHER, "", 4711)),
        ('pid 4711 {"by":"elsewhere"}, of 0a', Doer(By.OTHER, "", 4711)),
        ("another", Doer(By.OTHER, "", 0)),
        ("", Doer(By.OTHER, "", 0)),
    ],
)
def test_who_asked_is_read_from_a_request_of_any_poolwatch(text: str, doer: Doer) -> None:
    assert asker_of(QueuedRequest(1, request_of(A.id, Asked.REFRESH), START, text)) == doer


def test_an_entry_has_no_place_for_a_secret() -> None:
    assert {"token", "secret", "email"}.isdisjoint(AuditEntry.__struct_fields__)
