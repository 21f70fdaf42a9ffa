"""Keys one after another: each is done with before the next one is given out.

A line that is slow delivers keys in bunches. Textual gives all of a bunch to what has the focus when it
arrives, so that `/quinn` would open the filter and then quit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from textual import events
from textual.app import App
from textual.message_pump import MessagePump

#: Seconds after which a key counts as done, whatever became of the widget that had it: longer than a busy
#: machine takes to load what the first filter is typed into, or the keys after it would go elsewhere.
_PATIENCE: Final = 2.0


class KeyOrder:
    """Holds keys back while an earlier one is on its way. `give` hands one to the app."""

    def __init__(self, app: App[Any], give: Callable[[events.Key], Awaitable[None]]) -> None:
        self._app = app
        self._give = give
        self._waiting: deque[events.Key] = deque()
        self._turn = 0
        self._busy = False

    async def press(self, key: events.Key) -> None:
        """Give the key out now, or when those before it are done."""
        if not self._busy:
            await self._start(key)
            return
        if not self._waiting:
            turn = self._turn
            self._app.set_timer(_PATIENCE, lambda: self._done(turn))
        self._waiting.append(key)

    async def _start(self, key: events.Key) -> None:
        self._busy = True
        self._turn += 1
        target = self._app.focused or self._app.screen
        await self._give(key)
        self._follow(target, target, self._turn)

    def _follow(
        self, pump: MessagePump | None, origin: MessagePump, turn: int, *, again: bool = True
    ) -> None:
        """Come behind the key wherever it passes on its way up; what it does comes before us."""
        while pump is not None and pump is not self._app:
            if pump.call_later(self._follow, pump._parent, origin, turn, again=again):
                return
            pump = pump._parent
        if again:
            # a key that does something, like Enter in a line, sends word of it from where it was pressed
            self._app.call_later(self._follow, origin, origin, turn, again=False)
        else:
            # what the key asked of the app, like the focus, is before us in the app's queue
            self._app.call_later(self._app.call_later, self._done, turn)

    async def _done(self, turn: int) -> None:
        if not self._busy or turn != self._turn:
            return
        self._busy = False
        if self._waiting:
            key = self._waiting.popleft()
            if self._waiting:
                following = self._turn + 1
                self._app.set_timer(_PATIENCE, lambda: self._done(following))
            await self._start(key)
