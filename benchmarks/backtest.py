"""The forecast held against the truth: `python -m benchmarks.backtest [--write docs/forecast.md]`.

Simulated accounts (benchmarks/simulated_use) live for twelve weeks; from the fifth on, each weekly window is
forecast at every hour from what polls had shown by then. Every window counts once, however many hours it has.
"""

from __future__ import annotations

import argparse
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from math import nan
from pathlib import Path
from typing import Final

from msgspec import Struct, field

from benchmarks import rules_of_others as others
from benchmarks.rules_of_others import Told
from benchmarks.simulated_use import START, WEEK, Kind, Life, LivedCycle, lives
from poolwatch.domain.cycles import Cycle, EndedBy, Rise
from poolwatch.domain.forecast import Forecast
from poolwatch.domain.habit import Habit, closed, learn
from poolwatch.domain.look_ahead import if_reset, look_ahead
from poolwatch.domain.ratios import Bank, bank
from poolwatch.domain.values import replace

#: Named before the first run; the forecast was tuned on others.
SEEDS: Final = (20260901, 20260902, 20260903)
ACCOUNTS: Final = 300
WEEKS: Final = 12
_FIRST_WEEK: Final = 4
_HOUR: Final = 3600
_STALE: Final = timedelta(minutes=45)

OURS: Final = "poolwatch"
LINEAR: Final = "linear"
RULES: Final = (OURS, LINEAR, "openusage", "CodexBar", "codex-lb")
#: Hours into the week up to which errors are told apart.
BANDS: Final = (24, 48, 72, 96, 120, 144, 169)
BINS: Final = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
#: A bin of fewer cycles says nothing.
_LEAST_CYCLES: Final = 100
#: The time at which a window runs out holds so often at least, where one is told.
_OUT_HELD: Final = 0.75


class Tally(Struct):
    """A sum and how many are in it."""

    total: float = 0.0
    count: int = 0

    def add(self, value: float) -> None:
        self.total += value
        self.count += 1

    @property
    def mean(self) -> float:
        return self.total / self.count if self.count else nan


class Score(Struct):
    """One cycle that ended by itself, with all that was foretold of it."""

    kind: Kind
    #: percent that were shown at its end
    final: float
    full_at: float | None
    #: whether the interval held, by tenth of the cycle
    held: dict[int, Tally] = field(default_factory=dict)
    #: percent points off, by rule and band of hours
    errors: dict[tuple[str, int], Tally] = field(default_factory=dict)
    #: the probabilities that were told, by rule and bin
    told: dict[tuple[str, int], Tally] = field(default_factory=dict)
    #: whether it ran out within the span that was told
    out_held: Tally = field(default_factory=Tally)
    #: how often nothing was foretold, by reason
    silent: dict[str, int] = field(default_factory=dict)
    forecasts: int = 0
    #: what was said of it as the former one ended, as of a window that is reset then
    if_reset: Forecast | None = None

    @property
    def ran_out(self) -> bool:
        """Whether it was used up before its reset; what was wanted beyond is not known."""
        return self.full_at is not None

    def is_within(self, said: Forecast) -> bool:
        """Whether it ended between the figures as they are shown: in whole percents."""
        return round(said.low_percent or 0) <= self.final <= round(said.high_percent or 0)

    def take(self, hours: float, said: Forecast, by_rule: Mapping[str, Told | None]) -> None:
        """Hold one forecast against what came."""
        self.forecasts += 1
        assert said.low_percent is not None
        assert said.high_percent is not None
        tenth = min(9, int(hours * _HOUR / WEEK * 10))
        self.held.setdefault(tenth, Tally()).add(self.is_within(said))
        band = bisect_right(BANDS, hours)
        for rule, told in by_rule.items():
            if told is not None:
                error = abs(min(100.0, told[0]) - self.final)
                self.errors.setdefault((rule, band), Tally()).add(error)
                self.told.setdefault((rule, bisect_right(BINS, told[1])), Tally()).add(told[1])
        if said.out_earliest is not None and said.out_latest is not None:
            first, last = said.out_earliest.timestamp(), said.out_latest.timestamp()
            self.out_held.add(self.full_at is not None and first - _HOUR <= self.full_at <= last + _HOUR)


