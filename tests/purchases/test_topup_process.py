"""Top-ups in their own process: every answer of a service, every step at which it is killed, and crowds."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import threading
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import NoReturn

import pytest
from msgspec.json import encode

from poolwatch.domain.purchases import PENDING_FOR, Caps, Purchase, PurchaseOutcome, Settled
from poolwatch.domain.values import replace
from poolwatch.once.process import UNREPORTED
from poolwatch.purchases import topup_service
from poolwatch.purchases.topup_book import key_of, uptime
from poolwatch.purchases.topup_service import carry_out
from tests.purchases.counters import Counter, Forked, now
from tests.support.topup_server import TOKEN, Say, Sell, TopUpServer, refuses

#: What can end the process, and whether the request was sent by then.
STEPS = {
    "locked": False,
    "preflight": False,
    "journal": False,
    "sending": False,
    "replied": True,
    "pending": True,
    "filled": True,
    "renamed": True,
    "stored": True,
    "noted": True,
    "done": True,
}
#: How often at each of them: `make money` does more.
ROUNDS = max(1, int(os.environ.get("KILLED_RESETS", "0")) // len(STEPS))
#: From these on the answer is on disk: what it says is not lost.
_KEPT = ("filled", "renamed", "stored", "noted", "done")
#: From here on it may have been sent, as far as anybody knows.
_DOUBTED = ("sending", "replied", "pending")


@pytest.fixture
def really_started() -> None:
    """Asks for a new interpreter."""


@pytest.fixture(autouse=True)
def forked(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own, made quicker; tests that are about its start take the real one."""
    if "really_started" not in request.fixturenames:
        monkeypatch.setattr(topup_service, "start_errand", Forked)


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    with TopUpServer() as server:
        yield Counter(tmp_path / "state", server)


@pytest.fixture
def reef(tmp_path: Path) -> Iterator[Counter]:
    with TopUpServer(takes_key=False) as server:
        yield Counter(tmp_path / "state", server)


def reason(purchase: Purchase) -> str:
    assert purchase.reason is not None
    inner = dict(purchase.reason.arguments).get("why")
    return inner.code if inner is not None and not isinstance(inner, str) else purchase.reason.code


@pytest.mark.usefixtures("really_started")
def test_it_is_bought_once_with_a_key_of_its_own(counter: Counter) -> None:
    bought = counter.buy("10.50", "build")
    assert bought.outcome is PurchaseOutcome.GRANTED
    assert counter.server.charges == [1050]
    ((key, body),) = counter.server.posts
    assert key == bought.request_id
    assert json.loads(body) == {"amount_usd": "10.50", "target": "build"}
    assert counter.known() == (bought,)
    assert bought.granted == Decimal("10.50")
    assert bought.service_id == "tu_1"


@pytest.mark.usefixtures("really_started")
def test_no_list_of_processes_shows_what_is_bought(counter: Counter) -> None:
    shown = []

    def look(command: list[str], **how: object) -> NoReturn:
        shown.append(command)
        raise OSError

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("subprocess.Popen", look)
        assert counter.buy().outcome is PurchaseOutcome.REFUSED
    assert [command[2:] for command in shown] == [["-m", "poolwatch.purchases"]]


def test_half_an_order_is_none(counter: Counter) -> None:
    assert counter.book.folder.prepare() is None
    whole = encode(counter.order(counter.wish()))
    assert Forked("poolwatch.purchases", whole[:-9], os.environ).wait() == UNREPORTED
    assert counter.known() == ()
    assert Forked("poolwatch.purchases", whole, os.environ).wait() == 0
    assert counter.server.charges == [1000]


def test_reef_gets_whole_cents_and_no_key(reef: Counter) -> None:
    bought = reef.buy("10.50")
    assert bought.outcome is PurchaseOutcome.STARTED
    assert reef.server.posts == [(None, b'{"amountCents": 1050}')]
    assert not bought.is_open
    assert bought.request_id is None


