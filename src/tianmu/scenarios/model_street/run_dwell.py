"""``dwell``: events of a table judged as the running city judges them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
import numpy as np
import pyarrow as pa

from tianmu.scenarios.contract import BadInput, BadParameter, Column, Model, Parameter, progress
from tianmu.scenarios.reading import number_of, numbers, texts
from tianmu.scenarios.recognition import kinds_of
from tianmu.scenarios.settings import settings_of
from tianmu.sense.recognition.dwell import Box, Patience, Sight, Thing, see
from tianmu.sense.recognition.kind import Catalogue, catalogue

PATIENCE = (
    ("least", "confidence below which an event counts for nothing", 0.0, 1.0),
    ("dwell_s", "seconds that a thing must stay", 0.0, 604_800.0),
    ("repeat", "times that it must be seen", 1.0, 100.0),
    ("window_s", "seconds within which it must be seen so often", 1.0, 604_800.0),
    ("sure", "confidence that one event must reach, or two recognisers agree", 0.0, 1.0),
    ("gone_s", "seconds unseen after which it is gone", 1.0, 604_800.0),
    ("overlap", "common share of two boxes from which they are one thing", 0.0, 1.0),
)  # fmt: skip


def run(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    known = catalogue(kinds_of(settings_of(__file__)))
    times = _times(table)
    camera, kind = texts(table, "camera"), texts(table, "kind")
    confidence = numbers(table, "confidence", low=0, high=1)
    boxes = texts(table, "box") if "box" in table.column_names else [""] * len(table)
    by = texts(table, "recogniser") if "recogniser" in table.column_names else [""] * len(table)
    held: dict[tuple[str, str], list[Thing]] = {}
    count: dict[tuple[str, str], int] = {}
    thing, stayed, seen, stands, alarm = (np.zeros(len(table)) for _ in range(5))
    for row in range(len(table)):
        patience = _patience(known, kind[row], parameters, row)
        place = (camera[row], kind[row])
        count[place] = count.get(place, 0) + 1
        sight = Sight(times[row], float(confidence[row]), _box(boxes[row], row), by[row])
        held[place], found = see(held.get(place, []), sight, patience, count[place])
        if found.thing is not None:
            thing[row] = found.thing.number
            stayed[row] = (found.thing.last - found.thing.since) / 1e6
            seen[row] = found.thing.count
            stands[row] = bool(found.thing.stands)
            alarm[row] = found.rises
        if row % 5_000 == 0:
            progress(row, len(table))
    whole = {"thing": thing, "seen": seen, "confirmed": stands, "alarm": alarm}
    made = {name: pa.array(values.astype(np.int64)) for name, values in whole.items()}
    return pa.table({"thing": made.pop("thing"), "stayed_s": pa.array(stayed), **made})


def _patience(known: Catalogue, told: str, parameters: Mapping[str, str], row: int) -> Patience:
    """The kind's own, with what was said in its place."""
    kind = known.find(told)
    if kind is None:
        raise BadInput(row + 1, "kind", f"{told!r} is no kind of event", f"use {known.known}")
    said = {
        name: number_of(parameters, name, low=low, high=high)
        for name, _, low, high in PATIENCE
        if parameters[name]
    }
    if said.get("repeat", 1.0) % 1:
        raise BadParameter("repeat", f"{parameters['repeat']} is no whole number", "say repeat=3")
    if "repeat" in said:
        said["repeat"] = int(said["repeat"])
    return msgspec.structs.replace(kind.patience, **said)


def _times(table: pa.Table) -> list[int]:
    """µs of each row; a time without a zone is taken as UTC. Rows come in their order."""
    found: list[int] = []
    for row, text in enumerate(texts(table, "timestamp"), 1):
        try:
            at = np.datetime64(_utc(datetime.fromisoformat(text)), "us").astype(np.int64)
        except ValueError:
            remedy = "write 2026-04-05T08:00:00+08:00"
            raise BadInput(row, "timestamp", f"{text!r} is no time", remedy) from None
        if found and at < found[-1]:
            raise BadInput(row, "timestamp", f"{text} comes before the row above", "sort the rows")
        found.append(int(at))
    return found


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        return at
    offset = at.utcoffset()
    assert offset is not None
    return at.replace(tzinfo=None) - offset


def _box(told: str, row: int) -> Box | None:
    if not told:
        return None
    try:
        left, top, right, bottom = (float(one) for one in told.replace(",", " ").split())
    except ValueError:
        left = top = right = bottom = 0.0
    if not (0 <= left < right <= 1 and 0 <= top < bottom <= 1):
        raise BadInput(
            row + 1, "box", f"{told!r} is no box",
            "write left top right bottom as shares of the picture, 0.1 0.2 0.5 0.9",
        )  # fmt: skip
    return (left, top, right, bottom)


dwell = Model(
    name="dwell",
    what="when what cameras recognise stands: dwell, repetition, confirmation; rows by time",
    needs=(
        Column("timestamp", "", "when the picture was taken, ISO 8601"),
        Column("camera", "", "which camera"),
        Column("kind", "", "code or label of the kind of event"),
        Column("confidence", "", "0 to 1"),
    ),
    optional=(
        Column("box", "", "left top right bottom as shares of the picture"),
        Column("recogniser", "", "who saw it"),
    ),
    gives=(
        Column("thing", "", "number of the thing of this kind on this camera; 0: passed over"),
        Column("stayed_s", "s", "since it was first seen"),
        Column("seen", "", "how often it was seen"),
        Column("confirmed", "", "1: it stands"),
        Column("alarm", "", "1: from this row on"),
    ),
    parameters=tuple(
        Parameter(name, f"{what}; empty: as scenario.toml says for the kind", "")
        for name, what, _, _ in PATIENCE
    ),
    run=run,
)
