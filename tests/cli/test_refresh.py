"""`refresh`: whom it acts on, what it prints, what it exits with."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.desk import Desk, at, rows
from tests.support.upstream import AccountSeen, Upstream


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """A pool of its own, since tokens are spent; 30 accounts: two of them go by one e-mail."""
    with Upstream(tmp_path_factory.mktemp("refresh") / "demo", accounts=30) as upstream:
        upstream.script("lena", {"status": 429, "headers": {"Retry-After": "60"}}, times=None)
        # the slow one would only cost time here
        upstream.script("mike", {"status": 500}, times=None)
        yield upstream


def posts(served: Upstream) -> dict[str, int]:
    return {label: account.token_posts for label, account in served.state().accounts.items()}


def identity(account: AccountSeen) -> str:
    """The id that poolwatch gives to an account."""
    return hashlib.sha256(f"codex\0{account.user_id}\0{account.account_id}".encode()).hexdigest()[:16]


def spent(before: dict[str, int], after: dict[str, int]) -> set[str]:
    return {label for label in after if after[label] != before[label]}


def test_one_account_by_its_e_mail(pool_desk: Desk, served: Upstream) -> None:
    before = posts(served)
    ran = pool_desk.run("refresh", "alice@example.com")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("alice@example.com: token ok")
    assert "usage ok" in ran.out
    assert len(ran.lines) == 1
    assert spent(before, posts(served)) == {"alice"}


def test_by_id_prefix_and_label_and_several_at_once(pool_desk: Desk, served: Upstream) -> None:
    ops = identity(served.account("ops"))
    before = posts(served)
    ran = pool_desk.run("refresh", ops[:6], "dan", "CI/Build", ops, "--json")
    assert (ran.code, ran.err) == (0, "")
    document = ran.json()
    assert at(document, "schema") == "poolwatch.refresh/1"
    found = {str(row["label"]): row for row in rows(document, "accounts")}
    assert set(found) == {"ops@example.com", "dan", "ci/build"}
    ours = found["ops@example.com"]
    assert (ours["id"], ours["token"], ours["usage"], ours["ok"]) == (ops, "refreshed", "ok", True)
    assert (found["dan"]["token"], found["dan"]["usage"]) == ("current", "ok")
    assert spent(before, posts(served)) == {"ops", "build"}


def test_of_all_those_that_a_filter_finds(pool_desk: Desk, served: Upstream) -> None:
    pool_desk.run("status", "--json")
    before = served.state().totals["usage_gets"]
    ran = pool_desk.run("refresh", "--all", "--filter", "label:frank or label:erin", "--json")
    assert (ran.code, ran.err) == (0, "")
    assert {str(row["label"]) for row in rows(ran.json(), "accounts")} == {"frank@example.com", "erin"}
    assert served.state().totals["usage_gets"] == before + 2
    none = pool_desk.run("refresh", "--all", "--filter", "zzz")
    assert (none.code, none.out) == (1, "")
    assert "no account matches" in none.err
    for words in (("erin", "--filter", "erin"), ("--filter", "erin")):
        refused = pool_desk.run("refresh", *words)
        assert (refused.code, refused.out) == (2, "")
        assert "--filter goes with --all" in refused.err
    assert served.state().totals["usage_gets"] == before + 2


@pytest.mark.parametrize("name", ["carol@example.com", "nobody", "ab", "", "   "])
def test_a_name_that_is_none_or_several_is_exit_2_and_spends_nothing(
    pool_desk: Desk, served: Upstream, name: str
) -> None:
    before = served.state().totals
    ran = pool_desk.run("refresh", "alice@example.com", name)
    assert (ran.code, ran.out) == (2, "")
    if name.startswith("carol"):
        assert "could be" in ran.err
        assert ran.err.count("carol@example.com") == 3
    else:
        assert "no account is called" in ran.err
    after = served.state().totals
    assert (after["token_posts"], after["usage_gets"]) == (before["token_posts"], before["usage_gets"])


@pytest.mark.parametrize(
    ("name", "meant"),
    [("alice", "alice@example.com ("), ("opps", "ops@example.com ("), ("ci/buil", "ci/build (")],
)
def test_a_name_that_is_nearly_one_proposes_it(
    pool_desk: Desk, served: Upstream, name: str, meant: str
) -> None:
    before = served.state().totals["token_posts"]
    ran = pool_desk.run("refresh", name)
    assert ran.code == 2
    assert f"did you mean {meant}" in ran.err
    assert served.state().totals["token_posts"] == before
    masked = pool_desk.run("refresh", name, env={"POOLWATCH_UI__MASK": "true"})
    assert masked.code == 2
    assert "did you mean" in masked.err
    assert "@example.com" not in masked.err


@pytest.mark.parametrize(
    ("label", "words", "token", "usage"),
    [
        # a Codex home whose token is expired, and nobody who may renew it
        ("kent", "codex login", "blocked", "not_tried"),
        # another tool's file
        ("judy", "CLIProxyAPI must renew it", "blocked", "not_tried"),
        # the refresh token was spent elsewhere and the access token is dead
        ("walt", "sign in again", "rejected-for-good", "not_tried"),
        ("ci-key", "API keys have no usage figures", "none", "not_tried"),
        ("lena", "token: kept by CLIProxyAPI", "current", "throttled"),
    ],
)
def test_a_step_that_fails_is_exit_1(
    pool_desk: Desk, served: Upstream, label: str, words: str, token: str, usage: str
) -> None:
    account = served.account(label)
    # an API key tells no ids; its folder does
    name = label if label == "ci-key" else identity(account)
    ran = pool_desk.run("refresh", name, "--json")
    assert ran.code == 1
    [row] = rows(ran.json(), "accounts")
    assert (row["token"], row["usage"], row["ok"]) == (token, usage, False)
    assert words in str(row["message"])


def test_a_personal_token_is_read_and_nothing_renewed(pool_desk: Desk) -> None:
    ran = pool_desk.run("refresh", "olga")
    assert ran.code == 0
    assert "personal token, nothing to renew" in ran.out


def test_all_spends_only_what_is_dead_or_dies_within_a_day(pool_desk: Desk, served: Upstream) -> None:
    before = posts(served)
    ran = pool_desk.run("refresh", "--all", "--json")
    # it ran through: which of them failed is in what it prints
    assert ran.code == 0
    failed = [row for row in rows(ran.json(), "accounts") if not row["ok"]]
    assert at(ran.json(), "failed") == len(failed) > 3
    done = spent(before, posts(served))
    # lee's token lives 19 hours, carol's is expired; walt's login is dead, and asking once more was ordered
    assert {"lee", "carol"} <= done <= {"lee", "carol", "walt"}
    assert len(rows(ran.json(), "accounts")) == 30


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name accounts, or use --all"),
        (("--force",), "name accounts, or use --all"),
        (("alice@example.com", "--all"), "name accounts, or use --all: not both"),
    ],
)
def test_whom_to_refresh_is_said_once(
    pool_desk: Desk, served: Upstream, words: tuple[str, ...], said: str
) -> None:
    before = served.state().totals["token_posts"]
    ran = pool_desk.run("refresh", *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert served.state().totals["token_posts"] == before


def test_force_of_one_account_is_a_refresh_like_any_other(tmp_path: Path, served: Upstream) -> None:
    before = posts(served)
    ran = Desk(tmp_path, served.config).run("refresh", "grace@example.com", "--force")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith("grace@example.com: token ok")
    assert spent(before, posts(served)) == {"grace"}


def test_all_by_force_spends_every_login_that_is_ours(tmp_path: Path, served: Upstream) -> None:
    desk = Desk(tmp_path, served.config)
    before = posts(served)
    ran = desk.run("refresh", "--all", "--force", "--json")
    assert ran.code == 0
    ours = {
        label
        for label, account in served.state().accounts.items()
        if any(file.parent.name == "pool" for file in account.files)
    }
    assert {"alice", "lee", "ops", "grace", "pay"} <= ours
    done = spent(before, posts(served))
    assert ours - {"pay", "vera", "walt"} <= done <= ours
    failed = {row["label"] for row in rows(ran.json(), "accounts") if not row["ok"]}
    assert "alice@example.com" not in failed
    # what was spent is in the files: the next refresh of each goes well
    assert desk.run("refresh", "grace@example.com").code == 0


def test_all_ends_with_a_line_that_counts(tmp_path: Path, served: Upstream) -> None:
    config = tmp_path / "own.toml"
    config.write_text(
        "[refresh]\ndelegate_to_codex = false\n"
        f'[[sources]]\nkind = "codex-home"\npath = "{served.home}/homes/*"\n'
        f'base_url = "{served.base_url}"\n'
    )
    ran = Desk(tmp_path, config).run("refresh", "--all")
    assert ran.code == 0
    failed = sum("usage ok" not in line for line in ran.lines[:-1])
    assert failed
    done = len(ran.lines) - 1 - failed
    assert ran.lines[-1].startswith(f"{done} refreshed · {failed} failed · ")


def test_a_file_that_cannot_be_written_is_not_spent(tmp_path: Path, served: Upstream) -> None:
    folder = tmp_path / "pool"
    folder.mkdir()
    shutil.copy(served.home / "pool" / "nora.json", folder / "nora.json")
    config = tmp_path / "own.toml"
    config.write_text(
        f'[[sources]]\nkind = "auth-files"\npath = "{folder}"\ncustody = "poolwatch"\n'
        f'base_url = "{served.base_url}"\ntoken_url = "{served.token_url}"\n'
    )
    desk = Desk(tmp_path, config)
    desk.state.write_text("in the way")
    before = posts(served)
    ran = desk.run("refresh", "nora@example.com")
    assert ran.code == 1
    assert "not spent" in ran.out
    assert "usage ok" in ran.out
    assert str(desk.state) in ran.out + ran.err
    assert posts(served) == before


@pytest.mark.parametrize(
    ("mask", "name"), [("false", r"alice@example\.com"), ("true", "account-[0-9a-f]{6}")]
)
def test_a_stopped_process_is_named_after_a_while_and_may_go_on(
    pool_desk: Desk, served: Upstream, mask: str, name: str
) -> None:
    pool_desk.env |= {"POOLWATCH_TEST": "1", "POOLWATCH_FAILPOINT": "read:stop", "POOLWATCH_UI__MASK": mask}
    with pool_desk.start("refresh", "alice@example.com") as waits:
        assert waits.stderr is not None
        assert waits.stdout is not None
        said = waits.stderr.readline().decode()
        stopped = re.search(r"pid (\d+), stopped", said)
        assert stopped is not None, said
        os.kill(int(stopped[1]), signal.SIGCONT)
        assert waits.wait(30) == 0
        assert re.match(rf"{name}: token ok", waits.stdout.read().decode())
    assert re.fullmatch(
        rf"poolwatch: still waiting for the process that refreshes {name}"
        r" \(pid (\d+), stopped\); kill -CONT \1 lets it go on\n",
        said,
    )
