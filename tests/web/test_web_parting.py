"""A case that went to another department: the one before sees nothing of what happens afterwards,
its system is told so once, and whoever gets it back sees it again."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import httpx
import pytest

from tianmu.access.scope import WHOLE
from tianmu.command import telling
from tianmu.command.webhook import Webhook
from tianmu.facts.topic import CASE
from tianmu.manage.case.parties import parties
from tianmu.web.answer import page
from waiting import eventually

from .receivers import Hook, Receiver, fast, hook, new_case, receiver, sent, steps, unit

__all__ = ["fast", "hook", "receiver", "unit"]
AFTER = "the pump is in the cellar"
PHOTO = b"\x89PNG\r\n\x1a\n" + b"a burst pipe"


@dataclass
class Department:
    """A department, its worker and its system."""

    code: str
    worker: httpx.Client
    system: httpx.Client

    def sees(self, case: str) -> bool:
        """Whether its people see the case, everywhere or nowhere."""
        found = {"limit": 500}
        lists = [
            self.worker.get("/api/cases", params=found),
            self.worker.get("/api/cases", params={**found, "open": True}),
            self.worker.get("/api/cases", params={**found, "q": AFTER}),
            self.worker.get("/api/field/work"),
        ]
        assert [one.status_code for one in lists] == [200] * len(lists)
        named = [f'"{case}"' in one.text for one in lists]
        status = self.worker.get(f"/api/cases/{case}").status_code
        assert status in (200, 404)
        if status == 404:
            assert not any(named), named
            for part in ("exposure", "room", "alike"):
                assert self.worker.get(f"/api/cases/{case}/{part}").status_code == 404, part
            note = {"data": {"text": "let me in"}}
            assert self.worker.post(f"/api/cases/{case}/steps/note", json=note).status_code == 404
        else:
            assert named[0], "it is in the list, too"
        return status == 200

    def changes(self, after: str, limit: int = 100) -> list[dict[str, Any]]:
        """What its system is told since the cursor, from so many events a page."""
        items: list[dict[str, Any]] = []
        while True:
            asked: dict[str, Any] = {"after": after, "limit": limit}
            told = self.system.get("/api/orders/changes", params=asked).json()
            items, after = items + told["items"], told["next"]
            if not told["more"]:
                return items

    def cursor(self) -> str:
        return str(self.system.get("/api/orders/changes").json()["next"])


@pytest.fixture
def department(world: Any) -> Iterator[Callable[[str], Department]]:
    made: list[Department] = []

    def make(code: str) -> Department:
        clients = []
        for role in ("department_worker", "department_system"):
            name = f"p{uuid.uuid4().hex[:8]}"
            world.tokens[name] = world.account(name, [role], department=code)
            clients.append(world.client(name))
        made.append(Department(code, *clients))
        return made[-1]

    yield make
    for one in made:
        one.worker.close()
        one.system.close()


def stranger(world: Any, case: str) -> str:
    """A department that the case does not concern, nor one above or below it."""
    parent = {one.code: one.parent for one in world.city.departments.values()}
    near = parties(world.hub.manage.case(case, WHOLE))
    near |= {parent[one] for one in near}
    return str(next(one for one in parent if not {one, parent[one]} & near))


def note(world: Any, case: str) -> None:
    steps(world, case, "note", text=AFTER)


def nothing_later(world: Any, receiver: Receiver, case: str, code: str) -> None:
    """The department's receiver hears of a case that comes after, and no more of this one."""
    told = len(receiver.told(case))
    other = sent(world)
    if world.hub.manage.case(other, WHOLE).lead != code:
        steps(world, other, "transfer", department=code)
    eventually(lambda: receiver.told(other))
    assert len(receiver.told(case)) == told


def own_of(world: Any, case: str, code: str) -> str:
    orders = world.hub.manage.case(case, WHOLE).orders
    return str(next(one.order for one in orders if one.unit == code))


