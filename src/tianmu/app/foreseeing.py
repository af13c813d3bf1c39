"""Forecasts, in a thread of works: whenever a step has ended, and settled when they come due."""

from __future__ import annotations

import logging
import threading
import time
from functools import partial

from tianmu.app.belonging import Belonging
from tianmu.city.city import City
from tianmu.facts import clock
from tianmu.scenarios.folder.load import manifests
from tianmu.scenarios.foresight import alarm as forecast_alarm
from tianmu.scenarios.foresight import foresight, settling, table
from tianmu.scenarios.foresight.wanted import Wanted, due_of, wanted
from tianmu.store.disk import is_full
from tianmu.store.history import History
from tianmu.store.records import Records

log = logging.getLogger("tianmu.works")

LOOK_S = 30.0
"""between two looks at whether something is due"""
FIRST_S = 5.0
"""after the start: history is asked for what came meanwhile first"""


class Foreseeing:
    """Run ``work`` in a thread of its own; it ends soon after ``stop`` is set."""

    def __init__(
        self,
        records: Records,
        history: History,
        belonging: Belonging,
        city: City,
        stop: threading.Event,
    ) -> None:
        self._records, self._history, self._belonging = records, history, belonging
        self._city, self._stop = city, stop
        records.create(table.METADATA)

    def work(self, look_s: float = LOOK_S) -> None:
        asked = manifests(self._city.folder)
        if not any(one.forecasts for one in asked.values()):
            return
        self._stop.wait(min(look_s, FIRST_S))
        done: list[int] = []
        while not self._stop.is_set():
            now = clock.now()
            due = [due_of(one, now) for each in asked.values() for one in each.forecasts]
            try:
                if due != done:  # else the million devices need not be looked through
                    registry, rules = self._belonging.look()
                    self.turn(wanted(asked, self._city, registry, rules, self._before))
                    done = due
            except Exception as error:  # history, its retention and the rest of works go on
                if is_full(error):
                    log.warning("no forecasts: %s", error)
                elif not self._stop.is_set():
                    log.exception("no forecasts: trying again")
            self._stop.wait(look_s)

    def turn(self, all_wanted: list[Wanted]) -> None:
        """Make what is due, settle what has come due, let go of what is old."""
        for one in all_wanted:
            if self._stop.is_set():
                return
            now = clock.now()
            last = partial(table.run_of, scenario=one.scenario, code=one.forecast.code)
            run = self._records.read(last)
            if run is None or run.origin < one.due(now):
                self._make(one, now)
        while not self._stop.is_set():
            now = clock.now()
            if settling.settle(self._records, self._history, all_wanted, now) < settling.SETTLED:
                break
        now = clock.now()
        asked = [(one.scenario, one.forecast.code) for one in all_wanted]
        self._records.transact(lambda tx: forecast_alarm.over(tx, asked, now))
        settling.forget(self._records, now)

    def _make(self, one: Wanted, now: int) -> None:
        began = time.monotonic()
        try:
            made = foresight.make(self._records, self._history, one, now, self._go_on)
        except Exception as error:
            if is_full(error):
                raise
            log.exception("forecast %s/%s", one.scenario, one.forecast.code)
            foresight.fail(self._records, one, now, f"{type(error).__name__}: {error}")
            return
        took = time.monotonic() - began
        log.info("forecast %s/%s: %d in %.1f s", one.scenario, one.forecast.code, made, took)

    def _before(self, scenario: str, code: str) -> set[int]:
        return self._records.read(lambda c: table.newest_streams(c, scenario, code))

    def _go_on(self) -> bool:
        """Between two datastreams: let others have the processor as long again."""
        self._stop.wait(0.02)
        return not self._stop.is_set()
