"""The session files in the pool's Codex homes: weeks of them, and what comes while the pool runs.

They fit the accounts: work was done when an account's figures rose, and the limits in the files are those
that were served then.
"""

import threading
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from poolwatch.demo.account import Account
from poolwatch.demo.budgets import budgets_of
from poolwatch.demo.files import add_budgets, login_path
from poolwatch.demo.past import past_lines
from poolwatch.demo.rollout import Limits, Rollout
from poolwatch.demo.server import Server
from poolwatch.demo.session_shapes import SHAPES, Dress, Plan, Shape, limits_text, model_at, moving_limits
from poolwatch.demo.sessions import Folder
from poolwatch.demo.truth import Truth

#: Whoever opens the pool has asked for usage by then: its first screen stands.
_LONGEST_WAIT: Final = 3.0
#: Seconds between looks at what is used, at ordinary speed and at any.
_PACE: Final = 2.0
_SHORTEST: Final = 0.2
#: The service counts more than is in the files: its accounts are used on other machines as well.
_ELSEWHERE: Final = 1.06
#: In a large pool, the others are not at work.
_MOST_BUSY: Final = 40
#: A pool of a few megabytes tells of thousands of requests: messages are short in it.
_SMALL: Final = 50_000_000
_SHORT: Final = 0.03
#: of a response in that time
_CHANCE: Final = 0.12
_REQUESTS: Final = 6
_TURNS: Final = 12
#: How much an account of a plan uses.
_WEIGHTS: Final[Mapping[str, float]] = {"pro": 3, "prolite": 2, "team": 2, "enterprise": 2, "free": 0.3}


class _Window(msgspec.Struct):
    bucket: str
    window_seconds: int
    used_percent: float
    resets_at: datetime


class _Who(msgspec.Struct):
    email: str


class _Reading(msgspec.Struct):
    at: datetime
    account: _Who
    plan: str
    windows: list[_Window]


class _Life:
    """What an account's figures were over time."""

    def __init__(self, readings: Sequence[_Reading]) -> None:
        self._readings = readings
        self._instants = [reading.at.timestamp() for reading in readings]
        used = [sum(each.used_percent for each in _base(reading)) for reading in readings]
        #: how much was used between one reading and the next
        self._risen = [max(0.0, after - before) for before, after in pairwise(used)]

    def moment(self, draw: Random) -> float:
        """An instant at which it was used."""
        number = draw.choices(range(len(self._risen)), self._risen)[0]
        return draw.uniform(*self._instants[number : number + 2])

    @property
    def is_used(self) -> bool:
        """Whether there was such an instant."""
        return any(self._risen)

    def limits(self, at: float) -> str:
        """What was served then."""
        reading = self._readings[max(0, bisect_right(self._instants, at) - 1)]
        windows = [
            (each.used_percent, each.window_seconds / 60, each.resets_at.timestamp())
            for each in _base(reading)
        ]
        return limits_text(windows, reading.plan)


def _base(reading: _Reading) -> list[_Window]:
    return [window for window in reading.windows if window.bucket == "codex"]


class _Shown(msgspec.Struct):
    used_percent: float
    limit_window_seconds: int
    reset_at: int


class _RateLimit(msgspec.Struct):
    primary_window: _Shown | None
    secondary_window: _Shown | None


class _Payload(msgspec.Struct):
    plan_type: str
    rate_limit: _RateLimit | None

    @property
    def windows(self) -> list[_Shown]:
        limit = self.rate_limit
        return (
            [] if limit is None else [each for each in (limit.primary_window, limit.secondary_window) if each]
        )

    @property
    def is_full(self) -> bool:
        """Whether nothing is left."""
        return any(window.used_percent >= 100 for window in self.windows)

    def limits(self) -> str:
        """The same as a session file tells it."""
        windows = [
            (each.used_percent, each.limit_window_seconds / 60, each.reset_at) for each in self.windows
        ]
        return limits_text(windows, self.plan_type)


