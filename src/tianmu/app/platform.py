"""The platform as a device of its own city: what it measures of itself.

Its readings go in by the same door as all others, and the pack's rules for kind ``platform``
alarm on them: a stalled reader, a silent connector, a disk filling up, a clock that is off.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Mapping

import psutil

from tianmu.app.process import CHILDREN, NAMES, heard, memory
from tianmu.app.settings import Settings
from tianmu.facts import clock
from tianmu.facts.finding import READER as LEARNER
from tianmu.facts.topic import ALARM, DEED, OBSERVATION, OBSERVATION_LIFE, REPORT
from tianmu.sense.contract import Connector
from tianmu.sense.intake import Intake
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

PLATFORM_SOURCE = "platform"
PLATFORM_KIND = "platform"
DEVICE = "platform"
READERS: dict[str, tuple[str, ...]] = {
    "watch": (OBSERVATION_LIFE.name, OBSERVATION.name, DEED.name),
    "hub": (ALARM.name, REPORT.name),
    "works": (OBSERVATION_LIFE.name, OBSERVATION.name),
}
"""process → topics it must keep up with"""
BESIDE = frozenset({LEARNER})
"""readers that nobody waits for: after a burst they catch up; ``status`` shows how far they are"""


class _Rate:
    """How fast a count rises between two looks."""

    def __init__(self) -> None:
        self._count, self._at = 0, time.monotonic()

    def per_minute(self, count: int) -> float:
        now = time.monotonic()
        rate = (count - self._count) * 60 / max(now - self._at, 1e-3)
        self._count, self._at = count, now
        return rate


class Platform:
    """Looks at the city's own processes, disk and clock."""

    def __init__(
        self, settings: Settings, intake: Intake, connectors: Mapping[str, Connector]
    ) -> None:
        self._settings, self._intake, self._connectors = settings, intake, connectors
        self._journal = SqliteJournal(settings.folder)
        self._files: dict[str, Records] = {}
        self._wall, self._steady = time.time(), time.monotonic()
        self._refused, self._turned = _Rate(), _Rate()
        self._leaps = clock.Leaps()

    def readings(self) -> list[tuple[str, str, float]]:
        """(device, property, value) now. A reading that cannot be taken is left out, not made."""
        rows: list[tuple[str, str, float]] = []
        disk = shutil.disk_usage(self._settings.folder)
        rows.append((DEVICE, "disk_free_ratio", disk.free / disk.total))
        rows.append((DEVICE, "memory_ratio", self._memory() / psutil.virtual_memory().total))
        rows.append((DEVICE, "clock_offset_s", self._clock_offset()))
        refused, turned = self._intake.counts["refused"], self._intake.admission.turned()
        rows.append((DEVICE, "refused_per_minute", self._refused.per_minute(refused)))
        rows.append((DEVICE, "slowed_per_minute", self._turned.per_minute(turned)))
        with contextlib.suppress(FileNotFoundError):
            rows.append((DEVICE, "reader_lag_s", self._lag()))
        rows.append((DEVICE, "processes_down", self._down()))
        silent = self._silent()
        if silent is not None:
            rows.append((DEVICE, "connector_silent_s", silent))
        return rows

    def _memory(self) -> int:
        return sum(
            memory(said.pid)
            for name in (*NAMES, *CHILDREN)
            if (said := heard(self._settings.run, name))
        )

    def _down(self) -> float:
        """Processes that are not there, or have said nothing."""
        count = 0
        for name in NAMES:
            said = heard(self._settings.run, name)
            if said is None or not psutil.pid_exists(said.pid):
                count += 1
        return float(count)

    def _silent(self) -> float | None:
        """Seconds since the quietest connector that has ever been spoken to was; None for none."""
        leapt, now = self._leaps.last(), self._intake.now()
        heard_at = [int(c.state().get("last_at") or 0) for c in self._connectors.values()]
        quiet = [(now - max(at, leapt)) / 1_000_000 for at in heard_at if at]
        return max(quiet) if quiet else None

    def _clock_offset(self) -> float:
        """Seconds by which the wall clock has jumped against the steady one since the last look."""
        wall, steady = time.time(), time.monotonic()
        offset = (wall - self._wall) - (steady - self._steady)
        self._wall, self._steady = wall, steady
        return abs(offset)

    def _lag(self) -> float:
        """Age in seconds of the oldest entry that some reader has not read; 0 when all keep up."""
        leapt, now = self._leaps.last(), clock.now()
        oldest = now
        for name, topics in READERS.items():
            positions = self._open(name).positions()
            for topic in topics:
                read = {r: p for (r, t), p in positions.items() if t == topic}
                at = max((p for r, p in read.items() if r not in BESIDE), default=0)
                entries = self._journal.read(topic, at, entries=1)
                if entries:
                    oldest = min(oldest, max(entries[0].at, leapt))
        return (now - oldest) / 1_000_000

    def _open(self, name: str) -> Records:
        found = self._files.get(name)
        if found is None:
            found = Records(self._settings.folder / f"{name}.sqlite", readonly=True)
            self._files[name] = found
        return found
