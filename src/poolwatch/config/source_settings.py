"""`[[sources]]`: the places that accounts and balances come from, with their rows of the table."""

# no `annotations` from __future__: the table is read from them
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Final

from msgspec import Struct

from poolwatch.config import values
from poolwatch.config.values import Raw, Row, Wrong, rows_of
from poolwatch.domain.account import Custody
from poolwatch.words.catalogue import mark

DEFAULT_BASE_URL: Final = "https://chatgpt.com/backend-api"
DEFAULT_TOKEN_URL: Final = "https://auth.openai.com/oauth/token"  # noqa: S105 - an address, not a token


class SourceKind(StrEnum):
    """The kinds of places that accounts and balances come from."""

    CODEX_HOME = "codex-home"
    AUTH_FILES = "auth-files"
    CODEX_PROXY = "codex-proxy"
    CODEX_LB = "codex-lb"
    CLI_PROXY_API = "cli-proxy-api"
    CREDITS_HTTP = "credits-http"

    @property
    def is_pool(self) -> bool:
        """Whether a running pool server is asked, rather than files on this machine."""
        return self.value in POOL_KINDS

    @property
    def is_asked(self) -> bool:
        """Whether something is asked over the network by its address."""
        return self.value in _ASKED

    @property
    def default_custody(self) -> Custody:
        """Who keeps the logins of such a source unless the file says otherwise."""
        if self is SourceKind.CODEX_HOME:
            return Custody.CODEX
        if self is SourceKind.CREDITS_HTTP:
            return Custody.STATIC
        return Custody.POOL if self.is_pool else Custody.OTHER


KINDS: Final = tuple(kind.value for kind in SourceKind)
_FILES: Final = ("codex-home", "auth-files")
POOL_KINDS: Final = ("codex-proxy", "codex-lb", "cli-proxy-api")
_BALANCES: Final = ("credits-http",)
_ASKED: Final = (*POOL_KINDS, *_BALANCES)
_DASHBOARDS: Final = ("codex-proxy", "codex-lb")


class SourceSettings(Struct, frozen=True):
    """One place that accounts come from.

    `path` may be a glob. In loaded settings it and the `_file` paths are absolute with `~` expanded; a value
    built by hand may hold them as a person would write them. `base_url` and `token_url` mean nothing for
    pools, `url` nothing for files.
    """

    kind: Annotated[SourceKind, Row(values.one_of(KINDS), ", ".join(KINDS))]
    name: Annotated[str, Row(values.line(64), mark("unset: the kind"))]
    custody: Annotated[
        Custody,
        Row(
            values.one_of((Custody.POOLWATCH.value, Custody.OTHER.value)),
            mark('"poolwatch" only if no other program renews these logins'),
            Custody.OTHER.value,
            kinds=("auth-files",),
        ),
    ]
    path: Annotated[
        str | None,
        Row(
            values.path,
            mark("a folder or a glob; codex-home, unset: $CODEX_HOME, else ~/.codex"),
            kinds=_FILES,
        ),
    ] = None
    base_url: Annotated[
        str,
        Row(
            values.url(https_only=True),
            mark("where usage is read; https, or http to this machine"),
            kinds=_FILES,
        ),
    ] = DEFAULT_BASE_URL
    token_url: Annotated[
        str,
        Row(
            values.url(https_only=True),
            mark("where poolwatch's own logins are renewed, likewise"),
            kinds=_FILES,
        ),
    ] = DEFAULT_TOKEN_URL
    url: Annotated[str | None, Row(values.url(https_only=False), mark("where it answers"), kinds=_ASKED)] = (
        None
    )
    insecure: Annotated[
        bool, Row(values.truth, mark("true: the key may go over plain http to another machine"), kinds=_ASKED)
    ] = False
    api_key_file: Annotated[
        str | None,
        Row(
            values.path,
            mark("file with the key; a secret never stands in the configuration"),
            kinds=_ASKED,
        ),
    ] = None
    api_key_env: Annotated[
        str | None, Row(values.variable, mark("the variable that holds it, instead of a file"), kinds=_ASKED)
    ] = None
    dashboard_password_file: Annotated[
        str | None, Row(values.path, mark("file with the dashboard's password"), kinds=_DASHBOARDS)
    ] = None
    dashboard_password_env: Annotated[
        str | None,
        Row(values.variable, mark("the variable that holds it, instead of a file"), kinds=_DASHBOARDS),
    ] = None


def _by(reader: str) -> values.Read[Any]:
    """A reader of `config/credit_settings`, which few need."""

    def read(raw: Raw) -> Any | Wrong:
        from poolwatch.config import credit_settings

        return getattr(credit_settings, reader)(raw)

    return read


