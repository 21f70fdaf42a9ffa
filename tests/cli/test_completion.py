"""Tab in the shells: what is proposed, by the protocol of each and in a real bash."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.cli.command import find_account
from poolwatch.cli.options import joined, names_of
from poolwatch.domain.account import Name
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.usage import Usage
from poolwatch.domain.values import replace
from tests.cli.desk import Desk, Ran
from tests.presentation.scene import account
from tests.support.terminal import Terminal
from tests.support.upstream import Upstream


def bash(desk: Desk, *words: str, **env: str) -> Ran:
    """What bash's own function asks; the last word is the one under the cursor."""
    asked = {
        "COMP_WORDS": "\n".join(["poolwatch", *words]),
        "COMP_CWORD": str(len(words)),
        "_POOLWATCH_COMPLETE": "complete_bash",
    }
    return desk.run(env=asked | env)


def zsh(desk: Desk, line: str) -> Ran:
    return desk.run(env={"_TYPER_COMPLETE_ARGS": line, "_POOLWATCH_COMPLETE": "complete_zsh"})


def fish(desk: Desk, line: str, action: str = "get-args") -> Ran:
    return desk.run(
        env={
            "_TYPER_COMPLETE_ARGS": line,
            "_TYPER_COMPLETE_FISH_ACTION": action,
            "_POOLWATCH_COMPLETE": "complete_fish",
        }
    )


@pytest.fixture
def read_desk(tmp_path: Path, served: Upstream) -> Desk:
    """A machine whose store knows the small pool."""
    desk = Desk(tmp_path, served.config)
    assert desk.run("status", "--json").code == 0
    return desk


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["sta"], {"status"}),
        ([""], {"demo", "status", "next", "refresh", "doctor", "sources", "accounts", "config"}),
        (["sources", ""], {"list", "add", "test"}),
        (["sources", "add", ""], {"codex-home", "auth-files", "codex-proxy", "codex-lb", "cli-proxy-api"}),
        (["--theme", "l"], {"light"}),
        (["--theme", "poolwatch-d"], {"poolwatch-dark"}),
        (["--theme", "=", "da"], {"dark"}),
        (["--view", ""], {"auto", "table", "cards", "hive"}),
        (["--sort", "c"], {"credits"}),
        (["accounts", "import", "--keep", ""], {"imported", "source"}),
        (["rates", "why", "gpt-6-s"], {"gpt-6-sol"}),
        (["status", "--ma"], {"--max-age", "--mask"}),
        (["--version", ""], {"demo", "status", "next", "refresh", "doctor", "sources", "accounts", "config"}),
    ],
)
def test_words_of_the_program(desk: Desk, words: list[str], wanted: set[str]) -> None:
    ran = bash(desk, *words)
    assert (ran.code, ran.err) == (0, "")
    assert set(ran.lines) >= wanted
    if words[-1]:
        assert set(ran.lines) == wanted


def test_accounts_and_sources_are_those_of_this_person(read_desk: Desk, served: Upstream) -> None:
    everyone = bash(read_desk, "refresh", "")
    assert (everyone.code, everyone.err) == (0, "")
    assert {"alice@example.com", "bob", "dan", "team-east/dev14", "ci/build"} <= set(everyone.lines)
    assert len(everyone.lines) == 12
    assert bash(read_desk, "refresh", "bob", "al").lines == ["alice@example.com"]
    assert bash(read_desk, "accounts", "remove", "dev").lines == ["dev14"]
    assert bash(read_desk, "status", "gr").lines == ["grace@example.com"]
    # bash takes the at sign for the beginning of a word
    assert bash(read_desk, "refresh", "alice", "@").lines == ["@example.com"]
    assert bash(read_desk, "refresh", "alice", "@", "ex").lines == ["@example.com"]
    assert bash(read_desk, "accounts", "resolve", "carol", "@", "ex").lines == ["@example.com"]
    listed = read_desk.run("sources", "list").out
    sources = bash(read_desk, "sources", "test", "").lines
    assert len(sources) == 3
    assert all(source in listed for source in sources)
    # the configuration that the line names, before the command and behind it
    other = Desk(read_desk.root / "other")
    other.env["POOLWATCH_STATE_DIR"] = str(read_desk.state)
    assert bash(other, "--config", str(served.config), "sources", "test", "").lines == sources
    assert bash(other, "sources", "test", "--config", str(served.config), "").lines == sources


def test_zsh_and_fish_are_told_the_same(read_desk: Desk) -> None:
    ran = zsh(read_desk, "poolwatch refresh ali")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.strip() == "_arguments '*: :((\"alice@example.com\"))'"
    ran = fish(read_desk, "poolwatch refresh ali")
    assert (ran.code, ran.err, ran.lines) == (0, "", ["alice@example.com"])
    assert fish(read_desk, "poolwatch refresh ali", "is-args").code == 0
    # nothing is proposed where a file stands: the shells have their own
    assert fish(read_desk, "poolwatch accounts import ", "is-args").code == 1
    assert zsh(read_desk, "poolwatch accounts import ").out.strip() == "_files"


@pytest.mark.parametrize("config", ["[ui\n", "[[sources]]\nkind = 'nothing'\n"])
def test_what_is_wrong_proposes_nothing_and_says_nothing(desk: Desk, config: str) -> None:
    desk.usual_config.parent.mkdir(parents=True)
    desk.usual_config.write_text(config)
    for words in (["refresh", ""], ["sources", "test", ""], ["status", "x"]):
        ran = bash(desk, *words)
        assert (ran.code, ran.out.strip(), ran.err) == (0, "", "")
    assert bash(desk, "conf").lines == ["config"]


