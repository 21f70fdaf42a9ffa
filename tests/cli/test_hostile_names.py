"""Names that steer terminals, forge lines or run as commands, driven through every command there is."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import stat
import subprocess
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

import poolwatch.bootstrap
import poolwatch.cli
from tests.cli.desk import PROGRAM, Desk, config_of, run_command, source_toml
from tests.support.upstream import Upstream

FORGED = "FORGED"
#: file names as bytes, each followed by a line that the terminal should not show as one
NAMES = {
    "escape": b"\x1b[31mred",
    "osc 52": b"\x1b]52;c;cm0gLXJm\x07",
    "c1 csi": "\x9b2J".encode(),
    "c1 byte": b"\x9b2J",
    "bidi": "\u202egpj.exe\u2066".encode(),
    "newline": b"a\nFORGED line",
    "carriage return": b"a\rFORGED",
    "invalid utf-8": b"\xff\xfeabc",
    "quotes": b'it\'s "quoted"',
    "command": b"$(touch pwned)`touch pwned`;touch pwned",
    "dash": b"-rf",
    "blanks": b"  two  blanks ",
    "no-break space": "a\u00a0b".encode(),
    "zero width": "a\u200bb".encode(),
    "separator": "a\u2028FORGED".encode(),
    "backslash": b"back\\slash\\x1b",
}
#: all that steers in one name, and names that a shell or a parser takes for more than a name
TYPED = {
    "steering": b"\x1b]52;c;cm0gLXJm\x07\x1b[2J\xc2\x9b2J\x9b\xff\xe2\x80\xae\xe2\x80\xa8\rX\nFORGED line",
    "quoted command": NAMES["quotes"] + NAMES["command"],
    "dash": NAMES["dash"],
}
_REFUSED = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
SOURCE_NAMES = ("-n", 'it\'s "a" source', "$(touch pwned)")


def name_of(raw: bytes) -> str:
    return os.fsdecode(raw)


class Room:
    """A desk whose files all have such names; whatever a command prints there is looked at."""

    def __init__(self, desk: Desk, served: Upstream) -> None:
        self.desk = desk
        self.root = desk.root
        self.homes, self.pool, self.loose = (self.root / name for name in ("homes", "pool", "loose"))
        for folder in (self.homes, self.pool, self.loose):
            folder.mkdir()
        login = served.home / "homes" / "dan" / "auth.json"
        for number, raw in enumerate(NAMES.values()):
            home = self.homes / name_of(raw)
            home.mkdir()
            shutil.copy(login, home / "auth.json")
            shutil.copy(served.account("carol").files[0], self.pool / f"{name_of(raw)}.json")
            (self.pool / f"codex-{number}-{name_of(raw)}.json").write_text("no login")
        for raw in TYPED.values():
            shutil.copy(served.account("frank").files[0], self.loose / f"{name_of(raw)}.json")
        tables = [
            source_toml(served, "codex-home", SOURCE_NAMES[0], self.homes / "*"),
            source_toml(served, "auth-files", "b", self.pool).replace('"b"', f"'''{SOURCE_NAMES[1]}'''"),
            source_toml(served, "auth-files", SOURCE_NAMES[2], self.root / "gone"),
        ]
        self.config = config_of(self.root / "own.toml", *tables)
        desk.env["POOLWATCH_CONFIG"] = str(self.config)

    def run(self, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
        """A command, whose output holds nothing that a terminal would obey."""
        ended = run_command(arguments, self.desk.env | (env or {}), self.root)
        for stream in (ended.stdout, ended.stderr):
            assert steering(stream) == [], (arguments, stream)
        assert b"Traceback" not in ended.stderr
        assert b"error of its own" not in ended.stderr
        assert not (self.root / "pwned").exists()
        return ended


def steering(output: bytes) -> list[str]:
    """What in an output a terminal would obey, and lines that somebody else began."""
    text = output.decode("utf-8", "surrogateescape")
    found = [f"U+{ord(mark):04X}" for mark in text if unicodedata.category(mark) in _REFUSED and mark != "\n"]
    return found + [line for line in text.split("\n") if line.startswith(FORGED)]


@pytest.fixture
def room(desk: Desk, served: Upstream) -> Room:
    return Room(desk, served)


def test_what_is_listed_has_such_names(room: Room) -> None:
    for arguments in (
        ["status", "--max-age", "0"],
        ["status", "--mask"],
        ["status", "--line"],
        ["status", "--line", "--tmux"],
        ["next"],
        ["refresh", "--all"],
        ["sources"],
        ["sources", "list", "--mask"],
        ["accounts"],
        ["accounts", "list", "--mask"],
        ["config", "show"],
        ["config", "check"],
        ["config", "path"],
        ["doctor"],
        ["doctor", "--mask"],
    ):
        ended = room.run(*arguments)
        assert ended.stdout, arguments
    for arguments in (
        ["status", "--json"],
        ["next", "--json"],
        ["refresh", "--all", "--json"],
        ["doctor", "--json"],
    ):
        json.loads(room.run(*arguments).stdout)


@pytest.mark.parametrize("kind", TYPED)
def test_what_is_typed_is_such_a_name(room: Room, kind: str) -> None:
    name = name_of(TYPED[kind])
    guard = ["--"] if name.startswith("-") else []
    for arguments in (
        ["status", *guard, name],
        ["refresh", *guard, name],
        ["sources", "test", *guard, name],
        ["sources", "add", *guard, name, name],
        ["sources", "add", "auth-files", *guard, name],
        ["sources", "add", "codex-home", str(room.homes / name)],
        ["sources", "add", "auth-files", "~/x", "--name", name],
        ["sources", "add", "codex-proxy", f"http://me:fake-password@127.0.0.1:9/{name}"],
        ["sources", "add", "codex-proxy", "http://127.0.0.1:9", "--api-key-file", name],
        ["sources", "add", "codex-lb", "http://127.0.0.1:9", "--api-key-env", name],
        ["accounts", "remove", *guard, name],
        ["accounts", "resolve", "dan@example.com", "--keep", name],
        ["accounts", "import", "--yes", *guard, name],
        ["accounts", "import", "--keep", name, str(room.loose / name)],
        ["accounts", "import", "--yes", str(room.pool / f"codex-0-{name_of(NAMES['escape'])}.json")],
        ["config", "check", "--config", name],
        ["config", "path", "--config", name],
        ["doctor", "--config", name],
        [f"{name}x"],
        [f"--{name}"],
        ["status", f"--{name}"],
        ["--view", name],
        ["--theme", name],
        ["demo", "--accounts", name],
        ["demo", "--serve", "--home", str(room.loose / f"{name}.json")],
        ["demo", "--serve", "--home", str(room.root / "new" / f"{name}\x1b")],
    ):
        ended = room.run(*arguments)
        assert b"fake-password" not in ended.stdout + ended.stderr
    for variable in ("POOLWATCH_UI__THEME", "POOLWATCH_STATE_DIR", "POOLWATCH_CONFIG", "CODEX_HOME", "HOME"):
        room.run("doctor", env={variable: str(room.root / "new" / name)})
    made = room.root / "configs" / name / "c.toml"
    assert room.run("config", "init", "--config", str(made)).returncode == 0
    room.run("config", "show", "--config", str(made))
    made.write_text("[ui]\ntheme = 'x'\n[keys]\nrefresh = 'nokey'\n")
    assert room.run("config", "check", "--config", str(made)).returncode == 3


@pytest.mark.parametrize("kind", TYPED)
def test_commands_of_an_import_hit_the_very_file(room: Room, kind: str) -> None:
    source = room.loose / f"{name_of(TYPED[kind])}.json"
    others = {path for path in room.loose.iterdir() if path != source}
    ended = room.run("accounts", "import", "--yes", str(source))
    assert ended.returncode == 0, ended.stderr
    advice = re.search(rb"To keep poolwatch's: (mv -n .*); to keep the other: (poolwatch .*)\n", ended.stderr)
    assert advice is not None, ended.stderr
    subprocess.run(["bash", "-c", advice[1]], check=True, cwd=room.root, timeout=20)
    assert not source.exists()
    [aside] = set(room.loose.iterdir()) - others
    assert os.fsencode(aside.name).startswith(os.fsencode(f"{source.name}.poolwatch-aside-"))
    program = " ".join(PROGRAM).encode()
    removed = subprocess.run(
        ["bash", "-c", advice[2].replace(b"poolwatch", program, 1)],
        env=room.desk.env,
        capture_output=True,
        timeout=60,
    )
    assert removed.returncode == 0, removed.stderr
    assert not (room.root / "pwned").exists()


def test_commands_of_doctor_hit_the_very_files(room: Room) -> None:
    files = [home / "auth.json" for home in room.homes.iterdir()]
    for file in files:
        file.chmod(0o644)
    found = room.run("doctor").stdout.decode()
    commands = re.findall(r"do: (chmod go-rwx .*)", found)
    for command in commands:
        subprocess.run(["bash", "-c", command], check=True, cwd=room.root, env=room.desk.env, timeout=20)
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    [tried] = [line for line in found.splitlines() if "sources test" in line]
    command = tried.partition("do: ")[2].replace("poolwatch", " ".join(PROGRAM), 1)
    ended = subprocess.run(
        ["bash", "-c", command], env=room.desk.env, capture_output=True, timeout=60, cwd=room.root
    )
    assert ended.stderr.startswith(f"poolwatch: {SOURCE_NAMES[2]}: ".encode())


@pytest.mark.parametrize("kind", NAMES)
def test_the_next_home_is_the_very_folder(desk: Desk, served: Upstream, kind: str) -> None:
    home = desk.root / "homes" / name_of(NAMES[kind])
    home.mkdir(parents=True)
    shutil.copy(served.home / "homes" / "dan" / "auth.json", home / "auth.json")
    config = config_of(
        desk.root / "own.toml", source_toml(served, "codex-home", "h", desk.root / "homes" / "*")
    )
    desk.env["POOLWATCH_CONFIG"] = str(config)
    named = run_command(["next", "--home"], desk.env, desk.root)
    # what the shell makes of CODEX_HOME=$(poolwatch next --home)
    script = 'CODEX_HOME=$(cat); cat -- "$CODEX_HOME/auth.json"'
    ended = subprocess.run(
        ["bash", "-c", script], input=named.stdout, env=desk.env, capture_output=True, timeout=60
    )
    assert ended.stdout == (home / "auth.json").read_bytes(), named.stderr + ended.stderr


def test_nothing_is_forged_where_a_home_is_named_for_people(desk: Desk, served: Upstream) -> None:
    """CODEX_HOME itself has such a name, and no source is configured."""
    for raw in TYPED.values():
        home = desk.root / "given" / name_of(raw)
        home.mkdir(parents=True)
        shutil.copy(served.home / "homes" / "dan" / "auth.json", home / "auth.json")
        for arguments in (["sources"], ["sources", "test", "codex-home"]):
            ended = run_command(arguments, desk.env | {"CODEX_HOME": str(home)}, desk.root)
            assert steering(ended.stdout + ended.stderr) == []


def test_a_tmux_line_has_no_format_of_tmux(room: Room, served: Upstream) -> None:
    table = '[[accounts]]\nmatch = "dan@example.com"\nlabel = "#[fg=red]#(id)"\n'
    room.config.write_text(f"{room.config.read_text()}\n{table}")
    assert room.run("status", "--max-age", "0").returncode == 0
    plain = room.run("status", "--line").stdout
    assert b"#[fg=red" in plain
    for arguments in (["--tmux"], ["--tmux", "--mask"]):
        drawn = room.run("status", "--line", *arguments, env={"TMUX": "/tmp/tmux-0/default,1,0"}).stdout
        assert drawn.replace(b"##", b"#") == plain
        assert b"#" not in drawn.replace(b"##", b"")
    assert room.run("status", "--line", env={"TMUX": "x", "TERM": "tmux-256color"}).stdout == plain
    assert room.run("status", "--tmux").returncode == 2


def test_masks_hold_for_what_file_names_give_away(desk: Desk, served: Upstream) -> None:
    person, folder = "erika mustermann@example.com", desk.root / "erika mustermann's own"
    home = folder / person
    home.mkdir(parents=True)
    shutil.copy(served.home / "homes" / "dan" / "auth.json", home / "auth.json")
    (home / "auth.json").chmod(0o644)
    pool = folder / "pool"
    pool.mkdir()
    (pool / f"{person}.json").write_text("{}")
    shutil.copy(served.account("carol").files[0], pool / f"codex-{person}.json")
    broken = pool / f"auth-{person}.auth.json"
    broken.write_text("{")
    tables = [
        source_toml(served, "codex-home", "homes", folder / "*@example.com"),
        source_toml(served, "auth-files", "pool", pool),
        source_toml(served, "auth-files", "gone", folder / person / "gone"),
    ]
    config = config_of(folder / f"{person}.toml", *tables)
    wrong = folder / f"wrong {person}.toml"
    wrong.write_text("[ui]\nmask = true\nview = 'round'\n")
    telling = re.compile(rb"erika|mustermann", re.IGNORECASE)
    for arguments in (
        ["doctor"],
        ["doctor", "--json"],
        ["config", "check"],
        ["sources"],
        ["sources", "list"],
        ["sources", "test", "homes"],
        ["sources", "test", "gone"],
        ["sources", "add", "auth-files", str(folder / person / "nothing")],
        ["sources", "add", "auth-files", str(pool)],
    ):
        env = desk.env | {"POOLWATCH_CONFIG": str(config)}
        plain = run_command(arguments, env, desk.root)
        for hidden in (
            run_command([*arguments, "--mask"], env, desk.root),
            run_command(arguments, env | {"POOLWATCH_UI__MASK": "1"}, desk.root),
        ):
            assert hidden.returncode == plain.returncode
            assert hidden.stdout or hidden.stderr
            assert not telling.search(hidden.stdout + hidden.stderr), (
                arguments,
                hidden.stdout,
                hidden.stderr,
            )
    for arguments in (["config", "check"], ["doctor"], ["sources"]):
        ended = run_command([*arguments, "--config", str(wrong)], desk.env, desk.root)
        assert not telling.search(ended.stdout + ended.stderr), (arguments, ended.stdout, ended.stderr)


_PRINTING = {"print", "echo", "secho", "style", "pprint"}


def _prints(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called.rpartition(".")[2] in _PRINTING or re.search(r"(stdout|stderr)\S*\.write", called):
                yield f"{module.name}:{node.lineno} {called}"
            if called != "said" and any(keyword.arg == "file" for keyword in node.keywords):
                yield f"{module.name}:{node.lineno} {called}(file=…)"


def test_nothing_of_the_commands_prints_but_through_the_one_console() -> None:
    folders = [Path(next(iter(package.__path__))) for package in (poolwatch.cli, poolwatch.bootstrap)]
    modules = [module for folder in folders for module in sorted(folder.glob("*.py"))]
    modules.append(folders[0].parent / "__main__.py")
    found = [where for module in modules if module.name != "console.py" for where in _prints(module)]
    assert found == []
    printer = folders[1] / "console.py"
    assert list(_prints(printer)), "or else this test looks at nothing"


def test_on_a_terminal_the_next_home_steers_nothing(desk: Desk, served: Upstream) -> None:
    home = desk.root / "homes" / name_of(TYPED["steering"])
    home.mkdir(parents=True)
    shutil.copy(served.home / "homes" / "dan" / "auth.json", home / "auth.json")
    table = source_toml(served, "codex-home", "h", desk.root / "homes" / "*")
    desk.env["POOLWATCH_CONFIG"] = str(config_of(desk.root / "own.toml", table))
    child = pexpect.spawn(
        PROGRAM[0], [*PROGRAM[1:], "next", "--home"], env=desk.env, timeout=60, encoding="utf-8"
    )
    drawn = child.read().removesuffix("\r\n")
    child.close()
    assert steering(drawn.encode()) == []
    got = subprocess.run(["bash", "-c", f"printf %s {drawn}"], capture_output=True, timeout=20, check=True)
    assert got.stdout == os.fsencode(home)
