"""Observations as they come over HTTP: an object, an array, columns, NDJSON or Arrow IPC.

Pure: bytes to columns, no I/O. The usual shapes are decoded as a whole; only when a whole
does not decode is it gone through row by row, to say for each refused row why.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
import numpy as np
import pyarrow as pa
import zstandard
from numpy.typing import NDArray

from tianmu.sense.http.columns import Columns, Refused
from tianmu.sense.http.plain import ARRAY, LINES, read_columns, read_objects

JSON = "application/json"
NDJSON = "application/x-ndjson"
ARROW = "application/vnd.apache.arrow.stream"


LARGEST = 64 << 20
"""bytes of one message, decompressed"""
LAST_MS = 253_402_300_799_999
"""the last millisecond of the year 9999, which RFC 3339 times end with"""


class _Plain(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The usual observation: a number at a time."""

    datastream: str
    time: str
    value: float


class _PlainInteger(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    datastream: str
    time: int
    value: float


class _PlainColumns(msgspec.Struct, forbid_unknown_fields=True):
    datastream: list[str]
    time: list[int | str]
    value: list[float]
    sequence: list[int] | None = None


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    """Any observation; see docs/connectors/http.md for the meaning of each field."""

    datastream: str
    value: Any
    time: str | int
    result_time: str | int | None = None
    sequence: int = 0
    quality: int = 0


_plain = msgspec.json.Decoder(list[_Plain])
_plain_integer = msgspec.json.Decoder(list[_PlainInteger])
_columns = msgspec.json.Decoder(_PlainColumns)
_raw_rows = msgspec.json.Decoder(list[msgspec.Raw])
_row = msgspec.json.Decoder(_Row)
_any = msgspec.json.Decoder()


def decompress(body: bytes, encoding: str) -> bytes:
    """The body without its content encoding; ``Refused`` beyond ``LARGEST`` bytes."""
    kind = encoding.strip().lower()
    try:
        if kind in {"", "identity"}:
            plain = body
        elif kind in {"gzip", "x-gzip"}:
            unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
            plain = unpack.decompress(body, LARGEST + 1)
            if not unpack.eof and len(plain) <= LARGEST:
                raise gzip.BadGzipFile("it ends before its end mark")
        elif kind == "zstd":
            plain = _unpack_zstd(body)
        else:
            raise Refused(f"content encoding {kind!r} is not one of ours", "use gzip or zstd")
    except (zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        raise Refused(f"not {kind}: {error}", "compress the whole body once") from error
    if len(plain) > LARGEST:
        raise Refused(f"more than {LARGEST} bytes when unpacked", "send smaller batches")
    return plain


def _unpack_zstd(body: bytes) -> bytes:
    unpack = zstandard.ZstdDecompressor().decompressobj()
    parts: list[bytes] = []
    size = 0
    for start in range(0, len(body), 1 << 10):
        parts.append(unpack.decompress(body[start : start + (1 << 10)]))
        size += len(parts[-1])
        if size > LARGEST or unpack.eof:
            break
    if not unpack.eof and size <= LARGEST:
        raise zstandard.ZstdError("it ends before its end mark")
    return b"".join(parts)


def decode(body: bytes, content_type: str) -> Columns:
    """Columns of a message of this content type; raises ``Refused`` where it is no message."""
    try:
        return _decode(body, content_type)
    except (OverflowError, RecursionError, msgspec.DecodeError, pa.ArrowException) as error:
        raise Refused(
            f"cannot be read: {error}", "see docs/connectors/http.md for what is taken"
        ) from error


def _decode(body: bytes, content_type: str) -> Columns:
    kind = content_type.partition(";")[0].strip().lower() or JSON
    if kind == ARROW:
        return _decode_arrow(body)
    if kind in {NDJSON, "application/ndjson", "application/jsonl"}:
        return read_objects(body, LINES) or _decode_rows(
            [line for line in body.split(b"\n") if line.strip()]
        )
    if kind != JSON and not kind.endswith("+json"):
        raise Refused(
            f"content type {kind!r} is not one of ours", f"send {JSON}, {NDJSON} or {ARROW}"
        )
    start = body.lstrip()[:1]
    if start == b"[":
        return read_objects(body, ARRAY) or _decode_array(body)
    if start == b"{":
        return read_columns(body) or _decode_object(body)
    raise Refused("the body is neither a JSON object nor an array", "send {…} or […]")


def _decode_array(body: bytes) -> Columns:
    try:
        texts = _plain.decode(body)
        return Columns(
            datastream=[r.datastream for r in texts],
            time=parse_times([r.time for r in texts]),
            value=np.array([r.value for r in texts], dtype=np.float64),
        )
    except (msgspec.ValidationError, ValueError):
        pass
    try:
        numbers = _plain_integer.decode(body)
        return Columns(
            datastream=[r.datastream for r in numbers],
            time=_of_milliseconds([r.time for r in numbers]),
            value=np.array([r.value for r in numbers], dtype=np.float64),
        )
    except (msgspec.ValidationError, ValueError, OverflowError):
        pass
    try:
        return _decode_rows(_raw_rows.decode(body))
    except msgspec.DecodeError as error:
        raise Refused(f"not JSON: {error}", "send an array of observations") from error


def _decode_object(body: bytes) -> Columns:
    try:
        columns = _columns.decode(body)
    except msgspec.ValidationError:
        return _decode_any_object(body)
    except msgspec.DecodeError as error:
        raise Refused(f"not JSON: {error}", "send one observation or columns") from error
    return _from_columns(columns)


def _from_columns(columns: _PlainColumns) -> Columns:
    n = len(columns.datastream)
    if len(columns.time) != n or len(columns.value) != n:
        raise Refused(
            f"columns differ in length: datastream {n}, time {len(columns.time)}, "
            f"value {len(columns.value)}",
            "send columns of one length",
        )
    sequence = columns.sequence
    if sequence is not None and len(sequence) != n:
        raise Refused(
            f"column sequence has {len(sequence)} rows, datastream {n}",
            "send columns of one length",
        )
    try:
        time = _times(columns.time)
    except (ValueError, OverflowError):
        rows: list[Any] = [
            {"datastream": d, "time": t, "value": v}
            for d, t, v in zip(columns.datastream, columns.time, columns.value, strict=True)
        ]
        return _decode_rows([msgspec.json.encode(row) for row in rows])
    return Columns(
        datastream=columns.datastream,
        time=time,
        value=np.array(columns.value, dtype=np.float64),
        sequence=None if sequence is None else _sequences(np.array(sequence, dtype=np.int64)),
    )


def _decode_any_object(body: bytes) -> Columns:
    """One observation, or columns with results that are not all numbers."""
    found = _any.decode(body)
    if not isinstance(found.get("datastream"), list):
        return _decode_rows([body])
    names = [k for k in found if isinstance(found[k], list)]
    lengths = {k: len(found[k]) for k in names}
    if len(set(lengths.values())) > 1:
        raise Refused(f"columns differ in length: {lengths}", "send columns of one length")
    scalars = {k: v for k, v in found.items() if k not in names}
    n = lengths["datastream"]
    rows = [{**scalars, **{k: found[k][i] for k in names}} for i in range(n)]
    return _decode_rows([msgspec.json.encode(row) for row in rows])


def _decode_rows(rows: Sequence[bytes | msgspec.Raw]) -> Columns:
    """Row by row: each that cannot be read is refused with its reason."""
    good: list[_Row] = []
    numbers: list[int] = []
    times: list[int] = []
    result_times: list[int] = []
    refused: list[tuple[int, str]] = []
    for number, raw in enumerate(rows):
        try:
            row = _row.decode(raw)
            at = instant(row.time)
            result_at = at if row.result_time is None else instant(row.result_time)
            if not 0 <= row.sequence < 1 << 32:
                raise ValueError("sequence must be between 0 and 4294967295")
            if not 0 <= row.quality <= 4:
                raise ValueError(
                    "quality must be 0 good, 1 uncertain, 2 bad, 3 maintenance, 4 test"
                )
            if isinstance(row.value, int):
                float(row.value)
        except (msgspec.DecodeError, ValueError, OverflowError, RecursionError) as error:
            refused.append((number, str(error)))
            continue
        good.append(row)
        numbers.append(number)
        times.append(at)
        result_times.append(result_at)
    value = np.full(len(good), np.nan)
    side: dict[int, Any] = {}
    for i, row in enumerate(good):
        if isinstance(row.value, int | float) and not isinstance(row.value, bool):
            value[i] = row.value
        else:
            side[i] = row.value
    has_result_times = any(row.result_time is not None for row in good)
    return Columns(
        datastream=[row.datastream for row in good],
        time=np.array(times, dtype=np.int64),
        value=value,
        row=np.array(numbers, dtype=np.int64),
        result_time=np.array(result_times, dtype=np.int64) if has_result_times else None,
        sequence=_unless_all_zero([row.sequence for row in good], np.uint32),
        quality=_unless_all_zero([row.quality for row in good], np.uint8),
        side=side,
        refused=refused,
    )


def _sequences(column: NDArray[np.int64]) -> NDArray[np.uint32]:
    if len(column) and (column.min() < 0 or column.max() >= 1 << 32):
        raise Refused("a sequence is not between 0 and 4294967295", "number from 0")
    return column.astype(np.uint32)


def _unless_all_zero(values: list[int], dtype: Any) -> NDArray[Any] | None:
    return np.array(values, dtype=dtype) if any(values) else None


def _decode_arrow(body: bytes) -> Columns:
    try:
        with pa.ipc.open_stream(body) as stream:
            table = stream.read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise Refused(f"not an Arrow IPC stream: {error}", "send the streaming format") from error
    missing = {"datastream", "time", "value"} - set(table.column_names)
    if missing:
        raise Refused(
            f"columns {sorted(missing)} are missing",
            "send datastream (string), time (timestamp) and value (number)",
        )
    try:
        datastream = table["datastream"].cast(pa.string()).combine_chunks()
        time = table["time"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
        value = table["value"].cast(pa.float64())
    except pa.ArrowInvalid as error:
        raise Refused(
            f"a column has another type: {error}", "see docs/connectors/http.md"
        ) from error
    for name, column in (("datastream", datastream), ("time", time)):
        if column.null_count:
            raise Refused(f"column {name} has {column.null_count} nulls", "leave those rows out")
    sequence = None
    if "sequence" in table.column_names:
        sequence = table["sequence"].cast(pa.int64()).fill_null(0)
    return Columns(
        datastream=datastream,
        time=time.to_numpy(),
        value=value.to_numpy(),
        sequence=None if sequence is None else _sequences(sequence.to_numpy()),
    )


def parse_times(texts: list[str]) -> NDArray[np.int64]:
    """RFC 3339 times to µs since the epoch, all at once; ``ValueError`` if any has no zone."""
    column = pa.array(texts, type=pa.string())
    try:
        times = column.cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid as error:
        raise ValueError(str(error)) from error
    found: NDArray[np.int64] = times.cast(pa.int64()).to_numpy()
    return found


def _of_milliseconds(times: list[int]) -> NDArray[np.int64]:
    """Milliseconds to µs; ``ValueError`` where one is too large to be a time."""
    column = np.array(times, dtype=np.int64)
    if (column > LAST_MS).any() or (column < -LAST_MS).any():
        raise ValueError(_NO_TIME)
    return column * 1000


def _times(times: list[int | str]) -> NDArray[np.int64]:
    """Times that are all integers of milliseconds, or all texts; else ``ValueError``."""
    kinds = set(map(type, times))
    if kinds <= {int}:
        return _of_milliseconds(cast(list[int], times))
    if kinds == {str}:
        return parse_times(cast(list[str], times))
    raise ValueError("times are of two kinds")


def instant(time: str | int) -> int:
    """One time to µs since the epoch: RFC 3339 with a zone, or an integer of milliseconds."""
    if isinstance(time, int):
        if not -LAST_MS <= time <= LAST_MS:
            raise ValueError(_NO_TIME)
        return time * 1000
    at = datetime.fromisoformat(time)
    if at.tzinfo is None:
        raise ValueError(f"time {time!r} has no zone: add Z or an offset such as +08:00")
    return (at - _EPOCH) // _MICROSECOND


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)
_NO_TIME = "time is too large to be one: send milliseconds since 1970, not micro- or nanoseconds"
