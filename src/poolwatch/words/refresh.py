"""Words for the two steps of a refresh, as they run and when they are done."""

from __future__ import annotations

from typing import Final

from poolwatch.domain.refresh import BESIDE_WITHIN, Awaited, BlockReason
from poolwatch.domain.status import Section
from poolwatch.words import names

ARROW: Final = " → "
OK: Final = "ok"
TOKEN_RUNS: Final = "token …"  # noqa: S105 - words on screen
USAGE_RUNS: Final = "usage …"
CODEX_RUNS: Final = "codex is refreshing … (leave it running)"
ADOPTED: Final = "token: another process had refreshed it"
PERSONAL: Final = "personal token, nothing to renew"
POOL_RENEWED: Final = "pool renewed"
POOL_RENEWS: Final = "the pool renews by itself"
NOT_TRIED: Final = "usage not tried, no live token"
POOL_SILENT: Final = "the pool does not answer"
POOL_DISABLED: Final = "usage not tried, disabled in the pool"
NEW_TOKEN_REFUSED: Final = "usage: the new token was refused"  # noqa: S105 - words on screen
NOTHING: Final = "nothing was done"

_BLOCKED: Final = {
    BlockReason.CONFLICT: "token: not spent, the same login is in two files",
    BlockReason.OWNER_SILENT: "token: not spent, the process that refreshes it does not answer",
    BlockReason.HOST_BUSY: "codex is renewing another home on this machine: try again in a minute",
    BlockReason.READ_ONLY: "token: not spent, this poolwatch is read-only",
    BlockReason.POOL_SKIPPED: POOL_RENEWS,
    **{BlockReason(kind.value): words for kind, words in names.WITHOUT_USAGE.items()},
}


def waits(found: Awaited) -> str:
    """The token step takes long: whom it waits for."""
    return f"token … waiting for the process that refreshes it{_which(found)}"


def still_waiting(label: str, found: Awaited) -> str:
    """The same for a command, with what lets a process go on that was stopped."""
    return f"still waiting for the process that refreshes {label}{_which(found)}{_go_on(found)}"


def still_waiting_for_owner(found: Awaited) -> str:
    """A command waits for the poolwatch that polls, which it asked."""
    return f"still waiting for the poolwatch that polls{_which(found)}{_go_on(found)}"


def _which(found: Awaited) -> str:
    if found.pid is None:
        return ""
    return f" (pid {found.pid}, stopped)" if found.stopped else f" (pid {found.pid})"


def _go_on(found: Awaited) -> str:
    return f"; kill -CONT {found.pid} lets it go on" if found.stopped else ""


def took(step: str, seconds: float | None) -> str:
    """A step that went well, with its time if it is known: `token ok 0.4s`."""
    return f"{step} {seconds:.1f}s" if seconds is not None and seconds < 600 else step


TOKEN_OK: Final = "token ok"  # noqa: S105 - words on screen
USAGE_OK: Final = "usage ok"
QUOTA_OK: Final = "quota ok"
CODEX_RENEWED: Final = "token: codex renewed it"


def codex_keeps(left: str) -> str:
    """Codex's own token is good."""
    return f"token: Codex's, good for {left}" if left else "token: Codex's"


def own_is_good(left: str) -> str:
    """Poolwatch's own token is not due."""
    return f"token: good for {left}" if left else "token: good"


def kept_by(owner: str) -> str:
    """Another tool's token is good."""
    return f"token: kept by {owner}"


def failed(words: str, retry: str) -> str:
    """The token step failed and may be tried again."""
    return f"token: {words}, retry {retry}" if retry else f"token: {words}"


def pool_renews(why: str) -> str:
    """The pool was not asked to renew, or would not; `why` is its own reason, empty where it gave none."""
    return f"{POOL_RENEWS} ({why})" if why else POOL_RENEWS


def pool_down(words: str) -> str:
    """The pool as a whole could not be asked to renew."""
    return f"pool: {words}" if words else POOL_SILENT


