"""What a run was given: the network, and numbers of it in columns."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from tianmu.scenarios.contract import BadInput, BadParameter, Parameter
from tianmu.scenarios.gas_pipelines.hydraulics import NoSolution, tree
from tianmu.scenarios.gas_pipelines.network import (
    I64,
    SHIPPED,
    BadNetwork,
    Network,
    moved,
    on_earth,
    read,
)
from tianmu.scenarios.reading import numbers

NETWORK = Parameter(
    "network", "a network as pandapipes.to_json writes it; else the shipped one, of a town abroad",
    "",
)  # fmt: skip
PLACE = Parameter(
    "place", "longitude,latitude of its middle, for a network that is drawn in metres", "0,0"
)


def network_of(parameters: Mapping[str, str]) -> Network:
    """The network that was asked for, in degrees. Raises ``BadParameter``."""
    text = parameters["network"]
    try:
        network = read(Path(text).absolute() if text else SHIPPED)
        tree(network)
    except (BadNetwork, NoSolution, OSError) as error:
        raise BadParameter("network", str(error), "mend it, or name another") from error
    if on_earth(network):
        return network
    return moved(network, *_place(parameters["place"]))


def places(table: pa.Table, name: str, known: I64, what: str) -> I64:
    """Places in the arrays of what a column calls by number. Raises ``BadInput``."""
    asked = numbers(table, name)
    order = np.argsort(known)
    at = np.minimum(np.searchsorted(known, asked, sorter=order), len(known) - 1)
    found = order[at]
    wrong = known[found] != asked
    if wrong.any():
        row = int(np.argmax(wrong))
        raise BadInput(
            row + 1, name, f"the network has no {what} {asked[row]:.12g}", "look in its file"
        )
    return found


def _place(text: str) -> tuple[float, float]:
    try:
        longitude, latitude = (float(one) for one in text.split(","))
    except ValueError:
        raise BadParameter("place", f"{text!r} is no place", "say place=119.48,31.42") from None
    if not (-180 <= longitude <= 180 and -80 <= latitude <= 80):
        raise BadParameter("place", f"{text} is not on Earth", "longitude first, then latitude")
    return longitude, latitude
