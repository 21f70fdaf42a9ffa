"""Every command's name, arguments and options; what they do is imported when they run."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import typer

from poolwatch import __version__
from poolwatch.bootstrap.console import (
    EXIT_FAILED,
    EXIT_INTERRUPTED,
    EXIT_NOT_RUN,
    EXIT_OK,
    EXIT_USAGE,
    complain,
    say,
    warn,
)
from poolwatch.cli import costs, limits, money, options, set_up  # noqa: F401 - they declare commands
from poolwatch.cli.declaring import app, declared, group_of
from poolwatch.cli.group import Command
from poolwatch.cli.options import (
    AsciiOption,
    ConfigOption,
    JsonOption,
    MaskOption,
    flag,
    option,
)
from poolwatch.words.command_help import help_of
from poolwatch.words.commands import said

__all__ = ["app", "run"]


@cache
def parser() -> Command:
    """What parses and runs all commands; it is made once in a process."""
    from typer.main import get_command

    return get_command(app)


def run(arguments: Sequence[str]) -> int:
    """Parse and run; what is wrong with the command line is shown, any other error is the caller's."""

    def work() -> object:
        return parser().main(args=list(arguments), prog_name="poolwatch", standalone_mode=False)

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
        return EXIT_NOT_RUN if getattr(context, "info_name", None) == "run" else EXIT_USAGE
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


