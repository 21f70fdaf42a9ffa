"""A pool whose every source is hostile: lists and figures come in through the sources' own readers."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, TypeAlias

from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.domain.account import AccountKey, Custody, Listing
from poolwatch.domain.events import Listed, PoolEvent, ReadingArrived, RefreshMoved, SourceFailed
from poolwatch.domain.failure import Failure, FailureKind, worded
from poolwatch.domain.pool import apply
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import PoolState
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Reply
from poolwatch.sources.auth_files import AuthFiles
from poolwatch.sources.codex_home import CodexHomes
from poolwatch.sources.pools.cli_proxy_api import CliProxyApi
from poolwatch.sources.pools.codex_lb import CodexLb
from poolwatch.sources.pools.codex_proxy import CodexProxy
from poolwatch.sources.redaction import shown_body
from poolwatch.sources.source import Source, SourceSetup
from poolwatch.sources.usage_endpoint import classify
from poolwatch.sources.usage_payload import parse_usage
from poolwatch.words.messages import failure_text
from tests.faults.nasty import FRAGMENTS, LONGEST, nasty_text
from tests.net.script import Script, reply
from tests.sources.logins import FINGERPRINT, access_token, cliproxy_login, codex_login
from tests.support.cli_proxy_server import login
from tests.support.codex_lb_server import LbAccountState
from tests.support.codex_proxy_server import ProxyAccountState, quota_of

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

NOW: Final = datetime(2026, 11, 20, 21, 3, 20, tzinfo=UTC)
_PAYLOADS: Final = Path(__file__).parents[1] / "payloads"
_PLAIN: Final[list[dict[str, Json]]] = [
    json.loads(path.read_bytes())
    for path in sorted(_PAYLOADS.glob("[012]*.json"))
    if path.stat().st_size > 80
]
#: members of a payload whose text must stay as it is for the rest of the object to be read
_KEPT: Final = frozenset({"balance", "used_percent", "reset_at", "limit", "used", "remaining", "user_id"})


def labels(seed: int, count: int) -> list[str]:
    """So many hostile texts, the same for the same seed; each fragment begins one of them in turn."""
    rng = random.Random(seed)
    first = rng.randrange(len(FRAGMENTS))
    return [
        (FRAGMENTS[(first + number) % len(FRAGMENTS)] + nasty_text(rng))[:LONGEST] for number in range(count)
    ]


@dataclass(frozen=True)
class Stage:
    """The state after everything came in, and each account's payload as it is shown on request."""

    state: PoolState
    payloads: Mapping[AccountKey, str]


def poisoned(value: Json, texts: Sequence[str], at: int) -> Json:
    """The payload with every text in it replaced, and one member of each object under a hostile name."""
    if isinstance(value, str):
        return texts[at % len(texts)]
    if isinstance(value, list):
        return [poisoned(each, texts, at + 7 * index) for index, each in enumerate(value)]
    if isinstance(value, dict):
        changed: dict[str, Json] = {
            name: each if name in _KEPT else poisoned(each, texts, at + 3 * index + 1)
            for index, (name, each) in enumerate(value.items())
        }
        changed[texts[(at + 11) % len(texts)][:200]] = 1
        return changed
    return value


async def hostile_stage(folder: Path, texts: Sequence[str]) -> Stage:
    """As many accounts as texts, over five kinds of source; each text is a name once, and much else."""
    parts = [list(range(kind, len(texts), 5)) for kind in range(5)]
    _lay_out(folder)
    events: list[PoolEvent] = []
    client = HttpClient()
    for name, kind, part in zip(("homes", "files", "proxy", "lb", "cpa"), range(5), parts, strict=True):
        listings = await _listed(client, folder, name, kind, [(texts, at) for at in part])
        events.append(Listed(name, listings, NOW - timedelta(minutes=1)))
    state = PoolState(settled=True)
    for event in events:
        state = apply(state, event)
    payloads: dict[AccountKey, str] = {}
    short = [text[:400] for text in texts]
    for number, account in enumerate(tuple(state.accounts.values())):
        source = account.listings[0].ref.source
        plain = deepcopy(_PLAIN[number % len(_PLAIN)])
        body = json.dumps(poisoned(plain, texts if number % 16 == 0 else short, number)).encode()
        payloads[account.key] = shown_body(body)
        at = NOW - timedelta(minutes=number % 7)
        state = apply(state, ReadingArrived(account.key, source, at, parse_usage(body, at)))
        failure = _failure(texts, number)
        if number % 5 == 3:
            state = apply(state, ReadingArrived(account.key, source, at, failure))
        if number % 7 == 2:
            token = TokenStep(TokenOutcome.FAILED, 0.4, failure=failure, detail=failure.detail)
            done = RefreshProgress(at, token, UsageStep(failure, 0.2), done=True)
            state = apply(state, RefreshMoved(account.key, done, NOW))
    words = failure_text(_failure(texts, 5))
    state = apply(state, SourceFailed("lb", worded(FailureKind.UNREACHABLE, words), NOW))
    return Stage(state, payloads)


