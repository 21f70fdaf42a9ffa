"""`refresh`."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from poolwatch.bootstrap.console import (
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    can_draw,
    complain,
    say,
    say_over,
    say_text,
)
from poolwatch.bootstrap.headless import Look, refresh
from poolwatch.cli.command import (
    complain_about,
    find_account,
    kept_by,
    monitored,
    nobody_there,
    run_async,
)
from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import BulkProgress
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.refresh import Awaited, RefreshProgress
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.presentation.masking import shown_name
from poolwatch.presentation.refresh_line import bulk_line, progress_line
from poolwatch.presentation.view import Prefs
from poolwatch.words import refresh as words
from poolwatch.words.commands import said


class Chosen(Struct, frozen=True):
    """Whom to refresh: those that are named, or all that a filter lets through."""

    accounts: tuple[str, ...]
    everyone: bool
    filter_text: str = ""

    @property
    def is_filtered(self) -> bool:
        """Whether a filter was typed."""
        return bool(self.filter_text.strip())

    @property
    def fault(self) -> str:
        """What is wrong with that, as the code of a sentence."""
        if self.is_filtered and not self.everyone:
            return "filter_of_all"
        if self.accounts:
            return "accounts_and_all" if self.everyone else ""
        return "" if self.everyone else "accounts_or_all"


def run_refresh(config: Path | None, wanted: Chosen, *, force: bool, as_json: bool, mask: bool) -> int:
    """Refresh the named accounts, or all; 1 when a step of a named one failed, or nothing could be asked."""
    accounts, everyone = wanted.accounts, wanted.everyone
    if wanted.fault:
        complain(said(wanted.fault))
        return EXIT_USAGE
    around = monitored(config, mask=mask)
    prefs = around.prefs()

    report = _Report(prefs, as_json=as_json)

    def chosen(seen: PoolOverview) -> Collection[AccountKey]:
        state = PoolState({key: each.account for key, each in seen.by_key.items()})
        if wanted.is_filtered:
            kept = kept_by(seen, wanted.filter_text, prefs)
            report.chosen.update((key, account) for key, account in state.accounts.items() if key in kept)
        elif not everyone and seen.accounts:
            found = [find_account(state, text, mask=prefs.mask) for text in accounts]
            report.chosen.update((account.key, account) for account in found)
        else:
            report.chosen.update(state.accounts)
        return list(report.chosen)

    def tell_waiting(key: AccountKey | None, found: Awaited) -> None:
        report.clear()
        if key is None:
            complain(words.still_waiting_for_owner(found))
        else:
            complain(words.still_waiting(shown_name(report.chosen[key], mask=prefs.mask), found))

    spare_fresh_tokens = everyone and not force
    beside = force and not everyone

    async def work() -> tuple[Look, dict[AccountKey, RefreshProgress]]:
        return await refresh(
            around,
            chosen,
            spare_fresh_tokens=spare_fresh_tokens,
            beside_codex=beside,
            on_waiting=tell_waiting,
            on_moved=report.moved,
        )

    try:
        seen, ended = run_async(work)
    finally:
        report.clear()
    complain_about(seen, around, sources=True)
    if not ended and seen.overview.accounts:
        # the filter lets nobody through, and that was said
        return EXIT_FAILED
    if not ended:
        return nobody_there(around, seen.state)
    failed = sum(progress.failed for progress in ended.values())
    if as_json:
        document = {"schema": "poolwatch.refresh/1", "failed": failed, "accounts": report.rows}
        say_text(json.dumps(document, indent=2))
    elif everyone:
        changed = sum(bool(progress.changes) for progress in ended.values())
        say(bulk_line(BulkProgress(len(ended), len(ended), failed, done=True, changed=changed)))
    return EXIT_FAILED if failed and not everyone else EXIT_OK


class _Report:
    """One line for each account as it ends; on a terminal another below them, which says how far it is."""

    def __init__(self, prefs: Prefs, *, as_json: bool) -> None:
        #: the accounts as they were before: one may leave the list while it is refreshed
        self.chosen: dict[AccountKey, AccountState] = {}
        #: how each account ended, as the JSON has it
        self.rows: list[dict[str, object]] = []
        self._prefs = prefs
        self._as_json = as_json
        self._is_live = not as_json and sys.stdout.isatty() and can_draw(os.environ)
        self._ended: set[AccountKey] = set()
        self._failed = 0
        #: the last one that is under way, and its line
        self._latest: tuple[AccountKey, str] | None = None

    def moved(self, key: AccountKey, progress: RefreshProgress, state: PoolState, now: datetime) -> None:
        """Say where the refresh of an account stands."""
        if key not in self.chosen or key in self._ended:
            return
        account = state.accounts.get(key) or self.chosen[key]
        label = shown_name(account, mask=self._prefs.mask)
        line = progress_line(progress, account, now, self._prefs, again=words.FORCE)
        if progress.done:
            self._ended.add(key)
            self._failed += progress.failed
            self.rows.append(_row(key, label, progress, line))
            if self._latest is not None and self._latest[0] == key:
                self._latest = None
            self.clear()
            if not self._as_json:
                say(f"{label}: {line}")
        elif progress.token is not None or progress.delegating or progress.waits_for is not None:
            # of those that only wait for their turn there is nothing to say
            self._latest = (key, f"{label}: {line}")
        self._draw()

    def clear(self) -> None:
        """Take away the line that changes."""
        if self._is_live:
            say_over("")

    def _draw(self) -> None:
        total = len(self.chosen)
        if not self._is_live or len(self._ended) == total:
            return
        from poolwatch.ui.cells import cut  # only a terminal has a width

        far = words.so_far(len(self._ended), total, self._failed)
        line = " · ".join([far, *([self._latest[1]] if self._latest is not None else [])])
        say_over(cut(line, max(1, shutil.get_terminal_size().columns - 1)))


def _row(key: AccountKey, label: str, progress: RefreshProgress, line: str) -> dict[str, object]:
    usage = progress.usage
    failure = usage.failure if usage is not None else None
    return {
        "id": key.id,
        "label": label,
        "token": progress.token.outcome.value if progress.token is not None else None,
        "usage": "not_tried" if usage is None or not usage.tried else failure.kind.value if failure else "ok",
        "ok": not progress.failed,
        "message": line,
    }
