"""The files of the pool: Codex homes, credential folders, the monitor's settings, the journal."""

import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from poolwatch.demo import tokens
from poolwatch.demo.account import Account, JsonObject, Place
from poolwatch.demo.ledger import Ledger, TokenSet
from poolwatch.demo.pool import TEAM_RULES

_FOLDERS: dict[Place, str] = {"codex-homes": "homes", "pool": "pool", "cliproxy": "cliproxy"}
_JOURNAL = "upstream.journal"


class HomeOccupiedError(Exception):
    """The folder holds files that the simulator did not write."""


def _rfc3339(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner alone."""
    beside = path.with_name(f".{path.name}.new")
    with contextlib.suppress(FileNotFoundError):
        beside.unlink()
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    beside.replace(path)


def _folder(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)


def login_path(home: Path, account: Account, login: int, place: Place) -> Path:
    """The file of a login in one of its places."""
    folder = home / _FOLDERS[place]
    if place == "codex-homes":
        return folder / account.label / "auth.json"
    if account.logins[login].shape == "cliproxy":
        return folder / f"codex-{account.email}-{account.plan}.json"
    return folder / f"{account.label}.json"


def _codex_file(account: Account, held: TokenSet) -> JsonObject:
    return {
        "auth_mode": "chatgpt",
        "OPENAI_API_KEY": None,
        "tokens": {
            "id_token": held.identity,
            "access_token": held.access,
            "refresh_token": held.refresh,
            "account_id": account.account_id,
        },
        "last_refresh": _rfc3339(held.issued),
    }


def _cliproxy_file(account: Account, held: TokenSet) -> JsonObject:
    return {
        "type": "codex",
        "email": account.email,
        "id_token": held.identity,
        "access_token": held.access,
        "refresh_token": held.refresh,
        "account_id": account.account_id,
        "last_refresh": _rfc3339(held.issued),
        "expired": _rfc3339(held.expires),
    }


def _login_text(seed: int, account: Account, login: int, ledger: Ledger) -> str:
    shape = account.logins[login].shape
    content: JsonObject
    if shape == "api_key":
        content = {"auth_mode": "apikey", "OPENAI_API_KEY": tokens.api_key(seed, account)}
    elif shape == "personal_token":
        content = {"OPENAI_API_KEY": None, "personal_access_token": tokens.personal_token(seed, account)}
    elif shape == "cliproxy":
        content = _cliproxy_file(account, ledger.in_file(account, login))
    else:
        content = _codex_file(account, ledger.in_file(account, login))
    return json.dumps(content, indent=2)


def write_login(home: Path, seed: int, account: Account, login: int, ledger: Ledger) -> None:
    """Write one login, as the tool that keeps it does after renewing it."""
    text = _login_text(seed, account, login, ledger)
    for place in account.logins[login].places:
        path = login_path(home, account, login, place)
        if place == "codex-homes":
            _folder(path.parent)
        _write(path, text)


def write_logins(home: Path, seed: int, accounts: Sequence[Account], ledger: Ledger) -> None:
    """Write every login of the pool."""
    for name in _FOLDERS.values():
        _folder(home / name)
    for account in accounts:
        for login in range(len(account.logins)):
            write_login(home, seed, account, login, ledger)


def _config_lines(home: Path, accounts: Sequence[Account], base_url: str, token_url: str) -> Iterator[str]:
    def quoted(text: str | Path) -> str:
        return json.dumps(str(text), ensure_ascii=False)

    yield "# The simulated pool. Its server wrote this file and serves only while it runs."
    yield 'pool_name = "demo"\n'
    yield "[poll]\ninterval_seconds = 30\n"
    yield "[refresh]"
    yield "# a real codex would take these invented logins to the real login service"
    yield "delegate_to_codex = false\n"
    sources = (
        ("codex-home", "codex-homes", home / "homes" / "*", None),
        ("auth-files", "pool", home / "pool", "poolwatch"),
        ("auth-files", "cliproxy", home / "cliproxy", "other"),
    )
    for kind, name, path, custody in sources:
        yield f"[[sources]]\nkind = {quoted(kind)}\nname = {quoted(name)}\npath = {quoted(path)}"
        if custody is not None:
            yield f"custody = {quoted(custody)}"
        yield f"base_url = {quoted(base_url)}\ntoken_url = {quoted(token_url)}\n"
    mixed_teams = {account.group for account in accounts if account.state == "mixed"}
    for account in accounts:
        if account.group is not None and account.state != "mixed" and account.logins[0].shape != "api_key":
            yield f"[[accounts]]\nmatch = {quoted(account.email)}\nlabel = {quoted(account.label)}"
            yield f"group = {quoted(account.group)}\n"
    for glob, group in TEAM_RULES:
        if group in mixed_teams:
            yield f"[[accounts]]\nmatch = {quoted(glob)}\ngroup = {quoted(group)}\n"


def write_config(home: Path, accounts: Sequence[Account], base_url: str, token_url: str) -> Path:
    """Write the monitor's settings for this pool, unless they already name this server; returns the path."""
    path = home / "config.toml"
    if not (path.exists() and json.dumps(base_url) in path.read_text(encoding="utf-8")):
        _write(path, "\n".join(_config_lines(home, accounts, base_url, token_url)))
    return path


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a pool was started with; a server that comes back to it goes on from there."""

    seed: int
    accounts: int
    start: float


class Journal:
    """Append-only record of the beginning and of every token exchange, so that a restart forgets no token."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def append(self, line: JsonObject) -> None:
        """Add one line; it is in the file when this returns."""
        os.write(self._handle, json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def exchanged(self, account: int, login: int, at: float) -> None:
        """Note that a login moved to its next tokens."""
        self.append({"account": account, "login": login, "at": at})

    def close(self) -> None:
        """Give the file back."""
        os.close(self._handle)


def open_home(home: Path, fresh: Beginning) -> tuple[Beginning, Journal, list[tuple[int, int, float]]]:
    """Take a folder into use: where the pool began, its journal, and the exchanges that already happened.

    Raises:
        HomeOccupiedError: the folder holds something else, or a pool of another seed or size.
        OSError: the folder cannot be used.
    """
    for place in (*reversed(home.parents), home):
        # mkdir itself leaves those above open to others
        place.mkdir(mode=0o700, exist_ok=True)
    path = home / _JOURNAL
    began, past = fresh, list[tuple[int, int, float]]()
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        try:
            first = json.loads(lines[0])
            began = Beginning(int(first["seed"]), int(first["accounts"]), float(first["start"]))
            for line in lines[1:]:
                entry = json.loads(line)
                past.append((int(entry["account"]), int(entry["login"]), float(entry["at"])))
        except (LookupError, ValueError, TypeError) as error:
            raise HomeOccupiedError(f"{path} cannot be read; remove the folder or name another") from error
        if (began.seed, began.accounts) != (fresh.seed, fresh.accounts):
            raise HomeOccupiedError(
                f"{home} holds {began.accounts} accounts of seed {began.seed}; name another folder"
            )
    else:
        for name in ("config.toml", *_FOLDERS.values()):
            if (home / name).exists():
                raise HomeOccupiedError(f"{home / name} exists already; name an empty folder")
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    journal = Journal(handle)
    if not past and os.fstat(handle).st_size == 0:
        journal.append({"seed": began.seed, "accounts": began.accounts, "start": began.start})
    return began, journal, past
