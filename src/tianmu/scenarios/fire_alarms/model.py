"""The model of fire alarms: a table of signals in, how likely each alarm is real out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from tianmu.city import pack
from tianmu.city.file.fault import PackFaulty
from tianmu.facts.text import Text
from tianmu.scenarios.contract import (
    BadInput,
    BadParameter,
    Column,
    Model,
    Parameter,
    progress,
    remark,
)
from tianmu.scenarios.fire_alarms.event import FALSE, MINUTE, REAL, Event
from tianmu.scenarios.fire_alarms.evidence import Judged, judged_rows
from tianmu.scenarios.fire_alarms.figures import Evidence, evidence, settings
from tianmu.scenarios.reading import column, number_of, texts

EVERY = 5_000
"""rows between two words of progress"""
LANGUAGES = ("en", "zh")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
VERIFY, LIKELY, SURE = 3, 4, 5
"""degrees of an alarm"""
KINDS = {one.code: one for one in settings().evidence.kinds}


def run_judge(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    """Row by row in the order of their times; each is judged ``wait`` minutes after it came, by
    what was known then: signals of its building, and ends of earlier alarms."""
    figures = figures_of(parameters["pack"])
    wait = round(number_of(parameters, "wait", low=0, high=1440) * MINUTE)
    language = parameters["language"]
    events = events_of(table)
    found = judged_rows(events, figures, wait, progress, EVERY)
    if signals := sum(one is None for one in found):
        remark(f"{signals} row(s) are no alarms but signs of some: they have no probability")
    return pa.table(
        {
            "probability": column(
                [None if one is None else round(one.probability, 4) for one in found]
            ),
            "degree": pa.array(
                [None if one is None else degree(one.probability, figures) for one in found],
                pa.int8(),
            ),
            "reasons": pa.array([reasons(one, language) for one in found], pa.string()),
            "confirm": pa.array([confirm(one, language) for one in found], pa.string()),
        }
    )


def figures_of(name: str) -> Evidence:
    """By what this pack, a name or a folder, has alarms judged; empty: the scenario's own numbers.
    Raises ``BadParameter``."""
    try:
        return evidence(pack.load(name) if name else None)
    except (FileNotFoundError, PackFaulty) as error:
        raise BadParameter("pack", str(error), "mend it, or name another") from error


def degree(probability: float, figures: Evidence) -> int:
    """Of the scenario's degrees: to be verified, likely, as good as sure."""
    return VERIFY + (probability >= figures.likely) + (probability >= figures.sure)


BETWEEN = {"zh": "；", "en": "; "}
"""what stands between one reason and the next"""


def reasons(judged: Judged | None, language: str, most: int | None = None) -> str:
    """The weightiest first, each with its weight."""
    if judged is None:
        return ""
    told = judged.reasons[:most]
    between = BETWEEN[language]
    return between.join(f"{one.says[language]} ({one.weight:+.1f})" for one in told)


CONFIRM = 3
"""that are told of what would make it surer"""


def confirm(judged: Judged | None, language: str, most: int = CONFIRM) -> str:
    """What would make it surer, and how sure it would be then."""
    if judged is None:
        return ""
    return BETWEEN[language].join(
        f"{one.ask[language]} (→ {100 * one.probability:.0f} %)" for one in judged.wanted[:most]
    )


def both(make: str, judged: Judged, most: int | None = None) -> Text:
    """``reasons`` or ``confirm`` in both languages."""
    if make == "reasons":
        return {language: reasons(judged, language, most) for language in LANGUAGES}
    return {language: confirm(judged, language, most or CONFIRM) for language in LANGUAGES}


def events_of(table: pa.Table) -> list[Event]:
    """The signals of a table, in its order. Raises ``BadInput``."""
    here = set(table.column_names)

    def optional(name: str) -> list[str]:
        return texts(table, name) if name in here else [""] * len(table)

    at = [_time(text, row, "timestamp") for row, text in enumerate(texts(table, "timestamp"), 1)]
    kinds, verdicts = texts(table, "kind"), optional("verdict")
    _known(kinds, "kind", tuple(KINDS))
    _known(verdicts, "verdict", ("", REAL, FALSE))
    building, detector = texts(table, "building"), texts(table, "detector")
    for name, cells in (("building", building), ("detector", detector)):
        if "" in cells:
            raise BadInput(cells.index("") + 1, name, "no value", "say which, by any name")
    zone, test = optional("zone"), optional("test")
    ended = [_maybe(text, row, "ended") for row, text in enumerate(optional("ended"), 1)]
    closed = [_maybe(text, row, "closed") for row, text in enumerate(optional("closed"), 1)]
    return [
        Event(
            at=at[row], building=building[row], detector=detector[row], kind=kinds[row],
            zone=zone[row], ended=ended[row], verdict=verdicts[row], known=closed[row],
            test=test[row] not in {"", "0", "false"},
        )
        for row in range(len(table))
    ]  # fmt: skip


def _known(cells: list[str], name: str, words: tuple[str, ...]) -> None:
    for row, cell in enumerate(cells, 1):
        if cell not in words:
            said = ", ".join(word for word in words if word)
            raise BadInput(row, name, f"{cell!r} is not known", f"use one of {said}")


def _time(text: str, row: int, name: str) -> int:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(row, name, f"{text!r} is no time", "write 2026-04-05T08:30:00") from None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (at - _EPOCH) // timedelta(microseconds=1)


def _maybe(text: str, row: int, name: str) -> int:
    return _time(text, row, name) if text else 0


MODELS = (
    Model(
        name="judge",
        what="how likely each fire alarm is real, why, and what would make it surer",
        needs=(
            Column("timestamp", "", "when the signal came, ISO 8601"),
            Column("building", "", "any name; signals of one building are seen together"),
            Column("detector", "", "any name; of a call or camera its own"),
            Column(
                "kind", "",
                f"{', '.join(one.code for one in KINDS.values() if one.alarm)} are judged; "
                f"{', '.join(one.code for one in KINDS.values() if not one.alarm)} are signs",
            ),
        ),
        optional=(
            Column("zone", "", "of the building: a second detector of one zone counts most"),
            Column("ended", "", "when it went back to normal"),
            Column("verdict", "", "real or false, where it is known how it ended"),
            Column(
                "closed", "", "when that was known: from then on it counts; a day later if empty"
            ),
            Column("test", "", "1: the panel said that it was being tested"),
        ),
        gives=(
            Column("probability", "", "that it is real, 0–1; empty for rows that are only signs"),
            Column("degree", "", "3 to be verified, 4 likely, 5 as good as sure"),
            Column("reasons", "", "the weightiest first, with their weights (log of odds)"),
            Column("confirm", "", "what would make it surer, with the probability it would give"),
        ),
        parameters=(
            Parameter("pack", "whose weights count, by name or folder; empty: the defaults", ""),
            Parameter("wait", "minutes after the alarm at which it is judged", "2"),
            Parameter("language", "of reasons and of what would confirm", "en", LANGUAGES),
        ),
        run=run_judge,
    ),
)  # fmt: skip
"""See ``contract.Model``."""
