"""What works found of a datastream: that its values became unusual, or usual again; that a limit is
likely to be passed, or no longer is."""

from __future__ import annotations

import msgspec

READER = "anomaly"
"""by which name it reads the journal"""
RULE = "anomaly"
"""code of the rule that such alarms name; the condition's identity is ``anomaly@datastream``"""
FOUND = "anomaly.found"
"""verb of the deed that says what an alarm was: ``object`` its name, ``data`` the datastream's id,
µs of the observation it began with (``since``) and whether it was ``real``"""
MISSED = "anomaly.missed"
"""verb of the deed that says there should have been one: ``object`` is the datastream's id"""
FORETOLD = "forecast."
"""with which the code of the rule begins that alarms of a forecast name: ``foretold_rule``"""


def foretold_rule(scenario: str, code: str) -> str:
    """Of the alarms of one forecast; the condition's identity is this ``@datastream``."""
    return f"{FORETOLD}{scenario}.{code}"


class Finding(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="finding/1"
):
    """Values of ``datastream`` (dense index) are unusual from ``since`` on, or no longer are."""

    datastream: int
    holds: bool
    since: int
    """µs: phenomenon time of the observation that it began with"""
    observed_at: int
    """µs: phenomenon time of the observation that told it"""
    value: float | None = None
    expected: float | None = None
    low: float | None = None
    """of 200 usual values about 199 lie between ``low`` and ``high``"""
    high: float | None = None
    chance: float = 1.0
    """calibrated probability of a value at least as unusual"""
    why: str = ""
    """``above``, ``below``, ``drifts up``, ``drifts down``, ``stuck``; where it ends: empty, or
    ``withdrawn`` where it is not watched any more"""
    worse: bool = False
    """they were before, and are far more so: the alarm goes on and is told anew"""


class Foretold(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False, tag="foretold/1"
):
    """A forecast of ``datastream`` (dense index) says that a limit is likely to be passed, or no
    longer says so."""

    datastream: int
    scenario: str
    code: str
    """of the forecast among the scenario's"""
    holds: bool
    origin: int
    """µs: up to where what was measured went into the forecast"""
    passes_at: int = 0
    """µs: where the first step begins in which passing is likely enough"""
    until: int = 0
    """µs: end of the last step that was forecast"""
    chance: float = 0.0
    """highest of all steps"""
    value: float | None = None
    """expected in the step of ``passes_at``"""
    limit: float | None = None
    high: bool = True
    """the limit is passed upwards"""
    priority: int = 3
    why: str = ""
    """where it ends: ``turned`` (the newest forecast says otherwise), ``passed`` (what was foretold
    has come), ``over`` (no newer forecast was made in time)"""
