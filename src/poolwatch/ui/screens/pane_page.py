"""What the screens that are one scrolling pane have in common."""

from __future__ import annotations

from typing import TypeVar

from poolwatch.ui.screens.page import Page
from poolwatch.ui.widgets.pane import Pane
from poolwatch.ui.widgets.wall.arrangement import Direction

ResultT = TypeVar("ResultT")


class PanePage(Page[ResultT]):
    """A page that is one scrolling pane over the footer."""

    def action_move(self, where: str) -> None:
        """Scroll."""
        self.query_one(Pane).move(Direction(where))
