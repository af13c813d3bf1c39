"""The city's fire alarms now: buildings with their state, alarms by how likely they are real."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tianmu.facts.text import Text
from tianmu.scenarios import signals
from tianmu.scenarios.fire_alarms import duty
from tianmu.scenarios.fire_alarms.duty import Checks, checks
from tianmu.scenarios.fire_alarms.estate import Estate
from tianmu.scenarios.fire_alarms.event import DAY, FALSE
from tianmu.scenarios.fire_alarms.figures import evidence, say, settings
from tianmu.scenarios.fire_alarms.model import LIKELY, both
from tianmu.scenarios.fire_alarms.ranking import Ranked, past_events, rank
from tianmu.scenarios.present import Figure, Line, Present, Shape, Table
from tianmu.scenarios.ring import around
from tianmu.scenarios.world import Devices, OpenAlarm, World

UNKNOWN, NORMAL, IMPAIRED = 0, 1, 2
MANY = 200
"""open alarms of one rule that a scenario is shown"""
SHOWN = 100
"""lines of a table"""
RING_M = {UNKNOWN: 60.0, NORMAL: 60.0, IMPAIRED: 90.0}
RING_ALARM_M = 150.0
"""how large a building's sign is drawn: the graver, the larger"""


@dataclass(frozen=True)
class Building:
    """One that has a transmission unit."""

    device: str
    name: Text
    longitude: float
    latitude: float
    division: str
    department: str
    degree: int
    state: Text
    alarm: str
    """that it is impaired or unattended by"""


def present(world: World) -> Present:
    estate = Estate(world)
    units = estate.units()
    ranked = rank(world, estate)
    # a test is listed as one, and counts in no figure and no degree
    real = tuple(one for one in ranked if not one.alarm.test)
    alarms = world.alarms()
    if not len(units) and not ranked:
        return Present(at=world.now, degree=0, why=(say("no_unit"),))
    found = checks(world, units)
    buildings = buildings_of(world, estate, units, real, alarms)
    worst = max((one.degree for one in real), default=NORMAL)
    if worst == NORMAL and any(one.degree > NORMAL for one in buildings):
        worst = IMPAIRED
    if not real and buildings and all(one.degree == UNKNOWN for one in buildings):
        worst = UNKNOWN
    return Present(
        at=world.now,
        degree=worst,
        why=(_why(real, buildings),),
        figures=_figures(world, real, buildings, found, alarms),
        shapes=_shapes(world, buildings, real, estate),
        tables=(
            _alarm_table(world, estate, ranked),
            _building_table(world, estate, buildings, found),
            _water_table(world, alarms),
        ),
        notes=_notes(world, units, ranked),
        origins=units.origins,
    )


def buildings_of(
    world: World,
    estate: Estate,
    units: Devices,
    ranked: Sequence[Ranked],
    alarms: Sequence[OpenAlarm],
) -> list[Building]:
    """In the order of the units."""
    watched, registry = settings().watched, world.registry
    fire: dict[str, Ranked] = {}
    for one in ranked:  # the likeliest first
        fire.setdefault(one.spot.building, one)
    impaired: dict[str, OpenAlarm] = {}
    for alarm in alarms:
        if alarm.rule in watched.impaired:
            impaired.setdefault(estate.spot(alarm.device).building, alarm)
    unattended = {one.device: one for one in alarms if one.rule == watched.unattended}
    heard = _heard(world, units)
    rules = {str(rule["code"]): dict(rule["name"]) for rule in world.city.rules}
    found: list[Building] = []
    for row, index in enumerate(units.index.tolist()):
        device = registry.device_id(index)
        cause: OpenAlarm | None = None
        state, grade = (say("normal"), NORMAL) if heard[row] else (say("unheard"), UNKNOWN)
        if device in fire:
            state, grade = (
                say("fire", share=_percent(fire[device].judged.probability)),
                fire[device].degree,
            )
        elif device in unattended:
            state, grade, cause = say("unattended"), IMPAIRED, unattended[device]
        elif device in impaired:
            cause = impaired[device]
            state, grade = rules.get(cause.rule, say("impaired")), IMPAIRED
        found.append(
            Building(
                device, estate.name(device), float(units.longitude[row]),
                float(units.latitude[row]), registry.divisions[registry.division[index]],
                registry.departments[registry.department[index]], grade, state,
                "" if cause is None else cause.alarm,
            )
        )  # fmt: skip
    return found