@declared(app, "demo", "look")
def demo(
    context: typer.Context,
    accounts: Annotated[int, option("demo_accounts", min=1, max=10000, metavar="N")] = 12,
    seed: Annotated[int, option("seed", metavar="S")] = 7,
    speed: Annotated[float, option("speed", min=0.01, max=100_000, metavar="X")] = 1.0,
    sessions: options.SizeOption = options.DEMO_SESSIONS,
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

    wanted = DemoOptions(accounts, seed, speed, sessions, _looks(context))
    return serve_demo(wanted, port, home) if serve else run_demo(wanted)


@declared(app, "status", "look")
def status(
    filters: options.FilterArgument = None,
    json: JsonOption = False,
    line: Annotated[bool, flag("line")] = False,
    tmux: Annotated[bool, flag("tmux")] = False,
    max_age: Annotated[float | None, option("max_age", "--max-age", min=0, metavar="SECONDS")] = None,
    mask: MaskOption = False,
    ascii_only: AsciiOption = False,
    config: ConfigOption = None,
) -> int:
    if len(filters or ()) > 1:
        from poolwatch.cli.command import complain_of_words  # few forget the quotes

        complain_of_words(filters or (), "status")
        return EXIT_USAGE
    filter_text = "".join(filters or ())
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


@declared(app, "next", "look")
def next_account(
    count: Annotated[int, option("next_count", "--count", min=1, max=10000, metavar="N")] = 1,
    excluded: Annotated[
        list[str] | None,
        option("next_not", "--not", metavar="ACCOUNT", autocompletion=options.accounts),
    ] = None,
    filter_text: options.FilterOption = "",
    json: JsonOption = False,
    home: Annotated[bool, flag("home", "codex_home")] = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    if json and home:
        complain(said("json_or_home"))
        return EXIT_USAGE
    from poolwatch.cli.status import NextWish, print_next

    wish = NextWish(count, tuple(excluded or ()), filter_text, as_json=json, home_only=home)
    return print_next(config, wish, mask=mask)


@declared(app, "history", "look")
def history(
    account: options.SomeAccountArgument = "",
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    metric: Annotated[Literal["used", "credits", "spend", "balance"] | None, option("metric")] = None,
    window: Annotated[str, option("window", metavar="W")] = "",
    by: Annotated[Literal["hour", "day"] | None, option("by")] = None,
    filter_text: options.FilterOption = "",
    json: JsonOption = False,
    csv: options.CsvOption = False,
    file: options.OutputOption = None,
    mask: MaskOption = False,
    ascii_only: AsciiOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.past import Form, TimeSpan, Wish, print_history

    if account and filter_text.strip():
        complain(said("account_or_filter"))
        return EXIT_USAGE
    wish = Wish(account, metric or "", window, by or "change", filter_text)
    form = Form(as_json=json, as_csv=csv, path=file, mask=mask, ascii_only=ascii_only)
    return print_history(config, wish, TimeSpan(since, until), form)


@declared(app, "events", "look")
def events(
    since: options.SinceOption = None,
    until: options.UntilOption = None,
    filter_text: options.EventFilterOption = "",
    json: JsonOption = False,
    csv: options.CsvOption = False,
    file: options.OutputOption = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.past import Form, TimeSpan, print_events

    form = Form(as_json=json, as_csv=csv, path=file, mask=mask)
    return print_events(config, filter_text, TimeSpan(since, until), form)


audit_group = group_of("audit", "look")


@declared(audit_group, "audit list")
def audit_list(
    since: Annotated[str | None, option("since_ever", "--since", metavar="WHEN")] = None,
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.audit import list_acts

    return list_acts(config, since, as_json=json, mask=mask)


@declared(audit_group, "audit verify")
def audit_verify(
    head: Annotated[str | None, option("audit_head", "--head", metavar="HASH")] = None,
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.audit import verify

    return verify(config, head, as_json=json, mask=mask)


@declared(app, "usage", "look")
def usage(
    since: Annotated[str | None, option("since_month", "--since", metavar="WHEN")] = None,
    until: options.UntilOption = None,
    by: Annotated[options.UseBy | None, option("use_by", metavar="GROUP")] = None,
    source: Annotated[
        Literal["files", "openai", "imported"], option("use_from", "--source", "--from")
    ] = "files",
    account: Annotated[
        str, option("use_account", "--account", metavar="ACCOUNT", autocompletion=options.accounts)
    ] = "",
    codex_home: Annotated[Path | None, option("use_home", "--codex-home", metavar="DIR")] = None,
    utc: Annotated[bool, flag("utc")] = False,
    no_scan: Annotated[bool, flag("no-scan")] = False,
    with_titles: Annotated[bool, flag("with-titles")] = False,
    limit: Annotated[int | None, option("limit", min=1, metavar="N")] = None,
    filter_text: options.UseFilterOption = "",
    json: JsonOption = False,
    csv: options.CsvOption = False,
    file: options.OutputOption = None,
    mask: MaskOption = False,
    ascii_only: AsciiOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.past import Form, TimeSpan
    from poolwatch.cli.usage import UsageAsked, print_usage
    from poolwatch.domain.tokens import GroupBy, Origin
    from poolwatch.words.workspace_usage import account_of_openai

    form = Form(as_json=json, as_csv=csv, path=file, mask=mask, ascii_only=ascii_only)
    span, scans = TimeSpan(since, until), not no_scan
    if source == "openai":
        from poolwatch.cli.workspace_usage import print_report, report_asked

        without = {
            "--until": until,
            "--codex-home": codex_home,
            "--with-titles": with_titles,
            "--limit": limit,
            "--filter": filter_text,
        }
        return print_report(config, report_asked(by, account, without, asks=scans), span, form)
    if account:
        complain(account_of_openai(account))
        return EXIT_USAGE
    group, origin = GroupBy(by or "model"), Origin(source)
    asked = UsageAsked(group, origin, codex_home, utc, scans, with_titles, limit, filter_text)
    return print_usage(config, asked, span, form)


@declared(app, "credits", "money")
def credits_left(
    max_age: Annotated[float | None, option("credits_age", "--max-age", min=0, metavar="SECONDS")] = None,
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.credits import print_credits

    return print_credits(config, max_age, as_json=json, mask=mask)


@declared(app, "daemon", "act")
def daemon(
    print_unit: Annotated[bool, flag("print-unit")] = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli import daemon as command

    if print_unit:
        return command.print_unit(config, mask=mask)
    return command.run_daemon(config, mask=mask)


@declared(app, "refresh", "act", changes=True)
def refresh(
    accounts: options.AccountArguments = None,
    everyone: Annotated[bool, flag("all")] = False,
    filter_text: options.FilterOption = "",
    force: Annotated[bool, flag("force")] = False,
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.refresh import Chosen, run_refresh

    chosen = Chosen(tuple(accounts or ()), everyone=everyone, filter_text=filter_text)
    return run_refresh(config, chosen, force=force, as_json=json, mask=mask)
