"""The letters of a paper: which face has which, and that face as PDF files carry it.

The pages come with Noto Sans SC (OFL) in about a hundred files of some hundred letters each, as
browsers want them (WOFF2, variable). Those of them that a paper needs are made TrueType of one
weight when they are first needed (about 0.15 s each) and kept until the process ends, so that
Chinese can be read on a machine that has no Chinese font. Letters that none of them has are set
in ``STSong-Light``, which programs that show PDF files bring themselves, or not.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from functools import cache
from itertools import groupby
from pathlib import Path

from fontTools.ttLib import TTFont as Font
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFError, TTFont

from tianmu.scenarios.letters import holders, steady

LATIN, LATIN_BOLD, SONG = "Helvetica", "Helvetica-Bold", "STSong-Light"
_lock = threading.Lock()


def runs(text: str, pages: Path | None, *, bold: bool = False) -> Iterator[tuple[str, str]]:
    """``text`` in runs of one face: (its name, the letters). ``pages``: the folder of the built
    pages, whose fonts are used."""
    files = holders(pages / "assets") if pages is not None else {}

    def face(letter: str) -> str:
        if letter == "\n" or _latin(letter):
            return LATIN_BOLD if bold else LATIN
        found = files.get(ord(letter))
        return _embedded(found) if found is not None else _song()

    for name, letters in groupby(text, face):
        yield name, "".join(letters)


def own(font: Path) -> str:
    """The name of a TrueType font of the pack's; empty where it is none that can be put in."""
    name = f"own-{font.resolve()}"
    with _lock:
        if name not in pdfmetrics.getRegisteredFontNames():
            try:
                pdfmetrics.registerFont(TTFont(name, str(font)))
            except (TTFError, OSError):
                return ""
    return name


def _latin(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


@cache
def _embedded(path: Path) -> str:
    """The face of one file, made ready; its name."""
    with _lock:
        name = path.stem
        if name not in pdfmetrics.getRegisteredFontNames():
            with Font(path) as font:
                whole = steady(font, None)
                for record in whole["name"].names:  # else all files of the face count as one
                    if record.nameID in (1, 4, 6):
                        record.string = name.replace("_", "-")
                out = io.BytesIO()
                whole.save(out)
            pdfmetrics.registerFont(TTFont(name, io.BytesIO(out.getvalue())))
        return name


@cache
def _song() -> str:
    with _lock:
        pdfmetrics.registerFont(UnicodeCIDFont(SONG))
    return SONG