def _heard(world: World, units: Devices) -> NDArray[np.bool_]:
    """Of which units anything ever came."""
    found = np.zeros(len(units), bool)
    kind = world.city.kinds.get(settings().watched.unit)
    for code in kind.properties if kind else ():
        found |= world.last(world.streams(units, code))[1] > 0
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _why(ranked: Sequence[Ranked], buildings: Sequence[Building]) -> Text:
    """Told to all, whatever part of the city they see: it names no building."""
    if not ranked and buildings and all(one.degree == UNKNOWN for one in buildings):
        return say("waiting", buildings=len(buildings))
    if not ranked:
        lame = sum(one.degree == IMPAIRED for one in buildings)
        return say("calm", buildings=len(buildings), impaired=lame)
    likely = sum(one.degree >= LIKELY for one in ranked)
    return say("alarms", count=len(ranked), likely=likely)


def _figures(
    world: World,
    ranked: Sequence[Ranked],
    buildings: Sequence[Building],
    found: Checks,
    alarms: Sequence[OpenAlarm],
) -> tuple[Figure, ...]:
    water = {
        rule for kind in settings().watched.pressure for rule in _rules_of(world, kind)
    }  # fmt: skip
    asked = int(found.asked.sum())
    share = round(100 * float(found.answered.sum()) / asked, 1) if asked else None
    return (
        Figure(say("open_alarms"), float(len(ranked))),
        Figure(say("with_panel"), float(len(buildings))),
        Figure(say("impaired_buildings"), float(sum(b.degree == IMPAIRED for b in buildings))),
        Figure(say("answered_share", days=duty.DAYS), share, "%"),
        Figure(say("low_water"), float(len({a.device for a in alarms if a.rule in water}))),
    )


def _rules_of(world: World, kind: str) -> list[str]:
    known = world.city.kinds.get(kind)
    return [] if known is None else [str(rule["code"]) for rule in known.rules]


def _shapes(
    world: World, buildings: Sequence[Building], ranked: Sequence[Ranked], estate: Estate
) -> tuple[Shape, ...]:
    """Buildings with a panel, and where alarms come from that belong to none."""
    shapes = [
        Shape("building", around(one.longitude, one.latitude, _size(one.degree)), one.degree,
              label=joined(one.name, one.state),
              thing=one.device)
        for one in sorted(buildings, key=lambda one: one.degree)
    ]  # fmt: skip
    known = {one.device for one in buildings}
    for one in ranked:
        alarm = one.alarm
        if one.spot.building in known or alarm.longitude is None or alarm.latitude is None:
            continue
        grade = one.degree
        label = say("fire", share=_percent(one.judged.probability))
        shapes.append(
            Shape("detector", around(alarm.longitude, alarm.latitude, _size(grade)), grade,
                  label=joined(_called(world, alarm.device, one.spot.name), label))
        )  # fmt: skip
    return tuple(shapes)


def _size(grade: int) -> float:
    return RING_M.get(grade, RING_ALARM_M)


def _where(world: World, estate: Estate, one: Ranked) -> Text:
    """Building and detector; one that stands for itself is named once."""
    own = _called(world, one.alarm.device, one.spot.name)
    if one.spot.building == one.alarm.device:
        return own
    return joined(estate.name(one.spot.building), own)


def _called(world: World, device: str, name: str) -> Text:
    """A device without a name of its own is told with its kind."""
    index = world.registry.find(device)
    kind = "" if index is None else world.registry.device(index).kind
    if name != device or kind not in world.city.kinds:
        return plain(name)
    either = world.city.kinds[kind].name
    return {language: f"{either.get(language) or kind} {device}" for language in ("zh", "en")}


def _reasons(world: World, one: Ranked) -> Text:
    """Where nothing speaks for or against it, that is said."""
    if one.judged.reasons:
        return both("reasons", one.judged)
    return say("no_reason", share=_percent(evidence(world.city).prior))


def _alarm_table(world: World, estate: Estate, ranked: Sequence[Ranked]) -> Table:
    registry = world.registry
    kinds = {one.code: one.name for one in settings().evidence.kinds}
    lines = []
    for one in ranked[:SHOWN]:
        event = one.judged.event
        index = registry.find(one.spot.building)
        unit = index is not None and registry.kinds[registry.kind[index]] == settings().watched.unit
        own = registry.find(one.alarm.device)
        department = "" if own is None else registry.departments[registry.department[own]]
        lines.append(
            Line(
                cells=(
                    plain(_percent(one.judged.probability)),
                    _where(world, estate, one),
                    kinds[event.kind], plain(when(world, one.alarm.at)),
                    _reasons(world, one), both("confirm", one.judged),
                ),
                degree=one.degree,
                thing=one.spot.building if unit else "",
                alarm=one.alarm.alarm, division=one.alarm.division, department=department,
            )
        )  # fmt: skip
    columns = ("share", "where", "kind", "time", "reasons", "confirm")
    return Table("alarms", say("alarm_table"), tuple(say(f"column_{c}") for c in columns),
                 tuple(lines), say("no_alarm"))  # fmt: skip


