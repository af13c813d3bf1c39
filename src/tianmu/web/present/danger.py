"""The present danger of a scenario, reckoned once for all who ask within two minutes; sooner where
an alarm of its own has come or gone."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from tianmu.prevent.alarm import table as alarm_table
from tianmu.scenarios.folder import judged as judged_table
from tianmu.scenarios.folder.fit import Fit, matter_keys
from tianmu.scenarios.folder.load import Folder, part
from tianmu.scenarios.present import Present
from tianmu.scenarios.signals import Signal, signals
from tianmu.scenarios.world import OpenAlarm, World
from tianmu.store.history.asked import TooCostly
from tianmu.web.present.warned import warned
from tianmu.web.route.turn import turn

if TYPE_CHECKING:
    from tianmu.web.hub import Hub

log = logging.getLogger(__name__)
SECOND = 1_000_000
LEARNT = 60_000_000
"""µs for which what cases are made of is known, before it is looked up again"""
FAILED = 30_000_000
"""µs in which what failed is not tried again"""
AT_ONCE = 2
"""scenarios that are reckoned at a time"""
SOON = 5_000_000
"""µs after which it is reckoned anew if its alarms have moved"""
REST = 10
"""times as long as it took the last time it rests at least, however its alarms move"""
ALARMS = 200
"""open alarms that a scenario is shown"""


Mark = frozenset[tuple[str, int]]
"""open alarms, with when their condition went: what moves when one comes or goes"""


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


@dataclass(frozen=True)
class _Answer:
    present: Present
    alarms: Mark
    """by which it was reckoned"""
    took: int
    """µs"""

    def rests(self, now: int) -> bool:
        """Too young to be asked whether its alarms have moved."""
        return now - self.present.at < max(SOON, REST * self.took)


@dataclass
class _Held:
    """By scenario: its last answer, and its failure where there was one since."""

    answers: dict[str, _Answer] = field(default_factory=dict)
    failures: dict[str, _Failure] = field(default_factory=dict)

    def known(self, scenario: Folder, now: int) -> _Answer | None:
        """What need not be reckoned anew for its age. Raises what it failed with, while that is
        kept."""
        failed = self.failures.get(scenario.id)
        if failed is not None and 0 <= now - failed.at < FAILED:
            raise failed.tell()
        answer, kept = self.answers.get(scenario.id), scenario.manifest.fresh_s * SECOND
        return answer if answer is not None and 0 <= now - answer.present.at < kept else None


def has_own(scenario: Folder) -> bool:
    """Whether its danger is more than its open alarms."""
    return (scenario.folder / "present.py").exists()


async def present(hub: Hub, scenario: Folder, fit: Fit) -> Present:
    """The danger of now, at most ``fresh_s`` of its manifest old, and of no alarms but those that
    are open (some seconds apart): one reckons each scenario, who comes meanwhile waits for that,
    and holds no thread. Raises ``TooCostly``, ``Failing``, and
    ``Problem`` 503 where it takes too long to wait for."""
    held: _Held = hub.memory.setdefault("danger", _Held())
    if (known := await _known(hub, scenario, fit, held)) is not None:
        return known
    what = f"the danger of {scenario.id} is being reckoned"
    async with (
        turn(hub, f"danger {scenario.id}", 1, what),
        turn(hub, "danger", AT_ONCE, "the danger of other scenarios is being reckoned"),
    ):
        if (known := await _known(hub, scenario, fit, held)) is not None:
            return known
        return await asyncio.to_thread(_reckon, hub, scenario, fit, held)


async def _known(hub: Hub, scenario: Folder, fit: Fit, held: _Held) -> Present | None:
    """What need not be reckoned anew, by its age and by the scenario's alarms."""
    now = hub.clock()
    answer = held.known(scenario, now)
    if answer is None or answer.rests(now):
        return None if answer is None else answer.present
    alarms = await asyncio.to_thread(_mark, hub, fit)
    return answer.present if alarms == answer.alarms else None


def _mark(hub: Hub, fit: Fit) -> Mark:
    return frozenset((one.alarm, one.returned_at) for one in _open_alarms(hub, fit.rules))


def _reckon(hub: Hub, scenario: Folder, fit: Fit, held: _Held) -> Present:
    begun, alarms = time.perf_counter(), _mark(hub, fit)  # before: what comes meanwhile is news
    try:
        answer: Present = part(scenario, "present").present(world_of(hub, scenario, fit))
    except Exception as error:  # an outsider's code: the rest of the page goes on
        if not isinstance(error, TooCostly):
            log.exception("scenario %s", scenario.id)
        failure = _Failure(hub.clock(), error)
        held.failures[scenario.id] = failure
        raise failure.tell() from error
    took = round((time.perf_counter() - begun) * SECOND)
    held.answers[scenario.id] = _Answer(answer, alarms, took)
    held.failures.pop(scenario.id, None)
    return answer


def world_of(hub: Hub, scenario: Folder, fit: Fit) -> World:
    """The city as it is now."""
    return World(
        city=hub.city, now=hub.clock(), registry=hub.registry, history=hub.history,
        live=hub.live(), folder=hub.data / "scenarios" / scenario.id,
        alarms=lambda: tuple(one for one in _open_alarms(hub, fit.rules) if not one.test),
        others=lambda rules: _open_alarms(hub, rules),
        signals=lambda codes, since: _signals(hub, scenario.id, codes, since),
        warned=lambda event: warned(hub, event),
        judged=lambda: hub.ask("works", lambda c: judged_table.last(c, scenario.id), None),
        rows=hub.allowance.rows,
    )  # fmt: skip


def _signals(hub: Hub, scenario: str, codes: Sequence[str], since: int) -> tuple[Signal, ...]:
    """What cases of these matters are made of, looked up anew every minute at most."""
    held: dict[tuple[str, ...], tuple[int, int, tuple[Signal, ...]]] = hub.memory.setdefault(
        "signals", {}
    )
    now, key = hub.clock(), (scenario, *codes)
    at, reached, found = held.get(key, (0, 0, ()))
    if not at or not 0 <= now - at < LEARNT or since < reached:
        matters = [matter for code in codes for matter in matter_keys(hub.city, scenario, code)]
        found = hub.records.read(lambda c: signals(c, matters, since, now + 1))
        held[key] = (now, since, found)
    return tuple(one for one in found if one.at >= since)


def _open_alarms(hub: Hub, rules: Iterable[str]) -> tuple[OpenAlarm, ...]:
    none = alarm_table.Page([], None)
    found: list[OpenAlarm] = []
    for rule in rules:
        scope = alarm_table.Scope(rule=rule, probe=False)
        question = partial(alarm_table.active, scope=scope, limit=ALARMS)
        page: alarm_table.Page = hub.ask("watch", question, none)
        found += [
            OpenAlarm(
                one.rule, one.device, one.longitude, one.latitude, one.raised_at,
                one.alarm, one.division, one.test, one.returned_at or 0,
            )
            for one in page.items
        ]  # fmt: skip
    return tuple(found)
