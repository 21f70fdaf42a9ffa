"""The sentences for the codes of custody, and of the files that it moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import mark

#: By code; each text is marked for translation, its blanks are named. `why` is a clause that follows `path`.
TEXTS: Final[Mapping[str, str]] = {
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
    "custody.process_ended": mark("the refresh process ended too soon (status {status}); nothing was sent"),
    # tokens that are never sent again
    "custody.token_used": mark("this refresh token was already used: sign in again"),
    "custody.signed_out": mark("this login was signed out: sign in again"),
    "custody.token_expired": mark("this refresh token expired: sign in again"),
    "custody.no_refresh_token": mark("the file holds no refresh token: sign in again"),
    "custody.refused": mark("the login was refused: sign in again"),
    "custody.older_copy": mark("poolwatch renewed this login at {at}: what lies here is an older copy"),
    "custody.older_copy_of": mark(
        "poolwatch renewed this login at {at} in {path}: what lies here is an older copy"
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
    "custody.not_json": mark("is not complete JSON: it may just be being written"),
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
    # imports: clauses that follow the name of a login, or the path of its file
    "import.at_work": mark("is in use: another import is at work, nothing was imported"),
    "import.being_refreshed": mark("is being refreshed at this moment; nothing was moved, try again"),
    "import.replaced": mark("was replaced at this moment; nothing was moved, try again"),
    "import.twin_being_refreshed": mark("{path} is being refreshed; nothing was moved, try again"),
    "import.twin_replaced": mark("{path} was replaced at this moment; nothing was moved, try again"),
    "import.already_kept": mark("is already kept in {path}"),
    "import.no_login": mark("holds no login that poolwatch knows"),
    "import.not_a_login": mark("is no login"),
    "import.database": mark("is a database: export its accounts as JSON, and import that"),
    "import.api_key": mark("is an API key: it has no usage figures and nothing to renew"),
    "import.agent_identity": mark(
        "is an agent identity: nothing of it is ever renewed, watch it where it lies"
    ),
    "import.personal_token": mark(
        "is a personal access token: nothing of it is ever renewed, watch it where it lies"
    ),
    "import.of_service": mark("is a login of {service}, not of Codex"),
    "import.of_another_service": mark("is a login of another service, not of Codex"),
    "import.no_refresh_token": mark("holds no refresh token: it cannot be kept, only watched where it lies"),
    "import.no_access_token": mark("holds no access token: nothing tells whose login it is"),
    "import.broken_token": mark("holds a token that cannot be one: it was cut or changed"),
}
