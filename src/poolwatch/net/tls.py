"""Whom to trust in TLS."""

from __future__ import annotations

import ssl
from pathlib import Path

import certifi


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """TLS 1.2 or newer, names verified; built by hand: SSLKEYLOGFILE and SSL_CERT_FILE mean nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_verify_locations(cafile=str(ca_file) if ca_file is not None else certifi.where())
    return context
