"""Monthly reports on surface water, as the bureaus write them: text and tables from a template.

``python -m tianmu.scenarios.water_ecology.report --in FILE --month 2021-04 --pack NAME`` prints one
in Markdown; with ``--out FILE.html`` it is a page for A4 paper. Templates are ``report.md`` and
``report.html``: the words of ``report.toml`` are put in their places, then ``$words`` are filled
in, and what stands between ``<!-- each section -->`` and ``<!-- end -->`` is repeated.
"""

from __future__ import annotations

import argparse
import calendar
import html
import re
import sys
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from string import Template

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from tianmu.scenarios.contract import BadInput, BadParameter
from tianmu.scenarios.letters import carried
from tianmu.scenarios.table_file import read_table
from tianmu.scenarios.water_ecology import asked, compliance, surface
from tianmu.scenarios.water_ecology import trophic as tli
from tianmu.scenarios.water_ecology.compliance import Sections
from tianmu.scenarios.water_ecology.figures import Figures, read_all
from tianmu.scenarios.water_ecology.markup import bare
from tianmu.scenarios.water_ecology.rows import stations, times
from tianmu.scenarios.water_ecology.standard import HERE, WORST, Standard, standard, trophic
from tianmu.scenarios.water_ecology.words import BasinSettings, ReportWords, settings

_EACH = re.compile(r"<!-- each (\w+) -->\n(.*?)<!-- end -->\n", re.DOTALL)


@dataclass(frozen=True)
class Section:
    """One section in one month."""

    name: str
    water: str
    number: int
    """of its class"""
    target: int
    compliant: bool
    samples: int
    kept: int
    beyond: tuple[str, ...]
    """items beyond the target"""
    told: Mapping[str, str]
    """its line of the table"""


def monthly(
    table: pa.Table,
    month: str,
    parameters: Mapping[str, str],
    *,
    city: str = "",
    template: str | None = None,
    form: str = "md",
) -> str:
    """The report on ``month`` (2021-04) from the rows of any months, as ``md`` or ``html``.
    ``parameters`` are those of the model ``compliance``. Raises ``BadInput``, ``BadParameter``."""
    known, language = standard(), parameters["language"]
    table = bare(table)
    own, at = stations(table, known), times(table, known)
    names = _names(parameters, language)
    which = asked.kinds(parameters, len(table), lambda: own)
    target = asked.target(parameters, known, lambda: own)
    figures = tuple(
        replace(one, name=one.item.name[language]) for one in read_all(table, known).values()
    )
    sections: list[Section] = []
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
        raise BadParameter("month", f"{month!r} is no month", "write 2021-04")
    lakes: list[dict[str, str]] = []
    means: list[NDArray[np.float64]] = []
    for water, mask in which.items():
        rows = np.flatnonzero(mask)
        cut = tuple(replace(one, values=one.values[rows], below=one.below[rows]) for one in figures)
        found = compliance.sections(
            cut,
            replace(own, codes=own.codes[rows]),
            at[rows],
            water=water,
            target=target if isinstance(target, int) else target[rows],
            period="month",
        )
        goals = _goals(found, target if isinstance(target, int) else target[rows])
        sections += _sections(found, goals, month, water, known, language, names)
        entries = np.flatnonzero(found.period == month)
        means.append(np.array([one.values[entries] for one in found.means]))
        if water == asked.LAKE:
            lakes += _lakes(found, entries, known, language, names)
    if not sections:
        raise BadParameter(
            "month", f"no section has a class in {month}", "name a month of the file"
        )
    filled = _summary(sections, figures, means, known, language)
    filled |= {"city": city, "month": _month(month, language)}
    text, said = template or (HERE / f"report.{form}").read_text("utf-8"), _words(language)
    repeated: dict[str, Sequence[Mapping[str, str]]] = {
        "section": [one.told for one in sections],
        "lake": lakes,
    }
    if form == HTML:
        filled, said = _escaped(filled), _escaped(said)
        repeated = {name: [_escaped(one) for one in each] for name, each in repeated.items()}
    made = fill(Template(text).safe_substitute(said), filled, repeated)
    return made.replace(LETTERS, carried(made), 1) if LETTERS in made else made


HTML = "html"
LETTERS = "/* letters */"
"""in a template's style: here stand its Chinese letters, for machines that have none"""


def _words(language: str) -> dict[str, str]:
    """``report.toml`` in one language."""
    told: dict[str, dict[str, str]] = tomllib.loads((HERE / "report.toml").read_text("utf-8"))
    return {name: words[language] for name, words in told.items()}


