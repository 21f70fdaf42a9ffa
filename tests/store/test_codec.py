from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from inspect import get_annotations
from typing import Any, get_args, get_origin

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from poolwatch.domain import account as account_module
from poolwatch.domain import usage as usage_module
from poolwatch.domain.account import Secret
from poolwatch.domain.banked import BankedReset
from poolwatch.domain.failure import Failure, Trouble
from poolwatch.domain.naming import Name
from poolwatch.domain.pool import AccountState, DeadLogin, Happening
from poolwatch.domain.refresh import Change
from poolwatch.domain.remake import replace
from poolwatch.domain.usage import FIELD_NAMES, Aged, Credits, ResetCredits, SpendControl, Usage
from poolwatch.store.codec import decode_account, encode_account
from poolwatch.store.stored import Stored
from tests.store.given import NOON, account, accounts, instants, same


def stored_form(account: AccountState) -> AccountState:
    """The account as it will come back: without its running refresh and the refreshes it remembers."""
    lately = tuple(
        replace(line, refresh=None) for line in account.lately if line.changes or line.failure is not None
    )
    return replace(account, refresh=None, lately=lately)


def former(account: AccountState) -> dict[str, Any]:
    """The document that versions wrote in which every field of the usage said its time and its source."""
    doc = told_in_full(account)
    doc.pop("said", None)
    return doc | {name: msgspec.to_builtins(getattr(account, name)) for name in ("key", "name", "usage")}


def told_in_full(account: AccountState) -> dict[str, Any]:
    """The document that versions wrote which had no word for "none", and told each time but a missing one."""
    doc: dict[str, Any] = json.loads(encode_account(account))
    for name, value in doc.get("said", {}).items():
        # a source may be called so
        if value == "none" and name != "source":
            doc["said"][name] = msgspec.to_builtins(getattr(account.usage, name).value)
    for name in ("read_at", "tried_at"):
        doc.pop(name, None)
        if (at := getattr(account, name)) is not None:
            doc[name] = msgspec.to_builtins(at)
    return doc


@given(accounts)
def test_what_was_stored_before_comes_back_exactly(state: AccountState) -> None:
    assert same(decode_account(json.dumps(former(state))), stored_form(state))


@given(accounts, st.none() | instants)
def test_what_was_told_in_full_comes_back_exactly(state: AccountState, tried_at: datetime | None) -> None:
    # no version stored a reading without the time of the last one, and of the try that brought it
    read_at = state.usage.newest or state.read_at
    state = replace(state, read_at=read_at, tried_at=read_at and (tried_at or read_at))
    assert same(decode_account(json.dumps(told_in_full(state))), stored_form(state))


@given(accounts)
def test_an_account_comes_back_exactly(state: AccountState) -> None:
    text = encode_account(state)
    back = decode_account(text)
    assert back is not None
    assert same(back, stored_form(state))
    assert back.refresh is None
    assert all(line.refresh is None for line in back.lately)
    assert [line.at for line in back.lately] == [
        line.at for line in state.lately if line.changes or line.failure is not None
    ]


def test_a_document_from_before_the_list_of_resets_loads() -> None:
    doc = former(account(1))
    del doc["usage"]["reset_list"]
    back = decode_account(json.dumps(doc))
    assert back is not None
    assert back.usage == replace(account(1).usage, reset_list=None)


def test_digits_and_microseconds_are_kept() -> None:
    back = decode_account(encode_account(account(1)))
    assert back is not None
    assert back.usage.credits is not None
    assert back.usage.credits.value is not None
    assert str(back.usage.credits.value.balance) == "1234.5600"
    assert back.read_at == NOON
    assert back.read_at.microsecond == 123456


def test_unknown_keys_are_ignored() -> None:
    doc = json.loads(encode_account(account(1)))
    doc["later"] = {"of": "another version"}
    doc["listings"][0]["later"] = 1
    doc["said"] |= {"later": 5}
    doc["said"]["base"]["later"] = [None]
    assert same(decode_account(json.dumps(doc)), account(1))


FIELDS = ["plan", "base", "extras", "credits", "spend", "reset_credits", "reset_list"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("damage", [7, [5], {"value": {"windows": 3}}])
def test_a_damaged_field_of_a_reading_costs_only_that_field(field: str, damage: object) -> None:
    doc = json.loads(encode_account(account(1)))
    doc["said"][field] = damage
    # it was rubbish, and stands apart
    doc["usage"].pop(field, None)
    expected = account(1)
    back = decode_account(json.dumps(doc))
    assert same(back, replace(expected, usage=replace(expected.usage, **{field: None})))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "damage", ["text", 7, [], {"at": "yesterday", "source": "s"}, {"value": {"windows": 3}}]
)
def test_a_damaged_usage_field_costs_only_that_field(field: str, damage: object) -> None:
    doc = former(account(1))
    doc["usage"][field] = damage
    expected = account(1)
    back = decode_account(json.dumps(doc))
    assert same(back, replace(expected, usage=replace(expected.usage, **{field: None})))


