"""Words about the configuration: what is wrong with it, and what lies around on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import _, mark

TEXTS: Final[Mapping[str, str]] = {
    # what is wrong with a value, after its key
    "not_truth": mark("must be true or false, not {value}"),
    "not_whole": mark("must be a whole number from {low} to {high}, not {value}"),
    "not_within": mark("must be {bounds}, not {value}"),
    "not_number": mark("must be a number {bounds}, not {value}"),
    "bounds": mark("from {low} to {high}"),
    "bounds_in_seconds": mark("from {low} to {high} seconds"),
    "not_workhours": mark('must be days and hours like "mon-fri 9:00-17:30, sat 10-14", not {value}'),
    "not_weights": mark('must be plans with numbers above 0, like "pro=20, prolite=5", not {value}'),
    "not_time_zone": mark('must name a time zone like "Europe/Berlin", not {value}'),
    "no_time_zones": mark("is {value}, and this machine has no time zones to look it up in: install tzdata"),
    "not_time_of_day": mark('must be a time of the day like "09:00", not {value}'),
    "not_quiet_hours": mark('must be two times of the day like "22:00-07:00", not {value}'),
    "not_limit": mark('must be above 0 and like "$10", "250 credits", "5M tokens" or "80%", not {value}'),
    "not_auth": mark('must be "bearer", "none" or "header:NAME", not {value}'),
    "not_headers": mark('must be headers like ["New-Api-User: 12"]'),
    "secret_header": mark(
        "has {name}: a secret never stands in this file; name a file with it in api_key_file, and in auth "
        "how it is sent"
    ),
    "own_header": mark("has {name}, which each request has anyway"),
    "not_pointer": mark('must be a JSON pointer like "/data/remaining", not {value}'),
    "not_pick": mark('must be like "/balance_infos currency=USD", not {value}'),
    "not_equality": mark('must be a pointer and a value like "/code=0", not {value}'),
    "not_resets": mark(
        'must be like "daily 00:00 UTC", or a pointer and its form like "/resets_at seconds", not {value}'
    ),
    "not_scale": mark("must be a number above 0, at most {most} and with at most 12 decimals, not {value}"),
    "not_poll": mark('must be "on-demand", or from 30 to 604800 seconds, not {value}'),
    "no_figures": mark("{source} tells no balance: it needs remaining, or used with total or limit"),
    "no_id_file": mark("{source} has {{id}} in its url and no id_file that says which id that is"),
    "not_grace": mark('must be a part like "10%" or a time like "2h", not {value}'),
    "not_percents": mark("must be percentages like [75, 90], from 1 to 100, not {value}"),
    "not_time_span": mark('must be a time like "10m", "2h" or "1d", not {value}'),
    "not_repeat": mark('must be "once", or a time from "1m" on like "4h", not {value}'),
    "not_starts_on": mark(
        'must be a day of the month from 1 to 31 or one of "monday" to "sunday", not {value}'
    ),
    "not_names": mark('must be names like ["ops", "mail"], not {value}'),
    "not_argv": mark('must be a program and its arguments like ["notify", "--quiet"], not {value}'),
    "not_mail_host": mark("must be the name or address of a mail server, not {value}"),
    "not_mail_address": mark("must be an address like ops@example.com, not {value}"),
    "limit_lacks": mark("{table} has no {name}"),
    "limit_unknown": mark("{table} has a key {name}, which means nothing there"),
    "limit_name_taken": mark("{table} has the name of another one: {name}"),
    "starts_on_what": mark(
        "{table}: starts_on is a day of the week where it is weekly, of the month where it is monthly"
    ),
    "percent_of_whom": mark(
        '{table}: a limit like 80% is of the weekly window of an account: it needs period = "weekly", takes '
        'no other each than "account", and neither starts_on nor time_zone, for the window resets by itself'
    ),
    "no_saved_filter": mark("{table}: [filters] has no {name}"),
    "filter_of_readings": mark(
        "{table}: its filter asks for {name}, which changes with every reading; what was spent is chosen by "
        "label, email, group, plan, source, model, tier, operation, client, project or user"
    ),
    "filter_of_usage": mark(
        "{table}: its filter asks for {name}, which the weekly window does not tell; choose accounts"
    ),
    "grace_of_what": mark('{table}: grace means something only with at_limit = "stop"'),
    "no_such_event": mark("{table} waits for an event {name} that there is not"),
    "not_for_event": mark("{table}: {name} means nothing for an event, which is over at once"),
    "clear_of_what": mark("{table}: clear means something only for a filter or a budget"),
    "not_budget_rule": mark('{table}: when must be like "budget:team>=90" or "budget:*>=90", not {value}'),
    "no_such_budget": mark("{table} watches a budget {name} that is not there"),
    "not_budget_clear": mark(
        '{table}: clear must be like "budget:{name}<80", no higher than what begins it, not {value}'
    ),
    "alert_called": mark("the alert {name}"),
    "no_such_channel": mark("{table} names a channel {name} that is not there"),
    "not_for_channel": mark("{table}: {name} means nothing for a channel of kind {kind}"),
    "mail_in_the_clear": mark(
        '{table}: security = "none" is for a mail server on this machine; use tls or starttls'
    ),
    "user_without_password": mark(
        "{table}: user needs password_file, the file with the password; where none is asked for, drop user"
    ),
    "password_of_whom": mark("{table}: password_file means something only with user"),
    "private_channel": mark(
        "{table}: {name} is plain http to another machine; use https, or say private = true"
    ),
    "not_amount": mark(
        'must be an amount like "1.25", from 0 to {most} with at most {decimals} decimals, not {value}'
    ),
    "not_factor": mark("must be a number above 0, at most {most}, not {value}"),
    "not_parts": mark('must be prices by part, like {{ input = "8", output = "30" }}, not {value}'),
    "unknown_part": mark("has a part {name}; the parts are {parts}"),
    "wrong_part": mark("{name} {why}"),
    "other_limit": mark("tokens must be {limit}, for use is kept by that limit, not {value}"),
    "not_day": mark("must be a day like 2026-11-30, not {value}"),
    "not_fallback": mark(
        'must be two prices in USD per million tokens, like "input=0.1, output=0.2", not {value}'
    ),
    "not_plan_price": mark('must be like "200 USD monthly" or "2000 USD yearly", not {value}'),
    "wrong_filter": mark("is no filter: {why}"),
    "not_filter_name": mark(
        "filters.{name}: a filter is named by letters, digits, _ and -, for it is typed as @name"
    ),
    "not_rate": mark("must be a number, 0 or more, not {value}"),
    "negative_rate": mark("must be 0 or more, not {value}"),
    "odd_rate": mark("must be 0, or from {low} to {high}, not {value}"),
    "not_one_of": mark("must be one of {options}, not {value}"),
    "not_text": mark("must be text in quotes, not {value}"),
    "empty": mark("must not be empty"),
    "too_long": mark("must be at most {limit} characters long"),
    "not_one_line": mark("must be one line without control characters, not {value}"),
    "not_variable": mark(
        "must be the name of an environment variable (letters, digits, _), never the secret itself"
    ),
    "no_home_for_tilde": mark("starts with ~, but HOME is not set; write the whole path"),
    "tilde_user": mark("starts with ~USER; write the whole path"),
    "not_address": mark("must be an address in quotes, not {value}"),
    "odd_address": mark("must be an address like https://host/path in plain ASCII, without blanks"),
    "bad_host": mark("must be an address like https://host/path, with a valid host and port"),
    "bad_scheme": mark("must start with https:// or http:// and a host"),
    "login_in_address": mark("must not hold a user name or password: a secret never stands in this file"),
    "query_in_address": mark("must not have a query or a fragment"),
    "secret_in_query": mark(
        "has a key in it, and a secret never stands in this file; name a file with it in api_key_file"
    ),
    "not_https": mark("must be https: plain http is only taken for this machine (127.0.0.1, ::1, localhost)"),
    "bad_proxy": mark(
        'must be "env", or an address like http://host:3128, https://host:3128 or socks5://host:1080'
    ),
    "password_in_proxy": mark(
        "must not hold a password: put it into a file of its own (chmod 600) "
        "and name that file in proxy_password_file"
    ),
    "not_amounts": mark("must be one to {most} amounts of dollars, in brackets, not {value}"),
    # what stands there, where it is not repeated
    "a_long_number": mark("a number of more than 60 digits"),
    "a_table": mark("a table"),
    "an_array": mark("an array"),
    "a_date": mark("a date or time"),
    "something_else": mark("something else"),
    # problems with the file
    "did_you_mean": mark("{text}; did you mean {suggestion}?"),
    "not_toml": mark("the file is not valid TOML: {said}"),
    "too_deep": mark("the file holds a number too long or brackets too deep to read"),
    "utf_16": mark("the file is UTF-16; save it as UTF-8"),
    "not_utf_8": mark("the file is not UTF-8 text from here on; save it as UTF-8"),
    "file_trouble": mark("the configuration file {why}"),
    "remembered_trouble": mark("the file of remembered choices {why}"),
    "already_there": mark("the configuration file is already there and was left as it is"),
    "nothing_written": mark("{why}; nothing was written"),
    "changed_meanwhile": mark("the configuration file changed meanwhile; nothing was written, try again"),
    "not_addable": mark(
        "the source could not be added without changing something else; nothing was written, "
        "add it by hand as [[sources]]"
    ),
    "not_changeable": mark(
        "that cannot be changed without changing something else; change it by hand with config edit"
    ),
    "too_large": mark("the configuration file would become too large; nothing was written"),
    "no_home": mark(
        "HOME is not set to an absolute path; set it, or set POOLWATCH_CONFIG, POOLWATCH_STATE_DIR and "
        "POOLWATCH_DATA_DIR"
    ),
    # problems with keys
    "unknown_table": mark("unknown table {name}"),
    "unknown_key": mark("unknown key {name}"),
    "unknown_setting": mark("unknown setting {name}"),
    "no_such_variable": mark("no setting has the name {name}"),
    "file_only": mark(
        "{name} sets nothing: sources, accounts, rates, budgets, alerts, channels and topups stand in the "
        "file alone"
    ),
    "must_be_table": mark("{name} must be a table: [{name}]"),
    "must_be_tables": mark("{name} must be tables, each begun with [[{name}]] in double brackets"),
    "item_must_be_table": mark("{name} must be a table, not {value}"),
    "thresholds": mark("thresholds.amber_percent ({amber}) must be below thresholds.red_percent ({red})"),
    # what was typed for a change
    "not_assigned": mark("each setting is given as key=value, without blanks; key= takes it out"),
    "there_are": mark("{text}\nthere are: {keys}"),
    "perhaps": mark("{text} (did you mean {suggestion}?)"),
    "edit_rates": mark("{key}: rates are changed with config edit"),
    "edit_limits": mark("{key}: change it with poolwatch budgets or channels, or with config edit"),
    "edit_topups": mark("{key}: top-ups are changed with config edit"),
    "set_elsewhere": mark("{key}: a source is changed with sources set NAME key=value"),
    "edit_accounts": mark("{key}: names and groups of accounts are changed with config edit"),
    "secret_typed": mark(
        "{name}: a secret is not taken from a command line, where others see it; put it into a file of its "
        "own (chmod 600) and name that file in {file}, or a variable in {variable}"
    ),
    "no_such_source": mark("no source in {path} is called {name}"),
    "no_such_limit": mark("no [[{array}]] in {path} is called {name}"),
    "still_named": mark("{by} names {name}: change that first"),
    "limit_is_there": mark("{path} has one of [[{array}]] called {name} already"),
    # problems with sources and accounts
    "no_kind": mark("{source} has no kind; the kinds are {kinds}"),
    "no_path": mark("{source} has no path: the folder or glob of its auth files"),
    "no_home_path": mark("{source} has no path, and neither CODEX_HOME nor HOME is set"),
    "no_url": mark("{source} has no url: the address of the running pool"),
    "unsent_key": mark('{holder}: with auth = "none" no key is sent; say how it is sent, or take it out'),
    "no_balance_url": mark("{source} has no url: the address where the service tells the balance"),
    "both_set": mark("{one} and {other} are both set; keep one"),
    "in_the_clear": mark(
        "{source}.url is plain http to another machine, and everybody on the way could read the key: "
        "use https, or add the line insecure = true to this [[sources]]"
    ),
    "not_for_kind": mark("{name} is not for a source of kind {kind}, only for {takers}"),
    "unknown_in_source": mark("unknown key {name} in a source of kind {kind}"),
    "secret_for_pool": mark(
        "{name}: a secret never stands in this file; put it into a file of its own (chmod 600) "
        "and name that file in {holder}"
    ),
    "secret_for_files": mark(
        "{name}: a secret never stands in this file; logins are read from the files at path"
    ),
    "name_taken": mark("the name {name} is already taken by sources[{by}]"),
    "unknown_in_account": mark("unknown key {name} in [[accounts]]"),
    "no_match": mark("{account} has no match: an e-mail, an id prefix or a glob on the label"),
    "no_name": mark("{account} gives neither a label nor a group nor a time_zone"),
    "unknown_in_rate": mark("unknown key {name} in [[rates]]"),
    "no_model": mark("{rate} has no model: a name or a glob"),
    "no_prices": mark("{rate} gives no price: at least input or output"),
    "ends_first": mark("{rate}.to is before its from"),
    "price_of_what": mark('{rate}.price is for one image or item: add per = "image" or per = "item"'),
    "no_price": mark("{rate} has no price for one {per}"),
    "not_per": mark("{name} is for tokens, and this one is per {per}"),
    "no_such_balance": mark("{table}.source: no source of kind credits-http is called {name}"),
    "reef_amounts": mark("{table}.amounts: reef takes {least} to {most} dollars"),
    "not_auto": mark("must be a table in braces with {keys}, each an amount of dollars"),
    "must_be_above_zero": mark("must be above 0"),
    "reef_auto": mark("{table}.auto: reef takes {least} to {most} dollars"),
    "auto_needs_source": mark("{table}.auto: it needs `source`, for that tells the balance"),
    "auto_above_cap": mark("{table}.auto: its amount is above a cap of {cap}, so it could never be bought"),
    "template_topups": mark("Where credits may be bought; each time somebody types the amount."),
    # `config show`, and what is made from the table of settings
    "not_set": mark("not set"),
    "adopted_from": mark("adopted from {pools}"),
    "not_set_but": mark("not set ({value})"),
    "template_1": mark(
        "poolwatch settings. Every value here is the default; remove the # before a line to change it."
    ),
    "template_2": mark(
        "Stronger than this file: POOLWATCH_POLL__INTERVAL_SECONDS and its like, then command line options."
    ),
    "template_3": mark(
        "`poolwatch config show` tells where each value comes from, `poolwatch config check` what is wrong."
    ),
    "template_sources": mark(
        "Where accounts and balances come from. With no source at all, the Codex home of this user is shown."
    ),
    "template_accounts": mark(
        "Names, groups and time zones for accounts, by e-mail, id prefix or a glob on the label."
    ),
    "template_budgets": mark("What may be spent; `poolwatch budgets add` writes one."),
    "template_alerts": mark("What is told, and where, beside what poolwatch tells by itself."),
    "template_channels": mark("Where notices go; `poolwatch channels add` tries one, then writes it."),
    "template_rates": mark("Prices of models that the shipped card lacks; they hold before it."),
    "readme_plans": mark("what an account of that plan costs, to stand beside what the API would charge"),
    "readme_filters": mark("a filter that @NAME stands for where one is typed"),
    "readme_keys": mark("keys for an action, instead of its own; the names stand under Keys"),
    "pools": mark("pools"),
    "readme_kinds": mark("{means} ({kinds})"),
    # places that were looked at
    "found.not_set": mark("not set"),
    "found.not_there": mark("not there"),
    "found.no_folder": mark("no such folder"),
    "found.in_keyring": mark("its login is in the keyring"),
    "found.unreadable": mark("not readable"),
    "found.readable": mark("readable"),
    "home_is_no_folder": mark("CODEX_HOME names {path}, which is not a folder"),
    "home_is_not_there": mark("CODEX_HOME names {path}, which does not exist"),
    # the config.toml of a Codex home, after its path
    "codex_no_text": mark("is no text"),
    "codex_not_utf_8": mark("is not written in UTF-8"),
    "codex_not_toml": mark("is not readable: no TOML"),
    "codex_not_toml_in": mark("is not readable: no TOML in line {line}"),
}


def said(code: str, **blanks: object) -> str:
    """One of the sentences, with its blanks filled."""
    return _(TEXTS[code], **blanks)
