"""A city whose clock a drill moves is its pack's but for what the clock itself would make false."""

from __future__ import annotations

import pytest

from tianmu.app.drilling import drilled
from tianmu.app.platform import PLATFORM_KIND
from tianmu.city.city import City
from tianmu.city.pack import load


def silences(city: City) -> set[str]:
    return {rule["code"] for rule in city.rules if rule["type"] == "silence"}


@pytest.mark.parametrize("pack", ["liyang", "port_ellery"])
def test_its_platform_is_not_silent_within_a_leap_and_all_other_devices_are(pack: str) -> None:
    city = load(pack)
    platforms = {
        rule["code"] for rule in city.kinds[PLATFORM_KIND].rules if rule["type"] == "silence"
    }
    assert platforms and silences(drilled(city)) == silences(city) - platforms
    assert "drill clock" in drilled(city).name["en"]
