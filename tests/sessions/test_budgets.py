from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from poolwatch.bootstrap.budget_cells import BudgetCells
from poolwatch.bootstrap.budgets import BudgetReader
from poolwatch.config.load import load_text
from poolwatch.config.settings import Settings
from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.budgets import BudgetReport, Level, MeasuredBy, Period
from poolwatch.domain.quarters import quarter_of
from poolwatch.domain.query.language import parse
from poolwatch.domain.series import Figure, HistoryRow, Series
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import GroupBy, Origin, Tokens, UseAsked
from poolwatch.domain.usage import Aged, Credits, RateLimit, Usage, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.presentation.use_filter import use_told
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.events import UsageEvent
from poolwatch.sessions.progress import Progress, note_progress
from poolwatch.sessions.tables import BookError, BookProblem, open_to_write
from poolwatch.store.database import Database

_D = Decimal
_NOW = datetime(2026, 11, 20, 14, 3, tzinfo=UTC)
_MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)


def _account(user: str, label: str, group: str | None = None) -> AccountState:
    return AccountState(AccountKey("codex", user, user), name=Name(label, group))


_ALICE, _BOB = _account("u1", "alice", "day"), _account("u2", "bob", "night")
_POOL = {each.key.id: each for each in (_ALICE, _BOB)}


def _settings(budgets: str) -> Settings:
    rates = '[[rates]]\nmodel = "sol"\ninput = 1\noutput = 10\n'
    found = load_text(budgets + rates, Path("/config.toml"), {"HOME": "/"}, {})
    assert isinstance(found, Settings), found
    return found


def _event(key: int, at: str, tokens: int = 10**6, **more: Any) -> UsageEvent:
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    fields: dict[str, Any] = {"model": "sol", "tokens": Tokens(input=tokens), "account": _ALICE.key.id}
    return UsageEvent(key=key, at=moment, **{**fields, **more})


def _scanned(state_dir: Path, at: datetime | None = _NOW, **more: Any) -> None:
    """Note that all session files were read at an instant."""
    with closing(open_to_write(state_dir)) as change:
        note_progress(change, Progress(None if at is None else at.timestamp(), **more))


def _file(state_dir: Path, number: int = 1, trouble: str | None = None) -> None:
    with closing(open_to_write(state_dir)) as change:
        change.execute(
            "INSERT INTO files (id, name, path, home, size, mtime_ns, inode, dev, offset, parser, trouble)"
            " VALUES (?, ?, ?, 1, 9, ?, 0, 0, 9, 1, ?)",
            (number, f"f{number}", b"/f", _NOW.timestamp() * 10**9, trouble),
        )


def _report(
    state_dir: Path, budgets: str, now: datetime = _NOW, accounts: Mapping[str, AccountState] = _POOL
) -> BudgetReport:
    return BudgetReader(state_dir, _settings(budgets), UTC).report(accounts, now)


_TEAM = '[[budgets]]\nname = "team"\nlimit = "$10"\n'


