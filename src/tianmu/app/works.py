"""Process works, at low priority: history, roll-ups, retention. It never delays an alarm."""

from __future__ import annotations

import logging
import threading

from tianmu.app.process import say, starting
from tianmu.app.settings import Settings
from tianmu.city.pack import City
from tianmu.store.history import History
from tianmu.store.history.keep import keep
from tianmu.store.journal.purge import Horizon, let_go
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import DiskFull, Records

log = logging.getLogger("tianmu.works")

PURGE_S = 60.0


def serve(settings: Settings, city: City, stop: threading.Event) -> None:
    """Run works until ``stop`` is set."""
    said = starting(settings.run, "works")
    say(settings.run, said)
    records = Records(settings.folder / "works.sqlite")
    history = History(settings.folder, records)
    journal = SqliteJournal(settings.folder)
    purge = threading.Thread(target=_purge, args=(records, settings, stop), daemon=True)
    purge.start()
    said.state = "ready"
    say(settings.run, said)
    try:
        keep(history, journal, stop, trouble=lambda error: log.warning("%s", error))
    finally:
        history.close()
        journal.close()
        records.close()


def _purge(records: Records, settings: Settings, stop: threading.Event) -> None:
    """Let go of works' own old entries, once everybody has passed them."""
    while not stop.wait(PURGE_S):
        try:
            let_go(records, settings.folder, Horizon())
        except DiskFull as full:
            log.warning("not purged: %s", full)
        except Exception:
            log.exception("not purged: trying again")
