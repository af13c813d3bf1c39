"""Watch in processes that are there to be killed: for each line ``go`` on standard input one is
forked (what is imported and compiled stays), which says ``ready PID`` and runs until it dies;
``gone`` is answered when it is.

    python crash_child.py DATA
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

from prevent.town import city
from tianmu.prevent.alarm.target import Targets
from tianmu.prevent.kernel.trial import Series, run_trial
from tianmu.prevent.rule.reading import load
from tianmu.prevent.watch.settings import Settings
from tianmu.prevent.watch.watch import Watch
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live
from tianmu.store.records import Records
from tianmu.store.registry import Registry

CALM = Targets(chatter_rises=1_000_000, flood_begins=1_000_000)


def run(data: Path) -> None:
    watch = Watch(
        Records(data / "watch.sqlite"),
        SqliteJournal(data),
        Registry(data),
        Live(data),
        city(),
        lambda: time.time_ns() // 1000,
        targets=CALM,
        settings=Settings(entries=3, commit_s=0.02, snapshot_s=0.1, sweep_s=0.05),
    )
    watch.start()
    print("ready", os.getpid(), flush=True)
    while True:
        watch.step(0.2)


def warm() -> None:
    """Load the compiled kernels once, before anything is forked."""
    time = np.arange(3, dtype=np.int64)
    rules = load([rule for rule in city().rules if rule["kind"] == "gauge"])
    run_trial(rules, [Series("g0", "gauge", "level", time, time * 3.0)])


if __name__ == "__main__":
    warm()
    for line in sys.stdin:
        if line.strip() == "gone":
            os.wait()  # all its threads have ended and its files are closed
            print("gone", flush=True)
        elif os.fork() == 0:
            run(Path(sys.argv[1]))