@pytest.mark.parametrize(
    ("plan", "outcome", "code"),
    [
        (refuses(400, "bad_amount"), "refused", "topup.refused"),
        (refuses(401, "invalid_token"), "refused", "topup.refused"),
        (refuses(402, "card_declined"), "refused", "topup.refused"),
        (refuses(403, "no_payment_method"), "refused", "topup.refused"),
        (refuses(404, "no_such_target"), "refused", "topup.refused"),
        (refuses(422, "bad_target"), "refused", "topup.refused"),
        (refuses(402, "authentication_required"), "needs_web", "topup.needs_web"),
        (Say(400), "unknown", "topup.unclear"),
        (Say(402, b'{"error": "declined"}'), "unknown", "topup.unclear"),
        (Say(403, b"<html>"), "unknown", "topup.unclear"),
        (Say(409, b'{"error": {"code": "purchase_in_progress"}}'), "unknown", "topup.unclear"),
        (Say(429, b"", (("Retry-After", "30"),)), "try_later", "topup.later"),
        (Say(503), "try_later", "topup.later"),
        (Say(500), "unknown", "topup.unclear"),
        (Say(502, b"<html>bad gateway"), "unknown", "topup.unclear"),
        (Say(307, b"", (("Location", "http://127.0.0.1:1/"),)), "unknown", "topup.unclear"),
        (Say(200, b"<!doctype html>"), "unknown", "topup.unclear"),
        (Say(200, b"[]"), "unknown", "topup.unclear"),
        (Say(200, b'{"id": "x"}'), "unknown", "topup.no_status"),
        (Say(200, b'{"id": "..", "status": "pending"}'), "unknown", "topup.no_status"),
        (Say(200, b'{"id": "x", "status": "failed"}'), "refused", "topup.failed"),
        (Sell(cut=5), "unknown", "topup.lost"),
        (Sell(reset=True), "unknown", "topup.lost"),
    ],
)
def test_every_answer_is_judged_by_its_codes(
    counter: Counter, plan: Sell | Say, outcome: str, code: str
) -> None:
    counter.server.script.append(plan)
    bought = counter.buy()
    assert bought.outcome.value == outcome
    assert bought.reason is not None
    assert bought.reason.code == code
    assert len(counter.server.posts) == 1
    assert counter.find(bought) == bought
    assert bought.is_open is (outcome == "unknown")


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [
        (Say(400, b'{"error": "Minimum is $5"}'), "refused"),
        (Say(402, b'{"error": "No card"}'), "refused"),
        (Say(502, b'{"error": "Top-up proxy error"}'), "unknown"),
        (Say(503, b'{"error": "busy"}'), "unknown"),
        (Say(503, b"", (("Retry-After", "30"),)), "try_later"),
        (Say(429), "try_later"),
        (Say(200, b'{"error": "odd"}'), "unknown"),
        (Say(200, b"<html>"), "unknown"),
        (Sell(reset=True), "unknown"),
    ],
)
def test_what_reef_answers(reef: Counter, plan: Sell | Say, outcome: str) -> None:
    reef.server.script.append(plan)
    assert reef.buy().outcome.value == outcome


def test_a_needed_browser_names_its_address(counter: Counter) -> None:
    counter.server.script.extend(
        refuses(402, "authentication_required", url)
        for url in ("https://pay.example.com/3ds", "javascript:alert(1)", "https://a@b.example/")
    )
    origin = counter.server.url.removesuffix("/topups")
    links = [counter.buy().link for _ in range(3)]
    assert links == ["https://pay.example.com/3ds", origin, origin]


def test_a_service_that_does_not_answer_at_all_charges_nothing(counter: Counter) -> None:
    wish = replace(counter.wish(), place="http://127.0.0.1:1/topups")
    bought = carry_out(replace(counter.order(wish), purchase=wish), counter.book)
    assert bought.outcome is PurchaseOutcome.TRY_LATER
    assert not bought.is_open


def test_what_is_pending_is_asked_for_by_its_id_until_it_is_there(counter: Counter) -> None:
    counter.server.script.append(Sell(status="pending", code=202))
    counter.server.states.extendleft(["pending", "missing", "pending"])
    counter.pending_seconds = 20
    bought = counter.buy()
    assert bought.outcome is PurchaseOutcome.GRANTED
    assert counter.server.looks == ["/topups/tu_1"] * 4
    assert counter.server.charges == [1000]


