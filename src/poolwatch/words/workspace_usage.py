"""Words about what OpenAI reports of accounts' days: the second source of the usage screen and of `usage`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import Text, _, mark, n_

SOURCE: Final = Text("OpenAI's count")
AS_REPORTED: Final = Text("as OpenAI reports it")
by_day: Final = Text("{days} by {group}")

#: What the service calls programs, as people call them; others are told as they come.
_CLIENTS: Final[Mapping[str, str]] = {
    "CODEX_CLI": mark("CLI"),
    "CODEX_DESKTOP_APP": mark("Desktop"),
    "CODEX_IDE_VSCODE": mark("VS Code"),
    "CODEX_WORK_DESKTOP": mark("Work desktop"),
    "CODEX_SERVICE_EXEC": mark("exec service"),
    "CODEX_SDK_TS": mark("TypeScript SDK"),
    "CODEX_UNKNOWN_DEFAULT": mark("unknown"),
}

# --- columns
_GROUPS: Final[Mapping[str, tuple[str, str]]] = {
    "day": (mark("day"), mark("DAY")),
    "week": (mark("week"), mark("WEEK")),
    "client": (mark("client"), mark("CLIENT")),
}
CREDITS: Final = Text("CREDITS")
BALANCE: Final = Text("BY BALANCE")
TOKENS: Final = Text("TOKENS")
IN_FILES: Final = Text("IN FILES")
SHARE: Final = Text("SHARE")

# --- rows
NOT_SETTLED: Final = Text("not settled")
NOT_SAID: Final = Text("not said")
NO_CLIENT: Final = Text("not told by client")
whole_week: Final = Text("{week} · whole")
part_of_week: Final = Text("{week} · {told} of 7")

# --- what stands above
AS_OF: Final = Text("AS OF")
UNSETTLED: Final = Text("UNSETTLED")
BY_CLIENT: Final = Text("BY CLIENT")
reported: Final = Text("{credits} reported, {fell} by the balance", "{credits} reported")
NONE_REPORTED: Final = Text("none reported")
only_fell: Final = Text("none reported, {fell} by the balance")
unread_fell: Final = Text("not read yet, {fell} by the balance")
fresh: Final = Text("{time} by OpenAI, 1–6h late · read {age} ago")
answered: Final = Text("read {age} ago; OpenAI is 1–6h late")
NEVER: Final = Text("nothing was read yet")
client_part: Final = Text("{client} {share}")
_COUNTED: Final[Mapping[str, str]] = {"credits": mark("(credits)"), "tokens": mark("(tokens)")}

# --- what stands below
OWN_USE: Final = Text("Your own use in this workspace, as OpenAI reports it. A day counts in UTC.")
ABOUT_UNSAID: Final = Text("Days “not said” have tokens but no credits: unknown, never 0.")
NO_MODELS: Final = Text("No group by model: OpenAI sends none in credits.")
AT_LEAST: Final = Text("≥: some of it is not known.")
ON_DEMAND: Final = Text("Not read by itself. {key} reads it: one extra request for this account")
BY_ITSELF: Final = Text("Read by itself, every 6 hours at most. {key} reads it now")
NOBODY: Final = Text("There is no account here")

# --- asking
asks_first: Final = Text(
    "This sends one extra request to OpenAI for {account}. {key} again to send it, esc not to"
)
asking: Final = Text("asking OpenAI about {account}")
STILL_ASKING: Final = Text("OpenAI is being asked already")
READ: Final = Text("OpenAI's count was read")
not_read: Final = Text("{account}: {why}")
NOT_SENT: Final = Text("nothing was sent")

# --- the command
meaningless: Final = Text(
    "with --source openai there is no {options}: it reports days of accounts, up to today"
)
not_by: Final = Text("--source openai groups by day, week or client, not by {group}")
account_of_openai: Final = Text(
    "--account is of --source openai; elsewhere a filter does that: 'account:{account}'"
)
nobody_to_ask: Final = Text("OpenAI can be asked about no account here")
no_report: Final = Text("{account}: nothing of it was ever read")


def client(name: str) -> str:
    """`VS Code`; a name that is not known as it comes."""
    known = _CLIENTS.get(name)
    return name if known is None else _(known)


def group(by: str) -> str:
    """`week`."""
    return _(_GROUPS[by][0])


def heading(by: str) -> str:
    """`WEEK`."""
    return _(_GROUPS[by][1])


def of_what(counted: str) -> str:
    """`(credits)`."""
    return _(_COUNTED[counted])


def days(count: int) -> str:
    """`30 days`."""
    return n_("{count} day", "{count} days", count)


def unsettled(count: int, credits: str) -> str:
    """`1 day, 2.10 credits of it told so far`."""
    if credits:
        return n_(
            "{count} day, {credits} credits of it told so far",
            "{count} days, {credits} credits of them told so far",
            count,
            credits=credits,
        )
    return n_("{count} day, not in the sums", "{count} days, not in the sums", count)


def not_asked(count: int, why: str) -> str:
    """Accounts that cannot be asked for, together."""
    return n_(
        "{count} account was not asked for: {why}",
        "{count} accounts were not asked for: {why}",
        count,
        why=why,
    )
