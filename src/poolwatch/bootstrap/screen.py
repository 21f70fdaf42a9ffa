"""Opens the app on a monitor: figures of the last run first, then everything that takes time."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module

from poolwatch.bootstrap.console import EXIT_CONFIG, EXIT_FAILED, EXIT_USAGE, can_draw, complain, complain_of
from poolwatch.bootstrap.feed import LiveFeed
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.config.problems import ConfigProblems
from poolwatch.config.remember import FILE_NAME, load_remembered, save_remembered, ui_of
from poolwatch.config.settings import Settings
from poolwatch.domain.events import Recalled
from poolwatch.domain.pool import apply
from poolwatch.domain.state import PoolFacts, PoolState
from poolwatch.domain.values import replace
from poolwatch.net.names import run
from poolwatch.presentation.view import Grouping, Shown, SortKey
from poolwatch.store.readings import AccountCache, read_stored
from poolwatch.ui.appearance import THEME_NAMES, theme_named
from poolwatch.ui.keymap import remapped
from poolwatch.ui.state import AppOptions, Choice, WallView
from poolwatch.words.interface import text

_PLAIN_LOCALES = ("C", "POSIX")


Bring = Callable[[], Coroutine[object, object, None]]


def run_app(
    open_demo: Callable[[], int],
    options: Options | None = None,
    env: Mapping[str, str] | None = None,
    bring_past: Bring | None = None,
) -> int:
    """Open the app, in `env` or in the process's own environment; returns the exit code.

    `open_demo` is called when the operator wants the demo instead. `bring_past` is awaited, once the first
    screen is there, before anything is saved: it brings the time before this run into the store.
    """
    options = options or Options()
    env = dict(os.environ) if env is None else env
    around = look_around(options, env)
    if isinstance(around, ConfigProblems):
        complain_of(around, mask=options.overrides.get("ui.mask") == "true")
        return EXIT_USAGE if around.by_options else EXIT_CONFIG
    wrong = appearance_problems(around.settings)
    for line in wrong:
        complain(around.told(line))
    if wrong:
        return EXIT_USAGE if all(line.startswith("--") for line in wrong) else EXIT_CONFIG
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or not can_draw(env):
        from poolwatch.words.commands import NEEDS_TERMINAL  # the screen itself says other things

        complain(NEEDS_TERMINAL())
        return EXIT_USAGE
    app_options = _app_options(around)
    # choices are kept on a thread of its own, for the disk may be slow, and waited for in the end
    with ThreadPoolExecutor(1) as keeping:
        app_options = replace(
            app_options,
            remember=lambda choice: keeping.submit(_keep_choice, around, choice),
            met=lambda: keeping.submit(_keep_met, around),
            simulated=options.simulated,
        )
        code, wants_demo = run(_run(around, options, app_options, bring_past))
    return open_demo() if wants_demo else code


def appearance_problems(settings: Settings) -> list[str]:
    """What is wrong with `[keys]` and `ui.theme`, which only the screens understand; one line each."""
    _, wrong = remapped(settings.keys)
    lines = [f"{settings.origin(f'keys.{problem.id}').text}: {problem.words}" for problem in wrong]
    if settings.ui.theme is not None and theme_named(settings.ui.theme) is None:
        known = ", ".join(THEME_NAMES)
        told = text("theme.unknown", name=settings.ui.theme, known=known)
        lines.append(f"{settings.origin('ui.theme').text}: {told}")
    return lines


async def _run(
    around: Surroundings, options: Options, app_options: AppOptions, bring_past: Bring | None
) -> tuple[int, bool]:
    from poolwatch.ui.app import PoolApp
    from poolwatch.ui.state import ExitRequest

    cache = AccountCache()
    feed = LiveFeed(_stored(around, cache), around, options.config)
    app = PoolApp(feed, app_options)
    monitor = asyncio.create_task(_monitor(around, feed, cache, bring_past, app.tell_terminal))
    monitor.add_done_callback(feed.monitor_ended)
    try:
        asked = await app.run_async(mouse=app_options.mouse)
    finally:
        monitor.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await monitor
    if app.ui.tops_up_now:
        from poolwatch.words.topups import GOES_ON  # few leave in the middle

        complain(GOES_ON())
    code = app.return_code if app.return_code is not None else EXIT_FAILED
    return code, asked is ExitRequest.DEMO


def _stored(around: Surroundings, cache: AccountCache) -> PoolState:
    """The configured accounts as they were last stored, for the first screen."""
    empty = PoolState(rules=around.naming)
    stored = read_stored(around.state_dir, cache)
    if stored is None:
        return empty
    accounts, facts = stored
    names = {source.name for source in around.sources}
    return apply(empty, Recalled.of(names, accounts, PoolFacts(rates=facts.rates)))


async def _monitor(
    around: Surroundings,
    feed: LiveFeed,
    cache: AccountCache,
    bring_past: Bring | None,
    to_terminal: Callable[[str], bool],
) -> None:
    await feed.painted.wait()
    past = None if bring_past is None else asyncio.create_task(bring_past())
    try:
        await _monitor_after(around, feed, cache, past, to_terminal)
    finally:
        if past is not None:
            past.cancel()
            await asyncio.gather(past, return_exceptions=True)


async def _monitor_after(
    around: Surroundings,
    feed: LiveFeed,
    cache: AccountCache,
    past: asyncio.Task[None] | None,
    to_terminal: Callable[[str], bool],
) -> None:
    # on a thread, and only now: the figures are on screen, and keys are answered meanwhile
    await asyncio.to_thread(import_module, "poolwatch.bootstrap.running")
    from poolwatch.bootstrap.running import open_monitor
    from poolwatch.bootstrap.scanning import keep_reading
    from poolwatch.bootstrap.whose import mind_use
    from poolwatch.domain.audit import By

    async with open_monitor(around, cache=cache, by=By.APP, past=past) as running:
        await running.monitor.recall()
        running.to_terminal = to_terminal
        feed.attach(running)
        work = (running.watch_places(), keep_reading(running), mind_use(running))
        beside = [asyncio.create_task(each) for each in work]
        try:
            await running.monitor.run()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)


def _app_options(around: Surroundings) -> AppOptions:
    settings = around.settings
    remembered = load_remembered(around.state_dir / FILE_NAME)
    ui = ui_of(settings, remembered)
    return AppOptions(
        pool_name=settings.pool_name or "",
        prefs=replace(around.prefs(), shown=Shown(ui.used), mask=ui.mask),
        view=WallView(ui.view),
        sort=SortKey(ui.sort),
        reverse=bool(remembered.is_reversed),
        grouping=_grouping(remembered.group),
        theme=theme_named(ui.theme or "") or "",
        glyphs=glyphs_named(ui.glyphs, around.env),
        mouse=ui.mouse,
        title=ui.title,
        first_run=not around.sources,
        has_balances=around.has_balances,
        tops_up=bool(settings.topups),
        is_new=(settings.pool_name or "") not in remembered.known_pools,
        keymap=replace(remapped(settings.keys)[0], read_only=settings.read_only),
    )


def _keep_choice(around: Surroundings, choice: Choice) -> None:
    memory = around.state_dir / FILE_NAME
    held = load_remembered(memory).with_view(around.settings.pool_name or "", choice.view.value)
    kept = replace(
        held,
        theme=choice.theme or None,
        sort=choice.sort.value,
        is_reversed=choice.reverse,
        group=choice.grouping.value,
        mask=choice.mask,
        used=choice.shown.value,
    )
    save_remembered(memory, kept)


def _keep_met(around: Surroundings) -> None:
    memory = around.state_dir / FILE_NAME
    save_remembered(memory, load_remembered(memory).with_pool(around.settings.pool_name or ""))


def _grouping(word: str | None) -> Grouping:
    try:
        return Grouping(word or "")
    except ValueError:
        return Grouping.SOURCE


def glyphs_named(wanted: str, env: Mapping[str, str]) -> str:
    """The set of glyphs for a setting; `auto` asks the locale."""
    if wanted != "auto":
        return wanted
    return "unicode" if speaks_utf8(env) else "ascii"


def speaks_utf8(env: Mapping[str, str]) -> bool:
    """Whether the terminal may be sent UTF-8, by the locale that its user chose.

    Python itself writes UTF-8 in the C locale, and says so in LC_CTYPE; terminals in that locale, and tmux,
    draw something else.
    """
    chosen = env.get("LC_ALL") or env.get("LC_CTYPE") or env.get("LANG") or ""
    if not env.get("LC_ALL") and env.get("LANG") in _PLAIN_LOCALES:
        chosen = env["LANG"] if env.get("LC_CTYPE", "C.UTF-8") == "C.UTF-8" else chosen
    if chosen in _PLAIN_LOCALES:
        return False
    charset = chosen.partition(".")[2].partition("@")[0] or sys.stdout.encoding or ""
    return charset.lower().replace("-", "") == "utf8"
