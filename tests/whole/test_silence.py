"""A panel or a station that falls silent beyond its heart-beat raises an alarm of its own."""

from __future__ import annotations

import asyncio
import re
import shutil
import time
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from tianmu.city import pack
from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City, connect, fresh_city
from tianmu.rehearse.panel.panel import Nature, Panel
from tianmu.rehearse.panel.script import Component
from tianmu.rehearse.station.script import Nature as StationNature
from tianmu.rehearse.station.script import Upload, Value
from tianmu.rehearse.station.station import Station
from waiting import eventually

from .town import alarms_of, fresh, panel_source, register, value

BEAT = 3
"""seconds, instead of the pack's"""
KINDS = ("fire_transmission_unit", "surface_water_station")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    """A city like the shipped one, in which panels and stations have to speak every 3 s."""
    folder = tmp_path_factory.mktemp("pack") / "liyang"
    shutil.copytree(pack.locate("liyang"), folder)
    kinds = folder / "kinds.toml"
    text = kinds.read_text(encoding="utf-8")
    unit, station = KINDS
    pattern = rf'(code = "{unit}"\n(?:(?!\[\[)[^\n]*\n)*?heartbeat_s = )\d+'
    text, changed = re.subn(pattern, rf"\g<1>{BEAT}", text, count=1)
    assert changed == 1
    text += f'\n[[kind]]\ncode = "{station}"\nheartbeat_s = {BEAT}\n'  # a scenario brings the rest
    kinds.write_text(text, encoding="utf-8")
    with fresh_city("--pack", str(folder)) as started:
        found = connect(started.data)
        beats = {k["code"]: k["heartbeat_s"] for k in found.get("/api/city/seeding")["kinds"]}
        assert [beats[code] for code in KINDS] == [BEAT, BEAT]
        yield found


def silent(city: City, device: str) -> dict[str, Any] | None:
    found = [a for a in alarms_of(city, device) if a["rule"].endswith(".silent")]
    assert len(found) <= 1, "one condition is one alarm"
    return found[0] if found else None


async def on_thread(work: Any, *arguments: Any, **more: Any) -> Any:
    return await asyncio.to_thread(lambda: work(*arguments, **more))


def test_a_panel_that_falls_silent_alarms_and_returns(city: City) -> None:
    address, _ = panel_source(city, [Component(40, 1)])
    unit = f"gbt26875-{address}"

    def panel(heartbeat: float) -> Panel:
        nature = Nature(heartbeat=heartbeat, patience=5.0, reconnect=0.2)
        return Panel(address, city.host, city.ports["gbt26875"], nature=nature)

    async def scene() -> None:
        async with panel(0.5):
            await asyncio.sleep(2 * BEAT)
            assert await on_thread(silent, city, unit) is None, "it beats"
            assert (await on_thread(value, city, unit, "link"))["count"] >= BEAT
        # it stays connected, but nothing comes any more
        async with panel(3600):
            alarm = await on_thread(
                eventually, lambda: silent(city, unit), within=30, what="silence alarms"
            )
            assert alarm["state"] == "unacknowledged" and alarm["device_kind"] == KINDS[0]
            assert not alarm["test"] and alarm["priority"] == 2
            heard = (await on_thread(city.get, f"/api/devices/{unit}"))["last_seen_at"]
            raised = datetime.fromisoformat(alarm["raised_at"])
            quiet = (raised - datetime.fromisoformat(heard)).total_seconds()
            assert quiet >= BEAT
            told = await on_thread(
                eventually, lambda: silent(city, unit)["case"], what="it becomes a case"
            )
            case = await on_thread(city.get, f"/api/cases/{told}")
            assert case["matter"] == "liyang:event:silent" and case["owner"] == "data"
        async with panel(0.5):
            await on_thread(
                eventually,
                lambda: silent(city, unit)["state"] == "returned_unacknowledged",
                within=30,
                what="it returns when the panel speaks again",
            )

    asyncio.run(scene())


def test_a_station_that_falls_silent_alarms_and_returns(city: City) -> None:
    mn, source = fresh("S")[:24].upper(), fresh("water")
    equipment.source(city, source, "hj212", allow=[mn])
    device = register(
        city, KINDS[1], "water", source=source, labels={"address": f"hj212/{mn}"}
    )  # fmt: skip

    async def scene() -> None:
        nature = StationNature(edition=2025, heartbeat=0.5, patience=5, reconnect=0.3)
        async with Station(mn, city.host, city.ports["hj212"], nature=nature) as station:
            said = Value("w01001", (("Rtd", "7.1"), ("Flag", "N")))
            record = Value("w01001", (("Avg", "7.2"), ("Flag", "N")))
            await station.send(Upload((said,)))
            await station.send(Upload((record,), command="2051"))
            minute = await on_thread(
                eventually,
                lambda: (v := value(city, device, "w01001.minute"))["count"] and v,
                what="the minute record has a datastream of its own",
            )
            assert minute["value"] == pytest.approx(7.2) and minute["unit"] == ""
            await asyncio.sleep(2 * BEAT)
            assert await on_thread(silent, city, device) is None, "its heart-beat is enough"
        gone = time.time()
        alarm = await on_thread(eventually, lambda: silent(city, device), within=30)
        assert not alarm["test"] and alarm["device_kind"] == KINDS[1]
        assert datetime.fromisoformat(alarm["raised_at"]).timestamp() - gone >= BEAT - 1
        async with Station(mn, city.host, city.ports["hj212"], nature=nature) as station:
            await station.send(Upload((said,)))
            await on_thread(
                eventually, lambda: silent(city, device)["state"] == "returned_unacknowledged",
                within=30,
            )  # fmt: skip

    asyncio.run(scene())
    waiting = {one["unknown"] for one in city.get("/api/unknown", limit=500)["items"]}
    assert f"hj212/{mn}" not in waiting, "all it said had a place"
