"""The channel `apprise`: SMS, Slack, Telegram, ntfy and the like, by the library of that name.

It runs in a process of its own, `python -m poolwatch.notify.apprise`: loading it takes a second, and its
address, which is a secret as a whole, goes there over stdin.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Mapping
from typing import Final

from poolwatch.config.limit_settings import ChannelSettings
from poolwatch.domain.account import Secret
from poolwatch.domain.alerts import Severity
from poolwatch.domain.message import Message, message
from poolwatch.domain.notices import Outgoing, SendOutcome, Sent
from poolwatch.host.threads import in_thread
from poolwatch.notify.exec import Ended, home_folder, not_started, run_program
from poolwatch.notify.secret_file import SecretPlace
from poolwatch.once.process import bare_environment

DEADLINE_SECONDS: Final = 30.0
_MODULE: Final = "poolwatch.notify.apprise"
#: What its services need to get out.
_WAYS: Final = (
    *("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "NO_PROXY", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE"),
)
_TYPES: Final = {Severity.INFO: "info", Severity.WARNING: "warning", Severity.CRITICAL: "failure"}
# how the process ends, beside 0
_UNKNOWN_ADDRESS: Final = 3
_NOT_TAKEN: Final = 4
_SERVICE: Final = re.compile(r"[\w .+-]{1,40}")


def is_installed() -> bool:
    """Whether the extra is there; it is not loaded."""
    return importlib.util.find_spec("apprise") is not None


class Apprise:
    """Gives the title and the text of a notice to one service."""

    def __init__(
        self, settings: ChannelSettings, env: Mapping[str, str], deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self._address = SecretPlace(settings.url_file)
        self._env = env
        self._deadline = deadline_seconds

    async def send(self, notice: Outgoing) -> Sent:
        try:
            order = await in_thread(lambda: self._order(notice))
        except RuntimeError as error:
            order = not_started("apprise", error)
        if isinstance(order, Message):
            return Sent(SendOutcome.FAILED, order)
        try:
            ended = await run_program(
                # -P: a folder that poolwatch happens to be started in has no say in what is imported
                (sys.executable, "-P", "-m", _MODULE),
                order.reveal().encode(),
                bare_environment(self._env, _WAYS),
                folder=home_folder(self._env),
                seconds=self._deadline,
            )
        except (OSError, ValueError, RuntimeError) as error:
            return Sent(SendOutcome.FAILED, not_started("apprise", error))
        if ended.status == 0:
            return Sent(SendOutcome.TAKEN)
        if ended.status == _UNKNOWN_ADDRESS:
            return Sent(SendOutcome.FAILED, message("channel.no_service", place=self._address.told))
        if ended.status == _NOT_TAKEN:
            service = ended.line if _SERVICE.fullmatch(ended.line) else "apprise"
            return Sent(SendOutcome.FAILED, message("channel.not_taken", service=service))
        # what else it says may hold the address
        why = Ended(ended.status).why("apprise", self._deadline)
        return Sent(SendOutcome.FAILED, why)

    def _order(self, notice: Outgoing) -> Secret | Message:
        if not is_installed():
            return message("channel.no_apprise")
        address = self._address.read(self._env)
        if isinstance(address, Message):
            return address
        if len(address.reveal().splitlines()) > 1:
            return message("channel.one_address", place=self._address.told)
        order = {
            "address": address.reveal(),
            "title": notice.title,
            "text": notice.text,
            "type": _TYPES[notice.severity],
        }
        return Secret(json.dumps(order))


def main() -> int:
    """Send what stands on stdin; nothing of it is repeated, whatever fails."""
    order = json.load(sys.stdin)
    import apprise

    services = apprise.Apprise(asset=apprise.AppriseAsset(app_id="poolwatch", app_desc="poolwatch"))
    if not services.add(order["address"]):
        return _UNKNOWN_ADDRESS
    sys.stdout.write(f"{services[0].service_name}\n")
    sys.stdout.flush()
    taken = services.notify(
        body=order["text"],
        title=order["title"],
        notify_type=order["type"],
        body_format="text",
    )
    return 0 if taken else _NOT_TAKEN


if __name__ == "__main__":
    try:
        code = main()
    except Exception:  # noqa: BLE001 - a traceback would show the address
        code = _NOT_TAKEN
    sys.exit(code)
