"""Factor codes of HJ 212: names, units, and the old codes of the 2005 edition.

``factors.csv`` beside this file holds tables B.1 (water), B.2 (air) and B.3 (noise) of appendix B
of HJ 212-2017, the information codes of its table for instruments and loggers, and under ``use``
a few codes that stations send although the tables lack them. Units are the tables'; what a
device really sends may differ (particulates come in µg/m³), so a city sets them by factor and
station (``units`` in the settings of a source).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from tianmu.facts.text import Text


@dataclass(frozen=True)
class Factor:
    code: str
    """code of the 2017 edition"""
    name: Text
    unit: str
    """of the concentration or value; empty: a number without a unit, or none is given"""
    load: str
    """of the discharged quantity (``Cou``), or empty"""
    old: str
    """code of the 2005 edition, or empty"""
    form: str
    """width of the number by the table, ``N3.2``: three digits before and two behind the point"""
    table: str


@cache
def table() -> dict[str, Factor]:
    """All factors by their code of the 2017 edition."""
    text = files("tianmu.sense.hj212").joinpath("factors.csv").read_text(encoding="utf-8")
    return {
        row["code"]: Factor(
            code=row["code"],
            name={"zh": row["zh"], "en": row["en"]},
            unit=row["unit"],
            load=row["load"],
            old=row["old"],
            form=row["format"],
            table=row["table"],
        )
        for row in csv.DictReader(text.splitlines())
    }


@cache
def _current() -> dict[str, str]:
    return {factor.old: factor.code for factor in table().values() if factor.old}


def current(code: str) -> str:
    """The 2017 code of a factor: an old code is mapped, any other is its own."""
    found = _current().get(code)
    if found is not None:
        return found
    # loggers differ in the case of the first letter (A34004, W01018)
    lower = code.lower()
    return lower if lower != code and lower in table() else code


def find(code: str) -> Factor | None:
    """The factor of a code of any edition, or None."""
    return table().get(current(code))
