"""Answers that are almost right: no traceback, and nothing unknown is shown as a number."""

from __future__ import annotations

import json
import random
from collections import Counter

import pytest

from tests.faults.mutants import MutantError, judge, judge_list, mutant

COUNT = 3_000


def test_three_thousand_mutated_answers_become_no_traceback_and_no_made_up_number() -> None:
    became: Counter[str] = Counter()
    for seed in range(COUNT):
        text, body = mutant(random.Random(seed))
        try:
            became[judge(text, body, whole=seed % 8 == 0)] += 1
        except Exception as error:
            error.add_note(f"seed {seed}: {text[:2000]!r}")
            raise
    assert became["read"] > COUNT / 2
    assert became["refused"] > COUNT / 50


def test_mutated_lists_of_pools_raise_nothing() -> None:
    for seed in range(COUNT // 6):
        try:
            judge_list(random.Random(seed))
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise


@pytest.mark.parametrize("unknown", [None, "NaN", True, "12%", [12], 10**9])
def test_the_judge_knows_a_made_up_number(unknown: object) -> None:
    def answer(used: object) -> dict[str, object]:
        return {"plan_type": "pro", "rate_limit": {"primary_window": {"used_percent": used}}}

    assert judge(json.dumps(answer(12)).encode(), answer(12)) == "read"
    with pytest.raises(MutantError):
        judge(json.dumps(answer(12)).encode(), answer(unknown))
