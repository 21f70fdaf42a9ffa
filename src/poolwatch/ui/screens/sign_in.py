"""What `L` does: who signs the account in, on whose terminal, and what is said of it."""

from __future__ import annotations

import asyncio
import signal
from functools import partial
from typing import Any, ClassVar, Final

from textual.binding import Binding, BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.domain.message import Message
from poolwatch.presentation.masking import shown_path
from poolwatch.presentation.sign_in import CodexLogin, PoolLogin
from poolwatch.presentation.view import Tone
from poolwatch.ui.feed import LoginRun, PoolSignIn
from poolwatch.ui.screens.page import Panel
from poolwatch.ui.screens.refreshing import RefreshingPage
from poolwatch.ui.state import SharedTerminal, UiState
from poolwatch.ui.widgets.bottom import MessageText
from poolwatch.words import interface
from poolwatch.words import sign_in as words
from poolwatch.words.messages import message_text

#: What ends a program on ctrl+c: the signal, or the status that shells and many programs make of it.
_GIVEN_UP: Final = (-signal.SIGINT, 128 + signal.SIGINT)


def sign_in(page: RefreshingPage[Any], key: AccountKey) -> None:
    """Sign the account in again, or say why that is not done from here."""
    ui = page.ui
    card, way = ui.board.card(key), ui.board.sign_in(key)
    command = way.command(mask=ui.choice.mask) if way is not None else ""
    if card is None:
        return
    if way is None:
        page.flash_message(page.remedy_of(card) or MessageText(words.NOT_NEEDED(card.label)))
    elif ui.options.simulated:
        page.flash(words.SIMULATED(command))
    elif isinstance(way, CodexLogin):
        page.start_work(partial(_by_codex, page, key, way, card.label))
    elif isinstance(way, PoolLogin):
        page.start_work(partial(_by_pool, page, key, card.label))
    else:
        page.flash(words.BY_HAND(command), Tone.PLAIN)


async def _by_codex(page: RefreshingPage[Any], key: AccountKey, login: CodexLogin, label: str) -> None:
    ui = page.ui
    command = login.command(mask=ui.choice.mask)
    if not ui.terminal.can_step_aside:
        page.flash(words.BY_HAND(command), Tone.AMBER)
        return
    run = await ui.feed.sign_in(key, login)
    if run is None:
        page.flash(words.NO_CODEX(command), Tone.AMBER)
        return
    try:
        status = await _on_the_terminal(ui.terminal, run, words.RUNS(label, command))
    except OSError as error:
        await run.settle(signed_in=False)
        page.flash(words.NOT_STARTED(str(error.strerror or "").lower(), command), Tone.RED)
        return
    missing = await run.settle(signed_in=status == 0)
    waits = missing.waits if missing is not None else ""
    path = shown_path(waits, mask=ui.choice.mask) if waits else ""
    if status:
        page.flash(*_ended_badly(status, path))
    elif missing is not None and missing.other:
        other = "…" if ui.choice.mask else missing.other
        page.flash(words.NOT_THEIRS(other, label, path), Tone.AMBER)
    elif missing is not None:
        page.flash(words.NOT_IN_PLACE(message_text(missing.why), path), Tone.RED)
    else:
        page.flash(words.SIGNED_IN(label))
        await page.read_new_login(key)
        if key not in ui.feed.state.accounts:
            page.flash(words.ANOTHER_SIGNED_IN(label), Tone.AMBER)


async def _by_pool(page: RefreshingPage[Any], key: AccountKey, label: str) -> None:
    started = await page.ui.feed.pool_sign_in(key)
    if isinstance(started, Message):
        page.flash(message_text(started), Tone.AMBER)
        return
    screen = CodeScreen(page.ui, started, label)
    waiting = asyncio.create_task(started.wait())

    def left(_: bool | None) -> None:
        waiting.cancel()

    page.app.push_screen(screen, left)
    try:
        problem = await waiting
    except asyncio.CancelledError:
        page.flash(words.LEFT(), Tone.AMBER)
        return
    screen.dismiss(True)
    if problem is not None:
        page.flash(message_text(problem), Tone.RED)
        return
    page.flash(words.SIGNED_IN(label))
    await page.read_new_login(key)


class CodeScreen(Panel, inherit_bindings=False):
    """Where a code is typed that a pool waits for."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q", "leave", "leave", show=False)]

    def __init__(self, ui: UiState, started: PoolSignIn, label: str) -> None:
        told = words.OPEN_PAGE(started.address), words.AND_TYPE(started.code, label)
        super().__init__(ui, *told, keys=(("esc", interface.text("stop_waiting")),))

    def action_leave(self) -> None:
        """Wait no longer; what the pool has begun ends by itself."""
        self.dismiss(False)


async def _on_the_terminal(terminal: SharedTerminal, run: LoginRun, said: str) -> int:
    async with terminal.aside(said) as say_and_wait:
        status = await run.run()
        if status and status not in _GIVEN_UP:
            # what codex said is gone once the screen is back
            await say_and_wait(words.READ_THIS(status))
    return status


def _ended_badly(status: int, path: str) -> tuple[str, Tone]:
    """`path`: that of the login that codex left all the same."""
    if status in _GIVEN_UP:
        return words.GIVEN_UP(path), Tone.AMBER
    if status < 0:
        return words.KILLED(-status, path), Tone.RED
    return words.FAILED(status, path), Tone.RED
