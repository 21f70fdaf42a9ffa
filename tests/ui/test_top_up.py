"""The sheet of top-ups, at the real desk and a strict service that counts what it charges."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from textual import events
from textual.pilot import Pilot

from poolwatch.bootstrap.clock import RealClock
from poolwatch.bootstrap.surroundings import Options, Surroundings, look_around
from poolwatch.bootstrap.topups import TopUpDesk
from poolwatch.domain.audit import By
from poolwatch.domain.balances import Balance, BalanceState, BalanceTerms
from poolwatch.domain.events import BalancesTold
from poolwatch.domain.proposals import Proposal
from poolwatch.domain.state import PoolState
from poolwatch.domain.values import replace
from poolwatch.presentation.balances import CHATGPT_URL
from poolwatch.presentation.top_up_sheet import Filled
from poolwatch.presentation.waiting import Waits
from poolwatch.purchases import topup_service
from poolwatch.ui.app import PoolApp
from poolwatch.ui.screens.detail import DetailScreen
from poolwatch.ui.screens.page import Page
from poolwatch.ui.screens.sheet import Sheet
from poolwatch.ui.screens.top_up import TopUpSheet, open_sheet
from poolwatch.ui.state import ExitRequest
from poolwatch.ui.widgets.lines import Lines
from tests.purchases.counters import Forked
from tests.support.topup_server import TOKEN, Sell, TopUpServer, refuses
from tests.ui.pools import NOW, ZONE, app_of, state_of, twelve
from tests.ui.reading import feed_of, said, screen_text, settle, until
from tests.ui.scripted_feed import ScriptedFeed

SMALL, NORMAL = (80, 24), (120, 40)


@pytest.fixture
def really_started() -> None:
    """Asks for a new interpreter."""


@pytest.fixture(autouse=True)
def forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own, made quicker."""
    if "really_started" not in request.fixturenames:
        monkeypatch.setattr(topup_service, "start_errand", Forked)


