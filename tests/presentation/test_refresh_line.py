"""Every outcome of the two steps, as the refresh chain's table says it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from poolwatch.domain.account import Custody, Listing, LoginKind
from poolwatch.domain.events import BulkProgress
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.message import message
from poolwatch.domain.refresh import (
    Awaited,
    BlockReason,
    Change,
    RefreshProgress,
    TokenOutcome,
    TokenStep,
    UsageStep,
)
from poolwatch.domain.values import replace
from poolwatch.presentation.refresh_line import (
    bulk_line,
    change_text,
    progress_line,
    progress_short,
    progress_tone,
)
from poolwatch.presentation.view import Prefs, Shown, Tone
from poolwatch.words import refresh
from tests.presentation.scene import CET, NOW, PREFS, account, after, listing

OWN = listing("x", custody=Custody.POOLWATCH, owner="poolwatch")
CODEX = listing("x")
OTHER = listing("x", custody=Custody.OTHER, owner="CLIProxyAPI", home=None)
STATIC = listing("x", custody=Custody.STATIC, login=LoginKind.PERSONAL_ACCESS_TOKEN)
KEY = listing("x", custody=Custody.STATIC, login=LoginKind.API_KEY)
POOL = listing("x", custody=Custody.POOL, source="codex-proxy", home=None)

OK = UsageStep(took_seconds=0.3)
NOT_TRIED = UsageStep(tried=False)
RENEWED = TokenStep(TokenOutcome.REFRESHED, 0.4)
CURRENT = TokenStep(TokenOutcome.CURRENT)
ADOPTED = TokenStep(TokenOutcome.ADOPTED)
NONE = TokenStep(TokenOutcome.NONE)
UNREACHABLE = TokenStep(
    TokenOutcome.FAILED, failure=worded(FailureKind.UNREACHABLE, "refused"), retry_at=after(minutes=17)
)
REUSED = TokenStep(TokenOutcome.REJECTED_FOR_GOOD, problem=LoginProblem.USED_ELSEWHERE)
LOST = TokenStep(TokenOutcome.AMBIGUOUS, lost_at=NOW - timedelta(hours=2))
ALREADY = message("pools.words", text="already refreshing")
SKIPPED = TokenStep(TokenOutcome.CURRENT, block=BlockReason.POOL_SKIPPED, said=ALREADY)
CACHED = UsageStep(cached_at=NOW - timedelta(minutes=23))


def refused(kind: FailureKind) -> UsageStep:
    return UsageStep(worded(kind, "said why"))


def blocked(reason: BlockReason, detail: str | None = None) -> TokenStep:
    return TokenStep(TokenOutcome.BLOCKED, block=reason, detail=detail)


LINES: list[tuple[Listing, TokenStep | None, UsageStep | None, str]] = [
    (OWN, RENEWED, OK, "token ok 0.4s → usage ok 0.3s"),
    (OWN, RENEWED, refused(FailureKind.UNAUTHORIZED), "token ok 0.4s → usage: the new token was refused"),
    (
        OWN,
        RENEWED,
        refused(FailureKind.EDGE_BLOCKED),
        "token ok 0.4s → usage: blocked by Cloudflare, showing 13:59",
    ),
    (OWN, ADOPTED, OK, "token: another process had refreshed it → usage ok 0.3s"),
    (OWN, CURRENT, OK, "token: good for 6d → usage ok 0.3s"),
    (OWN, UNREACHABLE, OK, "token: unreachable, retry 14:20 → usage ok 0.3s"),
    (OWN, UNREACHABLE, NOT_TRIED, "token: unreachable, retry 14:20 → usage not tried, no live token"),
    (OWN, REUSED, OK, "sign in again before 26 Nov (refresh token already used elsewhere) → usage ok 0.3s"),
    (OWN, REUSED, NOT_TRIED, "sign in again: refresh token already used elsewhere"),
    (OWN, LOST, OK, "token: reply lost at 12:03, may need login → usage ok 0.3s"),
    (OWN, LOST, NOT_TRIED, "token: reply lost at 12:03, may need login → usage not tried, no live token"),
    (OWN, blocked(BlockReason.PATH, "/pool"), OK, "token: not spent, /pool not writable → usage ok 0.3s"),
    (
        OWN,
        replace(
            blocked(BlockReason.PATH, "/pool"),
            failure=worded(FailureKind.BLOCKED, "not spent: /pool is odd"),
        ),
        OK,
        "token: not spent: /pool is odd → usage ok 0.3s",
    ),
    (
        OWN,
        blocked(BlockReason.CONFLICT),
        NOT_TRIED,
        "token: not spent, the same login is in two files → usage not tried, no live token",
    ),
    (
        OWN,
        replace(blocked(BlockReason.ASK_FIRST), lost_at=NOW - timedelta(hours=2)),
        OK,
        "token: reply lost at 12:03, may need login; press r to try once → usage ok 0.3s",
    ),
    (CODEX, CURRENT, OK, "token: Codex's, good for 6d → usage ok 0.3s"),
    (CODEX, TokenStep(TokenOutcome.DELEGATED, 8.1), OK, "token: codex renewed it 8.1s → usage ok 0.3s"),
    (
        CODEX,
        blocked(BlockReason.CODEX_RUNNING),
        NOT_TRIED,
        "Codex is open on this home and renews it",
    ),
    (
        CODEX,
        replace(blocked(BlockReason.CODEX_RUNNING), pid=4711),
        NOT_TRIED,
        "Codex is open on this home and renews it (pid 4711)",
    ),
    (
        CODEX,
        replace(blocked(BlockReason.CODEX_LATE), pid=4711),
        NOT_TRIED,
        "Codex is open on this home (pid 4711) and has not renewed it; r within 10 s renews beside it: "
        "both at once can end the login",
    ),
    (CODEX, blocked(BlockReason.CODEX_MISSING), NOT_TRIED, "run: CODEX_HOME=~/homes/07 codex login"),
    (CODEX, blocked(BlockReason.CODEX_LOGIN_DEAD), None, "run: CODEX_HOME=~/homes/07 codex login"),
    (OTHER, CURRENT, OK, "token: kept by CLIProxyAPI → usage ok 0.3s"),
    (OTHER, blocked(BlockReason.OTHER_MUST_RENEW), NOT_TRIED, "CLIProxyAPI must renew it"),
    (STATIC, NONE, OK, "personal token, nothing to renew → usage ok 0.3s"),
    (KEY, NONE, None, "API keys have no usage figures"),
    (
        STATIC,
        TokenStep(TokenOutcome.NONE, block=BlockReason.AGENT_IDENTITY),
        NOT_TRIED,
        "agent identities have no usage figures",
    ),
    (
        CODEX,
        TokenStep(TokenOutcome.NONE, block=BlockReason.KEYRING),
        NOT_TRIED,
        "Codex keeps its login in the keyring, which is not read",
    ),
    (POOL, TokenStep(TokenOutcome.REFRESHED), UsageStep(), "pool renewed → quota ok"),
    (POOL, TokenStep(TokenOutcome.REFRESHED), CACHED, "pool renewed → cached quota of 13:40"),
    (
        POOL,
        TokenStep(TokenOutcome.FAILED, detail="invalid_grant"),
        CACHED,
        "pool: refresh failed: invalid_grant → cached quota of 13:40",
    ),
    (POOL, NONE, CACHED, "the pool renews by itself → cached quota of 13:40"),
    (POOL, SKIPPED, UsageStep(), "the pool renews by itself (already refreshing) → quota ok"),
    (POOL, NONE, NOT_TRIED, "the pool renews by itself → usage: the pool does not answer, showing 13:59"),
    (
        POOL,
        TokenStep(
            TokenOutcome.BLOCKED,
            block=BlockReason.POOL_SKIPPED,
            said=message("pools.words", text="10.0.0.7:8080 refused the connection"),
        ),
        NOT_TRIED,
        "pool: 10.0.0.7:8080 refused the connection → usage not tried, showing 13:59",
    ),
    (
        POOL,
        NONE,
        UsageStep(worded(FailureKind.NO_TOKEN, "codex-lb has no figures of this account"), tried=False),
        "the pool renews by itself → usage: codex-lb has no figures of this account, showing 13:59",
    ),
    (
        replace(POOL, disabled=True),
        SKIPPED,
        NOT_TRIED,
        "the pool renews by itself (already refreshing) → usage not tried, disabled in the pool",
    ),
    (OWN, blocked(BlockReason.READ_ONLY), None, "token: not spent, this poolwatch is read-only"),
    (OWN, None, None, "nothing was done"),
]


@pytest.mark.parametrize(("entry", "token", "usage", "line"), LINES)
def test_finished(entry: Listing, token: TokenStep | None, usage: UsageStep | None, line: str) -> None:
    progress = RefreshProgress(NOW, token, usage, done=True)
    assert progress_line(progress, account("x", listings=[entry]), NOW, PREFS) == line


def test_the_warning_is_there_where_the_line_is_short_and_fits_a_shell() -> None:
    progress = RefreshProgress(NOW, replace(blocked(BlockReason.CODEX_LATE), pid=4711), NOT_TRIED, done=True)
    state = account("x", listings=[CODEX])
    assert progress_short(progress, state, NOW, PREFS) == "r may end the login: pid 4711 is open"
    unnamed = replace(progress, token=blocked(BlockReason.CODEX_LATE))
    assert progress_short(unnamed, state, NOW, PREFS) == "r may end the login: Codex is open"
    line = progress_line(progress, state, NOW, PREFS, again=refresh.FORCE)
    assert "; refresh ACCOUNT --force renews beside it: both at once can end the login" in line


def test_a_login_that_waits_is_brought_home_in_the_pool_that_was_named() -> None:
    where = "/state/custody/kept-a1.auth.json"
    step = TokenStep(TokenOutcome.FAILED, failure=worded(FailureKind.KEPT, "its file is gone"), detail=where)
    progress = RefreshProgress(NOW, step, NOT_TRIED, done=True)
    line = progress_line(progress, account("x", listings=[OWN]), NOW, replace(PREFS, config="own.toml"))
    assert f"in place: poolwatch --config own.toml accounts import {where}" in line


@pytest.mark.parametrize("reason", BlockReason)
@pytest.mark.parametrize("entry", [OWN, CODEX, OTHER, STATIC, KEY, POOL])
def test_every_reason_has_words(reason: BlockReason, entry: Listing) -> None:
    progress = RefreshProgress(NOW, blocked(reason), None, done=True)
    line = progress_line(progress, account("x", listings=[entry]), NOW, PREFS)
    assert line
    assert "None" not in line


def test_running() -> None:
    state = account("x")
    assert progress_line(RefreshProgress(NOW), state, NOW, PREFS) == "token …"
    assert progress_line(RefreshProgress(NOW, RENEWED), state, NOW, PREFS) == "token ok 0.4s → usage …"
    assert progress_line(RefreshProgress(NOW, usage_only=True), state, NOW, PREFS) == "usage …"
    asking = RefreshProgress(NOW, delegating=True)
    assert progress_line(asking, state, NOW, PREFS) == "codex is refreshing … (leave it running)"


@pytest.mark.parametrize("delegating", [False, True])
@pytest.mark.parametrize(
    ("waits_for", "words"),
    [
        (Awaited(), "token … waiting for the process that refreshes it"),
        (Awaited(4711), "token … waiting for the process that refreshes it (pid 4711)"),
        (
            Awaited(4711, stopped=True),
            "token … waiting for the process that refreshes it (pid 4711, stopped)",
        ),
    ],
)
def test_a_process_that_does_not_come_is_named(waits_for: Awaited, words: str, delegating: bool) -> None:
    progress = RefreshProgress(NOW, delegating=delegating, waits_for=waits_for)
    line = progress_line(progress, account("x"), NOW, PREFS)
    codex_runs = "codex is refreshing … (leave it running)"
    assert line == (codex_runs if delegating and not waits_for.stopped else words)
    ended = replace(progress, token=RENEWED, usage=OK, done=True)
    assert progress_line(ended, account("x"), NOW, PREFS) == "token ok 0.4s → usage ok 0.3s"


def test_usage_alone() -> None:
    progress = RefreshProgress(NOW, None, OK, usage_only=True, done=True)
    assert progress_line(progress, account("x"), NOW, PREFS) == "usage ok 0.3s"
    dead = replace(progress, usage=NOT_TRIED)
    assert progress_line(dead, account("x"), NOW, PREFS) == "usage not tried, no live token"


def test_changes_are_said_when_it_is_done() -> None:
    changes = (Change("weekly", 71.0, 0.0), Change("credits", Decimal("12.5"), None))
    done = RefreshProgress(NOW, RENEWED, OK, changes, done=True)
    line = progress_line(done, account("x"), NOW, PREFS)
    assert line.endswith("usage ok 0.3s · weekly 71 → 0% · credits 12.50 → —")
    left = Prefs(zone=CET, shown=Shown.LEFT)
    assert change_text(changes[0], left) == "weekly 29 → 100%"
    assert change_text(Change("5h", None, 0.4), PREFS) == "5h — → <1%"
    limitless = Change("credits", Decimal("1234.56"), None, is_unlimited=True)
    assert change_text(limitless, PREFS) == "credits 1,234.56 → unlimited"
    limited = Change("credits", None, Decimal("1234.56"), was_unlimited=True)
    assert change_text(limited, PREFS) == "credits unlimited → 1,234.56"


def test_tones() -> None:
    assert progress_tone(RefreshProgress(NOW)) is Tone.ACCENT
    assert progress_tone(RefreshProgress(NOW, RENEWED, OK, done=True)) is Tone.GOOD
    assert progress_tone(RefreshProgress(NOW, REUSED, OK, done=True)) is Tone.AMBER


def test_many() -> None:
    assert bulk_line(BulkProgress(12, 44, 2)) == "12/44 · 2 failed · esc stops"
    assert bulk_line(BulkProgress(44, 44, 2, done=True, changed=31)) == "42 refreshed · 2 failed · 31 changed"
    read = BulkProgress(44, 44, 2, done=True, changed=31, usage_only=True)
    assert bulk_line(read) == "42 read · 2 failed · 31 changed"
    stopped = bulk_line(BulkProgress(12, 44, 0, done=True, changed=1))
    assert stopped == "stopped at 12 of 44 · 12 refreshed · 0 failed · 1 changed"
