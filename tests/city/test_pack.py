"""The packs that ship, and what of a city is the pack's."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path

import pytest

from tianmu.city import DEFAULT_BASIS, pack
from tianmu.city.charter.bounds import Asking, Taking
from tianmu.city.city import City
from tianmu.city.people.department import DepartmentKind
from tianmu.prevent.rule import reading
from tianmu.prevent.rule.vocabulary import Vocabulary
from tianmu.sense.gbt26875.tables import ANALOGS
from tianmu.sense.hj212.tables import PERIODS

from .edit import replace

PACKS = ("liyang", "port_ellery")


@pytest.fixture(scope="module")
def liyang() -> City:
    return pack.load("liyang")


@pytest.mark.parametrize("name", PACKS)
def test_shipped_packs_have_no_fault(name: str) -> None:
    assert pack.check(name) == []


def test_each_file_of_a_pack_is_parsed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most of what loading costs is reading TOML."""
    parsed: list[str] = []
    loads = tomllib.loads
    monkeypatch.setattr(tomllib, "loads", lambda text: parsed.append(text) or loads(text))
    pack.load("liyang")
    assert len(parsed) > 10 and len(parsed) == len(set(parsed))


def test_divisions_of_liyang(liyang: City) -> None:
    kinds: dict[str, int] = {}
    for one in liyang.divisions.values():
        kinds[one.kind] = kinds.get(one.kind, 0) + 1
    assert kinds == {"city": 1, "street": 3, "town": 9, "community": 69, "village": 173}
    assert not any("监狱" in one.name["zh"] for one in liyang.divisions.values())
    points = [d for d in liyang.divisions.values() if d.tier > 1 and d.point is not None]
    assert len(points) == 48
    assert all(d.point is not None and d.point.precision for d in points)


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
def test_units_are_people_vehicles_drones_and_desks(name: str) -> None:
    city = pack.load(name)
    sorts = {city.sending.kinds[one.kind].sort for one in city.units.values()}
    assert sorts == {"person", "vehicle", "drone", "desk"}


@pytest.mark.parametrize("name", PACKS)
def test_what_may_do_harm_asks_for_units_of_whoever_leads(name: str) -> None:
    """A broken gas pipe is not sent a street patrol while gas crews wait."""
    city = pack.load(name)
    grave = [one for one in city.matters.values() if one.level is not None and one.level <= 4]
    able: dict[str, set[str]] = {}
    for unit in city.units.values():
        able.setdefault(unit.department, set()).update(city.sending.kinds[unit.kind].skills)
    lead = {one.key: city.owner_of(one.key, city.root.code).department for one in grave}
    led = [one.key for one in grave if lead[one.key] in able]
    assert len(led) >= 8
    wrong = [key for key in led if able[lead[key]].isdisjoint(city.sending.needed(key))]
    assert wrong == []


def test_departments_units_and_centres(liyang: City) -> None:
    of = [one.kind for one in liyang.departments.values()]
    assert of.count(DepartmentKind.DEPARTMENT) == 28
    assert of.count(DepartmentKind.UNIT) >= 10
    assert of.count(DepartmentKind.CENTRE) == 1 + 12 + 242
    village = liyang.departments["centre-320481001200"]
    assert village.parent == "centre-320481001000"
    assert "泓口村村委会" in village.name["zh"]


def test_matters_and_their_filing_standards(liyang: City) -> None:
    standard = [m for m in liyang.matters.values() if m.edition == "gbt30428.2-2013"]
    assert len(standard) == 164
    assert sum(len(m.standards) for m in standard) == 326
    assert all(s.basis for m in standard for s in m.standards)
    building = liyang.matters["gbt30428.2-2013:event:0101"]
    assert building.default is not None
    assert (building.default.limit.value, building.default.limit.unit) == (2, "urgent_day")
    cover = liyang.matters["gbt30428.2-2013:component:0103"]
    assert [(s.limit.value, s.limit.unit) for s in cover.standards] == [
        (2, "urgent_hour"), (4, "work_hour"), (2, "work_day"), (5, "work_day"),
    ]  # fmt: skip
    smoke = liyang.matters["liyang:event:smoke"]
    assert "liyang:event:fire_alarm" in smoke.related
    assert smoke.key in liyang.matters["liyang:event:fire_alarm"].related


