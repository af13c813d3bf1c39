"""Live push: nothing lost, nothing twice, nobody hears what is not theirs."""

from __future__ import annotations

import random
import threading
import time
from functools import partial
from itertools import accumulate, product
from typing import Any

import pytest

from tianmu.manage.actor import SYSTEM
from tianmu.manage.kept.query import events_of
from tianmu.web.push import push, subscriber
from tianmu.web.push.render import TOPICS
from waiting import eventually

KINDS = {"alarm", "case", "report", "device", "source", "handover", "notice"}


def told(stream: Any) -> list[tuple[str, Any]]:
    """What a stream told besides hello, vital signs and what the machine did to cases, in order:
    (kind, who and which step)."""
    found = []
    for _, kind, data in stream.events:
        if kind == "alarm":
            found.append((kind, (data["alarm"], data["transition"])))
        elif kind == "case" and data["actor"] != SYSTEM.account:
            found.append((kind, (data["case"], data["sequence"])))
        elif kind == "report":
            found.append((kind, data["report"]))
    return found


def grown(events: list[Any]) -> dict[str, list[int]]:
    """Case → sequences of its steps as they were told, those of the machine included."""
    found: dict[str, list[int]] = {}
    for _, kind, data in events:
        if kind == "case":
            found.setdefault(data["case"], []).append(data["sequence"])
    return found


def ended(events: list[Any]) -> dict[str, int]:
    """Case → its last step that was told."""
    return {case: steps[-1] for case, steps in grown(events).items()}


def versions(client: Any) -> dict[str, int]:
    """Case → its last step there is."""
    items = client.get("/api/cases", params={"limit": 500}).json()["items"]
    return {one["case"]: one["version"] for one in items}


def told_up_to(stream: Any, case: str, version: int) -> bool:
    return grown(stream.events).get(case, [0])[-1] >= version


def report(client: Any, number: int) -> str:
    answer = client.post(
        "/api/reports",
        json={
            "channel": "hotline",
            "text": f"A lamp is dark, number {number}, call 13912345678",
            "place": {"longitude": 119.45 + number * 0.003, "latitude": 31.4},
            "reporter": {"name": "张三丰", "phone": "13912345678"},
        },
    )
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["report"]
    return found


def test_first_comes_hello(world: Any, stream: Any) -> None:
    with world.client("kiosk") as client:
        heard = stream(client)
        hello = heard.wait("hello")[0]
        assert hello["cursor"].count(".") == len(TOPICS) - 1
        assert hello["resumed"] is False
        signs = heard.wait("vitals", 2)
        assert signs[0]["at"] < signs[1]["at"]
        heard.stop()


def test_an_alarm_a_report_and_their_cases(world: Any, stream: Any) -> None:
    with world.client("duty_officer") as client:
        heard = stream(client)
        alarm = world.raise_alarm("d1", matter=world.matter())
        name = report(client, 1)
        world.settle()
        heard.wait("case", 2)
        assert heard.wait("alarm")[0]["alarm"] == alarm.alarm
        assert heard.of("alarm")[0]["text"] == {"zh": "火警", "en": "Fire alarm"}
        shown = heard.wait("report")[0]
        assert shown["report"] == name
        # the same JSON as the list gives, and masked
        listed = client.get("/api/reports").json()["items"][0]
        assert {**shown, "case": None} == {**listed, "case": None}
        assert "13912345678" not in str(heard.events)
        assert "三丰" not in str(heard.events)
        case = heard.of("case")[-1]
        # the same JSON as the list gives, and the step beside it
        items = client.get("/api/cases").json()["items"]
        [item] = [one for one in items if one["case"] == case["case"]]
        step = {name: case[name] for name in ("sequence", "step", "steps", "at", "actor")}
        assert case == {**item, "left": case["left"], **step}
        assert step["sequence"] == item["version"]
        heard.stop()


