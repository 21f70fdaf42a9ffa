"""How one raw value becomes a setting: from TOML with its type, from environment and options as text."""

from __future__ import annotations

import datetime
import os
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from msgspec import Struct, field

from poolwatch.host.instants import zone_named
from poolwatch.words.config import said

if TYPE_CHECKING:
    from urllib.parse import SplitResult

T = TypeVar("T")

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+|[0-9A-Fa-f:.]+", re.ASCII)
_NOT_IN_ADDRESS: Final = frozenset(' \\"<>^`{|}')
_CLOCK: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_YES: Final = frozenset({"true", "yes", "on", "1"})
_NO: Final = frozenset({"false", "no", "off", "0"})
_LARGEST_RATE: Final = Decimal(1_000_000)
_SMALLEST_RATE: Final = Decimal("0.0001")
_QUOTE_LIMIT: Final = 60
_PROXY_SCHEMES: Final = ("http", "https", "socks5")
#: The proxy that HTTPS_PROXY and NO_PROXY name.
FROM_ENVIRONMENT: Final = "env"


class Raw(Struct, frozen=True):
    """A value as it was given; `loose` is text (environment, option) rather than a typed TOML value.

    A relative path counts from `folder`, `~` is the HOME of `env`.
    """

    value: object
    loose: bool = False
    env: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()


class Wrong(Struct, frozen=True):
    """Why a raw value is refused: a clause that follows the key."""

    why: str
    suggestion: str | None = None


Read = Callable[[Raw], T | Wrong]


class Row(Struct, frozen=True):
    """What the table of settings says of a key, beside its name and default.

    `example` is shown where the default is nothing, `option` sets it on the command line; `kinds` are the
    sources that take it, where not all do.
    """

    read: Read[Any]
    help: str
    example: object = None
    option: str = ""
    kinds: tuple[str, ...] = ()


def rows_of(table: type[Struct]) -> Mapping[str, Row]:
    """The rows of a table by the names of its keys, in their order."""
    return {
        name: each
        for name, hint in table.__annotations__.items()
        for each in getattr(hint, "__metadata__", ())
        if isinstance(each, Row)
    }


def saved_filter(raw: Raw) -> str | Wrong:
    """A filter of accounts in which nothing is wrong; what only looks like a field stands in quotes."""
    return _filter(raw, of_use=False)


def use_filter(raw: Raw) -> str | Wrong:
    """The same of usage."""
    return _filter(raw, of_use=True)


def _filter(raw: Raw, *, of_use: bool) -> str | Wrong:
    text = line()(raw)
    if isinstance(text, Wrong):
        return text
    # few have one
    from poolwatch.domain.query.fields import Among
    from poolwatch.domain.query.language import parse

    faults, among = parse(text).faults, Among.USE if of_use else Among.ACCOUNTS
    if not faults:
        return text
    from poolwatch.words.query import fault_text

    return Wrong(said("wrong_filter", why=fault_text(faults[0], among)))


def truth(raw: Raw) -> bool | Wrong:
    """True or false."""
    if isinstance(raw.value, bool):
        return raw.value
    if raw.loose and isinstance(raw.value, str) and raw.value.lower() in _YES | _NO:
        return raw.value.lower() in _YES
    return Wrong(said("not_truth", value=quoted(raw.value)))


def whole(low: int, high: int) -> Read[int]:
    """A whole number within the bounds, both included."""

    def read(raw: Raw) -> int | Wrong:
        value = raw.value
        number = int(value) if raw.loose and isinstance(value, str) and _WHOLE.fullmatch(value) else value
        if isinstance(number, bool) or not isinstance(number, int):
            return Wrong(said("not_whole", low=low, high=high, value=quoted(value)))
        if not low <= number <= high:
            return Wrong(said("not_within", bounds=said("bounds", low=low, high=high), value=quoted(value)))
        return number

    return read


def number(low: int, high: int, bounds_code: str = "bounds") -> Read[float]:
    """A number within the bounds, both included."""

    def read(raw: Raw) -> float | Wrong:
        exact = _decimal(raw)
        bounds = said(bounds_code, low=low, high=high)
        if exact is None:
            return Wrong(said("not_number", bounds=bounds, value=quoted(raw.value)))
        if not low <= exact <= high:
            return Wrong(said("not_within", bounds=bounds, value=quoted(raw.value)))
        return float(exact)

    return read


def seconds(low: int, high: int) -> Read[float]:
    """Likewise, told in seconds."""
    return number(low, high, "bounds_in_seconds")


