"""What the screen draws, as frozen view models with final texts, and how the operator wants it drawn."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from poolwatch.domain.account import AccountKey
from poolwatch.domain.status import PoolRules, Section


class Tone(StrEnum):
    """What a text means, which a theme turns into a colour; never the only carrier of that meaning."""

    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    ACCENT = "accent"
    GOOD = "good"
    AMBER = "amber"
    RED = "red"
    STALE = "stale"


class Glyph(StrEnum):
    """The status mark at the left edge; the screen picks its unicode or ASCII form."""

    ACTIVE = "active"
    EXHAUSTED = "exhausted"
    NEEDS_YOU = "needs_you"
    TROUBLE = "trouble"
    NEVER_READ = "never_read"
    OFF = "off"


class Flag(StrEnum):
    """What the operator, or the order, has to say about where an account stands."""

    MARKED = "marked"
    #: its section changed, and it moves there in a moment
    MOVES = "moves"


class Turn(StrEnum):
    """How far the refresh of an account is, alone or as one of many."""

    WAITS = "waits"
    RUNS = "runs"
    OK = "ok"
    FAILED = "failed"


class Shown(StrEnum):
    """Whether percentages say what is used or what is left."""

    USED = "used"
    LEFT = "left"


class Span(Struct, frozen=True):
    """A piece of text in one tone; `glyph` is a mark to draw before it, with a blank between."""

    text: str
    tone: Tone = Tone.PLAIN
    glyph: Glyph | None = None


class WindowRow(Struct, frozen=True):
    """One usage window or spend limit: `percent` and `resets` are final texts ("12%", "—", "due")."""

    name: str
    percent: str
    #: 0..1 of the bar that is filled (already flipped for "left"), None for no bar
    fraction: float | None
    resets: str
    tone: Tone
    stale: bool = False
    #: the window's kind, whatever it is called: "5h", "weekly"; "" for what is no window
    kind: str = ""
    #: the bucket's display name; "" for the base bucket
    bucket: str = ""
    full: bool = False
    #: 0..1 of the bar, in hundredths and flipped like it: where even use would stand; None for no mark
    even: float | None = None


class CreditsRow(Struct, frozen=True):
    """The credits row of a card: `balance` is "1,234.56", "unlimited" or "—"; `usd` "$49.38" or ""."""

    balance: str
    usd: str
    mark: str = ""
    tone: Tone = Tone.PLAIN
    stale: bool = False
    #: what the last hour used: "41/h"; "" for nothing, or where nobody knows
    per_hour: str = ""


class Note(Struct, frozen=True):
    """A line of a card that is no figure: "sign in", "the login has expired"."""

    name: str
    text: str
    tone: Tone = Tone.PLAIN
    stale: bool = False
    #: at the line's right end
    end: str = ""


class AtReset(Struct, frozen=True):
    """What the weekly window is expected to stand at when it resets: "54%", "out Sat", "may 60%".

    Where nothing can be said it is the reason: "too early". `band` is "45–66", or "".
    """

    text: str
    tone: Tone = Tone.DIM
    band: str = ""


class CardView(Struct, frozen=True):
    """One account as cards, table and hive draw it."""

    key: AccountKey
    id: str
    label: str
    plan: str
    glyph: Glyph
    #: the tone of the glyph and of the status words
    tone: Tone
    section: Section
    #: short: "active", "5h until 14:50", "login expired"
    status: str
    #: base windows and spend limits, shortest first; what the payload does not have is not here
    windows: tuple[WindowRow, ...]
    #: one row for each other bucket: its window nearest to the end
    extras: tuple[WindowRow, ...]
    credits: CreditsRow | None
    #: what stands below the windows
    notes: tuple[Note, ...]
    #: the card's last line: what to do, or how it stands; or the progress of a refresh
    foot: Span
    #: beside it: "4m", "9h ago"; "" for an account that was never read
    foot_age: str
    #: the running or just finished refresh, for the message line; "" when there is none
    progress: str
    #: one line for the message line: the remedy, as a command that can be pasted where there is one
    remedy: str
    #: what `y` copies: the command alone, else the account's id; when masked always the id
    copy: str
    age: str
    stale: bool
    source: str
    custody: str
    #: the window nearest to its end
    scarcest: WindowRow | None
    #: 0..8, the height of the hive's mark; None when nothing is known
    level: int | None
    needs_you: bool = False
    #: the same in fewer words, for where it does not fit; "" when there are none
    progress_short: str = ""
    #: drawn before the status words when the mark at the edge is not the status: "● Cloudflare 26m"
    status_glyph: Glyph | None = None
    flag: Flag | None = None
    turn: Turn | None = None
    #: None where nothing was worked out yet
    at_reset: AtReset | None = None
    #: the line below the weekly window: whether it lasts; None where that says nothing
    outlook: Note | None = None

    @property
    def nearest(self) -> Tone | None:
        """The tone of the window nearest to its end."""
        return None if self.scarcest is None else self.scarcest.tone

    @property
    def unread(self) -> bool:
        """Whether there is no figure at all: its windows are unknown then, and not absent."""
        return not self.windows and self.scarcest is None and self.credits is None

    def window(self, kind: str) -> WindowRow | None:
        """The base window of that kind ("5h", "weekly"), if the account has it."""
        return next((row for row in self.windows if row.kind == kind), None)


class Costs(Struct, frozen=True):
    """What the API would charge for use in session files: of all today, and of accounts, by their ids, today
    and in 30 days."""

    today: str
    accounts: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class MarkView(Struct, frozen=True, cache_hash=True):
    """One account as the hive draws it: what its card says, and no more."""

    glyph: Glyph
    tone: Tone
    stale: bool
    #: the tone of the window nearest to its end; None when there is no window
    nearest: Tone | None
    #: 0..8, the height of the mark; None when nothing is known
    level: int | None
    flag: Flag | None = None


class Figure(Struct, frozen=True):
    """One figure at the head of a screen: its heading, its main text, and what stands beside it."""

    title: str
    text: str
    detail: str = ""
    tone: Tone = Tone.PLAIN
    #: the detail for narrow screens
    short: str = ""


class StripView(Struct, frozen=True):
    """The pool at a glance. A figure that has nothing to say is None and leaves no gap."""

    name: str
    accounts: int
    sources: int
    needs_you: int
    exhausted: int
    active: int
    rest: int
    #: "fresh 57 of 60 · oldest 3d 2h"
    freshness: str
    freshness_short: str
    #: "2 sign in · 1 blocked by Cloudflare 26m"
    needs_you_detail: str
    next_up: Figure | None
    next_back: Figure | None
    credits: Figure | None
    highest_weekly: Figure | None
    #: one line each: a source that is down, a viewer's notice, a database in trouble
    notices: tuple[Span, ...] = ()
    #: the terminal's title
    title: str = "poolwatch"
    #: "57/60 fresh"
    freshness_tiny: str = ""
    #: of `rest`
    disabled: int = 0
    #: "2 sign in · 1 blocked 26m"
    needs_you_short: str = ""
    #: how many alerts fire: "2 alerts"; None where none does
    alerts: Span | None = None
    #: how fast the pool goes, and whether it lasts; `short` of the outlook is for the smallest screen
    burn: Figure | None = None
    outlook: Figure | None = None
    #: the budget that is nearest to its limit
    budgets: Figure | None = None
    balances: Figure | None = None


class SectionView(Struct, frozen=True):
    """A heading of the wall and the accounts under it, in order."""

    section: Section | None
    heading: str
    keys: tuple[AccountKey, ...] = field(default=())


class SourceRow(Struct, frozen=True):
    """One source of an account, in the details: "codex-home", "~/.codex-b/auth.json", "4m", "windows"."""

    name: str
    place: str
    age: str
    told: str
    tone: Tone = Tone.PLAIN


class DetailLine(Struct, frozen=True):
    """One line of the details: an optional heading word, then spans; or a row for a window or a source.

    The line that heads the windows has two spans, the titles of the columns for the bars and the resets.
    """

    heading: str = ""
    spans: tuple[Span, ...] = ()
    window: WindowRow | None = None
    #: the reset as an instant in local time ("Fri 14:50 CET"), for window rows
    resets_at: str = ""
    source: SourceRow | None = None


class DetailView(Struct, frozen=True):
    """Everything known of one account: its figures, and what is known about it, beside them if wide."""

    card: CardView
    workspace: str
    read: str
    #: how it stands; of an account whose login is dead, what happened and what to do
    status: str
    figures: tuple[DetailLine, ...]
    about: tuple[DetailLine, ...]
    #: the command that `status` ends in
    command: str = ""
    #: the status says what to do: nobody needs to say it again
    advises: bool = False

    @property
    def lines(self) -> tuple[DetailLine, ...]:
        """All of them, in one column."""
        return self.figures + self.about


class SortKey(StrEnum):
    """Orders of the wall; `need` comes with sections."""

    NEED = "need"
    NAME = "name"
    WEEKLY = "weekly"
    FIVE_HOURS = "5h"
    CREDITS = "credits"
    RESET = "reset"
    AGE = "age"
    # the other columns of the table
    PLAN = "plan"
    SOURCE = "source"
    FIVE_HOURS_RESET = "5h-reset"
    WEEKLY_RESET = "weekly-reset"
    AT_RESET = "at-reset"
    BURN = "burn"
    SCARCEST = "scarcest"
    SCARCEST_RESET = "scarcest-reset"

    @property
    def rises(self) -> bool:
        """Whether the least comes first, unless it is reversed."""
        return self in _RISING


_RISING: Final = frozenset(
    {
        SortKey.NAME,
        SortKey.PLAN,
        SortKey.SOURCE,
        SortKey.RESET,
        SortKey.FIVE_HOURS_RESET,
        SortKey.WEEKLY_RESET,
        SortKey.SCARCEST_RESET,
    }
)


class Grouping(StrEnum):
    """What the rows of the hive stand for."""

    SOURCE = "source"
    GROUP = "group"
    PLAN = "plan"


class Prefs(Struct, frozen=True):
    """Judgement and looks: rules, used or left, masking, and the zone that instants are drawn in."""

    rules: PoolRules = field(default_factory=PoolRules)
    shown: Shown = Shown.USED
    mask: bool = False
    #: None: the machine's
    zone: tzinfo | None = UTC
    #: what the server's clock, by which things are judged, is ahead of our own, by which ages are told
    clock_offset: timedelta = timedelta(0)
    #: the configuration that the command line named; a pasted command has to name it again
    config: str | None = None
    #: whether a refresh has codex renew the logins that are its own
    delegates: bool = True
    #: whether keys are at hand: where they are not, a remedy names the command in their place
    keys: bool = True
    #: whether there is no browser at hand, as over SSH: a sign-in goes by a code that is typed elsewhere
    by_code: bool = False
    #: poolwatch's own folder of logins; only what lies there can be removed by a command
    own_logins: str | None = None
    #: when accounts are used, and how much of a plan's weekly limit is, as the operator writes it
    workhours: str | None = None
    weights: str | None = None
    #: saved filters, each with its name
    filters: tuple[tuple[str, str], ...] = ()

    def own(self, now: datetime) -> datetime:
        """Our own clock at the server's `now`."""
        return now - self.clock_offset
