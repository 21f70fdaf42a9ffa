"""Running pools that fail in every way, and what a person reads of it in the whole program."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from poolwatch.bootstrap.headless import Look, look, refresh
from poolwatch.cli.sources import examine_pools
from poolwatch.domain.failure import FailureKind
from poolwatch.presentation.refresh_line import progress_line
from poolwatch.presentation.view import Prefs
from tests.cli.desk import Desk
from tests.e2e.pool_rig import KEY, POOLS, Rig, everybody, figures, notices, running
from tests.support.replay_server import Response, answer

NUMBERS: Final = {"pool01@example.com": [34, 18], "pool02@example.com": [61, 47]}
KEPT: Final = "; its 2 accounts keep the last numbers"
SINCE: Final = r" since \d\d:\d\d"
BUSY: Final = {"error": {"code": "rate_limited", "message": "Slow down"}}
PAGE: Final = Response(200, b"<!doctype html><html>Sign in</html>", {"Content-Type": "text/html"})
AWAY: Final = Response(302, b"", {"Location": "https://login.example.com/?next=hidden-words"})
#: What answers every request, and the line that it makes; `{pool}` is the program.
FAULTS: Final[dict[str, tuple[Response, str]]] = {
    "forbidden": (answer(403, {"error": "Read only"}), rf"{{pool}} forbids this \(403\): Read only,{SINCE}"),
    "conflict": (answer(409, {"error": "Conflict"}), f"server error{SINCE}"),
    "throttled": (answer(429, BUSY), f"throttled{SINCE}"),
    "fault": (answer(500, {"error": "boom"}), f"server error{SINCE}"),
    "bad gateway": (answer(502, {"error": {"message": "upstream"}}), f"server error{SINCE}"),
    "starting": (
        Response(503, b"Service Unavailable", {"Content-Type": "text/plain"}),
        f"server error{SINCE}",
    ),
    "page": (
        PAGE,
        f"a web page came back: this does not look like {{pool}}; check the source's url,{SINCE}",
    ),
    "redirect": (
        AWAY,
        f"127.0.0.1 redirects to login.example.com; not followed; check the source's url,{SINCE}",
    ),
    "nonsense": (answer(200, ["nothing"]), f".*list of (accounts|logins).*{SINCE}"),
}


def assert_one_line(seen: Look, line: str) -> None:
    """One line says what is wrong with the pool; its accounts keep their figures and have no trouble."""
    told = notices(seen)
    assert len(told) == 1, told
    assert re.fullmatch(f"north: {line}{re.escape(KEPT)}", told[0]), told[0]
    assert figures(seen) == NUMBERS
    assert [each.account.trouble for each in seen.overview.accounts] == [None, None]
    assert "hidden-words" not in repr(seen.state.sources)


async def assert_well(rig: Rig) -> None:
    seen = await rig.look()
    assert (notices(seen), figures(seen)) == ([], NUMBERS)
    assert [each.account.trouble for each in seen.overview.accounts] == [None, None]


async def refreshed(rig: Rig) -> list[str]:
    """What a refresh of both accounts says of each, times taken out."""
    seen, ended = await refresh(rig.around(), everybody, spare_fresh_tokens=False)
    prefs = Prefs(seen.overview.rules, zone=UTC)
    assert all(progress.failed for progress in ended.values())
    assert [each.account.trouble for each in seen.overview.accounts] == [None, None]
    lines = [
        progress_line(progress, seen.overview.by_key[key].account, seen.overview.now, prefs)
        for key, progress in ended.items()
    ]
    return [re.sub("showing .*$", "showing THEN", line.replace(rig.server.url[7:], "POOL")) for line in lines]


@pytest.mark.parametrize("kind", POOLS)
async def test_whatever_a_pool_answers_is_one_line_and_ends_by_itself(tmp_path: Path, kind: str) -> None:
    async with running(kind, tmp_path) as rig:
        await assert_well(rig)
        for response, line in FAULTS.values():
            rig.all_answer(response)
            assert_one_line(await rig.look(), line.format(pool=rig.program))
        rig.mend()
        await assert_well(rig)


@pytest.mark.parametrize("kind", POOLS)
async def test_a_pool_that_wants_to_be_left_alone_is(tmp_path: Path, kind: str) -> None:
    async with running(kind, tmp_path) as rig:
        await assert_well(rig)
        rig.all_answer(answer(429, BUSY, Retry_After="600"))
        assert_one_line(await rig.look(), r"throttled until \d\d:\d\d")
        rig.mend()
        before = rig.requests
        assert_one_line(await rig.look(), r"throttled until \d\d:\d\d")
        assert rig.requests == before


DOWN: Final = {
    "codex-proxy": "pool: POOL refused the connection → usage not tried, showing THEN",
    "codex-lb": "pool: POOL refused the connection → usage not tried, showing THEN",
    "cli-proxy-api": "the pool renews by itself → usage: POOL refused the connection, showing THEN",
}


@pytest.mark.parametrize("kind", POOLS)
async def test_a_pool_that_is_killed_and_started_again(tmp_path: Path, kind: str) -> None:
    async with running(kind, tmp_path) as rig:
        await assert_well(rig)
        await rig.server.stop()
        assert_one_line(await rig.look(), f"unreachable{SINCE}")
        assert await refreshed(rig) == [DOWN[kind]] * 2
        later = await rig.look(timedelta(hours=8))
        assert [each.stale for each in later.overview.accounts] == [True, True]
        assert figures(later) == NUMBERS
        await rig.server.start()
        await assert_well(rig)


@pytest.mark.parametrize("kind", POOLS)
async def test_a_pool_that_is_too_slow(tmp_path: Path, kind: str) -> None:
    async with running(kind, tmp_path) as rig:
        await assert_well(rig)
        rig.all_answer(None)
        assert_one_line(await rig.look(), f"unreachable{SINCE}")
        rig.mend()
        await assert_well(rig)


WRONG_KEY: Final = {
    "codex-proxy": r"codex-proxy does not accept the key in ~/pool.key \(401\): it has to be the pool's "
    "proxy_api_key; not sent again until it changes; r tries once",
    "codex-lb": r"codex-lb does not accept the API key in ~/pool.key \(401\): create one in its dashboard; "
    "not sent again until it changes; r tries once",
    "cli-proxy-api": r"CLIProxyAPI refuses the management key in ~/pool.key \(401\); not sent again until it "
    "changes; r tries once: five tries ban this machine",
}


@pytest.mark.parametrize("kind", POOLS)
async def test_a_wrong_key(tmp_path: Path, kind: str) -> None:
    async with running(kind, tmp_path) as rig:
        await assert_well(rig)
        rig.write_key("sk-fake-and-wrong")
        before = rig.requests
        assert_one_line(await rig.look(), f"{WRONG_KEY[kind]},{SINCE}")
        await refreshed(rig)
        assert_one_line(await rig.look(), f"{WRONG_KEY[kind]},{SINCE}")
        (found,) = await examine_pools(rig.around())
        assert found.wrong
        assert re.fullmatch(WRONG_KEY[kind], found.words)
        assert rig.requests == before + 1
        (tmp_path / "pool.key").unlink()
        before = rig.requests
        words = "the key file ~/pool.key is not there; nothing was sent,"
        assert_one_line(await rig.look(), f"{words}{SINCE}")
        assert rig.requests == before
        rig.write_key(KEY)
        await assert_well(rig)


@pytest.mark.parametrize(
    ("response", "line"),
    [
        (
            answer(403, {"error": "IP banned due to too many failed attempts. Try again in 29m30s"}),
            r"CLIProxyAPI has banned this machine after five refused keys \(403\); nothing is sent until "
            "that is over,",
        ),
        (
            answer(403, {"error": "remote management disabled"}),
            r"CLIProxyAPI is closed to other machines \(403\): set remote-management.allow-remote in its "
            "config, or run poolwatch beside it,",
        ),
        (
            answer(403, {"error": "remote management key not set"}),
            r"CLIProxyAPI has no management key \(403\): set remote-management.secret-key in its config,",
        ),
        (
            Response(404, b"404 page not found", {"Content-Type": "text/plain"}),
            r"CLIProxyAPI's management API is off or not here \(404\): set remote-management.secret-key in "
            "its config, and check the source's url,",
        ),
    ],
)
async def test_the_doors_of_cli_proxy_api(tmp_path: Path, response: Response, line: str) -> None:
    async with running("cli-proxy-api", tmp_path) as rig:
        await assert_well(rig)
        rig.all_answer(response)
        assert_one_line(await rig.look(), f"{line}{SINCE}")
        rig.mend()
        if b"banned" in response.body:
            before = rig.requests
            assert_one_line(await rig.look(), f"{line}{SINCE}")
            assert rig.requests == before
        else:
            await assert_well(rig)


@pytest.mark.parametrize(
    ("kind", "response", "trouble"),
    [
        ("codex-proxy", answer(500, {"error": "boom"}), FailureKind.UPSTREAM_ERROR),
        ("codex-proxy", answer(429, BUSY, Retry_After="600"), FailureKind.THROTTLED),
        ("codex-proxy", PAGE, FailureKind.NOT_THE_SERVICE),
        ("codex-proxy", answer(502, {"error": "x", "detail": "y"}), FailureKind.UPSTREAM_ERROR),
        ("cli-proxy-api", answer(502, {"error": "request failed"}), FailureKind.UNREACHABLE),
    ],
)
async def test_one_account_that_fails_is_its_own_trouble(
    tmp_path: Path, kind: str, response: Response, trouble: FailureKind
) -> None:
    async with running(kind, tmp_path) as rig:
        await assert_well(rig)
        rig.one_answers(response)
        seen = await rig.look()
        found = [each.account.trouble for each in seen.overview.accounts]
        assert sorted(each.kind for each in found if each is not None) == [trouble]
        assert (notices(seen), figures(seen)) == ([], NUMBERS)
        rig.mend()
        if trouble is not FailureKind.THROTTLED:  # else it is left alone until then
            await assert_well(rig)


async def test_an_account_that_is_throttled_is_left_alone_until_then(tmp_path: Path) -> None:
    async with running("codex-proxy", tmp_path) as rig:
        await assert_well(rig)
        rig.one_answers(answer(429, BUSY, Retry_After="600"))
        seen = await rig.look()
        (trouble,) = (each.account.trouble for each in seen.overview.accounts if each.account.trouble)
        assert trouble.retry_at is not None
        assert timedelta(minutes=9) < trouble.retry_at - datetime.now(UTC) <= timedelta(minutes=10)
        before = rig.requests
        again = await look(rig.around(), timedelta(microseconds=1), everybody)
        # the list, the other account's quota and the credits' rate; not what was throttled
        assert again.overview.accounts
        routes = [request.path for request in rig.server.requests[before:]]
        assert "/auth/accounts/a2/quota" in routes
        assert "/auth/accounts/a1/quota" not in routes


NINE: Final = (1, 2, 3, 5, 6, 7, 8, 11, 13)


@pytest.mark.parametrize("kind", POOLS)
async def test_nine_accounts_one_of_them_with_a_limit_without_windows(tmp_path: Path, kind: str) -> None:
    async with running(kind, tmp_path, NINE) as rig:
        seen = await rig.look()
    found = figures(seen)
    assert len(found) == 9
    assert all(found.values())
    (eighth,) = (each for each in seen.overview.accounts if each.account.email == "pool08@example.com")
    usage = eighth.account.usage
    assert [window.used_percent for window in usage.windows] == [22, 9]
    if kind == "codex-lb":  # by its key alone it tells of no other limits
        return
    buckets = {bucket.name: bucket.limit for bucket in usage.buckets}
    assert {"GPT-5.3-Codex-Spark", "gpt-reserve", "no-window-bucket"} <= buckets.keys()
    assert buckets["no-window-bucket"] is None


async def test_what_the_commands_say_of_a_pool(tmp_path: Path) -> None:
    async with running("codex-lb", tmp_path) as rig:
        rig.around()
        desk = Desk(tmp_path, tmp_path / "config.toml")
        desk.env["HOME"] = str(tmp_path)
        tried = await asyncio.to_thread(desk.run, "sources", "test", "north")
        await rig.server.stop()
        looked_into = await asyncio.to_thread(desk.run, "doctor")
        renewed = await asyncio.to_thread(desk.run, "refresh", "--all")
    assert (tried.code, tried.out.splitlines()) == (
        0,
        [
            "north: 2 accounts; usage answers",
            "  codex-lb 1.24.0 answers and lets poolwatch in: 2 accounts",
            "  credits and banked resets are unknown: set dashboard_password_file",
        ],
    )
    told = [line for line in looked_into.out.splitlines() if "north" in line]
    assert (looked_into.code, len(told)) == (1, 1)
    assert told[0].startswith("error  pools      north: 127.0.0.1:")
    assert told[0].endswith("refused the connection")
    # nothing was ever read, so that there is nobody to refresh: that is no success either
    assert (renewed.code, renewed.out.strip()) == (1, "")
    assert renewed.err.startswith("poolwatch: source north: 127.0.0.1:")
