"""Where units are and what they do, as they tell it or as it is told of them.

The last place and the last status of each unit stand in a table; every telling is a fact of topic
``unit``, of which only the newest are kept, for it shows where persons were.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    String,
    Table,
    func,
    insert,
    select,
    update,
)

from tianmu.city.calendar.clock import minute
from tianmu.city.calendar.limit import MINUTE
from tianmu.city.force.sending import UnitKind
from tianmu.city.people.roster import Person, Shift
from tianmu.facts.encoding import encode
from tianmu.facts.topic import UNIT
from tianmu.facts.unit import STATUSES, UnitTold
from tianmu.manage.case.state import OPEN_ORDER
from tianmu.manage.kept import table as case_table
from tianmu.manage.kept.deed_key import SKEW
from tianmu.manage.levels import response
from tianmu.store.records import Transaction

if TYPE_CHECKING:
    from tianmu.city.city import City
    from tianmu.city.force.force import Unit

KEPT = 20_000
"""entries of topic ``unit``: where units are now is a table, so this bounds room alone and is no
rule of a city"""
_STEP = 500
"""entries by which it may be longer: dropping each time would cost more than it saves"""

table = Table(
    "unit_last",
    case_table.metadata,
    Column("unit", String, primary_key=True),
    Column("longitude", Float),
    Column("latitude", Float),
    Column("precision_m", Float, nullable=False),
    Column("placed_at", BigInteger, nullable=False),  # 0: its place was never told
    Column("status", String, nullable=False),  # empty: never told
    Column("status_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
)


class Untellable(ValueError):
    """What was told of a unit cannot be so."""


@dataclass(frozen=True)
class Last:
    """What was last told of a unit. Times in µs, 0: never."""

    longitude: float | None = None
    latitude: float | None = None
    precision_m: float = 0.0
    placed_at: int = 0
    status: str = ""
    status_at: int = 0
    version: int = 0


@dataclass(frozen=True)
class Standing:
    """A unit now: where it is reckoned from, what it does, what it has to do."""

    unit: Unit
    kind: UnitKind | None
    last: Last
    status: str
    """one of ``STATUSES``: what it told, or ``off_duty`` outside its shift"""
    longitude: float | None
    latitude: float | None
    source: str
    """``told`` (its last place), ``base`` (none was told, or it is too old), ``none``"""
    stale: bool
    """its last place is older than its kind's may be"""
    load: int
    """open orders that name it"""

    @property
    def capacity(self) -> int:
        return self.kind.capacity if self.kind else 1

    @property
    def available(self) -> bool:
        """Whether it can take an order now."""
        if self.status in ("off_duty", "busy") or self.load >= self.capacity:
            return False
        return self.status == "free" or self.capacity > 1

    def age(self, now: int) -> int | None:
        """µs since its place was told; None: never."""
        return now - self.last.placed_at if self.last.placed_at else None


def tell(tx: Transaction, told: UnitTold) -> bool:
    """Keep what was told, as fact and in the table, in the caller's transaction; False where it is
    older than what is known and changes nothing. Raises ``Untellable``."""
    _check(told)
    connection = tx.connection
    last = lasts(connection, told.unit).get(told.unit, Last())
    values: dict[str, Any] = {}
    if told.longitude is not None and told.at > last.placed_at:
        values |= {
            "longitude": told.longitude,
            "latitude": told.latitude,
            "precision_m": told.precision_m,
            "placed_at": told.at,
        }
    if told.status and told.at > last.status_at:
        values |= {"status": told.status, "status_at": told.at}
    if not values:
        return False
    values["version"] = last.version + 1
    if last.version:
        connection.execute(update(table).where(table.c.unit == told.unit).values(values))
    else:
        empty = {"precision_m": 0.0, "placed_at": 0, "status": "", "status_at": 0}
        connection.execute(insert(table).values({"unit": told.unit, **empty, **values}))
    position = tx.append(UNIT.name, encode(told)).position
    if position % _STEP == 0 and position > KEPT:
        tx.drop(UNIT.name, position - KEPT)
    return True


def _check(told: UnitTold) -> None:
    if told.at > told.received_at + SKEW:
        ahead = (told.at - told.received_at) / 1e6
        raise Untellable(f"at lies {ahead:.0f} s in the future: set the sender's clock")
    if (told.longitude is None) != (told.latitude is None):
        raise Untellable("longitude and latitude go together")
    if told.longitude is not None and told.latitude is not None:
        there = math.isfinite(told.longitude) and math.isfinite(told.latitude)
        if not there or abs(told.longitude) > 180 or abs(told.latitude) > 90:
            raise Untellable("the place is not on earth: longitude ±180, latitude ±90")
    if told.status and told.status not in STATUSES:
        raise Untellable(f"status {told.status!r} is none of {', '.join(STATUSES)}")
    if told.longitude is None and not told.status:
        raise Untellable("neither a place nor a status is told")


def lasts(connection: Connection, unit: str = "") -> dict[str, Last]:
    """What was last told of each unit, or of one."""
    query = select(table)
    if unit:
        query = query.where(table.c.unit == unit)
    return {
        row["unit"]: Last(**{key: value for key, value in row.items() if key != "unit"})
        for row in connection.execute(query).mappings()
    }


def loads(connection: Connection) -> dict[str, int]:
    """Unit → open orders that name it."""
    c = case_table.sent.c
    query = select(c.force, func.count()).where(c.state.in_(OPEN_ORDER)).group_by(c.force)
    return {row[0]: row[1] for row in connection.execute(query)}


def shift_covers(city: City, kind: UnitKind | None, now: int) -> bool:
    """Whether the kind's own shift runs at ``now`` (µs)."""
    if kind is None:
        return True
    nobody = Person(name="", account="", department="", division="", post="")
    shift = Shift(
        person=nobody,
        days=kind.days,
        start=minute(kind.start) or 0,
        end=1440 if (end := minute(kind.end)) is None else end,
    )
    return shift.covers(city.calendar.local(now), city.calendar)


def persons(city: City, unit: Unit, now: int) -> tuple[dict[str, str], ...]:
    """Who is on duty at the unit's department for its division."""
    return response.persons(city, unit.department, unit.division, now)


def standings(
    city: City, last: Mapping[str, Last], load: Mapping[str, int], now: int
) -> list[Standing]:
    """Every unit of the pack as it stands at ``now`` (µs)."""
    covered = {code: shift_covers(city, kind, now) for code, kind in city.sending.kinds.items()}
    found = []
    for unit in city.units.values():
        kind = city.sending.kinds.get(unit.kind)
        told = last.get(unit.code, Last())
        on = covered.get(unit.kind, True)
        if on and (kind is None or kind.roster):
            on = bool(persons(city, unit, now))
        status = told.status or "free"
        if status == "free" and not on:
            status = "off_duty"
        limit = (kind.stale_min if kind else 15.0) * MINUTE
        stale = bool(told.placed_at) and now - told.placed_at > limit
        longitude, latitude, source = told.longitude, told.latitude, "told"
        if not told.placed_at or (stale and unit.base is not None):
            longitude = unit.base.longitude if unit.base else None
            latitude = unit.base.latitude if unit.base else None
            source = "base" if unit.base else "none"
        found.append(
            Standing(
                unit=unit,
                kind=kind,
                last=told,
                status=status,
                longitude=longitude,
                latitude=latitude,
                source=source,
                stale=stale,
                load=load.get(unit.code, 0),
            )
        )
    return found
