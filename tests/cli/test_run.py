"""`run` becomes the program that it was asked for, or says why not."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pexpect
import pytest

from poolwatch.cli import run
from tests.cli.desk import PROGRAM, Desk, config_of, source_toml
from tests.cli.test_check import BUDGETS, scanned, spend
from tests.support.upstream import Upstream

#: Tells everything about itself that a program may see.
_TELL = """
import json, os, resource, signal, sys
fds = []
for name in os.listdir('/proc/self/fd'):
    try:
        os.stat('/proc/self/fd/' + name)
        fds.append(int(name))
    except OSError:
        pass
status = dict(line.split(':', 1) for line in open('/proc/self/status').read().splitlines())
print(json.dumps({
    'argv': [os.fsencode(each).hex() for each in sys.argv[1:]],
    'env': dict(os.environ),
    'cwd': os.getcwd(),
    'fds': sorted(fds),
    'blocked': status['SigBlk'].strip(),
    'core': resource.getrlimit(resource.RLIMIT_CORE),
    'stdin': sys.stdin.read(),
}))
"""


@pytest.fixture
def teller(tmp_path: Path) -> list[str]:
    """A program that tells what it was started with, as JSON."""
    script = tmp_path / "tell.py"
    script.write_text(_TELL)
    return [sys.executable, "-S", str(script)]


@pytest.fixture
def two_desk(desk: Desk, served: Upstream) -> Desk:
    """A machine with two accounts that can be used."""
    homes = served.home / "homes"
    tables = [source_toml(served, "codex-home", name, homes / name) for name in ("dev14", "dan")]
    desk.env["POOLWATCH_CONFIG"] = str(config_of(desk.root / "two.toml", *tables))
    return desk


#: Arguments of which each is something to a shell, to poolwatch, or no text at all.
_ODD = [b"--json", b"--", b"a b", b"", b"$(x)", b"caf\xe9\xff", "ä\n".encode(), b"-x"]


def told(desk: Desk, before: Sequence[str], teller: Sequence[str]) -> dict[str, object]:
    """What the program tells that was started that way, with all of the core limit, and a pipe to read."""
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    ended = subprocess.run(
        [*map(os.fsencode, [*before, *teller]), *_ODD],
        env=desk.env,
        cwd=desk.root,
        input=b"given",
        capture_output=True,
        check=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (hard, hard)),
    )
    found: dict[str, object] = json.loads(ended.stdout)
    return found


def test_the_program_sees_what_it_would_see_without_poolwatch(desk: Desk, teller: list[str]) -> None:
    plain = told(desk, [], teller)
    assert plain["argv"] == [each.hex() for each in _ODD]
    assert told(desk, [*PROGRAM, "run", "--"], teller) == plain
    # what stands behind the program is the program's, also without --
    assert told(desk, [*PROGRAM, "run"], teller) == plain


def test_in_a_plain_locale_the_environment_is_the_same_too(desk: Desk) -> None:
    env = {name: value for name, value in desk.env.items() if name != "LANG"}

    def seen(before: Sequence[str], **more: str) -> list[bytes]:
        ended = subprocess.run([*before, "env"], env=env | more, capture_output=True, check=True)
        return sorted(ended.stdout.splitlines())

    run = [*PROGRAM, "run", "--"]
    assert seen(run) == seen([])
    assert seen(run, LC_CTYPE="C.UTF-8") == seen([], LC_CTYPE="C.UTF-8")


def test_no_signal_is_ignored_that_was_not_before(desk: Desk) -> None:
    # asked of a program that ignores none itself, as Python does
    ask = ["grep", "SigIgn", "/proc/self/status"]

    def ignored(before: Sequence[str]) -> bytes:
        return subprocess.run([*before, *ask], env=desk.env, capture_output=True, check=True).stdout

    assert ignored([*PROGRAM, "run", "--"]) == ignored([])


def test_of_reading_accounts_nothing_is_left_either(
    two_desk: Desk, teller: list[str], served: Upstream
) -> None:
    plain = told(two_desk, [], teller)
    after = told(two_desk, [*PROGRAM, "run", "--next", "--"], teller)
    env = plain["env"]
    assert isinstance(env, dict)
    assert after == {**plain, "env": {**env, "CODEX_HOME": str(served.home / "homes" / "dev14")}}


def test_poolwatch_becomes_the_program(desk: Desk) -> None:
    started = desk.start("run", "--", "sh", "-c", "echo $$; exec sleep 60")
    assert started.stdout is not None
    with started:
        assert int(started.stdout.readline()) == started.pid
        started.send_signal(signal.SIGTERM)
    assert started.returncode == -signal.SIGTERM


def test_the_exit_code_is_that_of_the_program(desk: Desk) -> None:
    for code in (0, 1, 2, 7, 125):
        ran = desk.run("run", "--", "sh", "-c", f"exit {code}")
        assert (ran.code, ran.out, ran.err) == (code, "", "")


def test_a_program_that_is_not_there_or_cannot_be_run(desk: Desk) -> None:
    gone = desk.run("run", "--", "no-such-program-anywhere", "-x")
    assert (gone.code, gone.err) == (127, "poolwatch: no-such-program-anywhere: command not found\n")
    nothing = desk.run("run", "--", "")
    assert (nothing.code, nothing.err) == (127, "poolwatch: : command not found\n")
    plain = desk.root / "plain"
    plain.write_text("echo hi\n")
    ran = desk.run("run", str(plain))
    assert (ran.code, ran.err) == (126, f"poolwatch: {plain}: Permission denied\n")


def test_a_terminal_stays_the_program_s_own(desk: Desk) -> None:
    child = pexpect.spawn(
        PROGRAM[0],
        [*PROGRAM[1:], "run", "--", "sh", "-c", "test -t 0 && test -t 1 && stty size; read a; echo got $a"],
        env=desk.env,
        cwd=str(desk.root),
        dimensions=(31, 97),
        timeout=30,
    )
    child.expect_exact("31 97")
    child.sendline("words")
    child.expect_exact("got words")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0


def test_a_pipe_without_a_reader_ends_the_program(desk: Desk) -> None:
    ran = desk.shell("{ $P run -- sh -c 'yes; exit 3'; echo $? >code; } | head -1 >/dev/null; cat code")
    # as yes would end without poolwatch: by SIGPIPE, which sh then tells
    assert ran.out == desk.shell("{ sh -c 'yes; exit 3'; echo $? >code; } | head -1 >/dev/null; cat code").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "a command is missing"),
        (("--next",), "a command is missing"),
        (("--next", "--account", "dan", "--", "true"), "not both"),
        (("--budget", "taem", "--", "true"), "did you mean team?"),
        (("--nonsense", "--", "true"), "--nonsense"),
        (("--config", "/no/such/file.toml", "--", "true"), "/no/such/file.toml"),
        (("--next", "--", "true"), "nothing to monitor"),
        (("--account", "dan", "--", "true"), "no account was read yet"),
    ],
)
def test_its_own_refusals_are_125(desk: Desk, arguments: tuple[str, ...], words: str) -> None:
    config = desk.root / "own.toml"
    config.write_text(BUDGETS)
    desk.env["POOLWATCH_CONFIG"] = str(config)
    ran = desk.run("run", *arguments)
    assert (ran.code, ran.out) == (125, "")
    assert words in ran.err


def test_an_error_of_its_own_is_no_code_of_the_program(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> str:
        raise LookupError("ann@example.com")

    monkeypatch.setattr(run, "_let", broken)
    assert run.run_program(None, run.RunWish(), ["false"], mask=False) == 125
    said = capsys.readouterr().err
    assert "LookupError" in said
    assert "example.com" not in said


def test_a_budget_that_stops_keeps_it_from_starting(desk: Desk) -> None:
    config = desk.root / "own.toml"
    config.write_text(BUDGETS)
    desk.env["POOLWATCH_CONFIG"] = str(config)
    # nobody can tell, so it runs
    ran = desk.run("run", "--", "echo", "ran")
    assert (ran.code, ran.out) == (0, "ran\n")
    assert ran.err.startswith("poolwatch: cannot tell, so it runs\n  budget team: ")
    spend(desk, ("2", "ann"))
    scanned(desk)
    ran = desk.run("run", "--", "echo", "ran")
    assert (ran.code, ran.out) == (125, "")
    assert ran.err.startswith("poolwatch: echo was not started\nstop  budget team: $2.00 of $2, ")
    # another budget is asked for
    assert desk.run("run", "--budget", "images", "--", "echo", "ran").out == "ran\n"


# --- with an account


def home_of(desk: Desk, *arguments: str) -> str:
    ran = desk.run("run", *arguments, "--", "sh", "-c", "echo $CODEX_HOME")
    assert ran.code == 0, ran.err
    return ran.out.strip()


def test_an_account_s_home(pool_desk: Desk, served: Upstream) -> None:
    assert pool_desk.run("status").code == 0
    assert home_of(pool_desk, "--account", "dan@example.com") == str(served.home / "homes" / "dan")
    used_up = pool_desk.run("run", "--account", "bob", "--", "true")
    assert used_up.code == 125
    assert "stop  bob: exhausted: 5h limit, until " in used_up.err
    no_home = pool_desk.run("run", "--account", "alice@example.com", "--", "true")
    assert no_home.code == 125
    assert "has no Codex home on this machine" in no_home.err


def test_next_gives_out_one_after_the_other(two_desk: Desk, served: Upstream) -> None:
    homes = str(served.home / "homes")
    assert home_of(two_desk, "--next") == f"{homes}/dev14"
    ran = two_desk.run("run", "--next", "--", "sh", "-c", "echo $CODEX_HOME")
    assert ran.out == f"{homes}/dan\n"
    assert ran.err == f"poolwatch: dan@example.com: CODEX_HOME={homes}/dan\n"
    # there are no more: the one longest ago
    again = two_desk.run("run", "--next", "--", "sh", "-c", "echo $CODEX_HOME")
    assert again.out == f"{homes}/dev14\n"
    assert again.err.startswith("poolwatch: every account that can be used was given out within ten minutes;")
    assert "dev14@example.com is the one longest ago: <1m ago" in again.err
    # advice alone: `next` itself gives out nothing
    assert two_desk.run("next", "--home").out == f"{homes}/dev14\n"


def test_two_at_once_get_two_accounts(two_desk: Desk) -> None:
    words = ("run", "--next", "--", "sh", "-c", "echo $CODEX_HOME")
    with ThreadPoolExecutor(2) as both:
        told = list(both.map(lambda _: two_desk.run(*words), range(2)))
    assert [each.code for each in told] == [0, 0]
    assert len({each.out for each in told}) == 2, told


def test_next_without_a_home_or_a_reading_refuses(desk: Desk, served: Upstream) -> None:
    pool = config_of(desk.root / "p.toml", source_toml(served, "auth-files", "p", served.home / "pool"))
    ran = desk.run("run", "--next", "--config", str(pool), "--", "true")
    assert (ran.code, ran.out) == (125, "")
    assert "no account that can be used now has a Codex home" in ran.err
    homes = config_of(
        desk.root / "h.toml", source_toml(served, "codex-home", "h", served.home / "homes" / "bob")
    )
    ran = desk.run("run", "--next", "--config", str(homes), "--", "true")
    assert (ran.code, ran.out) == (125, "")
    assert "no account can be used now" in ran.err


def test_next_takes_no_account_whose_own_budget_stops(two_desk: Desk, served: Upstream) -> None:
    config = two_desk.root / "own.toml"
    own = '\n[[budgets]]\nname = "own"\nlimit = "$1"\nperiod = "never"\neach = "account"\nat_limit = "stop"\n'
    config.write_text(Path(two_desk.env["POOLWATCH_CONFIG"]).read_text() + own)
    two_desk.env["POOLWATCH_CONFIG"] = str(config)
    named = two_desk.run("next", "--json").json()
    assert isinstance(named, dict)
    first = named["account"]
    assert isinstance(first, dict)
    line = json.dumps({"at": "2026-11-01T00:00:00Z", "cost_usd": "1", "account": first["id"]})
    (two_desk.root / "one").write_text(line + "\n")
    assert two_desk.run("data", "import", str(two_desk.root / "one")).code == 0
    assert home_of(two_desk, "--next") == str(served.home / "homes" / "dan")
    refused = two_desk.run("run", "--account", str(first["id"]), "--", "true")
    assert refused.code == 125
    assert "budget own: dev14@example.com: at least $1.00 of $1, " in refused.err
