"""Words of `check` and `run`: what goes, what stops and until when, what cannot be told, and why it did not
run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.domain.budgets import MeasuredBy
from poolwatch.domain.check import Verdict, Why
from poolwatch.words.catalogue import Text, _, mark, n_

#: What begins each line on stdout.
VERDICTS: Final[Mapping[Verdict, str]] = {
    Verdict.GO: mark("go"),
    Verdict.STOP: mark("stop"),
    Verdict.CANNOT_TELL: mark("cannot tell"),
}

# --- what a budget says
budget: Final = Text("budget {name}")
part_of_budget: Final = Text("budget {name}: {whose}")
THIS_LIMIT: Final = Text("this limit")
spent_of: Final = Text("{spent} of {limit}")
at_least: Final = Text("at least {amount}")
estimated: Final = Text("{amount} of it estimated")
over: Final = Text("{amount} over")
EXACTLY_AT: Final = Text("exactly at the limit")
AT_LEAST_AT: Final = Text("at the limit or over it")
of_the_week: Final = Text("{percent} of the week")
until: Final = Text("until {time}, in {left}")
resets: Final = Text("resets {time}, in {left}")
ONLY_WARNS: Final = Text("by itself it only warns")
NEVER_RESETS: Final = Text("it never resets: raise the limit")
in_grace: Final = Text("over, in grace until {time}, in {left}", "over, in grace")

# --- what an account says
NO_MATCH: Final = Text("no account matches now")

# --- the evidence
_READ: Final[Mapping[MeasuredBy | None, str]] = {
    MeasuredBy.USAGE: mark("usage read {age} ago"),
    MeasuredBy.BALANCE: mark("balances read {age} ago"),
    MeasuredBy.WINDOW: mark("limits read {age} ago"),
    None: mark("read {age} ago"),
}

_NOT_READ: Final[Mapping[MeasuredBy | None, str]] = {
    MeasuredBy.USAGE: mark("session files not read to their end"),
    MeasuredBy.BALANCE: mark("balances not read"),
    MeasuredBy.WINDOW: mark("limits not read"),
    None: mark("not read"),
}

# --- what cannot be told
CANNOT_TELL: Final = Text("cannot tell; that stops only with --strict")
CANNOT_TELL_STRICTLY: Final = Text("cannot tell, which --strict takes for a stop")
CANNOT_TELL_AND_RUNS: Final = Text("cannot tell, so it runs")
no_readings: Final = Text("no account was read yet; {command} reads them")
never_scanned: Final = Text("{what}: session files were not read to their end yet; {command} reads them")
_CANNOT: Final[Mapping[Why, str]] = {
    Why.NEVER_READ: mark("{what}: no reading yet; {command} reads it"),
    Why.OLD: mark("{what}, which is too old; {command} reads it anew"),
    Why.UNKNOWN: mark("{what}; its figures are unknown; {command} says why"),
}

# --- a budget that stops nobody
NO_BUDGET_STOPS: Final = Text('no budget stops anything: none has at_limit = "stop"')

# --- what is wrong with the command line
no_budget: Final = Text("no budget is called {name}; there is none in the configuration")
no_budget_but: Final = Text("no budget is called {name}; there are: {known}")
no_budget_near: Final = Text("no budget is called {name}; did you mean {near}?")
given_again: Final = Text(
    "every account that can be used was given out within ten minutes; {name} is the one longest ago:"
    " {age} ago"
)
TEXTS: Final[Mapping[str, str]] = {
    "one_question": mark(
        "--budget, --account, --filter and --limit are four questions: ask one at a time; only --limit takes"
        " --filter with it, for the use that counts"
    ),
    "limit_and_period": mark("--limit and --period go together: --limit '$10' --period monthly"),
    "not_a_limit": mark('--limit takes "$10", "250 credits" or "5M tokens", not {text}'),
    "percent_of_whom": mark(
        "a percentage is of each account's week: configure a budget for it, or ask with --filter 'weekly<80'"
    ),
    "account_or_next": mark("--account or --next, not both"),
    "no_command": mark("a command is missing: poolwatch run -- CMD…"),
    "not_found": mark("{command}: command not found"),
    "not_run": mark("{command}: {reason}"),
    "not_started": mark("{command} was not started"),
    "no_home": mark("{name} has no Codex home on this machine: its login is kept elsewhere"),
    "no_homes": mark("no account that can be used now has a Codex home on this machine"),
    "uses": mark("{name}: CODEX_HOME={home}"),
    "uses_credits": mark("{name} is exhausted, and goes on only by its credits"),
}


def said(code: str, **blanks: object) -> str:
    """One of the sentences, with its blanks filled."""
    return _(TEXTS[code], **blanks)


def more(count: int) -> str:
    """So many are not told one by one."""
    return n_("and {count} more", "and {count} more", count)


def line(verdict: Verdict, what: str) -> str:
    """`stop  budget team: …`."""
    return f"{_(VERDICTS[verdict])}  {what}"


def read_ago(by: MeasuredBy | None, age: str) -> str:
    """How old the evidence is."""
    return _(_READ[by], age=age)


def not_read(by: MeasuredBy | None) -> str:
    """There is no evidence that has an age."""
    return _(_NOT_READ[by])


def cannot_because(why: Why, what: str, command: str, *, of_use: bool) -> str:
    """Why one of them cannot be told, and what helps."""
    if why is Why.NEVER_READ and of_use:
        return never_scanned(what, command)
    return _(_CANNOT[why], what=what, command=command)
