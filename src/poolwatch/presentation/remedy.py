"""What to do about an account, as one line and as a command that can be pasted into a shell."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from poolwatch.domain.account import Custody, Listing, LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem, Trouble
from poolwatch.domain.refresh import BlockReason
from poolwatch.domain.state import AccountState, KeptFile
from poolwatch.domain.status import WITHOUT_USAGE, Judged, Status
from poolwatch.domain.text import LONGEST_PATH, path_at, visible
from poolwatch.presentation import figures
from poolwatch.presentation.masking import masked_word, shown_path, shown_text
from poolwatch.presentation.sign_in import SignIn, folder_of, sign_in, true_path
from poolwatch.presentation.view import Prefs
from poolwatch.words import remedies
from poolwatch.words.messages import failure_text, message_text


class Remedy(Struct, frozen=True):
    """What happened, what to do, and the command for it ("" when there is none)."""

    what: str
    do: str = ""
    command: str = ""
    #: what to do in the few words that a card has room for, where keys are at hand
    brief: str = ""
    #: how the account is signed in again, where that is the remedy or one of them
    sign_in: SignIn | None = None

    @property
    def advice(self) -> str:
        """The whole without the command, which stands on a line of its own."""
        return remedies.advice(self.what, self.do, has_command=bool(self.command))

    def line(self, label: str) -> str:
        """The whole as one line."""
        return remedies.sentence(label, self.what, self.do, self.command)


def remedy(judged: Judged, now: datetime, prefs: Prefs) -> Remedy | None:
    """The remedy for what is wrong first, or None when nothing is."""
    account, status = judged.account, judged.status
    trouble = account.trouble
    if account.kept is not None and status.kind not in (Status.DEACTIVATED, Status.DISABLED):
        return _for_kept(account.kept, prefs)
    match status.kind:
        case Status.DEACTIVATED:
            is_ours = any(_is_in(listing, prefs.own_logins) for listing in account.listings)
            command = own_command(f"accounts remove {account.key.id}", prefs) if is_ours else ""
            return Remedy(remedies.DEACTIVATED(), command=command, brief=remedies.ASK_OWNER())
        case Status.NEEDS_LOGIN if not (trouble and trouble.kind is FailureKind.CONFLICT):
            return _for_login(account, status.login_problem or LoginProblem.EXPIRED, prefs)
        case Status.DISABLED:
            return None
        case Status.UNKNOWN if status.reason in WITHOUT_USAGE:
            kind = WITHOUT_USAGE[status.reason]
            is_keyring = kind is LoginKind.KEYRING
            command = sign_in_command(acting(account), prefs) if is_keyring else ""
            return Remedy(*remedies.without_usage(kind), command)
        case _:
            return _for_trouble(account, trouble, now, prefs) if trouble else None


def sign_in_command(listing: Listing | None, prefs: Prefs) -> str:
    """The command that signs this login in again where it lives; empty where only its owner knows how."""
    found = sign_in(listing, by_code=prefs.by_code)
    return found.command(mask=prefs.mask) if found is not None else ""


def import_command(path: str, prefs: Prefs) -> str:
    """The command that brings a login home which waits in the state directory."""
    return own_command(f"accounts import {masked_word(path, mask=prefs.mask)}", prefs)


def acting(account: AccountState) -> Listing | None:
    """The entry under which a refresh acts, if any source still lists the account."""
    return account.acting if account.listings else None


def _is_in(listing: Listing, folder: str | None) -> bool:
    return folder is not None and folder_of(path_at(listing.ref.place) or "") == folder


def _for_kept(kept: KeptFile, prefs: Prefs) -> Remedy:
    path = shown_path(visible(kept.path, LONGEST_PATH), mask=prefs.mask)
    command = import_command(kept.path, prefs)
    return Remedy(remedies.kept(path), remedies.BRING_HOME(), command, remedies.BRING_HOME_BRIEF())


def _for_login(account: AccountState, problem: LoginProblem, prefs: Prefs) -> Remedy:
    listing = acting(account)
    mask = prefs.mask
    what = remedies.login(problem)
    way = sign_in(listing, by_code=prefs.by_code)
    if listing is None:
        return Remedy(what)
    if problem is LoginProblem.UNUSABLE_FILE:
        why = f" {message_text(listing.problem)}" if listing.problem else f": {what}"
        place = shown_path(listing.path, mask=mask) if listing.path else listing.ref.source
        # no command: to sign in again writes over a login that may only be unreadable
        what = f"{place}{shown_text(why, account, mask=mask)}"
        return Remedy(what, remedies.FIX_FILE(), brief=remedies.FIX_FILE_BRIEF())
    if problem is LoginProblem.AMBIGUOUS:
        return _by_trying_once(way, what, prefs)
    if listing.custody is Custody.POOL:
        return _by_sign_in(way, what, remedies.POOL_SIGN_IN(), remedies.POOL_SIGN_IN_BRIEF(), prefs)
    if listing.login is LoginKind.PERSONAL_ACCESS_TOKEN:
        return Remedy(what, remedies.new_token(_again(account, prefs)), brief=remedies.NEW_TOKEN_BRIEF())
    if listing.custody is Custody.OTHER and not listing.home:
        brief = remedies.another_must_renew_brief(listing.owner)
        return _by_sign_in(way, what, remedies.another_must_renew(listing.owner), brief, prefs)
    if problem in (LoginProblem.EXPIRED, LoginProblem.REJECTED):
        if listing.custody is Custody.CODEX:
            return _codex_way(what, way, account, prefs)
        if listing.custody is Custody.POOLWATCH:
            renew = remedies.R_RENEWS() if prefs.keys else remedies.RENEW()
            brief = remedies.R_RENEWS_BRIEF() if prefs.keys else remedies.RENEW_BRIEF()
            return Remedy(what, renew, _refresh(account, prefs), brief)
    return _by_sign_in(way, what, remedies.SIGN_IN(), remedies.SIGN_IN_BRIEF(), prefs)


def _by_sign_in(way: SignIn | None, what: str, do: str, brief: str, prefs: Prefs) -> Remedy:
    command = way.command(mask=prefs.mask) if way is not None else ""
    return Remedy(what, do, command, brief, way)


def _codex_way(what: str, way: SignIn | None, account: AccountState, prefs: Prefs) -> Remedy:
    """What brings a Codex home's login back; not `r` where codex has given it up."""
    token = account.refresh.token if account.refresh is not None else None
    again = _again(account, prefs)
    if account.dead_login is None and token is not None and token.block is BlockReason.CODEX_LATE:
        do = remedies.codex_is_late(token.pid, again)
        return _by_sign_in(way, what, do, remedies.CODEX_IS_LATE_BRIEF(), prefs)
    if account.dead_login is None and prefs.delegates:
        brief = remedies.CODEX_RENEWS_BRIEF() if prefs.keys else remedies.RENEW_BRIEF()
        return _by_sign_in(way, what, remedies.codex_renews(again), brief, prefs)
    return _by_sign_in(way, what, remedies.SIGN_IN(), remedies.SIGN_IN_BRIEF(), prefs)


