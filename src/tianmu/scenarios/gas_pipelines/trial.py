"""A city's own tables of valves, instruments and digs; and what stands in for them in a trial."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import msgspec
import numpy as np

from tianmu.scenarios.contract import BadInput
from tianmu.scenarios.gas_pipelines.layout import Density, Layout, Valve, placed
from tianmu.scenarios.gas_pipelines.network import I64, Network
from tianmu.scenarios.gas_pipelines.permits import BadArea, Permit, area
from tianmu.scenarios.settings import settings_of

MEASURES = ("inflow", "flow", "pressure", "meter")


class Trial(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the shipped network is put, and what is placed on it by seed."""

    seed: int
    east_m: float
    north_m: float
    """of its middle from the middle of the city"""
    flow: int
    pressure: int
    metered: float
    valve_share: float
    every_min: float
    at_least: float
    """score that is an alarm with these instruments, so that no page has to reckon it"""


def trial() -> Trial:
    return msgspec.convert(settings_of(__file__)["trial"], Trial)


def trial_layout(network: Network) -> Layout:
    own = trial()
    return placed(network, Density(own.flow, own.pressure, own.metered), own.seed)


def instruments(network: Network, layout: Layout) -> dict[str, tuple[str, int]]:
    """Device → what it measures and the number of the feed, pipe, junction or consumer: the names
    that the trial gives."""
    numbers = (
        ("inflow", network.feed), ("flow", network.pipe[layout.flow]),
        ("pressure", network.junction[layout.pressure]), ("meter", network.sink[layout.metered]),
    )  # fmt: skip
    return {
        f"gas-{measures}-{number}": (measures, int(number))
        for measures, known in numbers
        for number in known
    }


def read_instruments(file: Path, network: Network) -> dict[str, tuple[str, int]]:
    """``device,measures,number`` of each. Raises ``BadInput``, ``OSError``."""
    known = {"inflow": network.feed, "flow": network.pipe, "pressure": network.junction,
             "meter": network.sink}  # fmt: skip
    found: dict[str, tuple[str, int]] = {}
    for row, cells in _rows(file, ("device", "measures", "number")):
        if cells["measures"] not in known:
            raise BadInput(
                row, "measures", f"{cells['measures']!r}", f"one of {', '.join(MEASURES)}"
            )
        number = _number(row, "number", cells["number"])
        if not (known[cells["measures"]] == number).any():
            raise BadInput(row, "number", f"the network has no {number}", "look in its file")
        found[cells["device"]] = (cells["measures"], number)
    lacking = [int(one) for one in network.feed if ("inflow", int(one)) not in found.values()]
    if lacking:
        raise BadInput(0, "measures", f"no inflow of feed {lacking[0]}", "add its flow meter")
    return found


def layout_of(network: Network, known: dict[str, tuple[str, int]]) -> Layout:
    def at(measures: str, numbers: I64) -> I64:
        own = {number for what, number in known.values() if what == measures}
        return np.flatnonzero(np.isin(numbers, sorted(own)))

    metered = np.zeros(len(network.sink), np.bool_)
    metered[at("meter", network.sink)] = True
    return Layout(at("flow", network.pipe), at("pressure", network.junction), metered)


def read_valves(file: str | Path, network: Network) -> tuple[Valve, ...]:
    """``pipe,junction`` of each. Raises ``BadInput``, ``OSError``."""
    pipes = {int(number): at for at, number in enumerate(network.pipe)}
    junctions = {int(number): at for at, number in enumerate(network.junction)}
    found = []
    for row, cells in _rows(Path(file), ("pipe", "junction")):
        pipe = pipes.get(_number(row, "pipe", cells["pipe"]))
        junction = junctions.get(_number(row, "junction", cells["junction"]))
        if pipe is None or junction not in {int(network.start[pipe]), int(network.end[pipe])}:
            raise BadInput(row, "pipe", "no such pipe ends at this junction", "look in its file")
        found.append(Valve(pipe, int(junction)))
    return tuple(found)


def read_permits(file: Path) -> tuple[Permit, ...]:
    """``code,what,from,to,area`` of each. Raises ``BadInput``, ``OSError``."""
    found = []
    for row, cells in _rows(file, ("code", "what", "from", "to", "area")):
        try:
            since, until = (date.fromisoformat(cells[name]) for name in ("from", "to"))
        except ValueError as error:
            raise BadInput(row, "from", str(error), "write 2026-04-05") from error
        if since > until:
            raise BadInput(row, "from", f"{since} is after {until}", "swap them")
        try:
            found.append(Permit(cells["code"], cells["what"], since, until, area(cells["area"])))
        except BadArea as error:
            raise BadInput(row, "area", str(error), "write POLYGON((119.4 31.4, …))") from error
    return tuple(found)


def _rows(file: Path, needs: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    with file.open(encoding="utf-8-sig", newline="") as text:
        reader = csv.DictReader(text)
        for name in needs:
            if name not in (reader.fieldnames or ()):
                raise BadInput(0, name, f"{file.name} has no such column", "add it")
        for row, cells in enumerate(reader, 1):
            yield row, {name: (cells[name] or "").strip() for name in needs}


def _number(row: int, name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise BadInput(row, name, f"{text!r} is no number", "write it like 12") from None
