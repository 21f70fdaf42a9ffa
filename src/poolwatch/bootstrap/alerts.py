"""Silences and notices as the app and the commands change them, and what the store keeps of alerts."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.domain.alerts import AlertBoard, BuiltIn, Silence, Subject, SubjectKind
from poolwatch.domain.audit import Act, Deed, Outcome
from poolwatch.domain.events import LimitsTold
from poolwatch.domain.message import Message
from poolwatch.domain.values import replace
from poolwatch.host.instants import instant_text
from poolwatch.monitor.auditing import Auditor, Doing
from poolwatch.monitor.ledger import Ledger
from poolwatch.store.store import Store

_UNTIL: Final = "until"
_FOR_GOOD: Final = "for_good"


def rule_names(around: Surroundings) -> tuple[str, ...]:
    """The rules of this configuration, and those that poolwatch has by itself."""
    own = (each.name for each in around.settings.alerts)
    return tuple(dict.fromkeys((*own, *(each.value for each in BuiltIn))))


def silence_deed(act: Act, rule: str, subject: Subject | None) -> Deed:
    """What is noted of a silence that begins or ends: the rule, and whom or what it is about."""
    if subject is None:
        return Deed(act, what=(rule,))
    if subject.kind is SubjectKind.ACCOUNT:
        return Deed(act, accounts=(subject.id,), what=(rule,))
    about = " ".join(filter(None, (subject.kind.value, subject.id)))
    return Deed(act, what=(rule, about))


async def keep_silence(store: Store, doing: Doing, silence: Silence) -> bool:
    """Begin a silence; False when it cannot be kept."""
    until = silence.until
    code = _FOR_GOOD if until is None else f"{_UNTIL}:{instant_text(until)}"
    is_kept = await store.silence(silence)
    doing.ended(Outcome.DONE if is_kept else Outcome.FAILED, *([code] if is_kept else []))
    return is_kept


async def end_silence(store: Store, doing: Doing, rule: str, subject: Subject | None, now: datetime) -> bool:
    """End a silence; False when that cannot be kept. One that is over already is ended, too."""
    found = await store.unsilence(rule, subject, now)
    outcomes = {None: Outcome.FAILED, False: Outcome.NOTHING, True: Outcome.DONE}
    doing.ended(outcomes[found])
    return found is not None


class SilenceDesk:
    """Silences of the app: kept in the store, noted in the audit log, and shown at once."""

    def __init__(self, store: Store, auditor: Auditor, ledger: Ledger) -> None:
        self._store = store
        self._auditor = auditor
        self._ledger = ledger

    async def keep(self, silence: Silence) -> Message | None:
        """Begin one; why it was not kept."""
        deed = silence_deed(Act.SILENCE, silence.rule, silence.subject)
        async with self._auditor.noting_on_thread(deed) as doing:
            is_kept = await keep_silence(self._store, doing, silence)
        return await self._tell(silence.at, is_kept=is_kept)

    async def end(self, silence: Silence, now: datetime) -> Message | None:
        """End one; why that was not kept."""
        deed = silence_deed(Act.UNSILENCE, silence.rule, silence.subject)
        async with self._auditor.noting_on_thread(deed) as doing:
            is_kept = await end_silence(self._store, doing, silence.rule, silence.subject, now)
        return await self._tell(now, is_kept=is_kept)

    async def _tell(self, now: datetime, *, is_kept: bool) -> Message | None:
        silences = await self._store.silences()
        if silences is not None:
            board = self._ledger.state.alerts or AlertBoard(now)
            left = tuple(each for each in silences if not each.is_over(now))
            self._ledger.take(LimitsTold(alerts=replace(board, at=now, silences=left)))
        return None if is_kept else Message("alerts.not_kept")
