"""Banked resets: every one of the pool, soonest end first; one of them can be used, by its account's name."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import ClassVar, Final

from msgspec import Struct
from textual.app import ComposeResult
from textual.binding import BindingType

from poolwatch.domain.account import AccountKey
from poolwatch.domain.banked_resets import Refusal, ResetPlan, ResetUse, UsedReset, Wish
from poolwatch.domain.message import Message
from poolwatch.domain.reset_past import ResetPast
from poolwatch.presentation import figures
from poolwatch.presentation.figures import instant
from poolwatch.presentation.masking import shown_name, shown_path
from poolwatch.presentation.reset_list import BankedRow, ToldLine, banked_rows, outlook_lines, past_lines
from poolwatch.presentation.resets import ID_SHOWN, outcome_lines, sheet_lines, use_line
from poolwatch.presentation.view import Prefs, Tone
from poolwatch.ui.cells import fit_line
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.page import Page, bindings
from poolwatch.ui.screens.sheet import WordSheet
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.arrangement import Direction
from poolwatch.ui.widgets.bottom import MessageText, key_label
from poolwatch.ui.widgets.history import is_wide
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.ui.widgets.reset_lines import reset_lines, resets_title
from poolwatch.words import reset_list as words
from poolwatch.words import resets as sheet_words
from poolwatch.words.messages import message_text

_PAGE: Final = 5
#: So many that were used before are told; on a high screen, one of so many lines, more of them.
_PAST, _PAST_HIGH, _HIGH = 2, 5, 34
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
        #: whose row is selected, should that itself be gone
        self._wanted = account
        self._selected: object = None
        self._every: tuple[_Row, ...] = ()
        #: whose rows alone are shown; None: those of the pool
        self._only: AccountKey | None = None
        #: what accounts used before, and of whom that was asked for
        self._pasts: dict[AccountKey, ResetPast] = {}
        self._asked: set[AccountKey] = set()
        self._uses: tuple[ResetUse, ...] = ()
        #: what became of the last use here, until another row is selected
        self._told: tuple[str, ...] = ()
        self._told_of = ""
        self._told_tone = Tone.PLAIN
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
        return None if row is None else self._key_of(row)

    # --- drawing

    def redraw(self, *, full: bool = False) -> None:
        """Draw what is known."""
        if not self.can_draw:
            return
        rows = banked_rows(self.ui.board.overview, self._prefs)
        lost = [_Row(open_use=use) for use in self._uses if use.is_open]
        self._every = (*lost, *(_Row(row) for row in rows))
        if not self._rows:
            # that the account has none is not that the pool has none
            self._only = None
        self._draw()

    def _draw(self) -> None:
        width, glyphs = max(1, self.size.width - 1), self.ui.appearance.glyphs
        row = self._row
        self._look_back()
        self.query_one("#title", Lines).show(
            (resets_title(*self._counted(), self.help_text, self.size.width, glyphs),)
        )
        if row is None:
            # what became of the last one, too
            told = [(text, self._told_tone) for text in self._told]
            told += [(words.NO_RESETS(), Tone.DIM), (words.WHAT_ONE_IS(), Tone.DIM)]
            lines = [(), *(fit_line(((f"   {text}", tone),), width, glyphs.ellipsis) for text, tone in told)]
        else:
            rows = self._rows
            drawn = [each.reset or self._use_line(each) for each in rows]
            name, under = self._under(row)
            height = max(1, self.size.height - 3)
            lines = reset_lines(drawn, rows.index(row), name, under, width, height, glyphs)
        self.query_one(Pane).show(lines, from_top=True)
        self._draw_bottom()

    @property
    def _prefs(self) -> Prefs:
        return self.ui.board.timed_prefs

    @property
    def _server_now(self) -> datetime:
        return self.ui.feed.now() + self.ui.board.state.clock_offset

    def _counted(self) -> tuple[str, str, str]:
        """How many there are, when the first ends, and when the list of the selected account was read."""
        rows = [row.reset for row in self._rows if row.reset is not None]
        count, worth = sum(row.count for row in rows), sum(row.worth for row in rows)
        counts = words.counts(count, len({row.key for row in rows}), worth)
        if self._only is not None:
            counts = words.counts_of(self._account_name(self._only), count, worth)
        first = next((row.left for row in rows if row.left), "")
        read = ""
        key = self.account
        account = None if key is None else self.ui.board.state.accounts.get(key)
        if account is not None and account.usage.reset_list is not None:
            at = figures.clock(account.usage.reset_list.at, self.ui.feed.now(), self._prefs.zone)
            read = words.list_read(at)
        return counts, words.first_ends(first) if first else "", read

    def _under(self, row: _Row) -> tuple[str, list[ToldLine]]:
        """What became of the last use; else how the account goes on, and what it used before."""
        key = self._key_of(row)
        name = "" if key is None else self._account_name(key)
        if self._told:
            return self._told_of, [ToldLine("", text, self._told_tone) for text in self._told]
        judged = None if key is None else self.ui.board.judged(key)
        if judged is None or row.reset is None:
            return name, []
        now, prefs, most = self._server_now, self._prefs, _PAST_HIGH if self.size.height >= _HIGH else _PAST
        told = outlook_lines(judged, now, prefs)
        past = self._pasts.get(judged.account.key)
        if past is not None:
            read = key_label(self.ui.options.keymap.get("read_resets").keys[0], self.ui.appearance.glyphs)
            told += past_lines(judged, past, most, now, prefs, read)
        return name, told

    def _use_line(self, row: _Row) -> str:
        use = row.open_use
        return "" if use is None else use_line(use, self._name_of(use), self.ui.feed.now(), self._prefs)

    def _draw_bottom(self) -> None:
        row = self._row
        message = MessageText(words.READING()) if self._busy else None
        reset = None if row is None else row.reset
        if message is None and reset is not None and reset.nth == 0 and reset.left:
            of_it = [each for each in self._every if each.reset is not None and each.reset.key == reset.key]
            what = words.first_of(max(reset.count, len(of_it)), reset.left)
            if reset.worth:
                short = f"{reset.name}: {what}"
                message = MessageText(words.worth_now(reset.name, what), Tone.ACCENT, short=short)
            else:
                message = MessageText(f"{reset.name}: {what}", Tone.DIM)
        self.show_message(message)
        instead = {"cost": "", "read_resets": words.READ_LIST()}
        whose = (words.POOL(), words.THIS_ACCOUNT())
        instead["whose_resets"] = whose[self._only is None]
        if is_wide(self.size.width):
            instead["whose_resets"] = " · ".join(reversed(whose))
        if row is None:
            instead |= dict.fromkeys(("use_reset", "read_resets", "whose_resets", "history"), "")
        self.show_keys(**instead)

    @property
    def _rows(self) -> tuple[_Row, ...]:
        """Those of the pool, or of one account."""
        if self._only is None:
            return self._every
        return tuple(row for row in self._every if self._key_of(row) == self._only)

    @property
    def _row(self) -> _Row | None:
        """The selected row; where that is gone the account's first, else the first of all."""
        rows, wanted = self._rows, self._wanted
        found = next((row for row in rows if row.id == self._selected), None)
        of_account = (row for row in rows if row.reset is not None and row.reset.key == wanted)
        return found or next(of_account, None) or (rows[0] if rows else None)

    def _key_of(self, row: _Row) -> AccountKey | None:
        """Whose it is; None where that account is gone."""
        if row.open_use is not None:
            whose = row.open_use.account
            return next((key for key in self.ui.board.state.accounts if key.id == whose), None)
        return None if row.reset is None else row.reset.key

    def _account_name(self, key: AccountKey) -> str:
        account = self.ui.board.state.accounts.get(key)
        return key.id[:ID_SHOWN] if account is None else shown_name(account, mask=self.ui.choice.mask)

    def _name_of(self, use: ResetUse) -> str:
        key = self._key_of(_Row(open_use=use))
        return use.account[:ID_SHOWN] if key is None else self._account_name(key)

    # --- keys

    def action_move(self, where: str) -> None:
        """The selection."""
        row = self._row
        if row is None:
            return
        rows = self._rows
        self._choose(rows[Direction(where).among(len(rows), rows.index(row), _PAGE)])
        self._told = ()
        self._draw()

    def action_whose(self) -> None:
        """Those of the selected account alone, or of the pool again."""
        if (row := self._row) is not None:
            self._choose(row)
        self._only = self.account if self._only is None else None
        self._draw()

    def _choose(self, row: _Row) -> None:
        self._selected, self._wanted = row.id, self._key_of(row)

    def action_history(self) -> None:
        """The past of the account."""
        if self.account is not None:
            order = dict.fromkeys(key for row in self._every if (key := self._key_of(row)) is not None)
            self.open_history(self.account, tuple(order), self._select)

    def _select(self, key: AccountKey) -> None:
        self._only = None if self._only is None else key
        self._selected, self._wanted = None, key
        self.redraw()

    def action_resets(self) -> None:
        """The key that opened it closes it."""
        self.action_back()

    def action_read_resets(self) -> None:
        """Fresh figures of the selected account; of an open request, what they say of it."""
        row = self._row
        if row is None or self._busy:
            return
        if row.open_use is not None:
            self.start_work(partial(self._look_at, row.open_use))
        elif row.reset is not None:
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

    def _look_back(self) -> None:
        """Have read what the selected account used before; nobody is asked for it."""
        key = self.account
        if key is not None and key not in self._asked:
            self._asked.add(key)
            self.start_work(partial(self._read_past, key))

    async def _read_past(self, key: AccountKey, *, asks: bool = False) -> None:
        before = self._pasts.get(key)
        found = await (await self.ui.feed.resets()).past(key, asks=asks)
        # what the service was asked for meanwhile says more
        if asks or self._pasts.get(key) is before:
            self._pasts[key] = found
            self.redraw()

    async def _read_uses(self) -> None:
        self._uses = await (await self.ui.feed.resets()).uses()
        self._asked.clear()
        self.redraw()

    async def _planned(self, row: BankedRow) -> tuple[ResetPlan, Wish] | None:
        """What would be used now; why that cannot be told is said."""
        self._busy = True
        self.redraw()
        try:
            wish = Wish(None if row.reset is None else row.reset.id)
            plan = await (await self.ui.feed.resets()).plan(row.key, wish)
        finally:
            self._busy = False
        if isinstance(plan, Message):
            self.flash(f"{row.name}: {message_text(plan)}", Tone.AMBER)
            return None
        return plan, wish

    async def _read(self, row: BankedRow) -> None:
        self._told = ()
        if await self._planned(row) is not None:
            await self._read_past(row.key, asks=True)
            self.flash(words.now_read(row.name))

    async def _look_at(self, use: ResetUse) -> None:
        self._busy = True
        self.redraw()
        try:
            found = await (await self.ui.feed.resets()).evidence_of(use)
        finally:
            self._busy = False
        if found:
            self._tell(self._name_of(use), UsedReset(use, None, found))
            self.redraw()
        else:
            self.flash(words.NOTHING_SEEN(), Tone.AMBER)

    async def _open_sheet(self, row: BankedRow) -> None:
        planned = await self._planned(row)
        if planned is None:
            return
        plan, wish = planned
        if isinstance(plan.found, Refusal):
            what = sheet_words.outcome_word(plan.found.outcome)
            self.flash(f"{row.name}: {sheet_words.because(what, message_text(plan.found.why))}", Tone.AMBER)
            return
        if self.app.screen is not self:
            return
        ui = self.ui
        place = shown_path(plan.way.place, mask=ui.choice.mask) if plan.way.place else ""
        way = sheet_words.route_words(plan.way.route, plan.way.entry.ref.source, place)
        told = sheet_lines(row.name, way, plan.look, plan.found, ui.feed.now(), ui.board.prefs)
        sheet = WordSheet(
            ui,
            sheet_words.USE_THIS(),
            (*told, sheet_words.CANNOT_BE_UNDONE()),
            sheet_words.type_it(row.name),
            (row.name,),
        )
        self.app.push_screen(sheet, partial(self._answered, row, plan, wish))

    def _answered(self, row: BankedRow, plan: ResetPlan, wish: Wish, word: str | None) -> None:
        if word is None:
            self.flash(sheet_words.NOTHING_USED())
        else:
            self.start_work(partial(self._use, row, plan, wish))

    async def _use(self, row: BankedRow, plan: ResetPlan, wish: Wish) -> None:
        self._busy = True
        self.redraw()
        try:
            self._tell(row.name, await (await self.ui.feed.resets()).use(plan, wish))
        finally:
            self._busy = False
        await self._read_uses()

    def _tell(self, name: str, used: UsedReset) -> None:
        self._told_of = name
        self._told = tuple(
            outcome_lines(name, used.use, used.after, used.evidence, self.ui.feed.now(), self._prefs)
        )
        self._told_tone = Tone.GOOD if used.use.outcome.is_good else Tone.AMBER
        self.ui.said.add(self.ui.feed.now(), self._told[0], self._told_tone)

    def _ask_about(self, use: ResetUse) -> None:
        name = self._name_of(use)
        at = instant(use.at, self.ui.feed.now(), self.ui.board.prefs.zone)
        told = (sheet_words.lost(use.id[:ID_SHOWN], name, at), sheet_words.AGAIN_OR_SETTLE())
        sheet = WordSheet(
            self.ui, sheet_words.WHAT_BECAME(), told, sheet_words.TYPE_ONE_OF(), (_AGAIN, _USED, _NOT_USED)
        )
        self.app.push_screen(sheet, partial(self._settled, use, name))

    def _settled(self, use: ResetUse, name: str, word: str | None) -> None:
        if word is not None:
            self.start_work(partial(self._settle, use, name, word))

    async def _settle(self, use: ResetUse, name: str, word: str) -> None:
        self._busy = True
        self.redraw()
        try:
            if word == _AGAIN:
                self._tell(name, await (await self.ui.feed.resets()).ask_again(use))
            else:
                found = await (await self.ui.feed.resets()).settle(use, used=word == _USED)
                if isinstance(found, Message):
                    self.flash(message_text(found), Tone.RED)
                elif found is not None and found.reason is not None:
                    self.flash(sheet_words.settled(use.id[:ID_SHOWN], message_text(found.reason)))
        finally:
            self._busy = False
        await self._read_uses()
