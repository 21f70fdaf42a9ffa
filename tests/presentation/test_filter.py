from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.burn import AccountBurn, Burn
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.outlook import AccountOutlook
from poolwatch.domain.query.fields import OF_ACCOUNTS
from poolwatch.domain.state import AccountState
from poolwatch.domain.usage import Aged, SpendControl, SpendLimit, Usage, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.presentation.filter import Looker, matching, worth_reading
from poolwatch.presentation.filter_typing import Completion, completion, mistake
from tests.presentation.scene import (
    FIVE_HOURS,
    JUST_NOW,
    MASKED,
    NOW,
    PREFS,
    WEEK,
    account,
    after,
    balance,
    base,
    dead_token,
    look,
    trouble,
    window,
)
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
        ("stauts:x", "no field “stauts”; status?"),
        ("bob -stauts:x", "no field “stauts”; status?"),
        ("host:x", f"no field “host”; there are: {'  '.join(OF_ACCOUNTS)}"),
        ("http://x", f"no field “http”; there are: {'  '.join(OF_ACCOUNTS)}"),
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
        ("weekli>80", "no field “weekli”; weekly?"),
        ("(bob or weekli>80", "no field “weekli”; weekly?"),
        ("weekly:80", "weekly is compared, in percent: weekly>=80, weekly<5"),
        ("credits>x", "credits is compared: credits>=80, credits<5"),
        ("usd<x", "usd is compared: usd>=80, usd<$5"),
        ("resets<2", "resets is compared, with a time: resets<2h, resets>1d12h"),
        ("plan>3", "“plan” is a text: plan:… looks for how it begins, plan=… for all of it"),
        ("plan=pr", "no plan begins with “pr”; did you mean “Pro”?"),
        ("model:gpt", "“model” is of usage; accounts have none"),
        ("bob -user:x", "“user” is of usage; accounts have none"),
        ("bob and carol", "a blank is “and”: leave the word out, or put it in quotes"),
        ("bob)", "a parenthesis closes nothing"),
        ("(" * 50 + "bob", "too many parentheses within each other"),
        ("stale:maybe", "no stale begins with “maybe”; there are: yes, no"),
        ("section:y", "no section begins with “y”; there are: needs_you, exhausted, active, rest"),
        # somebody is still at it
        ("(bob or", ""),
        ('plan:"bus', ""),
        ("plan:x status:y", "no plan begins with “x”; there are: Business (usage), Pro"),
    ],
)
def test_what_is_wrong_with_a_filter(text: str, told: str) -> None:
    pro = replace(CAROL.usage, plan=Aged("pro", JUST_NOW, "x"))
    assert mistake(Looker(look(BOB, replace(CAROL, usage=pro)), PREFS), text) == told


def test_a_name_with_a_colon_is_no_mistake() -> None:
    assert mistake(Looker(look(account("host:8080")), PREFS), "host:80") == ""


def test_a_masked_group_is_not_told() -> None:
    view = look(account("x", group="ops@example.com"))
    assert "ops" not in mistake(Looker(view, MASKED), "group:y")
    assert "ops" in mistake(Looker(view, PREFS), "group:y")


def test_a_filter_that_is_whole_leaves_nothing_open() -> None:
    told = {
        text: mistake(Looker(look(BOB), PREFS), text, is_whole=True)
        for text in ("bob", "bob or", "(bob", '"bob')
    }
    assert told == {
        "bob": "",
        "bob or": "nothing stands beside “or”",
        "(bob": "a parenthesis is not closed",
        '"bob': "a quote is not closed",
    }


