"""Sources of login files, made."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from poolwatch.config.source_settings import DEFAULT_BASE_URL, SourceKind, SourceSettings
from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.failure import Failure
from poolwatch.net.client import HttpClient
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.codex_home import CodexHomes
from poolwatch.sources.login_files import LoginFiles
from poolwatch.sources.source import SourceSetup
from poolwatch.words.messages import message_text
from tests.sources.logins import AT, FINGERPRINT

USAGE = b'{"user_id": "user-1", "plan_type": "plus"}'


def homes(
    client: HttpClient,
    home: Path,
    path: str | None = "~/homes/*",
    base_url: str = DEFAULT_BASE_URL,
    env: Mapping[str, str] | None = None,
) -> CodexHomes:
    """A source of Codex homes."""
    settings = SourceSettings(SourceKind.CODEX_HOME, "homes", Custody.CODEX, path=path, base_url=base_url)
    return CodexHomes(SourceSetup(settings, client, home, env or {}, 5, FINGERPRINT))


def folder(
    client: HttpClient,
    home: Path,
    path: str = "~/pool",
    custody: Custody = Custody.OTHER,
    base_url: str = DEFAULT_BASE_URL,
    *,
    renews: bool = False,
    deadline_seconds: float = 5,
) -> AuthFiles:
    """A source of a folder of login files."""
    settings = SourceSettings(SourceKind.AUTH_FILES, "pool", custody, path=path, base_url=base_url)
    setup = SourceSetup(settings, client, home, {}, deadline_seconds, FINGERPRINT, renews=renews)
    return AuthFiles(setup)


async def listed(source: LoginFiles) -> tuple[Listing, ...]:
    """What the source lists, which must not fail."""
    found = await source.list_accounts(AT)
    assert not isinstance(found, Failure), found
    return found


def failure(outcome: object) -> Failure:
    """The failure that came instead."""
    assert isinstance(outcome, Failure), outcome
    return outcome


def problem_of(listing: Listing) -> str | None:
    """Why its file cannot be used, in words."""
    return message_text(listing.problem) if listing.problem is not None else None
