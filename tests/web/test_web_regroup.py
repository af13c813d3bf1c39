"""Merged, taken apart, done to many, and sent again: it is done once, with its note."""

from __future__ import annotations

import contextlib
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from tianmu.access import audit
from tianmu.web.api.cases import merges


def cases_of(world: Any, devices: range) -> list[str]:
    found = []
    for n in devices:
        alarm = world.raise_alarm(f"d{n}", matter="liyang:event:fire_alarm")
        world.settle()
        found.append(world.hub.manage.case_of([alarm.alarm])[alarm.alarm])
    return found


def notes(world: Any, verb: str, case: str) -> int:
    with world.client("audit_admin") as auditor:
        items = auditor.get("/api/audit", params={"verb": verb}).json()["items"]
    return sum(item["object"] == case and item["outcome"] == "done" for item in items)


def test_a_merge_and_its_undo_that_are_sent_again_happen_once(world: Any) -> None:
    one, other, third = cases_of(world, range(10, 13))
    with world.client("commander") as who:

        def send(what: str, case: str, key: str, **body: Any) -> Any:
            return who.post(
                f"/api/cases/{case}/{what}",
                json={"reason": "the same fire", **body},
                headers={"Idempotency-Key": key},
            )

        first = send("merge", other, "m-1", into=one)
        again = send("merge", other, "m-1", into=one)
        assert (first.status_code, again.status_code) == (200, 200), again.text
        assert first.json()["version"] == again.json()["version"]
        assert again.headers["Deed-Again"] == "1" and "Deed-Again" not in first.headers
        assert send("merge", other, "m-1", into=third).status_code == 409
        undone = send("undo", one, "u-1")
        repeated = send("undo", one, "u-1")
        assert (undone.status_code, repeated.status_code) == (200, 200), repeated.text
        assert undone.json()["other"]["case"] == other == repeated.json()["other"]["case"]
        assert repeated.headers["Deed-Again"] == "1"
        assert repeated.json()["case"]["signals"] == 1, "the second undo took nothing out"
        send("merge", other, "m-2", into=one)
        members = who.get(f"/api/cases/{one}").json()["members"]
        out = [f"alarm:{m['id']}" for m in members if m["from_case"]]
        split = [send("split", one, "s-1", members=out) for _ in range(2)]
        assert [r.status_code for r in split] == [200, 200]
        assert {r.json()["other"]["case"] for r in split} == {other}
    assert notes(world, "case.merge", other) == 2
    assert notes(world, "case.undo", one) == 1
    assert notes(world, "case.split", one) == 1


def test_what_is_done_to_many_and_sent_again_is_done_once_to_each(world: Any) -> None:
    names = cases_of(world, range(14, 16))
    asked = {"step": "note", "cases": [{"case": name} for name in names], "data": {"text": "x"}}
    with world.client("dispatcher") as who:

        def send(body: dict[str, Any]) -> Any:
            return who.post("/api/case-deeds", json=body, headers={"Idempotency-Key": "b-1"}).json()

        first, again = send(asked), send(asked)
        assert (first["done"], again["done"]) == (2, 2)
        assert [c["version"] for c in first["cases"]] == [c["version"] for c in again["cases"]]
        for name in names:
            steps = [e["step"] for e in who.get(f"/api/cases/{name}").json()["events"]]
            assert steps.count("note") == 1
        other = send({**asked, "data": {"text": "something else"}})
        assert [c["status"] for c in other["cases"]] == [409, 409]
        bad = who.post("/api/case-deeds", json=asked, headers={"Idempotency-Key": "b 1"})
        assert bad.status_code == 400


