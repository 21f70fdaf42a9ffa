"""Top-ups of a run: what its configuration lets buy; bought, asked and settled, each in the audit log."""

from __future__ import annotations

import secrets
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from poolwatch.bootstrap.auditing import auditor_of
from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.topup_settings import TopUpSettings
from poolwatch.domain.audit import Act, By, Deed, Ending, Outcome
from poolwatch.domain.message import Message, message
from poolwatch.domain.proposals import Proposal, spent_by_proposals
from poolwatch.domain.purchases import (
    Purchase,
    PurchaseOutcome,
    Settled,
    Spent,
    TopUpKind,
    confirmed,
    last_charged,
    money,
    refusal,
    spent,
)
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, in_foreign_hands
from poolwatch.host.threads import in_thread
from poolwatch.monitor.auditing import Auditor
from poolwatch.presentation.topups import Offer, TopUpLook, TopUpsDone
from poolwatch.purchases.topping_up import TopUpOrder
from poolwatch.purchases.topup_book import Known, TopUpBook, disk_message, key_of, uptime
from poolwatch.purchases.topup_service import carry_out, new_purchase
from poolwatch.words.messages import message_text

_ATTEMPT_BYTES: Final = 8
_ENDINGS: Final = {
    PurchaseOutcome.GRANTED: Outcome.DONE,
    PurchaseOutcome.STARTED: Outcome.DONE,
    PurchaseOutcome.UNKNOWN: Outcome.UNKNOWN,
}


def read_balance(around: Surroundings, topup: TopUpSettings) -> Decimal | None:
    """What its source tells now, in the currency of the top-up; None where nobody does."""
    if topup.source is None:
        return None
    from poolwatch.bootstrap.balances import look_at_balances  # few have one
    from poolwatch.net.names import run

    name = topup.source
    try:
        state = run(look_at_balances(around, timedelta(0), (name,))).balances.get(name)
    except Exception:  # noqa: BLE001 - whatever becomes of a balance, what was bought is told
        return None
    if state is None or state.balance is None or state.trouble is not None:
        return None
    return state.balance.remaining if state.balance.unit == topup.currency else None


