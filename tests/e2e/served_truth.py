"""What `status --json` must say of a served pool, computed from its payloads alone.

Written without a line of poolwatch's own, so that a misreading there cannot repeat itself here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import cast

from tests.cli.desk import Json
from tests.support.upstream import AccountSeen, UpstreamState

_KINDS = {18_000: "5h", 604_800: "weekly", 2_592_000: "monthly"}
_SPEND = (
    "individual",
    "workspace_default",
    "group_default",
    "role_budget",
    "group_shared",
    "workspace_shared",
)
_CENT = Decimal("0.01")

#: Status, section and reason of every account of the cast before anybody refreshes it.
CAST: Mapping[str, tuple[str, str, str | None]] = {
    "alice": ("active", "active", None),
    "bob": ("exhausted", "exhausted", "5h"),
    "carol": ("needs_login", "needs_you", "expired"),
    "dev14": ("active", "active", None),
    "lee": ("exhausted", "exhausted", "weekly"),
    "ops": ("active", "active", None),
    "build": ("active", "active", None),
    "dan": ("active", "active", None),
    "erin": ("active", "active", None),
    "frank": ("active", "active", None),
    "grace": ("active", "active", None),
    "pay": ("exhausted", "exhausted", "credits"),
    "hana": ("active", "active", None),
    "ivan": ("active", "active", None),
    "judy": ("needs_login", "needs_you", "expired"),
    "kent": ("needs_login", "needs_you", "expired"),
    "lena": ("unknown", "rest", None),
    "mike": ("active", "active", None),
    "nora": ("active", "active", None),
    "ci-key": ("unknown", "rest", "api_key"),
    "olga": ("active", "active", None),
    "paul": ("active", "active", None),
    "quinn": ("active", "active", None),
    "sara": ("exhausted", "exhausted", "spend_control"),
    "rosa": ("exhausted", "exhausted", "credits"),
    "uma": ("exhausted", "exhausted", "weekly"),
    "toni": ("active", "active", None),
    "carol-east": ("active", "active", None),
    "vera": ("active", "active", None),
    "walt": ("needs_login", "needs_you", "expired"),
    "xena": ("needs_login", "needs_you", "rejected"),
    "yuri": ("unknown", "rest", None),
    "zoe": ("active", "needs_you", None),
}
TROUBLE: Mapping[str, str] = {"lena": "throttled", "yuri": "deactivation_reported", "zoe": "conflict"}
#: Nobody gets a usage figure for these.
UNREAD = frozenset({"carol", "judy", "kent", "lena", "ci-key", "walt", "xena", "yuri"})


def text_of(epoch: float) -> str:
    """An instant as the contract writes it."""
    return datetime.fromtimestamp(int(epoch), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def identity(account: AccountSeen) -> str:
    """The id of an account."""
    return hashlib.sha256(f"codex\0{account.user_id}\0{account.account_id}".encode()).hexdigest()[:16]


def _object(value: object) -> Mapping[str, object]:
    return cast("Mapping[str, object]", value)


def _windows_of(bucket: str, limit: object) -> list[dict[str, Json]]:
    if limit is None:
        return []
    both = [_object(limit)["primary_window"], _object(limit)["secondary_window"]]
    found: list[dict[str, Json]] = []
    for window in (_object(each) for each in both if each is not None):
        seconds, used = cast("int", window["limit_window_seconds"]), cast("int", window["used_percent"])
        found.append(
            {
                "kind": _KINDS[seconds],
                "bucket": bucket,
                "window_seconds": seconds,
                "used_percent": float(used),
                "resets_at": text_of(cast("int", window["reset_at"])),
                "limit_reached": used >= 100,
            }
        )
    return sorted(found, key=lambda row: cast("int", row["window_seconds"]))


def windows(usage: Mapping[str, object]) -> list[dict[str, Json]]:
    """Every window: base first, review, then the other buckets by name."""
    found = _windows_of("codex", usage["rate_limit"])
    found += _windows_of("code_review", usage["code_review_rate_limit"])
    more = cast("Sequence[Mapping[str, object]]", usage["additional_rate_limits"] or ())
    for bucket in sorted(more, key=lambda each: str(each["metered_feature"])):
        found += _windows_of(str(bucket["metered_feature"]), bucket["rate_limit"])
    return found


def balance(usage: Mapping[str, object]) -> Decimal | None:
    """The balance in credits, or None where the text is no number."""
    text = _object(usage["credits"])["balance"]
    return None if text is None or "," in str(text) else Decimal(str(text))


def _worth(amount: Decimal) -> str:
    return str((amount / 25).quantize(_CENT, ROUND_HALF_UP))


def credits(usage: Mapping[str, object]) -> dict[str, Json]:
    """The credits object."""
    line, amount = _object(usage["credits"]), balance(usage)
    return {
        "has_credits": bool(line["has_credits"]),
        "unlimited": bool(line["unlimited"]),
        "overage_limit_reached": bool(line["overage_limit_reached"]),
        "balance": None if amount is None else str(line["balance"]),
        "usd": None if amount is None or line["unlimited"] else _worth(amount),
    }


def spend_control(usage: Mapping[str, object]) -> dict[str, Json]:
    """The spend-control object."""
    control = _object(usage["spend_control"])
    limits: list[dict[str, Json]] = []
    for kind in _SPEND:
        entry = control.get(f"{kind}_limit")
        if entry is None:
            continue
        details = _object(_object(entry).get("details", entry))
        limits.append(
            {
                "kind": kind,
                "limit": str(details["limit"]),
                "used": str(details["used"]),
                "remaining": str(details["remaining"]),
                "used_percent": float(cast("int", details["used_percent"])),
                "resets_at": text_of(cast("int", details["reset_at"])),
            }
        )
    return {"reached": cast("bool", control["reached"]), "limits": limits}


def reset_credits(usage: Mapping[str, object]) -> dict[str, Json] | None:
    """The banked resets."""
    banked = usage["rate_limit_reset_credits"]
    if banked is None:
        return None
    return {
        "available": cast("int", _object(banked)["available_count"]),
        "applicable": cast("int | None", _object(banked).get("applicable_available_count")),
        # seldom asked for, so that not every account has one
        "expires_at": "any",
    }


def first_expiry(account: AccountSeen, start: datetime) -> str:
    """When the first banked reset of an account is lost: they were granted an hour apart, for thirty days."""
    banked = _object(cast("Mapping[str, object]", account.usage)["rate_limit_reset_credits"])
    number = cast("int", banked["available_count"])
    return text_of(int(start.timestamp()) + 21 * 86_400 - (number - 1) * 3_600)


def token(files: Sequence[Path]) -> dict[str, Json]:
    """Expiry and last refresh, from the login file itself."""
    content = json.loads(files[0].read_text())
    held = content.get("tokens", content)
    access = held.get("access_token")
    if access is None:
        return {"expires_at": None, "last_refresh": content.get("last_refresh")}
    claims = access.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    return {"expires_at": text_of(claims["exp"]), "last_refresh": content["last_refresh"]}


def until(label: str, usage: Mapping[str, object]) -> Json:
    """When an exhausted account comes back."""
    status, _, reason = CAST[label]
    if status != "exhausted":
        return None
    if reason == "spend_control":
        limits = cast("list[dict[str, Json]]", spend_control(usage)["limits"])
        return limits[0]["resets_at"]
    full = [row for row in windows(usage) if row["bucket"] == "codex" and row["limit_reached"]]
    return max((str(row["resets_at"]) for row in full), default=None)


def label_of(account: AccountSeen) -> tuple[str, str | None]:
    """Label and group: the folder of a Codex home, a rule's label, else the e-mail."""
    if account.label == "ci-key":
        return "ci-key", None
    if account.group is not None:
        return account.label, account.group
    if any(file.name == "auth.json" for file in account.files):
        return account.label, None
    if account.email == "carol@example.com":
        return f"{account.email} ({account.account_id[-6:]})", None
    return account.email, None


