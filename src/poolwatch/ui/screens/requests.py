"""Asking the monitor to refresh, and saying what it answered."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Final, TypeVar

from poolwatch.domain.account import AccountKey
from poolwatch.presentation import durations
from poolwatch.presentation.masking import shown_payload
from poolwatch.presentation.view import CardView, Tone
from poolwatch.ui.feed import Answer, AnswerKind
from poolwatch.ui.screens.page import Page
from poolwatch.ui.widgets.bottom import Message
from poolwatch.ui.wording import COPY, in_short
from poolwatch.words import screen as words
from poolwatch.words.remedies import RENEWS

ResultT = TypeVar("ResultT")
#: Above this many accounts a refresh of all shown is asked about first.
ASK_ABOVE: Final = 20


class AskingPage(Page[ResultT]):
    """A page whose keys refresh accounts."""

    _told: AccountKey | None = None

    def action_refresh_account(self) -> None:
        """The whole chain for the account."""
        self._refresh_selected(usage_only=False)

    def action_read_usage(self) -> None:
        """The usage step alone."""
        self._refresh_selected(usage_only=True)

    def _refresh_selected(self, *, usage_only: bool) -> None:
        key = self.account
        if key is None:
            self.flash(words.NOBODY_SELECTED)
        elif not self._refuse():
            override = self._told == key
            self._told = None
            self._begin(partial(self._refresh, key, usage_only=usage_only, override=override))

    def refresh_many(self, keys: Collection[AccountKey]) -> None:
        """All of them, asked about first where they are many."""
        if not keys:
            self.flash(words.NOBODY_SELECTED)
        elif self._refuse():
            return
        elif len(keys) > ASK_ABOVE:
            self._ask(words.ask_many(len(keys)), lambda: self._start_many(keys))
        else:
            self._start_many(keys)

    def remedy_of(self, card: CardView) -> Message | None:
        """What to do for an account, for the message line; its command alone where that line is short."""
        if not card.remedy:
            return None
        key = self.session.options.keymap.get("copy").keys[0]
        # the key goes before the command that does the same
        do = RENEWS if RENEWS in card.remedy else card.copy
        short = in_short(card.label, card.status, do) if do in card.remedy else ""
        return Message(card.remedy, short=short, hint=(key, COPY))

    def action_copy(self) -> None:
        """The remedy's command, else the id, to the terminal's clipboard."""
        card = self.session.board.card(self.account) if self.account is not None else None
        if card is not None:
            simulated = self.session.options.simulated and card.copy != card.id
            text = words.as_comment(card.copy) if simulated else card.copy
            self.app.copy_to_clipboard(text)
            self.flash(words.copied(text))

    def action_raw(self) -> None:
        """The last payload."""
        # imported here: that screen is a page like this one
        from poolwatch.ui.screens.raw import RawScreen

        key = self.account
        if key is None:
            return
        payload = self.session.feed.raw(key)
        if payload is None:
            self.flash(words.NO_RAW)
            return
        card = self.session.board.card(key)
        account = self.session.feed.state.accounts.get(key)
        shown = shown_payload(payload, account, mask=self.session.choice.mask)
        self.app.push_screen(RawScreen(self.session, card.label if card else key.id, shown))

    def _refuse(self) -> bool:
        if self.session.options.read_only:
            self.flash(words.READ_ONLY, Tone.AMBER)
        return self.session.options.read_only

    def _start_many(self, keys: Collection[AccountKey]) -> None:
        self._begin(partial(self._refresh_many, keys))

    async def _refresh_many(self, keys: Collection[AccountKey]) -> None:
        self._tell(await self.session.feed.refresh_many(keys), None)

    async def _refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> None:
        answer = await self.session.feed.refresh(
            key, usage_only=usage_only, override=override, try_once=try_once
        )
        self._tell(answer, key)

    def _tell(self, answer: Answer, key: AccountKey | None) -> None:
        match answer.kind:
            case AnswerKind.STARTED:
                self.renew()
            case AnswerKind.RUNNING:
                self.flash(words.ALREADY_RUNNING)
            case AnswerKind.THROTTLED:
                self._told = key
                self.flash(words.told_to_wait(self._clock(answer)), Tone.AMBER)
            case AnswerKind.ASK_ONCE:
                if key is not None:
                    self._ask(words.ask_once(self._clock(answer)), lambda: self._try_once(key))
            case AnswerKind.READ_ONLY:
                self.flash(words.VIEWER_MANY if key is None else words.READ_ONLY, Tone.AMBER)
            case AnswerKind.NO_ANSWER:
                self.flash(words.NO_ANSWER, Tone.RED)

    def _try_once(self, key: AccountKey) -> None:
        self._begin(partial(self._refresh, key, try_once=True))

    def _ask(self, question: str, then: Callable[[], None]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                then()

        from poolwatch.ui.screens.confirm import Confirm  # not before the first paint

        self.app.push_screen(Confirm(self.session, question), answered)

    def _clock(self, answer: Answer) -> str:
        if answer.at is None:
            return ""
        return durations.clock(answer.at, self.session.feed.now(), self.session.feed.zone)
