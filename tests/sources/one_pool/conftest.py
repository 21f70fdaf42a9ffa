"""All four sources over real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import Custody
from poolwatch.domain.usage import ResetCredits
from poolwatch.net.client import HttpClient
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.pools.cli_proxy_api import CliProxyApi
from poolwatch.sources.pools.codex_lb import CodexLb
from poolwatch.sources.pools.codex_proxy import CodexProxy
from poolwatch.sources.source import Source, SourceSetup
from tests.sources.logins import FINGERPRINT, access_token, cliproxy_login, put
from tests.sources.one_pool.seen import (
    LB_KEY,
    LB_PASSWORD,
    LB_STATUS,
    NUMBERS,
    Seen,
    Upstream,
    account_of,
    body,
    email_of,
    look,
    payload,
    plan_of,
    truth,
    user_of,
)
from tests.support.cli_proxy_server import KEY, CliProxyServer, login
from tests.support.codex_lb_server import CodexLbServer, LbAccountState
from tests.support.codex_proxy_server import CodexProxyServer, ProxyAccountState


def pool_settings(kind: SourceKind, name: str, url: str, home: Path) -> SourceSettings:
    key = {"codex-lb": LB_KEY, "cpa": KEY}.get(name)
    (home / "lb.password").write_text(LB_PASSWORD)
    if key is not None:
        (home / f"{name}.key").write_text(key)
    return SourceSettings(
        kind,
        name,
        Custody.POOL,
        url=url,
        api_key_file=str(home / f"{name}.key") if key is not None else None,
        dashboard_password_file=str(home / "lb.password") if name == "codex-lb" else None,
    )


@pytest.fixture
async def sources(tmp_path: Path) -> AsyncIterator[Mapping[str, Source]]:
    """All four sources over HTTP."""
    upstream = Upstream()
    proxy = CodexProxyServer(
        *(
            ProxyAccountState(
                f"a1b2c3d4{number:08}",
                email_of(number),
                account_of(number),
                user_of(number),
                usage=payload(number),
                plan=plan_of(number),
            )
            for number in NUMBERS
        )
    )
    lb = CodexLbServer(
        *(
            LbAccountState(
                account_of(number),
                email_of(number),
                upstream=payload(number),
                plan=plan_of(number),
                status=LB_STATUS.get(number, "active"),
                banked=_banked(number),
            )
            for number in NUMBERS
        ),
        key=LB_KEY,
        password=LB_PASSWORD,
    )
    cpa = CliProxyServer(
        [
            login(
                number,
                email=email_of(number),
                label=email_of(number),
                id_token={"chatgpt_account_id": account_of(number), "plan_type": plan_of(number)},
            )
            for number in NUMBERS
        ]
    )
    for number in NUMBERS:
        cpa.serve_usage(number, body(number))
        token = access_token(user_of(number), account_of(number))
        put(tmp_path / "auth" / f"codex-{number:02}.json", cliproxy_login(token, email_of(number)))
    async with AsyncExitStack() as stack:
        client = HttpClient()
        for server in (upstream, proxy, lb):
            await stack.enter_async_context(server)
        await stack.enter_async_context(cpa)
        files = SourceSettings(
            SourceKind.AUTH_FILES,
            "files",
            Custody.OTHER,
            path=str(tmp_path / "auth"),
            base_url=f"{upstream.url}/backend-api",
        )

        def setup(kind: SourceKind, name: str, url: str) -> SourceSetup:
            return SourceSetup(pool_settings(kind, name, url, tmp_path), client, tmp_path, {}, 5)

        made: list[Source] = [
            AuthFiles(SourceSetup(files, client, tmp_path, {}, 5, FINGERPRINT)),
            CodexProxy(setup(SourceKind.CODEX_PROXY, "codex-proxy", proxy.url)),
            CodexLb(setup(SourceKind.CODEX_LB, "codex-lb", lb.url)),
            CliProxyApi(setup(SourceKind.CLI_PROXY_API, "cpa", cpa.url)),
        ]
        yield {source.name: source for source in made}


@pytest.fixture
async def world(sources: Mapping[str, Source]) -> Mapping[str, Seen]:
    """What each of them says of everybody."""
    return {name: await look(source) for name, source in sources.items()}


def _banked(number: int) -> int:
    said = truth(number).reset_credits
    return said.available or 0 if isinstance(said, ResetCredits) else 0
