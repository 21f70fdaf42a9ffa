"""The table of keys as Textual's bindings."""

from __future__ import annotations

from textual.binding import Binding, BindingType

from poolwatch.ui.keymap import Keymap, Place, textual_key


def bindings(place: Place) -> list[BindingType]:
    """The bindings of one screen by the default table; a user's keys are laid over them by their ids."""
    return [
        Binding(
            ",".join(_names(key.keys)),
            key.action,
            key.help or key.id,
            show=False,
            id=key.id,
            priority=key.priority,
        )
        for key in Keymap().table
        if place in key.places
    ]


def overlay(keymap: Keymap) -> dict[str, str]:
    """What `App.set_keymap` takes: the entries that differ from the default."""
    default = {key.id: key.keys for key in Keymap().table}
    return {key.id: ",".join(_names(key.keys)) for key in keymap.table if key.keys != default[key.id]}


def _names(keys: tuple[str, ...]) -> list[str]:
    return [name for key in keys if (name := textual_key(key)) is not None]
