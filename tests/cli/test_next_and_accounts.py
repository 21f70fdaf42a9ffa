"""`next` gives advice, `accounts list` says who holds which login, `--mask` hides who people are."""

from __future__ import annotations

import hashlib
import re
import shutil

import pytest

from tests.cli.desk import Desk, at, config_of, rows, source_toml
from tests.support.upstream import Upstream


def test_next_says_which_and_why(pool_desk: Desk, served: Upstream) -> None:
    ran = pool_desk.run("next")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0].split() == ["team-east/dev14", "Business"]
    assert "weekly 38% used" in ran.lines[1]
    as_json = pool_desk.run("next", "--json").json()
    assert at(as_json, "schema") == "poolwatch.next/1"
    assert at(as_json, "account", "label") == "dev14"
    assert at(as_json, "account", "group") == "team-east"
    assert at(as_json, "account", "home") == str(served.home / "homes" / "dev14")
    # the countdown behind it may have gone on by a minute
    assert str(at(as_json, "why")).partition("resets in")[0] == ran.lines[1].partition("resets in")[0]


def test_next_names_several_and_leaves_out_whom_it_is_told_to(pool_desk: Desk, served: Upstream) -> None:
    ran = pool_desk.run("next", "--count", "3")
    assert (ran.code, ran.err) == (0, "")
    first, second, third = [line.split()[0] for line in ran.lines[::2]]
    assert first == "team-east/dev14"
    left = pool_desk.run("next", "--json", "--count", "99", "--not", "dev14", "--not", second)
    assert left.code == 0
    named = [row["label"] for row in rows(left.json(), "accounts")]
    assert named[0] == third
    assert "dev14" not in named
    assert f"poolwatch: {len(named)} of the 99 that were asked for can be used now\n" == left.err
    homes = pool_desk.run("next", "--home", "--count", "99").lines
    assert homes[0] == f"{served.home}/homes/dev14"
    assert set(homes) < {str(each) for each in (served.home / "homes").iterdir()}
    wrong = pool_desk.run("next", "--not", "nobody-of-that-name")
    assert (wrong.code, wrong.out) == (2, "")


def test_next_home_can_be_handed_to_codex(pool_desk: Desk, served: Upstream) -> None:
    ran = pool_desk.run("next", "--home")
    assert (ran.code, ran.out, ran.err) == (0, f"{served.home}/homes/dev14\n", "")


def test_next_home_below_the_own_home_has_no_tilde(desk: Desk, served: Upstream) -> None:
    shutil.copytree(served.home / "homes" / "dan", desk.home / ".codex")
    config = config_of(desk.root / "own.toml", source_toml(served, "codex-home", "h", "~/.codex"))
    ran = desk.run("next", "--home", "--config", str(config))
    assert (ran.code, ran.out) == (0, f"{desk.home}/.codex\n")


def test_no_next_is_exit_1_and_says_when(desk: Desk, served: Upstream) -> None:
    config = config_of(
        desk.root / "own.toml", source_toml(served, "codex-home", "h", served.home / "homes" / "bob")
    )
    for arguments in ([], ["--home"]):
        ran = desk.run("next", *arguments, "--config", str(config))
        assert (ran.code, ran.out) == (1, "")
        assert "no account can be used now" in ran.err
    as_json = desk.run("next", "--json", "--config", str(config))
    assert as_json.code == 1
    assert at(as_json.json(), "account") is None


def test_nobody_read_is_not_nobody_usable(desk: Desk, served: Upstream) -> None:
    shutil.copytree(served.home / "homes" / "dan", desk.home / ".codex")
    table = (
        '[[sources]]\nkind = "codex-home"\npath = "~/.codex"\nbase_url = "http://127.0.0.1:9/backend-api"\n'
    )
    config = config_of(desk.root / "own.toml", table)
    for arguments in ([], ["--home"]):
        ran = desk.run("next", *arguments, "--config", str(config))
        assert (ran.code, ran.out) == (1, "")
        assert ran.err == ("poolwatch: no account is known to be usable; poolwatch status says why\n")


