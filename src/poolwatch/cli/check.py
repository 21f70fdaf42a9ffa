"""`check`: whether a limit says stop, from what is kept on this machine."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Final, NoReturn

from msgspec import Struct

from poolwatch.bootstrap.check import Checker
from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import (
    EXIT_CANNOT_TELL,
    EXIT_OK,
    EXIT_STOP,
    EXIT_USAGE,
    Exit,
    complain,
    say,
    say_text,
)
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import find_account, surroundings, tell_of_filter
from poolwatch.domain.budgets import AtLimit, Budget, BudgetPeriod, LimitUnit, limit_of
from poolwatch.domain.check import Check, Verdict, concerning, of_budgets
from poolwatch.domain.message import Message
from poolwatch.domain.query.fields import Among
from poolwatch.domain.query.language import SAVED, Parsed, foreign
from poolwatch.domain.query.tree import Word, leaves
from poolwatch.domain.state import AccountState
from poolwatch.domain.text import visible
from poolwatch.presentation.check_text import CheckWords, check_json
from poolwatch.presentation.filter import matching, typed, worth_reading
from poolwatch.presentation.view import Prefs
from poolwatch.sessions.tables import BookError
from poolwatch.words import check as words
from poolwatch.words import query as words_of_filters
from poolwatch.words.messages import message_text
from poolwatch.words.query import fault_text, nearest_text

#: So much of what was typed is said again.
_LONGEST: Final = 60
_LONGEST_DOUBT: Final = 300


class CheckWish(Struct, frozen=True):
    """What `check` is asked; one of the first four, or none: every budget that stops."""

    budget: str | None = None
    account: str | None = None
    filter_text: str | None = None
    limit: str | None = None
    period: str | None = None
    strict: bool = False
    as_json: bool = False


def print_check(config: Path | None, wish: CheckWish, *, mask: bool) -> int:
    """Print the verdict: 0 go, 5 stop, 4 where nobody can tell and that is asked for strictly."""
    _refuse_what_does_not_go_together(wish)
    around = surroundings(config, mask=mask)
    asker = Asker(around)
    if wish.account is not None:
        answer = asker.account(asker.named_account(wish.account))
    elif wish.limit is not None:
        limit = _unnamed(wish, around)
        answer = asker.budgets([limit])
        asker.tell_of_filter(limit)
    elif wish.filter_text is not None:
        answer = asker.filter(wish.filter_text)
    elif wish.budget is not None:
        answer = asker.budget(wish.budget)
    else:
        answer = asker.every_stop()
    code = _code(answer, strict=wish.strict)
    if wish.as_json:
        say_text(check_json(answer, asker.told, code))
    elif lines := asker.told.answer(answer):
        say(*lines)
    if answer.verdict is Verdict.CANNOT_TELL:
        head = words.CANNOT_TELL_STRICTLY() if wish.strict else words.CANNOT_TELL()
        asker.tell_doubts(answer, head)
    return code


def _refuse_what_does_not_go_together(wish: CheckWish) -> None:
    questions = [wish.budget, wish.account, wish.limit or wish.filter_text]
    if sum(each is not None for each in questions) > 1:
        _refuse("one_question")
    if (wish.limit is None) != (wish.period is None):
        _refuse("limit_and_period")


def _unnamed(wish: CheckWish, around: Surroundings) -> Budget:
    """A budget that stands in no configuration: it stops, and has no grace."""
    limit = limit_of(wish.limit or "")
    if limit is None:
        _refuse("not_a_limit", text=visible(wish.limit or "", _LONGEST))
    if limit.unit is LimitUnit.PERCENT:
        _refuse("percent_of_whom")
    prefs = around.prefs()
    parsed = typed(wish.filter_text or "", prefs.filters)
    wrong = _wrong(parsed, Among.USE) or _unsaved(parsed, prefs)
    if wrong:
        complain(wrong)
        raise Exit(EXIT_USAGE)
    period = BudgetPeriod(wish.period or BudgetPeriod.MONTHLY.value)
    return Budget("", limit, period, wish.filter_text or None, at_limit=AtLimit.STOP)


def _wrong(parsed: Parsed, among: Among) -> str:
    """What is wrong with a filter, whatever it is held against; "" where nothing is."""
    if parsed.faults:
        return fault_text(parsed.faults[0], among)
    field = foreign(parsed.query, among)
    return "" if field is None else words_of_filters.foreign(field, among)


def _unsaved(parsed: Parsed, prefs: Prefs) -> str:
    """The first name of a saved filter that is none, in words; it would choose no use, and so let all go."""
    for leaf in leaves(parsed.query):
        if isinstance(leaf, Word) and leaf.text.startswith(SAVED):
            names = [SAVED + name for name, _ in prefs.filters]
            near = nearest_text(leaf.text, names)
            if near:
                return words_of_filters.no_saved_near(leaf.text, near)
            return words_of_filters.no_saved(leaf.text, "  ".join(names))
    return ""


def _refuse(code: str, **blanks: object) -> NoReturn:
    complain(words.said(code, **blanks))
    raise Exit(EXIT_USAGE)


def _code(answer: Check, *, strict: bool) -> int:
    if answer.verdict is Verdict.STOP:
        return EXIT_STOP
    return EXIT_CANNOT_TELL if strict and answer.verdict is Verdict.CANNOT_TELL else EXIT_OK


class Asker:
    """Asks on behalf of a command; a name that nobody has ends it."""

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.checker = Checker(around, RealClock().now())
        self._trouble = ""
        checker = self.checker
        self.told = CheckWords(checker.accounts, around.prefs(), checker.server_now, checker.now)

    def named_account(self, text: str) -> AccountState | None:
        """The account of that name, None while nobody is known at all."""
        state = self.checker.state
        return find_account(state, text, mask=self.around.settings.ui.mask) if state.accounts else None

    def account(self, account: AccountState | None) -> Check:
        """What an account says."""
        return self._nobody_read() if account is None else self.checker.account(account)

    def filter(self, text: str) -> Check:
        """What the accounts say that a filter lets through."""
        prefs = self.around.prefs()
        wrong = _wrong(typed(text, prefs.filters), Among.ACCOUNTS)
        if not self.checker.state.accounts and not wrong:
            return self._nobody_read()
        seen = self.checker.seen()
        found, may_match = matching(seen, text, prefs), worth_reading(seen, text, prefs)
        if not may_match or (wrong and not found):
            if wrong:
                complain(wrong)
            else:
                tell_of_filter(seen, text, prefs, found)
            raise Exit(EXIT_USAGE)
        return self.checker.matches(seen, found, may_match)

    def budget(self, name: str) -> Check:
        """What a budget says, as one that stops."""
        return self.budgets([self.named(name)])

    def every_stop(self) -> Check:
        """What all budgets say that stop."""
        budgets = self.stopping()
        if not budgets:
            complain(words.NO_BUDGET_STOPS())
        return self.budgets(budgets)

    def stopping(self) -> list[Budget]:
        """The budgets that stop, as they are configured."""
        settings = self.around.settings
        return [each.budget for each in settings.budgets if each.at_limit == AtLimit.STOP.value]

    def named(self, name: str) -> Budget:
        """The budget of that name; there is none: the command ends, and the nearest is told."""
        known = {each.name: each for each in self.around.settings.budgets}
        if name in known:
            return known[name].budget
        typed = visible(name, _LONGEST)
        near = nearest_text(name, known)
        if near:
            complain(words.no_budget_near(typed, near))
        else:
            complain(words.no_budget_but(typed, ", ".join(known)) if known else words.no_budget(typed))
        raise Exit(EXIT_USAGE)

    def budgets(self, asked: Collection[Budget], account: AccountState | None = None) -> Check:
        """What these budgets say, to an account's use or to all; what cannot be read cannot be told."""
        checker = self.checker
        try:
            states = checker.budgets(asked)
        except BookError as error:
            self._trouble = self.around.told(message_text(error.as_message))
            return Check(checker.now, Verdict.CANNOT_TELL)
        except Exception as error:  # noqa: BLE001 - damaged use may hold anything, and blocks nobody
            from poolwatch.words.use import CANNOT_READ

            why = Message("monitor.internal_error", (("type", type(error).__name__),))
            self._trouble = CANNOT_READ(message_text(why))
            return Check(checker.now, Verdict.CANNOT_TELL)
        return of_budgets(
            states if account is None else concerning(states, account), checker.now, checker.rules
        )

    def tell_of_filter(self, budget: Budget) -> None:
        """Say what the filter of a limit asks for that no use has, perhaps misspelt."""
        if self._trouble:
            return
        with suppress(BookError):  # who cannot read what was spent is told
            for doubt in self.checker.doubts(budget):
                complain(self.around.told(visible(doubt, _LONGEST_DOUBT)))

    def tell_doubts(self, answer: Check, head: str) -> None:
        """Say on stderr what cannot be told, why, and what helps."""
        lines = [self._trouble] if self._trouble else []
        usage, status = self.around.command("usage"), self.around.command("status")
        complain(head, *(f"  {each}" for each in (*lines, *self.told.doubts(answer, usage, status))))

    def _nobody_read(self) -> Check:
        self._trouble = words.no_readings(self.around.command("status"))
        return Check(self.checker.now, Verdict.CANNOT_TELL)
