"""A day with recorded truth, merged by the room itself: how well, and how fast.

    python -m benchmarks.merge_day --hours 24 --pack liyang

The day comes from ``rehearse`` (``truth.toml`` of the pack and a seed that is printed); its facts
are given to the room in the order they arrive, in batches as its reader makes them, on its real
store (``synchronous=FULL``). As a thing is over, the cases that hold its signals and nothing that
still goes on are closed, as the crews would (looked after once a minute of the day). One JSON
object is printed; the seconds are those of the room alone. With ``--officer`` a duty officer is
asked what the machine was not sure of (``merge_officer``): that is how well the city does, with so
many questions an hour, not how well the machine does. With ``--errors`` the pairs that are missed
and those that are wrong are counted by kind first (``merge_errors``).
"""

from __future__ import annotations

import argparse
import json
import secrets
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from benchmarks.merge_errors import Errors
from benchmarks.merge_officer import Officer
from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.facts.alarm import AlarmEvent
from tianmu.facts.registry import Device
from tianmu.facts.report import Report
from tianmu.manage.actor import Actor
from tianmu.manage.desk.work import Work
from tianmu.manage.kept import table as case_table
from tianmu.manage.kept.ledger import decode_state
from tianmu.manage.manage import Manage
from tianmu.manage.steps.lifecycle import Refusal, decide
from tianmu.manage.steps.step import Command
from tianmu.rehearse.truth import day
from tianmu.rehearse.truth.agreement import Agreement, agree
from tianmu.rehearse.truth.thing import Thing
from tianmu.rehearse.truth.witness import Told
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

BATCH = 512
LOOK = 60_000_000
"""µs: so often the crews tell that they are done"""
BEGIN = 1_772_380_800_000_000
CREW = Actor("crew", ("commander",))


@dataclass
class Played:
    """What became of a day: signal → case, and how it went."""

    found: dict[str, str]
    agreement: Agreement
    signals: int
    things: int
    cases: int
    counted: int
    """signals that the states of the cases count"""
    seconds: float
    by_story: dict[str, Agreement] = field(default_factory=dict)
    asked: int = 0
    """questions that the officer asked"""
    same: int = 0
    """and how many were answered yes"""


def draw(city: City, seed: int, hours: float) -> day.Day:
    """A day of the pack, in its first language."""
    if city.truth is None:
        raise SystemExit(f"{city.folder.name} has no truth.toml: see docs/pack.md")
    return day.make(
        city.truth.plain(),
        city.seeding.plain(),
        json.loads(city.map_layer("towns")),
        {key: one.name for key, one in city.matters.items()},
        {code: one.name for code, one in city.divisions.items()},
        city.languages[0],
        seed=seed,
        begin=BEGIN,
        hours=hours,
    )


def going(made: day.Day, since: float) -> day.Day:
    """What is told of things that are not over so many hours after the day's beginning: a piece of
    the day in which as many are open at once as in the whole day."""
    kept = {one.number for one in made.things if one.over >= since * 3600}
    return replace(made, told=[one for one in made.told if one.thing in kept])


class Room:
    """The room on its store, at the day's own time."""

    def __init__(self, folder: Path, city: City, devices: list[Device]) -> None:
        self.now = BEGIN
        self.records = Records(folder / "hub.sqlite")
        self.journal = SqliteJournal(folder)
        known = {one.device: one.labels for one in devices}

        def labels(device: str) -> dict[str, str]:
            return known.get(device, {})

        self.manage = Manage(
            self.records, self.journal, city, lambda: self.now, folder, labels=labels
        )
        self.manage.start()
        self.seconds = 0.0
        self._reports = 0

    def close(self) -> None:
        self.journal.close()
        self.records.close()

    def take(self, now: int, told: list[Told]) -> None:
        """A batch of facts, in one transaction as the reader's."""

        def job(work: Work) -> None:
            facts = [one.fact for one in told]
            work.look(
                [one.alarm for one in facts if isinstance(one, AlarmEvent)],
                [one.report for one in facts if isinstance(one, Report)],
            )
            for fact in facts:
                if isinstance(fact, AlarmEvent):
                    work.alarm(fact)
                else:
                    self._reports += 1
                    work.report(fact, self._reports)

        self._do(now, job)

    def end(self, now: int, cases: list[str]) -> None:
        """The crews are done with these cases."""

        def job(work: Work) -> None:
            for case in cases:
                before = work.state(case)
                if before is None or not before.open:
                    continue
                found = decide(before, Command("void", "done"), CREW, work.now, work.city)
                if isinstance(found, Refusal):
                    raise RuntimeError(f"{case} cannot be closed: {found}")
                work.add(before, found)

        self._do(now, job)

    def _do(self, now: int, job: Any) -> None:
        self.now = now
        begin = time.perf_counter()
        self.manage._work(job)
        self.seconds += time.perf_counter() - begin

    def held(self) -> tuple[dict[str, str], int]:
        """Signal → its case, and the signals that the cases count."""

        def look(connection: Any) -> tuple[dict[str, str], int]:
            member = case_table.member.c
            rows = connection.execute(select(member.kind, member.id, member.serial))
            held = {f"{kind}:{id_}": case_table.case_id(serial) for kind, id_, serial in rows}
            states = map(decode_state, connection.scalars(select(case_table.STATE)))
            return held, sum(state.signals for state in states)

        return self.records.read(look)


