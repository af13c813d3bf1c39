"""What consumers take, simulated: a course of the day, and each household's own unrest.

The project's own figures (``[settings.demand]``): no free record of single gas meters was found.
"""

from __future__ import annotations

import msgspec
import numpy as np

from tianmu.scenarios.gas_pipelines.network import F64
from tianmu.scenarios.settings import settings_of


class DemandSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hours: tuple[float, ...]
    """share of the usual demand at each hour of the day"""
    season: float
    """times the usual of the file"""
    unrest: float
    """standard deviation of a household about its course, as a share of it"""
    unrest_min: float
    """minutes after which that is forgotten to 1/e"""
    basis: str


def settings() -> DemandSettings:
    return msgspec.convert(settings_of(__file__)["demand"], DemandSettings)


def course(minutes: F64, own: DemandSettings) -> F64:
    """Share of the usual demand at minutes since midnight, between whole hours on a line."""
    hours = np.array([*own.hours, own.hours[0]])
    found: F64 = own.season * np.interp(np.mod(minutes / 60, 24), np.arange(25), hours)
    return found


def unrest(
    households: int, moments: int, every_min: float, own: DemandSettings, draw: np.random.Generator
) -> F64:
    """(households, moments): factors with mean 1, lognormal, each forgetting itself."""
    keep = float(np.exp(-every_min / own.unrest_min))
    width = float(np.sqrt(np.log1p(own.unrest**2)))
    level = draw.standard_normal(households)
    found = np.empty((moments, households))
    for moment in range(moments):
        found[moment] = level
        level = keep * level + np.sqrt(1 - keep * keep) * draw.standard_normal(households)
    return np.exp(width * found - width * width / 2).T


def wander(moments: int, every_min: float, forgotten_min: float, draw: np.random.Generator) -> F64:
    """(moments,): mean 0, deviation 1, forgetting itself to 1/e."""
    keep = float(np.exp(-every_min / forgotten_min))
    found = np.empty(moments)
    level = float(draw.standard_normal())
    for moment in range(moments):
        found[moment] = level
        level = keep * level + np.sqrt(1 - keep * keep) * float(draw.standard_normal())
    return found
