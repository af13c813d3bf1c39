"""What is done with fire panels besides hearing fires: duty checks, clocks, tests, maintenance."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tianmu.rehearse.city.city import Answered, City
from tianmu.rehearse.panel.panel import Nature, Panel
from tianmu.rehearse.panel.script import (
    NORMAL,
    RESET,
    TEST,
    Component,
    fire,
    normal,
    unit_operation,
    unit_state,
)
from waiting import eventually

from .town import (
    alarms_of,
    component_device,
    from_panel,
    panel_source,
    person,
    spot,
    value,
)


async def on_thread(work: Any, *arguments: Any, **more: Any) -> Any:
    return await asyncio.to_thread(lambda: work(*arguments, **more))


def count(city: City, device: str, prop: str) -> int:
    return int(value(city, device, prop)["count"])


def test_a_duty_check_asked_by_an_officer_is_answered_or_alarms(staffed_city: City) -> None:
    city = staffed_city
    address, _ = panel_source(city, [Component(40, 1)])
    unit = f"gbt26875-{address}"
    ask = f"/api/devices/{unit}/duty-check"
    with pytest.raises(Answered) as refused:
        city.post(ask, {"minutes": 1})
    assert refused.value.status == 403, "who registers devices may not ask them"

    async def attended(duty: City) -> None:
        nature = Nature(patience=5.0, reconnect=0.2, attended_after=0.5)
        async with Panel(address, city.host, city.ports["gbt26875"], nature=nature) as panel:
            await on_thread(eventually, lambda: count(city, unit, "link"), what="it is linked")
            done = await on_thread(duty.post, ask, {"minutes": 2, "reason": "monthly"})
            assert done["deed"] and done["position"] > 0
            await on_thread(eventually, lambda: value(city, unit, "duty_check")["value"] == 1)
            assert panel.counts.duty_checks == 1

    def unattended() -> dict[str, Any]:
        found = [a for a in alarms_of(city, unit) if a["rule"].endswith(".unattended")]
        assert len(found) <= 1
        return found[0] if found else {}

    with person(city, "duty") as duty:
        with pytest.raises(Answered) as wrong:
            duty.post(ask, {"minutes": 0})
        assert wrong.value.status == 422
        asyncio.run(attended(duty))
        assert not unattended()
        # the panel has gone: nobody can be asked, which is an answer too
        eventually(lambda: value(city, unit, "link")["value"] == 0, what="its link is down")
        duty.post(ask, {"minutes": 1})
        eventually(lambda: value(city, unit, "duty_check")["value"] == 0, what="nobody is there")
        alarm = eventually(unattended, what="the pack's rule alarms")
        assert alarm["priority"] == 3 and not alarm["test"]
        case = eventually(lambda: unattended()["case"], what="it becomes a case")
        view = city.get(f"/api/cases/{case}")
        assert view["matter"] == "liyang:event:unattended" and view["owner"] == "fire"
        asyncio.run(attended(duty))
        eventually(lambda: unattended()["state"].startswith("returned"), what="somebody is back")
        with person(city, "audit") as auditor:
            trail = auditor.get("/api/audit", verb="panel.duty_check")["items"]
        ours = [entry for entry in trail if entry["object"] == unit]
        assert len(ours) == 3 and {entry["actor"] for entry in ours} == {"duty"}
        assert ours[-1]["detail"] == {"minutes": 2, "reason": "monthly"}
        # a component cannot be asked, its unit can
        component = component_device(address, Component(40, 1))
        with pytest.raises(Answered) as cannot:
            duty.post(f"/api/devices/{component}/duty-check", {"minutes": 1})
        assert cannot.value.status == 409 and "transmission unit" in str(cannot.value)


def test_a_clock_is_set_by_order(staffed_city: City) -> None:
    city = staffed_city
    address, _ = panel_source(city, [Component(40, 1)])
    unit = f"gbt26875-{address}"

    async def scene(duty: City) -> None:
        nature = Nature(patience=5.0, reconnect=0.2, clock_off=3600.0)
        async with Panel(address, city.host, city.ports["gbt26875"], nature=nature) as panel:
            await on_thread(
                eventually, lambda: panel.counts.clock_set == 1, what="it is set by itself"
            )
            told = await on_thread(value, city, unit, "clock")
            assert told["value"] == pytest.approx(3600, abs=5), "and that it was off is told"
            panel._clock_off = -900.0
            await on_thread(duty.post, f"/api/devices/{unit}/synchronise", {"reason": "drifts"})
            await on_thread(eventually, lambda: panel.counts.clock_set == 2, what="set by order")
            await on_thread(eventually, lambda: abs(value(city, unit, "clock")["value"]) <= 3)

    with person(city, "duty") as duty:
        asyncio.run(scene(duty))


# -- shown, never dispatched --


def next_second() -> None:
    """Panels tell whole seconds, and a panel that begins anew counts its frames anew: within a
    second its next frame could be taken for the one before."""
    time.sleep(1.1)


def stays_a_test(city: City, device: str) -> dict[str, Any]:
    """The one alarm of a device, which is shown as a test and gets no case."""
    (alarm,) = eventually(lambda: alarms_of(city, device), what="it is shown")
    assert alarm["test"] and alarm["priority"] == 1
    time.sleep(2)
    (later,) = alarms_of(city, device)
    assert later["test"] and not later["case"], "a test is nobody's case"
    return later


def window(city: City, thing: str, seconds: float) -> None:
    now = datetime.now(UTC)
    city.post(
        "/api/maintenance",
        {
            "object": thing,
            "start": (now - timedelta(seconds=5)).isoformat(),
            "end": (now + timedelta(seconds=seconds)).isoformat(),
            "reason": "yearly test",
        },
    )


@pytest.mark.parametrize("of", ["source", "device"])
def test_in_a_maintenance_window_a_fire_is_shown_and_not_dispatched(
    staffed_city: City, of: str
) -> None:
    city = staffed_city
    detector, other = Component(40, 1, "机房烟感"), Component(40, 2, "大厅烟感")
    address, source = panel_source(city, [detector, other], [spot(city), spot(city)])
    device = component_device(address, detector)
    from_panel(city, address, normal(detector))
    eventually(lambda: count(city, device, "state") == 1)
    window(city, source if of == "source" else device, 600)
    eventually(lambda: _quality_now(city, address, detector, device) == 3, what="gate knows of it")
    next_second()
    from_panel(city, address, fire(detector))
    stays_a_test(city, device)
    assert value(city, device, "state")["quality"] == 3
    from_panel(city, address, fire(other))
    (elsewhere,) = eventually(lambda: alarms_of(city, component_device(address, other)))
    assert elsewhere["test"] == (of == "source"), "the window is the device's or the whole source's"


def _quality_now(city: City, address: str, component: Component, device: str) -> int:
    before = count(city, device, "state")
    next_second()
    from_panel(city, address, normal(component))
    eventually(lambda: count(city, device, "state") > before)
    return int(value(city, device, "state")["quality"])


def test_a_panel_in_test_mode_dispatches_nothing_until_it_is_over(staffed_city: City) -> None:
    city = staffed_city
    detector = Component(40, 1, "走廊烟感")
    address, _ = panel_source(city, [detector])
    device = component_device(address, detector)
    from_panel(city, address, normal(detector), unit_operation(TEST), fire(detector))
    alarm = stays_a_test(city, device)
    assert value(city, device, "state")["quality"] == 4
    from_panel(city, address, normal(detector), unit_operation(RESET), unit_state(NORMAL))
    eventually(lambda: value(city, device, "state")["value"] == NORMAL)
    next_second()
    from_panel(city, address, fire(detector))

    def real() -> list[dict[str, Any]]:
        return [a for a in alarms_of(city, device) if not a["test"]]

    found = eventually(real, what="after the test a fire is a fire")
    assert eventually(lambda: real()[0]["case"], what="with a case") and len(found) == 1
    assert alarm["test"]
