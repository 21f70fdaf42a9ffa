"""Accounts as sources list them: identity, custody, the facts of a login, and what they are called."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from fnmatch import translate
from typing import Final, NoReturn

from msgspec import Struct

from poolwatch.domain.message import Message


class Secret:
    """A token or key that cannot be shown by accident.

    It has no readable repr or str, cannot be pickled, and is unwrapped by `reveal()` only
    where it is sent or written to the credential file it belongs to.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value: Final = value

    def reveal(self) -> str:
        """The secret itself: call this only in the expression that sends or stores it."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __format__(self, spec: str) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        import hmac  # the first screen compares no secrets

        return hmac.compare_digest(
            self._value.encode("utf-8", "surrogatepass"), other._value.encode("utf-8", "surrogatepass")
        )

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never serialised")


class Custody(StrEnum):
    """Who may spend the refresh token of a login; poolwatch spends only its own."""

    POOLWATCH = "poolwatch"
    POOL = "pool"
    CODEX = "codex"
    OTHER = "other"
    STATIC = "static"


#: A merged account shows the custody under which a refresh will act: the first of these present.
CUSTODY_ORDER: Final = (Custody.POOLWATCH, Custody.POOL, Custody.CODEX, Custody.OTHER, Custody.STATIC)


class LoginKind(StrEnum):
    """What kind of credential an account signs in with."""

    OAUTH = "oauth"
    PERSONAL_ACCESS_TOKEN = "personal_access_token"  # noqa: S105 - the name of a kind, not a token
    API_KEY = "api_key"
    AGENT_IDENTITY = "agent_identity"
    KEYRING = "keyring"

    @property
    def has_usage(self) -> bool:
        """Whether usage figures can be asked for with it."""
        return self in (LoginKind.OAUTH, LoginKind.PERSONAL_ACCESS_TOKEN)


#: Ids that were asked for; a dictionary in each key would take as much as the key.
_ids: Final[dict[AccountKey, str]] = {}
#: More accounts than any pool has; then all are forgotten, and made again.
_IDS_KEPT: Final = 16_384


class AccountKey(Struct, frozen=True, cache_hash=True):
    """Identity of one account: provider, user id, account id; or source and place when an id is missing."""

    provider: str
    user_id: str = ""
    account_id: str = ""
    source: str = ""
    place: str = ""

    @property
    def is_full(self) -> bool:
        """Whether both ids are known, so that two sources can speak of the same account."""
        return bool(self.user_id and self.account_id)

    @property
    def id(self) -> str:
        """The public id: first 16 hex digits of SHA-256, stable over runs and machines."""
        known = _ids.get(self)
        if known is not None:
            return known
        parts = (self.provider, self.user_id, self.account_id) if self.is_full else (self.source, self.place)
        made = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        if len(_ids) >= _IDS_KEPT:
            _ids.clear()
        return _ids.setdefault(self, made)


class SourceRef(Struct, frozen=True):
    """Where one source keeps one account; `place` is unique and stable within the source."""

    source: str
    place: str


class TokenFacts(Struct, frozen=True):
    """What may be said of a login's tokens: instants in UTC and keyed fingerprints, never a token."""

    expires_at: datetime | None = None
    last_refresh: datetime | None = None
    fingerprint: str | None = None
    refresh_fingerprint: str | None = None


class Listing(Struct, frozen=True):
    """One account as one source lists it. Texts are already sanitised; it holds no secret."""

    ref: SourceRef
    provider: str = "codex"
    user_id: str | None = None
    account_id: str | None = None
    email: str | None = None
    #: the folder's name for homes found by a glob
    folder: str | None = None
    #: the label the pool itself gives
    label: str | None = None
    #: the plan said by the login, which may lag up to one access token's life
    plan: str | None = None
    custody: Custody = Custody.OTHER
    login: LoginKind = LoginKind.OAUTH
    token: TokenFacts = TokenFacts()
    #: the program that owns the login, in words for people ("Codex", "CLIProxyAPI")
    owner: str = ""
    #: the file, as shown to people (with ~); None for pools
    path: str | None = None
    #: the CODEX_HOME of the login, as shown to people
    home: str | None = None
    disabled: bool = False
    #: an automatic renewal will follow an expired access token
    renews_itself: bool = False
    #: the source itself says that only a new login helps
    says_login_needed: bool = False
    #: the source itself says that it can use the login as it is
    says_login_works: bool = False
    #: why a file that is there cannot be used
    problem: Message | None = None
    subscription_until: datetime | None = None
    subscription_checked_at: datetime | None = None
    #: the workspace's name, where the source knows it
    workspace: str | None = None

    @property
    def polled(self) -> bool:
        """Whether usage is ever asked for: API keys have none, disabled and broken logins are left alone."""
        return self.login.has_usage and not self.disabled and self.problem is None


