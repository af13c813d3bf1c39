"""Tiles: what a decoder of others reads, at every zoom, within the scope."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.access.scope import WHOLE, Scope
from tianmu.web.map import mvt, picture
from tianmu.web.map.filter import Filter
from tianmu.web.map.tiles import SQUARES, Tiles
from tianmu.web.map.zorder import Order, codes, mercator, morton, spread, unspread

from .fleet_of_tiles import Fake, decoded, tile_of

values = st.text(max_size=8) | st.booleans() | st.integers(-(2**31), 2**40)


@given(
    st.lists(values, min_size=1, max_size=300),
    st.lists(
        st.tuples(
            st.integers(-64, 4160), st.integers(-64, 4160), st.integers(0, 2**40),
            st.integers(0, 299),
        ),
        max_size=20,
    ),
)  # fmt: skip
def test_points_are_read_as_written(table: list[Any], points: list[Any]) -> None:
    columns = np.array(points, dtype=np.int64).reshape(-1, 4).T
    x, y, ids, number = columns[0], columns[1], columns[2], columns[3] % len(table)
    found = decoded(
        mvt.layer("devices", x, y, {"a": (number, table), "b": (x & 1, ["even", "odd"])}, ids)
    )
    assert len(found) == len(points)
    for one, (px, py, name, n) in zip(found, points, strict=True):
        assert one["geometry"] == {"type": "Point", "coordinates": [px, py]}
        assert one["id"] == name
        assert one["properties"]["a"] == table[n % len(table)]
        assert one["properties"]["b"] == ("odd" if px & 1 else "even")


@given(st.floats(-179, 179), st.floats(-84, 84))
def test_mercator(longitude: float, latitude: float) -> None:
    x, y = mercator(np.array([longitude]), np.array([latitude]))
    rad = math.radians(latitude)
    assert abs(x[0] - (longitude + 180) / 360) < 1e-12
    assert abs(y[0] - (1 - math.asinh(math.tan(rad)) / math.pi) / 2) < 1e-9


@given(st.integers(0, 2**20 - 1), st.integers(0, 2**20 - 1))
def test_z_order(x: int, y: int) -> None:
    code = morton(x, y)
    back = unspread(np.array([code, code >> 1], dtype=np.uint64))
    assert back.tolist() == [x, y]
    assert int(spread(np.array([x], dtype=np.uint64))[0]) == int(f"{x:b}", 4)


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
                for one in decoded(made.body(WHOLE, z, x, y)):
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
    found = decoded(made.body(WHOLE, z, x, y))
    inside = {
        one["id"]: one["properties"]
        for one in found
        if 0 <= one["geometry"]["coordinates"][0] < 4096
        and 0 <= one["geometry"]["coordinates"][1] < 4096
    }
    expected = {
        n
        for n in range(40_000)
        if not math.isnan(fake.longitude[n])
        and tile_of(fake.longitude[n], fake.latitude[n], z) == (x, y)
    }
    assert set(inside) == expected
    for name, held in inside.items():
        assert held["alarm"] == int(fake.alarm[name])
        assert held["kind"] == ("smoke", "gas")[fake.kind[name]] and held["state"] == "never"


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
            for one in decoded(made.body(scope, z, x, y)):
                px, py = one["geometry"]["coordinates"]
                if "n" in one["properties"] or (0 <= px < 4096 and 0 <= py < 4096):
                    total += one["properties"].get("n", 1)
    assert total == int(((fake.division == 1) & ~np.isnan(fake.longitude)).sum())


def everything(made: Tiles, z: int, wanted: Filter, scope: Scope = WHOLE) -> dict[Any, Any]:
    """All tiles of a zoom with what is in them."""
    x0, y0 = tile_of(119.1, 31.7, z)
    x1, y1 = tile_of(119.7, 31.1, z)
    return {
        (x, y): made.body(scope, z, x, y, wanted)
        for x in range(x0, x1 + 1)
        for y in range(y0, y1 + 1)
    }


def anew(made: Tiles) -> None:
    """Have the next picture taken at once."""
    made._pictures._taken = -picture.FRESH * 2


FILTERS = [Filter(), Filter(states=("online",)), Filter(alarms=(1, 2)), Filter(kinds=("gas",))]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(FILTERS), st.sampled_from([9, 11, 13]))
def test_changes_name_every_tile_that_changed(seed: int, wanted: Filter, z: int) -> None:
    """Who takes only the tiles that the change lists name has what is there now."""
    random = np.random.default_rng(seed)
    fake = Fake(6_000, seed=seed)
    made, scope = Tiles(fake.hub), Scope(divisions=frozenset({"A"}))
    held = {who: everything(made, z, wanted, who) for who in (WHOLE, scope)}
    epoch = made.picture().epoch
    for _ in range(random.integers(1, 4)):
        some = random.integers(0, 6_000, random.integers(0, 6))
        fake.alarm[some] = random.integers(0, 5, len(some))
        some = random.integers(0, 6_000, random.integers(0, 6))
        fake.received[some] = fake.at - random.integers(0, 2, len(some)) * 10**15
        anew(made)
        made.picture()
    for who, tiles in held.items():
        told = made.changes(who, epoch)
        assert not told.whole and told.z == SQUARES >= z
        squares = list(told.alarms)
        if wanted.moves or z >= told.near:
            squares += told.states
        touched = {(x >> SQUARES - z, y >> SQUARES - z) for x, y in squares}
        now = everything(made, z, wanted, who)
        assert {at for at in now if now[at] != tiles[at]} <= touched
        if not wanted.moves and not wanted.kinds and who == WHOLE and z >= told.near:
            assert len(touched) <= 36, "only what changed is named"


def test_a_cursor_too_old_or_of_another_life_takes_everything() -> None:
    fake = Fake(100)
    made = Tiles(fake.hub)
    epoch = made.picture().epoch
    assert not made.changes(WHOLE, epoch).whole
    assert made.changes(WHOLE, epoch - 1).whole
    assert made.changes(WHOLE, epoch + 1).whole
    fake.grow(10)
    anew(made)
    assert made.changes(WHOLE, epoch).whole
    assert made.picture().order.devices == 110


def test_an_order_that_grew_is_the_order_of_all() -> None:
    fake = Fake(5_000)
    first = Order.of(fake.hub.registry.columns)
    fake.grow(700)
    grown, anew = (Order.of(fake.hub.registry.columns, held) for held in (first, None))
    assert np.array_equal(grown.code, anew.code) and grown.near == anew.near
    assert sorted(grown.device.tolist()) == sorted(anew.device.tolist())
    places = fake.longitude[grown.device], fake.latitude[grown.device]
    assert np.array_equal(codes(*places), grown.code)


def test_a_tile_is_made_once_for_all_who_ask(monkeypatch: Any) -> None:
    fake = Fake(20_000)
    made = Tiles(fake.hub)
    made.picture()
    times, real = [], made._make

    def slow(*args: Any) -> Any:
        times.append(1)
        time.sleep(0.05)
        return real(*args)

    monkeypatch.setattr(made, "_make", slow)
    x, y = tile_of(119.4, 31.4, 11)
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: made.tile(WHOLE, 11, x, y), range(16)))
    assert len(times) == 1 and len({id(one) for one in found}) == 1
    # what changes elsewhere leaves it as it is, what changes in it has it made again
    inside = [tile_of(a, b, 11) == (x, y) for a, b in zip(*fake.places(), strict=True)]
    far = made.picture().order.run(11, x, y)
    outside = next(
        n for n, row in enumerate(np.argsort(made.picture().order.device)[: len(inside)].tolist())
        if not far[0] - 64 <= row < far[1] + 64
    )  # fmt: skip
    fake.alarm[fake.placed[outside]] = 3 - fake.alarm[fake.placed[outside]] // 2
    anew(made)
    assert made.tile(WHOLE, 11, x, y) is found[0]
    fake.alarm[fake.placed[inside.index(True)]] ^= 1
    anew(made)
    assert made.tile(WHOLE, 11, x, y) is not found[0]


@pytest.mark.parametrize("z", [8, 14])
def test_filters_choose(z: int) -> None:
    fake = Fake(9_000)
    made = Tiles(fake.hub)
    random = np.random.default_rng(5)
    fake.received[:] = np.where(random.random(9_000) < 0.5, fake.at, 0)
    placed = ~np.isnan(fake.longitude)
    for wanted, expected in (
        (Filter(kinds=("gas",)), fake.kind == 1),
        (Filter(kinds=("gas",), states=("online",)), (fake.kind == 1) & (fake.received > 0)),
        (Filter(states=("never",)), fake.received == 0),
        (Filter(alarms=(1, 4)), np.isin(fake.alarm, (1, 4))),
        (Filter(departments=("D2",), alarms=(2,)), (fake.department == 2) & (fake.alarm == 2)),
        (Filter(kinds=("none",)), np.zeros(9_000, dtype=bool)),
    ):
        total = sum(
            one["properties"].get("n", 1)
            for body in everything(made, z, wanted).values()
            for one in decoded(body)
        )
        assert total == int((expected & placed).sum()), wanted
        shown = made.picture()
        assert made.members(shown, WHOLE, wanted).count(shown) == total


def test_a_square_names_its_devices_worst_first() -> None:
    fake = Fake(3_000)
    fake.alarm[:] = 0
    fake.alarm[[77, 99]] = 3, 1
    made = Tiles(fake.hub)
    total, found = made.square(WHOLE, 0, 0, 0, Filter(), 5)
    assert total == 2_997 and found[:2] == [99, 77] and len(found) == 5
