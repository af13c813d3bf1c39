"""Fire alarms over HTTP: alarms by how likely they are real, a building's picture, its people."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa

from tianmu.city.city import City
from tianmu.city.place.building import Building
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device, DevicesRegistered
from tianmu.prevent.alarm import table as alarm_table
from tianmu.rehearse.panel.panel import Panel
from tianmu.rehearse.panel.script import Component
from tianmu.scenarios.folder.load import find
from tianmu.scenarios.tend import RAISE, Errand, Errands
from tianmu.web.present import tending

FIRE = "/api/scenarios/fire-alarms"
ADDRESS = "0000000000a1"
UNIT = f"gbt26875-{ADDRESS}"
PARTS = [Component(40, 1 << 16 | 1, "1F-101"), Component(40, 1 << 16 | 2, "1F-102"),
         Component(40, 2 << 16 | 1, "2F-201"), Component(23, 1 << 16 | 9, "1F-button")]  # fmt: skip
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d4944415478da63f8ffff3f0005fe02fea735811e0000000049454e44ae426082"
)
MILL = Building(
    code="mill", name={"zh": "面粉厂", "en": "The mill"}, panel=ADDRESS,
    use={"zh": "面粉加工", "en": "Flour"}, holds={"zh": "粉尘", "en": "Dust"}, storeys=3,
    manager="Wang Wei", manager_phone="13812345678", room_phone="051987654321", plan="mill.png",
    basis="invented",
)  # fmt: skip


@pytest.fixture(scope="module")
def mill(world: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A building with a panel of four components, beside the small city."""
    folder = tmp_path_factory.mktemp("pack")
    (folder / MILL.plan).write_bytes(PNG)
    city: City = world.hub.city
    town = world.towns()[0]
    place = Place(longitude=119.49, latitude=31.42, division=town)
    panel = Panel(ADDRESS, "", 0, components=PARTS)
    properties = {
        kind: tuple(city.kinds[kind].properties)
        for kind in ("fire_transmission_unit", "fire_system", "fire_component")
    }
    devices: tuple[Device, ...] = panel.devices(properties, place=place, source="seeded")

    def register(tx: Any) -> DevicesRegistered:
        registry = world.hub.registry
        return registry.registration(devices, at=world.hub.clock(), actor="test")

    world.hub.registrar.write(register)
    registry = world.hub.registry
    world.live.grow(registry.count_datastreams, registry.count_devices)
    before = world.hub.city
    world.hub.city = replace(before, buildings={ADDRESS: MILL}, folder=folder)
    # what was read of its streets stays read: the folder is another
    world.hub.city.__dict__["travel"] = before.travel
    for device in devices:
        tell(world, f"{device.device}/state", 1)
    tell(world, f"{UNIT}/link", 1)
    yield world
    world.hub.city = before


def tell(world: Any, stream: str, value: float) -> None:
    [at] = world.hub.registry.datastream_index([stream])
    world.live.value[at], world.live.time[at] = value, world.hub.clock()
    world.live.count[at] += 1


def device(part: Component) -> str:
    return f"{UNIT}-{part.system_type}-{part.system_address}-{part.type}-{part.address}"


def burn(world: Any, part: Component, again: str = "", **more: Any) -> Any:
    name = device(part)
    tell(world, f"{name}/state", 3)
    alarm = world.raise_alarm(
        name, rule="fire_component.fire", identity=f"fire_component.fire@{name}/state{again}",
        matter="liyang:event:fire_alarm", origin=Origin.SEEDED, **more,
    )  # fmt: skip
    world.settle()
    return alarm


def forget(world: Any) -> None:
    for name in ("danger", "signals"):
        world.hub.memory.pop(name, None)


def present(client: Any, world: Any) -> Any:
    forget(world)
    answer = client.get(f"{FIRE}/present")
    assert answer.status_code == 200, answer.text
    return answer.json()


def table(said: Any, code: str) -> Any:
    return next(one for one in said["tables"] if one["code"] == code)


def test_a_building_that_told_nothing_yet_is_not_called_normal(mill: Any) -> None:
    index = mill.hub.registry.find(UNIT)
    own = list(mill.hub.registry.datastreams_of(index))
    before = mill.live.count[own].copy()
    with mill.client("commander") as one:
        assert present(one, mill)["degree"] == 1
        mill.live.count[own] = 0
        said = present(one, mill)
        assert said["degree"] == 0 and "told anything yet" in said["why"][0]["en"]
        [line] = [li for li in table(said, "buildings")["lines"] if li["thing"] == UNIT]
        assert line["cells"][1]["en"] == "nothing told yet"
        assert one.get(f"{FIRE}/things/{UNIT}").json()["degree"] == 0, "nor by its own picture"
        mill.live.count[own] = before


