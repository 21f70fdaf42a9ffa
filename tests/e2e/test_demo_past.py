"""The demo brings sixty days of past along, soon after the first screen, and goes on from there."""

import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

from tests.cli.desk import PROGRAM, Desk
from tests.support.terminal import Terminal

Past = Mapping[str, object]
_PATIENCE_SECONDS = 30.0


def _weekly(desk: Desk, env: Mapping[str, str]) -> list[Past]:
    """The base weekly series of all accounts."""
    ran = desk.run("history", "--since", "70d", "--metric", "used", "--json", env=env)
    series = cast("list[Past]", json.loads(ran.out)["series"])
    return [each for each in series if (each["bucket"], each["window"]) == ("codex", "weekly")]


def _instant(text: object) -> datetime:
    return datetime.fromisoformat(str(text))


def test_the_demo_has_sixty_days_of_past_and_goes_on_from_there(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    with Terminal([*PROGRAM, "demo"], desk.env | {"TMPDIR": str(tmp_path)}) as terminal:
        terminal.wait_for("fresh 11/12")
        [folder] = tmp_path.glob("poolwatch-demo-*")
        env = {
            "POOLWATCH_STATE_DIR": str(folder / "state"),
            "POOLWATCH_CONFIG": str(folder / "upstream" / "config.toml"),
        }
        begun, found = time.monotonic(), list[Past]()
        # the past, and then what was read since
        while not all(cast("list[Past]", each["windows_past"])[1:] for each in found) or len(found) < 10:
            assert time.monotonic() - begun < _PATIENCE_SECONDS
            found = _weekly(desk, env)
        now = datetime.now(UTC)
        ended_by = set[object]()
        for each in found:
            points = cast("list[Past]", each["points"])
            windows = cast("list[Past]", each["windows_past"])
            assert timedelta(days=58) < now - _instant(points[0]["at"]) < timedelta(days=61)
            assert len(windows) >= 7
            # one window runs, and it is the one of which the past told
            assert [window["ended_at"] is None for window in windows] == [False] * (len(windows) - 1) + [True]
            running, before = windows[-1], windows[-2]
            assert _instant(running["started_at"]) - _instant(before["ended_at"]) < timedelta(days=5)
            ended_by |= {window["ended_by"] for window in windows}
        assert {"reset", "early_reset", "plan_change", None} <= ended_by
        told = json.loads(desk.run("events", "--since", "70d", "--json", env=env).out)["events"]
        kinds = {event["kind"] for event in told}
        assert {"exhausted", "back", "reset", "upstream_reset", "credits_came", "plan_changed"} <= kinds
        terminal.press("q")
        assert terminal.end() == 0
        assert not folder.exists()
