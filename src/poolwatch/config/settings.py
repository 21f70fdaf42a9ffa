"""The settings of one run, as frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec import Struct, field

from poolwatch.config.problems import printable
from poolwatch.domain.account import Custody

DEFAULT_CREDITS_PER_USD: Final = Decimal(25)
DEFAULT_BASE_URL: Final = "https://chatgpt.com/backend-api"
DEFAULT_TOKEN_URL: Final = "https://auth.openai.com/oauth/token"  # noqa: S105 - an address, not a token

MIN_INTERVAL_SECONDS: Final = 30
LEAST_STALE_AFTER_SECONDS: Final = 900.0

VIEWS: Final = ("auto", "table", "cards", "hive")
SORTS: Final = ("need", "name", "weekly", "5h", "credits", "reset", "age")
GLYPHS: Final = ("auto", "unicode", "ascii")
USED_OR_LEFT: Final = ("used", "left")


class SourceKind(StrEnum):
    """The kinds of places that accounts come from."""

    CODEX_HOME = "codex-home"
    AUTH_FILES = "auth-files"
    CODEX_PROXY = "codex-proxy"
    CODEX_LB = "codex-lb"
    CLI_PROXY_API = "cli-proxy-api"

    @property
    def is_pool(self) -> bool:
        """Whether a running pool server is asked, rather than files on this machine."""
        return self not in (SourceKind.CODEX_HOME, SourceKind.AUTH_FILES)

    @property
    def default_custody(self) -> Custody:
        """Who keeps the logins of such a source unless the file says otherwise."""
        if self is SourceKind.CODEX_HOME:
            return Custody.CODEX
        return Custody.POOL if self.is_pool else Custody.OTHER


class OriginKind(StrEnum):
    """The layers that a value can come from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    OPTION = "option"


class Origin(Struct, frozen=True):
    """Where one value was set: `name` is a path, a variable or an option; `line` counts from 1."""

    kind: OriginKind
    name: str = ""
    line: int | None = None

    @property
    def text(self) -> str:
        """`FILE:LINE`, the variable, the option, or `default`."""
        if self.kind is OriginKind.DEFAULT:
            return "default"
        name = printable(self.name)
        return name if self.line is None else f"{name}:{self.line}"


DEFAULT_ORIGIN: Final = Origin(OriginKind.DEFAULT)


class PollSettings(Struct, frozen=True):
    """How often and how hard the sources are asked; all times in seconds."""

    interval_seconds: float = 300.0
    concurrency: int = 8
    timeout_seconds: float = 15.0
    stale_after_seconds: float | None = None

    @property
    def stale_after(self) -> float:
        """The age in seconds from which a reading is stale."""
        if self.stale_after_seconds is not None:
            return self.stale_after_seconds
        return max(3 * self.interval_seconds, LEAST_STALE_AFTER_SECONDS)


class Thresholds(Struct, frozen=True):
    """The percentages used from which a window is drawn amber and red."""

    amber_percent: float = 60.0
    red_percent: float = 90.0


class RefreshSettings(Struct, frozen=True):
    """What poolwatch may do about tokens without being asked, and through whom."""

    background: bool = False
    delegate_to_codex: bool = True


class UiSettings(Struct, frozen=True):
    """How the screen looks; `theme` None leaves the choice to the app."""

    theme: str | None = None
    view: str = "auto"
    sort: str = "need"
    mask: bool = False
    glyphs: str = "auto"
    mouse: bool = False
    title: bool = True
    used: str = "used"


class SourceSettings(Struct, frozen=True):
    """One place that accounts come from.

    `path` may be a glob. In loaded settings it and the `_file` paths are absolute with `~` expanded; a value
    built by hand may hold them as a person would write them. `base_url` and `token_url` mean nothing for
    pools, `url` nothing for files. `insecure`: a pool's key may go over plain http to another machine.
    """

    kind: SourceKind
    name: str
    custody: Custody
    path: str | None = None
    base_url: str = DEFAULT_BASE_URL
    token_url: str = DEFAULT_TOKEN_URL
    url: str | None = None
    api_key_file: str | None = None
    api_key_env: str | None = None
    dashboard_password_file: str | None = None
    dashboard_password_env: str | None = None
    insecure: bool = False


class AccountRule(Struct, frozen=True):
    """A name or a group for the accounts that `match` (an e-mail, an id prefix, a glob on the label)."""

    match: str
    label: str | None = None
    group: str | None = None


def _nothing() -> Mapping[str, Origin]:
    return MappingProxyType({})


def _no_keys() -> Mapping[str, str]:
    return MappingProxyType({})


def _no_lines() -> Mapping[str, int]:
    return MappingProxyType({})


class Settings(Struct, frozen=True):
    """All settings of one run.

    `origins` has an entry for every setting, by dotted key (`poll.interval_seconds`, `sources[0].kind`,
    counted from 0). `key_lines` has the line of each `[keys]` entry that stands in the file at `path`.
    """

    pool_name: str | None = None
    credits_per_usd: Decimal | None = None
    read_only: bool = False
    poll: PollSettings = PollSettings()
    thresholds: Thresholds = Thresholds()
    refresh: RefreshSettings = RefreshSettings()
    ui: UiSettings = UiSettings()
    keys: Mapping[str, str] = field(default_factory=_no_keys)
    sources: tuple[SourceSettings, ...] = ()
    accounts: tuple[AccountRule, ...] = ()
    path: Path | None = None
    origins: Mapping[str, Origin] = field(default_factory=_nothing)
    key_lines: Mapping[str, int] = field(default_factory=_no_lines)

    @property
    def rate(self) -> Decimal:
        """Credits per US dollar; 0 means that no dollars are shown."""
        return DEFAULT_CREDITS_PER_USD if self.credits_per_usd is None else self.credits_per_usd

    @property
    def stale_after(self) -> float:
        """The age in seconds from which a reading is stale."""
        return self.poll.stale_after

    def origin(self, key: str) -> Origin:
        """Where the value of a dotted key was set."""
        return self.origins.get(key, DEFAULT_ORIGIN)