def rate(raw: Raw) -> Decimal | Wrong:
    """Credits per dollar, exact; 0 turns dollars off."""
    exact = _decimal(raw)
    if exact is None:
        return Wrong(said("not_rate", value=quoted(raw.value)))
    if exact < 0:
        return Wrong(said("negative_rate", value=quoted(raw.value)))
    if exact != 0 and not _SMALLEST_RATE <= exact <= _LARGEST_RATE:
        return Wrong(said("odd_rate", low=_SMALLEST_RATE, high=_LARGEST_RATE, value=quoted(raw.value)))
    return Decimal(exact)


def _decimal(raw: Raw) -> Decimal | int | None:
    match raw.value:
        case bool():
            return None
        case str() as text if raw.loose and _NUMBER.fullmatch(text):
            return Decimal(text)
        case Decimal() as exact if exact.is_finite():
            return exact
        case int() as exact:
            return exact
        case _:
            return None


def workhours(raw: Raw) -> str | Wrong:
    """Spans of a week, like `mon-fri 9:00-17:30, sat 10-14`."""
    from poolwatch.domain.profile import workhours_of  # few set it

    text = line()(raw)
    if isinstance(text, Wrong) or workhours_of(text) is not None:
        return text
    return Wrong(said("not_workhours", value=quoted(text)))


def weights(raw: Raw) -> str | Wrong:
    """Plans with numbers, like `pro=20, prolite=5`."""
    from poolwatch.domain.pool_simulation import weights_of  # likewise

    text = line()(raw)
    if isinstance(text, Wrong) or weights_of(text) is not None:
        return text
    return Wrong(said("not_weights", value=quoted(text)))


def fallback(raw: Raw) -> str | Wrong:
    """Two prices per million tokens, like `input=0.1, output=0.2`."""
    from poolwatch.config.amounts import fallback_prices  # likewise

    text = line()(raw)
    if isinstance(text, Wrong) or fallback_prices(text) is not None:
        return text
    return Wrong(said("not_fallback", value=quoted(text)))


def time_of_day(raw: Raw) -> str | Wrong:
    """A time of the day, like `09:00`."""
    if isinstance(raw.value, str) and _CLOCK.fullmatch(raw.value):
        return raw.value
    return Wrong(said("not_time_of_day", value=quoted(raw.value)))


def quiet_hours(raw: Raw) -> str | Wrong:
    """Two times of the day that differ, like `22:00-07:00`."""
    if isinstance(raw.value, str):
        begins, _, ends = raw.value.partition("-")
        if _CLOCK.fullmatch(begins) and _CLOCK.fullmatch(ends) and begins != ends:
            return raw.value
    return Wrong(said("not_quiet_hours", value=quoted(raw.value)))


def time_zone(raw: Raw) -> str | Wrong:
    """The name of a time zone, as the database of this machine has it."""
    text = line()(raw)
    if isinstance(text, Wrong) or is_time_zone(text):
        return text
    if not is_time_zone("Europe/London"):
        return Wrong(said("no_time_zones", value=quoted(text)))
    from zoneinfo import available_timezones

    return Wrong(said("not_time_zone", value=quoted(text)), nearest(text, available_timezones()))


def is_time_zone(name: str) -> bool:
    """Whether there is such a zone here."""
    return zone_named(name) is not None


def one_of(options: Iterable[str]) -> Read[str]:
    """One of some fixed words."""
    valid = tuple(options)

    def read(raw: Raw) -> str | Wrong:
        if isinstance(raw.value, str) and raw.value in valid:
            return raw.value
        suggestion = nearest(raw.value, valid) if isinstance(raw.value, str) else None
        return Wrong(said("not_one_of", options=", ".join(valid), value=quoted(raw.value)), suggestion)

    return read


def line(limit: int = 200) -> Read[str]:
    """One line of text that a terminal can show as it stands."""

    def read(raw: Raw) -> str | Wrong:
        value = raw.value
        if not isinstance(value, str):
            return Wrong(said("not_text", value=quoted(value)))
        if not value.strip():
            return Wrong(said("empty"))
        if len(value) > limit:
            return Wrong(said("too_long", limit=limit))
        if not is_printable(value):
            return Wrong(said("not_one_line", value=quoted(value)))
        return value

    return read


def names(raw: Raw) -> tuple[str, ...] | Wrong:
    """Names in a list, or in one text with commas between them, as they are typed."""
    given = raw.value.split(",") if isinstance(raw.value, str) else raw.value
    if isinstance(given, list | tuple):
        found = [line(64)(Raw(each.strip() if isinstance(each, str) else each)) for each in given]
        if not any(isinstance(each, Wrong) for each in found):
            return tuple(dict.fromkeys(str(each) for each in found))
    return Wrong(said("not_names", value=quoted(raw.value)))


def variable(raw: Raw) -> str | Wrong:
    """The name of an environment variable; a wrong one may be the secret itself and is not repeated."""
    if isinstance(raw.value, str) and len(raw.value) <= 200 and _VARIABLE.fullmatch(raw.value):
        return raw.value
    return Wrong(said("not_variable"))