def test_resuming_loses_and_repeats_nothing(world: Any, stream: Any) -> None:
    """One listener stays; another is cut off again and again at random while things happen."""
    with world.client("duty_officer") as client, world.client("duty_officer") as writer:
        whole = stream(client)
        whole.wait("hello")
        done = threading.Event()

        def act() -> None:
            for number in range(60):
                if number % 3:
                    world.raise_alarm(f"d{number % 50}", matter=world.matter())
                else:
                    report(writer, number)
                if number % 5 == 0:
                    world.settle()
                    case = writer.get("/api/cases", params={"limit": 1}).json()["items"][0]["case"]
                    note = {"data": {"text": f"seen {number}"}}
                    assert writer.post(f"/api/cases/{case}/steps/note", json=note).is_success
                time.sleep(0.01)
            world.settle()
            done.set()

        actor = threading.Thread(target=act)
        start, before = whole.cursor, versions(client)
        actor.start()
        count = 60 + 12  # alarms and reports, and what a person did
        pieces: list[tuple[str, Any]] = []
        raw: list[Any] = []
        last = start
        while True:
            finished = done.is_set()
            piece = stream(client, last)
            assert piece.status == 200
            if finished:
                missing, held = count - len(pieces), list(raw)
                wanted = dict(versions(client).items() - before.items())

                def there(
                    piece: Any = piece,
                    missing: int = missing,
                    held: list[Any] = held,
                    wanted: dict[str, int] = wanted,
                ) -> bool:
                    ends = ended([*held, *piece.events])
                    return len(told(piece)) >= missing and ends == wanted

                eventually(there)
            else:
                time.sleep(random.uniform(0.0, 0.3))
            piece.stop()
            got = list(piece.events)
            # cut wherever: what was not taken yet must come again, what was must not
            cut = len(got) if finished else random.randint(1, len(got))
            piece.events = got[:cut]
            pieces += told(piece)
            raw += piece.events
            last = got[cut - 1][0]
            if finished:
                break
        actor.join()
        eventually(lambda: len(told(whole)) >= count and ended(whole.events) == wanted)
        expected = told(whole)
        assert len(expected) == count
        assert len(pieces) == len(set(pieces)), "something came twice"
        assert sorted(map(str, pieces)) == sorted(map(str, expected))
        # within a topic the order is that of the journal
        for kind in ("alarm", "case", "report"):
            assert [p for p in pieces if p[0] == kind] == [e for e in expected if e[0] == kind]
        # what the machine does to a case may be told together: what counts is how it ends
        seen, meant = grown(raw), grown(whole.events)
        assert ended(raw) == ended(whole.events) == wanted
        assert all(steps == sorted(set(steps)) for steps in (*seen.values(), *meant.values()))
        whole.stop()


def test_what_the_machine_does_to_a_case_is_told_together(world: Any, stream: Any) -> None:
    """Each step of a person is told by itself, each of the machine is named once and told with the
    next; whoever listens ends with the exact counts, and every count on the way is that of the
    version it stands beside."""
    with world.client("duty_officer") as client, world.client("duty_officer") as other:
        world.settle()
        page = client.get("/api/cases", params={"limit": 500}).json()["items"]
        heard_before = {one["case"]: one["version"] for one in page}
        listeners = [stream(client), stream(other, only="case")]
        for one in listeners:
            one.wait("hello")
        alarms: list[Any] = []
        for number in range(30):
            alarms.append(world.raise_alarm(f"d{number}", matter=world.matter()))
            if number % 7 == 0:
                world.settle()
        world.settle()
        held = world.hub.manage.case_of([one.alarm for one in alarms])
        noted = sorted(set(held.values()))[0]
        answer = client.post(f"/api/cases/{noted}/steps/note", json={"data": {"text": "seen"}})
        assert answer.status_code == 200, answer.text
        for heard, case in product(listeners, sorted(set(held.values()))):
            state = world.hub.manage.case(case)
            eventually(partial(told_up_to, heard, case, state.version), what=case)
            steps = world.hub.records.read(
                lambda c, case=case: events_of(c, world.hub.manage.journal, case)
            )
            told_of = [data for _, kind, data in heard.events if kind == "case"]
            own = [data for data in told_of if data["case"] == case]
            assert own[-1]["signals"] == state.signals
            # each count is that of its version: no signal is told early, late or twice
            count = dict(zip((one.sequence for one in steps), _signals(steps), strict=True))
            assert [one["signals"] for one in own] == [count[one["version"]] for one in own]
            # all steps are named, each in the event that tells of it, and in order
            before = heard_before.get(case, 0)
            since = [s.sequence for s in steps if s.sequence > before]
            for one in own:
                meant = [s.step for s in steps if before < s.sequence <= one["sequence"]]
                assert one["steps"] == list(dict.fromkeys(meant))
                before = one["sequence"]
            persons = {s.sequence for s in steps if s.actor != SYSTEM.account}
            assert persons & set(since) <= {one["sequence"] for one in own}
        for one in listeners:
            one.stop()


