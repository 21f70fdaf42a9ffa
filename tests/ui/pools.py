"""Pools for pictures and tests, made by events like real ones; always the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from poolwatch.domain.account import (
    AccountKey,
    Custody,
    Listing,
    LoginKind,
    NamingRule,
    SourceRef,
    TokenFacts,
)
from poolwatch.domain.burn import AccountBurn, Burn, PoolBurn
from poolwatch.domain.events import (
    Listed,
    LookedAhead,
    PoolEvent,
    ReadingArrived,
    RefreshMoved,
    SourceFailed,
)
from poolwatch.domain.failure import Failure, FailureKind, LoginProblem, worded
from poolwatch.domain.forecast import Forecast, NoForecast
from poolwatch.domain.outlook import AccountOutlook, PoolOutlook, Verdict
from poolwatch.domain.pool import apply
from poolwatch.domain.refresh import RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.domain.usage import (
    BankedReset,
    Bucket,
    Credits,
    RateLimit,
    ReachedType,
    ResetCredits,
    SpendControl,
    SpendLimit,
    UsageSnapshot,
    UsageWindow,
)
from poolwatch.domain.values import replace
from poolwatch.presentation.view import Prefs
from poolwatch.ui.app import PoolApp
from poolwatch.ui.keymap import Keymap
from poolwatch.ui.state import AppOptions, WallView
from tests.ui.scripted_feed import ScriptedFeed

#: A Friday, 14:03 for the operator.
NOW: Final = datetime(2026, 11, 20, 13, 3, 20, tzinfo=UTC)
ZONE: Final = timezone(timedelta(hours=1), "CET")
FIVE_HOURS: Final = 18000
WEEK: Final = 604800
MONTH: Final = 2592000


def ago(minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
    return NOW - timedelta(minutes=minutes, hours=hours, days=days)


def ahead(minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
    # a few seconds more, so that a truncated countdown reads as it is written here
    return NOW + timedelta(minutes=minutes, hours=hours, days=days, seconds=20)


def five(used: float | None, resets_at: datetime | None) -> UsageWindow:
    return UsageWindow(used, FIVE_HOURS, resets_at)


def weekly(used: float | None, resets_at: datetime | None) -> UsageWindow:
    return UsageWindow(used, WEEK, resets_at)


def limits(*windows: UsageWindow, allowed: bool | None = True) -> RateLimit:
    return RateLimit(allowed, None if allowed is None else not allowed, windows)


def money(balance: str | None, *, unlimited: bool = False, over: bool = False) -> Credits:
    return Credits(True, unlimited, over, Decimal(balance) if balance is not None else None)


@dataclass(frozen=True)
class Actor:
    """One account: how it is listed, and what is said of it."""

    email: str
    plan: str = "plus"
    source: str = "codex-home"
    folder: str | None = None
    custody: Custody = Custody.CODEX
    owner: str = "Codex"
    home: str | None = "~/.codex"
    usage: UsageSnapshot | None = None
    read_at: datetime = NOW - timedelta(seconds=40)
    expires_at: datetime = NOW + timedelta(days=6, hours=1)
    failures: tuple[tuple[Failure, datetime], ...] = ()
    progress: RefreshProgress | None = None
    disabled: bool = False
    login: LoginKind = LoginKind.OAUTH
    says_login_needed: bool = False

    @property
    def listing(self) -> Listing:
        place = self.folder or self.email
        return Listing(
            ref=SourceRef(self.source, place),
            user_id=f"user-{place}",
            account_id=f"acct-{place}",
            email=self.email,
            folder=self.folder,
            plan=self.plan,
            custody=self.custody,
            owner=self.owner,
            home=self.home,
            path=f"{self.home}/auth.json" if self.home else None,
            login=self.login,
            token=TokenFacts(self.expires_at, ago(days=2), f"a-{place}", f"r-{place}"),
            disabled=self.disabled,
            says_login_needed=self.says_login_needed,
        )

    @property
    def key(self) -> AccountKey:
        place = self.folder or self.email
        return AccountKey("codex", f"user-{place}", f"acct-{place}")


def edge_blocked(minutes: float) -> tuple[Failure, datetime]:
    return (worded(FailureKind.EDGE_BLOCKED, "Cloudflare answered 403"), ago(minutes))


def _usage(
    *windows: UsageWindow, plan: str, credits: Credits | None = None, allowed: bool = True
) -> UsageSnapshot:
    return UsageSnapshot(plan=plan, base=limits(*windows, allowed=allowed), credits=credits)


def twelve() -> tuple[Actor, ...]:
    """One account of every kind."""
    spend = SpendControl(
        False, None, (SpendLimit("individual", Decimal(50), Decimal(31), Decimal(19), 62.0, ahead(days=10)),)
    )
    spark = Bucket("codex_spark", "GPT-5.3-Codex-Spark", limits(five(12, ahead(hours=3, minutes=40))))
    banked = tuple(BankedReset(ahead(hours=hours), None, "available") for hours in (19, 19 + 7 * 24))
    return (
        Actor("carol@example.com", "team", home="~/.codex-carol", expires_at=ago(hours=9),
              read_at=ago(hours=9),
              usage=_usage(five(12, ago(hours=4)), weekly(33, ahead(days=4, hours=1)), plan="team")),
        Actor("bob@example.com", "plus", home="~/.codex-b", read_at=ago(4), usage=UsageSnapshot(
            plan="plus", base=limits(five(100, ahead(47)), weekly(71, ahead(days=2, hours=1)), allowed=False),
            extras=(spark,), reset_credits=ResetCredits(2, 1), reset_list=banked)),
        Actor("lee@example.com", "pro", read_at=ago(2), usage=_usage(
            five(3, ahead(hours=4, minutes=50)), weekly(100, ahead(days=1, hours=20)), plan="pro",
            credits=money("12.50"), allowed=False)),
        Actor("pay@example.com", "self_serve_business_usage_based", source="cli-proxy-api",
              custody=Custody.OTHER, owner="CLIProxyAPI", home=None, read_at=ago(3),
              usage=UsageSnapshot(plan="self_serve_business_usage_based", base=None,
                                  credits=money("-3.10", over=True))),
        Actor("dan@example.com", "free", read_at=ago(7),
              usage=_usage(weekly(21, ahead(hours=10)), plan="free"), failures=(edge_blocked(6),)),
        Actor("alice@example.com", "pro", custody=Custody.POOLWATCH, owner="", usage=_usage(
            five(58, ahead(hours=1, minutes=12)), weekly(23, ahead(days=4, hours=3)), plan="pro",
            credits=money("1234.5600"))),
        Actor("team-east/carol@example.com", "team", source="codex-proxy", custody=Custody.POOL, owner="",
              home=None, usage=UsageSnapshot(
                  plan="team", base=limits(UsageWindow(33, MONTH, ahead(days=10, hours=3))),
                  credits=money(None, unlimited=True))),
        Actor("build@example.com", "business", usage=UsageSnapshot(
            plan="business", base=None, credits=money(None), spend=spend)),
        Actor("ops@example.com", "pro", custody=Custody.POOLWATCH, owner="", usage=_usage(
            five(12, ahead(hours=1, minutes=2)), weekly(98, ahead(days=2, hours=4)), plan="pro",
            credits=money("250")),
            progress=RefreshProgress(ago(0.02), TokenStep(TokenOutcome.REFRESHED, 0.4))),
        Actor("new@example.com", "plus", home="~/.codex-new"),
        Actor("key@example.com", "unknown", login=LoginKind.API_KEY),
        Actor("old@example.com", "plus", disabled=True, read_at=ago(days=3),
              usage=_usage(five(4, ago(days=2)), weekly(9, ahead(days=1)), plan="plus")),
    )  # fmt: skip


_PLANS: Final = ("plus", "pro", "plus", "team", "pro", "free", "plus", "business")


def crowd(count: int) -> tuple[Actor, ...]:
    """As many as asked for, mixed as pools are: most of them active, some in trouble."""
    return tuple(_member(index) for index in range(count))


def _member(index: int) -> Actor:
    group = ("codex-home", "s2-homes", "s3-homes", "codex-proxy")[index * 7 // 5 % 4]
    plan = _PLANS[index * 5 % len(_PLANS)]
    mail = f"dev{index:02d}@example.com"
    used5, used7 = index * 37 % 101, index * 53 % 97
    resets5 = ahead(minutes=5 + index * 29 % 290)
    resets7 = ahead(hours=3 + index * 31 % 160)
    kind = index * 11 % 20
    folder = f"s2/home-{index:02d}" if group == "s2-homes" else None
    actor = Actor(mail, plan, group, folder, home=f"~/homes/{index:02d}", read_at=ago(index % 5 + 0.4))
    if group == "codex-proxy":
        actor = replace(actor, custody=Custody.POOL, owner="", home=None)
    allowed = True
    if kind in (3, 9, 14, 18):
        used5, allowed = (100, False) if kind in (3, 14) else (used5, False)
        used7 = 100 if kind in (9, 18) else used7
    else:
        used5, used7 = min(used5, 96), min(used7, 95)
    credits = money(f"{index * 17 % 900}.{index % 100:02d}") if index % 9 == 4 else None
    windows = (weekly(used7, resets7),) if plan == "free" else (five(used5, resets5), weekly(used7, resets7))
    actor = replace(actor, usage=_usage(*windows, plan=plan, credits=credits, allowed=allowed))
    if index % 29 == 7:
        return replace(actor, expires_at=ago(days=3), read_at=ago(days=3), says_login_needed=True)
    if index % 23 == 11:
        return replace(actor, failures=(edge_blocked(26),), read_at=ago(27))
    if index % 31 == 13:
        return replace(actor, failures=(edge_blocked(3),))
    return actor


def events_of(actors: Iterable[Actor]) -> list[PoolEvent]:
    """What happened for these accounts to stand as they do."""
    cast = tuple(actors)
    sources: dict[str, list[Actor]] = {}
    for actor in cast:
        sources.setdefault(actor.source, []).append(actor)
    found: list[PoolEvent] = [
        Listed(name, tuple(actor.listing for actor in members), ago(60)) for name, members in sources.items()
    ]
    for actor in cast:
        if actor.usage is not None:
            found.append(ReadingArrived(actor.key, actor.source, actor.read_at, actor.usage))
        found += [ReadingArrived(actor.key, actor.source, at, failure) for failure, at in actor.failures]
        if actor.progress is not None:
            found.append(RefreshMoved(actor.key, actor.progress, NOW))
    return found


def state_of(
    actors: Iterable[Actor], rules: tuple[NamingRule, ...] = (), *, settled: bool = True
) -> PoolState:
    """The state after all that."""
    state = PoolState(rules=rules, settled=settled)
    for event in events_of(actors):
        state = apply(state, event)
    return state


_SILENT: Final = (NoForecast.TOO_EARLY, NoForecast.IDLE, NoForecast.TOO_FEW, NoForecast.OLD)


def _forecast(account: AccountState, nth: int) -> Forecast:
    """Of one weekly window: each kind of forecast, and each reason for none, in turn."""
    window = next(each for each in account.usage.windows if each.kind == "weekly")
    used, resets_at = window.used_percent or 0.0, window.resets_at
    made = Forecast("codex", "weekly", NOW - timedelta(minutes=10), resets_at)
    if used >= 90:
        return replace(made, median_percent=100.0, low_percent=99.0, high_percent=100.0, out_probability=0.97,
                       out_earliest=ahead(7), out_latest=ahead(47))  # fmt: skip
    if nth % 7 == 3:
        return replace(made, median_percent=100.0, low_percent=91.0, high_percent=100.0, out_probability=0.76,
                       out_earliest=ahead(hours=48), out_latest=ahead(hours=68))  # fmt: skip
    if nth % 7 == 5:
        return replace(made, median_percent=99.0, low_percent=80.0, high_percent=100.0, out_probability=0.6)
    if nth % 4 == 2:
        return replace(made, none_because=_SILENT[nth // 4 % len(_SILENT)])
    end = used + (100 - used) * 0.4
    return replace(made, median_percent=end, low_percent=end - 9, high_percent=end + 12, out_probability=0.01,
                   pace_per_day=18.0, even_percent=41.0 if nth == 5 else None)  # fmt: skip


def foretold(state: PoolState) -> PoolState:
    """The same pool after somebody looked ahead."""
    outlooks = {}
    for nth, account in enumerate(state.accounts.values()):
        has_weekly = any(each.kind == "weekly" for each in account.usage.windows)
        few = nth % 9
        amount = Decimal(7 * few + 6) if nth % 3 == 2 else Decimal(0)
        burn = AccountBurn(
            Burn(last_hour=0.2 * few, last_24h=2.5 * few, usual_per_day=11.0),
            Burn(last_hour=amount, last_24h=amount * 9, today=amount * 5),
        )
        outlooks[account.key] = AccountOutlook(
            NOW - timedelta(minutes=10), burn, (_forecast(account, nth),) if has_weekly else ()
        )
    pool = PoolOutlook(
        NOW - timedelta(minutes=10),
        PoolBurn(Burn(last_hour=0.9), Burn(last_hour=Decimal(41)), ago(hours=1), NOW),
        Verdict.LASTS,
        relief_at=ahead(hours=44),
        relief_accounts=6,
        dry_probability=0.04,
        weekly_left_percent=61.0,
    )
    return apply(state, LookedAhead(outlooks, pool))


def all_stale(count: int = 12) -> PoolState:
    """Nothing was read for two hours, and one source is down."""
    actors = [replace(actor, read_at=ago(hours=2), failures=(), progress=None) for actor in crowd(count)]
    state = state_of(actors)
    return apply(state, SourceFailed("codex-proxy", worded(FailureKind.UNREACHABLE, "refused"), ago(hours=2)))


def empty(*, settled: bool = True) -> PoolState:
    """No account at all."""
    return PoolState(settled=settled)


POOLS: Final[dict[str, Callable[[], PoolState]]] = {
    "one": lambda: state_of(twelve()[5:6]),
    "twelve": lambda: foretold(state_of(twelve())),
    "sixty": lambda: foretold(state_of(crowd(60))),
    "not-yet": lambda: state_of(twelve()),
    "thousand": lambda: state_of(crowd(1000)),
    "stale": all_stale,
    "empty": empty,
    "waiting": lambda: empty(settled=False),
}


def app_of(
    pool: str | PoolState = "twelve", *, feed: ScriptedFeed | None = None, **options: object
) -> PoolApp:
    """The app on one of these pools, with the clock standing still."""
    state = POOLS[pool]() if isinstance(pool, str) else pool
    given = feed or ScriptedFeed(state, NOW, ZONE)
    chosen = AppOptions(pool_name="work", prefs=Prefs(zone=ZONE))
    if options.pop("read_only", False):
        chosen = replace(chosen, keymap=Keymap(read_only=True))
    return PoolApp(given, replace(chosen, **options))  # type: ignore[arg-type]  # fields by name


__all__ = ["NOW", "POOLS", "ZONE", "Actor", "LoginProblem", "ReachedType", "UsageStep", "WallView", "app_of"]
