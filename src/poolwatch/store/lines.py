"""History as JSON lines: one for each instant at which figures of an account changed, with all of them.

The form is a promise to other programs: keys are only ever added. Amounts of credits are texts.
"""

# no `annotations` from __future__: a decoder would evaluate them at each start
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Annotated, Final

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType, field

from poolwatch.domain.account import AccountKey
from poolwatch.domain.message import Message, message
from poolwatch.domain.series import Figure, HistoryRow, Place, Series
from poolwatch.domain.text import MAX_LENGTH, visible
from poolwatch.domain.usage import BASE_BUCKET, window_kind, window_length
from poolwatch.store.documents import UNREADABLE
from poolwatch.store.identities import Identity
from poolwatch.store.spans import number
from poolwatch.store.stored import Instant

#: A longer line is refused.
MOST_BYTES: Final = 64 * 1024
#: As the wire's money has it, with its exponent written out.
_Credits = Annotated[str, Meta(pattern=r"^-?[0-9]{1,18}(\.[0-9]{1,127})?\Z")]
_Percent = Annotated[float, Meta(ge=-999_999, le=999_999)]
#: The longest that a service may say, rounded to hours.
_Seconds = Annotated[int, Meta(gt=0, le=10**9 + 3600)]
#: A text that was cut where it entered has one character more.
_Text = Annotated[str, Meta(min_length=1, max_length=MAX_LENGTH + 1)]
_GONE: Final = Figure()


class _Account(Struct, frozen=True):
    user_id: _Text
    account_id: _Text
    provider: _Text = "codex"
    email: _Text | None = None


class _Window(Struct, frozen=True):
    bucket: _Text = BASE_BUCKET
    window_seconds: _Seconds | None = None
    used_percent: _Percent | None = None
    resets_at: Instant | None = None


class _CreditsLine(Struct, frozen=True):
    has_credits: bool | None = None
    unlimited: bool | None = None
    balance: _Credits | None = None


class _SpendLimit(Struct, frozen=True):
    kind: _Text
    used: _Credits | None = None
    limit: _Credits | None = None
    used_percent: _Percent | None = None
    resets_at: Instant | None = None


class _Spend(Struct, frozen=True):
    limits: tuple[_SpendLimit, ...] = ()


class _Line(Struct, frozen=True):
    at: Instant
    account: _Account
    plan: _Text | UnsetType | None = UNSET
    windows: tuple[_Window, ...] | UnsetType | None = UNSET
    credits: _CreditsLine | UnsetType | None = UNSET
    spend: _Spend | UnsetType | None = UNSET


class _Balance(Struct, frozen=True):
    source: _Text
    unit: Annotated[str, Meta(min_length=1, max_length=17)]
    remaining: _Credits | None = None
    unlimited: bool | None = None
    resets_at: Instant | None = None


class _BalanceLine(Struct, frozen=True):
    at: Instant
    balance: _Balance


class _Kind(Struct, frozen=True):
    """What tells a line of figures from lines of another kind."""

    balance: Raw | UnsetType = UNSET
    account: Raw | UnsetType = UNSET
    plan: Raw | UnsetType = UNSET
    windows: Raw | UnsetType = UNSET
    credits: Raw | UnsetType = UNSET
    spend: Raw | UnsetType = UNSET


class PastReading(Struct, frozen=True):
    """The figures of one account at one instant, UTC; of the series in `told` there were no others."""

    identity: Identity
    at: datetime
    figures: Mapping[Place, Figure] = field(default_factory=dict)
    told: frozenset[Series] = frozenset()


class PastBalance(Struct, frozen=True):
    """What was left of the balance of a source at one instant, UTC, in one unit."""

    name: str
    at: datetime
    unit: str
    figure: Figure


# -- reading lines


