"""Token steps as JSON, for the journal that carries them from the spending process to its caller."""

from __future__ import annotations

from poolwatch.custody.json_text import JsonObject, JsonValue, object_at, text_at
from poolwatch.domain.failure import AS_STORED, Failure, FailureKind, LoginProblem
from poolwatch.domain.message import Arguments, Message
from poolwatch.domain.refresh import BlockReason, TokenOutcome, TokenStep
from poolwatch.host.instants import instant_text, parse_instant


def step_to_json(step: TokenStep) -> JsonObject:
    """The step as a JSON object; keys without a value are left out."""
    failure: JsonObject | None = None
    if step.failure is not None:
        failure = _present(
            {
                "kind": step.failure.kind.value,
                "code": step.failure.code,
                "arguments": _arguments_json(step.failure.arguments),
                "retry_at": instant_text(step.failure.retry_at) if step.failure.retry_at else None,
                "detail": step.failure.detail,
                "login_problem": step.failure.login_problem,
            }
        )
    return _present(
        {
            "outcome": step.outcome.value,
            "took_seconds": step.took_seconds,
            "block": step.block,
            "problem": step.problem,
            "failure": failure,
            "detail": step.detail,
            "retry_at": instant_text(step.retry_at) if step.retry_at else None,
            "lost_at": instant_text(step.lost_at) if step.lost_at else None,
            "refresh_fingerprint": step.refresh_fingerprint,
        }
    )


def step_from_json(found: JsonObject) -> TokenStep | None:
    """The step of a JSON object, or None when it is none of ours."""
    block, problem, took = text_at(found, "block"), text_at(found, "problem"), found.get("took_seconds")
    failure = object_at(found, "failure")
    try:
        return TokenStep(
            outcome=TokenOutcome(text_at(found, "outcome") or ""),
            took_seconds=float(took) if isinstance(took, int | float) else None,
            block=BlockReason(block) if block else None,
            problem=LoginProblem(problem) if problem else None,
            failure=_failure(failure) if failure is not None else None,
            detail=text_at(found, "detail"),
            retry_at=parse_instant(found.get("retry_at")),
            lost_at=parse_instant(found.get("lost_at")),
            refresh_fingerprint=text_at(found, "refresh_fingerprint"),
        )
    except ValueError:
        return None


def _failure(found: JsonObject) -> Failure:
    problem = text_at(found, "login_problem")
    code, arguments = text_at(found, "code"), object_at(found, "arguments")
    as_said = text_at(found, "message")  # a journal from before failures had codes
    return Failure(
        kind=FailureKind(text_at(found, "kind") or ""),
        code=code or AS_STORED,
        arguments=(("text", as_said or ""),) if code is None else _arguments(arguments or {}),
        retry_at=parse_instant(found.get("retry_at")),
        detail=text_at(found, "detail"),
        login_problem=LoginProblem(problem) if problem else None,
    )


def _arguments_json(arguments: Arguments) -> JsonObject:
    return {
        name: value
        if isinstance(value, str)
        else {"code": value.code, "arguments": _arguments_json(value.arguments)}
        for name, value in arguments
    }


def _arguments(found: JsonObject) -> Arguments:
    return tuple(
        (name, value if isinstance(value, str) else _message(value))
        for name, value in found.items()
        if isinstance(value, str | dict)
    )


def _message(found: JsonObject) -> Message:
    return Message(text_at(found, "code") or AS_STORED, _arguments(object_at(found, "arguments") or {}))


def _present(found: dict[str, JsonValue]) -> JsonObject:
    return {name: value for name, value in found.items() if value is not None}