class TopUpDesk:
    """Where top-ups are bought in one run; everything blocks on disk, buying and asking on the network.

    No method retries, and none buys anything that was not confirmed before it is called.
    """

    def __init__(self, around: Surroundings, by: By, auditor: Auditor | None = None) -> None:
        self._around = around
        self._now = RealClock().now
        self.book: Final = TopUpBook(around.state_dir, self._now)
        self.auditor: Final = auditor or auditor_of(around.state_dir, around.env, by, self._now)

    @property
    def topups(self) -> tuple[TopUpSettings, ...]:
        """What is configured."""
        return self._around.settings.topups

    def distrust(self) -> Message | None:
        """Why nothing is bought by this configuration: somebody else can change it. None: it is trusted."""
        path = self._around.settings.path
        if path is None:
            return message("topup.no_config")
        problem = in_foreign_hands(path)
        if problem is None:
            return None
        if problem.is_missing:
            return message("topup.no_config")
        shown = visible(str(problem.path), LONGEST_PATH)
        return message("topup.untrusted", path=shown, why=Message(problem.code, problem.arguments))

    def offer(self, topup: TopUpSettings, target: str | None = None) -> Offer:
        """What can be bought there, and how far its caps are used."""
        aim = _aim(topup, target)
        offer = Offer(
            topup.name,
            TopUpKind(topup.kind),
            topup.url,
            aim,
            topup.currency,
            topup.amounts,
            topup.caps,
            spent=None,
            auto=topup.auto,
            auto_spent=None,
        )
        known = self._known(topup)
        if isinstance(known, Message):
            return replace(offer, trouble=message_text(known))
        refused = self.distrust()
        if refused is None and known.trouble is not None:
            refused = message(known.trouble, path=str(self.book.folder.journal(key_of(topup.url))))
        waiting = next((each for each in known.purchases if each.is_open and each.target == aim), None)
        if refused is None and waiting is not None:
            refused = message("topup.open", id=waiting.id, amount=money(waiting.amount))
        offer = replace(offer, trouble=None if refused is None else message_text(refused))
        if known.damaged:
            # what can be read there may be less than what was bought
            return offer
        now, of_target = self._now(), [each for each in known.purchases if each.target == aim]
        used = Spent() if topup.auto is None else spent_by_proposals(of_target, now)
        return replace(offer, spent=spent(known.purchases, now), auto_spent=used)

    def proposals(self) -> dict[str, Proposal]:
        """Those that wait for an answer, by the name of the top-up."""
        if all(each.auto is None for each in self.topups):
            return {}
        from poolwatch.bootstrap.waiting import stored_proposals  # few have any

        return {each.name: each for each in stored_proposals(self._around, self.topups, self._now())}

    def looks(self) -> tuple[TopUpLook, ...]:
        """All that is configured, as it stands now, each with the top-up that is to be settled first."""
        return tuple(self._look(each) for each in self.topups)

    def _look(self, topup: TopUpSettings) -> TopUpLook:
        # before the offer: what is bought between the two is then refused as not seen
        seen, known = self.seen(topup), self._known(topup)
        offer = self.offer(topup)
        if isinstance(known, Message):
            return TopUpLook(offer, seen, source=topup.source)
        is_waiting = (each for each in known.purchases if each.is_open and each.target == offer.target)
        waiting = next(is_waiting, None)
        at_work = waiting is not None and self._is_at_work(waiting)
        return TopUpLook(offer, seen, waiting, topup.source, at_work)

    def _is_at_work(self, purchase: Purchase) -> bool:
        """Whether a process is still at it: that it is open then says nothing yet."""
        try:
            return purchase.is_open and self.book.is_at_work(key_of(purchase.place))
        except OSError:
            return False

    def done(self) -> TopUpsDone:
        """Every top-up that is written down."""
        try:
            known = self.book.everything()
        except OSError:
            return TopUpsDone(damaged=True)
        at_work = frozenset(each.id for each in known.purchases if self._is_at_work(each))
        return TopUpsDone(known.purchases, known.damaged, at_work)

    def balance_of(self, name: str) -> Decimal | None:
        """What is left at the place of that name; what was only started there is judged by it."""
        topup = next((each for each in self.topups if each.name == name), None)
        if topup is None:
            return None
        balance, known = self.balance(topup), self._known(topup)
        if balance is not None and not isinstance(known, Message):
            last = known.find(last_charged(known.purchases, topup.target))
            if last is not None and last.outcome is PurchaseOutcome.STARTED:
                found = confirmed(last, balance)
                if found.outcome is not last.outcome:
                    self.book.note(last, replace(found, ended_at=self._now()))
        return balance

    def buy_seen(self, look: TopUpLook, amount: Decimal) -> Purchase | Message:
        """Buy at the place that a person saw; why not, where it is configured otherwise by now."""
        offer = look.offer
        found = (each for each in self.topups if (each.name, each.url) == (offer.name, offer.place))
        topup = next(found, None)
        if topup is None:
            return message("topup.place_gone", place=offer.place)
        return self.buy(topup, amount, look.seen, offer.target, self.balance(topup))

    def seen(self, topup: TopUpSettings, target: str | None = None) -> str:
        """The latest top-up there that was, or may have been, charged; asked before somebody confirms."""
        known = self._known(topup)
        return "" if isinstance(known, Message) else last_charged(known.purchases, _aim(topup, target))

    def balance(self, topup: TopUpSettings) -> Decimal | None:
        """What is there now, None where nobody tells it."""
        return read_balance(self._around, topup)

    def buy(
        self,
        topup: TopUpSettings,
        amount: Decimal,
        seen: str,
        target: str | None = None,
        balance_before: Decimal | None = None,
    ) -> Purchase:
        """Buy what a person confirmed; how it ended, refusals included."""
        kind, aim, now = TopUpKind(topup.kind), _aim(topup, target), self._now()
        wish = new_purchase(topup.name, kind, topup.url, aim, amount, topup.currency, now)
        waiting = self.proposals().get(topup.name) if topup.auto is not None else None
        proposed = waiting is not None and (waiting.amount, topup.target) == (amount, aim)
        wish = replace(wish, balance_before=balance_before, proposed=proposed)
        refused = self.distrust()
        known = self._known(topup) if refused is None else refused
        if not isinstance(known, Message):
            refused = refusal(known.purchases, wish, topup.caps, now, seen)
            if known.trouble is not None:
                refused = message(known.trouble, path=str(self.book.folder.journal(key_of(topup.url))))
        else:
            refused = known
        if refused is not None:
            return _left_alone(wish, refused)
        named = tuple(dict.fromkeys((topup.name, aim, f"${money(amount)}", wish.id)))
        return self._spent(Deed(Act.TOP_UP, what=named), self._order(topup, wish, seen=seen), topup)

    def ask(self, purchase: Purchase) -> Purchase | Message:
        """Ask what became of one, as the same request; or why that is impossible."""
        refused = purchase.asking(self._now(), uptime()) or self.distrust()
        if refused is not None:
            return refused
        topup = self._of(purchase)
        if topup is None:
            return message("topup.place_gone", place=purchase.place)
        named = (purchase.name, purchase.id)
        deed = Deed(Act.ASK_TOP_UP, what=tuple(dict.fromkeys(named)))
        return self._spent(deed, self._order(topup, purchase, again=True), topup)

    def settle(self, purchase: Purchase, settled: Settled) -> Purchase | Message:
        """Write down what a person says became of one; or why that is impossible."""
        done: list[Purchase | Message] = []

        def work() -> Ending:
            done.append(self.book.settle(purchase, settled))
            if isinstance(done[0], Message):
                return Ending(Outcome.FAILED)
            return Ending(Outcome.DONE, (f"topup:{settled.value}",))

        deed = Deed(Act.SETTLE_TOP_UP, what=tuple(dict.fromkeys((purchase.name, purchase.id))))
        ending = self.auditor.spend(deed, work)
        return _not_audited(ending) if isinstance(ending, FileProblem) else done[0]

    def _spent(self, deed: Deed, order: TopUpOrder, topup: TopUpSettings) -> Purchase:
        done: list[Purchase] = []

        def work() -> Ending:
            done.append(self._confirmed(carry_out(order, self.book), topup))
            outcome = done[0].outcome
            codes = (f"topup:{outcome.value}", *(("topup:proposed",) if order.purchase.proposed else ()))
            return Ending(_ENDINGS.get(outcome, Outcome.FAILED), codes)

        ending = self.auditor.spend(deed, work)
        if isinstance(ending, FileProblem):
            # what is asked about stays as it was
            why = _not_audited(ending)
            return order.purchase if order.again else _left_alone(order.purchase, why)
        return done[0]

    def _confirmed(self, purchase: Purchase, topup: TopUpSettings) -> Purchase:
        """The top-up with the balance that is read after it."""
        if not purchase.counts:
            return purchase
        found = confirmed(purchase, self.balance(topup))
        return self.book.note(purchase, found) if found != purchase else purchase

    def _order(
        self, topup: TopUpSettings, purchase: Purchase, *, seen: str = "", again: bool = False
    ) -> TopUpOrder:
        return TopUpOrder(
            str(self._around.state_dir),
            secrets.token_hex(_ATTEMPT_BYTES),
            purchase,
            topup.caps,
            seen,
            again,
            topup.token_file,
            topup.token_env,
            self._around.settings.net,
        )

    def _of(self, purchase: Purchase) -> TopUpSettings | None:
        """What is configured for the place of a top-up, that of the same name first."""
        found = [each for each in self.topups if each.url == purchase.place and each.kind == purchase.kind]
        return next((each for each in found if each.name == purchase.name), found[0] if found else None)

    def _known(self, topup: TopUpSettings) -> Known | Message:
        try:
            return self.book.known(key_of(topup.url))
        except OSError as error:
            return disk_message(error, self.book.folder.folder)


