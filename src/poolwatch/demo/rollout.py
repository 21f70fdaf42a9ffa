"""The session file of one thread, line by line, as Codex writes it."""

import json
import string
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import NamedTuple

from poolwatch.demo.account import JsonObject
from poolwatch.demo.truth import Truth, Use

_WINDOW = 400_000
_NONE = Use()
_PROJECTS = ("api", "billing", "data", "docs", "infra", "mobile", "search", "shop", "site", "tools", "web")
_BLOB = 400_000
_INSTRUCTIONS = 12_000

#: The text of `rate_limits` at an epoch second.
Limits = Callable[[float], str]


class Event(NamedTuple):
    """A `token_count` as it stands in a file: what children copy and inherit."""

    total: Use
    last: Use
    #: in the total number of both alone
    surplus: int = 0

    @property
    def info(self) -> str:
        """Its content."""
        total, last = self.total.text(self.surplus), self.last.text(self.surplus)
        return f'{{"total_token_usage":{total},"last_token_usage":{last},"model_context_window":{_WINDOW}}}'


class Record(NamedTuple):
    """A `token_usage_record` as it stands in a file."""

    payload: str
    use: Use


@cache
def _words() -> str:
    draw = Random("poolwatch-demo-words")
    words = ["".join(draw.choices(string.ascii_lowercase, k=draw.randint(2, 10))) for _ in range(2_000)]
    return " ".join(draw.choices(words, k=_BLOB // 5))


@cache
def _base64() -> str:
    return "".join(
        Random("poolwatch-demo-images").choices(string.ascii_letters + string.digits + "+/", k=_BLOB)
    )


def words(draw: Random, length: int) -> str:
    """A text of so many letters."""
    blob = _words()
    begin = draw.randrange(len(blob) - length)
    return blob[begin : begin + length]


def image(length: int) -> str:
    """Base64 of so many letters."""
    return (_base64() * (length // _BLOB + 1))[:length]


def new_id(draw: Random) -> str:
    """A UUID."""
    return str(uuid.UUID(int=draw.getrandbits(128), version=4))


def stamp(at: float) -> str:
    """An epoch second as the envelope of a line has it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}Z"


def compact(content: object) -> str:
    """JSON without blanks."""
    return json.dumps(content, separators=(",", ":"))


def still(at: float) -> str:
    """No limits."""
    return "null"


@dataclass(slots=True)
class Rollout:
    """A thread and the lines that were not written yet; what it uses goes into `truth`.

    Attributes:
        at: the epoch second at which the next line is written.
        records: each response is written as a `token_usage_record` of its own.
        ordinal: of the next line, where lines are numbered.
        bulk: how large messages and outputs are, as a factor.
        context: tokens that the next request sends.
    """

    draw: Random
    at: float
    truth: Truth
    limits: Limits = still
    records: bool = False
    ordinal: int | None = None
    bulk: float = 1.0
    thread: str = ""
    created: float = 0.0
    model: str | None = None
    tier: str = "unknown"
    project: str = ""
    context: int = 8_000
    total: Use = _NONE
    lines: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    recorded: list[Record] = field(default_factory=list)
    turn_id: str = ""

    def __post_init__(self) -> None:
        self.thread = self.thread or new_id(self.draw)
        self.created = self.created or self.at
        self.project = self.project or f"/home/user/{self.draw.choice(_PROJECTS)}"

    def line(self, kind: str, payload: str) -> None:
        """One line."""
        numbered = ""
        if self.ordinal is not None:
            numbered = f'"ordinal":{self.ordinal},'
            self.ordinal += 1
        self.lines.append(f'{{"timestamp":"{stamp(self.at)}",{numbered}"type":"{kind}","payload":{payload}}}')

    def take(self) -> bytes:
        """The lines since the last time."""
        taken = "".join(f"{line}\n" for line in self.lines).encode()
        self.lines.clear()
        return taken

    def meta(self, **more: object) -> None:
        """The head of a thread, this one's unless `more` says otherwise."""
        content: JsonObject = {
            "id": self.thread,
            "timestamp": stamp(self.created),
            "cwd": self.project,
            "originator": self.draw.choice(("codex_cli_rs", "codex_vscode", "Codex Desktop")),
            "cli_version": "0.154.0" if self.records else "0.146.0",
            "source": "cli",
            "model_provider": "openai",
            "history_mode": "legacy" if self.ordinal is None else "paginated",
            "base_instructions": {"text": words(self.draw, int(_INSTRUCTIONS * min(1.0, self.bulk)))},
            "git": {"branch": "main", "commit_hash": f"{self.draw.getrandbits(160):040x}"},
        }
        self.line("session_meta", compact(content | more))

    def settings(self, tier: str) -> None:
        """Somebody chose a tier; it holds from here on."""
        self.tier = tier
        told = {"fast": "priority", "standard": self.draw.choice(("default", None))}[tier]
        chosen = {"model": self.model, "service_tier": told} if self.model else {"service_tier": told}
        content = {"type": "thread_settings_applied", "thread_settings": chosen}
        self.line("event_msg", compact(content))

    def turn(self, model: str | None) -> None:
        """A turn begins; a model of None is told by nobody."""
        self.turn_id = new_id(self.draw)
        started = {"type": "task_started", "turn_id": self.turn_id, "started_at": int(self.at)}
        self.line("event_msg", compact(started | {"model_context_window": _WINDOW}))
        self.context_line(model)
        text = words(self.draw, int(self.draw.randint(50, 900) * self.bulk) + 9)
        self.line("event_msg", f'{{"type":"user_message","message":"{text}","images":[]}}')
        self._message("user", "input_text", text)

    def context_line(self, model: str | None) -> None:
        """Which model answers from here on."""
        if model is None:
            return
        self.model = model
        content = {
            "turn_id": self.turn_id or new_id(self.draw),
            "cwd": self.project,
            "current_date": stamp(self.at)[:10],
            "timezone": "Europe/Berlin",
            "approval_policy": "on-request",
            "sandbox_policy": {"type": "workspace-write"},
            "model": model,
            "effort": "high",
            "summary": "auto",
        }
        self.line("turn_context", compact(content))

    def _message(self, role: str, kind: str, text: str) -> None:
        self.line(
            "response_item",
            f'{{"type":"message","role":"{role}","content":[{{"type":"{kind}","text":"{text}"}}]}}',
        )

    def work(self) -> None:
        """What a response consists of: reasoning, a call and its output."""
        draw, bulk = self.draw, self.bulk
        sealed = image(int(draw.randint(800, 6_000) * bulk))
        self.line(
            "response_item",
            f'{{"type":"reasoning","summary":[],"content":null,"encrypted_content":"{sealed}"}}',
        )
        call = f"call_{draw.getrandbits(32):08x}"
        asked = words(draw, int(draw.randint(30, 500) * bulk) + 9)
        self.line(
            "response_item",
            f'{{"type":"function_call","name":"shell","arguments":"{{\\"command\\":\\"{asked}\\"}}",'
            f'"call_id":"{call}"}}',
        )
        got = words(draw, int(min(60_000, draw.paretovariate(1.05) * 900) * bulk))
        self.line("response_item", f'{{"type":"function_call_output","call_id":"{call}","output":"{got}"}}')

    def next_use(self) -> Use:
        """What the next request uses."""
        draw = self.draw
        self.context = min(_WINDOW - 20_000, self.context + draw.randint(300, 6_000))
        cached = int(self.context * draw.uniform(0.6, 0.97))
        write = draw.randint(0, self.context - cached) if self.records else 0
        output = draw.randint(50, 2_500)
        return Use(self.context, cached, write, output, int(output * draw.random() * 0.7))

    def request(self, use: Use | None = None, *, in_total: bool = True) -> None:
        """A response came: its record where records are written, then the counter.

        Without `in_total` the counter knows nothing of it, as of a compaction.
        """
        used = self.next_use() if use is None else use
        if self.records:
            self.record(used)
        if in_total:
            self.total = self.total.plus(used)
            self.count(Event(self.total, used))
        self.truth.count(self.at, self.model, self.tier, used)

    def record(self, use: Use) -> None:
        """The line in the ledger of one response."""
        content = (
            f'{{"thread_id":"{self.thread}","session_id":"{self.thread}","turn_id":"{self.turn_id}",'
            f'"response_id":"resp_{self.draw.getrandbits(128):032x}","usage":{use.text()},'
            f'"turn_token_usage":{use.text()},"thread_token_usage":{self.total.plus(use).text()}}}'
        )
        self.recorded.append(Record(content, use))
        self.line("token_usage_record", content)

    def count(self, event: Event) -> None:
        """The counter, as it stands after a response."""
        self.events.append(event)
        self.line(
            "event_msg",
            f'{{"type":"token_count","info":{event.info},"rate_limits":{self.limits(self.at)}}}',
        )

    def repeat(self) -> None:
        """The counter once more, although nothing was used."""
        if self.events:
            self.count(self.events[-1])

    def limits_line(self) -> None:
        """The limits alone."""
        self.line("event_msg", f'{{"type":"token_count","info":null,"rate_limits":{self.limits(self.at)}}}')

    def answer(self) -> None:
        """The last words of a turn."""
        text = words(self.draw, int(self.draw.randint(100, 2_500) * self.bulk) + 9)
        self.line("event_msg", f'{{"type":"agent_message","message":"{text}"}}')
        self._message("assistant", "output_text", text)
        self.line("event_msg", compact({"type": "task_complete", "turn_id": self.turn_id}))

    def compaction(self, length: int) -> None:
        """The history is made shorter: a request of its own, which only the ledger knows; then the counter
        falls a little, and goes on from there."""
        told = ""
        if self.records:
            self.request(in_total=False)
            told = f',"latest_token_usage_record":{self.recorded[-1].payload}'
        self.line(
            "compacted",
            f'{{"message":"","replacement_history":[{{"type":"message","role":"user","content":'
            f'[{{"type":"input_image","image_url":"data:image/png;base64,{image(length)}"}}]}}]{told}}}',
        )
        self.context = 12_000
        if self.records:
            return
        used = self.next_use()
        fallen = Use(*(part * 9 // 10 for part in self.total)).plus(used)
        if any(now < before for now, before in zip(fallen, self.total, strict=True)):
            self.total = fallen
            self.count(Event(fallen, used))
            self.truth.count(self.at, self.model, self.tier, used)

    def overflow(self) -> None:
        """The context window is full: a counter without parts, from which it then goes on."""
        self.total = Use()
        self.count(Event(Use(), Use(), _WINDOW))

    def copy(self, lines: Iterable[Event | Record], apart: float) -> None:
        """Lines of the parent, written anew with the time of now."""
        for each in lines:
            if isinstance(each, Event):
                self.line("event_msg", f'{{"type":"token_count","info":{each.info},"rate_limits":null}}')
                self.events.append(each)
                self.total = each.total
            else:
                self.line("token_usage_record", each.payload)
            self.at += apart
