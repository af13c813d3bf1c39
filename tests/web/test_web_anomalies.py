"""What the API says of anomaly detection, and whom it lets judge."""

from __future__ import annotations

from typing import Any

import pytest

from tianmu.facts.encoding import decode
from tianmu.prevent.anomaly import record
from tianmu.prevent.anomaly.policy import Policy
from tianmu.store.records import Records


@pytest.fixture(scope="module")
def found(world: Any) -> Any:
    """An alarm of anomaly detection, as works and watch write it."""
    now = world.hub.clock()
    kind = next(
        k for k in world.city.kinds.values() if any(p.anomaly for p in k.properties.values())
    )
    alarm = world.raise_alarm(
        "d0", rule="anomaly", identity="anomaly@d0/state", datastream="d0/state", priority=4
    )
    one = record.Record(
        datastream="d0/state", since=now - 5, number=0, kind=kind.code, told_at=now - 1,
        value=3.0, expected=1.0, low=0.5, high=1.5, chance=1e-6, why="above",
    )  # fmt: skip
    policy = Policy(kind=kind.code, strict=1.0, at=now, told=3, false=2, changed_at=now,
                    changed_by="false", actor="duty")  # fmt: skip
    with Records(world.hub.data / "works.sqlite") as works:
        works.create(record.METADATA, room=record.ROOM)

        def write(tx: Any) -> None:
            record.put(tx.connection, record.RECORD, [one])
            record.put(tx.connection, record.POLICY, [policy])

        works.transact(write)
        yield alarm, kind.code


def test_where_thresholds_stand_and_why(world: Any, found: Any) -> None:
    _, kind = found
    with world.client("duty_officer") as client:
        items = client.get("/api/anomalies").json()["items"]
    one = next(item for item in items if item["kind"] == kind)
    assert one["stricter"] == pytest.approx(2.718, abs=0.01)
    assert (one["told"], one["false"], one["changed_by"], one["actor"]) == (3, 2, "false", "duty")
    assert all(item["stricter"] == 1 for item in items if item["kind"] != kind)
    assert one["stricter_least"] < 1 < one["stricter_most"]


def test_an_alarm_says_what_was_expected_and_is_judged_by_a_deed(world: Any, found: Any) -> None:
    alarm, _ = found
    with world.client("duty_officer") as client:
        said = client.get(f"/api/alarms/{alarm.alarm}/anomaly").json()
        assert (said["expected"], said["low"], said["high"]) == (1.0, 0.5, 1.5)
        assert said["why"] == "above" and said["real"] is None
        answer = client.post(f"/api/alarms/{alarm.alarm}/found", json={"real": False})
        assert answer.status_code == 202
    journal = world.hub.journal()
    (entry,) = journal.read("deed", answer.json()["position"] - 1, entries=1)
    deed = decode(entry.payload)
    assert (deed.verb, deed.object) == ("anomaly.found", alarm.alarm)
    assert deed.data["datastream"] == "d0/state" and deed.data["real"] is False
    other = world.raise_alarm("d0")
    with world.client("duty_officer") as client:
        wrong = client.post(f"/api/alarms/{other.alarm}/found", json={"real": True})
        assert wrong.status_code == 409 and "not of anomaly detection" in wrong.json()["detail"]
        assert client.get("/api/alarms/none/anomaly").status_code == 404
        missed = client.post("/api/devices/d0/missed", json={"property": "none"})
        assert missed.status_code == 422 and "not watched" in missed.json()["detail"]


def test_what_is_sent_again_counts_once(world: Any, found: Any) -> None:
    alarm, _ = found
    at = f"/api/alarms/{alarm.alarm}/found"
    key = {"Idempotency-Key": "4f6c-found"}
    with world.client("duty_officer") as client:
        first = client.post(at, json={"real": True}, headers=key)
        again = client.post(at, json={"real": True}, headers=key)
        assert (first.status_code, again.status_code) == (202, 202)
        assert first.json() == again.json()
        other = client.post(at, json={"real": False}, headers=key)
        assert other.status_code == 409 and "another deed" in other.json()["detail"]
        new = client.post(at, json={"real": True})
        assert new.json()["position"] > first.json()["position"]
        bad = client.post(at, json={"real": True}, headers={"Idempotency-Key": "x" * 101})
        assert bad.status_code == 400
