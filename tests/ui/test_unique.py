"""Keys of deeds, also where the page came over plain http from another machine."""

from __future__ import annotations

from pathlib import Path

UI = Path(__file__).resolve().parents[2] / "ui" / "src"
ONE = UI / "unique.ts"
"""which knows what to do where ``crypto.randomUUID`` is missing"""


def test_no_other_place_makes_names_of_its_own() -> None:
    files = [one for one in UI.rglob("*") if one.suffix in {".ts", ".vue"}]
    assert ONE in files and len(files) > 100
    found = [
        f"{one.relative_to(UI)}:{number}"
        for one in files
        if one != ONE
        for number, line in enumerate(one.read_text().splitlines(), 1)
        if "randomUUID" in line or "getRandomValues" in line
    ]
    assert not found, f"use newKey of unique.ts in {', '.join(found)}"
