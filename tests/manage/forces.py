"""A small town with units of several kinds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tianmu.city.city import City
from tianmu.city.force.force import Unit
from tianmu.city.force.sending import LevelNeed, Need, Sending, Skill, Travelling, UnitKind
from tianmu.facts.place import Place
from tianmu.manage.case.state import CaseState
from tianmu.manage.units import proposal, unit
from tianmu.manage.units.unit import Last, Standing

from .town import FIRE, LAT, LON, METRE, MONDAY, RUBBISH, text, town

KM = 1000 * METRE


def force(code: str, kind: str, department: str, north_km: float, **more: Any) -> Unit:
    base = Place(longitude=LON, latitude=LAT + north_km * KM)
    return Unit(
        code=code,
        name=text(code),
        kind=kind,
        department=department,
        division="1",
        base=base,
        **more,
    )


def armed() -> City:
    """The town with units: two engines, a sweeper that can take two orders, a drone."""
    sending = Sending(
        travel=Travelling(detour=1.0, line_kmh=60.0),
        level=(LevelNeed(number=2, units=2, weight=4.0), LevelNeed(number=5, units=1, weight=1.0)),
        skill=tuple(Skill(code=one, name=text(one)) for one in ("hose", "ladder", "broom", "eye")),
        kind=(
            UnitKind(code="engine", name=text("Engine"), skills=("hose", "ladder")),
            UnitKind(code="pump", name=text("Pump"), skills=("hose",)),
            UnitKind(
                code="sweeper",
                name=text("Sweeper"),
                skills=("broom",),
                capacity=2,
                start="08:00",
                end="18:00",
            ),
            UnitKind(
                code="drone", name=text("Drone"), sort="drone", moves="air", skills=("eye",),
                roster=False,
            ),
        ),
        need=(Need(matters=(FIRE,), skills=("hose", "ladder")),),
    )  # fmt: skip
    units = (
        force("e1", "engine", "fire", 2.0),
        force("e2", "engine", "fire", 10.0),
        force("p1", "pump", "roads", 1.0),
        force("s1", "sweeper", "clean", 3.0),
        force("d1", "drone", "fire", 4.0, speed_kmh=60.0),
    )
    return replace(town(), sending=sending, units={one.code: one for one in units})


CITY = armed()


def state(case: str = "c1", matter: str = FIRE, level: int = 5, **more: Any) -> CaseState:
    fields: dict[str, Any] = {
        "case": case,
        "number": f"N-{case}",
        "version": 1,
        "stage": "dispatch",
        "matter": matter,
        "level": {1: "I", 2: "II", 5: "V"}[level],
        "level_number": level,
        "lead": "clean" if matter == RUBBISH else "fire",
        "place": Place(longitude=LON, latitude=LAT),
        "division": "1",
        **more,
    }
    return CaseState(**fields)


def now_standing(
    last: dict[str, Last] | None = None, load: dict[str, int] | None = None, now: int = MONDAY
) -> list[Standing]:
    return unit.standings(CITY, last or {}, load or {}, now)


def ranked(found: proposal.Plan, case: str = "c1") -> list[str]:
    return [one.standing.unit.code for one in proposal.ranking(found, case)]
