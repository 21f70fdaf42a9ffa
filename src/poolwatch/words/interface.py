"""Words of the interface itself: keys, help, headings, switches, the first-run screen, crashes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from poolwatch.domain.message import Message
from poolwatch.words.catalogue import _, mark, n_

#: What each key does, by its id, for help, palette and README. A key that is not here is explained
#: with the one before it.
_HELP: Final = {
    "move_up": mark("move"),
    "move_page_up": mark("a page up, a page down"),
    "move_first": mark("to the first, to the last"),
    "scroll_up": mark("scroll"),
    "next_account": mark("the next account or balance, the previous"),
    "refresh": mark("refresh: renew the login if need be, then read the usage"),
    "usage": mark("re-read the usage and leave the login alone"),
    "read_report": mark(
        "have OpenAI report the account's days: one extra request, which it asks about first"
    ),
    "refresh_shown": mark("refresh all accounts shown, spread out; esc stops"),
    "mark": mark("mark or unmark; r and u act on all that are marked"),
    "sign_in": mark("sign in again, where a new login is needed"),
    "needs_you": mark("show only what needs you, and all again"),
    "next_needs_you": mark("to the next account that needs you, to the previous"),
    "filter": mark("filter: words, fields and figures, explained below; tab completes, esc clears it"),
    "sort": mark("the next order"),
    "reverse": mark("reverse the order"),
    "column_1": mark("sort by that column of the table; once more reverses it"),
    "view": mark("table, cards or hive"),
    "group": mark("group the hive by source, group or plan"),
    "go_there": mark("the history of the event's account, at that minute"),
    "silence": mark("silence an alert for a while, with a reason; or end that"),
    "group_events": mark("group them by day, account or kind"),
    "older_day": mark("a day back, a day forth"),
    "mask": mark("hide e-mail addresses and paths"),
    "used_left": mark("percentages say what is used, or what is left"),
    "copy": mark("copy the remedy's command, else the account's id; of a payload, all of it"),
    "raw": mark("the last payload, redacted"),
    "search": mark("search the payload; esc ends the search"),
    "next_match": mark("the next match, the previous"),
    "detail": mark("everything about the account"),
    "history": mark("how its figures ran over time, what is expected, and its past windows"),
    "whose": mark("whose: the account's, its group's, the pool's"),
    "shorter": mark("a shorter period, a longer one"),
    "figure": mark("the next figure"),
    "report_figure": mark("credits, or tokens"),
    "earlier": mark("read out what was earlier, later"),
    "open_account": mark("of a pool or a group: that account"),
    "cost": mark("tokens and what they would cost: by model, day, account, project and more"),
    "group_use": mark("group the use by something else"),
    "origin": mark("use from session files, OpenAI's count, or what was imported"),
    "open_group": mark("what is in the group"),
    "change_budget": mark("change the budget: a form, which is saved by its own enter"),
    "add_budget": mark("add a budget, in the same form"),
    "group_budget": mark("who spent it: by account, group or model"),
    "previous_field": mark("the next value, the previous"),
    "previous_choice": mark("choose"),
    "save_budget": mark("save it to the configuration file"),
    "use_reset": mark("use the banked reset: a sheet, in which the account's name is typed"),
    "read_resets": mark("read the account's banked resets, their history and its usage now"),
    "whose_resets": mark("whose: the selected account's, or the pool's"),
    "resets": mark("banked resets: what there is, and the use of one"),
    "budgets": mark("budgets: what may be spent, how far that has gone, and what it comes to"),
    "credits": mark("credits and balances: what is left of each, and how long it lasts"),
    "top_up": mark("top up a balance: a sheet, in which the amount is typed"),
    "read_balance": mark("read the balance now"),
    "events": mark("alerts, what happened, and what was said in this run; since you last looked"),
    "pause": mark("pause automatic polling, and resume it"),
    "theme": mark("the next theme"),
    "back": mark("back; on the main screen: stop a refresh of many, else clear the marks, else the filter"),
    "demo": mark("open the demo"),
    "add_first": mark("add what was found, by its number"),
    "add_place": mark("add a home or a folder of auth files"),
    "about_logins": mark("how logins are treated"),
    "help": mark("this help"),
    "palette": mark("go to: screens, accounts, saved filters and all commands by name"),
    "repaint": mark("redraw the screen"),
    "quit": mark("back; on the main screen: quit, while a refresh that runs is finished in the background"),
    "interrupt": mark("quit, from anywhere"),
}
_FOOTER: Final = {
    "next_account": mark("account"),
    "refresh": mark("refresh"),
    "usage": mark("usage"),
    "read_report": mark("read"),
    "refresh_shown": mark("shown"),
    "mark": mark("mark"),
    "sign_in": mark("sign in"),
    "needs_you": mark("needs you"),
    "filter": mark("filter"),
    "sort": mark("sort"),
    "view": mark("view"),
    "mask": mark("mask"),
    "used_left": mark("left"),
    "copy": mark("copy"),
    "raw": mark("raw"),
    "search": mark("search"),
    "next_match": mark("next match"),
    "detail": mark("details"),
    "history": mark("history"),
    "whose": mark("whose"),
    "shorter": mark("period"),
    "figure": mark("figure"),
    "report_figure": mark("credits · tokens"),
    "earlier": mark("read out"),
    "open_account": mark("that account"),
    "go_there": mark("go there"),
    "older_day": mark("day"),
    "silence": mark("silence"),
    "group_events": mark("group by"),
    "cost": mark("cost"),
    "group_use": mark("group by"),
    "origin": mark("source"),
    "open_group": mark("open"),
    "change_budget": mark("change"),
    "add_budget": mark("add"),
    "group_budget": mark("group by"),
    "previous_field": mark("field"),
    "previous_choice": mark("choose"),
    "save_budget": mark("save"),
    "use_reset": mark("use it…"),
    "read_resets": mark("read"),
    "whose_resets": mark("whose"),
    "resets": mark("banked resets"),
    "budgets": mark("budgets"),
    "credits": mark("credits"),
    "top_up": mark("top up"),
    "read_balance": mark("read"),
    "events": mark("events"),
    "back": mark("back"),
    "palette": mark("go to"),
    "help": mark("help"),
    "quit": mark("quit"),
}
_TEXTS: Final = {
    # the help
    "help.title": mark("Keys"),
    "help.pool": mark("MAIN SCREEN"),
    "help.detail": mark("DETAILS"),
    "help.history": mark("HISTORY"),
    "help.usage": mark("USAGE AND COST"),
    "help.report": mark("OPENAI'S COUNT"),
    "help.events": mark("EVENTS"),
    "help.budgets": mark("BUDGETS"),
    "help.budget_form": mark("A BUDGET'S FORM"),
    "help.resets": mark("BANKED RESETS"),
    "help.credits": mark("CREDITS AND BALANCES"),
    "help.raw": mark("PAYLOAD"),
    "help.app": mark("EVERYWHERE"),
    "help.filter": mark("FILTER"),
    "help.at_reset": mark("AT RESET"),
    "help.marks": mark("MARKS"),
    "mark.active": mark("active: it can be used now"),
    "mark.exhausted": mark("exhausted: it comes back by itself, or with credits"),
    "mark.needs_you": mark("needs you: sign in, deactivated, in conflict, or blocked for long"),
    "mark.trouble": mark("trouble that heals by itself; the last numbers stay, with their age"),
    "mark.never_read": mark("not read yet, or nothing is known"),
    "mark.off": mark("disabled or deactivated"),
    "flag.marked": mark("marked by you, for r and u"),
    "flag.moves": mark("in another section by now; it moves once no key has been pressed for three seconds"),
    # a key that does nothing where it was pressed
    "key.elsewhere": mark("no key {key} here; on {where}: {does}"),
    "key.elsewhere.short": mark("no key {key} here; it works on {where}"),
    "key.meant": mark("no key {key} here; {meant}: {does}"),
    "key.meant.short": mark("no key {key} here; did you mean {meant}?"),
    "key.off": mark("{key} is off: it changes or spends something, and this poolwatch is read-only"),
    "key.off.short": mark("{key} is off: this poolwatch is read-only"),
    "key.nowhere": mark("no key {key} here; {help} shows all keys"),
    "screen.pool": mark("the main screen"),
    "screen.detail": mark("the details"),
    "screen.history": mark("the history"),
    "screen.usage": mark("usage and cost"),
    "screen.report": mark("OpenAI's count"),
    "screen.events": mark("the events"),
    "screen.budgets": mark("the budgets"),
    "screen.resets": mark("the banked resets"),
    "screen.credits": mark("the credits"),
    "screen.raw": mark("the payload"),
    # where the palette goes
    "palette_prompt": mark("a screen, an account, a saved filter, or what a key does"),
    "go.screen": mark("a screen"),
    "go.account": mark("an account: everything about it"),
    "go.filter": mark("a saved filter: {text}"),
    # what is wrong with [keys] and ui.theme
    "key.unknown": mark("there is no key called {key}"),
    "key.near": mark("there is no key called {key}; did you mean {near}?"),
    "key.none": mark("{key} has no key; give one, like {example}"),
    "key.wrong": mark("{key}: {wrong!r} is not a key"),
    "key.taken": mark("{key}: {pressed} is already {other}"),
    "theme.unknown": mark("no theme is called {name}; there are {known}"),
    # headings
    "column.account": mark("ACCOUNT"),
    "column.source": mark("SOURCE"),
    "column.plan": mark("PLAN"),
    "column.status": mark("STATUS"),
    "column.short": mark("5H"),
    "column.long": mark("WEEKLY"),
    "column.long_narrow": mark("WEEK"),
    "column.resets": mark("RESETS"),
    "column.scarcest": mark("SCARCEST"),
    "column.at_reset": mark("AT RESET"),
    "column.credits": mark("CREDITS"),
    "column.usd": mark("USD"),
    "column.age": mark("AGE"),
    "column.used": mark("USED"),
    "column.left": mark("LEFT"),
    "credits": mark("credits"),
    "unknown": mark("unknown"),
    "more_rows": mark("+{count} more"),
    "more_below": mark("{count} more below"),
    # the demo
    "simulated": mark("Everything here is simulated; nothing can be spent."),
    "simulated.short": mark("demo: all simulated, nothing is spent"),
    "simulated.try": mark("Try {key} on {account}, then"),
    # the legend of the hive
    "hive_heights.used": mark("height: used of the scarcest window"),
    "hive_heights.left": mark("height: left of the scarcest window"),
    "hive_below": mark("below {percent}"),
    "hive_from": mark("from {percent}"),
    "hive_above": mark("above {percent}"),
    "hive_up_to": mark("up to {percent}"),
    "hive_full": mark("full"),
    "hive_used_up": mark("used up"),
    "hive_old": mark("old"),
    "hive_needs_you": mark("needs you"),
    "hive_trouble": mark("trouble"),
    "hive_never_read": mark("not read yet"),
    "hive_off": mark("disabled"),
    # what is switched
    "read_only": mark("read-only"),
    "paused": mark("paused"),
    "masked": mark("masked"),
    "marked": mark("{count} marked"),
    "refresh_marked": mark("refresh {count}"),
    "usage_marked": mark("usage {count}"),
    # how far the refresh of an account is
    "turn.waits": mark("waiting"),
    "turn.runs": mark("refreshing"),
    "turn.ok": mark("ok"),
    "turn.failed": mark("failed"),
    "only_needs_you": mark("only what needs you"),
    "filter_is": mark("filter {text}"),
    "used": mark("used"),
    "left": mark("left"),
    "sort": mark("sort {name}"),
    "sort_reversed": mark("sort {name}, reversed"),
    "sort.need": mark("need"),
    "sort.name": mark("name"),
    "sort.weekly": mark("weekly"),
    "sort.5h": mark("5h"),
    "sort.credits": mark("credits"),
    "sort.reset": mark("reset"),
    "sort.age": mark("age"),
    "sort.at-reset": mark("at reset"),
    "sort.burn": mark("burn"),
    "sort.plan": mark("plan"),
    "sort.source": mark("source"),
    "sort.5h-reset": mark("5h reset"),
    "sort.weekly-reset": mark("weekly reset"),
    "sort.scarcest": mark("scarcest"),
    "sort.scarcest-reset": mark("reset of the scarcest"),
    "view.table": mark("table"),
    "view.cards": mark("cards"),
    "view.hive": mark("hive"),
    "group.source": mark("source"),
    "group.group": mark("group"),
    "group.plan": mark("plan"),
    "hive_by": mark("hive by {group}"),
    "theme_is": mark("theme: {name}"),
    "view_is": mark("view: {name}"),
    "group_is": mark("grouped by {name}"),
    # the message line, and the footer's other words
    "waiting": mark("waiting for the first answer of a source"),
    "no_accounts": mark("no accounts: no source lists any"),
    "balances_alone": mark("no accounts: balances alone are monitored"),
    "feed_ended": mark("the monitor has stopped: these figures are no longer kept; quit and start again"),
    "detail_gone": mark("this account is no longer listed"),
    "filter_prompt": mark("words  plan:pro  weekly>=80  resets<2h  -word  (a or b)  ! needs you  @saved"),
    "yes": mark("yes"),
    "no": mark("no"),
    "stop_waiting": mark("stop waiting"),
    "filter_keep": mark("keep the filter"),
    "filter_complete": mark("complete"),
    "filter_clear": mark("clear it"),
    "raw_title": mark("the last payload, redacted"),
    "search_prompt": mark("what to look for, in any case"),
    "search_keep": mark("keep the search"),
    "search_clear": mark("end it"),
    "search_none": mark("no match for “{text}”"),
    "search_at": mark("{nth} of {count} for “{text}”"),
    "search_first": mark("nothing is searched; {key} searches"),
    "copy": mark("copy"),
    "copy_id": mark("copy id"),
    "copy_remedy": mark("copy remedy"),
    "close": mark("close"),
    "choose": mark("choose"),
    "leave_it": mark("leave it as it is"),
    "do_it": mark("do it"),
    "nothing_is_done": mark("nothing is done"),
    "other_word": mark("that is another word: nothing was done"),
    "not_by_hand": mark("Enter came together with the text, as in a paste: press Enter once more"),
    "help": mark("help"),
    # the first-run screen
    "about_logins": mark("How logins are treated"),
    "place_prompt": mark("path of a Codex home or of a folder with auth files"),
    "place_add": mark("add it"),
    "place_leave": mark("leave it"),
    "adding": mark("adding {place} …"),
    "added": mark("{place} is added: {found}"),
    "not_added": mark("nothing was added: {reason}"),
    "add_hint": mark("add"),
    "add_entry": mark("add {place}, read-only; writes the config"),
    "from_a_shell": mark("the same from a shell: {command}"),
    "adds_nothing": mark("This poolwatch is read-only: sources are added by one that is not."),
    # a terminal that is too small
    "too_small": mark("poolwatch needs {needs} or more; this is {has}; {key} quits"),
    # a crash
    "crash": mark("poolwatch stopped because of an error of its own. No login or reading was lost."),
    "crash.unknown": mark("an error that is not known, reported by"),
    "crash.cause": mark("caused by {kind}"),
    "crash.end": mark("These lines hold no account data; please send them with a report of what you did."),
}
_ABOUT_LOGINS: Final = (
    mark(
        "A login holds two tokens. The access token reads the usage and lives for days. The refresh token "
        "buys a new access token and can be spent only once: whoever spends it gets a new one, and everybody "
        "else who kept the old one is signed out."
    ),
    mark(
        'poolwatch therefore spends a refresh token only where the configuration says custody = "poolwatch", '
        "and of logins that poolwatch accounts import took in. Neither is ever a default or inferred."
    ),
    mark(
        "Codex homes are read as they are. When such a login has expired, r asks the installed codex to "
        "renew its own login. Folders of other tools are read as well, and the tool that owns them has to "
        "renew them."
    ),
    mark(
        "A running pool keeps its own tokens: poolwatch asks it for figures, and r asks it to renew "
        "a login where it can be asked."
    ),
    mark(
        "Nothing is sent anywhere but to the usage and login services, and to the pools, balances, top-ups "
        "and channels that you configure. Tokens are never shown, logged or stored by poolwatch outside the "
        "files they came in and the private folders of its own logins."
    ),
)


def text(code: str, **blanks: object) -> str:
    """One of the texts, its blanks filled in."""
    return _(_TEXTS[code]).format(**blanks)


#: The code of the notice that another process polls.
VIEWER: Final = "monitor.viewer"
#: The code of the process that polls, where that is the daemon.
DAEMON: Final = "monitor.daemon"


def watching(notices: Iterable[Message]) -> str:
    """The badge of a screen that another process polls for; "" where its own does."""
    holder = next((dict(each.arguments).get("holder") for each in notices if each.code == VIEWER), None)
    if holder is None:
        return ""
    told = dict(holder.arguments) if isinstance(holder, Message) else {}
    pid, host = told.get("pid"), told.get("host")
    if isinstance(holder, Message) and holder.code == DAEMON:
        return _("watching: poolwatch daemon (pid {pid}, {host})", pid=pid, host=host)
    return _("watching: pid {pid} polls", pid=pid) if pid else _("watching: another process polls")


def too_small(width: int, height: int, is_width: int, is_height: int, quits: str) -> str:
    """What a terminal has to be, what it is, and the key that still works."""
    return text("too_small", needs=f"{width}x{height}", has=f"{is_width}x{is_height}", key=quits)


def key_help(key_id: str) -> str:
    """What a key does; "" where it is explained together with the one before it."""
    found = _HELP.get(key_id, "")
    return _(found) if found else ""


def key_footer(key_id: str) -> str:
    """The key's word in the footer."""
    found = _FOOTER.get(key_id, "")
    return _(found) if found else ""


