"""The [[budgets]], [[alerts]] and [[channels]] of the file, and [notify]."""

from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poolwatch.config.load import load_text
from poolwatch.config.problems import ConfigProblem, ConfigProblems
from poolwatch.config.settings import Settings
from poolwatch.config.table import shown_settings
from poolwatch.domain.alert_rules import ByFilter, OfBudgets, OfEvents, all_rules, relaxed, watched
from poolwatch.domain.alerts import BuiltIn, QuietHours, Rule, Severity
from poolwatch.domain.budgets import (
    AtLimit,
    Budget,
    BudgetPeriod,
    Each,
    Grace,
    Limit,
    LimitUnit,
    grace_of,
    limit_of,
    limit_text,
)
from poolwatch.domain.event_log import EventKind
from poolwatch.domain.query.language import parse, written
from poolwatch.domain.when import time_of, time_text
from poolwatch.presentation.filter import saved_queries

PATH = Path("/etc/poolwatch/config.toml")


_MAIL = """[[channels]]
name = "a"
kind = "email"
host = "mail.example.com"
from = "a@example.com"
to = "b@example.com"
"""


def loaded(text: str) -> Settings | ConfigProblems:
    return load_text(text, PATH, {"HOME": "/home/ann"}, {})


def good(text: str) -> Settings:
    found = loaded(text)
    assert isinstance(found, Settings), found.text
    return found


def bad(text: str) -> tuple[ConfigProblem, ...]:
    found = loaded(text)
    assert isinstance(found, ConfigProblems)
    return found.problems


WHOLE = """\
[[budgets]]
name = "night"
limit = "5M tokens"
filter = "group:night"
period = "weekly"
starts_on = "friday"
time_zone = "Europe/Berlin"
each = "group"
warn_at = [90, 50]
grace = "2h"
at_limit = "stop"
[[budgets]]
name = "month"
limit = "$10"
[[alerts]]
name = "tight"
when = "weekly>=90"
for = "10m"
clear = "weekly<80"
repeat_every = "4h"
severity = "critical"
channels = ["ops", "me"]
quiet_hours = "22:00-07:00"
[[alerts]]
name = "early"
when = "event:early_reset"
[[channels]]
name = "ops"
kind = "webhook"
url = "https://hooks.example.com/poolwatch"
secret_file = "~/ops.secret"
[[channels]]
name = "me"
kind = "email"
host = "mail.example.com"
from = "poolwatch@example.com"
to = ["ann@example.com"]
[[channels]]
name = "say"
kind = "exec"
command = ["~/bin/say", "--loud"]
"""


def test_everything_that_limits_can_say() -> None:
    settings = good(WHOLE)
    night, month = (each.budget for each in settings.budgets)
    assert night == Budget(
        "night",
        Limit(LimitUnit.TOKENS, Decimal(5_000_000)),
        BudgetPeriod.WEEKLY,
        "group:night",
        5,
        "Europe/Berlin",
        Each.GROUP,
        (Decimal(50), Decimal(90)),
        Grace(time=timedelta(hours=2)),
        AtLimit.STOP,
    )
    assert month == Budget("month", Limit(LimitUnit.USD, Decimal(10)), BudgetPeriod.MONTHLY)
    tight, early = (each.rule for each in settings.alerts)
    assert tight == Rule(
        "tight",
        "weekly>=90",
        timedelta(minutes=10),
        "weekly<80",
        timedelta(hours=4),
        Severity.CRITICAL,
        ("ops", "me"),
        QuietHours(time(22), time(7)),
    )
    assert early == Rule("early", "event:early_reset")
    ops, me, say = settings.channels
    assert (ops.url, ops.secret_file) == ("https://hooks.example.com/poolwatch", "/home/ann/ops.secret")
    assert (me.sender, me.to, me.security, me.port) == (
        "poolwatch@example.com",
        ("ann@example.com",),
        "tls",
        None,
    )
    assert say.command == ("/home/ann/bin/say", "--loud")