def test_a_damaged_line_of_the_past_costs_only_that_line() -> None:
    doc = json.loads(encode_account(account(1)))
    doc["lately"].insert(0, {"at": "never"})
    doc["lately"].insert(0, 5)
    assert same(decode_account(json.dumps(doc)), account(1))


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("key", "text"),
        ("listings", {}),
        ("listings", [{"ref": {"source": "s"}}]),
        ("read_at", "2026-11-20T12:00:00"),
        ("read_at", 5),
        ("reading_trouble", {"kind": "of_another_version", "message": "", "since": "2026-11-20T12:00:00Z"}),
        ("rejected", [1]),
        ("failures", True),
        ("said", 5),
        ("said", {"plan": "pro"}),
        ("said", {"at": "yesterday", "source": "s", "plan": "pro"}),
        ("usage", 5),
    ],
)
def test_other_damage_makes_the_account_unreadable(name: str, damage: object) -> None:
    doc = json.loads(encode_account(account(1)))
    doc[name] = damage
    assert decode_account(json.dumps(doc)) is None


def test_who_an_account_is_stands_once_and_is_held_once() -> None:
    first = replace(account(1).listings[0], folder=None)
    state = replace(account(1), listings=(first,), name=Name("person1@example.com"))
    text = encode_account(state)
    assert not json.loads(text).keys() & {"key", "name"}
    assert text.count("user-1") == text.count("acct-1") == text.count("person1@example.com") == 1
    back, twin = decode_account(text), decode_account(text)
    assert back is not None
    assert twin is not None
    assert same(back, state)
    listing = back.listings[0]
    assert back.key.user_id is listing.user_id
    assert back.key.account_id is listing.account_id
    assert back.name.label is listing.email
    assert back.usage.plan is not None
    assert back.usage.plan.value is listing.plan
    for one, other in [
        (listing.plan, twin.listings[0].plan),
        (listing.owner, twin.listings[0].owner),
        (listing.ref.source, twin.listings[0].ref.source),
    ]:
        assert one is other
    # an entry that says less than the account is
    poor = replace(state, listings=(replace(first, user_id=None), first))
    assert same(decode_account(encode_account(poor)), poor)


def test_what_was_said_at_once_is_held_once() -> None:
    at, state = NOON, account(1)
    usage = replace(state.usage, spend=Aged(None, at, "codex-home"), review=Aged(None, at, "codex-home"))
    text = encode_account(replace(state, usage=usage))
    assert not json.loads(text).keys() & {"usage", "read_at", "tried_at"}
    back = decode_account(text)
    assert back is not None
    assert same(back.usage, usage)
    said = [aged for name in FIELD_NAMES if (aged := getattr(back.usage, name)) is not None]
    assert {id(each.at) for each in said} == {id(back.read_at)} == {id(back.tried_at)}
    assert len({id(each.source) for each in said}) == 1
    assert len({id(each) for each in said if each.value is None}) == 1


def test_what_is_said_of_accounts_without_credits_is_held_once_and_its_zeros_are_kept() -> None:
    def back(balance: str) -> Usage:
        usage = Usage(
            credits=Aged(Credits(False, False, False, Decimal(balance)), NOON, "codex-home"),
            spend=Aged(SpendControl(False, None, ()), NOON, "codex-home"),
            reset_credits=Aged(ResetCredits(0, None), NOON, "codex-home"),
        )
        text = encode_account(replace(account(1), usage=usage))
        assert text.count('"none"') == (3 if balance == "0" else 2)
        found = decode_account(text)
        assert found is not None
        assert same(found.usage, usage)
        return found.usage

    one, two = back("0"), back("0")
    for name in ("credits", "spend", "reset_credits"):
        assert getattr(one, name).value is getattr(two, name).value
    for balance in ("0.00", "-0", "0E+3"):
        back(balance)


def test_the_decoder_has_no_text_to_compile() -> None:
    # it looks at the types of all fields before the first figures are on screen
    seen: set[type[Struct]] = set()
    left: list[object] = [Stored]
    while left:
        form = left.pop()
        left += get_args(form)
        form = get_origin(form) or form
        if isinstance(form, type) and issubclass(form, Struct) and form not in seen:
            seen.add(form)
            own = get_annotations(form)
            assert not [name for name, kind in own.items() if isinstance(kind, str)], form
            left += own.values()
    assert len(seen) > 20


