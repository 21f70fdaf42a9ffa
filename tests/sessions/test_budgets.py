from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from poolwatch.bootstrap.budgets import BudgetReader
from poolwatch.config.load import load_text
from poolwatch.config.settings import Settings
from poolwatch.domain.account import AccountKey, Name
from poolwatch.domain.budgets import BudgetReport, Level
from poolwatch.domain.quarters import quarter_of
from poolwatch.domain.state import AccountState
from poolwatch.domain.tokens import Tokens
from poolwatch.sessions.book import UseBook
from poolwatch.sessions.events import UsageEvent
from poolwatch.sessions.progress import Progress, note_progress
from poolwatch.sessions.tables import open_to_write

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
    assert state.measured.steps == ((_MIDNIGHT, _D(1)), (datetime(2026, 11, 20, 14, tzinfo=UTC), _D(4)))


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
    _file(tmp_path, trouble="use.broken")
    assert _report(tmp_path, _TEAM).budgets[0].measured.at_least


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
