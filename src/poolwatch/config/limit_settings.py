"""`[[budgets]]`, `[[alerts]]` and `[[channels]]` of the file: what may be spent, and who is told what."""

# no `annotations` from __future__: the tables are read from them
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from msgspec import Struct

from poolwatch.config import values
from poolwatch.config.alert_settings import AlertSettings, check_alert
from poolwatch.config.layers import Layers, dotted
from poolwatch.config.settings import DEFAULT_ORIGIN
from poolwatch.config.values import Raw, Row, Wrong, is_loopback, nearest, printable, quoted, rows_of
from poolwatch.domain.notices import ChannelKind
from poolwatch.words.catalogue import mark
from poolwatch.words.config import said

if TYPE_CHECKING:
    from poolwatch.config.budget_settings import BudgetSettings

S = TypeVar("S", bound=Struct)

_HOST: Final = re.compile(r"[A-Za-z0-9._-]{1,253}|[0-9A-Fa-f:.]{2,45}", re.ASCII)
_MAIL: Final = re.compile(r"[A-Za-z0-9._%+'-]{1,64}@[A-Za-z0-9.-]{1,253}", re.ASCII)


def _argv(raw: Raw) -> tuple[str, ...] | Wrong:
    given = raw.value
    if (
        isinstance(given, list)
        and given
        and given[0]
        and all(isinstance(each, str) and "\0" not in each for each in given)
    ):
        return (values.at_home(given[0], raw.env.get("HOME")), *given[1:])
    return Wrong(said("not_argv", value=quoted(given)))


def _hook_address(raw: Raw) -> str | Wrong:
    """As any address, but its final slash stays: without it some receivers redirect."""
    found = values.url(https_only=False)(raw)
    return found if isinstance(found, Wrong) else str(raw.value)


def _mail_host(raw: Raw) -> str | Wrong:
    if isinstance(raw.value, str) and _HOST.fullmatch(raw.value):
        return raw.value
    return Wrong(said("not_mail_host", value=quoted(raw.value)))


def _mail_address(raw: Raw) -> str | Wrong:
    if isinstance(raw.value, str) and _MAIL.fullmatch(raw.value):
        return raw.value
    return Wrong(said("not_mail_address", value=quoted(raw.value)))


def _mail_addresses(raw: Raw) -> tuple[str, ...] | Wrong:
    given = raw.value if isinstance(raw.value, list) else [raw.value]
    found = [_mail_address(Raw(each)) for each in given]
    wrong = next((each for each in found if isinstance(each, Wrong)), None)
    if not given or wrong is not None:
        return wrong or Wrong(said("not_mail_address", value=quoted(raw.value)))
    return tuple(str(each) for each in found)


_WEBHOOK: Final = (ChannelKind.WEBHOOK.value,)
_EMAIL: Final = (ChannelKind.EMAIL.value,)


