"""What waits for a person where money is spent, as rows of the screen of events and as findings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.domain.purchases import Purchase, Settled, money
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.alerts import AlertRow
from poolwatch.presentation.masking import masked_word, shown
from poolwatch.presentation.remedy import own_command
from poolwatch.presentation.resets import ID_SHOWN
from poolwatch.presentation.topups import Commands, proposal_text
from poolwatch.presentation.view import Prefs, Span, Tone
from poolwatch.words import topups as words

if TYPE_CHECKING:
    from poolwatch.domain.banked_resets import ResetUse
    from poolwatch.domain.proposals import Proposal

_MONEY: Final = "$"
_RESET: Final = "✕"


class Waits(Struct, frozen=True):
    """Proposals to top up, and top-ups and uses of banked resets of which nobody knows what became."""

    proposals: tuple[Proposal, ...] = ()
    purchases: tuple[Purchase, ...] = ()
    resets: tuple[ResetUse, ...] = ()


class Unsettled(Struct, frozen=True):
    """One of those that nobody knows the end of: what it is, and the command that goes on with it."""

    who: str
    text: str
    command: str


def waiting_rows(waits: Waits, names: AccountNames, now: datetime, prefs: Prefs) -> tuple[AlertRow, ...]:
    """The rows under WAITS FOR YOU: what may have been charged first."""
    return (
        *(_of_purchase(each, now, prefs) for each in waits.purchases),
        *(_of_reset(each, names, now, prefs) for each in waits.resets),
        *(_of_proposal(each, now, prefs) for each in waits.proposals),
    )


def unsettled_lines(waits: Waits, now: datetime, prefs: Prefs) -> Iterator[Unsettled]:
    """What nobody knows the end of; an account is told by the beginning of its id."""
    names = AccountNames({}, prefs.mask)
    for purchase in waits.purchases:
        lost = words.lost(_lost_top_up(purchase))
        yield Unsettled(shown(purchase.name, mask=prefs.mask), lost, _settling(purchase, now, prefs))
    for use in waits.resets:
        lost = words.lost(words.LOST_RESET())
        yield Unsettled(names.name(use.account), lost, _settling_reset(use, now, prefs))


def _buying(proposal: Proposal, prefs: Prefs) -> str:
    """The command that buys what is proposed; it asks for the amount again."""
    name = masked_word(proposal.name, mask=prefs.mask)
    return own_command(f"topups buy {money(proposal.amount)} --name {name}", prefs)


def _settling(purchase: Purchase, now: datetime, prefs: Prefs) -> str:
    """The command that asks about a top-up again, else the two that settle it."""
    commands = Commands(own_command("topups", prefs))
    if purchase.asking(now) is None:
        return commands.ask(purchase)
    return words.once_known(commands.settle(purchase, Settled.CHARGED), Settled.NOT_CHARGED.value)


def _settling_reset(use: ResetUse, now: datetime, prefs: Prefs) -> str:
    """Likewise of the use of a banked reset."""
    request = use.id[:ID_SHOWN]
    if use.may_be_asked_again(now):
        return own_command(f"resets ask {request}", prefs)
    return words.once_known(own_command(f"resets settle {request} used", prefs), "not-used")


def _of_proposal(proposal: Proposal, now: datetime, prefs: Prefs) -> AlertRow:
    who, text = shown(proposal.name, mask=prefs.mask), proposal_text(proposal)
    below = (money(each) for each in (proposal.balance, proposal.below))
    until = figures.clock(proposal.until, now, prefs.zone)
    return AlertRow(
        f"waits proposal {proposal.name}",
        _MONEY,
        Tone.ACCENT,
        who,
        text,
        _age(proposal.at, now),
        (Span(words.withdrawn(until), Tone.DIM),),
        words.settle_told(who, words.is_below(*below, _buying(proposal, prefs))),
        opens=proposal,
    )


def _of_purchase(purchase: Purchase, now: datetime, prefs: Prefs) -> AlertRow:
    who, text = shown(purchase.name, mask=prefs.mask), _lost_top_up(purchase)
    return AlertRow(
        f"waits top-up {purchase.id}",
        _MONEY,
        Tone.RED,
        who,
        text,
        _age(purchase.at, now),
        told=words.settle_told(who, _settling(purchase, now, prefs)),
        opens=purchase,
    )


def _of_reset(use: ResetUse, names: AccountNames, now: datetime, prefs: Prefs) -> AlertRow:
    who = names.name(use.account)
    return AlertRow(
        f"waits reset {use.id}",
        _RESET,
        Tone.RED,
        who,
        words.LOST_RESET(),
        _age(use.at, now),
        told=words.settle_told(who, _settling_reset(use, now, prefs)),
        opens=use,
    )


def _lost_top_up(purchase: Purchase) -> str:
    return words.lost_top_up(money(purchase.amount))


def _age(at: datetime, now: datetime) -> str:
    return figures.duration(max(now - at, timedelta(0)))
