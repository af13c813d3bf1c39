"""What phones send from where there is no line: each deed counts once, whatever is sent again."""

from __future__ import annotations

import time
import uuid
from itertools import count
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tianmu.access.scope import WHOLE
from tianmu.app import walks
from tianmu.manage.units import patrol
from tianmu.web.answer import moment
from waiting import eventually

PNG = b"\x89PNG\r\n\x1a\n"
APART = count()
"""so that each case is a thing of its own"""


def order_of(world: Any) -> tuple[str, httpx.Client]:
    """A case with an open order, and a worker of the department that holds it."""
    with world.client("integrator") as program:
        place = {"longitude": 119.3 + next(APART) * 0.03, "latitude": 31.43}
        body = {"channel": "app", "text": f"broken {uuid.uuid4().hex}", "matter": world.matter()}
        told = program.post("/api/reports", json={**body, "place": place})
        assert told.status_code == 201, told.text
    world.settle()
    case = world.hub.manage.case_of([told.json()["report"]], "report")[told.json()["report"]]
    with world.client("commander") as centre:
        for step in ("verify", "file", "order"):
            held = centre.get(f"/api/cases/{case}").json()
            if step not in {one["step"] for one in held["actions"]}:
                continue
            done = centre.post(f"/api/cases/{case}/steps/{step}", json={})
            assert done.status_code == 200, done.text
    unit = world.hub.manage.case(case, WHOLE).orders[0].unit
    name = f"w{uuid.uuid4().hex[:8]}"
    world.tokens[name] = world.account(name, ["department_worker"], department=unit)
    return case, world.client(name)


@pytest.fixture
def ordered(world: Any) -> tuple[str, httpx.Client]:
    return order_of(world)


def key(made: str = "") -> dict[str, str]:
    return {"Idempotency-Key": made or str(uuid.uuid4())}


def steps_of(world: Any, case: str, step: str) -> list[dict[str, Any]]:
    with world.client("commander") as client:
        events = client.get(f"/api/cases/{case}").json()["events"]
    return [one for one in events if one["step"] == step]


def test_a_step_sent_again_counts_once(world: Any, ordered: tuple[str, httpx.Client]) -> None:
    case, crew = ordered
    seen = crew.get(f"/api/cases/{case}").json()["version"]
    told = {"done_at": moment.say(world.hub.clock() - 1_000_000)}
    once = key()
    headers = {**once, "If-Match": f'"{seen}"'}
    path = f"/api/cases/{case}/steps/accept"
    first = crew.post(path, json=told, headers=headers)
    assert first.status_code == 200, first.text
    assert first.headers["deed-before"] == str(seen)
    assert int(first.headers["deed-version"]) > seen
    assert "deed-again" not in first.headers
    # somebody else comes between; the same deed is known all the same, with its own versions
    note = crew.post(f"/api/cases/{case}/steps/note", json={"data": {"text": "on the way"}})
    assert note.status_code == 200
    again = crew.post(path, json=told, headers=headers)
    assert again.status_code == 200, again.text
    assert again.headers["deed-again"] == "1"
    assert again.headers["deed-version"] == first.headers["deed-version"]
    assert again.json()["version"] == note.json()["version"]
    assert len(steps_of(world, case, "accept")) == 1
    # the trail says it once as well
    with world.client("audit_admin") as audit:
        query = {"object": case, "verb": "case.accept"}
        assert len(audit.get("/api/audit", params=query).json()["items"]) == 1
    # the key is this deed's: another one cannot be hidden behind it
    other = crew.post(f"/api/cases/{case}/steps/handle", json={}, headers=once)
    assert other.status_code == 409
    assert other.json()["type"].endswith("key-reused")
    bad = crew.post(f"/api/cases/{case}/steps/handle", json={}, headers=key("a b"))
    assert bad.status_code == 400


def test_a_refused_step_may_be_tried_again(world: Any, ordered: tuple[str, httpx.Client]) -> None:
    case, crew = ordered
    headers = {**key(), "If-Match": '"1"'}
    path = f"/api/cases/{case}/steps/accept"
    assert crew.post(path, json={}, headers=headers).status_code == 412
    headers["If-Match"] = f'"{crew.get(f"/api/cases/{case}").json()["version"]}"'
    assert crew.post(path, json={}, headers=headers).status_code == 200


