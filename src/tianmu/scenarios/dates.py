"""Dates whose year comes last: 03/04/2021 is a day of April in one country, of March in another."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from tianmu.scenarios.contract import BadInput, Parameter

DATES = Parameter(
    "dates",
    "which comes first where the year comes last, the day or the month (03/04/2021); left out: as "
    "the file's own dates leave no doubt",
    "",
    ("dmy", "mdy"),
)
_YEAR_LAST = r"^\d{1,2}[/.\-]\d{1,2}[/.\-]\d{4}\b"
_ORDERS = {
    "dmy": ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"),
    "mdy": ("%m/%d/%Y", "%m-%d-%Y"),  # with points nobody puts the month first
}
_CLOCKS = (" %H:%M", " %H:%M:%S", "T%H:%M", "T%H:%M:%S", "")


def year_last(bare: pa.Array, name: str, order: str) -> pa.Array | None:
    """Texts of column ``name`` (null where there is none) as times by ``order``, or by the one
    order in which all of them are dates; None where they are not of such a form. Raises
    ``BadInput``, also where both orders fit and give different days."""
    if not pc.any(pc.match_substring_regex(bare, _YEAR_LAST)).as_py():
        return None
    read = {way: _read(bare, way) for way in _ORDERS if order in ("", way)}
    whole = [one for one in read.values() if one.null_count == bare.null_count]
    if len(whole) == 1 or (len(whole) > 1 and whole[0].equals(whole[1])):
        return whole[0]
    if whole:
        row = pc.index(pc.fill_null(pc.not_equal(*whole), False), True).as_py()
        raise BadInput(
            row + 1, name, f"{bare[row].as_py()!r} may begin with the day or with the month",
            "say --param dates=dmy or dates=mdy, or write 2021-04-01 08:00:00",
        )  # fmt: skip
    best = min(read.values(), key=lambda one: one.null_count)
    row = pc.index(pc.and_(pc.is_null(best), pc.is_valid(bare)), True).as_py()
    raise BadInput(
        row + 1, name, f"{bare[row].as_py()!r} is no time as those in the other rows are",
        "write all in one form, like 2021-04-01 08:00:00",
    )  # fmt: skip


def _read(bare: pa.Array, order: str) -> pa.Array:
    read = pa.nulls(len(bare), pa.timestamp("us"))
    for day in _ORDERS[order]:
        for clock in _CLOCKS:
            read = pc.coalesce(read, pc.strptime(bare, day + clock, "us", error_is_null=True))
    return read
