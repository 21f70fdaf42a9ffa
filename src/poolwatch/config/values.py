"""How one raw value becomes a setting: from TOML with its type, from environment and options as text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Final, TypeVar

from msgspec import Struct

from poolwatch.config.problems import is_printable, nearest, quoted

T = TypeVar("T")
D = TypeVar("D")

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+", re.ASCII)
_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"false", "no", "off", "0"})
_LARGEST_RATE: Final = Decimal(1_000_000)
_SMALLEST_RATE: Final = Decimal("0.0001")


class Wrong(Struct, frozen=True):
    """Why a raw value is refused: a clause that follows the key."""

    why: str
    suggestion: str | None = None


Read = Callable[[object, bool], T | Wrong]
"""Takes the raw value and whether it is loose text (environment, option) rather than a TOML value."""


def truth(value: object, loose: bool) -> bool | Wrong:
    """True or false."""
    if isinstance(value, bool):
        return value
    if loose and isinstance(value, str) and value.lower() in _YES | _NO:
        return value.lower() in _YES
    return Wrong(f"must be true or false, not {quoted(value)}")


def whole(low: int, high: int) -> Read[int]:
    """A whole number within the bounds, both included."""

    def read(value: object, loose: bool) -> int | Wrong:
        number = int(value) if loose and isinstance(value, str) and _WHOLE.fullmatch(value) else value
        if isinstance(number, bool) or not isinstance(number, int):
            return Wrong(f"must be a whole number from {low} to {high}, not {quoted(value)}")
        if not low <= number <= high:
            return Wrong(f"must be from {low} to {high}, not {quoted(value)}")
        return number

    return read


def _decimal(value: object, loose: bool) -> Decimal | int | None:
    if isinstance(value, bool):
        return None
    if loose:
        return Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    return value if isinstance(value, int) else None


def number(low: int, high: int, unit: str = "") -> Read[float]:
    """A number within the bounds, both included."""
    bounds = f"from {low} to {high}{unit and ' ' + unit}"

    def read(value: object, loose: bool) -> float | Wrong:
        exact = _decimal(value, loose)
        if exact is None:
            return Wrong(f"must be a number {bounds}, not {quoted(value)}")
        if not low <= exact <= high:
            return Wrong(f"must be {bounds}, not {quoted(value)}")
        return float(exact)

    return read


def rate(value: object, loose: bool) -> Decimal | Wrong:
    """Credits per dollar, exact; 0 turns dollars off."""
    exact = _decimal(value, loose)
    if exact is None:
        return Wrong(f"must be a number, 0 or more, not {quoted(value)}")
    if exact < 0:
        return Wrong(f"must be 0 or more, not {quoted(value)}")
    if exact != 0 and not _SMALLEST_RATE <= exact <= _LARGEST_RATE:
        return Wrong(f"must be 0, or from {_SMALLEST_RATE} to {_LARGEST_RATE}, not {quoted(value)}")
    return Decimal(exact)


def one_of(options: Iterable[str]) -> Read[str]:
    """One of some fixed words."""
    words = tuple(options)

    def read(value: object, loose: bool) -> str | Wrong:
        if isinstance(value, str) and value in words:
            return value
        suggestion = nearest(value, words) if isinstance(value, str) else None
        return Wrong(f"must be one of {', '.join(words)}, not {quoted(value)}", suggestion)

    return read


def line(limit: int = 200) -> Read[str]:
    """One line of text that a terminal can show as it stands."""

    def read(value: object, loose: bool) -> str | Wrong:
        if not isinstance(value, str):
            return Wrong(f"must be text in quotes, not {quoted(value)}")
        if not value.strip():
            return Wrong("must not be empty")
        if len(value) > limit:
            return Wrong(f"must be at most {limit} characters long")
        if not is_printable(value):
            return Wrong(f"must be one line without control characters, not {quoted(value)}")
        return value

    return read


def variable(value: object, loose: bool) -> str | Wrong:
    """The name of an environment variable; a wrong one may be the secret itself and is not repeated."""
    if isinstance(value, str) and len(value) <= 200 and _VARIABLE.fullmatch(value):
        return value
    return Wrong("must be the name of an environment variable (letters, digits, _), never the secret itself")


def url(*, https_only: bool) -> Read[str]:
    """An address without user, query or fragment; a wrong one may hold a password and is not repeated.

    With `https_only`, plain http is taken for the machine itself alone. The final slash is dropped.
    """

    def read(value: object, loose: bool) -> str | Wrong:
        if not isinstance(value, str):
            return Wrong(f"must be an address in quotes, not {quoted(value)}")
        if not value or not value.isascii() or not value.isprintable() or set(value) & set(' \\"<>^`{|}'):
            return Wrong("must be an address like https://host/path in plain ASCII, without blanks")
        from urllib.parse import urlsplit  # most files hold no address

        try:
            parts = urlsplit(value)
            host, port = parts.hostname, parts.port
        except ValueError:
            return Wrong("must be an address like https://host/path, with a valid host and port")
        if parts.scheme not in ("https", "http") or not host or not _HOST.fullmatch(host) or port == 0:
            return Wrong("must start with https:// or http:// and a host")
        if "@" in parts.netloc:
            return Wrong("must not hold a user name or password: a secret never stands in this file")
        if "?" in value or "#" in value:
            return Wrong("must not have a query or a fragment")
        if https_only and parts.scheme == "http" and not is_loopback(host):
            return Wrong(
                "must be https: plain http is only taken for this machine (127.0.0.1, ::1, localhost)"
            )
        return value.rstrip("/")

    return read


def is_loopback(host: str) -> bool:
    """Whether the host can only mean this machine."""
    if host.lower() == "localhost":
        return True
    import ipaddress  # likewise

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
