"""The command palette: screens, accounts and saved filters to go to, and what keys do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final, TypeAlias

from textual import events
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.widgets import Input

from poolwatch.domain.account import AccountKey
from poolwatch.domain.query.language import SAVED
from poolwatch.presentation.masking import masked, shown_email, shown_name
from poolwatch.ui.keymap import Key
from poolwatch.ui.screens.page import LeavesOnce, Page, drop_old_size
from poolwatch.ui.screens.pool import PoolScreen, go_to_main, main_of
from poolwatch.words import interface as words

Work: TypeAlias = Callable[[], Awaitable[object]]
#: The screens that can be gone to from everywhere, by the keys that open them.
_SCREENS: Final = (
    ("history", "history"),
    ("cost", "usage"),
    ("events", "events"),
    ("budgets", "budgets"),
    ("resets", "resets"),
    ("credits", "credits"),
)
#: So many letters are meant as a name; and what is found by them is then better than any other.
_ENOUGH: Final = 3
_SURE: Final = 1000.0
#: So many accounts are named for what was typed.
_ACCOUNTS: Final = 50


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


class Places(KeyCommands):
    """Before them, where one can go: the screens, the saved filters and the accounts, by name."""

    async def discover(self) -> Hits:
        """All but the accounts, of which there may be many."""
        for name, told, work in (*self._screens(), *self._filters()):
            yield DiscoveryHit(Content(name), work, help=told)
        async for hit in super().discover():
            yield hit

    async def search(self, query: str) -> Hits:
        """Those that match what is typed; an account by its label, e-mail or id."""
        matcher = self.matcher(query)
        for name, told, work in (*self._screens(), *self._filters()):
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), work, help=told)
        wanted, count = query.casefold().strip(), 0
        for name, texts, work in self._accounts():
            if count < _ACCOUNTS and any(wanted in text.casefold() for text in texts):
                count += 1
                # who is named so goes before what has these letters somewhere
                score = _SURE if len(wanted) >= _ENOUGH else max(map(matcher.match, texts))
                yield Hit(score, matcher.highlight(name), work, help=words.text("go.account"))
        async for hit in super().search(query):
            yield hit

    def _screens(self) -> Iterator[tuple[str, str, Work]]:
        if self._main is None:
            return
        yield words.text("screen.pool"), words.text("go.screen"), self._go(lambda main: None)
        for key, name in _SCREENS:
            yield words.text(f"screen.{name}"), words.text("go.screen"), self._go(_open(f"action_{key}"))

    def _filters(self) -> Iterator[tuple[str, str, Work]]:
        main = self._main
        if main is None:
            return
        prefs = main.ui.board.prefs
        for name, text in prefs.filters:
            told = words.text("go.filter", text=masked(text) if prefs.mask else text)
            yield f"{SAVED}{name}", told, self._go(_filtered(SAVED + name))

    def _accounts(self) -> Iterator[tuple[str, tuple[str, ...], Work]]:
        main = self._main
        if main is None:
            return
        mask = main.ui.board.prefs.mask
        for key, account in main.ui.board.state.accounts.items():
            name, email = shown_name(account, mask=mask), shown_email(account, mask=mask)
            yield name, (name, email or "", key.id), self._go(_shown(key))

    @property
    def _main(self) -> PoolScreen | None:
        """The screen that everything starts from, where there is anybody on it."""
        return main_of(self.app)

    def _go(self, then: Callable[[PoolScreen], object]) -> Work:
        """Leave all screens but the main one, then do what is to be done there."""
        return partial(go_to_main, self.app, then)


def _open(action: str) -> Callable[[PoolScreen], object]:
    return lambda main: getattr(main, action)()


def _filtered(text: str) -> Callable[[PoolScreen], object]:
    return lambda main: main.show_filtered(text)


def _shown(key: AccountKey) -> Callable[[PoolScreen], object]:
    return lambda main: main.show_account(key)


class CalmPalette(CommandPalette, LeavesOnce[None]):
    """Textual's palette, its cursor steady and without an emoji that terminals measure differently.

    With the class `-ascii`, of ASCII alone.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    CalmPalette SearchIcon { display: none; }
    CalmPalette.-ascii #--input { border: none; border-top: ascii $border; }
    CalmPalette.-ascii CommandList { border: none; border-bottom: ascii $border; scrollbar-size: 0 0; }
    CalmPalette.-ascii LoadingIndicator { display: none; }
    """

    def on_resize(self, event: events.Resize) -> None:
        """Only the size that the terminal has now counts."""
        drop_old_size(self, event)

    def on_mount(self) -> None:
        """A steady cursor."""
        self.query_one(Input).cursor_blink = False
