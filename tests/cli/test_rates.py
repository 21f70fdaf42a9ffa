"""`rates`: what models cost, for people and programs, with and without prices of one's own."""

from __future__ import annotations

import shlex
from decimal import Decimal
from pathlib import Path

import pytest

from tests.cli.desk import Desk, at, rows

OWN = '[[rates]]\nmodel = "home-*"\ninput = "0.5"\noutput = "1"\n'


@pytest.fixture
def config(desk: Desk) -> Path:
    path = desk.root / "rates.toml"
    path.write_text(OWN)
    return path


def test_the_list_needs_no_account(desk: Desk, config: Path) -> None:
    ran = desk.run("rates")
    assert ran.code == 0
    assert ran.lines[0].startswith("US dollars per million tokens")
    assert max(map(len, ran.lines)) <= 80
    assert desk.run("rates", "list").out == ran.out
    every = desk.run("rates", "--all")
    assert len(every.lines) > len(ran.lines)
    own = desk.run("rates", "list", "--config", str(config))
    assert own.lines[2].split() == ["home-*", "0.5", "—", "—", "1"]
    assert at(desk.run("rates", "--json").json(), "schema") == "poolwatch.rates/1"
    assert desk.run("rates", "--csv").out.splitlines()[0].startswith("model,from,to,per,")


def test_why_and_why_not(desk: Desk, config: Path) -> None:
    told = desk.run("rates", "why", "gpt-5.6-luna", "2026-07-29")
    assert told.code == 0
    assert any(line.split() == ["standard", "$1", "$0.1", "$1.25", "$6"] for line in told.lines)
    unknown = desk.run("rates", "why", "home-7b", "--json")
    assert (unknown.code, at(unknown.json(), "rate")) == (4, None)
    named = desk.run("rates", "why", "home-7b", "--config", str(config))
    assert (named.code, "your [[rates]] home-*" in named.out) == (0, True)


def test_a_comparison(desk: Desk) -> None:
    words = (
        "rates",
        "compare",
        "--input",
        "2M",
        "--cached",
        "1,000,000",
        "--output",
        "1500.5k",
        "--day",
        "2026-11-20",
    )
    ran = desk.run(*words, "--model", "gpt-6-sol", "--model", "gpt-6.1-terra", "--json")
    assert ran.code == 0
    costs = {row["model"]: Decimal(str(row["cost_usd"])) for row in rows(ran.json(), "rows")}
    assert costs == {"gpt-6-sol": Decimal("17.205"), "gpt-6.1-terra": Decimal("8.5525")}
    assert list(costs) == ["gpt-6.1-terra", "gpt-6-sol"]
    people = desk.run(*words)
    assert "Prices only, not quality." in people.lines[0]
    assert len(people.lines) > 12
    into = desk.root / "compared.csv"
    assert desk.run(*words, "--csv", "-o", str(into)).out == ""
    assert into.read_text().startswith("model,cost_usd,")
    assert desk.run(*words, "--model", "nobody").code == 4


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("compare", "say how many tokens"),
        ("compare --input 0", "say how many tokens"),
        ("compare --input 1.2", "--input: 1.2 is no number of tokens"),
        ("compare --input -5", "is no number of tokens"),
        ("compare --output 9999999999999999", "is no number of tokens"),
        ("compare --input 10 --cached 11", "--cached counts tokens of --input"),
        ("compare --input 10 --day soon", "soon is no day"),
        ("why gpt-5 2026-02-30", "2026-02-30 is no day"),
        ("why", "MODEL"),
        ("why ' '", "MODEL is empty"),
        ("list --json --csv", "--json or --csv"),
    ],
)
def test_what_was_typed_wrong_is_said(desk: Desk, words: str, told: str) -> None:
    ran = desk.run("rates", *shlex.split(words))
    assert (ran.code, ran.out) == (2, "")
    assert told in ran.err
