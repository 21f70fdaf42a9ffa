"""A service that tells one credit balance: asked by GET at one address, and read as its settings say.

Its key goes to that address alone, for redirects are not followed. Each answer stands whole: what it does not
name is unknown, whatever an earlier one said.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

from poolwatch.config.credit_settings import ID_PLACE, calendar_of
from poolwatch.config.paths import from_home
from poolwatch.config.source_settings import CreditSettings
from poolwatch.config.values import at_home
from poolwatch.domain.account import Secret
from poolwatch.domain.balances import Balance, ResetPeriod, ResetTime
from poolwatch.domain.failure import Failure, FailureKind, failure
from poolwatch.domain.message import Message, arguments_of
from poolwatch.domain.text import visible, visible_or_none
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, read_bounded, write_first
from poolwatch.host.threads import in_thread
from poolwatch.net.client import MEBIBYTE
from poolwatch.net.reply import Reply
from poolwatch.sources.json_body import JsonObject, JsonValue, NumberText, looks_like_html, read_json
from poolwatch.sources.lenient import decimal, epoch, instant, text
from poolwatch.sources.pools.keys import ConfiguredSecret, SecretKind
from poolwatch.sources.source import SourceSetup
from poolwatch.sources.usage_endpoint import classify

#: The code by which a service says, with a 429, that all is used up; any other 429 asks to slow down.
EXHAUSTED: Final = "CREDITS_EXHAUSTED"
#: What is shorter stands in many a key by chance.
_SHORTEST_PART: Final = 6
_ID_BYTES: Final = 4096
_ID_LENGTH: Final = 256
_UNIT_LENGTH: Final = 16
#: Some services write them so.
_SMALL_CURRENCIES: Final = frozenset({"usd", "cny", "eur", "gbp", "jpy"})
#: What a service says that has no credits set up; there is no code for it.
_NOT_CONFIGURED: Final = "not configured"
#: Digits enough for any figure times any scale.
_DIGITS: Final = 80
_MOST_DIGITS: Final = 24


class _Absent:
    """What stands where a pointer leads nowhere."""


_ABSENT: Final = _Absent()
_Found: TypeAlias = "JsonValue | _Absent"


class CreditsHttp:
    """One service. Instants given to it are our own clock's."""

    def __init__(self, setup: SourceSetup) -> None:
        if not isinstance(setup.settings, CreditSettings):
            raise TypeError("no settings of a balance")
        self._setup = setup
        self._settings = setup.settings
        self._key = ConfiguredSecret(setup, SecretKind.KEY)

    @property
    def name(self) -> str:
        """The name of its source."""
        return self._settings.name

    async def read(self, at: datetime) -> Balance | Failure:
        """The balance now, with one request; or why it is not known."""
        ready = await in_thread(self._prepared)
        if isinstance(ready, Failure):
            return ready
        url, headers = ready
        answer = await self._setup.client.get(
            url, headers, deadline_seconds=self._setup.deadline_seconds, cap_bytes=MEBIBYTE
        )
        if isinstance(answer, Failure):
            return answer
        found = read_answer(self._settings, answer, at)
        secrets = [each.reveal() for each in headers.values() if isinstance(each, Secret)]
        # the unit is shown as the answer names it
        if isinstance(found, Balance) and any(_is_part(found.unit, each) for each in secrets):
            return failure(FailureKind.MALFORMED, "credits.no_unit")
        return found

    def _prepared(self) -> tuple[str, Mapping[str, str | Secret]] | Failure:
        """The address and the headers of a request. Opens files."""
        settings = self._settings
        headers: dict[str, str | Secret] = {"Accept": "application/json"}
        for each in settings.headers:
            name, _, value = each.partition(": ")
            headers[name] = value
        if settings.auth != "none":
            key = self._key.read()
            if isinstance(key, Failure):
                return key
            if key is None:
                return failure(FailureKind.NO_TOKEN, "credits.no_key")
            if settings.auth == "bearer":
                headers["Authorization"] = Secret(f"Bearer {key.reveal()}")
            else:
                headers[settings.auth.partition(":")[2]] = key
        url = settings.url or ""
        if ID_PLACE in url:
            own = self._id()
            if isinstance(own, Failure):
                return own
            url = url.replace(ID_PLACE, quote(own, safe=""))
        return url, headers

    def _id(self) -> str | Failure:
        """The id of this installation, made where there is none yet."""
        path = Path(at_home(self._settings.id_file or "", self._setup.home))
        found = read_bounded(path, _ID_BYTES)
        if isinstance(found, FileProblem) and found.is_missing:
            # of several that find none, the first makes the id of all
            problem = write_first(path, f"{uuid.uuid4()}\n".encode())
            found = read_bounded(path, _ID_BYTES) if problem is None else problem
        if isinstance(found, FileProblem):
            return self._bad_id(path, Message(found.code, found.arguments))
        told = found.content.decode("utf-8", "replace").strip()
        if not told or not told.isascii() or not told.isprintable() or len(told) > _ID_LENGTH:
            return self._bad_id(path, Message("credits.no_id"))
        return told

    def _bad_id(self, path: Path, why: Message) -> Failure:
        shown = visible(from_home(path, self._setup.home))
        return failure(FailureKind.BLOCKED, "credits.id_file", detail=shown, path=shown, why=why)


