"""What was said in this run: notices, refreshes, failures and answers, to be read again. In memory only."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.domain.state import AccountState
from poolwatch.domain.values import replace
from poolwatch.presentation.masking import masked, shown_name
from poolwatch.presentation.view import Prefs, Tone

#: Older ones are forgotten.
MOST: Final = 500


class Said(Struct, frozen=True):
    """One of them, as it stood then, and with names and paths hidden."""

    at: datetime
    text: str
    masked: str
    tone: Tone


class SaidLog:
    """The newest of what was said; what is said again without anything between moves up."""

    def __init__(self) -> None:
        self._said: deque[Said] = deque(maxlen=MOST)
        self._notices: frozenset[str] = frozenset()
        self._refreshes: dict[AccountKey, datetime] = {}
        #: grows with everything that is said
        self.count = 0

    @property
    def newest_first(self) -> tuple[Said, ...]:
        """All that is remembered."""
        return tuple(reversed(self._said))

    def add(self, at: datetime, text: str, tone: Tone, hidden: str | None = None) -> None:
        """Something was said; `hidden` is the same when masked."""
        if self._said and self._said[-1].text == text:
            self._said.pop()
        self._said.append(Said(at, text, masked(text) if hidden is None else hidden, tone))
        self.count += 1

    def notice(self, at: datetime, notices: Iterable[str]) -> None:
        """The lines about the whole pool that stand now; each is said when it comes."""
        there = tuple(notices)
        for text in there:
            if text not in self._notices:
                self.add(at, text, Tone.AMBER)
        self._notices = frozenset(there)

    def refreshed(self, accounts: Iterable[AccountState], now: datetime, prefs: Prefs) -> None:
        """Accounts that something happened to: a refresh that has ended is said once."""
        for account in accounts:
            progress = account.refresh
            if progress is None or not progress.done:
                continue
            if self._refreshes.get(account.key) == progress.started_at:
                continue
            self._refreshes[account.key] = progress.started_at
            # not before the first paint
            from poolwatch.presentation.refresh_line import progress_line, progress_tone

            text, hidden = (
                f"{shown_name(account, mask=mask)}: "
                + progress_line(progress, account, now, replace(prefs, mask=mask))
                for mask in (False, True)
            )
            self.add(prefs.own(now), text, progress_tone(progress), hidden)
