"""`[[sources]]`: the places that accounts come from, with their rows of the table."""

# no `annotations` from __future__: the table is read from them
from enum import StrEnum
from typing import Annotated, Final

from msgspec import Struct

from poolwatch.config import values
from poolwatch.config.values import Row, rows_of
from poolwatch.domain.account import Custody
from poolwatch.words.catalogue import mark

DEFAULT_BASE_URL: Final = "https://chatgpt.com/backend-api"
DEFAULT_TOKEN_URL: Final = "https://auth.openai.com/oauth/token"  # noqa: S105 - an address, not a token


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


KINDS: Final = tuple(kind.value for kind in SourceKind)
_FILES: Final = ("codex-home", "auth-files")
_POOLS: Final = ("codex-proxy", "codex-lb", "cli-proxy-api")
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
    url: Annotated[
        str | None, Row(values.url(https_only=False), mark("where the pool answers"), kinds=_POOLS)
    ] = None
    insecure: Annotated[
        bool, Row(values.truth, mark("true: the key may go over plain http to another machine"), kinds=_POOLS)
    ] = False
    api_key_file: Annotated[
        str | None,
        Row(
            values.path,
            mark("file with the pool's key; a secret never stands in the configuration"),
            kinds=_POOLS,
        ),
    ] = None
    api_key_env: Annotated[
        str | None, Row(values.variable, mark("the variable that holds it, instead of a file"), kinds=_POOLS)
    ] = None
    dashboard_password_file: Annotated[
        str | None, Row(values.path, mark("file with the dashboard's password"), kinds=_DASHBOARDS)
    ] = None
    dashboard_password_env: Annotated[
        str | None,
        Row(values.variable, mark("the variable that holds it, instead of a file"), kinds=_DASHBOARDS),
    ] = None


SOURCE_ROWS: Final = rows_of(SourceSettings)
