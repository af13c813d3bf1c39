"""Whether a million closed cases slow anything that is asked of what is open.

A city's closed cases are imported as whole lives of events by the rebuild path (``import_events``),
with as many open ones as a busy city has beside them; then every question that a page asks is asked
many times over, with other divisions, departments, words and pages each time. One JSON object is
printed: how fast the import was, how large the file is, what stays in memory, and per question its
median and p99 in ms, and the p99 of the processor's time, that others on it do not change.
Python looks for garbage as seldom as in hub.

    python benchmarks/manage_million.py --cases 1000000 --open 5000

With ``--data`` what is built is kept: the same command goes on where it was stopped, and once all
is there asks again without building.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import platform
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, func, select

from tianmu.access.scope import Scope
from tianmu.app import process
from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.facts.case import CaseEvent
from tianmu.facts.origin import Origin
from tianmu.facts.place import Place
from tianmu.facts.report import Report
from tianmu.manage.kept import counts as case_counts
from tianmu.manage.kept import query as case_query
from tianmu.manage.kept import table as case_table
from tianmu.manage.kept.query import Query
from tianmu.manage.kept.rebuild import import_events
from tianmu.manage.manage import Manage
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records
from tianmu.web.api.reports.alike import LOOKED

DAY = 86_400_000_000
WORDS = (
    "litter",
    "lamp",
    "pipe",
    "smoke",
    "noise",
    "hole",
    "tree",
    "water",
    "垃圾",
    "路灯",
    "积水",
)
SHORT = ("垃圾", "路灯", "积水", "灯", "99", "7")
"""words of one or two characters"""


class Life:
    """Events of one case, a minute apart."""

    def __init__(self, case: str, at: int) -> None:
        self.case, self.at, self.sequence = case, at, 0

    def event(self, step: str, stage: str, data: dict[str, Any], who: str = "@system") -> CaseEvent:
        self.sequence += 1
        return CaseEvent(
            case=self.case,
            sequence=self.sequence,
            step=step,
            stage=stage,
            at=self.at + self.sequence * 60_000_000,
            actor=who,
            data=data,
        )


def somewhere(city: City, draw: random.Random) -> dict[str, float]:
    """A point of the city that says where it is to some metres."""
    west, south, east, north = city.bbox
    return {
        "longitude": draw.uniform(west, east),
        "latitude": draw.uniform(south, north),
        "precision": draw.choice((5.0, 20.0, 80.0)),
    }


def lives(
    city: City, closed: int, running: int, now: int, draw: random.Random
) -> Iterator[CaseEvent]:
    """Cases one after the other from long ago to now, each with all its events."""
    matters = [one.key for one in city.matters.values()]
    divisions = sorted(city.divisions)
    departments = sorted(city.departments)
    levels = city.profile.levels
    begin = now - 3 * 365 * DAY
    for number in range(closed + running):
        case, over = f"c{number + 1}", number < closed
        at = begin + (now - begin) * number // (closed + running)
        unit, level = draw.choice(departments), draw.choice(levels)
        day = city.calendar.local(at)
        event = Life(case, at).event

        title = f"{draw.choice(WORDS)} {draw.choice(WORDS)} {number % 9973}"
        place = somewhere(city, draw)
        yield event(
            "open",
            "verify",
            {
                "number": f"{day:%Y%m%d}{number:07d}",
                "kind": "report",
                "title": {"zh": title, "en": title},
                "text": f"{title} {draw.choice(WORDS)}",
                "matter": draw.choice(matters),
                "division": draw.choice(divisions),
                "origin": str(Origin.SEEDED),
                "place": place,
                "member": {
                    "kind": "report",
                    "id": f"r{number}",
                    "at": at,
                    "matters": [],
                    "place": place,
                },
            },
        )
        yield event("grade", "verify", {"level": level.name, "number": level.number, "tier": 1})
        yield event("assign", "verify", {"lead": unit, "joint": [], "queue": ""})
        order = {
            "order": f"{case}-1",
            "unit": unit,
            "task": {"zh": "处置", "en": "handle"},
            "due": at + DAY,
            "sent_at": at,
            "lead": True,
        }
        clock = {
            "name": f"handle:{case}-1",
            "started_at": at,
            "due": at + DAY if over else now + draw.randrange(-DAY, 5 * DAY),
            "value": 1.0,
            "unit": "natural_day",
        }
        yield event("order", "handle", {"order": order, "clocks": [clock]}, "olga")
        if over:
            done = {"order": f"{case}-1", "result": "done", "stopped": [f"handle:{case}-1"]}
            yield event("accept", "handle", {"order": f"{case}-1"}, "cleo")
            yield event("feed_back", "feed_back", done, "cleo")
            yield event("check", "check", {"result": "pass"}, "chen")
            yield event("close", "close", {}, "olga")


Ask = Callable[[Connection], Any]


def questions(
    city: City, now: int, draw: random.Random, count: int, journal: SqliteJournal, manage: Manage
) -> dict[str, Callable[[], Ask]]:
    """Name of what a page asks → one such question, other each time."""
    divisions, departments = sorted(city.divisions), sorted(city.departments)
    towns = sorted(code for code, one in city.divisions.items() if one.parent == city.root.code)
    matters = [one.key for one in city.matters.values()]
    midnight = now - now % DAY

    def page(**more: Any) -> Ask:
        return lambda c: case_query.cases(c, Query(limit=100, **more), now)

    def total(**more: Any) -> Ask:
        return lambda c: case_query.count(c, Query(**more), now)

    def deep(**more: Any) -> Ask:
        def ask(c: Connection) -> Any:
            found = case_query.cases(c, Query(limit=100, **more), now)
            return case_query.cases(c, Query(limit=100, cursor=found.next or "", **more), now)

        return ask

    def counted(scope: Scope, **more: Any) -> Ask:
        return lambda c: case_query.count(c, Query(**more), now, scope)

    def scoped(scope: Scope, **more: Any) -> Ask:
        return lambda c: case_query.cases(c, Query(limit=100, **more), now, scope)

    def around() -> frozenset[str]:
        """A town and all below it."""
        town = draw.choice(towns)
        return frozenset(code for code, d in city.divisions.items() if town in (code, d.parent))

    def told() -> Ask:
        case = f"c{draw.randrange(1, count)}"
        return lambda c: (
            case_query.events_of(c, journal, case),
            case_query.members_of(c, case),
            case_query.evidence_of(c, case),
        )

    def one() -> Ask:
        return lambda c: case_query.read(c, f"c{draw.randrange(1, count)}")

    def alike(*, matter: bool, point: bool) -> Callable[[], Ask]:
        """What a call that is being taken may be about."""

        def told() -> Ask:
            report = Report(
                report="",
                at=now,
                channel="hotline",
                text=f"{draw.choice(WORDS)} {draw.choice(WORDS)} {draw.randrange(9973)}",
                matter=draw.choice(matters) if matter else "",
                place=msgspec.convert(somewhere(city, draw) if point else {}, Place),
            )
            return lambda c: manage.like(report, LOOKED)

        return told

    return {
        "alike by words": alike(matter=False, point=False),
        "alike by matter and words": alike(matter=True, point=False),
        "alike by point and words": alike(matter=False, point=True),
        "alike by all": alike(matter=True, point=True),
        "open by due": lambda: page(open=True),
        "open, second page": lambda: deep(open=True),
        "open, newest": lambda: page(open=True, sort="opened"),
        "open, gravest": lambda: page(open=True, sort="level"),
        "open, counted": lambda: total(open=True),
        "overdue": lambda: page(open=True, overdue=True),
        "overdue, counted": lambda: total(overdue=True),
        "all, newest": lambda: page(sort="opened"),
        "all by due": page,
        "all, gravest": lambda: page(sort="level"),
        "all, counted": total,
        "closed, newest": lambda: page(open=False, sort="opened"),
        "closed, counted": lambda: total(open=False),
        "a division's, newest": lambda: page(
            divisions=frozenset([draw.choice(divisions)]), sort="opened"
        ),
        "a division's open": lambda: page(divisions=frozenset([draw.choice(divisions)]), open=True),
        "a division's, counted": lambda: total(divisions=frozenset([draw.choice(divisions)])),
        "a department's open": lambda: page(department=draw.choice(departments), open=True),
        "a department's, newest": lambda: page(department=draw.choice(departments), sort="opened"),
        "a department's, counted": lambda: total(department=draw.choice(departments)),
        "in a department's scope": lambda: scoped(
            Scope(departments=frozenset([draw.choice(departments)])), open=True
        ),
        "a matter's, newest": lambda: page(matter=draw.choice(matters), sort="opened"),
        "a matter's, counted": lambda: total(matter=draw.choice(matters)),
        "a stage": lambda: page(stage=draw.choice(("verify", "handle", "close"))),
        "a stage, counted": lambda: total(stage=draw.choice(("verify", "handle", "close"))),
        "a level, gravest": lambda: page(level=draw.choice(city.profile.levels).name, sort="level"),
        "a town's, newest": lambda: page(divisions=around(), sort="opened"),
        "a town's open by due": lambda: page(divisions=around(), open=True),
        "a town's by due": lambda: page(divisions=around()),
        "a town's, counted": lambda: total(divisions=around()),
        "in a department's scope, counted": lambda: counted(
            Scope(departments=frozenset([draw.choice(departments)]))
        ),
        "in a town's scope, counted": lambda: counted(Scope(divisions=around())),
        "short words": lambda: page(q=draw.choice(SHORT), sort="opened"),
        "short words by due": lambda: page(q=draw.choice(SHORT)),
        "short words, counted": lambda: total(q=draw.choice(SHORT)),
        "short words, open": lambda: page(q=draw.choice(SHORT), open=True),
        "a word": lambda: page(q=draw.choice(WORDS), sort="opened"),
        "a word, counted": lambda: total(q=draw.choice(WORDS)),
        "a number": lambda: page(q=f"{draw.randrange(count):07d}", sort="opened"),
        "words": lambda: page(q=f"{draw.choice(WORDS)} {draw.randrange(9973)}", sort="opened"),
        "words, counted": lambda: total(q=f"{draw.choice(WORDS)} {draw.randrange(9973)}"),
        "a queue": lambda: page(queue=draw.choice(("verify", "returned", "appeal"))),
        "vital signs": lambda: lambda c: case_counts.counts(c, now, midnight),
        "one case": one,
        "one case's story": told,
    }


def build(made: dict[str, Any], data: Path) -> dict[str, Any]:
    """Import the cases into ``data``, but for the events that an earlier call has; what that
    took."""
    city, draw, now = load(made["pack"]), random.Random(made["seed"]), made["now"]
    closed, running = made["closed"], made["cases"] - made["closed"]
    hub, journal = Records(data / "hub.sqlite"), SqliteJournal(data)
    Manage(hub, journal, city, lambda: now, data).start()
    there = hub.read(lambda c: c.scalar(select(func.count()).select_from(case_table.event))) or 0
    begun, cpu = time.perf_counter(), time.process_time()
    rest = itertools.islice(lives(city, closed, running, now, draw), there, None)
    events = import_events(hub, rest, bulk=True)
    built, cpu = time.perf_counter() - begun, time.process_time() - cpu
    journal.close()
    hub.close()
    size = sum(one.stat().st_size for one in data.glob("hub.sqlite*"))
    return {
        **made,
        "events": there + events,
        "events_per_second": round(events / built),
        "build_seconds": round(built, 1),
        "build_cpu_seconds": round(cpu, 1),
        "bytes_per_case": round(size / (closed + running)),
    }


def ask(made: dict[str, Any], rounds: int, data: Path) -> dict[str, Any]:
    """Ask every question ``rounds`` times over of what was built."""
    city, draw, now = load(made["pack"]), random.Random(), made["now"]
    hub, journal = Records(data / "hub.sqlite"), SqliteJournal(data)
    manage = Manage(hub, journal, city, lambda: now, data)
    begun = time.perf_counter()
    manage.start()
    loaded = time.perf_counter() - begun
    process.settle()
    asked: list[dict[str, Any]] = []
    for name, make in questions(city, now, draw, made["closed"], journal, manage).items():
        hub.read(make())  # a first time: what comes after finds its pages in memory
        times, cpu = [], []
        for _ in range(rounds):
            question = make()
            started, worked = time.perf_counter(), time.process_time()
            hub.read(question)
            cpu.append((time.process_time() - worked) * 1000)
            times.append((time.perf_counter() - started) * 1000)
        asked.append(
            {
                "name": name,
                "p50_ms": round(statistics.median(times), 2),
                "p99_ms": _p99(times),
                "p99_cpu_ms": _p99(cpu),
            }
        )
    held = len(manage._desk.states)  # what is in memory: the open ones
    journal.close()
    hub.close()
    return {
        "load_seconds": round(loaded, 2),
        "in_memory": held,
        "questions": asked,
        "worst_p99_ms": max(one["p99_ms"] for one in asked),
        "worst_p99_cpu_ms": max(one["p99_cpu_ms"] for one in asked),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }


def _p99(times: list[float]) -> float:
    return round(sorted(times)[min(len(times) - 1, int(len(times) * 0.99))], 2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--open", type=int, default=5_000)
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--pack", default="liyang")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    parser.add_argument("--data", type=Path, help="keep it there; ask of what was built there")
    asked = parser.parse_args()
    with contextlib.ExitStack() as held:
        data = asked.data or Path(held.enter_context(tempfile.TemporaryDirectory()))
        data.mkdir(parents=True, exist_ok=True)
        kept = data / "built.json"
        if not kept.exists():
            made = {
                "pack": asked.pack, "seed": asked.seed, "now": time.time_ns() // 1000,
                "closed": asked.cases, "cases": asked.cases + asked.open,
            }  # fmt: skip
            kept.write_text(json.dumps(made))
        made = json.loads(kept.read_text())
        if "events" not in made:
            made = build(made, data)
            kept.write_text(json.dumps(made))
        print(json.dumps({**made, **ask(made, asked.rounds, data)}))


if __name__ == "__main__":
    main()
