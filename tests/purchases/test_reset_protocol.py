"""One use of a banked reset: once, noted before it is sent, and never again unless somebody says so."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from poolwatch.domain.banked_resets import REST, ResetOutcome, ResetUse, Wish
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.values import replace
from poolwatch.host.locks import held
from poolwatch.purchases.reset_book import workspace_of
from poolwatch.purchases.reset_replies import Answer
from tests.purchases.reset_room import KEY, ResetRoom, reset_room
from tests.support.reset_server import LIST, USAGE, Lose, Say

#: Answers after which nobody can tell.
LOST = [
    Lose(reset=True),
    *(Lose(cut=cut) for cut in (0, 1, 17, -1)),
    Lose(status=500),
    Lose(status=502, instead=b"<html>bad gateway</html>"),
    Lose(status=504, instead=b""),
    Lose(instead=b"<html>welcome</html>"),
    Lose(instead=b"not json"),
    Lose(instead=b'{"hello": 1}'),
    Lose(instead=b"x" * 70_000),
]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[ResetRoom]:
    with reset_room(tmp_path) as made:
        yield made


def test_one_is_used_and_what_became_of_it_is_known(room: ResetRoom) -> None:
    use = room.use(room.order("rc_1"))
    assert use.outcome is ResetOutcome.RESET
    assert room.server.used == ["rc_1"]
    assert room.server.bodies == [{"redeem_request_id": use.id, "credit_id": "rc_1"}]
    assert [each.used_percent for each in use.before] == [100, 71]
    assert room.book.uses() == (use,)


def test_without_a_name_the_one_that_ends_first_is_used(room: ResetRoom) -> None:
    assert room.use(room.order()).reset_id == "rc_1"


def test_fresh_figures_are_read_before_it_is_sent(room: ResetRoom) -> None:
    room.use(room.order())
    assert room.server.gets == [USAGE, LIST]


def test_without_fresh_figures_nothing_is_sent(room: ResetRoom) -> None:
    down = failure(FailureKind.UNREACHABLE, "resets.broke_off")
    use = room.use(room.order(), look=lambda: down)
    assert (use.outcome, room.server.bodies) == (ResetOutcome.NOT_SENT, [])
    assert room.book.uses() == (use,)


def test_nothing_is_sent_while_no_window_is_exhausted(room: ResetRoom) -> None:
    room.server.five_hours = 60
    assert room.use(room.order()).outcome is ResetOutcome.REFUSED
    assert room.server.bodies == []
    assert room.use(room.order(forced=True)).outcome is ResetOutcome.RESET


def test_the_same_press_twice_uses_one(room: ResetRoom) -> None:
    order = room.order("rc_1")
    room.use(order)
    twice = room.use(replace(order, attempt="second"))
    assert twice.outcome is ResetOutcome.REFUSED
    assert len(room.server.bodies) == 1
    assert [use.outcome for use in room.book.uses()] == [ResetOutcome.RESET]
    # nor does it once another one could be used
    room.wait(REST)
    room.server.five_hours = 100
    late = room.use(replace(order, attempt="third", wish=Wish("rc_2")))
    assert late.reason is not None
    assert late.reason.code == "resets.known_request"
    assert room.server.used == ["rc_1"]


def test_a_second_press_while_figures_lag_uses_none(room: ResetRoom) -> None:
    room.server.lags = True
    room.use(room.order())
    room.server.five_hours = 100
    second = room.use(room.order())
    assert second.outcome is ResetOutcome.REFUSED
    assert second.reason is not None
    assert second.reason.code == "resets.lately"
    room.server.lags = False
    room.wait(REST)
    assert room.use(room.order()).outcome is ResetOutcome.RESET
    assert room.server.used == ["rc_1", "rc_2"]


@pytest.mark.parametrize("plan", LOST, ids=repr)
def test_a_lost_answer_is_unknown_and_holds_back_every_other_use(room: ResetRoom, plan: Lose) -> None:
    room.server.script.append(plan)
    use = room.use(room.order())
    assert use.outcome is ResetOutcome.UNKNOWN
    assert room.book.uses()[0].is_open
    room.server.five_hours = 100
    other = room.use(room.order(forced=True))
    assert other.reason is not None
    assert (other.outcome, other.reason.code) == (ResetOutcome.REFUSED, "resets.unresolved")
    again = room.use(room.again(use))
    assert again.outcome is ResetOutcome.ALREADY
    assert room.server.bodies[0] == room.server.bodies[1]
    assert (len(room.server.bodies), room.server.used) == (2, ["rc_1"])
    assert not any(each.is_open for each in room.book.uses())


def test_asking_again_may_be_lost_too(room: ResetRoom) -> None:
    room.server.script.extend((Lose(reset=True), Lose(cut=3), Say(503)))
    use = room.use(room.order())
    for _ in range(2):
        assert room.use(room.again(use)).outcome is ResetOutcome.UNKNOWN
    assert room.use(room.again(use)).outcome is ResetOutcome.ALREADY
    assert room.server.used == ["rc_1"]


@pytest.mark.parametrize("code", ["nothing_to_reset", "no_credit"])
def test_an_answer_that_speaks_of_the_moment_settles_no_earlier_sending(room: ResetRoom, code: str) -> None:
    room.server.script.extend((Lose(reset=True), Say(200, json.dumps({"code": code}).encode())))
    use = room.use(room.order())
    room.use(room.again(use))
    assert room.book.uses()[0].is_open


@pytest.mark.parametrize(
    ("say", "outcome"),
    [
        (Say(200, b'{"code": "nothing_to_reset"}'), ResetOutcome.NOTHING),
        (Say(200, b'{"code": "no_credit"}'), ResetOutcome.NONE),
        (Say(401, b'{"detail": {"code": "token_expired"}}'), ResetOutcome.REFUSED),
        (Say(429, b"{}"), ResetOutcome.REFUSED),
    ],
)
def test_an_answer_that_says_no_leaves_nothing_open(room: ResetRoom, say: Say, outcome: ResetOutcome) -> None:
    room.server.script.append(say)
    assert room.use(room.order()).outcome is outcome
    assert room.use(room.order()).outcome is ResetOutcome.RESET


def test_who_cannot_be_reached_was_sent_nothing(room: ResetRoom) -> None:
    look = room.look()
    port = room.server.base_url.rpartition(":")[2].partition("/")[0]
    room.server.__exit__(None, None, None)
    use = room.use(room.order(), look=lambda: look)
    assert use.outcome is ResetOutcome.NOT_SENT, port
    assert not room.book.uses()[0].is_open


def test_an_error_of_our_own_is_unknown(room: ResetRoom) -> None:
    def broken(request_id: str, reset_id: str | None) -> Answer:
        raise RuntimeError("secret")

    use = room.use(room.order(), send=broken)
    assert use.outcome is ResetOutcome.UNKNOWN
    assert "secret" not in room.journal()


def test_a_person_settles_what_nobody_can_tell(room: ResetRoom) -> None:
    room.server.script.append(Lose(reset=True))
    use = room.use(room.order())
    settled = room.book.settle(use, used=False)
    assert isinstance(settled, ResetUse)
    assert (settled.settled, settled.is_open) == (False, False)
    assert room.book.settle(use, used=True) is None
    room.server.five_hours = 100
    asked = room.use(room.again(use))
    assert asked.reason is not None
    assert asked.reason.code == "resets.not_open"
    assert room.book.uses()[0].settled is False
    assert len(room.server.bodies) == 1


def test_one_workspace_is_used_in_one_at_a_time(room: ResetRoom) -> None:
    with held(room.book.folder.lock(workspace_of(KEY))) as mine:
        assert mine
        use = room.use(room.order())
    assert (use.outcome, room.server.bodies) == (ResetOutcome.NOT_SENT, [])
    assert workspace_of(KEY) == workspace_of(replace(KEY, user_id="another"))
    assert workspace_of(KEY) != workspace_of(replace(KEY, account_id="another"))


def test_two_that_press_at_once_use_one(tmp_path: Path) -> None:
    with reset_room(tmp_path) as room:
        look = room.look()
        outcomes: list[ResetOutcome] = []

        def press() -> None:
            with reset_room(tmp_path) as other:
                other.server = room.server
                order = replace(other.order(), request=f"{threading.get_ident():036d}")
                tools = replace(other.tools(), look=lambda: look, patience_seconds=10.0)
                from poolwatch.purchases.resets import use_reset

                outcomes.append(use_reset(other.book, order, tools).outcome)

        threads = [threading.Thread(target=press) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert sorted(outcomes) == [ResetOutcome.REFUSED] * 3 + [ResetOutcome.RESET]
        assert len(room.server.bodies) == 1


def test_where_it_cannot_be_written_down_nothing_is_sent(room: ResetRoom) -> None:
    # a folder where the journal should be
    room.book.folder.journal(workspace_of(KEY)).mkdir()
    with pytest.raises(OSError, match="regular file"):
        room.use(room.order())
    assert room.server.bodies == []


def test_lines_that_nobody_can_read_hold_back_what_was_begun(room: ResetRoom) -> None:
    room.server.script.append(Lose(reset=True))
    use = room.use(room.order())
    path = room.book.folder.journal(workspace_of(KEY))
    begun, sending, _ended = path.read_bytes().splitlines()
    path.write_bytes(begun + b"\n" + sending[:-9] + b"X" + sending[-8:] + b"\n")
    assert room.book.uses()[0].is_open
    path.write_bytes(begun + b"\n")
    assert room.book.uses() == ()
    assert use.is_open


def test_no_token_stands_in_what_is_written_down(room: ResetRoom) -> None:
    room.use(room.order())
    assert "access" not in room.journal()
    assert room.book.folder.journal(workspace_of(KEY)).stat().st_mode & 0o777 == 0o600


def test_of_many_lost_answers_each_wish_used_one_at_most(
    room: ResetRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    # no machine stops here, and a busy disk takes most of the time
    monkeypatch.setattr(os, "fsync", lambda handle: None)
    lose_and_ask(room, int(os.environ.get("LOST_RESETS", "200")))


def lose_and_ask(room: ResetRoom, count: int) -> None:
    """Each wish loses its answer in some way, is asked for again until it is known, and used one."""
    server, begun = room.server, room.now()
    for number in range(count):
        server.refill()
        room.clock[0] = begun + REST * (number % 5)
        used_before, asked_before = len(server.used), len(server.bodies)
        server.script.append(LOST[number % len(LOST)])
        if number % 3 == 0:
            server.script.append(LOST[number % 7])
        # journals of a real length
        workspace = f"{workspace_of(KEY)}-{number // 5}"
        order = replace(room.order(), workspace=workspace)
        use = room.use(order, look=room.look_without_network)
        assert use.outcome is ResetOutcome.UNKNOWN
        while use.is_open:
            use = room.use(replace(room.again(use), workspace=workspace))
        assert use.outcome is ResetOutcome.ALREADY
        assert len(server.used) == used_before + 1
        assert len({str(each["redeem_request_id"]) for each in server.bodies[asked_before:]}) == 1
    assert not any(each.is_open for each in room.book.uses())


def test_asking_again_goes_to_the_same_address(room: ResetRoom) -> None:
    room.server.script.append(Lose(reset=True))
    use = room.use(room.order())
    elsewhere = room.use(replace(room.again(use), address="https://other.example.com"))
    assert elsewhere.reason is not None
    assert (elsewhere.outcome, elsewhere.reason.code) == (ResetOutcome.REFUSED, "resets.other_way")
    assert (len(room.server.bodies), room.book.uses()[0].is_open) == (1, True)
    assert room.use(room.again(use)).outcome is ResetOutcome.ALREADY


@pytest.mark.parametrize("back", [True, False], ids=["put back", "made anew"])
def test_where_the_folder_is_replaced_in_between_nothing_is_sent(
    room: ResetRoom, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, back: bool
) -> None:
    """As when a backup is put back, or the folder is deleted, while a use is being noted."""
    root = room.book.folder.root
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)

    def replace_folder(step: str) -> None:
        if step != "journal":
            return
        root.rename(tmp_path / "moved")
        if back:
            shutil.copytree(copy, root)
        else:
            assert room.book.folder.prepare() is None

    monkeypatch.setattr("poolwatch.purchases.resets.reach", replace_folder)
    use = room.use(room.order())
    assert (use.outcome, room.server.bodies) == (ResetOutcome.NOT_SENT, [])
    assert not any(each.is_open for each in room.book.uses())


def test_on_a_disk_that_takes_nothing_requests_are_still_told(
    room: ResetRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.server.script.append(Lose(reset=True))
    use = room.use(room.order())

    def read_only(path: Path, patience: float = 0.0) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr("poolwatch.purchases.reset_book.held", read_only)
    assert room.book.uses() == (use,)
