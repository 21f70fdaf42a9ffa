"""The catalogue of the language that the program speaks: English, unless another one is installed."""

from __future__ import annotations

import gettext
from pathlib import Path
from typing import Final

DOMAIN: Final = "poolwatch"
#: `<language>/LC_MESSAGES/poolwatch.mo` lie here, one folder per language.
LOCALE_DIR: Final = Path(__file__).parent / "locale"


def _(text: str) -> str:
    """The text in the person's language (LANGUAGE, LC_ALL, LC_MESSAGES, LANG), looked up at every call."""
    return gettext.dgettext(DOMAIN, text)


def n_(one: str, many: str, count: int) -> str:
    """Likewise, by how many there are."""
    return gettext.dngettext(DOMAIN, one, many, count)


def mark(text: str) -> str:
    """Mark a text of a table for translation; `_` looks it up when it is shown."""
    return text


gettext.bindtextdomain(DOMAIN, str(LOCALE_DIR))
