"""The commands that set poolwatch up; what they do is imported when they run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from poolwatch.cli import options
from poolwatch.cli.declaring import app, declared, group_of
from poolwatch.cli.options import AccountArgument, ConfigOption, JsonOption, MaskOption, flag, option
from poolwatch.words.command_help import help_of

sources_group = group_of("sources", "set_up")
accounts_group = group_of("accounts", "set_up")
data_group = group_of("data", "set_up")
config_group = group_of("config", "set_up")


@declared(sources_group, "sources list")
def sources_list(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.sources import list_sources

    return list_sources(config, as_json=json, mask=mask)


@declared(sources_group, "sources add", changes=True)
def sources_add(
    kind: options.KindArgument,
    place: Annotated[str | None, typer.Argument(metavar="URL|PATH", help=help_of("place"))] = None,
    name: Annotated[str | None, option("name", metavar="NAME")] = None,
    custody: options.CustodyOption = None,
    api_key_file: Annotated[str | None, option("api_key_file", metavar="FILE")] = None,
    api_key_env: Annotated[str | None, option("api_key_env", metavar="NAME")] = None,
    password_file: Annotated[str | None, option("password_file", metavar="FILE")] = None,
    password_env: Annotated[str | None, option("password_env", metavar="NAME")] = None,
    insecure: Annotated[bool, flag("insecure")] = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.sources import SourceRequest, add_source

    secrets = (api_key_file, api_key_env, password_file, password_env)
    request = SourceRequest(kind, place or "", name, custody, *secrets, insecure=insecure)
    return add_source(config, request, mask=mask)


@declared(sources_group, "sources test")
def sources_test(name: options.SourceArgument, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.sources import try_source

    return try_source(config, name, mask=mask)


@declared(sources_group, "sources read")
def sources_read(
    name: options.SourceArgument,
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.credits import read_source

    return read_source(config, name, as_json=json, mask=mask)


@declared(sources_group, "sources set", changes=True)
def sources_set(
    name: options.ConfiguredArgument,
    assignments: options.Assignments,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.changes import set_source

    return set_source(config, name, assignments, mask=mask)


@declared(sources_group, "sources remove", changes=True)
def sources_remove(
    name: options.ConfiguredArgument, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.changes import take_source_out

    return take_source_out(config, name, mask=mask)


@declared(accounts_group, "accounts list")
def accounts_list(
    filter_text: options.FilterOption = "",
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.accounts import list_accounts

    return list_accounts(config, filter_text, as_json=json, mask=mask)


@declared(accounts_group, "accounts import", changes=True)
def accounts_import(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help=help_of("login_file"))],
    keep: options.KeepOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=help_of("yes"))] = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.imports import import_files

    can_ask = sys.stdin.isatty() and sys.stderr.isatty()
    return import_files(config, files, keep, asks=not yes, can_ask=can_ask, mask=mask)


@declared(accounts_group, "accounts remove", changes=True)
def accounts_remove(account: AccountArgument, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.accounts import remove_account

    return remove_account(config, account, mask=mask)


@declared(accounts_group, "accounts resolve", changes=True)
def accounts_resolve(
    account: AccountArgument,
    keep: Annotated[Path, option("keep_file", "--keep", metavar="FILE")],
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.accounts import resolve_account

    return resolve_account(config, account, keep, mask=mask)


@declared(data_group, "data export")
def data_export(
    filter_text: options.FilterOption = "",
    since: Annotated[str | None, option("since_ever", "--since", metavar="WHEN")] = None,
    file: options.OutputOption = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.data import export_data

    return export_data(config, filter_text, since, file, mask=mask)


@declared(data_group, "data import", changes=True)
def data_import(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help=help_of("past_file"))],
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.data import import_data

    return import_data(config, file, mask=mask)


@declared(config_group, "config show")
def config_show(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.settings import show_config

    return show_config(config, as_json=json, mask=mask)


@declared(config_group, "config set", changes=True)
def config_set(
    assignments: options.Assignments, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.changes import set_settings

    return set_settings(config, assignments, mask=mask)


@declared(config_group, "config edit", changes=True)
def config_edit(mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.editor import edit_config

    return edit_config(config, mask=mask)


@declared(config_group, "config path")
def config_path(mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.settings import print_path

    return print_path(config, mask=mask)


@declared(config_group, "config init", changes=True)
def config_init(mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.settings import init_file

    return init_file(config, mask=mask)


@declared(config_group, "config check")
def config_check(mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.settings import check

    return check(config, mask=mask)


@declared(app, "doctor", "set_up")
def doctor(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.doctor import run_doctor

    return run_doctor(config, as_json=json, mask=mask)
