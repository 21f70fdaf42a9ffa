from __future__ import annotations

import base64
import time
from urllib.parse import quote

import pytest

from poolwatch.domain.account import Secret
from poolwatch.sources.redaction import MAX_BYTES, shown_body
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
        "https://hooks.example.com/services/T00000000/B00000000/fakefakefake",
        "https://discord.example.com/api/webhooks/123456789/fake_fake-fake",
        "https://user:fake-password@pool.example.com/x",
        "https://pool.example.com/x?sig=1&access_token=fakefake",
        "__Secure-session-token=fakefakefake",
        "cf_clearance=fakefakefake",
        "Zm9vYmFyMTIzNDU2Nzg5MGFiY2RlZmdoaWprbG1ubw==",
        "0123456789abcdef0123456789abcdef01234567",
    ],
)
def test_whatever_looks_like_a_token_is_hidden(secret: str) -> None:
    shown = shown_body(f'{{"echo": "{secret}", "plan": "plus"}}'.encode())
    assert secret.split()[-1] not in shown
    assert '"plan": "plus"' in shown


def test_a_given_secret_is_hidden_whatever_its_shape() -> None:
    assert shown_body(b"echo plain-word", Secret("plain-word"), None) == "echo [hidden]"


@pytest.mark.parametrize(
    "plain",
    [
        *(
            "00000000-0000-4000-8000-000000000001",
            "user-AbC123def456GhI789jkl012",
            "gpt-5-codex-mini-2026-11-20",
        ),
        *(
            "self_serve_business_usage_based",
            "https://example.com/codex/usage?month=11",
            "2026-11-20T21:00:00Z",
        ),
    ],
)
def test_what_is_no_secret_stays(plain: str) -> None:
    assert plain in shown_body(f'{{"echo": "{plain}"}}'.encode())


def test_members_with_a_telling_name_are_hidden() -> None:
    assert shown_body(b'{"refresh_token": "plain words", "set-cookie":"a=b c=d", "tokens": 12}') == (
        '{"refresh_token": "[hidden]", "set-cookie":"[hidden]", "tokens": 12}'
    )


@pytest.mark.parametrize("form", ["base64", "urlsafe", "quoted", "beginning", "end"])
def test_encodings_and_parts_of_a_given_secret_are_hidden(form: str) -> None:
    secret = "correct horse/battery+staple?and some more~~~ÿÿÿ"
    forms = {
        "base64": base64.b64encode(secret.encode()).decode(),
        "urlsafe": base64.urlsafe_b64encode(secret.encode()).decode(),
        "quoted": quote(secret, safe=""),
        "beginning": secret[:20],
        "end": secret[-20:],
    }
    shown = shown_body(f"echo {forms[form]}.".encode(), Secret(secret))
    assert not any(forms[form][at : at + 12] in shown for at in range(len(forms[form]) - 11))


@pytest.mark.parametrize(
    "piece",
    [
        *(b"eyJ", b"https://", b"https://hook", b"?token", b"token=", b"sk-", b"Bearer ", b'"token":"', b"a"),
        *(b'"', b"\\", b"-eyJ", b"aA1", b"https://a@", b"secret", b"+a", b"xoxb-", b" ", b"hook/"),
    ],
)
def test_no_body_is_slow_to_read(piece: bytes) -> None:
    secret = Secret("Aa1" * 20)
    begun = time.process_time()
    shown_body(piece * (1024 * 1024 // len(piece)) + b"Aa1Aa1Aa1Aa1", secret)
    assert time.process_time() - begun < 2


def test_nothing_steers_a_terminal() -> None:
    shown = shown_body(b"a\x1b[2Jb\x9b\r\x00c\xff\xe2\x80\xaed")
    assert "\x1b" not in shown
    assert all(line.isprintable() for line in shown.split("\n"))


def test_a_long_body_is_cut() -> None:
    shown = shown_body(b"x" * (MAX_BYTES + 1))
    assert len(shown) == MAX_BYTES + 2
    assert shown.endswith("\n…")
