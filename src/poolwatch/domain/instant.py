"""The type of every instant: a datetime that knows its zone, UTC wherever poolwatch makes one."""

from datetime import datetime
from typing import Annotated, TypeAlias

from msgspec import Meta

#: What is read from outside without an offset is refused by its decoder.
Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
