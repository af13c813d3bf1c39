"""A sign-in whose first factor was right: what waits for its second step, or for the session."""

from __future__ import annotations

from dataclasses import dataclass

from tianmu.access import account as accounts
from tianmu.access import identity, password
from tianmu.access.identity import Identity
from tianmu.store.records import Transaction


@dataclass
class Half:
    """Kept by its ticket in memory, for a few minutes."""

    account: str
    way: str
    ways: tuple[str, ...] = ()
    """by which the second step is done"""
    identity: Identity | None = None
    """at the city's sign-on, to be bound to the account once the second step is done"""
    kept: str = ""
    renewed: str = ""
    """the hash in force, and the stronger one that takes its place"""
    tries: int = 0

    def came_with(self, kept: str, plain: str) -> None:
        """The password was told: where it was hashed by weaker parameters than today's, it is
        hashed anew. Takes some 100 ms then: call it off the event loop."""
        self.kept, self.renewed = kept, password.stronger(kept, plain)

    def finish(self, tx: Transaction, now: int, address: str) -> None:
        """Write what has waited, in the commit that opens the session; ``identity.NotBound``."""
        if self.identity is not None:
            identity.bind(tx.connection, self.identity, self.account, at=now, address=address)
        if self.renewed:
            accounts.renew_password(tx.connection, self.account, self.kept, self.renewed)
