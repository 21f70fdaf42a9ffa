"""The sentences for the codes of sources and pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import mark

#: By code; each text is marked for translation, its blanks are named.
TEXTS: Final[Mapping[str, str]] = {
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
        "{pool} does not know what was asked for (404); if this is not {pool}, mend the source's url"
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
        "set api_key_file, so that the pool tells, and can be asked to look anew"
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
}
