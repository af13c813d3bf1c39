"""``tianmu drill``: what happens is played in its order, then what became of it is looked at."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tianmu.rehearse.city.city import Answered, City
from tianmu.rehearse.drill import became
from tianmu.rehearse.drill.days import later
from tianmu.rehearse.drill.ground import FOLLOWS, Ground, Unplayable, ground_of, seen
from tianmu.rehearse.drill.script import Drill, Expect, Play, moment, span, wanted
from tianmu.rehearse.drill.signals import Signal, Signals
from tianmu.rehearse.probe.marked import void

Tell = Callable[[str], None]

READ_AGAIN, CHANGED = 5, 412
"""times that a case is read again where it has changed meanwhile, and the answer that says so"""
LOOKS = 0.1
"""seconds between two looks whether an alarm has come"""
WAITED = timedelta(seconds=5)
"""of the drill, for each of these looks, where no speed is set"""
LAST = timedelta(minutes=1)
"""of the drill, after the last thing that happens"""
LONGEST = 180.0
"""seconds that a limit is waited for in a real city; such a drill gives it in minutes"""
TOGETHER = 60.0
"""seconds of the drill whose reports are sent as one batch"""


@dataclass(frozen=True)
class Due:
    """One thing to do, and when (after the start)."""

    at: timedelta
    do: Play | Expect | list[Signal]
    play: Play | None = None
    """where the reports are from"""


class Player:
    """Plays one drill on one city."""

    def __init__(
        self, drill: Drill, ground: Ground, *, speed: float = 0.0, tell: Tell = lambda line: None
    ) -> None:
        """``speed``: how many times faster than life; 0: as fast as the city follows."""
        self.drill, self.ground, self._speed, self._tell = drill, ground, speed, tell
        self._signals = Signals(ground, drill)
        self.truth: dict[str, str] = {}
        self.results: list[dict[str, Any]] = []
        self.unseen: list[dict[str, Any]] = []
        """what was expected and cannot be seen in this city"""
        self._begin, self._now = 0.0, timedelta()
        self._next = timedelta()
        """when the next thing happens"""
        self._since = ""
        self._known: dict[str, str] = {}
        """thing → its case, as last seen"""

    def run(self) -> dict[str, Any]:
        """All of it; what ``--json`` prints."""
        if self.ground.clock is not None:
            self._begin_later()
            self._move(timedelta())
        if self.ground.url:
            self._signals.void_leftovers()
            self.ground.settle()
        self._since = _rfc3339(datetime.fromtimestamp(self.ground.now() // 1_000_000, UTC))
        self._signals.prepare()
        self._begin = time.monotonic()
        try:
            self._perform()
        finally:
            self._tidy()
        passed = sum(one["passed"] for one in self.results)
        return {
            "drill": self.drill.name,
            "passed": passed,
            "failed": len(self.results) - passed,
            "seconds": round(time.monotonic() - self._begin, 1),
            "signals": len(self.truth),
            "cases": self.results,
            "unseen": self.unseen,
        }

    def _begin_later(self) -> None:
        """A city whose clock is past the start plays it as soon as such days come again."""
        wall = datetime.fromtimestamp(self.ground.now() / 1e6 - became.LATE, self.ground.zone)
        found = later(self.drill, wall.replace(tzinfo=None), self.ground.worked)
        if found is None:
            raise Unplayable(
                f"{self.drill.name} begins at {self.drill.start}, the city's clock is past that, "
                "and such days, holidays and all, do not come again: play it in a fresh city"
            )
        if found.start != self.drill.start:
            self._tell(f"the city's clock is past {self.drill.start}: played from {found.start} on")
        self.drill = found

    def _tidy(self) -> None:
        """A running city goes on: what is left of the drill would draw in what comes after it."""
        if not self.ground.url:
            return
        self._signals.put_out()
        ends = self.ground.own if self.ground.marked else self.ground.city_of("commander")
        for view in self._look().views.values():
            if not view["outcome"]:
                void(ends, view)
        self.ground.settle()

    def _perform(self) -> None:
        """All that happens, and what is expected."""
        agenda = self._agenda()
        for due, after in zip(agenda, [*agenda[1:], None], strict=True):
            self._move(due.at)
            self._next = after.at if after else due.at + LAST
            if isinstance(due.do, list):
                self._report(due.play, due.do)
            elif isinstance(due.do, Play):
                self._play(due.do)
            else:
                self._judge([due.do])
        self._judge([one for one in self.drill.expect if one.at is None])

    def _agenda(self) -> list[Due]:
        """Everything in the order of its time; what is expected at a time comes after what
        happens then."""
        found: list[tuple[timedelta, int, Due]] = []
        for play in self.drill.play:
            at = moment(self.drill, play.at)
            if play.report is None:
                found.append((at, 0, Due(at, play)))
                continue
            batches: dict[int, list[Signal]] = {}
            for one in self._signals.reports(play, play.report, span(play.over).total_seconds()):
                batches.setdefault(int(one.due // TOGETHER), []).append(one)
            for batch in batches.values():
                # told when the last of them has been told
                when = at + timedelta(seconds=batch[-1].due)
                found.append((when, 0, Due(when, batch, play)))
        for expect in self.drill.expect:
            if expect.at is not None:
                at = moment(self.drill, expect.at)
                found.append((at, 1, Due(at, expect)))
        return [due for _, _, due in sorted(found, key=lambda one: one[:2])]

    # -- time --------------------------------------------------------------------------------------

    def _move(self, at: timedelta) -> None:
        if self._speed and at > self._now:
            time.sleep((at - self._now).total_seconds() / self._speed)
        self._now = max(self._now, at)
        clock = self.ground.clock
        if clock is None:
            return
        wall = (self.drill.start + at).replace(tzinfo=self.ground.zone)
        clock.move(int(wall.timestamp() * 1_000_000))
        self.ground.settle()

    # -- what happens ------------------------------------------------------------------------------

    def _report(self, play: Play | None, batch: list[Signal]) -> None:
        assert play is not None
        for one in batch:
            wall = self.drill.start + moment(self.drill, play.at) + timedelta(seconds=one.due)
            if self.ground.clock is not None:
                at = wall.replace(tzinfo=self.ground.zone)
                one.body["at"] = _rfc3339(at)
        names = self._signals.send_reports(play.by, batch)
        self._tell(f"{self._wall()} {len(names)} reports about {batch[0].case or 'nothing'}")
        self._await({f"report:{name}": one.case for name, one in zip(names, batch, strict=True)})

    def _play(self, play: Play) -> None:
        if play.observe is not None and play.observe.device not in self._signals.named:
            self._tell(f"{self._wall()} {play.observe.device} is not in this city: not played")
        elif play.observe is not None:
            for _ in range(play.times):
                name = self._signals.observe(play.observe)
            self._tell(f"{self._wall()} {name} measures {play.observe.value:g}")
            self._await_alarms({f"device:{name}": play.case} if play.case else {})
        elif play.fire or play.normal:
            names = self._signals.panel(play.fire or play.normal, burns=bool(play.fire))
            self._tell(f"{self._wall()} {', '.join(names)}: {'fire' if play.fire else 'normal'}")
            burning = play.fire and play.case
            self._await_alarms({f"device:{one}": play.case for one in names} if burning else {})
        else:
            self._deed(play)

    def _await(self, signals: dict[str, str]) -> None:
        """Until the signals are in cases."""
        self.truth |= signals
        self.ground.settle()
        if self.ground.clock is None:
            self._until(lambda: set(signals) <= set(self._look().of))

    def _await_alarms(self, signals: dict[str, str]) -> None:
        new = {one: case for one, case in signals.items() if one not in self.truth}
        self.truth |= new
        if new:
            self._until(lambda: set(new) <= set(self._look().of))
        self.ground.follow()

    def _until(self, so: Callable[[], bool]) -> None:
        """What has not come in time is left to what is expected. Meanwhile the drill's time goes
        on, faster or at the speed that is set, as far as the next thing that happens: a rule may
        wait before it tells."""
        end = time.monotonic() + FOLLOWS
        pace = timedelta(seconds=LOOKS * self._speed) if self._speed else WAITED
        while not so() and (time.monotonic() < end or (self._speed and self._now < self._next)):
            left = self._next - self._now
            if self._speed and left > timedelta():
                self._move(self._now + min(pace, left))  # which takes its time
                continue
            time.sleep(LOOKS)
            if pace < left:
                self._move(self._now + pace)

    def _deed(self, play: Play) -> None:
        case = self._case(play.case)
        if case is None:
            self._note(play, "a case", "none")
            return
        what = _said(play)
        self._tell(f"{self._wall()} {play.by}: {what} on {play.case}")
        city = self.ground.city_of(play.by)
        if play.overdue and self.ground.clock is None:
            self._outlast(case, play.overdue)
        try:
            self._do(city, case, play)
        except Answered as problem:
            kind = str(problem.problem.get("type", problem.status)).rpartition("case-")[2]
            if kind != play.refused:
                self._note(play, play.refused or "done", f"{kind}: {problem}")
            elif play.refused:
                self._note(play, play.refused, kind)
        else:
            if play.refused:
                self._note(play, play.refused, "done")
        self.ground.settle()

    def _outlast(self, case: str, clock: str) -> None:
        """Until a clock of the case has run out by the city's own time."""
        view = self.ground.own.get(f"/api/cases/{case}")
        dues = [
            datetime.fromisoformat(one["due"]).timestamp()
            for one in view["deadlines"]
            if one["stage"].partition(":")[0] == clock
        ]
        left = max(dues, default=0.0) - self.ground.now() / 1e6 + 1.0
        if left > LONGEST:
            raise Unplayable(
                f"{self.drill.name}: {clock} of {view['number']} runs for another {left:.0f} s, "
                f"and this city's clock is nobody's to move: give it {LONGEST:g} s at most"
            )
        if left > 0:
            self._tell(f"{self._wall()} waits {left:.0f} s until {clock} has run out")
            time.sleep(left)

    def _do(self, city: City, case: str, play: Play) -> None:
        """A person whose case has changed meanwhile reads it again, and then does it."""
        body: dict[str, Any] = {"reason": play.reason or ("" if play.step else "drill")}
        if play.merge:
            what, body["into"] = "merge", self._case(play.merge)
        elif play.undo:
            what, body["member"] = "undo", self._member(case, play.undo)
        else:
            what, body["data"] = f"steps/{play.step}", play.data
        path = f"/api/cases/{case}/{what}"
        for left in range(READ_AGAIN, -1, -1):
            version = city.get(f"/api/cases/{case}")["version"]
            try:
                city.post(path, body, headers={"If-Match": f'"{version}"'})
            except Answered as problem:
                if problem.status != CHANGED or not left:
                    raise
            else:
                return

    def _member(self, case: str, name: str) -> str:
        """One of the signals about a thing that are in the case; empty where none is."""
        self._known.pop(name, None)
        seen = self._look()
        ours = [
            one for one in seen.members.get(case, ()) if self.truth[became.signal_of(one)] == name
        ]
        return f"{ours[0]['kind']}:{ours[0]['id']}" if ours else ""

    def _look(self) -> became.Became:
        return became.look(self.ground, self.truth, self._since)

    def _case(self, name: str) -> str | None:
        """The case that holds most of the signals about a thing."""
        known = self._known.get(name, "")
        if known and self.ground.own.get(f"/api/cases/{known}")["outcome"] != "merged":
            return known
        cases = self._look().cases(name)
        if cases:
            self._known[name] = cases[0]
        return cases[0] if cases else None

    def _note(self, play: Play, expected: str, found: str) -> None:
        """A deed that was or was not refused, as a result of its own."""
        self._take(
            f"{play.case}: {_said(play)} by {play.by}",
            {"answer": expected},
            {"answer": found},
        )

    # -- what became of it -------------------------------------------------------------------------

    def _judge(self, expects: list[Expect]) -> None:
        if not expects:
            return
        look = self._look()
        for expect in expects:
            expected = wanted(expect)
            if self.ground.marked:
                expected = seen(self.drill, expect)
                self._miss(expect, set(wanted(expect)) - set(expected))
            found = became.got(look, expect, self.ground)
            if expected:
                self._take(expect.case or "all", expected, found)

    def _miss(self, expect: Expect, keys: set[str]) -> None:
        """What of an expectation this city cannot show: said, and neither passed nor failed."""
        if not keys:
            return
        case = expect.case or "all"
        self.unseen.append({"case": case, "at": self._wall(), "keys": sorted(keys)})
        self._tell(f"{self._wall()} {case}: not to be seen here: {', '.join(sorted(keys))}")

    def _take(self, case: str, expected: dict[str, Any], found: dict[str, Any]) -> None:
        wrong = [key for key in expected if not became.fits(key, expected[key], found.get(key))]
        self.results.append(
            {
                "case": case,
                "at": self._wall(),
                "passed": not wrong,
                "wrong": wrong,
                "expected": _plain(expected),
                "got": _plain(found),
            }
        )
        self._tell(
            f"{self._wall()} {case}: "
            + ("as expected" if not wrong else "; ".join(
                f"{key} should be {_plain(expected[key])}, is {_plain(found.get(key))}"
                for key in wrong
            ))
        )  # fmt: skip

    def _wall(self) -> str:
        """The drill's time on the city's wall clock."""
        return f"{self.drill.start + self._now:%Y-%m-%d %H:%M:%S}"


def _said(play: Play) -> str:
    """A deed in few words."""
    if play.merge:
        return f"merge into {play.merge}"
    return f"undo {play.undo}" if play.undo else play.step


def _rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return round(value, 4) if isinstance(value, float) else value


def run(drill: Drill, *, url: str, data: Path, speed: float, tell: Tell) -> dict[str, Any]:
    """Play a drill in a fresh city, or in the running one at ``url``."""
    if not url:
        tell(f"starting a fresh city of {drill.pack} for {drill.name}")
    with ground_of(drill, url=url, data=data) as ground:
        return Player(drill, ground, speed=speed, tell=tell).run()


__all__ = ["Player", "Unplayable", "run"]
