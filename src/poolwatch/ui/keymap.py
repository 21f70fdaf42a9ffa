"""The one table of keys: bindings, footer, help, palette and the README's table are made from it."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.remake import replace


class Place(StrEnum):
    """The screens that have keys."""

    APP = "app"
    POOL = "pool"
    DETAIL = "detail"
    RAW = "raw"
    HELP = "help"
    FIRST_RUN = "first_run"


class Key(Struct, frozen=True):
    """One thing a key does. `id` is stable: settings name it.

    One without `help` is explained together with the one before it.
    `keys` are written as people write them ("r", "ctrl+p", "pgup"). `rank` is the order in which
    entries leave a narrow footer, highest first; 0 keeps an entry out of it.
    """

    id: str
    keys: tuple[str, ...]
    action: str
    help: str
    places: frozenset[Place]
    footer: str = ""
    rank: int = 0
    palette: bool = True
    priority: bool = False


_POOL: Final = frozenset({Place.POOL})
_DETAIL: Final = frozenset({Place.DETAIL})
_RAW: Final = frozenset({Place.RAW})
_BOTH: Final = _POOL | _DETAIL
_READING: Final = frozenset({Place.DETAIL, Place.RAW, Place.HELP})
_MOVING: Final = _POOL | _READING
_APP: Final = frozenset({Place.APP})
_FIRST: Final = frozenset({Place.FIRST_RUN})


def _move(name: str, keys: str, words: str, places: frozenset[Place] = _MOVING) -> Key:
    return Key(f"move_{name}", tuple(keys.split()), f"move('{name}')", words, places, palette=False)


#: The order is that of the help screen and of the footer.
TABLE: Final = (
    _move("up", "up k", "move", _POOL | _RAW | frozenset({Place.HELP})),
    _move("down", "down j", "", _POOL | _RAW | frozenset({Place.HELP})),
    _move("left", "left h", "", _POOL),
    _move("right", "right l", "", _POOL),
    _move("page_up", "pgup", "a page up, a page down"),
    _move("page_down", "pgdn", ""),
    _move("first", "g home", "to the first, to the last"),
    _move("last", "G end", ""),
    Key("scroll_up", ("up",), "move('up')", "scroll", _DETAIL, palette=False),
    Key("scroll_down", ("down",), "move('down')", "", _DETAIL, palette=False),
    Key("next_account", ("j",), "step(1)", "the next account, the previous", _DETAIL, "next account", 5,
        palette=False),
    Key("previous_account", ("k",), "step(-1)", "", _DETAIL, palette=False),
    Key("refresh", ("r",), "refresh_account", "refresh: renew the login if need be, then read the usage",
        _BOTH, "refresh", 1),
    Key("usage", ("u",), "read_usage", "read the usage and leave the login alone", _BOTH, "usage", 6),
    Key("refresh_shown", ("R",), "refresh_shown", "refresh all accounts shown, spread out; esc stops",
        _POOL, "shown", 10),
    Key("needs_you", ("!",), "only_needs_you", "show only what needs you, and all again", _POOL,
        "needs you", 2),
    Key("next_needs_you", ("n",), "step_needs_you(1)", "to the next account that needs you, to the previous",
        _POOL),
    Key("previous_needs_you", ("N",), "step_needs_you(-1)", "", _POOL),
    Key("filter", ("/",), "filter", "filter: words, status:exhausted, plan:pro, source:x; esc clears",
        _POOL, "filter", 3),
    Key("sort", ("s",), "sort", "the next order", _POOL, "sort", 7),
    Key("reverse", ("S",), "reverse", "turn the order round", _POOL),
    Key("view", ("v",), "view", "table, cards or hive", _POOL, "view", 8),
    Key("group", ("o",), "group", "group the hive by source, group or plan", _POOL),
    Key("mask", ("m",), "app.mask", "hide e-mail addresses and paths", _BOTH, "mask", 12),
    Key("used_left", ("%",), "app.used_left", "percentages say what is used, or what is left", _BOTH,
        "left", 13),
    Key("copy", ("y",), "copy", "copy the remedy's command, else the account's id", _BOTH, "copy", 9),
    Key("raw", ("x",), "raw", "the last payload, redacted", _BOTH | _RAW, "raw", 14),
    Key("detail", ("enter",), "detail", "everything about the account", _POOL, "details", 4),
    Key("pause", ("p",), "pause", "pause automatic polling, and resume it", _POOL),
    Key("theme", ("t",), "app.theme", "the next theme", _BOTH),
    Key("back", ("esc",), "back", "back; clears the filter; stops a refresh of many", _MOVING, "back", 5,
        palette=False),
    Key("demo", ("d",), "demo", "open the demo", _FIRST, palette=False),
    Key("add_first", ("1",), "add(1)", "add what was found, by its number", _FIRST, palette=False),
    *(Key(f"add_{nth}", (str(nth),), f"add({nth})", "", _FIRST, palette=False) for nth in range(2, 10)),
    Key("add_place", ("f",), "add_place", "add a home or a folder of auth files", _FIRST, palette=False),
    Key("about_logins", ("i",), "about_logins", "how logins are treated", _FIRST, palette=False),
    Key("help", ("?",), "app.help", "this help", _APP, "help", 5),
    Key("palette", ("ctrl+p",), "app.command_palette", "all commands by name", _APP, palette=False),
    Key("repaint", ("ctrl+l",), "app.repaint", "paint the screen anew", _APP),
    Key("quit", ("q",), "app.leave", "quit; a refresh that runs is finished in the background", _APP,
        "quit", 11),
    Key("interrupt", ("ctrl+c",), "app.interrupt", "quit, from anywhere", _APP, palette=False, priority=True),
)  # fmt: skip

#: People's names of keys, and Textual's.
_NAMED: Final = {
    "esc": "escape", "escape": "escape", "enter": "enter", "return": "enter", "tab": "tab", "space": "space",
    "up": "up", "down": "down", "left": "left", "right": "right", "home": "home", "end": "end",
    "pgup": "pageup", "pageup": "pageup", "pgdn": "pagedown", "pagedown": "pagedown",
    "insert": "insert", "delete": "delete", "backspace": "backspace", "comma": "comma",
    **{f"f{number}": f"f{number}" for number in range(1, 25)},
}  # fmt: skip
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
    """The table as one user has it."""

    table: tuple[Key, ...] = TABLE

    def at(self, place: Place) -> tuple[Key, ...]:
        """The keys of a screen; those that work everywhere come last."""
        own = tuple(key for key in self.table if place in key.places)
        if place is Place.APP:
            return own
        return (*own, *(key for key in self.table if Place.APP in key.places))

    def get(self, key_id: str) -> Key:
        """The entry of that id."""
        return next(key for key in self.table if key.id == key_id)


class KeyProblem(Struct, frozen=True):
    """One line of `[keys]` that cannot be followed; the default stays for it."""

    id: str
    words: str


def remapped(changes: Mapping[str, str]) -> tuple[Keymap, tuple[KeyProblem, ...]]:
    """The table with a user's `[keys]` taken in, and every line that is wrong, in words."""
    problems: list[KeyProblem] = []
    chosen: dict[str, tuple[str, ...]] = {}
    by_id = {key.id: key for key in TABLE}
    for key_id, text in changes.items():
        if key_id not in by_id:
            import difflib  # only where a name is wrong

            near = difflib.get_close_matches(key_id, by_id, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(KeyProblem(key_id, f"there is no key called {key_id}{hint}"))
            continue
        keys = tuple(part.strip() for part in text.split(",") if part.strip())
        wrong = [part for part in keys if textual_key(part) is None]
        if not keys:
            problems.append(
                KeyProblem(key_id, f"{key_id} has no key; give one, like {by_id[key_id].keys[0]}")
            )
        elif wrong:
            problems.append(KeyProblem(key_id, f"{key_id}: {wrong[0]!r} is no key"))
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
                found.append(KeyProblem(key.id, f"{key.id}: {pressed} is already {other.id}"))
                table[index] = by_id[key.id]
                undone = True
    return found


def _holder(table: list[Key], key: Key) -> Key | None:
    for other in table:
        if other.id == key.id or not set(other.keys) & set(key.keys):
            continue
        everywhere = Place.APP in key.places or Place.APP in other.places
        if everywhere or key.places & other.places:
            return other
    return None


def explained(table: Iterable[Key]) -> list[tuple[tuple[Key, ...], str]]:
    """Keys that are explained together, and their explanation."""
    found: list[tuple[tuple[Key, ...], str]] = []
    for key in table:
        if key.help or not found:
            found.append(((key,), key.help))
        else:
            keys, words = found[-1]
            found[-1] = ((*keys, key), words)
    return found
