"""`budgets list|add|set|remove`: how budgets stand, and the configuration of them changed by a command."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.budgets import BudgetReader, with_all
from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import (
    EXIT_CONFIG,
    EXIT_FAILED,
    EXIT_OK,
    Exit,
    complain,
    say,
    say_text,
)
from poolwatch.bootstrap.kept import open_kept
from poolwatch.bootstrap.places import target_config
from poolwatch.bootstrap.screen import appearance_problems
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.changes import made, tell, tell_refused, tell_wrong
from poolwatch.cli.command import let_through, run_async, surroundings, told_filter
from poolwatch.cli.usage import WIDTH, accounts_kept, overview_kept, read_new, zone_name
from poolwatch.config.changes import Change, Refused
from poolwatch.config.limit_changes import add_limit, change_limit, read_limit, remove_limit
from poolwatch.config.problems import ConfigProblem
from poolwatch.config.toml_text import Value
from poolwatch.domain.audit import Act, Deed
from poolwatch.domain.budgets import AtLimit, Budget, BudgetPeriod, BudgetReport, LimitUnit, limit_of
from poolwatch.domain.state import AccountState
from poolwatch.domain.text import argument_word, shell_word, visible
from poolwatch.domain.values import replace
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budgets_json import budgets_json
from poolwatch.sessions.tables import BookError
from poolwatch.words.commands import said
from poolwatch.words.messages import message_text

_ARRAY: Final = "budgets"
#: What `add` proposes of what is not said.
_LIMIT: Final = "$10"
_LONGEST: Final = 200
ADD: Final = "budgets add NAME"


def list_budgets(
    config: Path | None,
    filter_text: str = "",
    *,
    scans: bool,
    as_json: bool = False,
    mask: bool = False,
    ascii_only: bool = False,
) -> int:
    """Print how every budget stands that a filter lets through, after what is new in files was read."""
    around = surroundings(config, mask=mask)
    if not around.settings.budgets and not as_json:
        complain(said("no_budgets", command=around.command(ADD)))
        return EXIT_OK
    if scans and around.settings.budgets:
        read_new(around, None)
    accounts = run_async(partial(accounts_kept, around))
    now = RealClock().now()
    reader = BudgetReader(around.state_dir, around.settings)
    try:
        report = with_all(reader.report(accounts, now), [each.budget for each in around.settings.budgets])
    except BookError as error:
        complain(around.told(message_text(error.as_message)))
        return EXIT_FAILED
    names = AccountNames(accounts, around.settings.ui.mask)
    if filter_text.strip():
        report = _let_through(filter_text, report, names, around)
    shown = {state.budget.name for state in report.budgets}
    budgets = [each.budget for each in around.settings.budgets if each.name in shown]
    _tell_doubts(around, reader, budgets, accounts)
    if as_json:
        say_text(budgets_json(report, names, zone_name(now, None)))
        return EXIT_OK
    _print(around, report, names, ascii_only=ascii_only)
    return EXIT_OK


def _let_through(text: str, report: BudgetReport, names: AccountNames, around: Surroundings) -> BudgetReport:
    """What a filter lets through, which is looked into as on the screen; that it lets nothing is said."""
    from poolwatch.presentation.budgets import budget_row  # few commands have a filter

    prefs = around.prefs()
    rows = [budget_row(each, names, report.at, prefs) for each in report.budgets]
    seen = run_async(partial(overview_kept, around))
    lets = let_through(text, seen, prefs, lambda: (told for row in rows for told in row.texts))
    pairs = zip(report.budgets, rows, strict=True)
    shown = tuple(state for state, row in pairs if lets(row.texts, row.account_id, None))
    if not shown:
        complain(said("no_budget_matches", filter=told_filter(text)))
    return replace(report, budgets=shown)


def _print(around: Surroundings, report: BudgetReport, names: AccountNames, *, ascii_only: bool) -> None:
    # what draws takes time to load
    from poolwatch.bootstrap.screen import glyphs_named
    from poolwatch.cli.status_table import plain_text, print_lines, terminal_width
    from poolwatch.presentation.budgets import budgets_view
    from poolwatch.ui.appearance import glyphs_of
    from poolwatch.ui.widgets.budget_lines import listed_lines

    glyphs = glyphs_of("ascii" if ascii_only else glyphs_named(around.settings.ui.glyphs, around.env))
    is_terminal = sys.stdout.isatty()
    width = terminal_width() if is_terminal else WIDTH
    lines = listed_lines(budgets_view(report, names, report.at, around.prefs()), width, glyphs)
    if is_terminal:
        print_lines(lines, glyphs)
    else:
        say_text(plain_text(lines, glyphs))


def add_budget(config: Path | None, name: str, words: Sequence[str], *, mask: bool = False) -> int:
    """Write a budget into the file, which is made if there is none; $10 a month is proposed."""
    around = surroundings(config, mask=mask, may_be_new=True, may_lack=True)
    path = _target(around, config)
    typed = _typed(around, [f"name={name}", *words])
    if isinstance(typed, Refused):
        return tell_refused(around, typed)
    told = typed.get("limit") or _LIMIT
    limit = limit_of(str(told))
    is_of_window = limit is not None and limit.unit is LimitUnit.PERCENT
    period = BudgetPeriod.WEEKLY if is_of_window else BudgetPeriod.MONTHLY
    table: dict[str, Value] = {"name": name, "limit": told, "period": typed.get("period") or period.value}
    table |= {key: value for key, value in typed.items() if value is not None}
    deed = Deed(Act.ADD_BUDGET, path=around.told_path(path), what=(around.told(name),))
    change = made(around, deed, add_limit(path, _ARRAY, table, around.env, appearance_problems))
    tell(around, change, "budget_written_to")
    _tell_about(around, change, name)
    assigned = [f"{key}={_typed_again(value)}" for key, value in table.items() if key != "name"]
    command = around.command(" ".join(["budgets add", argument_word(name), *map(shell_word, assigned)]))
    complain(said("the_same", command=around.told(command)))
    return EXIT_OK


def set_budget(config: Path | None, name: str, words: Sequence[str], *, mask: bool = False) -> int:
    """Write keys of one budget into the file."""
    around = surroundings(config, mask=mask, may_lack=True)
    path = _target(around, config)
    typed = _typed(around, words)
    if isinstance(typed, Refused):
        return tell_refused(around, typed)
    deed = Deed(Act.SET_BUDGET, path=around.told_path(path), what=(around.told(name),))
    draft = change_limit(path, _ARRAY, name, typed, around.env, appearance_problems)
    change = made(around, deed, draft)
    tell(around, change, "budget_written_to")
    renamed = str(typed.get("name") or name)
    if renamed != name:
        run_async(partial(_keep_periods, around, name, renamed))
    _tell_about(around, change, renamed)
    return EXIT_OK


async def _keep_periods(around: Surroundings, before: str, after: str) -> None:
    """A budget that is called otherwise keeps how its periods went."""
    async with open_kept(around) as kept:
        if kept is not None and not await kept.store.rename_budget(before, after):
            complain(said("periods_not_kept", name=around.told(before)))


def remove_budget(config: Path | None, name: str, *, mask: bool = False) -> int:
    """Take one budget out of the file."""
    around = surroundings(config, mask=mask, may_lack=True)
    path = _target(around, config)
    deed = Deed(Act.REMOVE_BUDGET, path=around.told_path(path), what=(around.told(name),))
    change = made(around, deed, remove_limit(path, _ARRAY, name, around.env))
    say(said("budget_out", name=around.told(name), path=around.told_path(path)))
    tell_wrong(around, change)
    return EXIT_OK


def _target(around: Surroundings, config: Path | None) -> Path:
    path = target_config(around, config)
    if isinstance(path, ConfigProblem):
        complain(path.text)
        raise Exit(EXIT_CONFIG)
    return path


def _typed(around: Surroundings, words: Sequence[str]) -> Mapping[str, Value | None] | Refused:
    return read_limit(_ARRAY, words, around.env)


def _tell_about(around: Surroundings, change: Change, name: str) -> None:
    """What a budget that was written does at its limit, and what its filter may mean otherwise."""
    budget = next(each.budget for each in change.settings.budgets if each.name == name)
    complain(said("budget_stops" if budget.at_limit is AtLimit.STOP else "budget_warns"))
    if budget.filter is not None:
        accounts = run_async(partial(accounts_kept, around))
        _tell_doubts(around, BudgetReader(around.state_dir, change.settings), [budget], accounts)


def _tell_doubts(
    around: Surroundings,
    reader: BudgetReader,
    budgets: Sequence[Budget],
    accounts: Mapping[str, AccountState],
) -> None:
    with suppress(BookError):  # who looks at what was spent is told
        for budget, doubt in reader.doubts(budgets, accounts, mask=around.settings.ui.mask):
            wrong = visible(doubt, _LONGEST)
            complain(around.told(said("budget_filter", name=budget.name, wrong=wrong)))


def _typed_again(value: Value) -> str:
    """A value as it is typed."""
    return ",".join(map(str, value)) or "[]" if isinstance(value, tuple) else str(value)