def _escaped(words: Mapping[str, str]) -> dict[str, str]:
    return {name: html.escape(value) for name, value in words.items()}


def _month(month: str, language: str) -> str:
    """2021-04 as it is written: 2021年4月, April 2021."""
    year, number = (int(part) for part in month.split("-"))
    name = calendar.month_name[number]
    return settings().report.month[language].format(year=year, number=number, name=name)


def fill(
    template: str, filled: Mapping[str, str], repeated: Mapping[str, Sequence[Mapping[str, str]]]
) -> str:
    """The template with its words filled in and its parts repeated. KeyError for unknown words.

    What is filled in is not looked at again: a name may hold a ``$``."""
    parts = _EACH.split(template)  # text, name, part, text, name, part, … text
    made = [Template(parts[0]).substitute(filled)]
    for name, part, after in zip(parts[1::3], parts[2::3], parts[3::3], strict=True):
        made += [Template(part).substitute(one) for one in repeated[name]]
        made.append(Template(after).substitute(filled))
    return "".join(made)


def overall(sections: Sequence[int], basin: BasinSettings) -> int:
    """Number of the quality (0 excellent … 4 heavily polluted) of a water with ``basin.few``
    sections or more, by the shares of their class numbers."""
    numbers = np.asarray(sections)
    good = 100.0 * np.mean(numbers <= 2)
    worst = 100.0 * np.mean(numbers == WORST)
    if good >= basin.excellent:
        return 0
    if good >= basin.good:
        return 1
    return 2 if worst < basin.moderate else 3 if worst < basin.heavy else 4


def _names(parameters: Mapping[str, str], language: str) -> dict[str, str]:
    """Stations' names in the language of the report, as far as a pack was named and has them."""
    if not parameters["pack"]:
        return {}
    known = asked.waters(parameters, "names of stations").stations_by_name
    return {name: one.name[language] for name, one in known.items() if language in one.name}


def _goals(found: Sections, target: int | NDArray[np.int8]) -> NDArray[np.int8]:
    """The target of each entry."""
    goals = np.empty(len(found.station), np.int8)
    goals[found.of_row] = target
    return goals


def _sections(
    found: Sections,
    goals: NDArray[np.int8],
    month: str,
    water: str,
    known: Standard,
    language: str,
    names: Mapping[str, str],
) -> list[Section]:
    words = settings().report
    said = surface.columns(found.judged, known, language).to_pylist()
    place = {
        (int(station), str(period)): at
        for at, (station, period) in enumerate(zip(found.station, found.period, strict=True))
    }
    before = str(np.datetime64(month, "M") - 1)
    made = []
    for (station, period), at in sorted(place.items()):
        number = int(found.judged.worst[at])
        if period != month or number == surface.NONE:
            continue
        last = place.get((station, before))
        beyond = _beyond(found, at, int(goals[at]), water, words.times[language])
        samples, kept = int(found.samples[at]), int(found.kept[at])
        told = {
            "name": names.get(own := found.stations.names[station], own),
            "kind": (words.lake if water == asked.LAKE else words.river)[language],
            "target": known.classes[goals[at]],
            "class_name": words.worst[language] if number == WORST else known.classes[number],
            "quality": said[at]["quality"],
            "deciding": said[at]["deciding"],
            "exceeding": known.join[language].join(beyond.values()) or words.none[language],
            "samples": str(samples),
            "kept_share": f"{100 * kept / samples:.1f}" if samples else words.unknown[language],
            "change": _change(found, at, last, words, language),
        }
        made.append(
            Section(own, water, number, int(goals[at]), number <= goals[at], samples, kept,
                    tuple(beyond), told)
        )  # fmt: skip
    return made


def _beyond(found: Sections, at: int, goal: int, water: str, times: str) -> dict[str, str]:
    """Item → itself with its multiple, in the form ``times``, of what is beyond the target, the
    greatest first."""
    parts = []
    for number, one in zip(found.judged.numbers[:, at], found.judged.counted, strict=True):
        if number > goal:
            times_over = one.values[at] / one.item.limits_in(water)[goal] - 1 \
                if one.item.multiple else np.nan  # fmt: skip
            parts.append((one.name, float(times_over)))
    parts.sort(key=lambda part: -np.nan_to_num(part[1], nan=-1.0))
    return {
        name: name if np.isnan(over) else times.format(item=name, over=f"{over:.2f}")
        for name, over in parts
    }


def _change(found: Sections, at: int, last: int | None, words: ReportWords, language: str) -> str:
    if last is None or found.judged.worst[last] == surface.NONE:
        return words.unknown[language]
    now, then = found.judged.worst[at], found.judged.worst[last]
    return (words.same if now == then else words.better if now < then else words.worse)[language]


