"""Every recorded answer of the real programs in place of the right one: values or failures, and no secret."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.refresh import TokenOutcome, TokenStep
from poolwatch.net.client import HttpClient
from poolwatch.sources.pools.codex_lb import CodexLb
from poolwatch.sources.pools.codex_proxy import CodexProxy
from poolwatch.sources.source import PoolReport, UsageReading
from poolwatch.words.messages import failure_text
from tests.sources.pools.making import KEY, entry, failure, lb, proxy
from tests.support.replay_server import RECORDED, ReplayServer, Request, Response, recorded

THEN = datetime(2026, 11, 20, 21, 3, 17, tzinfo=UTC)
SECRETS = re.compile(r"eyJ[\w-]{8,}\.|sk-clb-[\w-]{8,}")
FAKE = {"eyJhbGciOiJub25lIn0.", "eyJmYWtlIjp0cnVlfQ.", "sk-clb-example-of-a-fake-key"}
PROXY_ID = "5d92a572779c3496"
LB_ID = "34eec0fc-f454-5c9d-a537-02e8038f4610_8798f94f"


def names(program: str) -> list[str]:
    return [f"{program}/{path.stem}" for path in sorted((RECORDED / program).glob("*.json"))]


class Stuck(ReplayServer):
    """The same recorded answer to whatever is asked."""

    def __init__(self) -> None:
        super().__init__({})
        self.name = ""

    async def respond(self, request: Request) -> Response:
        return recorded(self.name)


async def everything(source: CodexProxy | CodexLb, place: str) -> tuple[object, ...]:
    """All that a source can be asked for."""
    one = entry(source, place)
    return (
        await source.list_accounts(THEN),
        await source.fetch_usage(one, THEN),
        await source.token_step(one.ref, THEN),
        await source.report(THEN),
    )


@pytest.mark.parametrize("program", ["codex-proxy", "codex-lb"])
async def test_whatever_the_program_answers(client: HttpClient, tmp_path: Path, program: str) -> None:
    found = names(program)
    assert len(found) > 70
    async with Stuck() as server:
        for name in found:
            server.name = name
            said = recorded(name)
            if program == "codex-proxy":
                results = await everything(proxy(server, client, tmp_path, key=KEY), PROXY_ID)
            else:
                results = await everything(lb(server, client, tmp_path, key=KEY), LB_ID)
            listed, reading, step, report = results
            assert isinstance(listed, tuple | Failure), name
            assert isinstance(reading, UsageReading), name
            assert isinstance(step, TokenStep), name
            assert isinstance(report, PoolReport | Failure), name
            raw = reading.raw or ""
            assert not SECRETS.search(f"{results!r}{raw}"), name
            if said.status >= 300:
                assert isinstance(listed, Failure), name
                assert isinstance(report, Failure), name
                assert step.outcome is not TokenOutcome.REFRESHED, name
            if said.status == 401:
                assert listed == report
                assert failure(listed).kind is FailureKind.FORBIDDEN, name
            if said.status in (302, 401):
                assert re.search(r"check the source's url|key", failure_text(failure(listed))), name


def test_every_record_is_whole_and_holds_no_real_secret() -> None:
    for name in names("codex-proxy") + names("codex-lb"):
        kept = json.loads((RECORDED / f"{name}.json").read_text())
        assert {"request", "status", "headers", "json"} <= kept.keys(), name
        tokens = SECRETS.findall(json.dumps(kept))
        assert set(tokens) <= FAKE, name
