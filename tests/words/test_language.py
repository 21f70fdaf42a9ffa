"""The interface in a language of its own: what stays English on it was not looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.message import message
from poolwatch.domain.overview import overview
from poolwatch.domain.status import PoolRules
from poolwatch.presentation.next_text import next_text
from poolwatch.presentation.status_json import status_json
from poolwatch.presentation.status_text import status_text
from poolwatch.presentation.strip import status_line
from poolwatch.presentation.view import Prefs
from poolwatch.ui.state import WallView
from poolwatch.words import catalogue
from poolwatch.words.messages import failure_text, message_text, texts
from tests.support.used import MadeUse
from tests.ui.pools import NOW, ZONE, app_of, state_of, twelve
from tests.ui.reading import screen_text, settle
from tests.ui.scripted_feed import ScriptedFeed
from tests.words.sentences import pseudo, write_catalogue

#: What is a name, a command or a figure in every language.
_NAMES = re.compile(
    r"""
    \S+@\S+ | ~?/\S* | [\w-]+/[\w@.-]+ | \w+:\w\S* | https?:\S+    # addresses, paths, filters, keys
    | CODEX_HOME=\S+ | --\w[\w-]* | \w+-\w[\w-]* | \w+\.\w+        # commands, ids, names of sources
    | Business\ \(usage\)
    | \b(?:
        poolwatch | codex | Codex | CLIProxyAPI | Cloudflare | ChatGPT | Spark | Plus | Free | Pro | Team
        | Busin\w* | Enterprise | Payg | pgup | pgdn | home | end | enter | space | ctrl | esc | tab | up
        | down | left | right | work | acme | login | accounts | import | refresh | status | exhausted
        | plan | source | group | custody | CET
    )\b
    """,
    re.VERBOSE,
)
_ENGLISH = re.compile(r"(?<![\w…])[A-Za-z]*[aeiouAEIOU][A-Za-z]*(?![\w…])")


@pytest.fixture
def _pseudo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    write_catalogue(tmp_path / "eo" / "LC_MESSAGES" / "poolwatch.mo")
    monkeypatch.setenv("LANGUAGE", "eo")
    monkeypatch.setattr(catalogue, "LOCALE_DIR", tmp_path)
    catalogue.catalogue.cache_clear()
    yield
    monkeypatch.undo()
    catalogue.catalogue.cache_clear()


def english(text: str) -> list[str]:
    """The words of a text that nobody looked up."""
    return [word for word in _ENGLISH.findall(_NAMES.sub(" ", text)) if len(word) > 2]


@pytest.mark.usefixtures("_pseudo")
@pytest.mark.parametrize("view", list(WallView))
async def test_the_main_screen(view: WallView) -> None:
    app = app_of("twelve", view=view)
    async with app.run_test(size=(160, 50)) as pilot:
        await settle(pilot)
        shown = screen_text(app)
    assert pseudo("NEEDS YOU") in shown
    assert english(shown) == []


@pytest.mark.usefixtures("_pseudo")
@pytest.mark.parametrize("keys", [("enter",), ("question_mark",), ("slash",)])
async def test_details_help_and_filter(keys: tuple[str, ...]) -> None:
    app = app_of("twelve")
    async with app.run_test(size=(160, 70)) as pilot:
        await settle(pilot)
        await pilot.press(*keys)
        await settle(pilot)
        shown = screen_text(app)
    assert english(shown) == []


@pytest.mark.usefixtures("_pseudo")
@pytest.mark.parametrize("keys", [("U", "o", "d"), ("U", "o")])
async def test_usage(keys: tuple[str, ...]) -> None:
    feed = ScriptedFeed(state_of(twelve()), NOW, ZONE)
    feed.used = MadeUse(NOW, ZONE, [twelve()[5].key]).answer
    app = app_of(feed=feed)
    async with app.run_test(size=(160, 50)) as pilot:
        await settle(pilot)
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        shown = screen_text(app)
    # projects of the made use
    assert english(re.sub(r"\b(reef|atlas)\b", " ", shown)) == []


@pytest.mark.usefixtures("_pseudo")
def test_what_commands_print() -> None:
    state = state_of(twelve())
    seen = overview(state, NOW, PoolRules())
    assert english(status_text(seen, state, Prefs(), "work")) == []
    assert english(next_text(seen, Prefs())) == []
    assert pseudo("next") in status_line(seen, ascii_only=False)


def test_json_is_the_same_in_every_language(request: pytest.FixtureRequest) -> None:
    state = state_of(twelve())
    before = status_json(overview(state, NOW, PoolRules()), state, NOW, False)
    request.getfixturevalue("_pseudo")
    after = status_json(overview(state, NOW, PoolRules()), state, NOW, False)
    told = re.compile(r'"(?:message|why)": "[^"]*"')
    assert told.sub("", before) == told.sub("", after)


@pytest.mark.usefixtures("_pseudo")
def test_what_rooms_below_tell() -> None:
    assert message_text(message("login.also_in", place="~/a")) == pseudo(
        "the same login is also in {place}"
    ).format(place="~/a")
    for code, text in texts().items():
        if code != "as_stored":
            assert pseudo(text).partition("{")[0] in message_text(message(code)), code


def test_a_sentence_that_was_stored_is_shown_as_it_is() -> None:
    told = "it was said {before} there were codes"
    assert failure_text(worded(FailureKind.UNREACHABLE, told)) == told


def test_what_another_version_stored_is_shown_all_the_same() -> None:
    assert message_text(message("of.a.later.version")) == "of.a.later.version"
    assert message_text(message("login.also_in")) == "the same login is also in —"
