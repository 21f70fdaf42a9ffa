from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from poolwatch.domain import account as account_module
from poolwatch.domain import refresh as refresh_module
from poolwatch.domain import usage as usage_module
from poolwatch.domain.account import Name, Secret
from poolwatch.domain.failure import Failure, FailureKind, Trouble, failure
from poolwatch.domain.message import Message, message
from poolwatch.domain.refresh import BlockReason, Change, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import AccountState, DeadLogin, Happening, PoolFacts, SourceState
from poolwatch.domain.usage import BankedReset, UsageWindow
from poolwatch.domain.values import replace
from poolwatch.store import stored
from poolwatch.store.documents import (
    decode_account,
    decode_facts,
    decode_refresh,
    encode_account,
    encode_facts,
    encode_refresh,
)
from poolwatch.store.requests import EXPIRED, NOT_UNDERSTOOD
from tests.store.given import NOON, account, accounts, same

GOLDEN = Path(__file__).parent / "version_2.json"


def stored_form(account: AccountState) -> AccountState:
    """The account as it will come back: without its running refresh and the refreshes it remembers."""
    lately = tuple(
        replace(line, refresh=None) for line in account.lately if line.changes or line.failure is not None
    )
    return replace(account, refresh=None, lately=lately)


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
    doc["usage"] |= {"later": 5}
    doc["usage"]["base"]["value"]["later"] = [None]
    assert same(decode_account(json.dumps(doc)), account(1))


FIELDS = ["plan", "base", "extras", "credits", "spend", "reset_credits", "reset_list"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize(
    "damage", ["text", 7, [], {"at": "yesterday", "source": "s"}, {"value": {"windows": 3}}]
)
def test_a_damaged_usage_field_costs_only_that_field(field: str, damage: object) -> None:
    doc = json.loads(encode_account(account(1)))
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
        ("version", "two"),
        ("usage", 5),
    ],
)
def test_other_damage_makes_the_account_unreadable(name: str, damage: object) -> None:
    doc = json.loads(encode_account(account(1)))
    doc[name] = damage
    assert decode_account(json.dumps(doc)) is None


@pytest.mark.parametrize("doc", [{}, {"key": None}, {"listings": []}])
def test_an_account_that_nothing_names_is_unreadable(doc: dict[str, object]) -> None:
    assert decode_account(json.dumps(doc)) is None
    poor = {**json.loads(encode_account(account(1)))["listings"][0], "account_id": None}
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
    huge = replace(window, used_percent=float("inf"))
    limit = replace(state.usage.base.value, windows=(huge,))
    odd = replace(
        state,
        name=Name("\ud800"),
        failures=2**70,
        usage=replace(state.usage, base=replace(state.usage.base, value=limit)),
    )
    back = decode_account(encode_account(odd))
    assert back is not None
    assert (back.name.label, back.failures) == ("\ud800", 2**70)
    assert back.usage.windows == (replace(huge, used_percent=None),)


def test_a_secret_is_not_stored() -> None:
    state = account(1)
    smuggled = replace(state, rejected=frozenset({Secret("canary-token")}))  # type: ignore[arg-type]  # on purpose
    with pytest.raises(msgspec.ValidationError):
        encode_account(smuggled)


FAILED = failure(
    FailureKind.THROTTLED,
    "net.asked_to_wait",
    retry_at=NOON + timedelta(minutes=5),
    detail="host",
    host="host",
    why=message("store.disk_full"),
)
PROGRESSES = [
    RefreshProgress(NOON),
    RefreshProgress(
        NOON,
        TokenStep(TokenOutcome.FAILED, 0.4, failure=FAILED, retry_at=NOON, detail="/pool"),
        UsageStep(FAILED, 0.3, cached_at=NOON),
        (Change("weekly", 71.0, None), Change("credits", Decimal("12.5000"), Decimal(0))),
        done=True,
    ),
    RefreshProgress(
        NOON, TokenStep(TokenOutcome.BLOCKED, block=BlockReason.ASK_FIRST, lost_at=NOON), done=True
    ),
]


@pytest.mark.parametrize("progress", PROGRESSES)
def test_how_a_refresh_ended_comes_back_as_it_was(progress: RefreshProgress) -> None:
    assert same(decode_refresh(encode_refresh(progress)), progress)


@pytest.mark.parametrize(
    "text", [None, "", EXPIRED, NOT_UNDERSTOOD, encode_refresh(None), "{}", "[1]", '{"a":']
)
def test_anything_else_is_no_refresh(text: str | None) -> None:
    assert decode_refresh(text) is None


