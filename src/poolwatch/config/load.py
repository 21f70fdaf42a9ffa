"""The settings of one run from what was said about them; or everything that is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from poolwatch.config.layers import (
    FILTERS_TABLE,
    KEYS_TABLE,
    LIMIT_LISTS,
    MAX_BYTES,
    PLANS_TABLE,
    Layers,
    decode,
    dotted,
    key_lines,
    parse,
)
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.settings import (
    ACCOUNT_ROWS,
    SECTIONS,
    TABLE,
    AccountRule,
    Origin,
    OriginKind,
    Settings,
    Thresholds,
)
from poolwatch.config.source_settings import (
    KINDS,
    SOURCE_ROWS,
    CreditSettings,
    SourceKind,
    SourceSettings,
    source_row,
)
from poolwatch.config.values import (
    Raw,
    Wrong,
    is_loopback,
    line,
    nearest,
    path,
    printable,
    quoted,
    rows_of,
    saved_filter,
)
from poolwatch.domain.account import Custody
from poolwatch.domain.values import replace
from poolwatch.host.files import FileProblem, read_bounded
from poolwatch.words.config import said
from poolwatch.words.messages import file_clause

if TYPE_CHECKING:
    from poolwatch.config.rate_settings import RateSettings
    from poolwatch.config.topup_settings import TopUpSettings

#: The keys that each kind of source takes.
KEYS_OF_KIND: Final[Mapping[SourceKind, tuple[str, ...]]] = {
    kind: tuple(name for name, row in SOURCE_ROWS.items() if not row.kinds or kind.value in row.kinds)
    for kind in SourceKind
}

#: Names under which people write a secret into the file, and the key that names a file for it.
SECRET_KEYS: Final[Mapping[str, str]] = {
    "api_key": "api_key_file",
    "key": "api_key_file",
    "token": "api_key_file",
    "access_token": "api_key_file",
    "secret": "api_key_file",
    "management_key": "api_key_file",
    "password": "dashboard_password_file",
    "dashboard_password": "dashboard_password_file",
}
_HOLDERS: Final = (
    ("api_key_file", "api_key_env"),
    ("dashboard_password_file", "dashboard_password_env"),
)
#: What a saved filter may be called, so that it can be typed behind an @.
_FILTER_NAME: Final = re.compile(r"[\w-]+")
_EMPTY: Final = CreditSettings(SourceKind.AUTH_FILES, "", Custody.OTHER)


def load(
    path: Path | None,
    env: Mapping[str, str],
    overrides: Mapping[str, str],
    *,
    may_lack: bool = False,
) -> Settings | ConfigProblems:
    """The settings of one run: defaults, under the file, under the environment, under the options.

    `path` None means that there is no file; a given path must be there. `overrides` holds options by dotted
    key (`ui.view`) as text. Either every value is good, or all problems come back and no setting.
    With `may_lack` it is no problem that the file names channels or budgets that are not there.
    """
    if path is None:
        return load_text("", None, env, overrides, may_lack=may_lack)
    found = read_bounded(path, MAX_BYTES)
    if isinstance(found, FileProblem):
        return ConfigProblems((ConfigProblem(said("file_trouble", why=file_clause(found)), path=path),))
    text = decode(found.content, path)
    if isinstance(text, ConfigProblem):
        return ConfigProblems((text,))
    return load_text(text, path, env, overrides, may_lack=may_lack)


def load_text(
    text: str,
    path: Path | None,
    env: Mapping[str, str],
    overrides: Mapping[str, str],
    *,
    may_lack: bool = False,
) -> Settings | ConfigProblems:
    """As `load`, for the text of the file that stands, or is to stand, at `path`."""
    document = parse(text, path)
    if isinstance(document, ConfigProblem):
        return ConfigProblems((document,))
    layers = Layers(path, key_lines(text), env)
    layers.lay_file(document)
    layers.lay_environment(document)
    layers.lay_options(overrides)
    tables: dict[str, Any] = {
        name: struct(**_taken(layers, name)) for name, struct in SECTIONS.items() if name
    }
    keys, lines = _keys(layers)
    settings = Settings(
        **_taken(layers, ""),
        **tables,
        plans=MappingProxyType(_plans(layers)),
        filters=MappingProxyType(_filters(layers)),
        keys=MappingProxyType(keys),
        sources=_sources(layers, document),
        accounts=_accounts(layers, document),
        rates=_rates(layers, document),
        **_limits(layers, document),
        topups=_topups(layers, document),
        path=path,
        origins=MappingProxyType(layers.origins),
        key_lines=MappingProxyType(lines),
    )
    _check_thresholds(layers, settings.thresholds)
    if settings.notify.channels is not None:
        _check_notify(layers, settings)
    if settings.topups:
        from poolwatch.config.topup_settings import check_sources  # few have any

        check_sources(layers, settings.topups, settings.sources)
    problems = [each for each in layers.problems if each.lacks is None or not may_lack]
    if problems:
        ordered = sorted(problems, key=lambda problem: problem.line or MAX_BYTES)
        return ConfigProblems(tuple(ordered), mask=settings.ui.mask)
    return settings


def read_only_by(path: Path | None, env: Mapping[str, str]) -> Origin | None:
    """Where it is said that nothing is to be changed; None where nobody says so, or the file is no TOML.

    Whatever else is wrong with the settings is left to those who need them.
    """
    found = None if path is None else read_bounded(path, MAX_BYTES)
    text = None if found is None or isinstance(found, FileProblem) else decode(found.content, path)
    document = parse(text, path) if isinstance(text, str) else None
    known = document if isinstance(document, dict) else {}
    layers = Layers(path, key_lines(text) if known and isinstance(text, str) else {}, env)
    layers.lay_file(known)
    layers.lay_environment(known)
    is_said = layers.take("read_only", TABLE["read_only"].read, False)
    return layers.origins["read_only"] if is_said else None


def _taken(layers: Layers, section: str) -> dict[str, Any]:
    struct = SECTIONS[section]
    fields, defaults = struct.__struct_fields__, struct.__struct_defaults__
    default_of = dict(zip(fields[len(fields) - len(defaults) :], defaults, strict=True))
    return {
        name: layers.take(f"{section}.{name}" if section else name, row.read, default_of[name])
        for name, row in rows_of(struct).items()
    }


def _keys(layers: Layers) -> tuple[dict[str, str], dict[str, int]]:
    """What is given in `[keys]`, and the lines of what stands in the file."""
    keys: dict[str, str] = {}
    lines: dict[str, int] = {}
    for key in layers.offered(KEYS_TABLE + "."):
        name = key.removeprefix(KEYS_TABLE + ".")
        keys[name] = layers.take(key, line(), "")
        at = layers.line(KEYS_TABLE, name)
        if layers.origins[key].kind is OriginKind.FILE and at is not None:
            lines[name] = at
    return keys, lines


def _plans(layers: Layers) -> dict[str, str]:
    """What is given in `[plans]`, by the plan's name in small letters."""
    offered = layers.offered(PLANS_TABLE + ".")
    if not offered:
        return {}
    from poolwatch.config.amounts import plan_price  # few tell what they pay

    plans = {}
    for key in offered:
        found = layers.take(key, plan_price, None)
        if found is not None:
            plans[key.removeprefix(PLANS_TABLE + ".").lower()] = found
    return plans


