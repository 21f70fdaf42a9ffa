"""What is written down of uses of banked resets: a journal for each workspace, and replies that wait."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from msgspec import ValidationError, convert, to_builtins

from poolwatch.domain.account import AccountKey
from poolwatch.domain.banked_resets import Figure, ResetOutcome, ResetRoute, ResetUse
from poolwatch.domain.message import Message, message
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.host.instants import instant_text, parse_instant
from poolwatch.host.locks import held
from poolwatch.once.journal import Ending, Journal, Stage, boot_id, is_attempt_id
from poolwatch.once.json_text import JsonObject, object_at, text_at
from poolwatch.once.replies import AttemptFolder, seal, unseal, waiting_reply
from poolwatch.purchases.reset_replies import Verdict, kept_answer, verdict_of

#: What ends an attempt for its journal; unknown and a bare attempt leave the request open.
_ENDINGS = {
    ResetOutcome.RESET: Ending.SETTLED,
    ResetOutcome.ALREADY: Ending.SETTLED,
    ResetOutcome.ACCEPTED: Ending.SETTLED,
    # they may be said of windows and resets as an earlier, lost answer to the same request left them
    ResetOutcome.NOTHING: Ending.HARMLESS,
    ResetOutcome.NONE: Ending.HARMLESS,
    ResetOutcome.REFUSED: Ending.HARMLESS,
    ResetOutcome.NOT_SENT: Ending.HARMLESS,
    ResetOutcome.UNKNOWN: Ending.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class ResetFolder(AttemptFolder):
    """The layout under poolwatch's state directory; the key of everything is the mark of a workspace."""

    area: ClassVar[str] = "resets"


def workspace_of(key: AccountKey) -> str:
    """The mark of an account's workspace; of one that is unknown, the account's own."""
    whole = f"workspace\0{key.account_id}" if key.account_id else f"account\0{key.id}"
    return f"reset-{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class ResetEntry:
    """One line: an attempt, and the use as it stands by then."""

    stage: Stage
    attempt: str
    use: ResetUse

    @property
    def subject(self) -> str | None:
        return self.use.id

    @property
    def ending(self) -> Ending | None:
        if self.stage is not Stage.ENDED:
            return None
        return Ending.SETTLED if self.use.settled is not None else _ENDINGS[self.use.outcome]


class ResetJournal(Journal[ResetEntry]):
    """The uses of one workspace."""

    def to_line(self, entry: ResetEntry) -> JsonObject:
        use = entry.use
        line: JsonObject = {
            "state": entry.stage.value,
            "attempt": entry.attempt,
            "request": use.id,
            "account": use.account,
            "workspace": use.workspace,
            "route": use.route.value,
            "source": use.source,
            "place": use.place,
            "address": use.address,
            "at": instant_text(use.at),
            "boot_id": boot_id(),
            "reset": use.reset_id,
            "ends_at": None if use.ends_at is None else instant_text(use.ends_at),
            "before": [
                {
                    "window": each.window,
                    "used": each.used_percent,
                    "resets_at": None if each.resets_at is None else instant_text(each.resets_at),
                    "full": each.full,
                }
                for each in use.before
            ],
            "available": use.available,
        }
        if entry.stage is Stage.ENDED:
            line["outcome"] = use.outcome.value
            line["ended_at"] = None if use.ended_at is None else instant_text(use.ended_at)
            line["settled"] = use.settled
            line["reason"] = None if use.reason is None else to_builtins(use.reason)
        return line

    def from_line(self, line: JsonObject) -> ResetEntry | None:
        stage, attempt, at = text_at(line, "state"), text_at(line, "attempt"), parse_instant(line.get("at"))
        request, route = text_at(line, "request"), text_at(line, "route")
        if at is None or attempt is None or request is None or stage not in list(Stage):
            return None
        if not is_attempt_id(attempt) or not is_attempt_id(request) or route not in list(ResetRoute):
            return None
        outcome, settled = text_at(line, "outcome"), line.get("settled")
        available = line.get("available")
        return ResetEntry(
            Stage(stage),
            attempt,
            ResetUse(
                id=request,
                account=text_at(line, "account") or "",
                workspace=text_at(line, "workspace") or "",
                route=ResetRoute(route),
                at=at,
                reset_id=text_at(line, "reset"),
                ends_at=parse_instant(line.get("ends_at")),
                outcome=ResetOutcome(outcome) if outcome in list(ResetOutcome) else ResetOutcome.UNKNOWN,
                reason=_message(object_at(line, "reason")),
                ended_at=parse_instant(line.get("ended_at")),
                settled=settled if isinstance(settled, bool) else None,
                before=_figures(line.get("before")),
                available=available if type(available) is int else None,
                source=text_at(line, "source") or "",
                place=text_at(line, "place") or "",
                address=text_at(line, "address") or "",
            ),
        )


def _message(found: JsonObject | None) -> Message | None:
    try:
        return convert(found, Message) if found is not None else None
    except ValidationError:
        return None


def _figures(rows: object) -> tuple[Figure, ...]:
    found = []
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(window := row.get("window"), str):
            used = row.get("used")
            number = used if isinstance(used, int | float) and not isinstance(used, bool) else None
            found.append(
                Figure(
                    window,
                    None if number is None else float(number),
                    parse_instant(row.get("resets_at")),
                    row.get("full") is True,
                )
            )
    return tuple(found)


