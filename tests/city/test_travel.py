"""Ways over a city's streets against a slow search over a list of edges, and what is straight."""

from __future__ import annotations

import heapq
import math
from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.city import pack
from tianmu.city.city import City
from tianmu.city.force.sending import Sending, Street, Travelling
from tianmu.city.way.reach import isochrones
from tianmu.city.way.streets import Streets
from tianmu.city.way.travel import Pace, Travel
from tianmu.facts.place import DEGREE_M

PACKS = ("liyang", "port_ellery")


@pytest.fixture(scope="module", params=PACKS)
def city(request: pytest.FixtureRequest) -> City:
    return pack.load(request.param)


def search(edges: list[tuple[int, int, float]], start: int) -> dict[int, float]:
    """Dijkstra as in the book."""
    around: dict[int, list[tuple[int, float]]] = {}
    for a, b, cost in edges:
        around.setdefault(a, []).append((b, cost))
        around.setdefault(b, []).append((a, cost))
    best: dict[int, float] = {}
    waiting = [(0.0, start)]
    while waiting:
        cost, node = heapq.heappop(waiting)
        if node in best:
            continue
        best[node] = cost
        for other, more in around.get(node, []):
            if other not in best:
                heapq.heappush(waiting, (cost + more, other))
    return best


def written(folder: Path, edges: list[tuple[int, int, str, float, float]], nodes: int) -> Streets:
    """A graph of nodes 1 km apart in a row to the north, and the given edges."""
    rows = [f"n{i},10.0,{50 + i * 1000 / DEGREE_M:.9f}" for i in range(nodes)]
    (folder / "street_nodes.csv").write_text("\n".join(["id,lon,lat", *rows]) + "\n")
    lines = [f"n{a},n{b},{sort},{kmh},{metres}" for a, b, sort, kmh, metres in edges]
    head = "a,b,class,speed_kmh,length_m"
    (folder / "street_edges.csv").write_text("\n".join([head, *lines]) + "\n")
    return Streets(folder)


@given(
    edges=st.lists(
        st.tuples(
            st.integers(0, 7),
            st.integers(0, 7),
            st.sampled_from(["main", "local"]),
            st.floats(5, 90),
            st.floats(10, 5000),
        ).filter(lambda one: one[0] != one[1]),
        min_size=1,
        max_size=20,
    ),
    share=st.sampled_from([1.0, 1.2]),
    top=st.sampled_from([None, 30.0]),
)
@settings(max_examples=60, deadline=None)
def test_times_of_any_graph_are_those_of_a_plain_search(
    tmp_path_factory: pytest.TempPathFactory,
    edges: list[tuple[int, int, str, float, float]],
    share: float,
    top: float | None,
) -> None:
    sending = Sending(street=(Street(code="local", share=0.5, junction_s=7.0),))
    travel = Travel(written(tmp_path_factory.mktemp("graph"), edges, 8), sending)
    costs = []
    for a, b, sort, kmh, metres in edges:
        speed = kmh * (0.5 if sort == "local" else 1) * share
        speed = min(speed, top) if top else speed
        costs.append((a, b, metres / (speed / 3.6) + (7.0 if sort == "local" else 0)))
    for start in (0, 5):
        column = travel.columns([start], Pace(top, share))[start]
        expected = search(costs, start)
        for node in range(8):
            assert column[node] == pytest.approx(expected.get(node, math.inf), rel=1e-5)


def test_times_in_the_packs_are_those_of_a_plain_search(city: City) -> None:
    travel, streets = city.travel, city.streets
    pace = Pace(60.0, 1.2)
    seconds = travel.edge_seconds(pace)
    costs = [(int(a), int(b), float(s)) for (a, b), s in zip(travel.ends, seconds, strict=True)]
    middle = len(streets.nodes) // 2
    expected = search(costs, middle)
    points = streets.nodes
    times = travel.times(points[[middle]], points, pace)
    for node in range(len(points)):
        if node != middle and times.streets[0, node]:
            assert times.seconds[0, node] == pytest.approx(expected[node], rel=1e-5)
    assert times.streets[0].sum() > len(points) * 0.9


