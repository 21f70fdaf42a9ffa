from __future__ import annotations

from pathlib import Path

import pytest

from poolwatch.config.changes import Change, Draft, Refused, change_settings, read_settings
from poolwatch.config.load import load_text
from poolwatch.config.problems import ConfigProblems
from poolwatch.config.settings import Settings
from poolwatch.config.table import render_default, shown_settings

PATH = Path("/etc/poolwatch/config.toml")


def loaded(text: str, env: dict[str, str] | None = None) -> Settings | ConfigProblems:
    return load_text(text, PATH, env or {}, {})


def test_saved_filters_are_read_and_shown() -> None:
    settings = loaded(
        '[filters]\nTight = "weekly>=80 or 5h>=80"\n', {"POOLWATCH_FILTERS__EAST": "group:east"}
    )
    assert isinstance(settings, Settings)
    assert dict(settings.filters) == {"tight": "weekly>=80 or 5h>=80", "east": "group:east"}
    rows = {row.key: row.value for row in shown_settings(settings)}
    assert rows["filters.tight"] == "weekly>=80 or 5h>=80"
    assert '# tight = "weekly>=80 or 5h>=80"' in render_default()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('tight = "weekli>=80"', "filters.tight is no filter: no field “weekli”; weekly?"),
        ('tight = "(weekly>=80"', "filters.tight is no filter: a parenthesis is not closed"),
        ('tight = "host:8080"', "filters.tight is no filter: no field “host”"),
        ('tight = ""', "filters.tight must not be empty"),
        ("tight = 3", "filters.tight must be text in quotes, not 3"),
        ('"a b" = "plan:pro"', "filters.a b: a filter is named by letters"),
    ],
)
def test_what_is_wrong_with_one_is_told_with_its_line(line: str, told: str) -> None:
    found = loaded(f"[filters]\n{line}\n")
    assert isinstance(found, ConfigProblems)
    (problem,) = found.problems
    assert problem.line == 2
    assert told in problem.text


def test_what_only_looks_like_a_field_stands_in_quotes() -> None:
    settings = loaded('[filters]\nlocal = \'"host:8080" or source:x\'\nfor_usage = "model:gpt user:ann"\n')
    assert isinstance(settings, Settings)
    assert len(settings.filters) == 2


def test_one_is_set_by_a_command(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    draft = change_settings(path, {"filters.tight": "weekly>=80 or 5h>=80"}, {}, lambda _: ())
    assert isinstance(draft, Draft)
    change = draft.written()
    assert isinstance(change, Change)
    assert dict(change.settings.filters) == {"tight": "weekly>=80 or 5h>=80"}
    refused = read_settings(["filters.tight=weekli>=80"], {})
    assert isinstance(refused, Refused)
    assert "weekly?" in refused.lines[0]
