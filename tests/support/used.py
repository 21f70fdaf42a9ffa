"""Forty days of use by models of real names, for pictures: what a book of it answers."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from random import Random
from typing import Any, Final

from poolwatch.domain.account import AccountKey
from poolwatch.domain.quarters import Calendar, quarter_of
from poolwatch.domain.rates import Rate, RateCard, prices_of
from poolwatch.domain.tokens import RequestSeen, ScanState, Tier, Tokens, UseCell
from poolwatch.domain.use_report import (
    Attribution,
    UseReport,
    UseWish,
    kept_of,
    report,
    span_of,
    use_figures,
)
from poolwatch.domain.values import replace

#: prices of one day, so that pictures stay as they are
CARD: Final = RateCard(
    "OpenAI",
    date(2026, 11, 12),
    [
        Rate("gpt-6-sol", prices_of("2", "0.2", "2.5", "10"), fast_usd=Decimal(2)),
        Rate("gpt-5.6-terra", prices_of("2", "0.2", "2.5", "12")),
        Rate("gpt-5.4-mini", prices_of("0.75", "0.075", None, "4.5")),
        Rate("codex-auto-review", prices_of("1.75", "0.175", None, "14"), estimated=True),
    ],
)
#: model, tier, how many requests on a working day, tokens of one
_MODELS: Final = (
    ("gpt-6-sol", Tier.STANDARD, 150, 29_000),
    ("gpt-5.6-terra", Tier.STANDARD, 100, 22_000),
    ("gpt-5.4-mini", Tier.STANDARD, 140, 9_000),
    ("gpt-6-sol", Tier.FAST, 9, 34_000),
    ("codex-auto-review", Tier.STANDARD, 14, 11_000),
    ("qwen4-coder", Tier.STANDARD, 4, 12_000),
)
_PROJECTS: Final = ("reef", "poolwatch", "atlas", "notes")


class MadeUse:
    """A book of made use, of some of the accounts."""

    def __init__(self, now: datetime, zone: tzinfo, accounts: Sequence[AccountKey]) -> None:
        self.now = now
        self.calendar = Calendar(zone)
        self.accounts = tuple(accounts)
        self.cells = _cells(now, self.accounts)
        self.scan = ScanState(
            complete_at=now.timestamp(),
            files=2114,
            homes=3,
            bytes_read=10_500_000_000,
            since=(now - timedelta(days=90)).timestamp(),
            files_unverified=41,
            unverified=Tokens(input=3_000_000, output=100_000),
        )

    def answer(self, wish: UseWish) -> UseReport:
        """What is told of it."""
        span = span_of(wish, self.now, self.calendar)
        started = self.now - timedelta(minutes=73)
        figures = use_figures(self.cells, wish.origin, self.scan, CARD, self.now, started, self.calendar)
        keeps = kept_of(wish.narrow, self.calendar, {})
        texts = [(each.by.value, each.group.text) for each in wish.narrow]
        cells = [
            cell
            for cell in self.cells
            if span[0] <= cell.quarter < span[1] and keeps(cell)
            if all(getattr(cell, name, text) == text for name, text in texts)
        ]
        found = report(wish, span, cells, figures, self._latest(), self.scan, CARD, self.calendar, {})
        return replace(found, attribution=Attribution(88, 9, 3), counted_share=0.94)

    def _latest(self) -> list[RequestSeen]:
        at = self.now.timestamp() - 9
        whose = self.accounts[0].id if self.accounts else None
        return [
            RequestSeen(
                at - back,
                model,
                Tier.STANDARD,
                False,
                Tokens(given, cached, 0, out),
                who,
                project,
                "c",
                "cli",
            )
            for back, model, given, cached, out, who, project in (
                (0, "gpt-6-sol", 32_100, 29_800, 1_200, whose, "reef"),
                (31, "gpt-5.6-terra", 11_000, 9_900, 400, None, "atlas"),
                (69, "gpt-6-sol", 30_900, 28_000, 900, whose, "reef"),
            )
        ]


def _cells(now: datetime, accounts: Sequence[AccountKey]) -> list[UseCell]:
    random, cells = Random(19), []
    newest = quarter_of(now)
    midnight = quarter_of(now.replace(hour=0, minute=0, second=0, microsecond=0))
    for back in range(40):
        weekend = (now - timedelta(days=back)).weekday() > 4
        for model, tier, requests, size in _MODELS:
            whole = requests * (0.08 if weekend else random.uniform(0.5, 1.4))
            for hour in (8, 9, 10, 13, 14, 15, 17):
                count = round(whole / 7 * random.uniform(0.4, 1.6))
                quarter = midnight - back * 96 + hour * 4 - 4 + random.randrange(4)
                if not count or quarter > newest:
                    continue
                given = round(count * size * random.uniform(0.8, 1.2)) * 6
                tokens = Tokens(given, round(given * random.uniform(0.8, 0.94)), 0, given // 90, given // 200)
                if model == "qwen4-coder":
                    tokens = replace(tokens, cached=0)
                texts: dict[str, Any] = {
                    "account": random.choice(accounts).id if accounts and random.random() < 0.8 else None,
                    "project": random.choice(_PROJECTS),
                    "conversation": f"0199{random.randrange(16**4):04x}",
                    "client": "codex_cli_rs",
                }
                cells.append(UseCell(quarter, model, tier, False, count, tokens, **texts))
    return cells
