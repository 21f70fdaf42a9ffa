"""Whatever is known of an account, its views hold words for people: no None, no nan, no false zero."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from poolwatch.domain.account import Custody, Listing, LoginKind, Name, SourceRef, TokenFacts
from poolwatch.domain.failure import FailureKind, LoginProblem, Trouble
from poolwatch.domain.message import message
from poolwatch.domain.state import AccountState, DeadLogin
from poolwatch.domain.status import PoolRules
from poolwatch.domain.text import visible
from poolwatch.domain.usage import (
    Aged,
    BankedReset,
    Bucket,
    Credits,
    RateLimit,
    ReachedType,
    ResetCredits,
    SpendControl,
    SpendLimit,
    Usage,
    UsageWindow,
)
from poolwatch.domain.values import UNDATED
from poolwatch.presentation.card import card_view
from poolwatch.presentation.detail import detail_view
from poolwatch.presentation.status_json import status_json
from poolwatch.presentation.status_text import status_text
from poolwatch.presentation.strip import status_line, strip_view
from poolwatch.presentation.view import Prefs, Shown
from tests.presentation.scene import CET, NOW, account, look, pool

# Of few values each, for to draw one of a list is cheap; `NOW` is near to some instants and far from others.
maybe = st.sampled_from([None, True, False])
instants = st.sampled_from(
    [
        datetime(2020, 1, 1, tzinfo=UTC),
        UNDATED,
        *(NOW + timedelta(minutes=minutes) for minutes in (-700_000, -9000, -1500, -50, -5, -1, 0)),
        *(NOW + timedelta(seconds=seconds) for seconds in (1, 59, 61, 4000, 50_000, 500_000, 5_000_000)),
        datetime(2034, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    ]
)
amounts = st.sampled_from(
    [
        None,
        *map(Decimal, ("0", "0.00", "-0.000001", "12.5", "1234.567891", "-3.1", "99999999999999999.5")),
    ]
)
percents = st.sampled_from(
    [None, -10.0, 0.0, 0.3, 1.0, 59.5, 89.99, 99.6, 100.0, 1000.0, float("nan"), float("inf")]
)
texts = st.sampled_from(
    [
        visible(text)
        for text in (
            "",
            "a",
            "A b",
            "plus",
            "日本語のとても長い名前です",
            "e\u0301\u0301\u0301",
            "{x}",
            "a%b",
            "x'y\"z",
            "~/a b",
            "/home/bob/.codex/auth.json",
            "\u202eabc",
            "\n\t\0",
            "\ud800",
            "🇩🇪👩🏽",
            "-",
            "a\\b",
            "w" * 30,
        )
    ]
)
seconds = st.sampled_from([None, 18000, 604800, 86400, 2592000, 43200, 1])

windows = st.builds(UsageWindow, percents, seconds, st.none() | instants, maybe)
limits = st.builds(RateLimit, maybe, maybe, st.lists(windows, max_size=3).map(tuple))
buckets = st.builds(Bucket, texts.map(lambda text: text or "id"), texts, st.none() | limits)
credits = st.builds(Credits, maybe, maybe, maybe, amounts)
spend_limits = st.builds(SpendLimit, texts, amounts, amounts, amounts, percents, st.none() | instants)
spends = st.builds(SpendControl, maybe, st.none() | texts, st.lists(spend_limits, max_size=3).map(tuple))
resets = st.builds(
    ResetCredits, st.none() | st.integers(0, 9), st.none() | st.integers(0, 9), st.none() | instants
)
banked = st.builds(
    BankedReset,
    st.none() | instants,
    st.none(),
    st.sampled_from(["available", "redeemed"]),
    st.none() | texts,
    st.booleans(),
)


def said(values: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    known = st.builds(Aged, st.none() | values, instants, st.sampled_from(["homes", "proxy"]))
    rubbish = st.builds(Aged, st.none(), instants, st.just("homes"), st.just(False))
    return st.none() | known | rubbish


usages = st.builds(
    Usage,
    plan=said(texts),
    base=said(limits),
    review=said(limits),
    extras=said(st.lists(buckets, max_size=2).map(tuple)),
    credits=said(credits),
    spend=said(spends),
    reached_type=said(st.sampled_from(ReachedType)),
    reset_credits=said(resets),
    reset_list=said(st.lists(banked, max_size=12).map(tuple)),
)
tokens = st.builds(
    TokenFacts, st.none() | instants, st.none() | instants, st.none() | st.just("f"), st.just("r")
)
listings = st.builds(
    Listing,
    ref=st.builds(SourceRef, st.sampled_from(["homes", "proxy"]), texts),
    email=st.none() | st.just("bob@example.com"),
    custody=st.sampled_from(Custody),
    login=st.sampled_from(LoginKind),
    token=tokens,
    owner=texts,
    path=st.none() | texts,
    home=st.none() | texts,
    disabled=st.booleans(),
    says_login_needed=st.booleans(),
    problem=st.none() | texts.map(lambda text: message("import.already_kept", path=text)),
    subscription_until=st.none() | instants,
    workspace=st.none() | texts,
)
troubles = st.none() | st.builds(Trouble, st.sampled_from(FailureKind), texts, instants, st.none() | instants)
deads = st.none() | st.builds(DeadLogin, st.just("r"), st.sampled_from(LoginProblem), instants)
accounts = st.builds(
    AccountState,
    key=st.just(account("x").key),
    listings=st.lists(listings, max_size=2).map(tuple),
    name=st.builds(Name, texts, st.none() | texts),
    usage=usages,
    read_at=st.none() | instants,
    reading_trouble=troubles,
    login_trouble=troubles,
    dead_login=deads,
    rejected=st.sampled_from([frozenset(), frozenset({"f"})]),
    deactivations=st.integers(0, 2),
)
prefs = st.builds(Prefs, st.just(PoolRules()), st.sampled_from(Shown), st.booleans(), st.just(CET))


def texts_in(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Struct):
        return [text for name in value.__struct_fields__ for text in texts_in(getattr(value, name))]
    if isinstance(value, dict):
        return [text for each in value.values() for text in texts_in(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in texts_in(each)]
    return []


@given(accounts, prefs)
def test_every_view_is_words(state: AccountState, how: Prefs) -> None:
    view = look(state)
    each = view.accounts[0]
    card = card_view(each, NOW, how)
    strip = strip_view(view, pool(state), how, "work")
    detail = detail_view(each, pool(state), NOW, how)
    given_texts = " ".join(texts_in(state))
    for text in texts_in([card, strip, detail]):
        for wrong in ("None", "nan", "inf ", "Infinity", "Decimal", "{"):
            assert wrong not in text or wrong in given_texts
        assert "\n" not in text
    assert sum((strip.active, strip.exhausted, strip.needs_you, strip.rest)) == strip.accounts == 1
    hash(card)


@given(accounts, prefs)
def test_unknown_is_a_dash_and_nothing_else_is(state: AccountState, how: Prefs) -> None:
    base = state.usage.base
    card = card_view(look(state).accounts[0], NOW, how)
    if base is not None and base.value is not None:
        rows = [row for row in card.windows if row.name != "spend"]
        assert len(rows) == len(base.value.windows)
        unknown = sum(
            window.used_percent is None or abs(window.used_percent) == float("inf")
            or window.used_percent != window.used_percent
            for window in base.value.windows
        )  # fmt: skip
        assert sum(row.percent == "—" for row in rows) == unknown
        assert all((row.fraction is None) == (row.percent == "—") for row in rows)
    credits_ = state.usage.credits.value if state.usage.credits else None
    assert (card.credits is not None) == (credits_ is not None and credits_.is_shown)
    if card.credits is not None and credits_ is not None and not credits_.unlimited:
        assert (card.credits.balance == "—") == (credits_.balance is None)


@given(accounts, st.booleans())
def test_json_is_json_and_loses_no_digit(state: AccountState, mask: bool) -> None:
    text = status_json(look(state), pool(state), NOW, mask)
    found = json.loads(text, parse_constant=lambda name: 1 / 0)
    assert text.isascii()
    assert text == json.dumps(found, indent=2) + "\n"
    assert "bob@example.com" not in text or not mask
    credits_ = state.usage.credits.value if state.usage.credits else None
    if credits_ is not None and credits_.balance is not None:
        sent = found["accounts"][0]["credits"]["balance"]
        assert sent == f"{credits_.balance:f}"
        assert Decimal(sent) == credits_.balance


@given(accounts, prefs)
def test_plain_text_is_lines_of_words(state: AccountState, how: Prefs) -> None:
    view = look(state)
    assert len(status_line(view)) <= 38
    assert status_text(view, pool(state), how).endswith("\n")


@given(accounts, st.timedeltas(timedelta(0), timedelta(seconds=59)))
def test_an_age_changes_at_most_once_in_a_minute(state: AccountState, later: timedelta) -> None:
    how = Prefs(zone=CET)
    judged = look(state).accounts[0]
    moments = (NOW, NOW + later, NOW + timedelta(seconds=59))
    first, middle, last = (card_view(judged, moment, how).age for moment in moments)
    assert middle in (first, last)
