"""What `check` and `run` answer, in lines for people and as JSON for scripts."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.domain.budgets import BudgetState, Each, Level, Limit, LimitUnit, MeasuredBy, limit_text
from poolwatch.domain.check import Check, Checked, Verdict, Why
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import Judged, Status
from poolwatch.domain.tokens import GroupBy
from poolwatch.domain.values import is_undated
from poolwatch.presentation import figures
from poolwatch.presentation.json_values import Json, instant
from poolwatch.presentation.masking import masked, shown_email, shown_group, shown_label, shown_name
from poolwatch.presentation.view import Prefs
from poolwatch.words import account as account_words
from poolwatch.words import check as words

SCHEMA: Final = "poolwatch.check/1"
#: Of a filter or of a budget for each, many accounts say something.
_MOST_LINES: Final = 10


class CheckWords(Struct, frozen=True):
    """What the words of an answer need: who accounts are, how times are told, and the server's clock."""

    accounts: Mapping[str, AccountState]
    prefs: Prefs
    now: datetime
    own_now: datetime

    def answer(self, check: Check) -> list[str]:
        """A line for each finding that the verdict rests on; of many the first, and how many more."""
        shown = check.said(Verdict.GO if check.verdict is Verdict.CANNOT_TELL else check.verdict)
        if not check.findings and check.verdict is Verdict.STOP:
            return [words.line(check.verdict, words.NO_MATCH() + self._age(check.none_read_at))]
        return _first([words.line(each.verdict, self.finding(each)) for each in shown])

    def doubts(self, check: Check, usage: str, status: str) -> list[str]:
        """As many lines about what cannot be told, with the command that helps: one of these two."""
        return _first(
            [
                words.cannot_because(
                    each.why,
                    self.finding(each),
                    usage if _is_of_use(each) else status,
                    of_use=_is_of_use(each),
                )
                for each in check.said(Verdict.CANNOT_TELL)
            ]
        )

    def finding(self, found: Checked) -> str:
        """One finding: what, how far over, until when, and how old that is."""
        if found.budget is not None:
            return self._budget(found, found.budget)
        return "" if found.account is None else self._account(found, found.account)

    def name(self, state: BudgetState) -> str:
        """`budget team`, and whose part of it."""
        name, whose = self.budget_name(state), self.whose(state)
        if not name:
            return words.THIS_LIMIT()
        return words.budget(name) if whose is None else words.part_of_budget(name, whose)

    def budget_name(self, state: BudgetState) -> str:
        """What it is called; "" where it stands in no configuration."""
        return masked(state.budget.name) if self.prefs.mask else state.budget.name

    def whose(self, state: BudgetState) -> str | None:
        """Who has that part of a budget."""
        if state.whose is None:
            return None
        mask, each = self.prefs.mask, state.divided_by
        account = self.accounts.get(state.whose) if each is Each.ACCOUNT else None
        if account is not None:
            return shown_name(account, mask=mask)
        if each is Each.GROUP:
            return shown_group(state.whose, mask=mask)
        from poolwatch.presentation.use_texts import outside_text  # most parts are known by name

        return outside_text(GroupBy(each), state.whose, mask=mask)

    def _budget(self, found: Checked, state: BudgetState) -> str:
        limit, measured = state.budget.limit, state.measured
        parts = []
        if _is_of_nobody(state) and state.budget.each is not None:
            parts += [self._nobody(state.budget.each)] if measured.spent is not None else []
        elif measured.spent is not None:
            spent = spent_text(limit, measured.spent)
            spent = words.at_least(spent) if measured.at_least else spent
            of_week = limit.unit is LimitUnit.PERCENT
            told_limit = words.of_the_week(limit_text(limit)) if of_week else limit_text(limit)
            parts.append(words.spent_of(spent, told_limit))
        if measured.estimated:
            parts.append(words.estimated(self._amount(limit.unit, measured.estimated)))
        parts += self._end(found, state)
        told = f"{self.name(state)}{': ' if parts else ''}{', '.join(parts)}"
        return told + self._read(found, measured.by)

    @staticmethod
    def _nobody(each: Each) -> str:
        from poolwatch.words import budgets  # of most budgets somebody is known

        return budgets.nobody(budgets.each(each))

    def _end(self, found: Checked, state: BudgetState) -> Iterable[str]:
        if found.why is Why.GRACE:
            return [words.in_grace(*self._until(found.until))]
        at, left = self._until(found.until)
        if found.why is not Why.OVER:
            # of what is not known well enough, only that is told
            at = "" if found.verdict is Verdict.CANNOT_TELL else at
            return [words.resets(at, left)] if at else []
        over, at_least = state.over_by, state.measured.at_least
        told = words.AT_LEAST_AT() if at_least else words.EXACTLY_AT()
        if over:
            amount = self._amount(state.budget.limit.unit, over)
            told = words.over(words.at_least(amount) if at_least else amount)
        warns = [words.ONLY_WARNS()] if state.level is Level.LIMIT else []
        return [told, words.until(at, left) if at else words.NEVER_RESETS(), *warns]

    @staticmethod
    def _amount(unit: LimitUnit, amount: Decimal) -> str:
        from poolwatch.presentation.budget_amounts import bare_amount

        return bare_amount(unit, amount)

    def _account(self, found: Checked, judged: Judged) -> str:
        account, status = judged.account, judged.status
        match status.kind:
            case Status.EXHAUSTED:
                told = account_words.exhausted_at_length(status.reason, *self._until(found.until))
            case Status.NEEDS_LOGIN if status.login_problem is not None:
                told = account_words.login_words(status.login_problem)
            case Status.UNKNOWN:
                told = account_words.unknown_words(status.reason, read=account.read_at is not None)
            case _:
                told = account_words.status_word(status.kind)
        name = shown_name(account, mask=self.prefs.mask)
        return f"{name}: {told}{self._read(found, None)}"

    def _until(self, at: datetime | None) -> tuple[str, str]:
        if at is None:
            return "", ""
        zone = self.prefs.zone
        return figures.instant(at, self.now, zone), figures.countdown(at, self.now)

    def _age(self, read_at: datetime | None, by: MeasuredBy | None = None) -> str:
        if read_at is None:
            return ""
        return f"; {words.read_ago(by, figures.age_of(read_at, self.own_now))}"

    def _read(self, found: Checked, by: MeasuredBy | None) -> str:
        if found.read_at is not None:
            return self._age(found.read_at, by)
        # of what cannot be told, the reason is told as one
        return "" if found.verdict is Verdict.CANNOT_TELL else f"; {words.not_read(by)}"


