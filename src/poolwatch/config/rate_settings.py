"""One `[[rates]]` of the file: what a model costs, where the shipped card has nothing or something else."""

# no `annotations` from __future__: the table is read from them
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Struct

from poolwatch.config import amounts, values
from poolwatch.config.values import Row, rows_of
from poolwatch.domain.rates import Per, Prices, Rate, pico, prices_of
from poolwatch.words.catalogue import mark


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
