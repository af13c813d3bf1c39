"""Fine fuel from hour to hour.

C. E. Van Wagner: A method of computing fine fuel moisture content throughout the diurnal cycle,
Information Report PS-X-69 (1977); M. E. Alexander, B. D. Lawson, B. J. Stocks, C. E. Van Wagner:
User guide to the Canadian Forest Fire Behavior Prediction System, interim edition (1984). On the
scale of 1987, as all implementations of today have it.
"""

from __future__ import annotations

import math

from tianmu.scenarios.forest_fire.fwi import (
    PUBLISHED,
    code_of,
    equilibrium,
    moisture_of,
    rate,
    wetted,
)


def fine_fuel_hour(
    ffmc: float,
    temp: float,
    rh: float,
    wind: float,
    rain: float,
    hours: float = 1.0,
    factor: float = PUBLISHED,
) -> float:
    """FFMC ``hours`` after ``ffmc``, in weather that held meanwhile: °C, %, km/h, mm.

    No part of the rain is held off by the crowns, as half a millimetre of a day's is.
    """
    moisture = wetted(moisture_of(ffmc, factor), rain)
    dry, wet = equilibrium(temp, rh)
    humid = rh / 100
    if moisture > dry:
        faded = math.exp(-2.303 * 0.0579 * rate(temp, humid, wind) * hours)
        moisture = dry + (moisture - dry) * faded
    elif moisture < wet:
        faded = math.exp(-2.303 * 0.0579 * rate(temp, 1 - humid, wind) * hours)
        moisture = wet - (wet - moisture) * faded
    return code_of(moisture, factor)
