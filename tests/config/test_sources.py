"""The [[sources]] and [[accounts]] of the file."""

from pathlib import Path

import pytest

from poolwatch.config.load import KEYS_OF_KIND, load_text
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.settings import Settings
from poolwatch.config.source_settings import SourceKind, SourceSettings
from poolwatch.config.table import shown_settings
from poolwatch.domain.account import Custody

PATH = Path("/etc/poolwatch/config.toml")
PROXY = "kind = 'codex-proxy'\nurl = 'http://127.0.0.1:8080'\n"
FILES = "kind = 'auth-files'\npath = '/pool'\n"


def sources(text: str, env: dict[str, str] | None = None) -> tuple[SourceSettings, ...]:
    loaded = load_text(text, PATH, {"HOME": "/home/ann"} if env is None else env, {})
    assert isinstance(loaded, Settings), loaded.text
    return loaded.sources


def problems(text: str, env: dict[str, str] | None = None) -> tuple[ConfigProblem, ...]:
    loaded = load_text(text, PATH, {"HOME": "/home/ann"} if env is None else env, {})
    assert isinstance(loaded, ConfigProblems)
    return loaded.problems


@pytest.mark.parametrize("kind", SourceKind)
def test_each_kind_takes_exactly_its_own_keys(kind: SourceKind) -> None:
    minimum = f"[[sources]]\nkind = '{kind}'\n" + (
        "url = 'https://pool.example.com'\n" if kind.is_asked else "path = '/x'\n"
    )
    if kind is SourceKind.CREDITS_HTTP:
        minimum = minimum.replace("url", "preset = 'openrouter'; url").replace("; ", "\n")
    assert len(sources(minimum)) == 1
    everything = {name for names in KEYS_OF_KIND.values() for name in names}
    for name in sorted(everything - set(KEYS_OF_KIND[kind])):
        (problem,) = problems(f"{minimum}{name} = 'x'\n")
        assert problem.line == minimum.count("\n") + 1
        assert problem.message.startswith(f"{name} is not for a source of kind {kind}, only for ")


@pytest.mark.parametrize(
    ("kind", "custody"),
    [
        ("codex-home", Custody.CODEX),
        ("auth-files", Custody.OTHER),
        ("codex-proxy", Custody.POOL),
        ("codex-lb", Custody.POOL),
        ("cli-proxy-api", Custody.POOL),
    ],
)
def test_custody_is_never_poolwatch_unless_said(kind: str, custody: Custody) -> None:
    rest = "path = '/x'" if not SourceKind(kind).is_pool else "url = 'https://pool.example.com'"
    assert sources(f"[[sources]]\nkind = '{kind}'\n{rest}\n")[0].custody is custody


@pytest.mark.parametrize("custody", ["pool", "codex", "static", "Poolwatch", ""])
def test_only_two_custodies_can_be_said(custody: str) -> None:
    (problem,) = problems(f"[[sources]]\n{FILES}custody = '{custody}'\n")
    assert "must be one of poolwatch, other" in problem.message


def test_unnamed_sources_get_names_of_their_own() -> None:
    text = (
        "[[sources]]\nkind = 'codex-home'\n[[sources]]\nkind = 'codex-home'\nname = 'codex-home'\n"
        "[[sources]]\nkind = 'codex-home'\n[[sources]]\nkind = 'codex-home'\nname = 'x'\n"
    )
    assert [source.name for source in sources(text)] == ["codex-home-2", "codex-home", "codex-home-3", "x"]


def test_a_name_given_twice_is_a_problem() -> None:
    (problem,) = problems(f"[[sources]]\n{FILES}name = 'a'\n[[sources]]\n{FILES}name = 'a'\n")
    assert (problem.line, problem.key) == (8, "sources[1].name")
    assert '"a" is already taken by sources[0]' in problem.message


@pytest.mark.parametrize(
    ("env", "path", "origin"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.codex", "default"),
        ({"HOME": "/home/ann", "CODEX_HOME": "/c"}, "/c", "CODEX_HOME"),
        ({"CODEX_HOME": "/c"}, "/c", "CODEX_HOME"),
    ],
)
def test_a_codex_home_without_a_path(env: dict[str, str], path: str, origin: str) -> None:
    loaded = load_text("[[sources]]\nkind = 'codex-home'\n", PATH, env, {})
    assert isinstance(loaded, Settings)
    assert loaded.sources[0].path == path
    assert loaded.origin("sources[0].path").text == origin


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind = 'codex-home'", "neither CODEX_HOME nor HOME is set"),
        ("kind = 'codex-home'\npath = '~/x'", "HOME is not set"),
        ("kind = 'auth-files'\npath = '~root/x'", "starts with ~USER"),
        ("kind = 'auth-files'", "has no path"),
        ("kind = 'codex-lb'", "has no url"),
        (
            "name = 'x'",
            "has no kind; the kinds are codex-home, auth-files, codex-proxy, codex-lb, cli-proxy-api",
        ),
        ("kind = 7", "kind must be one of"),
        (PROXY + "api_key_file = '/k'\napi_key_env = 'K'", "api_key_file and api_key_env are both set"),
        (PROXY + "api_key_env = 'sk-fake-0123'", "must be the name of an environment variable"),
        (PROXY + "name = 'a\\nb'".replace("'", '"'), "must be one line"),
    ],
)
def test_what_a_source_needs(text: str, words: str) -> None:
    (problem,) = problems(f"[[sources]]\n{text}\n", env={})
    assert words in problem.message
    assert "fake" not in problem.text
    assert problem.line is not None


