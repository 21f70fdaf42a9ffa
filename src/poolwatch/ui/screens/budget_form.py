"""The form of a budget: its values are typed and chosen here, and nothing is written before it is saved."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Input

from poolwatch.domain.budgets import Budget, BudgetReport, LimitUnit
from poolwatch.domain.tokens import GroupBy
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.budget_form import (
    FormField,
    assigned,
    budget_of,
    chosen,
    command,
    filter_told,
    form_of,
    form_rows,
    hint_of,
    mistakes,
    moved,
    operations_row,
    preview,
    resets_told,
    typed,
)
from poolwatch.presentation.masking import masked, shown_path
from poolwatch.presentation.view import Span, Tone
from poolwatch.ui.keymap import Scope
from poolwatch.ui.screens.page import Page, bindings
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import MessageText, key_label
from poolwatch.ui.widgets.budget_form import ValueLine, form_lines, form_title
from poolwatch.ui.widgets.lines import Lines, Pane
from poolwatch.words import budgets as words
from poolwatch.words import interface

#: So many lines below the values leave room for what is only told.
_ROOMY: Final = 6


class BudgetFormScreen(Page[str]):
    """One budget; leaving gives back the name of what was saved, or nothing."""

    SCOPE = Scope.BUDGET_FORM
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.BUDGET_FORM)
    DEFAULT_CSS = """
    BudgetFormScreen { layers: below entry; }
    """

    def __init__(self, ui: UiState, budget: Budget | None, taken: Collection[str]) -> None:
        """`budget` None is a new one; `taken` are the names of all that there are."""
        super().__init__(ui)
        self._form = form_of(budget, taken)
        #: what was tried last, how that stands, and what the configuration has against it
        self._tried: Budget | None = None
        self._report: BudgetReport | None = None
        self._wrong: Mapping[str, str] = {}
        #: what the use that is known tells
        self._texts: Mapping[GroupBy, Sequence[str]] = {}
        self._is_trying = self._is_saving = False

    def compose(self) -> ComposeResult:
        """Title, rows, what is said, footer; the value that is typed stands over its row."""
        yield Lines(id="title")
        yield Pane(id="form")
        yield Lines(id="message")
        yield Lines(id="keys")
        yield ValueLine(id="value")

    def on_mount(self) -> None:
        """The limit is what is changed most."""
        super().on_mount()
        self._enter_row()

    # --- drawing

    def redraw(self, *, full: bool = False) -> None:
        """Draw the form; what it would come to is counted meanwhile."""
        if not self.can_draw:
            return
        self._try()
        form, glyphs, now = self._form, self.ui.appearance.glyphs, self.ui.feed.now()
        width, height = max(1, self.size.width - 1), max(1, self.size.height - 3)
        budget, prefs = budget_of(form), self.ui.board.prefs
        is_known = budget is not None and budget == self._tried
        report = self._report if is_known else None
        wrong = {FormField(key): told for key, told in self._wrong.items()} if is_known else {}
        beside = {
            FormField.FILTER: filter_told(form, self.ui.board.overview, report, prefs),
            FormField.STARTS_ON: resets_told(report, now, prefs),
        }
        rows = form_rows(form, {**wrong, **mistakes(form)}, beside)
        # a week is of all that is done; and what it would come to is told first
        if form.values[FormField.UNIT] != LimitUnit.PERCENT and height >= len(rows) + _ROOMY:
            rows = (*rows, operations_row(form, self._texts.get(GroupBy.OPERATION, ()), prefs))
        lines, place = form_lines(rows, form.field, self._below(budget, report, wrong), width, height, glyphs)
        name = form.before.name if form.before is not None else words.ADDING()
        shown_name = masked(name) if self.ui.choice.mask else name
        # where a value is typed, the key of the help is a letter of it
        help_key = "" if form.is_typed else self.ui.options.keymap.get("help").keys[0]
        help_text = f"{help_key} {interface.text('help')}" if help_key else ""
        self.query_one("#title", Lines).show((form_title(shown_name, help_text, self.size.width, glyphs),))
        self.query_one(Pane).show(lines)
        value = self.query_one(ValueLine)
        if form.is_typed:
            x, y, cells = place
            value.stand(x, y + 1, cells)
        self.draw_bottom()

    @property
    def _names(self) -> AccountNames:
        state = self.ui.board.state
        return AccountNames({key.id: each for key, each in state.accounts.items()}, self.ui.choice.mask)

    def _below(
        self, budget: Budget | None, report: BudgetReport | None, wrong: Mapping[FormField, str]
    ) -> tuple[Span, ...]:
        """What it would come to, and the command that does the same."""
        if budget is None or wrong:
            return (Span(words.NOT_YET(), Tone.AMBER),)
        ui = self.ui
        told = preview(budget, report, self._names, ui.feed.now(), ui.board.prefs)
        line = command(self._form, budget)
        if not line:
            return (told, Span(words.UNCHANGED(), Tone.DIM))
        path = shown_path(ui.feed.budgets_file(), mask=ui.choice.mask)
        key = key_label(ui.options.keymap.get("save_budget").keys[0], ui.appearance.glyphs)
        typed_line = masked(line) if ui.choice.mask else line
        return (
            told,
            Span(words.writes_to(key, path), Tone.DIM),
            Span(words.by_command(typed_line), Tone.DIM),
        )

    def draw_bottom(self) -> None:
        """What is going on, and the footer."""
        self.show_message(MessageText(words.SAVING(), Tone.DIM) if self._is_saving else None)
        choose = {} if not self._form.is_typed else {"previous_choice": "", "help": ""}
        self.show_keys(back=interface.text("leave_it"), **choose)

    # --- what it would come to

    def _try(self) -> None:
        budget = budget_of(self._form)
        if budget is not None and budget != self._tried and not self._is_trying:
            self._is_trying = True
            self.start_work(self._try_wished)

    async def _try_wished(self) -> None:
        """Have counted what is in the form by now; where that changes meanwhile, once more."""
        tried = self._tried
        try:
            while (budget := budget_of(self._form)) is not None and budget != tried:
                found = await self.ui.feed.try_budget(budget)
                tried = budget
            if tried is not None and tried != self._tried:
                self._tried, self._report, self._wrong = tried, found.report, found.wrong
                self._texts = found.texts or self._texts
        finally:
            self._is_trying = False
        self.redraw()

    # --- keys

    def _enter_row(self) -> None:
        """Type into the row where that is how it is filled."""
        form, value = self._form, self.query_one(ValueLine)
        if form.is_typed:
            value.placeholder = hint_of(form)
            value.take(form.text)
        else:
            value.close()
        self.redraw()

    def _take(self) -> None:
        """What was typed up to now; word of it may still be on its way."""
        if self._form.is_typed:
            self._form = typed(self._form, self.query_one(ValueLine).value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """All that is told follows what is typed."""
        event.stop()
        if event.value == self.query_one(ValueLine).value:
            self._take()
            self.redraw()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in a value saves, as everywhere in the form."""
        event.stop()
        self.action_save_budget()

    def on_filter_line_left(self) -> None:
        """Esc in a value leaves the form."""
        self.action_back()

    def on_completed_line_wanted(self) -> None:
        """Tab completes a filter, or says what may follow."""
        if self._form.field is not FormField.FILTER:
            return
        from poolwatch.presentation.filter_typing import completion
        from poolwatch.presentation.use_filter import UseLooker

        accounts = {key.id: each for key, each in self.ui.board.state.accounts.items()}
        saved, mask = self.ui.board.prefs.filters, self.ui.choice.mask
        value, looker = self.query_one(ValueLine), UseLooker(accounts, self._texts, saved, mask=mask)
        found = completion(looker, value.value, value.cursor_position)
        value.complete(found)
        if found.choices:
            self.flash("  ".join(found.choices), Tone.DIM)

    def action_field(self, step: int) -> None:
        """Another row."""
        self._take()
        self._form = moved(self._form, step)
        self._enter_row()

    def action_choose(self, step: int) -> None:
        """Another choice in the row."""
        self._form = chosen(self._form, step)
        self.redraw()

    def action_save_budget(self) -> None:
        """Write it, unless something is wrong."""
        self._take()
        budget, wrong = budget_of(self._form), mistakes(self._form)
        if budget is None or self._is_saving:
            if wrong:
                self.flash(next(iter(wrong.values())), Tone.AMBER)
            return
        if not assigned(self._form, budget):
            self.dismiss(None)
            return
        self._is_saving = True
        self.draw_bottom()
        self.start_work(self._save)

    async def _save(self) -> None:
        form = self._form
        budget = budget_of(form)
        try:
            if budget is None:
                return
            former = form.before.name if form.before is not None else None
            problem = await self.ui.feed.save_budget(former, assigned(form, budget))
        finally:
            self._is_saving = False
        if problem is None:
            self.dismiss(budget.name)
        else:
            self.flash(words.not_saved(problem), Tone.AMBER)

    def action_back(self) -> None:
        """Leave it as it was."""
        self.dismiss(None)
