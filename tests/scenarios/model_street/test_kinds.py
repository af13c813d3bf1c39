"""The 24 kinds: what the folder says of them hangs together; a city's own patience."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from tianmu.city.pack import load
from tianmu.scenarios.folder.fit import fit
from tianmu.scenarios.folder.load import find
from tianmu.scenarios.recognition import BadPatience, kinds_of, of_city, taken
from tianmu.sense.recognition.kind import SIGHTING

LABELS = [
    "RoadDamaged",
    "HumanBreakIn",
    "OffStoreOperation",
    "GarbageExposed",
    "NoneMotorVehicleParking",
    "MotorVehicleParking",
    "BannerOrSlogansHungging",
    "WithoutHelmetOnSite",
    "VehicleLicenseRecon",
    "FireOrSmokeDetected",
    "FollowIntoHouseMotorbike",
    "FollowIntoHousePerson",
    "RoadOccupatedInConstruction",
    "ResidueAccumulation",
    "VehicleOfDangerous",
    "SocialVehicleDetect",
    "IllegalAnUmbrella",
    "HangDownTheStreet",
    "UnexpectedEvents",
    "wellCoverAbnormal",
    "UnlicensedBusinessVendor",
    "RoadPonding",
    "GarbageOverflow",
    "RoadOccupatedInOperation",
]
"""as the vendor's analytics name them (shared facts, 6.7)"""

STREET = find().scenarios["model-street"]
KINDS = kinds_of(STREET.manifest.settings)


def test_each_label_is_taken_and_has_its_property_and_rule() -> None:
    assert len(LABELS) == len(set(LABELS)) == 24
    known = taken([STREET], load("liyang"), Path("/none"), lambda line: None)
    found = {label: known.find(label) for label in LABELS}
    assert all(found.values()) and len({one.code for one in found.values() if one}) == 24
    table = tomllib.loads((STREET.folder / "kinds.toml").read_text(encoding="utf-8"))
    [camera] = table["kind"]
    assert camera["code"] == known.device
    assert {one["code"] for one in camera["property"]} == {SIGHTING, *known.kinds}
    rules = {one["code"]: one for one in camera["rule"]}
    assert set(rules) == set(STREET.manifest.rules)
    assert all(one["property"] in known.kinds and one["limit"] == 1 for one in rules.values())
    for name in ("liyang", "port_ellery"):
        here = fit(STREET.manifest, load(name))
        assert here.lacks == () and all(post.parties for post in here.posts), name
    own = {one["matter"] for one in rules.values() if "matter" in one}
    with (STREET.folder / "matters.csv").open(encoding="utf-8", newline="") as lines:
        brought = {f"{r['edition']}:{r['kind']}:{r['code']}" for r in csv.DictReader(lines)}
    assert own == brought


def test_liyangs_own_matters_are_taken_for_those_of_the_standard() -> None:
    rules = {rule["code"]: rule.get("matter") for rule in load("liyang").rules}
    assert rules["street_camera.off_store_operation"] == "gbt30428.2-2013:event:0405"
    assert rules["street_camera.manhole_abnormal"] == "gbt30428.2-2013:component:0123"
    assert rules["street_camera.fire_smoke"] == "liyang:event:fire_alarm"
    # 0409 is another thing's code there: the folder's own matter
    assert rules["street_camera.vehicle_parking"] == "model-street:event:vehicle_parking"


def test_a_scenario_whose_events_cannot_be_read_stops_no_other(tmp_path: Path) -> None:
    said = STREET.manifest.settings["recognition"]
    broken = msgspec.structs.replace(
        STREET.manifest, id="broken", settings={"recognition": {**said, "kind": [{"code": 1}]}}
    )
    again = msgspec.structs.replace(STREET.manifest, id="again")
    told: list[str] = []
    every = [replace(STREET, manifest=broken), STREET, replace(STREET, manifest=again)]
    known = taken(every, load("liyang"), tmp_path, told.append)
    assert tuple(known.kinds.values()) == KINDS
    assert "scenario broken takes no events" in told[0] and "stands twice" in told[1]


def test_a_citys_own_patience_takes_the_place_of_ours(tmp_path: Path) -> None:
    file = tmp_path / "recognition.toml"
    assert of_city(KINDS, file) == KINDS
    file.write_text("[crowd]\ndwell_s = 30\n", encoding="utf-8")
    [crowd] = [one for one in of_city(KINDS, file) if one.code == "crowd"]
    assert (crowd.patience.dwell_s, crowd.patience.repeat) == (30, 3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\n[nothing]\ndwell_s = 1\n", ":2: nothing is no kind of event"),
        ("[crowd]\ndwell = 1\n", ":1: .*dwell"),
        ("[crowd]\nrepeat = 0\n", ":1: .*must lie between"),
        ("[crowd\n", ":1: .*mend the TOML"),
    ],
)
def test_a_citys_file_that_cannot_be_used_is_told_and_ours_hold(
    tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "scenarios" / "model-street" / "recognition.toml"
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    with pytest.raises(BadPatience, match=why):
        of_city(KINDS, file)
    told: list[str] = []
    known = taken([STREET], load("liyang"), tmp_path, told.append)
    assert tuple(known.kinds.values()) == KINDS and len(told) == 1


def test_every_kind_that_alarms_makes_a_case_in_both_cities() -> None:
    """But for plates and vehicles from outside, which no rule alarms."""
    for name in ("liyang", "port_ellery"):
        city = load(name)
        rules = {one["property"]: one for one in city.rules if one["code"] in STREET.manifest.rules}
        assert set(rules) == {one.code for one in KINDS} - {"plate_read", "outside_vehicle"}
        for rule in rules.values():
            assert city.owner_of(rule["matter"], city.root.code), (name, rule["code"])
    rules = {one["code"]: one.get("matter") for one in load("port_ellery").rules}
    assert rules["street_camera.garbage_exposed"] == "ellery-311:service:B02"
    assert rules["street_camera.rubbish_heap"] == "ellery-311:service:B02"
    assert rules["street_camera.garbage_overflow"] == "ellery-311:service:B01"
    assert rules["street_camera.road_damaged"] == "ellery-311:service:R01"
    assert rules["street_camera.fire_smoke"] == "ellery-311:hazard:F01"
