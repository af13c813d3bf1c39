"""How many transitions of cases a second are on disk, through the room's one door.

Cases are opened beforehand and filed one by one; then each is accepted, handled, fed back, checked
and closed, every step by whoever may, as a command of its own: decided on, versions checked, its
events in the journal and its tables, ``synchronous=FULL``, durable before the next step of that
case. ``steady``: a few desks at once, as on a day. ``storm``: many at once, whose commits are
shared (group commit). One JSON object is printed.

    python benchmarks/manage_transitions.py --cases 1500
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tianmu.city.city import City
from tianmu.city.pack import load
from tianmu.facts.encoding import encode
from tianmu.facts.origin import Origin
from tianmu.facts.place import DEGREE_M, Place
from tianmu.facts.report import Report
from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState
from tianmu.manage.manage import Manage
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Records

OFFICER = Actor("olga", ("duty_officer",))
CHECKER = Actor("chen", ("duty_officer",))


def reports(city: City, count: int) -> list[Report]:
    """So many problems far enough from each other that each is a case."""
    matter = next(
        one for one in city.matters.values() if city.owner_of(one.key, city.root.code) is not None
    )
    now = time.time_ns() // 1000
    longitude, latitude = city.center
    return [
        Report(
            report=f"r{number}",
            at=now,
            channel="hotline",
            text=f"{next(iter(matter.name.values()))} {number}",
            matter=matter.key,
            place=Place(
                longitude=longitude + (number % 100) * 900 / DEGREE_M,
                latitude=latitude + (number // 100) * 900 / DEGREE_M,
                precision=10.0,
                division=city.root.code,
            ),
            origin=Origin.SEEDED,
        )
        for number in range(count)
    ]


def life(manage: Manage, case: str, told: Callable[[float], None]) -> int:
    """A case from filing to its end, step by step; how many transitions."""
    done = 0

    def do(step: str, actor: Actor, **data: Any) -> CaseState:
        nonlocal done
        begun = time.perf_counter()
        state = manage.command(case, step, actor, data=data)
        told(time.perf_counter() - begun)
        done += 1
        return state

    do("verify", OFFICER)
    state = do("file", OFFICER)
    for order in state.orders:
        worker = Actor(f"w-{order.unit}", ("department_worker",), department=order.unit)
        do("accept", worker, order=order.order)
        do("handle", worker, order=order.order)
        do("feed_back", worker, order=order.order, result="done")
    do("check", CHECKER, result="pass")
    do("close", OFFICER)
    return done


def phase(manage: Manage, cases: Iterator[str], desks: int) -> dict[str, Any]:
    """``desks`` threads work through ``cases``, each case from its beginning to its end."""
    lock, counts = threading.Lock(), [0] * desks
    taken: list[list[float]] = [[] for _ in range(desks)]
    failed: list[BaseException] = []

    def work(desk: int) -> None:
        try:
            while True:
                with lock:
                    case = next(cases, None)
                if case is None:
                    return
                counts[desk] += life(manage, case, taken[desk].append)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(desk,)) for desk in range(desks)]
    begun, cpu = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begun
    if failed:
        raise failed[0]
    each = sorted(one * 1000 for desk in taken for one in desk)
    return {
        "desks": desks,
        "transitions": sum(counts),
        "per_second": round(sum(counts) / seconds),
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "p50_ms": round(statistics.median(each), 2),
        "p99_ms": round(each[int(len(each) * 0.99)], 2),
    }


def run(pack: str, count: int, desks: int, crowd: int, data: Path) -> dict[str, Any]:
    city = load(pack)
    hub, journal = Records(data / "hub.sqlite"), SqliteJournal(data)
    manage = Manage(hub, journal, city, data=data)
    manage.start()
    payloads = [encode(one) for one in reports(city, count)]
    hub.transact(lambda tx: [tx.append("report", payload) for payload in payloads])
    while manage.step(0.0):
        pass
    with hub.engine.connect() as connection:
        names = [
            f"c{row[0]}" for row in connection.exec_driver_sql("SELECT serial FROM case_state")
        ]
    assert len(names) == count, f"{len(names)} cases of {count} reports"
    gc.collect()
    gc.freeze()
    cut = count // 5
    steady = phase(manage, iter(names[:cut]), desks)
    storm = phase(manage, iter(names[cut:]), crowd)
    with hub.engine.connect() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM case_state WHERE open = 1").scalar()
    journal.close()
    hub.close()
    return {
        "cases": count,
        "open_afterwards": left,
        "steady": steady,
        "storm": storm,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "pack": pack,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=1500)
    parser.add_argument("--desks", type=int, default=4)
    parser.add_argument("--crowd", type=int, default=64)
    parser.add_argument("--pack", default="liyang")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        answer = run(asked.pack, asked.cases, asked.desks, asked.crowd, Path(folder))
        print(json.dumps(answer))


if __name__ == "__main__":
    main()
