"""The whole city, over its sockets: what comes in by every door arrives where it must."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from tianmu.city import pack
from tianmu.facts.encoding import decode
from tianmu.rehearse import bench_city, panel, panel_frame, station_frame
from tianmu.rehearse.city import City, connect, credentials, fresh_city, parse_events
from tianmu.rehearse.listen import Heard
from tianmu.rehearse.panel_script import Component, fire, normal
from tianmu.rehearse.probe import _send_fire, _spare
from tianmu.rehearse.probe import run as probe
from tianmu.rehearse.station import Station
from tianmu.rehearse.station_script import Nature, Upload, Value
from tianmu.store.journal.sqlite import SqliteJournal

from .town import (
    Ingest,
    Sender,
    alarms_of,
    component_device,
    eventually,
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


# -- the probe --


def counted(city: City) -> dict[str, Any]:
    """The figures on the wall that cases, alarms and reports go into."""
    time.sleep(1.1)  # the vital signs are taken once a second
    vitals = city.get("/api/vitals")
    return {key: vitals[key] for key in ("cases", "alarms", "departments", "nets")}


def test_a_marked_fire_and_a_marked_complaint_reach_the_closed_case(running_city: Any) -> None:
    done = tianmu("probe", "--data", str(running_city.data), "--json")
    found = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0 and found["ok"], found
    stages = [
        "acknowledged",
        "durable",
        "case",
        "order",
        "accepted",
        "handled",
        "checked",
        "closed",
        "push",
    ]
    for walk, more in (("fire_ms", {"alarm"}), ("complaint_ms", set())):
        assert set(found[walk]) == {*stages, *more}
        assert found[walk]["accepted"] <= found[walk]["handled"] <= found[walk]["checked"]


def test_a_probe_ends_its_fire_and_takes_another_detector(
    running_city: Any, monkeypatch: Any
) -> None:
    """Also where all of it fits into one second, and where a fire was left behind."""
    monkeypatch.setattr(random, "choice", min)
    marked = running_city.city("probe-command")
    about = credentials(running_city.data)["probe"]
    left = _spare(marked, about["components"])
    asyncio.run(_send_fire(marked, about["source"], Component(40, left, "left")))

    def burning() -> list[str]:
        items = marked.get("/api/alarms")["items"]
        return [item["device"] for item in items if not item["system"]]

    eventually(lambda: f"probe-{left:03d}" in burning(), what="it burns")
    before = burning()
    for turn in range(1, 4):
        assert _spare(marked, about["components"]) == left + turn
        found = probe(running_city.data)
        assert found["ok"], found["trouble"]
        assert burning() == before


def test_what_is_marked_counts_in_no_figure(running_city: Any, city: City) -> None:
    for _ in range(3):  # the platform's own alarms may come and go meanwhile
        before = counted(city)
        assert probe(running_city.data)["ok"]
        after = counted(city)
        if after == before:
            return
    assert after == before


def test_what_is_marked_never_meets_a_real_case(running_city: Any, city: City) -> None:
    """A real complaint and a marked one in the same words at the same spot."""
    marked = running_city.city("probe-command")
    matter = city.get("/api/city")["matters"][0]
    body = {
        "channel": "hotline", "text": matter["name"]["zh"], "matter": matter["key"],
        "place": spot(city),
    }  # fmt: skip
    ids = [who.post("/api/reports", body)["report"] for who in (city, marked, city, marked)]
    cases = [case_of_report(who, one) for who, one in zip((city, marked) * 2, ids, strict=True)]
    assert cases[0] == cases[2] and cases[1] == cases[3], "equal words at one spot are one case"
    real, other = (city.get(f"/api/cases/{case}") for case in cases[:2])
    assert real["case"] != other["case"] and not real["probe"] and other["probe"] == "probe"
    assert {m["id"] for m in real["members"]} == {ids[0], ids[2]}
    seen = {case["case"] for case in every(marked, "/api/cases")}
    assert other["case"] in seen and real["case"] not in seen, "a probe sees nothing real"
    marked.post(
        f"/api/cases/{other['case']}/steps/void", {"reason": "the test is over", "data": {}},
        headers={"If-Match": f'"{other["version"]}"'},
    )  # fmt: skip


def case_of_report(city: City, report: str) -> str:
    def look() -> str:
        response = city.http.get(f"/api/reports/{report}")
        return response.json().get("case") or "" if response.status_code == 200 else ""

    return eventually(look, what=f"report {report} has a case")


# -- HTTP --


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


# -- the other doors --


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
    bench_city.source(city, source, "hj212", allow=[mn])
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


def test_a_fire_becomes_an_alarm_a_case_and_an_order_to_its_owner(
    running_city: Any, city: City
) -> None:
    detector = Component(40, 1, "三楼走廊烟感")
    place = spot(city)
    address, _ = panel_source(city, [detector], [place])
    device = component_device(address, detector)
    with Heard(city, {"alarm", "case"}) as heard:
        from_panel(city, address, normal(detector), fire(detector))
        pushed = heard.first("alarm", lambda a: a["device"] == device, 15)
        assert pushed is not None
        (alarm,) = alarms_of(city, device)
        assert alarm["alarm"] == pushed[1]["alarm"]
        assert alarm["priority"] == 1 and alarm["state"] == "unacknowledged"
        assert alarm["place"]["longitude"] == pytest.approx(place["longitude"])
        found = eventually(lambda: alarms_of(city, device)[0]["case"], what="it has a case")
        assert heard.first("case", lambda c: c["case"] == found, 10) is not None
    case = city.get(f"/api/cases/{found}")
    assert [(m["kind"], m["id"]) for m in case["members"]] == [("alarm", alarm["alarm"])]
    ours = pack.load(
        json.loads(tianmu("status", "--data", str(running_city.data), "--json").stdout)["pack"]
    )
    division = ours.places.division_at(place["longitude"], place["latitude"])
    duty = ours.owner_of(case["matter"], division)
    assert case["owner"] == duty.department and case["division"] == division
    lead = [order for order in case["orders"] if order["lead"]]
    assert lead and lead[0]["unit"] == duty.department and lead[0]["due"]
    assert case["stage"] == "handle"
    assert all(text["zh"] and text["en"] for text in (case["title"], lead[0]["task"]))
    again = from_panel(city, address, fire(detector))
    assert again and len(alarms_of(city, device)) == 1, "the same fire is not a second alarm"


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


# -- merging --


def test_a_report_joins_the_alarm_nearby_and_can_be_taken_out(staffed_city: City) -> None:
    city = staffed_city
    detector, place = Component(40, 1, "仓库烟感"), spot(city)
    address, _ = panel_source(city, [detector], [place])
    from_panel(city, address, normal(detector), fire(detector))
    device = component_device(address, detector)
    case = eventually(lambda: alarms_of(city, device) and alarms_of(city, device)[0]["case"])
    near = {**place, "latitude": place["latitude"] + 30 / 111_195}
    words = {"channel": "hotline", "text": "这里着火了，冒黑烟，快来人", "place": near}
    report = city.post("/api/reports", words)["report"]
    assert case_of_report(city, report) == case
    view = city.get(f"/api/cases/{case}")
    member = next(m for m in view["members"] if m["id"] == report)
    assert member["kind"] == "report" and 0.6 <= member["score"] <= 1
    assert len(member["reasons"]) >= 2
    for reason in member["reasons"]:
        assert reason["zh"] and reason["en"] and reason["zh"] != reason["en"]
    far = {**place, "latitude": place["latitude"] + 900 / 111_195}
    apart = city.post("/api/reports", {**words, "place": far})["report"]
    assert case_of_report(city, apart) != case, "what is far is another fire"

    with person(city, "duty") as duty:
        split = duty.post(
            f"/api/cases/{case}/split",
            {"members": [f"report:{report}"], "reason": "a bonfire two houses on"},
            headers={"If-Match": f'"{duty.get(f"/api/cases/{case}")["version"]}"'},
        )
        assert split["case"]["case"] == case and split["other"]["case"] != case
        other = split["other"]["case"]
        assert case_of_report(city, report) == other
        assert [m["kind"] for m in duty.get(f"/api/cases/{case}")["members"]] == ["alarm"]
        assert [m["id"] for m in duty.get(f"/api/cases/{other}")["members"]] == [report]
        steps = [e for e in duty.get(f"/api/cases/{case}")["events"] if e["step"] == "leave"]
        assert steps and steps[-1]["actor"] == "duty" and "bonfire" in steps[-1]["reason"]
        back = duty.post(f"/api/cases/{other}/merge", {"into": case, "reason": "it was one fire"})
        assert back["case"] == case and case_of_report(city, report) == case
        undone = duty.post(f"/api/cases/{case}/undo", {"reason": "two fires after all"})
        assert undone["other"]["case"] == other and case_of_report(city, report) == other
        assert duty.get(f"/api/cases/{case}/alike") == [], "taken apart: not offered again"


def test_devices_that_hang_on_one_panel_are_one_case(city: City) -> None:
    panel, here = fresh("panel"), spot(city)
    there = {**here, "latitude": here["latitude"] + 900 / 111_195}
    hung = [
        register(city, "fire_component", place=place, labels={"panel": panel})
        for place in (here, there)
    ]
    apart = register(city, "fire_component", place=there)
    ingest, at = Ingest(city, life=True), int(time.time() * 1000)
    for device in (*hung, apart):
        ingest.send([{"datastream": f"{device}/state", "time": at, "value": 3}])
        eventually(lambda one=device: alarms_of(city, one) and alarms_of(city, one)[0]["case"])
    one, other = (alarms_of(city, device)[0]["case"] for device in hung)
    assert one == other, "far from each other, but of one panel"
    reasons = [r["en"] for m in city.get(f"/api/cases/{one}")["members"] for r in m["reasons"]]
    assert f"the same panel {panel}" in reasons


def test_concurrent_equal_signals_are_one_alarm_and_one_case(city: City) -> None:
    device = register(city, "fire_component")
    ingest = Ingest(city, life=True)
    at = int(time.time() * 1000)
    ready = threading.Barrier(20)

    def tell(number: int) -> int:
        row = {
            "datastream": f"{device}/state", "time": at + number % 4, "value": 3,
            "sequence": number,
        }  # fmt: skip
        ready.wait()
        return ingest.send([row], idempotency_key=f"{device}-{number}").status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(tell, range(20))) == {200}
    (alarm,) = eventually(lambda: alarms_of(city, device))
    case = eventually(lambda: alarms_of(city, device)[0]["case"])
    holding = [
        one["case"] for one in every(city, "/api/cases")
        if any(m["id"] == alarm["alarm"] for m in city.get(f"/api/cases/{one['case']}")["members"])
    ]  # fmt: skip
    assert holding == [case]
    eventually(lambda: not any(city.get("/api/vitals")["lag"].values()), what="all was read")
    assert len(alarms_of(city, device)) == 1


# -- push --


class Line:
    """A subscriber whose line can be cut."""

    def __init__(self, city: City) -> None:
        self._city, self._cut = city, threading.Event()
        self.got: list[tuple[str, str, Any]] = []
        self.cursor = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        headers = {"Last-Event-ID": self.cursor} if self.cursor else {}
        with self._city.http.stream("GET", "/api/push", headers=headers) as response:
            assert response.status_code == 200
            for cursor, event, data in parse_events(response.iter_lines()):
                self.got.append((cursor, event, data))
                self.cursor = cursor
                if self._cut.is_set():
                    return

    def cut(self) -> None:
        """It hears the next event (the vital signs come each second) and hangs up in the middle
        of whatever comes then."""
        self._cut.set()
        self._thread.join(15)
        assert not self._thread.is_alive()

    def again(self) -> None:
        self._cut.clear()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def epoch(self) -> int | None:
        """Of the map, up to which it was told."""
        return max((data["epoch"] for _, event, data in self.got if event == "tiles"), default=None)

    def told(self) -> dict[str, list[Any]]:
        """What was told once and for all (not the vital signs, not the map's changes, not hello),
        by event, in order. Topics may come interleaved in another way after a break."""
        found: dict[str, list[Any]] = {}
        for _, event, data in self.got:
            if event == "case":
                found.setdefault(event, []).append((data["case"], data["sequence"]))
            elif event == "alarm":
                found.setdefault(event, []).append((data["alarm"], data["transition"]))
            elif event == "report":
                found.setdefault(event, []).append(data["report"])
            elif event not in {"vitals", "tiles", "hello"}:
                found.setdefault(event, []).append(data)
        return found


def asked_for(city: City, line: Line) -> tuple[int, dict[str, Any]]:
    """How the map changed since the line's last word of it, as a page asks when it is back."""
    epoch = line.epoch
    after = {} if epoch is None else {"after": epoch}
    told: dict[str, Any] = city.get("/api/tiles/devices/changes", **after)
    return epoch or 0, told


def test_push_resumes_without_loss_or_repeat(running_city: Any, city: City) -> None:
    kind, _ = kind_of(city, "main")
    topics = ("report", "case", "alarm")
    with SqliteJournal(running_city.data) as journal:
        begin = {topic: journal.last(topic) for topic in topics}
    whole, broken = Line(city.as_account(city.token)), Line(city.as_account(city.token))
    eventually(lambda: whole.got and broken.got, what="both have said hello")
    rng = random.Random()
    reports: list[str] = []
    caught_up: list[tuple[int, dict[str, Any]]] = []
    for turn in range(5):
        if turn:
            caught_up.append(asked_for(city, broken))
            broken.again()
        for _ in range(rng.randint(1, 6)):
            body = {"channel": "hotline", "text": fresh("a hole in the road"), "place": spot(city)}
            reports.append(city.post("/api/reports", body)["report"])
        broken.cut()
        for _ in range(rng.randint(0, 4)):
            body = {"channel": "hotline", "text": fresh("a dark lamp"), "place": spot(city)}
            reports.append(city.post("/api/reports", body)["report"])
        register(city, kind)
    caught_up.append(asked_for(city, broken))
    broken.again()
    for report in reports:
        case_of_report(city, report)
    time.sleep(2)
    whole.cut()
    broken.cut()
    first, second = whole.told(), broken.told()
    assert Counter(second["report"]) == Counter(reports), "each report once"
    assert len(second["case"]) >= len(reports)
    for event in first.keys() | second.keys():
        # one of the two was cut a moment later than the other
        one, other = first.get(event, []), second.get(event, [])
        shared = min(len(one), len(other))
        assert one[:shared] == other[:shared] and abs(len(one) - len(other)) <= 2, event

    # the map is not told again, but who asks has every change that the other was told meanwhile
    changes = [data for _, event, data in whole.got if event == "tiles"]
    for epoch, asked in caught_up:
        for missed in changes:
            if not asked["whole"] and epoch < missed["epoch"] <= asked["epoch"]:
                assert not missed["whole"]
                assert all(square in asked["alarms"] for square in missed["alarms"])
                assert all(
                    square in asked["alarms"] + asked["states"] for square in missed["states"]
                )

    # … and it is what the journal holds
    with SqliteJournal(running_city.data) as journal:
        for topic in topics:
            told = second.get(topic, [])
            entries = journal.read(topic, begin[topic], entries=10_000, size=1 << 30)
            kept = [decode(entry.payload) for entry in entries][: len(told)]
            if topic == "case":
                assert [(k.case, k.sequence) for k in kept] == told
            elif topic == "alarm":
                assert [(k.alarm, k.transition) for k in kept] == told
            else:
                assert [k.report for k in kept] == told


# -- commands --


def status(data: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(tianmu("status", "--data", str(data), "--json").stdout)
    return found


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


def test_status_says_what_the_contract_says(running_city: Any, city: City) -> None:
    done = tianmu("status", "--data", str(running_city.data), "--json")
    found = json.loads(done.stdout.splitlines()[-1])
    assert len(done.stdout.splitlines()) == 1
    assert {"processes", "ports", "lag", "devices", "observations_total", "cases_open"} <= set(
        found
    )
    assert [p["name"] for p in found["processes"]] == ["hub", "gate", "watch", "works"]
    for process in found["processes"]:
        assert process["state"] == "ready" and process["pid"] > 0
        assert process["memory_bytes"] > 1 << 20
    assert set(found["ports"]) == {"web", "http", "gbt26875", "hj212", "mqtt"}
    assert found["ports"] == city.ports
    assert found["devices"] >= 1 and found["observations_total"] >= 1
    real = [c for c in every(city, "/api/cases", open="true") if not c["probe"]]
    assert found["cases_open"] == len(real)
    nowhere = tianmu("status", "--data", str(running_city.data / "nowhere"), "--json")
    assert nowhere.returncode != 0 and b"tianmu up" in nowhere.stderr


def test_a_second_city_runs_beside_the_first(running_city: Any, city: City) -> None:
    before = {case["case"] for case in every(city, "/api/cases")}
    with fresh_city("--pack", "port_ellery") as started:
        other = connect(started.data)
        assert not set(other.ports.values()) & set(city.ports.values())
        assert other.get("/api/city")["name"] != city.get("/api/city")["name"]
        found = probe(started.data)
        about = pack.load("port_ellery")
        if "fire_component" in about.kinds:
            assert found["ok"], found["trouble"]
        assert found["complaint_ms"], found["trouble"]
        assert found["complaint_ms"]["closed"] > 0
        assert city.get("/api/vitals")["at"], "the first goes on"
        took = started.stop()
        print(f"the second city stopped in {took:.2f} s")
    assert {case["case"] for case in every(city, "/api/cases")} == before


# -- a fire is never too late --


def test_a_panel_that_connects_again_within_the_second_is_heard(city: City) -> None:
    """Its serials begin anew and its time label is the same: a fire all the same."""
    detectors = [Component(40, n, f"detector {n}") for n in range(1, 13)]
    address, _ = panel_source(city, detectors, [spot(city) for _ in detectors])
    for number, detector in enumerate(detectors):
        time.sleep(1 - time.time() % 1)
        from_panel(city, address, *[normal(detector)] * (number % 4 + 1))
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
            for _ in range(100):
                if one.counts.clock_set:
                    break
                await asyncio.sleep(0.1)
            await one.send(fire(detector))
            return one.counts.clock_set

    assert asyncio.run(burn()) >= 1
    device = component_device(address, detector)
    assert eventually(lambda: alarms_of(city, device), what="the fire is an alarm")
