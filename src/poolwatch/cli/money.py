"""The commands about money; what they do is imported when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from poolwatch.cli.declaring import declared, group_of
from poolwatch.cli.options import ConfigOption, JsonOption, MaskOption, option
from poolwatch.words.command_help import help_of

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
