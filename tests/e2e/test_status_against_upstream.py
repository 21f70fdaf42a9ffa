"""The whole program against the simulated upstream: figures, refreshes, interruptions, secrets."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import pytest

from poolwatch.demo import tokens
from tests.cli.desk import PROGRAM, Desk, Json, at, rows
from tests.e2e import served_truth as truth
from tests.support.upstream import Upstream

_PATIENCE_SECONDS = 20.0


def until(happened: Callable[[], bool], what: str) -> None:
    """Look again until it has happened."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"did not happen: {what}"
        time.sleep(0.02)


def refresh_token(file: Path) -> str:
    content = json.loads(file.read_text())
    return str(content.get("tokens", content)["refresh_token"])


def short_window(upstream: Upstream, label: str) -> int:
    usage = upstream.account(label).usage
    assert usage is not None
    return int(usage["rate_limit"]["primary_window"]["used_percent"])  # type: ignore[index]  # the served JSON


# --- figures


def test_status_is_the_pool_that_is_served(tmp_path: Path) -> None:
    frozen = datetime.now(UTC).replace(microsecond=0).isoformat()
    with Upstream(tmp_path / "demo", accounts=33, freeze=frozen) as upstream:
        ran = Desk(tmp_path, upstream.config).run("status", "--json")
        served = upstream.state()
    assert (ran.code, ran.err) == (0, "")
    document = ran.json()
    found = {(str(row["email"]), str(row["label"])): dict(row) for row in rows(document, "accounts")}
    assert len(found) == 33
    listed: list[str] = []
    for account in served.accounts.values():
        expected = truth.expected_account(account)
        row = found.pop((str(expected["email"]), str(expected["label"])))
        if account.label not in ("ci-key", "olga"):
            assert row["id"] == truth.identity(account)
        trouble = row.pop("trouble")
        assert (None if trouble is None else at(trouble, "kind")) == truth.TROUBLE.get(account.label)
        read_at = row.pop("read_at")
        assert (read_at is None) is (account.label in truth.UNREAD), account.label
        del row["id"]
        for window in cast("list[dict[str, Json]]", row["windows"]):
            # of an account that is read for the first time
            said = cast("dict[str, Json] | None", window.pop("forecast"))
            assert said is None or said["at_reset"] is None
        row["sources"] = sorted(str(name) for name in cast("list[str]", row["sources"]))
        resets = cast("dict[str, Json] | None", row["reset_credits"])
        if resets is not None:
            if resets["expires_at"] is not None:
                assert resets["expires_at"] == truth.first_expiry(account, datetime.fromisoformat(frozen))
                listed.append(account.label)
            resets["expires_at"] = "any"
        assert row == expected, account.label
    assert found == {}
    # one request for a list by source, however many accounts have banked resets
    assert 1 <= len(listed) <= 3
    pool = dict(at(document, "pool"))  # type: ignore[arg-type]  # an object
    up = pool.pop("next_up")
    assert at(up, "label") == truth.next_up(served)
    # there is no past to tell of yet
    burn, outlook = pool.pop("burn"), pool.pop("outlook")
    assert burn is None or at(burn, "weekly_percent_per_hour") is None
    assert outlook is None or at(outlook, "dry_probability") is None
    assert pool == truth.expected_pool(served)
    retry_at = at(
        next(row for row in rows(document, "accounts") if row["label"] == "lena@example.com"),
        "trouble",
        "retry_at",
    )
    assert retry_at is not None


# --- refreshing


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    """A small pool at its real pace."""
    with Upstream(tmp_path_factory.mktemp("e2e") / "demo", accounts=12) as served:
        yield served


@pytest.fixture
def desk(tmp_path: Path, upstream: Upstream) -> Desk:
    return Desk(tmp_path, upstream.config)