class ChannelSettings(Struct, frozen=True):
    """One channel of the file; of its keys those of its kind mean something."""

    name: Annotated[str, Row(values.line(64), mark("what it is called"))]
    kind: Annotated[
        str,
        Row(
            values.one_of([each.value for each in ChannelKind]),
            mark("webhook, email, desktop, exec or apprise"),
        ),
    ]
    url: Annotated[
        str | None,
        Row(
            _hook_address,
            mark("where it is posted; https, or http to this machine"),
            kinds=_WEBHOOK,
        ),
    ] = None
    secret_file: Annotated[
        str | None, Row(values.path, mark("file with the secret that signs it (whsec_…)"), kinds=_WEBHOOK)
    ] = None
    secret_env: Annotated[
        str | None,
        Row(values.variable, mark("the variable that holds it, instead of a file"), kinds=_WEBHOOK),
    ] = None
    private: Annotated[
        bool, Row(values.truth, mark("true: the address may be one of a private network"), kinds=_WEBHOOK)
    ] = False
    host: Annotated[str | None, Row(_mail_host, mark("the mail server"), kinds=_EMAIL)] = None
    port: Annotated[
        int | None,
        Row(values.whole(1, 65_535), mark("unset: 465 for tls, 587 for starttls, 25"), kinds=_EMAIL),
    ] = None
    security: Annotated[
        str,
        Row(
            values.one_of(("tls", "starttls", "none")),
            mark("tls, starttls, or none to this machine"),
            kinds=_EMAIL,
        ),
    ] = "tls"
    user: Annotated[str | None, Row(values.line(), mark("who signs in there"), kinds=_EMAIL)] = None
    password_file: Annotated[str | None, Row(values.path, mark("file with the password"), kinds=_EMAIL)] = (
        None
    )
    sender: Annotated[str | None, Row(_mail_address, mark("the address it comes from"), kinds=_EMAIL)] = None
    to: Annotated[tuple[str, ...], Row(_mail_addresses, mark("the addresses it goes to"), kinds=_EMAIL)] = ()
    bell: Annotated[
        bool, Row(values.truth, mark("true: the terminal's bell, too"), kinds=(ChannelKind.DESKTOP.value,))
    ] = False
    command: Annotated[
        tuple[str, ...],
        Row(
            _argv, mark("a program and its arguments; it gets JSON on stdin"), kinds=(ChannelKind.EXEC.value,)
        ),
    ] = ()
    url_file: Annotated[
        str | None,
        Row(values.path, mark("file with an address of Apprise"), kinds=(ChannelKind.APPRISE.value,)),
    ] = None


#: Keys of the file that Python takes for itself, and their fields.
_FIELDS: Final[Mapping[str, str]] = {"for": "held_for", "from": "sender"}
_KEYS: Final = {field: key for key, field in _FIELDS.items()}
#: What a channel of each kind cannot do without.
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    ChannelKind.WEBHOOK.value: ("url",),
    ChannelKind.EMAIL.value: ("host", "sender", "to"),
    ChannelKind.DESKTOP.value: (),
    ChannelKind.EXEC.value: ("command",),
    ChannelKind.APPRISE.value: ("url_file",),
}


def _rows(struct: type[Struct]) -> Mapping[str, Row]:
    return {_KEYS.get(name, name): row for name, row in rows_of(struct).items()}


ALERT_ROWS: Final = _rows(AlertSettings)
CHANNEL_ROWS: Final = _rows(ChannelSettings)


def field_of(key: str) -> str:
    """The field of a key."""
    return _FIELDS.get(key, key)


def read_limits(layers: Layers, document: Mapping[str, object]) -> dict[str, Any]:
    """The budgets, alerts and channels of a file, by the names of their lists."""
    budgets = _read_budgets(layers, document) if "budgets" in document else []
    channels = read_tables(layers, document, "channels", ChannelSettings, CHANNEL_ROWS)
    alerts = read_tables(layers, document, "alerts", AlertSettings, ALERT_ROWS)
    for index, channel in channels:
        _check_channel(layers, index, channel)
    known = {channel.name for _, channel in channels}
    for index, alert in alerts:
        for name in alert.channels:
            if name not in known:
                why = said(
                    "no_such_channel",
                    table=said("alert_called", name=printable(alert.name)),
                    name=printable(name),
                )
                layers.in_file(
                    why,
                    "alerts",
                    index,
                    "channels",
                    suggestion=nearest(name, known),
                    lacks=("channels", name),
                )
        check_alert(layers, index, alert, document.get("filters"), [each.name for _, each in budgets])
    return {
        "budgets": tuple(each for _, each in budgets),
        "alerts": tuple(each for _, each in alerts),
        "channels": tuple(each for _, each in channels),
    }


def _read_budgets(layers: Layers, document: Mapping[str, object]) -> "list[tuple[int, BudgetSettings]]":
    from poolwatch.config.budget_settings import BUDGET_ROWS, BudgetSettings, check_budget, check_filter

    budgets = read_tables(layers, document, "budgets", BudgetSettings, BUDGET_ROWS)
    for index, budget in budgets:
        check_budget(layers, index, budget)
        check_filter(layers, index, budget, document.get("filters"))
    return budgets


