"""`data export|import`: history leaves one machine and comes to another, line by line."""

from __future__ import annotations

import json
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch.domain.balances import Balance, BalanceState
from poolwatch.domain.series import Figure, HistoryRow, Series
from poolwatch.domain.values import replace
from poolwatch.host.instants import instant_text
from poolwatch.store.database import Database
from tests.cli.desk import Desk
from tests.store.given import account, stored_in
from tests.support.years import key

NOW = datetime.now(UTC).replace(microsecond=0)
HOUR = timedelta(hours=1)


def kept(desk: Desk, *numbers: int) -> None:
    """Accounts with some history, as an app left them."""
    held = Database(desk.state, NOW)
    for number in numbers:
        rows = [
            HistoryRow(key(number).id, NOW - ago * HOUR, Series.WINDOW, "codex", "weekly", Figure(used, NOW))
            for ago, used in ((50, 10), (30, 20), (1, 30))
        ]
        held.save([replace(account(number), key=key(number))], NOW, rows)
    held.close()


def lines_in(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.fixture
def other(tmp_path: Path) -> Desk:
    """Another machine, with nothing on it."""
    return Desk(tmp_path / "other")


def test_history_goes_from_one_machine_to_another(desk: Desk, other: Desk) -> None:
    kept(desk, 1, 2)
    file = desk.root / "pool.jsonl"
    ran = desk.run("data", "export", "-o", str(file))
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert desk.run("data", "export").out == file.read_text()
    assert len(lines_in(file.read_text())) == 6
    ran = other.run("data", "import", str(file))
    assert (ran.code, ran.out, ran.err) == (0, "6 lines of 2 accounts taken\n", "")
    # the present is not among it
    held = Database(other.state, NOW)
    assert stored_in(held) == ()
    held.close()
    back = other.run("data", "export")
    assert back.out == file.read_text()
    assert other.run("data", "import", str(file)).code == 0
    assert other.run("data", "export").out == file.read_text()


def test_an_export_is_the_same_whatever_the_locale_can_write(desk: Desk, other: Desk) -> None:
    line = (
        '{"at":"2026-11-20T10:00:00Z","account":{"user_id":"u","account_id":"a","email":"\u00fcn@example.com"},'
        '"plan":"pr\u00f6"}\n'
    )
    (desk.root / "in").write_text(line, encoding="utf-8")
    assert desk.run("data", "import", "in").code == 0
    plain = {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ran = desk.run("data", "export", env=plain)
    assert lines_in(ran.out)[0]["plan"] == "pr\u00f6"
    assert ran.out == desk.run("data", "export").out


def test_since_and_mask(desk: Desk) -> None:
    kept(desk, 1)
    found = lines_in(desk.run("data", "export", "--since", "36h", "--mask").out)
    assert [each["windows"][0]["used_percent"] for each in found] == [20, 30]  # type: ignore[index]
    assert "@" not in json.dumps(found)
    ran = desk.run("data", "export", "--since", "yesterday")
    assert ran.code == 2
    assert "--since takes" in ran.err


def test_a_filter_chooses_whose_history_it_is(desk: Desk) -> None:
    kept(desk, 1, 2)
    mine = lines_in(desk.run("data", "export", "--filter", f"email:{account(1).email}").out)
    assert {each["account"]["email"] for each in mine} == {account(1).email}  # type: ignore[index]
    assert len(mine) == 3
    none = desk.run("data", "export", "--filter", "nobody")
    assert (none.code, none.out) == (0, "")
    assert none.err.startswith('poolwatch: no account matches "nobody"')
    ran = desk.run("data", "export", "--filter", "weekli>=80")
    assert (ran.code, ran.out) == (2, "")
    assert "weekli" in ran.err


def test_an_existing_link_is_not_written_through(desk: Desk) -> None:
    kept(desk, 1)
    target, link = desk.root / "mine", desk.root / "link"
    target.write_text("mine")
    link.symlink_to(target)
    ran = desk.run("data", "export", "-o", str(link))
    assert ran.code == 1
    assert "is not a regular file" in ran.err
    assert target.read_text() == "mine"


def test_balances_go_along_and_are_the_same_on_the_other_machine(desk: Desk, other: Desk) -> None:
    kept(desk, 1)
    database = Database(desk.state, NOW)
    for hours, balance in (
        (30, Balance("USD", Decimal("3.20"))),
        (20, Balance("USD", Decimal("13.20"))),
        (10, Balance("credits", None, unlimited=True, resets_at=NOW)),
    ):
        state = BalanceState("a@example.com").read(balance, NOW - timedelta(hours=hours))
        assert database.put_balance(state) is not None
    database.close()
    told = desk.run("data", "export").out
    lines = [each["balance"] for each in lines_in(told) if "balance" in each]
    assert [each["remaining"] for each in lines] == ["3.20", "13.20", None]  # type: ignore[index]
    file = other.root / "in.jsonl"
    file.write_text(told)
    ran = other.run("data", "import", str(file))
    assert ran.out == "6 lines of 1 account and 1 balance taken\n"
    assert other.run("data", "export").out == told
    # a line that is known changes nothing, and what is known of the present stays unknown
    assert other.run("data", "import", str(file)).code == 0
    assert other.run("data", "export").out == told
    database = Database(other.state, NOW)
    assert database.balances() == {}
    database.close()
    masked = desk.run("data", "export", "--mask").out
    assert "example.com" not in masked
    bad = other.root / "bad.jsonl"
    at = instant_text(NOW - timedelta(hours=1))
    wrong = ({"remaining": "1_000"}, {"remaining": 3}, {"unit": ""}, {"source": "\u202e"})
    whole = {"source": "b", "unit": "USD"}
    found: list[object] = [{"at": at, "balance": {**whole, **each}} for each in wrong]
    found += [{"at": "2999-01-01T00:00:00Z", "balance": whole}, {"at": at, "balance": 3}]
    bad.write_text("".join(f"{json.dumps(each)}\n" for each in found))
    ran = other.run("data", "import", str(bad))
    assert (ran.code, len(ran.err.splitlines())) == (1, 6)
    assert "0 lines" in ran.out


def test_refused_lines_are_named_by_number_and_the_others_are_taken(desk: Desk, other: Desk) -> None:
    kept(desk, 1)
    good = desk.run("data", "export").out.splitlines()
    future = good[0].replace(good[0][7:11], "2999")
    other_kind = '{"at": "2026-11-20T11:00:00Z", "tokens": 12}'
    file = other.root / "mixed.jsonl"
    text = "\n".join([good[0], "", future, other_kind, "x" * 70_000, good[1], "{", good[2]])
    file.write_text(text)
    ran = other.run("data", "import", str(file))
    assert ran.code == 1
    assert ran.out == "3 lines of 1 account taken, 4 refused\n"
    assert ran.err.splitlines() == [
        "poolwatch: line 3: it is of the future",
        "poolwatch: line 4: neither a line of figures (an account, and a plan, windows, credits or spend;"
        " or a balance) nor one of usage (a time, and tokens, a cost, credits or characters)",
        "poolwatch: line 5: longer than 64 KiB",
        "poolwatch: line 7: no JSON object",
    ]
    file.write_text("{\n" * 60)
    ran = other.run("data", "import", str(file))
    assert len(ran.err.splitlines()) == 51
    assert "and 10 more lines" in ran.err


def test_a_long_line_is_refused_whatever_it_begins_with(desk: Desk, other: Desk) -> None:
    kept(desk, 1)
    good = desk.run("data", "export").out.splitlines()[0]
    file = other.root / "long.jsonl"
    blanks = " " * 70_000
    file.write_bytes(b"\n".join(f"{each}{good}".encode() for each in (blanks, "", "\t" * 70_000)))
    ran = other.run("data", "import", str(file))
    assert (ran.code, ran.out) == (1, "1 line of 1 account taken, 2 refused\n")
    file.write_text(f"{good}{chr(13) * 70_000}more\n\n  \n")
    ran = other.run("data", "import", str(file))
    assert (ran.code, ran.err) == (1, "poolwatch: line 1: longer than 64 KiB\n")


def test_what_is_read_while_an_import_runs_is_not_of_the_future(desk: Desk, other: Desk) -> None:
    kept(desk, 1)
    line = json.loads(desk.run("data", "export").out.splitlines()[0])
    started = other.start("data", "import", "-", stdin=subprocess.PIPE)
    assert started.stdin is not None
    assert started.stderr is not None
    started.stdin.write(b"[]\n")
    started.stdin.flush()
    # it reads lines by now
    assert started.stderr.readline() == b"poolwatch: line 1: no JSON object\n"
    line["at"] = datetime.now(UTC).isoformat()
    out, err = started.communicate(json.dumps(line).encode() + b"\n", timeout=30)
    assert (started.returncode, out, err) == (1, b"1 line of 1 account taken, 1 refused\n", b"")


def test_what_is_read_while_an_export_runs_is_no_work_of_a_wrong_clock(desk: Desk) -> None:
    first, second = sorted((1, 2), key=lambda number: key(number).id)
    kept(desk, first, second)
    held = Database(desk.state, NOW)
    place = (Series.WINDOW, "codex", "weekly")
    # more than a pipe holds
    rows = [HistoryRow(key(first).id, NOW - each * HOUR / 99, *place, Figure(each)) for each in range(1000)]
    held.save((), NOW, rows)
    started = desk.start("data", "export")
    assert started.stdout is not None
    assert started.stdout.readline()
    at = datetime.now(UTC)
    held.save((), NOW, [HistoryRow(key(second).id, at, *place, Figure(77))])
    held.close()
    out, err = started.communicate(timeout=30)
    assert (started.returncode, err) == (0, b"")
    assert json.loads(out.splitlines()[-1])["windows"][0]["used_percent"] == 77


def test_what_no_import_takes_is_left_out_and_told(desk: Desk, other: Desk) -> None:
    kept(desk, 1)
    held = Database(desk.state, NOW)
    for hours, used in ((2, 40), (3, 50)):
        place = (Series.WINDOW, "codex", "weekly")
        held.save((), NOW, [HistoryRow(key(1).id, NOW + hours * HOUR, *place, Figure(used))])
    held.close()
    ran = desk.run("data", "export")
    assert (ran.code, len(ran.lines)) == (0, 3)
    assert ran.err.startswith("poolwatch: 2 lines left out, ")
    (other.root / "in").write_text(ran.out)
    assert other.run("data", "import", str(other.root / "in")).code == 0


def test_standard_input_and_files_that_are_none(desk: Desk, other: Desk) -> None:
    kept(desk, 1)
    text = desk.run("data", "export").out
    # with what an editor on another system makes of it
    (other.root / "in").write_text(text.replace("\n", "\r\n"), encoding="utf-8-sig")
    assert other.shell("$P data import - < in").out == "3 lines of 1 account taken\n"
    for missing in ("nowhere", str(other.root)):
        ran = other.run("data", "import", missing)
        assert (ran.code, ran.out) == (1, "")
        assert ran.err.count("\n") == 1


@pytest.mark.parametrize("cut", [False, True])
def test_what_a_full_disk_keeps_is_told_and_the_next_import_goes_on(
    desk: Desk, other: Desk, *, cut: bool
) -> None:
    kept(desk, 1)
    line = desk.run("data", "export").out.splitlines()[0]
    begun = NOW - 60 * 24 * HOUR
    text = "\n".join(
        line.replace(json.loads(line)["at"], (begun + each * HOUR).isoformat()).replace(
            '"used_percent":10', f'"used_percent":{each % 100}'
        )
        for each in range(1200)
    )
    (other.root / "in").write_text(text)
    Database(other.state, NOW).close()
    # as large as the new database and so many KiB
    blocks = ((other.state / "poolwatch.db").stat().st_size + (4 if cut else 36) * 1024) // 512
    ran = other.shell(f"ulimit -f {blocks}; $P data import in")
    assert ran.code == 1
    told = (
        "lines not kept, for the database"
        if cut
        else "What follows from these lines is missing, for the database"
    )
    assert told in ran.err
    assert "on screen" not in ran.err
    again = other.run("data", "import", str(other.root / "in"))
    assert (again.code, again.out, again.err) == (0, "1200 lines of 1 account taken\n", "")


def test_a_store_that_cannot_be_written_takes_nothing_and_says_so(desk: Desk, other: Desk) -> None:
    kept(desk, 1)
    (other.root / "in").write_text(desk.run("data", "export").out)
    Database(other.state, NOW).close()
    path = other.state / "poolwatch.db"
    raw = path.read_bytes()
    # byte 18 is the file format for writing: with a value unknown to the library the file is read-only
    path.write_bytes(raw[:18] + b"\x7f" + raw[19:])
    ran = other.run("data", "import", str(other.root / "in"))
    assert (ran.code, ran.out) == (1, "")
    assert "is only read" in ran.err
