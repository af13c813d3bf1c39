"""Scenarios over HTTP: what they say of themselves, their danger, alarms, cases and record."""

from __future__ import annotations

import io
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tianmu.manage.evidence.kept import Evidence
from tianmu.store.history.asked import Cost, TooCostly
from tianmu.web.present import danger

FIRE = "/api/scenarios/forest-fire"
MATTER = "liyang:event:forest_smoke"


def smoke(world: Any, device: str = "d0") -> tuple[str, str]:
    """An alarm of the scenario's rule; (alarm, case)."""
    alarm = world.raise_alarm(
        device,
        rule="forest_camera.smoke",
        identity=f"forest_camera.smoke@{device}/smoke_score",
        matter=MATTER,
    )
    world.settle()
    return alarm.alarm, world.hub.manage.case_of([alarm.alarm])[alarm.alarm]


def test_every_scenario_of_ours_has_its_page_data(world: Any) -> None:
    with world.client("commander") as one:
        listed = one.get("/api/scenarios").json()
        assert listed["broken"] == []
        assert "forest-fire" in [item["id"] for item in listed["items"]]
        for item in listed["items"]:
            said = one.get(f"/api/scenarios/{item['id']}").json()
            assert said["name"]["zh"] and said["name"]["en"] and said["quality"], item["id"]
        said = one.get(FIRE).json()
        assert said["lacks"] == [] and said["own_danger"]
        assert [d["number"] for d in said["degrees"]] == [1, 2, 3, 4, 5]
        assert {k["code"]: k["devices"] for k in said["kinds"]}.keys() == {
            "forest_camera", "weather_station", "rain_gauge",
        }  # fmt: skip
        assert all(chart["known"] and chart["unit"] for chart in said["charts"])
        assert {r["code"]: bool(r["parties"]) for r in said["roles"]} == {
            "command": True, "forestry": True,
        }  # fmt: skip
        assert {"fwi", "danger"} <= {m["name"] for m in said["models"]}
        assert one.get("/api/scenarios/none").status_code == 404


def test_an_engine_has_no_page(world: Any) -> None:
    from tianmu.scenarios.folder.load import find

    pages = {s.id for s in find().scenarios.values() if s.manifest.kind == "scenario"}
    with world.client("leader") as one:
        assert {item["id"] for item in one.get("/api/scenarios").json()["items"]} == pages


PAGE = """id = "trial-page"
name = { zh = "试验", en = "Trial" }
what = { zh = "试验", en = "A trial" }
"""
PRESENT = """from tianmu.scenarios.present import Present
def present(world):
    return Present(world.now, 0, why=({"zh": "在", "en": "there"},))
"""
PICTURE = """from tianmu.scenarios.picture import Picture
def picture(world, thing):
    return Picture(thing, {"zh": thing, "en": thing}, None, None, "", "", 0)
"""


def test_a_folder_of_the_pack_is_all_that_a_page_needs(world: Any, tmp_path: Path) -> None:
    """Without a model.py: nothing has imported anything of it before."""
    folder = tmp_path / "scenarios" / "trial_page"
    folder.mkdir(parents=True)
    for name, text in (
        ("scenario.toml", PAGE), ("present.py", PRESENT), ("picture.py", PICTURE),
    ):  # fmt: skip
        (folder / name).write_text(text, encoding="utf-8")
    usual, world.hub.city = world.hub.city, replace(world.hub.city, folder=tmp_path)
    try:
        with world.client("commander") as one:
            said = one.get("/api/scenarios/trial-page/present")
            assert said.status_code == 200 and said.json()["why"][0]["en"] == "there", said.text
            thing = one.get("/api/scenarios/trial-page/things/w1")
            assert thing.status_code == 200 and thing.json()["title"]["en"] == "w1", thing.text
    finally:
        world.hub.city = usual


