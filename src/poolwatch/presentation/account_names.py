"""What accounts are called where only their ids are at hand, also those that no source lists any more."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from poolwatch.domain.state import AccountState
from poolwatch.domain.usage import BASE_BUCKET
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

    def bucket(self, account_id: str | None, bucket_id: str | None) -> str:
        """What a bucket is called in the account's last reading; "" where that does not tell of it."""
        if account_id is None or bucket_id in (None, "", BASE_BUCKET):
            return ""
        account = self.accounts.get(account_id)
        buckets = () if account is None else account.usage.buckets
        return next((each.name for each in buckets if each.id == bucket_id), "")
