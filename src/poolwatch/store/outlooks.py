"""What was foretold, in the database, so that every process tells the same; documents as in `stored`."""

# no `annotations` from __future__: a decoder would evaluate them at each start
import sqlite3
from collections.abc import Collection, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final, TypeVar

import msgspec
from msgspec import Struct, convert

from poolwatch.domain.forecast import NoForecast
from poolwatch.domain.outlook import AccountOutlook, NoOutlook, PoolOutlook, Verdict
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.spans import clean
from poolwatch.store.stored import Amounts, Document, Instant, Part, is_instant, is_percent

T = TypeVar("T")
#: Where the pool's stands, among the account ids.
_POOL: Final = ""


class _WeeklyBurn(Part, frozen=True):
    last_hour: float | None = None
    last_24h: float | None = None
    today: float | None = None
    since_start: float | None = None
    usual_per_day: float | None = None


class _CreditsBurn(Amounts, frozen=True):
    last_hour: Decimal | None = None
    last_24h: Decimal | None = None
    today: Decimal | None = None
    since_start: Decimal | None = None
    usual_per_day: Decimal | None = None


class _AccountBurn(Part, frozen=True):
    weekly: _WeeklyBurn
    credits: _CreditsBurn


class _PoolBurn(_AccountBurn, frozen=True):
    started_at: Instant | None = None
    made_at: Instant | None = None


class _Forecast(Part, frozen=True):
    bucket: str
    window: str
    made_at: Instant
    resets_at: Instant | None = None
    median_percent: float | None = None
    low_percent: float | None = None
    high_percent: float | None = None
    out_probability: float | None = None
    out_earliest: Instant | None = None
    out_latest: Instant | None = None
    pace_per_day: float | None = None
    even_percent: float | None = None
    none_because: NoForecast | None = None
    used_percent: float | None = None
    endless: tuple[float, float, float] | None = None

    def __post_init__(self) -> None:
        percents = (self.median_percent, self.low_percent, self.high_percent, self.used_percent)
        _need_instants(self.made_at, self.resets_at, self.out_earliest, self.out_latest)
        if not all(each is None or is_percent(each) for each in (*percents, *(self.endless or ()))):
            raise ValueError("no percentage")


class _AccountOutlook(Document, frozen=True, kw_only=True):
    made_at: Instant
    burn: _AccountBurn
    forecasts: tuple[_Forecast, ...] = ()
    if_reset: _Forecast | None = None

    def __post_init__(self) -> None:
        _need_instants(self.made_at)


class _PoolOutlook(Document, frozen=True, kw_only=True):
    made_at: Instant
    burn: _PoolBurn
    verdict: Verdict = Verdict.UNKNOWN
    relief_at: Instant | None = None
    relief_accounts: int = 0
    dry_probability: float | None = None
    dry_earliest: Instant | None = None
    dry_latest: Instant | None = None
    weekly_left_percent: float | None = None
    none_because: NoOutlook | None = None

    def __post_init__(self) -> None:
        _need_instants(self.made_at, self.relief_at, self.dry_earliest, self.dry_latest)
        if self.weekly_left_percent is not None and not is_percent(self.weekly_left_percent):
            raise ValueError("no percentage")


def _need_instants(*instants: datetime | None) -> None:
    if not all(each is None or is_instant(each) for each in instants):
        raise ValueError("no instant")


def put(held: sqlite3.Connection, accounts: Mapping[str, AccountOutlook], pool: PoolOutlook | None) -> bool:
    """Keep the outlooks of these accounts, by id, and the pool's where there is one; others stay."""
    documents = [(clean(each), _encode(outlook, _AccountOutlook)) for each, outlook in accounts.items()]
    if pool is not None:
        documents.append((_POOL, _encode(pool, _PoolOutlook)))
    held.executemany("INSERT OR REPLACE INTO outlooks VALUES (?, ?)", documents)
    return True


def read(held: sqlite3.Connection) -> tuple[Mapping[str, AccountOutlook], PoolOutlook | None]:
    """All outlooks by account id, and the pool's; damaged ones are left out."""
    accounts: dict[str, AccountOutlook] = {}
    pool = None
    for account_id, document in held.execute("SELECT account_id, doc FROM outlooks"):
        if account_id == _POOL:
            pool = _decode(document, _PoolOutlook, PoolOutlook)
        elif (outlook := _decode(document, _AccountOutlook, AccountOutlook)) is not None:
            accounts[account_id] = outlook
    return accounts, pool


def drop(held: sqlite3.Connection, account_ids: Collection[str]) -> None:
    """Forget those of these accounts."""
    held.executemany("DELETE FROM outlooks WHERE account_id = ?", [(each,) for each in account_ids])


def _encode(outlook: Struct, kind: type[Struct]) -> str:
    return msgspec.json.encode(convert(outlook, kind, from_attributes=True)).decode()


def _decode(document: object, stored: type[Struct], kind: type[T]) -> T | None:
    try:
        if not isinstance(document, str | bytes):
            return None
        return convert(msgspec.json.decode(document, type=stored), kind, from_attributes=True)
    except UNREADABLE:
        return None
