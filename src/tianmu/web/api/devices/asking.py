"""Asking what stands behind a device: is anybody there, set your clock. Gate does it."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import Depends

from tianmu.web.answer.problem import Problem
from tianmu.web.api.devices.devices import find
from tianmu.web.api.devices.intake import DeedDone, Reason, do_deed
from tianmu.web.route.route import Ask, Asking, Reply, Routes, taken

routes = Routes("devices")

DUTY_CHECK, CLOCK = "duty_check", "clock"
"""properties in which the answers come: a device that has them can be asked"""


class DutyCheck(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long whoever is at the panel has to answer."""

    minutes: Annotated[int, msgspec.Meta(ge=1, le=255)] = 5
    """1 to 255 (GB/T 26875.3-2011, type 91); the default is ours"""
    reason: Annotated[str, msgspec.Meta(max_length=500)] = ""


def _able(ask: Ask, device: str, prop: str) -> None:
    known = ask.hub.registry.device(find(ask, device))
    if prop not in known.properties:
        raise Problem(
            409,
            "not-permitted",
            f"device {device} has no property {prop}, in which the answer would come",
            f"ask the device of its kind that has {prop}: of a fire panel, its transmission unit",
        )


@routes(
    "POST",
    "/api/devices/{device}/duty-check",
    may="device.ask",
    takes=DutyCheck,
    gives=DeedDone,
    status=202,
    example={"minutes": 5, "reason": "monthly check"},
)
def check_duty(
    ask: Asking, device: str, body: Annotated[DutyCheck, Depends(taken(DutyCheck))]
) -> Reply:
    """Ask at a fire panel whether anybody is on duty (查岗).

    The answer, or that there was none, is a reading of the device's property `duty_check`.
    """
    _able(ask, device, DUTY_CHECK)
    done = do_deed(ask, "panel.duty_check", device, body.reason, minutes=body.minutes)
    return Reply(done, status=202)


@routes(
    "POST",
    "/api/devices/{device}/synchronise",
    may="device.ask",
    takes=Reason,
    gives=DeedDone,
    status=202,
    example={"reason": "summer time ended"},
)
def synchronise(ask: Asking, device: str, body: Annotated[Reason, Depends(taken(Reason))]) -> Reply:
    """Set the clock of a fire panel to the city's; how far off it is then comes as a reading of
    the device's property `clock`."""
    _able(ask, device, CLOCK)
    return Reply(do_deed(ask, "panel.synchronise", device, body.reason), status=202)
