"""The one table of keys: bindings, footer, help, palette and the README's table are made from it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.values import replace
from poolwatch.words import interface as words


class Scope(StrEnum):
    """The screens that have keys."""

    APP = "app"
    POOL = "pool"
    DETAIL = "detail"
    RAW = "raw"
    EVENTS = "events"
    HISTORY = "history"
    USAGE = "usage"
    #: what OpenAI reports, the second source of the screen before
    REPORT = "report"
    BUDGETS = "budgets"
    BUDGET_FORM = "budget_form"
    RESETS = "resets"
    CREDITS = "credits"
    #: the history of one balance
    BALANCE = "balance"
    HELP = "help"
    FIRST_RUN = "first_run"


#: The screens that the app begins with: there is nothing to go back to.
MAIN: Final = frozenset({Scope.POOL, Scope.FIRST_RUN})
#: The rank of what every footer shows.
STAYS: Final = -1


class Key(Struct, frozen=True):
    """One thing a key does. `id` is stable: settings name it.

    `keys` are written as people write them ("r", "ctrl+p", "pgup"). `rank` is the order in which entries
    leave a narrow footer, highest first; 0 keeps an entry out of it, and STAYS in it.
    """

    id: str
    keys: tuple[str, ...]
    action: str
    scopes: frozenset[Scope]
    rank: int = 0
    palette: bool = True
    priority: bool = False
    #: the id of a key that the footer names together with this one
    beside: str = ""
    #: the only screens whose footer names it; none: all that have it
    named_at: frozenset[Scope] = frozenset()
    #: it changes, spends, silences or imports something: a read-only run has no such key
    changes: bool = False

    @property
    def help(self) -> str:
        """What it does; "" where that is said together with the key before it."""
        return words.key_help(self.id)


_POOL: Final = frozenset({Scope.POOL})
_DETAIL: Final = frozenset({Scope.DETAIL})
_RAW: Final = frozenset({Scope.RAW})
_HELP: Final = frozenset({Scope.HELP})
_EVENTS: Final = frozenset({Scope.EVENTS})
_HISTORY: Final = frozenset({Scope.HISTORY})
_USAGE: Final = frozenset({Scope.USAGE})
_REPORT: Final = frozenset({Scope.REPORT})
_USAGES: Final = _USAGE | _REPORT
_BUDGETS: Final = frozenset({Scope.BUDGETS})
_CREDITS: Final = frozenset({Scope.CREDITS})
_BALANCE: Final = frozenset({Scope.BALANCE})
_FORM: Final = frozenset({Scope.BUDGET_FORM})
_RESETS: Final = frozenset({Scope.RESETS})
_BOTH: Final = _POOL | _DETAIL
_ONE: Final = _DETAIL | _HISTORY | _REPORT | _BALANCE
_MOVING: Final = _ONE | _POOL | _RAW | _EVENTS | _USAGES | _BUDGETS | _CREDITS | _RESETS | _HELP
_APP: Final = frozenset({Scope.APP})
_FIRST: Final = frozenset({Scope.FIRST_RUN})
#: From where the screens that are of everybody are opened.
_OVERVIEWS: Final = _BOTH | _EVENTS | _HISTORY | _USAGES | _BUDGETS | _CREDITS | _RESETS | _FIRST
_SCROLLING: Final = _MOVING | _FIRST


def _key(
    name: str,
    keys: str,
    action: str,
    scopes: frozenset[Scope],
    rank: int = 0,
    *,
    palette: bool = True,
    beside: str = "",
    changes: bool = False,
) -> Key:
    return Key(name, tuple(keys.split()), action, scopes, rank, palette, beside=beside, changes=changes)


def _move(name: str, keys: str, scopes: frozenset[Scope] = _SCROLLING) -> Key:
    return _key(f"move_{name}", keys, f"move('{name}')", scopes, palette=False)


#: The order is that of the help screen and of the footer.
TABLE: Final = (
    _move("up", "up k", _SCROLLING - _ONE),
    _move("down", "down j", _SCROLLING - _ONE),
    _move("left", "left h", _POOL),
    _move("right", "right l", _POOL),
    _move("page_up", "pgup"),
    _move("page_down", "pgdn"),
    _move("first", "g home"),
    _move("last", "G end"),
    _key("scroll_up", "up", "move('up')", _ONE, palette=False),
    _key("scroll_down", "down", "move('down')", _ONE, palette=False),
    _key("next_account", "j", "step(1)", _ONE, 5, palette=False, beside="previous_account"),
    _key("previous_account", "k", "step(-1)", _ONE, palette=False),
    _key("refresh", "r", "refresh_account", _BOTH | _HISTORY, 1, changes=True),
    _key("read_balance", "r", "read_balance", _CREDITS | _BALANCE, 1, palette=False),
    _key("usage", "u", "read_usage", _BOTH | _HISTORY, 10),
    _key("read_report", "r", "read_report", _REPORT, 1),
    _key("refresh_shown", "R", "refresh_shown", _POOL, 10, changes=True),
    _key("mark", "space", "mark", _POOL, 11),
    _key("sign_in", "L", "sign_in", _BOTH, 2, changes=True),
    _key("needs_you", "!", "only_needs_you", _POOL, 2),
    _key("next_needs_you", "n", "step_needs_you(1)", _POOL),
    _key("previous_needs_you", "N", "step_needs_you(-1)", _POOL),
    _key("use_reset", "enter", "use_reset", _RESETS, 1, palette=False, changes=True),
    _key("read_resets", "r", "read_resets", _RESETS, 2),
    _key("whose_resets", "tab", "whose", _RESETS, 4, palette=False),
    _key("change_budget", "enter", "change_budget", _BUDGETS, 4, palette=False, changes=True),
    _key("add_budget", "+", "add_budget", _BUDGETS, 4, changes=True),
    _key("go_there", "enter", "go_there", _EVENTS, 4, palette=False),
    Key(
        "silence",
        ("z",),
        "silence",
        _BOTH | _EVENTS | _BUDGETS,
        5,
        named_at=_EVENTS | _BUDGETS,
        changes=True,
    ),
    _key("filter", "/", "filter", _POOL | _EVENTS | _USAGE | _BUDGETS | _CREDITS, 3),
    _key("sort", "s", "sort", _POOL | _USAGE, 7),
    _key("reverse", "S", "reverse", _POOL | _USAGE),
    *(
        _key(f"column_{nth}", str(nth), f"column({nth})", _POOL | _USAGE, palette=False)
        for nth in range(1, 10)
    ),
    _key("view", "v", "view", _POOL, 8),
    _key("group", "o", "group", _POOL),
    _key("mask", "m", "app.mask", _BOTH | _HISTORY | _BALANCE | _EVENTS | _USAGES | _BUDGETS, 12),
    _key("used_left", "%", "app.used_left", _BOTH, 13),
    _key("search", "/", "search", _RAW, 3),
    _key("next_match", "n enter", "step_match(1)", _RAW, 4, palette=False),
    _key("previous_match", "N", "step_match(-1)", _RAW, palette=False),
    _key("copy", "y", "copy", _BOTH | _RAW, 9),
    _key("raw", "x", "raw", _BOTH | _RAW, 14),
    _key("detail", "enter", "detail", _POOL, 4),
    _key("history", "H", "history", _BOTH | _HISTORY | _RESETS | _CREDITS | _BALANCE, 6),
    _key("whose", "tab", "whose", _HISTORY, 4, palette=False),
    _key("shorter", "[", "period(-1)", _HISTORY | _USAGES | _BALANCE, 6, palette=False, beside="longer"),
    _key("longer", "]", "period(1)", _HISTORY | _USAGES | _BALANCE, palette=False),
    _key("group_use", "o", "group", _USAGES, 5, palette=False),
    _key("origin", "tab", "origin", _USAGES, 8, palette=False),
    _key("open_group", "enter", "open_group", _USAGE, 4, palette=False),
    _key("figure", "v", "figure", _HISTORY, 7, palette=False),
    _key("report_figure", "v", "figure", _REPORT, 9, palette=False),
    _key("earlier", "left h", "read_out(-1)", _HISTORY | _BALANCE, 7, palette=False, beside="later"),
    _key("later", "right l", "read_out(1)", _HISTORY | _BALANCE, palette=False),
    _key("open_account", "enter", "open_account", _HISTORY, 9, palette=False),
    _key("older_day", "[", "day(-1)", _EVENTS, 6, palette=False, beside="newer_day"),
    _key("newer_day", "]", "day(1)", _EVENTS, palette=False),
    _key("group_events", "o", "group", _EVENTS, 7, palette=False),
    _key("group_budget", "o", "group", _BUDGETS, 7, palette=False),
    _key("previous_field", "up", "field(-1)", _FORM, 2, palette=False, beside="next_field"),
    _key("next_field", "down", "field(1)", _FORM, palette=False),
    _key("previous_choice", "left", "choose(-1)", _FORM, 3, palette=False, beside="next_choice"),
    _key("next_choice", "right", "choose(1)", _FORM, palette=False),
    _key("save_budget", "enter", "save_budget", _FORM, 1, palette=False, changes=True),
    _key("cost", "U", "cost", _OVERVIEWS, 9),
    _key("top_up", "$", "top_up", _BOTH | _BUDGETS | _CREDITS, 8, changes=True),
    _key(
        "events",
        "e",
        "events",
        _BOTH | _EVENTS | _HISTORY | _BALANCE | _USAGES | _BUDGETS | _RESETS | _CREDITS,
        8,
    ),
    Key("budgets", ("b",), "budgets", _OVERVIEWS, 10, named_at=_BOTH),
    _key("resets", "B", "resets", _BOTH | _HISTORY | _EVENTS | _BUDGETS | _RESETS),
    _key("credits", "c", "credits", _OVERVIEWS),
    _key("pause", "p", "pause", _POOL),
    _key("theme", "t", "app.theme", _BOTH | _HISTORY | _BALANCE | _USAGES | _BUDGETS | _CREDITS),
    _key("back", "esc", "back", _MOVING | _FORM, STAYS, palette=False),
    _key("demo", "d", "demo", _FIRST, palette=False),
    _key("add_first", "1", "add(1)", _FIRST, palette=False, changes=True),
    *(
        _key(f"add_{nth}", str(nth), f"add({nth})", _FIRST, palette=False, changes=True)
        for nth in range(2, 10)
    ),
    _key("add_place", "f", "add_place", _FIRST, palette=False, changes=True),
    _key("about_logins", "i", "about_logins", _FIRST, palette=False),
    Key("palette", (":", "ctrl+p"), "app.command_palette", _APP, 5, palette=False, named_at=_POOL),
    _key("quit", "q", "app.leave", _APP, STAYS),
    _key("help", "?", "app.help", _APP, STAYS),
    _key("repaint", "ctrl+l", "app.redraw", _APP),
    Key("interrupt", ("ctrl+c",), "app.interrupt", _APP, palette=False, priority=True),
)

#: People's names of keys, and Textual's.
_NAMED: Final = {
    "esc": "escape", "escape": "escape", "enter": "enter", "return": "enter", "tab": "tab", "space": "space",
    "up": "up", "down": "down", "left": "left", "right": "right", "home": "home", "end": "end",
    "pgup": "pageup", "pageup": "pageup", "pgdn": "pagedown", "pagedown": "pagedown",
    "insert": "insert", "delete": "delete", "backspace": "backspace", "comma": "comma",
    **{f"f{number}": f"f{number}" for number in range(1, 25)},
}  # fmt: skip
_WRITTEN: Final = {"escape": "esc", "pageup": "pgup", "pagedown": "pgdn"}
_RENAMED: Final = {
    "solidus": "slash", "reverse_solidus": "backslash", "commercial_at": "at", "hyphen_minus": "minus",
    "plus_sign": "plus", "low_line": "underscore",
}  # fmt: skip
_MODIFIERS: Final = ("ctrl+", "alt+", "shift+")


def textual_key(key: str) -> str | None:
    """Textual's name of a key as people write it; None for what is no key."""
    if len(key) == 1:
        if key.isalnum():
            return key
        if not key.isprintable() or key.isspace():
            return None
        name = unicodedata.name(key, "").lower().replace("-", "_").replace(" ", "_")
        return _RENAMED.get(name, name) or None
    for modifier in _MODIFIERS:
        if key.startswith(modifier):
            rest = textual_key(key[len(modifier) :])
            return modifier + rest if rest else None
    return _NAMED.get(key.lower())


