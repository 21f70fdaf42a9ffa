from __future__ import annotations

import pytest

from poolwatch.domain.account import Secret
from poolwatch.sources.redact import MAX_BYTES, shown_body
from tests.sources.logins import access_token


def test_figures_stay_as_they_are() -> None:
    body = b'{\n  "user_id": "user-1",\n\t"balance": "394.7967250000"\n}'
    assert shown_body(body) == '{\n  "user_id": "user-1",\n    "balance": "394.7967250000"\n}'


@pytest.mark.parametrize(
    "secret",
    [
        access_token(),
        "rt_fake0123456789abcdef",
        "oaistb_rt_fake0123456789abcdef",
        "at-fake0123456789abcdef",
        "sk-fake0123456789abcdef",
        "Bearer fake0123456789",
    ],
)
def test_whatever_looks_like_a_token_is_hidden(secret: str) -> None:
    shown = shown_body(f'{{"echo": "{secret}", "plan": "plus"}}'.encode())
    assert secret.split()[-1] not in shown
    assert '"plan": "plus"' in shown


def test_a_given_secret_is_hidden_whatever_its_shape() -> None:
    assert shown_body(b"echo plain-word", Secret("plain-word"), None) == "echo [hidden]"


def test_nothing_steers_a_terminal() -> None:
    shown = shown_body(b"a\x1b[2Jb\x9b\r\x00c\xff\xe2\x80\xaed")
    assert "\x1b" not in shown
    assert all(line.isprintable() for line in shown.split("\n"))


def test_a_long_body_is_cut() -> None:
    shown = shown_body(b"x" * (MAX_BYTES + 1))
    assert len(shown) == MAX_BYTES + 2
    assert shown.endswith("\n…")
