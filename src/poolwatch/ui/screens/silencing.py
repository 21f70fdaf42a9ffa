"""What `z` does: keep the notices of an alert quiet for a while, or end that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from msgspec import Struct
from textual import events

from poolwatch.domain.account import AccountKey
from poolwatch.domain.alerts import BuiltIn, Phase, Silence, Subject, SubjectKind, silence_of
from poolwatch.domain.message import Message
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.alerts import SilenceEnd, silence_ends, silence_how, subject_name
from poolwatch.presentation.view import Tone
from poolwatch.ui.appearance import Glyphs
from poolwatch.ui.cells import Ink, Line, Piece, fit, fit_line, line_width
from poolwatch.ui.screens.page import Page
from poolwatch.ui.screens.refreshing import Confirm
from poolwatch.ui.screens.sheet import Sheet
from poolwatch.ui.state import UiState
from poolwatch.ui.widgets.bottom import typing_line
from poolwatch.words import alerts as words
from poolwatch.words import interface
from poolwatch.words.messages import message_text

_TITLE: Final = 8
_FIELDS: Final = 2


def silence_account(page: Page[Any], key: AccountKey) -> None:
    """Silence the worst alert that fires of an account, or end what keeps one quiet."""
    subject = Subject(SubjectKind.ACCOUNT, key.id)
    rule = _firing_rule(page, subject)
    if rule is not None:
        silence_subject(page, rule, subject)
    else:
        page.flash(words.no_alert_of(_name(page.ui, subject)))


def silence_budget(page: Page[Any], name: str, part: str | None) -> None:
    """Silence what fires of a budget, or, before anything does, what tells of its levels."""
    subject = Subject(SubjectKind.BUDGET, name, part)
    silence_subject(page, _firing_rule(page, subject) or BuiltIn.BUDGET, subject)


def _firing_rule(page: Page[Any], subject: Subject) -> str | None:
    board = page.ui.board.state.alerts
    alerts = () if board is None else (*board.firing, *board.alerts)
    fires = (each for each in alerts if each.phase is Phase.FIRING and each.subject == subject)
    return next((each.rule for each in fires), None)


def silence_subject(page: Page[Any], rule: str, subject: Subject | None) -> None:
    """Ask for how long a rule is to say nothing of that subject; where it does already, whether to end it.

    `subject` None: of any.
    """
    if page.app.screen is not page:
        return
    ui, now = page.ui, page.ui.feed.now()
    who = words.of_rule(rule) if subject is None else _name(ui, subject)
    board = ui.board.state.alerts
    found = None if board is None else silence_of(board.silences, rule, subject, now)
    if found is not None:
        who = who if found.subject is not None else words.every_alert(rule)
        how = silence_how(found, now, ui.board.prefs)

        def answered(yes: bool | None) -> None:
            if yes:
                page.start_work(partial(_end, page, found, who))

        page.app.push_screen(Confirm(ui, words.end_it(who, how)), answered)
        return

    def chosen(wish: SilenceWish | None) -> None:
        if wish is not None:
            whom, told = (None, words.every_alert(rule)) if wish.is_of_rule else (subject, who)
            page.start_work(partial(_silence, page, rule, whom, told, wish))

    page.app.push_screen(SilenceSheet(ui, rule, who, silence_ends(now, ui.board.prefs.zone)), chosen)


def _name(ui: UiState, subject: Subject) -> str:
    accounts = {key.id: account for key, account in ui.board.state.accounts.items()}
    return subject_name(subject, AccountNames(accounts, ui.choice.mask))


async def _silence(page: Page[Any], rule: str, subject: Subject | None, who: str, wish: SilenceWish) -> None:
    feed, prefs = page.ui.feed, page.ui.board.prefs
    why = await feed.silence(rule, subject, wish.until, wish.reason)
    how = silence_how(Silence(rule, feed.now(), "", wish.until, wish.reason, subject), feed.now(), prefs)
    _tell(page, why, words.now_silenced(who, how))


async def _end(page: Page[Any], silence: Silence, who: str) -> None:
    _tell(page, await page.ui.feed.end_silence(silence), words.silence_ended(who))


def _tell(page: Page[Any], why: Message | None, done: str) -> None:
    if why is None:
        page.flash(done)
    else:
        page.flash(words.not_done(message_text(why)), Tone.RED)


class SilenceWish(Struct, frozen=True):
    """What is to be silent, until when, and why; `until` None: until somebody ends it."""

    until: datetime | None
    is_of_rule: bool
    reason: str


class SilenceSheet(Sheet[SilenceWish]):
    """It is chosen for how long, and of what; letters are the reason."""

    MOST = 120

    def __init__(self, ui: UiState, rule: str, who: str, ends: Sequence[SilenceEnd]) -> None:
        super().__init__(ui)
        self._rule = rule
        self._who = who
        self._ends = tuple(ends)
        self._rows = (tuple(end.label for end in ends), (who, words.every_alert(rule)))
        self._chosen = [0, 0]
        self._at = 0

    def lines(self, width: int, glyphs: Glyphs) -> list[Line]:
        """What is to be silent, the choices, and the reason."""
        head: list[Piece] = [(f" {words.silence_what(self._who, self._rule)}", Tone.STRONG)]
        lines: list[Line] = [fit_line(head, width, glyphs.ellipsis)]
        for nth, title in enumerate((words.FOR(), words.WHAT())):
            lines.append(self._choices(nth, title, width, glyphs))
        lead: list[Piece] = [("   ", Tone.PLAIN), (fit(words.REASON(), _TITLE), Ink.HEADING)]
        typed = self.typed_end(width - line_width(lead) - 2, glyphs)
        hint: Piece = ("" if self.typed else f" {words.TYPE_REASON()}", Tone.DIM)
        lines.append(fit_line((*lead, (f"{typed}_", Tone.PLAIN), hint), width, glyphs.ellipsis))
        keys = (
            ("left right", words.HOW_LONG() if self._at == 0 else words.WHICH()),
            ("up down", words.WHAT() if self._at == 0 else words.HOW_LONG()),
            ("enter", words.DO_SILENCE()),
            ("esc", interface.text("leave_it")),
        )
        return [*lines, typing_line(keys, width, glyphs)]

    def _choices(self, nth: int, title: str, width: int, glyphs: Glyphs) -> Line:
        """One row of choices; the chosen one stands in brackets."""
        pieces: list[Piece] = [
            (f" {glyphs.pointer if nth == self._at else ' '} ", Ink.MARK),
            (fit(title, _TITLE), Ink.HEADING),
        ]
        for at, label in enumerate(self._rows[nth]):
            is_chosen = at == self._chosen[nth]
            pieces.append(
                (f"[{label}]" if is_chosen else f" {label} ", Tone.STRONG if is_chosen else Tone.DIM)
            )
            pieces.append((" ", Tone.PLAIN))
        return fit_line(pieces, width, glyphs.ellipsis)

    def on_key(self, event: events.Key) -> None:
        """Arrows choose, letters are the reason; nothing is silenced before Enter."""
        event.stop()
        match event.key:
            case "escape":
                self.dismiss(None)
                return
            case "enter":
                wish = SilenceWish(
                    self._ends[self._chosen[0]].until, self._chosen[1] == 1, self.typed.strip()
                )
                self.dismiss(wish)
                return
            case "left" | "right":
                step = 1 if event.key == "right" else -1
                row = self._rows[self._at]
                self._chosen[self._at] = min(len(row) - 1, max(0, self._chosen[self._at] + step))
            case "up" | "down":
                self._at = min(_FIELDS - 1, max(0, self._at + (1 if event.key == "down" else -1)))
            case "backspace":
                self.erase()
            case _ if event.character is not None and event.character.isprintable():
                self.take(event.character)
        self.draw()
