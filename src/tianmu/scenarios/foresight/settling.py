"""Forecasts that have come due, compared with what came: hits, errors, and whether warned rightly.

What came, the scores, what it makes of an alarm that the forecast told and the mark that it is
settled are one commit: nothing counts twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from tianmu.prevent.forecast.score import score
from tianmu.scenarios.foresight import alarm as forecast_alarm
from tianmu.scenarios.foresight import table
from tianmu.scenarios.foresight.foresight import measured
from tianmu.scenarios.foresight.table import DAY, Kept
from tianmu.scenarios.foresight.wanted import LATE, Wanted
from tianmu.store.history.history import History
from tianmu.store.records import Records, Transaction

F64 = NDArray[np.float64]
KEPT_DAYS = 60
"""for which forecasts are kept; their scores stay"""
SETTLED = 5_000
"""forecasts settled in one commit"""


def settle(records: Records, history: History, wanted: Sequence[Wanted], now: int) -> int:
    """Compare forecasts that have come due with what came; how many were."""
    asked = {(one.scenario, one.forecast.code): one for one in wanted}
    rows = records.read(lambda connection: table.open_before(connection, now - LATE, SETTLED))
    # a scenario's folder may ask for more hours, or other steps, than it did
    groups: dict[tuple[str, str, int, int], list[Kept]] = {}
    for row in rows:
        kept = table.read(row)
        shape = (kept.step, len(kept.outlook.expected))
        groups.setdefault((row.scenario, row.code, *shape), []).append(kept)
    for (scenario, code, step, _), those in groups.items():
        key = (scenario, code)
        one = asked.get(key)
        if one is not None and one.step != step:
            one = None  # its figures are no longer those that are asked for
        came = _came(history, one, those) if one is not None else None
        records.transact(partial(_settle, key=key, wanted=one, kept=those, came=came, now=now))
    return len(rows)


def _came(history: History, wanted: Wanted, kept: Sequence[Kept]) -> list[F64]:
    """By forecast and lead, what was measured."""
    streams = np.unique([one.datastream for one in kept]).astype(np.uint32)
    step = kept[0].step
    since = min(one.origin for one in kept)
    until = max(one.begins(len(one.outlook.expected) + 1) for one in kept)
    values = measured(history, streams, since, (until - since) // step, wanted)
    place = {int(stream): at for at, stream in enumerate(streams)}
    found = []
    for one in kept:
        first = (one.origin - since) // step
        found.append(values[place[one.datastream], first : first + len(one.outlook.expected)])
    return found


def _settle(
    tx: Transaction,
    key: tuple[str, str],
    wanted: Wanted | None,
    kept: Sequence[Kept],
    came: Sequence[F64] | None,
    now: int,
) -> None:
    c = table.FORECAST.c
    scenario, code = key
    mine = (c.scenario == scenario, c.code == code)
    for at, one in enumerate(kept):
        where = (*mine, c.datastream == one.datastream, c.origin == one.origin)
        if wanted is None or came is None:  # nobody asks for it any more
            tx.connection.execute(sa.delete(table.FORECAST).where(*where))
            continue
        values = came[at].astype("<f4").tobytes()
        tx.connection.execute(sa.update(table.FORECAST).where(*where).values(came=values))
        forecast_alarm.judge(tx, scenario, wanted.forecast, one, came[at], now)
    if wanted is not None and came is not None:
        _score(tx, wanted, kept, came)


def _score(tx: Transaction, wanted: Wanted, kept: Sequence[Kept], came: Sequence[F64]) -> None:
    days = np.array([one.origin // DAY for one in kept])
    for day in np.unique(days).tolist():
        rows = np.flatnonzero(days == day).tolist()
        value = np.stack([came[at] for at in rows])
        said = {
            name: np.stack([getattr(kept[at].outlook, name) for at in rows]) for name in table.ROWS
        }
        for lead in range(value.shape[1]):
            found = score(
                value[:, lead], said["expected"][:, lead], said["low"][:, lead],
                said["high"][:, lead], said["naive"][:, lead], wanted.course.coverage,
            )  # fmt: skip
            if found.judged:
                n = found.judged
                _add(
                    tx, table.SCORE, wanted, {"day": day, "lead": lead + 1},
                    {"judged": n, "hits": found.hits, "error": found.error * n,
                     "naive": found.naive * n, "pinball": found.pinball * n},
                )  # fmt: skip
        right, false, missed = _warned([kept[at] for at in rows], value, wanted.forecast.warn)
        if right or false or missed:
            _add(
                tx, table.WARNED, wanted, {"day": day},
                {"right": right, "false": false, "missed": missed},
            )  # fmt: skip


def _warned(kept: Sequence[Kept], value: F64, warn: float) -> tuple[int, int, int]:
    """Of forecasts that do not begin beyond the limit already."""
    right = false = missed = 0
    for one, came in zip(kept, value, strict=True):
        if not np.isfinite(one.outlook.chance).any() or not np.isfinite(came).any():
            continue
        said = bool(np.nanmax(one.outlook.chance) >= warn)
        was = bool(forecast_alarm.beyond(one, came).any())
        right, false, missed = (
            right + (said and was),
            false + (said and not was),
            missed + (was and not said),
        )
    return right, false, missed


def _add(
    tx: Transaction,
    to: sa.Table,
    wanted: Wanted,
    where: dict[str, int],
    more: dict[str, float],
) -> None:
    """Add to the sums of one row, which is made where it is not there."""
    key = {"scenario": wanted.scenario, "code": wanted.forecast.code, **where}
    mine = [to.c[name] == value for name, value in key.items()]
    sums = {name: to.c[name] + value for name, value in more.items()}
    if not tx.connection.execute(sa.update(to).where(*mine).values(**sums)).rowcount:
        tx.connection.execute(sa.insert(to).values(**key, **more))


def forget(records: Records, now: int) -> None:
    """Let go of settled forecasts older than ``KEPT_DAYS``, and of alarms that have ended."""
    before = now - KEPT_DAYS * DAY
    c, a = table.FORECAST.c, forecast_alarm.ALARM.c

    def change(tx: Transaction) -> None:
        old = (c.origin < before) & c.came.is_not(None)
        tx.connection.execute(sa.delete(table.FORECAST).where(old))
        ended = (a.origin < before) & a.ended_at.is_not(None)
        tx.connection.execute(sa.delete(forecast_alarm.ALARM).where(ended))

    records.transact(change)
