"""A small town, made in code: real parts of ``tianmu.city``, nothing of any real city."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from tianmu.city.calendar.calendar import Span, WorkingTime
from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.charter.head import Merging
from tianmu.city.city import City
from tianmu.city.level.grading import Condition, Grading, GradingRule
from tianmu.city.level.plan import OrderTemplate, Plan, Rise, Tell
from tianmu.city.level.profile import Escalation, Level, ResponseProfile
from tianmu.city.matter.matter import FilingStandard, Matter
from tianmu.city.people.department import Department, DepartmentKind
from tianmu.city.people.duty import Duties, Duty
from tianmu.city.people.roster import Person, Shift
from tianmu.city.place.division import Division, Tier
from tianmu.manage.actor import Actor
from tianmu.manage.case.state import CaseState

FIRE, SMOKE, RUBBISH, POTHOLE = "t:event:1", "t:event:2", "t:event:3", "t:event:4"
LON, LAT = 10.0, 50.0
METRE = 1 / 111_195.0
MINUTE = 60_000_000
HOUR = 60 * MINUTE


def at(text: str) -> int:
    """µs of a UTC time ``2026-03-04T09:00``; the town lives in UTC."""
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    return int(moment.timestamp()) * 1_000_000


MONDAY = at("2026-03-02T09:00")


def due_of(state: CaseState, clock: str) -> int:
    """When the limit runs out that the state has under this name."""
    found = state.clock(clock)
    assert found is not None
    return found.due


def text(words: str) -> dict[str, str]:
    return {"en": words, "zh": words}


def _level(name: str, number: int, tier: int, close: Limit | None) -> Level:
    return Level(
        name=name,
        number=number,
        text=text(name),
        colour="#ff0000",
        tier=tier,
        accept=Limit(max(number * 3, 1), LimitUnit.MINUTE),
        onsite=Limit(30, LimitUnit.MINUTE),
        close=close,
        escalate=Escalation(remind_at=0.5, rise_at=1.0),
    )


def _matter(key: str, name: str, limit: Limit, level: int, **more: Any) -> Matter:
    _, kind, code = key.split(":")
    return Matter(
        key=key,
        edition="t",
        code=code,
        name=text(name),
        kind=kind,
        class_code="1",
        class_name=text("class"),
        standards=(
            FilingStandard(number=1, limit=limit),
            FilingStandard(number=2, limit=Limit(limit.value * 3, limit.unit)),
        ),
        level=level,
        radius_m=more.pop("radius_m", 60.0),
        window_min=more.pop("window_min", 60.0),
        **more,
    )


def _person(account: str, department: str) -> Shift:
    return Shift(
        person=Person(
            name=account.title(),
            account=account,
            phone="1",
            department=department,
            division="1",
            post=f"{department}-duty",
        )
    )


def town() -> City:
    work_hour = LimitUnit.WORK_HOUR
    divisions = {
        "1": Division(code="1", name=text("Town"), kind="city", tier=1, parent=""),
        "11": Division(code="11", name=text("North"), kind="town", tier=2, parent="1"),
        "12": Division(code="12", name=text("South"), kind="town", tier=2, parent="1"),
    }
    department, centre = DepartmentKind.DEPARTMENT, DepartmentKind.CENTRE
    departments = {
        code: Department(code=code, name=text(code), kind=kind, division=division, parent=parent)
        for code, kind, division, parent in (
            ("centre", centre, "1", ""),
            ("centre-north", centre, "11", "centre"),
            ("fire", department, "1", ""),
            ("clean", department, "1", ""),
            ("clean-north", department, "11", "clean"),
            ("roads", department, "1", ""),
        )
    }
    matters = {
        matter.key: matter
        for matter in (
            _matter(
                FIRE,
                "fire",
                Limit(2, LimitUnit.URGENT_HOUR),
                3,
                related=(SMOKE,),
                synonyms=("fire", "burning", "flames"),
                radius_m=100.0,
            ),
            _matter(
                SMOKE,
                "smoke",
                Limit(2, LimitUnit.URGENT_HOUR),
                4,
                related=(FIRE,),
                synonyms=("smoke",),
                radius_m=100.0,
            ),
            _matter(RUBBISH, "rubbish", Limit(4, work_hour), 5, synonyms=("rubbish", "litter")),
            _matter(POTHOLE, "pothole", Limit(1, LimitUnit.WORK_DAY), 5, synonyms=("pothole",)),
        )
    }
    duties = Duties(
        [
            Duty(department="fire", joint=("centre:2",), matter=FIRE),
            Duty(department="fire", matter=SMOKE),
            Duty(department="clean", matter=RUBBISH),
        ],
        divisions,
        departments,
    )
    levels = (
        _level("I", 1, 1, None),
        _level("II", 2, 1, None),
        _level("III", 3, 2, Limit(1, LimitUnit.WORK_DAY)),
        _level("IV", 4, 2, Limit(3, LimitUnit.WORK_DAY)),
        _level("V", 5, 2, Limit(24, LimitUnit.URGENT_HOUR)),
    )
    profile = ResponseProfile(name="severity", reading=text("severity"), levels=levels)
    handle = OrderTemplate("lead", text("Handle it"))
    plans = [
        Plan(
            code=f"plan-{level.name}",
            name=text(level.name),
            level=level.name,
            tells=(Tell(f"centre:{level.tier}", Limit(5, LimitUnit.MINUTE)),),
            orders=(handle, *((OrderTemplate("joint", text("Help")),) if level.tier == 1 else ())),
            rises=Rise(signals=20 if level.number == 3 else None),
        )
        for level in levels
    ]
    plans.append(
        Plan(
            code="fire-III",
            name=text("fire"),
            level="III",
            matters=(FIRE,),
            tells=(Tell("centre:1", Limit(5, LimitUnit.MINUTE)),),
            orders=(
                OrderTemplate("lead", text("Put it out")),
                OrderTemplate("joint", text("Help")),
            ),
        )
    )
    grading = Grading(
        default=5,
        rules=(
            GradingRule(
                code="trapped", name=text("trapped"), when=Condition(words=("trapped",)), level=2
            ),
            GradingRule(code="many", name=text("many"), when=Condition(signals_from=10), rise=1),
        ),
    )
    return City(
        folder=Path(),
        digest="",
        code="1",
        name=text("Town"),
        languages=("en", "zh"),
        time_zone="UTC",
        country="",
        center=(LON, LAT),
        bbox=(LON - 1, LAT - 1, LON + 1, LAT + 1),
        notes=(),
        merging=Merging(50.0, 60.0),
        tiers=(Tier(1, text("city")), Tier(2, text("town"))),
        divisions=divisions,
        departments=departments,
        editions={},
        matters=matters,
        duties=duties,
        categories={},
        kinds={},
        profiles={"severity": profile},
        profile=profile,
        plans=tuple(plans),
        grading=grading,
        units={},
        seeding=cast(Any, None),
        working=WorkingTime(
            time_zone="UTC",
            hours=(Span(8 * 60, 12 * 60), Span(14 * 60, 18 * 60)),
            weekend=frozenset((5, 6)),
        ),
        shifts=(_person("fred", "fire"), _person("cleo", "clean"), _person("carl", "centre")),
    )


OFFICER = Actor("olga", ("duty_officer",))
CHECKER = Actor("chen", ("duty_officer",))
COMMANDER = Actor("cora", ("commander",))
FIREMAN = Actor("fred", ("department_worker",), department="fire")
CLEANER = Actor("cleo", ("department_worker",), department="clean")
GRID = Actor("greg", ("grid_worker",), division="11", tier=2)
KIOSK = Actor("wall", ("kiosk",))
