"""`run`: a program, once budgets and its account let it; poolwatch becomes that program."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, NoReturn

from msgspec import Struct

from poolwatch.bootstrap.console import EXIT_NOT_RUN, Exit, complain, give_back_core_limit, tell_of
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.check import Asker
from poolwatch.cli.command import monitored, surroundings
from poolwatch.config.values import at_home
from poolwatch.domain.budgets import Budget
from poolwatch.domain.check import Check, Verdict, both
from poolwatch.domain.state import AccountState
from poolwatch.domain.text import visible
from poolwatch.presentation.masking import shown_name
from poolwatch.words import check as words

#: What shells answer for a program that is not there, and for one that cannot be run.
_NOT_FOUND: Final = 127
_NOT_RUNNABLE: Final = 126
#: What --next gave out is not given out again so long, while there is another account.
_GIVEN_FOR: Final = timedelta(minutes=10)
#: Python ignores these; programs expect that a pipe without a reader, and a full file, end them.
_IGNORED_BY_PYTHON: Final = ("SIGPIPE", "SIGXFSZ", "SIGXFZ")
_LONGEST: Final = 200


class RunWish(Struct, frozen=True):
    """What `run` is to see to before the program begins."""

    account: str | None = None
    next_account: bool = False
    budget: str | None = None


def run_program(config: Path | None, wish: RunWish, command: Sequence[str], *, mask: bool) -> int:
    """Become the program, or say why not. Returns only where it did not begin."""
    try:
        home = _let(config, wish, command, mask=mask)
    except Exit:
        # whatever it was: the program's own codes are told apart from that
        return EXIT_NOT_RUN
    except Exception as error:  # noqa: BLE001 - likewise
        tell_of(error)
        return EXIT_NOT_RUN
    env = _given_environment()
    if home is not None:
        env["CODEX_HOME"] = home
    return _become(command, env)


def _let(config: Path | None, wish: RunWish, command: Sequence[str], *, mask: bool) -> str | None:
    """The Codex home to run with, None for the one that is set; ends the command where it may not run."""
    if not command:
        _refuse("no_command")
    if wish.account is not None and wish.next_account:
        _refuse("account_or_next")
    around = (monitored if wish.next_account else surroundings)(config, mask=mask)
    if wish.next_account:
        return _next_home(around, wish, command[0])
    asker = Asker(around)
    budgets = _budgets(asker, wish)
    if wish.account is None:
        _tell(asker, asker.budgets(budgets), command[0])
        return None
    account = asker.named_account(wish.account)
    if account is None:
        complain(words.no_readings(around.command("status")))
        raise Exit(EXIT_NOT_RUN)
    answer = asker.account(account)
    _tell(asker, both(answer, asker.budgets(budgets, account)), command[0])
    home = _home(account, around)
    if home is None:
        _refuse("no_home", name=_name(account, around))
    return home


def _budgets(asker: Asker, wish: RunWish) -> Sequence[Budget]:
    return asker.stopping() if wish.budget is None else [asker.named(wish.budget)]


def _tell(asker: Asker, answer: Check, program: str) -> None:
    """Say why it may not run, and end; or what cannot be told, and go on."""
    if answer.verdict is Verdict.STOP:
        complain(words.said("not_started", command=visible(program, _LONGEST)), *asker.told.answer(answer))
        raise Exit(EXIT_NOT_RUN)
    if answer.verdict is Verdict.CANNOT_TELL:
        asker.tell_doubts(answer, words.CANNOT_TELL_AND_RUNS())


def _next_home(around: Surroundings, wish: RunWish, program: str) -> str:
    """The home of the account to use next that was not given out just now."""
    # only --next reads anything, and chooses
    from poolwatch.bootstrap.check import give_out
    from poolwatch.bootstrap.clock import RealClock
    from poolwatch.bootstrap.headless import look
    from poolwatch.cli.command import complain_about, run_async, tell_failing
    from poolwatch.domain.overview import last_known_up
    from poolwatch.presentation.figures import age_of
    from poolwatch.presentation.next_text import choices, next_is_old, next_text

    fresh = timedelta(seconds=around.settings.poll.interval_seconds)
    seen = run_async(lambda: look(around, fresh, None))
    complain_about(seen, around)
    view, prefs = seen.overview, around.prefs()
    chosen = choices(view, len(view.accounts))
    if not chosen:
        tell_failing(around, seen.state)
        old = last_known_up(view.accounts, view.now, view.rules)
        complain(*(next_text(view, prefs).splitlines() if old is None else [next_is_old(old, view, prefs)]))
        raise Exit(EXIT_NOT_RUN)
    homes = {
        each.judged.account.key.id: home
        for each in chosen
        if (home := _home(each.judged.account, around)) is not None
    }
    if not homes:
        _refuse("no_homes")
    asker = Asker(around)
    budgets = _budgets(asker, wish)
    answers = {
        each.judged.account.key.id: asker.budgets(budgets, each.judged.account)
        for each in chosen
        if each.judged.account.key.id in homes
    }
    order = [each for each, answer in answers.items() if answer.verdict is not Verdict.STOP]
    chosen_now = run_async(lambda: give_out(around, order, _GIVEN_FOR)) if order else None
    given = next(iter(answers)) if chosen_now is None else chosen_now.account_id
    _tell(asker, answers[given], program)
    account = next(each for each in chosen if each.judged.account.key.id == given)
    name = _name(account.judged.account, around)
    if account.reason is None:
        complain(words.said("uses_credits", name=name))
    if chosen_now is not None and chosen_now.former is not None:
        complain(words.given_again(name, age_of(chosen_now.former, RealClock().now())))
    complain(words.said("uses", name=name, home=around.told_path(homes[given], as_word=True)))
    return homes[given]


def _home(account: AccountState, around: Surroundings) -> str | None:
    from poolwatch.presentation.next_text import codex_home

    home = codex_home(account)
    return None if home is None else at_home(home, around.home)


def _name(account: AccountState, around: Surroundings) -> str:
    return shown_name(account, mask=around.settings.ui.mask)


def _refuse(code: str, **blanks: object) -> NoReturn:
    complain(words.said(code, **blanks))
    raise Exit(EXIT_NOT_RUN)


def _given_environment() -> dict[str, str]:
    """What this process was started with: in a plain C locale, as cron has it, Python puts LC_CTYPE there."""
    env = dict(os.environ)
    if "LC_CTYPE" in env:
        with suppress(OSError):  # other systems than Linux do not tell
            given = Path("/proc/self/environ").read_bytes().split(b"\0")
            if not any(each.startswith(b"LC_CTYPE=") for each in given):
                del env["LC_CTYPE"]
    return env


def _become(command: Sequence[str], env: Mapping[str, str]) -> int:
    """Run the program in place of this process; no shell has a look at its arguments."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            stream.flush()
    for name in _IGNORED_BY_PYTHON:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    give_back_core_limit()
    try:
        os.execvpe(command[0], list(command), env)  # noqa: S606 - that is the point
    except (OSError, ValueError) as error:
        program = visible(command[0], _LONGEST)
        # a name of no letters is none
        if not isinstance(error, OSError) or isinstance(error, FileNotFoundError):
            complain(words.said("not_found", command=program))
            return _NOT_FOUND
        complain(words.said("not_run", command=program, reason=error.strerror))
        return _NOT_RUNNABLE
