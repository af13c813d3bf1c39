"""Who acts on a case: an account as the session knows it, or the system itself."""

from __future__ import annotations

from dataclasses import dataclass

from tianmu.access.role import permissions


@dataclass(frozen=True)
class Actor:
    account: str
    roles: tuple[str, ...] = ()
    department: str = ""
    division: str = ""
    tier: int = 1
    probe: str = ""
    """name of the probe or drill it belongs to: acts on cases of that probe, and on no other"""

    @property
    def permissions(self) -> frozenset[str]:
        return permissions(self.roles)

    @property
    def is_system(self) -> bool:
        return self.account == SYSTEM.account


SYSTEM = Actor("@system")
"""The machine itself, by a name that no account can have: merges, grades, sends by plan; it never
verifies, checks or closes."""