def _for_trouble(account: AccountState, trouble: Trouble, now: datetime, prefs: Prefs) -> Remedy:
    listing = acting(account)
    way = sign_in(listing, by_code=prefs.by_code)
    why = shown_text(failure_text(trouble), account, mask=prefs.mask)
    kept, again = account.read_at is not None, _again(account, prefs)
    match trouble.kind:
        case FailureKind.AMBIGUOUS:
            what = remedies.login(LoginProblem.AMBIGUOUS)
            return _by_trying_once(way, what, prefs)
        case FailureKind.CONFLICT:
            keep = true_path(listing) if listing and listing.path else trouble.detail or "FILE"
            file = masked_word(keep, mask=prefs.mask)
            command = own_command(f"accounts resolve {account.key.id} --keep {file}", prefs)
            return Remedy(remedies.RESOLVE(), command=command, brief=remedies.RESOLVE_BRIEF())
        case FailureKind.TOKEN_REFRESH if account.dead_login is not None:
            what = remedies.login(account.dead_login.problem)
            if listing is not None and listing.custody is Custody.POOL:
                return _by_sign_in(way, what, remedies.POOL_SIGN_IN(), "", prefs)
            expires = listing.token.expires_at if listing else None
            if expires is None or expires <= now:
                return _by_sign_in(way, what, remedies.SIGN_IN(), "", prefs)
            day = figures.day(expires, now, prefs.zone)
            return _by_sign_in(way, what, remedies.sign_in_before(day), "", prefs)
        case FailureKind.OTHER_ACCOUNT if listing is not None and listing.custody is Custody.POOL:
            return Remedy(*remedies.mixed_up_by_pool(why, kept=kept))
        case FailureKind.OTHER_ACCOUNT:
            what, do = remedies.trouble(trouble.kind, why, again, kept=kept)
            return _by_sign_in(way, what, do, "", prefs)
        case FailureKind.THROTTLED if trouble.retry_at and trouble.retry_at > now:
            clock = figures.clock(trouble.retry_at, now, prefs.zone)
            return Remedy(*remedies.throttled_until(clock, again, kept=kept))
        case _:
            what, do = remedies.trouble(trouble.kind, why, again, kept=kept, code=trouble.detail)
            blocked = trouble.kind is FailureKind.EDGE_BLOCKED
            return Remedy(what, do, brief=remedies.EDGE_BLOCKED_BRIEF() if blocked else "")


def _again(account: AccountState, prefs: Prefs) -> str:
    """What refreshes the account from where its remedy is read."""
    return remedies.REFRESH_KEY if prefs.keys else _refresh(account, prefs)


def _by_trying_once(way: SignIn | None, what: str, prefs: Prefs) -> Remedy:
    do = remedies.TRY_ONCE() if prefs.keys else remedies.APP_TRIES_ONCE()
    brief = remedies.TRY_ONCE_BRIEF() if prefs.keys else remedies.SIGN_IN_BRIEF()
    return _by_sign_in(way, what, do, brief, prefs)


def _refresh(account: AccountState, prefs: Prefs) -> str:
    return own_command(f"refresh {account.key.id}", prefs)


def own_command(command: str, prefs: Prefs) -> str:
    """A command of poolwatch that sees this pool, in whichever shell it is pasted."""
    if prefs.config is None:
        return f"poolwatch {command}"
    return f"poolwatch --config {masked_word(prefs.config, mask=prefs.mask)} {command}"
