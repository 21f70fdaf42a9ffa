"""Which balances of services a filter lets through, as they are shown. Each figure is in its own unit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from poolwatch.domain.balances import BalanceLevel, BalanceState
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.query.fields import Among
from poolwatch.domain.query.tree import Query, lets
from poolwatch.presentation.balances import CREDITS
from poolwatch.presentation.filter import NO, YES, Saved, typed
from poolwatch.presentation.masking import shown
from poolwatch.presentation.view import Prefs
from poolwatch.words import account as account_words
from poolwatch.words import credits as words

#: The unit in which a figure of that field is; what is left in any other is none.
_UNITS: Final[Mapping[str, str]] = {"credits": CREDITS, "usd": "USD"}
_ENDLESS: Final = Decimal("Infinity")


class BalanceSubject:
    """One balance, as filters look at it; `now` is our own clock. An old figure counts as it is drawn."""

    __slots__ = ("_now", "_prefs", "state")

    def __init__(self, state: BalanceState, now: datetime, prefs: Prefs) -> None:
        self.state = state
        self._now = now
        self._prefs = prefs

    @property
    def needs_you(self) -> bool:
        """Never: nobody has to sign in."""
        return False

    @property
    def is_old(self) -> bool:
        """Whether what is known of it is old, or nothing is."""
        return self.state.read_at is None or self.state.is_stale(self._now, self._prefs.rules.stale_after)

    def everything(self) -> Iterable[str]:
        """Its name, its unit, and whether it is low."""
        yield from (self._name, *self.texts("unit"), words.level_word(self.state.level))

    def texts(self, field: str) -> Iterable[str]:
        """The texts of one field."""
        state = self.state
        match field:
            case "source" | "label":
                return (self._name,)
            case "level":
                return (state.level.value,)
            case "unit":
                return () if state.balance is None else (state.balance.unit,)
            case "stale":
                return () if state.read_at is None else (YES if self.is_old else NO,)
            case "trouble" if state.trouble is not None:
                kind = state.trouble.kind
                return YES, kind.value, account_words.trouble_words(kind)
            case "trouble":
                return (NO,)
            case _:
                return ()

    def figure(self, field: str) -> Decimal | float | None:
        """The figure of one field; one without end is more than any."""
        balance = self.state.balance
        if balance is None:
            return None
        if field == "resets":
            resets_at = balance.resets_at
            ahead = None if resets_at is None else (resets_at - self._now).total_seconds()
            return ahead if ahead is not None and ahead > 0 else None
        if field != "balance" and _UNITS.get(field) != balance.unit:
            return None
        return _ENDLESS if balance.unlimited else balance.remaining

    @property
    def _name(self) -> str:
        return shown(self.state.name, mask=self._prefs.mask)


class BalanceLooker:
    """Looks at all balances as they are shown at one moment."""

    among = Among.BALANCES

    def __init__(self, states: Collection[BalanceState], now: datetime, prefs: Prefs) -> None:
        self._subjects = tuple(BalanceSubject(each, now, prefs) for each in states)
        self._prefs = prefs

    @property
    def saved(self) -> Saved:
        """The saved filters."""
        return self._prefs.filters

    def finds(self, query: Query) -> bool:
        """Whether any balance is let through."""
        return any(lets(query, each) for each in self._subjects)

    def values(self, field: str) -> list[str]:
        """What a field of texts may hold."""
        known = _WORDS.get(field)
        if known is not None:
            return known()
        return sorted({text for each in self._subjects for text in each.texts(field)})

    def matching(self, text: str) -> frozenset[str]:
        """The names of the balances that a filter lets through; an empty one lets all through."""
        query = typed(text, self.saved).query
        return frozenset(each.state.name for each in self._subjects if lets(query, each))


_WORDS: Final[Mapping[str, Callable[[], list[str]]]] = {
    "level": lambda: [each.value for each in BalanceLevel],
    "stale": lambda: [YES, NO],
    "trouble": lambda: [YES, NO, *(each.value for each in FailureKind)],
}
