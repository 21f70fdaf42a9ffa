"""What all screens share: the feed, the board, the keys, the looks and the operator's choice."""

from __future__ import annotations

from msgspec import Struct

from poolwatch.domain.overview import PoolOverview
from poolwatch.ui.board import Board
from poolwatch.ui.feed import BulkProgress, Feed
from poolwatch.ui.looks import Looks
from poolwatch.ui.options import AppOptions, Choice


class Session(Struct):
    """One run of the app. Only the app itself changes it; screens read it."""

    feed: Feed
    board: Board
    options: AppOptions
    looks: Looks
    choice: Choice
    paused: bool = False
    bulk: BulkProgress | None = None
    #: the pool as it stood before that, and what became different until its end
    bulk_before: PoolOverview | None = None
    bulk_diff: tuple[str, ...] = ()
