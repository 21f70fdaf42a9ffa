"""History as JSON lines: what is written is read again, and what is wrong is refused with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain.message import Message
from poolwatch.domain.series import Figure, HistoryRow, Place, Series
from poolwatch.domain.text import visible
from poolwatch.domain.usage import window_kind
from poolwatch.domain.values import replace
from poolwatch.sources.lenient import decimal
from poolwatch.store.identities import Identity
from poolwatch.store.lines import MOST_BYTES, PastReading, lines_of, parse_line
from poolwatch.words.messages import message_text
from tests.store.given import NOON, same
from tests.support.years import key

WHO = Identity(key(1).id, "codex", "user-1", "acct-1", "one@example.com")
HOUR = timedelta(hours=1)
OTHER_KIND = (
    "neither a line of figures (an account, and a plan, windows, credits or spend; or a balance)"
    " nor one of usage (a time, and tokens, a cost, credits or characters)"
)
ACCOUNT = {"provider": "codex", "user_id": "user-1", "account_id": "acct-1", "email": "one@example.com"}


def line(**more: object) -> bytes:
    return json.dumps({"at": "2026-11-20T11:00:00Z", "account": ACCOUNT, "plan": "pro", **more}).encode()


def read(raw: bytes) -> PastReading:
    found = parse_line(raw, NOON)
    assert isinstance(found, PastReading), found
    return found


def refused(raw: bytes) -> str:
    found = parse_line(raw, NOON)
    assert isinstance(found, Message)
    return message_text(found)


def test_a_line_is_what_the_promise_says() -> None:
    at = NOON - HOUR
    figures = {
        (Series.PLAN, "", ""): Figure(plan="pro"),
        (Series.WINDOW, "codex", "weekly"): Figure(71, NOON, False, True),
        (Series.WINDOW, "spark", "5h"): Figure(12.5),
        (Series.WINDOW, "code_review", "weekly"): Figure(),
        (Series.CREDITS, "", ""): Figure(balance=Decimal("1234.5600"), unlimited=False),
        (Series.SPEND, "", "individual"): Figure(40, NOON, spent=Decimal("1.20"), spend_limit=Decimal(400)),
    }
    rows = [HistoryRow(WHO.account_id, at, *place, figure) for place, figure in figures.items()]
    [raw] = lines_of(WHO, rows, at, NOON)
    assert raw.endswith(b"\n")
    noon = "2026-11-20T12:00:00.123456Z"
    assert json.loads(raw) == {
        "at": "2026-11-20T11:00:00.123456Z",
        "account": ACCOUNT,
        "plan": "pro",
        "windows": [
            {"bucket": "codex", "window_seconds": 604800, "used_percent": 71, "resets_at": noon},
            {"bucket": "spark", "window_seconds": 18000, "used_percent": 12.5, "resets_at": None},
        ],
        "credits": {"has_credits": None, "unlimited": False, "balance": "1234.5600"},
        "spend": {
            "limits": [
                {"kind": "individual", "used": "1.20", "limit": "400", "used_percent": 40, "resets_at": noon}
            ]
        },
    }
    found = read(raw)
    assert (found.identity, found.at, found.told) == (WHO, at, frozenset(Series))
    assert {
        place: (each.used_percent, each.balance, each.spent, each.plan)
        for place, each in found.figures.items()
    } == {
        place: (each.used_percent, each.balance, each.spent, each.plan)
        for place, each in figures.items()
        if each != Figure()
    }


def test_a_line_holds_all_that_was_known_then_and_masked_no_address() -> None:
    rows = [
        HistoryRow(WHO.account_id, NOON - 3 * HOUR, Series.PLAN, "", "", Figure(plan="pro")),
        HistoryRow(WHO.account_id, NOON - 2 * HOUR, Series.WINDOW, "codex", "5h", Figure(1)),
        HistoryRow(WHO.account_id, NOON - HOUR, Series.WINDOW, "codex", "5h", Figure()),
    ]
    lines = [json.loads(raw) for raw in lines_of(WHO, rows, NOON - 2 * HOUR, NOON, mask=True)]
    assert [(each["plan"], len(each["windows"])) for each in lines] == [("pro", 1), ("pro", 0)]
    assert [each["account"]["email"] for each in lines] == [None, None]
    assert lines[0]["credits"] is lines[0]["spend"] is None


def test_the_order_in_which_it_was_learned_makes_no_other_line() -> None:
    kinds = [
        ("codex", "weekly"),
        ("spark", "5h"),
        ("codex", "5h"),
        ("codex", "unknown"),
        ("code_review", "5h"),
    ]
    rows = [HistoryRow("", NOON, Series.WINDOW, *each, Figure(1)) for each in kinds]
    [one] = lines_of(WHO, rows, NOON, NOON)
    assert list(lines_of(WHO, rows[::-1], NOON, NOON)) == [one]
    told = [(each["bucket"], each["window_seconds"]) for each in json.loads(one)["windows"]]
    assert told[:3] == [("codex", None), ("codex", 18000), ("codex", 604800)]


def test_what_a_line_does_not_speak_of_stays_as_it_was() -> None:
    assert read(line()).told == {Series.PLAN}
    assert read(line(credits=None, windows=[])).told == {Series.PLAN, Series.CREDITS, Series.WINDOW}


def test_of_two_windows_of_one_kind_the_fuller_counts() -> None:
    windows = [{"used_percent": used, "window_seconds": 604800} for used in (5, 80, 7)]
    figures = read(line(windows=windows)).figures
    assert figures[Series.WINDOW, "codex", "weekly"] == Figure(80)


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"", "no JSON object"),
        (b"[1]", "no JSON object"),
        (b"{", "no JSON object"),
        (b"[" * 60_000, "no JSON object"),
        (b'{"tokens": 12, "model": "x"}', OTHER_KIND),
        (json.dumps({"at": "2026-11-20T11:00:00Z", "account": ACCOUNT, "tokens": 3}).encode(),
         OTHER_KIND),
        (line(account={"user_id": "u"}), "its account has no user_id or no account_id, and both are needed"),
        (line(account={"user_id": "", "account_id": "a"}), "account.user_id cannot be used"),
        (line(account=7), "account cannot be used"),
        (line(at="2026-11-20T12:00:01Z"), "it is of the future"),
        (line(at="2026-11-20T11:00:00"), "at cannot be used"),
        (line(at=1790000000), "at cannot be used"),
        (line(at="0001-01-01T00:00:00Z"), "at cannot be used"),
        (line(windows=[{"resets_at": "9999-12-31T23:59:59Z"}]), "windows[0].resets_at cannot be used"),
        (line(windows=[{"window_seconds": 10**9 + 3601}]), "windows[0].window_seconds cannot be used"),
        (line(spend={"limits": [{"kind": "individual", "resets_at": "0001-01-01T00:00:00Z"}]}),
         "spend.limits[0].resets_at cannot be used"),
        (line(windows=[{"used_percent": "71"}]), "windows[0].used_percent cannot be used"),
        (line(windows=[{"used_percent": 1e300}]), "windows[0].used_percent cannot be used"),
        (line(windows=[{"used_percent": True}]), "windows[0].used_percent cannot be used"),
        (line(windows=[{"window_seconds": 0}]), "windows[0].window_seconds cannot be used"),
        (line(windows=[{"resets_at": "soon"}]), "windows[0].resets_at cannot be used"),
        (line(credits={"balance": 12.5}), "credits.balance cannot be used"),
        (line(credits={"balance": "1e3"}), "credits.balance cannot be used"),
        (line(credits={"balance": "NaN"}), "credits.balance cannot be used"),
        (line(credits={"balance": "1\n"}), "credits.balance cannot be used"),
        (line(spend={"limits": [{"kind": "x", "used": ""}]}), "spend.limits[0].used cannot be used"),
        (line(spend={"limits": [{}]}), "kind cannot be used"),
        (line(plan="pro\x1b[2J"), "a text in it has characters that no screen shows"),
        (line(plan="x" * 202), "plan cannot be used"),
        (line(note="x" * MOST_BYTES), "longer than 64 KiB"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_reason(raw: bytes, why: str) -> None:
    assert refused(raw) == why


# -- what is exported is taken again

_texts = st.text(max_size=250).map(visible).filter(bool)
_resets = st.none() | st.datetimes(timezones=st.just(UTC))
_used = st.none() | st.floats(-999_999, 999_999)
_amounts = (
    st.from_regex(
        r"-?[0-9]{1,18}(\.[0-9]{1,28})?([eE][+-]?[0-9]{1,2})?", fullmatch=True, alphabet="0123456789.eE+-"
    )
    .map(decimal)
    .filter(lambda amount: amount is not None)
)
_some = st.none() | _amounts
_flags = st.none() | st.booleans()
_changes = st.one_of(
    st.tuples(
        st.tuples(st.just(Series.WINDOW), _texts, st.integers(0, 10**9).map(window_kind)),
        st.builds(Figure, _used, _resets, _flags, _flags),
    ),
    st.tuples(st.just((Series.CREDITS, "", "")), st.builds(Figure, balance=_some, unlimited=_flags)),
    st.tuples(
        st.tuples(st.just(Series.SPEND), st.just(""), _texts),
        st.builds(Figure, _used, _resets, spent=_some, spend_limit=_some),
    ),
    st.tuples(st.just((Series.PLAN, "", "")), st.builds(Figure, plan=_texts)),
)
_instants = st.datetimes(
    NOON.replace(year=2015, tzinfo=None), NOON.replace(tzinfo=None), timezones=st.just(UTC)
)


@given(
    st.lists(st.tuples(_instants, _changes), max_size=6),
    st.builds(Identity, st.just(""), *[_texts] * 3, st.none() | _texts),
)
def test_whatever_was_read_is_exported_so_that_it_can_be_taken_and_comes_out_the_same(
    changes: list[tuple[datetime, tuple[Place, Figure]]], who: Identity
) -> None:
    rows = [HistoryRow("", at, *place, figure) for at, (place, figure) in sorted(changes, key=itemgetter(0))]
    ever = NOON.min.replace(tzinfo=UTC)
    found = [read(raw) for raw in lines_of(who, rows, ever, NOON)]
    assert [each.at for each in found] == sorted({row.at for row in rows})
    for reading in found:
        assert (reading.identity.key, reading.identity.email) == (who.key, who.email)
        held = {(row.series, row.bucket, row.window): row.figure for row in rows if row.at <= reading.at}
        told = {place: told_of(figure, reading.at) for place, figure in held.items()}
        assert same(known(reading.figures), known(told))


def told_of(figure: Figure, at: datetime) -> Figure:
    """What a line tells of it: flags it does not, nor a reset that no service can mean."""
    resets_at = figure.resets_at
    if resets_at is not None and abs(resets_at - at) > timedelta(days=3660):
        resets_at = None
    return replace(figure, resets_at=resets_at, allowed=None, limit_reached=None)


def known(figures: Mapping[Place, Figure]) -> dict[Place, Figure]:
    return {place: figure for place, figure in figures.items() if figure != Figure()}


def test_what_no_import_takes_is_no_line() -> None:
    rows = [
        HistoryRow(WHO.account_id, at, Series.WINDOW, "codex", "5h", Figure(1))
        for at in (NOON.replace(year=1970), NOON - HOUR, NOON + HOUR)
    ]
    long = [
        HistoryRow(WHO.account_id, NOON, Series.WINDOW, f"{number:0200}", "5h", Figure(1))
        for number in range(300)
    ]
    told = [bool(raw) for raw in lines_of(WHO, [*rows[:2], *long, rows[2]], NOON.replace(year=1960), NOON)]
    assert told == [False, True, False, False]


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_break_it(raw: bytes) -> None:
    assert isinstance(parse_line(raw, NOON), Message)


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(("at", "account", "plan", "windows", "credits", "spend")), json_values)
def test_no_value_of_a_key_breaks_it(name: str, value: object) -> None:
    found = parse_line(line(**{name: value}), NOON)
    assert isinstance(found, Message | PastReading)
