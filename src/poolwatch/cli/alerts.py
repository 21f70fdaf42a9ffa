"""`alerts list|silence|unsilence|resend`: what fires, what is kept quiet, and what was sent of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, TypeVar

from poolwatch.bootstrap.alerts import end_silence, keep_silence, rule_names, silence_deed
from poolwatch.bootstrap.auditing import audited, doer_of
from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import EXIT_FAILED, EXIT_OK, EXIT_USAGE, Exit, complain, say, say_text
from poolwatch.bootstrap.kept import open_kept
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.command import let_through, run_async, surroundings, told_filter
from poolwatch.cli.past import names_of
from poolwatch.config.values import nearest
from poolwatch.domain.alerts import AlertBoard, Silence
from poolwatch.domain.audit import Act, By, Deed, Outcome
from poolwatch.domain.message import Message
from poolwatch.domain.overview import PoolOverview, overview
from poolwatch.domain.state import PoolState
from poolwatch.domain.text import visible
from poolwatch.domain.when import time_of
from poolwatch.presentation import figures
from poolwatch.presentation.account_names import AccountNames
from poolwatch.presentation.alert_list import ID_SHOWN, AlertList, AlertListView, Lets, alerts_json, found_ids
from poolwatch.presentation.alerts import silence_how
from poolwatch.store.opening import StoreMode
from poolwatch.store.store import Store
from poolwatch.words import alerts as words
from poolwatch.words.messages import message_text

T = TypeVar("T")
#: So many of the latest notices are listed for people, and for programs.
_LISTED: Final = 20
_LISTED_JSON: Final = 200
#: ... and looked through for an id.
_SEARCHED: Final = 10_000
_LONGEST_REASON: Final = 120
_LONGEST_WORD: Final = 64
_LONGEST_SILENCE: Final = timedelta(days=366)
#: An id is told by no fewer digits.
_ID_LEAST: Final = 4
#: Whoever looks does so every few seconds; after that long nobody does.
_LOOKS_WITHIN: Final = timedelta(minutes=5)


def list_alerts(config: Path | None, filter_text: str = "", *, as_json: bool, mask: bool) -> int:
    """Print what fires, waits, is unknown or silenced, and the latest notices; 1 where it cannot be read."""
    around, now = surroundings(config, mask=mask), RealClock().now()
    prefs = around.prefs()
    rules = prefs.rules
    troubles: list[Message] = []

    async def read() -> tuple[AlertList | None, AccountNames, PoolOverview]:
        async with open_kept(around) as kept:
            if kept is None:
                names, nobody = AccountNames({}, around.settings.ui.mask), overview(PoolState(), now, rules)
                return AlertList(AlertBoard(now)), names, nobody
            listed = await _read(kept.store, now, _LISTED_JSON if as_json else _LISTED)
            troubles.extend(kept.store.notices)
            return listed, names_of(kept), overview(kept.state, now, rules)

    listed, names, seen = run_async(read)
    for trouble in troubles:
        complain(around.told(message_text(trouble)))
    if listed is None:
        complain(words.NOT_READ())
        return EXIT_FAILED
    view = AlertListView(listed, names, seen, now, prefs, around.settings.pool_name or "")
    lets = _chosen(filter_text, view) if filter_text.strip() else None
    if as_json:
        shown = listed if lets is None else view.narrowed(lets)
        say_text(alerts_json(shown, names, now, listed.board))
        return EXIT_OK
    for line in view.lines(lets):
        say(line)
    _tell_of_age(listed, now)
    return EXIT_OK


def _chosen(text: str, view: AlertListView) -> Lets:
    """What a filter lets through, which is looked into as `e` does; that it lets nothing is said."""
    lets = let_through(text, view.overview, view.prefs, view.texts)
    found = view.narrowed(lets)
    if not (found.board.alerts or found.board.silences or found.deliveries):
        complain(words.no_match(told_filter(text)))
    return lets


def _tell_of_age(listed: AlertList, now: datetime) -> None:
    """That nothing is listed, and that nobody looks, as far as that is so."""
    if not (listed.board.alerts or listed.board.silences):
        complain(words.NOTHING_FIRES())
    if listed.looked_at is None:
        complain(words.NEVER_LOOKED())
    elif now - listed.looked_at > _LOOKS_WITHIN:
        complain(words.looked_last(figures.dated_instant(listed.looked_at, now, None)))


def silence_rule(config: Path | None, rule: str, typed: str | None, reason: str, *, mask: bool) -> int:
    """Keep the notices of a rule quiet, for a time or until somebody ends it."""
    around, now = surroundings(config, mask=mask), RealClock().now()
    length = None if typed is None else time_of(typed.strip())
    if typed is not None and (not length or length > _LONGEST_SILENCE):
        complain(words.bad_time(visible(typed, _LONGEST_WORD)))
        return EXIT_USAGE
    wrong = _no_rule(around, rule, ())
    if wrong:
        complain(wrong)
        return EXIT_USAGE
    by = doer_of(around.env, By.COMMAND).user
    until = None if length is None else now + length
    silence = Silence(rule, now, by, until, visible(reason.strip(), _LONGEST_REASON))
    with audited(around.env, silence_deed(Act.SILENCE, rule, None), mask=around.settings.ui.mask) as doing:
        is_kept = _over_store(around, now, lambda store: keep_silence(store, doing, silence))
    if not is_kept:
        complain(words.not_done(message_text(Message("alerts.not_kept"))))
        return EXIT_FAILED
    say(words.rule_silenced(around.told(rule), silence_how(silence, now, around.prefs())))
    return EXIT_OK


def unsilence_rule(config: Path | None, rule: str, *, mask: bool) -> int:
    """End every silence of a rule, that of all its alerts and those of single ones."""
    around, now = surroundings(config, mask=mask), RealClock().now()
    found = _over_store(around, now, lambda store: store.silences())
    if found is None:
        complain(words.NOT_READ())
        return EXIT_FAILED
    own = [each for each in found if each.rule == rule and not each.is_over(now)]
    wrong = "" if own else _no_rule(around, rule, found)
    if wrong:
        complain(wrong)
        return EXIT_USAGE
    if not own:
        say(words.not_silenced(around.told(rule)))
        return EXIT_OK

    async def end(store: Store) -> bool:
        kept = []
        for each in own:
            deed = silence_deed(Act.UNSILENCE, rule, each.subject)
            with audited(around.env, deed, mask=around.settings.ui.mask) as doing:
                kept.append(await end_silence(store, doing, rule, each.subject, now))
        return all(kept)

    if not _over_store(around, now, end):
        complain(words.not_done(message_text(Message("alerts.not_kept"))))
        return EXIT_FAILED
    say(words.silences_ended(around.told(rule), len(own)))
    return EXIT_OK


def resend_notice(config: Path | None, typed: str, *, mask: bool) -> int:
    """Put a notice on its way again, under its id; every channel that it was for gets it."""
    around, now = surroundings(config, mask=mask), RealClock().now()
    shown = visible(typed, _LONGEST_WORD)
    deliveries = _over_store(around, now, lambda store: store.deliveries(_SEARCHED))
    ids = found_ids(deliveries, typed) if len(typed.strip()) >= _ID_LEAST else ()
    if len(ids) != 1:
        complain(words.several_ids(shown, len(ids)) if ids else words.no_id(shown))
        return EXIT_USAGE
    channels = [each.notice.channel for each in deliveries if each.notice.id == ids[0]]
    deed = Deed(Act.RESEND, what=(ids[0], *channels))
    with audited(around.env, deed, mask=around.settings.ui.mask) as doing:
        is_kept = _over_store(around, now, lambda store: store.resend(ids[0], now))
        doing.ended(Outcome.DONE if is_kept else Outcome.FAILED)
    if not is_kept:
        complain(words.not_done(message_text(Message("alerts.not_kept"))))
        return EXIT_FAILED
    say(words.resent(ids[0][:ID_SHOWN], ", ".join(channels)))
    health = _over_store(around, now, lambda store: store.channel_health(now))
    for each in health:
        if each.disabled and each.name in channels:
            complain(around.told(words.takes_nothing(each.name)))
    return EXIT_OK


async def _read(store: Store, now: datetime, most: int) -> AlertList | None:
    """What the store keeps, with so many notices; None where it cannot be read."""
    book = await store.alert_book()
    if book is None or await store.ready() is StoreMode.MEMORY:
        return None
    channels, deliveries = await store.channel_health(now), await store.deliveries(most)
    return AlertList(book.board(now), book.looked_at, channels, deliveries)


def _over_store(around: Surroundings, now: datetime, work: Callable[[Store], Awaitable[T]]) -> T:
    """Do something with the store, which is made where there is none yet; 1 where that is impossible."""

    async def run() -> T:
        store = Store(around.state_dir, now)
        try:
            if await store.ready() is StoreMode.MEMORY:
                # it would be gone when the command ends
                complain(words.NOT_READ())
                raise Exit(EXIT_FAILED)
            return await work(store)
        finally:
            await store.aclose()

    return run_async(run)


def _no_rule(around: Surroundings, rule: str, silences: Iterable[Silence]) -> str:
    """That there is no such rule, and the one that may have been meant; "" where there is."""
    names = (*rule_names(around), *(each.rule for each in silences))
    if rule in names:
        return ""
    near = nearest(rule, names)
    told = visible(rule, _LONGEST_WORD)
    return words.no_rule(told, around.told(near or ""))
