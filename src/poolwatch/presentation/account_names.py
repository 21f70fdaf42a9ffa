"""What accounts are called where only their ids are at hand, also those that no source lists any more."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from poolwatch.domain.state import AccountState
from poolwatch.presentation.masking import shown_label, shown_name

#: So much of an id tells an account whose name nobody knows.
_SHORT: int = 8


class AccountNames(Struct, frozen=True):
    """Accounts by id, and whether what could tell who they are is hidden."""

    accounts: Mapping[str, AccountState]
    mask: bool = False

    def name(self, account_id: str) -> str:
        """With its group before it, as drawn."""
        account = self.accounts.get(account_id)
        return account_id[:_SHORT] if account is None else shown_name(account, mask=self.mask)

    def label(self, account_id: str) -> str:
        """The label alone."""
        account = self.accounts.get(account_id)
        return account_id[:_SHORT] if account is None else shown_label(account, mask=self.mask)
