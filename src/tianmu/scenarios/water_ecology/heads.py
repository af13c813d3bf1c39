"""Heads of columns as they are published, for what a model says of itself."""

from __future__ import annotations

from tianmu.scenarios.contract import Column
from tianmu.scenarios.water_ecology.standard import standard


def of_item(key: str, what: str = "") -> Column:
    """The column of an item of the standard."""
    item = standard().items[key]
    return Column(f"{item.name['zh']}({item.unit})", item.unit, what or item.name["en"].lower())


def of_role(role: str) -> Column:
    """The column that says whose a row is (station) or when it was (time)."""
    names = standard().columns[role]
    example = "; like 2021-04-01 08:00" if role == "time" else ""
    return Column(names[0], "", f"{role}; also called {', '.join(names[1:])}{example}")
