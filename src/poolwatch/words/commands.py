"""Words of the commands: what they print, what `doctor` finds, errors, and the line for status bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from poolwatch.words.catalogue import Text, _, mark, n_

# --- `status`
ACCOUNT: Final = Text("ACCOUNT")
PLAN: Final = Text("PLAN")
STATUS: Final = Text("STATUS")
RESETS: Final = Text("RESETS")
OTHER: Final = Text("OTHER")
CREDITS: Final = Text("CREDITS")
USD: Final = Text("USD")
AGE: Final = Text("AGE")
NO_ACCOUNTS: Final = Text("no accounts")
NO_MATCH: Final = Text("no account matches")


def column(name: str, shown: str) -> str:
    """A column of percentages says whether they are used or left: `5H USED`."""
    return f"{name} {shown}".upper()


def pool_line(name: str, accounts: int, sources: int, fresh: str) -> str:
    """`work · 60 accounts · 4 sources · fresh 57 of 60`."""
    counted = n_("{count} account", "{count:,} accounts", accounts)
    told = f"{counted} · {n_('{count} source', '{count} sources', sources)} · {fresh}"
    return f"{name} · {told}" if name else told


#: Nothing went wrong but the filter; what there is, and how to ask for it.
no_match: Final = Text(
    'no account matches "{words}"; a filter is made of words from its name, e-mail or id,'
    " and of status:exhausted, plan:pro, weekly>=80, burn>10"
)

# --- `status --line`
LINE: Final = "pw"
LINE_NEXT: Final = Text("next")
LINE_BACK: Final = Text("back")
#: Until the next weekly limits come back: that the pool lasts, that it may run dry before, that it is dry.
line_lasts: Final = Text("lasts {day}", "lasts")
line_may_run_dry: Final = Text("dry {day}?", "dry?")
line_dry: Final = Text("dry to {day}", "dry")
LINE_EMPTY: Final = Text("pw no accounts")

# --- `next`
NO_NEXT: Final = Text("no account can be used now")
NONE_KNOWN: Final = Text("no account is known to be usable; poolwatch status says why")

#: Nothing fresh is known; what was known last is named all the same. `age` is empty if nobody tells.
next_is_old: Final = Text(
    "no reading is fresh; {label} was the best one {age} ago",
    "no reading is fresh; {label} was the best one when last known, age unknown",
)


#: Fewer can be used than were asked for.
fewer_next: Final = Text("{count} of the {wanted} that were asked for can be used now")


def no_next_back(label: str, clock: str, left: str) -> str:
    """The first that comes back when none can be used."""
    return f"{NO_NEXT()}; {_('{label} is back at {time}, in {left}', label=label, time=clock, left=left)}"


def on_credits_left(back: str, credits: str, usd: str) -> str:
    """Why an exhausted account is named when none is active; `credits` is empty where they have no limit."""
    if not credits:
        left = _("unlimited credits")
    elif usd:
        left = _("{credits} credits left ({usd})", credits=credits, usd=usd)
    else:
        left = _("{credits} credits left", credits=credits)
    if back:
        told = mark(
            "no account is active; this one is exhausted until {time}, but has {left}, which may carry it"
        )
        return _(told, time=back, left=left)
    return _("no account is active; this one is exhausted, but has {left}, which may carry it", left=left)


# --- errors
NOTHING_TO_MONITOR: Final = Text("nothing to monitor: no source is configured and no Codex login was found")
NONE_READ: Final = Text("no account could be read")
NO_LOGIN: Final = Text("no login found")
NEEDS_TERMINAL: Final = Text("the app needs a terminal; for scripts: poolwatch status --json")


def no_login_at(place: str) -> str:
    """A source that answers and lists nobody."""
    return f"{place}: {NO_LOGIN()}"


def no_such_account(text: str, near: Sequence[str] = (), *, or_balance: bool = False) -> str:
    """An argument that names no account, and some that may have been meant; `or_balance`: and no balance."""
    nobody = mark("no account is called {text}; poolwatch accounts list shows all")
    did_you = mark("no account is called {text}; did you mean {meant}? poolwatch accounts list shows all")
    if or_balance:
        nobody = mark(
            "no account and no balance is called {text}; poolwatch accounts and poolwatch credits show all"
        )
        did_you = mark("no account and no balance is called {text}; did you mean {meant}?")
    return _(did_you if near else nobody, text=text, meant=_(" or ").join(near))


#: An argument that names more than one account.
several_accounts: Final = Text("{text} could be {labels}; use more of the id")


# --- sentences by code
TEXTS: Final[Mapping[str, str]] = {
    # the command line
    "unwritten": mark("the output could not be written: {reason}"),
    "not_installed": mark("completion was not installed: {path}: {reason}"),
    "see_help": mark("Try '{command} --help' for help."),
    "usage_error": mark("Error: {message}"),
    "commands": mark("Commands"),
    "takes_no": mark("{command} takes no {option}"),
    "read_only": mark(
        "nothing was done: “{command}” changes something, and poolwatch is read-only ({where})"
    ),
    "quote_filter": mark("a filter is one argument; in quotes: {command}"),
    "account_or_filter": mark("history of one account, or of those that --filter finds; not both"),
    "filter_of_all": mark("--filter goes with --all: it says which of all accounts are refreshed"),
    "no_budget_matches": mark("no budget matches “{filter}”"),
    "no_event_matches": mark("none of {count} events matches “{filter}”"),
    "no_use_matches": mark("no use matches “{filter}”"),
    "line_alone": mark("status --line is about the whole pool; it takes only --tmux and --mask"),
    "tmux_alone": mark("--tmux goes with status --line"),
    "json_or_home": mark("next prints --json or --home, not both; the JSON names the home"),
    "json_or_csv": mark("--json or --csv, not both"),
    "no_moment": mark("{option} takes 24h, 7d, today, month, a date or an RFC 3339 instant, not {text}"),
    "no_span": mark("--since has to lie before --until"),
    "no_sessions": mark("no session files of Codex were found in {homes}"),
    "never_scanned": mark("no session files have been read yet; without --no-scan they are"),
    "no_such_home": mark("{path} is no folder"),
    "as_known": mark("what follows is what was known before"),
    "not_scanned": mark("session files cannot be read: {reason}"),
    "no_events": mark("nothing is known to have happened in that time"),
    "no_history": mark("nothing is kept of that in that time"),
    "bad_max_age": mark("--max-age takes a number of seconds, 0 or more"),
    "no_codex_home": mark("the account to use next has no Codex home"),
    "accounts_and_all": mark("name accounts, or use --all: not both"),
    "accounts_or_all": mark("name accounts, or use --all"),
    # what is monitored
    "add_one": mark("{found}; add one with: {command}"),
    "source_fails": mark("source {name}: {why}"),
    "no_accounts": mark("no accounts; {command} says where it looked"),
    "found_source": mark("found, not configured"),
    "configured_source": mark("configured"),
    "own_source": mark("imported logins, poolwatch's own folder"),
    "nothing_monitored": mark("nothing is monitored; a place is added with: {command}"),
    "looked_for": mark("looked for {place}: {found}"),
    "found": mark("found {place}: {found}; add it with: {command}"),
    "written": mark("{name}: {found}; written to {path}"),
    "monitored_already": mark("{place} is monitored already, as {name}"),
    "codex": mark("Codex"),
    "program_of": mark("the program of {path}"),
    "nothing_typed": mark("nothing was typed"),
    "pool_from_shell": mark("a running pool is added from a shell: {command}"),
    "whole_path": mark("{path}: give the whole path, from / or ~"),
    "nothing_there": mark("{path}: there is nothing"),
    "homes_inside": mark("; for the Codex homes in it: {command}"),
    "config_at": mark("config {path}"),
    "not_there": mark("not there"),
    "demo_failed": mark("the simulated upstream did not start; nothing was changed"),
    # how requests leave this machine
    "certificates": mark("TLS certificates: {place} ({origin})"),
    "no_certificates": mark(
        "TLS certificates: {place} ({origin}) is not there; nothing can be asked over https"
    ),
    "correct": mark("correct {origin}"),
    "uses_proxy": mark("https to other machines goes through the proxy: {proxy}"),
    "reconciles": mark(
        "usage.reconcile is on: OpenAI is asked once a day for each account how many tokens it counted"
    ),
    "unused_proxy": mark("HTTPS_PROXY is set and not used"),
    "use_proxy": mark('to use it: [net] proxy = "env"'),
    "no_environment_proxy": mark('[net] proxy is "env", and HTTPS_PROXY is not set: no proxy is used'),
    "insecure_writes_it": mark("(--insecure writes it)"),
    "key_options_write_it": mark("(--api-key-file or --api-key-env writes it)"),
    "not_sent": mark("{why}; nothing was sent or written"),
    "not_written": mark("{why}; nothing was written"),
    "no_source": mark("no source is called {name}; poolwatch sources lists all"),
    "no_source_but": mark("no source is called {name}; did you mean {near}?"),
    "usage_answers": mark("{name}: {found}; usage answers"),
    "no_login_there": mark("{name}: no login is there"),
    "kind_first": mark("the kind comes first, then the address; there are {kinds}"),
    "no_kind": mark("{kind} is no kind of source; there are {kinds}"),
    "no_kind_but": mark("{kind} is no kind of source; did you mean {near}?"),
    "bad_custody": mark("--custody is for auth-files only"),
    "place_missing": mark("{kind} needs a folder, file or URL behind it"),
    "url_missing": mark("{kind} has no usual address: name yours behind it"),
    "no_preset": mark(
        "a service without a preset stands in the configuration alone: docs/credits.md has examples. "
        "There are presets for {kinds}"
    ),
    "no_password_here": mark("{kind} takes a key and no password"),
    "secrets_of_pools": mark("keys and passwords belong to pools and balances"),
    "takes_a_path": mark("{kind} takes a path; a running pool is added with: {command}"),
    "insecure_of_pools": mark("--insecure is for pools and balances only"),
    "source_there": mark("a source called {name} is there already; nothing was written"),
    "none_polled": mark("no login there can be polled"),
    "asked_of": mark("({number} of {count} asked)"),
    # running pools
    "start_pool": mark("start the pool, or fix the source's url"),
    "mend_url": mark("fix the source's url"),
    "mend_url_or_update": mark("fix the source's url, or update the pool"),
    "look_into_log": mark("look into the pool's own log"),
    "wait_for_pool": mark("wait: poolwatch asks again by itself"),
    "mend_and_try": mark("fix that, then {command}"),
    "no_pool": mark("is no pool"),
    "version_unknown": mark("{program}, version unknown"),
    "pool_answers": mark("{program} answers and lets poolwatch in: {found}"),
    # accounts
    "a_login": mark("a login"),
    "no_email": mark("no e-mail"),
    "custody": mark("custody {custody}"),
    "listed_owner": mark(", kept by {owner}"),
    "kept": mark("kept  {whose}: a new login waits in {path} since {since}"),
    "not_own": mark(
        "{name} is not in poolwatch's own folder, nothing was changed; it comes from {places}: "
        "remove it there, or take that source out of the configuration"
    ),
    "not_removed": mark("{name} was not removed: {why}"),
    "removed": mark("removed   {name}: a copy is kept in {path}"),
    "stays_valid": mark("the login itself stays valid upstream: sign it out there if it must end"),
    "still_listed": mark("{name} is still listed from {places}"),
    "no_conflict": mark("{name} is in no conflict; nothing was changed"),
    "no_holder": mark("{path} does not hold this login, nothing was changed; these do: {holders}"),
    "keep_the_file": mark(
        "{link} is a link to {file}: they are one file, nothing was changed; keep {file}, or remove the link"
    ),
    "kept_by": mark(
        "{file} is kept by {keeper} and was left alone: poolwatch never renames such a file. "
        "End its use there first, then: {command}"
    ),
    "another_program": mark("another program"),
    "stays_in_conflict": mark("{name} stays in conflict and is not refreshed until that is done"),
    "stays_in_use": mark("kept      {name}: {file} stays in use"),
    "not_set_aside": mark("{file} was not set aside: {why}"),
    "set_aside": mark("set aside {file}: {new}"),
    "set_aside_for": mark("set aside {file}: {new}; {kept} stays in use"),
    "set_aside_link": mark("set aside {file}: {new} (a link; {target} itself was left alone)"),
    # logins that are imported
    "no_own_folder": mark("there is no place for imported logins: set HOME or POOLWATCH_DATA_DIR"),
    "cannot_ask": mark(
        "import asks which holder stays in use; without a terminal say --yes, or --keep imported|source"
    ),
    "refused_file": mark("refused   {why}; nothing was imported"),
    "refused_held": mark("refused   {name}: its account is already kept in {file}"),
    "refused": mark("refused   {name}: {why}"),
    "imported": mark("imported  {name}: {file}"),
    "second_holder": mark(
        "{file} is now a second holder of the same login: whoever refreshes first ends the other"
    ),
    "second_holder_of_many": mark(
        "{file} is now a second holder of the same {count} logins: whoever refreshes first ends the other"
    ),
    "will_not_renew": mark("poolwatch will not renew what it keeps there: {why}"),
    "which_stays": mark(
        "Which one stays in use?  i: the imported one, {file} is set aside\n"
        "                         s: {file}, the imported one is set aside\n"
        "                         Enter: decide later"
    ),
    "not_all_kept": mark("{file} was left where it is: not every login in it is kept by poolwatch"),
    "own_already": mark("{file} is poolwatch's own file already; nothing was set aside"),
    "waits_for_its_place": mark(
        "{file} waits for its place and was left there: poolwatch keeps another login of its account"
    ),
    "one_file": mark("{link} is a link to {file}: they are one file; nothing was set aside"),
    "one_may_stay": mark(
        "only one of the two may stay in use. To keep poolwatch's: {command}; to keep the other: {remove}"
    ),
    "one_may_stay_of_two_programs": mark(
        "only one of the two may stay in use. To keep poolwatch's: end its use in the program that keeps it, "
        "then {command}; to keep the other: {remove}"
    ),
    # configuration
    "wrote": mark("wrote {path}"),
    "no_file": mark("no file; the defaults"),
    # where everything lies
    "place.configuration": mark("configuration"),
    "place.state": mark("state"),
    "place.logins": mark("imported logins"),
    "place.removed": mark("logins taken out"),
    "place.cache": mark("cache"),
    "no_cache": mark("there is none"),
    "no_place": mark("no place: HOME is not set"),
    "place_not_there": mark("{place} (not there)"),
    # settings that are changed
    "is_set": mark("{key} = {value}"),
    "is_taken_out": mark("{key}: taken out"),
    "is_not_there": mark("{key}: not set"),
    "written_to": mark("written to {path}; a poolwatch that runs reads it at its next start"),
    "budget_written_to": mark("written to {path}; a poolwatch that runs takes it up within half a minute"),
    "budget_out": mark("{name}: taken out of {path}; how its periods went is kept"),
    "periods_not_kept": mark(
        "how its periods went could not be put under its new name: they stay under {name}"
    ),
    "the_same": mark("the same: {command}"),
    "budget_warns": mark("it warns only; with at_limit=stop, `check` and `run` say stop at the limit"),
    "budget_stops": mark("at its limit `check` and `run` say stop; nothing that runs already is ended"),
    "budget_filter": mark("{name}: {wrong}"),
    "no_budgets": mark("no budget is configured; {command} proposes $10 a month"),
    "nothing_to_change": mark("{path} says so already"),
    "stronger": mark("{variable} is set, and overrides the file"),
    "chosen_by_key": mark("{key} was chosen with a key in the app, which overrides the file: {value}"),
    "wrong_and_unwritten": mark("{why}; nothing was written"),
    "still_wrong": mark("still to be put right: {why}"),
    "unwritten_so": mark("nothing was written"),
    # sources that are changed or taken out
    "source_out": mark("{name}: taken out of {path}"),
    "is_found": mark("{name} was found, and is not in the configuration; it is written there by: {command}"),
    "is_own": mark("{name} is poolwatch's own folder, {path}; a login is taken out of it with: {command}"),
    "logins_stay": mark("its logins stay where they are: {place}"),
    "own_logins_stay": mark(
        "poolwatch's own logins stay where they are: {place}; nothing renews them until a source names it "
        "again"
    ),
    "still_own": mark("its logins stay in {place}, poolwatch's own folder, which is monitored by itself"),
    "pool_stays": mark("the pool at {place} was not touched"),
    "none_left": mark("no source is configured any more; a Codex home that is found is shown"),
    "try_it": mark("try it: {command}"),
    # config edit
    "edit_failed": mark("{editor} ended with {number}; nothing was written"),
    "no_editor": mark("{editor} cannot be run ({reason}); set VISUAL or EDITOR to your editor"),
    "unchanged": mark("{path}: nothing was changed"),
    "edit_emptied": mark("the text is empty; {path} is as it was"),
    "edit_again": mark("e: edit again   Enter: leave the file as it was "),
    "edit_kept": mark("{path} is as it was; your text is kept in {copy}"),
    # doctor
    "do": mark("do: {remedy}"),
    "mend_line": mark("fix that line"),
    "mend_line_and_check": mark("fix that line; {command} says when"),
    "no_file_holds": mark("no file; the defaults hold"),
    "add_or_demo": mark("{command}, or try poolwatch demo"),
    "nothing": mark("nothing to monitor"),
    "nothing_since": mark("nothing to monitor: {why}"),
    "same_place": mark("{one} and {other} are the same place: {place}"),
    "the_configuration": mark("the configuration"),
    "take_one_out": mark("take one of them out of {file}"),
    "in_memory_only": mark("{path} cannot be written: readings are kept in memory only"),
    "make_writable": mark("make it writable, or set POOLWATCH_STATE_DIR"),
    "clock_behind": mark("the clock of this machine is {seconds} s behind"),
    "clock_ahead": mark("the clock of this machine is {seconds} s ahead"),
    "sign_in_or_add": mark("sign in there, or {command}"),
    "damaged_past": mark("damaged rows of history, events and forecasts: {count}; they are left out"),
    "damaged": mark("{path} may hold a login, and cannot be read"),
    "sign_in_and_remove": mark("if its account needs a login, sign in again; then remove the file"),
    "move_to_local_disk": mark("where other machines have it too, move it to a local disk"),
    "until_then": mark("{problem}; until then no login there is refreshed"),
    "rate_adopted": mark("{rate} credits per USD, adopted from {pools}"),
    "says": mark("{name} says {rate}"),
    "pools_disagree": mark("the pools disagree on credits per USD ({each}): {rate} is used"),
    "set_rate": mark("set credits_per_usd in the configuration"),
    "copied_journals": mark(
        "{path} was put there as a copy at {at}: what was bought or used since that copy was made is not in "
        "it, so caps count less, and what was unknown is forgotten; compare it with your statement"
    ),
    "open_to_others": mark("{path} is open to others (mode {mode})"),
    # doctor: the terminal
    "no_terminal": mark("not on a terminal: widths and colours were not looked at"),
    "no_term": mark("TERM is not set"),
    "larger_window": mark("make the window at least 60x15; 80x24 is better"),
    "cannot_draw": mark("this terminal cannot be drawn on"),
    "utf_8": mark("the locale is UTF-8"),
    "no_utf_8": mark("the locale is not UTF-8: ASCII glyphs are used"),
    "set_utf_8": mark('export LANG=C.UTF-8, or write glyphs = "unicode" into [ui]'),
    "no_color": mark("NO_COLOR is set: states are told by glyphs and words"),
    "widths_unknown": mark("the terminal could not be asked how wide it draws glyphs"),
    "drawn_wide": mark("drawn two cells wide here: {glyphs}"),
    "narrow_glyphs": mark('set glyphs = "ascii" in [ui], or ambiguous width to narrow in the terminal'),
    "drawn_narrow": mark("glyphs are one cell wide"),
}


def said(code: str, **blanks: object) -> str:
    """One of the sentences, with its blanks filled."""
    return _(TEXTS[code], **blanks)


def readable_logins(count: int) -> str:
    """`2 logins, readable`."""
    return n_("{count} login, readable", "{count} logins, readable", count).format(count=count)


def config_there(sources: int) -> str:
    """The configuration file is there, with so many sources."""
    if not sources:
        return _("there, no source in it")
    return n_("there, {count} source in it", "there, {count} sources in it", sources).format(count=sources)


def counted_words(count: int, dead: int, unreadable: int = 0, *, are_accounts: bool) -> str:
    """`47 accounts, 2 need login`, `2 logins, 1 file not readable`."""
    if are_accounts:
        parts = [n_("{count} account", "{count:,} accounts", count)]
    else:
        parts = [n_("{count} login", "{count} logins", count).format(count=count)]
    if dead:
        parts.append(n_("{count} needs login", "{count} need login", dead).format(count=dead))
    if unreadable:
        text = n_("{count} file not readable", "{count} files not readable", unreadable)
        parts.append(text.format(count=unreadable))
    return ", ".join(parts)


def fine_words(where: str, sources: int) -> str:
    """What `config check` says of a configuration without a fault."""
    found = n_("fine, {count} source", "fine, {count} sources", sources).format(count=sources)
    return f"{where}: {found}"


def left_out_words(names: Sequence[str], more: int) -> str:
    """Files in a folder of logins that hold none; `more` are not named."""
    named = ", ".join(names)
    if more:
        named = _("{names} and {count} more").format(names=named, count=more)
    count = len(names) + more
    return f"{named} {n_('is not a login and is left out', 'are not logins and are left out', count)}"
