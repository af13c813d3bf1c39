"""The floors of the house: a lower floor never imports a higher one, nor a room its neighbour."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "tianmu"

FLOORS: dict[str, int] = {
    "facts": 0,
    "city": 0,
    "cities": 0,
    "store": 1,
    "access": 2,
    "sense": 3,
    "prevent": 3,
    "manage": 3,
    "base": 3,
    "scenarios": 4,
    "command": 4,
    "serve": 4,
    "evaluate": 4,
    "learn": 4,
    "rehearse": 4,
    "enrol": 4,
    "recognise": 4,
    "web": 5,
    "cli": 6,
    "app": 6,
    "__main__": 6,
}
NEIGHBOURS = {("city", "facts"), ("cities", "city"), ("cli", "app"), ("__main__", "cli")}
"""on one floor, yet allowed: what travels is defined on the ground, and commands start the app"""
OUTSIDE = {"rehearse", "enrol", "recognise"}
"""rooms that speak to a city over its sockets only"""
READERS = {"tianmu.city.file.document", "tianmu.city.file.fault"}
"""how a TOML file is read with the lines of its values, and what is wrong in it is said: nothing
of any city, so a drill is read by it too"""
BUILDERS = {"past/build.py", "past/questions.py", "bench/history.py"}
"""of rehearse: a past of months cannot come through a door in minutes, so it is built with the
store's own writing, and asked in a process that has what hub has; what it should hold comes from
``past/past.py``, which knows nothing of the store"""


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of every import of ours in ``path``, wherever it stands."""
    package = ["tianmu", *path.relative_to(SOURCE).with_suffix("").parts][:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, node.module] if node.module else base)
            yield node.lineno, module
            yield from ((node.lineno, f"{module}.{alias.name}") for alias in node.names)


def breaches(path: Path) -> Iterator[str]:
    room, *within = path.relative_to(SOURCE).with_suffix("").parts
    if room == "__init__":
        return
    builder = room == "rehearse" and f"{'/'.join(within)}.py" in BUILDERS
    for line, name in imports(path):
        parts = name.split(".")
        if parts[0] != "tianmu" or len(parts) < 2 or parts[1] not in FLOORS:
            continue
        other = parts[1]
        if other == room or (room, other) in NEIGHBOURS:
            continue
        builds = builder and other == "store"
        reads = room == "rehearse" and ".".join(parts[:4]) in READERS
        if room in OUTSIDE and other not in {"facts"} and not builds and not reads:
            yield f"{path}:{line}: {room} speaks to a city over its sockets only, not to {name}"
        elif FLOORS[other] > FLOORS[room]:
            yield f"{path}:{line}: floor {FLOORS[room]} ({room}) imports {name} above it"
        elif FLOORS[other] == FLOORS[room]:
            yield f"{path}:{line}: {room} imports its neighbour {name}"


def test_every_room_has_a_floor() -> None:
    rooms = {path.stem if path.is_file() else path.name for path in SOURCE.iterdir()}
    assert rooms - set(FLOORS) <= {"__init__", "__pycache__", "py"}, "give new rooms a floor"


def test_no_floor_imports_a_higher_one() -> None:
    found = [line for path in sorted(SOURCE.rglob("*.py")) for line in breaches(path)]
    assert not found, "\n".join(found)


def _room(floor: str, parts: tuple[str, ...]) -> str:
    """The room within ``floor`` that a path or dotted name below it is in; the API has rooms of its
    own, and a file on top counts as a room."""
    return "/".join(parts[: 2 if (floor, parts[0]) == ("web", "api") else 1])


def _within(floor: str) -> dict[str, set[str]]:
    """Which rooms of ``floor`` each of them imports."""
    top = SOURCE / floor
    found: dict[str, set[str]] = {}
    for path in sorted(top.rglob("*.py")):
        room = _room(floor, path.relative_to(top).with_suffix("").parts)
        names = [
            name.split(".") for _, name in imports(path) if name.startswith(f"tianmu.{floor}.")
        ]
        found.setdefault(room, set()).update(_room(floor, tuple(name[2:])) for name in names)
    return {room: (others & found.keys()) - {room} for room, others in found.items()}


@pytest.mark.parametrize("floor", sorted({one.parent.name for one in SOURCE.glob("*/*.py")}))
def test_rooms_within_a_floor_import_one_way(floor: str) -> None:
    left = _within(floor)
    while free := [room for room, others in left.items() if not others & left.keys()]:
        left = {room: others for room, others in left.items() if room not in free}
    assert not left, f"these rooms of {floor} import each other: {left}"


def test_the_page_of_manage_tells_the_order_of_its_rooms() -> None:
    """From the top down, each knows only rooms that are told below it."""
    page = (SOURCE.parents[1] / "docs" / "rooms" / "manage.md").read_text(encoding="utf-8")
    firsts = re.findall(r"^\| (`[^|]*`) \|", page.partition("## Stages")[0], re.M)
    rows = [re.findall(r"`(\w+)(?:/|\.py)`", first) for first in firsts]
    left, known = {room for row in rows for room in row}, _within("manage")
    folders = {one.parent.name for one in (SOURCE / "manage").glob("*/*.py")}
    assert folders <= left, f"tell of {folders - left}"
    for row in rows:
        left -= set(row)
        for room in row:
            above = known[room] - left
            assert not above, f"{room} imports {above}, which the page tells above it"


def test_a_scenario_imports_what_any_folder_may() -> None:
    """What a folder may import of the room is told by its page: the files on top."""
    room = SOURCE / "scenarios"
    folders = [manifest.parent for manifest in room.glob("*/scenario.toml")]
    behind = {one.name for one in room.iterdir() if one.is_dir()} - {one.name for one in folders}
    assert {"folder", "past", "foresight"} <= behind
    found = [
        f"{path}:{line}: {name}"
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        for line, name in imports(path)
        if name.split(".")[:2] == ["tianmu", "scenarios"]
        and {*name.split(".")[2:3]} & (behind | {one.name for one in folders} - {folder.name})
    ]
    assert not found, "\n".join(found)


def test_a_breach_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    (tmp_path / "store").mkdir()
    bad = tmp_path / "store" / "bad.py"
    bad.write_text("def f():\n    from ..manage import merge\n    import tianmu.web.app\n")
    assert len(list(breaches(bad))) == 3
