"""Outcomes of wishes, as they are written for the asker."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.failure import FailureKind, worded
from poolwatch.domain.refresh import BlockReason, Change, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.store.outcome import outcome_from, outcome_text
from poolwatch.store.requests import EXPIRED, NOT_UNDERSTOOD
from tests.store.given import NOON

FAILED = worded(FailureKind.THROTTLED, "slow down", NOON + timedelta(minutes=5), detail="host")
PROGRESSES = [
    RefreshProgress(NOON),
    RefreshProgress(
        NOON,
        TokenStep(TokenOutcome.FAILED, 0.4, failure=FAILED, retry_at=NOON, detail="/pool"),
        UsageStep(FAILED, 0.3, cached_at=NOON),
        (Change("weekly", 71.0, None), Change("credits", Decimal("12.5000"), Decimal(0))),
        done=True,
    ),
    RefreshProgress(
        NOON, TokenStep(TokenOutcome.BLOCKED, block=BlockReason.ASK_FIRST, lost_at=NOON), done=True
    ),
]


@pytest.mark.parametrize("progress", PROGRESSES)
def test_an_outcome_comes_back_as_it_was(progress: RefreshProgress) -> None:
    back = outcome_from(outcome_text(progress))
    assert back == progress
    assert back is not None
    assert [str(change.before) for change in back.changes] == [str(each.before) for each in progress.changes]


@pytest.mark.parametrize(
    "text", [None, "", EXPIRED, NOT_UNDERSTOOD, outcome_text(None), "{}", "[1]", '{"a":']
)
def test_anything_else_is_no_outcome(text: str | None) -> None:
    assert outcome_from(text) is None