def play(made: day.Day, city: City, folder: Path, asking: bool = False) -> Played:
    """The whole day through the room; ``asking``: with a duty officer."""
    room = Room(folder, city, made.devices)
    officer = Officer(room.manage) if asking else None
    try:
        _steps(made, room, officer)
        found, counted = room.held()
    finally:
        room.close()
    truth = made.truth()
    stories: dict[str, dict[str, int]] = defaultdict(dict)
    for signal, thing in truth.items():
        stories[made.things[thing].story["code"]][signal] = thing
    return Played(
        found=found,
        agreement=agree(truth, found),
        signals=len(truth),
        things=len(made.things),
        cases=len(set(found.values())),
        counted=counted,
        seconds=room.seconds,
        by_story={code: agree(some, found) for code, some in sorted(stories.items())},
        asked=officer.asked if officer else 0,
        same=officer.same if officer else 0,
    )


def _steps(made: day.Day, room: Room, officer: Officer | None) -> None:
    waiting: list[Told] = []
    going = {one.number for one in made.things}
    things_of: dict[str, set[int]] = defaultdict(set)
    cases_of: dict[int, set[str]] = defaultdict(set)
    known: dict[str, int] = {}
    over: list[Thing] = []

    def flush(now: int) -> None:
        nonlocal waiting, over
        if waiting:
            room.take(now, waiting)
            told = {one.signal: one.thing for one in waiting if one.signal not in known}
            told.pop("", None)
            known.update(told)
            for signal, case in _cases(room, told).items():
                things_of[case].add(told[signal])
                cases_of[told[signal]].add(case)
                if officer:
                    officer.hears(now, case, signal, told[signal])
            waiting = []
        for case, into in officer.looks(now) if officer else ():
            things_of[into] |= things_of[case]
            for thing in things_of[case]:
                cases_of[thing].add(into)
        if over:
            going.difference_update(one.number for one in over)
            ended = {case for one in over for case in cases_of[one.number]}
            done = sorted(case for case in ended if things_of[case].isdisjoint(going))
            if done:
                room.end(now, done)
            over = []

    last = made.begin
    for at, step in made.steps():
        if len(waiting) >= BATCH or (over and at > last + LOOK):
            flush(at)
            last = at
        if isinstance(step, Told):
            waiting.append(step)
        else:
            over.append(step)
    flush(room.now)


def _cases(room: Room, told: dict[str, int]) -> dict[str, str]:
    found: dict[str, str] = {}
    for kind in ("alarm", "report"):
        ids = [one.removeprefix(f"{kind}:") for one in told if one.startswith(f"{kind}:")]
        held = room.manage.case_of(ids, kind) if ids else {}
        found.update({f"{kind}:{id_}": case for id_, case in held.items()})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--pack", default="liyang")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--since", type=float, default=0.0, help="only things not over by then, h")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--officer", action="store_true", help="with a duty officer who is asked")
    parser.add_argument("--stories", action="store_true", help="how well by story, too")
    parser.add_argument("--errors", action="store_true", help="where it errs, by kind, too")
    asked = parser.parse_args()
    seed = secrets.randbelow(1 << 30) if asked.seed is None else asked.seed
    city = load(asked.pack)
    made = going(draw(city, seed, asked.hours), asked.since)
    with tempfile.TemporaryDirectory(prefix="tianmu-day-") as folder:
        played = play(made, city, Path(folder), asked.officer)
    if asked.stories:
        for code, one in played.by_story.items():
            size = Counter(made.things[t].story["code"] for t in made.truth().values())[code]
            print(f"{code:<16} {size:>7} {one.rounded(3)}")
    if asked.errors:
        print(*Errors(made, city, played.found).lines(), sep="\n")
    result = {
        "pack": asked.pack,
        "seed": seed,
        "hours": asked.hours,
        **({"since": asked.since} if asked.since else {}),
        "signals": played.signals,
        "lost": played.signals - len(played.found),
        "counted": played.counted,
        "things": played.things,
        "cases": played.cases,
        **played.agreement.rounded(),
        "signals_per_second": round(played.signals / played.seconds),
        "seconds": round(played.seconds, 2),
    }
    if asked.officer:
        result["questions_per_hour"] = round(played.asked / asked.hours)
        result["answered_yes"] = played.same
    print(json.dumps(result))


if __name__ == "__main__":
    main()