def _signals(steps: Any) -> list[int]:
    """How many signals a case had after each of its events."""
    by_step = {"open": 1, "join": 1, "leave": -1}
    return list(accumulate(by_step.get(one.step, 0) for one in steps))


def test_a_listener_hears_only_what_it_asks_for(world: Any, stream: Any) -> None:
    with world.client("duty_officer") as client:
        heard = stream(client, only="case,vitals")
        heard.wait("hello")
        world.raise_alarm("d1", matter=world.matter())
        report(client, 5)
        world.settle()
        heard.wait("case")
        heard.wait("vitals")
        assert {kind for _, kind, _ in heard.events} <= {"hello", "case", "vitals"}
        heard.stop()
        # somebody who comes later and wants more gets all of it from then on
        narrow, wide = stream(client, only="vitals"), stream(client)
        wide.wait("hello")
        alarm = world.raise_alarm("d2", matter=world.matter())
        assert alarm.alarm in {one["alarm"] for one in wide.wait("alarm")}
        narrow.stop()
        wide.stop()
        refused = stream(client, only="case,gossip")
        assert refused.status == 400
        refused.stop()


def test_scopes_hear_their_own(world: Any, stream: Any) -> None:
    here, there = world.towns()[:2]
    token = world.account("town-officer", ["duty_officer"], division=here)
    world.tokens["town"] = token
    with world.client("town") as client, world.client("duty_officer") as city:
        narrow, wide = stream(client), stream(city)
        mine = world.raise_alarm("d2", division=here, matter=world.matter())
        other = world.raise_alarm("d3", division=there, matter=world.matter())
        world.settle()
        assert len(wide.wait("alarm", 2)) == 2
        assert [one["alarm"] for one in narrow.wait("alarm")] == [mine.alarm]
        wide.wait("case")
        time.sleep(0.3)
        assert {one["division"] for one in narrow.of("case")} <= set(world.hub.below(here))
        assert other.alarm not in str(narrow.events)
        signs = narrow.wait("vitals")[-1]
        assert signs["devices"]["total"] < wide.wait("vitals")[-1]["devices"]["total"]
        narrow.stop()
        wide.stop()


def test_permissions_decide_what_is_heard(world: Any, stream: Any) -> None:
    with world.client("kiosk") as client, world.client("duty_officer") as writer:
        heard = stream(client)
        report(writer, 77)
        world.raise_alarm("d4")
        heard.wait("alarm")
        time.sleep(0.3)
        assert heard.of("report") == []  # a wall sees no reports
        heard.stop()


@pytest.mark.parametrize("cursor", ["", "a.b", "1.2.3", "-1.0.0.0.0.0.0"])
def test_a_cursor_that_is_none(world: Any, stream: Any, cursor: str) -> None:
    with world.client("kiosk") as client:
        heard = stream(client, cursor)
        assert heard.status == (400 if cursor else 200)
        heard.stop()


def test_a_cursor_of_another_time_is_gone(world: Any, stream: Any) -> None:
    with world.client("kiosk") as client:
        heard = stream(client, ".".join(["999999999"] * len(TOPICS)))
        assert heard.status == 410
        heard.stop()


def test_a_session_that_ends_ends_the_stream(
    world: Any, stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "BEAT", 0.2)
    world.tokens["leaves"] = world.account("leaves", ["leader"])
    with world.client("leaves") as client, world.client("system_admin") as admin:
        heard = stream(client)
        heard.wait("hello")
        assert admin.post("/api/accounts/leaves/disable").status_code == 200
        assert heard.ended(15)


def test_a_slow_listener_is_cut_and_resumes(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriber, "PENDING", 2_000)
    scope: Any = None
    one = subscriber.Subscriber(subscriber.Sort(scope=scope, permissions=frozenset()))
    for _ in range(30):
        one.give(b"x" * 100)
    assert one.cut
    assert not one.waiting


def test_one_account_does_not_take_the_places_of_the_others(
    world: Any, stream: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(push, "EACH", 2)
    world.tokens["crowd"] = world.account("crowd", ["leader"])
    with world.client("crowd") as one, world.client("commander") as other:
        held = [stream(one) for _ in range(2)]
        refused = one.get("/api/push")
        assert refused.status_code == 429 and refused.headers["retry-after"] == "30"
        beside = stream(other)
        assert beside.status == 200 and [line.status for line in held] == [200, 200]
        for line in (*held, beside):
            line.stop()