def test_a_transferred_case_is_the_new_departments_alone(
    world: Any,
    hook: Callable[..., Hook],
    receiver: Receiver,
    department: Callable[[str], Department],
    stream: Any,
) -> None:
    case = sent(world)
    old = department(str(world.hub.manage.case(case, WHOLE).lead))
    new = department(stranger(world, case))
    hook(receiver.url, department=old.code)
    steps(world, case, "urge")
    eventually(lambda: receiver.told(case))
    with world.client("duty_officer") as duty:
        file = {"file": ("pipe.png", PHOTO, "image/png")}
        kept = duty.post(f"/api/cases/{case}/evidence", files=file).json()
    path = f"/api/cases/{case}/evidence/{kept['evidence']}"
    assert old.sees(case) and not new.sees(case)
    assert old.worker.get(path, params={"export": True}).status_code == 200
    heard, cursor = stream(old.worker), old.cursor()
    heard.wait("hello")
    beside = stream(new.worker)
    beside.wait("hello")
    steps(world, case, "transfer", department=new.code)
    note(world, case)
    assert new.sees(case)
    assert {told["case"] for told in heard.wait("withdrawn")} == {case}
    beside.wait("case")
    assert not beside.of("withdrawn"), "it is theirs now"
    assert not old.sees(case), "it was handed on"
    for asked in ({}, {"export": True}):
        assert old.worker.get(path, params=asked).status_code == 404
        assert new.worker.get(path, params=asked).status_code == 200
    # its system: the end of its order, that the case is gone, and nothing more
    told = eventually(
        lambda: (found := receiver.told(case))[-1]["type"] == "case.withdrawn" and found
    )
    kinds = [one["type"] for one in told]
    assert kinds[-2:] == ["case.cancel", "case.withdrawn"] and kinds.count("case.withdrawn") == 1
    assert told[-2]["data"]["orders"][0]["state"] == "cancelled"
    items = old.changes(cursor)
    nothing_later(world, receiver, case, old.code)
    assert [one["type"] for one in items] == ["case.cancel", "case.withdrawn"]
    for one in (*told[-2:], *items):
        assert {name for name, value in one["data"]["case"].items() if value} == {"case"}
        assert new.code not in json.dumps(one) and AFTER not in json.dumps(one)
    # what it did itself it still sees
    order = own_of(world, case, old.code)
    held = old.system.get(f"/api/orders/{order}")
    assert held.status_code == 200 and "etag" not in held.headers
    assert held.json()["order"]["state"] == "cancelled" and held.json()["steps"] == []
    assert {name for name, value in held.json()["case"].items() if value} == {"case"}
    page = old.system.get("/api/orders", params={"state": "cancelled"}).json()["items"]
    assert order in {one["order"]["order"] for one in page}
    assert old.system.get("/api/orders").text.count(f'"{case}"') == 0
    assert new.system.get(f"/api/orders/{order}").status_code == 404
    assert AFTER not in json.dumps(heard.events) and not [
        one for _, kind, one in heard.events if kind == "case" and one["case"] == case
    ]
    heard.stop()
    for way in (f"{order}/steps/accept", f"{order}/number"):
        late = old.system.post(f"/api/orders/{way}", json={"number": "WO-1"})
        assert late.status_code == 409 and late.json()["type"].endswith("not-yours"), way
        assert "deed-version" not in late.headers
    # taken back: it is there again, with all that came meanwhile
    steps(world, case, "transfer", department=old.code)
    assert old.sees(case) and not new.sees(case)
    note(world, case)
    eventually(lambda: receiver.told(case)[-1]["type"] == "case.note")
    assert receiver.told(case)[-1]["data"]["case"]["lead"] == old.code


