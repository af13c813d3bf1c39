"""What this room says by itself: phrases of ``words.toml`` with their blanks filled."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files

from tianmu.facts.text import Text, fill


@cache
def _table() -> dict[str, Text]:
    return tomllib.loads((files("tianmu.prevent") / "words.toml").read_text(encoding="utf-8"))


def template(key: str) -> Text:
    """The phrase ``key`` in every language it has, its blanks not filled."""
    return dict(_table()[key])


def phrase(key: str, **values: object) -> Text:
    """The phrase ``key`` in every language it has."""
    return fill(_table()[key], **values)
