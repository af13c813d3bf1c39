"""What a merged case gets back as it is taken out of the other. Pure.

Each has its own again, with what was done to it meanwhile: an order that was accepted stays so.
What nobody has touched since is as it was before the merge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from tianmu.manage.case.aside import Supervision
from tianmu.manage.case.contact import CONTACT, Contact
from tianmu.manage.case.estate import (
    KEYS,
    OF_ORDER,
    PLAIN,
    SETS,
    Fields,
    led,
    read,
    replace,
    runs_for,
)
from tianmu.manage.case.state import DISPUTED, OPEN_ORDER, Call, CaseState, Clock, Order, Task
from tianmu.manage.merging.estate_clocks import begin_stage, running, set_clocks

if TYPE_CHECKING:
    from tianmu.city.city import City


def give_back(city: City, back: CaseState, here: CaseState, now: int) -> tuple[Fields, Fields]:
    """``back`` was merged into ``here`` and comes back: the fields of ``here`` that change, and
    those in which ``back`` is not what it was (``kept``)."""
    left, kept = back.beside.get("left"), back.kept
    if not left or kept is None:
        return {}, {}
    own, made = read(left["own"]), read(left["made"])
    moved = {**{name: [] for name in KEYS}, **left["moved"]}
    mine: Fields = {}
    theirs: Fields = {}
    for name in KEYS:
        if name in made:
            mine[name], theirs[name] = _parted(name, own, made, kept, here, moved[name])
        both = theirs.get(name, getattr(kept, name))
        theirs[name] = tuple(
            one if KEYS[name](one) in moved[name] else _reached(one, back.closed_at, here)
            for one in both
        )
    asked = here.extension
    if asked is not None and asked.order in moved["orders"]:
        mine["extension"], theirs["extension"] = None, asked
    elif moved["extension"]:
        theirs["extension"] = None  # it was decided on
    if "supervision" in made:
        mine["supervision"], theirs["supervision"] = _watched(own, made, kept, here)
    for name in SETS:
        if name in made:
            stays = [one for one in getattr(here, name) if one not in made[name]]
            mine[name] = (*own[name], *stays)
    _hands(mine, theirs, kept, here)
    for name in ("failed", "calmed"):
        if name in made:
            mine[name] = max(0, getattr(here, name) - made[name] + own[name])
    for name in PLAIN:
        if name in made and getattr(here, name) == made[name]:
            mine[name] = own[name]
    orders = mine.get("orders", here.orders)
    leads = {one.unit for one in orders if one.lead and one.state in OPEN_ORDER}
    if "lead" in made and here.lead == made["lead"] and leads <= {own["lead"]}:
        mine["lead"], mine["joint"] = own["lead"], own.get("joint", here.joint)
    mine["stage"] = _stage_left(back, own, made, here, orders)
    mine["queue"] = _queue_left(own, made, here, mine["stage"])
    theirs["stage"] = _stage_back(kept, theirs.get("orders", kept.orders))
    theirs["queue"] = _queue_back(kept, made, here, theirs["stage"])
    _Parting(own, made, moved, kept, here, mine, theirs).clocks(city, now)
    return (
        {name: value for name, value in mine.items() if value != getattr(here, name)},
        {name: value for name, value in theirs.items() if value != getattr(kept, name)},
    )


def _since(before: Any, made: Any, here: Any) -> Any:
    """``before`` with what has changed of ``made`` until now."""
    known = msgspec.structs.asdict(made)
    found = msgspec.structs.asdict(here)
    return replace(before, **{name: one for name, one in found.items() if one != known[name]})


def _parted(
    name: str, own: Fields, made: Fields, kept: CaseState, here: CaseState, moved: list[str]
) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Orders, calls or points: those that stay, and those that go back."""
    key = KEYS[name]
    was, mid, had = (
        {key(one): one for one in some} for some in (own[name], made[name], getattr(kept, name))
    )
    stay: list[Any] = []
    gone: dict[str, Any] = {}
    for one in getattr(here, name):
        known = key(one)
        if known in moved:
            gone[known] = _since(had[known], mid[known], one)
        else:
            stay.append(_since(was[known], mid[known], one) if known in was else one)
    back = [
        gone.get(key(one), one)
        for one in getattr(kept, name)
        if key(one) in gone or key(one) not in moved
    ]
    return tuple(stay), tuple(back)


