"""Where others warn, as divisions; and whatever comes is read or refused, never a crash."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.sense.cap import area
from tianmu.sense.cap.codec import CapArea, NotCap, read
from tianmu.sense.cap.feed import read as read_feed
from tianmu.sense.cap.meaning import bulletin
from tianmu.sense.cap.xml import BadXml

from ..door import NOW
from .bureau import EAST, ROOT, WEST, alert, city, info
from .bureau import area as written


def of(**more: Any) -> CapArea:
    told: dict[str, Any] = {"name": "somewhere", "rings": (), "circles": (), "codes": (), **more}
    return CapArea(**told)


def ring(code: str) -> tuple[tuple[float, float], ...]:
    shape = city().places.areas("towns")[code]
    return tuple(getattr(shape, "geoms", [shape])[0].exterior.coords)


def middle(code: str) -> tuple[float, float]:
    point = city().places.areas("towns")[code].representative_point()
    return point.x, point.y


BOX = ((118.0, 30.0), (121.0, 30.0), (121.0, 33.0), (118.0, 33.0), (118.0, 30.0))
FAR = ((10.0, 10.0), (11.0, 10.0), (11.0, 11.0), (10.0, 10.0))
BOW = ((119.4, 31.4), (119.5, 31.5), (119.5, 31.4), (119.4, 31.5), (119.4, 31.4))


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (of(codes=(("x", EAST),)), {EAST}),
        (of(codes=(("x", f"{EAST},{WEST}"),)), {EAST, WEST}),
        (of(codes=(("x", "320400"),)), {ROOT}),
        (of(codes=(("x", ROOT),), rings=(FAR,)), {ROOT}),
        (of(name="溧阳市"), {ROOT}),
        (of(name="LIYANG"), {ROOT}),
        (of(rings=(BOX,)), {ROOT}),
        (of(circles=((119.48, 31.42, 500.0),)), {ROOT}),
    ],
)
def test_codes_names_and_outlines(told: CapArea, wanted: set[str]) -> None:
    assert area.divisions(city(), [told]) == (tuple(sorted(wanted)), True)


def test_a_tangled_outline_is_read_in_no_time_and_warns_of_all_it_spans() -> None:
    x, y = middle(EAST)
    tangle = [
        (x + 0.01 * math.cos(a), y + 0.01 * math.sin(a))
        for a in (2.4 * n * (1 + n / 997) for n in range(2_000))
    ]
    told, read = area.divisions(city(), [of(rings=((*tangle, tangle[0]),))])
    assert EAST in told and read


def test_a_towns_own_outline_warns_it_and_not_its_neighbours() -> None:
    for code in list(city().places.areas("towns"))[:4]:
        assert area.divisions(city(), [of(rings=(ring(code),))]) == ((code,), True)


def test_a_point_and_a_small_circle_warn_the_town_they_lie_in() -> None:
    for radius in (0.0, 0.2):
        x, y = middle(EAST)
        assert area.divisions(city(), [of(circles=((x, y, radius),))]) == ((EAST,), True)


def test_elsewhere_and_nobody_knows_where_are_two() -> None:
    assert area.divisions(city(), [of(rings=(FAR,))]) == ((), True)
    assert area.divisions(city(), [of()]) == ((), False)
    found, _ = area.divisions(city(), [of(rings=(BOW,))])
    assert found, "what crosses itself warns all the same"


def test_what_nobody_can_place_is_kept() -> None:
    told = bulletin(city(), "s", read(alert("a", info(areas=written(name="the north")))), NOW)
    assert not isinstance(told, str) and told.parts[0].divisions == ()


GOOD = alert("a1", info(areas=written(polygon="31.4,119.4 31.5,119.4 31.5,119.5 31.4,119.4")))
points = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@settings(max_examples=60, deadline=None)
@given(st.lists(points, min_size=3, max_size=7), st.floats(0, 20_000), points)
def test_any_outline_and_circle_can_be_placed(
    corners: list[tuple[float, float]], radius: float, centre: tuple[float, float]
) -> None:
    polygon = " ".join(f"{y},{x}" for y, x in [*corners, corners[0]])
    circle = f"{centre[0]},{centre[1]} {radius}"
    told = read(alert("a1", info(areas=written(polygon=polygon, circle=circle))))
    found = bulletin(city(), "s", told, NOW)
    if not isinstance(found, str):
        assert set(found.parts[0].divisions) <= set(city().divisions)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_damaged_messages_are_read_or_refused(data: st.DataObject) -> None:
    raw = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        cut = data.draw(st.integers(0, 30))
        raw[at : at + cut] = data.draw(st.binary(max_size=6) | st.sampled_from([b"<x/>", b"&a;"]))
    try:
        for one in read_feed(bytes(raw), "https://city.example/").alerts:
            bulletin(city(), "s", read(one), NOW)
    except (NotCap, BadXml) as error:
        assert str(error)