class Keymap(Struct, frozen=True):
    """The table as one user has it; `read_only`: without the keys that change something."""

    table: tuple[Key, ...] = TABLE
    read_only: bool = False

    @property
    def offered(self) -> tuple[Key, ...]:
        """The keys that do something in this run."""
        return tuple(key for key in self.table if not (self.read_only and key.changes))

    def at(self, scope: Scope) -> tuple[Key, ...]:
        """The keys of a screen; those that work everywhere come last."""
        own = tuple(key for key in self.offered if scope in key.scopes)
        if scope is Scope.APP:
            return own
        return (*own, *(key for key in self.offered if Scope.APP in key.scopes))

    def is_off(self, scope: Scope, pressed: str) -> bool:
        """Whether a key of that screen does nothing because the run is read-only."""
        keys = (key for key in self.table if key.changes and scope in key.scopes)
        return self.read_only and any(pressed in key.keys for key in keys)

    def forbids(self, action: str) -> bool:
        """Whether an action, by its name alone, is that of a key which is off."""
        return self.read_only and any(
            key.changes and action == key.action.split("(")[0] for key in self.table
        )

    def footer(self, scope: Scope) -> tuple[Key, ...]:
        """The keys that a screen's footer offers, its one way out and the help last."""
        other = "back" if scope in MAIN else "quit"
        return tuple(
            self._paired(key)
            for key in self.at(scope)
            if key.rank and key.id != other and (not key.named_at or scope in key.named_at)
        )

    def _paired(self, key: Key) -> Key:
        """The key under both names where another one goes with it."""
        if not key.beside:
            return key
        return replace(key, keys=(f"{key.keys[0]} {self.get(key.beside).keys[0]}",))

    def get(self, key_id: str) -> Key:
        """The entry of that id."""
        return next(key for key in self.table if key.id == key_id)


