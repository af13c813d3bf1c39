"""What scenarios judge on a schedule, each in a thread of works: after every step, told once."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

from tianmu.app.belonging import Belonging
from tianmu.city.city import City
from tianmu.facts import clock
from tianmu.prevent.rule.rule import Judged
from tianmu.scenarios.folder import judged as table
from tianmu.scenarios.folder.load import Folder, folders, part
from tianmu.scenarios.folder.manifest import Judging as Schedule
from tianmu.scenarios.judging import Judgement
from tianmu.scenarios.world import World
from tianmu.store.disk import is_full
from tianmu.store.history import History
from tianmu.store.records import Records
from tianmu.store.registry import UNKNOWN, Registry

log = logging.getLogger("tianmu.works")
S = 1_000_000
LOOK_S = 5.0
"""at most, between two looks at whether a step has ended"""
FAULT = 500
"""signs of what a scenario's code failed with that are kept"""


def due(asked: Schedule, now: int) -> int:
    """The end (µs) of the newest step whose readings are in."""
    step = round(asked.every_min * 60 * S)
    return (now - round(asked.settle_s * S)) // step * step


class Judging:
    """``start`` and then ``join`` after ``stop`` is set; ``turn`` judges one scenario once."""

    def __init__(
        self,
        data: Path,
        records: Records,
        history: History,
        belonging: Belonging,
        city: City,
        stop: threading.Event,
    ) -> None:
        self._data, self._records, self._history = data, records, history
        self._belonging, self._city, self._stop = belonging, city, stop
        self._threads: list[threading.Thread] = []
        records.create(table.METADATA)

    def start(self) -> None:
        """One thread each, in which its code is imported too: one that is slow or broken holds up
        neither works nor any other."""
        scenarios, broken = folders(self._city.folder)
        for one in broken:
            log.error("scenario %s is not judged: %s", one.id, one.why)
        for scenario in scenarios.values():
            if scenario.manifest.judging is not None:
                self._threads.append(
                    threading.Thread(
                        target=self._work, args=(scenario, scenario.manifest.judging),
                        name=f"judge {scenario.id}", daemon=True,
                    )
                )  # fmt: skip
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        ends = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, ends - time.monotonic()))

    def _work(self, scenario: Folder, asked: Schedule) -> None:
        look_s = min(LOOK_S, asked.every_min * 60 / 4)
        while not self._stop.wait(look_s):
            try:
                self.turn(scenario, asked, clock.now())
            except Exception as error:  # the others and the rest of works go on
                if is_full(error):
                    log.warning("%s is not judged: %s", scenario.id, error)
                elif not self._stop.is_set():
                    log.exception("%s is not judged: trying again", scenario.id)

    def turn(self, scenario: Folder, asked: Schedule, now: int) -> int:
        """Judge the newest step that has ended, unless it has been; what was due while the city
        was down is not made up. How many beginnings, worsenings and ends were told."""
        until = due(asked, now)
        last = self._records.read(lambda c: table.last(c, scenario.id))
        if last is not None and last.until >= until:
            return 0
        registry, rules, edition = self._belonging.edition()
        began = time.monotonic()
        try:
            judgement: Judgement = part(scenario, "judge").judge(
                self._world(scenario, registry, until)
            )
            judges = {one.code: one for one in rules if isinstance(one, Judged) and one.enabled}
            streams = self._streams(scenario, registry, judges, judgement)
            over = round(asked.over_min * 60 * S)
            # what a judge says may not be of a form that can be kept: that is its fault too
            told: int = self._records.transact(
                lambda tx: table.write(
                    tx,
                    scenario.id,
                    until,
                    now,
                    judgement,
                    streams,
                    over,
                    asked.grown,
                    asked.moved_m,
                    edition,
                )
            )
        except Exception as error:
            if is_full(error) or self._stop.is_set():  # what it read from is being closed
                raise
            log.exception("%s: judge.py failed", scenario.id)
            fault = f"{type(error).__name__}: {error}"[:FAULT]
            self._records.transact(lambda tx: table.fail(tx, scenario.id, until, now, fault))
            return 0
        took = time.monotonic() - began
        if told:
            log.info("%s judged in %.1f s: %d told", scenario.id, took, told)
        return told

    def _world(self, scenario: Folder, registry: Registry, until: int) -> World:
        return World(
            city=self._city, now=until, registry=registry, history=self._history, live=None,
            folder=self._data / "scenarios" / scenario.id,
        )  # fmt: skip

    def _streams(
        self,
        scenario: Folder,
        registry: Registry,
        judges: dict[str, Judged],
        judgement: Judgement,
    ) -> dict[tuple[str, str], int]:
        """(rule, device) → datastream, of conditions told now or before whose rule is in force.
        Raises ``ValueError`` for a condition that no alarm can be made of."""
        found: dict[tuple[str, str], int] = {}
        keys = [(one.rule, one.device) for one in judgement.conditions]
        fresh = set(keys)
        if len(fresh) != len(keys):
            raise ValueError("a condition is told twice: one for each rule and device")
        held = self._records.read(lambda c: table.standing(c, scenario.id))
        for rule, device in [*keys, *held]:
            by = judges.get(rule)
            if by is None:
                if (rule, device) in fresh and rule not in self._city_rules():
                    raise ValueError(f"no rule {rule} of type judged: bring it in kinds.toml")
                continue
            stream = int(registry.datastream_index([f"{device}/{by.property}"])[0])
            if stream != UNKNOWN:
                found[rule, device] = stream
            elif (rule, device) in fresh:
                raise ValueError(f"device {device} has no {by.property}, of which {rule} is")
        return found

    def _city_rules(self) -> set[str]:
        return {str(one.get("code")) for one in self._city.rules}