class LiveTopUps:
    """The desk for a screen: all of it on threads, and without a wait for those when the app is left."""

    def __init__(self, desk: TopUpDesk) -> None:
        self._desk = desk

    async def looks(self) -> tuple[TopUpLook, ...]:
        """All places, as they stand now."""
        return await in_thread(self._desk.looks)

    async def done(self) -> TopUpsDone:
        """Every top-up that is written down."""
        return await in_thread(self._desk.done)

    async def balance_of(self, name: str) -> Decimal | None:
        """What is left at one."""
        return await in_thread(partial(self._desk.balance_of, name))

    async def buy(self, look: TopUpLook, amount: Decimal) -> Purchase | Message:
        """Pay it, once."""
        return await in_thread(partial(self._desk.buy_seen, look, amount))

    async def ask(self, purchase: Purchase) -> Purchase | Message:
        """The same request once more."""
        return await in_thread(partial(self._desk.ask, purchase))

    async def settle(self, purchase: Purchase, settled: Settled) -> Purchase | Message:
        """What a person says became of it."""
        return await in_thread(partial(self._desk.settle, purchase, settled))


def _aim(topup: TopUpSettings, target: str | None) -> str:
    """What it is bought for; blanks around a name make no other one of it."""
    return (target or "").strip() or topup.target


def _left_alone(wish: Purchase, why: Message) -> Purchase:
    reason = message("topup.not_bought", why=why)
    return replace(wish, outcome=PurchaseOutcome.REFUSED, reason=reason)


def _not_audited(problem: FileProblem) -> Message:
    path = visible(str(problem.path), LONGEST_PATH)
    return message("topup.not_audited", path=path, why=Message(problem.code, problem.arguments))
