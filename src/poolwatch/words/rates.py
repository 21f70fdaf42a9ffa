"""Words of `rates`: what models cost, why, and what the same tokens would cost elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from poolwatch.domain.rates import LONG_CONTEXT, RateCard, card_age
from poolwatch.words.catalogue import Text, _, mark, n_

TEXTS: Final[Mapping[str, str]] = {
    # columns
    "model": mark("MODEL"),
    "from": mark("FROM"),
    "input": mark("INPUT"),
    "cached": mark("CACHED"),
    "cache_write": mark("WRITE"),
    "output": mark("OUTPUT"),
    "fast": mark("FAST"),
    "credits": mark("CREDITS"),
    "cost": mark("COST"),
    "times": mark("TIMES"),
    # of `list`
    "list_head": mark("US dollars per million tokens, as OpenAI's API charges; checked {day}"),
    "credits_foot": mark("CREDITS: input/cached/output; ~ is 25 for a dollar: no official card has it."),
    "per_image": mark("${amount} an image"),
    "per_item": mark("${amount} a request"),
    "others": mark("Other models of the API:"),
    # of `why`
    "of_yours": mark("{model} on {day}: your [[rates]] {glob}"),
    "of_card": mark("{model} on {day}: the shipped card, {source}, checked {checked}"),
    "since": mark("since {since}"),
    "until": mark("to {until}"),
    "priced_as": mark("It is another name of {model}."),
    "of_model_behind": mark(
        "Nobody tells its price: it is that of the model behind it, as far as is known (~)."
    ),
    "is_estimated": mark(
        "Text and images have prices of their own, and no request tells which it was: it is an estimate (~)."
    ),
    "for_images": mark("An image: your [[rates]] {glob}, {price}, where the operation is image."),
    "also_fits": mark("Also fits, but is shorter or older: {glob}"),
    "standard": mark("standard"),
    "long": mark("over {limit} input"),
    "fast_row": mark("fast"),
    "fast_long": mark("fast, over {limit}"),
    "credit_row": mark("credits"),
    "credit_long": mark("credits, over {limit}"),
    "credit_fast": mark("credits, fast"),
    "derived": mark("The credits are 25 for a dollar, none for cache writes: no official card has them."),
    "credits_began": mark("Codex takes credits for tokens from {day} on; before, it took them for messages."),
    "no_fast_long": mark("Nobody tells what the fast tier costs over {limit} input tokens."),
    "no_fast": mark("Nobody tells what the fast tier costs."),
    "other_days": mark("On other days:"),
    "other_day": mark("  from {day}: {input} in, {cached} cached, {output} out"),
    "unknown": mark("{model} has no price on {day}: its tokens count, its cost is unknown."),
    "not_yet": mark("Its first price is from {day}."),
    "has_fallback": mark(
        "The fallback holds for it, marked ~: ${input} per million tokens in, ${output} out."
    ),
    "add_one": mark("A price of your own stands in the configuration (poolwatch config edit):"),
    "ever": mark("  before: {input} in, {cached} cached, {output} out"),
    # of `compare`
    "compare_head": mark("{tokens}; prices of {day}. Prices only, not quality."),
    "as_short": mark("As requests of at most {limit} input tokens each; --long prices longer ones."),
    "as_long": mark("As requests of more than {limit} input tokens each."),
    "as_fast": mark("In the fast tier."),
    "no_price_that_day": mark("no price on that day"),
    "no_price_fast": mark("nobody tells what its fast tier costs"),
    "no_price_of_part": mark("a part has no price"),
    # what was typed
    "no_model": mark("MODEL is empty"),
    "no_day": mark("{text} is no day; a day is written like 2026-11-30"),
    "no_count": mark("{option}: {text} is no number of tokens, like 500000, 500k or 1.5M"),
    "too_much_cached": mark("--cached counts tokens of --input, and there are more of them"),
    "nothing_to_price": mark("say how many tokens: --input N --output N"),
}

_CARD_AGE: Final = Text(
    "the prices were last checked on {day}, {age} ago; a newer poolwatch may have newer ones"
)
_tokens: Final = Text("{input} in, {cached} of it cached, {output} out")
_tokens_plain: Final = Text("{input} in, {output} out")


def said(code: str, **blanks: object) -> str:
    """One of the texts, with its blanks filled."""
    return _(TEXTS[code], **blanks)


def card_age_note(card: RateCard, today: date) -> str | None:
    """That the shipped prices are old, in a clause; None while they are not."""
    age = card_age(card.day, today)
    if age is None:
        return None
    return _CARD_AGE(card.day.isoformat(), n_("{count} day", "{count} days", age))


def limit() -> str:
    """The limit from which requests are long."""
    return f"{LONG_CONTEXT:,}"


def tokens_line(count: int, cached: int, output: int) -> str:
    """`412,000 in, 380,000 of it cached, 12,000 out`."""
    if not cached:
        return _tokens_plain(f"{count:,}", f"{output:,}")
    return _tokens(f"{count:,}", f"{cached:,}", f"{output:,}")
