"""What cameras take for smoke just now, and since when or from when on that is an alarm.

A score has to last before it is an alarm, by the rules of its kind; until then nothing else shows
it, and whoever watches can look at the picture meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from tianmu.facts.text import Text, fill
from tianmu.scenarios.present import Line, Table
from tianmu.scenarios.settings import settings_of
from tianmu.scenarios.world import OpenAlarm, World

_SETTINGS = settings_of(__file__)
WORDS: dict[str, Text] = _SETTINGS["words"]
MINUTE = 60_000_000


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``[settings.seen]``"""

    kind: str
    property: str
    fresh_min: float
    """an older score is none of now"""
    cameras: int
    """that are looked at, of more every so many-th"""
    lines: int


SEEN = msgspec.convert(_SETTINGS["seen"], Seen)


@dataclass(frozen=True)
class _Rule:
    code: str
    name: Text
    limit: float
    lasts_s: float


def table(world: World) -> Table | None:
    """The greatest scores first; ``None`` where the city has no such camera."""
    cameras = world.devices(SEEN.kind, SEEN.cameras)
    rules = _rules(world)
    if not len(cameras) or not rules:
        return None
    scores = world.newest(
        world.streams(cameras, SEEN.property), round(SEEN.fresh_min * MINUTE)
    )  # fmt: skip
    alarms: dict[str, OpenAlarm] = {}
    for one in sorted(world.alarms(), key=lambda one: _place(rules, one.rule)):
        alarms.setdefault(one.device, one)
    least = min(one.limit for one in rules)
    lines: list[Line] = []
    for row in np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable").tolist():
        if not scores[row] >= least or len(lines) == SEEN.lines:
            break
        known = world.registry.device(int(cameras.index[row]))
        alarm = alarms.get(known.device)
        name = known.name or known.device
        lines.append(
            Line(
                cells=(
                    {"zh": name, "en": name}, _score(scores[row]), _state(rules, scores[row], alarm)
                ),
                alarm=alarm.alarm if alarm else "", division=known.place.division,
                department=known.department,
            )
        )  # fmt: skip
    columns = ("camera", "score", "state")
    return Table("seen", WORDS["seen"], tuple(WORDS[f"column_{one}"] for one in columns),
                 tuple(lines), fill(WORDS["seen_none"], least=f"{least:g}"))  # fmt: skip


def _rules(world: World) -> tuple[_Rule, ...]:
    """Of the pack, by which a high score is an alarm; the highest limit first."""
    kind = world.city.kinds.get(SEEN.kind)
    found = [
        _Rule(str(one["code"]), one["name"], float(one["limit"]), float(one.get("on_delay_s", 0)))
        for one in (kind.rules if kind else ())
        if _by_score(one)
    ]
    return tuple(sorted(found, key=lambda one: -one.limit))


def _by_score(rule: Mapping[str, Any]) -> bool:
    return bool(
        rule["type"] == "threshold"
        and rule["property"] == SEEN.property
        and rule["direction"] == "high"
    )


def _place(rules: tuple[_Rule, ...], code: str) -> int:
    return next((at for at, one in enumerate(rules) if one.code == code), len(rules))


def _state(rules: tuple[_Rule, ...], score: float, alarm: OpenAlarm | None) -> Text:
    """Which alarm it is, and which it comes to if it lasts."""
    if alarm is not None and alarm.rule == rules[0].code:
        return fill(WORDS["seen_alarm"], rule=rules[0].name)
    coming = next(one for one in rules if score >= one.limit)
    if alarm is not None and alarm.rule == coming.code:
        return fill(WORDS["seen_alarm"], rule=coming.name)
    return fill(
        WORDS["seen_waits"], rule=coming.name, limit=f"{coming.limit:g}",
        lasts=f"{coming.lasts_s / 60:g}",
    )  # fmt: skip


def _score(value: float) -> Text:
    return {"zh": f"{value:.2f}", "en": f"{value:.2f}"}
