from __future__ import annotations

import re
from collections import Counter

import pytest
from textual.binding import Binding
from textual.keys import _character_to_key

from poolwatch.ui.appearance import ASCII, UNICODE
from poolwatch.ui.keymap import MAIN, TABLE, Keymap, Scope, remapped, textual_key, unknown_key
from poolwatch.ui.screens.page import bindings, overlay
from poolwatch.ui.widgets.bottom import key_line
from tests.support.key_table import markdown_table
from tests.ui.test_cells import plain

#: Kept free on the pool screen for what may come.
RESERVED = ("[", "]", "a", "+")


def test_ids_are_unique_and_no_key_does_two_things_on_one_screen() -> None:
    assert max(Counter(key.id for key in TABLE).values()) == 1
    for scope in Scope:
        pressed = Counter(name for key in Keymap().at(scope) for name in key.keys)
        assert max(pressed.values()) == 1, scope


@pytest.mark.parametrize(
    ("pressed", "key_id"),
    [
        ("r", "refresh"), ("u", "usage"), ("L", "sign_in"), ("R", "refresh_shown"), ("/", "filter"),
        ("s", "sort"), ("S", "reverse"),
        ("v", "view"), ("o", "group"), ("!", "needs_you"), ("n", "next_needs_you"),
        ("N", "previous_needs_you"),
        ("m", "mask"), ("%", "used_left"), ("enter", "detail"), ("esc", "back"), ("y", "copy"), ("x", "raw"),
        ("t", "theme"), ("p", "pause"), ("?", "help"), ("ctrl+p", "palette"), (":", "palette"),
        ("ctrl+l", "repaint"),
        ("e", "events"), ("H", "history"), ("b", "budgets"), ("c", "credits"),
        ("q", "quit"),
        ("ctrl+c", "interrupt"), ("h", "move_left"), ("j", "move_down"), ("k", "move_up"),
        ("l", "move_right"),
        ("up", "move_up"), ("down", "move_down"), ("left", "move_left"), ("right", "move_right"),
        ("pgup", "move_page_up"), ("pgdn", "move_page_down"), ("g", "move_first"), ("G", "move_last"),
        ("home", "move_first"), ("end", "move_last"),
    ],
)  # fmt: skip
def test_the_keys_of_the_pool_screen(pressed: str, key_id: str) -> None:
    assert [key.id for key in Keymap().at(Scope.POOL) if pressed in key.keys] == [key_id]


def test_reserved_keys_do_nothing_on_the_pool_screen() -> None:
    taken = {pressed for key in Keymap().at(Scope.POOL) for pressed in key.keys}
    assert taken.isdisjoint(RESERVED)


@pytest.mark.parametrize("key", ["/", "!", "?", "%", "$", "[", "@", "-", "+", "_", ":", "r", "G", "9"])
def test_textual_calls_characters_the_same(key: str) -> None:
    assert textual_key(key) == (key if key.isalnum() else _character_to_key(key))


def test_names_of_keys() -> None:
    assert textual_key("pgdn") == "pagedown"
    assert textual_key("esc") == "escape"
    assert textual_key("ctrl+p") == "ctrl+p"
    assert textual_key("f5") == "f5"
    assert textual_key("hyper") is None
    assert textual_key("ctrl+") is None
    assert textual_key(" ") is None


def test_a_remap_replaces_the_keys_of_its_entry() -> None:
    keymap, problems = remapped({"refresh": "r,f5", "sort": "w"})
    assert not problems
    assert keymap.get("refresh").keys == ("r", "f5")
    assert overlay(keymap) == {"refresh": "r,f5", "sort": "w"}
    assert "w sort" in plain(key_line(keymap.footer(Scope.POOL), {}, 200, UNICODE))
    assert "`f5`" in markdown_table(keymap)


def test_two_entries_may_swap_their_keys() -> None:
    keymap, problems = remapped({"sort": "v", "view": "s"})
    assert not problems
    assert (keymap.get("sort").keys, keymap.get("view").keys) == (("v",), ("s",))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"refesh": "r"}, "did you mean refresh?"),
        ({"sort": "u"}, "u is already usage"),
        ({"sort": "q"}, "q is already quit"),
        ({"sort": "hyper+z"}, "is not a key"),
        ({"sort": " , "}, "has no key"),
    ],
)
def test_a_wrong_remap_is_said_and_leaves_the_default(changes: dict[str, str], words: str) -> None:
    keymap, problems = remapped(changes)
    assert len(problems) == 1
    assert words in problems[0].words
    assert keymap.table == TABLE


