"""By whom pictures are kept: for a while, and with the evidence once one is needed."""

from __future__ import annotations

from typing import Any, Protocol


class Keeper(Protocol):
    """Pictures may show people: one that no alarm needs is let go."""

    def keep(self, content: bytes, name: str, at: int) -> dict[str, Any]:
        """A JPEG taken at ``at`` (µs) to disk; what evidence tells of it (``digest``, ``scan``…).
        Raises ``ValueError`` for what is not taken, ``OSError`` where there is no room or a
        scanner gives no answer."""
        ...

    def show(self, digest: str) -> bool:
        """It lies with the evidence from now on; False where it has been let go."""
        ...

    def let_go(self) -> int:
        """Remove those that nobody has needed for long enough; how many."""
        ...
