"""The settings of one run as frozen values, each with its row of the table; or what is wrong with them.

A setting is declared here, in one line, and nowhere else: name, type, reader, help and default. The template
of `config init`, `config show`, the variables, the checks and the README's table are made from these rows.
"""

# no `annotations` from __future__: the table is read from them
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final

from msgspec import Struct, field

from poolwatch.config import values
from poolwatch.config.source_settings import SourceSettings
from poolwatch.config.values import Row, printable, rows_of
from poolwatch.words.catalogue import mark

if TYPE_CHECKING:
    from poolwatch.config.alert_settings import AlertSettings
    from poolwatch.config.budget_settings import BudgetSettings
    from poolwatch.config.limit_settings import ChannelSettings
    from poolwatch.config.rate_settings import RateSettings
    from poolwatch.config.topup_settings import TopUpSettings

DEFAULT_CREDITS_PER_USD: Final = Decimal(25)
MIN_INTERVAL_SECONDS: Final = 30
LEAST_STALE_AFTER_SECONDS: Final = 900.0
_WEEK: Final = 604_800

VIEWS: Final = ("auto", "table", "cards", "hive")
SORTS: Final = (
    "need", "name", "weekly", "5h", "credits", "reset", "age",
    "plan", "source", "5h-reset", "weekly-reset", "at-reset", "burn", "scarcest", "scarcest-reset",
)  # fmt: skip
GLYPHS: Final = ("auto", "unicode", "ascii")
USED_OR_LEFT: Final = ("used", "left")


class PollSettings(Struct, frozen=True):
    """How often and how hard the sources are asked; all times in seconds."""

    interval_seconds: Annotated[
        float,
        Row(values.seconds(MIN_INTERVAL_SECONDS, _WEEK), mark("how often an account is polled; at least 30")),
    ] = 300.0
    concurrency: Annotated[int, Row(values.whole(1, 64), mark("requests at the same time, 1 to 64"))] = 8
    timeout_seconds: Annotated[
        float, Row(values.seconds(1, 120), mark("deadline of a whole request, 1 to 120"))
    ] = 15.0
    stale_after_seconds: Annotated[
        float | None,
        Row(
            values.seconds(1, 4 * _WEEK),
            mark("older readings are stale; unset: three intervals, at least 900"),
            900,
        ),
    ] = None

    @property
    def stale_after(self) -> float:
        """The age in seconds from which a reading is stale."""
        if self.stale_after_seconds is not None:
            return self.stale_after_seconds
        return max(3 * self.interval_seconds, LEAST_STALE_AFTER_SECONDS)


class Thresholds(Struct, frozen=True):
    """The percentages used from which a window is drawn amber and red."""

    amber_percent: Annotated[
        float, Row(values.number(0, 100), mark("a window is amber from this much used"))
    ] = 60.0
    red_percent: Annotated[float, Row(values.number(0, 100), mark("a window is red from this much used"))] = (
        90.0
    )


class RefreshSettings(Struct, frozen=True):
    """What poolwatch may do about tokens without being asked, and through whom."""

    background: Annotated[
        bool, Row(values.truth, mark("renew poolwatch's own logins before they expire"))
    ] = False
    delegate_to_codex: Annotated[
        bool, Row(values.truth, mark("ask the installed codex to renew its own expired login on r"))
    ] = True


class NetSettings(Struct, frozen=True):
    """How requests leave this machine."""

    proxy: Annotated[
        str | None,
        Row(
            values.proxy,
            mark(
                'an http://, https:// or socks5:// address, or "env" for HTTPS_PROXY and NO_PROXY; else none'
            ),
            "http://proxy.example.com:3128",
        ),
    ] = None
    proxy_password_file: Annotated[
        str | None,
        Row(values.path, mark("file with the proxy's password"), "~/.config/poolwatch/proxy.password"),
    ] = None
    proxy_password_env: Annotated[
        str | None,
        Row(values.variable, mark("the variable that holds it, instead of a file"), "PROXY_PASSWORD"),
    ] = None
    ca_file: Annotated[
        str | None,
        Row(
            values.path,
            mark("CA certificates to trust; unset: SSL_CERT_FILE and its like, else the system's"),
            "/etc/ssl/certs/ca-certificates.crt",
        ),
    ] = None


