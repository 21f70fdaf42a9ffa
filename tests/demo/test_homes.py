"""The session files of the pool's Codex homes: they fit the accounts, and more come while it runs."""

from __future__ import annotations

import json
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from tests.demo.talk import at, call
from tests.demo.test_process import first_line, start
from tests.sessions.second_counter import count

from poolwatch.demo.account import DAY
from poolwatch.demo.pool import accounts


def _opened(process: subprocess.Popen[bytes]) -> tuple[dict[str, str], float]:
    """Ask for usage, as whoever opens the pool does; where it is, and when it began."""
    told = first_line(process)
    call(told["base_url"] + "/wham/usage")
    return told, datetime.fromisoformat(told["started_at"]).timestamp()


def _begun(path: Path) -> float:
    """When a thread began, as its file is named: by the machine's clock."""
    return datetime.strptime(path.name[8:27], "%Y-%m-%dT%H-%M-%S").timestamp()  # noqa: DTZ007 - it is local


def test_homes_fill_and_go_on_filling(tmp_path: Path) -> None:
    process = start("--home", str(tmp_path), "--sessions", "300KB", "--speed", "500")
    try:
        told, began = _opened(process)
        homes = sorted((tmp_path / "homes").iterdir())
        deadline = time.monotonic() + 20
        while not any(_begun(path) >= int(began) for path in (tmp_path / "homes").rglob("rollout-*")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert {path.name for path in homes if count([path]).total[0]} == {"bob", "dan", "dev14", "erin"}
        # the service counted what is in them, and a little more
        access = json.loads((tmp_path / "homes/bob/auth.json").read_text())["tokens"]["access_token"]
        profile = call(told["base_url"] + "/wham/profiles/me", headers={"authorization": f"Bearer {access}"})
        days = cast("list[dict[str, int]]", at(profile.json, "stats", "daily_usage_buckets"))
        midnight = began // DAY * DAY
        cells = count([tmp_path / "homes/bob"]).cells.items()
        in_files = sum(each[1] + each[4] for where, each in cells if where.quarter * 900 < midnight)
        today = datetime.fromtimestamp(midnight, UTC).date().isoformat()
        counted = sum(day["tokens"] for day in days if str(day["start_date"]) < today)
        assert 1.05 < counted / in_files < 1.07
    finally:
        process.communicate(timeout=10)
    past = [where.quarter for where in count(homes).cells]
    assert began - 60 * DAY < min(past) * 900 < began


def test_limits_in_the_files_are_those_that_were_served(tmp_path: Path) -> None:
    process = start("--home", str(tmp_path), "--sessions", "200KB", "--with-past")
    try:
        told = first_line(process)
        call(told["base_url"] + "/wham/usage")
        lines = [json.loads(line) for line in Path(told["past"]).read_bytes().splitlines()]
        deadline = time.monotonic() + 20
        while not (files := list((tmp_path / "homes" / "erin").rglob("*.jsonl"))):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        process.communicate(timeout=10)
    email = next(account.email for account in accounts(7, 12) if account.label == "erin")
    served = {
        (window["used_percent"], window["window_seconds"] // 60)
        for line in lines
        if "account" in line and line["account"]["email"] == email
        for window in line["windows"]
    }
    seen = set()
    for path in files:
        for line in path.read_bytes().splitlines():
            if b'"token_count"' in line and b'"plan_type"' in line:
                limits = json.loads(line)["payload"]["rate_limits"]
                assert limits["plan_type"] == "plus"
                seen |= {
                    (int(limits[which]["used_percent"]), limits[which]["window_minutes"])
                    for which in ("primary", "secondary")
                }
    assert seen
    assert seen <= served
