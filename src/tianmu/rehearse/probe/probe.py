"""``tianmu probe``: a marked fire and a marked complaint, through the whole city.

Two marked actors carry both cases to their end: one reports, checks and closes, the other accepts
and handles, since nobody checks his own work. What is marked never meets a real case, pages
nobody and counts in no figure. Stages are told in milliseconds since the fire's frame (the
complaint's request) was sent; ``acknowledged`` comes after fsync, so ``durable`` is no later.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from tianmu.rehearse.city.city import Answered, City, connect, credentials
from tianmu.rehearse.city.clock import ahead_s
from tianmu.rehearse.city.listen import Heard
from tianmu.rehearse.city.patience import until
from tianmu.rehearse.panel.script import Component, fire, normal
from tianmu.rehearse.probe.marked import (
    WITHIN,
    Stuck,
    device,
    do,
    end,
    panel,
    spare,
    void_leftovers,
)

COMMAND, HANDLE = "probe-command", "probe-handle"


def run(data: Path, url: str = "") -> dict[str, Any]:
    """Both walks; what ``--json`` prints."""
    command, handle = (connect(data, role, url) for role in (COMMAND, HANDLE))
    found: dict[str, Any] = {"ok": False, "fire_ms": {}, "complaint_ms": {}, "trouble": []}
    about, ahead = credentials(data)["probe"], ahead_s(data)
    void_leftovers(command)
    with Heard(command, {"alarm", "case"}) as heard:
        walks: tuple[tuple[str, Callable[[], dict[str, float]]], ...] = (
            ("fire_ms", lambda: _fire(command, handle, heard, about, ahead)),
            ("complaint_ms", lambda: _complaint(command, handle, heard, ahead)),
        )
        for name, walk in walks:
            try:
                found[name] = walk()
            except (Stuck, Answered, TimeoutError) as error:
                found["trouble"].append(f"{name}: {error}")
    found["ok"] = not found["trouble"]
    return found


def _fire(
    command: City, handle: City, heard: Heard, about: dict[str, Any], ahead: float
) -> dict[str, float]:
    """``ahead``: seconds that the city's clock, by which it tells times, is ahead of ours."""
    [number] = spare(command, about["components"])
    detector = Component(40, number, f"probe {number}")
    name = device(number)
    sent, latency = asyncio.run(_send_fire(command, about["source"], detector, ahead))
    alarm = heard.first(
        "alarm",
        lambda a: a["device"] == name and a["priority"] == 1 and _after(a, sent),
        WITHIN,
    )
    if alarm is None:
        raise Stuck(f"no alarm of {name} was pushed within {WITHIN:g} s")
    arrived, told = alarm
    stages = {
        "acknowledged": round(latency * 1000, 2),
        "durable": round(latency * 1000, 2),
        "alarm": _since(sent, told["raised_at"]),
    }
    case = _case_of(lambda: _find_by_alarm(command, told["alarm"]))
    stages |= _walk(command, handle, heard, case, sent)
    stages["push"] = round((arrived + ahead - sent) * 1000, 2)
    end(command, about["source"], detector, told["alarm"], ahead=ahead)
    return stages


async def _send_fire(
    city: City, address: str, detector: Component, ahead: float
) -> tuple[float, float]:
    """(the city's time the frame was sent at, seconds until its confirm)."""
    async with panel(city, address, detector, ahead=ahead) as line:
        await line.send(normal(detector))
        sent = time.time() + ahead
        latency = await line.send(fire(detector))
    return sent, latency


def _complaint(command: City, handle: City, heard: Heard, ahead: float) -> dict[str, float]:
    brief = command.get("/api/city")
    matter = brief["matters"][0]
    sent = time.time() + ahead
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
    case = _case_of(lambda: _find_by_report(command, answer["report"]))
    first = heard.first("case", lambda c: c["case"] == case, WITHIN)
    stages = {"acknowledged": acknowledged, "durable": acknowledged}
    stages |= _walk(command, handle, heard, case, sent)
    if first is not None:
        stages["push"] = round((first[0] + ahead - sent) * 1000, 2)
    return stages


def _find_by_alarm(city: City, alarm: str) -> str | None:
    for item in city.get("/api/alarms", state="all", limit=50)["items"]:
        if item["alarm"] == alarm:
            case: str | None = item["case"]
            return case
    return None


def _find_by_report(city: City, report: str) -> str | None:
    try:
        case: str | None = city.get(f"/api/reports/{report}").get("case")
    except Answered as problem:
        if problem.status != 404:  # durable already, not yet read by those who make cases
            raise
        return None
    return case


def _case_of(find: Callable[[], str | None]) -> str:
    """The case of a signal, as soon as there is one."""
    case = until(find, WITHIN, every=0.02)
    if not case:
        raise Stuck(f"no case was opened within {WITHIN:g} s")
    return case


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
            do(handle, view, step, data | ({"result": "probe"} if step == "feed_back" else {}))
        elif view["stage"] == "dispatch" and not view["owner"]:
            department = command.get("/api/city")["departments"][0]["code"]
            do(command, view, "assign", {"department": department})
        elif view["stage"] in STAGES:
            step, data = STAGES[view["stage"]]
            do(command, view, step, data)
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


def _since(sent: float, instant: str) -> float:
    return round((datetime.fromisoformat(instant).timestamp() - sent) * 1000, 2)


def _after(alarm: dict[str, Any], sent: float) -> bool:
    return datetime.fromisoformat(alarm["raised_at"]).timestamp() >= sent - 0.01
