"""What a service's answer says of a top-up: judged by status and codes, and unknown where it is not plain."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from poolwatch.domain.account import Secret
from poolwatch.domain.message import Message, message
from poolwatch.domain.purchases import Purchase, PurchaseOutcome, TopUpKind
from poolwatch.domain.text import visible
from poolwatch.domain.values import replace
from poolwatch.once.json_text import JsonObject, JsonValue, object_at, parse_plain_object, text_at

#: Statuses that refuse a top-up, where their body says so too.
_REFUSING: Final = frozenset({400, 401, 402, 403, 404, 422})
_LATER: Final = frozenset({429, 503})
_NEEDS_WEB: Final = "authentication_required"
_GRANTED, _PENDING, _FAILED = "granted", "pending", "failed"
_LONGEST_ID: Final = 200
_LONGEST_CODE: Final = 60
_LONGEST_SAID: Final = 200
_LONGEST_LINK: Final = 500
_HIDDEN: Final = b"***"
_ESCAPES: Final = re.compile(rb"[\\%]")
#: One character, whose code stands in the first group or the second, or itself in one of the others.
_CHARACTER: Final = re.compile(rb"""\\u00([0-9A-Fa-f]{2})|%([0-9A-Fa-f]{2})|\\(["\\/])|(.)""", re.DOTALL)
#: An amount as it is written in JSON or in a text: no service needs more places.
_AMOUNT: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,12})?", re.ASCII)
#: However long a service wants to be left alone, it is told as no more than this.
_LONGEST_WAIT_SECONDS: Final = 86_400.0


class Answer(Struct, frozen=True):
    """A complete answer, as far as it is judged. `retry_after` is in seconds."""

    status: int
    retry_after: float | None = None
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Answer(status={self.status})"


class NotSent(Struct, frozen=True):
    """Nothing left this machine."""

    why: Message


class Lost(Struct, frozen=True):
    """It may have arrived, and no answer came back."""

    why: Message


Sent: TypeAlias = Answer | NotSent | Lost


class _Said(Struct, frozen=True):
    """What an answer says, whoever it is of."""

    outcome: PurchaseOutcome
    reason: Message | None = None
    service_id: str | None = None
    granted: Decimal | None = None
    link: str | None = None
    retry_at: datetime | None = None


def without(token: Secret, sent: Sent) -> Sent:
    """The same, with nothing of a token that an answer repeats: what it says is written down and shown."""
    if not isinstance(sent, Answer):
        return sent
    secret = token.reveal().encode()
    body = sent.body.replace(secret, _HIDDEN)
    return replace(sent, body=_without_escaped(secret, body) if _ESCAPES.search(body) else body)


def _without_escaped(secret: bytes, body: bytes) -> bytes:
    """Without a secret of which characters are escaped, as they may be in JSON and in an address."""
    written = list(_CHARACTER.finditer(body))
    plain = b"".join(
        bytes.fromhex((each[1] or each[2]).decode()) if each[1] or each[2] else each[3] or each[4]
        for each in written
    )
    kept, end = bytearray(), 0
    at = plain.find(secret)
    while at >= 0:
        kept += body[end : written[at].start()] + _HIDDEN
        end = written[at + len(secret) - 1].end()
        at = plain.find(secret, at + len(secret))
    return bytes(kept + body[end:])


def judged(purchase: Purchase, answer: Sent, now: datetime, *, again: bool = False) -> Purchase:
    """The top-up with what an answer to its POST says.

    `again`: the request was sent before. Then only what speaks of that very payment settles it: that the
    service refuses to be asked now says nothing of the first time.
    """
    said = _judge(purchase, answer, now)
    if again and not _settles(said, answer):
        reason = message("topup.asked_in_vain", why=said.reason or message("topup.nothing_said"))
        return replace(purchase, outcome=PurchaseOutcome.UNKNOWN, reason=reason, ended_at=now)
    return _with(purchase, said, now)


def looked_up(purchase: Purchase, answer: Sent, now: datetime) -> Purchase:
    """The top-up with what an answer to a look at its status says; nothing but its status counts.

    That there is no such top-up, or an error, leaves it as it was.
    """
    if not isinstance(answer, Answer) or answer.status != 200:
        return purchase
    body = parse_plain_object(answer.body) or {}
    said = _by_status(purchase, body)
    is_told = said.outcome in (PurchaseOutcome.GRANTED, PurchaseOutcome.REFUSED, PurchaseOutcome.NEEDS_WEB)
    named = body.get("id", purchase.service_id)
    if not is_told or named != purchase.service_id:
        return purchase
    return _with(purchase, said, now)


