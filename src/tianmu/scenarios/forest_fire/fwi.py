"""The Canadian Forest Fire Weather Index system, day by day.

C. E. Van Wagner and T. L. Pickett: Equations and FORTRAN program for the Canadian Forest Fire
Weather Index System, Forestry Technical Report 33 (1985); C. E. Van Wagner: Development and
structure of the Canadian Forest Fire Weather Index System, Forestry Technical Report 35 (1987).
Numbers in brackets are the equations of the reports. Temperatures are in °C, humidity in %, wind
in km/h at 10 m, rain in mm over 24 hours, all at local noon; codes and indices have no unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

Lengths: TypeAlias = dict[int, tuple[float, ...]]
PUBLISHED = 147.2
EXACT = 250 * 59.5 / 101
"""The factor between fine fuel moisture and its code (1), (10): as both reports print it, and
such that the scale meets 250 % at 0. They differ in the first digit behind the point."""

_DMC_DAY: Lengths = {
    30: (6.5, 7.5, 9.0, 12.8, 13.9, 13.9, 12.4, 10.9, 9.4, 8.0, 7.0, 6.0),
    10: (7.9, 8.4, 8.9, 9.5, 9.9, 10.2, 10.1, 9.7, 9.1, 8.6, 8.1, 7.8),
    -10: (9.0,) * 12,
    -30: (10.1, 9.6, 9.1, 8.5, 8.1, 7.8, 7.9, 8.3, 8.9, 9.4, 9.9, 10.2),
    -90: (11.5, 10.5, 9.2, 7.9, 6.8, 6.2, 6.5, 7.4, 8.7, 10.0, 11.2, 11.8),
}
"""Effective length of day of the duff, by month, from this latitude northward (Lawson and
Armitage, Weather guide for the CFFDRS, 2008, for where the reports' table does not reach)."""
_DC_DAY: Lengths = {
    20: (-1.6, -1.6, -1.6, 0.9, 3.8, 5.8, 6.4, 5.0, 2.4, 0.4, -1.6, -1.6),
    -20: (1.4,) * 12,
    -90: (6.4, 5.0, 2.4, 0.4, -1.6, -1.6, -1.6, -1.6, -1.6, 0.9, 3.8, 5.8),
}
"""The same of drought."""


@dataclass(frozen=True)
class Weather:
    """One day's noon."""

    temp: float
    rh: float
    wind: float
    rain: float
    month: int
    """1…12"""
    latitude: float = 46.0
    """degrees north; the reports' own tables are for 46°"""


@dataclass(frozen=True)
class Codes:
    """What is handed from one day to the next. Defaults: the reports' start in spring."""

    ffmc: float = 85.0
    dmc: float = 6.0
    dc: float = 15.0


@dataclass(frozen=True)
class Day:
    """All of one day."""

    ffmc: float
    dmc: float
    dc: float
    isi: float
    bui: float
    fwi: float
    dsr: float

    @property
    def codes(self) -> Codes:
        return Codes(self.ffmc, self.dmc, self.dc)


def next_day(before: Codes, noon: Weather, factor: float = PUBLISHED) -> Day:
    """The day after ``before``, with the weather at its ``noon``."""
    ffmc = fine_fuel(before.ffmc, noon, factor)
    dmc = duff(before.dmc, noon)
    dc = drought(before.dc, noon)
    isi = initial_spread(ffmc, noon.wind, factor)
    bui = build_up(dmc, dc)
    fwi = fire_weather(isi, bui)
    return Day(ffmc, dmc, dc, isi, bui, fwi, severity(fwi))


def moisture_of(ffmc: float, factor: float = PUBLISHED) -> float:
    """Moisture of fine fuel in % of its dry weight (1)."""
    return factor * (101 - ffmc) / (59.5 + ffmc)


def code_of(moisture: float, factor: float = PUBLISHED) -> float:
    """Fine Fuel Moisture Code of a moisture in % (10), 0…101."""
    return min(101.0, max(0.0, 59.5 * (250 - moisture) / (factor + moisture)))


def wetted(moisture: float, rain: float) -> float:
    """Moisture of fine fuel after so much effective ``rain`` (3a), (3b)."""
    if rain <= 0:
        return moisture
    wet = moisture + 42.5 * rain * math.exp(-100 / (251 - moisture)) * (1 - math.exp(-6.93 / rain))
    if moisture > 150:
        wet += 0.0015 * (moisture - 150) ** 2 * math.sqrt(rain)
    return min(wet, 250.0)


def equilibrium(temp: float, rh: float) -> tuple[float, float]:
    """Moisture of fine fuel at which drying and wetting end (4), (5), in %."""
    warm = 0.18 * (21.1 - temp) * (1 - math.exp(-0.115 * rh))
    rise = math.exp((rh - 100) / 10)
    dry = 0.942 * math.pow(rh, 0.679) + 11 * rise + warm
    return dry, 0.618 * math.pow(rh, 0.753) + 10 * rise + warm


def rate(temp: float, dryness: float, wind: float) -> float:
    """Log rate of drying per day (6a), (7a), without the factor of its unit of time; ``dryness``
    is humidity / 100, or what is missing to 1 where fuel takes up moisture."""
    still = 0.424 * (1 - math.pow(dryness, 1.7))
    moved = 0.0694 * math.sqrt(wind) * (1 - math.pow(dryness, 8))
    return (still + moved) * math.exp(0.0365 * temp)


def fine_fuel(ffmc: float, noon: Weather, factor: float = PUBLISHED) -> float:
    """Fine Fuel Moisture Code FFMC, from yesterday's."""
    moisture = wetted(moisture_of(ffmc, factor), noon.rain - 0.5)
    dry, wet = equilibrium(noon.temp, noon.rh)
    humid = noon.rh / 100
    if moisture > dry:
        moisture = dry + (moisture - dry) * 10 ** (-0.581 * rate(noon.temp, humid, noon.wind))
    elif moisture < wet:
        moisture = wet - (wet - moisture) * 10 ** (-0.581 * rate(noon.temp, 1 - humid, noon.wind))
    return code_of(moisture, factor)


def duff(dmc: float, noon: Weather) -> float:
    """Duff Moisture Code DMC, from yesterday's."""
    if noon.rain > 1.5:
        effective = 0.92 * noon.rain - 1.27  # (11)
        moisture = 20 + 280 / math.exp(0.023 * dmc)  # (12), as the program has it
        if dmc <= 33:
            slope = 100 / (0.5 + 0.3 * dmc)  # (13a)
        elif dmc <= 65:
            slope = 14 - 1.3 * math.log(dmc)  # (13b)
        else:
            slope = 6.2 * math.log(dmc) - 17.2  # (13c)
        moisture += 1000 * effective / (48.77 + slope * effective)  # (14)
        dmc = max(0.0, 43.43 * (5.6348 - math.log(moisture - 20)))  # (15)
    day = _of_latitude(_DMC_DAY, noon)
    return dmc + 1.894 * (max(noon.temp, -1.1) + 1.1) * (100 - noon.rh) * day * 1e-4  # (16), (17)


def drought(dc: float, noon: Weather) -> float:
    """Drought Code DC, from yesterday's."""
    if noon.rain > 2.8:
        effective = 0.83 * noon.rain - 1.27  # (18)
        stored = 800 * math.exp(-dc / 400) + 3.937 * effective  # (19), (20)
        dc = max(0.0, 400 * math.log(800 / stored))  # (21)
    lost = 0.36 * (max(noon.temp, -2.8) + 2.8) + _of_latitude(_DC_DAY, noon)  # (22)
    return dc + 0.5 * max(0.0, lost)  # (23)


def initial_spread(ffmc: float, wind: float, factor: float = PUBLISHED) -> float:
    """Initial Spread Index ISI (24)–(26)."""
    moisture = moisture_of(ffmc, factor)
    fuel = 91.9 * math.exp(-0.1386 * moisture) * (1 + math.pow(moisture, 5.31) / 4.93e7)
    return 0.208 * math.exp(0.05039 * wind) * fuel


def build_up(dmc: float, dc: float) -> float:
    """Build-up Index BUI (27a), (27b)."""
    if dmc <= 0.4 * dc:
        return 0.8 * dmc * dc / (dmc + 0.4 * dc) if dmc > 0 else 0.0
    return max(0.0, dmc - (1 - 0.8 * dc / (dmc + 0.4 * dc)) * (0.92 + math.pow(0.0114 * dmc, 1.7)))


def fire_weather(isi: float, bui: float) -> float:
    """Fire Weather Index FWI (28)–(30)."""
    duffs = 0.626 * bui**0.809 + 2 if bui <= 80 else 1000 / (25 + 108.64 * math.exp(-0.023 * bui))
    scale = 0.1 * isi * duffs
    return math.exp(2.72 * (0.434 * math.log(scale)) ** 0.647) if scale > 1 else scale


def severity(fwi: float) -> float:
    """Daily Severity Rating DSR (31)."""
    return 0.0272 * math.pow(fwi, 1.77)


def _of_latitude(table: Lengths, noon: Weather) -> float:
    north = next(row for low, row in table.items() if noon.latitude >= low)
    return north[noon.month - 1]
