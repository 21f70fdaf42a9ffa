"""Accounts for the store's tests: one rich example, and a strategy for all that may occur."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeVar

from hypothesis import strategies as st
from msgspec import Struct

from poolwatch.domain.account import AccountKey, Custody, Listing, LoginKind, Name, SourceRef, TokenFacts
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, Trouble, worded
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import Change, RefreshProgress
from poolwatch.domain.series import HistoryRow
from poolwatch.domain.state import AccountState, DeadLogin, Happening
from poolwatch.domain.usage import (
    Aged,
    BankedReset,
    Bucket,
    Credits,
    RateLimit,
    ReachedType,
    ResetCredits,
    SpendControl,
    SpendLimit,
    Usage,
    UsageWindow,
)
from poolwatch.store import history
from poolwatch.store.database import Database
from poolwatch.store.store import Store
from poolwatch.words.messages import message_text

T = TypeVar("T")

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def same(one: object, other: object) -> bool:
    """Equality field by field, decimals digit for digit; account states have no equality of their own."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if type(one) is not type(other) and not (isinstance(one, int | float) and isinstance(other, int | float)):
        return False
    if isinstance(one, Struct):
        return all(same(getattr(one, name), getattr(other, name)) for name in one.__struct_fields__)
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Decimal):
        return str(one) == str(other)
    return one == other


def limit(*percents: float, seconds: int = 604800, allowed: bool | None = True) -> RateLimit:
    windows = tuple(UsageWindow(used, seconds, NOON + timedelta(days=2), None) for used in percents)
    return RateLimit(allowed, None, windows)


def account(number: int, used: float = 41.5, at: datetime = NOON) -> AccountState:
    """A rich account; the number makes it another one."""
    listing = Listing(
        SourceRef("codex-home", f"/homes/{number}"),
        user_id=f"user-{number}",
        account_id=f"acct-{number}",
        email=f"person{number}@example.com",
        folder=f"home{number}",
        plan="pro",
        custody=Custody.CODEX,
        token=TokenFacts(NOON + timedelta(days=6), NOON, "a1b2c3", "d4e5f6"),
        owner="Codex",
        path=f"~/homes/{number}/auth.json",
        subscription_until=NOON + timedelta(days=20),
    )
    usage = Usage(
        plan=Aged("pro", at, "codex-home"),
        base=Aged(limit(used), at, "codex-home"),
        extras=Aged(
            (Bucket("spark", "Spark", limit(3.25)), Bucket("empty", "Empty", None)), at, "codex-home"
        ),
        credits=Aged(Credits(True, False, None, Decimal("1234.5600")), at, "codex-home"),
        spend=Aged(None, at, "codex-home", known=False),
        reset_credits=Aged(None, at, "codex-home"),
        reset_list=Aged((BankedReset(NOON, None, "available"),), at, "codex-home"),
    )
    return AccountState(
        AccountKey("codex", f"user-{number}", f"acct-{number}"),
        (listing,),
        Name(f"home{number}", "team"),
        usage,
        read_at=at,
        tried_at=at,
        reading_trouble=worded(
            FailureKind.THROTTLED, "asked to wait", at + timedelta(minutes=3), "host"
        ).since(at),
        dead_login=DeadLogin("d4e5f6", LoginProblem.USED_ELSEWHERE, at),
        rejected=frozenset({"a1b2c3", "ffff00"}),
        silent={SourceRef("pool", "p1"): worded(FailureKind.UNREACHABLE, "no answer").since(at)},
        lately=(
            Happening(at, changes=(Change("weekly", 40, used), Change("credits", None, Decimal("1.50")))),
        ),
    )


instants = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - the strategy wants naive bounds
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - likewise
    timezones=st.just(UTC),
)
texts = st.text(alphabet=st.characters(exclude_categories=()), max_size=12)
#: What limits may say: of other figures nothing is kept.
kept_instants = st.none() | st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - likewise
    max_value=datetime(2199, 12, 31),  # noqa: DTZ001 - likewise
    timezones=st.just(UTC),
)
maybe_text = st.none() | texts
maybe_instant = st.none() | instants
maybe_flag = st.none() | st.booleans()
percents = st.none() | st.floats(-999_999, 999_999) | st.integers(-5, 200).map(float)
amounts = st.none() | st.decimals(-(10**18), 10**18, places=28) | st.decimals(-(10**18), 10**18, places=2)
lengths = st.none() | st.integers(1, 10**9)
counts = st.none() | st.integers(-(2**70), 2**70)

