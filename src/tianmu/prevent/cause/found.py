"""The alarms of a city judged along its networks: what hangs under what, and why in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from tianmu.city.place.network import Along
from tianmu.facts.text import Text
from tianmu.prevent.alarm.occurrence import Alarm
from tianmu.prevent.alarm.table import ALARM, from_row
from tianmu.prevent.cause.judge import Hung, Sign, judge
from tianmu.prevent.cause.ways import Line
from tianmu.prevent.words import phrase

HOUR = 3600.0


@dataclass(frozen=True)
class Caused:
    """An alarm that hangs under another."""

    hung: Hung
    network: Along

    @property
    def reasons(self) -> tuple[Text, ...]:
        """For a person to read."""
        one, names = self.hung, self.network.name
        km = f"{one.metres / 1000:.1f}"
        where = "cause_upstream" if self.network.ways == "rivers" else "cause_near"
        when = "cause_late" if one.delay_s >= 0 else "cause_early"
        usual, delay = _time(one.usual_s), _time(abs(one.delay_s))
        return (
            _filled(where, network=names, km=dict.fromkeys(names, km)),
            _filled(when, usual=usual, delay=delay),
        )


def _filled(key: str, **blanks: Text) -> Text:
    """The phrase ``key``, each blank said in the phrase's language, or in one that it has."""
    found: Text = {}
    for language in phrase(key, **dict.fromkeys(blanks, "")):
        said = {name: one.get(language) or next(iter(one.values())) for name, one in blanks.items()}
        found[language] = phrase(key, **said)[language]
    return found


def recent(
    connection: sa.Connection, matters: Collection[str], since: int, most: int
) -> list[Alarm]:
    """The newest ``most`` alarms of these matters in watch's file that are open or rose at
    ``since`` (µs) or later; neither the platform's own nor tests."""
    c = ALARM.c
    rows = connection.execute(
        sa.select(ALARM)
        .where(
            c.matter.in_(sorted(matters)), c.test.is_(False), c.system.is_(False),
            sa.or_(c.cleared_at.is_(None), c.raised_at >= since),
        )
        .order_by(c.raised_at.desc(), c.alarm.desc())
        .limit(most)
    )  # fmt: skip
    return [from_row(row) for row in rows.mappings()]


def causes(
    ways: Iterable[Line], alarms: Sequence[Alarm], names: Mapping[str, Sequence[str]]
) -> dict[str, Caused]:
    """Alarm → what it hangs under. ``names``: device → what it is called, by which stations are
    known. Alarms of a probe are judged with those of that probe only. Of several networks the
    one whose times fit best counts."""
    found: dict[str, Caused] = {}
    for one in ways:
        groups: dict[str, list[Sign]] = {}
        for alarm in alarms:
            if alarm.matter not in one.along.matters:
                continue
            spot = one.spot(
                (alarm.device, *names.get(alarm.device, ())), alarm.longitude, alarm.latitude
            )
            if spot is not None:
                begun = min(alarm.observed_at or alarm.raised_at, alarm.raised_at)
                groups.setdefault(alarm.probe, []).append(Sign(alarm.alarm, spot, begun))
        for signs in groups.values():
            for hung in judge(one.network, signs, one.fit):
                held = found.get(hung.sign)
                if held is None or held.hung.worth < hung.worth:
                    found[hung.sign] = Caused(hung, one.along)
    return found


def _time(seconds: float) -> Text:
    if seconds < 2 * HOUR:
        return phrase("time_minutes", n=round(seconds / 60))
    return phrase("time_hours", n=f"{seconds / HOUR:.1f}")
