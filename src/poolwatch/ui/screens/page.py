"""What all screens have in common: their bindings, what they tell the app, and how they are drawn."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.screen import ModalScreen, Screen

from poolwatch.domain.account import AccountKey
from poolwatch.presentation.view import Tone
from poolwatch.ui.cells import wrap
from poolwatch.ui.keymap import Keymap, Scope, textual_key, unknown_key
from poolwatch.ui.state import Choice, UiState
from poolwatch.ui.widgets.arrangement import Direction
from poolwatch.ui.widgets.bottom import MessageText, key_line, message_line, typing_line
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.words import interface

ResultT = TypeVar("ResultT")


def bindings(scope: Scope) -> list[BindingType]:
    """The bindings of one screen by the default table; a user's keys are laid over them by their ids."""
    return [
        Binding(
            ",".join(_names(key.keys)),
            key.action,
            key.help or key.id,
            show=False,
            id=key.id,
            priority=key.priority,
        )
        for key in Keymap().table
        if scope in key.scopes
    ]


def quits() -> list[BindingType]:
    """The binding of the key that quits, for a screen that lets no other one through."""
    return [each for each in bindings(Scope.APP) if isinstance(each, Binding) and each.id == "quit"]


def overlay(keymap: Keymap) -> dict[str, str]:
    """What `App.set_keymap` takes: the entries that differ from the default."""
    default = {key.id: key.keys for key in Keymap().table}
    return {key.id: ",".join(_names(key.keys)) for key in keymap.table if key.keys != default[key.id]}


def _names(keys: tuple[str, ...]) -> list[str]:
    return [name for key in keys if (name := textual_key(key)) is not None]


#: Narrower or lower than this no screen of ours can be read.
LEAST: Final = Size(60, 15)


def has_room(size: Size) -> bool:
    """Whether a terminal of that size is large enough; one that does not know its size yet is."""
    return not size or (size.width >= LEAST.width and size.height >= LEAST.height)


class PoolDrawn(Message):
    """The pool screen was drawn: the terminal's title, and the accounts on screen."""

    def __init__(self, title: str, visible: tuple[AccountKey, ...]) -> None:
        super().__init__()
        self.title = title
        self.visible = visible