class _Desk:
    """One home, and whoever works in it."""

    def __init__(self, account: Account, home: Path, start: float, life: _Life | None, bulk: float) -> None:
        self.account, self.home = account, home
        self._draw = Random(f"poolwatch-demo-desk/{account.seed}/{account.label}")
        self._bulk, self._start, self._life = bulk, start, life
        self.truth = Truth()
        self._thread: Rollout | None = None
        self._path = home
        self._requests = self._turns = 0

    def past(self, size: int) -> Iterator[None]:
        """Write so much of what was."""
        # whoever looks at a demo is to see its figures, not what cannot be told
        shapes: dict[Shape, int] = {
            shape: weight for shape, weight in SHAPES.items() if shape is not Shape.UNTOLD
        }
        dresses = {Dress.PLAIN: 70, Dress.COMPRESSED: 20, Dress.ARCHIVED: 10}
        life = self._life
        plan = Plan(
            self._start,
            zone=None,
            bulk=self._bulk,
            turns=14 if self._bulk == 1 else 2,
            fat=0.2 if self._bulk == 1 else 0.002,
            shapes=shapes,
            dresses=dresses,
            moments=None if life is None else life.moment,
            limits=self._limits,
        )
        folder = Folder(self.home, f"{self.account.seed}/{self.account.label}", plan)
        self.truth = folder.truth
        return folder.threads(size)

    def _limits(self, draw: Random, since: float) -> Limits:
        return moving_limits(draw, since) if self._life is None else self._life.limits

    def go_on(self, now: float, present: _Payload, speed: float) -> None:
        """Perhaps a response comes; nothing does when nothing is left."""
        draw = self._draw
        if present.is_full or draw.random() > min(0.9, _CHANCE * speed):
            return
        limits = present.limits()
        thread = self._thread
        if thread is None or self._turns >= _TURNS:
            self._thread = thread = Rollout(draw, now, Truth(), lambda _: limits, True, 0, self._bulk)
            began = datetime.fromtimestamp(now)  # noqa: DTZ006 - the folders of a home are dated by the machine's clock
            folder = self.home / "sessions" / f"{began:%Y/%m/%d}"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._path = folder / f"rollout-{began:%Y-%m-%dT%H-%M-%S}-{thread.thread}.jsonl"
            self._requests = self._turns = 0
            thread.meta()
            thread.settings("standard")
        thread.at, thread.limits = now, lambda _: limits
        if self._requests % _REQUESTS == 0:
            self._turns += 1
            thread.turn(model_at(draw, now))
        self._requests += 1
        thread.work()
        thread.request()
        with self._path.open("ab") as out:
            out.write(thread.take())


class Homes(threading.Thread):
    """Writes the session files of a served pool's Codex homes, beside the serving."""

    def __init__(self, server: Server, home: Path, start: float, speed: float, size: int) -> None:
        super().__init__(daemon=True)
        self._server, self._home, self._size = server, home, size
        self._pool = server.service.accounts
        self._start, self._speed = start, speed

    def run(self) -> None:
        """Write what was, then what comes."""
        latest = time.monotonic() + _LONGEST_WAIT
        while not self._server.service.totals.usage_gets and time.monotonic() < latest:
            time.sleep(0.1)
        desks = self._desks()
        weights = [_WEIGHTS.get(desk.account.plan, 1.0) for desk in desks]
        for desk, weight in zip(desks, weights, strict=True):
            for _ in desk.past(int(self._size * weight / sum(weights))):
                # whoever asks is answered
                time.sleep(0)
            days = {day: int(tokens * _ELSEWHERE) for day, tokens in desk.truth.days.items()}
            with self._server.lock:
                self._server.service.counted[desk.account.index] = days
        add_budgets(self._home, budgets_of([desk.truth for desk in desks], self._start))
        while desks:
            time.sleep(max(_SHORTEST, _PACE / self._speed))
            for desk in desks[:_MOST_BUSY]:
                with self._server.lock:
                    present = msgspec.convert(self._server.service.payload(desk.account), _Payload)
                desk.go_on(time.time(), present, self._speed)

    def _desks(self) -> list[_Desk]:
        lives = self._lives()
        bulk = 1.0 if self._size >= _SMALL else _SHORT
        return [
            _Desk(
                account,
                login_path(self._home, account, login, "codex-homes").parent,
                self._start,
                lives.get(account.email),
                bulk,
            )
            for account in self._pool
            for login, each in enumerate(account.logins)
            if "codex-homes" in each.places and not account.api_key
        ]

    def _lives(self) -> dict[str, _Life]:
        lines = past_lines(self._pool, self._start, self._speed)
        told: dict[str, list[_Reading]] = {}
        for reading in msgspec.json.Decoder(_Reading).decode_lines(lines):
            if reading.windows:
                told.setdefault(reading.account.email, []).append(reading)
        lives = {email: _Life(readings) for email, readings in told.items()}
        return {email: life for email, life in lives.items() if life.is_used}
