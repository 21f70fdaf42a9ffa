"""What to do about an account: a sentence for what happened, one for the remedy, and the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.domain.account import LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem, Refusal
from poolwatch.words.account import ANOTHER_TOOL
from poolwatch.words.account import without_usage as why_without_usage
from poolwatch.words.catalogue import Text, _, mark

#: What refreshes an account where keys are at hand.
REFRESH_KEY: Final = "r"

SIGN_IN: Final = Text("Sign in again")
RENEW: Final = Text("Renew it")
R_RENEWS: Final = Text("r renews it; or from a shell")
POOL_SIGN_IN: Final = Text("Sign in again on the pool's own page")
TRY_ONCE: Final = Text("r offers to try it once more; or sign in again")
APP_TRIES_ONCE: Final = Text("The app offers to try it once more; or sign in again")
RESOLVE: Final = Text("the same login is in two files and was not spent. Say which file stays in use")
BRING_HOME: Final = Text("Put it in place")
DEACTIVATED: Final = Text(
    "the account is deactivated or removed from its workspace. Ask its owner, or stop watching it"
)
FIX_FILE: Final = Text(
    "Make the file readable for you, or repair it; if its login is lost, sign in again there"
)
# What to do, on a card.
SIGN_IN_BRIEF: Final = Text("sign in again")
R_RENEWS_BRIEF: Final = Text("r renews it")
RENEW_BRIEF: Final = Text("renew it")
CODEX_RENEWS_BRIEF: Final = Text("r has Codex renew it")
CODEX_IS_LATE_BRIEF: Final = Text("close the open Codex")
POOL_SIGN_IN_BRIEF: Final = Text("sign in at the pool")
NEW_TOKEN_BRIEF: Final = Text("put in a new token")
TRY_ONCE_BRIEF: Final = Text("r tries it once more")
RESOLVE_BRIEF: Final = Text("say which file stays")
BRING_HOME_BRIEF: Final = Text("put it in place")
ASK_OWNER: Final = Text("ask its owner")
FIX_FILE_BRIEF: Final = Text("repair its file")
EDGE_BLOCKED_BRIEF: Final = Text("try another address")

_LOGIN: Final[Mapping[LoginProblem, str]] = {
    LoginProblem.EXPIRED: mark("the login has expired"),
    LoginProblem.REJECTED: mark("the service refuses the login"),
    LoginProblem.INVALIDATED: mark("the login was ended by a sign-out or a new password"),
    LoginProblem.USED_ELSEWHERE: mark("another program has used the refresh token"),
    LoginProblem.OUTDATED: mark("poolwatch has renewed this login since; the file holds an older copy"),
    LoginProblem.REFRESH_EXPIRED: mark("the refresh token has expired"),
    LoginProblem.SAID_BY_POOL: mark("the pool says that the login has expired"),
    LoginProblem.UNUSABLE_FILE: mark("the login cannot be read"),
    LoginProblem.AMBIGUOUS: mark("a refresh was interrupted and the login may be spent"),
}
# What happened, and what to do. Of these the last numbers stay, and that is said too.
_KEEPS_NUMBERS: Final[Mapping[FailureKind | Refusal, tuple[str, str]]] = {
    FailureKind.EDGE_BLOCKED: (
        mark("Cloudflare blocks this machine, not the login"),
        mark("poolwatch tries again by itself; if it lasts, try from another address"),
    ),
    FailureKind.THROTTLED: (mark("asked too often"), mark("poolwatch tries again by itself")),
    FailureKind.UNREACHABLE: (mark("no connection{why}"), mark("Check the network, or the source's address")),
    FailureKind.MALFORMED: (mark("the reply could not be understood{why}"), mark("{shows} it")),
    FailureKind.FORBIDDEN: (
        mark("the service forbids this reading{why}"),
        mark("Check the account's rights in its workspace"),
    ),
    Refusal.PLACE: (
        mark("the service does not answer from this country or network{why}"),
        mark("The login is fine. Ask from where the service is offered; a VPN or a relay may be the reason"),
    ),
    Refusal.WORKSPACE: (
        mark("the service refuses the workspace that this login chooses{why}"),
        mark("Sign in again and choose another one"),
    ),
    FailureKind.UPSTREAM_ERROR: (
        mark("the service answered with an error{why}"),
        mark("poolwatch tries again by itself"),
    ),
    FailureKind.NO_FIGURES: (
        mark("the pool has no usage figures for it{why}"),
        mark("poolwatch tries again by itself"),
    ),
    FailureKind.OTHER_ACCOUNT: (
        mark("another account was found in place of this login's{why}"),
        mark("Sign in again to set it right"),
    ),
}
_TROUBLE: Final[Mapping[FailureKind, tuple[str, str]]] = {
    FailureKind.NOT_THE_SERVICE: (
        mark("a web page answers, not the usage service{why}"),
        mark("Check the source's address, or sign in to this network"),
    ),
    FailureKind.DEACTIVATION_REPORTED: (
        mark("the service has said once that the account is off{why}"),
        mark("poolwatch believes it when it is said twice in a row"),
    ),
    FailureKind.TOKEN_REFRESH: (
        mark("the token was not refreshed{why}"),
        mark("It is still good; {again} tries again"),
    ),
    FailureKind.BLOCKED: (
        mark("the login was not renewed{why}"),
        mark("Nothing is lost; fix that, then {again}"),
    ),
}


def login(problem: LoginProblem) -> str:
    """What happened to the login."""
    return _(_LOGIN[problem])


def trouble(
    kind: FailureKind, why: str, again: str, *, kept: bool, code: str | None = None
) -> tuple[str, str]:
    """What happened, and what to do, for trouble that needs no sign-in.

    `kept`: there are numbers that stay; `again`: the key or the command that refreshes; `code`: what the
    service calls it.
    """
    told = _TROUBLE.get(kind)
    is_kept = kept and told is None
    if told is None:
        refusal = Refusal.of(code) if kind is FailureKind.FORBIDDEN else None
        told = _KEEPS_NUMBERS.get(refusal or kind) or _KEEPS_NUMBERS.get(kind, ("", ""))
    what, do = told
    shows = _("x shows") if again == REFRESH_KEY else _("The app shows")
    why = _(" ({why})", why=why) if why else ""
    return _and_kept(_(what, why=why), kept=is_kept), _(do, again=again, shows=shows) if do else ""


def mixed_up_by_pool(why: str, *, kept: bool) -> tuple[str, str]:
    """A pool gave the figures of another account than the one that was asked for."""
    what = _("the pool's answer is about another account ({why})", why=why)
    return _and_kept(what, kept=kept), _("Check whose login the pool holds there")


def throttled_until(clock: str, again: str, *, kept: bool) -> tuple[str, str]:
    """Told when to come back."""
    now = _("r twice") if again == REFRESH_KEY else again
    do = _("poolwatch tries again at {time}; {now} asks now", time=clock, now=now)
    return _and_kept(_("asked too often"), kept=kept), do


def _and_kept(what: str, *, kept: bool) -> str:
    return _("{what}; the last numbers stay", what=what) if kept else what


def without_usage(kind: LoginKind) -> tuple[str, str]:
    """Why a login has no figures, and what to do for some."""
    if kind is LoginKind.KEYRING:
        do = _('For figures set cli_auth_credentials_store = "file" in its config.toml and sign in again')
    else:
        do = _("Nothing to do; with a ChatGPT sign-in it would have some")
    return why_without_usage(kind), do


def sentence(label: str, what: str, do: str, command: str) -> str:
    """The remedy line: `bob: another program has used the refresh token. Sign in again:  codex login`."""
    told = f"{label}: {what}. {do}" if do else f"{label}: {what}"
    return f"{told}:  {command}" if command else f"{told}."


def advice(what: str, do: str, *, has_command: bool) -> str:
    """The same with the command on a line of its own: `the login has expired. Sign in again:`."""
    told = f"{what}. {do}" if do else what
    return f"{told}:" if has_command else f"{told}."


#: The installed codex is asked to renew its own login.
codex_renews: Final = Text("{again} lets Codex renew it; or sign in again")


def codex_is_late(pid: int | None, again: str) -> str:
    """The codex that is open on the login's home has not renewed it."""
    which = _(" (pid {pid})", pid=pid) if pid is not None else ""
    told = mark("Close the Codex that is open on it{which}, then {again}; or sign in again")
    return _(told, which=which, again=again)


#: A personal access token is made by a person.
new_token: Final = Text("Put a new personal access token into its file, then {again}")


def another_must_renew(owner: str) -> str:
    """The tool that owns the login has to renew it; none is named where nobody knows it."""
    if owner in ("", ANOTHER_TOOL()):
        return _("Another tool must renew it; start it, or sign in again there")
    return _("{owner} must renew it; start it, or sign in again there", owner=owner)


def another_must_renew_brief(owner: str) -> str:
    """The same on a card."""
    if owner in ("", ANOTHER_TOOL()):
        return _("renew it in its own tool")
    return _("renew it in {owner}", owner=owner)


#: The new login waits in the state directory.
kept: Final = Text("a new login waits in {path}")
#: A login whose refresh token is dead still works until then.
sign_in_before: Final = Text("The access token works until {day}; sign in again before")