def path(raw: Raw) -> str | Wrong:
    """A path or glob with `~` replaced, from the root on; symbolic links and stars stay as they are."""
    text = line(4096)(raw)
    if isinstance(text, Wrong):
        return text
    whole_text = at_home(text, raw.env.get("HOME"))
    if whole_text.startswith("~"):
        return Wrong(said("no_home_for_tilde") if text[1:2] in ("", "/") else said("tilde_user"))
    try:
        return os.path.abspath(raw.folder / whole_text)  # noqa: PTH100 - Path.absolute keeps `..`
    except FileNotFoundError:  # the working directory is gone
        return str(raw.folder / whole_text)


def at_home(text: str, home: str | Path | None) -> str:
    """A path with the home for a leading `~`; `~USER` stays, and so does `~` where there is no home."""
    return f"{home}{text[1:]}" if home and (text == "~" or text.startswith("~/")) else text


def url(*, https_only: bool) -> Read[str]:
    """An address without user, query or fragment; a wrong one may hold a password and is not repeated.

    With `https_only`, plain http is taken for the machine itself alone. The final slash is dropped.
    """

    def read(raw: Raw) -> str | Wrong:
        parts = _address(raw.value)
        if isinstance(parts, Wrong):
            return parts
        if parts.scheme not in ("https", "http"):
            return Wrong(said("bad_scheme"))
        if "@" in parts.netloc:
            return Wrong(said("login_in_address"))
        if "?" in str(raw.value) or "#" in str(raw.value):
            return Wrong(said("query_in_address"))
        if https_only and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
            return Wrong(said("not_https"))
        return str(raw.value).rstrip("/")

    return read


def proxy(raw: Raw) -> str | Wrong:
    """`env`, or the address of a proxy, in which a user may stand but no password."""
    if raw.value == FROM_ENVIRONMENT:
        return FROM_ENVIRONMENT
    parts = _address(raw.value)
    if isinstance(parts, Wrong):
        return Wrong(said("bad_proxy"))
    if parts.password is not None:
        return Wrong(said("password_in_proxy"))
    if parts.scheme not in _PROXY_SCHEMES or parts.path.strip("/") or parts.query or parts.fragment:
        return Wrong(said("bad_proxy"))
    return str(raw.value).rstrip("/")


def _address(value: object) -> SplitResult | Wrong:
    if not isinstance(value, str):
        return Wrong(said("not_address", value=quoted(value)))
    if not value or not value.isascii() or not value.isprintable() or set(value) & _NOT_IN_ADDRESS:
        return Wrong(said("odd_address"))
    from urllib.parse import urlsplit  # most files hold no address

    try:
        parts = urlsplit(value)
        host, port = parts.hostname, parts.port
    except ValueError:
        return Wrong(said("bad_host"))
    return parts if host and _HOST.fullmatch(host) and port != 0 else Wrong(said("bad_scheme"))


def is_loopback(host: str) -> bool:
    """Whether the host can only mean this machine."""
    if host.lower() == "localhost":
        return True
    import ipaddress  # likewise

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_printable(text: str) -> bool:
    """Whether the text is one line without control, bidi or surrogate characters (emoji joiners pass)."""
    return text.replace("\u200d", "").isprintable()


def printable(text: str) -> str:
    """The text with everything escaped that could act on a terminal."""
    if is_printable(text):
        return text
    return "".join(mark if is_printable(mark) else ascii(mark)[1:-1] for mark in text)


def quoted(value: object) -> str:
    """A configured value as it is repeated in a message: short, printable, with its kind visible."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            short = value if len(value) <= _QUOTE_LIMIT else value[: _QUOTE_LIMIT - 1] + "…"
            return f'"{printable(short)}"'
        case int() if abs(value) >= 10**_QUOTE_LIMIT:
            return said("a_long_number")
        case int() | float() | Decimal():
            return str(value)[:_QUOTE_LIMIT]
        case dict():
            return said("a_table")
        case list():
            return said("an_array")
        case datetime.date() | datetime.time():
            return said("a_date")
        case _:
            return said("something_else")


def nearest(word: str, valid: Iterable[str]) -> str | None:
    """The valid key that was most likely meant: the same last name elsewhere, else the closest spelling."""
    import difflib  # only where something is wrong

    names = list(valid)
    last = word.rpartition(".")[2]
    for name in names:
        if name.rpartition(".")[2].lower() == last.lower() and name != word:
            return name
    close = difflib.get_close_matches(word.lower(), names, n=1, cutoff=0.7)
    if close:
        return close[0]
    by_last: dict[str, str] = {}
    for name in names:
        by_last.setdefault(name.rpartition(".")[2], name)
    close = difflib.get_close_matches(last.lower(), list(by_last), n=1, cutoff=0.65)
    return by_last[close[0]] if close else None
