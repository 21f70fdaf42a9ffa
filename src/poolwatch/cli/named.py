"""The account that an argument names."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Final

from poolwatch.cli.exits import EXIT_USAGE, Exit, complain
from poolwatch.domain.state import AccountState, PoolState
from poolwatch.presentation.masking import shown_name
from poolwatch.words import cli as words

#: So many accounts are proposed for a name that none has.
_PROPOSED: Final = 3


def find_account(state: PoolState, text: str, *, mask: bool) -> AccountState:
    """The one account that an argument names: id prefix, label or e-mail; ends the command otherwise.

    `mask`: no address is told that was not given.
    """
    wanted = text.strip().casefold()
    exact = [account for account in state.accounts.values() if wanted and wanted in _names(account)]
    found = exact or [
        account
        for account in state.accounts.values()
        if len(wanted) >= 4 and account.key.id.startswith(wanted)
    ]
    if len(found) == 1:
        return found[0]

    def told(accounts: Sequence[AccountState]) -> list[str]:
        return [f"{shown_name(each, mask=mask)} ({each.key.id[:8]})" for each in accounts]

    if found:
        complain(words.several_accounts(text, told(found)))
    else:
        near = [] if not wanted else _near(state, wanted)
        complain(words.no_such_account(text.strip() or "(nothing)", told(near)))
    raise Exit(EXIT_USAGE)


def _names(account: AccountState) -> set[str]:
    names = (account.name.full, account.name.label, account.email or "", account.key.id)
    return {name.casefold() for name in names}


def _near(state: PoolState, wanted: str) -> list[AccountState]:
    """A few accounts that may have been meant: those whose name begins so, holds that, or is spelt alike."""
    by_name = {
        name: account
        for account in state.accounts.values()
        for whole in sorted(_names(account))
        for name in (whole.partition("@")[0], whole)
    }
    holding = sorted(
        (not name.startswith(wanted), name) for name in by_name if wanted in name and len(wanted) >= 2
    )
    spelt = get_close_matches(wanted, by_name, n=_PROPOSED) if not holding else []
    names = [*(name for _, name in holding), *spelt]
    return list({by_name[name].key: by_name[name] for name in names}.values())[:_PROPOSED]