def test_alarms_rise_in_rank_as_signs_come_together(mill: Any) -> None:
    with mill.client("commander") as one:
        calm = present(one, mill)
        assert calm["degree"] == 1 and table(calm, "alarms")["lines"] == []
        building = next(s for s in calm["shapes"] if s["thing"] == UNIT)
        assert building["degree"] == 1 and building["kind"] == "building"
        first = burn(mill, PARTS[0])
        alone = present(one, mill)
        [line] = table(alone, "alarms")["lines"]
        assert line["alarm"] == first.alarm and line["thing"] == UNIT and line["degree"] == 3
        assert line["cells"][0]["en"] == "5 %" and "control room" in line["cells"][5]["en"]
        burn(mill, PARTS[1])
        burn(mill, PARTS[3])
        together = present(one, mill)
        lines = table(together, "alarms")["lines"]
        assert len(lines) == 3 and together["degree"] == 5
        assert all("manual call point" in li["cells"][4]["en"] for li in lines[:2])
        assert "同一分区另有 1 个探测器" in lines[0]["cells"][4]["zh"]
        assert next(s for s in together["shapes"] if s["thing"] == UNIT)["degree"] == 5


def test_the_level_of_a_case_rises_with_the_signs_and_stays_where_a_person_puts_it(
    mill: Any,
) -> None:
    """Of the alarms of the test before: two detectors of a zone and a button."""
    hub = mill.hub
    hub.records.create(tending.metadata)
    with mill.client("commander") as one:
        alarms = table(present(one, mill), "alarms")["lines"]
        case = hub.manage.case_of([alarms[0]["alarm"]])[alarms[0]["alarm"]]
        before = one.get(f"/api/cases/{case}").json()
        calm = replace(hub.city, weights={"fire-alarms": {"raise_sure": 0, "raise_likely": 0}})
        usual, hub.city = hub.city, calm
        tending.give_out(hub)  # the first look owes nothing
        forget(mill)
        tending.give_out(hub)
        assert one.get(f"/api/cases/{case}").json()["level"] == before["level"], "0 moves nothing"
        hub.city = replace(usual, weights={"fire-alarms": {"raise_sure": 1}})
        forget(mill)
        assert tending.give_out(hub) == 1
        after = one.get(f"/api/cases/{case}").json()
        assert after["level"] == usual.profile.numbered(1).name != before["level"]
        event = [e for e in after["events"] if e["step"] == "grade"][-1]
        assert event["actor"] == "@system"
        why = event["data"]["why"][0]
        assert "manual call point" in why["en"] and "为真概率" in why["zh"]
        assert tending.give_out(hub) == 0, "it is as grave already"
        lower = one.post(
            f"/api/cases/{case}/steps/grade",
            json={"reason": "seen on the spot: a pan", "data": {"level": before["level"]}},
            headers={"If-Match": f'"{after["version"]}"'},
        )  # fmt: skip
        assert lower.status_code == 200, lower.text
        forget(mill)
        assert tending.give_out(hub) == 0
        kept = one.get(f"/api/cases/{case}").json()
        assert kept["level"] == before["level"], "what a person has set is left alone"
        hub.city = usual