def _filters(layers: Layers) -> dict[str, str]:
    """What is given in `[filters]`, by the filter's name in small letters."""
    filters = {}
    for key in layers.offered(FILTERS_TABLE + "."):
        name = key.removeprefix(FILTERS_TABLE + ".")
        found = layers.take(key, saved_filter, None)
        if not _FILTER_NAME.fullmatch(name):
            layers.problem(said("not_filter_name", name=printable(name)), key, layers.origins[key])
        elif found is not None:
            filters[name.casefold()] = found
    return filters


def _check_thresholds(layers: Layers, found: Thresholds) -> None:
    names = ("thresholds.amber_percent", "thresholds.red_percent")
    if found.amber_percent < found.red_percent or any(each.key in names for each in layers.problems):
        return
    at_fault = max(
        (layers.origins[key] for key in names), key=lambda origin: list(OriginKind).index(origin.kind)
    )
    message = said("thresholds", amber=f"{found.amber_percent:g}", red=f"{found.red_percent:g}")
    layers.problem(message, names[0], at_fault)


def _check_notify(layers: Layers, settings: Settings) -> None:
    """Whether the alerts that are there by default go to channels that there are."""
    key, known = "notify.channels", [each.name for each in settings.channels]
    if any((each.key or "").startswith("channels") for each in layers.problems):
        return
    for name in settings.notify.channels or ():
        if name not in known:
            why = said("no_such_channel", table=key, name=printable(name))
            layers.problem(why, key, layers.origins[key], lacks=("channels", name))


