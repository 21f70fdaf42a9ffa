from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.state import ACCEPTED, TRIAL, KeyState
from poolwatch.store.database import Database
from poolwatch.store.opening import FILE_NAME

NOW = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
REFUSED = KeyState(401, NOW, None, "invalid", "Nō")


def test_what_is_kept_is_there_for_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poolwatch.store.key_states._LOOK_EVERY", 1)
    one, two = Database(tmp_path, NOW), Database(tmp_path, NOW)
    over = KeyState(429, NOW, NOW + timedelta(minutes=1))
    assert one.put_key_state("a", over, NOW)
    assert two.put_key_state("b", REFUSED, NOW)
    assert one.key_states() == two.key_states() == {"a": over, "b": REFUSED}
    # what is over goes with the next one
    assert one.put_key_state("c", KeyState(ACCEPTED, NOW), NOW + timedelta(minutes=1))
    assert two.key_states().keys() == {"b", "c"}
    assert two.drop_key_state("b")
    assert one.key_states().keys() == {"c"}
    assert one.facts().name is None


def test_one_try_a_minute_over_all_processes(tmp_path: Path) -> None:
    one, two = Database(tmp_path, NOW), Database(tmp_path, NOW)
    one.put_key_state("a", REFUSED, NOW)
    later = NOW + timedelta(minutes=1)
    assert not one.claim_try("a", later - timedelta(seconds=1))
    assert two.claim_try("a", later)
    assert not one.claim_try("a", later)
    assert one.claim_try("a", later + timedelta(minutes=1))
    assert one.claim_try("nothing is known of it", NOW)


def test_one_process_finds_out(tmp_path: Path) -> None:
    one, two = Database(tmp_path, NOW), Database(tmp_path, NOW)
    assert one.claim_trial("a", NOW)
    assert not two.claim_trial("a", NOW)
    assert one.end_trial("a")
    assert two.claim_trial("a", NOW)
    assert one.claim_trial("a", NOW + TRIAL)
    one.put_key_state("a", REFUSED, NOW)
    assert not two.claim_trial("a", NOW)
    assert not two.end_trial("a")


@pytest.mark.parametrize(
    "rubbish", ["", "rubbish", "[]", '{"version":2}', '{"version":1,"status":401,"at":1}']
)
def test_rubbish_is_not_known_and_gives_way(tmp_path: Path, rubbish: str) -> None:
    held = Database(tmp_path, NOW)
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as beside, beside:
        beside.execute("INSERT INTO meta VALUES ('standing.x', ?)", (rubbish,))
    assert held.key_states() == {}
    assert held.claim_try("x", NOW)
    assert held.claim_trial("x", NOW)
    assert held.put_key_state("y", REFUSED, NOW)
    assert "y" in held.key_states()


def test_only_so_many_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poolwatch.store.key_states._MOST", 3)
    held = Database(tmp_path, NOW)
    for number in range(5):
        held.put_key_state(f"{number}", KeyState(401, NOW + timedelta(seconds=number)), NOW)
    assert held.key_states().keys() == {"2", "3", "4"}
