"""Outlines with very many points: refused, or kept with fewer; whatever somebody draws."""

from __future__ import annotations

import math

import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.facts.warning import Ring
from tianmu.sense.cap import codec, outline
from tianmu.sense.cap.codec import NotCap, read
from tianmu.sense.cap.feed import read as read_feed
from tianmu.sense.cap.meaning import bulletin
from tianmu.sense.cap.outline import MOST, fewer
from tianmu.sense.cap.xml import ELEMENTS, BadXml

from ..door import NOW
from .bureau import EAST, alert, area, city, info
from .test_cap_area import middle, of
from .test_cap_area import ring as border


def closed(points: list[tuple[float, float]]) -> Ring:
    return (*points, points[0])


def circle(count: int, radius: float, x: float = 119.5, y: float = 31.4) -> Ring:
    steps = [2 * math.pi * k / count for k in range(count)]
    return closed([(x + radius * math.cos(a), y + radius * math.sin(a)) for a in steps])


def words(ring: Ring) -> str:
    return " ".join(f"{y:.5f},{x:.5f}" for x, y in ring)


def test_a_few_points_stay_as_they_are() -> None:
    ring = circle(MOST - 1, 0.1)
    assert fewer(ring) is ring


def test_a_border_with_many_points_keeps_its_form_and_its_towns() -> None:
    town = shapely.Polygon(border(EAST)).segmentize(0.00002)
    ring: Ring = tuple(town.exterior.coords)
    assert len(ring) > 10_000
    found = fewer(ring)
    assert len(found) <= MOST and found[0] == found[-1] and set(found) <= set(ring)
    kept = shapely.Polygon(found)
    assert kept.symmetric_difference(town).area < 0.02 * town.area
    told = read(alert("a", info(areas=area(polygon=words(ring)))))
    assert len(told.infos[0].areas[0].rings[0]) <= MOST
    made = bulletin(city(), "s", told, NOW)
    assert not isinstance(made, str) and made.parts[0].divisions == (EAST,)


TURN = [k / 2e4 for k in range(20_000)]
SPIRAL = closed([(t * math.cos(t * 50), t * math.sin(t * 50)) for t in TURN])
ZIGZAG = closed([(k / 2e4, k % 2 * 0.5) for k in range(20_000)])


@pytest.mark.parametrize("ring", [SPIRAL, ZIGZAG, circle(20_000, 5), circle(20_000, 1e-6)])
def test_what_somebody_draws_on_purpose_is_spanned(ring: Ring) -> None:
    """Shapely's simplify takes minutes for the first, and the process with it for the second."""
    found = fewer(ring)
    assert 4 <= len(found) <= MOST and found[0] == found[-1]
    whole = shapely.convex_hull(shapely.LineString(ring))
    assert shapely.convex_hull(shapely.LineString(found)).area >= 0.99 * whole.area or (
        whole.area < outline.FINEST
    )


coordinates = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@settings(max_examples=40, deadline=None)
@given(st.lists(coordinates, min_size=3, max_size=12), st.integers(1, 200), st.floats(0, 0.01))
def test_any_outline_stays_one(
    corners: list[tuple[float, float]], times: int, jitter: float
) -> None:
    ring = closed([(x + k * jitter, y) for k in range(times) for x, y in corners])
    found = fewer(ring)
    assert 4 <= len(found) <= max(MOST, 4) and found[0] == found[-1]
    assert shapely.Polygon(found).is_empty is False


def test_more_than_a_warning_needs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codec, "POINTS", 50)
    monkeypatch.setattr(codec, "OUTLINES", 4)
    one = area(polygon=words(circle(20, 0.1)))
    assert read(alert("a", info(areas=one * 2)))
    with pytest.raises(NotCap, match="63 points in its outlines, more than 50") as refused:
        read(alert("a", info(areas=one * 3)))
    assert "coarser" in refused.value.remedy
    with pytest.raises(NotCap, match="5 outlines and circles"):
        read(alert("a", info(areas=area(circle="31,119 1") * 5)))


def test_more_elements_than_a_message_has_are_refused() -> None:
    many = "<item/>" * (ELEMENTS + 1)
    with pytest.raises(BadXml, match=f"more than {ELEMENTS} elements"):
        read_feed(f"<rss>{many}</rss>".encode(), "https://x.example/")


@settings(max_examples=12, deadline=None)
@given(
    st.integers(1, 60), st.integers(3, 90), st.floats(0.001, 6.3), st.floats(0.0, 3.0),
    st.integers(1, 3),
)  # fmt: skip
def test_many_tangled_outlines_are_placed(
    rings: int, points: int, turn: float, reach: float, infos: int
) -> None:
    x, y = middle(EAST)
    drawn = "".join(
        f"<polygon>{words(closed(one))}</polygon>"
        for n in range(rings)
        if (
            one := [
                (x + reach * math.cos(k * turn + n), y + reach * math.sin(k * turn))
                for k in range(points)
            ]
        )
    )
    areas = f"<area><areaDesc>x</areaDesc>{drawn}</area>"
    told = read(alert("a", *[info(areas=areas)] * infos))
    made = bulletin(city(), "s", told, NOW)
    if not isinstance(made, str):
        assert set(made.parts[0].divisions) <= set(city().divisions)


def test_an_outline_that_crosses_itself_often_warns_of_all_it_spans() -> None:
    x, y = middle(EAST)
    star = closed([(x + 0.01 * math.cos(2.4 * k), y + 0.01 * math.sin(2.4 * k)) for k in range(90)])
    from tianmu.sense.cap.area import divisions

    assert EAST in divisions(city(), [of(rings=(star,))])[0]
