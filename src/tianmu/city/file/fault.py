"""What is wrong with a pack: where, what, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Fault:
    """One fault. ``line`` counts from 1; 0 where the file as a whole is meant."""

    file: str
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.what}: {self.remedy}"


class PackFaulty(ValueError):
    """The pack cannot be used; ``faults`` says why, one by one."""

    def __init__(self, pack: str, faults: list[Fault]) -> None:
        self.pack, self.faults = pack, faults
        shown = "\n".join(str(fault) for fault in faults[:20])
        rest = f"\n… and {len(faults) - 20} more" if len(faults) > 20 else ""
        super().__init__(f"pack {pack} has {len(faults)} fault(s):\n{shown}{rest}")