@pytest.mark.parametrize("step", ["cancel", "return"])
def test_whoever_helped_and_does_no_more_hears_no_more(
    world: Any,
    hook: Callable[..., Hook],
    receiver: Receiver,
    department: Callable[[str], Department],
    step: str,
) -> None:
    case = sent(world)
    helper = department(stranger(world, case))
    hook(receiver.url, department=helper.code)
    steps(world, case, "order", department=helper.code, lead=False)
    order = own_of(world, case, helper.code)
    eventually(lambda: receiver.told(case))
    assert helper.sees(case)
    cursor = helper.cursor()
    if step == "cancel":
        steps(world, case, "cancel", order=order)
    else:
        asked, once = {"reason": "not our pipe"}, {"Idempotency-Key": uuid.uuid4().hex}
        for again in ("0", "1"):  # the answer may get lost: it is sent again, and counts once
            done = helper.system.post(f"/api/orders/{order}/steps/return", json=asked, headers=once)
            assert done.status_code == 200, done.text
            assert done.headers.get("Deed-Again", "0") == again
            assert done.json()["order"]["state"] == "returned" and not done.json()["steps"]
    note(world, case)
    assert not helper.sees(case)
    told = eventually(
        lambda: (found := receiver.told(case))[-1]["type"] == "case.withdrawn" and found
    )
    assert [one["type"] for one in told[-2:]] == [f"case.{step}", "case.withdrawn"]
    assert [one["type"] for one in helper.changes(cursor)] == [f"case.{step}", "case.withdrawn"]
    nothing_later(world, receiver, case, helper.code)
    assert AFTER not in json.dumps(receiver.told(case))


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_that_a_case_is_gone_is_told_once_however_many_orders_ended(
    world: Any, department: Callable[[str], Department], limit: int
) -> None:
    case = sent(world)
    helper = department(stranger(world, case))
    cursor = helper.cursor()
    for task in ("pump", "dry"):
        steps(world, case, "order", department=helper.code, lead=False, task=task)
    orders = [one for one in world.hub.manage.case(case, WHOLE).orders if one.unit == helper.code]
    assert len(orders) == 2
    for one in orders:
        steps(world, case, "cancel", order=one.order)
        note(world, case)
    kinds = [one["type"] for one in helper.changes(cursor, limit)]
    assert kinds == ["case.cancel", "case.cancel", "case.withdrawn"]
    # and so is a receiver that hears of each of them in a batch of its own
    hub, journal = world.hub, world.hub.manage.journal
    pipe = a_webhook(helper.code)
    told: list[str] = []
    for entry in journal.read(CASE.name, page.read(cursor, int)[0]):
        found = hub.records.read(partial(telling.read, entries=[entry], journal=journal))
        made = telling.make(hub.deliverer.teller, [pipe], found, set(), 0)
        told += [one.type for one in made.deliveries]
    assert told == kinds


def test_whoever_led_or_joined_without_an_order_hears_once_that_it_is_gone(
    world: Any,
    hook: Callable[..., Hook],
    receiver: Receiver,
    department: Callable[[str], Department],
    stream: Any,
) -> None:
    case = new_case(world)
    steps(world, case, "verify")
    old = department(stranger(world, case))
    steps(world, case, "assign", department=old.code)
    joint = department(stranger(world, case))
    steps(world, case, "assign", department=old.code, joint=[joint.code])
    new = stranger(world, case)
    for one in (old, joint):
        hook(receiver.url, department=one.code)
    note(world, case)
    eventually(lambda: len(receiver.told(case)) == 2)
    heard = [stream(one.worker) for one in (old, joint)]
    for one in heard:
        one.wait("hello")
    cursor = old.cursor()
    assert old.sees(case) and joint.sees(case)
    steps(world, case, "assign", department=new)
    note(world, case)
    assert not world.hub.manage.case(case, WHOLE).orders
    assert not old.sees(case) and not joint.sees(case)
    told = eventually(lambda: len(found := receiver.told(case)) == 4 and found)
    assert [one["type"] for one in told[2:]] == ["case.withdrawn"] * 2
    for whose, pages in zip((old, joint), heard, strict=True):
        pages.wait("withdrawn")
        assert [one["type"] for one in whose.changes(cursor)] == ["case.withdrawn"]
    # had and lost again: whoever asks only now is told once, however small the pages are
    steps(world, case, "assign", department=old.code)
    assert old.sees(case)
    steps(world, case, "assign", department=new)
    note(world, case)
    for limit in (1, 2, 100):
        items = old.changes(cursor, limit)
        assert [one["type"] for one in items] == ["case.withdrawn"]
        assert new not in json.dumps(items) and AFTER not in json.dumps(items)
    assert [one["type"] for one in joint.changes(cursor)] == ["case.withdrawn"]
    eventually(lambda: heard[0].of("withdrawn") == [{"case": case}] * 2)
    assert heard[1].of("withdrawn") == [{"case": case}]
    for pages in heard:
        pages.stop()