class KeyProblem(Struct, frozen=True):
    """One line of `[keys]` that cannot be followed; the default stays for it."""

    id: str
    words: str


def remapped(changes: Mapping[str, str]) -> tuple[Keymap, tuple[KeyProblem, ...]]:
    """The table with a user's `[keys]` taken in, and what is wrong in them."""
    problems: list[KeyProblem] = []
    chosen: dict[str, tuple[str, ...]] = {}
    by_id = {key.id: key for key in TABLE}
    for key_id, text in changes.items():
        if key_id not in by_id:
            import difflib  # only where a name is wrong

            near = difflib.get_close_matches(key_id, by_id, 1)
            code = "key.near" if near else "key.unknown"
            problems.append(KeyProblem(key_id, words.text(code, key=key_id, near="".join(near))))
            continue
        keys = tuple(part.strip() for part in text.split(",") if part.strip())
        wrong = [part for part in keys if textual_key(part) is None]
        if not keys:
            example = by_id[key_id].keys[0]
            problems.append(KeyProblem(key_id, words.text("key.none", key=key_id, example=example)))
        elif wrong:
            problems.append(KeyProblem(key_id, words.text("key.wrong", key=key_id, wrong=wrong[0])))
        else:
            chosen[key_id] = keys
    table = [replace(key, keys=chosen.get(key.id, key.keys)) for key in TABLE]
    problems.extend(_clashes(table, by_id, chosen))
    return Keymap(tuple(table)), tuple(problems)


