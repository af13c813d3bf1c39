"""The page of a room names its files: every one there is, and none that is gone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "tianmu"
PAGES = {page.stem: page for page in sorted((ROOT / "docs" / "rooms").glob("*.md"))}
ALIKE = {"rehearse/peers"}
"""folders with a file for each thing of one kind, told as a whole"""


def _told_elsewhere(path: Path) -> bool:
    """Whether a page of its own tells of the folder: that of a scenario, or one of many alike."""
    folder = path.parent
    return (folder / "scenario.toml").is_file() or folder.relative_to(SOURCE).as_posix() in ALIKE


@pytest.mark.parametrize("room", [name for name in PAGES if (SOURCE / name).is_dir()])
def test_the_page_of_a_room_names_each_of_its_files(room: str) -> None:
    text = PAGES[room].read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:[\w/]*/)?(\w+)\.py`", text))
    files = [one for one in (SOURCE / room).rglob("*.py") if one.stem != "__init__"]
    missing = sorted(
        one.relative_to(SOURCE).as_posix()
        for one in files
        if one.stem not in named and not _told_elsewhere(one)
    )
    assert not missing, f"say in docs/rooms/{room}.md what these are: {missing}"


@pytest.mark.parametrize("room", [name for name in PAGES if (SOURCE / name).is_dir()])
def test_a_table_of_files_names_none_that_is_gone(room: str) -> None:
    text = PAGES[room].read_text(encoding="utf-8")
    first = re.findall(r"^\| ([^|]*\.py`[^|]*) \|", text, re.M)
    rows = re.findall(r"^\| (?:on top|`[^|]*/`) \| ([^|]*) \|", text, re.M)
    named = {name for cell in first + rows for name in re.findall(r"([\w/]+)\.py`", cell)}
    there = {one.stem for one in (SOURCE / room).rglob("*.py")}
    gone = sorted(
        name
        for name in named
        if Path(name).stem not in there and not (SOURCE / f"{name}.py").is_file()
    )
    assert not gone, f"docs/rooms/{room}.md tells of files that are not there: {gone}"
