"""Who is away, who stands in, and who is called and answers."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from tianmu.city.calendar.limit import Limit, LimitUnit
from tianmu.city.people.contact import Rung
from tianmu.facts.deed import Deed
from tianmu.facts.encoding import decode
from tianmu.manage.duty import absence
from tianmu.manage.kept.rebuild import TABLES
from tianmu.web.answer import moment
from tianmu.web.api.duty import shifts
from waiting import eventually

from .duty import CENTRE, FIRE, today
from .receivers import approve


def test_somebody_is_away_and_another_stands_in(world: Any) -> None:
    account, spans = today(world)
    span = next(one for one in spans if one.planned.account == account)
    times = {"since": moment.say(span.start), "until": moment.say(span.end)}
    with world.client("commander") as client:
        week = client.get("/api/roster/week").json()
        assert week["department"] == CENTRE and len(week["days"]) == 7
        assert account in week["on_duty"]
        found = client.get("/api/absences/substitutes", params={"account": account, **times}).json()
        assert found["duties"] == 1
        busy = next(one for one in found["items"] if one["clash"])
        assert busy["clash"]["why"] == "on_post"
        free = next(one for one in found["items"] if not one["clash"])
        asked = {"account": account, "why": "ill", **times}

        refused = client.post("/api/absences", json={**asked, "substitute": busy["account"]})
        assert refused.status_code == 409
        assert "on another post" in refused.json()["detail"] and refused.json()["remedy"]
        assert client.post("/api/absences", json={**asked, "why": " "}).status_code == 422
        none = client.post("/api/absences", json={**asked, "substitute": "nobody-known"})
        assert none.status_code == 409 and "not on the roster" in none.json()["detail"]

        made = client.post("/api/absences", json={**asked, "substitute": free["account"]})
        assert made.status_code == 201, made.text
        number = made.json()["absence"]
        assert made.json()["uncovered"] == 0
        on = [one.account for one in world.city.roster.on_duty(CENTRE, "", world.hub.clock())]
        assert free["account"] in on and account not in on
        week = client.get("/api/roster/week").json()
        piece = next(one for one in week["duties"] if one["planned"] == account and one["now"])
        assert piece["account"] == free["account"] and piece["absence"] == number
        again = client.post("/api/absences", json=asked)
        assert again.status_code == 409 and "absent already" in again.json()["detail"]
        # whoever stands in cannot be away at the same time for somebody who stands in there
        theirs = client.get(
            "/api/absences/substitutes", params={"account": busy["account"], **times}
        ).json()
        taken = next(one for one in theirs["items"] if one["account"] == free["account"])
        assert taken["clash"]["why"] == "stands_in" and taken["clash"]["other"] == account

        undone = client.post(f"/api/absences/{number}/undo")
        assert undone.status_code == 200 and undone.json()["undone_at"]
        assert client.post(f"/api/absences/{number}/undo").status_code == 404
        on = [one.account for one in world.city.roster.on_duty(CENTRE, "", world.hub.clock())]
        assert account in on
        nobody = client.post("/api/absences", json=asked).json()
        assert nobody["uncovered"] == 1
        gap = next(
            one
            for one in client.get("/api/roster/week").json()["duties"]
            if one["planned"] == account and one["now"]
        )
        assert gap["account"] == "" and gap["absence"] == nobody["absence"]
        client.post(f"/api/absences/{nobody['absence']}/undo")
    with world.client("leader") as client:
        assert all(one["why"] == "" for one in client.get("/api/absences").json()["items"])
        assert client.post("/api/absences", json=asked).status_code == 403


def test_absences_follow_from_their_deeds(world: Any) -> None:
    journal = world.hub.journal()
    deeds = [decode(one.payload) for one in journal.read("deed", 0, entries=100_000)]
    rows: dict[str, dict[str, Any]] = {}
    for deed in deeds:
        if isinstance(deed, Deed) and deed.verb == absence.RECORD:
            rows[deed.object] = {**deed.data, "undone_at": 0, "undone_by": ""}
        elif isinstance(deed, Deed) and deed.verb == absence.UNDO:
            rows[deed.object] |= {"undone_at": deed.at, "undone_by": deed.actor}
    kept = world.hub.records.read(lambda c: c.execute(absence.absence.select()).mappings().all())
    assert rows and list(rows.values()) == [dict(one) for one in kept]


def test_two_officers_record_absences_at_once(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tianmu.web.api.duty import absences

    account, spans = today(world)
    other = next(one.planned.account for one in spans if one.planned.account != account)
    times = {"since": moment.say(spans[0].start), "until": moment.say(spans[0].end)}
    staff, second = absences.staff, []

    def late(*told: Any) -> None:
        """The first officer's thread comes to it after the second's."""
        if not second:
            second.append(0)
            second[:] = [record(other)]
        staff(*told)

    def record(who: str) -> int:
        with world.client("commander") as client:
            made = client.post("/api/absences", json={"account": who, "why": "ill", **times})
        assert made.status_code == 201, made.text
        return int(made.json()["absence"])

    monkeypatch.setattr(absences, "staff", late)
    first = record(account)
    try:
        assert {one.absence for one in world.hub.city.absences} >= {first, *second}
        assert world.hub.manage.city is world.hub.city
    finally:
        monkeypatch.undo()
        with world.client("commander") as client:
            for number in (first, *second):
                client.post(f"/api/absences/{number}/undo")


def test_an_absence_of_long_ago_is_in_the_roster_of_its_week_only(world: Any) -> None:
    account, _ = today(world)
    day = 86_400_000_000
    past = world.hub.clock() - 60 * day
    row = {
        "absence": 9000, "account": account, "since": past - 10 * day, "until": past + 10 * day,
        "substitute": "", "why": "ill", "at": past, "actor": "a", "undone_at": 0, "undone_by": "",
    }  # fmt: skip
    world.hub.records.transact(lambda tx: tx.connection.execute(absence.absence.insert(), [row]))
    shifts.staff(world.hub)
    try:
        assert 9000 not in {one.absence for one in world.hub.city.absences}
        first = world.city.calendar.local(past).date().isoformat()
        with world.client("commander") as client:
            week = client.get("/api/roster/week", params={"first": first}).json()
        assert 9000 in {one["absence"] for one in week["duties"]}
    finally:
        world.hub.records.transact(
            lambda tx: tx.connection.execute(
                absence.absence.delete().where(absence.absence.c.absence == 9000)
            )
        )


def called(world: Any, device: str) -> tuple[str, str]:
    """A case for which somebody is called, and its ladder."""
    alarm = world.raise_alarm(device, matter=FIRE, severity="II", priority=3)
    world.settle()
    case = str(world.hub.manage.case_of([alarm.alarm])[alarm.alarm])
    with world.client("duty_officer") as client:
        found = client.get(f"/api/cases/{case}/contacts").json()["items"]
    assert found, world.hub.manage.case(case).level
    return case, found[-1]["contact"]


def test_who_is_called_answers_with_one_request(world: Any) -> None:
    world.cookie("t-duty-officer")  # somebody sits at the desk
    world.hub.manage.look_again()
    case, contact = called(world, "d0")
    with world.client("duty_officer") as client:
        waiting = client.get("/api/contacts").json()["items"]
        held = next(one for one in waiting if one["case"] == case)
        assert held["state"] == "running" and held["by"] == "app" and held["due"]
        told = client.get(f"/api/cases/{case}/contacts").json()["items"][-1]["tries"]
        assert [one["outcome"] for one in told] == ["desk"]
    with world.client("kiosk") as wall:
        assert wall.post(f"/api/cases/{case}/contacts/{contact}/answer").status_code == 403
    with world.client("commander") as client:
        assert client.post(f"/api/cases/{case}/contacts/k99/answer").status_code == 404
        done = client.post(f"/api/cases/{case}/contacts/{contact}/answer").json()
        assert done["state"] == "answered" and done["answered_by"] == "t-commander"
        assert case not in {one["case"] for one in client.get("/api/contacts").json()["items"]}
        whole = client.get(f"/api/cases/{case}").json()
        assert whole["events"][-1]["step"] == "contact"
        assert "answered" in whole["events"][-1]["text"]["en"]


def test_an_operator_notes_who_answered_by_phone(world: Any) -> None:
    world.cookie("t-duty-officer")
    world.hub.manage.look_again()
    case, contact = called(world, "d9")
    path = f"/api/cases/{case}/contacts/{contact}/phoned"
    held = next(one for one in world.hub.manage.case(case).contacts if one.contact == contact)
    with world.client("kiosk") as wall:
        assert wall.post(path, json={}).status_code == 403
    with world.client("commander") as client:
        wrong = client.post(path, json={"account": "somebody-else"})
        assert wrong.status_code == 422 and wrong.json()["remedy"]
        done = client.post(path, json={}).json()
        assert (done["state"], done["answered_by"]) == ("answered", held.account)
        last = client.get(f"/api/cases/{case}").json()["events"][-1]
    assert last["actor"] == "t-commander" and "by phone" in last["text"]["en"]


class Gateway:
    """The city's SMS gateway: keeps what it is sent."""

    def __init__(self, status: int = 204) -> None:
        self.came: list[dict[str, Any]] = []
        outer = self

        class Door(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.came.append(json.loads(body))
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/sms"


def quick(world: Any, by: str = "") -> None:
    """Ladders without an app, so that the gateway is asked first; plans tell ``by`` this means."""
    ladders = tuple(
        msgspec.structs.replace(one, rungs=(Rung("message", Limit(5, LimitUnit.MINUTE)),))
        for one in world.city.contact.ladders
    )
    reaching = msgspec.structs.replace(world.city.contact, ladders=ladders)
    plans = tuple(
        msgspec.structs.replace(
            plan, tells=tuple(msgspec.structs.replace(one, by=by) for one in plan.tells)
        )
        for plan in world.city.plans
    )
    world.hub.city = replace(world.hub.city, contact=reaching, plans=plans)
    world.hub.manage.set_roster(world.hub.city)


def test_a_gateway_is_handed_name_number_and_words_once(world: Any) -> None:
    gateway = Gateway()
    before = world.hub.city
    with world.client("system_admin") as admin, world.client("security_admin") as other:
        admin.post("/api/webhooks/hosts", json={"hosts": ["127.0.0.1"]})
        made = admin.post(
            "/api/webhooks",
            json={
                "name": "sms", "department": "fire", "url": gateway.url, "events": ["contact"],
            },
        )  # fmt: skip
        assert made.status_code == 201, made.text
        name = made.json()["webhook"]["webhook"]
        # who makes connections does not say which gets numbers in clear
        assert admin.put("/api/contact-providers", json={"message": name}).status_code == 403
        wrong = other.put("/api/contact-providers", json={"message": "w-none"})
        assert wrong.status_code == 422 and wrong.json()["remedy"]
        put = other.put("/api/contact-providers", json={"message": name}).json()
        assert put["message"] == name and put["on"] == {"message": False} and put["call"] == ""
        approve(world, name, gateway.url)
        world.hub.manage.look_again()
        assert admin.get("/api/contact-providers").json()["on"] == {"message": True}
        ladders = admin.get("/api/contact-ladders").json()
        assert [one["ladder"] for one in ladders] == [
            one.code for one in world.city.contact.ladders
        ]
        asked = {"kind": "message", "phone": "0519 8700 0000"}
        assert other.post("/api/contact-providers/trial", json=asked).status_code == 403
        none = admin.post("/api/contact-providers/trial", json={**asked, "kind": "call"})
        assert none.status_code == 409 and none.json()["remedy"]
        tried = admin.post("/api/contact-providers/trial", json=asked).json()
        [came] = eventually(lambda: [one for one in gateway.came if one["case"] == ""])
        assert came["phone"] == asked["phone"] and "test" in came["text"]["en"].lower()
        where = f"/api/webhooks/{name}/deliveries/{tried['delivery']}"
        eventually(lambda: admin.get(where).json()["state"] == "done")
    try:
        quick(world, "message")
        case, _ = called(world, "d6")
        asked = eventually(lambda: [one for one in gateway.came if one.get("case") == case])
        (told,) = [one for one in asked if one["type"] == "contact.message" and one["contact"]]
        person = world.city.roster.on_duty(told["unit"], "", world.hub.clock())[0]
        assert told["phone"] == person.phone and told["name"] == person.name
        assert told["number"] in told["text"]["zh"] and told["until"]

        plan = eventually(
            lambda: [one for one in gateway.came if one["case"] == case and not one["contact"]]
        )
        assert {one["type"] for one in plan} == {"contact.message"}, "whom the plan tells, too"
        assert not any(one["until"] for one in plan) and all(one["phone"] for one in plan)

        def gateway_says() -> Any:
            with world.client("duty_officer") as client:
                tries = client.get(f"/api/cases/{case}/contacts").json()["items"][-1]["tries"]
            return tries if tries[-1]["gateway"] == "done" else None

        tries = eventually(gateway_says)
        assert tries[-1]["outcome"] == "handed_over"
        events = world.hub.records.read(
            lambda c: [r for t in TABLES if t.name == "case_contact" for r in c.execute(t.select())]
        )
        assert events and person.phone not in repr(events)
    finally:
        world.hub.city = before
        world.hub.manage.set_roster(before)
        gateway.server.shutdown()


def test_what_was_answered_is_not_sent_to_a_gateway_any_more(world: Any) -> None:
    gateway = Gateway(400)  # it refuses every number
    before = world.hub.city
    with world.client("system_admin") as admin, world.client("security_admin") as other:
        body = {"name": "no", "department": "fire", "url": gateway.url, "events": ["contact"]}
        name = admin.post("/api/webhooks", json=body).json()["webhook"]["webhook"]
        other.put("/api/contact-providers", json={"message": name})
        approve(world, name, gateway.url)
        world.hub.manage.look_again()
        try:
            quick(world)
            case, contact = called(world, "d5")
            path = f"/api/webhooks/{name}/deliveries"

            def sent(state: str) -> list[dict[str, Any]]:
                found = admin.get(path, params={"state": state}).json()["items"]
                return [one for one in found if one["case"] == case and one["attempts"]]

            [waits] = eventually(lambda: sent("waiting"))
            assert waits["status"] == 400
            with world.client("commander") as client:
                client.post(f"/api/cases/{case}/contacts/{contact}/answer")
                [gone] = eventually(lambda: sent("discarded"))
                assert "answered" in gone["reason"]
                tries = client.get(f"/api/cases/{case}/contacts").json()["items"][-1]["tries"]
            assert tries[-1]["gateway"] == "discarded"
        finally:
            admin.post(f"/api/webhooks/{name}", json={"on": False})
            other.put("/api/contact-providers", json={})
            world.hub.city = before
            world.hub.manage.set_roster(before)
            gateway.server.shutdown()