def test_where_no_street_reaches_the_line_with_the_detour_counts_and_says_so(
    tmp_path: Path,
) -> None:
    rules = Travelling(detour=1.5, reach_m=500.0, line_kmh=36.0, off_street_kmh=3.6)
    edges = [(0, 1, "main", 36.0, 1000.0), (2, 3, "main", 36.0, 1000.0)]
    travel = Travel(written(tmp_path, edges, 4), Sending(travel=rules))

    def north(metres: float) -> tuple[float, float]:
        return 10.0, 50 + metres / DEGREE_M

    points = np.array([north(0), north(1000), north(2000), north(5000)])
    times = travel.times(points[:1], points, Pace())
    # the next node by the street; another part of the graph, and a place far off, by the line
    assert times.streets.tolist() == [[False, True, False, False]]
    assert times.seconds[0] == pytest.approx([0, 100, 300, 750], rel=1e-4)
    # a unit with a speed of its own goes the line at that, a drone goes it without detour
    assert travel.times(points[:1], points[3:], Pace(72.0)).seconds[0, 0] == pytest.approx(
        375, rel=1e-4
    )
    air = travel.times(points[:1], points[1:], Pace(72.0, air=True))
    assert air.seconds[0] == pytest.approx([50, 100, 250], rel=1e-4)
    assert not air.streets.any()
    # 100 m off the street at 1 m/s, then 100 s along it
    aside = np.array([(10.0 + 100 / DEGREE_M / math.cos(math.radians(50)), 50.0)])
    off = travel.times(aside, points[1:2], Pace())
    assert off.streets[0, 0]
    assert off.seconds[0, 0] == pytest.approx(200, rel=0.01)


def test_without_a_graph_everything_is_straight(tmp_path: Path) -> None:
    travel = Travel(Streets(tmp_path), Sending(travel=Travelling(detour=1.0, line_kmh=36.0)))
    points = np.array([(10.0, 50.0), (10.0, 50 + 1000 / DEGREE_M)])
    times = travel.times(points, points, Pace())
    assert not times.streets.any()
    assert times.seconds[0, 1] == pytest.approx(100, rel=1e-4)


def test_columns_that_are_kept_say_the_same_again(city: City) -> None:
    fresh = Travel(city.streets, city.sending)
    points = city.streets.nodes[:20]
    first = fresh.times(points, points, Pace(50.0))
    again = fresh.times(points, points, Pace(50.0))
    one = fresh.times(points[7:8], points, Pace(50.0))
    assert np.array_equal(first.seconds, again.seconds)
    assert np.array_equal(first.seconds[7], one.seconds[0])


def test_each_isochrone_holds_the_shorter_ones_and_the_nodes_reached(city: City) -> None:
    travel = city.travel
    longitude, latitude = city.center
    pace = Pace()
    found = isochrones(travel, longitude, latitude, (5, 10, 15), pace)
    assert [one.minutes for one in found] == [15, 10, 5]
    assert all(one.by == "streets" and one.geometry.is_valid for one in found)
    assert found[0].geometry.area > found[1].geometry.area > found[2].geometry.area
    here = shapely.Point(longitude, latitude)
    assert all(one.geometry.covers(here) for one in found)
    nodes = travel.streets.nodes
    node, off = travel.snap(np.array([[longitude, latitude]]))
    away = off[0] / (travel.rules.off_street_kmh / 3.6)
    seconds = travel.columns([int(node[0])], pace)[int(node[0])] + away
    for one in found:
        inside = shapely.contains_xy(one.geometry, nodes[:, 0], nodes[:, 1])
        assert inside[seconds < one.minutes * 60 - 1].all()
        # what takes twice as long is not inside, but for nodes beside a street that is reached
        assert inside[seconds > one.minutes * 120].sum() <= 0.05 * len(nodes)
    assert shapely.difference(found[1].geometry, found[0].geometry).area < 1e-9


def test_an_isochrone_off_the_streets_is_a_circle_with_the_detour(city: City) -> None:
    west, south, *_ = city.bbox
    (one,) = isochrones(city.travel, west - 1, south - 1, (6,), Pace(30.0))
    assert one.by == "line"
    flat = shapely.transform(one.geometry, city.travel.flat)
    radius = 3000 / city.travel.rules.detour
    assert flat.area == pytest.approx(math.pi * radius**2, rel=0.02)
