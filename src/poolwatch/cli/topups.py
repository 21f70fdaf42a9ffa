"""`topups list|buy|ask|settle`: bought once, asked again as the same request, or settled by a person."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import (
    EXIT_CONFIG,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    Exit,
    complain,
    say,
    say_text,
)
from poolwatch.bootstrap.console import ask as question
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.bootstrap.topups import TopUpDesk
from poolwatch.bootstrap.waiting import copied_journals, damaged_journals, unsettled
from poolwatch.cli.command import surroundings
from poolwatch.cli.finding import Finding, Grade
from poolwatch.config.topup_settings import TopUpSettings, target_line
from poolwatch.config.values import Raw, Wrong, nearest
from poolwatch.domain.audit import By
from poolwatch.domain.message import Message
from poolwatch.domain.purchases import Purchase, PurchaseOutcome, Settled, amount_of, money
from poolwatch.domain.text import path_word, visible
from poolwatch.presentation.figures import dated_instant
from poolwatch.presentation.topups import (
    Commands,
    Offer,
    list_json,
    list_lines,
    purchase_json,
    purchase_lines,
)
from poolwatch.presentation.waiting import Waits, unsettled_lines
from poolwatch.purchases.topup_book import Known, disk_message
from poolwatch.purchases.topup_service import read_token
from poolwatch.words import topups as words
from poolwatch.words.commands import said
from poolwatch.words.messages import message_text

_GOOD: Final = frozenset({PurchaseOutcome.GRANTED, PurchaseOutcome.STARTED})
_LONGEST_WORD: Final = 60


class TopUpWish(Struct, frozen=True):
    """What `topups buy` was asked for, as it was typed."""

    amount: str
    name: str | None = None
    target: str | None = None
    confirm: str | None = None


def list_topups(config: Path | None, *, as_json: bool = False, mask: bool = False) -> int:
    """Print where credits can be bought, how far the caps are used, and every top-up."""
    around, desk = _desk(config, mask=mask)
    hidden, now, known = around.settings.ui.mask, RealClock().now(), _everything(around, desk)
    offers = [desk.offer(each) for each in desk.topups]
    waiting = desk.proposals()
    if as_json:
        told = list_json(offers, known.purchases, now, mask=hidden, damaged=known.damaged, proposals=waiting)
        say_text(told)
    elif offers or known.purchases:
        commands = Commands(around.command("topups"))
        lines = list_lines(offers, known.purchases, now, None, commands, mask=hidden, proposals=waiting)
        say(*map(around.told, lines))
    else:
        say(words.NONE())
    if known.damaged:
        complain(words.damaged())
    _tell_copied(desk)
    return EXIT_OK


def buy(config: Path | None, wish: TopUpWish, *, as_json: bool = False, mask: bool = False) -> int:
    """Top up by an amount that is confirmed, once."""
    around, desk = _desk(config, mask=mask)
    topup = _wanted(around, desk, wish.name)
    amount = amount_of(wish.amount)
    if amount is None:
        complain(words.not_amount(visible(wish.amount, _LONGEST_WORD)))
        return EXIT_USAGE
    aim = None if wish.target is None else target_line(Raw(wish.target))
    if isinstance(aim, Wrong):
        complain(words.bad_target(aim.why))
        return EXIT_USAGE
    offer, seen = desk.offer(topup, wish.target), desk.seen(topup, wish.target)
    refused = desk.distrust()
    if refused is not None:
        complain(around.told(message_text(refused)))
        return EXIT_CONFIG
    _tell_copied(desk)
    given = wish.confirm
    if given is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            complain(words.UNCONFIRMED(money(amount)))
            return EXIT_USAGE
        given = _typed(around, offer, money(amount))
    if amount_of(given) != amount:
        complain(words.MISMATCH())
        return EXIT_USAGE
    before = desk.balance(topup)
    try:
        bought = desk.buy(topup, amount, seen, wish.target, before)
    except KeyboardInterrupt:
        complain(words.GOES_ON())
        raise
    return _told(around, desk, bought, as_json=as_json)


def _typed(around: Surroundings, offer: Offer, amount: str) -> str:
    """What a person types at the terminal to confirm it."""
    target, host = around.told(offer.target), around.told(offer.host)
    lines = [words.will_charge(amount, target, host), words.saved_card(host)]
    if not offer.takes_key:
        lines.append(words.NO_KEY())
    return question(*lines, words.TYPE())


def _tell_copied(desk: TopUpDesk) -> None:
    """Say that caps may count less than was bought, where that is so."""
    at = desk.book.folder.copied_at()
    if at is not None:
        complain(words.copied(dated_instant(at, RealClock().now(), None)))


def ask(config: Path | None, purchase_id: str, *, as_json: bool = False, mask: bool = False) -> int:
    """Ask what became of a top-up, as the same request."""
    around, desk = _desk(config, mask=mask)
    found = desk.ask(_purchase(around, desk, purchase_id))
    if isinstance(found, Message):
        complain(around.told(message_text(found)))
        return EXIT_FAILED
    return _told(around, desk, found, as_json=as_json)


def settle(
    config: Path | None, purchase_id: str, word: str, *, as_json: bool = False, mask: bool = False
) -> int:
    """Write down what a person says became of a top-up."""
    if word not in list(Settled):
        complain(words.settle_word(visible(word, _LONGEST_WORD)))
        return EXIT_USAGE
    around, desk = _desk(config, mask=mask)
    found = desk.settle(_purchase(around, desk, purchase_id), Settled(word))
    if isinstance(found, Message):
        complain(around.told(message_text(found)))
        return EXIT_FAILED
    _told(around, desk, found, as_json=as_json)
    return EXIT_OK


def _told(around: Surroundings, desk: TopUpDesk, purchase: Purchase, *, as_json: bool) -> int:
    now, hidden = RealClock().now(), around.settings.ui.mask
    if as_json:
        say_text(purchase_json(purchase, now, mask=hidden))
    else:
        commands = Commands(around.command("topups"))
        say(*(around.told(each) for each in purchase_lines(purchase, now, None, commands, mask=hidden)))
    if desk.auditor.trouble is not None:
        complain(around.told(message_text(desk.auditor.trouble)))
    return EXIT_OK if purchase.standing(now) in _GOOD else EXIT_FAILED


def _desk(config: Path | None, *, mask: bool) -> tuple[Surroundings, TopUpDesk]:
    around = surroundings(config, mask=mask)
    return around, TopUpDesk(around, By.COMMAND)


def _wanted(around: Surroundings, desk: TopUpDesk, name: str | None) -> TopUpSettings:
    """The one that is meant; ends the command where that is not plain."""
    names = [each.name for each in desk.topups]
    if not names:
        complain(words.NONE())
        raise Exit(EXIT_CONFIG)
    if name is None and len(names) == 1:
        return desk.topups[0]
    found = next((each for each in desk.topups if each.name == name), None)
    if found is not None:
        return found
    if name is None:
        complain(around.told(words.which(" | ".join(map(path_word, names)))))
    else:
        near, shown = nearest(name, names), visible(name, _LONGEST_WORD)
        complain(around.told(words.no_offer_but(shown, near) if near else words.no_offer(shown)))
    raise Exit(EXIT_USAGE)


def _purchase(around: Surroundings, desk: TopUpDesk, purchase_id: str) -> Purchase:
    """The top-up whose id begins so; ends the command where there is none, or several."""
    wanted = purchase_id.strip().lower()
    known = _everything(around, desk).purchases
    found = [each for each in known if each.id == wanted] or [
        each for each in known if wanted and each.id.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]
    shown = visible(purchase_id, _LONGEST_WORD)
    complain(words.several_purchases(shown) if found else words.no_purchase(shown))
    raise Exit(EXIT_USAGE)


def _everything(around: Surroundings, desk: TopUpDesk) -> Known:
    try:
        return desk.book.everything()
    except OSError as error:
        complain(around.told(message_text(disk_message(error, desk.book.folder.folder))))
        raise Exit(EXIT_FAILED) from None


def money_findings(around: Surroundings) -> Iterator[Finding]:
    """For `doctor`: what was perhaps charged or used, which holds back every other one of its kind.

    And tokens of top-ups that cannot be used, which else would be found out when somebody pays.
    """
    now = RealClock().now()
    for topup in around.settings.topups:
        token = read_token(topup.token_file, topup.token_env, around.env)
        if isinstance(token, Message):
            yield Finding("money", Grade.ERROR, f"{topup.name}: {message_text(token)}")
    for path, at in copied_journals(around.state_dir, now):
        when = dated_instant(at, now, None)
        yield Finding("money", Grade.NOTE, said("copied_journals", path=around.told_path(path), at=when))
    for why in damaged_journals(around.state_dir, now):
        yield Finding("money", Grade.ERROR, message_text(why))
    purchases, resets = unsettled(around.state_dir, now)
    for each in unsettled_lines(Waits((), purchases, resets), now, around.prefs(keys=False)):
        yield Finding("money", Grade.ERROR, f"{each.who}: {each.text}", each.command)
