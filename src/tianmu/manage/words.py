"""What this room says to people: phrases of ``words.toml`` with their blanks filled."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from tianmu.facts.text import Text, say


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files("tianmu.manage") / "words.toml").read_text(encoding="utf-8"))


@cache
def _find(key: str) -> Text:
    node: Any = _table()
    for part in key.split("."):
        node = node[part]
    return dict(node)


def phrase(key: str, **values: object) -> Text:
    """The phrase at ``key`` (``refusal.stage.why``) in every language; a value that is itself a
    text is put in by language. ``KeyError`` where ``words.toml`` has no such key."""
    found = _find(key)
    if not values:
        return dict(found)
    if not any(isinstance(value, dict) for value in values.values()):
        return {language: words.format_map(values) for language, words in found.items()}
    return {
        language: words.format(
            **{
                name: say(value, language) if isinstance(value, dict) else value
                for name, value in values.items()
            }
        )
        for language, words in found.items()
    }
