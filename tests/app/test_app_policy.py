"""What the pack says reaches the rooms that do it; left out, it is what they do by themselves."""

from __future__ import annotations

from dataclasses import replace

from tianmu.app.policy import bounds_of
from tianmu.city.charter.bounds import Asking, Taking
from tianmu.city.pack import load
from tianmu.sense.admission import Bounds
from tianmu.web.bounds.allowance import Allowance


def test_the_rooms_and_the_pack_have_the_same_defaults() -> None:
    city = load("liyang")
    assert bounds_of(replace(city, taking=Taking())) == Bounds()
    assert Allowance.of(Asking()) == Allowance()


def test_what_the_pack_says_reaches_the_rooms() -> None:
    city = replace(load("liyang"), taking=Taking(messages=5, size_mib=2, small_kib=3, watch_s=1.5))
    found = bounds_of(city)
    assert (found.messages, found.size, found.small) == (5, 2 << 20, 3 << 10)
    assert found.watch_s == 1.5 and found.history_s == Taking().history_s
    assert Allowance.of(Asking(points=9)).points == 9
