"""A login file that changed is read anew before its token is sent, however little of it shows."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Listing, SourceRef
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.source import SourceSetup
from tests.net.script import Script, reply
from tests.sources.login_files.making import USAGE
from tests.sources.logins import FINGERPRINT, access_token, cliproxy_login, mark, put

MINUTE = timedelta(minutes=1)


def source_of(client: HttpClient, home: Path, url: str) -> AuthFiles:
    settings = SourceSettings(
        SourceKind.AUTH_FILES, "pool", Custody.OTHER, path=str(home / "pool"), base_url=url
    )
    setup = SourceSetup(settings, client, home, {}, 5, FINGERPRINT)
    return AuthFiles(setup)


def token(number: int) -> str:
    """Tokens of one length, far from their end."""
    return access_token(expires=datetime(2090, 1, 1, tzinfo=UTC) + timedelta(days=number))


def later(path: Path, by: timedelta = MINUTE) -> datetime:
    """So long after the file's last change."""
    return datetime.fromtimestamp(path.stat().st_ctime, UTC) + by


@pytest.mark.parametrize("how", ["in place", "replaced", "linked elsewhere"])
async def test_a_change_that_keeps_size_and_time_is_noticed_before_the_token_is_sent(
    client: HttpClient, home: Path, how: str
) -> None:
    place = put(home / "pool/one.json", cliproxy_login(token(1)))
    other = put(home / "aside.json", cliproxy_login(token(2)))
    if how == "linked elsewhere":
        place.rename(home / "first.json")
        place.symlink_to(home / "first.json")
    before = place.stat()
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    async with Script([reply(200, USAGE)] * 2) as server:
        source = source_of(client, home, server.url)
        at = later(place)
        await source.fetch_usage(Listing(SourceRef("pool", str(place))), at)
        if how == "in place":
            while place.stat().st_ctime_ns == before.st_ctime_ns:
                place.write_bytes(other.read_bytes())
                os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
        elif how == "replaced":
            other.rename(place)
        else:
            place.unlink()
            place.symlink_to(other)
        after = place.stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
        await source.fetch_usage(Listing(SourceRef("pool", str(place))), at)
        listed = await source.list_accounts(at)
    assert not isinstance(listed, Failure)
    assert [each.token.fingerprint for each in listed] == [mark(token(2))]
    assert [f"Bearer {token(number)}" in server.requests[number - 1] for number in (1, 2)] == [True, True]


async def test_a_file_that_is_gone_or_torn_sends_nothing(client: HttpClient, home: Path) -> None:
    path = put(home / "pool/one.json", cliproxy_login(token(1)))
    async with Script([reply(200, USAGE)]) as server:
        source = source_of(client, home, server.url)
        at = later(path)
        await source.list_accounts(at)
        path.write_text("{")
        torn = await source.fetch_usage(Listing(SourceRef("pool", str(path))), at)
        path.unlink()
        gone = await source.fetch_usage(Listing(SourceRef("pool", str(path))), at)
    assert server.connections == 0
    for reading in (torn, gone):
        assert isinstance(reading.outcome, Failure)
        assert reading.outcome.kind is FailureKind.NO_TOKEN
