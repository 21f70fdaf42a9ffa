"""Secrets of channels: where they stand, read when a notice is sent and no earlier."""

from __future__ import annotations

import base64
import binascii
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import Secret
from poolwatch.domain.message import Message, message
from poolwatch.domain.text import LONGEST_PATH, visible
from poolwatch.host.files import FileProblem, read_bounded

_MOST_BYTES: Final = 64 * 1024
_OPEN_TO_OTHERS: Final = 0o077
_SIGNS: Final = "whsec_"
_LEAST_KEY: Final = 24
_LONGEST_KEY: Final = 64
#: An old and a new one, while a receiver changes over.
_MOST_KEYS: Final = 4


class SecretPlace(Struct, frozen=True):
    """The file, or else the variable, that holds a secret; neither: there is none."""

    file: str | None = None
    variable: str | None = None

    @property
    def told(self) -> str:
        """The place for people."""
        return visible(self.file, LONGEST_PATH) if self.file is not None else f"${self.variable}"

    @property
    def is_named(self) -> bool:
        """Whether there is a secret at all."""
        return self.file is not None or self.variable is not None

    def read(self, env: Mapping[str, str]) -> Secret | Message:
        """The secret as it stands now, or why there is none. Opens a file: use a thread."""
        if self.file is None:
            text = env.get(self.variable or "")
            if text is None:
                return message("channel.no_variable", name=self.variable)
        else:
            found = read_bounded(Path(self.file), _MOST_BYTES)
            if isinstance(found, FileProblem):
                return message("channel.file", path=self.told, why=Message(found.code, found.arguments))
            text = found.content.decode("utf-8-sig", "replace")
        if not text.strip():
            return message("channel.empty", place=self.told)
        return Secret(text.strip())

    def open_mode(self) -> str | None:
        """The permissions of a file that others may open, like `0644`; None for any other."""
        try:
            mode = 0 if self.file is None else stat.S_IMODE(Path(self.file).stat().st_mode)
        except (OSError, ValueError):
            return None
        return f"{mode:04o}" if mode & _OPEN_TO_OTHERS else None


def signing_keys(place: SecretPlace, env: Mapping[str, str]) -> tuple[Secret, ...] | Message:
    """The keys of a webhook, still as they are written: one, or an old and a new one on lines of their own.

    Opens a file: use a thread.
    """
    found = place.read(env)
    if isinstance(found, Message):
        return found
    keys = tuple(Secret(word) for word in found.reveal().split())
    if len(keys) > _MOST_KEYS or any(key_bytes(key) is None for key in keys):
        return message("channel.bad_secret", place=place.told)
    return keys


def key_bytes(secret: Secret) -> bytes | None:
    """The bytes behind `whsec_`; None where it is no such secret."""
    text = secret.reveal()
    try:
        key = base64.b64decode(text.removeprefix(_SIGNS), validate=True)
    except (binascii.Error, ValueError):
        return None
    return key if text.startswith(_SIGNS) and _LEAST_KEY <= len(key) <= _LONGEST_KEY else None
