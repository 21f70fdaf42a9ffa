"""Between two uses of a token nothing holds it."""

from __future__ import annotations

import gc
from asyncio import AbstractEventLoop
from datetime import UTC, datetime
from pathlib import Path
from types import FunctionType, ModuleType

import msgspec
import pytest

from poolwatch.bootstrap.running import Running, open_monitor
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.domain.account import Secret
from poolwatch.domain.usage import UsageSnapshot
from tests.net.script import Script, reply
from tests.sources.login_files.making import USAGE
from tests.sources.login_files.test_standing_files import token
from tests.sources.logins import cliproxy_login, codex_login, put

REFRESH = "rt_held-nowhere-0123456789"


def texts_within(root: object) -> set[str]:
    """Every text that can be reached, through closures too, but not through modules and types.

    Nor through the event loop, by which the server of the test could be reached.
    """
    seen: set[int] = set()
    texts: set[str] = set()
    left: list[object] = [root]
    while left:
        held = left.pop()
        if id(held) in seen or isinstance(held, ModuleType | type | AbstractEventLoop):
            continue
        seen.add(id(held))
        if isinstance(held, str):
            texts.add(held)
        elif isinstance(held, bytes | bytearray):
            texts.add(bytes(held).decode("utf-8", "replace"))
        elif isinstance(held, FunctionType):
            left += [held.__closure__, held.__defaults__, held.__kwdefaults__]
        elif isinstance(held, Secret):
            texts.add(held.reveal())
        elif isinstance(held, msgspec.Struct):
            # the collector does not follow all of them
            left += [getattr(held, name) for name in held.__struct_fields__]
            left += [getattr(held, "__dict__", None)]
        else:
            left += gc.get_referents(held)
    return texts


def surroundings(home: Path, url: str) -> Surroundings:
    config = home / "config.toml"
    config.write_text(
        f'[[sources]]\nkind = "auth-files"\nname = "pool"\npath = "{home}/pool"\nbase_url = "{url}"\n'
    )
    config.chmod(0o600)
    found = look_around(Options(config), {"HOME": str(home), "POOLWATCH_STATE_DIR": str(home / "state")})
    assert isinstance(found, Surroundings)
    return found


async def look(running: Running, *, polls: bool) -> None:
    """List all, and ask for the usage of each."""
    await running.monitor.poller.lister.list_all()
    for listing in running.monitor.state.sources["pool"].listings:
        if polls:
            reading = await running.sources["pool"].fetch_usage(listing, datetime.now(UTC))
            assert isinstance(reading.outcome, UsageSnapshot)


@pytest.mark.parametrize("polls", [False, True])
async def test_no_token_of_a_listed_login_can_be_reached(home: Path, polls: bool) -> None:
    one, two = token(1), token(2)
    put(home / "pool/one.json", cliproxy_login(one, refresh_token=REFRESH))
    put(home / "pool/two.json", codex_login(two, refresh=REFRESH))
    async with (
        Script([reply(200, USAGE)] * 2) as server,
        open_monitor(surroundings(home, server.url)) as running,
    ):
        await look(running, polls=polls)
        entries = running.monitor.state.sources["pool"].listings
        texts = texts_within(running)
    assert len(entries) == 2
    assert {each.token.refresh_fingerprint for each in entries} <= texts, "the walk finds what is held"
    found = {secret for secret in (one, two, REFRESH) if any(secret in text for text in texts)}
    assert found == set()
