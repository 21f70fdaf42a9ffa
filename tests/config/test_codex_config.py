from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.paths import CodexConfig, codex_config_in, read_codex_config

URL = "https://pool.example.com/backend-api"


@pytest.mark.parametrize(
    ("text", "base_url"),
    [
        (f'chatgpt_base_url = "{URL}"', URL),
        (f"chatgpt_base_url='{URL}'", URL),
        (f'\ufeffchatgpt_base_url = "{URL}"\n', URL),
        (f'model = "x" # café\r\n"chatgpt_base_url"\t=\t"{URL}" # "https://other.example.com"\r\n', URL),
        (f'chatgpt_base_url = """\n{URL}"""', URL),
        (f'chatgpt_base_url = "{URL.replace("pool", chr(92) + "u0070ool")}"', URL),
        (f'chatgpt_base_url = " {URL}\\n"', URL),
        (f'# chatgpt_base_url = "{URL}"\n', None),
        (f'note = """\nchatgpt_base_url = "{URL}"\n"""', None),
        (f'[profiles.work]\nchatgpt_base_url = "{URL}"', None),
        (f'[mcp_servers.x]\nchatgpt_base_url = "{URL}"', None),
        (f'profile = "work"\n[profiles.work]\nchatgpt_base_url = "{URL}"', URL),
        (f'profile = "a"\nchatgpt_base_url = "https://b.c"\nprofiles.a.chatgpt_base_url = "{URL}"', URL),
        (f'profile = "work"\nchatgpt_base_url = "{URL}"\n[profiles.work]\nmodel = "x"', URL),
        (f'profile = "gone"\nchatgpt_base_url = "{URL}"\nprofiles = 3', URL),
        ('chatgpt_base_url = ""', None),
        ("broken =", None),
        ("", None),
    ],
)  # fmt: skip
def test_the_address_is_read_as_toml(text: str, base_url: str | None) -> None:
    assert codex_config_in(text.encode()) == CodexConfig(base_url)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b'a =\nchatgpt_base_url = "https://x.example.com"', "is not readable: no TOML in line 1"),
        (b'chatgpt_base_url = "https://x.example.com', "is not readable: no TOML"),
        ('chatgpt_base_url = "https://x.example.com"'.encode("utf-16"), "is not written in UTF-8"),
        ('chatgpt_base_url = "https://x.example.com"'.encode("utf-16-be"), "is not written in UTF-8"),
        (b"chatgpt_base_url = 7", "is no text"),
        (b"chatgpt_base_url = [" + b"[" * 9_999, "is not readable: no TOML"),
    ],
)
def test_an_address_that_cannot_be_read_is_not_guessed(content: bytes, problem: str) -> None:
    found = codex_config_in(content)
    assert found.base_url is None
    assert found.problem is not None
    assert found.problem.startswith(problem)


def test_a_file_that_is_not_there_says_nothing_and_one_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    assert read_codex_config(tmp_path) == CodexConfig()
    (tmp_path / "config.toml").mkdir()
    assert read_codex_config(tmp_path) == CodexConfig(problem="is a directory, not a file")


@given(st.binary(max_size=200))
def test_no_bytes_crash(content: bytes) -> None:
    codex_config_in(content)