class CreditSettings(SourceSettings, frozen=True):
    """A service that tells one balance: where, and where in its answer the figures stand.

    A pointer is one of JSON (`/data/remaining`). As they are loaded, a preset has filled the gaps.
    """

    preset: Annotated[
        str | None,
        Row(
            _by("preset_name"),
            mark("browseros, openrouter, openrouter-key, deepseek, vercel or reef: fills what is not set"),
            kinds=_BALANCES,
        ),
    ] = None
    auth: Annotated[
        str, Row(_by("auth"), mark("how the key is sent: bearer, none, or header:NAME"), kinds=_BALANCES)
    ] = "bearer"
    headers: Annotated[
        tuple[str, ...],
        Row(_by("headers"), mark('more headers, like ["New-Api-User: 12"]; no secrets'), kinds=_BALANCES),
    ] = ()
    id_file: Annotated[
        str | None,
        Row(
            values.path,
            mark("file with the id that {id} in url stands for; made once, and kept"),
            kinds=_BALANCES,
        ),
    ] = None
    pick: Annotated[
        str | None,
        Row(
            _by("pick"),
            mark('which of a list, like "/balance_infos currency=USD"; pointers count from there'),
            kinds=_BALANCES,
        ),
    ] = None
    remaining: Annotated[
        str | None,
        Row(
            _by("pointer"),
            mark("pointer to what is left; or total and used, or limit and used"),
            kinds=_BALANCES,
        ),
    ] = None
    total: Annotated[
        str | None, Row(_by("pointer"), mark("pointer to what was bought in all"), kinds=_BALANCES)
    ] = None
    used: Annotated[str | None, Row(_by("pointer"), mark("pointer to what was used"), kinds=_BALANCES)] = None
    limit: Annotated[
        str | None,
        Row(_by("pointer"), mark("pointer to what it is filled up to, if it is named"), kinds=_BALANCES),
    ] = None
    last_reset: Annotated[
        str | None, Row(_by("pointer"), mark("pointer to when it was filled up last"), kinds=_BALANCES)
    ] = None
    resets: Annotated[
        str | None,
        Row(
            _by("resets"),
            mark(
                '"daily 00:00 UTC", weekly and monthly likewise; or a pointer and its form: seconds, '
                "milliseconds, text or period"
            ),
            kinds=_BALANCES,
        ),
    ] = None
    unit: Annotated[
        str,
        Row(_by("unit"), mark('"credits", "USD" and so on, or a pointer to it'), kinds=_BALANCES),
    ] = "credits"
    scale: Annotated[
        Decimal, Row(_by("scale"), mark("what figures are multiplied by: 0.01 for cents"), kinds=_BALANCES)
    ] = Decimal(1)
    negate: Annotated[
        bool, Row(values.truth, mark("true: credit is told as a negative number"), kinds=_BALANCES)
    ] = False
    success: Annotated[
        str | None,
        Row(_by("equality"), mark('what a good answer has, like "/code=0"'), kinds=_BALANCES),
    ] = None
    unlimited: Annotated[
        str | None,
        Row(
            _by("equality"), mark('what an answer without any limit has, like "/limit=null"'), kinds=_BALANCES
        ),
    ] = None
    own_topup_below: Annotated[
        str | None,
        Row(
            _by("pointer"),
            mark("pointer to the balance below which the service tops itself up"),
            kinds=_BALANCES,
        ),
    ] = None
    own_topup_if: Annotated[
        str | None,
        Row(_by("equality"), mark('what an answer has while it does, like "/auto=true"'), kinds=_BALANCES),
    ] = None
    zeros_unknown: Annotated[
        bool,
        Row(values.truth, mark("true: an answer of zeros alone is a failure of theirs"), kinds=_BALANCES),
    ] = False
    cost_per_request: Annotated[
        Decimal | None, Row(_by("cost"), mark("what one request costs, in the unit"), kinds=_BALANCES)
    ] = None
    amber_below: Annotated[
        Decimal | None,
        Row(
            _by("threshold"),
            mark("low from this much left downward; unset: 30 credits, and no amount of money"),
            kinds=_BALANCES,
        ),
    ] = None
    red_at: Annotated[
        Decimal, Row(_by("threshold"), mark("used up from this much left downward"), kinds=_BALANCES)
    ] = Decimal(0)
    poll: Annotated[
        float | str | None,
        Row(
            _by("poll"),
            mark('seconds between readings; "on-demand": at the start, by r and on focus, never by a timer'),
            kinds=_BALANCES,
        ),
    ] = None
    web: Annotated[
        str | None,
        Row(values.url(https_only=True), mark("where it can be topped up"), kinds=_BALANCES),
    ] = None


CREDIT_ROWS: Final = rows_of(CreditSettings)
SOURCE_ROWS: Final[Mapping[str, Row]] = {**rows_of(SourceSettings), **CREDIT_ROWS}
_BALANCE_URL: Final = Row(_by("address"), SOURCE_ROWS["url"].help)


def source_row(kind: SourceKind, name: str) -> Row:
    """The row of a key as sources of a kind read it."""
    is_address = kind is SourceKind.CREDITS_HTTP and name == "url"
    return _BALANCE_URL if is_address else SOURCE_ROWS[name]