@pytest.mark.parametrize(
    ("text", "line", "suggestion"),
    [
        ("[[sources]]\nkind = 'codexproxy'\n", 2, "codex-proxy"),
        (f"[[sources]]\n{PROXY}ulr = 'x'\n", 4, "url"),
        (f"[[sources]]\n{FILES}[[sources]]\n{FILES}\ncustdy = 'other'\n", 8, "custody"),
        ("[[accounts]]\nmatch = 'a'\nlable = 'x'\nlabel = 'y'\n", 3, "label"),
    ],
)
def test_unknown_words_in_tables(text: str, line: int, suggestion: str) -> None:
    (problem,) = problems(text)
    assert (problem.line, problem.suggestion) == (line, suggestion)


@pytest.mark.parametrize(
    "text", ["sources = 'codex-home'", "[sources]\nkind = 'codex-home'", "sources = [1]"]
)
def test_sources_of_the_wrong_shape(text: str) -> None:
    (problem,) = problems(text)
    assert problem.line == 1
    assert "table" in problem.message


@pytest.mark.parametrize("name", ["api_key", "token", "password", "dashboard_password", "secret"])
@pytest.mark.parametrize("start", [PROXY, FILES, "kind = 'cli-proxy-api'\nurl = 'https://p.example.com'\n"])
def test_a_secret_in_the_file_is_refused_and_not_repeated(name: str, start: str) -> None:
    (problem,) = problems(f"[[sources]]\n{start}{name} = 'fake-secret-value'\n")
    assert "a secret never stands in this file" in problem.message
    assert (problem.line, problem.path) == (4, PATH)
    assert "fake-secret-value" not in repr(problem)
    kind = SourceKind(start.split("'")[1])
    assert problem.suggestion in KEYS_OF_KIND[kind]


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://chatgpt.example.com/backend-api", None),
        ("https://chatgpt.example.com/backend-api//", "https://chatgpt.example.com/backend-api"),
        ("http://127.0.0.1:9", None),
        ("http://127.9.9.9", None),
        ("http://[::1]:80/x", None),
        ("http://LOCALHOST/x", None),
    ],
)
def test_addresses_that_are_taken(url: str, kept: str | None) -> None:
    for key in ("base_url", "token_url"):
        source = sources(f"[[sources]]\n{FILES}{key} = '{url}'\n")[0]
        assert getattr(source, key) == (kept or url)


@pytest.mark.parametrize(
    "url",
    [
        "http://chatgpt.example.com",
        "http://10.0.0.1",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://0.0.0.0",
        "http://127.1",
        "http://2130706433",
        "ftp://127.0.0.1",
        "//127.0.0.1",
        "127.0.0.1:80",
        "https://",
        "https:///path",
        "https://user:fake@example.com",
        "https://fake@example.com",
        "http://127.0.0.1@evil.example.com",
        "https://example.com/?key=fake",
        "https://example.com/#fake",
        "https://example.com?",
        "https://example.com:99999",
        "https://example.com:0",
        "https://example.com:x",
        "https://exa mple.com",
        "https://exämple.com",
        "https://example.com\\\\@evil.example.com",
        "https://[::1",
        "https://[fe80::1%25eth0]/",
        "",
    ],
)
@pytest.mark.parametrize("key", ["base_url", "token_url"])
def test_addresses_that_are_refused_and_not_repeated(key: str, url: str) -> None:
    (problem,) = problems(f'[[sources]]\n{FILES}{key} = "{url}"\n')
    assert problem.line == 4
    assert problem.key == f"sources[0].{key}"
    assert "fake" not in problem.text


def test_a_pool_may_be_a_plain_http_neighbour() -> None:
    text = "[[sources]]\nkind = 'codex-lb'\nurl = 'http://codex_lb:2455/'\n"
    assert sources(text)[0].url == "http://codex_lb:2455"
    assert problems(text.replace("codex_lb", "me:fake@codex_lb"))


@pytest.mark.parametrize(
    ("kind", "secret"),
    [
        ("codex-proxy", "api_key_file = 'k'"),
        ("codex-proxy", "dashboard_password_file = 'p'"),
        ("codex-lb", "api_key_env = 'K'"),
        ("codex-lb", "dashboard_password_env = 'P'"),
        ("cli-proxy-api", "api_key_file = 'k'"),
    ],
)
@pytest.mark.parametrize("url", ["http://10.0.0.5:8080", "HTTP://pool.example.com/x", "http://0.0.0.0:1"])
def test_a_key_is_not_sent_in_the_clear_unless_its_source_says_so(kind: str, secret: str, url: str) -> None:
    text = f"[[sources]]\nkind = '{kind}'\nurl = '{url}'\n{secret}\n"
    (problem,) = problems(text)
    assert problem.line == 3
    assert problem.key == "sources[0].url"
    assert "add the line insecure = true to this [[sources]]" in problem.text
    (taken,) = sources(f"{text}insecure = true\n")
    assert taken.insecure
    assert problems(f"{text}insecure = false\n")
    assert not sources(text.replace(url, "http://127.0.0.1:8080"))[0].insecure
    assert sources(text.replace(url, "https://pool.example.com"))


