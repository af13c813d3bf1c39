"""The danger of now over a city: stations reckoned through their days, squares, outlook, wind."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tianmu.city import pack
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.scenarios.forest_fire import present as fire
from tianmu.scenarios.forest_fire import replay
from tianmu.scenarios.forest_fire.grid import between, squares
from tianmu.scenarios.forest_fire.model import run_danger, run_fwi
from tianmu.scenarios.forest_fire.spread import ellipse, length_to_breadth
from tianmu.scenarios.forest_fire.weather import days_of
from tianmu.scenarios.present import Present
from tianmu.scenarios.warned import Warned
from tianmu.scenarios.world import HOUR, Devices, OpenAlarm

CITY = pack.load("liyang")
NOW = CITY.calendar.instant(date(2026, 4, 10), 15 * 60 + 20)
WEST, SOUTH, EAST, NORTH = CITY.bbox
PLACES = [(WEST + 0.2 * (EAST - WEST), SOUTH + 0.5 * (NORTH - SOUTH)),
          (WEST + 0.8 * (EAST - WEST), SOUTH + 0.5 * (NORTH - SOUTH))]  # fmt: skip


SCORES = 1_000
"""datastreams of cameras, from here on"""


@dataclass
class Town:
    """A city of two stations and one gauge, whose weather is a function of the hour."""

    folder: Path
    dry: float = 1.0
    """of the second station: 1 as dry as the first"""
    rain_day: int = -1
    """days ago on which 12 mm fell in the hour before noon"""
    known_days: int = 60
    gauge: bool = True
    smoke: tuple[OpenAlarm, ...] = ()
    scores: tuple[float, ...] = ()
    """of each camera"""
    city: Any = field(default=CITY)
    now: int = NOW
    warnings: tuple[Warned, ...] = ()

    def devices(self, kind: str, most: int) -> Devices:
        if kind == "forest_camera":
            lon, lat = np.array([PLACES[0]] * len(self.scores)).reshape(-1, 2).T
            return Devices(np.arange(len(self.scores)), lon, lat, ("seeded",), 0)
        places = PLACES if kind == "weather_station" else PLACES[:1] if self.gauge else []
        lon, lat = np.array(places).reshape(-1, 2).T
        return Devices(np.arange(len(places)), lon, lat, ("seeded",), 0)

    def streams(self, devices: Devices, property: str) -> Any:
        if property == "smoke_score":
            return np.arange(len(devices)) + SCORES
        names = ["temperature", "humidity", "wind_speed", "wind_direction", "rain_1h"]
        return np.array([names.index(property) * 10 + row for row in range(len(devices))])

    def hourly(self, streams: Any, start: int, hours: int) -> Any:
        at = start + np.arange(hours) * HOUR
        local = (at // HOUR + 8) % 24
        days_ago = ((self.now + 8 * HOUR) // (24 * HOUR)) - ((at + 8 * HOUR) // (24 * HOUR))
        found = []
        for stream in np.asarray(streams).tolist():
            warm = np.cos((local - 14) / 24 * 2 * np.pi)
            part = self.dry if stream % 10 else 1.0
            found.append(
                {
                    0: 16 + 8 * warm,
                    1: np.clip(60 - 30 * warm * part + 40 * (1 - part), 5, 100),
                    2: np.full(hours, 4.0),
                    3: np.full(hours, 180.0),
                    4: np.where((days_ago == self.rain_day) & (local == 11), 12.0, 0.0),
                }[stream // 10]
            )
        made = np.array(found, dtype=float).reshape(len(streams), hours)
        made[:, days_ago >= self.known_days] = np.nan
        return made

    def newest(self, streams: Any, within: int) -> Any:
        if len(streams) and int(streams[0]) >= SCORES:
            return np.array(self.scores)
        return self.hourly(streams, self.now // HOUR * HOUR, 1)[:, 0]

    def warned(self, event: str) -> tuple[Warned, ...]:
        return tuple(one for one in self.warnings if one.event == event)

    @property
    def registry(self) -> Any:
        return self

    def device(self, index: int) -> Device:
        return Device(
            device=f"fc-{index}", name=f"Hill {index}", kind="forest_camera",
            properties=("smoke_score",), place=Place(division=CITY.code), department="emergency",
        )  # fmt: skip

    def alarms(self) -> tuple[OpenAlarm, ...]:
        return self.smoke


def danger(town: Any) -> Present:
    return fire.present(town)


def warning(colour: str, hours: float = 30, event: str = "forest_fire_danger") -> Warned:
    return Warned(
        event, colour, {"zh": colour, "en": colour}, {"zh": "市气象台", "en": "Weather bureau"},
        NOW + round(hours * HOUR), (CITY.code,),
    )  # fmt: skip


def test_the_higher_of_weather_and_warning_counts_and_it_is_said_which(tmp_path: Path) -> None:
    by_weather = danger(Town(tmp_path, rain_day=1))
    assert by_weather.degree < 4
    warned = danger(
        Town(tmp_path, rain_day=1, warnings=(warning("yellow"), warning("orange"), warning("blue")))
    )
    assert warned.degree == 4 and warned.shapes == by_weather.shapes
    said = warned.why[0]
    assert "warning in force decides: orange, of Weather bureau (Liyang" in said["en"]
    assert f"degree 4, above the {by_weather.degree} by weather" in said["en"]
    assert "市气象台orange预警" in said["zh"] and "04-11 21:20" in said["zh"]
    assert warned.why[1:] == by_weather.why
    assert [one.degree for one in warned.ahead] == [
        max(4, by_weather.ahead[0].degree), *(one.degree for one in by_weather.ahead[1:]),
    ]  # fmt: skip


def test_a_warning_below_the_weather_or_of_something_else_changes_nothing(tmp_path: Path) -> None:
    dry = danger(Town(tmp_path))
    below = danger(Town(tmp_path, warnings=(warning("blue"),)))
    assert below.degree == dry.degree > 2 and "The weather decides" in below.why[0]["en"]
    gale = danger(Town(tmp_path, warnings=(warning("red", event="gale"),)))
    assert (gale.degree, gale.why) == (dry.degree, dry.why)
    deaf = replace(CITY, weights={"forest-fire": {"warned.red": 0.0}})
    assert danger(Town(tmp_path, city=deaf, warnings=(warning("red"),))).why == dry.why


def test_a_warning_alone_counts_where_there_is_no_weather(tmp_path: Path) -> None:
    found = danger(Town(tmp_path, known_days=0, warnings=(warning("red"),)))
    assert found.degree == 5 and "nothing can be reckoned by weather" in found.why[0]["en"]


def test_sixty_dry_days_are_graver_than_one_after_rain(tmp_path: Path) -> None:
    dry = danger(Town(tmp_path))
    wet = danger(Town(tmp_path, rain_day=1))
    assert dry.degree > wet.degree >= 1
    figures = {f.name["en"]: f.value for f in dry.figures}
    assert figures["Temperature"] == pytest.approx(16 + 8 * math.cos(-2 / 24 * 2 * math.pi), 0.01)
    assert figures["Wind"] == pytest.approx(4.0) and figures["Stations reckoned with"] == 2
    assert dry.origins == ("seeded",)
    rain = {f.name["en"]: f.value for f in danger(Town(tmp_path, rain_day=0)).figures}
    assert rain["Rain in 24 h"] == pytest.approx(12)


def test_an_index_that_is_one_everywhere_is_said_once() -> None:
    said = fire._why(np.array([23.6, 24.4]), 1)
    assert said["en"] == "The index is 24 everywhere; 100% of the city has this degree or more"
    assert said["zh"].startswith("全市火险指数均为 24，")
    assert "between 24 and 26" in fire._why(np.array([24.0, 26.0]), 1)["en"]


def test_squares_cover_the_city_and_lie_between_its_stations(tmp_path: Path) -> None:
    made = danger(Town(tmp_path, dry=0.2))
    cells = [one for one in made.shapes if one.kind == "cell"]
    outline = CITY.places.outline
    assert len(cells) > 300
    side = squares(outline, 2.0, CITY.terrain)
    assert side.side_km == 2.0 and len(side.rings) == len(cells)
    west = [c.value for c in cells if c.ring[0][0] < PLACES[0][0]]
    east = [c.value for c in cells if c.ring[0][0] > PLACES[1][0]]
    assert np.mean(west) > np.mean(east), "the east is damper"
    assert all(1 <= c.degree <= 5 for c in cells)


def test_a_square_at_a_station_has_its_value() -> None:
    grid = squares(CITY.places.outline, 2.0, CITY.terrain)
    lon, lat = grid.longitude[[10, 200]], grid.latitude[[10, 200]]
    values = between(lon, lat, np.array([20.0, 80.0]), grid)
    assert values[10] == pytest.approx(20, abs=0.1) and values[200] == pytest.approx(80, abs=0.1)
    assert values.min() >= 20 and values.max() <= 80
    none = between(lon, lat, np.array([np.nan, np.nan]), grid)
    assert np.isnan(none).all()


def test_without_a_forecast_it_is_persistence_and_says_so(tmp_path: Path) -> None:
    made = danger(Town(tmp_path))
    assert [(one.hours, one.persistence) for one in made.ahead] == [
        (24, True), (48, True), (72, True),
    ]  # fmt: skip
    assert "persistence" in made.ahead_why[0]["en"]
    rises = max(one.degree for one in made.ahead) > made.degree
    assert [why["en"][:24] for why in made.ahead_why[1:]] == ["The same weather makes f"] * rises


def test_a_degree_that_rises_by_the_same_weather_is_explained(tmp_path: Path) -> None:
    """A first dry day: by the days that follow the dryness alone carries it over a cut-off."""
    made = danger(Town(tmp_path, known_days=1))
    assert made.ahead[-1].degree > made.degree
    told = made.ahead_why[1]["en"]
    assert "each further dry day adds 5 points to the index (now 5, at most 50)" in told


def test_a_forecast_of_rain_calms_it_until_it_ends(tmp_path: Path) -> None:
    (tmp_path / "forecast.csv").write_text(
        "date,tmax,rhmin,prec,wind\n2026-04-11,12,90,20,1\n2026-04-12,28,20,0,9\n"
        "2026-04-09,1,1,1,1\n"
    )
    made = danger(Town(tmp_path))
    first, second, third = made.ahead
    assert not first.persistence and not second.persistence and third.persistence
    assert first.degree == 1 < second.degree
    assert made.degree > first.degree


def test_a_forecast_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "forecast.csv").write_text("date,tmax,rhmin,prec,wind\n2026-04-11,x,90,20,1\n")
    made = danger(Town(tmp_path))
    assert all(one.persistence for one in made.ahead)
    assert any("row 1, column tmax: 'x' is no number" in note["en"] for note in made.notes)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    young = danger(Town(tmp_path, known_days=1, gauge=False))
    said = " ".join(note["en"] for note in young.notes)
    assert "from 1 day of measurements" in said and "no rain gauge" in said
    nothing = danger(Town(tmp_path, known_days=0))
    assert nothing.degree == 0 and "nothing can be reckoned" in nothing.why[0]["en"]


def test_before_noon_the_latest_values_stand_for_it(tmp_path: Path) -> None:
    town = Town(tmp_path, now=NOW - 6 * HOUR)
    days = days_of(town, fire.WEATHER)
    assert days.no_noon and not days_of(Town(tmp_path), fire.WEATHER).no_noon
    assert len(days.dates) == 60 and days.temp.shape == (2, 60)


def test_smoke_is_carried_with_the_wind(tmp_path: Path) -> None:
    lon, lat = PLACES[0]
    smoke = OpenAlarm("forest_camera.smoke", "fc-1", lon, lat, NOW)
    maybe = OpenAlarm("forest_camera.maybe", "fc-1", lon, lat, NOW)
    made = danger(Town(tmp_path, smoke=(smoke, maybe)))
    [shape] = [s for s in made.shapes if s.kind == "spread"]
    north = [y for _, y in shape.ring]
    assert max(north) - lat == pytest.approx(1000 / 111_195, rel=0.01), "1 km to the north"
    assert lat - min(north) < 0.2 * (max(north) - lat), "wind from the south"
    assert shape.label is not None and "fc-1" in shape.label["en"]


def test_what_cameras_take_for_smoke_is_shown_before_it_is_an_alarm(tmp_path: Path) -> None:
    lon, lat = PLACES[0]
    alarm = OpenAlarm("forest_camera.smoke", "fc-1", lon, lat, NOW, "a1")
    lower = OpenAlarm("forest_camera.maybe", "fc-4", lon, lat, NOW, "a4")
    town = Town(tmp_path, scores=(0.97, 0.85, 0.2, math.nan, 0.6, 0.55), smoke=(alarm, lower))
    [seen] = danger(town).tables
    assert [one.cells[0]["en"] for one in seen.lines] == ["Hill 0", "Hill 1", "Hill 4", "Hill 5"]
    assert [one.cells[1]["en"] for one in seen.lines] == ["0.97", "0.85", "0.60", "0.55"]
    assert [one.alarm for one in seen.lines] == ["", "a1", "a4", ""]
    said = [one.cells[2]["en"] for one in seen.lines]
    assert said[0] == (
        "no alarm yet: it is one once the score has stood at 0.8 or more for 2 min "
        "(Suspected smoke in woodland, by the pack's rule)"
    )
    assert said[1:3] == ["alarm: Suspected smoke in woodland", "alarm: Something like smoke"]
    assert said[3].startswith("no alarm yet: it is one once the score has stood at 0.5 or more for")
    assert {(one.division, one.department) for one in seen.lines} == {(CITY.code, "emergency")}
    [none] = danger(Town(tmp_path, scores=(0.2, math.nan))).tables
    assert not none.lines and none.none["en"] == "No camera's smoke score is 0.5 or more"
    assert danger(Town(tmp_path)).tables == ()


def test_a_camera_whose_lower_alarm_stands_waits_for_the_graver_one(tmp_path: Path) -> None:
    lower = OpenAlarm("forest_camera.maybe", "fc-0", *PLACES[0], NOW, "a0")
    [seen] = danger(Town(tmp_path, scores=(0.9,), smoke=(lower,))).tables
    [line] = seen.lines
    assert line.alarm == "a0" and "stood at 0.8 or more for 2 min" in line.cells[2]["en"]


def test_the_ellipse_of_st_x_3() -> None:
    """Equation 79: round in calm, long in wind; the point of origin is its rear focus."""
    assert length_to_breadth(0) == 1
    assert length_to_breadth(20) == pytest.approx(1 + 8.729 * (1 - math.exp(-0.6)) ** 2.155)
    calm = np.array(ellipse(119.4, 31.4, 0, 0, 500))
    scale = np.array([111_195 * math.cos(math.radians(31.4)), 111_195])
    away = np.hypot(*((calm - [119.4, 31.4]) * scale).T)
    assert away == pytest.approx(np.full(len(calm), 500), rel=0.01)
    west = np.array(ellipse(119.4, 31.4, 90, 30, 1000)) - [119.4, 31.4]
    assert -west[:, 0].min() > 5 * west[:, 0].max(), "wind from the east carries it west"


def test_the_citys_past_as_rows_of_its_models(tmp_path: Path) -> None:
    """A day of rain in the middle; the models run over it as they would over a file."""
    town = Town(tmp_path, rain_day=3, known_days=20)
    made = replay.rows(town, date(2026, 4, 4))
    days = made["date"].to_pylist()
    assert days[-1] == "2026-04-10" and len(days) == 20, "days without weather are left out"
    assert made["prec"].to_pylist()[-4:] == [12, 0, 0, 0]
    assert made["wind"].to_pylist()[0] == pytest.approx(4)
    grades = run_danger(made, {"dry": "0", "green": "0", "snow": "0"})["class"].to_pylist()
    assert grades[-4] < grades[-5]
    fwi = run_fwi(made, {"ffmc": "85", "dmc": "6", "dc": "15", "factor": "published"})
    assert fwi["fwi"].to_pylist()[-4] < fwi["fwi"].to_pylist()[-5]
