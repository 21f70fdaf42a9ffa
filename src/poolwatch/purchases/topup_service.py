"""Asks a service for a top-up, once; and the process that does it, started and waited for."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

from msgspec.json import encode

from poolwatch.config.values import is_loopback
from poolwatch.domain.account import Secret
from poolwatch.domain.message import Message, message
from poolwatch.domain.purchases import Purchase, PurchaseOutcome, TopUpKind, money
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, read_bounded
from poolwatch.net.proxy import heeded
from poolwatch.once.journal import Stage
from poolwatch.once.process import UNREPORTED, bare_environment, own_environment, start_errand
from poolwatch.purchases.topping_up import REPLY_CAP_BYTES, TopUpOrder
from poolwatch.purchases.topup_book import TopUpBook, cut_off, disk_message, key_of
from poolwatch.purchases.topup_replies import Answer, Lost, NotSent, Sent

if TYPE_CHECKING:
    from poolwatch.net.client import HttpClient
    from poolwatch.net.reply import Reply

DEADLINE_SECONDS: Final = 60.0
_LOOK_DEADLINE_SECONDS: Final = 15.0
_TOKEN_BYTES: Final = 64 * 1024
_CENTS: Final = 100


def read_token(file: str | None, variable: str | None, env: Mapping[str, str]) -> Secret | Message:
    """The token as it stands now, or why there is none."""
    if file is not None:
        place = visible(file, LONGEST_PATH)
        found = read_bounded(Path(file), _TOKEN_BYTES)
        if isinstance(found, FileProblem):
            return message("topup.token_file", path=place, why=Message(found.code, found.arguments))
        text = found.content.decode("utf-8-sig", "replace").strip()
    else:
        place, text = f"${variable}", env.get(variable or "", "").strip()
    if not text:
        return message("topup.no_token", place=place)
    if not text.isascii() or not text.isprintable():
        return message("topup.odd_token", place=place)
    return Secret(text)


async def post(
    client: HttpClient, purchase: Purchase, token: Secret, now: datetime, deadline: float = DEADLINE_SECONDS
) -> Sent:
    """Send it once: over TLS or to this machine, and to no address that an answer names."""
    from poolwatch.net import reply as net  # it is loaded with the client

    if not _may_go(purchase.place):
        return NotSent(message("topup.not_https"))
    headers = {**_headers(token), "Content-Type": "application/json"}
    if purchase.request_id is not None:
        headers["Idempotency-Key"] = purchase.request_id
    got = await client.post(
        purchase.place, headers, _body(purchase), deadline_seconds=deadline, cap_bytes=REPLY_CAP_BYTES
    )
    if isinstance(got, net.NotSent):
        return NotSent(got.failure.as_message)
    return Lost(got.failure.as_message) if isinstance(got, net.Lost) else _answer(got, now)


async def get(client: HttpClient, purchase: Purchase, token: Secret) -> Sent:
    """Read how a top-up stands that the service has a name for. Nothing is bought by it."""
    from poolwatch.domain.failure import Failure

    if purchase.service_id is None or not _may_go(purchase.place):
        return NotSent(message("topup.not_https"))
    url = f"{purchase.place}/{quote(purchase.service_id, safe='')}"
    got = await client.get(
        url, _headers(token), deadline_seconds=_LOOK_DEADLINE_SECONDS, cap_bytes=REPLY_CAP_BYTES
    )
    return Lost(got.as_message) if isinstance(got, Failure) else Answer(got.status, None, got.body)


def _headers(token: Secret) -> dict[str, str | Secret]:
    return {"Accept": "application/json", "Authorization": Secret(f"Bearer {token.reveal()}")}


def _body(purchase: Purchase) -> bytes:
    if purchase.kind is TopUpKind.REEF:
        return json.dumps({"amountCents": int(purchase.amount * _CENTS)}).encode()
    # a text, so that nobody on the way makes it inexact
    return json.dumps({"amount_usd": money(purchase.amount), "target": purchase.target}).encode()


def _answer(reply: Reply, now: datetime) -> Answer:
    from poolwatch.net.reply import retry_after

    wait = retry_after(reply, now)
    body = b"" if reply.body_refused else reply.body
    return Answer(reply.status, None if wait is None else wait.total_seconds(), body)


def _may_go(place: str) -> bool:
    parts = urlsplit(place)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def new_purchase(
    name: str, kind: TopUpKind, place: str, target: str, amount: Decimal, currency: str, now: datetime
) -> Purchase:
    """A wish to buy, with ids of its own; nothing is sent by it."""
    request_id = _uuid() if kind is TopUpKind.GENERIC else None
    return Purchase(secrets.token_hex(4), name, kind, place, target, amount, currency, now, request_id)


def _uuid() -> str:
    import uuid

    return str(uuid.uuid4())


def carry_out(order: TopUpOrder, book: TopUpBook) -> Purchase:
    """Buy or ask in a process of its own, and wait for it; the top-up as it then stands.

    The process goes on to its end if the caller does not.
    """
    purchase, folder = order.purchase, book.folder
    problem = folder.prepare()
    if problem is not None:
        why = message("topup.disk", path=str(problem.path), why=Message(problem.code, problem.arguments))
        return _not_bought(order, why)
    also = {name for name in (order.token_env, *heeded(order.net)) if name is not None}
    try:
        environment = bare_environment(own_environment(), also)
        process = start_errand("poolwatch.purchases", encode(order), environment)
    except (OSError, ValueError):
        return _not_bought(order, message("topup.not_started"))
    return _outcome(order, book, process.wait(), key_of(purchase.place))


def _outcome(order: TopUpOrder, book: TopUpBook, status: int, key: str) -> Purchase:
    try:
        journal = book.known(key)
        known = journal.find(order.purchase.id)
        last = book.journal(key).outcome(order.attempt)
    except OSError as error:
        # whether it was sent stands where nobody can read it
        return replace(
            order.purchase,
            outcome=PurchaseOutcome.UNKNOWN,
            reason=disk_message(error, book.folder.folder),
        )
    if order.again:
        return known or order.purchase
    if last is None or last.stage is Stage.BEGUN:
        if journal.damaged:
            why = message("topup.journal_damaged", path=str(book.folder.journal(key)))
            return replace(order.purchase, outcome=PurchaseOutcome.UNKNOWN, reason=why)
        if status == UNREPORTED:
            return _not_bought(order, message("topup.unwritable", path=str(book.folder.folder)))
        return _not_bought(order, message("topup.process_ended", status=status))
    return known or cut_off(last.purchase)


def _not_bought(order: TopUpOrder, why: Message) -> Purchase:
    """Nothing was sent; what is asked about stays as it was."""
    if order.again:
        return order.purchase
    reason = message("topup.not_bought", why=why)
    return replace(order.purchase, outcome=PurchaseOutcome.REFUSED, reason=reason)
