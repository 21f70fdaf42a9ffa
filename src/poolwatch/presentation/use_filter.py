"""Which use a filter lets through: by its own texts, and by what no reading changes of its account."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

from poolwatch.domain.quarters import Calendar
from poolwatch.domain.query.fields import FIELDS, Among
from poolwatch.domain.query.tree import (
    EVERYTHING,
    And,
    Leaf,
    Look,
    Not,
    Or,
    Query,
    Word,
    both,
    foreseen,
    leaves,
    lets,
)
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import GroupBy, Tier, Tokens, UseCell
from poolwatch.domain.use_report import UseWish
from poolwatch.domain.use_sums import Group, grouper
from poolwatch.domain.values import replace
from poolwatch.presentation.filter import Saved, account_texts, identity
from poolwatch.presentation.use_texts import Names, is_account_id, outside_text
from poolwatch.words.account import plan_name

_NOTHING_TOLD: Final = UseCell(0, None, Tier.UNKNOWN, False, 0, Tokens())
#: What a field of usage stands for among the texts of a cell; the model and its tier are always told.
_OWN: Final[Mapping[str, GroupBy]] = {
    "operation": GroupBy.OPERATION,
    "client": GroupBy.CLIENT,
    "project": GroupBy.PROJECT,
    "user": GroupBy.USER,
}
#: What a word is looked for in, beside the model, its tier and the account.
_NAMED: Final = (GroupBy.OPERATION, GroupBy.CLIENT, GroupBy.USER, GroupBy.PROJECT, GroupBy.CONVERSATION)
#: Of these there are so many that a word is looked for in them only where the cells tell them anyway.
_TOO_MANY: Final = frozenset({GroupBy.CONVERSATION})


#: The fields of usage by the texts of a cell; all other fields are of its account.
_TEXT_OF: Final = {"model": "model", "tier": "tier", **{name: by.value for name, by in _OWN.items()}}
_TEXTS: Final = ("model", "tier", "account", *(by.value for by in _NAMED))


class UseSubject:
    """One cell of use, as filters look at it.

    Use needs nobody and has no figures: what is of accounts as they stand finds nothing. Of an account that
    an imported line names in its own words, these are its label, and its e-mail if they are an address.
    """

    __slots__ = ("_account", "_mask", "_use")

    def __init__(self, use: UseCell, accounts: Mapping[str, AccountState], *, mask: bool = False) -> None:
        self._use = use
        self._account = accounts.get(use.account) if use.account is not None else None
        self._mask = mask

    @property
    def needs_you(self) -> bool:
        """Use needs nobody."""
        return False

    def everything(self) -> Iterable[str]:
        """Model, tier, what it was for, and whose it was."""
        yield self._use.model or ""
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
        text: str | None = getattr(self._use, by.value)
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
    beside: Callable[[UseCell], tuple[str, ...]] = lambda _: (),
) -> Callable[[UseCell], bool]:
    """Which cells a filter lets through, as `UseSubject` has it; `beside`: where else a word may stand.

    The cells have to tell the texts that it asks for (`texts_asked`). What a text answers is kept, so it is
    made anew when accounts change.
    """
    match query:
        case Not(part):
            inner = use_kept(part, accounts, mask=mask, beside=beside)
            return lambda cell: not inner(cell)
        case And(parts):
            every = [use_kept(part, accounts, mask=mask, beside=beside) for part in parts]
            return lambda cell: all(keeps(cell) for keeps in every)
        case Or(parts):
            some = [use_kept(part, accounts, mask=mask, beside=beside) for part in parts]
            return lambda cell: any(keeps(cell) for keeps in some)
        case Word():
            found = [_found_by(query, name, accounts, mask=mask) for name in _TEXTS]
            return lambda cell: any(keeps(cell) for keeps in found) or _stands_in(query, beside(cell))
        case Look(field):
            return _found_by(query, _TEXT_OF.get(field, "account"), accounts, mask=mask)
        case _:
            # figures, and who needs somebody: use has neither
            is_found = lets(query, UseSubject(_NOTHING_TOLD, accounts))
            return lambda _: is_found


def _found_by(
    leaf: Leaf, name: str, accounts: Mapping[str, AccountState], *, mask: bool
) -> Callable[[UseCell], bool]:
    """Whether it is found in that text of a cell: thousands of cells share few texts, each looked at once."""
    known: dict[object, bool] = {}
    text_of = attrgetter(name)

    def is_found(cell: UseCell) -> bool:
        text = text_of(cell)
        found = known.get(text)
        if found is None:
            alone: dict[str, Any] = {name: text}
            subject = UseSubject(replace(_NOTHING_TOLD, **alone), accounts, mask=mask)
            found = known[text] = lets(leaf, subject)
        return found

    return is_found


def _stands_in(word: Word, texts: tuple[str, ...]) -> bool:
    return any(word.text in text.casefold() for text in texts)


def beside_of(
    wish: UseWish, names: Names, calendar: Calendar, groups: Mapping[str, str | None]
) -> Callable[[UseCell], tuple[str, ...]]:
    """What else a word is looked for in: the names of a cell's group, and of those that were opened."""
    opened = tuple(names.name(each.by, each.group) for each in wish.narrow)
    group_of = grouper(wish.by, calendar, groups)
    known: dict[Group | None, tuple[str, ...]] = {None: opened}

    def beside(cell: UseCell) -> tuple[str, ...]:
        group = group_of(cell)
        if group is not None and group not in known:
            known[group] = *opened, names.name(wish.by, group)
        return known[group]

    return beside


