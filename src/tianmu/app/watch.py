"""Process watch: live columns, rules, alarms."""

from __future__ import annotations

import threading

from tianmu.app.process import say, starting
from tianmu.app.settings import Settings
from tianmu.city.city import City
from tianmu.prevent.watch.settings import Settings as Pace
from tianmu.prevent.watch.watch import Watch, run
from tianmu.sense.intake import clock
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.live import Live
from tianmu.store.records import Records
from tianmu.store.registry import Registry

GATHER = 0.1
"""seconds that ordinary observations may wait for more before they are judged, so that a steady
trickle is judged in ten pieces a second and not in fifty; life safety never waits"""


def serve(settings: Settings, city: City, stop: threading.Event) -> None:
    """Run watch until ``stop`` is set."""
    said = starting(settings.run, "watch")
    say(settings.run, said)
    records = Records(settings.folder / "watch.sqlite")
    journal = SqliteJournal(settings.folder)
    live = Live(settings.folder)
    watch = Watch(
        records,
        journal,
        Registry(settings.folder),
        live,
        city,
        clock,
        settings=Pace(gather_s=GATHER),
    )

    def ready() -> None:
        said.state = "ready"
        say(settings.run, said)

    try:
        run(watch, stop, ready)
    finally:
        journal.close()
        records.close()