def parse_line(raw: bytes, now: datetime) -> PastReading | PastBalance | Message:
    """The reading in a line, or why it is refused."""
    if len(raw) > MOST_BYTES:
        return message("data.too_long")
    try:
        kind = _KIND.decode(raw)
    except UNREADABLE:
        return message("data.no_json")
    if kind.balance is not UNSET and kind.account is UNSET:
        return _parse_balance(raw, now)
    figures = (kind.plan, kind.windows, kind.credits, kind.spend)
    if kind.account is UNSET or all(each is UNSET for each in figures):
        return message("data.unknown_kind")
    try:
        line = _LINE.decode(raw)
    except UNREADABLE as error:
        return _bad(error)
    texts = _texts(line)
    if any(visible(text, len(text)) != text for text in texts):
        return message("data.bad_text")
    if line.at > now:
        return message("data.future")
    beyond = _beyond(line)
    if beyond:
        return message("data.bad_figure", field=beyond)
    account = line.account
    key = AccountKey(account.provider, account.user_id, account.account_id)
    identity = Identity(key.id, account.provider, account.user_id, account.account_id, account.email)
    return PastReading(identity, line.at, dict(_figures(line)), _told(line))


def _parse_balance(raw: bytes, now: datetime) -> PastBalance | Message:
    try:
        line = _BALANCE_LINE.decode(raw)
    except UNREADABLE as error:
        return _bad(error)
    told = line.balance
    if any(visible(text, len(text)) != text for text in (told.source, told.unit)):
        return message("data.bad_text")
    if line.at > now:
        return message("data.future")
    if line.at < _EARLIEST:
        return message("data.bad_figure", field="at")
    if told.resets_at != told_reset(told.resets_at, line.at):
        return message("data.bad_figure", field="balance.resets_at")
    left = None if told.remaining is None else Decimal(told.remaining)
    figure = Figure(resets_at=told.resets_at, balance=left, unlimited=told.unlimited or None)
    return PastBalance(told.source, line.at, told.unit, figure)


#: Before this nobody had an account.
_EARLIEST: Final = datetime(2015, 1, 1, tzinfo=UTC)
#: No reset is further from a reading of it.
_FURTHEST: Final = timedelta(days=3660)
_KIND: Final = msgspec.json.Decoder(_Kind)
_LINE: Final = msgspec.json.Decoder(_Line)
_BALANCE_LINE: Final = msgspec.json.Decoder(_BalanceLine)
#: What the decoder found to be wrong, in the words of its message: a field that is not there, or its place.
_MISSING: Final = re.compile(r"field `(\w+)`")
_PLACE: Final = re.compile(r"`\$\.([^`]+)`$")
_IDS: Final = ("user_id", "account_id")


def _bad(error: Exception) -> Message:
    missing, place = _MISSING.search(str(error)), _PLACE.search(str(error))
    if missing is not None and missing[1] in _IDS:
        return message("data.no_ids")
    name = missing[1] if missing is not None else place[1] if place is not None else ""
    return message("data.bad_figure", field=name) if name else message("data.bad_line")


def _beyond(line: _Line) -> str:
    """The field whose instant can be no service's, so that nothing could be reckoned; "": none."""
    if line.at < _EARLIEST:
        return "at"
    for place, window in enumerate(line.windows or ()):
        if window.resets_at != told_reset(window.resets_at, line.at):
            return f"windows[{place}].resets_at"
    limits = line.spend.limits if isinstance(line.spend, _Spend) else ()
    for place, limit in enumerate(limits):
        if limit.resets_at != told_reset(limit.resets_at, line.at):
            return f"spend.limits[{place}].resets_at"
    return ""


def told_reset(resets_at: datetime | None, at: datetime) -> datetime | None:
    """The reset as a line of that instant tells it: unknown where no service can mean it."""
    return None if resets_at is None or abs(resets_at - at) > _FURTHEST else resets_at


def _texts(line: _Line) -> Iterator[str]:
    account = line.account
    yield from (account.provider, account.user_id, account.account_id)
    yield from (text for text in (account.email, line.plan) if isinstance(text, str))
    yield from (window.bucket for window in line.windows or ())
    if isinstance(line.spend, _Spend):
        yield from (limit.kind for limit in line.spend.limits)


def _figures(line: _Line) -> Iterator[tuple[Place, Figure]]:
    if isinstance(line.plan, str):
        yield (Series.PLAN, "", ""), Figure(plan=line.plan)
    # two windows of one kind: the fuller one is the one that binds, and stands last
    for window in sorted(line.windows or (), key=lambda each: each.used_percent or 0):
        place = (Series.WINDOW, window.bucket, window_kind(window.window_seconds))
        yield place, Figure(window.used_percent, window.resets_at)
    if isinstance(line.credits, _CreditsLine):
        held = line.credits
        if held.balance is not None or held.unlimited is not None:
            balance = None if held.balance is None else Decimal(held.balance)
            yield (Series.CREDITS, "", ""), Figure(balance=balance, unlimited=held.unlimited)
    if isinstance(line.spend, _Spend):
        for limit in line.spend.limits:
            spent = None if limit.used is None else Decimal(limit.used)
            most = None if limit.limit is None else Decimal(limit.limit)
            figure = Figure(limit.used_percent, limit.resets_at, spent=spent, spend_limit=most)
            yield (Series.SPEND, "", limit.kind), figure


