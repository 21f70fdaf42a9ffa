"""What the service itself counted of an account's tokens, by days in UTC: `wham/profiles/me`.

Its answer holds a name and a picture as well. They have no place in these models, and are kept nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Final

from pydantic import PlainValidator

from poolwatch.custody.login_file import Login
from poolwatch.domain.account import Secret
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.net.client import HttpClient
from poolwatch.sources.json_body import read_json
from poolwatch.sources.lenient import Day, LenientModel, Tokens, list_of
from poolwatch.sources.usage_endpoint import classify, usage_headers, usage_urls

#: More days than this are no answer of the service.
_MOST_DAYS: Final = 10_000


class BucketModel(LenientModel):
    """One day."""

    start_date: Day = None
    tokens: Tokens = None


class StatsModel(LenientModel):
    """The statistics of a profile."""

    daily_usage_buckets: Annotated[
        list[BucketModel] | None, PlainValidator(list_of(BucketModel, _MOST_DAYS))
    ] = None


class MetadataModel(LenientModel):
    """How old the statistics are, or why there are none."""

    stats_as_of: Day = None
    stats_error: object = None


class ProfileModel(StatsModel):
    """The whole answer; some services have the days at its top."""

    stats: Annotated[StatsModel | None, PlainValidator(StatsModel.read)] = None
    metadata: Annotated[MetadataModel | None, PlainValidator(MetadataModel.read)] = None


def day_counts_url(base_url: str) -> str:
    """The address, beside that of the usage."""
    return usage_urls(base_url)[0].removesuffix("usage") + "profiles/me"


async def fetch_day_counts(
    client: HttpClient, base_url: str, login: Login, access: Secret, at: datetime, deadline_seconds: float
) -> Mapping[date, int] | Failure:
    """The tokens of whole days, with one request; `at` is our own clock now."""
    answer = await client.get(
        day_counts_url(base_url), usage_headers(login, access), deadline_seconds=deadline_seconds
    )
    if isinstance(answer, Failure):
        return answer
    refused = classify(answer, at)
    if refused is not None:
        return refused
    server_now = answer.server_date or at
    return parse_day_counts(answer.body, server_now.astimezone(UTC).date())


def parse_day_counts(body: bytes, today: date) -> Mapping[date, int] | Failure:
    """The tokens of days that are over. The day up to which was counted may not be whole: it is left out."""
    value = read_json(body)
    if isinstance(value, Failure):
        return value
    wire = ProfileModel.read(value)
    found = None
    if wire is not None and (wire.metadata is None or not wire.metadata.stats_error):
        of_stats = wire.stats.daily_usage_buckets if wire.stats is not None else None
        found = of_stats if of_stats is not None else wire.daily_usage_buckets
    if wire is None or found is None:
        return failure(FailureKind.MALFORMED, "sources.no_usage")
    as_of = wire.metadata.stats_as_of if wire.metadata is not None else None
    end = today if as_of is None else min(as_of, today)
    counts: dict[date, int] = {}
    for bucket in found:
        day, tokens = bucket.start_date, bucket.tokens
        if day is None or tokens is None or day >= end:
            continue
        if counts.setdefault(day, tokens) != tokens:
            # two figures for one day: neither is known to be right
            counts[day] = -1
    return {day: tokens for day, tokens in counts.items() if tokens >= 0}