def a_webhook(department: str) -> Webhook:
    """Of which no table knows."""
    return Webhook(
        webhook="w",
        name="w",
        department=department,
        url="",
        events=["cancel"],
        on=True,
        note="",
        since=0,
        secret="",
        older="",
        older_until=0,
        created_at=0,
        actor="",
        version=1,
    )


def test_a_phone_whose_return_was_not_answered_is_answered_as_it_was_then(
    world: Any, department: Callable[[str], Department]
) -> None:
    case = sent(world)
    helper = department(stranger(world, case))
    steps(world, case, "order", department=helper.code, lead=False)
    asked = {"reason": "not our pipe", "data": {"order": own_of(world, case, helper.code)}}
    once, path = {"Idempotency-Key": uuid.uuid4().hex}, f"/api/cases/{case}/steps/return"
    first = helper.worker.post(path, json=asked, headers=once)
    assert first.status_code == 200, first.text
    note(world, case)
    with world.client("duty_officer") as duty:
        file = {"file": ("pipe.png", PHOTO + b" later", "image/png")}
        assert duty.post(f"/api/cases/{case}/evidence", files=file).status_code == 201
    again = helper.worker.post(path, json=asked, headers=once)
    assert again.status_code == 200, again.text
    assert again.headers["Deed-Again"] == "1"
    told = ("events", "members", "evidence", "orders", "version", "stage")
    assert [again.json()[name] for name in told] == [first.json()[name] for name in told]
    other = {**asked, "reason": "what goes on there?"}
    assert helper.worker.post(path, json=other, headers=once).status_code == 409
    fresh = {"Idempotency-Key": uuid.uuid4().hex}
    assert helper.worker.post(path, json=asked, headers=fresh).status_code == 404


def test_a_case_that_ends_is_taken_from_nobody(
    world: Any, hook: Callable[..., Hook], receiver: Receiver
) -> None:
    case = sent(world)
    helper = stranger(world, case)
    hook(receiver.url, department=helper)
    steps(world, case, "order", department=helper, lead=False)
    steps(world, case, "void")
    eventually(lambda: "case.void" in {one["type"] for one in receiver.told(case)})
    with world.client("commander") as centre:
        reopened = {"reason": "it is there"}
        done = centre.post(f"/api/cases/{case}/steps/reopen", json=reopened)
        assert done.status_code == 200, done.text
    told = eventually(
        lambda: (found := receiver.told(case))[-1]["type"] == "case.withdrawn" and found
    )
    kinds = [one["type"] for one in told]
    assert kinds.count("case.withdrawn") == 1, "it begins anew, and its order is of the past"
    assert kinds.index("case.void") < kinds.index("case.withdrawn")


def test_a_transfer_to_who_leads_already_says_so_in_both_languages(world: Any) -> None:
    case = sent(world)
    lead = world.hub.manage.case(case, WHOLE).lead
    asked = {"reason": "theirs", "data": {"department": lead}}
    name = world.city.departments[lead].name
    for language, words in (("en", "leads this case already"), ("zh", "已是本案主办")):
        with world.client("commander") as centre:
            answer = centre.post(
                f"/api/cases/{case}/steps/transfer",
                json=asked,
                headers={"Accept-Language": language},
            )
        assert answer.status_code == 409, answer.text
        said = answer.json()
        assert words in said["detail"] and name.get(language, "") in said["detail"]
        assert said["remedy"]
