"""`channels`: tried before it is written, told without what may be secret, refused where it may not be."""

from __future__ import annotations

import base64
import json
import re
import socketserver
import threading
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from poolwatch.domain.alerts import Severity
from poolwatch.domain.message import message
from poolwatch.domain.notices import (
    ChannelKind,
    Delivery,
    MarkedChannel,
    Notice,
    NoticeKind,
    SendOutcome,
    Sent,
)
from poolwatch.store.store import Store
from tests.cli.desk import Desk, at, rows

KINDS = "webhook, email, desktop, exec, apprise"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver(socketserver.ThreadingTCPServer):
    """A webhook receiver on this machine; `status` is what it answers."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Post)
        self.status = 204
        self.got: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Post(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.path, {n.lower(): v for n, v in self.headers.items()}, body))
        self.send_response(self.server.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep stderr quiet."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def secret_file(desk: Desk) -> Path:
    path = desk.home / "hook.key"
    path.write_text(SECRET)
    path.chmod(0o600)
    return path


def write(desk: Desk, text: str, mode: int = 0o600) -> Path:
    path = desk.usual_config
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def hook_table(receiver: Receiver, name: str = "ops") -> str:
    return f'[[channels]]\nname = "{name}"\nkind = "webhook"\nurl = "{receiver.url}/geheim/"\n'


def test_a_channel_is_tried_then_written_and_comments_stay(desk: Desk, receiver: Receiver) -> None:
    before = '# mine\npool_name = "work" # ours\n'
    config = write(desk, before)
    key = secret_file(desk)
    ran = desk.run(
        *("channels", "add", "webhook", "--name", "ops"),
        *("--url", f"{receiver.url}/geheim/", "--secret-file", str(key)),
    )
    assert ran.code == 0, ran.err
    assert ran.out == f"ops took the test notice and is in {config}\n"
    assert 'channels = ["ops"]' in ran.err
    assert config.read_text().startswith(before)
    assert tomllib.loads(config.read_text())["channels"] == [
        {"name": "ops", "kind": "webhook", "url": f"{receiver.url}/geheim/", "secret_file": str(key)}
    ]
    ((path, headers, body),) = receiver.got
    assert path == "/geheim/"
    assert headers["webhook-signature"].startswith("v1,")
    assert json.loads(body)["type"] == "channel.test"
    assert "work" in json.loads(body)["data"]["pool"]
    (entry,) = (row for row in rows(desk.run("audit", "--json").json(), "entries") if row["outcome"])
    assert (entry["act"], entry["what"], entry["outcome"]) == ("channel_add", ["ops", "webhook"], "done")


def test_what_did_not_take_the_test_is_not_written(desk: Desk, receiver: Receiver) -> None:
    config = write(desk, "# mine\n")
    receiver.status = 500
    ran = desk.run("channels", "add", "webhook", "--url", receiver.url)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == (
        "poolwatch: not written: webhook did not take the test notice: 127.0.0.1 answered 500\n"
    )
    assert config.read_text() == "# mine\n"
    assert "channels add" in desk.run("audit").out
    assert "failed" in desk.run("audit").out


def test_a_channel_that_is_named_already_can_be_added_and_not_taken_out(
    desk: Desk, receiver: Receiver
) -> None:
    config = write(desk, '[notify]\nchannels = ["ops"]\n')
    assert desk.run("channels").code == 3
    ran = desk.run("channels", "add", "webhook", "--name", "ops", "--url", receiver.url)
    assert ran.code == 0, ran.err
    written = config.read_text()
    ran = desk.run("channels", "remove", "ops")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"poolwatch: not written: {config}:2: notify.channels names ops: change that first\n"
    config.write_text(written.replace('["ops"]', "[]"))
    variable = "POOLWATCH_NOTIFY__CHANNELS"
    ran = desk.run("channels", "remove", "ops", env={variable: "ops"})
    assert (ran.code, ran.err) == (2, f"poolwatch: not written: {variable} names ops: change that first\n")
    assert config.read_text() == written.replace('["ops"]', "[]")
    assert desk.run("channels", "remove", "ops").code == 0


def test_the_first_configuration_is_made_and_paths_are_whole(desk: Desk) -> None:
    script = desk.home / "alarm"
    script.write_text(f'#!/bin/sh\ncat > {desk.home}/got; echo "$@" > {desk.home}/args\n')
    script.chmod(0o755)
    ran = desk.run("channels", "add", "exec", "--", str(script), "--loud", "$HOME; *")
    assert ran.code == 0, ran.err
    assert (desk.home / "args").read_text() == "--loud $HOME; *\n"
    assert json.loads((desk.home / "got").read_text())["type"] == "channel.test"
    (channel,) = tomllib.loads(desk.usual_config.read_text())["channels"]
    assert channel == {"name": "exec", "kind": "exec", "command": [str(script), "--loud", "$HOME; *"]}
    assert desk.usual_config.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (
            ("webhok",),
            "there is no kind webhok; did you mean webhook? There are webhook, email, desktop, exec, apprise",
        ),
        (("x",), "there is no kind x; there are webhook, email, desktop, exec, apprise"),
        (("webhook",), "not written: webhook has no url"),
        (("webhook", "--url", "http://10.0.0.1/"), "url is plain http to another machine"),
        (("email", "--url", "https://example.com"), "url means nothing for a channel of kind email"),
        (("email", "--host", "mail.example.com", "--from", "a@example.com"), "email has no to"),
        (("exec",), "a program is typed after --"),
        (("desktop", "--", "/bin/true"), "only a channel of kind exec takes a program"),
        (("desktop", "--name", "ops"), "there is a channel ops already"),
    ],
)
def test_what_cannot_be_a_channel_is_told(
    desk: Desk, receiver: Receiver, words: tuple[str, ...], told: str
) -> None:
    config = write(desk, hook_table(receiver))
    before = config.read_text()
    ran = desk.run("channels", "add", *words)
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
    assert config.read_text() == before
    assert receiver.got == []


@pytest.mark.parametrize("place", ["file", "folder"])
def test_no_program_is_run_by_a_configuration_that_others_can_change(desk: Desk, place: str) -> None:
    config = write(
        desk, f'[[channels]]\nname = "a"\nkind = "exec"\ncommand = ["/bin/touch", "{desk.home}/ran"]\n'
    )
    changed = config if place == "file" else config.parent
    changed.chmod(0o775 if place == "folder" else 0o664)
    why = f"{changed} can be changed by other users (chmod go-w): programs are run only by a configuration"
    ran = desk.run("channels", "test", "a")
    assert ran.code == 1
    assert f"a did not take the test notice: {why}" in ran.err
    ran = desk.run("channels", "add", "exec", "--name", "b", "--", "/bin/touch", f"{desk.home}/ran")
    assert ran.code == 3
    assert why in ran.err
    assert why in desk.run("config", "check").err
    assert why in desk.run("channels").out
    assert why in desk.run("doctor").out
    assert not (desk.home / "ran").exists()
    changed.chmod(0o700)
    assert desk.run("channels", "test", "a").code == 0
    assert (desk.home / "ran").exists()
    assert desk.run("config", "check").code == 0


def test_a_test_says_whether_it_was_taken(desk: Desk, receiver: Receiver) -> None:
    write(desk, hook_table(receiver))
    assert desk.run("channels", "test", "ops").out == "ops took the test notice\n"
    receiver.status = 410
    ran = desk.run("channels", "test", "ops")
    assert (ran.code, ran.out) == (1, "")
    assert "127.0.0.1 answered 410" in ran.err
    ran = desk.run("channels", "test", "obs")
    assert (ran.code, ran.err) == (2, "poolwatch: there is no channel obs; did you mean ops?\n")


def test_one_is_taken_out_unless_an_alert_names_it(desk: Desk, receiver: Receiver) -> None:
    tables = hook_table(receiver) + "# kept\n" + hook_table(receiver, "other")
    alert = '[[alerts]]\nname = "late"\nwhen = "weekly>=90"\nchannels = ["ops"]\n'
    config = write(desk, tables + alert)
    ran = desk.run("channels", "remove", "ops")
    assert ran.code == 2
    assert f"{config}:13: the alert late names ops: change that first" in ran.err
    assert config.read_text() == tables + alert
    assert desk.run("channels", "remove", "other").code == 0
    assert "other" not in config.read_text()
    assert "# kept" in config.read_text()
    assert '"channel_remove"' in desk.run("audit", "--json").out


def test_without_any_the_list_says_how_to_add_one(desk: Desk) -> None:
    ran = desk.run("channels")
    assert (ran.code, ran.out) == (0, "")
    assert ran.err == "poolwatch: no channel is configured: poolwatch channels add KIND\n"
    document = desk.run("channels", "--json").json()
    assert (at(document, "schema"), rows(document, "channels")) == ("poolwatch.channels/1", [])


async def _note(desk: Desk, url: str) -> None:
    """What a process that sends has noted: one was taken, one failed, one is gone, one was never used."""
    when = datetime(2026, 12, 1, 9, 40, tzinfo=UTC)
    store = Store(desk.state, when)
    marked = [MarkedChannel(name, ChannelKind.WEBHOOK, name) for name in ("good", "bad", "gone", "new")]
    assert await store.set_up_channels(marked, when)
    for name, sent in (
        ("good", Sent(SendOutcome.TAKEN)),
        ("bad", Sent(SendOutcome.FAILED, message("channel.answered", host="ops@example.com", status=500))),
        ("gone", Sent(SendOutcome.GONE, message("channel.gone", host="127.0.0.1"))),
    ):
        notice = Notice(f"id-{name}", name, NoticeKind.TEST, when, Severity.INFO)
        assert await store.put_notices([notice], when)
        turn = await store.turn(name, when, ())
        assert turn is not None
        assert isinstance(turn.delivery, Delivery)
        is_gone = sent.outcome is SendOutcome.GONE
        assert await store.note_try(turn.delivery.after(sent, when), is_gone=is_gone)
    await store.aclose()


async def test_of_a_channel_that_wants_no_more_it_is_told_that_a_notice_sent_again_reaches_nobody(
    desk: Desk, receiver: Receiver
) -> None:
    write(desk, "".join(hook_table(receiver, name) for name in ("good", "bad", "gone", "new")))
    await _note(desk, receiver.url)
    gone, good = desk.run("alerts", "resend", "id-gone"), desk.run("alerts", "resend", "id-good")
    assert (gone.code, good.code, good.err) == (0, 0, "")
    assert "channel gone takes nothing until its settings change" in gone.err


async def test_the_list_says_how_each_does_and_no_path_of_an_address(desk: Desk, receiver: Receiver) -> None:
    names = ("good", "bad", "gone", "new")
    write(desk, "".join(hook_table(receiver, name) for name in names))
    await _note(desk, receiver.url)
    ran = desk.run("channels")
    assert ran.code == 0
    assert "geheim" not in ran.out
    pattern = re.compile(r"(\w+) +webhook +\S+  (.*)")
    found = (pattern.fullmatch(line) for line in ran.lines)
    states = {each[1]: each[2] for each in found if each is not None}
    assert states["good"].startswith("ok, last ")
    assert re.fullmatch(
        r"failing since .*: ops@example.com answered 500, next try .*, 1 waiting", states["bad"]
    )
    assert states["gone"].startswith("gone: 127.0.0.1 answered 410")
    assert states["new"] == "no notice yet"
    assert "ops@example.com" not in desk.run("channels", "--mask").out
    told_of = {str(row["name"]): row for row in rows(desk.run("channels", "--json").json(), "channels")}
    assert [told_of[name]["state"] for name in names] == ["ok", "failing", "gone", "unused"]
    told = desk.run("doctor").out
    assert "bad: failing since" in told
    assert "gone: gone: 127.0.0.1 answered 410" in told


def test_doctor_tells_of_secrets_that_others_read_or_that_are_none(desk: Desk, receiver: Receiver) -> None:
    key = secret_file(desk)
    key.chmod(0o644)
    mail = 'kind = "email"\nhost = "localhost"\nfrom = "a@example.com"\nto = "b@example.com"\nuser = "a"\n'
    write(
        desk,
        f'{hook_table(receiver)}secret_file = "{key}"\n{hook_table(receiver, "open")}'
        f'[[channels]]\nname = "mail"\n{mail}password_file = "~/none"\n'
        '[[channels]]\nname = "run"\nkind = "exec"\ncommand = ["no-such-program"]\n',
    )
    told = desk.run("doctor").out
    assert f"ops: {key} can be read by others (mode 0644)" in told
    assert f"chmod go-rwx {key}" in told
    assert f"mail: {desk.home}/none is not there" in told
    assert "open: its notices are not signed" in told
    assert "run: no-such-program is no program that can be run" in told
    key.write_text("no secret")
    assert f"ops: {key} holds no signing secret" in desk.run("doctor").out


def test_no_secret_of_a_channel_is_in_anything_that_is_said_or_kept(desk: Desk, receiver: Receiver) -> None:
    receiver.status = 500
    word = base64.b64encode(b"a secret that nobody is to see!!").decode()
    files = {
        "hook.key": f"whsec_{word}",
        "broken.key": f"whsec-{word}",
        "password": word,
        "url": f"json://me:{word}@127.0.0.1:{receiver.server_address[1]}/{word}",
    }
    for name, text in files.items():
        (desk.home / name).write_text(text)
        (desk.home / name).chmod(0o600)
    mail = 'host = "127.0.0.1"\nport = 9\nfrom = "a@example.com"\nto = "b@example.com"\nuser = "a"\n'
    tables = {
        "ops": f'{hook_table(receiver)}secret_file = "~/hook.key"\n',
        "broken": f'{hook_table(receiver, "broken")}secret_file = "~/broken.key"\n',
        "variable": f'{hook_table(receiver, "variable")}secret_env = "HOOK"\n',
        "mail": f'[[channels]]\nname = "mail"\nkind = "email"\n{mail}password_file = "~/password"\n',
        "phone": '[[channels]]\nname = "phone"\nkind = "apprise"\nurl_file = "~/url"\n',
    }
    write(desk, "".join(tables.values()))
    desk.env["HOOK"] = f"whsec {word}"
    ran = [desk.run("channels", "test", name) for name in tables]
    assert [each.code for each in ran] == [1] * len(tables)
    ran += [
        desk.run(*words.split())
        for words in ("channels", "channels --json", "doctor", "doctor --json", "config show", "audit --json")
    ]
    kept = [path.read_bytes() for path in desk.state.rglob("*") if path.is_file()]
    for secret in (word, word[4:20], base64.b64encode(word.encode()).decode()[:20]):
        assert not any(secret in text for each in ran for text in (each.out, each.err))
        assert not any(secret.encode() in content for content in kept)
