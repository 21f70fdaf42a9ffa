"""Which use a filter lets through: by its own texts, and by what no reading changes of its account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Final, TypeAlias

from poolwatch.domain.query.fields import FIELDS
from poolwatch.domain.query.tree import EVERYTHING, Leaf, Look, Query, Word, foreseen, leaves, lets
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import GroupBy, RequestSeen, Tier, Tokens, UseCell
from poolwatch.domain.values import replace
from poolwatch.presentation.filter import account_texts, identity
from poolwatch.presentation.use_texts import is_account_id, outside_text

Use: TypeAlias = UseCell | RequestSeen

#: What a field of usage stands for among the texts of a cell; the model and its tier are always told.
_OWN: Final[Mapping[str, GroupBy]] = {
    "operation": GroupBy.OPERATION,
    "client": GroupBy.CLIENT,
    "user": GroupBy.USER,
}
#: What a word is looked for in, beside the model, its tier and the account.
_NAMED: Final = (GroupBy.OPERATION, GroupBy.CLIENT, GroupBy.USER, GroupBy.PROJECT, GroupBy.CONVERSATION)
#: Of these there are so many that a word is looked for in them only where the cells tell them anyway.
_TOO_MANY: Final = frozenset({GroupBy.CONVERSATION})


class UseSubject:
    """One cell of use, or a request, as filters look at it.

    Use needs nobody and has no figures: what is of accounts as they stand finds nothing. Of an account that
    an imported line names in its own words, these are its label, and its e-mail if they are an address.
    """

    __slots__ = ("_account", "_beside", "_mask", "_use")

    def __init__(
        self,
        use: Use,
        accounts: Mapping[str, AccountState],
        *,
        mask: bool = False,
        beside: Iterable[str] = (),
    ) -> None:
        self._use = use
        self._account = accounts.get(use.account) if use.account is not None else None
        self._mask = mask
        self._beside = tuple(beside)

    @property
    def needs_you(self) -> bool:
        """Use needs nobody."""
        return False

    def everything(self) -> Iterable[str]:
        """Model, tier, what it was for, whose it was, and what stands beside it."""
        use = self._use
        yield from self._beside
        yield use.model or ""
        yield from self.texts("tier")
        for by in _NAMED:
            yield from self._named(by)
        if self._account is None:
            yield from self.texts("label")
            return
        yield from identity(self._account, mask=self._mask)
        yield from account_texts(self._account, "plan", mask=self._mask)

    def texts(self, field: str) -> Iterable[str]:
        """The texts of one field; none where its source does not tell."""
        use = self._use
        if field in _OWN:
            return self._named(_OWN[field])
        if field == "model":
            return (use.model,) if use.model else ()
        if field == "tier":
            return (use.tier.value,) if use.tier is not Tier.UNKNOWN else ()
        if self._account is not None:
            return account_texts(self._account, field, mask=self._mask)
        return self._of_nobody_known(field)

    def figure(self, field: str) -> Decimal | float | None:
        """None: figures are of accounts as they stand."""
        return None

    def _named(self, by: GroupBy) -> Iterable[str]:
        # the last requests do not tell their user
        text: str | None = getattr(self._use, by.value, None)
        return (outside_text(by, text, mask=self._mask),) if text else ()

    def _of_nobody_known(self, field: str) -> Iterable[str]:
        account = self._use.account
        if account is None or field not in ("label", "email"):
            return ()
        if field == "email":
            return (account,) if "@" in account and not self._mask else ()
        if is_account_id(account):
            return (account,)
        return (outside_text(GroupBy.ACCOUNT, account, mask=self._mask),)


def use_kept(
    query: Query,
    accounts: Mapping[str, AccountState],
    *,
    mask: bool = False,
    beside: Callable[[UseCell], Iterable[str]] = lambda _: (),
) -> Callable[[UseCell], bool]:
    """Which cells a filter lets through. `beside`: texts in which words are looked for as well.

    The cells have to tell the texts that it asks for (`texts_asked`). Cells with the same texts are judged
    once, so it is made anew when accounts change.
    """
    if query == EVERYTHING:
        return lambda _: True
    known: dict[tuple[object, ...], bool] = {}

    def keeps(cell: UseCell) -> bool:
        near = tuple(beside(cell))
        texts = (
            cell.model,
            cell.tier,
            cell.account,
            cell.user,
            cell.client,
            cell.project,
            cell.conversation,
            cell.operation,
            near,
        )
        found = known.get(texts)
        if found is None:
            subject = UseSubject(cell, accounts, mask=mask, beside=near)
            found = known[texts] = lets(query, subject)
        return found

    return keeps


def use_told(query: Query, accounts: Mapping[str, AccountState]) -> Callable[[UseCell], bool | None]:
    """The same where it matters what nobody knows: None where it depends on whose use of nobody known was."""
    keeps = use_kept(query, accounts)
    known: dict[tuple[object, ...], bool | None] = {}

    def told(cell: UseCell) -> bool | None:
        if cell.account is not None:
            return keeps(cell)
        texts = (cell.model, cell.tier, cell.user, cell.client, cell.project, cell.operation)
        if texts not in known:
            subject = UseSubject(cell, accounts)
            known[texts] = foreseen(
                query, lambda leaf: lets(leaf, subject) or (None if _of_account(leaf) else False)
            )
        return known[texts]

    return told


def _of_account(leaf: Leaf) -> bool:
    """Whether an account may have what is looked for; a word may be the name of one."""
    return isinstance(leaf, Word) or (isinstance(leaf, Look) and not FIELDS[leaf.field].of_usage)


def accounts_named(query: Query, accounts: Mapping[str, AccountState]) -> list[str] | None:
    """The ids of the accounts that a filter chooses; None where it asks for more than accounts have.

    A word is looked for in their names, e-mails, ids, sources and plans.
    """
    if query == EVERYTHING or any(
        isinstance(leaf, Look) and FIELDS[leaf.field].of_usage for leaf in leaves(query)
    ):
        return None
    keeps = use_kept(query, accounts)
    nothing = UseCell(0, None, Tier.UNKNOWN, long_context=False, requests=0, tokens=Tokens())
    return [key for key in accounts if keeps(replace(nothing, account=key))]


def texts_asked(query: Query) -> frozenset[GroupBy]:
    """The texts that cells have to tell for a filter, for `UseAsked.also`."""
    found: set[GroupBy] = set()
    for leaf in leaves(query):
        if isinstance(leaf, Word):
            found |= {*_NAMED, GroupBy.ACCOUNT} - _TOO_MANY
        elif isinstance(leaf, Look):
            own = _OWN.get(leaf.field, GroupBy.ACCOUNT)
            found |= {own} if leaf.field not in ("model", "tier") else set()
    return frozenset(found)