DEFAULT_NET: Final = NetSettings()


class UiSettings(Struct, frozen=True):
    """How the screen looks; `theme` None leaves the choice to the app."""

    theme: Annotated[
        str | None,
        Row(values.line(), mark("poolwatch-dark, -light, -contrast, -ansi"), "poolwatch-dark", "--theme"),
    ] = None
    view: Annotated[
        str,
        Row(
            values.one_of(VIEWS),
            mark(
                "table, cards, hive; auto: cards up to 24 accounts, if two screens hold them, a table up to"
                " 100, else the hive"
            ),
            option="--view",
        ),
    ] = "auto"
    sort: Annotated[str, Row(values.one_of(SORTS), ", ".join(SORTS), option="--sort")] = "need"
    mask: Annotated[bool, Row(values.truth, mark("hide e-mail addresses and folders"), option="--mask")] = (
        False
    )
    glyphs: Annotated[str, Row(values.one_of(GLYPHS), ", ".join(GLYPHS), option="--ascii")] = "auto"
    mouse: Annotated[bool, Row(values.truth, mark("the mouse selects and scrolls"), option="--mouse")] = False
    title: Annotated[bool, Row(values.truth, mark("counts in the terminal's title"))] = True
    used: Annotated[
        str, Row(values.one_of(USED_OR_LEFT), mark("percentages say what is used, or what is left"))
    ] = "used"


class ForecastSettings(Struct, frozen=True):
    """What a forecast takes from its operator instead of learning it."""

    workhours: Annotated[
        str | None,
        Row(
            values.workhours,
            mark("when accounts are used, in their own time zone; unset: learned from each one's past"),
            "mon-fri 9:00-17:30, sat 10-14",
        ),
    ] = None
    weights: Annotated[
        str | None,
        Row(
            values.weights,
            mark("how much a plan's weekly limit is, where plus is 1; unset: pro=20, prolite=5, free=0.15"),
            "pro=20, prolite=5",
        ),
    ] = None


class UsageSettings(Struct, frozen=True):
    """What is done about tokens that were used, beyond counting them."""

    fallback: Annotated[
        str | None,
        Row(
            values.fallback,
            mark("USD per million tokens of models without a price, marked ~; unset: it is unknown"),
            "input=0.1, output=0.2",
        ),
    ] = None
    reconcile: Annotated[
        bool,
        Row(
            values.truth,
            mark(
                "true: OpenAI is asked what it counted, once a day for each account, to say how much of it is"
                " in the session files"
            ),
        ),
    ] = False


class WorkspaceUsageSettings(Struct, frozen=True):
    """Whether OpenAI is asked by itself what it counted."""

    enabled: Annotated[
        bool,
        Row(
            values.truth,
            mark(
                "true: OpenAI is asked what each account used by itself, every 6 hours at most; else only by"
                " usage --source openai, and by r on that screen"
            ),
        ),
    ] = False


class NotifySettings(Struct, frozen=True):
    """Where alerts that poolwatch has by itself go besides the screen, and what is told each day."""

    channels: Annotated[
        tuple[str, ...] | None,
        Row(
            values.names,
            mark("channels for the alerts that are there by default; unset: they stay on the screen"),
            ("ops",),
        ),
    ] = None
    daily_summary: Annotated[
        str | None,
        Row(
            values.time_of_day,
            mark("when the day before is told, to those channels, else to all; unset: it is not"),
            "09:00",
        ),
    ] = None
    quiet_hours: Annotated[
        str | None,
        Row(
            values.quiet_hours,
            mark("when notices are held, but for critical ones, and then told in one"),
            "22:00-07:00",
        ),
    ] = None


