"""The text of an answer, fit to be shown and kept."""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from poolwatch.domain.account import Secret
from poolwatch.domain.text import visible
from poolwatch.sources.json_body import JsonValue, NumberText

MAX_BYTES: Final = 64 * 1024
_BEYOND: Final = 8 * 1024
_HIDDEN: Final = "[hidden]"
# each shape begins where a run of letters begins or has a bound, so that no body makes the search slow
_TOKEN_SHAPES: Final = re.compile(
    r"(?<![\w-])eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_=-]+){1,4}"
    r"|\b(?:rt|at|oaistb_rt)[_-][A-Za-z0-9._-]{16,}"
    r"|\b(?:sk|pk|ghp|gho|github_pat|xox[abprs]|whsec)[-_][A-Za-z0-9_-]{16,}"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"
    # addresses that let in whoever knows them: webhooks, a password or a signature inside
    r"|https?://[^\s\"'<>@/]{1,300}@[^\s\"'<>/]+"
    r"|(?i:https?://[^\s\"'<>]{0,80}hook[^\s\"'<>/]{0,80}/[^\s\"'<>]+)"
    r"|(?i:(?<=[?&;\s\"])[\w.-]{0,40}"
    r"(?:token|secret|passw(?:or)?d|session|signature|api_?key|clearance|auth)[\w.-]{0,40}=)"
    r"[^\s\"'&;,<>\\]{6,}"
)
#: a long run of capitals, small letters and digits; ids of users and accounts are not secret
_RUN: Final = re.compile(r"(?<![\w.-])(?!user-|org-|acct-|account-)[\w.~+/-]{24,}={0,2}", re.ASCII)
_SECRET_MEMBER: Final = re.compile(
    r'("[^"\n]*(?i:token|secret|password|cookie|authorization|api_?key|session_id)"\s*:\s*")(?:[^"\\]|\\.){6,}"'
)
_PART: Final = 12
#: a secret as short as this stands in many a word by chance
_SHORT: Final = 6
#: halves of flags, which are shown as letters
_FLAG: Final = re.compile("[\U0001f1e6-\U0001f1ff]")
_LETTERS: Final = r"[A-Za-z0-9._~+/=%-]"


def shown_body(body: bytes, *secrets: Secret | None) -> str:
    """The body as text, cut at 64 KiB, without the given secrets and whatever has the shape of one."""
    # what is cut off is not looked through; a secret that reaches beyond the cut is known by its beginning
    text = body[: MAX_BYTES + _BEYOND].decode("utf-8", "replace")
    for secret in secrets:
        if secret:
            text = _without(text, secret.reveal())
    text = _RUN.sub(_hidden_run, _SECRET_MEMBER.sub(rf'\1{_HIDDEN}"', without_tokens(text)))
    is_long = len(text) > MAX_BYTES or len(body) > MAX_BYTES + _BEYOND
    lines = (_safe(line) for line in text[:MAX_BYTES].replace("\t", "    ").splitlines())
    return "\n".join(lines) + ("\n…" if is_long else "")


def without_tokens(text: str) -> str:
    """Somebody else's words without what has the shape of a token, a key or a secret address."""
    return _TOKEN_SHAPES.sub(_HIDDEN, text)


def their_words(text: str, limit: int, *secrets: Secret) -> str:
    """Somebody else's words on one line, harmless, without the given secrets and without tokens."""
    for secret in secrets:
        if secret:
            text = _without(text, secret.reveal())
    return visible(without_tokens(" ".join(text.split())), limit)


def told_without(value: JsonValue, *secrets: Secret) -> JsonValue:
    """The value, its texts without these secrets, so that no name or label keeps one; numbers stay.

    A text may hold a secret only as it is shown: any blank becomes a space, and what is invisible goes.
    """
    plain = [secret.reveal() for secret in secrets if secret]
    if not plain:
        return value
    shapes = [shape for secret in plain for shape in _shapes(secret)]
    parts = {part: _bare(part) for shape in shapes for part in (shape[:_PART], shape[-_PART:])}
    return _value_without(value, plain, parts)


def _value_without(value: JsonValue, secrets: list[str], parts: Mapping[str, bytes]) -> JsonValue:
    if isinstance(value, str) and not isinstance(value, NumberText):
        return _text_without(value, secrets, parts)
    if isinstance(value, list):
        return [_value_without(each, secrets, parts) for each in value]
    if isinstance(value, dict):
        long = [secret for secret in secrets if len(secret) >= _SHORT]
        return {
            _text_without(key, long, parts): _value_without(each, secrets, parts)
            for key, each in value.items()
        }
    return value


def _text_without(text: str, secrets: list[str], parts: Mapping[str, bytes]) -> str:
    if not text.isascii() and (bare := _bare(text)) and any(part in bare for part in parts.values()):
        shown = visible(text, len(text))
        text = shown if any(part in shown for part in parts) else text
    if not any(part in text for part in parts):
        return text
    for secret in secrets:
        if len(secret) >= _SHORT:
            text = _without(text, secret)
        else:
            # as a part of a word it is not the secret
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", _HIDDEN, text)
    return text


def _bare(text: str) -> bytes:
    """What is left of a text however it is shown: to find out how takes far longer."""
    if _FLAG.search(text):
        text = visible(text, len(text))
    return text.encode("ascii", "ignore").replace(b" ", b"")


def _shapes(secret: str) -> tuple[str, ...]:
    """The secret and its usual encodings."""
    plain = secret.encode("utf-8", "surrogatepass")
    encoded = (quote(plain, safe=""), b64encode(plain).decode(), urlsafe_b64encode(plain).decode())
    return (secret, *(form.rstrip("=") for form in encoded))


def _without(text: str, secret: str) -> str:
    """The text without this secret, its usual encodings, and whatever begins or ends as it does."""
    for shape in _shapes(secret):
        text = text.replace(shape, _HIDDEN)
        if len(shape) >= 2 * _PART and shape[:_PART] in text:
            text = re.sub(f"{re.escape(shape[:_PART])}{_LETTERS}*", _HIDDEN, text)
        if len(shape) >= 2 * _PART and shape[-_PART:] in text:
            text = re.sub(f"(?<!{_LETTERS}){_LETTERS}*{re.escape(shape[-_PART:])}", _HIDDEN, text)
    return text


def _hidden_run(found: re.Match[str]) -> str:
    run = found[0]
    mixed = any(map(str.isupper, run)) and any(map(str.islower, run)) and any(map(str.isdigit, run))
    return _HIDDEN if mixed or re.fullmatch("[0-9a-f]{32,}", run) else run


def _safe(line: str) -> str:
    return line if line.isascii() and line.isprintable() else visible(line, MAX_BYTES)