class Chosen(Message):
    """The operator switched something."""

    def __init__(self, choice: Choice) -> None:
        super().__init__()
        self.choice = choice


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
    """A screen that is drawn from the state of the ui and told when that has changed."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    SCOPE: Scope

    def __init__(self, ui: UiState) -> None:
        super().__init__()
        self.ui = ui
        self.flashed: MessageText | None = None
        self._laid_out = Size(0, 0)

    @abstractmethod
    def redraw(self, *, full: bool = False) -> None:
        """Draw what has changed; `full` where the appearance, preferences or the size did."""

    @property
    def can_draw(self) -> bool:
        """Whether there are widgets, and cells for them."""
        return bool(self.children and self.size.width)

    @property
    def account(self) -> AccountKey | None:
        """The account that keys act on here."""
        return None

    @property
    def help_text(self) -> str:
        """The key of the help, and what it is called."""
        return f"{self.ui.options.keymap.get('help').keys[0]} {interface.text('help')}"

    def flash(self, text: str, tone: Tone = Tone.ACCENT) -> None:
        """Say something until the next key; it can be read again afterwards."""
        self.flash_message(MessageText(text, tone))

    def flash_message(self, message: MessageText) -> None:
        """The same of a sentence that has a short form."""
        self.ui.said.add(self.ui.feed.now(), message.text, message.tone)
        self.flashed = message
        self.redraw()

    def say_unknown(self, pressed: str) -> None:
        """A key that does nothing here."""
        keymap = self.ui.options.keymap
        brief = unknown_key(keymap, self.SCOPE, pressed, brief=True)
        tone = Tone.AMBER if keymap.is_off(self.SCOPE, pressed) else Tone.DIM
        self.flashed = MessageText(unknown_key(keymap, self.SCOPE, pressed), tone, short=brief)
        self.redraw()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a read-only run nothing that changes something is done, whatever asks for it."""
        return not self.ui.options.keymap.forbids(action)

    def clear_flash(self) -> None:
        """A key was pressed: what was said is read."""
        if self.flashed is not None:
            self.flashed = None
            self.redraw()

    def on_mount(self) -> None:
        """Draw everything for the first time."""
        self.restyle()

    def on_resize(self, event: events.Resize) -> None:
        """Everything is laid out for the new size; Textual tells one and the same several times."""
        if not drop_old_size(self, event):
            is_new, self._laid_out = event.size != self._laid_out, event.size
            self.redraw(full=is_new)

    def start_work(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something that takes time; what it raises ends the app with a report."""
        # a function and not its coroutine, which an app that leaves at once would never begin
        self.run_worker(work)

    def restyle(self) -> None:
        """Give all widgets the appearance of the moment and draw everything."""
        for lines in self.query(Lines):
            lines.set_appearance(self.ui.appearance)
        self._laid_out = self.size
        self.redraw(full=True)

    @property
    def names_top_up(self) -> bool:
        """Whether the footer names the key that tops up: credits can be bought, or some are low or out."""
        return self.ui.options.tops_up or self.ui.board.lacks_credits

    def show_keys(self, **instead: str) -> None:
        """The footer."""
        keys = self.ui.options.keymap.footer(self.SCOPE)
        if not self.names_top_up:
            instead["top_up"] = ""
        line = key_line(keys, instead, self.size.width, self.ui.appearance.glyphs)
        self.query_one("#keys", Lines).show((line,))

    def show_message(self, message: MessageText | None) -> None:
        """The line above the footer."""
        glyphs = self.ui.appearance.glyphs
        line = message_line(self.flashed or message, self.size.width, glyphs)
        self.query_one("#message", Lines).show((line,))

    def action_events(self) -> None:
        """What was said in this run."""
        if self.app.screen is self:
            from poolwatch.ui.screens.events import EventsScreen

            self.app.push_screen(EventsScreen(self.ui))

    def action_cost(self) -> None:
        """Tokens, and what they would cost."""
        if self.app.screen is self:
            from poolwatch.domain.use_report import UseWish
            from poolwatch.ui.screens.usage import UsageScreen  # not before the first paint

            self.app.push_screen(UsageScreen(self.ui, UseWish()))

    def action_budgets(self) -> None:
        """What may be spent, and how far that has gone."""
        if self.app.screen is self:
            from poolwatch.ui.screens.budgets import BudgetsScreen  # not before the first paint

            self.app.push_screen(BudgetsScreen(self.ui))

    def action_resets(self) -> None:
        """Banked resets, those of the selected account first."""
        if self.app.screen is self:
            from poolwatch.ui.screens.resets import ResetsScreen  # not before the first paint

            self.app.push_screen(ResetsScreen(self.ui, self.account))

    def open_history(
        self, key: AccountKey, order: Sequence[AccountKey], back: Callable[[AccountKey], object]
    ) -> None:
        """The past of an account; `back` is told which one was shown last."""
        if self.app.screen is not self:
            return
        from poolwatch.ui.screens.history import HistoryScreen

        def left(last: AccountKey | None) -> None:
            if last is not None:
                back(last)

        self.app.push_screen(HistoryScreen(self.ui, key, order), left)

    def action_credits(self) -> None:
        """What is left of credits and balances."""
        if self.app.screen is self:
            from poolwatch.ui.screens.credits import CreditsScreen  # not before the first paint

            self.app.push_screen(CreditsScreen(self.ui))

    def action_top_up(self) -> None:
        """The sheet in which credits are bought."""
        if self.app.screen is self:
            from poolwatch.ui.screens.top_up import open_sheet  # not before the first paint

            open_sheet(self)

    def action_back(self) -> None:
        """Leave the screen."""
        self.dismiss()

    def action_move(self, where: str) -> None:
        """Scroll the page's pane."""
        self.query_one(Pane).move(Direction(where))


class Panel(ModalScreen[bool], LeavesOnce[bool], inherit_bindings=False):
    """A few lines over the message line, and its own keys over the footer: no other one works meanwhile."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    Panel { background: transparent; layout: vertical; align: left bottom; }
    Panel Lines { dock: bottom; background: $panel; }
    """

    def __init__(self, ui: UiState, *told: str, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self._ui = ui
        self._told = told
        self._keys = tuple(keys)

    def compose(self) -> ComposeResult:
        """All of them."""
        yield Lines(id="told")

    def on_resize(self) -> None:
        """As wide as the screen."""
        lines, width, glyphs = self.query_one(Lines), self.size.width, self._ui.appearance.glyphs
        lines.set_appearance(self._ui.appearance)
        # not a letter of an address or a question is cut off
        told = [
            "".join(piece for piece, _ in line)
            for text in self._told
            for line in wrap(((text, Tone.STRONG),), max(1, width - 2))
        ]
        drawn = [message_line(MessageText(text, Tone.STRONG), width, glyphs) for text in told]
        lines.show((*drawn, typing_line(self._keys, width, glyphs)))
