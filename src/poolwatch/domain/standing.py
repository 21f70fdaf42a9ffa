"""How a secret, or this machine, stands with a pool: what was refused is not sent again by any process."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from poolwatch.domain.instant import Instant

#: Who asks for it by hand may have what was refused tried again this often, all processes together.
BY_HAND_EVERY: Final = timedelta(minutes=1)
#: No wait is longer: an end further ahead was written under a clock that was wrong.
LONGEST_WAIT: Final = timedelta(hours=24)
#: So long others wait for the process that tries a secret of which nothing is known.
TRIAL: Final = timedelta(seconds=20)

ON_TRIAL: Final = 0
ACCEPTED: Final = 200


class Standing(Struct, frozen=True, gc=False):
    """The status that a pool answered with, and the words that came with it, sanitised.

    `until` None: it holds as long as the secret and the address are these. `tried_at` is when somebody last
    had it tried all the same.
    """

    status: int
    at: Instant
    until: Instant | None = None
    code: str | None = None
    said: str | None = None
    tried_at: Instant | None = None

    def holds(self, now: datetime) -> bool:
        """Whether it is not over."""
        return self.until is None or now < self.until <= now + LONGEST_WAIT

    def is_on_trial(self, now: datetime) -> bool:
        """Whether a process is asking right now."""
        return self.status == ON_TRIAL and self.holds(now)

    def refuses(self, now: datetime) -> bool:
        """Whether nothing is sent."""
        return self.status not in (ON_TRIAL, ACCEPTED) and self.holds(now)

    def may_be_tried(self, now: datetime) -> bool:
        """Whether the last time that it was sent is long enough ago for another try by hand.

        A try comes after the refusal, whatever the clock said of that. One who waited while another process
        asked comes with an instant from before; one whose clock was set back is from long before.
        """
        last = self.at if self.tried_at is None else self.tried_at
        return abs(now - last) >= BY_HAND_EVERY
