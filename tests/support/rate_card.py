"""Makes the rate card that is shipped, from genai-prices and from what only OpenAI's pages tell.

`python -m tests.support.rate_card` writes src/poolwatch/rates.toml anew; with `--litellm FILE`, the list of a
LiteLLM package, also the extract that tests hold the card against.

It stands with the tests because it needs what only they have, as the pictures' maker does: genai-prices costs
170 ms to import, and knows hundreds of models that nobody uses through Codex.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from genai_prices import types
from genai_prices.data import providers

CARD: Final = Path(__file__).parents[2] / "src/poolwatch/rates.toml"
EXTRACT: Final = Path(__file__).parents[1] / "recorded/litellm/openai.json"
#: The day on which the pages were last compared with the card.
CHECKED: Final = date(2026, 11, 29)

KINDS: Final = ("input", "cached", "cache_write", "output")
FIELDS: Final = {
    "input": "input_mtok",
    "cached": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "output": "output_mtok",
}
#: What else a price may hold and still be one of text tokens.
_BESIDE: Final = {"web_searches_kcount", "storage_searches_kcount"}
#: Models that somebody may still use, through Codex or in another program.
_WANTED: Final = re.compile(r"(gpt-[456]|o[134]|codex|text-embedding-3|gpt-chat-latest|gpt-image-2)")
_UNWANTED: Final = re.compile(r"realtime|audio|transcribe|tts|vision|search|^gpt-5.*-image|:|\.ft-")
_DATED: Final = re.compile(r"-20[0-9]{2}-[0-9]{2}-[0-9]{2}$")

#: The first day of models whose day is known: https://openai.com and the model pages.
BEGAN: Final = {
    "gpt-5.6-sol": date(2026, 7, 9),
    "gpt-5.6-terra": date(2026, 7, 9),
    "gpt-5.6-luna": date(2026, 7, 9),
    "gpt-6-astra": date(2026, 9, 3),
    "gpt-6-sol": date(2026, 9, 22),
    "gpt-6-luna": date(2026, 9, 22),
    "gpt-6.1-terra": date(2026, 10, 26),
}
#: Priority processing, as a multiple: openai.com/api-fast-mode, and LiteLLM's list.
FAST_USD: Final = {
    "gpt-5": "2", "gpt-5-mini": "1.8", "gpt-5.1": "2", "gpt-5.2": "2", "gpt-5.3-codex": "2",
    "gpt-5.4": "2", "gpt-5.4-mini": "2", "gpt-5.5": "2.5",
    "gpt-5.6-sol": "2", "gpt-5.6-terra": "2", "gpt-5.6-luna": "2",
    "gpt-6-astra": "2", "gpt-6-sol": "2", "gpt-6-luna": "2", "gpt-6.1-sol": "2", "gpt-6.1-terra": "2",
}  # fmt: skip
#: The fast mode of Codex, in credits: developers.openai.com/codex/speed.
FAST_CREDITS: Final = {
    "gpt-5.4": "2", "gpt-5.5": "2.5",
    "gpt-5.6-sol": "2.5", "gpt-5.6-terra": "2.5", "gpt-5.6-luna": "2.5", "gpt-6-astra": "2.5",
}  # fmt: skip
#: They are not fast above the limit: openai.com/api-fast-mode.
NO_FAST_LONG: Final = {"gpt-5.4", "gpt-5.5"}
#: Credits per million tokens, as the official card has them: help.openai.com/en/articles/20001106.
CREDITS: Final = {
    "gpt-5.1": ("31.25", "3.125", "250"),
    "gpt-5.1-codex-mini": ("6.25", "0.625", "50"),
    "gpt-5.2": ("43.75", "4.375", "350"),
    "gpt-5.3-codex": ("43.75", "4.375", "350"),
    "gpt-5.3-codex-spark": ("0", "0", "0"),
    "gpt-5.4": ("62.5", "6.25", "375"),
    "gpt-5.4-mini": ("18.75", "1.875", "113"),
    "gpt-5.5": ("125", "12.5", "750"),
    "gpt-5.5-cyber": ("500", "50", "3000"),
    "gpt-image-2": ("125", "31.25", "750"),
}
#: Models of Codex that no official table has: 25 credits for a dollar, as in every row of that table but one.
DERIVED: Final = {
    "gpt-5", "gpt-5.6-sol", "gpt-5.6-terra", "gpt-5.6-luna",
    "gpt-6-astra", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-sol", "gpt-6.1-terra",
}  # fmt: skip
PER_DOLLAR: Final = 25
#: Long requests take no more credits than others.
NO_LONG_CREDITS: Final = {"gpt-6-astra"}
#: Image tokens have prices of their own, and nobody tells how many of the tokens they are.
ESTIMATED: Final = {"gpt-image-2"}
#: What stood behind a name of Codex's own, from which day: OpenAI's announcement of 2026-07-30.
STANDS_FOR: Final = {
    "codex-auto-review": ((date(2026, 3, 5), "gpt-5.4"), (date(2026, 7, 30), "gpt-5.6-luna")),
}
HEADER: Final = """\
# What OpenAI's API charges, in US dollars per million tokens, and what Codex takes in credits.
# Made by tests/support/rate_card.py from genai-prices {version}; change that, not this file.
#
# from: the first UTC day of a row; without it, ever since. above: requests with more input tokens than that.
# fast_usd, fast_credits: the fast tier, as a multiple; fast_long = false: none for such requests.
# A part that is missing is unknown; "0" is free. Models before 5.6 write into the cache at the input price.
# credits: of Codex's official card, or derived = true: 25 for a dollar, none for writing into the cache.
# What genai-prices does not tell is of help.openai.com/en/articles/20001106 (credits), of
# developers.openai.com/codex/speed and openai.com/api-fast-mode, and of OpenAI's announcements.
"""

Row = dict[str, Any]


def rows() -> list[Row]:
    """All rows of the card."""
    source = f"genai-prices {version('genai-prices')}"
    found = [row for model in models() for row in _rows_of(model, source)]
    by_model: dict[str, list[Row]] = {}
    for row in found:
        by_model.setdefault(row["model"], []).append(row)
    free = dict.fromkeys(KINDS, "0")
    spark = {"model": "gpt-5.3-codex-spark", **free, "credits": free, "source": "research preview"}
    found.append({**spark, "checked": CHECKED})
    for name, steps in STANDS_FOR.items():
        for index, (day, behind) in enumerate(steps):
            ends = steps[index + 1][0] if index + 1 < len(steps) else date.max
            for begin, row in _within(by_model[behind], day, ends):
                now = {**row, "model": name, "from": begin, "estimated": True, "source": f"as {behind}"}
                now.pop("aliases", None)
                found.append(now)
    return sorted(found, key=lambda row: (row["model"], row.get("from", date.min)))


def models() -> Iterator[types.ModelInfo]:
    """Those of genai-prices that the card has."""
    openai = next(each for each in providers if each.id == "openai")
    for model in openai.models:
        if _WANTED.match(model.id) and not _UNWANTED.search(model.id) and model.id.isprintable():
            parts = {
                name for _, price in steps_of(model) for name, value in _parts(price) if value is not None
            }
            if parts <= {*FIELDS.values(), *_BESIDE} or model.id in ESTIMATED:
                yield model


def steps_of(model: types.ModelInfo) -> list[tuple[date | None, types.ModelPrice]]:
    """The prices of a model, each with its first day, oldest first."""
    if not isinstance(model.prices, list):
        return [(BEGAN.get(model.id), model.prices)]
    steps: list[tuple[date | None, types.ModelPrice]] = []
    for each in model.prices:
        if each.constraint is None:
            steps.append((BEGAN.get(model.id), each.prices))
        else:
            assert isinstance(each.constraint, types.StartDateConstraint), model.id
            steps.append((each.constraint.start_date, each.prices))
    return sorted(steps, key=lambda step: step[0] or date.min)


def names(model: types.ModelInfo) -> list[str]:
    """All names that genai-prices takes for this model."""
    clauses = model.match.or_ if isinstance(model.match, types.ClauseOr) else [model.match]
    return [each.equals for each in clauses if isinstance(each, types.ClauseEquals)]


def aliases(model: types.ModelInfo) -> list[str]:
    """Its other names; those with a day behind are the same without it."""
    if _DATED.search(model.id):
        return []
    return sorted({_DATED.sub("", name) for name in names(model)} - {model.id})


def _rows_of(model: types.ModelInfo, source: str) -> Iterator[Row]:
    for day, price in steps_of(model):
        base = {kind: _text(_base(getattr(price, field))) for kind, field in FIELDS.items()}
        above = {kind: _text(_above(getattr(price, field))) for kind, field in FIELDS.items()}
        if not any(getattr(getattr(price, field), "tiers", ()) for field in FIELDS.values()):
            above = {}
        if base["cached"] is not None and base["cache_write"] is None:
            # before the family of 5.6, what is written into the cache is input like any other
            base["cache_write"] = base["input"]
            above = {**above, "cache_write": above["input"]} if above else {}
        row: Row = {"model": model.id, "aliases": aliases(model), "from": day, **base}
        row["above"] = {"tokens": 272_000, **_known(above)} if above else {}
        row["fast_usd"] = FAST_USD.get(model.id)
        row["fast_credits"] = FAST_CREDITS.get(model.id)
        row["fast_long"] = False if model.id in NO_FAST_LONG else None
        row.update(_credits(model.id, base, above))
        row["estimated"] = True if model.id in ESTIMATED else None
        row.update(source=source, checked=CHECKED)
        yield _known(row)


def _credits(model: str, base: Row, above: Row) -> Row:
    # Codex takes none for writing into its cache
    free = {"cache_write": "0"}
    derived = {kind: _times(base[kind]) for kind in KINDS} | free
    long = {kind: _times(above.get(kind)) for kind in KINDS} | free
    found: Row = {}
    if model in CREDITS:
        found["credits"] = dict(zip(("input", "cached", "output"), CREDITS[model], strict=True)) | free
    elif model in DERIVED:
        found.update(credits=_known(derived), derived=True)
    if found and above and model not in NO_LONG_CREDITS:
        found["credits_above"] = _known(long)
    return found


def _within(steps: list[Row], begin: date, end: date) -> Iterator[tuple[date, Row]]:
    """The rows that hold from one day to before another, each with its first day there."""
    for index, row in enumerate(steps):
        since = max(row.get("from", date.min), begin)
        until = steps[index + 1]["from"] if index + 1 < len(steps) else date.max
        if since < min(until, end):
            yield since, row


def _parts(price: types.ModelPrice) -> Iterator[tuple[str, object]]:
    for name in vars(price):
        yield name, getattr(price, name)


def _base(value: Decimal | types.TieredPrices | None) -> Decimal | None:
    return value.base if isinstance(value, types.TieredPrices) else value


def _above(value: Decimal | types.TieredPrices | None) -> Decimal | None:
    if not isinstance(value, types.TieredPrices):
        return value
    (tier,) = value.tiers
    assert tier.start == 272_000
    price: Decimal = tier.price
    return price


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"


def _times(amount: str | None) -> str | None:
    return None if amount is None else _text(Decimal(amount) * PER_DOLLAR)


def _known(row: Row) -> Row:
    return {key: value for key, value in row.items() if value not in (None, [], {})}


def toml_text() -> str:
    """The whole file."""
    lines = [HEADER.format(version=version("genai-prices")), f'name = "openai"\nchecked = {CHECKED}\n']
    for row in rows():
        lines.append("[[rate]]")
        lines += [f"{key} = {_toml(value)}" for key, value in row.items()]
        lines.append("")
    return "\n".join(lines).rstrip("\n") + "\n"


def _toml(value: object) -> str:
    match value:
        case dict():
            return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
        case list():
            return "[" + ", ".join(map(_toml, value)) + "]"
        case date():
            return value.isoformat()
        case _:
            return json.dumps(value)


#: What LiteLLM calls the parts, each also with what stands behind it for other requests.
LITELLM: Final = {
    "input": "input_cost_per_token",
    "cached": "cache_read_input_token_cost",
    "cache_write": "cache_creation_input_token_cost",
    "output": "output_cost_per_token",
}


def extract(listed: Path, package: str) -> str:
    """What LiteLLM's list says of the models of the card."""
    entries = json.loads(listed.read_text(), parse_float=str, parse_int=str)
    wanted = {name for row in rows() for name in (row["model"], *row.get("aliases", []))}
    keys = [f"{key}{more}" for key in LITELLM.values() for more in ("", "_above_272k_tokens", "_priority")]
    kept = {
        name: {key: entry[key] for key in keys if key in entry}
        for name, entry in sorted(entries.items())
        if name in wanted and entry.get("litellm_provider") == "openai"
    }
    return json.dumps({"package": package, "models": kept}, indent=1) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--litellm", type=Path, help="model_prices_and_context_window_backup.json")
    parser.add_argument("--package", default="litellm", help="the package and its version")
    asked = parser.parse_args()
    CARD.write_text(toml_text())
    if asked.litellm is not None:
        EXTRACT.parent.mkdir(parents=True, exist_ok=True)
        EXTRACT.write_text(extract(asked.litellm, asked.package))


if __name__ == "__main__":
    main()
