"""`status --json`: the versioned contract for scripts. Keys are only ever added, unknown is null."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.failure import Trouble
from poolwatch.domain.overview import PoolOverview, usd
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.status import Judged, PoolRules, Section, Status
from poolwatch.domain.usage import Aged, Credits, SpendControl, Usage, windows_by_length
from poolwatch.domain.values import is_undated
from poolwatch.presentation.figures import trimmed_digits
from poolwatch.presentation.json_values import Json, digits, instant, number
from poolwatch.presentation.masking import shown_email, shown_group, shown_label, shown_text
from poolwatch.presentation.outlook_json import pool_ahead, window_forecast
from poolwatch.presentation.remedy import acting
from poolwatch.presentation.strip import next_why
from poolwatch.presentation.view import Prefs
from poolwatch.words.messages import failure_text

SCHEMA: Final = "poolwatch.status/1"
_STATUS_ORDER: Final = (
    Status.ACTIVE,
    Status.EXHAUSTED,
    Status.NEEDS_LOGIN,
    Status.DEACTIVATED,
    Status.DISABLED,
    Status.UNKNOWN,
)


def status_json(
    overview: PoolOverview,
    state: PoolState,
    at: datetime,
    mask: bool,
    keys: Collection[AccountKey] | None = None,
) -> str:
    """The whole document, ASCII only, ending in a newline; accounts stand by their names.

    `keys` narrows the list of accounts and nothing else: the figures of `pool` are the whole pool's.
    """
    chosen = [each for each in overview.accounts if keys is None or each.account.key in keys]
    accounts = sorted(chosen, key=lambda each: (each.label.casefold(), each.account.key.id))
    document: Json = {
        "schema": SCHEMA,
        "generated_at": instant(at),
        "credits_per_usd": trimmed_digits(overview.rules.credits_per_usd, 0),
        "pool": {**_pool(overview, mask), **pool_ahead(overview, state.outlook)},
        "accounts": [_account(each, overview, mask) for each in accounts],
        "balances": _balances(state, at, overview.rules.stale_after, mask),
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _balances(state: PoolState, at: datetime, stale_after: timedelta, mask: bool) -> list[Json]:
    if not state.balances:
        return []
    from poolwatch.presentation.balances_json import balance_row_json  # most have none

    return [balance_row_json(each, at, stale_after, mask=mask) for each in state.balances.values()]


def _pool(overview: PoolOverview, mask: bool) -> dict[str, Json]:
    count = overview.by_section
    return {
        "accounts": len(overview.accounts),
        "active": count[Section.ACTIVE],
        "exhausted": count[Section.EXHAUSTED],
        "needs_you": count[Section.NEEDS_YOU],
        "by_status": {
            status.value: overview.by_status[status] for status in _STATUS_ORDER if overview.by_status[status]
        },
        "stale": overview.stale,
        "credits": _total(overview),
        "highest_weekly": _highest_weekly(overview, mask),
        "next_reset": _next_reset(overview, mask),
        "next_back": _next_back(overview, mask),
        "next_up": _next_up(overview, mask),
    }


def _highest_weekly(overview: PoolOverview, mask: bool) -> Json:
    high = overview.highest_weekly
    if high is None:
        return None
    return {
        **_named(high.judged, mask),
        "used_percent": number(high.used_percent),
        "resets_at": instant(high.resets_at),
        "more_full": high.more_full,
    }


def _next_reset(overview: PoolOverview, mask: bool) -> Json:
    reset = overview.next_reset
    if reset is None:
        return None
    named = _named(reset.judged, mask)
    return {**named, "window": reset.window.kind, "resets_at": instant(reset.resets_at)}


def _next_back(overview: PoolOverview, mask: bool) -> Json:
    back = overview.next_back
    return None if back is None else {**_named(back.judged, mask), "until": instant(back.until)}


def _next_up(overview: PoolOverview, mask: bool) -> Json:
    up = overview.next_up
    if up is None:
        return None
    why = next_why(up.judged, up.reason, overview.now, Prefs(overview.rules, mask=mask))
    return {**_named(up.judged, mask), "why": why}


def _total(overview: PoolOverview) -> Json:
    found = overview.credits
    if found is None:
        return None
    worth = usd(found.total, overview.rules) if found.accounts else None
    return {
        "total": trimmed_digits(found.total),
        "usd": digits(worth),
        "accounts": found.accounts,
        "unlimited": found.unlimited,
        "unknown": found.unknown,
        "stale": trimmed_digits(found.stale),
    }


def _named(judged: Judged, mask: bool) -> dict[str, Json]:
    return {"account": judged.account.key.id, "label": shown_label(judged.account, mask=mask)}


def _account(judged: Judged, overview: PoolOverview, mask: bool) -> Json:
    account, status, read_at = judged.account, judged.status, judged.account.read_at
    return {
        "id": account.key.id,
        "label": shown_label(account, mask=mask),
        "group": shown_group(account.name.group, mask=mask) or None,
        "provider": account.key.provider,
        "email": shown_email(account, mask=mask),
        "plan": account.plan,
        "sources": list[Json](account.sources),
        "custody": account.custody.value,
        "status": status.kind.value,
        "section": judged.section.value,
        "reason": status.reason,
        "until": instant(status.until),
        "read_at": None if read_at is None or is_undated(read_at) else instant(read_at),
        "stale": judged.stale,
        "windows": _windows(judged, overview),
        "credits": _credits(account.usage.credits, overview.rules),
        "spend_control": _spend(account.usage.spend),
        "reset_credits": _resets(account.usage, overview.now),
        "token": _token(account),
        "trouble": _trouble(account.trouble, account, mask),
    }


def _windows(judged: Judged, overview: PoolOverview) -> Json:
    usage = judged.account.usage
    # of two of one kind, the fuller alone is foretold
    foretold = set(map(id, usage.fullest.values()))
    return [
        {
            "kind": window.kind,
            "bucket": bucket.id,
            "window_seconds": window.window_seconds,
            "used_percent": number(window.used_percent),
            "resets_at": instant(window.resets_at),
            "limit_reached": bucket.limit.reached(window),
            "forecast": window_forecast(judged, window.kind, overview) if id(window) in foretold else None,
        }
        for bucket in usage.buckets
        if bucket.limit is not None
        for window in windows_by_length(bucket.limit)
    ]


def _credits(aged: Aged[Credits] | None, rules: PoolRules) -> Json:
    if aged is None or aged.value is None:
        return None
    credits = aged.value
    worth = None if credits.balance is None or credits.unlimited else usd(credits.balance, rules)
    return {
        "has_credits": credits.has_credits,
        "unlimited": credits.unlimited,
        "overage_limit_reached": credits.overage_limit_reached,
        "balance": digits(credits.balance),
        "usd": digits(worth),
    }


def _spend(aged: Aged[SpendControl] | None) -> Json:
    if aged is None or aged.value is None:
        return None
    return {
        "reached": aged.value.reached,
        "limits": [
            {
                "kind": limit.kind,
                "limit": digits(limit.limit),
                "used": digits(limit.used),
                "remaining": digits(limit.remaining),
                "used_percent": number(limit.used_percent),
                "resets_at": instant(limit.resets_at),
            }
            for limit in aged.value.limits
        ],
    }


def _resets(usage: Usage, now: datetime) -> Json:
    aged = usage.reset_credits
    if aged is None or aged.value is None:
        return None
    banked = aged.value
    return {
        "available": banked.available,
        "applicable": banked.applicable,
        "expires_at": instant(usage.nearest_reset_expiry(now)),
    }


def _token(account: AccountState) -> Json:
    listing = acting(account)
    token = listing.token if listing else None
    return {
        "expires_at": instant(token.expires_at if token else None),
        "last_refresh": instant(token.last_refresh if token else None),
    }


def _trouble(trouble: Trouble | None, account: AccountState, mask: bool) -> Json:
    if trouble is None:
        return None
    return {
        "kind": trouble.kind.value,
        "message": shown_text(failure_text(trouble), account, mask=mask),
        "since": instant(trouble.since),
        "retry_at": instant(trouble.retry_at),
    }