def test_four_refreshes_in_a_row(desk: Desk, upstream: Upstream) -> None:
    before = upstream.account("alice")
    [file] = before.files
    figures = [short_window(upstream, "alice")]
    shown: list[Json] = []
    for number in range(1, 5):
        ran = desk.run("refresh", "alice@example.com", "--json")
        assert ran.code == 0, ran.out + ran.err
        [row] = rows(ran.json(), "accounts")
        assert (row["token"], row["usage"]) == ("refreshed", "ok")
        now = upstream.account("alice")
        assert now.token_posts == before.token_posts + number
        assert now.refresh_fingerprints == (tokens.fingerprint(refresh_token(file)),)
        figures.append(short_window(upstream, "alice"))
        status = desk.run("status", "alice", "--json").json()
        [window] = [each for each in rows(status, "accounts", 0, "windows") if each["kind"] == "5h"]
        shown.append(window["used_percent"])
    assert figures == sorted(set(figures)), "every refresh moves the figure"
    assert shown == [float(figure) for figure in figures[1:]]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_refresh_that_is_killed_loses_nothing(desk: Desk, upstream: Upstream) -> None:
    before = upstream.account("ops")
    [file] = before.files
    held = refresh_token(file)
    upstream.script("ops", {"delay_seconds": 1.5}, endpoint="token")
    with desk.start("refresh", "ops@example.com") as process:
        # the token is on its way, the reply is not
        until(lambda: upstream.account("ops").token_posts > before.token_posts, "the token was sent")
        assert refresh_token(file) == held
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert process.returncode == -signal.SIGKILL
    until(lambda: refresh_token(file) != held, "the new token reached the file")
    now = upstream.account("ops")
    assert now.refresh_fingerprints == (tokens.fingerprint(refresh_token(file)),)
    assert now.token_posts == before.token_posts + 1
    ran = desk.run("refresh", "ops@example.com")
    assert ran.code == 0, ran.out + ran.err
    assert upstream.account("ops").refreshes == before.refreshes + 2


def test_a_reply_that_is_lost_is_told_and_tried_no_more(desk: Desk, upstream: Upstream) -> None:
    before = upstream.account("grace")
    upstream.script("grace", {"drop_after_commit": True}, endpoint="token")
    ran = desk.run("refresh", "grace@example.com")
    assert ran.code == 1
    assert "may need" in ran.out
    assert "usage ok" in ran.out
    [row] = rows(desk.run("status", "grace", "--json").json(), "accounts")
    assert (row["status"], row["section"]) == ("active", "needs_you")
    assert at(row["trouble"], "kind") == "ambiguous"
    again = desk.run("refresh", "grace@example.com")
    assert again.code == 1
    assert upstream.account("grace").token_posts == before.token_posts + 1


# --- the upstream comes and goes


def test_an_outage_keeps_the_last_figures(tmp_path: Path) -> None:
    with Upstream(tmp_path / "demo", accounts=4) as upstream:
        desk = Desk(tmp_path, upstream.config)
        first = {str(row["label"]): row for row in rows(desk.run("status", "--json").json(), "accounts")}
        port = upstream.port
        upstream.stop(signal.SIGKILL)
        down = desk.run("status", "--json", "--max-age", "0")
        second = {str(row["label"]): row for row in rows(down.json(), "accounts")}
        for label in ("alice@example.com", "bob", "dev14"):
            assert at(second[label], "trouble", "kind") == "unreachable"
            for part in ("status", "section", "windows", "credits", "read_at", "until"):
                assert second[label][part] == first[label][part]
        assert "unreachable" in desk.run("status").out
        upstream._start(port)
        patch = {"rate_limit": {"primary_window": {"used_percent": 77}}}
        upstream.patch_usage("bob", patch)
        third = {
            str(row["label"]): row
            for row in rows(desk.run("status", "--json", "--max-age", "0").json(), "accounts")
        }
        for label in ("alice@example.com", "bob", "dev14"):
            assert third[label]["trouble"] is None
            assert str(third[label]["read_at"]) >= str(first[label]["read_at"])
        assert at(third["bob"], "windows", 0, "used_percent") == 77.0


# --- two at once


