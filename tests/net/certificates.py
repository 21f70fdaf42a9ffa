"""Certificates made for a test."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path


def certificates(folder: Path) -> Path:
    """`right` is for localhost, `wrong` for pool.example.com; both are authorities of their own.

    `both.pem` holds them together, and `hashed` is a folder with `right` that OpenSSL searches.
    """
    for name, subject in (("right", "DNS:localhost"), ("wrong", "DNS:pool.example.com")):
        _openssl(
            folder,
            *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", f"{name}.key", "-out", f"{name}.pem", "-days", "2", "-subj", f"/CN=test {name}"),
            *("-addext", f"subjectAltName={subject}"),
        )
    (folder / "both.pem").write_text((folder / "right.pem").read_text() + (folder / "wrong.pem").read_text())
    name = _openssl(folder, "x509", "-hash", "-noout", "-in", "right.pem").strip()
    (folder / "hashed").mkdir()
    shutil.copy(folder / "right.pem", folder / "hashed" / f"{name}.0")
    return folder


def _openssl(folder: Path, *arguments: str) -> str:
    program = shutil.which("openssl") or "openssl"
    return subprocess.run(
        [program, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout
