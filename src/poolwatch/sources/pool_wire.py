"""What the answers of pool programs have in common: rows by the pool's own id, or words instead of them."""

from __future__ import annotations

from typing import Final, Self

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic.alias_generators import to_camel

from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.usage import UsageWindow
from poolwatch.sources.json_body import MOST_ROWS, JsonValue
from poolwatch.sources.lenient import all_said, reader_in
from poolwatch.sources.pool_client import segment
from poolwatch.sources.redact import their_words
from poolwatch.sources.slices import resting

#: More extra buckets than this are no answer of a pool.
MAX_BUCKETS: Final = 64
#: How much of a pool's own words is shown.
SAID_LENGTH: Final = 120
#: A window of which nothing is known.
NO_WINDOW: Final = UsageWindow(None, None, None)


class CamelWire(BaseModel):
    """A pool's own object, whose keys are the fields' names in camel case.

    As in a `WireObject`, unknown keys are ignored, and no field can spoil another.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        protected_namespaces=(),
        # a field may hold a WireObject
        arbitrary_types_allowed=True,
    )

    @field_validator("*", mode="plain")
    @classmethod
    def _said(cls, value: object, info: ValidationInfo) -> object:
        name = info.field_name or ""
        return all_said([(name, reader_in(cls.model_fields[name].metadata))], {name: value})[0]

    @classmethod
    def of(cls, value: object) -> Self | None:
        """The object that a JSON value is; None of anything else."""
        return cls.model_validate(value) if isinstance(value, dict) else None


def account_rows(body: JsonValue, pool: str, id_key: str) -> dict[str, dict[str, JsonValue]] | Failure:
    """The rows of `accounts` by their id, the first of equals; those whose id fits no route are left out.

    Of more than `MOST_ROWS` the others are left out as well.
    """
    rows = body.get("accounts") if isinstance(body, dict) else None
    if not isinstance(rows, list):
        return holds_no(pool, "list of accounts", body)
    found: dict[str, dict[str, JsonValue]] = {}
    for row in resting(rows[:MOST_ROWS]):
        place = row.get(id_key) if isinstance(row, dict) else None
        if isinstance(row, dict) and isinstance(place, str) and segment(place) is not None:
            found.setdefault(place, row)
    return found


def holds_no(pool: str, what: str, body: JsonValue) -> Failure:
    """The failure for an answer without what was asked for: the pool's own words where it has some."""
    error = body.get("error") if isinstance(body, dict) else None
    said = error.get("message") if isinstance(error, dict) else error
    if isinstance(said, str) and said.strip():
        words = f"{pool} says: {their_words(said, SAID_LENGTH)}"
        return Failure(FailureKind.UPSTREAM_ERROR, words)
    return Failure(FailureKind.MALFORMED, f"the answer of {pool} holds no {what}")
