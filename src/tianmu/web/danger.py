"""The present danger of a scenario, reckoned once for all who ask within two minutes."""

from __future__ import annotations

import asyncio
import importlib
import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tianmu.prevent import alarm_table
from tianmu.scenarios.fit import Fit
from tianmu.scenarios.load import Scenario
from tianmu.scenarios.present import Present
from tianmu.scenarios.world import OpenAlarm, World
from tianmu.store.history.asked import TooCostly
from tianmu.web.turn import turn

if TYPE_CHECKING:
    from tianmu.web.hub import Hub

log = logging.getLogger(__name__)
KEPT = 120_000_000
"""µs"""
FAILED = 30_000_000
"""µs in which what failed is not tried again"""
AT_ONCE = 2
"""scenarios that are reckoned at a time"""
ALARMS = 200
"""open alarms that a scenario is shown"""


class Failing(Exception):
    """The scenario's own code could not reckon it; the log has the whole of why."""


@dataclass(frozen=True)
class _Failure:
    at: int
    error: Exception

    def tell(self) -> Exception:
        """One for each who asks: what is raised keeps where it was raised."""
        if isinstance(self.error, TooCostly):
            return TooCostly(self.error.cost, self.error.most)
        return Failing(str(self.error))


@dataclass
class _Held:
    """By scenario: its last answer, and its failure where there was one since."""

    answers: dict[str, Present] = field(default_factory=dict)
    failures: dict[str, _Failure] = field(default_factory=dict)

    def known(self, scenario: str, now: int) -> Present | None:
        """What need not be reckoned anew. Raises what it failed with, while that is kept."""
        failed = self.failures.get(scenario)
        if failed is not None and 0 <= now - failed.at < FAILED:
            raise failed.tell()
        answer = self.answers.get(scenario)
        return answer if answer is not None and 0 <= now - answer.at < KEPT else None


def has_own(scenario: Scenario) -> bool:
    """Whether its danger is more than its open alarms."""
    return (scenario.folder / "present.py").exists()


async def present(hub: Hub, scenario: Scenario, fit: Fit) -> Present:
    """The danger of now, at most ``KEPT`` old: one reckons each scenario, who comes meanwhile waits
    for that, and holds no thread. Raises ``TooCostly``, ``Failing``, and ``Problem`` 503 where it
    takes too long to wait for."""
    held: _Held = hub.memory.setdefault("danger", _Held())
    if (known := held.known(scenario.id, hub.clock())) is not None:
        return known
    what = f"the danger of {scenario.id} is being reckoned"
    async with (
        turn(hub, f"danger {scenario.id}", 1, what),
        turn(hub, "danger", AT_ONCE, "the danger of other scenarios is being reckoned"),
    ):
        if (known := held.known(scenario.id, hub.clock())) is not None:
            return known
        return await asyncio.to_thread(_reckon, hub, scenario, fit, held)


def _reckon(hub: Hub, scenario: Scenario, fit: Fit, held: _Held) -> Present:
    try:
        module = importlib.import_module(f"tianmu.scenarios.{scenario.folder.name}.present")
        answer: Present = module.present(world_of(hub, scenario, fit))
    except Exception as error:  # an outsider's code: the rest of the page goes on
        if not isinstance(error, TooCostly):
            log.exception("scenario %s", scenario.id)
        failure = _Failure(hub.clock(), error)
        held.failures[scenario.id] = failure
        raise failure.tell() from error
    held.answers[scenario.id] = answer
    held.failures.pop(scenario.id, None)
    return answer


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