def resolve(listings: Iterable[Listing]) -> Mapping[SourceRef, AccountKey]:
    """The key of every entry.

    Both ids known: identity is provider, user id, account id. One id missing: the entry joins the
    only account with the same account id and e-mail, if there is just one. Where no account with both
    ids is known, entries of different sources with the same account id and e-mail are one account, so
    that its credits count once; two such entries of one source are ambiguous, and everybody stays alone.
    An account without both ids goes by source and place, of its first entry in order. An e-mail alone
    never makes two entries the same.
    """
    keys: dict[SourceRef, AccountKey] = {}
    full_by_mail: dict[tuple[str, str, str], set[AccountKey]] = defaultdict(set)
    partial: list[Listing] = []
    for listing in listings:
        if listing.user_id and listing.account_id:
            key = AccountKey(listing.provider, listing.user_id, listing.account_id)
            keys[listing.ref] = key
            if listing.email:
                full_by_mail[_mail_key(listing)].add(key)
        else:
            partial.append(listing)
    alike: dict[tuple[str, str, str], list[Listing]] = defaultdict(list)
    for listing in partial:
        keys[listing.ref] = _place_key(listing)
        if listing.account_id and listing.email:
            alike[_mail_key(listing)].append(listing)
    for mail_key, entries in alike.items():
        same = full_by_mail.get(mail_key, set())
        if len(same) == 1:
            keys |= dict.fromkeys((entry.ref for entry in entries), next(iter(same)))
        elif not same and len({entry.ref.source for entry in entries}) == len(entries):
            first = min(entries, key=lambda entry: (entry.ref.source, entry.ref.place))
            keys |= dict.fromkeys((entry.ref for entry in entries), _place_key(first))
    return keys


def _place_key(listing: Listing) -> AccountKey:
    return AccountKey(listing.provider, source=listing.ref.source, place=listing.ref.place)


def _mail_key(listing: Listing) -> tuple[str, str, str]:
    return (listing.provider, listing.account_id or "", (listing.email or "").casefold())


class NamingRule(Struct, frozen=True):
    """One `[[accounts]]` entry: `match` is an e-mail, an id prefix or a glob on the label."""

    match: str
    label: str | None = None
    group: str | None = None
    #: where its users live, as the time zone database names it
    time_zone: str | None = None


class Name(Struct, frozen=True):
    """An account's label and group; `full` is what stands on screen, the group before a slash.

    `time_zone` names the zone that its users live in; None: the machine's.
    """

    label: str
    group: str | None = None
    time_zone: str | None = None

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
    key: AccountKey, listings: Sequence[Listing], patterns: Sequence[_Pattern], mails: Counter[str]
) -> Name:
    mail = first_email(listings)
    label = _plain_label(key, listings, mail, mails)
    group: str | None = None
    chosen: str | None = None
    time_zone: str | None = None
    folded = None if mail is None else mail.casefold()
    for pattern in patterns:
        if pattern.matches(key, folded, label):
            chosen = chosen or pattern.rule.label
            group = group or pattern.rule.group
            time_zone = time_zone or pattern.rule.time_zone
    return Name(chosen or label, group, time_zone)


def _plain_label(key: AccountKey, listings: Sequence[Listing], mail: str | None, mails: Counter[str]) -> str:
    own = [each.folder for each in listings if each.folder] + [each.label for each in listings if each.label]
    if own:
        return own[0]
    if mail:
        # a pool's entry may know the workspace and not the user, so that its key has neither
        workspace = key.account_id or next((each.account_id for each in listings if each.account_id), "")
        return f"{mail} ({workspace[-6:] or key.id[:6]})" if mails[mail.casefold()] > 1 else mail
    return key.id[:8]


class _Pattern:
    """What a rule matches, made ready once for all accounts."""

    def __init__(self, rule: NamingRule) -> None:
        text = rule.match
        self.rule = rule
        self._mail = text.casefold()
        self._id = text.lower() if re.fullmatch("[0-9a-fA-F]{4,}", text) else None
        wild = "*" in text or "?" in text or "[" in text
        self._glob = re.compile(translate(text)).match if wild else None

    def matches(self, key: AccountKey, mail: str | None, label: str) -> bool:
        """Whether the rule speaks of the account; `mail` is casefolded."""
        if mail == self._mail or label == self.rule.match:
            return True
        if self._id is not None and key.id.startswith(self._id):
            return True
        return self._glob is not None and self._glob(label) is not None