def test_what_is_set_of_limits_is_shown_with_its_line() -> None:
    rows = {row.key: (row.value, row.origin) for row in shown_settings(good(WHOLE))}
    assert rows["budgets[0].limit"] == ("5M tokens", f"{PATH}:3")
    assert rows["budgets[0].grace"] == ("2h", f"{PATH}:10")
    assert rows["alerts[0].for"] == ("10m", f"{PATH}:18")
    assert rows["alerts[0].channels"] == ('["ops", "me"]', f"{PATH}:22")
    assert "budgets[1].period" not in rows


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ('[[budgets]]\nlimit = "$1"', 1, "budgets[0] has no name"),
        ('[[budgets]]\nname = "a"', 1, "budgets[0] has no limit"),
        ('[[budgets]]\nname = "a"\nlimit = "$0"', 3, "budgets[0].limit must be above 0 and like"),
        ('[[budgets]]\nname = "a"\nlimit = 10', 3, "budgets[0].limit must be above 0 and like"),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\nlimits = 1', 4, "did you mean limit"),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\nfilter = "weekli>=1"', 4, "budgets[0].filter is no filter"),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\nstarts_on = "friday"', 4, "starts_on is a day of the week"),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\nstarts_on = 32', 4, "must be a day of the month"),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\ngrace = "10%"', 4, "grace means something only with"),
        ('[[budgets]]\nname = "a"\nlimit = "80%"', 3, 'it needs period = "weekly"'),
        (
            '[[budgets]]\nname = "a"\nlimit = "80%"\nperiod = "weekly"\neach = "group"',
            3,
            'no other each than "account"',
        ),
        (
            '[[budgets]]\nname = "a"\nlimit = "80%"\nperiod = "weekly"\nstarts_on = "friday"',
            3,
            "the window resets by itself",
        ),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\nfilter = "weekly>=80"', 4, "changes with every reading"),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\nfilter = "a or status:active"', 4, "asks for status"),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\nfilter = "!"', 4, "its filter asks for !"),
        (
            '[[budgets]]\nname = "a"\nlimit = "$1"\nfilter = "@nigts"\n[filters]\nNights = "group:n"',
            4,
            "[filters] has no @nigts; did you mean @nights?",
        ),
        (
            '[[budgets]]\nname = "a"\nlimit = "9%"\nperiod = "weekly"\nfilter = "model:x"',
            5,
            "the weekly window does not tell",
        ),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\nwarn_at = [0]', 4, "must be percentages like [75, 90]"),
        ('[[budgets]]\nname = "a"\nlimit = "$1"\n' * 2, 5, "budgets[1] has the name of another one: a"),
        ('[[alerts]]\nname = "a"', 1, "alerts[0] has no when"),
        ('[[alerts]]\nname = "source_down"\nclear = "x"', 3, "alerts[0]: clear means something only for"),
        ('[[alerts]]\nname = "a"\nwhen = "weekli>=90"', 3, "alerts[0].when is no filter: no field “weekli”"),
        ('[[alerts]]\nname = "a"\nwhen = "(a"', 3, "alerts[0].when is no filter"),
        ('[[alerts]]\nname = "a"\nwhen = "model:x"', 3, "“model” is of usage"),
        ('[[alerts]]\nname = "a"\nwhen = "x"\nclear = "weekly:9"', 4, "alerts[0].clear is no filter"),
        ('[[alerts]]\nname = "a"\nwhen = "@nigts"\n[filters]\nNights = "x"', 3, "did you mean @nights?"),
        ('[[alerts]]\nname = "a"\nwhen = "event:exhaustd"', 3, "did you mean exhausted?"),
        ('[[alerts]]\nname = "a"\nwhen = "event:alert_fired"', 3, "waits for an event alert_fired that"),
        ('[[alerts]]\nname = "a"\nwhen = "event:back"\nclear = "x"', 4, "clear means something only for"),
        ('[[alerts]]\nname = "a"\nwhen = "event:back"\nfor = "5m"', 4, "for means nothing for an event"),
        ('[[alerts]]\nname = "a"\nwhen = "budget:team"', 3, 'when must be like "budget:team>=90"'),
        (
            '[[alerts]]\nname = "a"\nwhen = "budget:tem>=90"\n[[budgets]]\nname = "team"\nlimit = "$1"',
            3,
            "watches a budget tem that is not there; did you mean team?",
        ),
        (
            '[[alerts]]\nname = "a"\nwhen = "budget:*>=90"\nclear = "budget:*<95"',
            4,
            'clear must be like "budget:*<80"',
        ),
        ('[[alerts]]\nname = "a"\nwhen = "x"\nfor = "soon"', 4, "alerts[0].for must be a time like"),
        ('[[alerts]]\nname = "a"\nwhen = "x"\nchannels = ["b"]', 4, "names a channel b that is not there"),
        ('[[alerts]]\nname = "a"\nwhen = "x"\nrepeat_every = "5s"', 4, 'must be "once", or a time from "1m"'),
        ('[[channels]]\nname = "a"\nkind = "webhook"', 1, "channels[0] has no url"),
        ('[[channels]]\nname = "a"\nkind = "desktop"\nurl = "https://a.example.com"', 4, "url means nothing"),
        (
            '[[channels]]\nname = "a"\nkind = "webhook"\nurl = "http://10.0.0.1/x"',
            4,
            "is plain http to another machine",
        ),
        ('[[channels]]\nname = "a"\nkind = "exec"\ncommand = "ls"', 4, "must be a program and its arguments"),
        (f'{_MAIL}security = "none"', 7, 'security = "none" is for a mail server on this machine'),
        (f'{_MAIL}user = "pool"', 7, "channels[0]: user needs password_file"),
        (f'{_MAIL}password_file = "/x"', 7, "password_file means something only with user"),
        ('[notify]\ndaily_summary = "9"', 2, 'must be a time of the day like "09:00"'),
        ('[notify]\nquiet_hours = "22:00-22:00"', 2, 'must be two times of the day like "22:00-07:00"'),
        ("budgets = 1", 1, "budgets must be tables, each begun with [[budgets]]"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, line: int, told: str) -> None:
    problem = bad(text)[0]
    assert told in problem.text
    assert problem.line == line


