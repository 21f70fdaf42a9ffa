"""`accounts list`: identity, custody and holders."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from poolwatch.bootstrap.headless import look
from poolwatch.cli.entry import nobody_there, run_async, surroundings, tell_failing
from poolwatch.cli.exits import EXIT_CONFIG, EXIT_OK, complain, say
from poolwatch.domain.overview import Judged
from poolwatch.presentation import masking


def list_accounts(config: Path | None, *, mask: bool) -> int:
    """Print every account with the places that hold its login; polls nothing."""
    around = surroundings(config)
    hidden = mask or around.settings.ui.mask
    seen = run_async(lambda: look(around, timedelta(days=3650), lambda _: ()))
    for notice in seen.notices:
        complain(notice)
    tell_failing(seen.state)
    if not seen.overview.accounts:
        # nothing to list is no failure, unless somebody who should say is silent
        code = nobody_there(around, seen.state)
        return EXIT_OK if code == EXIT_CONFIG else code
    ordered = sorted(seen.overview.accounts, key=lambda each: (each.label.casefold(), each.account.key.id))
    say("\n".join(line for each in ordered for line in _lines(each, hidden=hidden)))
    return EXIT_OK


def _lines(each: Judged, *, hidden: bool) -> list[str]:
    account = each.account
    mail = masking.shown_email(account, mask=hidden) or "no e-mail"
    name = masking.shown_name(account, mask=hidden)
    rows = [f"{account.key.id}  {name}  {mail}  custody {account.custody.value}"]
    for listing in account.listings:
        place = masking.shown_path(listing.path or listing.ref.place, mask=hidden)
        owner = f", kept by {listing.owner}" if listing.owner else ""
        said = masking.shown_text(listing.problem, account, mask=hidden) if listing.problem else ""
        problem = f": {said}" if said else ""
        rows.append(f"    {listing.ref.source}  {place}  {listing.custody.value}{owner}{problem}")
    trouble = account.login_trouble
    if trouble is not None:
        words = masking.shown_text(trouble.message, account, mask=hidden)
        rows.append(f"    {trouble.kind.value}: {words}")
    return rows