def read_answer(settings: CreditSettings, reply: Reply, at: datetime) -> Balance | Failure:
    """What an answer says; `at` is our own clock."""
    status, content_type = reply.status, reply.headers.get("content-type", "")
    body = read_json(reply.body, content_type) if reply.body else None
    if status == 429 and _code(body) == EXHAUSTED:
        value: JsonValue = None if isinstance(body, Failure) else body
        unit = _unit(settings, value)
        if unit is None:
            return failure(FailureKind.MALFORMED, "credits.used_up_of_what")
        return Balance(unit, Decimal(0), resets_at=_resets_at(settings, value, at))
    if status in (404, 410) or (status == 503 and _is_not_configured(body)):
        return failure(FailureKind.NOT_OFFERED, "credits.not_offered", status=status)
    is_page = looks_like_html(reply.body, content_type) or "cf-mitigated" in reply.headers
    if status in (401, 402, 403) and not is_page:
        # its words are not repeated: they may hold the key
        code = "credits.key_refused" if settings.auth != "none" else "credits.wants_key"
        code = "credits.wants_payment" if status == 402 else code
        return failure(FailureKind.FORBIDDEN, code, status=status)
    refused = classify(reply, at)
    if refused is not None:
        # likewise without a code
        return replace(refused, arguments=arguments_of(status=status), detail=None)
    if isinstance(body, Failure):
        return body
    return parse_balance(settings, body, at)


def parse_balance(settings: CreditSettings, body: JsonValue, at: datetime) -> Balance | Failure:
    """The balance in a body, by the settings; `at` is when it was asked for."""
    if not isinstance(body, dict | list):
        return failure(FailureKind.MALFORMED, "credits.no_figures")
    if settings.success is not None and not _holds(body, settings.success):
        return failure(FailureKind.UPSTREAM_ERROR, "credits.no_success", wanted=visible(settings.success))
    row = _picked(settings, body)
    if isinstance(row, Failure):
        return row
    unit = _unit(settings, row)
    if unit is None:
        return failure(FailureKind.MALFORMED, "credits.no_unit")
    remaining, total, used, limit = (
        _amount(settings, row, pointer, is_credit=is_credit)
        for pointer, is_credit in (
            (settings.remaining, True),
            (settings.total, True),
            (settings.used, False),
            (settings.limit, False),
        )
    )
    is_unlimited = settings.unlimited is not None and _holds(row, settings.unlimited)
    known = [each for each in (remaining, total, used, limit) if each is not None]
    if not known and not is_unlimited:
        return failure(FailureKind.MALFORMED, "credits.no_figures")
    if settings.zeros_unknown and not any(known):
        return failure(FailureKind.UPSTREAM_ERROR, "credits.zeros")
    if remaining is None and used is not None:
        whole = total if total is not None else limit
        remaining = None if whole is None else _exact(whole, -used)
    return Balance(
        unit,
        None if is_unlimited else remaining,
        None if is_unlimited else limit,
        used,
        total,
        is_unlimited,
        _resets_at(settings, row, at),
        instant(_plain(_at(row, settings.last_reset))),
        _own_top_up(settings, row),
    )


def _own_top_up(settings: CreditSettings, row: JsonValue) -> Decimal | None:
    """Below which balance the service tops itself up; None where it does not, or nobody tells."""
    condition = settings.own_topup_if
    if condition is not None and not _holds(row, condition):
        return None
    return _amount(settings, row, settings.own_topup_below, is_credit=False)


