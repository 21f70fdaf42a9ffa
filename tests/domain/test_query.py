from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct, field

from poolwatch.domain.query.fields import FIELDS, FieldKind, figure_text, is_equal, read_figure
from poolwatch.domain.query.language import DEEPEST, FaultKind, parse, query_of, written
from poolwatch.domain.query.tree import (
    EVERYTHING,
    SIGNS,
    And,
    Compare,
    Look,
    NeedsYou,
    Not,
    Or,
    Query,
    Word,
    both,
    depth,
    either,
    leaves,
    lets,
    opposite,
)

A, B, C, D = (Word(letter) for letter in "abcd")


class Thing(Struct, frozen=True):
    """What a filter may look at."""

    words: tuple[str, ...] = ()
    known: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    figures: Mapping[str, Decimal | float] = field(default_factory=dict)
    needs_you: bool = False

    def everything(self) -> Iterable[str]:
        return self.words

    def texts(self, field: str) -> Iterable[str]:
        return self.known.get(field, ())

    def figure(self, field: str) -> Decimal | float | None:
        return self.figures.get(field)


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("", EVERYTHING),
        (" \t ", EVERYTHING),
        ("A b", And((A, B))),
        ("a or b c", Or((A, And((B, C))))),
        ("a b OR c d", Or((And((A, B)), And((C, D))))),
        ("(a or b) c", And((Or((A, B)), C))),
        ("a (b or (c d))", And((A, Or((B, And((C, D))))))),
        ("((a))", A),
        ("not a b", And((Not(A), B))),
        ("not not a", A),
        ("NOT (a b)", Not(And((A, B)))),
        ("not(a b)", Not(And((A, B)))),
        ("a or(b c)", Or((A, And((B, C))))),
        ("-(a or b) !(c d)", And((Not(Or((A, B))), Not(And((C, D)))))),
        ("-a !b", And((Not(A), Not(B)))),
        ("not -a", A),
        ("!", NeedsYou()),
        ("-!", Not(NeedsYou())),
        ("!!", Not(NeedsYou())),
        ("(!)", NeedsYou()),
        # only the first sign leaves out
        ("--a", Not(Word("-a"))),
        ("-!a", Not(Word("!a"))),
        ("-or", Not(Word("or"))),
        ('"or" "not" "!" "-a"', And((Word("or"), Word("not"), Word("!"), Word("-a")))),
        ('"needs login" a', And((Word("needs login"), A))),
        (r'"a\"b\\c\d"', Word(r'a"b\c\d')),
        ('a"b', Word('a"b')),
        # of a parenthesis within a word nothing is special
        ("dev(east)", Word("dev(east)")),
        ("(dev(east) a)", And((Word("dev(east)"), A))),
        ("plan:pro", Look("plan", "pro")),
        ("PLAN:Pro", Look("plan", "pro")),
        ("plan=pro", Look("plan", "pro", exact=True)),
        ('plan:"pro 5x" a', And((Look("plan", "pro 5x"), A))),
        ('-group:"(x)"', Not(Look("group", "(x)"))),
        ("source:a:b>c", Look("source", "a:b>c")),
        ("model:gpt", Look("model", "gpt")),
        ("weekly>=80", Compare("weekly", ">=", Decimal(80))),
        ("weekly>=80%", Compare("weekly", ">=", Decimal(80))),
        ("5h=12.5", Compare("5h", "=", Decimal("12.5"))),
        ("burn<.5", Compare("burn", "<", Decimal("0.5"))),
        ("credits>1,234.56", Compare("credits", ">", Decimal("1234.56"))),
        ("credits<-3", Compare("credits", "<", Decimal(-3))),
        ("usd<=$10 usd>-$1", And((Compare("usd", "<=", Decimal(10)), Compare("usd", ">", Decimal(-1))))),
        ("resets<2h", Compare("resets", "<", Decimal(7200))),
        ("resets>1d12h30m", Compare("resets", ">", Decimal(131400))),
        # what looks like a field and is none is a word
        ("host:8080", Word("host:8080")),
        ("weekli>80", Word("weekli>80")),
        ("burn:5", Word("burn:5")),
        ("plan>3", Word("plan>3")),
        ("resets<2", Word("resets<2")),
        (":a", A),
        # half a word on its way says nothing yet
        *((text, EVERYTHING) for text in ("-", "weekly>", "usd<$", "plan:", 'plan:"', "other:", "not", "or")),
        *((f"a {text}", A) for text in ("-", "or", "not", "or not", "or (", "-()", "-plan:", '"')),
        ("a or burn>=", A),
        ("a burn>5:", A),
        ("or a or or b or", Or((A, B))),
    ],
)  # fmt: skip
def test_what_is_typed_and_what_it_means(text: str, query: Query) -> None:
    assert query_of(text) == query
    assert query_of(written(query)) == query


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("a -b or (c) \"d e\" plan:x weekly>1 ! -", []),
        ("weekli>80 a", [(FaultKind.NO_FIELD, "weekli", "weekli>80")]),
        ("stauts:x", [(FaultKind.NO_FIELD, "stauts", "stauts:x")]),
        ("burn:5", [(FaultKind.NOT_COMPARED, "burn", "burn:5")]),
        ("-resets>x", [(FaultKind.NOT_COMPARED, "resets", "resets>x")]),
        ("plan>3", [(FaultKind.NOT_A_FIGURE, "plan", "plan>3")]),
        ("a and b", [(FaultKind.AND, "", "and")]),
        ("a)", [(FaultKind.CLOSES_NOTHING, "", "a)")]),
        ('"a', [(FaultKind.OPEN_QUOTE, "", "")]),
        ("(a", [(FaultKind.OPEN_GROUP, "", "")]),
        ("a or", [(FaultKind.NOTHING_BESIDE, "or", "")]),
        ("or a", [(FaultKind.NOTHING_BESIDE, "or", "")]),
        ("(a not) b", [(FaultKind.NOTHING_BESIDE, "not", "")]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_it(text: str, faults: list[tuple[FaultKind, str, str]]) -> None:
    assert [(each.kind, each.name, each.word) for each in parse(text).faults] == faults


def test_groups_are_nested_so_deep_and_no_deeper() -> None:
    deep = parse("-(a " * 5000)
    assert FaultKind.TOO_DEEP in {each.kind for each in deep.faults}
    assert depth(deep.query) <= 2 * DEEPEST + 2
    assert query_of(written(deep.query)) == deep.query
    assert query_of("not " * 20_001 + "a") == Not(A)
    assert query_of("(" * 20_000 + "a" + ")" * 20_000) != EVERYTHING


def test_a_saved_filter_stands_for_its_name() -> None:
    saved = {"east": Or((A, B)), "deep": query_of("-(a " * DEEPEST)}
    assert query_of("-@EAST c", saved) == And((Not(Or((A, B))), C))
    assert query_of('"@east"', saved) == Word("@east")
    assert query_of("@eas @example.com", saved) == And((Word("@eas"), Word("@example.com")))
    assert query_of("@deep", saved) == Word("@deep")
    assert written(query_of("@east c", saved)) == "(a or b) c"
    assert query_of(written(Word("@east")), saved) == Word("@east")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("pro", True),
        ("PRO", True),
        ("free", False),
        ("-free", True),
        ("plan:pr", True),
        ("plan=pr", False),
        ("plan=PRO", True),
        # only the beginning of a text counts there
        ("plan:ro", False),
        ("group:x", False),
        ("-group:x", True),
        ("weekly>=80", True),
        ("weekly>80", False),
        ("weekly=80", True),
        ("weekly<80 or pro", True),
        # unknown is neither more nor less nor equal, and so `not` of it is true
        ("5h<100", False),
        ("5h>=0", False),
        ("5h=0", False),
        ("-5h>=0", True),
        ("not 5h<100", True),
        ("usd>1,000,000", True),
        ("usd=5", False),
        ("!", False),
        ("-!", True),
        ("(free or pro) -(pro plan:pro)", False),
    ],
)
def test_what_a_filter_lets_through(text: str, found: bool) -> None:
    thing = Thing(
        ("Alice", "Pro"), {"plan": ("Pro", "prolite")}, {"weekly": 80.0, "usd": Decimal("Infinity")}
    )
    assert lets(query_of(text), thing) is found


