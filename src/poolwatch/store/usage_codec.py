"""Usage to and from its stored form. One damaged field costs that field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from poolwatch.domain.banked import BankedReset
from poolwatch.domain.usage import (
    Aged,
    Bucket,
    Credits,
    RateLimit,
    ReachedType,
    ResetCredits,
    SpendControl,
    SpendLimit,
    Usage,
    UsageWindow,
)
from poolwatch.store.doc import UNREADABLE, Doc, Fields, digits, finite, tidy
from poolwatch.store.instants import to_text

T = TypeVar("T")


def usage_fields(usage: Usage) -> Fields:
    """The stored form."""
    return tidy(
        {
            "plan": _aged_fields(usage.plan, _plain),
            "base": _aged_fields(usage.base, _limit_fields),
            "review": _aged_fields(usage.review, _limit_fields),
            "extras": _aged_fields(usage.extras, _extras_list),
            "credits": _aged_fields(usage.credits, _credits_fields),
            "spend": _aged_fields(usage.spend, _spend_fields),
            "reached_type": _aged_fields(usage.reached_type, _plain),
            "reset_credits": _aged_fields(usage.reset_credits, _reset_fields),
            "reset_list": _aged_fields(usage.reset_list, _banked_list),
        }
    )


def usage_from(doc: Doc) -> Usage:
    """Usage from its stored form; a field that cannot be read was never spoken of."""
    return Usage(
        plan=_aged(doc, "plan", lambda held: held.need_text("value")),
        base=_aged(doc, "base", _limit),
        review=_aged(doc, "review", _limit),
        extras=_aged(doc, "extras", _extras),
        credits=_aged(doc, "credits", _credits),
        spend=_aged(doc, "spend", _spend),
        reached_type=_aged(doc, "reached_type", lambda held: held.need_choice("value", ReachedType)),
        reset_credits=_aged(doc, "reset_credits", _reset),
        reset_list=_aged(doc, "reset_list", _banked),
    )


def instant_text(at: datetime | None) -> str | None:
    """An instant as stored, None kept."""
    return None if at is None else to_text(at)


def _aged_fields(aged: Aged[T] | None, form: Callable[[T], object]) -> Fields | None:
    if aged is None:
        return None
    return tidy(
        {
            "value": None if aged.value is None else form(aged.value),
            "at": to_text(aged.at),
            "source": aged.source,
            "unknown": None if aged.known else True,
        }
    )


def _aged(doc: Doc, name: str, read: Callable[[Doc], T]) -> Aged[T] | None:
    """`read` gets the object whose key "value" holds the value."""
    try:
        held = doc.part(name)
        if held is None:
            return None
        value = read(held) if held.has("value") else None
        return Aged(value, held.need_instant("at"), held.need_text("source"), not held.flag("unknown"))
    except UNREADABLE:
        return None


def _plain(text: str) -> str:
    return text


def _limit_fields(limit: RateLimit) -> Fields:
    return tidy(
        {
            "allowed": limit.allowed,
            "limit_reached": limit.limit_reached,
            "windows": [_window_fields(window) for window in limit.windows],
        }
    )


def _limit(held: Doc) -> RateLimit:
    return _limit_of(Doc(held.need("value")))


def _limit_of(doc: Doc) -> RateLimit:
    windows = tuple(_window(Doc(item)) for item in doc.items("windows"))
    return RateLimit(doc.flag("allowed"), doc.flag("limit_reached"), windows)


def _window_fields(window: UsageWindow) -> Fields:
    return tidy(
        {
            "used_percent": finite(window.used_percent),
            "window_seconds": window.window_seconds,
            "resets_at": instant_text(window.resets_at),
            "limit_reached": window.limit_reached,
        }
    )


def _window(doc: Doc) -> UsageWindow:
    return UsageWindow(
        used_percent=doc.number("used_percent"),
        window_seconds=doc.whole("window_seconds"),
        resets_at=doc.instant("resets_at"),
        limit_reached=doc.flag("limit_reached"),
    )


def _extras_list(buckets: tuple[Bucket, ...]) -> list[Fields]:
    return [
        tidy(
            {
                "id": bucket.id,
                "name": bucket.name,
                "limit": None if bucket.limit is None else _limit_fields(bucket.limit),
            }
        )
        for bucket in buckets
    ]


def _extras(held: Doc) -> tuple[Bucket, ...]:
    return tuple(_bucket(Doc(item)) for item in held.items("value"))


def _bucket(doc: Doc) -> Bucket:
    limit = doc.part("limit")
    return Bucket(doc.need_text("id"), doc.need_text("name"), None if limit is None else _limit_of(limit))


def _credits_fields(credits: Credits) -> Fields:
    return tidy(
        {
            "has_credits": credits.has_credits,
            "unlimited": credits.unlimited,
            "overage_limit_reached": credits.overage_limit_reached,
            "balance": digits(credits.balance),
        }
    )


def _credits(held: Doc) -> Credits:
    doc = Doc(held.need("value"))
    return Credits(
        has_credits=doc.flag("has_credits"),
        unlimited=doc.flag("unlimited"),
        overage_limit_reached=doc.flag("overage_limit_reached"),
        balance=doc.decimal("balance"),
    )


def _spend_fields(spend: SpendControl) -> Fields:
    return tidy(
        {
            "reached": spend.reached,
            "reached_limit_type": spend.reached_limit_type,
            "limits": [
                tidy(
                    {
                        "kind": limit.kind,
                        "limit": digits(limit.limit),
                        "used": digits(limit.used),
                        "remaining": digits(limit.remaining),
                        "used_percent": finite(limit.used_percent),
                        "resets_at": instant_text(limit.resets_at),
                    }
                )
                for limit in spend.limits
            ],
        }
    )


def _spend(held: Doc) -> SpendControl:
    doc = Doc(held.need("value"))
    limits = tuple(_spend_limit(Doc(item)) for item in doc.items("limits"))
    return SpendControl(doc.flag("reached"), doc.text("reached_limit_type"), limits)


def _spend_limit(doc: Doc) -> SpendLimit:
    return SpendLimit(
        kind=doc.need_text("kind"),
        limit=doc.decimal("limit"),
        used=doc.decimal("used"),
        remaining=doc.decimal("remaining"),
        used_percent=doc.number("used_percent"),
        resets_at=doc.instant("resets_at"),
    )


def _reset_fields(reset: ResetCredits) -> Fields:
    return tidy(
        {
            "available": reset.available,
            "applicable": reset.applicable,
            "expires_at": instant_text(reset.expires_at),
        }
    )


def _reset(held: Doc) -> ResetCredits:
    doc = Doc(held.need("value"))
    return ResetCredits(doc.whole("available"), doc.whole("applicable"), doc.instant("expires_at"))


def _banked_list(rows: tuple[BankedReset, ...]) -> list[Fields]:
    return [
        tidy(
            {
                "expires_at": instant_text(row.expires_at),
                "granted_at": instant_text(row.granted_at),
                "status": row.status,
                "title": row.title,
                "expiry_unknown": None if row.expiry_known else True,
            }
        )
        for row in rows
    ]


def _banked(held: Doc) -> tuple[BankedReset, ...]:
    return tuple(_banked_reset(Doc(item)) for item in held.items("value"))


def _banked_reset(doc: Doc) -> BankedReset:
    return BankedReset(
        expires_at=doc.instant("expires_at"),
        granted_at=doc.instant("granted_at"),
        status=doc.text("status"),
        title=doc.text("title"),
        expiry_known=not doc.flag("expiry_unknown"),
    )
