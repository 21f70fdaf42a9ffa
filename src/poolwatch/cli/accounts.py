"""`accounts list`: identity, custody and holders."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from poolwatch.bootstrap.headless import look
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.entry import complain_about, nobody_there, run_async, surroundings
from poolwatch.cli.exits import EXIT_CONFIG, EXIT_OK, say
from poolwatch.domain.state import KeptFile
from poolwatch.domain.status import Judged
from poolwatch.host.instants import instant_text
from poolwatch.presentation import masking
from poolwatch.presentation.remedy import import_command
from poolwatch.presentation.view import Prefs
from poolwatch.words.messages import failure_text, message_text


def list_accounts(config: Path | None, *, mask: bool) -> int:
    """Print every account with the places that hold its login; polls nothing."""
    around = surroundings(config, mask=mask)
    hidden = around.settings.ui.mask
    seen = run_async(lambda: look(around, timedelta(days=3650), lambda _: ()))
    complain_about(seen, around, sources=True)
    ordered = sorted(seen.overview.accounts, key=lambda each: (each.label.casefold(), each.account.key.id))
    for each in ordered:
        say(*_lines(each, hidden=hidden))
    tell_kept(around, seen.state.kept)
    if not ordered:
        # nothing to list is no failure, unless somebody who should say is silent
        code = nobody_there(around, seen.state)
        return EXIT_OK if code == EXIT_CONFIG else code
    return EXIT_OK


def tell_kept(around: Surroundings, files: Sequence[KeptFile]) -> None:
    """Name each login that waits in the state directory, and the command that brings it home."""
    for each in files:
        say(kept_line(around, each), f"    {kept_command(around, each)}")


def kept_line(around: Surroundings, file: KeptFile) -> str:
    """`kept  ann@example.com (3f2a90b1): a new login waits in ~/….auth.json since 2026-11-20T21:00:00Z`."""
    mail = file.email if file.email and not around.settings.ui.mask else "a login"
    whose = f"{mail} ({file.key.id[:8]})" if file.key is not None else mail
    since = instant_text(file.since)
    return f"kept  {whose}: a new login waits in {around.told_path(file.path)} since {since}"


def kept_command(around: Surroundings, file: KeptFile) -> str:
    """The command that brings a login home."""
    prefs = Prefs(around.rules, mask=around.settings.ui.mask, config=around.named_config)
    return import_command(file.path, prefs)


def _lines(each: Judged, *, hidden: bool) -> list[str]:
    account = each.account
    mail = masking.shown_email(account, mask=hidden) or "no e-mail"
    name = masking.shown_name(account, mask=hidden)
    rows = [f"{account.key.id}  {name}  {mail}  custody {account.custody.value}"]
    for listing in account.listings:
        place = masking.shown_path(listing.path or listing.ref.place, mask=hidden)
        owner = f", kept by {listing.owner}" if listing.owner else ""
        problem = ""
        if listing.problem is not None:
            problem = f": {masking.shown_text(message_text(listing.problem), account, mask=hidden)}"
        rows.append(f"    {listing.ref.source}  {place}  {listing.custody.value}{owner}{problem}")
    trouble = account.login_trouble
    if trouble is not None:
        words = masking.shown_text(failure_text(trouble), account, mask=hidden)
        rows.append(f"    {trouble.kind.value}: {words}")
    return rows
