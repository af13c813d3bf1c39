"""Which messages of other bodies a case or a warning of ours cites: in gate, which keeps them, by
the files of hub and watch, which know."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import sqlalchemy as sa

from tianmu.facts.bulletin import Bulletin
from tianmu.manage.kept import query as case_query
from tianmu.prevent.alarm.table import ALARM
from tianmu.prevent.warning import table as warnings
from tianmu.sense.cap.held import CITED
from tianmu.store.records import Records


class Cited:
    """``sense.cap.keeping.Cited`` of the city in ``data``."""

    def __init__(self, data: Path) -> None:
        self._data = data

    def __call__(self, messages: Sequence[Bulletin], devices: Sequence[str]) -> set[str]:
        """Names of the messages that a warning was drafted from, and of those in whose time and of
        whose event a device that says what holds raised an alarm which came to a case."""
        try:
            with (
                Records(self._data / "hub.sqlite", readonly=True) as hub,
                Records(self._data / "watch.sqlite", readonly=True) as watch,
            ):
                drafted = hub.read(warnings.sources)
                raised = watch.read(lambda c: _raised(c, messages, devices))
                cases = hub.read(
                    lambda c: case_query.case_of(c, "alarm", [one for one, *_ in raised])
                )
        except sa.exc.OperationalError as error:
            raise OSError(f"what cases cite cannot be read: {error.orig}") from error
        held = [(event, at) for alarm, event, at in raised if alarm in cases]
        return {
            one.bulletin
            for one in messages
            if f"{one.sender} {one.identifier}"[:CITED] in drafted
            or any(
                part.event == event and part.start <= at <= part.until
                for part in one.parts
                for event, at in held
            )
        }


def _raised(
    connection: sa.Connection, messages: Sequence[Bulletin], devices: Sequence[str]
) -> list[tuple[str, str, int]]:
    """(alarm, event, µs that it was observed at) of these devices in the time of the messages."""
    a = ALARM.c
    times = [at for one in messages for part in one.parts for at in (part.start, part.until)]
    if not times:
        return []
    rows = connection.execute(
        sa.select(a.alarm, a.datastream, a.observed_at).where(
            a.device.in_(devices), a.observed_at.between(min(times), max(times))
        )
    )
    return [(alarm, stream.rpartition("/")[2], at) for alarm, stream, at in rows]
