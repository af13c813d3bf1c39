"""Names of tables and columns as SQL quotes them, for statements that are put together."""

from __future__ import annotations

from collections.abc import Iterable


def quoted(name: str) -> str:
    """``name`` as an identifier, whatever stands in it."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str]) -> str:
    """Several of them, with commas."""
    return ", ".join(map(quoted, names))
