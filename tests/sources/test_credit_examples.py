"""The examples and presets of docs/credits.md: each is whole, and reads the answer that it was made for."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.config.credit_settings import PRESETS
from poolwatch.config.load import load_text
from poolwatch.config.settings import Settings
from poolwatch.config.source_settings import CreditSettings
from poolwatch.domain.balances import Balance
from poolwatch.domain.failure import Failure
from poolwatch.sources.credits_http import parse_balance
from poolwatch.sources.json_body import read_json

TEXT = (Path(__file__).parents[2] / "docs" / "credits.md").read_text(encoding="utf-8")
AT = datetime(2026, 11, 20, 13, 3, tzinfo=UTC)
_D = Decimal

#: An answer of each service as it is described, and what it means.
ANSWERS: dict[str, tuple[bytes, Balance]] = {
    "litellm": (
        b'{"key":"x","info":{"spend":12.25,"max_budget":50.0,"budget_reset_at":"2026-11-21T00:00:00Z"}}',
        Balance("USD", _D("37.75"), _D(50), _D("12.25"), resets_at=datetime(2026, 11, 21, tzinfo=UTC)),
    ),
    "new-api": (
        b'{"success":true,"message":"","data":{"quota":2500000,"used_quota":1,"group":"default"}}',
        Balance("USD", _D(5)),
    ),
    "sub2api": (
        b'{"isValid":true,"planName":"p","remaining":7.5,"unit":"USD","quota":{"limit":10,"used":2.5}}',
        Balance("USD", _D("7.5"), _D(10)),
    ),
    "moonshot": (
        b'{"code":0,"data":{"available_balance":49.5,"voucher_balance":46.5,"cash_balance":3},"status":true}',
        Balance("USD", _D("49.5")),
    ),
    "siliconflow": (
        b'{"code":20000,"status":true,"data":{"balance":"0.88","chargeBalance":"88","totalBalance":"88.88"}}',
        Balance("USD", _D("88.88")),
    ),
    "novita": (
        b'{"availableBalance":"123456","cashBalance":"0","creditLimit":"0"}',
        Balance("USD", _D("12.3456")),
    ),
    "stepfun": (b'{"object":"account","balance":123.45}', Balance("CNY", _D("123.45"))),
    "fal": (
        b'{"username":"ann","credits":{"current_balance":24.5,"currency":"USD"}}',
        Balance("USD", _D("24.5")),
    ),
    "elevenlabs": (
        b'{"character_count":250,"character_limit":10000,"next_character_count_reset_unix":1795219200}',
        Balance(
            "characters", _D(9750), _D(10000), _D(250), resets_at=datetime(2026, 11, 21, tzinfo=UTC)
        ),
    ),
    "xai": (b'{"changes":[],"total":{"val":"-1000"}}', Balance("USD", _D(10))),
    "deepinfra": (
        b'{"stripe_balance":-66.6,"recent":5.5,"limit":200.0,"suspended":false}',
        Balance("USD", _D("66.6")),
    ),
    "zenmux": (
        b'{"success":true,"data":{"currency":"usd","total_credits":482.74,"top_up_credits":35}}',
        Balance("USD", _D("482.74")),
    ),
    "cloudflare": (
        b'{"success":true,"result":{"balance":910,"has_default_payment_method":true}}',
        Balance("USD", _D("9.10")),
    ),
    "ngrok": (b'{"balanceCents":123}', Balance("USD", _D("1.23"))),
    "nous": (
        b'{"balanceUsd":"142.5","cliBillingEnabled":true,'
        b'"autoReload":{"enabled":true,"thresholdUsd":"20","reloadToUsd":"100"}}',
        Balance("USD", _D("142.5"), own_topup_below=_D(20)),
    ),
    "venice": (b'{"canConsume":true,"balances":{"diem":75,"usd":8.5}}', Balance("USD", _D("8.5"))),
    "poe": (b'{"current_point_balance":1500}', Balance("points", _D(1500))),
    "neuralwatt": (
        b'{"balance":{"credits_remaining_usd":7,"total_credits_usd":10,"credits_used_usd":3}}',
        Balance("USD", _D(7), used=_D(3), total=_D(10)),
    ),
    "hyper": (b'{"balance":230}', Balance("USD", _D("11.50"))),
}  # fmt: skip


def examples() -> dict[str, CreditSettings]:
    (block,) = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
    loaded = load_text(block, None, {"HOME": "/h"}, {})
    assert isinstance(loaded, Settings), loaded.lines
    return {each.name: each for each in loaded.sources if isinstance(each, CreditSettings)}


EXAMPLES = examples()


def test_each_example_has_an_answer_and_each_answer_an_example() -> None:
    assert EXAMPLES.keys() == ANSWERS.keys()


@pytest.mark.parametrize("name", ANSWERS)
def test_an_example_reads_what_its_service_answers(name: str) -> None:
    body, balance = ANSWERS[name]
    value = read_json(body)
    assert not isinstance(value, Failure)
    assert parse_balance(EXAMPLES[name], value, AT) == balance
    # what is missing or said to have failed is no 0
    assert isinstance(parse_balance(EXAMPLES[name], {"success": False, "code": 1}, AT), Failure)


def test_the_table_has_each_preset_with_its_source_and_date() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| `(\S+)`, (\S+) \|$", TEXT, re.MULTILINE)
    assert rows == [(name, each.seen_in, each.checked) for name, each in PRESETS.items()]
