"""The models of forest-fire danger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple

import msgspec
import numpy as np
import pyarrow as pa

from tianmu.scenarios.contract import (
    BadInput,
    BadParameter,
    Column,
    Model,
    Parameter,
    progress,
    remark,
)
from tianmu.scenarios.forest_fire.danger import Danger, DryDays, Figures, next_danger
from tianmu.scenarios.forest_fire.fwi import (
    EXACT,
    PUBLISHED,
    Codes,
    Weather,
    fire_weather,
    initial_spread,
    next_day,
    severity,
)
from tianmu.scenarios.forest_fire.hourly import fine_fuel_hour
from tianmu.scenarios.forest_fire.season import Season
from tianmu.scenarios.forest_fire.series import STATION, series, whole
from tianmu.scenarios.forest_fire.winter import spring_drought
from tianmu.scenarios.reading import column, number_of, numbers
from tianmu.scenarios.settings import settings_of

FIGURES = msgspec.convert(settings_of(__file__)["danger"], Figures)
EVERY = 5_000
"""rows between two words of progress"""
POINTS = (
    ("a_temp", "temp"), ("b_humidity", "humidity"), ("c_dry", "dry"), ("d_wind", "wind"),
    ("e_cover", "season"), ("index", "index"),
)  # fmt: skip
"""columns of points, and what they are of a ``Danger``"""
FACTORS = {"published": PUBLISHED, "exact": EXACT}
FACTOR = Parameter(
    "factor",
    "between moisture and code of fine fuel: 147.2 as the reports print it, or 250·59.5/101",
    "published",
    tuple(FACTORS),
)
TEMP = Column("temp", "°C", "air temperature, of a day at local noon")
RH = Column("rh", "%", "relative humidity at the same time")
WS = Column("ws", "km/h", "wind speed at 10 m, at the same time")
PREC = Column("prec", "mm", "rain since the row before")


def run_fwi(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    """Day after day; the codes of a row begin with those of the station's row before."""
    latitude = numbers(table, "lat", low=-90, high=90)
    month, day = _days(table)
    weather = _weather(table)
    known = whole(*weather)
    start = Codes(
        number_of(parameters, "ffmc", low=0, high=101),
        number_of(parameters, "dmc", low=0, high=5_000),
        number_of(parameters, "dc", low=0, high=10_000),
    )
    factor = FACTORS[parameters["factor"]]
    stations = series(table)
    seasons = [Season(month[rows], day[rows], rows + 1) for rows in stations]
    found, done = np.full((len(FWI), len(table)), np.nan), 0
    for rows in stations:
        codes = start
        for row in rows[known[rows]].tolist():
            temp, rh, wind, rain = (float(part[row]) for part in weather)
            noon = Weather(temp, rh, wind, rain, int(month[row]), float(latitude[row]))
            made = next_day(codes, noon, factor)
            found[:, row] = astuple(made)
            codes = made.codes
            done += 1
            if done % EVERY == 0:
                progress(done, len(table))
    lacking = [one for one in seasons if one.missing]
    if lacking:
        missing = sum(one.missing for one in lacking)
        remark(
            f"{missing} days are missing, "
            f"the first before row {min(one.first_missing for one in lacking)}: "
            "the codes go on from the day before"
        )
    return pa.table({one.name: column(found[at]) for at, one in enumerate(FWI)})


