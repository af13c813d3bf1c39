"""A pack with a scenario of its own: an alarm of that, and the pack changed and reloaded."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tianmu.city.pack import locate
from tianmu.rehearse.city.city import City, connect, credentials, fresh_city
from waiting import eventually

from .town import Ingest, alarms_of, register, tianmu

PASSWORD = "Reload-the-pack-1234"


class Own(NamedTuple):
    pack: Path
    data: Path


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """A running city of a copied pack that has a scenario in its folder."""
    folder = tmp_path_factory.mktemp("own")
    pack, passwords = folder / "pack", folder / "passwords"
    shutil.copytree(locate("port_ellery"), pack)
    shutil.copytree(Path(__file__).parents[1] / "brought", pack / "scenarios")
    passwords.write_text(f"system: {PASSWORD}\n")
    with fresh_city("--pack", str(pack), "--admin-password-file", str(passwords)) as started:
        yield Own(pack, started.data)


def administrator(data: Path) -> httpx.Client:
    found = credentials(data)
    client = httpx.Client(base_url=found["url"], headers={"X-Requested-With": "tianmu"}, timeout=30)
    answer = client.post("/api/session", json={"account": "system", "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return client


def rule(city: City, code: str) -> dict[str, Any]:
    return next(r for r in city.get("/api/rules")["rules"] if r["code"] == code)


def pids(data: Path) -> dict[str, int]:
    from tianmu.app.status import look

    return {p["name"]: p["pid"] for p in look(data)["processes"] if p["state"] == "ready"}


def test_a_folder_is_all_that_a_new_scenario_needs(own: Own) -> None:
    """Kind, rule, matter, duty and plan of the folder alone: from a value to who answers for it."""
    city = connect(own.data)
    well, ingest = register(city, "well"), Ingest(city)
    city_says = city.get(f"/api/devices/{well}")
    assert city_says["department"] == "water-board", "the kind names it by its remit"
    begun = int(time.time() * 1000) - 2000
    for n, level in enumerate((4.2, 0.3)):
        row = {"datastream": f"{well}/level", "time": begun + n * 1000, "value": level}
        assert ingest.send([row]).json()["accepted"] == 1
    alarm = eventually(lambda: alarms_of(city, well), what="the rule of the folder raised it")[0]
    assert alarm["rule"] == "well.low" and alarm["priority"] == 2
    found = eventually(lambda: alarms_of(city, well)[0]["case"], what="it has a case")
    case = city.get(f"/api/cases/{found}")
    assert case["matter"] == "well-water:event:dry_well" and case["owner"] == "water-board"
    assert "well" in case["title"]["en"].lower()
    (order,) = [one for one in case["orders"] if one["lead"]]
    assert order["unit"] == "water-board" and order["task"]["en"] == "Measure the well, bring water"
    page = city.get("/api/scenarios/well-water")
    assert page["lacks"] == [] and page["charts"][0]["known"]
    assert [one["code"] for one in page["roles"][0]["parties"]] == ["water-board"]
    assert [one["name"] for one in page["models"]] == ["low"]
    danger = city.get("/api/scenarios/well-water/present")
    assert danger["why"][0]["en"] == "1 wells"
    watched = city.get("/api/scenarios/well-water/watched")
    assert [one["alarm"] for one in watched["alarms"]] == [alarm["alarm"]]
    assert [one["case"] for one in watched["cases"]] == [found]
    assert city.http.get("/scenarios/well-water").status_code == 200
    told = tianmu("backtest", "well-water", "--data", str(own.data), "--json")
    assert told.returncode == 0, told.stderr
    told = tianmu("check", str(own.pack))
    assert told.returncode == 0 and b"digging" in told.stdout + told.stderr
    levels = own.pack.parent / "levels.csv"
    levels.write_text("level\n0.2\n3\n")
    told = tianmu("model", "well-water", "low", "--pack", str(own.pack), "--in", str(levels),
                  "--out", str(levels.with_name("low.csv")))  # fmt: skip
    assert told.returncode == 0, told.stderr
    kinds = own.pack / "scenarios" / "well_water" / "kinds.toml"
    sound = kinds.read_text("utf-8")
    kinds.write_text(sound.replace("severity = 3", "severity = 7"), "utf-8")
    try:
        told = tianmu("check", str(own.pack))
        assert told.returncode == 1 and b"scenarios/well_water/kinds.toml:29:" in told.stdout
        told = tianmu("up", "--pack", str(own.pack), "--data", str(own.pack.parent / "no"))
        assert told.returncode == 1 and b"scenarios/well_water/kinds.toml:29:" in told.stderr
    finally:
        kinds.write_text(sound, "utf-8")


def test_every_scenario_of_ours_has_a_page_in_a_city_that_says_nothing_of_it(own: Own) -> None:
    """They bring what they need to Port Ellery, and say what is not there."""
    city = connect(own.data)
    listed = city.get("/api/scenarios")
    assert not listed["broken"]
    for one in listed["items"]:
        page = city.get(f"/api/scenarios/{one['id']}")
        assert one["complete"] and page["lacks"] == [], one["id"]
        assert all(role["parties"] for role in page["roles"]), one["id"]
        if page["own_danger"]:
            danger = city.get(f"/api/scenarios/{one['id']}/present")
            assert danger["why"] or danger["notes"], one["id"]
            assert one["id"] == "well-water" or danger["degree"] <= 1, "there is nothing to tell"
    nothing = city.get("/api/scenarios/forest-fire/present")
    assert nothing["degree"] == 0 and nothing["why"][0]["en"], "no station, and it says so"


def test_a_reloaded_pack_reaches_every_process(own: Own) -> None:
    pack, city = own.pack, connect(own.data)
    admin = administrator(own.data)
    before = pids(own.data)
    kinds = (pack / "kinds.toml").read_text("utf-8")
    code = next(r["code"] for r in city.get("/api/rules")["rules"] if r["priority"] == 3)
    at = kinds.index(f'code = "{code}"')
    changed = kinds[:at] + kinds[at:].replace("priority = 3", "priority = 2", 1)
    (pack / "kinds.toml").write_text(changed, "utf-8")
    seen = admin.post("/api/pack/check").json()
    assert not seen["faults"] and not seen["same"]
    assert [c["changed"] for c in seen["changes"] if c["noun"] == "rules"] == [[code]]
    assert admin.post("/api/pack/reload").status_code == 200
    end = time.monotonic() + 60
    while time.monotonic() < end:
        now = pids(own.data)
        if set(now) == set(before) and all(
            now[name] != before[name] for name in ("gate", "watch", "works")
        ):
            break
        time.sleep(0.2)
    assert now["hub"] == before["hub"], "hub goes on"
    assert rule(city, code)["priority"] == 2

    (pack / "kinds.toml").write_text(changed.replace("[[kind]]", "[[kind]", 1), "utf-8")
    refused = admin.post("/api/pack/reload")
    assert refused.status_code == 422 and refused.json()["faults"]
    assert rule(city, code)["priority"] == 2
