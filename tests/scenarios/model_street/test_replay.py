"""The city's own sightings, from its history, as rows of ``dwell``; a back-test of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tianmu.city import pack
from tianmu.facts.batch import ObservationBatch
from tianmu.facts.encoding import encode
from tianmu.facts.place import Place
from tianmu.facts.registry import Device
from tianmu.facts.topic import REGISTRY
from tianmu.scenarios.folder.load import find
from tianmu.scenarios.model_street.replay import rows
from tianmu.scenarios.past.backtest import Told, replay, rule_of
from tianmu.scenarios.run import parameters_of
from tianmu.scenarios.signals import Signal
from tianmu.scenarios.world import World
from tianmu.store.history import History
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.store.registry import Registry

STREET = find().scenarios["model-street"]
LIYANG = pack.load("liyang")
DAY = date(2026, 11, 20)
EIGHT = LIYANG.calendar.instant(DAY, 8 * 60)
MINUTE = 60_000_000
LEFT, RIGHT = [0.1, 0.4, 0.4, 0.8], [0.6, 0.4, 0.9, 0.8]
SHOP, RUBBISH = "off_store_operation", "garbage_exposed"


class Past:
    """Cameras ``c0`` and ``c1``, what they saw, and what became of it."""

    def __init__(self, data: Path) -> None:
        self._hub, self._works = Records(data / "hub.sqlite"), Records(data / "works.sqlite")
        self._journal, self._registry = SqliteJournal(data), Registry(data)
        made = [
            Device(
                device=f"c{i}", kind="street_camera", properties=("sighting", SHOP, RUBBISH),
                place=Place(longitude=119.5, latitude=31.4 + i / 1000),
            )
            for i in (0, 1)
        ]  # fmt: skip
        fact = self._registry.registration(made, at=1, actor="test")
        self._hub.transact(lambda tx: tx.append(REGISTRY.name, encode(fact)))
        self._registry.refresh(self._journal)
        self._history, self._number = History(data, self._works), 0
        self.signals: list[Signal] = []

    def see(
        self, camera: str, kind: str, minutes: range, box: list[float], sure: float = 0.8
    ) -> None:
        [stream] = self._registry.datastream_index([f"{camera}/sighting"])
        times = np.array([EIGHT + one * MINUTE for one in minutes], np.int64)
        self._number += 1
        side = {"kind": kind, "box": box, "recogniser": "eye", "event": "e"}
        batch = ObservationBatch(
            datastream=np.full(len(times), stream, np.uint32), phenomenon_time=times,
            value=np.full(len(times), sure), received=EIGHT, source=1,
            sequence=np.arange(len(times), dtype=np.uint32) + self._number * 1000,
            side=dict.fromkeys(range(len(times)), side),
        )  # fmt: skip
        self._history.append([batch], {"observation": self._number})

    def end(self, camera: str, kind: str, minute: int, verdict: str, case: str) -> None:
        """Its alarm of that minute came to a case that ended so; empty: it is open."""
        closed = EIGHT + 999 * MINUTE if verdict else 0
        self.signals.append(
            Signal(case, False, EIGHT + minute * MINUTE, True, f"street_camera.{kind}", camera,
                   119.5, 31.4, case, case, "", verdict, closed)
        )  # fmt: skip

    def told(self, minute: int, case: str) -> None:
        self.signals.append(
            Signal(f"r-{case}", True, EIGHT + minute * MINUTE, False, "", "", 119.5, 31.4, case,
                   case, "", "real", EIGHT + 999 * MINUTE)
        )  # fmt: skip

    def rows(self, folder: Path) -> pa.Table:
        self._history.flush()
        world = World(
            city=LIYANG, now=LIYANG.calendar.instant(DAY, 1440) - 1, registry=self._registry,
            history=self._history, live=None, folder=folder,
            signals=lambda codes, start: tuple(self.signals),
        )  # fmt: skip
        return rows(world, DAY)

    def close(self) -> None:
        for one in (self._history, self._hub, self._works, self._journal):
            one.close()


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    made = Past(tmp_path)
    yield made
    made.close()


def judged(made: pa.Table, *given: str) -> Told:
    rule = rule_of(STREET.manifest.settings, "", "", None)
    [model] = STREET.models
    return replay(model, made, parameters_of(model, list(given)), rule, None, None)


def test_hits_false_alarms_and_what_dwell_would_have_cost(past: Past, tmp_path: Path) -> None:
    past.see("c0", SHOP, range(0, 12), LEFT)  # stood for eleven minutes, and was real
    past.end("c0", SHOP, 5, "real", "A")
    past.told(9, "A")
    past.see("c0", SHOP, range(0, 8), RIGHT)  # beside it in the same pictures: nobody said so
    past.see("c1", SHOP, range(30, 37), LEFT)  # stood, and was made void
    past.end("c1", SHOP, 35, "false", "B")
    past.see("c1", RUBBISH, range(30, 42, 3), LEFT)  # stands; its case is still open: left out
    past.end("c1", RUBBISH, 39, "", "C")
    past.see("c0", SHOP, range(100, 102), LEFT)  # too short to stand
    made = past.rows(tmp_path)
    things = dict(zip(made["watched"].to_pylist(), made["event"].to_pylist(), strict=True))
    assert len(things) == 4 and RUBBISH not in made["kind"].to_pylist()
    assert made["timestamp"][0].as_py().startswith("2026-11-20T08:00:00")
    [told] = [row for row in made.to_pylist() if row["event"]]
    assert told["timestamp"].startswith("2026-11-20T08:09:00"), "when somebody told of it"
    said = judged(made)
    assert (said.events, said.hits, said.misses) == (1, 1, 0)
    assert (said.alarms, said.false_alarms) == (3, 2)
    assert said.lead_hours_median == round(4 / 60, 2), "stood from the fifth minute on"
    longer = judged(made, "dwell_s=480")
    assert (longer.hits, longer.false_alarms) == (1, 0), "the others stood for seven minutes"
    never = judged(made, "dwell_s=3600")
    assert (never.hits, never.misses, never.alarms) == (0, 1, 0)


def test_what_was_merged_into_another_case_is_no_false_alarm(past: Past, tmp_path: Path) -> None:
    past.see("c0", SHOP, range(0, 12), LEFT)
    past.end("c0", SHOP, 5, "real", "A")
    past.signals = [dataclasses.replace(one, verdict="") for one in past.signals]
    assert past.rows(tmp_path).num_rows == 0


def test_unsure_sightings_belong_to_the_thing_they_show(past: Past, tmp_path: Path) -> None:
    past.see("c0", SHOP, range(0, 12), LEFT, sure=0.3)
    past.see("c0", SHOP, range(0, 2), RIGHT, sure=0.9)
    made = past.rows(tmp_path)
    assert len(set(made["watched"].to_pylist())) == 2
    assert judged(made).alarms == 0
    assert judged(made, "least=0.2", "sure=0.3").alarms == 1


def test_a_city_without_sightings_has_no_rows(past: Past, tmp_path: Path) -> None:
    assert past.rows(tmp_path).num_rows == 0
