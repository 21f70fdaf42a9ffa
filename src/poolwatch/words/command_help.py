"""What `--help` says of commands, arguments and options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import _, mark

TEXTS: Final[Mapping[str, str]] = {
    "poolwatch": mark(
        "Watch a pool of Codex/ChatGPT accounts: who needs you, what is left, which account next."
    ),
    "exit_codes": mark(
        "Exit codes: 0 fine, with dead and stale accounts too; 1 nothing that was asked could be read, a"
        " step of a named account failed, a line of an import was refused, or doctor found an error; 2 usage;"
        " 3 configuration, or nothing to monitor; 4 cannot tell; 128+n ended by signal n."
    ),
    # commands
    "demo": mark(
        "Open the app on a simulated pool; nothing leaves this machine. --theme and the like stand before it."
    ),
    "status": mark(
        "Print every account, polling those whose reading is old; on a terminal as the app's table."
    ),
    "next": mark("Say which account to use next, and why. Advice: poolwatch never switches a login."),
    "refresh": mark("Run the refresh chain: token step, then usage step."),
    "doctor": mark("Say what is wrong, and the remedy."),
    "sources": mark("What is monitored and from where."),
    "sources list": mark("What is monitored, and what else was found."),
    "sources add": mark("Test a place, then write it into the configuration; comments there are kept."),
    "sources test": mark("Ask one source now and say what it answers."),
    "accounts": mark("Identity, custody and holders of each login."),
    "accounts list": mark("Every account with its identity, custody and the files that hold it."),
    "accounts import": mark(
        "Take logins into poolwatch's own folder, where it may refresh them; FILE itself is only read."
    ),
    "accounts remove": mark("Move an imported login out of poolwatch's own folder; a copy is kept."),
    "accounts resolve": mark(
        "Where two files hold one login: say which stays in use; poolwatch's other one is set aside."
    ),
    "config": mark("Settings, with the origin of each value."),
    "config path": mark("Print where the configuration file is, or would be."),
    "config show": mark("Print every setting with its origin."),
    "config init": mark("Write a commented configuration file where there is none."),
    "config check": mark("Say everything that is wrong with the configuration."),
    # options and arguments of many
    "config_file": mark("The configuration file (else POOLWATCH_CONFIG, else the usual place)."),
    "json": mark("Print JSON on stdout."),
    "mask": mark("Hide e-mail addresses and paths."),
    "ascii": mark("Draw with ASCII characters only."),
    "account": mark("Id prefix, label or e-mail."),
    # of the app
    "view": mark("auto, table, cards or hive."),
    "sort": mark("need, name, weekly, 5h, credits, reset or age."),
    "theme": mark("A theme's name; t in the app shows them."),
    "mouse": mark("Let the mouse select and scroll."),
    "read_only": mark("Watch only: no refresh, no token is spent."),
    "version": mark("Print the version."),
    # of demo
    "demo_accounts": mark("How many simulated accounts."),
    "seed": mark("Another pool for another number."),
    "speed": mark("Multiplies consumption and shortens resets."),
    "serve": mark("Only the upstream: print where it is, then serve."),
    "port": mark("With --serve: the port (0: any free one)."),
    "home": mark("With --serve: where its files are written."),
    # of status and next
    "filter": mark("Only accounts that match."),
    "line": mark("One short line from the store; never polls."),
    "tmux": mark("With --line: # is doubled, so that tmux draws it as it is."),
    "max_age": mark("Poll readings older than this (0: all; unset: the poll interval)."),
    "codex_home": mark("Print its CODEX_HOME only."),
    # of refresh
    "all": mark("Every account."),
    "force": mark(
        "With --all: the token step everywhere. With ACCOUNT: have Codex renew its login although"
        " one is open on it; both renewing at once can end the login."
    ),
    # of sources add
    "kind": mark("codex-home, auth-files, codex-proxy, codex-lb or cli-proxy-api."),
    "place": mark("A folder, file or glob; of a pool its URL."),
    "name": mark("What the source is called."),
    "custody": mark("auth-files only: other, or poolwatch (may refresh them)."),
    "api_key_file": mark("Pools: the key's file."),
    "api_key_env": mark("Pools: or its variable."),
    "password_file": mark("Pools: the file of the dashboard's password."),
    "password_env": mark("Pools: the variable of the dashboard's password."),
    "insecure": mark("Pools: the key may go over plain http to another machine."),
    # of accounts import and resolve
    "login_file": mark("auth.json, CLIProxyAPI, codex-auth, codex-proxy or sub2api."),
    "keep": mark("imported: set FILE aside (renamed, never deleted); source: FILE stays in use."),
    "yes": mark("Ask nothing; needed without a terminal."),
    "keep_file": mark("The file that stays in use."),
}


def help_of(code: str) -> str:
    """One of the texts."""
    return _(TEXTS[code])
