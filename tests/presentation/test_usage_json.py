"""`usage` for programs: every key of its schema, unknown as null, and nobody named where that is masked."""

from __future__ import annotations

import csv
import io
import json
import os
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.domain.quarters import UsePeriod
from poolwatch.domain.tokens import GroupBy, Origin, ScanState
from poolwatch.presentation.usage_json import reasons, usage_csv, usage_json
from tests.domain.use import cell
from tests.presentation.scene import NOW
from tests.presentation.use import ALICE, names, reported

GOLDEN = Path(__file__).parent / "golden" / "usage.json"


def test_the_golden_document_is_told_key_by_key() -> None:
    told = usage_json(reported(), names(), NOW, "Europe/Berlin")
    if os.environ.get("UPDATE_GOLDEN") == "1":
        GOLDEN.write_text(told)
    assert told == GOLDEN.read_text()


def test_what_is_unknown_is_null_and_money_is_text() -> None:
    document = json.loads(usage_json(reported(), names(), NOW, "UTC"))
    unpriced = next(row for row in document["rows"] if row["group"] == "qwen")
    assert (unpriced["cost_usd"], unpriced["cost_complete"], unpriced["credits"]) == (None, False, None)
    assert unpriced["unpriced_tokens"] == unpriced["total_tokens"] == 6_490_000
    free = next(row for row in document["rows"] if row["group"] == "free")
    assert (free["cost_usd"], free["cost_complete"]) == ("0.00", True)
    whole = document["totals"]
    assert whole["requests"] == sum(row["requests"] for row in document["rows"])
    assert whole["cost_complete"] is False
    assert "unpriced_models" in document["coverage"]["reasons"]


def test_columns_of_the_csv_are_the_keys_of_rows() -> None:
    text = usage_csv(reported(), names())
    rows = list(csv.DictReader(io.StringIO(text)))
    document = json.loads(usage_json(reported(), names(), NOW, "UTC"))
    assert list(rows[0]) == list(document["rows"][0])
    qwen = next(row for row in rows if row["group"] == "qwen")
    assert (qwen["cost_usd"], qwen["credits"], qwen["cost_complete"], qwen["requests"]) == (
        "",
        "",
        "false",
        "95",
    )
    assert rows[0]["cost_usd"].partition(".")[2] >= "0" * 6
    assert text.endswith("\r\n")


@pytest.mark.parametrize(
    ("by", "told", "label", "hidden"),
    [
        (GroupBy.ACCOUNT, ALICE.id, "alice@example.com", ALICE.id),
        (GroupBy.PROJECT, "reef", None, "project-8f9"),
        (GroupBy.CONVERSATION, "0199-0000", "0199-0000", "conversation-"),
        (GroupBy.CLIENT, "codex_cli_rs", None, "codex_cli_rs"),
        (GroupBy.DAY, "2026-11-20", None, "2026-11-20"),
        (GroupBy.GROUP, "team-east", None, "team-east"),
    ],
)
def test_a_group_is_what_a_program_can_look_up_and_masked_nobody(
    by: GroupBy, told: str, label: str | None, hidden: str
) -> None:
    seen = json.loads(usage_json(reported(by=by), names(), NOW, "UTC"))["rows"]
    row = next(row for row in seen if row["group"] == told)
    assert row["label"] == label
    masked = usage_json(reported(by=by), names(mask=True), NOW, "UTC")
    assert any(str(row["group"]).startswith(hidden[:8]) for row in json.loads(masked)["rows"])
    if by in (GroupBy.ACCOUNT, GroupBy.PROJECT, GroupBy.CONVERSATION):
        assert "alice" not in masked
        assert "reef" not in masked
        assert "0199" not in masked


@pytest.mark.parametrize(
    ("scan", "found"),
    [
        (ScanState(), "not_scanned"),
        (ScanState(running=True, bytes_done=5, bytes_total=9), "scanning"),
        (ScanState(complete_at=NOW.timestamp() - 901), "old_scan"),
        (ScanState(complete_at=1.0, troubles=(("/a", "torn"),)), "unreadable_files"),
        (ScanState(complete_at=1.0, files_unverified=2), "unverified_files"),
        (ScanState(complete_at=1.0, ahead=1), "dated_ahead"),
        (ScanState(complete_at=1.0, differing=("/a",)), "differing_files"),
    ],
)
def test_why_the_figures_are_not_the_whole(scan: ScanState, found: str) -> None:
    assert found in reasons(reported(scan=scan), NOW)
    certain = reported(cells=[cell("2026-11-20 12:00")], scan=ScanState(complete_at=NOW.timestamp() - 899))
    assert reasons(certain, NOW) == ["this_machine_only"]
    assert "old_rate_card" in reasons(certain, NOW + timedelta(days=60))


def test_what_was_imported_is_of_no_files() -> None:
    document = json.loads(usage_json(reported(origin=Origin.IMPORTED), names(), NOW, "UTC"))
    assert document["origin"] == "imported"
    assert document["coverage"]["files"] is None
    assert "this_machine_only" not in document["coverage"]["reasons"]


def test_nothing_used_is_nothing_and_not_unknown() -> None:
    document = json.loads(usage_json(reported(UsePeriod.TODAY, cells=[]), names(), NOW, "UTC"))
    assert document["rows"] == []
    assert (document["totals"]["requests"], document["totals"]["cost_usd"]) == (0, "0.00")
