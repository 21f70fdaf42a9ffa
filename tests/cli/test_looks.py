"""What the app may draw: the glyphs that a locale can show."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from poolwatch.bootstrap.screen import speaks_utf8
from tests.cli.desk import Desk


@pytest.mark.parametrize(
    ("env", "utf8"),
    [
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "C.UTF-8"}, True),
        ({"LANG": "de_DE.utf8@euro"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, False),
        ({"LANG": "C"}, False),
        ({"LANG": "POSIX"}, False),
        ({"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, False),
        ({"LC_ALL": "de_DE.UTF-8", "LANG": "C"}, True),
        # what Python puts there itself, and what somebody chose
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, True),
        ({"LC_CTYPE": "de_DE.ISO-8859-1", "LANG": "de_DE.UTF-8"}, False),
    ],
)
def test_the_locale_decides_about_glyphs(env: Mapping[str, str], utf8: bool) -> None:
    assert speaks_utf8(env) is utf8


def test_next_says_that_there_is_none_on_one_line(desk: Desk) -> None:
    (desk.home / ".codex").mkdir()
    (desk.home / ".codex" / "auth.json").write_text('{"OPENAI_API_KEY": "sk-fake"}')
    ran = desk.run("next")
    assert ran.code == 1
    assert ran.err.count("\n") == 1
