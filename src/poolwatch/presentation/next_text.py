"""`next`: the account to use next and why, for people, for scripts, and as a CODEX_HOME."""

from __future__ import annotations

import json
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.overview import NextUp, PoolOverview, UpReason, all_up
from poolwatch.domain.state import AccountState
from poolwatch.domain.status import Judged, Status
from poolwatch.domain.text import path_at
from poolwatch.domain.values import is_undated
from poolwatch.presentation import figures
from poolwatch.presentation.json_values import Json, instant
from poolwatch.presentation.masking import shown_email, shown_group, shown_label, shown_name, shown_path
from poolwatch.presentation.strip import next_why
from poolwatch.presentation.view import Prefs
from poolwatch.words import account as words
from poolwatch.words import commands

SCHEMA: Final = "poolwatch.next/1"


class Choice(Struct, frozen=True, eq=False):
    """One of the accounts to use next; `reason` None: only its credits may carry it."""

    judged: Judged
    reason: UpReason | None


def choices(overview: PoolOverview, most: int = 1) -> list[Choice]:
    """The accounts to use next, the first one first; with nobody active, the one whose credits may do."""
    up, last = overview.next_up, overview.last_resort
    if up is None:
        return [] if last is None else [Choice(last, None)]
    first = Choice(up.judged, up.reason)
    if most == 1:
        return [first]
    others = all_up(overview.accounts, overview.now, overview.rules)
    found = (Choice(each.judged, each.reason) for each in others if each.judged is not up.judged)
    return [first, *found][:most]


def next_text(overview: PoolOverview, prefs: Prefs, most: int = 1) -> str:
    """Each account on one line and the reason on the next; without one, when the first comes back."""
    chosen, back = choices(overview, most), overview.next_back
    if chosen:
        return "".join(f"{_named(each, prefs)}\n{_why(overview, each, prefs)}\n" for each in chosen)
    if back is None:
        return f"{no_next(overview)}\n"
    label = shown_name(back.judged.account, mask=prefs.mask)
    clock = figures.clock(back.until, overview.now, prefs.zone)
    return f"{commands.no_next_back(label, clock, figures.countdown(back.until, overview.now))}\n"


def _named(chosen: Choice, prefs: Prefs) -> str:
    account = chosen.judged.account
    plan = words.plan_name(account.plan)
    return f"{shown_name(account, mask=prefs.mask)}{f'  {plan}' if plan else ''}"


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


def next_json(overview: PoolOverview, prefs: Prefs, *, is_old: bool = False, most: int = 1) -> str:
    """The same for scripts, ASCII only, ending in a newline.

    `account` is the first, null when none can be used; `accounts` are all, each with its reason.
    """
    chosen = choices(overview, most)
    first: Json = None
    why = read_at = None
    if chosen:
        read, first = chosen[0].judged.account.read_at, _row(chosen[0], prefs)
        why = _why(overview, chosen[0], prefs)
        read_at = None if read is None or is_undated(read) else instant(read)
    document: Json = {
        "schema": SCHEMA,
        "account": first,
        "why": why,
        "stale": is_old,
        "read_at": read_at,
        "accounts": [{**_row(each, prefs), "why": _why(overview, each, prefs)} for each in chosen],
    }
    return json.dumps(document, indent=2) + "\n"


def _row(chosen: Choice, prefs: Prefs) -> dict[str, Json]:
    account = chosen.judged.account
    entry = _home_entry(chosen.judged)
    home = entry.home if entry is not None else None
    return {
        "id": account.key.id,
        "label": shown_label(account, mask=prefs.mask),
        "group": shown_group(account.name.group, mask=prefs.mask) or None,
        "email": shown_email(account, mask=prefs.mask),
        "plan": account.plan,
        "status": chosen.judged.status.kind.value,
        "home": shown_path(home, mask=prefs.mask) if home else None,
    }


def next_homes(overview: PoolOverview, most: int = 1) -> list[str]:
    """The CODEX_HOMEs of the accounts to use next that have one, their very bytes if they are known."""
    entries = (_home_entry(each.judged) for each in choices(overview, most))
    return [home for entry in entries if entry is not None and (home := _home(entry)) is not None]


def codex_home(account: AccountState) -> str | None:
    """The home of an account whose login the Codex CLI keeps, where it has one that is in use."""
    entry = next(
        (
            each
            for each in account.listings
            if each.custody is Custody.CODEX and each.home and not each.disabled and each.problem is None
        ),
        None,
    )
    return None if entry is None else _home(entry)


def _home(entry: Listing) -> str | None:
    path = path_at(entry.ref.place)
    return entry.home if path is None else path.rpartition("/")[0] or "/"


def _why(overview: PoolOverview, chosen: Choice, prefs: Prefs) -> str:
    best = chosen.judged
    if chosen.reason is not None:
        return next_why(best, chosen.reason, overview.now, prefs)
    until, aged = best.status.until, best.account.usage.credits
    back = figures.clock(until, overview.now, prefs.zone) if until and until > overview.now else ""
    credits = aged.value if aged is not None else None
    if credits is None or credits.unlimited or credits.balance is None:
        return commands.on_credits_left(back, "", "")
    left = figures.credits_text(credits.balance), figures.usd_text(credits.balance, overview.rules)
    return commands.on_credits_left(back, *left)


def _home_entry(judged: Judged) -> Listing | None:
    return next((listing for listing in judged.account.listings if listing.home), None)
