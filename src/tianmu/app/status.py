"""``tianmu status``: read from outside, so that it also tells of a city that hangs."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from tianmu.app.process import CHILDREN, NAMES, alive, heard, memory
from tianmu.app.settings import load
from tianmu.facts.clock import DrillClock
from tianmu.facts.topic import TOPICS
from tianmu.sense import state
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records


def look(data: Path) -> dict[str, Any]:
    """What ``status --json`` says; ``FileNotFoundError`` where no city was started."""
    settings = load(data)
    processes: list[dict[str, Any]] = []
    ports: dict[str, int] = {}
    for name in NAMES:
        said = heard(settings.run, name)
        if said is None:
            processes.append({"name": name, "pid": None, "state": "stopped", "memory_bytes": 0})
            continue
        living = alive(said.pid)
        processes.append(
            {
                "name": name,
                "pid": said.pid,
                "state": said.state if living else "stopped",
                "memory_bytes": memory(said.pid) if living else 0,
            }
        )
        if living:
            ports |= said.ports
    for name in CHILDREN:
        said = heard(settings.run, name)
        if said is not None and alive(said.pid):
            processes.append(
                {
                    "name": name,
                    "pid": said.pid,
                    "state": said.state,
                    "memory_bytes": memory(said.pid),
                }
            )
    return {
        "processes": processes,
        "ports": ports,
        "lag": lag(data),
        "devices": _devices(data),
        "observations_total": _one(
            data, "watch", "SELECT value FROM watch_total WHERE name = 'observations'"
        ),
        "cases_open": _one(
            data, "hub", "SELECT count(*) FROM case_state WHERE open = 1 AND probe = ''"
        ),
        "slowed": _slowed(data),
        "dropped_by_broker": _dropped(data),
        "pack": settings.pack,
        "drill_clock_ahead_s": _ahead(settings.clock),
        "url": settings.url(ports.get("web", settings.port)),
    }


class Lags:
    """How far the readers of a city are behind, asked again and again: files stay open between
    two questions. Any thread."""

    def __init__(self, data: Path) -> None:
        self._data, self._journal = data, SqliteJournal(data)
        self._files: dict[str, Records] = {}
        self._lock = threading.Lock()

    def now(self) -> dict[str, int]:
        """``reader:topic`` → entries it has not read yet."""
        found: dict[str, int] = {}
        with self._lock:
            for file in sorted({topic.file for topic in TOPICS.values()}):
                with contextlib.suppress(FileNotFoundError):
                    records = self._files.get(file) or _open(self._data, file)
                    self._files[file] = records
                    for (reader, topic), position in records.positions().items():
                        found[f"{reader}:{topic}"] = self._journal.count(topic, position)
        return found

    def close(self) -> None:
        with self._lock:
            self._journal.close()
            for records in self._files.values():
                records.close()
            self._files.clear()


def lag(data: Path) -> dict[str, int]:
    """``reader:topic`` → entries it has not read yet."""
    with contextlib.closing(Lags(data)) as lags:
        return lags.now()


def _open(data: Path, file: str) -> Records:
    return Records(data / f"{file}.sqlite", readonly=True)


def _one(data: Path, file: str, question: str) -> int:
    try:
        with _open(data, file) as records:
            return int(records.read(lambda c: c.execute(sa.text(question)).scalar()) or 0)
    except (FileNotFoundError, sa.exc.OperationalError):
        return 0


def _slowed(data: Path) -> dict[str, int]:
    """Source that is slowed down → µs since when."""
    try:
        with _open(data, "gate") as records:
            found = records.read(state.sources)
    except (FileNotFoundError, sa.exc.OperationalError):
        return {}
    return {name: one.slowed_since for name, one in sorted(found.items()) if one.slowed_since}


def _dropped(data: Path) -> int:
    """Messages that the MQTT broker had no room for and let go, since gate was started."""
    try:
        with _open(data, "gate") as records:
            found = records.read(state.connectors)
    except (FileNotFoundError, sa.exc.OperationalError):
        return 0
    return sum(int(one["state"].get("dropped_by_broker", 0)) for one in found)


def _ahead(file: str) -> float | None:
    """Seconds that the clock of a drill's city is ahead of the machine's; None for a real one."""
    return DrillClock(Path(file)).ahead / 1e6 if file else None


def _devices(data: Path) -> int:
    """Devices of the city, as the wall counts them: without what a probe is made of."""
    from tianmu.store.registry import Registry

    with SqliteJournal(data) as journal:
        registry = Registry(data)
        registry.refresh(journal)
        return registry.count_devices - int(registry.columns.probe.sum(dtype=int))


def lines(found: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"{found['url']}  ({found['pack']})"
    if found["drill_clock_ahead_s"] is not None:
        ahead = found["drill_clock_ahead_s"]
        yield f"  A CITY OF A DRILL: its clock is {ahead:+,.0f} s from the machine's"
    for process in found["processes"]:
        size = process["memory_bytes"] / (1 << 20)
        yield f"  {process['name']:<7} {process['state']:<9} {size:7.1f} MiB  pid {process['pid']}"
    yield "  ports   " + "  ".join(f"{name} {port}" for name, port in found["ports"].items())
    yield (
        f"  devices {found['devices']:,}  observations {found['observations_total']:,}  "
        f"open cases {found['cases_open']:,}"
    )
    behind = {reader: n for reader, n in found["lag"].items() if n}
    yield "  lag     " + (
        "  ".join(f"{reader} {n}" for reader, n in behind.items()) if behind else "none"
    )
    for source, since in found["slowed"].items():
        at = datetime.fromtimestamp(since / 1_000_000).astimezone()
        yield f"  slowed down: {source}, since {at:%Y-%m-%d %H:%M:%S}: it sends more than is taken"
    if found["dropped_by_broker"]:
        dropped = f"{found['dropped_by_broker']:,} messages"
        yield f"  let go by the MQTT broker, which had no room for them: {dropped}"
