from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from poolwatch.domain.account import AccountKey, Custody
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import Change, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import AccountState, DeadLogin, Happening, SourceState
from poolwatch.domain.usage import Aged, BankedReset, ResetCredits, Usage
from poolwatch.domain.values import replace
from poolwatch.presentation.detail import detail_view
from poolwatch.presentation.view import DetailLine, DetailView, Prefs
from tests.presentation.scene import (
    JUST_NOW,
    MASKED,
    NOW,
    PREFS,
    account,
    after,
    dead_token,
    full_account,
    judged,
    listing,
    pool,
    trouble,
)


def detail(state: AccountState, prefs: Prefs = PREFS) -> DetailView:
    return detail_view(judged(state), pool(state), NOW, prefs)


def text_of(line: DetailLine) -> str:
    row = line.source
    if row is not None:
        return "  ".join(part for part in (row.name, row.place, row.age, row.told) if part)
    return "".join(span.text for span in line.spans)


def under(view: DetailView, heading: str) -> list[str]:
    """The texts of the lines under a heading."""
    found: list[str] = []
    inside = False
    for line in view.lines:
        if line.heading:
            inside = line.heading == heading
        if inside:
            found.append(text_of(line))
    return found


def test_head() -> None:
    view = detail(full_account())
    assert view.read == "read 13:59, 4m ago"
    assert view.status == "exhausted: 5h limit, until Fri 14:50 CET, in 47m"
    assert view.workspace == "workspace acct-bob"
    assert view.card.label == "bob@example.com"


def test_windows() -> None:
    view = detail(full_account())
    rows = [(line.window.bucket, line.window.name, line.window.percent, line.window.resets, line.resets_at)
            for line in view.lines if line.window]  # fmt: skip
    assert rows == [
        ("codex", "5h", "100%", "47m", "Fri 14:50 CET"),
        ("codex", "weekly", "71%", "2d 1h", "Sun 15:03 CET"),
        ("review", "weekly", "0%", "—", ""),  # not begun
        ("Spark", "5h", "12%", "3h 40m", "Fri 17:43 CET"),
        ("Spark", "weekly", "64%", "4d", "Tue 14:03 CET"),
    ]
    assert under(view, "WINDOWS")[0] == "USEDRESETS"
    assert under(view, "WINDOWS")[-1] == "no-window-bucket: no window"


def test_money_and_resets() -> None:
    view = detail(full_account())
    assert under(view, "MONEY") == [
        "credits 1,234.56 · $49.38",
        "individual limit: 131.25 of 400.00 used, 33%, resets in 10d 10h",
    ]
    assert under(view, "RESETS") == ["2 banked, 1 usable now, the first expires Sat 21 Nov 08:03 CET (18h)"]


def test_no_money() -> None:
    nothing = Usage(
        credits=Aged(None, JUST_NOW, "homes"),
        spend=Aged(None, JUST_NOW, "homes"),
        reset_credits=Aged(ResetCredits(0, None), JUST_NOW, "homes"),
    )
    view = detail(account("x", nothing))
    assert under(view, "MONEY") == ["no credits on this plan · no spend limit"]
    assert under(view, "RESETS") == ["none banked"]
    unsaid = detail(account("x", Usage()))
    assert under(unsaid, "MONEY") == ["credits unknown · spend limit unknown"]
    assert under(unsaid, "RESETS") == []
    unknown = Usage(reset_credits=Aged(None, JUST_NOW, "homes", known=False))
    assert under(detail(account("x", unknown)), "RESETS") == ["banked resets unknown"]


def test_login() -> None:
    assert under(detail(full_account()), "LOGIN") == [
        "owned by Codex: ~/homes/07/auth.json · token until Thu 26 Nov (6d)",
        "r re-reads the file and asks codex if it has expired; poolwatch never spends this login",
    ]
    gone = detail(account("x", listings=[dead_token("x")]))
    assert under(gone, "LOGIN")[0] == "owned by Codex: ~/homes/07/auth.json · token expired 9h ago"
    assert under(detail(account("x", listings=[])), "LOGIN") == ["not listed by any source"]


def test_a_refresh_is_promised_no_more_than_it_does() -> None:
    ours = listing("x", custody=Custody.POOLWATCH, owner="poolwatch")

    def told(state: AccountState, prefs: Prefs = PREFS) -> str:
        return " ".join(under(detail(state, prefs), "LOGIN"))

    assert "r renews the login" in told(account("x", listings=[ours]))
    shared = account("x", listings=[ours], login_trouble=trouble(FailureKind.CONFLICT, 1))
    assert "r renews nothing: the login is in two files" in told(shared)
    spent = account("x", listings=[ours], dead=DeadLogin("r1", LoginProblem.USED_ELSEWHERE, NOW))
    assert "r cannot renew it" in told(spent)
    alone = told(account("x", listings=[listing("x")]), replace(PREFS, delegates=False))
    assert "asks codex" not in alone
    assert "delegate_to_codex is off" in alone


