from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from poolwatch.domain.account import Custody, Listing, LoginKind, SourceRef
from poolwatch.domain.failure import FailureKind, LoginProblem, worded
from poolwatch.domain.refresh import BlockReason, RefreshProgress, TokenOutcome, TokenStep, UsageStep
from poolwatch.domain.state import AccountState, DeadLogin
from poolwatch.domain.text import visible
from poolwatch.domain.values import replace
from poolwatch.presentation.card import trouble_text
from poolwatch.presentation.remedy import sign_in_command
from tests.presentation.scene import (
    MASKED,
    NOW,
    PREFS,
    account,
    after,
    card,
    dead_token,
    foot_of,
    judged,
    listing,
    trouble,
)

GONE = NOW - timedelta(hours=1)


def dead(problem: LoginProblem = LoginProblem.USED_ELSEWHERE) -> DeadLogin:
    return DeadLogin("r1", problem, NOW)


def test_the_drawn_remedy() -> None:
    view = card(account("s2/home-07", listings=[dead_token("s2/home-07")], dead=dead()))
    assert view.status == "login used elsewhere"
    assert view.remedy == (
        "s2/home-07: another program has used the refresh token. "
        "Sign in again:  CODEX_HOME=~/homes/07 codex login"
    )
    assert view.copy == "CODEX_HOME=~/homes/07 codex login"


OWN = {"custody": Custody.POOLWATCH, "owner": "poolwatch", "home": None}
COMMANDS = [
    (listing(home="~/my homes/07"), "CODEX_HOME=~/'my homes/07' codex login"),
    (listing(home="/srv/x;rm -rf ~"), "CODEX_HOME='/srv/x;rm -rf ~' codex login"),
    (listing(home=None, path="~/.codex/auth.json"), "CODEX_HOME=~/.codex codex login"),
    (listing(home="~"), "CODEX_HOME=~ codex login"),
    (
        listing(custody=Custody.POOLWATCH, home=None, path="~/pool/7/auth.json"),
        "CODEX_HOME=~/pool/7 codex login",
    ),
    (
        listing(custody=Custody.POOLWATCH, home=None, path="~/pool/bob $x.json"),
        "d=$(mktemp -d) && CODEX_HOME=$d codex login && mv $d/auth.json ~/'pool/bob $x.json'",
    ),
    (listing(custody=Custody.OTHER, home=None, owner="CLIProxyAPI"), "cli-proxy-api --codex-login"),
    (listing(custody=Custody.OTHER, home=None, owner="another tool"), ""),
    (listing(custody=Custody.POOL, home=None), ""),
]


@pytest.mark.parametrize(("entry", "command"), COMMANDS)
def test_commands_can_be_pasted(entry: Listing, command: str) -> None:
    assert sign_in_command(entry, PREFS) == command
    if command:
        assert shlex.split(command)


def test_an_expired_codex_login_is_codexs_to_renew() -> None:
    view = card(account("x", listings=[dead_token("x")]))
    assert view.remedy == (
        "x: the login has expired. r lets Codex renew it; or sign in again:  "
        "CODEX_HOME=~/homes/07 codex login"
    )


def test_poolwatchs_own_expired_login_is_renewed_by_r() -> None:
    own = listing("x", custody=Custody.POOLWATCH, owner="poolwatch", home=None, expires_at=GONE)
    view = card(account("x", listings=[own]))
    assert view.copy == f"poolwatch refresh {view.id}"
    assert "r renews it" in view.remedy


def test_another_tool_must_renew_its_login() -> None:
    entry = listing("x", custody=Custody.OTHER, owner="CLIProxyAPI", home=None, expires_at=GONE)
    view = card(account("x", listings=[entry]))
    assert "CLIProxyAPI must renew it" in view.remedy
    assert view.copy == "cli-proxy-api --codex-login"


def test_a_pool_signs_in_on_its_own_page() -> None:
    entry = listing("x", custody=Custody.POOL, home=None, says_login_needed=True)
    view = card(account("x", listings=[entry]))
    assert "on the pool's own page" in view.remedy
    assert view.copy == view.id


