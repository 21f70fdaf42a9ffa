"""The app beside session files: keys while they are read, and how soon a new response is on the screen."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.figures import LEAST, answers
from benchmarks.pool import Pool, Settings, program
from benchmarks.ptyrun import Session
from benchmarks.report import Row, percentile
from poolwatch.sessions.book import UseBook

_PRESSES: Final = 60
_APPENDED: Final = 6
_KEY_MS: Final = 16.0
_ON_SCREEN: Final = 2.0
_LONGEST_SCAN: Final = 300.0


def append_response(path: Path, name: str, tokens: int) -> None:
    """One more response at the end of a session file."""
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    usage = {"input_tokens": tokens, "output_tokens": 10, "total_tokens": tokens + 10}
    payload = {"thread_id": path.name[28:64], "response_id": name, "usage": usage}
    line = {"timestamp": at, "type": "token_usage_record", "payload": payload}
    with path.open("a") as out:
        out.write(json.dumps(line, separators=(",", ":")) + "\n")


def newest(home: Path) -> Path:
    """The file of the youngest thread whose last line is whole."""
    files = sorted((home / "sessions").rglob("rollout-*.jsonl"), reverse=True)
    return next(path for path in files if path.read_bytes().endswith(b"\n"))


def on_screen(what: str, home: Path, folder: Path) -> Iterator[Row]:
    """What a person feels while a home is read for the first time, and afterwards."""
    with Pool(folder / "pool", LEAST) as pool:
        env = dict(pool.env(Settings())) | {"CODEX_HOME": str(home)}
        book = UseBook(Path(env["POOLWATCH_STATE_DIR"]))
        with Session([program(), "--view", "hive"], env) as session:
            session.until_quiet(0.25, 2.0)
            pressed = []
            for number in range(_PRESSES):
                pressed.append(session.press("jjkk"[number % 4]))
                session.pump(0.09)
            is_read = book.scan_state().complete_at is not None
            found = [seconds * 1000 for seconds in answers(session, pressed)]
            if found and not is_read:
                slow = percentile(found, 0.95)
                yield Row(
                    f"{what}: key to paint while they are read, p95",
                    f"≤ {_KEY_MS:.0f} ms",
                    f"{slow:.1f} ms (median {median(found):.1f})",
                    slow <= _KEY_MS,
                    len(found),
                )
            deadline = time.perf_counter() + _LONGEST_SCAN
            while book.scan_state().complete_at is None and time.perf_counter() < deadline:
                session.pump(0.5)
            session.press("U")
            session.pump(2)
            found = list(_appended(session, home))
        yield Row(
            f"{what}: an appended line is on the screen",
            f"≤ {_ON_SCREEN:.0f} s",
            f"{median(found):.2f} s, {max(found):.2f} s at most",
            max(found) <= _ON_SCREEN,
            len(found),
        )


def _appended(session: Session, home: Path) -> Iterator[float]:
    """The seconds until each response that is added stands among the latest."""
    path, added = newest(home), []
    for number in range(_APPENDED):
        tokens = 21_100 + 1_100 * number
        append_response(path, f"screen-{number}", tokens)
        added.append((time.perf_counter() - session.begun, f"{tokens / 1000:.1f}k in"))
        session.pump(3.3)
    replay, seen = session.replay(), dict[str, float]()
    for piece in session.pieces:
        replay.draw(piece)
        for _, text in added:
            if text not in seen and text in replay.text:
                seen[text] = piece.at
    for at, text in added:
        yield seen.get(text, float("inf")) - at