def test_plan_from_the_login() -> None:
    entry = replace(listing("x"), subscription_until=after(days=22), subscription_checked_at=after(days=-1))
    view = detail(account("x", listings=[entry]))
    assert under(view, "PLAN") == ["paid until 12 Dec (from the login, as of 19 Nov)"]
    assert under(detail(account("x")), "PLAN") == []


def test_sources() -> None:
    proxy = listing("x", custody=Custody.POOL, source="codex-proxy", path=None, expires_at=None)
    state = account("x", listings=[listing("x"), proxy])
    assert under(detail(state), "SOURCES") == [
        "homes  ~/homes/07/auth.json  4m  windows, token",
        "codex-proxy  —  nothing newer than the other sources",
    ]
    down = SourceState("homes", failure=worded(FailureKind.UNREACHABLE, "refused"))
    known = pool(state)
    broken = replace(known, sources={**known.sources, "homes": down})
    view = detail_view(judged(state), broken, NOW, PREFS)
    assert under(view, "SOURCES")[0].endswith("down: unreachable")


def test_lately() -> None:
    token = TokenStep(TokenOutcome.CURRENT)
    lately = (
        Happening(NOW - timedelta(minutes=4), changes=(Change("weekly", 70.0, 71.0), Change("5h", 1.0, 2.0))),
        Happening(NOW - timedelta(minutes=9), failure=worded(FailureKind.THROTTLED, "429")),
        Happening(NOW - timedelta(days=1), refresh=RefreshProgress(NOW, token, UsageStep(), done=True)),
    )
    entry = listing("x")
    kept = replace(entry, token=replace(entry.token, last_refresh=after(days=-2)))
    assert under(detail(replace(account("x", listings=[kept]), lately=lately)), "RECENT") == [
        "13:59  weekly 70 → 71%, 5h 1 → 2%",
        "13:54  throttled",
        "Thu 14:03  refresh: token: Codex's, good for 7d → usage ok",
    ]
    # another token is in the file since: how long the old one was good is not known any more
    renewed = replace(entry, token=replace(entry.token, last_refresh=after(hours=-1)))
    seen = under(detail(replace(account("x", listings=[renewed]), lately=lately)), "RECENT")
    assert seen[2] == "Thu 14:03  refresh: token: Codex's → usage ok"
    assert under(detail(account("x")), "RECENT") == ["nothing yet"]


def test_trouble_stands_on_top() -> None:
    message = "wham/usage answered 403 with a page of the edge network and a ray id"
    view = detail(account("x", trouble=trouble(FailureKind.EDGE_BLOCKED, 6, message)))
    assert under(view, "TROUBLE") == [f"blocked by Cloudflare 6m: {message}"]
    assert view.lines[0].heading == "TROUBLE"


def test_a_dead_login_is_told_once_with_one_command() -> None:
    view = detail(account("x", listings=[dead_token("x")]))
    assert view.status == "the login has expired. r lets Codex renew it; or sign in again:"
    assert (view.command, view.advises) == ("CODEX_HOME=~/homes/07 codex login", True)
    assert under(view, "TROUBLE") == []
    assert under(view, "LOGIN") == ["owned by Codex: ~/homes/07/auth.json · token expired 9h ago"]
    assert under(view, "SOURCES") == ["homes  ~/homes/07/auth.json  4m  windows, token"]
    dead = DeadLogin("r1", LoginProblem.USED_ELSEWHERE, NOW)
    failed = trouble(FailureKind.TOKEN_REFRESH, 5, "refresh_token_reused")
    spent = detail(account("x", listings=[dead_token("x")], dead=dead, login_trouble=failed))
    assert spent.status == "another program has used the refresh token. Sign in again:"
    assert under(spent, "TROUBLE") == []
    pooled = replace(dead_token("x"), custody=Custody.POOL, says_login_needed=True)
    there = detail(account("x", listings=[pooled]))
    assert there.status == "the pool says that the login has expired. Sign in again on the pool's own page."
    assert there.command == ""


def test_what_is_alive_keeps_its_status_and_its_trouble() -> None:
    dead = DeadLogin("r1", LoginProblem.USED_ELSEWHERE, NOW)
    failed = trouble(FailureKind.TOKEN_REFRESH, 5, "refresh_token_reused")
    view = detail(account("x", dead=dead, login_trouble=failed))
    assert (view.status, view.command, view.advises) == ("active", "", False)
    assert under(view, "TROUBLE") != []


def test_a_deactivated_account_says_what_is_left_to_do() -> None:
    reported = trouble(FailureKind.DEACTIVATION_REPORTED, 3)
    view = detail(account("x", deactivations=2, trouble=reported))
    assert view.status.startswith("the account is deactivated or removed from its workspace. Ask its owner")
    assert under(view, "TROUBLE") == []


