"""What the server answers over real HTTP: addresses, who may see what, states, faults on order."""

import asyncio
import base64
import hmac
import http.client
import json
import socket
import time
from urllib.parse import urlsplit

import pytest
from tests.demo.talk import Held, at, call, claims, exchange, login, usage
from tests.support.upstream import Upstream


@pytest.mark.parametrize(
    "path", ["/backend-api/wham/usage", "/backend-api/codex/usage", "/api/codex/usage", "/codex/usage"]
)
def test_usage_is_served_at_every_known_address(upstream: Upstream, path: str) -> None:
    answer = usage(upstream, "alice", path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["date"] == "Fri, 20 Nov 2026 21:00:00 GMT"
    assert answer.json == upstream.account("alice").usage


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE"])
def test_other_methods_are_refused(upstream: Upstream, method: str) -> None:
    answer = call(upstream.base_url + "/wham/usage", method)
    assert (answer.status, answer.headers["allow"], answer.body) == (405, "GET", b"")
    assert call(upstream.token_url, "GET").status == 405
    assert upstream.state().totals["usage_gets"] == 0


def test_unknown_addresses_are_an_empty_404(upstream: Upstream) -> None:
    for path in ("/", "/backend-api/wham/usages", "/_demo/nothing"):
        answer = call(upstream.root + path)
        assert (answer.status, answer.body) == (404, b"")


def test_who_may_see_what(upstream: Upstream) -> None:
    alice, dev14 = login(upstream, "alice"), login(upstream, "dev14")
    for bearer in ("wrong", "", login(upstream, "ci-key").access):
        answer = usage(upstream, Held(bearer, "", None))
        assert (answer.status, answer.json) == (401, {"detail": "Unauthorized"})
    other = usage(upstream, Held(alice.access, "", dev14.account_id))
    assert (other.status, other.headers["content-type"]) == (403, "application/json")
    assert usage(upstream, Held(alice.access, "", None)).status == 200
    assert upstream.state().totals["unknown_bearers"] == 3


def test_states_on_the_wire(upstream: Upstream) -> None:
    for label in ("carol", "judy", "kent"):
        assert int(str(claims(login(upstream, label).access)["exp"])) < upstream.state().now
        answer = usage(upstream, label)
        assert (answer.status, answer.code) == (401, "token_expired")
    throttled = usage(upstream, "lena")
    assert (throttled.status, throttled.headers["retry-after"]) == (429, "90")
    gone = usage(upstream, "yuri")
    assert (gone.status, gone.json) == (402, {"detail": {"code": "deactivated_workspace"}})
    assert usage(upstream, "olga").json["plan_type"] == "enterprise"
    assert login(upstream, "olga").access.startswith("at-")


def test_an_edge_block_comes_after_one_good_reading(upstream: Upstream) -> None:
    assert usage(upstream, "erin").status == 200
    for _ in range(2):
        answer = usage(upstream, "erin")
        assert (answer.status, answer.headers["cf-mitigated"]) == (403, "challenge")
        assert answer.headers["server"] == "cloudflare"
        assert answer.headers["content-type"].startswith("text/html")
        assert b"Just a moment" in answer.body


def test_the_slow_account_takes_its_time(upstream: Upstream) -> None:
    begun = time.monotonic()
    slow = asyncio.run(_both(upstream))
    assert 2 <= time.monotonic() - begun < 8
    assert slow == (200, 200)


async def _both(upstream: Upstream) -> tuple[int, int]:
    slow = asyncio.create_task(asyncio.to_thread(usage, upstream, "mike"))
    while upstream.account("mike").usage_gets == 0:  # noqa: ASYNC110  # the server is the event
        await asyncio.sleep(0.01)
    quick = await asyncio.to_thread(usage, upstream, "alice")
    assert not slow.done()
    return (await slow).status, quick.status


def test_banked_resets_are_listed(upstream: Upstream) -> None:
    listed = usage(upstream, "alice", "/backend-api/wham/rate-limit-reset-credits").json
    assert listed["available_count"] == 2
    rows = listed["credits"]
    assert isinstance(rows, list)
    assert [row["status"] for row in rows] == ["available", "available"]
    assert rows[0]["expires_at"] == "2026-12-11T21:00:00Z"


def test_a_banked_reset_is_used_once_for_each_request(upstream: Upstream) -> None:
    path = "/backend-api/wham/rate-limit-reset-credits"

    def events() -> list[object]:
        rows = usage(upstream, "lee", f"{path}/history").json["events"]
        assert isinstance(rows, list)
        return [row["kind"] for row in rows]

    def weekly() -> object:
        return at(usage(upstream, "lee").json, "rate_limit", "secondary_window", "used_percent")

    assert (events(), weekly()) == (["granted"], 100)
    who = login(upstream, "lee")
    headers = {"Authorization": f"Bearer {who.access}", "ChatGPT-Account-Id": who.account_id or ""}
    codes = [
        call(
            f"{upstream.root}{path}/consume",
            "POST",
            headers,
            json.dumps({"redeem_request_id": each}).encode(),
        )
        for each in ("r1", "r1", "r2")
    ]
    assert [answer.json["code"] for answer in codes] == ["reset", "already_redeemed", "no_credit"]
    assert usage(upstream, "lee", path).json["available_count"] == 0
    assert (events(), weekly()) == (["granted", "used"], 0)


def test_a_profile_has_days(upstream: Upstream) -> None:
    served = usage(upstream, "alice", "/backend-api/wham/profiles/me").json
    assert served["stats"] == {"lifetime_tokens": 0, "daily_usage_buckets": []}


def test_a_refresh_changes_the_figures_that_are_served(upstream: Upstream) -> None:
    before = usage(upstream, "ops").json
    exchange(upstream, login(upstream, "ops").refresh)
    assert usage(upstream, "ops").json["rate_limit"] != before["rate_limit"]


def test_a_connection_is_kept_and_closed_as_asked(upstream: Upstream) -> None:
    parts = urlsplit(upstream.root)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        for _ in range(3):
            connection.request("GET", "/codex/usage")
            assert connection.getresponse().read() == b'{"detail":"Unauthorized"}'
        kept = connection.sock
        connection.request("GET", "/codex/usage", headers={"Connection": "close"})
        assert connection.getresponse().headers["connection"] == "close"
        assert kept is not None
    finally:
        connection.close()
    # the three on one connection, the last on the same, and this question on another
    assert upstream.state().totals["connections"] == 2


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nbad header\r\n\r\n", 400),
        (b"POST /oauth/token HTTP/1.1\r\nContent-Length: x\r\n\r\n", 400),
        (b"POST /oauth/token HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"POST /oauth/token HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n\xff: x\r\n\r\n", 400),
    ],
    ids=lambda each: str(each)[:60],
)
def test_bad_requests_are_refused(upstream: Upstream, raw: bytes, status: int) -> None:
    with socket.create_connection(("127.0.0.1", upstream.port), timeout=10) as peer:
        peer.sendall(raw)
        assert peer.recv(64).startswith(f"HTTP/1.1 {status} ".encode())


