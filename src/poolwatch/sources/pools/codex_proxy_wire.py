"""What codex-proxy says: its accounts, their quota, how a refresh went, and of itself.

A null in its own quota means "not said": the pool writes null for what upstream left out as well as for
nothing. A null in upstream's payload, which it hands on beside that, is upstream's word.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final, TypeVar

from pydantic import ConfigDict, PlainValidator
from pydantic.alias_generators import to_camel

from poolwatch.domain.account import Custody, Listing, SourceRef, TokenFacts
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.text import visible
from poolwatch.domain.usage import (
    FIELD_NAMES,
    Bucket,
    Credits,
    RateLimit,
    ResetCredits,
    Said,
    Unsaid,
    UsageSnapshot,
    UsageWindow,
)
from poolwatch.domain.values import replace
from poolwatch.sources.json_body import JsonObject, JsonValue, within
from poolwatch.sources.lenient import Flag, Instant, LenientModel, Text, count, decimal, known, lenient, text
from poolwatch.sources.pools.listing import (
    MAX_BUCKETS,
    NO_WINDOW,
    SAID_LENGTH,
    PoolAccount,
    account_rows,
    holds_no,
)
from poolwatch.sources.pools.routes import CODEX_PROXY
from poolwatch.sources.redaction import their_words
from poolwatch.sources.usage_models import CreditsModel, UsageModel, WindowModel
from poolwatch.sources.usage_payload import parse_usage

T = TypeVar("T")

_ABSENT: Final = Unsaid.ABSENT
#: The pool's words for an account that is switched off, signed out, banned, used up; all others work.
DISABLED: Final = "disabled"
EXPIRED: Final = "expired"
BANNED: Final = "banned"
EXHAUSTED: Final = "quota_exhausted"
_WORKS: Final = ("active", EXHAUSTED)
_UPSTREAM: Final = re.compile(r"Codex API error \((\d{3})\)")
_CODE: Final = re.compile(r'"code":\s*"([a-z_]{1,60})"')
#: What a login issuer says of a login that only a new one replaces.
_FOR_GOOD: Final = {
    "refresh_token_reused": ("pools.token_used", LoginProblem.USED_ELSEWHERE),
    "refresh_token_invalidated": ("pools.login_ended", LoginProblem.INVALIDATED),
    "refresh_token_expired": ("pools.token_expired", LoginProblem.REFRESH_EXPIRED),
    "invalid_grant": ("pools.token_refused", LoginProblem.REJECTED),
    "app_session_terminated": ("pools.login_ended", LoginProblem.INVALIDATED),
    "account_session_expired": ("pools.login_ended", LoginProblem.INVALIDATED),
}
_ANY_FOR_GOOD: Final = re.compile(rf"(?<![a-z_])(?:{'|'.join(_FOR_GOOD)})(?![a-z_])")


class SecondWindowModel(WindowModel):
    """The second window of a limit, with a flag of its own; the pool tells the instant of a reset alone."""

    limit_reached: Flag = None


SecondWindowField = Annotated[SecondWindowModel | None, PlainValidator(SecondWindowModel.read)]


class LimitModel(SecondWindowModel):
    """A limit, flattened: its flags, its first window, and in named limits a second one."""

    allowed: Flag = None
    limit_name: Text = None
    secondary_rate_limit: SecondWindowField = None


def _named_limits(value: object) -> dict[str, LimitModel] | None:
    if not isinstance(value, dict):
        return None
    rows = list(value.items())[:MAX_BUCKETS]
    return {key: limit for key, row in rows if (limit := LimitModel.read(row)) is not None}


LimitField = Annotated[Said[LimitModel], lenient(LimitModel.read)]


class QuotaModel(LenientModel):
    """The quota as the pool keeps it."""

    plan_type: Annotated[Said[str], lenient(text)] = _ABSENT
    rate_limit: LimitField = _ABSENT
    secondary_rate_limit: SecondWindowField = None
    code_review_rate_limit: LimitField = _ABSENT
    rate_limits_by_limit_id: Annotated[Said[dict[str, LimitModel]], lenient(_named_limits)] = _ABSENT
    reset_credits_available: Annotated[Said[int], lenient(count)] = _ABSENT
    credits: Annotated[Said[CreditsModel], lenient(CreditsModel.read)] = _ABSENT

    def snapshot(self) -> UsageSnapshot:
        """What it says."""
        limits, number, held = self.rate_limits_by_limit_id, self.reset_credits_available, self.credits
        return UsageSnapshot(
            plan=_unless_null(self.plan_type),
            base=_limit(self.rate_limit, self.secondary_rate_limit),
            review=_limit(self.code_review_rate_limit),
            extras=_extras(limits) if isinstance(limits, dict) else _unless_null(limits),
            credits=Credits(**dict(held)) if isinstance(held, CreditsModel) else _unless_null(held),
            reset_credits=ResetCredits(number, None) if isinstance(number, int) else _unless_null(number),
        )


class AccountModel(LenientModel):
    """One account of the pool's list."""

    model_config = ConfigDict(alias_generator=to_camel)

    email: Text = None
    account_id: Text = None
    user_id: Text = None
    label: Text = None
    plan_type: Text = None
    status: Text = None
    expires_at: Instant = None
    quota: Annotated[QuotaModel | None, PlainValidator(QuotaModel.read)] = None
    quota_fetched_at: Instant = None


