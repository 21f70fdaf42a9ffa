"""`refresh`."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from pathlib import Path

from poolwatch.bootstrap.console import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say, say_text
from poolwatch.bootstrap.headless import refresh
from poolwatch.cli.accounts import find_account
from poolwatch.cli.command import complain_about, monitored, nobody_there, run_async
from poolwatch.domain.account import AccountKey
from poolwatch.domain.overview import PoolOverview
from poolwatch.domain.refresh import Awaited, RefreshProgress
from poolwatch.domain.state import PoolState
from poolwatch.domain.status import Judged
from poolwatch.presentation.masking import shown_name
from poolwatch.presentation.refresh_line import bulk_line, progress_line
from poolwatch.words import refresh as words
from poolwatch.words.commands import said


def run_refresh(
    config: Path | None,
    accounts: Sequence[str],
    *,
    everyone: bool,
    force: bool,
    as_json: bool,
    mask: bool,
) -> int:
    """Refresh the named accounts, or all; 1 when a step of a named one failed, or nothing could be asked."""
    if bool(accounts) is everyone:
        complain(said("accounts_and_all" if accounts else "accounts_or_all"))
        return EXIT_USAGE
    around = monitored(config, mask=mask)
    prefs = around.prefs()

    before: dict[AccountKey, Judged] = {}

    def chosen(seen: PoolOverview) -> Collection[AccountKey]:
        # an account may leave the list while it is refreshed, and its outcome is told all the same
        before.update(seen.by_key)
        if everyone or not seen.accounts:
            return list(seen.by_key)
        state = PoolState({key: each.account for key, each in seen.by_key.items()})
        return list(dict.fromkeys(find_account(state, text, mask=prefs.mask).key for text in accounts))

    def tell_waiting(key: AccountKey | None, found: Awaited) -> None:
        if key is None:
            complain(words.still_waiting_for_owner(found))
        else:
            complain(words.still_waiting(shown_name(before[key].account, mask=prefs.mask), found))

    only_if_due = everyone and not force
    beside = force and not everyone
    seen, ended = run_async(
        lambda: refresh(around, chosen, only_if_due=only_if_due, beside_codex=beside, on_waiting=tell_waiting)
    )
    complain_about(seen, around, sources=True)
    if not ended:
        return nobody_there(around, seen.state)
    rows = []
    for key, progress in ended.items():
        judged = seen.overview.by_key.get(key) or before[key]
        line = progress_line(progress, judged.account, seen.overview.now, prefs, again=words.FORCE)
        label = shown_name(judged.account, mask=prefs.mask)
        rows.append(_row(key, label, progress, line))
        if not as_json:
            say(f"{label}: {line}")
    failed = sum(progress.failed for progress in ended.values())
    if as_json:
        say_text(json.dumps({"schema": "poolwatch.refresh/1", "failed": failed, "accounts": rows}, indent=2))
    elif everyone:
        changed = sum(bool(progress.changes) for progress in ended.values())
        say(bulk_line(finished=len(ended), total=len(ended), failed=failed, done=True, changed=changed))
    return EXIT_FAILED if failed and not everyone else EXIT_OK


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
