"""Looks of the screen's own furniture, beside the tones that view models carry."""

from __future__ import annotations

from enum import StrEnum


class Ink(StrEnum):
    """What a theme styles beside the tones: bars, rules, headings, keys, the selection's mark."""

    BAR = "bar"
    TRACK = "track"
    RULE = "rule"
    HEADING = "heading"
    BRAND = "brand"
    KEY = "key"
    MARK = "mark"
    CURSOR = "cursor"
