"""Words of the audit log: what was done, how it ended, by whom, and whether the chain holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.domain.audit import Act, By, Flaw, Outcome
from poolwatch.domain.refresh import TokenOutcome
from poolwatch.words.catalogue import Text, _, mark, n_

#: Where a command does it, its name.
_ACTS: Final[Mapping[str, str]] = {
    Act.REFRESH: mark("refresh"),
    Act.SIGN_IN: mark("sign-in"),
    Act.IMPORT: mark("import"),
    Act.REMOVE: mark("remove"),
    Act.RESOLVE: mark("resolve"),
    Act.IMPORT_DATA: mark("data import"),
    Act.INIT_CONFIG: mark("config init"),
    Act.SET_CONFIG: mark("config set"),
    Act.EDIT_CONFIG: mark("config edit"),
    Act.ADD_SOURCE: mark("sources add"),
    Act.SET_SOURCE: mark("sources set"),
    Act.REMOVE_SOURCE: mark("sources remove"),
    Act.SILENCE: mark("alerts silence"),
    Act.UNSILENCE: mark("alerts unsilence"),
    Act.RESEND: mark("alerts resend"),
    Act.ADD_BUDGET: mark("budgets add"),
    Act.SET_BUDGET: mark("budgets set"),
    Act.REMOVE_BUDGET: mark("budgets remove"),
    Act.ADD_CHANNEL: mark("channels add"),
    Act.REMOVE_CHANNEL: mark("channels remove"),
    Act.USE_RESET: mark("resets use"),
    Act.ASK_RESET: mark("resets ask"),
    Act.SETTLE_RESET: mark("resets settle"),
    Act.TOP_UP: mark("topups buy"),
    Act.ASK_TOP_UP: mark("topups ask"),
    Act.SETTLE_TOP_UP: mark("topups settle"),
}
_OUTCOMES: Final[Mapping[str, str]] = {
    Outcome.DONE: mark("done"),
    Outcome.NOTHING: mark("no change"),
    Outcome.FAILED: mark("failed"),
    Outcome.UNKNOWN: mark("unknown"),
    Outcome.STOPPED: mark("stopped"),
}
_BY: Final[Mapping[str, str]] = {
    By.APP: mark("in the app"),
    By.COMMAND: mark("by command"),
    By.BACKGROUND: mark("by itself"),
    By.OTHER: mark("an older poolwatch asked"),
}
_CODES: Final[Mapping[str, str]] = {
    f"token:{TokenOutcome.REFRESHED}": mark("token renewed"),
    f"token:{TokenOutcome.ADOPTED}": mark("new token found in its file"),
    f"token:{TokenOutcome.CURRENT}": mark("token left as it was"),
    f"token:{TokenOutcome.DELEGATED}": mark("token renewed by Codex"),
    f"token:{TokenOutcome.NONE}": mark("no token to renew"),
    f"token:{TokenOutcome.BLOCKED}": mark("token not renewed"),
    f"token:{TokenOutcome.FAILED}": mark("token not renewed"),
    f"token:{TokenOutcome.REJECTED_FOR_GOOD}": mark("login rejected for good"),
    f"token:{TokenOutcome.AMBIGUOUS}": mark("reply lost"),
    "usage:ok": mark("usage read"),
    "usage:not_tried": mark("usage not asked for"),
    "usage:": mark("usage not read ({code})"),
    "block:": mark("{code}"),
    "reset:": mark("{code}"),
    "taken:": mark("logins taken: {code}"),
    "lines:": mark("lines taken: {code}"),
    "events:": mark("usage events taken: {code}"),
    "known:": mark("known before: {code}"),
    "refused:": mark("refused: {code}"),
    "until:": mark("until {code}"),
    "topup:granted": mark("granted"),
    "topup:started": mark("started"),
    "topup:refused": mark("refused, not charged"),
    "topup:needs_web": mark("not charged: needs a browser"),
    "topup:try_later": mark("not charged: later"),
    "topup:unknown": mark("may have been charged"),
    "topup:proposed": mark("as it was proposed"),
    "topup:charged": mark("charged, as somebody says"),
    "topup:not-charged": mark("not charged, as somebody says"),
    "not_written": mark("the file could not be written"),
    "not_taken": mark("the channel did not take the test"),
    "for_good": mark("until somebody ends it"),
    "error": mark("an error of poolwatch"),
}
_FLAWS: Final[Mapping[Flaw, str]] = {
    Flaw.UNREADABLE: mark("line {line} is no entry: it was damaged or written over"),
    Flaw.ALTERED: mark("entry {seq} in line {line} was altered: its hash is another"),
    Flaw.UNLINKED: mark(
        "entry {seq} in line {line} does not follow the one before it: entries were taken out or put in there"
    ),
}
#: Of an act whose process was killed, or is still at it.
NO_END: Final = Text("no end")
by_user: Final = Text("{user} {by}", "{by}")
over_ssh: Final = Text("{who}, ssh from {address}")
by_sudo: Final = Text("{who}, sudo by {user}")

# --- `audit`
NOTHING_NOTED: Final = Text("nothing is noted yet")
NOTHING_SINCE: Final = Text("nothing is noted in that time")
head: Final = Text("head {hash} (entry {seq})")
found: Final = Text("the kept head is entry {seq}: what came after it follows from it")
BAD_HEAD: Final = Text("--head takes a hash as audit verify prints it: 64 digits of 0-9 and a-f")
head_lost: Final = Text(
    "no entry has the kept head {hash}: entries were cut off or written anew, or this is another log"
)
break_here: Final = Text("the chain is broken: {flaw}")
ENTRIES_STAND: Final = Text("they are listed as they stand; poolwatch audit verify says more")
KEEP_IT: Final = Text("keep a copy of {path}, then move it away: the next act begins a new log")


def act_word(act: str) -> str:
    """What was done; the code of an act that only a newer poolwatch knows."""
    return _(_ACTS[act]) if act in _ACTS else act


def widest_act() -> int:
    """How wide the column of acts is."""
    return max(len(_(text)) for text in _ACTS.values())


def outcome_word(outcome: str | None) -> str:
    """How it ended; None: nobody noted that."""
    if outcome is None:
        return NO_END()
    return _(_OUTCOMES[outcome]) if outcome in _OUTCOMES else outcome


def widest_outcome() -> int:
    """How wide the column of outcomes is."""
    return max(len(outcome_word(outcome)) for outcome in (None, *_OUTCOMES))


def by_word(by: str) -> str:
    """What had it done."""
    return _(_BY[by]) if by in _BY else by


def code_words(code: str) -> str:
    """What became of a step."""
    if code in _CODES:
        return _(_CODES[code])
    kind, colon, rest = code.partition(":")
    found = _CODES.get(kind + colon)
    return _(found, code=rest) if found is not None and colon else code


def flaw_words(flaw: Flaw, line: int, seq: int | None) -> str:
    """The first place where the chain does not hold."""
    return _(_FLAWS[flaw], line=line, seq="?" if seq is None else seq)


def holds(count: int, since: str, until: str) -> str:
    """That the chain is whole."""
    return n_(
        "the chain holds: {count} entry, {since}",
        "the chain holds: {count} entries, {since} to {until}",
        count,
        since=since,
        until=until,
    )


def holds_until(count: int) -> str:
    """How much of it is whole."""
    return n_("the {count} entry before it holds", "the {count} entries before it hold", count)


def half_line(count: int) -> str:
    """That the last line is a half one."""
    return n_(
        "the last line is a half one, {count} byte: who wrote it was killed; the next line closes it",
        "the last line is a half one, {count} bytes: who wrote it was killed; the next line closes it",
        count,
    )


def closed(count: int) -> str:
    """How many half lines there were."""
    return n_(
        "{count} half line was taken away by the line after it",
        "{count} half lines were taken away by the lines after them",
        count,
    )


def unended(count: int) -> str:
    """How many acts have no end."""
    return n_(
        "{count} act has no end: its process was killed, or is still at it",
        "{count} acts have no end: their processes were killed, or are still at it",
        count,
    )
