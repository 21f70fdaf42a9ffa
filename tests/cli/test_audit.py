"""`audit`: what commands note of themselves, and whether the log is as it was written."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tests.cli.desk import Desk, config_of, source_toml
from tests.cli.test_accounts_import import export, identity, secrets
from tests.support.upstream import Upstream


def entries(desk: Desk) -> list[dict[str, object]]:
    """The lines of the log."""
    return [json.loads(line) for line in (desk.state / "audit.jsonl").read_bytes().splitlines()]


def acts(desk: Desk) -> list[tuple[object, object]]:
    """Each act with how it ended; all of them began before."""
    found = entries(desk)
    begun = {each["seq"]: each["act"] for each in found if "outcome" not in each}
    ended = [each for each in found if "outcome" in each]
    assert [begun[each["of"]] for each in ended] == [each["act"] for each in ended]
    assert len(begun) == len(ended)
    return [(each["act"], each["outcome"]) for each in ended]


@pytest.fixture
def noted(desk: Desk) -> Desk:
    """A machine where the configuration was changed twice."""
    assert desk.run("config", "set", "pool_name=work").code == 0
    assert desk.run("config", "set", "ui.view=cards").code == 0
    return desk


def test_changes_of_the_configuration_are_noted_by_their_keys_alone(desk: Desk, tmp_path: Path) -> None:
    env = {"SSH_CONNECTION": "198.51.100.7 50222 192.0.2.1 22", "SUDO_USER": "ann"}
    assert desk.run("config", "init", env=env).code == 0
    assert desk.run("config", "init").code == 3
    assert desk.run("config", "set", "pool_name=night shift").code == 0
    assert desk.run("config", "set", "pool_name=night shift").code == 0
    assert desk.run("config", "set", "fake-secret-key").code == 2
    assert desk.run("config", "set", "fake-secret-key==").code == 2
    assert desk.run("config", "set", "net.proxy_password=fake-secret").code == 2
    assert desk.run("config", "edit", env={"EDITOR": "sed -i s/night/day/"}).code == 0
    assert desk.run("config", "edit", env={"EDITOR": "true"}).code == 0
    assert desk.run("sources", "add", "codex-home", str(tmp_path), "--name", "home").code == 1
    assert acts(desk) == [
        ("config_init", "done"),
        ("config_set", "done"),
        ("config_set", "nothing"),
        ("config_edit", "done"),
        ("source_add", "failed"),
    ]
    first, set_name = entries(desk)[0], entries(desk)[3]
    assert (first["ssh"], first["sudo"], first["by"]) == (env["SSH_CONNECTION"], "ann", "command")
    assert set_name["what"] == ["pool_name"]
    assert set_name["path"] == str(desk.usual_config)
    text = (desk.state / "audit.jsonl").read_text()
    assert "secret" not in text
    assert "night" not in text


def test_what_is_refused_before_it_is_tried_is_not_noted(desk: Desk) -> None:
    """By every command that writes the configuration, whatever it minds."""
    desk.usual_config.parent.mkdir(parents=True, exist_ok=True)
    desk.usual_config.write_text('[[sources]]\nkind = "codex-home"\npath = "~/.codex"\n')
    refused = (
        ("config", "init"),
        ("config", "set", "ui.view=wall"),
        ("config", "set", "ui.theme=none"),
        ("sources", "add", "codex-home", "~/.codex"),
        ("sources", "add", "codex-lb", "ftp://pool.example.com"),
        ("sources", "set", "codex-home", "url=https://a.example.com"),
        ("budgets", "add", "team", "starts_on=31", "period=weekly"),
        ("budgets", "set", "team", "limit=$5"),
        ("budgets", "remove", "team"),
        ("channels", "add", "desktop", "--host", "a.example.com"),
        ("channels", "add", "email", "--host", "127.0.0.1", "--user", "ann"),
        ("channels", "remove", "ops"),
    )
    for words in refused:
        assert desk.run(*words).code in (2, 3), words
    assert not (desk.state / "audit.jsonl").exists()


def test_an_import_of_data_is_noted_by_its_counts_alone(desk: Desk) -> None:
    line = '{"id": "%s", "at": "2026-11-20T11:00:00Z", "user": "fake-user", "input_tokens": 7}'
    file = desk.root / "events.jsonl"
    file.write_text("\n".join([line % "a", line % "b", line % "a"]))
    assert desk.run("data", "import", str(file)).code == 0
    file.write_text("\n".join([line % "a", "fake-line", "{}"]))
    assert desk.run("data", "import", str(file), "--mask").code == 1
    assert desk.shell("$P data import - </dev/null").code == 0
    # what cannot be begun is no act
    assert desk.run("data", "import", str(desk.root / "nothing")).code == 1
    assert acts(desk) == [("data_import", "done"), ("data_import", "failed"), ("data_import", "done")]
    ended = [each for each in entries(desk) if "outcome" in each]
    assert [each.get("codes") for each in ended] == [
        ["events:3", "known:1"], ["events:1", "known:1", "refused:2"], None,
    ]  # fmt: skip
    assert [each.get("path") for each in ended] == [str(file), "…/events.jsonl", None]
    assert "fake" not in (desk.state / "audit.jsonl").read_text()
    told = desk.run("audit").out
    assert "data import" in told
    assert "usage events taken: 1, known before: 1, refused: 2" in told


def test_acts_on_logins_are_noted_by_ids_and_without_a_secret(desk: Desk, served: Upstream) -> None:
    source = export(served, "frank", desk.root / "codex-frank.json")
    frank = identity(served, "frank")
    tokens = secrets(source)
    desk.env["POOLWATCH_CONFIG"] = str(
        config_of(desk.root / "pool.toml", source_toml(served, "auth-files", "pool", source))
    )
    assert desk.run("accounts", "import", "--yes", str(source), "eyJ-fake-token").code == 1
    assert desk.run("accounts", "resolve", frank, "--keep", str(desk.root / "nothing")).code == 1
    assert desk.run("refresh", frank, "--json").code in (0, 1)
    assert desk.run("accounts", "remove", frank).code == 0
    found = acts(desk)
    assert [act for act, _ in found] == ["import", "import", "resolve", "refresh", "remove"]
    assert [found[place][1] for place in (0, 1, 2, 4)] == ["done", "failed", "failed", "done"]
    ended = [each for each in entries(desk) if "outcome" in each]
    assert [each.get("accounts") for each in ended] == [[frank], None, [frank], [frank], [frank]]
    assert ended[0]["path"] == str(source)
    assert ended[0]["codes"] == ["taken:1"]
    log = desk.state / "audit.jsonl"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    text = log.read_text()
    assert [token for token in tokens if token in text] == []
    assert "eyJ-fake-token" not in text
    assert "frank@example.com" not in text
    told = desk.run("audit")
    assert (told.code, told.err, len(told.lines)) == (0, "", 5)
    assert "import done frank" in " ".join(told.lines[0].split())
    masked = desk.run("audit", "--mask").out
    assert "frank@" not in masked
    assert str(desk.root) not in masked


def test_masked_no_path_is_noted_at_all(desk: Desk) -> None:
    assert desk.run("config", "set", "pool_name=work", "--mask").code == 0
    assert str(desk.home) not in (desk.state / "audit.jsonl").read_text()


def test_a_whole_log_is_said_to_be_one_and_its_head_can_be_kept(noted: Desk) -> None:
    ran = noted.run("audit", "verify")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[0].startswith("the chain holds: 4 entries, 20")
    head = str(entries(noted)[-1]["hash"])
    assert ran.lines[1] == f"head {head} (entry 4)"
    assert noted.run("config", "set", "ui.mouse=true").code == 0
    ran = noted.run("audit", "verify", "--head", head.upper())
    assert (ran.code, ran.lines[-1]) == (0, "the kept head is entry 4: what came after it follows from it")
    found = noted.run("audit", "--json", "verify", "--head", head).json()
    assert isinstance(found, dict)
    assert (found["whole"], found["entries"], found["kept_head"]) == (True, 6, {"hash": head, "seq": 4})


def test_a_log_that_was_cut_off_is_told_by_the_kept_head(noted: Desk) -> None:
    log = noted.state / "audit.jsonl"
    head = str(entries(noted)[-1]["hash"])
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:-1]))
    ran = noted.run("audit", "verify", "--head", head)
    assert ran.code == 1
    assert ran.err.startswith(f"poolwatch: no entry has the kept head {head}: entries were cut off or")
    log.unlink()
    assert noted.run("audit", "verify", "--head", head).code == 1
    assert noted.run("audit", "verify").lines == ["nothing is noted yet"]
    assert noted.run("audit", "verify", "--head", "abc").code == 2
    assert noted.run("audit", "verify", "--since", "7d").code == 2


def test_a_half_last_line_is_another_thing_than_a_broken_chain(noted: Desk) -> None:
    log = noted.state / "audit.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"act":"ref')
    ran = noted.run("audit", "verify")
    assert (ran.code, ran.err) == (0, "")
    assert ran.lines[2].startswith("the last line is a half one, 11 bytes: who wrote it was killed;")
    assert noted.run("audit", "list").code == 0
    assert noted.run("config", "set", "ui.mouse=true").code == 0
    ran = noted.run("audit", "verify")
    assert (ran.code, ran.lines[2]) == (0, "1 half line was taken away by the line after it")
    log.write_bytes(whole.replace(b"cards", b"table").replace(b'"ui.view"', b'"ui.sort"', 1))
    ran = noted.run("audit", "verify")
    assert ran.code == 1
    assert ran.err == (
        "poolwatch: the chain is broken: entry 3 in line 3 was altered: its hash is another\n"
        "the 2 entries before it hold\n"
    )
    listed = noted.run("audit")
    assert (listed.code, len(listed.lines)) == (0, 2)
    assert "entry 3 in line 3 was altered" in listed.err
    doctor = noted.run("doctor", "--json").json()
    assert isinstance(doctor, dict)
    findings = doctor["findings"]
    assert isinstance(findings, list)
    (found,) = [each for each in findings if isinstance(each, dict) and each["area"] == "audit"]
    assert found["grade"] == "error"


def test_since_leaves_out_what_was_before(noted: Desk) -> None:
    ran = noted.run("audit", "list", "--since", "2199-01-01")
    assert (ran.code, ran.lines, ran.err) == (0, [], "poolwatch: nothing is noted in that time\n")
    assert len(noted.run("audit", "--since", "24h").lines) == 2
    found = noted.run("audit", "--since", "24h", "--json").json()
    assert isinstance(found, dict)
    assert found["schema"] == "poolwatch.audit/1"
    assert noted.run("audit", "--since", "yesteryear").code == 2


def test_a_configuration_that_is_wrong_hides_no_log(noted: Desk) -> None:
    noted.usual_config.write_text("poll = 3\n")
    ran = noted.run("audit", "list")
    assert (ran.code, len(ran.lines)) == (0, 2)
    assert "config.toml:1" in ran.err
    assert noted.run("audit", "verify").code == 0


def test_what_cannot_be_noted_is_done_and_said(desk: Desk) -> None:
    (desk.state / "audit.jsonl").mkdir(parents=True)
    ran = desk.run("config", "set", "pool_name=work")
    assert ran.code == 0
    assert ran.err.count("what is done now is not in the audit log") == 1
    assert desk.usual_config.read_text() == 'pool_name = "work"\n'
    assert desk.run("audit").code == 1
    assert desk.run("audit", "verify").code == 1
