"""Complaints from elsewhere, from a CSV file that the user names: told here, marked transplanted.

The file has a head with the columns ``title`` and ``text``; other columns are passed over. It is
read in UTF-8, or GB 18030 as spreadsheets in China save it.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np

COLUMNS = ("title", "text")
TITLE_MOST, TEXT_MOST = 200, 20_000
"""characters that a report's title and text may have"""


class Complaint(NamedTuple):
    title: str
    text: str


class Unusable(ValueError):
    """The file cannot be played; the message says why and how to mend it."""


def read(path: Path) -> list[Complaint]:
    """The complaints of a file that say something, in its order. Raises ``Unusable``, and
    ``OSError`` where the file cannot be read."""
    rows = csv.DictReader(io.StringIO(_text(path), newline=""))
    head = [name.strip().lower() for name in rows.fieldnames or ()]
    missing = [name for name in COLUMNS if name not in head]
    if missing:
        raise Unusable(
            f"{path} has no column {' and no column '.join(missing)} (its head: "
            f"{', '.join(head) or 'empty'}): name {' and '.join(COLUMNS)} in the first line"
        )
    rows.fieldnames = head
    found: list[Complaint] = []
    try:
        for row in rows:
            title, text = ((row[name] or "").strip() for name in COLUMNS)
            if title or text:
                found.append(Complaint(title[:TITLE_MOST], (text or title)[:TEXT_MOST]))
    except csv.Error as error:
        raise Unusable(f"{path}:{rows.line_num}: {error}: save it as CSV again") from error
    if not found:
        raise Unusable(f"{path} has no row with a title or a text: nothing can be told")
    return found


def _text(path: Path) -> str:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise Unusable(f"{path} is text neither in UTF-8 nor in GB 18030: save it in UTF-8")


class Complaints:
    """Deals complaints like cards: in any order, none twice before all have been told."""

    def __init__(self, complaints: list[Complaint], random: np.random.Generator) -> None:
        self._all, self._random = complaints, random
        self._left: list[int] = []

    def next(self) -> Complaint:
        if not self._left:
            self._left = self._random.permutation(len(self._all)).tolist()
        return self._all[self._left.pop()]
