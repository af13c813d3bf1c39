"""Process watch without its plumbing: observations and deeds in; live columns and alarms out.

What a step found, the alarm tables and the read positions are one commit, so each observation
takes effect exactly once. Positions without effect are committed a little later: what they covered
can be judged again and comes to the same.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tianmu.facts.contact import UNREACHED
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode
from tianmu.facts.finding import Finding, Foretold
from tianmu.facts.registry import MaintenanceChanged
from tianmu.facts.topic import DEED, FINDING, OBSERVATION, OBSERVATION_LIFE
from tianmu.facts.verdict import Verdict
from tianmu.prevent.alarm import table as alarm_table
from tianmu.prevent.alarm.conditions import Conditions
from tianmu.prevent.alarm.deeds import Deeds, unreached
from tianmu.prevent.alarm.ledger import Ledger
from tianmu.prevent.alarm.maintenance import Windows
from tianmu.prevent.alarm.target import Targets
from tianmu.prevent.kernel import program
from tianmu.prevent.kernel.compile import Compiled
from tianmu.prevent.kernel.evaluate import Evaluator
from tianmu.prevent.kernel.fleet import Fleet
from tianmu.prevent.kernel.reading import Reading, read
from tianmu.prevent.rule.edition import Editions, heartbeats, parents, vocabulary
from tianmu.prevent.rule.reading import dump
from tianmu.prevent.rule.rule import AnyRule
from tianmu.prevent.watch.settings import Settings
from tianmu.prevent.watch.snapshots import Snapshots
from tianmu.prevent.watch.start import recall, replay, restore
from tianmu.prevent.watch.writer import Writer
from tianmu.prevent.words import phrase
from tianmu.store.journal.contract import Entry, Journal, Purged
from tianmu.store.records import DiskFull, Records

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.store.live import Live
    from tianmu.store.registry import Registry

log = logging.getLogger("tianmu.prevent")

S = 1_000_000
READER = "watch"
MANY = 1024
"""transitions of a sweep after which the lanes are read before it goes on"""
LIFE, MAIN, DEEDS, FINDINGS = OBSERVATION_LIFE.name, OBSERVATION.name, DEED.name, FINDING.name
_TOTALS = {
    "observations": program.OBSERVATIONS,
    "late": program.LATE,
    "duplicates": program.DUPLICATE,
    "unknown": program.UNKNOWN,
    "ahead": program.AHEAD,
    "bad": program.BAD_QUALITY,
}


class Watch:
    """Call ``start`` once, then ``step`` for as long as it is to run, then ``close``.

    ``clock`` gives µs since the epoch. All calls from one thread.
    """

    def __init__(
        self,
        records: Records,
        journal: Journal,
        registry: Registry,
        live: Live,
        city: City,
        clock: Callable[[], int],
        *,
        targets: Targets | None = None,
        settings: Settings | None = None,
    ) -> None:
        self.records, self.journal, self.registry = records, journal, registry
        self.live, self.city, self.clock = live, city, clock
        self.targets = targets or Targets()
        self.settings = settings or Settings()
        self.editions = Editions(city.rules)
        self.positions: dict[str, int] = {LIFE: 0, MAIN: 0, DEEDS: 0, FINDINGS: 0}
        self.ledger = Ledger(self.targets)
        self.evaluator: Evaluator
        self.conditions: Conditions
        self.deeds: Deeds
        self._windows = Windows()
        self.writer = Writer(records, READER)
        self._listening = 0
        self._swept_at = 0
        self._silence_due = 0
        self._gather_until = 0
        self._snapshot_at = 0
        self._snapshots = Snapshots(live)
        self._new_rules = False

    # starting

    def start(self) -> None:
        """Make the tables, take over the snapshot, judge again what came after it, and agree with
        what was committed."""
        self.writer.start(self.positions, self.clock())
        self.positions = dict(self.writer.committed)
        self.registry.refresh(self.journal, also=self._registry_fact)
        self._new_rules = False
        now = self._listening = self.clock()
        recall(self.records, self.ledger, now)
        fleet = self._fleet()
        self.live.grow(fleet.datastreams, fleet.devices)
        rules = self._rules_in_force()
        self.evaluator, before = restore(
            self.live,
            fleet,
            self._compile,
            rules,
            self.writer.committed,
            ahead_s=self.settings.ahead_s,
        )
        self.evaluator.warm()
        replay(self.journal, self.evaluator, before, self.writer.committed, (LIFE, MAIN))
        self.writer.counted = self._counters()
        self.conditions = Conditions(
            self.ledger, self.evaluator, self.registry, self.city, self._windows.hold
        )
        self.deeds = Deeds(
            self.ledger,
            named=self.conditions.named,
            past=lambda alarm: self.records.read(lambda c: alarm_table.one(c, alarm)),
        )
        self.ledger.use(self.evaluator.compiled.rules)
        self.conditions.note_windows()
        self.evaluator.agree(self.conditions.standing())
        if dump(rules) != dump(self.evaluator.compiled.rules):
            self._publish(rules)
        self.conditions.withdraw(now)
        self.live.alarm[:] = 0
        for index in self.conditions.devices(alarm.device for alarm in self.ledger.open.values()):
            self.live.alarm[index] = self.ledger.worst(self.registry.device_id(index))
        self.ledger.touched.clear()
        self._swept_at = self._snapshot_at = now
        self._commit(force=True)

    # one step

    def step(self, timeout: float = 1.0) -> bool:
        """Read, judge and write once; sleep up to ``timeout`` seconds if there is nothing to read.

        Returns whether anything was read. Raises ``DiskFull`` when it could not be written: the
        same is then tried again by the next step, and nothing is read before it has been.
        """
        if self.writer.waiting:
            self._write()
        self._follow()
        worked = self._read_deeds()
        while self._observe(LIFE, self.settings.entries):
            worked = True
        worked |= self._read_findings()
        now = self.clock()
        if not self._gathers(now):
            if self._observe(MAIN, self.settings.entries):
                worked = True
                self._gather(now)
            now = self.clock()
        if now - self._swept_at >= self.settings.sweep_s * S:
            self._sweep(now)
        self._commit()
        late = now - self._snapshot_at >= self.settings.snapshot_s * S
        if late and self._snapshots.ready(self.evaluator.snapshot()):
            self.snapshot()
        if not worked:
            due = self._swept_at + round(self.settings.sweep_s * S)
            if self.positions != self.writer.committed:
                due = min(due, self.writer.written_at + round(self.settings.commit_s * S))
            positions = {**self.positions, "registry": self.registry.position}
            if self._gathers(now):
                due = min(due, self._gather_until)
                del positions[MAIN]
            wait = min(timeout, max((due - self.clock()) / S, 0.0))
            worked = self.journal.wait(positions, wait)
        return worked

    def _gather(self, now: int) -> None:
        """Having read, let more come before the next reading, unless there is more already."""
        if self.settings.gather_s and self.journal.last(MAIN) <= self.positions[MAIN]:
            self._gather_until = now + round(self.settings.gather_s * S)

    def _gathers(self, now: int) -> bool:
        """Whether more ordinary observations are let come; a clock set back ends it."""
        return 0 < self._gather_until - now <= self.settings.gather_s * S

    def close(self) -> None:
        """Write what is left, with a last snapshot."""
        if self.writer.waiting:
            self._write()
        self._commit(force=True)
        self.snapshot()
        self._snapshots.finish()

    def _entries(self, topic: str, entries: int) -> Sequence[Entry]:
        try:
            return self.journal.read(
                topic, self.positions[topic], entries=entries, size=self.settings.size
            )
        except Purged as purged:
            log.error("%s; going on from the first that is kept", purged)
            self.writer.count("purged", 1)
            self.positions[topic] = purged.first - 1
            return self.journal.read(topic, self.positions[topic], entries=entries)

    def _observe(self, topic: str, entries: int) -> bool:
        found = self._entries(topic, entries)
        if not found:
            return False
        reading = read(topic, found)
        self._judge(reading)
        self.positions[topic] = found[-1].position
        return True

    def _judge(self, reading: Reading) -> None:
        columns = reading.columns
        if len(columns.datastream) and columns.datastream.max() >= self.evaluator.datastreams:
            # gate knew of a device before us: the fact that registers it is on disk already
            self._follow()
        now = self.clock()
        for found in self.evaluator.run(columns):
            self.conditions.take(found, now, columns, reading.side)
        self.writer.count("unreadable", reading.unreadable)

    def _read_deeds(self) -> bool:
        found = self._entries(DEEDS, self.settings.entries)
        if found:
            self._follow()
        for entry in found:
            fact = decode(entry.payload)
            if isinstance(fact, Deed) and fact.verb.startswith("alarm."):
                self.deeds.do(fact, self.clock())
            elif isinstance(fact, Deed) and fact.verb == UNREACHED:
                unreached(self.ledger, fact, self.clock())
            self.positions[DEEDS] = entry.position
        return bool(found)

    def _read_findings(self) -> bool:
        found = self._entries(FINDINGS, self.settings.entries)
        if found:  # works may have judged by rules, and of devices, that came a moment ago
            self._follow()
        for entry in found:
            if isinstance(fact := decode(entry.payload), Finding | Foretold | Verdict):
                self.conditions.found(fact, self.clock())
            self.positions[FINDINGS] = entry.position
        return bool(found)

    def _sweep(self, now: int) -> None:
        # what waits in the journal may be from just the one that seems silent
        silence = now >= self._silence_due and all(
            self.journal.last(t) <= self.positions[t] for t in (LIFE, MAIN)
        )
        for found in self.evaluator.sweep(now, silence=silence, listening=self._listening):
            self.conditions.take(found, now)
            if len(found) >= MANY:
                break  # the rest in the next step: the life-safety lane is looked at in between
        else:
            self._swept_at = now
            if silence:
                streams = self.evaluator.datastreams
                self._silence_due = now + streams * S // self.settings.silence_per_s
        self.conditions.windows_over(now)
        self.ledger.tick(now)

    # registry and rules

    def _registry_fact(self, fact: object) -> None:
        if self.editions.apply(fact):
            self._new_rules = True
        elif isinstance(fact, MaintenanceChanged):
            self._windows.apply(fact)

    def _follow(self) -> None:
        """Devices, rules and windows as of now: of whatever was read before, what it speaks of."""
        self.registry.refresh(self.journal, also=self._registry_fact)
        if self.registry.count_devices > self.evaluator.devices:
            fleet = self._fleet()
            self.live.grow(fleet.datastreams, fleet.devices)
            self.evaluator.extend(fleet)
        if self._new_rules:
            self._new_rules = False
            self._publish(self._rules_in_force())

    def _rules_in_force(self) -> list[AnyRule]:
        """The newest edition that can be used; a faulty one alarms and changes nothing."""
        rules, fault = self.editions.in_force(vocabulary(self.city))
        version = self.editions.current.version
        if fault is not None:
            log.error("rule set %d is faulty and not in force: %s", version, fault)
        self.ledger.platform(
            RULES_REFUSED,
            "rules",
            fault is not None,
            at=self.clock(),
            text=phrase("rules_refused", version=version, fault=fault or ""),
        )
        return rules

    def _publish(self, rules: Sequence[AnyRule]) -> None:
        now = self.clock()
        self.ledger.use(rules)
        for found in self.evaluator.publish(self._compile(rules), self._fleet()):
            self.conditions.take(found, now)
        self.conditions.withdraw(now)

    def _compile(self, rules: Sequence[AnyRule]) -> Compiled:
        return Compiled(rules, parents=parents(self.city), heartbeats=heartbeats(self.city))

    def _fleet(self) -> Fleet:
        return Fleet.of(self.registry)

    # writing

    def _counters(self) -> dict[str, int]:
        return {name: int(self.evaluator.counters[at]) for name, at in _TOTALS.items()}

    def _commit(self, *, force: bool = False) -> None:
        """Write what has effect at once, positions alone once in a while."""
        now = self.clock()
        due = force or now - self.writer.written_at >= self.settings.commit_s * S
        if self.writer.gather(self.ledger, self.positions, self._counters(), now, idle=due):
            self._write()

    def _write(self) -> None:
        self.writer.write()
        for device in self.ledger.touched:
            index = self.registry.find(device)
            if index is not None:
                self.live.alarm[index] = self.ledger.worst(device)
        self.ledger.touched.clear()

    def snapshot(self) -> None:
        """Copy live and the rules' state as of the committed positions; write it in a thread."""
        if self.writer.waiting or self._snapshots.busy:
            return
        self._commit(force=True)
        self._snapshot_at = self.clock()
        self._snapshots.write(
            self.writer.committed,
            self.evaluator.snapshot(),
            {
                "rules": dump(self.evaluator.compiled.rules),
                "devices": self.evaluator.devices,
                "datastreams": self.evaluator.datastreams,
            },
        )

    def vitals(self) -> dict[str, int]:
        """For /metrics: totals since the beginning, and what is now."""
        lag = 0
        for topic in (LIFE, MAIN):
            lag += max(0, self.journal.last(topic) - self.positions[topic])
        return {
            **self.writer.totals,
            "lag": lag,
            "alarms_open": len(self.ledger.open),
            "delays_running": self.evaluator.pending,
            "devices": self.evaluator.devices,
            "datastreams": self.evaluator.datastreams,
            "rules": len(self.evaluator.compiled.rules),
            "rules_version": self.editions.current.version,
            "state_bytes": self.evaluator.memory_bytes,
        }


RULES_REFUSED = "rules_refused"
"""rule code of the platform's own alarm of a faulty rule set"""


def run(watch: Watch, stop: threading.Event, ready: Callable[[], None] = lambda: None) -> None:
    """Step until ``stop`` is set; a full disk is waited out. ``ready`` is called once it has taken
    over where it was."""
    watch.start()
    ready()
    try:
        while not stop.is_set():
            try:
                watch.step(1.0)
            except DiskFull as full:
                log.warning("waiting for room: %s", full)
                stop.wait(1.0)
    finally:
        try:
            watch.close()
        except DiskFull as full:
            log.error("not written before the end, to be judged again: %s", full)
