"""Notices and settings of channels, as the sender would hand them over."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.domain.alerts import Severity
from poolwatch.domain.message import Message
from poolwatch.domain.notices import ChannelKind, NoticeKind, Outgoing, SendOutcome, Sent
from poolwatch.domain.values import replace
from poolwatch.words.messages import message_text

AT = datetime(2026, 12, 1, 10, 30, tzinfo=UTC)
NOTICE = Outgoing(
    "0123456789abcdef",
    AT,
    NoticeKind.ALERTS,
    Severity.WARNING,
    "poolwatch: 2 alerts",
    "dev14: weekly 91%\nteam-east/erin: needs you",
    b'{"type": "alert.firing", "timestamp": "2026-12-01T10:30:00Z", "data": {}}',
)


def channel(kind: ChannelKind, **keys: Any) -> ChannelSettings:
    return replace(ChannelSettings("ops", kind.value), **keys)


def why(sent: Sent) -> str:
    """What a failed try says."""
    assert sent.outcome is SendOutcome.FAILED, sent
    assert isinstance(sent.why, Message)
    return message_text(sent.why)


def private(path: Path, text: str) -> str:
    """A file that only its owner reads; its path."""
    path.write_text(text)
    path.chmod(0o600)
    return str(path)


def program(folder: Path, name: str, text: str) -> str:
    """A shell script; its path."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)
