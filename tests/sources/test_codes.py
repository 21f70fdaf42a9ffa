"""Every code of a failure has a sentence, and every sentence a failure."""

from __future__ import annotations

import re
from pathlib import Path

import poolwatch.sources
from poolwatch.words.failures import TEXTS

_CODE = re.compile(r'"((?:sources|pools)\.[a-z0-9_]+)"')


def test_codes_and_sentences_are_the_same() -> None:
    files = Path(poolwatch.sources.__file__).parent.rglob("*.py")
    used = {code for file in files for code in _CODE.findall(file.read_text())}
    assert used == {code for code in TEXTS if code.startswith(("sources.", "pools."))}
