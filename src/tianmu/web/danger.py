"""The present danger of a scenario, reckoned once for all who ask within two minutes."""

from __future__ import annotations

import importlib
import threading
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tianmu.prevent import alarm_table
from tianmu.scenarios.fit import Fit
from tianmu.scenarios.load import Scenario
from tianmu.scenarios.present import Present
from tianmu.scenarios.world import OpenAlarm, World

if TYPE_CHECKING:
    from tianmu.web.hub import Hub

KEPT = 120_000_000
"""µs"""
ALARMS = 200
"""open alarms that a scenario is shown"""


@dataclass
class _Held:
    """Answers by scenario; one is reckoned at a time, who comes meanwhile waits for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    answers: dict[str, Present] = field(default_factory=dict)


def has_own(scenario: Scenario) -> bool:
    """Whether its danger is more than its open alarms."""
    return (scenario.folder / "present.py").exists()


def present(hub: Hub, scenario: Scenario, fit: Fit) -> Present:
    """The danger of now, at most ``KEPT`` old. Raises ``TooCostly``, and whatever a scenario's
    own code raises."""
    held: _Held = hub.memory.setdefault("danger", _Held())
    with held.lock:
        known = held.answers.get(scenario.id)
        now = hub.clock()
        if known is None or not 0 <= now - known.at < KEPT:
            module = importlib.import_module(f"tianmu.scenarios.{scenario.folder.name}.present")
            known = module.present(world_of(hub, scenario, fit))
            held.answers[scenario.id] = known
        return known


def world_of(hub: Hub, scenario: Scenario, fit: Fit) -> World:
    """The city as it is now."""
    return World(
        city=hub.city, now=hub.clock(), registry=hub.registry, history=hub.history,
        live=hub.live(), folder=hub.data / "scenarios" / scenario.id,
        alarms=lambda: _open_alarms(hub, fit), rows=hub.allowance.rows,
    )  # fmt: skip


def _open_alarms(hub: Hub, fit: Fit) -> tuple[OpenAlarm, ...]:
    none = alarm_table.Page([], None)
    found: list[OpenAlarm] = []
    for rule in fit.rules:
        scope = alarm_table.Scope(rule=rule, probe=False)
        question = partial(alarm_table.active, scope=scope, limit=ALARMS)
        page: alarm_table.Page = hub.ask("watch", question, none)
        found += [
            OpenAlarm(one.rule, one.device, one.longitude, one.latitude, one.raised_at)
            for one in page.items
        ]
    return tuple(found)