def _lakes(
    found: Sections,
    entries: NDArray[np.int64],
    known: Standard,
    language: str,
    names: Mapping[str, str],
) -> list[dict[str, str]]:
    words, formula = settings().trophic, trophic()
    means = {one.item.key: one for one in found.means}
    rows = len(found.station)
    indices = tli.reckon(means, rows, formula)
    grades = tli.grades(indices.total, words.upto)
    apart = surface.columns(found.judged, known, language).column("apart").to_pylist()
    said = settings().report
    unknown, worst = said.unknown[language], (known.classes[WORST], said.worst[language])
    parts = [known.items[part.item].name[language] for part in formula.part]
    made = []
    for at in entries:
        has = grades[at] != surface.NONE
        made.append(
            {
                "name": names.get(own := found.stations.names[found.station[at]], own),
                "tli": f"{indices.total[at]:.1f}" if has else unknown,
                "grade": words.grades[grades[at]][language] if has else unknown,
                "weights": tli.remark(int(indices.absent[at]), parts, formula, words, language,
                                      known.join[language]),
                "apart": (apart[at] or unknown).replace(*worst),
            }
        )  # fmt: skip
    return made


def _summary(
    sections: Sequence[Section],
    figures: Sequence[Figures],
    means: Sequence[NDArray[np.float64]],
    known: Standard,
    language: str,
) -> dict[str, str]:
    basin, words = settings().basin, settings().report
    numbers = [one.number for one in sections]
    qualities = [one.name[language] for one in known.quality]
    if len(sections) >= basin.few:
        whole = qualities[overall(numbers, basin)]
    else:
        water = sections[0].water
        with np.errstate(invalid="ignore"):
            mean = np.nanmean(np.concatenate(means, axis=1), axis=1)
        one_row = tuple(
            replace(one, values=mean[at : at + 1], below=np.zeros(1, np.bool_))
            for at, one in enumerate(figures)
        )
        whole = known.words(language)[int(surface.judge(one_row, water, 2).worst[0])]
    compliant = sum(one.compliant for one in sections)
    most = Counter(item for one in sections for item in one.beyond).most_common(3)
    return {
        "sections": str(len(sections)),
        "rivers": str(sum(one.water == asked.RIVER for one in sections)),
        "lakes": str(sum(one.water == asked.LAKE for one in sections)),
        "samples": str(sum(one.samples for one in sections)),
        "share_good": f"{100 * np.mean(np.asarray(numbers) <= 2):.1f}",
        "share_worst": f"{100 * np.mean(np.asarray(numbers) == WORST):.1f}",
        "overall": whole,
        "compliant": str(compliant),
        "share_compliant": f"{100 * compliant / len(sections):.1f}",
        "pollutants": known.join[language].join(
            words.places[language].format(item=item, count=count) for item, count in most
        )
        or words.none[language],
        "standard": known.source[language],
        "trophic_standard": trophic().source[language],
        "few": str(basin.few),
    }


def main() -> None:
    asks = argparse.ArgumentParser(description=__doc__)
    asks.add_argument("--in", dest="source", type=Path, required=True, help=".csv or .parquet")
    asks.add_argument("--month", required=True, help="2021-04")
    asks.add_argument("--water", default=asked.BY_STATION, choices=asked.WATER.choices)
    asks.add_argument("--target", default="Ⅲ", help=asked.TARGET.what)
    asks.add_argument("--pack", default="", help=asked.PACK.what)
    asks.add_argument("--city", default="", help="its name in the title")
    asks.add_argument("--language", default="zh", choices=asked.LANGUAGE.choices)
    asks.add_argument("--template", type=Path, help="instead of the one that comes with it")
    asks.add_argument(
        "--out", type=Path, help="where to, .md or .html (to print on A4); else it is printed"
    )
    given = asks.parse_args()
    parameters = {name: getattr(given, name) for name in ("water", "target", "pack", "language")}
    try:
        text = monthly(
            read_table(given.source, lambda line: print(line, file=sys.stderr)),
            given.month,
            parameters,
            city=given.city,
            template=given.template.read_text("utf-8") if given.template else None,
            form=HTML if (given.template or given.out or Path()).suffix == ".html" else "md",
        )
    except (BadInput, BadParameter, OSError) as error:
        raise SystemExit(str(error)) from error
    if text.startswith("<!doctype html") and "@font-face" not in text:
        print("the pages were not built: its Chinese letters are the reader's own", file=sys.stderr)
    if given.out:
        given.out.write_text(text, "utf-8")
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