class Watched:
    """An account as a monitor knows it: cycles made of polls, and what they teach."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.past: list[Cycle] = []
        self.habit = Habit()
        self.curves: list[others.Curve] = []
        self.rates = [others.codex_lb(cycle.polls) for cycle in life.cycles]
        #: the number of the cycle that runs
        self.running = 0
        #: of the cycle that runs, as it was told when the former one ended
        self.if_reset: Forecast | None = None
        self._rises = [_rises(cycle) for cycle in life.cycles]
        self._times = [[poll.at for poll in cycle.polls] for cycle in life.cycles]

    @property
    def lived(self) -> LivedCycle | None:
        """The cycle that runs, as it really goes; None after the last."""
        return self.life.cycles[self.running] if self.running < len(self.life.cycles) else None

    def cycle(self, at: float) -> tuple[Cycle, int] | None:
        """The cycle that runs as it was known at that time, and by how many polls."""
        lived = self.life.cycles[self.running]
        polls = bisect_left(self._times[self.running], at)
        if not polls:
            return None
        newest, rises = lived.polls[polls - 1], self._rises[self.running]
        full = next((poll.at for poll in lived.polls[:polls] if poll.used_percent >= 100), None)
        until = bisect_right(rises, newest.at // _HOUR, key=lambda rise: rise.hour)
        cycle = Cycle(
            str(self.life.number),
            "codex",
            "weekly",
            _instant(lived.begun),
            WEEK,
            _instant(lived.resets_at),
            peak_percent=newest.used_percent,
            last_percent=newest.used_percent,
            read_at=_instant(newest.at),
            full_since=None if full is None else _instant(full),
            rises=tuple(rises[:until]),
            readings=min(3, polls),
            plan=self.life.plan,
        )
        return cycle, polls

    def close_until(self, at: float, pooled: Bank | None = None) -> list[Cycle]:
        """Learn from the cycles that have ended by then."""
        ended: list[Cycle] = []
        while (lived := self.lived) is not None and lived.ended_at <= at:
            known = self.cycle(lived.ended_at + 1)
            self.if_reset = None
            if known is not None:
                ended_at, zone = _instant(lived.ended_at), self.life.zone
                self.if_reset = if_reset(known[0], self.habit, pooled or Bank(), ended_at, zone, _STALE)
                ended_by = EndedBy.EARLY_RESET if lived.early else EndedBy.RESET
                cycle = replace(known[0], ended_at=_instant(lived.ended_at), ended_by=ended_by)
                ended.append(replace(cycle, ratios=closed(cycle, self.habit, self.life.zone)))
                self.past.append(ended[-1])
                self.habit = learn(self.habit, ended[-1], self.life.zone)
                drawn = others.curve(lived)
                self.curves = self.curves if drawn is None else [*self.curves, drawn][-8:]
            self.running += 1
        return ended


def _rises(lived: LivedCycle) -> list[Rise]:
    by_hour: dict[int, float] = {}
    before = 0.0
    for poll in lived.polls:
        if poll.used_percent > before:
            hour = int(poll.at // _HOUR)
            by_hour[hour] = by_hour.get(hour, 0.0) + poll.used_percent - before
            before = poll.used_percent
    return [Rise(hour, percent) for hour, percent in by_hour.items()]


def _instant(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def scored(seed: int, accounts: int = ACCOUNTS, weeks: int = WEEKS, every_hours: int = 1) -> list[Score]:
    """All cycles of a seed with their forecasts, day after day, as a monitor would make them."""
    watched = [Watched(life) for life in lives(seed, accounts, weeks)]
    learned: list[Cycle] = []
    scores: dict[tuple[int, int], Score] = {}
    for day in range(weeks * 7):
        pooled = bank(learned) if day >= _FIRST_WEEK * 7 else Bank()
        for account in watched:
            for hour in range(0, 24, every_hours):
                at = START.timestamp() + day * 86400 + hour * _HOUR
                learned += account.close_until(at, pooled)
                if day >= _FIRST_WEEK * 7:
                    _look(account, at, pooled, scores)
    return list(scores.values())


def _look(account: Watched, at: float, pooled: Bank, scores: dict[tuple[int, int], Score]) -> None:
    lived = account.lived
    known = account.cycle(at) if lived is not None else None
    if lived is None or known is None or lived.early or not account.past:
        return
    cycle, polls = known
    score = scores.setdefault(
        (account.life.number, account.running),
        Score(account.life.kind, lived.polls[-1].used_percent, lived.full_at, if_reset=account.if_reset),
    )
    burned = sum(rise.percent for rise in account.past[-1].rises if (rise.hour + 1) * _HOUR > at - 86400)
    said = look_ahead(cycle, account.habit, pooled, _instant(at), account.life.zone, _STALE, burned)
    if said.none_because is not None:
        assert said.median_percent is None
        assert said.out_probability is None
        score.silent[said.none_because] = score.silent.get(said.none_because, 0) + 1
        return
    assert said.median_percent is not None
    assert said.out_probability is not None
    assert not must_be_silent(cycle, account.habit, burned, at)
    used = cycle.last_percent or 0.0
    by_rule: dict[str, Told | None] = {
        OURS: (said.median_percent, said.out_probability),
        LINEAR: others.linear(lived, used, at),
        "openusage": others.openusage(lived, used, at),
        "CodexBar": others.codexbar(lived, used, at, account.curves),
        "codex-lb": others.depletion(lived, used, at, account.rates[account.running][polls - 1]),
    }
    score.take((at - lived.begun) / _HOUR, said, by_rule)


def must_be_silent(cycle: Cycle, known: Habit, burned_before: float, at: float) -> bool:
    """The states in which nothing may be foretold, told apart from the forecast's own rules."""
    assert cycle.resets_at is not None
    assert cycle.read_at is not None
    used, elapsed = cycle.last_percent or 0.0, WEEK - (cycle.resets_at.timestamp() - at)
    burned = burned_before + sum(rise.percent for rise in cycle.rises if (rise.hour + 1) * _HOUR > at - 86400)
    return (
        used >= 100
        or elapsed < 0.03 * WEEK
        or elapsed >= WEEK
        or at - cycle.read_at.timestamp() > _STALE.total_seconds()
        or cycle.readings < 2
        or (used < 3 and known.cycles < 2)
        or burned < 1
    )


