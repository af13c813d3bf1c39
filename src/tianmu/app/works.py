"""Process works, at low priority: history, roll-ups, retention, forecasts, what scenarios judge.
Alarms never wait."""

from __future__ import annotations

import logging
import threading
import time

from tianmu.app.belonging import Belonging
from tianmu.app.compact import Merger, still
from tianmu.app.foreseeing import Foreseeing
from tianmu.app.inspect import lost
from tianmu.app.judging import Judging
from tianmu.app.policy import horizon_of, retention_of
from tianmu.app.process import say, starting
from tianmu.app.settings import Settings
from tianmu.city.city import City
from tianmu.facts import clock
from tianmu.facts.topic import OBSERVATION, OBSERVATION_LIFE
from tianmu.prevent.anomaly import learner
from tianmu.store.history import History
from tianmu.store.history.keep import keep, tend
from tianmu.store.history.mend import Mended
from tianmu.store.history.rounds import Rounds
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.purge import Horizon, let_go
from tianmu.store.records import DiskFull, Records

log = logging.getLogger("tianmu.works")

PURGE_S = 60.0
ENDED_WITHIN = 2.0
"""seconds that merging, learning, forecasts and judging have together to end after history has;
what is not written by then is merged, learnt, made and judged again"""
AGAIN = 5.0
"""seconds after which what failed is tried again"""


def serve(settings: Settings, city: City, stop: threading.Event) -> None:
    """Run works until ``stop`` is set."""
    said = starting(settings.run, "works")
    say(settings.run, said)
    records = Records(settings.folder / "works.sqlite")
    still(settings.folder)
    belonging = Belonging(settings.folder, city)
    history = History(settings.folder, records, membership=belonging)
    journal = SqliteJournal(settings.folder)
    horizon = horizon_of(city)
    purge = threading.Thread(
        target=_purge, args=(records, settings, horizon, stop, history, journal), daemon=True
    )
    purge.start()
    tending = threading.Thread(
        target=tend,
        args=(history, stop),
        kwargs={
            "retention": lambda: retention_of(city),
            "merge": Merger(settings, stop),
            "inspect": Rounds(history, journal, _tell_mended),
            "trouble": _tell,
        },
        name="tend",
        daemon=True,
    )
    tending.start()
    learning = threading.Thread(
        target=_learn, args=(records, belonging, city, settings, stop), name="learn", daemon=True
    )
    learning.start()
    foreseeing = threading.Thread(
        target=Foreseeing(records, history, belonging, city, stop).work, name="foresee", daemon=True
    )
    foreseeing.start()
    judging = Judging(settings.folder, records, history, belonging, city, stop)
    judging.start()
    said.state = "ready"
    say(settings.run, said)
    try:
        keep(history, journal, stop, trouble=_tell)
    finally:
        ends = time.monotonic() + ENDED_WITHIN
        for beside in (learning, tending, foreseeing):
            beside.join(max(0.0, ends - time.monotonic()))
        judging.join(max(0.0, ends - time.monotonic()))
        history.close()
        journal.close()
        belonging.close()
        records.close()


def _learn(
    records: Records,
    belonging: Belonging,
    city: City,
    settings: Settings,
    stop: threading.Event,
) -> None:
    """Anomaly detection, from its snapshot again where it failed."""
    data = settings.folder
    while not stop.is_set():
        with SqliteJournal(data) as journal:
            made = learner.Learner(
                records, journal, belonging.follow, city, data, clock.now,
                kept_days=city.retention.raw_days,
            )  # fmt: skip
            try:
                learner.run(made, stop)
            except Exception:
                log.exception("anomaly detection failed: beginning again where it stood")
                stop.wait(AGAIN)


def _tell(error: Exception) -> None:
    log.warning("%s", error)


def _tell_mended(mended: Mended) -> None:
    for damage in mended.damages:
        log.warning("history file %s is mended: %s", damage.file.name, damage.what)
    for loss in mended.losses:
        log.error("%s", lost(loss))


def _purge(
    records: Records,
    settings: Settings,
    horizon: Horizon,
    stop: threading.Event,
    history: History,
    journal: SqliteJournal,
) -> None:
    """Let go of works' own old entries, once everybody has passed them."""
    while not stop.wait(PURGE_S):
        try:
            let_go(records, settings.folder, horizon)
            topics = (OBSERVATION_LIFE.name, OBSERVATION.name)
            history.forget_flushes({t: first for t in topics if (first := journal.first(t))})
        except DiskFull as full:
            log.warning("not purged: %s", full)
        except Exception:
            log.exception("not purged: trying again")