def test_two_hundred_requests_at_once(upstream: Upstream) -> None:
    who = login(upstream, "alice")
    headers = f"Authorization: Bearer {who.access}\r\nConnection: close\r\n"
    request = f"GET /codex/usage HTTP/1.1\r\n{headers}\r\n".encode()

    async def ask() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", upstream.port)
        writer.write(request)
        reply = await reader.read()
        writer.close()
        await writer.wait_closed()
        return reply

    async def all_of_them() -> list[bytes]:
        return await asyncio.gather(*(ask() for _ in range(200)))

    replies = asyncio.run(all_of_them())
    assert all(reply.startswith(b"HTTP/1.1 200 OK") for reply in replies)
    assert upstream.account("alice").usage_gets == 200


# faults


def test_a_status_with_body_and_headers(upstream: Upstream) -> None:
    upstream.script("alice", {"status": 503, "body": {"a": 1}, "headers": {"Retry-After": "7"}}, times=2)
    assert upstream.state().faults == {"usage:alice": 2}
    for _ in range(2):
        answer = usage(upstream, "alice")
        assert (answer.status, answer.json, answer.headers["retry-after"]) == (503, {"a": 1}, "7")
    assert usage(upstream, "alice").status == 200
    assert usage(upstream, "dev14").status == 200