def _reached(one: Any, merged_at: int, here: CaseState) -> Any:
    """A call, a point or a ladder that both had and that was one meanwhile: who came or answered,
    did so for both."""
    if isinstance(one, Call) and one.waits:
        for call in here.calls:
            known = call.unit == one.unit and call.called_at <= merged_at
            if known and max(call.arrived_at, call.ended_at) >= merged_at:
                names = ("arrived_at", "arrived_by", "ended_at", "ended_by")
                return replace(one, **{name: getattr(call, name) for name in names})
    if isinstance(one, Task) and not one.done_at:
        for task in here.tasks:
            if task.code == one.code and task.done_at:
                return replace(one, done_at=task.done_at, done_by=task.done_by)
    if isinstance(one, Contact) and one.waits:
        for held in here.contacts:
            same = (held.ladder, held.cause) == (one.ladder, one.cause)
            if same and held.state == "answered" and held.ended_at >= merged_at:
                names = ("state", "answered_by", "ended_at", "due")
                return replace(one, **{name: getattr(held, name) for name in names})
    return one


def _watched(
    own: Fields, made: Fields, kept: CaseState, here: CaseState
) -> tuple[Supervision | None, Supervision | None]:
    """Who supervises each: whoever did, unless that has ended since."""
    mid, held = made["supervision"], here.supervision
    same = held is not None and (held.by, held.at) == (mid.by, mid.at)
    if own["supervision"] is None:  # it came with the other
        return (None, _since(kept.supervision, mid, held)) if same else (held, None)
    return (_since(own["supervision"], mid, held) if same else held), kept.supervision


def _hands(mine: Fields, theirs: Fields, kept: CaseState, here: CaseState) -> None:
    """Who had a hand in each: whoever had, and whoever has since accepted or done its orders."""

    def did(orders: Iterable[Order]) -> list[str]:
        return [who for one in orders for who in (one.accepted_by, one.done_by) if who]

    known = mine.get("hands", here.hands)
    mine["hands"] = tuple(dict.fromkeys((*known, *did(mine.get("orders", here.orders)))))
    theirs["hands"] = tuple(dict.fromkeys((*kept.hands, *did(theirs.get("orders", ())))))


def _stage_left(
    back: CaseState, own: Fields, made: Fields, here: CaseState, orders: tuple[Order, ...]
) -> str:
    """Where the case stands whose orders have in part gone back."""
    if any(one.state in OPEN_ORDER for one in orders):
        return "handle"
    if "stage" not in own:
        return _result(orders, here, here.stage)
    merged_at = back.closed_at
    done = any(one.lead and one.state == "done" and one.done_at > merged_at for one in orders)
    moved_on = made["stage"] != "handle" and here.stage != made["stage"]
    if (done and here.stage in ("feed_back", "check")) or moved_on:
        return _result(orders, here, here.stage)
    return str(own["stage"])


def _result(orders: tuple[Order, ...], state: CaseState, stage: str) -> str:
    """``stage``, where no order is open any more: without the lead's result there is nothing to
    check."""
    if stage not in ("handle", "feed_back", "check"):
        return stage
    if not led(orders, state):
        return "dispatch"
    return "feed_back" if stage == "handle" else stage


def _queue_left(own: Fields, made: Fields, here: CaseState, stage: str) -> str:
    as_it_was = stage == own.get("stage", here.stage)
    if as_it_was and "queue" in made and here.queue == made["queue"]:
        return str(own["queue"])
    if stage == here.stage:
        return here.queue
    if as_it_was:
        return str(own.get("queue", here.queue))
    return "dispatch" if stage == "dispatch" else ""


def _stage_back(kept: CaseState, orders: tuple[Order, ...]) -> str:
    if any(one.state in OPEN_ORDER for one in orders):
        return "handle"
    return _result(orders, kept, kept.stage)


