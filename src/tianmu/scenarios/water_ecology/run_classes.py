"""The models that judge rows: gb3838, tli, compliance."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pyarrow as pa

from tianmu.scenarios.contract import (
    BadInput,
    BadParameter,
    Column,
    Model,
    Parameter,
    remark,
)
from tianmu.scenarios.water_ecology import asked, compliance, surface
from tianmu.scenarios.water_ecology import trophic as tli
from tianmu.scenarios.water_ecology.figures import Figures, read_all
from tianmu.scenarios.water_ecology.heads import of_item, of_role
from tianmu.scenarios.water_ecology.markup import bare
from tianmu.scenarios.water_ecology.rows import stations, times
from tianmu.scenarios.water_ecology.standard import Standard, standard, trophic
from tianmu.scenarios.water_ecology.words import settings


def _figures(table: pa.Table, known: Standard) -> dict[str, Figures]:
    found = read_all(table, known)
    if not any(one.item.limits for one in found.values()):
        some = ", ".join(one.name["zh"] for one in known.item[:6])
        raise BadInput(0, "", "no column is an item of GB 3838", f"name them like {some}…")
    return found


def run_gb3838(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    table = bare(table)
    known = standard()
    figures = _figures(table, known)
    whose = partial(stations, table, known)
    which = asked.kinds(parameters, len(table), whose)
    target = asked.target(parameters, known, whose)
    also = frozenset(
        asked.item(name, "also", known).key for name in parameters["also"].split(",") if name
    )
    if not any(one.item.counted and one.item.limits for one in figures.values()):
        remark("no column is an item that counts for the class: all classes are empty")
    temperature = None
    if parameters["saturation"] == "yes":
        if "temperature" not in figures:
            raise BadParameter("saturation", "there is no water temperature", "add that column")
        temperature = figures["temperature"].values
    return asked.chosen(
        {
            water: surface.columns(
                surface.judge(
                    tuple(figures.values()), water, target, also=also, temperature=temperature
                ),
                known,
                parameters["language"],
            )
            for water in which
        },
        which,
    )


def run_tli(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    table = bare(table)
    known, formula, words = standard(), trophic(), settings().trophic
    figures = read_all(table, known)
    if formula.decides not in figures:
        name = known.items[formula.decides].name
        raise BadInput(0, name["zh"], "there is no such column", f"add {name['en']} in mg/L")
    language = parameters["language"]
    found = tli.reckon(figures, len(table), formula)
    weighed = int(((found.absent != 0) & ~np.isnan(found.total)).sum())
    if weighed:
        lack = "row lacks" if weighed == 1 else "rows lack"
        remark(f"{weighed:,} {lack} an item: the weights of the others sum to one again")
    grade = tli.grades(found.total, words.upto)
    names = [known.items[part.item].name[language] for part in formula.part]

    def said(absent: int) -> str:
        return tli.remark(absent, names, formula, words, language, known.join[language])

    return pa.table(
        {
            "tli": tli.told(found.total),
            "grade": surface.taken(grade, [*(one[language] for one in words.grades), None]),
            "weights": surface.per_code(found.absent, said),
            **{
                f"tli_{part.item}": tli.told(found.parts[at])
                for at, part in enumerate(formula.part)
            },
        }
    )


def run_compliance(table: pa.Table, parameters: Mapping[str, str]) -> pa.Table:
    table = bare(table)
    known = standard()
    figures = tuple(_figures(table, known).values())
    own, at = stations(table, known), times(table, known)
    which = asked.kinds(parameters, len(table), lambda: own)
    target = asked.target(parameters, known, lambda: own)
    tables = {}
    for water in which:
        found = compliance.sections(
            figures, own, at, water=water, target=target, period=parameters["period"]
        )
        said = surface.columns(found.judged, known, parameters["language"])
        with np.errstate(invalid="ignore", divide="ignore"):
            share = 100.0 * found.kept / found.samples
        rated = found.judged.worst != surface.NONE
        kept = np.where(rated, found.judged.exceeding == 0, False)
        entries = pa.table(
            {
                "period": pa.array(found.period.tolist(), pa.string()),
                "period_class": said.column("class"),
                "period_deciding": said.column("deciding"),
                "period_multiple": said.column("multiple"),
                "compliant": pa.array(kept.astype(np.int8), mask=~rated),
                "samples": pa.array(found.samples),
                "kept": pa.array(found.kept),
                "kept_share": pa.array(np.round(share, 2), from_pandas=True),
            }
        )
        tables[water] = entries.take(pa.array(found.of_row))
    return asked.chosen(tables, which)


_ITEMS = (
    of_item(
        "oxygen",
        "or any other item of GB 3838 table 1, by its Chinese or English name, symbol or HJ 212 "
        "code, with or without a unit in brackets",
    ),
)
_STATION, _TIME = of_role("station"), of_role("time")

GB3838 = Model(
    "gb3838",
    "classes of GB 3838-2002, the item that decides and the multiple of its excess",
    (),
    _ITEMS,
    (
        Column("class", "", "Ⅰ–Ⅴ or 劣Ⅴ; empty where no counted item has a figure"),
        Column("deciding", "", "the items of that class, joined"),
        Column("multiple", "", "of excess over the target: figure / limit - 1, the greatest of "
               "the items that decide; 0 where the target is kept; empty where pH or oxygen "
               "decide alone"),
        Column("exceeding", "", "items beyond the target"),
        Column("quality", "", "the class in words"),
        Column("apart", "", "items that are judged apart, with their class: total nitrogen of "
               "lakes, faecal coliforms"),
        Column("class_if_rounded", "", "where a figure is printed exactly at a limit: the class if "
               "it had been rounded to it from beyond"),
        Column("no_figure", "", "counted items of the file that have no figure in this row"),
        Column("below_detection", "", "items below their detection limit, half of which counts"),
    ),
    (
        asked.WATER,
        asked.TARGET,
        Parameter("also", "items counted though the standard judges them apart, by commas", ""),
        Parameter("saturation", "whether oxygen at 90 % of saturation is class Ⅰ", "no",
                  ("no", "yes")),
        asked.LANGUAGE,
        asked.PACK,
    ),
    run_gb3838,
)  # fmt: skip

TLI = Model(
    "tli",
    "trophic index TLI(Σ) of lakes and its grade",
    (),
    (
        of_item("chlorophyll", "turned into mg/m³ for the formula; needed"),
        of_item("phosphorus"),
        of_item("nitrogen"),
        of_item("transparency", "in cm where the head or the cell says so"),
        of_item("permanganate"),
    ),
    (
        Column("tli", "", "TLI(Σ); empty without chlorophyll"),
        Column("grade", "", "the trophic state in words"),
        Column("weights", "", "whether all five items were there, or which were not and that the "
               "weights of the others were made to sum to one again"),
        *(Column(f"tli_{part.item}", "", f"TLI of {part.item}") for part in trophic().part),
    ),
    (asked.LANGUAGE,),
    run_tli,
)  # fmt: skip

COMPLIANCE = Model(
    "compliance",
    "the class of each section's mean figures over a period, and how often it kept its target",
    (),
    (_STATION, _TIME, *_ITEMS),
    (
        Column("period", "", "the period of the row: 2021-04, 2021-Q2…"),
        Column("period_class", "", "class of the means of its section over it"),
        Column("period_deciding", "", "items that decide it"),
        Column("period_multiple", "", "of excess over the target, see gb3838"),
        Column("compliant", "", "1 the target is kept, 0 it is not"),
        Column("samples", "", "rows of the section in the period that have a class"),
        Column("kept", "", "of these, at the target or better"),
        Column("kept_share", "%", "their share"),
    ),
    (
        asked.WATER,
        asked.TARGET,
        Parameter("period", "over which figures are averaged", "month",
                  ("day", "month", "quarter", "year", "all")),
        asked.LANGUAGE,
        asked.PACK,
    ),
    run_compliance,
)  # fmt: skip
