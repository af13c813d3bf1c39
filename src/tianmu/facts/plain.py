"""What a command found, as lines for a person; ``--json`` has it for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

NOTHING = "–"


def lines(found: Mapping[str, Any], width: int = 28, depth: int = 1) -> Iterator[str]:
    """A line for each key; what stands within another is set in below it."""
    margin = "  " * depth
    for key, value in found.items():
        if isinstance(value, Mapping) and value:
            yield f"{margin}{key}"
            yield from lines(value, width - 2, depth + 1)
        else:
            yield f"{margin}{key:<{width}} {_cell(value)}"


def _cell(value: Any) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, Mapping) or (isinstance(value, Sequence) and not isinstance(value, str)):
        return ", ".join(map(str, value)) or NOTHING
    return str(value)
