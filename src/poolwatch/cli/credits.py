"""`credits`, and what `sources` does about balances: how much is left, read now where that is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.balances import BalancesSeen, look_at_balances, try_balance
from poolwatch.bootstrap.console import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say, say_text
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import run_async, surroundings
from poolwatch.cli.finding import Finding, Grade
from poolwatch.config.source_settings import CreditSettings
from poolwatch.domain.balances import TopUpPlace
from poolwatch.domain.failure import Failure
from poolwatch.domain.state import AccountState
from poolwatch.domain.text import argument_word
from poolwatch.domain.usage import Aged, Credits
from poolwatch.presentation.balances import (
    CHATGPT_URL,
    BalanceRow,
    account_balance,
    balance_row,
    has_credits,
    left_text,
)
from poolwatch.presentation.figures import age_of, width
from poolwatch.presentation.masking import shown_name
from poolwatch.words import credits as words
from poolwatch.words.commands import said
from poolwatch.words.messages import failure_text

#: Older than any reading; more seconds than this are no longer a date.
_ANY_AGE_SECONDS: Final = 1e9
#: A service that many have.
_EXAMPLE: Final = "openrouter"
_FOCUS_ON: Final = "tmux set -g focus-events on"
_TMUX_SECONDS: Final = 2.0


def print_credits(config: Path | None, max_age: float | None, *, as_json: bool, mask: bool) -> int:
    """Print every balance, then the accounts that have credits; what is old is read first.

    `max_age` in seconds; None: those by a timer are read when their interval is over, the others once.
    """
    around = surroundings(config, mask=mask)
    if max_age is not None and math.isnan(max_age):
        complain(said("bad_max_age"))
        return EXIT_USAGE
    age = None if max_age is None else timedelta(seconds=min(max_age, _ANY_AGE_SECONDS))
    seen = run_async(lambda: look_at_balances(around, age))
    return tell(around, seen, as_json=as_json)


def tell(around: Surroundings, seen: BalancesSeen, *, as_json: bool) -> int:
    """Print what was seen; the exit code."""
    stale_after, is_masked = around.rules.stale_after, around.settings.ui.mask
    accounts = sorted(
        (each for each in seen.accounts.values() if has_credits(each)),
        key=lambda each: (each.name.full.casefold(), each.key.id),
    )
    if as_json:
        from poolwatch.presentation.balances_json import balances_json  # one of the two is needed

        balances = seen.balances.values()
        say_text(balances_json(balances, accounts, seen.at, stale_after, mask=is_masked))
    else:
        rows = [
            balance_row(each, seen.at, stale_after, None, mask=is_masked) for each in seen.balances.values()
        ]
        for line in _lines(rows, seen, accounts, is_masked):
            say(line)
        if not rows and not accounts:
            complain(words.NO_BALANCE(around.command(f"sources add {_EXAMPLE}")))
    for each in seen.balances.values():
        if each.trouble is not None:
            complain(around.told(said("source_fails", name=each.name, why=failure_text(each.trouble))))
    is_in_vain = bool(seen.balances) and all(each.trouble is not None for each in seen.balances.values())
    return EXIT_FAILED if is_in_vain and not accounts else EXIT_OK


def _lines(
    rows: Sequence[BalanceRow], seen: BalancesSeen, accounts: Sequence[AccountState], mask: bool
) -> list[str]:
    table = [(row.name, _left(row), row.age, _top_up(row), " · ".join(row.notes)) for row in rows]
    for account in accounts:
        held: Aged[Credits] | None = account.usage.credits
        read_at = None if held is None else held.at
        name, left = shown_name(account, mask=mask), left_text(account_balance(account))
        table.append((name, left, age_of(read_at, seen.at), CHATGPT_URL, ""))
    if not table:
        return []
    head = (words.NAME(), words.LEFT(), words.READ(), words.TOP_UP(), "")
    whole = [head, *table]
    widths = [max(width(line[column]) for line in whole) for column in range(4)]
    lines = []
    for line in whole:
        cells = (cell + " " * (widths[at] - width(cell)) for at, cell in enumerate(line[:4]))
        lines.append("  ".join((*cells, line[4])).rstrip())
    return lines


def _left(row: BalanceRow) -> str:
    mark = words.level_word(row.level)
    return f"{row.left}, {mark}" if mark else row.left


def _top_up(row: BalanceRow) -> str:
    match row.top_up:
        case TopUpPlace.HERE:
            return words.BY_COMMAND()
        case TopUpPlace.WEB:
            return row.web or words.WEB()
        case TopUpPlace.NO:
            return ""


def read_source(config: Path | None, name: str, *, as_json: bool = False, mask: bool = False) -> int:
    """Read one balance now, keep it, and print it."""
    from poolwatch.cli.sources import no_such_source

    around = surroundings(config, mask=mask)
    source = next((each for each in around.sources if each.name == name), None)
    if source is None:
        complain(no_such_source(around, name))
        return EXIT_USAGE
    if not isinstance(source, CreditSettings):
        command = around.command("status --max-age 0")
        complain(around.told(words.NOT_A_BALANCE(argument_word(name), command)))
        return EXIT_USAGE
    seen = run_async(lambda: look_at_balances(around, timedelta(0), (name,)))
    alone = BalancesSeen(seen.at, {name: seen.balances[name]}, {})
    return tell(around, alone, as_json=as_json)


def try_credits(around: Surroundings, source: CreditSettings) -> int:
    """Ask one service and say what it told; nothing is kept."""
    found = run_async(lambda: try_balance(around, source))
    name = around.told(source.name)
    if isinstance(found, Failure):
        complain(around.told(f"{name}: {failure_text(found)}"))
        return EXIT_FAILED
    say(words.BALANCE_ANSWERS(name, left_text(found)))
    return EXIT_OK


def balance_findings(around: Surroundings) -> Iterator[Finding]:
    """How each balance can be read, for `doctor`; and what tmux needs to tell of the focus."""
    seen = run_async(lambda: look_at_balances(around, None))
    for each in seen.balances.values():
        if each.trouble is None:
            yield Finding("balances", Grade.OK, f"{each.name}: {left_text(each.balance)}")
        else:
            from poolwatch.cli.sources import try_command

            told = f"{each.name}: {failure_text(each.trouble)}"
            yield Finding("balances", Grade.ERROR, told, try_command(around, each.name))
    is_on_demand = any(each.terms.on_demand for each in seen.balances.values())
    if is_on_demand and around.env.get("TMUX") and not _tells_focus():
        yield Finding("terminal", Grade.NOTE, words.NO_FOCUS(), _FOCUS_ON)


def _tells_focus() -> bool:
    """Whether tmux tells programs of the focus."""
    import subprocess  # only within tmux

    try:
        asked = ("tmux", "show-options", "-gv", "focus-events")
        told = subprocess.run(asked, capture_output=True, timeout=_TMUX_SECONDS, check=False)
    except (OSError, subprocess.SubprocessError):
        return False
    return told.stdout.strip() == b"on"
