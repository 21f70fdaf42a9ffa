"""The use that the budgets of one report ask for: nothing is read twice, and little that no filter wants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from poolwatch.domain.budget_use import Whose
from poolwatch.domain.budgets import Each
from poolwatch.domain.query.tree import EVERYTHING, Query
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import GroupBy, Origin, UseAsked, UseCell
from poolwatch.domain.values import replace
from poolwatch.presentation.use_filter import texts_asked, use_among, use_told
from poolwatch.sessions.book import UseBook

#: Whose a budget is that is not divided.
WHOLE: Final = ""


def texts_of_book(book: UseBook, kinds: Collection[GroupBy]) -> dict[GroupBy, list[str]]:
    """Every text of these kinds that session files or imported usage tell of. Raises BookError."""
    found = [book.texts(origin, kinds) for origin in Origin]
    return {kind: [text for each in found for text in each.get(kind, ())] for kind in kinds}


class BudgetCells:
    """Cells of session files and of imported usage together.

    Its calls block on the disk, and raise BookError. What was read is not read anew: one report is of one
    moment.
    """

    def __init__(self, book: UseBook, accounts: Mapping[str, AccountState]) -> None:
        self._book: Final = book
        self._accounts: Final = accounts
        self._read: dict[UseAsked, dict[Origin, list[UseCell]]] = {}
        self._texts: dict[GroupBy, list[str]] = {}

    def kept(self, query: Query, asked: UseAsked) -> tuple[Mapping[Origin, Sequence[UseCell]], bool]:
        """What a filter lets through, by what tells of it; and whether use of nobody known may belong to it.

        Of thousands of users a filter often wants one: what can be left out by such a text alone is not even
        read.
        """
        among, left = use_among(query, self._accounts, self._texts_of)
        cells = self._cells(replace(asked, also=texts_asked(left), among=among))
        if left == EVERYTHING:
            return cells, False
        told = use_told(left, self._accounts)
        kept: dict[Origin, Sequence[UseCell]] = {}
        is_unsure = False
        for origin, each in cells.items():
            answers = [told(cell) for cell in each]
            kept[origin] = [cell for cell, answer in zip(each, answers, strict=True) if answer]
            is_unsure = is_unsure or None in answers
        return kept, is_unsure

    def _cells(self, asked: UseAsked) -> Mapping[Origin, Sequence[UseCell]]:
        if asked not in self._read:
            self._read[asked] = {origin: self._book.cells(replace(asked, origin=origin)) for origin in Origin}
        return self._read[asked]

    def _texts_of(self, kind: GroupBy) -> Sequence[str]:
        if kind not in self._texts:
            self._texts.update(texts_of_book(self._book, (kind,)))
        return self._texts[kind]


def whose_of(each: Each | None, accounts: Mapping[str, AccountState]) -> Callable[[UseCell], Whose]:
    """Whose part of a budget some use counts to."""
    match each:
        case None:
            return lambda cell: WHOLE
        case Each.ACCOUNT:
            return lambda cell: cell.account
        case Each.USER:
            return lambda cell: cell.user
        case Each.GROUP:
            groups = {key: account.name.group for key, account in accounts.items()}
            return lambda cell: None if cell.account is None else groups.get(cell.account)
