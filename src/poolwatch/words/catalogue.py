"""The catalogue of the person's language: English, unless another one is installed."""

from __future__ import annotations

import gettext
import re
from functools import cache
from pathlib import Path
from typing import Final

DOMAIN: Final = "poolwatch"
#: `<language>/LC_MESSAGES/poolwatch.mo` stand here, one folder per language.
LOCALE_DIR: Final = Path(__file__).parent / "locale"
_BLANKS: Final = re.compile(r"{(\w+)}")


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
    """A text by a name of its own, `kept_by = Text("kept by {owner}")`; to call it looks it up and fills it.

    What it is called with fills the blanks in order. The second text is said where one of them is empty.
    """

    def __init__(self, text: str, without: str = "") -> None:
        self._text = text
        self._without = without

    def __call__(self, *blanks: object) -> str:
        filled = dict(zip(_BLANKS.findall(self._text), blanks, strict=True))
        is_short = self._without and any(blank in (None, "") for blank in blanks)
        return _(self._without if is_short else self._text, **filled)
