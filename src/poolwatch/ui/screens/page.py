"""What all screens of the app have in common."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from textual import events
from textual.await_complete import AwaitComplete
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from poolwatch.domain.account import AccountKey
from poolwatch.presentation.view import Tone
from poolwatch.ui import known_textual
from poolwatch.ui.keymap import Place
from poolwatch.ui.messages import Failed
from poolwatch.ui.session import Session
from poolwatch.ui.widgets.bottom import Message, key_line, message_line
from poolwatch.ui.widgets.lines import Lines
from poolwatch.ui.widgets.pane import Pane

ResultT = TypeVar("ResultT")
#: Seconds between two frames, at the least.
_FRAME: Final = 0.003


def drop_old_size(screen: Screen[ResultT], event: events.Resize) -> bool:
    """Whether the terminal has another size by now, in which case Textual does not hear of this one.

    Each layout tells the screen its size, which lays it out again: two different sizes in the queue at
    once would chase each other for ever (textual 8.2.8, seen after quick resizes).
    """
    is_old = event.size != screen.app.size
    if is_old:
        event.prevent_default()
    return is_old


class LeavesOnce(Screen[ResultT]):
    """A screen that leaves when it is left, and takes no other one along.

    Textual takes away whatever screen is shown: a second click beside the palette, which is on its way while
    the first one is dealt with, would be for the screen below (textual 8.2.8).
    """

    def dismiss(self, result: ResultT | None = None) -> AwaitComplete:
        """Leave, if this is the screen that is shown."""
        return super().dismiss(result) if self.app.screen is self else AwaitComplete()


class Page(LeavesOnce[ResultT], inherit_bindings=False):
    """A screen that is drawn from the session and told when that has changed."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    PLACE: Place
    #: whether it goes as soon as there are accounts
    gives_way = False

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.flashed: Message | None = None
        self._painted_at = 0.0

    @abstractmethod
    def renew(self, *, anew: bool = False) -> None:
        """Draw what has changed; `anew` where looks, preferences or the size did."""

    @property
    def account(self) -> AccountKey | None:
        """The account that keys act on here."""
        return None

    def flash(self, text: str, tone: Tone = Tone.ACCENT) -> None:
        """Say something until the next key."""
        self.flashed = Message(text, tone)
        self.renew()

    def unflash(self) -> None:
        """A key was pressed: what was said is read."""
        if self.flashed is not None:
            self.flashed = None
            self.renew()

    def on_mount(self) -> None:
        """Wear the looks of the session."""
        self.dress()

    def on_resize(self, event: events.Resize) -> None:
        """Everything is laid out for the new size."""
        if drop_old_size(self, event):
            return
        self.renew(anew=True)

    async def _on_idle(self, event: events.Idle) -> None:
        """Paint at once what Textual would keep for its next frame, unless one was painted just now.

        It waits up to 16 ms before it paints anything, which is most of what a key takes.
        """
        if not known_textual.IS_KNOWN:
            return
        now = asyncio.get_running_loop().time()
        if now - self._painted_at < _FRAME or not self._dirty_widgets or self._layout_required:
            return
        if not (self._scroll_required or self._repaint_required or self._recompose_required):
            self._painted_at = now
            self._on_timer_update()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A request that ends in an exception is a defect, and must not look like a monitor that is slow."""
        if event.state is WorkerState.ERROR and event.worker.error is not None:
            self.post_message(Failed(event.worker.error))

    def _begin(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something that takes time; what it raises ends the app with a report.

        A function and not its coroutine, which an app that leaves at once would never begin.
        """
        self.run_worker(work, exit_on_error=False)

    def dress(self) -> None:
        """Wear the session's looks and draw everything."""
        for lines in self.query(Lines):
            lines.dress(self.session.looks)
        for pane in self.query(Pane):
            pane.dress(self.session.looks)
        self.renew(anew=True)

    def show_keys(self, **instead: str) -> None:
        """The footer."""
        keys = self.session.options.keymap.at(self.PLACE)
        line = key_line(keys, instead, self.size.width, self.session.looks.glyphs)
        self.query_one("#keys", Lines).show((line,))

    def show_message(self, message: Message | None) -> None:
        """The line above the footer."""
        glyphs = self.session.looks.glyphs
        line = message_line(self.flashed or message, self.size.width, glyphs)
        self.query_one("#message", Lines).show((line,))

    def action_back(self) -> None:
        """Leave the screen."""
        self.dismiss()