def test_a_used_up_token_in_a_pool_is_signed_in_for_there() -> None:
    entry = listing("x", custody=Custody.POOL, home=None)
    state = account("x", listings=[entry], dead=dead(), login_trouble=trouble(FailureKind.TOKEN_REFRESH, 1))
    view = card(state)
    assert view.remedy == (
        "x: another program has used the refresh token. Sign in again on the pool's own page."
    )


def test_a_personal_token_is_replaced_in_its_file() -> None:
    entry = listing(
        "x", custody=Custody.STATIC, login=LoginKind.PERSONAL_ACCESS_TOKEN, home=None, expires_at=GONE
    )
    assert "personal access token" in card(account("x", listings=[entry])).remedy


def test_a_file_that_cannot_be_read_is_named() -> None:
    entry = listing("x", problem="cannot be read (permission denied)")
    view = card(account("x", listings=[entry]))
    assert "~/homes/07/auth.json cannot be read (permission denied)" in view.remedy
    assert "sign in again there" in view.remedy
    # a command that signs in would write over a login that is perhaps only unreadable
    assert view.copy == view.id


def test_conflict_and_lost_reply() -> None:
    conflict = card(account("x", login_trouble=trouble(FailureKind.CONFLICT, 1)))
    assert conflict.copy == f"poolwatch accounts resolve {conflict.id} --keep ~/homes/07/auth.json"
    lost = card(account("x", login_trouble=trouble(FailureKind.AMBIGUOUS, 1)))
    assert "try it once more" in lost.remedy


def test_deactivated() -> None:
    state = account("x", deactivations=2)
    view = card(state)
    assert "deactivated" in view.remedy
    assert "accounts remove" not in view.remedy
    assert view.copy == view.id
    folder = state.listings[0].ref.place.rpartition("/")[0]
    ours = card(state, replace(PREFS, own_logins=folder))
    assert ours.copy == f"poolwatch accounts remove {ours.id}"


def test_a_dead_refresh_token_names_the_last_day() -> None:
    state = account("x", dead=dead(), login_trouble=trouble(FailureKind.TOKEN_REFRESH, 1))
    assert "works until 26 Nov" in card(state).remedy


@pytest.mark.parametrize(
    "kind",
    sorted(
        set(FailureKind)
        - {FailureKind.UNAUTHORIZED, FailureKind.NO_TOKEN, FailureKind.AMBIGUOUS, FailureKind.CONFLICT}
    ),
)
def test_every_trouble_has_its_remedy(kind: FailureKind) -> None:
    view = card(account("x", trouble=trouble(kind, 1, "said why")))
    assert len(view.remedy) > len("x: .")
    assert "{" not in view.remedy


def test_throttled_says_when() -> None:
    state = account("x", trouble=trouble(FailureKind.THROTTLED, 1, retry_at=after(minutes=17)))
    assert "tries again at 14:20" in card(state).remedy


def test_nothing_wrong_nothing_said() -> None:
    view = card(account("x"))
    assert view.remedy == ""
    assert view.copy == view.id


def test_masked_remedies_show_no_path_and_copy_only_the_id() -> None:
    home = "~/homes/bob@example.com"
    entry = listing("bob@example.com", home=home, path=f"{home}/auth.json", expires_at=GONE)
    view = card(account("bob@example.com", listings=[entry]), MASKED)
    assert "bob" not in view.remedy
    assert "homes" not in view.remedy
    assert view.copy == view.id


def test_an_expired_access_token_has_no_last_day() -> None:
    entry = listing("x", expires_at=GONE)
    state = account("x", listings=[entry], dead=dead(), login_trouble=trouble(FailureKind.TOKEN_REFRESH, 1))
    told = trouble_text(judged(state), state.login_trouble or trouble(FailureKind.BLOCKED, 1), NOW, PREFS)
    assert told == "sign in again: refresh token already used elsewhere"
    assert "works until" not in card(state).remedy
    assert "Sign in again" in card(state).remedy