class Figures(Struct):
    """What all scores come to; every cycle counts once."""

    cycles: int
    forecasts: int
    by_tenth: list[float]
    by_kind: dict[Kind, float]
    #: by rule, then by band; percent points
    errors: dict[str, list[float]]
    #: ours: told, observed, and of how many cycles, by bin
    reliability: list[tuple[float, float, int]]
    #: mean squared error of the probability, by rule
    brier: dict[str, float]
    out_held: float
    out_shown: int
    silent: dict[str, int]
    #: of windows that are set to zero: how often the interval holds, the chance to run out, and how often
    anew_held: float
    anew_told: float
    anew_seen: float

    def failures(self) -> list[str]:
        """The gates that are not met, in words."""
        ours, linear = self.errors[OURS], self.errors[LINEAR]
        found = [
            f"interval holds {share:.0%} in tenth {tenth + 1}, not 75 to 90%"
            for tenth, share in enumerate(self.by_tenth)
            if not 0.75 <= share <= 0.90
        ]
        found += [
            f"interval holds {share:.0%} for {kind}, not 70 to 97%"
            for kind, share in self.by_kind.items()
            if not 0.70 <= share <= 0.97
        ]
        found += [
            f"told {told:.0%}, observed {seen:.0%} in {count} cycles"
            for told, seen, count in self.reliability
            if count >= _LEAST_CYCLES and abs(told - seen) > 0.10
        ]
        if self.out_shown >= _LEAST_CYCLES and self.out_held < _OUT_HELD:
            found.append(f"the time it runs out at holds {self.out_held:.0%}, not {_OUT_HELD:.0%}")
        if not 0.75 <= self.anew_held <= 0.90:
            found.append(f"interval after a reset holds {self.anew_held:.0%}, not 75 to 90%")
        if abs(self.anew_told - self.anew_seen) > 0.10:
            found.append(f"after a reset told {self.anew_told:.0%}, observed {self.anew_seen:.0%}")
        if ours[0] > 0.6 * linear[0]:
            found.append(f"error {ours[0]:.1f} before 24 h, linear {linear[0]:.1f}")
        found += [
            f"error {one:.1f} before {band} h, linear {other:.1f}"
            for band, one, other in zip(BANDS, ours, linear, strict=True)
            if one > other
        ]
        return found


def figures(scores: Sequence[Score]) -> Figures:
    """Of one seed, or of all."""
    uncut = [each for each in scores if not each.ran_out and each.held]
    kinds: dict[Kind, Tally] = {kind: Tally() for kind in Kind}
    tenths = [Tally() for _ in range(10)]
    for each in uncut:
        kinds[each.kind].add(_mean(each.held.values()))
        for tenth, held in each.held.items():
            tenths[tenth].add(held.mean)
    errors = {rule: [Tally() for _ in BANDS] for rule in RULES}
    told = [Tally() for _ in range(len(BINS) + 1)]
    observed = [Tally() for _ in range(len(BINS) + 1)]
    brier = {rule: Tally() for rule in RULES}
    silent: dict[str, int] = {}
    for each in scores:
        for (rule, band), error in each.errors.items():
            errors[rule][band].add(error.mean)
        for (rule, part), chance in each.told.items():
            if rule == OURS:
                told[part].add(chance.mean)
                observed[part].add(each.ran_out)
        for rule in RULES:
            parts = [chance for (one, _), chance in each.told.items() if one == rule]
            if parts:
                brier[rule].add((_mean(parts) - each.ran_out) ** 2)
        for reason, count in each.silent.items():
            silent[reason] = silent.get(reason, 0) + count
    anew_held, anew_told, anew_seen = Tally(), Tally(), Tally()
    for each in scores:
        said = each.if_reset
        if said is not None and said.out_probability is not None:
            anew_told.add(said.out_probability)
            anew_seen.add(each.ran_out)
            if not each.ran_out:
                anew_held.add(each.is_within(said))
    shown = [each.out_held for each in scores if each.out_held.count]
    return Figures(
        len(scores),
        sum(each.forecasts for each in scores),
        [each.mean for each in tenths],
        {kind: each.mean for kind, each in kinds.items()},
        {rule: [each.mean for each in bands] for rule, bands in errors.items()},
        [(one.mean, other.mean, one.count) for one, other in zip(told, observed, strict=True) if one.count],
        {rule: each.mean for rule, each in brier.items()},
        sum(each.mean for each in shown) / len(shown) if shown else nan,
        len(shown),
        silent,
        anew_held.mean,
        anew_told.mean,
        anew_seen.mean,
    )


