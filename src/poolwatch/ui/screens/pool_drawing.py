"""How the pool is drawn: strip, wall, message and keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult
from textual.timer import Timer

from poolwatch.domain.account import AccountKey
from poolwatch.domain.values import replace
from poolwatch.presentation.order import with_moves
from poolwatch.presentation.view import CardView, Flag, MarkView, SectionView, Shown, Span, Tone, Turn
from poolwatch.ui.cells import Ink, Line, fit_line, fit_right
from poolwatch.ui.screens.page import PoolDrawn
from poolwatch.ui.screens.refreshing import RefreshingPage
from poolwatch.ui.state import Choice, UiState, WallView
from poolwatch.ui.widgets import hive, table
from poolwatch.ui.widgets.arrangement import (
    CARDS_MOST,
    TABLE_MOST,
    Arrangement,
    arrange,
    opening_view,
    side_width,
)
from poolwatch.ui.widgets.bottom import MessageText, message_line, simulated_line, typing_line
from poolwatch.ui.widgets.cards import HEIGHT_LEAST, tells_progress, wanted_height
from poolwatch.ui.widgets.columns import Content
from poolwatch.ui.widgets.lines import THUMB, Lines
from poolwatch.ui.widgets.strip import Density, Mode, density_of, strip_lines
from poolwatch.ui.widgets.wall import AccountWall
from poolwatch.words import interface
from poolwatch.words import screen as words

if TYPE_CHECKING:
    from poolwatch.ui.widgets.filter_line import CompletedLine

#: Above this many accounts the figures of the whole pool are made anew at most this often.
_MANY: Final = 200
_STRIP_EVERY: Final = timedelta(seconds=1)
#: Seconds by which a look at what may be drawn from now on is late, so that it is not too early.
_A_MOMENT: Final = 0.05


class PoolDrawing(RefreshingPage[None]):
    """The parts of the pool screen, each drawn from the state of the ui when that has changed."""

    def __init__(self, ui: UiState) -> None:
        super().__init__(ui)
        self.filter_text = ""
        self.only_needs_you = False
        self._view = WallView.TABLE
        self._arranged: Arrangement | None = None
        #: in the order that was made last, under the headings of then and of now
        self._ordered: tuple[SectionView, ...] = ()
        self._sections: tuple[SectionView, ...] = ()
        self._moved: frozenset[AccountKey] = frozenset()
        self.marked: frozenset[AccountKey] = frozenset()
        self._later: Timer | None = None
        #: made when a filter is first typed
        self._filter_line: CompletedLine | None = None
        self._strip_at: datetime | None = None
        #: as last drawn: a key that moves the selection must not wait for the figures of the whole pool
        self._title = ""
        #: the details beside the table say what to do
        self._side_advises = False
        #: the words of the column AT RESET are explained below the table
        self._explains = False

    @property
    def wall(self) -> AccountWall:
        """The wall of accounts."""
        return self.query_one(AccountWall)

    @property
    def account(self) -> AccountKey | None:
        """The selected account."""
        return self.wall.selected

    @property
    def filtered(self) -> tuple[AccountKey, ...] | None:
        """Those that the filter lets through; None where there is none."""
        return self.wall.order if self._words else None

    @property
    def view(self) -> WallView:
        """How the wall is drawn now: never AUTO."""
        return self._view

    def compose(self) -> ComposeResult:
        """Top to bottom, as drawn."""
        yield Lines(id="strip")
        yield AccountWall(self._card, self._mark, id="wall")
        yield Lines(id="foot")
        yield Lines(id="message")
        yield Lines(id="keys")

    def _flag(self, key: AccountKey) -> Flag | None:
        if key in self.marked:
            return Flag.MARKED
        return Flag.MOVES if key in self._moved else None

    def _card(self, key: AccountKey) -> CardView | None:
        card, flag = self.ui.board.card(key), self._flag(key)
        if card is not None and self.ui.waits(key):
            foot = Span(table.turn_words(Turn.WAITS), table.TURN_TONES[Turn.WAITS])
            return replace(card, flag=flag, turn=Turn.WAITS, foot=foot, progress="", progress_short="")
        return replace(card, flag=flag) if card is not None and flag is not None else card

    def _mark(self, key: AccountKey) -> MarkView | None:
        mark, flag = self.ui.board.mark(key), self._flag(key)
        return replace(mark, flag=flag) if mark is not None and flag is not None else mark

    def restyle(self) -> None:
        """Also the wall."""
        self.wall.set_appearance(self.ui.appearance)
        super().restyle()

    def redraw(self, *, full: bool = False) -> None:
        """Draw what has changed; the order follows where it may."""
        if not self.can_draw:
            return
        board = self.ui.board
        now = self.ui.feed.now()
        if full:
            self._rearrange()
        elif board.may_reorder(now):
            self._rearrange(self._heights)
        else:
            waits = board.order_waits(now)
            if waits is not None:
                self._redraw_in(waits.total_seconds() + _A_MOMENT)
            is_soon = (
                len(board.state.accounts) > _MANY
                and self._strip_at is not None
                and now - self._strip_at < _STRIP_EVERY
            )
            if not is_soon:
                # before the cards: one of them says that it is the next to use
                self._tell_moves()
            self.wall.review()
            if is_soon:
                self._redraw_in(_STRIP_EVERY.total_seconds())
                self._draw_selected()
                return
        self._draw_around()

    def clear_flash(self) -> None:
        """Also what was explained: with a key, the screen is no longer new to whoever sits there."""
        super().clear_flash()
        if self._explains and not self.ui.is_new:
            self._draw_foot()

    def rearrange(self) -> None:
        """Make the order anew and draw everything."""
        if self.can_draw:
            self._rearrange()
            self._draw_around()

    @property
    def _heights(self) -> Sequence[int]:
        """Those of the rows that stand: while the operator looks, a row of cards only grows."""
        return self._arranged.heights if self._arranged is not None else ()

    def _redraw_in(self, seconds: float) -> None:
        """Draw again when what has to wait now may be drawn."""
        if self._later is None:
            self._later = self.set_timer(seconds, self._redraw_again)

    def _redraw_again(self) -> None:
        self._later = None
        self.redraw()

    def _tell_moves(self) -> None:
        """Who is in another section by now keeps the place for a moment: the row and its heading say so."""
        self._moved = self.ui.board.moved
        sections = with_moves(self._ordered, self._moved)
        if self._arranged is not None and sections != self._sections:
            self._arrange(sections, self._heights)

    def _arrange(self, sections: tuple[SectionView, ...], least_heights: Sequence[int]) -> None:
        side = side_width(self.size.width, self._view)
        width = max(1, self.size.width - side - THUMB)
        board, glyphs = self.ui.board, self.ui.appearance.glyphs
        self._sections = sections
        self._arranged = arrange(
            self._view, sections, board.card, width, glyphs, least_heights, self._unfiltered()
        )
        self._draw_strip()
        self.wall.show(self._arranged, self._empty(), beside_width=side)

    def _unfiltered(self) -> Content | None:
        """What a table has to hold without the filter: its columns stay where they are while one is typed."""
        if not self._words or self._view is not WallView.TABLE:
            return None
        board = self.ui.board
        if len(board.state.accounts) <= TABLE_MOST:
            return Content.of(card for key in board.state.accounts if (card := board.card(key)) is not None)
        # to make the cards of all would hold the first key up
        return self._arranged.content if self._arranged is not None else None

    def _rearrange(self, least_heights: Sequence[int] = ()) -> None:
        ui = self.ui
        now = ui.feed.now()
        choice = ui.choice
        sections: tuple[SectionView, ...] = ()
        if choice.view is not WallView.AUTO:
            self._view = choice.view
        if choice.view is WallView.AUTO:
            self._view = self._opening_view()
            if self._view is WallView.HIVE and self._words:
                sections = ui.board.sections(choice.sort, self._words, now, reverse=choice.reverse)
                if sum(len(section.keys) for section in sections) <= TABLE_MOST:
                    # who looks for a few among many wants to read them
                    self._view = WallView.TABLE
        if self._view is WallView.HIVE:
            sections = ui.board.groups(choice.grouping, choice.sort, self._words, now, reverse=choice.reverse)
        elif not sections:
            sections = ui.board.sections(choice.sort, self._words, now, reverse=choice.reverse)
        self._ordered, self._moved = sections, frozenset()
        self.marked &= ui.board.state.accounts.keys()
        self._arrange(sections, least_heights)

    def _opening_view(self) -> WallView:
        """By the whole pool: a filter leaves the view alone while it is typed."""
        board = self.ui.board
        keys = board.state.accounts
        # beyond that many, their heights do not matter
        cards = [board.card(key) for key in keys] if len(keys) <= CARDS_MOST else []
        heights = [wanted_height(card) for card in cards if card is not None] or [HEIGHT_LEAST] * len(keys)
        height = self.size.height - len(self._strip(self._view)) - self._bottom_lines()
        return opening_view(len(keys), heights, self.size.width - THUMB, height)

    def _bottom_lines(self) -> int:
        return {Density.WIDE: 3, Density.MEDIUM: 2, Density.SMALL: 1}[self._density]

    @property
    def _density(self) -> Density:
        return density_of(self.size.width, self.size.height)

    @property
    def _words(self) -> str:
        """The filter, and what `!` adds to it, whatever stands in it."""
        if not self.only_needs_you:
            return self.filter_text
        # not before the first paint
        from poolwatch.domain.query.language import written
        from poolwatch.domain.query.tree import NeedsYou, both
        from poolwatch.presentation.filter import typed

        return written(both((NeedsYou(), typed(self.filter_text, self.ui.board.prefs.filters).query)))

    def _strip(self, view: WallView) -> tuple[Line, ...]:
        choice, options = self.ui.choice, self.ui.options
        drawn = interface.text(f"view.{view.value}")
        if view is WallView.HIVE:
            drawn = interface.text("hive_by", group=interface.text(f"group.{choice.grouping.value}"))
        told = f"{self.order_told(choice)} · {drawn}"
        switches = [self.ui.watching] if self.ui.watching else []
        if options.read_only:
            switches.insert(0, interface.text("read_only"))
        if self.ui.paused:
            switches.append(interface.text("paused"))
        if self.marked:
            switches.append(interface.text("marked", count=len(self.marked)))
        if choice.mask:
            switches.append(interface.text("masked"))
        if self.only_needs_you:
            switches.append(interface.text("only_needs_you"))
        if self.filter_text:
            switches.append(interface.text("filter_is", text=self.filter_text))
        help_key = options.keymap.get("help").keys[0]
        mode = Mode(
            told,
            tuple(switches),
            help_key,
            hive=view is WallView.HIVE,
            cards=view is WallView.CARDS,
        )
        return strip_lines(
            self.ui.board.strip, mode, self._density, self.size.width, self.ui.appearance.glyphs
        )

    def order_told(self, choice: Choice) -> str:
        """What the wall is sorted by, in words."""
        order = interface.text(f"sort.{choice.sort.value}")
        return interface.text("sort_reversed" if choice.reverse else "sort", name=order)

    def _draw_strip(self) -> None:
        lines = list(self._strip(self._view))
        if self._arranged is not None and self._arranged.columns is not None:
            choice, glyphs = self.ui.choice, self.ui.appearance.glyphs
            arrow = glyphs.falling if choice.sort.rises is choice.reverse else glyphs.rising
            lines.append(table.header(self._arranged.columns, choice.shown, choice.sort, arrow))
        self.query_one("#strip", Lines).show(lines)

    def _draw_around(self) -> None:
        self._strip_at = self.ui.feed.now()
        self._draw_strip()
        self._title = self.ui.board.strip.title
        self._draw_selected()
        self._tell_app()

    def _draw_selected(self) -> None:
        self._draw_side()
        self._draw_foot()
        self._draw_bottom()

    def _tell_app(self) -> None:
        self.post_message(PoolDrawn(self._title, self.wall.visible_keys))

    def _draw_side(self) -> None:
        side = side_width(self.size.width, self._view)
        key = self.wall.selected
        view = self.ui.board.detail(key) if side and key is not None else None
        self._side_advises = view is not None and view.advises
        if view is None:
            self.wall.show_beside(())
            return
        from poolwatch.ui.widgets.details import detail_lines  # on wide terminals alone

        glyphs = self.ui.appearance.glyphs
        rule = (" │ ", Ink.RULE)
        lines = [(rule, *line) for line in detail_lines(view, side - 4, glyphs)]
        height = self.wall.size.height
        if len(lines) > height > 0:
            lines[height - 1 :] = [(rule, (glyphs.ellipsis, Tone.DIM))]
        lines += [(rule,)] * max(0, height - len(lines))
        self.wall.show_beside(lines)

    def _draw_foot(self) -> None:
        lines: list[Line] = []
        card = self._selected_card()
        width, glyphs = self.size.width, self.ui.appearance.glyphs
        if self._view is WallView.HIVE and card is not None:
            if self._density is not Density.SMALL:
                lines += hive.legend(width, glyphs, self.ui.board.prefs)
            lines.append(hive.in_words(card, width, glyphs))
        columns = self._arranged.columns if self._arranged is not None else None
        has_column = columns is not None and columns.at_reset > 0
        is_demo = self.ui.options.simulated and self._view is not WallView.HIVE
        self._explains = self.ui.is_new and self._density is Density.WIDE and (has_column or is_demo)
        if self._explains and has_column:
            lines += [(), table.legend(width, glyphs, self.ui.choice.shown)]
        elif is_demo:
            lines += self._simulated(card)
        self.query_one("#foot", Lines).show(lines)

    def _simulated(self, card: CardView | None) -> list[Line]:
        """That it is the demo, as far as there is room; and what to try in it, until a key was pressed."""
        width, glyphs, keymap = self.size.width, self.ui.appearance.glyphs, self.ui.options.keymap
        if self._density is not Density.WIDE:
            told = fit_right(f"{interface.text('simulated.short')} ", width, glyphs.ellipsis)
            return [((told, Tone.DIM),)] if self._density is Density.MEDIUM else []
        first = None
        if self._explains and card is not None and card.needs_you and not self.ui.options.read_only:
            first = (keymap.get("refresh").keys[0], card.label.partition("@")[0])
        shown = ("history", "cost", "events")
        then = [(keymap.get(name).keys[0], interface.key_footer(name)) for name in shown]
        return [(), simulated_line(first, then, width, glyphs)]

    def _draw_bottom(self) -> None:
        small = self._density is Density.SMALL
        typing = self._filter_line is not None and self._filter_line.is_open
        said = self.flashed or (self._filter_told() if typing else None) or self._message()
        glyphs = self.ui.appearance.glyphs
        lines: list[Line] = [()] if self._density is Density.WIDE else []
        # a small screen has no line to spare for what the selection might need
        if not small:
            lines.append(message_line(said or self._remedy(), self.size.width, glyphs))
        elif said is not None:
            lines.append(message_line(said, self.size.width, glyphs))
        self.query_one("#message", Lines).show(lines)
        if typing:
            names = (("enter", "filter_keep"), ("tab", "filter_complete"), ("esc", "filter_clear"))
            entries = tuple((key, interface.text(name)) for key, name in names)
            self.query_one("#keys", Lines).show((typing_line(entries, self.size.width, glyphs),))
            return
        card = self._selected_card()
        shown_as = Shown.LEFT if self.ui.choice.shown is Shown.USED else Shown.USED
        copy = ""
        if card is not None:
            copy = interface.text("copy_id" if card.copy == card.id else "copy_remedy")
        instead = {"used_left": interface.text(shown_as.value), "copy": copy, "raw": ""}
        if self.marked:
            for name in ("refresh", "usage"):
                instead[name] = interface.text(f"{name}_marked", count=len(self.marked))
        self.show_keys(**{**instead, **self.keys_off()})

    def _filter_told(self) -> MessageText | None:
        """While a filter is typed: how many match, and what is wrong with it."""
        if not self.filter_text.strip():
            return None
        board, count = self.ui.board, len(self.wall.order)
        told = words.matched(count, len(board.state.accounts))
        wrong = board.mistake(self.filter_text)
        if wrong:
            return MessageText(
                f"{told}: {wrong}" if not count else f"{told} · {wrong}", Tone.AMBER, short=wrong
            )
        return MessageText(told, Tone.PLAIN if count else Tone.AMBER)

    def _message(self) -> MessageText | None:
        """What goes on: a refresh of many, or of the selected account."""
        bulk = self.ui.bulk
        if bulk is not None:
            from poolwatch.presentation.refresh_line import bulk_line  # not before the first paint

            text = " · ".join([bulk_line(bulk), *self.ui.bulk_diff]) if bulk.done else bulk_line(bulk)
            return MessageText(text, Tone.AMBER if bulk.failed else Tone.ACCENT)
        card = self._selected_card()
        if card is not None and card.progress and not self._card_tells(card):
            return MessageText(card.progress, card.foot.tone, card.label, card.progress_short)
        return None

    def _card_tells(self, card: CardView) -> bool:
        """Whether the card itself says how its refresh goes."""
        arranged = self._arranged if self._view is WallView.CARDS else None
        return arranged is not None and tells_progress(card, arranged.block_width)

    def _remedy(self) -> MessageText | None:
        card = None if self._side_advises else self._selected_card()
        if card is None:
            return None
        columns = self._arranged.columns if self._arranged is not None else None
        remedy = self.remedy_of(card)
        if remedy is None and card.stale and columns is not None and not columns.age:
            return MessageText(words.last_read(card.age), Tone.DIM, card.label)
        return remedy

    def _selected_card(self) -> CardView | None:
        key = self.wall.selected
        return self._card(key) if key is not None else None

    def _empty(self) -> Line:
        state = self.ui.board.state
        if state.accounts:
            text = words.NO_MATCH()
            if self.only_needs_you and not self.filter_text:
                text = words.NOTHING_NEEDS_YOU()
        else:
            settled = "balances_alone" if self.ui.options.has_balances else "no_accounts"
            text = interface.text(settled if state.settled else "waiting")
        return fit_line((("   ", Tone.PLAIN), (text, Tone.DIM)), max(1, self.size.width - THUMB))
