"""What is known goes to its lane, what is unknown is held and played later, each thing once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from tianmu.facts.batch import ObservationBatch
from tianmu.facts.encoding import decode, encode
from tianmu.facts.intake import Quarantined, UnknownSeen
from tianmu.facts.registry import Device, MaintenanceChanged, SourceChanged
from tianmu.facts.topic import INTAKE, OBSERVATION, OBSERVATION_LIFE, REGISTRY
from tianmu.sense import hold
from tianmu.sense.contract import Candidate, Readings
from tianmu.sense.intake import Intake
from tianmu.sense.source import Sources, digest
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry


class Door:
    """A gate on real files, and hub's file to register devices in."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.main, self.life = Records(data / "gate.sqlite"), Records(data / "gate-life.sqlite")
        self.hub = Records(data / "hub.sqlite")
        self.journal = SqliteJournal(data)
        self.registry, self.sources = Registry(data), Sources()
        self.intake = Intake(self.main, self.life, self.registry, self.sources, now=lambda: 1_000)

    def register(self, *devices: Device) -> None:
        fact = self.registry.registration(devices, at=1, actor="test")
        self.hub.transact(lambda tx: tx.append(REGISTRY.name, encode(fact)))
        self.registry.refresh(self.journal)

    def observations(self, topic: str) -> list[tuple[str, int, float]]:
        found = []
        for entry in self.journal.read(topic, 0):
            batch = ObservationBatch.decode(entry.payload)
            found += [
                (self.registry.datastream(int(d)), int(t), float(v))
                for d, t, v in zip(
                    batch.datastream, batch.phenomenon_time, batch.value, strict=True
                )
            ]
        return found

    def close(self) -> None:
        for one in (self.main, self.life, self.hub, self.journal):
            one.close()


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    made = Door(tmp_path)
    yield made
    made.close()


def source(name: str = "s", *, life: bool = False, **more: Any) -> SourceChanged:
    return SourceChanged(
        source=name, number=1, protocol="http", life_safety=life, at=0, actor="test", **more
    )


def readings(*rows: tuple[str, str, int, float], **more: Any) -> Readings:
    address, name, time, value = zip(*rows, strict=True)
    return Readings(
        address=address, property=name, time=np.array(time), value=np.array(value, dtype=float),
        **more,
    )  # fmt: skip


def take(door: Door, what: Readings, who: SourceChanged, key: bytes | None = None) -> Any:
    async def run() -> Any:
        return await door.intake.take(what, source=who, key=key, peer="p")

    return asyncio.run(run())


def test_each_lane_has_a_file_of_its_own(door: Door) -> None:
    door.register(Device(device="a", kind="k", properties=("x",)))
    take(door, readings(("a", "x", 1, 1.0)), source())
    take(door, readings(("a", "x", 2, 2.0)), source(life=True))
    assert door.observations(OBSERVATION.name) == [("a/x", 1, 1.0)]
    assert door.observations(OBSERVATION_LIFE.name) == [("a/x", 2, 2.0)]


def test_a_repeated_key_takes_effect_once(door: Door) -> None:
    door.register(Device(device="a", kind="k", properties=("x",)))
    rows = readings(("a", "x", 1, 1.0), ("unknown", "x", 1, 5.0))
    first = take(door, rows, source(), b"key")
    again = take(door, rows, source(), b"key")
    assert (first.known, first.held, first.duplicate) == (1, 1, False)
    assert again.duplicate and again.held == 0
    assert len(door.observations(OBSERVATION.name)) == 1
    assert len(door.main.read(lambda c: hold.held_for(c, "unknown"))) == 1


def test_what_an_unknown_device_says_is_played_once_it_is_registered(door: Door) -> None:
    for number in range(3):
        take(
            door,
            readings(
                ("w/1", "x", number, float(number)),
                candidates={"w/1": Candidate(kind="k", name="n")},
            ),
            source(life=True),
        )
    door.intake.sources.apply(source(life=True))
    assert door.main.read(hold.waiting) == ["w/1"]
    announced = [decode(e.payload) for e in door.journal.read(INTAKE.name, 0)]
    assert len(announced) == 1 and isinstance(announced[0], UnknownSeen)
    assert announced[0].data["kind"] == "k" and announced[0].data["properties"] == ["x"]
    door.register(Device(device="a", kind="k", properties=("x",), labels={"address": "w/1"}))
    assert asyncio.run(door.intake.release()) == 3
    assert asyncio.run(door.intake.release()) == 0
    assert door.intake.counts["observations"] == 3
    assert door.intake.counts[f"source:{source().source}"] == 3, "its source has said them"
    assert door.observations(OBSERVATION_LIFE.name) == [("a/x", n, float(n)) for n in range(3)]
    assert door.main.read(hold.waiting) == []


def test_what_a_registered_device_has_no_property_for_is_kept_in_view(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "HELD_UNLISTED", 3)
    rows = readings(("w/1", "x", 1, 1.0), ("w/1", "z", 1, 9.0))
    take(door, rows, source())
    door.register(Device(device="a", kind="k", properties=("x",), labels={"address": "w/1"}))
    assert asyncio.run(door.intake.release()) == 1
    assert door.observations(OBSERVATION.name) == [("a/x", 1, 1.0)]
    [(_, _, rest)] = door.main.read(lambda c: hold.held_for(c, "w/1"))
    assert (rest.property, rest.value) == (["z"], [9.0])
    for number in range(5):
        taken = take(door, readings(("w/1", "x", 2 + number, 2.0), ("w/1", "z", 2, 3.0)), source())
        assert (taken.known, taken.held) == (1, 1)
    assert asyncio.run(door.intake.release()) == 0
    row = door.main.read(lambda c: c.execute(hold.unknown.select()).one())
    assert row.data["registered"] == "a" and row.data["properties"] == ["z"]
    assert len(door.main.read(lambda c: hold.held_for(c, "w/1"))) == 3
    assert (row.count, row.let_go) == (6, 3)
    assert len(door.observations(OBSERVATION.name)) == 6


