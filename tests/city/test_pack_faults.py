"""Each fault of a pack is named with its place, and no damage crashes the reader."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tianmu.city import pack
from tianmu.city.file.fault import PackFaulty

from .edit import damage, replace

TIDE = '[[kind]]\ncode = "tide_gauge"\nname = { en = "Tide gauge" }\n'


@pytest.mark.parametrize(
    ("file", "old", "new", "what"),
    [
        ("city.toml", 'time_zone = "America/Halifax"', 'time_zone = "Atlantis"', "no time zone"),
        ("city.toml", 'profile = "severity"', 'profile = "x"', "no profile"),
        ("city.toml", "center = [-61.345", "center = [61.345", "outside the bbox"),
        ("city.toml", 'code = "PE"', 'code = "QQ"', "no division"),
        ("city.toml", "number = 2", "number = 4", "tiers are numbered"),
        ("city.toml", "radius_m = 80.0", "radius = 80.0", "unknown field"),
        ("city.toml", 'name = { en = "Ward" }', 'name = { en = "Ward', "not valid TOML"),
        ("city.toml", "raw_days = 90", "raw_days = -1", "raw_days is -1"),
        ("city.toml", "raw_days = 90", "raw = 90", "unknown field"),
        ("city.toml", "hour_days = 0", "hour_days = 30", "hours go after 30 days"),
        ("city.toml", "journal_hours = 48.0", "journal_hours = 0.0", "journal_hours is 0"),
        ("city.toml", "feed_hosts = []", 'feed_hosts = ["a b"]', "no host name, address"),
        ("calendar.toml", '["09:00", "12:30"]', '["09:00", "08:30"]', "no span"),
        ("calendar.toml", 'day = "12-24"', 'day = "13-24"', "no day"),
        ("calendar.toml", "holidays = true", "holidays = 3", "holidays: Expected `bool`"),
        ("city.toml", "radius_m = 80.0", 'radius_m = "80"', "merging.radius_m: Expected `float`"),
        ("city.toml", "number = 2", 'number = "2"', "tier.number: Expected `int`"),
        ("divisions.csv", "PE-MIL,2,ward,PE,", "PE-MIL,2,ward,PX,", "not there"),
        ("divisions.csv", "PE-MIL,2,", "PE-MIL,7,", "not a tier"),
        ("divisions.csv", "PE-MIL,2,ward", "PE-HAR,2,ward", "stands on line"),
        ("divisions.csv", "-61.3205,43.6951", ",43.6951", "half a point"),
        ("divisions.csv", "-61.3205,43.6951", "x,43.6951", "no number"),
        ("divisions.csv", "-61.3205,43.6951,300,", "-61.3205,43.6951,300,a,b,", "cells where"),
        ("departments.csv", "harbour,department,PE", "harbour,club,PE", "unknown kind"),
        ("departments.csv", "harbour,department,PE", "harbour,department,XX", "no division"),
        ("matters.csv", "ellery-311,hazard,F01", "other,hazard,F01", "not in city.toml"),
        ("filing_standards.csv", "F01,1,2,urgent_hour", "F01,1,2,fortnight", "unknown unit"),
        ("duties.csv", "hazard:F*,,fire-rescue", "hazard:F*,,nobody", "no department"),
        ("duties.csv", "hazard:F*", "hazard:Q*", "no matter fits"),
        ("duties.csv", "hazard:C01,PE-NOR", "hazard:C01,PE-XXX", "no division"),
        ("profiles.toml", "number = 3", "number = 4", "has levels"),
        ("profiles.toml", "tier = 2", "tier = 3", "not there"),
        ("profiles.toml", 'unit = "work_day"', 'unit = "moon"', "Invalid enum value"),
        ("plans.toml", 'level = "minor"', 'level = "huge"', "lacks"),
        ("plans.toml", "coordinate = 2, c", "coordinate = 9, c", "cannot command"),
        ("plans.toml", 'unit_kind = "fire_engine"', 'unit_kind = "cart"', "of kind 'cart'"),
        ("plans.toml", 'to = "harbour"', 'to = "harbor"', "is nobody"),
        ("plans.toml", "not_accepted = true", "not_acepted = true", "unknown field"),
        ("grading.toml", "dead_from = 5", "dead_form = 5", "unknown field"),
        ("grading.toml", "rise = 1", "rise = 0", "neither or both"),
        ("kinds.toml", 'direction = "high"', 'direction = "up"', "unknown direction"),
        ("kinds.toml", 'property = "level"', 'property = "depth"', "no property"),
        ("kinds.toml", 'department = "works"', 'department = "roads"', "no department"),
        ("kinds.toml", "ellery-311:hazard:S01", "ellery-311:hazard:S99", "no matter"),
        ("kinds.toml", 'severity = "serious"', 'severity = "III"', "no level"),
        ("kinds.toml", "surface < -0.5", "surfaces < -0.5", "no property"),
        ("kinds.toml", "priority = 2", "priority = 9", "priority"),
        ("kinds.toml", "false_alarms_per_week = 1", "false_alarms_per_week = 0", "false alarms"),
        ("kinds.toml", "anomaly = true", "anomaly = true\nstates = { 0 = {} }", "has states"),
        ("kinds.toml", 'category = "sea"', 'category = "air"', "no category"),
        ("kinds.toml", TIDE + 'category = "sea"\n', TIDE, "no category"),
        ("kinds.toml", TIDE, '[[kind]]\ncode = "tide_gauge"\n', "no words"),
        ("kinds.toml", 'name = { en = "Tide gauge" }', 'name = { fr = "Marégraphe" }', "language"),
        ("roster.csv", "watch_keeper,daily,00:00", "watch_keeper,daily,0:00", "no times"),
        ("roster.csv", "watch_keeper,daily", "watch_keeper,sometimes", "not understood"),
        ("units.csv", "fire-rescue,PE", "fire-rescue,XX", "no division"),
        ("seeding.toml", 'shape = "ramp"', 'shape = "wave"', "unknown shape"),
        ("seeding.toml", "truth = false\nvoid = true", "void = true", "though it is true"),
        ("seeding.toml", "PE-HAR = 0.22", "PE-XXX = 0.22", "no division"),
        ("seeding.toml", "phone = 0.7", 'phone = "most"', "channels: Expected `float`"),
        ("seeding.toml", "population = 42000", "population = []", "population: Expected `int`"),
        ("reports.toml", "overflowing.", "{weather}.", "has no words"),
        ("street_edges.csv", ",secondary,45.0,", ",secondary,0,", "out of range"),
        ("street_edges.csv", "PE-HAR,", "PE-XXX,", "no node"),
        ("towns.geojson", '"division": "PE-OLD"', '"division": "PE-XXX"', "no division"),
        ("outline.geojson", "{", "[", "not valid JSON"),
        ("relations.csv", "ellery-311:hazard:F01", "ellery-311:hazard:F99", "no matter"),
        ("city.toml", "exact = 50.0", "exact = 400.0", "exact up to 400 m"),
        ("city.toml", "sharp = 5.0", "sharp = 0", "> 0.0"),
        ("matters.csv", "flames|", "flames|x|", "less than two letters"),
        ("matters.csv", "flames|", "flames|fire&|", "or a part none"),
        ("matters.csv", "flames|", "flames|~flames|", "stands there twice"),
        ("matters.csv", "flames|", "~fl~ames|", "before a whole word"),
        ("matters.csv", "flames|", "~flames&high|", "before a whole word"),
        ("telling.toml", "[content]", "[contents]", "unknown field"),
        ("telling.toml", '"filthy"', '"dirty"', "stands there twice"),
        ("telling.toml", '"filthy"', '"…"', "is no word"),
        ("telling.toml", '"no idea"', '"old idea"', "changes nothing"),
        ("telling.toml", "denies = 24", "denies = 0", "reach.en: denies = 0 is no number of signs"),
        ("telling.toml", "[reach.en]", "[reach.de]", "words of language 'en' reach is not said"),
        ("telling.toml", "[reach.en]", "[reach.de]", "language 'de' is not one"),
        ("telling.toml", "beside = 60", "besides = 60", "unknown field"),
        ("telling.toml", 'en = ["please"', 'de = ["bitte"', "language 'de' is not one"),
        ("matters.csv", "down,3,100,60,10,", "down,3,100,60,-1,", "told_min"),
        ("matters.csv", "down,3,100,60,10,15,", "down,3,100,60,10,-1,", "told_for_min"),
        ("truth.toml", 'kind = "bin"', 'kind = "box"', "no kind"),
        ("truth.toml", "ellery-311:service:R01", "ellery-311:service:R99", "no matter"),
        ("truth.toml", 'channel = "web"', 'channel = "wave"', "but how?"),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_place(
    copy: Path, file: str, old: str, new: str, what: str
) -> None:
    line = replace(file, old, new)(copy)
    faults = pack.check(copy)
    mine = [fault for fault in faults if fault.file == file and what in fault.what]
    assert mine, "\n".join(map(str, faults))
    assert all(fault.remedy for fault in faults)
    located = [fault.line for fault in mine if fault.line]
    if located and file.endswith((".toml", ".csv")):
        assert any(abs(found - line) <= 1 for found in located), (line, located)


def test_one_wrong_name_of_the_profile_is_one_fault(copy: Path) -> None:
    line = replace("city.toml", 'profile = "severity"', 'profile = "gravity"')(copy)
    (fault,) = pack.check(copy)
    assert (fault.file, fault.line) == ("city.toml", line)
    assert fault.what == "no profile 'gravity'" and fault.remedy == "use one of severity"


def test_a_broken_table_of_profiles_is_no_fault_of_every_rule(copy: Path) -> None:
    (copy / "profiles.toml").write_text("profile = [\n")
    assert {fault.file for fault in pack.check(copy)} == {"profiles.toml"}


@pytest.mark.parametrize(
    "file",
    sorted(
        path.name
        for path in pack.locate("port_ellery").iterdir()
        if path.suffix in (".toml", ".csv", ".geojson")
        and path.name not in ("approximate.toml", "people.toml")
    ),
)
def test_a_missing_file_is_a_fault_or_is_optional(copy: Path, file: str) -> None:
    (copy / file).unlink()
    optional = {
        "units.csv", "relations.csv", "seeding.toml", "reports.toml", "towns.geojson",
        "grids.geojson", "lakes.geojson", "neighbours.geojson", "truth.toml", "resources.csv",
        "sending.toml", "water_stations.csv", "water_outlets.csv", "river_reaches.csv",
        "contact.toml", "warnings.toml", "hazards.toml",
        "buildings.csv", "shop_fronts.csv", "networks.toml", "telling.toml",
    }  # fmt: skip
    faults = pack.check(copy)
    assert any(fault.file == file for fault in faults) or file in optional


FILES = sorted(
    path.name
    for path in pack.locate("port_ellery").iterdir()
    if path.suffix in (".toml", ".csv") and path.name not in ("approximate.toml", "people.toml")
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_damage_to_a_file_ever_crashes_the_reader(tmp_path: Path, data: st.DataObject) -> None:
    folder = tmp_path / "damaged"
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(pack.locate("port_ellery"), folder)
    path = folder / data.draw(st.sampled_from(FILES))
    damage(path, data, {",": ";", "=": ":"})
    faults = pack.check(folder)
    if not [fault for fault in faults if not fault.file.startswith(("street_", "towns"))]:
        return
    try:
        pack.load(folder)
    except PackFaulty as error:
        assert error.faults
