"""A login file in a pool folder, a state directory, and a login service, put together for one test."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from poolwatch.custody.attempt import RefreshAttempt as Errand
from poolwatch.custody.exchange import Verdict, judge, post_refresh
from poolwatch.custody.login_file import Login, read_login
from poolwatch.custody.login_lock import note_path
from poolwatch.custody.protocol import Seen, Tools, spend_login
from poolwatch.custody.state_dir import Fingerprinter, StateDir
from poolwatch.custody.token_step import SpendRequest, TokenAsk, TokenRules
from poolwatch.domain.account import Custody, Listing, Secret, SourceRef, TokenFacts
from poolwatch.domain.refresh import TokenStep
from poolwatch.domain.values import replace
from poolwatch.net.client import HttpClient
from tests.support.token_server import CANARY, TokenServer, claims_of, make_jwt

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=10)


def codex_document(
    refresh: str = f"rt_{CANARY}_0",
    *,
    account: str = "acc-1",
    user: str = "user-Ann",
    expires: datetime = NOW,
) -> dict[str, object]:
    claims = claims_of(user, account, int(expires.timestamp()))
    return {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": {
            "id_token": make_jwt({**claims, "email": "ann@example.com"}, "id-0"),
            "access_token": make_jwt(claims, "access-0"),
            "refresh_token": refresh,
            "account_id": account,
            "inner_extra": [1, 2.5],
        },
        "last_refresh": "2026-11-10T21:00:00.123456789Z",
        "extra": {"ключ": True},
    }


def write_json(path: Path, document: object) -> Path:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        json.dump(document, out, indent=2)
    return path


@dataclass(frozen=True)
class Room:
    state: StateDir
    file: Path
    server: TokenServer
    fingerprint: Fingerprinter

    @property
    def login(self) -> Login:
        found = read_login(self.file, self.fingerprint)
        assert isinstance(found, Login)
        return found

    @property
    def real(self) -> Path:
        return Path(os.path.realpath(self.file))

    @property
    def key(self) -> str:
        return self.errand().account

    @property
    def note(self) -> Path:
        """The lock and memory beside the login."""
        return note_path(self.real, ("user-Ann", "acc-1"))

    def beside(self) -> list[str]:
        """What lies in the folder of the login, but for its note."""
        names = {path.name for path in self.file.parent.iterdir()}
        return sorted(names - {self.note.name})

    def errand(self, attempt: str = "a1") -> Errand:
        return Errand(self.real, attempt, NOW, "acc-1", "user-Ann")

    def request(self, *, try_once: bool = False) -> SpendRequest:
        return SpendRequest(
            self.state.root, self.real, self.server.url, self.seen(), "acc-1", "user-Ann", try_once
        )

    def seen(self) -> Seen:
        login = self.login
        return Seen(login.fingerprint, login.refresh_fingerprint)

    def tools(self, url: str | None = None, deadline: float = 10.0) -> Tools:
        def send(token: Secret) -> Verdict:
            asked = post_refresh(HttpClient(), url or self.server.url, token, deadline)
            return judge(asyncio.run(asked), NOW)

        return Tools(self.fingerprint, lambda: NOW, send, patience_seconds=0.2)

    def spend(
        self,
        attempt: str = "a1",
        *,
        seen: Seen | None = None,
        try_once: bool = False,
        tools: Tools | None = None,
        errand: Errand | None = None,
    ) -> TokenStep:
        """The protocol in this process, against the real server and the real files."""
        return spend_login(
            self.state,
            errand or self.errand(attempt),
            seen or self.seen(),
            tools or self.tools(),
            try_once=try_once,
        )

    def rules(self, *, delegate: bool = True, read_only: bool = False) -> TokenRules:
        return TokenRules(
            self.state.root,
            self.server.url,
            self.fingerprint,
            delegate_to_codex=delegate,
            read_only=read_only,
        )

    def listing(self, custody: Custody = Custody.POOLWATCH) -> Listing:
        login = self.login
        facts = TokenFacts(login.expires_at, login.last_refresh, login.fingerprint, login.refresh_fingerprint)
        return Listing(
            SourceRef("pool", str(self.file)),
            custody=custody,
            login=login.kind,
            token=facts,
            owner="CLIProxyAPI",
        )

    def ask(self, **changes: object) -> TokenAsk:
        return replace(TokenAsk(NOW), **changes)  # type: ignore[arg-type] # the tests name fields of it

    def holds_valid_token(self) -> bool:
        """Whether the one token that the service would still take is in the file."""
        return self.login.refresh == Secret(self.server.valid)

    def keeps_valid_token(self) -> bool:
        """Whether it is in the file, or waits in poolwatch's own state."""
        waiting = [path.read_bytes() for path in self.state.custody.iterdir() if path.is_file()]
        return self.holds_valid_token() or any(self.server.valid.encode() in text for text in waiting)


def make_room(root: Path, server: TokenServer) -> Room:
    state = StateDir(root / "state")
    assert state.prepare() is None
    fingerprint = Fingerprinter.from_state_dir(state.root)
    assert isinstance(fingerprint, Fingerprinter)
    file = write_json(root / "pool" / "ann.json", codex_document(server.valid))
    return Room(state, file, server, fingerprint)


def running_room(root: Path) -> Iterator[Room]:
    with TokenServer(int(LATER.timestamp())) as server:
        yield make_room(root, server)
