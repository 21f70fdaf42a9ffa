"""`usage --source openai`: one request for each account, told to people and programs; what fails is named."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.cli.desk import Desk
from tests.support.upstream import Upstream

ASKED = ("usage", "--source", "openai")
#: Holds a token that can be sent; one that cannot.
LIVE, LAPSED = "dev14", "carol@example.com"


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory, served: Upstream) -> tuple[Desk, Any]:
    """A machine that asked about everybody, and the document that it printed."""
    desk = Desk(tmp_path_factory.mktemp("asked"), served.config)
    ran = desk.run(*ASKED, "--json")
    assert ran.code == 0
    assert "1 account was not asked for: none of its login files holds an access token" in ran.err
    return desk, ran.json()


def of(document: Any, label: str) -> Mapping[str, Any]:
    return next(each for each in document["accounts"] if label in each["label"])


def test_everybody_is_asked_about_and_today_is_not_settled(asked: tuple[Desk, Any]) -> None:
    _, document = asked
    today = datetime.now(UTC).date()
    assert document["schema"] == "poolwatch.workspace_usage/1"
    assert len(document["accounts"]) == 11
    live = of(document, LIVE)
    assert live["failure"] is None
    assert [day["date"] for day in live["days"]] == [
        (today - timedelta(days=back)).isoformat() for back in range(29, -1, -1)
    ]
    *before, last = live["days"]
    assert (last["settled"], last["total_tokens"]) == (False, None)
    assert all(day["settled"] for day in before)
    assert all(day["credits"] != "0" or day["total_tokens"] == 0 for day in before)
    assert {client["client"] for client in live["clients"]} >= {"CODEX_CLI", "CODEX_IDE_VSCODE"}
    throttled = [each for each in document["accounts"] if each["failure"] is not None]
    assert all(each["failure"]["message"] for each in throttled)


def test_what_was_read_is_kept_and_told_without_asking(asked: tuple[Desk, Any]) -> None:
    desk, document = asked
    ran = desk.run(*ASKED, "--no-scan", "--account", LIVE, "--json")
    assert (ran.code, ran.err) == (0, "")
    [again] = json.loads(ran.out)["accounts"]
    assert again["days"] == of(document, LIVE)["days"]
    assert again["read_at"] == of(document, LIVE)["read_at"]


@pytest.mark.parametrize(("by", "heading"), [("day", "DAY"), ("week", "WEEK"), ("client", "CLIENT")])
def test_people_and_spreadsheets_get_days_weeks_and_clients(
    asked: tuple[Desk, Any], by: str, heading: str
) -> None:
    desk, _ = asked
    told = desk.run(*ASKED, "--no-scan", "--account", LIVE, "--by", by)
    assert told.code == 0
    assert told.lines[0].endswith(f"30 days by {by} · as OpenAI reports it")
    assert any(line.split()[:2] == [heading, "CREDITS"] for line in told.lines)
    assert "A day counts in UTC." in told.out
    table = desk.run(*ASKED, "--no-scan", "--account", LIVE, "--by", by, "--csv")
    rows = list(csv.DictReader(io.StringIO(table.out)))
    assert rows
    assert by in rows[0] or "date" in rows[0]


def test_a_longer_time_is_asked_for(asked: tuple[Desk, Any]) -> None:
    desk, _ = asked
    ran = desk.run(*ASKED, "--account", LIVE, "--since", "45d", "--json")
    [live] = json.loads(ran.out)["accounts"]
    assert len(live["days"]) == 46
    assert all(day["settled"] is not None for day in live["days"])


def test_of_a_named_account_a_failure_ends_with_1(asked: tuple[Desk, Any]) -> None:
    desk, _ = asked
    ran = desk.run(*ASKED, "--account", LAPSED, "--json")
    assert ran.code == 1
    assert "none of its login files holds an access token that could be sent" in ran.err
    [lapsed] = json.loads(ran.out)["accounts"]
    assert lapsed["failure"]["kind"] == "no_token"
    assert {day["credits"] for day in lapsed["days"]} == {None}
    masked = desk.run(*ASKED, "--account", LAPSED, "--mask")
    assert "carol" not in masked.err + masked.out


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--until", "today"), "there is no --until"),
        (("--limit", "3", "--with-titles"), "there is no --with-titles --limit"),
        (("--filter", "alice"), "there is no --filter"),
        (("--by", "model"), "groups by day, week or client, not by model"),
        (("--since", "2999-01-01"), "--since"),
        (("--json", "--csv"), "--json"),
        (("--account", "nobody"), "no account is called nobody"),
    ],
)
def test_what_has_no_meaning_here_is_refused(
    asked: tuple[Desk, Any], arguments: tuple[str, ...], told: str
) -> None:
    desk, _ = asked
    ran = desk.run(*ASKED, "--no-scan", *arguments)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err


def test_an_account_is_of_this_source_alone(desk: Desk) -> None:
    ran = desk.run("usage", "--account", "alice")
    assert ran.code == 2
    assert "a filter does that: 'account:alice'" in ran.err


def test_where_nobody_is_known_nothing_is_asked(desk: Desk) -> None:
    for arguments in ((), ("--no-scan",)):
        ran = desk.run(*ASKED, *arguments)
        assert ran.code == 1
        assert "OpenAI can be asked about no account here" in ran.err


def test_a_file_is_private(asked: tuple[Desk, Any], tmp_path: Path) -> None:
    desk, _ = asked
    assert desk.run(*ASKED, "--no-scan", "--csv", "-o", str(tmp_path / "days.csv")).code == 0
    assert (tmp_path / "days.csv").stat().st_mode & 0o777 == 0o600
