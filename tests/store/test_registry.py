"""The registry: the same indices everywhere, every id found, nobody mistaken for another."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.facts.encoding import encode
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.registry import Device, SourceChanged
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import UNKNOWN, Registry, write_segment
from tianmu.store.registry.index import Index, Query, hash_of
from tianmu.store.registry.merge import merge, worth_merging
from tianmu.store.registry.text import Texts


def device(device_id: str, *properties: str, address: str = "", **more: Any) -> Device:
    labels = {"address": address} if address else {}
    return Device(device=device_id, kind="smoke", properties=properties, labels=labels, **more)


def table(n: int, start: int = 0) -> pa.Table:
    ids = range(start, start + n)
    return pa.table(
        {
            "device": [f"city-{i:07d}" for i in ids],
            "name": [f"烟感 {i}" for i in ids],
            "kind": [("smoke", "water", "gas")[i % 3] for i in ids],
            "longitude": [119.0 + i * 1e-6 for i in ids],
            "latitude": [31.0 + i * 1e-6 if i % 7 else None for i in ids],
            "division": [f"32048110{i % 12:04d}" for i in ids],
            "origin": ["seeded"] * n,
            "address": [f"panel/{i}" if i % 5 == 0 else "" for i in ids],
        }
    )


PROPERTIES = {"smoke": ["state"], "water": ["level", "flow"], "gas": ["state", "ppm"]}


def register(data: Path, registry: Registry, rows: pa.Table) -> None:
    written = write_segment(data, rows, properties=PROPERTIES)
    registry.apply(registry.registration_of(written, at=1, actor="test"))


def expected(n: int, start: int = 0) -> list[str]:
    return [
        f"city-{i:07d}/{p}"
        for i in range(start, start + n)
        for p in PROPERTIES[("smoke", "water", "gas")[i % 3]]
    ]


@pytest.mark.parametrize("n", [40, 20_000])
def test_a_segment_gives_every_datastream_its_index(tmp_path: Path, n: int) -> None:
    registry = Registry(tmp_path)
    register(tmp_path, registry, table(n))
    ids = expected(n)
    assert (registry.count_devices, registry.count_datastreams) == (n, len(ids))
    assert registry.datastream_index(ids).tolist() == list(range(len(ids)))
    assert [registry.datastream(i) for i in range(0, len(ids), 97)] == ids[::97]
    unknown = ["city-0000000", "city-0000000/", "/state", "", "x/state", "city-0000000/flow", "\n"]
    assert (registry.datastream_index(unknown) == UNKNOWN).all()
    assert (registry.datastream_index(unknown * 9) == UNKNOWN).all()
    mixed = [*unknown, *ids[:50]]
    assert registry.datastream_index(mixed).tolist() == [UNKNOWN] * 7 + list(range(50))
    assert registry.find("city-0000015") == 15 == registry.find_address("panel/15")
    assert registry.find_address("panel/16") is None is registry.find("")
    first = registry.columns.first_datastream
    assert [registry.datastreams_of(i) for i in (0, 1, n - 1)] == [
        range(first[i], first[i + 1]) for i in (0, 1, n - 1)
    ]
    assert first[-1] == len(ids)
    assert registry.kinds[registry.kind[4]] == "water"
    assert registry.divisions[registry.division[13]] == "320481100001"
    assert np.isnan(registry.latitude[7]) and registry.longitude[7] == 119.0 + 7e-6
    found = registry.device(8)
    assert found == Device(
        device="city-0000008",
        name="烟感 8",
        kind="gas",
        properties=("state", "ppm"),
        place=Place(longitude=119.0 + 8 * 1e-6, latitude=31.0 + 8 * 1e-6, division="320481100008"),
        origin=Origin.SEEDED,
    )
    assert registry.device(10).labels == {"address": "panel/10"}
    every = range(registry.count_devices)
    assert [registry.labels(i) for i in every] == [registry.device(i).labels for i in every]
    assert registry.device(7).place == Place(division="320481100007")
    for wrong in (-1, n):
        with pytest.raises(IndexError):
            registry.device(wrong)


def test_addresses_resolve_as_ids_do(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    register(tmp_path, registry, table(20_000))
    single = device("single", "state", address="panel/x")
    registry.apply(registry.registration([single], at=1, actor="test"))
    addresses = ["panel/15", "city-0000015", "panel/x", "single", "nobody", "panel/1"]
    for many in (1, 20):
        found = registry.resolve(addresses * many, ["state"] * 6 * many)
        want = registry.datastream_index(
            ["city-0000015/state"] * 2 + ["single/state"] * 2 + ["nobody/state"] * 2
        )
        assert found.tolist() == want.tolist() * many
        assert (want[:4] != UNKNOWN).all() and (want[4:] == UNKNOWN).all()
    with pytest.raises(ValueError, match="2 addresses, 1 properties"):
        registry.resolve(["a", "b"], ["c"])


def test_segments_and_single_devices_mix_in_any_order(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    names: list[str] = []
    for step in range(3):
        alone = device(f"alone-{step}", "a", "b", place=Place(longitude=1.0, latitude=2.0))
        registry.apply(registry.registration([alone], at=1, actor="test"))
        names += [f"alone-{step}/a", f"alone-{step}/b"]
        register(tmp_path, registry, table(20_000, step * 20_000))
        names += expected(20_000, step * 20_000)
        register(tmp_path, registry, table(30, 100_000 + step * 30))
        names += expected(30, 100_000 + step * 30)
    assert registry.datastream_index(names).tolist() == list(range(len(names)))
    for stream in (0, 1, 2, 33_337, 40_000, len(names) - 1):
        assert registry.datastream(stream) == names[stream]
        owner = registry.device_of(stream)
        assert stream in registry.datastreams_of(owner)
        assert registry.find(names[stream].split("/")[0]) == owner
    assert registry.device(0).place.longitude == 1.0
    assert registry.device(20_031).device == "alone-1"
    assert registry.device_index(["alone-1", "city-0020000", "x"]).tolist() == [
        20_031,
        20_032,
        UNKNOWN,
    ]
    kinds = np.array([registry.kinds[k] for k in registry.kind])
    assert kinds[20_032] == ("smoke", "water", "gas")[20_000 % 3]


def test_every_process_gets_the_same_from_the_journal(tmp_path: Path) -> None:
    hub = Registry(tmp_path)
    with Records(tmp_path / "hub.sqlite") as records, SqliteJournal(tmp_path) as journal:

        def tell(fact: Any) -> None:
            records.transact(lambda tx: tx.append("registry", encode(fact)))
            assert hub.refresh(journal) == 1

        tell(SourceChanged(source="s", number=3, protocol="mqtt", at=1, actor="a"))
        tell(hub.registration([device("one", "p")], at=1, actor="a"))
        written = write_segment(tmp_path, table(17_000), properties=PROPERTIES)
        tell(hub.registration_of(written, at=2, actor="a"))
        tell(hub.registration([device("two", "p")], at=1, actor="a"))
        seen: list[object] = []
        other = Registry(tmp_path)
        assert other.replay(journal, seen.append) == 4 == len(seen)
        assert other.sources["s"].number == 3
        assert other.position == hub.position
        for name in ("kind", "longitude", "division", "first_datastream", "device_of", "property"):
            mine, theirs = getattr(hub.columns, name), getattr(other.columns, name)
            np.testing.assert_array_equal(mine, theirs)
        assert other.refresh(journal) == 0
        with pytest.raises(ValueError, match="applied twice"):
            other.apply(seen[1])


def test_what_is_taken_is_not_given_again(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    register(tmp_path, registry, table(20_000))
    for wrong in ("city-0000003", ""):
        with pytest.raises(ValueError, match="registered already"):
            registry.registration([device(wrong, "p")], at=1, actor="a")
    with pytest.raises(ValueError, match="another device"):
        registry.registration([device("new", "p", address="panel/5")], at=1, actor="a")
    with pytest.raises(ValueError, match="registered already"):
        registry.registration([device("new", "p"), device("new", "p")], at=1, actor="a")


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"device": ["a", "a"]}, "device 'a' occurs twice"),
        ({"device": ["a", ""]}, "row 1: device is empty"),
        ({"longitude": [1.0, 181.0]}, "row 1: longitude 181.0 is outside"),
        ({"origin": ["real", "made up"]}, "row 1: origin made up is none of"),
        ({"address": ["x", "x"]}, "address 'x' occurs twice"),
        ({"kind": ["smoke", "unheard"]}, "no properties are given for kind 'unheard'"),
        ({"properties": [["a/b"], []]}, "no '/' in it"),
    ],
)
def test_wrong_rows_are_named(tmp_path: Path, columns: dict[str, list[object]], says: str) -> None:
    good = {"device": ["a", "b"], "kind": ["smoke", "smoke"]}
    with pytest.raises(ValueError, match=says):
        write_segment(tmp_path, {**good, **columns}, properties=PROPERTIES)
    assert list((tmp_path / "registry").glob("*")) == []


def test_devices_come_back_from_a_segment_as_they_went_in(tmp_path: Path) -> None:
    devices = [
        device(
            "a/b",
            "p",
            address="1/2",
            name="名",
            department="d",
            source="s",
            probe="x",
            place=Place(
                longitude=1.5, latitude=2.5, precision=30.0, address="街", crs_origin="GCJ-02"
            ),
        ),
        Device(device="c", kind="k", properties=(), labels={"floor": "3"}),
    ]
    registry = Registry(tmp_path)
    written = write_segment(tmp_path, devices)
    assert (written.count_devices, written.count_datastreams) == (2, 1)
    registry.apply(registry.registration_of(written, at=1, actor="a"))
    assert [registry.device(i) for i in range(2)] == devices
    assert registry.datastream_index(["a/b/p"]).tolist() == [0]
    assert registry.columns.probe.tolist() == [1, 0]
    assert write_segment(tmp_path, devices).name == written.name


def test_derived_files_are_made_again_and_damage_is_noticed(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    written = write_segment(tmp_path, table(20_000), properties=PROPERTIES)
    fact = registry.registration_of(written, at=1, actor="a")
    folder = tmp_path / "registry" / written.name
    shutil.rmtree(folder / "index-1")
    registry.apply(fact)
    assert registry.datastream_index(expected(20_000)).tolist() == list(
        range(fact.count_datastreams)
    )
    shutil.rmtree(folder / "index-1")
    file = folder / "devices.parquet"
    file.write_bytes(file.read_bytes()[:-9] + b"x" + file.read_bytes()[-8:])
    with pytest.raises(ValueError, match="damaged"):
        Registry(tmp_path).apply(fact)
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError, match="restore it from a backup"):
        Registry(tmp_path).apply(fact)


def test_searching(tmp_path: Path) -> None:
    registry = Registry(tmp_path)
    registry.apply(registry.registration([device("CITY-x", "p", name="New")], at=1, actor="a"))
    register(tmp_path, registry, table(20_000))
    registry.apply(registry.registration([device("last", "p", name="烟感 city")], at=1, actor="a"))
    assert registry.search("city", limit=3) == [0, 1, 2]
    assert registry.search("city-", after=19_998) == [19_999, 20_000]
    assert registry.search("CITY", after=19_999) == [20_000, 20_001]
    assert registry.search("panel/15", limit=3) == [16, 151, 156]
    assert registry.search("烟感 19999") == [20_000]
    assert registry.search("0city") == [], "never across the bounds of two rows"
    water = registry.search("city-", kinds=["water"], limit=2)
    assert [registry.device(i).kind for i in water] == ["water", "water"]
    town = registry.search(divisions=["320481100003"], kinds=["smoke"], limit=5)
    assert all(registry.device(i).place.division == "320481100003" for i in town) and town
    assert registry.search(after=20_000) == [20_001]


@pytest.mark.parametrize("many", [2, 16])
def test_many_segments_become_one_and_nothing_changes(tmp_path: Path, many: int) -> None:
    hub, late = Registry(tmp_path), Registry(tmp_path)
    n = 17_000
    with Records(tmp_path / "hub.sqlite") as records, SqliteJournal(tmp_path) as journal:

        def tell(fact: Any) -> None:
            records.transact(lambda tx: tx.append("registry", encode(fact)))
            hub.refresh(journal)

        tell(hub.registration([device("first", "p", "q", address="w/1")], at=1, actor="a"))
        for step in range(many):
            rows = table(n if step % 3 else 50, step * n)
            written = write_segment(
                tmp_path, rows, properties=PROPERTIES, words=hub.words,
                first_device=hub.count_devices, first_datastream=hub.count_datastreams,
            )  # fmt: skip
            tell(hub.registration_of(written, at=1, actor="a"))
            tell(hub.registration([device(f"one-{step}", "level", probe="x")], at=1, actor="a"))
            if step == 0:
                late.refresh(journal)
        assert worth_merging(hub)
        names = [hub.datastream(i) for i in range(hub.count_datastreams)]
        devices = [hub.device(i) for i in range(0, hub.count_devices, 311)]
        before = {name: getattr(hub.columns, name).copy() for name in vars(hub.columns)}
        tell(hub.registration([device("after", "flow", address="w/2")], at=1, actor="a"))
        written = merge(tmp_path, hub)
        assert written.count_devices == hub.count_devices
        tell(hub.registration([device("last", "flow", address="w/3")], at=1, actor="a"))
        tell(hub.merged(written, at=2))
        assert not worth_merging(hub)
        assert [part.segment.name for part in hub.parts] == [written.name]
        for path in (tmp_path / "registry").iterdir():
            if path.name != written.name:
                shutil.rmtree(path)
        # whoever comes late, or new, needs nothing of what was merged
        fresh = Registry(tmp_path)
        for registry in (hub, fresh, late):
            registry.refresh(journal)
            for name, values in before.items():
                found = getattr(registry.columns, name)[: len(values)]
                np.testing.assert_array_equal(found, values)
            assert registry.datastream_index(names).tolist() == list(range(len(names)))
            assert [registry.device(i) for i in range(0, len(before["kind"]), 311)] == devices
            assert registry.find("first") == 0 == registry.find_address("w/1")
            assert registry.find("last") == registry.count_devices - 1 == len(before["kind"]) + 1
            assert registry.datastream_index(["after/flow", "last/flow"]).tolist() == [
                len(names), len(names) + 1,
            ]  # fmt: skip
            assert registry.find_address("w/2") == registry.find("after")
        # and it goes on from there
        tell(hub.registration([device("new", "flow")], at=1, actor="a"))
        assert hub.find("new") == hub.count_devices - 1
        with pytest.raises(ValueError, match="registered already"):
            hub.registration([device(devices[1].device, "p")], at=1, actor="a")


def test_columns_of_a_merged_registry_are_the_file_s_own(tmp_path: Path) -> None:
    """No page of them becomes a process's own, whatever words came first."""
    registry = Registry(tmp_path)
    registry.apply(registry.registration([device("first", "p")], at=1, actor="a"))
    for step in range(2):
        register(tmp_path, registry, table(20_000, step * 20_000))
    registry.apply(registry.merged(merge(tmp_path, registry), at=1))
    part = registry.parts[0]
    words = registry.words
    assert [part.segment.lists[name] for name in ("kind", "division", "department")] == [
        words[name] for name in ("kind", "division", "department")
    ]
    assert part.first_device == part.segment.first_device == 0


words = st.text(
    alphabet=st.characters(blacklist_categories=["Cs"], blacklist_characters="/"), max_size=12
)


@settings(max_examples=60, deadline=None)
@given(st.lists(words, unique=True, max_size=60), st.lists(words, max_size=30))
def test_the_index_finds_all_and_only_what_is_in(keys: list[str], others: list[str]) -> None:
    index = Index.build(Texts.of(keys), "key")
    query = Query.of(keys + others)
    out = np.full(len(keys) + len(others), UNKNOWN, np.uint32)
    index.lookup(query, query.ends, out)
    for word, row in zip(keys + others, out.tolist(), strict=True):
        want = keys.index(word) if word and word in keys else None
        assert (None if row == UNKNOWN else row) == want == index.find(word)


def test_the_hash_is_the_same_in_python_and_numba() -> None:
    """FNV-1a (draft-eastlake-fnv) before the final mix."""
    from tianmu.store.registry import kernels

    for word in (b"", b"a", "烟感".encode(), bytes(range(256))):
        text = np.frombuffer(word + b"!", np.uint8)
        assert int(kernels._hash(text, 0, len(word))) == hash_of(word)
