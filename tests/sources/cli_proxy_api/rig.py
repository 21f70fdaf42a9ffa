"""A source under test, with everything it needs of this machine."""

from __future__ import annotations

from pathlib import Path

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Listing, SourceRef
from poolwatch.domain.failure import Failure
from poolwatch.net.client import HttpClient
from poolwatch.sources.pools.cli_proxy_api import CliProxyApi
from poolwatch.sources.pools.keys import KeyStates
from poolwatch.sources.source import SourceSetup, UsageReading
from tests.sources.logins import AT, FINGERPRINT
from tests.support.cli_proxy_server import KEY

__all__ = ["AT", "body", "failed", "failure", "listed", "read", "ref", "source"]

PAYLOADS = Path(__file__).parents[2] / "payloads"


def body(number: str) -> bytes:
    """One of the example answers."""
    [path] = PAYLOADS.glob(f"{number}-*.json")
    return path.read_bytes()


def source(
    client: HttpClient,
    url: str,
    home: Path,
    *,
    key: str | None = KEY,
    env_key: str | None = None,
    deadline: float = 5,
    key_states: KeyStates | None = None,
    base_url: str = "https://chatgpt.com/backend-api",
) -> CliProxyApi:
    """A source whose key stands in `home/pool.key`, or in a variable."""
    if key is not None:
        (home / "pool.key").write_text(f"{key}\n")
    settings = SourceSettings(
        SourceKind.CLI_PROXY_API,
        "cpa",
        Custody.POOL,
        base_url=base_url,
        url=url,
        api_key_file=str(home / "pool.key") if key is not None else None,
        api_key_env="CPA_KEY" if env_key is not None else None,
    )
    env = {} if env_key is None else {"CPA_KEY": env_key}
    return CliProxyApi(
        SourceSetup(settings, client, home, env, deadline, FINGERPRINT, key_states or KeyStates())
    )


def ref(number: int) -> SourceRef:
    """The place of a login of the server's."""
    return SourceRef("cpa", f"codex-pool{number:02}@example.com-plus.json")


def entry(number: int) -> Listing:
    """A login of the server's, of whom nothing is known."""
    return Listing(ref(number))


async def listed(pool: CliProxyApi) -> tuple[Listing, ...]:
    """What the source lists, which must not fail."""
    found = await pool.list_accounts(AT)
    assert not isinstance(found, Failure), found
    return found


async def failed(pool: CliProxyApi) -> Failure:
    """Why the source cannot list, which it must not."""
    found = await pool.list_accounts(AT)
    assert isinstance(found, Failure)
    return found


async def read(pool: CliProxyApi, number: int = 1) -> UsageReading:
    """One reading of an account."""
    return await pool.fetch_usage(entry(number), AT)


async def failure(pool: CliProxyApi, number: int = 1) -> Failure:
    """Why there is no reading of it."""
    found = (await read(pool, number)).outcome
    assert isinstance(found, Failure)
    return found
