"""What the simulated service reports of an account's days: as much as its past and its balance tell."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

from poolwatch.demo.account import DAY, Account, JsonObject, rfc3339
from poolwatch.demo.past import lived_days
from poolwatch.demo.usage import Motion, usage_payload

#: So many tokens go with one credit.
_TOKENS_PER_CREDIT: Final = 207_000
#: An ordinary hour of who has no credits to lose is worth so many.
_CREDITS_PER_HOUR: Final = 9.0
#: The figures are as old as this, in seconds.
_LATE: Final = 3 * 3_600
#: Every so many days credits are missing, as they are of the real service now and then.
_UNSAID: Final = 13
_CACHED: Final = 0.84
_OUTPUT: Final = 0.013
#: Which programs use how much of it.
_CLIENTS: Final = (
    ("CODEX_CLI", 0.61), ("CODEX_IDE_VSCODE", 0.22), ("CODEX_DESKTOP_APP", 0.14),
    ("CODEX_UNKNOWN_DEFAULT", 0.03),
)  # fmt: skip
#: Without `workspace_user=true` the figures are those of so many people.
_COLLEAGUES: Final = 5


def daily_report(
    account: Account, motion: Motion, counted: Mapping[str, int], query: Mapping[str, str]
) -> JsonObject:
    """The body of the answer; `counted` are tokens by day, where session files tell them."""
    today = datetime.fromtimestamp(motion.now, UTC).date()
    since, until = _day(query.get("start_date")), _day(query.get("end_date"))
    users = 1 if query.get("workspace_user") == "true" else _COLLEAGUES
    rows: list[object] = []
    for day, work, went in _days(account, motion):
        # the last day that is asked for is not told
        if (since is not None and day < since) or (until is not None and day >= until) or day > today:
            continue
        credits = went if went is not None else work * _CREDITS_PER_HOUR
        tokens = int(credits * _TOKENS_PER_CREDIT)
        if counted:
            tokens = counted.get(day.isoformat(), 0)
            credits = went if went is not None else tokens / _TOKENS_PER_CREDIT
        is_said = (day.toordinal() + account.index) % _UNSAID != 0
        rows.append(_row(day, users, work, credits if is_said else 0.0, tokens, is_settled=day < today))
    return {"data": rows, "group_by": "day", "data_freshness_ts": rfc3339(motion.now - _LATE)}


def _days(account: Account, motion: Motion) -> Iterator[tuple[date, float, float | None]]:
    """Each day, with the hours that were worked and the credits that went; None of who has none to lose."""
    lived = lived_days(account, motion.start, motion.speed)
    last = max(lived, default=None)
    for day, (work, credits) in lived.items():
        lately = _went(account, motion, day) if day == last else 0.0
        yield day, work, None if credits is None else credits + lately
    if last is not None:
        for number in range((datetime.fromtimestamp(motion.now, UTC).date() - last).days):
            day = last + timedelta(days=number + 1)
            yield day, 1.0, _went(account, motion, day)


def _went(account: Account, motion: Motion, day: date) -> float:
    """What the balance has lost on a day since the simulation began."""
    begin = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
    since, until = max(motion.start, begin), min(motion.now, begin + DAY)
    if until <= since:
        return 0.0
    return max(0.0, float(_balance(account, motion, since) - _balance(account, motion, until)))


def _balance(account: Account, motion: Motion, at: float) -> Decimal:
    credits = usage_payload(account, replace(motion, now=at))["credits"]
    balance = credits.get("balance") if isinstance(credits, dict) else None
    return Decimal(balance) if isinstance(balance, str) else Decimal(0)


def _row(day: date, users: int, work: float, credits: float, tokens: int, *, is_settled: bool) -> JsonObject:
    def figures(part: float) -> JsonObject:
        told: JsonObject = {
            "users": users,
            "threads": int(users * (1 + work) * part) + 1,
            "turns": int(users * (3 + 6 * work) * part) + 1,
            "credits": round(users * credits * part, 4),
        }
        if is_settled:
            total = int(users * tokens * part)
            output = int(total * _OUTPUT)
            cached = int((total - output) * _CACHED)
            told |= {
                "uncached_text_input_tokens": total - output - cached,
                "cached_text_input_tokens": cached,
                "text_output_tokens": output,
                "text_total_tokens": total,
            }
        return told

    idle = not credits and not tokens
    totals = figures(1.0)
    if idle:
        totals |= {"threads": 0, "turns": 0}
    clients: list[object] = [] if idle else [{"client_id": name, **figures(part)} for name, part in _CLIENTS]
    models: list[object] = [] if idle else [{"model": "gpt-6-sol", **totals, "credits": 0}]
    return {"date": day.isoformat(), "totals": totals, "clients": clients, "models": models}


def _day(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        return None