def pool_failed(words: str) -> str:
    """The pool's own refresh failed."""
    return f"pool: refresh failed: {words}" if words else "pool: refresh failed"


def sign_in_before(day: str, why: str) -> str:
    """The refresh token is dead, the access token still lives."""
    return f"sign in again before {day} ({why})" if day else f"sign in again soon ({why})"


def sign_in(why: str) -> str:
    """Both tokens are dead."""
    return f"sign in again: {why}"


def lost(clock: str) -> str:
    """The reply to an exchange was lost; the login may be spent."""
    return f"token: reply lost at {clock}, may need login" if clock else "token: reply lost, may need login"


def ask_first(clock: str) -> str:
    """A login whose reply was lost is spent only when asked for once more."""
    return f"{lost(clock)}; press r to try once"


def not_writable(path: str) -> str:
    """A path that keeps the new token from being stored."""
    return not_spent(f"{path} not writable" if path else "the file is not writable")


def not_spent(why: str) -> str:
    """Something keeps the new token from being stored; `why` names the path."""
    return f"token: {why}" if why.startswith("not spent") else f"token: not spent, {why}"


def kept(command: str) -> str:
    """The token was exchanged, but its file changed meanwhile."""
    return f"token: renewed, but its file changed; bring the new login home: {command}"


def must_renew(owner: str) -> str:
    """The owner of the login has to act."""
    return f"{owner} must renew it"


def codex_is_open(pid: int | None) -> str:
    """A codex works on the home of an expired login and is about to renew it."""
    return f"{_CODEX_OPEN} and renews it{_named(pid)}"


def codex_is_late(pid: int | None, again: str) -> str:
    """It had its time; what renews the login all the same, and what that can cost."""
    late = f"{_CODEX_OPEN}{_named(pid)} and has not renewed it"
    return f"{late}; {again} renews beside it: both at once can end the login"


def codex_is_late_short(pid: int | None) -> str:
    """The same where there is no room: the warning first."""
    return f"r may end the login: {f'pid {pid}' if pid is not None else 'Codex'} is open"


#: How a person asks once more on the screen, and in a shell.
SECOND_R: Final = f"r within {BESIDE_WITHIN.seconds} s"
FORCE: Final = "refresh ACCOUNT --force"


_CODEX_OPEN: Final = "Codex is open on this home"


def _named(pid: int | None) -> str:
    return f" (pid {pid})" if pid is not None else ""


def run(command: str) -> str:
    """A command to run by hand."""
    return f"run: {command}"


def blocked(reason: BlockReason) -> str | None:
    """Why the token was not spent, where the reason says it all."""
    return _BLOCKED.get(reason)


def cached(clock: str) -> str:
    """The pool gave figures of an earlier time, or of one that it does not tell."""
    return f"cached quota of {clock}" if clock else "cached quota, its age unknown"


def usage_failed(words: str, showing: str) -> str:
    """The usage step failed; the screen shows an older reading."""
    return f"usage: {words}, showing {showing}" if showing else f"usage: {words}"


def usage_not_tried(showing: str) -> str:
    """The usage step did not run, for a reason that the token step has given."""
    return f"usage not tried, showing {showing}" if showing else "usage not tried"


def change(name: str, before: str, after: str) -> str:
    """One figure that moved: `weekly 71 → 0 %`."""
    return f"{name} {before} → {after}"


def bulk(finished: int, total: int, failed_: int) -> str:
    """How far a refresh of many is: `12/44 · 2 failed · esc stops`."""
    return f"{finished}/{total} · {failed_} failed · esc stops"


def bulk_done(finished: int, total: int, failed_: int, changed: int) -> str:
    """What a refresh of many brought."""
    stopped = "" if finished >= total else f"stopped at {finished} of {total} · "
    return f"{stopped}{finished - failed_} refreshed · {failed_} failed · {changed} changed"


#: Accounts that a refresh of many moved into a section.
NOW: Final = {
    Section.NEEDS_YOU: "now needs you: {names}",
    Section.ACTIVE: "now active: {names}",
    Section.EXHAUSTED: "now exhausted: {names}",
}
