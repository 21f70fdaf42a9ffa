"""What the screens need from the outside: declared here, given by the composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import Answer, AnswerKind, BulkProgress, PoolChanged
from poolwatch.domain.message import Message
from poolwatch.domain.state import PoolState
from poolwatch.presentation.sign_in import CodexLogin
from poolwatch.presentation.view import Costs

if TYPE_CHECKING:
    # not before the first paint
    from poolwatch.domain.alerts import Silence, Subject
    from poolwatch.domain.balances import BalanceState
    from poolwatch.domain.banked_resets import Evidence, ResetPlan, ResetUse, UsedReset, Wish
    from poolwatch.domain.budgets import Budget, BudgetReport, BudgetState
    from poolwatch.domain.event_log import LoggedEvent
    from poolwatch.domain.notices import Delivery
    from poolwatch.domain.past import AccountPast, PastAsked
    from poolwatch.domain.purchases import Purchase, Settled
    from poolwatch.domain.reset_past import ResetPast
    from poolwatch.domain.series import Finest, Point
    from poolwatch.domain.tokens import GroupBy
    from poolwatch.domain.use_report import UseReport, UseWish
    from poolwatch.domain.workspace_usage import AccountUsage
    from poolwatch.presentation.budgets import BudgetDetail
    from poolwatch.presentation.topups import TopUpLook, TopUpsDone
    from poolwatch.presentation.waiting import Waits

__all__ = [
    "EVENTS_MOST",
    "Answer",
    "AnswerKind",
    "BudgetTried",
    "BulkProgress",
    "Feed",
    "FoundLogins",
    "LoginRun",
    "NotPlaced",
    "PoolChanged",
    "PoolSignIn",
    "Tried",
]


#: A screen is given no more events than these in one piece.
EVENTS_MOST: Final = 2000


class FoundLogins(Struct, frozen=True):
    """Logins that lie around and could be monitored: a choice of the first-run screen."""

    place: str
    words: str
    #: the line to type in a shell for the same
    command: str
    can_add: bool


class Tried(Struct, frozen=True):
    """How it went to add a place: what was found there, or why nothing was added."""

    added: bool
    words: str


class NotPlaced(Struct, frozen=True):
    """Why a new login is not where it belongs; `waits`: the file with it, if there is one, `other`: whose it
    is instead."""

    why: Message
    waits: str = ""
    other: str = ""


class BudgetTried(Struct, frozen=True):
    """How a budget would stand that nobody has saved. `report` None: that cannot be told.

    `wrong`: what the configuration has against it, by the key. `texts`: every model, user and so on of which
    use is known, for its filter.
    """

    report: BudgetReport | None = None
    wrong: Mapping[str, str] = {}
    texts: Mapping[GroupBy, Sequence[str]] = {}


class LoginRun(Protocol):
    """One sign-in with the installed codex."""

    async def run(self) -> int:
        """Give codex this terminal until it ends: its status, negative after a signal. Raises OSError."""

    async def settle(self, *, signed_in: bool) -> NotPlaced | None:
        """Put the login where it belongs; one that cannot or may not go there waits.

        `signed_in`: codex ended well.
        """


class PoolSignIn(Protocol):
    """A sign-in that a pool does: what a person types, and where."""

    @property
    def address(self) -> str: ...
    @property
    def code(self) -> str: ...

    async def wait(self) -> Message | None:
        """Wait until the pool has the login; why it will not get one."""


class BankedResets(Protocol):
    """The desk of banked resets; an answer may take as long as a request."""

    async def uses(self) -> tuple[ResetUse, ...]:
        """Every request to use one, old to new."""

    async def past(self, key: AccountKey, *, asks: bool) -> ResetPast:
        """Those that an account has used; `asks`: the service is asked for its history, too."""

    async def plan(self, key: AccountKey, wish: Wish) -> ResetPlan | Message:
        """Read fresh figures of an account, and say what would be used; nothing is sent."""

    async def use(self, plan: ResetPlan, wish: Wish) -> UsedReset:
        """Use the one that a person has just said yes to; once, by a process that outlives the app."""

    async def evidence_of(self, use: ResetUse) -> tuple[Evidence, ...]:
        """What fresh figures say of a request whose answer was lost; empty where there are none."""

    async def ask_again(self, use: ResetUse) -> UsedReset:
        """Send a request whose answer was lost once more as it was."""

    async def settle(self, use: ResetUse, *, used: bool) -> ResetUse | Message | None:
        """Write down what a person says became of a request; None where that was known."""


class TopUps(Protocol):
    """The places where credits are bought; an answer may take as long as a request."""

    async def looks(self) -> tuple[TopUpLook, ...]:
        """All of them, as they stand now."""

    async def done(self) -> TopUpsDone:
        """Every top-up that is written down, of places that are not configured any more as well."""

    async def balance_of(self, name: str) -> Decimal | None:
        """What is left at one, by one request; None where nobody tells it."""

    async def buy(self, look: TopUpLook, amount: Decimal) -> Purchase | Message:
        """Pay what a person has just typed; once, by a process that outlives the app."""

    async def ask(self, purchase: Purchase) -> Purchase | Message:
        """Ask what became of one, as the same request; or why that is impossible."""

    async def settle(self, purchase: Purchase, settled: Settled) -> Purchase | Message:
        """Write down what a person says became of one; or why that is impossible."""


class Feed(Protocol):
    """The running monitor as the screens see it. Instants are aware UTC."""

    @property
    def zone(self) -> tzinfo | None:
        """The zone that instants are drawn in; None: the machine's."""

    @property
    def state(self) -> PoolState:
        """The state of this moment."""

    def now(self) -> datetime:
        """The wall clock."""

    def changes(self) -> AsyncIterator[PoolChanged]:
        """Bursts of changes, at most ten a second, for as long as the monitor runs."""

    async def refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer:
        """Start the refresh chain (or its usage step alone) for one account; returns at once.

        `override` disregards a Retry-After; `try_once` spends a login whose last reply was lost.
        """

    async def refresh_many(self, keys: Collection[AccountKey], *, usage_only: bool = False) -> Answer:
        """Start a spread-out refresh of many accounts (or its usage step alone); its progress comes with the
        changes."""

    def stop_many(self) -> None:
        """Start no further account of a refresh of many; what runs is left to end."""

    def set_visible(self, keys: Collection[AccountKey]) -> None:
        """Which accounts are on screen: they are polled first when several are due."""

    def set_paused(self, paused: bool) -> None:
        """Stop or resume automatic polling."""

    def raw(self, key: AccountKey) -> str | None:
        """The last payload of the account, redacted, or None when there was none in this run."""

    async def past(self, asked: PastAsked) -> AccountPast:
        """What is kept of an account's past; holds up no key, however slow the disk is."""

    async def events(self, since: datetime, until: datetime | None = None) -> tuple[LoggedEvent, ...]:
        """What happened from then on, old to new; of more than `EVENTS_MOST` the newest."""

    async def looked_at(self) -> datetime | None:
        """When somebody last looked at the events, in any terminal."""

    async def look(self) -> None:
        """Somebody looks at them now."""

    async def deliveries(self) -> tuple[Delivery, ...]:
        """The latest notices to channels, and what became of them; the newest first."""

    async def silence(
        self, rule: str, subject: Subject | None, until: datetime | None, reason: str
    ) -> Message | None:
        """Keep the notices of a rule quiet, of one subject or of all; why that was not done."""

    async def end_silence(self, silence: Silence) -> Message | None:
        """End a silence before its time; why that was not done."""

    async def use(self, wish: UseWish) -> UseReport | Message:
        """What is known about the use of tokens; why that cannot be read. Holds up no key."""

    async def costs(self) -> Costs | None:
        """What the API would charge for the use in session files; None where there are none."""

    async def use_mark(self) -> object:
        """What differs once anything about use has changed; None where nothing is known of any."""

    @property
    def reads_reports(self) -> bool:
        """Whether OpenAI is asked by itself what it counted, now and then."""

    async def report(self, key: AccountKey, since: date) -> AccountUsage | None:
        """What is kept of what OpenAI reports of an account, by days in UTC; None where nobody is that."""

    async def read_report(self, key: AccountKey, since: date) -> Message | None:
        """Have OpenAI report it anew, with a request of its own; why that brought nothing."""

    async def budget_detail(self, state: BudgetState, by: GroupBy) -> BudgetDetail:
        """Who spent a budget, and how it went in the periods before; holds up no key."""

    async def try_budget(self, budget: Budget) -> BudgetTried:
        """How a budget would stand; nothing is written. Holds up no key."""

    def budgets_file(self) -> str:
        """The file that budgets are saved to, as people write it."""

    async def save_budget(self, name: str | None, values: Mapping[str, str]) -> str | None:
        """Set keys of the budget of that name in the configuration file; None adds one, "" takes a key out.

        None when it is there, and measured by what is there now; else why nothing was written.
        """

    async def resets(self) -> BankedResets:
        """The banked resets; their desk is loaded when it is first asked for."""

    async def waits(self) -> Waits:
        """What waits for a person where money is spent."""

    async def top_ups(self) -> TopUps:
        """The places where credits are bought."""

    async def read_balance(self, name: str) -> None:
        """Read the balance of a source now, and keep it; returns once it was read."""

    async def balance_points(
        self, balance: BalanceState, since: datetime, finest: Finest
    ) -> tuple[Point, ...]:
        """How a balance ran from then on, in its unit; what held at the beginning comes first."""

    async def focused(self) -> None:
        """The terminal has the focus again: balances without a timer are read, unless they just were."""

    def found(self) -> tuple[FoundLogins, ...]:
        """What lies around and could be monitored, for the first-run screen."""

    async def sign_in(self, key: AccountKey, login: CodexLogin) -> LoginRun | None:
        """Get a sign-in ready; None where there is no codex on the PATH."""

    async def pool_sign_in(self, key: AccountKey) -> PoolSignIn | Message:
        """Have the account's pool give a code to sign in with; what to do where it gives none."""

    async def signed_in(self, key: AccountKey) -> Answer:
        """Look at the account's login again, which is new, and start to read the usage with it."""

    async def add(self, place: str) -> Tried:
        """Try a place, add it to the configuration where logins are there, and start monitoring it."""