def test_the_form_is_that_of_its_version() -> None:
    """What is stored changes with a new version alone, whatever the domain calls its fields."""
    source = SourceState("pool", (), NOON, FAILED, NOON)
    facts = PoolFacts("work", timedelta(seconds=-2.5), (source,), {"pool": Decimal("25.0")})
    texts = [encode_account(account(1)), encode_facts(facts), encode_refresh(PROGRESSES[1])]
    assert [json.loads(text) for text in texts] == json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("kind", "form", "left_out"),
    [
        (AccountState, stored.Account, "refresh silent kept outlook"),
        (account_module.AccountKey, stored.Key, ""),
        (account_module.SourceRef, stored.Ref, ""),
        (account_module.TokenFacts, stored.Token, ""),
        (account_module.Listing, stored.Listing, ""),
        (Name, stored.Name, ""),
        (usage_module.Usage, stored.Usage, ""),
        (usage_module.Aged, stored.Field, ""),
        (usage_module.RateLimit, stored.Limit, ""),
        (usage_module.UsageWindow, stored.Window, ""),
        (usage_module.Bucket, stored.Bucket, ""),
        (usage_module.Credits, stored.Credits, ""),
        (usage_module.SpendControl, stored.Spend, ""),
        (usage_module.SpendLimit, stored.SpendLimit, ""),
        (usage_module.ResetCredits, stored.ResetCount, ""),
        (BankedReset, stored.Reset, ""),
        (Trouble, stored.Trouble, ""),
        (Failure, stored.Failure, ""),
        (Message, stored.Message, ""),
        (DeadLogin, stored.DeadLogin, ""),
        (Happening, stored.Happening, "refresh"),
        (Change, stored.Change, ""),
        (PoolFacts, stored.Facts, ""),
        (SourceState, stored.Source, "listings"),
        (RefreshProgress, stored.Refresh, "delegating waits_for"),
        (refresh_module.TokenStep, stored.TokenStep, ""),
        (refresh_module.UsageStep, stored.UsageStep, ""),
    ],
)
def test_no_field_is_forgotten(kind: type[Struct], form: type[Struct], left_out: str) -> None:
    assert set(kind.__struct_fields__) - set(form.__struct_fields__) == set(left_out.split())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("resets_at", "9999-12-31T23:59:59Z"),
        ("resets_at", "2200-01-01T00:00:00Z"),
        ("resets_at", "0001-01-01T00:00:00Z"),
        ("used_percent", 1e308),
        ("used_percent", -1e6),
        ("window_seconds", 2 * 10**9 + 1),
        ("window_seconds", 2**70),
        ("window_seconds", 0),
    ],
)
def test_a_figure_that_no_service_can_mean_is_unknown_and_costs_no_other(field: str, value: object) -> None:
    plain = json.loads(encode_account(account(1)))
    window = plain["usage"]["base"]["value"]["windows"][0]
    window[field] = value
    read = decode_account(json.dumps(plain))
    assert read is not None
    known = account(1).usage.base
    assert known is not None
    assert known.value is not None
    [read_window], [window_known] = read.usage.windows, known.value.windows
    assert getattr(read_window, field) is None
    names = set(UsageWindow.__struct_fields__) - {field}
    assert all(getattr(read_window, name) == getattr(window_known, name) for name in names)


@pytest.mark.parametrize("field", ["read_at", "tried_at"])
def test_what_was_read_when_nothing_can_have_been_was_never_read(field: str) -> None:
    plain = {**json.loads(encode_account(account(1))), field: "9999-12-31T23:59:59Z"}
    read, known = decode_account(json.dumps(plain)), decode_account(encode_account(account(1)))
    assert known is not None
    read_at, tried_at = (None if each == field else getattr(known, each) for each in ("read_at", "tried_at"))
    assert same(read, replace(known, read_at=read_at, tried_at=tried_at))


@pytest.mark.parametrize("amount", ["1e999999", "-1e26", "0e999999", "1e-999999", "NaN", "Infinity"])
def test_an_amount_that_no_service_can_mean_is_damage(amount: str) -> None:
    plain = json.loads(encode_account(account(1)))
    plain["usage"]["credits"]["value"]["balance"] = amount
    read, known = decode_account(json.dumps(plain)), decode_account(encode_account(account(1)))
    assert known is not None
    assert same(read, replace(known, usage=replace(known.usage, credits=None)))
    assert same(decode_facts(json.dumps({"version": 2, "rates": {"pool": amount}})), PoolFacts())


def test_no_clock_is_centuries_off() -> None:
    assert same(decode_facts('{"version": 2, "clock_offset": "P999999999D"}'), PoolFacts())
