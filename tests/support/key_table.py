"""The keys as the README shows them."""

from __future__ import annotations

from poolwatch.ui.keymap import Keymap, Scope, explained


def markdown_table(keymap: Keymap | None = None) -> str:
    """The keys of the pool and detail screens as a Markdown table."""
    rows = ["| key | does | setting |", "|---|---|---|"]
    shown = [key for key in (keymap or Keymap()).table if key.scopes != {Scope.FIRST_RUN}]
    for keys, words in explained(shown):
        pressed = " ".join(f"`{part}`" for key in keys for part in key.keys)
        where = " (details)" if keys[0].scopes == {Scope.DETAIL} else ""
        ids = " ".join(f"`{key.id}`" for key in keys)
        rows.append(f"| {pressed} | {words}{where} | {ids} |")
    return "\n".join(rows) + "\n"
