"""The cards of the drawn screens, and the truth rules that a card must keep."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.account import Custody, LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import Change, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import AccountState, DeadLogin
from poolwatch.domain.status import PoolRules, Section, judge
from poolwatch.domain.usage import Aged, Bucket, ReachedType, ResetCredits, SpendControl, SpendLimit, Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.card import card_view
from poolwatch.presentation.view import CardView, CreditsRow, Glyph, Prefs, Shown, Tone
from poolwatch.words import remedies
from poolwatch.words.account import login_sentence
from tests.presentation.scene import (
    CET,
    FIVE_HOURS,
    JUST_NOW,
    NOW,
    PREFS,
    WEEK,
    account,
    after,
    balance,
    base,
    card,
    dead_token,
    foot_of,
    full_account,
    limits,
    listing,
    notes_of,
    trouble,
    window,
)

LEFT = Prefs(zone=CET, shown=Shown.LEFT)


def drawn(view: CardView) -> list[tuple[str, str, str]]:
    return [(row.name, row.percent, row.resets) for row in view.windows]


def test_carol_needs_a_login() -> None:
    usage = Usage(
        base=base(window(12, FIVE_HOURS, after(hours=-2)), window(33, WEEK, after(days=4, hours=1)))
    )
    view = card(
        account(
            "carol@example.com",
            usage,
            listings=[dead_token("carol@example.com")],
            read_at=NOW - timedelta(hours=9),
        )
    )
    assert drawn(view) == [("5h", "12%", "due"), ("weekly", "33%", "4d 1h")]
    assert notes_of(view) == ["sign in: the login has expired"]
    assert foot_of(view) == "r has Codex renew it · 9h ago"
    assert (view.glyph, view.status, view.age) == (Glyph.NEEDS_YOU, "login expired", "9h")
    assert view.needs_you
    assert view.stale


def test_bob_is_exhausted() -> None:
    view = card(full_account())
    assert drawn(view)[:2] == [("5h", "100%", "47m"), ("weekly", "71%", "2d 1h")]
    assert foot_of(view) == "back 14:50 · 4m"
    assert (view.glyph, view.status, view.section) == (Glyph.EXHAUSTED, "5h until 14:50", Section.EXHAUSTED)
    assert (view.age, view.level) == ("4m", 8)
    assert view.scarcest is view.windows[0]
    assert view.credits == CreditsRow("1,234.56", "$49.38")
    assert view.plan == "Pro"


def test_lee_waits_for_sunday() -> None:
    usage = Usage(
        base=base(
            window(3, FIVE_HOURS, after(hours=4, minutes=50)),
            window(100, WEEK, after(days=1, hours=20)),
            allowed=False,
        ),
        credits=balance("12.50"),
    )
    view = card(account("lee@example.com", usage))
    assert foot_of(view) == "back Sun 10:03 · 4m"
    assert view.status == "weekly until Sun"
    assert drawn(view) == [("5h", "3%", "4h 50m"), ("weekly", "100%", "1d 20h")]
    assert view.credits == CreditsRow("12.50", "$0.50")


def test_pay_is_over_the_limit() -> None:
    usage = Usage(base=Aged(None, JUST_NOW, "homes"), credits=balance("-3.10", over=True))
    view = card(account("pay@example.com", usage))
    assert view.windows == ()
    assert view.credits == CreditsRow("-3.10", "-$0.12", "over limit", Tone.RED)
    assert foot_of(view) == "out of credits · 4m"
    assert view.level is None


def test_dan_is_blocked_at_the_edge_and_will_heal() -> None:
    view = card(account("dan", trouble=trouble(FailureKind.EDGE_BLOCKED, 6)))
    assert (foot_of(view), notes_of(view)) == ("active · 4m", ["trouble: blocked by Cloudflare 6m"])
    assert view.notes[0].tone is Tone.AMBER
    assert (view.glyph, view.status) == (Glyph.ACTIVE, "active · Cloudflare 6m")
    assert not view.needs_you


def test_an_edge_block_of_more_than_15_minutes_needs_you() -> None:
    view = card(account("dan", trouble=trouble(FailureKind.EDGE_BLOCKED, 26)))
    assert (view.glyph, view.status_glyph) == (Glyph.TROUBLE, Glyph.ACTIVE)
    assert (view.status, view.section) == ("Cloudflare 26m", Section.NEEDS_YOU)
    assert foot_of(view) == "try another address · 4m"


@pytest.mark.parametrize("kind", [FailureKind.CONFLICT, FailureKind.AMBIGUOUS])
def test_a_login_in_danger_needs_you(kind: FailureKind) -> None:
    view = card(account("dan", login_trouble=trouble(kind, 1)))
    assert (view.glyph, view.status_glyph) == (Glyph.NEEDS_YOU, Glyph.ACTIVE)
    assert view.needs_you


def test_throttled_says_until_when() -> None:
    view = card(account("dan", trouble=trouble(FailureKind.THROTTLED, 2, retry_at=after(minutes=17))))
    assert notes_of(view) == ["trouble: throttled until 14:20"]


def test_the_custody_and_the_source_are_told() -> None:
    own = listing("alice@example.com", custody=Custody.POOLWATCH, owner="poolwatch")
    assert card(account("alice@example.com", listings=[own])).custody == "poolwatch"
    pooled = listing("x", custody=Custody.POOL, source="codex-proxy", expires_at=None)
    view = card(account("x", listings=[pooled]))
    assert (view.custody, view.source) == ("pool: codex-proxy", "codex-proxy")


def test_two_sources_are_counted() -> None:
    pooled = listing("x", custody=Custody.POOL, source="codex-proxy")
    assert card(account("x", listings=[listing("x"), pooled])).source == "codex-proxy +1"


def test_business_has_a_spend_row() -> None:
    limits_ = (
        SpendLimit("individual", Decimal(50), Decimal(31), Decimal(19), 62.0, after(days=10, hours=11)),
        SpendLimit("workspace_shared", Decimal(20000), Decimal(100), None, None, None),
    )
    usage = Usage(
        base=Aged(None, JUST_NOW, "homes"),
        credits=balance(None),
        spend=Aged(SpendControl(False, None, limits_), JUST_NOW, "homes"),
    )
    view = card(account("build", usage))
    assert drawn(view) == [("spend", "62%", "10d 11h")]
    assert view.credits == CreditsRow("—", "")
    assert notes_of(view) == [": 31 of 50 this month"]
    assert view.scarcest is view.windows[0]


def test_amounts_are_told_with_cents_where_one_has_them() -> None:
    limit = SpendLimit("individual", Decimal("400.00"), Decimal("131.2500"), None, 33.0, None)
    usage = Usage(spend=Aged(SpendControl(False, None, (limit,)), NOW - timedelta(hours=5), "homes"))
    view = card(account("x", usage))
    assert notes_of(view) == [": 131.25 of 400.00 this month"]
    assert view.notes[0].stale


def test_banked_resets_are_told_with_the_end_of_the_first() -> None:
    def told(resets: ResetCredits) -> list[str]:
        usage = Usage(
            base=base(window(1, WEEK, after(days=1))), reset_credits=Aged(resets, JUST_NOW, "homes")
        )
        return notes_of(card(account("x", usage)))

    assert told(ResetCredits(2, 1, after(hours=30))) == ["banked: 2 resets, one ends Sat"]
    assert told(ResetCredits(1, 1, after(days=12))) == ["banked: 1 reset, ends 2 Dec"]
    assert told(ResetCredits(1, None, None)) == ["banked: 1 reset"]
    assert told(ResetCredits(0, 0, None)) == told(ResetCredits(None, None, None)) == []


def login_brief(
    problem: LoginProblem, custody: Custody = Custody.POOLWATCH, owner: str = "poolwatch"
) -> list[str]:
    """The note and the foot of a login with that problem."""
    home = None if custody is Custody.OTHER else "~/homes/07"
    entry = replace(dead_token("carol@example.com"), custody=custody, owner=owner, home=home)
    if custody is Custody.POOL:
        entry = replace(entry, says_login_needed=True)
    dead = None if problem is LoginProblem.EXPIRED else DeadLogin("r1", problem, NOW)
    view = card(account("carol@example.com", listings=[entry], dead=dead))
    return [*notes_of(view), view.foot.text]


def test_the_card_of_a_dead_login_says_what_to_do() -> None:
    expired = "sign in: the login has expired"
    assert login_brief(LoginProblem.EXPIRED) == [expired, "r renews it"]
    assert login_brief(LoginProblem.EXPIRED, Custody.CODEX) == [expired, "r has Codex renew it"]
    assert login_brief(LoginProblem.EXPIRED, Custody.POOL)[-1] == "sign in at the pool"
    named = login_brief(LoginProblem.EXPIRED, Custody.OTHER, "CLIProxyAPI")
    assert named == [expired, "renew it in CLIProxyAPI"]
    unnamed = login_brief(LoginProblem.EXPIRED, Custody.OTHER, "another tool")
    assert unnamed == [expired, "renew it in its own tool"]
    assert login_brief(LoginProblem.USED_ELSEWHERE) == ["sign in: login used elsewhere", "sign in again"]
    assert login_brief(LoginProblem.INVALIDATED, Custody.CODEX)[-1] == "sign in again"


def test_what_needs_you_fits_a_card_of_80_columns() -> None:
    room = 80 // 2 - 2 - 4
    for problem in LoginProblem:
        assert len(login_sentence(problem)) <= room - 8, problem
    briefs = [value() for name, value in vars(remedies).items() if name.endswith("_BRIEF")]
    assert len(briefs) > 8
    for brief in briefs:
        assert len(brief) + len(" ─ 26m ago") <= room - 2, brief


def test_the_next_to_use_says_so_where_it_is_active() -> None:
    assert card_view(judge(account("x"), NOW, PoolRules()), NOW, PREFS, is_next=True).foot.text == "next up"
    assert card(account("x")).foot.text == "active"


def test_a_limit_without_a_percentage_is_reckoned_from_its_amounts() -> None:
    limit = SpendLimit("individual", Decimal(400), Decimal(100), None, None, None)
    usage = Usage(spend=Aged(SpendControl(None, None, (limit,)), JUST_NOW, "homes"))
    assert drawn(card(account("x", usage))) == [("spend", "25%", "—")]


def test_a_limit_with_nothing_used_known_is_unknown() -> None:
    limit = SpendLimit("individual", Decimal(500), None, None, None, None)
    usage = Usage(spend=Aged(SpendControl(None, None, (limit,)), JUST_NOW, "homes"))
    assert drawn(card(account("x", usage))) == [("spend", "—", "—")]


def test_contradictions_are_marks_on_an_active_account() -> None:
    usage = Usage(
        base=base(window(100, FIVE_HOURS, after(minutes=12)), window(41, WEEK, after(days=2)), reached=True),
        spend=Aged(SpendControl(True, "moon_budget", ()), JUST_NOW, "homes"),
    )
    view = card(account("x", usage))
    assert view.glyph is Glyph.ACTIVE
    assert notes_of(view) == ["note: limit flag set", "note: spend limit flag set: moon_budget"]


def test_a_full_extra_bucket_marks_its_line_only() -> None:
    spark = Bucket(
        "codex_bengalfox",
        "GPT-5.3-Codex-Spark",
        limits(window(100, FIVE_HOURS, after(hours=1)), window(64, WEEK, after(days=4)), allowed=False),
    )
    usage = Usage(
        base=base(window(22, FIVE_HOURS, after(hours=2))),
        extras=Aged((spark, Bucket("codex_other", "x", None)), JUST_NOW, "homes"),
    )
    view = card(account("x", usage))
    assert view.section is Section.ACTIVE
    assert [(row.bucket, row.name, row.percent, row.full) for row in view.extras] == [
        ("Spark", "5h", "100%", True)
    ]
    assert not view.windows[0].full
    assert view.level == 2


def test_every_field_is_stale_by_its_own_age() -> None:
    usage = Usage(
        base=base(window(22, FIVE_HOURS, after(hours=2))),
        credits=balance("5", at=NOW - timedelta(hours=5)),
        review=Aged(limits(window(1, WEEK, after(days=4))), NOW - timedelta(days=1), "other"),
    )
    view = card(account("x", usage))
    assert not view.stale
    assert not view.windows[0].stale
    assert view.credits is not None
    assert view.credits.stale
    assert view.extras[0].stale


def test_a_window_that_has_not_begun_counts_nothing_down() -> None:
    untouched = base(window(0, FIVE_HOURS, after(hours=5)), window(0, WEEK, after(days=3)))
    assert drawn(card(account("new", Usage(base=untouched)))) == [
        ("5h", "0%", "—"),
        ("weekly", "0%", "3d"),
    ]


def test_a_window_that_is_not_in_the_payload_has_no_row() -> None:
    assert drawn(card(account("x", Usage(base=base(window(72, WEEK, after(days=3))))))) == [
        ("weekly", "72%", "3d")
    ]
    assert card(account("x", Usage(base=base()))).windows == ()


def test_unknown_figures_are_dashes() -> None:
    usage = Usage(base=base(window(None, FIVE_HOURS, None), window(71, None, None)))
    view = card(account("x", usage))
    assert drawn(view) == [("5h", "—", "—"), ("window", "71%", "—")]
    assert view.windows[0].fraction is None
    rubbish = Usage(base=Aged(None, JUST_NOW, "homes", known=False))
    assert drawn(card(account("x", rubbish))) == [("usage", "—", "—")]


def test_used_and_left_flip_numbers_and_bars_but_not_colour() -> None:
    usage = Usage(base=base(window(98, WEEK, after(days=2))))
    used, left = card(account("x", usage)).windows[0], card(account("x", usage), LEFT).windows[0]
    assert (used.percent, used.fraction) == ("98%", 0.98)
    assert (left.percent, left.fraction) == ("2%", 0.02)
    assert used.tone is left.tone is Tone.RED


@pytest.mark.parametrize(
    ("has", "unlimited", "amount", "shown"),
    [
        (False, False, "0", None),
        (False, False, None, None),
        (None, None, None, None),
        (True, False, "0", CreditsRow("0.00", "$0.00", "", Tone.RED)),
        (True, True, None, CreditsRow("unlimited", "")),
        (False, False, "7", CreditsRow("7.00", "$0.28")),
        (None, None, "7", CreditsRow("7.00", "$0.28")),
        (True, False, None, CreditsRow("—", "")),
    ],
)
def test_credits_row(
    has: bool | None, unlimited: bool | None, amount: str | None, shown: CreditsRow | None
) -> None:
    usage = Usage(credits=balance(amount, has=has, unlimited=unlimited))
    assert card(account("x", usage)).credits == shown


def test_never_read() -> None:
    view = card(account("x", Usage(), read_at=None))
    assert (view.glyph, view.status, view.age, view.level) == (Glyph.NEVER_READ, "not read yet", "—", None)
    assert view.windows == ()
    assert view.credits is None


def test_an_api_key_has_no_figures() -> None:
    key = listing("k", custody=Custody.STATIC, login=LoginKind.API_KEY)
    view = card(account("k", Usage(), listings=[key], read_at=None))
    assert view.status == "no usage figures"
    assert view.remedy.startswith("k: API keys have no usage figures")
    assert (foot_of(view), view.custody) == ("no usage figures", "API key")


def test_an_agent_identity_has_no_figures() -> None:
    agent = listing("k", custody=Custody.STATIC, login=LoginKind.AGENT_IDENTITY)
    view = card(account("k", Usage(), listings=[agent], read_at=None))
    assert view.remedy.startswith("k: agent identities have no usage figures. Nothing to do")
    assert (foot_of(view), view.custody) == ("no usage figures", "agent identity")


def test_a_login_in_the_keyring_says_what_to_do_for_figures() -> None:
    kept = listing("k", login=LoginKind.KEYRING)
    view = card(account("k", Usage(), listings=[kept], read_at=None))
    assert view.status == "in the keyring"
    assert view.remedy == (
        "k: Codex keeps its login in the keyring, which is not read. "
        'For figures set cli_auth_credentials_store = "file" in its config.toml and sign in again:'
        "  CODEX_HOME=~/homes/07 codex login"
    )
    assert (foot_of(view), view.custody) == ("in the keyring", "keyring")


def test_disabled_stands_in_the_rest_and_deactivated_needs_you() -> None:
    off = card(account("x", listings=[listing("x", disabled=True)]))
    assert (off.glyph, off.section, off.status) == (Glyph.OFF, Section.REST, "disabled")
    gone = card(account("x", deactivations=2, trouble=trouble(FailureKind.DEACTIVATION_REPORTED, 3)))
    assert (gone.glyph, gone.section, gone.status) == (Glyph.NEEDS_YOU, Section.NEEDS_YOU, "deactivated")
    assert notes_of(gone)[0] == "account: deactivated or removed"
    assert gone.foot.text == "ask its owner"


def test_workspace_credits() -> None:
    usage = Usage(base=base(allowed=False), reached_type=Aged(ReachedType.MEMBER_CREDITS, JUST_NOW, "homes"))
    assert card(account("acme", usage)).status == "workspace credits"


def test_a_dead_refresh_token_warns_while_the_access_token_lives() -> None:
    dead = DeadLogin("r1", LoginProblem.USED_ELSEWHERE, NOW)
    view = card(account("x", dead=dead, login_trouble=trouble(FailureKind.TOKEN_REFRESH, 5)))
    assert (foot_of(view), notes_of(view)) == ("active · 4m", ["trouble: sign in before 26 Nov"])
    assert view.glyph is Glyph.ACTIVE


def test_a_refresh_takes_the_last_line() -> None:
    def with_progress(progress: RefreshProgress) -> AccountState:
        return account("x", refresh=progress)

    token = TokenStep(TokenOutcome.REFRESHED, 0.4)
    running = card(with_progress(RefreshProgress(NOW, token)))
    assert running.foot.text == running.progress == "token ok 0.4s → usage …"
    assert running.foot.tone is Tone.ACCENT
    changes = (Change("weekly", 98.0, 0.0),)
    done = card(with_progress(RefreshProgress(NOW, token, UsageStep(None, 0.3), changes, done=True)))
    assert done.progress == "token ok 0.4s → usage ok 0.3s · weekly 98 → 0%"
    assert done.foot.tone is Tone.GOOD


def test_two_looks_at_the_same_account_are_equal() -> None:
    """The wall keeps drawn lines by the view: equal accounts must give equal, hashable views."""
    assert card(full_account()) == card(full_account())
    assert hash(card(full_account())) == hash(card(full_account()))


def test_a_wrong_clock_moves_no_age() -> None:
    """Ages are told by our own clock, countdowns by the server's, an hour ahead here."""
    ahead = timedelta(hours=1)
    usage = Usage(base=base(window(12, FIVE_HOURS, NOW + ahead + timedelta(minutes=30))))
    view = card_view(
        judge(account("carol@example.com", usage), NOW, PoolRules(), ahead),
        NOW + ahead,
        Prefs(zone=CET, clock_offset=ahead),
    )
    assert (view.age, view.stale) == ("4m", False)
    assert [(row.resets, row.stale) for row in view.windows] == [("30m", False)]


