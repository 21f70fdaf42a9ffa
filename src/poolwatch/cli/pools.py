"""What a look at a running pool finds: does it answer, which version, are we let in, what does it lack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.sources import lone_source
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.config.settings import SourceSettings
from poolwatch.domain.failure import Failure, FailureKind
from poolwatch.domain.text import argument_word
from poolwatch.sources.source import PoolReport, ReportingPool
from poolwatch.words.messages import failure_text, message_text

#: What to do about a pool that gives no answer of its own; the failure itself says what is wrong.
_REMEDIES: Final = {
    FailureKind.UNREACHABLE: "start the pool, or mend the source's url",
    FailureKind.NOT_THE_SERVICE: "mend the source's url",
    FailureKind.MALFORMED: "mend the source's url, or update the pool",
    FailureKind.UPSTREAM_ERROR: "look into the pool's own log",
    FailureKind.THROTTLED: "wait: poolwatch asks again by itself",
}


@dataclass(frozen=True, slots=True)
class PoolFinding:
    """How one pool is, in words; `wrong` where it cannot be used. `lacks`: what it cannot tell or do."""

    name: str
    words: str
    remedy: str = ""
    wrong: bool = False
    lacks: tuple[str, ...] = ()


async def examine_pools(around: Surroundings) -> tuple[PoolFinding, ...]:
    """Ask every configured pool how it is, one after the other."""
    pools = [settings for settings in around.sources if settings.kind.is_pool]
    return tuple([await examine_pool(around, settings) for settings in pools])


async def examine_pool(around: Surroundings, settings: SourceSettings) -> PoolFinding:
    """Ask one pool how it is; a key that it refused before is not sent again."""
    async with lone_source(around, settings) as source:
        if not isinstance(source, ReportingPool):
            return PoolFinding(settings.name, "is no pool", wrong=True)
        report = await source.report(RealClock().now())
    if isinstance(report, Failure):
        remedy = _REMEDIES.get(report.kind, f"mend that, then {try_command(around, settings.name)}")
        return PoolFinding(settings.name, failure_text(report), remedy, wrong=True)
    return PoolFinding(settings.name, _words(report), lacks=tuple(map(message_text, report.lacks)))


def try_command(around: Surroundings, name: str) -> str:
    """The command that tries one source."""
    return around.command(f"sources test {argument_word(name)}")


def _words(report: PoolReport) -> str:
    program = f"{report.program} {report.version}" if report.version else f"{report.program}, version unknown"
    accounts = f"{report.accounts} account{'s' * (report.accounts != 1)}"
    dead = report.need_login
    needy = f", {dead} need{'s' * (dead == 1)} login" if dead else ""
    return f"{program} answers and lets poolwatch in: {accounts}{needy}"
