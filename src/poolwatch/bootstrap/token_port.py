"""The custody room as the refresh chain wants it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.settings import SourceSettings
from poolwatch.custody.files import FileProblem
from poolwatch.custody.fingerprint import KEY_BYTES, Fingerprinter
from poolwatch.domain.account import AccountKey, Custody
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.monitor.ports import Interrupted, TokenRequest
from poolwatch.sources.source import FileSource, PoolSource, Source

if TYPE_CHECKING:
    from poolwatch.custody.recovery import Recovered


def fingerprinter_of(state_dir: Path) -> tuple[Fingerprinter, str | None]:
    """The keyed fingerprints of this state directory; one for this run alone where none can be kept."""
    found = Fingerprinter.from_state_dir(state_dir)
    if isinstance(found, FileProblem):
        return Fingerprinter(secrets.token_bytes(KEY_BYTES)), f"nothing can be remembered: {found.words}"
    return found, None


class Custodian:
    """Runs token steps; it knows each source's token endpoint, and the file behind each entry."""

    def __init__(
        self,
        around: Surroundings,
        fingerprint: Fingerprinter,
        source_of: Callable[[str], Source | None],
        *,
        is_kept: bool,
    ) -> None:
        """`is_kept` False: outcomes cannot be remembered, so no token is spent."""
        self._around = around
        self._fingerprint = fingerprint
        self._source_of = source_of
        self._is_kept = is_kept
        self._sources = {source.name: source for source in around.sources}

    def add(self, source: SourceSettings) -> None:
        """Know one more source from now on."""
        self._sources[source.name] = source

    async def step(self, request: TokenRequest, on_delegating: Callable[[], None]) -> TokenStep:
        """Run the token step of a refresh for one login."""
        listing = request.listing
        asked = self._source_of(listing.ref.source)
        if isinstance(asked, PoolSource):
            if self._around.settings.read_only:
                return TokenStep(TokenOutcome.BLOCKED, block=BlockReason.READ_ONLY)
            return await asked.token_step(listing.ref, request.now)
        path = asked.path_of(listing.ref) if isinstance(asked, FileSource) else None
        source = self._sources.get(listing.ref.source)
        if path is None or source is None:
            words = "the login is not there any more"
            return TokenStep(TokenOutcome.FAILED, failure=Failure(FailureKind.TOKEN_REFRESH, words))
        if listing.custody is Custody.POOLWATCH and not self._is_kept:
            state = str(self._around.state_dir)
            failure = Failure(FailureKind.BLOCKED, f"not spent: {state} cannot be written", detail=state)
            return TokenStep(TokenOutcome.BLOCKED, block=BlockReason.PATH, failure=failure, detail=state)
        # few tokens are ever spent, and what it takes is loaded on a thread: the screen lives meanwhile
        await asyncio.to_thread(import_module, "poolwatch.custody.token_step")
        from poolwatch.custody.token_step import TokenAsk, TokenRules, token_step

        rules = TokenRules(
            self._around.state_dir,
            source.token_url,
            self._fingerprint,
            delegate_to_codex=self._around.settings.refresh.delegate_to_codex,
            read_only=self._around.settings.read_only,
        )
        ask = TokenAsk(
            request.now,
            try_once=request.try_once,
            other_holders=request.other_holders,
            rejected=request.rejected,
            beside_codex=request.beside_codex,
            spacing=request.spacing,
        )
        return await token_step(listing, path, rules, ask, on_delegating)

    async def recover(self, now: datetime) -> tuple[Interrupted, ...]:
        """Finish what an earlier run left behind, without the network."""
        if not self._is_kept:
            return ()
        await asyncio.to_thread(import_module, "poolwatch.custody.recovery")
        from poolwatch.custody.recovery import recover

        found = await asyncio.to_thread(recover, self._around.state_dir, self._fingerprint, now)
        if isinstance(found, FileProblem):
            return ()
        return tuple(Interrupted(_key(each), str(each.file), each.step) for each in found)


def _key(each: Recovered) -> AccountKey | None:
    if each.user_id is None or each.account_id is None:
        return None
    return AccountKey("codex", each.user_id, each.account_id)