SPENT = SpendLimit("individual", None, None, None, 33.0, None)
FIGURES = replace(
    account(
        "dev",
        Usage(
            base=base(
                window(71.4, FIVE_HOURS, after(hours=1, minutes=30)),
                window(98, WEEK, after(days=2)),
                window(3, 86400, None),
                UsageWindow(None, 30 * 86400, after(days=20), limit_reached=True),
            ),
            credits=balance("250.5000"),
            spend=Aged(SpendControl(None, None, (SPENT,)), JUST_NOW, "x"),
        ),
    ),
    outlook=AccountOutlook(
        JUST_NOW,
        AccountBurn(Burn(last_24h=0.4), Burn()),
        (Forecast("codex", "weekly", JUST_NOW, after(days=2), 99.0, 98.5, 99.5, 0.1),),
    ),
)  # fmt: skip
EMPTY = account("new", Usage(), read_at=None)
ENDLESS = account("endless", Usage(credits=balance(None, unlimited=True)))


@pytest.mark.parametrize(
    ("state", "figures"),
    [
        (
            FIGURES,
            {
                "5h": 71.4, "weekly": 98, "daily": 3, "monthly": 100.0, "spend": 33.0,
                "burn": 0.4, "at_reset": 99.0, "resets": 5400.0,
                "credits": Decimal("250.5000"), "usd": Decimal("10.02"),
            },
        ),
        # nothing is 0 that nobody told
        (EMPTY, {}),
        (ENDLESS, {"credits": Decimal("Infinity"), "usd": Decimal("Infinity")}),
        # a balance that nobody has is none
        (account("none", Usage(credits=balance("0", has=False))), {}),
        (account("unknown", Usage(credits=balance(None))), {}),
        (account("due", Usage(base=base(window(40, WEEK, NOW - timedelta(hours=1))))), {"weekly": 40}),
        (account("full", full(1)), {"5h": 100.0, "resets": 3600.0}),
    ],
)  # fmt: skip
def test_the_figures_of_an_account(state: AccountState, figures: Mapping[str, object]) -> None:
    subject = Looker(look(state), PREFS).accounts[0]
    found = {name: subject.figure(name) for name in OF_ACCOUNTS}
    assert {name: figure for name, figure in found.items() if figure is not None} == figures


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("weekly>=98 5h<80", ["dev"]),
        ("weekly>=98 or !", ["carol@example.com", "dev"]),
        ("(weekly>=80 or group:team-east) -dev", ["bob@example.com"]),
        ("resets<1h15m", ["bob@example.com", "carol@example.com"]),
        ("credits>100 usd<$20", ["dev"]),
        ("credits>100", ["dev", "endless"]),
        ("at_reset>=99", ["dev"]),
        ("idle:yes", ["dev"]),
        ("idle:no", []),
        ("-idle:no", ["bob@example.com", "carol@example.com", "dev", "endless", "new"]),
        ("stale:no -!", ["bob@example.com", "dev", "endless"]),
        ("stale:yes", []),
        # who was never read is neither
        ("-stale:no", ["new"]),
        ("trouble:no label:b", ["bob@example.com"]),
        ("section:needs_you", ["carol@example.com"]),
        ("email:carol@", ["carol@example.com"]),
        ("label=dev", ["dev"]),
        ("label:team-east/bob", ["bob@example.com"]),
        ("provider:codex plan=pro", []),
        ("model:gpt", []),
    ],
)
def test_which_accounts_a_filter_finds(text: str, found: list[str]) -> None:
    carol = replace(CAROL, name=replace(CAROL.name, label="carol@example.com"))
    view = look(BOB, carol, FIGURES, EMPTY, ENDLESS)
    keys = matching(view, text, PREFS)
    assert sorted(each.account.name.label for each in view.accounts if each.account.key in keys) == found


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("new", True),
        ("dev", False),
        ("label:new weekly>=80", True),
        ("dev weekly>=80", False),
        ("weekly>=80", True),
        ("-weekly>=80", True),
        ("group:x or credits>5", True),
        ("status:exhausted", True),
        ("-status:exhausted", True),
        ("exhaus", True),
        ("-exhaus", True),
        ("!", True),
        ("stale:yes", True),
        # the login says plus, and a reading may say another one
        ("plan:pro", True),
        ("plan:pro custody:static", False),
        ("-provider:codex", False),
        ("model:x", False),
        ("dev or zzz", False),
    ],
)
def test_who_is_read_for_a_filter_that_speaks_of_readings(text: str, read: bool) -> None:
    assert bool(worth_reading(look(EMPTY), text, PREFS)) is read


