"""A look at accounts for the rules of alerts: what holds, what does not, and what nobody can tell.

A figure that is unknown or old says nothing, so that it begins no alert and ends none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Final

from msgspec import Struct

from poolwatch.domain.alert_findings import RuleFinding, Truth
from poolwatch.domain.alert_rules import ByFilter, WatchedRule
from poolwatch.domain.alerts import BuiltIn, Subject, SubjectKind, may_speak_for
from poolwatch.domain.message import Message, message
from poolwatch.domain.overview import overview as overview_of
from poolwatch.domain.query.fields import FIELDS, FieldKind
from poolwatch.domain.query.tree import And, Compare, Leaf, Look, Or, Query, Word, compares, foreseen, lets
from poolwatch.domain.series import SPEND_BUCKET
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.status import Judged, Section, Status, is_stale, judge, login_ends_at
from poolwatch.domain.usage import BASE_BUCKET, WEEKLY
from poolwatch.domain.values import replace
from poolwatch.presentation import figures
from poolwatch.presentation.filter import AccountSubject, Looker
from poolwatch.presentation.rows import tightest_limit
from poolwatch.presentation.view import Prefs

#: Our own id of the running window of an account, by its bucket and kind; None where there is none, or
#: nobody knows it.
Windows = Callable[[str, str, str], str | None]
#: Whether what is found of a subject has to be told even if the rule does not hold of it.
Needed = Callable[[str, Subject], bool]

LOGIN_ENDS_WITHIN: Final = timedelta(hours=24)
RESET_ENDS_WITHIN: Final = timedelta(hours=48)
#: Of the last top-up: what is left is low below this, and no longer from that on.
LOW: Final = Decimal("0.10")
LOW_NO_MORE: Final = Decimal("0.15")
#: The fields that are of the weekly window, and those that are of a window of their own name.
_OF_WEEK: Final = ("at_reset", "burn")
#: The figures that are read apart from the base windows.
_BESIDE_BASE: Final = frozenset(("spend", "credits", "usd"))
_BY_EVIDENCE: Final = (Status.ACTIVE, Status.EXHAUSTED)
#: What begins nothing, and has nothing to end.
WITHOUT_EFFECT: Final = (Truth.OVER, Truth.STAYS)
_DEAD: Final = (Status.NEEDS_LOGIN, Status.DEACTIVATED)


class Moment(Struct, frozen=True):
    """The pool at one moment, and what is known beside it. `now` is our own clock.

    `top_ups` is the last top-up or grant of credits by account id, or balance in its unit. `down` are sources
    that do not answer.
    """

    state: PoolState
    now: datetime
    prefs: Prefs
    windows: Windows
    top_ups: Mapping[str, Decimal]
    down: frozenset[str]

    @classmethod
    def of(
        cls, state: PoolState, now: datetime, prefs: Prefs, windows: Windows, top_ups: Mapping[str, Decimal]
    ) -> Moment:
        """With the sources that are down now."""
        down = frozenset(name for name, source in state.sources.items() if source.failure is not None)
        return cls(state, now, prefs, windows, top_ups, down)


class AlertLook:
    """Looks at one account after the other; what nobody needs to hear is left out."""

    def __init__(
        self,
        rules: Sequence[WatchedRule],
        moment: Moment,
        needed: Needed,
        first: Collection[str] = (),
    ) -> None:
        """`first` are rules that are looked at for the first time: what does not hold is no finding."""
        self._filters = [
            (each.rule.name, each.rule.when, each.condition)
            for each in rules
            if isinstance(each.condition, ByFilter) and each.condition.of_accounts
        ]
        needs_you = next((each.rule for each in rules if each.condition is BuiltIn.NEEDS_YOU), None)
        #: the rules for whose alerts that one speaks where a login is dead
        self._spoken_for = {
            each.rule.name
            for each in rules
            if needs_you is not None and each.rule is not needs_you and may_speak_for(needs_you, each.rule)
        }
        self._built_in = {each.condition for each in rules if isinstance(each.condition, BuiltIn)}
        self._moment = moment
        self._needed = needed
        self._first = first
        state, now = moment.state, moment.now
        self._rules = moment.prefs.rules.in_force(state)
        self._server_now = now + state.clock_offset
        overview = overview_of(replace(state, accounts={}), now, self._rules)
        # a rule looks for what is there, shown or not
        self._looker = Looker(overview, replace(moment.prefs, mask=False))

    def findings(self, account: AccountState) -> list[RuleFinding]:
        """What holds of the account, and what is needed besides."""
        judged = judge(account, self._moment.now, self._rules, self._moment.state.clock_offset)
        about = Subject(SubjectKind.ACCOUNT, account.key.id)
        found: list[RuleFinding] = []
        if self._filters:
            subject = AccountSubject(judged, self._looker)
            answer = partial(self._answer, judged, subject)
            for name, when, condition in self._filters:
                holds = foreseen(condition.begins, answer)
                if holds is True or self._needed(name, about):
                    truth = truth_of(condition, holds, answer)
                    if name in self._first and truth in WITHOUT_EFFECT:
                        continue
                    compared = _compared(condition.begins, answer)
                    window = None if compared is None else self._window_of(compared.field, account)
                    cause = self._cause(compared, subject) or message("alerts.matches", when=when)
                    found.append(self._finding(_Made(truth, cause, window), name, judged, about))
        for built_in, look in _LOOKS.items():
            if built_in in self._built_in:
                made = look(self, judged)
                if made is None or (built_in in self._first and made.truth in WITHOUT_EFFECT):
                    continue
                if made.truth is Truth.HOLDS or self._needed(built_in, about):
                    found.append(self._finding(made, built_in, judged, about))
        return found

    def _finding(self, made: _Made, name: str, judged: Judged, about: Subject) -> RuleFinding:
        sources = judged.account.sources
        is_mute = bool(sources) and self._moment.down.issuperset(sources)
        is_dead = judged.status.kind in _DEAD
        return RuleFinding(
            name,
            about,
            made.truth,
            judged.label,
            made.window,
            made.cause,
            muted_by=sources[0] if is_mute else None,
            covered_by=BuiltIn.NEEDS_YOU.value if is_dead and name in self._spoken_for else None,
            is_told=made.is_told,
        )

    # -- what is known of a figure

    def _answer(self, judged: Judged, subject: AccountSubject, leaf: Leaf) -> bool | None:
        """Whether this is found in the account; None where nobody knows, or what is known is old."""
        match leaf:
            case Compare(field):
                figure = None if self._is_old(field, judged) else subject.figure(field)
                return None if figure is None else compares(leaf, figure)
            case Look("status" | "section") | Word():
                if isinstance(leaf, Word) and (told := subject.foresee(leaf)) is not None:
                    return told
                is_sure = judged.status.kind not in (Status.UNKNOWN, *_BY_EVIDENCE)
                is_sure = is_sure or (judged.status.kind in _BY_EVIDENCE and not judged.stale_base)
                found = lets(leaf, subject)
                return found if is_sure or (found and judged.status.kind is Status.UNKNOWN) else None
            case Look("idle"):
                return lets(leaf, subject) if subject.figure("burn") is not None else None
            case _:
                return lets(leaf, subject)

    def _is_old(self, field: str, judged: Judged) -> bool:
        """Whether what a figure was read from is old."""
        if field not in _BESIDE_BASE:
            return judged.stale_base
        usage = judged.account.usage
        read = usage.spend if field == "spend" else usage.credits
        return is_stale(None if read is None else read.at, self._moment.now, self._rules)

    def _window_of(self, field: str, account: AccountState) -> str | None:
        kind = WEEKLY if field in _OF_WEEK else field
        if field == "spend":
            limit = tightest_limit(account.usage.spend)
            return None if limit is None else self._moment.windows(account.key.id, SPEND_BUCKET, limit.kind)
        if FIELDS[field].kind is not FieldKind.PERCENT:
            return None
        return self._moment.windows(account.key.id, BASE_BUCKET, kind)

    def _cause(self, compared: Compare | None, subject: AccountSubject) -> Message | None:
        figure = None if compared is None else subject.figure(compared.field)
        if compared is None or figure is None:
            return None
        return message("alerts.figure", field=compared.field, figure=_figure_text(compared.field, figure))

    # -- the rules by default

    def needs_you(self, judged: Judged) -> _Made:
        """Whether it stands under that heading, and why."""
        if judged.section is not Section.NEEDS_YOU:
            return _Made(Truth.OVER)
        status, trouble = judged.status, judged.account.trouble
        if status.login_problem is not None:
            code = f"alerts.login_{status.login_problem.value}"
        elif status.kind is Status.DEACTIVATED:
            code = "alerts.deactivated"
        else:
            code = "alerts.needs_you" if trouble is None else f"alerts.{trouble.kind.value}"
        # that a login died is an event already
        return _Made(Truth.HOLDS, message(code), is_told=status.kind in _DEAD)

    def credits_low(self, judged: Judged) -> _Made | None:
        """Whether less is left than a tenth of what last came."""
        credits = judged.account.usage.credits
        came = self._moment.top_ups.get(judged.account.key.id)
        if came is None or credits is None:
            return None
        known = credits.value
        if known is not None and known.unlimited:
            return _Made(Truth.OVER)
        if known is None or known.balance is None or is_stale(credits.at, self._moment.now, self._rules):
            return _Made(Truth.UNKNOWN)
        if known.balance >= came * LOW_NO_MORE:
            return _Made(Truth.OVER)
        balance, top_up = figures.credits_text(known.balance), figures.credits_text(came)
        cause = message("alerts.credits_low", balance=balance, top_up=top_up)
        return _Made(Truth.HOLDS if known.balance < came * LOW else Truth.STAYS, cause)

    def banked_reset_ends(self, judged: Judged) -> _Made | None:
        """Whether the first banked reset is lost soon; each is a window of its own."""
        usage = judged.account.usage
        if usage.reset_credits is None and usage.reset_list is None:
            return None
        ends = usage.nearest_reset_expiry(self._server_now)
        if ends is None or ends - self._server_now > RESET_ENDS_WITHIN:
            return _Made(Truth.OVER)
        return _Made(Truth.HOLDS, self._ends("alerts.banked_reset_ends", ends), f"reset/{ends:%Y-%m-%dT%H}")

    def login_ends(self, judged: Judged) -> _Made:
        """Whether a login that nobody renews by itself ends soon; one that has ended needs you."""
        ends = login_ends_at(judged.account, self._server_now)
        if ends is None or ends - self._server_now > LOGIN_ENDS_WITHIN:
            return _Made(Truth.OVER)
        return _Made(Truth.HOLDS, self._ends("alerts.login_ends", ends))

    def _ends(self, code: str, at: datetime) -> Message:
        return message(code, when=figures.dated_instant(at, self._server_now, self._moment.prefs.zone))


class _Made(Struct, frozen=True):
    """What a rule says of an account."""

    truth: Truth
    cause: Message | None = None
    window: str | None = None
    is_told: bool = False


_LOOKS: Final[Mapping[BuiltIn, Callable[[AlertLook, Judged], _Made | None]]] = {
    BuiltIn.NEEDS_YOU: AlertLook.needs_you,
    BuiltIn.CREDITS_LOW: AlertLook.credits_low,
    BuiltIn.BANKED_RESET_ENDS: AlertLook.banked_reset_ends,
    BuiltIn.LOGIN_ENDS: AlertLook.login_ends,
}
#: The rules of which each account is a subject.
OF_ACCOUNTS: Final[Collection[BuiltIn]] = frozenset(_LOOKS)


def truth_of(condition: ByFilter, holds: bool | None, answer: Callable[[Leaf], bool | None]) -> Truth:
    """What is said of an account of which a filter holds, or not, or nobody knows."""
    if holds is True:
        return Truth.HOLDS
    if condition.ends is not None:
        # what its own filter ends goes on until that one is sure
        ends = foreseen(condition.ends, answer)
        truth = Truth.UNKNOWN if ends is None else Truth.OVER if ends else Truth.STAYS
    else:
        stays = foreseen(condition.stays, answer)
        truth = Truth.UNKNOWN if stays is None else Truth.STAYS if stays else Truth.OVER
    return Truth.UNKNOWN if holds is None and truth is Truth.STAYS else truth


def _compared(query: Query, answer: Callable[[Leaf], bool | None]) -> Compare | None:
    """The first figure by which a filter lets it through; where it does not, the first that it compares."""
    compared = _figures(query)
    return next((each for each in compared if answer(each)), compared[0] if compared else None)


def _figures(query: Query) -> list[Compare]:
    match query:
        case Compare():
            return [query]
        case And(parts) | Or(parts):
            return [each for part in parts for each in _figures(part)]
        case _:
            return []


def _figure_text(field: str, figure: Decimal | float) -> str:
    match FIELDS[field].kind:
        case FieldKind.PERCENT:
            return figures.percent_text(float(figure))
        case FieldKind.TIME:
            return figures.duration(timedelta(seconds=float(figure)))
        case FieldKind.DOLLARS:
            return f"${figures.credits_text(Decimal(figure))}"
        case _:
            return figures.credits_text(Decimal(figure))