def channel_of(table: Mapping[str, object], env: Mapping[str, str]) -> ChannelSettings | tuple[str, ...]:
    """A channel that is not in the file yet, or all that the file would say of it."""
    layers = Layers(None, {}, env)
    as_read = {key: list(value) if isinstance(value, tuple) else value for key, value in table.items()}
    found = read_limits(layers, {"channels": [as_read]})["channels"]
    if layers.problems:
        name = printable(str(table.get("name", "")))
        told = (each.text.replace("channels[0].", "") for each in layers.problems)
        return tuple(each.replace("channels[0]", name) for each in told)
    channel: ChannelSettings = found[0]
    return channel


def read_tables(
    layers: Layers, document: Mapping[str, object], array: str, struct: type[S], rows: Mapping[str, Row]
) -> list[tuple[int, S]]:
    """The good tables of one array with their places; what is wrong with the others is noted."""
    fields, defaults = struct.__struct_fields__, struct.__struct_defaults__
    default_of = dict(zip(fields[len(fields) - len(defaults) :], defaults, strict=True))
    found: list[tuple[int, S]] = []
    names: set[object] = set()
    for index, table in layers.tables(document, array):
        problems_before = len(layers.problems)
        prefix = dotted(array, index)
        for key in table:
            if key in rows:
                layers.offer_file(table[key], array, index, key)
            else:
                why = said("limit_unknown", table=prefix, name=printable(key))
                layers.in_file(why, array, index, key, suggestion=nearest(key, rows))
        for field in fields:
            key = _KEYS.get(field, field)
            if field not in default_of and key not in table:
                layers.in_file(said("limit_lacks", table=prefix, name=key), array, index)
        taken = {
            field_of(key): layers.take(f"{prefix}.{key}", row.read, default_of.get(field_of(key)))
            for key, row in rows.items()
        }
        if taken["name"] in names:
            why = said("limit_name_taken", table=prefix, name=taken["name"])
            layers.in_file(why, array, index, "name")
        names.add(taken["name"])
        if len(layers.problems) == problems_before:
            found.append((index, struct(**taken)))
    return found


def _check_channel(layers: Layers, index: int, channel: ChannelSettings) -> None:
    """Whether a channel has what its kind needs, and nothing of another one."""
    prefix = dotted("channels", index)
    for key, row in CHANNEL_ROWS.items():
        is_given = layers.origins.get(f"{prefix}.{key}", DEFAULT_ORIGIN) is not DEFAULT_ORIGIN
        if row.kinds and channel.kind not in row.kinds and is_given:
            why = said("not_for_channel", table=prefix, name=key, kind=channel.kind)
            layers.in_file(why, "channels", index, key)
    for field in _NEEDED[channel.kind]:
        if not getattr(channel, field):
            why = said("limit_lacks", table=prefix, name=_KEYS.get(field, field))
            layers.in_file(why, "channels", index)
    if channel.secret_file is not None and channel.secret_env is not None:
        why = said("both_set", one="secret_file", other="secret_env")
        layers.in_file(why, "channels", index, "secret_env")
    if channel.host is not None and channel.security == "none" and not is_loopback(channel.host):
        layers.in_file(said("mail_in_the_clear", table=prefix), "channels", index, "security")
    if channel.user is not None and channel.password_file is None:
        layers.in_file(said("user_without_password", table=prefix), "channels", index, "user")
    if channel.user is None and channel.password_file is not None:
        layers.in_file(said("password_of_whom", table=prefix), "channels", index, "password_file")
    if channel.url is not None and channel.url.startswith("http:") and not channel.private:
        from urllib.parse import urlsplit

        if not is_loopback(urlsplit(channel.url).hostname or ""):
            layers.in_file(said("private_channel", table=prefix, name="url"), "channels", index, "url")
