"""Every setting with its value and where it comes from, for `config show`."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from poolwatch.config.layers import KEYS_TABLE, SCALARS
from poolwatch.config.problems import printable
from poolwatch.config.settings import AccountRule, Settings, SourceSettings
from poolwatch.config.source_tables import ACCOUNT_KEYS, KEYS_OF_KIND

NOT_SET = "not set"
_RATE = "credits_per_usd"


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One row: dotted key, value and origin, all printable."""

    key: str
    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class AdoptedRate:
    """The credits per USD that all pools with a rate agree on, and who they are."""

    rate: Decimal
    said_by: tuple[str, ...]


def shown_settings(settings: Settings, adopted: AdoptedRate | None = None) -> tuple[ShownSetting, ...]:
    """One row per setting, in the order of the documentation; keys of a source only as its kind has them.

    `adopted` is shown where the rate is not set.
    """
    rows = [_row(settings, key, _scalar(settings, key)) for key in SCALARS]
    if settings.credits_per_usd is None and adopted is not None:
        origin = f"adopted from {', '.join(adopted.said_by)}"
        value = f"{NOT_SET} ({format(adopted.rate, 'f')})"
        shown = ShownSetting(_RATE, printable(value), printable(origin))
        rows = [shown if row.key == _RATE else row for row in rows]
    rows += [_row(settings, f"{KEYS_TABLE}.{name}", keys) for name, keys in sorted(settings.keys.items())]
    for index, source in enumerate(settings.sources):
        allowed = KEYS_OF_KIND[source.kind]
        names = [name for name in SourceSettings.__struct_fields__ if name in allowed]
        rows += [_row(settings, f"sources[{index}].{name}", _text(getattr(source, name))) for name in names]
    for index, rule in enumerate(settings.accounts):
        rows += [
            _row(settings, f"accounts[{index}].{name}", _text(getattr(rule, name)))
            for name in _rule_names(rule)
        ]
    return tuple(rows)


def _rule_names(rule: AccountRule) -> tuple[str, ...]:
    return tuple(name for name in ACCOUNT_KEYS if getattr(rule, name) is not None)


def _row(settings: Settings, key: str, value: str) -> ShownSetting:
    return ShownSetting(printable(key), printable(value), settings.origin(key).text)


def _scalar(settings: Settings, key: str) -> str:
    if key == _RATE and settings.credits_per_usd is None:
        return f"{NOT_SET} ({settings.rate})"
    if key == "poll.stale_after_seconds" and settings.poll.stale_after_seconds is None:
        return f"{NOT_SET} ({_text(settings.stale_after)})"
    value: object = settings
    for name in key.split("."):
        value = getattr(value, name)
    return _text(value)


def _text(value: object) -> str:
    match value:
        case None:
            return NOT_SET
        case bool():
            return "true" if value else "false"
        case float():
            return str(int(value)) if value.is_integer() else str(value)
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)