def test_a_header_can_be_put_in_place_of_another(upstream: Upstream) -> None:
    upstream.script("alice", {"headers": {"Date": "Fri, 20 Nov 2026 20:00:00 GMT"}})
    answer = usage(upstream, "alice")
    assert (answer.status, answer.headers["date"]) == (200, "Fri, 20 Nov 2026 20:00:00 GMT")


def test_faults_for_everybody_come_after_an_accounts_own_and_can_be_cleared(upstream: Upstream) -> None:
    upstream.script("*", {"status": 500}, times=None)
    upstream.script("alice", {"status": 502})
    assert [usage(upstream, "alice").status for _ in range(2)] == [502, 500]
    assert usage(upstream, "dev14").status == 500
    upstream.script("*", None)
    assert usage(upstream, "dev14").status == 200


def test_a_reset_is_a_reset(upstream: Upstream) -> None:
    upstream.script("alice", {"reset": True})
    who = login(upstream, "alice")
    # on the bare socket, because http.client calls an orderly end a reset as well
    with socket.create_connection(("127.0.0.1", upstream.port), timeout=10) as peer:
        peer.sendall(f"GET /codex/usage HTTP/1.1\r\nAuthorization: Bearer {who.access}\r\n\r\n".encode())
        with pytest.raises(ConnectionResetError):
            peer.recv(1)
    assert upstream.account("alice").usage_gets == 1


def test_a_truncated_body(upstream: Upstream) -> None:
    upstream.script("alice", {"truncate_at": 20})
    with pytest.raises(http.client.IncompleteRead) as caught:
        usage(upstream, "alice")
    assert len(caught.value.partial) == 20


def test_garbage_is_no_http(upstream: Upstream) -> None:
    upstream.script("alice", {"garbage": True})
    with pytest.raises(http.client.BadStatusLine):
        usage(upstream, "alice")


def test_a_redirect(upstream: Upstream) -> None:
    upstream.script("alice", {"redirect_to": "http://127.0.0.1:9/elsewhere"})
    answer = usage(upstream, "alice")
    assert (answer.status, answer.headers["location"]) == (307, "http://127.0.0.1:9/elsewhere")


def test_a_hang_says_nothing_until_the_client_leaves(upstream: Upstream) -> None:
    upstream.script("alice", {"hang": True})
    who = login(upstream, "alice")
    with socket.create_connection(("127.0.0.1", upstream.port), timeout=0.3) as peer:
        peer.sendall(f"GET /codex/usage HTTP/1.1\r\nAuthorization: Bearer {who.access}\r\n\r\n".encode())
        with pytest.raises(TimeoutError):
            peer.recv(1)
    assert usage(upstream, who).status == 200


def test_a_delay_and_a_drip(upstream: Upstream) -> None:
    upstream.script("alice", {"delay_seconds": 0.3})
    upstream.script("alice", {"status": 200, "body": "0123456789", "drip_seconds": 0.03})
    begun = time.monotonic()
    assert usage(upstream, "alice").status == 200
    waited = time.monotonic()
    assert waited - begun >= 0.3
    assert usage(upstream, "alice").body == b"0123456789"
    assert time.monotonic() - waited >= 0.3


