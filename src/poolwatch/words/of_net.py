"""The sentences for the codes of the HTTP client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from poolwatch.words.catalogue import mark

#: By code; each text is marked for translation, its blanks are named.
TEXTS: Final[Mapping[str, str]] = {
    "net.the_proxy": mark("the proxy {place}"),
    "net.bad_address": mark("the configured address is not valid; nothing was sent"),
    "net.bad_header": mark("the header {header} has characters that cannot be sent; nothing was sent"),
    "net.bad_authorities": mark("the certificates in {path} ({origin}) cannot be read; nothing was sent"),
    "net.bad_proxy": mark("the proxy or its password cannot be used, see [net]; nothing was sent"),
    "net.no_socks": mark("a socks5 proxy needs the extra: pip install 'poolwatch[socks]'"),
    # before the request is sent
    "net.slow_lookup": mark("{place} was not found by the name service (DNS) within {seconds} s"),
    "net.unknown_name": mark("{place} has no address: the name is not known (DNS)"),
    "net.no_lookup": mark("{place} could not be looked up: the name service does not answer (DNS)"),
    "net.slow_connect": mark("{place} did not accept a connection within {seconds} s"),
    "net.refused": mark("{place} refused the connection"),
    "net.reset": mark("{place} reset the connection"),
    "net.unaccepted": mark("{place} took too long to accept a connection"),
    "net.no_way": mark("{place} cannot be reached: there is no route to it from here"),
    "net.slow_proxy": mark("{place} did not open a connection within {seconds} s"),
    "net.proxy_refuses": mark("{place} refused to open a connection"),
    "net.proxy_refuses_with": mark("{place} refused to open a connection ({status})"),
    "net.slow_tls": mark("{place} did not finish the TLS handshake within {seconds} s"),
    "net.tls_hung_up": mark("{place} hung up during the TLS handshake"),
    "net.no_tls": mark("{place} does not agree on TLS 1.2 or newer"),
    "net.bad_certificate": mark("{place} has a TLS certificate that is not valid: {why}"),
    "net.unknown_authority": mark(
        "{place} has a TLS certificate that is not valid: {why}; if your network has its own authority,"
        " name its file in [net] ca_file"
    ),
    # from here on
    "net.slow_request": mark("{place} did not take the request within {seconds} s"),
    "net.slow_answer": mark("{place} did not answer within {seconds} s"),
    "net.slow_body": mark("{place} did not finish its answer within {seconds} s"),
    "net.no_answer": mark("{place} closed the connection without an answer"),
    "net.cut_off": mark("{place} closed the connection in the middle of its answer"),
    "net.not_http": mark("{place} does not answer in HTTP"),
    "net.too_large": mark("{place} sent more than {kib} KiB"),
    "net.compressed": mark("{host} sent a compressed answer that was not asked for"),
    "net.redirect": mark("{host} redirects to {to}; not followed"),
    "net.redirect_elsewhere": mark("{host} redirects to another place; not followed"),
}
