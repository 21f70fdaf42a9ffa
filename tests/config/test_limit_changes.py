"""One of the budgets, alerts or channels of the file changed: the rest of it stays as it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from poolwatch.config.changes import Change, Draft, Refused
from poolwatch.config.limit_changes import add_limit, change_limit, read_limit, remove_limit
from poolwatch.config.toml_text import Value

_ENV = {"HOME": "/home/ann"}
_FILE = """\
# mine
[[budgets]]  # the first
name = "team"
limit = "$10"  # a month

# about the nights
[[budgets]]
name = "nights"
limit = "5M tokens"
period = "weekly"
starts_on = "friday"
"""


def _typed(*words: str) -> Mapping[str, Value | None]:
    found = read_limit("budgets", words, _ENV)
    assert not isinstance(found, Refused), found
    return found


def _refused(found: object) -> str:
    assert isinstance(found, Refused)
    assert found.is_typed
    return "\n".join(found.lines)


def _change(path: Path, name: str, *words: str) -> Change | Refused:
    return _written(change_limit(path, "budgets", name, _typed(*words), _ENV, lambda _: ()))


def _written(draft: Draft | Refused) -> Change | Refused:
    return draft if isinstance(draft, Refused) else draft.written()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "config.toml"
    file.write_text(_FILE)
    return file


@pytest.mark.parametrize(
    ("name", "words", "before", "after"),
    [
        ("team", ["limit=$450"], 'limit = "$10"  # a month', 'limit = "$450"  # a month'),
        ("nights", ["starts_on=sunday"], '"friday"', '"sunday"'),
        (
            "nights",
            ["period=monthly", "starts_on=31"],
            'period = "weekly"\nstarts_on = "friday"',
            'period = "monthly"\nstarts_on = 31',
        ),
        ("nights", ["starts_on="], 'starts_on = "friday"\n', ""),
        ("team", ["warn_at=50, 75%,90"], "# a month\n", "# a month\nwarn_at = [50, 75, 90]\n"),
        ("team", ["warn_at=[]"], "# a month\n", "# a month\nwarn_at = []\n"),
        ("team", ["filter=group:a or b"], "# a month\n", '# a month\nfilter = "group:a or b"\n'),
        ("team", ["name=all of us"], '"team"', '"all of us"'),
    ],
)
def test_keys_of_one_are_set(path: Path, name: str, words: list[str], before: str, after: str) -> None:
    assert isinstance(_change(path, name, *words), Change)
    assert path.read_text() == _FILE.replace(before, after, 1)


def test_what_is_wrong_is_told_by_the_name_and_nothing_is_written(path: Path) -> None:
    assert _refused(_change(path, "team", "grace=10%")).startswith("team: grace means something only")
    assert "each" in _refused(_change(path, "nights", "limit=80%", "each=user"))
    assert _refused(_change(path, "team", "name=nights")).endswith("has the name of another one: nights")
    near = _refused(_change(path, "teem", "limit=$1"))
    assert near.endswith("config.toml is called teem; did you mean team?")
    assert path.read_text() == _FILE


def test_typed_words_are_read_by_the_table() -> None:
    told = _refused(read_limit("budgets", ["limitt=3", "limit=0", "warn_at=0", "starts_on=32", "x"], _ENV))
    assert "did you mean limit?" in told
    assert "limit must be above 0" in told
    assert "warn_at must be percentages" in told
    assert "starts_on must be a day" in told
    assert "key=value" in told


def test_one_is_added_at_the_end(path: Path) -> None:
    table: dict[str, Value] = {"name": "more", "limit": "$10", "warn_at": (75, 90)}
    assert isinstance(_written(add_limit(path, "budgets", table, _ENV, lambda _: ())), Change)
    assert path.read_text() == f'{_FILE}\n[[budgets]]\nname = "more"\nlimit = "$10"\nwarn_at = [75, 90]\n'
    again = _refused(add_limit(path, "budgets", table, _ENV, lambda _: ()))
    assert again.endswith("has one of [[budgets]] called more already")


def test_the_first_one_makes_the_file(tmp_path: Path) -> None:
    path = tmp_path / "new.toml"
    assert isinstance(_add(path, "budgets", {"name": "a", "limit": "$10"}), Change)
    assert path.read_text() == '[[budgets]]\nname = "a"\nlimit = "$10"\n'
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_wrong_one_is_not_added(path: Path) -> None:
    table: dict[str, Value] = {"name": "more", "limit": "$10", "starts_on": 3, "period": "weekly"}
    told = _refused(add_limit(path, "budgets", table, _ENV, lambda _: ()))
    assert told.startswith("more: starts_on is a day of the week")
    assert path.read_text() == _FILE


def test_one_is_taken_out(path: Path) -> None:
    assert isinstance(_written(remove_limit(path, "budgets", "team", _ENV)), Change)
    assert path.read_text() == "# mine\n\n" + _FILE[_FILE.index("# about the nights") :]
    assert "is called team" in _refused(remove_limit(path, "budgets", "team", _ENV))


_NAMED = """\
# mine
[notify]
channels = ["ops"]  # both

[[alerts]]
name = "nights"
when = "status:exhausted"
channels = ["ops"]

[[alerts]]
name = "dear"
when = "budget:team>=90"
"""
_CHANNEL: Mapping[str, Value] = {"name": "ops", "kind": "desktop"}
_BUDGET: Mapping[str, Value] = {"name": "team", "limit": "$10"}


def _add(path: Path, array: str, table: Mapping[str, Value]) -> Change | Refused:
    return _written(add_limit(path, array, table, _ENV, lambda _: ()))


def test_what_is_named_already_can_be_added_and_what_is_still_missing_is_told(path: Path) -> None:
    path.write_text(_NAMED)
    missing = [
        f"{path}:3: notify.channels names a channel ops that is not there",
        f"{path}:8: the alert nights names a channel ops that is not there",
        f"{path}:12: the alert dear watches a budget team that is not there",
    ]
    other = _add(path, "channels", {"name": "other", "kind": "desktop"})
    assert isinstance(other, Change)
    assert list(other.wrong) == missing
    mended = _add(path, "budgets", _BUDGET)
    assert isinstance(mended, Change)
    assert list(mended.wrong) == missing[:2]
    mended = _add(path, "channels", _CHANNEL)
    assert isinstance(mended, Change)
    assert mended.wrong == ()


def test_of_a_file_that_is_wrong_otherwise_nothing_is_changed(path: Path) -> None:
    path.write_text(_NAMED + "odd = 1\n")
    refused = _add(path, "channels", _CHANNEL)
    assert isinstance(refused, Refused)
    assert not refused.is_typed
    assert path.read_text() == _NAMED + "odd = 1\n"


def test_what_is_still_named_is_not_taken_out(path: Path) -> None:
    path.write_text(_NAMED.replace("budget:team>=90", "status:active"))
    assert isinstance(_add(path, "channels", _CHANNEL), Change)
    before = path.read_text()
    refused = remove_limit(path, "channels", "ops", _ENV)
    assert _refused(refused).splitlines() == [
        f"{path}:3: notify.channels names ops: change that first",
        f"{path}:8: the alert nights names ops: change that first",
    ]
    assert path.read_text() == before


def test_a_budget_that_an_alert_watches_keeps_its_name(path: Path) -> None:
    path.write_text(_NAMED.replace('["ops"]', "[]"))
    assert isinstance(_add(path, "budgets", _BUDGET), Change)
    told = f"{path}:12: the alert dear names team: change that first"
    assert _refused(remove_limit(path, "budgets", "team", _ENV)) == told
    assert _refused(_change(path, "team", "name=staff")) == told
