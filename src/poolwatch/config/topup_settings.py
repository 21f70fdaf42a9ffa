"""`[[topups]]` of the file: where credits may be bought, and how much of them."""

# no `annotations` from __future__: the table is read from them
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Final

from msgspec import Struct

from poolwatch.config import values
from poolwatch.config.amounts import amount
from poolwatch.config.layers import Layers, dotted
from poolwatch.config.limit_settings import read_tables
from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.config.values import Raw, Row, Wrong, nearest, printable, quoted, rows_of
from poolwatch.domain.proposals import AutoTopUp
from poolwatch.domain.purchases import REEF_LEAST, REEF_MOST, Caps, TopUpKind
from poolwatch.words.catalogue import mark
from poolwatch.words.config import said

TOPUPS: Final = "topups"
_CENTS: Final = 2
#: One digit chooses each of them.
_MOST_AMOUNTS: Final = 9


def _amounts(raw: Raw) -> tuple[Decimal, ...] | Wrong:
    given = raw.value
    found = [amount(_CENTS)(Raw(each)) for each in given] if isinstance(given, list) else []
    good = tuple(each for each in found if isinstance(each, Decimal) and each > 0)
    if not 1 <= len(found) <= _MOST_AMOUNTS or len(good) != len(found):
        return Wrong(said("not_amounts", most=_MOST_AMOUNTS, value=quoted(given)))
    return good


#: The keys of `auto`; none of them can be missing.
_AUTO_KEYS: Final = ("below", "amount", "max_per_day", "max_per_month")


def _auto(raw: Raw) -> AutoTopUp | Wrong:
    """`{ below = 5, amount = 10, max_per_day = 20, max_per_month = 100 }`."""
    given = raw.value
    if not isinstance(given, dict) or given.keys() != set(_AUTO_KEYS):
        return Wrong(said("not_auto", keys=", ".join(_AUTO_KEYS)))
    found: list[Decimal] = []
    for name in _AUTO_KEYS:
        each = amount(_CENTS)(Raw(given[name]))
        if isinstance(each, Wrong):
            return Wrong(said("wrong_part", name=name, why=each.why))
        if not each:
            return Wrong(said("wrong_part", name=name, why=said("must_be_above_zero")))
        found.append(each)
    below, dollars, day, month = found
    return AutoTopUp(below, dollars, Caps(day, month))


#: What it is bought for, also where that is typed.
target_line: Final = values.line(64)


class TopUpSettings(Struct, frozen=True):
    """One place where credits can be bought. It is asked only by a person, for an amount that is typed."""

    name: Annotated[str, Row(values.line(64), mark("what it is called"))]
    kind: Annotated[
        str,
        Row(
            values.one_of([each.value for each in TopUpKind]),
            mark("generic (takes a request key) or reef (takes none, so it is never asked twice)"),
        ),
    ]
    url: Annotated[
        str,
        Row(values.url(https_only=True), mark("where it is bought; https, or http to this machine")),
    ]
    token_file: Annotated[
        str | None, Row(values.path, mark("file with the token; it goes to that address alone"))
    ] = None
    token_env: Annotated[
        str | None, Row(values.variable, mark("the variable that holds it, instead of a file"))
    ] = None
    amounts: Annotated[tuple[Decimal, ...], Row(_amounts, mark("the amounts that a digit chooses"))] = (
        Decimal(5),
        Decimal(10),
        Decimal(25),
        Decimal(50),
    )
    currency: Annotated[
        str, Row(values.one_of(("USD",)), mark("what the amounts are in; only USD so far"))
    ] = "USD"
    target: Annotated[str, Row(target_line, mark("what it is bought for, as the service calls it"))] = "pool"
    max_per_day: Annotated[
        Decimal, Row(amount(_CENTS), mark("no more is sent in a day of UTC, what is unknown included"))
    ] = Decimal(100)
    max_per_month: Annotated[Decimal, Row(amount(_CENTS), mark("likewise in a month of UTC"))] = Decimal(500)

    source: Annotated[
        str | None, Row(values.line(64), mark("the source of kind credits-http that tells its balance"))
    ] = None
    auto: Annotated[
        AutoTopUp | None,
        Row(_auto, mark("what is proposed to you when the balance of `source` falls below an amount")),
    ] = None

    @property
    def caps(self) -> Caps:
        """The most that may be spent there."""
        return Caps(self.max_per_day, self.max_per_month)


TOPUP_ROWS: Final = rows_of(TopUpSettings)


def read_topups(layers: Layers, document: Mapping[str, object]) -> tuple[TopUpSettings, ...]:
    """The top-ups of a file."""
    found = read_tables(layers, document, TOPUPS, TopUpSettings, TOPUP_ROWS)
    for index, each in found:
        _check(layers, index, each)
    return tuple(each for _, each in found)


def _check(layers: Layers, index: int, topup: TopUpSettings) -> None:
    prefix = dotted(TOPUPS, index)
    if topup.token_file is not None and topup.token_env is not None:
        layers.in_file(said("both_set", one="token_file", other="token_env"), TOPUPS, index, "token_env")
    if topup.token_file is None and topup.token_env is None:
        layers.in_file(said("limit_lacks", table=prefix, name="token_file"), TOPUPS, index)
    if topup.kind == TopUpKind.REEF and not all(REEF_LEAST <= each <= REEF_MOST for each in topup.amounts):
        why = said("reef_amounts", table=prefix, least=REEF_LEAST, most=REEF_MOST)
        layers.in_file(why, TOPUPS, index, "amounts")
    auto = topup.auto
    if auto is None:
        return
    if topup.source is None:
        layers.in_file(said("auto_needs_source", table=prefix), TOPUPS, index, "auto")
    if topup.kind == TopUpKind.REEF and not REEF_LEAST <= auto.amount <= REEF_MOST:
        why = said("reef_auto", table=prefix, least=REEF_LEAST, most=REEF_MOST)
        layers.in_file(why, TOPUPS, index, "auto")
    caps = (auto.caps.day, auto.caps.month, topup.max_per_day, topup.max_per_month)
    if auto.amount > min(caps):
        layers.in_file(said("auto_above_cap", table=prefix, cap=min(caps)), TOPUPS, index, "auto")


def check_sources(layers: Layers, topups: Sequence[TopUpSettings], sources: Sequence[SourceSettings]) -> None:
    """Whether the balances are told that top-ups name."""
    known = [each.name for each in sources if each.kind is SourceKind.CREDITS_HTTP]
    if any((each.key or "").startswith(("sources", TOPUPS)) for each in layers.problems):
        return
    for index, topup in enumerate(topups):
        if topup.source is not None and topup.source not in known:
            why = said("no_such_balance", table=dotted(TOPUPS, index), name=printable(topup.source))
            layers.in_file(why, TOPUPS, index, "source", suggestion=nearest(topup.source, known))
