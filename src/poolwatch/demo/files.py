"""The files of the pool: Codex homes, credential folders, the monitor's settings, the journal."""

import base64
import contextlib
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from poolwatch.demo import tokens
from poolwatch.demo.account import HOUR, Account, JsonObject, Place, rfc3339
from poolwatch.demo.pool import TEAM_RULES
from poolwatch.demo.tokens import Exchange, Ledger

_FOLDERS: dict[Place, str] = {"codex-homes": "homes", "pool": "pool", "cliproxy": "cliproxy"}
_JOURNAL = "upstream.journal"
_INSTALLATION = "browseros.id"
_PAST = "past.jsonl"
_HOOK_KEY = "hook.key"
#: So long after the start the alert's limit is crossed; the second readings come some seconds later.
_CROSSED_SECONDS = 20


class HomeOccupiedError(Exception):
    """The folder holds files that the simulator did not write."""


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, readable by its owner alone."""
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    beside.replace(path)


def login_path(home: Path, account: Account, login: int, place: Place) -> Path:
    """The file of a login in one of its places."""
    folder = home / _FOLDERS[place]
    if place == "codex-homes":
        return folder / account.label / "auth.json"
    if account.logins[login].shape == "cliproxy":
        return folder / f"codex-{account.email}-{account.plan}.json"
    return folder / f"{account.label}.json"


def _login_content(account: Account, login: int, ledger: Ledger) -> JsonObject:
    shape = account.logins[login].shape
    if shape == "api_key":
        return {"auth_mode": "apikey", "OPENAI_API_KEY": tokens.api_key(account)}
    if shape == "personal_token":
        return {"OPENAI_API_KEY": None, "personal_access_token": tokens.personal_token(account)}
    held = ledger.in_file(account, login)
    last_refresh = rfc3339(held.issued)
    secrets: JsonObject = {
        "id_token": held.identity,
        "access_token": held.access,
        "refresh_token": held.refresh,
        "account_id": account.account_id,
    }
    if shape == "codex":
        kept = {"auth_mode": "chatgpt", "OPENAI_API_KEY": None}
        return kept | {"tokens": secrets, "last_refresh": last_refresh}
    ends = {"last_refresh": last_refresh, "expired": rfc3339(held.expires)}
    return {"type": "codex", "email": account.email} | secrets | ends


def write_login(home: Path, account: Account, login: int, ledger: Ledger) -> None:
    """Write one login, as the tool that keeps it does after renewing it."""
    text = json.dumps(_login_content(account, login, ledger), indent=2)
    for place in account.logins[login].places:
        path = login_path(home, account, login, place)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        _write(path, text)


def write_logins(home: Path, accounts: Sequence[Account], ledger: Ledger) -> None:
    """Write every login of the pool."""
    for name in _FOLDERS.values():
        (home / name).mkdir(mode=0o700, exist_ok=True)
    for account in accounts:
        for login in range(len(account.logins)):
            write_login(home, account, login, ledger)


def _table(name: str, /, **values: str | Path | list[str]) -> str:
    told = ((key, value if isinstance(value, list) else str(value)) for key, value in values.items())
    lines = (f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in told)
    return f"[[{name}]]\n{''.join(lines)}"


class Upstream(msgspec.Struct, frozen=True):
    """Where the server answers, and how fast its pool lives."""

    base_url: str
    token_url: str
    hook_url: str
    pace: float = 1.0
    #: of the credits service beside the pool; "" leaves it out of the settings
    credits_url: str = ""
    #: settings for what is beside the pool
    more: str = ""


def hook_key(home: Path) -> bytes:
    """The key that notices to the server are signed with, made where there is none."""
    fresh = f"whsec_{base64.b64encode(os.urandom(32)).decode()}"
    return base64.b64decode(kept_secret(home / _HOOK_KEY, fresh).removeprefix("whsec_"))


def kept_secret(path: Path, fresh: str) -> str:
    """The secret in a file; where there is none, the fresh one is put there."""
    if not path.exists():
        _write(path, f"{fresh}\n")
    return path.read_text(encoding="utf-8").strip()


def _notices(home: Path, accounts: Sequence[Account], upstream: Upstream) -> Iterator[str]:
    """A channel to the server itself, and an alert that has something to tell within the first minute."""
    secret = home / _HOOK_KEY
    yield _table("channels", name="hook", kind="webhook", url=upstream.hook_url, secret_file=secret)
    for account in accounts:
        line = account.credits
        if not line.hourly or line.balance is None:
            continue
        limit = float(line.balance) - line.hourly * upstream.pace * _CROSSED_SECONDS / HOUR
        yield "# its credits fall below that between the first reading and the second"
        name, when = f"credits of {account.label}", f"email:{account.email} credits<{limit:.2f}"
        yield _table("alerts", name=name, when=when, severity="info", channels=["hook"])
        return


def _config_parts(home: Path, accounts: Sequence[Account], upstream: Upstream) -> Iterator[str]:
    yield "# The simulated pool. Its server wrote this file and serves only while it runs."
    yield 'pool_name = "demo"\n'
    yield "[poll]\ninterval_seconds = 30\n"
    yield "[refresh]"
    yield "# a real codex would take these invented logins to the real login service"
    yield "delegate_to_codex = false\n"
    yield "[usage]\nreconcile = true\n"
    yield '[filters]\ntight = "weekly>=80 or 5h>=80"\nspare = "status:active weekly<50 5h<50"\n'
    urls = {"base_url": upstream.base_url, "token_url": upstream.token_url}
    yield _table("sources", kind="codex-home", name="codex-homes", path=home / "homes" / "*", **urls)
    for name, custody in (("pool", "poolwatch"), ("cliproxy", "other")):
        yield _table("sources", kind="auth-files", name=name, path=home / name, custody=custody, **urls)
    mixed_teams = {account.group for account in accounts if account.state == "mixed"}
    for account in accounts:
        if account.group is not None and account.state != "mixed" and not account.api_key:
            yield _table("accounts", match=account.email, label=account.label, group=account.group)
    for glob, group in TEAM_RULES:
        if group in mixed_teams:
            yield _table("accounts", match=glob, group=group)
    if upstream.credits_url:
        yield _table(
            "sources",
            kind="credits-http",
            name="BrowserOS",
            preset="browseros",
            url=f"{upstream.credits_url}{{id}}",
            id_file=home / _INSTALLATION,
        )
    yield from _notices(home, accounts, upstream)
    if upstream.more:
        yield upstream.more


def write_config(home: Path, accounts: Sequence[Account], upstream: Upstream) -> Path:
    """Write the monitor's settings for this pool, unless they already name this server; returns the path."""
    path = home / "config.toml"
    if not (path.exists() and json.dumps(upstream.base_url) in path.read_text(encoding="utf-8")):
        _write(path, "\n".join(_config_parts(home, accounts, upstream)))
    return path