def test_what_stays_pending_is_unknown_and_may_be_looked_up_later(counter: Counter) -> None:
    counter.server.script.append(Sell(status="pending", code=202))
    counter.server.states = type(counter.server.states)(["pending"])
    bought = counter.buy()
    assert bought.outcome is PurchaseOutcome.UNKNOWN
    assert bought.reason is not None
    assert bought.reason.code == "topup.still_pending"
    assert counter.buy().outcome is PurchaseOutcome.REFUSED
    counter.server.states = type(counter.server.states)(["granted"])
    assert counter.ask(bought).outcome is PurchaseOutcome.GRANTED
    assert len(counter.server.posts) == 1


def test_a_pending_one_that_fails_charged_nothing(counter: Counter) -> None:
    counter.server.script.append(Sell(status="pending", code=202))
    counter.server.states = type(counter.server.states)(["failed"])
    assert counter.buy().outcome is PurchaseOutcome.REFUSED


def test_what_is_unknown_is_asked_as_the_same_request_and_nothing_else_is_sent(counter: Counter) -> None:
    counter.server.script.append(Sell(reset=True))
    lost = counter.buy()
    assert lost.outcome is PurchaseOutcome.UNKNOWN
    refused = counter.buy("25")
    assert refused.outcome is PurchaseOutcome.REFUSED
    assert reason(refused) == "topup.open"
    asked = counter.ask(lost)
    assert asked.outcome is PurchaseOutcome.GRANTED
    (first, again) = counter.server.posts
    assert first == again
    assert counter.server.charges == [1000]
    assert counter.find(lost) == asked


@pytest.mark.parametrize(
    ("plan", "outcome"),
    [
        (refuses(401, "invalid_token"), "unknown"),
        (refuses(404, "gone"), "unknown"),
        (refuses(422, "key_reused"), "unknown"),
        (Say(429), "unknown"),
        (Say(503), "unknown"),
        (Sell(reset=True), "unknown"),
        (refuses(402, "card_declined"), "unknown"),
        (refuses(402, "authentication_required"), "unknown"),
        (Sell(status="failed"), "refused"),
    ],
)
def test_only_what_speaks_of_that_payment_settles_it(
    counter: Counter, plan: Sell | Say, outcome: str
) -> None:
    counter.server.script.append(Sell(reset=True))
    lost = counter.buy()
    counter.server.script.append(plan)
    asked = counter.ask(lost)
    assert asked.outcome.value == outcome
    assert counter.find(lost).is_open is (outcome == "unknown")
    if outcome == "unknown":
        assert counter.buy("5").outcome is PurchaseOutcome.REFUSED
        assert counter.ask(lost).outcome is PurchaseOutcome.GRANTED
    assert counter.server.charges == [1000]


