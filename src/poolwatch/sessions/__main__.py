"""The process that reads session files: once, or for as long as the program that started it lives.

It prints nothing: what it found stands in `usage.db`. While it watches, it steps back behind all else.
"""

from __future__ import annotations

import argparse
import os
import select
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from poolwatch.host.files import make_missing_directories
from poolwatch.host.locks import held
from poolwatch.sessions.progress import LOCK_NAME, WATCH_LOCK_NAME
from poolwatch.sessions.scan import Scan
from poolwatch.sessions.tables import ERRORS, STATUS, BookError, BookProblem, open_to_write, problem_of
from poolwatch.sessions.watch import Clocks, IsWanted, Watch

#: How long to leave another process that reads files alone.
_TURN_SECONDS: Final = 0.1
_STAND_BY_SECONDS: Final = 2.0
_NICE: Final = 10


def main(arguments: Sequence[str]) -> int:
    """Read what the arguments say."""
    order = _parser().parse_args(arguments)
    is_wanted = _is_wanted_after if order.watch or order.tied else _is_wanted_always
    try:
        if order.watch:
            # nobody waits for it
            with suppress(OSError):
                os.nice(_NICE)
            _watch(order.state, order.home, is_wanted)
        else:
            _look(order.state, order.home, is_wanted)
    except BookError as error:
        return STATUS[error.problem]
    except ERRORS as error:
        # a damaged file is set aside by whoever opens it next
        return STATUS[problem_of(error)]
    except OSError:
        return STATUS[BookProblem.DENIED]
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m poolwatch.sessions", description=__doc__)
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--home", action="append", default=[])
    # end when the standard input does; look again and again until then
    parser.add_argument("--tied", action="store_true")
    parser.add_argument("--watch", action="store_true")
    return parser


def _look(state_dir: Path, homes: Sequence[str], is_wanted: IsWanted) -> None:
    with closing(open_to_write(state_dir)) as change:
        scan = Scan(change, homes, _CLOCKS.now, is_wanted=lambda: is_wanted(0))
        _alone(state_dir / LOCK_NAME, scan.look, is_wanted, _TURN_SECONDS)


def _watch(state_dir: Path, homes: Sequence[str], is_wanted: IsWanted) -> None:
    make_missing_directories(state_dir)
    watch = Watch(state_dir, homes, _CLOCKS, is_wanted)
    _alone(state_dir / WATCH_LOCK_NAME, watch.run, is_wanted, _STAND_BY_SECONDS)


def _alone(lock: Path, act: Callable[[], object], is_wanted: IsWanted, pause_seconds: float) -> None:
    """Do something once nobody else holds the lock, unless it is wanted no more by then."""
    while True:
        with held(lock) as is_ours:
            if is_ours:
                act()
                return
        if not is_wanted(pause_seconds):
            return


def _is_wanted_after(seconds: float) -> bool:
    """Wait so long; False once the program that started this one has gone, and with it the other end."""
    ended, _, _ = select.select([sys.stdin], [], [], seconds)
    return not ended


def _is_wanted_always(seconds: float) -> bool:
    time.sleep(seconds)
    return True


# the process's own clocks
_CLOCKS: Final = Clocks(time.time, time.monotonic, time.process_time)  # noqa: TID251

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
