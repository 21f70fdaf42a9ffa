"""The sentences for the codes that the rooms below presentation tell, by room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import mark

#: By code; each text is marked for translation, its blanks are named. `why` is a clause that follows `path`.
TEXTS: Final[Mapping[str, str]] = {
    # --- custody and of imports
    # the token step, and why nothing was sent
    "custody.not_spent": mark("not spent: {path} {why}"),
    "custody.nothing_sent": mark("{what}; nothing was sent"),
    "custody.unusable_login": mark("{path} {why}; nothing was sent"),
    "custody.no_login": mark("{path} holds no login; nothing was sent"),
    "custody.another_account": mark("{path} holds another account by now; nothing was sent"),
    "custody.reply_waits": mark("the login of an earlier refresh waits to be written to {path}"),
    "custody.too_soon": mark("the last refresh is less than {seconds} s ago"),
    "custody.conflict": mark(
        "the refresh token in {path} is in another file too: not spent until one is chosen"
    ),
    "custody.unwritable": mark("not spent: {path} cannot be written"),
    "custody.removed": mark("not spent: {path} was removed meanwhile"),
    "custody.journal_unreadable": mark("{path} {why}"),
    "custody.process_not_started": mark("the refresh process did not start; nothing was sent"),
    "custody.process_ended": mark("the refresh process ended early (status {status}); nothing was sent"),
    # tokens that are never sent again
    "custody.token_used": mark("this refresh token was already used: sign in again"),
    "custody.signed_out": mark("this login was signed out: sign in again"),
    "custody.token_expired": mark("this refresh token expired: sign in again"),
    "custody.no_refresh_token": mark("the file holds no refresh token: sign in again"),
    "custody.refused": mark("the login was refused: sign in again"),
    "custody.older_copy": mark("poolwatch renewed this login at {at}: this file holds an older copy"),
    "custody.older_copy_of": mark(
        "poolwatch renewed this login at {at} in {path}: this file holds an older copy"
    ),
    # what the login service said
    "custody.not_https": mark("the token address is not https; nothing was sent"),
    "custody.gateway": mark("a gateway answered {status}: the reply is lost"),
    "custody.throttled": mark("the login service asks to wait (429)"),
    "custody.redirected": mark("the login service redirects elsewhere: not followed"),
    "custody.edge_blocked": mark("the edge of the login service blocked the request (403)"),
    "custody.answered": mark("the login service answered {status}"),
    "custody.unreadable_reply": mark("the login service answered with something unreadable"),
    "custody.no_access_token": mark("the reply held no access token; its refresh token was stored"),
    # refreshes that broke off
    "custody.interrupted": mark("a refresh was interrupted, this login may need a sign-in"),
    "custody.interrupted_at": mark("a refresh was interrupted at {at}, this login may need a sign-in"),
    "custody.interrupted_lost": mark("the refresh was interrupted, this login may need a sign-in"),
    "custody.reply_damaged": mark("{what}; its reply is damaged and was set aside as {path}"),
    "custody.reply_lost": mark("the refresh was interrupted, and its reply is lost"),
    "custody.broke_off": mark("the refresh broke off while it was sent"),
    "custody.removed_after_sending": mark("the refresh was sent, and {path} was removed before it ended"),
    # new logins that did not get into their file
    "custody.not_written_lost": mark(
        "the new login could not be written ({path} {why}), nor kept anywhere: it is lost"
    ),
    "custody.not_written_waits": mark(
        "the new login could not be written ({path} {why}); it is kept for the next refresh"
    ),
    "custody.not_kept": mark("the new login could not be kept: {path} {why}"),
    "custody.for_another": mark("the reply was for another account; it is kept in {place}"),
    "custody.file_gone": mark(
        "{path} is gone or unreadable by now and was left alone; the new login is kept in {place}"
    ),
    "custody.file_of_another": mark(
        "{path} holds another account by now and was left alone; the new login is kept in {place}"
    ),
    "custody.until_there_is_room": mark("{what} until there is room for it ({path} {why})"),
    # the installed codex
    "custody.codex_not_asked": mark("codex was not asked: {path} {why}"),
    "custody.codex_did_not_renew": mark("codex answered, but did not renew its login"),
    "custody.codex_could_not_renew": mark("codex could not renew its login"),
    "custody.codex_silent": mark("codex did not answer in time; it was left running"),
    "custody.codex_not_started": mark("codex could not be started"),
    # clauses that follow the path of a file
    "custody.file": mark("{path} {why}"),
    "custody.not_json": mark("is not complete JSON: it may be being written right now"),
    "custody.encoding": mark("is written in {encoding}: save it as UTF-8"),
    "custody.other_encoding": mark("is written in another encoding than UTF-8: save it as UTF-8"),
    "custody.no_codex_login": mark("holds no login: sign in with `codex login`"),
    "custody.damaged_key": mark("is damaged: move it away, a new one is made at the next start"),
    "custody.keeps_changing": mark("cannot be written: it keeps changing"),
    "custody.hard_links": mark("has {count} hard links: replacing it would fork the login"),
    "custody.open_to_others": mark("is writable by others: chmod go-w it first"),
    "custody.link": mark("is a link to {target}: remove the link yourself"),
    "custody.refresh_first": mark("has a new login waiting for it: run poolwatch refresh first"),
    "custody.another_login": mark("holds another login by now; nothing was moved, try again"),
    # sign-ins
    "sign_in.no_code": mark("the pool gave no code to sign in with ({why})"),
    "sign_in.old_pool": mark("another version may have other routes"),
    "sign_in.pool_says": mark("the pool says: {text}"),
    "sign_in.expired": mark("the code was not typed in time"),
    "sign_in.by_page": mark("sign in on the pool's own page: {url}"),
    "sign_in.by_command": mark("sign in where the pool runs: {command}"),
    "sign_in.not_by_code": mark("{why}; {instead}"),
    "sign_in.no_login": mark("codex ended well and left no login"),
    "sign_in.ended_badly": mark("codex did not end well"),
    "sign_in.not_theirs": mark("it is another account's"),
    # imports: clauses that follow the name of a login, or the path of its file
    "import.at_work": mark("is in use: another import is at work, nothing was imported"),
    "import.being_refreshed": mark("is being refreshed at this moment; nothing was moved, try again"),
    "import.replaced": mark("was replaced at this moment; nothing was moved, try again"),
    "import.twin_being_refreshed": mark("{path} is being refreshed; nothing was moved, try again"),
    "import.twin_replaced": mark("{path} was replaced at this moment; nothing was moved, try again"),
    "import.already_kept": mark("is already kept in {path}"),
    "import.no_login": mark("holds no login that poolwatch knows"),
    "import.not_a_login": mark("is not a login"),
    "import.database": mark("is a database: export its accounts as JSON, and import that"),
    "import.api_key": mark("is an API key: it has no usage figures and nothing to renew"),
    "import.agent_identity": mark(
        "is an agent identity: nothing in it is ever renewed; watch it where it is"
    ),
    "import.personal_token": mark(
        "is a personal access token: nothing in it is ever renewed; watch it where it is"
    ),
    "import.of_service": mark("is a login of {service}, not of Codex"),
    "import.of_another_service": mark("is a login of another service, not of Codex"),
    "import.no_refresh_token": mark("holds no refresh token: it cannot be kept, only watched where it is"),
    "import.no_access_token": mark("holds no access token: so nobody knows whose login it is"),
    "import.broken_token": mark("holds a token that cannot be one: it was cut or changed"),
    # --- sources and pools
    # keys and passwords
    "pools.key": mark("key"),
    "pools.password": mark("password"),
    "pools.file_unreadable": mark("the {what} file {place} {why}; nothing was sent"),
    "pools.variable_unset": mark("the variable {place} for the {what} is not set; nothing was sent"),
    "pools.empty": mark("the {what} in {place} is empty; nothing was sent"),
    "pools.unprintable": mark(
        "{place} holds more than one line, or characters that no {what} has; nothing was sent"
    ),
    "pools.key_unsendable": mark("the key in {place} holds characters that cannot be sent; nothing was sent"),
    "pools.key_file_open": mark("{path} can be opened by others (mode {mode}): run chmod 600 {word}"),
    "pools.no_password": mark("{pool}: no dashboard password is configured"),
    "pools.password_refused": mark(
        "{pool} does not accept the dashboard password in {place} ({status}){told}; "
        "not sent again until it changes; r tries once"
    ),
    "pools.sign_in_throttled": mark("{pool} was asked to sign in too often (429)"),
    "pools.no_session": mark("{pool} signed poolwatch in without giving it a session"),
    "pools.session_refused": mark("{pool} does not accept its own dashboard session (401)"),
    # what a pool answers to any request
    "pools.told": mark(": {text}"),
    "pools.words": mark("{text}"),
    "pools.says": mark("{pool} says: {text}"),
    "pools.lets_nobody_in": mark("{pool} does not let poolwatch in (401){told}"),
    "pools.forbids": mark("{pool} forbids this (403){told}"),
    "pools.not_found": mark("{pool} does not know what was asked for (404){told}"),
    "pools.not_found_unsaid": mark(
        "{pool} does not know what was asked for (404); if this is not {pool}, fix the source's url"
    ),
    "pools.throttled": mark("{pool} was asked too often (429){told}"),
    "pools.fault": mark("{pool} has a fault ({status}){told}"),
    "pools.refuses": mark("{pool} refuses the request ({status}){told}"),
    "pools.redirects": mark("{pool} redirects ({status}); not followed; check the source's url"),
    "pools.elsewhere": mark("{why}; check the source's url"),
    "pools.web_page": mark("a web page came back: this does not look like {pool}; check the source's url"),
    "pools.not_json": mark("the answer is not JSON: this does not look like {pool}; check the source's url"),
    "pools.no_accounts": mark("the answer of {pool} holds no list of accounts"),
    "pools.no_quota": mark("the answer of {pool} holds no quota"),
    "pools.no_refresh": mark("the answer of {pool} holds no result of a refresh"),
    "pools.list_too_long": mark("its list has more than {most} accounts: the others are not shown"),
    "pools.account_gone": mark("{pool} does not know this account any more"),
    "pools.maybe_renewed": mark("{why}; the pool may have renewed the token all the same"),
    # codex-proxy
    "pools.key_wanted": mark(
        "{pool} wants a key (401): put its proxy_api_key into a file and set api_key_file"
    ),
    "pools.proxy_key_refused": mark(
        "{pool} does not accept the key in {place} (401): it has to be the pool's proxy_api_key; "
        "not sent again until it changes; r tries once"
    ),
    "pools.accounts_unsaved": mark("{pool} cannot store its accounts: no reason given"),
    "pools.accounts_unsaved_because": mark("{pool} cannot store its accounts: {why}"),
    "pools.banned": mark("{pool} reports the account as banned"),
    "pools.no_figures_inactive": mark("{pool} has no figures of an account that is not active"),
    "pools.no_figures_of_status": mark("{pool} has no figures of an account that is {status}"),
    "pools.deactivated_upstream": mark("{pool}: deactivated upstream ({status})"),
    "pools.throttled_upstream": mark("{pool} asked upstream too often ({status})"),
    "pools.refused_upstream": mark("{pool} is refused by upstream ({status})"),
    "pools.figures_unreadable": mark(
        "{pool} cannot read this account's figures ({status}): it needs a rate limit in them"
    ),
    "pools.quota_not_fetched": mark("{pool} could not fetch the quota ({status})"),
    "pools.token_used": mark("the refresh token was already used elsewhere"),
    "pools.token_expired": mark("the refresh token has expired"),
    "pools.token_refused": mark("the refresh token is refused"),
    "pools.login_ended": mark("the login was signed out or revoked"),
    "pools.no_reason": mark("the pool gives no reason"),
    "pools.result_because": mark("{result}: {why}"),
    # codex-lb
    "pools.lb_key_refused": mark(
        "{pool} does not accept the API key in {place} (401): create one in its dashboard; "
        "not sent again until it changes; r tries once"
    ),
    "pools.login_wanted": mark(
        "{pool} wants a login (401): set api_key_file, dashboard_password_file, or both"
    ),
    "pools.dashboard_unset": mark(
        "{pool} lets no other machine in before its dashboard has a password (401): "
        "set one there, or an API key here (api_key_file)"
    ),
    "pools.code_wanted": mark(
        "{pool} wants a one-time code, which poolwatch cannot give (401): "
        "create an API key there and set api_key_file"
    ),
    "pools.code_after_password": mark(
        "{pool} wants a one-time code after the password, which poolwatch cannot give: "
        "create an API key there and set api_key_file"
    ),
    "pools.no_dashboard": mark("credits and banked resets are unknown: set dashboard_password_file"),
    "pools.dashboard_shut": mark("credits and banked resets are unknown: {why}"),
    "pools.ages_unknown": mark(
        "how old figures are is unknown, after r too: "
        "set api_key_file, so that the pool tells, and can be asked to read again"
    ),
    "pools.limits_hidden": mark(
        "this API key may not see the limits: allow it upstream_limits and account_pool_usage in {pool}"
    ),
    "pools.no_figures": mark("{pool} has no figures of this account"),
    "pools.deactivated": mark("{pool} reports the account as deactivated{told}"),
    "pools.no_key_to_refresh": mark("no API key is configured: the pool reads usage when it likes"),
    "pools.read_lately": mark("the pool read all usage less than a minute ago"),
    "pools.fleet_refresh_unreadable": mark("its answer to the fleet refresh makes no sense"),
    "pools.fleet_refresh_failed": mark("its fleet refresh did not succeed"),
    # CLIProxyAPI
    "pools.management_key_missing": mark(
        "{pool} needs its management key: name it by api_key_file or api_key_env"
    ),
    "pools.management_key_refused": mark(
        "{pool} refuses the management key in {place} (401); not sent again until it changes; r tries once: "
        "five tries ban this machine"
    ),
    "pools.management_off": mark(
        "{pool}'s management API is off or not here (404): "
        "set remote-management.secret-key in its config, and check the source's url"
    ),
    "pools.management_closed": mark(
        "{pool} is closed to other machines (403): "
        "set remote-management.allow-remote in its config, or run poolwatch beside it"
    ),
    "pools.management_key_unset": mark(
        "{pool} has no management key (403): set remote-management.secret-key in its config"
    ),
    "pools.banned_here": mark(
        "{pool} has banned this machine after five refused keys (403); nothing is sent until that is over"
    ),
    "pools.no_logins": mark("the answer of {pool} holds no list of logins"),
    "pools.logins_unreadable": mark("the list of logins of {pool} cannot be read"),
    "pools.call_unreadable": mark("the answer of {pool} to an api-call cannot be read"),
    "pools.api_key_without_usage": mark("API keys have no usage figures"),
    "pools.no_token": mark("{pool} holds no token for this login"),
    "pools.token_not_renewed": mark("the access token has expired, and {pool} has not renewed it (401)"),
    "pools.too_old": mark(
        "this {pool} is too old to ask for usage (404): update it, or read its auth folder"
    ),
    "pools.service_unreachable": mark("{pool} could not reach the usage service (502)"),
    # answers of the service
    "sources.not_json": mark("the answer is not JSON"),
    "sources.empty": mark("the answer is empty"),
    "sources.too_deep": mark("the answer is nested too deeply"),
    "sources.web_page": mark("a web page came back instead of figures"),
    "sources.no_usage": mark("the answer holds no usage figures"),
    "sources.no_reset_list": mark("the answer holds no list of banked resets"),
    "sources.no_reset_history": mark("the answer holds no history of banked resets"),
    "sources.redirects": mark("the service redirects ({status}); not followed"),
    "sources.asked_too_often": mark("asked too often ({status})"),
    "sources.browser_check": mark("the network edge asks for a browser check ({status})"),
    "sources.edge_blocks": mark("the network edge blocks this machine ({status})"),
    "sources.edge_refuses": mark("the network edge refuses the request ({status})"),
    "sources.edge_empty": mark("the network edge answers with an empty 404 ({status})"),
    "sources.workspace_gone": mark("removed from its workspace, or the workspace is gone"),
    "sources.deactivated": mark("the account is reported as deactivated"),
    "sources.place_refused": mark("the service does not answer from this country or network ({status})"),
    "sources.token_expired": mark("the access token has expired (401)"),
    "sources.login_ended": mark("the login was signed out or revoked (401)"),
    "sources.token_refused": mark("the access token is not accepted (401)"),
    "sources.figures_refused": mark("the service forbids this account its figures ({status})"),
    "sources.daily_usage_refused": mark("OpenAI does not show this account its daily usage ({status})"),
    "sources.no_daily_usage": mark("OpenAI has no daily usage for this account ({status})"),
    "workspace_usage.pool_has_login": mark(
        "only a pool holds its token, and OpenAI reports only to the login itself"
    ),
    "workspace_usage.no_live_login": mark("none of its login files holds an access token that could be sent"),
    "sources.workspace_refused": mark("the service refuses the workspace that this login chooses ({status})"),
    "sources.service_fault": mark("the service has a fault ({status})"),
    "sources.request_refused": mark("the service refuses the request ({status})"),
    "sources.no_answer": mark("no answer within {seconds} s"),
    "sources.other_user": mark("the figures that came back belong to another user than this login"),
    "sources.other_workspace": mark(
        "the figures that came back belong to another workspace than this login's"
    ),
    "sources.other_email": mark(
        "the figures that came back belong to another e-mail address than this login's"
    ),
    # login files
    "sources.no_access_token": mark("the login has no access token"),
    "sources.login_gone": mark("the login is not there any more"),
    "sources.disk_hangs": mark("{path}: its disk does not answer"),
    "sources.no_login": mark("{path} holds no login any more"),
    "sources.file_unusable": mark("{path} {why}"),
    "sources.agents_have_no_usage": mark("agent identities have no usage figures"),
    "sources.keys_have_no_usage": mark("API keys have no usage figures"),
    "sources.other_login": mark("{path} holds another account's login now"),
    "sources.login_disabled": mark("the login in {path} is disabled now"),
    "sources.file_without_token": mark("{path} holds no access token"),
    "sources.file_token_expired": mark("the access token in {path} has expired"),
    "sources.folder_unreadable": mark("{path}: {reason}"),
    "sources.no_folder": mark("{path}: no such folder"),
    "sources.not_a_folder": mark("{path}: not a folder"),
    "sources.codex_home_no_folder": mark("CODEX_HOME is {path}: no such folder"),
    "sources.codex_home_not_a_folder": mark("CODEX_HOME is {path}: not a folder"),
    "sources.base_url": mark("chatgpt_base_url in {path} {why}; not asked"),
    # --- the HTTP client
    "net.the_proxy": mark("the proxy {place}"),
    "net.bad_address": mark("the configured address is not valid; nothing was sent"),
    "net.bad_header": mark("the header {header} has characters that cannot be sent; nothing was sent"),
    "net.bad_authorities": mark("the certificates in {path} ({origin}) cannot be read; nothing was sent"),
    "net.bad_proxy": mark("the proxy or its password cannot be used, see [net]; nothing was sent"),
    "net.no_socks": mark("a socks5 proxy needs the extra: pip install 'poolwatch[socks]'"),
    "net.private_address": mark(
        "{place} leads to {address}, an address of a private network: only private = true lets it go there;"
        " nothing was sent"
    ),
    "net.plain_http": mark("{place} leads to {address}: over plain http nothing is sent there"),
    "net.odd_address": mark("{place} leads to {address}, which is no address of a machine; nothing was sent"),
    # before the request is sent
    "net.slow_lookup": mark("{place} was not found by the name service (DNS) within {seconds} s"),
    "net.unknown_name": mark("{place} has no address: the name is not known (DNS)"),
    "net.no_lookup": mark("{place} could not be looked up: the name service does not answer (DNS)"),
    "net.slow_connect": mark("{place} did not accept a connection within {seconds} s"),
    "net.refused": mark("{place} refused the connection"),
    "net.reset": mark("{place} reset the connection"),
    "net.unaccepted": mark("{place} took too long to accept a connection"),
    "net.no_way": mark("{place} cannot be reached: there is no route to it from here"),
    "net.slow_proxy": mark("{place} did not open a connection within {seconds} s"),
    "net.proxy_refuses": mark("{place} refused to open a connection"),
    "net.proxy_refuses_with": mark("{place} refused to open a connection ({status})"),
    "net.slow_tls": mark("{place} did not finish the TLS handshake within {seconds} s"),
    "net.tls_hung_up": mark("{place} hung up during the TLS handshake"),
    "net.no_tls": mark("{place} does not agree on TLS 1.2 or newer"),
    "net.bad_certificate": mark("{place} has a TLS certificate that is not valid: {why}"),
    "net.unknown_authority": mark(
        "{place} has a TLS certificate that is not valid: {why}; if your network has its own authority,"
        " name its file in [net] ca_file"
    ),
    # from here on
    "net.slow_request": mark("{place} did not take the request within {seconds} s"),
    "net.slow_answer": mark("{place} did not answer within {seconds} s"),
    "net.slow_body": mark("{place} did not finish its answer within {seconds} s"),
    "net.no_answer": mark("{place} closed the connection without an answer"),
    "net.cut_off": mark("{place} closed the connection in the middle of its answer"),
    "net.not_http": mark("{place} does not answer in HTTP"),
    "net.too_large": mark("{place} sent more than {kib} KiB"),
    "net.compressed": mark("{host} sent a compressed answer that was not asked for"),
    "net.redirect": mark("{host} redirects to {to}; not followed"),
    "net.redirect_elsewhere": mark("{host} redirects to another place; not followed"),
    # --- files and mounts; each follows its path
    "file.missing": mark("is not there"),
    "file.unreadable": mark("cannot be read ({reason})"),
    "file.unwritable": mark("cannot be written ({reason})"),
    "file.unusable": mark("cannot be used ({reason})"),
    "file.no_space": mark("cannot be written ({reason}, {free} bytes free)"),
    "file.directory": mark("is a directory, not a file"),
    "file.closed_directory": mark("is a directory that cannot be written to"),
    "file.irregular": mark("is not a regular file"),
    "file.in_the_way": mark("is not a regular file: move it away, a new one is made"),
    "file.too_large": mark("is larger than {kib} KiB"),
    "file.held": mark("is held by another process, which may have been stopped"),
    "file.hangs": mark("is not written: its disk hangs"),
    "file.writable_by_others": mark("can be changed by other users (chmod go-w)"),
    "file.not_ours": mark("belongs to another user"),
    "file.not_made": mark("cannot be made ({reason})"),
    "file.in_the_place_of": mark("cannot be made: {name} is a file, not a directory"),
    "mount.shared": mark(
        "is on a shared file system ({kind}), whose locks do not hold everywhere: move it to a local disk"
    ),
    "mount.unknown": mark(
        "is on a file system of a kind that poolwatch does not know ({kind}); logins there are refreshed"
    ),
    "mount.untold": mark("is on a file system that no mount lists; logins there are refreshed"),
    # --- the store
    "store.not_read": mark("The database could not be read: {why}."),
    "store.not_written": mark(
        "The database could not be written: {why}. What is on screen is current, but the latest is not kept."
    ),
    "store.not_thinned": mark("Old history could not be made into hours and days: {why}."),
    "store.not_opened": mark("The database in {path} could not be opened: {error}. Nothing is kept."),
    "store.skipped": mark("Stored accounts that could not be read: {count}. They will be read again."),
    "store.set_aside": mark(
        "{path} was damaged. It is kept as {kept}, and a new database was begun: history starts again,"
        " readings come with the next polls."
    ),
    "store.read_only": mark("{why}: it is only read, and this run's readings are not kept."),
    "store.in_memory": mark("{why}: readings and history of this run are kept in memory only."),
    "store.newer": mark("{path} was written by a newer poolwatch"),
    "store.unwritable": mark("{path} cannot be written ({why})"),
    "store.unusable": mark("{path} cannot be used ({why})"),
    "store.stuck": mark("{path} is damaged and could not be set aside ({why})"),
    "store.disk_full": mark("the disk is full"),
    "store.locked": mark("another program keeps it locked"),
    "store.denied": mark("permission denied, or the file system is read-only"),
    "store.damaged": mark("the file is damaged; the next start sets it aside"),
    "store.no_file": mark("{name} is not a regular file: move it away"),
    "store.of_another": mark("{name} belongs to another user"),
    "store.other": mark("{error}"),
    # --- the monitor
    "monitor.no_room": mark("this machine has no room for it: too many processes, or no memory"),
    "monitor.internal_error": mark("internal error: {type}"),
    # --- why a channel did not take a notice: clauses
    "notices.no_answer": mark("no answer within {seconds} s"),
    "notices.gone": mark(
        "the receiver wants nothing more; it is tried again once the channel's settings change"
    ),
    "notices.no_channel": mark("there is no channel of that name"),
    "notices.unreadable": mark("what was kept of it is damaged"),
    "monitor.no_sender": mark("notices to channels are not sent: {why}"),
    "monitor.no_burn": mark("what was used before this run is not read: {why}"),
    "monitor.no_alerts": mark("nothing is watched for alerts: {why}"),
    "monitor.no_limits": mark("budgets and alerts are not watched: {why}"),
    "monitor.no_forecasts": mark("nothing is foretold: {why}"),
    "monitor.no_owners": mark("nobody looks whose the use in session files is: {why}"),
    "monitor.no_budgets": mark("budgets are not measured: {why}"),
    "monitor.no_counts": mark("OpenAI is not asked what it counted: {why}"),
    "monitor.no_reports": mark("OpenAI is not asked by itself what accounts used: {why}"),
    "monitor.not_kept": mark("some readings were not kept: {why}"),
    "monitor.not_followed": mark("events and burn lack what was read just now: {why}"),
    "monitor.no_zone": mark("the time zone {zone} is not on this machine: its own is taken instead"),
    "monitor.source_hangs": mark("no answer for {seconds} s: its disk or its server hangs"),
    "monitor.left_out": mark("{source}: {left_out}"),
    "monitor.viewer": mark("{holder} is polling; this one watches"),
    "monitor.login_waits": mark(
        "a login waits in {path}: poolwatch accounts list shows the command that puts it in place"
    ),
    "monitor.login_gone": mark("the login is not there any more"),
    "monitor.nothing_remembered": mark("nothing can be remembered: {path} {why}"),
    "monitor.not_audited": mark("what is done now is not in the audit log: {path} {why}"),
    "monitor.not_spent": mark("not spent: {why}"),
    "monitor.unknown_process": mark("another poolwatch"),
    "monitor.process": mark("another poolwatch (pid {pid} on {host})"),
    "monitor.daemon": mark("poolwatch daemon (pid {pid} on {host})"),
    "monitor.owner_silent": mark("{holder} is polling, and did not answer"),
    "monitor.refreshed_without": mark("{holder} is polling, and did not answer; refreshed without it"),
    "monitor.readings_late": mark("some readings are still on their way"),
}
