"""Messages of HJ 212 to readings: which value, at what time, how good.

A device is ``hj212/<MN>``. A real-time value is the property ``<factor>``; a minute, hour or day
record is ``<factor>.minute``, ``.hour``, ``.day`` with its mean as the value and the rest beside
it. Factors have their codes of 2017, whatever edition the logger speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from tianmu.facts.batch import BAD, GOOD, MAINTENANCE, UNCERTAIN
from tianmu.sense.contract import Candidate, Readings
from tianmu.sense.hj212 import factors
from tianmu.sense.hj212.segment import Entry, Message, entries
from tianmu.sense.hj212.settings import Settings
from tianmu.sense.hj212.tables import MARKS, NO_VALUE, PERIODS, SYSTEMS

PROTOCOL = "hj212"

Judge = Callable[[str, int, str], int]
"""(factor, start µs, period) → quality of a record without a mark"""

_OF_INSTANT = ("Rtd", "RS", "Avg", "Data", "RT", "Info", "Cou", "Max", "Min")
_OF_PERIOD = ("Avg", "Data", "RT", "Rtd", "Cou", "Max", "Min", "DayData", "NightData")
_SIDE = {
    "Rtd": "rtd", "Min": "min", "Avg": "avg", "Max": "max", "Cou": "cou",
    "ZsRtd": "zs_rtd", "ZsMin": "zs_min", "ZsAvg": "zs_avg", "ZsMax": "zs_max", "ZsCou": "zs_cou",
    "Data": "data", "DayData": "day_data", "NightData": "night_data", "EFlag": "eflag",
}  # fmt: skip


def address(mn: str) -> str:
    """Wire address of a station."""
    return f"{PROTOCOL}/{mn}"


def read_time(text: str, zone: ZoneInfo) -> int | None:
    """µs of ``YYYYMMDDhhmmss[zzz]``, local time; None where it is no time."""
    text = text.strip()
    if not (14 <= len(text) <= 17 and text.isascii() and text.isdigit()):
        return None
    try:
        at = datetime(
            int(text[0:4]), int(text[4:6]), int(text[6:8]),
            int(text[8:10]), int(text[10:12]), int(text[12:14]), tzinfo=zone,
        )  # fmt: skip
        return int(at.timestamp()) * 1_000_000 + int(text[14:].ljust(3, "0")) * 1000
    except (ValueError, OverflowError):
        return None


def write_time(at: int, zone: ZoneInfo, *, milliseconds: bool = False) -> str:
    """``YYYYMMDDhhmmss[zzz]`` of µs, local time."""
    text = datetime.fromtimestamp(at // 1_000_000, zone).strftime("%Y%m%d%H%M%S")
    return f"{text}{at // 1000 % 1000:03d}" if milliseconds else text


class _Rows:
    def __init__(self, mn: str) -> None:
        self.address = address(mn)
        self.property: list[str] = []
        self.time: list[int] = []
        self.value: list[float] = []
        self.quality: list[int] = []
        self.side: dict[int, Any] = {}

    def add(self, name: str, time: int, value: float, quality: int, side: Any = None) -> None:
        if side:
            self.side[len(self.property)] = side
        self.property.append(name)
        self.time.append(time)
        self.value.append(value)
        self.quality.append(quality)

    def readings(self, candidates: Mapping[str, Candidate]) -> Readings:
        n = len(self.property)
        return Readings(
            address=[self.address] * n,
            property=self.property,
            time=np.array(self.time, dtype=np.int64),
            value=np.array(self.value, dtype=np.float64),
            quality=np.array(self.quality, dtype=np.uint8),
            sequence=_sequence(self.property, self.time),
            side=self.side,
            candidates=candidates,
        )


def _sequence(names: Sequence[str], times: Sequence[int]) -> Any:
    """Counts rows of one property and time; None where there is never a second."""
    keys = list(zip(names, times, strict=True))
    if len(set(keys)) == len(keys):
        return None
    seen: dict[tuple[str, int], int] = {}
    out = np.zeros(len(keys), dtype=np.uint32)
    for row, key in enumerate(keys):
        out[row] = seen.get(key, 0)
        seen[key] = int(out[row]) + 1
    return out


def candidate(message: Message, settings: Settings) -> Candidate:
    """What an unregistered station seems to be, for whoever registers it."""
    system = message.field("ST")
    seen: dict[str, Any] = {}
    for entry in entries(message):
        code = factors.current(entry.code)
        factor = factors.find(code)
        seen[settings.properties.get(code, code)] = {
            "name": dict(factor.name) if factor else {},
            "unit": settings.units.get(code, factor.unit if factor else ""),
        }
    return Candidate(
        name=message.field("MN"),
        data={
            "mn": message.field("MN"),
            "system": system,
            "system_name": SYSTEMS.get(system, {}),
            "edition": message.edition,
            "factors": seen,
        },
    )


def to_readings(
    message: Message,
    settings: Settings,
    *,
    zone: ZoneInfo,
    received: int,
    time: str = "",
    maintenance: bool = False,
    judge: Judge | None = None,
) -> Readings:
    """The readings of an upload, maybe none.

    ``judge`` gives the quality of records that come without a mark. ``time`` is the ``DataTime``
    another packet of the same message gave; ``maintenance`` marks all of them as taken in a
    maintenance window. Times that cannot be right (none, unreadable, ahead of us or too old)
    become the time of receipt, UNCERTAIN, with what was said beside.
    """
    cn = message.field("CN")
    rows = _Rows(message.field("MN"))
    period = PERIODS.get(cn, "")
    clock = _Clock(settings, zone, received)
    for entry in entries(message):
        at, doubt = clock.of(entry.said.get("SampleTime") or "", entry.time or time)
        _add(rows, entry, period, settings, at, doubt, judge)
    if cn == "2081":
        at, doubt = clock.of(message.value("RestartTime"), message.value("DataTime"))
        rows.add("restart", at, 1.0, UNCERTAIN if doubt else GOOD, doubt)
    elif cn == "9015":
        rows.add("link", received, 1.0, GOOD)
    elif cn == "3015" and message.value("VaseNo"):
        at, doubt = clock.of("", message.value("DataTime") or time)
        value, text = _number(message.value("VaseNo"))
        rows.add("vase", at, value, UNCERTAIN if doubt else GOOD, {**doubt, **text})
    if maintenance:
        rows.quality = [MAINTENANCE if q in (GOOD, UNCERTAIN) else q for q in rows.quality]
    return rows.readings(_Seeming(rows.address, message, settings))


class _Seeming(Mapping[str, Candidate]):
    """What the station seems to be, made only when somebody wants to know: few are unknown."""

    def __init__(self, station: str, message: Message, settings: Settings) -> None:
        self._station, self._message, self._settings = station, message, settings

    def __getitem__(self, station: str) -> Candidate:
        if station != self._station:
            raise KeyError(station)
        return candidate(self._message, self._settings)

    def __iter__(self) -> Iterator[str]:
        yield self._station

    def __len__(self) -> int:
        return 1


class _Clock:
    """Which of the times a station tells can be believed."""

    def __init__(self, settings: Settings, zone: ZoneInfo, received: int) -> None:
        self._zone, self._received = zone, received
        self._latest = received + int(settings.ahead_seconds * 1e6)
        self._earliest = received - int(settings.behind_days * 86_400e6)
        self._known: dict[str, int | None] = {}

    def of(self, *texts: str) -> tuple[int, dict[str, Any]]:
        """The first that can be believed, or that of receipt and what was told instead."""
        told = ""
        for text in texts:
            if not text:
                continue
            told = told or text
            if text not in self._known:
                self._known[text] = read_time(text, self._zone)
            at = self._known[text]
            if at is not None and self._earliest <= at <= self._latest:
                return at, {}
        return self._received, {"told_time": told}


def _number(text: str | None) -> tuple[float, dict[str, Any]]:
    """(value, nothing), or (NaN, the text) where it is no number or stands for none."""
    try:
        value = float(text) if text else float("nan")
    except ValueError:
        value = float("nan")
    if not abs(value) < 1e300 or abs(value) == NO_VALUE:
        return float("nan"), {"text": text or ""}
    return value, {}


def _add(
    rows: _Rows,
    entry: Entry,
    period: str,
    settings: Settings,
    at: int,
    doubt: dict[str, Any],
    judge: Judge | None,
) -> None:
    code = factors.current(entry.code)
    name = settings.properties.get(code, code)
    if entry.about:
        name = f"{factors.current(entry.about)}.{name}"
    scale = settings.scale.get(code, 1.0)
    mark = (entry.said.get("Flag") or "").strip()
    if mark:
        quality = MARKS.get(mark, UNCERTAIN)
    else:
        quality = judge(code, at, period) if judge is not None and period else GOOD
    if doubt and quality == GOOD:
        quality = UNCERTAIN
    which = next((s for s in (_OF_PERIOD if period else _OF_INSTANT) if s in entry.said), "")
    if which:
        side: dict[str, Any] = {"flag": mark} if mark not in ("", "N") else {}
        side |= doubt
        value, text = _number(entry.said[which])
        if text and which == "Info":
            side |= {"text": text["text"].removeprefix("//").removesuffix("//")}
        elif text:
            side |= text
            quality = quality if quality == MAINTENANCE else BAD
        for suffix, told in entry.said.items():
            label = _SIDE.get(suffix)
            if label and told and suffix != which:
                other, words = _number(told)
                side[label] = words["text"] if words else other * scale
        if period:
            side |= {"period": period, "of": _SIDE.get(which, which.lower())}
        tail = f".{period}" if period else ""
        rows.add(f"{name}{tail}", at, value * scale, quality, side)
        converted = entry.said.get("ZsAvg" if period else "ZsRtd")
        if settings.converted and converted:
            value, text = _number(converted)
            rows.add(f"{name}.zs{tail}", at, value * scale, BAD if text else quality, text)
    serial = entry.said.get("SN")
    if serial:
        rows.add(f"{name}.serial", at, float("nan"), quality, {"text": serial})