def test_drop_after_commit_spends_the_token_and_loses_the_reply(upstream: Upstream) -> None:
    token = login(upstream, "alice").refresh
    before = upstream.account("alice").refresh_fingerprints
    upstream.script("token", {"drop_after_commit": True})
    with pytest.raises(ConnectionResetError):
        exchange(upstream, token)
    assert upstream.account("alice").refresh_fingerprints != before
    assert exchange(upstream, token).code == "refresh_token_reused"


def test_a_reset_before_the_exchange_spends_nothing(upstream: Upstream) -> None:
    token = login(upstream, "alice").refresh
    upstream.script("alice", {"reset": True}, endpoint="token")
    upstream.script("alice", {"status": 500}, endpoint="token")
    assert exchange(upstream, login(upstream, "ops").refresh).status == 200
    with pytest.raises(ConnectionResetError):
        exchange(upstream, token)
    assert exchange(upstream, token).status == 500
    assert exchange(upstream, token).status == 200


def test_the_payload_can_be_changed_and_restored(upstream: Upstream) -> None:
    before = usage(upstream, "alice").json
    upstream.patch_usage(
        "alice", {"rate_limit": {"primary_window": {"used_percent": 91}}, "credits": None}, remove=["promo"]
    )
    changed = usage(upstream, "alice").json
    assert at(changed, "rate_limit", "primary_window", "used_percent") == 91
    assert at(changed, "rate_limit", "secondary_window") == at(before, "rate_limit", "secondary_window")
    assert changed["credits"] is None
    assert "promo" not in changed
    upstream.patch_usage("alice", None)
    assert usage(upstream, "alice").json == before


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("script", {"account": "nobody", "fault": {"reset": True}}),
        ("script", {"account": "alice", "fault": {"explode": True}}),
        ("script", {"account": "alice", "fault": {"status": "500"}}),
        ("script", {"account": "alice", "fault": {"headers": {"X": "a\r\nb"}}}),
        ("usage", {"account": "alice", "patch": 1}),
        ("login", {"account": "alice", "access": "maybe"}),
        ("renew", {"account": "ci-key"}),
        ("renew", {"account": "vera"}),
    ],
)
def test_an_order_that_cannot_be_carried_out_is_refused(
    upstream: Upstream, name: str, order: dict[str, object]
) -> None:
    with pytest.raises(AssertionError, match="refused"):
        upstream._ask(name, order)


def test_the_state_shows_headers_but_no_bearer(upstream: Upstream) -> None:
    usage(upstream, "alice")
    seen = upstream.account("alice").last_usage_headers
    assert seen["accept"] == "application/json"
    assert seen["authorization"] == "(withheld)"


def test_a_notice_is_taken_once_and_only_where_its_signature_fits(upstream: Upstream) -> None:
    url = f"{upstream.root}/hooks/pool"
    key = base64.b64decode((upstream.home / "hook.key").read_text().strip().removeprefix("whsec_"))
    stamp = str(int(upstream.state().now))
    body = b'{"type": "channel.test"}'

    def post(name: str, at: str = stamp, sent: bytes = body, key: bytes = key) -> int:
        signed = f"{name}.{at}.".encode() + body
        signature = base64.b64encode(hmac.new(key, signed, "sha256").digest()).decode()
        headers = {
            "webhook-id": name,
            "webhook-timestamp": at,
            # an old key stands before the new one
            "webhook-signature": f"v1,b2xk v1,{signature}",
        }
        return call(url, "POST", headers, sent).status

    assert [post("one"), post("one"), post("two")] == [204, 204, 204]
    assert post("three", sent=b'{"type": "forged"}') == 401
    assert post("four", key=b"x" * 32) == 401
    assert post("five", at=str(int(stamp) - 400)) == 401
    assert call(url, "POST", {}, body).status == 401
    assert at(call(url).json, "taken") == [{"type": "channel.test"}] * 2
    assert call(url, "PUT").status == 405
