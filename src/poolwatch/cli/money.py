"""The commands that spend what cannot be had back: banked resets and top-ups."""

from __future__ import annotations

from typing import Annotated

import typer

from poolwatch.cli import options
from poolwatch.cli.declaring import declared, group_of
from poolwatch.cli.options import ConfigOption, JsonOption, MaskOption, flag, option
from poolwatch.words.command_help import help_of

resets_group = group_of("resets", "money")


@declared(resets_group, "resets list")
def resets_list(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.resets import list_resets

    return list_resets(config, as_json=json, mask=mask)


@declared(resets_group, "resets use", changes=True)
def resets_use(
    account: options.AccountArgument,
    reset: Annotated[str | None, option("reset_id", "--reset", metavar="ID")] = None,
    dry_run: Annotated[bool, flag("dry-run", "reset_dry_run")] = False,
    yes: Annotated[bool, flag("yes", "reset_yes")] = False,
    even: Annotated[bool, flag("even-if-not-exhausted")] = False,
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.resets import UseRequest, use_reset

    request = UseRequest(account, reset, dry_run, yes, even)
    return use_reset(config, request, as_json=json, mask=mask)


@declared(resets_group, "resets ask", changes=True)
def resets_ask(
    request: Annotated[str, typer.Argument(metavar="ID", help=help_of("reset_request"))],
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.resets import ask_again

    return ask_again(config, request, as_json=json, mask=mask)


@declared(resets_group, "resets settle", changes=True)
def resets_settle(
    request: Annotated[str, typer.Argument(metavar="ID", help=help_of("reset_request"))],
    how: Annotated[str, typer.Argument(metavar="used|not-used", help=help_of("reset_settled"))],
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.resets import settle_use

    return settle_use(config, request, how, as_json=json, mask=mask)


topups_group = group_of("topups", "money")


@declared(topups_group, "topups list")
def topups_list(json: JsonOption = False, mask: MaskOption = False, config: ConfigOption = None) -> int:
    from poolwatch.cli.topups import list_topups

    return list_topups(config, as_json=json, mask=mask)


@declared(topups_group, "topups buy", changes=True)
def topups_buy(
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", help=help_of("topup_amount"))],
    name: Annotated[str | None, option("topup_name", "--name", metavar="NAME")] = None,
    target: Annotated[str | None, option("topup_target", "--target", metavar="T")] = None,
    confirm: Annotated[str | None, option("topup_confirm", "--confirm", metavar="AMOUNT")] = None,
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.topups import TopUpWish, buy

    return buy(config, TopUpWish(amount, name, target, confirm), as_json=json, mask=mask)


@declared(topups_group, "topups ask", changes=True)
def topups_ask(
    purchase: Annotated[str, typer.Argument(metavar="ID", help=help_of("topup_id"))],
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.topups import ask

    return ask(config, purchase, as_json=json, mask=mask)


@declared(topups_group, "topups settle", changes=True)
def topups_settle(
    purchase: Annotated[str, typer.Argument(metavar="ID", help=help_of("topup_id"))],
    word: Annotated[str, typer.Argument(metavar="charged|not-charged", help=help_of("topup_settled"))],
    json: JsonOption = False,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.topups import settle

    return settle(config, purchase, word, as_json=json, mask=mask)
