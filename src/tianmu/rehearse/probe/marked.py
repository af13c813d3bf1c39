"""What is marked in a running city: detectors of its probe's panel that are free, fires that are
taken back, cases that an earlier probe or drill has left."""

from __future__ import annotations

import asyncio
import itertools
import random
from typing import Any

from tianmu.rehearse.city.city import Answered, City
from tianmu.rehearse.city.patience import until
from tianmu.rehearse.panel.panel import Nature, Panel
from tianmu.rehearse.panel.script import Component, normal

WITHIN = 20.0
"""seconds that any one stage may take before the probe gives up"""
HOLDS = {"unacknowledged", "acknowledged"}
"""states of an alarm whose condition has not returned to normal"""
_serials = itertools.count(random.randrange(1 << 16), 16)
"""first serials of panels: all walks may fit into one second, and no frame is another sent again"""


class Stuck(RuntimeError):
    """A stage did not come about: says which, and where the city was by then."""


def device(number: int) -> str:
    return f"probe-{number:03d}"


def spare(command: City, count: int, wanted: int = 1) -> list[int]:
    """So many of ``count`` components, none that burns or burnt of late: what rises again while its
    alarm is open, or a moment later, is the same alarm and no new one."""
    burnt: set[str] = set()
    for state, limit in (("active", count), ("all", count // 2)):
        items = command.get("/api/alarms", state=state, limit=limit)["items"]
        burnt |= {item["device"] for item in items}
    free = [number for number in range(1, count + 1) if device(number) not in burnt]
    if len(free) < wanted:
        raise Stuck(
            f"{count - len(free)} of {count} components of the probe's panel are in alarm or were "
            f"of late, and {wanted} are needed: reset some, or wait"
        )
    return random.sample(free, wanted)


def end(
    command: City, address: str, detector: Component, alarm: str, *, ahead: float = 0.0
) -> None:
    """Take a fire back and its alarm to normal. A deed is refused until the city has judged what
    makes it possible. ``ahead``: see ``panel``."""
    asyncio.run(clear(command, address, detector, ahead=ahead))
    done = ""

    def ended() -> bool:
        nonlocal done
        now = command.get(f"/api/alarms/{alarm}")["alarm"]
        if now["state"] == "normal":
            return True
        step = next((one for one in ("acknowledge", "reset") if one in now["actions"]), None)
        if step is not None and now["state"] not in HOLDS | {done}:
            done = now["state"]
            try:
                command.post(f"/api/alarms/{alarm}/{step}", {"reason": "probe"})
            except Answered as problem:
                if problem.status != 409:  # its state is another by now
                    raise
        return False

    if not until(ended, WITHIN):
        now = command.get(f"/api/alarms/{alarm}")["alarm"]
        raise Stuck(f"the alarm of {now['device']} did not end within {WITHIN:g} s: {now['state']}")


def panel(city: City, address: str, detector: Component, *, ahead: float = 0.0) -> Panel:
    """The probe's panel; its clock is ``ahead`` (s) of the machine's, as its city's is."""
    return Panel(
        address, city.host, city.ports["gbt26875"], components=[detector],
        nature=Nature(clock_off=ahead), first_serial=next(_serials) & 0xFFFF,
    )  # fmt: skip


async def clear(city: City, address: str, detector: Component, *, ahead: float = 0.0) -> None:
    async with panel(city, address, detector, ahead=ahead) as line:
        await line.send(normal(detector))


def void_leftovers(sees: City, ends: City | None = None, *, marked: bool = True) -> None:
    """End what an earlier probe or drill has left open: it would draw ours in. One at a time is
    played in a city: what another has open now is ended, too. ``sees`` finds the cases, ``ends``
    (the same, unless given) ends them; ``marked``: only those that are marked."""
    last: set[str] = set()
    while True:
        left = {one["case"]: one for one in _open_cases(sees) if one["probe"] or not marked}
        if not left or set(left) == last:  # what cannot be ended is left to what is expected
            return
        last = set(left)
        for case in left.values():
            void(ends or sees, case)


def _open_cases(city: City) -> list[dict[str, Any]]:
    """All open cases that the account sees; read to the end before any of them changes."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        page = city.get("/api/cases", open="true", limit=500, **more)
        found += page["items"]
        cursor = page["next"] or None
    return found


def void(command: City, case: dict[str, Any]) -> None:
    """End a marked case; one that has moved on meanwhile is read again."""
    try:
        if case["suspended"]:
            do(command, case, "resume", {})
            case = command.get(f"/api/cases/{case['case']}")
        do(command, case, "void", {})
    except Answered as problem:
        if problem.status not in (409, 412):
            raise


def do(city: City, view: dict[str, Any], step: str, data: dict[str, Any]) -> None:
    city.post(
        f"/api/cases/{view['case']}/steps/{step}",
        {"reason": "probe", "data": data},
        headers={"If-Match": f'"{view["version"]}"'},
    )