def _sources(layers: Layers, document: Mapping[str, object]) -> tuple[SourceSettings, ...]:
    """The valid sources, in the order of the file; what is wrong with the others is noted in `layers`."""
    found = []
    for index, table in layers.tables(document, "sources"):
        source = _read_source(layers, index, table)
        if source is not None:
            found.append((index, source, "name" in table))
    return _named(layers, found)


def source_problem(table: Mapping[str, object], env: Mapping[str, str]) -> str | None:
    """What the configuration would say of a source that is not in it yet; None when it would take it."""
    layers = Layers(None, {}, env)
    _sources(layers, {"sources": [table]})
    return layers.problems[0].text.replace("sources[0].", "") if layers.problems else None


def _accounts(layers: Layers, document: Mapping[str, object]) -> tuple[AccountRule, ...]:
    """The valid account rules, in the order of the file."""
    rules = []
    for index, table in layers.tables(document, "accounts"):
        for name in table:
            if name in ACCOUNT_ROWS:
                layers.offer_file(table[name], "accounts", index, name)
            else:
                message = said("unknown_in_account", name=printable(name))
                layers.in_file(message, "accounts", index, name, suggestion=nearest(name, ACCOUNT_ROWS))
        prefix = dotted("accounts", index)
        rule = {name: layers.take(f"{prefix}.{name}", row.read, None) for name, row in ACCOUNT_ROWS.items()}
        if "match" not in table:
            layers.in_file(said("no_match", account=prefix), "accounts", index)
        elif not {"label", "group", "time_zone"} & table.keys():
            layers.in_file(said("no_name", account=prefix), "accounts", index)
        if rule["match"] is not None:
            rules.append(AccountRule(**rule))
    return tuple(rules)


def _rates(layers: Layers, document: Mapping[str, object]) -> tuple[RateSettings, ...]:
    """The rates of the file, in its order."""
    if "rates" not in document:
        return ()
    from poolwatch.config.rate_settings import read_rates  # few have any

    return read_rates(layers, document)


def _limits(layers: Layers, document: Mapping[str, object]) -> dict[str, Any]:
    """The budgets, alerts and channels of the file."""
    if not any(name in document for name in LIMIT_LISTS):
        return {}
    from poolwatch.config.limit_settings import read_limits  # likewise

    return read_limits(layers, document)


def _topups(layers: Layers, document: Mapping[str, object]) -> tuple[TopUpSettings, ...]:
    """Where the file lets credits be bought."""
    if "topups" not in document:
        return ()
    from poolwatch.config.topup_settings import read_topups  # likewise

    return read_topups(layers, document)


def _read_source(layers: Layers, index: int, table: Mapping[str, object]) -> SourceSettings | None:
    prefix = dotted("sources", index)
    if "kind" not in table:
        layers.in_file(said("no_kind", source=prefix, kinds=", ".join(KINDS)), "sources", index)
        return None
    problems_before = len(layers.problems)
    layers.offer_file(table["kind"], "sources", index, "kind")
    word = layers.take(f"{prefix}.kind", SOURCE_ROWS["kind"].read, None)
    if word is None:
        return None
    kind = SourceKind(word)
    for name, value in table.items():
        if name in KEYS_OF_KIND[kind]:
            if name != "kind":
                layers.offer_file(value, "sources", index, name)
        else:
            _refuse(layers, index, kind, name)
    taken: dict[str, Any] = {"name": kind.value, "custody": kind.default_custody}
    for name in KEYS_OF_KIND[kind]:
        if name != "kind":
            default = taken.get(name, getattr(_EMPTY, name))
            taken[name] = layers.take(f"{prefix}.{name}", source_row(kind, name).read, default)
    taken["custody"] = Custody(taken["custody"])
    source: SourceSettings
    if kind is SourceKind.CREDITS_HTTP:
        from poolwatch.config import credit_settings  # few have any

        source = credit_settings.filled(CreditSettings(kind, **taken), table)
        layers.origins.update(credit_settings.origins_of(source, table, prefix))
        credit_settings.check(layers, index, source)
    else:
        source = SourceSettings(kind, **taken)
    if kind.is_asked:
        _check_asked(layers, index, table, source)
    elif "path" not in table:
        source = replace(source, path=_usual_path(layers, index, kind))
    return source if len(layers.problems) == problems_before else None


