"""Forty planted secrets and every place where something is shown, kept or handed on: none is there."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest

from tests.cli.desk import Desk
from tests.faults.canaries import Canaries, Services, plant
from tests.support.terminal import Terminal

#: The app, which fails at one key with every secret in a local, a message, a cause and a note.
_CRASHING = """
import json, os, sys
from poolwatch.ui.app import PoolApp

def broken(self):
    secrets = json.loads(open({place!r}).read())
    try:
        {{}}[secrets[0]]
    except KeyError as error:
        trouble = RuntimeError(" ".join(secrets))
        trouble.add_note(secrets[1])
        raise trouble from error

PoolApp.action_help = broken
from poolwatch.__main__ import main
sys.exit(main([]))
"""


def test_no_planted_secret_is_in_any_sink(tmp_path: Path) -> None:
    canaries = Canaries()
    sinks: dict[str, bytes] = {}
    with Services(canaries) as services:
        config, extra = plant(tmp_path / "planted", canaries, services.url)
        desk = Desk(tmp_path, config)
        desk.env |= extra
        served = json.dumps(services.answer("/backend-api/x", f"Bearer {canaries['echoed']}", b"")[2])
        assert len(canaries.leaks(served.encode())) == 12
        services.answer("/auth/dashboard-login", "", b"")
        services.answer("/elsewhere", "", b"")
        place = tmp_path / "planted" / "all.json"
        place.write_text(json.dumps(list(canaries.known.values())))
        with Terminal(
            [sys.executable, "-c", _CRASHING.format(place=str(place))], desk.env, columns=120, rows=50
        ) as terminal:
            terminal.wait_for(lambda text: "fresh 2 of 6" in text and text.count("server error since") == 3)
            terminal.press("/ann\r")
            terminal.wait_for(lambda text: "ann@example.com" in text and "dee@example.com" not in text)
            for key, seen in (("r", "token ok"), ("x", "used_percent"), ("\x1b", "NEXT UP"), ("y", "copied")):
                terminal.press(key)
                terminal.wait_for(seen)
            terminal.press("?")
            assert terminal.end() == 1
        sinks["screen and crash report"] = bytes(terminal.raw)
        titles = terminal.titles_and_commands()
        sinks["clipboard"] = b"|".join(
            base64.b64decode(title.rpartition(b";")[2]) for title in titles if title.startswith(b"52;")
        )
        assert sinks["clipboard"]
        assert b"error of its own" in terminal.raw
        for command in ("status --json --max-age 0", "doctor", "refresh --all --force"):
            ran = desk.run(*command.split())
            sinks[command] = (ran.out + ran.err).encode()
    assert services.children
    sinks["children"] = b"|".join(services.children)
    for file in (each for each in tmp_path.rglob("*") if each.is_file()):
        if not file.is_relative_to(tmp_path / "planted"):
            sinks[str(file)] = file.read_bytes() + str(file).encode()
    assert any(name.endswith("poolwatch.db") for name in sinks)
    assert len(canaries.known) >= 40
    assert {name: found for name, sink in sinks.items() if (found := canaries.leaks(sink))} == {}


@pytest.mark.parametrize("form", ["plain", "part", "base64", "quoted", "hex"])
def test_the_search_finds_what_it_should(form: str) -> None:
    canaries = Canaries()
    secret = canaries["one"]
    sink = {
        "plain": secret,
        "part": f"…{secret[7:19]}…",
        "base64": base64.b64encode(f"Bearer {secret} and more".encode()).decode(),
        "quoted": secret,
        "hex": secret.encode().hex(),
    }[form]
    assert canaries.leaks(f"before {sink} after".encode()) == ["one"]
    assert canaries.leaks(b"nothing of it") == []
