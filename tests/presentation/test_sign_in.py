from __future__ import annotations

import shlex

import pytest

from poolwatch.domain.account import Custody, Listing, LoginKind
from poolwatch.domain.failure import FailureKind, LoginProblem
from poolwatch.domain.state import AccountState, DeadLogin
from poolwatch.domain.values import replace
from poolwatch.presentation.remedy import remedy
from poolwatch.presentation.sign_in import CodexLogin, PoolLogin, SignIn, ToolLogin, sign_in
from tests.presentation.scene import NOW, PREFS, account, dead_token, judged, listing, trouble


def own(path: str) -> Listing:
    return listing(custody=Custody.POOLWATCH, owner="poolwatch", home=None, path=path)


@pytest.mark.parametrize(
    ("entry", "way"),
    [
        (listing(home="~/homes/07"), CodexLogin("~/homes/07")),
        (listing(home=None, path="~/.codex/auth.json"), CodexLogin("~/.codex")),
        (own("~/pool/7/auth.json"), CodexLogin("~/pool/7")),
        (own("~/pool/bob.json"), CodexLogin(target="~/pool/bob.json")),
        (
            listing(custody=Custody.OTHER, home=None, owner="codex-auth"),
            ToolLogin("codex-auth", "codex-auth login"),
        ),
        (listing(custody=Custody.OTHER, home=None, owner="another tool"), None),
        (listing(custody=Custody.POOL, home=None, owner="codex-lb"), PoolLogin("codex-lb")),
        (
            listing(custody=Custody.POOL, home=None, owner="CLIProxyAPI"),
            PoolLogin("CLIProxyAPI", "cli-proxy-api --codex-login"),
        ),
        (None, None),
    ],
)
def test_who_signs_a_login_in(entry: Listing | None, way: SignIn | None) -> None:
    assert sign_in(entry) == way


@pytest.mark.parametrize("by_code", [False, True])
@pytest.mark.parametrize("place", [{"home": "/srv/my home"}, {"target": "/srv/bob.json"}, {}])
def test_what_is_run_and_what_is_pasted_are_one_command(place: dict[str, str], *, by_code: bool) -> None:
    login = CodexLogin(**place, by_code=by_code)
    pasted = shlex.split(login.command(mask=False))
    at = pasted.index("codex")
    assert tuple(pasted[at : at + len(login.arguments)]) == login.arguments
    assert ("--device-auth" in pasted) is by_code
    if login.home:
        assert pasted[0] == f"CODEX_HOME={login.home}"
    assert (login.target in pasted) is bool(login.target)


def test_a_pools_command_is_not_pasted_on_this_machine() -> None:
    assert PoolLogin("CLIProxyAPI", "cli-proxy-api --codex-login").command(mask=False) == ""


def way_of(state: AccountState) -> SignIn | None:
    found = remedy(judged(state), NOW, PREFS)
    return found.sign_in if found is not None else None


def test_only_who_needs_a_sign_in_gets_one() -> None:
    dead = DeadLogin("r1", LoginProblem.USED_ELSEWHERE, NOW)
    home = CodexLogin("~/homes/07")
    assert way_of(account("x", listings=[dead_token("x")], dead=dead)) == home
    assert way_of(account("x", listings=[dead_token("x")])) == home
    assert way_of(account("x")) is None
    # r renews it
    assert (
        way_of(account("x", listings=[replace(dead_token("x"), custody=Custody.POOLWATCH, home=None)]))
        is None
    )
    # to sign in would write over a login that may only be unreadable
    assert way_of(account("x", listings=[listing("x", problem="cannot be read")])) is None
    pat = replace(dead_token("x"), custody=Custody.STATIC, login=LoginKind.PERSONAL_ACCESS_TOKEN, home=None)
    assert way_of(account("x", listings=[pat])) is None


def test_a_dead_refresh_token_is_signed_in_for_before_it_matters() -> None:
    dead = DeadLogin("r1", LoginProblem.USED_ELSEWHERE, NOW)
    state = account("x", dead=dead, login_trouble=trouble(FailureKind.TOKEN_REFRESH, 1))
    assert isinstance(way_of(state), CodexLogin)


def test_over_ssh_the_remedy_names_the_code() -> None:
    found = remedy(judged(account("x", listings=[dead_token("x")])), NOW, replace(PREFS, by_code=True))
    assert found is not None
    assert found.command == "CODEX_HOME=~/homes/07 codex login --device-auth"
