"""Loads Textual without what no first screen needs; whoever uses a part of that later gets the real one.

Textual names its command palette, a dozen widgets with it, and a few more parts for methods that are seldom
called: an eighth of what it takes to load.
"""

from __future__ import annotations

import sys
from abc import ABC
from importlib import import_module
from types import ModuleType
from typing import Final

from poolwatch.ui import known_textual

#: Each module that is held back, and the modules of Textual that keep something of it.
HELD_BACK: Final = {
    "textual.command": ("textual.app", "textual.theme"),
    "platformdirs": ("textual.app",),
    "textual.markup": ("textual.css.stylesheet",),
    "textual.css._help_text": ("textual.css._style_properties", "textual.css._styles_builder"),
    "textual.suggestions": (
        *("textual.color", "textual.css._styles_builder", "textual.css.parse", "textual.css.tokenizer"),
    ),
    "pickle": ("rich.style", "textual.style"),
    "textual.canvas": ("textual.layout",),
    "rich.table": ("textual.design",),
    "textual.widgets._toast": ("textual.app", "textual.screen"),
}
_APP: Final = "textual.app"


def load_textual() -> None:
    """Load Textual's app; what is held back is there for everybody else as ever.

    Once a part of Textual that keeps something of it is loaded, or with a version that was not read, this
    loads the app as it is.
    """
    keepers = {keeper for keepers in HELD_BACK.values() for keeper in keepers}
    away = [] if keepers & sys.modules.keys() else [name for name in HELD_BACK if name not in sys.modules]
    if known_textual.IS_KNOWN:
        sys.modules.update((name, _StandIn(name)) for name in away)
    try:
        import_module(_APP)
    finally:
        for name in away:
            if isinstance(sys.modules.get(name), _StandIn):
                del sys.modules[name]


class _StandIn(ModuleType):
    """A module that is not loaded: it has every name, and none means anything yet."""

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Later(self.__name__, name)


class _Ancestor(ABC):  # noqa: B024 - what derives from it gets a base with methods later
    """The base, for the time being, of a class whose base is not loaded."""


class _Later:
    """What a module that is held back would give, once it is used."""

    def __init__(self, module: str, name: str) -> None:
        self.module = module
        self.name = name

    def __call__(self, *given: object, **more: object) -> object:
        return self.real()(*given, **more)  # type: ignore[operator]  # what cannot be called is not

    def __getattr__(self, name: str) -> object:
        if name.startswith("__"):
            raise AttributeError(name)  # who asks what this is does not use it
        return getattr(self.real(), name)

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return (_Ancestor,)

    def real(self) -> object:
        """The real thing, which is from now on in all places."""
        module = import_module(self.module)
        for keeper in HELD_BACK[self.module]:
            _give(module, vars(import_module(keeper)))
        return getattr(module, self.name)


def _give(module: ModuleType, names: dict[str, object]) -> None:
    """Put the real things in the place of those that stand for them."""
    for name, kept in list(names.items()):
        if isinstance(kept, _Later) and kept.module == module.__name__:
            names[name] = getattr(module, kept.name)
        elif isinstance(kept, type) and _Ancestor in kept.__bases__:
            (later,) = kept.__dict__["__orig_bases__"]
            if later.module == module.__name__:
                kept.__bases__ = (getattr(module, later.name),)
