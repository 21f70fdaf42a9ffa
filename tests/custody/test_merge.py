"""Whose login a reply is: every id that the reply, the file and the one who asked name."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from poolwatch.custody.grant import Grant, parse_grant
from poolwatch.custody.login_file import Login, login_in
from poolwatch.custody.state_dir import unmarked
from poolwatch.domain.failure import FailureKind
from poolwatch.domain.refresh import TokenOutcome
from poolwatch.once.json_text import JsonObject, parse_object
from tests.custody.rooms import LATER, Room, codex_document, write_json
from tests.support.token_server import CANARY, Exchange, claims_of, make_jwt

#: User and account; an empty text is an id that is not named.
Ids = tuple[str, str]
ANN: Ids = ("user-Ann", "acc-1")
BOB: Ids = ("user-Bob", "acc-2")
PERSONAL: Ids = ("user-Ann", "user-Ann")


def token(ids: Ids | None, name: str, expires: datetime = LATER) -> str:
    """A token that names these ids; None is an opaque one."""
    if ids is None:
        return f"opaque-{name}"
    return make_jwt({**claims_of(*ids, int(expires.timestamp())), "email": f"{name}@example.com"}, name)


def reply(access: Ids | None, identity: Ids | None) -> bytes:
    body = {"access_token": token(access, "new"), "refresh_token": f"rt_{CANARY}_9"}
    if identity is not None:
        body["id_token"] = token(identity, "other")
    return json.dumps(body).encode()


def grant(access: Ids | None, identity: Ids | None) -> Grant:
    found = parse_grant(reply(access, identity))
    assert found is not None
    return found


def login(access: Ids | None, identity: Ids | None, noted: str = "") -> Login:
    tokens: JsonObject = {
        "access_token": token(access, "old"),
        "refresh_token": f"rt_{CANARY}_0",
        "account_id": noted or None,
    }
    if identity is not None:
        tokens["id_token"] = token(identity, "old")
    found = login_in({"tokens": tokens}, unmarked)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("file", "asked", "new", "another"),
    [
        # the access token speaks
        (login(ANN, ANN), ANN, grant(ANN, ANN), False),
        (login(ANN, ANN), ANN, grant(BOB, None), True),
        (login(ANN, ANN), ANN, grant(("user-Ann", "acc-2"), None), True),
        (login(ANN, ANN), ANN, grant(("user-Bob", "acc-1"), None), True),
        # it is opaque, and the id token speaks
        (login(ANN, ANN), ANN, grant(None, ANN), False),
        (login(ANN, ANN), ANN, grant(None, BOB), True),
        (login(ANN, ANN), ANN, grant(None, ("user-Bob", "")), True),
        (login(ANN, ANN), ANN, grant(None, ("", "acc-2")), True),
        (login(None, ANN), ANN, grant(None, BOB), True),
        # both speak, of two people
        (login(ANN, ANN), ANN, grant(ANN, BOB), True),
        # what the file alone names counts, whoever asked
        (login(None, ANN), ("", ""), grant(None, BOB), True),
        (login(ANN, None), ("", ""), grant(None, BOB), True),
        (login(None, None, "acc-1"), ("", ""), grant(None, ("", "acc-2")), True),
        (login(None, None, "acc-1"), ("", ""), grant(None, ("", "acc-1")), False),
        (login(("user-Ann", ""), None, "acc-1"), ("user-Ann", "acc-1"), grant(None, ANN), False),
        # one that the file names beside the one that was asked for is not that one
        (login(ANN, BOB), ANN, grant(BOB, BOB), True),
        # nobody is named, or an address alone
        (login(ANN, ANN), ANN, grant(None, None), False),
        (login(ANN, ANN), ANN, grant(None, ("", "")), False),
        (login(None, None), ("", ""), grant(BOB, BOB), False),
        # a personal account repeats the user id, which names no workspace
        (login(ANN, ANN), ANN, grant(None, PERSONAL), False),
        (login(PERSONAL, PERSONAL), PERSONAL, grant(ANN, ANN), False),
        (login(PERSONAL, PERSONAL), PERSONAL, grant(None, BOB), True),
        (login(ANN, ANN), ANN, grant(None, ("", "user-Ann")), False),
    ],
)
def test_a_reply_for_another_account_is_told(file: Login, asked: Ids, new: Grant, another: bool) -> None:
    assert new.is_for_another(asked[0] or None, asked[1] or None, file) is another
    # of a file that is gone, what was asked for is all that is known
    if asked != ("", "") and new.claims.user_id != BOB[0]:
        known = new.is_for_another(asked[0] or None, asked[1] or None, None)
        assert known is another


def test_the_id_token_of_another_account_stays_out_of_the_file(room: Room) -> None:
    before = room.file.read_bytes()
    room.server.script.append(Exchange(instead=reply(None, BOB)))
    step = room.spend()
    assert step.outcome is TokenOutcome.AMBIGUOUS
    assert step.failure is not None
    assert step.failure.kind is FailureKind.OTHER_ACCOUNT
    assert room.file.read_bytes() == before
    kept = parse_object(room.state.kept("a1").read_bytes())
    assert kept is not None
    assert login_in(kept, unmarked).account_id == "acc-2"  # type: ignore[union-attr] # it is a login


def test_an_opaque_token_of_the_same_account_is_merged(room: Room) -> None:
    write_json(room.file, codex_document(room.server.valid))
    room.server.script.append(Exchange(instead=reply(None, PERSONAL)))
    assert room.spend().outcome is TokenOutcome.REFRESHED
    assert (room.login.user_id, room.login.account_id) == ANN
