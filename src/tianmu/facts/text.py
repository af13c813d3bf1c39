"""A text in the languages the city speaks."""

from __future__ import annotations

from typing import TypeAlias

Text: TypeAlias = dict[str, str]
"""Language tag (``zh``, ``en``) → words. A missing language falls back to any that is there."""


def say(text: Text, language: str) -> str:
    """The words of ``text`` in ``language``, else in the first language that has any."""
    if language in text:
        return text[language]
    return next(iter(text.values()), "")
