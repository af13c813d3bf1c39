"""Files of devices are read as they were written, piece by piece, and every fault has its row."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tianmu.enrol.columns import COLUMNS, NUMBER
from tianmu.enrol.fault import Unusable
from tianmu.enrol.sheet import open_sheet

BLANK = " \t\n\v\f\r\x1c\x1d\x1e\x1f\x85"
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12
).map(lambda one: one.replace("\r", "\n"))
ids = st.text(st.sampled_from("abcxyz0189-_.:烟感"), min_size=1, max_size=10)
numbers = st.none() | st.floats(-90, 90, allow_nan=False)


def rows_of(path: Path, size: int, form: str = "") -> tuple[list[dict[str, Any]], list[str]]:
    rows: list[dict[str, Any]] = []
    faults: list[str] = []
    for piece in open_sheet(path, form).pieces(size):
        assert len(piece.table) <= size
        rows += piece.table.to_pylist()
        faults += [str(one) for one in piece.faults.told]
    return rows, faults


def plain(text: str) -> str | None:
    """What a cell is read as: blanks around it are not part of it, empty is nothing."""
    import pyarrow.compute as pc

    return pc.utf8_trim_whitespace(pa.scalar(text)).as_py() or None


@given(
    st.lists(st.tuples(ids, texts, numbers, numbers), max_size=30),
    st.integers(1, 7),
    st.sampled_from(["utf-8", "utf-8-sig", "gb18030"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_csv_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, float | None, float | None]],
    size: int,
    encoding: str,
    ending: str,
) -> None:
    path = tmp_path_factory.mktemp("csv") / "devices.csv"
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator=ending, quoting=csv.QUOTE_ALL)
    writer.writerow(["device", "kind", "name", "longitude", "latitude"])
    for device, name, x, y in rows:
        point = [x, y] if x is not None and y is not None else [None, None]
        writer.writerow([device, "smoke", name, *point])
    path.write_bytes(out.getvalue().encode(encoding))
    found, faults = rows_of(path, size)
    assert faults == []
    assert len(found) == len(rows)
    for (device, name, x, y), row in zip(rows, found, strict=True):
        known = x is not None and y is not None
        assert row == {
            "device": device,
            "kind": "smoke",
            "name": plain(name),
            "longitude": x if known else None,
            "latitude": y if known else None,
        }


@given(st.lists(st.tuples(ids, texts, st.lists(ids, max_size=3)), max_size=30), st.integers(1, 7))
def test_parquet_is_read_as_it_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, str, list[str]]],
    size: int,
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "devices.parquet"
    table = pa.table(
        {
            "device": pa.array([device for device, _, _ in rows], pa.string()),
            "kind": pa.array(["smoke"] * len(rows), pa.string()).dictionary_encode(),
            "name": pa.array([name for _, name, _ in rows], pa.string()),
            "properties": pa.array([held for _, _, held in rows], pa.list_(pa.string())),
        }
    )
    pq.write_table(table, path, row_group_size=5)
    found, faults = rows_of(path, size)
    assert faults == []
    assert [(r["device"], r["name"], r["properties"]) for r in found] == [
        (device, plain(name), held or None) for device, name, held in rows
    ]


@given(st.binary(max_size=400))
def test_whatever_the_bytes_are_they_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("any") / "devices"
    for form in ("csv", "parquet", ""):
        path.write_bytes(b"device,kind,longitude\n" + content if form == "csv" else content)
        try:
            rows, _ = rows_of(path, 3, form)
        except Unusable as unusable:
            assert unusable.fault.what and unusable.fault.remedy
        else:
            assert all(set(row) <= set(COLUMNS) for row in rows)


@given(st.text(st.sampled_from("0123456789+-.eEx _,nai"), max_size=8))
def test_a_number_is_one_or_is_told(tmp_path_factory: pytest.TempPathFactory, cell: str) -> None:
    path = tmp_path_factory.mktemp("number") / "devices.csv"
    path.write_text(f'device,kind,precision\na,smoke,"{cell}"\n')
    rows, faults = rows_of(path, 10)
    if rows[0]["precision"] is None:
        assert not cell.strip() or "precision" in faults[0]
    else:
        assert rows[0]["precision"] == float(cell)
    assert COLUMNS["precision"] == NUMBER


def test_rows_keep_their_numbers_and_their_lines(tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_bytes(
        b'device,kind,name\na,smoke,"x\ny"\n\nb,smoke\nc/,smoke,n\nd,smoke,n\ne e,smoke,n\n'
    )
    for size in (1, 2, 100):
        _, faults = rows_of(path, size)
        assert [one.partition(":")[0] for one in faults] == [
            "row 2", "row 3, column device", "row 5, column device",
        ]  # fmt: skip
    assert open_sheet(path).lines_of({1, 2, 3, 5}) == {1: 2, 2: 5, 3: 6, 5: 8}


def test_a_row_longer_than_a_block_is_told(tmp_path: Path) -> None:
    path = tmp_path / "devices.csv"
    path.write_text('device,kind,name\na,smoke,n\nb,smoke,"' + "x" * (9 << 20) + '"\n')
    with pytest.raises(Unusable) as refused:
        rows_of(path, 10)
    assert refused.value.fault.row in {1, 2}
