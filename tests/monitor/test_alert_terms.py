"""The rules of a run, as they are configured, and that they are watched beside the polls."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from poolwatch.bootstrap.limits import alert_terms, limit_work
from poolwatch.bootstrap.running import Running
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.load import load_text
from poolwatch.config.settings import Settings
from poolwatch.domain.alerts import QuietHours
from poolwatch.monitor.alert_watch import AlertWatch

CONFIGURED = """\
[notify]
channels = "ops"
quiet_hours = "22:00-07:00"
daily_summary = "09:00"
[[channels]]
name = "ops"
kind = "desktop"
[[channels]]
name = "mail"
kind = "desktop"
[[alerts]]
name = "high"
when = "weekly>=90"
quiet_hours = "20:00-08:00"
channels = ["mail"]
"""


def around(text: str, tmp_path: Path) -> Surroundings:
    settings = load_text(text, tmp_path / "config.toml", {}, {})
    assert isinstance(settings, Settings)
    return Surroundings(settings, tmp_path, tmp_path, {}, (), discovered=False)


def test_rules_by_default_go_where_notify_says_and_keep_its_quiet_hours(tmp_path: Path) -> None:
    terms = alert_terms(around(CONFIGURED, tmp_path))
    rules = {each.rule.name: each.rule for each in terms.rules}
    assert (rules["high"].channels, rules["needs_you"].channels) == (("mail",), ("ops",))
    assert rules["high"].quiet_hours == QuietHours(time(20), time(8))
    assert rules["needs_you"].quiet_hours == QuietHours(time(22), time(7))
    assert (terms.daily_summary, terms.summary_channels) == (time(9), ("ops",))


def test_without_a_word_of_them_the_rules_by_default_stay_on_the_screen(tmp_path: Path) -> None:
    terms = alert_terms(around("", tmp_path))
    assert len(terms.rules) == 7
    assert {each.rule.channels for each in terms.rules} == {()}
    assert terms.daily_summary is None


def test_rules_are_watched_with_and_without_channels(tmp_path: Path) -> None:
    for text in ("", CONFIGURED):
        running = cast("Running", SimpleNamespace(around=around(text, tmp_path), to_terminal=None))
        work = limit_work(running)
        assert "monitor.no_alerts" in [each.code for each in work.tasks]
        owners = [getattr(each, "__self__", None) for each in work.recalls]
        assert any(isinstance(each, AlertWatch) for each in owners)