def test_what_a_rule_may_ask_for() -> None:
    text = """\
[[budgets]]
name = "team two"
limit = "$1"
[[alerts]]
name = "source_down"
channels = []
severity = "critical"
[[alerts]]
name = "a"
when = 'budget:"team two">=90'
clear = "budget:team two<60"
[[alerts]]
name = "b"
when = "@n weekly>=90"
clear = "weekly<50"
[[alerts]]
name = "c"
when = "Event: Early_Reset"
[filters]
n = "group:night"
"""
    rules = all_rules(tuple(each.rule for each in good(text).alerts), ("ops",))
    saved = saved_queries((("n", "group:night"),))
    found = {each.name: watched(each, saved) for each in rules}
    assert [name for name in found if name in set(BuiltIn)] == [
        "source_down", "needs_you", "runs_dry", "budget", "credits_low", "banked_reset_ends", "login_ends"
    ]  # fmt: skip
    down = found["source_down"]
    assert down is not None
    assert (down.condition, down.rule.severity, down.rule.channels, down.rule.held_for) == (
        BuiltIn.SOURCE_DOWN,
        Severity.CRITICAL,
        (),
        timedelta(minutes=10),
    )
    conditions = [each.condition for name in "abc" if (each := found[name]) is not None]
    assert conditions[0] == OfBudgets("team two", Decimal(90), Decimal(60))
    assert isinstance(conditions[1], ByFilter)
    assert written(conditions[1].stays) == "group:night weekly>=85"
    assert conditions[1].figure == "weekly+"
    assert conditions[2] == OfEvents(EventKind.EARLY_RESET)


def test_a_rule_may_ask_for_balances_but_not_for_what_nothing_has() -> None:
    assert good('[[alerts]]\nname = "a"\nwhen = "source:reef balance<5"\nclear = "level:ok"\n').alerts
    (found,) = bad('[[alerts]]\nname = "a"\nwhen = "balance<5 weekly>=90"\n')
    assert "nothing has “balance” and “weekly”" in str(found)
    (found,) = bad('[[alerts]]\nname = "a"\nwhen = "! level:low"\n')
    assert "nothing has “level” and “!”" in str(found)


@pytest.mark.parametrize(
    ("when", "stays"),
    [
        ("weekly>=90", "weekly>=85"),
        ("weekly<10", "weekly<15"),
        ("weekly<98", "weekly<99"),
        ("weekly>=4", "weekly>=2"),
        ("weekly=90", "weekly=90"),
        ("credits<100", "credits<105.00"),
        ("resets<2h", "resets<2h6m"),
        ("-weekly>=90", "-weekly>=95"),
        ("-(weekly<10 or 5h>90)", "not (weekly<5 or 5h>95)"),
        ("status:exhausted", "status:exhausted"),
    ],
)
def test_what_ends_an_alert_lies_further_back_than_what_begins_it(when: str, stays: str) -> None:
    assert written(relaxed(parse(when).query)) == stays


def test_a_limit_of_the_window_is_each_accounts_own_whether_that_is_said_or_not() -> None:
    text = '[[budgets]]\nname = "a"\nlimit = "80%"\nperiod = "weekly"\n'
    for more in ("", 'each = "account"', 'filter = "alice or @n"\n[filters]\nN = "group:n"'):
        assert good(text + more).budgets[0].limit == Limit(LimitUnit.PERCENT, Decimal(80))


