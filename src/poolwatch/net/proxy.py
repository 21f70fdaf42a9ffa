"""The proxy that requests go through, where one is configured."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from poolwatch.config.settings import NetSettings
from poolwatch.config.values import FROM_ENVIRONMENT, is_loopback
from poolwatch.net.tls import CA_VARIABLES

if TYPE_CHECKING:
    import ssl

    import httpx

PROXY_VARIABLES: Final = ("https_proxy", "HTTPS_PROXY")
EXCEPTION_VARIABLES: Final = ("no_proxy", "NO_PROXY")


class Proxies(Struct, frozen=True):
    """A proxy, and the hosts that are asked without it."""

    proxy: httpx.Proxy | None = None
    exceptions: str = ""

    def towards(self, url: httpx.URL) -> httpx.Proxy | None:
        """The proxy for this address: only https to another machine goes through one."""
        if self.proxy is None or url.scheme != "https" or is_loopback(url.host):
            return None
        if self.exceptions:
            from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

            if proxy_bypass_environment(url.netloc.decode("ascii"), {"no": self.exceptions}):
                return None
        return self.proxy


def proxies(settings: NetSettings, env: Mapping[str, str], tls: ssl.SSLContext) -> Proxies:
    """What the settings say. Opens the password's file: use a thread.

    Raises:
        OSError: the password cannot be read.
        ValueError: the address of the proxy is none.
    """
    import httpx

    if settings.proxy is None:
        return Proxies()
    if settings.proxy == FROM_ENVIRONMENT:
        address = environment_proxy(env)
        if address is None:
            return Proxies()
        exceptions = next((env[name] for name in EXCEPTION_VARIABLES if env.get(name)), "")
        url = httpx.URL(address if "://" in address else f"http://{address}")
        return Proxies(_proxy(url, url.password, tls), exceptions)
    return Proxies(_proxy(httpx.URL(settings.proxy), _password(settings, env), tls))


def environment_proxy(env: Mapping[str, str]) -> str | None:
    """What HTTPS_PROXY says, None where it is not set."""
    return next((env[name] for name in PROXY_VARIABLES if env.get(name)), None)


def heeded(settings: NetSettings) -> tuple[str, ...]:
    """The variables of the environment that have a say with these settings."""
    if settings.proxy == FROM_ENVIRONMENT:
        return (*CA_VARIABLES, *PROXY_VARIABLES, *EXCEPTION_VARIABLES)
    return (*CA_VARIABLES, *filter(None, (settings.proxy_password_env,)))


def _proxy(url: httpx.URL, password: str, tls: ssl.SSLContext) -> httpx.Proxy:
    import httpx

    auth = (url.username, password) if url.username or password else None
    own_tls = tls if url.scheme == "https" else None
    return httpx.Proxy(url.copy_with(username=None, password=None), auth=auth, ssl_context=own_tls)


def _password(settings: NetSettings, env: Mapping[str, str]) -> str:
    if settings.proxy_password_file is not None:
        return Path(settings.proxy_password_file).read_text("utf-8").rstrip("\r\n")
    return env.get(settings.proxy_password_env or "", "")
