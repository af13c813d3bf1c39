"""From each door of a running city to live values and history."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from tianmu.rehearse.city import equipment
from tianmu.rehearse.city.city import City
from tianmu.rehearse.panel import frame as panel_frame
from tianmu.rehearse.panel import panel
from tianmu.rehearse.panel.script import Component, fire, normal
from tianmu.rehearse.station import frame as station_frame
from tianmu.rehearse.station.script import Nature, Upload, Value
from tianmu.rehearse.station.station import Station
from waiting import eventually

from .told import case_of_report
from .town import (
    Ingest,
    Sender,
    alarms_of,
    component_device,
    every,
    fresh,
    from_panel,
    kind_of,
    panel_source,
    person,
    register,
    spot,
    tianmu,
    value,
)


@pytest.fixture(scope="module")
def city(running_city: Any) -> City:
    return running_city.city()


def _arrow(rows: list[dict[str, Any]]) -> bytes:
    table = pa.table(
        {
            "datastream": [row["datastream"] for row in rows],
            "time": pa.array([row["time"] * 1000 for row in rows], pa.timestamp("us", "UTC")),
            "value": [float(row["value"]) for row in rows],
        }
    )
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


FORMS = {
    "object": ("application/json", lambda rows: json.dumps(rows[0]).encode()),
    "array": ("application/json", lambda rows: json.dumps(rows).encode()),
    "columns": (
        "application/json",
        lambda rows: json.dumps({key: [row[key] for row in rows] for key in rows[0]}).encode(),
    ),
    "lines": (
        "application/x-ndjson",
        lambda rows: b"\n".join(json.dumps(row).encode() for row in rows),
    ),
    "arrow": ("application/vnd.apache.arrow.stream", _arrow),
}


ENCODINGS = {
    "": lambda body: body,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
}


def test_every_format_and_compression_reaches_live_values_and_history(city: City) -> None:
    kind, prop = kind_of(city, "main")
    device, ingest = register(city, kind), Ingest(city)
    name = prop["code"]
    start = int(time.time() * 1000) - 600_000
    sent: dict[int, float] = {}
    for form, (content, make) in FORMS.items():
        for encoding, pack_up in ENCODINGS.items():
            rows = [
                {
                    "datastream": f"{device}/{name}",
                    "time": start + 1000 * (len(sent) + n),
                    "value": len(sent) + n + 0.5,
                }
                for n in range(1 if form == "object" else 3)
            ]
            headers = {"content_type": content}
            if encoding:
                headers["content_encoding"] = encoding
            answer = ingest.send(pack_up(make(rows)), **headers)
            assert answer.status_code == 200, (form, encoding, answer.text)
            assert answer.json()["accepted"] == len(rows), (form, encoding)
            sent |= {row["time"]: row["value"] for row in rows}
    now = eventually(
        lambda: (found := value(city, device, name))["count"] == len(sent) and found,
        what="all of it is live",
    )
    assert now["value"] == list(sent.values())[-1] and now["quality"] == 0

    def past() -> bool:
        points = city.get(f"/api/devices/{device}/series", property=name, points=1000)["points"]
        return {
            round(datetime.fromisoformat(p["at"]).timestamp() * 1000): p["value"] for p in points
        } == sent

    eventually(past, within=60, what="all of it is in the history")


def test_an_idempotency_key_takes_effect_once(city: City) -> None:
    kind, prop = kind_of(city, "main")
    device, ingest = register(city, kind), Ingest(city)
    row = {"datastream": f"{device}/{prop['code']}", "time": int(time.time() * 1000), "value": 7}
    key = fresh("batch")
    with ThreadPoolExecutor(8) as pool:
        answers = [
            one.json() for one in pool.map(
                lambda _: ingest.send([row], idempotency_key=key), range(16)
            )
        ]  # fmt: skip
    assert all(answer["accepted"] == 1 for answer in answers)
    assert Counter(answer["duplicate"] for answer in answers) == {False: 1, True: 15}
    assert len({answer["position"] for answer in answers}) == 1
    other = ingest.send([{**row, "time": row["time"] + 1}], idempotency_key=fresh("batch"))
    assert not other.json()["duplicate"]
    eventually(lambda: value(city, device, prop["code"])["count"] == 2, what="two took effect")
    time.sleep(0.5)
    assert value(city, device, prop["code"])["count"] == 2


def test_reports_with_a_key_take_effect_once(city: City) -> None:
    body = {"channel": "hotline", "text": fresh("one lamp is dark"), "place": spot(city)}
    key = {"idempotency-key": fresh("report")}
    with ThreadPoolExecutor(8) as pool:
        taken = list(
            pool.map(lambda _: city.post("/api/reports", body, headers=key), range(8))
        )  # fmt: skip
    assert len({one["report"] for one in taken}) == 1
    assert Counter(one["duplicate"] for one in taken) == {False: 1, True: 7}
    case = case_of_report(city, taken[0]["report"])
    assert [m["id"] for m in city.get(f"/api/cases/{case}")["members"]] == [taken[0]["report"]]


def test_an_unknown_device_is_held_and_plays_when_it_is_registered(city: City) -> None:
    kind, prop = kind_of(city, "main")
    device, ingest = fresh("stranger"), Ingest(city)
    start = int(time.time() * 1000) - 60_000
    for n in range(5):
        answer = ingest.send(
            [{"datastream": f"{device}/{prop['code']}", "time": start + n, "value": n}],
            idempotency_key=f"{device}-{n // 2 * 2}" if n < 4 else f"{device}-{n}",
        ).json()
        assert answer["held"] == (0 if n in {1, 3} else 1), "a resent message is held once"
    seen = eventually(
        lambda: [u for u in every(city, "/api/unknown") if u["unknown"] == device],
        what="it is offered",
    )
    assert seen[0]["count"] == 3 and seen[0]["source"] == ingest.name
    city.post(f"/api/unknown/{device}/register", {"device": device, "kind": kind})
    found = eventually(
        lambda: (v := value(city, device, prop["code"]))["count"] == 3 and v,
        what="what it said before is live",
    )
    assert found["value"] == 4
    eventually(
        lambda: device not in {u["unknown"] for u in every(city, "/api/unknown")},
        what="it is unknown no more",
    )
    more = ingest.send(
        [{"datastream": f"{device}/{prop['code']}", "time": start + 9, "value": 9}]
    ).json()
    assert more["accepted"] == 1 and more["held"] == 0


def test_mqtt_reaches_live_values(city: City) -> None:
    kind, prop = kind_of(city, "main")
    device = register(city, kind)
    sender = Sender(city, f"{device}/{prop['code']}")
    start = int(time.time() * 1000)
    for n in range(10):
        told = sender.publish(start + n, n)
        told.wait_for_publish(20)
        assert told.is_published()
    found = eventually(
        lambda: (v := value(city, device, prop["code"]))["count"] == 10 and v,
        what="all ten are live",
    )
    assert found["value"] == 9
    sender.end()


def test_a_water_station_reaches_live_values(city: City) -> None:
    mn, source = fresh("W")[:24].upper(), fresh("water")
    equipment.source(city, source, "hj212", allow=[mn])
    device = register(
        city, "surface_water_station", "water", source=source, labels={"address": f"hj212/{mn}"}
    )

    async def upload() -> int:
        nature = Nature(patience=5, reconnect=0.3)
        async with Station(mn, city.host, city.ports["hj212"], nature=nature) as station:
            for n in range(3):
                await station.send(Upload((Value("w01001", (("Rtd", f"7.{n}"), ("Flag", "N"))),)))
                await asyncio.sleep(1.1)  # the protocol tells whole seconds
            return station.counts.acknowledged

    assert asyncio.run(upload()) == 3
    found = eventually(
        lambda: (v := value(city, device, "w01001"))["count"] == 3 and v, what="three are live"
    )
    assert found["value"] == pytest.approx(7.2) and found["quality"] == 0


def test_quarantined_input_plays_again_once_it_can_be_read(staffed_city: City) -> None:
    city = staffed_city
    kind, prop = kind_of(city, "main")
    device, ingest = register(city, kind), Ingest(city)
    rows = [{"datastream": f"{device}/{prop['code']}", "time": 1_790_000_000_000, "value": 3}]
    answer = ingest.send(rows, content_type="application/vnd.apache.arrow.stream")
    assert answer.status_code == 400 and answer.json()["remedy"]
    noise = b"\x00\xff not an observation"
    garbage = ingest.send(noise)
    assert garbage.status_code == 400
    with person(city, "system") as administrator:
        kept = eventually(
            lambda: len(
                found := administrator.get("/api/quarantine", source=ingest.name)["items"]
            ) == 2 and found,
            what="both are in the quarantine",
        )  # fmt: skip
        assert all(one["reason"] and one["size"] for one in kept)
        for one in kept:
            administrator.post(f"/api/quarantine/{one['quarantine']}/replay", {"reason": "mended"})
        eventually(lambda: value(city, device, prop["code"])["value"] == 3, what="it is live")

        def states() -> dict[str, int]:
            found = administrator.get("/api/quarantine", source=ingest.name, state="all")
            return {one["state"]: one["size"] for one in found["items"]}

        expected = {"replayed": len(json.dumps(rows)), "kept": len(noise)}
        eventually(lambda: states() == expected, what="one was played, noise stays")
        assert value(city, device, prop["code"])["count"] == 1


def test_frames_decode_and_encode_back_to_the_byte() -> None:
    label = panel_frame.label(datetime(2026, 11, 23, 9, 30, 1, tzinfo=UTC))
    me, centre = panel_frame.address_bytes("320481000001"), panel_frame.address_bytes("0" * 12)
    event = fire(Component(40, 7, "三楼走廊烟感"))
    data = bytes([event.type, 1]) + event.body + label
    told_by_panel = panel_frame.pack(7, me, centre, panel_frame.SEND, data, label)
    fields = [("QN", "20261123093001000"), ("ST", "21"), ("CN", "2011"), ("PW", "123456")]
    fields += [("MN", "W1"), ("Flag", "5")]
    station = station_frame.pack(fields, "DataTime=20261123093000;w01001-Rtd=7.1,w01001-Flag=N")
    for protocol, frame in (("gbt26875", told_by_panel), ("hj212", station)):
        decoded = tianmu("decode", protocol, "--hex", frame.hex())
        assert decoded.returncode == 0, decoded.stderr
        told = json.loads(decoded.stdout)
        assert told["ok"] is True
        encoded = tianmu("encode", protocol, stdin=decoded.stdout)
        assert encoded.stdout.decode().strip() == frame.hex()
        bad = bytearray(frame)
        bad[-8] ^= 0xFF
        refused = tianmu("decode", protocol, "-", stdin=bytes(bad))
        assert refused.returncode == 1
        line = json.loads(refused.stdout.splitlines()[0])
        assert line["error"] and "offset" in line
    told = json.loads(tianmu("decode", "gbt26875", "--hex", told_by_panel.hex()).stdout)
    assert told["objects"][0]["state"] == ["normal", "fire"]
    assert told["objects"][0]["description"] == "三楼走廊烟感"
    told = json.loads(tianmu("decode", "hj212", "--hex", station.hex()).stdout)
    assert told["factors"][0]["code"] == "w01001" and told["edition"] == 2017


def test_a_panel_that_connects_again_within_the_second_is_heard(city: City) -> None:
    """Its serials begin anew and its time label is the same: a fire all the same."""
    detectors = [Component(40, n, f"detector {n}") for n in range(1, 5)]
    address, _ = panel_source(city, detectors, [spot(city) for _ in detectors])
    for number, detector in enumerate(detectors):
        time.sleep(1 - time.time() % 1)
        from_panel(city, address, *[normal(detector)] * (number + 1))
        from_panel(city, address, fire(detector))
    for detector in detectors:
        device = component_device(address, detector)
        assert eventually(lambda device=device: alarms_of(city, device), what=device)


@pytest.mark.parametrize("ahead", [20.0, 200.0])
def test_a_panel_whose_clock_is_set_back_is_heard(city: City, ahead: float) -> None:
    detector = Component(40, 1, "detector")
    address, _ = panel_source(city, [detector])

    async def burn() -> int:
        nature = panel.Nature(clock_off=ahead, reconnect=0.3)
        async with panel.Panel(address, city.host, city.ports["gbt26875"], nature=nature) as one:
            await one.send(normal(detector))
            for _ in range(450):  # asked again after ten seconds without an answer, three times
                if one.counts.clock_set:
                    break
                await asyncio.sleep(0.1)
            await one.send(fire(detector))
            return one.counts.clock_set

    assert asyncio.run(burn()) >= 1
    device = component_device(address, detector)
    assert eventually(lambda: alarms_of(city, device), what="the fire is an alarm")
