"""The configuration file that `config init` writes."""

from __future__ import annotations

from typing import Final

_TEXT: Final = """\
# poolwatch settings. Every value here is the default; remove the # before a line to change it.
# Stronger than this file: POOLWATCH_POLL__INTERVAL_SECONDS and its like, then command line options.
# `poolwatch config show` tells where each value comes from, `poolwatch config check` what is wrong.

# pool_name = "work"
# credits_per_usd = 25               # 0 hides dollars; unset: what all pools agree on, else 25
# read_only = false                  # true: look only, renew no login

[poll]
# interval_seconds = 300             # per account, at least 30
# concurrency = 8                    # requests at once, 1 to 64
# timeout_seconds = 15               # for one whole request, 1 to 120
# stale_after_seconds = 900          # unset: three intervals, at least 900

[thresholds]
# amber_percent = 60
# red_percent = 90

[refresh]
# background = false                 # renew poolwatch's own logins before they expire
# delegate_to_codex = true           # ask the installed codex to renew its own expired login on r

[ui]
# theme = "poolwatch-dark"          # -light, -contrast, -ansi
# view = "auto"                      # auto, table, cards, hive
# sort = "need"                      # need, name, weekly, 5h, credits, reset, age
# mask = false                       # hide e-mail addresses
# glyphs = "auto"                    # auto, unicode, ascii
# mouse = false
# title = true                       # counts in the terminal's title
# used = "used"                      # used, left

[keys]
# refresh = "r,f5"

# Where accounts come from. With no source at all, the Codex home of this user is shown.
#
# [[sources]]
# kind = "codex-home"                # folders of the Codex CLI; path takes globs
# path = "~/homes/*"                 # unset: $CODEX_HOME, else ~/.codex
#
# [[sources]]
# kind = "auth-files"                # auth.json, CLIProxyAPI and codex-auth files
# path = "~/pool"
# custody = "other"                  # "poolwatch" only if no other program renews these logins
#
# [[sources]]
# kind = "codex-proxy"               # likewise codex-lb, cli-proxy-api
# url = "http://127.0.0.1:8080"      # https, or http to this machine
# insecure = false                   # true: the key may go over plain http to another machine
# api_key_file = "~/.config/poolwatch/codex-proxy.key"   # or api_key_env; a secret never stands here

# Names and groups for accounts, by e-mail, id prefix or a glob on the label.
#
# [[accounts]]
# match = "carol@example.com"
# label = "carol"
# group = "team-east"
"""


def render_default() -> str:
    """A commented file that loads to the defaults."""
    return _TEXT
