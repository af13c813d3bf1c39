"""Forecasts over HTTP: what is ahead, what became of what was said, and for whom."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tianmu.app.belonging import Belonging
from tianmu.app.foreseeing import Foreseeing
from tianmu.scenarios.foresight import table
from tianmu.store.history import History
from tianmu.store.records import Records
from tianmu.web.api.scenarios.forecast_said import passed
from waiting import eventually

from .foretold import HOUR, foretell

AT = "/api/scenarios/forest-fire/forecasts"


@pytest.fixture(scope="module")
def foretold(world: Any) -> str:
    return foretell(world)


def test_what_is_ahead_and_how_good_it_was(world: Any, foretold: str) -> None:
    with world.client("commander") as one:
        items = {f["code"]: f for f in one.get(AT).json()["items"]}
        assert set(items) == {"temperature", "humidity", "wind"}
        said = items["temperature"]
        assert said["known"] and said["unit"] and said["rule_name"]["en"] == "Heat"
        [device] = said["devices"]
        assert device["device"] == foretold and device["exceeds"]["direction"] == "high"
        assert device["exceeds"]["limit"] == 37 and device["exceeds"]["chance"] >= 0.5
        [every, *leads] = said["scores"]
        assert every["lead"] == 0 and [s["lead"] for s in leads] == list(range(1, 25))
        assert every["coverage"] > 0.8 and every["hits"] <= every["judged"]
        assert said["warned"]["right"] > 0
        assert device["alarm"] is True, "it is told ahead"
        ahead = said["alarms"]
        assert (ahead["told"], ahead["standing"], ahead["false_alarms_per_week"]) == (1, 1, 1)
        assert said["warn"] < ahead["chance"] < 1 and ahead["lead"] is None
        assert items["humidity"]["alarms"] is None, "without a rule there is no limit"
        assert items["wind"]["made_at"] is None and items["wind"]["devices"] == []


def test_a_limit_that_is_passed_already_is_told_from_when_on() -> None:
    """From the first of the latest values that lie beyond it one after another: steps without a
    value between them tell nothing, old values and one that came back do."""
    none = np.nan
    for value, since in (
        ([36, 38, 36, 38, 39], 3), ([38, 39, 40], 0), ([36, 37], 1),
        ([36, 38, none, 38, none], 1), ([38, 38, 36], None), ([38, none, none, none], None),
        ([none, none], None),
    ):  # fmt: skip
        assert passed(np.array(value, np.float64), "high", 37) == since, value
    assert passed(np.array([5.0, 2.0, 1.0]), "low", 2) == 1


def test_the_list_tells_what_is_passed_from_what_is_to_come(
    world: Any, foretold: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = stream_of(world, foretold)
    with world.client("commander") as one:
        ahead = exceeds_of(one)
        assert ahead["passed"] is None and ahead["chance"] >= 0.5
        with Records(world.hub.data / "works.sqlite") as records:
            of_stream = table.of_stream
            kept = records.read(lambda c: of_stream(c, "forest-fire", "temperature", stream, 0))[-1]
        # at the hottest hour of its day the same forecast still holds, and the limit is passed
        hot = kept.origin - 12 * HOUR
        monkeypatch.setattr(world.hub, "clock", lambda: hot)
        monkeypatch.setattr(table, "newest", lambda *_: [early(kept, 12)])
        standing = exceeds_of(one)
        assert standing["passed"] is not None and standing["passed"] < standing["at"]
        for days in (3, 7):  # however much of its past is shown
            given = {"device": foretold, "days": days}
            alone = one.get(f"{AT}/temperature", params=given).json()
            assert alone["exceeds"]["passed"] == standing["passed"]
        # where the past would cost more than the pack allows, the list is there without it
        few = replace(world.hub.allowance, rows=1)
        monkeypatch.setattr(world.hub, "allowance", few)
        assert exceeds_of(one) == {**standing, "passed": None}


def test_one_device_with_its_past_and_its_misses(world: Any, foretold: str) -> None:
    with world.client("commander") as one:
        said = one.get(f"{AT}/temperature", params={"device": foretold, "days": 5}).json()
        assert len(said["at"]) == len(said["value"]) == 5 * 24
        assert said["limit_high"] == 37 and said["limit_low"] is None
        assert len(said["ahead"]["at"]) == 24
        low, high = said["ahead"]["low"], said["ahead"]["high"]
        assert all(a < b for a, b in zip(low, high, strict=True))
        past = said["past"]
        assert len({len(column) for column in past.values()}) == 1 and len(past["at"]) > 90
        assert all(past["afterwards"]), "what was walked through afterwards says so"
        value = dict(zip(said["at"], said["value"], strict=True))
        for n, at in enumerate(past["at"]):
            assert past["origin"][n] <= at
            if past["hit"][n] is not None:
                inside = past["low"][n] <= value[at] <= past["high"][n]
                assert inside == past["hit"][n]
        later = one.get(f"{AT}/temperature", params={"device": foretold, "lead": 12}).json()
        assert all(a > b for a, b in zip(later["past"]["at"], later["past"]["origin"], strict=True))
        for bad in ({"device": "none"}, {"device": foretold, "days": 0}):
            assert one.get(f"{AT}/temperature", params=bad).status_code in {404, 422}
        assert one.get(f"{AT}/none", params={"device": foretold}).status_code == 404
        assert one.get("/api/scenarios/none/forecasts").status_code == 404


def test_nothing_is_told_beyond_the_scope(world: Any, foretold: str) -> None:
    device = world.hub.registry.find(foretold)
    own = world.hub.registry.device(device).department
    other = next(code for code in world.city.departments if code != own)
    token = world.account("forecast-other", ["department_worker"], department=other)
    with world.client() as one:
        one.headers["Authorization"] = f"Bearer {token}"
        told = one.get(AT)
        if told.status_code == 200:
            assert all(f["devices"] == [] for f in told.json()["items"])
        assert one.get(f"{AT}/temperature", params={"device": foretold}).status_code in {403, 404}


def test_works_makes_what_scenarios_ask_for(world: Any, foretold: str) -> None:
    """The thread of works itself, on this city's devices and rules: what has no values is silent,
    what was made is not made again."""
    stop, of_stream = threading.Event(), table.of_stream
    belonging = Belonging(world.hub.data, world.city)
    with Records(world.hub.data / "works.sqlite") as records:
        history = History(world.hub.data, records)
        stream = stream_of(world, foretold)
        before = records.read(lambda c: of_stream(c, "forest-fire", "temperature", stream, 0))
        working = Foreseeing(records, history, belonging, world.city, stop)
        thread = threading.Thread(target=working.work, kwargs={"look_s": 0.05})
        thread.start()
        eventually(lambda: records.read(lambda c: table.run_of(c, "forest-fire", "wind")))
        stop.set()
        thread.join(20)
        run = records.read(lambda c: table.run_of(c, "forest-fire", "wind"))
        assert run is not None and run.fault == "" and run.streams == 0 and run.silent > 0
        after = records.read(lambda c: of_stream(c, "forest-fire", "temperature", stream, 0))
        assert [k.origin for k in after][: len(before)] == [k.origin for k in before]
        assert len(after) - len(before) <= 1
        history.close()
    belonging.close()
    with world.client("commander") as one:
        wind = next(f for f in one.get(AT).json()["items"] if f["code"] == "wind")
        assert wind["made_at"] and wind["devices"] == [] and wind["silent"] > 0


def exceeds_of(client: Any) -> dict[str, Any]:
    items = {f["code"]: f for f in client.get(AT).json()["items"]}
    found: dict[str, Any] = items["temperature"]["devices"][0]["exceeds"]
    return found


def early(kept: table.Kept, hours: int) -> table.Kept:
    """The same forecast as if it had been made so many hours before."""
    return replace(kept, origin=kept.origin - hours * HOUR, made_at=kept.made_at - hours * HOUR)


def stream_of(world: Any, device: str) -> int:
    return int(world.hub.registry.datastream_index([f"{device}/temperature"])[0])