@pytest.mark.parametrize("doc", [{}, {"key": None}, {"listings": []}])
def test_an_account_that_nothing_names_is_unreadable(doc: dict[str, object]) -> None:
    assert decode_account(json.dumps(doc)) is None
    poor = msgspec.to_builtins(replace(account(1).listings[0], account_id=None))
    assert decode_account(json.dumps({**doc, "listings": [poor]})) is None


@given(st.text() | st.none() | st.integers() | st.binary())
def test_rubbish_never_raises(rubbish: object) -> None:
    assert decode_account(rubbish) is None


@pytest.mark.parametrize(
    "text", ["[" * 200_000, "9" * 5000, "NaN", "{}", '{"key":NaN}', "null", '{"key":1e999}']
)
def test_hostile_json_never_raises(text: str) -> None:
    assert decode_account(text) is None


@given(st.data())
def test_a_cut_or_changed_document_never_raises(data: st.DataObject) -> None:
    text = encode_account(account(1))
    at = data.draw(st.integers(0, len(text) - 1))
    decode_account(text[:at])
    decode_account(text[:at] + data.draw(st.characters()) + text[at + 1 :])


def test_numbers_json_has_no_word_for_are_unknown() -> None:
    state = account(1, used=float("inf"))
    back = decode_account(encode_account(state))
    assert back is not None
    assert back.usage.windows[0].used_percent is None


@pytest.mark.parametrize("figure", ["1e999", "-1e999", "NaN", "Infinity"])
def test_a_damaged_percentage_is_unknown(figure: str) -> None:
    text = encode_account(account(1)).replace("41.5", figure, 1)
    back = decode_account(text)
    assert back is not None
    assert back.usage.windows[0].used_percent is None


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity", "-inf"])
def test_a_damaged_amount_is_none(amount: str) -> None:
    back = decode_account(encode_account(account(1)).replace("1234.5600", amount))
    assert back is not None
    assert back.usage.credits is None
    assert back.usage.base is not None
    back = decode_account(encode_account(account(1)).replace('"1.50"', f'"{amount}"'))
    assert back is not None
    assert back.lately == ()


def test_what_has_no_utf8_and_numbers_of_any_size_come_back() -> None:
    state = account(1)
    assert state.usage.base is not None
    assert state.usage.base.value is not None
    (window,) = state.usage.base.value.windows
    huge = replace(window, window_seconds=2**70, used_percent=float("inf"))
    limit = replace(state.usage.base.value, windows=(huge,))
    odd = replace(
        state, name=Name("\ud800"), usage=replace(state.usage, base=replace(state.usage.base, value=limit))
    )
    back = decode_account(encode_account(odd))
    assert back is not None
    assert back.name.label == "\ud800"
    assert back.usage.windows == (replace(huge, used_percent=None),)


def test_a_secret_is_not_stored() -> None:
    state = account(1)
    smuggled = replace(state, rejected=frozenset({Secret("canary-token")}))  # type: ignore[arg-type]  # on purpose
    with pytest.raises(TypeError):
        encode_account(smuggled)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (AccountState, "key listings name usage read_at tried_at failures reading_trouble login_trouble"
         " dead_login rejected deactivations refresh lately silent rival kept"),
        (account_module.AccountKey, "provider user_id account_id source place"),
        (account_module.TokenFacts, "expires_at last_refresh fingerprint refresh_fingerprint"),
        (account_module.Listing, "ref provider user_id account_id email folder label plan custody login"
         " token owner path home disabled renews_itself says_login_needed says_login_works problem"
         " subscription_until subscription_checked_at workspace"),
        (usage_module.Usage, "plan base review extras credits spend reached_type reset_credits reset_list"),
        (BankedReset, "expires_at granted_at status title expiry_known"),
        (usage_module.Aged, "value at source known"),
        (usage_module.RateLimit, "allowed limit_reached windows"),
        (usage_module.UsageWindow, "used_percent window_seconds resets_at limit_reached"),
        (usage_module.Bucket, "id name limit"),
        (usage_module.Credits, "has_credits unlimited overage_limit_reached balance"),
        (usage_module.SpendControl, "reached reached_limit_type limits"),
        (usage_module.SpendLimit, "kind limit used remaining used_percent resets_at"),
        (usage_module.ResetCredits, "available applicable expires_at"),
        (Trouble, "kind code since arguments retry_at detail"),
        (Failure, "kind code arguments retry_at detail login_problem"),
        (DeadLogin, "refresh_fingerprint problem since"),
        (Happening, "at changes failure refresh"),
        (Change, "name before after was_unlimited is_unlimited"),
    ],
)  # fmt: skip
def test_no_field_is_forgotten(kind: type[Struct], names: str) -> None:
    """A field that is added here must be added to the codec and to the strategies too."""
    assert list(kind.__struct_fields__) == names.split()
