"""Every command's name, options and help; what they do is imported when they run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from poolwatch import __version__
from poolwatch.cli import completion
from poolwatch.cli.exits import EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say, warn
from poolwatch.cli.options import (
    AccountArgument,
    AccountArguments,
    AsciiOption,
    ConfigOption,
    CustodyOption,
    FilterArgument,
    ForceOption,
    JsonOption,
    KeepOption,
    KindArgument,
    MaskOption,
    PasswordEnvOption,
    PasswordFileOption,
    PlaceArgument,
    SortOption,
    SourceArgument,
    ThemeOption,
    ViewOption,
)

app = typer.Typer(
    name="poolwatch",
    help="Watch a pool of Codex/ChatGPT accounts: who needs you, what is left, which account next.",
    epilog="Exit codes: 0 fine, with dead and stale accounts too; 1 nothing that was asked could be read, a"
    " step of a named account failed, a line of an import was refused, or doctor found an error; 2 usage;"
    " 3 configuration, or nothing to monitor; 4 cannot tell; 128+n ended by signal n.",
    no_args_is_help=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
sources_app = typer.Typer(help="What is monitored and from where.", rich_markup_mode=None)
accounts_app = typer.Typer(help="Identity, custody and holders of each login.", rich_markup_mode=None)
config_app = typer.Typer(help="Settings, with the origin of each value.", rich_markup_mode=None)
app.add_typer(sources_app, name="sources")
app.add_typer(accounts_app, name="accounts")
app.add_typer(config_app, name="config")

_root_config: Path | None = None
_root_looks: dict[str, str] = {}
_group_mask = False


def run(arguments: Sequence[str]) -> int:
    """Parse and run; what is wrong with the command line is shown, any other error is the caller's."""
    from typer.main import get_command

    command = get_command(app)

    def work() -> object:
        return command.main(args=list(arguments), prog_name="poolwatch", standalone_mode=False)

    try:
        code = completion.answer(work) if completion.is_asked() else work()
    except typer.Exit as ended:
        return ended.exit_code
    except typer.Abort:
        return 130
    except OSError as error:
        if "--install-completion" not in arguments or error.filename is None:
            raise
        complain(f"completion was not installed: {error.filename}: {error.strerror}")
        return EXIT_FAILED
    except Exception as error:
        told = getattr(error, "format_message", None)
        if not callable(told):
            raise
        context = getattr(error, "ctx", None)
        if context is not None:
            # what was typed stands in the message alone
            warn(*context.get_usage().split("\n"), f"Try '{context.command_path} --help' for help.", "")
        warn(f"Error: {told()}")
        return EXIT_USAGE
    return code if isinstance(code, int) else EXIT_OK


def _config(given: Path | None) -> Path | None:
    return given if given is not None else _root_config


def _version(context: typer.Context, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        say(f"poolwatch {__version__}")
        raise typer.Exit


def _end(code: int) -> None:
    raise typer.Exit(code)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    config: ConfigOption = None,
    view: ViewOption = None,
    sort: SortOption = None,
    theme: ThemeOption = None,
    mask: MaskOption = False,
    ascii_only: AsciiOption = False,
    mouse: Annotated[bool, typer.Option("--mouse", help="Let the mouse select and scroll.")] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Watch only: no refresh, no token is spent.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", "-V", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Open the app, unless a command is given."""
    global _root_config, _root_looks  # noqa: PLW0603 - the parser has no other way to pass root options on
    _root_config = config
    chosen = {"ui.view": view, "ui.sort": sort, "ui.theme": theme}
    overrides = {key: value for key, value in chosen.items() if value is not None}
    switches = {"ui.mask": mask, "ui.mouse": mouse, "read_only": read_only}
    overrides.update({key: "true" for key, on in switches.items() if on})
    if ascii_only:
        overrides["ui.glyphs"] = "ascii"
    _root_looks = overrides
    command = context.invoked_subcommand
    if command is not None:
        if overrides and command != "demo":
            # dropped in silence, --mask before `status` would print what it was to hide
            complain(f"options of the app stand before no command but demo; see: poolwatch {command} --help")
            raise typer.Exit(EXIT_USAGE)
        return
    from poolwatch.bootstrap.demo import run_demo
    from poolwatch.bootstrap.screen import run_app
    from poolwatch.bootstrap.surroundings import Options

    _end(run_app(run_demo, Options(config, overrides)))


@app.command()
def demo(
    accounts: Annotated[int, typer.Option(min=1, max=10000, help="How many simulated accounts.")] = 12,
    seed: Annotated[int, typer.Option(help="Another pool for another number.")] = 7,
    speed: Annotated[
        float, typer.Option(min=0.01, max=100_000, help="Multiplies consumption and shortens resets.")
    ] = 20.0,
    serve: Annotated[
        bool, typer.Option("--serve", help="Only the upstream: print where it is, then serve.")
    ] = False,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="With --serve: the port (0: any free one).")
    ] = 0,
    home: Annotated[Path | None, typer.Option(help="With --serve: where its files are written.")] = None,
) -> None:
    """Open the app on a simulated pool; nothing leaves this machine. --theme and the like stand before it."""
    from poolwatch.bootstrap.demo import DemoOptions, run_demo, serve_demo

    options = DemoOptions(accounts, seed, speed, _root_looks)
    _end(serve_demo(options, port, home) if serve else run_demo(options))