def test_two_at_once_poll_once(tmp_path: Path) -> None:
    with Upstream(tmp_path / "demo", accounts=12) as upstream:
        desk = Desk(tmp_path, upstream.config)
        # the first is still at it when the second begins
        upstream.script("*", {"delay_seconds": 0.7}, times=11)
        with desk.start("status", "--json") as one, desk.start("status", "--json") as other:
            ended = [(process, *process.communicate(timeout=60)) for process in (one, other)]
        for process, out, err in ended:
            assert (process.returncode, err) == (0, b"")
            document: Json = json.loads(out)
            unread = {row["email"] for row in rows(document, "accounts") if row["read_at"] is None}
            assert unread == {"carol@example.com"}
        seen = upstream.state().accounts
        assert {label: account.usage_gets for label, account in seen.items()} == {
            label: int(label != "carol") for label in seen
        }
        upstream.script("*", None)
        assert desk.run("status", "--max-age", "0").code == 0
        assert upstream.account("bob").usage_gets == 2


# --- secrets


def _secrets(folder: Path) -> set[str]:
    found: set[str] = set()
    for file in folder.rglob("*.json"):
        for text in re.findall(r'"([^"\\]{20,})"', file.read_text()):
            if text.startswith(("ey", "rt", "at-", "sk-")) or ("." not in text and len(text) > 60):
                found.add(text)
    return found


def _command_lines() -> str:
    seen: list[str] = []
    for place in Path("/proc").glob("[0-9]*"):
        for name in ("cmdline", "environ"):
            try:
                seen.append((place / name).read_bytes().decode(errors="replace"))
            except OSError:
                continue
    return "\n".join(seen)


def test_no_secret_leaves_its_file(tmp_path: Path) -> None:
    with Upstream(tmp_path / "demo", accounts=33) as upstream:
        upstream.script("mike", {"status": 500}, times=None)
        desk = Desk(tmp_path, upstream.config)
        secrets = _secrets(upstream.home)
        assert len(secrets) > 80
        written = ""
        for command in ("status", "status --json", "status --line", "accounts", "doctor", "next --json"):
            ran = desk.run(*command.split())
            written += ran.out + ran.err
        upstream.script("*", {"delay_seconds": 0.3}, endpoint="token", times=3)
        before = upstream.state().totals["token_posts"]
        with desk.start("refresh", "alice@example.com", "lee@example.com", "xena@example.com") as process:
            until(lambda: upstream.state().totals["token_posts"] > before, "a token was sent")
            lines = _command_lines()
            out, err = process.communicate(timeout=30)
        assert process.returncode == 0, out.decode() + err.decode()
        assert "poolwatch.custody" in lines
        written += (out + err).decode()
        # a refusal of the login service may quote what it was sent
        carol = refresh_token(upstream.account("carol").files[0])
        quoted = {"error": {"code": "refresh_token_reused", "message": f"{carol} was used"}}
        upstream.script("carol", {"status": 401, "body": quoted}, endpoint="token")
        ran = desk.run("refresh", truth.identity(upstream.account("carol")))
        assert ran.code == 1
        written += ran.out + ran.err
        secrets |= _secrets(upstream.home)
    kept = b"".join(file.read_bytes() for file in desk.state.rglob("*") if file.is_file())
    assert (desk.state / "poolwatch.db").stat().st_size > 0
    assert kept
    beyond = [file for file in desk.home.rglob("*") if file.is_file()]
    assert beyond == []
    for secret in secrets:
        # the end of a token is its own, also where only a part was kept
        for part in {secret, secret[-24:]}:
            assert part not in written
            assert part not in lines
            assert part.encode() not in kept
    for file in desk.state.rglob("*"):
        assert file.stat().st_mode & 0o077 == 0, file


# --- the simulated upstream by the front door


def test_demo_serve_prints_one_line_and_ends_with_its_stdin(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    command = [*("demo", "--serve", "--accounts", "3", "--seed", "3", "--home"), str(tmp_path / "d")]
    with subprocess.Popen(
        [*PROGRAM, *command],
        env=desk.env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert set(line) == {"base_url", "token_url", "config", "home", "started_at", "past"}
        assert line["home"] == str(tmp_path / "d")
        ran = desk.run("status", "--json", "--config", line["config"])
        assert (ran.code, at(ran.json(), "pool", "accounts")) == (0, 3)
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (0, b"", b"")
