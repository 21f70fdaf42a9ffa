"""What is written down of top-ups: a journal for each address, and replies that wait to be read."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar, Final
from urllib.parse import urlsplit

from msgspec import Struct, ValidationError, convert, to_builtins

from poolwatch.domain.account import Secret
from poolwatch.domain.message import Message, message
from poolwatch.domain.purchases import Purchase, PurchaseOutcome, Settled, Uptime
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.host.locks import held
from poolwatch.once.journal import Ending, Journal, Stage, boot_id, is_attempt_id
from poolwatch.once.json_text import JsonObject, text_at
from poolwatch.once.replies import AttemptFolder, seal, unseal, waiting_reply
from poolwatch.purchases.topup_replies import Answer, judged

#: A journal of money is never shortened, for its lines count against the caps; one that is as long as this
#: takes no more top-ups. It holds hundreds.
LONGEST_JOURNAL_BYTES: Final = 900 * 1024
_SETTLE_PATIENCE_SECONDS: Final = 2.0
_PORTS: Final = {"https": 443, "http": 80}


@dataclass(frozen=True, slots=True)
class TopUpFolder(AttemptFolder):
    """The layout under poolwatch's state directory; a key is that of one address."""

    area: ClassVar[str] = "topups"


def key_of(place: str) -> str:
    """The key of the lock, the journal and the reply of what is bought at an address, however it is put."""
    parts = urlsplit(place)
    host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme, 0)
    whole = f"{parts.scheme}://{host}:{port}{parts.path.rstrip('/')}"
    return f"topup-{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


