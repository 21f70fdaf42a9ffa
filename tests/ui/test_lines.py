"""Every line that is drawn takes exactly the cells it is given."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from poolwatch.domain.status import PoolRules, Section
from poolwatch.domain.values import replace
from poolwatch.presentation.payload import line_text, matches, payload_lines
from poolwatch.presentation.view import (
    AtReset,
    CardView,
    CreditsRow,
    DetailLine,
    DetailView,
    Figure,
    Glyph,
    Note,
    Prefs,
    SectionView,
    Shown,
    SortKey,
    SourceRow,
    Span,
    StripView,
    Tone,
)
from poolwatch.ui.appearance import ASCII, UNICODE, Glyphs
from poolwatch.ui.board import Board
from poolwatch.ui.cells import Ink, Line, cut, line_width
from poolwatch.ui.feed import FoundLogins
from poolwatch.ui.keymap import Keymap
from poolwatch.ui.screens.first_run import first_run_lines
from poolwatch.ui.screens.texts import help_lines
from poolwatch.ui.widgets import cards as card_lines
from poolwatch.ui.widgets import hive, payload, table
from poolwatch.ui.widgets.arrangement import as_cards, card_columns
from poolwatch.ui.widgets.bottom import MessageText, message_line
from poolwatch.ui.widgets.columns import Content, choose, orders
from poolwatch.ui.widgets.details import detail_lines
from poolwatch.ui.widgets.strip import Density, Mode, density_of, strip_lines
from tests.ui.cards import card, cards, texts, window
from tests.ui.pools import NOW, ZONE, state_of, twelve
from tests.ui.test_cells import plain

widths = st.integers(20, 260)
sets = st.sampled_from((UNICODE, ASCII))


@given(cards, widths, sets, st.booleans())
def test_table_rows(view: CardView, width: int, glyphs: object, selected: bool) -> None:
    chosen = ASCII if glyphs is ASCII else UNICODE
    columns = choose(width, Content.of((view,)))
    assert columns.used() == width
    assert line_width(table.row(view, columns, chosen, selected=selected)) == width
    assert line_width(table.header(columns, Shown.LEFT)) == width
    for order in SortKey:
        line = plain(table.header(columns, Shown.USED, order, "^"))
        assert len(line) == width
        assert line.count("^") == (order in orders(columns))
        words = line.replace("^", "").replace("used:", "").replace("AT RESET", "AT-RESET").split()
        assert len([word for word in words if word not in ("USED", "USED:")]) == len(orders(columns))


@given(cards, st.integers(10, 90), st.integers(3, 9), st.sampled_from((UNICODE, ASCII)), st.booleans())
def test_cards(view: CardView, width: int, height: int, glyphs: Glyphs, selected: bool) -> None:
    lines = card_lines.block(view, width, height, glyphs, selected=selected)
    assert [line_width(line) for line in lines] == [width] * height


@given(cards, st.integers(20, 200))
def test_hive_lines(view: CardView, width: int) -> None:
    assert line_width(hive.mark(view, UNICODE, selected=True)) == hive.CELL
    assert line_width(hive.in_words(view, width, UNICODE)) == width
    lead = hive.lead_width((view.label, "plus"), width)
    assert line_width(hive.group_lead(view.label, 125, lead, UNICODE)) == lead
    assert line_width(hive.group_lead(view.label, None, lead, UNICODE)) == lead
    for rules in (PoolRules(), PoolRules(amber_percent=33.3, red_percent=100)):
        assert {line_width(line) for line in hive.legend(width, ASCII, Prefs(rules=rules))} == {width}


@given(st.lists(texts, max_size=4), st.integers(14, 90), texts)
def test_payload_lines_fit_and_lose_nothing(values: list[str], width: int, wanted: str) -> None:
    lines = payload_lines(json.dumps({"a": values, "b": {"c": 1}}, ensure_ascii=False))
    rows = payload.wrapped(lines, width)
    for index, line in enumerate(lines):
        parts = [(row.start, row.end) for row in rows if row.line == index]
        assert "".join(line_text(line)[start:end] for start, end in parts) == line_text(line)
    base = payload.drawn(lines, rows, width)
    found = matches(lines, wanted)
    for current in (None, *range(min(3, len(found)))):
        shown = payload.with_matches(base, lines, rows, found, current, width)
        assert {line_width(line) for line in shown} == {width}
        assert [plain(line) for line in shown] == [plain(line) for line in base]


def test_a_long_line_of_a_payload_is_not_gone_over_for_each_of_its_rows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[int] = []

    def measured_len(text: str) -> int:
        measured.append(len(text))
        return cell_len(text)

    def measured_cut(text: str, cells: int, mark: str) -> str:
        measured.append(len(text))
        return cut(text, cells, mark)

    monkeypatch.setattr("poolwatch.ui.widgets.payload.cell_len", measured_len)
    monkeypatch.setattr("poolwatch.ui.widgets.payload.cut", measured_cut)
    lines = payload_lines("1" * 30_000)
    rows = payload.wrapped(lines, 80)
    base = payload.drawn(lines, rows, 80)
    found = matches(lines, "11")
    assert len(found) == 15_000
    payload.with_matches(base, lines, rows, found, 0, 80)
    assert sum(measured) < 10 * 30_000
    assert len(measured) < 3 * 15_000


def test_the_legend_of_the_hive_names_each_colour() -> None:
    wide, two = hive.legend(200, UNICODE, Prefs()), hive.legend(120, UNICODE, Prefs())
    assert (len(wide), len(two), len(hive.legend(80, UNICODE, Prefs()))) == (1, 2, 2)
    assert "▂ below 60%  ▄ from 60%  ▆ from 90%  █ full  ▂ old" in plain(wide[0])
    assert plain(two[1]).strip() == "✕ needs you  ▲ trouble  ◌ not read yet  ⊘ disabled"
    styles = dict(wide[0])
    assert (styles["▄"], styles["▆"], styles["✕"], styles["▲"]) == (
        Tone.AMBER,
        Tone.RED,
        Tone.RED,
        Tone.AMBER,
    )
    others = plain(hive.legend(200, UNICODE, Prefs(rules=PoolRules(amber_percent=75, red_percent=95)))[0])
    assert "below 75%  ▅ from 75%  ▆ from 95%" in others
    left = plain(hive.legend(200, UNICODE, Prefs(shown=Shown.LEFT))[0])
    assert "left of the scarcest window" in left
    assert [left.index(each) for each in ("above 40%", "up to 40%", "▁ used up")] == sorted(
        left.index(each) for each in ("above 40%", "up to 40%", "▁ used up")
    )


def test_the_names_of_groups_are_whole_where_there_is_room() -> None:
    lead = hive.lead_width(("Plus", "Enterprise (usage)"), 120)
    assert plain(hive.group_lead("Enterprise (usage)", 7, lead, UNICODE)) == " Enterprise (usage)   7 "
    assert hive.lead_width(("Plus",), 120) == 12
    assert hive.lead_width(("a" * 60,), 80) == 22


figures = st.none() | st.builds(Figure, title=st.just("NEXT BACK"), text=texts, detail=texts, short=texts)
strips = st.builds(
    StripView,
    name=texts,
    accounts=st.integers(0, 9999),
    sources=st.integers(0, 9),
    needs_you=st.integers(0, 99),
    exhausted=st.integers(0, 99),
    active=st.integers(0, 9999),
    rest=st.integers(0, 99),
    freshness=texts,
    freshness_short=texts,
    needs_you_detail=texts,
    next_up=figures,
    next_back=figures,
    credits=figures,
    highest_weekly=figures,
    burn=figures,
    outlook=figures,
    notices=st.lists(st.builds(Span, text=texts), max_size=2).map(tuple),
)


@given(strips, st.sampled_from(Density), st.integers(20, 200), st.booleans())
def test_strip_lines(view: StripView, density: Density, width: int, is_hive: bool) -> None:
    mode = Mode("sort need · table", ("paused", "filter x"), hive=is_hive)
    for line in strip_lines(view, mode, density, width, UNICODE):
        assert not line or line_width(line) == width


@pytest.mark.parametrize("width", range(100, 150, 5))
def test_no_half_of_what_burns_or_lies_ahead_is_left(width: int) -> None:
    ahead = "38% risk before Thu 00:59; 31% of weekly left"
    view = StripView(
        "work", 12, 3, 1, 3, 8, 0, "fresh", "fresh", "",
        Figure("NEXT UP", "team-east/dev14", "5h 9% used, weekly 38% used"), None, None, None,
        burn=Figure("BURN", "pool 0.8%/h", "62 credits/h · API ~$12.40 today"),
        outlook=Figure("OUTLOOK", "may run dry Wed", ahead, short="may run dry Wed"),
    )  # fmt: skip
    lines = "\n".join(map(plain, strip_lines(view, Mode("sort need"), Density.WIDE, width, UNICODE)))
    assert "API ~$12.40 today" in lines or "62 credits/h…" in lines
    assert ahead in lines or "before Thu 00:59…" in lines
    if width >= 120:
        assert "API ~$12.40 today" in lines


@given(texts, texts, st.integers(20, 200))
def test_message_lines(text: str, short: str, width: int) -> None:
    message = MessageText(text, about=text[:5], short=short, hint=("y", "copy"))
    assert line_width(message_line(message, width, UNICODE)) == width


@given(st.integers(40, 200), sets, st.booleans())
def test_detail_and_help_lines(width: int, glyphs: object, mask: bool) -> None:
    chosen = ASCII if glyphs is ASCII else UNICODE
    board = Board(state_of(twelve()), Prefs(zone=ZONE, mask=mask), NOW)
    for key in board.state.accounts:
        view = board.detail(key)
        assert view is not None
        assert {line_width(line) for line in detail_lines(view, width, chosen)} == {width}
    assert {line_width(line) for line in help_lines(Keymap(), width, chosen)} == {width}


def details(width: int, index: int = 0) -> list[str]:
    board = Board(state_of(twelve()), Prefs(zone=ZONE), NOW)
    view = board.detail(twelve()[index].key)
    assert view is not None
    return [plain(line).rstrip() for line in detail_lines(view, width, UNICODE)]


def test_details_have_two_columns_where_they_fit() -> None:
    wide, narrow = details(119), details(117)
    first = next(line for line in wide if " WINDOWS " in line)
    assert " LOGIN " in first
    assert not any("WINDOWS" in line and "LOGIN" in line for line in narrow)
    assert len(wide) < len(narrow) + 3
    words_of = {word for line in narrow for word in line.split() if word.isalpha()}
    assert words_of <= {word for line in wide for word in line.split()}


def test_a_source_keeps_the_end_of_its_path_and_its_words_their_column() -> None:
    path = "/srv/a/long/way/to/the/homes/of/all/of/the/people/there/erin/auth.json"
    row = DetailLine("SOURCES", source=SourceRow("homes", path, "4m", "plan, windows, credits, token"))
    view = DetailView(card(), "", "", "active", (), (row,))
    lines = [plain(line).rstrip() for line in detail_lines(view, 60, UNICODE)]
    assert lines[-2].startswith(" SOURCES  homes …")
    assert lines[-2].endswith("/erin/auth.json    4m")
    assert lines[-1] == " " * 12 + "plan, windows, credits, token"
    short = SourceRow("homes", "~/.codex/auth.json", "4m", "plan, windows, credits, token")
    view = replace(view, about=(DetailLine("SOURCES", source=short),))
    lines = [plain(line).rstrip() for line in detail_lines(view, 67, UNICODE)]
    assert lines[-2] == " SOURCES  homes ~/.codex/auth.json    4m   plan, windows, credits,"
    assert lines[-1] == " " * 43 + "token"
    # a narrow column of many lines is no better than a line of its own
    lines = [plain(line).rstrip() for line in detail_lines(view, 54, UNICODE)]
    assert lines[-1] == " " * 12 + "plan, windows, credits, token"


def test_first_run_lines_fit() -> None:
    assert all(line_width(line) <= 80 for line in first_run_lines((), Keymap(), 80, UNICODE))


def test_every_word_of_the_first_run_screen_can_be_read() -> None:
    found = (
        FoundLogins("~/.codex/auth.json", "not there", "", can_add=False),
        FoundLogins("~/.cli-proxy-api/codex-*.json", "3 logins, readable", "poolwatch sources add x", True),
    )
    wide = text_of(first_run_lines(found, Keymap(), 200, UNICODE)).split()
    for width in (59, 79):
        drawn = first_run_lines(found, Keymap(), width, UNICODE)
        assert all(line_width(line) <= width for line in drawn)
        assert text_of(drawn).split() == wide


def text_of(lines: tuple[Line, ...]) -> str:
    return "\n".join(plain(line) for line in lines)


def test_columns_leave_in_their_order() -> None:
    content = Content(18, 20, 8, 7)
    there = {
        width: {
            name
            for name in ("source", "usd", "bar", "plan", "credits", "short_resets", "status")
            if getattr(choose(width, content), name)
        }
        for width in range(40, 200)
    }
    order = ("source", "usd", "bar", "plan", "credits", "short_resets")
    since = [min(width for width in there if name in there[width]) for name in order]
    assert since == sorted(since, reverse=True)
    assert since[0] == 149
    assert since[1] >= 131
    for width in range(40, 199):
        assert there[width] <= there[width + 1], width


def test_what_lies_ahead_stays_to_the_end() -> None:
    content = Content(18, 20, 8, 7, at_reset=True)
    chosen = {width: choose(width, content) for width in range(70, 200)}
    order = ("source", "usd", "bars", "plan", "credits", "age", "short_resets", "at_reset")
    since = [min(width for width, columns in chosen.items() if getattr(columns, name)) for name in order]
    assert since == sorted(since, reverse=True)
    assert len(set(since)) == len(order)
    # at 80 columns, of which the last two are blank
    at_80 = chosen[78]
    assert (at_80.at_reset, at_80.short_resets, at_80.age, at_80.credits) == (10, True, False, 0)
    assert (chosen[70].at_reset, chosen[70].short_resets) == (10, False)
    assert (chosen[118].bar, chosen[118].age, chosen[118].at_reset) == (6, True, 10)
    assert (chosen[149].at_reset, chosen[150].at_reset) == (10, 17)
    assert choose(78, Content(18, 20, 8, 7)).age
    assert all(columns.used() == width for width, columns in chosen.items())


def test_the_bar_of_the_short_window_goes_before_the_other() -> None:
    columns = choose(118, Content(20, 20, 8, plan=8, at_reset=True))
    assert (columns.bar_in(short=True), columns.bar_in(short=False), columns.bars) == (0, columns.bar, 1)
    assert columns.bar >= 6
    heading = plain(table.header(columns, Shown.USED))
    assert "USED:     5H" in heading
    assert "WEEKLY USED" in heading


def test_the_column_of_what_lies_ahead() -> None:
    def drawn(ahead: AtReset | None, width: int = 118) -> str:
        view = card(at_reset=ahead)
        columns = choose(width, replace(Content.of((view,)), at_reset=True))
        line = plain(table.row(view, columns, UNICODE, selected=False))
        return line[plain(table.header(columns, Shown.USED)).index("AT RESET") - 1 :][: columns.at_reset - 1]

    assert drawn(AtReset("54%", Tone.PLAIN, "45–66")) == "      54%"
    assert drawn(AtReset("54%", Tone.PLAIN, "45–66"), 160) == "      54%  45–66"
    assert drawn(AtReset("too early")) == "too early"
    assert drawn(None) == "        —"
    assert not Content.of((card(),)).at_reset
    assert Content.of((card(), card(at_reset=AtReset("idle")))).at_reset


def test_an_old_row_is_dim_where_its_age_has_no_room() -> None:
    for stale, width, style in (
        (True, 78, Tone.STALE),
        (True, 118, Tone.PLAIN),
        (False, 78, Tone.PLAIN),
    ):
        view = card(stale=stale, at_reset=AtReset("idle"))
        line = table.row(view, choose(width, Content.of((view,))), UNICODE, selected=False)
        assert next(look for text, look in line if text.startswith(view.label)) is style


@pytest.mark.parametrize(
    ("fraction", "even", "drawn", "ascii_drawn"),
    [
        (0.5, 0.25, "━━╋━────", "##+#----"),
        (0.5, 0.75, "━━━━──┼─", "####--+-"),
        # half a step gives way to the mark
        (0.56, 0.5, "━━━━┼───", "####+---"),
        (0.02, 0.0, "┼───────", "+-------"),
        (1.0, 1.0, "━━━━━━━╋", "#######+"),
        (0.0, 1.0, "───────┼", "-------+"),
        (0.5, None, "━━━━────", "####----"),
    ],
)
def test_a_mark_stands_where_even_use_would(
    fraction: float, even: float | None, drawn: str, ascii_drawn: str
) -> None:
    row = window("weekly", "50%", fraction, even=even)
    assert plain(tuple(table.bar(row, 8, UNICODE))) == drawn
    assert plain(tuple(table.bar(row, 8, ASCII))) == ascii_drawn
    assert table.bar(row, 0, UNICODE)[0][0] == ""


def test_columns_that_no_account_fills_are_not_there() -> None:
    columns = choose(140, Content.of((card(credits=None, windows=(window("weekly"),)),)))
    assert (columns.credits, columns.usd, columns.short, columns.long) == (0, 0, False, True)


def test_a_window_under_another_heading_is_named() -> None:
    view = card(windows=(window("monthly", "33%", 0.33),))
    wide = plain(table.row(view, choose(118, Content.of((view,))), UNICODE, selected=False))
    narrow = plain(table.row(view, choose(79, Content.of((view, card()))), UNICODE, selected=False))
    assert "monthly" in wide
    assert "  33% monthly" in narrow
    daily = card(windows=(window("12h", "33%", 0.33), window("weekly", "9%", 0.09)))
    columns = choose(66, Content.of((daily, card())))
    assert columns.short
    assert not columns.short_resets
    # no room for its name: a figure under "5H" would be taken for that of 5 hours
    assert "33%" not in plain(table.row(daily, columns, UNICODE, selected=False))


def test_a_plan_is_whole_or_ends_in_dots() -> None:
    both = [card(plan="Business"), card(plan="Enterprise (automation)")]
    for width in (105, 118, 160):
        columns = choose(width, Content.of(both))
        assert " Business " in plain(table.row(both[0], columns, UNICODE, selected=False))
        assert "… " in plain(table.row(both[1], columns, UNICODE, selected=False))
    roomy = choose(240, Content.of((card(plan="Business Premium"),)))
    assert "Business Premium " in plain(
        table.row(card(plan="Business Premium"), roomy, UNICODE, selected=False)
    )


def test_the_word_stands_in_every_heading() -> None:
    for width in (60, 79, 118, 160):
        for shown, word in ((Shown.USED, "USED"), (Shown.LEFT, "LEFT")):
            assert word in plain(table.header(choose(width, Content.of((card(),))), shown))


def bob() -> CardView:
    return card(
        "bob@example.com",
        glyph=Glyph.EXHAUSTED,
        tone=Tone.AMBER,
        windows=(
            window("5h", "100%", 1.0, resets="47m", full=True),
            window("weekly", "71%", 0.71, resets="2d 1h"),
        ),
        extras=(window("5h", "12%", 0.12, resets="3h 40m", bucket="Spark"),),
        notes=(Note("", "31 of 50 this month", Tone.DIM), Note("banked", "2 resets, one ends Sat")),
        credits=CreditsRow("-3.10", "-$0.12", "over limit", Tone.RED),
        foot=Span("back 14:50", Tone.AMBER),
    )


def test_a_card_as_drawn() -> None:
    assert text_of(card_lines.block(bob(), 38, 9, UNICODE, selected=False)) == (
        "╭─ ◐ bob@example.com ───────── Plus ─╮\n"
        "│ 5h      ━━━━━━━━━━━━━ 100%     47m │\n"
        "│ weekly  ━━━━━━━━━────  71%   2d 1h │\n"
        "│         31 of 50 this month        │\n"
        "│ Spark   ━╸───────────  12%  3h 40m │\n"
        "│ banked  2 resets, one ends Sat     │\n"
        "│ credits -3.10  -$0.12   over limit │\n"
        "│                                    │\n"
        "╰─ back 14:50 ────────────────── 4m ─╯"
    )


def test_the_selected_card_is_heavy_in_both_sets_of_glyphs() -> None:
    heavy = text_of(card_lines.block(card("x"), 30, 4, UNICODE, selected=True)).splitlines()
    assert (heavy[0], heavy[-1][:12]) == ("┏━ ● x ━━━━━━━━━━━━━━━ Plus ━┓", "┗━ active ━━")
    ascii_card = text_of(card_lines.block(card("x"), 30, 4, ASCII, selected=True)).splitlines()
    assert ascii_card[0] == "#= * x =============== Plus =#"
    light = text_of(card_lines.block(card("x"), 30, 4, ASCII, selected=False)).splitlines()
    assert (light[0][:6], light[1][0], light[-1][-5:]) == ("+- * x", "|", "4m -+")


def test_a_card_says_whether_its_week_lasts() -> None:
    frank = card(
        "frank@example.com",
        windows=(window("5h", "22%", 0.22), window("weekly", "62%", 0.62, kind="weekly", even=0.56)),
        extras=(window("weekly", "64%", 0.64, bucket="Spark"),),
        outlook=Note("out", "Sun 14:00 – Mon 10:00", Tone.AMBER, end="76%"),
        credits=CreditsRow("88.50", "$3.54", per_hour="6/h"),
        foot=Span("may run out", Tone.AMBER),
    )
    assert text_of(card_lines.block(frank, 38, 7, UNICODE, selected=False)).splitlines()[2:6] == [
        "│ weekly  ━━━━━━━╋─────  62%   1h 2m │",
        "│ out     Sun 14:00 – Mon 10:00  76% │",
        "│ Spark   ━━━━━━━━╸────  64%   1h 2m │",
        "│ credits 88.50   $3.54          6/h │",
    ]
    assert card_lines.wanted_height(frank) == 7
    # what is over the limit, and what has no room, says more than what an hour used
    over = replace(frank, credits=CreditsRow("-3.10", "-$0.12", "over limit", per_hour="6/h"))
    assert "over limit │" in text_of(card_lines.block(over, 38, 7, UNICODE, selected=False))
    wide = replace(frank, credits=CreditsRow("123,456,789.00", "$4,938,271", per_hour="41/h"))
    assert "41/h" not in text_of(card_lines.block(wide, 38, 7, UNICODE, selected=False))
    may = replace(frank, outlook=Note("", "may run out 60%", Tone.AMBER))
    line = card_lines.block(may, 38, 7, UNICODE, selected=False)[3]
    assert "│         may run out 60%  " in plain(line)
    assert Tone.AMBER in {style for text, style in line if "may" in text}


def test_the_border_has_the_colour_of_the_status() -> None:
    edges = {
        tone: {style for _, style in card_lines.block(card(tone=tone), 38, 4, UNICODE, selected=False)[-1]}
        for tone in (Tone.GOOD, Tone.AMBER, Tone.RED, Tone.DIM)
    }
    assert Ink.EDGE_GOOD in edges[Tone.GOOD]
    assert Ink.EDGE_AMBER in edges[Tone.AMBER]
    assert Ink.EDGE_RED in edges[Tone.RED]
    assert Ink.EDGE_DIM in edges[Tone.DIM]


def test_of_name_and_plan_the_name_stays_whole_longest() -> None:
    def head(label: str, width: int = 38) -> str:
        view = card(label, plan="Business (usage)")
        return plain(card_lines.block(view, width, 3, UNICODE, selected=False)[0])

    assert " Business (usage) ─╮" in head("pay")
    assert "pay@example.com ──── Business… ─╮" in head("pay@example.com")
    assert "team-east/carol@example.com ──" in head("team-east/carol@example.com")
    assert "Busin" not in head("team-east/carol@example.com")
    assert head("a" * 40) == f"╭─ ● {'a' * 29}… ─╮"


def test_what_is_unknown_of_credits_is_said_in_words() -> None:
    view = card(windows=(), credits=CreditsRow("—", ""))
    assert "│ credits unknown " in text_of(card_lines.block(view, 38, 3, UNICODE, selected=False))


def test_a_figure_beyond_its_column_is_whole_on_a_card() -> None:
    view = card("sara@example.com", windows=(window("spend", "-159%", 0.0, resets="10d"),))
    assert " -159%" in plain(card_lines.block(view, 38, 5, UNICODE, selected=False)[1])


def test_a_card_with_more_rows_than_height_says_so() -> None:
    view = card(extras=tuple(window(bucket=f"b{index}") for index in range(4)))
    lines = card_lines.block(view, 38, 5, UNICODE, selected=False)
    assert "+4 more" in plain(lines[3])
    assert card_lines.wanted_height(view) == 8
    assert card_lines.wanted_height(card(windows=(), credits=None)) == 3


def test_markup_in_names_is_literal() -> None:
    view = card("[/x][@click=app.quit]x[/]")
    row = plain(table.row(view, choose(118, Content.of((view,))), UNICODE, selected=False))
    assert "[/x][@click=app.quit]x[/]" in row


def test_unknown_is_a_dash_and_none_is_blank() -> None:
    unread = card(windows=(), scarcest=None, credits=None, age="—")
    business = card(windows=(), scarcest=None, credits=None, section=Section.ACTIVE)
    columns = choose(118, Content())
    assert plain(table.row(unread, columns, UNICODE, selected=False)).count("—") >= 2
    assert columns.short
    only_weekly = card(windows=(window("weekly", "—", None, resets=""),))
    assert plain(table.row(only_weekly, columns, UNICODE, selected=False)).count("—") == 1
    assert business.age == "4m"


def test_densities() -> None:
    assert density_of(120, 40) is Density.WIDE
    assert density_of(80, 24) is Density.MEDIUM
    assert density_of(60, 15) is Density.SMALL
    assert density_of(200, 12) is Density.SMALL


def test_three_cards_of_38_in_120() -> None:
    assert card_columns(119) == (3, 38)
    assert card_columns(79) == (2, 38)
    assert card_columns(59)[0] == 1
    keys = [card(f"{index}").key for index in range(7)]
    sections = (SectionView(None, "", tuple(keys)),)
    arrangement = as_cards(sections, 119, lambda key: 6 if key == keys[1] else 4)
    assert [arrangement.places[key] for key in keys[:4]] == [(1, 0), (41, 0), (81, 0), (1, 6)]
    assert (arrangement.heights, arrangement.height) == ((6, 4, 4), 14)
    # while the operator looks, a row only grows
    assert as_cards(sections, 119, lambda key: 5, arrangement.heights).heights == (6, 5, 5)


def test_what_changed_stands_where_the_whole_line_does_not_fit() -> None:
    whole = "token ok 0.4s → usage ok 0.3s · weekly 98 → 0%"
    message = MessageText(whole, Tone.GOOD, "bob@example.com", "ok · weekly 98 → 0%")
    assert plain(message_line(message, 80, UNICODE)).strip() == f"bob@example.com: {whole}"
    assert plain(message_line(message, 60, UNICODE)).strip() == "bob@example.com: ok · weekly 98 → 0%"
    done = card(foot=Span(whole, Tone.GOOD), progress=whole, progress_short="ok · weekly 98 → 0%")
    assert "╰─ ok · weekly 98 → 0% ─" in text_of(card_lines.block(done, 38, 5, UNICODE, selected=False))
    assert whole in text_of(card_lines.block(done, 60, 5, UNICODE, selected=False))


def test_what_a_refresh_says_outlasts_the_age() -> None:
    running = "token ok 0.4s → usage …"
    view = card(foot=Span(running, Tone.ACCENT), progress=running, foot_age="9h ago")
    assert f"╰─ {running} ━"[:-1] in plain(card_lines.block(view, 38, 4, UNICODE, selected=False)[-1])
    assert f"{running} ─ 9h ago ─╯" not in plain(card_lines.block(view, 36, 4, UNICODE, selected=False)[-1])
    assert f"╰─ {running} " in plain(card_lines.block(view, 36, 4, UNICODE, selected=False)[-1])
    assert card_lines.tells_progress(view, 36)
    # what has no room in the card stands on the message line
    assert not card_lines.tells_progress(view, 26)
    unread = card(foot=view.foot, progress=running, foot_age="", progress_short="ok · weekly 98 → 0%")
    assert "╰─ ok · weekly 98 → 0% ─" in plain(card_lines.block(unread, 27, 4, UNICODE, selected=False)[-1])


def test_the_hint_to_copy_outlasts_the_command_that_is_cut() -> None:
    message = MessageText("x" * 200, short="y" * 200, hint=("y", "copy"))
    assert plain(message_line(message, 80, UNICODE)).endswith("…   y copy ")
    assert "copy" not in plain(message_line(message, 40, UNICODE))


def test_a_long_countdown_keeps_off_its_percentage() -> None:
    long = window("weekly", "5%", 0.05, resets="19h 26m")
    for width in (79, 119):
        columns = choose(width, Content.of((card(windows=(long,)),)))
        assert "  5% 19h 26m" in plain(table.row(card(windows=(long,)), columns, UNICODE, selected=False))


def test_status_words_get_room_before_bars() -> None:
    money = CreditsRow("1,234.56", "$49.38")
    long = card("carol@example.com", status="active · sign in before 27 Nov", credits=money)
    columns = choose(118, Content.of((long, card())))
    assert long.status in plain(table.row(long, columns, UNICODE, selected=False))
    assert 6 <= columns.bar <= 8
    assert choose(118, Content.of((card(),))).bar >= 8


def test_on_the_smallest_screen_what_is_wrong_is_read_in_full() -> None:
    blocked = card(status="Cloudflare 26m", needs_you=True)
    columns = choose(59, Content.of((blocked,)))
    assert "Cloudflare 26m" in plain(table.row(blocked, columns, UNICODE, selected=False))


def strip_view(**changes: object) -> StripView:
    given: dict[str, object] = {
        "name": "work", "accounts": 60, "sources": 3, "needs_you": 7, "exhausted": 9, "active": 41, "rest": 3,
        "freshness": "fresh 51 of 60 · oldest 3d 2h", "freshness_short": "fresh 51/60 · oldest 3d",
        "needs_you_detail": "5 sign in · 1 deactivated · 2 in trouble",
        "next_up": Figure("NEXT UP", "team-east/dev14", "5h 16% used, weekly 38% used"),
        "next_back": Figure("NEXT BACK", "bob", "23:46, in 1m; 2 more by 01:00"),
        "credits": None, "highest_weekly": None,
    }  # fmt: skip
    return StripView(**{**given, **changes})  # type: ignore[arg-type]  # fields by name


def test_neither_half_of_the_strip_is_cut_while_the_other_has_room() -> None:
    drawn = text_of(strip_lines(strip_view(), Mode("sort need · table"), Density.WIDE, 120, UNICODE))
    assert "2 in trouble " in drawn
    assert "weekly 38% used" in drawn
    back = Figure("NEXT BACK", "dev13@example.com", "15:35, in 1h 32m; 14 more by 17:00")
    short = strip_view(needs_you_detail="2 sign in", next_back=back)
    drawn = text_of(strip_lines(short, Mode("sort need · table"), Density.WIDE, 120, UNICODE))
    assert "14 more by 17:00" in drawn


def test_in_the_strip_a_count_stands_with_its_whole_word_or_not_at_all() -> None:
    back = Figure("NEXT BACK", "somebody-with-a-long-name@example.com", "15:35, in 1h 32m; 14 more by 17:00")
    detail = "16 sign in · 1 in two files · 3 blocked by Cloudflare 26m"
    view = strip_view(next_back=back, needs_you_detail=detail, needs_you_short="16 sign in · 3 blocked 26m")
    many = strip_view(next_back=back, needs_you_detail=detail, exhausted=139, active=1441, rest=413)

    def left(strip: StripView, width: int) -> list[str]:
        lines = text_of(strip_lines(strip, Mode("x"), Density.WIDE, width, UNICODE)).splitlines()[2:4]
        return [" ".join(line.partition("NEXT")[0].split()) for line in lines]

    assert left(view, 120) == [
        "NEEDS YOU 7 16 sign in · 3 blocked 26m",
        "ACTIVE 41 of 60, 9 exhausted, 3 not read",
    ]
    assert left(many, 120) == [
        "NEEDS YOU 7 16 sign in · 1 in two files…",
        "ACTIVE 1441 of 60, 139 exhausted…",
    ]
    assert left(many, 110) == ["NEEDS YOU 7 16 sign in…", "ACTIVE 1441 of 60, 139 exhausted…"]


def test_in_the_strip_what_lies_ahead_has_the_room_that_the_left_half_does_not_need() -> None:
    outlook = Figure("OUTLOOK", "may run dry Tue", "28% risk before Wed 19:35; 31% of weekly left")
    back = Figure("NEXT BACK", "lee@example.com", "00:22, in 47m; 1 more by Wed")
    view = strip_view(next_back=back, outlook=outlook, needs_you_detail="1 sign in", rest=0)
    wide = text_of(strip_lines(view, Mode("x"), Density.WIDE, 120, UNICODE))
    assert "may run dry Tue  28% risk before Wed 19:35; 31% of weekly left" in wide
    drawn = text_of(strip_lines(view, Mode("x"), Density.WIDE, 110, UNICODE))
    assert re.search(r"28% risk before Wed 19:35… +$", drawn, re.MULTILINE)


def test_the_counts_of_narrow_screens_add_up() -> None:
    for density in (Density.MEDIUM, Density.SMALL):
        drawn = text_of(strip_lines(strip_view(), Mode("x"), density, 80, UNICODE))
        assert "✕7 ◐9 ●41 ◌3 " in drawn
        assert "◌" not in text_of(strip_lines(strip_view(rest=0), Mode("x"), density, 80, UNICODE))


def test_a_switch_outlasts_the_freshness() -> None:
    mode = Mode("x", ("masked", "filter plan:pro"))
    title = text_of(strip_lines(strip_view(), mode, Density.MEDIUM, 80, UNICODE)).splitlines()[0]
    assert title.endswith("  masked · filter plan:pro   ? help ")
    assert "✕7 ◐9 ●41 ◌3 " in title
    assert "oldest" not in title


def test_figures_of_narrow_screens_are_words() -> None:
    view = strip_view(
        highest_weekly=Figure("WEEKLY MAX", "lee@example.com", "100%, in 1d 20h; 5 more full"),
        credits=Figure("CREDITS", "3,412.50", "$136.50  1 unlimited, 4 unknown, 250.00 of it old"),
    )
    drawn = text_of(strip_lines(view, Mode("x"), Density.MEDIUM, 80, UNICODE))
    assert "lee@example.com  100%, in 1d 20h; 5 more full" in drawn
    assert "$136.50  1 unlimited, 4 unknown, 250.00 of it old " in drawn
    narrow = text_of(strip_lines(view, Mode("x"), Density.MEDIUM, 76, UNICODE))
    assert "4 unknown, 250.00 of it… " in narrow
    view = strip_view(freshness_tiny="51/60 fresh")
    small = text_of(strip_lines(view, Mode("x"), Density.SMALL, 60, UNICODE))
    assert " work · 60 accounts   ✕7 ◐9 ●41 ◌3 " in small
    assert small.splitlines()[1].startswith(" up   team-east/dev14    back bob 23:46")


def test_on_the_smallest_screen_nobody_is_named_by_half() -> None:
    up = Figure("NEXT UP", "somebody-with-a-long-name@example.com", "5h 16% used")
    back = Figure("NEXT BACK", "another-one@example.com", "23:46, in 1m; 2 more by 01:00")

    def second(up_next: Figure, back_next: Figure) -> str:
        view = strip_view(next_up=up_next, next_back=back_next)
        return text_of(strip_lines(view, Mode("x"), Density.SMALL, 60, UNICODE)).splitlines()[1].rstrip()

    assert second(up, back) == " up   somebody-with-a-long-name    back another-one 23:46"
    long = Figure("NEXT BACK", "another-one-of-the-long-names", "23:46, in 1m")
    assert second(up, long) == " up   somebody-with-a-long-name@example.com"


AHEAD = {
    "burn": Figure("BURN", "pool 0.9%/h", "41 credits/h", short="41/h"),
    "outlook": Figure(
        "OUTLOOK", "lasts to Sun 10:03", "4% risk; 61% of weekly left", short="lasts Sun 10:03"
    ),
}


def test_what_lies_ahead_in_every_density() -> None:
    credits = Figure("CREDITS", "3,412.50", "$136.50  1 unlimited, 1 unknown")
    highest = Figure("WEEKLY MAX", "lee@example.com", "100%, in 1d 20h; 5 more full")
    view = strip_view(**AHEAD, credits=credits, highest_weekly=highest)
    wide = text_of(strip_lines(view, Mode("x"), Density.WIDE, 120, UNICODE)).splitlines()
    assert wide[5].startswith(" BURN        pool 0.9%/h · 41 credits/h ")
    assert "OUTLOOK    lasts to Sun 10:03  4% risk; 61% of weekly left" in wide[5]
    medium = text_of(strip_lines(view, Mode("x"), Density.MEDIUM, 80, UNICODE)).splitlines()
    assert [line.split("  ")[0].strip() for line in medium[1:]] == [
        "NEXT UP", "NEXT BACK", "WEEKLY MAX lee@example.com", "OUTLOOK", "CREDITS",
    ]  # fmt: skip
    assert "4% risk; 61% of weekly left; pool 0.9%/h" in medium[4]
    assert "$136.50  1 unlimited, 1 unknown · 41/h" in medium[5]
    # cards show the fullest account themselves
    cards_mode = Mode("x", cards=True)
    assert "WEEKLY MAX" not in text_of(strip_lines(view, cards_mode, Density.MEDIUM, 80, UNICODE))
    bare = replace(view, outlook=None)
    medium = text_of(strip_lines(bare, cards_mode, Density.MEDIUM, 80, UNICODE)).splitlines()
    assert [line.split()[0] for line in medium[1:]] == ["NEXT", "NEXT", "WEEKLY", "BURN", "CREDITS"]
    hive_line = text_of(strip_lines(view, Mode("x", hive=True), Density.WIDE, 120, UNICODE))
    assert "OUTLOOK lasts to Sun 10:03 " in hive_line


def test_over_the_hive_the_account_to_use_next_outlasts_how_many_come_back() -> None:
    def line(width: int, density: Density) -> str:
        view = strip_view(
            **AHEAD,
            next_up=Figure("NEXT UP", "team-east/dev14", "5h 9% used"),
            next_back=Figure("NEXT BACK", "bob", "05:24, in 46m; 1 more", short="05:24, 1 more by Thu"),
            highest_weekly=None,
        )
        lines = text_of(strip_lines(view, Mode("x", hive=True), density, width, UNICODE)).splitlines()
        return lines[1].strip()

    up, ahead = "NEXT UP team-east/dev14", "OUTLOOK lasts to Sun 10:03"
    assert line(140, Density.WIDE).endswith(f"NEXT BACK bob 05:24, 1 more by Thu   {ahead}   {up}")
    assert line(112, Density.WIDE).endswith(f"NEXT BACK bob 05:24   {ahead}   {up}")
    assert line(80, Density.MEDIUM) == f"NEXT BACK bob 05:24   {ahead}   {up}"
    assert line(77, Density.MEDIUM) == f"NEXT BACK bob 05:24, 1 more by Thu   {ahead}"


def test_on_the_smallest_screen_the_outlook_outlasts_who_comes_back() -> None:
    def second(up: str, back: str) -> str:
        view = strip_view(
            **AHEAD,
            next_up=Figure("NEXT UP", up, "5h 16% used"),
            next_back=Figure("NEXT BACK", back, "14:50, in 47m"),
        )
        return text_of(strip_lines(view, Mode("x"), Density.SMALL, 60, UNICODE)).splitlines()[1].rstrip()

    assert second("dev14", "bob") == " up   dev14    back bob 14:50    lasts Sun 10:03"
    assert (
        second("dev14@example.com", "bob@example.com") == " up   dev14    back bob 14:50    lasts Sun 10:03"
    )
    long = "somebody-with-a-long-name"
    assert second(long, "another-one-of-them") == f" up   {long}    lasts Sun 10:03"
    assert second(f"{long}@mail.example.com", "another-one") == f" up   {long}    lasts Sun 10:03"
    view = strip_view(**AHEAD, next_up=None, next_back=None)
    assert (
        text_of(strip_lines(view, Mode("x"), Density.SMALL, 60, UNICODE))
        .splitlines()[1]
        .startswith(" lasts Sun 10:03 ")
    )


def test_the_legend_of_the_column_fits_wide_screens() -> None:
    line = plain(table.legend(120, UNICODE, Shown.USED))
    assert line.strip().endswith("may 60%: the chance of that · ┼: even use")
    assert len(plain(table.legend(80, UNICODE, Shown.LEFT))) == 80
    assert "room expected" in plain(table.legend(120, UNICODE, Shown.LEFT))
    assert ASCII.text(plain(table.legend(120, ASCII, Shown.USED))).isascii()


def test_badges_outlast_what_stands_beside_them_and_never_cut_the_counts() -> None:
    badges = ("read-only", "watching: pid 12345 polls", "paused", "masked", "filter " + "x" * 40)

    def title(count: int, density: Density, width: int) -> str:
        view, mode = strip_view(freshness_tiny="51/60 fresh"), Mode("sort need · table", badges[:count])
        return text_of(strip_lines(view, mode, density, width, UNICODE)).splitlines()[0]

    for density, width in ((Density.WIDE, 120), (Density.MEDIUM, 80), (Density.SMALL, 60)):
        told = title(1, density, width)
        assert "  read-only " in told
        assert ("fresh 51 of 60" in told) is (density is Density.WIDE)
        for count in (2, 5):
            told = title(count, density, width)
            assert len(told) == width
            assert "read-only · watc" in told
            assert ("3 sources " if density is Density.WIDE else "✕7 ◐9 ●41 ◌3 ") in told
            assert ("? help" in told) is (density is not Density.SMALL)
        assert "…" in title(5, density, width)
