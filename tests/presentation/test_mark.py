"""The hive's mark says what the card says."""

from __future__ import annotations

from hypothesis import given

from poolwatch.domain.pool import AccountState
from poolwatch.presentation.card import card_view, mark_view
from poolwatch.presentation.prefs import Prefs
from tests.presentation.scene import NOW, look
from tests.presentation.test_anything import accounts, prefs


@given(accounts, prefs)
def test_a_mark_agrees_with_its_card(state: AccountState, how: Prefs) -> None:
    judged = look(state).accounts[0]
    card, mark = card_view(judged, NOW, how), mark_view(judged, how)
    assert (mark.glyph, mark.tone, mark.stale) == (card.glyph, card.tone, card.stale)
    assert (mark.level, mark.nearest) == (card.level, card.nearest)
