"""One file with the Chinese letters that the pages and the city packs use.

The face comes in about a hundred files by ranges of letters; a first page needs two dozen of them,
each a request and a layout of its own. Here the letters that are known beforehand are taken out
of them and put into one (variable, WOFF2, the OFL as before); what people write besides still
comes from the others. ``build.py`` makes it when those letters changed.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._c_m_a_p import CmapSubtable

FACE = "Noto Sans SC Variable"
"""its name in the style sheets of its package"""
ELSEWHERE = ("latin", "cyrillic", "vietnamese")
"""in the names of files whose letters stay where they are, with their kerning"""
WORDS = (".ts", ".vue", ".toml", ".csv", ".geojson", ".py")
DROPPED = ("GSUB", "GPOS", "GDEF", "BASE", "HVAR", "VVAR", "MVAR", "vhea", "vmtx", "VORG", "DSIG")
"""what counts glyphs, or is for setting text downwards, and is not needed to draw these letters"""


def letters_of(folders: Iterable[Path]) -> set[int]:
    """The letters beyond ASCII that the words, packs and sources in ``folders`` are written in."""
    found: set[int] = set()
    for folder in folders:
        for path in folder.rglob("*"):
            if path.suffix in WORDS and path.is_file():
                found |= set(map(ord, path.read_text(encoding="utf-8", errors="replace")))
    return {one for one in found if one > 0x7F and one != 0xFFFD}


def ranges(sheet: Path) -> Iterator[tuple[Path, set[int]]]:
    """The files that a style sheet of the face names, each with the letters it is taken for."""
    pattern = re.compile(r"src: url\((.+?)\).*?unicode-range: (.+?);", re.DOTALL)
    for file, told in pattern.findall(sheet.read_text(encoding="utf-8")):
        letters: set[int] = set()
        for one in told.split(","):
            first, _, last = one.strip().removeprefix("U+").partition("-")
            letters |= set(range(int(first, 16), int(last or first, 16) + 1))
        yield sheet.parent / file, letters


def _part(path: Path, letters: set[int], number: int) -> TTFont:
    """The font of one file with only these letters, its glyphs named as no other part's are."""
    font = TTFont(path)
    options = Options(drop_tables=[*Options().drop_tables, *DROPPED], hinting=False)
    options.glyph_names = False
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=letters)
    subsetter.subset(font)
    held = io.BytesIO()
    font.flavor = None
    font.save(held)
    again = TTFont(io.BytesIO(held.getvalue()))
    order = [
        name if name == ".notdef" else f"p{number}.{n}"
        for n, name in enumerate(again.getGlyphOrder())
    ]
    again.setGlyphOrder(order)
    return again


def merged(parts: list[TTFont]) -> TTFont:
    """All parts as one font; they come of one face and so agree on everything but their glyphs."""
    whole = parts[0]
    order = list(whole.getGlyphOrder())
    letters = dict(whole.getBestCmap())
    glyphs, widths, variations = whole["glyf"], whole["hmtx"].metrics, whole["gvar"].variations
    for part in parts[1:]:
        for name in part.getGlyphOrder():
            if name == ".notdef":
                continue
            order.append(name)
            glyphs.glyphs[name] = part["glyf"][name]
            widths[name] = part["hmtx"].metrics[name]
            variations[name] = part["gvar"].variations.get(name, [])
        letters.update(part.getBestCmap())
    whole.setGlyphOrder(order)
    glyphs.glyphOrder = order
    cmap = newTable("cmap")
    cmap.tableVersion, cmap.tables = 0, []
    for platform, encoding, shape in ((3, 1, 4), (3, 10, 12)):
        table = CmapSubtable.newSubtable(shape)
        table.platformID, table.platEncID, table.language = platform, encoding, 0
        table.cmap = {k: v for k, v in letters.items() if shape == 12 or k < 0x10000}
        cmap.tables.append(table)
    whole["cmap"] = cmap
    whole["post"].formatType = 3.0
    return whole


def make(sheet: Path, letters: set[int], out: Path) -> None:
    """Write ``letters.woff2`` and the style sheet that names it into ``out``, unless they are there
    for these letters already."""
    files = dict(ranges(sheet))
    apart = [path for path in files if any(one in path.name for one in ELSEWHERE)]
    wanted = letters.difference(*(files[path] for path in apart))
    taken = [
        (path, its & wanted) for path, its in files.items() if its & wanted and path not in apart
    ]
    print_of = hashlib.sha256(Path(__file__).read_bytes() + sheet.read_bytes())
    print_of.update(json.dumps(sorted(letters)).encode())
    stamp = out / "made-from"
    if stamp.is_file() and stamp.read_text() == print_of.hexdigest():
        return
    out.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    font = merged([_part(path, its, n) for n, (path, its) in enumerate(taken)])
    font.flavor = "woff2"
    font.save(out / "letters.woff2")
    held = ",".join(f"U+{one:x}" for one in sorted(font.getBestCmap()))
    (out / "letters.css").write_text(
        f"@font-face {{ font-family: '{FACE}'; font-style: normal; font-display: swap;"
        " font-weight: 100 900; src: url(./letters.woff2) format('woff2-variations');"
        f" unicode-range: {held}; }}\n"
    )
    stamp.write_text(print_of.hexdigest())
