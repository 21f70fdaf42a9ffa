"""What to do about it: one sentence for what happened and one for the remedy."""

from __future__ import annotations

from typing import Final

from poolwatch.domain.account import LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem, Refusal
from poolwatch.words import names

SIGN_IN: Final = "Sign in again"
_KEPT: Final = "The last numbers stay; "

_LOGIN: Final = {
    LoginProblem.EXPIRED: "the login has expired",
    LoginProblem.REJECTED: "the service refuses the login",
    LoginProblem.INVALIDATED: "the login was ended by a sign-out or a new password",
    LoginProblem.USED_ELSEWHERE: "refresh token was spent by another program",
    LoginProblem.OUTDATED: "poolwatch renewed this login since, and the file holds an older copy",
    LoginProblem.REFRESH_EXPIRED: "the refresh token has expired",
    LoginProblem.SAID_BY_POOL: "the pool says that the login has expired",
    LoginProblem.UNUSABLE_FILE: "the login cannot be read",
    LoginProblem.AMBIGUOUS: "a refresh was interrupted and the login may be spent",
}

_TROUBLE: Final[dict[FailureKind | Refusal, str]] = {
    FailureKind.EDGE_BLOCKED: "Cloudflare turns this machine away, not the login. The last numbers stay; "
    "it is asked again by itself. If it lasts, try from another address",
    FailureKind.THROTTLED: "asked too often. The last numbers stay; it is asked again by itself",
    FailureKind.UNREACHABLE: "no connection{why}. The last numbers stay; "
    "check the network or the address of the source",
    FailureKind.NOT_THE_SERVICE: "a web page answers, not the usage service{why}. "
    "Check the address of the source, or sign in to this network",
    FailureKind.MALFORMED: "the reply could not be understood{why}. The last numbers stay; {shows} it",
    FailureKind.FORBIDDEN: "the service forbids this reading{why}. The last numbers stay; "
    "check the account's rights in its workspace",
    Refusal.PLACE: "the service does not answer from this country or network{why}. The last numbers stay; "
    "the login is fine. Ask from where the service is offered; a VPN or a relay may be the reason",
    Refusal.WORKSPACE: "the service refuses the workspace that this login chooses{why}. "
    "The last numbers stay; sign in again and choose another one",
    FailureKind.UPSTREAM_ERROR: "the service answered with an error{why}. The last numbers stay; "
    "it is asked again by itself",
    FailureKind.NO_FIGURES: "the pool has no usage figures of it{why}. The last numbers stay; "
    "it is asked again by itself",
    FailureKind.DEACTIVATION_REPORTED: "the service said once that the account is off{why}. "
    "It is believed when said twice in a row",
    FailureKind.TOKEN_REFRESH: "the token was not refreshed{why}. It is still good; {again} tries again",
    FailureKind.BLOCKED: "the login was not renewed{why}. Nothing is lost; mend that, then {again}",
    FailureKind.KEPT: "its file changed while the login was renewed, and the new one waits{why}",
    FailureKind.OTHER_ACCOUNT: "another account was found in place of this login's{why}. "
    "The last numbers stay; sign in again to set it right",
}


def login(problem: LoginProblem) -> str:
    """What happened to the login."""
    return _LOGIN[problem]


def trouble(kind: FailureKind, why: str, again: str, *, kept: bool, code: str | None = None) -> str:
    """What happened, what was kept and what to do, for trouble that needs no sign-in.

    `kept`: there are numbers that stay; `again`: the key or the command that refreshes; `code`: what the
    service calls it.
    """
    refusal = Refusal.of(code) if kind is FailureKind.FORBIDDEN else None
    told = _TROUBLE.get(refusal or kind) or _TROUBLE.get(kind, "")
    shows = "x shows" if again == REFRESH_KEY else "the app shows"
    told = told.replace("{shows}", shows).replace("{again}", again)
    told = told.replace("{why}", f" ({why})" if why else "")
    return told if kept else _nothing_kept(told)


def mixed_up_by_pool(why: str, *, kept: bool) -> str:
    """A pool gave the figures of another account than the one that was asked for."""
    told = f"the pool's answer is about another account ({why}). {_KEPT}look whose login it holds there"
    return told if kept else _nothing_kept(told)


def _nothing_kept(told: str) -> str:
    before, kept, after = told.partition(_KEPT)
    return before + after[:1].upper() + after[1:] if kept else told


#: what refreshes an account where keys are at hand
REFRESH_KEY: Final = "r"
RENEWS: Final = "r renews it"
#: a login that the codex which is open on it has not renewed
_CODEX_LATE: Final = "Close the Codex that is open on it{pid}, then {again}; or sign in again"
POOLWATCH_RENEWS: Final = f"{RENEWS}; or from a shell"
RENEW: Final = "Renew it"
POOL_SIGN_IN: Final = "Sign in again on the pool's own page"
TRY_ONCE: Final = "r offers to try it once more; or sign in again"
APP_TRIES_ONCE: Final = "The app offers to try it once more; or sign in again"
RESOLVE: Final = "the same login is in two files and was not spent. Say which file stays in use"
BRING_HOME: Final = "Bring it home"
DEACTIVATED: Final = (
    "the account is deactivated or removed from its workspace. Ask its owner, or stop watching it"
)
FIX_FILE: Final = "Make the file readable for you or mend it; if its login is lost, sign in again there"


def without_usage(kind: LoginKind) -> tuple[str, str]:
    """Why a login has no figures, and what to do for some."""
    what = names.WITHOUT_USAGE[kind]
    if kind is LoginKind.KEYRING:
        return (
            what,
            'For figures set cli_auth_credentials_store = "file" in its config.toml and sign in again',
        )
    return f"{what}. Nothing to do; with a ChatGPT sign-in it would have some", ""


def sentence(label: str, what: str, do: str, command: str) -> str:
    """The remedy line: `bob: refresh token was spent by another program. Sign in again:  codex login`."""
    told = f"{label}: {what}. {do}" if do else f"{label}: {what}"
    return f"{told}:  {command}" if command else f"{told}."


def codex_renews(again: str) -> str:
    """The installed codex is asked to renew its own login."""
    return f"{again} lets Codex renew it; or sign in again"


def new_token(again: str) -> str:
    """A personal access token is made by a person."""
    return f"Put a new personal access token into its file, then {again}"


def another_must_renew(owner: str) -> str:
    """The tool that owns the login has to renew it."""
    said = owner.capitalize() if owner == names.ANOTHER_TOOL else owner  # a sentence of its own
    return f"{said} must renew it; start it, or sign in again there"


def kept(path: str) -> str:
    """The new login waits in the state directory."""
    return f"its file changed while it was renewed, and the new login waits in {path}"


def codex_is_late(pid: int | None, again: str) -> str:
    """The codex that is open on the login's home has not renewed it."""
    return _CODEX_LATE.replace("{pid}", f" (pid {pid})" if pid is not None else "").replace("{again}", again)


def sign_in_before(day: str) -> str:
    """A login whose refresh token is dead still works until then."""
    return f"The access token works until {day}; sign in again before"


def throttled_until(clock: str, again: str, *, kept: bool) -> str:
    """Told when to come back."""
    now = f"{REFRESH_KEY} twice" if again == REFRESH_KEY else again
    told = f"asked too often. {_KEPT}it is asked again at {clock}, {now} asks now"
    return told if kept else _nothing_kept(told)
