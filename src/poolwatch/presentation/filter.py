"""Which accounts a filter lets through, as they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Final, TypeAlias

from poolwatch.domain.account import AccountKey
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.overview import PoolOverview, usd
from poolwatch.domain.query.fields import FIELDS, Among, FieldKind
from poolwatch.domain.query.language import Parsed, parse
from poolwatch.domain.query.tree import Compare, Leaf, Look, NeedsYou, Query, Word, foreseen, lets
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import Judged, Section, Status
from poolwatch.domain.usage import own_reset
from poolwatch.domain.values import replace
from poolwatch.presentation.figures import is_figure
from poolwatch.presentation.masking import shown_email, shown_group, shown_label, shown_name
from poolwatch.presentation.outlook import weekly_ahead, weekly_day
from poolwatch.presentation.remedy import acting
from poolwatch.presentation.rows import limit_percent, tightest_limit
from poolwatch.presentation.view import Prefs
from poolwatch.words import account as words

#: Who used less of a week than this in a day is idle, in percent.
_IDLE: Final = 1
#: Saved filters, each with its name.
Saved: TypeAlias = tuple[tuple[str, str], ...]
YES: Final = "yes"
NO: Final = "no"


class Looker:
    """Looks at the accounts of a pool as they are shown at one moment."""

    among = Among.ACCOUNTS

    def __init__(self, overview: PoolOverview, prefs: Prefs) -> None:
        self.overview = overview
        offset = overview.now - overview.own_now
        self.prefs = replace(prefs, rules=overview.rules, clock_offset=offset)
        self.accounts = tuple(AccountSubject(each, self) for each in overview.accounts)

    @property
    def saved(self) -> Saved:
        """The saved filters."""
        return self.prefs.filters

    def finds(self, query: Query) -> bool:
        """Whether any account is let through."""
        return any(lets(query, each) for each in self.accounts)

    def values(self, field: str) -> list[str]:
        """What a field of texts may hold: what the accounts have, each once, and the words that there are."""
        if field in _WORDS:
            return _WORDS[field]()
        found = {text for each in self.accounts for text in each.texts(field) if text}
        if field == "plan":
            # by the names that the screen has for them
            found = {words.plan_name(plan) for plan in found}
        return sorted(found)


class AccountSubject:
    """One account, as filters look at it."""

    __slots__ = ("_judged", "_looker")

    def __init__(self, judged: Judged, looker: Looker) -> None:
        self._judged = judged
        self._looker = looker

    @property
    def key(self) -> AccountKey:
        """Which one it is."""
        return self._judged.account.key

    @property
    def needs_you(self) -> bool:
        """Whether it stands under that heading."""
        return self._judged.section is Section.NEEDS_YOU

    @property
    def names(self) -> tuple[str, ...]:
        """What it is called: name, e-mail and id."""
        account, mask = self._judged.account, self._looker.prefs.mask
        return shown_name(account, mask=mask), shown_email(account, mask=mask) or "", account.key.id

    def everything(self) -> Iterable[str]:
        """Name, e-mail, id, plan, sources and status."""
        yield from self._identity()
        yield from self.texts("plan")
        yield from self.texts("status")

    def _identity(self) -> Iterable[str]:
        return identity(self._judged.account, mask=self._looker.prefs.mask)

    def foresee(self, leaf: Leaf) -> bool | None:
        """Whether this is found in the account whatever a reading brings; None where that may change it."""
        match leaf:
            case Word(text) if any(text in each.casefold() for each in self._identity()):
                return True
            case Word(text) if any(text in each for each in _words_of_readings()):
                return None
            case Look("plan") if self._judged.account.read_at is None:
                return None
            case Look(field) if field in _WORDS:
                return None
            case Compare() | NeedsYou():
                return None
            case _:
                return lets(leaf, self)

    def texts(self, field: str) -> Iterable[str]:
        """The texts of one field."""
        look = _TEXTS.get(field)
        if look is not None:
            return look(self._judged, self._looker)
        return account_texts(self._judged.account, field, mask=self._looker.prefs.mask)

    def figure(self, field: str) -> Decimal | float | None:
        """The figure of one field."""
        look = _FIGURES.get(field)
        if look is not None:
            return look(self._judged, self._looker)
        return _used(self._judged, field) if FIELDS[field].kind is FieldKind.PERCENT else None


def matching(overview: PoolOverview, text: str, prefs: Prefs) -> frozenset[AccountKey]:
    """The keys of the accounts that the filter lets through; an empty filter lets all through.

    A word is looked for, in any case, in label, e-mail (unless masked), plan, source, group, status and id.
    `plan:pro` looks in one field alone, `weekly>=80` compares a figure, and `!` is what needs the operator.
    """
    query = typed(text, prefs.filters).query
    return frozenset(each.key for each in Looker(overview, prefs).accounts if lets(query, each))


def worth_reading(overview: PoolOverview, text: str, prefs: Prefs) -> frozenset[AccountKey]:
    """The keys of the accounts that the filter lets through, or may once they have been read again."""
    query = typed(text, prefs.filters).query
    accounts = Looker(overview, prefs).accounts
    return frozenset(each.key for each in accounts if foreseen(query, each.foresee) is not False)


def typed(text: str, saved: Saved) -> Parsed:
    """What was typed, with what stands in saved filters for their names."""
    return parse(text, saved_queries(saved)) if text.strip() else Parsed()


@lru_cache(maxsize=4)  # asked with every letter that is typed
def saved_queries(filters: Saved) -> Mapping[str, Query]:
    """The saved filters by their names; one does not stand in another."""
    return {name: parse(text).query for name, text in filters}


# --- the texts


def identity(account: AccountState, *, mask: bool) -> Iterable[str]:
    """Name, e-mail, id and sources: what a word is looked for in, and no reading changes."""
    yield shown_name(account, mask=mask)
    yield shown_email(account, mask=mask) or ""
    yield account.key.id
    yield from account.sources


def account_texts(account: AccountState, field: str, *, mask: bool) -> Iterable[str]:
    """The texts of a field that is not of the account as it stands; none of any other field."""
    match field:
        case "plan":
            plan = account.plan
            return [plan, words.plan_name(plan)] if plan else []
        case "source":
            return account.sources
        case "group":
            return [shown_group(account.name.group, mask=mask)]
        case "label":
            return dict.fromkeys((shown_label(account, mask=mask), shown_name(account, mask=mask)))
        case "email":
            email = shown_email(account, mask=mask)
            return [email] if email else []
        case "custody":
            listing = acting(account)
            return [listing.owner, listing.custody.value] if listing else []
        case "provider":
            return [account.key.provider]
        case _:
            return ()


def _statuses(judged: Judged, looker: Looker) -> list[str]:
    kind = judged.status.kind
    found = [kind.value, words.status_word(kind), *_sections(judged, looker)]
    if judged.status.login_problem is not None:
        found.append(words.login_words(judged.status.login_problem))
    return [*found, *_kinds_of_trouble(judged)]


def _sections(judged: Judged, looker: Looker) -> list[str]:
    return [judged.section.value, words.section_word(judged.section)]


def _kinds_of_trouble(judged: Judged) -> list[str]:
    trouble = judged.account.trouble
    return [] if trouble is None else [trouble.kind.value, words.trouble_words(trouble.kind)]


def _troubles(judged: Judged, looker: Looker) -> list[str]:
    kinds = _kinds_of_trouble(judged)
    return [YES, *kinds] if kinds else [NO]


def _staleness(judged: Judged, looker: Looker) -> list[str]:
    # what was never read is not old but unknown
    return [] if judged.account.read_at is None else [YES if judged.stale else NO]


def _idleness(judged: Judged, looker: Looker) -> list[str]:
    burn = _burn(judged, looker)
    return [] if burn is None else [YES if burn < _IDLE else NO]


_TEXTS: Final[Mapping[str, Callable[[Judged, Looker], Iterable[str]]]] = {
    "status": _statuses,
    "section": _sections,
    "trouble": _troubles,
    "stale": _staleness,
    "idle": _idleness,
}


def _status_values() -> list[str]:
    # with a blank they would stand in quotes
    kinds = [word for kind in Status if " " not in (word := words.status_word(kind))]
    rest = [*Status, *Section, *FailureKind]
    return list(dict.fromkeys([*kinds, *(each.value for each in rest)]))


#: What a field that a reading changes may hold, whatever the accounts have now.
_WORDS: Final[Mapping[str, Callable[[], list[str]]]] = {
    "status": _status_values,
    "section": lambda: [each.value for each in Section],
    "trouble": lambda: [YES, NO, *(each.value for each in FailureKind)],
    "stale": lambda: [YES, NO],
    "idle": lambda: [YES, NO],
}


@lru_cache(maxsize=1)  # asked for each account and word
def _words_of_readings() -> tuple[str, ...]:
    """Every word, in small letters, that a reading may put into status or plan."""
    kinds = [text for kind in Status for text in (kind.value, words.status_word(kind))]
    sections = [text for each in Section for text in (each.value, words.section_word(each))]
    logins = [words.login_words(each) for each in LoginProblem]
    troubles = [text for each in FailureKind for text in (each.value, words.trouble_words(each))]
    return tuple(text.casefold() for text in (*kinds, *sections, *logins, *troubles, *words.plan_words()))


# --- the figures


def _used(judged: Judged, kind: str) -> float | None:
    """What is used of the base window of that kind; 100 where it is flagged as full without a figure."""
    base, window = judged.account.usage.base, judged.account.usage.fullest.get(kind)
    if base is None or base.value is None or window is None:
        return None
    if window.used_percent is None:
        return 100.0 if base.value.is_full(window) else None
    return window.used_percent if is_figure(window.used_percent) else None


def _spend(judged: Judged, looker: Looker) -> float | None:
    limit = tightest_limit(judged.account.usage.spend)
    used = limit_percent(limit) if limit is not None else None
    return used if is_figure(used) else None


def _credits(judged: Judged, looker: Looker) -> Decimal | None:
    """The balance; one without end is more than any."""
    credits = judged.account.usage.credits
    if credits is None or credits.value is None or not credits.value.is_shown:
        return None
    return Decimal("Infinity") if credits.value.unlimited else credits.value.balance


def _usd(judged: Judged, looker: Looker) -> Decimal | None:
    balance, rules = _credits(judged, looker), looker.prefs.rules
    if balance is None or balance.is_infinite():
        return balance if rules.credits_per_usd else None
    return usd(balance, rules)


def _resets(judged: Judged, looker: Looker) -> float | None:
    """The seconds to the next reset of a base window."""
    usage, now = judged.account.usage, looker.overview.now
    resets = [own_reset(each, usage.base.at) for each in usage.windows] if usage.base is not None else []
    ahead = [at for at in resets if at is not None and at > now]
    return (min(ahead) - now).total_seconds() if ahead else None


def _at_reset(judged: Judged, looker: Looker) -> float | None:
    """What will be used of the week when it resets; 100 where it is full, or will be."""
    ahead = weekly_ahead(judged, looker.overview.now, looker.prefs)
    if ahead is NoForecast.FULL:
        return 100.0
    if not isinstance(ahead, Forecast):
        return None
    if ahead.runs_out:
        return 100.0
    return min(100.0, max(0.0, ahead.median_percent)) if is_figure(ahead.median_percent) else None


def _burn(judged: Judged, looker: Looker) -> float | None:
    return weekly_day(judged, looker.overview.own_now)


_FIGURES: Final[Mapping[str, Callable[[Judged, Looker], Decimal | float | None]]] = {
    "spend": _spend,
    "credits": _credits,
    "usd": _usd,
    "resets": _resets,
    "at_reset": _at_reset,
    "burn": _burn,
}
