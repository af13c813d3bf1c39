"""One datastream's past as charts want it: columns, where it breaks off, which limits hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from tianmu.city.device.property import Property
from tianmu.facts.batch import UNCERTAIN
from tianmu.facts.text import Text
from tianmu.store.history.asked import Asked
from tianmu.store.history.history import History
from tianmu.store.history.series import Series
from tianmu.web.answer.moment import Instant, says
from tianmu.web.hub import Hub

SECOND = 1_000_000
TOLD = 500
"""observations that stand apart, of one series"""
LONG = 10
"""times the usual interval between observations after which one has been missed (default)"""


class LimitLine(msgspec.Struct, frozen=True, kw_only=True):
    """A value at which a rule in force alarms."""

    rule: str
    name: Text
    value: float
    direction: str
    """``high`` or ``low``"""
    priority: int


class Apart(msgspec.Struct, frozen=True, kw_only=True):
    """Observations that count in no stretch, as columns of one length: bad ones, maintenance and
    tests."""

    at: list[Instant] = []
    value: list[float | None] = []
    quality: list[int] = []
    whole: bool = True
    """false: there may be more of them than are told"""


class SeriesOf(msgspec.Struct, frozen=True, kw_only=True):
    """The past of one datastream, as columns of one length.

    Observations as they were (``raw``), or stretches of ``step`` seconds: mean, lowest and
    highest of the ``count`` good or uncertain values in each. Stretches without any are left out.
    """

    datastream: str
    device: str
    property: str
    name: Text | None
    unit: str
    kind: str
    states: dict[str, Text]
    """of a state: what its numbers mean"""
    raw: bool
    step: float
    gap: float
    """seconds between two points from which on observations are missing, so that no line may join
    them; 0 where that cannot be told: a state told when it changes, or too few points"""
    at: list[Instant]
    value: list[float | None]
    low: list[float | None]
    high: list[float | None]
    count: list[int]
    quality: list[int]
    """of each observation: 0 good, 1 uncertain, 2 bad, 3 maintenance, 4 test; empty where not
    ``raw``: stretches hold good and uncertain ones only"""
    text: list[str | None]
    """results that are no numbers; empty where there are none"""
    limits: list[LimitLine]
    apart: Apart
    """where not ``raw``"""


def known(hub: Hub, device: int, prop: str) -> Property | None:
    """What the pack says of a property of a device's kind."""
    kind = hub.city.kinds.get(hub.registry.kinds[hub.registry.kind[device]])
    return kind.properties.get(prop) if kind else None


def numbers(column: NDArray[Any]) -> list[float | None]:
    """A column as JSON has it: no number is null."""
    found: list[float | None] = column.tolist()
    for n in np.flatnonzero(~np.isfinite(column)).tolist():
        found[n] = None
    return found


def gap(series: Series, heartbeat_s: float | None, *, state: bool) -> float:
    """Seconds of silence from which on a line would tell of what nobody measured. A state that is
    told only when it changes holds until then."""
    if heartbeat_s is None and state:
        return 0.0
    longest = math.inf if heartbeat_s is None else heartbeat_s
    if len(series) > 2:
        if series.raw:
            usual = float(np.median(np.diff(series.time)))
        else:
            usual = series.step / float(np.median(series.count))
        longest = min(longest, max(LONG * usual / SECOND, 1.0))
    return 0.0 if math.isinf(longest) else max(longest, 1.5 * series.step / SECOND)


def with_newest(hub: Hub, stream: int, series: Series, since: int, until: int) -> Series:
    """History lags by its flush: the present value closes the gap."""
    live = hub.live()
    if live is None or stream >= live.count_datastreams or not live.count[stream]:
        return series
    at, value = int(live.time[stream]), float(live.value[stream])
    newest = int(series.time[-1]) + series.step if len(series) else since - 1
    if not (newest < at and since <= at < until):
        return series
    quality = int(live.quality[stream])
    if not series.raw and (quality > 1 or not np.isfinite(value)):
        return series
    return Series(
        raw=series.raw,
        step=series.step,
        time=_and(series.time, at),
        value=_and(series.value, value),
        low=_and(series.low, value),
        high=_and(series.high, value),
        count=_and(series.count, 1),
        quality=None if series.quality is None else _and(series.quality, quality),
        text=None if series.text is None else [*series.text, None],
    )


