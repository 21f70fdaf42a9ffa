"""Banked resets: every one of the pool, soonest end first; one of them can be used, by its account's name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Final

from msgspec import Struct
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import ModalScreen

from poolwatch.domain.account import AccountKey
from poolwatch.domain.banked_resets import Refusal, ResetPlan, ResetUse, UsedReset, Wish
from poolwatch.domain.message import Message
from poolwatch.domain.text import visible
from poolwatch.presentation.figures import instant
from poolwatch.presentation.masking import shown_name, shown_path
from poolwatch.presentation.resets import (
    ID_SHOWN,
    BankedRow,
    banked_rows,
    outcome_lines,
    outlook_lines,
    sheet_lines,
    use_line,
)
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, cut, fit, fit_line, spread, wrap
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.page import LeavesOnce, Page, bindings, quits
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.arrangement import Direction
from poolwatch.ui.widgets.bottom import MessageText, typing_line
from poolwatch.ui.widgets.history import is_wide
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.words import interface
from poolwatch.words import resets as words
from poolwatch.words.messages import message_text

_PAGE: Final = 5
#: Cells of the columns: the end, the time left, the account, and the figures.
_ENDS, _LEFT, _FIGURE = 16, 4, 6
_NAME_NARROW, _NAME_WIDE = 17, 28
#: Narrower than this the time left has no room.
_LEFT_FROM = 72
_LONGEST_WORD: Final = 256
#: What settles or repeats a request, as it is typed.
_AGAIN, _USED, _NOT_USED = "again", "used", "not-used"


class _Row(Struct, frozen=True):
    """A banked reset, or a request of which nobody knows what became."""

    reset: BankedRow | None = None
    open_use: ResetUse | None = None

    @property
    def id(self) -> object:
        """The same as long as it is there."""
        if self.open_use is not None:
            return self.open_use.id
        row = self.reset
        return None if row is None else (row.key, None if row.reset is None else row.reset.id or row.ends)


class ResetsScreen(Page[None]):
    """The list. Nothing is used here: that takes the sheet, and a word typed there."""

    SCOPE = Scope.RESETS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.RESETS)

    def __init__(self, ui: UiState, account: AccountKey | None = None) -> None:
        """The account to begin with; None: whose ends first."""
        super().__init__(ui)
        self._wanted = account
        self._selected: object = None
        self._rows: tuple[_Row, ...] = ()
        self._uses: tuple[ResetUse, ...] = ()
        #: what became of the last use here, until another row is selected
        self._told: tuple[str, ...] = ()
        self._told_good = False
        self._busy = False

    def compose(self) -> ComposeResult:
        """Title, the list, what is said, footer."""
        yield Lines(id="title")
        yield Pane(id="resets")
        yield Lines(id="message")
        yield Lines(id="keys")

    def on_mount(self) -> None:
        """Draw, and read what became of requests."""
        super().on_mount()
        self.start_work(self._read_uses)

    @property
    def account(self) -> AccountKey | None:
        """The account of the selected one."""
        row = self._row
        return None if row is None or row.reset is None else row.reset.key

    # --- drawing

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is known."""
        if not self.can_draw:
            return
        ui, prefs = self.ui, self.ui.board.prefs
        rows = banked_rows(ui.board.overview, ui.feed.now(), prefs)
        lost = [_Row(open_use=use) for use in self._uses if use.is_open]
        self._rows = (*lost, *(_Row(row) for row in rows))
        if self._selected is None and self._wanted is not None:
            first = next((each for each in self._rows if each.reset and each.reset.key == self._wanted), None)
            self._selected = None if first is None else first.id
        self._draw()

    def _draw(self) -> None:
        width, glyphs = max(1, self.size.width - 1), self.ui.appearance.glyphs
        rows = [row.reset for row in self._rows if row.reset is not None]
        counts = words.counts(
            sum(row.count for row in rows), len({row.key for row in rows}), sum(row.worth for row in rows)
        )
        help_text = f"{self.ui.options.keymap.get('help').keys[0]} {interface.text('help')}"
        left: list[Piece] = [(f" {words.TITLE()}", Ink.BRAND), (f"  {counts}", Tone.STRONG)]
        right: list[Piece] = [(f"   {help_text} ", Tone.DIM)]
        if is_wide(width):
            right.insert(0, (words.NEVER_BY_ITSELF(), Tone.DIM))
        self.query_one("#title", Lines).show((spread(left, right, self.size.width, glyphs.ellipsis),))
        self.query_one(Pane).show(self._lines(width, glyphs), from_top=True)
        self._draw_bottom()

    def _lines(self, width: int, glyphs: Glyphs) -> list[Line]:
        if not self._rows:
            told = (words.NO_RESETS(), words.WHAT_ONE_IS())
            return [(), *(fit_line(((f"   {text}", Tone.DIM),), width, glyphs.ellipsis) for text in told)]
        chosen = self._row
        lines: list[Line] = [(), self._head(width)]
        lines += [self._line(row, width, glyphs, selected=row is chosen) for row in self._rows]
        under = self._under(width)
        room = max(3, self.size.height - 3 - len(under))
        if len(lines) > room and chosen is not None:
            at = self._rows.index(chosen)
            first = max(0, min(at - (room - 3) // 2, len(self._rows) - (room - 2)))
            lines = [*lines[:2], *lines[2 + first : first + room]]
        return [*lines, *under]

    def _head(self, width: int) -> Line:
        titles = [title() for title in words.HEADER]
        names = (titles[0], titles[1], titles[2], titles[3], titles[4], titles[6])
        return fit_line([(text, Ink.HEADING) for text in self._cells(names, width)], width)

    def _line(self, row: _Row, width: int, glyphs: Glyphs, *, selected: bool) -> Line:
        lead: Piece = (f"{glyphs.pointer} " if selected else "  ", Ink.MARK)
        if row.open_use is not None:
            use = row.open_use
            text = use_line(use, self._name_of(use), self.ui.feed.now(), self.ui.board.prefs)
            return fit_line((lead, (text, Tone.RED)), width, glyphs.ellipsis)
        reset = row.reset
        if reset is None:
            return ()
        texts = (reset.ends, reset.left, reset.name, reset.five_hours, reset.weekly, reset.if_used)
        tone = Tone.STRONG if selected else reset.tone
        cells = self._cells(texts, width)
        return fit_line((lead, *((text, tone) for text in cells[1:])), width, glyphs.ellipsis)

    def _cells(self, texts: Sequence[str], width: int) -> list[str]:
        """A lead, then the columns that have room, each with the blank behind it."""
        ends, left, name, five, weekly, if_used = texts
        wide = is_wide(width)
        cells = ["  ", fit(ends, _ENDS), "  "]
        cells += [fit(left, _LEFT), "  "] if width >= _LEFT_FROM else []
        cells.append(fit(name, _NAME_WIDE if wide else _NAME_NARROW))
        if wide:
            cells += ["  ", fit(five, _FIGURE)]
        return [*cells, "  ", fit(weekly, _FIGURE), "  ", if_used]

    def _under(self, width: int) -> list[Line]:
        """What became of the last use; else how the selected account goes on, as it is and if used."""
        tone = Tone.GOOD if self._told_good else Tone.AMBER
        texts = [(text, tone) for text in self._told]
        row = self._row
        if not texts and row is not None and row.reset is not None:
            account = self.ui.board.state.accounts.get(row.reset.key)
            if account is not None:
                ui = self.ui
                told = outlook_lines(account, ui.feed.now(), ui.board.prefs)
                texts = [(row.reset.name, Tone.STRONG), *((text, Tone.PLAIN) for text in told)]
        if not texts:
            return []
        return [
            (),
            *((("   ", Tone.PLAIN), *line) for piece in texts for line in wrap((piece,), max(1, width - 4))),
        ]

    def _draw_bottom(self) -> None:
        row = self._row
        message = MessageText(words.READING()) if self._busy else None
        if message is None and row is not None and row.reset is not None and row.reset.worth:
            message = MessageText(words.is_worth(row.reset.name, row.reset.left), Tone.ACCENT)
        self.show_message(message)
        self.show_keys(**({} if row is not None else {"use_reset": "", "read_resets": ""}))

    @property
    def _row(self) -> _Row | None:
        """The selected row; the first where that is gone."""
        found = (row for row in self._rows if row.id == self._selected)
        return next(found, None) or (self._rows[0] if self._rows else None)

    def _name_of(self, use: ResetUse) -> str:
        accounts = self.ui.board.state.accounts
        found = (account for key, account in accounts.items() if key.id == use.account)
        account = next(found, None)
        return use.account[:ID_SHOWN] if account is None else shown_name(account, mask=self.ui.choice.mask)

    # --- keys

    def action_move(self, where: str) -> None:
        """The selection."""
        row = self._row
        if row is None:
            return
        at = Direction(where).among(len(self._rows), self._rows.index(row), _PAGE)
        self._selected = self._rows[at].id
        self._told = ()
        self._draw()

    def action_resets(self) -> None:
        """The key that opened it closes it."""
        self.action_back()

    def action_read_resets(self) -> None:
        """Fresh figures of the selected account."""
        row = self._row
        if row is not None and row.reset is not None and not self._busy:
            self.start_work(partial(self._read, row.reset))

    def action_use_reset(self) -> None:
        """The sheet of the selected one, with fresh figures; of an open request, that which settles it."""
        row = self._row
        if row is None or self._busy or self.app.screen is not self:
            return
        if row.open_use is not None:
            self._ask_about(row.open_use)
        elif row.reset is not None:
            self.start_work(partial(self._open_sheet, row.reset))

    # --- work

    async def _read_uses(self) -> None:
        self._uses = await self.ui.feed.reset_uses()
        self.redraw()

    async def _planned(self, row: BankedRow) -> tuple[ResetPlan, Wish] | None:
        """What would be used now; why that cannot be told is said."""
        self._busy = True
        self.redraw()
        try:
            wish = Wish(None if row.reset is None else row.reset.id)
            plan = await self.ui.feed.plan_reset(row.key, wish)
        finally:
            self._busy = False
        if isinstance(plan, Message):
            self.flash(f"{row.name}: {message_text(plan)}", Tone.AMBER)
            return None
        return plan, wish

    async def _read(self, row: BankedRow) -> None:
        if await self._planned(row) is not None:
            self.flash(words.now_read(row.name))

    async def _open_sheet(self, row: BankedRow) -> None:
        planned = await self._planned(row)
        if planned is None:
            return
        plan, wish = planned
        if isinstance(plan.found, Refusal):
            what = words.outcome_word(plan.found.outcome)
            self.flash(f"{row.name}: {words.because(what, message_text(plan.found.why))}", Tone.AMBER)
            return
        if self.app.screen is not self:
            return
        ui = self.ui
        place = shown_path(plan.way.place, mask=ui.choice.mask) if plan.way.place else ""
        way = words.route_words(plan.way.route, plan.way.entry.ref.source, place)
        told = sheet_lines(row.name, way, plan.look, plan.found, ui.feed.now(), ui.board.prefs)
        sheet = WordSheet(
            ui, words.USE_THIS(), (*told, words.CANNOT_BE_UNDONE()), words.type_it(row.name), (row.name,)
        )
        self.app.push_screen(sheet, partial(self._answered, row, plan, wish))

    def _answered(self, row: BankedRow, plan: ResetPlan, wish: Wish, word: str | None) -> None:
        if word is None:
            self.flash(words.NOTHING_USED())
        else:
            self.start_work(partial(self._use, row, plan, wish))

    async def _use(self, row: BankedRow, plan: ResetPlan, wish: Wish) -> None:
        self._busy = True
        self.redraw()
        try:
            self._tell(row.name, await self.ui.feed.use_reset(plan, wish))
        finally:
            self._busy = False
        await self._read_uses()

    def _tell(self, name: str, used: UsedReset) -> None:
        self._told = tuple(outcome_lines(name, used.use, used.after, used.evidence))
        self._told_good = used.use.outcome.is_good
        self.ui.said.add(self.ui.feed.now(), self._told[0], Tone.GOOD if self._told_good else Tone.AMBER)

    def _ask_about(self, use: ResetUse) -> None:
        name = self._name_of(use)
        at = instant(use.at, self.ui.feed.now(), self.ui.board.prefs.zone)
        told = (words.lost(use.id[:ID_SHOWN], name, at), words.AGAIN_OR_SETTLE())
        sheet = WordSheet(self.ui, words.WHAT_BECAME(), told, words.TYPE_ONE_OF(), (_AGAIN, _USED, _NOT_USED))
        self.app.push_screen(sheet, partial(self._settled, use, name))

    def _settled(self, use: ResetUse, name: str, word: str | None) -> None:
        if word is not None:
            self.start_work(partial(self._settle, use, name, word))

    async def _settle(self, use: ResetUse, name: str, word: str) -> None:
        self._busy = True
        self.redraw()
        try:
            if word == _AGAIN:
                self._tell(name, await self.ui.feed.ask_reset(use))
            else:
                found = await self.ui.feed.settle_reset(use, used=word == _USED)
                if isinstance(found, Message):
                    self.flash(message_text(found), Tone.RED)
                elif found is not None and found.reason is not None:
                    self.flash(words.settled(use.id[:ID_SHOWN], message_text(found.reason)))
        finally:
            self._busy = False
        await self._read_uses()


class WordSheet(ModalScreen[str], LeavesOnce[str], inherit_bindings=False):
    """What is about to be done, and the word that has it done; any other word does nothing."""

    ALLOW_SELECT = False
    AUTO_FOCUS = ""
    BINDINGS: ClassVar[list[BindingType]] = quits()
    DEFAULT_CSS = """
    WordSheet { background: transparent; layout: vertical; align: left bottom; }
    WordSheet Lines { dock: bottom; background: $panel; }
    """

    def __init__(
        self, ui: UiState, title: str, told: Sequence[str], prompt: str, accepted: Sequence[str]
    ) -> None:
        super().__init__()
        self._ui = ui
        self._title = title
        self._told_lines = tuple(told)
        self._prompt = prompt
        self._accepted = frozenset(accepted)
        self._typed = ""
        self._is_wrong = False

    def compose(self) -> ComposeResult:
        """All of it stands in a few lines."""
        yield Lines(id="sheet")

    def on_resize(self) -> None:
        """As wide as the screen."""
        self.query_one(Lines).set_appearance(self._ui.appearance)
        self._draw()

    def _draw(self) -> None:
        width, glyphs = self.size.width, self._ui.appearance.glyphs
        lines: list[Line] = [fit_line(((f" {self._title}", Tone.STRONG),), width, glyphs.ellipsis)]
        for text in self._told_lines:
            lines += [((" ", Tone.PLAIN), *line) for line in wrap(((text, Tone.PLAIN),), max(1, width - 2))]
        room = max(4, width - len(self._prompt) - 4)
        typed = cut(self._typed[::-1], room, glyphs.ellipsis)[::-1]
        lines.append(
            fit_line(((f" {self._prompt}", Tone.STRONG), (f"{typed}_", Tone.PLAIN)), width, glyphs.ellipsis)
        )
        if self._is_wrong:
            lines.append(fit_line(((f" {words.OTHER_WORD()}", Tone.AMBER),), width, glyphs.ellipsis))
        keys = (("enter", words.DO_IT()), ("esc", words.NOTHING_IS_DONE()))
        lines.append(typing_line(keys, width, glyphs))
        self.query_one(Lines).show(lines)

    def on_key(self, event: events.Key) -> None:
        """Letters are the word; Enter does it where that is right."""
        event.stop()
        match event.key:
            case "escape":
                self.dismiss(None)
                return
            case "enter":
                if self._typed.strip() in self._accepted:
                    self.dismiss(self._typed.strip())
                    return
                self._is_wrong = True
            case "backspace":
                self._typed = self._typed[:-1]
                self._is_wrong = False
            case _ if event.character is not None and event.character.isprintable():
                self._type(event.character)
        self._draw()

    def on_paste(self, event: events.Paste) -> None:
        """The first line of a paste, made harmless."""
        event.stop()
        self._type(next(iter(event.text.splitlines()), ""))
        self._draw()

    def _type(self, text: str) -> None:
        self._typed = visible(self._typed + text, _LONGEST_WORD + 1)[:_LONGEST_WORD]
        self._is_wrong = False
