"""Whom to trust in TLS."""

from __future__ import annotations

import ssl
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

_AUTHORITIES: Final = "cacert.pem"


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, names verified; built by hand: SSLKEYLOGFILE and SSL_CERT_FILE mean nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_verify_locations(cafile=str(ca_file if ca_file is not None else authorities()))
    return context


def authorities() -> Path:
    """certifi's file, which lies in its package: to ask for it loads a dozen modules that open archives."""
    found = PathFinder.find_spec("certifi")
    beside = Path(found.origin).with_name(_AUTHORITIES) if found is not None and found.origin else None
    if beside is not None and beside.is_file():
        return beside
    import certifi  # packed in another way: it knows how

    return Path(certifi.where())