@pytest.fixture(autouse=True)
def quick_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits as long as a hand takes from one key to the next."""
    monkeypatch.setattr(Sheet, "HAND_SECONDS", 0.0)


@pytest.fixture
def server() -> Iterator[TopUpServer]:
    with TopUpServer() as server:
        yield server


@pytest.fixture
def reef() -> Iterator[TopUpServer]:
    with TopUpServer(takes_key=False) as server:
        yield server


def desk_of(*servers: TopUpServer, tells: bool = False, caps: str = "") -> TopUpDesk:
    """`tells`: the service tells its balance, too."""
    folder = Path.home() / "config"
    folder.mkdir(mode=0o700)
    token, path = folder / "token", folder / "config.toml"
    token.write_text(f"{TOKEN}\n")
    token.chmod(0o600)
    text = "".join(
        f'[[topups]]\nname = "team{number or ""}"\nkind = "{"generic" if each.takes_key else "reef"}"\n'
        f'url = "{each.url}"\ntoken_file = "{token}"\n{caps}\n'
        for number, each in enumerate(servers)
    )
    if tells:
        address = servers[0].url.removesuffix("/topups")
        text += (
            f'source = "left"\n[[sources]]\nkind = "credits-http"\nname = "left"\n'
            f'url = "{address}/balance"\nauth = "none"\nremaining = "/left"\nunit = "USD"\n'
        )
    path.write_text(text)
    path.chmod(0o600)
    around = look_around(Options(path))
    assert isinstance(around, Surroundings), around
    return TopUpDesk(around, By.APP)


def app_with(
    *servers: TopUpServer,
    read_only: bool = False,
    tells: bool = False,
    caps: str = "",
    state: PoolState | None = None,
) -> PoolApp:
    feed = feed_of() if state is None else ScriptedFeed(state, NOW, ZONE)
    feed.desk = desk_of(*servers, tells=tells, caps=caps)
    if state is None:
        # the desk has the real clock, by which a request grows too old to be repeated
        feed.pass_time((RealClock().now() - feed.now()).total_seconds())
    return app_of(feed=feed, tops_up=bool(servers), read_only=read_only)


def desk(app: PoolApp) -> TopUpDesk:
    found = getattr(app.ui.feed, "desk", None)
    assert isinstance(found, TopUpDesk)
    return found


def feed_in(app: PoolApp) -> ScriptedFeed:
    feed = app.ui.feed
    assert isinstance(feed, ScriptedFeed)
    return feed


async def opened(pilot: Pilot[ExitRequest]) -> PoolApp:
    app = pilot.app
    assert isinstance(app, PoolApp)
    await settle(pilot)
    await pilot.press("$")
    await until(pilot, lambda: isinstance(app.screen, TopUpSheet))
    return app


async def filled(pilot: Pilot[ExitRequest], wish: Filled) -> PoolApp:
    await settle(pilot)
    app = pilot.app
    assert isinstance(app, PoolApp)
    assert isinstance(app.screen, Page)
    open_sheet(app.screen, wish)
    await until(pilot, lambda: isinstance(app.screen, TopUpSheet))
    return app


def sheet(app: PoolApp) -> str:
    return app.screen.query_one("#sheet", Lines).text if isinstance(app.screen, TopUpSheet) else ""


def title(app: PoolApp) -> str:
    return sheet(app).splitlines()[0].strip()


async def typed(pilot: Pilot[ExitRequest], *words: str) -> None:
    for word in words:
        await pilot.press(*("space" if each == " " else each for each in word), "enter")
    await settle(pilot)


async def ended(pilot: Pilot[ExitRequest], app: PoolApp, text: str) -> None:
    # a long line is broken at the edge
    await until(pilot, lambda: text in " ".join(sheet(app).split()))


@pytest.mark.usefixtures("really_started")
async def test_the_typed_amount_and_enter_pay_once(server: TopUpServer) -> None:
    async with app_with(server).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        assert "1  $5.00   2  $10.00   3  $25.00   4  $50.00" in sheet(app)
        assert "$0.00 of $100.00 used today" in sheet(app)
        await pilot.press("2")
        assert "= $10.00" in sheet(app)
        await pilot.press("enter", "enter", "enter")
        assert "$10.00 will be charged now" in sheet(app)
        # a clipboard is nobody's word
        app.screen.post_message(events.Paste("10.00"))
        await settle(pilot)
        await pilot.press("enter")
        await typed(pilot, "1")
        assert "that is another amount: nothing was sent" in sheet(app)
        assert server.posts == []
        await pilot.press("backspace", *"10.00", "enter", "enter", "enter")
        await ended(pilot, app, "done")
        await pilot.press("enter", "1", "0", "enter")
        await settle(pilot)
        assert server.charges == [1000]
        assert len(server.posts) == 1


async def test_an_amount_that_no_number_chooses_is_typed(server: TopUpServer) -> None:
    async with app_with(server).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        await typed(pilot, "1.25", "1.25")
        await ended(pilot, app, "done")
        assert server.charges == [125]


async def test_a_paste_that_a_terminal_does_not_mark_pays_nothing(
    server: TopUpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its line ends are Enter, at once behind the digits."""
    async with app_with(server).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        monkeypatch.setattr(Sheet, "HAND_SECONDS", 60.0)
        await pilot.press("5", "enter", "5", "enter", "enter")
        assert "type a number from above, or an amount: 55_" in sheet(app)
        assert "as in a paste" in sheet(app)
        monkeypatch.setattr(Sheet, "HAND_SECONDS", 0.0)
        await pilot.press("backspace", "enter")
        monkeypatch.setattr(Sheet, "HAND_SECONDS", 60.0)
        await pilot.press("5", "enter", "enter")
        await settle(pilot)
        assert "as in a paste" in sheet(app)
        assert server.posts == []
        monkeypatch.setattr(Sheet, "HAND_SECONDS", 0.0)
        await pilot.press("enter")
        await ended(pilot, app, "done")
        assert server.charges == [500]


@pytest.mark.parametrize("pressed", [(), ("2",), ("2", "enter"), ("2", "enter", "1", "0")])
async def test_to_leave_before_the_last_enter_charges_nothing(
    server: TopUpServer, pressed: tuple[str, ...]
) -> None:
    async with app_with(server).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        await pilot.press(*pressed)
        assert sheet(app).rstrip().endswith("esc nothing is charged")
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, Page)
        assert server.posts == []


async def test_to_leave_while_it_runs_neither_stops_nor_repeats_it(server: TopUpServer) -> None:
    server.release.clear()
    async with app_with(server).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        await typed(pilot, "2", "10")
        await until(pilot, server.arrived.is_set)
        assert sheet(app).rstrip().endswith("esc leave, it goes on")
        await pilot.press("enter", "escape")
        await settle(pilot)
        assert "the top-up of team goes on by itself" in said(app)
        # what is at work is not yet unknown
        await pilot.press("c")
        await until(pilot, lambda: "TOP-UPS" in screen_text(app))
        assert "at work" in screen_text(app)
        assert "UNKNOWN" not in screen_text(app)
        await pilot.press("escape")
        await opened(pilot)
        assert title(app) == "Top up team · at work"
        server.release.set()
        await ended(pilot, app, "team, $10.00: done")
        assert server.charges == [1000]
        await pilot.press("escape", "c")
        await until(pilot, lambda: "$10.00" in screen_text(app) and "done" in screen_text(app))


