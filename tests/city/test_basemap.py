"""A city's own tile service: what a pack may say of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tianmu.city import pack
from tianmu.city.charter.basemap import Basemap, faults

GOOD = "https://t0.example.org/w?x={x}&y={y}&l={z}&tk={key}"


@pytest.mark.parametrize(
    ("basemap", "named"),
    [
        (Basemap(layers=(GOOD,), key_env="K"), []),
        (Basemap(layers=("http://10.0.0.1:8080/{z}/{x}/{y}.png",), tile_size=512), []),
        (Basemap(layers=(GOOD,)), ["layers"]),
        (Basemap(layers=(GOOD,), key_env="K", key_file="k"), ["layers"]),
        (Basemap(layers=(GOOD.replace("{key}", "0123"),)), ["layers"]),
        (Basemap(layers=("ftp://a/{z}/{x}/{y}",)), ["layers"]),
        (Basemap(layers=("https://a;script-src b/{z}/{x}/{y}",)), ["layers"]),
        (Basemap(layers=("https://a/{z}/{x}",)), ["layers"]),
        (Basemap(layers=()), ["layers"]),
        (Basemap(layers=(GOOD,), key_env="K", crs="EPSG:4490"), ["crs"]),
        (Basemap(layers=(GOOD,), key_env="K", crs="GCJ-02"), ["crs"]),
        (Basemap(layers=(GOOD,), key_env="K", max_zoom=40), ["max_zoom"]),
        (Basemap(layers=(GOOD,), key_env="K", tile_size=100), ["tile_size"]),
    ],
)  # fmt: skip
def test_what_may_be_said(basemap: Basemap, named: list[str]) -> None:
    assert [key for key, _, _ in faults(basemap)] == named
    assert all(remedy for _, _, remedy in faults(basemap))


def test_a_pack_with_one(tmp_path: Path) -> None:
    folder = tmp_path / "city"
    shutil.copytree(pack.locate("port_ellery"), folder)
    head = folder / "city.toml"
    text = head.read_text()
    table = '[basemap]\nlayers = ["https://a.example/{z}/{x}/{y}.png"]\ncrs = "%s"\n\n[merging]'
    head.write_text(text.replace("[merging]", table % "EPSG:3857", 1))
    city = pack.load(folder)
    assert city.basemap is not None and city.basemap.origins == ("https://a.example",)
    head.write_text(text.replace("[merging]", table % "GCJ-02", 1))
    (fault,) = pack.check(folder)
    assert fault.file == "city.toml" and "GCJ-02" in fault.what and "hundreds" in fault.remedy
