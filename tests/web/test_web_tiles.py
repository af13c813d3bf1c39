"""Tiles: what a decoder of others reads, at every zoom, within the scope."""

from __future__ import annotations

import math
import time
from types import SimpleNamespace
from typing import Any

import mapbox_vector_tile
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tianmu.access.scope import WHOLE, Scope
from tianmu.web import mvt, tiles
from tianmu.web.tiles import Tiles, mercator, morton, spread


def decoded(body: bytes) -> list[dict[str, Any]]:
    if not body:
        return []
    layers = mapbox_vector_tile.decode(body, default_options={"y_coord_down": True})
    assert list(layers) == ["devices"]
    assert layers["devices"]["extent"] == 4096
    assert layers["devices"]["version"] == 2
    found: list[dict[str, Any]] = layers["devices"]["features"]
    return found


values = st.text(max_size=8) | st.booleans() | st.integers(-(2**31), 2**40)


@given(
    st.lists(
        st.tuples(st.integers(-64, 4160), st.integers(-64, 4160), st.tuples(values, values)),
        max_size=20,
    )
)
def test_points_are_read_as_written(points: list[Any]) -> None:
    found = decoded(mvt.layer("devices", ("a", "b"), points))
    assert len(found) == len(points)
    for one, (x, y, held) in zip(found, points, strict=True):
        assert one["geometry"] == {"type": "Point", "coordinates": [x, y]}
        assert (one["properties"]["a"], one["properties"]["b"]) == held


def tile_of(longitude: float, latitude: float, z: int) -> tuple[int, int]:
    """The tile of a point, by the formula everybody uses."""
    n = 1 << z
    rad = math.radians(latitude)
    x = int((longitude + 180.0) / 360.0 * n)
    y = int((1.0 - math.asinh(math.tan(rad)) / math.pi) / 2.0 * n)
    return x, y


@given(st.floats(-179, 179), st.floats(-84, 84))
def test_mercator(longitude: float, latitude: float) -> None:
    x, y = mercator(np.array([longitude]), np.array([latitude]))
    rad = math.radians(latitude)
    assert abs(x[0] - (longitude + 180) / 360) < 1e-12
    assert abs(y[0] - (1 - math.asinh(math.tan(rad)) / math.pi) / 2) < 1e-9


@given(st.integers(0, 2**20 - 1), st.integers(0, 2**20 - 1))
def test_z_order(x: int, y: int) -> None:
    code = morton(x, y)
    back = tiles._unspread(np.array([code, code >> 1], dtype=np.uint64))
    assert back.tolist() == [x, y]
    assert int(spread(np.array([x], dtype=np.uint64))[0]) == int(f"{x:b}", 4)


class Fake:
    """Columns of a made-up city, as the registry and live give them."""

    def __init__(self, count: int, seed: int = 1) -> None:
        random = np.random.default_rng(seed)
        self.longitude = random.uniform(119.1, 119.7, count)
        self.latitude = random.uniform(31.1, 31.7, count)
        self.longitude[:3] = np.nan
        self.division = random.integers(0, 3, count).astype(np.uint32)
        self.alarm = np.where(random.random(count) < 0.01, random.integers(1, 5, count), 0).astype(
            np.uint8
        )
        columns = SimpleNamespace(
            longitude=self.longitude,
            latitude=self.latitude,
            kind=np.zeros(count, dtype=np.uint16),
            division=self.division,
            department=np.zeros(count, dtype=np.uint16),
            probe=np.zeros(count, dtype=np.uint8),
            first_datastream=np.arange(count + 1, dtype=np.uint32),
        )
        registry = SimpleNamespace(
            columns=columns,
            count_devices=count,
            kinds=["smoke"],
            divisions=["", "A", "B"],
            departments=[""],
            device_id=lambda n: f"d{n}",
        )
        live = SimpleNamespace(alarm=self.alarm, received=np.zeros(count, dtype=np.int64))
        self.hub: Any = SimpleNamespace(
            registry=registry,
            live=lambda: live,
            clock=lambda: 1,
            city=SimpleNamespace(kinds={}),
        )


def test_cells_count_every_device_once() -> None:
    fake = Fake(40_000)
    made = Tiles(fake.hub)
    placed = ~np.isnan(fake.longitude)
    for z in (6, 8, 9, 10, 11):
        x0, y0 = tile_of(119.1, 31.7, z)
        x1, y1 = tile_of(119.7, 31.1, z)
        total, worst = 0, []
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                for one in decoded(made.tile(WHOLE, z, x, y)):
                    if "n" in one["properties"]:
                        total += one["properties"]["n"]
                        worst.append(one["properties"]["worst"])
                    else:
                        px, py = one["geometry"]["coordinates"]
                        if 0 <= px < 4096 and 0 <= py < 4096:
                            total += 1
        assert total == int(placed.sum()), z
        if z <= 9:
            highest = fake.alarm[placed]
            assert min(w for w in worst if w) == highest[highest > 0].min()


def test_points_near_by() -> None:
    fake = Fake(40_000)
    made = Tiles(fake.hub)
    z = 15
    x, y = tile_of(119.4, 31.4, z)
    found = decoded(made.tile(WHOLE, z, x, y))
    inside = {
        one["properties"]["id"]: one["properties"]
        for one in found
        if 0 <= one["geometry"]["coordinates"][0] < 4096
        and 0 <= one["geometry"]["coordinates"][1] < 4096
    }
    expected = {
        f"d{n}"
        for n in range(40_000)
        if not math.isnan(fake.longitude[n])
        and tile_of(fake.longitude[n], fake.latitude[n], z) == (x, y)
    }
    assert set(inside) == expected
    for name, held in inside.items():
        assert held["alarm"] == int(fake.alarm[int(name[1:])])
        assert held["kind"] == "smoke" and held["state"] == "never"


def test_scope() -> None:
    fake = Fake(20_000)
    made = Tiles(fake.hub)
    scope = Scope(divisions=frozenset({"A"}))
    z = 9
    x0, y0 = tile_of(119.1, 31.7, z)
    x1, y1 = tile_of(119.7, 31.1, z)
    total = 0
    for x in range(x0, x1 + 1):
        for y in range(y0, y1 + 1):
            for one in decoded(made.tile(scope, z, x, y)):
                px, py = one["geometry"]["coordinates"]
                if "n" in one["properties"] or (0 <= px < 4096 and 0 <= py < 4096):
                    total += one["properties"].get("n", 1)
    assert total == int(((fake.division == 1) & ~np.isnan(fake.longitude)).sum())


def test_a_large_city_is_quick() -> None:
    fake = Fake(1_000_000)
    made = Tiles(fake.hub)
    made.order()
    start = time.perf_counter()
    for z in range(7, 18):
        x, y = tile_of(119.4, 31.4, z)
        made.tile(WHOLE, z, x, y)
    each = (time.perf_counter() - start) / 11
    assert each < 0.25, f"{each * 1000:.0f} ms a tile"


def test_over_http(world: Any) -> None:
    with world.client("kiosk") as client:
        x, y = tile_of(119.4, 31.4, 9)
        answer = client.get(f"/api/tiles/devices/9/{x}/{y}.mvt")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
        assert decoded(answer.content)[0]["properties"]["id"].startswith("d")
        assert client.get("/api/tiles/devices/9/0/0.mvt").status_code == 204
        assert client.get("/api/tiles/devices/3/9/9.mvt").status_code == 404
