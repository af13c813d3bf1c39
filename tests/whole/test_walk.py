"""From a signal to the closed case, in a running city."""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tianmu.city import pack
from tianmu.rehearse.city.city import Answered, City, credentials
from tianmu.rehearse.city.listen import Heard
from tianmu.rehearse.panel.script import Component, fire, normal
from tianmu.rehearse.probe.marked import spare
from tianmu.rehearse.probe.probe import _send_fire
from tianmu.rehearse.probe.probe import run as probe
from waiting import eventually

from .told import case_of_report
from .town import (
    Ingest,
    alarms_of,
    component_device,
    every,
    fresh,
    from_panel,
    panel_source,
    person,
    register,
    spot,
    tianmu,
)


@pytest.fixture(scope="module")
def city(running_city: Any) -> City:
    return running_city.city()


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
    monkeypatch.setattr(random, "sample", lambda free, wanted: sorted(free)[:wanted])
    marked = running_city.city("probe-command")
    about = credentials(running_city.data)["probe"]
    [left] = spare(marked, about["components"])
    asyncio.run(_send_fire(marked, about["source"], Component(40, left, "left"), ahead=0.0))

    def burning() -> list[str]:
        items = marked.get("/api/alarms")["items"]
        return [item["device"] for item in items if not item["system"]]

    eventually(lambda: f"probe-{left:03d}" in burning(), what="it burns")
    before = burning()
    taken = [left]
    for _ in range(3):
        taken += spare(marked, about["components"])
        assert len(set(taken)) == len(taken), "none that burnt of late"
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
        which = {"reason": "two fires after all"}
        with pytest.raises(Answered, match="which join"):
            duty.post(f"/api/cases/{case}/undo", which)
        undone = duty.post(
            f"/api/cases/{case}/undo", which, headers={"Idempotency-Key": uuid.uuid4().hex}
        )
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
    eventually(
        lambda: not any(city.get("/api/vitals")["lag"].values()), what="all was read", within=120
    )
    assert len(alarms_of(city, device)) == 1
