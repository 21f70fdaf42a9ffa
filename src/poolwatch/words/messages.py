"""The sentence for every code that a room below may tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.domain.message import Message
from poolwatch.words import of_custody, of_host, of_net, of_sources, of_store
from poolwatch.words.catalogue import _

#: A sentence that an earlier poolwatch stored as it was; shown, never written.
AS_STORED: Final = "as_stored"

TEXTS: Final[Mapping[str, str]] = {
    AS_STORED: "{text}",
    **of_custody.TEXTS,
    **of_host.TEXTS,
    **of_net.TEXTS,
    **of_sources.TEXTS,
    **of_store.TEXTS,
}


def message_text(message: Message) -> str:
    """The sentence in the person's language, with its arguments."""
    return _(TEXTS[message.code]).format_map(dict(message.arguments))
