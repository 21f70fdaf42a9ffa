"""Words for a refresh: its two steps as they run and when they are done, and a refresh of many."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from poolwatch.domain.account import LoginKind
from poolwatch.domain.refresh import BESIDE_WITHIN, Awaited, BlockReason
from poolwatch.domain.status import Section
from poolwatch.words import account
from poolwatch.words.catalogue import Text, _, mark

ARROW: Final = " → "
OK: Final = Text("ok")
TOKEN_RUNS: Final = Text("token …")
USAGE_RUNS: Final = Text("usage …")
CODEX_RUNS: Final = Text("codex is refreshing … (leave it running)")
ADOPTED: Final = Text("token: another process had refreshed it")
PERSONAL: Final = Text("personal token, nothing to renew")
NOT_TRIED: Final = Text("usage not tried, no live token")
POOL_DISABLED: Final = Text("usage not tried, disabled in the pool")
NEW_TOKEN_REFUSED: Final = Text("usage: the new token was refused")
NOTHING: Final = Text("nothing was done")
TOKEN_OK: Final = Text("token ok")
USAGE_OK: Final = Text("usage ok")
QUOTA_OK: Final = Text("quota ok")
POOL_RENEWED: Final = Text("pool renewed")
CODEX_RENEWED: Final = Text("token: codex renewed it")
#: How a person asks once more in a shell.
FORCE: Final = "refresh ACCOUNT --force"

_BLOCKED: Final[Mapping[BlockReason, str]] = {
    BlockReason.CONFLICT: mark("token: not spent, the same login is in two files"),
    BlockReason.OWNER_SILENT: mark("token: not spent, the process that refreshes it does not answer"),
    BlockReason.HOST_BUSY: mark("codex is renewing another home on this machine: try again in a minute"),
    BlockReason.READ_ONLY: mark("token: not spent, this poolwatch is read-only"),
    BlockReason.POOL_SKIPPED: mark("the pool renews by itself"),
}
_WITHOUT_USAGE: Final[Mapping[BlockReason, LoginKind]] = {
    BlockReason(kind.value): kind for kind in LoginKind if not kind.has_usage
}
_MOVED: Final[Mapping[Section, str]] = {
    Section.NEEDS_YOU: mark("now needs you: {names}"),
    Section.ACTIVE: mark("now active: {names}"),
    Section.EXHAUSTED: mark("now exhausted: {names}"),
}


def waits(found: Awaited) -> str:
    """The token step takes long: whom it waits for."""
    return _("token … waiting for the process that refreshes it{which}", which=_which(found))


def still_waiting(label: str, found: Awaited) -> str:
    """The same for a command, with what lets a stopped process go on."""
    told = _("still waiting for the process that refreshes {label}{which}", label=label, which=_which(found))
    return told + _go_on(found)


def still_waiting_for_owner(found: Awaited) -> str:
    """A command waits for the poolwatch that polls, which it asked."""
    return _("still waiting for the poolwatch that polls{which}", which=_which(found)) + _go_on(found)


def _which(found: Awaited) -> str:
    if found.pid is None:
        return ""
    return _(" (pid {pid}, stopped)", pid=found.pid) if found.stopped else _(" (pid {pid})", pid=found.pid)


def _go_on(found: Awaited) -> str:
    return _("; kill -CONT {pid} lets it go on", pid=found.pid) if found.stopped else ""


def took(step: str, seconds: float | None) -> str:
    """A step that went well, with its time if it is known: `token ok 0.4s`."""
    return f"{step} {seconds:.1f}s" if seconds is not None and seconds < 600 else step


#: Codex's own token is good.
codex_keeps: Final = Text("token: Codex's, good for {left}", "token: Codex's")
#: Poolwatch's own token is not due.
own_is_good: Final = Text("token: good for {left}", "token: good")
#: Another tool's token is good.
kept_by: Final = Text("token: kept by {owner}")
#: The token step failed and may be tried again.
failed: Final = Text("token: {why}, retry {time}", "token: {why}")
#: The pool was not asked to renew, or would not; `why` is its own reason, empty where it gave none.
pool_renews: Final = Text("the pool renews by itself ({why})", "the pool renews by itself")
#: The pool as a whole could not be asked to renew.
pool_down: Final = Text("pool: {why}", "the pool does not answer")
#: The pool's own refresh failed.
pool_failed: Final = Text("pool: refresh failed: {why}", "pool: refresh failed")
#: The refresh token is dead, the access token still lives.
sign_in_before: Final = Text("sign in again before {day} ({why})", "sign in again soon ({why})")
#: The reply to an exchange was lost; the login may be spent.
lost: Final = Text("token: reply lost at {time}, may need login", "token: reply lost, may need login")


def ask_first(clock: str) -> str:
    """A login whose reply was lost is spent only when asked for once more."""
    return _("{lost}; press r to try once", lost=lost(clock))


def not_writable(path: str) -> str:
    """A path that keeps the new token from being stored."""
    why = _("{path} not writable", path=path) if path else _("the file is not writable")
    return _("token: not spent, {why}", why=why)


#: Something keeps the new token from being stored; `why` is a whole sentence of custody's.
not_spent: Final = Text("token: {why}")
#: The token was exchanged, but its file changed meanwhile.
kept: Final = Text("token: renewed, but its file changed; put the new login in place: {command}")
#: The owner of the login has to act.
must_renew: Final = Text("{owner} must renew it")


def codex_is_open(pid: int | None) -> str:
    """A codex works on the home of an expired login and is about to renew it."""
    return _("Codex is open on this home and renews it{which}", which=_which(Awaited(pid)))


def second_r() -> str:
    """How a person asks once more on the screen."""
    return _("r within {seconds} s", seconds=BESIDE_WITHIN.seconds)


def codex_is_late(pid: int | None, again: str) -> str:
    """It had its time; what renews the login all the same, and what that can cost."""
    return _(
        "Codex is open on this home{which} and has not renewed it; "
        "{again} renews beside it: both at once can end the login",
        which=_which(Awaited(pid)),
        again=again,
    )


#: The same where there is no room: the warning first.
codex_is_late_short: Final = Text(
    "r may end the login: pid {pid} is open", "r may end the login: Codex is open"
)

#: A command to run by hand.
run: Final = Text("run: {command}")


def blocked(reason: BlockReason) -> str | None:
    """Why the token was not spent, where the reason says it all."""
    if reason in _WITHOUT_USAGE:
        return account.without_usage(_WITHOUT_USAGE[reason])
    return _(_BLOCKED[reason]) if reason in _BLOCKED else None


#: The pool gave figures of an earlier time, or of one that it does not tell.
cached: Final = Text("cached quota of {time}", "cached quota, its age unknown")
#: The usage step failed; the screen shows an older reading.
usage_failed: Final = Text("usage: {why}, showing {time}", "usage: {why}")
#: The usage step did not run, for a reason that the token step has given.
usage_not_tried: Final = Text("usage not tried, showing {time}", "usage not tried")


def change(name: str, before: str, after: str) -> str:
    """One figure that moved: `weekly 71 → 0%`."""
    return f"{name} {before}{ARROW}{after}"


#: How far a refresh of many is: `12/44 · 2 failed · esc stops`.
bulk: Final = Text("{finished}/{total} · {failed} failed · esc stops")

#: The same of a command, which ctrl+c ends.
so_far: Final = Text("{finished}/{total} · {failed} failed")


def bulk_done(finished: int, total: int, failed_: int, changed: int, *, usage_only: bool) -> str:
    """What a refresh of many brought."""
    good = finished - failed_
    done = _("{good} read", good=good) if usage_only else _("{good} refreshed", good=good)
    told = f"{done} · {_('{failed} failed · {changed} changed', failed=failed_, changed=changed)}"
    if finished >= total:
        return told
    return f"{_('stopped at {finished} of {total}', finished=finished, total=total)} · {told}"


def moved_into(section: Section, names: Iterable[str], more: int) -> str:
    """Accounts that a refresh of many moved into a section: `now active: lee, bob +2`."""
    told = ", ".join(names)
    return _(_MOVED[section], names=f"{told} +{more}" if more else told)


#: A finished refresh as a line of the recent past.
step: Final = Text("refresh: {line}")
