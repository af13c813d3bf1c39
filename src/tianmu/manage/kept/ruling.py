"""Rulings that stand: duties made on cases, beside those of the pack."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, func, select

from tianmu.city.people.duty import Duty
from tianmu.manage.case.state import CaseState
from tianmu.manage.kept import ledger, table

if TYPE_CHECKING:
    from tianmu.city.city import City


def duty_of(state: CaseState) -> Duty | None:
    """The duty that the case's ruling makes; None where it has none that stands."""
    found = state.ruling
    if found is None or found.withdrawn_at:
        return None
    return Duty(
        department=found.lead,
        joint=found.joint,
        matter=found.matter,
        division=found.division,
        basis=f"{state.number}: {found.reason}",
        ruled=state.number,
    )


def cases(connection: Connection, *, marked: bool = False) -> list[CaseState]:
    """The cases whose rulings stand, the latest ruling first: it wins among equals. ``marked``:
    those of drills, whose rulings count for such cases alone."""
    which = table.case.c.probe != "" if marked else table.case.c.probe == ""
    asked = (
        select(table.STATE)
        .join(table.ruling, table.ruling.c.serial == table.case.c.serial)
        .where(table.ruling.c.withdrawn_at == 0, which)
        .order_by(table.ruling.c.at.desc(), table.ruling.c.serial.desc())
    )
    return [ledger.decode_state(data) for (data,) in connection.execute(asked)]


def standing(connection: Connection) -> int:
    """How many rulings stand."""
    counted = (
        select(func.count())
        .select_from(table.ruling)
        .join(table.case, table.ruling.c.serial == table.case.c.serial)
        .where(table.ruling.c.withdrawn_at == 0, table.case.c.probe == "")
    )
    return int(connection.scalar(counted) or 0)


def ruled(pack: City, connection: Connection) -> City:
    """The city with what was ruled beside its own duties."""
    real, marked = (
        [found for state in cases(connection, marked=of) if (found := duty_of(state))]
        for of in (False, True)
    )
    if not (real or marked):
        return pack
    duties = pack.duties.ruled(real) if real else pack.duties
    return replace(pack, duties=duties, marked_duties=duties.ruled(marked) if marked else None)
