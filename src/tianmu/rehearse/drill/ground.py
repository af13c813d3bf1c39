"""Where a drill is played: a fresh city whose clock it moves, or a running one, marked.

On a running city everything is marked as the probe's, so nothing real is touched and nobody is
paged; its clock is nobody's to move, so limits cannot be made to run out there.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tianmu.facts.clock import DrillClock, machine
from tianmu.rehearse.bench_city import source
from tianmu.rehearse.city import City, connect, credentials, start_city
from tianmu.rehearse.drill.script import Drill
from tianmu.rehearse.patience import until

COMMAND, HANDLE = "probe-command", "probe-handle"
FOLLOWS = 30.0
"""seconds that the city may take to follow what was told or done"""
PANEL_SOURCE, PANEL_ADDRESS = "drill-panel", "0000000000fd"
ON_THE_WAY = ("watch:", "manage/")
"""readers between a signal and its case"""
HTTP_SOURCE, MQTT_SOURCE = "drill-http", "drill-mqtt"


class Unplayable(RuntimeError):
    """The drill cannot be played here; says why and what to do."""


@dataclass
class Ground:
    """A city and what the drill has in it."""

    data: Path
    own: City
    """as the account that looks and registers"""
    zone: ZoneInfo
    clock: DrillClock | None = None
    url: str = ""
    tokens: dict[str, str] = field(default_factory=dict)
    departments: frozenset[str] = frozenset()
    _as: dict[str, City] = field(default_factory=dict)

    def now(self) -> int:
        """µs by the city's clock."""
        return self.clock.now() if self.clock else machine()

    def settle(self) -> None:
        """Until the city has read all reports and alarms there were, and attended to every limit
        that has run out. A running city says nothing of that: there the caller looks for what it
        waits for."""
        if self.clock is None:
            return
        clock, at = self.clock, self.clock.now()
        if not until(lambda: clock.attended >= at, FOLLOWS, every=0.005):
            raise TimeoutError(f"the city did not follow its clock within {FOLLOWS:g} s")

    def follow(self) -> None:
        """Until the city has judged all that was measured and told, and read what came of it: what
        opens no case is waited for by nobody's word. Seen twice, since the positions of several
        files are not of one moment. What takes longer is left to what is expected."""
        seen = [False, False]

        def at_rest() -> bool:
            lag = self.own.get("/api/vitals")["lag"]
            seen[:] = seen[1], not any(lag[one] for one in lag if one.startswith(ON_THE_WAY))
            return all(seen)

        until(at_rest, FOLLOWS, every=0.02)
        self.settle()

    def city_of(self, who: str) -> City:
        """The city as the account of a role, or of a department's worker."""
        if who not in self._as:
            self._as[who] = self._connect(who)
        return self._as[who]

    def _connect(self, who: str) -> City:
        role = next((one for one in (who, f"worker:{who}") if one in self.tokens), "")
        if self.url:
            role = HANDLE if who in self.departments else COMMAND
        if not role:
            known = ", ".join(sorted(one for one in self.tokens if ":" not in one))
            raise Unplayable(
                f"nobody plays {who!r}: use one of {known}, or a department of the pack"
            )
        return connect(self.data, role, self.url)


@contextlib.contextmanager
def ground_of(drill: Drill, *, url: str, data: Path) -> Iterator[Ground]:
    """The city to play in: the running one at ``url``, or a fresh one."""
    if url:
        yield running(drill, url, data)
        return
    with (
        tempfile.TemporaryDirectory(prefix="tianmu-drill-") as name,
        fresh(drill, Path(name)) as ground,
    ):
        yield ground


@contextlib.contextmanager
def fresh(drill: Drill, folder: Path) -> Iterator[Ground]:
    """A city of the drill's pack that begins at its start, in ``folder``."""
    # until the pack has said its time zone; moved on to the start afterwards, never back
    early = int(drill.start.replace(tzinfo=ZoneInfo("UTC")).timestamp() - 86_400) * 1_000_000
    clock = DrillClock.make(folder / "clock", early)
    try:
        started = start_city(folder / "city", "--pack", drill.pack, "--clock-file", str(clock.path))
    except RuntimeError as error:
        raise Unplayable(str(error)) from error
    try:
        ground = _ground(started.data, "", clock)
        clock.move(int(drill.start.replace(tzinfo=ground.zone).timestamp() * 1_000_000))
        ground.settle()
        yield ground
    finally:
        started.stop()


def running(drill: Drill, url: str, data: Path) -> Ground:
    """The city at ``url`` whose folder is ``data``, by the marked accounts of its probe."""
    trouble = []
    if any(one.door != "panel" for one in drill.device):
        trouble.append("devices of its own (door http, mqtt)")
    if len({one.place for one in drill.device}) > 1:
        trouble.append("detectors at several places")
    if any(one.clocks or one.overdue is not None or one.at is not None for one in drill.expect):
        trouble.append("a clock that can be moved (expect at, clocks, overdue)")
    if trouble:
        raise Unplayable(
            f"{drill.name} needs {' and '.join(trouble)}: leave out --url, and a fresh city is "
            "started for it"
        )
    return _ground(data, url, None)


def _ground(data: Path, url: str, clock: DrillClock | None) -> Ground:
    own = connect(data, COMMAND if url else "rehearsal", url)
    brief = own.get("/api/city")
    return Ground(
        data=data,
        own=own,
        zone=ZoneInfo(brief["time_zone"]),
        clock=clock,
        url=url,
        tokens=credentials(data)["tokens"],
        departments=frozenset(one["code"] for one in brief["departments"]),
    )


def doors(ground: Ground, drill: Drill) -> dict[str, Any]:
    """Register what the drill's devices need; source → token (HTTP, MQTT) by door."""
    used = {one.door for one in drill.device}
    tokens: dict[str, Any] = {}
    if ground.url:
        return tokens
    if "http" in used:
        tokens["http"] = source(ground.own, HTTP_SOURCE, "http")
    if "mqtt" in used:
        tokens["mqtt"] = source(ground.own, MQTT_SOURCE, "mqtt")
    if "panel" in used:
        source(ground.own, PANEL_SOURCE, "gbt26875", life=True, allow=[PANEL_ADDRESS])
    return tokens
