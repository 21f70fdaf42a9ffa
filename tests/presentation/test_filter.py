from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.outlook import AccountOutlook
from poolwatch.domain.state import AccountState
from poolwatch.domain.usage import Aged, Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.filter import matching, mistake
from tests.presentation.scene import JUST_NOW, MASKED, PREFS, account, dead_token, look, trouble
from tests.presentation.test_order import full, weekly

BOB = account(
    "bob@example.com",
    Usage(plan=Aged("self_serve_business_usage_based", JUST_NOW, "x"), base=full(1).base),
    group="team-east",
)
CAROL = account("home-07", weekly(33, 4), listings=[dead_token("carol@example.com")])
BURNING = replace(CAROL, outlook=AccountOutlook(JUST_NOW, AccountBurn(Burn(last_24h=12.5), Burn())))

LONG_AGO = replace(
    BURNING,
    outlook=AccountOutlook(JUST_NOW - timedelta(hours=3), AccountBurn(Burn(last_24h=12.5), Burn())),
)


@pytest.mark.parametrize(
    ("state", "text", "passes"),
    [
        (BOB, "", True),
        (BOB, "BOB", True),
        (BOB, "east bob", True),
        (BOB, "east carol", False),
        (BOB, "payg", False),
        (BOB, "business", True),
        (BOB, "usage_based", True),
        (BOB, "homes", True),
        (BOB, "exhausted", True),
        (BOB, "status:exhausted", True),
        (BOB, "status:active", False),
        (BOB, "plan:business", True),
        (BOB, "plan:pro", False),
        (BOB, "plan:self_serve", True),
        (BOB, "source:hom", True),
        (BOB, "source:proxy", False),
        (BOB, "group:team-east", True),
        (BOB, "custody:codex", True),
        (BOB, "status:", True),
        (BOB, "!", False),
        (BOB, "other:x", False),
        (CAROL, "!", True),
        (CAROL, "! carol@", True),
        (CAROL, "status:needs", True),
        (CAROL, "login expired", True),
        (BOB, "-carol", True),
        (BOB, "-bob", False),
        (BOB, "!bob", False),
        (BOB, "east -status:active", True),
        (BOB, "east -status:exhausted", False),
        (BOB, "-other:x", True),
        (BOB, "-!", True),
        (CAROL, "-!", False),
        (CAROL, "!!", False),
        (BOB, "-", True),
        (BOB, "-status:", True),
        (BOB, "other:", True),
        (BURNING, "burn>12", True),
        (BURNING, "burn>12.5", False),
        (BURNING, "burn>=12.5%", True),
        (BURNING, "burn<13", True),
        (BURNING, "burn<=12.4", False),
        (BURNING, "-burn>12", False),
        (BURNING, "burn>", True),
        # what was worked out hours ago is not what the last day used
        (LONG_AGO, "burn>12", False),
        (BURNING, "burn>x", False),
        # what is not known is neither more nor less
        (BOB, "burn>0", False),
        (BOB, "burn<1", False),
        (BOB, "-burn>0", True),
    ],
)
def test_filter(state: AccountState, text: str, passes: bool) -> None:
    assert bool(matching(look(state), text, PREFS)) is passes


def test_trouble_can_be_filtered_for() -> None:
    view = look(account("x", trouble=trouble(FailureKind.THROTTLED, 1)))
    assert matching(view, "status:throttled", PREFS)


def test_a_masked_address_is_not_found() -> None:
    view = look(CAROL, BOB)
    assert matching(view, "example", MASKED) == frozenset()
    assert len(matching(view, "example", PREFS)) == 2
    assert len(matching(view, "account-", MASKED)) == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", ""),
        ("nobody", ""),
        ("plan:busi", ""),
        ("stauts:", ""),
        ("stauts:x", "no field “stauts”; did you mean “status:”?"),
        ("bob -stauts:x", "no field “stauts”; did you mean “status:”?"),
        ("host:x", "no field “host”; there are: status  plan  source  group  custody"),
        ("http://x", "no field “http”; there are: status  plan  source  group  custody"),
        ("status:exh", ""),
        ("status:disabled", ""),
        ("status:throttled", ""),
        ("status:exausted", "no status begins with “exausted”; did you mean “exhausted”?"),
        ("plan:prop", "no plan begins with “prop”; did you mean “Pro”?"),
        ("-plan:busines_", "no plan begins with “busines_”; there are: Business (usage), Pro"),
        ("source:x", "no source begins with “x”; there are: homes"),
        ("group:x", "no group begins with “x”; there are: team-east"),
        ("custody:other", "no custody begins with “other”; there are: Codex, codex"),
        ("burn>5 -burn<2", ""),
        (
            "burn:5",
            "burn is compared: burn>10, burn<=2; it is what a day used, in percent of a week",
        ),
        ("plan:x status:y", "no plan begins with “x”; there are: Business (usage), Pro"),
    ],
)
def test_what_is_wrong_with_a_filter(text: str, told: str) -> None:
    pro = replace(CAROL.usage, plan=Aged("pro", JUST_NOW, "x"))
    assert mistake(look(BOB, replace(CAROL, usage=pro)), text, PREFS) == told


def test_a_name_with_a_colon_is_no_mistake() -> None:
    assert mistake(look(account("host:8080")), "host:80", PREFS) == ""


def test_a_masked_group_is_not_told() -> None:
    view = look(account("x", group="ops@example.com"))
    assert "ops" not in mistake(view, "group:y", MASKED)
    assert "ops" in mistake(view, "group:y", PREFS)


@given(st.text(max_size=20), st.sampled_from(["", "-", "!", "status:", "x:", "burn>", "burn<=1", "burn:"]))
def test_no_filter_breaks(text: str, before: str) -> None:
    view = look(BOB)
    matching(view, before + text, PREFS)
    mistake(view, before + text, PREFS)
