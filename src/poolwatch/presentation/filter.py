"""Which accounts a filter lets through, and what is wrong with one that is being typed."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.status import Judged, Section, Status
from poolwatch.presentation.masking import shown_email, shown_group, shown_name
from poolwatch.presentation.outlook import weekly_day
from poolwatch.presentation.remedy import acting
from poolwatch.presentation.view import Prefs
from poolwatch.words import account as words
from poolwatch.words import screen as told

#: The word that keeps only what needs the operator.
NEEDS_YOU: Final = "!"
#: Before a word, what it would find is left out.
_NOT: Final = ("-", "!")
_FIELD: Final = re.compile(r"[a-z_]+")
#: The field that is compared, in percent of the weekly limit used in the last 24 hours.
BURN: Final = "burn"
_COMPARED: Final = re.compile(rf"{BURN}(>=|<=|>|<)([0-9]{{0,6}}(?:\.[0-9]{{1,3}})?)%?")
_COMPARE: Final[dict[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


class Term(Struct, frozen=True):
    """One word of a filter: what is looked for, where, and whether that is left out."""

    wanted: str
    #: one of FIELDS, another name that no field has, or ""
    field: str = ""
    leaves_out: bool = False
    #: how a figure is to stand to the one that is wanted; "": it is a text
    compares: str = ""


def matching(overview: PoolOverview, text: str, prefs: Prefs) -> frozenset[AccountKey]:
    """The keys of the accounts that the filter lets through; an empty filter lets all through.

    A word is looked for, in any case, in label, e-mail (unless masked), plan, source, group, status and
    id. `status:exhausted`, `plan:pro`, `source:x`, `group:x`, `custody:codex` look in one of them alone,
    and `!` is what needs the operator. `burn>10` is what used more than that much of its weekly limit in
    the last 24 hours. `-word` and `!word` leave out what the word would find.
    """
    terms = tuple(_terms(text))
    return frozenset(
        each.account.key
        for each in overview.accounts
        if all(_lets(term, each, overview.own_now, prefs) for term in terms)
    )


def mistake(overview: PoolOverview, text: str, prefs: Prefs) -> str:
    """What is wrong with the first word that can find nothing: a field or a value that nobody has; or ""."""
    for term in _terms(text):
        if not term.wanted or not term.field or term.compares:
            continue
        if term.field == BURN:
            return told.BURN_IS_COMPARED()
        if term.field not in FIELDS:
            whole = Term(f"{term.field}:{term.wanted}")
            if _FIELD.fullmatch(term.field) and not _found(whole, overview, prefs):
                return _no_field(term.field)
        elif not _found(term, overview, prefs):
            known = _values(term.field, overview, prefs)
            if not any(value.casefold().startswith(term.wanted) for value in known):
                return _no_value(term, known)
    return ""


def _terms(text: str) -> Iterator[Term]:
    for word in text.casefold().split():
        leaves_out = word[0] in _NOT and word != NEEDS_YOU
        rest = word[1:] if leaves_out else word
        if compared := _COMPARED.fullmatch(rest):
            yield Term(compared[2], BURN, leaves_out, compared[1])
            continue
        field, colon, wanted = rest.partition(":")
        if colon:
            yield Term(wanted, field, leaves_out)
        elif rest:
            yield Term(rest, "", leaves_out)


def _lets(term: Term, judged: Judged, own_now: datetime, prefs: Prefs) -> bool:
    # half a word on its way says nothing yet
    return not term.wanted or _finds(term, judged, own_now, prefs) is not term.leaves_out


def _finds(term: Term, judged: Judged, own_now: datetime, prefs: Prefs) -> bool:
    if term.wanted == NEEDS_YOU and not term.field:
        return judged.section is Section.NEEDS_YOU
    if term.compares:
        burn = weekly_day(judged, own_now)
        return burn is not None and _COMPARE[term.compares](burn, float(term.wanted))
    look = FIELDS.get(term.field)
    if look is None:
        word = f"{term.field}:{term.wanted}" if term.field else term.wanted
        return any(word in text.casefold() for text in _everything(judged, prefs))
    # `plan:pro` is not meant to find "Business Premium", nor `status:active` what is not active
    return any(text.casefold().startswith(term.wanted) for text in look(judged, prefs))


def _found(term: Term, overview: PoolOverview, prefs: Prefs) -> bool:
    return any(_finds(term, each, overview.own_now, prefs) for each in overview.accounts)


def _values(field: str, overview: PoolOverview, prefs: Prefs) -> list[str]:
    """What a field may hold, each once: what the accounts have, and of a status all that there are."""
    if field == "status":
        # `status:needs login` would be two words
        kinds = [word for kind in Status if " " not in (word := words.status_word(kind))]
        rest = [*Status, *Section, *FailureKind]
        return list(dict.fromkeys([*kinds, *(each.value for each in rest)]))
    found = {text for each in overview.accounts for text in FIELDS[field](each, prefs) if text}
    if field == "plan":
        # by the names that the screen has for them
        found = {words.plan_name(plan) for plan in found}
    return sorted(found)


def _no_field(field: str) -> str:
    import difflib  # only where a name is wrong

    near = difflib.get_close_matches(field, FIELDS, 1)
    return told.no_field_near(field, near[0]) if near else told.no_field(field, "  ".join(FIELDS))


def _no_value(term: Term, known: list[str]) -> str:
    import difflib

    by_case = {value.casefold(): value for value in known}
    near = difflib.get_close_matches(term.wanted, by_case, 1)
    if near:
        return told.no_value_near(term.field, term.wanted, by_case[near[0]])
    return told.no_value(term.field, term.wanted, ", ".join(known[:6]))


def _everything(judged: Judged, prefs: Prefs) -> list[str]:
    account = judged.account
    label = shown_name(account, mask=prefs.mask)
    email = shown_email(account, mask=prefs.mask) or ""
    status = _statuses(judged, prefs)
    return [label, email, account.key.id, *_plans(judged, prefs), *account.sources, *status]


def _statuses(judged: Judged, prefs: Prefs) -> list[str]:
    kind = judged.status.kind
    found = [kind.value, words.status_word(kind), judged.section.value, words.section_word(judged.section)]
    if judged.status.login_problem is not None:
        found.append(words.login_words(judged.status.login_problem))
    trouble = judged.account.trouble
    if trouble is not None:
        found += [trouble.kind.value, words.trouble_words(trouble.kind)]
    return found


def _plans(judged: Judged, prefs: Prefs) -> list[str]:
    plan = judged.account.plan
    return [plan, words.plan_name(plan)] if plan else []


def _custodies(judged: Judged, prefs: Prefs) -> list[str]:
    listing = acting(judged.account)
    return [listing.owner, listing.custody.value] if listing else []


FIELDS: Final[dict[str, Callable[[Judged, Prefs], list[str]]]] = {
    "status": _statuses,
    "plan": _plans,
    "source": lambda judged, prefs: list(judged.account.sources),
    "group": lambda judged, prefs: [shown_group(judged.account.name.group, mask=prefs.mask)],
    "custody": _custodies,
}
