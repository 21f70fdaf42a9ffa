"""The sheet in which credits are bought: an amount is chosen, typed and paid, once, and its end is told."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from decimal import Decimal
from enum import Enum, auto
from functools import partial
from typing import Any, Final

from textual import events

from poolwatch.domain.balances import LOOKED_BACK, lasting
from poolwatch.domain.message import Message
from poolwatch.domain.proposals import Proposal
from poolwatch.domain.purchases import Purchase, PurchaseOutcome, Settled, amount_of, money
from poolwatch.domain.series import Finest
from poolwatch.presentation.top_up_sheet import (
    Address,
    Filled,
    Standing,
    address_lines,
    charge_lines,
    chosen_amount,
    ending_lines,
    most_in_need,
    name_of,
    offer_lines,
    stands_since,
    title,
    web_places,
    work_lines,
)
from poolwatch.presentation.topups import TopUpLook, purchase_line
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Line
from poolwatch.ui.feed import TopUps
from poolwatch.ui.screens.page import Page
from poolwatch.ui.screens.sheet import Question, Sheet
from poolwatch.ui.state import UiState
from poolwatch.words import interface
from poolwatch.words import topups as words
from poolwatch.words.messages import message_text

#: So often it is looked whether what is at work elsewhere has ended.
_WATCH_SECONDS: Final = 1.0
_AGAIN: Final = "again"
_SETTLED: Final = {
    "charged": Settled.CHARGED,
    "not charged": Settled.NOT_CHARGED,
    "not-charged": Settled.NOT_CHARGED,
}


class Step(Enum):
    """What the sheet shows."""

    CHOOSE = auto()
    CONFIRM = auto()
    AT_WORK = auto()
    ENDED = auto()


def open_sheet(page: Page[Any], filled: Filled | None = None) -> None:
    """Look at what can be bought, then show it over a page; `filled`: a place and an amount are chosen."""
    page.start_work(partial(_open, page, filled))


async def _open(page: Page[Any], filled: Filled | None) -> None:
    top_ups = await page.ui.feed.top_ups()
    _show(page, top_ups, await top_ups.looks(), filled)


def _show(page: Page[Any], top_ups: TopUps, looks: Sequence[TopUpLook], filled: Filled | None) -> None:
    # a second press of the key finds the sheet there
    if page.app.screen is page:
        page.app.push_screen(TopUpSheet(page.ui, top_ups, looks, filled))


def answer(page: Page[Any], asked: Proposal | Purchase, command: str) -> None:
    """Show the sheet with what is proposed filled in, or with what is to be settled; else say the command."""
    page.start_work(partial(_answer, page, asked, command))


async def _answer(page: Page[Any], asked: Proposal | Purchase, command: str) -> None:
    top_ups = await page.ui.feed.top_ups()
    looks = await top_ups.looks()
    if isinstance(asked, Proposal):
        names = [each.offer.name for each in looks if each.offer.name == asked.name]
    else:
        # one of another target, or of a place that is not configured any more, is not settled there
        names = [
            each.offer.name for each in looks if each.waiting is not None and each.waiting.id == asked.id
        ]
    if names:
        _show(page, top_ups, looks, Filled(names[0], amount=asked.amount))
    else:
        page.flash(command)


class TopUpSheet(Sheet[None]):
    """No key pays: the amount is typed, and Enter sends it once. To leave stops nothing that was sent."""

    MOST = 32

    def __init__(
        self, ui: UiState, top_ups: TopUps, looks: Sequence[TopUpLook], filled: Filled | None = None
    ) -> None:
        super().__init__(ui)
        self._top_ups = top_ups
        states = tuple(ui.board.state.balances.values())
        #: where it is bought here, then where in a browser
        self._places: tuple[TopUpLook | Address, ...] = (*looks, *web_places(states))
        self._step = Step.CHOOSE
        self._amount: Decimal | None = None
        self._purchase: Purchase | None = None
        #: what is left at the places, by name; absent: it is being read
        self._standings: dict[str, Standing] = {}
        wanted = None if filled is None else filled.at(self._places)
        self._at = most_in_need(looks, states) if wanted is None else wanted
        self._begin()
        if filled is not None and filled.amount is not None and wanted is not None:
            self._fill_in(filled.amount)

    def on_mount(self) -> None:
        """Read what is left; what another sheet, or another poolwatch, has at work is watched."""
        self._read_balance()
        self.set_interval(_WATCH_SECONDS, self._watch)

    @property
    def _place(self) -> TopUpLook | Address:
        return self._places[self._at]

    @property
    def _look(self) -> TopUpLook | None:
        """The place, where it is bought here."""
        place = self._place
        return None if isinstance(place, Address) else place

    @property
    def _standing(self) -> Standing | None:
        look = self._look
        return None if look is None else self._standings.get(look.offer.name)

    @property
    def _link(self) -> str | None:
        """The address that can be copied."""
        place = self._place
        if isinstance(place, Address):
            return place.url
        return self._purchase.link if self._purchase is not None and self._step is Step.ENDED else None

    def _begin(self) -> None:
        """At a place: what is open there comes before anything else."""
        look = self._look
        self._purchase = None if look is None else look.waiting
        self._step = Step.ENDED if self._purchase is not None else Step.CHOOSE
        if self._purchase is not None and look is not None and look.at_work:
            self._step, self._amount = Step.AT_WORK, self._purchase.amount
        self.typed = self.remark = ""

    def _fill_in(self, amount: Decimal) -> None:
        """As if the amount were chosen; it is still to be typed. Not where nothing can be bought now."""
        look = self._look
        if look is not None and self._step is Step.CHOOSE and look.offer.trouble is None:
            self._amount, self._step = amount, Step.CONFIRM

    # --- drawing

    def draw(self) -> None:
        """Where the sheet is still there: answers come whenever they come."""
        if self.is_attached and self.children and self.size.width:
            super().draw()

    def lines(self, width: int, glyphs: Glyphs) -> list[Line]:
        """What is told, what is asked for, and the keys."""
        return self.question_lines(self._question(), width, glyphs)

    def _question(self) -> Question:
        place, mask, amount = self._place, self.ui.choice.mask, self._amount
        now, zone = self.ui.feed.now(), self.ui.board.prefs.zone
        standing, purchase = self._standing, self._purchase
        others = (("j k", words.KEY_OTHER()),) if len(self._places) > 1 else ()
        leave, unpaid = ("esc", words.KEY_LEAVE()), ("esc", words.NOTHING_CHARGED())
        if isinstance(place, Address):
            told = tuple(address_lines(place, mask=mask))
            return Question(title(place, "", mask=mask), told, "", (("y", words.KEY_COPY()), *others, leave))
        if self._step is Step.CONFIRM and amount is not None:
            told = tuple(charge_lines(place, amount, standing, mask=mask))
            keys = (("enter", words.KEY_PAY()), unpaid)
            return Question(title(place, words.CONFIRM(), mask=mask), told, words.TYPE(), keys)
        if self._step is Step.AT_WORK:
            told = tuple(work_lines(place, amount))
            goes_on = (("esc", words.KEY_RUNS_ON()),)
            return Question(title(place, words.AT_WORK(), mask=mask), told, "", goes_on)
        if self._step is Step.ENDED and purchase is not None:
            told = tuple(ending_lines(purchase, place, standing, now, zone, mask=mask))
            named = title(place, stands_since(purchase, now, zone), mask=mask)
            copy = (("y", words.KEY_COPY()),) if purchase.link is not None else ()
            read = (("r", words.KEY_READ()),) if place.source is not None else ()
            if not purchase.is_open:
                return Question(named, told, "", (*read, *copy, *others, leave))
            prompt = words.TYPE_AGAIN() if purchase.asking(now) is None else words.TYPE_SETTLED()
            keys = (("enter", interface.text("do_it")), *read, *copy, *others, leave)
            return Question(named, told, prompt, keys)
        told = tuple(offer_lines(place, standing, now, zone, mask=mask))
        named = title(place, "", mask=mask)
        if place.offer.trouble is not None:
            return Question(named, told, "", (*others, leave))
        if self.ui.options.simulated:
            told = (*told, words.DEMO())
        chosen = chosen_amount(place.offer, self.typed)
        meant = "" if chosen is None else words.chosen(money(chosen))
        return Question(named, told, words.CHOOSE(), (("enter", words.KEY_NEXT()), *others, unpaid), meant)

    # --- keys

    def on_key(self, event: events.Key) -> None:
        """What is typed; Enter takes it."""
        event.stop()
        takes_text, is_by_hand = bool(self._question().prompt), self.is_by_hand(event)
        match event.key:
            case "escape":
                self._leave()
                return
            case "q" if not takes_text:
                self._leave()
                return
            case "enter" if takes_text and self.typed and not is_by_hand:
                self.remark = interface.text("not_by_hand")
            case "enter":
                self._enter()
            case "backspace":
                self.erase()
            case "j" | "k" if not self.typed and self._step in (Step.CHOOSE, Step.ENDED):
                self._go(1 if event.key == "j" else -1)
            case "y" if not self.typed and self._link is not None:
                self.app.copy_to_clipboard(self._link)
                self.remark = words.COPIED(self._link)
            case "r" if not self.typed and self._step is Step.ENDED:
                self._read_balance()
            case _ if takes_text and event.character is not None and event.character.isprintable():
                self.take(event.character)
        self.draw()

    def on_paste(self, event: events.Paste) -> None:
        """What pays is typed: a clipboard is not somebody's word."""
        event.stop()
        # Textual would have the sheet below take it, too
        event.prevent_default()

    def _leave(self) -> None:
        """What was sent goes on; who leaves before that is told that nothing is charged."""
        look, step, ui = self._look, self._step, self.ui
        self.dismiss()
        below = self.app.screen
        if look is None or not isinstance(below, Page):
            return
        if step is Step.AT_WORK:
            below.flash(words.RUNS_ON(name_of(look, mask=ui.choice.mask)), Tone.AMBER)
        elif step is Step.CONFIRM:
            below.flash(words.NOTHING_CHARGED())

    def _go(self, by: int) -> None:
        if len(self._places) > 1:
            self._at = (self._at + by) % len(self._places)
            self._begin()
            self._read_balance()

    def _enter(self) -> None:
        look, typed, purchase = self._look, self.typed.strip(), self._purchase
        if look is None or self._step is Step.AT_WORK:
            return
        if self._step is Step.CHOOSE:
            amount = chosen_amount(look.offer, typed)
            if look.offer.trouble is not None or not typed:
                return
            if amount is None:
                self.remark = words.not_amount(typed)
                return
            self._amount, self._step, self.typed = amount, Step.CONFIRM, ""
        elif self._step is Step.CONFIRM and self._amount is not None:
            if amount_of(typed) != self._amount:
                self.remark = words.OTHER_AMOUNT()
                return
            self._work(self._top_ups.buy(look, self._amount), look)
        elif purchase is not None and purchase.is_open and typed:
            if typed == _AGAIN and purchase.asking(self.ui.feed.now()) is None:
                self._amount = None
                self._work(self._top_ups.ask(purchase), look)
            elif typed in _SETTLED:
                self._amount = None
                self._work(self._top_ups.settle(purchase, _SETTLED[typed]), look)
            else:
                self.remark = interface.text("other_word")

    # --- work

    def _work(self, what: Awaitable[Purchase | Message], look: TopUpLook) -> None:
        """Do it, once; of the app and not of the sheet, which may be left meanwhile."""
        self._step, self.typed, self.remark = Step.AT_WORK, "", ""
        self.ui.tops_up_now = True
        self.app.run_worker(partial(self._await, what, look))  # type: ignore[arg-type]  # its type forgets functions

    async def _await(self, what: Awaitable[Purchase | Message], look: TopUpLook) -> None:
        ui, app, found = self.ui, self.app, await what
        ui.tops_up_now = False
        now = ui.feed.now()
        if isinstance(found, Message):
            text, is_good = message_text(found), False
            self.remark = text
            self._step = Step.ENDED if self._purchase is not None else Step.CHOOSE
        else:
            text, is_good = purchase_line(found, now, mask=ui.choice.mask), found.counts and not found.is_open
            self._purchase, self._step = found, Step.ENDED
        tone = Tone.GOOD if is_good else Tone.AMBER
        if app.screen is not self and isinstance(app.screen, Page):
            app.screen.flash(text, tone)
        else:
            ui.said.add(now, text, tone)
        self.draw()
        if look.source is not None and not isinstance(found, Message) and found.counts:
            await ui.feed.read_balance(look.source)
        await self._look_again()
        self._read_balance()

    async def _look_again(self) -> None:
        """What is open there now comes first, also for who goes on to another place and comes back."""
        looks = {each.offer.name: each for each in await self._top_ups.looks()}
        self._places = tuple(
            each if isinstance(each, Address) else looks.get(each.offer.name, each) for each in self._places
        )

    def _watch(self) -> None:
        look = self._look
        if look is not None and look.at_work and self._step is Step.AT_WORK:
            self.run_worker(self._watch_once, exclusive=True, group="watch", exit_on_error=False)  # type: ignore[arg-type]  # its type forgets functions

    async def _watch_once(self) -> None:
        before = self._look
        await self._look_again()
        look = self._look
        if before is None or before.waiting is None or look is None or self._step is not Step.AT_WORK:
            return
        if look.at_work or look.offer.name != before.offer.name:
            return
        self._begin()
        if self._purchase is None:
            self._purchase = await self._written_down(before.waiting)
            self._step = Step.CHOOSE if self._purchase is None else Step.ENDED
        self._read_balance()
        self.draw()

    def _read_balance(self) -> None:
        look = self._look
        if look is not None and look.source is not None and self.is_attached:
            # an error there ends nothing else
            self.run_worker(partial(self._balance_read, look, look.source), exit_on_error=False)  # type: ignore[arg-type]  # its type forgets functions

    async def _balance_read(self, look: TopUpLook, source: str) -> None:
        feed = self.ui.feed
        amount = await self._top_ups.balance_of(look.offer.name)
        now, state, ends_at = feed.now(), self.ui.board.state.balances.get(source), None
        if amount is not None and state is not None:
            points = await feed.balance_points(state, now - LOOKED_BACK, Finest.CHANGE)
            runs = lasting(state, points, now)
            ends_at = None if runs is None else runs.ends_at
        self._standings[look.offer.name] = Standing(amount, now, ends_at)
        await self._judge_again()
        self.draw()

    async def _judge_again(self) -> None:
        """What was only started may be there by now, as the balance shows."""
        shown = self._purchase
        if shown is None or shown.outcome is not PurchaseOutcome.STARTED or self._step is not Step.ENDED:
            return
        found = await self._written_down(shown)
        if found is not None and self._purchase is shown and self._step is Step.ENDED:
            self._purchase = found

    async def _written_down(self, purchase: Purchase) -> Purchase | None:
        """What is known of one by now, also where its place is not configured any more."""
        done = await self._top_ups.done()
        return next((each for each in done.purchases if each.id == purchase.id), None)
