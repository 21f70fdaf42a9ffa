"""How requests leave this machine, as `doctor` says it."""

from __future__ import annotations

from poolwatch.words.catalogue import _


def trusted(place: str, origin: str, *, is_there: bool) -> tuple[str, str]:
    """Which certificates of authorities hold, and the remedy where they are not there."""
    if is_there:
        return _("TLS certificates: {place} ({origin})").format(place=place, origin=origin), ""
    words = _("TLS certificates: {place} ({origin}) is not there; nothing can be asked over https")
    remedy = _("correct {origin}").format(origin=origin)
    return words.format(place=place, origin=origin), remedy


def uses_proxy(proxy: str) -> str:
    """What https to other machines goes through."""
    return _("https to other machines goes through the proxy: {proxy}").format(proxy=proxy)


def unused_proxy() -> tuple[str, str]:
    """The environment names a proxy that the settings do not use."""
    return _("HTTPS_PROXY is set and not used"), _('to use it: [net] proxy = "env"')


def no_environment_proxy() -> tuple[str, str]:
    """The settings use a proxy that the environment does not name."""
    return _('[net] proxy is "env", and HTTPS_PROXY is not set: no proxy is used'), ""
