"""Uses one banked reset: under a lock, after everything that can fail was tried, and exactly once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from msgspec import Struct

from poolwatch.domain.banked_resets import (
    Refusal,
    ResetLook,
    ResetOutcome,
    ResetRoute,
    ResetUse,
    Wish,
    chosen,
)
from poolwatch.domain.failure import Failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.text import visible
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem
from poolwatch.host.locks import held
from poolwatch.once.journal import Stage
from poolwatch.once.process import reach
from poolwatch.once.replies import ReplySpace, require_noted
from poolwatch.purchases.reset_book import (
    ResetBook,
    ResetEntry,
    ResetJournal,
    ended_use,
    sealed_reply,
    workspace_of,
)
from poolwatch.purchases.reset_replies import (
    REPLY_CAP_BYTES,
    Answer,
    Missing,
    ResetAnswer,
    Verdict,
    kept_body,
    verdict_of,
)

#: Another use in the workspace is waited for this long: a whole request with its answer.
PATIENCE_SECONDS: Final = 20.0
_NOTE_BYTES: Final = 16 * 1024
_LONGEST_PATH: Final = 4096

__all__ = ["ResetOrder", "Tools", "use_reset", "workspace_of"]


class ResetOrder(Struct, frozen=True):
    """One attempt that a person asked for. `request` names the wish; asking again repeats it.

    `attempt` is this sending's own name. The account and its entry are in `account`, `source` and `place`.
    """

    request: str
    attempt: str
    #: the public id of the account
    account: str
    workspace: str
    route: ResetRoute
    source: str
    place: str
    #: where the source is asked, which asking again keeps to
    address: str
    wish: Wish = Wish()
    #: the request was sent before and its answer is lost: it is repeated as it was
    again: bool = False


@dataclass(frozen=True, slots=True)
class Tools:
    """What the protocol takes from its process: the clock, the fresh figures, and the one request.

    `send` is given the request's id and the reset's; it tells what came, and raises nothing that matters: an
    error of it counts as an answer that is missing.
    """

    now: Callable[[], datetime]
    look: Callable[[], ResetLook | Failure]
    send: Callable[[str, str | None], Answer]
    patience_seconds: float = PATIENCE_SECONDS
    #: called before a sending is noted, so that nothing but the request lies behind the note
    prepare: Callable[[], None] = lambda: None


def use_reset(book: ResetBook, order: ResetOrder, tools: Tools) -> ResetUse:
    """Use one reset, or repeat a request; every outcome stands in the journal.

    Raises:
        OSError: the outcome could not be noted; then nothing was sent.
    """
    using = _Using(book, order, tools)
    with held(book.folder.lock(order.workspace), tools.patience_seconds) as mine:
        if not mine:
            return using.ended(using.bare(), Verdict(ResetOutcome.NOT_SENT, message("resets.under_way")))
        lock = book.folder.lock_mark(order.workspace)
        reach("locked")
        book.take_in(order.workspace)
        use = using.again() if order.again else using.first()
        if isinstance(use, Verdict):
            return using.ended(using.bare(), use)
        return using.send(use, lock)


@dataclass(frozen=True, slots=True)
class _Using:
    book: ResetBook
    order: ResetOrder
    tools: Tools

    @property
    def journal(self) -> ResetJournal:
        return ResetJournal(self.book.folder.journal(self.order.workspace))

    def bare(self) -> ResetUse:
        """The use before anything is known of the reset."""
        order = self.order
        return ResetUse(
            order.request,
            order.account,
            order.workspace,
            order.route,
            self.tools.now(),
            order.wish.reset_id,
            source=order.source,
            place=order.place,
            address=order.address,
        )

    def first(self) -> ResetUse | Verdict:
        """The use of a reset that fresh figures allow."""
        uses = self.book.of_workspace(self.order.workspace)
        if any(use.id == self.order.request for use in uses):
            # the same press came twice
            return Verdict(ResetOutcome.REFUSED, message("resets.known_request"))
        look = self.tools.look()
        if isinstance(look, Failure):
            return Verdict(ResetOutcome.NOT_SENT, message("resets.not_read", why=look.as_message))
        reach("looked")
        found = chosen(look, self.order.route, uses, self.order.wish)
        if isinstance(found, Refusal):
            return Verdict(found.outcome, found.why)
        return replace(
            self.bare(),
            reset_id=None if found is None else found.id,
            ends_at=None if found is None else found.ends_at,
            before=look.figures,
            available=look.available,
        )

    def again(self) -> ResetUse | Verdict:
        """The use as it was first asked for, whatever figures say by now."""
        known = next(
            (use for use in self.book.of_workspace(self.order.workspace) if use.id == self.order.request),
            None,
        )
        if known is None or not known.is_open:
            return Verdict(ResetOutcome.REFUSED, message("resets.not_open"))
        if not known.may_be_asked_again(self.tools.now()):
            return Verdict(ResetOutcome.REFUSED, message("resets.too_old"))
        order = self.order
        if (known.route, known.source, known.place, known.address) != (
            order.route,
            order.source,
            order.place,
            order.address,
        ):
            return Verdict(ResetOutcome.REFUSED, message("resets.other_way"))
        return replace(known, outcome=ResetOutcome.UNKNOWN, reason=None, ended_at=None)

    def send(self, use: ResetUse, lock: tuple[int, int]) -> ResetUse:
        """Take space, note the sending, send once, keep the answer, and note what it says.

        `lock` is the mark of the lock that is held.
        """
        order, folder = self.order, self.book.folder
        with ExitStack() as space:
            try:
                self.tools.prepare()
                self.journal.append(ResetEntry(Stage.BEGUN, order.attempt, use))
                reach("preflight")
                pending = ReplySpace(folder, order.workspace, REPLY_CAP_BYTES + _NOTE_BYTES)
                space.callback(pending.close, holds_reply=False)
                reach("journal")
                self.journal.append(ResetEntry(Stage.SENDING, order.attempt, use))
                require_noted(folder, order.workspace, lock, self.journal, order.attempt)
            except OSError as error:
                return self.ended(use, Verdict(ResetOutcome.NOT_SENT, _disk(error, self.book)))
            space.pop_all()
        kept = False
        try:
            reach("sending")
            answer = self._answer(use)
            reach("replied")
            if isinstance(answer, ResetAnswer):
                kept = True
                with suppress(OSError):
                    # without its copy the answer is still here, and is noted at once
                    pending.keep(sealed_reply(order.attempt, use, kept_body(answer)))
                reach("stored")
            ended = ended_use(use, verdict_of(answer, use.route), self.tools.now())
            with suppress(OSError):
                # unsaid, the sending stands there as unknown: that is safe, only less kind
                self.journal.append(ResetEntry(Stage.ENDED, order.attempt, ended))
                kept = False
                reach("noted")
                folder.pending(order.workspace).unlink(missing_ok=True)
            reach("done")
            return ended
        finally:
            pending.close(holds_reply=kept)

    def _answer(self, use: ResetUse) -> Answer:
        try:
            return self.tools.send(use.id, use.reset_id)
        except Exception:  # noqa: BLE001 - whatever went wrong, it may have left: that must be noted
            return Missing(message("resets.broke_off"))

    def ended(self, use: ResetUse, verdict: Verdict) -> ResetUse:
        """Nothing was sent by this attempt. Raises OSError."""
        ended = ended_use(use, verdict, self.tools.now())
        self.journal.append(ResetEntry(Stage.ENDED, self.order.attempt, ended))
        return ended


def _disk(error: OSError, book: ResetBook) -> Message:
    problem = FileProblem.of(error, book.folder.folder)
    clause = Message(problem.code, tuple((name, visible(text)) for name, text in problem.arguments))
    return message("resets.disk", path=visible(str(problem.path), _LONGEST_PATH), why=clause)
