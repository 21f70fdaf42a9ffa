"""What an account is called on screen."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import translate
from typing import Final

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Listing

#: what an account's id is made of
_HEX_DIGITS: Final = "0123456789abcdef"


class NamingRule(Struct, frozen=True):
    """One `[[accounts]]` entry: `match` is an e-mail, an id prefix or a glob on the label."""

    match: str
    label: str | None = None
    group: str | None = None


class Name(Struct, frozen=True, gc=False, omit_defaults=True):
    """An account's label and group; `full` is what stands on screen, the group before a slash."""

    label: str
    group: str | None = None

    @property
    def full(self) -> str:
        """Group and label as drawn."""
        return f"{self.group}/{self.label}" if self.group else self.label


def name_accounts(
    accounts: Mapping[AccountKey, Sequence[Listing]], rules: Sequence[NamingRule]
) -> dict[AccountKey, Name]:
    """Names for all accounts at once: one e-mail in two workspaces needs the workspace to tell them apart."""
    mails = Counter(mail.casefold() for each in accounts.values() if (mail := first_email(each)))
    patterns = [_Pattern(rule) for rule in rules]
    return {key: _name(key, listings, patterns, mails) for key, listings in accounts.items()}


def first_email(listings: Sequence[Listing]) -> str | None:
    """The e-mail of the first entry that has one."""
    return next((listing.email for listing in listings if listing.email), None)


def _name(
    key: AccountKey, listings: Sequence[Listing], patterns: "Sequence[_Pattern]", mails: Counter[str]
) -> Name:
    mail = first_email(listings)
    label = _plain_label(key, listings, mail, mails)
    group: str | None = None
    chosen: str | None = None
    folded = None if mail is None else mail.casefold()
    for pattern in patterns:
        if pattern.matches(key, folded, label):
            chosen = chosen or pattern.rule.label
            group = group or pattern.rule.group
    return Name(chosen or label, group)


def _plain_label(key: AccountKey, listings: Sequence[Listing], mail: str | None, mails: Counter[str]) -> str:
    folder = next((listing.folder for listing in listings if listing.folder), None)
    own = next((listing.label for listing in listings if listing.label), None)
    if folder or own:
        return folder or own or ""
    if mail:
        # a pool's entry may know the workspace and not the user, so that its key has neither
        workspace = key.account_id or next((each.account_id for each in listings if each.account_id), "")
        return f"{mail} ({workspace[-6:] or key.id[:6]})" if mails[mail.casefold()] > 1 else mail
    return key.id[:8]


class _Pattern:
    """What a rule matches, made ready once for all accounts."""

    __slots__ = ("_glob", "_id", "_mail", "_text", "rule")

    def __init__(self, rule: NamingRule) -> None:
        text = rule.match
        self.rule = rule
        self._text = text
        self._mail = text.casefold()
        lowered = text.lower()
        self._id = lowered if len(text) >= 4 and not lowered.strip(_HEX_DIGITS) else None
        wild = "*" in text or "?" in text or "[" in text
        self._glob = re.compile(translate(text)).match if wild else None

    def matches(self, key: AccountKey, mail: str | None, label: str) -> bool:
        """Whether the rule speaks of the account; `mail` is casefolded."""
        if mail == self._mail or label == self._text:
            return True
        if self._id is not None and key.id.startswith(self._id):
            return True
        return self._glob is not None and self._glob(label) is not None
