"""Use that was imported: lines of other programs, summed as they come, with the amounts they tell."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from poolwatch.domain.tokens import QUARTER_SECONDS, GroupBy, RequestSeen, Tokens, UseAsked, UseCell
from poolwatch.sessions.asking import TEXTS, needed_texts, one_of, quarter_column, sound, sums_of
from poolwatch.sessions.events import UsageEvent
from poolwatch.sessions.tables import KEPT_SINGLY, TIER_OF, TIERS, json_texts

#: So many parts of one are written: sums of what a line may tell fit into SQLite's integers.
_PARTS: Final = 10**12
_COUNTS: Final = ("requests", "input", "cached", "cache_write", "output", "reasoning")
_AMOUNTS: Final = ("cost_whole", "cost_parts", "credits_whole", "credits_parts")
_ADDED: Final = (*_COUNTS, *_AMOUNTS)
_KEY: Final = (
    "quarter",
    "model",
    "tier",
    "long",
    "estimated",
    *TEXTS.values(),
    "has_tokens",
    "has_cost",
    "has_credits",
)
_ADD: Final = (
    f"INSERT INTO told ({', '.join((*_KEY, *_ADDED))})"  # noqa: S608 - names of ours
    f" VALUES ({', '.join('?' * len(_KEY + _ADDED))}) ON CONFLICT DO UPDATE SET "
    + ", ".join(f"{name} = {name} + excluded.{name}" for name in _ADDED)
)


def take_imported(change: sqlite3.Connection, events: Sequence[UsageEvent]) -> int:
    """Add the events that were not there yet; how many those were."""
    taken = 0
    for event in events:
        if not change.execute("INSERT OR IGNORE INTO events VALUES (?)", (event.key,)).rowcount:
            continue
        taken += 1
        tokens = event.tokens
        counts = (event.requests, *_counts(tokens))
        texts = (event.account, event.user, event.client, event.project, event.conversation, event.operation)
        change.execute(
            _ADD,
            (
                int(event.at) // QUARTER_SECONDS,
                event.model or "",
                TIERS[event.tier],
                event.long_context,
                event.estimated,
                *(text or "" for text in texts),
                tokens.total > 0,
                event.cost is not None,
                event.credits is not None,
                *counts,
                *divmod(event.cost or 0, _PARTS),
                *divmod(int((event.credits or Decimal()).scaleb(12).to_integral_value()), _PARTS),
            ),
        )
        change.execute(
            "INSERT INTO told_latest VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                event.at,
                event.model or "",
                TIERS[event.tier],
                event.long_context,
                *(text or "" for text in (event.account, event.project, event.conversation, event.client)),
                event.operation or "",
                # in pico-USD it may be more than an integer of SQLite holds
                None if event.cost is None else str(event.cost),
                *counts,
            ),
        )
    change.execute(
        "DELETE FROM told_latest WHERE rowid NOT IN (SELECT rowid FROM told_latest ORDER BY at DESC LIMIT ?)",
        (KEPT_SINGLY,),
    )
    return taken


def imported_cells(look: sqlite3.Connection, asked: UseAsked) -> list[UseCell]:
    """The use that was told and is asked for."""
    # some prices are for an operation
    needed = needed_texts(asked) | {TEXTS[GroupBy.OPERATION]}
    shown = [name if name in needed else "''" for name in TEXTS.values()]
    values: dict[str, object] = {"since": asked.since, "until": asked.until}
    where = ["quarter >= :since", "quarter < :until"]
    for number, (kind, text) in enumerate(asked.narrow):
        if kind is GroupBy.MODEL or kind in TEXTS:
            values[f"text{number}"] = text or ""
            where.append(f"{TEXTS.get(kind, 'model')} = :text{number}")
    for number, (kind, texts) in enumerate(asked.among):
        values[f"among{number}"] = json_texts({text or "" for text in texts})
        where.append(one_of(TEXTS[kind], number))
    when = quarter_column(asked)
    kinds = ("has_tokens", "has_cost", "has_credits")
    group = ", ".join([when, "model", "tier", "long", "estimated", *kinds, *sorted(needed)])
    rows = look.execute(
        f"SELECT {when}, model, tier, long, estimated, has_cost, has_credits,"  # noqa: S608 - names of ours
        f" {', '.join(shown)}, {sums_of(_ADDED)}"
        f" FROM told WHERE {' AND '.join(where)} GROUP BY {group}",
        values,
    )
    cells = []
    for row in rows:
        quarter, model, tier, long, estimated, has_cost, has_credits = row[:7]
        account, user, client, project, conversation, operation = row[7:13]
        requests, *rest = sound(model, tier, row[13:])
        tokens, amounts = Tokens(*rest[: len(_COUNTS) - 1]), rest[len(_COUNTS) - 1 :]
        cells.append(
            UseCell(
                quarter,
                model or None,
                TIER_OF[tier],
                bool(long),
                requests,
                tokens,
                account or None,
                user or None,
                client or None,
                project or None,
                conversation or None,
                operation or None,
                estimated=bool(estimated),
                told_cost=amounts[0] * _PARTS + amounts[1] if has_cost else None,
                told_credits=_credits(amounts[2], amounts[3]) if has_credits else None,
                told_requests=requests if has_cost else 0,
                told_tokens=tokens if has_cost else Tokens(),
            )
        )
    return cells


def latest_imported(look: sqlite3.Connection, count: int) -> list[RequestSeen]:
    """The last events, newest first."""
    rows = look.execute(
        "SELECT at, model, tier, long, account, project, conversation, client, operation, cost,"
        " input, cached, cache_write, output, reasoning FROM told_latest ORDER BY at DESC LIMIT ?",
        (count,),
    )
    return [
        RequestSeen(
            at,
            model or None,
            TIER_OF[tier],
            bool(long),
            Tokens(*counts),
            account or None,
            project or None,
            conversation or None,
            client or None,
            operation or None,
            None if cost is None else int(cost),
        )
        for at, model, tier, long, account, project, conversation, client, operation, cost, *counts in rows
    ]


def _credits(whole: int, parts: int) -> Decimal:
    return Decimal(whole * _PARTS + parts).scaleb(-12).normalize()


def _counts(tokens: Tokens) -> tuple[int, int, int, int, int]:
    return tokens.input, tokens.cached, tokens.cache_write, tokens.output, tokens.reasoning
