"""What doctor finds out about each running pool: reachable, its version, authorised, what it lacks."""

from __future__ import annotations

from dataclasses import dataclass

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.sources import build_source
from poolwatch.bootstrap.surroundings import Surroundings
from poolwatch.bootstrap.token_port import fingerprinter_of
from poolwatch.domain.failure import Failure
from poolwatch.net.client import HttpClient
from poolwatch.sources.source import PoolReport, ReportingPool


@dataclass(frozen=True, slots=True)
class PoolFinding:
    """How one pool is, in words; `wrong` where it cannot be used."""

    words: str
    remedy: str = ""
    wrong: bool = False


async def examine_pools(around: Surroundings) -> tuple[PoolFinding, ...]:
    """Ask every configured pool how it is, one after the other."""
    pools = [settings for settings in around.sources if settings.kind.is_pool]
    found: list[PoolFinding] = []
    if not pools:
        return ()
    fingerprint, _ = fingerprinter_of(around.state_dir)
    async with HttpClient() as client:
        for settings in pools:
            source = build_source(around, settings, client, fingerprint, always_ask=True)
            if isinstance(source, ReportingPool):
                found.append(_finding(settings.name, await source.report(RealClock().now())))
    return tuple(found)


def _finding(name: str, report: PoolReport | Failure) -> PoolFinding:
    if isinstance(report, Failure):
        return PoolFinding(f"{name}: {report.message}", f"poolwatch sources test {name}", wrong=True)
    program = f"{report.program} {report.version}" if report.version else report.program
    accounts = f"{report.accounts} account{'s' * (report.accounts != 1)}"
    dead = f", {report.need_login} need login" if report.need_login else ""
    return PoolFinding(f"{name}: {program}, {accounts}{dead}", "; ".join(report.lacks))
