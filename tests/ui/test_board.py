"""When the order may change, and what is remembered between changes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from poolwatch.domain.account import AccountKey, Custody
from poolwatch.domain.events import Listed, LookedAhead, ReadingArrived, RefreshMoved
from poolwatch.domain.pool import apply
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import PoolState
from poolwatch.domain.usage import UsageSnapshot
from poolwatch.domain.values import replace
from poolwatch.presentation.view import Grouping, Prefs, Shown, SortKey
from poolwatch.ui.board import Board
from tests.ui.pools import NOW, ZONE, Actor, ago, crowd, five, foretold, limits, state_of, twelve


def board_of(state: PoolState) -> Board:
    board = Board(state, Prefs(zone=ZONE), NOW, "work")
    board.sections(SortKey.NEED, "", NOW, reverse=False)
    return board


def usage_of(actor: Actor) -> UsageSnapshot:
    assert actor.usage is not None
    return actor.usage


def later(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


@pytest.mark.parametrize(("seconds", "may"), [(1, False), (50, False), (59.9, True), (60, True), (300, True)])
def test_the_order_changes_with_the_ticks_of_minutes(seconds: float, may: bool) -> None:
    board = board_of(state_of(twelve()))
    board.tick(NOW + later(seconds))
    assert board.may_reorder(NOW + later(seconds)) is may


def test_between_two_ticks_nobody_moves_without_a_reason() -> None:
    board = board_of(state_of(twelve()))
    # the first tick comes before a minute has passed since the start, and what follows it is old news
    board.tick(NOW + later(50))
    board.take(replace(board.state, settled=True))
    assert not board.may_reorder(NOW + later(61))
    board.tick(NOW + later(110))
    assert board.may_reorder(NOW + later(110))


@pytest.mark.parametrize(("after_key", "may"), [(0, False), (2.9, False), (3, True)])
def test_the_order_keeps_still_after_a_key(after_key: float, may: bool) -> None:
    board = board_of(state_of(twelve()))
    pressed = NOW + later(100)
    board.tick(pressed)
    board.key_pressed(pressed)
    assert board.may_reorder(pressed + later(after_key)) is may


def test_a_clock_set_back_does_not_freeze_the_order() -> None:
    assert board_of(state_of(twelve())).may_reorder(NOW - later(3600))


def test_arrivals_are_let_in_together_and_soon() -> None:
    board = board_of(state_of(twelve()[:3]))
    more = state_of(twelve()[:5])
    board.take(more)
    assert board.has_arrivals()
    assert not board.may_reorder(NOW + later(0.9))
    assert board.order_waits(NOW + later(0.25)) == later(0.75)
    assert board.may_reorder(NOW + later(1))
    board.key_pressed(NOW + later(0.5))
    assert board.order_waits(NOW + later(1)) == later(2.5)
    assert not board.may_reorder(NOW + later(3.4))
    assert board.may_reorder(NOW + later(3.5))
    assert board.order_waits(NOW + later(9)) == later(0)
    board.sections(SortKey.NEED, "", NOW + later(9), reverse=False)
    assert board.order_waits(NOW + later(9)) is None


def test_a_first_reading_is_an_arrival_and_a_second_is_not() -> None:
    actors = twelve()
    unread = replace(actors[1], usage=None)
    board = board_of(state_of([unread]))
    first = ReadingArrived(unread.key, unread.source, ago(1), usage_of(actors[1]))
    read = apply(board.state, first)
    board.take(read)
    assert board.may_reorder(NOW + later(2))
    board.sections(SortKey.NEED, "", NOW, reverse=False)
    board.take(apply(read, replace(first, at=NOW)))
    assert not board.may_reorder(NOW + later(2))


def test_a_first_outlook_needs_room_on_a_card_and_a_second_does_not() -> None:
    board = board_of(state_of(twelve()))
    told = foretold(board.state)
    board.take(told)
    assert not board.has_arrivals()
    assert board.may_reorder(NOW + later(1))
    board.sections(SortKey.NEED, "", NOW, reverse=False)
    again = {key: replace(each.outlook, made_at=NOW) for key, each in told.accounts.items() if each.outlook}
    board.take(apply(told, LookedAhead(again)))
    assert not board.may_reorder(NOW + later(2))
    many = board_of(state_of(crowd(120)))
    many.take(foretold(many.state))
    assert not many.may_reorder(NOW + later(2))


def exhausted(board: Board, actor: Actor) -> PoolState:
    """The state in which that account has nothing left."""
    full = limits(five(100, NOW + timedelta(hours=1)), allowed=False)
    return apply(board.state, ReadingArrived(actor.key, actor.source, NOW, UsageSnapshot(base=full)))


def test_who_changed_the_section_moves_when_no_key_was_pressed_for_a_while() -> None:
    board, alice = board_of(state_of(twelve())), twelve()[5]
    assert not board.moved
    board.key_pressed(NOW + later(10))
    board.take(exhausted(board, alice))
    assert board.moved == {alice.key}
    assert not board.may_reorder(NOW + later(12.9))
    assert board.order_waits(NOW + later(11)) == later(2)
    assert board.may_reorder(NOW + later(13))
    board.sections(SortKey.NEED, "", NOW + later(13), reverse=False)
    assert not board.moved
    assert board.order_waits(NOW + later(13)) is None
    assert not board.may_reorder(NOW + later(20))


def test_nobody_waits_to_move_where_there_are_no_sections() -> None:
    board, alice = board_of(state_of(twelve())), twelve()[5]
    board.sections(SortKey.NAME, "", NOW, reverse=False)
    board.take(exhausted(board, alice))
    assert not board.moved
    assert not board.may_reorder(NOW + later(20))


def test_a_minute_that_passes_may_change_a_section() -> None:
    actor = replace(twelve()[5], custody=Custody.OTHER, expires_at=NOW + timedelta(seconds=30))
    board = board_of(state_of([actor]))
    assert not board.moved
    board.tick(NOW + timedelta(minutes=1))
    assert board.moved == {actor.key}


def test_a_first_account_needs_no_waiting() -> None:
    board = board_of(PoolState(settled=True))
    board.take(state_of(twelve()))
    assert board.may_reorder(NOW)


def test_only_named_accounts_are_made_anew() -> None:
    actors = twelve()
    board = board_of(state_of(actors))
    alice, bob = actors[5].key, actors[1].key
    before = board.card(alice), board.card(bob)
    changed = apply(
        board.state,
        ReadingArrived(bob, actors[1].source, NOW, replace(usage_of(actors[1]), base=limits(five(1, None)))),
    )
    board.take(changed)
    assert board.card(alice) is before[0]
    assert board.card(bob) != before[1]


def test_a_tick_moves_ages() -> None:
    board = board_of(state_of(twelve()))
    alice = twelve()[5].key
    before = board.card(alice)
    board.tick(NOW + timedelta(minutes=3))
    after = board.card(alice)
    assert before is not None
    assert after is not None
    assert (before.age, after.age) == ("<1m", "3m")


def test_an_account_that_is_gone_has_no_card() -> None:
    board = board_of(state_of(twelve()))
    gone = AccountKey("codex", "nobody", "nowhere")
    assert board.card(gone) is None
    assert board.detail(gone) is None


def test_preferences_reach_every_card() -> None:
    board = board_of(state_of(twelve()))
    alice = twelve()[5].key
    board.choose(replace(board.prefs, shown=Shown.LEFT, mask=True))
    card = board.card(alice)
    assert card is not None
    assert card.windows[0].percent == "42%"
    assert "alice" not in card.label


def test_a_finished_refresh_gives_its_line_back_at_the_next_key() -> None:
    actor = twelve()[5]
    running = RefreshProgress(ago(1), TokenStep(TokenOutcome.REFRESHED, 0.4))
    board = board_of(apply(state_of(twelve()), RefreshMoved(actor.key, running, NOW)))
    assert not board.key_pressed(NOW)
    done = replace(running, usage=UsageStep(took_seconds=0.3), done=True)
    board.take(apply(board.state, RefreshMoved(actor.key, done, NOW)))
    shown = board.card(actor.key)
    assert shown is not None
    assert shown.progress
    assert board.key_pressed(NOW)
    cleared = board.card(actor.key)
    assert cleared is not None
    assert not cleared.progress
    again = replace(done, started_at=NOW)
    board.take(apply(board.state, RefreshMoved(actor.key, again, NOW)))
    anew = board.card(actor.key)
    assert anew is not None
    assert anew.progress


def test_the_line_of_a_refresh_ends_with_the_next_poll() -> None:
    actor = twelve()[5]
    usage = usage_of(actor)
    done = RefreshProgress(
        ago(1), TokenStep(TokenOutcome.REFRESHED, 0.4), UsageStep(took_seconds=0.3), done=True
    )
    state = apply(state_of(twelve()), RefreshMoved(actor.key, replace(done, usage=None, done=False), ago(1)))
    state = apply(state, ReadingArrived(actor.key, actor.source, NOW - later(2), usage))
    board = board_of(apply(state, RefreshMoved(actor.key, done, NOW - later(1))))
    shown = board.card(actor.key)
    assert shown is not None
    assert shown.progress
    board.take(apply(board.state, ReadingArrived(actor.key, actor.source, NOW, usage)))
    polled = board.card(actor.key)
    assert polled is not None
    assert not polled.progress


def test_filter_sections_and_groups() -> None:
    board = board_of(state_of(crowd(60)))
    need = board.sections(SortKey.NEED, "!", NOW, reverse=False)
    assert [section.heading for section in need] == ["needs you 5"]
    groups = board.groups(Grouping.SOURCE, SortKey.NEED, "", NOW, reverse=False)
    assert sum(len(group.keys) for group in groups) == 60
    assert {group.heading for group in groups} == {"codex-home", "s2-homes", "s3-homes", "codex-proxy"}


def test_notices_stand_in_the_strip() -> None:
    board = board_of(state_of(twelve()))
    assert not board.strip.notices
    board.note(("another poolwatch is polling; this one watches",))
    assert [notice.text for notice in board.strip.notices] == [
        "another poolwatch is polling; this one watches"
    ]


def test_a_source_that_lists_anew_keeps_readings() -> None:
    actors = twelve()
    board = board_of(state_of(actors))
    home = tuple(actor.listing for actor in actors if actor.source == "codex-home")
    board.take(apply(board.state, Listed("codex-home", home[1:], NOW)))
    assert board.card(actors[0].key) is None
    assert board.has_arrivals()


def test_the_card_of_the_next_account_says_so_until_another_is_next() -> None:
    board = board_of(state_of(crowd(9)))
    first = board.overview.next_up
    assert first is not None

    def said() -> dict[AccountKey, str]:
        cards = [card for key in board.state.accounts if (card := board.card(key)) is not None]
        return {card.key: card.foot.text for card in cards}

    assert [key for key, text in said().items() if text == "next up"] == [first.judged.account.key]
    actor = next(actor for actor in crowd(9) if actor.key == first.judged.account.key)
    full = limits(five(100, None), allowed=False)
    reading = ReadingArrived(actor.key, actor.source, NOW, replace(usage_of(actor), base=full))
    board.take(apply(board.state, reading))
    second = board.overview.next_up
    assert second is not None
    assert second.judged.account.key != first.judged.account.key
    assert [key for key, text in said().items() if text == "next up"] == [second.judged.account.key]
