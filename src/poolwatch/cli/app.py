"""Every command's name, arguments and options; what they do is imported when they run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import typer

from poolwatch import __version__
from poolwatch.bootstrap.console import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_OK,
    EXIT_USAGE,
    complain,
    say,
    warn,
)
from poolwatch.cli import options
from poolwatch.cli.group import Group
from poolwatch.cli.options import (
    AccountArgument,
    AsciiOption,
    ConfigOption,
    JsonOption,
    MaskOption,
    flag,
    option,
)
from poolwatch.words.command_help import examples_of, help_of
from poolwatch.words.commands import said

_Function = TypeVar("_Function", bound=Callable[..., int])
_USUAL: dict[str, Any] = {"cls": Group, "rich_markup_mode": None}

app = typer.Typer(
    name="poolwatch",
    help=help_of("poolwatch"),
    epilog=f"{examples_of('poolwatch')}\n\n{help_of('exit_codes')}",
    no_args_is_help=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    **_USUAL,
)


def _group(name: str, heading: str) -> typer.Typer:
    """Commands below one name; alone it is short for the first of them."""
    group = typer.Typer(help=help_of(name), epilog=examples_of(name), **_USUAL)
    app.add_typer(group, name=name, rich_help_panel=help_of(heading))
    return group


def _command(group: typer.Typer, name: str, heading: str = "") -> Callable[[_Function], _Function]:
    return group.command(
        name.rpartition(" ")[2],
        help=help_of(name),
        epilog=examples_of(name),
        rich_help_panel=help_of(heading) if heading else None,
    )


def run(arguments: Sequence[str]) -> int:
    """Parse and run; what is wrong with the command line is shown, any other error is the caller's."""
    from typer.main import get_command

    command = get_command(app)

    def work() -> object:
        return command.main(args=list(arguments), prog_name="poolwatch", standalone_mode=False)

    try:
        code = options.answer(work) if options.is_asked() else work()
    except typer.Exit as ended:
        return ended.exit_code
    except typer.Abort:
        return EXIT_INTERRUPTED
    except OSError as error:
        if "--install-completion" not in arguments or error.filename is None:
            raise
        complain(said("not_installed", path=error.filename, reason=error.strerror))
        return EXIT_FAILED
    except Exception as error:
        told = getattr(error, "format_message", None)
        if not callable(told):
            raise
        context = getattr(error, "ctx", None)
        if context is not None:
            # what was typed stands in the message alone
            warn(*context.get_usage().split("\n"), said("see_help", command=context.command_path), "")
        warn(said("usage_error", message=told()))
        return EXIT_USAGE
    return code if isinstance(code, int) else EXIT_OK


def _version(context: typer.Context, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        say(f"poolwatch {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    config: ConfigOption = None,
    view: options.ViewOption = None,
    sort: options.SortOption = None,
    theme: options.ThemeOption = None,
    mask: MaskOption = False,
    ascii_only: AsciiOption = False,
    mouse: options.MouseOption = False,
    read_only: options.ReadOnlyOption = False,
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help=help_of("version"))
    ] = False,
) -> int:
    """Open the app, unless a command is given."""
    if context.invoked_subcommand is not None:
        return EXIT_OK
    from poolwatch.bootstrap.demo import run_demo
    from poolwatch.bootstrap.screen import run_app
    from poolwatch.bootstrap.surroundings import Options

    return run_app(run_demo, Options(config, _looks(context)))


def _looks(context: typer.Context) -> dict[str, str]:
    """The options of the app, by the keys of their settings."""
    given = context.params
    chosen = {f"ui.{name}": given[name] for name in ("view", "sort", "theme") if given[name] is not None}
    switches = {"ui.mask": "mask", "ui.mouse": "mouse", "read_only": "read_only"}
    chosen |= {key: "true" for key, name in switches.items() if given[name]}
    return chosen | ({"ui.glyphs": "ascii"} if given["ascii_only"] else {})


@_command(app, "demo", "look")
def demo(
    context: typer.Context,
    accounts: Annotated[int, option("demo_accounts", min=1, max=10000, metavar="N")] = 12,
    seed: Annotated[int, option("seed", metavar="S")] = 7,
    speed: Annotated[float, option("speed", min=0.01, max=100_000, metavar="X")] = 1.0,
    serve: Annotated[bool, flag("serve")] = False,
    port: Annotated[int, option("port", min=0, max=65535, metavar="P")] = 0,
    home: Annotated[Path | None, option("home", metavar="DIR")] = None,
    view: options.ViewOption = None,
    sort: options.SortOption = None,
    theme: options.ThemeOption = None,
    mask: MaskOption = False,
    ascii_only: AsciiOption = False,
    mouse: options.MouseOption = False,
    read_only: options.ReadOnlyOption = False,
) -> int:
    from poolwatch.bootstrap.demo import DemoOptions, run_demo, serve_demo

    wanted = DemoOptions(accounts, seed, speed, _looks(context))
    return serve_demo(wanted, port, home) if serve else run_demo(wanted)


@_command(app, "status", "look")
def status(
    filter_text: options.FilterArgument = "",
    json: JsonOption = False,
    line: Annotated[bool, flag("line")] = False,
    tmux: Annotated[bool, flag("tmux")] = False,
    max_age: Annotated[float | None, option("max_age", "--max-age", min=0, metavar="SECONDS")] = None,
    mask: MaskOption = False,
    ascii_only: AsciiOption = False,
    config: ConfigOption = None,
) -> int:
    if line:
        if filter_text or json or max_age is not None:
            # a script that asks for both would otherwise take the one for the other
            complain(said("line_alone"))
            return EXIT_USAGE
        from poolwatch.cli.status_line import print_line

        return print_line(config, mask=mask, tmux=tmux)
    if tmux:
        complain(said("tmux_alone"))
        return EXIT_USAGE
    from poolwatch.cli.status import print_status

    return print_status(config, filter_text, max_age, as_json=json, mask=mask, ascii_only=ascii_only)