def test_three_readings_of_five_levels_share_their_names(liyang: City) -> None:
    assert set(liyang.profiles) == {"severity", "hierarchy", "applications"}
    names = {tuple(level.name for level in p.levels) for p in liyang.profiles.values()}
    assert names == {("I", "II", "III", "IV", "V")}
    fourth = liyang.profile.level("IV")
    assert (fourth.accept.value, fourth.accept.unit) == (15, "minute")
    assert liyang.profile.level("I").close is None
    assert liyang.profile.numbered(0).name == "I" and liyang.profile.numbered(9).name == "V"


@pytest.mark.parametrize("reading", ["hierarchy", "applications"])
def test_each_reading_can_be_put_in_force(reading: str, tmp_path: Path) -> None:
    folder = tmp_path / "liyang"
    shutil.copytree(pack.locate("liyang"), folder)
    replace("city.toml", 'profile = "severity"', f'profile = "{reading}"')(folder)
    city = pack.load(folder)
    assert city.profile.name == reading
    assert city.respond("III", "liyang:event:fire_alarm", "320481103213", 1_795_399_200_000_000)


@pytest.mark.parametrize("name", PACKS)
def test_default_rules_are_rules_of_the_engine(name: str) -> None:
    city = pack.load(name)
    known = Vocabulary(
        properties={code: frozenset(kind.properties) for code, kind in city.kinds.items()},
        heartbeats={c: k.heartbeat_s for c, k in city.kinds.items() if k.heartbeat_s is not None},
        matters=frozenset(city.matters),
        severities=frozenset(level.name for level in city.profile.levels),
        divisions=frozenset(city.divisions),
    )
    assert len(reading.load(city.rules, known)) == len(city.rules)
    assert all(one["basis"] for one in city.rules)


def test_the_rule_engine_judges_with_the_line_of_the_rule(copy: Path) -> None:
    line = replace("kinds.toml", "deadband = 0.5", "deadband = -0.5")(copy)

    def judge(city: City) -> list[tuple[str, str, str]]:
        return [(f.rule, f"{f.field} {f.what}", f.remedy) for f in reading.read(city.rules)[1]]

    assert pack.check(copy) == []
    faults = pack.check(copy, judge=judge)
    assert [fault.file for fault in faults] == ["kinds.toml"]
    assert 0 < line - faults[0].line < 15 and "negative" in faults[0].what


def test_device_kinds_of_liyang(liyang: City) -> None:
    assert len(liyang.kinds) >= 22
    component = liyang.kinds["fire_component"]
    assert component.lane == "life"
    assert set(component.properties) >= {
        "state", "event_count", "height", "temperature", "pressure_mpa", "pressure_kpa", "gas_lel",
        "duration", "voltage", "current", "flow", "air_volume", "wind_speed",
    }  # fmt: skip
    assert {"w01001", "w01009", "w21003", "w21011"} <= set(
        liyang.kinds["surface_water_station"].properties
    )
    fire = next(r for r in component.rules if r["code"] == "fire_component.fire")
    assert fire["mask"] == 2 and fire["priority"] == 1 and fire["latching"]
    total = sum(k.per_thousand for k in liyang.kinds.values())
    seeded = {k.code: [p for p in k.properties.values() if p.model] for k in liyang.kinds.values()}
    streams = sum(k.per_thousand * len(seeded[k.code]) for k in liyang.kinds.values()) / total
    assert streams == pytest.approx(1.3, abs=0.1)


def test_kinds_have_every_property_that_the_wire_tells(liyang: City) -> None:
    """What a connector reads of a registered device has a datastream to go to."""
    unit, system, component = (
        set(liyang.kinds[k].properties)
        for k in ("fire_transmission_unit", "fire_system", "fire_component")
    )
    told = {"state", "operation", "clock", "version", "configuration"}
    assert unit == told | {"link", "duty_check"} and system == told
    assert component == {"state", "configuration"} | {a.property for a in ANALOGS.values()}
    stations = ("surface_water_station", "waste_water_outlet", "stack_emission", "air_station")
    for code in (*stations, "dust_meter", "noise_meter"):
        kind = liyang.kinds[code]
        assert {"link", "restart"} <= set(kind.properties)
        for one in [p for p in kind.properties.values() if "." not in p.code and not p.states]:
            for period in set(PERIODS.values()):
                again = kind.properties[f"{one.code}.{period}"]
                assert (again.unit, again.low, again.high) == (one.unit, one.low, one.high)
                assert again.name["zh"].startswith(one.name["zh"]) and again.model is None
        assert not any(p.startswith(("link.", "restart.")) for p in kind.properties)