def _picked(settings: CreditSettings, body: JsonValue) -> JsonValue | Failure:
    """The part of the body from which pointers count."""
    if settings.pick is None:
        return body
    place, _, condition = settings.pick.partition(" ")
    field, _, wanted = condition.partition("=")
    rows = _at(body, place)
    if not isinstance(rows, list):
        return failure(FailureKind.MALFORMED, "credits.no_list", place=visible(place))
    found = [
        each
        for each in rows
        if isinstance(each, dict) and (not field or _is(each.get(field, _ABSENT), wanted))
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        return failure(FailureKind.MALFORMED, "credits.no_row", pick=visible(settings.pick))
    example = f"{place} {_condition(settings, found[0])}"
    return failure(
        FailureKind.MALFORMED,
        "credits.many_rows",
        pick=visible(settings.pick),
        count=len(found),
        example=visible(example),
    )


def _condition(settings: CreditSettings, row: JsonObject) -> str:
    """How a row is told from the others: by its unit, where that stands in it."""
    field = settings.unit.removeprefix("/")
    is_in_row = settings.unit.startswith("/") and "/" not in field
    value = text(row.get(field)) if is_in_row else None
    return f"{field}={value}" if value is not None else "FIELD=VALUE"


def _unit(settings: CreditSettings, row: JsonValue) -> str | None:
    if not settings.unit.startswith("/"):
        return settings.unit
    found = text(_plain(_at(row, settings.unit)))
    if found is None:
        return None
    return found.upper() if found in _SMALL_CURRENCIES else visible_or_none(found, _UNIT_LENGTH)


def _is_part(unit: str, key: str) -> bool:
    """Whether a unit is a key, or its beginning."""
    shown = unit.removesuffix("…")
    return len(shown) >= _SHORTEST_PART and shown in key


def _amount(
    settings: CreditSettings, row: JsonValue, pointer: str | None, *, is_credit: bool
) -> Decimal | None:
    """The figure at a pointer in the unit, exact; None where it is absent or none."""
    found = decimal(_plain(_at(row, pointer)))
    if found is None:
        return None
    with localcontext() as context:
        context.prec = _DIGITS
        scaled = found * settings.scale
        if settings.negate and is_credit:
            scaled = -scaled
        # some services write a minus before nothing
        scaled = scaled if scaled else abs(scaled)
    if scaled and scaled.adjusted() > _MOST_DIGITS:
        return None
    return Decimal(f"{scaled:f}")


def _exact(one: Decimal, other: Decimal) -> Decimal:
    with localcontext() as context:
        context.prec = _DIGITS
        return one + other


def _resets_at(settings: CreditSettings, row: JsonValue, at: datetime) -> datetime | None:
    """When it is filled up next, None where that is not told."""
    if settings.resets is None:
        return None
    calendar = calendar_of(settings)
    if calendar is not None:
        return calendar.following(at)
    pointer, _, form = settings.resets.rpartition(" ")
    found = _plain(_at(row, pointer))
    match form:
        case "seconds" | "milliseconds":
            number = decimal(found)
            if number is None:
                return None
            # `epoch` takes either by its size, and would take a small count of milliseconds for seconds
            whole = number / 1000 if form == "milliseconds" else number
            return epoch(f"{int(whole)}")
        case "period":
            periods = [each for each in ResetPeriod if each.value == found]
            return ResetTime(periods[0]).following(at) if periods else None
        case _:
            moment = instant(found) if isinstance(found, str) else None
            return None if moment is None else moment.astimezone(UTC)


def _at(value: JsonValue, pointer: str | None) -> _Found:
    """What stands at a JSON pointer."""
    if pointer is None:
        return _ABSENT
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict):
            if key not in value:
                return _ABSENT
            value = value[key]
        elif isinstance(value, list) and key.isascii() and key.isdecimal() and int(key[:9]) < len(value):
            value = value[int(key[:9])]
        else:
            return _ABSENT
    return value


def _holds(value: JsonValue, condition: str) -> bool:
    """Whether an answer has at a pointer what is written behind it."""
    pointer, _, wanted = condition.partition("=")
    return _is(_at(value, pointer), wanted)


def _is(found: _Found, wanted: str) -> bool:
    """Whether a single value is the one that is written so: a number by its size, a text without quotes."""
    match found:
        case None:
            return wanted == "null"
        case bool():
            return wanted == ("true" if found else "false")
        case int() | NumberText():
            number = decimal(found)
            return number is not None and number == decimal(wanted)
        case str():
            return found == wanted
        case _:
            return False


def _plain(found: _Found) -> JsonValue:
    return None if isinstance(found, _Absent) else found


def _code(body: JsonValue | Failure) -> str | None:
    """The code of an error, as it stands; of no text anywhere else."""
    if not isinstance(body, dict):
        return None
    error = body.get("error")
    places = (error if isinstance(error, dict) else {}, body)
    return next((code for place in places if isinstance(code := place.get("code"), str)), None)


def _is_not_configured(body: JsonValue | Failure) -> bool:
    error = body.get("error") if isinstance(body, dict) else None
    told = error.get("message") if isinstance(error, dict) else error
    return isinstance(told, str) and _NOT_CONFIGURED in told.lower()