async def test_what_is_unknown_is_asked_again_as_the_same_request(server: TopUpServer) -> None:
    server.script.extend((Sell(reset=True), Sell(reset=True)))
    async with app_with(server).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        await typed(pilot, "2", "10")
        await ended(pilot, app, "UNKNOWN")
        await typed(pilot, "agai")
        assert "that is another word: nothing was done" in sheet(app)
        await pilot.press("escape")
        await settle(pilot)
        # nothing is filled in where something is to be settled
        await filled(pilot, Filled("team", amount=Decimal(25)))
        assert title(app).endswith("UNKNOWN")
        assert "Do not top up again" in sheet(app)
        await typed(pilot, "25")
        await pilot.press("backspace", "backspace")
        await typed(pilot, "again")
        await ended(pilot, app, "asked again, and still not known")
        await typed(pilot, "charged")
        await ended(pilot, app, "you settled it: charged")
        assert server.charges == [1000]
        assert server.posts[0] == server.posts[1]
        assert len(server.posts) == 2


async def test_without_request_key_it_is_settled_by_a_word_alone(reef: TopUpServer) -> None:
    reef.script.append(Sell(reset=True))
    async with app_with(reef).run_test(size=SMALL) as pilot:
        app = await opened(pilot)
        await typed(pilot, "2")
        assert "takes no request key" in sheet(app)
        await typed(pilot, "10")
        await ended(pilot, app, "UNKNOWN")
        await typed(pilot, "again")
        assert "that is another word" in sheet(app)
        await pilot.press(*["backspace"] * 5)
        await typed(pilot, "not charged")
        await ended(pilot, app, "you settled it: not charged")
        assert len(reef.posts) == 1


async def test_the_balance_is_told_before_the_charge_and_read_again_after_it(reef: TopUpServer) -> None:
    async with app_with(reef, tells=True).run_test(size=SMALL) as pilot:
        app = await opened(pilot)
        await ended(pilot, app, "balance now $3.20, read ")
        await typed(pilot, "2")
        assert "$3.20 → $13.20" in sheet(app)
        await typed(pilot, "10")
        await ended(pilot, app, "done: $3.20 → $13.20, seen ")
        await until(pilot, lambda: feed_in(app).balances_read == ["left"])
        reef.balance = Decimal("12.95")
        await pilot.press("r", "escape")
        await opened(pilot)
        await ended(pilot, app, "balance now $12.95, read ")


async def test_what_was_started_is_done_once_the_balance_shows_it(reef: TopUpServer) -> None:
    reef.script.append(Sell(grants=False))
    async with app_with(reef, tells=True).run_test(size=SMALL) as pilot:
        app = await opened(pilot)
        await typed(pilot, "2", "10")
        await ended(pilot, app, "started: the service took it")
        await ended(pilot, app, "balance before $3.20, now $3.20 (read ")
        reef.balance += 9
        await pilot.press("r")
        await ended(pilot, app, "balance before $3.20, now $12.20 (read ")
        assert "started" in sheet(app)
        reef.balance += 1
        await pilot.press("r")
        await ended(pilot, app, "done: $3.20 → $13.20")
        assert reef.charges == [1000]


async def test_a_balance_that_cannot_be_read_is_not_known_and_hinders_nothing(reef: TopUpServer) -> None:
    reef.no_balance = True
    async with app_with(reef, tells=True).run_test(size=SMALL) as pilot:
        app = await opened(pilot)
        await ended(pilot, app, "not known, it could not be read")
        await typed(pilot, "2")
        assert "→" not in sheet(app)
        await typed(pilot, "10")
        await ended(pilot, app, "started")
        assert reef.charges == [1000]


@pytest.mark.parametrize(
    ("caps", "told"),
    [
        ("max_per_day = 9.5", "$0.00 of your cap of $9.50 a day is used, and $10.00 is more than is left"),
        ("max_per_month = 9", "$0.00 of your cap of $9.00 a month is used, and $10.00 is more than is left"),
    ],
)
async def test_more_than_a_cap_is_not_sent(server: TopUpServer, caps: str, told: str) -> None:
    async with app_with(server, caps=caps).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        assert f"of ${Decimal(caps.split()[-1]):.2f} " in sheet(app)
        await typed(pilot, "2", "10")
        await ended(pilot, app, f"nothing was sent: {told}")
        assert server.posts == []


