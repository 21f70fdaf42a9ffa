"""How token steps end: made in one place, and as JSON for the journal that carries them to the caller."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from poolwatch.domain.failure import AS_STORED, Failure, FailureKind, LoginProblem
from poolwatch.domain.message import Arguments, Message, message
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.domain.text import visible
from poolwatch.host.files import FileProblem
from poolwatch.host.instants import instant_text, parse_instant
from poolwatch.once.json_text import JsonObject, JsonValue, object_at, text_at

_LONGEST_PATH: Final = 4096
_DEAD: Final = {
    LoginProblem.USED_ELSEWHERE: "custody.token_used",
    LoginProblem.INVALIDATED: "custody.signed_out",
    LoginProblem.REFRESH_EXPIRED: "custody.token_expired",
    LoginProblem.UNUSABLE_FILE: "custody.no_refresh_token",
}


def shown(path: Path) -> str:
    """A path as it may be shown: whole, and without anything that steers a terminal."""
    return visible(str(path), _LONGEST_PATH)


def clause(problem: FileProblem) -> Message:
    """What is the matter with a file, for the blank behind its path."""
    return Message(problem.code, tuple((name, visible(text)) for name, text in problem.arguments))


def path_blocked(path: Path, why: Message) -> TokenStep:
    """A file or folder made it unsafe to spend the token."""
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.PATH,
        failure=Failure(FailureKind.BLOCKED, why.code, why.arguments, detail=shown(path)),
        detail=shown(path),
    )


def not_spent(problem: FileProblem, path: Path | None = None) -> TokenStep:
    """Nothing was sent: this is the matter with a file or folder, or with the folder of the path."""
    why = message("custody.not_spent", path=shown(problem.path), why=clause(problem))
    return path_blocked(path or problem.path, why)


def disk_blocked(error: OSError, path: Path) -> TokenStep:
    """Nothing was sent: the disk failed at this path."""
    return not_spent(FileProblem.of(error, path))


def dead(problem: LoginProblem, refresh_fingerprint: str | None, why: Message | None = None) -> TokenStep:
    """The refresh token is never sent again."""
    why = why or Message(_DEAD.get(problem, "custody.refused"))
    return TokenStep(
        TokenOutcome.REJECTED_FOR_GOOD,
        problem=problem,
        failure=Failure(FailureKind.TOKEN_REFRESH, why.code, why.arguments, login_problem=problem),
        refresh_fingerprint=refresh_fingerprint,
    )


def ask_first(lost_at: datetime | None, refresh_fingerprint: str, damaged: Path | None = None) -> TokenStep:
    """The refresh token may be spent: a person decides whether it is tried once.

    `damaged`: what is left of the reply, if that cannot be read.
    """
    why = message("custody.interrupted")
    if lost_at is not None:
        why = message("custody.interrupted_at", at=instant_text(lost_at))
    if damaged is not None:
        why = message("custody.reply_damaged", what=why, path=shown(damaged))
    return TokenStep(
        TokenOutcome.BLOCKED,
        block=BlockReason.ASK_FIRST,
        failure=_doubtful(FailureKind.AMBIGUOUS, why),
        lost_at=lost_at,
        refresh_fingerprint=refresh_fingerprint,
    )


def ambiguous(
    sent_at: datetime,
    refresh_fingerprint: str | None,
    why: Message,
    kind: FailureKind = FailureKind.AMBIGUOUS,
) -> TokenStep:
    """The reply of an exchange is lost: the token may be spent, so it is not sent unasked."""
    return TokenStep(
        TokenOutcome.AMBIGUOUS,
        problem=LoginProblem.AMBIGUOUS,
        failure=_doubtful(kind, why),
        lost_at=sent_at,
        refresh_fingerprint=refresh_fingerprint,
    )


def failed(
    kind: FailureKind, code: str, refresh_fingerprint: str | None = None, **blanks: object
) -> TokenStep:
    """The token step failed, and the token is as good as before."""
    why = message(code, **blanks)
    return TokenStep(
        TokenOutcome.FAILED,
        failure=Failure(kind, why.code, why.arguments),
        refresh_fingerprint=refresh_fingerprint,
    )


def failed_at(path: Path, kind: FailureKind, why: Message, refresh_fingerprint: str | None) -> TokenStep:
    """The same, because of this path."""
    return TokenStep(
        TokenOutcome.FAILED,
        failure=Failure(kind, why.code, why.arguments, detail=shown(path)),
        detail=shown(path),
        refresh_fingerprint=refresh_fingerprint,
    )


def _doubtful(kind: FailureKind, why: Message) -> Failure:
    return Failure(kind, why.code, why.arguments, login_problem=LoginProblem.AMBIGUOUS)


def step_to_json(step: TokenStep) -> JsonObject:
    """The step as a JSON object; keys without a value are left out."""
    return _present(
        {
            "outcome": step.outcome.value,
            "took_seconds": step.took_seconds,
            "block": step.block,
            "problem": step.problem,
            "failure": _failure_to_json(step.failure) if step.failure is not None else None,
            "detail": step.detail,
            "retry_at": instant_text(step.retry_at) if step.retry_at else None,
            "lost_at": instant_text(step.lost_at) if step.lost_at else None,
            "refresh_fingerprint": step.refresh_fingerprint,
        }
    )


def step_from_json(found: JsonObject) -> TokenStep | None:
    """The step of a JSON object, or None when it is none of ours."""
    block, problem, took = text_at(found, "block"), text_at(found, "problem"), found.get("took_seconds")
    told = object_at(found, "failure")
    try:
        return TokenStep(
            outcome=TokenOutcome(text_at(found, "outcome") or ""),
            took_seconds=float(took) if isinstance(took, int | float) else None,
            block=BlockReason(block) if block else None,
            problem=LoginProblem(problem) if problem else None,
            failure=_failure_from_json(told) if told is not None else None,
            detail=text_at(found, "detail"),
            retry_at=parse_instant(found.get("retry_at")),
            lost_at=parse_instant(found.get("lost_at")),
            refresh_fingerprint=text_at(found, "refresh_fingerprint"),
        )
    except ValueError:
        return None


def _failure_to_json(failed: Failure) -> JsonObject:
    return _present(
        {
            "kind": failed.kind.value,
            **_message_to_json(failed.as_message),
            "retry_at": instant_text(failed.retry_at) if failed.retry_at else None,
            "detail": failed.detail,
            "login_problem": failed.login_problem,
        }
    )


def _failure_from_json(found: JsonObject) -> Failure:
    problem = text_at(found, "login_problem")
    told = _message_from_json(found)
    return Failure(
        FailureKind(text_at(found, "kind") or ""),
        told.code,
        told.arguments,
        retry_at=parse_instant(found.get("retry_at")),
        detail=text_at(found, "detail"),
        login_problem=LoginProblem(problem) if problem else None,
    )


def _message_to_json(told: Message) -> JsonObject:
    blanks: JsonObject = {
        name: _message_to_json(value) if isinstance(value, Message) else value
        for name, value in told.arguments
    }
    return {"code": told.code, "arguments": blanks}


def _message_from_json(found: JsonObject) -> Message:
    code = text_at(found, "code")
    if code is None:
        # journals of before hold the sentence itself
        return message(AS_STORED, text=text_at(found, "message") or "")
    blanks: Arguments = tuple(
        (name, _message_from_json(value) if isinstance(value, dict) else str(value))
        for name, value in (object_at(found, "arguments") or {}).items()
    )
    return Message(code, blanks)


def _present(found: dict[str, JsonValue]) -> JsonObject:
    return {name: value for name, value in found.items() if value is not None}
