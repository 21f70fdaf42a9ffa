"""Neutral names in place of e-mail addresses and personal paths; ids stay."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from typing import Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.state import AccountState
from poolwatch.domain.text import all_visible, path_word

_AT_SIGNS: Final = ("@", "＠")
#: JSON may write the sign as an escape; the rest of such an address is plain.
_ESCAPED_MAIL: Final = r"""(?i)[^\s@＠/\\:;,'"()<>=]+\\u(?:0040|ff20)[^\s@＠/\\:;,'"()<>=]*"""
_MAIL: Final = r"""[^\s@＠/\\:;,'"()<>=]+[@＠][^\s@＠/\\:;,'"()<>=]*"""
_PATH: Final = r"""(?:~|(?<![\w/:.])/)[^\s:;,'"()<>]*/[^\s:;,'"()<>]*"""

#: What may stand below a known path.
_BELOW: Final = r"""(?:/[^\s:;,'"()<>]*)?"""


def neutral_name(key: AccountKey) -> str:
    """`account-3f2a90`: stable over runs, and findable by the id it starts."""
    return f"account-{key.id[:6]}"


def shown_name(account: AccountState, *, mask: bool) -> str:
    """The label with its group before it, as drawn."""
    name = account.name
    if not mask and name.label:
        return name.full
    group = shown_group(account.name.group, mask=mask)
    label = shown_label(account, mask=mask)
    return f"{group}/{label}" if group else label


def shown_label(account: AccountState, *, mask: bool) -> str:
    """The label alone; masked, one that holds an address becomes the neutral name."""
    label = account.name.label or account.key.id[:8]
    return neutral_name(account.key) if mask and _has_address(label) else label


def shown_group(group: str | None, *, mask: bool) -> str:
    """The group's name, empty for none."""
    if group and mask and _has_address(group):
        return f"group-{zlib.crc32(group.encode('utf-8', 'replace')):08x}"
    return group or ""


def shown_email(account: AccountState, *, mask: bool) -> str | None:
    """The e-mail, or None when masked or unknown."""
    return None if mask else account.email


def shown_text(text: str, account: AccountState, *, mask: bool) -> str:
    """A message from outside, its addresses and paths neutral when masked."""
    if not mask:
        return text
    cut = re.sub(_PATH, lambda found: shown_path(found[0], mask=True), text)
    return re.sub(_MAIL, neutral_name(account.key), cut)


def masked_word(path: str, *, mask: bool) -> str:
    """A path as one word of a shell command, which works unless it is masked."""
    return shown_path(all_visible(path), mask=True) if mask else path_word(path)


def shown(text: str, *, mask: bool) -> str:
    """A line about no account in particular, as it is told: masked where that is wished."""
    return masked(text) if mask else text


def masked(text: str, paths: Iterable[str] = ()) -> str:
    """A line about no account in particular, its addresses and paths neutral.

    `paths` are known to stand in it, perhaps with blanks and other signs that end a path in a text.
    """
    forms = {form for path in paths for form in (path, all_visible(path))}
    for path in sorted(forms, key=len, reverse=True):
        if len(path) > 1:
            text = re.sub(f"{re.escape(path)}{_BELOW}", lambda found: shown_path(found[0], mask=True), text)
    text = re.sub(_PATH, lambda found: shown_path(found[0], mask=True), text)
    return re.sub(_MAIL, "…", text)


def shown_payload(payload: str, account: AccountState | None, *, mask: bool) -> str:
    """A redacted payload, its addresses and paths neutral when masked; what is not JSON is masked alike."""
    if not mask:
        return payload
    name = neutral_name(account.key) if account is not None else "…"
    cut = re.sub(_PATH, lambda found: shown_path(found[0], mask=True), payload)
    return re.sub(_MAIL, name, re.sub(_ESCAPED_MAIL, name, cut))


def shown_path(path: str, *, mask: bool) -> str:
    """A path; masked, only its last folder or file is kept, and that only when it is no address."""
    if not mask:
        return path
    name = path.rstrip("/").rpartition("/")[2]
    if name in ("", "~") or _has_address(name):
        return "…"
    return f"…/{name}" if name != path else name


def _has_address(text: str) -> bool:
    return any(sign in text for sign in _AT_SIGNS)
