"""A model replayed on a past of which it is known what happened.

The rows carry a time (``date`` or ``timestamp``) and ``event``: above 0 where what the scenario
warns of happened. The model sees them in their order, as it would have; it alarms where one of its
columns reaches a value. Rows that follow each other in alarm are one alarm. An event is a hit where
the alarm holds in its row or in the row before it; an alarm with no event in its rows or in the row
after them is false.
"""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.scenarios.contract import BadInput, Model
from tianmu.scenarios.past.often import at_most, said
from tianmu.scenarios.reading import numbers, texts
from tianmu.scenarios.replay import EVENT
from tianmu.scenarios.run import BadModel, run_model

TIMES = ("timestamp", "date")


@dataclass(frozen=True)
class Rule:
    """When the model alarms: ``[settings.backtest]`` of ``scenario.toml``."""

    model: str
    column: str
    at_least: float
    apart: bool = False
    """rows are things that happened, each judged by itself, and several may have one time"""
    by: str = ""
    """column of the rows that says whose they are: those of each are judged by themselves"""


class NoRule(ValueError):
    """The scenario does not say when its model alarms."""


@dataclass(frozen=True)
class Told:
    """What a back-test found, over the rows from ``since`` to ``until``."""

    since: str
    until: str
    rows: int
    events: int
    hits: int
    misses: int
    alarms: int
    false_alarms: int
    false_alarms_per_week: float
    false_alarms_per_week_at_most: float
    """with a certainty of 95 %, by so short a past"""
    alarm_share: float
    """of the rows that were in alarm: what it costs to heed it"""
    lead_hours_median: float | None
    """from the beginning of an alarm to each event that it hit"""
    missed: tuple[str, ...]
    """times of the first twenty"""
    notes: tuple[str, ...]
    """what keeps the figures from saying more"""


def rule_of(settings: Mapping[str, Any], model: str, column: str, at_least: float | None) -> Rule:
    """The scenario's rule, with what was said in its place. Raises ``NoRule``."""
    own = settings.get("backtest", {})
    parts = {
        "model": model or own.get("model", ""),
        "column": column or own.get("column", ""),
        "at_least": at_least if at_least is not None else own.get("at_least"),
    }
    lacking = [
        f"--{name.replace('_', '-')}" for name, value in parts.items() if value in ("", None)
    ]
    if lacking:
        raise NoRule(f"the scenario does not say when its model alarms: give {', '.join(lacking)}")
    return Rule(
        str(parts["model"]), str(parts["column"]), float(parts["at_least"]),
        bool(own.get("apart", False)), str(own.get("by", "")),
    )  # fmt: skip


def replay(
    model: Model,
    rows: pa.Table,
    parameters: dict[str, str],
    rule: Rule,
    since: date | None,
    until: date | None,
) -> Told:
    """Run ``model`` over all ``rows`` and judge those from ``since`` to ``until`` (days, both of
    them with it). Rows before ``since`` only prepare the model. Raises ``BadInput``,
    ``BadParameter``, ``BadModel``."""
    rows = _known(rows)
    whose = _whose(rows, rule.by)
    times = _times(rows, whose, apart=rule.apart)
    if EVENT not in rows.column_names:
        raise BadInput(0, EVENT, "there is no such column", "add it: 1 where it happened, else 0")
    event = numbers(rows, EVENT, required=False)
    made = run_model(model, rows, parameters)
    if rule.column not in made.column_names:
        gives = ", ".join(one.name for one in model.gives)
        raise BadModel(f"{model.name} has no column {rule.column}: it gives {gives}")
    value = numbers(made, rule.column, required=False, endless=True)
    kept = np.array(
        [
            (since is None or t.date() >= since) and (until is None or t.date() <= until)
            for t in times
        ],
        dtype=bool,
    )
    if not kept.any():
        raise BadInput(0, "", "no row lies between --from and --to", "give another span")
    chosen = [t for t, keep in zip(times, kept, strict=True) if keep]
    # what is not known is no alarm, and no event
    alarm, happened = value[kept] >= rule.at_least, event[kept] > 0
    return judge(chosen, alarm, happened, apart=rule.apart, whose=whose[kept])


