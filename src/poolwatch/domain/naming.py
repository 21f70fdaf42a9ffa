"""What an account is called on screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from msgspec import Struct

from poolwatch.domain.account import AccountKey, Listing


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
    return {key: _name(key, listings, rules, mails) for key, listings in accounts.items()}


def first_email(listings: Sequence[Listing]) -> str | None:
    """The e-mail of the first entry that has one."""
    return next((listing.email for listing in listings if listing.email), None)


def _name(
    key: AccountKey, listings: Sequence[Listing], rules: Sequence[NamingRule], mails: Counter[str]
) -> Name:
    mail = first_email(listings)
    label = _plain_label(key, listings, mail, mails)
    group: str | None = None
    chosen: str | None = None
    for rule in rules:
        if _matches(rule.match, key, mail, label):
            chosen = chosen or rule.label
            group = group or rule.group
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


def _matches(pattern: str, key: AccountKey, mail: str | None, label: str) -> bool:
    if mail is not None and pattern.casefold() == mail.casefold():
        return True
    if len(pattern) >= 4 and key.id.startswith(pattern.lower()):
        return True
    return label == pattern or (_has_wildcard(pattern) and fnmatchcase(label, pattern))


def _has_wildcard(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern or "[" in pattern