@pytest.mark.parametrize(
    ("kind", "figure", "wanted", "equal"),
    [
        (FieldKind.PERCENT, 71.4, "71", True),
        (FieldKind.PERCENT, 71.5, "71", False),
        (FieldKind.PERCENT, 71.4, "71.0", False),
        # nothing below it is 100%, and only nothing is 0
        (FieldKind.PERCENT, 99.7, "100", False),
        (FieldKind.PERCENT, 100.0, "100", True),
        (FieldKind.PERCENT, 0.2, "0", False),
        (FieldKind.CREDITS, Decimal("99.7"), "100", True),
        (FieldKind.CREDITS, Decimal("0.00"), "0", True),
        (FieldKind.TIME, 7200 + 600, "2h", True),
        (FieldKind.TIME, 7200 + 600, "120m", True),
        (FieldKind.TIME, 7200 + 600, "2h9m", False),
        (FieldKind.TIME, 3 * 3600, "2h", False),
        (FieldKind.TIME, 1e300, "2h", False),
    ],
)
def test_figures_are_equal_as_finely_as_they_were_typed(
    kind: FieldKind, figure: Decimal | float, wanted: str, equal: bool
) -> None:
    read = read_figure(kind, wanted)
    assert isinstance(read, Decimal)
    assert is_equal(kind, figure, read) is equal


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (FieldKind.PERCENT, "-1"), (FieldKind.PERCENT, "1,000"), (FieldKind.PERCENT, "x"),
        (FieldKind.PERCENT, "٣"), (FieldKind.CREDITS, "$3"), (FieldKind.CREDITS, "1,00"),
        (FieldKind.DOLLARS, "$$3"), (FieldKind.DOLLARS, "1e5"), (FieldKind.TIME, "2"),
        (FieldKind.TIME, "2h1d"), (FieldKind.TIME, "1.5h"), (FieldKind.TIME, "2s"),
    ],
)  # fmt: skip
def test_what_is_no_figure(kind: FieldKind, text: str) -> None:
    assert read_figure(kind, text) is None


