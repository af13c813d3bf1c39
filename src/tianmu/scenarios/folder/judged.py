"""Tables of what scenarios judged, in works' file: how far, and which conditions hold.

Only works writes. What a judgement changes, and what is told of it, is one commit: after kill -9
each beginning, worsening and end has been told exactly once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import sqlalchemy as sa

from tianmu.city.place.place import distance
from tianmu.facts.encoding import encode
from tianmu.facts.place import Place
from tianmu.facts.topic import FINDING
from tianmu.facts.verdict import Verdict
from tianmu.scenarios.judging import Condition, Judged, Judgement
from tianmu.store.records import Transaction

METADATA = sa.MetaData()
RUN = sa.Table(
    "judged_run",
    METADATA,
    sa.Column("scenario", sa.Text, primary_key=True),
    sa.Column("until", sa.Integer, nullable=False),
    sa.Column("made_at", sa.Integer, nullable=False),
    sa.Column("fault", sa.Text, nullable=False),
    sa.Column("said", sa.LargeBinary, nullable=False),
    comment="how far each scenario has judged, and what it said of it",
)
STANDING = sa.Table(
    "judged_standing",
    METADATA,
    sa.Column("scenario", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("device", sa.Text, primary_key=True),
    sa.Column("datastream", sa.Integer, nullable=False),
    sa.Column("since", sa.Integer, nullable=False),
    sa.Column("seen", sa.Integer, nullable=False),
    sa.Column("value", sa.Float),
    sa.Column("longitude", sa.Float),
    sa.Column("latitude", sa.Float),
    sa.Column("within_m", sa.Float),
    sa.Column("edition", sa.Integer),
    comment="conditions that hold, as they were told last; edition: how many rule sets there had "
    "been then (null: not known)",
)


def last(connection: sa.Connection, scenario: str) -> Judged | None:
    row = connection.execute(sa.select(RUN).where(RUN.c.scenario == scenario)).first()
    if row is None:
        return None
    return Judged(row.until, row.made_at, row.fault, msgspec.msgpack.decode(row.said))


def write(
    tx: Transaction,
    scenario: str,
    until: int,
    now: int,
    judgement: Judgement,
    streams: Mapping[tuple[str, str], int],
    over: int,
    grown: float,
    moved: float,
    edition: int,
) -> int:
    """Tell what began, grew worse and ended by a judgement up to ``until`` (µs); how many.
    ``streams``: (rule, device) → datastream of each condition whose rule is in force; ``over``:
    µs after which one ends that is told no more; ``grown``: times the value that was told, from
    which it is worse; ``moved``: metres from which it is elsewhere, where a judge does not say how
    surely it lies; ``edition``: how many rule sets there have been.

    What was told under an earlier set is told once more: a set in between may have ended its alarm.
    """
    held = _standing(tx, scenario)
    told = 0
    for one in judgement.conditions:
        key = (one.rule, one.device)
        if key not in streams:
            continue
        before = held.pop(key, None)
        if before is not None and before.datastream != streams[key]:
            # the rule is of another property now, so this is another alarm
            _end(tx, scenario, key, before.datastream, until)
            told, before = told + 1, None
        known = before is not None and not _worse(before, one, grown, moved)
        if known and before is not None and before.edition == edition:
            _change(tx, scenario, key, seen=until)
            continue
        tx.append(FINDING.name, encode(_verdict(one, streams[key], until, known=known)))
        told += 1
        if known:  # it grows from what was told first
            _change(tx, scenario, key, seen=until, edition=edition)
            continue
        row = {
            "datastream": streams[key], "seen": until, "value": one.value, "edition": edition,
            "longitude": one.longitude, "latitude": one.latitude, "within_m": one.within_m,
        }  # fmt: skip
        if before is not None:
            _change(tx, scenario, key, **row)
        else:
            _begin(tx, scenario, key, since=until, **row)
    for key, before in held.items():
        if key not in streams or (judgement.able and until - before.seen >= over):
            _end(tx, scenario, key, before.datastream, until)
            told += 1
    _run(tx, scenario, until, now, "", msgspec.msgpack.encode(judgement.said))
    return told


def fail(tx: Transaction, scenario: str, until: int, now: int, fault: str) -> None:
    """Say that a step could not be judged; what holds is left as it is."""
    before = last(tx.connection, scenario)
    said = msgspec.msgpack.encode(before.said if before is not None else {})
    _run(tx, scenario, until, now, fault, said)


def standing(connection: sa.Connection, scenario: str) -> list[tuple[str, str]]:
    """(rule, device) of each condition that holds."""
    asked = sa.select(STANDING.c.rule, STANDING.c.device).where(STANDING.c.scenario == scenario)
    return [(row.rule, row.device) for row in connection.execute(asked)]


def _standing(tx: Transaction, scenario: str) -> dict[tuple[str, str], sa.Row[Any]]:
    rows = tx.connection.execute(sa.select(STANDING).where(STANDING.c.scenario == scenario))
    return {(row.rule, row.device): row for row in rows}


def _worse(before: sa.Row[Any], one: Condition, grown: float, moved: float) -> bool:
    """Whether it is worth telling anew: so many times as much, or elsewhere than was said, or twice
    as surely. Below zero, where less may be worse, no value says that it grew."""
    more = (before.value or 0.0) > 0
    if more and one.value is not None and one.value >= grown * before.value:
        return True
    if one.longitude is None or one.latitude is None or before.longitude is None:
        return False
    sure = moved if before.within_m is None else before.within_m
    now = moved if one.within_m is None else one.within_m
    away = distance((before.longitude, before.latitude), (one.longitude, one.latitude))
    surer = None not in (before.within_m, one.within_m) and now < sure / 2
    return away > max(sure, now) or surer


def _verdict(one: Condition, datastream: int, until: int, *, known: bool) -> Verdict:
    place = None
    if one.longitude is not None and one.latitude is not None:
        place = Place(longitude=one.longitude, latitude=one.latitude, precision=one.within_m)
    return Verdict(
        rule=one.rule, datastream=datastream, holds=True, observed_at=until, known=known,
        value=one.value, limit=one.limit, text=one.text, place=place, data=one.data,
    )  # fmt: skip


def _is(scenario: str, key: tuple[str, str]) -> tuple[sa.ColumnElement[bool], ...]:
    c = STANDING.c
    return c.scenario == scenario, c.rule == key[0], c.device == key[1]


def _begin(tx: Transaction, scenario: str, key: tuple[str, str], **row: Any) -> None:
    tx.connection.execute(
        sa.insert(STANDING).values(scenario=scenario, rule=key[0], device=key[1], **row)
    )


def _change(tx: Transaction, scenario: str, key: tuple[str, str], **row: Any) -> None:
    tx.connection.execute(sa.update(STANDING).where(*_is(scenario, key)).values(**row))


def _end(tx: Transaction, scenario: str, key: tuple[str, str], datastream: int, until: int) -> None:
    gone = Verdict(rule=key[0], datastream=datastream, holds=False, observed_at=until)
    tx.append(FINDING.name, encode(gone))
    tx.connection.execute(sa.delete(STANDING).where(*_is(scenario, key)))


def _run(tx: Transaction, scenario: str, until: int, now: int, fault: str, said: bytes) -> None:
    tx.connection.execute(sa.delete(RUN).where(RUN.c.scenario == scenario))
    tx.connection.execute(
        sa.insert(RUN).values(scenario=scenario, until=until, made_at=now, fault=fault, said=said)
    )