@pytest.mark.parametrize(
    ("text", "unit", "amount"),
    [
        ("$10", LimitUnit.USD, "10"),
        ("$ 1,250.50", LimitUnit.USD, "1250.50"),
        ("10 USD", LimitUnit.USD, "10"),
        ("250 credits", LimitUnit.CREDITS, "250"),
        ("1 credit", LimitUnit.CREDITS, "1"),
        ("5M tokens", LimitUnit.TOKENS, "5000000"),
        ("1.5k tokens", LimitUnit.TOKENS, "1500"),
        ("80%", LimitUnit.PERCENT, "80"),
    ],
)
def test_how_a_limit_is_written(text: str, unit: LimitUnit, amount: str) -> None:
    found = limit_of(text)
    assert found == Limit(unit, Decimal(amount))
    assert limit_of(limit_text(found)) == found


@pytest.mark.parametrize(
    "text",
    ["5M tokens", "1.5M tokens", "1.25k tokens", "1234k tokens", "999 tokens", "1234567 tokens", "2G tokens"],
)
def test_tokens_stand_in_the_unit_in_which_they_are_typed(text: str) -> None:
    found = limit_of(text)
    assert found is not None
    assert limit_text(found) == text


@pytest.mark.parametrize("text", ["", "$", "10", "-$1", "$0", "0%", "101%", "5 M", "1,00 USD", "$1e3", "$１"])
def test_what_is_no_limit(text: str) -> None:
    assert limit_of(text) is None


@given(st.integers(1, 10**15), st.sampled_from(LimitUnit))
def test_a_limit_is_read_as_it_is_written(units: int, unit: LimitUnit) -> None:
    scale = 10**4 if unit is LimitUnit.USD else 1
    amount = Decimal(units % 100 + 1) if unit is LimitUnit.PERCENT else Decimal(units % 10**12 + 1) / scale
    assert limit_of(limit_text(Limit(unit, amount))) == Limit(unit, amount)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2h", 7_200), ("30m", 1_800), ("1d 12h", 129_600), ("1d12h", 129_600), ("0s", 0), ("90s", 90)],
)
def test_how_a_time_is_written(text: str, seconds: int) -> None:
    found = time_of(text)
    assert found == timedelta(seconds=seconds)
    if seconds != 90:
        assert time_of(time_text(found)) == found


def test_how_grace_is_written() -> None:
    assert grace_of("10%") == Grace(percent=Decimal(10))
    assert grace_of("2h") == Grace(time=timedelta(hours=2))
    assert [grace_of(text) for text in ("", "0%", "0s", "101%", "soon", "10")] == [None] * 6


@pytest.mark.parametrize(
    "variable",
    [
        "POOLWATCH_CHANNELS__NAME",
        "POOLWATCH_CHANNELS__0__COMMAND",
        "POOLWATCH_CHANNELS_0__COMMAND",
        "POOLWATCH_CHANNELS__COMMAND",
        "POOLWATCH_ALERTS__CHANNELS",
        "POOLWATCH_CHANNELS[0]__COMMAND",
    ],
)
@pytest.mark.parametrize("text", ["", '[[channels]]\nname = "a"\nkind = "exec"\ncommand = ["/bin/true"]\n'])
def test_no_variable_sets_a_channel_or_the_program_of_one(variable: str, text: str) -> None:
    env = {"HOME": "/home/ann", variable: '["/bin/sh", "-c", "id"]'}
    found = load_text(text, PATH, env, {})
    assert isinstance(found, ConfigProblems), found
    assert variable in found.text


def test_a_variable_that_holds_the_secret_of_a_channel_is_no_misspelt_setting() -> None:
    text = (
        '[[channels]]\nname = "a"\nkind = "webhook"\nurl = "https://a.example.com/x/"\n'
        'secret_env = "POOLWATCH__HOOK"'
    )
    found = load_text(text, PATH, {"HOME": "/home/ann", "POOLWATCH__HOOK": "whsec_x"}, {})
    assert isinstance(found, Settings), found.text
    # without its final slash some receivers redirect
    assert found.channels[0].url == "https://a.example.com/x/"


@pytest.mark.parametrize("written", ['["ops", "me"]', '"ops, me"'])
def test_the_channels_of_built_in_alerts_are_a_list_or_one_text(written: str) -> None:
    settings = good(f"[notify]\nchannels = {written}\n{WHOLE}")
    assert settings.notify.channels == ("ops", "me")
    (problem,) = bad(f'[notify]\nchannels = ["nobody"]\n{WHOLE}')
    assert "nobody" in problem.text
