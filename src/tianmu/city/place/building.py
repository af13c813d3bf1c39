"""Buildings with a fire panel: what those who go there should know of them beforehand."""

from __future__ import annotations

from pathlib import PurePosixPath

import msgspec

from tianmu.city.file.reader import PackReader, Row
from tianmu.facts.text import Text

FILE = "buildings.csv"
PICTURES = (".png", ".jpg", ".jpeg", ".webp")


class Building(msgspec.Struct, frozen=True, kw_only=True):
    code: str
    name: Text
    panel: str
    """address of its transmission unit: 12 hexadecimal digits"""
    use: Text
    holds: Text
    """what is dangerous in it, where keys and valves are"""
    storeys: int | None = None
    height_m: float | None = None
    manager: str = ""
    """whoever answers for it: personal, masked wherever it is shown; its number likewise"""
    manager_phone: str = ""
    room_phone: str = ""
    """of the control room"""
    plan: str = ""
    """a picture's path in the pack's folder"""
    basis: str = ""


def read(reader: PackReader) -> dict[str, Building]:
    """Buildings by the address of their panel; faults for addresses that are none or taken, and
    for pictures that are not there."""
    found: dict[str, Building] = {}
    codes: set[str] = set()
    for row in reader.csv(
        FILE,
        ("code", "panel"),
        optional=(
            "storeys", "height_m", "manager", "manager_phone", "room_phone", "plan", "basis",
        ),
        texts=("name", "use", "holds"),
        required=False,
    ):  # fmt: skip
        code, panel = row["code"], row["panel"].lower()
        if not code or code in codes:
            what = f"code {code!r} is missing or taken"
            reader.fault(FILE, row.line, what, "give each building one code of its own")
        if len(panel) != 12 or not set(panel) <= set("0123456789abcdef"):
            what = f"{code}: panel {row['panel']!r} is no address of a transmission unit"
            reader.fault(FILE, row.line, what, "give its 12 hexadecimal digits")
        elif panel in found:
            what = f"{code}: panel {panel} stands in {found[panel].code} already"
            reader.fault(FILE, row.line, what, "give each panel once")
        storeys = reader.number(FILE, row, "storeys", low=1, high=200)
        height = reader.number(FILE, row, "height_m", low=1, high=1000)
        _check_plan(reader, row)
        codes.add(code)
        found[panel] = Building(
            code=code,
            name=row.text("name", reader.languages),
            panel=panel,
            use=row.text("use", reader.languages),
            holds=row.text("holds", reader.languages),
            storeys=None if storeys is None else int(storeys),
            height_m=height,
            manager=row["manager"],
            manager_phone=row["manager_phone"],
            room_phone=row["room_phone"],
            plan=row["plan"],
            basis=row["basis"],
        )
    return found


def _check_plan(reader: PackReader, row: Row) -> None:
    """A plan is a picture within the pack's folder."""
    if not row["plan"]:
        return
    path = PurePosixPath(row["plan"])
    if path.is_absolute() or ".." in path.parts or path.suffix.lower() not in PICTURES:
        what = f"plan {row['plan']!r} is no picture within the pack"
        reader.fault(FILE, row.line, what, f"put it beside {FILE}, as {', '.join(PICTURES)}")
    elif not (reader.folder / path).is_file():
        reader.fault(FILE, row.line, f"plan {row['plan']} is not there", "add it or leave it empty")
