"""Values, their layers and their origins."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from poolwatch import config
from poolwatch.config import values
from poolwatch.config.load import load, load_text
from poolwatch.config.paths import FoundState
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.settings import TABLE, AccountRule, OriginKind, Settings
from poolwatch.config.source_settings import SourceKind
from poolwatch.config.values import Raw, Wrong
from poolwatch.domain.account import Custody
from poolwatch.words.config import TEXTS

PATH = Path("/etc/poolwatch/config.toml")
HOME = {"HOME": "/home/ann"}


def good(text: str, env: dict[str, str] | None = None, overrides: dict[str, str] | None = None) -> Settings:
    loaded = load_text(text, PATH, HOME | (env or {}), overrides or {})
    assert isinstance(loaded, Settings), loaded.text
    return loaded


def bad(
    text: str, env: dict[str, str] | None = None, overrides: dict[str, str] | None = None
) -> tuple[ConfigProblem, ...]:
    loaded = load_text(text, PATH, HOME | (env or {}), overrides or {})
    assert isinstance(loaded, ConfigProblems)
    return loaded.problems


def test_no_file_gives_the_defaults() -> None:
    settings = load(None, {}, {})
    assert isinstance(settings, Settings)
    assert settings == Settings(origins=settings.origins)
    assert (settings.rate, settings.credits_per_usd) == (Decimal(25), None)
    assert (settings.poll.interval_seconds, settings.poll.concurrency, settings.poll.timeout_seconds) == (
        300,
        8,
        15,
    )
    assert (settings.thresholds.amber_percent, settings.thresholds.red_percent) == (60, 90)
    assert (settings.refresh.background, settings.refresh.delegate_to_codex) == (False, True)
    assert (settings.ui.mouse, settings.ui.view, settings.ui.sort) == (False, "auto", "need")
    assert {origin.text for origin in settings.origins.values()} == {"default"}


def test_the_whole_file() -> None:
    settings = good(
        """\
