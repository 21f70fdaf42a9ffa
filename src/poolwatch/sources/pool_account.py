"""An account as a pool lists it: what each pool that keeps the tokens to itself says."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from msgspec import Struct

from poolwatch.domain.account import Custody, Listing, SourceRef, TokenFacts


class PoolAccount(Struct, frozen=True, kw_only=True):
    """One account; `id` is the pool's own and goes into its routes, `status` is the pool's word."""

    id: str
    user_id: str | None = None
    account_id: str | None
    email: str | None
    label: str | None
    plan: str | None
    status: str
    #: the end of its access token
    expires_at: datetime | None = None
    #: the workspace's name
    workspace: str | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.id!r}, {self.status!r})"

    def listing(
        self, source: str, pool: str, *, disabled: str, login_needed: str, works: Collection[str] = ()
    ) -> Listing:
        """Its entry; `disabled` and `login_needed` are the pool's words for accounts that are switched off or
        signed out, `works` those for accounts whose login it can use.
        """
        return Listing(
            SourceRef(source, self.id),
            user_id=self.user_id,
            account_id=self.account_id,
            email=self.email,
            label=self.label,
            plan=self.plan,
            custody=Custody.POOL,
            token=TokenFacts(expires_at=self.expires_at),
            owner=pool,
            disabled=self.status == disabled,
            says_login_needed=self.status == login_needed,
            says_login_works=self.status in works,
            workspace=self.workspace,
        )