def test_no_dollars_are_compared_where_there_is_no_rate() -> None:
    view = look(FIGURES, ENDLESS)
    none = replace(view, rules=replace(view.rules, credits_per_usd=Decimal(0)))
    assert not matching(none, "usd>0", PREFS)
    assert len(matching(none, "credits>0", PREFS)) == 2


SAVED = replace(
    PREFS, filters=(("tight", "weekly>=80 or 5h>=80"), ("tired", "-idle:no"), ("east", "group:team-east"))
)


def test_a_saved_filter_is_found_by_its_name() -> None:
    view = look(BOB, CAROL, FIGURES)
    assert matching(view, "@tight", SAVED) == matching(view, "weekly>=80 or 5h>=80", PREFS)
    assert matching(view, "-@tight bob", SAVED) == matching(view, "-(weekly>=80 or 5h>=80) bob", PREFS)
    assert mistake(Looker(view, SAVED), "@tight") == ""
    assert mistake(Looker(view, SAVED), "@tigth") == "no saved filter “@tigth”; @tight?"
    assert mistake(Looker(view, SAVED), "@zzz") == "no saved filter “@zzz”; there are: @tight  @tired  @east"
    # part of an address
    assert mistake(Looker(view, SAVED), "@example") == ""


@pytest.mark.parametrize(
    ("typed", "becomes", "choices"),
    [
        ("sta", "sta", ["status:", "stale:"]),
        ("stat", "status:", []),
        ("bob -(week", "bob -(weekly>", []),
        ("cre", "credits>", []),
        ("m", "monthly>", []),
        ("xyz", "xyz", []),
        ("status:ex", "status:exhausted ", []),
        ("PLAN:bus", 'PLAN:"Business (usage)" ', []),
        ("plan:", "plan:", ['"Business (usage)"', "Pro"]),
        ("group:t", "group:team-", ["team-east", "team-west"]),
        ('group:"team-e', "group:team-east ", []),
        ("stale:y", "stale:yes ", []),
        ("weekly>8", "weekly>8", []),
        ("@e", "group:team-east", []),
        ("bob @tig", "bob (weekly>=80 or 5h>=80)", []),
        ("@tight", "weekly>=80 or 5h>=80", []),
        ("@t", "@ti", ["@tight", "@tired"]),
        ("@x", "@x", []),
    ],
)
def test_what_is_typed_is_completed(typed: str, becomes: str, choices: list[str]) -> None:
    pro = replace(CAROL.usage, plan=Aged("pro", JUST_NOW, "x"))
    west = replace(CAROL, usage=pro, name=replace(CAROL.name, group="team-west"))
    done = completion(Looker(look(BOB, west), SAVED), typed, len(typed))
    assert (done.text, list(done.choices)) == (becomes, choices)
    assert done.cursor == len(becomes)


def test_a_word_is_completed_where_the_cursor_is() -> None:
    assert completion(Looker(look(BOB), SAVED), "stat bob", 4) == Completion("status: bob", 7)
    assert completion(Looker(look(BOB), SAVED), "status:ex)", 9) == Completion("status:exhausted)", 16)
    assert completion(Looker(look(BOB), SAVED), "status", 3) == Completion("status", 3)
    assert len(completion(Looker(look(BOB), SAVED), "", 0).choices) == len(OF_ACCOUNTS)


@given(
    st.text(max_size=20),
    st.sampled_from(["", "-", "!", "status:", "x:", "burn>", "burn<=1", "burn:", "@", '(plan:"']),
)
def test_no_filter_breaks(text: str, before: str) -> None:
    view = look(BOB)
    matching(view, before + text, SAVED)
    mistake(Looker(view, SAVED), before + text)
    completion(Looker(view, SAVED), before + text, len(before) + len(text) // 2)
    completion(Looker(view, SAVED), before + text, len(before + text))
