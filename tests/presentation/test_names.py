from __future__ import annotations

import pytest

from poolwatch.domain.account import AccountKey, Custody, LoginKind
from poolwatch.presentation.masking import (
    neutral_name,
    shown_email,
    shown_group,
    shown_name,
    shown_path,
    shown_text,
)
from poolwatch.words import account as names
from tests.presentation.scene import account


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (None, ""),
        ("plus", "Plus"),
        ("pro", "Pro"),
        ("prolite", "Pro 5x"),
        ("promax", "Pro (Max)"),
        ("team", "Business"),
        ("self_serve_business_prolite", "Business Premium"),
        ("self_serve_business_usage_based", "Business (usage)"),
        ("enterprise_cbp_usage_based", "Enterprise (usage)"),
        ("hc", "Enterprise"),
        ("galaxy_ultra_v9", "galaxy_ultra_v9"),
    ],
)
def test_plans(raw: str | None, name: str) -> None:
    assert names.plan_name(raw) == name


@pytest.mark.parametrize(
    ("bucket", "name", "shown"),
    [
        ("codex_bengalfox", "GPT-5.3-Codex-Spark", "Spark"),
        ("base_model_inference", "gpt-reserve", "reserve"),
        ("codex_other", "no-window-bucket", "no-window-bucket"),
        ("code_review", "review", "review"),
        ("x", "gpt-5.3-codex-", "gpt-5.3-codex-"),
        ("codex_other", "", "codex_other"),
    ],
)
def test_buckets(bucket: str, name: str, shown: str) -> None:
    assert names.bucket_name(bucket, name) == shown


def test_keepers() -> None:
    assert names.keeper(Custody.POOL, source="codex-proxy") == "pool: codex-proxy"
    assert names.keeper(Custody.OTHER, owner="CLIProxyAPI") == "CLIProxyAPI"
    assert names.keeper(Custody.OTHER) == "another tool"
    assert names.keeper(Custody.STATIC, kind=LoginKind.API_KEY) == "API key"
    assert names.keeper(Custody.STATIC) == "personal token"


def test_masked_names_are_neutral_and_stable() -> None:
    bob = account("bob@example.com", group="team-east")
    neutral = f"account-{bob.key.id[:6]}"
    assert shown_name(bob, mask=True) == f"team-east/{neutral}"
    assert shown_name(bob, mask=False) == "team-east/bob@example.com"
    assert shown_email(bob, mask=True) is None
    assert shown_name(account("dev14"), mask=True) == "dev14"
    assert neutral_name(AccountKey("codex", "u", "a")) == neutral_name(AccountKey("codex", "u", "a"))


def test_masked_groups_with_an_address_stay_apart() -> None:
    one, other = shown_group("a@example.com", mask=True), shown_group("b@example.com", mask=True)
    assert one != other
    assert "example" not in one + other
    assert shown_group("team-east", mask=True) == "team-east"
    assert shown_group(None, mask=True) == ""


@pytest.mark.parametrize(
    ("path", "masked"),
    [
        ("~/homes/07/auth.json", "…/auth.json"),
        ("/home/bob/homes/07", "…/07"),
        ("~/homes/bob@example.com", "…"),
        ("~", "…"),
        ("07", "07"),
    ],
)
def test_masked_paths(path: str, masked: str) -> None:
    assert shown_path(path, mask=True) == masked
    assert shown_path(path, mask=False) == path


def test_masked_messages_hold_neither_address_nor_path() -> None:
    bob = account("bob@example.com")
    text = shown_text(
        "login of bob@example.com in /home/bob/x.json and ~/pool/bob＠example.com", bob, mask=True
    )
    assert "bob" not in text
    assert neutral_name(bob.key) in text
    url = "no reply from http://127.0.0.1:8080/auth"
    assert shown_text(url, bob, mask=True) == url
