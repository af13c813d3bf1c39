"""Warnings that scenarios and plans propose: drafted, or dismissed with a reason."""

from __future__ import annotations

import uuid
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from tianmu.prevent.warning import table
from tianmu.scenarios.folder.load import find
from tianmu.web.present import danger

from .warned import ROOT, trail, two, written

__all__ = ["two"]


def test_what_a_plan_proposes_is_offered_as_a_draft(world: Any) -> None:
    with world.client("duty_officer") as duty:
        assert duty.get("/api/warnings/proposals?case=c99999").status_code == 404
        world.raise_alarm(matter="liyang:event:heavy_rain", severity="III")
        world.settle()
        found = [
            c["case"] for c in duty.get("/api/cases?limit=500").json()["items"]
            if duty.get(f"/api/cases/{c['case']}").json()["warnings"]
        ]  # fmt: skip
        assert found, "the plan of level III proposes one"
        (proposal,) = duty.get(f"/api/warnings/proposals?case={found[0]}").json()["items"]
        assert (proposal["event"], proposal["colour"]) == ("waterlogging", "yellow")
        body = {k: proposal[k] for k in ("event", "colour", "headline", "description", "divisions",
                                         "expires", "source")}  # fmt: skip
        assert duty.post("/api/warnings", json=body).status_code == 201


def test_a_proposal_is_dismissed_with_a_reason(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    degree = [2]

    async def present(hub: Any, scenario: Any, fit: Any) -> Any:
        there = degree[0] if scenario.id == "forest-fire" else 0
        return SimpleNamespace(degree=there, why=[{"zh": "干旱", "en": "dry"}])

    monkeypatch.setattr(danger, "present", present)
    steps = [s for s in find().scenarios["forest-fire"].manifest.plan if s.warning]
    degree[0] = min(s.at for s in steps)
    path = "/api/warnings/proposals"
    token = world.account(f"d{uuid.uuid4().hex[:8]}", ["duty_officer"], division=world.towns()[0])
    headers = {"Authorization": f"Bearer {token}"}
    town = httpx.Client(base_url=world.url, headers=headers, timeout=20)
    with world.client("duty_officer") as duty, town:
        (proposal,) = duty.get(path).json()["items"]
        assert proposal["source"] == "scenario:forest-fire" and proposal["dismissed"] is None
        assert proposal["divisions"] == [ROOT]
        assert town.get(path).json()["items"] == [], "it is the city's to warn of all of it"
        body = {key: proposal[key] for key in ("source", "event", "colour")}
        for wrong, status in (({}, 422), ({"reason": " "}, 422)):
            assert duty.post(f"{path}/dismiss", json={**body, **wrong}).status_code == status
        never = {**body, "source": "scenario:frogs", "reason": "no"}
        assert duty.post(f"{path}/dismiss", json=never).status_code == 409
        told = {**body, "reason": "it rains"}
        assert town.post(f"{path}/dismiss", json=told).status_code == 409
        done = duty.post(f"{path}/dismiss", json=told)
        assert done.status_code == 200 and done.json()["until"], done.text
        assert duty.get(path).json()["items"] == []
        (kept,) = duty.get(f"{path}?dismissed=true").json()["items"]
        assert kept["dismissed"]["reason"] == "it rains" and kept["dismissed"]["office"]
        assert len(trail(world, "warning.dismiss", proposal["source"])) == 1
        # a graver danger is proposed all the same
        degree[0] = max(s.at for s in steps)
        (graver,) = duty.get(path).json()["items"]
        assert graver["colour"] != proposal["colour"] and graver["dismissed"] is None
        # and this one again, once a warning of its colour would have ended
        degree[0] = min(s.at for s in steps)
        ends = datetime.fromisoformat(kept["dismissed"]["until"]).timestamp() * 1e6
        held = world.hub.records.read(lambda c: table.dismissed(c, int(ends) + 1_000_000))
        assert (proposal["source"], proposal["event"]) not in held


def test_a_proposal_falls_silent_once_it_is_drafted(
    world: Any, two: tuple[httpx.Client, httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [s for s in find().scenarios["forest-fire"].manifest.plan if s.warning]
    low, high = min(steps, key=lambda s: s.at), max(steps, key=lambda s: s.at)
    degree = [high.at]

    async def present(hub: Any, scenario: Any, fit: Any) -> Any:
        there = degree[0] if scenario.id == "forest-fire" else 0
        return SimpleNamespace(degree=there, why=[])

    monkeypatch.setattr(danger, "present", present)
    one, other = two
    name = one.post("/api/warnings", json=written(event=low.warning, colour=low.colour)).json()[
        "warning"
    ]
    other.post(f"/api/warnings/{name}/confirm", json={})
    (proposal,) = one.get("/api/warnings/proposals").json()["items"]
    assert (proposal["colour"], proposal["replaces"]) == (high.colour, name)
    update = written(event=high.warning, colour=high.colour)
    assert one.post(f"/api/warnings/{name}/update", json=update).status_code == 200
    assert one.get("/api/warnings/proposals").json()["items"] == [], "it waits to be confirmed"
    assert other.post(f"/api/warnings/{name}/confirm", json={}).status_code == 200
    assert one.get("/api/warnings/proposals").json()["items"] == []
    one.post(f"/api/warnings/{name}/cancel", json={"reason": "over"})
    other.post(f"/api/warnings/{name}/confirm", json={})
    (again,) = one.get("/api/warnings/proposals").json()["items"]
    assert again["replaces"] == ""
