"""Pages whose keys refresh accounts, and the questions that are asked before."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import ClassVar, Final, TypeVar

from textual.binding import Binding, BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.presentation import figures
from poolwatch.presentation.view import CardView, Tone
from poolwatch.ui.feed import Answer, AnswerKind
from poolwatch.ui.screens.page import Page, Panel
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.words import interface
from poolwatch.words import screen as words
from poolwatch.words.remedies import R_RENEWS, R_RENEWS_BRIEF

ResultT = TypeVar("ResultT")
#: Above this many accounts a refresh of all shown is asked about first.
ASK_ABOVE: Final = 20


class RefreshingPage(Page[ResultT]):
    """A page whose keys refresh accounts."""

    _throttled: AccountKey | None = None

    def action_refresh_account(self) -> None:
        """The whole chain for the account."""
        self._refresh_selected(usage_only=False)

    def action_read_usage(self) -> None:
        """The usage step alone."""
        self._refresh_selected(usage_only=True)

    def _refresh_selected(self, *, usage_only: bool) -> None:
        key = self.account
        if key is None:
            self.flash(words.NOBODY_SELECTED())
        else:
            override = self._throttled == key
            self._throttled = None
            self.start_work(partial(self._refresh, key, usage_only=usage_only, override=override))

    def action_sign_in(self) -> None:
        """Sign the account in again, where it needs that."""
        if self.account is None:
            self.flash(words.NOBODY_SELECTED())
            return
        from poolwatch.ui.screens.sign_in import sign_in  # seldom needed

        sign_in(self, self.account)

    async def read_new_login(self, key: AccountKey) -> None:
        """Read the usage of an account that has just been signed in."""
        answer = await self.ui.feed.signed_in(key)
        if answer.kind is not AnswerKind.RUNNING:
            self._say_answer(answer, key)

    def refresh_many(self, keys: Collection[AccountKey], *, usage_only: bool = False) -> None:
        """All of them, asked about first where they are many."""
        if not keys:
            self.flash(words.NOBODY_SELECTED())
        elif len(keys) > ASK_ABOVE:
            ask = words.ask_many_usage if usage_only else words.ask_many
            self._ask(ask(f"{len(keys):,}"), partial(self._start_many, keys, usage_only=usage_only))
        else:
            self._start_many(keys, usage_only=usage_only)

    def keys_off(self) -> dict[str, str]:
        """The keys that would do nothing here and now, for the footer to leave them out."""
        off: set[str] = set()
        if self.account is None:
            off |= {"refresh", "usage", "refresh_shown", "mark", "copy", "raw", "detail"}
        if self.account is None or self.ui.board.sign_in(self.account) is None:
            off.add("sign_in")
        return dict.fromkeys(off, "")

    def remedy_of(self, card: CardView) -> MessageText | None:
        """What to do for an account, for the message line; its command alone where that line is short."""
        if not card.remedy:
            return None
        key = self.ui.options.keymap.get("copy").keys[0]
        # the key goes before the command that does the same
        do = R_RENEWS_BRIEF() if R_RENEWS() in card.remedy else card.copy
        short = f"{card.label}, {card.status}: {do}" if do in card.remedy else ""
        return MessageText(card.remedy, short=short, hint=(key, interface.text("copy")))

    def action_copy(self) -> None:
        """The remedy's command, else the id, to the terminal's clipboard."""
        card = self.ui.board.card(self.account) if self.account is not None else None
        if card is not None:
            simulated = self.ui.options.simulated and card.copy != card.id
            text = words.as_comment(card.copy) if simulated else card.copy
            self.app.copy_to_clipboard(text)
            self.flash(words.copied(text))

    def action_silence(self) -> None:
        """Say nothing of an alert of the account for a while."""
        if self.account is None:
            self.flash(words.NOBODY_SELECTED())
            return
        from poolwatch.ui.screens.silencing import silence_account  # not before it is asked for

        silence_account(self, self.account)

    def action_raw(self) -> None:
        """The last payload."""
        key = self.account
        if key is None:
            return
        from poolwatch.presentation.masking import shown_payload
        from poolwatch.ui.screens.raw import RawScreen

        payload = self.ui.feed.raw(key)
        if payload is None:
            self.flash(words.NO_RAW())
            return
        card = self.ui.board.card(key)
        account = self.ui.feed.state.accounts.get(key)
        shown = shown_payload(payload, account, mask=self.ui.choice.mask)
        self.app.push_screen(RawScreen(self.ui, card.label if card else key.id, shown))

    def _start_many(self, keys: Collection[AccountKey], *, usage_only: bool) -> None:
        self.start_work(partial(self._refresh_many, keys, usage_only=usage_only))

    async def _refresh_many(self, keys: Collection[AccountKey], *, usage_only: bool) -> None:
        since = self.ui.feed.now()
        answer = await self.ui.feed.refresh_many(keys, usage_only=usage_only)
        if answer.kind is AnswerKind.STARTED:
            self.ui.bulk_of, self.ui.bulk_since = frozenset(keys), since
        self._say_answer(answer, None)

    async def _refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> None:
        answer = await self.ui.feed.refresh(key, usage_only=usage_only, override=override, try_once=try_once)
        self._say_answer(answer, key)

    def _say_answer(self, answer: Answer, key: AccountKey | None) -> None:
        match answer.kind:
            case AnswerKind.STARTED:
                self.redraw()
            case AnswerKind.RUNNING:
                self.flash(words.ALREADY_RUNNING())
            case AnswerKind.THROTTLED:
                self._throttled = key
                self.flash(words.told_to_wait(self._clock(answer)), Tone.AMBER)
            case AnswerKind.ASK_ONCE:
                if key is not None:
                    again = partial(self._refresh, key, try_once=True)
                    self._ask(words.ask_once(self._clock(answer)), partial(self.start_work, again))
            case AnswerKind.NO_ANSWER:
                self.flash(words.NO_ANSWER(), Tone.RED)

    def _ask(self, question: str, then: Callable[[], None]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.app.push_screen(Confirm(self.ui, question), answered)

    def _clock(self, answer: Answer) -> str:
        if answer.at is None:
            return ""
        return figures.clock(answer.at, self.ui.feed.now(), self.ui.feed.zone)


class Confirm(Panel, inherit_bindings=False):
    """Yes or no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes", show=False),
        Binding("n,escape,q", "answer(False)", "no", show=False),
    ]

    def __init__(self, ui: UiState, question: str) -> None:
        super().__init__(ui, question, keys=(("y", interface.text("yes")), ("n", interface.text("no"))))

    def action_answer(self, yes: bool) -> None:
        """The answer."""
        self.dismiss(yes)
