"""Banked resets: single resets of the usage windows that an account holds and can redeem once each."""

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from msgspec import Struct

from poolwatch.domain.instant import Instant

_USABLE: Final = frozenset({"available", "granted"})


class BankedReset(Struct, frozen=True, gc=False, omit_defaults=True):
    """One row of the list of banked resets; instants are aware UTC, texts are sanitised.

    `expires_at` None means that it never expires, or with `expiry_known` False that nobody says when.
    """

    expires_at: Instant | None
    granted_at: Instant | None = None
    #: as the service words it: available, granted, redeeming, redeemed
    status: str | None = None
    title: str | None = None
    expiry_known: bool = True

    def is_usable(self, now: datetime) -> bool:
        """Neither redeemed nor expired."""
        return self.status in _USABLE and (self.expires_at is None or self.expires_at > now)


def usable_resets(rows: Iterable[BankedReset], now: datetime) -> tuple[BankedReset, ...]:
    """The rows that can be redeemed at `now`, first to expire first, those without an instant last."""
    return tuple(sorted((row for row in rows if row.is_usable(now)), key=_by_expiry))


def _by_expiry(row: BankedReset) -> tuple[bool, float, bool]:
    at = row.expires_at
    return at is None, at.timestamp() if at is not None else 0.0, not row.expiry_known