def test_a_deed_and_its_note_are_one(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    [case] = cases_of(world, range(17, 18))
    before = world.hub.manage.case(case)

    def torn(*_: Any, **__: Any) -> None:
        raise sa.exc.SQLAlchemyError("the power went")

    with world.client("dispatcher") as who:
        with monkeypatch.context() as broken:
            broken.setattr(audit, "append", torn)
            path = f"/api/cases/{case}/steps/urge"
            with contextlib.suppress(httpx.HTTPError):  # it ends without an answer
                assert who.post(path, json={"reason": "now"}).status_code == 500
        assert world.hub.manage.case(case) == before, "without its note nothing is done"
    with world.client("dispatcher") as again:
        assert again.post(path, json={"reason": "now"}).status_code == 200
    assert notes(world, "case.urge", case) == 1
    assert world.hub.manage.case(case).urges == before.urges + 1


def test_an_undo_that_does_not_say_which_join_needs_a_key(world: Any) -> None:
    with world.client("duty_officer") as duty:
        with world.client("hotline_agent") as agent:
            told = {"text": "litter", "channel": "hotline", "matter": world.matter()}
            report = agent.post("/api/reports", json=told).json()["report"]
        world.settle()
        case = world.hub.manage.case_of([report], "report")[report]
        answer = duty.post(f"/api/cases/{case}/undo", json={"reason": "by mistake"})
        assert answer.status_code == 428 and "member" in answer.json()["remedy"]


def test_many_are_put_into_the_chosen_one_and_come_back_all_or_none(world: Any) -> None:
    into, *others = cases_of(world, range(20, 24))
    manage = world.hub.manage
    before = {case: manage.case(case) for case in (into, *others)}

    def seen(case: str) -> dict[str, Any]:
        return {"case": case, "version": manage.case(case).version}

    def asked(*cases: str) -> dict[str, Any]:
        named = [seen(case) for case in cases]
        return {"into": seen(into), "cases": named, "reason": "the same fire"}

    with world.client("commander") as who:

        def send(body: dict[str, Any], key: str = "", undo: str = "") -> Any:
            headers = {"Idempotency-Key": key} if key else {}
            return who.post(f"/api/case-merges{undo}", json=body, headers=headers)

        # one that somebody has changed meanwhile: nothing is done to any
        stale = asked(*others)
        note = {"data": {"text": "smoke on the stairs"}}
        assert who.post(f"/api/cases/{others[2]}/steps/note", json=note).status_code == 200
        refused = send(stale)
        assert refused.status_code == 412
        number = before[others[2]].number
        assert refused.json()["detail"] == (
            f"nothing was done: {number} was changed by somebody else"
        )
        assert all(manage.case(case).open for case in others)
        assert manage.case(into).version == before[into].version
        # into itself, and twice the same
        assert send(asked(others[0], into)).json()["status"] == 409
        assert send(asked(others[0], others[0])).json()["status"] == 409
        assert all(manage.case(case).open for case in others)

        body = asked(*others)
        first, again = send(body, "mm-1"), send(body, "mm-1")
        assert (first.status_code, again.headers["Deed-Again"]) == (200, "1"), first.text
        assert first.json()["signals"] == 4 == again.json()["signals"]
        assert [manage.case(case).merged_into for case in others] == [into] * 3
        closed = send(asked(others[0]))
        assert (closed.status_code, number in closed.json()["detail"]) == (409, False)
        assert before[others[0]].number in closed.json()["detail"]

        # one of them has been taken out since: the others stay where they are
        back = {**asked(*others)}
        out = who.get(f"/api/cases/{into}").json()["members"]
        [mine] = [f"alarm:{m['id']}" for m in out if m["from_case"] == others[0]]
        split = {"members": [mine], "reason": "another fire"}
        assert who.post(f"/api/cases/{into}/split", json=split).status_code == 200
        assert send(back, undo="/undo").status_code == 412
        told = send(asked(*others), undo="/undo")
        assert (told.status_code, before[others[0]].number in told.json()["detail"]) == (409, True)
        assert [manage.case(case).outcome for case in others] == ["", "merged", "merged"]
        assert manage.case(into).signals == 3

        assert send(asked(others[0])).status_code == 200
        undone = send(asked(*others), "mu-1", undo="/undo")
        assert (undone.status_code, undone.json()["signals"]) == (200, 1), undone.text
        for case in (into, *others):
            now, was = manage.case(case), before[case]
            assert now.open and (now.stage, now.level, now.lead) == (
                was.stage, was.level, was.lead,
            )  # fmt: skip
            assert now.open_orders == was.open_orders
            later = [o.state for o in now.orders if o.order not in {o.order for o in was.orders}]
            assert set(later) <= {"cancelled"}, "whom a plan sent as the level rose is called off"
            assert (now.plans, now.tasks, now.warnings) == (was.plans, was.tasks, was.warnings)
            assert now.signals == was.signals == 1
    assert [notes(world, "case.merge", case) for case in others] == [2, 1, 1]
    assert [notes(world, "case.undo", case) for case in others] == [1, 1, 1]
    with world.client("leader") as nobody:
        assert nobody.post("/api/case-merges", json=asked(*others)).status_code == 403


@pytest.mark.parametrize("turn", [(0, 1), (1, 0)])
def test_each_comes_back_exactly_in_whatever_order_they_are_named(
    world: Any, turn: tuple[int, int]
) -> None:
    into, *others = cases_of(world, range(30 + 3 * turn[0], 33 + 3 * turn[0]))
    manage = world.hub.manage
    kept = ("opened_at", "first_at", "last_at", "pace", "spread_m", "collectors", "level_number")
    with world.client("commander") as who:

        def send(undo: str, *cases: str) -> Any:
            body = {"into": {"case": into}, "cases": [{"case": case} for case in cases]}
            return who.post(f"/api/case-merges{undo}", json={**body, "reason": "the same fire"})

        states = [{name: getattr(manage.case(into), name) for name in kept}]
        assert send("", others[0]).status_code == 200
        states.append({name: getattr(manage.case(into), name) for name in kept})
        assert send("", others[1]).status_code == 200
        assert send("/undo", *(others[n] for n in turn)).status_code == 200
    assert {name: getattr(manage.case(into), name) for name in kept} == states[0] != states[1]
    assert [manage.case(case).open for case in others] == [True, True]


def test_the_case_that_is_not_there_is_named(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    [into] = cases_of(world, range(36, 37))
    body = {"into": {"case": into}, "cases": [{"case": "c999999"}], "reason": "the same fire"}
    with world.client("commander") as who:
        assert who.post("/api/case-merges", json=body).json()["detail"].count("c999999")
        # it was there when the request was looked at, and is not any more as it is done
        monkeypatch.setattr(merges, "one", lambda *_: None)
        gone = who.post("/api/case-merges", json=body)
    assert (gone.status_code, "c999999" in gone.json()["detail"]) == (404, True), gone.text
