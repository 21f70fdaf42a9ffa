"""Everything that uses private parts of Textual: for the version in which they were read, and for no other.

With any other version the app runs on Textual's own driver and its own updates of the screen.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import textual

#: Read this package again before another version stands here.
VERSION: Final = "8.2.8"

#: By the name of its metadata folder: `importlib.metadata` takes a tenth of a start to load.
IS_KNOWN: bool = (Path(textual.__file__).parents[1] / f"textual-{VERSION}.dist-info").is_dir()
