"""Login files that appear, change, break and vanish."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from poolwatch.domain.account import Custody, LoginKind, SourceRef, resolve
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.net.client import HttpClient
from poolwatch.sources.source import Source
from poolwatch.words.messages import failure_text
from tests.sources.login_files.making import failure, folder, homes, listed, problem_of
from tests.sources.logins import AT, access_token, cliproxy_login, codex_login, mark, put


async def test_both_are_sources(client: HttpClient, home: Path) -> None:
    sources: list[Source] = [homes(client, home), folder(client, home)]
    assert [source.name for source in sources] == ["homes", "pool"]


async def test_homes_found_by_a_glob_are_named_after_their_folders(client: HttpClient, home: Path) -> None:
    put(home / "homes/anna/auth.json", codex_login(access_token("user-a", "acct-a"), "anna@example.com"))
    put(home / "homes/bert/auth.json", codex_login(access_token("user-b", "acct-b"), "bert@example.com"))
    (home / "homes/empty").mkdir()
    (home / "homes/file").write_text("no home")
    anna, bert = await listed(homes(client, home))
    assert (anna.folder, bert.folder) == ("anna", "bert")
    assert (anna.user_id, anna.account_id, anna.email, anna.plan) == (
        "user-a",
        "acct-a",
        "anna@example.com",
        "plus",
    )
    assert (anna.custody, anna.owner, anna.login) == (Custody.CODEX, "Codex", LoginKind.OAUTH)
    assert (anna.path, anna.home) == ("~/homes/anna/auth.json", "~/homes/anna")
    assert anna.token.fingerprint == mark(access_token("user-a", "acct-a"))
    assert anna.token.refresh_fingerprint == mark("fake-refresh")
    assert anna.token.expires_at == AT + timedelta(days=3)
    assert anna.problem is None
    assert not anna.renews_itself
    assert "fake" not in repr(anna)


async def test_the_default_home_is_codex_home_and_then_the_users(client: HttpClient, home: Path) -> None:
    put(home / ".codex/auth.json", codex_login(email="user@example.com"))
    put(home / "chosen/auth.json", codex_login(email="chosen@example.com"))
    [standard] = await listed(homes(client, home, None))
    [chosen] = await listed(homes(client, home, None, env={"CODEX_HOME": str(home / "chosen")}))
    assert (standard.email, standard.folder, standard.home) == ("user@example.com", None, "~/.codex")
    assert (chosen.email, chosen.home) == ("chosen@example.com", "~/chosen")
    [direct] = await listed(homes(client, home, "~/.codex/auth.json"))
    assert direct.home == "~/.codex"


@pytest.mark.parametrize(
    ("path", "env", "words"),
    [
        ("~/nowhere", {}, "~/nowhere: no such folder"),
        ("~/nowhere", {"CODEX_HOME": "/elsewhere"}, "~/nowhere: no such folder"),
        (None, {"CODEX_HOME": "/nowhere/codex"}, "CODEX_HOME is /nowhere/codex: no such folder"),
        (None, {}, "~/.codex: no such folder"),
        ("~/file", {}, "~/file: not a folder"),
    ],
)
async def test_a_home_that_is_gone_is_named(
    client: HttpClient, home: Path, path: str | None, env: dict[str, str], words: str
) -> None:
    put(home / "file", "")
    found = await homes(client, home, path, env=env).list_accounts(AT)
    assert isinstance(found, Failure)
    assert (found.kind, failure_text(found)) == (FailureKind.UNREACHABLE, words)
    # a home that is there without a login is none, and a glob that fits nothing is none
    (home / "empty").mkdir()
    for pattern in ("~/empty", "~/nowhere/*"):
        assert await listed(homes(client, home, pattern)) == ()


@pytest.mark.parametrize(
    ("settings", "is_kept_there"),
    [
        ('cli_auth_credentials_store = "keyring"\n', True),
        ("\ufeff\"cli_auth_credentials_store\" = 'auto' # mine\r\n", True),
        ('cli_auth_credentials_store = "file"\n', False),
        ('cli_auth_credentials_store = "ephemeral"\n', False),
        ('# cli_auth_credentials_store = "keyring"\n', False),
        ('[tui]\ncli_auth_credentials_store = "keyring"\n', False),
        ("cli_auth_credentials_store = [1]\n", False),
        ("", False),
    ],
)
async def test_a_login_in_the_keyring_is_said_to_be_there(
    client: HttpClient, home: Path, settings: str, is_kept_there: bool
) -> None:
    put(home / "homes/anna/config.toml", settings)
    put(home / "homes/bert/auth.json", codex_login())
    (home / "homes/carl").symlink_to(home / "homes/anna")
    source = homes(client, home)
    empty = await source.signature()
    found = {each.home: each for each in await listed(source)}
    assert ("~/homes/anna" in found) is is_kept_there
    assert "~/homes/carl" not in found
    if not is_kept_there:
        return
    anna = found["~/homes/anna"]
    assert (anna.login, anna.custody, anna.folder, anna.polled) == (
        LoginKind.KEYRING,
        Custody.CODEX,
        "anna",
        False,
    )
    assert source.path_of(anna.ref) == home / "homes/anna/auth.json"
    reading = await source.fetch_usage(anna, AT)
    assert isinstance(reading.outcome, Failure)
    # kept in a file again, it is the same place
    put(home / "homes/anna/auth.json", codex_login(email="anna@example.com"))
    assert await source.signature() != empty
    again = {each.home: each for each in await listed(source)}
    assert (again["~/homes/anna"].ref, again["~/homes/anna"].login) == (anna.ref, LoginKind.OAUTH)


async def test_a_folder_whose_name_looks_like_a_glob_is_taken_as_it_is(
    client: HttpClient, home: Path
) -> None:
    put(home / "homes[1]/auth.json", codex_login())
    [only] = await listed(homes(client, home, "~/homes[1]"))
    assert (only.home, only.folder) == ("~/homes[1]", None)


async def test_files_appear_change_and_vanish(client: HttpClient, home: Path) -> None:
    source = folder(client, home)
    (home / "pool").mkdir()
    assert await listed(source) == ()
    empty = await source.signature()
    path = put(home / "pool/one.json", cliproxy_login())
    there = await source.signature()
    [first] = await listed(source)
    put(path, cliproxy_login(access_token(plan="new")))
    changed = await source.signature()
    [second] = await listed(source)
    assert first.ref == second.ref == SourceRef("pool", str(path))
    assert first.token.fingerprint != second.token.fingerprint
    assert source.path_of(first.ref) == path
    path.unlink()
    assert await source.signature() == empty
    assert len({empty, there, changed}) == 3
    assert await listed(source) == ()
    assert source.path_of(first.ref) is None


async def test_a_signature_is_stable_and_sees_the_homes_settings(client: HttpClient, home: Path) -> None:
    put(home / "homes/anna/config.toml", "")
    source = homes(client, home)
    before = await source.signature()
    assert await source.signature() == before
    put(home / "homes/anna/config.toml", 'cli_auth_credentials_store = "keyring"\n')
    assert await source.signature() != before


async def test_owners_and_custody(client: HttpClient, home: Path) -> None:
    put(home / "pool/a.json", cliproxy_login())
    put(home / "pool/b.auth.json", codex_login())
    put(home / "pool/c.json", codex_login())
    put(home / "pool/d.json", json.dumps({"OPENAI_API_KEY": "sk-fake-key", "auth_mode": "apikey"}))
    put(home / "pool/e.json", json.dumps({"personal_access_token": "at-fake-token"}))
    put(home / "pool/f.json", cliproxy_login(disabled=True))
    found = {Path(each.ref.place).name: each for each in await listed(folder(client, home))}
    assert {name: each.owner for name, each in found.items()} == {
        "a.json": "CLIProxyAPI",
        "b.auth.json": "codex-auth",
        "c.json": "",
        "d.json": "",
        "e.json": "",
        "f.json": "CLIProxyAPI",
    }
    assert {each.custody for name, each in found.items() if name[0] in "abcf"} == {Custody.OTHER}
    assert (found["d.json"].custody, found["d.json"].login) == (Custody.STATIC, LoginKind.API_KEY)
    assert (found["e.json"].custody, found["e.json"].login) == (
        Custody.STATIC,
        LoginKind.PERSONAL_ACCESS_TOKEN,
    )
    assert found["f.json"].disabled
    assert not any(each.renews_itself for each in found.values())
    ours = {
        Path(each.ref.place).name: each
        for each in await listed(folder(client, home, custody=Custody.POOLWATCH, renews=True))
    }
    assert {each.owner for each in ours.values()} == {"poolwatch"}
    assert (ours["a.json"].custody, ours["a.json"].renews_itself) == (Custody.POOLWATCH, True)
    assert (ours["d.json"].custody, ours["d.json"].renews_itself) == (Custody.STATIC, False)
    plain = await listed(folder(client, home, custody=Custody.POOLWATCH))
    assert not any(each.renews_itself for each in plain)


async def test_other_files_of_the_folder_are_left_alone(client: HttpClient, home: Path) -> None:
    put(home / "pool/registry.json", json.dumps({"accounts": [], "active": None}))
    put(home / "pool/gemini.json", json.dumps({"type": "gemini", "access_token": "fake"}))
    put(home / "pool/list.json", "[1, 2]")
    put(home / "pool/half.json", '{"name": "notes')
    put(home / "pool/one.txt", cliproxy_login())
    put(home / "pool/.one.json.tmp.json", cliproxy_login())
    put(home / "pool/inside/one.json", cliproxy_login())
    assert await listed(folder(client, home)) == ()


async def test_broken_logins_are_shown_with_their_problem(client: HttpClient, home: Path) -> None:
    pool = home / "pool"
    put(pool / "auth.json", "")
    put(pool / "codex-one.json", "{")
    put(pool / "two.auth.json", "[1,")
    put(pool / "three.json", cliproxy_login()[:-20])
    found = await listed(folder(client, home))
    assert [Path(each.ref.place).name for each in found] == [
        "auth.json",
        "codex-one.json",
        "three.json",
        "two.auth.json",
    ]
    for each in found:
        assert problem_of(each) == "is not complete JSON: it may be being written right now"
        assert (each.custody, each.user_id, each.polled) == (Custody.OTHER, None, False)


async def test_globs_of_folders_and_of_files(client: HttpClient, home: Path) -> None:
    put(home / "pools/x/one.json", cliproxy_login(access_token("user-a")))
    put(home / "pools/y/two.json", cliproxy_login(access_token("user-b")))
    put(home / "pools/y/notes.json", "{}")
    assert len(await listed(folder(client, home, "~/pools/*"))) == 2
    [only] = await listed(folder(client, home, str(home / "pools/*/t*.json")))
    assert only.path == "~/pools/y/two.json"
    assert await listed(folder(client, home, "~/pools/*/z*.json")) == ()
    [single] = await listed(folder(client, home, "~/pools/x/one.json"))
    assert single.user_id == "user-a"


async def test_a_folder_that_is_not_there_is_a_failure(client: HttpClient, home: Path) -> None:
    outcome = failure(await folder(client, home).list_accounts(AT))
    assert (outcome.kind, failure_text(outcome)) == (FailureKind.UNREACHABLE, "~/pool: no such folder")
    assert await folder(client, home).signature() == outcome


async def test_the_same_account_in_two_files_is_one(client: HttpClient, home: Path) -> None:
    put(home / "pool/one.json", cliproxy_login())
    put(home / "pool/two.json", codex_login())
    found = await listed(folder(client, home))
    assert len(found) == 2
    assert len(set(resolve(found).values())) == 1


async def test_two_names_of_one_file_are_one_entry(client: HttpClient, home: Path) -> None:
    path = put(home / "pool/one.json", cliproxy_login())
    (home / "pool/a-link.json").symlink_to(path)
    (home / "pool/hard.json").hardlink_to(path)
    [only] = await listed(folder(client, home))
    assert only.path == "~/pool/hard.json"
    (home / "pool/hard.json").unlink()
    [only] = await listed(folder(client, home))
    assert only.path == "~/pool/one.json"


async def test_a_home_behind_a_link_is_read(client: HttpClient, home: Path) -> None:
    real = put(home / "elsewhere/auth.json", codex_login())
    (home / "homes/anna").mkdir(parents=True)
    (home / "homes/anna/auth.json").symlink_to(real)
    [only] = await listed(homes(client, home))
    assert (only.path, only.problem) == ("~/homes/anna/auth.json", None)


async def test_odd_files_never_hang_and_say_what_they_are(client: HttpClient, home: Path) -> None:
    for name in ("pipe", "loop", "gone", "folder", "huge", "none"):
        (home / "homes" / name).mkdir(parents=True)
    os.mkfifo(home / "homes/pipe/auth.json")
    (home / "homes/loop/auth.json").symlink_to("auth.json")
    (home / "homes/gone/auth.json").symlink_to(home / "missing.json")
    (home / "homes/folder/auth.json").mkdir()
    with (home / "homes/huge/auth.json").open("wb") as huge:
        huge.truncate(10 * 1024**3)
    put(home / "homes/none/auth.json", "{}")
    started = time.monotonic()
    found = {each.folder: problem_of(each) for each in await listed(homes(client, home))}
    assert time.monotonic() - started < 3
    assert set(found) == {"pipe", "loop", "gone", "folder", "huge", "none"}
    assert found["pipe"] == "is not a regular file"
    assert found["folder"] == "is a directory, not a file"
    assert found["gone"] == "is not there"
    assert "too many levels of symbolic links" in (found["loop"] or "")
    assert found["huge"] == "is larger than 1024 KiB"
    assert found["none"] == "holds no login: sign in with `codex login`"


async def test_a_login_in_another_encoding_is_listed_with_that(client: HttpClient, home: Path) -> None:
    put(home / "pool/a.json", "")
    (home / "pool/a.json").write_bytes(codex_login().encode("utf-16"))
    (home / "pool/notes.json").write_bytes('{"note": 1}'.encode("utf-16"))
    [found] = await listed(folder(client, home))
    assert (found.path, problem_of(found)) == ("~/pool/a.json", "is written in UTF-16: save it as UTF-8")


async def test_a_torn_file_is_read_again(client: HttpClient, home: Path) -> None:
    path = put(home / "homes/anna/auth.json", codex_login()[:100])
    source = homes(client, home)
    task = asyncio.create_task(source.list_accounts(AT))
    await asyncio.sleep(0.06)
    path.write_text(codex_login())
    found = await task
    assert not isinstance(found, Failure)
    assert [(problem_of(each), each.user_id) for each in found] == [(None, "user-1")]


async def test_a_file_that_stays_torn_keeps_who_it_was(client: HttpClient, home: Path) -> None:
    path = put(home / "pool/any-name.json", cliproxy_login())
    source = folder(client, home)
    [good] = await listed(source)
    path.write_text(cliproxy_login()[:50])
    [torn] = await listed(source)
    assert problem_of(torn) == "is not complete JSON: it may be being written right now"
    assert (torn.ref, torn.user_id, torn.account_id, torn.email) == (
        *(good.ref, good.user_id, good.account_id),
        good.email,
    )
    assert torn.token.fingerprint is None
    reading = await source.fetch_usage(good, AT)
    assert failure(reading.outcome).kind is FailureKind.NO_TOKEN
    put(path, cliproxy_login())
    [healed] = await listed(source)
    assert healed == good


async def test_a_file_that_vanishes_while_torn_is_gone(client: HttpClient, home: Path) -> None:
    path = put(home / "homes/anna/auth.json", "{")
    source = homes(client, home)
    task = asyncio.create_task(source.list_accounts(AT))
    await asyncio.sleep(0.06)
    path.unlink()
    assert await task == ()


async def test_a_name_that_is_no_utf8_can_be_stored(client: HttpClient, home: Path) -> None:
    put(home / "homes" / os.fsdecode(b"an\xffna\x1b[2J") / "auth.json", codex_login())
    [only] = await listed(homes(client, home))
    for text in (only.ref.place, only.path, only.folder, only.home):
        assert text is not None
        assert text.encode()
        assert text.isprintable()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
async def test_a_file_without_permission_says_so(client: HttpClient, home: Path) -> None:
    put(home / "homes/anna/auth.json", codex_login()).chmod(0)
    [anna] = await listed(homes(client, home))
    assert problem_of(anna) == "cannot be read (permission denied)"
