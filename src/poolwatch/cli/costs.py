"""The commands about prices; what they do is imported when they run."""

from __future__ import annotations

from typing import Annotated

import typer

from poolwatch.cli import options
from poolwatch.cli.declaring import declared, group_of
from poolwatch.cli.options import ConfigOption, JsonOption, MaskOption, flag, option
from poolwatch.words.command_help import help_of

rates_group = group_of("rates", "look")


@declared(rates_group, "rates list")
def rates_list(
    every: Annotated[bool, flag("all", "all_rates")] = False,
    json: JsonOption = False,
    csv: options.CsvOption = False,
    file: options.OutputOption = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.past import Form
    from poolwatch.cli.rates import list_rates

    return list_rates(config, Form(as_json=json, as_csv=csv, path=file, mask=mask), every=every)


@declared(rates_group, "rates why")
def rates_why(
    model: Annotated[
        str, typer.Argument(metavar="MODEL", help=help_of("model"), autocompletion=options.models)
    ],
    day: Annotated[str | None, typer.Argument(metavar="[DATE]", help=help_of("rate_day"))] = None,
    json: JsonOption = False,
    csv: options.CsvOption = False,
    file: options.OutputOption = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.past import Form
    from poolwatch.cli.rates import say_why

    return say_why(config, model, day, Form(as_json=json, as_csv=csv, path=file, mask=mask))


@declared(rates_group, "rates compare")
def rates_compare(
    count: Annotated[str | None, option("input_tokens", "--input", metavar="N")] = None,
    cached: Annotated[str | None, option("cached_tokens", "--cached", metavar="N")] = None,
    output: Annotated[str | None, option("output_tokens", "--output", metavar="N")] = None,
    models: Annotated[
        list[str] | None, option("compared", "--model", metavar="MODEL", autocompletion=options.models)
    ] = None,
    fast: Annotated[bool, flag("fast")] = False,
    long: Annotated[bool, flag("long")] = False,
    day: Annotated[str | None, option("rate_day", "--day", metavar="DATE")] = None,
    json: JsonOption = False,
    csv: options.CsvOption = False,
    # --output are tokens here
    file: Annotated[str | None, option("output", "-o", metavar="FILE")] = None,
    mask: MaskOption = False,
    config: ConfigOption = None,
) -> int:
    from poolwatch.cli.past import Form
    from poolwatch.cli.rates import compare_models, tokens_of

    form = Form(as_json=json, as_csv=csv, path=file, mask=mask)
    tokens = tokens_of(count, cached, output)
    return compare_models(config, tokens, tuple(models or ()), day, form, fast=fast, long=long)
