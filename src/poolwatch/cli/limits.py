"""The commands about limits, and who is told of them; what they do is imported when they run."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import typer

from poolwatch.cli import options
from poolwatch.cli.declaring import app, declared, group_of
from poolwatch.cli.options import ConfigOption, JsonOption, MaskOption, flag, option
from poolwatch.words.command_help import help_of

#: How often a budget begins anew, as it is typed: the words of `domain/budgets`, which parsing a line does
#: not load.
BudgetPeriods: TypeAlias = Literal["daily", "weekly", "monthly", "never"]


@declared(app, "check", "limits")
def check(
    budget: Annotated[
        str | None, option("check_budget", "--budget", metavar="NAME", autocompletion=options.budgets)
    ] = None,
    account: Annotated[
        str | None, option("check_account", "--account", metavar="ACCOUNT", autocompletion=options.accounts)
    ] = None,
    filter_text: Annotated[
        str | None, option("check_filter", "--filter", metavar="FILTER", autocompletion=options.accounts)
    ] = None,
    limit: Annotated[str | None, option("check_limit", "--limit", metavar="AMOUNT")] = None,
    period: Annotated[BudgetPeriods | None, option("check_period", "--period")] = None,
    strict: Annotated[bool, flag("strict")] = False,
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.check import CheckWish, print_check

    wish = CheckWish(budget, account, filter_text, limit, period, strict=strict, as_json=json)
    return print_check(config, wish, mask=mask)


@declared(app, "run", "limits", takes_a_program=True)
def run(
    command: Annotated[
        list[str] | None, typer.Argument(metavar="-- CMD...", help=help_of("run_command"))
    ] = None,
    account: Annotated[
        str | None, option("run_account", "--account", metavar="ACCOUNT", autocompletion=options.accounts)
    ] = None,
    next_account: Annotated[bool, option("run_next", "--next")] = False,
    budget: Annotated[
        str | None, option("run_budget", "--budget", metavar="NAME", autocompletion=options.budgets)
    ] = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.run import RunWish, run_program

    return run_program(config, RunWish(account, next_account, budget), command or [], mask=mask)


budgets_group = group_of("budgets", "limits")
alerts_group = group_of("alerts", "limits")
channels_group = group_of("channels", "limits")


@declared(budgets_group, "budgets list")
def budgets_list(
    filter_text: options.BudgetFilterOption = "",
    no_scan: Annotated[bool, flag("no-scan")] = False,
    json: JsonOption = False,
    mask: MaskOption = False,
    ascii_only: options.AsciiOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.budgets import list_budgets

    return list_budgets(
        config, filter_text, scans=not no_scan, as_json=json, mask=mask, ascii_only=ascii_only
    )


@declared(budgets_group, "budgets add", changes=True)
def budgets_add(
    name: Annotated[str, typer.Argument(metavar="NAME", help=help_of("budget_name"))],
    assignments: Annotated[
        list[str] | None, typer.Argument(metavar="[KEY=VALUE...]", help=help_of("budget_keys"))
    ] = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.budgets import add_budget

    return add_budget(config, name, assignments or (), mask=mask)


@declared(budgets_group, "budgets set", changes=True)
def budgets_set(
    name: options.BudgetArgument,
    assignments: Annotated[list[str], typer.Argument(metavar="KEY=VALUE...", help=help_of("budget_keys"))],
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.budgets import set_budget

    return set_budget(config, name, assignments, mask=mask)


@declared(budgets_group, "budgets remove", changes=True)
def budgets_remove(
    name: options.BudgetArgument, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.budgets import remove_budget

    return remove_budget(config, name, mask=mask)


@declared(alerts_group, "alerts list")
def alerts_list(
    filter_text: options.AlertFilterOption = "",
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.alerts import list_alerts

    return list_alerts(config, filter_text, as_json=json, mask=mask)


@declared(alerts_group, "alerts silence", changes=True)
def alerts_silence(
    rule: options.RuleArgument,
    length: Annotated[str | None, option("silence_for", "--for", metavar="TIME")] = None,
    reason: Annotated[str, option("silence_reason", "--reason", metavar="TEXT")] = "",
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.alerts import silence_rule

    return silence_rule(config, rule, length, reason, mask=mask)


@declared(alerts_group, "alerts unsilence", changes=True)
def alerts_unsilence(
    rule: options.RuleArgument, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.alerts import unsilence_rule

    return unsilence_rule(config, rule, mask=mask)


@declared(alerts_group, "alerts resend", changes=True)
def alerts_resend(
    notice: Annotated[str, typer.Argument(metavar="ID", help=help_of("notice_id"))],
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.alerts import resend_notice

    return resend_notice(config, notice, mask=mask)


@declared(channels_group, "channels list")
def channels_list(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.channels import list_channels

    return list_channels(config, as_json=json, mask=mask)


@declared(channels_group, "channels add", changes=True)
def channels_add(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help=help_of("channel_kind"), autocompletion=options.channel_kinds),
    ],
    program: Annotated[
        list[str] | None, typer.Argument(metavar="[-- PROGRAM...]", help=help_of("channel_program"))
    ] = None,
    name: Annotated[str | None, option("channel_name", "--name", metavar="NAME")] = None,
    url: Annotated[str | None, option("hook_url", "--url", metavar="URL")] = None,
    secret_file: Annotated[str | None, option("hook_secret_file", "--secret-file", metavar="FILE")] = None,
    secret_env: Annotated[str | None, option("hook_secret_env", "--secret-env", metavar="NAME")] = None,
    private: Annotated[bool, flag("private", "hook_private")] = False,
    host: Annotated[str | None, option("mail_host", "--host", metavar="HOST")] = None,
    port: Annotated[int | None, option("mail_port", "--port", metavar="P")] = None,
    security: Annotated[str | None, option("mail_security", "--security", metavar="WAY")] = None,
    user: Annotated[str | None, option("mail_user", "--user", metavar="USER")] = None,
    password_file: Annotated[str | None, option("mail_password", "--password-file", metavar="FILE")] = None,
    sender: Annotated[str | None, option("mail_from", "--from", metavar="ADDRESS")] = None,
    to: Annotated[list[str] | None, option("mail_to", "--to", metavar="ADDRESS")] = None,
    bell: Annotated[bool, flag("bell", "desktop_bell")] = False,
    url_file: Annotated[str | None, option("apprise_file", "--url-file", metavar="FILE")] = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.channels import ChannelRequest, add_channel

    keys = {
        "url": url,
        "secret_file": secret_file,
        "secret_env": secret_env,
        "private": private,
        "host": host,
        "port": port,
        "security": security,
        "user": user,
        "password_file": password_file,
        "from": sender,
        "to": tuple(to or ()),
        "bell": bell,
        "url_file": url_file,
    }
    return add_channel(config, ChannelRequest(kind, name, keys, tuple(program or ())), mask=mask)


@declared(channels_group, "channels test")
def channels_test(
    name: options.ChannelArgument, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.channels import send_test

    return send_test(config, name, mask=mask)


@declared(channels_group, "channels remove", changes=True)
def channels_remove(
    name: options.ChannelArgument, mask: MaskOption = False, config: ConfigOption = None
) -> int:
    from poolwatch.cli.channels import remove_channel

    return remove_channel(config, name, mask=mask)