pool_name = "work"
credits_per_usd = 12.50
read_only = true
[poll]
interval_seconds = 60
concurrency = 4
timeout_seconds = 2.5
stale_after_seconds = 1200
[thresholds]
amber_percent = 50
red_percent = 80.5
[refresh]
background = true
delegate_to_codex = false
[ui]
theme = "nord"
view = "hive"
sort = "5h"
mask = true
glyphs = "ascii"
mouse = true
title = false
used = "left"
[forecast]
workhours = "mon-fri 9:00-17:30, sat 10-14"
weights = "pro=20, prolite=5"
[keys]
refresh = "r,f5"
[[sources]]
kind = "codex-home"
path = "~/homes/*"
[[sources]]
kind = "auth-files"
name = "pool"
path = "sub/../pool"
custody = "poolwatch"
base_url = "http://127.0.0.1:9/backend-api/"
token_url = "http://localhost:9/token"
[[sources]]
kind = "codex-proxy"
url = "http://10.0.0.5:8080/"
insecure = true
api_key_file = "~/k"
dashboard_password_env = "PROXY_PASSWORD"
[[accounts]]
match = "carol@example.com"
label = "carol"
group = "team-east"
time_zone = "Asia/Kolkata"
"""
    )
    assert (settings.pool_name, settings.rate, settings.read_only) == ("work", Decimal("12.50"), True)
    assert str(settings.rate) == "12.50"
    assert (settings.poll.timeout_seconds, settings.stale_after) == (2.5, 1200)
    assert settings.thresholds.red_percent == 80.5
    assert (settings.refresh.background, settings.refresh.delegate_to_codex) == (True, False)
    ui = settings.ui
    assert (ui.theme, ui.view, ui.sort, ui.mask) == ("nord", "hive", "5h", True)
    assert (ui.glyphs, ui.mouse, ui.title, ui.used) == ("ascii", True, False, "left")
    assert dict(settings.keys) == {"refresh": "r,f5"}
    assert dict(settings.key_lines) == {"refresh": 28}
    homes, files, proxy = settings.sources
    assert (homes.kind, homes.name, homes.custody) == (SourceKind.CODEX_HOME, "codex-home", Custody.CODEX)
    assert homes.path == "/home/ann/homes/*"
    assert homes.base_url == "https://chatgpt.com/backend-api"
    assert homes.token_url == "https://auth.openai.com/oauth/token"
    assert (files.name, files.custody, files.path) == ("pool", Custody.POOLWATCH, "/etc/poolwatch/pool")
    assert (files.base_url, files.token_url) == ("http://127.0.0.1:9/backend-api", "http://localhost:9/token")
    assert (proxy.url, proxy.custody, proxy.api_key_file) == (
        "http://10.0.0.5:8080",
        Custody.POOL,
        "/home/ann/k",
    )
    assert proxy.dashboard_password_env == "PROXY_PASSWORD"
    assert proxy.insecure
    assert settings.accounts == (AccountRule("carol@example.com", "carol", "team-east", "Asia/Kolkata"),)
    assert settings.forecast.workhours == "mon-fri 9:00-17:30, sat 10-14"
    assert settings.forecast.weights == "pro=20, prolite=5"
    assert settings.path == PATH


@pytest.mark.parametrize(
    ("interval", "stale"), [("30", 900.0), ("300", 900.0), ("301", 903.0), ("3600", 10800.0)]
)
def test_stale_is_three_intervals_but_at_least_a_quarter_of_an_hour(interval: str, stale: float) -> None:
    assert good(f"[poll]\ninterval_seconds = {interval}").stale_after == stale


def test_option_beats_environment_beats_file_beats_default() -> None:
    text = "[ui]\nview = 'table'\nsort = 'name'\nmask = true\n"
    env = {"POOLWATCH_UI__VIEW": "cards", "POOLWATCH_UI__SORT": "weekly"}
    settings = good(text, env, {"ui.view": "hive"})
    assert (settings.ui.view, settings.ui.sort, settings.ui.mask, settings.ui.used) == (
        "hive",
        "weekly",
        True,
        "used",
    )
    origins = [settings.origin(f"ui.{name}").text for name in ("view", "sort", "mask", "used")]
    assert origins == ["--view", "POOLWATCH_UI__SORT", f"{PATH}:4", "default"]


@pytest.mark.parametrize(
    ("variable", "text", "key", "value"),
    [
        ("POOLWATCH_POOL_NAME", "night", "pool_name", "night"),
        ("POOLWATCH_CREDITS_PER_USD", "0", "credits_per_usd", Decimal(0)),
        ("POOLWATCH_CREDITS_PER_USD", "12.50", "credits_per_usd", Decimal("12.50")),
        ("POOLWATCH_READ_ONLY", "yes", "read_only", True),
        ("POOLWATCH_POLL__INTERVAL_SECONDS", "45.5", "poll.interval_seconds", 45.5),
        ("POOLWATCH_POLL__CONCURRENCY", "64", "poll.concurrency", 64),
        ("POOLWATCH_REFRESH__DELEGATE_TO_CODEX", "off", "refresh.delegate_to_codex", False),
        ("POOLWATCH_UI__TITLE", "0", "ui.title", False),
        ("POOLWATCH_UI__MASK", "TRUE", "ui.mask", True),
    ],
)
def test_environment(variable: str, text: str, key: str, value: object) -> None:
    settings = good("", {variable: text})
    found: object = settings
    for name in key.split("."):
        found = getattr(found, name)
    assert found == value
    assert type(found) is type(value)
    assert settings.origin(key).kind is OriginKind.ENVIRONMENT
    assert settings.origin(key).text == variable


def test_keys_come_from_the_environment_too() -> None:
    settings = good("[keys]\nrefresh = 'r'\nquit = 'q'\n", {"POOLWATCH_KEYS__REFRESH": "f5"})
    assert dict(settings.keys) == {"refresh": "f5", "quit": "q"}
    assert dict(settings.key_lines) == {"quit": 3}
    assert settings.origin("keys.refresh").text == "POOLWATCH_KEYS__REFRESH"


def test_an_empty_variable_is_unset_and_foreign_ones_are_none_of_our_business() -> None:
    env = {"POOLWATCH_UI__VIEW": "", "POOLWATCH_TOKEN": "x", "UI__VIEW": "hive", "POOLWATCH_STATE_DIR": "/s"}
    assert good("", env).ui.view == "auto"


def test_a_variable_named_by_a_source_is_no_misspelt_setting() -> None:
    text = (
        "[[sources]]\nkind = 'codex-lb'\nurl = 'https://lb.example.com'\napi_key_env = 'POOLWATCH_MY__KEY'\n"
    )
    assert good(text, {"POOLWATCH_MY__KEY": "fake"}).sources[0].api_key_env == "POOLWATCH_MY__KEY"
    assert bad("", {"POOLWATCH_MY__KEY": "fake"})


@pytest.mark.parametrize(
    ("variable", "suggestion"),
    [
        ("POOLWATCH_POLL__INTERVAL", "POOLWATCH_POLL__INTERVAL_SECONDS"),
        ("POOLWATCH_POLL_INTERVAL_SECONDS", "POOLWATCH_POLL__INTERVAL_SECONDS"),
        ("POOLWATCH_UI__VEIW", "POOLWATCH_UI__VIEW"),
        ("POOLWATCH_POOL_NAEM", "POOLWATCH_POOL_NAME"),
        ("POOLWATCH_ui__view", "POOLWATCH_UI__VIEW"),
    ],
)
def test_a_misspelt_variable_is_named_with_the_right_one(variable: str, suggestion: str) -> None:
    (problem,) = bad("", {variable: "secret-value"})
    assert problem.suggestion == suggestion
    assert problem.given_by == variable
    assert variable in problem.text
    assert "secret-value" not in problem.text


def test_sources_do_not_come_from_the_environment() -> None:
    (problem,) = bad("", {"POOLWATCH_SOURCES__0__KIND": "codex-home"})
    assert problem.text.startswith("POOLWATCH_SOURCES__0__KIND: ")


def test_a_bad_variable_is_named() -> None:
    (problem,) = bad("", {"POOLWATCH_POLL__INTERVAL_SECONDS": "29"})
    assert problem.text == (
        'POOLWATCH_POLL__INTERVAL_SECONDS: poll.interval_seconds must be from 30 to 604800 seconds, not "29"'
    )


def test_a_bad_option_is_named_and_an_unknown_one_too() -> None:
    problems = bad("", overrides={"ui.view": "tabel", "ui.veiw": "x"})
    assert [(problem.given_by, problem.suggestion) for problem in problems] == [
        ("ui.veiw", "ui.view"),
        ("--view", "table"),
    ]


def test_a_bad_value_in_the_file_is_told_even_when_overridden() -> None:
    (problem,) = bad("[ui]\nview = 'x'", overrides={"ui.view": "hive"})
    assert problem.line == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("pool_name = 3", "must be text in quotes, not 3"),
        ("pool_name = '  '", "must not be empty"),
        ('pool_name = "a\\u001b[31m"', 'not "a\\x1b[31m"'),
        (f"pool_name = '{'x' * 201}'", "at most 200 characters"),
        ("credits_per_usd = -1", "0 or more"),
        ("credits_per_usd = nan", "must be a number"),
        ("credits_per_usd = inf", "must be a number"),
        ("credits_per_usd = 1e99999999999999999999", "must be a number"),
        ("credits_per_usd = 0.00001", "from 0.0001 to 1000000"),
        ("credits_per_usd = '25'", "must be a number"),
        ("credits_per_usd = true", "must be a number"),
        ("read_only = 1", "true or false, not 1"),
        ("poll.interval_seconds = 29", "from 30 to 604800 seconds, not 29"),
        ("poll.interval_seconds = 29.999", "from 30"),
        ("poll.interval_seconds = 604801", "to 604800"),
        ("poll.interval_seconds = '300'", 'must be a number from 30 to 604800 seconds, not "300"'),
        ("poll.interval_seconds = 0x" + "f" * 5000, "a number of more than 60 digits"),
        ("poll.interval_seconds = []", "an array"),
        ("poll.interval_seconds = {}", "a table"),
        ("poll.interval_seconds = 2020-01-01", "a date or time"),
        ("poll.concurrency = 0", "from 1 to 64"),
        ("poll.concurrency = 65", "from 1 to 64"),
        ("poll.concurrency = 8.0", "a whole number"),
        ("poll.concurrency = true", "a whole number"),
        ("poll.timeout_seconds = 0.5", "from 1 to 120"),
        ("poll.timeout_seconds = 121", "from 1 to 120"),
        ("poll.stale_after_seconds = 0", "from 1"),
        ("thresholds.amber_percent = -1", "from 0 to 100"),
        ("thresholds.red_percent = 100.1", "from 0 to 100"),
        ("thresholds.amber_percent = 90", "(90) must be below thresholds.red_percent (90)"),
        ("thresholds.red_percent = 60", "(60) must be below thresholds.red_percent (60)"),
        ("ui.view = 'wall'", "auto, table, cards, hive"),
        ("ui.sort = 'usd'", "need, name, weekly, 5h, credits, reset, age"),
        ("ui.glyphs = 'emoji'", "auto, unicode, ascii"),
        ("ui.used = 'both'", "used, left"),
        ("ui.mask = 'true'", 'true or false, not "true"'),
        ("ui.theme = ''", "must not be empty"),
        ("forecast.workhours = 'weekdays 9-17'", 'days and hours like "mon-fri 9:00-17:30, sat 10-14"'),
        ("forecast.workhours = 'mon 17-9'", "days and hours"),
        ("forecast.workhours = 'mon 9-25'", "days and hours"),
        ("forecast.workhours = 9", "must be text in quotes"),
        ("forecast.weights = 'pro=0'", 'plans with numbers above 0, like "pro=20, prolite=5"'),
        ("forecast.weights = 'pro'", "plans with numbers"),
        (
            "accounts = [{ match = 'a', time_zone = 'Berlin' }]",
            '"Europe/Berlin", not "Berlin"',
        ),
        ("accounts = [{ match = 'a', time_zone = '../passwd' }]", "must name a time zone"),
        ("accounts = [{ match = 'a', time_zone = 'Europe' }]", "must name a time zone"),
        ("accounts = [{ match = 'a' }]", "neither a label nor a group nor a time_zone"),
        ("keys.refresh = ['r']", "must be text in quotes, not an array"),
        ("keys = 'r'", "keys must be a table: [keys]"),
        ("poll = 30", "poll must be a table: [poll]"),
    ],
)
def test_bad_values_are_told_with_their_line(line: str, words: str) -> None:
    (problem,) = bad(f"# first\n\n{line}\n")
    assert words in problem.message
    assert problem.line == 3
    assert problem.text.startswith(f"{PATH}:3: ")
    assert problem.text.isprintable()


@pytest.mark.parametrize(
    "line",
    [
        "poll.interval_seconds = 30",
        "poll.interval_seconds = 604800",
        "poll.concurrency = 1",
        "poll.concurrency = 64",
        "poll.timeout_seconds = 1",
        "poll.timeout_seconds = 120",
        "thresholds = { amber_percent = 0, red_percent = 100 }",
        "credits_per_usd = 0",
        "credits_per_usd = 0.0001",
        "pool_name = '東 👩\u200d💻'",
    ],
)
def test_the_bounds_belong_to_the_range(line: str) -> None:
    good(line)


@pytest.mark.parametrize(
    ("text", "line", "key", "suggestion"),
    [
        ("pol_name = 'x'", 1, "pol_name", "pool_name"),
        ("\n[poll]\nintervall_seconds = 60", 3, "poll.intervall_seconds", "poll.interval_seconds"),
        ("interval_seconds = 60", 1, "interval_seconds", "poll.interval_seconds"),
        ("[poll]\namber_percent = 60", 2, "poll.amber_percent", "thresholds.amber_percent"),
        ("[poll]\ninterval = 60", 2, "poll.interval", "poll.interval_seconds"),
        ("a = {}\n\n[threshold]\nred_percent = 3", 3, "threshold", "thresholds"),
        ("[[source]]\nkind = 'codex-home'", 1, "source", "sources"),
        ("[ui.palette]\nred = 1", 1, "ui.palette", None),
        ("xyzzy = 1", 1, "xyzzy", None),
    ],
)
def test_unknown_keys_are_told_with_the_nearest(
    text: str, line: int, key: str, suggestion: str | None
) -> None:
    problem = bad(text)[-1]
    assert (problem.line, problem.key, problem.suggestion) == (line, key, suggestion)
    assert (f"did you mean {suggestion}?" in problem.text) is (suggestion is not None)


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    problems = bad(
        """\
