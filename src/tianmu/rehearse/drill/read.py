"""Reading a drill file, with every fault by file, line, what and remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from tianmu.city.file.document import Document, Key, TomlError
from tianmu.city.file.fault import Fault
from tianmu.rehearse.drill.script import (
    OF_ALL,
    OF_ONE,
    Device,
    Drill,
    Expect,
    Play,
    moment,
    span,
    wanted,
)

DOORS = ("http", "mqtt", "panel")
MOST = timedelta(days=400)
_STEP = re.compile(r"\.([A-Za-z0-9_]+)|\[(\d+)\]")
_UNKNOWN = re.compile(r"unknown field `(.+?)`")
_TABLES: dict[str, type[Device] | type[Play] | type[Expect]] = {
    "device": Device, "play": Play, "expect": Expect,
}  # fmt: skip
WHAT = ("report", "observe", "fire", "normal", "step", "merge", "undo")


class DrillFaulty(ValueError):
    """The drill cannot be played; ``faults`` says why, one by one."""

    def __init__(self, faults: list[Fault]) -> None:
        self.faults = faults
        super().__init__("\n".join(map(str, faults)))


def shipped() -> list[str]:
    """Names of the drills that come with the program."""
    folder = resources.files("tianmu.rehearse") / "drills"
    return sorted(one.name.removesuffix(".toml") for one in folder.iterdir())


def read(file: str) -> Drill:
    """The drill of a file, or of a name that comes with the program. Raises ``DrillFaulty``,
    ``FileNotFoundError`` naming those there are."""
    path = Path(file)
    if not path.is_file():
        if file not in shipped():
            known = ", ".join(shipped())
            raise FileNotFoundError(f"no drill {file}: give a file, or one of {known}")
        path = Path(str(resources.files("tianmu.rehearse"))) / "drills" / f"{file}.toml"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DrillFaulty([Fault(file, line, "not UTF-8 text", "save it as UTF-8")]) from error
    return parse(file, text)


def parse(file: str, text: str) -> Drill:
    """The drill that ``text`` holds; ``DrillFaulty`` with all that is wrong with it."""
    try:
        document = Document(file, text)
    except TomlError as error:
        raise DrillFaulty([Fault(file, error.line, str(error), "mend the TOML")]) from error
    faults = list(_shape(document))
    if not faults:
        drill = msgspec.convert(document.data, Drill)
        faults = list(_sense(document, drill))
        if not faults:
            return drill
    raise DrillFaulty(sorted(faults))


def _shape(document: Document) -> Iterator[Fault]:
    """Keys and types, table by table, so that one fault does not hide the next."""
    head = dict(document.data)
    for name, type_ in _TABLES.items():
        tables = head.pop(name, [])
        head[name] = []
        if not isinstance(tables, list):
            yield Fault(
                document.file, document.line(name), f"{name} is no list of tables",
                f"write [[{name}]]",
            )  # fmt: skip
            continue
        for index, table in enumerate(tables):
            yield from _convert(document, table, type_, (name, index))
    yield from _convert(document, head, Drill, ())
    for name in ("play", "expect"):
        if not document.data.get(name, True):
            yield Fault(document.file, 1, f"no [[{name}]]", "add at least one")


def _convert(
    document: Document, value: Any, type_: type[Any], path: tuple[Key, ...]
) -> Iterator[Fault]:
    try:
        msgspec.convert(value, type_)
    except (msgspec.ValidationError, ValueError, OverflowError) as error:
        what, _, where = str(error).partition(" - at `$")
        steps: list[Key] = [name or int(index) for name, index in _STEP.findall(where.rstrip("`"))]
        unknown = _UNKNOWN.search(what)
        if unknown:
            steps.append(unknown[1])
            remedy = f"remove or rename {unknown[1]!r}; docs/drills.md lists the keys"
        elif "missing required field" in what:
            remedy = "add it; docs/drills.md says what it means"
        else:
            remedy = "give a value of that kind; docs/drills.md lists them"
        yield Fault(document.file, document.line(*path, *steps), what, remedy)


def _sense(document: Document, drill: Drill) -> Iterator[Fault]:
    """What no type says: names that are nobody's, times before the start, plays that say nothing
    or two things at once."""

    def fault(what: str, remedy: str, *path: Key) -> Fault:
        return Fault(document.file, document.line(*path), what, remedy)

    if drill.start.tzinfo is not None:
        yield fault("start has a time zone", "write the city's wall clock, without one", "start")
        return
    for index, device in enumerate(drill.device):
        if device.place not in drill.place:
            yield fault(
                f"no place {device.place!r}", _one_of(drill.place), "device", index, "place"
            )
        if device.door not in DOORS:
            yield fault(f"no door {device.door!r}", _one_of(DOORS), "device", index, "door")
        if (device.door == "panel") == bool(device.kind):
            remedy = "kind is for http and mqtt alone"
            yield fault("kind and door do not go together", remedy, "device", index)
    names = {play.case for play in drill.play if play.case and play.spots is None}
    for play in drill.play:
        if play.case and play.spots is not None:
            names |= {f"{play.case}/{number + 1}" for number in range(play.spots.count)}
    for index, play in enumerate(drill.play):
        for what, remedy, key in (
            *_play(drill, play, names), *_time(drill, play.at), *_signals(drill, play),
        ):  # fmt: skip
            yield fault(what, remedy, "play", index, key)
    for index, expect in enumerate(drill.expect):
        for what, remedy, key in _expect(drill, expect, names):
            yield fault(what, remedy, "expect", index, key)


Wrong = tuple[str, str, str]
"""what, remedy, the key where it stands"""


def _one_of(names: Any) -> str:
    return f"use one of {', '.join(names) or 'none: there is none'}"


def _time(drill: Drill, when: Any) -> Iterator[Wrong]:
    try:
        if not isinstance(when, datetime | str):
            raise ValueError(f"{when!r} is no time")
        if isinstance(when, datetime) and when.tzinfo is not None:
            raise ValueError("a time of the city has no time zone")
        after = moment(drill, when)
    except ValueError as error:
        yield str(error), "write 1d 2h 30m 5s after the start, or a local date-time", "at"
        return
    if not timedelta() <= after <= MOST:
        yield f"{when} lies before the start or {MOST.days} days after it", "mend at or start", "at"


def _play(drill: Drill, play: Play, names: set[str]) -> Iterator[Wrong]:
    said = [key for key in WHAT if getattr(play, key)]
    if len(said) != 1:
        found = " and ".join(said) or "nothing"
        yield f"a play of {found}", f"say one of {', '.join(WHAT)}", "at"
    deed = play.step or play.merge or play.undo
    if deed and not (play.case and play.by):
        yield "a deed needs case and by", "say on which case, and who does it", "at"
    if play.overdue and not deed:
        yield "only deeds wait for a clock", "remove it", "overdue"
    if play.refused and not deed:
        yield "only deeds are refused", "remove it", "refused"
    if play.merge and play.merge not in names:
        yield f"no case {play.merge!r}", _one_of(sorted(names)), "merge"
    if play.undo and play.undo not in names:
        yield f"no case {play.undo!r}", _one_of(sorted(names)), "undo"


def _signals(drill: Drill, play: Play) -> Iterator[Wrong]:
    devices = {one.device: one for one in drill.device}
    if play.report and play.report.place and play.report.place not in drill.place:
        yield f"no place {play.report.place!r}", _one_of(drill.place), "report"
    if play.report and not play.report.text:
        yield "a report without a text", "write text", "report"
    if play.spots and not (play.report and play.report.place and play.case):
        yield "spots are of reports with place and case", "say which", "spots"
    if play.times > 1 and not (play.report or play.observe):
        yield "only reports and observations are told many times", "remove it", "times"
    if play.observe:
        found = devices.get(play.observe.device)
        if found is None or found.door == "panel":
            ours = [one.device for one in drill.device if one.door != "panel"]
            yield f"no device {play.observe.device!r} that measures", _one_of(ours), "observe"
    for key in ("fire", "normal"):
        told = getattr(play, key)
        for name in [told] if isinstance(told, str) else told:
            if name and (name not in devices or devices[name].door != "panel"):
                ours = [one.device for one in drill.device if one.door == "panel"]
                yield f"no detector {name!r} of a panel", _one_of(ours), key
    try:
        span(play.over)
    except ValueError as error:
        yield str(error), "write 10m", "over"


def _expect(drill: Drill, expect: Expect, names: set[str]) -> Iterator[Wrong]:
    if expect.at is not None:
        yield from _time(drill, expect.at)
    if expect.case and expect.case not in names:
        yield f"no case {expect.case!r}", _one_of(sorted(names)), "case"
    keys = wanted(expect)
    if not keys:
        yield "nothing is expected", "say what, or remove it", "case"
    for key in sorted(set(keys) - (OF_ONE if expect.case else OF_ALL)):
        yield (
            f"{key} is nothing of {'one case' if expect.case else 'all cases together'}",
            "give a case, or remove it" if not expect.case else "expect it without case",
            key,
        )
