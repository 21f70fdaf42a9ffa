"""Usage events of other programs: what a line says, and why one is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.message import Message
from poolwatch.domain.tokens import Tokens
from poolwatch.sessions.events import Copies, UsageEvent, parse_event
from poolwatch.words.messages import message_text

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
AT = "2026-11-20T11:00:00Z"
ELEVEN = datetime(2026, 11, 20, 11, tzinfo=UTC).timestamp()


def line(**fields: object) -> bytes:
    return json.dumps({"at": AT, **fields}).encode()


def read(raw: bytes) -> UsageEvent:
    found = parse_event(raw, NOW)
    assert isinstance(found, UsageEvent), message_text(found) if found is not None else "none of usage"
    return found


def refused(raw: bytes) -> str:
    found = parse_event(raw, NOW)
    assert isinstance(found, Message)
    return message_text(found)


def test_a_whole_line() -> None:
    found = read(
        line(
            id="resp-1",
            account="alice@example.com",
            user="u-7",
            model="gpt-6-sol",
            operation="chat",
            input_tokens=1200,
            cached_input_tokens=1000,
            output_tokens="40",
            cost_usd="0.0021",
            credits=0.05,
            conversation="c-1",
            client="proxy",
        )
    )
    assert (found.at, found.tokens) == (ELEVEN, Tokens(1200, 1000, output=40))
    assert (found.account, found.user, found.model) == ("alice@example.com", "u-7", "gpt-6-sol")
    assert (found.operation, found.conversation, found.client) == ("chat", "c-1", "proxy")
    assert (found.cost, found.credits) == (2_100_000_000, Decimal("0.05"))
    assert (found.estimated, found.has_id) == (False, True)


@pytest.mark.parametrize(
    ("fields", "tokens", "estimated"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 3}, Tokens(7, output=3), False),
        ({"input_tokens": None, "prompt_tokens": "7"}, Tokens(7), False),
        ({"input_tokens": 7, "prompt_tokens": 9}, Tokens(7), False),
        ({"input_tokens": 1e3}, Tokens(1000), False),
        ({"tokenCount": 10, "prompt_tokens": 7}, Tokens(7, output=3), False),
        ({"tokenCount": 10, "completion_tokens": 3}, Tokens(7, output=3), False),
        ({"tokenCount": 99, "input_tokens": 7, "output_tokens": 3}, Tokens(7, output=3), False),
        ({"tokenCount": 10}, Tokens(10), True),
        ({"input_chars": 401, "output_chars": "8"}, Tokens(101, output=2), True),
        ({"input_tokens": 5, "input_chars": 401, "output_chars": 8}, Tokens(5, output=2), True),
        ({"input_tokens": 5, "output_tokens": 0, "output_chars": 8}, Tokens(5), False),
        ({"input_tokens": 5, "output_chars": 0}, Tokens(5), False),
        ({"cost_usd": 1}, Tokens(), False),
        ({"operation": "image"}, Tokens(), False),
    ],
)
def test_tokens(fields: dict[str, object], tokens: Tokens, estimated: bool) -> None:
    found = read(line(**fields))
    assert (found.tokens, found.estimated) == (tokens, estimated)


@pytest.mark.parametrize(
    ("fields", "cost"),
    [
        ({"total_cost": 0.1}, 100_000_000_000),
        ({"total_cost": "0.1", "prompt_cost": 5, "completion_cost": 5}, 100_000_000_000),
        ({"prompt_cost": "1e-6", "completion_cost": 2e-05}, 21_000_000),
        ({"cost_usd": "0", "total_cost": 4}, 0),
        # the other part is of nothing
        ({"prompt_cost": 1, "prompt_tokens": 5}, 10**12),
        # the other part is not told: the line has no cost
        ({"prompt_cost": 1, "prompt_tokens": 5, "completion_tokens": 5}, None),
        ({"completion_cost": 1, "prompt_tokens": 5, "completion_tokens": 5}, None),
        # half a pico is one
        ({"cost_usd": "0.0000000000005"}, 1),
        ({"cost_usd": "999999999999.9999999999995"}, 10**24),
        ({"cost_usd": "999999999999.9999999999994"}, 10**24 - 1),
        ({"input_tokens": 5}, None),
    ],
)
def test_cost_is_exact(fields: dict[str, object], cost: int | None) -> None:
    assert read(line(**fields)).cost == cost


def test_names_of_other_programs() -> None:
    found = read(
        json.dumps(
            {
                "created_at": "2026-11-20 12:00:00.5+01:00",
                "userId": 42,
                "conversationId": "c",
                "creditsUsed": "1.50",
                "tokenCount": 12,
            }
        ).encode()
    )
    assert found.at == ELEVEN + 0.5
    assert (found.user, found.conversation, str(found.credits)) == ("42", "c", "1.50")
    found = read(b'{"timestamp": 1795172400, "user_id": "u", "session_id": "s", "total_cost": 0}')
    assert (found.at, found.user, found.conversation, found.cost) == (ELEVEN, "u", "s", 0)


@pytest.mark.parametrize(
    "told", [AT, "2026-11-20T11:00:00", "2026-11-20 11:00", 1795172400, "1795172400", 1795172400000]
)
def test_instants(told: object) -> None:
    assert read(line(at=told, input_tokens=1)).at == ELEVEN


NO_NUMBER = "is no number of at least 0 and below 10^12"
NO_TIME = "at is no time: RFC 3339, or seconds or milliseconds since 1970"


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (line(input_tokens=-1), f"input_tokens {NO_NUMBER}"),
        (line(input_tokens=1.5), "input_tokens is no whole number"),
        (line(input_tokens=10**12), f"input_tokens {NO_NUMBER}"),
        (line(input_tokens="1_000"), f"input_tokens {NO_NUMBER}"),
        (line(input_tokens="१२"), f"input_tokens {NO_NUMBER}"),
        (line(input_tokens=True), f"input_tokens {NO_NUMBER}"),
        (line(input_tokens=[1]), f"input_tokens {NO_NUMBER}"),
        (line(input_tokens=""), f"input_tokens {NO_NUMBER}"),
        (line(cost_usd="NaN"), f"cost_usd {NO_NUMBER}"),
        (line(cost_usd=1e12), f"cost_usd {NO_NUMBER}"),
        (line(cost_usd="1e999999"), f"cost_usd {NO_NUMBER}"),
        (line(total_cost="-0.1"), f"total_cost {NO_NUMBER}"),
        (line(credits={"balance": "1"}), f"credits {NO_NUMBER}"),
        (line(creditsUsed="1,5"), f"creditsUsed {NO_NUMBER}"),
        (line(input_chars="many"), f"input_chars {NO_NUMBER}"),
        (line(input_tokens=1, id=1.5), "id cannot be used"),
        (line(input_tokens=1, user="u" * 201), "user cannot be used"),
        (line(input_tokens=1, model=["x"]), "model cannot be used"),
        (line(input_tokens=1, at="yesterday"), NO_TIME),
        (line(input_tokens=1, at="9999-12-31T23:59:59-14:00"), NO_TIME),
        (line(input_tokens=1, at=999999999999999999), NO_TIME),
        (line(input_tokens=1, at="1999-01-01T00:00:00Z"), NO_TIME),
        (line(input_tokens=1, at="2026-11-20T12:05:01Z"), "it is of the future"),
        (b'{"input_tokens": 1}', "it has no time: at, timestamp or created_at"),
        (line(model="x"), "it has no tokens, no cost, no credits and no characters"),
        (line(model="x", operation="chat"), "it has no tokens, no cost, no credits and no characters"),
        (
            line(input_tokens=1, cached_input_tokens=2),
            "input_tokens is less than cached_input_tokens, which is a part of it",
        ),
        (
            line(completion_tokens=3, tokenCount=2),
            "tokenCount is less than completion_tokens, which is a part of it",
        ),
        (b'{"at": "' + AT.encode() + b'", "user": "\xff", "input_tokens": 1}', "user cannot be used"),
    ],
)
def test_a_line_is_refused_with_its_reason(raw: bytes, why: str) -> None:
    assert refused(raw) == why


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b"[]",
        b'{"at": NaN}',
        b'{"a":' + b"[" * 30_000,
        b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        line(),
        line(tokens=5),
        line(account={"user_id": "u", "account_id": "a"}, credits={"balance": "1"}, model="x"),
    ],
)
def test_a_line_of_another_kind_is_no_event(raw: bytes) -> None:
    assert parse_event(raw, NOW) is None


def test_an_id_stands_for_its_line_and_equal_lines_without_one_are_two() -> None:
    def keys(*lines: bytes) -> list[int]:
        copies = Copies()
        return [copies.numbered(read(each)).key for each in lines]

    first, second = line(id="a", input_tokens=1), line(id="a", input_tokens=2, user="u")
    bare, other = line(input_tokens=1), line(input_tokens=2)
    one, same, *_ = keys(first, second)
    assert one == same
    assert keys(line(id=7, input_tokens=1)) == keys(line(id="7", input_tokens=1)) != keys(first)
    told = keys(bare, bare, other, bare, b"  " + bare + b" \r")
    assert len(set(told)) == 5
    # a file that is read once more says the same, and so does a longer one
    assert keys(bare, bare, other, bare) == told[:4]
    assert all(-(2**63) <= key < 2**63 for key in told)
    assert keys(line(id="  ", input_tokens=1)) != keys(line(id="", input_tokens=1))


def test_texts_are_made_safe_to_show() -> None:
    found = read(line(input_tokens=1, user="\x1b[31mred", client=" ", model="\u202ex"))
    assert (found.user, found.client, found.model) == ("\\x1b[31mred", None, "\\u202ex")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
_NAMES = st.sampled_from(
    (
        "id",
        "at",
        "timestamp",
        "account",
        "user",
        "userId",
        "model",
        "operation",
        "input_tokens",
        "prompt_tokens",
        "cached_input_tokens",
        "completion_tokens",
        "tokenCount",
        "cost_usd",
        "prompt_cost",
        "completion_cost",
        "credits",
        "input_chars",
    )
)


@given(st.dictionaries(_NAMES, _VALUES | st.just(AT) | st.integers(0, 50)))
def test_no_line_raises_and_what_is_taken_is_within_bounds(fields: dict[str, object]) -> None:
    found = parse_event(json.dumps(fields).encode(), NOW)
    if isinstance(found, UsageEvent):
        tokens = found.tokens
        assert 0 <= tokens.cached <= tokens.input < 10**12
        assert 0 <= tokens.output < 10**12
        assert found.cost is None or 0 <= found.cost < 2 * 10**24
        assert found.at <= (NOW + timedelta(minutes=5)).timestamp()
    elif found is not None:
        assert message_text(found)