def test_what_credits_keep_going_says_so() -> None:
    full = base(window(100, FIVE_HOURS, after(hours=2)), window(46, WEEK, after(days=2)), allowed=True)
    view = card(account("grace", Usage(base=full, credits=balance("394.80"))))
    assert (view.status, view.glyph, view.section) == ("active, on credits", Glyph.ACTIVE, Section.ACTIVE)
    assert foot_of(view) == "on credits · 4m"
    assert card(account("grace", Usage(base=full))).status == "active"
    none = balance("0", has=False)
    assert card(account("grace", Usage(base=full, credits=none))).status == "active"


def test_a_conflict_fits_its_column() -> None:
    view = card(account("zoe", login_trouble=trouble(FailureKind.CONFLICT, 12)))
    assert view.status == "in two files 12m"
    assert notes_of(view) == ["trouble: login in two files 12m"]
    assert view.foot.text == "say which file stays"


def test_workspace_credits_leave_the_time_to_its_column() -> None:
    full = base(window(100, FIVE_HOURS, after(minutes=8)), allowed=False)
    usage = Usage(base=full, reached_type=Aged(ReachedType.MEMBER_CREDITS, JUST_NOW, "homes"))
    assert card(account("rosa", usage)).status == "workspace credits"


def test_fewer_words_for_a_refresh_are_what_it_changed() -> None:
    token, changes = TokenStep(TokenOutcome.REFRESHED, 0.4), (Change("weekly", 98.0, 0.0),)
    progress = RefreshProgress(NOW, token, UsageStep(None, 0.3), changes, done=True)
    assert card(account("x", refresh=progress)).progress_short == "ok · weekly 98 → 0%"
    running = RefreshProgress(NOW, token)
    unchanged = RefreshProgress(NOW, token, UsageStep(None, 0.3), done=True)
    failed = RefreshProgress(NOW, TokenStep(TokenOutcome.AMBIGUOUS), UsageStep(None, 0.3), changes, done=True)
    for other in (running, unchanged, failed):
        assert card(account("x", refresh=other)).progress_short == ""


def test_fewer_words_for_a_refresh_keep_how_its_reading_failed() -> None:
    blocked = UsageStep(worded(FailureKind.EDGE_BLOCKED, "a page of Cloudflare"), 0.3)
    progress = RefreshProgress(NOW, TokenStep(TokenOutcome.CURRENT), blocked, done=True)
    view = card(account("x", refresh=progress))
    assert view.progress_short.startswith("usage")
    assert "blocked by Cloudflare" in view.progress_short
    assert view.progress.endswith(view.progress_short)
