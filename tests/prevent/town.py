"""A small town on real files: gate, hub and watch of one data folder in one process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from tianmu.city.device.device import DeviceKind
from tianmu.city.device.property import Property
from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.batch import ObservationBatch
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode, encode
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.prevent.alarm import table as alarm_table
from tianmu.prevent.alarm.target import Targets
from tianmu.prevent.watch.settings import Settings
from tianmu.prevent.watch.watch import Watch
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live
from tianmu.store.records import Records
from tianmu.store.registry import Registry

S = 1_000_000
START = 1_800_000_000 * S

FIRE = "fire@p0/state"
HIGH = "high@g0/level"
"""conditions of the rules below at the first panel and the first gauge"""

RULES: list[dict[str, Any]] = [
    {
        "type": "state",
        "code": "fire",
        "name": {"zh": "火警", "en": "Fire"},
        "property": "state",
        "match": "any",
        "mask": 2,
        "priority": 1,
        "severity": "III",
        "matter": "m:fire",
        "latching": True,
    },
    {
        "type": "state",
        "code": "fault",
        "name": {"zh": "故障", "en": "Fault"},
        "property": "state",
        "match": "any",
        "mask": 4,
        "priority": 3,
        "suppressed_by": ["fire"],
    },
    {"type": "silence", "code": "silent", "name": {"zh": "失联", "en": "Silent"}, "priority": 4},
]
LEVEL_RULES: list[dict[str, Any]] = [
    {
        "type": "threshold",
        "code": "high",
        "name": {"zh": "水位高", "en": "High level"},
        "property": "level",
        "direction": "high",
        "limit": 3.0,
        "deadband": 0.5,
        "priority": 2,
        "text": {"en": "{device} at {place}: {value:.1f} {unit}, limit {limit}"},
    },
    {
        "type": "threshold",
        "code": "slow",
        "name": {"zh": "水位偏高", "en": "Raised level"},
        "property": "level",
        "direction": "high",
        "limit": 2.0,
        "priority": 4,
        "on_delay_s": 10,
        "shelvable": False,
    },
]


def city() -> Any:
    """What watch asks of a city pack."""
    panel = DeviceKind(
        code="panel",
        name={"zh": "主机", "en": "Panel"},
        category="fire",
        lane="life",
        properties={
            "state": Property(
                "state",
                {"en": "State"},
                states={"bit1": {"zh": "火警", "en": "fire"}, "bit2": {"en": "fault"}},
            )
        },
        heartbeat_s=60.0,
        rules=tuple({"kind": "panel", **rule} for rule in RULES),
    )
    gauge = DeviceKind(
        code="gauge",
        name={"zh": "水位计", "en": "Gauge"},
        category="water",
        lane="main",
        properties={"level": Property("level", {"en": "Level"}, unit="m")},
        rules=tuple({"kind": "gauge", **rule} for rule in LEVEL_RULES),
    )
    town = SimpleNamespace(code="t1", name={"zh": "某镇", "en": "Town"}, parent="c")
    return SimpleNamespace(
        time_zone="Asia/Shanghai",
        kinds={"panel": panel, "gauge": gauge},
        divisions={"c": SimpleNamespace(code="c", name={"en": "City"}, parent=""), "t1": town},
        matters={"m:fire": None},
        profile=SimpleNamespace(levels=[SimpleNamespace(name="III")]),
        rules=[dict(rule) for kind in (panel, gauge) for rule in kind.rules],
    )


class Town:
    """``clock`` is set by hand; ``watch`` may be dropped and begun again."""

    def __init__(self, data: Path, *, gauges: int = 3, targets: Targets | None = None) -> None:
        self.data = data
        self.now = START
        self.city = city()
        self.targets = targets or Targets()
        self.gate = Records(data / "gate.sqlite")
        self.life = Records(data / "gate-life.sqlite")
        self.hub = Records(data / "hub.sqlite")
        self.book = Registry(data)
        self.reader = SqliteJournal(data)
        self.told = 0
        self.deeds = 0
        self.register(
            [
                Device(
                    device="p0",
                    kind="panel",
                    properties=("state",),
                    place=Place(longitude=119.4, latitude=31.4, division="t1"),
                    department="fire",
                    source="s0",
                ),
                *(
                    Device(device=f"g{i}", kind="gauge", properties=("level",), department="water")
                    for i in range(gauges)
                ),
            ]
        )
        self.open()

    def register(self, devices: Sequence[Device]) -> None:
        fact = self.book.registration(devices, at=self.now, actor="test")
        self.book.apply(fact)
        self.publish(fact)

    def publish(self, fact: Any) -> None:
        self.hub.transact(lambda tx: tx.append("registry", encode(fact)))

    def open(self, **settings: Any) -> None:
        self.records = Records(self.data / "watch.sqlite")
        self.journal = SqliteJournal(self.data)
        self.live = Live(self.data)
        self.watch = Watch(
            self.records,
            self.journal,
            Registry(self.data),
            self.live,
            self.city,
            lambda: self.now,
            targets=self.targets,
            settings=Settings(**{"snapshot_s": 1e9, **settings}),
        )
        self.watch.start()

    def close_watch(self) -> None:
        """Forget all that is in memory; what is on disk stays."""
        self.records.close()
        self.journal.close()

    def crash(self, **settings: Any) -> None:
        """Begin again from what is on disk."""
        self.close_watch()
        self.open(**settings)

    def close(self) -> None:
        self.watch.close()
        for one in (self.records, self.journal, self.gate, self.life, self.hub, self.reader):
            one.close()
        self.live.close()

    def observe(
        self,
        device: str,
        values: Sequence[float],
        *,
        quality: int = 0,
        at: Sequence[int] | None = None,
        sequence: Sequence[int] | None = None,
        side: dict[int, Any] | None = None,
        step: bool = True,
    ) -> None:
        """``values`` of a device's only property, a microsecond apart, as one batch."""
        index = self.book.find(device)
        assert index is not None
        n = len(values)
        life = device.startswith("p")
        batch = ObservationBatch(
            datastream=np.full(n, self.book.datastreams_of(index)[0], np.uint32),
            phenomenon_time=np.array(at or [self.now + i for i in range(n)], np.int64),
            value=np.array(values, np.float64),
            received=self.now,
            source=1,
            quality=np.full(n, quality, np.uint8),
            sequence=None if sequence is None else np.array(sequence, np.uint32),
            side=side or {},
        )
        topic = "observation.life" if life else "observation"
        records = self.life if life else self.gate
        records.transact(lambda tx: tx.append(topic, batch.encode()))
        if step:
            self.watch.step(0)

    def observe_all(self, devices: Sequence[str], value: float) -> None:
        """One observation of each device, in one batch of the main lane."""
        firsts = [self.book.datastreams_of(self.book.find(name) or 0)[0] for name in devices]
        batch = ObservationBatch(
            datastream=np.array(firsts, np.uint32),
            phenomenon_time=np.full(len(firsts), self.now, np.int64),
            value=np.full(len(firsts), value),
            received=self.now,
            source=1,
        )
        self.gate.transact(lambda tx: tx.append("observation", batch.encode()))
        self.watch.step(0)

    def do(self, verb: str, target: str, *, step: bool = True, **data: Any) -> None:
        self.deeds += 1
        deed = Deed(
            deed=f"d{self.deeds}",
            verb=f"alarm.{verb}",
            object=target,
            actor="officer",
            at=self.now,
            reason="because",
            data=data,
        )
        self.hub.transact(lambda tx: tx.append("deed", encode(deed)))
        if step:
            self.watch.step(0)

    def wait(self, seconds: float) -> None:
        """Let time pass in one leap, then look at the clock."""
        self.now += round(seconds * S)
        self.watch.step(0)

    def events(self) -> list[AlarmEvent]:
        """Alarm events since the last call."""
        entries = self.reader.read("alarm", self.told, entries=100_000)
        if entries:
            self.told = entries[-1].position
        found = [decode(entry.payload) for entry in entries]
        return [fact for fact in found if isinstance(fact, AlarmEvent)]

    def said(self) -> list[tuple[str, str, str]]:
        """(identity, transition, state) since the last call."""
        return [(e.identity, e.transition, e.state.value) for e in self.events()]

    def alarms(self) -> list[Any]:
        page = self.records.read(lambda c: alarm_table.every(c, limit=10_000))
        return list(page.items)

    def totals(self) -> dict[str, int]:
        return self.records.read(alarm_table.totals)
