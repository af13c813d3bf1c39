"""What this room says to people: phrases of ``words.toml`` with their blanks filled."""

from __future__ import annotations

import tomllib
from functools import cache, lru_cache
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
    if not values:  # of most phrases; no arguments to put together, then
        return dict(_bare(key))
    given = [tuple(one.items()) if isinstance(one, dict) else one for one in values.values()]
    return dict(_filled(key, tuple(values), *given))


@cache
def _bare(key: str) -> Text:
    return _filled(key, ())


@lru_cache(maxsize=8192, typed=True)
def _filled(key: str, names: tuple[str, ...], *values: object) -> Text:
    """Remembered: of signals that pour in the same is said again and again. A text among the
    ``values`` comes as its pairs."""
    given = [dict(one) if isinstance(one, tuple) else one for one in values]
    told = dict(zip(names, given, strict=True))
    return {
        language: words.format_map(
            {
                name: say(one, language) if isinstance(one, dict) else one
                for name, one in told.items()
            }
        )
        for language, words in _find(key).items()
    }
