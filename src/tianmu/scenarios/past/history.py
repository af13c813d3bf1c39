"""A city's own past as rows of a model, with what happened: for back-tests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from tianmu.manage.kept import table
from tianmu.scenarios.folder.fit import fit, matter_keys
from tianmu.scenarios.folder.load import Scenario, part
from tianmu.scenarios.past.archive import Archive
from tianmu.scenarios.replay import EVENT
from tianmu.scenarios.signals import Signal, signals
from tianmu.scenarios.world import World


class NoReplay(ValueError):
    """The scenario has no ``replay.py``, which makes rows of what a city measured."""


def past_rows(
    scenario: Scenario, archive: Archive, data: Path, since: date, until: date
) -> pa.Table:
    """Days up to ``until``, with ``event``: 1 on those on which a case of the scenario's matters
    was opened that was closed as real; or what the scenario itself says happened. Raises
    ``NoReplay``, ``TooCostly``, ``TooLong``."""
    if not (scenario.folder / "replay.py").exists():
        raise NoReplay(
            f"{scenario.id} has no replay.py, which makes rows of what a city measured: give a "
            "file of the past by --in, or leave --history out"
        )
    city = archive.city
    end = city.calendar.instant(until, 1440)
    world = World(
        city=city, now=end - 1, registry=archive.registry,
        history=archive.history, live=None, folder=data / "scenarios" / scenario.id,
        signals=lambda codes, start: _signals(archive, scenario.id, codes, start, end),
    )  # fmt: skip
    rows: pa.Table = part(scenario, "replay").rows(world, since)
    if EVENT in rows.column_names:
        return rows
    matters = fit(scenario.manifest, city).matters
    opened = archive.records.read(lambda connection: _real(connection, matters))
    days = {city.calendar.local(at).date().isoformat() for at in opened}
    event = np.array([day in days for day in rows.column("date").to_pylist()], dtype=np.int8)
    return rows.append_column(EVENT, pa.array(event))


def _signals(
    archive: Archive, scenario: str, codes: Sequence[str], since: int, until: int
) -> tuple[Signal, ...]:
    matters = [matter for code in codes for matter in matter_keys(archive.city, scenario, code)]
    # a back-test leaves nothing out, however long it takes
    return archive.records.read(lambda c: signals(c, matters, since, until, None))


def _real(connection: sa.Connection, matters: Collection[str]) -> list[int]:
    """When cases were opened that were closed, neither void nor merged."""
    from tianmu.manage.kept.ledger import decode_state

    c = table.case.c
    rows = connection.execute(
        sa.select(table.STATE).where(c.probe == "", c.matter.in_(sorted(matters)), c.open == 0)
    )
    states = [decode_state(row[0]) for row in rows]
    return [one.opened_at for one in states if one.outcome == "closed"]