def _refuse(layers: Layers, index: int, kind: SourceKind, name: str) -> None:
    """Say why a key does not belong to a source of this kind."""
    allowed = KEYS_OF_KIND[kind]
    takers = [other.value for other in SourceKind if name in KEYS_OF_KIND[other]]
    suggestion: str | None = None
    if takers:
        message = said("not_for_kind", name=name, kind=kind, takers=", ".join(takers))
    elif name not in SECRET_KEYS:
        message = said("unknown_in_source", name=printable(name), kind=kind)
        suggestion = nearest(name, allowed)
    elif kind.is_asked:
        suggestion = SECRET_KEYS[name] if SECRET_KEYS[name] in allowed else "api_key_file"
        message = said("secret_for_pool", name=name, holder=suggestion)
    else:
        suggestion = "path"
        message = said("secret_for_files", name=name)
    layers.in_file(message, "sources", index, name, suggestion=suggestion)


def _usual_path(layers: Layers, index: int, kind: SourceKind) -> str | None:
    """Where a Codex home is when its source does not say."""
    prefix = dotted("sources", index)
    if kind is not SourceKind.CODEX_HOME:
        layers.in_file(said("no_path", source=prefix), "sources", index)
        return None
    codex_home = layers.env.get("CODEX_HOME")
    if codex_home:
        layers.origins[f"{prefix}.path"] = Origin(OriginKind.ENVIRONMENT, "CODEX_HOME")
    elif not layers.env.get("HOME"):
        layers.in_file(said("no_home_path", source=prefix), "sources", index)
        return None
    found = path(Raw(codex_home or "~/.codex", env=layers.env))
    return None if isinstance(found, Wrong) else found


def _check_asked(layers: Layers, index: int, table: Mapping[str, object], source: SourceSettings) -> None:
    """What speaks against a service that is asked over the network."""
    prefix = dotted("sources", index)
    if source.url is None and "url" not in table:
        code = "no_url" if source.kind.is_pool else "no_balance_url"
        layers.in_file(said(code, source=prefix), "sources", index)
    for one, other in _HOLDERS:
        if one in table and other in table:
            layers.in_file(said("both_set", one=one, other=other), "sources", index, other)
    if not source.insecure and _shows_secret(source):
        layers.in_file(said("in_the_clear", source=prefix), "sources", index, "url")


def _shows_secret(source: SourceSettings) -> bool:
    """Whether a key or password would go to another machine in the clear."""
    if source.url is None or not any(getattr(source, name) for names in _HOLDERS for name in names):
        return False
    from urllib.parse import urlsplit  # most files hold no address

    parts = urlsplit(source.url)
    return parts.scheme != "https" and not is_loopback(parts.hostname or "")


def _named(layers: Layers, found: list[tuple[int, SourceSettings, bool]]) -> tuple[SourceSettings, ...]:
    taken: dict[str, int] = {}
    for index, source, is_given in found:
        if is_given and source.name in taken:
            message = said("name_taken", name=quoted(source.name), by=taken[source.name])
            layers.in_file(message, "sources", index, "name")
        elif is_given:
            taken[source.name] = index
    named = []
    for index, source, is_given in found:
        name = source.name if is_given else free_name(source.name, taken)
        taken.setdefault(name, index)
        named.append(replace(source, name=name))
    return tuple(named)


def free_name(wanted: str, taken: Container[str]) -> str:
    """The wanted name, or the first of `-2`, `-3`… that is not taken."""
    name, count = wanted, 1
    while name in taken:
        count += 1
        name = f"{wanted}-{count}"
    return name
