"""Channels as commands tell them: where each leads, and how it does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Final

from msgspec import Struct

from poolwatch.domain.notices import ChannelHealth, ChannelKind
from poolwatch.presentation import figures
from poolwatch.presentation.json_values import instant
from poolwatch.presentation.masking import masked, shown
from poolwatch.words import channels as words
from poolwatch.words.messages import message_text

SCHEMA: Final = "poolwatch.channels/1"


class ChannelLine(Struct, frozen=True):
    """One channel of the configuration. `place` says where it leads, without what may be a secret.

    `health` None: the process that sends has not met it yet. `refused`: why it sends nothing at all.
    """

    name: str
    kind: ChannelKind
    place: str
    health: ChannelHealth | None = None
    refused: str | None = None


def channel_lines(
    channels: Sequence[ChannelLine], now: datetime, zone: tzinfo | None, *, mask: bool
) -> list[str]:
    """A line for each, in columns."""
    names = max((figures.width(each.name) for each in channels), default=0)
    kinds = max((len(each.kind) for each in channels), default=0)
    places = max((figures.width(each.place) for each in channels), default=0)
    lines = []
    for each in channels:
        name, place = figures.ljust(each.name, names), figures.ljust(each.place, places)
        state = health_text(each, now, zone)
        told = f"{name}  {each.kind.value:<{kinds}}  {place}  {shown(state, mask=mask)}"
        lines.append(told.rstrip())
    return lines


def health_text(channel: ChannelLine, now: datetime, zone: tzinfo | None) -> str:
    """How a channel does, in words."""
    if channel.refused is not None:
        return words.refused(channel.refused)
    if channel.health is None:
        return words.never_used(0)
    return state_text(channel.health, lambda at: figures.instant(at, now, zone))


def state_text(health: ChannelHealth, when: Callable[[datetime], str]) -> str:
    """How a channel does that the sender knows; `when` tells its moments."""

    def told(at: datetime | None) -> str:
        return "" if at is None else when(at)

    why = "" if health.why is None else message_text(health.why)
    if health.disabled:
        return words.is_gone(why)
    if health.failing_since is not None:
        return words.fails(told(health.failing_since), why, told(health.next_try_at), health.waiting)
    if health.last_taken_at is None:
        return words.never_used(health.waiting)
    return words.takes(told(health.last_taken_at), health.waiting)


def channels_json(channels: Iterable[ChannelLine], now: datetime, *, mask: bool) -> str:
    """The document of `channels --json`, ASCII only, ending in a newline."""
    rows = [_row(each, mask=mask) for each in channels]
    return json.dumps({"schema": SCHEMA, "generated_at": instant(now), "channels": rows}, indent=2) + "\n"


def _row(channel: ChannelLine, *, mask: bool) -> dict[str, object]:
    health = channel.health
    why = channel.refused
    if why is None and health is not None and health.why is not None:
        why = message_text(health.why)
    return {
        "name": channel.name,
        "kind": channel.kind.value,
        "leads_to": channel.place or None,
        "state": _state(channel),
        "last_taken_at": instant(None if health is None else health.last_taken_at),
        "failing_since": instant(None if health is None else health.failing_since),
        "why": masked(why) if why is not None and mask else why,
        "next_try_at": instant(None if health is None else health.next_try_at),
        "waiting": None if health is None else health.waiting,
    }


def _state(channel: ChannelLine) -> str:
    """`refused`, `unused`, `gone`, `failing` or `ok`."""
    health = channel.health
    if channel.refused is not None:
        return "refused"
    if health is None:
        return "unused"
    if health.disabled:
        return "gone"
    if health.failing_since is not None:
        return "failing"
    return "unused" if health.last_taken_at is None else "ok"