def test_a_clash_of_a_chain_is_undone_until_nothing_clashes() -> None:
    keymap, problems = remapped({"sort": "v", "view": "u"})
    assert {problem.id for problem in problems} == {"sort", "view"}
    assert keymap.table == TABLE


def test_the_footer_fits_every_width_and_loses_the_least_needed_first() -> None:
    keys = Keymap().footer(Scope.POOL)
    for width in range(16, 200):
        line = plain(key_line(keys, {}, width, UNICODE))
        assert len(line) == width
        assert "…" not in line
    narrow = plain(key_line(keys, {}, 60, UNICODE))
    assert narrow.split("  ")[0].strip() == "r refresh"
    assert "needs you" in narrow
    assert "sort" not in narrow
    assert "copy remedy" in plain(key_line(keys, {"copy": "copy remedy"}, 180, UNICODE))


@pytest.mark.parametrize("scope", [scope for scope in Scope if scope is not Scope.APP])
@pytest.mark.parametrize(
    "changes", [{}, {"quit": "ctrl+x,q", "back": "f12", "help": "f1", "sort": "shift+f3"}]
)
def test_the_way_out_and_the_help_never_leave_a_footer(scope: Scope, changes: dict[str, str]) -> None:
    keymap, problems = remapped(changes)
    assert not problems
    keys = {each: keymap.get(each).keys[0] for each in ("quit", "back", "help")}
    leaves = f"{keys['quit']} quit" if scope in MAIN else f"{keys['back']} back"
    for width in range(60, 260):
        line = plain(key_line(keymap.footer(scope), {}, width, ASCII))
        entries = line.strip().split("  ")
        assert entries[-2:] == [leaves, f"{keys['help']} help"]
        pressed = Counter(entry.split()[0] for entry in entries)
        assert max(pressed.values()) == 1
        assert ("quit" in line) is (scope in MAIN)


@pytest.mark.parametrize(
    ("scope", "pressed", "said"),
    [
        (Scope.POOL, "J", "no key J here; j: move"),
        (Scope.POOL, "W", "no key W here; ? shows all keys"),
        (Scope.POOL, "d", "no key d here; ? shows all keys"),
        (Scope.DETAIL, "/", "no key / here; on the main screen: filter"),
        (Scope.DETAIL, "R", "no key R here; on the main screen: refresh all accounts shown, spread out"),
        (Scope.DETAIL, "f5", "no key f5 here; ? shows all keys"),
        (Scope.FIRST_RUN, "escape", "no key esc here; ? shows all keys"),
        (Scope.HELP, "r", "no key r here; on the main screen: refresh"),
        (Scope.RAW, "r", "no key r here; on the main screen: refresh"),
        (Scope.RAW, "X", "no key X here; x: the last payload, redacted"),
    ],
)
def test_a_key_that_does_nothing_names_the_one_that_helps(scope: Scope, pressed: str, said: str) -> None:
    assert unknown_key(Keymap(), scope, pressed) == said


@pytest.mark.parametrize("scope", Scope)
def test_of_any_key_something_can_be_said_on_the_smallest_screen(scope: Scope) -> None:
    for pressed in {each for key in TABLE for known in key.keys for each in (known, known.swapcase())}:
        assert len(unknown_key(Keymap(), scope, pressed, brief=True)) < 60


def test_a_key_that_does_nothing_is_told_by_the_keys_of_this_user() -> None:
    keymap, _ = remapped({"help": "f1", "sort": "w"})
    assert unknown_key(keymap, Scope.POOL, "s") == "no key s here; S: reverse the order"
    assert unknown_key(keymap, Scope.DETAIL, "w") == "no key w here; on the main screen: the next order"
    assert unknown_key(keymap, Scope.POOL, "A").endswith("f1 shows all keys")


def test_bindings_are_made_from_the_table() -> None:
    made = [each for each in bindings(Scope.POOL) if isinstance(each, Binding)]
    assert {binding.id for binding in made} == {key.id for key in TABLE if Scope.POOL in key.scopes}
    assert next(binding for binding in made if binding.id == "needs_you").key == "exclamation_mark"


def test_the_readme_table_explains_every_key_once() -> None:
    text = markdown_table()
    ids = re.findall(r"`(\w+)`(?= \||(?: `\w+`)* \|$)", text, re.MULTILINE)
    for key in TABLE:
        if key.scopes != {Scope.FIRST_RUN}:
            assert f"`{key.id}`" in text
    assert ids