def expected_account(account: AccountSeen) -> dict[str, Json]:
    """One account of the contract, all but its id, instants of reading and trouble's words."""
    label = account.label
    status, section, reason = CAST[label]
    held_in = sorted({_source_of(file) for file in account.files})
    custody = {"pool": "poolwatch", "codex-homes": "codex", "cliproxy": "other"}
    best = next(place for place in custody if place in held_in)
    name, group = label_of(account)
    read = label not in UNREAD and account.usage is not None
    usage = cast("Mapping[str, object]", account.usage) if read else {}
    plain = label in ("ci-key", "olga")
    return {
        "label": name,
        "group": group,
        "provider": "codex",
        "email": None if plain else account.email,
        "plan": None if label == "ci-key" else account.plan,
        "sources": held_in,
        "custody": "static" if plain else custody[best],
        "status": status,
        "section": section,
        "reason": reason,
        "until": until(label, usage) if read else None,
        "stale": False,
        "windows": windows(usage) if read else [],
        "credits": credits(usage) if read else None,
        "spend_control": spend_control(usage) if read else None,
        "reset_credits": reset_credits(usage) if read else None,
        "token": token([file for file in account.files if _source_of(file) == best]),
    }


def _source_of(file: Path) -> str:
    return "codex-homes" if file.name == "auth.json" else file.parent.name


