"""`[[topups]]` of the file: what may be proposed, and what is wrong with it."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.config.load import load_text
from poolwatch.config.problems import ConfigProblems
from poolwatch.config.settings import Settings
from poolwatch.config.table import shown_settings
from poolwatch.domain.proposals import AutoTopUp
from poolwatch.domain.purchases import Caps

PATH = Path("/etc/poolwatch/config.toml")
_D = Decimal
_GOOD = "auto = { below = 5, amount = 10.50, max_per_day = 21, max_per_month = 100 }"


def loaded(auto: str, *, kind: str = "generic", source: str = 'source = "b"') -> Settings | ConfigProblems:
    text = f"""
[[sources]]
kind = "credits-http"
name = "b"
preset = "reef"
[[topups]]
name = "reef"
kind = "{kind}"
url = "https://pay.example.com/t"
token_env = "PAY_TOKEN"
{source}
{auto}
"""
    return load_text(text, PATH, {"HOME": "/home/ann"}, {})


def test_what_is_proposed_is_read_exactly_and_shown() -> None:
    settings = loaded(_GOOD)
    assert isinstance(settings, Settings)
    assert settings.topups[0].auto == AutoTopUp(_D(5), _D("10.50"), Caps(_D(21), _D(100)))
    (shown,) = (each for each in shown_settings(settings) if each.key == "topups[0].auto")
    assert shown.value == "{ below = 5, amount = 10.50, max_per_day = 21, max_per_month = 100 }"
    assert f"auto = {shown.value}" == _GOOD
    unset = loaded("")
    assert isinstance(unset, Settings)
    assert unset.topups[0].auto is None


def test_what_is_unset_is_bought_for_the_pool_in_four_amounts_within_caps() -> None:
    settings = loaded("")
    assert isinstance(settings, Settings)
    (topup,) = settings.topups
    assert topup.amounts == (_D(5), _D(10), _D(25), _D(50))
    assert (topup.caps, topup.target, topup.currency) == (Caps(_D(100), _D(500)), "pool", "USD")


@pytest.mark.parametrize(
    ("auto", "more", "why"),
    [
        ("auto = 5", {}, "with below, amount, max_per_day, max_per_month"),
        ("auto = { below = 5, amount = 10 }", {}, "with below, amount, max_per_day, max_per_month"),
        (_GOOD.replace("below", "under"), {}, "with below, amount, max_per_day, max_per_month"),
        (_GOOD.replace(" }", ", confirm = false }"), {}, "with below, amount, max_per_day, max_per_month"),
        (_GOOD.replace("10.50", "0"), {}, "auto amount must be above 0"),
        (_GOOD.replace("10.50", "10.505"), {}, "auto amount must be"),
        (_GOOD.replace("below = 5", "below = -5"), {}, "auto below must be"),
        (_GOOD, {"source": ""}, "topups[0].auto: it needs `source`"),
        (_GOOD.replace("21", "10"), {}, "topups[0].auto: its amount is above a cap of 10"),
        (_GOOD, {"source": 'source = "b"\nmax_per_day = 9'}, "its amount is above a cap of 9"),
        (_GOOD.replace("10.50", "4"), {"kind": "reef"}, "topups[0].auto: reef takes 5 to 1000 dollars"),
    ],
)
def test_what_is_wrong_with_it_is_told(auto: str, more: dict[str, str], why: str) -> None:
    found = loaded(auto, **more)
    assert isinstance(found, ConfigProblems)
    (problem,) = found.problems
    assert why in problem.text
