"""What happened to accounts, sources and the pool, as it is kept and told."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from poolwatch.domain.series import Amount


class EventKind(StrEnum):
    """What happened; a closed list, which the documentation has."""

    EXHAUSTED = "exhausted"
    BACK = "back"
    RESET = "reset"
    EARLY_RESET = "early_reset"
    #: many accounts were reset early at once; `accounts` says how many
    UPSTREAM_RESET = "upstream_reset"
    BANKED_RESET = "banked_reset"
    CREDITS_CAME = "credits_came"
    PLAN_CHANGED = "plan_changed"
    LOGIN_DIED = "login_died"
    SIGNED_IN = "signed_in"
    SOURCE_DOWN = "source_down"
    SOURCE_BACK = "source_back"


class Unit(StrEnum):
    """What `before` and `after` of an event count."""

    PERCENT = "percent"
    CREDITS = "credits"


class LoggedEvent(Struct, frozen=True):
    """One event. The same event of the same moment has the same `id`, however often it is found.

    `at` is aware UTC. `before` and `after` are a percentage or an amount, by `unit`; of a plan change `was`
    and `now` are the plans.
    """

    id: str
    at: datetime
    kind: EventKind
    account_id: str | None = None
    source: str | None = None
    bucket: str | None = None
    window: str | None = None
    before: Amount | None = None
    after: Amount | None = None
    unit: Unit | None = None
    was: str | None = None
    now: str | None = None
    #: until when an exhausted account is out, or since when a source was away
    until: datetime | None = None
    #: how many accounts it befell, and out of how many
    accounts: int | None = None
    of_accounts: int | None = None
