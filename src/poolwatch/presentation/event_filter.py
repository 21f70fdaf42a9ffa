"""Which events a filter lets through: by what is told of them, and by their accounts as those stand now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal

from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.query.fields import Among
from poolwatch.domain.query.tree import Query, lets
from poolwatch.presentation.filter import AccountSubject, Looker, Saved, typed
from poolwatch.presentation.view import Prefs


class EventSubject:
    """One event, as filters look at it; `account`: whose it is, if that one is known still."""

    __slots__ = ("_account", "_source", "_told")

    def __init__(self, told: Iterable[str], account: AccountSubject | None, source: str | None) -> None:
        self._told = told
        self._account = account
        self._source = source

    @property
    def needs_you(self) -> bool:
        """Whether its account does."""
        return self._account is not None and self._account.needs_you

    def everything(self) -> Iterable[str]:
        """What is told of it, and what its account is called."""
        yield from self._told
        if self._account is not None:
            yield from self._account.names

    def texts(self, field: str) -> Iterable[str]:
        """Those of its account; of what befell a source, that one."""
        if self._account is not None:
            return self._account.texts(field)
        return (self._source,) if field == "source" and self._source else ()

    def figure(self, field: str) -> Decimal | float | None:
        """Those of its account."""
        return self._account.figure(field) if self._account is not None else None


class EventLooker:
    """Looks at events; fields are those of their accounts, as they stand at one moment."""

    among = Among.EVENTS

    def __init__(
        self, overview: PoolOverview, prefs: Prefs, told: Callable[[], Iterable[str]] = tuple
    ) -> None:
        """`told`: texts of events, in which a word that looks like a mistake may stand after all."""
        self._looker = Looker(overview, prefs)
        self._accounts = {each.key.id: each for each in self._looker.accounts}
        self._told = told

    @property
    def saved(self) -> Saved:
        """The saved filters."""
        return self._looker.saved

    def finds(self, query: Query) -> bool:
        """Whether a word or a value is anywhere in it."""
        return self._looker.finds(query) or lets(query, EventSubject(self._told(), None, None))

    def values(self, field: str) -> list[str]:
        """What a field of texts may hold."""
        return self._looker.values(field)

    def chosen(self, text: str) -> Callable[[Iterable[str], str | None, str | None], bool]:
        """Whether a filter lets an event through, by what is told of it, its account's id, and its source."""
        query = typed(text, self.saved).query

        def lets_through(told: Iterable[str], account_id: str | None, source: str | None) -> bool:
            account = self._accounts.get(account_id) if account_id is not None else None
            return lets(query, EventSubject(told, account, source))

        return lets_through
