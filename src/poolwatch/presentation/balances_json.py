"""`credits` for programs: the versioned JSON. Keys are only ever added; units are never added up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from poolwatch.domain.balances import BalanceLevel, BalanceState, BalanceTerms, TopUpPlace
from poolwatch.domain.failure import Trouble
from poolwatch.domain.state import AccountState
from poolwatch.domain.usage import Aged, Credits
from poolwatch.presentation.balances import CREDITS, account_balance, has_credits
from poolwatch.presentation.json_values import Json, digits, instant
from poolwatch.presentation.masking import shown, shown_label
from poolwatch.words.messages import failure_text

SCHEMA: Final = "poolwatch.credits/1"


def balances_json(
    balances: Iterable[BalanceState],
    accounts: Iterable[AccountState],
    now: datetime,
    stale_after: timedelta,
    *,
    mask: bool = False,
) -> str:
    """The document, ASCII only, ending in a newline: balances, then the accounts that have credits."""
    rows = [balance_row_json(each, now, stale_after, mask=mask) for each in balances]
    rows += [_account(each, now, stale_after, mask) for each in accounts if has_credits(each)]
    document: Json = {"schema": SCHEMA, "generated_at": instant(now), "credits": rows}
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def balance_row_json(state: BalanceState, now: datetime, stale_after: timedelta, *, mask: bool) -> Json:
    """One balance, as `credits` and `status` tell it; `now` is our own clock."""
    balance = state.balance
    return {
        "source": shown(state.name, mask=mask),
        "account": None,
        "remaining": None if balance is None else digits(balance.remaining),
        "limit": None if balance is None else digits(balance.limit),
        "used": None if balance is None else digits(balance.used),
        "unit": None if balance is None else balance.unit,
        "unlimited": None if balance is None else balance.unlimited,
        "resets_at": None if balance is None else instant(balance.resets_at),
        "last_reset_at": None if balance is None else instant(balance.last_reset_at),
        "level": state.level.value,
        "read_at": instant(state.read_at),
        "stale": state.is_stale(now, stale_after),
        "trouble": _trouble(state.trouble, mask),
        "can_top_up": state.terms.top_up.value,
        "own_topup_below": None if balance is None else digits(balance.own_topup_below),
    }


def _account(account: AccountState, now: datetime, stale_after: timedelta, mask: bool) -> Json:
    held: Aged[Credits] | None = account.usage.credits
    balance, read_at = account_balance(account), None if held is None else held.at
    level = BalanceLevel.UNKNOWN if balance is None else BalanceTerms().level(balance)
    return {
        "source": None if not account.sources else shown(account.sources[0], mask=mask),
        "account": shown_label(account, mask=mask),
        "remaining": None if balance is None else digits(balance.remaining),
        "limit": None,
        "used": None,
        "unit": CREDITS,
        "unlimited": None if balance is None else balance.unlimited,
        "resets_at": None,
        "last_reset_at": None,
        "level": level.value,
        "read_at": instant(read_at),
        "stale": read_at is not None and now - read_at > stale_after,
        "trouble": _trouble(account.trouble, mask),
        "can_top_up": TopUpPlace.WEB.value,
        "own_topup_below": None,
    }


def _trouble(trouble: Trouble | None, mask: bool) -> Json:
    if trouble is None:
        return None
    return {
        "kind": trouble.kind.value,
        "message": shown(failure_text(trouble), mask=mask),
        "since": instant(trouble.since),
        "retry_at": instant(trouble.retry_at),
    }
