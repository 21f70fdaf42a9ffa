"""The keys as the README shows them."""

from __future__ import annotations

from poolwatch.ui.keymap import Keymap, Scope, explained

_WHERE = {
    frozenset({Scope.DETAIL, Scope.HISTORY, Scope.REPORT, Scope.BALANCE}): (
        " (details, history, OpenAI's count)"
    ),
    frozenset({Scope.HISTORY}): " (history)",
    frozenset({Scope.HISTORY, Scope.BALANCE}): " (history)",
    frozenset({Scope.HISTORY, Scope.USAGE, Scope.REPORT, Scope.BALANCE}): " (history, usage)",
    frozenset({Scope.USAGE, Scope.REPORT}): " (usage)",
    frozenset({Scope.USAGE}): " (usage)",
    frozenset({Scope.REPORT}): " (OpenAI's count)",
    frozenset({Scope.RAW}): " (payload)",
    frozenset({Scope.EVENTS}): " (events)",
    frozenset({Scope.BUDGETS}): " (budgets)",
    frozenset({Scope.BUDGET_FORM}): " (a budget's form)",
}


def markdown_table(keymap: Keymap | None = None) -> str:
    """The keys of the pool and detail screens as a Markdown table."""
    rows = ["| key | does | setting |", "|---|---|---|"]
    shown = [key for key in (keymap or Keymap()).table if key.scopes != {Scope.FIRST_RUN}]
    for keys, words in explained(shown):
        pressed = " ".join(f"`{part}`" for key in keys for part in key.keys)
        where = _WHERE.get(keys[0].scopes, "")
        ids = " ".join(f"`{key.id}`" for key in keys)
        rows.append(f"| {pressed} | {words}{where} | {ids} |")
    return "\n".join(rows) + "\n"