def add_budgets(home: Path, tables: str) -> None:
    """Write budgets into the settings for this pool, unless there are some by now."""
    path = home / "config.toml"
    with contextlib.suppress(OSError, UnicodeError):  # the pool ends, or somebody replaced the file
        text = path.read_text(encoding="utf-8")
        if tables and "[[budgets]]" not in text:
            _write(path, f"{text}\n{tables}")


def write_past(home: Path, lines: str) -> Path:
    """Write what a monitor would have read before the pool began; returns the path."""
    path = home / _PAST
    _write(path, lines)
    return path


class Beginning(msgspec.Struct, frozen=True):
    """What a pool was started with; a server that comes back to it goes on from there."""

    seed: int
    accounts: int
    start: float


class Journal:
    """Append-only record of the beginning and of every token exchange, so that a restart forgets no token.

    Raises:
        HomeOccupiedError: the folder holds something else, or a pool of another seed or size.
        OSError: the folder cannot be used.
    """

    def __init__(self, home: Path, fresh: Beginning) -> None:
        for place in (*reversed(home.parents), home):
            # mkdir itself leaves those above open to others
            place.mkdir(mode=0o700, exist_ok=True)
        path = home / _JOURNAL
        self.began, self.past = fresh, list[Exchange]()
        known = path.exists()
        if known:
            first, _, rest = path.read_bytes().partition(b"\n")
            try:
                self.began = msgspec.json.decode(first, type=Beginning)
                self.past = msgspec.json.Decoder(Exchange).decode_lines(rest)
            except msgspec.MsgspecError as error:
                problem = f"{path} cannot be read; remove the folder or name another"
                raise HomeOccupiedError(problem) from error
            if (self.began.seed, self.began.accounts) != (fresh.seed, fresh.accounts):
                held = f"{self.began.accounts} accounts of seed {self.began.seed}"
                raise HomeOccupiedError(f"{home} holds {held}; name another folder")
        else:
            for name in ("config.toml", *_FOLDERS.values()):
                if (home / name).exists():
                    raise HomeOccupiedError(f"{home / name} exists already; name an empty folder")
        self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
        if not known:
            self.append(self.began)

    def append(self, line: Beginning | Exchange) -> None:
        """Add one line; it is in the file when this returns."""
        os.write(self._handle, msgspec.json.encode(line) + b"\n")