@_command(app, "next", "look")
def next_account(
    count: Annotated[int, option("next_count", "--count", min=1, max=10000, metavar="N")] = 1,
    excluded: Annotated[
        list[str] | None,
        option("next_not", "--not", metavar="ACCOUNT", autocompletion=options.accounts),
    ] = None,
    json: JsonOption = False,
    home: Annotated[bool, flag("home", "codex_home")] = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    if json and home:
        complain(said("json_or_home"))
        return EXIT_USAGE
    from poolwatch.cli.status import NextWish, print_next

    wish = NextWish(count, tuple(excluded or ()), as_json=json, home_only=home)
    return print_next(config, wish, mask=mask)


@_command(app, "history", "look")
def history(
    account: options.SomeAccountArgument = "",
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    metric: Annotated[Literal["used", "credits", "spend"] | None, option("metric")] = None,
    window: Annotated[str, option("window", metavar="W")] = "",
    by: Annotated[Literal["hour", "day"] | None, option("by")] = None,
    json: JsonOption = False,
    csv: options.CsvOption = False,
    file: options.OutputOption = None,
    mask: MaskOption = False,
    ascii_only: AsciiOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.past import Form, TimeSpan, Wish, print_history

    wish = Wish(account, metric or "", window, by or "change")
    form = Form(as_json=json, as_csv=csv, path=file, mask=mask, ascii_only=ascii_only)
    return print_history(config, wish, TimeSpan(since, until), form)


@_command(app, "events", "look")
def events(
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    json: JsonOption = False,
    csv: options.CsvOption = False,
    file: options.OutputOption = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.past import Form, TimeSpan, print_events

    form = Form(as_json=json, as_csv=csv, path=file, mask=mask)
    return print_events(config, TimeSpan(since, until), form)


@_command(app, "daemon", "act")
def daemon(
    print_unit: Annotated[bool, flag("print-unit")] = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli import daemon as command

    if print_unit:
        return command.print_unit(config, mask=mask)
    return command.run_daemon(config, mask=mask)


@_command(app, "refresh", "act")
def refresh(
    accounts: options.AccountArguments = None,
    everyone: Annotated[bool, flag("all")] = False,
    force: Annotated[bool, flag("force")] = False,
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.refresh import run_refresh

    return run_refresh(config, accounts or [], everyone=everyone, force=force, as_json=json, mask=mask)


sources_group = _group("sources", "set_up")
accounts_group = _group("accounts", "set_up")
data_group = _group("data", "set_up")
config_group = _group("config", "set_up")


@_command(sources_group, "sources list")
def sources_list(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.sources import list_sources

    return list_sources(config, as_json=json, mask=mask)


@_command(sources_group, "sources add")
def sources_add(
    kind: options.KindArgument,
    place: Annotated[str, typer.Argument(metavar="URL|PATH", help=help_of("place"))],
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
    request = SourceRequest(kind, place, name, custody, *secrets, insecure=insecure)
    return add_source(config, request, mask=mask)


@_command(sources_group, "sources test")
def sources_test(name: options.SourceArgument, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.sources import try_source

    return try_source(config, name, mask=mask)


@_command(sources_group, "sources set")
def sources_set(
    name: options.ConfiguredArgument,
    assignments: options.Assignments,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.changes import set_source

    return set_source(config, name, assignments, mask=mask)


@_command(sources_group, "sources remove")
def sources_remove(
    name: options.ConfiguredArgument, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.changes import take_source_out

    return take_source_out(config, name, mask=mask)


@_command(accounts_group, "accounts list")
def accounts_list(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.accounts import list_accounts

    return list_accounts(config, as_json=json, mask=mask)


@_command(accounts_group, "accounts import")
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


@_command(accounts_group, "accounts remove")
def accounts_remove(account: AccountArgument, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.accounts import remove_account

    return remove_account(config, account, mask=mask)


@_command(accounts_group, "accounts resolve")
def accounts_resolve(
    account: AccountArgument,
    keep: Annotated[Path, option("keep_file", "--keep", metavar="FILE")],
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.accounts import resolve_account

    return resolve_account(config, account, keep, mask=mask)


@_command(data_group, "data export")
def data_export(
    since: Annotated[str | None, option("since_ever", "--since", metavar="WHEN")] = None,
    file: options.OutputOption = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.data import export_data

    return export_data(config, since, file, mask=mask)


@_command(data_group, "data import")
def data_import(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help=help_of("past_file"))],
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.data import import_data

    return import_data(config, file, mask=mask)


@_command(config_group, "config show")
def config_show(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.settings import show_config

    return show_config(config, as_json=json, mask=mask)


@_command(config_group, "config set")
def config_set(
    assignments: options.Assignments, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.changes import set_settings

    return set_settings(config, assignments, mask=mask)


@_command(config_group, "config edit")
def config_edit(mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.editor import edit_config

    return edit_config(config, mask=mask)


@_command(config_group, "config path")
def config_path(mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.settings import print_path

    return print_path(config, mask=mask)


@_command(config_group, "config init")
def config_init(mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.settings import init_file

    return init_file(config, mask=mask)


@_command(config_group, "config check")
def config_check(mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.settings import check

    return check(config, mask=mask)


@_command(app, "doctor", "set_up")
def doctor(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.doctor import run_doctor

    return run_doctor(config, as_json=json, mask=mask)
