"""A report becomes a case, goes its way to the end, and is found in the list."""

from __future__ import annotations

import uuid
from typing import Any

from tianmu.web.answer import moment

from .reporting import report


def test_report_to_closed_case(world: Any) -> None:
    city = world.city
    key = world.matter()
    with world.client("hotline_agent") as agent:
        taken = report(
            agent,
            matter=key,
            text="Smoke in the stair, call 13912345678",
            place={"longitude": 119.2801, "latitude": 31.2802, "address": "溧阳市某路12号3幢"},
            reporter={"name": "李四光", "phone": "13912345678"},
        )
        assert taken.status_code == 201, taken.text
        name = taken.json()["report"]
        world.settle()
        shown = agent.get(f"/api/reports/{name}").json()
        assert shown["reporter"]["phone"] == "139****5678"
        assert shown["reporter"]["name"] == "李**"
        assert "13912345678" not in shown["text"]
        assert "12号" not in shown["place"]["address"]
        assert agent.post(f"/api/reports/{name}/reveal", json={}).status_code == 422
        clear = agent.post(
            f"/api/reports/{name}/reveal", json={"reason": "call 13912345678"}
        ).json()
        assert clear["reporter"]["phone"] == "13912345678"
        case = shown["case"]
    with world.client("audit_admin") as auditor:
        looked = auditor.get("/api/audit", params={"verb": "report.reveal"}).json()["items"][0]
        assert looked["object"] == name and looked["detail"]["reason"] == "call 139****5678"
        assert looked["actor"] == "t-hotline-agent"
        assert auditor.get("/api/audit/check").json()["ok"] is True
    with world.client("duty_officer") as duty:
        whole = duty.get(f"/api/cases/{case}")
        body, etag = whole.json(), whole.headers["etag"]
        assert body["stage"] == "verify"
        assert next(e["step"] for e in body["events"]) == "open"
        assert body["events"][0]["text"]["zh"]
        assert body["members"][0]["id"] == name and body["members"][0]["reasons"]
        assert "13912345678" not in whole.text
        steps = {one["step"]: one for one in body["actions"]}
        assert "verify" in steps and "accept" not in steps
        done = duty.post(f"/api/cases/{case}/steps/verify", json={}, headers={"If-Match": etag})
        assert done.status_code == 200, done.text
        again = duty.post(f"/api/cases/{case}/steps/verify", json={}, headers={"If-Match": etag})
        assert again.status_code == 412
        refused = duty.post(f"/api/cases/{case}/steps/close", json={})
        assert refused.status_code == 409
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.json()["remedy"]
        filed = duty.post(f"/api/cases/{case}/steps/file", json={})
        assert filed.status_code == 200, filed.text
        orders = filed.json()["orders"]
    if not orders:
        with world.client("duty_officer") as duty:
            sent = duty.post(f"/api/cases/{case}/steps/order", json={})
            assert sent.status_code == 200, sent.text
            orders = sent.json()["orders"]
    lead = next(one for one in orders if one["lead"])
    assert lead["unit"] in city.departments
    assert lead["due"] > moment.say(world.hub.clock())
    world.tokens["crew"] = world.account("crew", ["department_worker"], department=lead["unit"])
    world.tokens["others"] = world.account(
        "others",
        ["department_worker"],
        department=next(c for c in city.departments if c not in {o["unit"] for o in orders}),
    )
    with world.client("others") as client:
        assert client.get(f"/api/cases/{case}").status_code == 404
    with world.client("crew") as crew:
        for step, data in (
            ("accept", {}),
            ("handle", {}),
            ("feed_back", {"result": "burst pipe mended"}),
        ):
            for _ in range(len(orders)):
                answer = crew.post(
                    f"/api/cases/{case}/steps/{step}",
                    json={"data": {"order": lead["order"], **data}},
                )
                assert answer.status_code == 200, answer.text
                break
        photo = crew.post(
            f"/api/cases/{case}/evidence",
            files={"file": ("after.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "image/png")},
            data={"role": "handle_after"},
        )
        assert photo.status_code == 201, photo.text
        wrong = crew.post(
            f"/api/cases/{case}/evidence",
            files={"file": ("after.png", b"\x89PNG\r\n\x1a\n" + bytes(50), "image/png")},
            data={"role": "sideways"},
        )  # what is wrong is not the file
        assert wrong.status_code == 422 and wrong.json()["type"].endswith("invalid"), wrong.text
        assert wrong.json()["faults"][0]["where"] == "form.role"
        assert crew.get(photo.json()["url"]).content.startswith(b"\x89PNG")
        assert crew.post(f"/api/cases/{case}/steps/check", json={}).status_code in {403, 409}
    with world.client("duty_officer") as duty:
        found = duty.get("/api/cases", params={"open": True, "q": "stair"}).json()
        assert found["total"] >= 1
        assert case in {one["case"] for one in found["items"]}


def test_case_list_pages(world: Any) -> None:
    with world.client("integrator") as program:
        many = [
            {
                "channel": "app",
                "text": f"Matter number {n}",
                "place": {"longitude": 119.3 + n * 0.01, "latitude": 31.5},
            }
            for n in range(12)
        ]
        answer = program.post("/api/reports/batch", json=many, headers={"Idempotency-Key": "pages"})
        assert len(answer.json()["items"]) == 12
        again = program.post("/api/reports/batch", json=many, headers={"Idempotency-Key": "pages"})
        assert all(one["duplicate"] for one in again.json()["items"])
    world.settle()
    with world.client("duty_officer") as client:
        for sort in ("due", "opened", "level"):
            seen: list[str] = []
            cursor = None
            while True:
                params = {"limit": 5, "sort": sort, **({"cursor": cursor} if cursor else {})}
                page = client.get("/api/cases", params=params).json()
                seen += [one["case"] for one in page["items"]]
                cursor = page["next"]
                if cursor is None:
                    break
            total = client.get("/api/cases", params={"sort": sort}).json()["total"]
            assert len(seen) == len(set(seen)) == total >= 12


def test_people_tell_only_what_is_real(world: Any) -> None:
    browser = world.cookie("t-duty-officer")
    assert report(browser, origin="seeded").status_code == 422
    with world.client("integrator") as program:
        assert report(program, origin="seeded").status_code == 201
        assert report(program, source="seeded").status_code == 201
        assert report(program, source="nobody").status_code == 422
        assert report(program, at="2026-11-23T01:02:03").status_code == 422
        assert report(program, place={"longitude": 119.4}).status_code == 422
        wrong = report(program, place={"longitude": 999, "latitude": 1})
        assert wrong.status_code == 422
        assert wrong.json()["faults"][0]["where"] == "body.$.place.longitude"


def test_what_no_case_can_be_is_no_filter(world: Any) -> None:
    with world.client("commander") as centre:
        for name in ("stage", "level", "queue"):
            refused = centre.get("/api/cases", params={name: "overdone"})
            assert refused.status_code == 422 and name in refused.json()["detail"], name
            assert "use one of" in refused.json()["remedy"]
        for queue in ("disputed", "dispatch", "returned", "verify", "appeal"):
            assert centre.get("/api/cases", params={"queue": queue}).status_code == 200


def test_a_case_says_for_which_level_the_rules_ask_beside_the_one_a_person_has_set(
    world: Any,
) -> None:
    with world.client("integrator") as program:
        body = {"channel": "app", "text": f"collapse {uuid.uuid4().hex}"}
        told = program.post("/api/reports", json={**body, "matter": world.matter()}).json()
    world.settle()
    case = world.hub.manage.case_of([told["report"]], "report")[told["report"]]
    with world.client("commander") as centre:

        def step(name: str, reason: str, **data: Any) -> dict[str, Any]:
            path = f"/api/cases/{case}/steps/{name}"
            answer = centre.post(path, json={"reason": reason, "data": data})
            assert answer.status_code == 200, answer.text
            found: dict[str, Any] = answer.json()
            return found

        assert step("grade", "ours", level="IV")["advised"] == ""
        asked = step("assess", "", dead=40)
        assert (asked["level"], asked["advised"]) == ("IV", "I")
        listed = centre.get("/api/cases", params={"q": body["text"]}).json()["items"]
        assert [one["advised"] for one in listed] == ["I"]
        assert step("grade", "it is true", level="I")["advised"] == ""