def test_a_scenario_raises_to_levels_that_there_are_and_does_nothing_else(
    mill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def errands(data: dict[str, Any], verb: str = RAISE) -> Any:
        return lambda *given: Errands((Errand(1, verb, "no-such-case", data),))

    text = {"zh": "因", "en": "because"}
    for made, why in (
        (errands({"level": 9, "why": text}), "there is no such level"),
        (errands({}, "case.void"), "a scenario may only do"),
    ):
        monkeypatch.setattr("tianmu.scenarios.fire_alarms.tend.errands", made)
        with pytest.raises(ValueError, match=why):
            tending._of(mill.hub, find().scenarios["fire-alarms"])
    # what is too grave for the city holds up no duty check
    check = Errand(1, "panel.duty_check", UNIT, {"minutes": 7})
    wrong = Errand(1, RAISE, "no-such-case", {"level": 9, "why": text})
    monkeypatch.setattr(
        "tianmu.scenarios.fire_alarms.tend.errands", lambda *given: Errands((wrong, check))
    )
    written: list[Errand] = []
    with monkeypatch.context() as patch, pytest.raises(ValueError, match="there is no such level"):
        patch.setattr(tending, "_append", lambda hub, tx, scenario, one, now: written.append(one))
        tending._of(mill.hub, find().scenarios["fire-alarms"])
    assert written == [check]
    monkeypatch.setattr(
        "tianmu.scenarios.fire_alarms.tend.errands", errands({"level": 2, "why": text})
    )
    assert tending._of(mill.hub, find().scenarios["fire-alarms"]) == 0


def test_a_building_as_those_who_go_there_need_it(mill: Any) -> None:
    with mill.client("commander") as one:
        answer = one.get(f"{FIRE}/things/{UNIT}")
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert said["title"]["en"] == "The mill" and said["notes"] == []
        drawn = next(s for s in present(one, mill)["shapes"] if s["thing"] == UNIT)
        assert said["degree"] == drawn["degree"] == 5
        [held] = table(said, "cases")["lines"]
        assert one.get(f"/api/cases/{held['case']}").status_code == 200
        facts = {fact["name"]["en"]: fact["value"]["en"] for fact in said["facts"]}
        assert facts["Use"] == "Flour" and facts["Link of the panel"] == "up"
        assert facts["Last duty check"] == "never asked"
        assert said["asks"] == UNIT
        zones = {
            line["cells"][0]["en"]: line["cells"][1:] for line in table(said, "zones")["lines"]
        }
        assert {zone: cell[0]["en"] for zone, cell in zones.items()} == {"1-1-1": "3", "1-1-2": "1"}
        burning = [line["cells"][0]["en"] for line in table(said, "components")["lines"]]
        assert set(burning) == {"1F-101", "1F-102", "1F-button"}
        assert len(table(said, "sources")["lines"]) == 5
        assert table(said, "sources")["lines"][0]["cells"][2]["en"].endswith(" m")
        shown = answer.text
        assert "Wang Wei" not in shown and "13812345678" not in shown and "138****5678" in shown
        assert one.get(said["image"]).content == PNG
        assert one.get(f"{FIRE}/things/d1").status_code == 404
        assert one.get("/api/scenarios/forest-fire/things/d0").status_code == 404


def test_contacts_in_clear_need_permission_and_reason_and_are_written_down(mill: Any) -> None:
    at = f"{FIRE}/things/{UNIT}/reveal"
    with mill.client("commander") as one:
        assert one.post(at, json={}).status_code == 422
        clear = one.post(at, json={"reason": "the mill burns"}).json()
        assert [reach["phone"] for reach in clear["reaches"]] == ["051987654321", "13812345678"]
        assert clear["reaches"][1]["name"] == "Wang Wei"
    with mill.client("audit_admin") as auditor:
        [entry] = auditor.get("/api/audit", params={"verb": "thing.reveal"}).json()["items"]
        assert entry["object"] == f"fire-alarms:{UNIT}"
        assert entry["detail"]["reason"] == "the mill burns"
    with mill.client("leader") as leader:
        refused = leader.post(at, json={"reason": "curious"})
        assert refused.status_code == 403


def test_who_sees_a_part_of_the_city_sees_its_buildings(mill: Any) -> None:
    here, elsewhere = mill.towns()[:2]
    for name, division, sees in (("near", here, True), ("far", elsewhere, False)):
        account = mill.account(
            f"{name}-{uuid.uuid4().hex[:6]}", ["duty_officer"], division=division
        )
        with mill.client() as one:
            one.headers["Authorization"] = f"Bearer {account}"
            said = present(one, mill)
            assert bool(table(said, "alarms")["lines"]) is sees
            assert not [s for s in said["shapes"] if s["kind"] == "building"]
            assert said["why"] and ("The mill" in json.dumps(said)) is sees
            status = one.get(f"{FIRE}/things/{UNIT}").status_code
            assert status == (200 if sees else 404)


def test_closed_cases_teach_the_judgement(mill: Any) -> None:
    """A void case is a false alarm of its detectors: their next alarm ranks lower."""
    from tianmu.scenarios.signals import FALSE

    with mill.client("commander") as one:
        alarm = burn(mill, PARTS[2]).alarm
        case = mill.hub.manage.case_of([alarm])[alarm]
        version = one.get(f"/api/cases/{case}").json()["version"]
        done = one.post(
            f"/api/cases/{case}/steps/void", json={"reason": "dust of the mill", "data": {}},
            headers={"If-Match": f'"{version}"'},
        )  # fmt: skip
        assert done.status_code == 200, done.text
        forget(mill)
        world = _world(mill)
        told = [s for s in world.signals(["fire_alarm"], 0) if s.case == case]
        assert told and {s.verdict for s in told} == {FALSE}
        kept = next(
            li for li in table(present(one, mill), "alarms")["lines"] if li["alarm"] == alarm
        )
        assert "people made its case void" in kept["cells"][4]["en"], "it stays, and says so"
        at, row = mill.hub.clock(), alarm_table.ALARM
        mill.watch.transact(
            lambda tx: tx.connection.execute(
                sa.update(row).where(row.c.alarm == alarm).values(cleared_at=at)
            )
        )
        again = burn(mill, PARTS[2], again="2")
        found = next(
            line
            for line in table(present(one, mill), "alarms")["lines"]
            if line["alarm"] == again.alarm
        )
        why = found["cells"][4]["en"]
        assert re.search(r"0 of the 1 earlier alarms of this detector were real \(-", why), why
        record = one.get(f"{FIRE}/record").json()
        assert record["false"] >= 1


def test_the_page_learns_from_the_newest_cases_and_a_back_test_from_all(
    mill: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tianmu.scenarios import signals

    def cases(most: int | None) -> set[str]:
        keys, until = ["liyang:event:fire_alarm"], mill.hub.clock() + 1
        read = mill.hub.records.read
        return {one.case for one in read(lambda c: signals.signals(c, keys, 0, until, most))}

    assert len(cases(1)) == 1 < len(cases(None))
    monkeypatch.setattr(signals, "MOST", len(cases(None)))
    with mill.client("commander") as one:
        notes = [note["en"] for note in present(one, mill)["notes"]]
    assert any(note.startswith("There are many cases") for note in notes)


def _world(mill: Any) -> Any:
    from tianmu.scenarios.folder.fit import fit
    from tianmu.scenarios.folder.load import find
    from tianmu.web.present import danger

    scenario = find().scenarios["fire-alarms"]
    return danger.world_of(mill.hub, scenario, fit(scenario.manifest, mill.hub.city))


def test_duty_checks_are_counted(mill: Any) -> None:
    tell(mill, f"{UNIT}/duty_check", 0)
    with mill.client("commander") as one:
        [line] = [li for li in table(present(one, mill), "buildings")["lines"]
                  if li["thing"] == UNIT]  # fmt: skip
        assert line["cells"][2]["en"].startswith("nobody") and line["cells"][3]["en"] == "0/1"


def test_the_past_as_rows_of_the_model(mill: Any) -> None:
    from datetime import date

    from tianmu.scenarios.fire_alarms.model import MODELS
    from tianmu.scenarios.fire_alarms.replay import rows
    from tianmu.scenarios.run import parameters_of, run_model

    made = rows(_world(mill), date(2020, 1, 1))
    assert len(made) and set(made.column("event").to_pylist()) == {0}
    told = run_model(MODELS[0], made, parameters_of(MODELS[0], []))
    assert np.isfinite(told.column("probability").to_numpy(zero_copy_only=False)).all()


def test_the_pack_checks_buildings(tmp_path: Path) -> None:
    from tianmu.city.file.reader import PackReader
    from tianmu.city.place.building import FILE, read

    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / FILE).write_text(
        "code,panel,name_en,use_en,holds_en,storeys,plan\n"
        "a,0000000000A1,Mill,Flour,,3,a.png\n"
        "a,0000000000a1,Mill,Flour,,900,b.png\n"
        "c,12,School,,,,../x.png\n"
    )
    reader = PackReader(tmp_path)
    reader.languages = ("en",)
    found = read(reader)
    assert found["0000000000a1"].storeys is None or found["0000000000a1"].code == "a"
    told = [str(fault) for fault in reader.faults]
    for line, words in (
        (3, "'a' is missing or taken"), (3, "stands in a already"), (3, "storeys 900"),
        (3, "plan b.png is not there"), (4, "no address"), (4, "no picture within the pack"),
    ):  # fmt: skip
        assert any(f"{FILE}:{line}" in one and words in one for one in told), (words, told)