def _with(purchase: Purchase, said: _Said, now: datetime) -> Purchase:
    return replace(
        purchase,
        outcome=said.outcome,
        reason=said.reason,
        service_id=said.service_id or purchase.service_id,
        granted=said.granted,
        link=said.link,
        retry_at=said.retry_at,
        ended_at=now,
    )


def _settles(said: _Said, answer: Sent) -> bool:
    """A card that is declined now, say by a 402, may have been charged the first time."""
    if said.outcome not in (
        PurchaseOutcome.GRANTED,
        PurchaseOutcome.STARTED,
        PurchaseOutcome.REFUSED,
        PurchaseOutcome.NEEDS_WEB,
    ):
        return False
    return isinstance(answer, Answer) and 200 <= answer.status < 300


def _judge(purchase: Purchase, answer: Sent, now: datetime) -> _Said:
    if isinstance(answer, NotSent):
        return _Said(PurchaseOutcome.TRY_LATER, message("topup.not_sent", why=answer.why))
    if isinstance(answer, Lost):
        return _Said(PurchaseOutcome.UNKNOWN, message("topup.lost", why=answer.why))
    if answer.status in _LATER and _says_later(purchase, answer):
        retry_at = None
        if answer.retry_after is not None:
            wait_seconds = min(max(0.0, answer.retry_after), _LONGEST_WAIT_SECONDS)
            retry_at = now + timedelta(seconds=wait_seconds)
        return _Said(
            PurchaseOutcome.TRY_LATER, message("topup.later", status=answer.status), retry_at=retry_at
        )
    body = parse_plain_object(answer.body)
    if body is not None:
        if 200 <= answer.status < 300:
            return _by_status(purchase, body) if purchase.kind is TopUpKind.GENERIC else _of_reef(body)
        if answer.status in _REFUSING and (refused := _refused(purchase, body)) is not None:
            return refused
    return _Said(PurchaseOutcome.UNKNOWN, message("topup.unclear", status=answer.status))


def _says_later(purchase: Purchase, answer: Answer) -> bool:
    # behind reef stands another service: its gateway may answer for one that has charged
    return purchase.kind is TopUpKind.GENERIC or answer.status == 429 or answer.retry_after is not None


def _by_status(purchase: Purchase, body: JsonObject) -> _Said:
    status, service_id = body.get("status"), _service_id(body.get("id"))
    if status == _GRANTED:
        return _Said(PurchaseOutcome.GRANTED, service_id=service_id, granted=_amount(body.get("amount_usd")))
    if status == _FAILED:
        refused = _refused(purchase, body)
        return refused or _Said(PurchaseOutcome.REFUSED, message("topup.failed"), service_id)
    if status == _PENDING and service_id is not None:
        return _Said(PurchaseOutcome.STARTED, message("topup.pending"), service_id)
    return _Said(PurchaseOutcome.UNKNOWN, message("topup.no_status"))


def _of_reef(body: JsonObject) -> _Said:
    """It says nothing of a charge that went well; an error in a body that went well is not plain."""
    if "error" in body:
        return _Said(PurchaseOutcome.UNKNOWN, message("topup.no_status"))
    return _Said(PurchaseOutcome.STARTED, message("topup.taken"))


def _refused(purchase: Purchase, body: JsonObject) -> _Said | None:
    """What an error says; None where it does not name one."""
    if purchase.kind is TopUpKind.REEF:
        text = text_at(body, "error")
        if text is None:
            return None
        return _Said(PurchaseOutcome.REFUSED, message("topup.said", text=visible(text, _LONGEST_SAID)))
    error = object_at(body, "error") or {}
    code = text_at(error, "code")
    if code is None:
        return None
    if code.lower() == _NEEDS_WEB:
        link = _link(text_at(error, "url")) or _origin(purchase.place)
        return _Said(PurchaseOutcome.NEEDS_WEB, message("topup.needs_web"), link=link)
    return _Said(PurchaseOutcome.REFUSED, message("topup.refused", why=visible(code, _LONGEST_CODE)))


def _service_id(value: JsonValue) -> str | None:
    """An id that may end an address: it is quoted there, so only dots would lead elsewhere."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or not value.isprintable():
        return None
    return value if value.isascii() and value.strip(".") else None


def _amount(value: JsonValue) -> Decimal | None:
    """The amount that a service names; anything odd is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    found = _AMOUNT.fullmatch(str(value))
    amount = Decimal(found[0]) if found is not None else Decimal(0)
    return amount if amount > 0 else None


def _link(text: str | None) -> str | None:
    """An https address of somebody else, as it may be shown."""
    if text is None or len(text) > _LONGEST_LINK or not text.isascii() or not text.isprintable():
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme == "https" and parts.hostname and "@" not in parts.netloc else None


def _origin(place: str) -> str:
    parts = urlsplit(place)
    return f"{parts.scheme}://{parts.netloc}"