def _clashes(
    table: list[Key], by_id: Mapping[str, Key], chosen: Mapping[str, tuple[str, ...]]
) -> list[KeyProblem]:
    """Undo every choice that takes a key which something else on the same screen has."""
    found: list[KeyProblem] = []
    undone = True
    while undone:
        undone = False
        for index, key in enumerate(table):
            if key.id not in chosen or key.keys == by_id[key.id].keys:
                continue
            other = _holder(table, key)
            if other is not None:
                pressed = next(part for part in key.keys if part in other.keys)
                taken = words.text("key.taken", key=key.id, pressed=pressed, other=other.id)
                found.append(KeyProblem(key.id, taken))
                table[index] = by_id[key.id]
                undone = True
    return found


def _holder(table: list[Key], key: Key) -> Key | None:
    for other in table:
        if other.id == key.id or not set(other.keys) & set(key.keys):
            continue
        everywhere = Scope.APP in key.scopes or Scope.APP in other.scopes
        if everywhere or key.scopes & other.scopes:
            return other
    return None


def explained(table: Iterable[Key]) -> list[tuple[tuple[Key, ...], str]]:
    """Keys that are explained together, and their explanation."""
    found: list[tuple[tuple[Key, ...], str]] = []
    for key in table:
        if key.help or not found:
            found.append(((key,), key.help))
        else:
            keys, together = found[-1]
            found[-1] = ((*keys, key), together)
    return found


#: Where a key may do something that does nothing here, the nearest screen first.
_ELSEWHERE: Final = (
    Scope.POOL,
    Scope.DETAIL,
    Scope.HISTORY,
    Scope.USAGE,
    Scope.REPORT,
    Scope.EVENTS,
    Scope.BUDGETS,
    Scope.RESETS,
    Scope.CREDITS,
    Scope.RAW,
)


def unknown_key(keymap: Keymap, scope: Scope, pressed: str, *, brief: bool = False) -> str:
    """What is said of a key that does nothing on a screen: where it does something, or which was meant.

    `brief` is for where what it does there has no room.
    """
    pressed = _WRITTEN.get(pressed, pressed)
    if keymap.is_off(scope, pressed):
        return words.text("key.off.short" if brief else "key.off", key=pressed)
    # from the first steps no other screen can be reached
    for other in () if scope is Scope.FIRST_RUN else _ELSEWHERE:
        does = _does(keymap, other, pressed) if other is not scope else ""
        if does:
            where = words.text(f"screen.{other.value}")
            form = "key.elsewhere.short" if brief else "key.elsewhere"
            return words.text(form, key=pressed, where=where, does=does)
    meant = pressed.swapcase()
    does = _does(keymap, scope, meant)
    if does:
        form = "key.meant.short" if brief else "key.meant"
        return words.text(form, key=pressed, meant=meant, does=does)
    return words.text("key.nowhere", key=pressed, help=keymap.get("help").keys[0])


def _does(keymap: Keymap, scope: Scope, pressed: str) -> str:
    """What a key does on a screen, in its first few words; "" where it does nothing."""
    for keys, told in explained(keymap.at(scope)):
        if any(pressed in key.keys for key in keys):
            return re.split(r"[:;]", told)[0]
    return ""
