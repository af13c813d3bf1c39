"""The packs' own networks: their rivers and streets, and a spill along them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tianmu.cities
from tianmu.city import pack
from tianmu.city.file.reader import PackReader
from tianmu.city.place import network
from tianmu.prevent.cause.found import causes
from tianmu.prevent.cause.judge import SECOND, Sign, judge
from tianmu.prevent.cause.ways import Ways

CITIES = Path(tianmu.cities.__file__).parent


@pytest.mark.parametrize("name", ["liyang", "port_ellery"])
def test_on_the_packs_river_a_spill_hangs_together(name: str) -> None:
    city = pack.load(CITIES / name)
    ways = Ways(city, city.networks["rivers"])
    placed = [one for one in city.waters.stations.values() if one.reach]
    spots = {one.code: ways.spot((one.code,), None, None) for one in placed}
    seconds, metres = ways.network.between([spot for spot in spots.values() if spot is not None])
    below = np.isfinite(seconds) & (seconds > 0)
    top = int(np.argmax(below.sum(1)))
    assert below[top].any() and not (below & below.T).any(), "a river runs one way"
    speed = metres[below] / seconds[below]
    assert (speed > 0.1).all() and (speed < 0.6).all()
    codes = list(spots)
    begins = 1_000_000 * SECOND
    signs = [Sign("source", spots[codes[top]], begins)]
    signs += [
        Sign(codes[n], spots[codes[n]], begins + round(seconds[top, n] * 1.2 * SECOND))
        for n in np.flatnonzero(below[top]).tolist()
    ]
    found = judge(ways.network, signs, ways.fit)
    assert {one.cause for one in found} == {"source"} and len(found) == len(signs) - 1
    assert causes([ways], [], {}) == {}


def test_what_stands_far_from_the_streets_is_on_none_of_them() -> None:
    city = pack.load(CITIES / "liyang")
    ways = Ways(city, city.networks["streets"])
    longitude, latitude = (float(n) for n in city.streets.nodes[5])
    near = ways.spot((), longitude, latitude)
    assert near is not None and ways.spot((), longitude + 1, latitude) is None
    assert ways.spot((), None, None) is None
    other = ways.spot((), *(float(n) for n in city.streets.nodes[9]))
    assert other is not None
    seconds, metres = ways.network.between([near, other])
    assert seconds[0, 1] == pytest.approx(seconds[1, 0]) and np.isfinite(metres[0, 1])


def test_a_faulty_file_says_line_and_remedy(tmp_path: Path) -> None:
    (tmp_path / network.FILE).write_text(
        """[[network]]
code = "a"
name = { en = "A" }
ways = "rivers"
matters = ["none:such:matter"]
speed_m_s = []
[[network]]
code = "a"
name = { en = "A" }
ways = "canals"
matters = []
speed_m_s = [1]
[other]
"""
    )
    reader = PackReader(tmp_path)
    reader.languages = ("en",)
    assert set(network.read(reader, {"city:event:one"})) == {"a"}
    told = "\n".join(f"{f.line}: {f.what}: {f.remedy}" for f in reader.faults)
    assert "5: network a: matter none:such:matter is not known" in told
    assert "1: network a has no speed_m_s" in told
    assert "10: " in told and "nobody reads 'other'" in told
