"""`rates list|why|compare`: what models cost, and why. Prices only, not quality."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Final

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.console import EXIT_CANNOT_TELL, EXIT_OK, EXIT_USAGE, Exit, complain
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.cli.past import Form, past_of, put
from poolwatch.config.rate_card import rate_card
from poolwatch.domain.rates import RateCard
from poolwatch.domain.text import visible
from poolwatch.domain.tokens import Tier, Tokens
from poolwatch.domain.when import parse_when
from poolwatch.presentation.rates import Comparison, compare, compare_lines, list_lines, rates_of, why_lines
from poolwatch.words.rates import card_age_note, said

#: No more tokens are priced.
_MOST: Final = 10**15
_COUNT: Final = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,6})?)([kmg]?)", re.IGNORECASE | re.ASCII)
_UNITS: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_LONGEST_WORD: Final = 60


def list_rates(config: Path | None, form: Form, *, every: bool) -> int:
    """Print what holds today, or all rates."""
    around, card, now = _begin(config, form)
    today = now.date()
    if form.as_json:
        from poolwatch.presentation.rates_json import rates_json

        return put(rates_json(card, today, now, every=every), form, around)
    if form.as_csv:
        from poolwatch.presentation.rates_json import rates_csv

        return put(rates_csv(rates_of(card, today, every=every)), form, around)
    return put(_text(list_lines(card, today, every=every)), form, around)


def say_why(config: Path | None, model: str, typed: str | None, form: Form) -> int:
    """Print why a model costs what it costs on a day; 4 where it has no price."""
    if not model.strip():
        complain(said("no_model"))
        return EXIT_USAGE
    around, card, now = _begin(config, form)
    day = _day(typed, now)
    if form.as_json:
        from poolwatch.presentation.rates_json import why_json

        code = put(why_json(card, model, day, now), form, around)
    elif form.as_csv:
        from poolwatch.presentation.rates_json import rates_csv

        rate = card.rate(model, day)
        code = put(rates_csv([] if rate is None else [rate]), form, around)
    else:
        code = put(_text(why_lines(card, model, day)), form, around)
    is_known = card.rate(model, day) is not None or card.fallback is not None
    return code or (EXIT_OK if is_known else EXIT_CANNOT_TELL)


def compare_models(
    config: Path | None,
    tokens: Tokens,
    models: tuple[str, ...],
    typed: str | None,
    form: Form,
    *,
    fast: bool,
    long: bool,
) -> int:
    """Print what the same tokens cost on several models; 4 where none of them has a price."""
    around, card, now = _begin(config, form)
    asked = Comparison(tokens, _day(typed, now), models, Tier.FAST if fast else Tier.STANDARD, long)
    if form.as_json:
        from poolwatch.presentation.rates_json import compare_json

        code = put(compare_json(card, asked, now), form, around)
    elif form.as_csv:
        from poolwatch.presentation.rates_json import compare_csv

        code = put(compare_csv(card, asked), form, around)
    else:
        code = put(_text(compare_lines(card, asked)), form, around)
    is_known = any(each.price.pico is not None for each in compare(card, asked))
    return code or (EXIT_OK if is_known else EXIT_CANNOT_TELL)


def tokens_of(count: str | None, cached: str | None, output: str | None) -> Tokens:
    """What was typed for tokens; ends the command where it is nothing, or more is cached than there is."""
    counts = [
        _count(text, option)
        for option, text in (("--input", count), ("--cached", cached), ("--output", output))
    ]
    found = Tokens(counts[0], counts[1], 0, counts[2])
    if not found.total:
        complain(said("nothing_to_price"))
        raise Exit(EXIT_USAGE)
    if found.cached > found.input:
        complain(said("too_much_cached"))
        raise Exit(EXIT_USAGE)
    return found


def _count(text: str | None, option: str) -> int:
    if text is None:
        return 0
    matched = _COUNT.fullmatch(text.replace(",", ""))
    exact = None if matched is None else Decimal(matched[1]) * _UNITS[matched[2].lower()]
    if exact is None or exact != exact.to_integral_value() or exact > _MOST:
        complain(said("no_count", option=option, text=visible(text, _LONGEST_WORD)))
        raise Exit(EXIT_USAGE)
    return int(exact)


def _begin(config: Path | None, form: Form) -> tuple[Surroundings, RateCard, datetime]:
    around = past_of(config, form)
    now = RealClock().now()
    card = rate_card(around.settings)
    note = card_age_note(card, now.astimezone(UTC).date())
    if note is not None:
        complain(note)
    return around, card, now.astimezone(UTC)


def _day(typed: str | None, now: datetime) -> date:
    """A UTC day: rates change at midnight there."""
    if typed is None:
        return now.date()
    found = parse_when(typed, now, UTC)
    if found is None:
        complain(said("no_day", text=visible(typed, _LONGEST_WORD)))
        raise Exit(EXIT_USAGE)
    return found.date()


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
