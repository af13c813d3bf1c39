"""The simulated panel against the real connector: two readings of one standard must agree."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Coroutine
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.facts.batch import GOOD, TEST, UNCERTAIN
from tianmu.facts.registry import SourceChanged
from tianmu.rehearse.panel import frame as wire
from tianmu.rehearse.panel.panel import Nature, NotConfirmed, Panel
from tianmu.rehearse.panel.script import (
    FIRE,
    NORMAL,
    RESET,
    TEXT,
    Component,
    Event,
    Step,
    Truth,
    analog,
    building,
    component_state,
    fire,
    normal,
    script,
    system_operation,
    system_state,
    unit_operation,
    unit_state,
    version,
)
from tianmu.sense.contract import Candidate, Readings, Taken
from tianmu.sense.gbt26875.codec import build, parse
from tianmu.sense.gbt26875.connector import Gbt26875Connector
from tianmu.sense.gbt26875.options import Options

ADDRESS = "320481000001"
SMOKE = Component(40, 25, "三楼走廊")
LABEL = bytes((1, 2, 3, 4, 5, 26))


class Ledger:
    def __init__(self) -> None:
        self.taken: list[Readings] = []
        self.refused: list[str] = []
        self.full = False
        self._source = SourceChanged(
            source="fire", number=1, protocol="gbt26875", life_safety=True, at=0, actor="test"
        )

    async def take(
        self, readings: Readings, *, source: SourceChanged, key: bytes | None, peer: str
    ) -> Taken:
        if self.full:
            raise OSError("full")
        self.taken.append(readings)
        return Taken(known=len(readings.address), held=0, duplicate=False)

    async def quarantine(self, *args: Any, reason: str, **more: Any) -> None:
        self.refused.append(reason)

    def source(self, protocol: str, address: str) -> SourceChanged | None:
        return self._source

    async def unknown(self, *args: Any, candidate: Candidate, **more: Any) -> None:
        raise AssertionError("nobody is unknown here")

    def in_maintenance(self, address: str) -> bool:
        return False

    def now(self) -> int:
        return time.time_ns() // 1000

    def rows(self, name: str) -> list[tuple[str, float, int]]:
        return [
            (address, float(value), int(quality))
            for readings in self.taken
            for address, prop, value, quality in zip(
                readings.address,
                readings.property,
                readings.value,
                readings.quality if readings.quality is not None else [],
                strict=True,
            )
            if prop == name
        ]


@contextlib.asynccontextmanager
async def centre(ledger: Ledger) -> AsyncIterator[tuple[Gbt26875Connector, int]]:
    connector = Gbt26875Connector(
        ledger, "Asia/Shanghai", Options(patience=0.5, settle=0.0, minute=0.5)
    )
    port = await connector.start("127.0.0.1", 0)
    try:
        yield connector, port
    finally:
        await connector.stop()


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 30))


@given(
    st.integers(0, 0xFFFF),
    st.binary(min_size=6, max_size=6),
    st.binary(min_size=6, max_size=6),
    st.integers(1, 6),
    st.binary(max_size=200),
    st.binary(min_size=6, max_size=6),
)
def test_both_ends_make_the_same_bytes(
    serial: int, source: bytes, destination: bytes, command: int, data: bytes, label: bytes
) -> None:
    frame = wire.pack(serial, source, destination, command, data, label)
    assert frame == build(
        serial=serial,
        source=source[::-1].hex(),
        destination=destination[::-1].hex(),
        command=command,
        data=data,
        label=label,
    )
    buffer = bytearray(b"noise" + frame + frame[:9])
    (packet,) = wire.unpack(buffer)
    assert packet == wire.Packet(serial, source, destination, command, data, True)
    assert buffer == frame[:9]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (fire(SMOKE), {"state": ["normal", "fire"], "description": "三楼走廊", "system_type": 1}),
        (component_state(SMOKE, FIRE), {"state": ["fire"], "component_address": 25}),
        (analog(SMOKE, 3, -401), {"value": -40.1, "unit": "℃"}),
        (system_state(1, 2, 0x0801), {"state": ["normal", "manual"], "system_address": 2}),
        (system_operation(1, 2, RESET, 9), {"operations": ["reset"], "operator": 9}),
        (unit_state(0x11), {"state": ["normal", "backup_power_fault"]}),
        (unit_operation(0x20), {"operations": ["duty_answer"]}),
        (version(3, 4), {"major": 3, "minor": 4}),
    ],
)
def test_the_centre_reads_every_event_as_it_was_meant(
    event: Event, expected: dict[str, Any]
) -> None:
    data = bytes([event.type, 1]) + event.body + (LABEL if event.timed else b"")
    frame = parse(wire.pack(1, bytes(6), bytes(6), wire.SEND, data, LABEL))
    assert frame.fault is None, frame.detail
    (thing,) = frame.objects
    assert {key: thing[key] for key in expected} == expected
    if event.timed:
        assert thing["time"] == "2026-05-04T03:02:01"


def test_a_description_too_long_is_cut_between_characters() -> None:
    event = component_state(Component(40, 1, "很" * 40), NORMAL)
    text = event.body[9:]
    assert len(text) == TEXT
    assert text.rstrip(b"\0").decode("gb18030") == "很" * 15


def test_a_panel_tells_is_confirmed_and_beats() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, port):
            nature = Nature(heartbeat=0.1, clock_off=-7200.0)
            async with Panel(
                ADDRESS, "127.0.0.1", port, components=[SMOKE], nature=nature
            ) as panel:
                assert await panel.send(fire(SMOKE)) < 2.0
                await panel.send(normal(SMOKE))
                unit = f"gbt26875/{ADDRESS}"
                assert [row[:2] for row in ledger.rows("state") if row[0] != unit] == [
                    (f"{unit}/1-1-40-25", 3.0),
                    (f"{unit}/1-1-40-25", 1.0),
                ]
                await asyncio.sleep(0.35)
                assert panel.counts.heartbeats >= 2
                assert len(ledger.rows("link")) >= 3
                # its clock was two hours slow: told, and set
                ((_, off, _),) = ledger.rows("clock")
                assert off == pytest.approx(-7200, abs=5)
                assert panel.counts.clock_set == 1
                assert panel.counts.failed == panel.counts.denied == 0
                assert await connector.read(ADDRESS, 85, [{"reserved": 0}]) == [
                    {"major": 1, "minor": 0}
                ]
                (state,) = await connector.read(
                    ADDRESS, 62,
                    [{"system_type": 1, "system_address": 1, "component_address": 25}],
                )  # fmt: skip
                assert (state["state"], state["description"]) == (["normal"], "三楼走廊")
        assert panel.counts.sent == panel.counts.confirmed == 3
        assert len(panel.counts.latencies) == 3
        assert ledger.refused == []

    run(scene())


def test_a_duty_check_is_answered_where_somebody_is_there() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, port):
            for after, answered in ((0.05, True), (None, False)):
                nature = Nature(attended_after=after)
                async with Panel(ADDRESS, "127.0.0.1", port, nature=nature) as panel:
                    await panel.send(unit_state())
                    assert await connector.duty_check(ADDRESS, 1) is answered
        assert [value for _, value, _ in ledger.rows("duty_check")] == [1.0, 0.0]

    run(scene())


def test_a_denied_frame_is_sent_again_until_it_is_kept() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, port):
            nature = Nature(patience=0.4, reconnect=0.05)
            async with Panel(ADDRESS, "127.0.0.1", port, nature=nature) as panel:
                await panel.send(unit_state())
                ledger.full = True
                sending = asyncio.create_task(panel.send(fire(SMOKE)))
                await asyncio.sleep(0.15)
                ledger.full = False
                await sending
                assert panel.counts.denied >= 1
                assert [v for a, v, _ in ledger.rows("state") if a.endswith("-25")] == [3.0]
                ledger.full = True
                with pytest.raises(NotConfirmed):
                    await panel.send(normal(SMOKE))
                assert panel.counts.failed == 1

    run(scene())


def test_a_broken_link_is_made_again_and_nothing_is_lost() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, port):
            nature = Nature(reconnect=0.05, patience=0.5)
            async with Panel(ADDRESS, "127.0.0.1", port, nature=nature) as panel:
                await panel.send(unit_state())
                await panel.drop()
                await panel.send(fire(SMOKE))
                assert panel.counts.connections == 2
                assert [v for a, v, _ in ledger.rows("state") if a.endswith("-25")] == [3.0]
                assert [v for _, v, _ in ledger.rows("link")][:2] == [1.0, 0.0]

    run(scene())


def test_a_panel_without_a_clock_is_heard_with_uncertain_times() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, port):
            nature = Nature(clock_broken=True)
            async with Panel(ADDRESS, "127.0.0.1", port, nature=nature) as panel:
                await panel.send(fire(SMOKE))
        assert [q for a, _, q in ledger.rows("state") if a.endswith("-25")] == [UNCERTAIN]

    run(scene())


def test_what_a_test_sets_off_is_marked_and_what_is_real_is_not() -> None:
    async def scene() -> None:
        ledger = Ledger()
        truths: dict[Truth, set[int]] = {}
        components = building(random.Random(3))
        steps = list(script(11, components, 600.0, 12, fires=0.3, tests=0.4, false_alarms=0.2))
        async with centre(ledger) as (_, port):
            panel = Panel(ADDRESS, "127.0.0.1", port, components=components)
            async with panel:
                while panel.counts.confirmed < 2:  # after its hello, which ends a test
                    await panel.send(system_state(1, 1, NORMAL))
                for step in steps:
                    before = len(ledger.taken)
                    await panel.send(step.event)
                    if step.event.name == "fire":
                        for readings in ledger.taken[before:]:
                            assert readings.quality is not None
                            truths.setdefault(step.truth, set()).update(readings.quality.tolist())
        assert truths[Truth.TEST] == {TEST}
        assert truths[Truth.FIRE] == {GOOD}
        assert panel.counts.failed == 0

    run(scene())


def test_a_script_is_the_seeds_and_tells_the_truth() -> None:
    components = building(random.Random(5))
    steps = list(script(5, components, 3600.0, 40))
    assert steps == list(script(5, components, 3600.0, 40))
    assert steps != list(script(6, components, 3600.0, 40))
    assert {step.incident for step in steps} == set(range(1, 41))
    assert {step.truth for step in steps} == set(Truth) - {Truth.NOTHING}
    assert all(step.delay >= 0 for step in steps)


def test_a_script_is_played_at_any_speed() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (_, port):
            components = building(random.Random(1))
            steps = list(script(2, components, 600.0, 5))
            async with Panel(ADDRESS, "127.0.0.1", port, components=components) as panel:
                await panel.play([Step(0.5, unit_state()), *steps], speed=5000.0)
                assert panel.counts.confirmed >= len(steps) + 1
                assert panel.counts.failed == 0

    run(scene())


def test_hundreds_of_panels_in_one_process() -> None:
    async def scene() -> None:
        ledger = Ledger()
        async with centre(ledger) as (connector, port), contextlib.AsyncExitStack() as stack:
            panels = [
                await stack.enter_async_context(Panel(f"{n:012x}", "127.0.0.1", port))
                for n in range(1, 201)
            ]
            await asyncio.gather(*(panel.send(fire(SMOKE)) for panel in panels))
            assert connector.state()["panels"] == 200
            assert sum(panel.counts.failed for panel in panels) == 0
        assert len([1 for a, _, _ in ledger.rows("state") if a.endswith("-25")]) == 200

    run(scene())


def test_the_city_is_told_which_devices_there_are() -> None:
    panel = Panel(ADDRESS, "127.0.0.1", 1, components=[SMOKE])
    kinds = dict.fromkeys(("fire_transmission_unit", "fire_system"), ("state",))
    devices = panel.devices(kinds | {"fire_component": ("state", "temperature")}, source="fire")
    assert [device.labels["address"] for device in devices] == [
        f"gbt26875/{ADDRESS}",
        f"gbt26875/{ADDRESS}/1-1",
        f"gbt26875/{ADDRESS}/1-1-40-25",
    ]
    assert devices[2].device == f"gbt26875-{ADDRESS}-1-1-40-25"
    assert devices[2].name == "三楼走廊"


def test_labels_are_local_time() -> None:
    assert wire.label(datetime(2026, 11, 23, 9, 8, 7)) == bytes((7, 8, 9, 23, 11, 26))
