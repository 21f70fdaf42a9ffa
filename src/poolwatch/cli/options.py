"""The options and arguments of commands: those they share, that shells complete, that need many words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from poolwatch.cli import completion

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="The configuration file (else POOLWATCH_CONFIG, else the usual place).",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
MaskOption = Annotated[bool, typer.Option("--mask", help="Hide e-mail addresses and paths.")]
AsciiOption = Annotated[bool, typer.Option("--ascii", help="Draw with ASCII characters only.")]
AccountArgument = Annotated[
    str,
    typer.Argument(metavar="ACCOUNT", help="Id prefix, label or e-mail.", autocompletion=completion.accounts),
]

ViewOption = Annotated[
    str | None, typer.Option(help="auto, table, cards or hive.", autocompletion=completion.views)
]
SortOption = Annotated[
    str | None,
    typer.Option(help="need, name, weekly, 5h, credits, reset or age.", autocompletion=completion.sorts),
]
ThemeOption = Annotated[
    str | None,
    typer.Option(help="A theme's name; t in the app shows them.", autocompletion=completion.themes),
]
FilterArgument = Annotated[
    str,
    typer.Argument(metavar="[FILTER]", help="Only accounts that match.", autocompletion=completion.accounts),
]
AccountArguments = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="ACCOUNT...", help="Id prefix, label or e-mail.", autocompletion=completion.accounts
    ),
]
ForceOption = Annotated[
    bool,
    typer.Option(
        "--force",
        help="With --all: the token step everywhere. With ACCOUNT: have Codex renew its login although"
        " one is open on it; both renewing at once can end the login.",
    ),
]
KindArgument = Annotated[
    str,
    typer.Argument(
        metavar="KIND",
        help="codex-home, auth-files, codex-proxy, codex-lb or cli-proxy-api.",
        autocompletion=completion.kinds,
    ),
]
PlaceArgument = Annotated[
    str, typer.Argument(metavar="URL|PATH", help="A folder, file or glob; of a pool its URL.")
]
PasswordFileOption = Annotated[
    str | None, typer.Option(metavar="FILE", help="Pools: the file of the dashboard's password.")
]
PasswordEnvOption = Annotated[
    str | None, typer.Option(metavar="NAME", help="Pools: the variable of the dashboard's password.")
]
CustodyOption = Annotated[
    str | None,
    typer.Option(
        help="auth-files only: other, or poolwatch (may refresh them).",
        autocompletion=completion.custodies,
    ),
]
KeepOption = Annotated[
    str | None,
    typer.Option(
        help="imported: set FILE aside (renamed, never deleted); source: FILE stays in use.",
        autocompletion=completion.keepers,
    ),
]
SourceArgument = Annotated[str, typer.Argument(metavar="NAME", autocompletion=completion.sources)]