def _building_table(
    world: World, estate: Estate, buildings: Sequence[Building], found: Checks
) -> Table:
    """The gravest first; those of which nothing is to be told are on the map alone."""
    false = _false(world, estate)
    lines: list[tuple[tuple[int, int], Line]] = []
    for row, one in enumerate(buildings):
        if one.degree == NORMAL and not found.asked[row] and not false[one.device]:
            continue
        asked = int(found.asked[row])
        share = f"{found.answered[row]}/{asked}" if asked else "–"
        last = say("never")
        if found.last_at[row]:
            word = "answered" if found.last[row] else "nobody"
            last = say(word, when=when(world, int(found.last_at[row])))
        line = Line(
            cells=(one.name, one.state, last, plain(share), plain(str(false[one.device]))),
            degree=one.degree, thing=one.device, alarm=one.alarm, division=one.division,
            department=one.department,
        )  # fmt: skip
        lines.append(((-one.degree, -false[one.device]), line))
    lines.sort(key=lambda pair: pair[0])
    columns = ("building", "state", "last_check", "checks", "false")
    return Table(
        "buildings", say("building_table"),
        tuple(say(f"column_{c}", days=duty.DAYS) for c in columns),
        tuple(line for _, line in lines[:SHOWN]), say("no_building"),
    )  # fmt: skip


def _false(world: World, estate: Estate) -> Mapping[str, int]:
    """Building → alarms of the last days whose cases were made void."""
    since = world.now - duty.DAYS * DAY
    return Counter(
        one.building for one in past_events(world, estate, since) if one.verdict == FALSE
    )


def _water_table(world: World, alarms: Sequence[OpenAlarm]) -> Table:
    """Hydrants and tanks whose water does not do."""
    rules = {str(rule["code"]): dict(rule["name"]) for rule in world.city.rules}
    wanted = {rule for kind in settings().watched.pressure for rule in _rules_of(world, kind)}
    wanted |= set(settings().watched.water_rules)
    registry, lines = world.registry, []
    for alarm in sorted(alarms, key=lambda one: -one.at):
        index = registry.find(alarm.device)
        if alarm.rule not in wanted or index is None:
            continue
        lines.append(
            Line(
                cells=(_called(world, alarm.device, registry.device(index).name or alarm.device),
                       rules.get(alarm.rule, plain(alarm.rule)), plain(when(world, alarm.at))),
                degree=IMPAIRED, alarm=alarm.alarm, division=alarm.division,
                department=registry.departments[registry.department[index]],
            )
        )  # fmt: skip
    columns = ("source", "state", "time")
    return Table("water", say("water_table"), tuple(say(f"column_{c}") for c in columns),
                 tuple(lines[:SHOWN]), say("no_water"))  # fmt: skip


def _notes(world: World, units: Devices, ranked: Sequence[Ranked]) -> tuple[Text, ...]:
    """What is left out: a storm brings more alarms of one rule than are judged at once, a large
    city more cases than are learnt from."""
    found = [say("left_out", count=units.left_out)] if units.left_out else []
    most = max(Counter(one.alarm.rule for one in ranked).values(), default=0)
    if most >= MANY:
        found.append(say("many", count=most))
    since = world.now - round(evidence(world.city).past_days * DAY)
    past = world.signals(settings().watched.called, since)
    if len({one.case for one in past}) >= signals.MOST:
        found.append(say("cut", count=signals.MOST))
    return tuple(found)


def when(world: World, at: int) -> str:
    """In the city's wall-clock time."""
    local = world.city.calendar.local(at)
    today = world.city.calendar.local(world.now).date()
    return f"{local:%H:%M:%S}" if local.date() == today else f"{local:%m-%d %H:%M}"


def joined(first: Text, second: Text) -> Text:
    return {language: f"{said} · {second[language]}" for language, said in first.items()}


def plain(text: str) -> Text:
    """What is the same in both languages."""
    return {"zh": text, "en": text}
