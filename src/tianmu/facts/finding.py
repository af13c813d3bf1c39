"""What anomaly detection found of a datastream: that its values became unusual, or usual again."""

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
