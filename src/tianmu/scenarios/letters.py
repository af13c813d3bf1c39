"""The letters of a page for paper, carried in the page: it can be read and printed where no Chinese
font is installed.

They are those of the city's own pages: Noto Sans SC (OFL), about a hundred files of some hundred
letters each. Of each that has letters of the text only these are taken, of one weight. A paper as
PDF (``web/paper``) takes its letters from the same files.
"""

from __future__ import annotations

import base64
import io
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # else imported where letters are taken: large, and rarely needed
    from fontTools.ttLib import TTFont

FACE = "Tianmu Letters"
"""to be named last among the fonts of a page: what is installed goes before"""
FILES = "noto-sans-sc-*-wght-normal-*.woff2"
WEIGHT = 400
LATIN = 0x250
"""letters below are in any font"""


def built() -> Path:
    """Where the fonts of the built pages stand; nothing stands there where none were built."""
    return Path(str(resources.files("tianmu"))) / "web" / "ui" / "assets"


def carried(text: str, fonts: Path | None = None) -> str:
    """``@font-face`` rules with the letters of ``text`` beyond Latin, as ``FACE``; empty where the
    pages were not built. A letter that none of the files has is left to the reader's machine."""
    where = holders(fonts or built())
    wanted: dict[Path, list[int]] = {}
    for letter in sorted({ord(one) for one in text if ord(one) >= LATIN}):
        if letter in where:
            wanted.setdefault(where[letter], []).append(letter)
    return "\n".join(_rule(path, letters) for path, letters in wanted.items())


@cache
def holders(fonts: Path) -> dict[int, Path]:
    """Letter → the file in ``fonts`` that has it."""
    from fontTools.ttLib import TTFont

    found: dict[int, Path] = {}
    for path in sorted(fonts.glob(FILES)):
        with TTFont(path, lazy=True) as font:
            for letter in font.getBestCmap():
                found.setdefault(letter, path)
    return found


def steady(font: TTFont, flavor: str | None) -> TTFont:
    """``font`` itself, of one weight from now on, to be saved as ``flavor`` (none: TrueType)."""
    from fontTools.varLib import instancer

    instancer.instantiateVariableFont(font, {"wght": WEIGHT}, inplace=True)
    font.flavor = flavor
    return font


def _rule(path: Path, letters: list[int]) -> str:
    from fontTools.subset import Options, Subsetter
    from fontTools.ttLib import TTFont

    options = Options()
    options.layout_features = []
    with TTFont(path) as font:
        cut = Subsetter(options)
        cut.populate(unicodes=letters)
        cut.subset(font)
        out = io.BytesIO()
        steady(font, "woff2").save(out)
    data = base64.b64encode(out.getvalue()).decode()
    span = ", ".join(f"U+{one:04X}" for one in letters)
    return (
        f'@font-face {{ font-family: "{FACE}"; src: url(data:font/woff2;base64,{data}) '
        f'format("woff2"); unicode-range: {span}; }}'
    )