def test_when_it_was_done_and_when_it_came(world: Any, ordered: tuple[str, httpx.Client]) -> None:
    case, crew = ordered
    opened = world.hub.manage.case(case, WHOLE).opened_at
    told = {"data": {"text": "no line here"}, "done_at": moment.say(opened)}
    before = world.hub.clock()
    crew.post(f"/api/cases/{case}/steps/note", json=told, headers=key())
    noted = steps_of(world, case, "note")[-1]
    assert noted["done_at"] == moment.say(opened)
    assert moment.read(noted["at"]) >= before - 1000
    # neither a clock that is ahead nor one from before the case is believed; what it said is kept
    for wrong in (world.hub.clock() + 3600 * 1_000_000, opened - 3600 * 1_000_000):
        told = {"data": {"text": "wrong clock"}, "done_at": moment.say(wrong)}
        crew.post(f"/api/cases/{case}/steps/note", json=told, headers=key())
        noted = steps_of(world, case, "note")[-1]
        assert noted["done_at"] is None
        assert noted["data"]["told_at"] // 1000 == wrong // 1000
    refused = crew.post(
        f"/api/cases/{case}/steps/note", json={"data": {"text": "x"}, "done_at": "yesterday"}
    )
    assert refused.status_code == 422


def test_a_photo_sent_again_counts_once(world: Any, ordered: tuple[str, httpx.Client]) -> None:
    case, crew = ordered
    file = {"file": ("before.png", PNG + uuid.uuid4().bytes, "image/png")}
    at = moment.say(world.hub.clock())
    told = {"role": "handle_before", "at": at, "longitude": "119.4", "latitude": "31.4"}
    once = key()
    path = f"/api/cases/{case}/evidence"
    first = crew.post(path, files=file, data=told, headers=once)
    assert first.status_code == 201, first.text
    again = crew.post(path, files=file, data=told, headers=once)
    assert again.status_code == 201
    assert again.headers["deed-again"] == "1"
    assert again.headers["deed-version"] == first.headers["deed-version"]
    kept = steps_of(world, case, "evidence")
    assert len(kept) == 1
    assert kept[0]["data"]["place"] == {"longitude": 119.4, "latitude": 31.4}
    other = crew.post(path, files={"file": ("b.png", PNG + b"other", "image/png")}, headers=once)
    assert other.status_code == 409
    ahead = {"at": moment.say(world.hub.clock() + 86_400_000_000)}
    later = {"file": ("later.png", PNG + uuid.uuid4().bytes, "image/png")}
    told_ahead = crew.post(path, files=later, data=ahead)
    assert told_ahead.status_code == 201 and told_ahead.json()["taken_at"] is None
    for wrong in ({"at": "noon"}, {"longitude": "119"}, {"latitude": "north"}):
        assert crew.post(path, files=file, data=wrong).status_code == 422, wrong


def test_what_a_phone_takes_along(world: Any, ordered: tuple[str, httpx.Client]) -> None:
    case, crew = ordered
    work = crew.get("/api/field/work").json()
    item = next(one for one in work["items"] if one["case"]["case"] == case)
    assert item["why"] == "order"
    assert item["mine"] == [one["order"] for one in item["case"]["orders"]]
    assert {"accept", "return"} <= {one["step"] for one in item["case"]["actions"]}
    for order in item["case"]["orders"]:
        for person in order["persons"]:
            assert "*" in person["name"] and not person["phone"].isdecimal(), person
    assert work["lock_at"] is None, "a token does not end by itself"
    # who has no part in it takes nothing of it along
    town = world.towns()[0]
    name = f"g{uuid.uuid4().hex[:8]}"
    world.tokens[name] = world.account(name, ["grid_worker"], division=town)
    browser = world.cookie(name)
    other = browser.get("/api/field/work").json()
    assert moment.read(other["lock_at"]) > world.hub.clock()
    assert all(one["case"]["division"] in world.hub.below(town) for one in other["items"])
    assert all(one["why"] == "check" for one in other["items"])
    places = world.city.places
    assert all(
        places.division_at(one["longitude"], one["latitude"]) in world.hub.below(town)
        for one in other["points"]
    )