def test_the_oldest_is_let_go_and_counted(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "HELD_PER_ADDRESS", 5)
    for number in range(8):
        take(door, readings(("u", "x", number, 0.0)), source())
    kept = door.main.read(lambda c: hold.held_for(c, "u"))
    assert [parked.time[0] for _, _, parked in kept] == [3, 4, 5, 6, 7]
    row = door.main.read(lambda c: c.execute(hold.unknown.select()).one())
    assert (row.count, row.let_go) == (8, 3)


def test_text_results_and_quality_travel_with_their_rows(door: Door) -> None:
    door.register(Device(device="a", kind="k", properties=("x", "y")))
    rows = readings(
        ("b", "x", 1, 1.0), ("a", "y", 2, np.nan), ("a", "x", 3, 3.0),
        quality=np.array([0, 4, 1], dtype=np.uint8), side={1: "open", 0: "lost"},
    )  # fmt: skip
    take(door, rows, source())
    batch = ObservationBatch.decode(door.journal.read(OBSERVATION.name, 0)[0].payload)
    assert batch.side == {0: "open"} and batch.quality is not None
    assert batch.quality.tolist() == [4, 1] and batch.phenomenon_time.tolist() == [2, 3]
    _, _, parked = door.main.read(lambda c: hold.held_for(c, "b"))[0]
    assert parked.side == {0: "lost"} and parked.quality == [0]


def test_unreadable_input_is_kept_with_its_bytes(door: Door) -> None:
    asyncio.run(door.intake.quarantine("http", b"\x00bad", reason="r", peer="p", offset=3))
    row = door.main.read(lambda c: c.execute(hold.quarantine.select()).one())
    assert (row.payload, row.offset, row.state) == (b"\x00bad", 3, "kept")
    fact = decode(door.journal.read(INTAKE.name, 0)[0].payload)
    assert isinstance(fact, Quarantined) and fact.quarantine == row.quarantine


def test_sources_by_token_and_address() -> None:
    sources = Sources()
    sources.apply(source("a", token_digest=digest("t1"), allow=("1",)))
    assert sources.by_token("t1") is not None and sources.by_address("http", "1") is not None
    sources.apply(source("a", token_digest=digest("t2")))
    assert sources.by_token("t1") is None and sources.by_token("t2") is not None
    assert sources.by_address("http", "1") is None
    sources.apply(source("a", token_digest=digest("t2"), active=False))
    assert sources.by_token("t2") is None and sources.named("a") is None


def test_a_maintenance_window_has_a_beginning_and_an_end() -> None:
    sources = Sources()
    sources.apply(MaintenanceChanged(object="a", start=10, end=20, at=0, actor="x"))
    assert [sources.in_maintenance("a", t) for t in (9, 10, 19, 20)] == [False, True, True, False]
    sources.apply(MaintenanceChanged(object="a", start=10, end=12, at=11, actor="x"))
    assert not sources.in_maintenance("a", 15)


def test_what_is_held_later_is_played_too(door: Door) -> None:
    """Rows of what is held are numbered anew once all have gone."""
    for number in (1, 2, 3):
        name = f"p{number}"
        take(door, readings((name, "x", number, float(number))), source())
        door.register(Device(device=name, kind="k", properties=("x",)))
        assert asyncio.run(door.intake.release()) == 1
    assert door.observations(OBSERVATION.name) == [
        ("p1/x", 1, 1.0),
        ("p2/x", 2, 2.0),
        ("p3/x", 3, 3.0),
    ]


def test_the_rest_of_a_message_is_played_too(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that was played in part keeps its row."""
    take(door, readings(("u", "x", 1, 1.0), ("u", "y", 2, 2.0)), source())
    door.register(Device(device="u", kind="k", properties=("x",)))
    assert asyncio.run(door.intake.release()) == 1
    later = Intake(door.main, door.life, door.registry, door.sources, now=lambda: 1_000)
    known = later.resolve

    def resolve(addresses: Sequence[str], properties: Sequence[str]) -> Any:
        found = known(addresses, properties)
        return np.where(np.array(properties) == "y", 0, found).astype(np.uint32)

    monkeypatch.setattr(later, "resolve", resolve)
    assert asyncio.run(later.release()) == 1
    assert [(t, v) for _, t, v in door.observations(OBSERVATION.name)] == [(1, 1.0), (2, 2.0)]


def test_made_up_addresses_do_not_fill_the_disk(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "UNKNOWN_KEPT", 3)
    for n in range(5):
        door.intake.now = partial(int, n)
        take(door, readings((f"u{n}", "x", n, 1.0)), source())
    assert door.main.transact(hold.trim_unknown) == 2
    assert sorted(door.main.read(hold.waiting)) == ["u2", "u3", "u4"]
    assert not door.main.read(lambda c: hold.held_for(c, "u0"))
    assert door.main.transact(hold.trim_unknown) == 0


def test_large_inputs_do_not_fill_the_quarantine(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "QUARANTINE_BYTES", 100)
    monkeypatch.setattr(hold, "QUARANTINE_LARGE", 30)
    for n, size in enumerate((40, 10, 40, 20, 40)):
        door.intake.now = partial(int, n)
        asyncio.run(door.intake.quarantine("http", bytes(size), reason=f"r{n}", peer=""))
    kept = door.main.read(lambda c: list(c.execute(sa.select(hold.quarantine.c.reason)).scalars()))
    assert sorted(kept) == ["r2", "r3", "r4"], "the newest that have room together"
