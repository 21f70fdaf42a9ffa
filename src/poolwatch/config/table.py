"""What is made from the table of settings: `config show`, the file of `config init`, the README's table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from msgspec import Struct

from poolwatch.config import alert_settings, budget_settings, limit_settings, topup_settings
from poolwatch.config.amounts import parts_of
from poolwatch.config.layers import FILTERS_TABLE, KEYS_TABLE, PLANS_TABLE
from poolwatch.config.load import KEYS_OF_KIND
from poolwatch.config.rate_settings import RATE_ROWS, field_of
from poolwatch.config.settings import ACCOUNT_ROWS, SECTIONS, TABLE, OriginKind, Settings
from poolwatch.config.source_settings import POOL_KINDS, SOURCE_ROWS, CreditSettings, SourceKind
from poolwatch.config.values import Row, printable
from poolwatch.domain.account import Custody
from poolwatch.domain.budgets import Grace, Limit, limit_text
from poolwatch.domain.proposals import AutoTopUp
from poolwatch.domain.rates import Per, Prices
from poolwatch.domain.when import time_text
from poolwatch.words.catalogue import _
from poolwatch.words.config import said

_KEYS_EXAMPLE: Final = 'refresh = "r,f5"'
_FILTERS_EXAMPLE: Final = 'tight = "weekly>=80 or 5h>=80"'
_PLANS_EXAMPLE: Final = 'pro = "200 USD monthly"'
_RATE_EXAMPLE: Final[Mapping[str, object]] = {
    "model": "gpt-7-*",
    "from": date(2027, 1, 1),
    "input": "2",
    "cached": "0.2",
    "output": "10",
}
#: What the file of `config init` shows of sources: enough for each group of kinds.
_SOURCE_EXAMPLES: Final[tuple[Mapping[str, object], ...]] = (
    {"kind": "codex-home", "path": "~/homes/*"},
    {"kind": "auth-files", "path": "~/pool", "custody": "other"},
    {
        "kind": "codex-proxy",
        "url": "http://127.0.0.1:8080",
        "insecure": False,
        "api_key_file": "~/.config/poolwatch/codex-proxy.key",
    },
    {"kind": "credits-http", "preset": "openrouter", "api_key_env": "OPENROUTER_API_KEY"},
)
#: Defaults of sources that say something.
_TOLD_DEFAULTS: Final = (
    "base_url",
    "token_url",
    "insecure",
    "auth",
    "unit",
    "scale",
    "negate",
    "red_at",
    "zeros_unknown",
)
_ACCOUNT_EXAMPLE: Final[Mapping[str, object]] = {
    "match": "carol@example.com",
    "label": "carol",
    "group": "team-east",
    "time_zone": "Europe/Berlin",
}


LIMIT_ROWS: Final[Mapping[str, Mapping[str, Row]]] = {
    "budgets": budget_settings.BUDGET_ROWS,
    "alerts": limit_settings.ALERT_ROWS,
    "channels": limit_settings.CHANNEL_ROWS,
    "topups": topup_settings.TOPUP_ROWS,
}
_LIMIT_STRUCTS: Final[Mapping[str, type[Struct]]] = {
    "budgets": budget_settings.BudgetSettings,
    "alerts": alert_settings.AlertSettings,
    "channels": limit_settings.ChannelSettings,
    "topups": topup_settings.TopUpSettings,
}
_TEMPLATES: Final = {
    "budgets": "template_budgets",
    "alerts": "template_alerts",
    "channels": "template_channels",
    "topups": "template_topups",
}
_LIMIT_EXAMPLES: Final[Mapping[str, Mapping[str, object]]] = {
    "budgets": {"name": "month", "limit": "$10", "period": "monthly", "at_limit": "warn"},
    "alerts": {"name": "tight", "when": "weekly>=90", "for": "10m", "channels": ("ops",)},
    "channels": {
        "name": "ops",
        "kind": "webhook",
        "url": "https://hooks.example.com/poolwatch",
        "secret_file": "~/.config/poolwatch/ops.secret",
    },
    "topups": {
        "name": "team",
        "kind": "generic",
        "url": "https://credits.example.com/topups",
        "token_file": "~/.config/poolwatch/credits.token",
        "max_per_day": "100",
    },
}


class ShownSetting(Struct, frozen=True):
    """One row of `config show`: dotted key, value and origin, all printable; `holds` is the value as data."""

    key: str
    value: str
    origin: str
    holds: object = None
    is_set: bool = False


def shown_settings(
    settings: Settings, instead: Mapping[str, tuple[object, str]] | None = None
) -> tuple[ShownSetting, ...]:
    """One row per setting, in the order of the table; keys of a source only as its kind has them.

    `instead`: by key, what holds where nothing is set, and who says so.
    """
    holding: Mapping[str, tuple[object, str]] = {
        "credits_per_usd": (settings.rate, "default"),
        "poll.stale_after_seconds": (settings.stale_after, "default"),
        **(instead or {}),
    }

    def row(key: str, value: object) -> ShownSetting:
        shown, origin = _text(value), settings.origin(key).text
        is_set = settings.origin(key).kind is not OriginKind.DEFAULT
        if value is None and key in holding:
            value, origin = holding[key]
            shown = said("not_set_but", value=_text(value))
        return ShownSetting(printable(key), printable(shown), printable(origin), value, is_set)

    rows = [row(key, _value(settings, key)) for key in TABLE]
    rows += [row(f"{PLANS_TABLE}.{name}", price) for name, price in sorted(settings.plans.items())]
    rows += [row(f"{FILTERS_TABLE}.{name}", text) for name, text in sorted(settings.filters.items())]
    rows += [row(f"{KEYS_TABLE}.{name}", keys) for name, keys in sorted(settings.keys.items())]
    for index, source in enumerate(settings.sources):
        for name in source.__struct_fields__:
            if name in KEYS_OF_KIND[source.kind]:
                rows.append(row(f"sources[{index}].{name}", getattr(source, name)))
    for index, rule in enumerate(settings.accounts):
        for name in ACCOUNT_ROWS:
            if getattr(rule, name) is not None:
                rows.append(row(f"accounts[{index}].{name}", getattr(rule, name)))
    for index, rate in enumerate(settings.rates):
        for name in RATE_ROWS:
            value = getattr(rate, field_of(name))
            if value is not None:
                rows.append(row(f"rates[{index}].{name}", value))
    rows += _limit_rows(settings, row)
    return tuple(rows)


def _limit_rows(settings: Settings, row: Callable[[str, object], ShownSetting]) -> Iterator[ShownSetting]:
    """What is set of budgets, alerts and channels."""
    for array, rows in LIMIT_ROWS.items():
        for index, table in enumerate(getattr(settings, array)):
            for name in rows:
                key = f"{array}[{index}].{name}"
                if settings.origin(key).kind is not OriginKind.DEFAULT:
                    yield row(key, getattr(table, limit_settings.field_of(name)))


def render_default() -> str:
    """A commented file that loads to the defaults."""
    lines = [f"# {said(code)}" for code in ("template_1", "template_2", "template_3")]
    for section in SECTIONS:
        lines += ["", *([f"[{section}]"] if section else [])]
        for key, row in TABLE.items():
            table, _dot, name = key.rpartition(".")
            if table == section:
                lines.append(_line(name, _default(key, row), row))
    lines += ["", f"[{PLANS_TABLE}]", f"{f'# {_PLANS_EXAMPLE}':<36}  # {said('readme_plans')}"]
    lines += ["", f"[{FILTERS_TABLE}]", f"{f'# {_FILTERS_EXAMPLE}':<36}  # {said('readme_filters')}"]
    lines += ["", f"[{KEYS_TABLE}]", f"# {_KEYS_EXAMPLE}", "", f"# {said('template_sources')}"]
    for example in _SOURCE_EXAMPLES:
        lines += ["#", "# [[sources]]"]
        lines += [_line(name, value, SOURCE_ROWS[name]) for name, value in example.items()]
    lines += ["", f"# {said('template_accounts')}", "#", "# [[accounts]]"]
    lines += [_line(name, value, ACCOUNT_ROWS[name]) for name, value in _ACCOUNT_EXAMPLE.items()]
    lines += ["", f"# {said('template_rates')}", "#", "# [[rates]]"]
    lines += [_line(name, value, RATE_ROWS[name]) for name, value in _RATE_EXAMPLE.items()]
    for array, example in _LIMIT_EXAMPLES.items():
        lines += ["", f"# {said(_TEMPLATES[array])}", "#", f"# [[{array}]]"]
        lines += [_line(name, value, LIMIT_ROWS[array][name]) for name, value in example.items()]
    return "\n".join(lines) + "\n"


def markdown_table() -> str:
    """The README's table of settings."""
    lines = ["| setting | default | means |", "|---|---|---|"]
    for key, row in TABLE.items():
        lines.append(_markdown(key, _value(Settings(), key), row))
    lines.append(f"| `{PLANS_TABLE}.PLAN` | | {said('readme_plans')} |")
    lines.append(f"| `{FILTERS_TABLE}.NAME` | | {said('readme_filters')} |")
    lines.append(f"| `{KEYS_TABLE}.NAME` | | {said('readme_keys')} |")
    usual = CreditSettings(SourceKind.CODEX_HOME, "", Custody.CODEX)
    for name, row in SOURCE_ROWS.items():
        default = getattr(usual, name) if name in _TOLD_DEFAULTS else None
        lines.append(_markdown(f"sources.{name}", default, row))
    lines += [_markdown(f"accounts.{name}", None, row) for name, row in ACCOUNT_ROWS.items()]
    for name, row in RATE_ROWS.items():
        default = Per.TOKEN.value if name == "per" else None
        lines.append(_markdown(f"rates.{name}", default, row))
    for array, rows in LIMIT_ROWS.items():
        usual_of = _defaults(_LIMIT_STRUCTS[array])
        for name, row in rows.items():
            lines.append(_markdown(f"{array}.{name}", usual_of.get(limit_settings.field_of(name)), row))
    return "\n".join(lines)


