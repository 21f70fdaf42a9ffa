"""What codex-lb says of its accounts, by API key (fleet summary) or by dashboard login (accounts).

Its percentages are what remains. Its capacity figures are estimates by plan, no money, and are not read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

from pydantic import AliasPath, ConfigDict, Field, PlainValidator
from pydantic.alias_generators import to_camel

from poolwatch.domain.account import Custody, Listing, SourceRef, TokenFacts
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.usage import (
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
from poolwatch.sources.lenient import (
    Count,
    Instant,
    Length,
    LenientModel,
    Percent,
    Text,
    count,
    decimal,
    flag,
    known,
    lenient,
    list_of,
)
from poolwatch.sources.pools.client import told
from poolwatch.sources.pools.listing import MAX_BUCKETS, NO_WINDOW, PoolAccount, account_rows
from poolwatch.sources.pools.routes import CODEX_LB

_ABSENT: Final = Unsaid.ABSENT
#: `<ChatGPT account id>_<first 8 hex digits of the e-mail's SHA-256>`, and a mark on the second import
_OWN_ID: Final = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})_([0-9a-f]{8})(?:__copy\d+)?")
_COPY: Final = re.compile(r"__copy\d+\Z")

PAUSED: Final = "paused"
REAUTH_REQUIRED: Final = "reauth_required"
DEACTIVATED: Final = "deactivated"
_LIMITED: Final = frozenset({"rate_limited", "quota_exceeded"})
#: of two entries for one account the first of these tells how the account stands
_STATUS_ORDER: Final = ("active", "rate_limited", "quota_exceeded", REAUTH_REQUIRED, PAUSED, DEACTIVATED)
LIMITS_HIDDEN: Final = message("pools.limits_hidden", pool=CODEX_LB.name)


class CamelModel(LenientModel):
    """An object whose keys are in camel case."""

    model_config = ConfigDict(alias_generator=to_camel)


class WindowModel(CamelModel):
    """One window: an account's is told as remaining, an additional quota's as used."""

    remaining_percent: Percent = None
    used_percent: Percent = None
    reset_at: Instant = None
    window_minutes: Length = None

    def window(self, used: float | None) -> UsageWindow:
        """The window, with so much of it used."""
        minutes = self.window_minutes
        return UsageWindow(used, None if minutes is None else minutes * 60, self.reset_at)

    def used_by_what_remains(self) -> float | None:
        """What is used, by way of decimal digits: 100 - 58.1 is 41.9."""
        left = self.remaining_percent
        return None if left is None else float(Decimal(100) - Decimal(repr(left)))


WindowField = Annotated[WindowModel | None, PlainValidator(WindowModel.read)]


class QuotaModel(CamelModel):
    """One of the additional quotas."""

    metered_feature: Text = None
    quota_key: Text = None
    limit_name: Text = None
    display_label: Text = None
    primary_window: WindowField = None
    secondary_window: WindowField = None

    def bucket(self) -> Bucket | None:
        """The bucket; None where nothing names it."""
        key = self.metered_feature or self.quota_key or self.limit_name
        if key is None:
            return None
        name = self.limit_name or self.display_label or key
        told = (self.primary_window, self.secondary_window)
        windows = [each.window(each.used_percent) for each in told if each is not None]
        return Bucket(key, name, RateLimit(None, None, tuple(windows)) if windows else None)


class AccountModel(CamelModel):
    """What both lists say of an account, the dashboard's alone, and the fleet summary's windows."""

    email: Text = None
    alias: Text = None
    display_name: Text = None
    plan_type: Text = None
    status: Text = None
    chatgpt_account_id: Text = None
    usage_refreshed_at: Instant = None
    expires_at: Annotated[Instant, Field(validation_alias=AliasPath("auth", "access", "expiresAt"))] = None
    deactivation_reason: Text = None
    workspace_label: Text = None
    additional_quotas: Annotated[
        list[QuotaModel] | None, PlainValidator(list_of(QuotaModel, MAX_BUCKETS))
    ] = None
    credits_has: Annotated[Said[bool], lenient(flag)] = _ABSENT
    credits_unlimited: Annotated[Said[bool], lenient(flag)] = _ABSENT
    credits_balance: Annotated[Said[Decimal], lenient(decimal)] = _ABSENT
    available_reset_credits: Count = None
    reset_credit_nearest_expires_at: Instant = None
    primary: WindowField = None
    secondary: WindowField = None
    monthly: WindowField = None


class LbAccount(PoolAccount, frozen=True):
    """One account as codex-lb lists it, and its status in the pool's word.

    `usage_at` is when the pool last read the figures, by the pool's clock, None where it does not say.
    `hides_windows`: the pool has figures and does not show them to this key.
    """

    status: str
    usage: UsageSnapshot
    usage_at: datetime | None = None
    reason: str | None = None
    hides_windows: bool = False


def parse_accounts(body: JsonValue, source: str, *, by_dashboard: bool) -> Mapping[str, LbAccount] | Failure:
    """The answer to `GET /api/accounts`, which does not say how old its figures are, or to the fleet summary.

    That knows no credits, and the ids only inside its own. Of a login that was imported twice (`…__copy2`)
    the entry that the pool can use stands for both.
    """
    rows = account_rows(body, CODEX_LB.name, "accountId")
    if isinstance(rows, Failure):
        return rows
    read = _dashboard_account if by_dashboard else _fleet_account
    kept: dict[tuple[str, str], LbAccount] = {}
    for place, row in rows.items():
        account = read(AccountModel.model_validate(row), SourceRef(source, place), row)
        listing = account.listing
        mark = ("", place)
        if listing.account_id and listing.email:
            mark = (listing.account_id, listing.email.casefold())
        held = kept.get(mark)
        if held is None or _rank(account) < _rank(held):
            kept[mark] = account
    return {account.listing.ref.place: account for account in kept.values()}


def _rank(account: LbAccount) -> int:
    status = account.status
    return _STATUS_ORDER.index(status) if status in _STATUS_ORDER else len(_STATUS_ORDER)


def _fleet_account(wire: AccountModel, ref: SourceRef, row: JsonObject) -> LbAccount:
    usage = UsageSnapshot(
        plan=wire.plan_type or _ABSENT,
        base=_base((wire.primary, wire.secondary, wire.monthly), wire),
    )
    has_windows = isinstance(usage.base, RateLimit) and bool(usage.base.windows)
    usage_at = wire.usage_refreshed_at
    hides = usage_at is not None and row.get("primary") is None and row.get("secondary") is None
    listing = _listing(ref, wire, label=wire.display_name)
    return LbAccount(listing, _status(wire), usage, usage_at, hides_windows=hides and not has_windows)


def _dashboard_account(wire: AccountModel, ref: SourceRef, row: JsonObject) -> LbAccount:
    usage = UsageSnapshot(
        plan=wire.plan_type or _ABSENT,
        base=_base(_named_windows(row), wire),
        extras=_extras(wire.additional_quotas or ()),
        credits=_credits(wire),
        reset_credits=_reset_credits(wire),
    )
    listing = replace(
        _listing(ref, wire, label=wire.alias or wire.display_name),
        account_id=wire.chatgpt_account_id or _inside(ref.place, wire.email),
        token=TokenFacts(expires_at=wire.expires_at),
        workspace=wire.workspace_label,
    )
    return LbAccount(listing, _status(wire), usage, reason=wire.deactivation_reason)


def _listing(ref: SourceRef, wire: AccountModel, label: str | None) -> Listing:
    email, status = wire.email, _status(wire)
    # the e-mail in its place is no name that somebody gave
    is_email = label is not None and email is not None and label.casefold() == email.casefold()
    return Listing(
        ref,
        account_id=_inside(ref.place, email),
        email=email,
        label=None if is_email else label,
        plan=wire.plan_type,
        custody=Custody.POOL,
        owner=CODEX_LB.name,
        disabled=status == PAUSED,
        says_login_needed=status == REAUTH_REQUIRED,
    )


def _status(wire: AccountModel) -> str:
    return wire.status or ""


def _inside(place: str, email: str | None) -> str | None:
    """The ChatGPT account id inside the pool's own id, believed only where the e-mail beside it fits."""
    found = _OWN_ID.fullmatch(place)
    if found is None or email is None:
        return None
    mark = hashlib.sha256(email.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return found[1] if found[2] == mark else None


def _named_windows(row: JsonObject) -> Iterable[WindowModel | None]:
    """The windows of the dashboard's list, which names each part of a window by the window."""
    for name in ("Primary", "Secondary", "Monthly"):
        yield WindowModel.read(
            {
                "remainingPercent": within(row, "usage", f"{name.lower()}RemainingPercent"),
                "resetAt": row.get(f"resetAt{name}"),
                "windowMinutes": row.get(f"windowMinutes{name}"),
            }
        )


def _base(windows: Iterable[WindowModel | None], wire: AccountModel) -> Said[RateLimit]:
    """The pool never says `allowed`; that an account is limited it says in its status."""
    limited = True if _status(wire) in _LIMITED else None
    read = (each.window(each.used_by_what_remains()) for each in windows if each is not None)
    told = tuple(window for window in read if window != NO_WINDOW)
    return RateLimit(None, limited, told) if told or limited else _ABSENT


def _extras(quotas: Iterable[QuotaModel]) -> Said[tuple[Bucket, ...]]:
    """The other quotas; an empty list is what the pool sends for "none" and for "not read" alike."""
    found: dict[str, Bucket] = {}
    for bucket in map(QuotaModel.bucket, quotas):
        if bucket is not None:
            found.setdefault(bucket.id, bucket)
    return tuple(found.values()) or _ABSENT


def _credits(wire: AccountModel) -> Said[Credits]:
    parts = (wire.credits_has, wire.credits_unlimited, wire.credits_balance)
    told = Credits(known(parts[0]), known(parts[1]), None, known(parts[2]))
    if told != Credits(None, None, None, None):
        return told
    return Unsaid.MALFORMED if Unsaid.MALFORMED in parts else _ABSENT


def _reset_credits(wire: AccountModel) -> Said[ResetCredits]:
    """The banked resets; 0 stands in the list for accounts with some, too, and so says nothing."""
    number = wire.available_reset_credits
    return ResetCredits(number, None, wire.reset_credit_nearest_expires_at) if number else _ABSENT


def with_banked(usage: UsageSnapshot, place: str, body: JsonValue) -> UsageSnapshot:
    """With the count of `GET …/usage-reset-credits`, which the pool asks upstream for.

    Not with that of another account than the one whose id in the pool is `place`; a second import of a login
    is the same one.
    """
    whose = within(body, "accountId")
    if isinstance(whose, str) and _COPY.sub("", whose) != _COPY.sub("", place):
        return usage
    number = count(within(body, "rateLimitResetCredits", "availableCount"))
    if number is None:
        return usage
    held = usage.reset_credits
    expires_at = held.expires_at if isinstance(held, ResetCredits) and number else None
    return replace(usage, reset_credits=ResetCredits(number, None, expires_at))


def no_figures(account: LbAccount) -> Failure | None:
    """Why there is no reading of this account."""
    if account.status == DEACTIVATED:
        kind, why = FailureKind.DEACTIVATION_REPORTED, told(account.reason)
        return failure(kind, "pools.deactivated", pool=CODEX_LB.name, told=why)
    if account.hides_windows:
        return Failure(FailureKind.FORBIDDEN, LIMITS_HIDDEN.code, LIMITS_HIDDEN.arguments)
    if account.usage.base is not _ABSENT or account.usage.credits is not _ABSENT:
        return None
    kind = FailureKind.NO_TOKEN if account.status == REAUTH_REQUIRED else FailureKind.NO_FIGURES
    return failure(kind, "pools.no_figures", pool=CODEX_LB.name)


def fleet_refresh_trouble(body: JsonValue) -> Message | None:
    """What went wrong in a fleet refresh that was answered with HTTP 200, None when nothing did."""
    worked = within(body, "ok")
    if not isinstance(worked, bool):
        return message("pools.fleet_refresh_unreadable")
    return None if worked else message("pools.fleet_refresh_failed")


def needs_code(body: JsonValue) -> Failure | None:
    """Why a login with the right password is still none."""
    if within(body, "authenticated") is False:
        return failure(FailureKind.FORBIDDEN, "pools.code_after_password", pool=CODEX_LB.name)
    return None
