"""The hive's mark says what the card says."""

from __future__ import annotations

from hypothesis import given

from poolwatch.domain.state import AccountState
from poolwatch.domain.status import Section, Status
from poolwatch.presentation.card import card_view, mark_view
from poolwatch.presentation.view import Glyph, Prefs, Tone
from tests.presentation.scene import NOW, look
from tests.presentation.test_anything import accounts, prefs


@given(accounts, prefs)
def test_a_mark_agrees_with_its_card(state: AccountState, how: Prefs) -> None:
    judged = look(state).accounts[0]
    card, mark = card_view(judged, NOW, how), mark_view(judged, how)
    # trouble stands in the card's words; here it has no other place than the mark
    heals = state.trouble is not None and card.section is not Section.NEEDS_YOU
    told = heals and judged.status.kind not in (Status.DISABLED, Status.NEEDS_LOGIN, Status.DEACTIVATED)
    assert (mark.glyph, mark.tone) == ((Glyph.TROUBLE, Tone.AMBER) if told else (card.glyph, card.tone))
    assert mark.stale == card.stale
    assert (mark.level, mark.nearest) == (card.level, card.nearest)
