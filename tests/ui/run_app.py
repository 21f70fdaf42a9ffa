"""The app on a real terminal, for tests: `python -m tests.ui.run_app [crash|deaf|unread|telling]`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

from poolwatch.bootstrap.console import guarded
from poolwatch.domain.account import AccountKey
from poolwatch.domain.events import Answer, AnswerKind
from poolwatch.notify.desktop import sequence
from tests.ui.pools import NOW, ZONE, app_of, state_of, twelve
from tests.ui.scripted_feed import ScriptedFeed


class _Failing(ScriptedFeed):
    """Fails with a token in its locals and in its message."""

    async def refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer:
        token = "sk-very-secret"
        raise ValueError(f"cannot use {token}")


class _Telling(ScriptedFeed):
    """Has the terminal show a notice when a refresh is asked for."""

    tell: Callable[[str], bool]

    async def refresh(
        self, key: AccountKey, *, usage_only: bool = False, override: bool = False, try_once: bool = False
    ) -> Answer:
        self.tell(sequence(f"told: {self.tell('')}", in_tmux=False))
        return Answer(AnswerKind.STARTED)


class _Broken:
    """A parser that fails with a token in its locals and in its message."""

    def __init__(self, debug: bool) -> None:
        self.debug = debug

    def read(self, piece: str) -> list[None]:
        token = f"sk-very-secret {piece}"
        raise ValueError(f"cannot read {token}")


def main() -> int:
    scenario = sys.argv[1] if len(sys.argv) > 1 else ""
    state = state_of(twelve())
    kind = {"crash": _Failing, "telling": _Telling}.get(scenario, ScriptedFeed)
    feed = kind(state, NOW, ZONE)
    app = app_of(state, feed=feed)
    if isinstance(feed, _Telling):
        feed.tell = app.tell_terminal
    if scenario == "deaf":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        sys.modules["poolwatch.ui.terminal.app"].__dict__["_SIGNALS"] = ("SIGTERM",)
    if scenario == "unread":
        sys.modules["poolwatch.ui.terminal.driver"].__dict__["_Parser"] = _Broken
    app.run(mouse=False)
    return app.return_code or 0


if __name__ == "__main__":
    sys.exit(guarded(main))