def has_words(query: Query) -> bool:
    """Whether it looks for a word in all texts."""
    return any(isinstance(leaf, Word) for leaf in leaves(query))


def use_texts_of(account: AccountState, *, mask: bool) -> tuple[str, ...]:
    """All that a filter of use finds an account by."""
    fields = (name for name in Among.USE.fields if not FIELDS[name].of_usage)
    texts = (account_texts(account, name, mask=mask) for name in fields)
    return (*identity(account, mask=mask), *(text for each in texts for text in each))


class UseLooker:
    """Looks at all that is known of use: every account of ours, and every text that is told of any."""

    among = Among.USE

    def __init__(
        self,
        accounts: Mapping[str, AccountState],
        texts: Mapping[GroupBy, Iterable[str]],
        saved: Saved,
        *,
        mask: bool,
    ) -> None:
        self.saved = saved
        told = {by: [*found] for by, found in texts.items()}
        told[GroupBy.ACCOUNT] = [*dict.fromkeys((*accounts, *told.get(GroupBy.ACCOUNT, ())))]
        cells = [replace(_NOTHING_TOLD, tier=tier) for tier in Tier]
        each: list[dict[str, Any]] = [{by.value: text} for by, found in told.items() for text in found]
        cells += [replace(_NOTHING_TOLD, **text) for text in each]
        self._subjects = [UseSubject(cell, accounts, mask=mask) for cell in cells]

    def finds(self, query: Query) -> bool:
        """Whether a word or a value is anywhere in it."""
        return any(lets(query, each) for each in self._subjects)

    def values(self, field: str) -> list[str]:
        """What a field of texts may hold."""
        found = {text for each in self._subjects for text in each.texts(field) if text}
        if field == "plan":
            found = {plan_name(plan) for plan in found}
        return sorted(found)


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


def operations_kept(query: Query, names: Iterable[str]) -> list[str]:
    """Those of these operations that a filter of use may let through."""

    def is_kept(name: str) -> bool:
        told = replace(_NOTHING_TOLD, operation=name)

        def of_operation(leaf: Leaf) -> bool | None:
            is_asked = isinstance(leaf, Look) and leaf.field == GroupBy.OPERATION
            return use_told(leaf, {})(told) if is_asked else None

        return foreseen(query, of_operation) is not False

    return [name for name in names if is_kept(name)]


def use_among(
    query: Query, accounts: Mapping[str, AccountState], texts: Callable[[GroupBy], Iterable[str]]
) -> tuple[tuple[tuple[GroupBy, frozenset[str | None]], ...], Query]:
    """A filter as what can be asked for, `UseAsked.among`, and what is left to look at in each cell.

    Asked for is what the parts say that have to hold and look at one kind of texts alone; `texts` are all
    that are told of a kind. What depends on whose use of nobody known was is looked at as well.
    """
    among, left = [], []
    for part in query.parts if isinstance(query, And) else (query,):
        kind = _kind_alone(part)
        if kind is None:
            left.append(part)
            continue
        told = use_told(part, accounts)
        answers: dict[str | None, bool | None] = {}
        for text in (None, *texts(kind)):
            alone: dict[str, Any] = {kind.value: text}
            answers[text] = told(replace(_NOTHING_TOLD, **alone))
        among.append((kind, frozenset(text for text, found in answers.items() if found is not False)))
        if None in answers.values():
            left.append(part)
    return tuple(among), both(left)


def _kind_alone(query: Query) -> GroupBy | None:
    """The kind of texts that a filter looks at, if it is one, and one that is not always told."""
    names = {_TEXT_OF.get(leaf.field, "account") if isinstance(leaf, Look) else "" for leaf in leaves(query)}
    name = names.pop() if len(names) == 1 else ""
    return GroupBy(name) if name not in ("", "model", "tier") else None


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
    return [key for key in accounts if keeps(replace(_NOTHING_TOLD, account=key))]


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
