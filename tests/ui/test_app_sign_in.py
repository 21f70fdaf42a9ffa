"""`L`: who is signed in, who is not, and what is said of it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field

import pytest

from poolwatch.domain.account import Custody
from poolwatch.domain.message import Message
from poolwatch.presentation.sign_in import CodexLogin
from poolwatch.ui.feed import NotPlaced
from poolwatch.ui.keymap import remapped
from poolwatch.ui.terminal.app import TerminalApp
from poolwatch.ui.widgets.lines import Lines
from tests.ui.pools import NOW, ZONE, Actor, app_of, state_of
from tests.ui.reading import feed_of, said, settle, wall
from tests.ui.scripted_feed import ScriptedFeed


@dataclass
class Run:
    """A codex that ends as a test says."""

    status: int | OSError = 0
    missing: NotPlaced | None = None
    settled: list[bool] = field(default_factory=list)

    async def run(self) -> int:
        if isinstance(self.status, OSError):
            raise self.status
        return self.status

    async def settle(self, *, signed_in: bool) -> NotPlaced | None:
        self.settled.append(signed_in)
        return self.missing


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What stands on the terminal while codex has it."""
    lines: list[str] = []

    @asynccontextmanager
    async def aside(app: object, told: str) -> AsyncIterator[Callable[[str], Awaitable[None]]]:
        lines.append(told)

        async def more(told: str) -> None:
            lines.append(told)

        yield more

    monkeypatch.setattr(TerminalApp, "can_step_aside", True)
    monkeypatch.setattr(TerminalApp, "aside", aside)
    return lines


async def press_l(feed: ScriptedFeed, **options: object) -> str:
    """Press it on carol, whose login has expired; what is said then."""
    app = app_of(feed.state, feed=feed, **options)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("L")
        await settle(pilot)
        await settle(pilot)
        return said(app)


async def test_codex_is_run_and_the_usage_read(shown: list[str]) -> None:
    feed = feed_of()
    feed.login = run = Run()
    assert await press_l(feed) == "carol@example.com is signed in"
    [(key, login)] = feed.sign_ins
    assert login == CodexLogin("~/.codex-carol")
    assert feed.signed_in_of == [key]
    assert run.settled == [True]
    assert "CODEX_HOME=~/.codex-carol codex login" in shown[0]
    assert len(shown) == 1


@pytest.mark.parametrize(
    ("status", "told", "waits"),
    [
        (1, "codex ended with status 1", True),
        (-signal.SIGKILL, "codex was ended by signal 9", True),
        (-signal.SIGINT, "the sign-in was given up", False),
        (130, "the sign-in was given up", False),
    ],
)
@pytest.mark.parametrize("left", ["", "/state/sign-in-1/auth.json"])
async def test_a_codex_that_ends_otherwise(
    shown: list[str], status: int, told: str, left: str, *, waits: bool
) -> None:
    feed = feed_of()
    missing = NotPlaced(Message("sign_in.ended_badly"), left) if left else None
    feed.login = run = Run(status, missing)
    said_then = await press_l(feed)
    if left:
        assert said_then.endswith(f"left a login: it waits in {left}")
    else:
        assert said_then == told
    assert run.settled == [False]
    assert feed.signed_in_of == []
    assert (len(shown) == 2) is waits, "what codex said can be read first"


async def test_a_codex_that_does_not_start(shown: list[str]) -> None:
    feed = feed_of()
    feed.login = run = Run(PermissionError(13, "Permission denied"))
    told = await press_l(feed)
    assert "could not be started (permission denied)" in told
    assert run.settled == [False]


async def test_without_codex_the_command_is_said(shown: list[str]) -> None:
    told = await press_l(feed_of())
    assert told == (
        "there is no codex on the PATH; where it is installed: CODEX_HOME=~/.codex-carol codex login"
    )
    assert shown == []


async def test_a_login_of_somebody_else_is_not_put_in_place(shown: list[str]) -> None:
    feed = feed_of()
    feed.login = Run(
        missing=NotPlaced(Message("sign_in.not_theirs"), "/state/s/auth.json", "dave@example.com")
    )
    assert await press_l(feed) == (
        "that is the login of dave@example.com and not of carol@example.com; it waits in /state/s/auth.json"
    )
    assert feed.signed_in_of == []


async def test_a_login_that_waits_is_named(shown: list[str]) -> None:
    feed = feed_of()
    feed.login = Run(missing=NotPlaced(Message("sign_in.no_login"), waits="/state/sign-in-1/auth.json"))
    assert "It waits in /state/sign-in-1/auth.json" in await press_l(feed)


async def test_where_the_terminal_cannot_be_given_away_the_command_is_said() -> None:
    feed = feed_of()
    assert await press_l(feed) == "in a shell: CODEX_HOME=~/.codex-carol codex login"
    assert feed.sign_ins == []


