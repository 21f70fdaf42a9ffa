"""Words of the list of banked resets: its columns, and what is told of the selected account."""

from __future__ import annotations

from typing import Final

from poolwatch.words.catalogue import Text, _, n_

# --- the list
TITLE: Final = Text("Banked resets")
HEADER: Final = (
    Text("ENDS"),
    Text("IN"),
    Text("ACCOUNT"),
    Text("5H"),
    Text("WEEKLY"),
    Text("RESETS"),
    Text("AT RESET"),
    Text("ID"),
    Text("IF USED NOW"),
)
NEVER: Final = Text("never")
UNKNOWN_END: Final = Text("?")
NOT_NOW: Final = Text("not exhausted: wait")
RESET_IS_DUE: Final = Text("its reset is due: read it")
OUT_OF_USE: Final = Text("the account is out of use")
second: Final = Text("the second of {name}")
nth: Final = Text("number {number} of {name}")
#: One window, where room is scarce.
falls: Final = Text("{window} {before} → 0")
resets: Final = Text("resets {windows}")
lost_then: Final = Text("lost {when}")
by_itself: Final = Text("{window} resets {when} anyway", "{window} resets by itself")
#: Two clauses; of one there is no end.
both: Final = Text("{first}; {second}", "{first}")
count_only: Final = Text("{count}, not listed one by one")

# --- the screen
NEVER_BY_ITSELF: Final = Text("never used by itself")
NO_RESETS: Final = Text("no account has a banked reset")
WHAT_ONE_IS: Final = Text("one sets an account's windows to zero, once; the service grants them")
READING: Final = Text("reading fresh figures …")
now_read: Final = Text("{name}: read")
NOTHING_SEEN: Final = Text("no fresh figures can be read: nothing more is known of the request")
list_read: Final = Text("list read {at}")
first_ends: Final = Text("first ends in {left}")
worth_now: Final = Text("{name}: worth using now; {what}", "{name}: worth using now")
THIS_ACCOUNT: Final = Text("this account")
POOL: Final = Text("pool")
#: Of the list, where there is no room for all of it.
more: Final = Text("… {count} more")
READ_LIST: Final = Text("read the list")

# --- the selected account
AS_IT_IS: Final = Text("AS IT IS")
IF_USED: Final = Text("IF USED")
USED_BEFORE: Final = Text("USED BEFORE")
GRANTED: Final = Text("GRANTED")
no_reset: Final = Text("weekly {used}; when it resets is not known")
was_due: Final = Text("weekly {used}; its reset was due {at}, so read it again")
full_until: Final = Text("weekly {used}, back {at}: {left} without it")
not_foretold: Final = Text("weekly {used}, resets {at}; no forecast: {why}")
lasts: Final = Text("weekly {used}, {then} when it resets {at}: lasts")
out_then: Final = Text("weekly {used}, full {span}, back {at}: about {left} without it")
out_before: Final = Text("weekly {used}, likely used up before it resets {at}")
#: What is expected, and between what it lies 8 times in 10.
between: Final = Text("{middle}% ({low}–{high})")
if_lasts: Final = Text("weekly 0% now, {then} by {at}: lasts")
if_out_then: Final = Text("weekly 0% now, full again {span}; resets about {at}")
if_out_before: Final = Text("weekly 0% now, likely used up again before it resets about {at}")
if_not_foretold: Final = Text("weekly 0% now, resets about {at}; no forecast: {why}")
used_then: Final = Text("{at}  {window} {before} → 0%, {where}")
used_unseen: Final = Text("{at}  {where}")
used_unverified: Final = Text("{at}  by poolwatch here, accepted by the pool and not verified")
HERE: Final = Text("by poolwatch here")
ELSEWHERE: Final = Text("elsewhere")
held_now: Final = Text("{count} held")
read_by: Final = Text("{key} asks OpenAI's history, too")
NO_HISTORY: Final = Text("its source has no history of uses")
history_failed: Final = Text("OpenAI's history cannot be read: {why}")
used_by_history: Final = Text(
    "{count} used in the last {days} days as OpenAI's history says (as of {at})",
    "{count} used as OpenAI's history says (as of {at})",
)


def counts(count: int, accounts: int, worth: int) -> str:
    """How many there are, and how many are worth using now."""
    on = n_("{count} account", "{count} accounts", accounts)
    return _("{count} on {accounts} · {worth} worth using now", count=count, accounts=on, worth=worth)


def counts_of(name: str, count: int, worth: int) -> str:
    """The same of one account."""
    return _("{count} of {name} · {worth} worth using now", count=count, name=name, worth=worth)


def first_of(count: int, left: str) -> str:
    """When the first of an account's banked resets is lost."""
    return n_(
        "it ends in {left} and is lost then",
        "the first of {count} ends in {left} and is lost then",
        count,
        left=left,
    )


def held(count: int, accounts: int) -> str:
    """How many there are."""
    on = n_("{count} account", "{count} accounts", accounts)
    return n_("{count} banked reset on {accounts}", "{count} banked resets on {accounts}", count, accounts=on)
