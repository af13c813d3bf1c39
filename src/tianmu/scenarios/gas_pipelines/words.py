"""What the page says, from ``scenario.toml``."""

from __future__ import annotations

from tianmu.facts.text import Text, fill
from tianmu.scenarios.settings import settings_of


def said(word: str, **given: str) -> Text:
    """A text of ``[settings.words]`` with its places filled in."""
    words: dict[str, Text] = settings_of(__file__)["words"]
    return fill(words[word], **given)
