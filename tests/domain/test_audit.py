"""How a refresh is noted, and who did it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from poolwatch.domain.audit import By, Doer, Ending, Outcome, refresh_ending
from poolwatch.domain.failure import FailureKind, failure
from poolwatch.domain.refresh import BlockReason, RefreshProgress, TokenOutcome, TokenStep, UsageStep

NOW = datetime(2026, 12, 1, tzinfo=UTC)
DOWN = failure(FailureKind.UNREACHABLE, "net.refused")


def step(outcome: TokenOutcome, block: BlockReason | None = None) -> TokenStep:
    return TokenStep(outcome, block=block)


@pytest.mark.parametrize(
    ("token", "usage", "outcome", "codes"),
    [
        (step(TokenOutcome.REFRESHED), UsageStep(), Outcome.DONE, ("token:refreshed", "usage:ok")),
        (step(TokenOutcome.CURRENT), UsageStep(), Outcome.DONE, ("token:current", "usage:ok")),
        (step(TokenOutcome.CURRENT), None, Outcome.NOTHING, ("token:current",)),
        (step(TokenOutcome.REFRESHED), None, Outcome.DONE, ("token:refreshed",)),
        (
            step(TokenOutcome.REFRESHED),
            UsageStep(DOWN),
            Outcome.FAILED,
            ("token:refreshed", "usage:unreachable"),
        ),
        (step(TokenOutcome.NONE), UsageStep(tried=False), Outcome.FAILED, ("token:none", "usage:not_tried")),
        (step(TokenOutcome.FAILED), UsageStep(), Outcome.FAILED, ("token:failed", "usage:ok")),
        (step(TokenOutcome.AMBIGUOUS), UsageStep(), Outcome.UNKNOWN, ("token:ambiguous", "usage:ok")),
        (
            step(TokenOutcome.BLOCKED, BlockReason.READ_ONLY),
            UsageStep(),
            Outcome.FAILED,
            ("token:blocked", "block:read_only", "usage:ok"),
        ),
        (None, None, Outcome.FAILED, ()),
    ],
)
def test_a_refresh_is_noted_by_both_of_its_steps(
    token: TokenStep | None, usage: UsageStep | None, outcome: Outcome, codes: tuple[str, ...]
) -> None:
    assert refresh_ending(RefreshProgress(NOW, token, usage, done=True)) == Ending(outcome, codes)


def test_what_nobody_asked_for_is_not_put_down_to_whoever_opened_the_app() -> None:
    doer = Doer(By.APP, "ann", 4711, ssh="198.51.100.7 1 192.0.2.1 22", sudo="bob")
    assert doer.unasked == Doer(By.BACKGROUND, "ann", 4711)
