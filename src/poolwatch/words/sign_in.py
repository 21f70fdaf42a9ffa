"""What is said around a sign-in: why there is none, what runs, and how it ended."""

from __future__ import annotations

from typing import Final

from poolwatch.words.catalogue import Text

# --- why there is none
NOT_NEEDED: Final = Text("{account} needs no new login")
SIMULATED: Final = Text("simulated: for a real account L runs {command}", "simulated: nobody signs in here")
#: The terminal cannot be given away, or the command is another tool's.
BY_HAND: Final = Text("in a shell: {command}")
NO_CODEX: Final = Text("there is no codex on the PATH; where it is installed: {command}")
NOT_STARTED: Final = Text("codex could not be started ({why}); in a shell: {command}")

# --- on the terminal that codex is given
RUNS: Final = Text("poolwatch: signing in {account}\n  {command}\nctrl+c goes back.\n\n")
READ_THIS: Final = Text("\ncodex ended with status {status}. Enter goes back to poolwatch.\n")

# --- while a pool signs somebody in
OPEN_PAGE: Final = Text("Open {address}")
AND_TYPE: Final = Text("and type {code}   (waiting for {label})")

# --- how it ended
SIGNED_IN: Final = Text("{account} is signed in")
ANOTHER_SIGNED_IN: Final = Text("signed in, but with another account: {account} is no longer in that home")
LEFT: Final = Text("nobody waits for the code any more")
GIVEN_UP: Final = Text("given up, but codex left a login: it waits in {path}", "the sign-in was given up")
FAILED: Final = Text(
    "codex ended with status {status}, but left a login: it waits in {path}",
    "codex ended with status {status}",
)
KILLED: Final = Text(
    "codex was ended by signal {number}, but left a login: it waits in {path}",
    "codex was ended by signal {number}",
)
NOT_IN_PLACE: Final = Text(
    "signed in, but the login is not in place: {why}. It waits in {path}",
    "the login is as it was: {why}",
)
NOT_THEIRS: Final = Text("that is the login of {other} and not of {account}; it waits in {path}")
