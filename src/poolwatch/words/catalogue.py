"""The catalogue of the person's language: English, unless another one is installed."""

from __future__ import annotations

import gettext
from functools import cache
from pathlib import Path
from typing import Final

DOMAIN: Final = "poolwatch"
#: `<language>/LC_MESSAGES/poolwatch.mo` stand here, one folder per language.
LOCALE_DIR: Final = Path(__file__).parent / "locale"


@cache
def catalogue() -> gettext.NullTranslations:
    """The texts of the language that LANGUAGE, LC_ALL, LC_MESSAGES or LANG name, read once."""
    return gettext.translation(DOMAIN, LOCALE_DIR, fallback=True)


def _(text: str, /, **blanks: object) -> str:
    """The text in the person's language, its blanks filled."""
    found = catalogue().gettext(text)
    return found.format_map(blanks) if blanks else found


def n_(one: str, many: str, count: int, /, **blanks: object) -> str:
    """The text for so many; `{count}` is the number, and may be left out of either."""
    return catalogue().ngettext(one, many, count).format_map({"count": count, **blanks})


def mark(text: str) -> str:
    """Mark a text of a table for translation; `_` looks it up when it is shown."""
    return text


class Text:
    """A text by a name of its own, `SIGN_IN = Text("sign in")`; to call it looks it up: `SIGN_IN()`."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __call__(self, **blanks: object) -> str:
        return _(self._text, **blanks)