def test_never_read() -> None:
    view = detail(account("x", Usage(), read_at=None))
    assert view.read == "not read yet"
    assert under(view, "WINDOWS")[1] == "not read yet"


def test_a_personal_account_names_no_workspace() -> None:
    key = AccountKey("codex", "user-1", "user-1")
    assert detail(replace(account("x"), key=key)).workspace == ""


def test_masked() -> None:
    home = "~/homes/bob@example.com"
    entry = listing("bob@example.com", home=home, path=f"{home}/auth.json")
    broken = trouble(FailureKind.MALFORMED, 1, "bob@example.com in /home/bob/x")
    view = detail(account("bob@example.com", listings=[entry], trouble=broken), MASKED)
    texts = [text_of(line) for line in view.lines]
    assert "bob" not in " ".join([*texts, view.card.label, view.card.remedy, view.status])


def banked(
    *rows: BankedReset, count: ResetCredits | None = None, listed_at: datetime = JUST_NOW
) -> DetailView:
    usage = Usage(
        reset_credits=Aged(count, JUST_NOW, "homes"),
        reset_list=Aged(rows, listed_at, "homes"),
    )
    return detail(account("x", usage))


def available(expires_at: datetime | None, title: str | None = None, *, known: bool = True) -> BankedReset:
    return BankedReset(expires_at, None, "available", title, known)


def test_each_banked_reset_has_a_line() -> None:
    rows = (
        available(None),
        available(after(days=8), "Full reset"),
        available(after(hours=18)),
        available(after(hours=-1)),
        available(None, known=False),
        BankedReset(after(hours=2), None, "redeemed"),
    )
    assert under(banked(*rows, count=ResetCredits(4, 1)), "RESETS") == [
        "4 banked, 1 usable now, the first expires Sat 21 Nov 08:03 CET (18h)",
        "expires Sat 21 Nov 08:03 CET · 18h",
        "expires Sat 28 Nov 14:03 CET · 8d · Full reset",
        "never expires",
        "expiry unknown",
    ]


def test_many_banked_resets_are_cut() -> None:
    rows = [available(after(days=day)) for day in range(1, 12)]
    lines = under(banked(*rows, count=ResetCredits(11, None)), "RESETS")
    assert len(lines) == 10
    assert lines[8:] == ["expires Sat 28 Nov 14:03 CET · 8d", "+3 more"]


@pytest.mark.parametrize(
    ("count", "hours", "told"),
    [
        (ResetCredits(2, None), -1, ["2 banked, the first expires Sat 21 Nov 14:03 CET (1d)",
                                     "the list of 1h ago shows 1"]),
        (ResetCredits(3, None), 0, ["3 banked, the first expires Sat 21 Nov 14:03 CET (1d)",
                                    "the list shows 1"]),
        (None, -1, ["banked resets unknown", "the list of 1h ago shows 1"]),
        (ResetCredits(None, None), -1, ["banked resets unknown", "the list of 1h ago shows 1"]),
        (ResetCredits(1, None), -1, ["1 banked, the first expires Sat 21 Nov 14:03 CET (1d)"]),
    ],
)  # fmt: skip
def test_a_list_that_shows_another_number(count: ResetCredits | None, hours: int, told: list[str]) -> None:
    listed_at = after(hours=hours) if hours else JUST_NOW
    lines = under(banked(available(after(days=1)), count=count, listed_at=listed_at), "RESETS")
    assert lines == [*told, "expires Sat 21 Nov 14:03 CET · 1d"]


def test_a_newer_none_hides_the_list() -> None:
    lines = under(
        banked(available(after(days=1)), count=ResetCredits(0, None), listed_at=after(hours=-1)), "RESETS"
    )
    assert lines == ["none banked"]


def test_the_newest_check_says_until_when_is_paid() -> None:
    checks = ((22, None), (25, -9), (30, -2), (10, -4))
    entries = [
        replace(
            listing("x"),
            subscription_until=after(days=until),
            subscription_checked_at=None if checked is None else after(days=checked),
        )
        for until, checked in checks
    ]
    assert under(detail(account("x", listings=entries)), "PLAN") == [
        "paid until 20 Dec (from the login, as of 18 Nov)"
    ]
    assert under(detail(account("x", listings=entries[:1])), "PLAN") == ["paid until 12 Dec (from the login)"]


def test_the_workspaces_name_comes_before_its_id() -> None:
    entries = [listing("x"), replace(listing("x"), workspace="acme of bob@example.com")]
    assert detail(account("x", listings=entries)).workspace == "workspace acme of bob@example.com"
    assert "bob" not in detail(account("x", listings=entries), MASKED).workspace