@app.command()
def status(
    filter_text: FilterArgument = "",
    json: JsonOption = False,
    line: Annotated[bool, typer.Option("--line", help="One short line from the store; never polls.")] = False,
    tmux: Annotated[
        bool, typer.Option("--tmux", help="With --line: # is doubled, so that tmux draws it as it is.")
    ] = False,
    max_age: Annotated[
        float | None,
        typer.Option(
            "--max-age",
            min=0,
            metavar="SECONDS",
            help="Poll readings older than this (0: all; unset: the poll interval).",
        ),
    ] = None,
    mask: MaskOption = False,
    ascii_only: AsciiOption = False,
    config: ConfigOption = None,
) -> None:
    """Print every account, polling those whose reading is old; on a terminal as the app's table."""
    if line:
        if filter_text or json or max_age is not None:
            # a script that asks for both would otherwise take the one for the other
            complain("status --line tells of the whole pool: but for --tmux, it goes with --mask alone")
            raise typer.Exit(EXIT_USAGE)
        from poolwatch.cli.line import line_of

        _end(line_of(_config(config), mask=mask, tmux=tmux))
    if tmux:
        complain("--tmux goes with status --line")
        raise typer.Exit(EXIT_USAGE)
    from poolwatch.cli.status import StatusWish, print_status

    _end(print_status(StatusWish(_config(config), filter_text, json, max_age, mask, ascii_only)))


