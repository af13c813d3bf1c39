"""The people of a seeded city: who verifies, sends, accepts, handles, checks and closes.

They see what an account of theirs may see, hear of cases by push, take their time, and do the
next step that the city offers them. Now and then a check fails and work is done again. Whoever goes
where there was nothing, by the feed's own truth, says so, and the case is void.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tianmu.rehearse.city.city import Answered, City, connect, credentials
from tianmu.rehearse.city.listen import Heard
from tianmu.rehearse.feed.found import Found
from tianmu.rehearse.truth.words import Words

log = logging.getLogger("tianmu.people")

WORKER = "worker:"
OTHER = ":event:other"
"""how the key of a pack's matter for what is none of the others ends"""
FAIL = 0.06
"""share of checks that fail"""


@dataclass(frozen=True)
class Habit:
    """One step: at which stage, by whom, after how long (s, from … to), with what."""

    stage: str
    step: str
    who: str
    after: tuple[float, float]


HABITS = (
    Habit("verify", "verify", "duty", (5, 40)),
    Habit("verify", "file", "duty", (5, 40)),
    Habit("file", "file", "duty", (5, 30)),
    Habit("dispatch", "order", "duty", (5, 40)),
    Habit("handle", "accept", WORKER, (5, 60)),
    Habit("handle", "handle", WORKER, (20, 90)),
    Habit("handle", "feed_back", WORKER, (60, 300)),
    Habit("feed_back", "check", "checker", (20, 120)),
    Habit("check", "close", "checker", (5, 30)),
)


THERE = frozenset(("feed_back", "check", "close"))
"""steps before which somebody has been there"""
VOID = Habit("", "void", "duty", (20, 120))
WAITING = {"accept": "sent", "handle": "accepted", "feed_back": "handling"}
"""step of a unit → the state of the order it is for"""


class People:
    """Plays everybody who works on cases, from the credentials the city wrote for its feed. They
    say ``words``, and understand citizens by ``told``."""

    def __init__(self, data: Path, words: dict[str, str], told: Words, pace: float = 1.0) -> None:
        tokens = credentials(data)["tokens"]
        self._cities: dict[str, City] = {
            role: connect(data, role)
            for role in tokens
            if role in {"duty", "checker"} or role.startswith(WORKER)
        }
        if "duty" not in self._cities:
            raise RuntimeError("this city was started without a feed: nobody plays its people")
        self._words, self._told, self._pace = words, told, pace
        self._found = Found(data / "feed" / "truth.jsonl")
        self._at_work: set[str] = set()
        self._matters: list[str] = []
        """keys that the duty officer chooses from where nobody can tell what it is about"""

    async def run(self) -> None:
        """For ever: hear of cases, and do what is next."""
        duty = self._cities["duty"]
        with Heard(duty, {"case"}) as heard:
            brief = await asyncio.to_thread(duty.get, "/api/city")
            self._matters = [m["key"] for m in brief["matters"] if m["kind"] == "event"]
            page = await asyncio.to_thread(duty.get, "/api/cases", open="true", limit=200)
            for case in page["items"]:
                self._begin(case)
            while True:
                for _, _, case in heard.take():
                    self._begin(case)
                await asyncio.sleep(0.5)

    def _begin(self, case: dict[str, Any]) -> None:
        if case["probe"] or case["case"] in self._at_work or case["stage"] in {"close", "evaluate"}:
            return
        self._at_work.add(case["case"])
        task = asyncio.create_task(self._work(case["case"]))
        task.add_done_callback(lambda _: self._at_work.discard(case["case"]))

    async def _work(self, case: str) -> None:
        """Carry a case on until nobody of ours can, or it ends."""
        while True:
            view = await self._view("duty", case)
            step = self._next(view) if view else None
            if view is None or step is None:
                return
            who, habit = step
            if habit.step in THERE and self._found.nothing(view):
                who, habit = VOID.who, VOID
            await asyncio.sleep(random.uniform(*habit.after) * self._pace)
            with contextlib.suppress(httpx.TransportError):
                await self._do(case, who, habit)

    def _next(self, view: dict[str, Any]) -> tuple[str, Habit] | None:
        """Whose turn it is, by the stage and the orders."""
        for habit in HABITS:
            if habit.stage != view["stage"]:
                continue
            if habit.who != WORKER:
                return habit.who, habit
            order = next((o for o in view["orders"] if o["state"] == WAITING[habit.step]), None)
            if order is not None:
                who = f"{WORKER}{order['unit']}"
                if who not in self._cities:
                    who = f"{WORKER}{view['owner']}"
                return (who, habit) if who in self._cities else None
        return None

    async def _view(self, who: str, case: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = await asyncio.to_thread(
                self._cities[who].get, f"/api/cases/{case}"
            )
            return found
        except (Answered, httpx.TransportError):
            return None

    async def _do(self, case: str, who: str, habit: Habit) -> None:
        """The step, if the city still offers it to this account; another of the stage if not."""
        view = await self._view(who, case)
        if view is None:
            await asyncio.sleep(5)
            return
        offered = {action["step"] for action in view["actions"]}
        step = habit.step
        if habit is VOID and not self._found.nothing(view):
            return  # somebody told of it meanwhile
        if step not in offered:
            others = [h.step for h in HABITS if h.stage == view["stage"] and h.step in offered]
            if not others:
                if "assign" in offered and not view["owner"]:
                    others = ["assign"]
                else:
                    await asyncio.sleep(15)
                    return
            step = others[0]
        data = self._data(step, view)
        words = "mended" if data.get("result") == "pass" else step
        body = {"reason": self._words.get(words, ""), "data": data}
        try:
            await asyncio.to_thread(
                self._cities[who].post, f"/api/cases/{case}/steps/{step}", body,
                headers={"If-Match": f'"{view["version"]}"'},
            )  # fmt: skip
        except Answered as problem:
            if problem.status not in {409, 412}:
                log.info("%s at %s by %s: %s", step, case, who, problem)
            await asyncio.sleep(5)

    def _data(self, step: str, view: dict[str, Any]) -> dict[str, Any]:
        order = next((o for o in view["orders"] if o["state"] == WAITING.get(step)), None)
        if order is not None:
            told = {"result": self._words["feed_back"]} if step == "feed_back" else {}
            return {"order": order["order"], **told}
        if step in {"verify", "file"} and not view["matter"]:
            return {"matter": self._matter(view)}
        if step == "check":
            return {"result": "fail" if random.random() < FAIL else "pass"}
        if step == "assign":
            workers = [c.removeprefix(WORKER) for c in self._cities if c.startswith(WORKER)]
            return {"department": random.choice(workers)}
        return {}

    def _matter(self, view: dict[str, Any]) -> str:
        """What a case without a matter is about, by what was said; else the pack's other request,
        and only in a city without one any matter."""
        said = f"{' '.join(view['title'].values())} {view['text']}"
        other = next((key for key in self._matters if key.endswith(OTHER)), "")
        return self._told.matter_of(said) or other or random.choice(self._matters)