def uses_in(entries: Iterable[ResetEntry], *, damaged: bool = False) -> tuple[ResetUse, ...]:
    """Every request as it stands by now; old to new.

    An attempt to ask again that came to nothing leaves the request as it was. `damaged`: there are lines that
    nobody can read, so what was only begun may have been sent.
    """
    found: dict[str, ResetUse] = {}
    sent: dict[str, set[str]] = {}
    for entry in entries:
        use, open_ones = entry.use, sent.setdefault(entry.use.id, set())
        if entry.stage is Stage.SENDING or (damaged and entry.stage is Stage.BEGUN):
            open_ones.add(entry.attempt)
            found.setdefault(use.id, use)
            if not found[use.id].is_open:
                found[use.id] = use
        elif entry.ending is Ending.HARMLESS:
            open_ones.discard(entry.attempt)
            if not open_ones and (use.id not in found or found[use.id].is_open):
                found[use.id] = use
        elif entry.ending is not None:
            if entry.ending is Ending.SETTLED:
                open_ones.clear()
            found[use.id] = use
    return tuple(found.values())


@dataclass(frozen=True, slots=True)
class ResetReply:
    """An answer that came and of which nothing was made yet."""

    attempt: str
    use: ResetUse
    verdict: Verdict


def sealed_reply(attempt: str, use: ResetUse, body: bytes) -> bytes:
    """The pending file of an answer."""
    return seal({"attempt": attempt, "request": use.id, "route": use.route.value}, body)


class ResetBook:
    """All that is written down, of every workspace; blocks on disk."""

    def __init__(self, state_dir: Path, now: Callable[[], datetime]) -> None:
        self.folder = ResetFolder(state_dir)
        self._now = now

    def uses(self) -> tuple[ResetUse, ...]:
        """Every use, old to new; replies that waited are taken in. Raises OSError."""
        found: list[ResetUse] = []
        if not self.folder.folder.exists():
            return ()
        for path in self.folder.journals():
            key = path.stem
            # one that is under way is left to its own process; a disk that takes nothing is read all the same
            with suppress(OSError), held(self.folder.lock(key)) as mine:
                if mine:
                    self.take_in(key)
            found += self.of_workspace(key)
        return tuple(sorted(found, key=lambda use: use.at))

    def of_workspace(self, key: str) -> tuple[ResetUse, ...]:
        """The uses in one workspace. Raises OSError."""
        entries, damaged = ResetJournal(self.folder.journal(key)).read()
        return uses_in(entries, damaged=damaged)

    def found(self, text: str) -> tuple[ResetUse, ...]:
        """The uses whose id begins so. Raises OSError."""
        return tuple(use for use in self.uses() if use.id.startswith(text.strip().lower()))

    def take_in(self, key: str) -> None:
        """Make something of the reply that waits under a lock that the caller holds. Raises OSError."""
        reply = waiting_reply(self.folder, key, self._reply_in, lambda found: True)
        if reply is None:
            return
        journal = ResetJournal(self.folder.journal(key))
        last = journal.outcome(reply.attempt)
        if last is None or last.stage is not Stage.ENDED:
            use = reply.use if last is None else last.use
            ended = ended_use(use, reply.verdict, self._now())
            journal.append(ResetEntry(Stage.ENDED, reply.attempt, ended))
        self.folder.pending(key).unlink(missing_ok=True)

    def settle(self, use: ResetUse, *, used: bool) -> ResetUse | FileProblem | None:
        """Write down what a person says became of it; None where it is not open any more."""
        key = use.workspace
        journal = ResetJournal(self.folder.journal(key))
        try:
            with held(self.folder.lock(key), patience_seconds=1.0) as mine:
                if not mine:
                    return FileProblem("resets.busy", self.folder.lock(key))
                self.take_in(key)
                now_known = next((each for each in self.of_workspace(key) if each.id == use.id), None)
                if now_known is None or not now_known.is_open:
                    return None
                settled = replace(
                    now_known,
                    settled=used,
                    ended_at=self._now(),
                    reason=message("resets.settled_used" if used else "resets.settled_not_used"),
                )
                journal.append(ResetEntry(Stage.ENDED, secrets.token_hex(8), settled))
                return settled
        except OSError as error:
            return FileProblem.of(error, self.folder.folder)

    def _reply_in(self, path: Path) -> ResetReply | None:
        found = unseal(path)
        if found is None:
            return None
        header, body = found
        attempt, request, route = (text_at(header, name) for name in ("attempt", "request", "route"))
        answer = kept_answer(body)
        if attempt is None or request is None or route not in list(ResetRoute) or answer is None:
            return None
        with suppress(OSError):
            # its sending stands in a journal of this folder, under the name of the reply
            key = path.name.partition(".")[0]
            last = ResetJournal(self.folder.journal(key)).outcome(attempt)
            if last is not None and is_attempt_id(attempt):
                return ResetReply(attempt, last.use, verdict_of(answer, ResetRoute(route)))
        return None


def ended_use(use: ResetUse, verdict: Verdict, at: datetime) -> ResetUse:
    """The use with what became of it."""
    return replace(use, outcome=verdict.outcome, reason=verdict.why, ended_at=at)
