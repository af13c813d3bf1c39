"""From frames to readings: addresses, times, quality, test mode, resets."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tianmu.facts.batch import GOOD, MAINTENANCE, TEST, UNCERTAIN
from tianmu.sense.contract import Readings
from tianmu.sense.gbt26875.body import write_objects
from tianmu.sense.gbt26875.codec import build, parse
from tianmu.sense.gbt26875.readings import Panel, Told, tell
from tianmu.sense.gbt26875.settings import DEFAULT, Settings, read_settings
from tianmu.sense.gbt26875.tables import ANALOGS

ZONE = ZoneInfo("Asia/Shanghai")
NOW = int(datetime(2026, 11, 23, 1, 0, 0, tzinfo=UTC).timestamp()) * 1_000_000
LOCAL = "2026-11-23T09:00:00"
PANEL = "gbt26875/320481000001"


def hear(
    panel: Panel,
    type_flag: int,
    *objects: dict[str, Any],
    settings: Settings = DEFAULT,
    now: int = NOW,
    maintenance: Callable[[str], bool] = lambda address: False,
) -> Readings:
    data = bytes((type_flag, len(objects))) + write_objects(type_flag, list(objects))
    frame = parse(
        build(serial=7, source=panel.address[9:], destination="0" * 12, command=2, data=data)
    )
    assert frame.fault is None
    told = Told(panel, ZONE, settings, now)
    tell(frame, told)
    return told.readings(maintenance)


def component(state: list[str], time: str | None = LOCAL, number: int = 25) -> dict[str, Any]:
    return {
        "system_type": 1, "system_address": 2, "component_type": 40,
        "component_address": number, "state": state, "description": "三楼走廊", "time": time,
    }  # fmt: skip


@pytest.fixture
def panel() -> Panel:
    return Panel(PANEL)


def test_a_fire_is_a_fire_though_bit_0_is_clear(panel: Panel) -> None:
    readings = hear(panel, 2, component(["fire"]))
    assert list(readings.address) == [f"{PANEL}/1-2-40-25"]
    assert list(readings.property) == ["state"]
    assert readings.value.tolist() == [2.0]
    assert readings.time.tolist() == [NOW]
    assert readings.quality is not None
    assert readings.quality.tolist() == [GOOD]
    assert readings.side[0] == {
        "state": ["fire"], "component_type": 40, "description": "三楼走廊"
    }  # fmt: skip
    offer = readings.candidates[f"{PANEL}/1-2-40-25"]
    assert (offer.kind, offer.name) == ("fire_component", "三楼走廊")
    assert readings.candidates[f"{PANEL}/1-2"].kind == "fire_system"
    assert readings.candidates[PANEL].kind == "fire_transmission_unit"


@pytest.mark.parametrize(
    "time", [None, "2000-01-01T00:00:00", "2026-11-23T09:06:00", "2255-01-01T00:00:00"]
)
def test_a_time_that_cannot_be_is_replaced_and_kept(panel: Panel, time: str | None) -> None:
    readings = hear(panel, 2, component(["fire"], time))
    assert readings.time.tolist() == [NOW]
    assert readings.quality is not None
    assert readings.quality.tolist() == [UNCERTAIN]
    assert readings.side[0]["told_time"] == (time or "000000000000")


def test_what_comes_later_is_never_older(panel: Panel) -> None:
    """Nor where the panel's clock was ahead and is set back, nor where it connects again and its
    serials begin anew: what looks older than what is known would not be judged."""
    ahead = hear(panel, 2, component(["normal"], "2026-11-23T09:03:20"), now=NOW + 300_000)
    right = hear(panel, 2, component(["fire"], LOCAL), now=NOW + 500_000)
    again = hear(Panel(PANEL), 2, component(["normal"], None), now=NOW + 900_000)
    told = [(r.time[0], r.sequence[0]) for r in (ahead, right, again) if r.sequence is not None]
    assert told == sorted(set(told)) and {time for time, _ in told} == {NOW}
    assert ahead.side[0]["told_time"] == "2026-11-23T09:03:20" and _quality(ahead) == [GOOD]
    assert "told_time" not in right.side[0]


def test_a_late_report_keeps_its_time(panel: Panel) -> None:
    readings = hear(panel, 2, component(["fire"], "2026-11-22T21:30:00"))
    assert readings.time.tolist() == [NOW - round(11.5 * 3600e6)]


@pytest.mark.parametrize("code", sorted(ANALOGS))
def test_analog_values_are_physical(panel: Panel, code: int) -> None:
    place = {key: value for key, value in component([]).items() if key not in ("state",)}
    analog = ANALOGS[code]
    value = -123 / 10**analog.digits
    readings = hear(panel, 3, place | {"analog_type": code, "value": value})
    assert list(readings.property) == [analog.property]
    assert readings.value.tolist() == [pytest.approx(value)]


def test_two_objects_of_one_component_are_told_apart(panel: Panel) -> None:
    readings = hear(panel, 2, component(["fire"]), component(["normal"]))
    assert readings.sequence is not None
    assert len(set(readings.sequence.tolist())) == 2


def test_an_operation_with_the_test_bit_starts_test_mode(panel: Panel) -> None:
    test = {"operations": ["test"], "operator": 3, "time": LOCAL}
    first = hear(panel, 24, test)
    assert first.value.tolist() == [64.0]
    assert first.side[0]["operator"] == 3
    assert _quality(first) == [TEST]
    assert _quality(hear(panel, 2, component(["fire"]))) == [TEST]
    assert _quality(hear(panel, 24, test | {"operations": ["reset"]})) == [GOOD]
    assert _quality(hear(panel, 2, component(["fire"]))) == [GOOD]


def test_test_mode_of_a_system_is_its_own(panel: Panel) -> None:
    test = {"system_type": 1, "system_address": 2, "operations": ["test"], "time": LOCAL}
    hear(panel, 4, test | {"operator": 0})
    assert _quality(hear(panel, 2, component(["fire"]))) == [TEST]
    other = component(["fire"]) | {"system_address": 3}
    assert _quality(hear(panel, 2, other)) == [GOOD]


def test_a_state_that_says_test_and_nothing_else(panel: Panel) -> None:
    hear(panel, 21, {"state_bits": 0, "time": LOCAL})
    assert _quality(hear(panel, 2, component(["fire"]))) == [TEST]
    hear(panel, 21, {"state": ["normal"], "time": LOCAL})
    assert _quality(hear(panel, 2, component(["fire"]))) == [GOOD]


def test_a_unit_on_fire_with_bit_0_clear_is_not_in_test(panel: Panel) -> None:
    assert _quality(hear(panel, 21, {"state_bits": 2, "time": LOCAL})) == [GOOD]
    assert _quality(hear(panel, 2, component(["fire"]))) == [GOOD]


def test_panels_that_leave_bit_0_clear_can_be_told_apart(panel: Panel) -> None:
    careful = Settings(test_mode="operation")
    hear(panel, 21, {"state_bits": 0, "time": LOCAL}, settings=careful)
    assert _quality(hear(panel, 2, component(["fire"]), settings=careful)) == [GOOD]


def test_a_forgotten_test_ends(panel: Panel) -> None:
    hear(panel, 24, {"operations": ["test"], "operator": 1, "time": LOCAL})
    later = NOW + round((DEFAULT.test_minutes + 1) * 60e6)
    fire = component(["fire"], "2026-11-23T10:01:00")
    assert _quality(hear(panel, 2, fire, now=later)) == [GOOD]


def test_maintenance_goes_before_everything(panel: Panel) -> None:
    hear(panel, 24, {"operations": ["test"], "operator": 1, "time": LOCAL})
    for window in (PANEL, f"{PANEL}/1-2-40-25"):
        readings = hear(
            panel, 2, component(["fire"]), maintenance=lambda address, w=window: address == w
        )
        assert _quality(readings) == [MAINTENANCE]


def test_a_reset_returns_what_was_not_normal(panel: Panel) -> None:
    hear(panel, 2, component(["fire"]), component(["fault"], number=26))
    hear(panel, 2, component(["normal"], number=26))
    reset = {"system_type": 1, "system_address": 2, "operations": ["reset"], "operator": 1}
    readings = hear(panel, 4, reset | {"time": LOCAL})
    assert list(zip(readings.address, readings.property, readings.value, strict=True)) == [
        (f"{PANEL}/1-2", "operation", 1.0),
        (f"{PANEL}/1-2-40-25", "state", 1.0),
    ]
    assert readings.side[1]["inferred"] == "reset"
    assert len(hear(panel, 4, reset | {"time": LOCAL}).address) == 1


def test_versions_configurations_and_clocks(panel: Panel) -> None:
    readings = hear(panel, 25, {"major": 2, "minor": 5})
    assert list(readings.property) == ["version"]
    assert math.isnan(readings.value[0])
    assert readings.side[0] == {"major": 2, "minor": 5}
    place = {"system_type": 1, "system_address": 2}
    readings = hear(panel, 6, place | {"description": "一期"})
    assert (readings.address[0], readings.property[0]) == (f"{PANEL}/1-2", "configuration")
    readings = hear(panel, 28, {"time": "2026-11-23T09:02:30"})
    assert (readings.property[0], readings.value[0]) == ("clock", 150.0)


def test_settings_that_are_wrong_are_said_and_do_not_stop_anything() -> None:
    settings, wrong = read_settings({"test_minutes": "soon"})
    assert settings == DEFAULT
    assert "test_minutes" in wrong
    assert read_settings({"test_minutes": 5, "other": 1}) == (Settings(test_minutes=5.0), "")


def _quality(readings: Readings) -> list[int]:
    assert readings.quality is not None
    return readings.quality.tolist()
