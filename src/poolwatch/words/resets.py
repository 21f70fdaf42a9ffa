"""Words of banked resets: why none is used, what became of one, and `resets`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from poolwatch.words.catalogue import Text, _, mark

if TYPE_CHECKING:
    # the first screen loads the sentences, and needs none of these
    from poolwatch.domain.banked_resets import Evidence, ResetOutcome, ResetRoute

#: By code, for `words.messages`.
TEXTS: Final[Mapping[str, str]] = {
    # why none is used
    "resets.none": mark("there is no banked reset to use"),
    "resets.no_ids": mark("the service counts banked resets, and lists none that can be told apart"),
    "resets.unsupported": mark("the account's plan cannot use it"),
    "resets.changed": mark("the chosen banked reset cannot be used any more: look at the list again"),
    "resets.pool_chooses": mark("this pool chooses the reset itself: leave --reset out"),
    "resets.not_exhausted": mark("no window is exhausted: the fullest, {window}, is at {used}%"),
    "resets.usage_unknown": mark("no window is known to be exhausted: the service gives no figures"),
    "resets.unresolved": mark(
        "what became of request {id} is unknown: ask again, or settle it, before another is used"
    ),
    "resets.lately": mark(
        "one was used in this workspace a moment ago, and figures can lag: another one in {minutes} min"
    ),
    "resets.clock_put_back": mark(
        "by this machine's clock one was used here at a time to come, and a window is still full as before: "
        "check the clock, or wait until that window resets"
    ),
    "resets.redeeming": mark("the service is using one for this workspace right now"),
    "resets.known_request": mark("this request was made already"),
    "resets.under_way": mark("another use in this workspace is under way; nothing was sent"),
    "resets.not_open": mark("there is nothing to ask: what became of it is known"),
    "resets.too_old": mark(
        "the pool may have forgotten this request by now, and could use another reset for it: settle it"
    ),
    "resets.other_way": mark("the account is reached in another way by now: settle it"),
    "resets.no_way": mark("no source of this account can have a banked reset used"),
    "resets.no_way_by": mark("through {source} no banked reset can be used"),
    # why nothing was sent
    "resets.not_read": mark("fresh figures are needed first: {why}"),
    "resets.not_https": mark("the address of the service is not https"),
    "resets.disk": mark("it could not be written down first: {path} {why}"),
    "resets.not_noted": mark("it could not be noted in the audit log first: {path} {why}"),
    "resets.not_started": mark("its process did not start"),
    "resets.process_ended": mark("its process ended before it sent anything (status {status})"),
    "resets.not_locked": mark("{path} {why}"),
    "resets.other_login": mark("the Codex home holds another login by now"),
    "resets.token_ends": mark("the login's token ends within minutes: codex has to renew it first"),
    "resets.codex_missing": mark("the installed codex has to do it, and there is none"),
    "resets.codex_busy": mark("codex is being asked something else on this machine: try again in a minute"),
    "resets.codex_not_started": mark("codex could not be started"),
    "resets.codex_too_old": mark(
        "this codex is too old: it could use another reset than the one that was chosen, update it"
    ),
    "resets.codex_silent": mark("codex did not answer in time"),
    "resets.codex_unable": mark("this codex knows no banked resets: update it"),
    # what came
    "resets.refused": mark("it was refused ({status}, {said})"),
    "resets.unreadable": mark("the answer ({status}) is not readable"),
    "resets.no_code": mark("the answer does not say what was done ({said})"),
    "resets.answered": mark("the answer was an error ({status}, {said})"),
    "resets.codex_failed": mark("codex answered with an error"),
    "resets.broke_off": mark("it broke off while it was sent"),
    "resets.answer_lost": mark("its process ended before an answer came"),
    "resets.asked_in_vain": mark("asking again settled nothing: {why}"),
    "resets.nothing_by_now": mark("there is nothing to reset by now"),
    "resets.none_by_now": mark("there is no banked reset by now"),
    "resets.journal_unread": mark(
        "its process ended, and what it noted cannot be read: it may have been sent ({path} {why})"
    ),
    "resets.journal_damaged": mark(
        "its process ended, and lines of {path} are damaged: it may have been sent"
    ),
    "resets.settled_used": mark("settled by hand: used"),
    "resets.settled_not_used": mark("settled by hand: not used"),
    # a clause that follows a path
    "resets.busy": mark("is held by a use that is under way"),
}

_OUTCOMES: Final[Mapping[str, str]] = {
    "reset": mark("used"),
    "already": mark("used, by this very request before"),
    "accepted": mark("accepted by the pool, not verified yet"),
    "nothing": mark("not used: nothing to reset"),
    "none": mark("not used: none available"),
    "refused": mark("not used"),
    "not_sent": mark("not used, nothing was sent"),
    "unknown": mark("UNKNOWN: the answer was lost"),
}
_ROUTES: Final[Mapping[str, str]] = {
    "service": mark("asked of the service with the login in {place}"),
    "codex": mark("asked of the installed codex on {place}"),
    "codex-lb": mark("asked of the pool {source}, which takes the one that ends first"),
    "codex-proxy": mark("asked of the pool {source}, which takes one of its choice"),
}
_EVIDENCE: Final[Mapping[str, str]] = {
    "redeeming": mark("the list says that it is being used"),
    "redeemed": mark("the list says that it was used"),
    "available": mark("the list still has it"),
    "missing": mark("the list does not have it any more, which alone proves nothing"),
    "used_since": mark("the history has a use since then"),
    "windows_fell": mark("the windows have fallen since"),
    "windows_stand": mark("the windows stand as before; they can lag for minutes"),
}

#: What a pool took, once the figures show it.
SEEN_USED: Final = Text("used: accepted by the pool, and the windows have fallen")
because: Final = Text("{what}: {why}", "{what}")
used: Final = Text("{what}: {windows}", "{what}")
#: One window: `5h 100 → 0%`.
moved: Final = Text("{window} {before} → {after}%")
lag: Final = Text(
    "the figures are still the old ones, and can lag for minutes; a second use is refused until {at}"
)
AGAIN: Final = Text("Ask again with the same request, it cannot use a second one: {command}")
# each command ends its line and is one that can be pasted
SETTLE: Final = Text("or, once you know that it used one: {command}")
SETTLE_NOT: Final = Text("or that it did not: {command}")
seen: Final = Text("seen: {what}")
would: Final = Text("{name}: would use the banked reset that ends {ends}; nothing was sent")
would_not: Final = Text("{name}: would use none: {why}; nothing was sent")
POOLS_CHOICE: Final = Text("as the pool chooses")

# --- the question
account: Final = Text("account   {name}, {plan}", "account   {name}")
ends: Final = Text("ends      {ends}")
in_time: Final = Text("{ends}, in {left}")
more: Final = Text("ends      {ends}; {count} more, then {next}")
resets: Final = Text("resets    {windows}")
moves: Final = Text("moves     the next weekly reset from {before} to about {after}")
instead: Final = Text("instead   {window} comes back by itself {at}, in {left}")
by_way: Final = Text("by        {way}")
CANNOT_BE_UNDONE: Final = Text("This cannot be undone.")
type_it: Final = Text("Type  {name}  to use it: ")
NOTHING_USED: Final = Text("nothing was used")
NEEDS_YES: Final = Text("without a terminal nothing is used unless --yes is said; --dry-run sends nothing")

# --- `resets list`, `ask`, `settle`
no_request: Final = Text("no request begins with {id}: poolwatch resets list shows them")
several_requests: Final = Text("{id} begins several requests: {ids}")
SETTLE_HOW: Final = Text("say used or not-used")
settled: Final = Text("request {id} is settled: {what}")
NOT_OPEN: Final = Text("what became of it is known: there is nothing to settle")
several_resets: Final = Text("{id} begins several banked resets of this account")
open_use: Final = Text("UNKNOWN  request {id} of {name}, {at}: ask again, or settle it")
past_use: Final = Text("{at}  {name}  {what}")
USES: Final = Text("Requests:")

# --- the screen
USE_THIS: Final = Text("Use this banked reset?")
WHAT_BECAME: Final = Text("What became of this request?")
lost: Final = Text("request {id} of {name}, {at}: the answer was lost, so it may have used a banked reset")
AGAIN_OR_SETTLE: Final = Text(
    "again: sends the same request once more, which cannot use a second one. used, not-used: what you know"
)
TYPE_ONE_OF: Final = Text("Type  again,  used  or  not-used: ")


def outcome_word(outcome: ResetOutcome) -> str:
    """What became of a use."""
    return _(_OUTCOMES[outcome])


def route_words(route: ResetRoute, source: str, place: str) -> str:
    """Who is asked to use it."""
    return _(_ROUTES[route], source=source, place=place)


def evidence_words(found: Evidence) -> str:
    """What speaks for a use, or against it."""
    return _(_EVIDENCE[found])
