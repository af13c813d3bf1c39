"""What an alarm is about: the device, its place and owner, the value, and the words for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from tianmu.facts.registry import Device, SourceChanged
from tianmu.facts.text import Text, say
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.rule.rule import Rate, Rule, Silence, State, Threshold

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.city.device.property import Property


class Devices(Protocol):
    """What the registry tells (see ``tianmu.store.registry``)."""

    @property
    def sources(self) -> Mapping[str, SourceChanged]: ...
    def device(self, device: int) -> Device: ...
    def device_of(self, datastream: Any) -> Any: ...
    def property_of(self, datastream: int) -> str: ...


def identity(rule: str, datastream: str) -> str:
    """Of a condition: equal signals have equal identities."""
    return f"{rule}@{datastream}"


def describe(
    rule: Rule,
    datastream: int,
    devices: Devices,
    city: City,
    *,
    value: float | None,
    limit: float | None,
    at: int,
    observed_at: int,
) -> Alarm:
    """An alarm of ``rule`` on ``datastream``, in state normal and without a name yet."""
    device = devices.device(int(devices.device_of(datastream)))
    name = devices.property_of(datastream)
    stream = f"{device.device}/{name}"
    kind = city.kinds.get(device.kind)
    described = kind.properties.get(name) if kind is not None else None
    source = devices.sources.get(device.source)
    place = device.place
    unit = described.unit if described is not None and not _is_share(rule) else ""
    if isinstance(rule, Silence):
        unit = "s"
    return Alarm(
        alarm="",
        identity=identity(rule.code, stream),
        rule=rule.code,
        device=device.device,
        datastream=stream,
        device_kind=device.kind,
        priority=rule.priority,
        severity=rule.severity,
        matter=rule.matter,
        latching=rule.latching,
        shelvable=rule.shelvable,
        department=device.department,
        division=place.division,
        longitude=place.longitude,
        latitude=place.latitude,
        precision=place.precision,
        address=place.address,
        source=device.source,
        origin=device.origin,
        probe=device.probe or (source.probe if source is not None else ""),
        text=words(rule, device, name, described, city, value=value, limit=limit, unit=unit),
        value=value,
        limit=limit,
        unit=unit,
        raised_at=at,
        observed_at=observed_at,
        changed_at=at,
    )


def words(
    rule: Rule,
    device: Device,
    property_name: str,
    described: Property | None,
    city: City,
    *,
    value: float | None,
    limit: float | None,
    unit: str,
) -> Text:
    """The rule's text in every language that it has, filled in."""
    kind = city.kinds.get(device.kind)
    division = city.divisions.get(device.place.division)
    own = isinstance(rule, Threshold | Rate) and not _is_share(rule)  # a value of the property
    step = resolution(described) if own else None
    told: Text = {}
    for language in {**rule.name, **rule.text}:
        states = _states(described, value, language, _mask(rule))
        template = rule.text.get(language) or _template(rule, states, value)
        values: dict[str, Any] = {
            "name": say(rule.name, language),
            "device": device.labels.get(f"name_{language}") or device.name or device.device,
            "kind": say(kind.name, language) if kind is not None else device.kind,
            "property": say(described.name, language) if described else property_name,
            "value": rounded(value, step),
            "limit": Number(float("nan") if limit is None else limit),
            "unit": unit,
            "division": say(division.name, language) if division is not None else "",
            "place": device.place.address
            or (say(division.name, language) if division is not None else ""),
            "state": states,
        }
        told[language] = template.format_map(values).rstrip()  # where there is no unit
    return told


def _is_share(rule: Rule) -> bool:
    """Whether what it tells is a share of what was measured."""
    return isinstance(rule, Rate) and rule.relative


def resolution(described: Property | None) -> float | None:
    """Of the sensors that measure a property, as the pack says it."""
    return described.step if described is not None else None


def rounded(value: float | None, step: float | None) -> Number:
    """As it is told: as fine as it is measured; where that is not known to four figures, a large
    one to the whole."""
    if value is None or not math.isfinite(value):
        return Number(math.nan)
    if step:
        exponent = Decimal(str(step)).normalize().as_tuple().exponent
        places = -exponent if isinstance(exponent, int) else 0
    else:
        places = 3 - math.floor(math.log10(abs(value))) if value else 0
    # + 0: what rounds to nothing has no sign
    return Number(round(value, max(places, 0)) + 0.0)


class Number(float):
    """Shown short without a format: 3.5, not 3.50000000001; an unknown one as a dash."""

    def __format__(self, spec: str) -> str:
        if math.isnan(self):
            return "–"
        if spec.endswith("d"):
            return format(round(self), spec)
        return format(float(self), spec or ".10g")


def _template(rule: Rule, states: str, value: float | None) -> str:
    if isinstance(rule, State):
        # one bit: the rule's name says it already
        one = rule.mask is not None and rule.mask.bit_count() == 1
        return "{name}: {state}" if states and not one else "{name}"
    return "{name}" if value is None else "{name}: {value} {unit}"


def _mask(rule: Rule) -> int | None:
    """The bits that a rule is about, or None where it is about the whole value."""
    if isinstance(rule, State) and rule.match in {"any", "all"}:
        return rule.mask
    return None


def _states(
    described: Property | None, value: float | None, language: str, mask: int | None = None
) -> str:
    """Names of the states that ``value`` stands for: of the number, or of its bits in ``mask``.
    Remembered: of many alarms at once most tell of the same state."""
    if described is None or not described.states or value is None or not 0 <= value < 2**53:
        return ""
    number = int(value) if mask is None else int(value) & mask
    key = (id(described), number, language, mask is None)
    known = _named.get(key)
    if known is not None and known[0] is described:
        return known[1]
    if len(_named) >= REMEMBERED:
        _named.clear()
    told = _name(described, number, language, whole=mask is None)
    _named[key] = described, told
    return told


REMEMBERED = 10_000
"""states of which it is remembered what they are called"""
_named: dict[tuple[int, int, str, bool], tuple[Property, str]] = {}
"""by the property's ``id``, which is its own as long as it stands here"""


def _name(described: Property, number: int, language: str, *, whole: bool) -> str:
    """What the state ``number`` is called: as a ``whole``, or else by its bits."""
    named = described.states.get(str(number)) if whole else None
    if named:
        return say(named, language)
    return ", ".join(
        say(text, language)
        for key, text in described.states.items()
        if key.startswith("bit") and key[3:].isdigit() and number >> int(key[3:]) & 1
    )


def freshen(alarm: Alarm, anew: Alarm) -> None:
    """Take over from ``anew`` what a new rise of the same condition tells."""
    for name in (
        "priority",
        "severity",
        "matter",
        "latching",
        "shelvable",
        "department",
        "division",
        "longitude",
        "latitude",
        "precision",
        "address",
        "text",
        "value",
        "limit",
        "unit",
        "observed_at",
    ):
        setattr(alarm, name, getattr(anew, name))


def told(side: Any) -> dict[str, Any]:
    """What came along with an observation, as data of an event."""
    if side is None:
        return {}
    if isinstance(side, Mapping):
        return {str(key): value for key, value in side.items()}
    return {"result": msgspec.to_builtins(side)}
