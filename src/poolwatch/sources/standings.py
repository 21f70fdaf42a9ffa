"""Where it is remembered how secrets stand with pools."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from poolwatch.domain.remake import replace
from poolwatch.domain.standing import Standing


class Standings(Protocol):
    """What all processes remember, by mark."""

    async def known(self) -> Mapping[str, Standing]:
        """All that is remembered, at most a moment old."""
        ...

    async def keep(self, mark: str, standing: Standing, now: datetime) -> None:
        """Remember one."""
        ...

    async def drop(self, mark: str) -> None:
        """Forget one."""
        ...

    async def claim_try(self, mark: str, now: datetime) -> bool:
        """Whether what is refused may be sent once, by hand; at most once a minute over all processes."""
        ...

    async def claim_trial(self, mark: str, now: datetime) -> bool:
        """Whether it is for this process to find out how a secret stands, of which nothing is known."""
        ...

    async def end_trial(self, mark: str) -> None:
        """Nothing was found out."""
        ...


class OwnStandings:
    """What one process remembers by itself."""

    def __init__(self) -> None:
        self._known: dict[str, Standing] = {}

    async def known(self) -> Mapping[str, Standing]:
        """All that is remembered."""
        return self._known

    async def keep(self, mark: str, standing: Standing, now: datetime) -> None:
        """Remember one."""
        self._known[mark] = standing

    async def drop(self, mark: str) -> None:
        """Forget one."""
        self._known.pop(mark, None)

    async def claim_try(self, mark: str, now: datetime) -> bool:
        """Whether it may be sent once now."""
        standing = self._known.get(mark)
        if standing is None:
            return True
        if standing.may_be_tried(now):
            self._known[mark] = replace(standing, tried_at=now)
            return True
        return False

    async def claim_trial(self, mark: str, now: datetime) -> bool:
        """There is nobody else."""
        return True

    async def end_trial(self, mark: str) -> None:
        """There was nothing to remember."""
