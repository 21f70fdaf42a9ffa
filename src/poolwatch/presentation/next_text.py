"""`next`: the account to use next and why, for people, for scripts, and as a CODEX_HOME."""

from __future__ import annotations

import json
from typing import Final

from poolwatch.domain.account import Listing
from poolwatch.domain.overview import NextUp, PoolOverview
from poolwatch.domain.status import Judged, Status
from poolwatch.domain.text import path_at
from poolwatch.domain.values import is_undated
from poolwatch.presentation import figures
from poolwatch.presentation.masking import shown_email, shown_group, shown_label, shown_name, shown_path
from poolwatch.presentation.status_json import Json, instant
from poolwatch.presentation.strip import next_why
from poolwatch.presentation.view import Prefs
from poolwatch.words import account as words
from poolwatch.words import commands

SCHEMA: Final = "poolwatch.next/1"


def next_text(overview: PoolOverview, prefs: Prefs) -> str:
    """The account on one line and the reason on the next; without one, when the first comes back."""
    best, back = next_account(overview), overview.next_back
    if best is not None:
        plan = words.plan_name(best.account.plan)
        name = shown_name(best.account, mask=prefs.mask)
        return f"{name}{f'  {plan}' if plan else ''}\n{_why(overview, best, prefs)}\n"
    if back is None:
        return f"{no_next(overview)}\n"
    label = shown_name(back.judged.account, mask=prefs.mask)
    clock = figures.clock(back.until, overview.now, prefs.zone)
    return f"{commands.no_next_back(label, clock, figures.countdown(back.until, overview.now))}\n"


def no_next(overview: PoolOverview) -> str:
    """Why nobody is named; an account of which nothing is known may be usable all the same."""
    unknown = all(judged.status.kind is Status.UNKNOWN for judged in overview.accounts)
    return commands.NONE_KNOWN() if unknown and overview.accounts else commands.NO_NEXT()


def next_is_old(up: NextUp, overview: PoolOverview, prefs: Prefs) -> str:
    """How old the reading is that speaks for this account."""
    account = up.judged.account
    dated = account.read_at is not None and not is_undated(account.read_at)
    age = figures.age_of(account.read_at, overview.own_now) if dated else ""
    return commands.next_is_old(shown_name(account, mask=prefs.mask), age)


def next_json(overview: PoolOverview, prefs: Prefs, *, is_old: bool = False) -> str:
    """The same for scripts; `account` is null when none can be used. ASCII only, ends in a newline."""
    best = next_account(overview)
    document: Json = {"schema": SCHEMA, "account": None, "why": None, "stale": False, "read_at": None}
    if best is not None:
        account, read_at = best.account, best.account.read_at
        entry = _home_entry(best)
        home = entry.home if entry is not None else None
        document = {
            "schema": SCHEMA,
            "account": {
                "id": account.key.id,
                "label": shown_label(account, mask=prefs.mask),
                "group": shown_group(account.name.group, mask=prefs.mask) or None,
                "email": shown_email(account, mask=prefs.mask),
                "plan": account.plan,
                "status": best.status.kind.value,
                "home": shown_path(home, mask=prefs.mask) if home else None,
            },
            "why": _why(overview, best, prefs),
            "stale": is_old,
            "read_at": None if read_at is None or is_undated(read_at) else instant(read_at),
        }
    return json.dumps(document, indent=2) + "\n"


def next_home(overview: PoolOverview) -> str | None:
    """The CODEX_HOME of the account to use next, its very bytes if they are known; None when it has none."""
    best = next_account(overview)
    entry = _home_entry(best) if best is not None else None
    path = path_at(entry.ref.place) if entry is not None else None
    if entry is None or path is None:
        return entry.home if entry is not None else None
    return path.rpartition("/")[0] or "/"


def next_account(overview: PoolOverview) -> Judged | None:
    """The account to use next; with nobody active, the one whose credits may carry it."""
    return overview.next_up.judged if overview.next_up is not None else overview.last_resort


def _why(overview: PoolOverview, best: Judged, prefs: Prefs) -> str:
    if overview.next_up is not None:
        return next_why(best, overview.next_up.reason, overview.now, prefs)
    until, aged = best.status.until, best.account.usage.credits
    back = figures.clock(until, overview.now, prefs.zone) if until and until > overview.now else ""
    credits = aged.value if aged is not None else None
    if credits is None or credits.unlimited or credits.balance is None:
        return commands.on_credits_left(back, "", "")
    left = figures.credits_text(credits.balance), figures.usd_text(credits.balance, overview.rules)
    return commands.on_credits_left(back, *left)


def _home_entry(judged: Judged) -> Listing | None:
    return next((listing for listing in judged.account.listings if listing.home), None)