@pytest.mark.parametrize("kind", [FailureKind.UNREACHABLE, FailureKind.THROTTLED, FailureKind.EDGE_BLOCKED])
def test_what_was_never_read_has_no_numbers_to_keep(kind: FailureKind) -> None:
    retry = after(minutes=17) if kind is FailureKind.THROTTLED else None
    state = account("x", read_at=None, trouble=trouble(kind, 1, "why", retry_at=retry))
    assert "numbers" not in card(state).remedy
    assert ". it" not in card(state).remedy
    assert "the last numbers stay" in card(replace(state, read_at=NOW)).remedy


def test_a_command_of_poolwatch_names_the_configuration_that_was_named() -> None:
    over = NOW - timedelta(hours=1)
    expired = listing(custody=Custody.POOLWATCH, home=None, path="~/pool/x.json", expires_at=over)
    state = account("x", listings=[expired])
    assert card(state).copy == f"poolwatch refresh {state.key.id}"
    named = replace(PREFS, config="/etc/pool of bob.toml")
    told = f"poolwatch --config '/etc/pool of bob.toml' refresh {state.key.id}"
    assert card(state, named).copy == told
    assert card(state, named).remedy.endswith(told)
    assert "/etc/" not in card(state, replace(named, mask=True)).remedy


def test_a_tool_without_a_name_begins_its_sentence_like_one() -> None:
    over = NOW - timedelta(hours=1)
    kept = listing(custody=Custody.OTHER, home=None, owner="another tool", expires_at=over)
    assert ". Another tool must renew it" in card(account("x", listings=[kept])).remedy


def test_codex_is_promised_only_where_it_is_asked() -> None:
    state = account("x", listings=[listing("x", expires_at=GONE)])
    assert "lets Codex renew it" in card(state).remedy
    alone = card(state, replace(PREFS, delegates=False))
    assert "lets Codex" not in alone.remedy
    assert alone.copy == "CODEX_HOME=~/homes/07 codex login"


HOSTILE = ("\x1b[31mred", "new\nline", "\udcff", "\u202ex", "two  blanks", "it's", "$(touch x)", "\u00a0")


