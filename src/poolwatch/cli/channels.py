"""`channels list|add|test|remove`: where notices go, tried before it is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from poolwatch.bootstrap.auditing import audited
from poolwatch.bootstrap.channels import flaws_of, health_of_channels, try_channel
from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import (
    EXIT_CONFIG,
    EXIT_FAILED,
    EXIT_OK,
    EXIT_USAGE,
    Exit,
    complain,
    say,
    say_text,
)
from poolwatch.bootstrap.places import target_config
from poolwatch.bootstrap.screen import appearance_problems
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.changes import tell_wrong
from poolwatch.cli.command import run_async, surroundings
from poolwatch.cli.finding import Finding, Grade
from poolwatch.config.changes import Change, Draft, Refused
from poolwatch.config.limit_changes import add_limit, remove_limit
from poolwatch.config.limit_settings import ChannelSettings, channel_of
from poolwatch.config.load import free_name
from poolwatch.config.paths import absolute
from poolwatch.config.problems import ConfigProblem
from poolwatch.config.settings import OriginKind
from poolwatch.config.toml_text import Value
from poolwatch.config.values import nearest, quoted
from poolwatch.domain.audit import NOT_WRITTEN, Act, Deed, Outcome
from poolwatch.domain.notices import ChannelHealth, ChannelKind, SendOutcome, Sent
from poolwatch.domain.text import visible
from poolwatch.monitor.auditing import Doing
from poolwatch.notify.channel import distrust
from poolwatch.presentation.channels import ChannelLine, channel_lines, channels_json, health_text
from poolwatch.presentation.masking import masked
from poolwatch.words import channels as words
from poolwatch.words import config as config_words
from poolwatch.words.messages import message_text

_ARRAY: Final = "channels"
_AREA: Final = "channels"
#: Keys that name a file.
_PATHS: Final = ("secret_file", "password_file", "url_file")


class ChannelRequest(Struct, frozen=True):
    """What `channels add` was asked for: keys as the file has them; of secrets only where they stand."""

    kind: str
    name: str | None = None
    keys: Mapping[str, str | int | bool | tuple[str, ...] | None] = {}
    program: tuple[str, ...] = ()


def list_channels(config: Path | None, *, as_json: bool = False, mask: bool = False) -> int:
    """Print every channel, where it leads and how it does."""
    around = surroundings(config, mask=mask)
    hidden, now = around.settings.ui.mask, RealClock().now()
    lines = _lines(around)
    if as_json:
        say_text(channels_json(lines, now, mask=hidden))
    elif lines:
        say(*channel_lines(lines, now, None, mask=hidden))
    else:
        complain(words.NONE(around.command("channels add KIND")))
    return EXIT_OK


def _lines(around: Surroundings) -> list[ChannelLine]:
    channels = around.settings.channels
    health: Mapping[str, ChannelHealth] = run_async(lambda: health_of_channels(around)) if channels else {}
    refused = distrust(around.settings.path)
    told = None if refused is None else message_text(refused)
    return [
        ChannelLine(
            each.name,
            ChannelKind(each.kind),
            _place(around, each),
            health.get(each.name),
            told if each.kind == ChannelKind.EXEC else None,
        )
        for each in channels
    ]


def _place(around: Surroundings, channel: ChannelSettings) -> str:
    """Where a channel leads; of an address no more than its host, for its path may be a secret."""
    match ChannelKind(channel.kind):
        case ChannelKind.WEBHOOK:
            parts = urlsplit(channel.url or "")
            return f"{parts.scheme}://{parts.netloc}"
        case ChannelKind.EMAIL:
            to = ", ".join(channel.to)
            return masked(to) if around.settings.ui.mask else to
        case ChannelKind.EXEC:
            return around.told_path(visible(channel.command[0]))
        case ChannelKind.APPRISE:
            return around.told_path(channel.url_file or "")
        case ChannelKind.DESKTOP:
            return ""


def add_channel(config: Path | None, request: ChannelRequest, *, mask: bool = False) -> int:
    """Send a test notice, then write the channel into the configuration, which may not be there yet."""
    around = surroundings(config, mask=mask, may_be_new=True, may_lack=True)
    table = _table_of(around, request)
    channel = channel_of(table, around.env)
    if isinstance(channel, tuple):
        complain(*(words.nothing_written(around.told(line)) for line in channel))
        return EXIT_USAGE
    path = target_config(around, config)
    if isinstance(path, ConfigProblem):
        complain(path.text)
        return EXIT_CONFIG
    refused = distrust(path) if channel.kind == ChannelKind.EXEC else None
    if refused is not None:
        complain(words.nothing_written(around.told(message_text(refused), [path])))
        return EXIT_CONFIG
    draft = add_limit(path, _ARRAY, table, around.env, appearance_problems)
    if isinstance(draft, Refused):
        return _unchanged(around, draft)
    deed = Deed(Act.ADD_CHANNEL, path=around.told_path(path), what=_named(around, channel))
    with audited(around.env, deed, mask=around.settings.ui.mask) as doing:
        sent = run_async(lambda: try_channel(around, channel))
        if sent.outcome is not SendOutcome.TAKEN:
            doing.ended(Outcome.FAILED, "not_taken")
            complain(words.nothing_written(_not_taken(around, channel, sent)))
            return EXIT_FAILED
        change = _written(draft, doing)
    if isinstance(change, Refused):
        return _unchanged(around, change)
    say(words.written(around.told(channel.name), around.told_path(path)))
    tell_wrong(around, change)
    for flaw in flaws_of(around, channel):
        complain(around.told(flaw.words), *([around.told(flaw.remedy)] if flaw.remedy else []))
    complain(words.name_it(quoted(around.told(channel.name))), words.WITH_THE_NEXT())
    return EXIT_OK


def _table_of(around: Surroundings, request: ChannelRequest) -> dict[str, Value]:
    """The keys of the new channel; ends the command where its kind or its name is none."""
    kinds = [each.value for each in ChannelKind]
    taken = {each.name for each in around.settings.channels}
    problem = ""
    if request.kind not in kinds:
        near, known = nearest(request.kind, kinds), ", ".join(kinds)
        kind = visible(request.kind)
        problem = words.no_kind_but(kind, near, known) if near else words.no_kind(kind, known)
    elif request.name in taken:
        problem = words.is_there(around.told(visible(request.name or "")))
    elif request.kind == ChannelKind.EXEC and not request.program:
        problem = words.NO_COMMAND()
    elif request.kind != ChannelKind.EXEC and request.program:
        problem = words.NOT_A_PROGRAM()
    if problem:
        complain(problem)
        raise Exit(EXIT_USAGE)
    table: dict[str, Value] = {"name": request.name or free_name(request.kind, taken), "kind": request.kind}
    for key, value in request.keys.items():
        if value not in (None, False, ()):
            is_path = key in _PATHS and isinstance(value, str) and not value.startswith("~")
            table[key] = str(absolute(str(value))) if is_path else value
    if request.program:
        first, *rest = request.program
        # a bare name is looked for on the PATH
        table["command"] = (str(absolute(first)) if "/" in first and first[0] != "~" else first, *rest)
    return table


def _named(around: Surroundings, channel: ChannelSettings) -> tuple[str, ...]:
    """A channel as it is noted: its name, and its kind where that is another word."""
    return tuple(dict.fromkeys((around.told(channel.name), channel.kind)))


def send_test(config: Path | None, name: str, *, mask: bool = False) -> int:
    """Send a test notice over one channel."""
    around, channel = _configured(config, name, mask=mask)
    sent = run_async(lambda: try_channel(around, channel))
    if sent.outcome is not SendOutcome.TAKEN:
        complain(_not_taken(around, channel, sent))
        return EXIT_FAILED
    say(words.took(around.told(name)))
    return EXIT_OK


def _not_taken(around: Surroundings, channel: ChannelSettings, sent: Sent) -> str:
    why = "" if sent.why is None else message_text(sent.why)
    return around.told(words.did_not_take(channel.name, why))


def remove_channel(config: Path | None, name: str, *, mask: bool = False) -> int:
    """Take a channel out of the configuration."""
    around, channel = _configured(config, name, mask=mask, may_lack=True)
    path = around.settings.path
    if path is None:
        return EXIT_CONFIG
    origin = around.settings.origins["notify.channels"]
    if origin.kind is OriginKind.ENVIRONMENT and name in (around.settings.notify.channels or ()):
        # the file alone is looked at where it is changed
        by = config_words.said("still_named", by=origin.name, name=around.told(name))
        complain(words.nothing_written(by))
        return EXIT_USAGE
    draft = remove_limit(path, _ARRAY, name, around.env)
    if isinstance(draft, Refused):
        return _unchanged(around, draft)
    deed = Deed(Act.REMOVE_CHANNEL, path=around.told_path(path), what=_named(around, channel))
    with audited(around.env, deed, mask=around.settings.ui.mask) as doing:
        change = _written(draft, doing)
    if isinstance(change, Refused):
        return _unchanged(around, change)
    say(words.taken_out(around.told(name), around.told_path(path)))
    tell_wrong(around, change)
    complain(words.WITH_THE_NEXT())
    return EXIT_OK


def _written(draft: Draft, doing: Doing) -> Change | Refused:
    change = draft.written()
    if isinstance(change, Refused):
        doing.ended(Outcome.FAILED, NOT_WRITTEN)
    else:
        doing.ended(Outcome.DONE)
    return change


def _unchanged(around: Surroundings, refused: Refused) -> int:
    complain(*(words.nothing_written(around.told(line)) for line in refused.lines))
    return EXIT_USAGE if refused.is_typed else EXIT_CONFIG


def _configured(
    config: Path | None, name: str, *, mask: bool, may_lack: bool = False
) -> tuple[Surroundings, ChannelSettings]:
    """The channel of that name; ends the command where there is none."""
    around = surroundings(config, mask=mask, may_lack=may_lack)
    for channel in around.settings.channels:
        if channel.name == name:
            return around, channel
    near = nearest(name, [each.name for each in around.settings.channels])
    shown = visible(name)
    complain(around.told(words.no_channel_but(shown, near) if near else words.no_channel(shown)))
    raise Exit(EXIT_USAGE)


def channel_findings(around: Surroundings) -> Iterator[Finding]:
    """What `doctor` finds of the channels: how they are set up, and how they do."""
    now = RealClock().now()
    for line, channel in zip(_lines(around), around.settings.channels, strict=True):
        flaws = tuple(flaws_of(around, channel))
        for flaw in flaws:
            grade = Grade.NOTE if flaw.sends else Grade.ERROR
            yield Finding(_AREA, grade, words.of_channel(channel.name, flaw.words), flaw.remedy)
        if line.refused is not None:
            continue
        health = line.health
        fails = health is not None and (health.disabled or health.failing_since is not None)
        told = words.of_channel(channel.name, health_text(line, now, None))
        yield Finding(_AREA, Grade.ERROR if fails else Grade.OK, told)
