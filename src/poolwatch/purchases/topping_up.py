"""Buys once, or asks what became of it: under a lock, noted before it is sent, in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.config.settings import DEFAULT_NET, NetSettings
from poolwatch.domain.account import Secret
from poolwatch.domain.message import Message, message
from poolwatch.domain.purchases import PENDING_FOR, Caps, Purchase, PurchaseOutcome, Uptime, refusal, with_key
from poolwatch.domain.values import replace
from poolwatch.host.locks import held
from poolwatch.once.journal import Stage
from poolwatch.once.process import reach
from poolwatch.once.replies import ReplySpace, require_noted
from poolwatch.purchases.topup_book import (
    TopUpBook,
    TopUpEntry,
    disk_message,
    key_of,
    payer_of,
    sealed_reply,
    uptime,
)
from poolwatch.purchases.topup_replies import Answer, Lost, Sent, judged, looked_up, without

REPLY_CAP_BYTES: Final = 64 * 1024
_NOTE_BYTES: Final = 16 * 1024
#: The first look at what is pending is soon, for most of them take seconds.
_FIRST_LOOK_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 10.0


class TopUpOrder(Struct, frozen=True):
    """What the process is to do: everything but the token, of which it is told only where it stands.

    `again`: ask what became of a top-up that is known, else buy it. `seen` is the latest charged one that
    whoever wants it knew of.
    """

    state: str
    attempt: str
    purchase: Purchase
    caps: Caps
    seen: str = ""
    again: bool = False
    token_file: str | None = None
    token_env: str | None = None
    net: NetSettings = DEFAULT_NET
    first_look_seconds: float = _FIRST_LOOK_SECONDS
    look_seconds: float = LOOK_SECONDS
    pending_seconds: float = PENDING_FOR.total_seconds()


@dataclass(frozen=True, slots=True)
class Tools:
    """What buying takes from its process. `send` posts once, `look` reads the status of what it returned."""

    now: Callable[[], datetime]
    token: Callable[[], Secret | Message]
    send: Callable[[Purchase, Secret], Sent]
    look: Callable[[Purchase, Secret], Sent]
    sleep: Callable[[float], None]
    monotonic: Callable[[], float]
    #: called before a sending is noted, so that nothing but the request lies behind the note
    prepare: Callable[[], None] = lambda: None
    uptime: Callable[[], Uptime | None] = uptime


def top_up(order: TopUpOrder, tools: Tools) -> Purchase:
    """Do what the order says; how it ended stands in the journal.

    Raises:
        OSError: that could not be noted; then nothing was sent.
    """
    at_work = _AtWork(order, tools)
    with ExitStack() as locks:
        mine = locks.enter_context(held(at_work.book.folder.lock(at_work.key)))
        ready = at_work.ready() if mine else message("topup.busy")
        if isinstance(ready, Message):
            return at_work.left_alone(ready)
        reach("locked")
        return ready.carry_out()


@dataclass(frozen=True, slots=True)
class _AtWork:
    order: TopUpOrder
    tools: Tools

    @property
    def book(self) -> TopUpBook:
        return TopUpBook(Path(self.order.state), self.tools.now)

    @property
    def key(self) -> str:
        return key_of(self.order.purchase.place)

    def ready(self) -> _Ready | Message:
        """The token and the top-up as it is known; or why nothing is sent. Raises OSError."""
        order, purchase = self.order, self.order.purchase
        lock = self.book.folder.lock_mark(self.key)
        self.book.take_in(self.key)
        known = self.book.read(self.key)
        if known.trouble is not None:
            return message(known.trouble, path=str(self.book.folder.journal(self.key)))
        now, up = self.tools.now(), self.tools.uptime()
        if order.again:
            found = known.find(purchase.id)
            refused = message("topup.not_open", id=purchase.id) if found is None else found.asking(now, up)
            purchase = found or purchase
        else:
            purchase = with_key(known.purchases, purchase, now, up)
            refused = refusal(known.purchases, purchase, order.caps, now, order.seen)
        if refused is not None:
            return refused
        token = self.tools.token()
        if not isinstance(token, Message):
            if not order.again:
                purchase = replace(purchase, payer=payer_of(purchase, token))
            if purchase.service_id is not None or purchase.payer == payer_of(purchase, token):
                return _Ready(self, purchase, token, lock)
            # of another account the service may not know the key, and would charge that one
            token = message("topup.other_token", id=purchase.id)
        if order.again:
            self.note(Stage.ENDED, replace(purchase, reason=message("topup.asked_in_vain", why=token)))
        return token

    def left_alone(self, why: Message) -> Purchase:
        """Note that nothing was sent. Raises OSError.

        What is asked about stays as it is known: the note of somebody else who is at it is not written over.
        """
        refused = replace(
            self.order.purchase,
            outcome=PurchaseOutcome.REFUSED,
            reason=message("topup.not_bought", why=why),
            ended_at=self.tools.now(),
        )
        if not self.order.again:
            self.note(Stage.ENDED, refused)
        return refused

    def note(self, stage: Stage, purchase: Purchase) -> None:
        """Raises OSError."""
        self.book.journal(self.key).append(TopUpEntry(stage, self.order.attempt, purchase))


@dataclass(frozen=True, slots=True)
class _Ready:
    work: _AtWork
    purchase: Purchase
    token: Secret
    #: the mark of the lock that is held
    lock: tuple[int, int]

    def carry_out(self) -> Purchase:
        """Send it, or look where it can be looked up, and see it to its end. Raises OSError."""
        self.work.tools.prepare()
        if self.work.order.again and self.purchase.service_id is not None:
            return self._looked(0.0, 0.0)
        sent = self._send()
        if not sent.is_pending:
            return sent
        order = self.work.order
        return replace(self, purchase=sent)._looked(order.first_look_seconds, order.pending_seconds)

    def _send(self) -> Purchase:
        work, folder = self.work, self.work.book.folder
        try:
            work.note(Stage.BEGUN, self.purchase)
            reach("preflight")
            space = ReplySpace(folder, work.key, REPLY_CAP_BYTES + _NOTE_BYTES)
        except OSError as error:
            return work.left_alone(disk_message(error, folder.folder))
        holds_reply = False
        try:
            try:
                reach("journal")
                work.note(Stage.SENDING, self.purchase)
                require_noted(folder, work.key, self.lock, work.book.journal(work.key), work.order.attempt)
            except OSError as error:
                return self._unsent(disk_message(error, folder.folder))
            reach("sending")
            sent = self._post()
            reach("replied")
            if isinstance(sent, Answer):
                with suppress(OSError):
                    # without its copy the answer is still here
                    head = replace(sent, body=b"")
                    space.keep(sealed_reply(work.order.attempt, head, sent.body, again=work.order.again))
                    holds_reply = True
                reach("stored")
            ended = judged(self.purchase, sent, work.tools.now(), again=work.order.again)
            with suppress(OSError):
                # unsaid, the sending stands in the journal as unknown
                work.note(Stage.ENDED, ended)
                reach("noted")
                folder.pending(work.key).unlink(missing_ok=True)
            reach("done")
            return ended
        finally:
            space.close(holds_reply=holds_reply)

    def _unsent(self, why: Message) -> Purchase:
        """The line of the sending may stand there all the same: what follows it says that it was not."""
        if self.work.order.again:
            with suppress(OSError):
                self.work.note(Stage.ENDED, self.purchase)
            return self.purchase
        return self.work.left_alone(why)

    def _post(self) -> Sent:
        try:
            return without(self.token, self.work.tools.send(self.purchase, self.token))
        except Exception:  # noqa: BLE001 - whatever went wrong, it may have left: that must be noted
            return Lost(message("topup.broke_off"))

    def _looked(self, first_seconds: float, within_seconds: float) -> Purchase:
        """Ask for the status until it is told, at least once; what is not told in time is unknown."""
        work, tools = self.work, self.work.tools
        ends, pause = tools.monotonic() + within_seconds, first_seconds
        while True:
            if pause:
                tools.sleep(pause)
            reach("looking")
            try:
                told = without(self.token, tools.look(self.purchase, self.token))
                found = looked_up(self.purchase, told, tools.now())
            except Exception:  # noqa: BLE001 - a look that fails tells nothing, and nothing is sent by it
                found = self.purchase
            if found is not self.purchase or tools.monotonic() >= ends:
                break
            pause = min(work.order.look_seconds, max(0.1, ends - tools.monotonic()))
        if found is self.purchase:
            found = replace(
                found,
                outcome=PurchaseOutcome.UNKNOWN,
                reason=message("topup.still_pending"),
                ended_at=tools.now(),
            )
        with suppress(OSError):
            work.note(Stage.ENDED, found)
        return found
