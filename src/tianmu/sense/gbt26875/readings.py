"""Frames to readings: which device, which property, when, how good. Pure but for its memory of
what each panel is in (test mode) and what it has reported (components that are not normal)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.batch import GOOD, MAINTENANCE, TEST, UNCERTAIN
from tianmu.sense.contract import Candidate, Readings
from tianmu.sense.gbt26875.body import Object
from tianmu.sense.gbt26875.codec import Frame
from tianmu.sense.gbt26875.settings import Settings
from tianmu.sense.gbt26875.tables import (
    ANALOG_NAMES,
    ANALOGS,
    COMPONENTS,
    SYSTEM_OPERATION,
    SYSTEM_STATE,
    SYSTEMS,
    UNIT_OPERATION,
    name,
)

PROTOCOL = "gbt26875"
UNIT, SYSTEM, COMPONENT = "fire_transmission_unit", "fire_system", "fire_component"
"""device kinds that a city pack describes"""
NORMAL = 1
_SYSTEM_RESET = 1 << SYSTEM_STATE.codes.index("reset")
_RESET = 1 << SYSTEM_OPERATION.codes.index("reset")
_TEST = 1 << SYSTEM_OPERATION.codes.index("test")
DUTY_ANSWER = 1 << UNIT_OPERATION.codes.index("duty_answer")
MOST_ABNORMAL = 20_000
"""components of one panel remembered as not normal"""


@dataclass
class Panel:
    """What is remembered of one transmission unit between its frames."""

    address: str
    """``gbt26875/<source address>``"""
    testing: dict[str, int] = field(default_factory=dict)
    """scope (``""`` the whole unit, else ``<system type>-<address>``) → µs at which it ends"""
    abnormal: dict[str, set[str]] = field(default_factory=dict)
    """scope of a system → its component addresses whose last state was not normal"""
    told: int = 0
    """number of the last row, see ``numbers``"""

    def numbers(self, count: int, received: int) -> NDArray[np.uint32]:
        """Numbers that rise with the order of arrival, also when the panel connects again (its
        serials begin anew) or gate does: they order what a panel tells within one second."""
        first = max(self.told + 1, received // 1_000)
        self.told = first + count - 1
        return (np.arange(first, first + count, dtype=np.int64) & 0xFFFFFFFF).astype(np.uint32)

    def in_test(self, scope: str, now: int) -> bool:
        return any(self.testing.get(key, 0) > now for key in ("", scope))


@dataclass
class Row:
    address: str
    property: str
    time: int
    value: float
    quality: int
    side: dict[str, Any]
    scope: str = ""


class Told:
    """The rows of one message, gathered."""

    def __init__(self, panel: Panel, zone: ZoneInfo, settings: Settings, received: int) -> None:
        self.panel, self.zone, self.settings, self.received = panel, zone, settings, received
        self.rows: list[Row] = []
        self.candidates: dict[str, Candidate] = {}

    def add(
        self, address: str, name: str, value: float, thing: Object, scope: str = "", **side: Any
    ) -> None:
        """A row at the object's own time where that can be believed, else at the second of
        receipt, marked uncertain, with the told time kept beside it.

        Nothing happens after it was told: a clock that is a little ahead gives the second of
        receipt, too, or what the panel tells once its clock was set would seem to be older.
        """
        time, quality = self.received, GOOD
        if "time" in thing:
            told = local_time(thing["time"], self.zone)
            time = self.received // 1_000_000 * 1_000_000
            if told is None or not self._believable(told):
                quality = UNCERTAIN
            if quality == GOOD and told is not None and told <= time:
                time = told
            else:
                side["told_time"] = thing["time"] or thing.get("time_raw", "")
        self.rows.append(Row(address, name, time, value, quality, side, scope))

    def _believable(self, told: int) -> bool:
        ahead = told - self.received
        return -self.settings.past_days * 86_400e6 <= ahead <= self.settings.future_seconds * 1e6

    def readings(self, in_maintenance: Callable[[str], bool]) -> Readings:
        """The rows as columns. MAINTENANCE goes before TEST before UNCERTAIN."""
        unit = in_maintenance(self.panel.address)
        for row in self.rows:
            if unit or (row.address != self.panel.address and in_maintenance(row.address)):
                row.quality = MAINTENANCE
            elif self.panel.in_test(row.scope, self.received):
                row.quality = TEST
        rows = self.rows
        return Readings(
            address=[row.address for row in rows],
            property=[row.property for row in rows],
            time=np.array([row.time for row in rows], dtype=np.int64),
            value=np.array([row.value for row in rows], dtype=np.float64),
            quality=np.array([row.quality for row in rows], dtype=np.uint8),
            sequence=self.panel.numbers(len(rows), self.received),
            side={n: row.side for n, row in enumerate(rows) if row.side},
            candidates=self.candidates,
        )


def local_time(time: str | None, zone: ZoneInfo) -> int | None:
    """µs since the epoch of an ISO local time of the panel, or None."""
    if time is None:
        return None
    return round(datetime.fromisoformat(time).replace(tzinfo=zone).timestamp()) * 1_000_000


def local_label(at: int, zone: ZoneInfo) -> bytes:
    """The six bytes of a time label for ``at`` (µs)."""
    t = datetime.fromtimestamp(at / 1e6, zone)
    return bytes((t.second, t.minute, t.hour, t.day, t.month, t.year - 2000))


def tell(frame: Frame, told: Told) -> None:
    """Put the rows of ``frame`` into ``told``, and remember what it says of test and reset."""
    told.candidates[told.panel.address] = Candidate(UNIT, told.panel.address)
    reader = _READERS.get(frame.type if frame.type is not None else -1)
    if reader is None:
        return
    for thing in frame.objects:
        reader(told, thing)


def _system(told: Told, thing: Object) -> tuple[str, str]:
    """Address and scope of the system an object tells of."""
    kind, number = thing["system_type"], thing["system_address"]
    scope = f"{kind}-{number}"
    address = f"{told.panel.address}/{scope}"
    if address not in told.candidates:
        text = name(SYSTEMS, kind)
        told.candidates[address] = Candidate(
            SYSTEM,
            f"{text['zh']} {number}",
            {"system_type": kind, "system_type_name": text, "system_address": number},
        )
    return address, scope


def _component(told: Told, thing: Object) -> tuple[str, str]:
    system, scope = _system(told, thing)
    kind, number = thing["component_type"], thing["component_address"]
    address = f"{system}-{kind}-{number}"
    if address not in told.candidates:
        text = name(COMPONENTS, kind)
        told.candidates[address] = Candidate(
            COMPONENT,
            thing.get("description") or f"{text['zh']} {number}",
            {
                "component_type": kind,
                "component_type_name": text,
                "component_address": number,
                "system_type": thing["system_type"],
                "system_address": thing["system_address"],
            },
        )
    return address, scope


def _system_state(told: Told, thing: Object) -> None:
    address, scope = _system(told, thing)
    word = thing["state_bits"]
    _heed_state(told, scope, word)
    told.add(address, "state", word, thing, scope, state=thing["state"])
    if word & _SYSTEM_RESET:
        _clear(told, thing, scope)


def _component_state(told: Told, thing: Object) -> None:
    address, scope = _component(told, thing)
    word = thing["state_bits"]
    side = {"state": thing["state"], "component_type": thing["component_type"]}
    if thing["description"]:
        side["description"] = thing["description"]
    told.add(address, "state", word, thing, scope, **side)
    abnormal = told.panel.abnormal.setdefault(scope, set())
    if word & ~NORMAL:
        if len(abnormal) < MOST_ABNORMAL:
            abnormal.add(address)
    else:
        abnormal.discard(address)


def _component_analog(told: Told, thing: Object) -> None:
    address, scope = _component(told, thing)
    code = thing["analog_type"]
    analog = ANALOGS.get(code)
    side: dict[str, Any] = {"analog_type": code}
    if analog is None:
        side["analog_name"] = name(ANALOG_NAMES, code)
    told.add(
        address,
        analog.property if analog else f"analog_{code}",
        thing["value"],
        thing,
        scope,
        **side,
    )


def _system_operation(told: Told, thing: Object) -> None:
    address, scope = _system(told, thing)
    _heed_operation(told, scope, thing["operation_bits"])
    _operation(told, address, thing, scope)
    if thing["operation_bits"] & _RESET:
        _clear(told, thing, scope)


def _unit_state(told: Told, thing: Object) -> None:
    word = thing["state_bits"]
    _heed_state(told, "", word)
    told.add(told.panel.address, "state", word, thing, state=thing["state"])


def _unit_operation(told: Told, thing: Object) -> None:
    _heed_operation(told, "", thing["operation_bits"])
    _operation(told, told.panel.address, thing, "")


def _operation(told: Told, address: str, thing: Object, scope: str) -> None:
    told.add(
        address,
        "operation",
        thing["operation_bits"],
        thing,
        scope,
        operations=thing["operations"],
        operator=thing["operator"],
    )


def _version(told: Told, thing: Object) -> None:
    address, scope = _system(told, thing) if "system_type" in thing else (told.panel.address, "")
    side = {"major": thing["major"], "minor": thing["minor"]}
    told.add(address, "version", float("nan"), thing, scope, **side)


def _configuration(told: Told, thing: Object) -> None:
    if "component_type" in thing:
        address, scope = _component(told, thing)
    elif "system_type" in thing:
        address, scope = _system(told, thing)
    else:
        address, scope = told.panel.address, ""
    told.add(address, "configuration", float("nan"), thing, scope, description=thing["description"])


def _clock(told: Told, thing: Object) -> None:
    address, scope = _system(told, thing) if "system_type" in thing else (told.panel.address, "")
    tell_clock(told, address, thing["time"], scope)


def tell_clock(told: Told, address: str, time: str | None, scope: str = "") -> None:
    """How far a panel's clock is from the city's, in seconds; nothing where it told no time."""
    at = local_time(time, told.zone)
    if at is not None:
        told.add(address, "clock", (at - told.received) / 1e6, {}, scope, told_time=time)


def _heed_state(told: Told, scope: str, word: int) -> None:
    if word == 0 and told.settings.test_mode == "told":
        _start_test(told, scope)
    elif word & NORMAL:
        told.panel.testing.pop(scope, None)


def _heed_operation(told: Told, scope: str, bits: int) -> None:
    if bits & _TEST and told.settings.test_mode != "never":
        _start_test(told, scope)
    elif bits & _RESET:
        told.panel.testing.pop(scope, None)


def _start_test(told: Told, scope: str) -> None:
    told.panel.testing[scope] = told.received + round(told.settings.test_minutes * 60e6)


def _clear(told: Told, thing: Object, scope: str) -> None:
    """After a reset a panel does not tell each component's return: it is inferred, and said so."""
    if not told.settings.reset_clears:
        return
    for address in sorted(told.panel.abnormal.pop(scope, ())):
        told.add(address, "state", NORMAL, thing, scope, state=["normal"], inferred="reset")


_READERS: dict[int, Callable[[Told, Object], None]] = {
    1: _system_state,
    2: _component_state,
    3: _component_analog,
    4: _system_operation,
    5: _version,
    6: _configuration,
    7: _configuration,
    8: _clock,
    21: _unit_state,
    24: _unit_operation,
    25: _version,
    26: _configuration,
    28: _clock,
}
"""up types → how their objects become rows"""

READABLE = frozenset(_READERS)
