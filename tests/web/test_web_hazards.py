"""The hazard ledger over HTTP: entered, looked at, put right, signed off by another."""

from __future__ import annotations

import uuid
from typing import Any, cast

import httpx
import pytest

from tianmu.manage.hazard import table as hazard_table
from tianmu.store.journal.sqlite import SqliteJournal
from tianmu.store.records import Transaction

from .heard import Stream

PNG = b"\x89PNG\r\n\x1a\n" + b"0" * 40
ROOT = "320481000000"


def written(world: Any, **more: Any) -> dict[str, Any]:
    return {
        "title": f"Fire door blocked {uuid.uuid4().hex[:6]}",
        "kind": "fire",
        "grade": "general",
        "place": {"division": world.towns()[0]},
        "measures": ["clear it"],
        **more,
    }


def picture(client: httpx.Client, hazard: str, role: str, more: bytes = b"") -> Any:
    return client.post(
        f"/api/hazards/{hazard}/evidence",
        files={"file": ("now.png", PNG + more, "image/png")},
        data={"role": role},
    )


def test_a_hazard_from_entered_to_signed_off(world: Any) -> None:
    duty, other, kiosk = (world.client(r) for r in ("duty_officer", "grid_worker", "kiosk"))
    stream = Stream(world.client("kiosk"), only="hazard")
    made = duty.post("/api/hazards", json=written(world))
    assert made.status_code == 201, made.text
    name, path = made.json()["hazard"], f"/api/hazards/{made.json()['hazard']}"
    assert made.json()["department"] and made.json()["due"] and made.json()["check_due"]
    assert stream.wait("hazard")[0]["hazard"] == name
    whole = other.get(path).json()
    assert set(whole["actions"]) == {"measure", "evidence", "check", "rectify"}
    shown = kiosk.get(path).json()
    assert shown["actions"] == []
    assert {step: [one["en"] for one in who] for step, who in shown["takers"].items()} == {
        step: ["Department worker", "Grid worker"] for step in ("check", "rectify")
    }
    looked = other.post(f"{path}/steps/check", json={"result": "unchanged", "note": "as it was"})
    assert looked.status_code == 200, looked.text
    assert other.post(f"{path}/steps/check", json={"result": "fine"}).status_code == 422
    assert other.post(f"{path}/steps/sign", json={}).status_code == 403
    early = other.post(f"{path}/steps/rectify", json={})
    assert early.status_code == 409 and "handle_after" in early.json()["remedy"]
    assert picture(other, name, "handle_before").status_code == 201
    assert picture(other, name, "handle_after", b"1").status_code == 201
    assert picture(other, name, "handle_after", b"2" * 99).json()["hazard"]["files"][2]["name"]
    version = other.get(path).headers["etag"]
    stale = other.post(f"{path}/steps/rectify", json={}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    done = other.post(f"{path}/steps/rectify", json={}, headers={"If-Match": version})
    assert done.json()["hazard"]["stage"] == "rectified"
    counts = kiosk.get("/api/hazards/counts").json()
    assert counts["to_sign"] >= 1 and counts["stands"] >= counts["to_sign"]
    assert duty.post(f"{path}/steps/reject", json={}).status_code == 422
    signed = duty.post(f"{path}/steps/sign", json={"note": "free"})
    assert signed.json()["hazard"]["stage"] == "closed"
    steps = [one["step"] for one in signed.json()["steps"]]
    assert steps == ["enter", "check", *["evidence"] * 3, "rectify", "sign"]
    digest = signed.json()["hazard"]["files"][0]["digest"]
    seen = kiosk.get(f"{path}/evidence/{digest}")
    assert seen.content == PNG and seen.headers["content-type"] == "image/png"
    assert kiosk.get(f"{path}/evidence/{'0' * 64}").status_code == 404
    listed = [h["hazard"] for h in kiosk.get("/api/hazards?limit=500").json()["items"]]
    assert name not in listed
    stream.stop()


def test_what_is_wrong_with_a_file_is_told_apart_from_what_is_not(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world.client("duty_officer") as duty, world.client("grid_worker") as other:
        name = duty.post("/api/hazards", json=written(world)).json()["hazard"]
        path = f"/api/hazards/{name}/evidence"

        def attach(content: bytes, media: str, role: str = "other") -> httpx.Response:
            answer = other.post(
                path, files={"file": ("now.png", content, media)}, data={"role": role}
            )
            return cast(httpx.Response, answer)

        for content, media, role, kind, where, why in (
            (b"", "image/png", "other", "bad-file", "form.file", "empty"),
            (PNG, "text/html", "other", "bad-file", "form.file", "text/html"),
            (b"GIF89a", "image/png", "other", "bad-file", "form.file", "first bytes"),
            (PNG, "image/png", "sideways", "invalid", "form.role", "sideways"),
        ):
            said = attach(content, media, role)
            assert said.status_code == 422 and said.json()["type"].endswith(kind), said.text
            (fault,) = said.json()["faults"]
            assert fault["where"] == where and why in fault["what"]
        # what goes wrong with the hazard is not said of the file
        real = hazard_table.append

        def late(tx: Transaction, made: Any, *more: Any) -> Any:
            if made.hazard == name:
                raise hazard_table.HazardChanged(9)
            return real(tx, made, *more)

        monkeypatch.setattr(hazard_table, "append", late)
        said = attach(PNG, "image/png")
        assert said.status_code == 412 and said.json()["type"].endswith("changed"), said.text


def test_whoever_may_do_both_does_not_sign_his_own_work(world: Any) -> None:
    token = world.account(f"b{uuid.uuid4().hex[:8]}", ["duty_officer", "grid_worker"])
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=world.url, headers=headers, timeout=20) as both:
        name = both.post("/api/hazards", json=written(world)).json()["hazard"]
        picture(both, name, "handle_after")
        path = f"/api/hazards/{name}/steps"
        assert "sign" not in both.post(f"{path}/rectify", json={}).json()["actions"]
        refused = both.post(f"{path}/sign", json={})
        assert refused.status_code == 403 and refused.json()["type"].endswith("second-person")
        with world.client("commander") as commander:
            assert commander.post(f"{path}/sign", json={}).status_code == 200


def test_the_list_goes_by_what_is_due_and_by_pages(world: Any) -> None:
    with world.client("commander") as commander:
        for grade in ("general", "major", "general"):
            made = commander.post("/api/hazards", json=written(world, kind="flood", grade=grade))
            assert made.status_code == 201, made.text
        found, cursor = [], None
        while True:
            params = {"kind": "flood", "limit": 2, **({"cursor": cursor} if cursor else {})}
            page = commander.get("/api/hazards", params=params).json()
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        assert len(found) == page["total"] == 3
        assert [one["grade"] for one in found] == ["major", "general", "general"]
        major = commander.get("/api/hazards?kind=flood&grade=major").json()
        assert major["total"] == 1
        assert commander.get("/api/hazards?kind=flood&late=due").json()["total"] == 0
        title = found[0]["title"]
        assert commander.get("/api/hazards", params={"q": title}).json()["total"] == 1
        assert commander.get("/api/hazards?cursor=nonsense").status_code == 400


def test_a_file_is_entered_once_or_not_at_all(world: Any) -> None:
    town = world.towns()[0]
    n = uuid.uuid4().hex[:6]
    text = "number,title,kind,grade,division\n"
    text += f"A{n},Gas pipe,gas,major,{town}\nB{n},Door,fire,general,{town}\n"
    with world.client("duty_officer") as duty:
        faulty = duty.post("/api/hazards/import", json={"csv": text.replace("major", "bad")})
        assert faulty.status_code == 422 and faulty.json()["faults"][0]["where"] == "line 2"
        first = duty.post("/api/hazards/import", json={"csv": text}).json()
        again = duty.post("/api/hazards/import", json={"csv": text}).json()
        assert (first, again) == ({"entered": 2, "again": 0}, {"entered": 0, "again": 2})
        assert duty.get("/api/hazards", params={"q": "Gas pipe"}).json()["total"] == 1


def test_each_town_counts_its_own_from_one(world: Any) -> None:
    head, n = "number,title,kind,grade,division\n", uuid.uuid4().hex[:6]
    towns = world.towns()[:2]
    with world.client("duty_officer") as duty:
        for town in towns:
            sheet = f"{head}{n},Door of {town},fire,general,{town}\n"
            told = duty.post("/api/hazards/import", json={"csv": sheet}).json()
            assert told == {"entered": 1, "again": 0}
        other = f"{head}X{n},New,fire,general,{towns[0]}\n{n},Stairs,fire,general,{towns[0]}\n"
        refused = duty.post("/api/hazards/import", json={"csv": other})
        assert refused.status_code == 422 and refused.json()["faults"][0]["where"] == "line 3"
        assert duty.get("/api/hazards", params={"q": "Stairs"}).json()["total"] == 0
        mended = duty.post(
            "/api/hazards/import", json={"csv": other.replace(f"\n{n},", f"\nY{n},")}
        )
        assert mended.json() == {"entered": 2, "again": 0}


def test_a_picture_that_was_sent_back_proves_nothing_a_second_time(world: Any) -> None:
    grid, duty = world.client("grid_worker"), world.client("duty_officer")
    name = duty.post("/api/hazards", json=written(world)).json()["hazard"]
    path = f"/api/hazards/{name}"
    assert picture(grid, name, "handle_after").status_code == 201
    version = picture(grid, name, "handle_after").json()["hazard"]["version"]
    assert version == 2, "attached twice is attached once"
    assert grid.post(f"{path}/steps/rectify", json={}).status_code == 200
    assert duty.post(f"{path}/steps/reject", json={"reason": "still there"}).status_code == 200
    assert picture(grid, name, "handle_after").status_code == 201
    assert grid.post(f"{path}/steps/rectify", json={}).status_code == 409
    assert picture(grid, name, "handle_before").status_code == 409
    assert picture(grid, name, "handle_after", b"new").status_code == 201
    assert grid.post(f"{path}/steps/rectify", json={}).status_code == 200


def test_numbers_that_are_somebodys_are_masked_and_stay(world: Any) -> None:
    phone = "13812345678"
    body = written(world, title=f"Ask {phone}", measures=[f"call {phone}", "clear it"])
    with world.client("duty_officer") as duty, world.client("grid_worker") as grid:
        made = duty.post("/api/hazards", json=body)
        name = made.json()["hazard"]
        path = f"/api/hazards/{name}"
        grid.post(f"{path}/steps/check", json={"result": "worse", "note": f"rang {phone}"})
        shown = grid.get(path).json()["hazard"]["measures"]
        changed = duty.post(f"{path}/steps/measure", json={"measures": [shown[0], "mark it"]})
        for answer in (made, changed, duty.get(path), duty.get("/api/hazards?limit=500")):
            assert answer.status_code < 300 and phone not in answer.text
        held = world.hub.records.read(lambda c: hazard_table.get(c, name))
        assert held.measures == (f"call {phone}", "mark it")


def test_a_hazard_found_in_a_case_stands_at_its_place(world: Any) -> None:
    alarm = world.raise_alarm(matter="liyang:event:fire_alarm")
    world.settle()
    case = world.hub.manage.case_of([alarm.alarm])[alarm.alarm]
    with world.client("duty_officer") as duty:
        body = {"title": "Panel without power", "kind": "fire", "grade": "major", "case": case}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        made = [duty.post("/api/hazards", json=body, headers=key).json() for _ in range(2)]
        assert made[0]["hazard"] == made[1]["hazard"] and made[0]["source"] == f"case:{case}"
        assert made[0]["place"]["division"]
        told = duty.post("/api/hazards", json={**body, "place": {"address": "Hall 2"}}).json()
        assert told["place"]["division"] == made[0]["place"]["division"]
        assert told["place"]["longitude"] == made[0]["place"]["longitude"]
        body["case"] = "c99999"
        assert duty.post("/api/hazards", json=body).status_code == 404


def test_another_town_and_another_department_do_not_see_it(world: Any) -> None:
    here, there = world.towns()[:2]
    with world.client("commander") as commander:
        made = commander.post("/api/hazards", json=written(world, department="fire")).json()
    path = f"/api/hazards/{made['hazard']}"
    for division, department, roles, status in (
        (here, "", ["duty_officer"], 200),
        (there, "", ["duty_officer"], 404),
        ("", "fire", ["department_worker"], 200),
        ("", "water", ["department_worker"], 404),
    ):
        token = world.account(
            f"u{uuid.uuid4().hex[:8]}", roles, division=division, department=department
        )
        headers = {"Authorization": f"Bearer {token}"}
        with httpx.Client(base_url=world.url, headers=headers, timeout=20) as who:
            assert who.get(path).status_code == status
            listed = [h["hazard"] for h in who.get("/api/hazards?limit=500").json()["items"]]
            assert (made["hazard"] in listed) == (status == 200)
            outside = who.post("/api/hazards", json=written(world, place={"division": ROOT}))
            assert outside.status_code == (201 if department == "fire" else 403)


def test_tables_say_what_the_journal_says(world: Any) -> None:
    told = hazard_table.states(hazard_table.events(SqliteJournal(world.hub.data)))
    assert told and world.hub.records.read(hazard_table.held) == told
