"""Words of top-ups: what became of each, why one is not sent, and what `topups` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from poolwatch.words.catalogue import Text, _, mark

if TYPE_CHECKING:
    # a reason is told on the first screen, what was bought is not
    from poolwatch.domain.purchases import PurchaseOutcome, Settled

#: Why a top-up stands as it does. Amounts are dollars without their sign.
TEXTS: Final[Mapping[str, str]] = {
    # not sent
    "topup.not_bought": mark("nothing was sent: {why}"),
    "topup.open": mark("the top-up of ${amount} ({id}) may have been charged, and is not settled"),
    "topup.changed": mark("somebody else topped it up meanwhile; look at the balance first"),
    "topup.twice": mark(
        "${amount} was paid there less than {seconds} s ago; to pay it again, wait {seconds} s"
    ),
    "topup.bounds": mark("the service takes ${least} to ${most}"),
    "topup.cap_day": mark("${used} of your cap of ${cap} a day is used, and ${amount} is more than is left"),
    "topup.cap_month": mark(
        "${used} of your cap of ${cap} a month is used, and ${amount} is more than is left"
    ),
    "topup.busy": mark("another top-up of the same target is at work"),
    "topup.untrusted": mark(
        "{path} {why}: money is spent only by a configuration that nobody else can change"
    ),
    "topup.no_config": mark("the configuration file is gone"),
    "topup.token_file": mark("the token in {path} cannot be used: it {why}"),
    "topup.no_token": mark("{place} holds no token"),
    "topup.odd_token": mark("{place} holds what cannot be sent as a token"),
    "topup.not_https": mark("the address is neither https nor on this machine"),
    "topup.not_started": mark("the process that buys could not be started"),
    "topup.process_ended": mark("the process that buys ended early ({status})"),
    "topup.unwritable": mark("{path} cannot be written"),
    "topup.disk": mark("{path} {why}"),
    "topup.not_audited": mark("the audit log {path} cannot be written: it {why}"),
    "topup.journal_damaged": mark(
        "{path} is damaged, so nobody knows whether a top-up is open; compare it with your statement, then "
        "put it aside"
    ),
    "topup.journal_full": mark("{path} is full; put it aside once you need its top-ups no more"),
    "topup.not_sent": mark("the service was not reached: {why}"),
    # answers
    "topup.lost": mark("{why}"),
    "topup.broke_off": mark("an error of poolwatch broke it off after it may have been sent"),
    "topup.cut_off": mark("poolwatch was ended after it was sent, and before an answer was kept"),
    "topup.later": mark("the service answered {status}"),
    "topup.unclear": mark("the service answered {status}, and not whether it charged"),
    "topup.no_status": mark("the service answered, and not whether it charged"),
    "topup.nothing_said": mark("the service did not say"),
    "topup.failed": mark("the payment failed"),
    "topup.refused": mark("the service refused it: {why}"),
    "topup.said": mark("the service says: {text}"),
    "topup.needs_web": mark("the bank or the service wants it confirmed in a browser"),
    "topup.pending": mark("the service is still working on it"),
    "topup.taken": mark("the service took it; the balance shows when it is there"),
    "topup.still_pending": mark("the service had not finished it in the time that was waited"),
    "topup.asked_in_vain": mark("asked again, and still not known: {why}"),
    # asking
    "topup.not_open": mark("{id} is not open: it is known what became of it"),
    "topup.no_key": mark(
        "{name} takes no request key, so asking again could charge again: compare balances, then say what "
        "became of it: poolwatch topups settle {id} charged, or not-charged"
    ),
    "topup.too_old": mark(
        "{id} is older than 24 hours, or from another clock: asking again could charge again. Look at your "
        "statement, then say what became of it: poolwatch topups settle {id} charged, or not-charged"
    ),
    "topup.other_token": mark(
        "{id} was sent with another token: asking again with this one could charge another account. Look at "
        "your statement, then say what became of it: poolwatch topups settle {id} charged, or not-charged"
    ),
    "topup.place_gone": mark("no [[topups]] with the address {place} is configured any more"),
}

_OUTCOMES: Final[Mapping[str, str]] = {
    "granted": mark("done"),
    "started": mark("started"),
    "refused": mark("refused, not charged"),
    "needs_web": mark("not charged: confirm in the browser"),
    "try_later": mark("not now, not charged"),
    "unknown": mark("UNKNOWN: it may have been charged"),
}
_SETTLED: Final[Mapping[str, str]] = {
    "charged": mark("unknown; you settled it: charged"),
    "not-charged": mark("unknown; you settled it: not charged"),
}

# --- one top-up
told: Final = Text("{name}, ${amount}: {outcome}")
because: Final = Text("{told}: {why}", "{told}")
rose: Final = Text("{told}: ${before} → ${after}")
not_risen: Final = Text("the balance is ${after} and was ${before}: it can take minutes")
now_is: Final = Text("the balance is ${after} now")
other_amount: Final = Text("the service says that it granted ${granted}")
retry: Final = Text("try again after {at}")
link: Final = Text("open {link}")
UNTIL_SETTLED: Final = Text("until it is settled, no other top-up of this target is sent")
# each command ends its line and is one that can be pasted
ASK_AGAIN: Final = Text("to ask again, as the same request, which cannot charge twice: {command}")
IF_CHARGED: Final = Text("once you know that it was charged: {command}")
IF_NOT_CHARGED: Final = Text("once you know that it was not: {command}")

# --- `topups`
NONE: Final = Text("no [[topups]] is configured: see docs/topups.md")
NONE_DONE: Final = Text("nothing was topped up yet")
offer: Final = Text("{name}: {target} at {host}")
caps: Final = Text("${day} of ${day_cap} used today · ${month} of ${month_cap} this month (UTC)")
caps_unknown: Final = Text("nobody knows how much of ${day_cap} a day and ${month_cap} a month (UTC) is used")
no_offer: Final = Text("there is no [[topups]] {name}")
no_offer_but: Final = Text("there is no [[topups]] {name}; did you mean {near}?")
which: Final = Text("which one? --name {names}")
not_amount: Final = Text("{text} is no amount: it is typed like 10 or 10.00")
bad_target: Final = Text("--target {why}")
no_purchase: Final = Text("there is no top-up {id}: poolwatch topups list shows them")
several_purchases: Final = Text("several top-ups begin with {id}")
UNCONFIRMED: Final = Text("nothing was sent: confirm the amount with --confirm {amount}, or on a terminal")
MISMATCH: Final = Text("nothing was sent: what was confirmed is another amount")
will_charge: Final = Text("${amount} will be charged now for {target}, at {host}")
saved_card: Final = Text("paid with the card saved at {host}; poolwatch sees no card")
NO_KEY: Final = Text(
    "this service takes no request key: if the answer is lost, poolwatch cannot ask again; it will then wait "
    "for you"
)
TYPE: Final = Text("type the amount to pay it: ")
GOES_ON: Final = Text(
    "left: what was sent goes on by itself; poolwatch topups list shows whether it was sent, and how it ended"
)
settle_word: Final = Text("{word} is neither charged nor not-charged")
copied: Final = Text(
    "what is written down of top-ups was put there as a copy at {at}: later ones are not in it, nor in caps"
)
damaged: Final = Text("part of what is written down of top-ups is damaged, and is missing here")

#: The demo's services stand in `demo/topups`.
DEMO: Final = Text(
    "in the demo the amount decides: $5 done, $10 slow, $15 no card, $20 declined, $25 answer lost, "
    "$50 never granted, $60 later"
)

# --- what waits for a person
propose: Final = Text("top up ${amount}? below ${below}")
is_below: Final = Text("${balance} is below ${below}: {command}")
auto: Final = Text("below ${below}, propose ${amount}; at most ${day} a day, ${month} a month")
waits: Final = Text("waits for you until {until}: {what}")
withdrawn: Final = Text("waits until {when}")
lost_top_up: Final = Text("${amount} may have been charged")
LOST_RESET: Final = Text("a reset may have been used")
#: Why nobody knows.
lost: Final = Text("{what}: the answer was lost")
settle_told: Final = Text("{who}: {command}")
once_known: Final = Text("{yes}, or {no}: once you know which")

# --- what was bought, on the screen of credits
DONE: Final = Text("TOP-UPS")
DONE_HEADER: Final = (
    Text("WHEN"),
    Text("BALANCE"),
    Text("AMOUNT"),
    Text("OUTCOME"),
    Text("ID"),
)
was_proposed: Final = Text("{id}, proposed")

# --- the sheet
TITLE: Final = Text("Top up {name}")
AT_STEP: Final = Text("{title} · {step}")
CONFIRM: Final = Text("confirm")
AT_WORK: Final = Text("at work")
UNKNOWN: Final = Text("UNKNOWN")
balance_now: Final = Text("balance now ${amount}, read {at}")
balance_lasts: Final = Text("{balance} · used up about {at}")
BALANCE_READING: Final = Text("balance now: it is being read")
BALANCE_UNKNOWN: Final = Text("balance now: not known, it could not be read")
BALANCE_NOBODY: Final = Text("balance now: not known, for no source tells it")
since: Final = Text("balance before ${before}, now ${now} (read {at}; a grant can take minutes)")
no_top_up: Final = Text("nothing can be bought there now: {why}")
your_caps: Final = Text("your caps: {caps}")
would_be: Final = Text("{charge}: ${before} → ${after}")
CHOOSE: Final = Text("type a number from above, or an amount: ")
chosen: Final = Text("  = ${amount}")
PAYING: Final = Text("${amount} is being paid: it is sent once")
ASKING: Final = Text("it is being asked")
MAY_TAKE: Final = Text("a service that still works on it is asked every 10 s, for five minutes")
WAIT: Final = Text("if you leave, it goes on by itself, and how it ended is told here")
seen: Final = Text("{told}, seen {at}")
BLOCKS: Final = Text("Do not top up again: until it is settled, no other top-up of {name} is sent.")
SAME_REQUEST: Final = Text("until {at} it can be asked again: the same request, which cannot charge twice")
LOOK_AGAIN: Final = Text("again asks the service how it stands; nothing is bought by that")
NOT_AGAIN: Final = Text("it cannot be asked again; compare the balance and your statement")
TYPE_AGAIN: Final = Text("type again; or once you know, charged or not charged: ")
TYPE_SETTLED: Final = Text("once you know, type charged or not charged: ")
OTHER_AMOUNT: Final = Text("that is another amount: nothing was sent")
NOTHING_CHARGED: Final = Text("nothing is charged")
RUNS_ON: Final = Text("the top-up of {name} goes on by itself; how it ended is told here")
COPIED: Final = Text("copied: {text}")
KEY_NEXT: Final = Text("next")
KEY_PAY: Final = Text("pay it")
KEY_LEAVE: Final = Text("leave")
KEY_RUNS_ON: Final = Text("leave, it goes on")
KEY_OTHER: Final = Text("another place")
KEY_READ: Final = Text("read the balance")
KEY_COPY: Final = Text("copy the address")
WEB_ALONE: Final = Text("For {name} nothing can be bought from here. It is bought in a browser, at")
OTHERS_HERE: Final = Text("What other services sell is bought here: see [[topups]] in docs/topups.md.")


def outcome_text(outcome: PurchaseOutcome, settled: Settled | None) -> str:
    """What became of a top-up, in a few words."""
    return _(_SETTLED[settled.value] if settled is not None else _OUTCOMES[outcome.value])
