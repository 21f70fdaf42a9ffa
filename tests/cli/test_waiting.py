"""What waits for a person where money is spent, from what stands on the disk."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from poolwatch.bootstrap.waiting import (
    copied_journals,
    damaged_journals,
    purchases_of,
    unsettled,
    waiting_proposals,
)
from poolwatch.config.topup_settings import TopUpSettings
from poolwatch.domain.banked_resets import ResetOutcome, ResetRoute, ResetUse
from poolwatch.domain.proposals import AutoTopUp, Proposal, ProposalEnd, ProposalState
from poolwatch.domain.purchases import Caps, Purchase, PurchaseOutcome, Settled, TopUpKind
from poolwatch.domain.values import replace
from poolwatch.host.locks import held
from poolwatch.once.journal import Stage
from poolwatch.purchases.reset_book import ResetBook, ResetEntry, ResetJournal
from poolwatch.purchases.topup_book import TopUpBook, TopUpEntry, key_of

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
_D = Decimal
URL = "https://pay.example.com/t"
WISH = Purchase("0a1b2c3d", "team", TopUpKind.GENERIC, URL, "pool", _D(10), "USD", NOW, "key-1")
USE = ResetUse("3f2a90b1-0000-4000-8000-000000000000", "acc", "reset-ws", ResetRoute.SERVICE, NOW, "rc_1")


def bought(folder: Path, stage: Stage, purchase: Purchase) -> None:
    book = TopUpBook(folder, lambda: NOW)
    assert book.folder.prepare() is None
    attempt = purchase.id * 2
    book.journal(key_of(purchase.place)).append(TopUpEntry(stage, attempt, purchase))


def used(folder: Path, stage: Stage, use: ResetUse) -> None:
    book = ResetBook(folder, lambda: NOW)
    assert book.folder.prepare() is None
    ResetJournal(book.folder.journal(use.workspace)).append(ResetEntry(stage, "a1" * 8, use))


def test_where_nothing_was_bought_nothing_waits_and_nothing_is_written(tmp_path: Path) -> None:
    assert unsettled(tmp_path / "state", NOW) == ((), ())
    assert not (tmp_path / "state").exists()


def test_what_was_sent_and_has_no_end_waits_and_what_is_known_or_settled_does_not(tmp_path: Path) -> None:
    bought(tmp_path, Stage.SENDING, WISH)
    other = replace(WISH, id="4e5f6071", outcome=PurchaseOutcome.GRANTED)
    bought(tmp_path, Stage.ENDED, other)
    bought(tmp_path, Stage.ENDED, replace(WISH, id="5e5f6071", settled=Settled.CHARGED))
    used(tmp_path, Stage.SENDING, USE)
    purchases, uses = unsettled(tmp_path, NOW)
    assert [each.id for each in purchases] == [WISH.id]
    assert [each.id for each in uses] == [USE.id]
    used(tmp_path, Stage.ENDED, replace(USE, outcome=ResetOutcome.RESET))
    assert unsettled(tmp_path, NOW)[1] == ()


def test_journals_that_were_put_back_from_a_copy_are_told_until_the_next_line(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    bought(tmp_path, Stage.SENDING, WISH)
    used(tmp_path, Stage.SENDING, USE)
    assert list(copied_journals(tmp_path, now)) == []
    (journal,) = (tmp_path / "topups").glob("*.journal")
    # as of a copy, the file is newer than what is in it
    before = (now - timedelta(days=2)).timestamp()
    os.utime(journal, (before, before))
    ((path, at),) = copied_journals(tmp_path, now)
    assert path == str(tmp_path / "topups")
    assert abs(at - now) < timedelta(minutes=1)
    assert list(copied_journals(tmp_path, now + timedelta(days=32))) == []
    bought(tmp_path, Stage.ENDED, replace(WISH, outcome=PurchaseOutcome.GRANTED))
    assert list(copied_journals(tmp_path, now)) == []
    assert list(copied_journals(tmp_path / "nowhere", now)) == []


def test_no_lock_is_taken_where_nothing_is_open_for_who_buys_would_find_it_held(tmp_path: Path) -> None:
    bought(tmp_path, Stage.ENDED, replace(WISH, outcome=PurchaseOutcome.GRANTED))
    used(tmp_path, Stage.ENDED, replace(USE, outcome=ResetOutcome.RESET))
    assert unsettled(tmp_path, NOW) == ((), ())
    purchases_of(TopUpBook(tmp_path, lambda: NOW), TopUpSettings("team", "generic", URL))
    folders = TopUpBook(tmp_path, lambda: NOW).folder, ResetBook(tmp_path, lambda: NOW).folder
    locks = folders[0].lock(key_of(URL)), folders[1].lock(USE.workspace)
    assert not any(each.exists() for each in locks)
    bought(tmp_path, Stage.SENDING, replace(WISH, id="4e5f6071"))
    assert len(unsettled(tmp_path, NOW)[0]) == 1
    assert locks[0].exists()


def test_what_somebody_is_at_does_not_wait_for_anybody(tmp_path: Path) -> None:
    bought(tmp_path, Stage.SENDING, WISH)
    used(tmp_path, Stage.SENDING, USE)
    with held(TopUpBook(tmp_path, lambda: NOW).folder.lock(key_of(URL))) as mine:
        assert mine
        assert unsettled(tmp_path, NOW)[0] == ()
    with held(ResetBook(tmp_path, lambda: NOW).folder.lock(USE.workspace)) as mine:
        assert mine
        assert unsettled(tmp_path, NOW)[1] == ()
    assert all(unsettled(tmp_path, NOW))


def test_what_the_service_still_works_on_waits_once_it_has_taken_too_long(tmp_path: Path) -> None:
    pending = replace(WISH, outcome=PurchaseOutcome.STARTED, service_id="t-1")
    bought(tmp_path, Stage.ENDED, pending)
    assert unsettled(tmp_path, NOW)[0] == ()
    (late,) = unsettled(tmp_path, NOW + timedelta(hours=1))[0]
    assert late.id == WISH.id


def test_a_target_is_judged_by_its_own_purchases_or_by_none(tmp_path: Path) -> None:
    topup, book = TopUpSettings("team", "generic", URL), TopUpBook(tmp_path, lambda: NOW)
    assert purchases_of(book, topup) == []
    bought(tmp_path, Stage.SENDING, WISH)
    bought(tmp_path, Stage.SENDING, replace(WISH, id="4e5f6071", target="build"))
    assert list(damaged_journals(tmp_path, NOW)) == []
    found = purchases_of(book, topup)
    assert found is not None
    assert [each.id for each in found] == [WISH.id]
    with book.folder.journal(key_of(URL)).open("ab") as journal:
        journal.write(b"damage\n")
    assert purchases_of(book, topup) is None
    (why,) = damaged_journals(tmp_path, NOW)
    assert why.code == "topup.journal_damaged"


def test_a_proposal_waits_as_long_as_it_is_configured_and_open() -> None:
    auto = AutoTopUp(_D(5), _D(10), Caps(_D(20), _D(100)))
    topup = TopUpSettings("team", "generic", URL, source="b", auto=auto)
    made = Proposal("team", _D(10), _D(5), _D(4), NOW)
    stored = {"team": ProposalState(_D(4), NOW, made), "gone": ProposalState(_D(4), NOW, made)}
    assert waiting_proposals((topup,), stored, NOW) == [made]
    assert waiting_proposals((topup,), {}, NOW) == []
    assert waiting_proposals((topup,), stored, NOW + timedelta(hours=6)) == []
    for changed in (replace(topup, auto=None), replace(topup, auto=replace(auto, amount=_D(9)))):
        assert waiting_proposals((changed,), stored, NOW) == []
    ended = {"team": ProposalState(_D(6), NOW, replace(made, end=ProposalEnd.ROSE))}
    assert waiting_proposals((topup,), ended, NOW) == []
