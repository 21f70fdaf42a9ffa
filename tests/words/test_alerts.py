"""Words of alerts."""

from __future__ import annotations

from poolwatch.domain.alerts import BuiltIn
from poolwatch.words import alerts as words


def test_every_rule_that_is_there_by_itself_says_what_it_looks_for() -> None:
    assert all(words.rule_words(each) for each in BuiltIn)
    assert set(words._RULES) == set(BuiltIn)
    assert words.rule_words("team is full") == ""


def test_what_is_none_is_not_counted() -> None:
    assert words.counted(3, 1, 0) == ("3 firing", "1 waits for you")
    assert words.counted(0, 2, 1) == ("2 wait for you", "1 silenced")
    assert words.alerts_counted(1) == "1 alert"