def _queue_back(kept: CaseState, made: Fields, here: CaseState, stage: str) -> str:
    settled = kept.queue == DISPUTED and made.get("queue") == DISPUTED and here.queue != DISPUTED
    if stage == kept.stage and not settled:
        return kept.queue
    return "dispatch" if stage == "dispatch" else ""


class _Parting:
    """Each clock goes to the case whose order, call, point or stage it runs for."""

    def __init__(
        self,
        own: Fields,
        made: Fields,
        moved: Mapping[str, list[str]],
        kept: CaseState,
        here: CaseState,
        mine: Fields,
        theirs: Fields,
    ) -> None:
        self.was, self.mid = (
            {one.name: one for one in fields.get("clocks", ())} for fields in (own, made)
        )
        self.paused = own.get("paused", here.paused)
        self.moved, self.kept, self.here = moved, kept, here
        self.mine, self.theirs = mine, theirs
        self.left, self.back = replace(here, **mine), replace(kept, **theirs)

    def clocks(self, city: City, now: int) -> None:
        stay = self._run(city, self.left, self._stay(), now)
        shares = dict(self.paused)
        stopped = self.here.suspended_at
        set_clocks(city, self.here, self.mine, stay, now, stopped=stopped, paused_before=shares)
        gone = self._run(city, self.back, self._gone(running(city, self.here, now)), now)
        set_clocks(city, self.kept, self.theirs, gone, now)

    @staticmethod
    def _run(
        city: City, after: CaseState, clocks: Mapping[str, Clock], now: int
    ) -> Iterable[Clock]:
        run = {name: one for name, one in clocks.items() if runs_for(after, name)}
        begin_stage(city, after, run, now)
        return run.values()

    def _goes(self, name: str) -> bool:
        what, _, which = name.partition(":")
        if what in OF_ORDER:
            return which in self.moved["orders"]
        if what == "task":
            return which in self.moved["tasks"]
        if what == "arrive":
            call = self.here.waiting_for(which)
            return call is not None and KEYS["calls"](call) in self.moved["calls"]
        if what == "contact":
            mine = (one for one in self.here.contacts if one.clock == name)
            return any(KEYS["contacts"](one) in self.moved["contacts"] for one in mine)
        if what == "supervise":
            return bool(self.moved["supervision"]) and self.left.supervision is None
        return what == "rule" and self.back.queue == DISPUTED != self.left.queue

    def _stay(self) -> dict[str, Clock]:
        was, mid = self.was, self.mid
        stay = {
            one.name: was[one.name] if one.name in was and one == mid.get(one.name) else one
            for one in self.here.clocks
            if not self._goes(one.name)
        }
        for name, one in was.items():
            if name not in mid:  # it was stopped by the merge
                stay.setdefault(name, one)
        return {**{name: stay[name] for name in was if name in stay}, **stay}

    def _gone(self, resumed: Mapping[str, Clock]) -> dict[str, Clock]:
        stood_still = dict(self.here.paused) if not self.kept.suspended_at else {}
        gone: dict[str, Clock] = {}
        for one in self.kept.clocks:
            if one.name not in self.moved["clocks"]:
                gone[one.name] = one
            elif self._goes(one.name) and (held := self.here.clock(one.name)) is not None:
                same = held == self.mid.get(one.name) and one.name not in stood_still
                gone[one.name] = one if same else resumed[one.name]
        for one in self.here.clocks:
            if self._goes(one.name) and not one.name.startswith(CONTACT):
                gone.setdefault(one.name, resumed[one.name])
        return {**gone, **self._ladders(resumed, stood_still)}

    def _ladders(
        self, resumed: Mapping[str, Clock], stood_still: Mapping[str, float]
    ) -> dict[str, Clock]:
        """The clocks of ladders that go back and have moved on here, by their names there."""
        key, found = KEYS["contacts"], {}
        here = {key(one): one.clock for one in self.here.contacts}
        for one in self.back.contacts:
            name = here.get(key(one), "") if key(one) in self.moved["contacts"] else ""
            held = self.here.clock(name) if one.running else None
            if held is not None and (held != self.mid.get(name) or name in stood_still):
                found[one.clock] = replace(resumed[name], name=one.clock)
        return found
