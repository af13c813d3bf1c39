"""A text in the languages the city speaks."""

from __future__ import annotations

import re
from typing import TypeAlias

Text: TypeAlias = dict[str, str]
"""Language tag (``zh``, ``en``) → words. A missing language falls back to any that is there."""


def say(text: Text, language: str) -> str:
    """The words of ``text`` in ``language``, else in the first language that has any."""
    if language in text:
        return text[language]
    return next(iter(text.values()), "")


_COUNTED = re.compile(r"(\d[\d,.]*)((?: [^\W\d][\w-]*)+?)\(s\)")
"""a number, and up to "(s)" the words that it counts"""


def fill(text: Text, **given: object) -> Text:
    """``text`` with its places filled in, in each language, in which texts among ``given`` are said
    too; "{count} station(s)" becomes "1 station" or "2 stations"."""
    return {
        language: _COUNTED.sub(
            _agree,
            said.format(
                **{
                    name: one.get(language, "") if isinstance(one, dict) else one
                    for name, one in given.items()
                }
            ),
        )
        for language, said in text.items()
    }


def _agree(found: re.Match[str]) -> str:
    number, words = found.groups()
    return f"{number}{words}" if number == "1" else f"{number}{words}s"