def _first(lines: list[str]) -> list[str]:
    left = len(lines) - _MOST_LINES
    return [*lines[:_MOST_LINES], words.more(left)] if left > 0 else lines


def _is_of_use(found: Checked) -> bool:
    return found.budget is not None and found.budget.measured.by is MeasuredBy.USAGE


def spent_text(limit: Limit, spent: Decimal) -> str:
    """`$276.10`, `4.80M`; what is below its limit is never told as that limit, but with all its digits."""
    from poolwatch.presentation.budget_amounts import bare_amount  # an account has no amounts

    unit, text = limit.unit, bare_amount(limit.unit, spent)
    if not spent < limit.amount or text != bare_amount(unit, limit.amount):
        return text
    if unit is LimitUnit.TOKENS:
        return f"{spent:,f}"
    digits = figures.trimmed_digits(spent)
    return {LimitUnit.USD: f"${digits}", LimitUnit.PERCENT: f"{digits}%"}.get(unit, digits)


def check_json(check: Check, told: CheckWords, exit_code: int) -> str:
    """The answer for scripts, ASCII only, ending in a newline; amounts are text, in the limit's unit."""
    document: Json = {
        "schema": SCHEMA,
        "generated_at": instant(check.at),
        "verdict": check.verdict.value,
        "exit_code": exit_code,
        "none_read_at": instant(check.none_read_at),
        "budgets": [
            _budget_row(each, each.budget, told) for each in check.findings if each.budget is not None
        ],
        "accounts": [
            _account_row(each, each.account, told) for each in check.findings if each.account is not None
        ],
    }
    return json.dumps(document, indent=2) + "\n"


def _finding(found: Checked) -> dict[str, Json]:
    read_at = found.read_at
    return {
        "verdict": found.verdict.value,
        "why": found.why.value,
        "until": instant(found.until),
        "read_at": None if read_at is None or is_undated(read_at) else instant(read_at),
    }


def _is_of_nobody(state: BudgetState) -> bool:
    """Whether it is of each, and nobody is known yet: what each has spent is not known to be 0."""
    return state.budget.each is not None and state.whose is None


def _budget_row(found: Checked, state: BudgetState, told: CheckWords) -> Json:
    budget, measured = state.budget, state.measured
    spent, level = (None, None) if _is_of_nobody(state) else (measured.spent, state.level)
    return {
        "name": told.budget_name(state) or None,
        "for": told.whose(state),
        **_finding(found),
        "limit": _amount(budget.limit, budget.limit.amount),
        "unit": budget.limit.unit.value,
        "period": budget.period.value,
        "resets_at": instant(state.period.resets_at),
        "spent": _amount(budget.limit, spent),
        "at_least": measured.at_least,
        "over": _amount(budget.limit, state.over_by),
        "level": None if level is None else level.value,
        "measured_by": measured.by.value,
        "estimated": None if spent is None else _amount(budget.limit, measured.estimated),
        "counted_from": [each.value for each in measured.origins],
    }


def _amount(limit: Limit, amount: Decimal | None) -> str | None:
    """As `budgets --json` has it: all digits that say something, of dollars the cents."""
    return None if amount is None else figures.trimmed_digits(amount, 2 if limit.unit is LimitUnit.USD else 0)


def _account_row(found: Checked, judged: Judged, told: CheckWords) -> Json:
    account, mask = judged.account, told.prefs.mask
    return {
        "id": account.key.id,
        "label": shown_label(account, mask=mask),
        "group": shown_group(account.name.group, mask=mask) or None,
        "email": shown_email(account, mask=mask),
        **_finding(found),
        "status": judged.status.kind.value,
        "reason": judged.status.reason,
    }
