"""One `[[rates]]` of the file: what a model costs, where the shipped card has nothing or something else."""

# no `annotations` from __future__: the table is read from them
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Struct

from poolwatch.config import amounts, values
from poolwatch.config.layers import Layers, dotted
from poolwatch.config.values import Row, nearest, printable, rows_of
from poolwatch.domain.rates import Per, Prices, Rate, pico, prices_of
from poolwatch.words.catalogue import mark
from poolwatch.words.config import said


class RateSettings(Struct, frozen=True):
    """What a model costs, in dollars per million tokens; a part that is not given is unknown."""

    model: Annotated[
        str,
        Row(values.line(), mark("a model, or a glob; of all that fit the longest holds, before the card")),
    ]
    since: Annotated[date | None, Row(amounts.day, mark("its first day (UTC)"))] = None
    until: Annotated[date | None, Row(amounts.day, mark("its last day"))] = None
    input: Annotated[
        Decimal | None,
        Row(amounts.amount(), mark('USD per million input tokens; "0" is free, unset is unknown')),
    ] = None
    cached: Annotated[Decimal | None, Row(amounts.amount(), mark("of those that came from the cache"))] = None
    cache_write: Annotated[
        Decimal | None, Row(amounts.amount(), mark("of those that were written into it"))
    ] = None
    output: Annotated[Decimal | None, Row(amounts.amount(), mark("of output tokens, reasoning too"))] = None
    above: Annotated[
        Prices | None,
        Row(amounts.prices(has_limit=True), mark("the four for requests with over 272,000 input tokens")),
    ] = None
    fast_usd: Annotated[
        Decimal | None, Row(amounts.factor, mark("how many times as much the fast tier costs"))
    ] = None
    fast_credits: Annotated[
        Decimal | None, Row(amounts.factor, mark("how many times as many credits it takes"))
    ] = None
    credits: Annotated[
        Prices | None, Row(amounts.prices(), mark("credits of Codex per million tokens, likewise"))
    ] = None
    per: Annotated[
        str,
        Row(values.one_of([each.value for each in Per]), mark("token; image: each image; item: any request")),
    ] = Per.TOKEN.value
    price: Annotated[Decimal | None, Row(amounts.item_amount, mark("USD for one image or item"))] = None

    @property
    def rate(self) -> Rate:
        """As the rate card takes it."""
        return Rate(
            self.model,
            prices_of(self.input, self.cached, self.cache_write, self.output),
            since=self.since,
            until=self.until,
            above=self.above,
            fast_usd=self.fast_usd,
            fast_credits=self.fast_credits,
            credits=self.credits,
            per=Per(self.per),
            each=None if self.price is None else pico(self.price),
        )


#: Keys of the file that Python takes for itself, or that read better there, and their fields.
_FIELDS: Final[Mapping[str, str]] = {"from": "since", "to": "until"}
_KEYS: Final = {field: key for key, field in _FIELDS.items()}
RATE_ROWS: Final = {_KEYS.get(name, name): row for name, row in rows_of(RateSettings).items()}


def field_of(key: str) -> str:
    """The field of a key."""
    return _FIELDS.get(key, key)


_NO_RATE: Final = RateSettings("")
#: The keys of a rate that mean something for tokens alone.
_OF_TOKENS: Final = (*amounts.PARTS, "above", "fast_usd", "fast_credits", "credits")


def read_rates(layers: Layers, document: Mapping[str, object]) -> tuple[RateSettings, ...]:
    """The rates of the file, in its order."""
    rates = []
    for index, table in layers.tables(document, "rates"):
        problems_before = len(layers.problems)
        for key in table:
            if key in RATE_ROWS:
                layers.offer_file(table[key], "rates", index, key)
            else:
                message = said("unknown_in_rate", name=printable(key))
                layers.in_file(message, "rates", index, key, suggestion=nearest(key, RATE_ROWS))
        prefix = dotted("rates", index)
        taken = {
            field_of(key): layers.take(f"{prefix}.{key}", row.read, getattr(_NO_RATE, field_of(key)))
            for key, row in RATE_ROWS.items()
        }
        if "model" not in table:
            layers.in_file(said("no_model", rate=prefix), "rates", index)
        if len(layers.problems) == problems_before:
            rates.append(RateSettings(**taken))
            _check_rate(layers, index, table, rates[-1])
    return tuple(rates)


def _check_rate(layers: Layers, index: int, table: Mapping[str, object], rate: RateSettings) -> None:
    """Whether the keys of one rate go together."""
    prefix = dotted("rates", index)
    is_for_tokens = rate.per == Per.TOKEN.value
    of_tokens = [key for key in table if key in _OF_TOKENS]
    if rate.since is not None and rate.until is not None and rate.until < rate.since:
        layers.in_file(said("ends_first", rate=prefix), "rates", index, "to")
    if is_for_tokens and "price" in table:
        layers.in_file(said("price_of_what", rate=prefix), "rates", index, "price")
    elif is_for_tokens and not of_tokens:
        layers.in_file(said("no_prices", rate=prefix), "rates", index)
    elif not is_for_tokens and of_tokens:
        message = said("not_per", name=of_tokens[0], per=rate.per)
        layers.in_file(message, "rates", index, of_tokens[0])
    elif not is_for_tokens and "price" not in table:
        layers.in_file(said("no_price", rate=prefix, per=rate.per), "rates", index)