class AccountRule(Struct, frozen=True):
    """A name, a group or a time zone for the accounts that `match`."""

    match: Annotated[str, Row(values.line(), mark("an e-mail, an id prefix, or a glob on the label"))]
    label: Annotated[str | None, Row(values.line(), mark("the name to show"))] = None
    group: Annotated[str | None, Row(values.line(), mark("the group to show it in"))] = None
    time_zone: Annotated[
        str | None,
        Row(values.time_zone, mark("where its users live, for the forecast; unset: where poolwatch runs")),
    ] = None


class OriginKind(StrEnum):
    """The layers that a value can come from, weakest first."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    OPTION = "option"


class Origin(Struct, frozen=True):
    """Where one value was set: `name` is a path, a variable, an option or a preset; `line` counts from 1."""

    kind: OriginKind
    name: str = ""
    line: int | None = None

    @property
    def text(self) -> str:
        """`FILE:LINE`, the variable, the option, the preset, or `default`."""
        name = printable(self.name) or OriginKind.DEFAULT.value
        return name if self.line is None else f"{name}:{self.line}"


DEFAULT_ORIGIN: Final = Origin(OriginKind.DEFAULT)


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


class Settings(Struct, frozen=True):
    """All settings of one run.

    `origins` has an entry for every setting, by dotted key (`poll.interval_seconds`, `sources[0].kind`,
    counted from 0). `key_lines` has the line of each `[keys]` entry that stands in the file at `path`.
    """

    pool_name: Annotated[
        str | None, Row(values.line(), mark("name of the pool, shown at the top"), "work")
    ] = None
    credits_per_usd: Annotated[
        Decimal | None,
        Row(
            values.rate, mark("0 hides dollars; unset: the rate your codex-proxy pools agree on, else 25"), 25
        ),
    ] = None
    read_only: Annotated[
        bool,
        Row(
            values.truth,
            mark("true: look only; what changes or spends something is off"),
            option="--read-only",
        ),
    ] = False
    poll: PollSettings = PollSettings()
    thresholds: Thresholds = Thresholds()
    refresh: RefreshSettings = RefreshSettings()
    net: NetSettings = DEFAULT_NET
    ui: UiSettings = UiSettings()
    forecast: ForecastSettings = ForecastSettings()
    usage: UsageSettings = UsageSettings()
    workspace_usage: WorkspaceUsageSettings = WorkspaceUsageSettings()
    notify: NotifySettings = NotifySettings()
    plans: Mapping[str, str] = field(default_factory=_nothing)
    filters: Mapping[str, str] = field(default_factory=_nothing)
    keys: Mapping[str, str] = field(default_factory=_nothing)
    sources: tuple[SourceSettings, ...] = ()
    accounts: tuple[AccountRule, ...] = ()
    rates: "tuple[RateSettings, ...]" = ()
    budgets: "tuple[BudgetSettings, ...]" = ()
    alerts: "tuple[AlertSettings, ...]" = ()
    channels: "tuple[ChannelSettings, ...]" = ()
    topups: "tuple[TopUpSettings, ...]" = ()
    path: Path | None = None
    origins: Mapping[str, Origin] = field(default_factory=_nothing)
    key_lines: Mapping[str, int] = field(default_factory=_nothing)

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


#: The tables of the file that hold one value per key; those of the first have no header.
SECTIONS: Final[Mapping[str, type[Struct]]] = {
    "": Settings,
    "poll": PollSettings,
    "thresholds": Thresholds,
    "refresh": RefreshSettings,
    "net": NetSettings,
    "ui": UiSettings,
    "forecast": ForecastSettings,
    "usage": UsageSettings,
    "workspace_usage": WorkspaceUsageSettings,
    "notify": NotifySettings,
}
#: Every such setting by its dotted key.
TABLE: Final[Mapping[str, Row]] = {
    f"{section}.{name}" if section else name: row
    for section, struct in SECTIONS.items()
    for name, row in rows_of(struct).items()
}
ACCOUNT_ROWS: Final = rows_of(AccountRule)