def test_masked_accounts_have_ids(read_desk: Desk) -> None:
    ran = bash(read_desk, "refresh", "", POOLWATCH_UI__MASK="true")
    assert len(ran.lines) == 12
    assert all(len(line) == 8 and set(line) <= set("0123456789abcdef") for line in ran.lines)


def named(label: str, group: str | None = None, who: str = "") -> AccountState:
    return replace(account(who or label, Usage()), name=Name(label, group))


@given(st.lists(st.text(max_size=12), max_size=5, unique=True), st.sampled_from(["", "a", "-"]))
def test_no_name_needs_quotes(labels: list[str], incomplete: str) -> None:
    for name in names_of([named(label) for label in labels], incomplete, mask=False):
        assert shlex.quote(name) == name
        assert not name.startswith("-")
        assert name.startswith(incomplete)


def test_a_name_that_two_have_is_no_answer() -> None:
    one, two = named("dev", "east", "one"), named("dev", "west", "two")
    assert names_of([one, two], "", mask=False) == ["east/dev", "west/dev"]
    assert names_of([one, two], "dev", mask=False) == []


def test_a_name_that_a_shell_would_take_apart_is_an_id() -> None:
    odd = replace(named("$(touch owned)"), listings=())
    assert names_of([odd], "", mask=False) == [odd.key.id[:8]]
    assert names_of([odd], odd.key.id[:10], mask=False) == [odd.key.id]


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("length", [8, 16])
def test_what_is_proposed_for_an_account_names_no_other(length: int, mask: bool) -> None:
    odd = replace(named("$(touch owned)"), listings=())
    thief = replace(named(odd.key.id[:length].upper(), who="thief"), listings=())
    found = names_of([odd, thief], "", mask=mask)
    assert found
    for name in found:
        owner = find_account(PoolState({each.key: each for each in (odd, thief)}), name, mask=False)
        assert name in (owner.key.id[: len(name)], owner.name.label)
        assert (owner is odd) == name.startswith(odd.key.id[:8])


@pytest.mark.parametrize(
    ("words", "typed", "before"),
    [
        (["pw", "carol", "@"], ["pw", "carol@"], "carol"),
        (["pw", "carol", "@", "ex"], ["pw", "carol@ex"], "carol"),
        (["pw", "carol", "@", ""], ["pw", "carol@", ""], ""),
        (["pw", "--theme", "="], ["pw", "--theme="], "--theme="),
        (["pw", "--theme", "=", "d"], ["pw", "--theme=d"], "--theme="),
        (["pw", "http", ":", "//h", ":", "80"], ["pw", "http://h:80"], "http://h:"),
        (["pw", "a", "b"], ["pw", "a", "b"], ""),
        (["pw", ""], ["pw", ""], ""),
    ],
)
def test_bash_words_are_what_was_typed(words: list[str], typed: list[str], before: str) -> None:
    assert joined(words) == (typed, before)


def test_tab_in_a_real_bash(read_desk: Desk) -> None:
    folder = read_desk.root / "bin"
    folder.mkdir()
    program = folder / "poolwatch"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m poolwatch "$@"\n')
    program.chmod(0o755)
    script = desk_script(read_desk)
    env = read_desk.env | {"PATH": f"{folder}:{read_desk.env['PATH']}", "PS1": "$ ", "INPUTRC": "/dev/null"}
    with Terminal(["bash", "--noprofile", "--norc", "-i"], env, columns=100) as terminal:
        terminal.press(f". {script}; clear\r")
        terminal.wait_for(lambda text: text.strip().startswith("$") and "clear" not in text)
        terminal.press("poolwatch refresh alice@ex\t")
        terminal.wait_for("refresh alice@example.com ")
        terminal.press("da\t")
        terminal.wait_for("refresh alice@example.com dan ")
        terminal.press("\x15poolwatch --theme=li\t")
        terminal.wait_for("--theme=light ")
        terminal.press("\x15pool\x08\x08\x08\x08poolwatch sour\t")
        terminal.wait_for("poolwatch sources ")
        terminal.press("\x15exit\r")
        assert terminal.end() == 0
        assert "Error" not in terminal.text


def desk_script(desk: Desk) -> Path:
    ran = desk.run(env={"_POOLWATCH_COMPLETE": "source_bash"})
    assert (ran.code, ran.err) == (0, "")
    script = desk.root / "completion.sh"
    script.write_text(ran.out)
    return script


@pytest.mark.parametrize(
    "command",
    [(), ("status",), ("next",), ("refresh",), ("doctor",), ("demo",), ("sources",), ("sources", "add"),
     ("accounts",), ("accounts", "import"), ("accounts", "resolve"), ("config",), ("config", "check")],
)  # fmt: skip
def test_h_is_help(desk: Desk, command: tuple[str, ...]) -> None:
    short = desk.run(*command, "-h")
    assert (short.code, short.err) == (0, "")
    assert short.out == desk.run(*command, "--help").out
    assert "Usage: poolwatch" in short.out


def test_a_place_that_cannot_be_written_is_said(desk: Desk) -> None:
    (desk.home / ".bash_completions").write_text("a file")
    script = f"_p() {{ {sys.executable} -m poolwatch --install-completion; }}; _p; echo code $?"
    with Terminal(["bash", "--noprofile", "--norc", "-c", script], desk.env, columns=200) as terminal:
        terminal.end()
        assert "completion was not installed" in terminal.text
        assert "code 1" in terminal.text
        assert "an error of its own" not in terminal.text
