"""The filter typed after `/`: words that must all match, in any of the things an account is called."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import Judged, PoolOverview
from poolwatch.domain.status import Section
from poolwatch.presentation.masking import shown_email, shown_group, shown_name
from poolwatch.presentation.prefs import Prefs
from poolwatch.presentation.remedy import acting
from poolwatch.words import names
from poolwatch.words import status as words

#: The word that keeps only what needs the operator.
NEEDS_YOU: Final = "!"


def matching(overview: PoolOverview, text: str, prefs: Prefs) -> frozenset[AccountKey]:
    """The keys of the accounts that the filter lets through; an empty filter lets all through."""
    accounts = overview.accounts
    if text.strip():
        accounts = tuple(each for each in accounts if matches(each, text, prefs))
    return frozenset(each.account.key for each in accounts)


def matches(judged: Judged, text: str, prefs: Prefs) -> bool:
    """Whether every word of the filter matches.

    A word is looked for, in any case, in label, e-mail (unless masked), plan, source, group, status and
    id. `status:exhausted`, `plan:pro`, `source:x`, `group:x`, `custody:codex` look in one of them alone,
    and `!` is what needs the operator.
    """
    return all(_word_matches(judged, word, prefs) for word in text.casefold().split())


def _word_matches(judged: Judged, word: str, prefs: Prefs) -> bool:
    if word == NEEDS_YOU:
        return judged.section is Section.NEEDS_YOU
    field, colon, wanted = word.partition(":")
    look = _FIELDS.get(field) if colon else None
    if look is None:
        return any(word in text.casefold() for text in _everything(judged, prefs))
    # `plan:pro` is not meant to find "Business Premium", nor `status:active` what is not active
    return not wanted or any(text.casefold().startswith(wanted) for text in look(judged, prefs))


def _everything(judged: Judged, prefs: Prefs) -> list[str]:
    account = judged.account
    label = shown_name(account, mask=prefs.mask)
    email = shown_email(account, mask=prefs.mask) or ""
    status = _statuses(judged, prefs)
    return [label, email, account.key.id, *_plans(judged, prefs), *account.sources, *status]


def _statuses(judged: Judged, prefs: Prefs) -> list[str]:
    kind = judged.status.kind
    found = [kind.value, words.status_word(kind), judged.section.value, words.section_words(judged.section)]
    if judged.status.login_problem is not None:
        found.append(words.login_words(judged.status.login_problem))
    trouble = judged.account.trouble
    if trouble is not None:
        found += [trouble.kind.value, words.trouble_words(trouble.kind)]
    return found


def _plans(judged: Judged, prefs: Prefs) -> list[str]:
    plan = judged.account.plan
    return [plan, names.plan_name(plan)] if plan else []


def _sources(judged: Judged, prefs: Prefs) -> list[str]:
    return list(judged.account.sources)


def _groups(judged: Judged, prefs: Prefs) -> list[str]:
    return [shown_group(judged.account.name.group, mask=prefs.mask)]


def _custodies(judged: Judged, prefs: Prefs) -> list[str]:
    listing = acting(judged.account)
    return [listing.custody.value, listing.owner] if listing else []


_FIELDS: Final[dict[str, Callable[[Judged, Prefs], list[str]]]] = {
    "status": _statuses,
    "plan": _plans,
    "source": _sources,
    "group": _groups,
    "custody": _custodies,
}
