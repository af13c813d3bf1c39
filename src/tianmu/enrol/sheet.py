"""A file of devices, CSV or Parquet, read piece by piece however large it is."""

from __future__ import annotations

import codecs
import contextlib
import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from tianmu.enrol.columns import COLUMNS, check_head, one_form
from tianmu.enrol.fault import Faults, Unusable
from tianmu.enrol.shape import check

BLOCK = 4 << 20
"""bytes of CSV that are looked at at once; a row has to fit in"""
_NO_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "compressed by gzip",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows ``first`` and following, in one form, and what is wrong with them."""

    first: int
    table: pa.Table
    numbers: NDArray[np.int64]
    """of the rows, shape (n,); not all in a row where some could not be read"""
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True)
class Sheet:
    """A file as far as its head is known."""

    path: Path
    form: str
    """``csv`` or ``parquet``"""
    columns: list[str]
    encoding: str = "utf-8"
    rows: int = 0
    """as the file says (Parquet), or its lines (CSV): as many or more"""

    def pieces(self, rows: int) -> Iterator[Piece]:
        """The file in pieces of ``rows`` rows, the last one shorter. Raises ``Unusable`` where it
        cannot be read on."""
        first = 1
        broken: dict[int, tuple[str, str]] = {}
        raw = _csv(self, broken) if self.form == "csv" else _parquet(self, rows)
        for table in _sized(raw, rows):
            faults = Faults()
            numbers = _numbers(first, len(table), broken)
            last = int(numbers[-1])
            for row in sorted(r for r in broken if r <= last):
                faults.add(row, "", *broken.pop(row))
            made = one_form(table, numbers, faults)
            check(made, numbers, faults)
            yield Piece(first, made, numbers, faults)
            first = last + 1
        if broken:
            faults = Faults()
            for row, why in sorted(broken.items()):
                faults.add(row, "", *why)
            none = pa.table({name: pa.array([], COLUMNS[name]) for name in self.columns})
            yield Piece(first, none, np.empty(0, np.int64), faults)

    def lines_of(self, rows: set[int]) -> dict[int, int]:
        """Row → the line of the file at which it begins: cells may hold line breaks."""
        found: dict[int, int] = {}
        last = max(rows, default=0)
        with self.path.open(encoding=self.encoding, newline="") as text:
            reader = csv.reader(text)
            row, line = -1, 0
            for cells in reader:
                if cells:
                    row += 1
                    if row in rows:
                        found[row] = line + 1
                if row >= last:
                    break
                line = reader.line_num
        return found


def _numbers(first: int, count: int, left_out: Iterable[int]) -> NDArray[np.int64]:
    """Numbers of ``count`` rows from ``first`` on, past those that were left out."""
    past = sorted(row for row in left_out if row >= first)
    numbers = np.arange(first, first + count + len(past), dtype=np.int64)
    return numbers[~np.isin(numbers, past)][:count]


def open_sheet(path: Path, form: str = "") -> Sheet:
    """The file at ``path``; ``form`` where it is known. Raises ``Unusable``, ``OSError``."""
    with path.open("rb") as file:
        start = file.read(4)
    if form == "parquet" or (not form and start == b"PAR1"):
        return _open_parquet(path)
    for magic, what in _NO_TEXT.items():
        if start.startswith(magic):
            raise Unusable(0, "", f"this is {what}", "save it as CSV in UTF-8, or as Parquet")
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as text:
        try:
            names = next((row for row in csv.reader(text, strict=True) if row), [])
        except csv.Error as error:
            raise Unusable(0, "", f"the head is not CSV: {error}", "mend its quotes") from error
    names = [name.strip() for name in names]
    if not names:
        raise Unusable(0, "", "the file is empty", "the first line names the columns")
    check_head(names)
    lines, quotes = _count(path)
    sheet = Sheet(path, "csv", names, encoding, rows=max(0, lines - 1))
    if quotes % 2:
        _check_quotes(sheet)
    return sheet


def _encoding(path: Path) -> str:
    """UTF-8, or GB 18030 where the file is that and not UTF-8."""
    wrong = _first_wrong(path, "utf-8")
    if wrong is None:
        return "utf-8-sig"
    if _first_wrong(path, "gb18030") is None:
        return "gb18030"
    raise Unusable(
        0, "", f"byte {wrong} is neither UTF-8 nor, with the rest, GB 18030",
        "save the file as CSV in UTF-8",
    )  # fmt: skip


def _first_wrong(path: Path, encoding: str) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    at = 0
    with path.open("rb") as file:
        while True:
            block = file.read(BLOCK)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                return at + error.start
            if not block:
                return None
            at += len(block)


def _count(path: Path) -> tuple[int, int]:
    """Lines and quotes; both are plain ASCII in UTF-8 and in GB 18030."""
    lines = quotes = 0
    last = b"\n"
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            lines += block.count(b"\n")
            quotes += block.count(b'"')
            last = block[-1:]
    return lines + (last != b"\n"), quotes


def _check_quotes(sheet: Sheet) -> None:
    """A quote that is never closed would swallow the rest of the file without a word."""
    with sheet.path.open(encoding=sheet.encoding, newline="") as text:
        reader = csv.reader(text, strict=True)
        row, line = -1, 0
        try:
            for cells in reader:
                row += bool(cells)
                line = reader.line_num
        except csv.Error as error:
            raise Unusable(
                max(row + 1, 0),
                "",
                f"a quote is opened in line {line + 1} and not closed",
                'close it; write a quote within a cell twice: ""',
            ) from error


def _csv(sheet: Sheet, broken: dict[int, tuple[str, str]]) -> Iterator[pa.Table]:
    """Texts of all columns; rows with too few or too many cells go to ``broken``."""
    seen = 0

    def wrong(row: Any) -> str:
        # rows that were left out before it were counted too, the head was not
        broken[row.number - 1] = (
            f"has {row.actual_columns} cells, and the head {row.expected_columns}",
            'give each column its cell; put cells that hold a comma in "quotes"',
        )
        return "skip"

    encoding = "utf-8" if sheet.encoding.startswith("utf-8") else sheet.encoding
    try:
        reader = pyarrow.csv.open_csv(
            sheet.path,
            pyarrow.csv.ReadOptions(use_threads=False, block_size=BLOCK, encoding=encoding),
            pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=wrong),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(_heads(sheet), pa.string()),
                strings_can_be_null=False,
            ),
        )
        with contextlib.closing(reader):
            for batch in reader:
                seen += len(batch)
                yield pa.Table.from_batches([batch]).rename_columns(sheet.columns)
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise Unusable(
            seen + len(broken) + 1,
            "",
            f"cannot be read on from here: {error}",
            'look for a " that is not closed',
        ) from error


def _heads(sheet: Sheet) -> list[str]:
    """The names as they stand in the file, blanks and all."""
    with sheet.path.open(encoding=sheet.encoding, newline="") as text:
        return next(row for row in csv.reader(text) if row)


def _open_parquet(path: Path) -> Sheet:
    try:
        with pq.ParquetFile(path) as file:
            names, rows = list(file.schema_arrow.names), file.metadata.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise Unusable(0, "", f"this is no whole Parquet file: {error}", "write it anew") from error
    check_head(names)
    return Sheet(path, "parquet", names, rows=rows)


def _parquet(sheet: Sheet, rows: int) -> Iterator[pa.Table]:
    seen = 0
    try:
        with pq.ParquetFile(sheet.path) as file:
            for batch in file.iter_batches(batch_size=min(rows, 65_536)):
                seen += len(batch)
                yield pa.Table.from_batches([batch])
    except (pa.ArrowInvalid, OSError) as error:
        raise Unusable(seen + 1, "", f"cannot be read on: {error}", "write it anew") from error


def _sized(tables: Iterator[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The same rows in tables of exactly ``rows``, but for the last."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        rest = table
        while count + len(rest) >= rows:
            take = rows - count
            yield pa.concat_tables([*held, rest.slice(0, take)])
            rest, held, count = rest.slice(take), [], 0
        if len(rest):
            held.append(rest)
            count += len(rest)
    if held:
        yield pa.concat_tables(held)