def test_a_month_is_summed_from_its_first_quarter_to_now(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events(
        [
            _event(1, "2026-10-31 23:59"),
            _event(2, "2026-11-01 00:00"),
            _event(3, "2026-11-20 14:02", 3 * 10**6),
            _event(4, "2026-11-20 14:16", 10**9),
        ]
    )
    _scanned(tmp_path)
    (state,) = _report(tmp_path, _TEAM).budgets
    assert state.measured.spent == 4
    assert not state.measured.at_least
    assert state.measured.read_at == _NOW
    assert state.level is Level.OK
    assert state.period.started_at == _MIDNIGHT
    daily = _report(tmp_path, f'{_TEAM}period = "daily"\n').budgets[0]
    assert daily.measured.steps == ((datetime(2026, 11, 20, 14, tzinfo=UTC), _D(3)),)


def test_what_is_spent_at_the_limit_stops(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events([_event(n, f"2026-11-{n:02} 12:00", 2 * 10**6) for n in range(1, 6)])
    _scanned(tmp_path)
    (state,) = _report(tmp_path, _TEAM + 'at_limit = "stop"\n').budgets
    assert (state.measured.spent, state.level, state.over_by) == (_D(10), Level.STOPPED, _D(0))
    assert state.over_since == datetime(2026, 11, 5, 12, tzinfo=UTC)
    following = _report(tmp_path, _TEAM, datetime(2026, 12, 1, tzinfo=UTC)).budgets[0]
    # in the new month nothing is told yet
    assert following.measured.spent in (0, None)


@pytest.mark.parametrize(
    ("budget", "spent"),
    [
        ('limit = "5M tokens"\n', "6000000"),
        ('limit = "5M tokens"\nfilter = "model:sol"\n', "5000000"),
        ('limit = "5M tokens"\nfilter = "group:day model:sol"\n', "4000000"),
        ('limit = "5M tokens"\nfilter = "bob"\n', "1000000"),
        ('limit = "5M tokens"\nfilter = "operation:image"\n', "1000000"),
        ('limit = "$5"\nfilter = "@nights"\n', "1"),
    ],
)
def test_a_filter_chooses_use(tmp_path: Path, budget: str, spent: str) -> None:
    UseBook(tmp_path).take_events(
        [
            _event(1, "2026-11-02 12:00", 4 * 10**6),
            _event(2, "2026-11-03 12:00", account=_BOB.key.id),
            _event(3, "2026-11-04 12:00", account="x", model="other", operation="image"),
        ]
    )
    _scanned(tmp_path)
    text = f'[filters]\nnights = "group:night"\n[[budgets]]\nname = "team"\n{budget}'
    (state,) = _report(tmp_path, text).budgets
    assert state.measured.spent == _D(spent)


def _thread(state_dir: Path, number: int, project: str | None, account: str | None) -> None:
    """A conversation in session files, perhaps somebody's."""
    with closing(open_to_write(state_dir)) as change:
        change.execute("INSERT OR IGNORE INTO names VALUES (1, 'sol')")
        change.execute("INSERT INTO threads VALUES (?, ?, NULL, ?, 'cli')", (number, f"t{number}", project))
        row = (10, number, number, 1, 0, 0, 0, 1, 1, 10**number, 0, 0, 0, 0)
        change.execute(f"INSERT INTO facts VALUES ({', '.join('?' * len(row))})", row)
        if account is not None:
            change.execute("INSERT INTO whose VALUES (?, 0, 99, ?, 'home')", (number, account))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user:ann",
        "user=an",
        "not user:ann",
        "user:ann or user:ben",
        "user:nobody",
        "operation:image user:ben",
        "project:red",
        "not project:red",
        "client:cli",
        "group:day",
        "not group:day",
        "not group:day project:red",
        "group:day or user:ann",
        "label:x",
        "email:ann",
        "model:sol group:night",
        "tier:fast",
        "red",
        "not (group:day or group:night)",
    ],
)
def test_what_a_filter_leaves_unread_would_not_have_counted(tmp_path: Path, text: str) -> None:
    book, at = UseBook(tmp_path), "1970-01-01 03:00"
    users, accounts = (None, "ann", "ben"), (None, _ALICE.key.id, "x", "ann@example.com")
    book.take_events(
        [
            _event(number, at, 7**number, user=user, account=account, operation=("image", None)[number % 2])
            for number, (user, account) in enumerate(product(users, accounts))
        ]
    )
    for number, (project, account) in enumerate(product(("red", None), (None, _BOB.key.id)), 1):
        _thread(tmp_path, number, project, account)
    query = parse(text).query
    whole = UseAsked(0, 99, by=None, also=frozenset(GroupBy) - {GroupBy.CONVERSATION})
    cells = [cell for origin in Origin for cell in book.cells(replace(whole, origin=origin))]
    assert sum(cell.requests for cell in cells) == 16
    told = [(cell.tokens.total, use_told(query, _POOL)(cell)) for cell in cells]
    kept, is_unsure = BudgetCells(book, _POOL).kept(query, UseAsked(0, 99, by=None))
    assert sum(each.tokens.total for part in kept.values() for each in part) == sum(
        tokens for tokens, found in told if found
    )
    assert is_unsure == any(found is None for _, found in told)


