"""Whom to trust in TLS: the first of a setting, the environment, the system's store and certifi."""

from __future__ import annotations

import re
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import certifi
from msgspec import Struct

from poolwatch.config.settings import NetSettings

#: In this order: Codex's own variable first, then those of OpenSSL.
FILE_VARIABLES: Final = ("CODEX_CA_CERTIFICATE", "SSL_CERT_FILE")
FOLDER_VARIABLE: Final = "SSL_CERT_DIR"
CA_VARIABLES: Final = (*FILE_VARIABLES, FOLDER_VARIABLE)
SETTING: Final = "net.ca_file"
SYSTEM: Final = "system"
CERTIFI: Final = "certifi"

#: A certificate in a folder that OpenSSL searches.
_HASHED: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")


class Authorities(Struct, frozen=True):
    """Where their certificates lie; `origin` is the setting or the variable, `system` or `certifi`."""

    origin: str
    file: str | None = None
    folder: str | None = None

    @property
    def place(self) -> str:
        """The file, or else the folder."""
        return self.file or self.folder or ""


def authorities(settings: NetSettings, env: Mapping[str, str]) -> Authorities:
    """Those that hold."""
    if settings.ca_file is not None:
        return Authorities(SETTING, settings.ca_file)
    for name in FILE_VARIABLES:
        if file := env.get(name):
            return Authorities(name, file)
    if folder := env.get(FOLDER_VARIABLE):
        return Authorities(FOLDER_VARIABLE, folder=folder)
    # not `cafile` and `capath`: these heed the process's environment
    paths = ssl.get_default_verify_paths()
    if Path(paths.openssl_cafile).is_file():
        return Authorities(SYSTEM, paths.openssl_cafile)
    if _holds_certificates(Path(paths.openssl_capath)):
        return Authorities(SYSTEM, folder=paths.openssl_capath)
    return Authorities(CERTIFI, certifi.where())


def tls_context(trusted: Authorities) -> ssl.SSLContext:
    """TLS 1.2 or newer, names verified; made by hand, so that SSLKEYLOGFILE means nothing.

    Raises:
        OSError: the authorities cannot be read, or are none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(trusted.file, trusted.folder)
    return context


def _holds_certificates(folder: Path) -> bool:
    try:
        return any(_HASHED.fullmatch(each.name) for each in folder.iterdir())
    except OSError:
        return False
