"""Coming back: the snapshot, and what the journal has after it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from tianmu.prevent.alarm.ledger import Ledger
from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.evaluate import Evaluator
from tianmu.prevent.kernel.fleet import Fleet
from tianmu.prevent.kernel.reading import read
from tianmu.prevent.rule.reading import read as read_rules
from tianmu.prevent.rule.rule import AnyRule
from tianmu.prevent.watch import save
from tianmu.store.journal.contract import Journal, Purged

if TYPE_CHECKING:
    from tianmu.store.live import Live
    from tianmu.store.records import Records

S = 1_000_000
log = logging.getLogger("tianmu.prevent")


def recall(records: Records, ledger: Ledger, now: int) -> None:
    """Give the ledger what the tables hold: open and just cleared alarms, the newest name, and
    the annunciations that floods are counted by."""
    targets = ledger.targets
    cleared_since = now - round(targets.chatter_window_s * S)
    alarms = records.read(lambda c: save.standing(c, cleared_since))
    newest = records.read(save.newest)
    if newest is not None and all(newest.alarm != alarm.alarm for alarm in alarms):
        alarms.append(newest)
    since = now - round(targets.flood_period_s * S)
    ledger.load(alarms, records.read(lambda c: save.annunciated(c, since)))


def restore(
    live: Live,
    fleet: Fleet,
    compile_rules: Callable[[Sequence[AnyRule]], Compiled],
    rules: Sequence[AnyRule],
    committed: Mapping[str, int],
    *,
    ahead_s: float,
) -> tuple[Evaluator, dict[str, int]]:
    """The evaluator as of the newest usable snapshot, judging by the snapshot's rules, and the
    positions it stands at (none: it is empty, and judges by ``rules``)."""
    found = live.restore()
    if found is not None:
        ahead = [t for t, p in found.positions.items() if p > committed.get(t, 0)]
        devices = int(found.meta.get("devices", 0))
        if ahead:
            log.warning("snapshot is ahead of what was committed on %s: not used", ahead)
        elif devices > fleet.devices:
            log.warning("snapshot of %d devices, the registry has %d", devices, fleet.devices)
        else:
            old, _ = read_rules(found.meta.get("rules", ()))
            evaluator = Evaluator(compile_rules(old), _first(fleet, devices), live, ahead_s=ahead_s)
            try:
                evaluator.restore(found.extra)
            except (ValueError, KeyError) as error:
                log.warning("state of the rules not taken over: %s", error)
            else:
                live.grow(fleet.datastreams, fleet.devices)
                evaluator.extend(fleet)
                return evaluator, found.positions
        for column in (live.value, live.time, live.received, live.quality, live.count, live.alarm):
            column[:] = 0
    live.grow(fleet.datastreams, fleet.devices)
    return Evaluator(compile_rules(rules), fleet, live, ahead_s=ahead_s), {}


def replay(
    journal: Journal,
    evaluator: Evaluator,
    after: Mapping[str, int],
    until: Mapping[str, int],
    topics: Sequence[str],
) -> int:
    """Judge again what lies between the snapshot and what was committed; transitions were written
    then, so they are not told again. How many observations there were."""
    rows = 0
    for topic in topics:
        position, end = after.get(topic, 0), until.get(topic, 0)
        while position < end:
            try:
                entries = journal.read(topic, position)
            except Purged as purged:
                log.warning("%s; live begins with the first that is kept", purged)
                position = purged.first - 1
                continue
            entries = [entry for entry in entries if entry.position <= end]
            if not entries:
                break
            reading = read(topic, entries)
            for _ in evaluator.run(reading.columns):
                pass
            rows += len(reading.columns.datastream)
            position = entries[-1].position
    return rows


def _first(fleet: Fleet, devices: int) -> Fleet:
    """The fleet as it was with so many devices."""
    return Fleet(
        kinds=fleet.kinds,
        divisions=fleet.divisions,
        properties=fleet.properties,
        kind=fleet.kind[:devices],
        division=fleet.division[:devices],
        first=fleet.first[: devices + 1],
        observed=fleet.observed[: int(fleet.first[devices])],
        find=lambda name: (
            index if (index := fleet.find(name)) is not None and index < devices else None
        ),
    )