async def test_the_filled_in_sheet_still_wants_the_amount_typed(
    server: TopUpServer, reef: TopUpServer
) -> None:
    async with app_with(server, reef).run_test(size=NORMAL) as pilot:
        app = await filled(pilot, Filled("team1", amount=Decimal(10)))
        assert title(app) == "Top up team1 · confirm"
        assert "$10.00 will be charged now" in sheet(app)
        await pilot.press("enter", "enter")
        assert reef.posts == []
        await typed(pilot, "10")
        await ended(pilot, app, "started")
        assert (server.posts, reef.charges) == ([], [1000])


async def test_the_palette_tops_up(server: TopUpServer) -> None:
    async with app_with(server).run_test(size=NORMAL) as pilot:
        await settle(pilot)
        app = pilot.app
        assert isinstance(app, PoolApp)
        await pilot.press(":", *("space" if each == " " else each for each in "top up"))
        await until(pilot, lambda: "top up a balance" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TopUpSheet))
        assert server.posts == []


async def test_a_refusal_says_why_and_an_address_is_copied(server: TopUpServer) -> None:
    link = "https://pay.example.com/3ds"
    server.script.append(refuses(402, "authentication_required", link))
    async with app_with(server).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        await typed(pilot, "2", "10")
        await ended(pilot, app, link)
        await pilot.press("y")
        assert app.clipboard == link
        assert server.charges == []


async def test_of_several_one_is_chosen(server: TopUpServer, reef: TopUpServer) -> None:
    async with app_with(server, reef).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        assert title(app) == "Top up team"
        await pilot.press("j")
        assert title(app) == "Top up team1"
        await typed(pilot, "2", "10")
        await ended(pilot, app, "started")
        assert (server.charges, reef.charges) == ([], [1000])


async def test_what_somebody_else_bought_meanwhile_is_not_bought_again(server: TopUpServer) -> None:
    async with app_with(server).run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        await pilot.press("2", "enter")
        other = desk(app)
        await asyncio.to_thread(other.buy, other.topups[0], Decimal(25), "")
        await typed(pilot, "10")
        await ended(pilot, app, "somebody else topped it up meanwhile")
        assert server.charges == [2500]


async def test_with_none_the_address_of_chatgpt_is_told() -> None:
    async with app_with().run_test(size=NORMAL) as pilot:
        app = await opened(pilot)
        assert CHATGPT_URL in sheet(app)
        # what is typed where nothing is asked for does not stand in the way of the keys
        await pilot.press("1", "0", "enter", "y")
        assert app.clipboard == CHATGPT_URL
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(app.screen, Page)


@pytest.mark.parametrize("screen", ["", "c", "b"])
async def test_the_footer_offers_it_where_something_is_bought(server: TopUpServer, screen: str) -> None:
    async with app_with(server).run_test(size=(200, 40)) as pilot:
        await settle(pilot)
        await pilot.press(*screen)
        await settle(pilot)
        assert "$ top up" in keys(pilot)
        app = await opened(pilot)
        if screen == "c":
            # what is selected there are credits of accounts, which ChatGPT sells
            assert title(app) == "Top up ChatGPT"
            await pilot.press("j")
        assert "1  $5.00   2  $10.00   3  $25.00   4  $50.00" in sheet(app)


def keys(pilot: Pilot[ExitRequest]) -> str:
    return pilot.app.screen.query_one("#keys", Lines).text


def out_of_credits() -> PoolState:
    return state_of([each for each in twelve() if each.email == "pay@example.com"])


def with_credits() -> PoolState:
    return state_of([each for each in twelve() if each.email == "alice@example.com"])


def low(left: str) -> BalanceState:
    terms = BalanceTerms(amber_below=Decimal(5), tops_up_here=True)
    return BalanceState("left", terms).read(Balance("USD", Decimal(left)), NOW)


@pytest.mark.parametrize(
    ("state", "offers"),
    [
        (out_of_credits(), True),
        (with_credits(), False),
        (replace(with_credits(), balances={"left": low("5.00")}), True),
        (replace(with_credits(), balances={"left": low("5.01")}), False),
    ],
)
async def test_without_any_the_footer_offers_it_where_credits_are_low_or_out(
    state: PoolState, *, offers: bool
) -> None:
    async with app_of(state).run_test(size=(200, 40)) as pilot:
        await settle(pilot)
        assert ("$ top up" in keys(pilot)) is offers
        await pilot.press("enter")
        await settle(pilot)
        # the details are of one account
        assert ("$ top up" in keys(pilot)) is (offers and not state.balances)


