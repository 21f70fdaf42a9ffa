"""Session files line by line, in the words of a case: who said what, when."""

from __future__ import annotations

import json
import os
import sys
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MODEL = "gpt-5.5"
WINDOW = 400_000


class U(NamedTuple):
    """Tokens of a request, or a counter."""

    input: int
    cached: int
    output: int
    reasoning: int = 0
    cache_write: int = 0

    def told(self, surplus: int = 0) -> dict[str, int]:
        return {
            "input_tokens": self.input,
            "cached_input_tokens": self.cached,
            "cache_write_input_tokens": self.cache_write,
            "output_tokens": self.output,
            "reasoning_output_tokens": self.reasoning,
            "total_tokens": self.input + self.output + surplus,
        }


ZERO = U(0, 0, 0)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def quarter(text: str) -> int:
    return int(instant(text).timestamp() // 900)


def thread_id(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, name))


@dataclass
class Thread:
    """A thread by its name; each line is written `step` seconds after the one before."""

    name: str
    now: datetime | str = "2026-11-20T10:00:00+00:00"
    step: float = 1.0
    ordinal: int | None = None
    lines: list[bytes] = field(default_factory=list)
    created: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.now = instant(self.now) if isinstance(self.now, str) else self.now
        self.created = self.now

    @property
    def id(self) -> str:
        return thread_id(self.name)

    @property
    def size(self) -> int:
        return sum(len(line) + 1 for line in self.lines)

    def at(self, text: str) -> Thread:
        self.now = instant(text)
        return self

    def line(self, kind: str, payload: object) -> Thread:
        assert isinstance(self.now, datetime)
        told: dict[str, object] = {"timestamp": self.now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"}
        if self.ordinal is not None:
            told["ordinal"] = self.ordinal
            self.ordinal += 1
        told |= {"type": kind, "payload": payload}
        return self.raw(json.dumps(told, separators=(",", ":")).encode())

    def raw(self, line: bytes) -> Thread:
        assert isinstance(self.now, datetime)
        self.lines.append(line)
        self.now += timedelta(seconds=self.step)
        return self

    def event(self, kind: str, **payload: object) -> Thread:
        return self.line("event_msg", {"type": kind} | payload)

    def head(self, **more: object) -> Thread:
        told: dict[str, object] = {
            "id": self.id,
            "timestamp": self.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "cwd": "/home/user/shop",
            "originator": "codex_cli_rs",
            "cli_version": "0.150.0",
            "source": "cli",
            "base_instructions": {"text": "x" * 20_000},
        }
        return self.line("session_meta", told | more)

    def child_of(self, parent: Thread, **more: object) -> Thread:
        """The head of a spawned thread."""
        spawn = {"parent_thread_id": parent.id, "depth": 1}
        source = {"subagent": {"thread_spawn": spawn}}
        return self.head(forked_from_id=parent.id, source=source, thread_source="subagent", **more)

    def foreign(self, other: Thread) -> Thread:
        """The head of another thread, copied."""
        return self.line("session_meta", {"id": other.id, "timestamp": "2026-11-20T08:00:00Z", "cwd": "/"})

    def turn(self, model: str | None = MODEL) -> Thread:
        """A turn begins, now."""
        assert isinstance(self.now, datetime)
        self.event("task_started", turn_id="turn", started_at=int(self.now.timestamp()))
        return self.model(model)

    def model(self, model: str | None = MODEL) -> Thread:
        return self if model is None else self.line("turn_context", {"turn_id": "turn", "model": model})

    def tier(self, tier: str | None, **more: object) -> Thread:
        return self.event("thread_settings_applied", thread_settings={"service_tier": tier} | more)

    def counter(self, total: U, last: U | None = None, surplus: int = 0) -> Thread:
        """The counter; where `last` is left out, it is the total."""
        info = {
            "total_token_usage": total.told(surplus),
            "last_token_usage": (total if last is None else last).told(surplus),
            "model_context_window": WINDOW,
        }
        return self.event("token_count", info=info, rate_limits=None)

    def record(self, response: str, use: U, thread: Thread | None = None) -> Thread:
        return self.line("token_usage_record", self.recorded(response, use, thread))

    def recorded(self, response: str, use: U, thread: Thread | None = None) -> dict[str, object]:
        whose = (thread or self).id
        told = {"thread_id": whose, "session_id": whose, "turn_id": "turn", "response_id": response}
        return told | {"usage": use.told(), "turn_token_usage": use.told(), "thread_token_usage": use.told()}

    def item(self, text: str = "words") -> Thread:
        content = [{"type": "output_text", "text": text}]
        return self.line("response_item", {"type": "message", "role": "assistant", "content": content})

    def content(self, end: bytes = b"\n") -> bytes:
        return b"".join(line + end for line in self.lines)

    def write(
        self, home: Path, *, archived: bool = False, cold: bool = False, end: bytes = b"\n", tail: bytes = b""
    ) -> Path:
        """Write the file where Codex would; returns its path."""
        name = f"rollout-{self.created:%Y-%m-%dT%H-%M-%S}-{self.id}.jsonl"
        folder = home / "archived_sessions" if archived else home / "sessions" / f"{self.created:%Y/%m/%d}"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (f"{name}.zst" if cold else name)
        content = self.content(end) + tail
        path.write_bytes(zstd.compress(content, 3) if cold else content)
        assert isinstance(self.now, datetime)
        os.utime(path, (self.now.timestamp(), self.now.timestamp()))
        return path
