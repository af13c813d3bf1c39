"""Plans and rulings over HTTP: a changed plan tried on the past; who answers by ruling."""

from __future__ import annotations

from typing import Any


def test_plans_are_tried_on_the_cases_of_the_past(world: Any) -> None:
    world.raise_alarm(matter="liyang:event:fire_alarm")
    world.settle()
    with world.client("commander") as commander:
        held = commander.get("/api/plans").json()
        assert {one["level"] for one in held["plans"]} == {"I", "II", "III", "IV", "V"}
        same = commander.post("/api/plans/rehearse", json={"toml": held["toml"]}).json()
        assert same["cases"] >= 1
        assert same["moments"] >= 1
        assert (same["changed"], same["changes"]) == (0, [])
        more = '{ to = "health", within = { value = 1, unit = "minute" } }'
        text = held["toml"].replace("tells = [", f"tells = [{more},")
        other = commander.post("/api/plans/rehearse", json={"toml": text}).json()
        assert other["changed"] >= 1
        assert other["parts"]["tells"] == other["changed"]
        assert "health" in other["changes"][0]["after"]["tells"]
        assert "health" not in other["changes"][0]["before"]["tells"]
        assert other["names"]["health"]["en"]
        assert other["points"]["ii-any"]["report-up"]["zh"] == "按时限向上级报告"
        assert other["points"]["ii-any"]["conference"]["zh"] == "重大事件联动会商"
        faulty = commander.post(
            "/api/plans/rehearse", json={"toml": held["toml"].replace('to = "lead"', 'to = "nil"')}
        )
        assert faulty.status_code == 422
        assert faulty.json()["faults"][0]["where"].startswith("plans.toml:")
        assert commander.get("/api/plans").json() == held, "nothing has taken effect"
    with world.client("kiosk") as kiosk:
        refused = kiosk.post("/api/plans/rehearse", json={"toml": held["toml"]})
        assert refused.status_code == 403


def test_a_ruling_is_listed_until_it_is_withdrawn(world: Any) -> None:
    alarm = world.raise_alarm(matter="liyang:event:bin_full")
    world.settle()
    case = world.hub.manage.case_of([alarm.alarm])[alarm.alarm]
    lead = world.hub.manage.case(case).lead
    worker = world.account("worker", ["department_worker"], department=lead)
    with world.client() as one:
        one.headers["Authorization"] = f"Bearer {worker}"
        said = one.post(
            f"/api/cases/{case}/steps/dispute",
            json={"reason": "private ground", "data": {"department": "housing"}},
        )
        assert said.status_code == 200, said.text
        assert said.json()["queue"] == "disputed"
    with world.client("commander") as commander:
        waiting = commander.get("/api/cases", params={"queue": "disputed"}).json()["items"]
        assert case in [one["case"] for one in waiting]
        ruled = commander.post(
            f"/api/cases/{case}/steps/rule",
            json={
                "reason": "the law says so",
                "data": {"department": "housing", "standing": "division"},
            },
        ).json()
        assert (ruled["owner"], ruled["queue"], ruled["stage"]) == ("housing", "", "handle")
        (ruling,) = commander.get("/api/rulings").json()["items"]
        assert (ruling["case"], ruling["lead"]) == (case, "housing")
        assert ruling["matter"] == "liyang:event:bin_full"
        assert ruling["reason"] == "the law says so"
        gone = commander.post(
            f"/api/cases/{case}/steps/withdraw_ruling", json={"reason": "it was wrong"}
        )
        assert gone.status_code == 200, gone.text
        assert commander.get("/api/rulings").json()["items"] == []
