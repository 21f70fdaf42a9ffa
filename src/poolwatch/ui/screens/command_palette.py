"""The command palette, from the table of keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from textual import events
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.widgets import Input

from poolwatch.ui.keymap import Key
from poolwatch.ui.screens.page import LeavesOnce, Page, drop_old_size


class KeyCommands(Provider):
    """Every key of the screen that called the palette, by what it does."""

    async def discover(self) -> Hits:
        """All of them."""
        for key in self._keys():
            yield DiscoveryHit(Content(key.help), self._run(key), help=self._pressed(key))

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for key in self._keys():
            # by what it does, and by the name that settings have for it
            score = max(matcher.match(key.help), matcher.match(key.id.replace("_", " ")))
            if score > 0:
                yield Hit(score, matcher.highlight(key.help), self._run(key), help=self._pressed(key))

    def _keys(self) -> list[Key]:
        screen = self.screen
        if not isinstance(screen, Page):
            return []
        keymap = screen.ui.options.keymap
        return [key for key in keymap.at(screen.SCOPE) if key.palette and key.help]

    def _run(self, key: Key) -> Callable[[], Awaitable[bool]]:
        screen = self.screen

        async def run() -> bool:
            return await screen.app.run_action(key.action, screen)

        return run

    def _pressed(self, key: Key) -> str:
        return f"{key.id}: {' '.join(key.keys)}"


class CalmPalette(CommandPalette, LeavesOnce[None]):
    """Textual's palette, its cursor steady and without an emoji that terminals measure differently."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    CalmPalette SearchIcon { display: none; }
    """

    def on_resize(self, event: events.Resize) -> None:
        """Only the size that the terminal has now counts."""
        drop_old_size(self, event)

    def on_mount(self) -> None:
        """A steady cursor."""
        self.query_one(Input).cursor_blink = False