# --- whatever is typed

_TEXTS = st.text(min_size=1, max_size=8).map(str.casefold)
_BITS = st.sampled_from(
    [*FIELDS, *SIGNS, *"()!-: \\aßİ", '"', " ", "or", "not", "and", "@east", "80%", "2h"]
)  # fmt: skip
_TYPED = st.one_of(st.text(max_size=30), st.lists(_BITS, max_size=14).map("".join))


@st.composite
def _compared(draw: st.DrawFn) -> Compare:
    known = draw(st.sampled_from([each for each in FIELDS.values() if each.is_compared]))
    if known.kind is FieldKind.TIME:
        wanted = Decimal(60 * draw(st.integers(0, 1_000_000)))
    elif known.kind is FieldKind.PERCENT:
        wanted = draw(st.decimals(0, 999_999, places=draw(st.integers(0, 3))))
    else:
        wanted = draw(st.decimals(-(10**15), 10**15, places=draw(st.integers(0, 6))))
    return Compare(known.name, draw(st.sampled_from(SIGNS)), wanted)


_LOOKED = st.builds(
    Look,
    st.sampled_from([each.name for each in FIELDS.values() if not each.is_compared]),
    _TEXTS,
    st.booleans(),
)
_QUERIES: st.SearchStrategy[Query] = st.recursive(
    st.one_of(_TEXTS.map(Word), _LOOKED, _compared(), st.just(NeedsYou())),
    lambda inner: st.one_of(
        inner.map(opposite),
        st.lists(inner, min_size=1, max_size=3).map(both),
        st.lists(inner, min_size=1, max_size=3).map(either),
    ),
    max_leaves=8,
)


@given(_QUERIES)
def test_what_is_written_is_read_as_it_was(query: Query) -> None:
    parsed = parse(written(query))
    assert parsed.query == query
    assert not [each for each in parsed.faults if not each.word]


@given(_TYPED)
def test_nothing_that_is_typed_breaks_it(text: str) -> None:
    query = parse(text, {"east": Or((A, B))}).query
    assert query_of(written(query)) == query
    lets(
        query, Thing(("alice",), {"plan": ("pro",)}, {"weekly": 71.4, "credits": Decimal(5), "resets": 60.0})
    )
    assert all(isinstance(each, Word | NeedsYou | Look | Compare) for each in leaves(query))


@given(_QUERIES, _QUERIES)
def test_what_is_left_out_is_all_else(one: Query, other: Query) -> None:
    thing = Thing(("alice",), {"plan": ("pro",)}, {"weekly": 71.4, "credits": Decimal(5)})
    assert lets(opposite(one), thing) is not lets(one, thing)
    assert lets(both((one, other)), thing) is (lets(one, thing) and lets(other, thing))
    assert lets(either((one, other)), thing) is (lets(one, thing) or lets(other, thing))


@given(st.decimals(0, 10**6, places=0))
def test_a_time_is_written_as_it_is_typed(minutes: Decimal) -> None:
    assert read_figure(FieldKind.TIME, figure_text(FieldKind.TIME, minutes * 60)) == minutes * 60
