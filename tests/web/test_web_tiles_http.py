"""Tiles over HTTP: filters, changes that are pushed, the city's own tile service."""

from __future__ import annotations

import dataclasses
from typing import Any

from tianmu.city.charter.basemap import Basemap
from tianmu.web.map import filter as filters
from tianmu.web.map.tiles import SQUARES
from waiting import eventually

from .fleet_of_tiles import decoded, tile_of


def test_over_http(world: Any) -> None:
    with world.client("kiosk") as client:
        x, y = tile_of(119.4, 31.4, 9)
        where = f"/api/tiles/devices/9/{x}/{y}.mvt"
        answer = client.get(where)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/vnd.mapbox-vector-tile"
        assert answer.headers["content-encoding"] == "gzip"
        found = decoded(answer.content)
        numbers = [one["id"] for one in found]
        named = client.get("/api/tiles/devices/numbered", params={"n": numbers[:3]}).json()
        assert [one["device"] for one in named] == [f"d{n}" for n in numbers[:3]]
        plain = client.get(where, headers={"Accept-Encoding": "identity"})
        assert "content-encoding" not in plain.headers and plain.content == answer.content
        again = client.get(where, headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304 and not again.content
        assert client.get("/api/tiles/devices/9/0/0.mvt").status_code == 204
        assert client.get("/api/tiles/devices/3/9/9.mvt").status_code == 404
        square = client.get(f"/api/tiles/devices/9/{x}/{y}").json()
        assert square["total"] == len(found) and len(square["items"]) == min(50, len(found))


def test_filters_over_http(world: Any) -> None:
    kinds = list(world.city.kinds)
    with world.client("kiosk") as client:
        count = "/api/tiles/devices/count"
        whole = client.get(count).json()
        assert whole == {"matching": 60, "total": 60, "unplaced": 0}
        one = client.get(count, params={"kind": kinds[0]}).json()
        assert 0 < one["matching"] < one["total"] == 60
        category = world.city.kinds[kinds[0]].category
        more = client.get(count, params={"category": category}).json()
        assert more["matching"] >= one["matching"]
        refused = client.get(count, params={"kind": "unicorn", "state": "sleepy", "alarm": "9"})
        assert refused.status_code == 422
        assert {fault["where"] for fault in refused.json()["faults"]} == {
            "query.kind", "query.state", "query.alarm",
        }  # fmt: skip
    hub = world.hub
    a = filters.read(hub, kind=f"{kinds[1]}, {kinds[0]},{kinds[0]}", state="silent,online,never")
    assert a == filters.read(hub, kind=f"{kinds[0]},{kinds[1]}") and not a.moves


def test_changes_are_pushed(world: Any, stream: Any) -> None:
    with world.client("duty_officer") as client, world.client("duty_officer") as listener:
        before = client.get("/api/tiles/devices/changes").json()
        assert before["whole"]
        heard = stream(listener)
        # the first picture is told as a whole; between two vital signs it has been
        heard.wait("vitals", 2)
        place = world.hub.registry.device(7).place
        square = list(tile_of(place.longitude, place.latitude, SQUARES))
        world.live.alarm[7] = 2
        try:
            eventually(lambda: any(square in told["alarms"] for told in heard.of("tiles")))
            after = {"after": before["epoch"]}
            asked = client.get("/api/tiles/devices/changes", params=after).json()
            assert not asked["whole"] and square in asked["alarms"]
        finally:
            heard.stop()
            world.live.alarm[7] = 0


def test_the_citys_own_tile_service(world: Any, monkeypatch: Any, tmp_path: Any) -> None:
    hub, plain = world.hub, world.hub.city
    with world.client("kiosk") as client, world.client() as stranger:
        assert client.get("/api/city/basemap").json()["layers"] == []
        before = client.get("/").headers["content-security-policy"]
        assert "https" not in before
        own = Basemap(layers=("https://t0.example.org/w?x={x}&y={y}&l={z}&tk={key}",), key_env="K")
        try:
            hub.city = dataclasses.replace(plain, basemap=own)
            monkeypatch.delenv("K", raising=False)
            told = client.get("/api/city/basemap").json()
            assert told["layers"] == [] and "K" in told["problem"]
            monkeypatch.setenv("K", "se&cret")
            told = client.get("/api/city/basemap").json()
            assert told["layers"] == ["https://t0.example.org/w?x={x}&y={y}&l={z}&tk=se%26cret"]
            assert stranger.get("/api/city/basemap").status_code == 401
            after = client.get("/").headers["content-security-policy"]
            assert (
                after.count("https:") == 2 and "connect-src 'self' https://t0.example.org;" in after
            )
            file = tmp_path / "key"
            hub.city = dataclasses.replace(
                plain, basemap=Basemap(layers=own.layers, key_file=str(file))
            )
            assert "file" in client.get("/api/city/basemap").json()["problem"]
            file.write_text("abc\n")
            assert client.get("/api/city/basemap").json()["layers"][0].endswith("tk=abc")
        finally:
            hub.city = plain
