from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from poolwatch.domain.message import message
from poolwatch.domain.notices import ChannelHealth, ChannelKind
from poolwatch.presentation.channels import ChannelLine, channel_lines, channels_json

GOLDEN = Path(__file__).parent / "golden" / "channels.json"
NOW = datetime(2026, 12, 1, 13, 40, tzinfo=UTC)
REFUSED = message("channel.answered", host="hooks.example.com", status=500)
GONE = message("channel.gone", host="old.example.com")
LINES = [
    ChannelLine(
        "ops",
        ChannelKind.APPRISE,
        "/home/ann/ntfy.url",
        ChannelHealth("ops", ChannelKind.APPRISE, last_taken_at=NOW),
    ),
    ChannelLine(
        "hook",
        ChannelKind.WEBHOOK,
        "https://hooks.example.com",
        ChannelHealth(
            "hook",
            ChannelKind.WEBHOOK,
            NOW - timedelta(days=1),
            NOW - timedelta(hours=2),
            REFUSED,
            NOW + timedelta(minutes=50),
            3,
        ),
    ),
    ChannelLine(
        "old",
        ChannelKind.WEBHOOK,
        "https://old.example.com",
        ChannelHealth("old", ChannelKind.WEBHOOK, failing_since=NOW, why=GONE, disabled=True),
    ),
    ChannelLine("mail", ChannelKind.EMAIL, "ann@example.com"),
    ChannelLine("screen", ChannelKind.DESKTOP, "", ChannelHealth("screen", ChannelKind.DESKTOP, waiting=1)),
    ChannelLine("run", ChannelKind.EXEC, "/home/ann/bin/alarm", refused="/etc/x belongs to another user"),
]


def test_the_list() -> None:
    assert channel_lines(LINES, NOW, UTC, mask=False) == [
        "ops     apprise  /home/ann/ntfy.url         ok, last Tue 13:40 UTC",
        "hook    webhook  https://hooks.example.com  failing since Tue 11:40 UTC: hooks.example.com answered"
        " 500, next try Tue 14:30 UTC, 3 waiting",
        "old     webhook  https://old.example.com    gone: old.example.com answered 410: it wants no more"
        " notices, and gets none until the channel is changed",
        "mail    email    ann@example.com            no notice yet",
        "screen  desktop                             no notice yet, 1 waiting",
        "run     exec     /home/ann/bin/alarm        refused: /etc/x belongs to another user",
    ]


def test_the_document_is_the_contract(request: pytest.FixtureRequest) -> None:
    """Keys are only ever added; `--snapshot-update` writes it anew."""
    told = channels_json(LINES, NOW, mask=False)
    if request.config.getoption("--snapshot-update"):
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()
    assert json.loads(told)["schema"] == "poolwatch.channels/1"


def test_masked_no_path_and_no_address_is_told() -> None:
    lines = [ChannelLine("run", ChannelKind.EXEC, "…/alarm", refused="/etc/ann@example.com is not there")]
    for told in (channel_lines(lines, NOW, UTC, mask=True)[0], channels_json(lines, NOW, mask=True)):
        assert "/etc" not in told
        assert "ann@example.com" not in told
