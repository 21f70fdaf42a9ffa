"""What `--help` says of commands, arguments and options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import _, mark

TEXTS: Final[Mapping[str, str]] = {
    "poolwatch": mark(
        "Watch a pool of Codex/ChatGPT accounts: who needs you, what is left, which account next."
    ),
    "exit_codes": mark(
        "Exit codes: 0 fine, with dead and stale accounts too; 1 nothing that was asked could be read, a"
        " step of a named account failed, a line of an import was refused, doctor found an error, or the"
        " audit log is not as it was written; 2 usage;"
        " 3 configuration, or nothing to monitor; 4 cannot tell; 5 a limit says stop;"
        " 125 run did not start its program; 128+n ended by signal n."
    ),
    # commands, and the headings above them
    "look": mark("Look"),
    "act": mark("Act"),
    "limits": mark("Limits"),
    "money": mark("Money"),
    "set_up": mark("Set up"),
    "demo": mark("Open the app on a simulated pool; nothing leaves this machine."),
    "status": mark("Print every account; what is old is read first. On a terminal as the app's table."),
    "next": mark("Say which account to use next, and why. Advice: poolwatch never switches a login."),
    "history": mark("Print how figures of an account or a balance ran."),
    "events": mark("Print what happened: limits, logins, plans, credits."),
    "audit": mark("What was done by poolwatch: refreshes, logins, configuration."),
    "audit list": mark("Every act, old to new: when, what, how it ended, by whom."),
    "audit verify": mark("Say whether the log is as it was written, and its head: keep that elsewhere."),
    "rates": mark("What tokens cost, by model and day: prices only, not quality."),
    "rates list": mark("The prices that hold today, your own first."),
    "rates why": mark("Why a model costs what it costs on a day, or why it has no price."),
    "rates compare": mark("What the same tokens cost on several models. Prices only, not quality."),
    "usage": mark("Print tokens that were used, and what the API would charge."),
    "check": mark("Say go or stop, for scripts: exit 5 where a limit says stop. The network is not asked."),
    "run": mark("Run a program unless a limit says stop. poolwatch becomes that program."),
    "credits": mark("Print what is left of every balance. Accounts that have credits stand there too."),
    "daemon": mark("Poll without a screen; the app watches beside it."),
    "refresh": mark("Renew logins if need be, then read the usage."),
    "budgets": mark("What may be spent, how far that has gone, and what comes."),
    "budgets list": mark("Every budget: how much is spent of it, until when, and what it will come to."),
    "budgets add": mark(
        "Write a budget into the configuration; of what is not said it proposes $10 a month. Comments there"
        " are kept. poolwatch stops nothing by itself: check and run answer whoever asks."
    ),
    "budgets set": mark("Change keys of a budget in the configuration. Comments there are kept."),
    "budgets remove": mark("Take a budget out of the configuration. How its periods went is kept."),
    "alerts": mark("What fires, what is silenced, and what was sent of it."),
    "alerts list": mark("What fires, waits, is unknown or silenced, and the latest notices with their ids."),
    "alerts silence": mark("Send nothing of a rule, for a time or until somebody ends it."),
    "alerts unsilence": mark("End every silence of a rule."),
    "alerts resend": mark("Put a notice on its way again, taken or given up, under the same id."),
    "channels": mark("Where notices go: webhook, mail, desktop, program, phone."),
    "channels list": mark("Every channel: where it leads, and how it does."),
    "channels add": mark(
        "Send a test notice, then write the channel into the configuration. Comments there are kept; secrets"
        " are not taken."
    ),
    "channels test": mark("Send a test notice over one channel now."),
    "channels remove": mark("Take a channel out of the configuration."),
    "resets": mark("Banked resets, and the use of one that you ask for."),
    "resets list": mark("Every banked reset, soonest end first, and what became of requests."),
    "resets use": mark(
        "Use one banked reset of an account: once, after its name was typed. It cannot be undone. Fresh"
        " figures are read first; it is refused while no window is exhausted."
    ),
    "resets ask": mark(
        "Send a request whose answer was lost once more as it was; it cannot use a second reset."
    ),
    "resets settle": mark("Say what became of a request whose answer was lost. Nothing is sent."),
    "topups": mark("Credits, bought once and only for an amount that you type."),
    "topups list": mark("Where credits can be bought, how far the caps are used, and every top-up."),
    "topups buy": mark(
        "Top up once. The amount is typed again on a terminal, or given by --confirm; without either nothing"
        " is sent."
    ),
    "topups ask": mark(
        "Ask what became of a top-up that is unknown: the same request again, which cannot charge twice."
    ),
    "topups settle": mark("Say what became of a top-up that is unknown, once you know it."),
    "doctor": mark("Say what is wrong, and the remedy."),
    "sources": mark("What is monitored and from where."),
    "sources list": mark("What is monitored, and what else was found."),
    "sources add": mark("Test a place, then write it into the configuration. Comments there are kept."),
    "sources set": mark(
        "Change keys of a source in the configuration. Comments there are kept; secrets are not taken."
    ),
    "sources remove": mark("Take a source out of the configuration. Its logins stay where they are."),
    "sources read": mark("Read a balance now."),
    "sources test": mark("Ask one source now and say what it answers."),
    "accounts": mark("Identity, custody and holders of each login."),
    "accounts list": mark("Every account: who it is, its custody, the files that hold it."),
    "accounts import": mark(
        "Take logins into poolwatch's own folder. FILE is only read; poolwatch may refresh what it took."
    ),
    "accounts remove": mark("Move an imported login out of poolwatch's own folder. A copy is kept."),
    "accounts resolve": mark(
        "Say which of two files of one login stays in use. poolwatch's other one is set aside."
    ),
    "data": mark("History of accounts and balances, and usage, as JSON lines."),
    "data export": mark("Print the history: a line for each moment of change."),
    "data import": mark(
        "Take exported lines into the history, and usage events of other programs beside them. What is there"
        " stays; the present is not touched."
    ),
    "config": mark("Settings, with the origin of each value."),
    "config set": mark(
        "Write settings into the configuration. Comments there are kept; secrets are not taken."
    ),
    "config edit": mark(
        "Edit the configuration in $VISUAL or $EDITOR. A text that is wrong is not taken over."
    ),
    "config path": mark("Print where the configuration file is, or would be."),
    "config show": mark("Print every setting with its origin, and where everything lies."),
    "config init": mark("Write a commented configuration file where there is none."),
    "config check": mark("Say everything that is wrong with the configuration."),
    # options and arguments of many
    "config_file": mark("The configuration file (else POOLWATCH_CONFIG, else the usual place)."),
    "json": mark("Print JSON on stdout."),
    "csv": mark("Print CSV on stdout."),
    "since": mark("From when: 24h, 7d, today, month, a date, RFC 3339 (unset: 7 days)."),
    "until": mark("To before when (unset: now)."),
    "output": mark("Write a file instead: private, whole, never through a link."),
    "mask": mark("Hide e-mail addresses and paths."),
    "ascii": mark("Draw with ASCII characters only."),
    "source": mark("Its name, as sources list shows it."),
    "assignment": mark("A key and its value; KEY= takes the key out."),
    "account": mark("Id prefix, label or e-mail."),
    "some_account": mark(
        "Id prefix, label or e-mail, or the name of a balance (unset: every account and balance)."
    ),
    # of resets
    "reset_id": mark("This one, by the end of its id (unset: the one that ends first)."),
    "reset_dry_run": mark("Read fresh figures, say what would be used, and send nothing."),
    "reset_yes": mark("Use it without asking, also where there is no terminal."),
    "even_if_not_exhausted": mark("Use it although no window is exhausted."),
    "reset_request": mark("The request, by the beginning of its id, as resets list shows it."),
    "reset_settled": mark("Whether it used a reset."),
    # of the app
    "view": mark(
        "auto: cards up to 24 accounts, if two screens hold them, a table up to 100, else the hive."
    ),
    "sort": mark(
        "need, name, weekly, 5h, credits, reset, age; or plan, source, 5h-reset, weekly-reset, scarcest,"
        " scarcest-reset, at-reset, burn."
    ),
    "theme": mark("The colours; t in the app shows them."),
    "mouse": mark("Let the mouse select and scroll."),
    "read_only": mark("Look only: what changes or spends something is off; usage is read."),
    "version": mark("Print the version."),
    # of demo
    "demo_accounts": mark("How many simulated accounts."),
    "seed": mark("Another pool for another number."),
    "speed": mark("How many times as fast all is used and reset; forecasts are right at 1."),
    "demo_sessions": mark(
        "How large the session files in its Codex homes are, like 300MB (unset: 4MB; 0: none)."
    ),
    "serve": mark("Only the upstream: print where it and its past are, then serve."),
    "port": mark("With --serve: the port (0: any free one)."),
    "home": mark("With --serve: where its files are written."),
    # of status and next
    "filter": mark("Only accounts that match, as one argument in quotes; the app's ? explains it."),
    "event_filter": mark("Only events that match: words, and fields of their accounts as these stand now."),
    "budget_filter": mark(
        "Only those that match: words; of an account's part also its fields as they stand now."
    ),
    "alert_filter": mark("Only those that match: words, and fields of their accounts as these stand now."),
    "use_filter": mark("Only use that matches: model:, tier:, operation:, client:, user:, and its account."),
    "line": mark("One short line from the store; never polls."),
    "tmux": mark("With --line: # is doubled, so that tmux draws it as it is."),
    "max_age": mark("Poll readings older than this (0: all; unset: the poll interval)."),
    "codex_home": mark("Print its CODEX_HOME only."),
    "next_count": mark("So many at most, the first to use first."),
    "next_not": mark("Leave out this account; may be given several times."),
    # of history
    "metric": mark("Which figures (unset: all)."),
    "window": mark("Only this window: 5h, weekly, monthly …"),
    "by": mark("No finer than that: of each its last value, its least and its most."),
    # of usage
    "since_month": mark("From when: 24h, 7d, today, month, a date, RFC 3339 (unset: this month)."),
    "use_by": mark(
        "day, week, month, hour (of the day), model, account, group, user, client, project, conversation or"
        " operation (unset: model); of openai day, week or client (unset: day)."
    ),
    "use_from": mark(
        "Session files, what OpenAI reports of accounts' days (one extra request each), or what data import"
        " took."
    ),
    "use_account": mark("Of openai: this account alone, by id prefix, label or e-mail."),
    "use_home": mark("The use of this Codex home alone, configured or not."),
    "utc": mark("Days begin at midnight UTC, not in the local zone."),
    "no_scan": mark("Print what is known: read no session files first, and ask nobody."),
    "with_titles": mark("Conversations by their titles, which Codex keeps; they are not stored."),
    "limit": mark("So many rows at most; totals are of all."),
    # of audit
    "audit_head": mark("A head that was printed before: it has to be in the log still."),
    # of check and run
    "check_budget": mark("One budget; it is taken for one that stops (unset: all that stop)."),
    "check_account": mark("Go while this account is active, by a fresh reading."),
    "check_filter": mark("Go while one account that matches is; with --limit: the usage that counts."),
    "check_limit": mark("A limit that is not configured: $10, 250 credits, 5M tokens."),
    "check_period": mark("With --limit: how often it begins anew."),
    "strict": mark("Exit 4 where nobody can tell: nothing read yet, or long ago (unset: go, with a word)."),
    "run_command": mark("The program and its arguments, as they are."),
    "run_account": mark("With its Codex home, while it is active."),
    "run_next": mark(
        "With that of the account to use next: another each time, then the one given out longest ago."
    ),
    "run_budget": mark("Unless this budget says stop (unset: any that stops)."),
    # of rates
    "all_rates": mark("Also those that held before."),
    "model": mark("A model, as the session files name it."),
    "rate_day": mark("The UTC day (unset: today)."),
    "input_tokens": mark("Tokens in, the cached ones too: 500000, 500k, 1.5M."),
    "cached_tokens": mark("How many of them come from the cache."),
    "output_tokens": mark("Tokens out, reasoning too."),
    "compared": mark("A model; may be given several times (unset: those of Codex)."),
    "fast": mark("In the fast tier."),
    "long": mark("As requests of more than 272,000 input tokens each."),
    # of daemon
    "print_unit": mark("Print a unit of systemd that runs it for this user; nothing is started."),
    # of refresh
    "all": mark("Every account."),
    # of credits
    "credits_age": mark(
        "Read what is older than so many seconds, 0 all (unset: what its timer would read, and what was never"
        " read)."
    ),
    "force": mark(
        "With --all: the token step everywhere. With ACCOUNT: have Codex renew its login although"
        " one is open on it; both renewing at once can end the login."
    ),
    # of sources add
    "kind": mark(
        "codex-home, auth-files, codex-proxy, codex-lb or cli-proxy-api; for a balance openrouter,"
        " openrouter-key, deepseek, vercel, reef or browseros."
    ),
    "place": mark("A folder, file or glob; of a pool its URL, of a balance only another than usual."),
    "name": mark("What the source is called."),
    "custody": mark("auth-files only; with poolwatch, it may refresh them."),
    "api_key_file": mark("Pools and balances: the key's file."),
    "api_key_env": mark("Pools and balances: or its variable."),
    "password_file": mark("Pools: the file of the dashboard's password."),
    "password_env": mark("Pools: the variable of the dashboard's password."),
    "insecure": mark("Pools and balances: the key may go over plain http to another machine."),
    # of budgets
    "budget": mark("Its name, as budgets list shows it."),
    "budget_name": mark("What it is to be called."),
    "budget_keys": mark(
        "limit ($10, 250 credits, 5M tokens, 80%), filter, period, starts_on, time_zone, each, warn_at,"
        " grace, at_limit; key= takes one out."
    ),
    # of alerts
    "rule": mark("A rule of yours by its name, or one of poolwatch's own: needs_you, budget, source_down …"),
    "silence_for": mark("For how long: 30m, 2h, 1d 12h (unset: until somebody ends it)."),
    "silence_reason": mark("Why; it is shown beside what is silenced."),
    "notice_id": mark("Its id, or the first digits of it, as alerts list shows it."),
    # of channels
    "channel": mark("Its name, as channels list shows it."),
    "channel_kind": mark("webhook, email, desktop, exec or apprise."),
    "channel_program": mark("exec: the program and its arguments, behind --; it gets JSON on stdin."),
    "channel_name": mark("What it is called (unset: its kind)."),
    "hook_url": mark("webhook: where it is posted; https, or http to this machine."),
    "hook_secret_file": mark("webhook: the file of the secret that signs it (whsec_…)."),
    "hook_secret_env": mark("webhook: or its variable."),
    "hook_private": mark("webhook: the address may be one of a private network."),
    "mail_host": mark("email: the mail server."),
    "mail_port": mark("email: its port (unset: 465 for tls, 587 for starttls, 25)."),
    "mail_security": mark("email: tls, starttls, or none to this machine (unset: tls)."),
    "mail_user": mark("email: who signs in there."),
    "mail_password": mark("email: the file of the password."),
    "mail_from": mark("email: the address it comes from."),
    "mail_to": mark("email: an address it goes to; may be given several times."),
    "desktop_bell": mark("desktop: the terminal's bell, too."),
    "apprise_file": mark("apprise: the file of an address, like ntfy://… or tgram://…"),
    # of topups
    "topup_amount": mark("How much, like 10 or 10.00."),
    "topup_name": mark("Which one, where several are configured."),
    "topup_target": mark("What it is for, as the service calls it (unset: as configured)."),
    "topup_confirm": mark("The amount once more, where no terminal asks for it."),
    "topup_id": mark("Its id, or the first digits of it, as topups list shows it."),
    "topup_settled": mark("What became of it, by your statement or the balance."),
    # of accounts import and resolve
    "login_file": mark("auth.json, CLIProxyAPI, codex-auth, codex-proxy or sub2api."),
    "keep": mark("imported: set FILE aside (renamed, never deleted); source: FILE stays in use."),
    "yes": mark("Ask nothing; needed without a terminal."),
    # of what tells of the past
    "since_ever": mark("From when: 24h, 7d, today, month, a date, RFC 3339 (unset: all)."),
    "past_file": mark("The file; - is standard input."),
    "keep_file": mark("The file that stays in use."),
}


def help_of(code: str) -> str:
    """One of the texts."""
    return _(TEXTS[code])