class ProxyAccount(PoolAccount, frozen=True):
    """One account as codex-proxy lists it, and its status in the pool's word.

    `quota` is the pool's cached one, true at `quota_at` by the pool's clock; both are None without one.
    """

    status: str
    quota: UsageSnapshot | None = None
    quota_at: datetime | None = None
    quota_text: str | None = None


def parse_accounts(body: JsonValue, source: str) -> Mapping[str, ProxyAccount] | Failure:
    """The answer to `GET /auth/accounts`. A row without a usable id is left out."""
    rows = account_rows(body, CODEX_PROXY.name, "id")
    if isinstance(rows, Failure):
        return rows
    return {place: _account(SourceRef(source, place), row) for place, row in rows.items()}


def unsaved(body: JsonValue) -> Message | None:
    """That the pool cannot keep the accounts that it lists."""
    health = within(body, "persistence_health")
    if within(health, "ok") is not False:
        return None
    reason = within(health, "message") or within(health, "reason")
    if not isinstance(reason, str):
        return message("pools.accounts_unsaved", pool=CODEX_PROXY.name)
    why = their_words(reason, SAID_LENGTH)
    return message("pools.accounts_unsaved_because", pool=CODEX_PROXY.name, why=why)


def _account(ref: SourceRef, row: JsonObject) -> ProxyAccount:
    wire = AccountModel.model_validate(row)
    status = wire.status or ""
    listing = Listing(
        ref,
        user_id=wire.user_id,
        account_id=wire.account_id,
        email=wire.email,
        label=wire.label,
        plan=wire.plan_type,
        custody=Custody.POOL,
        token=TokenFacts(expires_at=wire.expires_at),
        owner=CODEX_PROXY.name,
        disabled=status == DISABLED,
        says_login_needed=status == EXPIRED,
        says_login_works=status in _WORKS,
    )
    quota, quota_at = wire.quota, wire.quota_fetched_at
    if quota is None or quota_at is None:
        return ProxyAccount(listing, status)
    return ProxyAccount(listing, status, quota.snapshot(), quota_at, json.dumps(row.get("quota"), indent=2))


def parse_quota(body: JsonValue, at: datetime) -> UsageSnapshot | Failure:
    """The answer to `GET …/quota`: upstream's own payload decides each field that it speaks of.

    What it does not speak of, and all where it is none, is as the pool read it. `at` is the pool's time, from
    which "reset in N seconds" counts.
    """
    if not isinstance(body, dict):
        return holds_no("pools.no_quota", CODEX_PROXY.name, body)
    read = QuotaModel.read(body.get("quota"))
    quota = read.snapshot() if read is not None else UsageSnapshot()
    upstream = UsageModel.read(body.get("raw"))
    if upstream is not None:
        # numbers stand in the value as they were written, so the text says the same again
        raw = parse_usage(json.dumps(body["raw"]).encode(), at)
        if isinstance(raw, UsageSnapshot):
            unsaid = [name for name in FIELD_NAMES if getattr(raw, name) is _ABSENT]
            changed: dict[str, object] = {name: getattr(quota, name) for name in unsaid}
            return replace(raw, **changed)  # type: ignore[arg-type]  # values of the fields they come from
    if quota == UsageSnapshot():
        return holds_no("pools.no_quota", CODEX_PROXY.name, body)
    if upstream is None:
        return quota
    # no figures, and yet it may say whose they are
    return replace(
        quota,
        user_id=upstream.user_id,
        account_id=upstream.account_id,
        email=upstream.email,
    )