def test_a_day_after_it_was_sent_nothing_is_asked_again_though_the_clock_was_put_back(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.server.script.append(Sell(reset=True))
    lost = counter.buy()
    up = uptime()
    assert up is not None
    monkeypatch.setattr("time.clock_gettime", lambda _: up.seconds + 86_500)
    assert counter.ask(lost).outcome is PurchaseOutcome.UNKNOWN
    assert len(counter.server.posts) == 1
    monkeypatch.undo()
    monkeypatch.setattr(topup_service, "start_errand", Forked)
    assert counter.ask(lost).outcome is PurchaseOutcome.GRANTED
    assert counter.server.charges == [1000]


def test_after_a_day_and_without_a_key_nothing_is_asked_again(counter: Counter, tmp_path: Path) -> None:
    counter.server.script.append(Sell(reset=True))
    lost = counter.buy()
    old = lost.asking(now() + timedelta(hours=24))
    assert old is not None
    assert old.code == "topup.too_old"
    # a clock that was put back says nothing of its age
    assert lost.asking(now() - timedelta(hours=1)) is not None
    assert lost.asking(now() + timedelta(hours=23)) is None
    with TopUpServer(takes_key=False) as server:
        other = Counter(tmp_path / "other", server)
        server.script.append(Sell(reset=True))
        lost = other.buy()
        asked = other.ask(lost)
        assert asked == lost
        assert len(server.posts) == 1


@pytest.mark.parametrize("settled", list(Settled))
def test_a_person_settles_what_is_unknown(counter: Counter, settled: Settled) -> None:
    counter.server.script.append(Sell(reset=True))
    counter.caps = Caps(Decimal(15), Decimal(500))
    lost = counter.buy()
    done = counter.book.settle(lost, settled)
    assert isinstance(done, Purchase)
    assert counter.find(lost) == done
    assert not done.is_open
    # it counts against the caps as it was settled
    outcome = counter.buy("11").outcome
    assert (outcome is PurchaseOutcome.GRANTED) is (settled is Settled.NOT_CHARGED)
    assert not isinstance(counter.book.settle(lost, settled), Purchase)


@pytest.mark.parametrize("round_", range(ROUNDS))
@pytest.mark.parametrize("step", STEPS)
def test_a_process_that_is_killed_charges_once_and_says_what_it_knows(
    counter: Counter, step: str, round_: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("POOLWATCH_TEST", "1")
        patch.setenv("POOLWATCH_FAILPOINT", f"{step}:kill")
        bought = counter.buy()
    assert len(counter.server.charges) == int(STEPS[step])
    if step in _KEPT:
        assert bought.outcome is PurchaseOutcome.GRANTED
        assert counter.find(bought).outcome is PurchaseOutcome.GRANTED
    elif step in _DOUBTED:
        assert bought.outcome is PurchaseOutcome.UNKNOWN
        assert counter.buy("5").outcome is PurchaseOutcome.REFUSED
        assert counter.ask(bought).outcome is PurchaseOutcome.GRANTED
        assert counter.server.charges == [1000]
    else:
        assert bought.outcome is PurchaseOutcome.REFUSED
        assert reason(bought) == "topup.process_ended"
        assert counter.buy().outcome is PurchaseOutcome.GRANTED
    left = [name for name in counter.book.folder.names() if not name.endswith(".journal")]
    assert left == []


@pytest.mark.parametrize("step", STEPS)
def test_killed_as_it_is_asked_again_it_charges_once(
    counter: Counter, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.server.script.append(Sell(reset=True))
    lost = counter.buy()
    with monkeypatch.context() as patch:
        patch.setenv("POOLWATCH_TEST", "1")
        patch.setenv("POOLWATCH_FAILPOINT", f"{step}:kill")
        counter.ask(lost)
    known = counter.find(lost).outcome
    assert known is (PurchaseOutcome.GRANTED if step in _KEPT else PurchaseOutcome.UNKNOWN)
    if known is PurchaseOutcome.UNKNOWN:
        assert counter.buy("5").outcome is PurchaseOutcome.REFUSED
        assert counter.ask(lost).outcome is PurchaseOutcome.GRANTED
    assert counter.server.charges == [1000]


def test_killed_as_it_looks_for_a_pending_one_it_is_looked_up_later(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.server.script.append(Sell(status="pending", code=202))
    with monkeypatch.context() as patch:
        patch.setenv("POOLWATCH_TEST", "1")
        patch.setenv("POOLWATCH_FAILPOINT", "looking:kill")
        bought = counter.buy()
    found = counter.find(bought)
    assert found.is_open
    assert found.standing(found.at + PENDING_FOR * 3) is PurchaseOutcome.UNKNOWN
    assert counter.buy("5").outcome is PurchaseOutcome.REFUSED
    assert counter.ask(bought).outcome is PurchaseOutcome.GRANTED
    assert (len(counter.server.posts), counter.server.charges) == (1, [1000])


@pytest.mark.parametrize("step", ["preflight", "journal", "pending", "filled", "noted"])
@pytest.mark.parametrize("error", ["EIO", "ENOSPC"])
def test_a_disk_that_fails(counter: Counter, step: str, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("POOLWATCH_TEST", "1")
        patch.setenv("POOLWATCH_FAILPOINT", f"{step}:{error}")
        bought = counter.buy()
    was_sent = STEPS[step]
    assert len(counter.server.posts) == int(was_sent)
    assert bought.outcome is (PurchaseOutcome.GRANTED if was_sent else PurchaseOutcome.REFUSED)
    assert counter.find(bought).outcome is bought.outcome


def test_of_a_crowd_with_one_wish_one_buys(counter: Counter) -> None:
    found: list[Purchase] = []
    orders = [counter.order(counter.wish(), seen="") for _ in range(6)]
    crowd = [
        threading.Thread(target=lambda each=each: found.append(carry_out(each, counter.book)))
        for each in orders
    ]
    for each in crowd:
        each.start()
    for each in crowd:
        each.join()
    assert counter.server.charges == [1000]
    assert sum(each.outcome is PurchaseOutcome.GRANTED for each in found) == 1
    assert {reason(each) for each in found if each.outcome is PurchaseOutcome.REFUSED} <= {
        "topup.busy",
        "topup.changed",
    }


def test_the_same_again_within_a_minute_is_taken_for_a_slip(counter: Counter) -> None:
    counter.buy()
    twice = counter.buy()
    assert reason(twice) == "topup.twice"
    assert counter.buy("10.01").outcome is PurchaseOutcome.GRANTED
    assert counter.buy(target="other").outcome is PurchaseOutcome.GRANTED
    assert counter.server.charges == [1000, 1001, 1000]


def test_nothing_is_sent_beyond_a_cap_or_without_a_token(counter: Counter) -> None:
    counter.caps = Caps(Decimal(20), Decimal(25))
    assert counter.buy("12").outcome is PurchaseOutcome.GRANTED
    assert reason(counter.buy("9", target="other")) == "topup.cap_day"
    assert counter.buy("8").outcome is PurchaseOutcome.GRANTED
    counter.caps = Caps(Decimal(200), Decimal(25))
    assert reason(counter.buy("5.01")) == "topup.cap_month"
    counter.token_file.write_text("")
    assert reason(counter.buy("1")) == "topup.no_token"
    counter.token_file.unlink()
    assert reason(counter.buy("1")) == "topup.token_file"
    assert counter.server.charges == [1200, 800]


def test_a_damaged_journal_buys_nothing(counter: Counter) -> None:
    counter.buy()
    path = counter.book.folder.journal(counter.key)
    path.write_bytes(path.read_bytes().replace(b"sending", b"sendinh", 1))
    assert reason(counter.buy("5")) == "topup.journal_damaged"
    assert len(counter.server.posts) == 1


def test_no_token_is_written_down(counter: Counter) -> None:
    counter.server.script.append(Sell(reset=True))
    counter.buy()
    for path in counter.state.rglob("*"):
        if path.is_file() and path != counter.token_file:
            assert TOKEN.encode() not in path.read_bytes()


def test_who_is_at_work_keeps_others_away(counter: Counter) -> None:
    counter.server.release.clear()
    found: list[Purchase] = []
    first = threading.Thread(target=lambda: found.append(counter.buy()))
    first.start()
    assert counter.server.arrived.wait(20)
    assert counter.book.is_at_work(counter.key)
    assert reason(counter.buy("25")) in ("topup.busy", "topup.open")
    counter.server.release.set()
    first.join()
    assert found[0].outcome is PurchaseOutcome.GRANTED
    assert counter.server.charges == [1000]


def test_a_service_that_said_later_and_charged_is_paid_once(counter: Counter) -> None:
    counter.server.script.extend((Sell(code=503, instead=b"<html>"), Say(429)))
    assert counter.buy().outcome is PurchaseOutcome.TRY_LATER
    assert counter.buy("10.01", target="another").outcome is PurchaseOutcome.TRY_LATER
    assert reason(counter.buy("99999")) == "topup.cap_day"
    bought = counter.buy()
    assert bought.outcome is PurchaseOutcome.GRANTED
    assert counter.server.charges == [1000]
    first, another, last = (key for key, _ in counter.server.posts)
    assert first == last == bought.request_id != another
    assert counter.buy("25").request_id != first


def test_with_another_token_a_request_is_not_repeated(counter: Counter) -> None:
    """Its account may be another, which has not seen the key, and would be charged."""
    counter.server.script.append(Sell(reset=True))
    lost = counter.buy()
    counter.token_file.write_text("tok-of-another")
    asked = counter.ask(lost)
    assert asked.is_open
    assert reason(asked) == "topup.other_token"
    assert len(counter.server.posts) == 1
    counter.token_file.write_text(TOKEN)
    assert counter.ask(lost).outcome is PurchaseOutcome.GRANTED
    assert counter.server.charges == [1000]


def test_without_a_token_it_is_said_that_nothing_was_asked(counter: Counter) -> None:
    counter.server.script.append(Sell(reset=True))
    lost = counter.buy()
    counter.token_file.unlink()
    asked = counter.ask(lost)
    assert (asked.is_open, reason(asked)) == (True, "topup.token_file")


def test_however_an_address_is_written_it_has_one_journal() -> None:
    places = (
        "https://pay.example.com/topups",
        "https://Pay.Example.com:443/topups/",
        "https://pay.example.com./topups",
    )
    assert len({key_of(each) for each in places}) == 1
    others = (
        "https://pay.example.com/Topups",
        "https://pay.example.com:444/topups",
        "https://example.com/topups",
    )
    assert len({key_of(each) for each in (*places, *others)}) == 4


def test_a_token_that_an_answer_repeats_is_written_nowhere(reef: Counter) -> None:
    reef.server.script.append(Say(400, json.dumps({"error": f"no such token: {TOKEN}"}).encode()))
    refused = reef.buy()
    assert refused.reason is not None
    assert dict(refused.reason.arguments)["text"] == "no such token: ***"
    assert_token_is_nowhere(reef)


def test_a_token_that_a_look_repeats_is_written_nowhere(counter: Counter) -> None:
    counter.server.script.append(Sell(status="pending", code=202))
    counter.server.states = type(counter.server.states)(["failed"])
    counter.server.look_code = f"not of {TOKEN}"
    refused = counter.buy()
    assert refused.reason is not None
    assert dict(refused.reason.arguments)["why"] == "not of ***"
    assert_token_is_nowhere(counter)


def assert_token_is_nowhere(counter: Counter) -> None:
    for path in counter.state.rglob("*"):
        if path.is_file() and path != counter.token_file:
            assert TOKEN.encode() not in path.read_bytes()


@pytest.mark.parametrize("back", [True, False], ids=["put back", "made anew"])
def test_where_the_folder_is_replaced_in_between_nothing_is_sent(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, back: bool
) -> None:
    """As when a backup is put back, or the folder is deleted, while a top-up is being noted."""
    assert counter.book.folder.prepare() is None
    copy = tmp_path / "copy"
    shutil.copytree(counter.state, copy)

    def replace_folder(step: str) -> None:
        if step == "journal":
            counter.state.rename(tmp_path / "moved")
            if back:
                shutil.copytree(copy, counter.state)
            else:
                assert counter.book.folder.prepare() is None

    monkeypatch.setattr("poolwatch.purchases.topping_up.reach", replace_folder)
    assert counter.buy().outcome is PurchaseOutcome.REFUSED
    assert counter.server.posts == []
    assert not any(each.is_open for each in counter.known())


def test_where_nobody_can_read_what_was_sent_it_is_unknown(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def damage(step: str) -> None:
        if step == "replied":
            path = counter.book.folder.journal(counter.key)
            begun, sending = path.read_bytes().splitlines()
            path.write_bytes(begun + b"\n" + sending[:-9] + b"X" + sending[-8:] + b"\n")
            os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr("poolwatch.purchases.topping_up.reach", damage)
    bought = counter.buy()
    assert (bought.outcome, reason(bought)) == (PurchaseOutcome.UNKNOWN, "topup.journal_damaged")
    assert counter.server.charges == [1000]


def test_on_a_disk_that_takes_nothing_top_ups_are_still_told(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.server.script.append(Sell(reset=True))
    lost = counter.buy()

    def read_only(path: Path, patience: float = 0.0) -> NoReturn:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr("poolwatch.purchases.topup_book.held", read_only)
    assert counter.book.everything().purchases == (lost,)