def expected_pool(served: UpstreamState) -> dict[str, Json]:
    """The figures of the whole pool."""
    seen = [account for label, account in served.accounts.items() if label in CAST]
    sections = [CAST[account.label][1] for account in seen]
    statuses = [CAST[account.label][0] for account in seen]
    usage = {
        account.label: account.usage for account in seen if account.label not in UNREAD and account.usage
    }
    known = {
        label: amount
        for label, each in usage.items()
        if (amount := balance(each)) is not None
        and credits(each)["has_credits"]
        and not credits(each)["unlimited"]
    }
    facilities = [credits(each) for each in usage.values()]
    total = sum(known.values(), Decimal(0))
    by_label = {account.label: account for account in seen}
    now = text_of(served.now)

    def named(label: str) -> dict[str, Json]:
        return {"account": identity(by_label[label]), "label": label_of(by_label[label])[0]}

    base = {
        label: [row for row in windows(each) if row["bucket"] == "codex" and str(row["resets_at"]) > now]
        for label, each in usage.items()
    }
    weekly = [
        (cast("float", row["used_percent"]), str(row["resets_at"]), label)
        for label, found in base.items()
        for row in found
        if row["kind"] == "weekly"
    ]
    top = max(weekly)
    full = [
        (str(row["resets_at"]), label, row)
        for label, found in base.items()
        for row in found
        if row["limit_reached"]
    ]
    reset = min(full, key=lambda each: each[0])
    back = min(
        (str(until(label, each)), label)
        for label, each in usage.items()
        if CAST[label][0] == "exhausted" and until(label, each) is not None
    )
    return {
        "accounts": len(seen),
        "active": sections.count("active"),
        "exhausted": sections.count("exhausted"),
        "needs_you": sections.count("needs_you"),
        "by_status": {status: statuses.count(status) for status in set(statuses)},
        "stale": 0,
        "credits": {
            "total": f"{total.normalize():f}",
            "usd": _worth(total),
            "accounts": len(known),
            "unlimited": sum(bool(each["unlimited"]) for each in facilities),
            "unknown": sum(
                bool(each["has_credits"] and not each["unlimited"] and each["balance"] is None)
                for each in facilities
            ),
            "stale": "0.00",
        },
        "highest_weekly": {
            **named(top[2]),
            "used_percent": top[0],
            "resets_at": top[1],
            "more_full": sum(used >= 100 for used, _, _ in weekly) - 1,
        },
        "next_reset": {**named(reset[1]), "window": reset[2]["kind"], "resets_at": reset[0]},
        "next_back": {**named(back[1]), "until": back[0]},
    }


def next_up(served: UpstreamState) -> str:
    """The label whose weekly room is most perishable."""
    rates: dict[str, float] = {}
    for label, account in served.accounts.items():
        if label in UNREAD or label in TROUBLE or CAST[label][0] != "active" or account.usage is None:
            continue
        base = [row for row in windows(account.usage) if row["bucket"] == "codex"]
        if any(cast("float", row["used_percent"]) >= 90 for row in base):
            continue
        for row in base:
            if row["kind"] == "weekly":
                left = datetime.fromisoformat(str(row["resets_at"])).timestamp() - served.now
                rates[label] = (100 - cast("float", row["used_percent"])) / left
    return max(rates, key=lambda label: rates[label])