windows = st.builds(UsageWindow, percents, lengths, kept_instants, maybe_flag)
limits = st.builds(RateLimit, maybe_flag, maybe_flag, st.lists(windows, max_size=3).map(tuple))
buckets = st.builds(Bucket, texts, texts, st.none() | limits)
credit_objects = st.builds(Credits, maybe_flag, maybe_flag, maybe_flag, amounts)
spends = st.builds(
    SpendControl,
    maybe_flag,
    maybe_text,
    st.lists(
        st.builds(SpendLimit, texts, amounts, amounts, amounts, percents, kept_instants), max_size=2
    ).map(tuple),
)


def aged(values: st.SearchStrategy[T]) -> st.SearchStrategy[Aged[T] | None]:
    said = st.builds(Aged, st.none() | values, instants, texts)
    rubbish = st.builds(Aged, st.none(), instants, texts, st.just(False))
    return st.none() | said | rubbish


banked_resets = st.builds(BankedReset, kept_instants, kept_instants, maybe_text, maybe_text, st.booleans())
usages = st.builds(
    Usage,
    plan=aged(texts),
    base=aged(limits),
    review=aged(limits),
    extras=aged(st.lists(buckets, max_size=2).map(tuple)),
    credits=aged(credit_objects),
    spend=aged(spends),
    reached_type=aged(st.sampled_from(ReachedType)),
    reset_credits=aged(st.builds(ResetCredits, counts, counts, kept_instants)),
    reset_list=aged(st.lists(banked_resets, max_size=3).map(tuple)),
)
arguments = st.dictionaries(texts, texts | st.builds(message, texts, path=texts), max_size=2).map(
    lambda found: tuple(found.items())
)
failures = st.builds(
    Failure,
    st.sampled_from(FailureKind),
    texts,
    arguments,
    maybe_instant,
    maybe_text,
    st.none() | st.sampled_from(LoginProblem),
)
troubles = st.none() | st.builds(
    Trouble, st.sampled_from(FailureKind), texts, instants, arguments, maybe_instant, maybe_text
)
figures = st.none() | st.floats(allow_nan=False, allow_infinity=False) | amounts
happenings = st.builds(
    Happening,
    instants,
    st.lists(st.builds(Change, texts, figures, figures, st.booleans(), st.booleans()), max_size=2).map(tuple),
    st.none() | failures,
    st.none() | st.builds(RefreshProgress, instants),
)
listings = st.builds(
    Listing,
    ref=st.builds(SourceRef, texts, texts),
    provider=texts,
    user_id=maybe_text,
    account_id=maybe_text,
    email=maybe_text,
    folder=maybe_text,
    label=maybe_text,
    plan=maybe_text,
    custody=st.sampled_from(Custody),
    login=st.sampled_from(LoginKind),
    token=st.builds(TokenFacts, maybe_instant, maybe_instant, maybe_text, maybe_text),
    owner=texts,
    path=maybe_text,
    home=maybe_text,
    disabled=st.booleans(),
    renews_itself=st.booleans(),
    says_login_needed=st.booleans(),
    says_login_works=st.booleans(),
    problem=st.none() | st.builds(Message, texts, arguments),
    subscription_until=maybe_instant,
    subscription_checked_at=maybe_instant,
    workspace=maybe_text,
)
accounts = st.builds(
    AccountState,
    key=st.builds(AccountKey, texts, texts, texts, texts, texts),
    listings=st.lists(listings, max_size=2).map(tuple),
    name=st.builds(Name, texts, maybe_text),
    usage=usages,
    read_at=kept_instants,
    tried_at=kept_instants,
    failures=st.integers(0, 10**6),
    reading_trouble=troubles,
    login_trouble=troubles,
    dead_login=st.none() | st.builds(DeadLogin, maybe_text, st.sampled_from(LoginProblem), instants),
    rejected=st.frozensets(texts, max_size=2),
    deactivations=st.integers(0, 9),
    refresh=st.none() | st.builds(RefreshProgress, instants),
    lately=st.lists(happenings, max_size=3).map(tuple),
    silent=st.dictionaries(
        st.builds(SourceRef, texts, texts), troubles.filter(lambda each: each is not None), max_size=2
    ),
    rival=aged(limits),
)


def put_rows(database: Database, rows: Sequence[HistoryRow]) -> None:
    """Rows as they were written before anything thinned them."""
    held = database._connection
    held.execute("BEGIN")
    history.append(held, rows)
    held.execute("COMMIT")


def stored_in(database: Database) -> tuple[AccountState, ...]:
    """All its accounts, which can be read."""
    found = database.load_accounts()
    assert found is not None
    return found


async def kept_by(store: Store) -> tuple[AccountState, ...]:
    """All its accounts, which can be read."""
    found = await store.load_accounts()
    assert found is not None
    return found


def told(held: Database | Store) -> list[str]:
    """Its notices as people read them."""
    return [message_text(notice) for notice in held.notices]
