"""How a login is signed in again: what `L` runs, and what can be pasted into a shell for the same."""

from __future__ import annotations

from typing import Final, TypeAlias

from msgspec import Struct

from poolwatch.domain.account import Custody, Listing
from poolwatch.domain.text import path_at
from poolwatch.presentation.masking import masked_word

#: How tools that own logins are asked for a new one.
_LOGIN_COMMANDS: Final = {"CLIProxyAPI": "cli-proxy-api --codex-login", "codex-auth": "codex-auth login"}
_AUTH_FILE: Final = "auth.json"


class CodexLogin(Struct, frozen=True):
    """Codex signs in, in a home of this machine; paths may begin with ~.

    `home`: its CODEX_HOME, "" for the one that it finds by itself. `target`: where the login goes from a
    home that is made for it alone; there is no other home then. `by_code`: with a code that is typed on
    another device, for there is no browser here.
    """

    home: str = ""
    target: str = ""
    by_code: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command without its environment."""
        return ("codex", "login", "--device-auth") if self.by_code else ("codex", "login")

    def command(self, *, mask: bool) -> str:
        """The line for a shell."""
        words = " ".join(self.arguments)
        if self.target:
            target = masked_word(self.target, mask=mask)
            return f"d=$(mktemp -d) && CODEX_HOME=$d {words} && mv $d/{_AUTH_FILE} {target}"
        return f"CODEX_HOME={masked_word(self.home, mask=mask)} {words}" if self.home else words


class ToolLogin(Struct, frozen=True):
    """Another tool signs in; it has settings and files that only its owner knows."""

    owner: str
    line: str

    def command(self, *, mask: bool) -> str:
        """The line for a shell; it names no path."""
        return self.line


class PoolLogin(Struct, frozen=True):
    """A running pool signs in; nothing on this machine does.

    `line`: what is typed where the pool runs, if it has such a command.
    """

    owner: str
    line: str = ""

    def command(self, *, mask: bool) -> str:
        """Nothing: a shell of this machine may be the wrong one."""
        return ""


SignIn: TypeAlias = CodexLogin | ToolLogin | PoolLogin


def sign_in(listing: Listing | None, *, by_code: bool = False) -> SignIn | None:
    """How this login is signed in again where it lives; None where only its owner knows how."""
    if listing is None:
        return None
    if listing.custody is Custody.POOL:
        return PoolLogin(listing.owner, _LOGIN_COMMANDS.get(listing.owner, ""))
    if listing.custody is Custody.CODEX or listing.home:
        home = _true_home(listing) if listing.home else folder_of(true_path(listing))
        return CodexLogin(home, by_code=by_code)
    if listing.custody is Custody.POOLWATCH and listing.path:
        path = true_path(listing)
        folder, _, name = path.rpartition("/")
        if name == _AUTH_FILE and folder:
            return CodexLogin(folder, by_code=by_code)
        return CodexLogin(target=path, by_code=by_code)
    line = _LOGIN_COMMANDS.get(listing.owner, "") if listing.custody is Custody.OTHER else ""
    return ToolLogin(listing.owner, line) if line else None


def true_path(listing: Listing) -> str:
    """The path of an entry's file, short where what is shown of it are its very bytes."""
    shown, path = listing.path or "", path_at(listing.ref.place)
    return shown if path is None or path.endswith(shown.removeprefix("~")) else path


def folder_of(path: str) -> str:
    """All of a path but its last part."""
    return path.rpartition("/")[0]


def _true_home(listing: Listing) -> str:
    shown, path = listing.home or "", path_at(listing.ref.place)
    if path is None or folder_of(path).endswith(shown.removeprefix("~")):
        return shown
    return folder_of(path)