def test_an_old_reading_names_the_best_one_with_its_age_and_exit_1(desk: Desk, served: Upstream) -> None:
    shutil.copytree(served.home / "homes" / "dan", desk.home / ".codex")
    table = '[[sources]]\nkind = "codex-home"\npath = "~/.codex"\nbase_url = "%s"\n'
    up, down = desk.root / "up.toml", desk.root / "down.toml"
    up.write_text(table % served.base_url)
    down.write_text(table % "http://127.0.0.1:9/backend-api")
    assert desk.run("next", "--config", str(up)).code == 0
    assert desk.run("status", "--max-age", "0", "--config", str(down)).code == 1
    ran = desk.run("next", "--config", str(down))
    assert ran.code == 1
    assert ran.lines[0].split() == ["dan@example.com", "Free"]
    assert "no reading is fresh; dan@example.com was the best one <1m ago" in ran.err
    home = desk.run("next", "--home", "--config", str(down))
    assert (home.code, home.out) == (1, f"{desk.home}/.codex\n")
    told = desk.run("next", "--json", "--config", str(down))
    assert told.code == 1
    assert at(told.json(), "account", "email") == "dan@example.com"
    assert at(told.json(), "stale") is True
    assert str(at(told.json(), "read_at")).endswith("Z")


def test_a_next_without_a_codex_home(desk: Desk, served: Upstream) -> None:
    config = config_of(
        desk.root / "own.toml", source_toml(served, "auth-files", "c", served.home / "cliproxy")
    )
    ran = desk.run("next", "--home", "--config", str(config))
    assert (ran.code, ran.out) == (1, "")
    assert "has no Codex home" in ran.err


def test_accounts_are_listed_with_their_holders_and_nothing_is_polled(
    pool_desk: Desk, served: Upstream
) -> None:
    before = served.state().totals["usage_gets"]
    ran = pool_desk.run("accounts", "list")
    assert (ran.code, ran.err) == (0, "")
    assert served.state().totals["usage_gets"] == before
    heads = [line for line in ran.lines if not line.startswith(" ")]
    assert len(heads) == 12
    [frank] = [number for number, line in enumerate(ran.lines) if "  frank@example.com  " in line]
    assert re.fullmatch(
        r"[0-9a-f]{16}  frank@example\.com  frank@example\.com  custody other", ran.lines[frank]
    )
    assert str(served.home / "cliproxy") in ran.lines[frank + 1]
    assert "kept by CLIProxyAPI" in ran.lines[frank + 1]
    assert pool_desk.run("accounts").out == ran.out


@pytest.mark.parametrize(
    "command",
    ["status", "status --json", "next", "next --json", "accounts list"],
)
def test_mask_hides_every_address(pool_desk: Desk, served: Upstream, command: str) -> None:
    ran = pool_desk.run(*command.split(), "--mask")
    assert ran.code == 0
    both = ran.out + ran.err
    assert "@" not in both
    assert str(served.home) not in both


def test_mask_by_setting_holds_for_every_command(pool_desk: Desk) -> None:
    masked = {"POOLWATCH_UI__MASK": "true"}
    for command in ("status", "status --line", "next", "accounts", "doctor"):
        ran = pool_desk.run(*command.split(), env=masked)
        assert "@" not in ran.out + ran.err, command


def test_masked_names_are_stable_and_findable(pool_desk: Desk, served: Upstream) -> None:
    alice = served.account("alice")
    identity = hashlib.sha256(f"codex\0{alice.user_id}\0{alice.account_id}".encode()).hexdigest()[:16]
    masked = pool_desk.run("status", identity[:8], "--mask", "--json").json()
    [account] = rows(masked, "accounts")
    assert (account["id"], account["label"]) == (identity, f"account-{identity[:6]}")
    assert account["email"] is None
