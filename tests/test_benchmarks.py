"""The harness itself: what it makes of samples, and that it sees a program paint."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from benchmarks import hello
from benchmarks.figures import HELLO, LEAST, MANY
from benchmarks.pool import plain_env
from benchmarks.process import measured
from benchmarks.ptyrun import Session
from benchmarks.report import percentile, plain, rows, table, write_between


def starts(own: float) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for figure in ("first paint ms", "start cpu ms"):
        found[f"{figure} {HELLO}"] = [100.0, 90.0, 400.0]
        for accounts in (LEAST, MANY):
            found[f"{figure} {accounts}"] = [own, own, 9 * own]
    return found


@pytest.mark.parametrize(
    ("own", "few", "many"), [(134.0, True, True), (136.0, False, True), (161.0, False, False)]
)
def test_a_start_is_held_against_hello(own: float, few: bool, many: bool) -> None:
    found = rows(starts(own))
    assert [row.ok for row in found] == [few, many, None, None]
    assert f"{own:.0f} ms, hello 100 ms: {own / 100:.2f}x" in table(found)
    assert ("NO" in plain(found)) is not (few and many)


def test_nothing_is_said_of_what_was_not_measured() -> None:
    assert rows({}) == []


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.95, 95), (1.0, 100)])
def test_percentiles_are_nearest_ranks(share: float, value: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == value


def test_a_program_is_seen_to_paint_and_is_ended() -> None:
    script = Path(hello.__file__)
    with Session([sys.executable, str(script)], plain_env()) as session:
        session.until_quiet(0.3)
        replay = session.replay()
        for piece in session.pieces:
            replay.draw(piece)
        assert "hello" in replay.text
        assert session.cpu >= session.pieces[0].cpu > 0
        assert session.peak > 10
        pid = session.pid
    assert not Path(f"/proc/{pid}").exists()


def test_a_table_replaces_the_one_before(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("head\n<!-- use -->\nold\n<!-- end of use -->\ntail\n")
    write_between(page, "use", "new")
    write_between(page, "use", "newer")
    assert page.read_text() == "head\n<!-- use -->\n\nnewer\n\n<!-- end of use -->\ntail\n"


def test_a_command_is_measured_by_what_it_is_itself() -> None:
    mine = bytearray(300_000_000)
    code = "b = b'x' * 60_000_000; import time; time.sleep(0.1); print(len(b))"
    ran = measured([sys.executable, "-c", code], {})
    assert len(mine) == 300_000_000
    assert ran.output == b"60000000\n"
    assert 55 < ran.peak < 200
    assert ran.cpu > 0
    assert ran.wall > 0.1
