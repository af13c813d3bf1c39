"""What stands at the head and foot of the city's papers: the pack's ``[letterhead]``."""

from __future__ import annotations

import msgspec

from tianmu.city.file.document import Document
from tianmu.city.file.reader import PackReader
from tianmu.facts.text import Text

FILE = "city.toml"
TABLE = "letterhead"
LOGOS = (".png", ".jpg", ".jpeg")


class Letterhead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Words in the city's languages; files beside ``city.toml``. All may be left out."""

    issuer: Text = {}
    """who issues the paper; the city's name where it is left out"""
    lines: tuple[Text, ...] = ()
    """address, telephone: each a line under the issuer"""
    foot: Text = {}
    """what stands at the foot of each page"""
    logo: str = ""
    """a PNG or JPEG of the pack"""
    font: str = ""
    """a TrueType font of the pack that has the city's letters: it is put into each paper. Without
    one, Chinese is set in the song face that programs which show PDF files bring themselves"""
    basis: str = ""


def check(reader: PackReader, document: Document, found: Letterhead) -> None:
    """Faults of what can be read but cannot be meant."""
    for key in ("issuer", "foot"):
        if words := getattr(found, key):
            reader.words(document, (TABLE, key), words)
    for index, words in enumerate(found.lines):
        reader.words(document, (TABLE, "lines", index), words)
    for key, endings in (("logo", LOGOS), ("font", (".ttf",))):
        name = getattr(found, key)
        if not name:
            continue
        line = document.line(TABLE, key)
        if "/" in name or not name.lower().endswith(endings):
            what, remedy = f"{key} is {name!r}", f"name a file of the pack's folder, {endings[0]}"
            reader.fault(FILE, line, what, remedy)
        elif not (reader.folder / name).is_file():
            reader.fault(FILE, line, f"there is no {name}", "put it beside city.toml")
