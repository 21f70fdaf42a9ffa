"""Which use a filter lets through."""

from __future__ import annotations

from typing import Any

import pytest

from poolwatch.domain.query.fields import FIELDS, OF_USE
from poolwatch.domain.query.language import query_of
from poolwatch.domain.query.tree import lets
from poolwatch.domain.tokens import GroupBy, RequestSeen, Tier, Tokens, UseCell
from poolwatch.domain.usage import Aged, Usage
from poolwatch.domain.use_sums import cell_of
from poolwatch.presentation.use_filter import UseSubject, texts_asked, use_kept
from tests.presentation.scene import JUST_NOW, account, full_account

NIGHT = account("ann@example.com", Usage(plan=Aged("pro", JUST_NOW, "x")), group="night")
KNOWN = {each.key.id: each for each in (NIGHT, full_account())}


def cell(model: str | None = "gpt-6-sol", tier: Tier = Tier.FAST, **texts: Any) -> UseCell:
    texts = {"account": NIGHT.key.id, "user": "frank", "client": "codex_cli_rs", **texts}
    return UseCell(1_990_000, model, tier, False, 3, Tokens(10, 0, 0, 5), **texts)


def passes(text: str, use: UseCell, *, mask: bool = False) -> bool:
    return lets(query_of(text), UseSubject(use, KNOWN, mask=mask))


@pytest.mark.parametrize(
    "text",
    [
        "model:gpt-6", "model=gpt-6-sol", "tier:fast", "user:frank", "client:codex", "project=reef",
        "operation:image", "label:ann@", "group:night", "email:ann@example.com", "plan:pro", "source:hom",
        "custody:codex", "provider:codex", "model:gpt-6-sol tier:fast group:night", "user:bob or user:frank",
        "-user:bob", "sol frank", "fast", "image", "reef", "ann", "night/ann", NIGHT.key.id,
    ],
)  # fmt: skip
def test_use_is_found_by_its_own_texts_and_by_its_account(text: str) -> None:
    one = cell(operation="image", project="reef")
    assert passes(text, one)
    assert not passes(f"-({text})", one)


@pytest.mark.parametrize(
    "text", ["model=gpt-6", "tier:standard", "user:bob", "group:day", "operation:chat", "terra", "!"]
)
def test_use_of_others_is_not(text: str) -> None:
    assert not passes(text, cell(operation="image"))


@pytest.mark.parametrize("name", [name for name in FIELDS if name not in OF_USE])
def test_no_use_is_found_by_what_only_readings_tell(name: str) -> None:
    subject = UseSubject(cell(), {NIGHT.key.id: full_account()})
    assert not list(subject.texts(name))
    assert subject.figure(name) is None
    text = f"{name}>=0" if FIELDS[name].is_compared else f"{name}:a"
    assert not passes(text, cell())


def test_what_nobody_tells_is_found_by_no_field() -> None:
    bare = UseCell(1_990_000, None, Tier.UNKNOWN, False, 1, Tokens())
    for name in OF_USE:
        assert list(UseSubject(bare, KNOWN).texts(name)) == []
    assert passes("-tier:fast -model:gpt -group:night", bare)


def test_an_account_that_an_imported_line_names_is_found_by_what_it_is_called() -> None:
    other = cell(account="Dan@Example.com")
    assert passes("email=dan@example.com label:dan dan", other)
    assert not passes("group:night", other)
    assert passes("label:team", cell(account="team/7"))
    assert not passes("email:team", cell(account="team/7"))


def test_the_last_requests_are_found_as_cells_are_but_tell_no_user() -> None:
    seen = RequestSeen(1.8e9, "gpt-6-sol", Tier.FAST, False, Tokens(1), NIGHT.key.id, "reef", "0199", "cli")
    assert passes("model:gpt-6-sol group:night reef 0199", cell_of(seen))
    assert not passes("user:frank", cell_of(seen))


@pytest.mark.parametrize("text", ["email:ann", "ann", "user:frank", "frank", "reef", "0199-7", "dan"])
def test_what_is_masked_is_not_found(text: str) -> None:
    use = cell(project="reef", conversation="0199-7"), cell(account="dan@example.com")
    assert any(passes(text, each) for each in use)
    assert not any(passes(text, each, mask=True) for each in use)


def test_masked_names_are_found_as_they_are_shown() -> None:
    assert passes("user:user- label:account-", cell(account="dan@example.com"), mask=True)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", set()),
        ("model:gpt tier:fast", set()),
        ("operation:image", {GroupBy.OPERATION}),
        ("user:frank -(group:night)", {GroupBy.USER, GroupBy.ACCOUNT}),
        ("client:x or plan:pro", {GroupBy.CLIENT, GroupBy.ACCOUNT}),
        ("reef", {GroupBy.OPERATION, GroupBy.CLIENT, GroupBy.USER, GroupBy.PROJECT, GroupBy.ACCOUNT}),
    ],
)
def test_what_cells_have_to_tell(text: str, asked: set[GroupBy]) -> None:
    assert texts_asked(query_of(text)) == asked


def test_cells_are_judged_as_subjects_are() -> None:
    cells = [cell(), cell(user="bob"), cell(account=None, operation="image"), cell("terra", Tier.STANDARD)]
    cells += [cell(account="dan@example.com", project="reef"), cell(user=None), cell(None, Tier.UNKNOWN)]
    texts = (
        "", "user:frank", "-user:frank", "group:night tier:fast", "image or terra", "weekly>5", "-weekly>5",
        "!", "-!", "reef or (sol -night)", "label:dan", "-(dan or ann)", "status:active", "night user:frank",
        "zzz",
    )  # fmt: skip
    for text in texts:
        keeps = use_kept(query_of(text), KNOWN)
        assert [keeps(each) for each in (*cells, *cells)] == [passes(text, each) for each in (*cells, *cells)]


def test_words_are_looked_for_in_what_stands_beside_the_use() -> None:
    days = use_kept(query_of("nov"), KNOWN, beside=lambda each: (f"{each.requests} Nov",))
    assert days(cell())
    assert not use_kept(query_of("nov"), KNOWN)(cell())