def test_a_period_has_to_be_named(copy: Path) -> None:
    line = replace(
        "kinds.toml", "heartbeat_s = 1800\n", 'heartbeat_s = 1800\nperiods = ["week"]\n'
    )(copy)
    [fault] = pack.check(copy)
    assert fault.file == "kinds.toml" and "week" in fault.what and abs(fault.line - line) <= 2
    replace("kinds.toml", "[category]", '[period]\nweek = { en = "week" }\n\n[category]')(copy)
    assert pack.check(copy) == []
    kind = next(k for k in pack.load(copy).kinds.values() if k.periods)
    assert any(p.endswith(".week") for p in kind.properties)


@pytest.mark.parametrize("name", PACKS)
def test_seeded_values_do_not_alarm_by_themselves(name: str) -> None:
    """A usual value stays inside every threshold by five standard deviations."""
    for kind in pack.load(name).kinds.values():
        for one in kind.rules:
            if one["type"] != "threshold" or kind.code == "parking_sensor":
                continue
            model = kind.properties[one["property"]].model
            if model is None:
                continue
            reach = abs(model.daily) + 5 * (model.spread**2 + model.noise**2) ** 0.5
            top = one.get("high", one.get("limit"))
            low = one.get("low", one.get("limit"))
            if one["direction"] in ("high", "outside") and model.mean + reach >= top:
                step = kind.properties[one["property"]]
                assert step.high is not None and step.high < top, one["code"]
            if one["direction"] in ("low", "outside") and model.mean - reach <= low:
                floor = kind.properties[one["property"]].low
                assert floor is not None and floor > low, one["code"]


def test_what_is_not_verified_says_so(liyang: City) -> None:
    for level in liyang.profile.levels:
        assert level.basis == DEFAULT_BASIS
    assert all(plan.basis for plan in liyang.plans)
    assert all(one.basis for one in liyang.grading.rules)
    assert all(shift.person.basis for shift in liyang.shifts)
    assert all(shift.person.phone.startswith("100") for shift in liyang.shifts)


def test_reports_and_incidents(liyang: City) -> None:
    told = liyang.seeding.reports
    assert len({one.matter for one in told}) >= 20
    assert sum(len(one.texts["zh"]) for one in told) >= 60
    assert any(not one.truth for one in liyang.seeding.incidents)
    assert sum(liyang.seeding.weights.values()) == pytest.approx(1)
    assert liyang.seeding.plain()["incidents"][0]["signals"]


def test_a_pack_that_is_not_there_names_those_that_are() -> None:
    with pytest.raises(FileNotFoundError, match="liyang, port_ellery"):
        pack.load("atlantis")


def test_how_long_the_past_is_kept_is_the_packs(copy: Path) -> None:
    assert pack.load(copy).retention.minute_days == 365
    text = (copy / "city.toml").read_text(encoding="utf-8")
    table = text[text.index("[retention]") : text.index("[[tier]]")]
    (copy / "city.toml").write_text(text.replace(table, ""), encoding="utf-8")
    assert pack.load(copy).retention.minute_days == 730
    for name in PACKS:
        assert DEFAULT_BASIS in pack.load(name).retention.basis


def test_what_the_city_takes_on_at_once_is_the_packs(copy: Path) -> None:
    path = copy / "city.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("datastreams = 200", "datastreams = 7"), encoding="utf-8")
    assert pack.load(copy).asking.datastreams == 7
    left = text[: text.index("[asking]")] + text[text.index("[[tier]]") :]
    path.write_text(left, encoding="utf-8")
    assert pack.load(copy).taking == Taking() and pack.load(copy).asking == Asking()
    for name in PACKS:
        city = pack.load(name)
        assert DEFAULT_BASIS in city.asking.basis and DEFAULT_BASIS in city.taking.basis
    for good, bad, words in (
        ("light = 300_000", "light = 60_000_000", "light is 60000000, more than rows"),
        ("each = 3", "each = 9", "each is 9, more than all"),
        ("watch_s = 20.0", "watch_s = 0.0", "> 0.0"),
        ("small_kib = 256", "small_kib = 300_000", "a small message"),
        ("reserve = 0.25", "reserves = 0.25", "unknown field `reserves`"),
    ):
        wrong = text.replace(good, bad)
        path.write_text(wrong, encoding="utf-8")
        [fault] = [one for one in pack.check(copy) if words in one.what]
        assert fault.file == "city.toml"
        assert fault.line == wrong[: wrong.index(bad)].count("\n") + 1


def test_the_digest_changes_with_any_file(copy: Path) -> None:
    before = pack.load(copy).digest
    with (copy / "units.csv").open("a", encoding="utf-8") as file:
        file.write("\n")
    assert pack.load(copy).digest != before
