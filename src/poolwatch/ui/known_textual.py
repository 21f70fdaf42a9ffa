"""The one version of Textual whose private parts were read; with any other its stock behaviour is used."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import textual

VERSION: Final = "8.2.8"
#: by the name of its metadata folder: to ask for the version in the usual way costs a tenth of a start
IS_KNOWN: bool = (Path(textual.__file__).parents[1] / f"textual-{VERSION}.dist-info").is_dir()
