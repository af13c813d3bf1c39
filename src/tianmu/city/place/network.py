"""Networks along which what goes wrong travels: ``networks.toml``, and the ways they go along.

A network is the pack's rivers or streets with the matters whose alarms may come of one cause
there, and how fast that travels. Without the file, alarms are not judged together.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Literal

import msgspec

from tianmu.city.file.reader import PackReader
from tianmu.facts.text import Text

FILE = "networks.toml"
Positive = Annotated[float, msgspec.Meta(gt=0)]


class Along(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network, and what travels along it."""

    code: str
    name: Text
    ways: Literal["rivers", "streets"]
    """``rivers``: the reaches, downstream, with the stations of ``water_stations.csv`` on them;
    ``streets``: the street graph, either way, with whatever stands ``within_m`` of one of its
    nodes"""
    matters: tuple[str, ...]
    """of the alarms that are judged together"""
    speed_m_s: tuple[Positive, ...]
    """by order of the reach from 1 on, the last for all higher; of streets the first"""
    faster: Annotated[float, msgspec.Meta(ge=1)] = 2.0
    """so many times faster than that it may come"""
    slower: Annotated[float, msgspec.Meta(ge=1)] = 3.0
    slack_min: Annotated[float, msgspec.Meta(ge=0)] = 60.0
    """minutes that measuring and telling may put an alarm off"""
    hours: Positive = 72.0
    """alarms that rose longer ago than this are no cause of anything new"""
    within_m: Positive = 200.0
    basis: str = ""


def read(reader: PackReader, matters: Collection[str]) -> dict[str, Along]:
    """The networks of a pack; none where it has no such file."""
    document = reader.toml(FILE, required=False)
    if document is None:
        return {}
    reader.only(document, "network")
    found: dict[str, Along] = {}
    for index, (_, one) in enumerate(reader.tables(document, "network", Along)):
        line = document.line("network", index)
        if not one.code or one.code in found:
            what = f"network {one.code or '(no code)'} is missing or doubled"
            reader.fault(FILE, line, what, "give each network one code")
        reader.words(document, ("network", index, "name"), one.name)
        if not one.matters:
            reader.fault(FILE, line, f"network {one.code} has no matters", "say whose alarms count")
        if not one.speed_m_s:
            reader.fault(FILE, line, f"network {one.code} has no speed_m_s", "give at least one")
        for matter in one.matters:
            if matter not in matters:
                what = f"network {one.code}: matter {matter} is not known"
                remedy = "use a key of matters.csv: edition:kind:code"
                reader.fault(FILE, document.line("network", index, "matters"), what, remedy)
        found[one.code] = one
    return found
