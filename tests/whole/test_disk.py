"""The disk of a running city is full: ordinary readings are refused first, fires last, and all of
it goes on by itself when there is room again."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tianmu.rehearse.city.city import City, connect, start_city
from tianmu.rehearse.panel.panel import Nature, NotConfirmed, Panel
from tianmu.rehearse.panel.script import Component, fire, normal
from tianmu.store.disk import RESERVE, RESERVE_FIRST
from waiting import eventually

from .town import (
    Ingest,
    Sender,
    alarms_of,
    component_device,
    fresh,
    from_panel,
    kind_of,
    panel_source,
    register,
    spot,
    value,
)

SIZE = RESERVE + (160 << 20)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)],
        capture_output=True, check=False,
    )  # fmt: skip
    if mounted.returncode != 0:
        pytest.skip(f"cannot mount a small disk here: {mounted.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


class Ballast:
    """A file that leaves just so much room."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ballast"

    def leave(self, room: int) -> None:
        self._path.unlink(missing_ok=True)
        with self._path.open("wb") as file:
            status = os.statvfs(self._path.parent)
            os.posix_fallocate(file.fileno(), 0, status.f_bavail * status.f_frsize - room)

    def gone(self) -> None:
        self._path.unlink()


def pids(data: Path) -> dict[str, int]:
    return {
        name: json.loads((data / "run" / f"{name}.json").read_text())["pid"]
        for name in ("hub", "gate", "watch", "works")
    }


def refused_fire(city: City, address: str, component: Component) -> int:
    """How often a panel was denied that tells of a fire and may not be confirmed."""

    async def send() -> int:
        nature = Nature(patience=2.0, resends=2, reconnect=0.3)
        async with Panel(address, city.host, city.ports["gbt26875"], nature=nature) as panel:
            with pytest.raises(NotConfirmed):
                await panel.send(fire(component))
            return panel.counts.denied

    return asyncio.run(send())


def reads_go_on(city: City, device: str, prop: str) -> None:
    assert city.get("/api/vitals")["cases"]["open"] >= 0
    assert value(city, device, prop)["count"] >= 1
    assert city.get(f"/api/devices/{device}/series", property=prop)["points"]
    assert city.get("/api/cases")["items"] is not None


def test_a_full_disk_refuses_in_order_reads_on_and_goes_on(small: Path) -> None:
    data, ballast = small / "city", Ballast(small)
    started = start_city(data)
    try:
        city = connect(data)
        kind, prop = kind_of(city, "main")
        device, ingest, name = register(city, kind), Ingest(city), prop["code"]
        published = register(city, kind)
        sender = Sender(city, f"{published}/{name}")
        detectors = [Component(40, n, f"detector {n}") for n in range(1, 4)]
        places = [spot(city) for _ in detectors]
        address, _ = panel_source(city, detectors, places)
        devices = [component_device(address, one) for one in detectors]
        start = int(time.time() * 1000)
        before = pids(data)

        def send(number: int) -> Any:
            row = {"datastream": f"{device}/{name}", "time": start + number, "value": number}
            return ingest.send([row], idempotency_key=f"row-{number}")

        def report() -> Any:
            body = {"channel": "hotline", "text": fresh("a dark lamp"), "place": spot(city)}
            return city.http.post("/api/reports", json=body)

        assert send(0).status_code == 200
        from_panel(city, address, *map(normal, detectors))
        first = sender.publish(start, 1)
        first.wait_for_publish(20)
        assert first.is_published()
        eventually(lambda: value(city, device, name)["count"] == 1)

        # less than the reserve of ordinary readings: they are refused, fires are not
        ballast.leave(RESERVE - (20 << 20))
        refused = send(1)
        assert refused.status_code == 507, refused.text
        problem = refused.json()
        assert problem["remedy"] and "disk full" in problem["detail"]
        assert refused.headers["retry-after"]
        sender.publish(start + 1, 2)
        from_panel(city, address, fire(detectors[0]))
        eventually(lambda: (one := alarms_of(city, devices[0])) and one[0]["case"])
        assert report().status_code == 201
        reads_go_on(city, device, name)
        assert value(city, published, name)["count"] == 1, "the broker keeps what is not on disk"

        # less than the last reserve: nothing is taken any more, and it is said
        ballast.leave(RESERVE_FIRST - (20 << 20))
        assert refused_fire(city, address, detectors[1]) >= 1
        answer = report()
        assert answer.status_code == 507, answer.text
        assert answer.json()["remedy"]
        assert send(1).status_code == 507
        reads_go_on(city, device, name)
        assert not alarms_of(city, devices[1])

        # room again
        ballast.gone()
        taken = eventually(lambda: (one := send(1)).status_code == 200 and one.json())
        assert taken["accepted"] == 1 and not taken["duplicate"], "a refused key is not remembered"
        assert send(0).json()["duplicate"], "an acknowledged one is"
        from_panel(city, address, fire(detectors[1]), fire(detectors[2]))
        for one in devices:
            eventually(lambda one=one: alarms_of(city, one), what=f"an alarm of {one}")
            assert len(alarms_of(city, one)) == 1
        assert report().status_code == 201
        eventually(
            lambda: value(city, published, name)["count"] == 2, 40, "what the broker kept is live"
        )
        eventually(lambda: value(city, device, name)["count"] == 2, what="all of it is live")
        sender.end()
        assert pids(data) == before, "no process died of it"
    finally:
        started.stop()
