"""Shifted coordinates against a published table and against themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.city.place import coordinates
from tianmu.city.place.place import distance

# GCJ-02 of the division points of Vonng/adcode (CC BY 4.0) and their WGS 84 as converted by the
# data's own compiler: an implementation that is not ours.
PAIRS = [
    ((119.49588, 31.414925), (119.490721, 31.416894)),  # 溧城街道
    ((119.492489, 31.310113), (119.487326, 31.312105)),  # 戴埠镇
    ((119.330357, 31.554198), (119.325036, 31.55606)),  # 竹箦镇
    ((119.466789, 31.477168), (119.461516, 31.479041)),  # 方里村村委会
    ((119.496615, 31.460846), (119.491454, 31.462807)),  # 昆仑村村委会
    ((119.398171, 31.434447), (119.392775, 31.43624)),  # 新昌村村委会
    ((119.56966, 31.536165), (119.564734, 31.538291)),  # 上黄村村委会
    ((119.502699, 31.305861), (119.497576, 31.307886)),  # 河西村村委会
    ((119.25024, 31.567695), (119.245023, 31.569655)),  # 涧东村村委会
    ((119.234066, 31.285701), (119.228868, 31.287725)),  # 上蒋村村委会
    ((119.339902, 31.35235), (119.33458, 31.354236)),  # 丁山村村委会
]

in_china = st.tuples(st.floats(74, 134), st.floats(19, 52))


@pytest.mark.parametrize(("gcj", "wgs"), PAIRS)
def test_conversions_agree_with_another_implementation(
    gcj: tuple[float, float], wgs: tuple[float, float]
) -> None:
    """The table was made by one step of inversion, exact to a few metres; so is the agreement.
    The same single step with our formula gives the table's digits."""
    shifted = coordinates.wgs84_to_gcj02(*gcj)
    one_step = (2 * gcj[0] - shifted.longitude, 2 * gcj[1] - shifted.latitude)
    assert distance(one_step, wgs) < 0.1
    assert distance(tuple(coordinates.gcj02_to_wgs84(*gcj)), wgs) < 3.0


@given(in_china)
def test_there_and_back_is_exact(point: tuple[float, float]) -> None:
    there = coordinates.wgs84_to_gcj02(*point)
    assert 10 < distance(point, tuple(there)) < 1500
    back = coordinates.gcj02_to_wgs84(*there)
    assert distance(point, tuple(back)) < coordinates.INVERSION_M
    baidu = coordinates.gcj02_to_bd09(*there)
    again = coordinates.bd09_to_gcj02(*baidu)
    assert distance(tuple(there), tuple(again)) < coordinates.INVERSION_M
    both = coordinates.to_wgs84(*baidu, "BD-09")
    assert distance(point, tuple(both)) < 2 * coordinates.INVERSION_M


@given(st.floats(-170, 60), st.floats(-80, 80))
def test_nothing_is_shifted_outside_china(longitude: float, latitude: float) -> None:
    assert tuple(coordinates.wgs84_to_gcj02(longitude, latitude)) == (longitude, latitude)
    assert tuple(coordinates.gcj02_to_wgs84(longitude, latitude)) == (longitude, latitude)


def test_names_of_systems() -> None:
    for name in ("", "WGS-84", "cgcs2000", "EPSG:4490"):
        assert tuple(coordinates.to_wgs84(119.5, 31.4, name)) == (119.5, 31.4)
    assert tuple(coordinates.to_wgs84(119.5, 31.4, "gcj02")) != (119.5, 31.4)
    with pytest.raises(ValueError, match="not known"):
        coordinates.to_wgs84(1, 2, "Mars")


def test_distance_on_the_sphere() -> None:
    degree = np.pi / 180 * 6_371_008.8
    assert distance((119, 31), (119, 32)) == pytest.approx(degree, rel=1e-9)
