"""The refresh chain as values: the token step, the usage step, and what they changed."""

from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from msgspec import Struct

from poolwatch.domain.failure import Failure, LoginProblem
from poolwatch.domain.message import Message
from poolwatch.domain.usage import Credits, Usage, window_kind, windows_by_length

#: A codex that works renews its login within this time after the access token has expired.
CODEX_GRACE: Final = timedelta(minutes=2)
#: After that, a second `r` this soon after the warning has another codex renew beside it.
BESIDE_WITHIN: Final = timedelta(seconds=10)


class TokenOutcome(StrEnum):
    """Every way in which a token step ends."""

    REFRESHED = "refreshed"
    ADOPTED = "adopted"
    CURRENT = "current"
    DELEGATED = "delegated"
    NONE = "none"
    BLOCKED = "blocked"
    FAILED = "failed"
    REJECTED_FOR_GOOD = "rejected-for-good"
    AMBIGUOUS = "ambiguous"


class BlockReason(StrEnum):
    """Why a token was not spent."""

    PATH = "path"
    CONFLICT = "conflict"
    OWNER_SILENT = "owner_silent"
    #: a codex works on this home and is about to renew its login by itself
    CODEX_RUNNING = "codex_running"
    #: it had its time and did not; to have another one renew beside it can end the login
    CODEX_LATE = "codex_late"
    CODEX_MISSING = "codex_missing"
    OTHER_MUST_RENEW = "other_must_renew"
    DELEGATION_OFF = "delegation_off"
    CODEX_LOGIN_DEAD = "codex_login_dead"
    HOST_BUSY = "host_busy"
    READ_ONLY = "read_only"
    POOL_SKIPPED = "pool_skipped"
    API_KEY = "api_key"
    AGENT_IDENTITY = "agent_identity"
    KEYRING = "keyring"
    ASK_FIRST = "ask_first"


#: The code (`detail`) of a renewal that a pool refused: that stands until its list takes it back.
REFUSED: Final = "refused"


class TokenStep(Struct, frozen=True):
    """How the token step ended. `detail` is a path, an owner or words of the other side, sanitised."""

    outcome: TokenOutcome
    took_seconds: float | None = None
    block: BlockReason | None = None
    problem: LoginProblem | None = None
    failure: Failure | None = None
    detail: str | None = None
    retry_at: datetime | None = None
    #: when the reply of an ambiguous refresh was lost
    lost_at: datetime | None = None
    #: the refresh token (keyed fingerprint) this outcome speaks of
    refresh_fingerprint: str | None = None
    #: the codex that works on the home
    pid: int | None = None
    #: what the pool says of it, or poolwatch of the pool
    said: Message | None = None


class UsageStep(Struct, frozen=True):
    """How the usage step ended; `failure` None means a new reading. `tried` False: no live token."""

    failure: Failure | None = None
    took_seconds: float | None = None
    tried: bool = True
    #: the reading came from a pool's cache and is that old
    cached_at: datetime | None = None


#: The name of a change of the balance; other changes are named by the kind of their window.
CREDITS_CHANGE: Final = "credits"


class Change(Struct, frozen=True):
    """One figure that a reading moved: percent as numbers, balance in credits.

    Unlimited credits have no balance, whatever stands in its place.
    """

    name: str
    before: float | Decimal | None
    after: float | Decimal | None
    was_unlimited: bool = False
    is_unlimited: bool = False


class Awaited(Struct, frozen=True):
    """The process that a token step waits for longer than usual; no `pid`: the system does not tell."""

    pid: int | None = None
    #: somebody stopped it, and it does nothing until it is told to go on
    stopped: bool = False


class RefreshProgress(Struct, frozen=True):
    """Where one account's refresh stands; both steps are kept when it is done."""

    started_at: datetime
    token: TokenStep | None = None
    usage: UsageStep | None = None
    changes: tuple[Change, ...] = ()
    done: bool = False
    #: the usage step alone was asked for
    usage_only: bool = False
    #: the installed codex is renewing its own login right now
    delegating: bool = False
    #: the token step takes long, and waits for this process
    waits_for: Awaited | None = None

    @property
    def token_failed(self) -> bool:
        """Whether the token step failed."""
        bad = {
            TokenOutcome.BLOCKED,
            TokenOutcome.FAILED,
            TokenOutcome.REJECTED_FOR_GOOD,
            TokenOutcome.AMBIGUOUS,
        }
        return self.token is not None and self.token.outcome in bad

    @property
    def failed(self) -> bool:
        """Whether a step of a finished refresh failed."""
        return (
            self.token_failed or self.usage is None or not self.usage.tried or self.usage.failure is not None
        )


def usage_changes(before: Usage, after: Usage) -> tuple[Change, ...]:
    """The figures that differ: base windows by name, then credits. New accounts have no changes."""
    found: list[Change] = []
    old, new = before.base, after.base
    if old is not None and new is not None and old.value is not None and new.value is not None:
        was = {window_kind(window.window_seconds): window.used_percent for window in old.value.windows}
        for window in windows_by_length(new.value):
            kind = window.kind
            if kind in was and was[kind] != window.used_percent:
                found.append(Change(kind, was[kind], window.used_percent))
    if before.credits is not None and after.credits is not None:
        had, was_unlimited = _balance(before.credits.value)
        has, is_unlimited = _balance(after.credits.value)
        if (had, was_unlimited) != (has, is_unlimited):
            found.append(Change(CREDITS_CHANGE, had, has, was_unlimited, is_unlimited))
    return tuple(found)


def _balance(credits: Credits | None) -> tuple[Decimal | None, bool]:
    """The balance, and whether there is no limit to it."""
    if credits is None or credits.unlimited:
        return None, credits is not None
    return credits.balance, False
