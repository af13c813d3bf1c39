"""How many signals a second become cases, and merged how well: the room alone, on its real store.

Alarms and reports of known incidents are appended to their topics beforehand; measured is the time
from the first read to the last commit, one process, ``synchronous=FULL``. One JSON object is
printed. Truth: incidents stand ``--spacing`` metres apart, signals within a few metres of theirs.

    python benchmarks/manage_storm.py --signals 30000 --pack liyang
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import platform
import random
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.facts.alarm import AlarmEvent, AlarmState
from tianmu.facts.encoding import encode
from tianmu.facts.origin import Origin
from tianmu.facts.place import DEGREE_M, Place
from tianmu.facts.report import Report
from tianmu.manage.manage import Manage
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records


def signals(city: City, count: int, spacing: float, draw: random.Random) -> list[Any]:
    """(incident, fact) pairs in the order they come."""
    matters = [one for one in city.matters.values() if 50 <= one.radius_m <= 200]
    divisions = [
        one.code
        for one in city.divisions.values()
        if one.tier == max(tier.number for tier in city.tiers)
    ] or [city.root.code]
    longitude, latitude = city.center
    stretch = math.cos(math.radians(latitude))
    found: list[Any] = []
    incident = 0
    now = time.time_ns() // 1000
    while len(found) < count:
        row, column = divmod(incident, 60)
        east, north = column * spacing, row * spacing
        matter = draw.choice(matters)
        division = draw.choice(divisions)
        for _ in range(min(count - len(found), draw.randint(1, 19))):
            number = len(found)
            place = Place(
                longitude=longitude + (east + draw.gauss(0, 8)) / DEGREE_M / stretch,
                latitude=latitude + (north + draw.gauss(0, 8)) / DEGREE_M,
                precision=10.0,
                division=division,
            )
            if draw.random() < 0.3:
                words = draw.choice(matter.synonyms or tuple(matter.name.values()))
                fact: Any = Report(
                    report=f"r{number}",
                    at=now,
                    channel="hotline",
                    text=f"{words} {incident}",
                    matter=matter.key,
                    place=place,
                    origin=Origin.SEEDED,
                )
            else:
                fact = AlarmEvent(
                    alarm=f"a{number}",
                    identity=f"rule@d{number}",
                    transition="raise",
                    state=AlarmState.UNACKNOWLEDGED,
                    before=AlarmState.NORMAL,
                    at=now,
                    observed_at=now,
                    rule="rule",
                    priority=draw.randint(1, 4),
                    matter=matter.key,
                    device=f"d{number}",
                    text=dict(matter.name),
                    place=place,
                    origin=Origin.SEEDED,
                )
            found.append((incident, fact))
        incident += 1
    draw.shuffle(found)
    return found


def pairs(counts: Counter[Any]) -> int:
    return sum(n * (n - 1) // 2 for n in counts.values())


def run(pack: str, count: int, spacing: float, seed: int, data: Path) -> dict[str, Any]:
    city = load(pack)
    told = signals(city, count, spacing, random.Random(seed))
    watch, hub, journal = (
        Records(data / "watch.sqlite"),
        Records(data / "hub.sqlite"),
        SqliteJournal(data),
    )
    manage = Manage(hub, journal, city, data=data)
    manage.start()

    def put(topic: str, sort: type) -> Any:
        payloads = [encode(fact) for _, fact in told if isinstance(fact, sort)]
        return lambda tx: [tx.append(topic, payload) for payload in payloads]

    watch.transact(put("alarm", AlarmEvent))
    hub.transact(put("report", Report))
    gc.collect()
    gc.freeze()  # the generator's own objects are not the room's to walk over
    begin, cpu = time.perf_counter(), time.process_time()
    while any(one.entries for one in manage.lag()):
        manage.step(0.0)
    seconds = time.perf_counter() - begin
    spent = time.process_time() - cpu
    truth = {
        (fact.alarm if isinstance(fact, AlarmEvent) else fact.report): incident
        for incident, fact in told
    }
    ids = list(truth)
    found = manage.case_of([one for one in ids if one[0] == "a"])
    found |= manage.case_of([one for one in ids if one[0] == "r"], "report")
    together = pairs(Counter(found.values()))
    true = pairs(Counter(truth.values()))
    both = pairs(Counter((truth[one], case) for one, case in found.items()))
    asked = time.perf_counter()
    vitals = manage.vitals()
    asked = time.perf_counter() - asked
    result = {
        "signals": count,
        "signals_per_second": round(count / seconds),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(spent, 2),
        "lost": count - len(found),
        "cases": len(set(found.values())),
        "cases_expected": len(set(truth.values())),
        "events": journal.last("case") and sum(1 for _ in _events(journal)),
        "signals_total": vitals["cases"]["signals_total"],
        "pairwise_precision": round(both / together, 5) if together else 1.0,
        "pairwise_recall": round(both / true, 5) if true else 1.0,
        "vitals_ms": round(asked * 1000, 2),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "bytes_per_signal": round((data / "hub.sqlite").stat().st_size / count),
        "pack": pack,
        "seed": seed,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    journal.close()
    hub.close()
    watch.close()
    return result


def _events(journal: SqliteJournal) -> Any:
    after = 0
    while entries := journal.read("case", after, entries=10_000):
        yield from entries
        after = entries[-1].position


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=30_000)
    parser.add_argument("--spacing", type=float, default=700.0)
    parser.add_argument("--pack", default="liyang")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(asked.pack, asked.signals, asked.spacing, asked.seed, Path(folder))))


if __name__ == "__main__":
    main()
