"""The one version of Textual whose private parts were read; with any other its stock behaviour is used."""

from __future__ import annotations

from importlib.machinery import PathFinder
from pathlib import Path
from typing import Final

VERSION: Final = "8.2.8"


def _is_installed(version: str) -> bool:
    """Whether it is this version, by the name of its metadata folder, and without loading anything of it.

    To ask for the version in the usual way costs a tenth of a start.
    """
    found = PathFinder.find_spec("textual")
    origin = found.origin if found is not None else None
    return origin is not None and (Path(origin).parents[1] / f"textual-{version}.dist-info").is_dir()


IS_KNOWN: bool = _is_installed(VERSION)
