"""Documents of version 1 made into those of version 2, as plain JSON values; it goes with the next release.

A sentence stood where a code stands now. What one reading said stood once, under `said`, with its time, from
which the times of the account followed; key and name were left out where the first login gave them by itself.
"""

from __future__ import annotations

from typing import Any, Final

from poolwatch.domain.failure import AS_STORED

#: What the word "none" stood for.
_NONE: Final = {
    "credits": {"has_credits": False, "unlimited": False, "overage_limit_reached": False, "balance": "0"},
    "spend": {"reached": False, "reached_limit_type": None, "limits": []},
    "reset_credits": {"available": 0, "applicable": None},
}
Plain = dict[str, Any]


def account(old: Plain) -> Plain:
    """An account; what is damaged raises KeyError, TypeError or AttributeError, or stays as it is."""
    first = old["listings"][0] if old.get("listings") else {}
    said = old.get("said") or {}
    read_at = old.get("read_at", said.get("at"))
    new = {
        **old,
        "key": old.get("key")
        or {
            "provider": first.get("provider", "codex"),
            "user_id": first["user_id"],
            "account_id": first["account_id"],
        },
        "name": old.get("name")
        or {"label": first.get("folder") or first.get("label") or first.get("email") or ""},
        "usage": {
            name: {"value": _value(name, value), "at": said["at"], "source": said["source"]}
            for name, value in said.items()
            if name not in ("at", "source")
        }
        | old.get("usage", {}),
        "listings": [
            {**each, "problem": _worded(each["problem"])} if each.get("problem") else each
            for each in old.get("listings", ())
        ],
        "read_at": read_at,
        "tried_at": old.get("tried_at", read_at if said else None),
        "silences": [{**each, "why": _coded(each["why"])} for each in old.get("silent", ())],
        "lately": [
            line | _coded_in(line, "failure") for line in old.get("lately", ()) if isinstance(line, dict)
        ],
    }
    return new | _coded_in(new, "reading_trouble", "login_trouble")


def facts(old: Plain) -> Plain:
    """What is known of the pool."""
    return {**old, "sources": [source | _coded_in(source, "failure") for source in old.get("sources", ())]}


def refresh(old: Plain) -> Plain:
    """How a refresh ended."""
    steps = {
        name: old[name] | _coded_in(old[name], "failure") for name in ("token", "usage") if old.get(name)
    }
    return old | steps


def _value(name: str, value: object) -> object:
    return _NONE[name] if value == "none" and name in _NONE else value


def _coded_in(holder: Plain, *names: str) -> Plain:
    """Those of these failures that it has."""
    return {name: _coded(holder[name]) for name in names if holder.get(name)}


def _coded(failure: Plain) -> Plain:
    return {**failure, **_worded(failure["message"])}


def _worded(text: str) -> Plain:
    return {"code": AS_STORED, "arguments": [["text", text]]}
