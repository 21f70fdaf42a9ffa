"""`next`: the account to use next and why, for people, for scripts, and as a CODEX_HOME."""

from __future__ import annotations

import json
from typing import Final

from poolwatch.domain.account import Listing
from poolwatch.domain.overview import Judged, PoolOverview
from poolwatch.domain.shell import path_at
from poolwatch.presentation import durations
from poolwatch.presentation.masking import shown_email, shown_group, shown_label, shown_name, shown_path
from poolwatch.presentation.prefs import Prefs
from poolwatch.presentation.status_json import Json
from poolwatch.presentation.strip import next_why
from poolwatch.presentation.words import cli, names

SCHEMA: Final = "poolwatch.next/1"


def next_text(overview: PoolOverview, prefs: Prefs) -> str:
    """The account on one line and the reason on the next; without one, when the first comes back."""
    up, back = overview.next_up, overview.next_back
    if up is not None:
        plan = names.plan_name(up.judged.account.plan)
        name = shown_name(up.judged.account, mask=prefs.mask)
        why = next_why(up.judged, up.reason, overview.now, prefs)
        return f"{name}{f'  {plan}' if plan else ''}\n{why}\n"
    if back is None:
        return f"{cli.NO_NEXT}\n"
    label = shown_name(back.judged.account, mask=prefs.mask)
    clock = durations.clock(back.until, overview.now, prefs.zone)
    return f"{cli.no_next_back(label, clock, durations.countdown(back.until, overview.now))}\n"


def next_json(overview: PoolOverview, prefs: Prefs) -> str:
    """The same for scripts; `account` is null when none can be used. ASCII only, ends in a newline."""
    up = overview.next_up
    document: Json = {"schema": SCHEMA, "account": None, "why": None}
    if up is not None:
        account = up.judged.account
        entry = _home_entry(up.judged)
        home = entry.home if entry is not None else None
        document = {
            "schema": SCHEMA,
            "account": {
                "id": account.key.id,
                "label": shown_label(account, mask=prefs.mask),
                "group": shown_group(account.name.group, mask=prefs.mask) or None,
                "email": shown_email(account, mask=prefs.mask),
                "plan": account.plan,
                "home": shown_path(home, mask=prefs.mask) if home else None,
            },
            "why": next_why(up.judged, up.reason, overview.now, prefs),
        }
    return json.dumps(document, indent=2) + "\n"


def next_home(overview: PoolOverview) -> str | None:
    """The CODEX_HOME of the account to use next, its very bytes if they are known; None when it has none."""
    up = overview.next_up
    entry = _home_entry(up.judged) if up is not None else None
    path = path_at(entry.ref.place) if entry is not None else None
    if entry is None or path is None:
        return entry.home if entry is not None else None
    return path.rpartition("/")[0] or "/"


def _home_entry(judged: Judged) -> Listing | None:
    return next((listing for listing in judged.account.listings if listing.home), None)