def _told(line: _Line) -> frozenset[Series]:
    parts = {
        Series.PLAN: line.plan,
        Series.WINDOW: line.windows,
        Series.CREDITS: line.credits,
        Series.SPEND: line.spend,
    }
    return frozenset(series for series, part in parts.items() if part is not UNSET)


# -- writing lines


def lines_of(
    identity: Identity, rows: Sequence[HistoryRow], since: datetime, now: datetime, *, mask: bool = False
) -> Iterator[bytes]:
    """The lines of an account's history from `since` on, each with its newline; rows are in order of time.

    Those from before `since` tell what held then. `mask`: without the e-mail. Empty in place of a line that
    would be refused: a wrong clock dated it, or it is too long.
    """
    account = _Account(
        identity.user_id, identity.workspace_id, identity.provider, None if mask else identity.email
    )
    held: dict[Place, Figure] = {}
    for at, changed in groupby(rows, key=lambda row: row.at):
        for row in changed:
            held[row.series, row.bucket, row.window] = row.figure
        if at < since:
            continue
        raw = msgspec.json.encode(_line(at, account, held)) if _EARLIEST <= at <= now else b""
        yield raw + b"\n" if 0 < len(raw) <= MOST_BYTES else b""


def balance_lines_of(
    name: str, rows: Sequence[HistoryRow], since: datetime, now: datetime
) -> Iterator[bytes]:
    """The lines of a balance from `since` on, likewise; a line for each unit. It is told as `name`."""
    for row in rows:
        if row.at < since:
            continue
        figure = row.figure
        told = {
            "source": name,
            "unit": row.bucket,
            "remaining": _text(figure.balance),
            "unlimited": figure.unlimited,
            "resets_at": told_reset(figure.resets_at, row.at),
        }
        raw = msgspec.json.encode({"at": row.at, "balance": told})
        yield raw + b"\n" if _EARLIEST <= row.at <= now else b""


def _line(at: datetime, account: _Account, held: Mapping[Place, Figure]) -> dict[str, object]:
    known = [(place, figure) for place, figure in held.items() if figure != _GONE]
    # the same history is the same line, in whichever order it was learned
    known.sort(key=lambda each: _order(each[0]))
    by_series = {series: [each for each in known if each[0][0] is series] for series in Series}
    return {
        "at": at,
        "account": {
            "provider": account.provider,
            "user_id": account.user_id,
            "account_id": account.account_id,
            "email": account.email,
        },
        "plan": next((figure.plan for _, figure in by_series[Series.PLAN]), None),
        "windows": [
            {
                "bucket": bucket,
                "window_seconds": window_length(window),
                "used_percent": number(figure.used_percent),
                "resets_at": told_reset(figure.resets_at, at),
            }
            for (_, bucket, window), figure in by_series[Series.WINDOW]
        ],
        "credits": next(
            (
                # whether there is a credit facility is not kept; unknown is not false
                {"has_credits": None, "unlimited": figure.unlimited, "balance": _text(figure.balance)}
                for _, figure in by_series[Series.CREDITS]
            ),
            None,
        ),
        "spend": {
            "limits": [
                {
                    "kind": window,
                    "used": _text(figure.spent),
                    "limit": _text(figure.spend_limit),
                    "used_percent": number(figure.used_percent),
                    "resets_at": told_reset(figure.resets_at, at),
                }
                for (_, _, window), figure in by_series[Series.SPEND]
            ]
        }
        if by_series[Series.SPEND]
        else None,
    }


def _order(place: Place) -> tuple[bool, str, int, str]:
    """Of windows the base ones first, then by bucket and length."""
    _, bucket, window = place
    return bucket != BASE_BUCKET, bucket, window_length(window) or 0, window


def _text(amount: Decimal | None) -> str | None:
    return None if amount is None else f"{amount:f}"