def exhausted(usage: UsageSnapshot) -> UsageSnapshot:
    """The kept figures of an account that the pool knows to be used up since, whatever they say."""
    base = usage.base if isinstance(usage.base, RateLimit) else RateLimit(None, None, ())
    if base.allowed is False:
        return usage
    return replace(usage, base=replace(base, allowed=None, limit_reached=True))


def quota_failure(status: int, body: JsonValue) -> Failure:
    """Why the pool could not fetch an account's quota: upstream's status stands inside its words."""
    detail = body.get("detail") if isinstance(body, dict) else None
    told = detail if isinstance(detail, str) else ""
    upstream = _UPSTREAM.search(told)
    inner = int(upstream[1]) if upstream is not None else None
    lowered = told.lower()
    if inner in (401, 402, 403) and "deactivated" in lowered:
        kind, code = FailureKind.DEACTIVATION_REPORTED, "pools.deactivated_upstream"
    elif inner == 429:
        kind, code = FailureKind.THROTTLED, "pools.throttled_upstream"
    elif inner == 403:
        is_page = "<html" in lowered or "<!doctype" in lowered
        kind, code = FailureKind.EDGE_BLOCKED if is_page else FailureKind.FORBIDDEN, "pools.refused_upstream"
    elif "Unexpected response" in told:
        kind, code = FailureKind.NO_FIGURES, "pools.figures_unreadable"
    else:
        kind, code = FailureKind.UPSTREAM_ERROR, "pools.quota_not_fetched"
    shown = f"{status}" if inner is None or inner == status else f"{status}, upstream {inner}"
    return failure(kind, code, pool=CODEX_PROXY.name, status=shown)


def _unless_null(said: Unsaid | T | None) -> Unsaid | T:
    return _ABSENT if said is None else said


def _limit(said: Said[LimitModel], second: SecondWindowModel | None = None) -> Said[RateLimit]:
    if not isinstance(said, LimitModel):
        return _unless_null(said)
    windows = [_window(said)]
    other = second or said.secondary_rate_limit
    if other is not None:
        windows.append(_window(other, other.limit_reached))
    told = tuple(each for each in windows if replace(each, limit_reached=None) != NO_WINDOW)
    return RateLimit(said.allowed, said.limit_reached, told)


def _window(model: WindowModel, limit_reached: bool | None = None) -> UsageWindow:
    return UsageWindow(model.used_percent, model.limit_window_seconds, model.reset_at, limit_reached)


def _extras(limits: dict[str, LimitModel]) -> tuple[Bucket, ...]:
    named = [(visible(key), limit) for key, limit in limits.items()]
    return tuple(Bucket(name, limit.limit_name or name, known(_limit(limit))) for name, limit in named)


@dataclass(frozen=True, slots=True)
class RefreshResult:
    """How the pool's refresh of one account went: `alive`, `dead`, `skipped`, or a word not known yet.

    `problem` is there where only a new login helps.
    """

    result: str
    why: Message | None
    problem: LoginProblem | None = None


def parse_refresh(body: JsonValue) -> RefreshResult | Failure:
    """The answer to `POST …/refresh`, which is HTTP 200 whether the token lives or not."""
    result = within(body, "result")
    if not isinstance(result, str):
        return holds_no("pools.no_refresh", CODEX_PROXY.name, body)
    return RefreshResult(visible(result, SAID_LENGTH), *_why(within(body, "error")))


def _why(error: JsonValue) -> tuple[Message | None, LoginProblem | None]:
    """Why a refresh failed: by the issuer's code where there is one, else in the pool's own words."""
    if not isinstance(error, str) or not error.strip():
        return None, None
    for_good = _ANY_FOR_GOOD.search(error)
    if for_good is not None:
        code, problem = _FOR_GOOD[for_good[0]]
        return message(code), problem
    found = _CODE.search(error)
    return message("pools.words", text=found[1] if found else their_words(error, SAID_LENGTH)), None


def parse_rate(body: JsonValue) -> Decimal | None:
    """Credits per US dollar as the pool is set up; None where it says none, or nonsense."""
    rate = decimal(within(body, "credits_per_usd"))
    return rate if rate is not None and rate >= 0 else None


def parse_version(body: JsonValue) -> str | None:
    """The pool's version, from its update status."""
    version = within(body, "proxy", "version")
    return visible(version, 40) if isinstance(version, str) and version.strip() else None
