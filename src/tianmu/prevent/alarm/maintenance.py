"""Maintenance windows: what a device or a source shows within one is a test."""

from __future__ import annotations

from tianmu.facts.registry import MaintenanceChanged


class Windows:
    """Fold the facts of topic ``registry`` into it."""

    def __init__(self) -> None:
        self._of: dict[str, list[MaintenanceChanged]] = {}

    def apply(self, fact: MaintenanceChanged) -> None:
        """A window with the same start takes the place of the one before, as gate has it."""
        windows = self._of.get(fact.object, [])
        kept = [w for w in windows if w.end > fact.at and w.start != fact.start]
        self._of[fact.object] = [*kept, fact]

    def hold(self, device: str, source: str, now: int) -> bool:
        """Whether one of the device or of its source is open now (µs)."""
        return any(
            window.start <= now < window.end
            for name in (device, source)
            for window in self._of.get(name, ())
        )
