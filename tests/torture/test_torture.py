"""The custody torture in its short form; `make torture` runs the long one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.torture.disks import IN_NAMESPACE, may_mount
from tests.torture.steps import IN_FLIGHT, STORED, UNSENT
from tests.torture.tally import Tally

ROOT = Path(__file__).parents[2]
_STEPS = len((*UNSENT, *IN_FLIGHT, *STORED)) + 2

pytestmark = pytest.mark.slow


def torture(part: str, aim: int, lanes: int = 1) -> Tally:
    """Run a part in so many processes; whatever it saw that must not happen is an error here."""
    started = [
        subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.torture.lane", f"--part={part}", f"--aim={aim // lanes}"),
                *(f"--seed={lane + 1}", f"--lane={lane}", f"--lanes={lanes}", "--seconds=180"),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
        for lane in range(lanes)
    ]
    tally = Tally(part, 0)
    for lane in started:
        out, err = lane.communicate(timeout=240)
        assert out, err.decode()
        tally.add(Tally(**json.loads(out.splitlines()[-1])))
        assert lane.returncode == 0, (tally.violations, err.decode())
    assert not tally.broken
    assert tally.done == tally.aim
    return tally


def test_an_app_killed_at_random_moments_of_a_refresh_loop_loses_nothing() -> None:
    tally = torture("kills", 28, lanes=2)
    assert tally.done == 28
    assert tally.posts > 5
    assert tally.ambiguous == 0


def test_a_custody_process_killed_at_each_step_leaves_the_login_or_says_so() -> None:
    tally = torture("steps", _STEPS)
    assert all(tally.notes[f"at {point}"] == 1 for point in (*UNSENT, *IN_FLIGHT, *STORED))
    # the token was spent and its reply lost, or was only about to be sent
    assert tally.gone >= len(IN_FLIGHT) - 1
    assert tally.ambiguous >= len(IN_FLIGHT)
    assert len(tally.widths()) == 3


def test_fifty_processes_on_one_login_send_one_request_a_round() -> None:
    tally = torture("crowds", 3)
    assert tally.posts == 3
    assert tally.notes["processes"] == 150


def test_no_order_of_events_loses_a_login_in_silence() -> None:
    tally = torture("machine", 10)
    assert tally.posts > 10


def test_no_move_of_a_login_loses_it_or_sends_its_token_again() -> None:
    tally = torture("moves", 34, lanes=2)
    assert len(tally.notes) >= 12
    assert tally.posts > 60


def test_a_bad_disk_is_found_before_the_token_is_spent() -> None:
    tally = torture("disks", 30)
    assert tally.notes["before sending"] > 5
    assert tally.notes["after sending"] > 5


def test_a_full_and_a_read_only_disk_are_named_and_nothing_is_sent(tmp_path: Path) -> None:
    if not may_mount():
        pytest.skip("no mount namespace may be made here")
    ended = subprocess.run(
        [*IN_NAMESPACE, sys.executable, "-m", "tests.torture.full_disk", str(tmp_path / "real")],
        cwd=ROOT,
        capture_output=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr.decode()


def test_a_broken_reply_is_said_and_the_token_neither_replayed_nor_sent_elsewhere() -> None:
    tally = torture("replies", 70)
    assert tally.notes["token still good"] == 5
    assert tally.ambiguous == tally.done - 5