async def test_the_demo_signs_nobody_in(shown: list[str]) -> None:
    feed = feed_of()
    told = await press_l(feed, simulated=True)
    assert told == "simulated: for a real account L runs CODEX_HOME=~/.codex-carol codex login"
    assert feed.sign_ins == []
    assert shown == []


async def test_an_account_that_is_well_needs_no_login(shown: list[str]) -> None:
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        keys = app.screen.query_one("#keys", Lines)
        assert "L sign in" in keys.text
        await pilot.press("G")
        await settle(pilot)
        assert "L sign in" not in keys.text
        await pilot.press("L")
        await settle(pilot)
        assert "needs no new login" in said(app)
        assert feed.sign_ins == []


async def test_the_details_sign_in_too_with_a_key_of_ones_own(shown: list[str]) -> None:
    feed = feed_of()
    feed.login = Run()
    keymap, problems = remapped({"sign_in": "ctrl+g"})
    assert not problems
    app = app_of(feed.state, feed=feed, keymap=keymap)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        first = wall(app).order[0]
        await pilot.press("enter")
        await settle(pilot)
        assert "ctrl+g sign in" in app.screen.query_one("#keys", Lines).text
        await pilot.press("ctrl+g")
        await settle(pilot)
        await settle(pilot)
        assert [key for key, _ in feed.sign_ins] == [first]


@dataclass
class Code:
    """A pool that waits for a code."""

    address: str = "https://auth.example.com/device"
    code: str = "WXYZ-1234"
    done: asyncio.Event = field(default_factory=asyncio.Event)
    problem: Message | None = None

    async def wait(self) -> Message | None:
        await self.done.wait()
        return self.problem


def pool_feed() -> ScriptedFeed:
    """One account, whose pool says that its login is over."""
    actor = Actor(
        "dead@example.com",
        source="north",
        custody=Custody.POOL,
        owner="codex-lb",
        home=None,
        says_login_needed=True,
    )
    return ScriptedFeed(state_of((actor,)), NOW, ZONE)


@pytest.mark.parametrize("way", ["done", "refused", "left"])
async def test_a_pool_signs_in_by_a_code(way: str) -> None:
    feed = pool_feed()
    feed.pool_login = code = Code()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("L")
        await settle(pilot)
        shown = app.screen.query_one("#told", Lines).text
        assert "Open https://auth.example.com/device" in shown
        assert "and type WXYZ-1234" in shown
        assert shown.splitlines()[-1].strip() == "esc stop waiting"
        if way == "left":
            await pilot.press("escape")
        else:
            code.problem = Message("sign_in.expired") if way == "refused" else None
            code.done.set()
        await settle(pilot)
        await settle(pilot)
        told = {
            "done": "dead@example.com is signed in",
            "refused": "the code was not typed in time",
            "left": "nobody waits for the code any more",
        }
        assert said(app) == told[way]
        assert len(feed.signed_in_of) == (way == "done")


async def test_a_pool_without_codes_is_named_with_its_page() -> None:
    assert await press_l(pool_feed()) == "sign in on the pool's own page: http://pool"


async def test_the_ctrl_c_that_ended_codex_does_not_end_poolwatch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TerminalApp, "suspend", lambda _: nullcontext())
    feed = feed_of()
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        async with app.aside(""):
            # both have it, and on a busy machine the end of codex is seen first
            os.kill(os.getpid(), signal.SIGINT)
        await settle(pilot)
        assert app.return_code is None
        os.kill(os.getpid(), signal.SIGINT)
        await settle(pilot)
        assert app.return_code == 128 + signal.SIGINT


async def test_the_terminal_is_taken_back_whatever_fails_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    taken_back = []

    @contextmanager
    def suspend(_: object) -> Iterator[None]:
        yield
        taken_back.append(True)

    monkeypatch.setattr(TerminalApp, "suspend", suspend)
    app = app_of(feed_of().state)
    with pytest.raises(RuntimeError, match="no thread"):
        async with app.aside(""):
            raise RuntimeError("no thread")
    assert taken_back == [True]


async def test_an_address_is_whole_on_a_small_screen() -> None:
    feed = pool_feed()
    address = "https://auth.example.com/codex/device?user_code=WXYZ-1234&lang=de-DE"
    feed.pool_login = Code(address)
    app = app_of(feed.state, feed=feed)
    async with app.run_test(size=(60, 15)) as pilot:
        await settle(pilot)
        await pilot.press("L")
        await settle(pilot)
        lines = app.screen.query_one("#told", Lines).text.splitlines()
        assert address in "".join(line.strip() for line in lines)
        assert "and type WXYZ-1234" in " ".join(lines[2:])
