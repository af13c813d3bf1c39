"""``tianmu probe``: a marked fire and a marked complaint, through the whole city.

Two marked actors carry both cases to their end: one reports, checks and closes, the other accepts
and handles, since nobody checks his own work. What is marked never meets a real case, pages
nobody and counts in no figure. Stages are told in milliseconds since the fire's frame (the
complaint's request) was sent; ``acknowledged`` comes after fsync, so ``durable`` is no later.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from tianmu.rehearse.city import Answered, City, connect, credentials
from tianmu.rehearse.listen import Heard
from tianmu.rehearse.panel import Panel
from tianmu.rehearse.panel_script import Component, fire, normal

COMMAND, HANDLE = "probe-command", "probe-handle"
WITHIN = 20.0
"""seconds that any one stage may take before the probe gives up"""
HOLDS = {"unacknowledged", "acknowledged"}
"""states of an alarm whose condition has not returned to normal"""
_serials = itertools.count(random.randrange(1 << 16), 16)
"""first serials of panels: all walks may fit into one second, and no frame is another sent again"""


class Stuck(RuntimeError):
    """A stage did not come about: says which, and where the city was by then."""


def run(data: Path, url: str = "") -> dict[str, Any]:
    """Both walks; what ``--json`` prints."""
    command, handle = (connect(data, role, url) for role in (COMMAND, HANDLE))
    found: dict[str, Any] = {"ok": False, "fire_ms": {}, "complaint_ms": {}, "trouble": []}
    about = credentials(data)["probe"]
    _void_leftovers(command)
    with Heard(command, {"alarm", "case"}) as heard:
        walks: tuple[tuple[str, Callable[[], dict[str, float]]], ...] = (
            ("fire_ms", lambda: _fire(command, handle, heard, about)),
            ("complaint_ms", lambda: _complaint(command, handle, heard)),
        )
        for name, walk in walks:
            try:
                found[name] = walk()
            except (Stuck, Answered, TimeoutError) as error:
                found["trouble"].append(f"{name}: {error}")
    found["ok"] = not found["trouble"]
    return found


def _fire(command: City, handle: City, heard: Heard, about: dict[str, Any]) -> dict[str, float]:
    number = _spare(command, about["components"])
    detector = Component(40, number, f"probe {number}")
    device = _device(number)
    sent, latency = asyncio.run(_send_fire(command, about["source"], detector))
    alarm = heard.first(
        "alarm", lambda a: a["device"] == device and a["priority"] == 1 and _after(a, sent), WITHIN
    )
    if alarm is None:
        raise Stuck(f"no alarm of {device} was pushed within {WITHIN:g} s")
    arrived, told = alarm
    stages = {
        "acknowledged": round(latency * 1000, 2),
        "durable": round(latency * 1000, 2),
        "alarm": _since(sent, told["raised_at"]),
    }
    case = _case_of(heard, command, lambda: _find_by_alarm(command, told["alarm"]))
    stages |= _walk(command, handle, heard, case, sent)
    stages["push"] = round((arrived - sent) * 1000, 2)
    _end(command, about["source"], detector, told["alarm"])
    return stages


def _device(number: int) -> str:
    return f"probe-{number:03d}"


def _spare(command: City, count: int) -> int:
    """One of ``count`` components, none that burns or burnt of late: what rises again while its
    alarm is open, or a moment later, is the same alarm and no new one."""
    burnt: set[str] = set()
    for state, limit in (("active", count), ("all", count // 2)):
        items = command.get("/api/alarms", state=state, limit=limit)["items"]
        burnt |= {item["device"] for item in items}
    spare = [number for number in range(1, count + 1) if _device(number) not in burnt]
    if not spare:
        raise Stuck(f"all {count} components of the probe's panel are in alarm: reset some")
    return random.choice(spare)


def _end(command: City, address: str, detector: Component, alarm: str) -> None:
    """Take a fire back and its alarm to normal. A deed is refused until the city has judged what
    makes it possible."""
    asyncio.run(_clear(command, address, detector))
    end, done = time.monotonic() + WITHIN, ""
    while time.monotonic() < end:
        now = command.get(f"/api/alarms/{alarm}")["alarm"]
        if now["state"] == "normal":
            return
        step = next((one for one in ("acknowledge", "reset") if one in now["actions"]), None)
        if step is not None and now["state"] not in HOLDS | {done}:
            done = now["state"]
            try:
                command.post(f"/api/alarms/{alarm}/{step}", {"reason": "probe"})
            except Answered as problem:
                if problem.status != 409:  # its state is another by now
                    raise
        time.sleep(0.02)
    raise Stuck(f"the alarm of {now['device']} did not end within {WITHIN:g} s: {now['state']}")


def _panel(city: City, address: str, detector: Component) -> Panel:
    return Panel(
        address, city.host, city.ports["gbt26875"], components=[detector],
        first_serial=next(_serials) & 0xFFFF,
    )  # fmt: skip


async def _send_fire(city: City, address: str, detector: Component) -> tuple[float, float]:
    """(wall time the frame was sent at, seconds until its confirm)."""
    async with _panel(city, address, detector) as panel:
        await panel.send(normal(detector))
        sent = time.time()
        latency = await panel.send(fire(detector))
    return sent, latency


async def _clear(city: City, address: str, detector: Component) -> None:
    async with _panel(city, address, detector) as panel:
        await panel.send(normal(detector))


def _complaint(command: City, handle: City, heard: Heard) -> dict[str, float]:
    brief = command.get("/api/city")
    matter = brief["matters"][0]
    sent = time.time()
    begin = time.perf_counter()
    answer = command.post(
        "/api/reports",
        {
            "channel": "hotline",
            "text": next(iter(matter["name"].values())),
            "matter": matter["key"],
            "place": {
                "longitude": brief["center"][0] + random.uniform(-0.02, 0.02),
                "latitude": brief["center"][1] + random.uniform(-0.02, 0.02),
                "precision": 20,
            },
        },
    )
    acknowledged = round((time.perf_counter() - begin) * 1000, 2)
    case = _case_of(heard, command, lambda: _find_by_report(command, answer["report"]))
    first = heard.first("case", lambda c: c["case"] == case, WITHIN)
    stages = {"acknowledged": acknowledged, "durable": acknowledged}
    stages |= _walk(command, handle, heard, case, sent)
    if first is not None:
        stages["push"] = round((first[0] - sent) * 1000, 2)
    return stages


def _find_by_alarm(city: City, alarm: str) -> str | None:
    for item in city.get("/api/alarms", state="all", limit=50)["items"]:
        if item["alarm"] == alarm:
            return item["case"]  # type: ignore[no-any-return]
    return None


def _find_by_report(city: City, report: str) -> str | None:
    try:
        case: str | None = city.get(f"/api/reports/{report}").get("case")
    except Answered as problem:
        if problem.status != 404:  # durable already, not yet read by those who make cases
            raise
        return None
    return case


def _void_leftovers(command: City) -> None:
    """End what an earlier probe that got stuck has left open: it would draw ours in."""
    for case in command.get("/api/cases", open="true", limit=100)["items"]:
        if case["probe"]:
            _do(command, case, "void", {})


def _case_of(heard: Heard, city: City, find: Any) -> str:
    """The case of a signal: looked for whenever a case is pushed."""
    end = time.monotonic() + WITHIN
    while time.monotonic() < end:
        case = find()
        if case:
            return str(case)
        time.sleep(0.02)
    raise Stuck(f"no case was opened within {WITHIN:g} s")


ORDERS = {"sent": "accept", "accepted": "handle", "handling": "feed_back"}
"""state of an order → what its unit does next"""
STAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "verify": ("verify", {}),
    "file": ("file", {}),
    "dispatch": ("order", {}),
    "feed_back": ("check", {"result": "pass"}),
    "check": ("close", {}),
}
"""stage → what the commanding actor does next, and with what"""
MOST_STEPS = 60


def _walk(command: City, handle: City, heard: Heard, case: str, sent: float) -> dict[str, float]:
    """Carry a case to its end; ms of each stage since ``sent``."""
    for _ in range(MOST_STEPS):
        view = command.get(f"/api/cases/{case}")
        if view["stage"] == "close":
            break
        waiting = next((o for o in view["orders"] if o["state"] in ORDERS), None)
        if view["stage"] == "handle" and waiting is not None:
            step = ORDERS[waiting["state"]]
            data = {"order": waiting["order"]}
            _do(handle, view, step, data | ({"result": "probe"} if step == "feed_back" else {}))
        elif view["stage"] == "dispatch" and not view["owner"]:
            department = command.get("/api/city")["departments"][0]["code"]
            _do(command, view, "assign", {"department": department})
        elif view["stage"] in STAGES:
            step, data = STAGES[view["stage"]]
            _do(command, view, step, data)
        else:
            break
    view = command.get(f"/api/cases/{case}")
    if view["stage"] != "close":
        raise Stuck(
            f"case {view['number']} stands at {view['stage']} ({view['queue'] or 'no queue'}); "
            f"this account may now: {[a['step'] for a in view['actions']]}"
        )
    if heard.first("case", lambda c: c["case"] == case and c["stage"] == "close", WITHIN) is None:
        raise Stuck(f"the closing of case {view['number']} was not pushed")
    names = {
        "open": "case", "order": "order", "accept": "accepted", "feed_back": "handled",
        "check": "checked", "close": "closed",
    }  # fmt: skip
    stages: dict[str, float] = {}
    for event in view["events"]:
        name = names.get(event["step"])
        if name is not None and name not in stages:
            stages[name] = _since(sent, event["at"])
    return stages


def _do(city: City, view: dict[str, Any], step: str, data: dict[str, Any]) -> None:
    city.post(
        f"/api/cases/{view['case']}/steps/{step}",
        {"reason": "probe", "data": data},
        headers={"If-Match": f'"{view["version"]}"'},
    )


def _since(sent: float, instant: str) -> float:
    return round((datetime.fromisoformat(instant).timestamp() - sent) * 1000, 2)


def _after(alarm: dict[str, Any], sent: float) -> bool:
    return datetime.fromisoformat(alarm["raised_at"]).timestamp() >= sent - 0.01