def run_hourly(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    """Hour after hour; fuel that has dried for a day is for the daily build-up to tell."""
    weather = _weather(table)
    known = whole(*weather)
    start = number_of(parameters, "ffmc", low=0, high=101)
    hours = number_of(parameters, "hours", low=1 / 60, high=24)
    factor = FACTORS[parameters["factor"]]
    if "bui" in table.column_names:
        bui = numbers(table, "bui", low=0, required=False)
    elif parameters["bui"]:
        bui = np.full(len(table), number_of(parameters, "bui", low=0))
    else:
        bui = np.full(len(table), np.nan)
        remark("no bui is given, by column or by parameter: fwi and dsr are empty")
    found = np.full((len(HOURLY), len(table)), np.nan)
    done = 0
    for rows in series(table):
        ffmc = start
        for row in rows[known[rows]].tolist():
            temp, rh, wind, rain = (float(part[row]) for part in weather)
            ffmc = fine_fuel_hour(ffmc, temp, rh, wind, rain, hours, factor)
            isi = initial_spread(ffmc, wind, factor)
            fwi = fire_weather(isi, float(bui[row])) if np.isfinite(bui[row]) else np.nan
            found[:, row] = ffmc, isi, fwi, severity(fwi)
            done += 1
            if done % EVERY == 0:
                progress(done, len(table))
    return pa.table({one.name: column(found[index]) for index, one in enumerate(HOURLY)})


def run_overwinter(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    """Each row is a winter of its own."""
    autumn = numbers(table, "dc_autumn", low=0)
    rain = numbers(table, "prec_winter", low=0)
    carried = number_of(parameters, "carried", low=0, high=1)
    taken_up = number_of(parameters, "taken_up", low=0, high=1)
    found = np.empty(len(table))
    for row in range(len(table)):
        try:
            found[row] = spring_drought(
                float(autumn[row]), float(rain[row]), carried=carried, taken_up=taken_up
            )
        except ValueError as error:
            raise BadParameter("carried", str(error), "0.75 is usual") from error
    return pa.table({"dc": column(found)})


def run_danger(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    """Day after day; the dry days of a row begin with those of the station's row before."""
    temp = numbers(table, "tmax", low=-60, high=60, required=False)
    humidity = numbers(table, "rhmin", low=0, high=100, required=False)
    rain = numbers(table, "prec", low=0, high=2000, required=False)
    wind = numbers(table, "wind", low=0, high=120, required=False)
    green = _cover(table, parameters, "green")
    snow = _cover(table, parameters, "snow")
    known = whole(temp, humidity, rain, wind, green, snow)
    start = DryDays(number_of(parameters, "dry", low=0, high=FIGURES.most))
    made: list[Danger | None] = [None] * len(table)
    done = 0
    for rows in series(table):
        dry = start
        for row in rows[known[rows]].tolist():
            one = next_danger(
                FIGURES, dry, temp=temp[row], humidity=humidity[row], rain=rain[row],
                wind=wind[row], green=green[row], snow=snow[row],
            )  # fmt: skip
            made[row], dry = one, one.dry_days
            done += 1
            if done % EVERY == 0:
                progress(done, len(table))
    points = {
        name: column([getattr(one, of) if one else None for one in made]) for name, of in POINTS
    }
    grades = pa.array([one.grade if one else None for one in made], pa.int8())
    return pa.table({**points, "class": grades})


def _cover(table: pa.Table, parameters: Mapping[str, str], name: str) -> np.ndarray:
    if name in table.column_names:
        return numbers(table, name, low=0, high=100, required=False)
    return np.full(len(table), number_of(parameters, name, low=0, high=100))


def _weather(table: pa.Table) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    return (
        numbers(table, "temp", low=-60, high=60, required=False),
        numbers(table, "rh", low=0, high=100, required=False),
        numbers(table, "ws", low=0, high=400, required=False),
        numbers(table, "prec", low=0, high=2000, required=False),
    )


def _days(table: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    month = numbers(table, "mon", low=1, high=12)
    day = numbers(table, "day", low=1, high=31)
    for name, values in (("mon", month), ("day", day)):
        odd = values != np.floor(values)
        if odd.any():
            row = int(np.argmax(odd))
            raise BadInput(row + 1, name, f"{values[row]:g} is no whole number", "write it as 4")
    return month.astype(np.int64), day.astype(np.int64)


FWI = (
    Column("ffmc", "", "Fine Fuel Moisture Code, 0–101"),
    Column("dmc", "", "Duff Moisture Code"),
    Column("dc", "", "Drought Code"),
    Column("isi", "", "Initial Spread Index"),
    Column("bui", "", "Build-up Index"),
    Column("fwi", "", "Fire Weather Index"),
    Column("dsr", "", "Daily Severity Rating"),
)
HOURLY = (FWI[0], FWI[3], FWI[5], FWI[6])

MODELS = (
    Model(
        name="fwi",
        what="the Canadian Forest Fire Weather Index system, day by day (Van Wagner and Pickett "
        "1985)",
        needs=(
            Column("lat", "° N", "latitude, which sets the length of the day"),
            Column("mon", "", "month, 1–12"),
            Column("day", "", "day of the month; one row a day, in order"),
            TEMP, RH, WS, PREC,
        ),
        optional=(STATION,),
        gives=FWI,
        parameters=(
            Parameter("ffmc", "FFMC of the day before the first", "85"),
            Parameter("dmc", "DMC of the day before the first", "6"),
            Parameter("dc", "DC of the day before the first", "15"),
            FACTOR,
        ),
        run=run_fwi,
    ),
    Model(
        name="hourly",
        what="fine fuel and spread from hour to hour (Van Wagner 1977, Alexander and others 1984)",
        needs=(TEMP, RH, WS, PREC),
        optional=(
            Column("bui", "", "the day's Build-up Index, by which fwi is made"),
            STATION,
        ),
        gives=HOURLY,
        parameters=(
            Parameter("ffmc", "FFMC of the hour before the first", "85"),
            Parameter("bui", "the Build-up Index where no column gives it", ""),
            Parameter("hours", "from one row to the next", "1"),
            FACTOR,
        ),
        run=run_hourly,
    ),
    Model(
        name="overwinter",
        what="the Drought Code with which a spring begins (Lawson and Armitage 2008)",
        needs=(
            Column("dc_autumn", "", "DC of the last day of autumn"),
            Column("prec_winter", "mm", "rain and snow of the winter, as water"),
        ),
        optional=(),
        gives=(Column("dc", "", "DC before the first day of spring, at least 15"),),
        parameters=(
            Parameter("carried", "part of autumn's moisture that is still there (a)", "0.75"),
            Parameter("taken_up", "part of the winter's rain that the ground takes up (b)", "0.75"),
        ),
        run=run_overwinter,
    ),
    Model(
        name="danger",
        what="the five-class index of danger by weather, day by day (LY/T 1172-95; figures in "
        "scenario.toml)",
        needs=(
            Column("tmax", "°C", "highest temperature of the day; one row a day, in order"),
            Column("rhmin", "%", "lowest relative humidity of the day"),
            Column("prec", "mm", "rain of the day"),
            Column("wind", "m/s", "strongest wind of the day at 10 m"),
        ),
        optional=(
            Column("green", "%", "ground that is green"),
            Column("snow", "%", "ground under snow"),
            STATION,
        ),
        gives=(
            Column("a_temp", "", "points of temperature"),
            Column("b_humidity", "", "points of humidity"),
            Column("c_dry", "", "points of rain and the days since"),
            Column("d_wind", "", "points of wind"),
            Column("e_cover", "", "points taken off for green and snow"),
            Column("index", "", "their sum"),
            Column("class", "", "1 low, 2 rather low, 3 rather high, 4 high, 5 extreme"),
        ),
        parameters=(
            Parameter("dry", "points of rain and days of the day before the first", "0"),
            Parameter("green", "the ground that is green, in %, where no column says it", "0"),
            Parameter("snow", "the ground under snow, in %, where no column says it", "0"),
        ),
        run=run_danger,
    ),
)  # fmt: skip