def judge(
    times: list[datetime],
    alarm: NDArray[np.bool_],
    event: NDArray[np.bool_],
    *,
    apart: bool = False,
    whose: NDArray[np.int32] | None = None,
) -> Told:
    """Rows in their order: their times, whether there was an alarm, whether it happened.

    ``apart``: no row speaks for the one before or after it: an alarm is right only where it
    happened in its own row. ``whose``: rows of one number, in the order of their times, are judged
    by themselves; false alarms are those of all together."""
    owners = np.zeros(len(times), np.int32) if whose is None else whose
    alarms, useful = 0, 0
    leads: list[float] = []
    missed: list[datetime] = []
    steps: list[timedelta] = []
    for owner in np.unique(owners):
        own = np.flatnonzero(owners == owner)
        at = [times[row] for row in own.tolist()]
        runs = _alarms(alarm[own], apart=apart)
        hit = _hits(at, runs, event[own], 0 if apart else 1, leads, missed)
        alarms, useful = alarms + len(runs), useful + hit
        steps.extend(b - a for a, b in itertools.pairwise(at) if b > a)
    # a row stands for as long as it is to the next: a day's row for a day
    first, last = min(times), max(times)
    usual = min(steps, default=timedelta(days=1))
    weeks = max((last - first + usual) / timedelta(days=7), 1e-9)
    false = alarms - useful
    return Told(
        since=first.isoformat(), until=last.isoformat(), rows=len(times),
        events=int(event.sum()), hits=len(leads), misses=len(missed), alarms=alarms,
        false_alarms=false, false_alarms_per_week=round(false / weeks, 3),
        false_alarms_per_week_at_most=round(at_most(false, weeks), 3),
        alarm_share=round(float(alarm.mean()), 4),
        lead_hours_median=round(statistics.median(leads), 2) if leads else None,
        missed=tuple(t.isoformat() for t in sorted(missed)[:20]),
        notes=tuple(said("the past", false, weeks)),
    )  # fmt: skip


def _known(rows: pa.Table) -> pa.Table:
    """``rows`` with the columns of times and events under these names, in whatever case the file
    writes them."""
    names = list(rows.column_names)
    for name in (*TIMES, EVENT):
        like = [index for index, one in enumerate(names) if one.casefold() == name]
        if name not in names and len(like) == 1:
            names[like[0]] = name
    return rows.rename_columns(names)


def _alarms(alarm: NDArray[np.bool_], *, apart: bool) -> list[tuple[int, int]]:
    return [(row, row) for row in np.flatnonzero(alarm).tolist()] if apart else _runs(alarm)


def _hits(
    times: list[datetime],
    runs: list[tuple[int, int]],
    event: NDArray[np.bool_],
    after: int,
    leads: list[float],
    missed: list[datetime],
) -> int:
    """How many of ``runs`` were right; what each event had of lead (hours), or that it was missed,
    is added to the lists."""
    useful: set[int] = set()
    for row in np.flatnonzero(event).tolist():
        run = next(
            (i for i, (first, last) in enumerate(runs) if first <= row <= last + after), None
        )
        if run is None:
            missed.append(times[row])
            continue
        useful.add(run)
        leads.append((times[row] - times[runs[run][0]]) / timedelta(hours=1))
    return len(useful)


def _runs(alarm: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(first, last) of each stretch of rows in alarm."""
    edges = np.diff(np.concatenate([[0], alarm.astype(np.int8), [0]]))
    firsts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [(int(a), int(b) - 1) for a, b in zip(firsts, ends, strict=True)]


def _whose(rows: pa.Table, by: str) -> NDArray[np.int32]:
    """A number for each row: the same for rows of one owner."""
    if not by or by not in rows.column_names:
        return np.zeros(len(rows), np.int32)
    numbers: dict[str, int] = {}
    found = [numbers.setdefault(text, len(numbers)) for text in texts(rows, by)]
    return np.array(found, np.int32)


def _times(rows: pa.Table, whose: NDArray[np.int32], *, apart: bool) -> list[datetime]:
    name = next((one for one in TIMES if one in rows.column_names), None)
    if name is None:
        raise BadInput(0, "date", "there is no such column, nor timestamp", "add one of them")
    found: list[datetime] = []
    last: dict[int, datetime] = {}
    for row, (text, owner) in enumerate(zip(texts(rows, name), whose.tolist(), strict=True), 1):
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise BadInput(row, name, f"{text!r} is no time", "write 2026-04-05") from None
        # where clocks are put back an hour comes twice: what says its zone still comes in order
        instant = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
        before = last.get(owner)
        if before is not None and (instant < before if apart else instant <= before):
            raise BadInput(row, name, f"{text} does not come after the row before", "sort the rows")
        last[owner] = instant
        found.append(at.replace(tzinfo=None))
    return found