def _defaults(struct: type[Struct]) -> Mapping[str, object]:
    """The fields that have a default that says something, with it."""
    fields, defaults = struct.__struct_fields__, struct.__struct_defaults__
    found = zip(fields[len(fields) - len(defaults) :], defaults, strict=True)
    return {name: value for name, value in found if value not in (None, (), timedelta(0))}


def _markdown(key: str, default: object, row: Row) -> str:
    shown = "" if default is None else f"`{_toml(default)}`"
    means = _(row.help)
    if row.kinds:
        others = [each for each in row.kinds if each not in POOL_KINDS]
        is_of_all = set(POOL_KINDS) <= set(row.kinds)
        kinds = ", ".join([said("pools"), *others] if is_of_all else row.kinds)
        means = said("readme_kinds", means=means, kinds=kinds)
    return f"| `{key}` | {shown} | {means} |"


def _line(name: str, value: object, row: Row) -> str:
    assigned = f"# {name} = {_toml(value)}"
    return f"{assigned:<36}  # {_(row.help)}"


def _default(key: str, row: Row) -> object:
    value = _value(Settings(), key)
    return row.example if value is None else value


def _value(settings: Settings, key: str) -> object:
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return value


def _toml(value: object) -> str:
    is_text = isinstance(value, str | Limit | Grace | timedelta)
    return f'"{_text(value)}"' if is_text else _text(value)


def _text(value: object) -> str:
    match value:
        case None:
            return said("not_set")
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else str(value)
        case Decimal():
            return format(value, "f")
        case Prices():
            return "{ " + ", ".join(f'{name} = "{each}"' for name, each in parts_of(value).items()) + " }"
        case AutoTopUp(below, amount, caps):
            parts = {"below": below, "amount": amount, "max_per_day": caps.day, "max_per_month": caps.month}
            return "{ " + ", ".join(f"{name} = {each:f}" for name, each in parts.items()) + " }"
        case Limit():
            return limit_text(value)
        case Grace(percent, time):
            return f"{percent:f}%" if percent is not None else time_text(time)
        case timedelta():
            return time_text(value)
        case tuple():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case _:
            return str(value)
