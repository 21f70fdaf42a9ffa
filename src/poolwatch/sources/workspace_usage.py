"""What OpenAI reports of an account's own use in its workspace: `daily-workspace-usage-counts`.

The request costs no credits, and its answer judges no account. Days are those of UTC.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final
from urllib.parse import urlencode

from pydantic import PlainValidator

from poolwatch.custody.login_file import Login
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.values import replace
from poolwatch.domain.workspace_usage import (
    DAYS_ASKED,
    MOST_DAYS,
    DaysReported,
    ReportedClient,
    ReportedDay,
    known_credits,
    one_per_day,
)
from poolwatch.net.client import HttpClient
from poolwatch.net.reply import Reply
from poolwatch.sources.json_body import read_json
from poolwatch.sources.lenient import Count, Day, Instant, LenientModel, Money, Text, Tokens, list_of
from poolwatch.sources.usage_endpoint import classify, usage_headers, usage_urls

#: An answer about a month is some 60 KB.
_MOST_BYTES: Final = 4 * 1024 * 1024
_MOST_CLIENTS: Final = 100
#: Some services keep a week only, and give nothing where more is asked for.
_FEW: Final = timedelta(days=6)
_DAY: Final = timedelta(days=1)
_REFUSED: Final = "sources.figures_refused"


class FiguresModel(LenientModel):
    """What was used of something. Models of it have figures as well, which are 0 whatever was used."""

    credits: Money = None
    cost_usd: Money = None
    threads: Count = None
    turns: Count = None
    uncached_text_input_tokens: Tokens = None
    cached_text_input_tokens: Tokens = None
    text_output_tokens: Tokens = None
    text_total_tokens: Tokens = None


class ClientModel(FiguresModel):
    """The figures of one program."""

    client_id: Text = None


class DayModel(LenientModel):
    """One day."""

    date: Day = None
    totals: Annotated[FiguresModel | None, PlainValidator(FiguresModel.read)] = None
    clients: Annotated[list[ClientModel] | None, PlainValidator(list_of(ClientModel, _MOST_CLIENTS))] = None


class AnswerModel(LenientModel):
    """The whole answer."""

    data: Annotated[list[DayModel] | None, PlainValidator(list_of(DayModel, MOST_DAYS))] = None
    group_by: Text = None
    data_freshness_ts: Instant = None


def workspace_usage_url(base_url: str, since: date, today: date) -> str:
    """The address, beside that of the usage. The service takes the last day as excluded."""
    asked = {
        "start_date": since.isoformat(),
        "end_date": (today + _DAY).isoformat(),
        "group_by": "day",
        # without it the figures are those of everybody in the workspace
        "workspace_user": "true",
    }
    route = usage_urls(base_url)[0].removesuffix("usage") + "analytics/daily-workspace-usage-counts"
    return f"{route}?{urlencode(asked)}"


async def fetch_workspace_usage(
    client: HttpClient,
    base_url: str,
    login: Login,
    access: Secret,
    at: datetime,
    deadline_seconds: float,
    since: date | None = None,
    clock_offset: timedelta = timedelta(0),
) -> DaysReported | Failure:
    """The days from `since` on, with one request, and one more for a week where that brings none at all.

    `at` is our own clock now, the deadline covers both.
    """
    loop = asyncio.get_running_loop()
    ends = loop.time() + deadline_seconds
    today = (at + clock_offset).astimezone(UTC).date()
    since = since or today - (DAYS_ASKED - 1) * _DAY

    async def ask(first: date) -> DaysReported | Failure:
        answer = await client.get(
            workspace_usage_url(base_url, first, today),
            usage_headers(login, access),
            deadline_seconds=max(0.1, ends - loop.time()),
            cap_bytes=_MOST_BYTES,
        )
        if isinstance(answer, Failure):
            return answer
        return refused(answer, at) or parse_workspace_usage(answer.body, today)

    found = await ask(since)
    if isinstance(found, DaysReported) and not found.days and since < today - _FEW:
        return await ask(today - _FEW)
    return found


def refused(reply: Reply, at: datetime) -> Failure | None:
    """Why an answer is no report, in words about this request; None where its body should be read."""
    if reply.status == 404:
        return failure(FailureKind.NO_FIGURES, "sources.no_daily_usage", status=reply.status)
    found = classify(reply, at)
    if found is not None and found.code == _REFUSED:
        return replace(found, code="sources.daily_usage_refused")
    return found


def parse_workspace_usage(body: bytes, today: date) -> DaysReported | Failure:
    """What an answer reports of the days up to `today`, UTC."""
    value = read_json(body)
    if isinstance(value, Failure):
        return value
    wire = AnswerModel.read(value)
    if wire is None or wire.data is None or wire.group_by not in (None, "day"):
        return failure(FailureKind.MALFORMED, "sources.no_usage")
    days = (_day(each) for each in wire.data)
    known = [day for day in days if day is not None and day.day <= today]
    return DaysReported(one_per_day(known), wire.data_freshness_ts)


def _day(wire: DayModel) -> ReportedDay | None:
    told = wire.totals
    if wire.date is None or told is None:
        return None
    clients = tuple(
        ReportedClient(
            each.client_id,
            known_credits(each.credits, each.text_total_tokens, each.turns),
            each.text_total_tokens,
            each.turns,
        )
        for each in wire.clients or ()
        if each.client_id is not None
    )
    tokens = told.text_total_tokens
    return ReportedDay(
        wire.date,
        # while a day is not settled, 0 is what has been counted of it yet
        known_credits(told.credits, tokens, None),
        tokens,
        told.uncached_text_input_tokens,
        told.cached_text_input_tokens,
        told.text_output_tokens,
        told.threads,
        told.turns,
        told.cost_usd if told.cost_usd is None or told.cost_usd >= 0 else None,
        clients,
    )
