"""A text as its words are sought and compared: whatever its width, case and punctuation."""

from __future__ import annotations

import re
import unicodedata

_NOISE = re.compile(r"[\W_]+")

MOST = 400
"""signs of a text that are looked at: what is told first tells most"""


def plain(text: str) -> str:
    """Folded to one width and case, without punctuation and blanks."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text[:MOST]).casefold())


def apart(text: str) -> str:
    """Folded as by ``plain``, with one blank between words."""
    return _NOISE.sub(" ", unicodedata.normalize("NFKC", text[:MOST]).casefold()).strip()
