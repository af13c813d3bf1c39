"""Thresholds of the rules in force, by datastream: what the kernel would alarm on exceeds."""

from __future__ import annotations

import numpy as np
from tests.prevent.fleets import fleet_of

from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.threshold import thresholds
from tianmu.prevent.rule.reading import load


def test_the_first_limit_that_alarms_counts() -> None:
    common = {"name": {"en": "x"}, "kind": "gauge", "priority": 2}
    rules = load(
        [
            {**common, "code": "h1", "type": "threshold", "property": "level",
             "direction": "high", "limit": 4.0,
             "overrides": [{"division": "t", "limit": 3.0}, {"device": "d2", "limit": 9.0}]},
            {**common, "code": "h2", "type": "threshold", "property": "level",
             "direction": "high", "limit": 5.0},
            {**common, "code": "l1", "type": "threshold", "property": "level",
             "direction": "low", "limit": 1.0},
            {**common, "code": "l2", "type": "threshold", "property": "level",
             "direction": "low", "limit": 0.5},
            {**common, "code": "o", "type": "threshold", "property": "flow",
             "direction": "outside", "low": -1.0, "high": 1.0},
            {**common, "code": "off", "type": "threshold", "property": "level",
             "direction": "high", "limit": 0.0, "enabled": False},
            {**common, "code": "r", "type": "rate", "property": "rain",
             "direction": "rise", "limit": 1.0, "window_s": 60.0},
            {**common, "code": "s", "type": "silence", "limit": 60.0},
        ]
    )  # fmt: skip
    fleet = fleet_of(
        [
            ("gauge", ["level", "flow"], "v"),
            ("gauge", ["level", "rain"], "w"),
            ("gauge", ["level"], "w"),
            ("mast", ["level"], "v"),
        ]
    )
    low, high = thresholds(Compiled(rules, parents={"v": "t", "t": ""}), fleet)
    nan = float("nan")
    np.testing.assert_array_equal(low, [1.0, np.nextafter(-1.0, -2), 1.0, nan, 1.0, nan])
    np.testing.assert_array_equal(high, [3.0, np.nextafter(1.0, 2), 4.0, nan, 5.0, nan])
