"""Tables in files, CSV or Parquet by their suffix, read and written whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from tianmu.scenarios.contract import BadInput

SUFFIXES = (".csv", ".parquet")
_NO_TEXT = {
    b"PK\x03\x04": "an Excel workbook or a ZIP archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"\x1f\x8b": "compressed by gzip",
    b"PAR1": "a Parquet file: name it so",
}
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_SEPARATORS = ";\t"
"""instead of commas, where the head has none; what is written has commas"""
_WRITTEN_AT_ONCE = 50_000


def read_table(path: Path, tell: Callable[[str], None]) -> pa.Table:
    """The table in ``path``: of CSV every column as text, as it stands there. Raises ``BadInput``,
    ``OSError``."""
    table = _read_parquet(path) if path.suffix.lower() == ".parquet" else _read_csv(path, tell)
    twice = [name for name in table.column_names if table.column_names.count(name) > 1]
    if twice:
        raise BadInput(0, twice[0], "two columns have this name", "rename one of them")
    return table


def write_table(table: pa.Table, path: Path) -> None:
    """``table`` into ``path``, which appears whole or not at all. Raises ``OSError``."""
    part = path.with_name(f".{path.name}.part")
    try:
        if path.suffix.lower() == ".parquet":
            pq.write_table(table, part, compression="zstd")
        else:
            _write_csv(table, part)
        part.replace(path)
    except OSError as error:
        raise OSError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def check_place(path: Path) -> None:
    """Whether ``path`` lies in a folder: to be asked before long work. Raises ``OSError``."""
    if not path.parent.is_dir():
        raise OSError(f"{path} cannot be written: there is no folder {path.parent}: make it first")


def _read_parquet(path: Path) -> pa.Table:
    try:
        with pq.ParquetFile(path) as file:
            return file.read()
    except pa.ArrowInvalid as error:
        raise BadInput(0, "", f"this is no whole Parquet file: {error}", "write it anew") from error


def _read_csv(path: Path, tell: Callable[[str], None]) -> pa.Table:
    raw = path.read_bytes()
    for magic, what in _NO_TEXT.items():
        if raw.startswith(magic):
            raise BadInput(0, "", f"this is {what}", "save it as CSV in UTF-8, or as Parquet")
    raw = _as_utf_8(raw, tell)
    text = io.StringIO(raw.decode(), newline="")
    heads = next((row for row in csv.reader(text) if row), [])
    separator = ","
    if len(heads) == 1:
        separator = next((one for one in _SEPARATORS if one in heads[0]), ",")
        text.seek(0)
        heads = next(row for row in csv.reader(text, delimiter=separator) if row)
    if not heads:
        raise BadInput(0, "", "the file is empty", "the first line names the columns")
    _check_quotes(raw, separator)
    table = _parsed(raw, heads, separator)
    return table.rename_columns([name.strip() for name in heads])


def _as_utf_8(raw: bytes, tell: Callable[[str], None]) -> bytes:
    """The same text in UTF-8, without a mark before it. Raises ``BadInput``."""
    if raw.startswith(_UTF_16):
        if not _decodes(raw, "utf-16"):
            raise BadInput(0, "", "this is UTF-16 that breaks off", "save it as CSV in UTF-8")
        tell("the file is read as UTF-16")
        raw = raw.decode("utf-16").encode()
    elif not _decodes(raw, "utf-8"):
        if not _decodes(raw, "gb18030"):
            raise BadInput(0, "", "neither UTF-8 nor GB 18030", "save it as CSV in UTF-8")
        tell("the file is read as GB 18030")
        raw = raw.decode("gb18030").encode()
    if b"\0" in raw:
        raise BadInput(
            0, "", "it has bytes of zero, as UTF-16 without its mark has",
            "save it as CSV in UTF-8",
        )  # fmt: skip
    return raw.removeprefix(b"\xef\xbb\xbf")


def _parsed(raw: bytes, heads: list[str], separator: str) -> pa.Table:
    """All cells as texts; raises ``BadInput`` where a row has too few or too many of them."""
    broken: list[BadInput] = []

    def wrong(row: Any) -> str:
        cells = "1 cell" if row.actual_columns == 1 else f"{row.actual_columns} cells"
        broken.append(
            BadInput(
                row.number - 1, "",
                f"has {cells}, and the head {row.expected_columns}",
                'give each column its cell; put cells that hold a comma in "quotes"',
            )
        )  # fmt: skip
        return "skip"

    names = [str(index) for index in range(len(heads))]
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(raw),
            # only where one thread reads are rows numbered
            pyarrow.csv.ReadOptions(use_threads=False, column_names=names),
            pyarrow.csv.ParseOptions(
                delimiter=separator, newlines_in_values=True, invalid_row_handler=wrong
            ),
            pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False
            ),
        )
    except pa.ArrowInvalid as error:
        raise BadInput(0, "", f"cannot be read as CSV: {error}", "look at its quotes") from error
    if broken:
        raise broken[0]
    return table.slice(1)


def _decodes(raw: bytes, encoding: str) -> bool:
    try:
        raw.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _check_quotes(raw: bytes, separator: str) -> None:
    """A quote that is never closed would swallow the rest of the file without a word."""
    if raw.count(b'"') % 2 == 0:
        return
    row = -1
    try:
        text = io.StringIO(raw.decode(), newline="")
        for cells in csv.reader(text, strict=True, delimiter=separator):
            row += bool(cells)
    except csv.Error as error:
        raise BadInput(
            max(row + 1, 0), "", "a quote is opened and not closed",
            'close it; write a quote within a cell twice: ""',
        ) from error  # fmt: skip


def _write_csv(table: pa.Table, path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(table.column_names)
        for batch in table.to_batches(max_chunksize=_WRITTEN_AT_ONCE):
            writer.writerows(zip(*(column.to_pylist() for column in batch.columns), strict=True))
