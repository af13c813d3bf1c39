"""Areas, grids, cells, streets and names of places of both packs."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.city import layer, pack
from tianmu.city.city import City
from tianmu.city.makers.approximate import share, town_areas
from tianmu.city.makers.gabriel import gabriel

PACKS = ("liyang", "port_ellery")
CITIES: dict[str, City] = {}


def city(name: str) -> City:
    if name not in CITIES:
        CITIES[name] = pack.load(name)
    return CITIES[name]


@pytest.mark.parametrize("name", PACKS)
def test_town_areas_part_the_city_among_all_towns(name: str) -> None:
    import shapely

    here = city(name)
    areas = here.places.areas("towns")
    assert set(areas) == {d.code for d in here.divisions.values() if d.tier == 2}
    whole = shapely.union_all(list(areas.values()))
    outline = here.places.outline
    assert whole.symmetric_difference(outline).area < 1e-4 * outline.area
    assert sum(a.area for a in areas.values()) == pytest.approx(outline.area, rel=1e-4)


@pytest.mark.parametrize("name", PACKS)
def test_every_known_point_lies_in_its_own_town(name: str) -> None:
    here = city(name)
    for one in here.divisions.values():
        if one.point is None or not one.parent:
            continue
        assert one.point.longitude is not None and one.point.latitude is not None
        found = here.places.division_at(one.point.longitude, one.point.latitude)
        assert here.lineage(found)[-2] == here.lineage(one.code)[-2], one.code


def test_areas_are_marked_approximate_with_their_precision() -> None:
    for area in city("liyang").places.layer_areas("towns"):
        assert area.properties["approximate"] is True
        assert area.properties["precision_m"] > 0


def test_made_areas_are_those_in_the_pack() -> None:
    """The file is what the committed maker makes: nobody has touched it by hand."""
    import shapely
    from shapely.geometry import shape

    here = city("liyang")
    made = {f["properties"]["code"]: shape(f["geometry"]) for f in town_areas(here)}
    for code, area in here.places.areas("towns").items():
        assert shapely.symmetric_difference(made[code], area).area < 1e-9


def test_outside_is_nowhere() -> None:
    assert city("liyang").places.division_at(121.47, 31.23) == ""
    assert city("liyang").places.grid_at(121.47, 31.23) == ""
    assert city("liyang").cells.at(121.47, 31.23) is None


def test_village_only_where_it_is_known_to_be() -> None:
    here = city("liyang")
    village = here.divisions["320481001200"]
    assert village.point is not None and village.point.longitude and village.point.latitude
    at = (village.point.longitude, village.point.latitude)
    assert here.places.division_at(*at) == village.code
    assert here.places.division_at(at[0] + 0.009, at[1]) == village.parent


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(119.0, 119.7), st.floats(31.1, 31.7)), max_size=20))
def test_many_points_at_once_find_the_same_towns(points: list[tuple[float, float]]) -> None:
    places = city("liyang").places
    lon, lat = np.array(points, dtype=float).reshape(-1, 2).T
    towns = places.divisions_at(lon, lat)
    for (x, y), town in zip(points, towns, strict=True):
        one = places.division_at(x, y)
        assert town == one or city("liyang").divisions[one].parent == town


def test_grids_as_many_as_published_and_all_over_the_city() -> None:
    here = city("liyang")
    kinds = [area.properties["kind"] for area in here.places.grids()]
    assert kinds.count("general") == 745 and kinds.count("dedicated") == 207
    assert {a.division for a in here.places.grids() if a.properties["kind"] == "general"} == {
        d.code for d in here.divisions.values() if d.tier == 3
    }
    for area in here.places.areas("towns").values():
        middle = area.representative_point()
        assert here.places.grid_at(middle.x, middle.y)


@settings(max_examples=60, deadline=None)
@given(st.floats(119.2, 119.55), st.floats(31.25, 31.6))
def test_a_cell_holds_its_point_and_has_fifteen_digits(longitude: float, latitude: float) -> None:
    here = city("liyang")
    cell = here.cells.at(longitude, latitude)
    if cell is None:
        assert not here.places.division_at(longitude, latitude)
        return
    assert len(cell.code) == 15 and cell.code.isdigit()
    assert cell.code[:12] in here.divisions
    west, south, east, north = cell.bounds
    assert west <= longitude <= east and south <= latitude <= north
    middle = here.cells.at((west + east) / 2, (south + north) / 2)
    assert middle is None or middle.code == cell.code or middle.code[:12] != cell.code[:12]


def test_cells_only_where_the_country_codes_villages_so() -> None:
    assert city("port_ellery").cells.at(-61.345, 43.702) is None


@pytest.mark.parametrize(
    ("words", "division"),
    [
        ("别桥镇塘马村三组路口有积水", "320481107214"),
        ("戴埠高桥村村口的路灯坏了", "320481103203"),
        ("溧城街道盛世华城社区地下车库", "320481002043"),
        ("在天目湖镇景区入口", "320481106000"),
        ("南渡集市", "320481114000"),
    ],
)
def test_divisions_are_found_by_name_with_their_precision(words: str, division: str) -> None:
    found = city("liyang").places.locate(words)
    assert found[0].division == division
    assert found[0].place.precision is not None and found[0].place.precision > 0


def test_a_village_without_a_point_lies_somewhere_in_its_town() -> None:
    here = city("liyang")
    place = here.places.place_of("320481107214")
    assert place is not None and place.precision is not None and place.precision > 3000
    assert place.longitude is not None and place.latitude is not None
    assert here.lineage(here.places.division_at(place.longitude, place.latitude))[-2] == (
        "320481107000"
    )
    assert here.places.place_of("nowhere") is None


def test_a_name_that_several_villages_share_is_decided_by_the_town_beside_it() -> None:
    places = city("liyang").places
    both = {one.division for one in places.locate("东升社区有积水")}
    assert len(both) >= 1
    one = places.locate("社渚镇东升村有积水")
    assert one[0].division == "320481116213"


def test_names_written_with_spaces_are_whole_words() -> None:
    places = city("port_ellery").places
    assert [one.division for one in places.locate("smoke in Old Town")] == ["PE-OLD"]
    assert places.locate("a millwheel in gold towns") == []


@pytest.mark.parametrize("name", PACKS)
def test_streets_reach_everywhere(name: str) -> None:
    here = city(name)
    nodes = here.streets.nodes
    first = tuple(nodes[0])
    for node in nodes[:: max(1, len(nodes) // 25)]:
        way = here.streets.way((first[0], first[1]), (node[0], node[1]))
        assert way is not None and way.seconds >= 0
        assert way.points[0] == first
    assert all("not the real network" in edge["basis"] for edge in here.streets.edges)


def test_the_gabriel_graph_of_a_square_with_its_middle() -> None:
    points = np.array([(0, 0), (2, 0), (2, 2), (0, 2), (1, 1.0)])
    assert set(gabriel(points)) >= {(0, 4), (1, 4), (2, 4), (3, 4)}
    assert (0, 2) not in gabriel(points) and (1, 3) not in gabriel(points)


@given(
    st.dictionaries(st.text(min_size=1), st.floats(0.1, 100), min_size=1, max_size=20),
    st.integers(20, 500),
)
def test_shares_add_up(weights: dict[str, float], total: int) -> None:
    given_out = share(weights, total, least=1)
    assert sum(given_out.values()) == total
    assert min(given_out.values()) >= 1


@pytest.mark.parametrize("name", PACKS)
def test_map_layers_are_geojson(name: str) -> None:
    here = city(name)
    for one in here.layers():
        data = json.loads(here.map_layer(one))
        assert data["type"] == "FeatureCollection" and data["features"]
    with pytest.raises(KeyError, match="no layer"):
        here.map_layer("treasure")
    assert json.dumps(layer.brief(here))