def _and(column: NDArray[Any], one: float) -> NDArray[Any]:
    return np.append(column, np.asarray(one, column.dtype))


def limits(hub: Hub, device: int, prop: str) -> Iterator[LimitLine]:
    """Where the rules in force alarm: thresholds of this property, the device's own before its
    division's before the rule's."""
    held, registry = hub.registrar.rules, hub.registry
    name = registry.device_id(device)
    kind = registry.kinds[registry.kind[device]]
    division: str = registry.divisions[registry.division[device]]
    above = [division]
    while (found := hub.city.divisions.get(above[-1])) and found.parent:
        above.append(found.parent)
    for rule in held.rules if held else hub.city.rules:
        if rule.get("type") != "threshold" or rule.get("property") != prop:
            continue
        if not rule.get("enabled", True):
            continue
        if rule.get("kind") != kind and name not in rule.get("devices", ()):
            continue
        own = _override(rule, name, above)
        direction = rule.get("direction")
        fields = (
            {"low": "low", "high": "high"} if direction == "outside" else {str(direction): "limit"}
        )
        for side, field in fields.items():
            value = own.get(field)
            value = rule.get(field) if value is None else value
            if value is not None:
                yield LimitLine(
                    rule=str(rule["code"]),
                    name=dict(rule.get("name", {})),
                    value=float(value),
                    direction=side,
                    priority=int(rule["priority"]),
                )


def _override(rule: Any, device: str, divisions: list[str]) -> dict[str, Any]:
    overrides = [dict(one) for one in rule.get("overrides", ())]
    for one in overrides:
        if one.get("device") == device:
            return one
    for division in divisions:
        for one in overrides:
            if one.get("division") == division:
                return one
    return {}


def apart(
    history: History, stream: int, since: int, until: int, most_rows: int, asked: Asked
) -> Apart:
    """What stands apart of the stretches of a datastream: looked for where at most ``most_rows``
    need be read, and the first ``TOLD`` of it told."""
    if history.cost("raw", [stream], since, until).rows > most_rows:
        return Apart(whole=False)
    rows: list[NDArray[Any]] = []
    told = 0
    for batch in history.raw([stream], since, until, asked=Asked()):
        asked.go_on()
        quality = batch["quality"].to_numpy()
        found = np.flatnonzero(quality > UNCERTAIN)[: TOLD + 1 - told]
        told += len(found)
        columns = (batch["time"].to_numpy(), batch["value"].to_numpy(), quality)
        rows.append(np.array([column[found] for column in columns], np.float64))
        if told > TOLD:
            break
    time, value, quality = np.concatenate(rows, axis=1)[:, :TOLD] if rows else np.zeros((3, 0))
    return Apart(
        at=says(time.astype(np.int64)),
        value=numbers(value),
        quality=quality.astype(int).tolist(),
        whole=told <= TOLD,
    )


def say(
    hub: Hub, device: int, name: str, series: Series, beside: Apart, *, lines: bool
) -> SeriesOf:
    """A series of the past as the API tells it."""
    registry = hub.registry
    identity = registry.device_id(device)
    prop = name.removeprefix(f"{identity}/")
    kind = hub.city.kinds.get(registry.kinds[registry.kind[device]])
    described = known(hub, device, prop)
    states = described.states if described else {}
    return SeriesOf(
        datastream=name,
        device=identity,
        property=prop,
        name=described.name if described else None,
        unit=described.unit if described else "",
        kind=registry.kinds[registry.kind[device]],
        states=states,
        raw=series.raw,
        step=series.step / SECOND,
        gap=gap(series, kind.heartbeat_s if kind else None, state=bool(states)),
        at=says(series.time),
        value=numbers(series.value),
        low=numbers(series.low),
        high=numbers(series.high),
        count=series.count.tolist(),
        quality=[] if series.quality is None else series.quality.tolist(),
        text=[] if series.text is None else series.text,
        limits=list(limits(hub, device, prop)) if lines else [],
        apart=beside,
    )