async def test_from_where_credits_are_out_it_is_one_key_to_the_four_amounts(server: TopUpServer) -> None:
    app = app_with(server, state=out_of_credits())
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(app.screen, DetailScreen)
        assert "$ top up" in keys(pilot)
        await opened(pilot)
        assert "1  $5.00   2  $10.00   3  $25.00   4  $50.00" in sheet(app)


async def test_on_the_screen_of_credits_it_is_that_of_the_selected_one(
    server: TopUpServer, reef: TopUpServer
) -> None:
    app = app_with(server, reef, tells=True)
    feed = feed_in(app)
    web = BalanceState("OpenRouter", BalanceTerms(web="https://openrouter.example.com/credits"))
    free = BalanceState("BrowserOS", BalanceTerms())
    feed.happen(BalancesTold({each.name: each for each in (web, free, low("3.20"))}))
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        await pilot.press("c")
        await opened(pilot)
        assert title(app) == "Top up OpenRouter"
        await pilot.press("y", "escape", "down", "$")
        assert app.clipboard == web.terms.web
        await settle(pilot)
        assert "nothing can be bought for BrowserOS" in said(app)
        await pilot.press("down")
        await opened(pilot)
        assert title(app) == "Top up team1"
        await pilot.press("escape", "down")
        await opened(pilot)
        assert title(app) == "Top up ChatGPT"


async def test_a_read_only_run_has_no_such_key(server: TopUpServer) -> None:
    app = app_with(server, read_only=True)
    async with app.run_test(size=NORMAL) as pilot:
        await settle(pilot)
        await pilot.press("$")
        await settle(pilot)
        assert "read-only" in said(app)
        assert isinstance(app.screen, Page)


def _waiting(app: PoolApp, waits: Waits) -> PoolApp:
    feed_in(app).waiting = waits
    return app


PROPOSAL = Proposal("team", Decimal(10), Decimal(5), Decimal("3.20"), NOW)


async def at_events(pilot: Pilot[ExitRequest]) -> PoolApp:
    app = pilot.app
    assert isinstance(app, PoolApp)
    await settle(pilot)
    await pilot.press("e")
    await until(pilot, lambda: "WAITS FOR YOU 1" in screen_text(app))
    return app


async def test_enter_on_a_proposal_opens_the_sheet_and_only_the_typed_amount_pays(
    server: TopUpServer,
) -> None:
    app = app_with(server)
    at = replace(PROPOSAL, at=app.ui.feed.now())
    async with _waiting(app, Waits((at,))).run_test(size=SMALL) as pilot:
        await at_events(pilot)
        assert "$ team" in screen_text(app)
        assert "top up $10.00? below $5.00" in screen_text(app)
        assert "⏎ answer" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TopUpSheet))
        assert "$10.00 will be charged now" in sheet(app)
        # the amount is there, and is typed all the same
        await pilot.press("enter", "enter")
        await settle(pilot)
        assert server.posts == []
        await typed(pilot, "10")
        await ended(pilot, app, "done")
        assert server.charges == [1000]


async def test_enter_on_what_may_have_been_charged_opens_what_settles_it(
    server: TopUpServer,
) -> None:
    server.script.append(Sell(reset=True))
    app = app_with(server)
    async with app.run_test(size=SMALL) as pilot:
        await opened(pilot)
        await typed(pilot, "10", "10")
        await until(pilot, lambda: "UNKNOWN" in title(app))
        (lost,) = desk(app).book.everything().purchases
        await pilot.press("escape")
        other = replace(lost, id="ffffffff", target="elsewhere")
        _waiting(app, Waits((), (lost,)))
        await at_events(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TopUpSheet))
        assert "UNKNOWN" in title(app)
        await pilot.press("escape", "e")
        # what the sheet cannot settle is settled by the command
        _waiting(app, Waits((), (other,)))
        await at_events(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert "topups ask ffffffff" in said(app)
        assert not isinstance(app.screen, TopUpSheet)


async def test_read_only_a_proposal_is_told_and_no_sheet_opens(server: TopUpServer) -> None:
    app = app_with(server, read_only=True)
    at = replace(PROPOSAL, at=app.ui.feed.now())
    async with _waiting(app, Waits((at,))).run_test(size=SMALL) as pilot:
        await at_events(pilot)
        await pilot.press("enter")
        await settle(pilot)
        assert not isinstance(app.screen, TopUpSheet)
        assert "$3.20 is below $5.00: poolwatch topups buy 10.00 --name team" in said(app)