@pytest.mark.parametrize("name", HOSTILE)
def test_commands_hold_the_very_bytes_of_a_path(name: str) -> None:
    folder, shown = f"/srv/homes/{name}", visible(f"/srv/homes/{name}")
    place = f"{folder}/auth.json"
    try:
        place.encode()
    except UnicodeEncodeError:
        place = os.fsencode(place).hex()
    entry = replace(listing(home=shown, path=f"{shown}/auth.json"), ref=SourceRef("h", place))
    command = sign_in_command(entry, PREFS)
    assert command.isprintable()
    ended = subprocess.run(
        ["bash", "-c", f'codex() {{ printf %s "$CODEX_HOME"; }}; {command}'],
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert ended.stdout == os.fsencode(folder)
    conflict = account("x", listings=[entry], login_trouble=trouble(FailureKind.CONFLICT, 1))
    kept = card(conflict).copy.partition(" --keep ")[2]
    ended = subprocess.run(["bash", "-c", f"printf %s {kept}"], capture_output=True, check=True, timeout=20)
    assert ended.stdout == os.fsencode(f"{folder}/auth.json")


def test_a_tilde_stays_where_what_is_shown_are_the_bytes() -> None:
    entry = replace(listing(home="~/a b"), ref=SourceRef("h", "/home/ann/a b/auth.json"))
    assert sign_in_command(entry, PREFS) == "CODEX_HOME=~/'a b' codex login"
    odd = replace(listing(home="~/\\x1b"), ref=SourceRef("h", "/home/ann/\x1b/auth.json"))
    assert sign_in_command(odd, PREFS) == "CODEX_HOME=$'/home/ann/\\033' codex login"
    assert "\x1b" not in sign_in_command(odd, MASKED)


def test_r_is_not_the_remedy_of_a_login_that_codex_gave_up() -> None:
    given_up = dead(LoginProblem.REJECTED)
    state = account("x", listings=[listing("x", expires_at=GONE)], dead=given_up)
    assert card(state).remedy == (
        "x: the service refuses the login. Sign in again:  CODEX_HOME=~/homes/07 codex login"
    )


@pytest.mark.parametrize(("pid", "named"), [(4711, " (pid 4711)"), (None, "")])
def test_a_codex_that_has_not_renewed_is_to_be_closed_first(pid: int | None, named: str) -> None:
    late = TokenStep(TokenOutcome.BLOCKED, block=BlockReason.CODEX_LATE, pid=pid)
    progress = RefreshProgress(NOW, late, UsageStep(tried=False), done=True)
    state = replace(account("x", listings=[listing("x", expires_at=GONE)]), refresh=progress)
    assert card(state).remedy == (
        f"x: the login has expired. Close the Codex that is open on it{named}, then r; or sign in again:  "
        "CODEX_HOME=~/homes/07 codex login"
    )


REFUSALS = {
    "unsupported_country_region_territory": ("from this country or network", "rights"),
    "IP_NOT_AUTHORIZED": ("from this country or network", "rights"),
    "invalid_workspace_selected": ("choose another one", "rights"),
    "something_new": ("rights in its workspace", "country"),
    None: ("rights in its workspace", "country"),
}


@pytest.mark.parametrize(("code", "words"), REFUSALS.items())
@pytest.mark.parametrize("read_at", [NOW, None])
def test_a_refused_reading_says_what_it_is_about(
    code: str | None, words: tuple[str, str], read_at: datetime | None
) -> None:
    refused = worded(FailureKind.FORBIDDEN, "refused (403)", detail=code).since(NOW)
    view = card(account("a", trouble=refused, read_at=read_at))
    there, absent = words
    assert there in view.remedy
    assert absent not in view.remedy
    assert ("the last numbers stay" in view.remedy) is (read_at is not None)
    assert "refused (403)" in view.remedy


_KEY = re.compile(r"(?:^|[ ,;(])(?:r|x|X|u)(?: |[.)]|$)")


def _every_trouble() -> Iterator[AccountState]:
    homes = (
        listing("x"),
        dead_token("x"),
        listing("x", custody=Custody.POOLWATCH, home=None, expires_at=GONE),
        listing("x", custody=Custody.OTHER, home=None, owner="CLIProxyAPI", expires_at=GONE),
        listing("x", login=LoginKind.PERSONAL_ACCESS_TOKEN, expires_at=GONE),
    )
    for entry in homes:
        for kind in FailureKind:
            for retry_at in (None, after(minutes=9)):
                for read_at in (None, NOW):
                    said = trouble(kind, 20, "words", retry_at)
                    yield account("x", listings=[entry], trouble=said, read_at=read_at)
                    yield account("x", listings=[entry], login_trouble=said, read_at=read_at)
        for problem in LoginProblem:
            yield account("x", listings=[entry], dead=dead(problem))


def test_in_a_shell_remedies_name_commands_and_no_keys() -> None:
    in_a_shell = replace(PREFS, keys=False)
    on_screen = [card(each).remedy for each in _every_trouble()]
    told = [card(each, in_a_shell).remedy for each in _every_trouble()]
    assert [line for line in told if _KEY.search(line)] == []
    briefly = [foot_of(card(each, in_a_shell)) for each in _every_trouble()]
    assert [line for line in briefly if _KEY.search(line)] == []
    assert [line for line in map(foot_of, map(card, _every_trouble())) if _KEY.search(line)]
    assert sum(_KEY.search(line) is not None for line in on_screen) > 9
    assert sum("poolwatch refresh " in line for line in told) > 9
    # a card without numbers keeps none
    assert not [
        line
        for line, each in zip(told, _every_trouble(), strict=True)
        if each.read_at is None and "last numbers stay" in line
    ]