def lines_copied(count: int) -> str:
    """What went to the clipboard where it is too long to be shown."""
    return n_("copied: the payload, {count} line", "copied: the payload, {count} lines", count)


def counted(accounts: int, sources: int) -> str:
    """`60 accounts · 4 sources`."""
    told = n_("{count} account", "{count:,} accounts", accounts)
    if not sources:
        return told
    return f"{told} · {n_('{count} source', '{count} sources', sources).format(count=sources)}"


def active_of(accounts: int, exhausted: int, unread: int, disabled: int, *, brief: bool = False) -> str:
    """What stands beside the number of active accounts."""
    if unread and disabled:
        told = _("of {accounts}, {exhausted} exhausted, {unread} not read, {disabled} off")
    elif unread and brief:
        told = _("of {accounts}, {exhausted} exhausted, {unread} not read")
    elif unread:
        told = _("of {accounts}, {exhausted} exhausted, {unread} not read yet")
    elif disabled:
        told = _("of {accounts}, {exhausted} exhausted, {disabled} disabled")
    else:
        told = _("of {accounts}, {exhausted} exhausted")
    return told.format(accounts=accounts, exhausted=exhausted, unread=unread, disabled=disabled)


def about_logins() -> tuple[str, ...]:
    """How logins are treated, in paragraphs."""
    return tuple(_(paragraph) for paragraph in _ABOUT_LOGINS)
