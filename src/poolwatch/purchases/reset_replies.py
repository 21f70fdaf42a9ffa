"""What an answer to a use says: judged by its code alone, and unknown where there is none."""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.banked_resets import ResetOutcome, ResetRoute
from poolwatch.domain.message import Message, message
from poolwatch.domain.text import visible
from poolwatch.once.json_text import JsonObject, object_at, parse_plain_object, text_at

#: Longer than any answer: what is longer is none.
REPLY_CAP_BYTES: Final = 64 * 1024
_LONGEST_CODE: Final = 60


class ResetAnswer(Struct, frozen=True):
    """An answer that came whole. codex answers by an outcome, or with an error of its own."""

    status: int
    body: bytes

    def __repr__(self) -> str:
        return f"ResetAnswer(status={self.status})"


class Unsent(Struct, frozen=True):
    """Nothing can have left this machine."""

    why: Message


class Missing(Struct, frozen=True):
    """It may have arrived, and there is no answer."""

    why: Message


Answer: TypeAlias = ResetAnswer | Unsent | Missing


class Verdict(Struct, frozen=True):
    """What became of a use, and why, where there is more to say."""

    outcome: ResetOutcome
    why: Message | None = None


_CODES: Final = {
    "reset": ResetOutcome.RESET,
    "already_redeemed": ResetOutcome.ALREADY,
    "nothing_to_reset": ResetOutcome.NOTHING,
    "no_credit": ResetOutcome.NONE,
}
#: As codex words them.
_CODEX_CODES: Final = {
    "reset": ResetOutcome.RESET,
    "alreadyRedeemed": ResetOutcome.ALREADY,
    "nothingToReset": ResetOutcome.NOTHING,
    "noCredit": ResetOutcome.NONE,
}
#: What codex-lb says before it asks the service.
_LB_CODES: Final = {
    "no_available_reset_credit": ResetOutcome.NONE,
    "target_reset_credit_changed": ResetOutcome.REFUSED,
    "account_not_reset_credit_applicable": ResetOutcome.REFUSED,
    "account_not_found": ResetOutcome.REFUSED,
}
#: These say that a request was not taken, if the one that was asked says so itself, in JSON.
_NOT_TAKEN: Final = frozenset({400, 401, 402, 403, 404, 405, 422, 429})


def verdict_of(answer: Answer, route: ResetRoute) -> Verdict:
    """What an answer means for the reset. Whatever is not plainly one thing is unknown."""
    if isinstance(answer, Unsent):
        return Verdict(ResetOutcome.NOT_SENT, answer.why)
    if isinstance(answer, Missing):
        return Verdict(ResetOutcome.UNKNOWN, answer.why)
    found = parse_plain_object(answer.body)
    if found is None:
        return Verdict(ResetOutcome.UNKNOWN, message("resets.unreadable", status=answer.status))
    if route is ResetRoute.CODEX:
        return _of_codex(found)
    code = _code(found)
    if 200 <= answer.status < 300:
        if route is ResetRoute.CODEX_PROXY:
            took_it = "error" not in found and found.get("success") is not False
            why = message("resets.answered", status=answer.status, said=_shown(code))
            return Verdict(ResetOutcome.ACCEPTED) if took_it else Verdict(ResetOutcome.UNKNOWN, why)
        # a code within an error is the error's
        known = _CODES.get(text_at(found, "code") or "")
        if known is not None:
            return Verdict(known)
        return Verdict(ResetOutcome.UNKNOWN, message("resets.no_code", said=_shown(code)))
    if route is ResetRoute.CODEX_LB and answer.status == 409 and code in _LB_CODES:
        return Verdict(_LB_CODES[code], message("resets.refused", status=answer.status, said=_shown(code)))
    if answer.status in _NOT_TAKEN:
        why = message("resets.refused", status=answer.status, said=_shown(code))
        return Verdict(ResetOutcome.REFUSED, why)
    return Verdict(ResetOutcome.UNKNOWN, message("resets.answered", status=answer.status, said=_shown(code)))


def _of_codex(found: JsonObject) -> Verdict:
    result = object_at(found, "result")
    if result is not None:
        outcome = text_at(result, "outcome")
        known = _CODEX_CODES.get(outcome or "")
        if known is not None:
            return Verdict(known)
        return Verdict(ResetOutcome.UNKNOWN, message("resets.no_code", said=_shown(outcome)))
    error = object_at(found, "error") or {}
    number, said = error.get("code"), text_at(error, "message") or ""
    # codex begins so where it cannot read a request, and so cannot have sent anything of it
    if number == -32601 or (number == -32600 and said.startswith("Invalid request: ")):
        return Verdict(ResetOutcome.NOT_SENT, message("resets.codex_unable"))
    return Verdict(ResetOutcome.UNKNOWN, message("resets.codex_failed"))


def _code(found: JsonObject) -> str | None:
    for place in (found, object_at(found, "error"), object_at(found, "detail")):
        if place is not None and (code := text_at(place, "code")):
            return code
    return None


def _shown(code: str | None) -> str:
    # of an answer nothing is told but its code
    return visible(code, _LONGEST_CODE) if code else "-"


def kept_body(answer: ResetAnswer) -> bytes:
    """The answer as it is kept: its status, then what came."""
    return b"%d\n%s" % (answer.status, answer.body[:REPLY_CAP_BYTES])


def kept_answer(kept: bytes) -> ResetAnswer | None:
    """The inverse; None for what is none."""
    head, newline, body = kept.partition(b"\n")
    return ResetAnswer(int(head), body) if newline and head.isdigit() and len(head) < 4 else None
