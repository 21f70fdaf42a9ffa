"""`next`: the account to use next and why, for people, for scripts, and as a CODEX_HOME."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from poolwatch.domain.overview import Judged, NextUp, PoolOverview
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


def next_is_old(up: NextUp, overview: PoolOverview, prefs: Prefs) -> str:
    """How old the reading is that speaks for this account."""
    account = up.judged.account
    age = durations.age(overview.own_now - (account.read_at or overview.own_now))
    return cli.next_is_old(shown_name(account, mask=prefs.mask), age)


def next_json(overview: PoolOverview, prefs: Prefs, *, is_old: bool = False) -> str:
    """The same for scripts; `account` is null when none can be used. ASCII only, ends in a newline."""
    up = overview.next_up
    document: Json = {"schema": SCHEMA, "account": None, "why": None, "stale": False, "read_at": None}
    if up is not None:
        account = up.judged.account
        home = next_home(overview)
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
            "stale": is_old,
            "read_at": _instant(account.read_at),
        }
    return json.dumps(document, indent=2) + "\n"


def _instant(at: datetime | None) -> str | None:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at is not None else None


def next_home(overview: PoolOverview) -> str | None:
    """The CODEX_HOME of the account to use next, as shown to people (with ~); None when it has none."""
    up = overview.next_up
    return _home(up.judged) if up is not None else None


def _home(judged: Judged) -> str | None:
    return next((listing.home for listing in judged.account.listings if listing.home), None)
