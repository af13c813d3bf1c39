"""Where a drill is played: a fresh city whose clock it moves, or a running one.

A running city that goes by a drill's clock has nothing real in it: all is played there as in a
fresh one, and its clock is moved. In any other everything is marked as the probe's, so nothing real
is touched and nobody is paged; its clock is nobody's to move, so what hangs on time that passes is
not to be seen there, and is said to be so.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from tianmu.facts.clock import DrillClock, machine
from tianmu.rehearse.city.city import City, connect, credentials, start_city
from tianmu.rehearse.city.clock import ClockLost, clock_of
from tianmu.rehearse.city.equipment import source
from tianmu.rehearse.city.patience import until
from tianmu.rehearse.drill.script import Drill, Expect, moment, wanted

COMMAND, HANDLE, LEAD, CHECK = "probe-command", "probe-handle", "probe-lead", "probe-check"
PLAYS = {"commander": LEAD, "checker": CHECK, "acceptor": CHECK}
"""which of a running city's marked accounts plays whom; departments: ``HANDLE``, others:
``COMMAND``"""
BOTH = (
    "leave out --url, and a fresh city is started for it; or name a city that goes by a drill's "
    "clock (`tianmu up --clock-file`)"
)
FOLLOWS = 30.0
"""seconds that the city may take to follow what was told or done"""
PANEL_SOURCE, PANEL_ADDRESS = "drill-panel", "0000000000fd"
ON_THE_WAY = ("watch:", "manage/")
"""readers between a signal and its case"""
HTTP_SOURCE, MQTT_SOURCE = "drill-http", "drill-mqtt"


TOLD = ("cases", "reports", "stage", "stages", "queue", "outcome", "precision_from", "recall_from")
"""what people alone tell of a case, whatever its devices measure"""


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

    @property
    def marked(self) -> bool:
        """Whether what is played is marked, since the city is a real one."""
        return bool(self.url) and self.clock is None

    def now(self) -> int:
        """µs by the city's clock."""
        return self.clock.now() if self.clock else machine()

    def worked(self, first: date, days: int) -> list[Any]:
        """The hours worked on so many days by the city's calendar."""
        asked = {"first": first.isoformat(), "days": days}
        return list(self.own.get("/api/city/working-days", **asked)["days"])

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
        if self.marked:
            role = HANDLE if who in self.departments else PLAYS.get(who, COMMAND)
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
    """The city at ``url`` whose folder is ``data``: by the marked accounts of its probe, or as a
    fresh one where it goes by a drill's clock."""
    try:
        clock = clock_of(data)
    except ClockLost as error:
        raise Unplayable(str(error)) from error
    if clock is not None:
        return _same(drill, _ground(data, url, clock))
    trouble = []
    if len({one.place for one in drill.device if one.door == "panel"}) > 1:
        trouble.append("detectors at several places")
    if drill.moves_clock or not any(seen(drill, one) for one in drill.expect):
        trouble.append("a clock that can be moved")
    if trouble:
        raise Unplayable(f"{drill.name} needs {' and '.join(trouble)}: {BOTH}")
    return _same(drill, _ground(data, url, None))


def _same(drill: Drill, ground: Ground) -> Ground:
    """The ground, if its city has the drill's matters."""
    brief = ground.own.get("/api/city")
    told = {one.report.matter for one in drill.play if one.report and one.report.matter}
    if strange := sorted(told - {one["key"] for one in brief["matters"]}):
        raise Unplayable(
            f"{drill.name} is of the pack {drill.pack}, and {brief['name'].get('en')} at "
            f"{ground.url} has no matter {strange[0]}: play it in a city of that pack"
        )
    return ground


def seen(drill: Drill, expect: Expect) -> dict[str, Any]:
    """What of an expectation is to be seen in a real city: no clock that is moved, nothing of
    devices that are registered for the drill, and of what burns where the probe's panel stands not
    who joins in around the drill's own place."""
    hidden = {"clocks", "overdue"} | {"joint" for one in drill.device if one.door == "panel"}
    found = {k: v for k, v in wanted(expect).items() if k not in hidden}
    by = moment(drill, expect.at) if expect.at is not None else None
    measured = {
        one.case
        for one in drill.play
        if one.observe and (by is None or moment(drill, one.at) <= by)
    }
    if measured and (not expect.case or expect.case in measured):
        found = {k: v for k, v in found.items() if k in TOLD}
    return found


def _ground(data: Path, url: str, clock: DrillClock | None) -> Ground:
    own = connect(data, COMMAND if url and clock is None else "rehearsal", url)
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
    if ground.marked:
        return tokens
    if "http" in used:
        tokens["http"] = source(ground.own, HTTP_SOURCE, "http")
    if "mqtt" in used:
        tokens["mqtt"] = source(ground.own, MQTT_SOURCE, "mqtt")
    if "panel" in used:
        source(ground.own, PANEL_SOURCE, "gbt26875", life=True, allow=[PANEL_ADDRESS])
    return tokens
