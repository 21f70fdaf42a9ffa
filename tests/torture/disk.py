"""A disk that fails at one call of a process: an error once, an error from there on, or a short write."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

#: The calls through which the custody room reaches the disk.
CALLS: Final = ("open", "write", "fsync", "replace", "posix_fallocate", "ftruncate")
#: What may go wrong there.
ERRORS: Final = ("EIO", "ENOSPC", "EROFS", "EDQUOT")


@dataclass(frozen=True)
class DiskFault:
    """The `nth` call (from 0) of `call` on files under `root` fails with `error` ("short" writes half).

    `lasting`: every later one too, of all calls that change the disk if `error` says that it is full or
    read-only. What happened is written to `report`: {"counts": {call: n}, "hit": bool, "sent": bool}, where
    sent says that the fault came after the token was sent. A negative nth only counts.
    """

    root: str
    report: str
    call: str = ""
    nth: int = -1
    error: str = "EIO"
    lasting: bool = False


def break_disk(fault: DiskFault) -> None:
    """Break the disk of this process."""
    _Breaker(fault).install()


class _Breaker:
    def __init__(self, fault: DiskFault) -> None:
        self.fault = fault
        self.counts = dict.fromkeys(CALLS, 0)
        self.hit = False
        self.sending = False
        self.sent_first = False
        self.names: dict[int, str] = {}
        self.real: dict[str, Callable[..., object]] = {name: getattr(os, name) for name in CALLS}

    def install(self) -> None:
        from poolwatch.custody import protocol

        for name in CALLS:
            setattr(os, name, self.wrapped(name))
        reach: Callable[[str], None] = vars(protocol)["reach"]

        def watched(step: str) -> None:
            self.sending = self.sending or step == "sending"
            reach(step)

        protocol.reach = watched  # type: ignore[attr-defined] # noted here, then passed on
        self.say()

    def wrapped(self, name: str) -> Callable[..., object]:
        real = self.real[name]

        def call(*args: object, **more: object) -> object:
            if not self.is_ours(name, args[0]):
                return real(*args, **more)
            number = self.counts[name]
            self.counts[name] += 1
            if self.fails(name, number, args):
                if self.fault.error != "short":
                    code = getattr(errno, self.fault.error)
                    self.say()
                    raise OSError(code, os.strerror(code))
                args = (args[0], bytes(args[1])[: max(1, len(bytes(args[1])) // 2)])  # type: ignore[call-overload] # a buffer
            result = real(*args, **more)
            if name == "open" and isinstance(result, int):
                self.names[result] = str(args[0])
            self.say()
            return result

        return call

    def is_ours(self, name: str, what: object) -> bool:
        if isinstance(what, int):
            return what in self.names
        return isinstance(what, str | Path) and str(what).startswith(self.fault.root)

    def fails(self, name: str, number: int, args: tuple[object, ...]) -> bool:
        fault = self.fault
        now = name == fault.call and number == fault.nth
        later = self.hit and fault.lasting and (name == fault.call or self.changes(name, args))
        if now and not self.hit:
            self.hit, self.sent_first = True, self.sending
        return now or later

    def changes(self, name: str, args: tuple[object, ...]) -> bool:
        if self.fault.error not in ("ENOSPC", "EROFS", "EDQUOT"):
            return False
        if name == "open":
            flags = args[1] if len(args) > 1 else 0
            wanted = os.O_CREAT if self.fault.error != "EROFS" else os.O_CREAT | os.O_RDWR | os.O_WRONLY
            return isinstance(flags, int) and bool(flags & wanted) and not Path(str(args[0])).exists()
        if name == "replace":
            return self.fault.error == "EROFS"
        return name in ("write", "posix_fallocate")

    def say(self) -> None:
        words = {"counts": self.counts, "hit": self.hit, "sent": self.sent_first}
        handle = self.real["open"](self.fault.report, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        assert isinstance(handle, int)
        self.real["write"](handle, json.dumps(words).encode())
        os.close(handle)