def test_each_has_a_limit_of_his_own(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events(
        [
            _event(1, "2026-11-02 12:00", 4 * 10**6, user="ann"),
            _event(2, "2026-11-03 12:00", account=_BOB.key.id, user="ben"),
            _event(3, "2026-11-04 12:00", 2 * 10**6, user="ann"),
        ]
    )
    _scanned(tmp_path)
    for each, names in (
        ("account", sorted((_ALICE.key.id, _BOB.key.id))),
        ("group", ["day", "night"]),
        ("user", ["ann", "ben"]),
    ):
        states = _report(tmp_path, f'{_TEAM}each = "{each}"\n').budgets
        assert [state.whose for state in states] == names
        assert sorted(state.measured.spent or 0 for state in states) == [1, 6]
        assert not any(state.measured.at_least for state in states)


def test_use_of_nobody_known_may_be_anybodys(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events(
        [_event(1, "2026-11-02 12:00"), _event(2, "2026-11-03 12:00", account=None)]
    )
    _scanned(tmp_path)
    (state,) = _report(tmp_path, f'{_TEAM}each = "account"\n').budgets
    assert (state.whose, state.measured.spent, state.measured.at_least) == (_ALICE.key.id, _D(1), True)
    assert _report(tmp_path, _TEAM).budgets[0].measured.spent == 2


def test_use_of_nobody_known_may_be_of_whom_a_filter_chooses(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events(
        [_event(1, "2026-11-02 12:00"), _event(2, "2026-11-03 12:00", account=None, model="terra")]
    )
    _scanned(tmp_path)

    def is_at_least(text: str) -> bool:
        budget = f'[[budgets]]\nname = "team"\nlimit = "9M tokens"\nfilter = "{text}"\n'
        return _report(tmp_path, budget).budgets[0].measured.at_least

    assert is_at_least("group:day")
    assert is_at_least("alice")
    assert is_at_least("-group:night")
    assert not is_at_least("group:day model:sol")
    assert not is_at_least("model:sol")
    assert not is_at_least("group:day tier:fast")


def test_who_used_something_lately_is_known_to_have_used_nothing_since(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events(
        [_event(1, "2026-10-28 12:00", account=_BOB.key.id), _event(2, "2026-11-03 12:00")]
    )
    text = f'{_TEAM}each = "group"\n'
    # without files, and as long as not all of them were read, it is not
    _scanned(tmp_path)
    assert [state.whose for state in _report(tmp_path, text).budgets] == ["day"]
    _file(tmp_path)
    _scanned(tmp_path, None, bytes_total=1)
    assert [state.whose for state in _report(tmp_path, text).budgets] == ["day"]
    _scanned(tmp_path)
    told = [(state.whose, state.measured.spent) for state in _report(tmp_path, text).budgets]
    assert told == [("day", _D(1)), ("night", _D(0))]


def test_moments_are_told_to_the_quarter_however_long_the_period(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events(
        [
            _event(n, f"2026-{month:02}-{day:02} 10:16")
            for n, (month, day) in enumerate([(3, 1), (6, 9), (11, 2)])
        ]
        + [_event(9, "2026-06-09 10:31", 2 * 10**6), _event(10, "2026-06-09 23:59")]
    )
    _scanned(tmp_path)
    text = '[[budgets]]\nname = "team"\nlimit = "$4"\nperiod = "never"\nwarn_at = [25, 50]\n'
    for zone in ("UTC", "Asia/Kathmandu", "Pacific/Auckland"):
        (state,) = _report(tmp_path, f'{text}time_zone = "{zone}"\n').budgets
        assert state.reached == (
            (_D(25), datetime(2026, 3, 1, 10, 15, tzinfo=UTC)),
            (_D(50), datetime(2026, 6, 9, 10, 15, tzinfo=UTC)),
            (_D(100), datetime(2026, 6, 9, 10, 30, tzinfo=UTC)),
        )
        assert state.measured.spent == 6
        assert state.forecast is None


def test_it_stops_when_its_grace_was_spent(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events(
        [_event(n, f"2026-11-09 {hour:02}:16", 4 * 10**6) for n, hour in enumerate((8, 10, 12, 14))]
    )
    _scanned(tmp_path)
    (state,) = _report(tmp_path, f'{_TEAM}at_limit = "stop"\ngrace = "50%"\n').budgets
    assert (state.level, state.over_by) == (Level.STOPPED, _D(6))
    assert state.over_since == datetime(2026, 11, 9, 12, 15, tzinfo=UTC)
    assert state.stopped_at == datetime(2026, 11, 9, 14, 15, tzinfo=UTC)


def test_what_files_tell_and_what_was_imported_are_added(tmp_path: Path) -> None:
    now, unverified = quarter_of(_NOW), 0
    with closing(open_to_write(tmp_path)) as change:
        change.execute("INSERT INTO names VALUES (1, 'sol')")
        change.execute("INSERT INTO threads VALUES (1, 'one', NULL, 'red', 'cli')")
        for quarter, is_verified in ((now - 9, 1), (now - 5000, unverified)):
            change.execute(
                "INSERT INTO facts VALUES (?, 1, 1, 1, 0, 0, 0, ?, 1, 2000000, 0, 0, 0, 0)",
                (quarter, is_verified),
            )
        change.execute("INSERT INTO whose VALUES (1, 0, 9999999, ?, 'home')", (_BOB.key.id,))
    _file(tmp_path)
    UseBook(tmp_path).take_events([_event(1, "2026-11-02 12:00")])
    _scanned(tmp_path)
    whole = _report(tmp_path, _TEAM).budgets[0].measured
    assert (whole.spent, whole.at_least) == (_D(3), False)
    assert whole.origins == (Origin.FILES, Origin.IMPORTED)
    parts = _report(tmp_path, f'{_TEAM}each = "account"\n').budgets
    assert {each.whose: each.measured.origins for each in parts} == {
        _ALICE.key.id: (Origin.IMPORTED,),
        _BOB.key.id: (Origin.FILES,),
    }
    night = _report(tmp_path, f'{_TEAM}filter = "group:night client:cli"\n').budgets[0].measured
    assert (night.spent, night.origins) == (_D(2), (Origin.FILES,))
    # what could not be verified was before this month
    ever = _report(tmp_path, f'{_TEAM}period = "never"\n').budgets[0].measured
    assert (ever.spent, ever.at_least) == (_D(3), True)


def test_what_comes_is_foretold_from_the_weeks_before(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events(
        [
            _event(day, (_NOW - timedelta(days=day, hours=2)).replace(tzinfo=None).isoformat(" ", "minutes"))
            for day in range(1, 28)
        ]
    )
    _scanned(tmp_path)
    _file(tmp_path)
    (state,) = _report(tmp_path, '[[budgets]]\nname = "team"\nlimit = "$25"\n').budgets
    # 19 days of November, nothing more today, and the ten days to come
    assert state.measured.spent == 19
    ahead = state.forecast
    assert ahead is not None
    assert (ahead.low, ahead.median, ahead.high) == (_D(29), _D(29), _D(29))
    assert ahead.over_latest == datetime(2026, 11, 27, tzinfo=UTC)
    quiet = BudgetReader(tmp_path, _settings(_TEAM), UTC).report(_POOL, _NOW, foresees=False)
    assert quiet.budgets[0].forecast is None
    # before all files were read nobody can tell
    _scanned(tmp_path, None, bytes_total=9)
    assert _report(tmp_path, _TEAM).budgets[0].forecast is None


def _holding(account: AccountState, balance: str, at: datetime = _NOW) -> AccountState:
    credits = Credits(True, False, None, _D(balance))
    return replace(account, usage=Usage(credits=Aged(credits, at, "s")))


def _kept(state_dir: Path, *told: tuple[AccountState, str, str]) -> None:
    """A store that read these balances, each at its moment."""
    database = Database(state_dir, _NOW)
    for account, at, balance in told:
        moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
        row = HistoryRow(account.key.id, moment, Series.CREDITS, "", "", Figure(balance=_D(balance)))
        assert database.save([_holding(account, balance)], moment, [row])
    database.close()


_CREDITS = '[[budgets]]\nname = "credits"\nlimit = "250 credits"\nfilter = "alice or bob"\n'


def test_credits_of_chosen_accounts_are_told_by_their_balances(tmp_path: Path) -> None:
    _kept(
        tmp_path,
        (_ALICE, "2026-10-30 12:00", "100"),
        (_ALICE, "2026-11-02 12:00", "60"),
        (_BOB, "2026-10-30 12:00", "10"),
        (_ALICE, "2026-11-05 12:00", "1060"),
        (_BOB, "2026-11-06 12:00", "5"),
        (_ALICE, "2026-11-07 12:00", "1010"),
        (_ALICE, "2026-11-20 14:03", "1000"),
        (_ALICE, "2026-11-20 14:04", "1"),
    )
    pool = {each.key.id: _holding(each, "1000") for each in (_ALICE, _BOB)}
    (state,) = _report(tmp_path, _CREDITS, accounts=pool).budgets
    measured = state.measured
    assert (measured.by, measured.spent, measured.top_ups) == (MeasuredBy.BALANCE, _D(105), 1)
    assert set(measured.accounts) == set(pool)
    assert measured.read_at == _NOW
    assert not measured.at_least
    assert [total for _, total in measured.steps] == [40, 45, 95, 105]
    parts = _report(tmp_path, f'{_CREDITS}each = "group"\n', accounts=pool).budgets
    assert [(part.whose, part.measured.spent) for part in parts] == [("day", _D(100)), ("night", _D(5))]
    # who is in no group has no limit of a group
    dan = _holding(_account("u3", "dan"), "5")
    wide = _CREDITS.replace("alice or bob", "alice or bob or dan")
    parts = _report(tmp_path, f'{wide}each = "group"\n', accounts={**pool, dan.key.id: dan}).budgets
    assert [part.whose for part in parts] == ["day", "night"]
    each = _report(tmp_path, f'{_CREDITS}each = "account"\n', accounts=pool).budgets
    assert {part.whose: part.measured.spent for part in each} == {_ALICE.key.id: 100, _BOB.key.id: 5}


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ("", MeasuredBy.BALANCE),
        ('filter = "label:alice"', MeasuredBy.BALANCE),
        ('filter = "alice model:sol"', MeasuredBy.USAGE),
        ('filter = "carol"', MeasuredBy.USAGE),
        ('filter = "alice or carol"', MeasuredBy.BALANCE),
        ('filter = "group:day or group:night or label:dan"', MeasuredBy.USAGE),
        ('each = "user"', MeasuredBy.USAGE),
        ('filter = "alice or eve"', MeasuredBy.USAGE),
        ("filter = ", MeasuredBy.USAGE),
    ],
)
def test_by_what_credits_are_measured(tmp_path: Path, change: str, by: MeasuredBy) -> None:
    dan = _account("u3", "dan")
    endless = Usage(credits=Aged(Credits(True, True, None, _D(0)), _NOW, "s"))
    eve = replace(_account("u4", "eve"), usage=endless)
    pool = {each.key.id: _holding(each, "1000") for each in (_ALICE, _BOB)}
    pool |= {dan.key.id: dan, eve.key.id: eve}
    text = _CREDITS
    if change.startswith("filter"):
        text = text.replace('filter = "alice or bob"', change if change.endswith('"') else "")
    elif change:
        text += f"{change}\n"
    UseBook(tmp_path).take_events([_event(1, "2026-11-02 12:00", user="ann")])
    for state in _report(tmp_path, f"{text}\n", accounts=pool).budgets:
        assert state.measured.by is by


def test_a_balance_that_nobody_read_before_is_unknown(tmp_path: Path) -> None:
    pool = {_ALICE.key.id: _holding(_ALICE, "1000"), _BOB.key.id: _holding(_BOB, "9")}
    (state,) = _report(tmp_path, _CREDITS, accounts=pool).budgets
    assert (state.measured.by, state.measured.spent, state.level) == (MeasuredBy.BALANCE, None, None)
    _kept(tmp_path, (_ALICE, "2026-11-02 12:00", "60"), (_ALICE, "2026-11-03 12:00", "50"))
    (state,) = _report(tmp_path, _CREDITS, accounts=pool).budgets
    assert (state.measured.spent, state.measured.at_least) == (_D(10), True)


_WEEK = '[[budgets]]\nname = "week"\nlimit = "80%"\nperiod = "weekly"\nat_limit = "stop"\n'


def _using(
    account: AccountState, used: float | None, resets_at: datetime | None, **more: Any
) -> AccountState:
    window = UsageWindow(used, 604_800, resets_at, more.pop("flag", None))
    limit = RateLimit(more.pop("allowed", True), None, (window,))
    return replace(account, usage=Usage(base=Aged(limit, _NOW, "s")), **more)


def test_a_limit_of_the_window_is_told_by_the_window_itself(tmp_path: Path) -> None:
    resets_at = _NOW + timedelta(days=2)
    begun = resets_at - timedelta(days=7)
    database = Database(tmp_path, _NOW)
    alice = _using(_ALICE, 82.0, resets_at)
    for hours, used in ((-1, 78.0), (5, 40.0), (30, 65.0), (50, 79.0), (60, 81.5), (70, 82.0)):
        row = HistoryRow(
            alice.key.id,
            begun + timedelta(hours=hours),
            Series.WINDOW,
            "codex",
            "weekly",
            Figure(used, resets_at),
        )
        assert database.save([alice], row.at, [row])
    database.close()
    pool = {alice.key.id: alice, _BOB.key.id: _using(_BOB, 70.0, _NOW + timedelta(days=1))}
    (state,) = _report(tmp_path, f'{_WEEK}filter = "alice"\n', accounts=pool).budgets
    assert (state.whose, state.measured.by, state.measured.spent) == (None, MeasuredBy.WINDOW, _D("82.0"))
    assert state.period == Period(begun, resets_at)
    assert (state.level, state.over_by) == (Level.STOPPED, _D("2.0"))
    assert state.used_percent == _D("102.5")
    assert state.reached == (
        (_D(75), begun + timedelta(hours=30)),
        (_D(90), begun + timedelta(hours=50)),
        (_D(100), begun + timedelta(hours=60)),
    )
    parts = _report(tmp_path, _WEEK, accounts=pool).budgets
    assert {part.whose: part.measured.spent for part in parts} == {alice.key.id: 82, _BOB.key.id: 70}
    # each from its own window on, though another began before it
    assert [part.reached for part in parts if part.whose == alice.key.id] == [state.reached]
    assert {part.period.resets_at for part in parts} == {resets_at, _NOW + timedelta(days=1)}


@pytest.mark.parametrize(
    ("account", "spent", "level"),
    [
        (_ALICE, None, None),
        (_using(_ALICE, None, None), None, None),
        # flagged as full without a figure
        (_using(_ALICE, None, _NOW + timedelta(hours=1), flag=True), 100, Level.STOPPED),
        # it has reset since it was read
        (_using(_ALICE, 90.0, _NOW - timedelta(minutes=1)), None, None),
        (_using(_ALICE, 79.9, None), _D("79.9"), Level.WARNED),
    ],
)
def test_what_a_window_does_not_tell_is_unknown(
    tmp_path: Path, account: AccountState, spent: Decimal | None, level: Level | None
) -> None:
    (state,) = _report(tmp_path, _WEEK, accounts={account.key.id: account}).budgets
    assert (state.measured.spent, state.level) == (spent, level)


def test_of_whom_only_an_import_tells_has_no_window(tmp_path: Path) -> None:
    alice = _using(_ALICE, 82.0, None)
    gone = AccountState(_BOB.key, name=_BOB.name)
    (state,) = _report(tmp_path, _WEEK, accounts={each.key.id: each for each in (alice, gone)}).budgets
    assert state.measured.spent == _D("82.0")


def test_a_limit_of_the_window_of_nobody_is_unknown(tmp_path: Path) -> None:
    (state,) = _report(tmp_path, f'{_WEEK}filter = "nobody"\n').budgets
    assert (state.measured.spent, state.level, state.period) == (None, None, Period())


def test_what_has_no_price_makes_it_at_least(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events([_event(1, "2026-11-02 12:00"), _event(2, "2026-11-03", model="nobodys")])
    _scanned(tmp_path)
    dollars, tokens = (
        _report(tmp_path, f'[[budgets]]\nname = "team"\nlimit = "{limit}"\n').budgets[0].measured
        for limit in ("$10", "9M tokens")
    )
    assert (dollars.spent, dollars.at_least) == (_D(1), True)
    assert (tokens.spent, tokens.at_least) == (_D(2 * 10**6), False)


def test_an_estimate_is_told_as_the_part_that_it_is(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events(
        [_event(1, "2026-11-02 12:00"), _event(2, "2026-11-03 12:00", 3 * 10**6, estimated=True)]
    )
    _scanned(tmp_path)
    measured = _report(tmp_path, _TEAM).budgets[0].measured
    assert (measured.spent, measured.estimated) == (_D(4), _D(3))


def test_nothing_is_unknown_until_all_was_read(tmp_path: Path) -> None:
    def spent() -> tuple[Decimal | None, bool]:
        measured = _report(tmp_path, _TEAM).budgets[0].measured
        return measured.spent, measured.at_least

    assert spent() == (None, False)
    _scanned(tmp_path)
    # no file was found: nothing tells what was spent
    assert spent() == (None, False)
    _file(tmp_path)
    assert spent() == (_D(0), False)
    UseBook(tmp_path).take_events([_event(1, "2026-11-02 12:00")])
    assert spent() == (_D(1), False)
    _scanned(tmp_path, None, bytes_total=5)
    assert spent() == (_D(1), True)
    _scanned(tmp_path, None, bytes_total=5, newest_since=(_MIDNIGHT - timedelta(days=1)).timestamp())
    assert spent() == (_D(1), False)


def test_a_file_that_was_not_read_to_its_end_makes_it_at_least(tmp_path: Path) -> None:
    UseBook(tmp_path).take_events([_event(1, "2026-11-02 12:00")])
    _scanned(tmp_path)
    _file(tmp_path, trouble="use.differs")
    assert not _report(tmp_path, _TEAM).budgets[0].measured.at_least
    _file(tmp_path, 2, trouble="use.broken")
    assert _report(tmp_path, _TEAM).budgets[0].measured.at_least
    # what it holds is not from a month that began after its last change
    later = _report(tmp_path, _TEAM, datetime(2026, 12, 2, tzinfo=UTC))
    assert not later.budgets[0].measured.at_least


def test_a_quarter_is_in_one_period_wherever_days_begin(tmp_path: Path) -> None:
    """In Kathmandu a day begins at a quarter past, UTC."""
    begun = datetime(2026, 11, 19, 18, 15, tzinfo=UTC)
    UseBook(tmp_path).take_events([_event(1, "2026-11-19 18:14"), _event(2, "2026-11-19 18:15", 2 * 10**6)])
    _scanned(tmp_path)
    text = f'{_TEAM}period = "daily"\ntime_zone = "Asia/Kathmandu"\n'
    (state,) = _report(tmp_path, text).budgets
    assert (state.measured.spent, state.period.started_at) == (_D(2), begun)
    assert quarter_of(begun) * 900 == begun.timestamp()
    before = _report(tmp_path, text, begun - timedelta(seconds=1)).budgets[0]
    assert before.measured.spent == 1


def test_nothing_is_opened_where_no_budget_is_configured(tmp_path: Path) -> None:
    folder = tmp_path / "nowhere"
    assert _report(folder, "").budgets == ()
    assert not folder.exists()


@pytest.mark.parametrize(
    "damage",
    [
        *(f"cost_whole = {value}" for value in ("'x'", "-40", "3.7", "x'ff'")),
        *(
            "cost_parts = -1",
            "credits_whole = 'x'",
            "requests = -1",
            "input = 'many'",
            "model = x'ff'",
            "tier = 9",
        ),
    ],
)
def test_a_row_that_holds_no_count_is_not_counted_as_nothing(tmp_path: Path, damage: str) -> None:
    told = [_event(1, "2026-11-03", cost=12 * 10**12), _event(2, "2026-11-04", cost=35 * 10**11)]
    UseBook(tmp_path).take_events(told)
    budgets = '[[budgets]]\nname = "stop"\nlimit = "$10"\nat_limit = "stop"\n'
    (state,) = _report(tmp_path, budgets).budgets
    assert state.level is Level.STOPPED
    with closing(open_to_write(tmp_path)) as change:
        change.execute(f"UPDATE told SET {damage} WHERE cost_whole = 12")
    with pytest.raises(BookError) as found:
        _report(tmp_path, budgets)
    assert found.value.problem is BookProblem.DAMAGED_ROW
