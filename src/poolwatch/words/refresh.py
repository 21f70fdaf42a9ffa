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


def codex_keeps(left: str) -> str:
    """Codex's own token is good."""
    return _("token: Codex's, good for {left}", left=left) if left else _("token: Codex's")


def own_is_good(left: str) -> str:
    """Poolwatch's own token is not due."""
    return _("token: good for {left}", left=left) if left else _("token: good")


def kept_by(owner: str) -> str:
    """Another tool's token is good."""
    return _("token: kept by {owner}", owner=owner)


def failed(words: str, retry: str) -> str:
    """The token step failed and may be tried again."""
    return _("token: {why}, retry {time}", why=words, time=retry) if retry else _("token: {why}", why=words)


def pool_renews(why: str) -> str:
    """The pool was not asked to renew, or would not; `why` is its own reason, empty where it gave none."""
    return _("the pool renews by itself ({why})", why=why) if why else _("the pool renews by itself")


def pool_down(words: str) -> str:
    """The pool as a whole could not be asked to renew."""
    return _("pool: {why}", why=words) if words else _("the pool does not answer")


def pool_failed(words: str) -> str:
    """The pool's own refresh failed."""
    return _("pool: refresh failed: {why}", why=words) if words else _("pool: refresh failed")


def sign_in_before(day: str, why: str) -> str:
    """The refresh token is dead, the access token still lives."""
    if not day:
        return _("sign in again soon ({why})", why=why)
    return _("sign in again before {day} ({why})", day=day, why=why)


def lost(clock: str) -> str:
    """The reply to an exchange was lost; the login may be spent."""
    if not clock:
        return _("token: reply lost, may need login")
    return _("token: reply lost at {time}, may need login", time=clock)


def ask_first(clock: str) -> str:
    """A login whose reply was lost is spent only when asked for once more."""
    return _("{lost}; press r to try once", lost=lost(clock))


def not_writable(path: str) -> str:
    """A path that keeps the new token from being stored."""
    why = _("{path} not writable", path=path) if path else _("the file is not writable")
    return _("token: not spent, {why}", why=why)


def not_spent(why: str) -> str:
    """Something keeps the new token from being stored; `why` is a whole sentence of custody's."""
    return _("token: {why}", why=why)


def kept(command: str) -> str:
    """The token was exchanged, but its file changed meanwhile."""
    return _("token: renewed, but its file changed; put the new login in place: {command}", command=command)


def must_renew(owner: str) -> str:
    """The owner of the login has to act."""
    return _("{owner} must renew it", owner=owner)


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


def codex_is_late_short(pid: int | None) -> str:
    """The same where there is no room: the warning first."""
    if pid is None:
        return _("r may end the login: Codex is open")
    return _("r may end the login: pid {pid} is open", pid=pid)


def run(command: str) -> str:
    """A command to run by hand."""
    return _("run: {command}", command=command)


def blocked(reason: BlockReason) -> str | None:
    """Why the token was not spent, where the reason says it all."""
    if reason in _WITHOUT_USAGE:
        return account.without_usage(_WITHOUT_USAGE[reason])
    return _(_BLOCKED[reason]) if reason in _BLOCKED else None


def cached(clock: str) -> str:
    """The pool gave figures of an earlier time, or of one that it does not tell."""
    return _("cached quota of {time}", time=clock) if clock else _("cached quota, its age unknown")


def usage_failed(words: str, showing: str) -> str:
    """The usage step failed; the screen shows an older reading."""
    if not showing:
        return _("usage: {why}", why=words)
    return _("usage: {why}, showing {time}", why=words, time=showing)


def usage_not_tried(showing: str) -> str:
    """The usage step did not run, for a reason that the token step has given."""
    return _("usage not tried, showing {time}", time=showing) if showing else _("usage not tried")


def change(name: str, before: str, after: str) -> str:
    """One figure that moved: `weekly 71 → 0%`."""
    return f"{name} {before}{ARROW}{after}"


def bulk(finished: int, total: int, failed_: int) -> str:
    """How far a refresh of many is: `12/44 · 2 failed · esc stops`."""
    return _(
        "{finished}/{total} · {failed} failed · esc stops", finished=finished, total=total, failed=failed_
    )


def bulk_done(finished: int, total: int, failed_: int, changed: int) -> str:
    """What a refresh of many brought."""
    told = _(
        "{good} refreshed · {failed} failed · {changed} changed",
        good=finished - failed_,
        failed=failed_,
        changed=changed,
    )
    if finished >= total:
        return told
    return f"{_('stopped at {finished} of {total}', finished=finished, total=total)} · {told}"


def moved_into(section: Section, names: Iterable[str], more: int) -> str:
    """Accounts that a refresh of many moved into a section: `now active: lee, bob +2`."""
    told = ", ".join(names)
    return _(_MOVED[section], names=f"{told} +{more}" if more else told)


def step(line: str) -> str:
    """A finished refresh as a line of the recent past."""
    return _("refresh: {line}", line=line)
