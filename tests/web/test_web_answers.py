"""Whoever told of a case is answered, also where he told of another one that was merged into it."""

from __future__ import annotations

from typing import Any

FIRE = "liyang:event:fire_alarm"


def told(world: Any, longitude: float, words: str) -> tuple[str, str]:
    """A call to the hotline; the report and its case."""
    place = {"longitude": longitude, "latitude": 31.4}
    body = {"text": words, "channel": "hotline", "matter": FIRE, "place": place}
    with world.client("hotline_agent") as agent:
        answer = agent.post("/api/reports", json=body)
    assert answer.status_code == 201, answer.text
    world.settle()
    report = answer.json()["report"]
    return report, world.hub.manage.case_of([report], "report")[report]


def test_reporters_of_a_merged_case_are_answered_like_the_first(world: Any) -> None:
    first, case = told(world, 119.31, "三楼着火")
    second, merged = told(world, 119.33, "窗户里有火苗")
    beside, alone = told(world, 119.35, "后院着火")
    assert len({case, merged, alone}) == 3
    with world.client("commander") as commander:
        into = {"into": case, "reason": "the same house"}
        assert commander.post(f"/api/cases/{merged}/merge", json=into).status_code == 200
        done = {"reason": "a kitchen fire, put out"}
        ended = commander.post(f"/api/cases/{case}/steps/void", json=done)
        assert ended.status_code == 200, ended.text
    with world.client("hotline_agent") as agent:
        for report in (first, second):
            [answer] = agent.get(f"/api/reports/{report}/answers").json()
            assert (answer["case"], answer["text"]) == (case, done["reason"])
            assert answer["at"]
        assert agent.get(f"/api/reports/{beside}/answers").json() == []  # its case goes on
        assert agent.get("/api/reports/nobody/answers").status_code == 404