def payer_of(purchase: Purchase, token: Secret) -> str:
    """A mark of the token that pays, salted with the top-up's own id; nothing of it can be read there."""
    return hashlib.sha256(f"payer\0{purchase.id}\0{token.reveal()}".encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class TopUpEntry:
    """One line: an attempt to buy or to ask, and the top-up as it stands by then."""

    stage: Stage
    attempt: str
    purchase: Purchase

    @property
    def subject(self) -> str:
        return self.purchase.id

    @property
    def ending(self) -> Ending | None:
        if self.stage is not Stage.ENDED:
            return None
        return Ending.UNKNOWN if self.purchase.is_open else Ending.SETTLED


class TopUpJournal(Journal[TopUpEntry]):
    """The top-ups at one address."""

    def to_line(self, entry: TopUpEntry) -> JsonObject:
        return {
            "state": entry.stage.value,
            "attempt": entry.attempt,
            "boot_id": boot_id(),
            "purchase": to_builtins(entry.purchase),
        }

    def from_line(self, line: JsonObject) -> TopUpEntry | None:
        stage, attempt = text_at(line, "state"), text_at(line, "attempt")
        if attempt is None or stage not in list(Stage) or not is_attempt_id(attempt):
            return None
        try:
            purchase = convert(line.get("purchase"), Purchase)
        except ValidationError:
            return None
        return TopUpEntry(Stage(stage), attempt, purchase) if is_attempt_id(purchase.id) else None

    def shorten(self, cap_bytes: int = 0, kept_bytes: int = 0) -> bool:
        """Nothing is dropped."""
        return False


def uptime() -> Uptime | None:
    """How long the machine has run; None where it does not tell one run from another."""
    boot = boot_id()
    return Uptime(boot, time.clock_gettime(time.CLOCK_BOOTTIME)) if boot else None


class Known(Struct, frozen=True):
    """The top-ups of one key, old to new. `damaged`: lines stand among them that nobody can read."""

    purchases: tuple[Purchase, ...] = ()
    damaged: bool = False
    #: no more lines are taken
    full: bool = False

    def find(self, purchase_id: str) -> Purchase | None:
        """The one with this id."""
        return next((each for each in self.purchases if each.id == purchase_id), None)

    @property
    def trouble(self) -> str | None:
        """The code of why nothing can be bought by such a journal."""
        if self.damaged:
            return "topup.journal_damaged"
        return "topup.journal_full" if self.full else None


def purchases_in(entries: Iterable[TopUpEntry]) -> tuple[Purchase, ...]:
    """Every top-up that was sent, or refused, as it stands by now, in the order in which they began."""
    found: dict[str, Purchase] = {}
    for entry in entries:
        if entry.stage is Stage.SENDING:
            found[entry.purchase.id] = cut_off(entry.purchase)
        elif entry.stage is Stage.ENDED:
            found[entry.purchase.id] = entry.purchase
    return tuple(found.values())


def cut_off(purchase: Purchase) -> Purchase:
    """A top-up that was sent, and whose process did not come to say how it ended."""
    return replace(purchase, outcome=PurchaseOutcome.UNKNOWN, reason=message("topup.cut_off"))


class TopUpBook:
    """All that is written down in a state directory; blocks on disk."""

    def __init__(self, state_dir: Path, now: Callable[[], datetime]) -> None:
        self.folder: Final = TopUpFolder(state_dir)
        self._now = now

    def journal(self, key: str) -> TopUpJournal:
        """What one key's journal says."""
        return TopUpJournal(self.folder.journal(key))

    def known(self, key: str) -> Known:
        """The top-ups of a key; a reply that waits is noted first, if nobody is at it. Raises OSError."""
        if self.folder.folder.is_dir():
            # on a disk that takes nothing they can be read all the same; what waits there is unknown so far
            with suppress(OSError), held(self.folder.lock(key)) as mine:
                if mine:
                    self.take_in(key)
        return self.read(key)

    def read(self, key: str) -> Known:
        """The top-ups of a key as its journal has them. Raises OSError."""
        journal = self.journal(key)
        entries, damaged = journal.read()
        is_full = bool(entries) and journal.path.stat().st_size > LONGEST_JOURNAL_BYTES
        return Known(purchases_in(entries), damaged, is_full)

    def everything(self) -> Known:
        """The top-ups of every key, old to new. Raises OSError."""
        known = [self.known(path.stem) for path in self.folder.journals()]
        purchases = sorted((each for one in known for each in one.purchases), key=lambda each: each.at)
        return Known(tuple(purchases), any(each.damaged for each in known))

    def is_at_work(self, key: str) -> bool:
        """Whether a process is buying or asking there now. Raises OSError."""
        if not self.folder.folder.is_dir():
            return False
        with held(self.folder.lock(key)) as mine:
            return not mine

    def take_in(self, key: str) -> None:
        """Note what a waiting reply says, under the lock, which the caller holds. Raises OSError."""
        reply = waiting_reply(self.folder, key, _reply_in, lambda _: True)
        if reply is None:
            return
        journal = self.journal(key)
        last = journal.outcome(reply.attempt)
        if last is not None and last.stage is Stage.SENDING:
            ended = judged(last.purchase, reply.answer, self._now(), again=reply.again)
            journal.append(TopUpEntry(Stage.ENDED, reply.attempt, ended))
        self.folder.pending(key).unlink(missing_ok=True)

    def settle(self, purchase: Purchase, settled: Settled) -> Purchase | Message:
        """Write down what a person says became of it; or why that is impossible."""
        key = key_of(purchase.place)
        try:
            with held(self.folder.lock(key), _SETTLE_PATIENCE_SECONDS) as mine:
                if not mine:
                    return message("topup.busy")
                self.take_in(key)
                found = self.read(key).find(purchase.id)
                if found is None or not found.is_open:
                    return message("topup.not_open", id=purchase.id)
                done = replace(found, settled=settled, ended_at=self._now())
                self.journal(key).append(TopUpEntry(Stage.ENDED, secrets.token_hex(8), done))
                return done
        except OSError as error:
            return disk_message(error, self.folder.folder)

    def note(self, purchase: Purchase, found: Purchase) -> Purchase:
        """Write down what was found out since, unless it changed. What cannot be written is still told."""
        key = key_of(purchase.place)
        with suppress(OSError), held(self.folder.lock(key)) as mine:
            if mine and self.read(key).find(purchase.id) == purchase:
                self.journal(key).append(TopUpEntry(Stage.ENDED, secrets.token_hex(8), found))
        return found


class WaitingReply(Struct, frozen=True):
    """An answer that came and was not noted yet. `again`: it answers a request that was sent before."""

    attempt: str
    answer: Answer
    again: bool


class _Head(Struct, frozen=True):
    attempt: str
    again: bool
    answer: Answer


def sealed_reply(attempt: str, answer: Answer, body: bytes, *, again: bool) -> bytes:
    """The pending file of an answer, whose body stands as it came."""
    head: JsonObject = {"attempt": attempt, "again": again, "answer": to_builtins(answer)}
    return seal(head, body)


def _reply_in(path: Path) -> WaitingReply | None:
    found = unseal(path)
    if found is None:
        return None
    try:
        head = convert(found[0], _Head)
    except ValidationError:
        return None
    return WaitingReply(head.attempt, replace(head.answer, body=found[1]), head.again)


def disk_message(error: OSError, place: Path) -> Message:
    """That something could not be noted, and where."""
    problem = FileProblem.of(error, Path(error.filename) if isinstance(error.filename, str) else place)
    return message("topup.disk", path=str(problem.path), why=Message(problem.code, problem.arguments))