def test_what_spends_knows_no_insecure_way() -> None:
    for kind in ("codex-home", "auth-files"):
        table = f"[[sources]]\nkind = '{kind}'\npath = 'x'\ninsecure = true\n"
        (problem,) = problems(table)
        assert "insecure is not for a source of kind" in problem.message
        for key in ("base_url", "token_url"):
            assert len(problems(f"{table}{key} = 'http://10.0.0.5/x'\n")) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("label = 'x'", "accounts[0] has no match"),
        ("match = 'x'", "neither a label nor a group"),
        ("match = 3\nlabel = 'x'", "accounts[0].match must be text"),
        ("match = 'x'\nlabel = ''", "accounts[0].label must not be empty"),
        ("match = 'x'\ngroup = \"\\u202e\"", "accounts[0].group must be one line"),
    ],
)
def test_account_rules(text: str, words: str) -> None:
    (problem,) = problems(f"[[accounts]]\n{text}\n")
    assert words in problem.message
    assert problem.line is not None


def test_inline_sources_are_the_same() -> None:
    text = "sources = [\n  { kind = 'codex-home' },\n  { kind = 'auth-files', path = 'pool' },\n]\n"
    loaded = load_text(text, PATH, {"HOME": "/h"}, {})
    assert isinstance(loaded, Settings)
    assert [source.path for source in loaded.sources] == ["/h/.codex", "/etc/poolwatch/pool"]
    assert loaded.origin("sources[1].path").text == f"{PATH}:1"


def test_what_a_preset_says_is_told_as_its_word() -> None:
    loaded = load_text("[[sources]]\nkind='credits-http'\npreset='reef'\namber_below=9\n", PATH, {}, {})
    assert isinstance(loaded, Settings), loaded.text
    origins = [loaded.origin(f"sources[0].{name}").text for name in ("url", "amber_below", "scale")]
    assert origins == ["preset reef", f"{PATH}:4", "default"]
    rows = {row.key: row for row in shown_settings(loaded)}
    assert (rows["sources[0].url"].origin, rows["sources[0].url"].is_set) == ("preset reef", False)


def test_a_balance_without_an_address_is_told_so() -> None:
    (problem,) = problems("[[sources]]\nkind='credits-http'\npreset='browseros'\n")
    assert problem.message == "sources[0] has no url: the address where the service tells the balance"


def test_a_key_that_is_never_sent_is_told() -> None:
    table = "[[sources]]\nkind='credits-http'\npreset='browseros'\nurl='http://127.0.0.1:1/c'\n"
    (problem,) = problems(f"{table}api_key_env='K'\n")
    assert (problem.line, problem.message.partition(":")[0]) == (5, "api_key_env")
    assert len(sources(f"{table}api_key_env='K'\nauth='header:X-Key'\n")) == 1


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("Authorization: Bearer sk-1", "has Authorization: a secret never stands in this file"),
        ("X-Api-Key: sk-1", "has X-Api-Key: a secret never stands in this file"),
        ("x-subscription-token: sk-1", "has x-subscription-token: a secret never stands in this file"),
        ("Host: example.com", "has Host, which each request has anyway"),
    ],
)
def test_no_secret_stands_among_the_headers(header: str, why: str) -> None:
    table = "[[sources]]\nkind='credits-http'\npreset='openrouter'\napi_key_env='K'\n"
    (problem,) = problems(f"{table}headers=['{header}']\n")
    assert why in problem.message
    assert "sk-1" not in problem.text
    assert len(sources(f"{table}headers=['New-Api-User: 12']\n")) == 1


@pytest.mark.parametrize("query", ["key=sk-1", "a=b&access_token=sk-1", "API_KEY=sk-1"])
def test_no_secret_stands_in_an_address(query: str) -> None:
    table = "[[sources]]\nkind='credits-http'\nremaining='/r'\n"
    (problem,) = problems(f"{table}url='https://example.com/info?{query}'\n")
    assert "has a key in it" in problem.message
    assert "sk-1" not in problem.text
    (good,) = sources(f"{table}url='https://example.com?user_id=7&days=30'\n")
    assert good.url == "https://example.com?user_id=7&days=30"


@pytest.mark.parametrize("pace", ["29", "604801", "'never'", "true", "-1"])
def test_how_often_a_balance_may_be_read(pace: str) -> None:
    table = "[[sources]]\nkind='credits-http'\npreset='openrouter'\napi_key_env='K'\n"
    (problem,) = problems(f"{table}poll={pace}\n")
    assert 'must be "on-demand", or from 30 to 604800 seconds' in problem.message
    assert len(sources(f"{table}poll=30\n")) == 1