pool_name = 1
oops = 2
[[sources]]
kind = "codex-hom"
[[sources]]
kind = "codex-proxy"
custody = "pool"
[poll]
concurrency = 0
""",
        {"POOLWATCH_UI__VIEW": "?"},
    )
    assert [problem.line for problem in problems] == [1, 2, 4, 5, 7, 9, None]


def test_hostile_key_names_are_escaped() -> None:
    (problem,) = bad('"\\u001b]0;x\\u0007" = 1')
    assert problem.text.isprintable()
    assert "\\x1b" in problem.text


@pytest.mark.parametrize(
    "address",
    ["env", "http://proxy.example.com:3128", "https://10.0.0.1", "socks5://ann@[::1]:1080", "HTTP://proxy:1"],
)
def test_proxies_that_are_taken(address: str) -> None:
    assert good(f'[net]\nproxy = "{address}"').net.proxy == address
    assert good("", {"POOLWATCH_NET__PROXY": address + "/" * (address != "env")}).net.proxy == address


@pytest.mark.parametrize(
    "address",
    [
        *("http://ann:fake@proxy:1", "socks5://:fake@proxy", "http://ann:@proxy"),
        *("ftp://proxy", "proxy:3128", "http://", "http://proxy/x", "http://proxy?fake", "Env"),
        *("", "http://a b"),
        *("socks5h://proxy", "http://proxy:0", "http://proxy#fake", "http://pro%78y"),
    ],
)
def test_proxies_that_are_refused_and_not_repeated(address: str) -> None:
    (problem,) = bad(f'[net]\nproxy = "{address}"')
    assert "fake" not in problem.text
    assert problem.line == 2
    assert ("proxy_password_file" in problem.text) is ("ann:" in address or "//:" in address)


def test_paths_of_the_file_count_from_its_folder_and_others_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    env = {"POOLWATCH_NET__PROXY_PASSWORD_FILE": "word"}
    net = good('[net]\nca_file = "certs/../all.pem"\nproxy_password_file = "~/x"', env).net
    assert (net.ca_file, net.proxy_password_file) == ("/etc/poolwatch/all.pem", str(tmp_path / "word"))
    assert good('[net]\nproxy_password_file = "~/x"').net.proxy_password_file == "/home/ann/x"


def test_a_machine_without_time_zones_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "is_time_zone", lambda name: False)
    (problem,) = bad('accounts = [{ match = "a", time_zone = "Europe/Berlin" }]')
    assert "this machine has no time zones to look it up in: install tzdata" in problem.message


def test_every_setting_has_a_row_with_a_reader_that_takes_its_default() -> None:
    for key, row in TABLE.items():
        value: object = Settings()
        for name in key.split("."):
            value = getattr(value, name)
        shown = row.example if value is None else value
        taken = row.read(Raw(Decimal(shown) if isinstance(shown, float) else shown, env=HOME))
        assert not isinstance(taken, Wrong), key
        assert row.help


def test_every_sentence_about_the_configuration_is_used_and_there() -> None:
    sources = "".join(path.read_text() for path in Path(config.__path__[0]).glob("*.py"))
    used = set(re.findall(r"""["']([a-z0-9_]+)["']""", sources)) | {
        f"found.{state.value}" for state in FoundState
    }
    assert set(TEXTS) - {"adopted_from"} <= used, "the last is said by config show"
    assert set(re.findall(r"""said\(\s*["']([a-z0-9_]+)["']""", sources)) <= set(TEXTS)