def _lay_out(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "pool.key").write_text("fake-key\n")
    (folder / "pool.key").chmod(0o600)


def _failure(texts: Sequence[str], at: int) -> Failure:
    """What the service's own words become."""
    text = texts[(at + 5) % len(texts)]
    body = {"error": {"code": text, "type": text, "message": text}, "detail": {"code": text, "message": text}}
    status = (500, 403, 429, 401, 418)[at % 5]
    found = classify(Reply(status, {"retry-after": text}, json.dumps(body).encode(), NOW, 0.1), NOW)
    assert found is not None
    return found


async def _listed(
    client: HttpClient, folder: Path, name: str, kind: int, named: Sequence[tuple[Sequence[str], int]]
) -> tuple[Listing, ...]:
    if kind < 2:
        return await _read(_files(client, folder, name, kind, named))
    rows: list[object] = [_ROWS[kind - 2](texts, at) for texts, at in named]
    listed = {"files": rows} if kind == 4 else {"accounts": rows, "persistence_health": {"ok": True}}
    async with Script([reply(200, json.dumps(listed).encode())]) as server:
        return await _read(_pool(client, folder, name, kind, server.url))


async def _read(source: Source) -> tuple[Listing, ...]:
    found = await source.list_accounts(NOW)
    assert not isinstance(found, Failure), found
    return found


def _files(
    client: HttpClient, folder: Path, name: str, kind: int, named: Sequence[tuple[Sequence[str], int]]
) -> Source:
    for texts, at in named:
        text, other = texts[at], texts[(at + 1) % len(texts)]
        access = access_token(f"user-{at}", f"acct-{at}", NOW + timedelta(days=3), chatgpt_plan_type=other)
        if kind == 0:
            path = folder / "homes" / f"{at:06}{_file_name(text)}" / "auth.json"
            content = codex_login(access, text)
        else:
            path = folder / "files" / f"{at:06}{_file_name(other)}.json"
            content = cliproxy_login(access, text)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o600)
    if kind == 0:
        homes = SourceSettings(SourceKind.CODEX_HOME, name, Custody.CODEX, path=str(folder / "homes" / "*"))
        return CodexHomes(SourceSetup(homes, client, folder, {}, 5, FINGERPRINT))
    files = SourceSettings(SourceKind.AUTH_FILES, name, Custody.OTHER, path=str(folder / "files"))
    (folder / "files").mkdir(exist_ok=True)
    return AuthFiles(SourceSetup(files, client, folder, {}, 5, FINGERPRINT))


def _pool(client: HttpClient, folder: Path, name: str, kind: int, url: str) -> Source:
    key = str(folder / "pool.key")
    if kind == 2:
        proxy = SourceSettings(SourceKind.CODEX_PROXY, name, Custody.POOL, url=url)
        return CodexProxy(SourceSetup(proxy, client, folder, {}, 30))
    if kind == 3:
        lb = SourceSettings(SourceKind.CODEX_LB, name, Custody.POOL, url=url, api_key_file=key)
        return CodexLb(SourceSetup(lb, client, folder, {}, 30))
    cpa = SourceSettings(SourceKind.CLI_PROXY_API, name, Custody.POOL, url=url, api_key_file=key)
    return CliProxyApi(SourceSetup(cpa, client, folder, {}, 30))


def _proxy_row(texts: Sequence[str], at: int) -> object:
    quota = poisoned(quota_of(_USAGE), texts, at)
    row = ProxyAccountState(f"acc{at}", texts[at - 3], f"acct-{at}", f"user-{at}", label=texts[at]).row()
    told = {"planType": texts[at - 1], "status": texts[at - 2], "quota": quota}
    return row | told | {"quotaFetchedAt": "2026-11-20T20:00:00.000Z"}


def _lb_row(texts: Sequence[str], at: int) -> object:
    row = LbAccountState(
        f"00000000-0000-4000-8000-{at:012}", "x@example.com", read=_USAGE, read_at="2026-11-20T20:30:00Z"
    ).fleet_row()
    text = texts[at - 1]
    return row | {"email": f"{at}{text}", "displayName": texts[at], "planType": texts[at - 2], "status": text}


def _cpa_row(texts: Sequence[str], at: int) -> object:
    row = login(at, email=f"{at}{texts[at - 1]}", label=texts[at], status=texts[at - 2], name=texts[at - 3])
    claims = {"chatgpt_account_id": f"acct-{at}", "plan_type": texts[at - 1]}
    return row | {"status_message": texts[at - 2], "id_token": claims, "path": texts[at]}


def _file_name(text: str) -> str:
    """As much of a text as a folder's name can hold: no NUL, no slash, few bytes."""
    plain = "".join(char for char in text if char not in "\0/" and not 0xD800 <= ord(char) <= 0xDFFF)
    return plain.encode()[:200].decode(errors="ignore")


_ROWS: Final = (_proxy_row, _lb_row, _cpa_row)
_USAGE: Final = next(each for each in _PLAIN if "additional_rate_limits" in each and each.get("rate_limit"))

__all__ = ["NOW", "Json", "Stage", "hostile_stage", "labels", "poisoned"]