@app.command("next")
def next_account(
    json: JsonOption = False,
    home: Annotated[bool, typer.Option("--home", help="Print its CODEX_HOME only.")] = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> None:
    """Say which account to use next, and why. Advice: poolwatch never switches a login."""
    if json and home:
        complain("next prints --json or --home, not both; the JSON names the home")
        raise typer.Exit(EXIT_USAGE)
    from poolwatch.cli.status import print_next

    _end(print_next(_config(config), as_json=json, home_only=home, mask=mask))


@app.command()
def refresh(
    accounts: AccountArguments = None,
    everyone: Annotated[bool, typer.Option("--all", help="Every account.")] = False,
    force: ForceOption = False,
    json: JsonOption = False,
    config: ConfigOption = None,
) -> None:
    """Run the refresh chain: token step, then usage step."""
    from poolwatch.cli.refresh import RefreshWish, run_refresh

    _end(run_refresh(RefreshWish(_config(config), tuple(accounts or ()), everyone, force, json)))


@app.command()
def doctor(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> None:
    """Say what is wrong, and the remedy."""
    from poolwatch.cli.doctor import run_doctor

    _end(run_doctor(_config(config), as_json=json, mask=mask))


def _mask(given: bool) -> bool:
    return given or _group_mask


def _group(command: typer.Typer, default: Callable[[Path | None, bool], int]) -> None:
    @command.callback(invoke_without_command=True)
    def _default(context: typer.Context, mask: MaskOption = False, config: ConfigOption = None) -> None:
        global _root_config, _group_mask
        _root_config, _group_mask = _config(config), mask
        if context.invoked_subcommand is None:
            _end(default(_root_config, mask))


def _list_sources(config: Path | None, mask: bool) -> int:
    from poolwatch.cli.sources import list_sources

    return list_sources(config, mask=mask)


def _list_accounts(config: Path | None, mask: bool) -> int:
    from poolwatch.cli.accounts import list_accounts

    return list_accounts(config, mask=mask)


def _show_config(config: Path | None, mask: bool) -> int:
    from poolwatch.cli.settings import show_config

    return show_config(config, mask=mask)


_group(sources_app, _list_sources)
_group(accounts_app, _list_accounts)
_group(config_app, _show_config)


@sources_app.command("list")
def sources_list(mask: MaskOption = False, config: ConfigOption = None) -> None:
    """What is monitored, and what else was found."""
    _end(_list_sources(_config(config), _mask(mask)))


@sources_app.command("add")
def sources_add(
    kind: KindArgument,
    place: PlaceArgument,
    name: Annotated[str | None, typer.Option(help="What the source is called.")] = None,
    custody: CustodyOption = None,
    api_key_file: Annotated[str | None, typer.Option(metavar="FILE", help="Pools: the key's file.")] = None,
    api_key_env: Annotated[str | None, typer.Option(metavar="NAME", help="Pools: or its variable.")] = None,
    password_file: PasswordFileOption = None,
    password_env: PasswordEnvOption = None,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Pools: the key may go over plain http to another machine.")
    ] = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> None:
    """Test a place, then write it into the configuration; comments there are kept."""
    from poolwatch.cli.sources import PoolSecrets, SourceWish, add_source

    secrets = PoolSecrets(api_key_file, api_key_env, password_file, password_env)
    _end(add_source(SourceWish(_config(config), kind, place, name, custody, secrets, insecure, _mask(mask))))


@sources_app.command("test")
def sources_test(name: SourceArgument, mask: MaskOption = False, config: ConfigOption = None) -> None:
    """Ask one source now and say what it answers."""
    from poolwatch.cli.sources import try_source

    _end(try_source(_config(config), name, mask=_mask(mask)))


@accounts_app.command("list")
def accounts_list(mask: MaskOption = False, config: ConfigOption = None) -> None:
    """Every account with its identity, custody and the files that hold it."""
    _end(_list_accounts(_config(config), _mask(mask)))


@accounts_app.command("import")
def accounts_import(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="auth.json, CLIProxyAPI, codex-auth, codex-proxy or sub2api."),
    ],
    keep: KeepOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; needed without a terminal.")] = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> None:
    """Take logins into poolwatch's own folder, where it may refresh them; FILE itself is only read."""
    from poolwatch.cli.imports import ImportWish, import_files

    can_ask = sys.stdin.isatty() and sys.stderr.isatty()
    wish = ImportWish(_config(config), tuple(files), keep, asks=not yes, can_ask=can_ask, mask=_mask(mask))
    _end(import_files(wish))


@accounts_app.command("remove")
def accounts_remove(
    account: AccountArgument,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> None:
    """Move an imported login out of poolwatch's own folder; a copy is kept."""
    from poolwatch.cli.holders import remove_account

    _end(remove_account(_config(config), account, mask=_mask(mask)))


@accounts_app.command("resolve")
def accounts_resolve(
    account: AccountArgument,
    keep: Annotated[Path, typer.Option(metavar="FILE", help="The file that stays in use.")],
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> None:
    """Where two files hold one login: say which stays in use; poolwatch's other one is set aside."""
    from poolwatch.cli.holders import resolve_account

    _end(resolve_account(_config(config), account, keep, mask=_mask(mask)))


@config_app.command("path")
def config_path(config: ConfigOption = None) -> None:
    """Print where the configuration file is, or would be."""
    from poolwatch.cli.settings import print_path

    _end(print_path(_config(config)))


@config_app.command("show")
def config_show(mask: MaskOption = False, config: ConfigOption = None) -> None:
    """Print every setting with its origin."""
    _end(_show_config(_config(config), _mask(mask)))


@config_app.command("init")
def config_init(config: ConfigOption = None) -> None:
    """Write a commented configuration file where there is none."""
    from poolwatch.cli.settings import init_file

    _end(init_file(_config(config)))


@config_app.command("check")
def config_check(mask: MaskOption = False, config: ConfigOption = None) -> None:
    """Say everything that is wrong with the configuration."""
    from poolwatch.cli.settings import check

    _end(check(_config(config), mask=_mask(mask)))
