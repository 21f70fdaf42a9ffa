"""The examples that `--help` has of commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from poolwatch.words.catalogue import _, mark

#: What a person may type, by the name of the command; after it, where it is not plain, what that does.
EXAMPLES: Final[Mapping[str, Sequence[tuple[str, str]]]] = {
    "poolwatch": (
        ("poolwatch", mark("your own accounts")),
        ("poolwatch demo", mark("a simulated pool")),
        ("poolwatch --view cards --theme light", ""),
        ("poolwatch status --mask", mark("options stand before or behind a command")),
    ),
    "demo": (
        ("poolwatch demo --accounts 1000", ""),
        ("poolwatch demo --speed 500 --theme contrast", mark("a day in three minutes")),
    ),
    "status": (
        ("poolwatch status", ""),
        ("poolwatch status 'plan:pro weekly>=80'", mark("only those")),
        ("poolwatch status --json --max-age 0", mark("all read now, for a script")),
        ("poolwatch status --line --tmux", mark("for status-right")),
    ),
    "next": (
        ("poolwatch next", ""),
        ("CODEX_HOME=$(poolwatch next --home) codex", mark("in a shell")),
        ("poolwatch next --count 3 --not carol", mark("three, and none of them carol")),
        ("poolwatch next --filter 'weekly<50'", mark("of those alone")),
    ),
    "history": (
        ("poolwatch history alice@example.com", mark("the last 7 days")),
        ("poolwatch history --since month --by day --csv", mark("every account")),
        ("poolwatch history --filter 'weekly>=80'", mark("of those alone")),
    ),
    "usage": (
        ("poolwatch usage", mark("this month by model")),
        ("poolwatch usage --by day --since 30d --json", ""),
        (
            "poolwatch usage --source openai --account alice",
            mark("as OpenAI counts"),
        ),
        ("poolwatch usage --by project --since month --csv -o usage.csv", ""),
        ("poolwatch usage --by day --filter 'tier:fast group:night'", ""),
    ),
    "events": (
        ("poolwatch events --since today", ""),
        ("poolwatch events --since 2026-11-01 --csv -o events.csv", ""),
        ("poolwatch events --filter 'group:night limits'", mark("of those accounts alone")),
    ),
    "audit": (
        ("poolwatch audit --since 7d", ""),
        ("poolwatch audit verify", mark("is it as it was written?")),
    ),
    "audit list": (
        ("poolwatch audit list --since today", ""),
        ("poolwatch audit --json", mark("for a script")),
    ),
    "audit verify": (
        ("poolwatch audit verify", mark("prints the head; keep it elsewhere")),
        ("poolwatch audit verify --json", mark("for a script")),
    ),
    "rates": (
        ("poolwatch rates", mark("the list")),
        ("poolwatch rates why gpt-6-sol 2026-10-01", ""),
        ("poolwatch rates compare --input 40M --cached 36M --output 500k", ""),
    ),
    "rates list": (
        ("poolwatch rates list", ""),
        ("poolwatch rates list --all --csv -o rates.csv", mark("every day's")),
    ),
    "rates why": (
        ("poolwatch rates why codex-auto-review", ""),
        ("poolwatch rates why gpt-5.6-luna 2026-07-29", mark("the day before a cut")),
    ),
    "rates compare": (
        ("poolwatch rates compare --input 40M --cached 36M --output 500k", ""),
        ("poolwatch rates compare --input 2M --output 90k --model gpt-6-sol --fast", ""),
    ),
    "resets": (
        ("poolwatch resets", mark("what there is")),
        ("poolwatch resets use bob --dry-run", mark("what it would do; nothing is sent")),
    ),
    "resets list": (("poolwatch resets list --json", mark("for a script")),),
    "resets use": (
        ("poolwatch resets use bob --dry-run", mark("what it would do; nothing is sent")),
        ("poolwatch resets use bob", mark("asks for the name, then uses it")),
        ("poolwatch resets use bob --yes --json", mark("in a script")),
    ),
    "resets ask": (("poolwatch resets ask 3f2a90b1", ""),),
    "resets settle": (("poolwatch resets settle 3f2a90b1 not-used", ""),),
    "check": (
        ("poolwatch check", mark("every budget that stops")),
        ("poolwatch check --budget team --strict", ""),
        ("poolwatch check --limit '$10' --period monthly", mark("of all usage")),
        ("poolwatch check --filter 'plan:pro weekly<90'", mark("is one active?")),
    ),
    "run": (
        ("poolwatch run -- codex exec 'mend the tests'", mark("unless a budget stops")),
        ("poolwatch run --next --budget team -- codex", mark("with the account to use next")),
        ("poolwatch run --account carol -- codex", ""),
    ),
    "daemon": (
        ("poolwatch daemon", ""),
        ("poolwatch daemon --print-unit", mark("its first lines say what to do with it")),
    ),
    "refresh": (
        ("poolwatch refresh carol@example.com", ""),
        ("poolwatch refresh dev14 3f2a", mark("by label, by the start of an id")),
        ("poolwatch refresh --all", mark("tokens with a day left, all figures")),
        ("poolwatch refresh --all --filter '!'", mark("all that needs you")),
    ),
    "budgets": (
        ("poolwatch budgets", mark("the list")),
        ("poolwatch budgets add month", mark("$10 a month, of all usage")),
        ("poolwatch budgets set month 'limit=$25' at_limit=stop", ""),
    ),
    "budgets list": (
        ("poolwatch budgets list", ""),
        ("poolwatch budgets --json", mark("for a script")),
    ),
    "budgets add": (
        ("poolwatch budgets add team 'limit=$300' filter=group:team", ""),
        ("poolwatch budgets add people 'limit=5M tokens' period=weekly each=account", ""),
        ("poolwatch budgets add week limit=80%", mark("of each account's weekly window")),
    ),
    "budgets set": (
        ("poolwatch budgets set team 'limit=$450' at_limit=stop grace=2h", ""),
        ("poolwatch budgets set team filter=", mark("takes it out: all usage counts")),
    ),
    "budgets remove": (("poolwatch budgets remove team", ""),),
    "alerts": (
        ("poolwatch alerts", mark("the list")),
        ("poolwatch alerts silence source_down --for 2h --reason maintenance", ""),
    ),
    "alerts list": (
        ("poolwatch alerts list", ""),
        ("poolwatch alerts list --filter 'group:night'", ""),
        ("poolwatch alerts --json", mark("for a script")),
    ),
    "alerts silence": (
        ("poolwatch alerts silence source_down --for 2h --reason maintenance", ""),
        ("poolwatch alerts silence needs_you", mark("until somebody ends it")),
    ),
    "alerts unsilence": (("poolwatch alerts unsilence source_down", ""),),
    "alerts resend": (("poolwatch alerts resend 3f2a90c1d4e5", ""),),
    "channels": (
        ("poolwatch channels", mark("the list")),
        ("poolwatch channels add desktop --bell", ""),
        ("poolwatch channels test desktop", ""),
    ),
    "channels list": (
        ("poolwatch channels list", ""),
        ("poolwatch channels --json", mark("for a script")),
    ),
    "channels add": (
        ("poolwatch channels add webhook --url https://hooks.example.com/pool", ""),
        ("poolwatch channels add apprise --name phone --url-file ~/ntfy.url", ""),
        ("poolwatch channels add exec -- ~/bin/alarm --loud", ""),
    ),
    "channels test": (("poolwatch channels test phone", ""),),
    "channels remove": (("poolwatch channels remove phone", ""),),
    "topups": (
        ("poolwatch topups", mark("the list")),
        ("poolwatch topups buy 10", mark("the terminal asks for the amount again")),
    ),
    "topups list": (
        ("poolwatch topups list", ""),
        ("poolwatch topups --json", mark("for a script")),
    ),
    "topups buy": (
        ("poolwatch topups buy 10 --name team", ""),
        ("poolwatch topups buy 10.00 --confirm 10.00 --json", mark("for a script")),
    ),
    "topups ask": (("poolwatch topups ask 3f2a90c1", ""),),
    "topups settle": (("poolwatch topups settle 3f2a90c1 not-charged", ""),),
    "doctor": (
        ("poolwatch doctor", ""),
        ("poolwatch doctor --mask", mark("to show to others")),
    ),
    "sources": (
        ("poolwatch sources", mark("the list")),
        ("poolwatch sources add codex-home '~/homes/*'", ""),
        ("poolwatch sources test codex-home", ""),
        ("poolwatch sources remove codex-home", ""),
    ),
    "credits": (
        ("poolwatch credits", ""),
        ("poolwatch credits --max-age 0 --json", mark("all read now, for a script")),
    ),
    "sources list": (
        ("poolwatch sources list", ""),
        ("poolwatch sources --json", mark("for a script")),
    ),
    "sources add": (
        ("poolwatch sources add codex-home '~/homes/*'", mark("each folder is a home")),
        ("poolwatch sources add auth-files ~/.cli-proxy-api", ""),
        ("poolwatch sources add codex-lb http://127.0.0.1:2455 --api-key-file ~/lb.key", ""),
        ("poolwatch sources add openrouter --api-key-env OR_KEY", ""),
    ),
    "sources read": (("poolwatch sources read openrouter", ""),),
    "sources test": (("poolwatch sources test codex-proxy", ""),),
    "sources set": (
        ("poolwatch sources set codex-lb url=https://lb.example.com", ""),
        ("poolwatch sources set codex-lb name=north api_key_env=LB_KEY", ""),
        ("poolwatch sources set codex-lb api_key_file=", mark("takes it out")),
    ),
    "sources remove": (("poolwatch sources remove codex-lb", ""),),
    "accounts": (
        ("poolwatch accounts", mark("the list")),
        ("poolwatch accounts import auth.json", ""),
    ),
    "accounts list": (
        ("poolwatch accounts list", ""),
        ("poolwatch accounts --json", mark("for a script")),
    ),
    "accounts import": (
        ("poolwatch accounts import ~/old/auth.json", ""),
        ("poolwatch accounts import auth.json --keep imported", mark("it is set aside")),
    ),
    "accounts remove": (("poolwatch accounts remove carol@example.com", ""),),
    "accounts resolve": (("poolwatch accounts resolve carol --keep ~/pool/carol.json", ""),),
    "data": (
        ("poolwatch data export -o pool.jsonl", ""),
        ("poolwatch data import pool.jsonl", mark("on another machine")),
    ),
    "data export": (
        ("poolwatch data export -o pool.jsonl", ""),
        ("poolwatch data export --since 30d --mask", mark("without e-mail addresses")),
        ("poolwatch data export --filter group:east", mark("of these accounts alone")),
    ),
    "data import": (
        ("poolwatch data import pool.jsonl", ""),
        ("poolwatch data import -", mark("standard input, say from ssh")),
        ("poolwatch data import requests.jsonl", mark("a usage event in each line")),
    ),
    "config": (
        ("poolwatch config", mark("every setting")),
        ("poolwatch config set poll.interval_seconds=120", ""),
        ("poolwatch config edit", ""),
    ),
    "config set": (
        ("poolwatch config set pool_name=work ui.view=cards", ""),
        ("poolwatch config set keys.refresh=r,f5", ""),
        ("poolwatch config set ui.theme=", mark("takes it out: the default holds")),
    ),
    "config edit": (("EDITOR=nano poolwatch config edit", ""),),
    "config show": (
        ("poolwatch config show", ""),
        ("poolwatch config show --mask", mark("to show to others")),
    ),
    "config path": (("poolwatch config path", ""),),
    "config init": (("poolwatch config init", ""),),
    "config check": (("poolwatch config check --config new.toml", ""),),
}


def examples_of(code: str) -> str:
    """The examples of a command, one a line; the mark before them keeps the lines as they are."""
    rows = EXAMPLES[code]
    widest = max((len(line) for line, means in rows if means), default=0)
    told = [f"  {line:<{widest}}  # {_(means)}" if means else f"  {line}" for line, means in rows]
    return "\n".join(["\b", _("Examples:"), *told])
