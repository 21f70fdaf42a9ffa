"""Secrets stay shut, and an account's public id is the same on every machine."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import pickle
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.domain import account
from poolwatch.domain.account import (
    CUSTODY_ORDER,
    AccountKey,
    Custody,
    LoginKind,
    Secret,
)
from tests.domain.make import listing

PLAIN = "fake-token-do-not-use"


@dataclasses.dataclass(frozen=True)
class Holder:
    name: str
    secret: Secret


def test_no_way_of_writing_a_secret_shows_it() -> None:
    secret = Secret(PLAIN)
    held = Holder("home", secret)
    shown = [
        repr(secret), str(secret), f"{secret}", f"{secret!s}", f"{secret!r}", f"{secret:>40}", f"{secret}",
        "{}".format(secret), "%s" % secret, "%r" % secret, repr([secret]), repr({"a": secret}),  # noqa: UP031, UP032 - every way of formatting is under test
        string.Template("$s").substitute(s=secret), repr(held), repr(dataclasses.asdict(held)),
        repr(dataclasses.astuple(held)), repr(copy.copy(secret)), repr(copy.deepcopy(held)),
        repr(Secret.__slots__), ascii(secret),
    ]  # fmt: skip
    assert [text for text in shown if PLAIN in text or PLAIN[:8] in text] == []
    assert secret.reveal() == PLAIN


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_secret_is_never_pickled_and_the_refusal_does_not_name_it(protocol: int) -> None:
    with pytest.raises(TypeError) as refused:
        pickle.dumps(Holder("home", Secret(PLAIN)), protocol)
    assert PLAIN not in str(refused.value)


def test_a_secret_has_no_attributes_and_no_json() -> None:
    with pytest.raises(TypeError):
        vars(Secret(PLAIN))
    with pytest.raises(TypeError) as refused:
        json.dumps({"token": Secret(PLAIN)})
    assert PLAIN not in str(refused.value)


def test_copies_are_the_same_secret() -> None:
    secret = Secret(PLAIN)
    assert copy.deepcopy({"x": secret})["x"] is secret
    assert copy.copy(secret) is secret


@given(st.text(), st.text())
def test_secrets_compare_by_what_they_hold(one: str, two: str) -> None:
    assert (Secret(one) == Secret(two)) is (one == two)
    assert bool(Secret(one)) is bool(one)
    if one == two:
        assert hash(Secret(one)) == hash(Secret(two))


def test_a_secret_is_not_its_text_and_lone_surrogates_are_told_apart() -> None:
    other: object = PLAIN
    assert Secret(PLAIN) != other
    assert Secret("\ud800") != Secret("?")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2


def test_the_id_is_sixteen_hex_digits_of_the_identity_joined_by_nul() -> None:
    key = AccountKey("codex", "user-1", "acct-1", source="ignored", place="ignored")
    assert key.is_full
    assert key.id == hashlib.sha256(b"codex\0user-1\0acct-1").hexdigest()[:16]


@pytest.mark.parametrize("ids", [("user-1", ""), ("", "acct-1"), ("", "")])
def test_without_both_ids_the_id_is_of_source_and_place(ids: tuple[str, str]) -> None:
    key = AccountKey("codex", *ids, source="homes", place="/a")
    assert not key.is_full
    assert key.id == hashlib.sha256(b"homes\0/a").hexdigest()[:16]


def test_a_place_that_is_no_utf8_has_an_id_too() -> None:
    assert len(AccountKey("codex", source="homes", place="/bad\udcff").id) == 16


def test_equal_keys_have_one_id_and_few_ids_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    held: dict[AccountKey, str] = {}
    monkeypatch.setattr(account, "_ids", held)
    monkeypatch.setattr(account, "_IDS_KEPT", 5)
    one, twin = (AccountKey("codex", "user-1", "acct-1") for _ in range(2))
    assert one.id is twin.id
    assert not hasattr(one, "__dict__")
    before = one.id
    for number in range(23):
        assert AccountKey("codex", f"user-{number}", "acct-2").id != before
        assert len(held) <= 5
    assert one.id == before


@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_different_parts_do_not_run_together(one: tuple[str, ...], two: tuple[str, ...]) -> None:
    clean = [tuple(part.replace("\0", "") + "." for part in parts) for parts in (one, two)]
    ids = {AccountKey(*parts).id for parts in clean}
    assert len(ids) == len(set(clean))


def test_custody_precedence_covers_every_custody() -> None:
    assert CUSTODY_ORDER == ("poolwatch", "pool", "codex", "other", "static")
    assert set(CUSTODY_ORDER) == set(Custody)


@pytest.mark.parametrize(
    ("entry", "polled"),
    [
        (listing(), True),
        (listing(login=LoginKind.PERSONAL_ACCESS_TOKEN), True),
        (listing(login=LoginKind.API_KEY), False),
        (listing(disabled=True), False),
        (listing(problem="not readable: permission denied"), False),
    ],
)
def test_who_is_polled(entry: object, polled: bool) -> None:
    assert getattr(entry, "polled") is polled  # noqa: B009 - the table is typed loosely
