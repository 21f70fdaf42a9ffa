"""A login, a state directory and the service, put together to use banked resets in this process."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from poolwatch.custody.login_file import Login
from poolwatch.domain.account import AccountKey, LoginKind, Secret
from poolwatch.domain.banked_resets import ResetLook, ResetRoute, ResetUse, Wish
from poolwatch.domain.failure import Failure
from poolwatch.domain.values import replace
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import NotSent, Reply
from poolwatch.purchases.reset_book import ResetBook, workspace_of
from poolwatch.purchases.reset_replies import Answer, Missing, ResetAnswer, Unsent
from poolwatch.purchases.resets import ResetOrder, Tools, use_reset
from poolwatch.sources import banked_resets
from poolwatch.sources.usage_payload import parse_reset_list, parse_usage
from tests.support.reset_server import LIST, USAGE, ResetServer

KEY = AccountKey("codex", "user-Ann", "acc-1")
LOGIN = Login("codex", LoginKind.OAUTH, access=Secret("access"), user_id="user-Ann", workspace="acc-1")


def _this_second() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


@dataclass
class ResetRoom:
    """`clock` is what the protocol takes for now; it is moved by the tests alone."""

    server: ResetServer
    book: ResetBook
    client: HttpClient
    loop: asyncio.AbstractEventLoop
    clock: list[datetime] = field(default_factory=lambda: [datetime.now(UTC).replace(microsecond=0)])
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def order(self, reset_id: str | None = None, *, forced: bool = False) -> ResetOrder:
        """A new wish."""
        number = next(self._numbers)
        return ResetOrder(
            f"{number:08d}-0000-4000-8000-000000000000",
            f"attempt{number}",
            KEY.id,
            workspace_of(KEY),
            ResetRoute.SERVICE,
            "pool",
            "ann.json",
            self.server.base_url,
            Wish(reset_id, forced),
        )

    def again(self, use: ResetUse) -> ResetOrder:
        """The same wish, asked for once more."""
        attempt = f"again{next(self._numbers)}"
        return replace(self.order(use.reset_id), request=use.id, attempt=attempt, again=True)

    def use(self, order: ResetOrder, **changes: object) -> ResetUse:
        """The protocol in this process, against the real server and the real files."""
        return use_reset(self.book, order, replace(self.tools(), **changes))  # type: ignore[arg-type] # its fields

    def tools(self) -> Tools:
        return Tools(self.now, self.look, self.send, patience_seconds=0.1)

    def now(self) -> datetime:
        return self.clock[0]

    def wait(self, length: timedelta) -> None:
        """Let time pass for the protocol."""
        self.clock[0] += length

    def look(self) -> ResetLook | Failure:
        work = banked_resets.look_at_resets(
            self.client, self.server.base_url, LOGIN, Secret("access"), self.clock[0], 5.0
        )
        return self.loop.run_until_complete(work)

    def look_without_network(self) -> ResetLook:
        """The same figures, much faster."""
        usage, rows = (self.server.get(path)[1] for path in (USAGE, LIST))
        found, listed = parse_usage(usage, self.clock[0]), parse_reset_list(rows)
        assert not isinstance(found, Failure)
        assert not isinstance(listed, Failure)
        return ResetLook(found, listed, self.clock[0])

    def send(self, request_id: str, reset_id: str | None) -> Answer:
        body = banked_resets.use_body(request_id, reset_id)
        work = banked_resets.use_reset(self.client, self.server.base_url, LOGIN, Secret("access"), body, 5.0)
        found = self.loop.run_until_complete(work)
        if isinstance(found, Reply):
            return ResetAnswer(found.status, found.body)
        why = found.failure.as_message
        return Unsent(why) if isinstance(found, NotSent) else Missing(why)

    def journal(self) -> str:
        return self.book.folder.journal(workspace_of(KEY)).read_text()


@contextmanager
def reset_room(root: Path) -> Iterator[ResetRoom]:
    loop = asyncio.new_event_loop()
    with ResetServer() as server:
        room = ResetRoom(server, ResetBook(root / "state", lambda: room.clock[0]), HttpClient(), loop)
        assert room.book.folder.prepare() is None
        try:
            yield room
        finally:
            loop.close()