def _mean(tallies: Iterable[Tally]) -> float:
    held = list(tallies)
    return sum(each.total for each in held) / sum(each.count for each in held)


def table(whole: Figures, seeds: Sequence[Figures]) -> str:
    """All figures as Markdown."""
    lines = [
        f"{whole.cycles:,} windows, {whole.forecasts:,} forecasts; seeds {', '.join(map(str, SEEDS))}.",
        "",
        "| tenth of the week | " + " | ".join(str(number + 1) for number in range(10)) + " |",
        "|---" * 11 + "|",
        "| the interval holds | " + " | ".join(f"{share:.0%}" for share in whole.by_tenth) + " |",
        "",
        "| kind of use | " + " | ".join(whole.by_kind) + " |",
        "|---" * (len(whole.by_kind) + 1) + "|",
        "| the interval holds | " + " | ".join(f"{share:.0%}" for share in whole.by_kind.values()) + " |",
        "",
        "| told that it runs out | " + " | ".join(f"{told:.0%}" for told, _, _ in whole.reliability) + " |",
        "|---" * (len(whole.reliability) + 1) + "|",
        "| it did | " + " | ".join(f"{seen:.0%}" for _, seen, _ in whole.reliability) + " |",
        "| windows | " + " | ".join(f"{count:,}" for _, _, count in whole.reliability) + " |",
        "",
        "| error in percent points, before | "
        + " | ".join(f"{band} h" for band in BANDS)
        + " | of the chance |",
        "|---" * (len(BANDS) + 2) + "|",
    ]
    for rule in RULES:
        row = " | ".join(f"{error:.1f}" for error in whole.errors[rule])
        lines.append(f"| {rule} | {row} | {whole.brier[rule]:.3f} |")
    silent = sum(whole.silent.values())
    reasons = ", ".join(f"{reason} {count / silent:.0%}" for reason, count in sorted(whole.silent.items()))
    missed = [failure for each in (whole, *seeds) for failure in each.failures()]
    lines += [
        "",
        f"A time at which it runs out was told in {whole.out_shown:,} windows; it held, to the hour, in"
        f" {whole.out_held:.0%} of them.",
        "Of a window that is set to zero, what was said as the former one ended: the interval holds in"
        f" {whole.anew_held:.0%} of them; the chance to run out was told as {whole.anew_told:.0%}, and"
        f" {whole.anew_seen:.0%} did.",
        f"Nothing was foretold in {silent / (silent + whole.forecasts):.0%} of the hours: {reasons}.",
        "Gates missed: " + ("; ".join(missed) if missed else "none, neither by all seeds nor by one") + ".",
    ]
    return "\n".join(lines)


_BEGIN, _END = "<!-- backtest: written by make backtest -->", "<!-- end of backtest -->"


def main(argv: Sequence[str] | None = None) -> int:
    """Run all seeds, print the table, and write it if asked to; 1 where a gate is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.backtest", description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="put the table into this page")
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--every", type=int, default=1, metavar="HOURS", help="forecast so often (1)")
    options = parser.parse_args(argv)
    with ProcessPoolExecutor(max_workers=2) as workers:
        run = partial(scored, accounts=options.accounts, every_hours=options.every)
        by_seed = list(workers.map(run, SEEDS))
    seeds = [figures(scores) for scores in by_seed]
    whole = figures([score for scores in by_seed for score in scores])
    text = table(whole, seeds)
    sys.stdout.write(text + "\n")
    if options.write is not None:
        page = options.write.read_text()
        before, _, rest = page.partition(_BEGIN)
        after = rest.partition(_END)[2]
        options.write.write_text(f"{before}{_BEGIN}\n{text}\n{_END}{after}")
    return int(any(each.failures() for each in (whole, *seeds)))


if __name__ == "__main__":
    raise SystemExit(main())
