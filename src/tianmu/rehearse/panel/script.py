"""What happens at a fire panel: single events, and whole days of them from a seed.

Each step carries the truth behind it, which the wire does not tell, so that what a city made of
it can be counted.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

NORMAL, FIRE, FAULT, SHIELD, START, FEEDBACK = 0x01, 0x02, 0x04, 0x08, 0x20, 0x40
MAIN_POWER_FAULT, BACKUP_POWER_FAULT = 0x08, 0x10
RESET, MUTE, MANUAL_ALARM, CLEAR, SELF_TEST, DUTY_ANSWER, TEST = (1 << bit for bit in range(7))
TEXT = 31

SMOKE, HEAT, CALL_POINT, SPRINKLER_PUMP, FLOW_SWITCH = 40, 30, 23, 95, 96
"""component types of table 5 that the scripts use"""


@dataclass(frozen=True)
class Component:
    """A detector, button or pump at a panel."""

    type: int
    address: int
    description: str = ""
    system_type: int = 1
    system_address: int = 1

    @property
    def head(self) -> bytes:
        """Its seven bytes on the wire."""
        return bytes([self.system_type, self.system_address, self.type]) + self.address.to_bytes(
            4, "little"
        )


@dataclass(frozen=True)
class Event:
    """One information object to send: ``body`` and then, where the type has one, the time."""

    name: str
    type: int
    body: bytes
    timed: bool = True


def component_state(component: Component, word: int, name: str = "state") -> Event:
    text = component.description.encode("gb18030")[:TEXT]
    # never half a character
    text = text.decode("gb18030", "ignore").encode("gb18030").ljust(TEXT, b"\0")
    return Event(name, 2, component.head + word.to_bytes(2, "little") + text)


def fire(component: Component) -> Event:
    return component_state(component, NORMAL | FIRE, "fire")


def fault(component: Component) -> Event:
    return component_state(component, NORMAL | FAULT, "fault")


def normal(component: Component) -> Event:
    return component_state(component, NORMAL, "normal")


def started(component: Component) -> Event:
    return component_state(component, NORMAL | START | FEEDBACK, "started")


def analog(component: Component, kind: int, raw: int) -> Event:
    """``raw`` in steps of the analog type (table 6)."""
    value = raw.to_bytes(2, "little", signed=True)
    return Event("analog", 3, component.head + bytes([kind]) + value)


def system_state(system_type: int, system_address: int, word: int) -> Event:
    return Event(
        "system_state", 1, bytes([system_type, system_address]) + word.to_bytes(2, "little")
    )


def system_operation(system_type: int, system_address: int, bits: int, operator: int = 1) -> Event:
    return Event("system_operation", 4, bytes([system_type, system_address, bits, operator]))


def unit_state(word: int = NORMAL) -> Event:
    return Event("unit_state", 21, bytes([word]))


def unit_operation(bits: int, operator: int = 1) -> Event:
    return Event("unit_operation", 24, bytes([bits, operator]))


def version(major: int = 1, minor: int = 0) -> Event:
    return Event("version", 25, bytes([major, minor]), timed=False)


class Truth(StrEnum):
    """What was really the matter."""

    NOTHING = "nothing"
    FIRE = "fire"
    FALSE_ALARM = "false_alarm"
    TEST = "test"
    FAULT = "fault"


@dataclass(frozen=True)
class Step:
    """``delay`` seconds after the step before, ``event`` is sent."""

    delay: float
    event: Event
    truth: Truth = Truth.NOTHING
    incident: int = 0
    """number of the incident it belongs to, from 1; 0 is none"""


def building(rng: random.Random, count: int = 24) -> tuple[Component, ...]:
    """Components of one building: mostly smoke detectors, some heat detectors and call points,
    a flow switch and a pump. Descriptions are floor and room, as installers write them."""
    made: list[Component] = []
    for number in range(count):
        floor, room = 1 + number // 8, 1 + number % 8
        kind = rng.choices((SMOKE, HEAT, CALL_POINT), (7, 2, 1))[0]
        address = floor << 16 | room
        made.append(Component(kind, address, f"{floor}F-{floor}{room:02}"))
    made.append(Component(FLOW_SWITCH, 0x00630001, "B1-FLOW", 12, 1))
    made.append(Component(SPRINKLER_PUMP, 0x00630002, "B1-PUMP", 12, 1))
    return tuple(made)


def script(
    seed: int,
    components: Sequence[Component],
    seconds: float,
    incidents: int = 4,
    *,
    fires: float = 0.1,
    false_alarms: float = 0.4,
    tests: float = 0.2,
) -> Iterator[Step]:
    """About ``incidents`` incidents in ``seconds``, the shares given, the rest faults. The shares
    are ours, for rehearsal; the sequences are those panels send: most alarms are false and reset
    within a minute, a test sets off several detectors, a real fire spreads and starts the pump."""
    rng = random.Random(seed)
    detectors = [c for c in components if c.type in (SMOKE, HEAT)] or list(components)
    gaps = [rng.expovariate(1.0) for _ in range(incidents + 1)]
    total = sum(gaps) or 1.0
    for number in range(1, incidents + 1):
        wait = gaps[number - 1] / total * seconds
        at = rng.randrange(len(detectors))
        roll = rng.random()
        if roll < fires:
            steps = _real_fire(rng, components, detectors, at, number)
        elif roll < fires + false_alarms:
            steps = _false_alarm(rng, detectors[at], number)
        elif roll < fires + false_alarms + tests:
            steps = _test(rng, detectors, number)
        else:
            steps = _fault(rng, detectors[at], number)
        for step in steps:
            yield Step(step.delay + wait, step.event, step.truth, step.incident)
            wait = 0.0


def _real_fire(
    rng: random.Random,
    components: Sequence[Component],
    detectors: Sequence[Component],
    at: int,
    number: int,
) -> list[Step]:
    spread = [detectors[(at + n) % len(detectors)] for n in range(rng.randint(2, 4))]
    steps = [Step(rng.uniform(2, 20) if n else 0.0, fire(c)) for n, c in enumerate(spread)]
    steps += [Step(rng.uniform(1, 9), fire(c)) for c in components if c.type == CALL_POINT][:1]
    steps += [
        Step(rng.uniform(1, 9), started(c))
        for c in components
        if c.type in (FLOW_SWITCH, SPRINKLER_PUMP)
    ]
    steps.append(Step(rng.uniform(1, 9), unit_operation(MUTE)))
    return [Step(step.delay, step.event, Truth.FIRE, number) for step in steps]


def _false_alarm(rng: random.Random, component: Component, number: int) -> list[Step]:
    """Cooking, dust, steam: muted, looked at, reset."""
    where = component.system_type, component.system_address
    steps = [
        Step(0.0, fire(component)),
        Step(rng.uniform(3, 20), unit_operation(MUTE)),
        Step(rng.uniform(10, 40), system_operation(*where, RESET)),
    ]
    if rng.random() < 0.3:  # it comes back, as it does
        steps += [Step(rng.uniform(5, 30), fire(component)), Step(8.0, normal(component))]
    return [Step(step.delay, step.event, Truth.FALSE_ALARM, number) for step in steps]


def _test(rng: random.Random, detectors: Sequence[Component], number: int) -> list[Step]:
    some = rng.sample(list(detectors), min(len(detectors), rng.randint(2, 5)))
    steps = [Step(0.0, unit_operation(TEST))]
    steps += [Step(rng.uniform(2, 10), fire(component)) for component in some]
    steps += [Step(1.0, normal(component)) for component in some]
    steps += [Step(2.0, unit_operation(RESET)), Step(0.5, unit_state(NORMAL))]
    return [Step(step.delay, step.event, Truth.TEST, number) for step in steps]


def _fault(rng: random.Random, component: Component, number: int) -> list[Step]:
    if rng.random() < 0.3:
        down, up = unit_state(NORMAL | MAIN_POWER_FAULT), unit_state(NORMAL)
    else:
        down, up = fault(component), normal(component)
    return [
        Step(0.0, down, Truth.FAULT, number),
        Step(rng.uniform(20, 300), up, Truth.FAULT, number),
    ]
