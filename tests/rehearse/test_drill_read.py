"""Drill files are read as packs are: every fault by line, what and remedy, whatever is in them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tianmu.rehearse.drill.read import DrillFaulty, parse, read, shipped
from tianmu.rehearse.drill.script import Drill, moment, span

GOOD = """\
name = "lamp"
pack = "port_ellery"
start = 2026-10-05T09:00:00

[place]
corner = [-61.345, 43.702]

[[device]]
device = "smoke"
door = "panel"
place = "corner"

[[play]]
at = "1m"
case = "lamp"
report = { channel = "hotline", text = "Street light out", place = "corner" }

[[play]]
at = 2026-10-05T10:00:00
case = "lamp"
by = "duty"
step = "verify"

[[expect]]
case = "lamp"
cases = 1
"""


def faults(text: str) -> list[tuple[int, str]]:
    with pytest.raises(DrillFaulty) as caught:
        parse("d.toml", text)
    assert all(fault.remedy for fault in caught.value.faults)
    return [(fault.line, fault.what) for fault in caught.value.faults]


def test_a_sound_drill_is_read() -> None:
    drill = parse("d.toml", GOOD)
    assert [moment(drill, play.at) for play in drill.play] == [
        timedelta(minutes=1),
        timedelta(hours=1),
    ]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ('at = "1m"', 'at = "1 minute"', 14, "no length of time"),
        ("at = 2026-10-05T10:00:00", "at = 2026-10-04T10:00:00", 19, "before the start"),
        ("at = 2026-10-05T10:00:00", "at = 7", 19, "no time"),
        ('place = "corner" }', 'place = "nowhere" }', 16, "no place 'nowhere'"),
        ('place = "corner"\n\n[[play]]', 'place = "hill"\n\n[[play]]', 11, "no place 'hill'"),
        ('door = "panel"', 'door = "window"', 10, "no door 'window'"),
        ('step = "verify"', 'stepp = "verify"', 22, "unknown field `stepp`"),
        ('by = "duty"\n', "", 19, "a deed needs case and by"),
        ('step = "verify"', 'step = "verify"\nfire = "smoke"', 19, "a play of fire and step"),
        ('step = "verify"', 'undo = "pump"', 22, "no case 'pump'"),
        ("cases = 1", 'cases = "one"', 26, "Expected `int"),
        ('case = "lamp"\ncases', 'case = "pump"\ncases', 25, "no case 'pump'"),
        ("cases = 1", "recall_from = 1.0", 26, "recall_from is nothing of one case"),
        ('case = "lamp"\ncases = 1', 'level = "II"', 25, "level is nothing of all cases"),
        ("start = 2026-10-05T09:00:00", "start = 2026-10-05T09:00:00Z", 3, "time zone"),
        ('text = "Street', 'text = "Street\n', 16, "Illegal character"),
        ("[[expect]]", "[expect]", 24, "no list of tables"),
    ],
)
def test_a_fault_is_told_where_it_stands(old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    found = faults(GOOD.replace(old, new, 1))
    assert any(at == line and words in what for at, what in found), found


def test_faults_of_several_tables_are_told_at_once() -> None:
    text = GOOD.replace('door = "panel"', "door = 5").replace("cases = 1", "cases = -1")
    assert [line for line, _ in faults(text)] == [10, 26]


def test_every_drill_that_comes_with_the_program_is_sound() -> None:
    assert len(shipped()) >= 7
    assert {read(name).name for name in shipped()} == set(shipped())


def test_a_drill_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gas_leak"):
        read(str(tmp_path / "none.toml"))


LINES = GOOD.splitlines()


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, len(LINES) - 1), st.text(max_size=30)), max_size=3))
def test_whatever_is_in_it_it_is_read_or_its_faults_are_told(
    edits: list[tuple[int, str]],
) -> None:
    """Lines replaced by anything: a drill, or faults within the file."""
    lines = list(LINES)
    for at, text in edits:
        key, _, _ = lines[at].partition("=")
        lines[at] = f"{key}= {text}" if "=" in lines[at] else text
    _read_or_faults("\n".join(lines))


@settings(max_examples=60)
@given(st.permutations(LINES), st.integers(0, len(LINES)))
def test_lines_in_any_order(lines: list[str], most: int) -> None:
    _read_or_faults("\n".join(lines[:most]))


def _read_or_faults(text: str) -> None:
    try:
        assert isinstance(parse("d.toml", text), Drill)
    except DrillFaulty as faulty:
        last = text.count("\n") + 2
        assert faulty.faults
        assert all(0 <= fault.line <= last and fault.what for fault in faulty.faults)


@given(st.integers(0, 399), st.integers(0, 23), st.integers(0, 59), st.integers(0, 59))
def test_a_span_is_the_sum_of_its_parts(d: int, h: int, m: int, s: int) -> None:
    assert span(f"{d}d {h}h {m}m {s}s") == timedelta(days=d, hours=h, minutes=m, seconds=s)
