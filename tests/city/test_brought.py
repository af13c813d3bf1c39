"""A scenario brings kinds, rules, matters, duties and plans of its own to any city."""

from __future__ import annotations

import contextlib
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tianmu.city import brought, pack
from tianmu.city.city import City
from tianmu.city.file.fault import PackFaulty
from tianmu.prevent.rule.edition import judge
from tianmu.scenarios.folder.fit import fit
from tianmu.scenarios.folder.load import find

from .edit import damage

WELLS = Path(__file__).parents[1] / "brought" / "well_water"
DRY, SILENT = "well-water:event:dry_well", "well-water:event:silent"


@pytest.fixture(params=["liyang", "port_ellery"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a pack with a scenario of its own."""
    made = tmp_path / "pack"
    shutil.copytree(pack.locate(request.param), made)
    shutil.copytree(WELLS, made / brought.OWN / "well_water")
    return made


def add(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as opened:
        opened.write("\n" + text)


def rules(city: City) -> dict[str, dict[str, object]]:
    return {str(rule["code"]): rule for rule in city.rules}


def test_a_city_has_what_a_scenario_brings_besides_its_own(folder: Path) -> None:
    assert pack.check(folder, judge=judge) == []
    city, before = pack.load(folder), pack.load(pack.locate(folder))
    level = next(one.name for one in city.profile.levels if one.number == 3)
    kind = city.kinds["well"]
    assert kind.category == "wells" and city.categories["wells"]["zh"]
    assert kind.department == ("water" if "liyang:event:silent" in city.matters else "water-board")
    assert rules(city)["well.low"]["severity"] == level
    matter = city.matters[DRY]
    assert matter.default is not None and matter.default.limit.value == 6
    assert city.editions["well-water"].name["en"] == "Well water"
    (root,) = (one.code for one in city.divisions.values() if not one.parent)
    duty = city.owner_of(DRY, root)
    assert duty is not None and duty.department == kind.department
    told = city.respond(level, DRY, root, 1_790_000_000_000_000)
    assert told.plan == "dry-well" and told.lead == kind.department
    assert city.plan_for(level, "other") is not None, "the pack's own plans hold besides"
    assert city.duties.missing == {"digging": (DRY,)}, "nobody digs here, and it is told"
    assert "well_falls" in {one.code for one in city.seeding.incidents}
    (falls,) = (one for one in city.seeding.incidents if one.code == "well_falls")
    assert falls.told[0].channel == max(city.seeding.channels, key=city.seeding.channels.get)
    assert city.truth is not None and "well_falls" in {one.code for one in city.truth.story}
    assert set(before.kinds) == set(city.kinds)


def test_its_page_finds_what_it_brought(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = sys.modules["tianmu.scenarios"]
    monkeypatch.setattr(package, "__path__", [*package.__path__])
    for name in [one for one in sys.modules if one.startswith("tianmu.scenarios.well_water")]:
        monkeypatch.delitem(sys.modules, name)
    city = pack.load(folder)
    found = find(folder)
    assert not found.broken and "well-water" not in find().scenarios
    scenario = found.scenarios["well-water"]
    here = fit(scenario.manifest, city)
    assert here.lacks == () and here.kinds == ("well",) and here.matters == (DRY,)
    assert [party.code for post in here.posts for party in post.parties]
    assert scenario.model("low") is not None


def test_a_matter_of_the_pack_with_the_same_code_is_taken(folder: Path) -> None:
    city = pack.load(folder)
    own = {
        matter.code: key for key, matter in city.matters.items() if matter.edition != "well-water"
    }
    if "silent" in own:
        assert SILENT not in city.matters and rules(city)["well.silent"]["matter"] == own["silent"]
        assert own["silent"] in city.matters[DRY].related
        assert city.owner_of(own["silent"]) is not None
    else:
        assert rules(city)["well.silent"]["matter"] == "ellery-311:service:X01", (
            "which stands for it"
        )
        assert city.scenario_matters["well-water"] == {DRY: DRY, SILENT: "ellery-311:service:X01"}
        path = folder / "matters.csv"
        path.write_text(path.read_text("utf-8").replace("silent|camera_down", ""), "utf-8")
        city = pack.load(folder)
        assert rules(city)["well.silent"]["matter"] == SILENT
        duty = city.owner_of(SILENT)
        assert duty is not None and duty.department == "digital"


def test_what_the_pack_says_of_the_same_code_counts(folder: Path) -> None:
    spoken = pack.load(folder).languages
    name = "{ " + ", ".join(f'{one} = "Deep well"' for one in spoken) + " }"
    add(
        folder / "kinds.toml",
        f'[[kind]]\ncode = "well"\nname = {name}\n[[kind.rule]]\n'
        f'code = "well.low"\nname = {name}\ntype = "threshold"\nproperty = "level"\n'
        'direction = "low"\nlimit = 2.5\npriority = 1\n',
    )
    add(folder / "filing_standards.csv", f"{DRY},1,3,urgent_hour,,\n".replace(
        ",,", "," * (1 + len(spoken)), 1))  # fmt: skip
    add(folder / "duties.csv", f"{DRY},,centre:1,,ours\n")
    plans = (folder / "plans.toml").read_text("utf-8")
    level = next(one.name for one in pack.load(folder).profile.levels if one.number == 3)
    (folder / "plans.toml").write_text(
        plans + f'\n[[plan]]\ncode = "dry-well"\nname = {name}\nlevel = "{level}"\n'
        f'matters = ["{DRY}"]\n', "utf-8",
    )  # fmt: skip
    assert pack.check(folder, judge=judge) == []
    city = pack.load(folder)
    kind = city.kinds["well"]
    assert (
        kind.name[spoken[0]] == "Deep well"
        and kind.heartbeat_s == 7200
        and list(kind.properties) == ["level"]
    )
    assert rules(city)["well.low"]["limit"] == 2.5
    assert "well.silent" in rules(city), "of what the pack does not say, the scenario's holds"
    assert city.matters[DRY].default is not None and city.matters[DRY].default.limit.value == 3
    duty = city.owner_of(DRY)
    assert duty is not None and duty.basis == "ours"
    plan = city.plan_for(level, DRY)
    assert plan is not None and plan.orders == () and not plan.scenario


@pytest.mark.parametrize(
    ("file", "old", "new", "what", "remedy"),
    [
        ("kinds.toml", "remit:water", "water", "is no department", "say remit:"),
        ("kinds.toml", "severity = 3", 'severity = "III"', "no scenario knows", "its number"),
        ("kinds.toml", ', en = "Well" }', " }", "is not said in en", "add en"),
        ("kinds.toml", 'property = "level"', 'property = "depth"', "no property", "level"),
        ("kinds.toml", "event:dry_well", "event:wet_well", "is no matter", "matters.csv"),
        ("kinds.toml", 'category = "wells"', 'category = "holes"', "no category", "[category]"),
        ("kinds.toml", '"well.low"', '"well.low"\nlimits = 1', "rule well.low", ""),
        ("kinds.toml", "severity = 3", "severity = [3]", "is no level", "one of"),
        ("kinds.toml", '"well-water:event:silent"', "[3]", "is no matter", "matters.csv"),
        ("kinds.toml", 'code = "well.silent"', "code = 5", "has no code", "of its own"),
        ("kinds.toml", 'wells = { zh = "水井", en = "Wells" }', "wells = 3", "Expected", "type"),
        ("plans.toml", "level = 3", "level = true", "no scenario knows", "its number"),
        ("matters.csv", "well-water,event,dry", "mine,event,dry", "edition of its own", "well-w"),
        ("matters.csv", ",Well runs dry,", ",,", "no name", "both"),
        ("filing_standards.csv", "dry_well", "wet_well", "which is no matter", "matters.csv"),
        ("relations.csv", "dry_well", "wet_well", "is no matter", "matters.csv"),
        ("duties.csv", "dry_well,remit:water", "dry_well,water", "no department", "remit:"),
        ("duties.csv", "well-water:event:dry_well", "*", "no matter of the scenario", "well-w"),
        ("plans.toml", 'to = "lead"', 'to = "water"', "is nobody", "remit:"),
        ("plans.toml", '["well-water:event:dry_well"]', '["*"]', "no matter of the sc", "well-w"),
        ("plans.toml", "level = 3", "level = 9", "no scenario knows", "its number"),
        ("seeding.toml", 'property = "level"', 'property = "depth"', "no well/depth", "kinds"),
        ("reports.toml", "{place} is", "{hole} is", "has no words", "hole"),
        ("truth.toml", 'kind = "well"', 'kind = "hole"', "is no kind", "kinds.toml"),
    ],
)  # fmt: skip
def test_each_fault_is_named_with_its_place(
    tmp_path: Path, file: str, old: str, new: str, what: str, remedy: str
) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(pack.locate("port_ellery"), folder)
    shutil.copytree(WELLS, folder / brought.OWN / "well_water")
    path = folder / brought.OWN / "well_water" / file
    text = path.read_text("utf-8")
    assert old in text
    line = text[: text.index(old)].count("\n") + 1
    path.write_text(text.replace(old, new, 1), "utf-8")
    faults = pack.check(folder, judge=judge)
    mine = [one for one in faults if what in one.what]
    assert mine, "\n".join(map(str, faults))
    assert {one.file for one in mine} == {f"scenarios/well_water/{file}"}
    assert any(remedy in one.remedy for one in mine)
    assert any(abs(one.line - line) <= 1 for one in mine), (line, mine)
    if what != "rule well.low":  # the rule engine judges a whole pack, not what is loaded
        with pytest.raises(PackFaulty, match="scenarios/well_water"):
            pack.load(folder)


def test_two_scenarios_that_say_one_thing_otherwise_clash(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(pack.locate("port_ellery"), folder)
    shutil.copytree(WELLS, folder / brought.OWN / "well_water")
    other = folder / brought.OWN / "springs"
    other.mkdir()
    (other / "scenario.toml").write_text("", "utf-8")
    kinds = (WELLS / "kinds.toml").read_text("utf-8")
    mine = kinds.replace("well-water:event:", "springs:event:")
    matters = (WELLS / "matters.csv").read_text("utf-8").replace("well-water", "springs")
    (other / "matters.csv").write_text(matters, "utf-8")
    (other / "duties.csv").write_text(
        "matter,lead\nsprings:event:dry_well,remit:water\nsprings:event:silent,centre:1\n", "utf-8"
    )
    (other / "kinds.toml").write_text(kinds.partition("[[kind.rule]]")[0], "utf-8")
    assert pack.check(folder) == [], "what both say alike is one kind"
    changed = mine.replace('unit = "m"', 'unit = "cm"').replace("水井", "井")
    (other / "kinds.toml").write_text(changed.replace("heartbeat_s = 7200", ""), "utf-8")
    (other / "plans.toml").write_text(
        '[[plan]]\ncode = "dry-well"\nname = { zh = "甲", en = "a" }\nlevel = 3\n'
        'matters = ["springs:event:dry_well"]\n', "utf-8",
    )  # fmt: skip
    faults = pack.check(folder)
    told = "\n".join(map(str, faults))
    assert all(one.file.startswith("scenarios/") and one.line for one in faults), told
    for words in ("kind well, name, is", "well.level is", "rule well.low is", "category wells is"):
        assert any(words in one.what and "scenario" in one.what for one in faults), (words, told)
    assert any("two plans are called dry-well" in one.what for one in faults)


def test_what_only_a_city_can_say_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(pack.locate("port_ellery"), folder)
    shutil.copytree(WELLS, folder / brought.OWN / "well_water")
    shutil.copy(folder / "units.csv", folder / brought.OWN / "well_water")
    (fault,) = pack.check(folder)
    assert fault.file == "scenarios/well_water/units.csv" and "kinds.toml" in fault.remedy


def test_a_name_that_is_taken_is_told(tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    shutil.copytree(pack.locate("port_ellery"), folder)
    (folder / brought.OWN / "forest_fire").mkdir(parents=True)
    (folder / brought.OWN / "forest_fire" / "scenario.toml").write_text("", "utf-8")
    (fault,) = pack.check(folder)
    assert "already" in fault.what and fault.remedy == "rename the folder"


def test_the_digest_changes_with_what_is_brought(folder: Path) -> None:
    before = pack.load(folder).digest
    add(folder / brought.OWN / "well_water" / "kinds.toml", "# otherwise\n")
    assert pack.load(folder).digest != before


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_damage_to_what_is_brought_crashes_the_reader(
    tmp_path: Path, data: st.DataObject
) -> None:
    folder = tmp_path / "damaged"
    if not folder.exists():
        shutil.copytree(pack.locate("port_ellery"), folder)
    own = folder / brought.OWN / "well_water"
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(WELLS, own)
    path = own / data.draw(
        st.sampled_from(sorted({*brought.FILES} & {f.name for f in own.iterdir()}))
    )
    damage(path, data, {"{": "[", '"': "", "=": "= 3 #"})
    with contextlib.suppress(PackFaulty):
        pack.load(folder)
    assert all(one.remedy for one in pack.check(folder, judge=judge))
