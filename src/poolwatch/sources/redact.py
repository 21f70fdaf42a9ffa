"""The text of an answer, fit to be shown and kept."""

from __future__ import annotations

import re
from typing import Final

from poolwatch.domain.account import Secret
from poolwatch.domain.text import visible

MAX_BYTES: Final = 64 * 1024
_HIDDEN: Final = "[hidden]"
_TOKEN_SHAPES: Final = re.compile(
    r"eyJ[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_=-]+){1,4}"
    r"|\b(?:rt|at|oaistb_rt)[_-][A-Za-z0-9._-]{16,}"
    r"|\bsk-[A-Za-z0-9_-]{16,}"
    r"|(?i:\bbearer\s+)[A-Za-z0-9._~+/=-]{8,}"
)


def shown_body(body: bytes, *secrets: Secret | None) -> str:
    """The body as text, cut at 64 KiB, without the given secrets and whatever has the shape of a token."""
    text = body[:MAX_BYTES].decode("utf-8", "replace")
    for secret in secrets:
        if secret:
            text = text.replace(secret.reveal(), _HIDDEN)
    text = _TOKEN_SHAPES.sub(_HIDDEN, text)
    lines = (_safe(line) for line in text.replace("\t", "    ").splitlines())
    return "\n".join(lines) + ("\n…" if len(body) > MAX_BYTES else "")


def _safe(line: str) -> str:
    return line if line.isascii() and line.isprintable() else visible(line, MAX_BYTES)
