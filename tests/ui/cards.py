"""Cards made by hand and by hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st

from poolwatch.domain.account import AccountKey
from poolwatch.domain.status import Section
from poolwatch.presentation.view import AtReset, CardView, CreditsRow, Glyph, Note, Span, Tone, WindowRow

#: What names hold at their worst: wide, joined, combining, right-to-left, markup, bare marks.
NASTY = (
    "日本語テスト口座", "👩‍👩‍👧‍👦 family", "e\u0301a\u0308o\u0302", "שלום עולם", "[/x][@click=app.quit]x[/]",
    "[link=http://example.com]y", "ﷺ", "🇩🇪🇫🇷", "a" * 200, "", " ", "界" * 60, "✕●◐", "ｗｉｄｅ",
)  # fmt: skip

texts = st.one_of(
    st.sampled_from(NASTY), st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=40)
)


def window(
    name: str = "5h", percent: str = "12%", fraction: float | None = 0.12, **more: object
) -> WindowRow:
    given = {"resets": "1h 2m", "tone": Tone.PLAIN, **more}
    return WindowRow(name, percent, fraction, **given)  # type: ignore[arg-type]  # fields by name


def card(label: str = "bob@example.com", **changes: object) -> CardView:
    key = AccountKey("codex", f"user-{label}", f"acct-{label}")
    given: dict[str, object] = {
        "key": key, "id": "0123456789abcdef", "label": label, "plan": "Plus",
        "glyph": Glyph.ACTIVE, "tone": Tone.GOOD, "section": Section.ACTIVE, "status": "active",
        "windows": (window(), window("weekly", "98%", 0.98, tone=Tone.RED, resets="2d 4h")), "extras": (),
        "credits": None, "notes": (), "foot": Span("active", Tone.GOOD), "foot_age": "4m", "progress": "",
        "remedy": "", "copy": "0123456789abcdef", "age": "4m", "stale": False, "source": "codex-home",
        "custody": "codex", "scarcest": window("weekly", "98%", 0.98, tone=Tone.RED, resets="2d 4h"),
        "level": 8,
    }  # fmt: skip
    return CardView(**{**given, **changes})  # type: ignore[arg-type]  # fields by name


windows = st.builds(
    WindowRow,
    name=st.sampled_from(("5h", "daily", "weekly", "monthly", "12h", "3d", "spend", "unknown", "window")),
    percent=st.sampled_from(("0%", "<1%", "12%", "100%", "250%", "-4%", "—")),
    fraction=st.none() | st.floats(0, 1),
    resets=st.sampled_from(("", "—", "due", "<1m", "1h 12m", "10d 23h", "120d")),
    tone=st.sampled_from(Tone),
    stale=st.booleans(),
    bucket=texts,
    full=st.booleans(),
    kind=st.sampled_from(("5h", "weekly", "")),
    even=st.none() | st.floats(0, 1),
)
credit_rows = st.none() | st.builds(
    CreditsRow,
    balance=st.sampled_from(("—", "unlimited", "0.00", "1,234.56", "-3.10", "123,456,789.00")),
    usd=st.sampled_from(("", "$0.50", "-$0.12", "$4,938,271.56")),
    mark=st.sampled_from(("", "over limit")),
    per_hour=st.sampled_from(("", "41/h")),
    stale=st.booleans(),
)
notes = st.builds(
    Note,
    name=st.sampled_from(("", "sign in", "trouble")),
    text=texts,
    tone=st.sampled_from(Tone),
    end=st.sampled_from(("", "76%")),
)

cards = st.builds(
    card,
    label=texts,
    plan=texts,
    glyph=st.sampled_from(Glyph),
    status=texts,
    status_glyph=st.none() | st.sampled_from(Glyph),
    windows=st.lists(windows, max_size=4).map(tuple),
    extras=st.lists(windows, max_size=3).map(tuple),
    credits=credit_rows,
    notes=st.lists(notes, max_size=3).map(tuple),
    foot=st.builds(Span, text=texts),
    foot_age=st.sampled_from(("", "<1m", "9h ago")),
    progress=texts,
    progress_short=texts,
    tone=st.sampled_from(Tone),
    age=st.sampled_from(("", "—", "<1m", "26m", "730d")),
    source=texts,
    custody=texts,
    stale=st.booleans(),
    needs_you=st.booleans(),
    scarcest=st.none() | windows,
    level=st.none() | st.integers(0, 8),
    at_reset=st.none()
    | st.builds(AtReset, st.sampled_from(("54%", "too early", "out 12 Dec", "—")), band=st.just("77–100")),
    outlook=st.none() | notes,
)