def test_the_danger_of_a_city_whose_stations_just_began_to_speak(world: Any) -> None:
    registry, live = world.hub.registry, world.live
    kind = list(registry.kinds).index("weather_station")
    [station, *_] = np.flatnonzero(registry.kind == kind)
    with world.client("commander") as one:
        first = one.get(f"{FIRE}/present").json()
        assert first["degree"] == 0 and "nothing can be reckoned" in first["why"][0]["en"]
        values = {"temperature": 30, "humidity": 20, "wind_speed": 9, "wind_direction": 90}
        for stream in registry.datastreams_of(int(station)):
            live.value[stream] = values[registry.property_of(stream)]
            live.time[stream] = world.hub.clock()
            live.count[stream] = 1
        world.hub.memory.pop("danger")
        said = one.get(f"{FIRE}/present").json()
        assert said["degree"] >= 2, said["why"]
        assert said["origins"] == ["seeded"]
        assert len([s for s in said["shapes"] if s["kind"] == "cell"]) > 300
        assert [a["hours"] for a in said["ahead"]] == [24, 48, 72]
        assert all(a["persistence"] for a in said["ahead"])
        assert one.get(f"{FIRE}/present").json() == said, "reckoned once for all who ask"


def test_a_scenario_that_fails_leaves_the_rest_of_its_page(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tianmu.scenarios.forest_fire import present

    def fail(_: Any) -> None:
        tried.append(1)
        raise ZeroDivisionError("a gauge of nothing")

    tried: list[int] = []
    monkeypatch.setattr(present, "present", fail)
    world.hub.memory.pop("danger", None)
    with world.client("commander") as one:
        for _ in range(3):
            told = one.get(f"{FIRE}/present")
            assert told.status_code == 500 and "a gauge of nothing" in told.json()["detail"]
        assert tried == [1], "what failed is not tried again at once"

        def costly(_: Any) -> None:
            tried.append(2)
            raise TooCostly(Cost(files=3, rows=9_000), 8_000)

        monkeypatch.setattr(present, "present", costly)
        world.hub.memory.pop("danger", None)
        for _ in range(2):
            told = one.get(f"{FIRE}/present")
            assert told.status_code == 422 and "9,000 rows" in told.json()["detail"]
        assert tried == [1, 2]
        assert one.get(FIRE).status_code == 200 and one.get(f"{FIRE}/watched").status_code == 200
    world.hub.memory.pop("danger", None)


def test_who_waits_for_a_slow_scenario_holds_up_nothing_else(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tianmu.scenarios.forest_fire import present

    go, begun, reckoned = threading.Event(), threading.Event(), []
    real = present.present

    def slow(seen: Any) -> Any:
        reckoned.append(1)
        begun.set()
        assert go.wait(30)
        return real(seen)

    monkeypatch.setattr(present, "present", slow)
    world.hub.memory.pop("danger", None)
    with world.client("commander") as one, ThreadPoolExecutor(50) as many:
        asked = [many.submit(one.get, f"{FIRE}/present") for _ in range(50)]
        try:
            assert begun.wait(10)
            assert one.get("/api/cases").status_code == 200
        finally:
            go.set()
        answers = [asking.result() for asking in asked]
    # more than forty came at once, and each was answered
    assert {answer.status_code for answer in answers} == {200} and reckoned == [1]
    world.hub.memory.pop("danger", None)


def test_alarms_and_cases_are_those_of_its_rules_and_matters(world: Any) -> None:
    world.raise_alarm("d1", matter="liyang:event:bin_full")
    alarm, case = smoke(world)
    with world.client("commander") as one:
        watched = one.get(f"{FIRE}/watched").json()
        assert [a["alarm"] for a in watched["alarms"]] == [alarm]
        assert case in [c["case"] for c in watched["cases"]]
        assert {c["matter"] for c in watched["cases"]} == {MATTER}
        item = next(
            i for i in one.get("/api/scenarios").json()["items"] if i["id"] == "forest-fire"
        )
        assert item["alarms"] == 1 and item["complete"]
    # who answers for something else sees neither
    other = world.account("gardener", ["department_worker"], department="education")
    with world.client() as one:
        one.headers["Authorization"] = f"Bearer {other}"
        assert one.get(f"{FIRE}/watched").json() == {"alarms": [], "cases": [], "pictures": []}
        kinds = one.get(FIRE).json()["kinds"]
        assert {k["devices"] for k in kinds} == {None}


def test_alarms_of_a_test_stand_behind_those_that_count(world: Any) -> None:
    tried, counts = uuid.uuid4().hex[:12], uuid.uuid4().hex[:12]
    now = world.hub.clock()
    for name, test, at in ((tried, True, now), (counts, False, now - 60_000_000)):
        world.raise_alarm(
            "d3",
            alarm=name,
            identity=f"smoke@{name}",
            rule="forest_camera.smoke",
            test=test,
            raised_at=at,
        )
    with world.client("commander") as one:
        listed = [a["alarm"] for a in one.get(f"{FIRE}/watched").json()["alarms"]]
    assert listed.index(counts) < listed.index(tried)


def test_a_void_case_is_a_false_alarm(world: Any) -> None:
    with world.client("commander") as one:
        before = one.get(f"{FIRE}/record", params={"weeks": 1}).json()
        _, case = smoke(world, "d2")
        opened = one.get(f"{FIRE}/record", params={"weeks": 1}).json()
        assert opened["open"] >= before["open"]
        version = one.get(f"/api/cases/{case}").headers["etag"]
        done = one.post(
            f"/api/cases/{case}/steps/void",
            json={"reason": "steam of a kitchen"},
            headers={"If-Match": version},
        )
        assert done.status_code == 200, done.text
        after = one.get(f"{FIRE}/record", params={"weeks": 1}).json()
        assert after["false"] == before["false"] + 1
        assert after["false_per_week"] == 7.0 * after["false"], "the city began today"
        [judged] = [j for j in after["latest"] if j["case"] == case]
        assert judged["verdict"] == "false"
    with world.client("kiosk") as one:
        assert one.get(f"{FIRE}/record").status_code in {200, 403}


def test_pictures_of_open_cases_stand_on_the_page_with_their_boxes(world: Any) -> None:
    shot = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(shot, "JPEG")
    told = Evidence(name="smoke.jpg", media_type="image/jpeg", role="handle_before")
    kept = world.hub.manage.evidence.keep(shot.getvalue(), told)
    box = {"box": [0.1, 0.2, 0.5, 0.6], "text": {"zh": "烟", "en": "Smoke"}, "confidence": 0.9}
    kept |= {"width": 64, "height": 48, "boxes": [box]}
    alarm = world.raise_alarm(
        "d1", rule="forest_camera.smoke", identity="forest_camera.smoke@d1/smoke_score",
        matter=MATTER, told={"pictures": [kept], "description": "seen from the tower"},
    )  # fmt: skip
    world.settle()
    case = world.hub.manage.case_of([alarm.alarm])[alarm.alarm]
    with world.client("commander") as one:
        watched = one.get(f"{FIRE}/watched").json()
        [shown] = [each for each in watched["pictures"] if each["case"] == case]
        assert shown["file"]["boxes"] == [box] and shown["file"]["role"] == "handle_before"
        assert one.get(shown["file"]["url"]).content == shot.getvalue()
        whole = one.get(f"/api/cases/{case}").json()
        assert [file["evidence"] for file in whole["evidence"]] == [kept["digest"]]
        assert "seen from the tower" in whole["text"]
    with world.client("audit_admin") as one:
        seen = one.get(f"{FIRE}/watched")
        assert seen.status_code == 403 or seen.json()["pictures"] == []


def test_its_danger_follows_its_alarms(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was reckoned is told again until an alarm of its own comes, or goes; whatever alarms
    others have."""
    from tianmu.scenarios.forest_fire import present
    from tianmu.scenarios.present import Present

    seen: list[int] = []

    def count(town: Any) -> Present:
        seen.append(len(town.alarms()))
        return Present(at=town.now, degree=1)

    monkeypatch.setattr(present, "present", count)
    monkeypatch.setattr(danger, "SOON", 0)
    monkeypatch.setattr(danger, "REST", 0)
    world.hub.memory.pop("danger", None)
    with world.client("commander") as one:
        for _ in range(3):
            assert one.get(f"{FIRE}/present").json()["degree"] == 1
        world.raise_alarm("d5")
        world.settle()
        one.get(f"{FIRE}/present")
        assert len(seen) == 1
        smoke(world, "d6")
        one.get(f"{FIRE}/present")
        one.get(f"{FIRE}/present")
    assert len(seen) == 2 and seen[1] == seen[0] + 1
    world.hub.memory.pop("danger", None)
