"""`status`: what is printed, what is polled for it, and what it exits with."""

from __future__ import annotations

import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poolwatch.store.polling import PollLock
from tests.cli.desk import Desk, at, config_of, rows, source_toml
from tests.support.upstream import Upstream

#: Every wait for the store and for whoever polls takes a tenth of its time: they keep their proportions.
_HASTY = """
from poolwatch.bootstrap import headless
from poolwatch.store import opening
for module, name in (
    (opening, "_BUSY_SECONDS"),
    (opening, "_LOOK_SECONDS"),
    (opening, "_LOCK_PATIENCE_SECONDS"),
    (headless, "_OWNER_SECONDS"),
):
    setattr(module, name, getattr(module, name) / 10)
"""


def gets(served: Upstream) -> dict[str, int]:
    return {label: account.usage_gets for label, account in served.state().accounts.items()}


def test_every_account_is_printed_in_its_section(pool_desk: Desk) -> None:
    ran = pool_desk.run("status")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0].startswith("demo · 12 accounts · 3 sources · fresh ")
    section, placed = "", {}
    for line in ran.lines:
        if line.startswith(("needs you ", "exhausted ", "active ", "the rest ")):
            section = line.partition(" ")[0]
        elif section and line.startswith("  "):
            placed[line.split()[0]] = section
    # erin is blocked by Cloudflare from the second question on, whoever asked the first
    assert placed.pop("erin") in ("active", "the")
    assert (
        placed
        == {
            "carol@example.com": "needs",
            "bob": "exhausted",
            "lee@example.com": "exhausted",
            "pay@example.com": "exhausted",
            "team-east/dev14": "active",
            "alice@example.com": "active",
            "ops@example.com": "active",
            "ci/build": "active",
            "dan": "active",
            "frank@example.com": "active",
            "grace@example.com": "active",
        }
        or "the rest" in ran.out
    )
    [alice] = [line for line in ran.lines if line.split()[:1] == ["alice@example.com"]]
    assert "Pro" in alice
    assert "$" in alice


