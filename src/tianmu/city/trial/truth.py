"""A day of the city with recorded truth: what happens, who tells of it and how badly.

Plain data for whoever plays such a day and judges what the city made of it (``rehearse``). It
reads nothing of what it judges: no radius, no window, no relation of the pack.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tianmu.city.device.device import DeviceKind
from tianmu.city.file.document import Document, Key
from tianmu.city.file.reader import PackReader
from tianmu.city.matter.matter import Matter

FILE = "truth.toml"
DEVICE = "device"
"""the source by which devices tell"""

Range = tuple[float, float]


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a source tells where it is and what it is; shares are 0 … 1."""

    point: float
    """share with a point"""
    off_m: float
    """deviation of the point (each axis)"""
    precision_m: float
    """what it claims, 0 nothing"""
    coarse: float = 0.0
    """share of the points that are the middle of a village: deviation and precision tenfold"""
    named: float = 1.0
    """share with a matter"""
    mistaken: float = 0.0
    """share of those with a wrong one"""
    retold: float = 0.0
    """share told once more by the same person, with the number it was given"""


class Alarms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Devices that alarm."""

    matter: str
    kind: str
    number: tuple[int, int]
    within_m: float
    after_s: Range = (0.0, 0.0)
    priority: int = 3
    chatter: float = 0.0
    """share that return to normal and rise again, each time anew"""
    tie: str = ""
    """label that all devices of the thing with this tie share (``panel``, ``main``)"""
    placed: float = 1.0
    """share of the devices whose place is known"""


class Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """People who tell."""

    channel: str = ""
    """empty, in a scenario: the first of the pack's by which people tell"""
    matter: str
    number: tuple[int, int]
    after_s: Range = (0.0, 0.0)
    off_m: float = 0.0
    """at least so imprecise, where the thing is seen from afar"""


class Story(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A kind of thing that happens, and all that is told of it."""

    code: str
    matter: str
    share: float
    """weight among all things"""
    spread_m: float
    """where people put it lies within this of its middle"""
    apart_m: Range
    """another of its kind at the same time is so far away"""
    lasts_min: Range
    alarms: tuple[Alarms, ...] = ()
    told: tuple[Told, ...] = ()
    mistaken: tuple[str, ...] = ()
    """matters that are taken for it; empty: any"""


class Truth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    signals_per_hour: float
    twin: float
    """share of things with another of the same kind beside it, at the same time"""
    stranger: float
    """share with something else on the very spot, at the same time"""
    again: float
    """share that happen again on the spot after they were over"""
    again_min: Range
    wait_min: Range
    """a thing is over so long after the last that is told of it, at the least"""
    duplicate: float
    """share of signals that arrive twice"""
    landmark: str = ""
    """the word by which people name a spot, of those in ``reports.toml``"""
    landmarks: int = 1
    elsewhere: float = 0.0
    """share of people who name another spot"""
    source: dict[str, Source]
    story: tuple[Story, ...]
    basis: str = ""

    def plain(self) -> dict[str, Any]:
        """The same as dicts and lists."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


def read(
    reader: PackReader, kinds: Mapping[str, DeviceKind], matters: Mapping[str, Matter]
) -> Truth | None:
    """The pack's day of truth with the stories of scenarios, None where it has none; faults for
    what is not there."""
    document = reader.toml(FILE, required=False)
    built = reader.build(document, (), document.data, Truth) if document is not None else None
    sources = dict(built.source) if built is not None else {}
    people = next((name for name in sources if name != DEVICE), "")
    stories: dict[str, Story] = {}
    if document is not None and built is not None:
        for index, story in enumerate(built.story):
            _check(reader, document, ("story", index), story, sources, kinds, matters)
        stories = {story.code: story for story in built.story}
    for source in reader.brought:
        more = source.toml(FILE, required=False)
        if more is None:
            continue
        source.only(more, "story")
        for index, value in enumerate(more.data.get("story", [])):
            path = ("story", index)
            one = source.build(more, path, value, Story)
            if one is None:
                continue
            told = (
                msgspec.structs.replace(each, channel=each.channel or people) for each in one.told
            )
            one = msgspec.structs.replace(one, told=tuple(told))
            if built is not None:
                _check(source, more, path, one, sources, kinds, matters)
            stories.setdefault(one.code, one)
    return built and msgspec.structs.replace(built, story=tuple(stories.values()))


def _check(
    reader: PackReader,
    document: Document,
    path: tuple[Key, ...],
    story: Story,
    sources: Mapping[str, Source],
    kinds: Mapping[str, DeviceKind],
    matters: Mapping[str, Matter],
) -> None:
    def no(at: tuple[Key, ...], key: str, noun: str, file: str) -> None:
        line = document.line(*at)
        reader.fault(FILE, line, f"{key!r} is no {noun}", f"see {file}")

    def speaks(at: tuple[Key, ...], source: str) -> None:
        if source not in sources:
            what = f"{source!r} tells, but how?"
            reader.fault(FILE, document.line(*at), what, f"add [source.{source}]")

    for key in (story.matter, *story.mistaken):
        if key not in matters:
            no((*path, "matter"), key, "matter", "matters.csv")
    for place, alarm in enumerate(story.alarms):
        if alarm.matter not in matters:
            no((*path, "alarms", place), alarm.matter, "matter", "matters.csv")
        if alarm.kind not in kinds:
            no((*path, "alarms", place), alarm.kind, "kind", "kinds.toml")
        speaks((*path, "alarms", place), DEVICE)
    for place, told in enumerate(story.told):
        if told.matter not in matters:
            no((*path, "told", place), told.matter, "matter", "matters.csv")
        speaks((*path, "told", place), told.channel)
