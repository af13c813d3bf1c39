"""Where a line of a paper ends, in Chinese and Latin letters together.

ReportLab knows the closing marks of Japanese only (no ``，；：！？》``), lets an opening mark end
a line and cuts Latin words that stand in Chinese. Here a line begins with no closing mark and
ends with no opening one (GB/T 15834—2011, 5.1), and a word is cut only where no line holds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unicodedata import category, east_asian_width

from reportlab.platypus import Paragraph
from reportlab.platypus.paragraph import ParaLines, cjkU, makeCJKParaLine

CLOSING = frozenset("，。、；：！？…—～·％‰℃°,.;:!?%")
"""marks that begin no line, beside those that Unicode calls closing"""
FUZZ = 1e-6
"""points that a line may be longer than its width: sums of floats"""


class Text(Paragraph):
    """A paragraph whose lines end where Chinese print ends them."""

    def breakLinesCJK(self, maxWidths: Any) -> Any:  # noqa: N802, N803 - ReportLab's names
        """The lines, each in its width of ``maxWidths`` points, the last of which holds on."""
        if getattr(self, "_splitpara", 0) and hasattr(self, "blPara"):
            return self.blPara
        widths = list(maxWidths) if isinstance(maxWidths, list | tuple) else [maxWidths]
        letters = [
            cjkU(letter, frag, "utf8") for frag in self.frags for letter in (frag.text or ("",))
        ]
        lines: list[Any] = []
        start = 0
        while start < len(letters):
            width = widths[min(len(lines), len(widths) - 1)]
            end, forced = line_end(letters, start, width)
            used = sum(letter.width for letter in letters[start:end])
            lines.append(
                makeCJKParaLine(letters[start:end], width, used, width - used, forced, False)
            )
            start = end
        return ParaLines(kind=1, lines=lines)


def line_end(letters: Sequence[Any], start: int, width: float) -> tuple[int, bool]:
    """Where the line that begins at ``start`` ends, and whether a line break in the text ends
    it. Spaces at its end may hang over ``width``."""
    used, possible = 0.0, start
    for at in range(start, len(letters)):
        letter = letters[at]
        if at > start and may_part(letters[at - 1], letter):
            possible = at
        if hasattr(letter.frag, "lineBreak"):
            return at + 1, True
        used += letter.width
        if used > width + FUZZ and letter != " ":
            return (possible if possible > start else max(at, start + 1)), False
    return len(letters), False


def may_part(left: str, right: str) -> bool:
    """Whether a line may end after ``left`` and the next begin with ``right``."""
    if _closes(right) or right == " " or _opens(left):
        return False
    return left == " " or _wide(left) or _wide(right)


def _closes(letter: str) -> bool:
    return letter in CLOSING or (letter != "" and category(letter) in ("Pe", "Pf"))


def _opens(letter: str) -> bool:
    return letter != "" and category(letter) in ("Ps", "Pi")


def _wide(letter: str) -> bool:
    return letter != "" and east_asian_width(letter) in "WF"