def test_a_filter_narrows_accounts_and_polls_alone(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    before = gets(served)
    ran = desk.run("status", "dan", "--json")
    after = gets(served)
    assert ran.code == 0
    assert [row["label"] for row in rows(ran.json(), "accounts")] == ["dan"]
    assert at(ran.json(), "pool", "accounts") == 12
    assert {label for label in after if after[label] != before[label]} == {"dan"}
    assert after["dan"] == before["dan"] + 1


def test_a_filter_that_matches_nothing_is_exit_1(pool_desk: Desk) -> None:
    ran = pool_desk.run("status", "nobody-at-all")
    assert ran.code == 1
    assert "no account matches" in ran.out
    assert 'no account matches "nobody-at-all"' in ran.err
    assert "could be read" not in ran.err
    near = pool_desk.run("status", "status:exausted")
    assert "did you mean “exhausted”?" in near.err
    as_json = pool_desk.run("status", "nobody-at-all", "--json")
    assert as_json.code == 1
    assert at(as_json.json(), "accounts") == []


def test_readings_are_kept_and_asked_for_again_only_when_old(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    first = desk.run("status", "bob", "--json")
    before = gets(served)["bob"]
    again = desk.run("status", "bob", "--json")
    assert gets(served)["bob"] == before
    assert at(again.json(), "accounts", 0, "read_at") == at(first.json(), "accounts", 0, "read_at")
    assert desk.run("status", "bob", "--max-age", "inf").code == 0
    assert desk.run("status", "bob", "--max-age", "3600").code == 0
    assert gets(served)["bob"] == before
    assert desk.run("status", "bob", "--max-age", "0").code == 0
    assert gets(served)["bob"] == before + 1


def test_the_line_never_polls(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    before = served.state().totals
    unread = desk.run("status", "--line")
    assert (unread.code, unread.out, unread.err) == (1, "pw no accounts\n", "")
    assert served.state().totals["connections"] == before["connections"] + 1  # the question itself
    assert desk.run("status").code == 0
    polled = served.state().totals["usage_gets"]
    line = desk.run("status", "--line")
    assert (line.code, line.err) == (0, "")
    assert line.out.startswith("pw ●")
    assert "next dev14" in line.out
    assert len(line.out.rstrip("\n")) <= 38
    ascii_line = desk.run("status", "--line", env={"PYTHONIOENCODING": "ascii"})
    assert ascii_line.out.isascii()
    assert "ok" in ascii_line.out
    assert served.state().totals["usage_gets"] == polled
    # the long way round says the same
    same = desk.run("--config", str(served.config), "status", "--line").out
    # a minute may pass between two commands
    assert same in (line.out, desk.run("status", "--line").out)


def test_the_line_goes_with_no_wish_that_it_cannot_fulfil(tmp_path: Path, served: Upstream) -> None:
    config = tmp_path / "named.toml"
    plain = served.config.read_text(encoding="utf-8")
    config.write_text(plain.replace('label = "dev14"', 'label = "dev14@example.com"'), encoding="utf-8")
    desk = Desk(tmp_path, config)
    assert desk.run("status", "--json").code == 0
    assert "next dev14 " in desk.run("status", "--line").out
    masked = desk.run("status", "--line", "--mask")
    assert masked.code == 0
    assert "next account-" in masked.out
    for wishes in (["--json"], ["bob"], ["--max-age", "0"]):
        refused = desk.run("status", "--line", *wishes)
        assert (refused.code, refused.out) == (2, "")
        assert "takes only --tmux and --mask" in refused.err
    both = desk.run("next", "--json", "--home")
    assert (both.code, both.out) == (2, "")


def test_json_is_ascii_and_says_its_version(pool_desk: Desk) -> None:
    ran = pool_desk.run("status", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.isascii()
    assert at(ran.json(), "schema") == "poolwatch.status/1"
    assert at(ran.json(), "credits_per_usd") == "25"


def test_an_api_key_alone_is_not_read(desk: Desk) -> None:
    home = desk.home / ".codex"
    home.mkdir()
    (home / "auth.json").write_text(json.dumps({"auth_mode": "apikey", "OPENAI_API_KEY": "sk-fake"}))
    (home / "auth.json").chmod(0o600)
    ran = desk.run("status", "--json")
    # it has no figures, so there was nothing to ask
    assert (ran.code, ran.err) == (0, "")
    [account] = rows(ran.json(), "accounts")
    assert (account["status"], account["section"], account["custody"]) == ("unknown", "rest", "static")
    assert "sk-fake" not in ran.out + ran.err


def test_an_upstream_that_is_down_is_exit_1_when_nothing_was_ever_read(desk: Desk, served: Upstream) -> None:
    home = desk.home / ".codex"
    shutil.copytree(served.home / "homes" / "dan", home)
    config = config_of(
        desk.root / "own.toml",
        f'[[sources]]\nkind = "codex-home"\npath = "{home}"\nbase_url = "http://127.0.0.1:9/backend-api"\n',
    )
    ran = desk.run("status", "--json", "--config", str(config))
    assert ran.code == 1
    assert at(ran.json(), "accounts", 0, "trouble", "kind") == "unreachable"
    assert at(ran.json(), "accounts", 0, "read_at") is None


def test_old_figures_do_not_hide_that_nothing_could_be_read(desk: Desk, served: Upstream) -> None:
    shutil.copytree(served.home / "homes" / "dan", desk.home / ".codex")
    table = '[[sources]]\nkind = "codex-home"\npath = "~/.codex"\nbase_url = "%s"\n'
    up = config_of(desk.root / "up.toml", table % served.base_url)
    down = config_of(desk.root / "down.toml", table % "http://127.0.0.1:9/backend-api")
    assert desk.run("status", "--config", str(up)).code == 0
    # what was read just now is not due, whatever answers
    assert desk.run("status", "--config", str(down)).code == 0
    for _ in range(2):
        ran = desk.run("status", "--max-age", "0", "--config", str(down))
        assert ran.code == 1
        assert "no account could be read" in ran.err
        assert "21%" in ran.out


def test_dead_logins_are_data(desk: Desk, tmp_path: Path) -> None:
    with Upstream(tmp_path / "demo", accounts=4) as upstream:
        config = config_of(
            desk.root / "own.toml",
            source_toml(upstream, "codex-home", "h", upstream.home / "homes" / "dev14"),
            source_toml(upstream, "auth-files", "p", upstream.home / "pool" / "carol.json"),
        )
        upstream.judge_login("dev14", access="rejected")
        # the first run hears that it is rejected, the second one knows; carol's has expired
        for sections in (["needs_you", "needs_you"], ["needs_you", "needs_you"]):
            ran = desk.run("status", "--json", "--config", str(config))
            assert (ran.code, ran.err) == (0, "")
            assert [row["section"] for row in rows(ran.json(), "accounts")] == sections


def test_a_state_directory_that_cannot_be_used_loses_nothing_but_memory(pool_desk: Desk) -> None:
    pool_desk.state.write_text("a file")
    ran = pool_desk.run("status", "dan", "--json")
    assert ran.code == 0
    assert [row["status"] for row in rows(ran.json(), "accounts")] == ["active"]
    assert str(pool_desk.state) in ran.err
    assert pool_desk.state.read_text() == "a file"


def test_usd_follows_the_rate(tmp_path: Path, served: Upstream) -> None:
    table = source_toml(served, "auth-files", "pool", served.home / "pool" / "pay.json")
    for rate, worth in (("25", "-0.12"), ("10", "-0.31"), ("0", None)):
        desk = Desk(tmp_path / rate, config_of(tmp_path / f"{rate}.toml", table))
        ran = desk.run("status", "--json", env={"POOLWATCH_CREDITS_PER_USD": rate})
        assert at(ran.json(), "accounts", 0, "credits", "balance") == "-3.1000000000"
        assert at(ran.json(), "accounts", 0, "credits", "usd") == worth


@pytest.mark.parametrize("polls", [True, False], ids=["some one polls", "an app polls"])
def test_what_a_locked_store_does_not_keep_is_printed_all_the_same(pool_desk: Desk, polls: bool) -> None:
    assert pool_desk.run("status", "--json").code == 0
    held = sqlite3.connect(pool_desk.state / "poolwatch.db", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    lock = PollLock(pool_desk.state)
    # that process answers nobody: what it is asked stands in the store
    assert polls or lock.try_acquire(datetime.now(UTC))
    try:
        crowd = [pool_desk.start("status", "--json", "--max-age", "0", prelude=_HASTY) for _ in range(4)]
        ended = [process.communicate(timeout=60) for process in crowd]
    finally:
        lock.release()
        held.close()
    for process, (out, err) in zip(crowd, ended, strict=True):
        assert process.returncode == 0, err
        assert sum(row["read_at"] is not None for row in rows(json.loads(out), "accounts")) > 8
        assert b"another program keeps it locked" in err


def test_many_at_once_on_a_new_store_all_print_what_they_read(pool_desk: Desk) -> None:
    with ThreadPoolExecutor(6) as crowd:
        for ran in crowd.map(lambda _: pool_desk.run("status", "--json", "--max-age", "0"), range(6)):
            assert ran.code == 0, ran.err
            assert any(row["read_at"] is not None for row in rows(ran.json(), "accounts"))


@pytest.mark.parametrize("zone", ["UTC+25", "UTC-24", "Foo/Bar"])
def test_a_zone_that_has_no_time_of_day_is_taken_for_utc(pool_desk: Desk, zone: str) -> None:
    assert pool_desk.run("status", "--max-age", "0").code == 0
    for command in ("status", "next", "history dan", "events", "usage", "usage --by day", "audit", "doctor"):
        ran = pool_desk.run(*command.split(), env={"TZ": zone})
        assert ran.code in (0, 1), ran.err
