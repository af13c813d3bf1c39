"""Recorded air quality over a real broker."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import aiomqtt
import pytest

from tianmu.facts.origin import Origin
from tianmu.rehearse.field import air


def test_the_shipped_year() -> None:
    hours = air.read()
    assert len(hours) == 8760
    assert hours[0].at == datetime(2015, 1, 1, 0) and hours[-1].at == datetime(2015, 12, 31, 23)
    assert sum("no2" not in hour.values for hour in hours) == 78  # real gaps stay gaps
    assert all(set(hour.values) <= set(air.COLUMNS.values()) for hour in hours)
    worst = max(hour.values.get("pm25", 0) for hour in hours)
    assert 500 < worst < 1000
    assert "CC BY 4.0" in (files("tianmu.rehearse") / "data" / "NOTICE.md").read_text()


def test_a_table_that_is_not_as_published_is_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")
    with pytest.raises(air.NotAsPublished, match="year"):
        air.read(wrong)
    head = ["year", "month", "day", "hour", *air.COLUMNS]
    wrong.write_text(",".join(head) + "\n" + ",".join(["2015", "13", "1", "0"] + ["1"] * 11))
    with pytest.raises(air.NotAsPublished, match="row 2"):
        air.read(wrong)


def test_the_agreed_payload() -> None:
    hour = air.Hour(datetime(2015, 1, 1), {"pm25": 9.0, "no2": 17.0})
    at = datetime(2026, 11, 23, 1, 2, 3, 456000, tzinfo=UTC)
    assert json.loads(air.message("d", hour, at, {"pm25"})) == [
        {"datastream": "d/pm25", "time": "2026-11-23T01:02:03.456Z", "value": 9.0}
    ]


def test_published_with_quality_of_service_1() -> None:
    amqtt = pytest.importorskip("amqtt.broker")
    logging.getLogger("amqtt").setLevel(logging.ERROR)
    logging.getLogger("transitions").setLevel(logging.ERROR)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    async def through() -> None:
        broker = amqtt.Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"127.0.0.1:{port}"}},
                "plugins": {
                    "amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}
                },
            }
        )
        await broker.start()
        station = air.AirStation(
            "air-1", "127.0.0.1", port, source="air", token="t",
            hours=air.read(), zone="Asia/Shanghai", speed=1e6,
        )  # fmt: skip
        try:
            async with aiomqtt.Client("127.0.0.1", port) as listener:
                await listener.subscribe("tianmu/+/observations", qos=1)
                playing = asyncio.create_task(station.run())
                got = []
                async for said in listener.messages:
                    assert said.qos == 1 and str(said.topic) == "tianmu/air/observations"
                    got.append(json.loads(bytes(said.payload)))
                    if len(got) == 5:
                        break
                playing.cancel()
        finally:
            await broker.shutdown()
        assert all(row["datastream"].startswith("air-1/") for rows in got for row in rows)
        assert len(station.counts.latencies) == station.counts.acknowledged >= 4
        device = station.device("air_station")
        assert device.origin is Origin.TRANSPLANTED and "pm25" in device.properties

    asyncio.run(asyncio.wait_for(through(), 60))