def test_a_report_and_its_photo(world: Any) -> None:
    with world.client("grid_worker") as worker:
        grid = world.cookie("t-grid-worker")
        words = f"lamp {uuid.uuid4().hex}"
        body = {"channel": "grid", "text": words, "place": {"longitude": 119.5, "latitude": 31.4}}
        once = key()
        first = grid.post("/api/reports", json=body, headers=once)
        assert first.status_code == 201, first.text
        report = first.json()["report"]
        # days later: the journal has forgotten its keys, the deeds have not
        world.hub.records.transact(
            lambda tx: [tx.raw.execute(f"DELETE FROM journal_seen{n}") for n in (0, 1)]
        )
        again = grid.post("/api/reports", json=body, headers=once).json()
        assert again["duplicate"] and again["report"] == report
        other = grid.post("/api/reports", json={**body, "text": "another"}, headers=once)
        assert other.status_code == 409
        file = {"file": ("near.png", PNG + uuid.uuid4().bytes, "image/png")}
        early = worker.post(f"/api/reports/{report}/evidence", files=file, headers=key())
        assert early.status_code == 503 and early.headers["retry-after"], early.text
        assert worker.get(f"/api/reports/{report}").status_code == 503, "it was taken all the same"
        assert worker.get("/api/reports/r-no-such").status_code == 404, "nobody has told of it"
        world.settle()
        photo = grid.post(f"/api/reports/{report}/evidence", files=file, headers=key())
        assert photo.status_code == 201, photo.text
        case = worker.get(f"/api/reports/{report}").json()["case"]
        assert [one["evidence"] for one in worker.get(f"/api/cases/{case}").json()["evidence"]] == [
            photo.json()["evidence"]
        ]
        total = worker.get("/api/cases", params={"q": words}).json()["total"]
        assert total == 1


def test_what_is_told_from_beyond_the_own_division_gets_its_photo(world: Any) -> None:
    """Whoever stands just beyond the border of their division tells of it all the same."""
    here, there = world.towns()[:2]
    name = f"g{uuid.uuid4().hex[:8]}"
    world.tokens[name] = world.account(name, ["grid_worker"], division=here)
    grid, other = world.cookie(name), f"g{uuid.uuid4().hex[:8]}"
    world.tokens[other] = world.account(other, ["grid_worker"], division=here)
    body = {"channel": "grid", "text": f"pit {uuid.uuid4().hex}", "place": {"division": there}}
    report = grid.post("/api/reports", json=body, headers=key()).json()["report"]
    world.settle()
    file = {"file": ("near.png", PNG + uuid.uuid4().bytes, "image/png")}
    photo = grid.post(f"/api/reports/{report}/evidence", files=file, headers=key())
    assert photo.status_code == 201, photo.text
    case = grid.get(f"/api/reports/{report}").json()["case"]
    assert grid.get(f"/api/cases/{case}").status_code == 404, "the case itself is the other town's"
    assert grid.post(f"/api/cases/{case}/evidence", files=file, headers=key()).status_code == 404
    with world.client(other) as neighbour:
        assert neighbour.get(f"/api/reports/{report}").status_code == 404
        refused = neighbour.post(f"/api/reports/{report}/evidence", files=file, headers=key())
        assert refused.status_code == 404
    with world.client("commander") as centre:
        kept = centre.get(f"/api/cases/{case}").json()["evidence"]
        assert [one["evidence"] for one in kept] == [photo.json()["evidence"]]


def test_a_walk(world: Any) -> None:
    now = world.hub.clock()

    def at(seconds: float) -> str:
        return moment.say(now + round(seconds * 1e6))

    body = {
        "started_at": at(-600),
        "ended_at": at(0),
        "steps": [[0, 119.48, 31.43, 8], [100, 119.48, 31.43001, 8], [300, 119.48, 31.44, 8]],
        "looked": [{"point": "school/1", "at": at(-300), "good": False, "note": "gate open"}],
    }
    with world.client("grid_worker") as worker:
        assert worker.post("/api/patrols", json=body).status_code == 400
        once = key()
        first = worker.post("/api/patrols", json=body, headers=once)
        assert first.status_code == 201, first.text
        assert first.json()["metres"] == pytest.approx(1112, rel=0.01)
        assert first.json()["wrong"] == 1
        assert worker.post("/api/patrols", json=body, headers=once).json() == first.json()
        other = worker.post("/api/patrols", json={**body, "steps": []}, headers=once)
        assert other.status_code == 409
        backward = {**body, "steps": [[9, 119.4, 31.4, 0], [1, 119.4, 31.4, 0]]}
        assert worker.post("/api/patrols", json=backward, headers=key()).status_code == 422
        late = {**body, "started_at": at(3000), "ended_at": at(3600), "looked": []}
        ahead = worker.post("/api/patrols", json=late, headers=key()).json()
        assert ahead["clock_ahead_s"] == pytest.approx(3600, abs=30)
        assert moment.read(ahead["ended_at"]) <= time.time_ns() // 1000
    with world.client("commander") as centre:
        page = centre.get("/api/patrols", params={"limit": 1}).json()
        rest = centre.get("/api/patrols", params={"cursor": page["next"]}).json()
        keys = [one["patrol"] for one in (*page["items"], *rest["items"])]
        assert once["Idempotency-Key"] in keys
        assert len(keys) == len(set(keys)) == 2


