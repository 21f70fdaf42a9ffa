"""`resets list|use|ask|settle`: banked resets, and the use of one that a person asks for."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    Exit,
    ask,
    complain,
    say,
    say_text,
    warn,
)
from poolwatch.bootstrap.headless import look
from poolwatch.bootstrap.resets import ResetDesk
from poolwatch.bootstrap.running import Running, open_monitor
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import (
    complain_about,
    find_account,
    monitored,
    nobody_there,
    run_async,
    surroundings,
)
from poolwatch.domain.banked_resets import Refusal, ResetPlan, ResetUse, UsedReset, Wish
from poolwatch.domain.message import Message
from poolwatch.domain.state import AccountState
from poolwatch.domain.usage import BankedReset, usable_resets
from poolwatch.presentation import resets as told
from poolwatch.presentation.masking import shown_name
from poolwatch.purchases.reset_book import ResetBook
from poolwatch.words import resets as words
from poolwatch.words.messages import message_text
from poolwatch.words.reset_list import NO_RESETS

_LONGEST_ID: Final = 64
#: An id is told by no fewer characters.
_ID_LEAST: Final = 4


class UseRequest(Struct, frozen=True):
    """What `resets use` was asked for."""

    account: str
    reset_id: str | None = None
    dry_run: bool = False
    yes: bool = False
    even_if_not_exhausted: bool = False


def list_resets(config: Path | None, *, as_json: bool, mask: bool) -> int:
    """Print every banked reset of the pool, and what became of requests; what is old is read first."""
    around = monitored(config, mask=mask)
    clock = RealClock()
    seen = run_async(lambda: look(around, timedelta(seconds=around.settings.poll.interval_seconds), None))
    complain_about(seen, around, sources=not as_json)
    try:
        uses = ResetBook(around.state_dir, clock.now).uses()
    except OSError as error:
        complain(around.told(str(error)))
        return EXIT_FAILED
    prefs, now = around.prefs(), clock.now()
    if as_json:
        say_text(told.list_json(seen.overview, uses, now, prefs))
        return EXIT_FAILED if seen.in_vain else EXIT_OK
    lines = told.list_lines(seen.overview, uses, now, prefs)
    if lines:
        say(*lines)
    else:
        complain(NO_RESETS())
    return EXIT_FAILED if seen.in_vain else EXIT_OK


def use_reset(config: Path | None, request: UseRequest, *, as_json: bool, mask: bool) -> int:
    """Use one banked reset of an account, once a person said so; `dry_run` sends nothing."""
    around = monitored(config, mask=mask)
    if not (request.dry_run or request.yes or sys.stdin.isatty()):
        complain(words.NEEDS_YES())
        return EXIT_USAGE

    async def work(running: Running) -> int:
        account = find_account(running.monitor.state, request.account, mask=around.settings.ui.mask)
        wish = Wish(_reset_named(account, request.reset_id), request.even_if_not_exhausted)
        desk = ResetDesk(running)
        plan = await desk.plan(account.key, wish)
        name = shown_name(account, mask=around.settings.ui.mask)
        if isinstance(plan, Message):
            complain(around.told(f"{name}: {message_text(plan)}"))
            return EXIT_FAILED
        if request.dry_run:
            return _tell_plan(around, name, plan, as_json=as_json)
        if isinstance(plan.found, Refusal):
            return _tell_refusal(around, name, plan, plan.found, as_json=as_json)
        if not request.yes and not _is_confirmed(around, name, plan):
            complain(words.NOTHING_USED())
            return EXIT_FAILED
        return _tell_used(around, name, await desk.use(plan, wish), as_json=as_json)

    return _with_accounts(around, work)


def ask_again(config: Path | None, text: str, *, as_json: bool, mask: bool) -> int:
    """Send a request whose answer was lost once more as it was; it cannot use a second reset."""
    around = monitored(config, mask=mask)

    async def work(running: Running) -> int:
        desk = ResetDesk(running)
        use = _request_named(await desk.uses(), text)
        name = _name_of(running, use, mask=around.settings.ui.mask)
        if not use.is_open:
            return _tell_used(around, name, UsedReset(use), as_json=as_json)
        return _tell_used(around, name, await desk.ask_again(use), as_json=as_json)

    return _with_accounts(around, work)


def settle_use(config: Path | None, text: str, how: str, *, as_json: bool, mask: bool) -> int:
    """Write down what became of a request, because a person knows it; nothing is sent, no login needed."""
    around = surroundings(config, mask=mask)
    if how not in ("used", "not-used"):
        complain(words.SETTLE_HOW())
        return EXIT_USAGE

    async def work(running: Running) -> int:
        desk = ResetDesk(running)
        use = _request_named(await desk.uses(), text)
        found = await desk.settle(use, used=how == "used")
        if isinstance(found, Message):
            complain(around.told(message_text(found)))
            return EXIT_FAILED
        if found is None:
            complain(words.NOT_OPEN())
            return EXIT_FAILED
        if as_json:
            say_text(told.use_json(found, None, ()))
        else:
            why = "" if found.reason is None else message_text(found.reason)
            say(words.settled(found.id[: told.ID_SHOWN], why))
        return EXIT_OK

    return _with_monitor(around, work)


def _with_accounts(around: Surroundings, work: Callable[[Running], Awaitable[int]]) -> int:
    """Do it with every source listed."""

    async def listed(running: Running) -> int:
        await running.monitor.recall()
        await running.monitor.poller.lister.list_all()
        if not running.monitor.state.accounts:
            return nobody_there(around, running.monitor.state)
        return await work(running)

    return _with_monitor(around, listed)


def _with_monitor(around: Surroundings, work: Callable[[Running], Awaitable[int]]) -> int:
    """Do it, and say where the audit log could not be written."""

    async def run() -> int:
        async with open_monitor(around) as running:
            code = await work(running)
            trouble = running.services.auditor.trouble
            if trouble is not None:
                complain(around.told(message_text(trouble)))
            return code

    return run_async(run)


def _reset_named(account: AccountState, text: str | None) -> str | None:
    """The id of the reset that was named, whole or by its end; as typed where nothing is known of it."""
    if text is None:
        return None
    wanted, now = text.strip(), RealClock().now()
    known = [row.id for row in _rows(account) if row.id is not None and row.id.endswith(wanted)]
    usable = [row.id for row in usable_resets(_rows(account), now) if row.id in known]
    if wanted in known or len(wanted) < _ID_LEAST or not usable:
        return wanted[:512]
    if len(usable) > 1:
        complain(words.several_resets(wanted[:_LONGEST_ID]))
        raise Exit(EXIT_USAGE)
    return usable[0]


def _rows(account: AccountState) -> Sequence[BankedReset]:
    listed = account.usage.reset_list
    return () if listed is None or listed.value is None else listed.value


def _request_named(uses: Sequence[ResetUse], text: str) -> ResetUse:
    """The request whose id begins so; ends the command otherwise."""
    wanted = text.strip().lower()
    found = [use for use in uses if len(wanted) >= _ID_LEAST and use.id.startswith(wanted)]
    if len(found) == 1:
        return found[0]
    shown = wanted[:_LONGEST_ID]
    if found:
        ids = ", ".join(use.id[:18] for use in found)
        complain(words.several_requests(shown, ids))
    else:
        complain(words.no_request(shown))
    raise Exit(EXIT_USAGE)


def _name_of(running: Running, use: ResetUse, *, mask: bool) -> str:
    for key, account in running.monitor.state.accounts.items():
        if key.id == use.account:
            return shown_name(account, mask=mask)
    return use.account[: told.ID_SHOWN]


def _tell_plan(around: Surroundings, name: str, plan: ResetPlan, *, as_json: bool) -> int:
    now = RealClock().now()
    if as_json:
        say_text(told.plan_json(plan.key.id, plan.way.route, plan.look, plan.found, dry_run=True))
        return EXIT_OK
    if not isinstance(plan.found, Refusal):
        say(*_sheet(around, name, plan))
    say(told.dry_line(name, plan.found, now, around.prefs()))
    return EXIT_OK


def _tell_refusal(around: Surroundings, name: str, plan: ResetPlan, why: Refusal, *, as_json: bool) -> int:
    if as_json:
        say_text(told.plan_json(plan.key.id, plan.way.route, plan.look, why, dry_run=False))
    else:
        line = words.because(words.outcome_word(why.outcome), message_text(why.why))
        complain(f"{name}: {line}")
    return EXIT_FAILED


def _sheet(around: Surroundings, name: str, plan: ResetPlan) -> list[str]:
    found = None if isinstance(plan.found, Refusal) else plan.found
    place = around.told_path(plan.way.place) if plan.way.place else ""
    way = words.route_words(plan.way.route, plan.way.entry.ref.source, place)
    return told.sheet_lines(name, way, plan.look, found, RealClock().now(), around.prefs())


def _is_confirmed(around: Surroundings, name: str, plan: ResetPlan) -> bool:
    """Whether the account's name is typed, which alone says yes."""
    warn(*_sheet(around, name, plan), "", words.CANNOT_BE_UNDONE())
    return ask(words.type_it(name)) == name


def _tell_used(around: Surroundings, name: str, used: UsedReset, *, as_json: bool) -> int:
    use = used.use
    if as_json:
        say_text(told.use_json(use, used.after, used.evidence))
    else:
        now = RealClock().now()
        lines = told.outcome_lines(name, use, used.after, used.evidence, now, around.prefs())
        tell = say if use.outcome.is_good else complain
        tell(*(around.told(line) for line in lines))
    return EXIT_OK if use.outcome.is_good else EXIT_FAILED