def test_many_reports_sent_again_count_once_and_a_key_hides_no_others(world: Any) -> None:
    name = f"w{uuid.uuid4().hex[:8]}"
    world.account(name, ["grid_worker"])
    phone, once = world.cookie(name), key()
    many = [{"channel": "grid", "text": f"lamp {n} is out"} for n in range(3)]
    first = phone.post("/api/reports/batch", json=many, headers=once)
    assert first.status_code == 201, first.text
    again = phone.post("/api/reports/batch", json=many, headers=once).json()["items"]
    assert [one["duplicate"] for one in again] == [True] * 3
    assert [one["position"] for one in again] == [
        one["position"] for one in first.json()["items"]
    ]  # fmt: skip
    other = phone.post("/api/reports/batch", json=[{**many[0], "text": "fire"}], headers=once)
    assert other.status_code == 409 and other.json()["type"].endswith("key-reused")


def test_what_a_phone_took_along_is_on_the_case(
    world: Any, ordered: tuple[str, httpx.Client]
) -> None:
    case, crew = ordered
    who = crew.get("/api/session").json()["account"]
    for _ in range(3):  # written once an hour
        taken = crew.get("/api/field/work").json()["items"]
        assert case in {one["case"]["case"] for one in taken}
    assert seen(world, case, who) == ["viewed"]


def test_what_a_departments_system_was_given_is_on_the_case(
    world: Any, ordered: tuple[str, httpx.Client]
) -> None:
    case, _ = ordered
    order = world.hub.manage.case(case, WHOLE).orders[0]
    for ask in ("/api/orders", f"/api/orders/{order.order}", "changes"):
        name = f"s{uuid.uuid4().hex[:8]}"
        world.tokens[name] = world.account(name, ["department_system"], department=order.unit)
        with world.client(name) as system:
            if ask == "changes":
                after = system.get("/api/orders/changes").json()["next"]
                with world.client("commander") as centre:
                    centre.post(
                        f"/api/cases/{case}/steps/urge", json={"reason": "late"}
                    ).raise_for_status()
                ask = f"/api/orders/changes?after={after}"
            for _ in range(2):
                assert case in system.get(ask).text
        assert seen(world, case, name) == ["passed_on"], ask


def seen(world: Any, case: str, who: str) -> list[str]:
    """What stands on the case of this account; written beside the answer."""

    def mine() -> list[str]:
        with world.client("commander") as client:
            found = client.get(f"/api/cases/{case}/exposure").json()["items"]
        return [one["deed"] for one in found if one["actor"] == who]

    return eventually(mine)


def test_walks_go_after_the_packs_days(world: Any) -> None:
    def kept(days: float, key: str, now: int) -> list[str]:
        walk = patrol.Walk(
            account="w", key=key, started_at=now, ended_at=now, division="",
            steps=(),
        )  # fmt: skip
        world.hub.records.transact(lambda tx: patrol.keep(tx.connection, walk, now, days))
        mine = sa.select(patrol.table.c.key).where(patrol.table.c.account == "w")
        return sorted(world.hub.records.read(lambda c: list(c.execute(mine).scalars())))

    now = world.hub.clock()
    assert kept(2.0, "one", now) == ["one"]
    assert kept(2.0, "two", now + 2 * patrol.DAY) == ["one", "two"]
    assert kept(2.0, "three", now + 2 * patrol.DAY + 1) == ["three", "two"]


def test_walks_go_where_nobody_tells_of_a_new_one(world: Any) -> None:
    days = world.hub.city.retention.patrol_days
    now = world.hub.clock()

    def told(key: str, at: int) -> None:
        walk = patrol.Walk(
            account="v", key=key, started_at=at, ended_at=at, division="", steps=(),
        )  # fmt: skip
        world.hub.records.transact(lambda tx: patrol.keep(tx.connection, walk, at, days))

    told("old", round(now - (days + 1) * patrol.DAY))
    told("new", round(now - (days - 1) * patrol.DAY))
    assert walks.let_go(world.hub) == 1
    mine = sa.select(patrol.table.c.key).where(patrol.table.c.account == "v")
    assert world.hub.records.read(lambda c: c.execute(mine).scalars().all()) == ["new"]
